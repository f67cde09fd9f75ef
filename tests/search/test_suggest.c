/* tests/search/test_suggest.c -- the main job end to end: what is suggested and why, what is refused and how */
#include "hagane/csv.h"
#include "hagane/suggest.h"
#include "hagane/space.h"
#include "search/campaign.h"
#include "search/feasible.h"
#include "test.h"

static hg_table *table(const char *csv) {
    hg_table *t;
    hg_err err;
    assert_ok_err(hg_csv_read_memory(&t, "pool.csv", csv, strlen(csv), NULL, &err), err);
    return t;
}

/* y = 10 - (x - 6)^2 measured at five places; candidates between them */
static const char HILL[] = "x,y (T)\n0,-26\n2,-6\n4,6\n9,1\n12,-26\n1,\n3,\n5,\n6,\n7,\n8,\n10,\n11,\n";

static hg_suggest_opts opts(const hg_objective *o, size_t n) {
    hg_suggest_opts s = hg_suggest_opts_default();
    s.objective = o;
    s.n_objectives = n;
    return s;
}

static hg_suggestions *suggest(const hg_table *t, const hg_table *pool, const hg_suggest_opts *o) {
    hg_suggestions *s;
    hg_err err;
    assert_ok_err(hg_suggest(&s, t, pool, NULL, o, &err), err);
    return s;
}

static const hg_objective UP = { "y", true }, DOWN = { "y", false };

static double feature(const hg_suggestions *s, size_t k) { return s->suggestion[k].x[0]; }

/* ---- what it says -------------------------------------------------------------------------------------------------- */

static void the_top_of_the_hill_is_next(void **state) {
    (void)state;
    hg_table *t = table(HILL);
    const hg_suggest_opts o = opts(&UP, 1);
    hg_suggestions *s = suggest(t, NULL, &o);
    assert_int_equal(s->n, 1);
    assert_true(feature(s, 0) >= 5 && feature(s, 0) <= 7);
    assert_true(s->suggestion[0].row >= 7 && s->suggestion[0].row <= 9);
    assert_true(s->suggestion[0].mean[0] > 4 && s->suggestion[0].sd[0] > 0);
    assert_true(s->suggestion[0].p_improve > 0.3 && s->suggestion[0].p_improve < 1);
    assert_close(s->suggestion[0].p_feasible, 1, 0);
    assert_int_equal(s->suggestion[0].n_neighbours, 3);
    assert_int_equal(s->suggestion[0].neighbour[0], 2); /* x = 4 */
    assert_true(s->suggestion[0].distance[0] <= s->suggestion[0].distance[1]);
    assert_contains(s->suggestion[0].why, "predicted ");
    assert_contains(s->suggestion[0].why, " T, ");
    assert_contains(s->suggestion[0].why, "the best so far (6 T in line 4)"); /* as it stands in the table */
    assert_contains(s->suggestion[0].why, "in line 4");
    assert_close(s->best[0], 6, 0);
    assert_int_equal(s->best_row, 2);
    assert_int_equal(s->n_pool, 8);
    for (size_t i = 0; i < s->n_pool; i++) assert_true(s->pool_score[i] <= s->suggestion[0].score);
    assert_int_equal(s->loo[0].n, 5);
    assert_close(s->loo[0].y[1], -6, 0);
    assert_contains(s->loo[0].words, "Leave-one-out over 5 rows");
    assert_contains(s->model_words, "x");
    assert_string_equal(s->acquisition, "ei");
    hg_suggestions_free(s);
    hg_table_free(t);
}

static void minimising_is_maximising_the_negative(void **state) {
    (void)state;
    hg_table *t = table(HILL), *n = table("x,y (T)\n0,26\n2,6\n4,-6\n9,-1\n12,26\n1,\n3,\n5,\n6,\n7,\n8,\n10,\n11,\n");
    hg_suggest_opts up = opts(&UP, 1), down = opts(&DOWN, 1);
    for (hg_acquisition a = HG_ACQ_EI; a <= HG_ACQ_UNCERTAINTY; a++) {
        up.acquisition = down.acquisition = a;
        hg_suggestions *s = suggest(t, NULL, &up), *m = suggest(n, NULL, &down);
        assert_int_equal(s->suggestion[0].row, m->suggestion[0].row);
        assert_close(s->suggestion[0].mean[0], -m->suggestion[0].mean[0], 1e-9);
        assert_close(s->suggestion[0].p_improve, m->suggestion[0].p_improve, 1e-9);
        assert_close(m->best[0], -6, 0);
        hg_suggestions_free(m);
        hg_suggestions_free(s);
    }
    hg_table_free(n);
    hg_table_free(t);
}

