/* hagane/gp.h -- Gaussian-process regression that learns its own hyper-parameters and stays sane on 2 to 20 points
 *
 *   y = m + f(x) + e,  m a constant (integrated out),  f ~ GP(0, s^2 k(x,x')),  e ~ N(0, noise)
 *   k is an expression over rbf, matern32, matern52, linear with + and *, each with its own length scales, ARD by group:
 *   r^2 = sum_g |x_g - x'_g|^2 / l_g^2.
 *
 * Source: Rasmussen & Williams, Gaussian Processes for Machine Learning (MIT Press, 2006): kernels ch. 4, evidence and
 *         gradients eqs. (5.8)-(5.9), leave-one-out eqs. (5.10)-(5.12), constant mean integrated out sec. 2.7.
 * Shapes: row-major; n training points, m queries, d inputs in G groups.
 * Cost:   learning O(n^3) per evaluation, predict O(n^2) per query, update O(n^2). Above 1000 points the hyper-parameters
 *         are learned on a random 1000 of them; above `exact_max` an inducing-point model (FITC; Snelson & Ghahramani,
 *         NIPS 2005) takes over, O(n p^2) with p points. hg_gp_words says which is in use. See docs/gaussian-process.md.
 */
#ifndef HG_GP_H
#define HG_GP_H
#include "hagane/core.h"

typedef struct hg_gp hg_gp; /* opaque; constant between updates, so threads may share it */

typedef struct {
    const char *kernel;   /* "rbf", "matern32", "matern52", "linear", sums and products:
                             * "matern52 + linear", "rbf * (matern32 + linear)"           default "matern52" */
    const size_t *group;  /* [d] group of each dimension, 0..G-1; NULL: each its own    default NULL */
    bool learn;           /* false: use the values below as they are                    default true */
    const double *params; /* [hg_gp_params count] log hyper-parameters to start from (warm start) or, without learn,
                             * to use; NULL: from the data                                default NULL */
    size_t n_params;      /* length of params, checked                                  default 0 */
    double noise_sd;      /* known observation noise, units of y; < 0: estimated        default -1 */
    bool standardise;     /* x per dimension to the range of the training set, y to zero mean and unit variance,
                             * before the priors below apply; results are in the caller's units  default true */
    const double *x_shift,
        *x_scale;          /* [d] instead: (x - shift) / scale, e.g. from the whole pool; NULL   default NULL */
    size_t restarts;       /* starts of the optimiser when not warm                      default 4 */
    size_t exact_max;      /* more points than this: inducing points                     default 2000 */
    size_t inducing;       /* how many                                                   default 512 */
    double prior_strength; /* multiplies the log prior of the hyper-parameters; 0: maximum likelihood   default 1 */
    uint64_t seed;         /* of restarts and inducing points                            default 0 */
    hg_pool *pool;         /* NULL: this thread alone                                    default NULL */
} hg_gp_opts;

HG_BEGIN_DECLS
hg_gp_opts hg_gp_opts_default(void);

/* Fits y[n] at x[n,d]; copies all it keeps. On HG_OK the caller owns *out, else *out = NULL.
 * Errors: HG_EINVAL n or d is 0, an option out of range, a kernel that cannot be read, a y beyond 1e150 (or all within
 * 1e-150 of 0), whose square is no double; HG_ENOTFOUND an unknown kernel, with the nearest name; HG_ENAN x or y not
 * finite (err names the row); HG_ENOTPD covariance not positive definite even with jitter; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_gp_fit(hg_gp **out, const double *x, const double *y, size_t n, size_t d,
                                  const hg_gp_opts *opts, hg_err *err);
/* mean[m] (units of y) and var[m] (units of y^2, of the noise-free function, >= 0) at xs[m,d]; var may be NULL. Uses the
 * pool the model was fitted with. Borrows scratch and gives it back. */
HG_MUST_CHECK hg_status hg_gp_predict(double *mean, double *var, const hg_gp *gp, const double *xs, size_t m,
                                      hg_arena *scratch, hg_err *err);
/* Posterior covariance cov[m,m] of the noise-free function, units of y^2 (exact model; inducing points: its own). */
HG_MUST_CHECK hg_status hg_gp_covariance(double *cov, const hg_gp *gp, const double *xs, size_t m, hg_arena *scratch,
                                         hg_err *err);
/* k joint posterior samples: out[k,m], by Cholesky for m <= 2000 and by Matheron's rule with random Fourier features
 * beyond. Source: Wilson et al., ICML 2020. */
HG_MUST_CHECK hg_status hg_gp_sample(double *out, size_t k, const hg_gp *gp, const double *xs, size_t m, hg_rng *rng,
                                     hg_arena *scratch, hg_err *err);
/* Adds one observation without learning again: O(n^2). (Believers in a batch, and the cheap part of a warm step.) */
HG_MUST_CHECK hg_status hg_gp_update(hg_gp *gp, const double *x, double y, hg_err *err);
HG_MUST_CHECK hg_status hg_gp_clone(hg_gp **out, const hg_gp *gp, hg_err *err);
/* Leave-one-out predictions of the n training observations (noise included in var), closed form: O(n^2). HG_EINVAL when
 * n = 1. */
HG_MUST_CHECK hg_status hg_gp_loo(double *mean, double *var, const hg_gp *gp, hg_arena *scratch, hg_err *err);

double hg_gp_evidence(const hg_gp *gp);  /* log p(y | x), nats, in standardised units; the mean integrated out */
double hg_gp_noise_sd(const hg_gp *gp);  /* units of y */
double hg_gp_signal_sd(const hg_gp *gp); /* units of y; prior sd of f, averaged over the training points */
double hg_gp_jitter(const hg_gp *gp);    /* fraction of the signal variance that had to be added; 0 = none */
size_t hg_gp_points(const hg_gp *gp);
/* Copies up to max log hyper-parameters, standardised units; returns how many there are: G lengths a base kernel in the
 * order of the expression, one weight a '+' (of its right-hand side), signal sd, noise sd. */
size_t hg_gp_params(const hg_gp *gp, double *params, size_t max);
const char *hg_gp_param_name(const hg_gp *gp, size_t i); /* "log length scale 2 of matern52" */
/* relevance[G]: share of the prior variance along each group within the training range, 0..1 (1 - k at the span of the
 * data): how much the learned function can change when this column alone moves. */
void hg_gp_relevance(double *relevance, const hg_gp *gp);
const char *hg_gp_words(const hg_gp *gp); /* model, size, kernel, noise, in a sentence */
void hg_gp_free(hg_gp *gp);               /* NULL is fine */
HG_END_DECLS
#endif
