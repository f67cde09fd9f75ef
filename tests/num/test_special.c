/* tests/num/test_special.c -- the normal distribution against values computed with 110 digits (power series and continued
 * fractions in Python's decimal), and against its own identities */
#include "num/special.h"
#include "test.h"

typedef struct {
    double at, value;
} pair;

static void compare(const char *name, double (*f)(double), const pair *want, size_t n, double tol) {
    for (size_t i = 0; i < n; i++) {
        const double got = f(want[i].at);
        if (fabs(got - want[i].value) <= tol * fabs(want[i].value)) continue;
        print_error("%s(%g) = %.17g, expected %.17g\n", name, want[i].at, got, want[i].value);
        fail();
    }
}
#define COMPARE(f, table, tol) compare(#f, f, table, sizeof table / sizeof *table, tol)

static void agrees_with_high_precision(void **state) {
    static const pair cdf[] = { { -36.7, 3.6515293028034182e-295 }, { -12.3, 4.5287069561587846e-35 },
                                { -7.3, 1.4388386381575877e-13 },   { -37, 5.7255712225245771e-300 },
                                { -8, 6.2209605742717839e-16 },     { -3, 0.0013498980316300946 },
                                { -1, 0.15865525393145705 },        { 0, 0.5 },
                                { 0.5, 0.69146246127401312 },       { 2, 0.97724986805182079 } };
    static const pair log_cdf[] = { { -40, -804.6084420137538 },   { -12.5, -81.575967870743881 },
                                    { -5, -15.064998393988725 },   { -2, -3.7831843336820321 },
                                    { -1, -1.8410216450092636 },   { -0.5, -1.1759117615936185 },
                                    { 0, -0.69314718055994529 },   { 1, -0.17275377902344988 },
                                    { 3, -0.0013508099647481938 }, { 8, -6.2209605742717858e-16 } };
    static const pair erfcx[] = {
        { -5, 144009798674.66104 },      { -1, 5.0089800807622833 },      { 0, 1 },
        { 0.5, 0.6156903441929259 },     { 1, 0.427583576155807 },        { 2, 0.25539567631050575 },
        { 3.99, 0.1373240409142297 },    { 4, 0.13699945762506138 },      { 4.01, 0.13667636742994915 },
        { 6, 0.092776567800538348 },     { 8.5, 0.065925122499980351 },   { 10, 0.056140992743822588 },
        { 21.3, 0.026458678371626441 },  { 30, 0.018795888861416751 },    { 100, 0.005641613782989433 },
        { 1e5, 5.6418958351954685e-06 }, { 1e10, 5.6418958354775629e-11 }
    };
    static const pair log_ei[] = {
        { -1000, -500014.73445209116 }, { -100, -5010.1295788002499 },  { -30.5, -472.88260479123596 },
        { -30, -457.72465376059802 },   { -29.5, -442.81615258435892 }, { -12, -77.909100545007348 },
        { -7, -29.368107183141277 },    { -5.01, -16.797966327739523 }, { -5, -16.744301162660989 },
        { -4.99, -16.690729996795877 }, { -3, -7.8696860596030289 },    { -1.01, -2.5041998574802569 },
        { -1, -2.4851210257126413 },    { -0.99, -2.4661143916690493 }, { 0, -0.91893853320467278 },
        { 1, 0.08002621884930694 },     { 5, 1.6094379231264313 },      { 40, 3.6888794541139363 }
    };
    (void)state;
    COMPARE(hg_normal_cdf, cdf, 2e-15);
    COMPARE(hg_normal_log_cdf, log_cdf, 2e-15);
    COMPARE(hg_erfcx, erfcx, 1e-15);
    COMPARE(hg_log_ei, log_ei, 2e-15);
}

static void tails_stay_finite_and_ordered(void **state) {
    (void)state;
    double last_ei = -HUGE_VAL, last_cdf = -HUGE_VAL;
    for (double z = -1e150; z < -1e-3; z /= 1.01) {
        const double ei = hg_log_ei(z), cdf = hg_normal_log_cdf(z);
        assert_true(isfinite(ei) && isfinite(cdf));
        assert_true(ei >= last_ei && cdf >= last_cdf); /* no step where one formula hands over to another */
        last_ei = ei;
        last_cdf = cdf;
    }
}

static void quantile_inverts_the_cdf(void **state) {
    static const double p[] = { 1e-300, 1e-20, 1e-5, 0.01, 0.075, 0.3, 0.5, 0.9, 0.925, 0.999 };
    (void)state;
    for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
        const double z = hg_normal_quantile(p[i]);
        assert_close(hg_normal_cdf(z) / p[i], 1, 1e-12); /* d ln cdf / dz is up to 37 there */
    }
    assert_true(hg_normal_quantile(0) == -HUGE_VAL && hg_normal_quantile(1) == HUGE_VAL);
    assert_true(isnan(hg_normal_quantile(-0.1)) && isnan(hg_normal_quantile(NAN)));
}

/* h' = cdf, so d log h / dz = cdf / h. */
static void log_ei_has_the_right_slope(void **state) {
    (void)state;
    for (double z = -40; z < 10; z += 0.37) {
        const double slope = (hg_log_ei(z + 1e-4) - hg_log_ei(z - 1e-4)) / 2e-4;
        assert_close(slope, exp(hg_normal_log_cdf(z) - hg_log_ei(z)), 1e-6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(agrees_with_high_precision),
        TEST(tails_stay_finite_and_ordered),
        TEST(quantile_inverts_the_cdf),
        TEST(log_ei_has_the_right_slope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
