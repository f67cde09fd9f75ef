/* files/csv_rows.h -- the cells of a separated text, a row at a time, out of a buffer of fixed size
 *
 * RFC 4180 with what real files add: blanks around quotes, any of LF, CR LF, CR as the end of a row. The buffer grows
 * only when one row does not fit. Bytes are checked to be UTF-8 without NUL before a row is looked at.
 */
#ifndef HG_FILES_CSV_ROWS_H
#define HG_FILES_CSV_ROWS_H
#include "files/input.h"

enum { HG_CSV_MAX_CELL = 1 << 20, HG_CSV_MAX_COLUMNS = 100000, HG_CSV_MAX_ROW = 1 << 26 };

typedef struct {
    const char *s; /* within the quotes, or trimmed; valid until the next row */
    uint32_t len;
    bool quoted, doubled; /* doubled: holds "" that stands for " */
} hg_csv_cell;

typedef struct {
    hg_input *in; /* borrowed */
    const char *name;
    char separator;
    bool stop[256];     /* bytes at which a plain cell ends: separator, line ends, quote */
    size_t chunk;       /* first size of the buffer */
    const char *prefix; /* borrowed: bytes already taken from `in`, read again first */
    size_t prefix_left;
    char *buf;
    size_t cap, pos, end, checked; /* buf[pos, checked) is valid text, [checked, end) is not known yet */
    bool ended;
    size_t line, next_line; /* line on which the row began; on which the next begins */
    const char *row;        /* first byte of the row */
    hg_csv_cell *cell;
    size_t n, cap_cells;
} hg_csv_rows;

void hg_csv_rows_begin(hg_csv_rows *r, hg_input *in, const char *name, char separator, size_t chunk);
/* *more = false after the last row. A blank line is a row of one empty cell that is not quoted. */
HG_MUST_CHECK hg_status hg_csv_rows_next(bool *more, hg_csv_rows *r, hg_err *err);
void hg_csv_rows_end(hg_csv_rows *r);

/* Line and byte column (1-based) of a byte of the current row. */
void hg_csv_rows_place(size_t *line, size_t *column, const hg_csv_rows *r, const char *at);
/* The cell's text with "" made ", into out[cell.len]; the length. */
size_t hg_csv_cell_text(char *out, hg_csv_cell c);
#endif
