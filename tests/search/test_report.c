/* tests/search/test_report.c -- pages and figures from results made by hand: what they say, hostile names, refusals */
#include "hagane/csv.h"
#include "hagane/report.h"
#include "search/html.h"
#include "search/sheet.h"
#include "test.h"

/* ---- a result made by hand: predictions are simple functions of the columns ------------------------------------- */

enum { ROWS = 60, MEASURED = 14 };

typedef struct {
    hg_table *table;
    hg_features *features;
    hg_suggestions q;
    hg_suggestion next[3];
    hg_objective objective[3];
    size_t row[MEASURED], pool_row[ROWS - MEASURED], front[2];
    double y[2][MEASURED], mean[2][MEASURED], sd[2][MEASURED];
    double pool_mean[ROWS - MEASURED], pool_sd[ROWS - MEASURED], pool_score[ROWS - MEASURED], relevance[8], x[3][8];
    hg_report report;
} campaign;

/* columns[n_columns][ROWS] are inputs; targets follow from them; the first MEASURED rows are measured */
static void make(campaign *c, const char *const *name, double (*columns)[ROWS], size_t n_columns, const char *target,
                 size_t n_objectives) {
    double value[2][ROWS];
    memset(c, 0, sizeof *c);
    hg_rng rng = hg_rng_make(7, n_columns);
    assert_ok(hg_table_new(&c->table, "pool.csv", ROWS, NULL));
    for (size_t j = 0; j < n_columns; j++) assert_ok(hg_table_add_numbers(c->table, name[j], columns[j], NULL));
    const char *targets[2] = { target, "cost of <b>metal</b>" };
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < ROWS; i++) {
            value[k][i] = k ? 50 - 30 * columns[0][i] : 1;
            for (size_t j = 0; j < n_columns; j++)
                value[k][i] += (k ? 5 : 0.6) * sin(3 * columns[j][i] + (double)(j + k));
            value[k][i] += 0.05 * hg_rng_normal(&rng);
        }
        for (size_t i = MEASURED; i < ROWS; i++) value[k][i] = NAN;
        if (k < n_objectives) assert_ok(hg_table_add_numbers(c->table, targets[k], value[k], NULL));
        c->objective[k] = (hg_objective) { targets[k], k == 0 };
    }
    hg_features_opts fo = hg_features_opts_default();
    fo.exclude = targets;
    fo.n_exclude = n_objectives;
    const hg_table *t = c->table;
    hg_err err;
    assert_ok_err(hg_features_fit(&c->features, &t, 1, &fo, &err), err);
    for (size_t i = 0; i < MEASURED; i++) {
        c->row[i] = i;
        for (size_t k = 0; k < 2; k++) {
            c->y[k][i] = value[k][i];
            c->sd[k][i] = k ? 2 : 0.15;
            c->mean[k][i] = value[k][i] + c->sd[k][i] * hg_rng_normal(&rng);
        }
    }
    for (size_t i = 0; i < ROWS - MEASURED; i++) {
        c->pool_row[i] = MEASURED + i;
        c->pool_mean[i] = 1 + 0.5 * sin(3 * columns[0][MEASURED + i]);
        c->pool_sd[i] = 0.05 + 0.3 * hg_rng_uniform(&rng);
    }
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < n_columns; j++) c->x[i][j] = columns[j][MEASURED + 3 * i];
        c->next[i] = (hg_suggestion) { .row = MEASURED + 3 * i,
                                       .mean = { c->pool_mean[3 * i], 30 - (double)i },
                                       .sd = { c->pool_sd[3 * i], 2 },
                                       .p_improve = 0.6 / (double)(i + 1),
                                       .p_feasible = 1,
                                       .x = c->x[i],
                                       .why = "High expected value: 1.2 +- 0.1, close to the best row." };
    }
    c->relevance[0] = 0.2;
    c->relevance[1] = 0.9;
    c->relevance[2] = 0.5;
    hg_suggestions *q = &c->q;
    *q = (hg_suggestions) { .suggestion = c->next,
                            .n = 3,
                            .n_objectives = n_objectives,
                            .best = { c->y[0][3] },
                            .best_row = 3,
                            .front = c->front,
                            .n_front = n_objectives > 1 ? 2 : 0,
                            .pool_mean = c->pool_mean,
                            .pool_sd = c->pool_sd,
                            .pool_score = c->pool_score,
                            .pool_row = c->pool_row,
                            .n_pool = ROWS - MEASURED,
                            .relevance = c->relevance,
                            .n_groups = hg_features_groups(c->features),
                            .features = c->features,
                            .model_words = "Gaussian process, Matern 5/2.",
                            .acquisition = "ei",
                            .warnings = "",
                            .measured = c->table };
    c->front[0] = 1;
    c->front[1] = 5;
    for (size_t k = 0; k < n_objectives; k++)
        q->loo[k] = (hg_loo) { .n = MEASURED,
                               .row = c->row,
                               .y = c->y[k],
                               .mean = c->mean[k],
                               .sd = c->sd[k],
                               .max_abs_z = 2.2,
                               .max_abs_z_row = 4,
                               .better_than_mean = true,
                               .words = "The model is better than the mean." };
    c->report = hg_report_default();
    c->report.suggestions = q;
    c->report.objective = c->objective;
    c->report.n_objectives = n_objectives;
}

