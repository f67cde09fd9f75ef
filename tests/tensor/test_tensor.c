/* tests/tensor/test_tensor.c -- tensors and the tape: shapes and views by hand, gradients by hand, what is refused, memory kept between steps
 *
 * Every operation's gradient is checked in test_ops.c. */
#include "core/memory.h"
#include "tapes.h"
#include "test.h"

static void views_read_the_same_memory(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(2, 3), (const double[]) { 0, 1, 2, 3, 4, 5 }, false);
    assert_tensor(hg_transpose2(t, x), (const double[]) { 0, 3, 1, 4, 2, 5 }, 6, 1e-6);
    assert_tensor(hg_slice(t, x, 1, 0, 3, 2), (const double[]) { 0, 2, 3, 5 }, 4, 1e-6);
    assert_tensor(hg_reshape(t, hg_transpose2(t, x), HG_SHAPE(2, 3)), (const double[]) { 0, 3, 1, 4, 2, 5 }, 6, 1e-6);
    assert_tensor(hg_expand(t, hg_slice(t, x, 0, 1, 2, 1), HG_SHAPE(2, 3)), (const double[]) { 3, 4, 5, 3, 4, 5 }, 6,
                  1e-6);
    assert_tensor(hg_place(t, hg_slice(t, x, 0, 0, 1, 1), HG_SHAPE(3, 3), 0, 1, 1),
                  (const double[]) { 0, 0, 0, 0, 1, 2, 0, 0, 0 }, 9, 1e-6);
    hg_tensor_doubles(x)[4] = 40;
    assert_tensor(hg_slice(t, hg_transpose2(t, x), 0, 1, 2, 1), (const double[]) { 1, 40 }, 2, 1e-6);
    assert_null(hg_tensor_doubles(hg_transpose2(t, x)));
    assert_null(hg_tensor_floats(x));
    hg_tape_free(t);
}

static void broadcasting_follows_the_last_axis(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_tensor *row = hg_tensor_of(t, HG_SHAPE(3), (const double[]) { 1, 2, 3 }, false),
              *col = hg_tensor_of(t, HG_SHAPE(2, 1), (const double[]) { 10, 20 }, false);
    assert_tensor(hg_add(t, col, row), (const double[]) { 11, 12, 13, 21, 22, 23 }, 6, 1e-6);
    assert_tensor(hg_div(t, row, hg_tensor_of(t, HG_SCALAR, (const double[]) { 2 }, false)),
                  (const double[]) { 0.5, 1, 1.5 }, 3, 1e-6);
    assert_tensor(hg_sum(t, hg_mul(t, col, row), 2), (const double[]) { 60, 120 }, 2, 1e-6);
    assert_tensor(hg_mean(t, hg_mul(t, col, row), 1), (const double[]) { 15, 30, 45 }, 3, 1e-6);
    hg_tape_free(t);
}

/* y = sum (a b + a)^2 at a = 3, b = 2: 81; dy/da = 2 (ab + a)(b + 1) = 54, dy/db = 2 (ab + a) a = 54; d2y/da2 = 2 (b + 1)^2 = 18. */
static void gradients_by_hand(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_err err;
    hg_tensor *a = hg_tensor_of(t, HG_SHAPE(1), (const double[]) { 3 }, true),
              *b = hg_tensor_of(t, HG_SHAPE(1), (const double[]) { 2 }, true);
    hg_tensor *y = hg_sum(t, hg_map(t, HG_SQUARE, hg_add(t, hg_mul(t, a, b), a)), 0), *g[3], *gg[1];
    hg_tensor *apart = hg_tensor_of(t, HG_SHAPE(2), (const double[]) { 1, 1 }, true);
    double v[2];
    assert_close(hg_tensor_value(y), 81, 0);
    assert_ok_err(hg_gradient(g, t, y, (hg_tensor *[]) { a, b, apart }, 3, &err), err);
    assert_close(hg_tensor_value(g[0]), 54, 1e-12);
    assert_close(hg_tensor_value(g[1]), 54, 1e-12);
    assert_tensor(g[2], (const double[]) { 0, 0 }, 2, 1e-6);
    assert_ok_err(hg_gradient(gg, t, hg_sum(t, g[0], 0), &a, 1, &err), err);
    assert_close(hg_tensor_value(gg[0]), 18, 1e-12);
    assert_ok_err(hg_backward(t, y, &err), err);
    hg_tensor_get_grad(v, a);
    assert_close(v[0], 54, 1e-12);
    hg_tensor_get_grad(v, apart);
    assert_close(v[1], 0, 0);
    hg_tape_free(t);
}

static void borrowed_gradients_add_up(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    float w[] = { 1, 2 }, g[] = { 100, 200 };
    for (int step = 0; step < 2; step++) {
        hg_tape_begin(t, (uint64_t)step);
        assert_ok(hg_backward(t, hg_sum(t, hg_map(t, HG_SQUARE, hg_tensor_borrow(t, HG_SHAPE(2), w, g)), 0), NULL));
    }
    assert_close((double)g[0], 104, 0);
    assert_close((double)g[1], 208, 0);
    hg_tape_free(t);
}

