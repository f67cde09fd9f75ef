/* tests/bayes/test_gp.c -- the public face of the Gaussian process: what a user can rely on, smallest case first */
#include "gp_data.h"
#include "num/linalg.h"
#include <cblas.h>

static const double PI = 3.14159265358979323846;

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

/* ---- invariances ---------------------------------------------------------------------------------------------------- */

static const char *const KERNELS[] = { "rbf",    "matern32",          "matern52",
                                       "linear", "matern52 + linear", "rbf * (matern32 + linear)" };

/* Other order, other unit, other origin: the same predictions, in the other unit. */
static void prediction_ignores_order_origin_and_units(void **state) {
    double xa[N * D], ya[N], xb[N * D], yb[N], qa[M * D], qb[M * D], ma[M], mb[M], va[M], vb[M];
    const double unit[D] = { 1e-12, 37, 1e200 }, origin[D] = { 5e-12, -1e4, 0 };
    make_data(xa, ya, N, 1);
    make_data(qa, ma, M, 2);
    for (size_t i = 0; i < N; i++) {
        const size_t to = (i * 7) % N;
        for (size_t j = 0; j < D; j++) xb[to * D + j] = origin[j] + unit[j] * xa[i * D + j];
        yb[to] = 1e-90 * (ya[i] - 3);
    }
    for (size_t i = 0; i < M * D; i++) qb[i] = origin[i % D] + unit[i % D] * qa[i];
    for (size_t k = 0; k < sizeof KERNELS / sizeof *KERNELS; k++) {
        hg_gp_opts o = hg_gp_opts_default();
        o.kernel = KERNELS[k];
        o.learn = false; /* the centre of the prior; what is learned agrees to the optimiser's tolerance only */
        hg_gp *a, *b;
        assert_ok(hg_gp_fit(&a, xa, ya, N, D, &o, NULL));
        assert_ok(hg_gp_fit(&b, xb, yb, N, D, &o, NULL));
        assert_ok(hg_gp_predict(ma, va, a, qa, M, *state, NULL));
        assert_ok(hg_gp_predict(mb, vb, b, qb, M, *state, NULL));
        for (size_t i = 0; i < M; i++) {
            assert_close(mb[i] * 1e90 + 3, ma[i], 1e-9);
            assert_close(vb[i] * 1e180, va[i], 1e-9);
        }
        assert_close(hg_gp_evidence(a), hg_gp_evidence(b), 1e-9);
        hg_gp_free(a);
        hg_gp_free(b);
    }
}

static void bits_do_not_depend_on_the_thread_count(void **state) {
    double x[N * D], y[N], q[M * D], mean[2][M], var[2][M], loo[2][N], ignore[M];
    static double sample[2][2 * 2500], far[2500 * D], more[2500];
    make_data(x, y, N, 1);
    make_data(q, ignore, M, 2);
    make_data(far, more, 2500, 3);
    for (int large = 0; large < 2; large++) { /* exact, then inducing points */
        for (int t = 0; t < 2; t++) {
            hg_gp_opts o = hg_gp_opts_default();
            hg_gp *gp;
            hg_rng rng = hg_rng_make(3, 3);
            assert_ok(hg_pool_new(&o.pool, t == 0 ? 1 : 3, NULL));
            if (large) o.exact_max = o.inducing = 20;
            assert_ok(hg_gp_fit(&gp, x, y, N, D, &o, NULL));
            assert_ok(hg_gp_predict(mean[t], var[t], gp, q, M, *state, NULL));
            assert_ok(hg_gp_loo(loo[t], ignore, gp, *state, NULL));
            assert_ok(hg_gp_sample(sample[t], 2, gp, far, 2500, &rng, *state, NULL));
            hg_gp_free(gp);
            hg_pool_free(o.pool);
        }
        assert_memory_equal(mean[0], mean[1], sizeof mean[0]);
        assert_memory_equal(var[0], var[1], sizeof var[0]);
        assert_memory_equal(loo[0], loo[1], sizeof loo[0]);
        assert_memory_equal(sample[0], sample[1], sizeof sample[0]);
    }
}