static void end(campaign *c) {
    hg_features_free(c->features);
    hg_table_free(c->table);
}

static double COLUMNS[3][ROWS];
static const char *const NAMES[] = { "x_pos (mm)", "T (\u00b0C)", "p (Pa)" };

static double (*columns(void))[ROWS] {
    hg_rng r = hg_rng_make(11, 0);
    for (size_t j = 0; j < 3; j++)
        for (size_t i = 0; i < ROWS; i++) COLUMNS[j][i] = 2 * hg_rng_uniform(&r);
    return COLUMNS;
}

static double (*shares(void))[ROWS] {
    hg_rng r = hg_rng_make(12, 0);
    for (size_t i = 0; i < ROWS; i++) {
        const double u = hg_rng_uniform(&r), v = sqrt(hg_rng_uniform(&r));
        COLUMNS[0][i] = u * v;
        COLUMNS[1][i] = 1 - v;
        COLUMNS[2][i] = (1 - u) * v;
    }
    return COLUMNS;
}

static const double BEST[] = { 0.5, 0.4, 0.6, 0.8, 0.6, 0.9, 1, 0.9, 1 },
                    RANDOM[] = { 0.5, 0.4, 0.6, 0.5, 0.4, 0.7, 0.6, 0.4, 0.8 };

static hg_replay_result replay(void) {
    return (hg_replay_result) { .n_pool = 132,
                                .runs = 200,
                                .budget = 2,
                                .initial = 2,
                                .to_95 = { 5, 7, 9, 0 },
                                .to_99 = { 6, NAN, NAN, 30 },
                                .to_top5 = { 3, 5, 8, 0 },
                                .random_95 = { 30, 90, 130, 0 },
                                .random_99 = { 60, 110, 130, 0 },
                                .random_top5 = { 12, 40, 99, 0 },
                                .best_so_far = BEST,
                                .random_best = RANDOM,
                                .y_best = 1,
                                .words = "Half of the runs were done after 5." };
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    for (; (text = strstr(text, part)) != NULL; text++) n++;
    return n;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void the_page_says_what_to_do_and_needs_nothing_else(void **state) {
    (void)state;
    campaign c;
    make(&c, NAMES, columns(), 2, "Hc (kA/m)", 1);
    c.q.warnings = "Column \"p\" was left out.\nOnly 14 rows.";
    c.report.footer = "hagane suggest pool.csv --seed 0";
    hg_bytes page;
    hg_err err;
    assert_ok_err(hg_report_html(&page, &c.report, &err), err);
    assert_int_equal(strlen(page.data), page.len);
    const char *const said[] = { "<!DOCTYPE html>",
                                 "What to measure next: Hc (kA/m)",
                                 "14 measured rows of pool.csv, 46 candidates",
                                 "Hc (kA/m) (maximise)",
                                 "High expected value: 1.2 \u00b1 0.1",
                                 "<li>Only 14 rows.</li>",
                                 "Gaussian process, Matern 5/2.",
                                 "60\u2009%",
                                 "hagane suggest pool.csv --seed 0",
                                 "figure-progress",
                                 "figure-parity",
                                 "figure-map",
                                 "figure-pool",
                                 "figure-relevance",
                                 "</html>" };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) assert_contains(page.data, said[i]);
    const char *const never[] = { "<script", "http://", "https://", "<link", "<img", "@import", "file:" };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        for (const char *s = page.data; (s = strstr(s, never[i])) != NULL; s++)
            assert_true(strncmp(s, "http://www.w3.org/", 18) == 0); /* names of XML spaces, never fetched */
    assert_int_equal(count(page.data, "<td class=\"rank\">"), 3);
    assert_int_equal(count(page.data, "<figure"), count(page.data, "</figure>"));
    /* ids are unique on the whole page */
    for (const char *s = page.data; (s = strstr(s, " id=\"")) != NULL; s++) {
        char id[64];
        snprintf(id, sizeof id, "%.*s\"", (int)(strcspn(s + 5, "\"") + 5), s);
        assert_int_equal(count(page.data, id), 1);
    }
    hg_bytes again;
    assert_ok(hg_report_html(&again, &c.report, NULL));
    assert_string_equal(page.data, again.data);
    hg_bytes_free(&again);
    hg_bytes_free(&page);
    end(&c);
}

