/* files/csv.c -- see hagane/csv.h
 *
 * Rows go into the table as they are read. Until the kinds are decided every cell is kept as text, then the columns of
 * numbers are converted and their text is dropped: the file is read once, and what is held beyond the table is the
 * sample, the row buffer and the decoder's window. Places of cells are worked out only for those that are remembered.
 */
#include "files/csv.h"
#include "core/memory.h"
#include "core/number.h"
#include "files/csv_dialect.h"
#include "files/csv_head.h"
#include "files/csv_rows.h"
#include "matter/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 << 10, PROGRESS_EVERY = 16384 };
static const size_t SAMPLE_BYTES = (size_t)128 << 20; /* a very wide table is decided on fewer rows than asked */

typedef struct {
    const char *name;
    size_t file_column;
    hg_cells *to;        /* NULL: not wanted */
    hg_column_kind kind; /* once it is decided */
    bool kept;
    bool text;    /* as asked */
    bool unnamed; /* at the end of the header: must stay empty */
    hg_place too_big;
} csv_column;

typedef struct {
    hg_csv_opts o;
    hg_input *in;
    const char *name;
    hg_csv_dialect dialect;
    const char *const *missing;
    size_t n_missing;
    bool missing_first; /* a word for "not measured" reads as a number: "-999" */
    hg_arena *mem;      /* the head, the columns, header names */
    csv_column *column; /* [n] in the order of the file */
    size_t n;
    hg_csv_rows rows;
    hg_table *t;
    size_t row, full_rows; /* rows so far; up to the last that is not all empty */
    size_t told;           /* rows of earlier parts */
    size_t blank_lines;
    bool decided;
    char *scratch; /* a cell with "" made " */
    size_t scratch_cap;
} reader;

typedef enum { CELL_NUMBER, CELL_MISSING, CELL_TEXT, CELL_TOO_BIG } cell_kind;

hg_csv_opts hg_csv_opts_default(void) { return (hg_csv_opts) { .sample = 10000, .max_bytes = (uint64_t)16 << 30 }; }

/* ---- cells --------------------------------------------------------------------------------------------------- */

static bool is_missing_word(const reader *r, const char *s, size_t len) {
    for (size_t i = 0; i < r->n_missing; i++)
        if (strlen(r->missing[i]) == len && memcmp(r->missing[i], s, len) == 0) return true;
    return false;
}

static cell_kind look(double *value, const reader *r, const char *s, size_t len) {
    while (len && (*s == ' ' || *s == '\t')) s++, len--; /* inside quotes */
    while (len && (s[len - 1] == ' ' || s[len - 1] == '\t')) len--;
    *value = (double)NAN;
    if (len == 0 || (r->missing_first && is_missing_word(r, s, len))) return CELL_MISSING;
    switch (hg_number_read(value, s, len, r->dialect.decimal)) {
    case HG_NUMBER_NONE: return is_missing_word(r, s, len) ? CELL_MISSING : CELL_TEXT;
    case HG_NUMBER_TOO_BIG: return CELL_TOO_BIG;
    default: return CELL_NUMBER;
    }
}

static hg_status no_memory(const reader *r, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "%s: no memory for row %zu", r->name, r->row + 1);
}

static bool note(reader *r, hg_place *place, hg_csv_cell c) {
    if (place->words) return true;
    hg_place where = { .row = r->row, .words = c.s };
    hg_csv_rows_place(&where.line, &where.column, &r->rows, c.s);
    return hg_table_note(r->t, place, where, c.len);
}

static hg_status refuse_place(const reader *r, const csv_column *c, const hg_place *p, const char *expected,
                              hg_err *err) {
    return hg_fail_at(err, HG_EPARSE, r->name, p->line, p->column, "column \"%s\" holds \"%s\", expected %s", c->name,
                      p->words, expected);
}

static hg_status refuse_too_big(const reader *r, const csv_column *c, hg_err *err) {
    return hg_advise(err, refuse_place(r, c, &c->too_big, "a number below 1.8e308", err),
                     "correct the cell, or read the column as text");
}

