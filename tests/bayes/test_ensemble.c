/* tests/bayes/test_ensemble.c -- weights and predictions by hand, against hg_gp member by member, and the pool's fast way */
#include "bayes/ensemble.h"
#include "test.h"

static const double SHIFT[] = { 0, 0, 0 }, SCALE[] = { 1, 1, 1 };
static const size_t ONE[] = { 0 }, THREE[] = { 0, 1, 2 };

static hg_ensemble *make(const double *x, const double *y, size_t n, size_t d, const double *pool, size_t n_pool) {
    hg_ensemble *e;
    const hg_ensemble_opts o = { .d = d,
                                 .most = n + 1,
                                 .group = d == 1 ? ONE : THREE,
                                 .shift = SHIFT,
                                 .scale = SCALE,
                                 .pool = pool,
                                 .n_pool = n_pool };
    assert_ok(hg_ensemble_new(&e, &o, NULL));
    for (size_t i = 0; i < n; i++) hg_ensemble_add(e, x + i * d, y[i]);
    if (n) hg_ensemble_weigh(e);
    return e;
}

static void predict(double *mean, double *sd, const hg_ensemble *e, size_t k, const double *x, size_t m, hg_arena *a) {
    const hg_mark mark = hg_arena_mark(a);
    double *work = hg_alloc(a, hg_ensemble_work(e, m), sizeof *work);
    hg_ensemble_prepare(work, e, x, m);
    hg_ensemble_predict(mean, sd, e, k, m, work);
    hg_arena_reset(a, mark);
}

static double kernel(const char *name, double z) {
    const double r5 = sqrt(5 * z), r3 = sqrt(3 * z);
    if (!strcmp(name, "rbf")) return exp(-0.5 * z);
    return !strcmp(name, "matern52") ? (1 + r5 + r5 * r5 / 3) * exp(-r5) : (1 + r3) * exp(-r3);
}

/* y = -1, 1 at x = 0, 1: z = (-1, 1) / sqrt 2 is an eigenvector of K with value g = 1 + lambda - k, 1 the other one with
 * h = 1 + lambda + k. So q = 1/g, u = 2/h, beta = 0, |K| = g h, and nu = 1 for one group:
 * w ~ (g h)^-1/2 (2/h)^-1/2 (q + 1)^-1, s^2 = (q + 1) / 2, mean(0) = -(1 - k) / g in units of y (sd of y is sqrt 2). */
static void two_points_match_the_hand_derivation(void **state) {
    const double x[] = { 0, 1 }, y[] = { -1, 1 }, at = 0;
    hg_ensemble *e = make(x, y, 2, 1, NULL, 0);
    assert_true(hg_ensemble_members(e) > 100);
    double ratio = 0, sum = 0;
    for (size_t k = 0; k < hg_ensemble_members(e); k++) {
        hg_gp *gp;
        double shift, scale, theta[3], mean, sd;
        assert_ok(hg_ensemble_member(&gp, &shift, &scale, e, k, NULL, NULL));
        assert_int_equal(hg_gp_params(gp, theta, 3), 3);
        char leaf[32];
        assert_int_equal(sscanf(hg_gp_param_name(gp, 0), "log length scale 1 of %31s", leaf), 1);
        const double cov = kernel(leaf, exp(-2 * theta[0])), lambda = exp(2 * (theta[2] - theta[1]));
        const double g = 1 + lambda - cov, h = 1 + lambda + cov, q = 1 / g;
        const double w = 1 / (sqrt(g * h) * sqrt(2 / h) * (q + 1));
        if (k == 0) ratio = hg_ensemble_weight(e, k) / w;
        assert_close(hg_ensemble_weight(e, k), ratio * w, 1e-12);
        assert_close(exp(2 * theta[1]), (q + 1) / 2, 1e-12);
        predict(&mean, &sd, e, k, &at, 1, *state);
        assert_close(mean, -(1 - cov) / g, 1e-12);
        sum += hg_ensemble_weight(e, k);
        hg_gp_free(gp);
    }
    assert_close(sum, 1, 1e-12);
    hg_ensemble_free(e);
}

static void fill(double *x, double *y, size_t n, uint64_t seed) {
    hg_rng r = hg_rng_make(seed, 0);
    for (size_t i = 0; i < 3 * n; i++) x[i] = hg_rng_uniform(&r);
    for (size_t i = 0; i < n; i++)
        y[i] = 3 + sin(4 * x[3 * i]) + x[3 * i + 1] * x[3 * i + 1] + 0.05 * hg_rng_normal(&r);
}

