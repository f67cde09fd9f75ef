/* tests/tensor/test_loss.c -- losses: values by hand, missing targets, weights, a minimum where statistics says. Gradients: test_ops.c. */
#include "tapes.h"
#include "test.h"

/* r = 1 and -3 */
static void values_by_hand(void **state) {
    static const double Y[] = { 2, 1 }, TARGET[] = { 1, 4 }, WEIGHT[] = { 3, 1 }, S[] = { 0, 1 }, NOISE[] = { 1, 2 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *y = hg_tensor_of(t, HG_SHAPE(2), Y, true), *target = hg_tensor_of(t, HG_SHAPE(2), TARGET, false);
    hg_loss_opts o = { .corner = 2 };
    assert_close(hg_tensor_value(hg_loss(t, HG_LOSS_MSE, y, target, NULL)), 5, 1e-14);
    assert_close(hg_tensor_value(hg_loss(t, HG_LOSS_MAE, y, target, NULL)), 2, 1e-14);
    assert_close(hg_tensor_value(hg_loss(t, HG_LOSS_HUBER, y, target, &o)), (0.5 + 2 * (3 - 1)) / 2, 1e-14);
    o.log_variance = hg_tensor_of(t, HG_SHAPE(2), S, true);
    const double nll = (0.5 * (0 + 1) + 0.5 * (1 + 9 / exp(1))) / 2;
    assert_close(hg_tensor_value(hg_loss(t, HG_LOSS_NLL, y, target, &o)), nll, 1e-14);
    o.noise_variance = hg_tensor_of(t, HG_SHAPE(2), NOISE, false);
    const double T[] = { 1 + 1, exp(1) + 2 }, noisy = (0.5 * (log(T[0]) + 1 / T[0]) + 0.5 * (log(T[1]) + 9 / T[1])) / 2;
    assert_close(hg_tensor_value(hg_loss(t, HG_LOSS_NOISY_NLL, y, target, &o)), noisy, 1e-14);
    o = (hg_loss_opts) { .weight = hg_tensor_of(t, HG_SHAPE(2), WEIGHT, false) };
    assert_close(hg_tensor_value(hg_loss(t, HG_LOSS_MSE, y, target, &o)), (3 * 1 + 9) / 4.0, 1e-14);
    assert_string_equal(hg_loss_name(HG_LOSS_HUBER), "huber");
    assert_null(hg_loss_name(HG_LOSS_COUNT));
    hg_tape_free(t);
}

/* What is missing is as if it were not there, for the loss and for the gradient. */
static void missing_targets(void **state) {
    static const double Y[] = { 2, 5, 1 }, TARGET[] = { 1, NAN, 4 }, WEIGHT[] = { 1, 0, 1 }, NONE[] = { 0, 0, 0 };
    (void)state;
    for (hg_loss_kind k = HG_LOSS_MSE; k <= HG_LOSS_HUBER; k++) {
        hg_tape *t = TAPE(.dtype = HG_F32);
        double g[3], g2[2];
        hg_tensor *y = hg_tensor_of(t, HG_SHAPE(3), Y, true), *target = hg_tensor_of(t, HG_SHAPE(3), TARGET, false);
        hg_loss_opts o = { .weight = hg_tensor_of(t, HG_SHAPE(3), WEIGHT, false) };
        hg_tensor *loss = hg_loss(t, k, y, target, &o);
        assert_ok(hg_backward(t, loss, NULL));
        hg_tensor_get_grad(g, y);
        const double value = hg_tensor_value(loss);
        hg_tape_begin(t, 1);
        y = hg_tensor_of(t, HG_SHAPE(2), (double[]) { Y[0], Y[2] }, true);
        target = hg_tensor_of(t, HG_SHAPE(2), (double[]) { TARGET[0], TARGET[2] }, false);
        loss = hg_loss(t, k, y, target, NULL);
        assert_ok(hg_backward(t, loss, NULL));
        hg_tensor_get_grad(g2, y);
        assert_close(hg_tensor_value(loss), value, 1e-6);
        assert_close(g[0], g2[0], 1e-6);
        assert_close(g[1], 0, 0);
        assert_close(g[2], g2[1], 1e-6);
        hg_tape_begin(t, 2); /* nothing there */
        y = hg_tensor_of(t, HG_SHAPE(3), Y, true);
        o.weight = hg_tensor_of(t, HG_SHAPE(3), NONE, false);
        loss = hg_loss(t, k, y, hg_tensor_of(t, HG_SHAPE(3), TARGET, false), &o);
        assert_close(hg_tensor_value(loss), 0, 0);
        assert_ok(hg_backward(t, loss, NULL));
        hg_tensor_get_grad(g, y);
        for (int i = 0; i < 3; i++) assert_close(g[i], 0, 0);
        hg_tape_free(t);
    }
}

/* The likelihood is largest at the sample's own mean and variance: both gradients are 0 there. */
static void likelihood_is_largest_at_mean_and_variance(void **state) {
    enum { N = 101 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_rng r = hg_rng_make(4, 0);
    double x[N], mean = 0, variance = 0;
    for (int i = 0; i < N; i++) x[i] = 3 + 2 * hg_rng_normal(&r), mean += x[i] / N;
    for (int i = 0; i < N; i++) variance += (x[i] - mean) * (x[i] - mean) / N;
    const double s = log(variance);
    hg_tensor *m = hg_tensor_of(t, HG_SHAPE(1), &mean, true), *log_variance = hg_tensor_of(t, HG_SHAPE(1), &s, true);
    const hg_loss_opts o = { .log_variance = hg_expand(t, log_variance, HG_SHAPE(N)) };
    hg_tensor *y = hg_expand(t, m, HG_SHAPE(N));
    assert_ok(hg_backward(t, hg_loss(t, HG_LOSS_NLL, y, hg_tensor_of(t, HG_SHAPE(N), x, false), &o), NULL));
    double g[2];
    hg_tensor_get_grad(&g[0], m);
    hg_tensor_get_grad(&g[1], log_variance);
    assert_close(g[0], 0, 1e-14);
    assert_close(g[1], 0, 1e-14);
    hg_tape_free(t);
}

static void cross_entropy_of_classes(void **state) {
    const double X[] = { 0, log(3), 5, 5, 100, -100 };
    static const uint32_t CLASSES[] = { 1, 0, 0 }, ONE[] = { 1, HG_NO_CLASS, HG_NO_CLASS },
                          NONE[] = { HG_NO_CLASS, HG_NO_CLASS, HG_NO_CLASS };
    static const double WEIGHT[] = { 1, 3, 0 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(3, 2), X, true), *w = hg_tensor_of(t, HG_SHAPE(3), WEIGHT, false);
    const double a = -log(0.75), b = log(2); /* chances 3/4, 1/2 and 1 */
    assert_close(hg_tensor_value(hg_cross_entropy(t, x, CLASSES, NULL)), (a + b) / 3, 1e-14);
    assert_close(hg_tensor_value(hg_cross_entropy(t, x, CLASSES, w)), (a + 3 * b) / 4, 1e-14);
    assert_close(hg_tensor_value(hg_cross_entropy(t, x, NONE, NULL)), 0, 0);
    hg_tensor *loss = hg_cross_entropy(t, x, ONE, NULL);
    assert_close(hg_tensor_value(loss), a, 1e-14);
    assert_ok(hg_backward(t, loss, NULL)); /* softmax minus the class, where there is one */
    double g[6];
    hg_tensor_get_grad(g, x);
    assert_close(g[0], 0.25, 1e-14);
    assert_close(g[1], -0.25, 1e-14);
    for (int i = 2; i < 6; i++) assert_close(g[i], 0, 0);
    hg_tape_free(t);
}

static void what_is_refused(void **state) {
    static const uint32_t TOO_LARGE[] = { 0, 3 };
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_err err;
    for (int k = 0; k < 9; k++) {
        hg_tape_begin(t, 1);
        hg_tensor *y = hg_tensor_zeros(t, HG_SHAPE(2, 3)), *other = hg_tensor_zeros(t, HG_SHAPE(3)), *loss = NULL;
        hg_tensor *wants = hg_tensor_of_floats(t, HG_SHAPE(2, 3), (float[6]) { 0 }, true);
        if (k == 0) loss = hg_loss(t, HG_LOSS_MSE, y, other, NULL);
        if (k == 1) loss = hg_loss(t, HG_LOSS_MSE, y, y, &(hg_loss_opts) { .weight = other });
        if (k == 2) loss = hg_loss(t, HG_LOSS_NLL, y, y, NULL);
        if (k == 3) loss = hg_loss(t, HG_LOSS_MSE, y, y, &(hg_loss_opts) { .log_variance = y });
        if (k == 4) loss = hg_loss(t, HG_LOSS_HUBER, y, y, &(hg_loss_opts) { .corner = -1 });
        if (k == 5) loss = hg_loss(t, HG_LOSS_MSE, y, wants, NULL);
        if (k == 6) loss = hg_cross_entropy(t, y, TOO_LARGE, NULL);
        if (k == 7) loss = hg_cross_entropy(t, other, TOO_LARGE, NULL);
        if (k == 8) loss = hg_loss(t, HG_LOSS_COUNT, y, y, NULL);
        assert_null(loss);
        assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
        assert_contains(err.msg, k == 6 || k == 7 ? "cross entropy: " : "loss: ");
    }
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(values_by_hand),           TEST(missing_targets), TEST(likelihood_is_largest_at_mean_and_variance),
        TEST(cross_entropy_of_classes), TEST(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
