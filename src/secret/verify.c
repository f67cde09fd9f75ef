/* secret/verify.c -- see secret/verify.h
 *
 * Products. A product i of the run left [z_i] and [m_i], m_i = a z_i when nobody cheated. All that a cheater can do is to add
 * e_i to z_i and f_i to m_i (it keeps a consistent sharing: each third slot is known to both honest servers alone). Let i be
 * the first product with e_i not 0 modulo 2^k, D = f_i - a e_i. Then T = sum beta_i (m_i - a z_i) + (what it adds to w, u, T) is
 * beta_i D plus something that does not depend on beta_i, and a term linear in a that is fixed before a is known.
 * With v(D) the number of low zero bits of D: T = 0 for 2^v(D) of the 2^(k+s) values of beta_i, and v(D) >= v for at most
 * 2^-(v-k+1) of the values of a, v >= k. Summed: (s + 2) 2^-(s+1) < 2^-(s - log2(s+1)).
 * Whether it stops tells nothing about the data: all m_j - a z_j are multiples of 2^v*, v* the least v(f_j - a e_j), since later
 * products only multiply what earlier ones left; the first product that has v* makes T uniform among the multiples of 2^v*
 * (shifted by what was added to w, u, T). v* and that shift depend on the errors and on a, not on any z.
 * Because beta_i must only be unknown to the cheater, not chosen late, w and u are summed as products arrive: its third
 * slot comes from a key that only the two honest servers have, and w and u are shared again under zero shares. No log is needed.
 *
 * ANDs are checked by sacrifice after the evaluation, in words of 64 gates. M words of triples are made in the same rounds
 * as the gates. After the fence a coin permutes them: OPENED are opened and checked, all others are dealt to the N gate
 * words in turn, B or more to each. A gate passes when it and each of its triples have the same error. So the words of triples that are
 * wrong must be exactly the ones dealt to wrong gates: of the binomial(M, m) places that m wrong words can have, one. Here
 * B <= m <= M - OPENED, so a cheater passes with probability at most 1 / min(binomial(M, B), binomial(M, OPENED)).
 * B is the least with binomial(B N + OPENED, B) >= 2^41: 11 for one word, 5 from 141, 3 from 7,856, 2 from 1,048,545 words.
 * No triple may be left over: wrong ones would hide there. With three of 2^15 words dealt to one gate, 64 opened and the rest
 * thrown away, a cheater who spoils one word in 22 passes with probability 2^-18, not 2^-42.
 *
 * The order of rounds is the point of it: A fence, B coin, C opened triples, D zero test, E agreement. A server throws the coin only
 * when both others have said that they have all messages of the run, gates and triples among them; before that a cheater could keep a
 * message back until it knows which triples go where. In D neighbours i, i+1 tell each other a keyed hash of what slot i+2 of a
 * sharing of zero must be: i computes -(t_i + t_(i+1)), i+1 has t_(i+2). Both honest servers see a failure in the same round, so
 * that what comes next may be an opening.
 */
#include "secret/verify.h"
#include "core/memory.h"
#include "secret/run_internal.h"
#include <openssl/crypto.h>
#include <openssl/hmac.h>
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

enum { OPENED = HG_VERIFY_OPENED };

/* binomial(n, k) >= 2^41: one bit above the promise, because products may fail too */
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

size_t hg_verify_triples_each(size_t n) {
    size_t b = 2;
    while (!enough(b * n + OPENED, b)) b++;
    return b;
}

