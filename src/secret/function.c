/* secret/function.c -- see secret/function.h: reciprocal, logarithm and square root by normalising
 *
 * x = X 2^-32. Octaves k = 0 .. levels-2 begin at 2^(low + step k); X is clamped to the domain and multiplied by the
 * power of two that takes its octave to [2^34, 2^34 2^step). With T_k = [X >= level_k], Y_k = what T_k adds to F X:
 *     F_k X = F_0 level_0 + T_0 F_0 (X - level_0) + sum_(k>0) T_k (F_k - F_(k-1)) X + T_last F_last (level_last - X)
 * a sum of bits times numbers; truncated at once to the fixed-point variable u of the polynomial.
 *
 * The polynomial. p(u) = A_0 + u^4 A_1 + u^8 A_2, A_i of degree 3 (A_2: 4) with public coefficients, hence local; the
 * weight g is the power of two that undoes the normalisation. Four rounds (semi-honest):
 *     u^2;   u^3, u^4;   V_1 = g A_1, V_2 = g A_2, u^8;   g A_0 + V_1 u^4 + V_2 u^8
 * Scales are chosen so that every opened number stays below 2^79: two limbs hide it to 2^-47. High powers have small
 * coefficients and need few bits.
 *
 * Coefficients: minimax of degree 12 by Remez's algorithm, 40 digits, relative error for 1/m (2^-32.06) and sqrt m
 * (2^-26.73), absolute for log2 m (2^-35.2).
 */
#include "secret/function.h"
#include "secret/compare.h"
#include "secret/lift.h"
#include "secret/truncate.h"
#include <assert.h>
#include <string.h>

enum { DEGREE = 12, LEVELS_MOST = 18, SATURATED = 35 /* log2 of 8 in ulps */, COMPARED = 40, NORMAL = 34 };

/* 1/m, m = (3 + u) / 2 */
static const double RECIPROCAL[DEGREE + 1] = {
    0.66666666666666663,    -0.22222222028706037,    0.074074073429020115,   -0.024691411993547057,
    0.0082304706645156857,  -0.0027430567489530972,  0.00091435224965103238, -0.00030627027719585018,
    0.00010209009239861672, -3.1553039918422051e-05, 1.051767997280735e-05,  -5.4874858768529939e-06,
    1.829161958950998e-06
};
/* log2 m, m = (3 + u) / 2 */
static const double LOG2[DEGREE + 1] = { 0.58496250071325706,     0.48089834665003778,    -0.080149723827885308,
                                         0.017811058566857968,    -0.004452771802814939,  0.0011873348075819475,
                                         -0.00032978467008603078, 9.4468675380271353e-05, -2.7612289555555852e-05,
                                         7.7725695304736813e-06,  -2.279392544619806e-06, 1.0187051878761607e-06,
                                         -3.2873037061029139e-07 };
/* sqrt m, m = 2.5 + 2 u */
static const double SQUARE_ROOT[DEGREE + 1] = { 1.5811388189451716,     0.63245537754469416,    -0.12648955402230597,
                                                0.050604144840262384,   -0.025333895266041979,  0.014059486849184679,
                                                -0.0081927964428177812, 0.0059701017939791604,  -0.004717386262086681,
                                                0.00061179380795011937, 0.00091146161272466356, 0.0030921855728019703,
                                                -0.0029536567732732434 };

/* ---- normalisation ----------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned levels, low, step; /* levels: 2^(low + step k), the last one 2^SATURATED */
    unsigned cut;               /* fraction bits dropped from the normalised number */
    unsigned scale;             /* fraction bits of u */
    int64_t centre;             /* u = normalised - centre */
} octaves;

/* m at 2^32 is u + 3 at 2^31; m at 2^31 is u + 5/4 at 2^32 */
static const octaves OF_TWO = { 18, 18, 1, 2, 31, (int64_t)3 << 31 };
static const octaves OF_FOUR = { 17, 4, 2, 3, 32, (int64_t)5 << 30 };

static unsigned level_of(const octaves *o, size_t k) {
    return k + 1 == o->levels ? SATURATED : o->low + o->step * (unsigned)k;
}
/* log2 of F_k */
static unsigned factor_of(const octaves *o, size_t k) { return NORMAL - o->low - o->step * (unsigned)k; }

