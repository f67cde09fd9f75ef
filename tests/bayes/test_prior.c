/* tests/bayes/test_prior.c -- the prior of hyper-parameters: its centre, its gradient, and the covariance it stands for */
#include "bayes/prior.h"
#include "test.h"

static hg_kernel read_kernel(const char *text) {
    hg_kernel k;
    assert_ok(hg_kernel_read(&k, text, NULL));
    return k;
}

static const double NO_SHIFT[8] = { 0 };

static void is_largest_at_its_centre(void **state) {
    (void)state;
    const hg_kernel k = read_kernel("matern52 + linear");
    const double c = hg_prior_length_centre(&HG_GP_PRIOR, 2);
    assert_close(exp(c), 0.5 * sqrt(2), 1e-14);
    double theta[] = { c, c + 1, c, c + 1, 0 }, grad[5] = { 0 };
    const double shift[] = { 0, 1 };
    assert_close(hg_prior_kernel(&HG_GP_PRIOR, &k, theta, shift, 2, 1, grad), 0, 1e-14);
    for (size_t i = 0; i < 5; i++) assert_close(grad[i], 0, 1e-14);
    theta[3] += 0.1;
    assert_true(hg_prior_kernel(&HG_GP_PRIOR, &k, theta, shift, 2, 1, NULL) < 0);
    assert_close(hg_prior_kernel(&HG_GP_PRIOR, &k, theta, shift, 2, 0, NULL), 0, 1e-14); /* strength 0: flat */
}

/* Two groups at the centre plus (t, t): variance own + 2 common along (1, 1) / sqrt 2; plus (t, -t): own alone. */
static void scales_move_together_more_easily_than_apart(void **state) {
    (void)state;
    const hg_kernel k = read_kernel("rbf");
    const hg_gp_prior p = { .length_centre = 1, .length_common_sd = 0.6, .length_own_sd = 0.8, .weight_sd = 1 };
    const double c = hg_prior_length_centre(&p, 2), t = 0.3;
    const double together[] = { c + t, c + t }, apart[] = { c + t, c - t };
    assert_close(hg_prior_kernel(&p, &k, together, NO_SHIFT, 2, 1, NULL), -t * t / (0.64 + 2 * 0.36), 1e-14);
    assert_close(hg_prior_kernel(&p, &k, apart, NO_SHIFT, 2, 1, NULL), -t * t / 0.64, 1e-14);
}

typedef struct {
    hg_kernel k;
    double strength;
} setup;

static double value(void *ctx, const double *theta) {
    const setup *s = ctx;
    return hg_prior_kernel(&HG_GP_PRIOR, &s->k, theta, NO_SHIFT, 3, s->strength, NULL);
}
static double noise(void *ctx, const double *log_nu) {
    const setup *s = ctx;
    return hg_prior_noise(&HG_GP_PRIOR, *log_nu, s->strength, NULL);
}

static void gradient_matches_differences(void **state) {
    (void)state;
    setup s = { .k = read_kernel("rbf * (matern32 + linear)"), .strength = 0.7 };
    double theta[10], grad[10] = { 0 }, log_nu = -2, slope = 0;
    for (size_t i = 0; i < 10; i++) theta[i] = sin((double)i);
    hg_prior_kernel(&HG_GP_PRIOR, &s.k, theta, NO_SHIFT, 3, s.strength, grad);
    assert_true(test_gradient_error(value, &s, theta, grad, 10, 1e-5) < 1e-8);
    hg_prior_noise(&HG_GP_PRIOR, log_nu, s.strength, &slope);
    assert_true(test_gradient_error(noise, &s, &log_nu, &slope, 1, 1e-5) < 1e-8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(is_largest_at_its_centre),
        TEST(scales_move_together_more_easily_than_apart),
        TEST(gradient_matches_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
