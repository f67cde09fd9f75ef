/* tests/library/test_extrapolate.c -- how predictions fare beyond a table: what is left out, how it is judged, what the card keeps */
#include "library/extrapolate.h"
#include "core/memory.h"
#include "hagane/csv.h"
#include "library/parity.h"
#include "program.h"
#include "test.h"
#include <math.h>
#include <unistd.h>

enum { ROWS = 120, TEXT = 1 << 14 };

static hg_table *table_of(const char *text) {
    hg_table *t;
    hg_err err;
    assert_ok_err(hg_csv_read_memory(&t, "bend.csv", text, strlen(text), NULL, &err), err);
    return t;
}

/* y = slope x + bend x^2 + noise: a straight line goes on, a bent one leaves it. */
static hg_table *line(double slope, double bend) {
    static char text[TEXT];
    size_t at = (size_t)snprintf(text, sizeof text, "x,y (K)\n");
    hg_rng r = hg_rng_make(11, 0);
    for (size_t i = 0; i < ROWS; i++) {
        const double x = 10 * hg_rng_uniform(&r);
        at += (size_t)snprintf(text + at, sizeof text - at, "%.5f,%.5f\n", x,
                               slope * x + bend * x * x + 0.1 * hg_rng_normal(&r));
    }
    return table_of(text);
}

static hg_predictor_opts opts(const char *learner) {
    hg_predictor_opts o = hg_predictor_opts_default();
    o.learner = learner;
    o.single = true;
    o.scale = HG_SCALE_VALUES;
    return o;
}

/* A ridge regression of a straight line knows all of it: errors beyond the range are as inside, and order and range are kept.
 * Every row is left out once in the first two tests, a fifth in each of the last two. */
