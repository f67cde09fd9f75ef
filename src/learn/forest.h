/* learn/forest.h -- random forests and extremely randomised trees, for numbers and for classes
 *
 * A tree splits its rows in two again and again, so that the squared deviations of y (for classes: the Gini impurity) within the parts fall
 * the most. What makes trees differ is averaged away; their spread says how far the trees agree.
 *   best split among a share of the features, on rows drawn with replacement: Breiman, Machine Learning 45, 5 (2001)
 *   one threshold at random for each feature, the best of these, on all rows: Geurts, Ernst, Wehenkel, Machine Learning 63, 3 (2006)
 * Each tree draws from its own stream: the same bits for any number of threads.
 * Cost of n rows, d features: about n d log2(n) / 4 steps a tree of splits at random (learn/trees_kernel.h); of best splits
 * n d log2(n)^2 times the share.
 */
#ifndef HG_LEARN_FOREST_H
#define HG_LEARN_FOREST_H
#include "learn/trees.h"

typedef struct {
    size_t trees; /* 1 .. 100000; default 300 */
    double
        features; /* share of the features that a split looks at, > 0 .. 1; at least one that is not constant; default 1 */
    size_t leaf;    /* rows in a leaf at least; default 1 */
    size_t depth;   /* questions behind each other at most; 0: no bound; default 0 */
    double share;   /* of the rows, drawn without replacement for each tree, > 0 .. 1; default 1 */
    bool best;      /* best thresholds instead of random ones; default false */
    bool bootstrap; /* each tree on n rows drawn with replacement instead of all; default false */
    double
        balance; /* classes: weight of a row, frequency of its class to the power of -balance: 1 makes classes equal; default 0 */
    uint64_t seed; /* default 0 */
} hg_forest_opts;

hg_forest_opts hg_forest_opts_default(void);

typedef struct {
    hg_trees t;           /* outputs: 1, or one probability a class */
    size_t classes;       /* 0: numbers */
    double centre, scale; /* y = centre + scale * leaf */
} hg_forest;

/* x[n,d] finite; y[n] finite, or with classes > 0 whole numbers below it. Errors: HG_EINVAL options, classes; HG_ENAN; HG_ELIMIT 2^24 rows
 * or more; HG_ECANCEL; HG_ENOMEM. On an error *f is empty. */
HG_MUST_CHECK hg_status hg_forest_fit(hg_forest *f, const float *x, const double *y, size_t n, size_t d, size_t classes,
                                      const hg_forest_opts *opts, hg_pool *pool, const hg_hooks *hooks, hg_err *err);
/* Numbers: out[n] mean of the trees, sd[n] their spread, in units of y. Classes: out[n,classes] probabilities; sd is not touched. sd may be NULL. */
void hg_forest_predict(double *out, double *sd, const hg_forest *f, const float *x, size_t n, hg_pool *pool);
void hg_forest_free(hg_forest *f);
#endif
