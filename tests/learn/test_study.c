/* tests/learn/test_study.c -- scores, intervals, the domain of validity, and the choice among learners */
#include "learn/study.h"
#include "core/memory.h"
#include "learn/domain.h"
#include "test.h"

/* ---- scores ---------------------------------------------------------------------------------------------------------- */

static void scores_are_those_of_the_textbook(void **state) {
    (void)state;
    const double value[3] = { 1, 2, 3 }, y[3] = { 2, 2, 1 };
    const hg_score s = hg_score_values(value, y, 3);
    assert_close(s.mae, 1, 1e-15);
    assert_close(s.rmse, sqrt(5.0 / 3), 1e-15);
    assert_true(isnan(s.auc) && isnan(s.coverage90));
    /* ones at 0.9, 0.5; zeros at 0.5, 0.1: three pairs in order and a tie, of four */
    const double p[8] = { 0.1, 0.9, 0.5, 0.5, 0.5, 0.5, 0.9, 0.1 }, c[4] = { 1, 1, 0, 0 };
    hg_score k;
    assert_ok(hg_score_classes(&k, p, c, 4, 2, NULL));
    assert_close(k.auc, 3.5 / 4, 1e-15);
    assert_close(k.log_loss, -(2 * log(0.9) + 2 * log(0.5)) / 4, 1e-15);
    assert_close(k.accuracy, 0.75, 1e-15); /* a tie goes to the first class */
    assert_close(k.brier, 2 * (0.01 + 0.25 + 0.25 + 0.01) / 4, 1e-15);
    assert_close(hg_score_loss(&k), k.brier, 0);
    assert_close(hg_score_loss(&s), 1, 1e-15);
    const double all[4] = { 1, 1, 1, 1 };
    assert_ok(hg_score_classes(&k, p, all, 4, 2, NULL));
    assert_true(isnan(k.auc)); /* there is no zero to be above of */
}

/* ---- intervals ------------------------------------------------------------------------------------------------------- */

/* Without signs the half width is the order statistic itself. */
static void a_level_is_a_rank(void **state) {
    (void)state;
    double r[19];
    hg_signs s[19] = { 0 };
    hg_bars b;
    for (size_t i = 0; i < 19; i++) r[i] = (i % 2 ? -1.0 : 1.0) * (double)(i + 1);
    assert_ok(hg_bars_fit(&b, r, s, 19, NULL));
    assert_close(hg_bars_half(&b, s, 0.9), 18, 1e-12); /* rank ceil(20 * 0.9) */
    assert_close(hg_bars_half(&b, s, 0.5), 10, 1e-12);
    assert_close(hg_bars_half(&b, s, 0.99), 19, 1e-12); /* rank 20 there is not: the largest */
}

/* Errors in proportion to a sign: the widths find it, and new rows are covered at both ends alike. */
static void widths_follow_what_tells_of_errors(void **state) {
    (void)state;
    enum { N = 4000 };
    double *r = malloc(2 * N * sizeof *r);
    hg_signs *s = calloc(2 * N, sizeof *s);
    hg_bars b;
    hg_rng g = hg_rng_make(5, 0);
    for (size_t i = 0; i < 2 * N; i++) {
        s[i].sign[0] = hg_rng_uniform(&g); /* says nothing */
        s[i].sign[1] = 0.1 + 3 * hg_rng_uniform(&g);
        s[i].sign[2] = (double)NAN;
        r[i] = 2 * s[i].sign[1] * hg_rng_normal(&g);
    }
    assert_ok(hg_bars_fit(&b, r, s, N, NULL));
    size_t in[2] = { 0 }, n[2] = { 0 };
    for (size_t i = N; i < 2 * N; i++) {
        const size_t large = s[i].sign[1] > 1.6;
        n[large]++;
        in[large] += fabs(r[i]) <= hg_bars_half(&b, &s[i], 0.9);
    }
    for (size_t k = 0; k < 2; k++) assert_true(fabs((double)in[k] / (double)n[k] - 0.9) < 0.035);
    free(r);
    free(s);
}

/* Of few rows the widths are not chosen by the errors that they are then held against. Signs that say nothing are the worst case. */
static void few_rows_do_not_choose_their_own_widths(void **state) {
    (void)state;
    enum { N = 30, NEW = 20, DRAWS = 500 };
    double r[N];
    hg_signs s[N], one = { { 0 } };
    size_t inside = 0;
    hg_rng g = hg_rng_make(17, 0);
    for (size_t draw = 0; draw < DRAWS; draw++) {
        hg_bars b;
        for (size_t i = 0; i < N; i++) {
            r[i] = hg_rng_normal(&g);
            for (size_t k = 0; k < HG_SIGNS; k++) s[i].sign[k] = exp(hg_rng_normal(&g));
        }
        assert_ok(hg_bars_fit(&b, r, s, N, NULL));
        for (size_t i = 0; i < NEW; i++) {
            for (size_t k = 0; k < HG_SIGNS; k++) one.sign[k] = exp(hg_rng_normal(&g));
            inside += fabs(hg_rng_normal(&g)) <= hg_bars_half(&b, &one, 0.9);
        }
    }
    assert_true((double)inside / (NEW * DRAWS) > 0.895); /* 0.884 when they do */
}

/* ---- domain ---------------------------------------------------------------------------------------------------------- */

enum { ROWS = 50 };

