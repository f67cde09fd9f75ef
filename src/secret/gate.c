/* secret/gate.c -- see secret/run.h: products and ANDs, computed when they are queued, complete after the round
 *
 * Every word that goes out is masked by a fresh zero share (hg_run_add_zero, hg_run_xor_zero) of which one key is unknown to
 * the server that takes it; without it a product would leak its factors.
 */
#include "secret/run_internal.h"
#include <assert.h>
#include <string.h>

/* ---- products of ring elements ---------------------------------------------------------------------------------------------- */

typedef enum { MUL, INNER, MIX } shape_kind;
typedef struct {
    shape_kind kind;
    size_t n, length; /* outputs; terms of each: 1 for mul, `length` for inner, `rows` for mix */
    bool broadcast;   /* y is one element (mul) or one row (inner) */
    unsigned limbs;
    bool plain;
    uint64_t *z;
    const uint64_t *x[2], *y[2]; /* mix: x is the matrix [length, n], y the coefficients */
} product;

static void add_dot(const product *p, uint64_t *z, const uint64_t *const x[2], const uint64_t *const y[2]) {
    if (p->plain)
        hg_ring_dot_add(z, x[0], y[0], p->length, p->limbs);
    else
        hg_ring_cross_dot_add(z, x, y, p->length, p->limbs);
}

static void add_mul(const product *p, uint64_t *z, const uint64_t *const x[2], const uint64_t *const y[2], bool one,
                    size_t n) {
    if (!p->plain)
        hg_ring_cross_mul_add(z, x, y, one, n, p->limbs);
    else if (one)
        hg_ring_scale_add(z, x[0], y[0], n, p->limbs);
    else
        hg_ring_mul_add(z, x[0], y[0], n, p->limbs);
}

/* Both slots from element i on; the plain mode has one. */
#define FROM(v, i)                                                                                                     \
    (const uint64_t *const[2]) { (v)[0] + (i)*p->limbs, p->plain ? NULL : (v)[1] + (i)*p->limbs }

static void some_outputs(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const product *p = ctx;
    uint64_t *z = p->z + begin * p->limbs;
    if (p->kind == MUL)
        add_mul(p, z, FROM(p->x, begin), FROM(p->y, p->broadcast ? 0 : begin), p->broadcast, end - begin);
    else if (p->kind == MIX)
        for (size_t i = 0; i < p->length; i++)
            add_mul(p, z, FROM(p->x, i * p->n + begin), FROM(p->y, i), true, end - begin);
    else
        for (size_t i = begin; i < end; i++)
            add_dot(p, p->z + i * p->limbs, FROM(p->x, i * p->length), FROM(p->y, p->broadcast ? 0 : i * p->length));
}

enum { PRODUCTS_A_TASK = 1 << 16 };

/* z[0] += this server's part, and a zero share. z is all zero before. */
static hg_status own_part(hg_run *r, product p, uint64_t *z, uint64_t *const x[2], uint64_t *const y[2],
                          hg_prss_purpose purpose, hg_err *err) {
    p.z = z;
    p.plain = r->mode == HG_PLAIN;
    for (unsigned s = 0; s < 2; s++) {
        p.x[s] = x[s];
        p.y[s] = y[s];
    }
    hg_pool_for(r->pool, p.n, PRODUCTS_A_TASK / (p.length ? p.length : 1) + 1, some_outputs, &p);
    return hg_run_break(r, hg_run_add_zero(r, purpose, z, p.n, p.limbs, err));
}

static hg_status queue_product(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, const product *p,
                               hg_err *err) {
    const bool mac = r->mode == HG_MALICIOUS;
    const size_t bytes = p->n * p->limbs * sizeof(uint64_t);
    if (mac && !x->mac[0] && !y->mac[0])
        return hg_run_break(r, hg_fail(err, HG_EINVAL, "a product of two numbers without a MAC"));
    hg_share made; /* z may be x or y */
    HG_TRY(hg_share_new(&made, r, p->n, p->limbs, mac, err));
    r->cost.products += p->n;
    const hg_wait w = { .kind = HG_WAIT_PRODUCT, .at = r->out.n, .bytes = bytes * (mac ? 2 : 1), .x = made };
    HG_TRY(own_part(r, *p, made.slot[0], x->slot, y->slot, HG_PRSS_ZERO, err));
    if (r->mode != HG_PLAIN) HG_TRY(hg_run_send(r, made.slot[0], bytes, err));
    if (mac) {
        HG_TRY(own_part(r, *p, made.mac[0], x->mac[0] ? x->mac : x->slot, x->mac[0] ? y->slot : y->mac, HG_PRSS_ZERO,
                        err));
        HG_TRY(hg_run_send(r, made.mac[0], bytes, err));
    }
    *z = made;
    return hg_run_wait(r, &w, err);
}

hg_status hg_gate_mul(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, hg_err *err) {
    if (x->n == 1 && y->n != 1) return hg_gate_mul(r, z, y, x, err);
    assert(x->limbs == y->limbs && (y->n == x->n || y->n == 1));
    const product p = { .kind = MUL, .n = x->n, .length = 1, .broadcast = y->n != x->n, .limbs = x->limbs };
    return queue_product(r, z, x, y, &p, err);
}

hg_status hg_inner(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, size_t rows, size_t length,
                   hg_err *err) {
    assert(x->limbs == y->limbs && x->n == rows * length && (y->n == x->n || y->n == length));
    const product p = { .kind = INNER, .n = rows, .length = length, .broadcast = y->n != x->n, .limbs = x->limbs };
    return queue_product(r, z, x, y, &p, err);
}

