/* secret/truncate.c -- see secret/truncate.h
 *
 * With c = x + 2^B + r as integers, r = r_0 + r_1 + r_2 and fractions in [0, 1):
 *     z = floor(c / 2^f) - sum floor(r_j / 2^f) - 2^(B-f) - 1 = x / 2^f - frac(c) + frac(r_0) + frac(r_1) + frac(r_2) - 1
 * lies within 2 of x / 2^f, and its mean is x / 2^f: only the low f bits of the masks matter.
 *
 * Semi-honest: r_j < 2^(k-2), k = 64 limbs, so c < 2^k is an integer when 3 2^(k-2) + 2^(B+1) <= 2^k, that is B <= k -
 * 3. Malicious, k = 144: c is opened modulo 2^144, r_j uniform modulo 2^144, so what is opened is uniform whatever x
 * is. Undone by w = floor(c / 2^144), taken from the masks alone: r_j = h_j 2^80 + l_j, w' = floor((h_0 + h_1 + h_2) /
 * 2^64). They differ only when h_0 + h_1 + h_2 modulo 2^64 (uniform) is so near 2^64 that sum l_j + x + 2^B < 3 2^80 +
 * 2^(B+1) carries over it: probability below (3 + 2^(B-79)) / 2^64 a number: 2^-61 for B <= 81, 2^-42 at the most that
 * is allowed, B = 100; a server cannot influence it. Then z = floor(c' / 2^f) + w' 2^(144-f) - ..., c' = c modulo
 * 2^144, linear in the authenticated w' and sum floor(r_j / 2^f).
 *
 * Without a stock the malicious mode verifies all products first; then x is what it should be modulo 2^144, and a
 * statistical mask may hide it: r_j < 2^142 (the same c modulo 2^144: errors that are multiples of 2^144 pass the
 * verification, and must not show in z), no wrap, hidden to 2^-(142 - B).
 */
#include "secret/truncate.h"
#include "core/memory.h"
#include "secret/compare.h"
#include "secret/planes.h"
#include "secret/run_internal.h"
#include "secret/verify.h"
#include <string.h>

enum {
    WIDE = 144,
    WIDE_LIMBS = 3,
    TOP = 80,
    WIDE_MAGNITUDE = 100
}; /* the malicious mode's k; below a mask's top 64 bits */

/* Slot words of n masks: this server's two; the plain mode has all three. */
typedef struct {
    uint64_t *word[HG_SLOTS];
    size_t n;
    unsigned limbs;
} masks;

static unsigned known_slots(const hg_run *r) { return r->mode == HG_PLAIN ? 3 : 2; }
static bool malicious(const hg_run *r) { return r->imitated == HG_MALICIOUS; }

static hg_status new_masks(masks *m, hg_run *r, size_t n, unsigned limbs, hg_err *err) {
    *m = (masks) { .n = n, .limbs = limbs };
    for (unsigned s = 0; s < known_slots(r); s++)
        if (!(m->word[s] = hg_alloc(r->arena, n * limbs, sizeof(uint64_t))))
            return hg_run_break(r, hg_fail(err, HG_ENOMEM, "no memory for %zu masks", n));
    return HG_OK;
}

static hg_status draw_masks(masks *m, hg_run *r, unsigned bits, hg_err *err) {
    const uint64_t draw = hg_prss_draw(r->prss, HG_PRSS_MASK);
    for (unsigned s = 0; s < known_slots(r); s++) {
        const unsigned slot = (r->party + s) % HG_SLOTS;
        HG_TRY(hg_run_break(r, hg_prss_fill(r->prss, HG_PRSS_MASK, draw, slot, m->word[s], m->n * m->limbs, err)));
        hg_ring_mask(m->word[s], bits, m->n, m->limbs);
    }
    return HG_OK;
}

