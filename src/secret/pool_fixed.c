/* secret/pool_fixed.c -- see secret/pool_fixed.h */
#include "secret/pool_fixed.h"
#include "secret/compare.h"
#include "secret/exact.h"
#include "secret/pool_mixture.h"
#include "secret/truncate.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum { LIMBS = HG_POOL_LIMBS, F = HG_POOL_FRACTION };

/* ---- local ------------------------------------------------------------------------------------------------------------- */

hg_status hg_share_join(hg_share *out, hg_run *r, const hg_share *const *part, size_t parts, hg_err *err) {
    size_t n = 0;
    bool mac = true;
    for (size_t k = 0; k < parts; k++) {
        n += part[k]->n;
        mac = mac && part[k]->mac[0];
    }
    const unsigned limbs = part[0]->limbs;
    HG_TRY(hg_share_new(out, r, n, limbs, mac, err));
    size_t at = 0;
    for (size_t k = 0; k < parts; k++) {
        hg_share place = hg_share_view(out, at, part[k]->n);
        hg_share_copy(r, &place, part[k]);
        at += part[k]->n;
    }
    return HG_OK;
}

hg_status hg_share_repeat(hg_share *out, hg_run *r, const hg_share *x, size_t times, hg_err *err) {
    HG_TRY(hg_share_new(out, r, x->n * times, x->limbs, x->mac[0] != NULL, err));
    for (size_t i = 0; i < x->n; i++)
        for (size_t k = 0; k < times; k++) {
            hg_share place = hg_share_view(out, i * times + k, 1), one = hg_share_view(x, i, 1);
            hg_share_copy(r, &place, &one);
        }
    return HG_OK;
}