hg_status hg_verify_triples(hg_run *r, hg_err *err) {
    if (r->n_gates == 0) return HG_OK;
    const size_t need = hg_verify_triples_each(r->n_gates) * r->n_gates + OPENED;
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

/* ---- tags between neighbours -------------------------------------------------------------------------------------------------- */

enum { TAG = 32 };

/* HMAC-SHA-256 with the key of the pair over what it is for, who sends it, a number and a digest. */
static hg_status tag(unsigned char out[TAG], const hg_run *r, unsigned side, const char label[8], unsigned sender,
                     uint64_t number, const unsigned char digest[32], hg_err *err) {
    unsigned char text[8 + 8 + 8 + 32] = { 0 };
    memcpy(text, label, 8);
    text[8] = (unsigned char)sender;
    memcpy(text + 16, &number, 8);
    memcpy(text + 24, digest, 32);
    unsigned n = TAG;
    if (HMAC(EVP_sha256(), r->tag_key[side], 32, text, sizeof text, out, &n) && n == TAG) return HG_OK;
    return hg_fail(err, HG_ENOMEM, "HMAC failed");
}

static unsigned server_at(const hg_run *r, unsigned side) { return (r->party + (side == HG_NEXT ? 1 : 2)) % 3; }

/* What a neighbour and this server say about their link so far: the messages of both directions. */
static hg_status link_digest(unsigned char digest[32], hg_run *r, unsigned side, hg_err *err) {
    unsigned char(*const l)[32] = r->link[side];
    return hg_run_sha256(r, digest, side == HG_NEXT ? l[0] : l[1], 32, side == HG_NEXT ? l[1] : l[0], 32, err);
}

typedef struct {
    unsigned char sent[HG_NEIGHBOURS][TAG], expected[HG_NEIGHBOURS][TAG], taken[HG_NEIGHBOURS][TAG];
} tags;

static hg_status make_tags(tags *t, hg_run *r, const char label[8], uint64_t number,
                           unsigned char digest[HG_NEIGHBOURS][32], hg_err *err) {
    for (unsigned side = 0; side < HG_NEIGHBOURS; side++) {
        HG_TRY(tag(t->sent[side], r, side, label, r->party, number, digest[side], err));
        HG_TRY(tag(t->expected[side], r, side, label, server_at(r, side), number, digest[side], err));
    }
    return HG_OK;
}

static hg_status make_link_tags(tags *t, hg_run *r, const char label[8], hg_err *err) {
    unsigned char digest[HG_NEIGHBOURS][32];
    for (unsigned side = 0; side < HG_NEIGHBOURS; side++) HG_TRY(link_digest(digest[side], r, side, err));
    return make_tags(t, r, label, r->cost.rounds, digest, err);
}

/* HG_NEIGHBOURS when both are right; else whose is wrong. Both are looked at. */
static unsigned wrong_tag(const tags *t) {
    unsigned wrong = HG_NEIGHBOURS;
    for (unsigned side = 0; side < HG_NEIGHBOURS; side++)
        if (CRYPTO_memcmp(t->taken[side], t->expected[side], TAG) != 0) wrong = side;
    return wrong;
}

static hg_status exchange_tags(tags *t, hg_run *r, hg_phase phase, hg_err *err) {
    const hg_exchange x = { .out = { t->sent[0], t->sent[1] },
                            .out_n = { TAG, TAG },
                            .in = { t->taken[0], t->taken[1] },
                            .in_n = { TAG, TAG } };
    return hg_run_exchange(r, phase, &x, err);
}

/* ---- the rounds of the check -------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_share w[HG_RING_LIMBS], u[HG_RING_LIMBS], t[HG_RING_LIMBS]; /* one element each; unused widths have none */
    hg_share coin;
    uint64_t thrown[2];
} check;

static bool used(const hg_run *r, unsigned l) { return r->sums[l].n != 0; }

