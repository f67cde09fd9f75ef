/* secret/tier1_work.h -- the doubles behind the tables of tier 1: rows are appended one after the other
 *
 * With K the correlations of the rows plus eta, L its Cholesky factor, for each theta:
 *   inverse  L^-1, row r at r (r + 1) / 2
 *   v = L^-1 1,  u = L^-T v = K^-1 1,  vv = v'v = 1' K^-1 1,  logs = sum ln L_ii
 * and for each candidate j, by blocks of lanes:
 *   w  = K^-1 k_j (simple kriging),  aa = |L^-1 k_j|^2,  av = v' L^-1 k_j = 1' w
 * Row i, with k its correlations with the rows before:
 *   l = L^-1 k,  L_ii = sqrt(1 + eta - l'l),  row i of L^-1 = (-l' L^-1, 1) / L_ii,  v_i = (1 - l'v) / L_ii
 *   a_j = (k(x_j, x_i) - k' w_j) / L_ii,  w_j += a_j (row i of L^-1),  aa_j += a_j^2,  av_j += a_j v_i
 * Every row does the same whether it comes alone or with others: tables from a former state have the digits of tables
 * from scratch, by construction. Cost of row i: 2 i^2 flops a theta and 4 i a theta and candidate.
 */
#ifndef HG_SECRET_TIER1_WORK_H
#define HG_SECRET_TIER1_WORK_H
#include "secret/exact.h"
#include "secret/gp_grid.h"

typedef struct {
    double *inverse, *v, *u;
    double vv, logs;
} hg_t1_theta;

typedef struct {
    double *w; /* [cap, HG_LANES] */
    double aa[HG_LANES], av[HG_LANES];
} hg_t1_block;

typedef struct hg_t1_work {
    bool matern;
    double *columns; /* [d, padded] the pool's features */
    size_t n_pool, padded, d, n_lengths, n_noises, rows, cap, n_blocks;
    double length[HG_GRID_MOST], noise[HG_GRID_MOST];
    size_t *measured;   /* [cap] */
    hg_t1_theta *theta; /* [n_lengths * n_noises] */
    hg_t1_block *block; /* [n_lengths * n_noises, n_blocks] */
} hg_t1_work;

static inline size_t hg_t1_row(size_t r) { return r * (r + 1) / 2; } /* where row r of `inverse` begins */

/* For theta = length * n_noises + noise. pool [n_pool, d] row-major. */
HG_MUST_CHECK hg_status hg_t1_work_new(hg_t1_work **out, const double *pool, size_t n_pool, size_t d,
                                       const double *length, size_t n_lengths, const double *noise, size_t n_noises,
                                       bool matern, hg_err *err);
/* Appends measured[0 .. k-1]. On failure the work is spoilt: free it. */
HG_MUST_CHECK hg_status hg_t1_work_append(hg_t1_work *w, const size_t *measured, size_t k, hg_pool *threads,
                                          const hg_hooks *hooks, hg_err *err);
size_t hg_t1_work_bytes(const hg_t1_work *w);
void hg_t1_work_free(hg_t1_work *w);
#endif
