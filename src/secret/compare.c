/* secret/compare.c -- see secret/compare.h: the sign of a shared number
 *
 * x = x_0 + x_1 + x_2 modulo 2^bits = sum + 2 carry (one round, secret/planes.h). The top bit of the sum is
 * sum_top + carry_(top-1) + the carry out of the planes below. AND gates: bits - 1 to make two words of three, bits - 2
 * that make carries, 2 (bits - 3) - ceil(log2(bits - 2)) of the tree: 241 at 64 bits, 496 at 128.
 */
#include "secret/compare.h"
#include "secret/planes.h"
#include <assert.h>

static hg_status top_bit(hg_bits *negative, hg_run *r, const hg_share *x, unsigned bits, hg_err *err) {
    hg_planes sum, carry, out;
    HG_TRY(hg_planes_add_slots(&sum, &carry, r, x, bits, bits - 1, err));
    HG_TRY(hg_planes_carry(&out, r, &sum, &carry, bits > 2 ? bits - 2 : 0, err));
    hg_bits part;
    hg_planes_bits(r, negative, &sum, bits - 1);
    if (bits < 2) return HG_OK;
    HG_TRY(hg_bits_new(&part, r, x->n, err));
    hg_planes_bits(r, &part, &carry, bits - 2);
    hg_bits_xor(r, negative, negative, &part);
    hg_planes_bits(r, &part, &out, 0);
    hg_bits_xor(r, negative, negative, &part);
    return HG_OK;
}

hg_status hg_negative(hg_run *r, hg_bits *negative, const hg_share *x, unsigned bits, hg_err *err) {
    if (bits < 1 || bits > 64 * x->limbs)
        return hg_fail(err, HG_EINVAL, "a sign of %u bits of a number of %u limbs", bits, x->limbs);
    HG_TRY(hg_bits_new(negative, r, x->n, err));
    if (x->n == 0) return hg_run_round(r, err);
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    const hg_status st = top_bit(negative, r, x, bits, err);
    hg_arena_reset(hg_run_arena(r), mark);
    return st;
}

/* A difference needs no MAC and only the limbs that `bits` reach into. */
static hg_status difference(hg_share *out, hg_run *r, const hg_share *x, const hg_share *y, unsigned bits,
                            hg_err *err) {
    const unsigned limbs = (bits + 63) / 64;
    hg_share low;
    HG_TRY(hg_share_new(out, r, x->n, limbs, false, err));
    HG_TRY(hg_share_new(&low, r, y->n, limbs, false, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++) {
        hg_ring_resize(out->slot[s], limbs, x->slot[s], x->limbs, x->n);
        hg_ring_resize(low.slot[s], limbs, y->slot[s], y->limbs, y->n);
    }
    hg_share_sub(r, out, out, &low);
    return HG_OK;
}

hg_status hg_less(hg_run *r, hg_bits *less, const hg_share *x, const hg_share *y, unsigned bits, hg_err *err) {
    if (bits < 1 || bits > 64 * x->limbs || x->limbs != y->limbs || (y->n != x->n && y->n != 1))
        return hg_fail(err, HG_EINVAL, "a comparison of %zu numbers of %u limbs with %zu of %u in %u bits", x->n,
                       x->limbs, y->n, y->limbs, bits);
    HG_TRY(hg_bits_new(less, r, x->n, err));
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    hg_share d;
    hg_bits sign;
    hg_status st = difference(&d, r, x, y, bits, err);
    if (st == HG_OK) st = hg_negative(r, &sign, &d, bits, err);
    for (unsigned s = 0; st == HG_OK && s < hg_run_copies(r); s++)
        for (size_t i = 0; i < (x->n + 63) / 64; i++) less->slot[s][i] = sign.slot[s][i];
    hg_arena_reset(hg_run_arena(r), mark);
    return st;
}

static hg_status all_signs(hg_bits *z, hg_run *r, const hg_share *x, const uint64_t *level, size_t levels,
                           unsigned bits, hg_err *err) {
    const unsigned limbs = (bits + 63) / 64;
    hg_share d;
    hg_bits below;
    HG_TRY(hg_share_new(&d, r, x->n * levels, limbs, false, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (size_t i = 0; i < d.n; i++)
            hg_ring_resize(d.slot[s] + i * limbs, limbs, x->slot[s] + i / levels * x->limbs, x->limbs, 1);
    for (size_t i = 0; i < d.n; i++) {
        uint64_t minus[HG_RING_LIMBS];
        hg_share one = hg_share_view(&d, i, 1);
        hg_ring_resize(minus, limbs, level + i % levels * x->limbs, x->limbs, 1);
        hg_ring_negate(minus, minus, 1, limbs);
        hg_share_add_public(r, &one, &one, minus, 1);
    }
    HG_TRY(hg_negative(r, &below, &d, bits, err));
    hg_bits_not(r, z, &below);
    return HG_OK;
}

hg_status hg_at_least(hg_run *r, hg_bits *z, const hg_share *x, const uint64_t *level, size_t levels, unsigned bits,
                      hg_err *err) {
    if (bits < 1 || bits > 64 * x->limbs || (levels && x->n > SIZE_MAX / 256 / levels))
        return hg_fail(err, HG_EINVAL, "comparisons of %zu numbers of %u limbs with %zu levels in %u bits", x->n,
                       x->limbs, levels, bits);
    HG_TRY(hg_bits_new(z, r, x->n * levels, err));
    const hg_mark mark = hg_arena_mark(hg_run_arena(r));
    const hg_status st = all_signs(z, r, x, level, levels, bits, err);
    hg_arena_reset(hg_run_arena(r), mark);
    return st;
}
