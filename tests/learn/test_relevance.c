/* tests/learn/test_relevance.c -- the Gaussian process that finds out which columns matter (learn/relevance_evidence.h) */
#include "core/memory.h"
#include "learn/records.h"
#include "learn/relevance_evidence.h"
#include "test.h"

enum { N = 12, D = 3, THETA = D + HG_RELEVANCE_COMMON };

static void draw(double *z, double *y, double *theta) {
    hg_rng r = hg_rng_make(3, 0);
    for (size_t i = 0; i < (size_t)N * D; i++) z[i] = hg_rng_normal(&r);
    for (size_t i = 0; i < N; i++) y[i] = hg_rng_normal(&r);
    for (size_t k = 0; k < THETA; k++) theta[k] = 0.4 * hg_rng_normal(&r);
}

static double minus_log_half_cauchy_of_log(double x,
                                           double scale) { /* less x f(x), without the constant 2 / (pi s) s */
    return log((1 + x * x / (scale * scale)) / (x / scale));
}

/* One row at z = 2, y = 3, rho = 0.5: a = 1, the kernel is s^2 + w^2 + 4, and the loss y^2 / 2C + ln C / 2 and the priors. */
static void the_loss_of_one_row_by_hand(void **state) {
    (void)state;
    const double z = 2, y = 3, s = 1.5, noise = 0.2, w = 0.7, tau = 0.3;
    const double theta[] = { log(0.5), log(tau), log(s), log(noise), log(w) };
    hg_arena *mem = hg_arena_new();
    hg_relevance e;
    assert_ok(hg_relevance_make(&e, &z, &y, 1, 1, mem, NULL));
    const double c = s * s + w * w + 4 + noise * noise + 1e-8;
    const double normal = (log(s) * log(s) + (log(noise) + 2) * (log(noise) + 2) + log(w) * log(w)) / 2;
    const double want = y * y / (2 * c) + log(c) / 2 + normal + minus_log_half_cauchy_of_log(0.25, tau) +
                        minus_log_half_cauchy_of_log(tau, 0.1);
    assert_close(hg_relevance_loss(&e, theta, NULL, 5), want, 1e-12);
    hg_arena_free(mem);
}

static void the_gradient_is_that_of_differences(void **state) {
    (void)state;
    double z[N * D], y[N], theta[THETA], g[THETA], unused[THETA];
    hg_arena *mem = hg_arena_new();
    hg_relevance e;
    draw(z, y, theta);
    assert_ok(hg_relevance_make(&e, z, y, N, D, mem, NULL));
    assert_true(isfinite(hg_relevance_loss(&e, theta, g, THETA)));
    for (size_t k = 0; k < THETA; k++) {
        const double h = 1e-5, at = theta[k];
        theta[k] = at + h;
        const double up = hg_relevance_loss(&e, theta, unused, THETA);
        theta[k] = at - h;
        const double down = hg_relevance_loss(&e, theta, NULL, THETA);
        theta[k] = at;
        assert_close(g[k], (up - down) / (2 * h), 1e-6);
    }
    hg_arena_free(mem);
}

/* The order of rows and of columns, and the sign of a column, say nothing. */
static void orders_and_signs_do_not_matter(void **state) {
    (void)state;
    double z[N * D], y[N], theta[THETA], other[N * D], other_y[N], other_theta[THETA];
    hg_arena *mem = hg_arena_new();
    hg_relevance e, f;
    draw(z, y, theta);
    memcpy(other_theta, theta, sizeof theta);
    for (size_t j = 0; j < D; j++) other_theta[D - 1 - j] = theta[j];
    for (size_t i = 0; i < N; i++) {
        other_y[N - 1 - i] = y[i];
        for (size_t j = 0; j < D; j++) other[(N - 1 - i) * D + D - 1 - j] = (j == 1 ? -1 : 1) * z[i * D + j];
    }
    assert_ok(hg_relevance_make(&e, z, y, N, D, mem, NULL));
    assert_ok(hg_relevance_make(&f, other, other_y, N, D, mem, NULL));
    const double a = hg_relevance_loss(&e, theta, NULL, THETA), b = hg_relevance_loss(&f, other_theta, NULL, THETA);
    assert_close(a, b, 1e-9);
    hg_arena_free(mem);
}