/* A, fence: w and u are shared again; a tag over the link says "I have every message of the run". */
static hg_status fence(check *c, hg_run *r, hg_err *err) {
    tags t;
    HG_TRY(make_link_tags(&t, r, "fence   ", err));
    uint64_t out[TAG / 8 + 2 * 6] = { 0 }, in[TAG / 8 + 2 * 6];
    size_t n = TAG / 8;
    memcpy(out, t.sent[HG_PREVIOUS], TAG);
    for (unsigned l = 0; l < HG_RING_LIMBS; l++) {
        if (!used(r, l)) continue;
        hg_share *const part[2] = { &c->w[l], &c->u[l] };
        const uint64_t *const sum[2] = { r->sums[l].w, r->sums[l].u };
        for (unsigned k = 0; k < 2; k++) {
            HG_TRY(hg_share_new(part[k], r, 1, l + 1, false, err));
            memcpy(part[k]->slot[0], sum[k], (l + 1) * sizeof(uint64_t));
            HG_TRY(hg_run_add_zero(r, HG_PRSS_ZERO, part[k]->slot[0], 1, l + 1, err));
            memcpy(out + n, part[k]->slot[0], (l + 1) * sizeof(uint64_t));
            n += l + 1;
        }
    }
    const hg_exchange x = { .out = { [HG_NEXT] = t.sent[HG_NEXT], [HG_PREVIOUS] = out },
                            .out_n = { [HG_NEXT] = TAG, [HG_PREVIOUS] = n * sizeof *out },
                            .in = { [HG_NEXT] = in, [HG_PREVIOUS] = t.taken[HG_PREVIOUS] },
                            .in_n = { [HG_NEXT] = n * sizeof *in, [HG_PREVIOUS] = TAG } };
    HG_TRY(hg_run_exchange(r, HG_PHASE_FENCE, &x, err));
    memcpy(t.taken[HG_NEXT], in, TAG);
    if (wrong_tag(&t) != HG_NEIGHBOURS)
        return hg_fail(err, HG_ECHEAT, "server %u does not have the messages of this run, in %s",
                       server_at(r, wrong_tag(&t)), hg_phase_name(HG_PHASE_FENCE));
    n = TAG / 8;
    for (unsigned l = 0; l < HG_RING_LIMBS; l++)
        for (unsigned k = 0; k < 2 && used(r, l); k++, n += l + 1)
            memcpy(k ? c->u[l].slot[1] : c->w[l].slot[1], in + n, (l + 1) * sizeof *in);
    return HG_OK;
}

/* This server's part of T = u - a w, masked. */
static hg_status own_t(check *c, hg_run *r, unsigned l, hg_err *err) {
    const unsigned limbs = l + 1;
    HG_TRY(hg_share_new(&c->t[l], r, 1, limbs, false, err));
    uint64_t *t = c->t[l].slot[0];
    const uint64_t *const key[2] = { r->key[0], r->key[1] }, *const w[2] = { c->w[l].slot[0], c->w[l].slot[1] };
    hg_ring_cross_dot_add(t, key, w, 1, limbs);
    hg_ring_sub(t, c->u[l].slot[0], t, 1, limbs);
    return hg_run_add_zero(r, HG_PRSS_ZERO, t, 1, limbs, err);
}