static hg_rows line(float *x, hg_composition *c, double *y) {
    for (size_t i = 0; i < ROWS; i++) {
        x[2 * i] = (float)i;
        x[2 * i + 1] = (float)((i * 37) % ROWS);
        c[i] = (hg_composition) { .n = 1, .species = { { .z = 26 + (unsigned)(i % 2), .amount = 1 } } };
        y[i] = 2 * (double)i + 0.1 * (double)x[2 * i + 1];
    }
    return (hg_rows) { .n = ROWS, .d = 2, .x = x, .composition = c, .y = y };
}

static void what_is_unlike_the_training_is_told(void **state) {
    float x[2 * ROWS];
    hg_composition c[ROWS];
    double y[ROWS];
    const hg_rows rows = line(x, c, y);
    const bool plain[2] = { true, false };
    hg_domain dom, back;
    hg_domain_view v[ROWS];
    size_t outside = 0;
    assert_ok(hg_domain_fit(&dom, &rows, plain, 1, NULL, NULL));
    assert_ok(hg_domain_look(v, &dom, &rows, false, NULL, NULL));
    for (size_t i = 0; i < ROWS; i++) assert_false(v[i].outside); /* each is its own neighbour */
    assert_ok(hg_domain_look(v, &dom, &rows, true, NULL, NULL));
    for (size_t i = 0; i < ROWS; i++) outside += v[i].outside;
    assert_true(outside <= 1);
    const float far_x[2] = { 40, 1000 }, range_x[2] = { 60, 40 };
    hg_rows one = { .n = 1, .d = 2, .x = far_x, .composition = c };
    assert_ok(hg_domain_look(v, &dom, &one, false, NULL, NULL));
    assert_true(v->outside && v->distance > 1 && v->column == SIZE_MAX && !v->element);
    one.x = range_x;
    assert_ok(hg_domain_look(v, &dom, &one, false, NULL, NULL));
    assert_true(v->outside && v->column == 0);
    const hg_composition hafnium = { .n = 1, .species = { { .z = 72, .amount = 1 } } };
    one.x = x + 20, one.composition = &hafnium;
    assert_ok(hg_domain_look(v, &dom, &one, false, NULL, NULL));
    assert_true(v->outside && v->element == 72);

    char path[512]; /* to a file and back: the same view; a reach of nothing is refused */
    hg_shelf shelf = hg_shelf_new(*state);
    hg_safetensors *file;
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok(hg_domain_save(&dom, &shelf, NULL));
    test_scratch(path, sizeof path, "domain.safetensors");
    assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
    assert_ok(hg_safetensors_open(&file, path, 0, NULL));
    hg_domain_view again;
    assert_ok(hg_domain_load(&back, &(hg_shelf_view) { file, path, "" }, 2, NULL));
    assert_ok(hg_domain_look(&again, &back, &one, false, NULL, NULL));
    assert_true(again.element == 72 && again.distance == v->distance);
    hg_domain_free(&back);
    assert_int_equal(hg_domain_load(&back, &(hg_shelf_view) { file, path, "" }, 3, NULL), HG_EDATA);
    hg_safetensors_free(file);
    hg_shelf_free(&shelf);
    hg_arena_reset(*state, mark);
    hg_domain_free(&dom);
}

/* ---- the choice ------------------------------------------------------------------------------------------------------- */

static double clock_of(void *ctx) { return *(double *)ctx += 10; } /* ten seconds a look */

/* A straight line is what ridge regression is for; trees are far behind after one part, and say so. */
static void who_is_far_behind_goes_no_further(void **state) {
    enum { MANY = 200 };
    float x[2 * MANY];
    double y[MANY];
    const hg_mark mark = hg_arena_mark(*state);
    hg_rng g = hg_rng_make(8, 0);
    for (size_t i = 0; i < MANY; i++) {
        x[2 * i] = (float)hg_rng_normal(&g);
        x[2 * i + 1] = (float)hg_rng_normal(&g);
        y[i] = (double)x[2 * i] + (double)x[2 * i + 1] + 0.01 * hg_rng_normal(&g);
    }
    const hg_rows rows = { .n = MANY, .d = 2, .x = x, .y = y };
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    size_t behind = 0;
    double now = 0;
    o.seconds = clock_of, o.clock = &now, o.budget = 360; /* enough for the first of them */
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    for (size_t i = 0; i < s.n_trials; i++) {
        const hg_trial *t = &s.trial[i];
        if (strcmp(t->learner->name, "ridge") == 0) assert_true(t->weight > 0);
        if (strcmp(t->learner->name, "extratrees") != 0) continue;
        behind += strstr(t->why, "left behind: on the first part") != NULL;
    }
    assert_int_equal(behind, 1);
    hg_study_free(&s);
    hg_arena_reset(*state, mark);
}

