/* search/sheet.h -- one figure of a report while it is made: the table in report_figures.c fills it, report.c prints it */
#ifndef HG_SEARCH_SHEET_H
#define HG_SEARCH_SHEET_H
#include "core/text.h"
#include "hagane/report.h"

enum { HG_SHEET_LAYERS = 8 };

typedef struct {
    const hg_report *r;
    size_t index;  /* which objective, or which pair of them */
    hg_arena *mem; /* owns the arrays of the layers and the caption */
    hg_figure figure;
    hg_layer layer[HG_SHEET_LAYERS];
    const char *caption; /* sentences for the page; set by the record's build */
    bool failed;         /* no memory on the way */
} hg_sheet;

typedef struct {
    const char *name, *words;
    size_t index;
    bool (*fits)(const hg_report *r, size_t index);
    void (*build)(hg_sheet *s);
} hg_sheet_record;

const hg_sheet_record *hg_sheet_find(size_t i); /* NULL beyond the end */
/* Builds record i into s; s->mem must be there. The caller renders s->figure. */
HG_MUST_CHECK hg_status hg_sheet_make(hg_sheet *s, size_t i, const hg_report *r, hg_arena *mem, hg_err *err);

/* The pieces the records share (sheet.c). All return usable pointers; failures set s->failed. */
double *hg_sheet_numbers(hg_sheet *s, size_t n);
const char *hg_sheet_text(hg_sheet *s, const char *fmt, ...) HG_PRINTF(2, 3);
hg_layer *hg_sheet_layer(hg_sheet *s, hg_layer_kind kind, const char *name, const double *x, const double *y, size_t n,
                         hg_colour colour);
const char *hg_sheet_objective(const hg_report *r, size_t k);                    /* its whole name, unit included */
const char *const *hg_sheet_ranks(hg_sheet *s, size_t n);                        /* "1", "2" ... */
const double *hg_sheet_column(hg_sheet *s, const hg_table *t, const char *name); /* its numbers, or NULL */
const hg_table *hg_sheet_pool(const hg_suggestions *s); /* the table pool_row counts in, or NULL */
/* The row of *t where the inputs of suggestion i stand: the pool, or the points of a space; *t NULL: nowhere. */
size_t hg_sheet_place(const hg_table **t, const hg_suggestions *q, size_t i);
/* As hg_table_find, but a whole name is found without memory. HG_ENOTFOUND, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_sheet_find_column(size_t *j, const hg_table *t, const char *name);
/* What a person calls a row: the label column's cell, else "row 15 (line 17)" as everywhere. */
void hg_sheet_row(hg_text *out, const hg_report *r, const hg_table *t, size_t row);

void hg_sheet_build_map(hg_sheet *s); /* report_map.c: triangle, plane or line, whichever the columns allow */
bool hg_sheet_fits_map(const hg_report *r, size_t index);
#endif
