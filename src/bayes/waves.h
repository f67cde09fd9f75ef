/* bayes/waves.h -- random features: a few thousand waves whose products average to the kernel
 *
 *   k(x, x') ~ sum_i phi_i(x) phi_i(x'),   error about 1 / sqrt(HG_WAVES)
 * A product of kernels: one cosine whose frequency is the sum of the stationary factors' frequencies, times a random
 * projection a linear factor; a sum shares the features among its terms, by weight.
 * Source: Rahimi & Recht, "Random features for large-scale kernel machines", NIPS 2007.
 */
#ifndef HG_BAYES_WAVES_H
#define HG_BAYES_WAVES_H
#include "bayes/kernel.h"

enum { HG_WAVES = 2048 };

typedef struct {
    const hg_kernel_values *values;
    double *frequency;  /* [HG_WAVES, d]; zero where a term has no stationary factor */
    double *phase;      /* [HG_WAVES] */
    double *amplitude;  /* [HG_WAVES] */
    double *projection; /* [linear leaves, HG_WAVES, d], zero rows where the factor is absent */
    bool *has;          /* [linear leaves, HG_WAVES] */
    size_t linear;
} hg_waves;

bool hg_waves_new(hg_waves *f, const hg_kernel_values *v, hg_rng *rng, hg_arena *mem); /* false: no memory */
/* phi[HG_WAVES, m] at the columns of bt[d, m]; more[HG_WAVES, m] is scratch, used when f->linear > 0. */
void hg_waves_at(double *phi, double *more, const hg_waves *f, const double *bt, size_t m);
#endif