/* All that ten minutes by that clock allow: the networks, last in the table, would take most of the test's time. */
static void a_study_tries_many_and_blends_the_best(void **state) {
    float x[2 * ROWS];
    hg_composition c[ROWS];
    double y[ROWS], out[ROWS];
    const hg_rows rows = line(x, c, y);
    const hg_mark mark = hg_arena_mark(*state);
    hg_err err = { 0 };
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    double now = 0;
    o.seconds = clock_of, o.clock = &now, o.budget = 600;
    hg_blend b;
    assert_ok_err(hg_study_run(&s, &rows, &o, *state, &err), err);
    size_t n = 0, tried = 0;
    double weight = 0, best = INFINITY;
    while (hg_learner_at(n)) n++;
    assert_true(s.n_trials >= n);
    for (size_t i = 0; i < s.n_trials; i++) {
        weight += s.trial[i].weight;
        tried += s.trial[i].out != NULL;
        if (s.trial[i].out) best = fmin(best, hg_score_loss(&s.trial[i].score));
        assert_true((s.trial[i].out != NULL) == (s.trial[i].why[0] == '\0'));
    }
    assert_true(tried > 3);
    assert_close(weight, 1, 1e-12);
    for (size_t i = 0; i < ROWS; i++) out[i] = 0;
    for (size_t i = 0; i < s.n_trials; i++)
        for (size_t k = 0; k < ROWS && s.trial[i].weight > 0; k++) out[k] += s.trial[i].weight * s.trial[i].out[k];
    assert_true(hg_score_values(out, y, ROWS).mae <= best * (1 + 1e-12)); /* no worse than the best one alone */
    assert_close(s.score.mae, hg_score_values(s.out, y, ROWS).mae, 1e-15);
    assert_true(s.score.mae < 3); /* of values from 0 to 103 */
    assert_ok_err(hg_blend_fit(&b, &s, &rows, &o, &err), err);
    assert_ok_err(hg_blend_predict(out, NULL, &b, &rows, NULL, &err), err);
    assert_true(hg_score_values(out, y, ROWS).mae < 3);
    hg_blend_free(&b);
    hg_study_free(&s);

    o.learner = "ridge", o.single = true;
    assert_ok_err(hg_study_run(&s, &rows, &o, *state, &err), err);
    for (size_t i = 0; i < s.n_trials; i++) assert_string_equal(s.trial[i].learner->name, "ridge");
    hg_study_free(&s);
    o.learner = "ridge  gp", o.single = false;
    assert_ok_err(hg_study_run(&s, &rows, &o, *state, &err), err);
    size_t of[2] = { 0 };
    for (size_t i = 0; i < s.n_trials; i++) of[strcmp(s.trial[i].learner->name, "gp") == 0]++;
    assert_true(of[0] > 0 && of[1] > 0 && of[0] + of[1] == s.n_trials && s.trial[0].out);
    hg_study_free(&s);
    o.settings = "penalty=1"; /* whose? */
    assert_int_equal(hg_study_run(&s, &rows, &o, *state, &err), HG_EINVAL);
    o.learner = "ridge rigde", o.settings = NULL;
    assert_int_equal(hg_study_run(&s, &rows, &o, *state, &err), HG_ENOTFOUND);
    assert_contains(err.hint, "ridge");
    o.learner = NULL, o.settings = "penalty=1";
    assert_int_equal(hg_study_run(&s, &rows, &o, *state, &err), HG_EINVAL);
    hg_arena_reset(*state, mark);
}

static void a_budget_ends_the_trials_and_says_so(void **state) {
    float x[2 * ROWS];
    hg_composition c[ROWS];
    double y[ROWS], now = 0;
    const hg_rows rows = line(x, c, y);
    const hg_mark mark = hg_arena_mark(*state);
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    o.seconds = clock_of, o.clock = &now, o.budget = 1;
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    size_t done = 0;
    for (size_t i = 0; i < s.n_trials; i++) {
        done += s.trial[i].out != NULL;
        if (!s.trial[i].out && (!s.trial[i].learner->suits || !s.trial[i].learner->suits(&rows)))
            assert_contains(s.trial[i].why, "time");
    }
    assert_int_equal(done, 1); /* one is tried, whatever the budget */
    hg_study_free(&s);
    hg_arena_reset(*state, mark);
}

/* What holds rows out anyway is not fitted once more: the models of the parts, each with its share of the series, say their mean. */
static void models_of_the_parts_stay(void **state) {
    float x[2 * ROWS];
    hg_composition c[ROWS];
    double y[ROWS], out[2][ROWS], one[ROWS], mean[ROWS] = { 0 }, parts[1] = { HG_STUDY_MODELS + 1 };
    const hg_rows rows = line(x, c, y);
    const hg_mark mark = hg_arena_mark(*state);
    char path[512];
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    hg_blend b, back;
    hg_safetensors *file;
    hg_err err = { 0 };
    o.learner = "mlp", o.folds = 3, o.single = true;
    assert_ok_err(hg_study_run(&s, &rows, &o, *state, &err), err);
    assert_ok_err(hg_blend_fit(&b, &s, &rows, &o, &err), err);
    hg_study_free(&s);
    assert_int_equal(b.member[0].models, 3);
    assert_ok_err(hg_blend_predict(out[0], NULL, &b, &rows, NULL, &err), err);
    for (size_t k = 0; k < 3; k++) {
        assert_ok(b.member[0].learner->predict(one, NULL, b.member[0].model[k], &rows, NULL, NULL));
        for (size_t i = 0; i < ROWS; i++) mean[i] += one[i] / 3;
    }
    for (size_t i = 0; i < ROWS; i++) assert_close(out[0][i], mean[i], 1e-12 * fabs(mean[i]));
    hg_shelf shelf = hg_shelf_new(*state);
    assert_ok(hg_blend_save(&b, &shelf, NULL));
    test_scratch(path, sizeof path, "parts.safetensors");
    assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
    assert_ok(hg_safetensors_open(&file, path, 0, NULL));
    const hg_shelf_view view = { file, path, "" };
    const char *version = b.member[0].learner->version;
    assert_ok_err(hg_blend_load(&back, &view, &version, 1, 2, 0, 0, &err), err);
    assert_ok_err(hg_blend_predict(out[1], NULL, &back, &rows, NULL, &err), err);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    hg_blend_free(&back);
    hg_safetensors_free(file);
    for (size_t i = 0; i < shelf.n; i++) /* more than a study has */
        if (strcmp(shelf.tensor[i].name, "parts") == 0) shelf.tensor[i].data = parts;
    assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
    assert_ok(hg_safetensors_open(&file, path, 0, NULL));
    assert_int_equal(hg_blend_load(&back, &(hg_shelf_view) { file, path, "" }, &version, 1, 2, 0, 0, &err), HG_EDATA);
    hg_safetensors_free(file);
    hg_blend_free(&b);
    o.settings = "members=2 epochs=2"; /* what is given holds: one model of all rows */
    assert_ok_err(hg_study_run(&s, &rows, &o, *state, &err), err);
    assert_ok_err(hg_blend_fit(&b, &s, &rows, &o, &err), err);
    assert_int_equal(b.member[0].models, 1);
    hg_blend_free(&b);
    hg_study_free(&s);
    hg_shelf_free(&shelf);
    hg_arena_reset(*state, mark);
}