static void hostile_names_stay_text(void **state) {
    (void)state;
    const char *const names[] = { "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "a&amp;'b\xff" };
    campaign c;
    make(&c, names, columns(), 3, "</style><svg onload=alert(1)>", 1);
    c.next[0].why = "<iframe src='https://x'>";
    c.q.warnings = "<b>bold</b>";
    c.report.label = names[1];
    c.report.footer = "</footer><script>";
    hg_bytes page;
    hg_err err;
    assert_ok_err(hg_report_html(&page, &c.report, &err), err);
    const char *const never[] = { "<script", "<img", "onerror=alert(1)>", "<iframe", "<b>", "<svg onload", "\xff" };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) assert_null(strstr(page.data, never[i]));
    assert_contains(page.data, "&lt;script&gt;alert(1)&lt;/script&gt;");
    assert_contains(page.data, "a&amp;amp;&#39;b\ufffd");
    assert_contains(page.data, "&quot;&gt;&lt;img src=x");
    assert_int_equal(count(page.data, "</style>"), 1);
    hg_bytes_free(&page);
    end(&c);
}

static void shares_that_sum_to_one_become_a_triangle(void **state) {
    (void)state;
    const char *const names[] = { "Fe", "Co", "Ni" };
    campaign c;
    make(&c, names, shares(), 3, "Ms (T)", 1);
    hg_bytes page;
    assert_ok(hg_report_html(&page, &c.report, NULL));
    assert_contains(page.data, "The composition triangle.");
    hg_bytes_free(&page);
    end(&c);
    COLUMNS[2][ROWS - 1] += 0.1; /* one row that does not sum to one: no triangle */
    make(&c, names, COLUMNS, 3, "Ms (T)", 1);
    assert_ok(hg_report_html(&page, &c.report, NULL));
    assert_contains(page.data, "The two most relevant inputs.");
    hg_bytes_free(&page);
    end(&c);
}

static void one_input_becomes_a_curve_and_a_space_needs_no_pool(void **state) {
    (void)state;
    campaign c;
    make(&c, NAMES, columns(), 1, "Ms (T)", 1);
    hg_bytes page;
    assert_ok(hg_report_html(&page, &c.report, NULL));
    assert_contains(page.data, "along the only input");
    hg_bytes_free(&page);
    end(&c);
    make(&c, NAMES, columns(), 2, "Ms (T)", 1);
    c.q.pool_mean = c.q.pool_sd = c.q.pool_score = NULL;
    c.q.pool_row = NULL;
    c.q.n_pool = 0;
    for (size_t i = 0; i < 3; i++) c.next[i].row = SIZE_MAX;
    assert_ok(hg_report_html(&page, &c.report, NULL));
    assert_contains(page.data, "new point");
    assert_contains(page.data, "figure-map");
    assert_null(strstr(page.data, "figure-pool"));
    hg_bytes_free(&page);
    end(&c);
}

static void two_objectives_show_their_front(void **state) {
    (void)state;
    campaign c;
    make(&c, NAMES, columns(), 3, "Ms (T)", 2);
    hg_bytes page;
    assert_ok(hg_report_html(&page, &c.report, NULL));
    assert_contains(page.data, "figure-pareto\"");
    assert_null(strstr(page.data, "figure-pareto13"));
    assert_contains(page.data, "2 measured rows are on the front.");
    assert_contains(page.data, "minimise cost of &lt;b&gt;metal&lt;/b&gt;");
    assert_contains(page.data, "chance to enlarge the front");
    hg_bytes_free(&page);
    end(&c);
}

static void a_replay_is_told_beside_random_order(void **state) {
    (void)state;
    const hg_objective objective = { "Hc", true };
    const hg_replay_result p = replay();
    hg_report r = hg_report_default();
    r.replay = &p;
    r.objective = &objective;
    r.n_objectives = 1;
    hg_bytes page;
    assert_ok(hg_report_html(&page, &r, NULL));
    assert_contains(page.data, "<td>95 % of the best</td><td>hagane</td><td class=\"n\">5</td><td class=\"n\">7</td>");
    assert_contains(page.data, "<td class=\"n\">not reached</td><td class=\"n\">30 of 200</td>");
    assert_contains(page.data, "figure-replay");
    assert_null(strstr(page.data, "figure-parity"));
    hg_bytes_free(&page);
}

