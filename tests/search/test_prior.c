/* tests/search/test_prior.c -- what another model says of the rows as the prior mean of a campaign's own model */
#include "hagane/csv.h"
#include "hagane/space.h"
#include "hagane/suggest.h"
#include "search/surrogate.h"
#include "test.h"

enum { N = 30, MEASURED = 8, TEXT = 1 << 13 };

static hg_table *table(const char *csv) {
    hg_table *t;
    hg_err err;
    assert_ok_err(hg_csv_read_memory(&t, "pool.csv", csv, strlen(csv), NULL, &err), err);
    return t;
}

/* y jumps about with x, as p says but for a slow wave; the first rows are measured, or all. */
static hg_table *campaign(double scale, double shift, size_t measured) {
    static char text[TEXT];
    hg_rng r = hg_rng_make(4, 0);
    size_t at = (size_t)snprintf(text, sizeof text, "x,p,y\n");
    for (size_t i = 0; i < N; i++) {
        const double x = (double)((i * 11) % N), p = hg_rng_normal(&r), y = 3 * p + sin(x / 8);
        at += (size_t)snprintf(text + at, sizeof text - at, "%g,%.17g,", x, shift + scale * p);
        at += i < measured ? (size_t)snprintf(text + at, sizeof text - at, "%.9f\n", y)
                           : (size_t)snprintf(text + at, sizeof text - at, "\n");
    }
    return table(text);
}

static const char *const PRIOR[] = { "p" };

static hg_suggest_opts opts(const hg_objective *o, bool prior) {
    static const char *const X[] = { "x" };
    hg_suggest_opts s = hg_suggest_opts_default();
    s.objective = o;
    s.n_objectives = 1;
    s.features.columns = X;
    s.features.n_columns = 1;
    s.prior = PRIOR;
    s.n_prior = prior ? 1 : 0;
    return s;
}

static hg_suggestions *suggest(const hg_table *t, const hg_suggest_opts *o) {
    hg_suggestions *s;
    hg_err err;
    assert_ok_err(hg_suggest(&s, t, NULL, NULL, o, &err), err);
    return s;
}

static const hg_objective UP = { "y", true }, DOWN = { "y", false };

/* y = 3 p at n rows: standardised, ridge regression with a penalty of one row finds n / (n + 1) of the slope. Two columns that say the
 * same share what both would have: with slopes b each of the standardised ones, b (2 n + 1) = n. */
static void slopes_are_those_of_ridge_regression(void **state) {
    enum { ROWS = 9 };
    double x[ROWS * 3], y[ROWS];
    const size_t group[3] = { 0, 0, 0 };
    const double shift[3] = { 0 }, scale[3] = { 1, 1e300, 1e300 };
    hg_rng r = hg_rng_make(1, 0);
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        x[3 * i] = (double)i;
        x[3 * i + 1] = hg_rng_normal(&r);
        x[3 * i + 2] = 5 - 10 * x[3 * i + 1];
        y[i] = 7 + 3 * x[3 * i + 1];
    }
    hg_model_opts o = { .d = 3, .group = group, .shift = shift, .scale = scale, .prior = 1, .n_prior = 1 };
    hg_surrogate *s;
    assert_ok(hg_surrogate_fit(&s, x, y, ROWS, 2, &o, NULL));
    assert_close(s->slope[0], 3.0 * ROWS / (ROWS + 1), 1e-9);
    const double at[3] = { 100, 2, 0 };
    assert_close(hg_surrogate_prior(s, at), 6.0 * ROWS / (ROWS + 1), 1e-9);
    double mean, sd, before;
    assert_ok(hg_surrogate_point(&before, &sd, s, at, *state, NULL)); /* far away only the prior mean is left */
    assert_close(before - hg_surrogate_prior(s, at), 7, 1);
    hg_surrogate *clone;
    assert_ok(hg_surrogate_clone(&clone, s, NULL));
    assert_close(clone->slope[0], s->slope[0], 0);
    assert_ok(hg_surrogate_point(&mean, &sd, clone, at, *state, NULL));
    assert_close(mean, before, 1e-9);
    assert_ok(hg_surrogate_believe(s, at, 40, NULL)); /* a value that is believed is what is said there */
    assert_ok(hg_surrogate_point(&mean, &sd, s, at, *state, NULL));
    assert_true(fabs(mean - 40) < 0.2 * fabs(before - 40));
    hg_surrogate_free(clone);
    hg_surrogate_free(s);
    o.n_prior = 2;
    assert_ok(hg_surrogate_fit(&s, x, y, ROWS, 0, &o, NULL));
    assert_close(s->slope[0], 3.0 * ROWS / (2 * ROWS + 1), 1e-6);
    assert_close(s->slope[1], -0.3 * ROWS / (2 * ROWS + 1), 1e-6);
    hg_surrogate_free(s);
}

