/* describe/columns.h -- a look at one column over several tables: what hagane/features.h needs to know to choose */
#ifndef HG_DESCRIBE_COLUMNS_H
#define HG_DESCRIBE_COLUMNS_H
#include "hagane/table.h"

typedef struct {
    const char *name; /* as the first table has it */
    size_t *at;       /* [n_tables] its place in each table */
    size_t absent;    /* first table that lacks it; n_tables = in all. Nothing below is set when one lacks it */
    bool number;      /* numbers in every table */
    bool mixed;       /* numbers here, text there */
    size_t rows;      /* of all tables */

    /* number columns */
    double min, max;           /* of the finite values */
    size_t missing, infinite;  /* cells */
    size_t bad_table, bad_row; /* the first of them */
    bool counts;               /* the first table counts its rows: 0, 1, 2, ... or 1, 2, 3, ... */

    /* text columns */
    size_t blank;          /* cells; bad_table, bad_row say where the first is */
    size_t levels;         /* different texts; max_levels + 1 = more than max_levels */
    const char **level;    /* [levels] sorted, pointing into the tables */
    size_t readable, rich; /* cells that read as a formula; of those, with two elements or more */
    bool numeric;          /* most cells look like numbers: text by accident */
} hg_look;

/* Errors: HG_ENOMEM only. */
HG_MUST_CHECK hg_status hg_look_at(hg_look *look, const hg_table *const *t, size_t n_tables, const char *name,
                                   size_t max_levels, hg_arena *mem, hg_err *err);

/* 0: not a formula column. 2: its name says formula and nine cells in ten read as one. 1: nearly all cells do, and most
 * are compounds, so that a column of phases ("FCC", "C14"), answers (Y, N) or dopants (Fe, Co) stays a category. */
int hg_look_formula_rank(const hg_look *look);

bool hg_name_is_id(const char *name);          /* "id", "No.", "#", "material_id": names a row, describes nothing */
bool hg_name_is_bookkeeping(const char *name); /* "DOI", "reference", "comment": on the origin of the row */
#endif