/* hg_gp with the member's hyper-parameters is an independent way to the same numbers; so is the growing pool. */
static void members_agree_with_hg_gp_and_the_pool_with_both(void **state) {
    enum { N = 12, M = 20 };
    double x[3 * N], y[N], xs[3 * M], ys[M], mean[M], sd[M], mean2[M], sd2[M], var[M];
    fill(x, y, N, 1);
    fill(xs, ys, M, 2);
    hg_ensemble *e = make(x, y, N, 3, xs, M);
    for (size_t k = 0; k < hg_ensemble_members(e); k++) {
        hg_gp *gp;
        double shift, scale;
        predict(mean, sd, e, k, xs, M, *state);
        hg_ensemble_predict_pool(mean2, sd2, e, k);
        assert_ok(hg_ensemble_member(&gp, &shift, &scale, e, k, NULL, NULL));
        for (size_t i = 0; i < M; i++) {
            assert_close(mean2[i], mean[i], 1e-9);
            assert_close(sd2[i], sd[i], 1e-9);
        }
        assert_ok(hg_gp_predict(mean2, var, gp, xs, M, *state, NULL));
        for (size_t i = 0; i < M; i++) {
            assert_close(shift + scale * mean2[i], mean[i], 1e-8);
            assert_close(scale * sqrt(var[i]), sd[i], 1e-6);
        }
        hg_gp_free(gp);
    }
    /* one more point, some members asked before and some not: the pool catches up */
    hg_ensemble_add(e, xs, ys[0]);
    hg_ensemble_weigh(e);
    for (size_t k = 0; k < hg_ensemble_members(e); k++) {
        predict(mean, sd, e, k, xs, M, *state);
        hg_ensemble_predict_pool(mean2, sd2, e, k);
        for (size_t i = 0; i < M; i++) assert_close(mean2[i], mean[i], 1e-9);
    }
    hg_ensemble_free(e);
}

static void order_of_points_and_units_of_y_do_not_matter(void **state) {
    enum { N = 8 };
    double x[3 * N], y[N], xr[3 * N], yr[N], ma, sa, mb, sb;
    fill(x, y, N, 5);
    for (size_t i = 0; i < N; i++) {
        memcpy(xr + 3 * i, x + 3 * (N - 1 - i), 3 * sizeof *x);
        yr[i] = 1e6 * y[N - 1 - i] - 3e7;
    }
    hg_ensemble *a = make(x, y, N, 3, NULL, 0), *b = make(xr, yr, N, 3, NULL, 0);
    const double at[] = { 0.3, 0.6, 0.2 };
    assert_int_equal(hg_ensemble_members(a), hg_ensemble_members(b));
    for (size_t k = 0; k < hg_ensemble_members(a); k++) {
        assert_close(hg_ensemble_weight(a, k), hg_ensemble_weight(b, k), 1e-8);
        predict(&ma, &sa, a, k, at, 1, *state);
        predict(&mb, &sb, b, k, at, 1, *state);
        assert_close(1e6 * ma - 3e7, mb, 1e-8);
        assert_close(1e6 * sa, sb, 1e-8);
    }
    hg_ensemble_free(b);
    hg_ensemble_free(a);
}

/* Average length scale and noise (share of the signal) after 40 points of y(x) = sin(cycles * 2 pi x) + noise. */
static double learned_length(double cycles, double noise, double *noise_share) {
    enum { N = 40 };
    double x[N], y[N], w;
    hg_rng r = hg_rng_make(8, 0);
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)i / (N - 1);
        y[i] = sin(cycles * 6.283185307179586 * x[i]) + noise * hg_rng_normal(&r);
    }
    hg_ensemble *e = make(x, y, N, 1, NULL, 0);
    hg_ensemble_metric(&w, e);
    *noise_share = hg_ensemble_noise_sd(e) / hg_ensemble_signal_sd(e);
    hg_ensemble_free(e);
    return 1 / sqrt(w);
}

static void data_decide_which_draws_count(void **state) {
    (void)state;
    double clean, fast, noisy;
    const double slow = learned_length(0.5, 0, &clean);
    assert_true(slow > 1.5 * learned_length(3, 0, &fast));
    learned_length(0.5, 0.5, &noisy);
    assert_true(clean < 0.05 && noisy > 0.15);
}

static void limit_keeps_the_heaviest_and_pick_follows_the_weights(void **state) {
    (void)state;
    double x[30], y[10];
    fill(x, y, 10, 3);
    hg_ensemble *e = make(x, y, 10, 3, NULL, 0);
    double heaviest = 0, sum = 0;
    for (size_t k = 0; k < hg_ensemble_members(e); k++) heaviest = fmax(heaviest, hg_ensemble_weight(e, k));
    assert_int_equal(hg_ensemble_pick(e, 1e-12), 0);
    assert_int_equal(hg_ensemble_pick(e, 1 - 1e-12), hg_ensemble_members(e) - 1);
    assert_true(hg_ensemble_effective(e) > 3 && hg_ensemble_effective(e) <= (double)hg_ensemble_members(e));
    assert_int_equal(hg_ensemble_limit(e, 5), 5);
    double top = 0;
    for (size_t k = 0; k < 5; k++) {
        sum += hg_ensemble_weight(e, k);
        top = fmax(top, hg_ensemble_weight(e, k));
    }
    assert_close(sum, 1, 1e-12);
    assert_true(top > heaviest);
    hg_ensemble_free(e);
}

