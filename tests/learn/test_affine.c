/* tests/learn/test_affine.c -- affine transfer: two rows by hand, its gradient, and a law that only a source knows */
#include "learn/affine.h"
#include "core/memory.h"
#include "learn/records.h"
#include "test.h"

enum { N = 40, NEW = 60, D = 4 };

typedef struct {
    float x[(N + NEW) * D];
    double y[N + NEW];
} world;

/* The source is s; y = 2 s + s tanh(x1): added, and modulated. New rows have sources up to three times as far out. */
static hg_rows rows_of(world *w, size_t from, size_t n, double unit) {
    hg_rng r = hg_rng_make(5, 0);
    for (size_t i = 0; i < N + NEW; i++) {
        float *x = w->x + i * D;
        for (size_t j = 0; j < D; j++) x[j] = (float)(hg_rng_normal(&r) * (j == 0 && i >= N ? 3 : 1));
        w->y[i] = unit * ((double)x[0] * (2 + tanh((double)x[1])) + 0.02 * hg_rng_normal(&r));
    }
    return (hg_rows) { .n = n, .d = D, .x = w->x + from * D, .sources = 1, .y = w->y + from };
}

static double error_of(const hg_learner *l, const hg_rows *train, const hg_rows *test, double *out, double *sd) {
    double option[HG_LEARNER_OPTIONS_MOST], sum = 0;
    hg_err err;
    void *m;
    hg_learner_defaults(option, l);
    assert_ok_err(l->fit(&m, train, &(hg_learning) { .option = option, .seed = 1 }, &err), err);
    assert_ok_err(l->predict(out, sd, m, test, NULL, &err), err);
    l->free(m);
    for (size_t i = 0; i < test->n; i++) sum += (out[i] - test->y[i]) * (out[i] - test->y[i]);
    return sqrt(sum / (double)test->n);
}

static double matern(double u2) {
    const double u = sqrt(5 * u2);
    return (1 + u + u * u / 3) * exp(-u);
}

/* Rows (0, 0) and (2, 6) are (-1, -1) and (1, 1) scaled, y = 3 and 7 are -1 and 1: C = [a b; b a]. */
static void the_evidence_of_two_rows_is_that_by_hand(void **state) {
    (void)state;
    const float x[4] = { 0, 0, 2, 6 };
    const double y[2] = { 3, 7 }, middle[7] = { 1, 1, 0.3, 0.3, 0.3, 0.3, 0.1 };
    const hg_rows rows = { .n = 2, .d = 2, .x = x, .sources = 1, .y = y };
    double h[7] = { log(2.0), log(0.5), log(0.7), log(0.4), log(0.2), log(0.6), log(0.05) }, f, prior = 0;
    for (int k = 0; k < 7; k++) prior += 0.5 * pow((h[k] - log(middle[k])) / 1.5, 2);
    const double a = 0.7 + 0.4 + 0.2 + 0.6 + 0.05 + 1e-4;
    const double b = -0.7 + 0.4 * matern(4 / 4.0) - 0.2 * matern(4 / 0.25) + 0.6 * matern(4 / 0.25);
    assert_ok(hg_affine_objective(&f, NULL, h, &rows, NULL));
    assert_close(f, 1 / (a - b) + 0.5 * log((a - b) * (a + b)) + prior, 1e-12);
}

static void its_gradient_is_that_of_differences(void **state) {
    (void)state;
    static world w;
    const hg_rows rows = rows_of(&w, 0, 25, 1);
    double h[HG_AFFINE_HYPERS] = { 0.3, -0.2, -1, -0.5, -1.5, -0.7, -2 }, grad[HG_AFFINE_HYPERS], f;
    assert_ok(hg_affine_objective(&f, grad, h, &rows, NULL));
    for (size_t k = 0; k < HG_AFFINE_HYPERS; k++) {
        const double at = h[k], step = 1e-5;
        double up, down;
        h[k] = at + step;
        assert_ok(hg_affine_objective(&up, NULL, h, &rows, NULL));
        h[k] = at - step;
        assert_ok(hg_affine_objective(&down, NULL, h, &rows, NULL));
        h[k] = at;
        assert_close(grad[k], (up - down) / (2 * step), 1e-6 * (1 + fabs(grad[k])));
    }
}