/* B: T is shared; with `coin`, an AES key that nobody knew is opened, in two copies. */
static hg_status throw_coin(check *c, hg_run *r, bool coin, hg_err *err) {
    const hg_phase phase = coin ? HG_PHASE_COIN : HG_PHASE_CHECK;
    uint64_t out[6 + 2] = { 0 }, in[6 + 2], copy[2] = { 0 };
    size_t n = 0;
    for (unsigned l = 0; l < HG_RING_LIMBS; l++) {
        if (!used(r, l)) continue;
        HG_TRY(own_t(c, r, l, err));
        memcpy(out + n, c->t[l].slot[0], (l + 1) * sizeof *out);
        n += l + 1;
    }
    if (coin) {
        HG_TRY(hg_share_new(&c->coin, r, 1, 2, false, err));
        const uint64_t draw = hg_prss_draw(r->prss, HG_PRSS_COIN);
        for (unsigned s = 0; s < 2; s++)
            HG_TRY(hg_prss_fill(r->prss, HG_PRSS_COIN, draw, (r->party + s) % 3, c->coin.slot[s], 2, err));
        memcpy(out + n, c->coin.slot[1], sizeof copy);
    }
    const size_t to_next = coin ? sizeof copy : 0, to_previous = n * sizeof *out + to_next;
    const hg_exchange x = { .out = { [HG_NEXT] = c->coin.slot[0], [HG_PREVIOUS] = out },
                            .out_n = { [HG_NEXT] = to_next, [HG_PREVIOUS] = to_previous },
                            .in = { [HG_NEXT] = in, [HG_PREVIOUS] = copy },
                            .in_n = { [HG_NEXT] = to_previous, [HG_PREVIOUS] = to_next } };
    HG_TRY(hg_run_exchange(r, phase, &x, err));
    n = 0;
    for (unsigned l = 0; l < HG_RING_LIMBS; l++) {
        if (!used(r, l)) continue;
        memcpy(c->t[l].slot[1], in + n, (l + 1) * sizeof *in);
        n += l + 1;
    }
    if (!coin) return HG_OK;
    if (CRYPTO_memcmp(in + n, copy, sizeof copy) != 0)
        return hg_fail(err, HG_ECHEAT, "the two copies of the coin differ, in %s", hg_phase_name(phase));
    hg_ring_add(c->thrown, c->coin.slot[0], c->coin.slot[1], 1, 2);
    hg_ring_add(c->thrown, c->thrown, copy, 1, 2);
    return HG_OK;
}

/* ---- C: triples ------------------------------------------------------------------------------------------------------------------ */

/* Fisher and Yates, each index by Lemire's multiplication without bias. */
hg_status hg_verify_permutation(uint32_t *order, size_t n, const uint64_t coin[2], hg_err *err) {
    enum { MANY = 512 };
    unsigned char key[HG_SLOTS][HG_PRSS_KEY] = { { 0 } };
    const bool known[HG_SLOTS] = { true, false, false };
    hg_prss *random;
    uint64_t words[MANY];
    size_t left = 0;
    memcpy(key[0], coin, HG_PRSS_KEY);
    HG_TRY(hg_prss_new(&random, (const unsigned char(*)[HG_PRSS_KEY])key, known, err));
    hg_status st = HG_OK;
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t i = n; i > 1 && st == HG_OK;) {
        if (left == 0) {
            st = hg_prss_fill(random, HG_PRSS_COIN, hg_prss_draw(random, HG_PRSS_COIN), 0, words, MANY, err);
            left = MANY;
        }
        __extension__ const unsigned __int128 wide = (unsigned __int128)words[--left] * i;
        if ((uint64_t)wide < i && (uint64_t)wide < -(uint64_t)i % i) continue; /* would favour some: draw again */
        const size_t j = (size_t)(wide >> 64);
        i--;
        const uint32_t keep = order[i];
        order[i] = order[j];
        order[j] = keep;
    }
    hg_prss_free(random);
    return st;
}

/* The order is public and jumps through megabytes: what comes soon is fetched meanwhile. */
static void fetch_ahead(const hg_run *r, const uint32_t *order, size_t k) {
    enum { AHEAD = 16 };
    if (k + AHEAD < r->n_triples) __builtin_prefetch(&r->triples[order[k + AHEAD]]);
}

/* Opened slots go out: of OPENED triples a, b, c; of each pair of a gate and a triple d = x + a and e = y + b. */
static void fill_openings(uint64_t *slot[2], const hg_run *r, const uint32_t *order) {
    size_t n = 0;
    for (size_t k = 0; k < OPENED; k++) {
        const hg_and_word *t = &r->triples[order[k]];
        for (unsigned s = 0; s < 2; s++) {
            slot[s][n] = t->a[s];
            slot[s][n + 1] = t->b[s];
            slot[s][n + 2] = t->c[s];
        }
        n += 3;
    }
    for (size_t k = OPENED, gate = 0; k < r->n_triples; k++) {
        const hg_and_word *t = &r->triples[order[k]], *g = &r->gates[gate];
        fetch_ahead(r, order, k);
        for (unsigned s = 0; s < 2; s++) {
            slot[s][n] = g->a[s] ^ t->a[s];
            slot[s][n + 1] = g->b[s] ^ t->b[s];
        }
        n += 2;
        if (++gate == r->n_gates) gate = 0;
    }
}

