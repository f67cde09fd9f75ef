/* secret/bits.c -- see secret/run.h: shared bits, all that needs no message */
#include "secret/run_internal.h"
#include <assert.h>
#include <string.h>

static size_t words_of(size_t n) { return n / 64 + (n % 64 != 0); }
static uint64_t last_word(size_t n) { return n % 64 ? ((uint64_t)1 << n % 64) - 1 : UINT64_MAX; }

hg_status hg_bits_new(hg_bits *out, hg_run *r, size_t n, hg_err *err) {
    *out = (hg_bits) { .n = n };
    const size_t words = words_of(n);
    uint64_t *p = hg_alloc(r->arena, words * r->copies, sizeof *p);
    if (!p) return hg_run_break(r, hg_fail(err, HG_ENOMEM, "no memory for %zu shared bits", n));
    for (unsigned s = 0; s < r->copies; s++) out->slot[s] = p + s * words;
    return HG_OK;
}

void hg_bits_xor(hg_run *r, hg_bits *z, const hg_bits *x, const hg_bits *y) {
    assert(z->n == x->n && y->n == x->n);
    for (unsigned s = 0; s < r->copies; s++)
        for (size_t i = 0; i < words_of(x->n); i++) z->slot[s][i] = x->slot[s][i] ^ y->slot[s][i];
}

void hg_bits_not(hg_run *r, hg_bits *z, const hg_bits *x) {
    assert(z->n == x->n);
    const size_t words = words_of(x->n);
    for (unsigned s = 0; s < r->copies; s++) {
        const uint64_t flip = -(uint64_t)((r->party + s) % 3 == 0); /* slot 0 takes the constant */
        for (size_t i = 0; i < words; i++) z->slot[s][i] = x->slot[s][i] ^ flip;
        if (words) z->slot[s][words - 1] &= last_word(x->n);
    }
}

hg_status hg_bits_random(hg_bits *out, hg_run *r, size_t n, hg_err *err) {
    HG_TRY(hg_bits_new(out, r, n, err));
    const size_t words = words_of(n);
    const uint64_t draw = hg_prss_draw(r->prss, HG_PRSS_BITS);
    hg_bits third = { .n = n };
    if (r->mode == HG_PLAIN) HG_TRY(hg_bits_new(&third, r, n, err));
    for (unsigned s = 0; s < (r->mode == HG_PLAIN ? 3u : 2u); s++) {
        uint64_t *to = r->mode == HG_PLAIN && s ? third.slot[0] : out->slot[s];
        HG_TRY(hg_run_break(r, hg_prss_fill(r->prss, HG_PRSS_BITS, draw, (r->party + s) % 3, to, words, err)));
        if (words) to[words - 1] &= last_word(n);
        if (r->mode == HG_PLAIN && s) hg_bits_xor(r, out, out, &third);
    }
    return HG_OK;
}

hg_status hg_run_xor_zero(hg_run *r, uint64_t *z, size_t words, hg_err *err) {
    if (r->mode == HG_PLAIN) return HG_OK;
    for (size_t done = 0; done < words; done += HG_CHUNK_WORDS) {
        const size_t part = words - done < HG_CHUNK_WORDS ? words - done : HG_CHUNK_WORDS;
        uint64_t *const own = r->scratch, *const next = r->scratch + HG_CHUNK_WORDS;
        const uint64_t draw = hg_prss_draw(r->prss, HG_PRSS_BITS_ZERO);
        HG_TRY(hg_prss_fill(r->prss, HG_PRSS_BITS_ZERO, draw, r->party, own, part, err));
        HG_TRY(hg_prss_fill(r->prss, HG_PRSS_BITS_ZERO, draw, (r->party + 1) % 3, next, part, err));
        for (size_t i = 0; i < part; i++) z[done + i] ^= own[i] ^ next[i];
    }
    return HG_OK;
}
