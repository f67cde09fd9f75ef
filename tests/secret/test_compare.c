/* tests/secret/test_compare.c -- signs and bits as numbers: values, awkward sizes, exact costs, refusals */
#include "parties.h"
#include "secret/compare.h"
#include "secret/planes.h"
#include "secret/verify.h"

enum { MOST = 1000 };

typedef struct {
    size_t n;
    unsigned limbs, bits;
    uint64_t x[MOST * 3], y[MOST * 3];
} numbers;

static const size_t SIZES[] = { 0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 1000 };
enum { N_SIZES = sizeof SIZES / sizeof *SIZES };

/* Random values of every length, with the ends of the range and the numbers next to zero among them. */
static void fill(uint64_t *x, size_t n, unsigned limbs, unsigned bits, uint64_t seed) {
    hg_rng rng = hg_rng_make(seed, bits);
    for (size_t i = 0; i < n; i++) {
        uint64_t *e = x + i * limbs;
        for (unsigned l = 0; l < limbs; l++) e[l] = hg_rng_u64(&rng);
        if (i % 3 == 0) hg_ring_shift_right(e, e, (unsigned)hg_rng_below(&rng, 64 * limbs), 1, limbs);
        if (i % 6 == 0) hg_ring_negate(e, e, 1, limbs);
        if (i % 7 < 3) hg_ring_from_int(e, (int64_t)(i % 7) - 1, limbs);
        if (i % 11 == 5) { /* -2^(bits-1), the least */
            hg_ring_from_int(e, 1, limbs);
            hg_ring_shift_left(e, e, bits - 1, 1, limbs);
        }
    }
}

static bool top(const uint64_t *x, unsigned bits) { return x[(bits - 1) / 64] >> (bits - 1) % 64 & 1; }

static hg_status negative(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x;
    hg_bits z;
    HG_TRY(parties_share(&x, p, r, a->x, a->n, a->limbs, err));
    HG_TRY(hg_negative(r, &z, &x, a->bits, err));
    return parties_out_bits(p, r, "negative", &z, err);
}

static void the_sign_is_the_top_bit_at_awkward_sizes_and_widths(void **state) {
    (void)state;
    static const unsigned BITS[] = { 1, 2, 3, 4, 5, 17, 40, 63, 64, 65, 127, 128, 144, 191, 192 };
    numbers a = { .n = 0 };
    for (size_t b = 0; b < sizeof BITS / sizeof *BITS; b++)
        for (size_t k = 0; k < N_SIZES; k++) {
            if (SIZES[k] > 65 && b % 4 != 0) continue; /* the large one at some widths: time */
            a.bits = BITS[b];
            a.limbs = (a.bits + 63) / 64 + (a.bits % 2 && a.bits < 128);
            a.n = SIZES[k];
            fill(a.x, a.n, a.limbs, a.bits, k);
            parties *p = parties_check(negative, &a, 3 * b + k, NULL);
            assert_int_equal(parties_size(p, "negative"), a.n);
            for (size_t i = 0; i < a.n; i++)
                assert_int_equal(parties_bit(p, "negative", i), top(a.x + i * a.limbs, a.bits));
            parties_free(p);
        }
}

/* Rounds and gates for each number: 8 and 241 at 64 bits, 9 and 496 at 128, 10 and 560 - 1 at 144. */
static void costs_are_exact(void **state) {
    (void)state;
    static const struct {
        unsigned bits, limbs, rounds, ands;
    } want[] = { { 64, 1, 8, 241 }, { 128, 2, 9, 496 }, { 144, 3, 10, 559 }, { 40, 1, 8, 145 }, { 34, 1, 7, 122 } };
    static const size_t n[] = { 1, 20, 64, 640 };
    numbers a = { .n = 0 };
    for (size_t k = 0; k < sizeof want / sizeof *want; k++)
        for (size_t j = 0; j < sizeof n / sizeof *n; j++) {
            hg_cost cost[2];
            a.n = n[j];
            a.bits = want[k].bits;
            a.limbs = want[k].limbs;
            fill(a.x, a.n, a.limbs, a.bits, 1);
            parties_free(parties_check(negative, &a, 9, cost));
            assert_int_equal(cost[0].rounds, want[k].rounds);
            assert_int_equal(cost[0].rounds, hg_negative_rounds(a.bits));
            assert_int_equal(hg_negative_ands(a.bits), want[k].ands);
            assert_int_equal(cost[0].ands, want[k].ands * hg_planes_stride(a.n));
            if (a.n >= 64) assert_int_equal(cost[0].bytes, want[k].ands * a.n / 8);
            if (a.n >= 64) assert_int_equal(cost[0].messages, cost[0].rounds);
            assert_int_equal(cost[1].rounds, want[k].rounds + 1); /* and the inputs' MACs */
        }
    assert_int_equal(hg_planes_stride(1), 1);
    assert_int_equal(hg_planes_stride(20), 32);
    assert_int_equal(hg_planes_stride(640), 640);
}

