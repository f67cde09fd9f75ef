/* secret/share.c -- see secret/run.h: shares of ring elements, all that needs no message */
#include "secret/run_internal.h"
#include <assert.h>
#include <string.h>

/* Where this server holds slot 0, to which public constants are added: -1 when it does not. */
static int constant_slot(const hg_run *r) { return r->party == 0 ? 0 : r->party == 2 ? 1 : -1; }

hg_status hg_share_new(hg_share *out, hg_run *r, size_t n, unsigned limbs, bool mac, hg_err *err) {
    assert(limbs >= 1 && limbs <= HG_RING_LIMBS);
    *out = (hg_share) { .n = n, .limbs = limbs };
    const unsigned parts = r->copies * (mac && r->mode == HG_MALICIOUS ? 2 : 1);
    uint64_t *words = n <= SIZE_MAX / 64 ? hg_alloc(r->arena, n * limbs * parts, sizeof *words) : NULL;
    if (!words) return hg_run_break(r, hg_fail(err, HG_ENOMEM, "no memory for %zu shared numbers", n));
    for (unsigned s = 0; s < r->copies; s++) {
        out->slot[s] = words + s * n * limbs;
        if (parts > r->copies) out->mac[s] = words + (2 + s) * n * limbs;
    }
    return HG_OK;
}

hg_share hg_share_view(const hg_share *x, size_t first, size_t n) {
    assert(first <= x->n && n <= x->n - first);
    hg_share v = { .n = n, .limbs = x->limbs };
    for (unsigned s = 0; s < 2; s++) {
        v.slot[s] = x->slot[s] ? x->slot[s] + first * x->limbs : NULL;
        v.mac[s] = x->mac[s] ? x->mac[s] + first * x->limbs : NULL;
    }
    return v;
}

hg_status hg_share_reduce(hg_share *out, hg_run *r, const hg_share *x, unsigned limbs, hg_err *err) {
    assert(limbs <= x->limbs);
    HG_TRY(hg_share_new(out, r, x->n, limbs, x->mac[0] != NULL, err));
    for (unsigned s = 0; s < r->copies; s++) {
        hg_ring_resize(out->slot[s], limbs, x->slot[s], x->limbs, x->n);
        if (out->mac[s]) hg_ring_resize(out->mac[s], limbs, x->mac[s], x->limbs, x->n);
    }
    return HG_OK;
}

hg_status hg_share_input(hg_share *out, hg_run *r, const uint64_t *const known[2], size_t n, unsigned limbs,
                         hg_err *err) {
    HG_TRY(hg_share_new(out, r, n, limbs, false, err));
    for (unsigned s = 0; s < r->copies; s++) memcpy(out->slot[s], known[s], n * limbs * sizeof(uint64_t));
    return hg_share_authenticate(r, out, err);
}

hg_status hg_share_public(hg_share *out, hg_run *r, const uint64_t *value, size_t n, unsigned limbs, hg_err *err) {
    HG_TRY(hg_share_new(out, r, n, limbs, true, err));
    hg_share_add_public(r, out, out, value, n);
    return HG_OK;
}

/* ---- linear maps -------------------------------------------------------------------------------------------------------- */

/* A result has a MAC when it has room for one and all that it is made of have theirs. */
static bool keep_mac(hg_share *z, const hg_share *x, const hg_share *y) {
    if (z->mac[0] && x->mac[0] && (!y || y->mac[0])) return true;
    z->mac[0] = z->mac[1] = NULL;
    return false;
}

typedef void (*ring_map)(uint64_t *, const uint64_t *, const uint64_t *, size_t, unsigned);

static void map(ring_map f, uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n, size_t n_y, unsigned limbs) {
    if (n_y == n)
        f(z, x, y, n, limbs);
    else
        for (size_t i = 0; i < n; i++) f(z + i * limbs, x + i * limbs, y, 1, limbs);
}

static void map_shares(const hg_run *r, ring_map f, hg_share *z, const hg_share *x, const hg_share *y) {
    assert(z->n == x->n && (y->n == x->n || y->n == 1) && z->limbs == x->limbs && y->limbs == x->limbs);
    const bool mac = keep_mac(z, x, y);
    for (unsigned s = 0; s < r->copies; s++) {
        map(f, z->slot[s], x->slot[s], y->slot[s], x->n, y->n, x->limbs);
        if (mac) map(f, z->mac[s], x->mac[s], y->mac[s], x->n, y->n, x->limbs);
    }
}

void hg_share_add(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y) { map_shares(r, hg_ring_add, z, x, y); }
void hg_share_sub(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y) { map_shares(r, hg_ring_sub, z, x, y); }

void hg_share_copy(hg_run *r, hg_share *z, const hg_share *x) {
    assert(z->n == x->n && z->limbs == x->limbs);
    const bool mac = keep_mac(z, x, NULL);
    for (unsigned s = 0; s < r->copies; s++) {
        if (z->slot[s] != x->slot[s]) memcpy(z->slot[s], x->slot[s], x->n * x->limbs * sizeof(uint64_t));
        if (mac && z->mac[s] != x->mac[s]) memcpy(z->mac[s], x->mac[s], x->n * x->limbs * sizeof(uint64_t));
    }
}

void hg_share_add_public(hg_run *r, hg_share *z, const hg_share *x, const uint64_t *c, size_t n_c) {
    assert(n_c == x->n || n_c == 1);
    hg_share_copy(r, z, x);
    const int at = constant_slot(r);
    if (at >= 0) map(hg_ring_add, z->slot[at], z->slot[at], c, z->n, n_c, z->limbs);
    for (unsigned s = 0; s < r->copies && z->mac[s]; s++) { /* a (x + c) = a x + a c */
        if (n_c == z->n)
            hg_ring_scale_add(z->mac[s], c, r->key[s], z->n, z->limbs);
        else
            for (size_t i = 0; i < z->n; i++) hg_ring_scale_add(z->mac[s] + i * z->limbs, c, r->key[s], 1, z->limbs);
    }
}