static void every_figure_that_fits_can_be_had_alone(void **state) {
    (void)state;
    campaign c;
    make(&c, NAMES, columns(), 2, "Hc (kA/m)", 1);
    hg_bytes b;
    hg_err err;
    size_t n = 0;
    for (size_t i = 0; i < hg_report_figures(); i++) {
        const hg_status st = hg_report_figure(&b, hg_report_figure_name(i), HG_FIGURE_PDF, &c.report, &err);
        assert_int_equal(st, hg_report_figure_fits(i, &c.report) ? HG_OK : HG_EDATA);
        if (st == HG_OK) assert_memory_equal(b.data, "%PDF", 4);
        n += st == HG_OK;
        hg_bytes_free(&b);
    }
    assert_int_equal(n, 6); /* progress, map, pool, relevance, parity, residuals */
    assert_int_equal(hg_report_figure(&b, "partiy", HG_FIGURE_SVG, &c.report, &err), HG_ENOTFOUND);
    assert_contains(err.hint, "did you mean parity?");
    assert_null(hg_report_figure_name(hg_report_figures()));
    end(&c);
}

static size_t figure_index(const char *name) {
    size_t i = 0;
    while (strcmp(hg_report_figure_name(i), name) != 0) i++;
    return i;
}

static const hg_layer *layer_named(const hg_sheet *s, const char *name) {
    for (size_t k = 0; k < s->figure.n_layers; k++)
        if (s->layer[k].name && strcmp(s->layer[k].name, name) == 0) return &s->layer[k];
    fail_msg("no layer %s", name);
    return NULL;
}

/* What is drawn, before it becomes ink: the layers of the figures against the result they were made from. */
static void figures_hold_the_numbers_of_the_result(void **state) {
    (void)state;
    campaign c;
    make(&c, NAMES, columns(), 3, "Ms (T)", 2);
    c.row[0] = 5; /* leave-one-out rows need not come in order: the figure sorts them */
    c.row[5] = 0;
    hg_arena *mem = hg_arena_new();
    hg_sheet s;
    assert_ok(hg_sheet_make(&s, figure_index("progress2"), &c.report, mem, NULL)); /* the second is minimised */
    const hg_layer *measured = layer_named(&s, "measured"), *best = layer_named(&s, "best so far");
    assert_close(measured->y[0], c.y[1][5], 0);
    double least = INFINITY;
    for (size_t i = 0; i < MEASURED; i++) {
        least = fmin(least, measured->y[i]);
        assert_close(best->y[i], least, 0);
    }
    assert_ok(hg_sheet_make(&s, figure_index("parity2"), &c.report, mem, NULL));
    const hg_layer *rows = layer_named(&s, "rows, 90 % interval");
    assert_close(rows->high[3] - rows->low[3], 2 * 1.644853626951 * c.sd[1][3], 1e-12); /* 5 % beyond each end */
    assert_close(rows->x[3], c.y[1][3], 0);
    assert_ok(
        hg_sheet_make(&s, figure_index("map"), &c.report, mem, NULL)); /* relevance 0.9 is column 1, 0.5 column 2 */
    assert_string_equal(s.figure.x.label, NAMES[1]);
    assert_string_equal(s.figure.y.label, NAMES[2]);
    const hg_layer *next = layer_named(&s, "suggested"), *pool = layer_named(&s, "candidates");
    assert_close(next->x[2], COLUMNS[1][MEASURED + 6], 0);
    assert_close(pool->y[7], COLUMNS[2][MEASURED + 7], 0);
    assert_close(pool->value[7], c.pool_mean[7], 0);
    hg_arena_free(mem);
    end(&c);
}

/* Front (1, 2), (3, 5), (4, 6), first maximised, second minimised: dominated is what lies left of and above a point, so the
 * border goes up at each x and on to the right: (1,2) (1,5) (3,5) (3,6) (4,6). */