/* Large enough for the search on a subset, the blocked factor and several chunks of everything; and whatever number of
 * threads the process has given to BLAS. */
static void nor_do_those_of_a_larger_model(void **state) {
    enum { LARGE = 280 };
    static double x[LARGE * D], y[LARGE], params[2][8];
    double q[M * D], mean[2][M], var[2][M], ignore[M];
    make_data(x, y, LARGE, 1);
    make_data(q, ignore, M, 2);
    for (int t = 0; t < 2; t++) {
        hg_gp_opts o = hg_gp_opts_default();
        hg_gp *gp;
        assert_ok(hg_pool_new(&o.pool, t == 0 ? 1 : 3, NULL));
        openblas_set_num_threads(t == 0 ? 1 : 2);
        o.restarts = 2;
        assert_ok(hg_gp_fit(&gp, x, y, LARGE, D, &o, NULL));
        assert_ok(hg_gp_predict(mean[t], var[t], gp, q, M, *state, NULL));
        hg_gp_params(gp, params[t], 8);
        for (size_t i = 0; i < M; i++)
            assert_true(fabs(mean[t][i] - sin(5 * q[i * D]) - q[i * D + 1] * q[i * D + 1]) < 0.15);
        hg_gp_free(gp);
        hg_pool_free(o.pool);
    }
    hg_linalg_single_thread();
    assert_memory_equal(mean[0], mean[1], sizeof mean[0]);
    assert_memory_equal(var[0], var[1], sizeof var[0]);
    assert_memory_equal(params[0], params[1], sizeof params[0]);
}

/* More than a thousand: learned on a random thousand, predicted from all by inducing points, and said so. */
static void says_what_it_did_with_many_points(void **state) {
    enum { LARGE = 1200 };
    static double x[LARGE], y[LARGE];
    hg_rng rng = hg_rng_make(5, 0);
    for (size_t i = 0; i < LARGE; i++) {
        x[i] = hg_rng_uniform(&rng);
        y[i] = cos(7 * x[i]) + 0.1 * hg_rng_normal(&rng);
    }
    double params[] = { -0.7, 0, -2 }, mean, var, at = 0.3;
    hg_gp_opts o = hg_gp_opts_default();
    o.params = params; /* a warm start: few evaluations */
    o.n_params = 3;
    o.exact_max = 1100;
    o.inducing = 30;
    hg_gp *gp;
    assert_ok(hg_gp_fit(&gp, x, y, LARGE, 1, &o, NULL));
    assert_contains(hg_gp_words(gp), "1200 points summarised by");
    assert_contains(hg_gp_words(gp), "learned on 1000 of them");
    assert_ok(hg_gp_predict(&mean, &var, gp, &at, 1, *state, NULL));
    assert_true(fabs(mean - cos(7 * at)) < 0.05 && sqrt(var) < 0.05);
    assert_true(fabs(hg_gp_noise_sd(gp) - 0.1) < 0.015);
    hg_gp_free(gp);
}

/* ---- scikit-learn --------------------------------------------------------------------------------------------------- */

static double *numbers(FILE *f, hg_arena *mem, size_t n) {
    double *v = hg_alloc(mem, n, sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++) assert_int_equal(fscanf(f, "%lf", &v[i]), 1);
    return v;
}