/* Far outside of what was measured the source still leads; what has no source does not get there. */
static void a_source_leads_where_nothing_was_measured(void **state) {
    (void)state;
    static world w;
    const hg_rows train = rows_of(&w, 0, N, 1), test = rows_of(&w, N, NEW, 1);
    double out[NEW], sd[NEW];
    const double affine = error_of(&hg_affine_learner, &train, &test, out, sd);
    size_t inside = 0;
    for (size_t i = 0; i < NEW; i++) inside += fabs(out[i] - test.y[i]) <= 2.5 * sd[i];
    const double linear = error_of(&hg_ridge_learner, &train, &test, out, NULL);
    print_message("affine %.3f, ridge %.3f; inside 2.5 sd: %zu of %d\n", affine, linear, inside, NEW);
    assert_true(affine < 0.6 * linear);
    assert_true(inside >= 45);
}

/* Beside one source that knows, nine of chance: weights, which the fit finds by itself, keep them small. */
static void sources_of_chance_are_outweighed(void **state) {
    enum { CHANCE = 9, WIDE = 1 + CHANCE + 2 };
    static float x[(N + NEW) * WIDE];
    double y[N + NEW], out[NEW], nats[1 + CHANCE];
    hg_rng r = hg_rng_make(6, 0);
    (void)state;
    for (size_t i = 0; i < N + NEW; i++) {
        for (size_t j = 0; j < WIDE; j++) x[i * WIDE + j] = (float)hg_rng_normal(&r);
        y[i] = 3 * (double)x[i * WIDE] + 0.1 * hg_rng_normal(&r);
    }
    const hg_rows train = { .n = N, .d = WIDE, .x = x, .sources = 1 + CHANCE, .y = y },
                  test = { .n = NEW, .d = WIDE, .x = x + N * WIDE, .sources = 1 + CHANCE, .y = y + N };
    assert_ok(hg_affine_worth(nats, &train, &(hg_learning) { .seed = 1 }, NULL));
    for (size_t k = 1; k <= CHANCE; k++) assert_true(nats[k] < 0.1 * nats[0]);
    const double e = error_of(&hg_affine_learner, &train, &test, out, NULL);
    print_message("with nine sources of chance %.3f; worth of the other one %.1f nats\n", e, nats[0]);
    assert_true(e < 0.6); /* without weights 1.0; the spread of y is 3 */
}

static void order_and_units_do_not_matter(void **state) {
    (void)state;
    static world w, u;
    const hg_rows train = rows_of(&w, 0, N, 1), test = rows_of(&w, N, NEW, 1);
    double a[NEW], b[NEW], sd[NEW], sd1000[NEW];
    (void)error_of(&hg_affine_learner, &train, &test, a, sd);
    const hg_rows milli = rows_of(&u, 0, N, 1000), far = rows_of(&u, N, NEW, 1000);
    (void)error_of(&hg_affine_learner, &milli, &far, b, sd1000);
    for (size_t i = 0; i < NEW; i++) {
        assert_close(b[i], 1000 * a[i], 1e-2 * (1 + fabs(a[i])));
        assert_close(sd1000[i], 1000 * sd[i], 1e-2 * (1 + sd[i]));
    }
    size_t back[N];
    hg_rows turned;
    hg_arena *mem = hg_arena_new();
    for (size_t i = 0; i < N; i++) back[i] = N - 1 - i;
    assert_ok(hg_rows_take(&turned, &train, back, N, mem, NULL));
    assert_int_equal(turned.sources, 1);
    (void)error_of(&hg_affine_learner, &turned, &test, b, sd);
    for (size_t i = 0; i < NEW; i++) assert_close(b[i], a[i], 1e-3 * (1 + fabs(a[i])));
    hg_arena_free(mem);
}

static void what_it_cannot_take_is_said(void **state) {
    (void)state;
    hg_rows rows = { .n = 10, .d = 3 };
    assert_contains(hg_affine_learner.suits(&rows), "other models");
    rows.sources = 1;
    assert_null(hg_affine_learner.suits(&rows));
    rows.n = 100000;
    assert_contains(hg_affine_learner.suits(&rows), "1500 rows");
    rows.classes = 2;
    assert_contains(hg_affine_learner.suits(&rows), "classes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_evidence_of_two_rows_is_that_by_hand),
        TEST(its_gradient_is_that_of_differences),
        TEST(a_source_leads_where_nothing_was_measured),
        TEST(sources_of_chance_are_outweighed),
        TEST(order_and_units_do_not_matter),
        TEST(what_it_cannot_take_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
