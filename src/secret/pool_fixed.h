/* secret/pool_fixed.h -- fixed-point steps of tiers 2 and 3: 3 limbs, values with HG_POOL_FRACTION bits
 *
 * Products have HG_POOL_WIDE bits and are truncated only when they enter another product. What is multiplied by residuals,
 * which can be large, has fewer: HG_POOL_B_FRACTION for b = r / sqrt d, hence HG_POOL_MEAN_FRACTION for means and scores.
 */
#ifndef HG_SECRET_POOL_FIXED_H
#define HG_SECRET_POOL_FIXED_H
#include "secret/run.h"

enum {
    HG_POOL_LIMBS = 3,
    HG_POOL_FRACTION = 40,
    HG_POOL_WIDE = 2 * HG_POOL_FRACTION,
    HG_POOL_B_FRACTION = 36,
    HG_POOL_MEAN_FRACTION = HG_POOL_FRACTION + HG_POOL_B_FRACTION,
    HG_POOL_Q_FRACTION = 48
};

/* ---- local ------------------------------------------------------------------------------------------------------------- */

/* n shares one behind the other. A MAC when all have one. */
HG_MUST_CHECK hg_status hg_share_join(hg_share *out, hg_run *r, const hg_share *const *part, size_t parts, hg_err *err);
/* Each of x's elements `times` times in a row: x0 x0 x1 x1 ... */
HG_MUST_CHECK hg_status hg_share_repeat(hg_share *out, hg_run *r, const hg_share *x, size_t times, hg_err *err);
/* out[i] = constant + sum_k c[k] x[i, k], x [n, k]. c [k] and constant: public ring elements; constant may be NULL. */
HG_MUST_CHECK hg_status hg_share_combine(hg_share *out, hg_run *r, const hg_share *x, size_t n, const uint64_t *c,
                                         const uint64_t *constant, hg_err *err);
/* A public number as a ring element; `fraction` up to 192, |x| 2^52 fits. */
void hg_pool_constant(uint64_t z[HG_POOL_LIMBS], double x, unsigned fraction);

/* ---- position of the leading bit, and functions of a normalised number --------------------------------------------------- */

/* x with `fraction` bits in [2^low, 2^high): which of the cells 2^(low + k / steps) it lies in, by thermometer bits. In a cell
 * t = x / centre - 1 is small, and functions of x are the cell's value times, or plus, a polynomial of t. Below the first cell
 * the number counts as lying in it, with t down to -1; nothing fails. */
enum { HG_CELLS_MOST = 128, HG_CELL_DEGREE = 8 };
typedef struct {
    unsigned fraction, scale; /* of x; of 1 / centre */
    size_t cells;
    unsigned bits;                                 /* of a comparison */
    uint64_t border[HG_CELLS_MOST][HG_POOL_LIMBS]; /* [cells - 1] */
    /* first value, then steps; each [cells] */
    uint64_t inverse[HG_CELLS_MOST][HG_POOL_LIMBS], root[HG_CELLS_MOST][HG_POOL_LIMBS],
        log2[HG_CELLS_MOST][HG_POOL_LIMBS];
    uint64_t root_term[HG_CELL_DEGREE + 1][HG_POOL_LIMBS], log2_term[HG_CELL_DEGREE + 1][HG_POOL_LIMBS];
} hg_cells;
void hg_cells_make(hg_cells *c, int low, int high, unsigned steps, unsigned fraction, unsigned scale);

/* out [n, cells - 1]: x - border; its sign bits, inverted and as ring elements, are what the next two calls want. Local. */
HG_MUST_CHECK hg_status hg_cells_differences(hg_share *out, hg_run *r, const hg_cells *c, const hg_share *x,
                                             hg_err *err);
/* x^(-1/2) with HG_POOL_FRACTION bits (relative error 2^-36), log2 x with HG_POOL_WIDE bits (error 2^-33). Either may be NULL. */
HG_MUST_CHECK hg_status hg_cells_apply(hg_share *inverse_root, hg_share *log2, hg_run *r, const hg_cells *c,
                                       const hg_share *x, const hg_share *above, hg_err *err);
/* Sign bits of x as ring elements: 1 where x >= 0. */
HG_MUST_CHECK hg_status hg_pool_not_negative(hg_share *out, hg_run *r, const hg_share *x, unsigned bits, hg_err *err);
#endif
