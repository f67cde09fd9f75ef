/* files/csv.h -- reading and writing tables for callers that hold their own source or sink; see hagane/csv.h */
#ifndef HG_FILES_CSV_H
#define HG_FILES_CSV_H
#include "files/input.h"
#include "files/output.h"
#include "hagane/csv.h"

/* From `in`, which stays the caller's; `chunk` is the first size of the row buffer, > 0, and changes nothing but speed. */
HG_MUST_CHECK hg_status hg_csv_read_input(hg_table **out, hg_input *in, size_t chunk, const hg_csv_opts *opts,
                                          hg_err *err);
/* A table that comes a part at a time, so that its length needs no memory: kinds of columns are decided by the first opts->sample
 * rows, as above, and later cells must agree. */
typedef struct hg_csv_parts hg_csv_parts;
/* `in` stays the caller's and is read as long as there are parts; so do the lists and words of opts. Errors: HG_EINVAL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_csv_parts_begin(hg_csv_parts **out, hg_input *in, const hg_csv_opts *opts, hg_err *err);
/* At least `rows` rows but at the end, more where empty ones follow; *t, the caller's, is NULL after the last. The columns of all
 * parts are the same. Errors as of hg_csv_read; nothing can be read after one. */
HG_MUST_CHECK hg_status hg_csv_parts_next(hg_table **t, hg_csv_parts *p, size_t rows, hg_err *err);
void hg_csv_parts_end(hg_csv_parts *p); /* NULL is fine */
/* A cell with any separator in it, so that whoever guesses the separator sees only commas; one that begins like a
 * byte-order mark; one with blanks at an end, which readers trim. */
bool hg_csv_needs_quotes(const char *s);
/* Appends the table to `o`, which the caller commits. */
HG_MUST_CHECK hg_status hg_csv_write_output(hg_output *o, const hg_table *t, hg_err *err);
#endif
