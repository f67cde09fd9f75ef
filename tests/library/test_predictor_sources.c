/* tests/library/test_predictor_sources.c -- models as inputs of models: what helps is taken, kept in the folder, and works alone */
#include "core/memory.h"
#include "hagane/csv.h"
#include "hagane/predictor.h"
#include "program.h"
#include "library/folds_keep.h"
#include "library/source_figure.h"
#include "test.h"

enum { MANY = 150, FEW = 24, NEW = 40, TEXT = 1 << 15 };

/* The related property, of many rows: z = sin(2 a) + b; the wanted one, of few: y = 3 z + 1 + noise. Chance is what nobody knows. */
static hg_table *table_of(size_t rows, uint64_t stream, const char *target) {
    static char text[TEXT];
    hg_rng r = hg_rng_make(9, stream);
    hg_table *t;
    hg_err err;
    size_t at = (size_t)snprintf(text, sizeof text, "a,b,c,%s\n", target);
    for (size_t i = 0; i < rows; i++) {
        const double a = 4 * hg_rng_uniform(&r), b = hg_rng_normal(&r), c = hg_rng_normal(&r), z = sin(2 * a) + b;
        const double v = *target == 'z' ? z : *target == 'y' ? 3 * z + 1 + 0.05 * hg_rng_normal(&r) : hg_rng_normal(&r);
        at += (size_t)snprintf(text + at, sizeof text - at, "%.6f,%.6f,%.6f,%.6f\n", a, b, c, v);
    }
    assert_ok_err(hg_csv_read_memory(&t, "t.csv", text, strlen(text), NULL, &err), err);
    return t;
}

static hg_predictor *learn(hg_table *t, const char *target, const char *learner, hg_predictor *const *source,
                           size_t n) {
    hg_predictor_opts o = hg_predictor_opts_default();
    hg_predictor *p;
    hg_err err = { 0 };
    o.learner = learner;
    o.source = source;
    o.n_sources = n;
    o.squared = true;
    assert_ok_err(hg_predictor_fit(&p, t, target, &o, &err), err);
    return p;
}

static double rmse(const hg_predictor *p, const hg_table *t, hg_arena *mem) {
    const hg_mark mark = hg_arena_mark(mem);
    hg_forecast f[NEW];
    hg_err err = { 0 };
    size_t j;
    double sum = 0;
    assert_ok_err(hg_predictor_predict(f, NULL, p, t, 0.9, NULL, mem, &err), err);
    assert_ok(hg_table_find(&j, t, "y", NULL));
    for (size_t i = 0; i < NEW; i++) sum += pow(f[i].value - hg_table_column(t, j)->number[i], 2) / NEW;
    hg_arena_reset(mem, mark);
    return sqrt(sum);
}

/* Related and chance, learned from many rows; the wanted one from few. */
typedef struct {
    hg_table *many, *noise, *few, *new_rows;
    hg_predictor *source[2];
} world;

static void make(world *w) {
    w->many = table_of(MANY, 0, "z");
    w->noise = table_of(MANY, 1, "nothing");
    w->few = table_of(FEW, 2, "y");
    w->new_rows = table_of(NEW, 3, "y");
    w->source[0] = learn(w->noise, "nothing", "ridge", NULL, 0);
    w->source[1] = learn(w->many, "z", "gp", NULL, 0);
}

static void end(world *w) {
    hg_predictor_free(w->source[0]);
    hg_predictor_free(w->source[1]);
    hg_table_free(w->many);
    hg_table_free(w->noise);
    hg_table_free(w->few);
    hg_table_free(w->new_rows);
}