/* Of many rows a tenth is left out, once; its predictions are those of a fit to the others. */
static void of_many_rows_one_part_is_left_out(void **state) {
    enum { MANY = 20001 };
    const hg_mark mark = hg_arena_mark(*state);
    float *x = hg_alloc(*state, 2 * MANY, sizeof *x);
    double *y = hg_alloc(*state, MANY, sizeof *y);
    hg_rng g = hg_rng_make(6, 0);
    for (size_t i = 0; i < MANY; i++) {
        x[2 * i] = (float)hg_rng_normal(&g);
        x[2 * i + 1] = (float)hg_rng_normal(&g);
        y[i] = (double)x[2 * i] - 3 * (double)x[2 * i + 1] + 0.1 * hg_rng_normal(&g);
    }
    const hg_rows rows = { .n = MANY, .d = 2, .x = x, .y = y };
    hg_rows judged;
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    o.learner = "ridge";
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    assert_true(s.n == MANY / 10 || s.n == MANY / 10 + 1);
    assert_ok(hg_study_judged(&judged, &s, &rows, *state, NULL));
    assert_int_equal(judged.n, s.n);
    for (size_t i = 0; i < s.n; i++) {
        assert_true(judged.y[i] == y[s.row[i]]);
        assert_true(fabs(s.out[i] - judged.y[i]) < 0.6); /* six standard deviations of the noise */
    }
    assert_close(s.score.mae, hg_score_values(s.out, judged.y, s.n).mae, 1e-15);
    hg_study_free(&s);
    double ticks = 0; /* with a budget for one learner alone the table says what would have been tried */
    o.learner = NULL, o.seconds = clock_of, o.clock = &ticks, o.budget = 1;
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    for (size_t i = 0; i < s.n_trials; i++) {
        assert_string_equal(s.trial[i].settings, ""); /* no variants */
        if (strcmp(s.trial[i].learner->name, "forest") == 0) assert_contains(s.trial[i].why, "only when it is named");
    }
    hg_study_free(&s);
    hg_arena_reset(*state, mark);
}

/* Of some thousand rows no variant is tried, and the trees of the parts are the model. */
static void of_thousands_of_rows_trees_stay(void **state) {
    enum { SOME = 5001 };
    const hg_mark mark = hg_arena_mark(*state);
    float *x = hg_alloc(*state, 2 * SOME, sizeof *x);
    double *y = hg_alloc(*state, SOME, sizeof *y), *out = hg_alloc(*state, SOME, sizeof *out);
    hg_signs *signs = hg_alloc(*state, SOME, sizeof *signs);
    hg_rng g = hg_rng_make(7, 0);
    for (size_t i = 0; i < SOME; i++) {
        x[2 * i] = (float)hg_rng_normal(&g), x[2 * i + 1] = (float)hg_rng_normal(&g);
        y[i] = (double)x[2 * i] - 3 * (double)x[2 * i + 1];
    }
    hg_rows rows = { .n = SOME, .d = 2, .x = x, .y = y };
    hg_study s;
    hg_blend b;
    hg_study_opts o = hg_study_opts_default();
    o.learner = "extratrees";
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    assert_int_equal(s.n, SOME);
    assert_int_equal(s.n_trials, 1); /* no variants */
    assert_ok(hg_blend_fit(&b, &s, &rows, &o, NULL));
    assert_int_equal(b.member[0].models, o.folds);
    assert_ok(hg_blend_predict(out, signs, &b, &rows, NULL, NULL));
    assert_true(hg_score_values(out, y, SOME).mae < 0.5 * s.score.mae); /* four of five models know a row */
    hg_blend_free(&b);
    hg_study_free(&s);
    rows.n = SOME - 1; /* at the bound variants are tried, and one model of all rows is made */
    o.learner = "extratrees", o.single = true;
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    assert_true(s.n_trials > 1);
    for (size_t i = 0; i < s.n_trials; i++) assert_int_equal(s.trial[i].models, 0);
    hg_study_free(&s);
    hg_arena_reset(*state, mark);
}

