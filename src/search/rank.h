/* search/rank.h -- models of the objectives, and the score of every candidate under them
 *
 * hg_suggest and hg_replay both go through here, so that what is benchmarked is what is used. All values are in the
 * maximise form of search/campaign.h.
 */
#ifndef HG_SEARCH_RANK_H
#define HG_SEARCH_RANK_H
#include "bayes/acquire.h"
#include "hagane/gp.h"

typedef struct {
    size_t d;
    const size_t *group;         /* [d] */
    const double *shift, *scale; /* [d] */
    const char *kernel;          /* NULL: the policy's */
    uint64_t seed;
    hg_pool *pool;
} hg_model_opts;

/* A model of y[n] at x[n,d], of the rows where y is a number. start: a model to warm-start from, or NULL. */
HG_MUST_CHECK hg_status hg_model_fit(hg_gp **out, const double *x, const double *y, size_t n, const hg_model_opts *o,
                                     const hg_gp *start, hg_err *err);

typedef struct {
    size_t m, d;      /* objectives, features */
    hg_gp *const *gp; /* [m] */
    const hg_acquisition_record *acquisition;
    double kappa;
    const double *front;      /* [n_front, m] complete measured rows that count (feasible ones) */
    size_t n_front;           /* 0: nothing to beat yet, only feasibility and cost decide */
    const double *p_feasible; /* [n] or NULL: 1 */
    const double *cost;       /* [n] or NULL: 1 */
    const bool *taken;        /* [n] or NULL: these get -HUGE_VAL */
    uint64_t seed, stream;    /* of Thompson draws and random choice */
    hg_pool *pool;
} hg_rank_opts;

/* score[n] of the candidates x[n,d]; mean[n,m], sd[n,m] and p_improve[n] may be NULL when m is 1 .. 3 (they are then
 * kept in scratch). Deterministic for any number of threads. Borrows scratch and gives it back. */
HG_MUST_CHECK hg_status hg_rank(double *score, double *mean, double *sd, const double *x, size_t n,
                                const hg_rank_opts *o, hg_arena *scratch, hg_err *err);
/* Boxes above front[n_front,m], with the reference point and without, in `arena`. */
HG_MUST_CHECK hg_status hg_rank_state(hg_acq_state *out, const double *front, size_t n_front, size_t m, double kappa,
                                      hg_arena *arena, hg_err *err);
/* Index of the largest score; of equal ones the farthest (in scaled units) from the n_m measured rows xm, then the
 * first. SIZE_MAX when all are -HUGE_VAL. */
size_t hg_rank_best(const double *score, const double *x, size_t n, const double *xm, size_t n_m,
                    const hg_model_opts *o);
#endif
