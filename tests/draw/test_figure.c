/* tests/draw/test_figure.c -- ticks and colours by hand, where a point lands, the same bytes twice, hostile input */
#include "draw/colour.h"
#include "draw/label.h"
#include "draw/ticks.h"
#include "hagane/figure.h"
#include "test.h"

static void expect_ticks(const hg_ticks *t, const char *const *text, size_t n, int exponent) {
    assert_int_equal(t->n, n);
    assert_int_equal(t->exponent, exponent);
    for (size_t i = 0; i < n; i++) assert_string_equal(t->text[i], text[i]);
}

static void ticks_are_1_2_5_and_share_one_power_of_ten(void **state) {
    (void)state;
    hg_ticks t;
    const char *const plain[] = { "\u22120.5", "0.0", "0.5", "1.0" };
    hg_ticks_make(&t, &(hg_range) { -0.7, 1.2, false }, 4, false);
    expect_ticks(&t, plain, 4, 0);
    const char *const large[] = { "0.0", "0.5", "1.0", "1.5" };
    hg_ticks_make(&t, &(hg_range) { 0, 1.6e6, false }, 4, false);
    expect_ticks(&t, large, 4, 6);
    assert_close(t.at[3], 1.5e6, 1e-12);
    const char *const whole[] = { "0", "1", "2" };
    hg_ticks_make(&t, &(hg_range) { -0.2, 2.4, false }, 8, true);
    expect_ticks(&t, whole, 3, 0);
    hg_ticks_make(&t, &(hg_range) { 1e-3, 2e4, true }, 4, false);
    assert_int_equal(t.n, 4); /* every second decade: -2, 0, 2, 4 */
    assert_string_equal(t.text[0], "0.01");
    assert_string_equal(t.text[3], "10000");
    hg_ticks_make(&t, &(hg_range) { 1e-6, 2e6, true }, 6, false);
    assert_string_equal(t.text[0], "10\u207b\u2076");
}

static void numbers_read_as_a_person_writes_them(void **state) {
    (void)state;
    const struct {
        double v;
        int digits;
        const char *text;
    } cases[] = { { 0.012345, 3, "0.0123" },
                  { -2.5, 2, "\u22122.5" },
                  { 9.996, 3, "10.0" },
                  { 123456, 3, "123456" },
                  { 1.234e7, 3, "1.23\u00d710\u2077" },
                  { 3e-300, 2, "3.0\u00d710\u207b\u00b3\u2070\u2070" },
                  { 0, 3, "0.00" },
                  { NAN, 3, "\u2013" },
                  { -INFINITY, 3, "\u2212\u221e" } };
    char buf[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hg_number_text(buf, sizeof buf, cases[i].v, cases[i].digits);
        assert_string_equal(buf, cases[i].text);
    }
}

static void ranges_survive_one_point_equal_values_and_the_largest_doubles(void **state) {
    (void)state;
    const hg_range none = { INFINITY, -INFINITY, false }, none_log = { INFINITY, -INFINITY, true };
    hg_range r = hg_range_settle(none, NAN, NAN, 0.05);
    assert_true(r.min < r.max);
    r = hg_range_settle(none_log, NAN, NAN, 0.05);
    assert_true(r.min > 0 && r.min < r.max && isfinite(r.max));
    const double values[] = { 0, 7, -1e300, 1e300, 1e-300, 5e-324 };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        r = none;
        hg_range_add(&r, values[i]);
        r = hg_range_settle(r, NAN, NAN, 0.05);
        assert_true(r.min < r.max && isfinite(r.max - r.min));
        const double share = hg_range_share(&r, values[i]);
        assert_true(share > 0.4 && share < 0.6); /* a single value stands in the middle */
    }
    r = none;
    hg_range_add(&r, NAN);
    hg_range_add(&r, INFINITY);
    assert_true(r.min > r.max); /* neither was taken */
}

