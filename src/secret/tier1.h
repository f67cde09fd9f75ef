/* secret/tier1.h -- tier 1: compositions and measured indices public, properties secret
 *
 * Tables of integers for each theta = (length scale, noise), from public features alone; the secret y enters linearly; theta is
 * chosen by the exact profile likelihood (REML times prior) as the least of G quadratic forms: no logarithm, no
 * division, no truncation. docs/secret.md section "Tier 1" has every step with its scale.
 */
#ifndef HG_SECRET_TIER1_H
#define HG_SECRET_TIER1_H
#include "secret/gp_grid.h"
#include "secret/run.h"

enum { HG_T1_ROWS_MOST = 4096, HG_T1_POOL_MOST = 1000000, HG_T1_BATCH_MOST = 64 };

typedef struct hg_t1_tables hg_t1_tables;

/* pool [n_pool, d]: scaled features of the candidates; measured [n]: pool index of each row (repeats allowed), n >= 2.
 * `previous`: tables of the first n-k rows of the same model and pool, NULL for none: O(k n M) work a theta then, with the same
 * digits as from scratch, O(n^2 M). Its working state (half the memory or more) moves into the new tables; it can still be
 * proposed from, by other threads meanwhile too. What does not begin with the rows of `previous` is built from scratch.
 * Memory: hg_t1_tables_bytes, about 13 bytes a (candidate, row, theta). Errors: HG_EINVAL (model, sizes; more than 16 grid points
 * for more than 2,000 candidates), HG_ENAN, HG_ELIMIT when the certificate of ranges fails, HG_ECANCEL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_t1_tables_new(hg_t1_tables **out, hg_t1_tables *previous, const hg_secret_model *m,
                                         const double *pool, size_t n_pool, size_t d, const size_t *measured, size_t n,
                                         hg_pool *threads, const hg_hooks *hooks, hg_err *err);
void hg_t1_tables_free(hg_t1_tables *t);
void hg_t1_tables_digest(const hg_t1_tables *t, unsigned char digest[32]); /* of every integer */
size_t hg_t1_tables_bytes(const hg_t1_tables *t);

typedef struct {
    const bool *excluded; /* [n_pool] public: measured or withdrawn candidates; NULL: none */
    hg_share
        seed; /* one element, a joint coin drawn when the job is fixed, opened by the run; for Thompson sampling and for
                           * batches. n = 0: drawn here, so that another attempt of the job answers differently and costs again */
    hg_bits noise;    /* hg_t1_noise_bits of them, drawn by hg_t1_noise_draw when the job is fixed, never opened; for
                           * epsilon > 0. n = 0: drawn here, with the same consequence */
    size_t batch;     /* proposals wanted; 0 counts as 1 */
    unsigned release; /* bits of the predicted mean that are told with each index, secret/release.h; 0: none */
    hg_bits *
        level; /* [batch] out, when release > 0: which of 2^release equal steps of [-8, 8] holds the mean at the proposal,
                       * saturated at both ends; still shared, like the index */
    double *mean; /* [batch] out of hg_t1_float: the mean at each proposal, scaled; NULL: not wanted */
} hg_t1_opts;

/* y: n shares, scaled, HG_Y_FRACTION, 3 limbs, in the order of `measured`. index [batch]: bits of the proposed pool indices,
 * all different, still shared: the caller verifies and opens them to whom they belong. The first proposal is the acquisition's;
 * each further one is a Thompson draw of its own among the candidates not proposed yet (hidden ones too), which needs no
 * knowledge of what was proposed before: docs/secret.md has why. o NULL: nothing excluded, one proposal. */
HG_MUST_CHECK hg_status hg_t1_propose(hg_bits *index, hg_run *r, const hg_t1_tables *t, const hg_share *y,
                                      const hg_t1_opts *o, hg_err *err);

/* Shared random bits for the noise of `batch` proposals; 0 when the model has none. */
size_t hg_t1_noise_bits(const hg_t1_tables *t, size_t batch);
HG_MUST_CHECK hg_status hg_t1_noise_draw(hg_bits *noise, hg_run *r, const hg_t1_tables *t, size_t batch, hg_err *err);

/* Is row rows[i] of `measured` far from what all other rows say of it? One bit a row, 1 = implausible: the leave-one-out residual
 * r_i has r_i^2 > threshold * (its variance), with the signal variance learnt from the other rows alone (an outlier would
 * hide behind a variance that it swelled itself: (P y)_i^2 / P_ii never exceeds q). theta is the prior's own choice, public.
 * n >= 4. The bits are still shared: the caller verifies and opens them to the owner of the rows only. 11 rounds at most. */
HG_MUST_CHECK hg_status hg_t1_plausible(hg_bits *implausible, hg_run *r, const hg_t1_tables *t, const hg_share *y,
                                        const size_t *rows, size_t n_rows, double threshold, hg_err *err);

/* The same policy in doubles, from plain y (scaled) [n]: index [batch], and the gap [batch] of each score to the runner-up in units of
 * the score range (1 when there is no other candidate). Written apart from the tables: C library functions and LAPACK. o->seed and
 * o->noise as a plain run has them (slot[0]); both must be given when they are needed. margin (may be NULL): how clear the
 * choices of theta and sigma were, the least relative difference that would have changed one of them. */
HG_MUST_CHECK hg_status hg_t1_float(size_t *index, double *gap, double *margin, const hg_t1_tables *t, const double *y,
                                    const hg_t1_opts *o, hg_err *err);
#endif