/* A believed value is taken exactly; the weights stay. */
static void a_believed_point_is_certain(void **state) {
    double x[24], y[8], mean, sd, before, sd_before;
    fill(x, y, 8, 4);
    const double at[] = { 0.9, 0.1, 0.8 }, far[] = { 0.1, 0.9, 0.1 };
    hg_ensemble *e = make(x, y, 8, 3, NULL, 0);
    const size_t members = hg_ensemble_members(e);
    const double weight = hg_ensemble_weight(e, 3);
    predict(&before, &sd_before, e, 3, at, 1, *state);
    hg_ensemble_believe(e, at, before);
    predict(&mean, &sd, e, 3, at, 1, *state);
    assert_close(mean, before, 1e-6);
    assert_true(sd < 1e-3 * sd_before);
    assert_int_equal(hg_ensemble_members(e), members);
    assert_close(hg_ensemble_weight(e, 3), weight, 0);
    predict(&mean, &sd, e, 0, far, 1, *state);
    assert_true(sd > 1e-2);
    hg_ensemble_free(e);
}

/* With density rows a member is its plain self plus its gain times f, and says by how much D counts. */
static void density_shifts_the_mean_and_weighs_the_uncertainty(void **state) {
    enum { N = 9 };
    double x[3 * N], y[N], rows[5 * N], with[N], sd[N], plain[N], var[N];
    fill(x, y, N, 6);
    for (size_t i = 0; i < N; i++) {
        memcpy(rows + 5 * i, x + 3 * i, 3 * sizeof *x);
        rows[5 * i + 3] = y[i] > 4 ? 1.5 : -1;
        rows[5 * i + 4] = 0.7;
    }
    hg_ensemble *e;
    const hg_ensemble_opts o = { .density = true, .d = 3, .most = N, .group = THREE, .shift = SHIFT, .scale = SCALE };
    assert_ok(hg_ensemble_new(&e, &o, NULL));
    for (size_t i = 0; i < N; i++) hg_ensemble_add(e, rows + 5 * i, y[i]);
    hg_ensemble_weigh(e);
    double believing = 0;
    for (size_t k = 0; k < hg_ensemble_members(e); k++) {
        hg_gp *gp;
        double shift, scale;
        predict(with, sd, e, k, rows, N, *state);
        assert_ok(hg_ensemble_member(&gp, &shift, &scale, e, k, NULL, NULL));
        assert_ok(hg_gp_predict(plain, var, gp, x, N, *state, NULL));
        for (size_t i = 0; i < N; i++) {
            assert_close(shift + scale * plain[i] + hg_ensemble_gain(e, k) * rows[5 * i + 3], with[i], 1e-8);
            assert_close(scale * sqrt(var[i]), sd[i], 1e-5); /* honest: D is not in it */
        }
        assert_close(hg_ensemble_gain(e, k), 0.6 * scale * hg_ensemble_boost(e, k), 1e-12);
        believing += hg_ensemble_weight(e, k) * hg_ensemble_boost(e, k);
        hg_gp_free(gp);
    }
    assert_true(believing > 0.55); /* f goes with y here: the evidence favours the draws that believe it */
    hg_ensemble_free(e);
}

static void equal_values_and_repeated_points_do_no_harm(void **state) {
    const double x[] = { 0.5, 0.5, 0.5, 0.2 }, y[] = { 1, 1, 1, 1 }, at = 0.9;
    hg_ensemble *e = make(x, y, 4, 1, NULL, 0);
    double mean, sd;
    for (size_t k = 0; k < hg_ensemble_members(e); k++) {
        predict(&mean, &sd, e, k, &at, 1, *state);
        assert_true(isfinite(mean) && isfinite(sd) && sd > 0);
        assert_close(mean, 1, 1e-12);
    }
    hg_ensemble_free(e);
}

static void refuses_and_survives_any_allocation_failure(void **state) {
    hg_ensemble_opts o = { .d = 1, .most = 0, .group = ONE, .shift = SHIFT, .scale = SCALE };
    hg_ensemble *e = (hg_ensemble *)state;
    assert_int_equal(hg_ensemble_new(&e, &o, NULL), HG_EINVAL);
    assert_null(e);
    o.most = 3;
    for (long k = 0;; k++) {
        e = (hg_ensemble *)state;
        fail_alloc_after(k);
        const hg_status st = hg_ensemble_new(&e, &o, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k > 1);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(e);
    }
    hg_ensemble_free(e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(two_points_match_the_hand_derivation),
        TEST(members_agree_with_hg_gp_and_the_pool_with_both),
        TEST(order_of_points_and_units_of_y_do_not_matter),
        TEST(data_decide_which_draws_count),
        TEST(limit_keeps_the_heaviest_and_pick_follows_the_weights),
        TEST(a_believed_point_is_certain),
        TEST(density_shifts_the_mean_and_weighs_the_uncertainty),
        TEST(equal_values_and_repeated_points_do_no_harm),
        TEST(refuses_and_survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