static void agrees_with_scikit_learn(void **state) {
    char path[512], kind[16], kernel[128];
    FILE *f = fopen(test_source(path, sizeof path, "tests/fixtures/gp_sklearn.txt"), "r");
    assert_non_null(f);
    const hg_mark mark = hg_arena_mark(*state);
    size_t n, d, m, p, compared = 0, optima = 0;
    while (fscanf(f, "%15s %zu %zu %zu %zu\n", kind, &n, &d, &m, &p) == 5) {
        assert_non_null(fgets(kernel, sizeof kernel, f));
        kernel[strcspn(kernel, "\n")] = '\0';
        size_t group[64];
        for (size_t j = 0; j < d; j++) assert_int_equal(fscanf(f, "%zu", &group[j]), 1);
        const double *params = numbers(f, *state, p), *x = numbers(f, *state, n * d), *y = numbers(f, *state, n);
        hg_gp_opts o = fixed(kernel, params, p);
        o.group = group;
        hg_gp *gp;
        if (strcmp(kind, "optimum") == 0) { /* ours must be at least as likely, from as many starts */
            o.standardise = true;
            assert_ok(hg_gp_fit(&gp, x, y, n, d, &o, NULL));
            const double theirs = hg_gp_evidence(gp);
            hg_gp_free(gp);
            hg_gp_opts free_choice = hg_gp_opts_default();
            free_choice.prior_strength = 0;
            assert_ok(hg_gp_fit(&gp, x, y, n, d, &free_choice, NULL));
            assert_true(hg_gp_evidence(gp) >= theirs - 1e-3);
            hg_gp_free(gp);
            optima++;
            continue;
        }
        const double *xs = numbers(f, *state, m * d), *want = numbers(f, *state, m), *sd = numbers(f, *state, m);
        const double *evidence = numbers(f, *state, 1);
        double mean[16], var[16];
        assert_ok(hg_gp_fit(&gp, x, y, n, d, &o, NULL));
        assert_ok(hg_gp_predict(mean, var, gp, xs, m, *state, NULL));
        for (size_t i = 0; i < m; i++) {
            assert_close(mean[i], want[i], 1e-8);
            assert_close(sqrt(var[i]), sd[i], 1e-8);
        }
        assert_close(hg_gp_evidence(gp), *evidence, 1e-8);
        hg_gp_free(gp);
        compared++;
    }
    fclose(f);
    assert_int_equal(compared, 8);
    assert_int_equal(optima, 1);
    hg_arena_reset(*state, mark);
}

/* ---- awkward data --------------------------------------------------------------------------------------------------- */

static void assert_sane(const double *x, const double *y, size_t n, size_t d, const hg_gp_opts *o, hg_arena *mem) {
    hg_gp *gp;
    hg_err err;
    double mean[64], var[64];
    assert_ok_err(hg_gp_fit(&gp, x, y, n, d, o, &err), err);
    assert_ok_err(hg_gp_predict(mean, var, gp, x, n, mem, &err), err);
    double lo = y[0], hi = y[0];
    for (size_t i = 0; i < n; i++) {
        lo = fmin(lo, y[i]);
        hi = fmax(hi, y[i]);
    }
    for (size_t i = 0; i < n; i++) {
        assert_true(isfinite(mean[i]) && isfinite(var[i]) && var[i] >= 0);
        assert_true(mean[i] >= lo - (hi - lo) - 1e-9 * fabs(lo) && mean[i] <= hi + (hi - lo) + 1e-9 * fabs(hi));
    }
    assert_true(isfinite(hg_gp_evidence(gp)) && hg_gp_noise_sd(gp) >= 0);
    assert_true(hg_gp_signal_sd(gp) > 0 || n == 1); /* one point says nothing about a slope */
    hg_gp_free(gp);
}

