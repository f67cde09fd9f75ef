/* secret/tier1.h -- tier 1: compositions and measured indices public, properties secret
 *
 * Tables of integers for each theta = (length scale, noise), from public features alone; the secret y enters linearly; theta is
 * chosen by the exact profile likelihood (REML times prior) as the least of G quadratic forms: no logarithm, no
 * division, no truncation. docs/secret.md section "Tier 1" has every step with its scale.
 */
#ifndef HG_SECRET_TIER1_H
#define HG_SECRET_TIER1_H
#include "secret/model.h"
#include "secret/run.h"

typedef struct hg_t1_tables hg_t1_tables;

/* pool [m, d]: scaled features of the candidates; measured [n]: pool index of each row (repeats allowed), n >= 2. `previous`:
 * tables of the first n-k rows of the same, NULL for none: appending rows is then cheap, with the same digits as from scratch.
 * HG_ELIMIT when the certificate of ranges fails. */
HG_MUST_CHECK hg_status hg_t1_tables_new(hg_t1_tables **out, const hg_t1_tables *previous, const hg_secret_model *m,
                                         const double *pool, size_t n_pool, size_t d, const size_t *measured, size_t n,
                                         hg_pool *threads, const hg_hooks *hooks, hg_err *err);
void hg_t1_tables_free(hg_t1_tables *t);
void hg_t1_tables_digest(const hg_t1_tables *t, unsigned char digest[32]); /* of every integer */
size_t hg_t1_tables_bytes(const hg_t1_tables *t);

typedef struct {
    const bool *excluded; /* [n_pool] public: measured or withdrawn candidates; NULL: none */
    hg_share seed;        /* Thompson and noise: joint coin, drawn when the job is fixed */
    size_t batch;         /* not yet measured proposals wanted; default 1 */
} hg_t1_opts;

/* y: n shares, scaled, HG_Y_FRACTION, 3 limbs, in the order of `measured`. index: bits of the proposed pool index, still
 * shared: the caller verifies and opens it to whom it belongs. */
HG_MUST_CHECK hg_status hg_t1_propose(hg_bits *index, hg_run *r, const hg_t1_tables *t, const hg_share *y,
                                      const hg_t1_opts *o, hg_err *err);

/* The same policy in doubles, from plain y (scaled): index, the score's gap to the runner-up in units of the score range. */
HG_MUST_CHECK hg_status hg_t1_float(size_t *index, double *gap, const hg_t1_tables *t, const double *y,
                                    const hg_t1_opts *o, hg_err *err);
#endif
