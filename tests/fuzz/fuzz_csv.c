/* tests/fuzz/fuzz_csv.c -- any bytes as a table: refused with a sentence or read, and the same in one piece or in many
 *
 * The first byte picks sizes and options; the rest is the text. Of compressed text the words may differ: whether the
 * damage of the file or a fault of its text is met first depends on the pieces. */
#include "files/codec.h"
#include "files/csv.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hg_status read_table(hg_table **t, const uint8_t *text, size_t n, size_t chunk, size_t sample, hg_err *err) {
    static const char *const TEXT[] = { "formula" };
    hg_input_opts in_opts = hg_input_opts_default();
    hg_csv_opts o = hg_csv_opts_default();
    hg_input *in;
    *t = NULL;
    in_opts.chunk = chunk;
    in_opts.max_bytes = 1 << 20;
    o.sample = sample;
    o.text = TEXT;
    o.n_text = 1;
    HG_TRY(hg_input_open_memory(&in, "fuzz", text, n, &in_opts, err));
    const hg_status st = hg_csv_read_input(t, in, chunk, &o, err);
    hg_input_free(in);
    return st;
}

/* Touches all that a table offers. */
static double use(const hg_table *t) {
    double sum = 0;
    for (size_t j = 0; j < hg_table_columns(t); j++) {
        const hg_column *c = hg_table_column(t, j);
        size_t found, missing = 0;
        hg_err err;
        for (size_t i = 0; i < hg_table_rows(t); i++) {
            if (c->kind == HG_COLUMN_TEXT)
                sum += (double)strlen(hg_table_text(t, j, i));
            else
                missing += c->number[i] != c->number[i];
            if (hg_table_line(t, i) == 0) abort();
        }
        if (missing != c->missing) abort();
        if (hg_table_need_numbers(t, j, true, &err) != HG_OK && !err.msg[0]) abort();
        if (hg_table_find(&found, t, c->name, NULL) != HG_OK || found != j) abort();
    }
    return sum;
}

/* Part by part; the sum of what `use` says of them. */
static hg_status read_parts(size_t *rows, double *sum, const uint8_t *text, size_t n, size_t part, size_t sample,
                            hg_err *err) {
    static const char *const TEXT[] = { "formula" };
    hg_input_opts in_opts = hg_input_opts_default();
    hg_csv_opts o = hg_csv_opts_default();
    hg_input *in;
    hg_csv_parts *p;
    hg_table *t;
    in_opts.max_bytes = 1 << 20;
    o.sample = sample, o.text = TEXT, o.n_text = 1;
    *rows = 0, *sum = 0;
    HG_TRY(hg_input_open_memory(&in, "fuzz", text, n, &in_opts, err));
    hg_status st = hg_csv_parts_begin(&p, in, &o, err);
    while (st == HG_OK && (st = hg_csv_parts_next(&t, p, part, err)) == HG_OK && t) {
        *rows += hg_table_rows(t);
        *sum += use(t);
        hg_table_free(t);
    }
    hg_csv_parts_end(p);
    hg_input_free(in);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const size_t chunk = 1 + data[0] % 32, sample = 1 + data[0] / 64;
    hg_table *whole, *pieces;
    hg_err a = { 0 }, b = { 0 };
    const hg_status st = read_table(&whole, data + 1, size - 1, 1 << 16, sample, &a);
    const hg_status st_pieces = read_table(&pieces, data + 1, size - 1, chunk, sample, &b);
    if ((st == HG_OK) != (st_pieces == HG_OK)) abort();
    if (!hg_codec_of(data + 1, size - 1) && (st != st_pieces || strcmp(a.msg, b.msg) != 0)) abort();
    if ((st == HG_OK) != (whole != NULL) || (st != HG_OK && !a.msg[0])) abort();
    if (whole) {
        if (hg_table_rows(whole) != hg_table_rows(pieces) || use(whole) != use(pieces)) abort();
    }
    size_t rows;
    double sum;
    const hg_status st_parts = read_parts(&rows, &sum, data + 1, size - 1, 1 + data[0] % 5, sample, &b);
    if ((st == HG_OK) != (st_parts == HG_OK)) abort();
    if (whole && (rows != hg_table_rows(whole) || sum != use(whole))) abort();
    hg_table_free(whole);
    hg_table_free(pieces);
    return 0;
}