static void a_straight_line_goes_on(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *t = line(2, 0);
    const hg_predictor_opts o = opts("ridge");
    hg_extrapolation e;
    hg_err err = { 0 };
    assert_ok_err(hg_extrapolate(&e, t, "y", &o, *state, &err), err);
    assert_int_equal(e.classes, 0);
    assert_int_equal(e.test[HG_FAR_RANDOM].all.n, ROWS);
    assert_int_equal(e.test[HG_FAR_CLUSTERS].all.n, ROWS);
    assert_int_equal(e.test[HG_FAR_HIGHEST].all.n, ROWS / 5);
    assert_int_equal(e.test[HG_FAR_LOWEST].all.n, ROWS / 5);
    assert_contains(e.test[HG_FAR_ELEMENTS].why, "formulae");
    assert_close(e.test[HG_FAR_RANDOM].all.times, 1, 1e-12);
    const hg_far_test *high = &e.test[HG_FAR_HIGHEST];
    assert_true(high->all.times < 1.6 && high->rank > 0.95 && high->beyond > ROWS / 5 - 4);
    for (size_t i = 0; i < high->fold[0].n; i++) assert_true(high->fold[0].known[i] > high->fold[0].most);
    assert_int_equal(high->all.n, high->like.n + high->unlike.n);
    assert_true(high->unlike.n > 10); /* x lies beyond its range */
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

/* Trees cannot leave the range that they have learned: errors are many times larger, nothing is predicted beyond, and intervals of
 * ordinary rows are too narrow by a factor that would mend them. */
static void trees_do_not_go_on(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *t = line(2, 0);
    hg_predictor_opts o = opts("extratrees");
    o.settings = "trees=30";
    hg_extrapolation e;
    hg_err err = { 0 };
    assert_ok_err(hg_extrapolate(&e, t, "y", &o, *state, &err), err);
    const hg_far_test *high = &e.test[HG_FAR_HIGHEST];
    assert_int_equal(high->beyond, 0);
    assert_true(high->all.times > 5 && high->all.coverage90 < 0.5 && high->all.factor > 2);
    size_t inside = 0; /* the factor does what it says */
    const hg_fold *f = &high->fold[0];
    for (size_t i = 0; i < f->n; i++) {
        const double wide = high->all.factor * (1 + 1e-12), v = f->value[i];
        inside += f->known[i] >= v - wide * (v - f->low[i]) && f->known[i] <= v + wide * (f->high[i] - v);
    }
    assert_true((double)inside >= 0.9 * (double)f->n && (double)inside <= 0.9 * (double)f->n + 2.5);
    assert_contains(e.words, "multiply their widths");
    assert_contains(e.words, "Rows that a prediction calls outside");
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

/* Values in another unit: nothing but errors and widths changes. */
static void units_do_not_matter(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *a = line(2, 0.25), *b = line(2048, 256);
    const hg_predictor_opts o = opts("ridge");
    hg_extrapolation e[2];
    assert_ok(hg_extrapolate(&e[0], a, "y", &o, *state, NULL));
    assert_ok(hg_extrapolate(&e[1], b, "y", &o, *state, NULL));
    for (int k = 0; k < HG_FAR_COUNT; k++) {
        if (!e[0].test[k].n_folds) continue;
        assert_close(e[1].test[k].all.times, e[0].test[k].all.times,
                     0.2 * e[0].test[k].all.times); /* the noise does not scale */
        assert_int_equal(e[1].test[k].unlike.n, e[0].test[k].unlike.n);
    }
    hg_table_free(a);
    hg_table_free(b);
    hg_arena_reset(*state, mark);
}

static char *alloys(char *text, size_t size, bool classes) {
    static const char *const FORMULA[6] = { "Fe%zuNi%zu", "Fe%zuCo%zu", "Ni%zuCr%zu",
                                            "Al%zuTi%zu", "Cu%zuZn%zu", "Fe%zuCr%zu" };
    size_t at = (size_t)snprintf(text, size, "formula,y\n");
    for (size_t i = 0; i < 60; i++) {
        char formula[40];
        const size_t a = 1 + i % 7, b = 1 + i / 7;
        snprintf(formula, sizeof formula, FORMULA[i % 6], a, b);
        if (classes)
            at += (size_t)snprintf(text + at, size - at, "%s,%s\n", formula, a > b ? "one" : "two");
        else
            at += (size_t)snprintf(text + at, size - at, "%s,%.4f\n", formula,
                                   (double)a / (double)(a + b) + (double)(i % 6));
    }
    return text;
}

/* An element that is left out stands in no row that is learned from: each such row is called outside. */
static void an_element_is_left_out_whole(void **state) {
    static char text[TEXT];
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *t = table_of(alloys(text, sizeof text, false));
    const hg_predictor_opts o = opts("ridge");
    hg_extrapolation e;
    hg_err err = { 0 };
    assert_ok_err(hg_extrapolate(&e, t, "y", &o, *state, &err), err);
    const hg_far_test *el = &e.test[HG_FAR_ELEMENTS];
    assert_int_equal(el->n_folds, 8); /* Fe is in half of the rows, and counts; Co Ni Cr Al Ti Cu Zn */
    for (size_t k = 0; k < el->n_folds; k++) {
        assert_int_equal(el->fold[k].n, strcmp(el->fold[k].name, "Fe") == 0 ? 30
                                        : strcmp(el->fold[k].name, "Ni") == 0 || strcmp(el->fold[k].name, "Cr") == 0
                                            ? 20
                                            : 10);
        for (size_t i = 0; i < el->fold[k].n; i++) {
            assert_true(el->fold[k].unlike[i]);
            assert_non_null(strstr(hg_table_text(t, 0, el->fold[k].row[i]), el->fold[k].name));
        }
    }
    assert_int_equal(el->like.n, 0);
    assert_true(e.unlike.n >= el->all.n && !e.whole);
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

static void classes_have_no_ends(void **state) {
    static char text[TEXT];
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *t = table_of(alloys(text, sizeof text, true));
    const hg_predictor_opts o = opts("ridge");
    hg_extrapolation e;
    hg_err err = { 0 };
    assert_ok_err(hg_extrapolate(&e, t, "y", &o, *state, &err), err);
    assert_int_equal(e.classes, 2);
    assert_true(e.test[HG_FAR_RANDOM].all.error < 0.5 && isnan(e.test[HG_FAR_RANDOM].all.coverage90));
    assert_contains(e.test[HG_FAR_HIGHEST].why, "no order");
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

/* What was found goes into the card, and comes back with the model. */
static void the_card_keeps_it(void **state) {
    char folder[512], command[600];
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *t = line(2, 0.2);
    const hg_predictor_opts o = opts("ridge");
    hg_extrapolation e;
    hg_predictor *p, *back;
    hg_err err = { 0 };
    assert_ok_err(hg_predictor_fit(&p, t, "y", &o, &err), err);
    assert_close(hg_predictor_far(p).n, 0, 0);
    assert_ok_err(hg_extrapolate(&e, t, "y", &o, *state, &err), err);
    hg_predictor_keep_far(p, &e);
    test_scratch(folder, sizeof folder, "far");
    assert_ok_err(hg_predictor_save(p, folder, NULL, &err), err);
    assert_ok_err(hg_predictor_load(&back, folder, &err), err);
    assert_close(hg_predictor_far(back).n, (double)e.unlike.n, 0);
    assert_close(hg_predictor_far(back).times, e.unlike.times, 1e-12);
    assert_close(hg_predictor_far(back).coverage90, e.unlike.coverage90, 1e-12);
    assert_close(hg_predictor_far(back).factor, e.unlike.factor, 1e-12);
    hg_predictor_free(back);
    hg_predictor_free(p);
    hg_table_free(t);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(program_shell(command).code, 0);
    hg_arena_reset(*state, mark);
}

/* Rows inside, called outside and beyond the range have names of their own; what is compared with has no intervals. */
static void a_picture_parts_the_rows(void **state) {
    double known[4] = { 1, 2, 3, 9 }, value[4] = { 1.1, 2.2, 2.7, 5 }, low[4] = { 0.5, 1.5, 2, 4 },
           high[4] = { 2, 3, 4, 6 };
    bool unlike[4] = { false, false, true, true };
    hg_fold f = {
        .n = 4, .known = known, .value = value, .low = low, .high = high, .unlike = unlike, .least = 1, .most = 3
    };
    const hg_parity p[2] = { { "before", &f, 1, true, false }, { "now", &f, 1, false, true } };
    hg_bytes picture;
    (void)state;
    assert_ok(hg_parity_figure(&picture, p, 2, "y (K)", HG_FIGURE_SVG, NULL));
    assert_true(picture.len > 1000);
    hg_bytes_free(&picture);
    assert_int_equal(hg_parity_figure(&picture, p, HG_PARITY_MOST + 1, "y", HG_FIGURE_SVG, NULL), HG_EINVAL);
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k++) {
        fail_alloc_after(k);
        st = hg_parity_figure(&picture, p, 2, "y (K)", HG_FIGURE_PNG, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || (st == HG_ENOMEM && !picture.data));
    }
    hg_bytes_free(&picture);
}

static bool stop(void *ctx, const char *what, size_t done, size_t total) {
    (void)what;
    (void)total;
    return done < *(size_t *)ctx;
}

static void bad_input_is_refused_and_memory_may_fail(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *t = line(1, 0), *few = table_of("x,y\n1,2\n2,3\n3,5\n4,4\n5,7\n6,8\n");
    hg_predictor_opts o = opts("ridge");
    hg_extrapolation e;
    hg_err err;
    assert_int_equal(hg_extrapolate(&e, few, "y", &o, *state, &err), HG_EDATA);
    assert_contains(err.msg, "6 rows");
    assert_int_equal(hg_extrapolate(&e, t, "z", &o, *state, &err), HG_ENOTFOUND);
    size_t most = 3;
    const hg_hooks hooks = { .log = NULL, .progress = stop, .user = &most };
    o.hooks = &hooks;
    assert_int_equal(hg_extrapolate(&e, t, "y", &o, *state, &err), HG_ECANCEL);
    o.hooks = NULL;
    hg_status st = HG_ENOMEM;
    for (long k = 0, step = 1; st != HG_OK; k += step, step += step / 3 + 1) {
        hg_arena *mem = hg_arena_new();
        fail_alloc_after(k);
        st = hg_extrapolate(&e, t, "y", &o, mem, &err);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        hg_arena_free(mem);
    }
    hg_table_free(few);
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_straight_line_goes_on),  TEST(trees_do_not_go_on),
        TEST(units_do_not_matter),      TEST(an_element_is_left_out_whole),
        TEST(classes_have_no_ends),     TEST(the_card_keeps_it),
        TEST(a_picture_parts_the_rows), TEST(bad_input_is_refused_and_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
