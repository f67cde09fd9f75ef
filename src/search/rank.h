/* search/rank.h -- the score of every candidate under the models of the objectives
 *
 * One objective with an ensemble: the acquisition function is averaged over its members, not taken of their average (Snoek,
 * Larochelle, Adams, NeurIPS 2012). Several objectives: the mean and sd of each ensemble go in.
 * A Thompson draw is joint over at most policy.joint candidates, those with the largest mean + 3 sd under the member drawn;
 * the others are not in the running. More would cost n^3 for candidates that almost never win.
 */
#ifndef HG_SEARCH_RANK_H
#define HG_SEARCH_RANK_H
#include "bayes/acquire.h"
#include "search/surrogate.h"

typedef struct {
    size_t m, d;                /* objectives, features */
    hg_surrogate *const *model; /* [m] */
    bool attached;              /* the candidates are the pool attached to model[0]'s ensemble (m = 1) */
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

/* score[n] of the candidates x[n,d]; mean[n,m] and sd[n,m] may be NULL. The same for any number of threads. Borrows scratch
 * and gives it back. */
HG_MUST_CHECK hg_status hg_rank(double *score, double *mean, double *sd, const double *x, size_t n,
                                const hg_rank_opts *o, hg_arena *scratch, hg_err *err);
/* Boxes above front[n_front,m], with the reference point and without, in `arena`. */
HG_MUST_CHECK hg_status hg_rank_state(hg_acq_state *out, const double *front, size_t n_front, size_t m, double kappa,
                                      hg_arena *arena, hg_err *err);
/* Index of the largest score; of equal ones (policy.tie, relative) the farthest in scaled units from the n_m measured rows
 * xm, then the first. SIZE_MAX when all are -HUGE_VAL. */
size_t hg_rank_best(const double *score, const double *x, size_t n, const double *xm, size_t n_m,
                    const hg_model_opts *o);
double hg_rank_kappa(double given, size_t groups); /* given > 0, or the policy's */
#endif