static void a_source_that_knows_is_taken_and_helps(void **state) {
    world w;
    make(&w);
    hg_predictor *alone = learn(w.few, "y", "ridge", NULL, 0), *p = learn(w.few, "y", "ridge", w.source, 2);
    assert_int_equal(hg_predictor_sources(alone), 0);
    assert_null(hg_predictor_source_at(alone, 0));
    assert_int_equal(hg_predictor_sources(p), 1);
    assert_int_equal(hg_predictor_source_at(p, 0)->order, 0);
    assert_int_equal(hg_predictor_source_at(p, 1)->order, 1);
    assert_string_equal(hg_predictor_source_at(p, 1)->target, "z");
    assert_null(hg_predictor_source_at(p, 2));
    const hg_tried *with = hg_predictor_tried(p, 0), *without = hg_predictor_tried(p, 1);
    assert_false(with->plain);
    assert_true(without->plain);
    assert_true(with->score.rmse < 0.5 * without->score.rmse);
    const double e = rmse(p, w.new_rows, *state), e0 = rmse(alone, w.new_rows, *state);
    print_message("alone %.3f, with the source %.3f\n", e0, e);
    assert_true(e < 0.4 * e0);
    hg_predictor_free(alone);
    hg_predictor_free(p);
    end(&w);
}

/* Two that are both needed: each stays in its place from the fit to the prediction and through a folder. */
static void two_sources_keep_their_places(void **state) {
    hg_rng r = hg_rng_make(21, 0);
    hg_predictor *source[2], *p, *again;
    hg_table *t[3];
    hg_err err = { 0 };
    hg_forecast f[60], g[60];
    double a[60], b[60], u[60], v[60], y[60], sum = 0;
    char folder[512];
    const hg_mark mark = hg_arena_mark(*state);
    for (size_t i = 0; i < 60; i++) {
        a[i] = hg_rng_normal(&r), b[i] = hg_rng_normal(&r);
        u[i] = a[i] - b[i], v[i] = 2 * a[i] + b[i] + 5;
        y[i] = 4 * u[i] + v[i] + 0.02 * hg_rng_normal(&r);
    }
    const double *const column[3] = { u, v, y };
    static const char *const NAME[3] = { "u", "v", "y" };
    for (size_t k = 0; k < 3; k++) {
        assert_ok(hg_table_new(&t[k], "t", 60, NULL));
        assert_ok(hg_table_add_numbers(t[k], "a", a, NULL));
        assert_ok(hg_table_add_numbers(t[k], "b", b, NULL));
        assert_ok(hg_table_add_numbers(t[k], NAME[k], column[k], NULL));
        if (k < 2) source[k] = learn(t[k], NAME[k], "ridge", NULL, 0);
    }
    hg_predictor_opts o =
        hg_predictor_opts_default(); /* no input of its own but one of chance: the sources must do it */
    static const char *const ONLY[] = { "chance" };
    double chance[60];
    for (size_t i = 0; i < 60; i++) chance[i] = hg_rng_normal(&r);
    assert_ok(hg_table_add_numbers(t[2], "chance", chance, NULL));
    o.features.columns = ONLY, o.features.n_columns = 1;
    o.learner = "ridge", o.source = source, o.n_sources = 2;
    assert_ok_err(hg_predictor_fit(&p, t[2], "y", &o, &err), err);
    assert_int_equal(hg_predictor_sources(p), 2);
    assert_ok(hg_predictor_predict(f, NULL, p, t[2], 0.9, NULL, *state, NULL));
    for (size_t i = 0; i < 60; i++) sum += fabs(f[i].value - y[i]) / 60;
    assert_true(sum < 0.3);
    assert_ok(hg_predictor_save(p, test_scratch(folder, sizeof folder, "two-sources"), NULL, NULL));
    assert_ok_err(hg_predictor_load(&again, folder, &err), err);
    assert_ok(hg_predictor_predict(g, NULL, again, t[2], 0.9, NULL, *state, NULL));
    for (size_t i = 0; i < 60; i++) assert_close(f[i].value, g[i].value, 0);
    hg_arena_reset(*state, mark);
    hg_predictor_free(again);
    hg_predictor_free(p);
    for (size_t k = 0; k < 2; k++) hg_predictor_free(source[k]);
    for (size_t k = 0; k < 3; k++) hg_table_free(t[k]);
}

