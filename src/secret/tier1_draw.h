/* secret/tier1_draw.h -- Thompson sampling: a draw of the prior, and what it adds to the scores
 *
 * A posterior path is m + sigma t with t = f - W (f_X + sqrt(eta) e): f a draw of the unit prior over the pool, e of unit noise
 * (Matheron's rule; J. Wilson et al., JMLR 22 (2021), sec. 3). W has rows that sum to one, so the mean stays profiled
 * out. f and e are public: they come from a coin that the servers throw after the job is fixed. f is exact (Cholesky) for pools up to
 * HG_T1_EXACT_PRIOR, else a sum of HG_T1_FEATURES random Fourier features (Rahimi and Recht, 2007): omega normal / length, times
 * sqrt(5 / chi^2_5) for Matern-5/2.
 */
#ifndef HG_SECRET_TIER1_DRAW_H
#define HG_SECRET_TIER1_DRAW_H
#include "secret/tier1_tables.h"

/* Streams of the public generator: 4 pick + ... */
typedef enum { HG_T1_STREAM_PATH, HG_T1_STREAM_NOISE, HG_T1_STREAM_FREQUENCY, HG_T1_STREAM_SHIFT } hg_t1_stream;
#define HG_T1_PRIOR_JITTER 1e-6 /* equal candidates make the prior singular */

/* Cholesky factors of every length's prior over the pool, [lengths, n_pool, n_pool]. */
HG_MUST_CHECK hg_status hg_t1_prior_factors(double *factor, const hg_t1_tables *t, hg_pool *threads, hg_err *err);
/* Of the random features: frequency [d, features] for length 1, in turns; shift [features], in turns. room [features, d + 5]. */
void hg_t1_frequencies(double *frequency, double *shift, size_t d, bool matern, uint64_t seed, size_t pick,
                       double *room);
/* table [n_pool, thetas]: round(2^24 t), cut to +-HG_T1_DRAW_MOST. Scratch from the arena. */
HG_MUST_CHECK hg_status hg_t1_draw(int64_t *table, const hg_t1_tables *t, uint64_t seed, size_t pick, hg_arena *scratch,
                                   hg_pool *threads, hg_err *err);
#endif
