/* secret/lift.c -- see secret/lift.h and secret/compare.h */
#include "secret/lift.h"
#include "secret/compare.h"
#include "secret/run_internal.h"
#include <assert.h>

/* The bits of slot j as numbers: in that slot, zeros in the two others. */
static hg_status numbers_of_slot(hg_share *out, hg_run *r, const hg_bits *x, unsigned j, unsigned limbs, hg_err *err) {
    HG_TRY(hg_share_new(out, r, x->n, limbs, false, err));
    for (unsigned s = 0; s < r->copies; s++)
        for (size_t i = 0; (r->party + s) % HG_SLOTS == j && i < x->n; i++)
            out->slot[s][i * limbs] = x->slot[s][i / 64] >> i % 64 & 1;
    return HG_OK;
}

hg_status hg_lift_begin(hg_lift *l, hg_run *r, const hg_bits *x, unsigned limbs, bool whole, hg_err *err) {
    *l = (hg_lift) { .whole = whole };
    HG_TRY(numbers_of_slot(&l->first, r, x, 0, limbs, err));
    HG_TRY(numbers_of_slot(&l->second, r, x, 1, limbs, err));
    HG_TRY(numbers_of_slot(&l->third, r, x, 2, limbs, err));
    HG_TRY(hg_mul_bare(r, &l->both, &l->first, &l->second, err));
    HG_TRY(hg_share_authenticate(r, &l->first, err));
    if (!whole) return HG_OK;
    HG_TRY(hg_share_authenticate(r, &l->second, err));
    return hg_share_authenticate(r, &l->third, err);
}

/* z = x + y - 2 xy */
static hg_status xor_numbers(hg_share *z, hg_run *r, const hg_share *x, const hg_share *y, const hg_share *xy,
                             hg_err *err) {
    hg_share twice;
    HG_TRY(hg_share_new(z, r, x->n, x->limbs, true, err));
    HG_TRY(hg_share_new(&twice, r, x->n, x->limbs, true, err));
    hg_share_add(r, &twice, xy, xy);
    hg_share_add(r, z, x, y);
    hg_share_sub(r, z, z, &twice);
    return HG_OK;
}

hg_status hg_lift_middle(hg_lift *l, hg_run *r, hg_err *err) {
    HG_TRY(xor_numbers(&l->half, r, &l->first, &l->second, &l->both, err));
    HG_TRY(hg_mul_mac(r, &l->both, &l->first, &l->second, err));
    return l->whole ? hg_gate_mul(r, &l->last, &l->third, &l->half, err) : HG_OK;
}

hg_status hg_lift_end(hg_share *z, hg_lift *l, hg_run *r, hg_err *err) {
    assert(l->whole);
    HG_TRY(xor_numbers(&l->half, r, &l->first, &l->second, &l->both, err)); /* now with its MAC */
    return xor_numbers(z, r, &l->half, &l->third, &l->last, err);
}

hg_status hg_bits_to_share(hg_run *r, hg_share *z, const hg_bits *x, unsigned limbs, hg_err *err) {
    hg_lift l;
    if (x->n == 0) {
        HG_TRY(hg_share_new(z, r, 0, limbs, true, err));
        return hg_run_round(r, err);
    }
    HG_TRY(hg_lift_begin(&l, r, x, limbs, true, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_lift_middle(&l, r, err));
    HG_TRY(hg_run_round(r, err));
    return hg_lift_end(z, &l, r, err);
}

/* ---- bits times numbers ------------------------------------------------------------------------------------------ */

/* (y - 2 d, sum d) of each row */
static hg_status left_factors(hg_share *left, hg_run *r, const hg_share *y, const hg_share *d, size_t rows,
                              size_t length, hg_err *err) {
    HG_TRY(hg_share_new(left, r, rows * (length + 1), y->limbs, true, err));
    for (size_t i = 0; i < rows; i++) {
        hg_share to = hg_share_view(left, i * (length + 1), length),
                 sum = hg_share_view(left, i * (length + 1) + length, 1);
        const hg_share from = hg_share_view(y, i * length, length), some = hg_share_view(d, i * length, length);
        hg_share_sub(r, &to, &from, &some);
        hg_share_sub(r, &to, &to, &some);
        for (size_t j = 0; j < length; j++) {
            const hg_share one = hg_share_view(d, i * length + j, 1);
            hg_share_add(r, &sum, &sum, &one);
        }
    }
    return HG_OK;
}

static hg_status right_factors(hg_share *right, hg_run *r, const hg_share *half, size_t rows, size_t length,
                               hg_err *err) {
    static const uint64_t one[HG_RING_LIMBS] = { 1 };
    HG_TRY(hg_share_new(right, r, rows * (length + 1), half->limbs, false, err));
    for (size_t i = 0; i < rows; i++) {
        hg_share to = hg_share_view(right, i * (length + 1), length),
                 last = hg_share_view(right, i * (length + 1) + length, 1);
        const hg_share from = hg_share_view(half, i * length, length);
        hg_share_copy(r, &to, &from);
        hg_share_add_public(r, &last, &last, one, 1);
    }
    return HG_OK;
}

hg_status hg_lift_inner(hg_share *left, hg_share *right, hg_lift *l, hg_run *r, const hg_bits *x, const hg_share *y,
                        size_t rows, size_t length, bool whole, hg_err *err) {
    assert(x->n == rows * length && y->n == x->n);
    hg_share d;
    HG_TRY(hg_lift_begin(l, r, x, y->limbs, whole, err));
    hg_share third = l->third; /* its own MAC may be on the way: the product takes that of y */
    third.mac[0] = third.mac[1] = NULL;
    HG_TRY(hg_gate_mul(r, &d, y, &third, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_lift_middle(l, r, err));
    HG_TRY(left_factors(left, r, y, &d, rows, length, err));
    return right_factors(right, r, &l->half, rows, length, err);
}

hg_status hg_bits_inner(hg_run *r, hg_share *z, const hg_bits *x, const hg_share *y, size_t rows, size_t length,
                        hg_err *err) {
    hg_lift l;
    hg_share left, right;
    if (x->n != y->n || (length && y->n / length != rows) || y->n != rows * length)
        return hg_fail(err, HG_EINVAL, "%zu bits and %zu numbers for %zu inner products of length %zu", x->n, y->n,
                       rows, length);
    if (y->n == 0) {
        HG_TRY(hg_share_new(z, r, rows, y->limbs, true, err));
        return hg_run_round(r, err);
    }
    HG_TRY(hg_lift_inner(&left, &right, &l, r, x, y, rows, length, false, err));
    HG_TRY(hg_inner(r, z, &left, &right, rows, length + 1, err));
    return hg_run_round(r, err);
}
