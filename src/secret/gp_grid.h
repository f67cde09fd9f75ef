/* secret/gp_grid.h -- the Gaussian process that servers compute with: what the policy fixes, in numbers and in grids
 *
 * Public on every tier and the same on every server, digit for digit: tables are made by fixed-order sums and an exponential of
 * our own (secret/exact.h), never by BLAS or the C library's exp, and their digests are compared before any share is used.
 */
#ifndef HG_SECRET_GP_GRID_H
#define HG_SECRET_GP_GRID_H
#include "hagane/acquire.h"
#include "hagane/core.h"

typedef enum {
    HG_TIER_PROPERTIES = 1,
    HG_TIER_INDICES,
    HG_TIER_COMPOSITIONS
} hg_tier; /* what is hidden, each with all before it */
const char *hg_tier_words(hg_tier t);

enum { HG_GRID_MOST = 128, HG_SIGMA_LEVELS_MOST = 256 };

typedef struct {
    bool matern; /* Matern-5/2; else squared exponential */
    double length[HG_GRID_MOST],
        noise[HG_GRID_MOST];         /* grid values: length scales of the scaled features; noise / signal variance */
    size_t n_length, n_noise;        /* theta = length * n_noise + noise; n_length * n_noise <= HG_GRID_MOST */
    double length_centre, length_sd; /* log-normal prior: median length (not its logarithm) and sd of ln length */
    double noise_centre, noise_sd;   /* median noise and sd of ln noise */
    hg_acquisition acquisition;      /* HG_ACQ_UCB, _EI, _PI, _THOMPSON */
    double kappa;                    /* UCB */
    int sigma_low; /* signal sd grid: 2^(i/16), i = sigma_low .. sigma_low + sigma_levels - 1, on the scaled y */
    size_t sigma_levels;
    bool fixed;     /* differential privacy: theta 0 and sigma 0 always; the other grid values stand idle */
    double epsilon; /* of report-noisy-max per query; 0: none; else 0.001 .. 1e6, `fixed`, UCB or Thompson */
} hg_secret_model;

enum { HG_GRID_LARGE_POOL = 16, HG_LARGE_POOL = 2000 }; /* grid points at most for pools above this size */

/* Defaults: Matern-5/2; 16 lengths x 4 noises around the medians 0.5 (sd 1) and 0.01 (sd 2), round decimal numbers that a
 * policy file can show; UCB, kappa 2; sigma from 2^-10 to 2^5.94 in 256 levels; no noise. The medians are grid values: at two
 * rows the likelihood ties and the prior decides, and values on both sides of a median would tie again. */
void hg_secret_model_default(hg_secret_model *m);
/* HG_EINVAL with a sentence: lengths in [1e-3, 1e3], noises in [1e-4, 1], both ascending; prior medians in the same ranges, sds in
 * [0.1, 10]; kappa in [0, 16]; sigma within 2^-16 .. 2^8; epsilon as above. */
HG_MUST_CHECK hg_status hg_secret_model_check(const hg_secret_model *m, hg_err *err);

/* Scaled property: y = (value - middle) * 16 / (high - low), negated when minimising: in [-8, 8], 24 fraction bits. */
enum { HG_Y_FRACTION = 24, HG_Y_LIMIT = 8 };
#endif