/* The sum of floor(r_j / 2^shift), shared. */
static hg_status shifted_masks(hg_share *out, hg_run *r, const masks *m, unsigned shift, hg_err *err) {
    HG_TRY(hg_share_new(out, r, m->n, m->limbs, false, err));
    const size_t words = m->n * m->limbs;
    uint64_t *part = hg_alloc(r->arena, words, sizeof *part);
    if (!part) return hg_run_break(r, hg_fail(err, HG_ENOMEM, "no memory for %zu masks", m->n));
    for (unsigned s = 0; s < known_slots(r); s++) {
        uint64_t *to = out->slot[r->mode == HG_PLAIN ? 0 : s];
        if (shift)
            hg_ring_shift_right(part, m->word[s], shift, m->n, m->limbs);
        else
            memcpy(part, m->word[s], words * sizeof *part);
        hg_ring_add(to, to, part, m->n, m->limbs);
    }
    return HG_OK;
}

/* ---- the stock: masks and their wraps, made in advance ----------------------------------------------------------- */

/* How often the sum of the masks' top 64 bits wraps modulo 2^64: sum + 2 carry of the three words wraps once by the
 * carry's top bit and once by the carry out of adding the two. */
static hg_status wraps(hg_share *out, hg_run *r, const masks *m, hg_err *err) {
    hg_share top, number;
    hg_planes sum, carry, over;
    hg_bits first, second, both;
    HG_TRY(hg_share_new(&top, r, m->n, 1, false, err));
    for (unsigned s = 0; s < r->copies; s++)
        for (size_t i = 0; i < m->n; i++) {
            uint64_t e[WIDE_LIMBS];
            hg_ring_shift_right(e, m->word[s] + i * WIDE_LIMBS, TOP, 1, WIDE_LIMBS);
            top.slot[s][i] = e[0];
        }
    HG_TRY(hg_planes_add_slots(&sum, &carry, r, &top, 64, 64, err));
    HG_TRY(hg_planes_carry(&over, r, &sum, &carry, 63, err));
    HG_TRY(hg_bits_new(&first, r, m->n, err));
    HG_TRY(hg_bits_new(&second, r, m->n, err));
    hg_planes_bits(r, &first, &carry, 63);
    hg_planes_bits(r, &second, &over, 0);
    HG_TRY(hg_bits_new(&both, r, 2 * m->n, err));
    for (unsigned s = 0; s < r->copies; s++)
        for (size_t i = 0; i < 2 * m->n; i++) {
            const hg_bits *from = i < m->n ? &first : &second;
            const size_t k = i % m->n;
            both.slot[s][i / 64] |= (from->slot[s][k / 64] >> k % 64 & 1) << i % 64;
        }
    HG_TRY(hg_bits_to_share(r, &number, &both, WIDE_LIMBS, err));
    const hg_share a = hg_share_view(&number, 0, m->n), b = hg_share_view(&number, m->n, m->n);
    hg_share_add(r, out, &a, &b);
    return HG_OK;
}

static hg_status add_batch(hg_run *r, size_t n, hg_err *err) {
    masks m;
    hg_share wrap;
    HG_TRY(new_masks(&m, r, n, WIDE_LIMBS, err));
    HG_TRY(draw_masks(&m, r, WIDE, err));
    HG_TRY(hg_share_new(&wrap, r, n, WIDE_LIMBS, true, err));
    if (!hg_grow(&r->masks, &r->masks_cap, r->n_masks + 1, sizeof *r->masks))
        return hg_run_break(r, hg_fail(err, HG_ENOMEM, "no memory for %zu masks", n));
    if (r->mode != HG_PLAIN) { /* the plain mode keeps its sums whole: nothing wraps */
        const hg_mark mark = hg_arena_mark(r->arena);
        const hg_status st = wraps(&wrap, r, &m, err);
        hg_arena_reset(r->arena, mark);
        HG_TRY(st);
    }
    hg_mask_batch batch = { .wrap = wrap, .n = n };
    memcpy(batch.word, m.word, sizeof batch.word);
    r->masks[r->n_masks++] = batch;
    r->masks_left += n;
    return HG_OK;
}

static hg_status refuse_width(unsigned limbs, hg_err *err) {
    return hg_advise(
        err, hg_fail(err, HG_EINVAL, "the malicious mode truncates numbers of %d limbs, not of %u", WIDE_LIMBS, limbs),
        "compute with %d limbs from the inputs on", WIDE_LIMBS);
}

