/* tests/bayes/test_waves.c -- random features against the kernels they stand for */
#include "bayes/waves.h"
#include "num/linalg.h"
#include "test.h"

enum { D = 2, M = 5, SEEDS = 24 };

static const char *const KERNELS[] = {
    "rbf", "matern32", "matern52", "linear", "rbf * matern32", "matern52 + linear", "rbf * (matern32 + linear)"
};

/* The average of phi(x) phi(x') over seeds. 24 * 2048 features: an error of about 0.005 of the diagonal. */
static void products_of_features_average_to_the_kernel(void **state) {
    static double phi[HG_WAVES * M], more[HG_WAVES * M];
    const double bt[D * M] = { 0, 0.3, 0.8, -0.5, 2, 0, 0.1, -0.4, 1.2, 0.5 };
    double a[M * D], theta[3 * D + 2] = { -0.2, 0.3, 0.1, -0.1, 0.5, 0.2, 0.4 };
    hg_transpose(a, D, bt, M, D, M);
    for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++) {
        const hg_mark mark = hg_arena_mark(*state);
        const size_t group[D] = { 0, 1 };
        double w[3 * D], root[3 * D], want[M * M], mean[M * M] = { 0 };
        hg_kernel k;
        assert_ok(hg_kernel_read(&k, KERNELS[i], NULL));
        hg_kernel_values v = { .kernel = &k, .d = D, .w = w, .root = root };
        hg_kernel_set(&v, theta, group, D);
        double *work = hg_alloc(*state, hg_kernel_work(&k, D, M), sizeof *work);
        hg_kernel_block(want, M, &v, a, M, bt, M, M, work);
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            hg_waves waves;
            hg_rng rng = hg_rng_make(seed, 0);
            assert_true(hg_waves_new(&waves, &v, &rng, *state));
            hg_waves_at(phi, more, &waves, bt, M);
            hg_gemm(mean, M, phi, M, true, phi, M, false, M, M, HG_WAVES, 1.0 / SEEDS, 1);
        }
        for (size_t p = 0; p < M; p++)
            for (size_t q = 0; q < M; q++) {
                const double scale = sqrt(want[p * M + p] * want[q * M + q]);
                if (!(fabs(mean[p * M + q] - want[p * M + q]) <= 0.025 * scale))
                    print_error("%s: %g, expected %g\n", KERNELS[i], mean[p * M + q], want[p * M + q]);
                assert_true(fabs(mean[p * M + q] - want[p * M + q]) <= 0.025 * scale);
            }
        hg_arena_reset(*state, mark);
    }
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(products_of_features_average_to_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
