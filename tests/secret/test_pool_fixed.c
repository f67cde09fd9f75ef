/* tests/secret/test_pool_fixed.c -- inverse roots and logarithms by cells, and the local helpers */
#include "parties.h"
#include "secret/pool_fixed.h"
#include "secret/truncate.h"

enum { L = HG_POOL_LIMBS, MOST = 96, VARIANCE, Q };

typedef struct {
    int kind;
    size_t n;
    double x[MOST];
    hg_cells cells;
} numbers;

static hg_status functions(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    const unsigned fraction = a->cells.fraction;
    hg_share x, difference, above, root, log2;
    uint64_t words[MOST * L];
    for (size_t i = 0; i < a->n; i++) hg_pool_constant(words + i * L, a->x[i], fraction);
    HG_TRY(parties_share(&x, p, r, words, a->n, L, err));
    HG_TRY(hg_truncation_prepare(r, a->n * (a->kind == Q ? 8 : 16), HG_POOL_FRACTION, L, err));
    HG_TRY(hg_cells_differences(&difference, r, &a->cells, &x, err));
    HG_TRY(hg_pool_not_negative(&above, r, &difference, a->cells.bits, err));
    HG_TRY(hg_cells_apply(a->kind == Q ? NULL : &root, &log2, r, &a->cells, &x, &above, err));
    if (hg_truncation_left(r)) return hg_fail(err, HG_EINVAL, "masks were not used up");
    HG_TRY(parties_out(p, r, "log2", &log2, err));
    return a->kind == Q ? HG_OK : parties_out(p, r, "root", &root, err);
}

static numbers cells_of(int kind) {
    numbers a = { .kind = kind };
    if (kind == VARIANCE)
        hg_cells_make(&a.cells, -14, 3, 4, HG_POOL_WIDE, 9);
    else
        hg_cells_make(&a.cells, -24, 30, 2, HG_POOL_Q_FRACTION, 36);
    return a;
}

/* The whole domain, borders of cells included. Rounds: 9 + 2 for the cells, 1 + 3 for powers, 1 for the root. */
static void roots_and_logarithms_of_variances(void **state) {
    (void)state;
    numbers a = cells_of(VARIANCE);
    a.n = MOST;
    for (size_t i = 0; i < MOST; i++) a.x[i] = exp2(-14 + 17.0 * (double)i / (MOST - 1) - (i + 1 == MOST ? 1e-9 : 0));
    a.x[7] = exp2(-12.75);
    a.x[8] = exp2(-12.75) - ldexp(1, -60);
    hg_cost cost[2];
    parties *p = parties_check(functions, &a, 3, cost);
    for (size_t i = 0; i < MOST; i++) {
        const double root = 1 / sqrt(a.x[i]);
        assert_true(fabs(parties_double(p, "root", i, HG_POOL_FRACTION) / root - 1) < ldexp(1, -36));
        assert_true(fabs(parties_double(p, "log2", i, HG_POOL_WIDE) - log2(a.x[i])) < ldexp(1, -33));
    }
    parties_free(p);
    assert_int_equal(cost[0].rounds, 16);
}

static void logarithms_over_54_octaves(void **state) {
    (void)state;
    numbers a = cells_of(Q);
    a.n = MOST;
    for (size_t i = 0; i < MOST; i++) a.x[i] = exp2(-23.9 + 53.8 * (double)i / (MOST - 1));
    hg_cost cost[2];
    parties *p = parties_check(functions, &a, 3, cost);
    for (size_t i = 0; i < MOST; i++) { /* the last bit of a small x is worth more than the error of the cells */
        const double unit = 2 * ldexp(1, -HG_POOL_Q_FRACTION) / a.x[i];
        assert_true(fabs(parties_double(p, "log2", i, HG_POOL_WIDE) - log2(a.x[i])) < ldexp(1, -31) + unit);
    }
    parties_free(p);
    assert_int_equal(cost[0].rounds, 9 + 2 + 1 + 3);
}

