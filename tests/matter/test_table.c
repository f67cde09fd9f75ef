/* tests/matter/test_table.c -- columns by a program, by a reader, found by name, asked for numbers */
#include "matter/table.h"
#include "hagane/table.h"
#include "matter/unit.h"
#include "test.h"

static const double MS[] = { 1.2, 1.5, NAN }, X[] = { 1, 2, 3 };
static const char *const FORMULA[] = { "Fe", "Nd2Fe14B", "" };

static hg_table *magnets(void) {
    hg_table *t;
    assert_ok(hg_table_new(&t, "pool", 3, NULL));
    assert_ok(hg_table_add_texts(t, "formula", FORMULA, NULL));
    assert_ok(hg_table_add_numbers(t, "mu0Ms (T)", MS, NULL));
    assert_ok(hg_table_add_numbers(t, "x [mm]", X, NULL));
    return t;
}

static void a_program_makes_a_table(void **state) {
    (void)state;
    hg_table *t = magnets();
    assert_int_equal(hg_table_rows(t), 3);
    assert_int_equal(hg_table_columns(t), 3);
    assert_string_equal(hg_table_source(t), "pool");
    const hg_column *c = hg_table_column(t, 1);
    assert_string_equal(c->name, "mu0Ms (T)");
    assert_string_equal(c->unit, "T");
    assert_int_equal(c->kind, HG_COLUMN_NUMBER);
    assert_true(c->number[1] == 1.5 && isnan(c->number[2]));
    assert_true(c->number != MS); /* a copy */
    assert_int_equal(c->missing, 1);
    assert_int_equal(c->first_missing, 2);
    assert_int_equal(c->file_column, 0);
    assert_null(hg_table_column(t, 0)->number);
    assert_string_equal(hg_table_text(t, 0, 1), "Nd2Fe14B");
    assert_string_equal(hg_table_text(t, 0, 2), "");
    assert_null(hg_table_text(t, 1, 0)); /* numbers have no text */
    assert_null(hg_table_text(t, 0, 3));
    assert_null(hg_table_column(t, 3));
    assert_int_equal(hg_table_line(t, 1), 0);
    hg_table_free(t);
    hg_table_free(NULL);
}

static void a_column_stays_where_it_is_while_others_come(void **state) {
    (void)state;
    hg_table *t = magnets();
    const hg_column *first = hg_table_column(t, 0);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        assert_ok(hg_table_add_numbers(t, name, X, NULL));
    }
    assert_ptr_equal(first, hg_table_column(t, 0));
    assert_string_equal(first->name, "formula");
    hg_table_free(t);
}

static void a_table_without_rows_or_columns_is_fine(void **state) {
    (void)state;
    hg_table *t;
    size_t j;
    hg_err err;
    assert_ok(hg_table_new(&t, "nothing", 0, NULL));
    assert_int_equal(hg_table_find(&j, t, "x", &err), HG_ENOTFOUND);
    assert_ok(hg_table_add_numbers(t, "x", NULL, NULL));
    assert_ok(hg_table_add_texts(t, "y", NULL, NULL));
    assert_ok(hg_table_need_numbers(t, 0, false, NULL));
    hg_table_free(t);
}

static void refuses_names_twice_and_names_that_are_empty(void **state) {
    (void)state;
    hg_table *t = magnets();
    hg_err err;
    assert_int_equal(hg_table_add_numbers(t, "x [mm]", X, &err), HG_EINVAL);
    assert_contains(err.msg, "there is a column \"x [mm]\" already");
    assert_int_equal(hg_table_add_texts(t, "", FORMULA, &err), HG_EINVAL);
    assert_int_equal(hg_table_columns(t), 3);
    hg_table_free(t);
}

/* ---- names and units ----------------------------------------------------------------------------------------- */

static void finds_columns_by_what_people_type(void **state) {
    (void)state;
    hg_table *t = magnets();
    size_t j = 99;
    assert_ok(hg_table_find(&j, t, "mu0Ms (T)", NULL));
    assert_int_equal(j, 1);
    assert_ok(hg_table_find(&j, t, "mu0Ms", NULL));
    assert_int_equal(j, 1);
    assert_ok(hg_table_find(&j, t, "FORMULA", NULL));
    assert_int_equal(j, 0);
    assert_ok(hg_table_find(&j, t, "X", NULL));
    assert_int_equal(j, 2);
    hg_table_free(t);
}