/* z + c + d b + e a + d e: a sharing of the gate's error plus the triple's. slot[0] and slot[1] are overwritten, entry by entry, at
 * places that are done with. Returns the number of entries. */
static size_t fill_entries(uint64_t *slot[2], const uint64_t *third, const hg_run *r, const uint32_t *order) {
    const unsigned constant = r->party == 0 ? 0 : r->party == 2 ? 1 : 2; /* which of our slots is slot 0 */
    size_t n = 3 * OPENED, entries = 0;
    for (size_t k = OPENED, gate = 0; k < r->n_triples; k++, n += 2) {
        const hg_and_word *t = &r->triples[order[k]], *g = &r->gates[gate];
        fetch_ahead(r, order, k);
        const uint64_t d = slot[0][n] ^ slot[1][n] ^ third[n];
        const uint64_t e = slot[0][n + 1] ^ slot[1][n + 1] ^ third[n + 1];
        for (unsigned s = 0; s < 2; s++)
            slot[s][entries] = g->c[s] ^ t->c[s] ^ (d & t->b[s]) ^ (e & t->a[s]) ^ (s == constant ? d & e : 0);
        entries++;
        if (++gate == r->n_gates) gate = 0;
    }
    return entries;
}

static hg_status reserve(hg_buffer *b, size_t n, hg_err *err) {
    return hg_grow_secret(&b->p, &b->cap, n, 1) ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for the check of a run");
}

/* C. Afterwards r->copy holds slot[0] and r->out slot[1] of *entries sharings of zero. */
static hg_status sacrifice(size_t *entries, hg_run *r, const uint32_t *order, hg_err *err) {
    const size_t n = 3 * OPENED + 2 * (r->n_triples - OPENED), bytes = n * sizeof(uint64_t);
    HG_TRY(reserve(&r->copy, bytes, err));
    HG_TRY(reserve(&r->out, bytes, err));
    HG_TRY(reserve(&r->in, bytes, err));
    uint64_t *slot[2] = { (uint64_t *)(void *)r->copy.p, (uint64_t *)(void *)r->out.p };
    const uint64_t *third = (const uint64_t *)(const void *)r->in.p;
    fill_openings(slot, r, order);
    unsigned char sent[32], taken[32], expected[32];
    HG_TRY(hg_run_sha256(r, sent, slot[0], bytes, "", 0, err));
    const hg_exchange x = { .out = { [HG_NEXT] = sent, [HG_PREVIOUS] = slot[1] },
                            .out_n = { [HG_NEXT] = sizeof sent, [HG_PREVIOUS] = bytes },
                            .in = { [HG_NEXT] = r->in.p, [HG_PREVIOUS] = taken },
                            .in_n = { [HG_NEXT] = bytes, [HG_PREVIOUS] = sizeof taken } };
    HG_TRY(hg_run_exchange(r, HG_PHASE_TRIPLES, &x, err));
    HG_TRY(hg_run_sha256(r, expected, third, bytes, "", 0, err));
    if (CRYPTO_memcmp(expected, taken, sizeof taken) != 0)
        return hg_fail(err, HG_ECHEAT, "the two copies of what was opened differ, in %s",
                       hg_phase_name(HG_PHASE_TRIPLES));
    uint64_t wrong = 0;
    for (size_t k = 0; k < 3 * OPENED; k += 3) {
        uint64_t v[3];
        for (unsigned j = 0; j < 3; j++) v[j] = slot[0][k + j] ^ slot[1][k + j] ^ third[k + j];
        wrong |= (v[0] & v[1]) ^ v[2];
    }
    if (wrong) return hg_fail(err, HG_ECHEAT, "an opened triple is wrong, in %s", hg_phase_name(HG_PHASE_TRIPLES));
    *entries = fill_entries(slot, third, r, order);
    return HG_OK;
}