static void power(uint64_t *z, unsigned bits, unsigned limbs) {
    hg_ring_from_int(z, 1, limbs);
    hg_ring_shift_left(z, z, bits, 1, limbs);
}

/* Y_k = factor X + constant */
static void term(uint64_t *factor, uint64_t *constant, const octaves *o, size_t k, unsigned limbs) {
    uint64_t before[HG_RING_LIMBS];
    memset(constant, 0, limbs * sizeof *constant);
    if (k == 0) {
        power(factor, factor_of(o, 0), limbs);
        power(constant, factor_of(o, 0) + level_of(o, 0), limbs);
        hg_ring_negate(constant, constant, 1, limbs);
        return;
    }
    power(before, factor_of(o, k - 1), limbs);
    if (k + 1 == o->levels) {
        memset(factor, 0, limbs * sizeof *factor);
        power(constant, factor_of(o, k - 1) + level_of(o, k), limbs);
    } else {
        power(factor, factor_of(o, k), limbs);
    }
    hg_ring_sub(factor, factor, before, 1, limbs);
}

static hg_status terms(hg_share *y, hg_run *r, const hg_share *x, const octaves *o, hg_err *err) {
    HG_TRY(hg_share_new(y, r, x->n * o->levels, x->limbs, x->mac[0] != NULL, err));
    for (size_t k = 0; k < o->levels; k++) {
        uint64_t factor[HG_RING_LIMBS], constant[HG_RING_LIMBS];
        term(factor, constant, o, k, x->limbs);
        for (size_t i = 0; i < x->n; i++) {
            const hg_share from = hg_share_view(x, i, 1);
            hg_share to = hg_share_view(y, i * o->levels + k, 1);
            hg_share_scale(r, &to, &from, factor, 1);
            hg_share_add_public(r, &to, &to, constant, 1);
        }
    }
    return HG_OK;
}

/* u [n] and the thermometer as numbers [n, levels]. Two rounds after the comparisons. */
static hg_status normalise(hg_share *u, hg_share *thermometer, hg_run *r, const hg_share *x, const octaves *o,
                           hg_err *err) {
    uint64_t level[LEVELS_MOST * HG_RING_LIMBS], base[HG_RING_LIMBS], centre[HG_RING_LIMBS];
    const unsigned limbs = x->limbs;
    hg_bits bits;
    hg_share y, left, right;
    hg_lift l;
    for (size_t k = 0; k < o->levels; k++) power(level + k * limbs, level_of(o, k), limbs);
    HG_TRY(hg_at_least(r, &bits, x, level, o->levels, COMPARED, err));
    HG_TRY(terms(&y, r, x, o, err));
    HG_TRY(hg_lift_inner(&left, &right, &l, r, &bits, &y, x->n, o->levels, true, err));
    power(base, factor_of(o, 0) + level_of(o, 0), limbs);
    for (size_t i = 0; i < x->n; i++) {
        hg_share last = hg_share_view(&left, (i + 1) * (o->levels + 1) - 1, 1);
        hg_share_add_public(r, &last, &last, base, 1);
    }
    HG_TRY(hg_inner_truncated(r, u, &left, &right, x->n, o->levels + 1, o->cut, NORMAL + o->step + 1, err));
    hg_ring_from_int(centre, -o->centre, limbs);
    hg_share_add_public(r, u, u, centre, 1);
    return hg_lift_end(thermometer, &l, r, err);
}

/* z[i] = base + sum_k c[k] t[i, k], k < levels - 1: what the top level adds is nothing. */
static hg_status weigh(hg_share *z, hg_run *r, const hg_share *t, const octaves *o, int64_t base, const int64_t *c,
                       hg_err *err) {
    const size_t n = t->n / o->levels;
    uint64_t e[HG_RING_LIMBS];
    HG_TRY(hg_share_new(z, r, n, t->limbs, true, err));
    for (size_t k = 0; k + 1 < o->levels; k++) {
        hg_ring_from_int(e, c[k], t->limbs);
        for (size_t i = 0; i < n; i++)
            for (unsigned s = 0; s < hg_run_copies(r); s++) {
                const size_t from = (i * o->levels + k) * t->limbs, to = i * t->limbs;
                hg_ring_scale_add(z->slot[s] + to, t->slot[s] + from, e, 1, t->limbs);
                if (z->mac[s]) hg_ring_scale_add(z->mac[s] + to, t->mac[s] + from, e, 1, t->limbs);
            }
    }
    hg_ring_from_int(e, base, t->limbs);
    hg_share_add_public(r, z, z, e, 1);
    return HG_OK;
}