hg_status hg_share_combine(hg_share *out, hg_run *r, const hg_share *x, size_t n, const uint64_t *c,
                           const uint64_t *constant, hg_err *err) {
    assert(x->limbs == LIMBS);
    const size_t length = n ? x->n / n : 0;
    HG_TRY(hg_share_new(out, r, n, LIMBS, x->mac[0] != NULL, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (size_t i = 0; i < n; i++) {
            hg_ring_dot_add(out->slot[s] + i * LIMBS, c, x->slot[s] + i * length * LIMBS, length, LIMBS);
            if (out->mac[s]) hg_ring_dot_add(out->mac[s] + i * LIMBS, c, x->mac[s] + i * length * LIMBS, length, LIMBS);
        }
    if (constant) hg_share_add_public(r, out, out, constant, 1);
    return HG_OK;
}

/* 52 bits of x from the leading one on, moved to their place. */
void hg_pool_constant(uint64_t z[LIMBS], double x, unsigned fraction) {
    int e;
    const double head = frexp(x, &e), rounded = hg_exact_round(ldexp(head, 51)); /* |rounded| <= 2^51 */
    const int shift = e - 51 + (int)fraction;
    if (shift >= 0) {
        hg_ring_from_int(z, (int64_t)rounded, LIMBS);
        hg_ring_shift_left(z, z, (unsigned)shift, 1, LIMBS);
    } else {
        hg_ring_from_int(z, (int64_t)hg_exact_round(ldexp(head, 51 + shift)), LIMBS);
    }
}

/* ---- cells ------------------------------------------------------------------------------------------------------------------ */

static double root_of(double t) { return 1 / sqrt(1 + t); }
static double log2_of(double t) { return hg_exact_log(1 + t) * 1.4426950408889634; }

/* Powers of z = t / most to powers of t, with F bits. */
static void terms(uint64_t out[HG_CELL_DEGREE + 1][LIMBS], unsigned degree, double (*f)(double), double most) {
    double c[HG_CELL_DEGREE + 1], power = 1;
    hg_polynomial_fit(c, degree, f, -most, most);
    memset(out, 0, (HG_CELL_DEGREE + 1) * sizeof *out);
    for (unsigned i = 0; i <= degree; i++) {
        hg_pool_constant(out[i], c[i] / power, F);
        power *= most;
    }
}

/* value[k] becomes value[k] - value[k - 1]. */
static void steps_of(uint64_t value[HG_CELLS_MOST][LIMBS], size_t n) {
    for (size_t k = n; k-- > 1;) hg_ring_sub(value[k], value[k], value[k - 1], 1, LIMBS);
}

void hg_cells_make(hg_cells *c, int low, int high, unsigned steps, unsigned fraction, unsigned scale) {
    static const double LN2 = 0.6931471805599453;
    memset(c, 0, sizeof *c);
    c->fraction = fraction;
    c->scale = scale;
    c->cells = (size_t)(high - low) * steps;
    c->bits = fraction + (unsigned)high + 2;
    assert(c->cells <= HG_CELLS_MOST);
    double most = 0; /* largest |t| */
    for (size_t k = 0; k < c->cells; k++) {
        const double edge = low + (double)k / steps, half = 0.5 / steps;
        const double inverse = hg_exact_round(ldexp(hg_exact_exp(-(edge + half) * LN2), (int)scale));
        const double centre = ldexp(1 / inverse, (int)scale); /* what the rounded inverse stands for */
        const double left = hg_exact_exp(edge * LN2) / centre - 1,
                     right = hg_exact_exp((edge + 2 * half) * LN2) / centre - 1;
        most = fmax(most, fmax(-left, right));
        if (k > 0) hg_pool_constant(c->border[k - 1], hg_exact_exp(edge * LN2), fraction);
        hg_pool_constant(c->inverse[k], inverse, 0);
        hg_pool_constant(c->root[k], 1 / sqrt(centre), F);
        hg_pool_constant(c->log2[k], hg_exact_log(centre) / LN2, F);
        hg_ring_shift_left(c->log2[k], c->log2[k], F, 1, LIMBS);
    }
    steps_of(c->inverse, c->cells);
    steps_of(c->root, c->cells);
    steps_of(c->log2, c->cells);
    terms(c->root_term, HG_CELL_DEGREE - 1, root_of, most);
    terms(c->log2_term, HG_CELL_DEGREE, log2_of, most);
}

hg_status hg_cells_differences(hg_share *out, hg_run *r, const hg_cells *c, const hg_share *x, hg_err *err) {
    const size_t borders = c->cells - 1;
    HG_TRY(hg_share_repeat(out, r, x, borders, err));
    uint64_t *minus = hg_alloc(hg_run_arena(r), out->n * LIMBS, sizeof *minus);
    if (!minus) return hg_fail(err, HG_ENOMEM, "no memory for %zu comparisons", out->n);
    for (size_t i = 0; i < x->n; i++) hg_ring_negate(minus + i * borders * LIMBS, c->border[0], borders, LIMBS);
    hg_share_add_public(r, out, out, minus, out->n);
    return HG_OK;
}

hg_status hg_pool_not_negative(hg_share *out, hg_run *r, const hg_share *x, unsigned bits, hg_err *err) {
    hg_bits negative;
    HG_TRY(hg_negative(r, &negative, x, bits, err));
    hg_bits_not(r, &negative, &negative);
    return hg_bits_to_share(r, out, &negative, LIMBS, err);
}

/* What the powers of t are: [n] each; x t stands for the power times x. */
static hg_status product(hg_share *z, hg_run *r, const hg_share *const *x, const hg_share *const *y, size_t parts,
                         unsigned magnitude, hg_share *const *out, hg_err *err) {
    hg_share left, right;
    HG_TRY(hg_share_join(&left, r, x, parts, err));
    HG_TRY(hg_share_join(&right, r, y, parts, err));
    HG_TRY(hg_mul_truncated(r, z, &left, &right, F, magnitude, err));
    for (size_t k = 0; k < parts; k++) *out[k] = hg_share_view(z, k * x[0]->n, x[0]->n);
    return HG_OK;
}

/* out[i] = sum_k term[k] power[k][i], wide; power[0] NULL: nothing. */
static hg_status polynomial(hg_share *out, hg_run *r, const hg_share *const *power, size_t powers,
                            uint64_t (*term)[LIMBS], hg_err *err) {
    const size_t n = power[1]->n;
    HG_TRY(hg_share_new(out, r, n, LIMBS, true, err));
    for (size_t k = 0; k < powers; k++) {
        hg_share scaled;
        if (!power[k]) continue;
        HG_TRY(hg_share_new(&scaled, r, n, LIMBS, true, err));
        hg_share_scale(r, &scaled, power[k], term[k], 1);
        hg_share_add(r, out, out, &scaled);
    }
    return HG_OK;
}

/* a t^k for k = 1 .. 7 and t^k for k = 1 .. 8 in three rounds. a may be NULL: then only powers of t. */
typedef struct {
    hg_share t[HG_CELL_DEGREE + 1], at[HG_CELL_DEGREE];
} powers_of;

static hg_status powers(powers_of *p, hg_run *r, const hg_share *a, bool with_t, hg_err *err) {
    enum { MAGNITUDE = HG_POOL_WIDE + 8 }; /* |a| <= 2^7 */
    hg_share z, *const t = p->t, *const at = p->at;
    const hg_share *x[8], *y[8];
    hg_share *out[8];
    size_t n = 0;
#define PRODUCT(to, left, right) (out[n] = &(to), x[n] = &(left), y[n] = &(right), n++)
    PRODUCT(t[2], t[1], t[1]);
    if (a) PRODUCT(at[1], *a, t[1]);
    HG_TRY(product(&z, r, x, y, n, MAGNITUDE, out, err));
    n = 0;
    PRODUCT(t[4], t[2], t[2]);
    if (with_t) PRODUCT(t[3], t[2], t[1]);
    if (a) {
        PRODUCT(at[2], at[1], t[1]);
        PRODUCT(at[3], at[1], t[2]);
    }
    HG_TRY(product(&z, r, x, y, n, MAGNITUDE, out, err));
    n = 0;
    if (with_t)
        for (size_t k = 1; k <= 4; k++) PRODUCT(t[4 + k], t[k], t[4]);
    if (a) {
        PRODUCT(at[4], *a, t[4]);
        for (size_t k = 1; k <= 3; k++) PRODUCT(at[4 + k], at[k], t[4]);
    }
#undef PRODUCT
    return product(&z, r, x, y, n, MAGNITUDE, out, err);
}

hg_status hg_cells_apply(hg_share *inverse_root, hg_share *log2, hg_run *r, const hg_cells *c, const hg_share *x,
                         const hg_share *above, hg_err *err) {
    const size_t n = x->n;
    hg_share inverse, root, base, sum;
    powers_of p;
    HG_TRY(hg_share_combine(&inverse, r, above, n, c->inverse[1], c->inverse[0], err));
    HG_TRY(hg_mul_truncated(r, &p.t[1], x, &inverse, c->fraction + c->scale - F, c->fraction + c->scale + 1, err));
    uint64_t minus_one[LIMBS];
    hg_pool_constant(minus_one, -1, F);
    hg_share_add_public(r, &p.t[1], &p.t[1], minus_one, 1);
    if (inverse_root) HG_TRY(hg_share_combine(&root, r, above, n, c->root[1], c->root[0], err));
    HG_TRY(powers(&p, r, inverse_root ? &root : NULL, log2 != NULL, err));
    if (log2) {
        const hg_share *power[HG_CELL_DEGREE + 1] = { NULL };
        for (size_t k = 1; k <= HG_CELL_DEGREE; k++) power[k] = &p.t[k];
        HG_TRY(hg_share_combine(&base, r, above, n, c->log2[1], c->log2[0], err));
        HG_TRY(polynomial(&sum, r, power, HG_CELL_DEGREE + 1, (uint64_t(*)[LIMBS])c->log2_term, err));
        uint64_t first[LIMBS];
        hg_ring_shift_left(first, c->log2_term[0], F, 1, LIMBS);
        hg_share_add_public(r, &sum, &sum, first, 1);
        hg_share_add(r, &sum, &sum, &base);
        *log2 = sum;
    }
    if (inverse_root) {
        const hg_share *power[HG_CELL_DEGREE] = { &root };
        for (size_t k = 1; k < HG_CELL_DEGREE; k++) power[k] = &p.at[k];
        HG_TRY(polynomial(&sum, r, power, HG_CELL_DEGREE, (uint64_t(*)[LIMBS])c->root_term, err));
        HG_TRY(hg_truncate(r, inverse_root, &sum, F, HG_POOL_WIDE + 8, err));
    }
    return HG_OK;
}