/* ---- D: zero test; E: agreement ------------------------------------------------------------------------------------------------ */

/* The digests of what slot i+2 of sharings of zero is: from both slots for the next server, from slot[1] for the previous.
 * Ring elements of `limbs` limbs, or bits (limbs 0). third: room for n words. */
static hg_status zero_digests(unsigned char digest[HG_NEIGHBOURS][32], hg_run *r, uint64_t *third,
                              const uint64_t *const slot[2], size_t n, unsigned limbs, hg_err *err) {
    if (limbs) {
        hg_ring_add(third, slot[0], slot[1], n / limbs, limbs);
        hg_ring_negate(third, third, n / limbs, limbs);
    } else {
        for (size_t i = 0; i < n; i++) third[i] = slot[0][i] ^ slot[1][i];
    }
    const uint64_t *const seen[HG_NEIGHBOURS] = { [HG_NEXT] = third, [HG_PREVIOUS] = slot[1] };
    for (unsigned side = 0; side < HG_NEIGHBOURS; side++) /* chained to the digest before */
        HG_TRY(hg_run_sha256(r, digest[side], digest[side], 32, seen[side], n * sizeof(uint64_t), err));
    return HG_OK;
}

/* wrong: whose tag differs, HG_NEIGHBOURS: nobody's. both: of both, and then it was no neighbour's doing: an honest one has said so, too. */
static hg_status zero_round(unsigned *wrong, bool *both, hg_run *r, unsigned char digest[HG_NEIGHBOURS][32],
                            hg_err *err) {
    tags t;
    HG_TRY(make_tags(&t, r, "zero    ", r->tests++, digest, err));
    HG_TRY(exchange_tags(&t, r, HG_PHASE_ZERO, err));
    *wrong = wrong_tag(&t);
    *both = CRYPTO_memcmp(t.taken[0], t.expected[0], TAG) != 0 && CRYPTO_memcmp(t.taken[1], t.expected[1], TAG) != 0;
    return HG_OK;
}

static hg_status zero_test(check *c, hg_run *r, size_t entries, hg_err *err) {
    unsigned char digest[HG_NEIGHBOURS][32] = { { 0 } };
    uint64_t third[HG_RING_LIMBS];
    unsigned wrong;
    bool both;
    for (unsigned l = 0; l < HG_RING_LIMBS; l++)
        if (used(r, l)) {
            const uint64_t *const t[2] = { c->t[l].slot[0], c->t[l].slot[1] };
            HG_TRY(zero_digests(digest, r, third, t, l + 1, l + 1, err));
        }
    if (entries) {
        const uint64_t *const e[2] = { (const uint64_t *)(const void *)r->copy.p,
                                       (const uint64_t *)(const void *)r->out.p };
        HG_TRY(zero_digests(digest, r, (uint64_t *)(void *)r->in.p, e, entries, 0, err));
    }
    HG_TRY(zero_round(&wrong, &both, r, digest, err));
    if (wrong == HG_NEIGHBOURS) return HG_OK;
    return hg_fail(err, HG_ECHEAT,
                   "a server computed with wrong numbers: the check of products and gates failed, in %s",
                   hg_phase_name(HG_PHASE_ZERO));
}

static hg_status agree(hg_run *r, hg_err *err) {
    tags t;
    HG_TRY(make_link_tags(&t, r, "ok      ", err));
    HG_TRY(exchange_tags(&t, r, HG_PHASE_OK, err));
    if (wrong_tag(&t) == HG_NEIGHBOURS) return HG_OK;
    return hg_fail(err, HG_ECHEAT, "server %u does not agree on the messages of this run, in %s",
                   server_at(r, wrong_tag(&t)), hg_phase_name(HG_PHASE_OK));
}

