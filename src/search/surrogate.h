/* search/surrogate.h -- one objective's model: an ensemble for few points, one learned Gaussian process for many
 *
 * Up to HG_ENSEMBLE_POLICY.most_points measured rows, and when the caller names no kernel, the hyper-parameters are
 * integrated out (bayes/ensemble.h); else they are learned (hagane/gp.h). hg_suggest and hg_replay both go through here,
 * so that what is benchmarked is what is used. Values are in the maximise form of search/campaign.h.
 *
 * What other models say of the rows can be the prior mean: a multiple of each, by ridge regression on the measured rows (penalty one
 * row's worth, in units of the spreads), is taken off the values and added to every prediction. The constant is the model's own.
 */
#ifndef HG_SEARCH_SURROGATE_H
#define HG_SEARCH_SURROGATE_H
#include "bayes/ensemble.h"
#include "core/text.h"

typedef struct {
    size_t d;                    /* columns of a row */
    bool density;                /* the last two of them are search/density.h's */
    const size_t *group;         /* [d] */
    const double *shift, *scale; /* [d] */
    size_t prior,
        n_prior;        /* columns prior .. prior + n_prior - 1 are no inputs: multiples of them are the prior mean */
    const char *kernel; /* NULL: the policy's */
    uint64_t seed;
    hg_pool *pool;
} hg_model_opts;

typedef struct {
    hg_ensemble *e; /* one of the two */
    hg_gp *gp;
    hg_model_opts o; /* borrows its arrays */
    hg_arena *mem;
    double *x, *y; /* [n + room, d], [n + room] raw, what has been added; y without the prior mean */
    double *slope; /* [n_prior] of the prior mean; NULL: none */
    size_t n, room;
    double centre; /* a value near the others, for sums that keep their digits */
} hg_surrogate;

/* A model of y[n] at x[n,d], of the rows where y is a number, with room for `room` believed points. */
HG_MUST_CHECK hg_status hg_surrogate_fit(hg_surrogate **out, const double *x, const double *y, size_t n, size_t room,
                                         const hg_model_opts *o, hg_err *err);
HG_MUST_CHECK hg_status hg_surrogate_clone(hg_surrogate **out, const hg_surrogate *s, hg_err *err);
/* Takes y at x[d] as if it had been measured (an ensemble: exactly), without learning from it. */
HG_MUST_CHECK hg_status hg_surrogate_believe(hg_surrogate *s, const double *x, double y, hg_err *err);
void hg_surrogate_free(hg_surrogate *s);

/* One point: mean and sd of the mixture. */
HG_MUST_CHECK hg_status hg_surrogate_point(double *mean, double *sd, const hg_surrogate *s, const double *x,
                                           hg_arena *scratch, hg_err *err);
/* out[k,m]: joint posterior samples at x[m,d]; each from a member drawn by its weight. */
HG_MUST_CHECK hg_status hg_surrogate_sample(double *out, size_t k, const hg_surrogate *s, const double *x, size_t m,
                                            hg_rng *rng, hg_arena *scratch, hg_err *err);
/* Leave-one-out mean[n], var[n] (noise included) and relevance[G]. An ensemble is reweighted without the point. */
HG_MUST_CHECK hg_status hg_surrogate_study(double *mean, double *var, double *relevance, const hg_surrogate *s,
                                           size_t groups, hg_arena *scratch, hg_err *err);
/* The model's own metric: inv[d] = 1 / (scale_j * length scale of its group), so that distances count in length scales. */
void hg_surrogate_metric(double *inv, const hg_surrogate *s);
/* The prior mean at x[d], but for its constant; 0 where there is none. */
double hg_surrogate_prior(const hg_surrogate *s, const double *x);
double hg_surrogate_noise_sd(const hg_surrogate *s);
double hg_surrogate_signal_sd(const hg_surrogate *s);
void hg_surrogate_words(hg_text *out, const hg_surrogate *s);
#endif
