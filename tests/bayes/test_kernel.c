/* tests/bayes/test_kernel.c -- kernel expressions: read from text, worth what the formula says, whichever way computed */
#include "bayes/kernel.h"
#include "num/linalg.h"
#include "test.h"

typedef struct {
    hg_kernel kernel;
    hg_kernel_values v;
    double w[512], root[512];
    size_t group[64];
} model;

static void make(model *m, const char *text, size_t d, size_t groups, const double *theta) {
    hg_err err;
    *m = (model) { .v = { .d = d } };
    assert_ok_err(hg_kernel_read(&m->kernel, text, &err), err);
    m->v.kernel = &m->kernel;
    m->v.w = m->w;
    m->v.root = m->root;
    for (size_t j = 0; j < d; j++) m->group[j] = j % groups;
    hg_kernel_set(&m->v, theta, m->group, groups);
}

static double between(model *m, const double *a, const double *b, hg_arena *mem) {
    const hg_mark mark = hg_arena_mark(mem);
    double k, *work = hg_alloc(mem, hg_kernel_work(&m->kernel, m->v.d, 1), sizeof *work);
    hg_kernel_block(&k, 1, &m->v, a, 1, b, 1, 1, work);
    hg_arena_reset(mem, mark);
    return k;
}

/* a = (0, 0), b = (0.6, 1.6) with lengths (1, 2): r^2 = 0.36 + 0.64 = 1. */
static void base_kernels_by_hand(void **state) {
    const double theta[] = { 0, log(2) }, a[] = { 0, 0 }, b[] = { 0.6, 1.6 }, c[] = { 3, 4 };
    const double s3 = sqrt(3), s5 = sqrt(5);
    model m;
    make(&m, "rbf", 2, 2, theta);
    assert_close(between(&m, a, b, *state), exp(-0.5), 1e-15);
    make(&m, "matern32", 2, 2, theta);
    assert_close(between(&m, a, b, *state), (1 + s3) * exp(-s3), 1e-15);
    make(&m, "matern52", 2, 2, theta);
    assert_close(between(&m, a, b, *state), (1 + s5 + 5.0 / 3) * exp(-s5), 1e-15);
    assert_close(between(&m, b, b, *state), 1, 1e-15);
    make(&m, "linear", 2, 2, theta);
    assert_close(between(&m, b, c, *state), 0.6 * 3 + 1.6 * 4 / 4, 1e-15);
}

/* Products bind before sums; every '+' has a weight on its right-hand side. */
static void expressions_follow_the_grammar(void **state) {
    const double a[] = { 0.2 }, b[] = { 0.9 };
    const double rbf = exp(-0.5 * 0.49), r = sqrt(3 * 0.49), m32 = (1 + r) * exp(-r), lin = 0.18;
    const double theta[] = { 0, 0, 0, log(3), log(5) };
    model m;
    make(&m, "rbf + matern32 * linear", 1, 1, theta); /* weight 3 */
    assert_close(between(&m, a, b, *state), rbf + 3 * m32 * lin, 1e-15);
    make(&m, " (rbf+matern32 )*linear", 1, 1, theta);
    assert_close(between(&m, a, b, *state), (rbf + 3 * m32) * lin, 1e-15);
    assert_string_equal(m.kernel.text, "(rbf + matern32) * linear");
    make(&m, "rbf + matern32 + linear", 1, 1, theta);
    assert_close(between(&m, a, b, *state), rbf + 3 * m32 + 5 * lin, 1e-15);
    make(&m, "((((linear))))", 1, 1, theta);
    assert_close(between(&m, a, b, *state), lin, 1e-15);
    assert_false(hg_kernel_stationary(&m.kernel));
    make(&m, "rbf * rbf", 1, 1, theta);
    assert_close(between(&m, a, b, *state), rbf * rbf, 1e-15);
    assert_true(hg_kernel_stationary(&m.kernel));
    assert_int_equal(hg_kernel_params(&m.kernel, 7), 14);
}

static void bad_expressions_are_refused_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
        hg_status status;
        size_t column;
    } bad[] = {
        { "", "ends too early", HG_EINVAL, 1 },
        { "rbf +", "ends too early", HG_EINVAL, 6 },
        { "rbf rbf", "expected + or *", HG_EINVAL, 5 },
        { "(rbf", "bracket is not closed", HG_EINVAL, 5 },
        { "rbf)", "expected + or *", HG_EINVAL, 4 },
        { "rbf * -1", "expected the name", HG_EINVAL, 7 },
        { "rfb", "no kernel \"rfb\"", HG_ENOTFOUND, 1 },
        { "rbf*rbf*rbf*rbf*rbf*rbf*rbf*rbf*rbf", "more than 8", HG_EINVAL, 33 },
        { "(((((((((((((((((rbf)))))))))))))))))", "too deeply", HG_EINVAL, 17 },
    };
    hg_kernel k;
    hg_err err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(hg_kernel_read(&k, bad[i].text, &err), bad[i].status);
        assert_contains(err.msg, bad[i].says);
        assert_int_equal(err.column, bad[i].column);
        assert_true(strlen(err.hint) > 0);
    }
    char longer[400];
    memset(longer, ' ', sizeof longer);
    longer[399] = '\0';
    assert_int_equal(hg_kernel_read(&k, longer, &err), HG_EINVAL);
    for (unsigned seed = 0; seed < 2000; seed++) { /* any bytes: refused or read, never worse */
        static const char alphabet[] = "rbfmatern3252linear+*() \t\xff";
        char text[24];
        hg_rng rng = hg_rng_make(seed, 0);
        const size_t len = hg_rng_below(&rng, sizeof text);
        for (size_t i = 0; i < len; i++) text[i] = alphabet[hg_rng_below(&rng, sizeof alphabet - 1)];
        text[len] = '\0';
        const hg_status st = hg_kernel_read(&k, text, &err);
        assert_true(st == HG_OK || st == HG_EINVAL || st == HG_ENOTFOUND);
    }
}