static void says_which_column_was_meant(void **state) {
    (void)state;
    hg_table *t = magnets();
    size_t j;
    hg_err err;
    assert_int_equal(hg_table_find(&j, t, "formla", &err), HG_ENOTFOUND);
    assert_string_equal(err.msg, "pool: there is no column \"formla\"");
    assert_string_equal(err.hint, "did you mean \"formula\"? the columns are: formula, mu0Ms (T), x [mm]");
    assert_int_equal(hg_table_find(&j, t, "mu0Mr", &err), HG_ENOTFOUND); /* near the name without its unit */
    assert_contains(err.hint, "did you mean \"mu0Ms (T)\"?");
    const double more[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    assert_ok(hg_table_add_numbers(t, "mu0Ha (T)", more, NULL));
    assert_int_equal(hg_table_find(&j, t, "mu0H", &err), HG_ENOTFOUND); /* not mu0Ms, whose unit makes no difference */
    assert_contains(err.hint, "did you mean \"mu0Ha (T)\"?");
    assert_int_equal(hg_table_find(&j, t, "zzzzzzzzzzzz", &err), HG_ENOTFOUND);
    assert_string_equal(err.hint, "the columns are: formula, mu0Ms (T), x [mm], mu0Ha (T)");
    hg_table_free(t);
}

static void does_not_choose_between_two_that_fit(void **state) {
    (void)state;
    hg_table *t;
    size_t j;
    hg_err err;
    assert_ok(hg_table_new(&t, "pool", 3, NULL));
    assert_ok(hg_table_add_numbers(t, "Ms (T)", X, NULL));
    assert_ok(hg_table_add_numbers(t, "Ms (kA/m)", X, NULL));
    assert_ok(hg_table_add_numbers(t, "tc", X, NULL));
    assert_ok(hg_table_add_numbers(t, "TC", X, NULL));
    assert_int_equal(hg_table_find(&j, t, "Ms", &err), HG_ENOTFOUND);
    assert_contains(err.msg, "2 columns answer to \"Ms\"");
    assert_contains(err.hint, "Ms (T)");
    assert_ok(hg_table_find(&j, t, "TC", NULL));
    assert_int_equal(j, 3);
    assert_int_equal(hg_table_find(&j, t, "Tc", &err), HG_ENOTFOUND);
    assert_ok(hg_table_find(&j, t, "ms (t)", NULL));
    assert_int_equal(j, 0);
    hg_table_free(t);
}

static void a_long_list_of_columns_is_cut(void **state) {
    (void)state;
    const char *names[500];
    for (size_t i = 0; i < 500; i++) names[i] = "a column with a rather long name";
    size_t j;
    hg_err err;
    assert_int_equal(hg_name_find(&j, names, 500, "t", "qqqqqqqqqqqqqqqqqq", &err), HG_ENOTFOUND);
    assert_contains(err.hint, ", ...");
    assert_true(strlen(err.hint) < sizeof err.hint);
}

static void check_unit(const char *name, const char *base, const char *unit) {
    size_t base_len = 0, at = 0, len = 0;
    const bool found = hg_unit_of_name(name, &base_len, &at, &len);
    if (found != (unit != NULL)) fail_msg("\"%s\" %s a unit", name, found ? "gave" : "gave no");
    if (!found) return;
    assert_int_equal(base_len, strlen(base));
    assert_memory_equal(name, base, base_len);
    assert_int_equal(len, strlen(unit));
    assert_memory_equal(name + at, unit, len);
}

static void tells_units_from_remarks(void **state) {
    (void)state;
    check_unit("Ms (T)", "Ms", "T");
    check_unit("Ms [kA/m]", "Ms", "kA/m");
    check_unit("temperature(K)", "temperature", "K");
    check_unit("kappa (W/mK)", "kappa", "W/mK");
    check_unit("PF (W m^-1 K^-2)", "PF", "W m^-1 K^-2");
    check_unit("E ( eV/atom )", "E", "eV/atom");
    check_unit("Fe (at.%)", "Fe", "at.%");
    check_unit("S (\xce\xbcV/K)", "S", "\xce\xbcV/K");
    check_unit("V (\xc3\x85\xc2\xb3)", "V", "\xc3\x85\xc2\xb3");
    check_unit("M (muB/f.u.)", "M", "muB/f.u.");
    check_unit("rate (1/s)", "rate", "1/s");
    check_unit("y (arb. u.)", "y", "arb. u.");
    check_unit("a (x) (nm)", "a (x)", "nm");
    check_unit("gap (PBE)", NULL, NULL);
    check_unit("Ms (measured)", NULL, NULL);
    check_unit("x (2)", NULL, NULL);
    check_unit("(T)", NULL, NULL); /* nothing would be left of the name */
    check_unit("Ms", NULL, NULL);
    check_unit("x ()", NULL, NULL);
    check_unit("x (T", NULL, NULL);
    check_unit("x T)", NULL, NULL);
    check_unit("x (T]", NULL, NULL);
    check_unit("", NULL, NULL);
}

/* ---- numbers needed ------------------------------------------------------------------------------------------ */

static void a_made_table_names_its_row(void **state) {
    (void)state;
    const double odd[] = { 1, -(double)INFINITY, 3 };
    hg_table *t = magnets();
    hg_err err;
    assert_ok(hg_table_need_numbers(t, 2, false, NULL));
    assert_ok(hg_table_need_numbers(t, 1, true, NULL));
    assert_int_equal(hg_table_need_numbers(t, 1, false, &err), HG_EDATA);
    assert_string_equal(err.msg, "pool: column \"mu0Ms (T)\" row 2 holds \"NaN\", expected a number");
    assert_contains(err.hint, "the 1 cell ");
    assert_int_equal(hg_table_need_numbers(t, 0, true, &err), HG_EDATA);
    assert_string_equal(err.msg, "pool: column \"formula\" row 0 holds \"Fe\", expected a number");
    assert_ok(hg_table_add_numbers(t, "odd", odd, NULL));
    assert_int_equal(hg_table_need_numbers(t, 3, true, &err), HG_ENAN);
    assert_string_equal(err.msg, "pool: column \"odd\" row 1 holds \"-inf\", expected a finite number");
    assert_int_equal(hg_table_need_numbers(t, 4, true, &err), HG_EINVAL);
    hg_table_free(t);
}

static void numbers_kept_as_text_are_named_so(void **state) {
    (void)state;
    static const char *const TEXT[] = { "1", "2.5", "" };
    hg_table *t = magnets();
    hg_err err;
    assert_ok(hg_table_add_texts(t, "id", TEXT, NULL));
    assert_int_equal(hg_table_need_numbers(t, 3, true, &err), HG_EDATA);
    assert_contains(err.msg, "column \"id\" was read as text");
    hg_table_free(t);
}

static void advice_fits_what_stands_in_the_cell(void **state) {
    (void)state;
    static const struct {
        const char *cell, *advice;
    } HABITS[] = {
        { "<0.1", "a bound" },
        { "1.5(2)", "uncertainty" },
        { "1.2 \xc2\xb1 0.1", "uncertainty" },
        { "1,5", "comma" },
        { "\xe2\x88\x92"
          "1.5",
          "typographic" },
        { "~3", "without the sign" },
        { "15 %", "without the sign" },
        { "Fe(CO)5", "leave this column out" },
        { "broken", "correct the cell" },
    };
    for (size_t i = 0; i < sizeof HABITS / sizeof *HABITS; i++) {
        hg_table *t;
        hg_err err;
        assert_ok(hg_table_new(&t, "t", 1, NULL));
        assert_ok(hg_table_add_texts(t, "x", &HABITS[i].cell, NULL));
        assert_int_equal(hg_table_need_numbers(t, 0, true, &err), HG_EDATA);
        assert_contains(err.hint, HABITS[i].advice);
        hg_table_free(t);
    }
}

/* ---- by a reader --------------------------------------------------------------------------------------------- */

static double length_of(void *ctx, const char *s, size_t len) {
    (void)s;
    *(size_t *)ctx += 1;
    return (double)len;
}

static void a_reader_fills_rows_it_has_not_counted(void **state) {
    (void)state;
    enum { ROWS = 1000 };
    hg_table *t;
    hg_cells *a, *b;
    assert_ok(hg_table_begin(&t, "f.csv", NULL));
    assert_ok(hg_table_open_column(&a, t, "a", HG_COLUMN_TEXT, 1, NULL));
    assert_ok(hg_table_open_column(&b, t, "b", HG_COLUMN_TEXT, 2, NULL));
    for (size_t i = 0; i < ROWS; i++) {
        char s[16];
        snprintf(s, sizeof s, "%zu", i);
        assert_true(hg_table_reserve(t, i + 1));
        assert_true(hg_table_put_text(t, a, i, s, strlen(s)));
        assert_true(hg_table_put_text(t, b, i, s, strlen(s)));
    }
    const bool second[] = { false, true };
    size_t calls = 0;
    const size_t before = hg_table_pool_bytes(t);
    assert_true(hg_table_convert(t, ROWS, second, length_of, &calls));
    assert_int_equal(calls, ROWS);
    assert_int_equal(hg_table_pool_bytes(t), before / 2); /* the texts of b are gone */
    hg_table_end(t, ROWS - 10);
    assert_int_equal(hg_table_rows(t), ROWS - 10);
    assert_int_equal(hg_table_column(t, 1)->kind, HG_COLUMN_NUMBER);
    assert_true(hg_table_column(t, 1)->number[123] == 3);
    assert_string_equal(hg_table_text(t, 0, 989), "989");
    assert_null(hg_table_text(t, 0, 990));
    hg_table_free(t);
}

/* Rows 0.. on lines 2, 3, 7 (blank lines before it), 8, 10: three shifts are kept, any row is found. */
static void lines_follow_from_a_short_list(void **state) {
    (void)state;
    static const size_t LINE[] = { 2, 3, 7, 8, 10 };
    hg_table *t;
    assert_ok(hg_table_begin(&t, "f.csv", NULL));
    for (size_t i = 0; i < 5; i++) assert_true(hg_table_mark_line(t, i, LINE[i]));
    hg_table_end(t, 5);
    for (size_t i = 0; i < 5; i++) assert_int_equal(hg_table_line(t, i), LINE[i]);
    hg_table_free(t);
}

static void the_first_place_is_remembered_and_cut_between_characters(void **state) {
    (void)state;
    hg_table *t;
    hg_cells *c;
    hg_err err;
    char words[64];
    memset(words, 'x', sizeof words);
    memcpy(words + 39, "\xc3\xa9", 2); /* the 40th and 41st byte are one character */
    assert_ok(hg_table_begin(&t, "f.csv", NULL));
    assert_ok(hg_table_open_column(&c, t, "a", HG_COLUMN_TEXT, 1, NULL));
    assert_true(hg_table_note(t, &c->unnumeric, (hg_place) { 0, 17, 4, words }, sizeof words));
    assert_true(hg_table_note(t, &c->unnumeric, (hg_place) { 1, 18, 4, "later" }, 5));
    assert_true(hg_table_reserve(t, 1) && hg_table_put_text(t, c, 0, words, sizeof words));
    hg_table_end(t, 1);
    assert_int_equal(hg_table_need_numbers(t, 0, true, &err), HG_EDATA);
    assert_string_equal(err.msg, "f.csv:17:4: column \"a\" holds \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\", "
                                 "expected a number");
    assert_int_equal(err.line, 17);
    assert_int_equal(err.column, 4);
    hg_table_free(t);
}

static hg_status make_and_find(hg_table **t) {
    size_t j;
    HG_TRY(hg_table_new(t, "pool", 3, NULL));
    HG_TRY(hg_table_add_texts(*t, "formula", FORMULA, NULL));
    HG_TRY(hg_table_add_numbers(*t, "mu0Ms (T)", MS, NULL));
    return hg_table_find(&j, *t, "mu0Ms", NULL);
}

static void a_column_that_found_no_memory_is_not_there(void **state) {
    (void)state;
    hg_table *t;
    assert_ok(hg_table_new(&t, "nothing", 0, NULL));
    assert_ok(hg_table_add_numbers(t, "x", NULL, NULL));
    long k = 0;
    for (hg_status st = HG_ENOMEM; st != HG_OK; k++) {
        assert_int_equal(hg_table_columns(t), 1);
        fail_alloc_after(k);
        st = hg_table_add_numbers(t, "y", NULL, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
    }
    assert_true(k > 1); /* one failure at least: an arena may have had the rest */
    assert_non_null(hg_table_column(t, 1)->number);
    hg_table_free(t);
}

static void survives_any_allocation_failure(void **state) {
    for (long k = 0;; k++) {
        hg_table *t = (hg_table *)state; /* poison: a failing call must overwrite it */
        fail_alloc_after(k);
        const hg_status st = make_and_find(&t);
        fail_alloc_after(-1);
        if (t) { /* what was there before the failure still works */
            for (size_t j = 0; j < hg_table_columns(t); j++) assert_non_null(hg_table_column(t, j)->name);
            assert_true(hg_table_columns(t) <= 2);
        }
        hg_table_free(t);
        if (st == HG_OK) {
            assert_true(k > 5);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_program_makes_a_table),
        TEST(a_column_stays_where_it_is_while_others_come),
        TEST(a_table_without_rows_or_columns_is_fine),
        TEST(refuses_names_twice_and_names_that_are_empty),
        TEST(finds_columns_by_what_people_type),
        TEST(says_which_column_was_meant),
        TEST(does_not_choose_between_two_that_fit),
        TEST(a_long_list_of_columns_is_cut),
        TEST(tells_units_from_remarks),
        TEST(a_made_table_names_its_row),
        TEST(numbers_kept_as_text_are_named_so),
        TEST(advice_fits_what_stands_in_the_cell),
        TEST(a_reader_fills_rows_it_has_not_counted),
        TEST(lines_follow_from_a_short_list),
        TEST(the_first_place_is_remembered_and_cut_between_characters),
        TEST(a_column_that_found_no_memory_is_not_there),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