static void awkward_data_still_fit(void **state) {
    const double one[] = { 7 }, x2[] = { 1, 2 }, twice[] = { 3, 3, 3, 8 }, y1[] = { 5 }, y2[] = { 5, 6 },
                 flat[] = { 5, 5, 5, 5 }, zero[] = { 0, 0, 0, 0 }, y4[] = { 1, 2, 1.5, 9 }, x4[] = { 1, 2, 3, 4 },
                 columns[] = { 1, 77, 2, 77, 3, 77, 4, 77 }, huge[] = { -1e308, 1e308, 1e307, 0 },
                 tiny[] = { 1e-300, 2e-300, 3e-300, 5e-300 }, big_y[] = { -1e150, 1e150, 3e149, 1e149 },
                 small_y[] = { 1e-150, 2e-150, 3e-150, 1.5e-150 };
    for (size_t k = 0; k < sizeof KERNELS / sizeof *KERNELS; k++)
        for (int strength = 0; strength < 2; strength++) {
            hg_gp_opts o = hg_gp_opts_default();
            o.kernel = KERNELS[k];
            o.prior_strength = strength;
            assert_sane(one, y1, 1, 1, &o, *state);
            assert_sane(x2, y2, 2, 1, &o, *state);
            assert_sane(twice, y4, 4, 1, &o, *state); /* duplicates that disagree */
            assert_sane(x4, flat, 4, 1, &o, *state);
            assert_sane(x4, zero, 4, 1, &o, *state);
            assert_sane(columns, y4, 4, 2, &o, *state);
            assert_sane(huge, y4, 4, 1, &o, *state);
            assert_sane(tiny, y4, 4, 1, &o, *state);
            assert_sane(x4, small_y, 4, 1, &o, *state);
            o.noise_sd = 0; /* "no noise": a lie for the duplicates */
            assert_sane(twice, y4, 4, 1, &o, *state);
            o.noise_sd = 0.5;
            assert_sane(twice, y4, 4, 1, &o, *state);
        }
    hg_gp *gp; /* the largest values that are taken: the mean is right, a variance may not fit a double */
    double mean[4];
    assert_ok(hg_gp_fit(&gp, x4, big_y, 4, 1, NULL, NULL));
    assert_ok(hg_gp_predict(mean, NULL, gp, x4, 4, *state, NULL));
    for (size_t i = 0; i < 4; i++) assert_true(isfinite(mean[i]));
    hg_gp_free(gp);
}

/* A query a light year away, and one at the end of the doubles: back to the constant, with the prior's doubt. */
static void far_queries_are_finite(void **state) {
    double x[N * D], y[N], mean[2], var[2];
    make_data(x, y, N, 1);
    const double far[] = { 1e16, 0, 0, -1.7e308, 1.7e308, 1.7e308 };
    for (size_t k = 0; k < 3; k++) {
        hg_gp_opts o = hg_gp_opts_default();
        o.kernel = KERNELS[k];
        hg_gp *gp;
        assert_ok(hg_gp_fit(&gp, x, y, N, D, &o, NULL));
        assert_ok(hg_gp_predict(mean, var, gp, far, 2, *state, NULL));
        assert_close(mean[0], mean[1], 1e-12);
        assert_true(sqrt(var[0]) >= hg_gp_signal_sd(gp) * (1 - 1e-12) && sqrt(var[1]) < 3 * hg_gp_signal_sd(gp));
        hg_gp_free(gp);
    }
}

static void a_known_noise_is_kept_and_an_unknown_one_found(void **state) {
    enum { MANY = 120 };
    static double x[MANY * D], y[MANY];
    make_data(x, y, MANY, 9); /* noise sd 0.05 */
    (void)state;
    hg_gp_opts o = hg_gp_opts_default();
    hg_gp *gp;
    assert_ok(hg_gp_fit(&gp, x, y, MANY, D, &o, NULL));
    assert_true(hg_gp_noise_sd(gp) > 0.035 && hg_gp_noise_sd(gp) < 0.07);
    double relevance[D];
    hg_gp_relevance(relevance, gp);
    assert_true(relevance[0] > relevance[1] && relevance[1] > relevance[2]); /* sin(5 a), b^2, nothing */
    assert_true(relevance[2] < 0.2 && relevance[0] <= 1);
    hg_gp_free(gp);
    o.noise_sd = 0.3;
    assert_ok(hg_gp_fit(&gp, x, y, MANY, D, &o, NULL));
    assert_close(hg_gp_noise_sd(gp), 0.3, 1e-12);
    hg_gp_free(gp);
}

