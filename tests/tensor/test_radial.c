/* tests/tensor/test_radial.c -- functions of a distance: values by hand, smoothness at the cut-off, high derivatives. Gradients and second
 * derivatives of all kinds with all cut-offs: test_ops.c. */
#include "tapes.h"
#include "test.h"

static const double PI = 3.14159265358979323846;

static void evaluate(double *out, double d, hg_radial_opts o) {
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_err err;
    hg_tensor *y = hg_radial(t, hg_tensor_of(t, HG_SHAPE(1), &d, false), &o);
    assert_ok_err(hg_tape_status(t, &err), err);
    assert_int_equal(hg_tensor_size(y), o.count);
    hg_tensor_get(out, y);
    hg_tape_free(t);
}

static void values_by_hand(void **state) {
    double y[3];
    (void)state;
    hg_radial_opts o = { .kind = HG_RADIAL_BESSEL, .envelope = HG_CUTOFF_NONE, .count = 3, .cutoff = 2 };
    evaluate(y, 1, o); /* sin(k pi / 2) / 1 */
    assert_close(y[0], 1, 1e-14);
    assert_close(y[1], 0, 1e-14);
    assert_close(y[2], -1, 1e-14);
    evaluate(y, 0, o); /* the limit k pi / 2 */
    for (int k = 0; k < 3; k++) assert_close(y[k], (k + 1) * PI / 2, 1e-14);
    o.kind = HG_RADIAL_GAUSSIAN; /* centres 0, 1, 2, so beta = 1/2 */
    evaluate(y, 1, o);
    assert_close(y[0], exp(-0.5), 1e-14);
    assert_close(y[1], 1, 1e-14);
    assert_close(y[2], exp(-0.5), 1e-14);
    o.kind = HG_RADIAL_CHEBYSHEV; /* x = 1/2: T = 1, 1/2, -1/2 */
    evaluate(y, 1.5, o);
    assert_close(y[0], 1, 1e-14);
    assert_close(y[1], 0.5, 1e-14);
    assert_close(y[2], -0.5, 1e-14);
    o.kind = HG_RADIAL_EXP_NORMAL;
    evaluate(y, 2, o); /* the first centre is exp(-2), the second half way to exp(-0) */
    const double between = 2.0 / 3 * (1 - exp(-2)), u = (1 - exp(-2)) / 2;
    assert_close(y[0], 1, 1e-14);
    assert_close(y[1], exp(-u * u / (between * between)), 1e-14);
}

static void cut_offs_by_hand(void **state) {
    double y[1];
    (void)state;
    hg_radial_opts o = { .kind = HG_RADIAL_CHEBYSHEV, .count = 1, .cutoff = 4 }; /* T_0 = 1: the cut-off itself */
    o.envelope = HG_CUTOFF_COSINE;
    evaluate(y, 1, o);
    assert_close(y[0], (sqrt(0.5) + 1) / 2, 1e-14);
    o.envelope = HG_CUTOFF_POLYNOMIAL;
    o.power = 3; /* 1 - 10 x^3 + 15 x^4 - 6 x^5 at 1/2: a half */
    evaluate(y, 2, o);
    assert_close(y[0], 0.5, 1e-14);
    o.power = 6; /* 1 - 28 x^6 + 48 x^7 - 21 x^8 at 1/2 */
    evaluate(y, 2, o);
    assert_close(y[0], 1 - 28.0 / 64 + 48.0 / 128 - 21.0 / 256, 1e-14);
    o.envelope = HG_CUTOFF_BUMP;
    evaluate(y, 2, o);
    assert_close(y[0], exp(-1.0 / 3), 1e-14);
    for (o.envelope = HG_CUTOFF_COSINE; o.envelope < HG_CUTOFF_NONE; o.envelope++) {
        evaluate(y, 0, o);
        assert_close(y[0], 1, 1e-14);
        evaluate(y, 4, o);
        assert_close(y[0], 0, 0);
        evaluate(y, 7, o);
        assert_close(y[0], 0, 0);
        evaluate(y, 4 * (1 - 1e-7), o);
        assert_close(y[0], 0, 1e-12);
    }
}

