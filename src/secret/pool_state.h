/* secret/pool_state.h -- tiers 2 and 3: conditioning a finite pool, never factorising
 *
 * A pool has p entries: candidates, and on tier 3 donors' measured points. For each grid point theta the servers hold shares of
 * the posterior mean and variance of every entry, and one column of a Cholesky factor for each measurement (low rank, never
 * p x p). A measurement is a secret one-hot e and a secret y:
 *
 *     c = K e + 4 sum(e) - sum_t w_t (w_t' e)      d = v' e + eta          r = y - e' m
 *     w = c / sqrt d      b = r / sqrt d           m += w b     v -= w^2   q += b^2      log2|K| += log2 d
 *
 * which is exact conditioning of a Gaussian process whose mean has prior variance 4 (in signal variances). A padding row has
 * e = 0 and y = 0 and changes nothing; n is counted as a shared sum. K is public on tier 2, shared on tier 3, and the same
 * function on both (secret/pool_mixture.h). Theta, sigma and scores: secret/pool_policy.h.
 *
 * Numbers. 3 limbs in every mode: with 192 bits a mask hides an opened number to 2^-85 or better. Factors have 40 fraction bits,
 * products 80; means and variances stay as wide as products, so that the only numbers truncated for each entry are c and w. Why 40: an
 * error of c is divided by d >= 1e-4. Bounds, with eta >= 1e-4, |y| <= 8 and at most 1024 rows:
 *
 *     c, K + 4      <= 5       2^43        by Cauchy-Schwarz: prior variance 1 + 4
 *     w             <= 2.24    2^42        w^2 <= v
 *     1 / sqrt d    <= 100     2^47        d >= eta
 *     sum w s       <= 10      2^84        = K e + 4 - c (80 fraction bits)
 *     b             <= 25600   2^51        b^2 <= y' (K + eta I)^-1 y <= 64 n / eta (36 fraction bits)
 *     q             <= 6.6e8   2^78        (48 fraction bits)
 *     m             <= 57300   2^92        sqrt 5 times sqrt q (76 fraction bits); values met in practice are below 50
 *     score         <= 2^17    2^49        (32 fraction bits)
 *     rows of the inverse factor <= 100, path <= a few hundred
 *
 * Outside these (inputs are checked first, secret/pool_input.h) numbers wrap or saturate; nothing aborts on data.
 * Accuracy against doubles after 120 measurements, noise 1e-4, Matern-5/2: mean 4e-8, variance 2e-10 (bench/secret_pool). In the malicious mode an
 * opened number is uniform; undoing its mask fails with probability 2^-41 for q, 2^-50 and less for the others, a number.
 */
#ifndef HG_SECRET_POOL_STATE_H
#define HG_SECRET_POOL_STATE_H
#include "secret/gp_grid.h"
#include "secret/run.h"

typedef struct hg_pool_state
    hg_pool_state; /* its shares live outside any run; bound to a digest that servers compare in pairs */

/* Tier 2: public scaled features [p, d] (used as rounded to 32 fraction bits). mode: of the runs to come.
 * Errors: HG_EINVAL (model: at most 8 grid points, UCB or Thompson, epsilon 0), HG_ELIMIT (p above 4096, or the table above 1 GiB),
 * HG_ENAN, HG_EDATA (a feature outside [0, 1]). */
HG_MUST_CHECK hg_status hg_pool_state_new(hg_pool_state **out, const hg_secret_model *m, hg_mode mode,
                                          const double *features, size_t p, size_t d, hg_err *err);
/* Tier 3: shared scaled features, p * d elements of HG_FRACTION bits, 3 limbs, row-major, each in [0, 1] (checked at ingest);
 * computes the shared kernel of every theta. In the malicious mode it ends with checked products; the caller verifies the
 * run all the same before it keeps the state. */
HG_MUST_CHECK hg_status hg_pool_state_new_secret(hg_pool_state **out, hg_run *r, const hg_secret_model *m,
                                                 const hg_share *features, size_t p, size_t d, hg_err *err);
/* Tier 3: more entries behind the old ones; only pairs with a new entry are computed. Measurements are forgotten: observe them
 * again. The state is unchanged on failure. */
HG_MUST_CHECK hg_status hg_pool_state_grow(hg_run *r, hg_pool_state *s, const hg_share *features, size_t more,
                                           hg_err *err);
void hg_pool_state_free(hg_pool_state *s); /* wipes */
size_t hg_pool_state_bytes(const hg_pool_state *s);
/* One digest for each slot, over all public numbers and the slot's words: neighbours compare the slot they share. */
HG_MUST_CHECK hg_status hg_pool_state_digest(const hg_pool_state *s, unsigned char digest[2][32], hg_err *err);

/* Malicious mode: one stock of truncation masks for so many rows and proposals to come, at the beginning of a job; without it each
 * call below makes its own, 11 rounds a time. Nothing in the other modes. */
HG_MUST_CHECK hg_status hg_pool_state_prepare(hg_run *r, const hg_pool_state *s, size_t rows, size_t proposals,
                                              hg_err *err);

/* Conditions on one measurement: onehot [p] elements, y one element (24 fraction bits, as stored), 3 limbs. A padding row is all
 * zero. The state is unchanged on failure. HG_ELIMIT after 1024 rows.
 * What was observed is provisional until it is kept: keep it when the run's check passed on all three servers, drop it when the run
 * failed on any. */
HG_MUST_CHECK hg_status hg_pool_state_observe(hg_run *r, hg_pool_state *s, const hg_share *onehot, const hg_share *y,
                                              hg_err *err);
void hg_pool_state_keep(hg_pool_state *s);
void hg_pool_state_drop(hg_pool_state *s);
/* Proposes a pool entry: ceil(log2 p) bits of its index. excluded [p]: public (donors' entries that are not candidates), or
 * NULL; measured ones are excluded in secret, for as long as there is another. seed: Thompson's joint coin, one element.
 * release > 0: level is so many bits of the mean at the proposal (secret/release.h); else level may be NULL. */
HG_MUST_CHECK hg_status hg_pool_state_propose(hg_bits *index, hg_bits *level, hg_run *r, const hg_pool_state *s,
                                              const bool *excluded, const hg_share *seed, unsigned release,
                                              hg_err *err);
/* The same policy in doubles, from a dense factorisation. measured [n] pool indices, p for a padding row; y [n] scaled; gap: to the runner-up, in units of the
 * range of the scores. */
HG_MUST_CHECK hg_status hg_pool_float(size_t *index, double *gap, const hg_secret_model *m, const double *features,
                                      size_t p, size_t d, const size_t *measured, const double *y, size_t n,
                                      const bool *excluded, uint64_t seed, hg_err *err);
#endif
