/* secret/planes.c -- see secret/planes.h. All numbers of a batch go through each gate together. */
#include "secret/planes.h"
#include <assert.h>
#include <string.h>

size_t hg_planes_stride(size_t n) {
    size_t stride = 1;
    if (n > 32) return (n + 63) / 64 * 64;
    while (stride < n) stride *= 2;
    return stride;
}

hg_status hg_planes_new(hg_planes *out, hg_run *r, size_t count, size_t stride, hg_err *err) {
    *out = (hg_planes) { .count = count, .stride = stride };
    return hg_bits_new(&out->b, r, count * stride, err);
}

/* Plane `from` of x to plane `to` of z: whole words, or fewer than 64 bits that do not cross the end of a word. */
static void copy_plane(uint64_t *z, size_t to, const uint64_t *x, size_t from, size_t stride) {
    if (stride >= 64) {
        memcpy(z + to * (stride / 64), x + from * (stride / 64), stride / 8);
        return;
    }
    const uint64_t mask = ((uint64_t)1 << stride) - 1;
    const size_t i = to * stride, j = from * stride;
    z[i / 64] = (z[i / 64] & ~(mask << i % 64)) | (x[j / 64] >> j % 64 & mask) << i % 64;
}

void hg_planes_copy(hg_run *r, hg_planes *z, size_t to, const hg_planes *x, size_t first, size_t step, size_t count) {
    assert(z->stride == x->stride && to + count <= z->count && (!count || first + (count - 1) * step < x->count));
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (size_t i = 0; i < count; i++) copy_plane(z->b.slot[s], to + i, x->b.slot[s], first + i * step, x->stride);
}

/* Planes first .. first + count - 1 for a gate: no copy when planes are whole words. (Bits past the end of a hg_bits are
 * zero; a view that ends inside a word of other planes would break that.) */
static hg_status slice(hg_planes *out, hg_run *r, const hg_planes *x, size_t first, size_t count, hg_err *err) {
    if (x->stride < 64) {
        HG_TRY(hg_planes_new(out, r, count, x->stride, err));
        hg_planes_copy(r, out, 0, x, first, 1, count);
        return HG_OK;
    }
    *out = (hg_planes) { .b = { .n = count * x->stride }, .count = count, .stride = x->stride };
    for (unsigned s = 0; s < hg_run_copies(r); s++) out->b.slot[s] = x->b.slot[s] + first * (x->stride / 64);
    return HG_OK;
}

/* ---- three words to two ------------------------------------------------------------------------------------------ */

