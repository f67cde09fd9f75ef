/* secret/pool_policy.h -- the public numbers of tiers 2 and 3, the same on every server and in the plain run
 *
 * Which theta: the least of n log2(q + floor) + log2 |K| - 2 log2 p, with K = k + 4 11' + eta I and q = y' K^-1 y. The floor keeps
 * the logarithm of an all-zero y finite. Signal sd: the grid value 2^(i/16) nearest to sqrt(q / n) (thresholds 2^((2i-1)/16)).
 * Square roots are chords. Thompson: a prior path of random frequencies, drawn for the job.
 */
#ifndef HG_SECRET_POOL_POLICY_H
#define HG_SECRET_POOL_POLICY_H
#include "secret/function.h"
#include "secret/gp_grid.h"
#include "secret/pool_mixture.h"

enum {
    HG_POOL_ROWS_MOST = 1024,    /* measurements, padding included: the ranges in secret/pool_state.h are for these */
    HG_POOL_ENTRIES_MOST = 4096, /* entries */
    HG_POOL_CHORDS = 32,         /* nodes at 2^-18 ... 2^3, ratio 1.58: 0.65 % too low in the middle */
    HG_POOL_WAVES = 32           /* frequencies of a path, a cosine and a sine each: variance exactly 1 everywhere */
};
#define HG_POOL_MEAN  4.0     /* prior variance of the mean, in signal variances */
#define HG_POOL_FLOOR 0x1p-24 /* added to q under the logarithm */

/* Refuses what tiers 2 and 3 cannot do: more than HG_POOLS_MOST grid points, other acquisitions, differential privacy. */
HG_MUST_CHECK hg_status hg_pool_model_check(const hg_secret_model *m, hg_err *err);
/* The defaults of tiers 2 and 3: those of hg_secret_model_default with a grid of 4 lengths and 2 noises. */
void hg_pool_model_default(hg_secret_model *m);
double hg_pool_prior(const hg_secret_model *m, size_t theta); /* -2 log2 p, up to a constant */
double hg_pool_sigma(const hg_secret_model *m, size_t level); /* 2^((sigma_low + level) / 16) */
/* q / n from here on means `level`, level >= 1. */
double hg_pool_threshold(const hg_secret_model *m, size_t level);
/* node[i], value[i], i = 0 .. HG_POOL_CHORDS. */
void hg_pool_chords(double node[HG_POOL_CHORDS + 1], double value[HG_POOL_CHORDS + 1]);
/* Features as they are shared: rounded to HG_FRACTION bits. */
double hg_pool_feature(double x);

/* A path of the prior at length scale l, signal variance 1:
 *   f(x) = offset + sum_k cosine[k] cos(2 pi turns[l][k] . x) + sine[k] sin(2 pi turns[l][k] . x)
 * turns: normal vectors times the root of a rate drawn from the mixture, so that the covariance over draws is the kernel. */
typedef struct {
    size_t d, lengths;
    double offset, cosine[HG_POOL_WAVES], sine[HG_POOL_WAVES];
    double *turns; /* [lengths, HG_POOL_WAVES, d] */
} hg_pool_path;
HG_MUST_CHECK hg_status hg_pool_path_draw(hg_pool_path *out, const hg_mixture *k, size_t d, uint64_t seed,
                                          hg_arena *arena, hg_err *err);
double hg_pool_path_value(const hg_pool_path *p, size_t length, const double *x);
void hg_pool_path_noise(double *eps, size_t n, uint64_t seed); /* of n measurements, sd 1 */
#endif