void hg_share_scale(hg_run *r, hg_share *z, const hg_share *x, const uint64_t *c, size_t n_c) {
    assert(z->n == x->n && z->limbs == x->limbs && (n_c == x->n || n_c == 1));
    const ring_map f = n_c == 1 ? hg_ring_scale : hg_ring_mul;
    const bool mac = keep_mac(z, x, NULL);
    for (unsigned s = 0; s < r->copies; s++) {
        f(z->slot[s], x->slot[s], c, x->n, x->limbs);
        if (mac) f(z->mac[s], x->mac[s], c, x->n, x->limbs);
    }
}

void hg_share_shift_left(hg_run *r, hg_share *z, const hg_share *x, unsigned bits) {
    assert(z->n == x->n && z->limbs == x->limbs);
    const bool mac = keep_mac(z, x, NULL);
    for (unsigned s = 0; s < r->copies; s++) {
        hg_ring_shift_left(z->slot[s], x->slot[s], bits, x->n, x->limbs);
        if (mac) hg_ring_shift_left(z->mac[s], x->mac[s], bits, x->n, x->limbs);
    }
}

/* The vectors of a share, slots and MACs: at most HG_RING_VECTORS, so that A is read once. */
static size_t vectors_of(const hg_run *r, uint64_t *y[HG_RING_VECTORS], const uint64_t *x[HG_RING_VECTORS],
                         hg_share *to, const hg_share *from, size_t rows) {
    assert(to->n == rows && to->limbs == from->limbs);
    (void)rows;
    const bool mac = keep_mac(to, from, NULL);
    size_t n = 0;
    for (unsigned s = 0; s < r->copies; s++) {
        y[n] = to->slot[s];
        x[n++] = from->slot[s];
    }
    for (unsigned s = 0; s < r->copies && mac; s++) {
        y[n] = to->mac[s];
        x[n++] = from->mac[s];
    }
    return n;
}

void hg_share_matvec_i32(hg_run *r, hg_share *y, const int32_t *a, const hg_share *x, size_t rows) {
    uint64_t *to[HG_RING_VECTORS];
    const uint64_t *from[HG_RING_VECTORS];
    const size_t n = vectors_of(r, to, from, y, x, rows);
    hg_ring_matvecs_i32(to, a, from, n, rows, x->n, x->limbs, r->pool);
}

void hg_share_matvec_i64(hg_run *r, hg_share *y, const int64_t *a, const hg_share *x, size_t rows) {
    uint64_t *to[HG_RING_VECTORS];
    const uint64_t *from[HG_RING_VECTORS];
    const size_t n = vectors_of(r, to, from, y, x, rows);
    hg_ring_matvecs_i64(to, a, from, n, rows, x->n, x->limbs, r->pool);
}

/* ---- shared randomness ---------------------------------------------------------------------------------------------------- */

hg_status hg_run_add_zero(hg_run *r, hg_prss_purpose purpose, uint64_t *z, size_t n, unsigned limbs, hg_err *err) {
    if (r->mode == HG_PLAIN) return HG_OK;
    const size_t chunk = HG_CHUNK_WORDS / limbs;
    for (size_t done = 0; done < n; done += chunk) {
        const size_t part = n - done < chunk ? n - done : chunk;
        uint64_t *const own = r->scratch, *const next = r->scratch + HG_CHUNK_WORDS;
        const uint64_t draw = hg_prss_draw(r->prss, purpose);
        HG_TRY(hg_prss_fill(r->prss, purpose, draw, r->party, own, part * limbs, err));
        HG_TRY(hg_prss_fill(r->prss, purpose, draw, (r->party + 1) % 3, next, part * limbs, err));
        hg_ring_add(z + done * limbs, z + done * limbs, own, part, limbs);
        hg_ring_sub(z + done * limbs, z + done * limbs, next, part, limbs);
    }
    return HG_OK;
}

/* Slot s of words from its key, into its place of a share, or added up in plain mode. */
static hg_status fill_slot(hg_run *r, hg_share *to, unsigned s, uint64_t draw, hg_err *err) {
    const size_t n = to->n * to->limbs;
    const hg_mark mark = hg_arena_mark(r->arena);
    uint64_t *words = hg_alloc(r->arena, n, sizeof *words), *slot = to->slot[r->mode == HG_PLAIN ? 0 : s];
    const hg_status st = words ? hg_prss_fill(r->prss, HG_PRSS_RANDOM, draw, (r->party + s) % 3, words, n, err)
                               : hg_fail(err, HG_ENOMEM, "no memory for %zu random numbers", to->n);
    if (st == HG_OK) hg_ring_add(slot, slot, words, to->n, to->limbs);
    hg_arena_reset(r->arena, mark);
    return hg_run_break(r, st);
}

hg_status hg_share_random(hg_share *out, hg_run *r, size_t n, unsigned limbs, hg_err *err) {
    HG_TRY(hg_share_new(out, r, n, limbs, false, err));
    const uint64_t draw = hg_prss_draw(r->prss, HG_PRSS_RANDOM);
    for (unsigned s = 0; s < (r->mode == HG_PLAIN ? 3u : 2u); s++) HG_TRY(fill_slot(r, out, s, draw, err));
    return HG_OK;
}
