/* learn/relevance_evidence.h -- how likely values are under a Gaussian process whose columns are each worth something of their own
 *
 *   y ~ N(0, s^2 M(r) + w^2 a.a' + u^2 + noise^2),  a_j = rho_j z_j,  r = |a - a'|,  M(r) = (1 + sqrt5 r + 5 r^2 / 3) exp(-sqrt5 r)
 *
 * Matern 5/2 with an inverse length rho_j for each column, and a linear part with the same relevances; u is for the mean. What is believed of the
 * relevances is sparse (Eriksson & Jankowiak, UAI 2021, "SAAS"): rho_j^2 ~ half-Cauchy(tau), tau ~ half-Cauchy(0.1): most
 * columns are worth nothing, a few much. There the posterior is sampled; here its mode in the logarithms is found,
 * which the evidence's gradient allows for hundreds of columns: O(n^2 (n + d)) each.
 */
#ifndef HG_LEARN_RELEVANCE_EVIDENCE_H
#define HG_LEARN_RELEVANCE_EVIDENCE_H
#include "hagane/core.h"

enum { HG_RELEVANCE_TAU, HG_RELEVANCE_SIGNAL, HG_RELEVANCE_NOISE, HG_RELEVANCE_LINEAR, HG_RELEVANCE_COMMON };

typedef struct {
    size_t n, d;
    const double *z, *y; /* [n,d], [n], both of about unit variance */
    double *a;           /* [n,d] */
    double *square;      /* [n] */
    double *dots;        /* [n,n] a.a' */
    double *k, *slope;   /* [n,n] the Matern part, and -2 times its slope by r^2 */
    double *c, *alpha;   /* [n,n], [n] */
    double *pull;        /* [n,d] */
} hg_relevance;

HG_MUST_CHECK hg_status hg_relevance_make(hg_relevance *e, const double *z, const double *y, size_t n, size_t d,
                                          hg_arena *mem, hg_err *err); /* HG_ENOMEM */
/* An hg_objective_fn of an hg_relevance: less the log posterior density, and its gradient, at
 * theta = [d] ln rho_j, then HG_RELEVANCE_COMMON: ln tau, ln s, ln noise, ln w. NaN where the covariance is not positive definite. */
double hg_relevance_loss(void *e, const double *theta, double *gradient, size_t n_theta);
/* k[m,n] <- the covariance, without noise, between rows a[m,d] and b[n,d] from their products k[i,j] = a_i.b_j and their squares. */
void hg_relevance_kernel(double *k, const double *a_square, const double *b_square, size_t m, size_t n,
                         const double common[HG_RELEVANCE_COMMON]);
double hg_relevance_variance(double square, const double common[HG_RELEVANCE_COMMON]); /* of one row */
double hg_relevance_noise(const double common[HG_RELEVANCE_COMMON]);                   /* variance, never 0 */
#endif