static hg_status less(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x, y;
    hg_bits z, one;
    HG_TRY(parties_share(&x, p, r, a->x, a->n, a->limbs, err));
    HG_TRY(parties_share(&y, p, r, a->y, a->n, a->limbs, err));
    HG_TRY(hg_less(r, &z, &x, &y, a->bits, err));
    const hg_share first = hg_share_view(&y, 0, 1);
    HG_TRY(hg_less(r, &one, &x, &first, a->bits, err));
    HG_TRY(parties_out_bits(p, r, "less", &z, err));
    return parties_out_bits(p, r, "less than the first", &one, err);
}

static void less_compares_signed_numbers(void **state) {
    (void)state;
    numbers a = { .n = 100, .limbs = 3, .bits = 64 };
    hg_rng rng = hg_rng_make(1, 1);
    int64_t x[100], y[100];
    for (size_t i = 0; i < a.n; i++) {
        x[i] = (int64_t)(hg_rng_u64(&rng) >> 2) - ((int64_t)1 << 61);
        y[i] = i % 4 == 0 ? x[i] + (int64_t)(i % 3) - 1 : (int64_t)(hg_rng_u64(&rng) >> 2) - ((int64_t)1 << 61);
        hg_ring_from_int(a.x + 3 * i, x[i], 3);
        hg_ring_from_int(a.y + 3 * i, y[i], 3);
    }
    parties *p = parties_check(less, &a, 4, NULL);
    for (size_t i = 0; i < a.n; i++) {
        assert_int_equal(parties_bit(p, "less", i), x[i] < y[i]);
        assert_int_equal(parties_bit(p, "less than the first", i), x[i] < y[0]);
    }
    parties_free(p);
}

/* ---- bits as numbers --------------------------------------------------------------------------------------------- */

static hg_status convert(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_bits x;
    hg_share z;
    HG_TRY(parties_share_bits(&x, p, r, a->x, a->n, err));
    HG_TRY(hg_bits_to_share(r, &z, &x, a->limbs, err));
    HG_TRY(parties_out(p, r, "numbers", &z, err));
    return HG_OK;
}

static void bits_become_authenticated_numbers_in_two_rounds(void **state) {
    (void)state;
    numbers a = { .n = 0 };
    fill(a.x, MOST, 1, 64, 5);
    for (size_t k = 0; k < N_SIZES; k++)
        for (a.limbs = 1; a.limbs <= 3; a.limbs++) {
            hg_cost cost[2];
            a.n = SIZES[k];
            parties *p = parties_check(convert, &a, k, cost);
            for (size_t i = 0; i < a.n; i++) {
                const uint64_t want[3] = { a.x[i / 64] >> i % 64 & 1 };
                assert_memory_equal(parties_value(p, "numbers") + i * a.limbs, want, a.limbs * 8);
            }
            assert_int_equal(cost[0].rounds, a.n ? 2 : 0);
            assert_int_equal(cost[1].rounds, a.n ? 2 : 0);
            assert_int_equal(cost[0].bytes, 2 * a.n * a.limbs * 8);
            assert_int_equal(cost[1].bytes, 7 * a.n * a.limbs * 8);
            parties_free(p);
        }
}

enum { ROWS = 13, LENGTH = 5 };

static hg_status bits_times_numbers(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_bits x;
    hg_share y, z, before = { .n = 0 };
    HG_TRY(parties_share_bits(&x, p, r, a->y, ROWS * LENGTH, err));
    HG_TRY(parties_share(&y, p, r, a->x, ROWS * LENGTH, a->limbs, err));
    if (a->bits) HG_TRY(hg_gate_mul(r, &before, &y, &y, err)); /* waits: it rides in the first round */
    HG_TRY(hg_bits_inner(r, &z, &x, &y, ROWS, LENGTH, err));
    if (a->bits) HG_TRY(parties_out(p, r, "squares", &before, err));
    return parties_out(p, r, "sums", &z, err);
}

static void bits_select_and_add_numbers_in_two_rounds(void **state) {
    (void)state;
    for (unsigned limbs = 1; limbs <= 3; limbs++) {
        numbers a = { .n = ROWS * LENGTH, .limbs = limbs };
        hg_cost cost[2];
        fill(a.x, a.n, limbs, 64 * limbs, 5);
        a.y[0] = 0x9e3779b97f4a7c15;
        a.y[1] = 1;
        parties *p = parties_check(bits_times_numbers, &a, limbs, cost);
        for (size_t i = 0; i < ROWS; i++) {
            uint64_t want[3] = { 0 };
            for (size_t j = i * LENGTH; j < (i + 1) * LENGTH; j++)
                if (a.y[j / 64] >> j % 64 & 1) hg_ring_add(want, want, a.x + j * limbs, 1, limbs);
            assert_memory_equal(parties_value(p, "sums") + i * limbs, want, limbs * 8);
        }
        parties_free(p);
        /* b0 b1 and b2 y for each bit, then a row's sum; malicious: a b0, and the MACs of all of them, and of the inputs */
        assert_int_equal(cost[0].rounds, 2);
        assert_int_equal(cost[0].bytes, (2 * ROWS * LENGTH + ROWS) * limbs * 8);
        assert_int_equal(cost[1].rounds, 3);
        assert_int_equal(cost[1].bytes, (6 * ROWS * LENGTH + 2 * ROWS) * limbs * 8);
        a.bits = 1;
        parties_free(parties_check(bits_times_numbers, &a, limbs, cost));
        assert_int_equal(cost[0].rounds, 2);
    }
}

