/* secret/verify.c -- see secret/verify.h */
#include "secret/verify.h"
#include "secret/run_internal.h"
#include <string.h>

/* ---- what a run records --------------------------------------------------------------------------------------------------- */

hg_status hg_verify_record(hg_run *r, const hg_share *z, hg_err *err) {
    const unsigned limbs = z->limbs;
    const size_t chunk = HG_CHUNK_WORDS / limbs;
    hg_sums *sums = &r->sums[limbs - 1];
    sums->n += z->n;
    for (size_t done = 0; done < z->n; done += chunk) {
        const size_t part = z->n - done < chunk ? z->n - done : chunk;
        const uint64_t draw = hg_prss_draw(r->prss, HG_PRSS_CHECK);
        uint64_t *const beta[2] = { r->scratch, r->scratch + HG_CHUNK_WORDS };
        for (unsigned s = 0; s < 2; s++)
            HG_TRY(hg_prss_fill(r->prss, HG_PRSS_CHECK, draw, (r->party + s) % 3, beta[s], part * limbs, err));
        const hg_share v = hg_share_view(z, done, part);
        const uint64_t *const coefficient[2] = { beta[0], beta[1] }, *const value[2] = { v.slot[0], v.slot[1] },
                              *const mac[2] = { v.mac[0], v.mac[1] };
        hg_ring_cross_dot_add(sums->w, coefficient, value, part, limbs);
        hg_ring_cross_dot_add(sums->u, coefficient, mac, part, limbs);
    }
    return HG_OK;
}

hg_status hg_verify_log(size_t *first, hg_run *r, const hg_bits *x, const hg_bits *y, const hg_bits *z, hg_err *err) {
    const size_t words = (z->n + 63) / 64;
    if (!hg_grow_secret(&r->gates, &r->gates_cap, r->n_gates + words, sizeof *r->gates))
        return hg_run_break(r, hg_fail(err, HG_ENOMEM, "no memory to record %zu AND gates", z->n));
    *first = r->n_gates;
    for (size_t i = 0; i < words; i++)
        r->gates[r->n_gates++] = (hg_and_word) { .a = { x->slot[0][i], x->slot[1][i] },
                                                 .b = { y->slot[0][i], y->slot[1][i] },
                                                 .c = { z->slot[0][i] } };
    return HG_OK;
}

/* ---- triples ------------------------------------------------------------------------------------------------------------------ */

enum { OPENED = 64 };

/* binomial(n, k), saturated at 2^AND_SECURITY */
static bool enough(size_t n, size_t k) {
    const uint64_t want = (uint64_t)1 << (HG_VERIFY_SECURITY + 1);
    uint64_t c = 1;
    for (size_t i = 0; i < k; i++) {
        __extension__ const unsigned __int128 next = (unsigned __int128)c * (n - i) / (i + 1);
        if (next >= want) return true;
        c = (uint64_t)next;
    }
    return false;
}

/* Triples for each of n gate words: the fewest with binomial(B n + OPENED, B) >= 2^41. */
static size_t triples_each(size_t n) {
    size_t b = 2;
    while (!enough(b * n + OPENED, b)) b++;
    return b;
}

hg_status hg_verify_triples(hg_run *r, hg_err *err) {
    if (r->n_gates == 0) return HG_OK;
    const size_t need = triples_each(r->n_gates) * r->n_gates + OPENED;
    if (need <= r->n_triples) return HG_OK;
    if (!hg_grow_secret(&r->triples, &r->triples_cap, need, sizeof *r->triples))
        return hg_fail(err, HG_ENOMEM, "no memory for %zu triples", need);
    const size_t first = r->n_triples, n = need - first;
    const hg_mark mark = hg_arena_mark(r->arena);
    hg_bits a, b;
    uint64_t *c = hg_alloc(r->arena, n, sizeof *c);
    hg_status st = c ? hg_bits_random(&a, r, 64 * n, err) : hg_fail(err, HG_ENOMEM, "no memory for %zu triples", n);
    if (st == HG_OK) st = hg_bits_random(&b, r, 64 * n, err);
    for (size_t i = 0; st == HG_OK && i < n; i++)
        c[i] = (a.slot[0][i] & (b.slot[0][i] ^ b.slot[1][i])) ^ (a.slot[1][i] & b.slot[0][i]);
    if (st == HG_OK) st = hg_run_xor_zero(r, c, n, err);
    const hg_wait w = { .kind = HG_WAIT_TRIPLES, .at = r->out.n, .bytes = n * sizeof *c, .first = first };
    if (st == HG_OK) st = hg_run_send(r, c, n * sizeof *c, err);
    if (st == HG_OK) st = hg_run_wait(r, &w, err);
    for (size_t i = 0; st == HG_OK && i < n; i++)
        r->triples[first + i] =
            (hg_and_word) { .a = { a.slot[0][i], a.slot[1][i] }, .b = { b.slot[0][i], b.slot[1][i] }, .c = { c[i] } };
    if (st == HG_OK) r->n_triples = need;
    hg_arena_reset(r->arena, mark);
    return st;
}
