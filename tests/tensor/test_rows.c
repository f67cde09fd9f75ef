/* tests/tensor/test_rows.c -- largest elements, softmax and lengths along an axis, and softmax over the items of a row. Gradients:
 * test_ops.c. */
#include "tapes.h"
#include "test.h"

static void largest_elements_along_axes(void **state) {
    static const double X[] = { 1, 7, 3, 5, 2, 6 }, NONE[] = { 0 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(2, 3), X, false);
    assert_tensor(hg_max(t, x, 0), (const double[]) { 7 }, 1, 0);
    assert_tensor(hg_max(t, x, 1), (const double[]) { 5, 7, 6 }, 3, 0);
    assert_tensor(hg_max(t, x, 2), (const double[]) { 7, 6 }, 2, 0);
    assert_true(hg_tensor_value(hg_max(t, hg_tensor_of(t, HG_SHAPE(0), NONE, false), 0)) == -(double)INFINITY);
    assert_true(isnan(hg_tensor_value(hg_max(t, hg_tensor_of(t, HG_SHAPE(3), (double[]) { 1, NAN, 2 }, false), 0))));
    hg_tape_free(t);
}

/* 1 : 2 : 5 are the odds of log 1, log 2, log 5, whatever is added to all of them. */
static void softmax_of_logarithms_is_their_shares(void **state) {
    (void)state;
    for (int shift = -3; shift <= 3; shift++) {
        hg_tape *t = TAPE(.dtype = shift % 2 ? HG_F32 : HG_F64);
        const double off = 300.0 * shift, X[] = { off, log(2) + off, log(5) + off }, P[] = { 0.125, 0.25, 0.625 };
        const double LOG_P[] = { log(0.125), log(0.25), log(0.625) };
        hg_tensor *x = hg_tensor_of(t, HG_SHAPE(3), X, false);
        const double tol = shift % 2 ? 1e-4 : 1e-12;
        assert_tensor(hg_softmax(t, x, 0), P, 3, tol);
        assert_tensor(hg_log_softmax(t, x, 0), LOG_P, 3, tol);
        assert_tensor(hg_softmax(t, hg_reshape(t, x, HG_SHAPE(3, 1)), 0), P, 3, tol);
        hg_tape_free(t);
    }
}

static void softmax_over_items_is_softmax_of_each_row(void **state) {
    static const uint32_t ROWS[] = { 1, 0, 1, 1, 0 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    const double X[] = { 0, 500, log(2), log(5), 500 };
    const double P[] = { 0.125, 0.5, 0.25, 0.625, 0.5 };
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(5), X, false);
    const hg_index *ix = hg_index_of(t, ROWS, 5, 3);
    hg_tensor *p = hg_segment_softmax(t, x, ix);
    assert_tensor(p, P, 5, 1e-12);
    assert_tensor(hg_segment_sum(t, p, ix), (const double[]) { 1, 1, 0 }, 3, 1e-12);
    hg_tape_free(t);
}

static void lengths_of_vectors(void **state) {
    static const double X[] = { 3, 4, 0, 1, 2, 2, 0, 0, 0 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(3, 3), X, true);
    assert_tensor(hg_norm2(t, x, 1, 0), (const double[]) { 5, 3, 0 }, 3, 1e-15);
    assert_tensor(hg_norm2(t, hg_transpose2(t, x), 0, 0), (const double[]) { 5, 3, 0 }, 3, 1e-15);
    assert_tensor(hg_norm2(t, x, 0, 6), (const double[]) { 4, sqrt(26), sqrt(10) }, 3, 1e-15);
    hg_tensor *middle = hg_tensor_of(t, HG_SHAPE(2, 2, 2), (double[]) { 3, 0, 4, 1, 6, 5, 8, 12 }, false);
    assert_tensor(hg_norm2(t, middle, 1, 0), (const double[]) { 5, 1, 10, 13 }, 4, 1e-15);
    assert_ok(hg_backward(t, hg_sum(t, hg_norm2(t, x, 1, 1e-12), 0), NULL));
    double g[9];
    hg_tensor_get_grad(g, x);
    assert_close(g[0], 0.6, 1e-9);
    assert_close(g[8], 0, 0); /* eps keeps the gradient of nothing at 0 */
    hg_tape_free(t);
}

static void what_is_refused(void **state) {
    (void)state;
    hg_err err;
    hg_tape *t = TAPE(.dtype = HG_F32);
    for (int k = 0; k < 6; k++) {
        hg_tape_begin(t, 1);
        hg_tensor *x = hg_tensor_zeros(t, HG_SHAPE(2, 3));
        hg_tensor *y = k == 0   ? hg_max(t, x, 4)
                       : k == 1 ? hg_softmax(t, x, 2)
                       : k == 2 ? hg_log_softmax(t, hg_tensor_zeros(t, HG_SCALAR), 0)
                       : k == 3 ? hg_norm2(t, x, 2, 1)
                       : k == 4 ? hg_norm2(t, x, 1, NAN)
                                : hg_segment_softmax(t, x, hg_index_of(t, (uint32_t[]) { 0, 1, 0 }, 3, 2));
        assert_null(y);
        assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
        assert_contains(err.msg, k == 0  ? "max"
                                 : k < 3 ? "softmax"
                                 : k < 5 ? "norm2"
                                         : "3 items, the tensor is [2, 3]");
    }
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(largest_elements_along_axes),
        TEST(softmax_of_logarithms_is_their_shares),
        TEST(softmax_over_items_is_softmax_of_each_row),
        TEST(lengths_of_vectors),
        TEST(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
