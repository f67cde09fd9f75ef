/* tests/bayes/test_learn.c -- the gradient of what learning minimises: evidence, priors and noise together */
#include "bayes/learn.h"
#include "num/linalg.h"
#include "test.h"

enum { N = 18, D = 3 };

static double value(void *ctx, const double *phi) {
    return hg_minus_log_posterior(ctx, phi, NULL, hg_kernel_params(&((hg_posterior *)ctx)->gp->kernel, D) + 1);
}

static void gradient_matches_differences(void **state) {
    double x[N * D], y[N];
    hg_rng rng = hg_rng_make(4, 0);
    for (size_t i = 0; i < N * D; i++) x[i] = hg_rng_uniform(&rng) - 0.5;
    for (size_t i = 0; i < N; i++) y[i] = cos(4 * x[i * D]) + 0.2 * hg_rng_normal(&rng);
    static const char *const kernels[] = { "matern52", "rbf * (matern32 + linear)" };
    for (size_t k = 0; k < 2; k++)
        for (int known = 0; known < 2; known++)
            for (int strength = 0; strength < 2; strength++) {
                const hg_mark mark = hg_arena_mark(*state);
                hg_gp_opts o = hg_gp_opts_default();
                o.kernel = kernels[k];
                o.learn = false;
                hg_gp *gp; /* for its kernel, groups and prior */
                assert_ok(hg_gp_fit(&gp, x, y, N, D, &o, NULL));
                hg_pairs pairs;
                hg_posterior p = { .gp = gp, .strength = strength, .known_noise = known ? 0.3 : -1 };
                p.signal = (hg_signal) { .dof = strength, .var = 1 };
                assert_ok(hg_pairs_new(&pairs, &gp->kernel, x, y, N, D, gp->group, D, *state, NULL));
                assert_ok(hg_evidence_new(&p.evidence, &gp->kernel, &pairs, *state, NULL));
                double phi[16], grad[16];
                const size_t n = hg_kernel_params(&gp->kernel, D) + 1;
                for (size_t i = 0; i < n; i++) phi[i] = 0.3 * hg_rng_normal(&rng) - 0.5;
                hg_minus_log_posterior(&p, phi, grad, n);
                assert_true(test_gradient_error(value, &p, phi, grad, n, 1e-5) < 1e-6);
                hg_gp_free(gp);
                hg_arena_reset(*state, mark);
            }
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(gradient_matches_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
