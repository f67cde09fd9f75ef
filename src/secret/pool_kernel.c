/* secret/pool_kernel.c -- see secret/pool_kernel.h */
#include "secret/pool_kernel.h"
#include "secret/exact.h"
#include "secret/function.h"
#include "secret/pool_fixed.h"
#include "secret/truncate.h"
#include <assert.h>
#include <math.h>

enum {
    LIMBS = HG_POOL_LIMBS,
    F = HG_KERNEL_FRACTION,
    MAGNITUDE = 2 * F + 1, /* of products of numbers up to 1 */
    DEGREE = HG_MIXTURE_DEGREE
};

/* ---- steps ---------------------------------------------------------------------------------------------------------------- */

/* Several products of n elements each, truncated to F bits, in one step; into memory made before, so that a step leaves nothing
 * behind in the arena: a pool has many pairs. */
typedef struct {
    size_t n;
    hg_share *z[8];
    const hg_share *x[8], *y[8];
} step;

static void put(step *s, hg_share *z, const hg_share *x, const hg_share *y) {
    assert(s->n < 8);
    s->z[s->n] = z;
    s->x[s->n] = x;
    s->y[s->n++] = y;
}

static hg_status take(step *s, hg_run *r, hg_err *err) {
    hg_share x, y, z;
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    HG_TRY(hg_share_join(&x, r, s->x, s->n, err));
    HG_TRY(hg_share_join(&y, r, s->y, s->n, err));
    HG_TRY(hg_mul_truncated(r, &z, &x, &y, F, MAGNITUDE, err));
    for (size_t k = 0, at = 0; k < s->n; at += s->z[k++]->n) {
        const hg_share part = hg_share_view(&z, at, s->z[k]->n);
        hg_share_copy(r, s->z[k], &part);
    }
    hg_arena_reset(hg_run_arena(r), mark);
    s->n = 0;
    return HG_OK;
}

/* ---- the kernel -------------------------------------------------------------------------------------------------------------- */

/* z = 2 x - 1, x = squared distance / 2^shift, F bits. */
static hg_status distances(hg_share *z, hg_run *r, const hg_mixture *k, const hg_share *left, const hg_share *right,
                           size_t n, size_t d, hg_err *err) {
    const unsigned fraction = 2 * HG_FRACTION + k->shift - F - 1; /* twice x */
    const unsigned magnitude = 2 * HG_FRACTION + k->shift + 1;
    hg_share difference;
    HG_TRY(hg_share_new(&difference, r, n * d, LIMBS, true, err));
    hg_share_sub(r, &difference, left, right);
    HG_TRY(hg_inner_truncated(r, z, &difference, &difference, n, d, fraction, magnitude, err));
    uint64_t minus_one[LIMBS];
    hg_pool_constant(minus_one, -1, F);
    hg_share_add_public(r, z, z, minus_one, 1);
    return HG_OK;
}

/* z^2 ... z^10 in four steps. */
static hg_status powers(hg_share power[DEGREE + 1], hg_run *r, hg_err *err) {
    step s = { 0 };
    for (size_t i = 2; i <= DEGREE; i++) HG_TRY(hg_share_new(&power[i], r, power[1].n, LIMBS, true, err));
    for (size_t have = 1; have < DEGREE; have *= 2) {
        for (size_t i = 1; i <= have && have + i <= DEGREE; i++) put(&s, &power[have + i], &power[i], &power[have]);
        HG_TRY(take(&s, r, err));
    }
    return HG_OK;
}

static double falling(double x) { return hg_exact_exp(-x); }

/* c[i] += w times the coefficients of exp(-rate (z + 1) / 2). */
static void add_terms(double c[DEGREE + 1], double rate, double w) {
    double term[DEGREE + 1];
    hg_polynomial_fit(term, DEGREE, falling, 0, rate);
    for (size_t i = 0; i <= DEGREE; i++) c[i] += w * term[i];
}

/* out = sum c[i] power[i], 2 F bits. Adds to what is there. */
static hg_status add_polynomial(hg_share *out, hg_run *r, const hg_share power[DEGREE + 1], const double c[DEGREE + 1],
                                hg_err *err) {
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    uint64_t e[LIMBS];
    hg_share scaled;
    HG_TRY(hg_share_new(&scaled, r, out->n, LIMBS, true, err));
    for (size_t i = 1; i <= DEGREE; i++) {
        hg_pool_constant(e, c[i], F);
        hg_share_scale(r, &scaled, &power[i], e, 1);
        hg_share_add(r, out, out, &scaled);
    }
    hg_pool_constant(e, c[0], 2 * F);
    hg_share_add_public(r, out, out, e, 1);
    hg_arena_reset(hg_run_arena(r), mark);
    return HG_OK;
}

