/* tests/secret/test_truncate.c -- dropping fraction bits: error, its histogram, stock and no stock, exact costs,
 * cheating */
#include "parties.h"
#include "secret/run_internal.h"
#include "secret/truncate.h"
#include "secret/verify.h"

enum { MOST = 1000 };

typedef struct {
    size_t n, length, stock;
    unsigned limbs, fraction, magnitude;
    uint64_t x[MOST * 3], y[MOST * 3];
    bool verify;
} numbers;

/* Signed, of every length up to 2^magnitude, the ends among them. */
static void fill(numbers *a, size_t n, unsigned limbs, unsigned fraction, unsigned magnitude) {
    hg_rng rng = hg_rng_make(n, magnitude);
    *a = (numbers) { .n = n, .limbs = limbs, .fraction = fraction, .magnitude = magnitude };
    for (size_t i = 0; i < n; i++) {
        uint64_t *e = a->x + i * limbs, one[3] = { 1 };
        for (unsigned l = 0; l < limbs; l++) e[l] = hg_rng_u64(&rng);
        hg_ring_mask(e, i % 4 ? magnitude : (unsigned)hg_rng_below(&rng, magnitude) + 1, 1, limbs);
        if (i == 1) memset(e, 0, limbs * 8);
        if (i == 2) {
            hg_ring_shift_left(e, one, magnitude, 1, limbs);
            hg_ring_sub(e, e, one, 1, limbs);
        }
        if (i % 2) hg_ring_negate(e, e, 1, limbs);
    }
}

/* z - x / 2^f in units of the last place, exactly up to the rounding of a double. */
static double error_of(const uint64_t *z, const uint64_t *x, unsigned fraction, unsigned limbs) {
    uint64_t d[3];
    hg_ring_shift_left(d, z, fraction, 1, limbs);
    hg_ring_sub(d, d, x, 1, limbs);
    return hg_ring_to_double(d, fraction, limbs);
}

static hg_status truncate_numbers(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x, z;
    HG_TRY(parties_share(&x, p, r, a->x, a->n, a->limbs, err));
    HG_TRY(hg_truncation_prepare(r, a->stock, a->fraction, a->limbs, err));
    HG_TRY(hg_truncate(r, &z, &x, a->fraction, a->magnitude, err));
    HG_TRY(parties_out(p, r, "z", &z, err));
    return a->verify ? hg_run_verify(r, err) : HG_OK;
}

/* Semi-honest runs at any width, malicious ones at three limbs, against the plain run that imitates each. */
static parties *check_modes(parties_fn fn, numbers *a, hg_cost cost[2]) {
    if (a->limbs == 3) return parties_check(fn, a, a->n + a->stock, cost);
    parties *plain = parties_new(HG_PLAIN, 2), *p = parties_new(HG_SEMI_HONEST, 2);
    assert_ok_err(parties_run(plain, fn, a), plain->err[0]);
    assert_ok_err(parties_run(p, fn, a), p->err[0]);
    assert_memory_equal(parties_value(p, "z"), parties_value(plain, "z"), parties_size(p, "z") * a->limbs * 8);
    if (cost) cost[0] = parties_cost(p);
    parties_free(p);
    return plain;
}

static void the_error_is_below_two_units_everywhere(void **state) {
    (void)state;
    static const size_t SIZES[] = { 0, 1, 63, 64, 65, 1000 };
    static const struct {
        unsigned limbs, fraction, magnitude;
    } how[] = {
        { 1, 1, 1 }, { 1, 16, 61 }, { 2, 32, 78 }, { 2, 125, 125 }, { 3, 40, 81 }, { 3, 64, 64 }, { 3, 1, 100 }
    };
    static numbers a;
    for (size_t h = 0; h < sizeof how / sizeof *how; h++)
        for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
            if (SIZES[k] == 1000 && h % 4 != 0) continue;
            fill(&a, SIZES[k], how[h].limbs, how[h].fraction, how[h].magnitude);
            for (a.stock = 0; a.stock <= a.n + 5; a.stock += a.n + 5) {
                parties *p = check_modes(truncate_numbers, &a, NULL);
                for (size_t i = 0; i < a.n; i++) {
                    const double e =
                        error_of(parties_value(p, "z") + i * a.limbs, a.x + i * a.limbs, a.fraction, a.limbs);
                    assert_true(fabs(e) < 2);
                }
                parties_free(p);
            }
        }
}

