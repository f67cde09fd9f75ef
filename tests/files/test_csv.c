/* tests/files/test_csv.c -- tables as people have them, refusals with their place */
#include "hagane/csv.h"
#include "files/csv.h"
#include "test.h"
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- helpers ------------------------------------------------------------------------------------------------- */

typedef struct {
    char text[4096];
} journal;

static void write_down(void *user, hg_log_level level, const char *message) {
    journal *j = user;
    const size_t n = strlen(j->text);
    snprintf(j->text + n, sizeof j->text - n, "%s%s\n", level == HG_LOG_WARN ? "WARN " : "", message);
}

static hg_table *read_opts(const char *text, const hg_csv_opts *o) {
    hg_table *t = NULL;
    hg_err err;
    assert_ok_err(hg_csv_read_memory(&t, "f.csv", text, strlen(text), o, &err), err);
    return t;
}

static hg_table *read_text(const char *text) { return read_opts(text, NULL); }

static const double *numbers(const hg_table *t, const char *name) {
    size_t j;
    assert_ok(hg_table_find(&j, t, name, NULL));
    assert_int_equal(hg_table_column(t, j)->kind, HG_COLUMN_NUMBER);
    return hg_table_column(t, j)->number;
}

static const char *text_of(const hg_table *t, const char *name, size_t row) {
    size_t j;
    assert_ok(hg_table_find(&j, t, name, NULL));
    assert_int_equal(hg_table_column(t, j)->kind, HG_COLUMN_TEXT);
    return hg_table_text(t, j, row);
}

static void refused_bytes(const char *text, size_t n, const hg_csv_opts *o, hg_status st, const char *msg,
                          const char *hint) {
    hg_table *t = (hg_table *)&n; /* poison */
    hg_err err = { 0 };
    const hg_status got = hg_csv_read_memory(&t, "f.csv", text, n, o, &err);
    if (got != st) fail_msg("%s instead of %s: %s", hg_status_name(got), hg_status_name(st), err.msg);
    assert_null(t);
    assert_string_equal(err.msg, msg);
    assert_contains(err.hint, hint);
}

static void refused(const char *text, hg_status st, const char *msg, const char *hint) {
    refused_bytes(text, strlen(text), NULL, st, msg, hint);
}

/* ---- what is read -------------------------------------------------------------------------------------------- */

static void reads_numbers_and_texts(void **state) {
    (void)state;
    hg_table *t = read_text("formula, mu0Ms (T) ,n\nFe, 2.15 ,1\nNd2Fe14B,,-2e3\nCo,n/a,+.5\n");
    assert_int_equal(hg_table_rows(t), 3);
    assert_int_equal(hg_table_columns(t), 3);
    assert_string_equal(hg_table_source(t), "f.csv");
    assert_string_equal(text_of(t, "formula", 1), "Nd2Fe14B");
    const hg_column *c = hg_table_column(t, 1);
    assert_string_equal(c->name, "mu0Ms (T)");
    assert_string_equal(c->unit, "T");
    assert_int_equal(c->file_column, 2);
    assert_true(c->number[0] == 2.15 && isnan(c->number[1]) && isnan(c->number[2]));
    assert_int_equal(c->missing, 2);
    assert_int_equal(c->first_missing, 1);
    assert_true(numbers(t, "n")[1] == -2000 && numbers(t, "n")[2] == 0.5);
    for (size_t i = 0; i < 3; i++) assert_int_equal(hg_table_line(t, i), i + 2);
    hg_table_free(t);
}

static void quotes_hold_anything(void **state) {
    (void)state;
    hg_table *t = read_text("\"a \"\"b\"\"\",c\n\"1,5\n2\", 7\n  \"x\"\"\"  ,\"8\"\n\"\",9\n\" y \",10\n");
    assert_string_equal(hg_table_column(t, 0)->name, "a \"b\"");
    assert_string_equal(hg_table_text(t, 0, 0), "1,5\n2");
    assert_string_equal(hg_table_text(t, 0, 1), "x\"");
    assert_string_equal(hg_table_text(t, 0, 2), "");
    assert_string_equal(hg_table_text(t, 0, 3), " y "); /* within quotes blanks belong to the text */
    assert_true(numbers(t, "c")[1] == 8);
    const size_t line[] = { 2, 4, 5, 6 };
    for (size_t i = 0; i < 4; i++) assert_int_equal(hg_table_line(t, i), line[i]);
    hg_table_free(t);
}

