/* files/csv_write.c -- tables out, see hagane/csv.h: commas, decimal points, LF, quotes only where a reader needs them */
#include "core/number.h"
#include "files/csv.h"
#include "files/output.h"
#include <math.h>
#include <string.h>

bool hg_csv_needs_quotes(const char *s) {
    const size_t n = strlen(s);
    return n && (strpbrk(s, ",;\t|\"\r\n") || *s == ' ' || *s == '\xef' || s[n - 1] == ' ');
}

static hg_status put_quoted(hg_output *o, const char *s, hg_err *err) {
    HG_TRY(hg_output_write(o, "\"", 1, err));
    for (const char *quote; (quote = strchr(s, '"')) != NULL; s = quote + 1) {
        HG_TRY(hg_output_write(o, s, (size_t)(quote - s) + 1, err));
        HG_TRY(hg_output_write(o, "\"", 1, err));
    }
    HG_TRY(hg_output_write(o, s, strlen(s), err));
    return hg_output_write(o, "\"", 1, err);
}

static hg_status put_text(hg_output *o, const char *s, hg_err *err) {
    return hg_csv_needs_quotes(s) ? put_quoted(o, s, err) : hg_output_write(o, s, strlen(s), err);
}

static bool row_is_empty(const hg_table *t, size_t row) {
    for (size_t j = 0; j < hg_table_columns(t); j++) {
        const hg_column *c = hg_table_column(t, j);
        if (c->kind == HG_COLUMN_NUMBER ? !isnan(c->number[row]) : *hg_table_text(t, j, row) != '\0') return false;
    }
    return true;
}

static hg_status put_row(hg_output *o, const hg_table *t, size_t row, hg_err *err) {
    char number[HG_NUMBER_SIZE];
    if (row_is_empty(t, row)) HG_TRY(hg_output_write(o, "\"\"", 2, err)); /* or a reader would pass over it */
    for (size_t j = 0; j < hg_table_columns(t); j++) {
        const hg_column *c = hg_table_column(t, j);
        if (j) HG_TRY(hg_output_write(o, ",", 1, err));
        if (c->kind == HG_COLUMN_TEXT)
            HG_TRY(put_text(o, hg_table_text(t, j, row), err));
        else if (!isnan(c->number[row]))
            HG_TRY(hg_output_write(o, number, hg_number_write(number, c->number[row]), err));
    }
    return hg_output_write(o, "\n", 1, err);
}

hg_status hg_csv_write_output(hg_output *o, const hg_table *t, hg_err *err) {
    for (size_t j = 0; j < hg_table_columns(t); j++) {
        if (j) HG_TRY(hg_output_write(o, ",", 1, err));
        HG_TRY(put_text(o, hg_table_column(t, j)->name, err));
    }
    HG_TRY(hg_output_write(o, "\n", 1, err));
    for (size_t i = 0; i < hg_table_rows(t); i++) HG_TRY(put_row(o, t, i, err));
    return HG_OK;
}

hg_status hg_csv_write(const hg_table *t, const char *path, hg_err *err) {
    hg_output *o;
    HG_TRY(hg_output_new(&o, path, NULL, err));
    hg_status st = hg_csv_write_output(o, t, err);
    if (st == HG_OK) st = hg_output_commit(o, err);
    hg_output_free(o);
    return st;
}
