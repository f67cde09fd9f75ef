/* tests/files/test_csv_round_trip.c -- tables cut anywhere, memory that fails, and what is written reads back equal */
#include "files/csv.h"
#include "hagane/csv.h"
#include "test.h"
#include <unistd.h>

static hg_status read_in_pieces(hg_table **t, const char *text, size_t n, size_t chunk, size_t sample, hg_err *err) {
    hg_input_opts in_opts = hg_input_opts_default();
    hg_csv_opts o = hg_csv_opts_default();
    hg_input *in;
    *t = NULL;
    o.sample = sample;
    in_opts.chunk = chunk;
    HG_TRY(hg_input_open_memory(&in, "f.csv", text, n, &in_opts, err));
    const hg_status st = hg_csv_read_input(t, in, chunk, &o, err);
    hg_input_free(in);
    return st;
}

static void assert_tables_equal(const hg_table *a, const hg_table *b) {
    assert_int_equal(hg_table_rows(a), hg_table_rows(b));
    assert_int_equal(hg_table_columns(a), hg_table_columns(b));
    for (size_t j = 0; j < hg_table_columns(a); j++) {
        const hg_column *x = hg_table_column(a, j), *y = hg_table_column(b, j);
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->missing, y->missing);
        for (size_t i = 0; i < hg_table_rows(a); i++)
            if (x->kind == HG_COLUMN_TEXT)
                assert_string_equal(hg_table_text(a, j, i), hg_table_text(b, j, i));
            else if (isnan(x->number[i]))
                assert_true(isnan(y->number[i]));
            else
                assert_memory_equal(&x->number[i], &y->number[i], sizeof(double));
    }
}

/* Every text gives the same table or the same error whatever the sizes of buffer and chunk. */
static void borders_of_buffers_do_not_show(void **state) {
    (void)state;
    static const char *const TEXT[] = {
        ("\xef\xbb\xbf" /* a hex escape would run on into the name */
         "name;\"a \"\"q\"\"\";\xce\xbcV (T)\r\n\"x\r\ny\";1,5;\r\n\r\n  \"p;\"\"q\" ;-2e3;n/a\r\nz\xe2\x82\xac;3;4\r\n;;\r\n"),
        "a,b\r1,2\r\r3,4",
        "Ms\r\n1\r\n2\r\n",
        "a,b\n1,2\n3,\"4\n5\"x\n",
        "a,b\n1,2\n3,\"4\n5\n",
        "a,b\n1,2\n\xe2\x82\xac,\xe2\x82x\n",
        "a,b\n1,2\n1,2,3\n",
    };
    for (size_t k = 0; k < sizeof TEXT / sizeof *TEXT; k++) {
        const size_t n = strlen(TEXT[k]);
        hg_table *whole = NULL, *t;
        hg_err expected = { 0 }, err = { 0 };
        const hg_status st = hg_csv_read_memory(&whole, "f.csv", TEXT[k], n, NULL, &expected);
        for (size_t chunk = 1; chunk <= n + 1; chunk++) {
            for (size_t sample = 1; sample <= 4; sample += 3) {
                if (st != HG_OK && sample == 1) continue; /* a kind may be refused first */
                assert_int_equal(read_in_pieces(&t, TEXT[k], n, chunk, sample, &err), st);
                if (st == HG_OK) {
                    assert_tables_equal(whole, t);
                    for (size_t i = 0; i < hg_table_rows(t); i++)
                        assert_int_equal(hg_table_line(t, i), hg_table_line(whole, i));
                } else {
                    assert_string_equal(err.msg, expected.msg);
                }
                hg_table_free(t);
            }
        }
        hg_table_free(whole);
    }
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    char text[8192] = "formula,note,Ms (T),x\n";
    for (int i = 0; i < 60; i++) {
        const size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "Fe%d,\"a \"\"%d\"\"\",%s,%d\n", i, i, i % 7 ? "1.5" : "n/a", i);
    }
    for (long k = 0;; k++) {
        hg_table *t = (hg_table *)text; /* poison */
        hg_err err = { 0 };
        fail_alloc_after(k);
        const hg_status st = read_in_pieces(&t, text, strlen(text), 16, 20, &err);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k > 30);
            assert_int_equal(hg_table_rows(t), 60);
            hg_table_free(t);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(t);
        assert_true(err.msg[0]);
    }
}

