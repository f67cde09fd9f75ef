/* tests/num/test_vector.c -- the dispatched loops against the C library, every length around a vector's width */
#include "num/vector.h"
#include "test.h"

static void exp_agrees_with_libm(void **state) {
    (void)state;
    double x[1000], y[1000];
    hg_rng rng = hg_rng_make(1, 0);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < 1000; i++) x[i] = -708 + 1416 * hg_rng_uniform(&rng);
        if (round == 0) memcpy(x, (double[6]) { 0, -0.0, 1, -1e-300, -708, 708.9 }, 6 * sizeof *x);
        hg_exp_many(y, x, 1000);
        for (size_t i = 0; i < 1000; i++) {
            if (!(fabs(y[i] - exp(x[i])) <= 4.5e-16 * exp(x[i]))) print_error("exp(%.17g) = %.17g\n", x[i], y[i]);
            assert_true(fabs(y[i] - exp(x[i])) <= 4.5e-16 * exp(x[i])); /* 2 ulp */
        }
    }
    const double beyond[] = { -709, -1e10, -HUGE_VAL };
    hg_exp_many(y, beyond, 3);
    for (size_t i = 0; i < 3; i++) assert_true(y[i] >= 0 && y[i] < 4e-308);
    const double nan1[] = { NAN };
    hg_exp_many(y, nan1, 1);
    assert_true(isnan(y[0]));
}

static void every_length_is_handled(void **state) {
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        double x[40] = { 0 }, z[41], y[41], s[41], e[41];
        for (size_t i = 0; i < n; i++) {
            x[i] = 0.1 * (double)i - 1;
            z[i] = y[i] = s[i] = (double)i;
        }
        z[n] = y[n] = s[n] = e[n] = 77; /* must stay */
        hg_add_square_difference(z, x, 0.5, 2, n);
        hg_axpy(y, -3, x, n);
        hg_add_squares(s, x, n);
        hg_exp_many(e, x, n);
        hg_multiply(e, e, x, n);
        for (size_t i = 0; i < n; i++) {
            assert_close(z[i], (double)i + 2 * (x[i] - 0.5) * (x[i] - 0.5), 1e-15);
            assert_close(y[i], (double)i - 3 * x[i], 1e-15);
            assert_close(s[i], (double)i + x[i] * x[i], 1e-15);
            assert_close(e[i], exp(x[i]) * x[i], 1e-15);
        }
        assert_true(z[n] == 77 && y[n] == 77 && s[n] == 77 && e[n] == 77);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(exp_agrees_with_libm),
        TEST(every_length_is_handled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
