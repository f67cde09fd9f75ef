/* tests/bayes/test_inducing.c -- FITC against its own definition, written out with full matrices */
#include "bayes/model.h"
#include "num/linalg.h"
#include "test.h"

enum { N = 40, P = 9, D = 2, M = 7 };

static hg_gp *fit(const double *x, const double *y, size_t n) {
    static const double params[] = { -0.7, -0.4, 0.3, -1.5 };
    hg_gp_opts o = hg_gp_opts_default();
    o.learn = o.standardise = false;
    o.params = params;
    o.n_params = 4;
    o.exact_max = 10;
    o.inducing = P;
    hg_gp *gp;
    assert_ok(hg_gp_fit(&gp, x, y, n, D, &o, NULL));
    assert_int_equal(gp->p, P);
    return gp;
}

static void covariances(double *k, const hg_gp *gp, const double *a, size_t n, const double *b, size_t m,
                        hg_arena *mem) {
    const hg_mark mark = hg_arena_mark(mem);
    double *bt = hg_alloc(mem, D, m * sizeof *bt),
           *work = hg_alloc(mem, hg_kernel_work(&gp->kernel, D, m), sizeof *work);
    hg_transpose(bt, m, b, D, m, D);
    hg_kernel_block(k, m, &gp->values, a, n, bt, m, m, work);
    hg_arena_reset(mem, mark);
}

/* q[n,m] = K_au K_uu^-1 K_ub */
static void projected(double *q, const hg_gp *gp, const double *a, size_t n, const double *b, size_t m, hg_arena *mem) {
    double kuu[P * P], kua[P * N], kub[P * N];
    covariances(kuu, gp, gp->basis, P, gp->basis, P, mem);
    covariances(kua, gp, gp->basis, P, a, n, mem);
    covariances(kub, gp, gp->basis, P, b, m, mem);
    assert_int_equal(hg_chol(kuu, P), 0);
    hg_chol_lsolve_many(kuu, P, P, kua, n, n);
    hg_chol_lsolve_many(kuu, P, P, kub, m, m);
    hg_gemm(q, m, kua, n, true, kub, m, false, n, m, P, 1, 0);
}

/* S = Q + diag(K - Q) + nu I; then exactly the formulae of the exact model with S and Q in place of K. */
static void check(const hg_gp *gp, const double *x, const double *y, size_t n, const double *xs, hg_arena *mem) {
    static double s[N * N], q[M * N], mean[M], var[M], loo[N], loo_var[N];
    double one[N], a[N], h = 0, m = 0, quad = 0;
    projected(s, gp, x, n, x, n, mem);
    for (size_t i = 0; i < n; i++) s[i * n + i] = 1 + gp->nu; /* K_ii = 1 */
    assert_int_equal(hg_chol(s, n), 0);
    const double logdet = hg_chol_logdet(s, n);
    hg_chol_inverse(s, s, n);
    for (size_t i = 0; i < n; i++) one[i] = 1;
    double a1[N];
    hg_gemv(a1, s, n, false, one, n, n, 1, 0);
    h = hg_dot(a1, one, n);
    m = hg_dot(a1, y, n) / h;
    for (size_t i = 0; i < n; i++) one[i] = y[i] - m;
    hg_gemv(a, s, n, false, one, n, n, 1, 0);
    quad = hg_dot(a, one, n);
    projected(q, gp, xs, M, x, n, mem);
    assert_ok(hg_gp_predict(mean, var, gp, xs, M, mem, NULL));
    for (size_t i = 0; i < M; i++) {
        double sq[N];
        hg_gemv(sq, s, n, false, q + i * n, n, n, 1, 0);
        const double t = 1 - hg_dot(a1, q + i * n, n);
        assert_close(mean[i], m + hg_dot(a, q + i * n, n), 1e-9);
        assert_close(var[i], gp->s2 * (1 - hg_dot(sq, q + i * n, n) + t * t / h), 1e-9);
    }
    const double dof = (double)n - 1, two_pi = 2 * acos(-1.0);
    assert_close(hg_gp_evidence(gp), -0.5 * (dof * log(two_pi * gp->s2) + logdet + log(h) + quad / gp->s2), 1e-9);
    assert_ok(hg_gp_loo(loo, loo_var, gp, mem, NULL));
    for (size_t i = 0; i < n; i++) {
        const double precision = s[i * n + i] - a1[i] * a1[i] / h;
        assert_close(loo[i], y[i] - a[i] / precision, 1e-8);
        assert_close(loo_var[i], gp->s2 / precision, 1e-8);
    }
}

static void matches_its_definition_before_and_after_an_update(void **state) {
    double x[N * D], y[N], xs[M * D];
    hg_rng rng = hg_rng_make(2, 0);
    for (size_t i = 0; i < N * D; i++) x[i] = hg_rng_uniform(&rng);
    for (size_t i = 0; i < N; i++) y[i] = 3 + sin(4 * x[i * D]) * x[i * D + 1] + 0.1 * hg_rng_normal(&rng);
    for (size_t i = 0; i < M * D; i++) xs[i] = 2 * hg_rng_uniform(&rng) - 0.5;
    hg_gp *gp = fit(x, y, N - 3);
    check(gp, x, y, N - 3, xs, *state);
    for (size_t i = N - 3; i < N; i++) assert_ok(hg_gp_update(gp, x + i * D, y[i], NULL));
    check(gp, x, y, N, xs, *state);
    hg_gp_free(gp);
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(matches_its_definition_before_and_after_an_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
