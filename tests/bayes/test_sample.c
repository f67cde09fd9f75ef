/* tests/bayes/test_sample.c -- joint samples and covariances */
#include "gp_data.h"
#include "num/linalg.h"

/* ---- samples -------------------------------------------------------------------------------------------------------- */

/* Mean and covariance of many samples against the exact ones, at the first `look` of m queries. */
static void check_samples(hg_gp *gp, const double *q, size_t m, size_t k, double tol, hg_arena *mem) {
    enum { LOOK = 6 };
    double mean[LOOK], cov[LOOK * LOOK];
    const hg_mark mark = hg_arena_mark(mem);
    double *out = hg_alloc(mem, k, m * sizeof *out);
    assert_non_null(out);
    hg_rng rng = hg_rng_make(11, 0);
    assert_ok(hg_gp_sample(out, k, gp, q, m, &rng, mem, NULL));
    assert_ok(hg_gp_predict(mean, NULL, gp, q, LOOK, mem, NULL));
    assert_ok(hg_gp_covariance(cov, gp, q, LOOK, mem, NULL));
    for (size_t i = 0; i < LOOK; i++) {
        double average = 0;
        for (size_t s = 0; s < k; s++) average += out[s * m + i] / (double)k;
        const double sd = sqrt(cov[i * LOOK + i]);
        assert_true(fabs(average - mean[i]) < 5 * sd / sqrt((double)k) + tol * sd);
        for (size_t j = 0; j <= i; j++) {
            double both = 0;
            for (size_t s = 0; s < k; s++) both += (out[s * m + i] - mean[i]) * (out[s * m + j] - mean[j]) / (double)k;
            const double scale = sd * sqrt(cov[j * LOOK + j]);
            if (!(fabs(both - cov[i * LOOK + j]) < (6 / sqrt((double)k) + tol) * scale))
                print_error("cov[%zu,%zu]: %g, expected %g\n", i, j, both, cov[i * LOOK + j]);
            assert_true(fabs(both - cov[i * LOOK + j]) < (6 / sqrt((double)k) + tol) * scale);
        }
    }
    hg_arena_reset(mem, mark);
}

static void samples_have_the_right_mean_and_covariance(void **state) {
    static double q[2001 * D], ignore[2001];
    double x[8 * D], y[8];
    make_data(x, y, 8, 1);
    make_data(q, ignore, 2001, 2);
    for (size_t i = 3; i < 6; i++) q[i * D] += 2; /* three of those looked at are far from the data */
    static const double length[] = { -0.36, -0.36, 1, 0.2, 0.2, 0.2, -1, 0, -2.3 };
    static const struct {
        const char *kernel;
        size_t params;
        bool inducing;
    } cases[] = { { "rbf", 5, false },
                  { "matern32", 5, false },
                  { "matern52", 5, true },
                  { "matern52 + linear", 9, false },
                  { "matern52 + linear", 9, true } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double params[9];
        memcpy(params, length, sizeof params);
        params[cases[i].params - 2] = 0;
        params[cases[i].params - 1] = -0.7; /* noise sd 0.5 */
        hg_gp_opts o = fixed(cases[i].kernel, params, cases[i].params);
        if (cases[i].inducing) {
            o.exact_max = 7;
            o.inducing = 8;
        }
        hg_gp *gp;
        assert_ok(hg_gp_fit(&gp, x, y, 8, D, &o, NULL));
        if (i == 0) check_samples(gp, q, 20, 2000, 1e-9, *state); /* Cholesky */
        check_samples(gp, q, 2001, 600, 0.04, *state);            /* random features: their own error too */
        hg_gp_free(gp);
    }
}

static void covariance_has_the_variances_on_its_diagonal(void **state) {
    double x[N * D], y[N], q[M * D], mean[40], var[40], cov[40 * 40], ignore[M];
    make_data(x, y, N, 1);
    make_data(q, ignore, M, 2);
    for (int inducing = 0; inducing < 2; inducing++) {
        hg_gp_opts o = hg_gp_opts_default();
        if (inducing) o.exact_max = o.inducing = 15;
        hg_gp *gp;
        assert_ok(hg_gp_fit(&gp, x, y, N, D, &o, NULL));
        assert_ok(hg_gp_predict(mean, var, gp, q, 40, *state, NULL));
        assert_ok(hg_gp_covariance(cov, gp, q, 40, *state, NULL));
        for (size_t i = 0; i < 40; i++) {
            assert_close(cov[i * 40 + i], var[i], 1e-12);
            for (size_t j = 0; j < i; j++) {
                assert_true(cov[i * 40 + j] == cov[j * 40 + i]);
                assert_true(fabs(cov[i * 40 + j]) <= sqrt(var[i] * var[j]) * (1 + 1e-9));
            }
        }
        hg_gp_free(gp);
    }
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(samples_have_the_right_mean_and_covariance),
        TEST(covariance_has_the_variances_on_its_diagonal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
