/* tests/secret/test_pool_policy.c -- the public numbers of tiers 2 and 3 */
#include "secret/pool_policy.h"
#include "test.h"

static hg_secret_model model(void) {
    hg_secret_model m;
    hg_secret_model_default(&m);
    m.n_length = m.n_noise = 2;
    m.length[0] = 0.2;
    m.length[1] = 0.5;
    m.noise[0] = 1e-3;
    m.noise[1] = 1e-2;
    return m;
}

static void numbers_by_hand(void **state) {
    (void)state;
    const hg_secret_model m = model();
    /* at the medians -2 log2 p is 0; one sd off in both it is 2 / ln 2 */
    assert_close(hg_pool_prior(&m, 3), 0, 1e-14);
    hg_secret_model n = m;
    n.length[0] = 0.5 * exp(-1);
    n.noise[0] = 0.01 * exp(-2);
    assert_close(hg_pool_prior(&n, 0), 2 / log(2), 1e-12);
    /* levels are sixteenths of octaves, borders lie half way in the logarithm */
    assert_close(hg_pool_sigma(&m, 0), exp2(-10), 1e-14);
    assert_close(hg_pool_sigma(&m, 160), 1, 1e-14);
    for (size_t i = 1; i < m.sigma_levels; i++)
        assert_close(sqrt(hg_pool_threshold(&m, i)), sqrt(hg_pool_sigma(&m, i) * hg_pool_sigma(&m, i - 1)), 1e-12);
    assert_true(hg_pool_feature(1.0 / 3) * 4294967296.0 == 1431655765);
}

static void chords_are_close_to_the_root(void **state) {
    (void)state;
    double node[HG_POOL_CHORDS + 1], value[HG_POOL_CHORDS + 1], worst = 0;
    hg_pool_chords(node, value);
    const hg_chords c = { node, value, HG_POOL_CHORDS + 1 };
    for (double x = exp2(-18); x < 8; x *= 1.003) {
        const double off = 1 - hg_chords_value(&c, x) / sqrt(x);
        assert_true(off > -1e-12); /* never above */
        worst = fmax(worst, off);
    }
    assert_true(worst > 0.006 && worst < 0.0066);
    assert_close(node[0], exp2(-18), 1e-14);
    assert_close(node[HG_POOL_CHORDS], 8, 1e-12);
}

/* Over many draws the covariance of a path is 4 plus the kernel, its mean 0. */
static void paths_have_the_covariance_of_the_prior(void **state) {
    enum { DRAWS = 20000, POINTS = 3 };
    static const double X[POINTS][2] = { { 0.1, 0.2 }, { 0.25, 0.3 }, { 0.9, 0.8 } };
    const hg_secret_model m = model();
    hg_mixture k;
    hg_pool_path path;
    assert_ok(hg_mixture_make(&k, &m, 2, NULL));
    double sum[2][POINTS] = { { 0 } }, product[2][POINTS][POINTS] = { { { 0 } } };
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        const hg_mark mark = hg_arena_mark(*state);
        assert_ok(hg_pool_path_draw(&path, &k, 2, draw, *state, NULL));
        for (size_t l = 0; l < 2; l++) {
            double f[POINTS];
            for (size_t i = 0; i < POINTS; i++) f[i] = hg_pool_path_value(&path, l, X[i]);
            for (size_t i = 0; i < POINTS; i++) {
                sum[l][i] += f[i] / DRAWS;
                for (size_t j = 0; j < POINTS; j++) product[l][i][j] += f[i] * f[j] / DRAWS;
            }
        }
        hg_arena_reset(*state, mark);
    }
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < POINTS; i++) {
            assert_true(fabs(sum[l][i]) < 4 * sqrt(5.0 / DRAWS));
            for (size_t j = 0; j < POINTS; j++) {
                const double u = pow(X[i][0] - X[j][0], 2) + pow(X[i][1] - X[j][1], 2);
                /* the standard error of a product of two normals with variance 5 */
                assert_true(fabs(product[l][i][j] - HG_POOL_MEAN - hg_mixture_value(&k, l, u)) <
                            4 * 5 * sqrt(2.0 / DRAWS));
            }
        }
}

/* Waves have variance exactly 1 in each draw: a cosine and a sine of the same weight at each frequency would. Here: a draw is
 * what its formula says. */
static void a_path_is_its_formula(void **state) {
    const hg_secret_model m = model();
    const double x[] = { 0.3, 0.6 };
    hg_mixture k;
    hg_pool_path p;
    double eps[5], again[5];
    assert_ok(hg_mixture_make(&k, &m, 2, NULL));
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok(hg_pool_path_draw(&p, &k, 2, 77, *state, NULL));
    double f = p.offset;
    for (size_t w = 0; w < HG_POOL_WAVES; w++) {
        const double *o = p.turns + (HG_POOL_WAVES + w) * 2, angle = 2 * acos(-1) * (o[0] * x[0] + o[1] * x[1]);
        f += p.cosine[w] * cos(angle) + p.sine[w] * sin(angle);
    }
    assert_close(hg_pool_path_value(&p, 1, x), f, 1e-12);
    hg_arena_reset(*state, mark);
    hg_pool_path_noise(eps, 5, 77);
    hg_pool_path_noise(again, 5, 78);
    assert_true(eps[0] != again[0]);
}

static void refuses_what_hidden_indices_do_not_allow(void **state) {
    (void)state;
    hg_err err;
    hg_secret_model m = model();
    assert_ok(hg_pool_model_check(&m, &err));
    m.n_length = 5;
    for (size_t i = 0; i < 5; i++) m.length[i] = 0.1 * (double)(i + 1);
    assert_int_equal(hg_pool_model_check(&m, &err), HG_EINVAL);
    assert_contains(err.msg, "5 lengths times 2 noises make 10 pools");
    assert_contains(err.hint, "2 to 4 lengths");
    m = model();
    m.acquisition = HG_ACQ_EI;
    assert_int_equal(hg_pool_model_check(&m, &err), HG_EINVAL);
    assert_contains(err.msg, "ei");
    m = model();
    m.fixed = true;
    m.epsilon = 1;
    assert_int_equal(hg_pool_model_check(&m, &err), HG_EINVAL);
    assert_contains(err.msg, "differential privacy");
    m = model();
    m.noise[0] = 1e-6;
    assert_int_equal(hg_pool_model_check(&m, &err), HG_EINVAL); /* the noise floor */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(numbers_by_hand),
        TEST(chords_are_close_to_the_root),
        TEST(paths_have_the_covariance_of_the_prior),
        TEST(a_path_is_its_formula),
        TEST(refuses_what_hidden_indices_do_not_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