/* What the levels of the chains are worth to each length; sum[l] has 2 F bits. */
static hg_status add_levels(hg_share sum[], hg_run *r, const hg_mixture *k, const hg_share chain[], size_t level,
                            hg_err *err) {
    for (size_t c = 0; c < k->chains; c++) {
        if (level > k->chain[c].squarings) continue;
        for (size_t l = 0; l < k->lengths; l++) {
            if (!(k->chain[c].weight[l][level] > 0)) continue;
            const hg_mark mark = hg_arena_mark(hg_run_arena(r));
            uint64_t w[LIMBS];
            hg_share scaled;
            hg_pool_constant(w, k->chain[c].weight[l][level], F);
            HG_TRY(hg_share_new(&scaled, r, sum[l].n, LIMBS, true, err));
            hg_share_scale(r, &scaled, &chain[c], w, 1);
            hg_share_add(r, &sum[l], &sum[l], &scaled);
            hg_arena_reset(hg_run_arena(r), mark);
        }
    }
    return HG_OK;
}

/* exp(-start x) of each chain, from the powers. */
static hg_status starts(hg_share chain[], hg_run *r, const hg_mixture *k, const hg_share power[DEGREE + 1], size_t n,
                        hg_err *err) {
    hg_share wide, cut;
    if (k->chains == 0) return HG_OK;
    HG_TRY(hg_share_new(&wide, r, k->chains * n, LIMBS, true, err));
    for (size_t c = 0; c < k->chains; c++) {
        double terms[DEGREE + 1] = { 0 };
        hg_share place = hg_share_view(&wide, c * n, n);
        add_terms(terms, k->chain[c].start, 1);
        HG_TRY(add_polynomial(&place, r, power, terms, err));
    }
    HG_TRY(hg_truncate(r, &cut, &wide, F, MAGNITUDE, err));
    for (size_t c = 0; c < k->chains; c++) chain[c] = hg_share_view(&cut, c * n, n);
    return HG_OK;
}

hg_status hg_pool_kernel(hg_share *pairs, hg_run *r, const hg_mixture *k, const hg_share *left, const hg_share *right,
                         size_t n, size_t d, hg_err *err) {
    hg_share power[DEGREE + 1], chain[HG_MIXTURE_CHAINS], sum[HG_POOLS_MOST], all;
    HG_TRY(distances(&power[1], r, k, left, right, n, d, err));
    HG_TRY(powers(power, r, err));
    HG_TRY(hg_share_new(&all, r, k->lengths * n, LIMBS, true, err));
    for (size_t l = 0; l < k->lengths; l++) {
        double terms[DEGREE + 1] = { 0 };
        for (size_t j = 0; j < k->slow; j++)
            if (k->slow_weight[l][j] > 0) add_terms(terms, k->slow_rate[j], k->slow_weight[l][j]);
        sum[l] = hg_share_view(&all, l * n, n);
        HG_TRY(add_polynomial(&sum[l], r, power, terms, err));
    }
    HG_TRY(starts(chain, r, k, power, n, err));
    for (size_t level = 0;; level++) {
        step s = { 0 };
        HG_TRY(add_levels(sum, r, k, chain, level, err));
        for (size_t c = 0; c < k->chains; c++)
            if (level < k->chain[c].squarings) put(&s, &chain[c], &chain[c], &chain[c]);
        if (s.n == 0) break;
        HG_TRY(take(&s, r, err));
    }
    return hg_truncate(r, pairs, &all, 2 * F - HG_POOL_FRACTION, MAGNITUDE, err);
}

/* Each start is off by a few units; a squaring doubles what there is and adds at most two units. */
double hg_pool_kernel_error(const hg_mixture *k) {
    const double unit = ldexp(1, -F);
    double most = 0;
    for (size_t l = 0; l < k->lengths; l++) {
        double error = 4 * unit;
        for (size_t c = 0; c < k->chains; c++)
            for (size_t i = 0; i <= k->chain[c].squarings; i++)
                error += k->chain[c].weight[l][i] * ldexp(6 * unit, (int)i);
        most = fmax(most, error);
    }
    return most + ldexp(2, -HG_POOL_FRACTION);
}