/* The map's promise: lightness rises, and steps are equally large in Oklab. */
static void the_colour_map_is_uniform(void **state) {
    (void)state;
    hg_rgb map[HG_MAP_LEVELS];
    double lab[3], last[3], least = INFINITY, most = 0;
    hg_colour_map(map);
    for (size_t k = 0; k < HG_MAP_LEVELS; k++) {
        hg_oklab(lab, map[k]);
        if (k) {
            const double step = hypot(lab[0] - last[0], hypot(lab[1] - last[1], lab[2] - last[2]));
            assert_true(lab[0] > last[0]);
            least = fmin(least, step);
            most = fmax(most, step);
        }
        memcpy(last, lab, sizeof last);
    }
    assert_true(most / least < 1.1); /* corners at the anchors cut a little */
    assert_close(map[0].r, 0x44 / 255.0, 1e-6);
    assert_close(map[HG_MAP_LEVELS - 1].b, 0x25 / 255.0, 1e-6);
    hg_oklab(lab, (hg_rgb) { 1, 1, 1 }); /* white: lightness 1, no colour */
    assert_close(lab[0], 1, 1e-6);
    assert_close(lab[1], 0, 1e-6);
}

static void utf8_is_mended_and_cut_between_characters(void **state) {
    (void)state;
    char buf[HG_LABEL_MAX];
    hg_label_clean(
        buf,
        "\u03bc\u2080M\xff\xc0\xaf\n\xed\xa0\x80z\xe0\x80\xaf\xe2\x82"); /* stray, overlong, newline, surrogate, overlong, cut */
    assert_string_equal(buf, "\u03bc\u2080M\ufffd\ufffd\ufffd \ufffd\ufffd\ufffdz\ufffd\ufffd\ufffd\ufffd\ufffd");
    hg_label_clean(buf, NULL);
    assert_string_equal(buf, "");
    char longer[1000];
    for (size_t i = 0; i + 3 < sizeof longer; i += 3) memcpy(longer + i, "\u2080", 4);
    hg_label_clean(buf, longer);
    assert_true(strlen(buf) < HG_LABEL_MAX);
    assert_string_equal(buf + strlen(buf) - 3, "\u2026");
    assert_int_equal(strlen(buf) % 3, 0);
}

static const double X[] = { 0, 0.5, 1 }, Y[] = { 0, 1, 0.25 };

static hg_figure simple(const hg_layer *l) {
    hg_figure f = hg_figure_default();
    f.layer = l;
    f.n_layers = 1;
    f.title = "Title";
    f.x.label = "x (mm)";
    f.y.label = "\u03bc\u2080M\u209b (T)";
    return f;
}

typedef struct {
    const hg_bytes *b;
    size_t at;
} reader;

static cairo_status_t read_some(void *closure, unsigned char *data, unsigned int length) {
    reader *r = closure;
    if (r->at + length > r->b->len) return CAIRO_STATUS_READ_ERROR;
    memcpy(data, r->b->data + r->at, length);
    r->at += length;
    return CAIRO_STATUS_SUCCESS;
}

/* Mean position of the pixels that have the colour, in shares of the page from the top left. */
static size_t find_rgb(const hg_bytes *png, hg_rgb c, double *x, double *y) {
    reader r = { png, 0 };
    cairo_surface_t *image = cairo_image_surface_create_from_png_stream(read_some, &r);
    assert_int_equal(cairo_surface_status(image), CAIRO_STATUS_SUCCESS);
    const int w = cairo_image_surface_get_width(image), h = cairo_image_surface_get_height(image);
    const unsigned char *data = cairo_image_surface_get_data(image);
    size_t n = 0;
    *x = *y = 0;
    for (int j = 0; j < h; j++)
        for (int i = 0; i < w; i++) {
            uint32_t v;
            memcpy(&v, data + j * cairo_image_surface_get_stride(image) + 4 * i, sizeof v);
            if (labs((long)(v >> 16 & 255) - lround(255 * c.r)) > 2 ||
                labs((long)(v >> 8 & 255) - lround(255 * c.g)) > 2 || labs((long)(v & 255) - lround(255 * c.b)) > 2)
                continue;
            *x += (double)i / w;
            *y += (double)j / h;
            n++;
        }
    if (n) {
        *x /= (double)n;
        *y /= (double)n;
    }
    cairo_surface_destroy(image);
    return n;
}

static size_t find_colour(const hg_bytes *png, hg_colour colour, double *x, double *y) {
    return find_rgb(png, hg_colour_rgb(colour), x, y);
}

