/* secret/tier1_tables.h -- what stands in the public tables of tier 1; for the files of this tier alone
 *
 * Scales: y has 24 fraction bits, |y| <= 8. weight, spread and sigma have 24; root has 24 - drop.
 */
#ifndef HG_SECRET_TIER1_TABLES_H
#define HG_SECRET_TIER1_TABLES_H
#include "secret/tier1.h"
#include "secret/tier1_work.h"

enum {
    HG_T1_FRACTION = 24,
    HG_T1_DROP_MOST = 12, /* bits that root may lose so that q fits; sixteen fraction bits gave the same theta always */
    HG_T1_RANGE = 126,    /* q and thresholds below 2^126: their differences fit in 128 bits with a sign */
    HG_T1_EXACT_PRIOR = 512, /* pools up to this size: prior draws by Cholesky; larger: random features */
    HG_T1_FEATURES = 1024,   /* that many */
    HG_T1_CHORD_FIRST = -5,  /* nodes of the expected improvement: -5 .. 3 */
    HG_T1_CHORD_LAST = 3,
    HG_T1_CHORDS_MOST = 128, /* a sixteenth apart; an eighth for more than HG_LARGE_POOL candidates */
    HG_T1_LINE_FRACTION = 32,
    HG_T1_DRAW_MOST = 64 /* |t| of a prior draw, in signal sds; beyond it is cut, in the float run too */
};
#define HG_T1_LEAST_VARIANCE 1e-8 /* of a candidate, relative to the signal's; only rounding could go below */

/* EI(u) = pdf(u) + u cdf(u), by the lines between neighbouring nodes u_k = (first + k) / per_unit, k = 0 .. n; the first and
 * the last line go on beyond, so that candidates far below still have an order. EI_j = a S_j + b (m_j - best). */
typedef struct {
    size_t n; /* lines */
    int first, per_unit;
    int64_t a[HG_T1_CHORDS_MOST], b[HG_T1_CHORDS_MOST]; /* of each line, HG_T1_LINE_FRACTION */
} hg_t1_chords;
void hg_t1_chords_place(hg_t1_chords *c, size_t n_pool); /* n, first, per_unit */

struct hg_t1_tables {
    hg_secret_model model;
    size_t n_pool, d, n, thetas, dof; /* thetas: 1 when the model is fixed; dof = n - 1 */
    size_t reference;                 /* the prior's theta */
    double *pool;                     /* [n_pool, d] */
    size_t *measured;                 /* [n] */
    unsigned drop;
    int32_t *root;       /* [thetas, n, n] sqrt(c) R */
    int32_t *weight;     /* [thetas, n_pool, n] */
    int64_t *spread;     /* [n_pool, thetas]: kappa s (UCB), s (EI), 1/s (PI); NULL for Thompson */
    uint64_t *threshold; /* [levels - 1, thetas, 2 words] of q at 2^(96 - 2 drop), at most 2^126 */
    int64_t *sigma;      /* [levels] */
    hg_t1_chords chords; /* EI */
    double *prior;       /* [n_length, n_pool, n_pool] Cholesky factors of the prior, or NULL */
    double *residual;    /* [n, n] R of the reference theta, for plausibility */
    double noise_ratio[HG_GRID_MOST], length[HG_GRID_MOST]; /* of each theta */
    unsigned char digest[32];
    size_t bytes;     /* without the work */
    hg_t1_work *work; /* doubles from which the next row goes on; NULL after newer tables took them */
};

/* Which length stands in theta. */
static inline size_t hg_t1_length_of(const hg_t1_tables *t, size_t theta) { return theta / t->model.n_noise; }
size_t hg_t1_lengths(const hg_t1_tables *t); /* 1 when fixed */
/* Bits of the ring that scores are compared in: 64, or 128 for PI, EI and noise. */
unsigned hg_t1_score_bits(const hg_secret_model *m);
#endif