hg_status hg_mix(hg_run *r, hg_share *z, const hg_share *b, const hg_share *x, size_t rows, size_t cols, hg_err *err) {
    assert(x->limbs == b->limbs && x->n == rows * cols && b->n == rows);
    const product p = { .kind = MIX, .n = cols, .length = rows, .broadcast = true, .limbs = x->limbs };
    return queue_product(r, z, x, b, &p, err);
}

/* A share gets its MAC as the product of x and y: queued, recorded after the round. */
static hg_status queue_mac(hg_run *r, hg_share *z, uint64_t *const x[2], uint64_t *const y[2], bool broadcast,
                           hg_err *err) {
    hg_share mac;
    HG_TRY(hg_share_new(&mac, r, z->n, z->limbs, false, err));
    const size_t bytes = z->n * z->limbs * sizeof(uint64_t);
    const product p = { .kind = MUL, .n = z->n, .length = 1, .broadcast = broadcast, .limbs = z->limbs };
    r->cost.products += z->n;
    HG_TRY(own_part(r, p, mac.slot[0], x, y, HG_PRSS_ZERO, err));
    z->mac[0] = mac.slot[0];
    z->mac[1] = mac.slot[1];
    const hg_wait w = { .kind = HG_WAIT_MAC, .at = r->out.n, .bytes = bytes, .x = *z };
    HG_TRY(hg_run_send(r, mac.slot[0], bytes, err));
    return hg_run_wait(r, &w, err);
}

hg_status hg_share_authenticate(hg_run *r, hg_share *x, hg_err *err) {
    if (r->mode != HG_MALICIOUS || x->mac[0]) return HG_OK;
    return queue_mac(r, x, x->slot, (uint64_t *const[2]) { r->key[0], r->key[1] }, true, err);
}

hg_status hg_mul_bare(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, hg_err *err) {
    assert(x->limbs == y->limbs && y->n == x->n);
    const product p = { .kind = MUL, .n = x->n, .length = 1, .limbs = x->limbs };
    hg_share made;
    HG_TRY(hg_share_new(&made, r, x->n, x->limbs, false, err));
    const size_t bytes = x->n * x->limbs * sizeof(uint64_t);
    r->cost.products += x->n;
    const hg_wait w = { .kind = HG_WAIT_PRODUCT, .at = r->out.n, .bytes = bytes, .x = made };
    HG_TRY(own_part(r, p, made.slot[0], x->slot, y->slot, HG_PRSS_ZERO, err));
    if (r->mode != HG_PLAIN) HG_TRY(hg_run_send(r, made.slot[0], bytes, err));
    *z = made;
    return hg_run_wait(r, &w, err);
}

hg_status hg_mul_mac(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, hg_err *err) {
    if (r->mode != HG_MALICIOUS) return HG_OK;
    assert(x->mac[0] && !z->mac[0] && x->n == z->n && y->n == z->n);
    return queue_mac(r, z, x->mac, y->slot, false, err);
}

hg_status hg_inner_open(hg_run *r, uint64_t *value, const hg_share *x, const hg_share *y, size_t rows, size_t length,
                        const hg_share *mask, hg_err *err) {
    assert(r->mode != HG_MALICIOUS && x->limbs == y->limbs && x->limbs == mask->limbs && mask->n == rows);
    assert(x->n == rows * length && (y->n == x->n || y->n == length));
    const product p = { .kind = INNER, .n = rows, .length = length, .broadcast = y->n != x->n, .limbs = x->limbs };
    const size_t words = rows * x->limbs, bytes = words * sizeof *value;
    r->cost.products += rows;
    r->cost.openings += rows;
    memset(value, 0, bytes);
    HG_TRY(own_part(r, p, value, x->slot, y->slot, HG_PRSS_ZERO, err));
    hg_ring_add(value, value, mask->slot[0], rows, x->limbs);
    const hg_wait w = {
        .kind = HG_WAIT_SUM, .at = r->out.n, .second = r->copy.n, .bytes = bytes, .x = *mask, .value = value
    };
    if (r->mode != HG_PLAIN) HG_TRY(hg_run_send(r, value, bytes, err));
    if (r->mode != HG_PLAIN) HG_TRY(hg_run_send_copy(r, value, bytes, err));
    return hg_run_wait(r, &w, err);
}

/* ---- AND gates ------------------------------------------------------------------------------------------------------------------ */

hg_status hg_and(hg_run *r, hg_bits *z, const hg_bits *x, const hg_bits *y, hg_err *err) {
    assert(x->n == y->n);
    const size_t n = x->n, words = (n + 63) / 64;
    hg_bits made; /* z may be x or y */
    HG_TRY(hg_bits_new(&made, r, n, err));
    r->cost.ands += n;
    hg_wait w = { .kind = HG_WAIT_AND, .at = r->out.n, .bytes = (n + 7) / 8, .b = made };
    uint64_t *to = made.slot[0];
    if (r->mode == HG_PLAIN) {
        for (size_t i = 0; i < words; i++) to[i] = x->slot[0][i] & y->slot[0][i];
    } else {
        for (size_t i = 0; i < words; i++)
            to[i] = (x->slot[0][i] & (y->slot[0][i] ^ y->slot[1][i])) ^ (x->slot[1][i] & y->slot[0][i]);
        HG_TRY(hg_run_break(r, hg_run_xor_zero(r, to, words, err)));
        if (n % 64) to[words - 1] &= ((uint64_t)1 << n % 64) - 1;
        HG_TRY(hg_run_send(r, to, w.bytes, err));
    }
    if (r->mode == HG_MALICIOUS) HG_TRY(hg_verify_log(&w.first, r, x, y, &made, err));
    *z = made;
    return hg_run_wait(r, &w, err);
}
