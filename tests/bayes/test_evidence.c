/* tests/bayes/test_evidence.c -- the log evidence: its gradient for every kind of kernel, both ways of computing it */
#include "bayes/evidence.h"
#include "num/linalg.h"
#include "test.h"

enum { N = 23, GROUPS_FEW = 3, D_MANY = 40 };

typedef struct {
    hg_evidence e;
    size_t kernel_params;
    hg_signal signal;
} setup;

static double value(void *ctx, const double *theta) { /* theta: kernel parameters, then ln nu */
    setup *s = ctx;
    return hg_evidence_value(&s->e, theta, exp(theta[s->kernel_params]), s->signal, NULL, NULL);
}

/* Random points in d dimensions and groups; the gradient by central differences. Returns log p at theta. */
static double check(hg_arena *mem, const char *text, size_t d, size_t groups, hg_signal signal) {
    double x[N * D_MANY], y[N], theta[8 * D_MANY + 8], grad[8 * D_MANY + 8], dnu;
    size_t group[D_MANY];
    hg_rng rng = hg_rng_make(7, 0);
    for (size_t i = 0; i < N * d; i++) x[i] = hg_rng_uniform(&rng) - 0.5;
    for (size_t i = 0; i < N; i++) y[i] = sin(5 * x[i * d]) + 0.3 * hg_rng_normal(&rng);
    for (size_t j = 0; j < d; j++) group[j] = j % groups;
    const hg_mark mark = hg_arena_mark(mem);
    hg_kernel k;
    hg_pairs pairs;
    setup s = { .signal = signal };
    assert_ok(hg_kernel_read(&k, text, NULL));
    assert_ok(hg_pairs_new(&pairs, &k, x, y, N, d, group, groups, mem, NULL));
    assert_ok(hg_evidence_new(&s.e, &k, &pairs, mem, NULL));
    s.kernel_params = hg_kernel_params(&k, groups);
    for (size_t i = 0; i < s.kernel_params; i++) theta[i] = -0.3 + 0.4 * hg_rng_normal(&rng);
    theta[s.kernel_params] = log(0.05);
    const double f = hg_evidence_value(&s.e, theta, 0.05, signal, grad, &dnu);
    grad[s.kernel_params] = 0.05 * dnu;
    const double error = test_gradient_error(value, &s, theta, grad, s.kernel_params + 1, 1e-5);
    if (!(error < 1e-6)) print_error("%s, %zu dimensions: gradient error %g\n", text, d, error);
    assert_true(error < 1e-6);
    hg_arena_reset(mem, mark);
    return f;
}

static const char *const KERNELS[] = { "rbf",
                                       "matern32",
                                       "matern52",
                                       "linear",
                                       "matern52 + linear",
                                       "rbf * matern32",
                                       "rbf * (matern32 + linear) + matern52",
                                       "(rbf + linear) * (matern52 + linear) * rbf" };

static void gradient_of_every_kernel(void **state) {
    for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++) {
        check(*state, KERNELS[i], 3, 3, (hg_signal) { .fixed = 0.7 });
        check(*state, KERNELS[i], 5, 2, (hg_signal) { .dof = 0 });
        check(*state, KERNELS[i], D_MANY, D_MANY, (hg_signal) { .fixed = 1.3 });
        check(*state, KERNELS[i], D_MANY, 20, (hg_signal) { .dof = 0 });
    }
}

/* Tables of pairs serve few groups, GEMM many: the same kernel, the same data padded with columns of zeros. */
static void both_ways_give_the_same_evidence_and_gradient(void **state) {
    static double few[N * GROUPS_FEW], many[N * D_MANY], y[N];
    double theta[2][2 * D_MANY + 2], grad[2][2 * D_MANY + 2], dnu[2], value2[2];
    size_t group[D_MANY];
    hg_rng rng = hg_rng_make(7, 0);
    for (size_t j = 0; j < D_MANY; j++) group[j] = j;
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < GROUPS_FEW; j++)
            many[i * D_MANY + j] = few[i * GROUPS_FEW + j] = hg_rng_uniform(&rng) - 0.5;
        y[i] = hg_rng_normal(&rng);
    }
    const char *text = "matern52 + linear";
    const hg_mark mark = hg_arena_mark(*state);
    for (int way = 0; way < 2; way++) {
        const size_t d = way ? D_MANY : GROUPS_FEW;
        hg_kernel k;
        hg_pairs pairs;
        hg_evidence e;
        assert_ok(hg_kernel_read(&k, text, NULL));
        assert_ok(hg_pairs_new(&pairs, &k, way ? many : few, y, N, d, group, d, *state, NULL));
        assert_true((pairs.distance == NULL) == way);
        assert_ok(hg_evidence_new(&e, &k, &pairs, *state, NULL));
        for (size_t i = 0; i < 2 * d; i++) theta[way][i] = -0.5 + 0.3 * (double)(i % d);
        theta[way][2 * d] = -0.7;
        value2[way] = hg_evidence_value(&e, theta[way], 0.03, (hg_signal) { .fixed = 1.1 }, grad[way], &dnu[way]);
    }
    assert_close(value2[0], value2[1], 1e-12);
    assert_close(dnu[0], dnu[1], 1e-11);
    for (size_t i = 0; i < GROUPS_FEW; i++) {
        assert_close(grad[0][i], grad[1][i], 1e-10);
        assert_close(grad[0][GROUPS_FEW + i], grad[1][D_MANY + i], 1e-10);
    }
    assert_close(grad[0][2 * GROUPS_FEW], grad[1][2 * D_MANY], 1e-10);
    hg_arena_reset(*state, mark);
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(gradient_of_every_kernel),
        TEST(both_ways_give_the_same_evidence_and_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