static void any_line_end_will_do(void **state) {
    (void)state;
    static const char *const TEXT[] = { "a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n",   "a,b\r1,2\r3,4\r",
                                        "a,b\n1,2\n3,4",   "a,b\r\n1,2\n3,4\n\n\r\n", "\n\na,b\n\n1,2\n\n3,4\n  \n" };
    for (size_t i = 0; i < sizeof TEXT / sizeof *TEXT; i++) {
        hg_table *t = read_text(TEXT[i]);
        assert_int_equal(hg_table_rows(t), 2);
        assert_true(numbers(t, "a")[1] == 3 && numbers(t, "b")[1] == 4);
        hg_table_free(t);
    }
    hg_table *t = read_text(TEXT[5]); /* blank lines count as lines */
    assert_int_equal(hg_table_line(t, 0), 5);
    assert_int_equal(hg_table_line(t, 1), 7);
    hg_table_free(t);
}

static void detects_and_tells_the_dialect(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
    } CASE[] = {
        { "a,b\n1.5,2\n", "f.csv: ',' separates cells, decimal point\n" },
        { "\xef\xbb\xbf"
          "a;b\n1,5;2\n",
          "f.csv: ';' separates cells, decimal comma, UTF-8 BOM\n" },
        { "a;b\n1.5;2\n", "f.csv: ';' separates cells, decimal point\n" },
        { "a\tb\n1,5\t2,25\n", "f.csv: a tab separates cells, decimal comma\n" },
        { "a|b\n1.5|2\n", "f.csv: '|' separates cells, decimal point\n" },
        { "a;b,c\n1,5;2\n2,5;3\n", "f.csv: ';' separates cells, decimal comma\n" }, /* numbers decide */
        { "x;y\n\"a,b\";\"c,d\"\n", "f.csv: ';' separates cells, decimal point\n" },
        { "a,b\n\"1;2\",3\n", "f.csv: ',' separates cells, decimal point\n" },
        { "a;b\n1,500;2,250\n", "f.csv: ';' separates cells, decimal comma\n" },
        { "a\tb\n1,500\tx\n", "f.csv: a tab separates cells, decimal point\n" }, /* thousands, or who knows: text */
        { "a\tb\n1,5\t2.5\n",
          "f.csv: a tab separates cells, decimal point\n" }, /* both: the comma means something else */
        { "a\n1\n2\n", "f.csv: ',' separates cells, decimal point\n" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        journal said = { "" };
        const hg_hooks hooks = { .log = write_down, .user = &said };
        hg_csv_opts o = hg_csv_opts_default();
        o.hooks = &hooks;
        hg_table_free(read_opts(CASE[i].text, &o));
        if (strncmp(said.text, CASE[i].said, strlen(CASE[i].said)) != 0)
            fail_msg("\"%s\" gave\n%s", CASE[i].text, said.text);
    }
}

static void the_caller_may_say_the_dialect(void **state) {
    (void)state;
    hg_csv_opts o = hg_csv_opts_default();
    o.decimal = ',';
    hg_table *t = read_opts("Ms\n1,5\n2\n", &o);
    assert_true(numbers(t, "Ms")[0] == 1.5);
    hg_table_free(t);
    o.separator = ';';
    t = read_opts("a,b;c\n1,5;x\n", &o);
    assert_true(numbers(t, "a,b")[0] == 1.5);
    hg_table_free(t);
    o = (hg_csv_opts) { .separator = ' ', .sample = 1, .max_bytes = 1000 };
    t = read_opts("a b\n1 2\n", &o);
    assert_true(numbers(t, "b")[0] == 2);
    hg_table_free(t);
}

