/* tests/draw/test_slab.c -- maps of a slab: what is in it, through which walls, the same bytes twice, refusals */
#include "draw/slab.h"
#include "draw/colour.h"
#include "files/output.h"
#include "test.h"

enum { N = 125 };

typedef struct {
    double x[3 * N];
    uint8_t species[N];
    float known[N], predicted[N], stretch[3 * N];
    uint32_t pair[6 * N];
} liquid;

/* 5 x 5 x 5 sites 1.2 apart; the first layer lies at z = 0.6. Bonds along x, y, z, through the walls. */
static hg_slab make(liquid *l) {
    hg_rng rng = hg_rng_make(2, 0);
    hg_slab s = hg_slab_default();
    for (size_t i = 0; i < N; i++) {
        const size_t at[3] = { i % 5, i / 5 % 5, i / 25 };
        for (size_t k = 0; k < 3; k++) {
            size_t next[3] = { at[0], at[1], at[2] };
            l->x[3 * i + k] = 1.2 * (double)at[k] + 0.6;
            next[k] = (next[k] + 1) % 5;
            l->pair[6 * i + 2 * k] = (uint32_t)i;
            l->pair[6 * i + 2 * k + 1] = (uint32_t)(next[0] + 5 * next[1] + 25 * next[2]);
            l->stretch[3 * i + k] = (float)(0.1 * hg_rng_normal(&rng));
        }
        l->species[i] = i % 5 == 4;
        l->known[i] = (float)hg_rng_uniform(&rng);
        l->predicted[i] = 0.3f + 0.5f * l->known[i];
    }
    s.n = N;
    s.x = l->x;
    s.species = l->species;
    s.known = l->known;
    for (size_t k = 0; k < 3; k++) s.box[k] = 6;
    return s;
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) n++;
    return n;
}

static hg_bytes drawn(const hg_slab *s, hg_figure_format format) {
    hg_bytes b;
    hg_err err;
    assert_ok_err(hg_slab_draw(&b, s, format, &err), err);
    return b;
}

static void a_slab_has_the_particles_of_its_height(void **state) {
    (void)state;
    static liquid l;
    hg_slab s = make(&l);
    s.thickness = 1;
    s.centre = 0.6;
    hg_bytes one = drawn(&s, HG_FIGURE_SVG);
    const size_t strokes = count(one.data, "stroke-linecap:round");
    assert_int_equal(strokes, 2 * 25); /* white, and its colour; discs of radius 0.5 stay 0.1 away from the walls */
    s.centre = 6.6;                    /* the same through the wall */
    hg_bytes image = drawn(&s, HG_FIGURE_SVG);
    assert_int_equal(count(image.data, "stroke-linecap:round"), strokes);
    s.thickness = 3.6; /* three layers */
    hg_bytes three = drawn(&s, HG_FIGURE_SVG);
    assert_int_equal(count(three.data, "stroke-linecap:round"), 3 * strokes);
    for (size_t i = 0; i < N; i++)
        l.x[3 * i] = l.x[3 * i] < 1.2 ? 0.3 : l.x[3 * i]; /* one column looks in on the right */
    s.thickness = 1;
    hg_bytes walls = drawn(&s, HG_FIGURE_SVG);
    assert_int_equal(count(walls.data, "stroke-linecap:round"), strokes + 2 * 5);
    hg_bytes_free(&one);
    hg_bytes_free(&image);
    hg_bytes_free(&three);
    hg_bytes_free(&walls);
}

static void three_panels_and_their_bonds_are_the_same_bytes_twice(void **state) {
    (void)state;
    static liquid l;
    hg_slab s = make(&l);
    char path[512];
    hg_err err;
    s.predicted = l.predicted;
    s.title = "T = 0.44, t = 4120, \u03c1 = 0.77";
    s.n_pairs = 3 * N;
    s.pair = l.pair;
    s.known_stretch = s.predicted_stretch = l.stretch;
    for (int format = HG_FIGURE_SVG; format <= HG_FIGURE_PNG; format++) {
        hg_bytes a = drawn(&s, (hg_figure_format)format), b = drawn(&s, (hg_figure_format)format);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        if (format == HG_FIGURE_PNG) {
            hg_output *o;
            assert_ok_err(hg_output_new(&o, test_scratch(path, sizeof path, "slab.png"), NULL, &err), err);
            assert_ok(hg_output_write(o, a.data, a.len, NULL));
            assert_ok(hg_output_commit(o, NULL));
            hg_output_free(o);
        }
        hg_bytes_free(&a);
        hg_bytes_free(&b);
    }
}

static void differences_have_a_white_middle_and_ends_of_one_darkness(void **state) {
    (void)state;
    hg_rgb map[HG_MAP_LEVELS];
    double first[3], last[3], middle[3];
    hg_colour_difference(map);
    hg_oklab(first, map[0]);
    hg_oklab(last, map[HG_MAP_LEVELS - 1]);
    hg_oklab(middle, map[HG_MAP_LEVELS / 2]);
    assert_close(first[0], last[0], 0.02);
    assert_true(middle[0] > 0.95 && first[0] < 0.65);
    assert_true(first[2] < 0 && last[2] > 0); /* blue, vermilion */
}

static void what_cannot_be_drawn_is_refused(void **state) {
    (void)state;
    static liquid l;
    hg_bytes b;
    hg_err err;
    hg_slab s = make(&l);
    s.known = NULL;
    assert_int_equal(hg_slab_draw(&b, &s, HG_FIGURE_SVG, &err), HG_EINVAL);
    assert_string_equal(err.msg, "a slab needs particles, and simulated or predicted values");
    s = make(&l);
    s.box[1] = 0;
    assert_int_equal(hg_slab_draw(&b, &s, HG_FIGURE_SVG, &err), HG_EINVAL);
    s = make(&l);
    s.panel_mm = 5;
    assert_int_equal(hg_slab_draw(&b, &s, HG_FIGURE_SVG, &err), HG_EINVAL);
    s = make(&l);
    s.thickness = (double)NAN;
    assert_int_equal(hg_slab_draw(&b, &s, HG_FIGURE_SVG, &err), HG_EINVAL);
    assert_null(b.data);
    s = make(&l); /* nothing finite, one value for all: a picture all the same */
    for (size_t i = 0; i < N; i++) l.known[i] = i % 2 ? NAN : 1;
    b = drawn(&s, HG_FIGURE_PNG);
    hg_bytes_free(&b);
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_slab_draw(&b, &s, HG_FIGURE_SVG, &err);
        fail_alloc_after(-1);
        hg_bytes_free(&b);
        if (st == HG_OK) {
            assert_true(k > 4);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_slab_has_the_particles_of_its_height),
        TEST(three_panels_and_their_bonds_are_the_same_bytes_twice),
        TEST(differences_have_a_white_middle_and_ends_of_one_darkness),
        TEST(what_cannot_be_drawn_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
