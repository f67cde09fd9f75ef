/* tests/tensor/test_graph.c -- message passing: rows picked by an index, items summed by row. Values by hand, an independent way of
 * computing the same, and what is refused. Gradients are checked for all operations alike in test_ops.c. */
#include "tapes.h"
#include "test.h"

/* A path of three atoms 0 - 1 - 2, each bond seen from both ends: edges (from, to) = (0,1) (1,0) (1,2) (2,1). */
static void messages_on_a_path_of_three_atoms(void **state) {
    static const uint32_t FROM[] = { 0, 1, 1, 2 }, TO[] = { 1, 0, 2, 1 };
    static const double X[] = { 1, 10, 2, 20, 4, 40 }, AX[] = { 2, 20, 5, 50, 2, 20 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(3, 2), X, true);
    hg_tensor *messages = hg_gather(t, x, hg_index_of(t, FROM, 4, 3));
    assert_tensor(messages, (const double[]) { 1, 10, 2, 20, 2, 20, 4, 40 }, 8, 1e-12);
    const hg_index *to = hg_index_of(t, TO, 4, 3);
    assert_int_equal(hg_index_items(to), 4);
    assert_int_equal(hg_index_rows(to), 3);
    hg_tensor *sum = hg_segment_sum(t, messages, to);
    assert_tensor(sum, AX, 6, 1e-12);
    assert_tensor(hg_segment_mean(t, messages, to), (const double[]) { 2, 20, 2.5, 25, 2, 20 }, 6, 1e-12);
    assert_tensor(hg_segment_max(t, messages, to), (const double[]) { 2, 20, 4, 40, 2, 20 }, 6, 1e-12);
    hg_tensor *y = hg_sum(t, hg_mul(t, sum, x), 0); /* x' A x with A the adjacency: gradient 2 A x */
    assert_ok(hg_backward(t, y, NULL));
    double g[6];
    hg_tensor_get_grad(g, x);
    for (int i = 0; i < 6; i++) assert_close(g[i], 2 * AX[i], 1e-12);
    hg_tape_free(t);
}

static void rows_without_items_are_zero(void **state) {
    static const uint32_t OFFSETS[] = { 0, 0, 2, 2, 3, 3 };
    static const double X[] = { -3, -5, -7 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(3), X, false);
    const hg_index *ix = hg_segments_of(t, OFFSETS, 5);
    assert_tensor(hg_segment_sum(t, x, ix), (const double[]) { 0, -8, 0, -7, 0 }, 5, 1e-12);
    assert_tensor(hg_segment_mean(t, x, ix), (const double[]) { 0, -4, 0, -7, 0 }, 5, 1e-12);
    assert_tensor(hg_segment_max(t, x, ix), (const double[]) { 0, -3, 0, -7, 0 }, 5, 1e-12);
    hg_tape_free(t);
}

static void the_gradient_of_the_largest_goes_to_the_first_of_equals(void **state) {
    static const uint32_t ROWS[] = { 0, 0, 0 };
    static const double X[] = { 1, 2, 2 }, WITH_NAN[] = { 1, NAN, 2 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    const hg_index *ix = hg_index_of(t, ROWS, 3, 1);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(3), X, true);
    assert_ok(hg_backward(t, hg_sum(t, hg_segment_max(t, x, ix), 0), NULL));
    double g[3];
    hg_tensor_get_grad(g, x);
    for (int i = 0; i < 3; i++) assert_close(g[i], i == 1, 0);
    assert_true(isnan(hg_tensor_value(hg_segment_max(t, hg_tensor_of(t, HG_SHAPE(3), WITH_NAN, false), ix))));
    hg_tape_free(t);
}

