/* tests/bayes/gp_data.h -- what the tests of the Gaussian process share: data to learn from, models with nothing to learn */
#ifndef HG_TEST_GP_DATA_H
#define HG_TEST_GP_DATA_H
#include "hagane/gp.h"
#include "test.h"

enum { N = 30, D = 3, M = 600 }; /* points, inputs, queries */

/* A smooth function of the first two of three inputs, with a little noise. */
static inline void make_data(double *x, double *y, size_t n, uint64_t seed) {
    hg_rng rng = hg_rng_make(seed, 0);
    for (size_t i = 0; i < n * D; i++) x[i] = hg_rng_uniform(&rng);
    for (size_t i = 0; i < n; i++) y[i] = sin(5 * x[i * D]) + x[i * D + 1] * x[i * D + 1] + 0.05 * hg_rng_normal(&rng);
}

/* A model with everything fixed: log lengths l, signal sd 1 and noise sd, no scaling. */
static inline hg_gp_opts fixed(const char *kernel, const double *params, size_t n) {
    hg_gp_opts o = hg_gp_opts_default();
    o.kernel = kernel;
    o.learn = o.standardise = false;
    o.params = params;
    o.n_params = n;
    return o;
}

/* Parameters that are good for make_data: lengths 0.7, signal 1, noise 0.1. */
static const double SENSIBLE[] = { -0.36, -0.36, 1, 0, -2.3 };
#endif
