/* tests/secret/test_pool_mixture.c -- a kernel as a mixture of squared exponentials */
#include "secret/pool_mixture.h"
#include "test.h"

static hg_secret_model model(bool matern, const double *length, size_t n) {
    hg_secret_model m;
    hg_secret_model_default(&m);
    m.matern = matern;
    m.n_length = n;
    m.n_noise = 1;
    for (size_t i = 0; i < n; i++) m.length[i] = length[i];
    return m;
}

static double matern(double u, double l) {
    const double a = sqrt(5 * u) / l;
    return (1 + a + a * a / 3) * exp(-a);
}

/* The closed form is the oracle: over the whole range of squared distances, for each length. */
static void stands_for_matern(void **state) {
    (void)state;
    for (size_t d = 1; d <= 6; d++) {
        const double length[] = { 0.01, 0.05, 0.083, 0.2, 0.5, 1.3, 40, 1000 };
        const hg_secret_model m = model(true, length, 8);
        hg_mixture k;
        assert_ok(hg_mixture_make(&k, &m, d, NULL));
        double most = 0;
        for (size_t l = 0; l < 8; l++)
            for (int i = -60; i <= 200; i++) {
                const double u = i == -60 ? 0 : (double)d * pow(10, (i - 200) / 20.0);
                most = fmax(most, fabs(hg_mixture_value(&k, l, u) - matern(u, length[l])));
            }
        assert_true(most < HG_MIXTURE_ERROR);
    }
}

/* Positive weights that sum to one: a positive definite kernel with k(0) = 1 whatever the cut. */
static void weights_are_those_of_a_mixture(void **state) {
    (void)state;
    for (int j = 0; j < 40; j++) {
        const double length[] = { 0.1 * pow(2, j / 40.0), 0.7 * pow(2, j / 37.0) };
        const hg_secret_model m = model(true, length, 2);
        hg_mixture k;
        assert_ok(hg_mixture_make(&k, &m, 3, NULL));
        for (size_t l = 0; l < 2; l++) {
            double sum = 0;
            for (size_t i = 0; i < k.slow; i++) {
                assert_true(k.slow_weight[l][i] >= 0 && k.slow_rate[i] <= 1);
                sum += k.slow_weight[l][i];
            }
            for (size_t c = 0; c < k.chains; c++)
                for (size_t i = 0; i <= HG_MIXTURE_LEVELS; i++) {
                    assert_true(k.chain[c].weight[l][i] >= 0);
                    assert_true(i <= k.chain[c].squarings || k.chain[c].weight[l][i] == 0);
                    sum += k.chain[c].weight[l][i];
                }
            assert_close(sum, 1, 1e-12);
        }
    }
}

static void the_squared_exponential_is_exact(void **state) {
    (void)state;
    const double length[] = { 0.02, 0.3, 1, 9 };
    const hg_secret_model m = model(false, length, 4);
    hg_mixture k;
    assert_ok(hg_mixture_make(&k, &m, 5, NULL));
    for (size_t l = 0; l < 4; l++)
        for (double u = 0; u < 5; u += 0.01)
            assert_close(hg_mixture_value(&k, l, u), exp(-u / (2 * length[l] * length[l])), 1e-14);
}

static double inverse_root(double x) { return 1 / sqrt(x); }

static void polynomials_follow_a_function(void **state) {
    (void)state;
    double c[HG_MIXTURE_DEGREE + 1];
    hg_polynomial_fit(c, HG_MIXTURE_DEGREE, inverse_root, 1, 1.5);
    for (double x = 1; x <= 1.5; x += 0.01) {
        const double z = 4 * x - 5;
        double p = 0;
        for (int i = HG_MIXTURE_DEGREE; i >= 0; i--) p = p * z + c[i];
        assert_close(p, inverse_root(x), 1e-11);
    }
    hg_polynomial_fit(c, 1, inverse_root, 4, 4); /* a point: the value, no slope */
    assert_close(c[0], 0.5, 1e-15);
}

static void refuses_what_no_chain_reaches(void **state) {
    (void)state;
    const double shortest[] = { 1e-7 }, longest[] = { 1e9 };
    hg_mixture k;
    hg_err err;
    hg_secret_model m = model(true, shortest, 1);
    assert_int_equal(hg_mixture_make(&k, &m, 3, &err), HG_ELIMIT);
    assert_contains(err.msg, "too short");
    m = model(false, shortest, 1);
    assert_int_equal(hg_mixture_make(&k, &m, 3, &err), HG_ELIMIT);
    m = model(true, longest, 1);
    assert_int_equal(hg_mixture_make(&k, &m, 3, &err), HG_ELIMIT);
    assert_contains(err.msg, "too long");
    assert_int_equal(hg_mixture_make(&k, &m, 0, &err), HG_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(stands_for_matern),
        TEST(weights_are_those_of_a_mixture),
        TEST(the_squared_exponential_is_exact),
        TEST(polynomials_follow_a_function),
        TEST(refuses_what_no_chain_reaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