/* ---- a cheating server ------------------------------------------------------------------------------------------- */

static hg_status everything_checked(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_bits x, sign;
    hg_share y, z;
    HG_TRY(parties_share(&y, p, r, a->x, 2, 3, err)); /* round 0 */
    HG_TRY(parties_share_bits(&x, p, r, a->y, 2, err));
    HG_TRY(hg_bits_to_share(r, &z, &x, 3, err));     /* rounds 1 and 2 */
    HG_TRY(hg_bits_inner(r, &z, &x, &y, 1, 2, err)); /* rounds 3 and 4 */
    HG_TRY(hg_negative(r, &sign, &y, a->bits, err)); /* rounds 5 to 5 + 4 */
    return hg_run_verify(r, err);
}

typedef struct {
    uint32_t round;
    size_t at, n; /* n: bytes of the message, found on the way */
} strike;

static void flip_a_byte(void *user, parties_message *m) {
    strike *s = user;
    if (m->received || m->party != 1 || m->side != HG_PREVIOUS || m->round != s->round) return;
    s->n = m->n;
    if (s->at < m->n) m->bytes[s->at] ^= 1;
}

static void a_wrong_word_in_any_message_is_found(void **state) {
    (void)state;
    numbers a = { .bits = 6 };
    fill(a.x, 2, 3, 192, 1);
    a.y[0] = 2;
    parties *p = parties_new(HG_MALICIOUS, 7);
    assert_ok_err(parties_run(p, everything_checked, &a), p->err[0]);
    p->spy = flip_a_byte;
    for (uint32_t round = 0; round < 10; round++)
        for (size_t at = 0, n = 1; at < n; at += round < 5 ? 8 : 16) {
            strike s = { .round = round, .at = at };
            p->spy_user = &s;
            const hg_status st = parties_run(p, everything_checked, &a);
            n = s.n < 400 ? s.n : 400; /* after the gates come raw triples: test_verify */
            assert_int_equal(st, HG_ECHEAT);
        }
    parties_free(p);
}

/* ---- refusals and faults ----------------------------------------------------------------------------------------- */

static hg_status refusals(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x;
    hg_bits z;
    HG_TRY(parties_share(&x, p, r, a->x, 4, 2, err));
    const hg_share few = hg_share_view(&x, 0, 3);
    hg_share sum;
    hg_bits bits;
    HG_TRY(hg_bits_new(&bits, r, 3, err));
    const bool good = hg_negative(r, &z, &x, 0, err) == HG_EINVAL && hg_negative(r, &z, &x, 129, err) == HG_EINVAL &&
                      hg_less(r, &z, &x, &few, 64, err) == HG_EINVAL && hg_less(r, &z, &x, &x, 129, err) == HG_EINVAL &&
                      hg_bits_inner(r, &sum, &bits, &x, 1, 4, err) == HG_EINVAL &&
                      hg_bits_inner(r, &sum, &bits, &few, 2, 2, err) == HG_EINVAL;
    return good ? HG_OK : hg_fail(err, HG_EINVAL, "something was not refused");
}

static void refuses_widths_and_sizes_that_do_not_fit(void **state) {
    (void)state;
    numbers a = { .n = 4, .limbs = 2 };
    parties_free(parties_check(refusals, &a, 1, NULL));
}

static hg_status negative_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x;
    hg_bits z;
    HG_TRY(parties_share(&x, p, r, a->x, a->n, a->limbs, err));
    parties_arm(p, r);
    return hg_negative(r, &z, &x, a->bits, err);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    static numbers a = { .n = 5, .limbs = 1, .bits = 8 };
    fill(a.x, a.n, 1, 8, 2);
    parties_fail(negative_with_a_fault, &a, HG_PLAIN, HG_MALICIOUS, 1000, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_sign_is_the_top_bit_at_awkward_sizes_and_widths),
        TEST(costs_are_exact),
        TEST(less_compares_signed_numbers),
        TEST(bits_become_authenticated_numbers_in_two_rounds),
        TEST(bits_select_and_add_numbers_in_two_rounds),
        TEST(a_wrong_word_in_any_message_is_found),
        TEST(refuses_widths_and_sizes_that_do_not_fit),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