hg_status hg_truncation_prepare(hg_run *r, size_t count, unsigned fraction, unsigned limbs, hg_err *err) {
    (void)fraction; /* masks serve any */
    if (!malicious(r)) return HG_OK;
    if (limbs != WIDE_LIMBS) return refuse_width(limbs, err);
    return count ? add_batch(r, count, err) : HG_OK;
}

size_t hg_truncation_left(const hg_run *r) { return r->masks_left; }

/* The oldest masks first, so that the plain mode takes the same. */
static hg_status take(masks *m, hg_share *wrap, hg_run *r, size_t n, hg_err *err) {
    HG_TRY(new_masks(m, r, n, WIDE_LIMBS, err));
    HG_TRY(hg_share_new(wrap, r, n, WIDE_LIMBS, true, err));
    r->masks_left -= n;
    for (size_t k = 0, got = 0; got < n; k++) {
        hg_mask_batch *b = &r->masks[k];
        const size_t part = b->n - b->used < n - got ? b->n - b->used : n - got, words = part * WIDE_LIMBS;
        for (unsigned s = 0; s < known_slots(r); s++)
            memcpy(m->word[s] + got * WIDE_LIMBS, b->word[s] + b->used * WIDE_LIMBS, words * sizeof(uint64_t));
        hg_share to = hg_share_view(wrap, got, part);
        const hg_share from = hg_share_view(&b->wrap, b->used, part);
        hg_share_copy(r, &to, &from);
        b->used += part;
        got += part;
    }
    return HG_OK;
}

/* ---- truncation -------------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned fraction, magnitude, limbs;
    masks m;
    hg_share wrap; /* n = 0: none */
    hg_share whole, shifted;
    uint64_t *opened; /* c */
} cut;

static hg_status check(const hg_run *r, unsigned fraction, unsigned magnitude, unsigned limbs, hg_err *err) {
    const unsigned most = malicious(r) ? WIDE_MAGNITUDE : 64 * limbs - 3;
    if (malicious(r) && limbs != WIDE_LIMBS) return refuse_width(limbs, err);
    if (fraction == 0 || fraction > magnitude || magnitude > most)
        return hg_fail(err, HG_EINVAL, "cannot cut %u bits off a number of magnitude 2^%u (at most 2^%u)", fraction,
                       magnitude, most);
    return HG_OK;
}

static hg_status begin(cut *t, hg_run *r, size_t n, hg_err *err) {
    const bool stocked = malicious(r) && r->masks_left >= n;
    if (stocked) {
        HG_TRY(take(&t->m, &t->wrap, r, n, err));
    } else {
        HG_TRY(new_masks(&t->m, r, n, t->limbs, err));
        HG_TRY(draw_masks(&t->m, r, malicious(r) ? WIDE - 2 : 64 * t->limbs - 2, err));
    }
    HG_TRY(shifted_masks(&t->whole, r, &t->m, 0, err));
    HG_TRY(shifted_masks(&t->shifted, r, &t->m, t->fraction, err));
    uint64_t offset[HG_RING_LIMBS] = { 1 };
    hg_ring_shift_left(offset, offset, t->magnitude, 1, t->limbs);
    hg_share_add_public(r, &t->whole, &t->whole, offset, 1);
    t->opened = hg_alloc(r->arena, n * t->limbs, sizeof *t->opened);
    return t->opened ? HG_OK : hg_run_break(r, hg_fail(err, HG_ENOMEM, "no memory to open %zu numbers", n));
}

/* z, made before, from the opened c. */
static void end(hg_share *z, cut *t, hg_run *r) {
    uint64_t constant[HG_RING_LIMBS] = { 1 }, one[HG_RING_LIMBS] = { 1 };
    hg_ring_shift_left(constant, constant, t->magnitude - t->fraction, 1, t->limbs);
    hg_ring_add(constant, constant, one, 1, t->limbs);
    hg_ring_shift_right(t->opened, t->opened, t->fraction, z->n, t->limbs);
    for (size_t i = 0; i < z->n; i++)
        hg_ring_sub(t->opened + i * t->limbs, t->opened + i * t->limbs, constant, 1, t->limbs);
    if (t->wrap.n) {
        hg_share_shift_left(r, &t->wrap, &t->wrap, WIDE - t->fraction);
        hg_share_sub(r, z, &t->wrap, &t->shifted);
    } else {
        hg_share_sub(r, z, z, &t->shifted); /* z is zero, with a MAC of zero */
    }
    hg_share_add_public(r, z, z, t->opened, z->n);
}

