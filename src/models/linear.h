/* models/linear.h -- linear regression with Gaussian priors (ridge), fed by rows; what it leaves open; error bars
 *
 * y = w . x + noise with w_j ~ N(0, scale_j^2). With X the rows times their scales, A = X'X + ridge and b = X'y: w =
 * scale A^-1 b, and the posterior's draws are scale L'^-1 z with A = L L', z ~ N(0, 1). The spread of the draws at x
 * tells how far x is from what was learned from. Its scale is not to be trusted, so sd^2 = noise^2 + (factor
 * spread)^2 comes from residuals of rows that were not learned from.
 */
#ifndef HG_MODELS_LINEAR_H
#define HG_MODELS_LINEAR_H
#include "hagane/core.h"

typedef struct {
    size_t columns, n_draws; /* columns 0: nothing has been learned */
    double *w;               /* [columns] */
    float *draws;            /* [n_draws, columns]: differences from w */
    double noise, factor;    /* of error bars; 0 before hg_linear_bars */
} hg_linear;

/* All zero. On an error *l is as hg_linear_free leaves it: empty. */
HG_MUST_CHECK hg_status hg_linear_make(hg_linear *l, size_t columns, size_t n_draws, hg_err *err);
void hg_linear_free(hg_linear *l);
double hg_linear_value(const hg_linear *l, const double *x);
/* Root mean square over draws of draw . x; of a vector x[rows, columns] the root mean square of that over its
 * components. NaN without draws. */
double hg_linear_spread(const hg_linear *l, const double *x, size_t rows);
double hg_linear_sd(const hg_linear *l, double spread); /* NaN without draws */

/* a[n,n] += x'x of x[rows,n], the blocks of the lower triangle, over the pool; the bits do not depend on the
 * threads. */
void hg_normal_add(double *a, size_t n, const double *x, size_t rows, hg_pool *pool);
/* a[n,n] (without the ridge) becomes its factor and b[n] the solution in units of the scales. Errors: HG_ENOTPD. */
HG_MUST_CHECK hg_status hg_normal_solve(double *a, double *b, size_t n, double ridge, hg_pool *pool, hg_err *err);
/* w and draws after hg_normal_solve: column used[k] (NULL: k) is number k of a and b; the other columns keep w = 0
 * and the prior. `unit` times all of them: where y stood in other units. work[n]. */
void hg_linear_take(hg_linear *l, const double *a, const double *b, const size_t *used, size_t n, const double *scale,
                    double unit, uint64_t seed, double *work);
/* noise and factor: maximum likelihood of Gaussian residuals[n], on a grid fine enough. */
void hg_linear_bars(hg_linear *l, const double *residual, const double *spread, size_t n);

#endif
