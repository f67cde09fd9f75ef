/* secret/pool_internal.h -- what the files of tiers 2 and 3 share: pool_state.c (life), pool_observe.c, pool_propose.c, pool_path.c */
#ifndef HG_SECRET_POOL_INTERNAL_H
#define HG_SECRET_POOL_INTERNAL_H
#include "secret/pool_fixed.h"
#include "secret/pool_kernel.h"
#include "secret/pool_policy.h"
#include "secret/pool_state.h"

/* Shares that outlive a run: both slots (the plain mode: one), no MAC. */
typedef struct {
    uint64_t *slot[2];
    size_t n, cap; /* elements of 3 limbs */
} hg_pool_words;
HG_MUST_CHECK hg_status hg_pool_words_grow(hg_pool_words *w, unsigned copies, size_t n, hg_err *err);
void hg_pool_words_free(hg_pool_words *w); /* wipes */
/* n elements from `first` on as a share of a run, no copy. */
hg_share hg_pool_words_view(const hg_pool_words *w, size_t first, size_t n);

/* Parts of the vector that a measurement changes, in elements. p entries, g grid points. */
typedef struct {
    size_t mean;     /* [g, p] HG_POOL_MEAN_FRACTION bits: posterior mean */
    size_t drop;     /* [p, g] wide: prior variance minus posterior variance */
    size_t measured; /* [p] integer: how often each entry was measured */
    size_t q;        /* [g] HG_POOL_Q_FRACTION bits */
    size_t logdet;   /* [g] wide: log2 |K| */
    size_t count;    /* [1] integer: measurements without padding */
    size_t total;
} hg_pool_layout;

struct hg_pool_state {
    hg_secret_model model;
    hg_tier tier;
    unsigned copies; /* 2, or 1 in the plain mode */
    size_t p, d, g;
    hg_mixture mixture;
    hg_cells variance_cells, q_cells;
    hg_pool_layout at;
    double *features;                /* tier 2 [p, d] */
    int64_t *table;                  /* tier 2 [lengths, p, p]: HG_POOL_FRACTION bits */
    hg_pool_words shared;            /* tier 3 [p, d]: features, HG_FRACTION bits */
    hg_pool_words kernel;            /* tier 3 [lengths, p, p] */
    unsigned char public_digest[32]; /* of model, sizes, features and table */

    size_t rows, kept_rows;
    bool changed;                      /* since it was kept */
    hg_pool_words now, kept;           /* the vector, and as it was kept */
    hg_pool_words gain[HG_POOLS_MOST]; /* [rows, p]: columns of the Cholesky factor, w_t = c_t / sqrt(d_t) */
    /* Thompson alone */
    hg_pool_words onehot;                 /* [rows, p] */
    hg_pool_words inverse[HG_POOLS_MOST]; /* rows of the inverse factor, row t has t + 1 elements */
};

/* Bits before the point of |y - mean| and of q, whatever the data, after n rows: |mean| <= sqrt(5 q), q <= 64 n / eta. */
unsigned hg_pool_mean_bits(const hg_pool_state *s, size_t n);
unsigned hg_pool_q_bits(const hg_pool_state *s, size_t n);

HG_MUST_CHECK hg_status hg_pool_state_fits(const hg_pool_state *s, const hg_run *r, hg_err *err);
/* b [g]: 1 at the theta of the policy; sigma [1] with `fraction` bits (UCB: times kappa), valid after the round. */
HG_MUST_CHECK hg_status hg_pool_choose(hg_share *b, hg_share *sigma, unsigned fraction, hg_run *r,
                                       const hg_pool_state *s, hg_err *err);
/* Thompson: path[p] at the theta that b [g] selects, HG_POOL_FRACTION bits, signal variance 1, given the measurements. */
HG_MUST_CHECK hg_status hg_pool_path_given(hg_share *path, hg_run *r, const hg_pool_state *s, const hg_share *b,
                                           const hg_share *seed, hg_err *err);
size_t hg_pool_path_truncations(const hg_pool_state *s, size_t rows);
#endif
