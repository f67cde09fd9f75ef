/* secret/pool_state.h -- tiers 2 and 3: conditioning a finite pool, never factorising
 *
 * State of each theta: mean, variances, the gains g_t and cross-covariances c_t of the measurements so far (low rank, never P x P),
 * q and log-determinant. A measurement is a secret one-hot e and a secret y. C0 is public on tier 2, shared on tier 3.
 */
#ifndef HG_SECRET_POOL_STATE_H
#define HG_SECRET_POOL_STATE_H
#include "secret/model.h"
#include "secret/run.h"

typedef struct hg_pool_state
    hg_pool_state; /* its shares live outside any run; bound to a digest that servers compare in pairs */

/* Tier 2: public scaled features [p, d]. */
HG_MUST_CHECK hg_status hg_pool_state_new(hg_pool_state **out, const hg_secret_model *m, hg_mode mode,
                                          const double *features, size_t p, size_t d, hg_err *err);
/* Tier 3: shared scaled features, p * d elements of HG_FRACTION bits, row-major; computes the shared kernel of every theta. */
HG_MUST_CHECK hg_status hg_pool_state_new_secret(hg_pool_state **out, hg_run *r, const hg_secret_model *m,
                                                 const hg_share *features, size_t p, size_t d, hg_err *err);
void hg_pool_state_free(hg_pool_state *s); /* wipes */
/* One digest for each slot, over the state's words: neighbours compare the slot they share. */
void hg_pool_state_digest(const hg_pool_state *s, unsigned char digest[2][32]);

/* Conditions on one measurement: onehot [p] elements, y one element (24 fraction bits, as stored), 3 limbs. A padding row is all zero. The
 * state is unchanged on failure. */
HG_MUST_CHECK hg_status hg_pool_state_observe(hg_run *r, hg_pool_state *s, const hg_share *onehot, const hg_share *y,
                                              hg_err *err);
/* Proposes a pool entry. excluded: public (donors' entries that are not candidates); measured ones are excluded in secret. */
HG_MUST_CHECK hg_status hg_pool_state_propose(hg_bits *index, hg_run *r, const hg_pool_state *s, const bool *excluded,
                                              const hg_share *seed, hg_err *err);
/* The same policy in doubles. measured [n] pool indices, y [n] scaled. */
HG_MUST_CHECK hg_status hg_pool_float(size_t *index, double *gap, const hg_secret_model *m, const double *features,
                                      size_t p, size_t d, const size_t *measured, const double *y, size_t n,
                                      const bool *excluded, uint64_t seed, hg_err *err);
#endif
