/* files/csv_head.c -- see files/csv_head.h */
#include "files/csv_head.h"
#include <string.h>

enum { HEAD = 64 << 10, HEAD_MAX = 4 << 20 };

const char *const HG_CSV_MISSING[HG_CSV_MISSING_WORDS] = { "NaN", "nan", "NA", "N/A", "n/a", "null", "None", "-" };

const char *hg_csv_head_name(hg_arena *mem, hg_csv_cell cell) {
    char *name = hg_alloc(mem, (size_t)cell.len + 1, 1);
    if (!name) return NULL;
    size_t len = hg_csv_cell_text(name, cell), from = 0, at = 0;
    while (from < len && strchr(" \t\r\n", name[from])) from++;
    while (len > from && strchr(" \t\r\n", name[len - 1])) len--;
    for (size_t i = from; i < len; i++) {
        if (name[i] == '\r' && name[i + 1] == '\n') continue;
        name[at++] = strchr("\t\r\n", name[i]) ? ' ' : name[i];
    }
    name[at] = '\0';
    return name;
}

static const struct {
    const char *magic;
    size_t len;
    const char *what, *advice;
} STRANGERS[] = {
    { "\xff\xfe", 2, "UTF-16 text", "save it as UTF-8: in Excel choose \"CSV UTF-8\"" },
    { "\xfe\xff", 2, "UTF-16 text", "save it as UTF-8: in Excel choose \"CSV UTF-8\"" },
    { "PK\x03\x04", 4, "an Excel or other zip file", "export the sheet as \"CSV UTF-8\"" },
    { "\xd0\xcf\x11\xe0", 4, "an old Excel workbook", "export the sheet as \"CSV UTF-8\"" },
    { "PAR1", 4, "a Parquet file", "export it as CSV" },
    { "\x89HDF", 4, "an HDF5 file", "export the table as CSV" },
    { "%PDF", 4, "a PDF document", "export the table as CSV" },
    { "BZh", 3, "compressed with bzip2", "decompress it first; gzip, xz and zstd are read as they are" },
};

static hg_status refuse_strangers(const char *name, const char *head, size_t n, hg_err *err) {
    for (size_t i = 0; i < sizeof STRANGERS / sizeof *STRANGERS; i++)
        if (n >= STRANGERS[i].len && memcmp(head, STRANGERS[i].magic, STRANGERS[i].len) == 0)
            return hg_advise(err, hg_fail(err, HG_EPARSE, "%s: is %s, not a CSV table", name, STRANGERS[i].what), "%s",
                             STRANGERS[i].advice);
    return HG_OK;
}

/* Enough of the text to tell its dialect: HEAD bytes, more when not even two lines fit in them. */
static hg_status read_head(char **head, size_t *n, bool *whole, hg_input *in, hg_arena *mem, hg_err *err) {
    *n = 0;
    *head = NULL;
    for (size_t size = HEAD;; size *= 8) {
        char *more = hg_alloc(mem, size, 1);
        if (!more) return hg_fail(err, HG_ENOMEM, "%s: no memory for its first lines", hg_input_name(in));
        if (*n) memcpy(more, *head, *n);
        *head = more;
        size_t got;
        HG_TRY(hg_input_read(&got, in, more + *n, size - *n, err));
        *n += got;
        *whole = *n < size;
        const char *line = memchr(more, '\n', *n);
        if (line) line = memchr(line + 1, '\n', *n - (size_t)(line + 1 - more));
        if (*whole || line || size >= HEAD_MAX) return HG_OK;
    }
}

hg_status hg_csv_head_begin(hg_csv_rows *rows, hg_csv_dialect *dialect, hg_input *in, const hg_csv_head_opts *o,
                            hg_arena *mem, hg_err *err) {
    bool whole;
    char *head, words[8];
    size_t n;
    const char *name = hg_input_name(in), *format = hg_input_format(in);
    *rows = (hg_csv_rows) { .buf = NULL };
    HG_TRY(read_head(&head, &n, &whole, in, mem, err));
    HG_TRY(refuse_strangers(name, head, n, err));
    const bool bom = n >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0;
    const size_t skip = bom ? 3 : 0;
    *dialect = hg_csv_dialect_detect(head + skip, n - skip, whole, o->separator, o->decimal);
    hg_csv_rows_begin(rows, in, name, dialect->separator, o->chunk);
    rows->prefix = head + skip;
    rows->prefix_left = n - skip;
    const bool usual = dialect->separator == ',' && dialect->decimal == '.' && !bom && !*format;
    hg_log(o->hooks, usual ? HG_LOG_DEBUG : HG_LOG_INFO, "%s: %s separates cells, decimal %s%s%s%s", name,
           hg_csv_separator_words(dialect->separator, words), dialect->decimal == ',' ? "comma" : "point",
           bom ? ", UTF-8 BOM" : "", *format ? ", compressed with " : "", format);
    return HG_OK;
}
