/* secret/chords.c -- see secret/function.h: a piecewise-linear function, chosen by thermometer bits
 *
 * T_k = [x >= node k]. Line k holds from node k to the next, line -1 is the first value, the last line the last value:
 *     f = line_-1 + sum_k T_k (line_k - line_(k-1))
 * a sum of bits times numbers that are linear in x (secret/lift.h): two rounds after the comparisons, truncated in the
 * second. Slopes have q fraction bits, as many as keep |f| 2^(32+q) below 2^77; each line starts at its node's value
 * exactly, so that errors of slopes do not add up: the error is the longest chord times 2^-(q+1), and 2 ulp of the
 * truncation.
 */
#include "secret/compare.h"
#include "secret/function.h"
#include "secret/lift.h"
#include "secret/truncate.h"
#include <math.h>

enum { BOUND = 78, SLOPE_BITS = 60, FRACTION_MOST = 40 };

double hg_chords_value(const hg_chords *c, double x) {
    size_t k = 0;
    if (!(x > c->x[0])) return c->y[0];
    while (k + 1 < c->n && x >= c->x[k + 1]) k++;
    if (k + 1 == c->n) return c->y[k];
    return c->y[k] + (c->y[k + 1] - c->y[k]) * ((x - c->x[k]) / (c->x[k + 1] - c->x[k]));
}

static double rounded(double x) { return nearbyint(ldexp(x, HG_FRACTION)); }

static double slope_of(const hg_chords *c, size_t k) {
    return (rounded(c->y[k + 1]) - rounded(c->y[k])) / (rounded(c->x[k + 1]) - rounded(c->x[k]));
}

/* Fraction bits of the slopes; 0: none is enough. */
static int slope_fraction(const hg_chords *c) {
    double most = 1, steepest = 0;
    for (size_t k = 0; k < c->n; k++) most = fmax(most, fabs(c->y[k]));
    for (size_t k = 0; k + 1 < c->n; k++) steepest = fmax(steepest, fabs(slope_of(c, k)));
    int q = BOUND - 2 - HG_FRACTION - ilogb(most) - 1;
    if (steepest > 0 && q > SLOPE_BITS - ilogb(steepest) - 1) q = SLOPE_BITS - ilogb(steepest) - 1;
    return q > FRACTION_MOST ? FRACTION_MOST : q > 0 ? q : 0;
}

static hg_status check(const hg_chords *c, const hg_share *x, unsigned bits, hg_err *err) {
    if (x->limbs < 2) return hg_fail(err, HG_EINVAL, "functions need numbers of 2 limbs or more, not of %u", x->limbs);
    if (c->n == 0) return hg_fail(err, HG_EINVAL, "a function of chords has no nodes");
    if (bits < HG_FRACTION || bits > 64)
        return hg_fail(err, HG_EINVAL, "chords compare numbers of 32 to 64 bits, not of %u", bits);
    const double most = ldexp(1, (int)bits - 2 - HG_FRACTION);
    for (size_t k = 0; k < c->n; k++) {
        if (!(fabs(c->x[k]) < most && fabs(c->y[k]) < 0x1p29)) /* NaN too */
            return hg_fail(err, HG_EINVAL, "node %zu of the chords, (%g, %g), is out of range", k, c->x[k], c->y[k]);
        if (k && !(rounded(c->x[k]) > rounded(c->x[k - 1])))
            return hg_fail(err, HG_EINVAL, "node %zu of the chords, at %g, does not ascend", k, c->x[k]);
    }
    if (slope_fraction(c) < 1) return hg_fail(err, HG_EINVAL, "the chords are too steep for fixed-point numbers");
    return HG_OK;
}

typedef struct {
    uint64_t slope[HG_RING_LIMBS], start[HG_RING_LIMBS]; /* at 2^q; at 2^(32 + q) */
} line;