static const char *const KERNELS[] = { "rbf",    "matern32",          "matern52",
                                       "linear", "matern52 + linear", "rbf * (matern32 + linear)" };

/* The same points as the first of 40 dimensions, the others 0: by GEMM what they were by sums. Blocks as single pairs. */
static void blocks_by_gemm_and_by_sums_agree(void **state) {
    enum { FEW = 3, MANY = 40, A = 70, B = 33 };
    static double a[A * FEW], b[FEW * B], wa[A * MANY], wb[MANY * B], k[A * B], wide[A * B];
    double theta[3 * MANY + 2], same[3 * FEW + 2];
    hg_rng rng = hg_rng_make(3, 0);
    memset(wa, 0, sizeof wa);
    memset(wb, 0, sizeof wb);
    for (size_t i = 0; i < A; i++)
        for (size_t j = 0; j < FEW; j++) wa[i * MANY + j] = a[i * FEW + j] = hg_rng_uniform(&rng) - 0.5;
    for (size_t q = 0; q < B; q++)
        for (size_t j = 0; j < FEW; j++) wb[j * B + q] = b[j * B + q] = q == 0 ? a[j] : hg_rng_uniform(&rng) - 0.5;
    const hg_mark mark = hg_arena_mark(*state);
    for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++) {
        model few, many;
        hg_kernel read;
        assert_ok(hg_kernel_read(&read, KERNELS[i], NULL));
        for (size_t j = 0; j < 3 * MANY + 2; j++) theta[j] = -1 + 0.1 * (double)(j % MANY);
        for (size_t leaf = 0; leaf < read.leaves; leaf++)
            for (size_t j = 0; j < FEW; j++) same[leaf * FEW + j] = theta[leaf * MANY + j];
        for (size_t j = 0; j < read.weights; j++) same[read.leaves * FEW + j] = theta[read.leaves * MANY + j] = 0.3;
        make(&few, KERNELS[i], FEW, FEW, same);
        make(&many, KERNELS[i], MANY, MANY, theta);
        double *work = hg_alloc(*state, hg_kernel_work(&read, MANY, B), sizeof *work), diagonal[B];
        hg_kernel_block(k, B, &few.v, a, A, b, B, B, work);
        hg_kernel_block(wide, B, &many.v, wa, A, wb, B, B, work);
        for (size_t j = 0; j < A * B; j++) assert_close(k[j], wide[j], 2e-7); /* r = sqrt of an ulp where points meet */
        for (size_t j = 1; j < A * B; j++) assert_close(k[j], wide[j], 1e-13);
        assert_close(k[5 * B + 7], between(&few, a + 5 * FEW, (double[]) { b[7], b[B + 7], b[2 * B + 7] }, *state),
                     1e-15);
        hg_kernel_diagonal(diagonal, &few.v, b, B, B, work);
        assert_close(diagonal[0], k[0], 1e-15); /* query 0 is point 0 */
        hg_arena_reset(*state, mark);
    }
}

/* dk/dz of each base kernel by differences; and the analytic limits at z = 0. */
static void slopes_match_differences(void **state) {
    (void)state;
    for (size_t i = 0; i < HG_BASE_KERNEL_COUNT; i++) {
        const hg_base_kernel *base = &HG_BASE_KERNELS[i];
        for (double z = 0.01; z < 30; z *= 1.3) {
            const double around[] = { z - 1e-5 * z, z + 1e-5 * z };
            double k[2], value, slope;
            base->value(k, around, 2);
            base->slope(&value, &slope, &z, 1);
            assert_close((k[1] - k[0]) / (2e-5 * z), slope, 1e-6);
            assert_close(value, 0.5 * (k[0] + k[1]), 1e-8);
        }
        const double zero = 0, huge = 1e200;
        double value, slope;
        base->slope(&value, &slope, &zero, 1);
        assert_true(isfinite(slope) && value == (base->stationary ? 1 : 0));
        base->value(&value, &huge, 1);
        assert_true(!base->stationary || value < 1e-90);
    }
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(base_kernels_by_hand),
        TEST(expressions_follow_the_grammar),
        TEST(bad_expressions_are_refused_with_their_place),
        TEST(blocks_by_gemm_and_by_sums_agree),
        TEST(slopes_match_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
