/* tests/files/test_space.c -- spaces from YAML: what may stand in the file, where mistakes are, and what is drawn */
#include "hagane/space.h"
#include "test.h"

static const char EXAMPLE[] = "variables:\n"
                              "  temperature (C): {min: 400, max: 900}\n"
                              "  layers:          {min: 1, max: 8, integer: true}\n"
                              "  solvent:         {levels: [water, ethanol, DMF]}\n"
                              "  dose:            {levels: [1, 2.5, 10]}\n"
                              "  Fe:              {min: 0, max: 1, mixture: alloy}\n"
                              "  Co:              {min: 0.1, max: 0.5, mixture: alloy}\n"
                              "  Ni:              {mixture: alloy}\n";

static hg_status read(hg_space **out, const char *text, hg_err *err) {
    return hg_space_read_memory(out, "space.yaml", text, strlen(text), err);
}

static const hg_column *column(const hg_table *t, const char *name) {
    size_t j;
    assert_ok(hg_table_find(&j, t, name, NULL));
    return hg_table_column(t, j);
}

/* Bounds, whole numbers and sums of the points in t. */
static void assert_inside(const hg_table *t) {
    const double *temperature = column(t, "temperature (C)")->number, *layers = column(t, "layers")->number,
                 *dose = column(t, "dose")->number, *fe = column(t, "Fe")->number, *co = column(t, "Co")->number,
                 *ni = column(t, "Ni")->number;
    for (size_t i = 0; i < hg_table_rows(t); i++) {
        assert_true(temperature[i] >= 400 && temperature[i] <= 900);
        assert_true(layers[i] >= 1 && layers[i] <= 8 && layers[i] == floor(layers[i]));
        assert_true(dose[i] == 1 || dose[i] == 2.5 || dose[i] == 10);
        assert_true(fe[i] >= 0 && fe[i] <= 1 && co[i] >= 0.1 && co[i] <= 0.5 && ni[i] >= 0 && ni[i] <= 1);
        assert_close(fe[i] + co[i] + ni[i], 1, 1e-12);
    }
}

static void a_sample_keeps_to_the_space(void **state) {
    (void)state;
    hg_space *s;
    hg_table *t;
    assert_ok(read(&s, EXAMPLE, NULL));
    assert_int_equal(hg_space_variables(s), 7);
    assert_string_equal(hg_space_variable(s, 2), "solvent");
    assert_ok(hg_space_sample(&t, s, 2000, 1, NULL));
    assert_int_equal(hg_table_rows(t), 2000);
    assert_inside(t);
    const hg_column *solvent = column(t, "solvent"), *layers = column(t, "layers");
    assert_int_equal(solvent->kind, HG_COLUMN_TEXT);
    size_t dmf = 0, eight = 0, j;
    assert_ok(hg_table_find(&j, t, "solvent", NULL));
    for (size_t i = 0; i < 2000; i++) {
        dmf += strcmp(hg_table_text(t, j, i), "DMF") == 0 ? 1 : 0;
        eight += layers->number[i] == 8 ? 1 : 0;
    }
    assert_true(dmf > 640 && dmf < 693 && eight > 235 && eight < 265); /* 667 and 250, evenly */
    hg_table_free(t);
    hg_space_free(s);
}

/* {a + b + c = 1, c <= 0.2}: area 1 - 0.8^2 of the simplex; the mean of c over it is what integration gives, 0.0963. */
static void a_bounded_mixture_is_uniform(void **state) {
    (void)state;
    hg_space *s;
    hg_table *t;
    assert_ok(read(&s, "variables: {a: {mixture: m}, b: {mixture: m}, c: {min: 0, max: 0.2, mixture: m}}", NULL));
    assert_ok(hg_space_sample(&t, s, 8000, 3, NULL));
    double mean[3] = { 0 };
    const char *names[] = { "a", "b", "c" };
    for (size_t j = 0; j < 3; j++)
        for (size_t i = 0; i < 8000; i++) mean[j] += column(t, names[j])->number[i] / 8000;
    const double c =
        (0.2 * 0.2 - 2 * 0.2 * 0.2 * 0.2 / 3) / (2 * (0.2 - 0.02)); /* int c (1-c) / int (1-c) over 0..0.2 */
    assert_close(mean[2], c, 0.004);
    assert_close(mean[0], (1 - c) / 2, 0.012);
    assert_close(mean[1], (1 - c) / 2, 0.012);
    hg_table_free(t);
    hg_space_free(s);
}

