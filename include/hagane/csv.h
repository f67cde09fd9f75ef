/* hagane/csv.h -- tables as scientists have them: RFC 4180 CSV and its relatives, compressed or not
 *
 * Detected and reported: UTF-8 BOM; separator , ; tab or |; decimal point or decimal comma; .gz .xz .zst by content.
 * Units stay in the header ("Ms (T)"). A column is numbers when every cell of the first `sample` rows is a number or one
 * of the `missing` words, and text otherwise; later cells must agree. Duplicate column names, ragged rows, broken quotes
 * and bad UTF-8 are refused with file, line and column. "-" reads standard input.
 */
#ifndef HG_CSV_H
#define HG_CSV_H
#include "hagane/table.h"

typedef struct {
    char separator;             /* 0 = detect                                                  default 0 */
    char decimal;               /* '.' or ',', 0 = detect                                      default 0 */
    const char *const *missing; /* words that mean "not measured", besides the empty cell; NULL:
                                 * NaN nan NA N/A n/a null None - (case as written)           default NULL */
    size_t n_missing;
    const char *const *text; /* columns to keep as text whatever they hold: a formula column, where "NaN" is sodium
                                * nitride; a name that is not there is passed over            default none */
    size_t n_text;
    const char *const *only; /* columns to keep, NULL = all                                 default NULL */
    size_t n_only;
    size_t sample;      /* rows looked at before kinds are decided                     default 10000 */
    uint64_t max_bytes; /* of decompressed text, against decompression bombs           default 16 GiB */
    const hg_hooks
        *hooks; /* what was detected is logged at HG_LOG_INFO; progress in bytes of the file     default NULL */
} hg_csv_opts;

HG_BEGIN_DECLS

hg_csv_opts hg_csv_opts_default(void);
/* Errors: HG_EIO, HG_EPARSE (file:line:column), HG_EDATA (no rows, duplicate columns), HG_ENOTFOUND (a name
 * in `only`), HG_EINVAL (options), HG_ELIMIT, HG_ECANCEL, HG_ENOMEM. docs/tables.md tells the rules. */
HG_MUST_CHECK hg_status hg_csv_read(hg_table **out, const char *path, const hg_csv_opts *opts, hg_err *err);
/* The same from memory; `name` stands for the file in messages. */
HG_MUST_CHECK hg_status hg_csv_read_memory(hg_table **out, const char *name, const char *bytes, size_t n,
                                           const hg_csv_opts *opts, hg_err *err);
/* Comma-separated with a header line; numbers with the fewest digits that read back the same, "not measured" as an empty
 * cell. The file is replaced whole or not at all. Errors: HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_csv_write(const hg_table *t, const char *path, hg_err *err);

HG_END_DECLS
#endif
