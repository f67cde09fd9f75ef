/* tests/secret/test_pool_input.c -- owners' numbers in their range, rows that select one entry */
#include "parties.h"
#include "secret/pool_input.h"
#include "secret/pool_policy.h"
#include "secret/verify.h"

enum { L = 3, MANY = HG_INPUT_BATCH + 700 };

typedef struct {
    size_t n;
    int64_t low, high;
    uint64_t *x; /* [n * L] */
} numbers;

static hg_status check_range(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x;
    hg_bits in;
    uint64_t low[L], high[L];
    hg_ring_from_int(low, a->low, L);
    hg_ring_from_int(high, a->high, L);
    HG_TRY(parties_share(&x, p, r, a->x, a->n, L, err));
    const size_t before = hg_arena_bytes(hg_run_arena(r));
    HG_TRY(hg_input_in_range(&in, r, &x, low, high, err));
    if (hg_arena_bytes(hg_run_arena(r)) > before + a->n / 4 + 4096)
        return hg_fail(err, HG_ELIMIT, "a check keeps %zu bytes", hg_arena_bytes(hg_run_arena(r)) - before);
    return parties_out_bits(p, r, "in", &in, err);
}

/* Small numbers around the ends, and numbers that look small in their low limbs. */
static void every_bit_of_a_number_counts(void **state) {
    (void)state;
    static const int64_t offsets[] = { -3, -1, 0, 1, 2, 1000 };
    const int64_t low = -((int64_t)HG_Y_LIMIT << HG_Y_FRACTION), high = (int64_t)HG_Y_LIMIT << HG_Y_FRACTION;
    uint64_t x[200 * L];
    bool expected[200];
    size_t n = 0;
    for (int end = 0; end < 2; end++)
        for (int i = 0; i < 6; i++)
            for (unsigned bit = 63; bit <= 192; bit += bit == 63 ? 1 : 16) { /* bit 192: none */
                const int64_t value = (end ? high : low) + offsets[i];
                hg_ring_from_int(x + n * L, value, L);
                if (bit < 192) x[n * L + bit / 64] ^= (uint64_t)1 << bit % 64;
                expected[n++] = bit == 192 && value >= low && value <= high;
            }
    numbers a = { n, low, high, x };
    hg_cost cost[2];
    parties *p = parties_check(check_range, &a, 1, cost);
    for (size_t i = 0; i < n; i++) assert_int_equal(parties_bit(p, "in", i), expected[i]);
    parties_free(p);
    assert_int_equal(cost[0].rounds, 11);
    assert_int_equal(n, 120);
    assert_int_equal(cost[0].ands, 256 * 751 + n); /* 240 comparisons fill 256 places */
}

/* Features of tier 3, more than a batch of them; what the check keeps is a bit a number. */
static void batches_bound_the_memory(void **state) {
    (void)state;
    numbers a = { MANY, 0, (int64_t)1 << HG_FRACTION, malloc(MANY * L * sizeof *a.x) };
    hg_rng rng = hg_rng_make(4, 4);
    for (size_t i = 0; i < MANY; i++)
        hg_ring_from_double(a.x + i * L, 1.2 * hg_rng_uniform(&rng) - 0.1, HG_FRACTION, L);
    parties *p = parties_new(HG_SEMI_HONEST, 2);
    assert_ok_err(parties_run(p, check_range, &a), p->err[0]);
    for (size_t i = 0; i < MANY; i++) {
        const double x = hg_ring_to_double(a.x + i * L, HG_FRACTION, L);
        assert_int_equal(parties_bit(p, "in", i), x >= 0 && x <= 1);
    }
    assert_int_equal(parties_cost(p).rounds, 22);
    assert_in_range(parties_cost(p).bytes / MANY, 185, 192);
    parties_free(p);
    free(a.x);
}