/* Rows upside down, x in thousandths, y in other units: the same experiment comes out. */
static void order_of_rows_and_units_do_not_matter(void **state) {
    (void)state;
    hg_table *t = table(HILL);
    hg_table *r =
        table("x,y (T)\n11000,\n10000,\n8000,\n7000,\n6000,\n5000,\n3000,\n1000,\n12000,-2600\n9000,100\n4000,600\n"
              "2000,-600\n0,-2600\n");
    hg_suggest_opts o = opts(&UP, 1);
    for (hg_acquisition a = HG_ACQ_EI; a <= HG_ACQ_UNCERTAINTY; a++) {
        if (a == HG_ACQ_THOMPSON) continue; /* its draw belongs to the order */
        o.acquisition = a;
        hg_suggestions *s = suggest(t, NULL, &o), *q = suggest(r, NULL, &o);
        assert_close(feature(s, 0) * 1000, feature(q, 0), 1e-12);
        assert_close(s->suggestion[0].mean[0] * 100, q->suggestion[0].mean[0], 1e-6);
        hg_suggestions_free(q);
        hg_suggestions_free(s);
    }
    hg_table_free(r);
    hg_table_free(t);
}

static void a_batch_spreads_out(void **state) {
    (void)state;
    hg_table *t = table(HILL);
    hg_suggest_opts o = opts(&UP, 1);
    o.batch = 4;
    for (int mc = 0; mc < 2; mc++) {
        o.monte_carlo = mc;
        hg_suggestions *s = suggest(t, NULL, &o);
        assert_int_equal(s->n, 4);
        for (size_t i = 0; i < 4; i++)
            for (size_t j = 0; j < i; j++) assert_true(s->suggestion[i].row != s->suggestion[j].row);
        hg_suggestions_free(s);
    }
    o.monte_carlo = false;
    o.batch = 20; /* only 8 candidates */
    hg_suggestions *s = suggest(t, NULL, &o);
    assert_int_equal(s->n, 8);
    assert_contains(s->warnings, "Only 8 of the 20");
    hg_suggestions_free(s);
    hg_table_free(t);
}

/* x = 5.9 and 6.1 are twice the same place: after one of them the second pick must lie elsewhere. */
static void says_when_nothing_better_is_in_sight(void **state) {
    (void)state;
    hg_table *t = table("x,y\n0,10\n1,8\n2,6\n3,4\n4,2\n5,0\n6,-2\n7,-4\n8,-6\n9,-8\n9.5,\n");
    const hg_suggest_opts o = opts(&(hg_objective) { .column = "y", .maximize = true }, 1);
    hg_suggestions *s = suggest(t, NULL, &o);
    assert_true(s->suggestion[0].p_improve < 0.01);
    assert_contains(s->warnings, "No suggestion is likely to beat the best so far");
    assert_contains(s->suggestion[0].why, "nothing better is in sight.");
    hg_suggestions_free(s);
    hg_table_free(t);

    hg_table *open_end = table(HILL);
    const hg_suggest_opts up = opts(&UP, 1);
    s = suggest(open_end, NULL, &up);
    assert_null(strstr(s->warnings, "likely to beat"));
    hg_suggestions_free(s);
    hg_table_free(open_end);
}

static void a_believer_moves_the_second_pick_away(void **state) {
    (void)state;
    hg_table *t = table("x,y\n0,-36\n12,-36\n3,-9\n9,-9\n5.99,\n6.01,\n1,\n2,\n4,\n8,\n");
    hg_suggest_opts o = opts(&UP, 1);
    o.batch = 2;
    hg_suggestions *s = suggest(t, NULL, &o);
    assert_true(fabs(feature(s, 0) - 6) < 0.1);
    assert_true(fabs(feature(s, 1) - 6) > 0.1);
    hg_suggestions_free(s);
    hg_table_free(t);
}

/* ---- candidates ------------------------------------------------------------------------------------------------------ */

