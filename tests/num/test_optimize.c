/* tests/num/test_optimize.c -- minima known by hand: inside, at a bound, beside a wall, and no minimum at all */
#include "num/optimize.h"
#include "test.h"

/* Rosenbrock: minimum 0 at (1, 1). */
static double rosenbrock(void *ctx, const double *x, double *grad, size_t n) {
    (void)ctx;
    assert_int_equal(n, 2);
    const double a = 1 - x[0], b = x[1] - x[0] * x[0];
    if (grad) {
        grad[0] = -2 * a - 400 * x[0] * b;
        grad[1] = 200 * b;
    }
    return a * a + 100 * b * b;
}

static void finds_the_valley(void **state) {
    (void)state;
    const double lower[] = { -5, -5 }, upper[] = { 5, 5 };
    for (int plain = 0; plain < 2; plain++) {
        double x[] = { -1.2, 1 };
        hg_minimum found;
        const hg_minimize_opts o = { .max_evals = 2000, .xtol = 1e-10, .ftol = 1e-14, .derivative_free = plain };
        assert_ok(hg_minimize(&found, x, lower, upper, 2, rosenbrock, NULL, &o, NULL));
        assert_close(x[0], 1, 1e-4);
        assert_close(x[1], 1, 1e-4);
        assert_true(found.f < 1e-8);
        assert_true(found.why == HG_STOP_CONVERGED || found.why == HG_STOP_ROUNDOFF);
    }
}

/* With x0 <= 0.5 the minimum lies on the bound: x1 = 0.25, f = 0.25. */
static void respects_bounds(void **state) {
    (void)state;
    const double lower[] = { -5, -5 }, upper[] = { 0.5, 5 };
    double x[] = { 3, 3 }; /* outside: moved in */
    hg_minimum found;
    assert_ok(hg_minimize(&found, x, lower, upper, 2, rosenbrock, NULL, NULL, NULL));
    assert_close(x[0], 0.5, 1e-9);
    assert_close(x[1], 0.25, 1e-3);
    assert_close(found.f, 0.25, 1e-5);
}

/* x - ln x, but "cannot be evaluated" below 0.2: NaN there must only turn the search back. */
static double walled(void *ctx, const double *x, double *grad, size_t n) {
    (void)n;
    ++*(size_t *)ctx;
    if (x[0] < 0.2) return NAN;
    if (grad) grad[0] = 1 - 1 / x[0];
    return x[0] - log(x[0]);
}

static double never(void *ctx, const double *x, double *grad, size_t n) {
    (void)ctx, (void)x;
    for (size_t i = 0; grad && i < n; i++) grad[i] = 1;
    return NAN;
}

static void backs_off_from_nan(void **state) {
    (void)state;
    const double lower[] = { -10 }, upper[] = { 50 };
    double x[] = { 40 };
    size_t calls = 0;
    hg_minimum found;
    assert_ok(hg_minimize(&found, x, lower, upper, 1, walled, &calls, NULL, NULL));
    assert_close(x[0], 1, 1e-3);
    assert_close(found.f, 1, 1e-6);
    assert_int_equal(found.evals, calls);
    assert_ok(hg_minimize(&found, x, lower, upper, 1, never, NULL, NULL, NULL));
    assert_int_equal(found.why, HG_STOP_FAILED);
}

static void stops_where_it_is_told(void **state) {
    (void)state;
    const double lower[] = { -5, -5 }, upper[] = { 5, 5 };
    double x[] = { -1.2, 1 };
    hg_minimum few, rough, fine;
    assert_ok(hg_minimize(&few, x, lower, upper, 2, rosenbrock, NULL, &(hg_minimize_opts) { .max_evals = 5 }, NULL));
    assert_int_equal(few.why, HG_STOP_MAX_EVALS);
    assert_int_equal(few.evals, 5);
    double y[] = { -1.2, 1 }, z[] = { -1.2, 1 };
    assert_ok(hg_minimize(&rough, y, lower, upper, 2, rosenbrock, NULL,
                          &(hg_minimize_opts) { .max_evals = 500, .ftol_abs = 1 }, NULL));
    assert_ok(hg_minimize(&fine, z, lower, upper, 2, rosenbrock, NULL,
                          &(hg_minimize_opts) { .max_evals = 500, .ftol_abs = 1e-12 }, NULL));
    assert_true(rough.evals < fine.evals && fine.f < rough.f);
}

static void refuses_crossed_bounds_and_survives_no_memory(void **state) {
    (void)state;
    const double lower[] = { 1 }, upper[] = { 0 }, nan1[] = { NAN }, top[] = { 2 };
    double x[] = { 0 };
    hg_minimum found;
    size_t calls = 0;
    hg_err err;
    assert_int_equal(hg_minimize(&found, x, lower, upper, 1, walled, &calls, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "bounds of variable 0");
    assert_int_equal(hg_minimize(&found, x, nan1, top, 1, walled, &calls, NULL, NULL), HG_EINVAL);
    fail_alloc_after(0);
    assert_int_equal(hg_minimize(&found, x, upper, top, 1, walled, &calls, NULL, NULL), HG_ENOMEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(finds_the_valley),
        TEST(respects_bounds),
        TEST(backs_off_from_nan),
        TEST(stops_where_it_is_told),
        TEST(refuses_crossed_bounds_and_survives_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
