/* learn/xgb.h -- one boosted series of trees by XGBoost (Chen, Guestrin, KDD 2016), handed over as trees of our own
 *
 * What comes back does not need XGBoost any more: predictions of learn/boost.c go down these trees themselves, in any build, with our
 * threads, and weights from elsewhere are checked by hg_trees_load. XGBoost's own files are read by XGBoost without such checks.
 */
#ifndef HG_LEARN_XGB_H
#define HG_LEARN_XGB_H
#include "learn/trees.h"

typedef enum { HG_XGB_SQUARED, HG_XGB_HUBER, HG_XGB_LOSSES } hg_xgb_loss;

typedef struct {
    size_t rounds, patience; /* stops when the held-out loss has not become less in so many rounds */
    double rate;             /* by which each tree counts */
    size_t depth;            /* <= HG_XGB_DEPTH_MOST */
    double rows, columns;    /* shares that a tree sees, of columns each level another */
    double lambda;           /* penalty on the squares of leaf values */
    double leaf;             /* sum of second derivatives in a leaf at least: rows, when the loss is squared */
    hg_xgb_loss loss;        /* of numbers; classes have their cross entropy */
    uint32_t seed;
} hg_xgb_opts;

enum { HG_XGB_DEPTH_MOST = 24 };

typedef struct {
    size_t n;
    const float *x;      /* [n,d] */
    const float *y;      /* [n] */
    const float *weight; /* [n] */
} hg_xgb_rows;

/* Asked before each round, with the rounds done: false stops. */
typedef struct {
    bool (*go_on)(void *ctx, size_t round);
    void *ctx;
} hg_xgb_watch;

/* NULL: it is there. Else why not, in words that follow "boost". */
const char *hg_xgb_missing(void);
/* Trees of one output, round by round, `classes` of them a round where there are more than two. Numbers: their sum is y; two classes: the
 * log odds; more: logarithms of probabilities up to a constant. Rounds behind the best one on held->n > 0 rows are left out.
 * Runs in the calling thread alone. HG_ECANCEL; HG_EDATA with XGBoost's own words; HG_ENOMEM; HG_ENOTFOUND a build without it. */
HG_MUST_CHECK hg_status hg_xgb_fit(hg_trees *out, const hg_xgb_rows *train, const hg_xgb_rows *held, size_t d,
                                   size_t classes, const hg_xgb_opts *opts, const hg_xgb_watch *watch, hg_err *err);
#endif