static size_t random_word(char *s, size_t size, hg_rng *r) {
    static const char *const PIECE[] = { "Fe",   "2",     ",", ";",           "\t",           "|",   "\"",  "\n",
                                         "\r\n", "\r",    " ", "\xc3\xa9",    "\xe2\x82\x82", "NaN", "1,5", "-",
                                         ".",    "1e999", "=", "\xef\xbb\xbf" };
    size_t n = 0;
    for (size_t k = hg_rng_below(r, 6); k > 0; k--) {
        const char *p = PIECE[hg_rng_below(r, sizeof PIECE / sizeof *PIECE)];
        if (n + strlen(p) < size) n += (size_t)snprintf(s + n, size - n, "%s", p);
    }
    s[n] = '\0';
    return n;
}

static double random_number(hg_rng *r) {
    switch (hg_rng_below(r, 5)) {
    case 0: return (double)NAN;
    case 1: return (double)hg_rng_below(r, 1000);
    case 2: return hg_rng_normal(r) * pow(10, 600 * hg_rng_uniform(r) - 300);
    case 3: return -0.0;
    default: return hg_rng_normal(r);
    }
}

enum { MOST_ROWS = 12, MOST_COLUMNS = 5 };

static hg_table *random_table(hg_rng *r, const char **text_names, size_t *n_text) {
    static const char *const NAME[MOST_COLUMNS] = { "x;y", "Ms (T)", "n \"quoted\"", "a,b", "\xce\xbc" };
    const size_t rows = 1 + hg_rng_below(r, MOST_ROWS), columns = 1 + hg_rng_below(r, MOST_COLUMNS);
    hg_table *t;
    assert_ok(hg_table_new(&t, "random", rows, NULL));
    *n_text = 0;
    for (size_t j = 0; j < columns; j++) {
        char word[MOST_ROWS][64];
        const char *texts[MOST_ROWS];
        double values[MOST_ROWS];
        for (size_t i = 0; i < rows; i++) {
            random_word(word[i], sizeof word[i], r);
            texts[i] = word[i];
            values[i] = random_number(r);
        }
        if (hg_rng_below(r, 2)) {
            text_names[(*n_text)++] = NAME[j];
            assert_ok(hg_table_add_texts(t, NAME[j], texts, NULL));
        } else {
            assert_ok(hg_table_add_numbers(t, NAME[j], values, NULL));
        }
    }
    return t;
}

static void what_is_written_reads_back_equal(void **state) {
    (void)state;
    hg_rng r = hg_rng_make(3, 0);
    char path[512];
    test_scratch(path, sizeof path, "round.csv");
    for (int k = 0; k < 100; k++) {
        const char *text_names[MOST_COLUMNS];
        hg_csv_opts o = hg_csv_opts_default();
        hg_table *a = random_table(&r, text_names, &o.n_text), *b;
        hg_err err;
        o.text = text_names;
        o.sample = 1 + hg_rng_below(&r, 12);
        assert_ok_err(hg_csv_write(a, path, &err), err);
        assert_ok_err(hg_csv_read(&b, path, &o, &err), err);
        assert_tables_equal(a, b);
        hg_table_free(a);
        hg_table_free(b);
    }
    unlink(path);
}

static void a_name_that_begins_like_a_byte_order_mark_survives(void **state) {
    (void)state;
    char path[512];
    hg_table *t;
    static const char TEXT[] = "\xef\xbb\xbf\"\xef\xbb\xbfx\"\n1\n";
    assert_ok(hg_csv_read_memory(&t, "f.csv", TEXT, strlen(TEXT), NULL, NULL));
    assert_string_equal(hg_table_column(t, 0)->name, "\xef\xbb\xbfx");
    assert_ok(hg_csv_write(t, test_scratch(path, sizeof path, "bom.csv"), NULL));
    hg_table_free(t);
    assert_ok(hg_csv_read(&t, path, NULL, NULL));
    assert_string_equal(hg_table_column(t, 0)->name, "\xef\xbb\xbfx");
    hg_table_free(t);
    unlink(path);
}

static void writing_to_nowhere_fails(void **state) {
    (void)state;
    hg_table *t;
    assert_ok(hg_csv_read_memory(&t, "f.csv", "a\n1\n", 4, NULL, NULL));
    hg_err err;
    assert_int_equal(hg_csv_write(t, "/no/such/folder/x.csv", &err), HG_EIO);
    assert_int_equal(hg_csv_write(t, "/dev/full", &err), HG_EIO);
    hg_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(borders_of_buffers_do_not_show),   TEST(survives_any_allocation_failure),
        TEST(what_is_written_reads_back_equal), TEST(a_name_that_begins_like_a_byte_order_mark_survives),
        TEST(writing_to_nowhere_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