/* The predictions of a row are made without rows of its group: copies of a row with noise as target cannot be known. */
static void groups_are_never_on_both_sides(void **state) {
    enum { GROUPS = 30, COPIES = 4, ALL = GROUPS * COPIES };
    float x[ALL * 3];
    double y[ALL];
    size_t group[ALL];
    hg_rng g = hg_rng_make(11, 0);
    for (size_t i = 0; i < ALL; i++) {
        const bool first = i % COPIES == 0;
        group[i] = i / COPIES;
        y[i] = first ? hg_rng_normal(&g) : y[i - 1];
        for (size_t j = 0; j < 3; j++) x[3 * i + j] = first ? (float)hg_rng_normal(&g) : x[3 * (i - 1) + j];
    }
    const hg_rows rows = { .n = ALL, .d = 3, .x = x, .y = y, .group = group };
    const hg_mark mark = hg_arena_mark(*state);
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    o.learner = "kernel-ridge"; /* which remembers */
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    assert_true(s.score.rmse > 0.7); /* about 1: nothing can be learned */
    hg_arena_reset(*state, mark);
}

/* A member that does not see the sources stays so through a file: other sources, same answer. */
static void a_plain_member_stays_plain(void **state) {
    enum { WIDE = 3 };
    float x[ROWS * WIDE], other[ROWS * WIDE];
    double y[ROWS], out[2][ROWS], option[HG_LEARNER_OPTIONS_MOST];
    char path[512];
    hg_rng r = hg_rng_make(4, 0);
    for (size_t i = 0; i < ROWS * WIDE; i++) x[i] = other[i] = (float)hg_rng_normal(&r);
    for (size_t i = 0; i < ROWS; i++) y[i] = (double)(x[i * WIDE] + 2 * x[i * WIDE + 1]), other[i * WIDE] = 9;
    const hg_rows rows = { .n = ROWS, .d = WIDE, .x = x, .sources = 1, .y = y };
    hg_trial trial[2] = { { .learner = hg_learner_find("ridge"), .plain = true, .weight = 1 } };
    hg_learner_defaults(option, trial->learner);
    memcpy(trial->option, option, sizeof trial->option);
    hg_study s = { .n = ROWS, .outputs = 1, .trial = trial, .n_trials = 1 };
    const hg_study_opts o = hg_study_opts_default();
    hg_blend b, back;
    hg_safetensors *file;
    hg_err err = { 0 };
    const hg_mark mark = hg_arena_mark(*state);
    hg_shelf shelf = hg_shelf_new(*state);
    assert_ok_err(hg_blend_fit(&b, &s, &rows, &o, &err), err);
    assert_ok_err(hg_blend_predict(out[0], NULL, &b, &rows, NULL, &err), err);
    assert_ok(hg_blend_save(&b, &shelf, NULL));
    test_scratch(path, sizeof path, "plain.safetensors");
    assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
    assert_ok(hg_safetensors_open(&file, path, 0, NULL));
    assert_ok_err(
        hg_blend_load(&back, &(hg_shelf_view) { file, path, "" }, &trial->learner->version, 1, WIDE, 1, 0, &err), err);
    hg_rows changed = rows;
    changed.x = other;
    assert_ok_err(hg_blend_predict(out[1], NULL, &back, &changed, NULL, &err), err);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    hg_blend_free(&back);
    hg_blend_free(&b);
    hg_safetensors_free(file);
    hg_shelf_free(&shelf);
    hg_arena_reset(*state, mark);
}

/* Of two sets of statistics the one that is noise is hidden from the learner; so it stays through a file, and columns that no study has
 * chosen are refused. */
static void a_set_that_only_disturbs_is_hidden(void **state) {
    enum { N = 60, WIDE = 33 };
    static float x[N * WIDE], other[N * WIDE];
    static const char *set[WIDE];
    double y[N], out[2][N], wrong[2] = { 1, 0 };
    char path[512];
    hg_rng r = hg_rng_make(9, 0);
    for (size_t j = 0; j < WIDE; j++) set[j] = j == 0 ? "" : j == WIDE - 1 ? "telling" : "noise";
    for (size_t i = 0; i < N * WIDE; i++) x[i] = other[i] = (float)hg_rng_normal(&r);
    for (size_t i = 0; i < N; i++) y[i] = (double)(x[i * WIDE] + 2 * x[i * WIDE + WIDE - 1]);
    for (size_t i = 0; i < N * WIDE; i++)
        if (set[i % WIDE][0] == 'n') other[i] = 9;
    const hg_rows rows = { .n = N, .d = WIDE, .x = x, .set = set, .alike = "noise telling", .y = y };
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    hg_blend b, back;
    hg_safetensors *file;
    hg_err err = { 0 };
    const hg_mark mark = hg_arena_mark(*state);
    o.learner = "kernel-ridge", o.single = true;
    assert_ok_err(hg_study_run(&s, &rows, &o, *state, &err), err);
    for (size_t i = 0; i < s.n_trials; i++) {
        const hg_trial *t = &s.trial[i];
        assert_true((t->weight > 0) == (strcmp(t->hidden, "noise") == 0));
        if (strcmp(t->hidden, "telling noise") == 0 || strcmp(t->hidden, "noise telling") == 0)
            assert_int_equal(t->columns, 1);
    }
    assert_ok_err(hg_blend_fit(&b, &s, &rows, &o, &err), err);
    assert_int_equal(b.member[0].columns, 2);
    assert_true(b.member[0].column[0] == 0 && b.member[0].column[1] == WIDE - 1);
    assert_ok_err(hg_blend_predict(out[0], NULL, &b, &rows, NULL, &err), err);
    hg_shelf shelf = hg_shelf_new(*state);
    assert_ok(hg_blend_save(&b, &shelf, NULL));
    test_scratch(path, sizeof path, "columns.safetensors");
    assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
    assert_ok(hg_safetensors_open(&file, path, 0, NULL));
    const char *version = b.member[0].learner->version;
    assert_ok_err(hg_blend_load(&back, &(hg_shelf_view) { file, path, "" }, &version, 1, WIDE, 0, 0, &err), err);
    hg_rows changed = rows;
    changed.x = other;
    assert_ok_err(hg_blend_predict(out[1], NULL, &back, &changed, NULL, &err), err);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    hg_blend_free(&back);
    assert_int_equal(hg_blend_load(&back, &(hg_shelf_view) { file, path, "" }, &version, 1, WIDE - 1, 0, 0, &err),
                     HG_EDATA); /* its last column is past the end */
    hg_safetensors_free(file);
    for (size_t i = 0; i < shelf.n; i++)
        if (strcmp(shelf.tensor[i].name, "columns0") == 0) shelf.tensor[i].data = wrong;
    assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
    assert_ok(hg_safetensors_open(&file, path, 0, NULL));
    assert_int_equal(hg_blend_load(&back, &(hg_shelf_view) { file, path, "" }, &version, 1, WIDE, 0, 0, &err),
                     HG_EDATA);
    hg_safetensors_free(file);
    hg_blend_free(&b);
    hg_study_free(&s);
    hg_shelf_free(&shelf);
    hg_arena_reset(*state, mark);
}

