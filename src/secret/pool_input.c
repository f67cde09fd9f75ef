/* secret/pool_input.c -- see secret/pool_input.h */
#include "secret/pool_input.h"
#include "secret/compare.h"
#include "secret/verify.h"
#include <assert.h>
#include <string.h>

/* ---- ranges ------------------------------------------------------------------------------------------------------------------ */

/* d = (x - low, high - x): both not negative exactly when x lies between, whatever x is modulo the ring. */
static hg_status distances(hg_share *d, hg_run *r, const hg_share *x, const uint64_t *low, const uint64_t *high,
                           hg_err *err) {
    uint64_t minus_low[HG_RING_LIMBS];
    HG_TRY(hg_share_new(d, r, 2 * x->n, x->limbs, false, err));
    hg_share first = hg_share_view(d, 0, x->n), second = hg_share_view(d, x->n, x->n);
    hg_ring_negate(minus_low, low, 1, x->limbs);
    hg_share_add_public(r, &first, x, minus_low, 1);
    hg_share_sub(r, &second, &second, x);
    hg_share_add_public(r, &second, &second, high, 1);
    return HG_OK;
}

/* Bits first .. first + n - 1 of x; first is a multiple of 64 or the end of the batch's first half. */
static hg_status slice(hg_bits *out, hg_run *r, const hg_bits *x, size_t first, size_t n, hg_err *err) {
    HG_TRY(hg_bits_new(out, r, n, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (size_t i = 0; i < n; i++)
            out->slot[s][i / 64] |= (x->slot[s][(first + i) / 64] >> (first + i) % 64 & 1) << i % 64;
    return HG_OK;
}

static hg_status batch_in_range(hg_bits *in, size_t at, hg_run *r, const hg_share *x, const uint64_t *low,
                                const uint64_t *high, hg_err *err) {
    hg_share d;
    hg_bits outside, below, above, both;
    HG_TRY(distances(&d, r, x, low, high, err));
    HG_TRY(hg_negative(r, &outside, &d, 64 * x->limbs, err));
    HG_TRY(slice(&below, r, &outside, 0, x->n, err));
    HG_TRY(slice(&above, r, &outside, x->n, x->n, err));
    hg_bits_not(r, &below, &below);
    hg_bits_not(r, &above, &above);
    HG_TRY(hg_and(r, &both, &below, &above, err));
    HG_TRY(hg_run_round(r, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        memcpy(in->slot[s] + at / 64, both.slot[s], (x->n + 63) / 64 * sizeof(uint64_t));
    return HG_OK;
}

hg_status hg_input_in_range(hg_bits *in, hg_run *r, const hg_share *x, const uint64_t *low, const uint64_t *high,
                            hg_err *err) {
    HG_TRY(hg_bits_new(in, r, x->n, err));
    for (size_t at = 0; at < x->n; at += HG_INPUT_BATCH) { /* a multiple of 64: bits of a batch begin a word */
        const size_t n = x->n - at < HG_INPUT_BATCH ? x->n - at : HG_INPUT_BATCH;
        const hg_share part = hg_share_view(x, at, n);
        const hg_mark mark = hg_arena_mark(hg_run_arena(r));
        hg_status st = batch_in_range(in, at, r, &part, low, high, err);
        if (st == HG_OK) st = hg_run_verify(r, err);
        hg_arena_reset(hg_run_arena(r), mark);
        HG_TRY(st);
    }
    return HG_OK;
}

/* ---- one-hot rows ---------------------------------------------------------------------------------------------------------------- */

/* x^2 - x for the entries of some rows and for their sums. */
static hg_status check_rows(hg_run *r, const hg_share *e, size_t rows, size_t p, const char *what, hg_err *err) {
    hg_share x, square;
    HG_TRY(hg_share_new(&x, r, rows * (p + 1), e->limbs, true, err));
    hg_share entries = hg_share_view(&x, 0, rows * p);
    hg_share_copy(r, &entries, e);
    for (size_t i = 0; i < rows; i++) {
        hg_share sum = hg_share_view(&x, rows * p + i, 1);
        for (size_t j = 0; j < p; j++) {
            const hg_share one = hg_share_view(e, i * p + j, 1);
            hg_share_add(r, &sum, &sum, &one);
        }
    }
    HG_TRY(hg_gate_mul(r, &square, &x, &x, err));
    HG_TRY(hg_run_round(r, err));
    hg_share_sub(r, &square, &square, &x);
    return hg_share_assert_zero(r, &square, what, err);
}

hg_status hg_pool_onehot_check(hg_run *r, const hg_share *onehots, size_t rows, size_t p, const char *what,
                               hg_err *err) {
    if (p == 0 || rows > SIZE_MAX / p || onehots->n != rows * p)
        return hg_fail(err, HG_EINVAL, "%zu shared numbers for %zu rows of %zu entries", onehots->n, rows, p);
    const size_t batch = p < HG_INPUT_BATCH ? HG_INPUT_BATCH / p : 1;
    for (size_t at = 0; at < rows; at += batch) {
        const size_t n = rows - at < batch ? rows - at : batch;
        hg_share part = hg_share_view(onehots, at * p, n * p);
        const hg_mark mark = hg_arena_mark(hg_run_arena(r));
        hg_status st = hg_share_authenticate(r, &part, err);
        if (st == HG_OK) st = hg_run_round(r, err);
        if (st == HG_OK) st = check_rows(r, &part, n, p, what, err);
        hg_arena_reset(hg_run_arena(r), mark);
        HG_TRY(st);
    }
    return HG_OK;
}
