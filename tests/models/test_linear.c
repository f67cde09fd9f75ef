/* tests/models/test_linear.c -- regression with priors: by hand, its posterior, threads, error bars, refusals */
#include "models/linear.h"
#include "core/memory.h"
#include "num/linalg.h"
#include "test.h"

/* y = 3 x - 1 with priors so wide that they say nothing; then one column with a prior: w = xy / (xx +
 * ridge/scale^2). */
static void a_line_is_found(void **state) {
    (void)state;
    double a[4] = { 0 }, b[2] = { 0 }, work[2];
    const double scale[2] = { 1000, 1000 };
    hg_linear l;
    assert_ok(hg_linear_make(&l, 2, 0, NULL));
    for (int i = 0; i < 5; i++) {
        const double x[2] = { 1000, 1000.0 * i }, y = 3.0 * i - 1;
        hg_normal_add(a, 2, x, 1, NULL);
        for (int k = 0; k < 2; k++) b[k] += x[k] * y;
    }
    assert_ok(hg_normal_solve(a, b, 2, 1e-6, NULL, NULL));
    hg_linear_take(&l, a, b, NULL, 2, scale, 1, 0, work);
    assert_close(l.w[0], -1, 1e-8);
    assert_close(l.w[1], 3, 1e-8);
    assert_close(hg_linear_value(&l, (const double[]) { 1, 7 }), 20, 1e-8);
    assert_true(isnan(hg_linear_spread(&l, (const double[]) { 1, 7 }, 1))); /* no draws */
    hg_linear_free(&l);

    assert_ok(hg_linear_make(&l, 1, 0, NULL));
    const double one = 0.5 * 2; /* x = 2, scale 0.5 */
    double a1 = 0, b1 = one * 6;
    hg_normal_add(&a1, 1, &one, 1, NULL);
    assert_ok(hg_normal_solve(&a1, &b1, 1, 0.25, NULL, NULL));
    hg_linear_take(&l, &a1, &b1, NULL, 1, &(const double) { 0.5 }, 10, 0, work);
    assert_close(l.w[0], 10 * 2 * 6 / (4 + 0.25 / 0.25), 1e-12); /* unit 10 */
    hg_linear_free(&l);
}

/* Draws have the covariance scale A^-1 scale; a column that no row has shown keeps its prior. */
static void draws_are_those_of_the_posterior(void **state) {
    (void)state;
    enum { DRAWS = 20000 };
    double a[4] = { 2, 0, 1, 3 }, b[2] = { 1, 1 }, work[2], cov[2][2] = { { 0 } }, prior = 0;
    const double scale[3] = { 2, 7, 0.5 };
    const size_t used[2] = { 0, 2 };
    hg_linear l;
    assert_ok(hg_linear_make(&l, 3, DRAWS, NULL));
    assert_ok(hg_normal_solve(a, b, 2, 0.5, NULL, NULL));
    hg_linear_take(&l, a, b, used, 2, scale, 1, 4, work);
    assert_true(l.w[1] == 0);
    for (size_t d = 0; d < DRAWS; d++) {
        const double x[2] = { l.draws[3 * d], l.draws[3 * d + 2] };
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++) cov[i][j] += x[i] * x[j] / DRAWS;
        prior += (double)l.draws[3 * d + 1] * l.draws[3 * d + 1] / DRAWS;
    }
    const double det = 2.5 * 3.5 - 1; /* of [2.5 1; 1 3.5] */
    assert_true(fabs(cov[0][0] - 4 * 3.5 / det) < 0.06);
    assert_true(fabs(cov[1][1] - 0.25 * 2.5 / det) < 0.003);
    assert_true(fabs(cov[0][1] - 2 * 0.5 * -1 / det) < 0.01);
    assert_true(fabs(prior - 49) < 2);
    const double x[3] = { 1, 0, 0 };
    assert_close(hg_linear_spread(&l, x, 1), sqrt(cov[0][0]), 1e-5);
    const double two[6] = { 1, 0, 0, 0, 0, 1 }; /* a vector of two components */
    assert_close(hg_linear_spread(&l, two, 2), sqrt(0.5 * (cov[0][0] + cov[1][1])), 1e-5);
    hg_linear_free(&l);
}

/* Cut into blocks, by one thread or three: the plain sum. */
static void blocks_are_the_sum_of_products(void **state) {
    (void)state;
    enum { N = 600, ROWS = 9 };
    double *x = malloc(N * ROWS * sizeof *x), *a[2];
    hg_pool *pool;
    hg_rng r = hg_rng_make(2, 0);
    for (size_t i = 0; i < N * ROWS; i++) x[i] = hg_rng_normal(&r);
    assert_ok(hg_pool_new(&pool, 3, NULL));
    for (int k = 0; k < 2; k++) {
        a[k] = calloc(N * N, sizeof **a);
        hg_normal_add(a[k], N, x, 4, k ? pool : NULL);
        hg_normal_add(a[k], N, x + 4 * N, ROWS - 4, k ? pool : NULL);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < ROWS; k++) sum += x[k * N + i] * x[k * N + j];
            assert_true(fabs(a[0][i * N + j] - sum) < 1e-12);
            assert_true(a[0][i * N + j] == a[1][i * N + j]);
        }
    hg_pool_free(pool);
    free(x);
    free(a[0]);
    free(a[1]);
}

/* Residuals with sd^2 = 0.3^2 + (2 spread)^2 are found to be so. */
static void error_bars_follow_the_spread(void **state) {
    (void)state;
    enum { N = 4000 };
    double *residual = malloc(N * sizeof *residual), *spread = malloc(N * sizeof *spread);
    hg_linear l;
    hg_rng r = hg_rng_make(6, 0);
    for (size_t i = 0; i < N; i++) {
        spread[i] = 0.5 * hg_rng_uniform(&r);
        residual[i] = sqrt(0.09 + 4 * spread[i] * spread[i]) * hg_rng_normal(&r);
    }
    assert_ok(hg_linear_make(&l, 1, 1, NULL));
    hg_linear_bars(&l, residual, spread, N);
    assert_true(fabs(l.noise - 0.3) < 0.03);
    assert_true(fabs(l.factor - 2) < 0.2);
    assert_close(hg_linear_sd(&l, 1), sqrt(l.noise * l.noise + l.factor * l.factor), 1e-12);
    hg_linear_free(&l);
    free(residual);
    free(spread);
}

static void what_has_no_solution_is_refused(void **state) {
    (void)state;
    hg_err err;
    hg_linear l;
    double a[1] = { -1 }, b[1] = { 1 };
    assert_int_equal(hg_normal_solve(a, b, 1, 0.5, NULL, &err), HG_ENOTPD);
    assert_contains(err.msg, "larger ridge");
    for (long k = 0; k < 2; k++) {
        fail_alloc_after(k);
        assert_int_equal(hg_linear_make(&l, 3, 2, &err), HG_ENOMEM);
        fail_alloc_after(-1);
        assert_null(l.w);
        assert_int_equal(l.columns, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_found),
        TEST(draws_are_those_of_the_posterior),
        TEST(blocks_are_the_sum_of_products),
        TEST(error_bars_follow_the_spread),
        TEST(what_has_no_solution_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