/* Learned without a prior, the hyper-parameters are where the evidence is largest: a step either way loses
 * (to the tolerance of the search, along the ridge where length and amplitude of a linear kernel trade). */
static void learning_ends_at_a_maximum(void **state) {
    double x[N * D], y[N], params[9];
    make_data(x, y, N, 1);
    (void)state;
    for (int known = 0; known < 2; known++)
        for (size_t k = 0; k < sizeof KERNELS / sizeof *KERNELS; k++) {
            hg_gp_opts o = hg_gp_opts_default();
            o.kernel = KERNELS[k];
            o.prior_strength = 0;
            o.noise_sd = known ? 0.08 : -1;
            hg_gp *gp;
            assert_ok(hg_gp_fit(&gp, x, y, N, D, &o, NULL));
            const double best = hg_gp_evidence(gp);
            const size_t p = o.n_params = hg_gp_params(gp, params, 0);
            double at[32];
            hg_gp_params(gp, at, 32);
            hg_gp_free(gp);
            o.learn = false;
            o.params = at;
            for (size_t i = 0; i < p - (size_t)known; i++)
                for (int sign = -1; sign <= 1; sign += 2) {
                    at[i] += 0.1 * sign;
                    assert_ok(hg_gp_fit(&gp, x, y, N, D, &o, NULL));
                    if (!(hg_gp_evidence(gp) < best + 0.15))
                        print_error("%s, %s: %g, %g\n", o.kernel, hg_gp_param_name(gp, i), hg_gp_evidence(gp), best);
                    assert_true(hg_gp_evidence(gp) < best + 0.15);
                    hg_gp_free(gp);
                    at[i] -= 0.1 * sign;
                }
        }
}

/* Ten times the same place and no noise: the covariance has rank one, and what is added to it is said. */
static void jitter_is_reported(void **state) {
    const double params[] = { 0, 0, 0 }, x[10] = { 0 }, y[10] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    (void)state;
    hg_gp_opts o = fixed("rbf", params, 3);
    o.noise_sd = 0;
    hg_gp *gp;
    assert_ok(hg_gp_fit(&gp, x, y, 10, 1, &o, NULL));
    assert_true(hg_gp_jitter(gp) > 0 && hg_gp_jitter(gp) < 1e-9);
    assert_contains(hg_gp_words(gp), "added to keep the covariance positive");
    hg_gp_free(gp);
}

/* A formula of 50 numbers is one group: it has one length scale, and a plain column beside it keeps its own. */
static void groups_share_a_length_scale(void **state) {
    enum { WIDE = 51 };
    static double x[N * WIDE], y[N], mean[N], var[N];
    size_t group[WIDE];
    hg_rng rng = hg_rng_make(1, 0);
    for (size_t j = 0; j < WIDE; j++) group[j] = j == 0;
    for (size_t i = 0; i < N; i++) {
        const double a = hg_rng_uniform(&rng), b = hg_rng_uniform(&rng);
        for (size_t j = 0; j < WIDE; j++) x[i * WIDE + j] = j ? sin((double)j * a / 20) : b;
        y[i] = a;
    }
    hg_gp_opts o = hg_gp_opts_default();
    o.group = group;
    hg_gp *gp;
    double params[8], relevance[2];
    assert_ok(hg_gp_fit(&gp, x, y, N, WIDE, &o, NULL));
    assert_int_equal(hg_gp_params(gp, params, 8), 4); /* two lengths, signal, noise */
    assert_string_equal(hg_gp_param_name(gp, 1), "log length scale 2 of matern52");
    assert_string_equal(hg_gp_param_name(gp, 3), "log noise sd");
    assert_string_equal(hg_gp_param_name(gp, 4), "");
    hg_gp_relevance(relevance, gp);
    assert_true(relevance[0] > relevance[1]);
    assert_ok(hg_gp_loo(mean, var, gp, *state, NULL));
    for (size_t i = 0; i < N; i++) assert_true(fabs(mean[i] - y[i]) < 0.3);
    hg_gp_free(gp);
}