/* ---- the learner ------------------------------------------------------------------------------------------------------- */

enum { ROWS = 80, NEW = 40, COLUMNS = 30 };

typedef struct {
    float x[(ROWS + NEW) * COLUMNS];
    double y[ROWS + NEW];
} world;

/* Two columns of thirty say it all, one is constant, and one is seen in two rows only. */
static hg_rows rows_of(world *w) {
    hg_rng r = hg_rng_make(11, 0);
    for (size_t i = 0; i < ROWS + NEW; i++) {
        float *x = w->x + i * COLUMNS;
        for (size_t j = 0; j < COLUMNS; j++) x[j] = (float)hg_rng_normal(&r);
        x[5] = 1;
        x[6] = i == 3 || i == 4;
        w->y[i] = 100 + 10 * (sin(1.2 * (double)x[7]) + 0.8 * (double)x[20]) + 0.1 * hg_rng_normal(&r);
    }
    return (hg_rows) { .n = ROWS, .d = COLUMNS, .x = w->x, .y = w->y };
}

static double error_of(const hg_learner *l, const world *w, const hg_rows *rows, double *sd) {
    double option[HG_LEARNER_OPTIONS_MOST], out[NEW], sum = 0;
    const hg_rows left = { .n = NEW, .d = COLUMNS, .x = w->x + ROWS * COLUMNS };
    hg_err err = { 0 };
    void *m;
    hg_learner_defaults(option, l);
    assert_ok_err(l->fit(&m, rows, &(hg_learning) { .option = option }, &err), err);
    assert_ok_err(l->predict(out, sd, m, &left, NULL, &err), err);
    for (size_t i = 0; i < NEW; i++) sum += fabs(out[i] - w->y[ROWS + i]) / NEW;
    l->free(m);
    return sum;
}

/* Independent oracle: the process with one length for all columns, bayes/'s own, which drowns in those that say nothing. */
static void it_finds_the_columns_that_matter(void **state) {
    (void)state;
    static world w;
    double sd[NEW], unused[NEW];
    const hg_rows rows = rows_of(&w);
    const double own = error_of(&hg_relevance_learner, &w, &rows, sd),
                 even = error_of(&hg_gp_learner, &w, &rows, unused);
    assert_true(own < 1);
    assert_true(own < even / 3);
    for (size_t i = 0; i < NEW; i++) assert_true(sd[i] > 0.05 && sd[i] < 10);
}

static void what_it_cannot_learn_from_it_says(void **state) {
    (void)state;
    static world w;
    double option[HG_LEARNER_OPTIONS_MOST];
    hg_rows rows = rows_of(&w);
    hg_err err = { 0 };
    void *m = &w;
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++) w.x[i] = i < 2 * COLUMNS; /* two rows differ */
    hg_learner_defaults(option, &hg_relevance_learner);
    assert_int_equal(hg_relevance_learner.fit(&m, &rows, &(hg_learning) { .option = option }, &err), HG_EDATA);
    assert_null(m);
    assert_contains(err.msg, "three rows");
    assert_null(hg_relevance_learner.suits(&rows));
    rows.n = 2001;
    assert_non_null(hg_relevance_learner.suits(&rows));
    rows.n = ROWS, rows.d = 1001;
    assert_non_null(hg_relevance_learner.suits(&rows));
    rows.d = COLUMNS, rows.classes = 2;
    assert_non_null(hg_relevance_learner.suits(&rows));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_loss_of_one_row_by_hand),       TEST(the_gradient_is_that_of_differences),
        TEST(orders_and_signs_do_not_matter),    TEST(it_finds_the_columns_that_matter),
        TEST(what_it_cannot_learn_from_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