/* Spent gradients give their memory to others, and sums and views hand theirs over: no value may leak from one to another. */
static void gradients_of_results_are_used_up(void **state) {
    (void)state;
    enum { N = 100 };
    hg_tape *t;
    double x[N], g[N];
    assert_ok(hg_tape_new(&t, NULL, NULL));
    for (size_t i = 0; i < N; i++) x[i] = (double)i - 50;
    hg_tensor *a = hg_tensor_of(t, HG_SHAPE(N), x, true), *b = hg_tensor_of(t, HG_SHAPE(N), x, true);
    hg_tensor *sum = hg_add(t, a, b), *twice = hg_add(t, sum, sum); /* one gradient, asked for four times */
    hg_tensor *table = hg_reshape(t, hg_sub(t, twice, a), HG_SHAPE(10, 10));
    hg_tensor *y = hg_sum(t, hg_add(t, hg_map(t, HG_SQUARE, table), hg_reshape(t, sum, HG_SHAPE(10, 10))), 0);
    for (int times = 1; times <= 2; times++) { /* a second call adds the same again */
        assert_ok(hg_backward(t, y, NULL));
        hg_tensor_get_grad(g, a); /* y = sum of (a + 2 b)^2 + a + b, and a = b = x */
        for (size_t i = 0; i < N; i++) assert_close(g[i], times * (6 * x[i] + 1), 1e-6);
        hg_tensor_get_grad(g, b);
        for (size_t i = 0; i < N; i++) assert_close(g[i], times * (12 * x[i] + 1), 1e-6);
        hg_tensor_get_grad(g, table);
        assert_true(isnan(g[0]));
    }
    hg_tape_free(t);
}

static void the_first_failure_stays(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_err err;
    hg_tensor *a = hg_tensor_zeros(t, HG_SHAPE(3, 4)), *b = hg_tensor_zeros(t, HG_SHAPE(2, 4));
    hg_tensor *y = hg_sum(t, hg_mul(t, hg_add(t, a, b), a), 0);
    assert_null(y);
    assert_int_equal(hg_backward(t, y, &err), HG_EINVAL);
    assert_contains(err.msg, "shapes [3, 4] and [2, 4] do not broadcast");
    assert_null(hg_slice(t, a, 0, 2, 9, 1)); /* nothing goes on after it */
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    assert_contains(err.msg, "do not broadcast");
    hg_tape_begin(t, 1);
    assert_ok(hg_tape_status(t, NULL));
    a = hg_tensor_zeros(t, HG_SHAPE(3, 4));
    assert_null(hg_slice(t, a, 0, 2, 9, 1));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    assert_contains(err.msg, "2 .. 9 is not a part of axis 0 of [3, 4]");
    hg_tape_begin(t, 2);
    a = hg_tensor_zeros(t, HG_SHAPE(3, 4));
    assert_int_equal(hg_backward(t, a, &err), HG_EINVAL);
    assert_contains(err.msg, "of one number");
    assert_int_equal(hg_backward(t, hg_sum(t, a, 0), &err), HG_EINVAL);
    assert_contains(err.msg, "wants a gradient");
    assert_null(hg_tensor_zeros(t, HG_SHAPE(1ull << 40, 1ull << 40)));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    hg_tape_free(t);
}

static hg_tensor *small_network(hg_tape *t, float *w, float *g) {
    hg_tensor *x = hg_expand(t, hg_tensor_zeros(t, HG_SHAPE(1, 8)), HG_SHAPE(300, 8));
    hg_tensor *h = hg_linear(t, hg_contiguous(t, x), hg_tensor_borrow(t, HG_SHAPE(16, 8), w, g), NULL, HG_SILU);
    return hg_mean(t, hg_map(t, HG_SQUARE, hg_affine(t, h, 1, 1)), 0);
}

/* The address sanitizer's tape frees between steps, so that overruns are seen, and does ask. */
#if defined(__SANITIZE_ADDRESS__)
enum { KEEPS_MEMORY = 0 };
#elif defined(__has_feature)
enum { KEEPS_MEMORY = !__has_feature(address_sanitizer) };
#else
enum { KEEPS_MEMORY = 1 };
#endif

static void steps_after_the_first_ask_for_no_memory(void **state) {
    (void)state;
    float w[128] = { 0 }, g[128] = { 0 };
    hg_tape *t = TAPE(.dtype = HG_F32);
    for (uint64_t step = 0; step < 4; step++) {
        hg_tape_begin(t, step);
        if (step >= 1 && KEEPS_MEMORY) fail_alloc_after(0);
        const hg_status st = hg_backward(t, small_network(t, w, g), NULL);
        fail_alloc_after(-1);
        assert_ok(st);
    }
    hg_tape_free(t);
}

static void a_mark_gives_memory_back(void **state) {
    (void)state;
    hg_tape_opts o = hg_tape_opts_default();
    o.record = false;
    hg_tape *t;
    assert_ok(hg_tape_new(&t, &o, NULL));
    hg_tensor *kept = hg_tensor_of(t, HG_SHAPE(2), (const double[]) { 1, 2 }, true);
    size_t bytes = 0;
    for (int i = 0; i < 100; i++) {
        const size_t mark = hg_tape_mark(t);
        hg_tensor *y = hg_sum(t, hg_expand(t, kept, HG_SHAPE(5000, 2)), 0);
        assert_close(hg_tensor_value(hg_sum(t, hg_mul(t, hg_contiguous(t, hg_expand(t, y, HG_SHAPE(10000))), y), 0)),
                     2.25e12, 1e-6);
        if (i == 5) bytes = hg_tape_bytes(t);
        hg_tape_release(t, mark);
    }
    assert_true(hg_tape_bytes(t) <= bytes);
    assert_tensor(kept, (const double[]) { 1, 2 }, 2, 1e-6);
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(views_read_the_same_memory),
        TEST(broadcasting_follows_the_last_axis),
        TEST(gradients_by_hand),
        TEST(borrowed_gradients_add_up),
        TEST(gradients_of_results_are_used_up),
        TEST(the_first_failure_stays),
        TEST(steps_after_the_first_ask_for_no_memory),
        TEST(a_mark_gives_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