static void a_separate_pool_leaves_out_what_is_known(void **state) {
    (void)state;
    hg_table *t = table("x,y\n0,1\n1,2\n2,2.5\n3,\n"), *pool = table("x,y\n1,\n5,7\n4,\n2,\n");
    hg_suggest_opts o = opts(&UP, 1);
    o.batch = 4;
    hg_suggestions *s = suggest(t, pool, &o);
    assert_int_equal(s->n, 1); /* 1 and 2 are measured, 5 has a value */
    assert_int_equal(s->suggestion[0].row, 2);
    assert_contains(s->warnings, "1 row of pool.csv has no measured value and is not used");
    assert_contains(s->warnings, "1 row of pool.csv already has a value or failed: no candidate.");
    assert_contains(s->warnings, "are not proposed again");
    hg_suggestions_free(s);
    hg_table_free(pool);
    hg_table_free(t);
}

/* Values that scatter by their whole spread at equal x: a repeat tells something, so it may be proposed. */
static void noise_allows_repeats(void **state) {
    (void)state;
    hg_table *t = table("x,y\n0,1\n0,9\n1,2\n1,8\n2,9\n2,1\n0,5.5\n1,3\n2,4\n"), *pool = table("x\n0\n1\n2\n");
    const hg_suggest_opts o = opts(&UP, 1);
    hg_suggestions *s = suggest(t, pool, &o);
    assert_int_equal(s->n_pool, 3);
    assert_null(strstr(s->warnings, "not proposed again"));
    hg_suggestions_free(s);
    hg_table_free(pool);
    hg_table_free(t);
}

static void failures_keep_others_away(void **state) {
    (void)state;
    hg_table *t = table("x,y,broke\n0,1,\n1,2,no\n2,3,0\n8,,yes\n9,,1\n3,,\n10,,\n");
    hg_suggest_opts o = opts(&UP, 1);
    o.failed = "broke";
    o.batch = 2;
    hg_suggestions *s = suggest(t, NULL, &o);
    assert_int_equal(s->n, 2); /* the failed rows are no candidates */
    assert_close(feature(s, 0), 3, 0);
    assert_true(s->suggestion[0].p_feasible > 0.7 && s->suggestion[1].p_feasible < 0.5);
    assert_contains(s->suggestion[1].why, "of not failing");
    hg_suggestions_free(s);
    hg_table_free(t);
}

/* Two successes at 0, one failure at 1, length 0.2: rate q = 1.5 / 4; at x = 1 the weights are 1 and twice exp(-12.5). */
static void failure_probability_by_hand(void **state) {
    (void)state;
    hg_table *t = table("x,y,f\n0,1,0\n0,2,0\n1,,1\n0.5,,\n");
    hg_suggest_opts o = opts(&UP, 1);
    o.failed = "f";
    hg_campaign *c;
    assert_ok(hg_campaign_read(&c, t, NULL, false, &o, NULL));
    const double one = 1, far = 1e6, k = exp(-0.5 / 0.04), q = 1.5 / 4;
    assert_close(hg_failure_probability(c, &one), (q + 1) / (1 + 1 + 2 * k), 1e-12);
    assert_close(hg_failure_probability(c, &far), q, 1e-12);
    hg_campaign_free(c);
    hg_table_free(t);
}

static void requirements_rule_out_and_best_must_meet_them(void **state) {
    (void)state;
    /* y grows with x, the requirement z > 0 holds below x = 5: the best that counts is x = 4 */
    hg_table *t = table("x,y,z\n0,0,5\n2,2,3\n4,4,1\n6,6,-1\n8,8,-3\n1,,\n4.6,,\n9,,\n10,,\n");
    hg_suggest_opts o = opts(&UP, 1);
    const hg_requirement need = { .column = "z", .above = true, .limit = 0 }, never = { "z", true, 5.2 };
    o.require = &need;
    o.n_require = 1;
    hg_suggestions *s = suggest(t, NULL, &o);
    assert_close(s->best[0], 4, 0);
    assert_close(feature(s, 0), 4.6, 0);
    assert_true(s->suggestion[0].p_feasible > 0.5 && s->suggestion[0].p_feasible < 1);
    hg_suggestions_free(s);
    o.require = &never;
    s = suggest(t, NULL, &o);
    assert_contains(s->warnings, "No measured row is known to meet every requirement");
    assert_int_equal(s->best_row, SIZE_MAX);
    assert_close(feature(s, 0), 1, 0); /* the most likely to have a large z */
    hg_suggestions_free(s);
    hg_table_free(t);
}