/* Nothing fails below the domain, and order holds: what is smaller has the smaller logarithm. */
static void zero_counts_as_very_small(void **state) {
    (void)state;
    numbers a = cells_of(Q);
    a.n = 3;
    a.x[0] = 0;
    a.x[1] = exp2(-25);
    a.x[2] = exp2(-24);
    parties *p = parties_check(functions, &a, 3, NULL);
    assert_true(parties_double(p, "log2", 0, HG_POOL_WIDE) < parties_double(p, "log2", 1, HG_POOL_WIDE));
    assert_true(parties_double(p, "log2", 1, HG_POOL_WIDE) < -24);
    assert_true(parties_double(p, "log2", 0, HG_POOL_WIDE) > -40);
    parties_free(p);
}

/* ---- local helpers -------------------------------------------------------------------------------------------------------------- */

static hg_status helpers(parties *p, hg_run *r, hg_err *err) {
    const uint64_t x[2 * L] = { 3, 0, 0, 5 }, y[L] = { 7 }, c[2 * L] = { 10, 0, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX };
    const uint64_t constant[L] = { 100 };
    hg_share a, b, z;
    HG_TRY(parties_share(&a, p, r, x, 2, L, err));
    HG_TRY(parties_share(&b, p, r, y, 1, L, err));
    const hg_share *const part[] = { &a, &b, &a };
    HG_TRY(hg_share_join(&z, r, part, 3, err));
    HG_TRY(parties_out(p, r, "join", &z, err));
    HG_TRY(hg_share_repeat(&z, r, &a, 2, err));
    HG_TRY(parties_out(p, r, "repeat", &z, err));
    HG_TRY(hg_share_combine(&z, r, &a, 1, c, constant, err));
    return parties_out(p, r, "combine", &z, err);
}

static void shares_are_joined_repeated_and_combined(void **state) {
    (void)state;
    static const int64_t JOIN[] = { 3, 5, 7, 3, 5 }, REPEAT[] = { 3, 3, 5, 5 };
    parties *p = parties_check(helpers, NULL, 5, NULL);
    for (size_t i = 0; i < 5; i++) assert_int_equal(parties_int(p, "join", i), JOIN[i]);
    for (size_t i = 0; i < 4; i++) assert_int_equal(parties_int(p, "repeat", i), REPEAT[i]);
    assert_int_equal(parties_int(p, "combine", 0), 100 + 30 - 5);
    parties_free(p);
}

static void constants_keep_52_bits_at_any_place(void **state) {
    (void)state;
    static const double X[] = { 0, 1, -1, 0.1, -1e-9, 12345.678, -1e15, 3e-20, 1e-300 };
    uint64_t z[L];
    for (size_t i = 0; i < sizeof X / sizeof *X; i++)
        for (unsigned fraction = 0; fraction <= 140; fraction += 20) {
            hg_pool_constant(z, X[i], fraction);
            const double error = fabs(hg_ring_to_double(z, fraction, L) - X[i]);
            assert_true(error <= fmax(ldexp(fabs(X[i]), -51), ldexp(0.5, -(int)fraction)));
        }
    hg_pool_constant(z, -1, 128); /* two's complement through all limbs */
    assert_true(z[0] == 0 && z[1] == 0 && z[2] == UINT64_MAX);
}

/* ---- faults ------------------------------------------------------------------------------------------------------------------------ */

static hg_status functions_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    parties_arm(p, r);
    return functions(p, r, err);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    numbers a = cells_of(VARIANCE);
    a.n = 1;
    a.x[0] = 1;
    parties_fail(functions_with_a_fault, &a, HG_PLAIN, HG_PLAIN, 1000, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(roots_and_logarithms_of_variances),   TEST(logarithms_over_54_octaves),
        TEST(zero_counts_as_very_small),           TEST(shares_are_joined_repeated_and_combined),
        TEST(constants_keep_52_bits_at_any_place), TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
