/* hagane/table.h -- a table in memory: named columns of numbers or texts, as scientists keep them
 *
 * A number column holds doubles; a cell that says "not measured" is NaN there and counted. Whether that is allowed is for
 * the user of the column to decide (a target may have blanks, a feature may not): hg_table_need_numbers says no with the
 * file, line and column. Text columns keep their cells as they stood in the file, blanks trimmed.
 * Cost: 8 bytes a number cell; text length + 9 bytes a text cell.
 */
#ifndef HG_TABLE_H
#define HG_TABLE_H
#include "hagane/core.h"

typedef struct hg_table hg_table;

typedef enum { HG_COLUMN_NUMBER, HG_COLUMN_TEXT } hg_column_kind;

typedef struct {
    const char *name; /* the whole header cell, trimmed: "mu0Ms (T)" */
    const char *unit; /* "T", the last bracket of the name when it reads as a unit; "" when none */
    hg_column_kind kind;
    const double *number; /* [rows], NaN = not measured; NULL for a text column */
    size_t missing;       /* number column: how many are not measured */
    size_t first_missing; /* its first row, when missing > 0 */
    size_t file_column;   /* 1-based place in its file, 0 when made by a program */
} hg_column;

HG_BEGIN_DECLS

/* A table made by a program: `source` is the name used in messages ("pool.csv", "memory"). rows is fixed. */
HG_MUST_CHECK hg_status hg_table_new(hg_table **out, const char *source, size_t rows, hg_err *err);
HG_MUST_CHECK hg_status hg_table_add_numbers(hg_table *t, const char *name, const double *values, hg_err *err);
HG_MUST_CHECK hg_status hg_table_add_texts(hg_table *t, const char *name, const char *const *values, hg_err *err);
void hg_table_free(hg_table *t);

size_t hg_table_rows(const hg_table *t);
size_t hg_table_columns(const hg_table *t);
const hg_column *hg_table_column(const hg_table *t, size_t j);
const char *hg_table_source(const hg_table *t);
size_t hg_table_line(const hg_table *t, size_t row); /* line of the file the row began on; 0 for a made table */
const char *hg_table_text(const hg_table *t, size_t j, size_t row); /* cell of a text column, NUL-terminated */
/* Column index by exact name, or by name without its unit bracket when that is unique.
 * HG_ENOTFOUND with a did-you-mean hint and the list of columns. */
HG_MUST_CHECK hg_status hg_table_find(size_t *j, const hg_table *t, const char *name, hg_err *err);
/* Column j must be numbers, finite, and (unless blanks_ok) complete; the error names file, line, column and cell. */
HG_MUST_CHECK hg_status hg_table_need_numbers(const hg_table *t, size_t j, bool blanks_ok, hg_err *err);

HG_END_DECLS
#endif
