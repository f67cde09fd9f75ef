/* files/csv.h -- reading and writing tables for callers that hold their own source or sink; see hagane/csv.h */
#ifndef HG_FILES_CSV_H
#define HG_FILES_CSV_H
#include "files/input.h"
#include "files/output.h"
#include "hagane/csv.h"

/* From `in`, which stays the caller's; `chunk` is the first size of the row buffer, > 0, and changes nothing but speed. */
HG_MUST_CHECK hg_status hg_csv_read_input(hg_table **out, hg_input *in, size_t chunk, const hg_csv_opts *opts,
                                          hg_err *err);
/* A cell with any separator in it, so that whoever guesses the separator sees only commas; one that begins like a
 * byte-order mark; one with blanks at an end, which readers trim. */
bool hg_csv_needs_quotes(const char *s);
/* Appends the table to `o`, which the caller commits. */
HG_MUST_CHECK hg_status hg_csv_write_output(hg_output *o, const hg_table *t, hg_err *err);
#endif
