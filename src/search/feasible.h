/* search/feasible.h -- the probability that a candidate meets every requirement and that its experiment does not fail
 *
 * Requirement "value > limit": a Gaussian process of its own on that column, P = cdf((mean - limit) / sd); 0 or 1 where the
 * value is known already. Source: Gardner et al., "Bayesian optimization with inequality constraints", ICML 2014.
 *
 * Failure: a kernel classifier with a prior. Every experiment near x counts with weight k = exp(-r^2 / (2 l^2)), r in scaled
 * units, and `prior` experiments with the overall rate q = (failed + 1/2) / (all + 1) are added:
 *   P(fail) = (prior q + sum_failed k) / (prior + sum_all k).
 * This is the posterior mean of a Beta prior with local (Nadaraya-Watson) counts. A length scale cannot be learned from
 * two or three failures, so it is fixed by the policy; unlike a Gaussian process on 0/1 the result stays inside 0..1, and
 * one failure in a crowd of successes stays local.
 */
#ifndef HG_SEARCH_FEASIBLE_H
#define HG_SEARCH_FEASIBLE_H
#include "search/campaign.h"
#include "search/rank.h"

typedef struct {
    const hg_campaign *c;
    hg_surrogate **model; /* [n_limits]; NULL entries: constant or known column */
    size_t n;
    hg_pool *pool;
} hg_feasibility;

HG_MUST_CHECK hg_status hg_feasibility_fit(hg_feasibility *out, hg_campaign *c, const hg_model_opts *o, hg_err *err);
/* p[n] at x[n,d]. known[k] is column k's known values, [n] (as hg_limit.known), or known NULL. */
HG_MUST_CHECK hg_status hg_feasibility_apply(double *p, const hg_feasibility *f, const double *x, size_t n, bool known,
                                             hg_arena *scratch, hg_err *err);
double hg_failure_probability(const hg_campaign *c, const double *x);
bool hg_feasibility_matters(const hg_feasibility *f); /* false: p is 1 everywhere */
void hg_feasibility_free(hg_feasibility *f);
#endif
