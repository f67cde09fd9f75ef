/* tests/bayes/test_update.c -- one observation more, one less, and more of them than an exact model can hold */
#include "gp_data.h"
#include "num/linalg.h"

/* ---- one more, one less --------------------------------------------------------------------------------------------- */

static void assert_same_model(const hg_gp *a, const hg_gp *b, const double *q, size_t m, double tol, hg_arena *mem) {
    double ma[M], mb[M], va[M], vb[M];
    assert_ok(hg_gp_predict(ma, va, a, q, m, mem, NULL));
    assert_ok(hg_gp_predict(mb, vb, b, q, m, mem, NULL));
    for (size_t i = 0; i < m; i++) {
        assert_close(ma[i], mb[i], tol);
        assert_close(va[i], vb[i], tol);
    }
    assert_close(hg_gp_evidence(a), hg_gp_evidence(b), tol);
    assert_int_equal(hg_gp_points(a), hg_gp_points(b));
}

static void an_update_equals_fitting_again(void **state) {
    double x[N * D], y[N], q[M * D], ignore[M];
    make_data(x, y, N, 1);
    make_data(q, ignore, M, 2);
    hg_gp_opts o = fixed("matern52", SENSIBLE, 5);
    hg_gp *grown, *whole, *copy;
    assert_ok(hg_gp_fit(&grown, x, y, 2, D, &o, NULL));
    for (size_t i = 2; i < N; i++) {
        assert_ok(hg_gp_update(grown, x + i * D, y[i], NULL));
        assert_ok(hg_gp_fit(&whole, x, y, i + 1, D, &o, NULL));
        if (i % 9 == 0 || i + 1 == N) assert_same_model(grown, whole, q, 50, 1e-11, *state);
        if (i + 1 < N) hg_gp_free(whole);
    }
    assert_ok(hg_gp_clone(&copy, grown, NULL)); /* a copy, and what happens to it later, leave the first alone */
    for (size_t i = 0; i < 20; i++) assert_ok(hg_gp_update(copy, q + i * D, 9, NULL));
    assert_same_model(grown, whole, q, M, 1e-11, *state);
    assert_int_equal(hg_gp_points(copy), N + 20);
    assert_contains(hg_gp_words(copy), "50 points");
    hg_gp_free(copy);
    hg_gp_free(grown);
    hg_gp_free(whole);
}

static void leave_one_out_equals_leaving_one_out(void **state) {
    double x[N * D], y[N], mean[N], var[N];
    make_data(x, y, N, 4);
    hg_gp_opts o = fixed("matern52", SENSIBLE, 5);
    hg_gp *all, *less;
    assert_ok(hg_gp_fit(&all, x, y, N, D, &o, NULL));
    assert_ok(hg_gp_loo(mean, var, all, *state, NULL));
    for (size_t i = 0; i < N; i++) {
        double xr[N * D], yr[N], m, v;
        size_t left = 0;
        for (size_t k = 0; k < N; k++) {
            if (k == i) continue;
            memcpy(xr + left * D, x + k * D, D * sizeof *xr);
            yr[left++] = y[k];
        }
        assert_ok(hg_gp_fit(&less, xr, yr, left, D, &o, NULL));
        assert_ok(hg_gp_predict(&m, &v, less, x + i * D, 1, *state, NULL));
        assert_close(mean[i], m, 1e-10);
        assert_close(var[i], v + exp(2 * SENSIBLE[4]), 1e-10);
        hg_gp_free(less);
    }
    hg_gp_free(all);
}

/* ---- many points ---------------------------------------------------------------------------------------------------- */