/* ---- polynomial -------------------------------------------------------------------------------------------------- */

enum {
    SQUARE = 32, /* fraction bits of u^2 */
    FOURTH = 30,
    EIGHTH = 27,
    BLOCK = 65,   /* of A_1 and A_2 */
    WEIGHED = 32, /* of V_1 and V_2 */
    WHOLE = FOURTH + WEIGHED,
    MAGNITUDE = 79,
    OUTPUTS = 2
};

/* An output: sum of coefficient[i] u^i, times weight (NULL: 1), times 2^scale. */
typedef struct {
    const double *coefficient;
    unsigned scale;
    const hg_share *weight;
} output;

/* u, u^2, u^3, u^4, u^8 and their fraction bits */
typedef struct {
    hg_share u, u2, u3, u4, u8;
    unsigned scale1, scale3;
} powers;

/* A double at `fraction` bits; its own 53 reach no further than the shift. */
static void fixed(uint64_t *e, double c, unsigned fraction, unsigned limbs) {
    const unsigned shift = fraction > 50 ? 10 : 0;
    hg_ring_from_double(e, c, fraction - shift, limbs);
    if (shift) hg_ring_shift_left(e, e, shift, 1, limbs);
}

/* sum of c[0..n-1] times 1, u, u^2, u^3, u^4 at `fraction` bits. Local. */
static hg_status combine(hg_share *z, hg_run *r, const powers *p, const double *c, unsigned n, unsigned fraction,
                         hg_err *err) {
    const hg_share *const x[] = { NULL, &p->u, &p->u2, &p->u3, &p->u4 };
    const unsigned scale[] = { 0, p->scale1, SQUARE, p->scale3, FOURTH };
    const unsigned limbs = p->u.limbs;
    uint64_t e[HG_RING_LIMBS];
    hg_share part;
    HG_TRY(hg_share_new(z, r, p->u.n, limbs, true, err));
    HG_TRY(hg_share_new(&part, r, p->u.n, limbs, true, err));
    for (unsigned i = 0; i < n; i++) {
        fixed(e, c[i], fraction - scale[i], limbs);
        if (i == 0) {
            hg_share_add_public(r, z, z, e, 1);
            continue;
        }
        hg_share_scale(r, &part, x[i], e, 1);
        hg_share_add(r, z, z, &part);
    }
    return HG_OK;
}

/* Part k of a vector made of parts of n elements. */
static hg_share part_of(const hg_share *x, size_t k, size_t n) { return hg_share_view(x, k * n, n); }

static void put(hg_run *r, hg_share *x, size_t k, const hg_share *from) {
    hg_share to = part_of(x, k, from->n);
    hg_share_copy(r, &to, from);
}

static hg_status first_powers(powers *p, hg_run *r, const hg_share *u, unsigned scale, hg_err *err) {
    const size_t n = u->n;
    hg_share x, y, z;
    *p = (powers) { .u = *u, .scale1 = scale, .scale3 = scale + SQUARE - 34 };
    HG_TRY(hg_mul_truncated(r, &p->u2, u, u, 2 * scale - SQUARE, 64, err));
    HG_TRY(hg_share_new(&x, r, 2 * n, u->limbs, true, err));
    HG_TRY(hg_share_new(&y, r, 2 * n, u->limbs, true, err));
    put(r, &x, 0, u);
    put(r, &x, 1, &p->u2);
    put(r, &y, 0, &p->u2);
    put(r, &y, 1, &p->u2);
    HG_TRY(hg_mul_truncated(r, &z, &x, &y, 34, 66, err));
    p->u3 = part_of(&z, 0, n);
    p->u4 = part_of(&z, 1, n);
    return HG_OK;
}

