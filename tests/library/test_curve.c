/* tests/library/test_curve.c -- how errors fall with the rows */
#include "library/curve.h"
#include "core/memory.h"
#include "hagane/csv.h"
#include "test.h"
#include <math.h>

enum { TEXT = 1 << 15 };

static hg_table *table_of(const char *text) {
    hg_table *t;
    hg_err err;
    assert_ok_err(hg_csv_read_memory(&t, "wave.csv", text, strlen(text), NULL, &err), err);
    return t;
}

/* y = sin(2 x) over some periods, or noise alone; in another unit. */
static hg_table *wave(size_t rows, double signal, double noise, double unit) {
    static char text[TEXT];
    size_t at = (size_t)snprintf(text, sizeof text, "x,y (K)\n");
    hg_rng r = hg_rng_make(6, 0);
    for (size_t i = 0; i < rows; i++) {
        const double x = 6 * hg_rng_uniform(&r), e = hg_rng_normal(&r);
        at += (size_t)snprintf(text + at, sizeof text - at, "%.6f,%.9f\n", x, unit * (signal * sin(2 * x) + noise * e));
    }
    return table_of(text);
}

static hg_predictor_opts opts(void) {
    hg_predictor_opts o = hg_predictor_opts_default();
    o.learner = "extratrees";
    o.settings = "trees=20";
    o.scale = HG_SCALE_VALUES;
    o.single = true;
    o.folds = 2;
    return o;
}

/* Sizes are halves of each other, the last is four fifths of the rows; errors of what can be learned fall, and the law is the least
 * squares line through their logarithms. */
static void errors_fall_with_the_rows(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *t = wave(400, 1, 0, 1);
    const hg_predictor_opts o = opts();
    hg_curve c;
    hg_err err = { 0 };
    assert_ok_err(hg_learning_curve(&c, t, "y", &o, *state, &err), err);
    assert_int_equal(c.n, HG_CURVE_SIZES);
    assert_int_equal(c.point[5].rows, 320);
    double slope = 0, x = 0, y = 0;
    for (size_t i = 0; i < c.n; i++) {
        const hg_curve_point *p = &c.point[i];
        assert_int_equal(p->draws, HG_CURVE_DRAWS);
        assert_int_equal(p->rows, 10u << i);
        assert_true(p->low <= p->error && p->error <= p->high);
        assert_true(i == 0 || p->error < c.point[i - 1].error);
        /* rows double: by hand the slope of logarithms to base 2 against -2.5 .. 2.5, whose squares sum to 17.5 */
        slope += ((double)i - 2.5) * log2(p->error) / 17.5;
        x += log((double)p->rows) / 6, y += log(p->error) / 6;
    }
    assert_close(c.exponent, slope, 1e-9);
    assert_close(log(c.amplitude) + c.exponent * x, y, 1e-9);
    assert_true(c.exponent < -0.5);
    assert_contains(c.words, "twice as many");
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

static void noise_is_not_learned(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *t = wave(400, 0, 1, 1);
    hg_predictor_opts o = opts();
    hg_curve c;
    o.learner = "ridge", o.settings = NULL; /* of noise a straight line says as little from many rows as from few */
    assert_ok(hg_learning_curve(&c, t, "y", &o, *state, NULL));
    assert_true(fabs(c.exponent) < 0.1);
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

static void units_do_not_matter(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *t = wave(200, 1, 0.1, 1), *u = wave(200, 1, 0.1, 1024);
    const hg_predictor_opts o = opts();
    hg_curve a, b;
    assert_ok(hg_learning_curve(&a, t, "y", &o, *state, NULL));
    assert_ok(hg_learning_curve(&b, u, "y", &o, *state, NULL));
    assert_close(b.exponent, a.exponent, 1e-3);
    assert_close(b.point[0].error, 1024 * a.point[0].error, 1e-3 * b.point[0].error);
    hg_table_free(t);
    hg_table_free(u);
    hg_arena_reset(*state, mark);
}

static void classes_have_a_curve(void **state) {
    static char text[TEXT];
    const hg_mark mark = hg_arena_mark(*state);
    size_t at = (size_t)snprintf(text, sizeof text, "x,kind\n");
    for (size_t i = 0; i < 150; i++)
        at +=
            (size_t)snprintf(text + at, sizeof text - at, "%zu,%s\n", (i * 37) % 150, (i * 37) % 150 < 60 ? "a" : "b");
    hg_table *t = table_of(text);
    hg_predictor_opts o = opts();
    hg_curve c;
    hg_err err = { 0 };
    assert_ok_err(hg_learning_curve(&c, t, "kind", &o, *state, &err), err);
    assert_int_equal(c.classes, 2);
    assert_true(c.point[c.n - 1].error < 0.1 && isnan(c.point[0].coverage90));
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

static void bad_input_is_refused_and_memory_may_fail(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_table *few = table_of("x,y\n1,2\n2,3\n3,5\n4,4\n5,7\n6,8\n"), *t = wave(60, 1, 0.1, 1);
    hg_predictor_opts o = opts();
    hg_curve c;
    hg_bytes picture;
    hg_err err;
    o.learner = "ridge", o.settings = NULL;
    assert_int_equal(hg_learning_curve(&c, few, "y", &o, *state, &err), HG_EDATA);
    assert_contains(err.msg, "6 rows");
    hg_status st = HG_ENOMEM;
    for (long k = 0, step = 1; st != HG_OK; k += step, step += step / 3 + 1) {
        hg_arena *mem = hg_arena_new();
        fail_alloc_after(k);
        st = hg_learning_curve(&c, t, "y", &o, mem, &err);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        hg_arena_free(mem);
    }
    assert_ok(hg_curve_figure(&picture, &c, "y (K)", HG_FIGURE_SVG, NULL));
    assert_true(picture.len > 1000);
    hg_bytes_free(&picture);
    fail_alloc_after(0);
    assert_int_equal(hg_curve_figure(&picture, &c, "y (K)", HG_FIGURE_SVG, NULL), HG_ENOMEM);
    fail_alloc_after(-1);
    hg_table_free(few);
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(errors_fall_with_the_rows),
        TEST(noise_is_not_learned),
        TEST(units_do_not_matter),
        TEST(classes_have_a_curve),
        TEST(bad_input_is_refused_and_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