/* Two points at the opposite ends of the data lie symmetrically: the outer points of a cross, found by their colours. */
static void points_land_where_the_axes_say(void **state) {
    (void)state;
    const double x0 = 2, y0 = 30, x1 = 4, y1 = 10, xm = 3, ym = 20;
    hg_layer l[3] = { hg_layer_make(HG_LAYER_POINTS, NULL, &x0, &y0, 1, HG_COLOUR_BLUE),
                      hg_layer_make(HG_LAYER_POINTS, NULL, &x1, &y1, 1, HG_COLOUR_VERMILION),
                      hg_layer_make(HG_LAYER_POINTS, NULL, &xm, &ym, 1, HG_COLOUR_GREEN) };
    hg_figure f = simple(l);
    f.n_layers = 3;
    hg_bytes png;
    double ax, ay, bx, by, mx, my;
    assert_ok(hg_figure_render(&png, &f, HG_FIGURE_PNG, NULL));
    assert_true(find_colour(&png, HG_COLOUR_BLUE, &ax, &ay) > 50);
    assert_true(find_colour(&png, HG_COLOUR_VERMILION, &bx, &by) > 50);
    assert_true(find_colour(&png, HG_COLOUR_GREEN, &mx, &my) > 50);
    assert_true(ax < bx && ay < by); /* low x left, high y on top */
    assert_close(mx, (ax + bx) / 2, 2e-3);
    assert_close(my, (ay + by) / 2, 2e-3);
    hg_bytes_free(&png);
    l[2].x = &x1; /* and a fixed range leaves out what lies beyond it */
    f.x.max = 3.5;
    assert_ok(hg_figure_render(&png, &f, HG_FIGURE_PNG, NULL));
    assert_int_equal(find_colour(&png, HG_COLOUR_VERMILION, &bx, &by), 0);
    hg_bytes_free(&png);
}

static void every_format_gives_the_same_bytes_twice(void **state) {
    (void)state;
    hg_layer l = hg_layer_make(HG_LAYER_POINTS, "measured", X, Y, 3, HG_COLOUR_BLUE);
    l.value = Y;
    hg_figure f = simple(&l);
    for (size_t k = 0; k < 3; k++) {
        hg_bytes a, b;
        assert_ok(hg_figure_render(&a, &f, (hg_figure_format)k, NULL));
        for (size_t i = 0; i < 3; i++) { /* more surfaces, which would shift cairo's own counters */
            assert_ok(hg_figure_render(&b, &f, (hg_figure_format)i, NULL));
            hg_bytes_free(&b);
        }
        assert_ok(hg_figure_render(&b, &f, (hg_figure_format)k, NULL));
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        assert_null(memmem(a.data, a.len, "CreationDate", 12));
        assert_null(memmem(a.data, a.len, "ModDate", 7));
        hg_bytes_free(&a);
        hg_bytes_free(&b);
    }
}

static void themed_svg_takes_its_ink_from_the_page_and_names_its_own_ids(void **state) {
    (void)state;
    hg_layer l = hg_layer_make(HG_LAYER_POINTS, "measured", X, Y, 3, HG_COLOUR_BLUE);
    hg_figure f = simple(&l);
    f.themed = true;
    f.id = "fig7";
    hg_bytes b;
    assert_ok(hg_figure_render(&b, &f, HG_FIGURE_SVG, NULL));
    assert_memory_equal(b.data, "<svg", 4);
    assert_contains(b.data, "currentColor");
    assert_contains(b.data, "var(--paper,#fff)");
    assert_null(strstr(b.data, "rgb(10%"));
    size_t n = 0;
    for (const char *s = b.data; (s = strstr(s, " id=\"")) != NULL; s++, n++) assert_memory_equal(s + 5, "fig7-", 5);
    assert_true(n > 10);
    for (const char *s = b.data; (s = strstr(s, "href=\"#")) != NULL; s++) assert_memory_equal(s + 7, "fig7-", 5);
    hg_bytes_free(&b);
}

static void very_many_points_make_a_small_file(void **state) {
    const size_t n = 200000;
    const hg_mark mark = hg_arena_mark(*state);
    double *x = hg_alloc(*state, n, sizeof *x), *y = hg_alloc(*state, n, sizeof *y);
    assert_non_null(x);
    assert_non_null(y);
    hg_rng r = hg_rng_make(3, 0);
    for (size_t i = 0; i < n; i++) {
        x[i] = hg_rng_uniform(&r);
        y[i] = x[i] * hg_rng_uniform(&r);
    }
    hg_layer l = hg_layer_make(HG_LAYER_POINTS, "pool", x, y, n, HG_COLOUR_BLUE);
    l.value = y;
    hg_figure f = simple(&l);
    hg_bytes b;
    assert_ok(hg_figure_render(&b, &f, HG_FIGURE_SVG, NULL));
    assert_true(b.len < 600000);
    assert_contains(b.data, "data:image/png;base64");
    hg_bytes_free(&b);
    hg_arena_reset(*state, mark);
}