/* The value and three derivatives of the first Bessel function with c = pi: sqrt(2/pi) sin(d) / d. */
static void bessel_derivatives(double y[4], hg_tape *t, double d) {
    hg_radial_opts o = hg_radial_opts_default();
    hg_err err;
    o.envelope = HG_CUTOFF_NONE;
    o.count = 1;
    o.cutoff = PI;
    hg_tape_begin(t, 1);
    hg_tensor *x = hg_tensor_of(t, HG_SHAPE(1), &d, true), *value = hg_sum(t, hg_radial(t, x, &o), 0), *g[2];
    assert_ok_err(hg_gradient(&g[0], t, value, &x, 1, &err), err);
    assert_ok_err(hg_gradient(&g[1], t, hg_sum(t, g[0], 0), &x, 1, &err), err);
    assert_ok_err(hg_backward(t, hg_sum(t, g[1], 0), &err), err);
    y[0] = hg_tensor_value(value);
    y[1] = hg_tensor_value(g[0]);
    y[2] = hg_tensor_value(g[1]);
    hg_tensor_get_grad(&y[3], x);
}

/* By hand on both sides of 0.3, where the series near 0 meets the quotient, and no jump there. */
static void three_derivatives_by_hand(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    double y[4], other[4];
    for (double x = 0.2; x < 3; x += 0.1) {
        const double s = sin(x), c = cos(x), scale = sqrt(2 / PI);
        bessel_derivatives(y, t, x);
        assert_close(y[0], scale * s / x, 1e-12);
        assert_close(y[1], scale * (x * c - s) / (x * x), 1e-12);
        assert_close(y[2], scale * (-x * x * s - 2 * x * c + 2 * s) / (x * x * x), 1e-12);
        assert_close(y[3], scale * (-x * x * x * c + 3 * x * x * s + 6 * x * c - 6 * s) / (x * x * x * x), 2e-11);
    }
    bessel_derivatives(y, t, 0.3 - 1e-12);
    bessel_derivatives(other, t, 0.3 + 1e-12);
    for (int i = 0; i < 4; i++) assert_close(y[i], other[i], 2e-11);
    hg_tape_free(t);
}

/* A force field E = sum of f(|r_i - r_j|) made from these operations pulls and pushes with no net force. */
static void forces_sum_to_zero_and_turn_with_the_atoms(void **state) {
    static const double X[] = { 0, 0, 0, 1.1, 0.2, -0.1, 0.3, 1.4, 0.8 };
    static const uint32_t FROM[] = { 0, 0, 1 }, TO[] = { 1, 2, 2 };
    (void)state;
    double force[2][9];
    for (int turned = 0; turned < 2; turned++) {
        hg_tape *t = TAPE(.dtype = HG_F64);
        double at[9];
        for (int i = 0; i < 9; i += 3) { /* a quarter turn around z, and a shift */
            at[i] = turned ? -X[i + 1] + 3 : X[i];
            at[i + 1] = turned ? X[i] - 2 : X[i + 1];
            at[i + 2] = X[i + 2];
        }
        hg_tensor *x = hg_tensor_of(t, HG_SHAPE(3, 3), at, true);
        hg_tensor *from = hg_gather(t, x, hg_index_of(t, FROM, 3, 3)), *to = hg_gather(t, x, hg_index_of(t, TO, 3, 3));
        hg_tensor *d = hg_norm2(t, hg_sub(t, to, from), 1, 0);
        assert_ok(hg_backward(t, hg_sum(t, hg_radial(t, d, NULL), 0), NULL));
        hg_tensor_get_grad(force[turned], x);
        hg_tape_free(t);
    }
    for (int c = 0; c < 3; c++) assert_close(force[0][c] + force[0][3 + c] + force[0][6 + c], 0, 1e-12);
    for (int i = 0; i < 9; i += 3) {
        assert_close(force[1][i], -force[0][i + 1], 1e-12);
        assert_close(force[1][i + 1], force[0][i], 1e-12);
        assert_close(force[1][i + 2], force[0][i + 2], 1e-12);
    }
    assert_true(fabs(force[0][0]) > 0.01);
}

static void what_is_refused(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_err err;
    for (int k = 0; k < 8; k++) {
        hg_radial_opts o = hg_radial_opts_default();
        if (k == 0) o.count = 0;
        if (k == 1) o.count = HG_RADIAL_MOST + 1;
        if (k == 2) o.cutoff = -1;
        if (k == 3) o.cutoff = NAN;
        if (k == 4) o.start = 5;
        if (k == 5) o.power = 2;
        if (k == 6) o.beta = -1;
        if (k == 7) o.envelope = HG_CUTOFF_NONE + 1;
        hg_tape_begin(t, 1);
        assert_null(hg_radial(t, hg_tensor_zeros(t, HG_SHAPE(2)), &o));
        assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
        assert_contains(err.msg, "radial: ");
    }
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(values_by_hand),
        TEST(cut_offs_by_hand),
        TEST(three_derivatives_by_hand),
        TEST(forces_sum_to_zero_and_turn_with_the_atoms),
        TEST(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
