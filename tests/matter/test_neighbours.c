/* tests/matter/test_neighbours.c -- neighbours of particles in a periodic box, against all pairs one by one */
#include "matter/neighbours.h"
#include "test.h"

enum { N = 300 };

static void scatter(double *x, size_t n, const double box[3], uint64_t seed) {
    hg_rng rng = hg_rng_make(seed, 0);
    for (size_t i = 0; i < 3 * n; i++) x[i] = box[i % 3] * hg_rng_uniform(&rng);
}

/* Two particles across the border of a box of 10, and one far from both. */
static void a_pair_across_the_border(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const double x[] = { 0.25, 5, 5, 9.5, 5, 5, 5, 5, 5 }, box[3] = { 10, 10, 10 };
    hg_neighbours nb;
    assert_ok(hg_neighbours_find(&nb, x, 3, box, 2, *state, NULL));
    assert_int_equal(nb.first[3], 2);
    assert_int_equal(nb.other[0], 1);
    assert_int_equal(nb.other[1], 0);
    assert_close(nb.d[0], -0.75, 1e-15);
    assert_close(nb.d[3], 0.75, 1e-15);
    assert_close(nb.r[0], 0.75, 1e-15);
    hg_arena_reset(*state, start);
}

static void check_all_pairs(hg_arena *mem, const double box[3], double range) {
    double x[3 * N];
    scatter(x, N, box, 7);
    hg_neighbours nb;
    assert_ok(hg_neighbours_find(&nb, x, N, box, range, mem, NULL));
    size_t l = 0;
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(nb.first[i], l);
        for (size_t j = 0; j < N; j++) {
            double r2 = 0, d[3];
            for (size_t k = 0; k < 3; k++) {
                d[k] = x[3 * j + k] - x[3 * i + k];
                d[k] -= box[k] * rint(d[k] / box[k]);
                r2 += d[k] * d[k];
            }
            if (j == i || r2 >= range * range) continue;
            assert_true(l < nb.first[i + 1]);
            assert_int_equal(nb.other[l], j);
            assert_close(nb.r[l], sqrt(r2), 1e-13);
            for (size_t k = 0; k < 3; k++) assert_close(nb.d[3 * l + k], d[k], 1e-13);
            l++;
        }
    }
    assert_int_equal(nb.first[N], l);
}

/* Many cells, few, and one; a box that is no cube. */
static void cells_find_what_all_pairs_find(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    check_all_pairs(*state, (const double[3]) { 9, 9, 9 }, 0.8);
    check_all_pairs(*state, (const double[3]) { 9, 9, 9 }, 2.9);
    check_all_pairs(*state, (const double[3]) { 8, 20, 5 }, 2.5);
    hg_arena_reset(*state, start);
}

/* Whole boxes further away, and all moved: the same neighbours. */
static void moving_all_changes_nothing(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const double box[3] = { 9, 7, 8 }, step[3] = { 1.7, -30.2, 4 };
    double x[3 * N], y[3 * N];
    scatter(x, N, box, 3);
    for (size_t i = 0; i < 3 * N; i++) y[i] = x[i] + step[i % 3] + 9.0 * 7 * 8 * (double)(i % 5);
    hg_neighbours a, b;
    assert_ok(hg_neighbours_find(&a, x, N, box, 2, *state, NULL));
    assert_ok(hg_neighbours_find(&b, y, N, box, 2, *state, NULL));
    assert_int_equal(a.first[N], b.first[N]);
    for (size_t l = 0; l < a.first[N]; l++) {
        assert_int_equal(a.other[l], b.other[l]);
        assert_close(a.r[l], b.r[l], 1e-11);
    }
    hg_arena_reset(*state, start);
}

static void refusals(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    double x[6] = { 1, 1, 1, 2, 2, 2 }, box[3] = { 10, 3, 10 };
    hg_neighbours nb;
    hg_err err;
    assert_int_equal(hg_neighbours_find(&nb, x, 2, box, 2, *state, &err), HG_EINVAL);
    assert_contains(err.msg, "direction y");
    assert_int_equal(hg_neighbours_find(&nb, x, 2, box, 0, *state, &err), HG_EINVAL);
    box[1] = 10;
    x[4] = 1e12;
    assert_int_equal(hg_neighbours_find(&nb, x, 2, box, 2, *state, &err), HG_EDATA);
    x[4] = NAN;
    assert_int_equal(hg_neighbours_find(&nb, x, 2, box, 2, *state, &err), HG_ENAN);
    x[4] = 2;
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k++) {
        assert_true(k < 100);
        const hg_mark mark = hg_arena_mark(*state);
        fail_alloc_after(k);
        st = hg_neighbours_find(&nb, x, 2, box, 2, *state, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        if (st != HG_OK) hg_arena_reset(*state, mark);
    }
    hg_arena_reset(*state, start);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_pair_across_the_border), TEST(cells_find_what_all_pairs_find),
                                        TEST(moving_all_changes_nothing), TEST(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