/* Every kind of layer over every kind of trouble; nothing to compare, the sanitizers are the judge. */
static void no_data_is_too_strange_to_draw(void **state) {
    (void)state;
    static const double strange[][4] = { { NAN, NAN, NAN, NAN },
                                         { 1, 1, 1, 1 },
                                         { 0, 0, 0, 0 },
                                         { 1e-300, 1e300, 1, -1 },
                                         { -1e300, 1e300, 0, 1 },
                                         { INFINITY, 1, -INFINITY, 2 },
                                         { 5e-324, 1e-320, 0, 1e-310 },
                                         { 1.7e308, -1.7e308, 1, 2 } };
    enum { CASES = sizeof strange / sizeof *strange };
    for (size_t kind = 0; kind < HG_LAYER_COUNT; kind++)
        for (size_t c = 0; c < CASES * 4; c++) {
            hg_layer l = hg_layer_make((hg_layer_kind)kind, "layer", strange[c % CASES], strange[(c + 1) % CASES], 4,
                                       HG_COLOUR_BLUE);
            l.low = l.x_low = strange[(c + 2) % CASES];
            l.high = l.x_high = l.value = strange[(c + 3) % CASES];
            if (kind == HG_LAYER_HEAT) {
                l.n = l.rows = l.columns = 2;
            }
            hg_figure f = simple(&l);
            f.x.scale = c & CASES ? HG_SCALE_LOG : HG_SCALE_LINEAR;
            f.y.scale = c & (2 * CASES) ? HG_SCALE_LOG : HG_SCALE_LINEAR;
            f.square = c % 3 == 0 && f.x.scale == f.y.scale;
            f.width_mm = f.height_mm = c % 5 ? 60 : 20; /* where nothing fits */
            hg_bytes b;
            hg_err err;
            assert_ok_err(hg_figure_render(&b, &f, HG_FIGURE_SVG, &err), err);
            assert_non_null(strstr(b.data, "</svg>"));
            assert_null(strstr(b.data, "nan"));
            assert_null(strstr(b.data, "inf"));
            hg_bytes_free(&b);
        }
}

static void an_empty_figure_and_a_triangle_are_figures_too(void **state) {
    (void)state;
    hg_figure f = hg_figure_default();
    hg_bytes b;
    assert_ok(hg_figure_render(&b, &f, HG_FIGURE_PDF, NULL));
    assert_memory_equal(b.data, "%PDF", 4);
    hg_bytes_free(&b);
    /* the middle composition of the whole triangle lies in the middle of its width */
    const double a[] = { 1, 0, 0, 1.0 / 3 }, c[] = { 0, 1, 0, 1.0 / 3 }, top[] = { 0, 0, 1, 1.0 / 3 };
    hg_layer l[2] = { hg_layer_make(HG_LAYER_POINTS, NULL, a, c, 3, HG_COLOUR_BLUE),
                      hg_layer_make(HG_LAYER_POINTS, NULL, a + 3, c + 3, 1, HG_COLOUR_GREEN) };
    l[0].z = top;
    l[1].z = top + 3;
    f.triangle = true;
    f.corner[0] = "Nd";
    f.corner[1] = "Fe";
    f.corner[2] = "B";
    f.layer = l;
    f.n_layers = 2;
    double x, y, mx, my;
    assert_ok(hg_figure_render(&b, &f, HG_FIGURE_PNG, NULL));
    assert_true(find_colour(&b, HG_COLOUR_BLUE, &x, &y) > 50);
    assert_true(find_colour(&b, HG_COLOUR_GREEN, &mx, &my) > 20);
    assert_close(mx, x, 4e-3); /* the centroid of the three corners */
    assert_close(my, y, 4e-3);
    hg_bytes_free(&b);
    l[0].n = 2; /* left and right corner, and the top one: an isosceles triangle that stands on its base */
    l[1] = hg_layer_make(HG_LAYER_POINTS, NULL, a + 2, c + 2, 1, HG_COLOUR_GREEN);
    l[1].z = top + 2;
    assert_ok(hg_figure_render(&b, &f, HG_FIGURE_PNG, NULL));
    assert_true(find_colour(&b, HG_COLOUR_BLUE, &x, &y) > 20);
    assert_true(find_colour(&b, HG_COLOUR_GREEN, &mx, &my) > 20);
    assert_close(mx, x, 6e-3); /* corners may differ by a few pixels of edge */
    assert_true(my < y - 0.3);
    hg_bytes_free(&b);
}