/* ---- one-hot rows ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    size_t rows, p;
    uint64_t *e;
} rows_of;

static hg_status check_onehot(parties *p, hg_run *r, hg_err *err) {
    const rows_of *a = p->user;
    hg_share e;
    HG_TRY(parties_share(&e, p, r, a->e, a->rows * a->p, L, err));
    return hg_pool_onehot_check(r, &e, a->rows, a->p, "a row of owner-1", err);
}

static hg_status run_onehot(rows_of *a, hg_mode mode, hg_err *err, hg_cost *cost) {
    parties *p = parties_new(mode, 3);
    const hg_status st = parties_run(p, check_onehot, a);
    for (unsigned i = 0; i < 3; i++)
        if (p->status[i] == st) *err = p->err[i];
    if (cost) *cost = p->cost[0];
    parties_free(p);
    return st;
}

static void a_row_selects_one_entry_or_none(void **state) {
    (void)state;
    enum { ROWS = 3, P = 5 };
    uint64_t e[ROWS * P * L] = { 0 };
    rows_of a = { ROWS, P, e };
    hg_err err = { 0 };
    hg_cost cost;
    e[2 * L] = e[(P + 4) * L] = 1; /* the third row pads */
    for (hg_mode mode = HG_PLAIN; mode <= HG_MALICIOUS; mode++) {
        assert_ok_err(run_onehot(&a, mode, &err, &cost), err);
        if (mode == HG_SEMI_HONEST) assert_int_equal(cost.products, ROWS * (P + 1));
    }
    static const struct {
        size_t at, limb;
        uint64_t word;
    } BAD[] = {
        { 3, 0, 1 },                  /* two entries */
        { 2, 0, 2 },                  /* two, not one */
        { 2, 0, UINT64_MAX },         /* 2^64 - 1 */
        { 12, 1, (uint64_t)1 << 32 }, /* 2^96: its square is 0 */
        { 12, 2, (uint64_t)1 << 63 }, /* 2^191: a random combination would not see it half the time */
        { 12, 2, (uint64_t)1 << 16 }, /* 2^144: beyond what the values of a malicious run use */
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        for (hg_mode mode = HG_PLAIN; mode <= HG_MALICIOUS; mode++) {
            const uint64_t keep = e[BAD[i].at * L + BAD[i].limb];
            e[BAD[i].at * L + BAD[i].limb] = BAD[i].word;
            assert_int_equal(run_onehot(&a, mode, &err, NULL), HG_ECHEAT);
            assert_contains(err.msg, "a row of owner-1");
            e[BAD[i].at * L + BAD[i].limb] = keep;
        }
    for (size_t j = 0; j < L; j++) { /* entries that are fine with a sum that is not: 1 and 1 in one row, -1 in none */
        e[4 * L + j] = 0;
    }
    e[1 * L] = 1;
    assert_int_equal(run_onehot(&a, HG_SEMI_HONEST, &err, NULL), HG_ECHEAT);
}

static void many_rows_go_in_batches(void **state) {
    (void)state;
    enum { P = 700, ROWS = 25 }; /* 11 rows a batch */
    rows_of a = { ROWS, P, calloc((size_t)ROWS * P * L, sizeof *a.e) };
    hg_err err = { 0 };
    for (size_t i = 0; i < ROWS; i++) a.e[(i * P + 31 * i % P) * L] = 1;
    assert_ok_err(run_onehot(&a, HG_SEMI_HONEST, &err, NULL), err);
    a.e[(24 * P + 5) * L] = 1; /* in the last batch */
    assert_int_equal(run_onehot(&a, HG_SEMI_HONEST, &err, NULL), HG_ECHEAT);
    a.rows = 24;
    assert_ok_err(run_onehot(&a, HG_SEMI_HONEST, &err, NULL), err);
    free(a.e);
}

/* ---- faults and refusals -------------------------------------------------------------------------------------------------------- */

static hg_status checks_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    uint64_t e[4 * L] = { 1 }, low[L] = { 0 }, high[L] = { 1 };
    hg_share x;
    hg_bits in;
    HG_TRY(parties_share(&x, p, r, e, 4, L, err));
    parties_arm(p, r);
    HG_TRY(hg_pool_onehot_check(r, &x, 2, 2, "a row", err));
    return hg_input_in_range(&in, r, &x, low, high, err);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    parties_fail(checks_with_a_fault, NULL, HG_PLAIN, HG_SEMI_HONEST, 1000, 20);
}

static hg_status wrong_sizes(parties *p, hg_run *r, hg_err *err) {
    const uint64_t e[4 * L] = { 0 };
    hg_share x;
    HG_TRY(parties_share(&x, p, r, e, 4, L, err));
    if (hg_pool_onehot_check(r, &x, 3, 2, "a row", err) != HG_EINVAL) return HG_EDATA;
    return hg_pool_onehot_check(r, &x, 4, 0, "a row", err) == HG_EINVAL ? HG_OK : HG_EDATA;
}

static void refuses_rows_of_another_size(void **state) {
    (void)state;
    parties *p = parties_new(HG_PLAIN, 1);
    assert_ok(parties_run(p, wrong_sizes, NULL));
    parties_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_bit_of_a_number_counts), TEST(batches_bound_the_memory), TEST(a_row_selects_one_entry_or_none),
        TEST(many_rows_go_in_batches),      TEST(any_allocation_may_fail),  TEST(refuses_rows_of_another_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