static void cost_decides_between_equals(void **state) {
    (void)state;
    static const char *const csv[] = { "x,y,price\n0,1,\n10,1.5,\n20,1,\n5,,1\n15,,4\n",
                                       "x,y,price\n0,1,\n10,1.5,\n20,1,\n5,,4\n15,,1\n" };
    for (size_t cheap = 0; cheap < 2; cheap++) { /* either is the cheap one: no rule for ties gives both */
        hg_table *t = table(csv[cheap]);
        hg_suggest_opts o = opts(&UP, 1);
        o.cost = "price";
        for (hg_acquisition a = HG_ACQ_EI; a <= HG_ACQ_UCB; a++) {
            o.acquisition = a;
            hg_suggestions *s = suggest(t, NULL, &o);
            assert_close(feature(s, 0), cheap ? 15 : 5, 0);
            hg_suggestions_free(s);
        }
        hg_table_free(t);
    }
}

/* ---- several objectives ------------------------------------------------------------------------------------------------ */

static void two_objectives_widen_the_front(void **state) {
    (void)state;
    /* a rises, b falls with x: every point is on the front; row 5 lacks b and only helps the model of a */
    hg_table *t = table("x,a,b\n0,0,10\n1,1,9\n8,8,2\n10,10,0\n1,0.5,9\n3,3,\n4,,\n5,,\n1.2,,\n");
    const hg_objective ab[] = { { "a", true }, { "b", true } }, ba[] = { { "b", true }, { "a", true } };
    hg_suggest_opts o = opts(ab, 2), p = opts(ba, 2);
    hg_suggestions *s = suggest(t, NULL, &o), *q = suggest(t, NULL, &p);
    assert_string_equal(s->acquisition, "ehvi");
    assert_int_equal(s->n_front, 4);
    assert_true(s->front[0] == 0 && s->front[3] == 3);
    assert_int_equal(s->loo[0].n, 6);
    assert_int_equal(s->loo[1].n, 5);
    assert_true(feature(s, 0) == 4 || feature(s, 0) == 5);
    assert_int_equal(s->suggestion[0].row, q->suggestion[0].row); /* order of objectives */
    assert_close(s->suggestion[0].score, q->suggestion[0].score, 1e-9);
    assert_contains(s->suggestion[0].why, "of enlarging the front");
    hg_suggestions_free(q);
    hg_suggestions_free(s);
    o.batch = 3;
    for (hg_acquisition a = HG_ACQ_EI; a <= HG_ACQ_RANDOM; a++) { /* every function works with two objectives */
        o.acquisition = a;
        s = suggest(t, NULL, &o);
        assert_int_equal(s->n, 3);
        hg_suggestions_free(s);
    }
    hg_table_free(t);
}

/* ---- a space ----------------------------------------------------------------------------------------------------------- */

static void a_space_is_searched_and_refined(void **state) {
    (void)state;
    hg_table *t = table("x,kind,y\n0,a,-9\n1,b,-5\n2,a,-1\n4,a,-1\n5,b,-5\n6,a,-9\n");
    static const char yaml[] = "variables: {x: {min: 0, max: 6}, kind: {levels: [a, b]}}";
    hg_space *space;
    hg_suggestions *s;
    hg_err err;
    assert_ok(hg_space_read_memory(&space, "space.yaml", yaml, strlen(yaml), NULL));
    hg_suggest_opts o = opts(&UP, 1);
    o.batch = 2;
    assert_ok_err(hg_suggest(&s, t, NULL, space, &o, &err), err);
    assert_int_equal(s->n, 2);
    assert_int_equal(s->suggestion[0].row, SIZE_MAX);
    assert_null(s->pool_mean);
    assert_int_equal(hg_table_rows(s->points), 2);
    assert_true(fabs(hg_table_column(s->points, 0)->number[0] - 3) < 0.6);
    assert_string_equal(hg_table_text(s->points, 1, 0), "a");
    hg_suggestions_free(s);
    hg_space_free(space);
    hg_table_free(t);
}

/* ---- refusals ---------------------------------------------------------------------------------------------------------- */

