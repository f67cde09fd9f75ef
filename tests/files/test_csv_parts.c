/* tests/files/test_csv_parts.c -- a table part by part is the table in one piece */
#include "core/memory.h"
#include "files/csv.h"
#include "test.h"

enum { TEXT = 1 << 14 };

static hg_csv_opts options(void) {
    hg_csv_opts o = hg_csv_opts_default();
    o.sample = 7;
    return o;
}

/* 60 rows: a number with gaps, a text that looks like a number from row 20 on, quoted line breaks, empty rows between and after. */
static char *table_text(char *s) {
    size_t at = (size_t)snprintf(s, TEXT, "x,words,y\n");
    for (size_t i = 0; i < 60; i++) {
        if (i % 11 == 5) at += (size_t)snprintf(s + at, TEXT - at, ",,\n");
        at += (size_t)snprintf(s + at, TEXT - at, "%s,%s,%zu\n", i % 9 == 4 ? "" : "2.5",
                               i > 20 ? "17" : (i % 4 == 0 ? "\"a\nb\"" : "w"), i);
    }
    snprintf(s + at, TEXT - at, ",,\n,,\n,,\n");
    return s;
}

/* The cells of parts of `rows` rows, one after another, are those of the whole. */
static size_t compare(const hg_table *whole, const char *text, size_t rows) {
    const hg_csv_opts o = options();
    hg_input *in;
    hg_csv_parts *p;
    hg_table *t;
    hg_err err;
    size_t at = 0, parts = 0;
    assert_ok(hg_input_open_memory(&in, "f.csv", text, strlen(text), NULL, NULL));
    assert_ok_err(hg_csv_parts_begin(&p, in, &o, &err), err);
    for (;;) {
        assert_ok_err(hg_csv_parts_next(&t, p, rows, &err), err);
        if (!t) break;
        assert_int_equal(hg_table_columns(t), hg_table_columns(whole));
        for (size_t i = 0; i < hg_table_rows(t); i++, at++) {
            assert_int_equal(hg_table_line(t, i), hg_table_line(whole, at));
            for (size_t j = 0; j < hg_table_columns(t); j++) {
                const hg_column *c = hg_table_column(t, j), *w = hg_table_column(whole, j);
                assert_string_equal(c->name, w->name);
                assert_int_equal(c->kind, w->kind);
                if (c->kind == HG_COLUMN_TEXT)
                    assert_string_equal(hg_table_text(t, j, i), hg_table_text(whole, j, at));
                else
                    assert_true(isnan(c->number[i]) ? isnan(w->number[at]) : c->number[i] == w->number[at]);
            }
        }
        parts++;
        hg_table_free(t);
    }
    assert_int_equal(at, hg_table_rows(whole));
    assert_ok(hg_csv_parts_next(&t, p, rows, NULL)); /* and so it stays */
    assert_null(t);
    hg_csv_parts_end(p);
    hg_input_free(in);
    return parts;
}

static void parts_are_the_whole(void **state) {
    (void)state;
    static char text[TEXT];
    const hg_csv_opts o = options();
    hg_table *whole;
    hg_err err = { 0 };
    table_text(text);
    assert_ok_err(hg_csv_read_memory(&whole, "f.csv", text, strlen(text), &o, &err), err);
    assert_int_equal(hg_table_rows(whole), 65); /* five empty rows lie between others */
    size_t before = SIZE_MAX;
    for (size_t rows = 1; rows < 80; rows += 3) {
        const size_t parts = compare(whole, text, rows);
        assert_true(parts <= before);
        before = parts;
    }
    assert_int_equal(before, 1);
    hg_table_free(whole);
}

static void later_cells_must_agree(void **state) {
    (void)state;
    static const char TABLE[] = "x\n1\n2\n3\n4\n5\n6\n7\n8\nnine\n10\n";
    const hg_csv_opts o = options();
    hg_input *in;
    hg_csv_parts *p;
    hg_table *t;
    hg_err err = { 0 };
    assert_ok(hg_input_open_memory(&in, "f.csv", TABLE, sizeof TABLE - 1, NULL, NULL));
    assert_ok(hg_csv_parts_begin(&p, in, &o, NULL));
    assert_ok(hg_csv_parts_next(&t, p, 2, NULL)); /* the sample's rows */
    assert_int_equal(hg_table_rows(t), 7);
    hg_table_free(t);
    assert_int_equal(hg_csv_parts_next(&t, p, 2, &err), HG_EPARSE);
    assert_null(t);
    assert_contains(err.msg, "f.csv:10:1: column \"x\" holds \"nine\"");
    assert_ok(hg_csv_parts_next(&t, p, 2, NULL)); /* nothing more comes */
    assert_null(t);
    hg_csv_parts_end(p);
    hg_input_free(in);
}

static hg_status count_rows(size_t *rows, const char *text) {
    const hg_csv_opts o = options();
    hg_input *in;
    hg_csv_parts *p;
    hg_table *t = NULL;
    *rows = 0;
    HG_TRY(hg_input_open_memory(&in, "f.csv", text, strlen(text), NULL, NULL));
    hg_status st = hg_csv_parts_begin(&p, in, &o, NULL);
    while (st == HG_OK && (st = hg_csv_parts_next(&t, p, 5, NULL)) == HG_OK && t) {
        *rows += hg_table_rows(t);
        hg_table_free(t);
    }
    hg_csv_parts_end(p);
    hg_input_free(in);
    return st;
}

static void failing_allocations_are_told(void **state) {
    (void)state;
    static char text[TEXT];
    size_t rows, failures = 0;
    assert_int_equal(count_rows(&rows, "x,y\n"), HG_EDATA);
    assert_int_equal(count_rows(&rows, ""), HG_EDATA);
    table_text(text);
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = count_rows(&rows, text);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        failures++;
    }
    assert_int_equal(rows, 65);
    assert_true(failures > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(parts_are_the_whole),
        TEST(later_cells_must_agree),
        TEST(failing_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