/* Line k: slope (X - X_k) + (Y_k << q). k = n - 1: constant. */
static line line_of(const hg_chords *c, size_t k, int q, unsigned limbs) {
    line l;
    uint64_t at[HG_RING_LIMBS], run[HG_RING_LIMBS];
    const bool last = k + 1 == c->n;
    const double slope = last ? 0 : slope_of(c, k);
    hg_ring_from_double(l.slope, slope, (unsigned)q, limbs);
    hg_ring_from_double(at, c->x[k], HG_FRACTION, limbs);
    hg_ring_from_double(l.start, c->y[k], HG_FRACTION, limbs);
    hg_ring_shift_left(l.start, l.start, (unsigned)q, 1, limbs);
    hg_ring_mul(run, l.slope, at, 1, limbs);
    hg_ring_sub(l.start, l.start, run, 1, limbs);
    return l;
}

/* What T_k adds: line k less line k - 1, at x. */
static hg_status differences(hg_share *y, hg_run *r, const hg_share *x, const hg_chords *c, int q, const uint64_t *base,
                             hg_err *err) {
    line before = { .slope = { 0 } };
    const unsigned limbs = x->limbs;
    HG_TRY(hg_share_new(y, r, x->n * c->n, limbs, x->mac[0] != NULL, err));
    hg_ring_add(before.start, before.start, base, 1, limbs);
    for (size_t k = 0; k < c->n; k++) {
        const line now = line_of(c, k, q, limbs);
        hg_ring_sub(before.slope, now.slope, before.slope, 1, limbs);
        hg_ring_sub(before.start, now.start, before.start, 1, limbs);
        for (size_t i = 0; i < x->n; i++) {
            const hg_share from = hg_share_view(x, i, 1);
            hg_share to = hg_share_view(y, i * c->n + k, 1);
            hg_share_scale(r, &to, &from, before.slope, 1);
            hg_share_add_public(r, &to, &to, before.start, 1);
        }
        before = now;
    }
    return HG_OK;
}

static hg_status apply(hg_share *z, hg_run *r, const hg_share *x, const hg_chords *c, unsigned bits, hg_err *err) {
    const int q = slope_fraction(c);
    const unsigned limbs = x->limbs;
    uint64_t *level = hg_alloc(hg_run_arena(r), c->n * limbs, sizeof *level), base[HG_RING_LIMBS];
    if (!level) return hg_fail(err, HG_ENOMEM, "no memory for %zu chords", c->n);
    for (size_t k = 0; k < c->n; k++) hg_ring_from_double(level + k * limbs, c->x[k], HG_FRACTION, limbs);
    hg_ring_from_double(base, c->y[0], HG_FRACTION, limbs);
    hg_ring_shift_left(base, base, (unsigned)q, 1, limbs);
    hg_bits thermometer;
    hg_share y, left, right, sum;
    hg_lift l;
    HG_TRY(hg_at_least(r, &thermometer, x, level, c->n, bits, err));
    HG_TRY(differences(&y, r, x, c, q, base, err));
    HG_TRY(hg_lift_inner(&left, &right, &l, r, &thermometer, &y, x->n, c->n, false, err));
    for (size_t i = 0; i < x->n; i++) {
        hg_share last = hg_share_view(&left, (i + 1) * (c->n + 1) - 1, 1);
        hg_share_add_public(r, &last, &last, base, 1);
    }
    HG_TRY(hg_inner_truncated(r, &sum, &left, &right, x->n, c->n + 1, (unsigned)q, BOUND, err));
    hg_share_copy(r, z, &sum);
    return HG_OK;
}

hg_status hg_chords_apply(hg_run *r, hg_share *z, const hg_share *x, const hg_chords *c, unsigned bits, hg_err *err) {
    hg_share made; /* z may be x */
    HG_TRY(check(c, x, bits, err));
    HG_TRY(hg_share_new(&made, r, x->n, x->limbs, true, err));
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    const hg_status st = x->n ? apply(&made, r, x, c, bits, err) : hg_run_round(r, err);
    hg_arena_reset(hg_run_arena(r), mark);
    *z = made;
    return st;
}