static void bad_input_is_refused_with_place_and_advice(void **state) {
    static const struct {
        const char *csv;
        hg_status status;
        const char *words, *hint;
    } bad[] = {
        { "x,y\n1,1\n2,2\n3,4\n", HG_EDATA, "every candidate is measured", "blank" },
        { "x,y\n1,1\n2,\n3,\n", HG_EDATA, "has 1 measured value, at least 2", "measure one more" },
        { "x,y\n1,\n2,\n3,\n", HG_EDATA, "has 0 measured values", "measure two" },
        { "x,y\n1,1\n2,good\n3,\n", HG_EDATA, "good", "" },
        { "x,y\n1,1\n2,1e300\n3,\n", HG_EDATA, "pool.csv:3: column \"y\" holds 1e+300", "not measured" },
        { "x,y\n1,1\n2,inf\n3,\n", HG_ENAN, "pool.csv:3:", "" },
        { "x,y\n1,3\n2,3\n3,\n", HG_EDATA, "all 2 measured values of \"y\" are 3", "constant" },
        { "x,z\n1,3\n2,4\n3,\n", HG_ENOTFOUND, "y", "" },
        { "x,y\n1,3\n1e200,4\n3,\n", HG_EDATA, "feature \"x\" is 1e+200", "leave the column out" },
        { "y\n3\n4\n\n", HG_EDATA, "", "" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_table *t;
        hg_err err;
        hg_status st = hg_csv_read_memory(&t, "pool.csv", bad[i].csv, strlen(bad[i].csv), NULL, &err);
        hg_suggestions *s = (hg_suggestions *)state;
        const hg_suggest_opts o = opts(&UP, 1);
        if (st == HG_OK) {
            st = hg_suggest(&s, t, NULL, NULL, &o, &err);
            assert_null(s);
        }
        if (st != bad[i].status) print_error("case %zu: %s\n", i, err.msg);
        assert_int_equal(st, bad[i].status);
        assert_contains(err.msg, bad[i].words);
        assert_contains(err.hint, bad[i].hint);
        hg_table_free(t);
    }
}

static void bad_options_are_refused(void **state) {
    hg_table *t = table("x,y,z,f,c\n1,1,1,0,1\n2,2,2,1,1\n4,3,,0,1\n3,,,,0\n");
    hg_suggestions *s = (hg_suggestions *)state;
    hg_err err;
    const hg_objective none = { "nothing", true }, twice[] = { { "y", true }, { "y", false } };
    hg_suggest_opts o = opts(&none, 1);
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_ENOTFOUND);
    o = opts(twice, 2);
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_EINVAL);
    o = opts(&UP, 4);
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_EINVAL);
    o = opts(&UP, 1);
    o.batch = 0;
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_EINVAL);
    o.batch = 2;
    o.monte_carlo = true;
    o.acquisition = HG_ACQ_UCB;
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_EINVAL);
    assert_contains(err.hint, "kriging believers");
    o = opts(&UP, 1);
    o.cost = "c";
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_EDATA);
    assert_contains(err.msg, "pool.csv:5: column \"c\": cost 0");
    o = opts(&UP, 1);
    o.failed = "x";
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_EDATA);
    assert_contains(err.msg, "expected a mark for failed or not");
    const char *target[] = { "y" };
    o = opts(&UP, 1);
    o.features.columns = target;
    o.features.n_columns = 1;
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_EINVAL);
    const hg_requirement nan_limit = { "z", true, NAN };
    o = opts(&UP, 1);
    o.require = &nan_limit;
    o.n_require = 1;
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, &err), HG_EINVAL);
    assert_null(s);
    hg_table_free(t);
}

/* ---- size, threads, memory ---------------------------------------------------------------------------------------------- */

static bool same(const hg_suggestions *a, const hg_suggestions *b) {
    bool ok = a->n == b->n && a->n_pool == b->n_pool && !strcmp(a->warnings, b->warnings);
    for (size_t i = 0; ok && i < a->n; i++)
        ok = a->suggestion[i].row == b->suggestion[i].row && a->suggestion[i].mean[0] == b->suggestion[i].mean[0] &&
             a->suggestion[i].sd[0] == b->suggestion[i].sd[0] && a->suggestion[i].score == b->suggestion[i].score &&
             !strcmp(a->suggestion[i].why, b->suggestion[i].why);
    for (size_t i = 0; ok && i < a->n_pool; i++) ok = a->pool_score[i] == b->pool_score[i];
    return ok;
}