static void keeps_sodium_nitride(void **state) {
    (void)state;
    static const char *const FORMULA[] = { "formula", "not there" };
    hg_csv_opts o = hg_csv_opts_default();
    o.text = FORMULA;
    o.n_text = 2;
    hg_table *t = read_opts("formula,gap\nNaN,NaN\n-,null\n", &o);
    assert_string_equal(text_of(t, "formula", 0), "NaN");
    assert_string_equal(text_of(t, "formula", 1), "-");
    assert_true(isnan(numbers(t, "gap")[0]));
    hg_table_free(t);
}

static void words_for_not_measured_may_be_chosen(void **state) {
    (void)state;
    static const char *const WORDS[] = { "-999", "?" };
    hg_csv_opts o = hg_csv_opts_default();
    o.missing = WORDS;
    o.n_missing = 2;
    hg_table *t = read_opts("a,b\n-999,NaN\n?,1\n5,2\n", &o);
    assert_true(isnan(numbers(t, "a")[0]) && isnan(numbers(t, "a")[1]) && numbers(t, "a")[2] == 5);
    assert_string_equal(text_of(t, "b", 0), "NaN"); /* no longer one of the words */
    hg_table_free(t);
    static const char *const DEFAULT[] = { "NaN", "nan", "NA", "N/A", "n/a", "null", "None", "-", "" };
    for (size_t i = 0; i < sizeof DEFAULT / sizeof *DEFAULT; i++) {
        char text[64];
        snprintf(text, sizeof text, "a,b\n1,%s\n", DEFAULT[i]);
        t = read_text(text);
        assert_true(isnan(numbers(t, "b")[0]));
        hg_table_free(t);
    }
}

static void keeps_only_the_columns_asked_for(void **state) {
    (void)state;
    static const char *const ONLY[] = { "gap", "formula" }, *const WRONG[] = { "gaps" };
    hg_csv_opts o = hg_csv_opts_default();
    o.only = ONLY;
    o.n_only = 2;
    hg_table *t = read_opts("formula,note,gap (eV)\nFe,\"x\ny\",0\nSi,,1.1\n", &o);
    assert_int_equal(hg_table_columns(t), 2);
    assert_string_equal(hg_table_column(t, 0)->name, "formula"); /* in the order of the file */
    assert_int_equal(hg_table_column(t, 1)->file_column, 3);
    assert_true(numbers(t, "gap")[1] == 1.1);
    assert_int_equal(hg_table_line(t, 1), 4);
    hg_table_free(t);
    o.only = WRONG;
    o.n_only = 1;
    refused_bytes("gap,b\n1,2\n", 10, &o, HG_ENOTFOUND, "f.csv: there is no column \"gaps\"", "did you mean \"gap\"?");
}

static void deals_with_columns_without_a_name(void **state) {
    (void)state;
    journal said = { "" };
    const hg_hooks hooks = { .log = write_down, .user = &said };
    hg_csv_opts o = hg_csv_opts_default();
    o.hooks = &hooks;
    hg_table *t = read_opts(",a,,\n0,1.5,,\n1,2.5,,\n", &o); /* pandas' index; what Excel leaves */
    assert_int_equal(hg_table_columns(t), 2);
    assert_true(numbers(t, "index")[1] == 1);
    assert_contains(said.text, "the first column has no name; it is called \"index\"");
    assert_contains(said.text, "left out 2 columns without a name at the end");
    hg_table_free(t);
    refused("a,b,\n1,2,\n1,2,x\n", HG_EDATA, "f.csv:3:5: column 3 has no name, but this cell is not empty", "give");
    refused("a, ,c\n1,2,3\n", HG_EDATA, "f.csv:1:4: column 2 has no name", "give it one");
    refused(",,\n1,2,3\n", HG_EDATA, "f.csv:1:1: column 1 has no name", "names its columns");
    refused(",index\n1,2\n", HG_EDATA, "f.csv:1:2: columns 1 and 2 have the same name \"index\"", "of its own");
}