static void inducing_points_become_exact_when_all_are_used(void **state) {
    double x[N * D], y[N], q[M * D], ignore[M], le[N], ve[N], li[N], vi[N], ce[25], ci[25];
    make_data(x, y, N, 1);
    make_data(q, ignore, M, 2);
    for (size_t k = 0; k < 2; k++) {
        const double params[] = { -0.36, -0.36, 1, 0.5, 0.5, 0.5, -1, 0, -2.3 };
        hg_gp_opts o = fixed(k ? "matern52 + linear" : "matern52", k ? params : SENSIBLE, k ? 9 : 5);
        hg_gp *exact, *inducing;
        assert_ok(hg_gp_fit(&exact, x, y, N, D, &o, NULL));
        o.exact_max = N - 1;
        o.inducing = N;
        assert_ok(hg_gp_fit(&inducing, x, y, N, D, &o, NULL));
        assert_contains(hg_gp_words(inducing), "30 inducing points");
        assert_same_model(exact, inducing, q, M, 1e-8, *state);
        assert_ok(hg_gp_loo(le, ve, exact, *state, NULL));
        assert_ok(hg_gp_loo(li, vi, inducing, *state, NULL));
        assert_ok(hg_gp_covariance(ce, exact, q, 5, *state, NULL));
        assert_ok(hg_gp_covariance(ci, inducing, q, 5, *state, NULL));
        for (size_t i = 0; i < N; i++) {
            assert_close(le[i], li[i], 1e-7);
            assert_close(ve[i], vi[i], 1e-7);
        }
        for (size_t i = 0; i < 25; i++) assert_close(ce[i], ci[i], 1e-8);
        hg_gp_free(exact);
        hg_gp_free(inducing);
    }
}

/* Fewer than all: the update and leave-one-out of the approximate model are those of the approximate model itself. */
static void the_inducing_model_is_consistent_with_itself(void **state) {
    enum { LARGE = 400 };
    static double x[(LARGE + 1) * D], y[LARGE + 1], q[M * D], ignore[M], mean[LARGE], var[LARGE];
    make_data(x, y, LARGE + 1, 1);
    make_data(q, ignore, M, 2);
    hg_gp_opts o = fixed("rbf", SENSIBLE, 5);
    o.exact_max = 100;
    o.inducing = 60;
    hg_gp *gp, *copy;
    assert_ok(hg_gp_fit(&gp, x, y, LARGE, D, &o, NULL));
    double worst = 0, truth[M], m[M], v[M];
    assert_ok(hg_gp_predict(m, v, gp, q, M, *state, NULL));
    for (size_t i = 0; i < M; i++) {
        truth[i] = sin(5 * q[i * D]) + q[i * D + 1] * q[i * D + 1];
        worst = fmax(worst, fabs(m[i] - truth[i]) / sqrt(v[i] + 1e-4));
    }
    assert_true(worst < 6); /* error bars that hold */

    /* leave-one-out of point i = the prediction after unlearning it: check by adding it twice as the 401st */
    assert_ok(hg_gp_clone(&copy, gp, NULL));
    assert_ok(hg_gp_predict(m, v, copy, x + LARGE * D, 1, *state, NULL));
    const double noise = hg_gp_noise_sd(gp);
    assert_ok(hg_gp_update(copy, x + LARGE * D, y[LARGE], NULL));
    static double mean1[LARGE + 1], var1[LARGE + 1];
    assert_ok(hg_gp_loo(mean1, var1, copy, *state, NULL));
    assert_close(mean1[LARGE], m[0], 1e-8); /* without it: what was predicted before it came */
    assert_true(fabs(var1[LARGE] - v[0] - noise * noise) < 0.2 * var1[LARGE]); /* FITC adds its residual to the noise */
    assert_ok(hg_gp_loo(mean, var, gp, *state, NULL));
    for (size_t i = 0; i < LARGE; i++) assert_true(var[i] > noise * noise);
    hg_gp_free(copy);
    hg_gp_free(gp);
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(an_update_equals_fitting_again),
        TEST(leave_one_out_equals_leaving_one_out),
        TEST(inducing_points_become_exact_when_all_are_used),
        TEST(the_inducing_model_is_consistent_with_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