/* Two models of one name are two sources to folds that are kept. */
static void kept_folds_tell_sources_apart(void **state) {
    world w;
    char key[3][HG_HASH_SIZE];
    (void)state;
    make(&w);
    hg_predictor *other = learn(w.many, "z", "ridge", NULL, 0), *source[] = { w.source[1], other, w.source[1] };
    const hg_folds_opts how = { .parts = 3 };
    for (size_t k = 0; k < 3; k++) {
        hg_predictor_opts o = hg_predictor_opts_default();
        o.source = &source[k], o.n_sources = 1;
        assert_ok(hg_folds_key(key[k], w.few, "y", &how, &o, NULL));
    }
    assert_string_not_equal(key[0], key[1]);
    assert_string_equal(key[0], key[2]);
    hg_predictor_free(other);
    end(&w);
}

/* The folder works when sources and their folders are gone; a source of a source, too. */
static void a_folder_holds_its_sources(void **state) {
    world w;
    char folder[512], path[600];
    hg_forecast a[NEW], b[NEW];
    hg_err err = { 0 };
    make(&w);
    hg_predictor *p = learn(w.few, "y", "affine", w.source + 1, 1), *again;
    hg_predictor *two = learn(w.few, "y", "ridge", &p, 1); /* two stages */
    const hg_mark mark = hg_arena_mark(*state);
    assert_int_equal(hg_predictor_sources(two), 1);
    test_scratch(folder, sizeof folder, "transferred");
    assert_ok_err(hg_predictor_save(two, folder, &(hg_predictor_facts) { .name = "two" }, &err), err);
    assert_ok(hg_predictor_predict(a, NULL, two, w.new_rows, 0.9, NULL, *state, NULL));
    hg_predictor_free(two);
    hg_predictor_free(p);
    assert_ok_err(hg_predictor_load(&again, folder, &err), err);
    assert_string_equal(hg_predictor_name(again), "two");
    assert_int_equal(hg_predictor_sources(again), 1);
    assert_ok_err(hg_predictor_predict(b, NULL, again, w.new_rows, 0.9, NULL, *state, &err), err);
    for (size_t i = 0; i < NEW; i++) {
        assert_memory_equal(&a[i].value, &b[i].value, sizeof a[i].value);
        assert_memory_equal(&a[i].high, &b[i].high, sizeof a[i].high);
    }
    hg_predictor_free(again);
    hg_arena_reset(*state, mark);
    end(&w);
    snprintf(path, sizeof path, "%s/recipe.json", folder);
    char *recipe = test_read_file(path);
    assert_non_null(recipe);
    assert_contains(recipe, "\"sources\"");
    free(recipe);
}

static void a_source_without_its_columns_is_said(void **state) {
    (void)state;
    world w;
    make(&w);
    hg_table *other;
    hg_err err;
    static const char TABLE[] = "a,c,y\n0,1,1\n1,4,2\n2,9,3\n3,1,4\n4,5,5\n5,9,6\n6,2,7\n7,8,9\n";
    assert_ok_err(hg_csv_read_memory(&other, "t.csv", TABLE, strlen(TABLE), NULL, &err), err);
    hg_predictor *p = learn(other, "y", "ridge", w.source, 2);
    assert_int_equal(hg_predictor_sources(p), 0);
    assert_contains(hg_predictor_source_at(p, 0)->why, "b"); /* no such column */
    assert_int_equal(hg_predictor_source_at(p, 1)->order, 0);
    hg_predictor_free(p);
    hg_table_free(other);
    end(&w);
}