/* What is kept of a study is told from that of another program by these words; the bounds of this file's tests stand in them. */
static void the_rules_of_choice_are_told(void **state) {
    (void)state;
    hg_text once = hg_text_new(0), twice = hg_text_new(0);
    hg_study_rules(&once);
    hg_study_rules(&twice);
    assert_false(once.failed);
    assert_string_equal(once.s, twice.s);
    assert_contains(once.s, "blend 20 3 0.0001 0.8 1 0");
    assert_contains(once.s, "errors 1.3 1.15");
    hg_text_free(&once);
    hg_text_free(&twice);
}

/* Of noise there is nothing to choose by: what looks best on the rows that chose it is not on others. A part is mixed by what the other parts
 * choose, so the error that is said is not smaller than that of knowing nothing by more than chance. */
static void a_part_has_no_say_in_what_is_said_of_it(void **state) {
    enum { N = 80, WIDE = 6, DRAWS = 6 };
    static float x[N * WIDE];
    double y[N], own[N], chosen = 0, said = 0;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        const hg_mark mark = hg_arena_mark(*state);
        hg_rng r = hg_rng_make(40 + draw, 0);
        for (size_t i = 0; i < N * WIDE; i++) x[i] = (float)hg_rng_normal(&r);
        for (size_t i = 0; i < N; i++) y[i] = hg_rng_normal(&r), own[i] = 0;
        const hg_rows rows = { .n = N, .d = WIDE, .x = x, .y = y };
        hg_study s;
        hg_study_opts o = hg_study_opts_default();
        o.learner = "ridge kernel-ridge extratrees", o.seed = draw, o.turns = 1;
        assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
        for (size_t i = 0; i < s.n_trials; i++)
            for (size_t k = 0; k < N && s.trial[i].weight > 0; k++) own[k] += s.trial[i].weight * s.trial[i].out[k];
        chosen += hg_score_values(own, y, N).mae / DRAWS;
        said += s.score.mae / DRAWS;
        assert_close(s.score.mae, hg_score_values(s.out, y, N).mae, 1e-15);
        hg_study_free(&s);
        hg_arena_reset(*state, mark);
    }
    assert_true(said > 1.005 * chosen);
}

/* The greedy choice in plain words: weight[n_trials], where a member must win by so many standard errors. */
static void plain_choice(double *weight, const hg_study *s, const double *y, double strict) {
    enum { HEAD = 3, ROUNDS = 20 };
    size_t best = 0, total = HEAD;
    double sum[200];
    for (size_t i = 0; i < s->n_trials; i++) {
        weight[i] = 0;
        if (s->trial[i].out && (!s->trial[best].out || s->trial[i].score.mae < s->trial[best].score.mae)) best = i;
    }
    weight[best] = HEAD;
    for (size_t k = 0; k < s->n; k++) sum[k] = HEAD * s->trial[best].out[k];
    for (; total < ROUNDS; total++) {
        double least = INFINITY, before = 0, mean = 0, square = 0;
        const double n = (double)s->n, now = (double)total;
        for (size_t i = 0; i < s->n_trials; i++) {
            double error = 0;
            for (size_t k = 0; s->trial[i].out && k < s->n; k++)
                error += fabs((sum[k] + s->trial[i].out[k]) / (now + 1) - y[k]) / n;
            if (s->trial[i].out && error < least) least = error, best = i;
        }
        for (size_t k = 0; k < s->n; k++) {
            const double e = fabs(sum[k] / now - y[k]);
            const double won = e - fabs((sum[k] + s->trial[best].out[k]) / (now + 1) - y[k]);
            before += e / n, mean += won / n, square += won * won / n;
        }
        if (!(least < before * (1 - 1e-4)) || mean <= strict * sqrt((square - mean * mean) / n)) break;
        weight[best]++;
        for (size_t k = 0; k < s->n; k++) sum[k] += s->trial[best].out[k];
    }
    for (size_t i = 0; i < s->n_trials; i++) weight[i] /= (double)total;
}