static void drops_the_empty_rows_that_spreadsheets_leave(void **state) {
    (void)state;
    hg_err err;
    hg_table *t = read_text("a,b\n1,2\n,\n3,\n,\n , \n");
    assert_int_equal(hg_table_rows(t), 3); /* an empty row between others stays */
    assert_int_equal(hg_table_column(t, 0)->missing, 1);
    assert_int_equal(hg_table_column(t, 0)->first_missing, 1);
    assert_int_equal(hg_table_column(t, 1)->missing, 2);
    hg_table_free(t);
    t = read_text("a,b\n1,2\n,\n");
    assert_int_equal(hg_table_column(t, 1)->missing, 0);
    assert_ok_err(hg_table_need_numbers(t, 1, false, &err), err);
    hg_table_free(t);
    t = read_text("Ms\n1\n\n3\n\n\n"); /* one column: a blank line is a cell that was not measured */
    assert_int_equal(hg_table_rows(t), 3);
    assert_true(isnan(numbers(t, "Ms")[1]));
    hg_table_free(t);
    t = read_text("a,b\n1,2\n\"\",\n");
    assert_int_equal(hg_table_rows(t), 2); /* quotes say that it is meant */
    hg_table_free(t);
}

static void warns_when_the_header_is_numbers(void **state) {
    (void)state;
    journal said = { "" };
    const hg_hooks hooks = { .log = write_down, .user = &said };
    hg_csv_opts o = hg_csv_opts_default();
    o.hooks = &hooks;
    hg_table_free(read_opts("400,410\n1,2\n", &o));
    assert_contains(said.text, "WARN f.csv: the first line holds only numbers");
}

/* ---- kinds --------------------------------------------------------------------------------------------------- */

static void one_word_makes_a_column_text_and_is_named_later(void **state) {
    (void)state;
    hg_table *t = read_text("name,Ms\nx,n/a\ny,broken\nz,\xe2\x88\x92"
                            "3\n");
    hg_err err;
    assert_string_equal(text_of(t, "Ms", 0), "n/a");
    assert_int_equal(hg_table_column(t, 1)->missing, 0); /* a matter of numbers only */
    assert_int_equal(hg_table_need_numbers(t, 1, true, &err), HG_EDATA);
    assert_string_equal(err.msg, "f.csv:3:3: column \"Ms\" holds \"broken\", expected a number");
    hg_table_free(t);
}

static void a_missing_cell_is_named_with_its_place(void **state) {
    (void)state;
    hg_table *t = read_text("Formula,\"a\nb\",Ms\nFe,1,2\n\"C\no\",3, n/a\nNi,4,\n");
    hg_err err;
    assert_string_equal(hg_table_column(t, 1)->name, "a b"); /* header cells are put on one line */
    assert_int_equal(hg_table_need_numbers(t, 2, false, &err), HG_EDATA);
    assert_string_equal(err.msg, "f.csv:5:7: column \"Ms\" holds \"n/a\", expected a number");
    assert_contains(err.hint, "the 2 cells");
    assert_int_equal(err.line, 5);
    assert_int_equal(err.column, 7);
    assert_ok(hg_table_need_numbers(t, 2, true, NULL));
    hg_table_free(t);
    t = read_text("a,b\n1,\n");
    assert_int_equal(hg_table_need_numbers(t, 1, false, &err), HG_EDATA);
    assert_string_equal(err.msg, "f.csv:2:3: column \"b\" is empty, expected a number");
    hg_table_free(t);
}

static void infinity_is_a_number_that_nobody_may_use(void **state) {
    (void)state;
    hg_err err;
    hg_csv_opts o = hg_csv_opts_default();
    for (o.sample = 1; o.sample < 10; o.sample += 4) { /* seen after the kinds are decided, and before */
        hg_table *t = read_opts("a,b\n1,2\n1,-Inf\n", &o);
        assert_true(isinf(numbers(t, "b")[1]));
        assert_int_equal(hg_table_need_numbers(t, 1, true, &err), HG_ENAN);
        assert_string_equal(err.msg, "f.csv:3:3: column \"b\" holds \"-Inf\", expected a finite number");
        hg_table_free(t);
    }
}