/* The words of each slot, transposed: the XOR of the three slots, hence the sum without carries. */
static hg_status transpose(hg_planes *out, hg_run *r, const hg_share *x, unsigned bits, hg_err *err) {
    const size_t words = (x->n + 63) / 64;
    hg_planes wide;
    HG_TRY(hg_planes_new(&wide, r, bits, 64 * words, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++) hg_ring_to_planes(wide.b.slot[s], x->slot[s], bits, x->n, x->limbs);
    const size_t stride = hg_planes_stride(x->n);
    if (stride >= 64) {
        *out = wide;
        return HG_OK;
    }
    HG_TRY(hg_planes_new(out, r, bits, stride, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (unsigned b = 0; b < bits; b++) out->b.slot[s][b * stride / 64] |= wide.b.slot[s][b] << b * stride % 64;
    return HG_OK;
}

/* Slot j's words a, b, c for j = 0, 1, 2, each known to two servers, zero in the other slots. Carry of three bits:
 * a + (a + b)(a + c). A server's own word of slot j is at s; the gate's inputs borrow it or are zero. */
hg_status hg_planes_add_slots(hg_planes *sum, hg_planes *carry, hg_run *r, const hg_share *x, unsigned bits,
                              unsigned carries, hg_err *err) {
    assert(bits >= 1 && bits <= 64 * x->limbs && carries <= bits);
    HG_TRY(transpose(sum, r, x, bits, err));
    hg_planes low, zero;
    HG_TRY(slice(&low, r, sum, 0, carries, err));
    HG_TRY(hg_planes_new(&zero, r, carries, sum->stride, err));
    if (hg_run_mode(r) == HG_PLAIN || carries == 0) { /* one word has no carries */
        *carry = zero;
        return hg_run_round(r, err);
    }
    hg_bits ab = low.b, ac = low.b;
    for (unsigned s = 0; s < 2; s++) {
        const unsigned j = (hg_run_party(r) + s) % HG_SLOTS;
        if (j == 2) ab.slot[s] = zero.b.slot[s];
        if (j == 1) ac.slot[s] = zero.b.slot[s];
    }
    *carry = low;
    HG_TRY(hg_and(r, &carry->b, &ab, &ac, err));
    HG_TRY(hg_run_round(r, err));
    for (unsigned s = 0; s < 2; s++)
        if ((hg_run_party(r) + s) % HG_SLOTS == 0)
            for (size_t i = 0; i < (low.b.n + 63) / 64; i++) carry->b.slot[s][i] ^= low.b.slot[s][i];
    return HG_OK;
}

/* ---- prefix tree ------------------------------------------------------------------------------------------------- */

/* g, p: carries made and carried on by intervals of bits, lowest first; p[0] is never asked for. Neighbours k = 2i,
 * 2i+1 join: g = g_hi + p_hi g_lo, p = p_hi p_lo. An odd one at the top waits. */
static hg_status join(hg_planes *g, hg_planes *p, hg_run *r, hg_err *err) {
    const size_t pairs = g->count / 2, left = g->count % 2, stride = g->stride;
    hg_planes x, y, z = { .count = 2 * pairs - 1, .stride = stride }, g2, p2;
    HG_TRY(hg_planes_new(&x, r, 2 * pairs - 1, stride, err));
    HG_TRY(hg_planes_new(&y, r, 2 * pairs - 1, stride, err));
    hg_planes_copy(r, &x, 0, p, 1, 2, pairs);
    hg_planes_copy(r, &y, 0, g, 0, 2, pairs);
    hg_planes_copy(r, &x, pairs, p, 3, 2, pairs - 1);
    hg_planes_copy(r, &y, pairs, p, 2, 2, pairs - 1);
    HG_TRY(hg_and(r, &z.b, &x.b, &y.b, err));
    HG_TRY(hg_planes_new(&g2, r, pairs + left, stride, err));
    HG_TRY(hg_planes_new(&p2, r, pairs + left, stride, err));
    HG_TRY(hg_run_round(r, err));
    hg_planes_copy(r, &g2, 0, g, 1, 2, pairs);
    for (unsigned s = 0; s < hg_run_copies(r); s++) { /* g_lo's places in z come first */
        const size_t whole = pairs * stride / 64, rest = pairs * stride % 64;
        for (size_t i = 0; i < whole; i++) g2.b.slot[s][i] ^= z.b.slot[s][i];
        if (rest) g2.b.slot[s][whole] ^= z.b.slot[s][whole] & (((uint64_t)1 << rest) - 1);
    }
    hg_planes_copy(r, &p2, 1, &z, pairs, 1, pairs - 1);
    hg_planes_copy(r, &g2, pairs, g, 2 * pairs, 1, left);
    hg_planes_copy(r, &p2, pairs, p, 2 * pairs, 1, left);
    *g = g2;
    *p = p2;
    return HG_OK;
}

hg_status hg_planes_carry(hg_planes *out, hg_run *r, const hg_planes *sum, const hg_planes *carry, unsigned top,
                          hg_err *err) {
    if (top == 0 || hg_run_mode(r) == HG_PLAIN) return hg_planes_new(out, r, 1, sum->stride, err);
    hg_planes u, v, g = { .count = top, .stride = sum->stride }, p;
    HG_TRY(slice(&u, r, sum, 1, top, err));
    HG_TRY(slice(&v, r, carry, 0, top, err));
    HG_TRY(hg_and(r, &g.b, &u.b, &v.b, err));
    HG_TRY(hg_planes_new(&p, r, top, sum->stride, err));
    hg_bits_xor(r, &p.b, &u.b, &v.b);
    HG_TRY(hg_run_round(r, err));
    while (g.count > 1) HG_TRY(join(&g, &p, r, err));
    *out = g;
    return HG_OK;
}

hg_status hg_planes_all(hg_planes *out, hg_run *r, const hg_planes *x, hg_err *err) {
    assert(x->count > 0);
    *out = *x;
    while (out->count > 1) {
        const size_t half = out->count / 2;
        hg_planes a, b, next;
        HG_TRY(slice(&a, r, out, 0, half, err));
        HG_TRY(slice(&b, r, out, half, half, err));
        hg_planes both = a;
        HG_TRY(hg_and(r, &both.b, &a.b, &b.b, err));
        HG_TRY(hg_planes_new(&next, r, out->count - half, out->stride, err));
        HG_TRY(hg_run_round(r, err));
        hg_planes_copy(r, &next, 0, &both, 0, 1, half);
        hg_planes_copy(r, &next, half, out, 2 * half, 1, out->count % 2);
        *out = next;
    }
    return HG_OK;
}

void hg_planes_bits(hg_run *r, hg_bits *z, const hg_planes *x, size_t at) {
    assert(z->n <= x->stride && at < x->count);
    const size_t words = (z->n + 63) / 64, from = at * x->stride;
    for (unsigned s = 0; s < hg_run_copies(r) && words; s++) {
        if (x->stride >= 64)
            memcpy(z->slot[s], x->b.slot[s] + from / 64, words * sizeof(uint64_t));
        else
            z->slot[s][0] = x->b.slot[s][from / 64] >> from % 64;
        if (z->n % 64) z->slot[s][words - 1] &= ((uint64_t)1 << z->n % 64) - 1;
    }
}

/* ---- cost -------------------------------------------------------------------------------------------------------- */

static unsigned log2_up(unsigned n) {
    unsigned k = 0;
    while ((1u << k) < n) k++;
    return k;
}

unsigned hg_negative_rounds(unsigned bits) { return bits < 2 ? 0 : bits == 2 ? 1 : 2 + log2_up(bits - 2); }

unsigned hg_negative_ands(unsigned bits) {
    if (bits < 3) return bits < 2 ? 0 : 1;
    const unsigned top = bits - 2;
    return bits - 1 + top + 2 * (top - 1) - log2_up(top);
}