static void refuses_what_makes_no_figure(void **state) {
    (void)state;
    hg_layer l = hg_layer_make(HG_LAYER_POINTS, NULL, X, Y, 3, HG_COLOUR_BLUE);
    hg_figure f = simple(&l);
    hg_bytes b;
    hg_err err;
    f.width_mm = NAN;
    assert_int_equal(hg_figure_render(&b, &f, HG_FIGURE_SVG, &err), HG_EINVAL);
    assert_null(b.data);
    f = simple(&l);
    f.id = "a\"><script>";
    assert_int_equal(hg_figure_render(&b, &f, HG_FIGURE_SVG, &err), HG_EINVAL);
    f = simple(&l);
    l.y = NULL;
    assert_int_equal(hg_figure_render(&b, &f, HG_FIGURE_SVG, &err), HG_EINVAL);
    assert_string_equal(err.msg, "layer 0 (points) lacks one of the arrays it needs");
    l.y = Y;
    l.kind = HG_LAYER_BAND;
    assert_int_equal(hg_figure_render(&b, &f, HG_FIGURE_SVG, &err), HG_EINVAL);
    l.kind = HG_LAYER_COUNT;
    assert_int_equal(hg_figure_render(&b, &f, HG_FIGURE_SVG, &err), HG_EINVAL);
    hg_figure_format format;
    assert_ok(hg_figure_format_find(&format, "out/parity.PDF", &err));
    assert_int_equal(format, HG_FIGURE_PDF);
    assert_int_equal(hg_figure_format_find(&format, "parity.gif", &err), HG_ENOTFOUND);
    assert_string_equal(err.hint, "use svg, pdf or png");
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    static double many[5000]; /* enough for the image path */
    for (size_t i = 0; i < 5000; i++) many[i] = (double)(i % 97);
    hg_layer l = hg_layer_make(HG_LAYER_POINTS, "pool", many, many, 5000, HG_COLOUR_BLUE);
    hg_figure f = simple(&l);
    f.width_mm = f.height_mm = 30;
    for (long k = 0;; k++) {
        hg_bytes b = { (char *)state, 1 }; /* poison */
        fail_alloc_after(k);
        const hg_status st = hg_figure_render(&b, &f, HG_FIGURE_SVG, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k > 3);
            hg_bytes_free(&b);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(b.data);
    }
}

/* The low cell of a heat map: first row below, first column left. */
static void a_heat_map_stands_upright(void **state) {
    (void)state;
    const double ends[] = { 0, 1 }, value[] = { 0, 1, 1, 1 };
    hg_layer l = hg_layer_make(HG_LAYER_HEAT, NULL, ends, ends, 2, HG_COLOUR_INK);
    l.value = value;
    l.rows = l.columns = 2;
    const hg_figure f = simple(&l);
    hg_rgb map[HG_MAP_LEVELS];
    hg_bytes png;
    double x, y;
    hg_colour_map(map);
    assert_ok(hg_figure_render(&png, &f, HG_FIGURE_PNG, NULL));
    assert_true(find_rgb(&png, map[0], &x, &y) > 1000);
    assert_true(x < 0.4 && y > 0.6);
    hg_bytes_free(&png);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(ticks_are_1_2_5_and_share_one_power_of_ten),
        TEST(numbers_read_as_a_person_writes_them),
        TEST(ranges_survive_one_point_equal_values_and_the_largest_doubles),
        TEST(the_colour_map_is_uniform),
        TEST(utf8_is_mended_and_cut_between_characters),
        TEST(points_land_where_the_axes_say),
        TEST(every_format_gives_the_same_bytes_twice),
        TEST(themed_svg_takes_its_ink_from_the_page_and_names_its_own_ids),
        TEST(very_many_points_make_a_small_file),
        TEST(no_data_is_too_strange_to_draw),
        TEST(an_empty_figure_and_a_triangle_are_figures_too),
        TEST(refuses_what_makes_no_figure),
        TEST(survives_any_allocation_failure),
        TEST(a_heat_map_stands_upright),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