/* What is suggested must be weighed and typed: four digits of the range, a sum of 1 and zeros that are zero. */
static void points_are_short_decimals(void **state) {
    (void)state;
    hg_space *s;
    hg_table *t, *near;
    assert_ok(read(&s,
                   "variables: {T: {min: 400, max: 900}, dose: {min: 0, max: 0.003}, third: {min: 0.33333, max: 0.4}, "
                   "a: {mixture: m}, b: {max: 0.5, mixture: m}, c: {max: 0.002, mixture: m}}",
                   NULL));
    assert_ok(hg_space_sample(&t, s, 2000, 3, NULL));
    assert_ok(hg_space_neighbours(&near, s, t, 7, 500, 0.3, 9, NULL));
    const struct {
        const char *name;
        double step;
    } grid[] = { { "T", 0.01 }, { "dose", 1e-7 }, { "a", 1e-7 }, { "b", 1e-5 }, { "c", 1e-7 } };
    for (size_t k = 0; k < 2; k++) {
        const hg_table *table = k ? near : t;
        for (size_t j = 0; j < 5; j++)
            for (size_t i = 0; i < hg_table_rows(table); i++) {
                char text[40];
                const double x = column(table, grid[j].name)->number[i];
                snprintf(text, sizeof text, "%.*f", (int)round(-log10(grid[j].step)), x);
                assert_true(strtod(text, NULL) == x); /* nothing behind the last digit, not even 1e-17 */
            }
        for (size_t i = 0; i < hg_table_rows(table); i++) {
            assert_close(column(table, "a")->number[i] + column(table, "b")->number[i] + column(table, "c")->number[i],
                         1, 1e-15);
            assert_true(column(table, "third")->number[i] >= 0.33333 && column(table, "third")->number[i] <= 0.4);
            assert_true(column(table, "b")->number[i] <= 0.5 && column(table, "c")->number[i] <= 0.002);
        }
    }
    hg_table_free(near);
    hg_table_free(t);
    hg_space_free(s);
}

static void a_small_space_comes_whole(void **state) {
    (void)state;
    hg_space *s;
    hg_table *t;
    assert_ok(read(&s, "variables: {a: {min: 1, max: 3, integer: true}, b: {levels: [x, y]}}", NULL));
    assert_ok(hg_space_sample(&t, s, 100, 1, NULL));
    assert_int_equal(hg_table_rows(t), 6);
    assert_string_equal(hg_table_text(t, 1, 3), "y");
    assert_close(column(t, "a")->number[3], 2, 0);
    hg_table_free(t);
    hg_space_free(s);
}

static void neighbours_are_near_inside_and_repeatable(void **state) {
    (void)state;
    hg_space *s;
    hg_table *t, *near, *again;
    assert_ok(read(&s, EXAMPLE, NULL));
    assert_ok(hg_space_sample(&t, s, 10, 1, NULL));
    assert_ok(hg_space_neighbours(&near, s, t, 4, 500, 0.02, 9, NULL));
    assert_ok(hg_space_neighbours(&again, s, t, 4, 500, 0.02, 9, NULL));
    assert_inside(near);
    const double from = column(t, "temperature (C)")->number[4];
    size_t moved = 0, same_layers = 0;
    for (size_t i = 0; i < 500; i++) {
        const double now = column(near, "temperature (C)")->number[i];
        assert_true(fabs(now - from) < 500 * 0.02 * 5);
        assert_true(now == column(again, "temperature (C)")->number[i]);
        moved += now != from ? 1 : 0;
        same_layers += column(near, "layers")->number[i] == column(t, "layers")->number[4] ? 1 : 0;
    }
    assert_true(moved > 150 && same_layers > 150);
    hg_table_free(again);
    hg_table_free(near);
    hg_table_free(t);
    hg_space_free(s);
}

static void seeds_decide(void **state) {
    (void)state;
    hg_space *s;
    hg_table *a, *b;
    assert_ok(read(&s, EXAMPLE, NULL));
    assert_ok(hg_space_sample(&a, s, 5, 1, NULL));
    assert_ok(hg_space_sample(&b, s, 5, 2, NULL));
    assert_true(column(a, "Fe")->number[3] != column(b, "Fe")->number[3]);
    hg_table_free(b);
    hg_table_free(a);
    hg_space_free(s);
}