static hg_status rounds(hg_run *r, bool gates, bool agreement, hg_err *err) {
    check c = { .thrown = { 0 } };
    size_t entries = 0;
    HG_TRY(fence(&c, r, err));
    HG_TRY(throw_coin(&c, r, gates, err));
    if (gates) {
        uint32_t *order = hg_malloc(r->n_triples, sizeof *order);
        if (!order) return hg_fail(err, HG_ENOMEM, "no memory for the check of a run");
        hg_status st = hg_verify_permutation(order, r->n_triples, c.thrown, err);
        if (st == HG_OK) st = sacrifice(&entries, r, order, err);
        hg_free(order);
        HG_TRY(st);
    }
    HG_TRY(zero_test(&c, r, entries, err));
    return agreement ? agree(r, err) : HG_OK;
}

static hg_status verify(hg_run *r, bool agreement, hg_err *err) {
    if (r->broken) return hg_fail(err, r->broken, "this run was broken off before");
    if (r->waits) return hg_fail(err, HG_EINVAL, "%zu gates wait for a round: end it before the check", r->waits);
    if (r->mode != HG_MALICIOUS) return HG_OK;
    const bool gates = r->n_gates != 0;
    if (!gates && !used(r, 0) && !used(r, 1) && !used(r, 2)) return HG_OK;
    if (r->n_triples > UINT32_MAX) return hg_fail(err, HG_ELIMIT, "%zu words of triples are too many", r->n_triples);
    const hg_mark mark = hg_arena_mark(r->arena);
    const hg_status st = rounds(r, gates, agreement, err);
    hg_arena_reset(r->arena, mark);
    r->n_gates = r->n_triples = 0;
    memset(r->sums, 0, sizeof r->sums);
    return hg_run_break(r, st);
}

hg_status hg_run_verify(hg_run *r, hg_err *err) { return verify(r, true, err); }

hg_status hg_run_verify_products(hg_run *r, hg_err *err) {
    if (r->n_gates) return hg_fail(err, HG_EINVAL, "%zu words of AND gates wait for their own check", r->n_gates);
    return verify(r, false, err);
}

hg_status hg_share_assert_zero(hg_run *r, const hg_share *x, const char *what, hg_err *err) {
    if (r->n_gates)
        HG_TRY(hg_run_verify(r, err));
    else
        HG_TRY(hg_run_verify_products(r, err));
    const size_t words = x->n * x->limbs;
    unsigned wrong = HG_NEIGHBOURS;
    bool both = false;
    if (r->mode == HG_PLAIN) {
        uint64_t any = 0;
        for (size_t i = 0; i < words; i++) any |= x->slot[0][i];
        both = any != 0;
        r->cost.rounds++;
    } else {
        const hg_mark mark = hg_arena_mark(r->arena);
        unsigned char digest[HG_NEIGHBOURS][32] = { { 0 } };
        uint64_t *third = hg_alloc(r->arena, words, sizeof *third);
        const uint64_t *const slot[2] = { x->slot[0], x->slot[1] };
        hg_status st = third ? zero_digests(digest, r, third, slot, words, x->limbs, err)
                             : hg_fail(err, HG_ENOMEM, "no memory for a zero test");
        if (st == HG_OK) st = zero_round(&wrong, &both, r, digest, err);
        hg_arena_reset(r->arena, mark);
        if (st != HG_OK) return hg_run_break(r, st);
    }
    if (both) return hg_run_break(r, hg_fail(err, HG_ECHEAT, "%s: what must be zero is not", what));
    if (wrong == HG_NEIGHBOURS) return HG_OK;
    /* Either that one lies, or the third one does, for the owner of a value that is not zero: it knows what this server expects. */
    return hg_run_break(
        r, hg_fail(err, HG_ECHEAT,
                   "servers %u and %u say different things about what must be zero, in %s: one of them lies",
                   server_at(r, wrong), server_at(r, wrong == HG_NEXT ? HG_PREVIOUS : HG_NEXT),
                   hg_phase_name(HG_PHASE_ZERO)));
}
