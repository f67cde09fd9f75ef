/* secret/exponential.c -- see secret/function.h: exp(-x) by six products in a row, no bits
 *
 * With w = 3 (x - s) / 128, z_1 = w^2, z_(k+1) = z_k^2 + (linear in w, z_1 .. z_k, public coefficients), then two
 * squarings: a polynomial of degree 64 with 11 free numbers, fitted to exp(-x) on [0, 32]: error 2^-28.0. Minimised
 * with Levenberg-Marquardt and Lawson's reweighting from many starts; nothing but the grid test knows that it is good.
 * A linear term costs nothing: it is added at the product's scale before the truncation. (Low-degree polynomials of x /
 * 2^s followed by s squarings need two products more for the same error, and every product of ten thousand kernel
 * entries counts.)
 *
 * Scales: X = x 2^32, w at 2^39 (exact), z_k at 2^36. |w| <= 0.82, |z_k| <= 1.4, so products stay below 2^78.
 * Rounding: each truncation adds 2 units of 2^-36, amplified 64 times at most near x = 0, less elsewhere: 2^-28.
 */
#include "secret/function.h"
#include "secret/truncate.h"

enum { STEPS = 4, SCALE = 36, FIRST_SCALE = 39, BOUND = 78 };

static const double SHIFT = 34.93469600909287;
/* Row k makes z_(k+1): coefficients of 1, w, z_1, z_2, z_3. */
static const double STEP[STEPS][5] = {
    { 0 },
    { 0, 1.6217862757228456, 0.7049764300166345 },
    { 0, -5.586069936022351, -2.9538716653293116, 3.5573450745498745 },
    { 0.00018006667791123606, 2.7490743688405987, 1.3913335847120967, -1.6859004328225038, -0.0716354491741294 },
};

static void add_scaled(hg_run *r, hg_share *sum, const hg_share *x, double c, unsigned fraction, hg_share *scratch) {
    uint64_t e[HG_RING_LIMBS];
    hg_ring_from_double(e, c, fraction, x->limbs);
    hg_share_scale(r, scratch, x, e, 1);
    hg_share_add(r, sum, sum, scratch);
}

/* Rows (z, rest) and (z, 1): z^2 + rest in one inner product. */
static hg_status square_and_add(hg_share *out, hg_run *r, const hg_share *z, const hg_share *rest, unsigned fraction,
                                hg_err *err) {
    static const uint64_t one[HG_RING_LIMBS] = { 1 };
    hg_share x, y;
    HG_TRY(hg_share_new(&x, r, 2 * z->n, z->limbs, true, err));
    HG_TRY(hg_share_new(&y, r, 2 * z->n, z->limbs, true, err));
    for (size_t i = 0; i < z->n; i++) {
        const hg_share from = hg_share_view(z, i, 1), more = hg_share_view(rest, i, 1);
        hg_share a = hg_share_view(&x, 2 * i, 1), b = hg_share_view(&y, 2 * i, 1);
        hg_share c = hg_share_view(&x, 2 * i + 1, 1), d = hg_share_view(&y, 2 * i + 1, 1);
        hg_share_copy(r, &a, &from);
        hg_share_copy(r, &b, &from);
        hg_share_copy(r, &c, &more);
        hg_share_add_public(r, &d, &d, one, 1);
    }
    return hg_inner_truncated(r, out, &x, &y, z->n, 2, fraction, BOUND, err);
}

static hg_status chain(hg_share *out, hg_run *r, const hg_share *x, hg_err *err) {
    const unsigned limbs = x->limbs;
    uint64_t e[HG_RING_LIMBS], three[HG_RING_LIMBS];
    hg_share w, z[STEPS + 2], rest, scratch;
    HG_TRY(hg_share_new(&w, r, x->n, limbs, true, err));
    HG_TRY(hg_share_new(&scratch, r, x->n, limbs, true, err));
    hg_ring_from_int(three, 3, limbs);
    hg_ring_from_double(e, -SHIFT, HG_FRACTION, limbs);
    hg_share_add_public(r, &w, x, e, 1);
    hg_share_scale(r, &w, &w, three, 1);
    HG_TRY(hg_mul_truncated(r, &z[0], &w, &w, 2 * FIRST_SCALE - SCALE, BOUND, err));
    for (int k = 1; k < STEPS; k++) {
        HG_TRY(hg_share_new(&rest, r, x->n, limbs, true, err));
        hg_ring_from_double(e, STEP[k][0], 61, limbs);
        hg_ring_shift_left(e, e, 2 * SCALE - 61, 1, limbs);
        hg_share_add_public(r, &rest, &rest, e, 1);
        add_scaled(r, &rest, &w, STEP[k][1], 2 * SCALE - FIRST_SCALE, &scratch);
        for (int j = 0; j < k; j++) add_scaled(r, &rest, &z[j], STEP[k][j + 2], SCALE, &scratch);
        HG_TRY(square_and_add(&z[k], r, &z[k - 1], &rest, SCALE, err));
    }
    HG_TRY(hg_mul_truncated(r, &z[STEPS], &z[STEPS - 1], &z[STEPS - 1], SCALE, BOUND, err));
    HG_TRY(hg_mul_truncated(r, &z[STEPS + 1], &z[STEPS], &z[STEPS], 2 * SCALE - HG_FRACTION, BOUND, err));
    hg_share_copy(r, out, &z[STEPS + 1]);
    return HG_OK;
}

hg_status hg_exp_minus(hg_run *r, hg_share *z, const hg_share *x, hg_err *err) {
    hg_share made; /* z may be x */
    if (x->limbs < 2) return hg_fail(err, HG_EINVAL, "functions need numbers of 2 limbs or more, not of %u", x->limbs);
    HG_TRY(hg_share_new(&made, r, x->n, x->limbs, true, err));
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    const hg_status st = x->n ? chain(&made, r, x, err) : hg_run_round(r, err);
    hg_arena_reset(hg_run_arena(r), mark);
    *z = made;
    return st;
}