static hg_status refuse_text(reader *r, csv_column *c, hg_csv_cell cell, hg_err *err) {
    if (!note(r, &c->to->unnumeric, cell)) return no_memory(r, err);
    return hg_advise(err, refuse_place(r, c, &c->to->unnumeric, "a number", err),
                     "the rows above hold numbers only: correct the cell, or read the column as text");
}

/* Remembers what need_numbers will want to tell. */
static bool account(reader *r, csv_column *c, cell_kind kind, double value, hg_csv_cell cell) {
    if (kind == CELL_MISSING) {
        hg_column *pub = &c->to->pub;
        if (pub->missing++ == 0) pub->first_missing = r->row;
        return note(r, &c->to->missing, cell);
    }
    if (kind == CELL_TEXT) return note(r, &c->to->unnumeric, cell);
    if (kind == CELL_TOO_BIG) return note(r, &c->too_big, cell);
    return isfinite(value) || note(r, &c->to->infinite, cell);
}

static bool put_text(reader *r, hg_cells *to, hg_csv_cell cell) {
    if (!cell.doubled) return hg_table_put_text(r->t, to, r->row, cell.s, cell.len);
    if (!hg_grow(&r->scratch, &r->scratch_cap, cell.len, 1)) return false;
    return hg_table_put_text(r->t, to, r->row, r->scratch, hg_csv_cell_text(r->scratch, cell));
}

static hg_status put_cell(reader *r, csv_column *c, hg_csv_cell cell, hg_err *err) {
    double value = 0;
    if (r->decided && c->to->pub.kind == HG_COLUMN_NUMBER) {
        const cell_kind kind = look(&value, r, cell.s, cell.len);
        if (kind == CELL_TEXT) return refuse_text(r, c, cell, err);
        if ((kind != CELL_NUMBER || !isfinite(value)) && !account(r, c, kind, value, cell)) return no_memory(r, err);
        if (kind == CELL_TOO_BIG) return refuse_too_big(r, c, err);
        c->to->number[r->row] = value;
        return HG_OK;
    }
    if (!r->decided && !c->text && !c->to->unnumeric.words) {
        const cell_kind kind = look(&value, r, cell.s, cell.len);
        if (!account(r, c, kind, value, cell)) return no_memory(r, err);
    }
    return put_text(r, c->to, cell) ? HG_OK : no_memory(r, err);
}

/* ---- kinds --------------------------------------------------------------------------------------------------- */

static double value_of_text(void *ctx, const char *s, size_t len) {
    double v;
    return look(&v, ctx, s, len) == CELL_NUMBER ? v : (double)NAN;
}

static hg_status decide(reader *r, hg_err *err) {
    const size_t n = hg_table_columns(r->t);
    bool *to_number = hg_calloc(n, sizeof *to_number);
    if (!to_number) return no_memory(r, err);
    hg_status st = HG_OK;
    for (size_t j = 0, k = 0; st == HG_OK && j < r->n; j++) {
        csv_column *c = &r->column[j];
        if (!c->to) continue;
        to_number[k] = !c->text && !c->to->unnumeric.words;
        if (to_number[k++]) {
            if (c->too_big.words) st = refuse_too_big(r, c, err);
        } else {
            c->to->pub.missing = c->to->pub.first_missing = 0;
        }
    }
    if (st == HG_OK && !hg_table_convert(r->t, r->row, to_number, value_of_text, r)) st = no_memory(r, err);
    hg_free(to_number);
    r->decided = true;
    return st;
}

