/* tests/draw/test_mobility.c -- rho over time and predicted beside simulated values: what their words say, the same bytes twice, refusals */
#include "draw/mobility.h"
#include "files/output.h"
#include "test.h"

static void keep(const char *name, const hg_bytes *b) {
    char path[512];
    hg_output *o;
    assert_ok(hg_output_new(&o, test_scratch(path, sizeof path, name), NULL, NULL));
    assert_ok(hg_output_write(o, b->data, b->len, NULL));
    assert_ok(hg_output_commit(o, NULL));
    hg_output_free(o);
}

static hg_curves made(hg_curve curve[5], double *numbers) {
    static const double TIME[7] = { 0.108, 0.432, 2.17, 6.86, 21.7, 68.6, 217 };
    static const char *const NAME[5] = { "S1", "S2", "BOTAN", "CAGE", "EIGNN, cage" };
    for (size_t k = 0; k < 5; k++) {
        double *rho = numbers + 14 * k, *error = rho + 7;
        for (size_t t = 0; t < 7; t++) {
            rho[t] = 0.7 + 0.03 * (double)k + 0.05 * sin((double)(t + 3 * k));
            error[t] = 0.01;
        }
        curve[k] = (hg_curve) {
            .name = NAME[k], .n = 7, .time = TIME, .rho = rho, .error = k < 2 ? error : NULL, .own = k < 2
        };
    }
    for (size_t t = 0; t < 7; t++) numbers[70 + t] = 0.93 - 0.02 * (double)t;
    return (hg_curves) { .curve = curve,
                         .n_curves = 5,
                         .n_attainable = 7,
                         .attainable_time = TIME,
                         .attainable = numbers + 70,
                         .tau = 217,
                         .title = "T = 0.50" };
}

static void curves_are_the_same_bytes_twice(void **state) {
    (void)state;
    hg_curve curve[5];
    double numbers[77];
    const hg_curves c = made(curve, numbers);
    for (int format = HG_FIGURE_SVG; format <= HG_FIGURE_PNG; format++) {
        hg_bytes a, b;
        hg_err err;
        assert_ok_err(hg_curves_draw(&a, &c, (hg_figure_format)format, &err), err);
        assert_ok_err(hg_curves_draw(&b, &c, (hg_figure_format)format, &err), err);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        if (format == HG_FIGURE_PNG) keep("curves.png", &a);
        hg_bytes_free(&a);
        hg_bytes_free(&b);
    }
}

static void a_point_more_changes_the_picture(void **state) {
    (void)state;
    hg_curve curve[5];
    double numbers[77];
    const hg_curves c = made(curve, numbers);
    hg_bytes a, b;
    assert_ok(hg_curves_draw(&a, &c, HG_FIGURE_SVG, NULL));
    curve[0].n = 6;
    assert_ok(hg_curves_draw(&b, &c, HG_FIGURE_SVG, NULL));
    assert_true(a.len > b.len);
    hg_bytes_free(&a);
    hg_bytes_free(&b);
}

static void predicted_stand_beside_simulated_ones(void **state) {
    (void)state;
    enum { N = 5000 };
    static float x[N], y[N];
    hg_rng rng = hg_rng_make(1, 0);
    hg_bytes a, b;
    hg_err err;
    for (size_t i = 0; i < N; i++) {
        const double s = exp(0.5 * hg_rng_normal(&rng));
        x[i] = (float)s;
        y[i] = (float)(0.4 + 0.5 * s + 0.15 * hg_rng_normal(&rng));
    }
    assert_ok_err(hg_scatter_draw(&a, x, y, N, "t = 217", HG_FIGURE_PNG, &err), err);
    keep("scatter.png", &a);
    y[7] = NAN; /* left out */
    assert_ok_err(hg_scatter_draw(&b, x, y, N, "t = 217", HG_FIGURE_PNG, &err), err);
    hg_bytes_free(&a);
    hg_bytes_free(&b);
    for (size_t i = 0; i < N; i++) x[i] = y[i] = 2; /* one value: a picture all the same */
    assert_ok_err(hg_scatter_draw(&a, x, y, N, "equal", HG_FIGURE_SVG, &err), err);
    hg_bytes_free(&a);
}

static void what_cannot_be_drawn_is_refused(void **state) {
    (void)state;
    const float x[2] = { 1, NAN }, y[2] = { 1, 2 };
    hg_curve curve[5];
    double numbers[77];
    hg_curves c = made(curve, numbers);
    hg_bytes b;
    hg_err err;
    assert_int_equal(hg_scatter_draw(&b, x, y, 2, "", HG_FIGURE_SVG, &err), HG_EINVAL);
    assert_string_equal(err.msg, "fewer than two points to be drawn");
    c.n_curves = HG_CURVES_MOST + 1;
    assert_int_equal(hg_curves_draw(&b, &c, HG_FIGURE_SVG, &err), HG_EINVAL);
    c.n_curves = 5;
    curve[2].n = HG_CURVE_TIMES + 1;
    assert_int_equal(hg_curves_draw(&b, &c, HG_FIGURE_SVG, &err), HG_EINVAL);
    assert_null(b.data);
    curve[2].n = 7;
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_curves_draw(&b, &c, HG_FIGURE_SVG, &err);
        fail_alloc_after(-1);
        hg_bytes_free(&b);
        if (st == HG_OK) {
            assert_true(k > 2);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(curves_are_the_same_bytes_twice),
        TEST(a_point_more_changes_the_picture),
        TEST(predicted_stand_beside_simulated_ones),
        TEST(what_cannot_be_drawn_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