static void the_border_of_the_front_turns_to_the_dominated_side(void **state) {
    (void)state;
    campaign c;
    make(&c, NAMES, columns(), 2, "Ms (T)", 2);
    const double x[] = { 1, 3, 4 }, y[] = { 2, 5, 6 }, bx[] = { 1, 1, 3, 3, 4 }, by[] = { 2, 5, 5, 6, 6 },
                 ux[] = { 1, 3, 3, 4, 4 }, uy[] = { 2, 2, 5, 5, 6 };
    double all[2][ROWS];
    for (size_t i = 0; i < ROWS; i++) all[0][i] = all[1][i] = NAN;
    for (size_t i = 0; i < 3; i++) {
        all[0][2 * i] = x[2 - i]; /* in another order */
        all[1][2 * i] = y[2 - i];
    }
    hg_table *t;
    assert_ok(hg_table_new(&t, "front.csv", ROWS, NULL));
    assert_ok(hg_table_add_numbers(t, "Ms (T)", all[0], NULL));
    assert_ok(hg_table_add_numbers(t, "cost of <b>metal</b>", all[1], NULL));
    const size_t front[] = { 0, 2, 4 };
    c.q.measured = t;
    c.q.front = front;
    c.q.n_front = 3;
    hg_arena *mem = hg_arena_new();
    hg_sheet s;
    for (size_t k = 0; k < 2; k++) {
        c.objective[0].maximize = k == 0; /* and the mirror image: first minimised, second maximised */
        c.objective[1].maximize = k == 1;
        assert_ok(hg_sheet_make(&s, figure_index("pareto"), &c.report, mem, NULL));
        const hg_layer *border = &s.layer[1];
        assert_int_equal(border->kind, HG_LAYER_LINE);
        assert_int_equal(border->n, 5);
        for (size_t i = 0; i < 5; i++) {
            assert_close(border->x[i], k ? ux[i] : bx[i], 0);
            assert_close(border->y[i], k ? uy[i] : by[i], 0);
        }
    }
    hg_arena_free(mem);
    hg_table_free(t);
    end(&c);
}

static void numbers_carry_the_digits_they_deserve(void **state) {
    (void)state;
    const struct {
        double mean, sd;
        const char *text;
    } cases[] = { { 1.23456, 0.0789, "1.235\u2009\u00b1\u20090.079" },
                  { 812.3, 31, "812\u2009\u00b1\u200931" },
                  { -1.5e7, 2.4e5, "(\u22121.500\u2009\u00b1\u20090.024)\u00d710\u2077" },
                  { 3, 0, "3.000" },
                  { NAN, 1, "\u2013" },
                  { 1e-310, 1e-311, "(1.00\u2009\u00b1\u20090.10)\u00d710\u207b\u00b3\u00b9\u2070" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hg_text t = hg_text_new(0);
        hg_html_plus_minus(&t, cases[i].mean, cases[i].sd);
        assert_string_equal(t.s, cases[i].text);
        hg_text_free(&t);
    }
    hg_text t = hg_text_new(0);
    hg_html_formula(&t, "Nd2(Fe0.85Co0.15)14B<");
    assert_string_equal(t.s, "Nd<sub>2</sub>(Fe<sub>0.85</sub>Co<sub>0.15</sub>)<sub>14</sub>B&lt;");
    hg_text_free(&t);
}

static void refuses_half_a_result_and_survives_any_allocation_failure(void **state) {
    (void)state;
    hg_bytes page;
    hg_err err;
    hg_report none = hg_report_default();
    assert_int_equal(hg_report_html(&page, &none, &err), HG_EINVAL);
    assert_null(page.data);
    campaign c;
    make(&c, NAMES, columns(), 2, "Hc", 1);
    c.report.label = "sampel";
    assert_int_equal(hg_report_html(&page, &c.report, &err), HG_ENOTFOUND);
    c.report.label = NULL;
    c.report.n_objectives = 2;
    assert_int_equal(hg_report_html(&page, &c.report, &err), HG_EINVAL);
    c.report.n_objectives = 1;
    long failures = 0;
    for (long k = 0;; k += 1 + k / 4) { /* a page makes hundreds of allocations: all of the first, then fewer */
        page = (hg_bytes) { (char *)state, 1 };
        fail_alloc_after(k);
        const hg_status st = hg_report_html(&page, &c.report, &err);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            hg_bytes_free(&page);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(page.data);
        failures++;
    }
    assert_true(failures > 12);
    end(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_page_says_what_to_do_and_needs_nothing_else),
        TEST(hostile_names_stay_text),
        TEST(shares_that_sum_to_one_become_a_triangle),
        TEST(one_input_becomes_a_curve_and_a_space_needs_no_pool),
        TEST(two_objectives_show_their_front),
        TEST(a_replay_is_told_beside_random_order),
        TEST(every_figure_that_fits_can_be_had_alone),
        TEST(figures_hold_the_numbers_of_the_result),
        TEST(the_border_of_the_front_turns_to_the_dominated_side),
        TEST(numbers_carry_the_digits_they_deserve),
        TEST(refuses_half_a_result_and_survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