static void cells_after_the_sample_must_agree(void **state) {
    (void)state;
    hg_csv_opts o = hg_csv_opts_default();
    o.sample = 2;
    hg_table *t = read_opts("a,b\n1,x\n2,y\n,z\n3,4\n", &o);
    assert_true(isnan(numbers(t, "a")[2]) && numbers(t, "a")[3] == 3);
    assert_int_equal(hg_table_column(t, 0)->first_missing, 2);
    assert_string_equal(text_of(t, "b", 3), "4");
    hg_table_free(t);
    refused_bytes("a,b\n1,2\n3,4\n5, six\n", 19, &o, HG_EPARSE,
                  "f.csv:4:4: column \"b\" holds \"six\", expected a number", "the rows above hold numbers only");
    static const char *const B[] = { "b" };
    o.text = B;
    o.n_text = 1;
    t = read_opts("a,b\n1,2\n3,4\n5, six\n", &o);
    assert_string_equal(text_of(t, "b", 2), "six");
    hg_table_free(t);
}

static void too_big_numbers_are_refused_not_made_infinite(void **state) {
    (void)state;
    const char *text = "a,b\n1,2\n3,1e999\n",
               *msg = "f.csv:3:3: column \"b\" holds \"1e999\", expected a number below 1.8e308";
    hg_csv_opts o = hg_csv_opts_default();
    refused(text, HG_EPARSE, msg, "correct the cell");
    o.sample = 1;
    refused_bytes(text, strlen(text), &o, HG_EPARSE, msg, "correct the cell");
    hg_table *t = read_text("a,hash\n1,12e3456\n2,ab34\n"); /* in a column of text it is text */
    assert_string_equal(text_of(t, "hash", 0), "12e3456");
    hg_table_free(t);
}

static void thousands_and_hexadecimals_are_text(void **state) {
    (void)state;
    hg_table *t = read_text("a,b\n\"1,234\",0x10\n\"2,345\",0x1p3\n");
    assert_string_equal(text_of(t, "a", 0), "1,234");
    assert_string_equal(text_of(t, "b", 1), "0x1p3");
    hg_table_free(t);
}

/* ---- what is refused ----------------------------------------------------------------------------------------- */

static void refuses_broken_tables_with_place_and_advice(void **state) {
    (void)state;
    refused("a,b\n1,2\n1,2,3\n", HG_EPARSE, "f.csv:3: this row has 3 cells, the header has 2", "separated by ','");
    refused("a,b\n1,2\n1\n", HG_EPARSE, "f.csv:3: this row has 1 cell, the header has 2", "separated by ','");
    refused("Ms\n1,5\n2,5\n", HG_EPARSE, "f.csv:2: this row has 2 cells, the header has 1", "decimal sign is a comma");
    refused("a,b,a\n1,2,3\n", HG_EDATA, "f.csv:1:5: columns 1 and 3 have the same name \"a\"", "name of its own");
    refused("a,b\n1,\"x\n2,3\n", HG_EPARSE, "f.csv:2:3: the quote that begins here is never closed", "close it");
    refused("a,b\n1,\"x\"y\n", HG_EPARSE, "f.csv:2:6: text after a closing quote", "\"\"");
    refused("a,b\n\"p\nq\",x\"y\n", HG_EPARSE, "f.csv:3:5: a quote inside a cell that does not begin with one", "\"\"");
    refused("a,b\n1,\xe9\n", HG_EPARSE, "f.csv:2:3: a byte that is not UTF-8 text", "CSV UTF-8");
    refused("a,b\n1,\xc3", HG_EPARSE, "f.csv:2:3: a byte that is not UTF-8 text", "CSV UTF-8");
    refused("a,b\n1,\xed\xa0\x80\n", HG_EPARSE, "f.csv:2:3: a byte that is not UTF-8 text", "CSV UTF-8");
    refused("a,b\n", HG_EDATA, "f.csv: has a header and no rows", "second");
    refused("a,b\n,\n,\n", HG_EDATA, "f.csv: has a header and no rows", "second");
    refused("", HG_EDATA, "f.csv: is empty", "column names");
    refused("\xef\xbb\xbf\n\n", HG_EDATA, "f.csv: is empty", "column names");
    refused_bytes("a,b\n1,\0\n", 8, NULL, HG_EPARSE, "f.csv:2:3: a NUL byte: this is not a text file", "UTF-16");
    refused_bytes("a\0,\0b\0\n\0", 8, NULL, HG_EPARSE, "f.csv:1:2: a NUL byte: this is not a text file", "UTF-16");
    refused_bytes("\xff\xfe"
                  "a\0\n\0",
                  6, NULL, HG_EPARSE, "f.csv: is UTF-16 text, not a CSV table", "CSV UTF-8");
    refused_bytes("PK\x03\x04\x14\0", 6, NULL, HG_EPARSE, "f.csv: is an Excel or other zip file, not a CSV table",
                  "export");
}

