/* tests/bayes/test_gp.c -- the public face of the Gaussian process: what a user can rely on, smallest case first */
#include "hagane/gp.h"
#include "num/linalg.h"
#include "test.h"

static const double PI = 3.14159265358979323846;

/* A model with everything fixed: log lengths l, signal sd 1 and noise sd, no scaling. */
static hg_gp_opts fixed(const char *kernel, const double *params, size_t n) {
    hg_gp_opts o = hg_gp_opts_default();
    o.kernel = kernel;
    o.learn = o.standardise = false;
    o.params = params;
    o.n_params = n;
    return o;
}

/* x = 0, 1 and y = 2, 4 with k = exp(-1/2) between them and noise s:
 *   A1 = 1 / (1 + s + k) (1, 1),  h = 2 / (1 + s + k),  m = 3 by symmetry,  a = A(y - m) = (-1, 1) / (1 + s - k),
 *   q = 2 / (1 + s - k),  log p = -ln(2 pi)/2 - ln det / 2 - ln h / 2 - q / 2. */
static void two_points_match_the_hand_derivation(void **state) {
    const double x[] = { 0, 1 }, y[] = { 2, 4 }, xs[] = { 0.25, 40 };
    const double s = 0.1, k = exp(-0.5), a = 1 / (1 + s - k), h = 2 / (1 + s + k), det = (1 + s) * (1 + s) - k * k;
    const double k0 = exp(-0.5 * 0.25 * 0.25), k1 = exp(-0.5 * 0.75 * 0.75);
    const double params[] = { 0, 0, 0.5 * log(s) };
    const hg_gp_opts o = fixed("rbf", params, 3);
    double mean[2], var[2];
    hg_gp *gp;
    assert_ok(hg_gp_fit(&gp, x, y, 2, 1, &o, NULL));
    assert_ok(hg_gp_predict(mean, var, gp, xs, 2, *state, NULL));
    assert_close(mean[0], 3 + a * (k1 - k0), 1e-13);
    const double known = 1 - ((1 + s) * (k0 * k0 + k1 * k1) - 2 * k * k0 * k1) / det;
    const double t = 1 - (k0 + k1) / (1 + s + k);
    assert_close(var[0], known + t * t / h, 1e-13);
    assert_close(mean[1], 3, 1e-13);        /* far from the data: the estimated constant ... */
    assert_close(var[1], 1 + 1 / h, 1e-13); /* ... the prior variance and the doubt about the constant */
    assert_close(hg_gp_evidence(gp), -0.5 * log(2 * PI) - 0.5 * log(det) - 0.5 * log(h) - a, 1e-13);
    assert_close(hg_gp_noise_sd(gp), sqrt(s), 1e-13);
    assert_close(hg_gp_signal_sd(gp), 1, 1e-13);
    assert_true(hg_gp_jitter(gp) == 0);
    hg_gp_free(gp);
}

/* Learning: twelve points of a sine are enough to predict between them. */
static void learns_a_smooth_curve(void **state) {
    double x[12], y[12], mean, var;
    for (int i = 0; i < 12; i++) {
        x[i] = 300 + 50 * i; /* a temperature, say */
        y[i] = 1e-3 * sin(x[i] / 120);
    }
    const double at = 480;
    hg_gp *gp;
    assert_ok(hg_gp_fit(&gp, x, y, 12, 1, NULL, NULL));
    assert_ok(hg_gp_predict(&mean, &var, gp, &at, 1, *state, NULL));
    assert_true(fabs(mean - 1e-3 * sin(at / 120)) < 5e-5);
    assert_true(sqrt(var) < 2e-4);
    assert_contains(hg_gp_words(gp), "matern52");
    hg_gp_free(gp);
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(two_points_match_the_hand_derivation),
        TEST(learns_a_smooth_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
