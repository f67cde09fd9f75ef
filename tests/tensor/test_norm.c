/* tests/tensor/test_norm.c -- normalisation: values by hand, what it does not see, running statistics. Gradients: test_ops.c. */
#include "tapes.h"
#include "test.h"

/* 1, 3: mean 2, variance 1, so -1 and 1; eps 3 halves them. */
static void rows_get_mean_zero_and_variance_one(void **state) {
    static const double X[] = { 1, 3, -5, 5 }, GAIN[] = { 10, 100 }, BIAS[] = { 1, 2 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(2, 2), X, false);
    hg_tensor *gain = hg_tensor_of(t, HG_SHAPE(2), GAIN, false), *bias = hg_tensor_of(t, HG_SHAPE(2), BIAS, false);
    assert_tensor(hg_layer_norm(t, x, NULL, NULL, 1e-15), (const double[]) { -1, 1, -1, 1 }, 4, 1e-12);
    assert_tensor(hg_layer_norm(t, x, gain, bias, 1e-15), (const double[]) { -9, 102, -9, 102 }, 4, 1e-12);
    assert_tensor(hg_slice(t, hg_layer_norm(t, x, NULL, NULL, 3), 0, 0, 1, 1), (const double[]) { -0.5, 0.5 }, 2,
                  1e-12);
    hg_tape_free(t);
}

/* Four channels of two elements in two groups: each group is its own row, numbers belong to channels. */
static void groups_of_channels(void **state) {
    static const double X[] = { 1, 3, 1, 3, 10, 10, 30, 30 }, GAIN[] = { 1, 2, 3, 4 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(1, 4, 2), X, false), *gain = hg_tensor_of(t, HG_SHAPE(4), GAIN, false);
    assert_tensor(hg_group_norm(t, x, 2, gain, NULL, 1e-13), (const double[]) { -1, 1, -2, 2, -3, -3, 4, 4 }, 8, 1e-12);
    hg_tape_free(t);
}

static void shift_and_scale_of_the_input_are_not_seen(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_rng r = hg_rng_make(3, 0);
    double x[4 * 33], y[4 * 33], a[4 * 33];
    for (int i = 0; i < 4 * 33; i++) x[i] = hg_rng_normal(&r), y[i] = 5 * x[i] + 40 * (i / 33 + 1);
    hg_tensor_get(a, hg_layer_norm(t, hg_tensor_of(t, HG_SHAPE(4, 33), x, false), NULL, NULL, 1e-12));
    hg_tensor *b = hg_layer_norm(t, hg_tensor_of(t, HG_SHAPE(4, 33), y, false), NULL, NULL, 1e-12);
    hg_tensor_get(y, b);
    for (int i = 0; i < 4 * 33; i++) assert_close(a[i], y[i], 1e-5);
    hg_tape_free(t);
}

/* Channels 1, 3 and 10, 30: means 2 and 20, variances 1 and 100 (2 and 200 of a sample). */
static void statistics_of_batches_are_kept(void **state) {
    static const double X[] = { 1, 10, 3, 30 };
    float mean[] = { 0, 0 }, variance[] = { 1, 1 };
    hg_batch_norm_opts o = hg_batch_norm_opts_default();
    (void)state;
    o.eps = 1e-12;
    hg_tape *t = TAPE(.dtype = HG_F32, .training = true), *later = TAPE(.dtype = HG_F32);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(2, 2), X, false);
    assert_tensor(hg_batch_norm(t, x, NULL, NULL, mean, variance, &o), (const double[]) { -1, -1, 1, 1 }, 4, 1e-6);
    assert_close((double)mean[1], 2, 1e-6);
    assert_close((double)variance[1], 0.9 + 20, 1e-6);
    o.momentum = 1;
    hg_batch_norm(t, x, NULL, NULL, mean, variance, &o);
    assert_close((double)mean[0], 2, 1e-6);
    assert_close((double)variance[0], 2, 1e-6);
    o.frozen = true;
    hg_batch_norm(t, hg_tensor_of(t, HG_SHAPE(1, 2), X, false), NULL, NULL, mean, variance, &o);
    assert_close((double)mean[0], 2, 1e-6); /* nothing is learned */
    o.frozen = false;
    hg_tensor *one = hg_tensor_of(later, HG_SHAPE(1, 2, 1), (double[]) { 4, 20 }, false);
    assert_tensor(hg_batch_norm(later, one, NULL, NULL, mean, variance, &o), (const double[]) { sqrt(2), 0 }, 2, 1e-6);
    assert_close((double)mean[0], 2, 1e-6);
    hg_tape_free(t);
    hg_tape_free(later);
}

/* [n, c, s] is [n s, c] with the last two axes changed. */
static void a_channel_is_all_its_elements(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64, .training = true);
    hg_rng r = hg_rng_make(5, 0);
    double x[2 * 3 * 50], a[2 * 3 * 50], b[2 * 3 * 50];
    for (int i = 0; i < 300; i++) x[i] = 7 + hg_rng_normal(&r);
    hg_tensor *v = hg_tensor_of(t, HG_SHAPE(2, 3, 50), x, false);
    hg_tensor_get(a, hg_transpose2(t, hg_batch_norm(t, v, NULL, NULL, NULL, NULL, NULL)));
    hg_tensor *rows = hg_reshape(t, hg_transpose2(t, v), HG_SHAPE(100, 3));
    hg_tensor_get(b, hg_batch_norm(t, rows, NULL, NULL, NULL, NULL, NULL));
    for (int i = 0; i < 300; i++) assert_close(a[i], b[i], 1e-13);
    hg_tape_free(t);
}

static void what_is_refused(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32, .training = true);
    hg_err err;
    for (int k = 0; k < 9; k++) {
        hg_tape_begin(t, 1);
        hg_tensor *x = hg_tensor_zeros(t, HG_SHAPE(2, 6)), *five = hg_tensor_zeros(t, HG_SHAPE(5)), *y = NULL;
        if (k == 0) y = hg_layer_norm(t, x, five, NULL, 1e-5);
        if (k == 1) y = hg_layer_norm(t, x, NULL, five, 1e-5);
        if (k == 2) y = hg_layer_norm(t, x, NULL, NULL, 0);
        if (k == 3) y = hg_group_norm(t, x, 4, NULL, NULL, 1e-5);
        if (k == 4) y = hg_group_norm(t, x, 0, NULL, NULL, 1e-5);
        if (k == 5) y = hg_group_norm(t, five, 1, NULL, NULL, 1e-5);
        hg_batch_norm_opts o = hg_batch_norm_opts_default();
        o.frozen = k == 6;
        o.momentum = k == 7 ? 1.5 : 0.1;
        if (k == 6 || k == 7) y = hg_batch_norm(t, x, NULL, NULL, NULL, NULL, &o);
        if (k == 8) y = hg_batch_norm(t, hg_slice(t, x, 0, 0, 1, 1), NULL, NULL, NULL, NULL, &o);
        assert_null(y);
        assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
        assert_contains(err.msg, "norm: ");
    }
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_get_mean_zero_and_variance_one),
        TEST(groups_of_channels),
        TEST(shift_and_scale_of_the_input_are_not_seen),
        TEST(statistics_of_batches_are_kept),
        TEST(a_channel_is_all_its_elements),
        TEST(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