/* 20,000 candidates with one feature (a million in the benchmark), one and two threads, few and many measured rows. */
static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    enum { N = 20000 };
    for (size_t measured = 10; measured <= 70; measured += 60) {
        static double x[N], y[N];
        for (size_t i = 0; i < N; i++) {
            x[i] = sin((double)i * 12.9898) * 43758.5453;
            x[i] -= floor(x[i]);
            y[i] = i < measured ? sin(5 * x[i]) : NAN;
        }
        hg_table *t;
        assert_ok(hg_table_new(&t, "made", N, NULL));
        assert_ok(hg_table_add_numbers(t, "x", x, NULL));
        assert_ok(hg_table_add_numbers(t, "y", y, NULL));
        hg_pool *two;
        assert_ok(hg_pool_new(&two, 2, NULL));
        for (hg_acquisition a = HG_ACQ_EI; a <= HG_ACQ_RANDOM; a++) {
            if (a == HG_ACQ_EHVI || a == HG_ACQ_PI) continue;
            hg_suggest_opts o = opts(&UP, 1);
            o.acquisition = a;
            o.seed = 4;
            o.batch = 2;
            hg_suggestions *p = suggest(t, NULL, &o);
            o.pool = two;
            hg_suggestions *q = suggest(t, NULL, &o);
            assert_true(same(p, q));
            hg_suggestions_free(q);
            hg_suggestions_free(p);
        }
        hg_pool_free(two);
        hg_table_free(t);
    }
}

static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)what;
    (void)done;
    (void)total;
    return --*(int *)user > 0;
}

/* Twenty exact values of a smooth curve: hardly a draw of the ensemble fits, so one set of hyper-parameters is learned. A
 * named kernel is always learned. */
static void the_model_suits_the_data(void **state) {
    (void)state;
    double x[24], y[24];
    for (size_t i = 0; i < 24; i++) {
        x[i] = (double)(i * 7 % 24) / 23;
        y[i] = i < 20 ? sin(9 * x[i]) : NAN;
    }
    hg_table *t, *hill = table(HILL);
    assert_ok(hg_table_new(&t, "made", 24, NULL));
    assert_ok(hg_table_add_numbers(t, "x", x, NULL));
    assert_ok(hg_table_add_numbers(t, "y", y, NULL));
    hg_suggest_opts o = opts(&UP, 1);
    hg_suggestions *s = suggest(t, NULL, &o), *few = suggest(hill, NULL, &o);
    assert_contains(s->model_words, "kernel matern52");
    assert_contains(few->model_words, "integrated out");
    hg_suggestions_free(few);
    hg_suggestions_free(s);
    o.kernel = "rbf + linear";
    s = suggest(hill, NULL, &o);
    assert_contains(s->model_words, "rbf + linear");
    hg_suggestions_free(s);
    hg_table_free(hill);
    hg_table_free(t);
}

static void progress_can_stop_it(void **state) {
    hg_table *t = table(HILL);
    int calls = 1;
    const hg_hooks hooks = { .progress = stop, .user = &calls };
    hg_suggest_opts o = opts(&UP, 1);
    o.hooks = &hooks;
    hg_suggestions *s = (hg_suggestions *)state;
    assert_int_equal(hg_suggest(&s, t, NULL, NULL, &o, NULL), HG_ECANCEL);
    assert_null(s);
    hg_table_free(t);
}

/* Every 1st, 2nd, 3rd ... allocation fails; later ones in wider steps, since a call makes thousands. */
static void survives_any_allocation_failure(void **state) {
    hg_table *t = table("x,y,z,f\n0,1,2,\n1,2,1,\n2,2.5,0,\n5,,,1\n3,,,\n4,,,\n");
    const hg_requirement need = { "z", true, 0.5 };
    hg_suggest_opts o = opts(&UP, 1);
    o.require = &need;
    o.n_require = 1;
    o.failed = "f";
    o.batch = 2;
    for (long k = 0;; k += 1 + k / 40) {
        hg_suggestions *s = (hg_suggestions *)state;
        fail_alloc_after(k);
        const hg_status st = hg_suggest(&s, t, NULL, NULL, &o, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k > 10);
            hg_suggestions_free(s);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(s);
    }
    hg_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(says_when_nothing_better_is_in_sight),
        TEST(the_top_of_the_hill_is_next),
        TEST(minimising_is_maximising_the_negative),
        TEST(order_of_rows_and_units_do_not_matter),
        TEST(a_batch_spreads_out),
        TEST(a_believer_moves_the_second_pick_away),
        TEST(a_separate_pool_leaves_out_what_is_known),
        TEST(noise_allows_repeats),
        TEST(failures_keep_others_away),
        TEST(failure_probability_by_hand),
        TEST(requirements_rule_out_and_best_must_meet_them),
        TEST(cost_decides_between_equals),
        TEST(two_objectives_widen_the_front),
        TEST(a_space_is_searched_and_refined),
        TEST(bad_input_is_refused_with_place_and_advice),
        TEST(bad_options_are_refused),
        TEST(threads_do_not_change_a_bit),
        TEST(the_model_suits_the_data),
        TEST(progress_can_stop_it),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
