/* search/sheet.c -- see search/sheet.h */
#include "search/sheet.h"
#include "core/number.h"
#include "search/campaign.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

double *hg_sheet_numbers(hg_sheet *s, size_t n) {
    double *v = hg_alloc(s->mem, n, sizeof *v);
    if (!v) s->failed = true;
    return v;
}

const char *hg_sheet_text(hg_sheet *s, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = hg_print_args(NULL, 0, fmt, args);
    va_end(args);
    char *text = hg_alloc(s->mem, n < 0 ? 1 : (size_t)n + 1, 1);
    if (text && n > 0) hg_print_args(text, (size_t)n + 1, fmt, again);
    va_end(again);
    if (!text) s->failed = true;
    return text ? text : "";
}

hg_layer *hg_sheet_layer(hg_sheet *s, hg_layer_kind kind, const char *name, const double *x, const double *y, size_t n,
                         hg_colour colour) {
    if (s->figure.n_layers >= HG_SHEET_LAYERS) {
        s->failed = true; /* our own bound is too small: no figure instead of a wrong one */
        return &s->layer[0];
    }
    hg_layer *l = &s->layer[s->figure.n_layers++];
    *l = hg_layer_make(kind, name, x, y, n, colour);
    return l;
}

hg_status hg_sheet_find_column(size_t *j, const hg_table *t, const char *name) {
    for (*j = 0; *j < hg_table_columns(t); ++*j)
        if (strcmp(hg_table_column(t, *j)->name, name) == 0) return HG_OK;
    return hg_table_find(j, t, name, NULL);
}

const char *hg_sheet_objective(const hg_report *r, size_t k) {
    size_t j;
    if (k >= r->n_objectives) return "";
    const char *given = r->objective[k].column;
    if (!r->suggestions || hg_sheet_find_column(&j, r->suggestions->measured, given) != HG_OK) return given;
    return hg_table_column(r->suggestions->measured, j)->name;
}

const char *const *hg_sheet_ranks(hg_sheet *s, size_t n) {
    const char **text = hg_alloc(s->mem, n, sizeof *text);
    if (!text) {
        s->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < n; i++) text[i] = hg_sheet_text(s, "%zu", i + 1);
    return text;
}

const double *hg_sheet_column(hg_sheet *s, const hg_table *t, const char *name) {
    size_t j;
    if (!t || !name) return NULL;
    const hg_status st = hg_sheet_find_column(&j, t, name);
    if (st == HG_ENOMEM) s->failed = true;
    return st == HG_OK ? hg_table_column(t, j)->number : NULL;
}

const hg_table *hg_sheet_pool(const hg_suggestions *s) {
    if (!s->pool_row) return NULL;
    return s->candidates ? s->candidates : s->measured;
}

size_t hg_sheet_place(const hg_table **t, const hg_suggestions *q, size_t i) {
    const bool point = q->suggestion[i].row == SIZE_MAX;
    const size_t row = point ? i : q->suggestion[i].row;
    *t = point ? q->points : q->candidates ? q->candidates : q->measured;
    if (*t && row >= hg_table_rows(*t)) *t = NULL;
    return row;
}

void hg_sheet_row(hg_text *out, const hg_report *r, const hg_table *t, size_t row) {
    size_t j;
    if (!t || row >= hg_table_rows(t)) return;
    const hg_status st = r->label ? hg_sheet_find_column(&j, t, r->label) : HG_ENOTFOUND;
    if (st == HG_ENOMEM) out->failed = true;
    if (st == HG_OK) {
        char number[HG_NUMBER_SIZE];
        const hg_column *c = hg_table_column(t, j);
        if (c->number) hg_number_write(number, c->number[row]);
        hg_text_add(out, "%s", c->number ? number : hg_table_text(t, j, row));
    } else {
        char words[64];
        hg_text_add(out, "%s", hg_row_words(words, t, row));
    }
}

static hg_status no_data(const hg_sheet_record *record, const hg_report *r, hg_err *err) {
    hg_text names = hg_text_new(0);
    for (size_t k = 0; k < hg_report_figures(); k++)
        if (hg_report_figure_fits(k, r)) hg_text_add(&names, "%s%s", names.len ? ", " : "", hg_report_figure_name(k));
    hg_fail(err, HG_EDATA, "the figure \"%s\" (%s) has no data in this result", record->name, record->words);
    hg_advise(err, HG_EDATA, "there is data for %s", names.s);
    hg_text_free(&names);
    return HG_EDATA;
}

hg_status hg_sheet_make(hg_sheet *s, size_t i, const hg_report *r, hg_arena *mem, hg_err *err) {
    const hg_sheet_record *record = hg_sheet_find(i);
    *s = (hg_sheet) { .r = r, .index = record->index, .mem = mem, .figure = hg_figure_default(), .caption = "" };
    s->figure.layer = s->layer;
    if (!record->fits(r, record->index)) return no_data(record, r, err);
    record->build(s);
    s->figure.layer = s->layer;
    if (s->failed) return hg_fail(err, HG_ENOMEM, "no memory for the figure \"%s\"", record->name);
    return HG_OK;
}
