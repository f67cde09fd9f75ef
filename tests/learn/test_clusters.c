/* tests/learn/test_clusters.c -- groups of like rows */
#include "learn/clusters.h"
#include "core/memory.h"
#include "test.h"

enum { N = 90, D = 40 };

/* Three heaps of 45, 30 and 15 rows, far from each other in every number; rows come in turn. */
static void heaps(float *x, size_t d, size_t *heap, double shift, double scale) {
    hg_rng r = hg_rng_make(5, 0);
    for (size_t i = 0; i < N; i++) {
        heap[i] = i % 6 < 3 ? 0 : i % 6 < 5 ? 1 : 2;
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = (float)(shift + scale * (10 * (double)((heap[i] + j) % 3) + 0.1 * hg_rng_normal(&r)));
    }
}

static void heaps_are_found(void **state) {
    float x[N * D];
    size_t heap[N], part[N], found;
    (void)state;
    for (size_t d = 2; d <= D; d += D - 2) { /* as they are, and projected */
        heaps(x, d, heap, 0, 1);
        const hg_rows rows = { .n = N, .d = d, .x = x };
        for (uint64_t seed = 0; seed < 5; seed++) {
            size_t wrong = 0;
            assert_ok(hg_rows_clusters(part, &found, &rows, 3, seed, NULL));
            assert_int_equal(found, 3);
            for (size_t i = 0; i < N; i++) wrong += part[i] != heap[i]; /* the largest is 0 */
            assert_int_equal(wrong, 0);
        }
    }
}

/* Units do not matter, nor does a column that is the same everywhere. */
static void units_do_not_matter(void **state) {
    float x[N * 3], y[N * 3];
    size_t heap[N], a[N], b[N], found;
    (void)state;
    heaps(x, 3, heap, 0, 1);
    heaps(y, 3, heap, 1000, 8);
    for (size_t i = 0; i < N; i++) x[i * 3 + 2] = 7, y[i * 3 + 2] = -3;
    assert_ok(hg_rows_clusters(a, &found, &(hg_rows) { .n = N, .d = 3, .x = x }, 5, 1, NULL));
    assert_ok(hg_rows_clusters(b, &found, &(hg_rows) { .n = N, .d = 3, .x = y }, 5, 1, NULL));
    size_t differ = 0;
    for (size_t i = 0; i < N; i++) differ += a[i] != b[i];
    assert_true(differ <= N / 20); /* rounding to floats may move a row at a border */
}

/* No other assignment of one row to another centre of mass is nearer: what Lloyd's passes end in. */
static void rows_are_with_their_nearest_centre(void **state) {
    float x[N];
    double mean[4] = { 0 }, count[4] = { 0 };
    size_t part[N], found;
    (void)state;
    hg_rng r = hg_rng_make(2, 0);
    for (size_t i = 0; i < N; i++) x[i] = (float)hg_rng_uniform(&r);
    assert_ok(hg_rows_clusters(part, &found, &(hg_rows) { .n = N, .d = 1, .x = x }, 4, 0, NULL));
    assert_int_equal(found, 4);
    for (size_t i = 0; i < N; i++) mean[part[i]] += x[i], count[part[i]]++;
    for (size_t k = 0; k < 4; k++) mean[k] /= count[k];
    for (size_t k = 1; k < 4; k++) assert_true(count[k] <= count[k - 1]);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < 4; k++) assert_true(fabs(x[i] - mean[part[i]]) <= fabs(x[i] - mean[k]) + 1e-6);
}

static void few_kinds_of_rows_are_few_groups(void **state) {
    float x[N];
    size_t part[N], found;
    hg_err err;
    (void)state;
    for (size_t i = 0; i < N; i++) x[i] = (float)(i % 2);
    const hg_rows rows = { .n = N, .d = 1, .x = x };
    assert_ok(hg_rows_clusters(part, &found, &rows, 5, 0, NULL));
    assert_int_equal(found, 2);
    for (size_t i = 0; i < N; i++) x[i] = 4;
    assert_ok(hg_rows_clusters(part, &found, &rows, 5, 0, NULL));
    assert_int_equal(found, 1);
    assert_int_equal(part[N - 1], 0);
    assert_int_equal(hg_rows_clusters(part, &found, &rows, 0, 0, &err), HG_EINVAL);
    assert_int_equal(hg_rows_clusters(part, &found, &rows, HG_CLUSTERS_MOST + 1, 0, &err), HG_EINVAL);
    hg_status st = HG_ENOMEM;
    for (size_t k = 0; st != HG_OK; k++) {
        fail_alloc_after((long)k);
        st = hg_rows_clusters(part, &found, &rows, 5, 0, &err);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(heaps_are_found),
        TEST(units_do_not_matter),
        TEST(rows_are_with_their_nearest_centre),
        TEST(few_kinds_of_rows_are_few_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
