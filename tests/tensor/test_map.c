/* tests/tensor/test_map.c -- functions of one number: our vector code for floats beside libm, and what happens at the edges */
#include "hagane/tensor.h"
#include "test.h"
#include <float.h>

static double silu(double x) { return x / (1 + exp(-x)); }
static double gelu(double x) { return 0.5 * x * erfc(-x * M_SQRT1_2); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double ssp(double x) { return softplus(x) - M_LN2; }

/* Between low and high, |error| <= absolute + relative |y|. */
static const struct {
    hg_function f;
    double (*exact)(double);
    double low, high, absolute, relative;
} CASES[] = {
    { HG_SILU, silu, -80, 80, 0, 6e-7 },       { HG_GELU, gelu, -10, 10, 1e-6, 4e-7 },
    { HG_SIGMOID, sigmoid, -80, 80, 0, 5e-7 }, { HG_SOFTPLUS, softplus, -80, 80, 0, 5e-7 },
    { HG_SSP, ssp, -80, 80, 3e-7, 3e-7 },      { HG_TANH, tanh, -20, 20, 0, 5e-7 },
    { HG_EXP, exp, -87, 88, 0, 4e-7 },         { HG_ERF, erf, -5, 5, 0, 4e-7 },
    { HG_LOG, log, 1e-3, 1e3, 1e-7, 3e-7 },    { HG_LOG, log, 1e20, 3e38, 0, 3e-7 },
    { HG_LOG, log, 1e-45, 1e-38, 0, 3e-7 },    { HG_LOG, log, 0.9, 1.1, 0, 3e-7 },
    { HG_SIN, sin, -4, 4, 1e-7, 2e-7 },        { HG_COS, cos, -4, 4, 1e-7, 2e-7 },
    { HG_SIN, sin, -1e5, 1e5, 2e-7, 0 },       { HG_COS, cos, 9e8, 1e9, 4e-7, 0 },
};

static void floats_follow_libm(void **state) {
    (void)state;
    enum { N = 20001 };
    hg_tape *t;
    assert_ok(hg_tape_new(&t, NULL, NULL));
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        float *x = malloc(N * sizeof *x);
        for (size_t i = 0; i < N; i++)
            x[i] = (float)(CASES[c].low + (CASES[c].high - CASES[c].low) * (double)i / (N - 1));
        hg_tape_begin(t, c);
        const float *y = hg_tensor_floats(hg_map(t, CASES[c].f, hg_tensor_of_floats(t, HG_SHAPE(N), x, false)));
        for (size_t i = 0; i < N; i++) {
            const double want = CASES[c].exact((double)x[i]), error = fabs((double)y[i] - want);
            if (error > CASES[c].absolute + CASES[c].relative * fabs(want))
                fail_msg("%s(%.9g) = %.9g, not %.9g", hg_function_name(CASES[c].f), (double)x[i], (double)y[i], want);
        }
        free(x);
    }
    hg_tape_free(t);
}

static float at(hg_tape *t, hg_function f, float x) {
    return (float)hg_tensor_value(hg_map(t, f, hg_tensor_of_floats(t, HG_SCALAR, &x, false)));
}

static void edges(void **state) {
    (void)state;
    hg_tape *t;
    assert_ok(hg_tape_new(&t, NULL, NULL));
    assert_true(isnan(at(t, HG_LOG, -1)) && isinf(at(t, HG_LOG, 0)) && at(t, HG_LOG, 0) < 0);
    assert_true(isinf(at(t, HG_LOG, HUGE_VALF)) && at(t, HG_LOG, 1) == 0);
    assert_true(at(t, HG_SIN, 0) == 0 && at(t, HG_COS, 0) == 1);
    assert_true(isnan(at(t, HG_SIN, HUGE_VALF)) && isnan(at(t, HG_COS, 2e9f))); /* said in tensor/real.h */
    assert_true(at(t, HG_SIGMOID, -HUGE_VALF) < 1e-37f && at(t, HG_SIGMOID, HUGE_VALF) == 1);
    assert_true(at(t, HG_SOFTPLUS, 1000) == 1000 && at(t, HG_TANH, 1000) == 1 && at(t, HG_TANH, -1000) == -1);
    for (hg_function f = 0; f < HG_FUNCTION_COUNT; f++) { /* a NaN is not lost, but by those that only compare */
        const bool compares = f == HG_STEP || f == HG_SIGN;
        if (!compares && !isnan(at(t, f, NAN))) fail_msg("%s(NaN) is %g", hg_function_name(f), (double)at(t, f, NAN));
    }
    assert_null(hg_function_name(HG_FUNCTION_COUNT));
    assert_null(hg_map(t, HG_FUNCTION_COUNT, hg_tensor_zeros(t, HG_SCALAR)));
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(floats_follow_libm), TEST(edges) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