static void refuses_what_would_fill_the_memory(void **state) {
    (void)state;
    const size_t n = (size_t)3 << 20;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text, "a,b\n1,", 6);
    refused_bytes(text, n, NULL, HG_ELIMIT, "f.csv:2:3: this cell is longer than 1 MiB", "separator");
    text[6] = '"';
    refused_bytes(text, n, NULL, HG_ELIMIT, "f.csv:2:3: the cell that begins with this quote is longer than 1 MiB",
                  "closing quote");
    memset(text, ',', n);
    text[0] = 'a';
    refused_bytes(text, 200000, NULL, HG_ELIMIT, "f.csv:1:100002: more than 100000 cells in one row", "separator");
    free(text);
    const size_t row = (size_t)65 << 20; /* cells of a megabyte less a byte, each of them allowed */
    text = malloc(row);
    assert_non_null(text);
    memset(text, 'x', row);
    for (size_t i = 1; i < 65; i++) text[i << 20] = ',';
    memcpy(text, "a,b\n", 4);
    refused_bytes(text, row, NULL, HG_ELIMIT, "f.csv:2: this row is longer than 64 MiB", "separator");
    free(text);
    hg_csv_opts o = hg_csv_opts_default();
    o.max_bytes = 10;
    refused_bytes("a,b\n1,2\n3,4\n", 12, &o, HG_ELIMIT, "f.csv: holds more than 10 bytes", "raise");
}

static void refuses_options_that_make_no_sense(void **state) {
    (void)state;
    hg_csv_opts o = hg_csv_opts_default();
    o.separator = '"';
    refused_bytes("a\n1\n", 4, &o, HG_EINVAL, "a quote, line end, digit, sign, point or letter cannot separate cells",
                  "");
    o.separator = o.decimal = ',';
    refused_bytes("a\n1\n", 4, &o, HG_EINVAL, "',' cannot be both the separator and the decimal sign", "");
    o = hg_csv_opts_default();
    o.decimal = ';';
    refused_bytes("a\n1\n", 4, &o, HG_EINVAL, "the decimal sign is '.' or ',', not ';'", "");
    o = hg_csv_opts_default();
    o.sample = 0;
    refused_bytes("a\n1\n", 4, &o, HG_EINVAL, "sample and max_bytes must be above 0", "");
}

static void says_when_there_is_no_file(void **state) {
    (void)state;
    hg_table *t;
    hg_err err;
    assert_int_equal(hg_csv_read(&t, "/no/such/file.csv", NULL, &err), HG_EIO);
    assert_string_equal(err.msg, "/no/such/file.csv: could not be opened: No such file or directory");
    assert_null(t);
    assert_int_equal(hg_csv_read(&t, "/", NULL, &err), HG_EIO);
    assert_contains(err.msg, "is a folder");
}

static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)user;
    (void)what;
    assert_true(done <= total);
    return false;
}

static void stops_when_asked(void **state) {
    (void)state;
    const hg_hooks hooks = { .progress = stop };
    hg_csv_opts o = hg_csv_opts_default();
    o.hooks = &hooks;
    refused_bytes("a\n1\n", 4, &o, HG_ECANCEL, "f.csv: reading was stopped at row 1", "");
}