/* Values of decades: intervals are a factor up and down, never below zero, hold what they say of new rows, and are in the folder. */
static void decades_have_intervals_of_factors(void **state) {
    enum { LEARNED = 300, ASKED = 400 };
    double a[LEARNED + ASKED], y[LEARNED + ASKED];
    hg_table *t[2];
    hg_predictor *p, *back;
    hg_forecast f[ASKED], g[ASKED];
    hg_err err = { 0 };
    hg_rng r = hg_rng_make(31, 0);
    char folder[512];
    size_t inside = 0;
    const hg_mark mark = hg_arena_mark(*state);
    for (size_t i = 0; i < LEARNED + ASKED; i++) {
        a[i] = hg_rng_normal(&r);
        y[i] = exp(1.5 * a[i] + 0.4 * hg_rng_normal(&r));
    }
    for (size_t k = 0; k < 2; k++) {
        const size_t from = k * LEARNED;
        assert_ok(hg_table_new(&t[k], "t", k ? ASKED : LEARNED, NULL));
        assert_ok(hg_table_add_numbers(t[k], "a", a + from, NULL));
        assert_ok(hg_table_add_numbers(t[k], "y (W)", y + from, NULL));
    }
    p = learn(t[0], "y (W)", "ridge", NULL, 0);
    assert_ok_err(hg_predictor_predict(f, NULL, p, t[1], 0.9, NULL, *state, &err), err);
    for (size_t i = 0; i < ASKED; i++) {
        assert_true(f[i].low > 0);
        assert_close(f[i].high / f[i].value, f[i].value / f[i].low, 1e-9 * f[i].high / f[i].value);
        inside += f[i].low <= y[LEARNED + i] && y[LEARNED + i] <= f[i].high;
    }
    print_message("%zu of %d inside\n", inside, ASKED);
    assert_true((double)inside > 0.85 * ASKED && (double)inside < 0.95 * ASKED);
    assert_ok(hg_predictor_save(p, test_scratch(folder, sizeof folder, "decades"), NULL, NULL));
    assert_ok_err(hg_predictor_load(&back, folder, &err), err);
    assert_ok(hg_predictor_predict(g, NULL, back, t[1], 0.9, NULL, *state, NULL));
    for (size_t i = 0; i < ASKED; i++) assert_true(f[i].low == g[i].low && f[i].high == g[i].high);
    hg_predictor_free(back);
    hg_predictor_free(p);
    for (size_t k = 0; k < 2; k++) hg_table_free(t[k]);
    hg_arena_reset(*state, mark);
}

static void failing_allocations_are_told(void **state) {
    (void)state;
    world w;
    make(&w);
    hg_predictor_opts o = hg_predictor_opts_default();
    o.learner = "ridge";
    o.source = w.source + 1;
    o.n_sources = 1;
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK && k < 100000; k += 1 + k / 10) {
        hg_predictor *p;
        fail_alloc_after(k);
        st = hg_predictor_fit(&p, w.few, "y", &o, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK)
            hg_predictor_free(p);
        else
            assert_true(st == HG_ENOMEM && !p);
    }
    assert_int_equal(st, HG_OK);
    end(&w);
}

/* Taken and not taken have colours of their own; without sources there is nothing to draw. */
static void a_picture_ranks_them(void **state) {
    world w;
    hg_bytes picture;
    hg_err err;
    (void)state;
    make(&w);
    hg_predictor *alone = learn(w.few, "y", "ridge", NULL, 0), *p = learn(w.few, "y", "ridge", w.source, 2);
    assert_ok(hg_source_figure(&picture, p, HG_FIGURE_SVG, NULL));
    const size_t len = picture.len;
    assert_true(len > 1000);
    hg_bytes_free(&picture);
    assert_int_equal(hg_source_figure(&picture, alone, HG_FIGURE_SVG, &err), HG_EDATA);
    assert_contains(err.msg, "no model was offered");
    fail_alloc_after(0);
    assert_int_equal(hg_source_figure(&picture, p, HG_FIGURE_SVG, &err), HG_ENOMEM);
    fail_alloc_after(-1);
    hg_predictor_free(alone);
    hg_predictor_free(p);
    end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_source_that_knows_is_taken_and_helps),
        TEST(two_sources_keep_their_places),
        TEST(kept_folds_tell_sources_apart),
        TEST(a_folder_holds_its_sources),
        TEST(a_source_without_its_columns_is_said),
        TEST(decades_have_intervals_of_factors),
        TEST(a_picture_ranks_them),
        TEST(failing_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