/* ---- header -------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    size_t column;
} named;

static int by_name(const void *a, const void *b) {
    const named *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x->column > y->column) - (x->column < y->column);
}

static hg_status refuse_column(const reader *r, size_t j, const char *what, const char *advice, hg_err *err) {
    size_t line, column;
    hg_csv_rows_place(&line, &column, &r->rows, r->rows.cell[j].s);
    return hg_advise(err, hg_fail_at(err, HG_EDATA, r->name, line, column, "column %zu %s", j + 1, what), "%s", advice);
}

static hg_status check_duplicates(const reader *r, hg_err *err) {
    named *sorted = hg_malloc(r->n, sizeof *sorted);
    if (!sorted) return no_memory(r, err);
    for (size_t j = 0; j < r->n; j++) sorted[j] = (named) { r->column[j].name, j };
    qsort(sorted, r->n, sizeof *sorted, by_name);
    hg_status st = HG_OK;
    for (size_t i = 1; st == HG_OK && i < r->n; i++) {
        if (*sorted[i].name == '\0' || strcmp(sorted[i].name, sorted[i - 1].name) != 0) continue;
        size_t line, column;
        hg_csv_rows_place(&line, &column, &r->rows, r->rows.cell[sorted[i].column].s);
        st = hg_fail_at(err, HG_EDATA, r->name, line, column, "columns %zu and %zu have the same name \"%s\"",
                        sorted[i - 1].column + 1, sorted[i].column + 1, sorted[i].name);
        hg_advise(err, st, "give each column a name of its own in the first line");
    }
    hg_free(sorted);
    return st;
}

/* An unnamed first column is the row index that pandas writes; unnamed last columns are what Excel leaves behind. */
static hg_status name_columns(reader *r, hg_err *err) {
    size_t named_end = r->n;
    while (named_end > 0 && *r->column[named_end - 1].name == '\0') named_end--;
    if (named_end == 0) return refuse_column(r, 0, "has no name", "the first line of a table names its columns", err);
    for (size_t j = named_end; j < r->n; j++) r->column[j].unnamed = true;
    if (named_end < r->n)
        hg_log(r->o.hooks, HG_LOG_INFO, "%s: left out %zu column%s without a name at the end", r->name,
               r->n - named_end, r->n - named_end == 1 ? "" : "s");
    if (*r->column[0].name == '\0') {
        r->column[0].name = "index";
        hg_log(r->o.hooks, HG_LOG_INFO, "%s: the first column has no name; it is called \"index\"", r->name);
    }
    for (size_t j = 0; j < named_end; j++)
        if (*r->column[j].name == '\0') return refuse_column(r, j, "has no name", "give it one in the first line", err);
    return check_duplicates(r, err);
}

static void warn_of_numbers(const reader *r) {
    double v;
    for (size_t j = 0; j < r->n; j++)
        if (hg_number_read(&v, r->column[j].name, strlen(r->column[j].name), r->dialect.decimal) == HG_NUMBER_NONE)
            return;
    hg_log(r->o.hooks, HG_LOG_WARN, "%s: the first line holds only numbers, yet it is read as the names of columns",
           r->name);
}

/* Marks the columns that opts.only and opts.text name. */
static hg_status choose_columns(reader *r, bool *keep, hg_err *err) {
    const char **names = hg_alloc(r->mem, r->n, sizeof *names);
    if (!names) return no_memory(r, err);
    size_t n = 0, j = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!r->column[i].unnamed) names[n++] = r->column[i].name; /* unnamed ones are last: indices agree */
    for (size_t i = 0; i < n; i++) keep[i] = r->o.n_only == 0;
    for (size_t i = 0; i < r->o.n_only; i++) {
        HG_TRY(hg_name_find(&j, names, n, r->name, r->o.only[i], err));
        keep[j] = true;
    }
    for (size_t i = 0; i < r->o.n_text; i++)
        if (hg_name_find(&j, names, n, r->name, r->o.text[i], NULL) == HG_OK) r->column[j].text = true;
    return HG_OK;
}

