/* secret/pool_mixture.h -- a kernel as a mixture of squared exponentials, made for shares
 *
 * Matern-5/2 is a scale mixture of squared exponentials (the spectrum of a Student-t with 5 degrees of freedom):
 *
 *     k(u) = E exp(-u / (2 l^2 tau)),   tau ~ Gamma(5/2, rate 5/2),   u the squared distance.
 *
 * The trapezoidal rule in ln rate with steps of half an octave turns the integral into a sum of exp(-2^(j/2) x) with positive
 * weights, x = u / 2^shift in [0, 1]. The integrand is analytic, so the rule is off by 1e-9; what is cut off at high rates
 * (weights fall like rate^-5/2) goes into two last terms that keep k(0) and k'(0): below 7e-8 in all, HG_MIXTURE_ERROR.
 *
 * Why this and not segments in u or a square root: squaring a term gives the term one octave above. Two chains of squarings
 * make every term of every length scale at once, by products alone, without a bit or a comparison; what is slower than x itself
 * is one public polynomial. And a mixture with positive weights is positive definite by construction: its distance from
 * Matern-5/2 is a choice of model, not an error that eats the noise. Only rounding does (secret/pool_kernel.h).
 * Servers on tier 2, tier 3 and the plain run all use this function.
 */
#ifndef HG_SECRET_POOL_MIXTURE_H
#define HG_SECRET_POOL_MIXTURE_H
#include "secret/gp_grid.h"

enum {
    HG_POOLS_MOST = 8,      /* grid points on tiers 2 and 3 */
    HG_MIXTURE_CHAINS = 8,  /* Matern: 2; squared exponential: one for each length */
    HG_MIXTURE_LEVELS = 40, /* squarings in a chain */
    HG_MIXTURE_SLOW = 96,   /* rates that need no squaring */
    HG_MIXTURE_DEGREE = 10  /* of the polynomial that stands for exp on [0, 1]: off by 2e-14 */
};
#define HG_MIXTURE_ERROR 7e-8 /* largest |k - Matern-5/2|; the squared exponential is exact */

typedef struct {
    size_t lengths;
    unsigned shift; /* squared distances of features in [0, 1] are below 2^shift */
    size_t chains;
    struct {
        double start;     /* level i is exp(-start 2^i x), start in (1/2, 1] */
        size_t squarings; /* the last level */
        double weight[HG_POOLS_MOST][HG_MIXTURE_LEVELS + 1];
    } chain[HG_MIXTURE_CHAINS];
    size_t slow; /* terms exp(-rate x), rate <= 1 */
    double slow_rate[HG_MIXTURE_SLOW], slow_weight[HG_POOLS_MOST][HG_MIXTURE_SLOW];
} hg_mixture;

/* For the lengths of the model and d features. HG_ELIMIT when a length scale is too short for HG_MIXTURE_LEVELS. */
HG_MUST_CHECK hg_status hg_mixture_make(hg_mixture *out, const hg_secret_model *m, size_t d, hg_err *err);
/* k at squared distance u, the same digits on every server. */
double hg_mixture_value(const hg_mixture *k, size_t length, double u);
/* The same for all lengths at once by squarings, 1e-13 from it and many times faster: value[lengths]. */
void hg_mixture_values(double *value, const hg_mixture *k, double u);
/* coefficient[i] of z^i, z = (2 x - low - high) / (high - low): f at its Chebyshev points. degree <= 16. */
void hg_polynomial_fit(double *coefficient, unsigned degree, double (*f)(double), double low, double high);
#endif
