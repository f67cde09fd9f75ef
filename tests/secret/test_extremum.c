/* tests/secret/test_extremum.c -- secret/compare.h, second half: who is the least, ties, exclusions, groups, exact
 * costs */
#include "parties.h"
#include "secret/compare.h"
#include "secret/planes.h"
#include "secret/verify.h"

enum { MOST = 1000 };

typedef struct {
    size_t n, group;
    unsigned limbs, bits;
    bool greatest, some_excluded;
    bool excluded[MOST];
    uint64_t x[MOST * 3];
    int64_t plain[MOST];
} items;

static hg_status extremum(parties *p, hg_run *r, hg_err *err) {
    const items *a = p->user;
    const hg_extremum_opts o = {
        .greatest = a->greatest, .bits = a->bits, .group = a->group, .excluded = a->some_excluded ? a->excluded : NULL
    };
    hg_share x;
    hg_bits onehot, index;
    HG_TRY(parties_share(&x, p, r, a->x, a->n, a->limbs, err));
    HG_TRY(hg_extremum(r, &onehot, &x, &o, err));
    HG_TRY(hg_onehot_index(&index, r, &onehot, err));
    HG_TRY(parties_out_bits(p, r, "onehot", &onehot, err));
    return parties_out_bits(p, r, "index", &index, err);
}

/* Values from a small set: many ties. */
static void fill(items *a, size_t n, uint64_t seed) {
    hg_rng rng = hg_rng_make(seed, n);
    a->n = n;
    for (size_t i = 0; i < n; i++) {
        a->plain[i] = (int64_t)hg_rng_below(&rng, n / 4 + 2) - 3;
        a->excluded[i] = hg_rng_below(&rng, 3) == 0;
        hg_ring_from_int(a->x + i * a->limbs, a->plain[i], a->limbs);
        hg_ring_shift_left(a->x + i * a->limbs, a->x + i * a->limbs, a->bits - 20, 1, a->limbs);
    }
    a->excluded[n / 2] = false;
}

static size_t oracle(const items *a) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < a->n; i++) {
        if (a->some_excluded && a->excluded[i]) continue;
        if (best == SIZE_MAX || (a->greatest ? a->plain[i] > a->plain[best] : a->plain[i] < a->plain[best])) best = i;
    }
    return best;
}

static void check(parties *p, const items *a) {
    const size_t best = oracle(a);
    size_t index = 0;
    for (size_t i = 0; i < a->n; i++) assert_int_equal(parties_bit(p, "onehot", i), i == best);
    for (size_t b = 0; b < parties_size(p, "index"); b++) index |= (size_t)parties_bit(p, "index", b) << b;
    assert_int_equal(index, best);
}

static void the_lowest_index_of_the_best_wins_at_awkward_sizes(void **state) {
    (void)state;
    static const size_t SIZES[] = { 1, 2, 3, 4, 5, 31, 33, 63, 64, 65, 132 };
    static items a = { .limbs = 2, .bits = 64 };
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++)
        for (unsigned how = 0; how < 4; how++) {
            a.greatest = how & 1;
            a.some_excluded = how & 2;
            if (SIZES[k] == 132 && how % 3) continue;
            fill(&a, SIZES[k], 10 * k + how);
            parties *p = parties_check(extremum, &a, k, NULL);
            check(p, &a);
            parties_free(p);
        }
}

static void groups_of_any_size_find_the_same(void **state) {
    (void)state;
    static items a = { .limbs = 3, .bits = 144, .some_excluded = true };
    static const size_t GROUP[] = { 2, 3, 4, 8, 29, 30, 100 };
    for (size_t k = 0; k < sizeof GROUP / sizeof *GROUP; k++) {
        a.group = GROUP[k];
        a.greatest = k % 2;
        fill(&a, 45, k);
        parties *p = parties_check(extremum, &a, k, NULL);
        check(p, &a);
        parties_free(p);
    }
    a.limbs = 1;
    a.bits = 64;
    a.group = 0;
    a.some_excluded = false;
    fill(&a, 1000, 5);
    parties *p = parties_new(HG_SEMI_HONEST, 3);
    assert_ok_err(parties_run(p, extremum, &a), p->err[0]);
    check(p, &a);
    assert_true(parties_cost(p).bytes < 500000); /* all pairs would be 15 MB */
    parties_free(p);
}