/* V_1 and V_2 of each output, and u^8 */
static hg_status blocks(hg_share v[OUTPUTS][2], powers *p, hg_run *r, const output *o, size_t outputs, hg_err *err) {
    static const uint64_t one[HG_RING_LIMBS] = { 1 };
    const size_t n = p->u.n, parts = 2 * outputs + 1;
    hg_share x, y, z, a;
    HG_TRY(hg_share_new(&x, r, parts * n, p->u.limbs, true, err));
    HG_TRY(hg_share_new(&y, r, parts * n, p->u.limbs, true, err));
    for (size_t k = 0; k < 2 * outputs; k++) {
        const bool high = k % 2;
        const output *of = &o[k / 2];
        HG_TRY(combine(&a, r, p, of->coefficient + (high ? 8 : 4), high ? 5 : 4, BLOCK + of->scale, err));
        put(r, &x, k, &a);
        hg_share to = part_of(&y, k, n);
        if (of->weight)
            hg_share_copy(r, &to, of->weight);
        else
            hg_share_add_public(r, &to, &to, one, 1);
    }
    put(r, &x, parts - 1, &p->u4);
    put(r, &y, parts - 1, &p->u4);
    HG_TRY(hg_mul_truncated(r, &z, &x, &y, BLOCK - WEIGHED, MAGNITUDE - 2, err));
    for (size_t k = 0; k < 2 * outputs; k++) v[k / 2][k % 2] = part_of(&z, k, n);
    p->u8 = part_of(&z, parts - 1, n);
    return HG_OK;
}

/* Rows (A_0, V_1, V_2) and (weight, u^4, u^8), one inner product for each number and output. */
static hg_status rows_of(hg_share *x, hg_share *y, hg_run *r, const powers *p, const output *o, hg_share v[2],
                         size_t first, hg_err *err) {
    static const uint64_t one[HG_RING_LIMBS] = { 1 };
    hg_share low, high;
    HG_TRY(combine(&low, r, p, o->coefficient, 4, WHOLE + o->scale, err));
    HG_TRY(hg_share_new(&high, r, v[1].n, v[1].limbs, true, err));
    hg_share_shift_left(r, &high, &v[1], FOURTH - EIGHTH);
    const hg_share *const left[] = { &low, &v[0], &high }, *const right[] = { o->weight, &p->u4, &p->u8 };
    for (size_t i = 0; i < low.n; i++)
        for (size_t k = 0; k < 3; k++) {
            hg_share a = hg_share_view(x, 3 * (first + i) + k, 1), b = hg_share_view(y, 3 * (first + i) + k, 1);
            const hg_share from = hg_share_view(left[k], i, 1);
            hg_share_copy(r, &a, &from);
            if (!right[k]) {
                hg_share_add_public(r, &b, &b, one, 1);
                continue;
            }
            const hg_share by = hg_share_view(right[k], i, 1);
            hg_share_copy(r, &b, &by);
        }
    return HG_OK;
}

/* z: the outputs one after the other, n numbers each, `fraction` bits below the scale WHOLE dropped. */
static hg_status polynomials(hg_share *z, hg_run *r, const hg_share *u, unsigned scale, const output *o, size_t outputs,
                             unsigned fraction, hg_err *err) {
    powers p;
    hg_share v[OUTPUTS][2], x, y;
    const size_t n = outputs * u->n;
    HG_TRY(first_powers(&p, r, u, scale, err));
    HG_TRY(blocks(v, &p, r, o, outputs, err));
    HG_TRY(hg_share_new(&x, r, 3 * n, u->limbs, true, err));
    HG_TRY(hg_share_new(&y, r, 3 * n, u->limbs, true, err));
    for (size_t k = 0; k < outputs; k++) HG_TRY(rows_of(&x, &y, r, &p, &o[k], v[k], k * u->n, err));
    return hg_inner_truncated(r, z, &x, &y, n, 3, fraction, MAGNITUDE, err);
}

/* ---- the functions ----------------------------------------------------------------------------------------------- */

