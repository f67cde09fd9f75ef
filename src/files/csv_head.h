/* files/csv_head.h -- the beginning of a separated text: is it one, in which dialect, and how its columns are called
 *
 * For readers that go through the rows themselves because the table may not fit in memory; hg_csv_read begins here too.
 */
#ifndef HG_FILES_CSV_HEAD_H
#define HG_FILES_CSV_HEAD_H
#include "files/csv_dialect.h"
#include "files/csv_rows.h"

typedef struct {
    char separator, decimal; /* 0: detect */
    size_t chunk;            /* first size of the row buffer, > 0 */
    const hg_hooks *hooks;   /* what was detected is logged */
} hg_csv_head_opts;

/* Begins *rows at the first line of `in`. The arena holds the text's beginning and must outlive the rows; call hg_csv_rows_end
 * in any case. HG_EPARSE: not a text, with what it is; HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_csv_head_begin(hg_csv_rows *rows, hg_csv_dialect *dialect, hg_input *in,
                                          const hg_csv_head_opts *o, hg_arena *mem, hg_err *err);
/* A header cell as a name: trimmed, and on one line (spreadsheets break long ones). NULL: no memory. */
const char *hg_csv_head_name(hg_arena *mem, hg_csv_cell cell);

/* Words that mean "not measured", besides the empty cell, unless the caller has others. */
enum { HG_CSV_MISSING_WORDS = 8 };
extern const char *const HG_CSV_MISSING[HG_CSV_MISSING_WORDS];
#endif