static void a_warm_start_gets_as_far(void **state) {
    double x[N * D], y[N], params[8];
    make_data(x, y, N, 1);
    (void)state;
    hg_gp_opts o = hg_gp_opts_default();
    hg_gp *cold, *warm;
    assert_ok(hg_gp_fit(&cold, x, y, N - 1, D, &o, NULL));
    o.n_params = hg_gp_params(cold, params, 8);
    hg_gp_free(cold);
    assert_ok(hg_gp_fit(&cold, x, y, N, D, NULL, NULL));
    o.params = params;
    assert_ok(hg_gp_fit(&warm, x, y, N, D, &o, NULL));
    assert_true(hg_gp_evidence(warm) > hg_gp_evidence(cold) - 0.5);
    hg_gp_free(cold);
    hg_gp_free(warm);
}

/* ---- refusals ------------------------------------------------------------------------------------------------------- */

static void refuses_bad_input_by_name(void **state) {
    const double x[] = { 0, 1 }, nan1[] = { 0, NAN }, y[] = { -1, 1 }, over[] = { 1e300, 1 }, params[] = { 0, 0, 1e3 };
    const double scale[] = { 0 }, shift[] = { 0 };
    const size_t group[] = { 4 };
    hg_gp *gp;
    hg_err err;
    assert_int_equal(hg_gp_fit(&gp, nan1, y, 2, 1, NULL, &err), HG_ENAN);
    assert_string_equal(err.msg, "x row 1 is not finite");
    assert_int_equal(hg_gp_fit(&gp, x, nan1, 2, 1, NULL, &err), HG_ENAN);
    assert_string_equal(err.msg, "y row 1 is not finite");
    assert_int_equal(hg_gp_fit(&gp, x, y, 0, 1, NULL, NULL), HG_EINVAL);
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 0, NULL, NULL), HG_EINVAL);
    assert_int_equal(hg_gp_fit(&gp, x, over, 2, 1, NULL, &err), HG_EINVAL);
    assert_contains(err.hint, "unit");
    hg_gp_opts o = hg_gp_opts_default();
    o.kernel = "matern53";
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 1, &o, &err), HG_ENOTFOUND);
    assert_contains(err.hint, "did you mean matern52?");
    o = fixed("rbf", params, 3);
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 1, &o, &err), HG_EINVAL);
    assert_contains(err.msg, "params[2]");
    o.n_params = 2;
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 1, &o, &err), HG_EINVAL);
    assert_contains(err.msg, "has 3");
    o = hg_gp_opts_default();
    o.group = group;
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 1, &o, NULL), HG_EINVAL);
    o = hg_gp_opts_default();
    o.x_scale = scale;
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 1, &o, NULL), HG_EINVAL);
    o.x_shift = shift;
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 1, &o, NULL), HG_EINVAL);
    o = hg_gp_opts_default();
    o.prior_strength = -1;
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 1, &o, NULL), HG_EINVAL);
    o = hg_gp_opts_default();
    o.noise_sd = NAN;
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 1, &o, NULL), HG_EINVAL);
    o = hg_gp_opts_default();
    o.inducing = 0;
    assert_int_equal(hg_gp_fit(&gp, x, y, 2, 1, &o, NULL), HG_EINVAL);
    assert_null(gp);

    double mean, var;
    assert_ok(hg_gp_fit(&gp, x, y, 1, 1, NULL, NULL));
    assert_int_equal(hg_gp_predict(&mean, &var, gp, nan1 + 1, 1, *state, &err), HG_ENAN);
    assert_int_equal(hg_gp_update(gp, nan1 + 1, 1, NULL), HG_ENAN);
    assert_int_equal(hg_gp_update(gp, x, NAN, NULL), HG_ENAN);
    assert_int_equal(hg_gp_loo(&mean, &var, gp, *state, NULL), HG_EINVAL);
    assert_int_equal(hg_gp_points(gp), 1);
    hg_gp_free(gp);
    hg_gp_free(NULL);
}