/* Before a statistical mask may hide a number in the malicious mode. */
static hg_status verify_first(hg_run *r, hg_err *err) {
    if (r->mode != HG_MALICIOUS) return HG_OK;
    return r->n_gates ? hg_run_verify(r, err) : hg_run_verify_products(r, err);
}

static hg_status truncate_into(hg_share *z, hg_run *r, const hg_share *x, unsigned fraction, unsigned magnitude,
                               hg_err *err) {
    cut t = { .fraction = fraction, .magnitude = magnitude, .limbs = x->limbs };
    const unsigned bits = r->mode == HG_MALICIOUS ? WIDE : 64 * x->limbs;
    HG_TRY(hg_run_round(r, err)); /* x may wait for it */
    HG_TRY(begin(&t, r, x->n, err));
    if (malicious(r) && !t.wrap.n) HG_TRY(verify_first(r, err));
    hg_share c;
    HG_TRY(hg_share_new(&c, r, x->n, x->limbs, false, err));
    hg_share_add(r, &c, x, &t.whole);
    HG_TRY(hg_open(r, t.opened, &c, bits, err));
    HG_TRY(hg_share_authenticate(r, &t.shifted, err));
    HG_TRY(hg_run_round(r, err));
    end(z, &t, r);
    return HG_OK;
}

hg_status hg_truncate(hg_run *r, hg_share *z, const hg_share *x, unsigned fraction, unsigned magnitude, hg_err *err) {
    hg_share made; /* z may be x */
    HG_TRY(check(r, fraction, magnitude, x->limbs, err));
    HG_TRY(hg_share_new(&made, r, x->n, x->limbs, true, err));
    const hg_mark mark = hg_arena_mark(r->arena);
    const hg_status st = x->n ? truncate_into(&made, r, x, fraction, magnitude, err) : hg_run_round(r, err);
    hg_arena_reset(r->arena, mark);
    *z = made;
    return st;
}

/* ---- after a product --------------------------------------------------------------------------------------------- */

/* Semi-honest: the product itself is opened, masked, in its own round. */
static hg_status open_product(hg_share *z, hg_run *r, const hg_share *x, const hg_share *y, size_t length,
                              unsigned fraction, unsigned magnitude, hg_err *err) {
    cut t = { .fraction = fraction, .magnitude = magnitude, .limbs = x->limbs };
    HG_TRY(begin(&t, r, z->n, err));
    HG_TRY(hg_inner_open(r, t.opened, x, y, z->n, length, &t.whole, err));
    HG_TRY(hg_run_round(r, err));
    end(z, &t, r);
    return HG_OK;
}

hg_status hg_inner_truncated(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, size_t rows, size_t length,
                             unsigned fraction, unsigned magnitude, hg_err *err) {
    hg_share made, product;
    HG_TRY(check(r, fraction, magnitude, x->limbs, err));
    HG_TRY(hg_share_new(&made, r, rows, x->limbs, true, err));
    const hg_mark mark = hg_arena_mark(r->arena);
    hg_status st = HG_OK;
    if (rows == 0) {
        st = hg_run_round(r, err);
    } else if (malicious(r)) {
        st = hg_inner(r, &product, x, y, rows, length, err);
        if (st == HG_OK) st = truncate_into(&made, r, &product, fraction, magnitude, err);
    } else {
        st = open_product(&made, r, x, y, length, fraction, magnitude, err);
    }
    hg_arena_reset(r->arena, mark);
    *z = made;
    return st;
}

hg_status hg_mul_truncated(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, unsigned fraction,
                           unsigned magnitude, hg_err *err) {
    if (x->n == 1 && y->n != 1) return hg_inner_truncated(r, z, y, x, y->n, 1, fraction, magnitude, err);
    return hg_inner_truncated(r, z, x, y, x->n, 1, fraction, magnitude, err);
}