static void mistakes_are_named_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        hg_status status;
        const char *words, *hint;
    } bad[] = {
        { "", HG_EPARSE, "space.yaml:1: empty file", "" },
        { "- a\n- b\n", HG_EPARSE, "space.yaml:1:1: expected \"variables:\"", "" },
        { "vars: {}\n", HG_EPARSE, "space.yaml:1:1: expected the one key \"variables\"", "" },
        { "variables: {}\n", HG_EPARSE, "no variables", "" },
        { "variables: [a]\n", HG_EPARSE, "expected \"variables:\" and a mapping", "" },
        { "variables:\n  a: 3\n", HG_EPARSE, "space.yaml:2:6: variable \"a\": expected a mapping", "for example" },
        { "variables:\n  a: {min: 1}\n", HG_EPARSE, "needs min and max", "for example" },
        { "variables:\n  a: {min: 2, max: 1}\n", HG_EPARSE, "min is not below max", "leave out" },
        { "variables:\n  a: {min: nan, max: 1}\n", HG_EPARSE, "min is \"nan\"", "" },
        { "variables:\n  a: {min: 0, max: 1e300}\n", HG_EPARSE, "space.yaml:2:20: variable \"a\": max is \"1e300\"",
          "" },
        { "variables:\n  a: {min: 0, max: [1]}\n", HG_EPARSE, "a list or mapping", "" },
        { "variables:\n  a: {min: 0, max: 1, minn: 3}\n", HG_EPARSE, "unknown key \"minn\"", "did you mean min" },
        { "variables:\n  a: {min: 0, min: 1, max: 2}\n", HG_EPARSE, "variable \"a\": \"min\" is given twice", "" },
        { "variables:\n  a: {min: 0, max: 1}\n  a: {min: 0, max: 1}\n", HG_EPARSE, "\"a\": is listed twice", "" },
        { "variables:\n  a: {min: 0.5, max: 2, integer: true}\n", HG_EPARSE, "whole numbers", "" },
        { "variables:\n  a: {min: 0, max: 2, integer: maybe}\n", HG_EPARSE, "true or false", "" },
        { "variables:\n  a: {levels: [x]}\n", HG_EPARSE, "at least two", "" },
        { "variables:\n  a: {levels: [x, x]}\n", HG_EPARSE, "a level is listed twice", "" },
        { "variables:\n  a: {levels: [x, [y]]}\n", HG_EPARSE, "each level", "" },
        { "variables:\n  a: {levels: water}\n", HG_EPARSE, "levels is a list", "" },
        { "variables:\n  a: {levels: [x, y], min: 0}\n", HG_EPARSE, "levels stands alone", "" },
        { "variables:\n  a: {mixture: m}\n", HG_EDATA, "cannot sum to 1", "two parts" },
        { "variables:\n  a: {max: 0.3, mixture: m}\n  b: {max: 0.3, mixture: m}\n", HG_EDATA, "cannot sum to 1",
          "two" },
        { "variables:\n  a: {max: 1.5, mixture: m}\n", HG_EPARSE, "between 0 and 1", "" },
        { "variables:\n  a: {max: 1, mixture: m, integer: true}\n", HG_EPARSE, "cannot be an integer", "" },
        { "variables:\n  a: {min: 1, max: 2\n", HG_EPARSE, "not YAML", "" },
        { "variables:\n\ta: 1\n", HG_EPARSE, "space.yaml:2:1: not YAML", "" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_space *s = (hg_space *)state;
        hg_err err;
        assert_int_equal(read(&s, bad[i].text, &err), bad[i].status);
        assert_contains(err.msg, bad[i].words);
        assert_contains(err.hint, bad[i].hint);
        assert_null(s);
    }
    hg_space *s;
    hg_err err;
    assert_int_equal(hg_space_read(&s, "/nowhere/space.yaml", &err), HG_EIO);
}

static void survives_any_allocation_failure(void **state) {
    for (long k = 0;; k++) {
        hg_space *s = (hg_space *)state;
        hg_table *t = NULL, *near = NULL;
        fail_alloc_after(k);
        hg_status st = read(&s, EXAMPLE, NULL);
        if (st == HG_OK) st = hg_space_sample(&t, s, 3, 1, NULL);
        if (st == HG_OK) st = hg_space_neighbours(&near, s, t, 1, 3, 0.1, 1, NULL);
        fail_alloc_after(-1);
        hg_table_free(near);
        hg_table_free(t);
        hg_space_free(s);
        if (st == HG_OK) {
            assert_true(k > 10);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
}

/* Seed 0 is a seed like any other: its first point is not the corner that an unscrambled sequence begins with. */
static void every_seed_scrambles(void **state) {
    (void)state;
    hg_space *s;
    assert_ok(read(&s, "variables: {a: {min: 0, max: 1}, b: {min: 0, max: 1}}", NULL));
    for (uint64_t seed = 0; seed < 3; seed++) {
        hg_table *t;
        assert_ok(hg_space_sample(&t, s, 4, seed, NULL));
        assert_true(column(t, "a")->number[0] > 0 && column(t, "a")->number[0] != 0.5);
        assert_true(column(t, "a")->number[1] != 0.5);
        hg_table_free(t);
    }
    hg_space_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_sample_keeps_to_the_space),
        TEST(a_bounded_mixture_is_uniform),
        TEST(points_are_short_decimals),
        TEST(a_small_space_comes_whole),
        TEST(neighbours_are_near_inside_and_repeatable),
        TEST(seeds_decide),
        TEST(mistakes_are_named_with_their_place),
        TEST(survives_any_allocation_failure),
        TEST(every_seed_scrambles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