/* 1/x = (1/m) 2^(64 - j) ulps for X = m 2^j: the weight is F_k = 2^(34 - j), and WHOLE - 32 = 30. */
static hg_status of_two(hg_share *reciprocal, hg_share *log2, hg_run *r, const hg_share *x, hg_err *err) {
    int64_t halves[LEVELS_MOST] = { 0 }, ones[LEVELS_MOST] = { 0 };
    hg_share u, t, weight, exponent, z;
    for (size_t k = 1; k + 1 < OF_TWO.levels; k++) {
        halves[k] = -((int64_t)1 << factor_of(&OF_TWO, k));
        ones[k] = (int64_t)1 << HG_FRACTION;
    }
    HG_TRY(normalise(&u, &t, r, x, &OF_TWO, err));
    HG_TRY(weigh(&weight, r, &t, &OF_TWO, (int64_t)1 << factor_of(&OF_TWO, 0), halves, err));
    const output both[OUTPUTS] = { { RECIPROCAL, 0, &weight }, { LOG2, 2, NULL } };
    HG_TRY(polynomials(&z, r, &u, OF_TWO.scale, reciprocal ? both : both + 1, reciprocal && log2 ? 2 : 1, WHOLE - 30,
                       err));
    const hg_share first = part_of(&z, 0, x->n), last = part_of(&z, z.n / x->n - 1, x->n);
    if (reciprocal) hg_share_copy(r, reciprocal, &first);
    if (!log2) return HG_OK;
    HG_TRY(weigh(&exponent, r, &t, &OF_TWO, ((int64_t)OF_TWO.low - HG_FRACTION) * ones[1], ones, err));
    hg_share_add(r, log2, &last, &exponent);
    return HG_OK;
}

/* sqrt x = sqrt m 2^(18 + k) ulps in octave k: the weight is 2^k, and WHOLE - 18 = 44. */
static hg_status of_four(hg_share *root, hg_run *r, const hg_share *x, hg_err *err) {
    int64_t doubles[LEVELS_MOST] = { 0 };
    hg_share u, t, weight, z;
    for (size_t k = 1; k + 1 < OF_FOUR.levels; k++) doubles[k] = (int64_t)1 << (k - 1);
    HG_TRY(normalise(&u, &t, r, x, &OF_FOUR, err));
    HG_TRY(weigh(&weight, r, &t, &OF_FOUR, 1, doubles, err));
    HG_TRY(polynomials(&z, r, &u, OF_FOUR.scale, &(output) { SQUARE_ROOT, 0, &weight }, 1, WHOLE - 18, err));
    hg_share_copy(r, root, &z);
    return HG_OK;
}

static hg_status check_width(const hg_share *x, hg_err *err) {
    if (x->limbs >= 2) return HG_OK;
    return hg_fail(err, HG_EINVAL, "functions need numbers of 2 limbs or more, not of %u", x->limbs);
}

hg_status hg_reciprocal_log2(hg_run *r, hg_share *reciprocal, hg_share *log2, const hg_share *x, hg_err *err) {
    hg_share made[2]; /* an output may be x */
    HG_TRY(check_width(x, err));
    if (!reciprocal && !log2) return hg_fail(err, HG_EINVAL, "neither the reciprocal nor the logarithm is wanted");
    for (int k = 0; k < 2; k++) HG_TRY(hg_share_new(&made[k], r, x->n, x->limbs, true, err));
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    const hg_status st =
        x->n ? of_two(reciprocal ? &made[0] : NULL, log2 ? &made[1] : NULL, r, x, err) : hg_run_round(r, err);
    hg_arena_reset(hg_run_arena(r), mark);
    if (reciprocal) *reciprocal = made[0];
    if (log2) *log2 = made[1];
    return st;
}

hg_status hg_square_root(hg_run *r, hg_share *z, const hg_share *x, hg_err *err) {
    hg_share made;
    HG_TRY(check_width(x, err));
    HG_TRY(hg_share_new(&made, r, x->n, x->limbs, true, err));
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    const hg_status st = x->n ? of_four(&made, r, x, err) : hg_run_round(r, err);
    hg_arena_reset(hg_run_arena(r), mark);
    *z = made;
    return st;
}