/* Sums of many sizes against plain loops in double: rows of one item and rows that hold half of all, wide and narrow, with threads. */
static void sums_are_those_of_a_plain_loop(void **state) {
    static const size_t WIDTHS[] = { 1, 2, 3, 5, 8, 33, 128 }, ROWS[] = { 1, 7, 1000, 20000 };
    (void)state;
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    hg_tape *t = TAPE(.dtype = HG_F32, .pool = pool);
    hg_rng r = hg_rng_make(7, 0);
    for (size_t k = 0; k < 7 * 4 * 3; k++) {
        const size_t m = 6000, n = ROWS[k / 7 % 4], width = WIDTHS[k % 7];
        const unsigned how = (unsigned)(k / 28); /* one row of half of the items, sorted, at random */
        uint32_t *row = calloc(m, sizeof *row);
        float *x = calloc(m * width, sizeof *x);
        double *items = calloc(n, sizeof *items), *want = calloc(n * width, sizeof *want),
               *got = calloc(n * width, sizeof *got);
        for (size_t j = 0; j < m; j++) {
            row[j] = (uint32_t)(how == 1 ? j * n / m : how == 0 && j % 2 ? n / 2 : hg_rng_below(&r, n));
            items[row[j]]++;
            for (size_t c = 0; c < width; c++) {
                x[j * width + c] = (float)hg_rng_normal(&r);
                want[row[j] * width + c] += (double)x[j * width + c];
            }
        }
        hg_tape_begin(t, 1);
        hg_tensor *v = hg_tensor_of_floats(t, HG_SHAPE(m, width), x, false);
        const hg_index *ix = hg_index_of(t, row, m, n);
        hg_tensor_get(got, hg_segment_sum(t, v, ix));
        for (size_t i = 0; i < n * width; i++)
            if (fabs(got[i] - want[i]) > 1e-3) fail_msg("case %zu, %zu: %g, not %g", k, i, got[i], want[i]);
        hg_tensor_get(got, hg_segment_mean(t, v, ix));
        for (size_t i = 0; i < n * width; i++)
            if (fabs(got[i] * items[i / width] - want[i]) > 1e-3) fail_msg("case %zu, mean %zu", k, i);
        memset(got, 0, n * width * sizeof *got); /* zeros, gathered twice */
        hg_tensor *zero = hg_tensor_of(t, HG_SHAPE(n, width), got, true), *twice[2];
        for (int i = 0; i < 2; i++) twice[i] = hg_sum(t, hg_mul(t, hg_gather(t, zero, ix), v), 0);
        assert_ok(hg_backward(t, hg_add(t, twice[0], twice[1]), NULL));
        hg_tensor_get_grad(got, zero);
        for (size_t i = 0; i < n * width; i++)
            if (fabs(got[i] - 2 * want[i]) > 2e-3) fail_msg("case %zu, gradient %zu: %g", k, i, got[i]);
        free(row);
        free(x);
        free(items);
        free(want);
        free(got);
    }
    hg_tape_free(t);
    hg_pool_free(pool);
}