/* What the other model knows is not lost: errors of left-out rows fall, and the row that it praises is next. */
static void a_prior_mean_is_believed(void **state) {
    (void)state;
    hg_table *t = campaign(1, 0, MEASURED);
    const hg_suggest_opts with = opts(&UP, true), without = opts(&UP, false);
    hg_suggestions *a = suggest(t, &with), *b = suggest(t, &without);
    assert_true(a->loo[0].rmse < 0.5 * b->loo[0].rmse);
    assert_true(a->loo[0].coverage90 > 0.6);
    assert_contains(a->model_words, "prior mean: a constant and ");
    const double *p = hg_table_column(t, 1)->number;
    size_t best = MEASURED;
    for (size_t i = MEASURED; i < N; i++) best = p[i] > p[best] ? i : best;
    assert_int_equal(a->suggestion[0].row, best);
    assert_close(a->suggestion[0].mean[0], 3 * p[best], 1.5);
    hg_suggestions_free(a);
    hg_suggestions_free(b);
    hg_table_free(t);
}

/* In another unit, or with another zero, a model says the same; and less of the negative is more. */
static void units_and_signs_do_not_matter(void **state) {
    (void)state;
    hg_table *t = campaign(1, 0, MEASURED), *u = campaign(-1024, 300, MEASURED);
    const hg_suggest_opts up = opts(&UP, true), down = opts(&DOWN, true);
    hg_suggestions *a = suggest(t, &up), *b = suggest(u, &up), *c = suggest(u, &down);
    assert_int_equal(a->suggestion[0].row, b->suggestion[0].row);
    assert_close(a->suggestion[0].mean[0], b->suggestion[0].mean[0], 1e-6);
    assert_close(a->suggestion[0].sd[0], b->suggestion[0].sd[0], 1e-6);
    assert_true(c->suggestion[0].mean[0] < 0);
    assert_close(c->loo[0].mean[3], a->loo[0].mean[3], 1e-6);
    hg_suggestions_free(a);
    hg_suggestions_free(b);
    hg_suggestions_free(c);
    hg_table_free(t);
    hg_table_free(u);
}

/* Batches, samples and a learned kernel see it as well. */
static void every_way_of_choosing_knows_it(void **state) {
    (void)state;
    hg_table *t = campaign(1, 0, MEASURED);
    const double *p = hg_table_column(t, 1)->number;
    for (int way = 0; way < 4; way++) {
        hg_suggest_opts o = opts(&UP, true);
        o.batch = 3;
        o.monte_carlo = way == 1;
        o.acquisition = way == 2 ? HG_ACQ_THOMPSON : HG_ACQ_AUTO;
        o.kernel = way == 3 ? "matern52" : NULL;
        hg_suggestions *s = suggest(t, &o);
        assert_int_equal(s->n, 3);
        for (size_t k = 0; k < 3; k++) {
            assert_true(p[s->suggestion[k].row] > 0.3);
            assert_close(s->suggestion[k].mean[0], 3 * p[s->suggestion[k].row], 2);
        }
        hg_suggestions_free(s);
    }
    hg_table_free(t);
}

static void a_replay_needs_fewer_measurements(void **state) {
    (void)state;
    hg_table *t = campaign(1, 0, N);
    hg_replay_opts q = hg_replay_opts_default();
    q.runs = 6;
    q.budget = 20;
    hg_replay_result *r[2];
    for (int k = 0; k < 2; k++) {
        hg_suggest_opts o = opts(&UP, k == 1);
        o.even_pool = true;
        assert_ok(hg_replay(&r[k], t, &o, &q, NULL));
    }
    assert_true(r[1]->to_99.median <= 8 && r[1]->to_99.median < r[0]->to_99.median);
    hg_replay_free(r[0]);
    hg_replay_free(r[1]);
    hg_table_free(t);
}

static void what_cannot_be_is_refused(void **state) {
    hg_table *t = table("x,p,y\n0,1,1\n1,2,3\n2,,\n3,4,\n"), *good = campaign(1, 0, MEASURED);
    hg_suggest_opts o = opts(&UP, true);
    hg_suggestions *s;
    hg_err err;
    (void)state;
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_ENAN);
    assert_contains(err.msg, "pool.csv:4");
    static const char *const NONE[] = { "q" };
    o.prior = NONE;
    assert_int_equal(hg_suggest(&s, good, NULL, NULL, &o, &err), HG_ENOTFOUND);
    hg_space *space;
    static const char YAML[] = "variables:\n  x: {min: 0, max: 30}\n";
    assert_ok_err(hg_space_read_memory(&space, "space.yaml", YAML, strlen(YAML), &err), err);
    o.prior = PRIOR;
    assert_int_equal(hg_suggest(&s, good, NULL, space, &o, &err), HG_EINVAL);
    hg_space_free(space);
    o.batch = 2;
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k += 1 + k / 10) {
        fail_alloc_after(k);
        st = hg_suggest(&s, good, NULL, NULL, &o, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || (st == HG_ENOMEM && !s));
    }
    hg_suggestions_free(s);
    hg_table_free(t);
    hg_table_free(good);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(slopes_are_those_of_ridge_regression), TEST(a_prior_mean_is_believed),
        TEST(units_and_signs_do_not_matter),        TEST(every_way_of_choosing_knows_it),
        TEST(a_replay_needs_fewer_measurements),    TEST(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