/* By one standard error or by anything: the weights are those of one of the two, and not always of the same. */
static void members_must_win_by_more_than_chance_where_that_errs_less(void **state) {
    enum { N = 120, WIDE = 4, DRAWS = 12 };
    static float x[N * WIDE];
    double y[N];
    size_t took[2] = { 0, 0 };
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        const hg_mark mark = hg_arena_mark(*state);
        hg_rng r = hg_rng_make(70 + draw, 0);
        for (size_t i = 0; i < N * WIDE; i++) x[i] = (float)hg_rng_normal(&r);
        for (size_t i = 0; i < N; i++) {
            const float *at = x + i * WIDE;
            y[i] = (double)(at[0] + 0.5f * at[1] * at[1]) + 0.7 * hg_rng_normal(&r);
        }
        const hg_rows rows = { .n = N, .d = WIDE, .x = x, .y = y };
        hg_study s;
        hg_study_opts o = hg_study_opts_default();
        o.learner = "ridge kernel-ridge extratrees", o.seed = draw, o.turns = 1;
        assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
        double *want = hg_alloc(*state, s.n_trials, 2 * sizeof *want);
        bool same[2] = { true, true };
        for (size_t k = 0; k < 2; k++) plain_choice(want + k * s.n_trials, &s, y, k ? 0 : 1);
        for (size_t k = 0; k < 2; k++)
            for (size_t i = 0; i < s.n_trials; i++)
                same[k] &= fabs(want[k * s.n_trials + i] - s.trial[i].weight) < 1e-12;
        assert_true(same[0] || same[1]);
        for (size_t k = 0; k < 2; k++) took[k] += same[k] && !same[1 - k];
        hg_study_free(&s);
        hg_arena_reset(*state, mark);
    }
    print_message("one standard error: %zu, anything: %zu of %d\n", took[0], took[1], DRAWS);
    assert_true(took[0] > 0 && took[1] > 0);
}

/* Weights and what is said of rows left out are the means of studies with other seeds; models of the parts are those of all of them. */
static void turns_are_studies_in_the_mean(void **state) {
    enum { N = 150, WIDE = 4, SEED = 11, TURN = 1009, TURNS = 3 };
    static float x[N * WIDE];
    double y[N], out[N] = { 0 }, *weight = NULL;
    const hg_mark mark = hg_arena_mark(*state);
    hg_rng r = hg_rng_make(9, 0);
    for (size_t i = 0; i < N * WIDE; i++) x[i] = (float)hg_rng_normal(&r);
    for (size_t i = 0; i < N; i++)
        y[i] = (double)(x[i * WIDE] + x[i * WIDE + 1] * x[i * WIDE + 2]) + 0.3 * hg_rng_normal(&r);
    const hg_rows rows = { .n = N, .d = WIDE, .x = x, .y = y };
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    o.learner = "extratrees", o.seed = SEED;
    for (size_t k = 0; k < TURNS; k++) {
        hg_study_opts one = o;
        one.turns = 1, one.seed = SEED + k * TURN;
        assert_ok(hg_study_run(&s, &rows, &one, *state, NULL));
        if (!weight) weight = hg_calloc(s.n_trials, sizeof *weight);
        assert_non_null(weight);
        for (size_t i = 0; i < s.n_trials; i++) weight[i] += s.trial[i].weight / TURNS;
        for (size_t i = 0; i < N; i++) out[i] += s.out[i] / TURNS;
        hg_study_free(&s);
    }
    o.turns = TURNS;
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    double sum = 0;
    for (size_t i = 0; i < s.n_trials; i++) {
        assert_close(s.trial[i].weight, weight[i], 1e-12);
        sum += s.trial[i].weight;
    }
    assert_close(sum, 1, 1e-12);
    for (size_t i = 0; i < N; i++) assert_close(s.out[i], out[i], 1e-12);
    assert_close(s.score.mae, hg_score_values(out, y, N).mae, 1e-12);
    hg_study_free(&s);
    o.learner = "mlp", o.folds = 2;
    hg_blend b;
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    assert_ok(hg_blend_fit(&b, &s, &rows, &o, NULL));
    size_t models = 0;
    for (size_t i = 0; i < b.n; i++) models += b.member[i].models;
    assert_true(models >= 2 * TURNS && models % 2 == 0);
    hg_blend_free(&b);
    hg_study_free(&s);
    o.turns = HG_STUDY_TURNS + 1;
    assert_int_equal(hg_study_run(&s, &rows, &o, *state, NULL), HG_EINVAL);
    hg_free(weight);
    hg_arena_reset(*state, mark);
}

/* Few rows: all that was made from what was given is hidden once, the sets that are not alike too; where nothing was given, or of many
 * rows, it is not. */