static void the_signed_ends_of_the_range_are_in_order(void **state) {
    (void)state;
    static items a = { .limbs = 1, .bits = 64, .n = 3, .greatest = true };
    const int64_t x[] = { -((int64_t)1 << 62), ((int64_t)1 << 62) - 1, 0 };
    for (size_t i = 0; i < 3; i++) a.x[i] = (uint64_t)(a.plain[i] = x[i]);
    parties *p = parties_check(extremum, &a, 1, NULL);
    check(p, &a);
    parties_free(p);
}

/* 64 values of 128 bits: 9 + 6 rounds, 2016 comparisons of 496 gates and 64 x 62 of the tree. 132 of 64 bits: 8 + 8.
 * Two levels of 8 x 8: (8 + 3) + 2 + (8 + 3) + 1, values up by 2 x 64 + 8 elements. */
static void costs_are_exact(void **state) {
    (void)state;
    static items a;
    hg_cost cost[2];
    a.limbs = 2;
    a.bits = 128;
    fill(&a, 64, 1);
    parties_free(parties_check(extremum, &a, 1, cost));
    assert_int_equal(cost[0].rounds, 15);
    assert_int_equal(cost[0].ands, 2048 * 496 + 64 * 62); /* 2016 is padded to whole words */
    assert_int_equal(cost[0].bytes, cost[0].ands / 8);
    assert_int_equal(cost[1].rounds, 15 + 1);
    a.limbs = 1;
    a.bits = 64;
    fill(&a, 132, 1);
    parties_free(parties_check(extremum, &a, 1, cost));
    assert_int_equal(cost[0].rounds, 16);
    assert_int_equal(cost[0].ands, 8704 * 241 + 192 * 130);
    a.group = 8;
    fill(&a, 64, 1);
    parties_free(parties_check(extremum, &a, 1, cost));
    assert_int_equal(cost[0].rounds, 25);
    assert_int_equal(cost[0].ands, (256 * 241 + 64 * 6) + (32 * 241 + 8 * 6) + 64);
    assert_int_equal(cost[0].bytes, cost[0].ands / 8 + (2 * 64 + 8) * 8);
    assert_int_equal(cost[1].rounds, 26);
}

/* ---- refusals and faults ----------------------------------------------------------------------------------------- */

static hg_status refusals(parties *p, hg_run *r, hg_err *err) {
    static const bool all[3] = { true, true, true };
    const items *a = p->user;
    hg_share x;
    hg_bits z;
    HG_TRY(parties_share(&x, p, r, a->x, 3, 1, err));
    const hg_share none = hg_share_view(&x, 0, 0);
    const bool good = hg_extremum(r, &z, &x, &(hg_extremum_opts) { .bits = 64, .excluded = all }, err) == HG_EINVAL &&
                      hg_extremum(r, &z, &x, &(hg_extremum_opts) { .bits = 65 }, err) == HG_EINVAL &&
                      hg_extremum(r, &z, &x, &(hg_extremum_opts) { .bits = 0 }, err) == HG_EINVAL &&
                      hg_extremum(r, &z, &x, &(hg_extremum_opts) { .bits = 64, .group = 1 }, err) == HG_EINVAL &&
                      hg_extremum(r, &z, &none, &(hg_extremum_opts) { .bits = 64 }, err) == HG_EINVAL;
    return good ? HG_OK : hg_fail(err, HG_EINVAL, "something was not refused");
}

static void refuses_what_has_no_extremum(void **state) {
    (void)state;
    static items a = { .limbs = 1 };
    parties_free(parties_check(refusals, &a, 1, NULL));
}

static hg_status extremum_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    const items *a = p->user;
    const hg_extremum_opts o = { .bits = a->bits, .group = a->group, .excluded = a->excluded };
    hg_share x;
    hg_bits onehot;
    HG_TRY(parties_share(&x, p, r, a->x, a->n, a->limbs, err));
    parties_arm(p, r);
    return hg_extremum(r, &onehot, &x, &o, err);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    static items a = { .limbs = 1, .bits = 21, .group = 3 };
    fill(&a, 8, 1);
    parties_fail(extremum_with_a_fault, &a, HG_PLAIN, HG_SEMI_HONEST, 16, 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_lowest_index_of_the_best_wins_at_awkward_sizes),
        TEST(groups_of_any_size_find_the_same),
        TEST(the_signed_ends_of_the_range_are_in_order),
        TEST(costs_are_exact),
        TEST(refuses_what_has_no_extremum),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