/* What is written past the caches is the same as what is not: a large result, row by row. */
static void large_results_are_picked_as_small_ones(void **state) {
    enum { N = 50, WIDTH = 64, M = 70000 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_rng r = hg_rng_make(8, 0);
    float *x = calloc(N * WIDTH, sizeof *x);
    uint32_t *row = calloc(M, sizeof *row);
    for (size_t i = 0; i < N * WIDTH; i++) x[i] = (float)i;
    for (size_t j = 0; j < M; j++) row[j] = (uint32_t)hg_rng_below(&r, N);
    hg_tensor *v = hg_tensor_of_floats(t, HG_SHAPE(N, WIDTH), x, false);
    const float *y = hg_tensor_floats(hg_gather(t, v, hg_index_of(t, row, M, N)));
    assert_non_null(y);
    for (size_t i = 0; i < (size_t)M * WIDTH; i++)
        if (y[i] != (float)(row[i / WIDTH] * WIDTH + i % WIDTH)) fail_msg("element %zu is %g", i, (double)y[i]);
    free(x);
    free(row);
    hg_tape_free(t);
}

static void an_index_in_an_arena_outlives_steps(void **state) {
    static const uint32_t ROWS[] = { 2, 0, 2 }, OFFSETS[] = { 0, 1, 3 };
    static const double X[] = { 1, 2, 4 };
    const hg_index *ix, *segments;
    hg_arena *a = *state;
    const hg_mark mark = hg_arena_mark(a);
    assert_ok(hg_index_keep(&ix, ROWS, 3, 3, a, NULL));
    assert_ok(hg_segments_keep(&segments, OFFSETS, 2, a, NULL));
    hg_tape *t = TAPE(.dtype = HG_F64);
    for (uint64_t step = 0; step < 3; step++) {
        hg_tape_begin(t, step);
        hg_tensor *x = hg_tensor_of(t, HG_SHAPE(3), X, true);
        assert_tensor(hg_segment_sum(t, x, ix), (const double[]) { 2, 0, 5 }, 3, 1e-12);
        assert_tensor(hg_segment_sum(t, x, segments), (const double[]) { 1, 6 }, 2, 1e-12);
    }
    hg_tape_free(t);
    hg_arena_reset(a, mark);
}

static void what_an_index_refuses(void **state) {
    static const uint32_t ROWS[] = { 0, 3, 1 }, FALLS[] = { 0, 2, 1 }, LATE[] = { 1, 2 };
    const hg_index *ix;
    hg_err err;
    hg_arena *a = *state;
    const hg_mark mark = hg_arena_mark(a);
    assert_int_equal(hg_index_keep(&ix, ROWS, 3, 3, a, &err), HG_EINVAL);
    assert_null(ix);
    assert_contains(err.msg, "item 1 of an index is in row 3, there are 3 rows");
    assert_int_equal(hg_segments_keep(&ix, FALLS, 2, a, &err), HG_EINVAL);
    assert_contains(err.msg, "segment 1 begins at 2 and ends at 1");
    assert_int_equal(hg_segments_keep(&ix, LATE, 1, a, &err), HG_EINVAL);
    assert_contains(err.msg, "begin at 1");
    assert_int_equal(hg_index_keep(&ix, ROWS, SIZE_MAX / 8, 3, a, &err), HG_ELIMIT);
    hg_arena_reset(a, mark);

    hg_tape *t = TAPE(.dtype = HG_F32);
    assert_null(hg_index_of(t, ROWS, 3, 3));
    assert_null(hg_segments_of(t, LATE, 1)); /* the first failure stands */
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    assert_contains(err.msg, "row 3");
    hg_tape_begin(t, 1);
    hg_tensor *x = hg_tensor_zeros(t, HG_SHAPE(4, 2));
    assert_null(hg_gather(t, x, hg_index_of(t, ROWS, 3, 5)));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    assert_contains(err.msg, "gather: an index into 5 rows, the tensor is [4, 2]");
    hg_tape_begin(t, 2);
    x = hg_tensor_zeros(t, HG_SHAPE(4, 2));
    assert_null(hg_segment_max(t, x, hg_index_of(t, ROWS, 3, 5)));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    assert_contains(err.msg, "segment: an index of 3 items, the tensor is [4, 2]");
    hg_tape_begin(t, 3);
    assert_null(hg_gather(t, hg_tensor_zeros(t, HG_SCALAR), hg_index_of(t, ROWS, 3, 5)));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    hg_tape_begin(t, 4);
    assert_null(hg_gather(t, hg_tensor_zeros(t, HG_SHAPE(2)), NULL));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    hg_tape_free(t);
}

static void no_memory_for_an_index(void **state) {
    static const uint32_t ROWS[] = { 2, 0, 2 };
    (void)state;
    for (long k = 0;; k++) {
        hg_arena *a = hg_arena_new();
        const hg_index *ix;
        hg_err err;
        fail_alloc_after(k);
        const hg_status st = hg_index_keep(&ix, ROWS, 3, 3, a, &err);
        fail_alloc_after(-1);
        hg_arena_free(a);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_null(ix);
        assert_true(k < 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(messages_on_a_path_of_three_atoms),
        TEST(rows_without_items_are_zero),
        TEST(the_gradient_of_the_largest_goes_to_the_first_of_equals),
        TEST(sums_are_those_of_a_plain_loop),
        TEST(large_results_are_picked_as_small_ones),
        TEST(an_index_in_an_arena_outlives_steps),
        TEST(what_an_index_refuses),
        TEST(no_memory_for_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