/* ---- real files ---------------------------------------------------------------------------------------------- */

/* Not tables by our rules, and the place says why. */
static const struct {
    const char *file, *msg;
} REFUSED[] = {
    { "magpie_tables.tsv.xz", ":3: this row has 66 cells, the header has 65" },
    { "perov_5.tsv.xz", ":1:61: columns 3 and 8 have the same name \"formula\"" },
    { "qdf_weights.index.tsv", ":22: this row has 1 cell, the header has 3" },
};

static const char *expected_refusal(const char *path) {
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++)
        if (strstr(path, REFUSED[i].file)) return REFUSED[i].msg;
    return NULL;
}

static bool is_table(const char *name) {
    const char *dot = strchr(name, '.');
    while (dot && strcmp(dot, ".csv") && strcmp(dot, ".tsv") && strcmp(dot, ".csv.xz") && strcmp(dot, ".tsv.xz"))
        dot = strchr(dot + 1, '.');
    return dot != NULL;
}

static size_t read_folder(const char *folder, int depth) {
    size_t n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char path[1024];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] == '.' || stat(path, &st) != 0) continue;
        if (S_ISDIR(st.st_mode) && depth) n += read_folder(path, depth - 1);
        if (!S_ISREG(st.st_mode) || !is_table(e->d_name) || st.st_size > (1 << 20)) continue; /* seconds, not minutes */
        hg_table *t = NULL;
        hg_err err = { 0 };
        const hg_status code = hg_csv_read(&t, path, NULL, &err);
        const char *msg = expected_refusal(path);
        if (msg)
            assert_contains(err.msg, msg);
        else if (code != HG_OK)
            fail_msg("%s", err.msg);
        hg_table_free(t);
        n++;
    }
    if (d) closedir(d);
    return n;
}

static void reads_the_files_that_scientists_share(void **state) {
    (void)state;
    char path[512];
    if (!test_shared(path, sizeof path, "data")) skip();
    assert_true(read_folder(path, 2) > 50);
}

static void reads_a_literature_table(void **state) {
    (void)state;
    char path[512];
    if (!test_shared(path, sizeof path, "data/mammos-magnets/r2fe14b_literature_values.csv")) skip();
    hg_table *t;
    assert_ok(hg_csv_read(&t, path, NULL, NULL));
    assert_int_equal(hg_table_rows(t), 198);
    assert_int_equal(hg_table_columns(t), 26);
    assert_string_equal(text_of(t, "Compound", 0), "Ce0.1Pr0.3Nd1.6Fe12Co2B");
    size_t j;
    assert_ok(hg_table_find(&j, t, "tc", NULL));
    assert_string_equal(hg_table_column(t, j)->unit, "K");
    assert_int_equal(hg_table_column(t, j)->missing, 20);
    hg_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_numbers_and_texts),
        TEST(quotes_hold_anything),
        TEST(any_line_end_will_do),
        TEST(detects_and_tells_the_dialect),
        TEST(the_caller_may_say_the_dialect),
        TEST(keeps_sodium_nitride),
        TEST(words_for_not_measured_may_be_chosen),
        TEST(keeps_only_the_columns_asked_for),
        TEST(deals_with_columns_without_a_name),
        TEST(drops_the_empty_rows_that_spreadsheets_leave),
        TEST(warns_when_the_header_is_numbers),
        TEST(one_word_makes_a_column_text_and_is_named_later),
        TEST(a_missing_cell_is_named_with_its_place),
        TEST(infinity_is_a_number_that_nobody_may_use),
        TEST(cells_after_the_sample_must_agree),
        TEST(too_big_numbers_are_refused_not_made_infinite),
        TEST(thousands_and_hexadecimals_are_text),
        TEST(refuses_broken_tables_with_place_and_advice),
        TEST(refuses_what_would_fill_the_memory),
        TEST(refuses_options_that_make_no_sense),
        TEST(says_when_there_is_no_file),
        TEST(stops_when_asked),
        TEST(reads_the_files_that_scientists_share),
        TEST(reads_a_literature_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
