/* matter/table.h -- how a reader fills a table whose number of rows it does not know yet; see hagane/table.h
 *
 * begin, open the columns, then for each row: reserve, write c->number[row] or hg_table_put_text, count what is missing
 * with hg_table_note; last, hg_table_end. Nothing of this checks a row index: the reader owns the loop.
 */
#ifndef HG_MATTER_TABLE_H
#define HG_MATTER_TABLE_H
#include "hagane/table.h"

typedef struct {
    size_t row, line, column; /* line and column of the file, 1-based; 0 = none */
    const char *words;        /* what stood there, cut to a readable length; NULL: no such place */
} hg_place;

typedef struct {
    hg_column pub;
    double *number;                        /* [capacity], number columns */
    uint64_t *at;                          /* [capacity] offsets into the pool, text columns */
    hg_place missing, infinite, unnumeric; /* first cell of each sort; unnumeric: why the column is text */
} hg_cells;

HG_MUST_CHECK hg_status hg_table_begin(hg_table **out, const char *source, hg_err *err);
/* The column stays where it is until the table is freed. The name is not compared with the others. */
HG_MUST_CHECK hg_status hg_table_open_column(hg_cells **out, hg_table *t, const char *name, hg_column_kind kind,
                                             size_t file_column, hg_err *err);
/* The calls below return false when memory runs out. */
HG_MUST_CHECK bool hg_table_reserve(hg_table *t, size_t rows);
HG_MUST_CHECK bool hg_table_put_text(hg_table *t, hg_cells *c, size_t row, const char *s, size_t len);
HG_MUST_CHECK bool hg_table_mark_line(hg_table *t, size_t row, size_t line); /* rows in order */
/* Remember the first place of a sort: nothing happens when *place is set. */
HG_MUST_CHECK bool hg_table_note(hg_table *t, hg_place *place, hg_place where, size_t len);
/* Text columns j with to_number[j] become numbers by value(ctx, text, len); their text leaves the pool. */
HG_MUST_CHECK bool hg_table_convert(hg_table *t, size_t rows, const bool *to_number,
                                    double (*value)(void *ctx, const char *s, size_t len), void *ctx);
size_t hg_table_pool_bytes(const hg_table *t);
void hg_table_end(hg_table *t, size_t rows); /* fixes the rows and gives spare memory back */

/* The rule of hg_table_find over any list of names. Exact first, then without the unit, then ignoring case; the last two
 * only when one name fits. */
HG_MUST_CHECK hg_status hg_name_find(size_t *j, const char *const *names, size_t n, const char *source,
                                     const char *name, hg_err *err);
#endif