/* e = frac(r_0) + frac(r_1) + frac(r_2) - frac(c) - 1: between -2 and 2, mean 0, variance 4 / 12. */
static void the_error_has_mean_zero_and_the_histogram_of_its_derivation(void **state) {
    (void)state;
    static numbers a;
    size_t seen[4] = { 0 };
    double sum = 0, squares = 0;
    const size_t runs = 20, all = runs * MOST;
    fill(&a, MOST, 2, 32, 78);
    for (size_t i = 0; i < MOST; i++) a.x[2 * i] ^= i * 0x9e3779b97f4a7c15; /* all fractions alike */
    for (size_t run = 0; run < runs; run++) {
        parties *p = parties_new(HG_PLAIN, run);
        assert_ok_err(parties_run(p, truncate_numbers, &a), p->err[0]);
        for (size_t i = 0; i < MOST; i++) {
            const double e = error_of(parties_value(p, "z") + 2 * i, a.x + 2 * i, 32, 2);
            seen[(int)floor(e) + 2]++;
            sum += e;
            squares += e * e;
        }
        parties_free(p);
    }
    const double n = (double)all;
    assert_true(fabs(sum / n) < 4 * sqrt(1 / 3.0 / n));
    assert_close(squares / n, 1 / 3.0, 0.02);
    for (int k = 0; k < 4; k++) assert_true(seen[k] > all / 40);
    assert_true(fabs((double)seen[0] - (double)seen[3]) < 0.01 * n &&
                fabs((double)seen[1] - (double)seen[2]) < 0.03 * n);
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

static hg_status truncate_products(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x, y, z, one, before = { .n = 0 };
    HG_TRY(parties_share(&x, p, r, a->x, a->n * a->length, a->limbs, err));
    HG_TRY(parties_share(&y, p, r, a->y, a->n * a->length, a->limbs, err));
    HG_TRY(hg_truncation_prepare(r, a->stock, a->fraction, a->limbs, err));
    const hg_share first = hg_share_view(&y, 0, 1);
    HG_TRY(hg_gate_mul(r, &before, &first, &first, err)); /* rides along */
    HG_TRY(hg_inner_truncated(r, &z, &x, &y, a->n, a->length, a->fraction, a->magnitude, err));
    HG_TRY(parties_out(p, r, "z", &z, err));
    if (a->length == 1) HG_TRY(hg_mul_truncated(r, &one, &first, &x, a->fraction, a->magnitude, err));
    if (a->length == 1) HG_TRY(parties_out(p, r, "one", &one, err));
    return a->verify ? hg_run_verify(r, err) : HG_OK;
}

static void products_are_cut_in_their_own_round(void **state) {
    (void)state;
    static numbers a, b;
    for (unsigned limbs = 2; limbs <= 3; limbs++)
        for (size_t length = 1; length <= 7; length += 6)
            for (size_t stock = 0; stock < 200; stock += 150) {
                fill(&a, 65 * length, limbs, 32, 36);
                fill(&b, 65 * length, limbs, 32, 37);
                memcpy(a.y, b.x, sizeof a.y);
                a.n = 65;
                a.length = length;
                a.magnitude = 76;
                a.stock = stock;
                a.verify = true;
                parties *p = check_modes(truncate_products, &a, NULL);
                for (size_t i = 0; i < a.n; i++) {
                    uint64_t want[3] = { 0 };
                    hg_ring_dot_add(want, a.x + i * length * limbs, a.y + i * length * limbs, length, limbs);
                    assert_true(fabs(error_of(parties_value(p, "z") + i * limbs, want, 32, limbs)) < 2);
                    if (length > 1) continue;
                    hg_ring_mul(want, a.x + i * limbs, a.y, 1, limbs);
                    assert_true(fabs(error_of(parties_value(p, "one") + i * limbs, want, 32, limbs)) < 2);
                }
                parties_free(p);
            }
}

/* ---- cost -------------------------------------------------------------------------------------------------------- */

static hg_cost minus(hg_cost a, hg_cost b) {
    return (hg_cost) { a.rounds - b.rounds,     a.messages - b.messages, a.bytes - b.bytes,
                       a.products - b.products, a.ands - b.ands,         a.openings - b.openings };
}

enum { PREPARED, TRUNCATED, MULTIPLIED, UNSTOCKED, STEPS };
typedef struct {
    numbers a;
    hg_cost cost[2][STEPS]; /* of server 0 */
} bill;

static hg_status itemise(parties *p, hg_run *r, hg_err *err) {
    bill *b = p->user;
    const numbers *a = &b->a;
    hg_share x, z;
    hg_cost at[STEPS + 1];
    HG_TRY(parties_share(&x, p, r, a->x, a->n, 3, err));
    at[0] = hg_run_cost(r);
    HG_TRY(hg_truncation_prepare(r, 2 * a->n, 0, 3, err));
    at[1] = hg_run_cost(r);
    if (p->mode == HG_MALICIOUS) HG_TRY(hg_run_verify(r, err)); /* so that the last step has no ANDs to check */
    const hg_cost gap = minus(hg_run_cost(r), at[1]);
    HG_TRY(hg_truncate(r, &z, &x, a->fraction, a->magnitude, err));
    at[2] = minus(hg_run_cost(r), gap);
    HG_TRY(hg_mul_truncated(r, &z, &x, &x, a->fraction, a->magnitude, err));
    at[3] = minus(hg_run_cost(r), gap);
    HG_TRY(hg_truncate(r, &z, &x, a->fraction, a->magnitude, err));
    at[4] = minus(hg_run_cost(r), gap);
    if (hg_run_party(r) == 0 && p->mode != HG_PLAIN)
        for (int k = 0; k < STEPS; k++) b->cost[p->mode == HG_MALICIOUS][k] = minus(at[k + 1], at[k]);
    return HG_OK;
}

static void costs_are_exact(void **state) {
    (void)state;
    static bill b;
    fill(&b.a, 64, 3, 32, 40);
    parties_free(parties_check(itemise, &b, 1, NULL));
    const hg_cost *semi = b.cost[0], *mal = b.cost[1];
    assert_int_equal(semi[PREPARED].rounds, 0);
    assert_int_equal(semi[TRUNCATED].rounds, 1);
    assert_int_equal(semi[TRUNCATED].bytes, 64 * 24);
    assert_int_equal(semi[MULTIPLIED].rounds, 1);
    assert_int_equal(semi[MULTIPLIED].messages, 2);
    assert_int_equal(semi[MULTIPLIED].bytes, 2 * 64 * 24);
    assert_int_equal(mal[PREPARED].rounds, 10);
    assert_int_equal(mal[PREPARED].ands, 245 * 128);
    assert_int_equal(mal[TRUNCATED].rounds, 1);
    assert_int_equal(mal[TRUNCATED].bytes, 64 * (18 + 24) + 32); /* and the digest of the second copies */
    assert_int_equal(mal[MULTIPLIED].rounds, 2);
    assert_int_equal(mal[MULTIPLIED].bytes, 64 * (2 * 24 + 18 + 24) + 32);
    assert_int_equal(mal[UNSTOCKED].rounds, 1 + 3);
}

/* ---- what a cheater can do, and what is seen --------------------------------------------------------------------- */

typedef struct {
    unsigned bit;
    uint32_t round;
} strike;

/* Server 1 adds 2^bit to the first product that it sends. */
static void add_to_product(void *user, parties_message *m) {
    const strike *s = user;
    if (m->received || m->party != 1 || m->side != HG_PREVIOUS || m->round != s->round) return;
    uint64_t e[3], error[3] = { 1 };
    memcpy(e, m->bytes + 24, sizeof e); /* a square rides before */
    hg_ring_shift_left(error, error, s->bit, 1, 3);
    hg_ring_add(e, e, error, 1, 3);
    memcpy(m->bytes + 24, e, sizeof e);
}

static void an_error_of_any_bit_is_found_with_and_without_a_stock(void **state) {
    (void)state;
    static const unsigned BITS[] = { 0, 32, 79, 143 };
    static numbers a;
    fill(&a, 3, 3, 32, 36);
    memcpy(a.y, a.x, sizeof a.y);
    a.n = 3;
    a.length = 1;
    a.magnitude = 76;
    a.verify = true;
    for (size_t k = 0; k < sizeof BITS / sizeof *BITS; k++)
        for (a.stock = 0; a.stock <= 6; a.stock += 6) {
            strike s = { BITS[k], a.stock ? 12 : 2 };
            parties *p = parties_new(HG_MALICIOUS, 3);
            p->spy = add_to_product;
            p->spy_user = &s;
            assert_int_equal(parties_run(p, truncate_products, &a), HG_ECHEAT);
            if (!a.stock) /* inputs 2, product 1, check 3: what the weak mask hides is not opened */
                assert_true(p->cost[0].rounds <= 6);
            parties_free(p);
        }
}

static void tell_one_server_another_value(void *user, parties_message *m) {
    const hg_neighbour *side = user;
    if (!m->received && m->party == 1 && m->side == *side && m->round == 11) m->bytes[0] ^= 1;
}

/* A wrong c would give a wrong z whose MAC is right: only the second copy tells. */
static void a_wrong_copy_of_what_is_opened_is_found_at_once(void **state) {
    (void)state;
    static numbers a;
    fill(&a, 3, 3, 32, 80);
    a.stock = 3;
    for (hg_neighbour side = HG_NEXT; side <= HG_PREVIOUS; side++) {
        parties *p = parties_new(HG_MALICIOUS, 3);
        p->spy = tell_one_server_another_value;
        p->spy_user = &side;
        assert_int_equal(parties_run(p, truncate_numbers, &a), HG_ECHEAT);
        const unsigned told = side == HG_NEXT ? 2 : 0;
        assert_int_equal(p->status[told], HG_ECHEAT);
        assert_contains(p->err[told].msg, "two copies");
        assert_int_equal(p->cost[told].rounds, 12);
        parties_free(p);
    }
}

/* An error that vanishes modulo 2^144 passes the check of the products; it must not change z modulo 2^144 either. */
static void an_error_above_the_ring_changes_nothing(void **state) {
    (void)state;
    static numbers a;
    fill(&a, 3, 3, 32, 36);
    memcpy(a.y, a.x, sizeof a.y);
    a.n = 3;
    a.length = 7 - 6;
    a.magnitude = 76;
    for (a.stock = 0; a.stock <= 6; a.stock += 6) {
        uint64_t z[9];
        for (int cheat = 0; cheat < 2; cheat++) {
            strike s = { 144, cheat ? a.stock ? 12 : 2 : 9999 };
            parties *p = parties_new(HG_MALICIOUS, 3);
            p->spy = add_to_product;
            p->spy_user = &s;
            const hg_status st = parties_run(p, truncate_products, &a);
            uint64_t *slot[3];
            if (st == HG_OK) {
                for (unsigned i = 0; i < 3; i++) slot[i] = p->out[0].slot[i][0];
                uint64_t sum[9];
                hg_ring_add(sum, slot[0], slot[1], 3, 3);
                hg_ring_add(sum, sum, slot[2], 3, 3);
                hg_ring_mask(sum, 144, 3, 3);
                if (cheat)
                    assert_memory_equal(sum, z, sizeof z);
                else
                    memcpy(z, sum, sizeof z);
            } else {
                assert_int_equal(st, HG_ECHEAT);
            }
            parties_free(p);
        }
    }
}

static hg_status zeros_times_zeros(parties *p, hg_run *r, hg_err *err) {
    hg_share zero, z;
    (void)p;
    HG_TRY(hg_share_new(&zero, r, 4, 2, false, err));
    return hg_mul_truncated(r, &z, &zero, &zero, 32, 64, err);
}

static hg_status its_masks(parties *p, hg_run *r, hg_err *err) { /* the first masks of a run with the same keys */
    if (hg_run_party(r) != 1) return HG_OK;
    HG_TRY(hg_prss_fill(r->prss, HG_PRSS_MASK, hg_prss_draw(r->prss, HG_PRSS_MASK), 1, p->user, 4 * 2, err));
    hg_ring_mask(p->user, 126, 4, 2);
    return HG_OK;
}

static void keep_message(void *user, parties_message *m) {
    if (!m->received && m->party == 1 && m->side == HG_PREVIOUS) memcpy(user, m->bytes, m->n);
}

/* Server 0 knows the mask of server 1's part: only the zero share hides the part from it. */
static void a_part_of_a_product_is_masked_by_more_than_the_neighbour_knows(void **state) {
    (void)state;
    uint64_t sent[8] = { 0 }, mask[8] = { 0 };
    parties *p = parties_new(HG_SEMI_HONEST, 12);
    assert_ok_err(parties_run(p, its_masks, mask), p->err[0]);
    p->spy = keep_message;
    p->spy_user = sent;
    assert_ok_err(parties_run(p, zeros_times_zeros, NULL), p->err[0]);
    for (size_t i = 0; i < 8; i++) assert_true(sent[i] != mask[i] && mask[i]);
    parties_free(p);
}

static unsigned char opened[3][MOST * 18]; /* by each server in its own thread */

static void keep_opening(void *user, parties_message *m) {
    (void)user;
    if (!m->received && m->side == HG_PREVIOUS && m->round == 11) memcpy(opened[m->party], m->bytes, MOST * 18);
}

/* What 1000 equal numbers give, put together: 18 bytes each. chi^2 of each byte's 256 values: mean 255, sd 22.6. */
static void what_is_opened_in_the_malicious_mode_is_uniform(void **state) {
    (void)state;
    static numbers a;
    fill(&a, MOST, 3, 32, 80);
    memset(a.x, 0, sizeof a.x);
    a.stock = MOST;
    parties *p = parties_new(HG_MALICIOUS, 4);
    p->spy = keep_opening;
    assert_ok_err(parties_run(p, truncate_numbers, &a), p->err[0]);
    parties_free(p);
    static size_t seen[18][256];
    for (size_t i = 0; i < MOST; i++) {
        uint64_t c[3] = { 0 }, slot[3] = { 0 };
        for (unsigned j = 0; j < 3; j++) {
            memcpy(slot, opened[j] + 18 * i, 18);
            hg_ring_add(c, c, slot, 1, 3);
        }
        for (size_t b = 0; b < 18; b++) seen[b][c[b / 8] >> b % 8 * 8 & 255]++;
    }
    for (size_t b = 0; b < 18; b++) {
        double chi = 0;
        for (int k = 0; k < 256; k++) {
            const double want = MOST / 256.0, d = (double)seen[b][k] - want;
            chi += d * d / want;
        }
        assert_true(chi < 255 + 6 * 22.6 && chi > 255 - 6 * 22.6);
    }
}

/* ---- refusals and faults ----------------------------------------------------------------------------------------- */

static hg_status refusals(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x, narrow, z;
    HG_TRY(parties_share(&x, p, r, a->x, 2, 3, err));
    HG_TRY(parties_share(&narrow, p, r, a->x, 2, 2, err));
    const bool wide = hg_run_arithmetic(r) == HG_MALICIOUS;
    const bool good = hg_truncate(r, &z, &x, 0, 10, err) == HG_EINVAL &&
                      hg_truncate(r, &z, &x, 11, 10, err) == HG_EINVAL &&
                      hg_truncate(r, &z, &x, 11, wide ? 101 : 190, err) == HG_EINVAL &&
                      hg_truncate(r, &z, &narrow, 11, 126, err) == HG_EINVAL &&
                      (!wide || hg_truncation_prepare(r, 3, 0, 2, err) == HG_EINVAL);
    return good ? HG_OK : hg_fail(err, HG_EINVAL, "something was not refused");
}

static void refuses_what_would_wrap(void **state) {
    (void)state;
    static numbers a;
    parties_free(parties_check(refusals, &a, 1, NULL));
}

static hg_status truncate_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    numbers *a = p->user;
    hg_share x, z;
    HG_TRY(parties_share(&x, p, r, a->x, 3, 3, err));
    parties_arm(p, r);
    HG_TRY(hg_truncation_prepare(r, 2, 0, 3, err));
    HG_TRY(hg_truncate(r, &z, &x, 32, 40, err));
    const hg_share two = hg_share_view(&z, 0, 2);
    return hg_mul_truncated(r, &z, &two, &two, 32, 80, err);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    static numbers a;
    fill(&a, 3, 3, 32, 40);
    parties_fail(truncate_with_a_fault, &a, HG_PLAIN, HG_MALICIOUS, 16, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_error_is_below_two_units_everywhere),
        TEST(the_error_has_mean_zero_and_the_histogram_of_its_derivation),
        TEST(products_are_cut_in_their_own_round),
        TEST(costs_are_exact),
        TEST(an_error_of_any_bit_is_found_with_and_without_a_stock),
        TEST(a_wrong_copy_of_what_is_opened_is_found_at_once),
        TEST(an_error_above_the_ring_changes_nothing),
        TEST(a_part_of_a_product_is_masked_by_more_than_the_neighbour_knows),
        TEST(what_is_opened_in_the_malicious_mode_is_uniform),
        TEST(refuses_what_would_wrap),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