static hg_status read_header(reader *r, hg_err *err) {
    r->n = r->rows.n;
    r->column = hg_alloc(r->mem, r->n, sizeof *r->column);
    bool *keep = hg_alloc(r->mem, r->n, sizeof *keep);
    if (!r->column || !keep) return no_memory(r, err);
    for (size_t j = 0; j < r->n; j++) {
        r->column[j].file_column = j + 1;
        r->column[j].name = hg_csv_head_name(r->mem, r->rows.cell[j]);
        if (!r->column[j].name) return no_memory(r, err);
    }
    HG_TRY(name_columns(r, err));
    HG_TRY(choose_columns(r, keep, err));
    warn_of_numbers(r);
    for (size_t j = 0; j < r->n; j++) {
        csv_column *c = &r->column[j];
        c->kept = keep[j];
        if (keep[j]) HG_TRY(hg_table_open_column(&c->to, r->t, c->name, HG_COLUMN_TEXT, c->file_column, err));
    }
    return HG_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

static hg_status refuse_ragged(const reader *r, hg_err *err) {
    const size_t got = r->rows.n;
    char words[8];
    hg_fail_at(err, HG_EPARSE, r->name, r->rows.line, 0, "this row has %zu cell%s, the header has %zu", got,
               got == 1 ? "" : "s", r->n);
    if (r->n == 1 && r->dialect.separator == ',')
        return hg_advise(err, HG_EPARSE,
                         "put a cell that holds a comma in quotes, or say that the decimal sign is a comma");
    return hg_advise(err, HG_EPARSE, "cells are separated by %s; put a cell that holds one in quotes",
                     hg_csv_separator_words(r->dialect.separator, words));
}

static hg_status put_row(reader *r, hg_err *err) {
    if (!hg_table_reserve(r->t, r->row + 1) || !hg_table_mark_line(r->t, r->row, r->rows.line))
        return no_memory(r, err);
    for (size_t j = 0; j < r->n; j++) {
        csv_column *c = &r->column[j];
        const hg_csv_cell cell = r->rows.cell[j];
        if (c->to)
            HG_TRY(put_cell(r, c, cell, err));
        else if (c->unnamed && cell.len)
            return refuse_column(r, j, "has no name, but this cell is not empty",
                                 "give the column a name in the first line", err);
    }
    r->row++;
    return HG_OK;
}

static hg_status tell_progress(const reader *r, hg_err *err) {
    if (hg_progress(r->o.hooks, r->name, (size_t)hg_input_fetched(r->in), (size_t)hg_input_total(r->in))) return HG_OK;
    return hg_fail(err, HG_ECANCEL, "%s: reading was stopped at row %zu", r->name, r->row);
}

/* To the end (*more false), or until `most` rows are there whose last is not empty: an empty one may be the end's. */
static hg_status read_rows(bool *more, reader *r, size_t most, hg_err *err) {
    for (;;) {
        bool empty = true;
        HG_TRY(hg_csv_rows_next(more, &r->rows, err));
        if (!*more) return HG_OK;
        for (size_t j = 0; empty && j < r->rows.n; j++) empty = r->rows.cell[j].len == 0 && !r->rows.cell[j].quoted;
        if (empty && r->rows.n == 1 && r->n > 1) {
            r->blank_lines++;
            continue;
        }
        if (r->rows.n != r->n) return refuse_ragged(r, err);
        HG_TRY(put_row(r, err));
        if (!empty) r->full_rows = r->row;
        if (!r->decided && (r->row >= r->o.sample || hg_table_pool_bytes(r->t) > SAMPLE_BYTES)) HG_TRY(decide(r, err));
        if ((r->told + r->row) % PROGRESS_EVERY == 0) HG_TRY(tell_progress(r, err));
        if (r->decided && r->row >= most && r->full_rows == r->row) return HG_OK;
    }
}

/* Rows of empty cells at the end were counted as missing in every column. */
static void drop_empty_rows(reader *r) {
    const size_t dropped = r->row - r->full_rows;
    for (size_t j = 0; j < r->n && dropped; j++) {
        hg_cells *c = r->column[j].to;
        if (!c || c->pub.kind != HG_COLUMN_NUMBER) continue;
        c->pub.missing -= dropped;
        if (c->pub.missing == 0) c->pub.first_missing = 0;
    }
    if (dropped && r->n > 1)
        hg_log(r->o.hooks, HG_LOG_INFO, "%s: left out %zu empty row%s at the end", r->name, dropped,
               dropped == 1 ? "" : "s");
    r->row = r->full_rows;
}

static void tell_result(const reader *r) {
    size_t numbers = 0;
    const size_t n = hg_table_columns(r->t);
    for (size_t j = 0; j < n; j++) numbers += hg_table_column(r->t, j)->kind == HG_COLUMN_NUMBER;
    if (r->blank_lines)
        hg_log(r->o.hooks, HG_LOG_INFO, "%s: passed over %zu blank line%s", r->name, r->blank_lines,
               r->blank_lines == 1 ? "" : "s");
    const size_t rows = r->told + r->row;
    hg_log(r->o.hooks, HG_LOG_INFO, "%s: %zu row%s, %zu column%s of numbers, %zu of text", r->name, rows,
           rows == 1 ? "" : "s", numbers, numbers == 1 ? "" : "s", n - numbers);
}

static hg_status begin_table(reader *r, size_t chunk, hg_err *err) {
    HG_TRY(hg_csv_head_begin(&r->rows, &r->dialect, r->in,
                             &(hg_csv_head_opts) { r->o.separator, r->o.decimal, chunk, r->o.hooks }, r->mem, err));
    bool more;
    do {
        HG_TRY(hg_csv_rows_next(&more, &r->rows, err));
        if (!more)
            return hg_advise(err, hg_fail(err, HG_EDATA, "%s: is empty", r->name),
                             "a table is a line of column names and one line a row");
    } while (r->rows.n == 1 && r->rows.cell[0].len == 0 && !r->rows.cell[0].quoted);
    return read_header(r, err);
}

static hg_status end_table(reader *r, hg_err *err) {
    if (r->told + r->full_rows == 0)
        return hg_advise(err, hg_fail(err, HG_EDATA, "%s: has a header and no rows", r->name),
                         "the first line names the columns; the rows begin on the second");
    if (!r->decided) HG_TRY(decide(r, err));
    drop_empty_rows(r);
    hg_table_end(r->t, r->row);
    tell_result(r);
    return tell_progress(r, err);
}

static hg_status read_table(reader *r, size_t chunk, hg_err *err) {
    bool more;
    HG_TRY(begin_table(r, chunk, err));
    HG_TRY(read_rows(&more, r, SIZE_MAX, err));
    return end_table(r, err);
}

/* ---- the public calls ------------------------------------------------------------------------------------------ */

static hg_status check_opts(reader *r, hg_err *err) {
    const hg_csv_opts *o = &r->o;
    if (o->separator &&
        (strchr("\"\r\n.+-", o->separator) || (o->separator >= '0' && o->separator <= '9') ||
         ((o->separator | 32) >= 'a' && (o->separator | 32) <= 'z') || (unsigned char)o->separator >= 0x80))
        return hg_fail(err, HG_EINVAL, "a quote, line end, digit, sign, point or letter cannot separate cells");
    if (o->decimal && o->decimal != '.' && o->decimal != ',')
        return hg_fail(err, HG_EINVAL, "the decimal sign is '.' or ',', not '%c'", o->decimal);
    if (o->decimal && o->decimal == o->separator)
        return hg_fail(err, HG_EINVAL, "'%c' cannot be both the separator and the decimal sign", o->decimal);
    if (o->sample == 0 || o->max_bytes == 0) return hg_fail(err, HG_EINVAL, "sample and max_bytes must be above 0");
    r->missing = o->missing ? o->missing : HG_CSV_MISSING;
    r->n_missing = o->missing ? o->n_missing : HG_CSV_MISSING_WORDS;
    for (size_t i = 0; i < r->n_missing; i++) {
        double v;
        if (hg_number_read(&v, r->missing[i], strlen(r->missing[i]), '.') != HG_NUMBER_NONE ||
            hg_number_read(&v, r->missing[i], strlen(r->missing[i]), ',') != HG_NUMBER_NONE)
            r->missing_first = true;
    }
    return HG_OK;
}

hg_status hg_csv_read_input(hg_table **out, hg_input *in, size_t chunk, const hg_csv_opts *opts, hg_err *err) {
    reader r = { .o = opts ? *opts : hg_csv_opts_default(), .in = in, .name = hg_input_name(in) };
    *out = NULL;
    HG_TRY(check_opts(&r, err));
    HG_TRY(hg_table_begin(&r.t, r.name, err));
    r.mem = hg_arena_new();
    const hg_status st = read_table(&r, chunk, err);
    hg_csv_rows_end(&r.rows);
    hg_free(r.scratch);
    hg_arena_free(r.mem);
    if (st != HG_OK) {
        hg_table_free(r.t);
        return st;
    }
    *out = r.t;
    return HG_OK;
}

static hg_input_opts input_opts(const hg_csv_opts *opts) {
    hg_input_opts o = hg_input_opts_default();
    if (opts) o.max_bytes = opts->max_bytes;
    return o;
}

static hg_status read_and_free(hg_table **out, hg_input *in, const hg_csv_opts *opts, hg_err *err) {
    const hg_status st = hg_csv_read_input(out, in, CHUNK, opts, err);
    hg_input_free(in);
    return st;
}

hg_status hg_csv_read(hg_table **out, const char *path, const hg_csv_opts *opts, hg_err *err) {
    const hg_input_opts o = input_opts(opts);
    hg_input *in;
    *out = NULL;
    HG_TRY(hg_input_open(&in, path, &o, err));
    return read_and_free(out, in, opts, err);
}

hg_status hg_csv_read_memory(hg_table **out, const char *name, const char *bytes, size_t n, const hg_csv_opts *opts,
                             hg_err *err) {
    const hg_input_opts o = input_opts(opts);
    hg_input *in;
    *out = NULL;
    HG_TRY(hg_input_open_memory(&in, name, bytes, n, &o, err));
    return read_and_free(out, in, opts, err);
}

/* ---- part by part ---------------------------------------------------------------------------------------------- */

struct hg_csv_parts {
    reader r;
    bool begun, ended;
};

hg_status hg_csv_parts_begin(hg_csv_parts **out, hg_input *in, const hg_csv_opts *opts, hg_err *err) {
    hg_csv_parts *p = *out = hg_calloc(1, sizeof *p);
    if (!p) return hg_fail(err, HG_ENOMEM, "%s: no memory to read it", hg_input_name(in));
    p->r = (reader) { .o = opts ? *opts : hg_csv_opts_default(), .in = in, .name = hg_input_name(in) };
    const hg_status st = check_opts(&p->r, err);
    p->r.mem = hg_arena_new();
    if (st == HG_OK) return HG_OK;
    hg_csv_parts_end(p);
    *out = NULL;
    return st;
}

/* The columns of the first part, empty again. */
static hg_status same_columns(reader *r, hg_err *err) {
    r->row = r->full_rows = 0;
    for (size_t j = 0; j < r->n; j++) {
        csv_column *c = &r->column[j];
        c->to = NULL;
        c->too_big = (hg_place) { 0 };
        if (c->kept) HG_TRY(hg_table_open_column(&c->to, r->t, c->name, c->kind, c->file_column, err));
    }
    return HG_OK;
}

static hg_status read_part(hg_csv_parts *p, size_t rows, hg_err *err) {
    reader *r = &p->r;
    bool more;
    HG_TRY(hg_table_begin(&r->t, r->name, err));
    HG_TRY(p->begun ? same_columns(r, err) : begin_table(r, CHUNK, err));
    p->begun = true;
    HG_TRY(read_rows(&more, r, rows, err));
    p->ended = !more;
    if (p->ended) return end_table(r, err);
    for (size_t j = 0; j < r->n; j++)
        if (r->column[j].kept) r->column[j].kind = r->column[j].to->pub.kind;
    r->told += r->row;
    hg_table_end(r->t, r->row);
    return HG_OK;
}

hg_status hg_csv_parts_next(hg_table **t, hg_csv_parts *p, size_t rows, hg_err *err) {
    *t = NULL;
    if (p->ended) return HG_OK;
    p->ended = true; /* unless all goes well */
    const hg_status st = read_part(p, rows, err);
    if (st != HG_OK || p->r.row == 0) { /* nothing but empty rows behind the last part */
        hg_table_free(p->r.t);
        p->r.t = NULL;
        return st;
    }
    *t = p->r.t;
    p->r.t = NULL;
    return HG_OK;
}

void hg_csv_parts_end(hg_csv_parts *p) {
    if (!p) return;
    hg_csv_rows_end(&p->r.rows);
    hg_free(p->r.scratch);
    hg_arena_free(p->r.mem);
    hg_free(p);
}