static void of_few_rows_what_was_given_is_looked_at_alone(void **state) {
    enum { FEW_ROWS = 60, MANY_ROWS = 1001, WIDE = 24 };
    static float x[MANY_ROWS * WIDE];
    static double y[MANY_ROWS];
    static const char *set[WIDE];
    hg_rng r = hg_rng_make(11, 0);
    for (size_t j = 0; j < WIDE; j++) set[j] = j < 2 ? "" : j < 12 ? "averages" : "charges";
    for (size_t i = 0; i < MANY_ROWS * WIDE; i++) x[i] = (float)hg_rng_normal(&r);
    for (size_t i = 0; i < MANY_ROWS; i++) y[i] = (double)(x[i * WIDE] - 2 * x[i * WIDE + 1]);
    hg_rows rows = { .n = FEW_ROWS, .d = WIDE, .x = x, .set = set, .alike = NULL, .y = y };
    hg_study_opts o = hg_study_opts_default();
    o.learner = "kernel-ridge", o.single = true;
    for (int turn = 0; turn < 3; turn++) {
        const hg_mark mark = hg_arena_mark(*state);
        hg_study s;
        size_t bare = 0;
        if (turn == 1) set[0] = set[1] = "averages"; /* nothing was given */
        if (turn == 2) set[0] = set[1] = "", rows.n = MANY_ROWS, o.learner = "ridge";
        assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
        for (size_t i = 0; i < s.n_trials; i++) {
            bare += s.trial[i].bare;
            if (!s.trial[i].bare) continue;
            assert_string_equal(s.trial[i].hidden, "averages charges");
            assert_true(s.trial[i].columns == 2 && s.trial[i].column[1] == 1);
            assert_true(s.trial[i].weight == 1); /* noise beside it costs more than chance wins */
        }
        assert_int_equal(bare, turn == 0);
        hg_study_free(&s);
        hg_arena_reset(*state, mark);
    }
}

/* What few left-out rows tell apart is chance: with sources the model is halves of affine transfer and trees, unless one that knows no
 * source is clearly better. */
static void few_rows_with_sources_leave_no_choice(void **state) {
    enum { FEW = 40, WIDE = 4 };
    float x[FEW * WIDE];
    double y[FEW];
    const hg_mark mark = hg_arena_mark(*state);
    hg_err err = { 0 };
    for (int knows = 0; knows < 2; knows++) {
        hg_rng r = hg_rng_make(12, 0);
        for (size_t i = 0; i < FEW; i++) {
            for (size_t j = 0; j < WIDE; j++) x[i * WIDE + j] = (float)hg_rng_normal(&r);
            const double line = 2 * (double)x[i * WIDE + 1] - (double)x[i * WIDE + 2] + 3 * (double)x[i * WIDE + 3];
            y[i] = exp(knows ? 2 * (double)x[i * WIDE] + 0.1 * hg_rng_normal(&r) : line);
        }
        const hg_rows rows = { .n = FEW, .d = WIDE, .x = x, .sources = 1, .y = y };
        hg_study_opts o = hg_study_opts_default();
        hg_study s;
        o.squared = true;
        assert_ok_err(hg_study_run(&s, &rows, &o, *state, &err), err);
        size_t of = 0;
        for (size_t i = 0; i < s.n_trials; i++) {
            const hg_trial *t = &s.trial[i];
            assert_true(t->logs || t->why[0]); /* decades */
            if (t->weight == 0) continue;
            of++;
            assert_true(t->plain == !knows);
            assert_close(t->weight, knows ? 0.5 : 1, 0);
        }
        assert_int_equal(of, knows ? 2 : 1);
        hg_study_free(&s);
    }
    hg_arena_reset(*state, mark);
}

static void failing_allocations_are_told(void **state) {
    float x[2 * ROWS];
    hg_composition c[ROWS];
    double y[ROWS];
    const hg_rows rows = line(x, c, y);
    bool done = false;
    for (long k = 0; !done && k < 100000; k += 1 + k / 10) {
        hg_study s;
        hg_blend b = { 0 };
        hg_domain dom = { 0 };
        hg_study_opts o = hg_study_opts_default();
        o.learner = "ridge";
        const hg_mark mark = hg_arena_mark(*state);
        fail_alloc_after(k);
        hg_status st = hg_domain_fit(&dom, &rows, (const bool[2]) { true, true }, 0, NULL, NULL);
        if (st == HG_OK) st = hg_study_run(&s, &rows, &o, *state, NULL);
        if (st == HG_OK) st = hg_blend_fit(&b, &s, &rows, &o, NULL);
        fail_alloc_after(-1);
        hg_blend_free(&b);
        hg_domain_free(&dom);
        hg_arena_reset(*state, mark);
        done = st == HG_OK;
        if (!done) assert_int_equal(st, HG_ENOMEM);
    }
    assert_true(done);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_set_that_only_disturbs_is_hidden),
        TEST(the_rules_of_choice_are_told),
        TEST(a_part_has_no_say_in_what_is_said_of_it),
        TEST(turns_are_studies_in_the_mean),
        TEST(members_must_win_by_more_than_chance_where_that_errs_less),
        TEST(of_few_rows_what_was_given_is_looked_at_alone),
        TEST(few_rows_with_sources_leave_no_choice),
        TEST(scores_are_those_of_the_textbook),
        TEST(a_level_is_a_rank),
        TEST(few_rows_do_not_choose_their_own_widths),
        TEST(widths_follow_what_tells_of_errors),
        TEST(what_is_unlike_the_training_is_told),
        TEST(a_study_tries_many_and_blends_the_best),
        TEST(a_budget_ends_the_trials_and_says_so),
        TEST(models_of_the_parts_stay),
        TEST(of_many_rows_one_part_is_left_out),
        TEST(of_thousands_of_rows_trees_stay),
        TEST(groups_are_never_on_both_sides),
        TEST(who_is_far_behind_goes_no_further),
        TEST(failing_allocations_are_told),
        TEST(a_plain_member_stays_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