/* k allocations succeed, one fails, the rest succeed; until nothing is left to fail. */
#define EVERY_ALLOCATION(call, and_then)                                                                               \
    for (long k = 0;; k++) {                                                                                           \
        fail_alloc_after(k);                                                                                           \
        const hg_status st = call;                                                                                     \
        fail_alloc_after(-1);                                                                                          \
        if (st == HG_OK) {                                                                                             \
            assert_true(k > 0);                                                                                        \
            break;                                                                                                     \
        }                                                                                                              \
        assert_int_equal(st, HG_ENOMEM);                                                                               \
        and_then;                                                                                                      \
    }

static void survives_any_allocation_failure(void **state) {
    double x[N * D], y[N], out[N * N], var[N];
    static double far[2001 * D], sample[2001];
    make_data(x, y, N, 1);
    make_data(far, sample, 2001, 2);
    for (int inducing = 0; inducing < 2; inducing++) {
        hg_gp_opts o = fixed("matern52 + linear", NULL, 0);
        o.learn = true;
        o.restarts = 2;
        if (inducing) o.exact_max = o.inducing = 10;
        hg_gp *gp = NULL, *copy = NULL;
        EVERY_ALLOCATION((gp = (hg_gp *)state, hg_gp_fit(&gp, x, y, N, D, &o, NULL)), assert_null(gp))
        EVERY_ALLOCATION((copy = (hg_gp *)state, hg_gp_clone(&copy, gp, NULL)), assert_null(copy))
        hg_gp_free(copy);
        hg_arena *mem = hg_arena_new();
        hg_rng rng = hg_rng_make(0, 0);
        const size_t before = hg_gp_points(gp);
        EVERY_ALLOCATION(hg_gp_update(gp, x, 1, NULL), assert_int_equal(hg_gp_points(gp), before))
        for (int what = 0; what < 5; what++) { /* a fresh arena each time, so that its blocks can fail too */
            EVERY_ALLOCATION((hg_arena_free(mem), mem = hg_arena_new(),
                              what == 0   ? hg_gp_predict(out, var, gp, x, N, mem, NULL)
                              : what == 1 ? hg_gp_covariance(out, gp, x, N, mem, NULL)
                              : what == 2 ? hg_gp_loo(out, out + N + 1, gp, mem, NULL)
                              : what == 3 ? hg_gp_sample(out, 1, gp, x, N, &rng, mem, NULL)
                                          : hg_gp_sample(sample, 1, gp, far, 2001, &rng, mem, NULL)),
                             assert_int_equal(hg_arena_bytes(mem), 0))
            assert_int_equal(hg_arena_bytes(mem), 0);
        }
        hg_arena_free(mem);
        hg_gp_free(gp);
    }
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(two_points_match_the_hand_derivation),
        TEST(learns_a_smooth_curve),
        TEST(prediction_ignores_order_origin_and_units),
        TEST(bits_do_not_depend_on_the_thread_count),
        TEST(nor_do_those_of_a_larger_model),
        TEST(says_what_it_did_with_many_points),
        TEST(agrees_with_scikit_learn),
        TEST(awkward_data_still_fit),
        TEST(far_queries_are_finite),
        TEST(a_known_noise_is_kept_and_an_unknown_one_found),
        TEST(learning_ends_at_a_maximum),
        TEST(jitter_is_reported),
        TEST(groups_share_a_length_scale),
        TEST(a_warm_start_gets_as_far),
        TEST(refuses_bad_input_by_name),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
