/* files/json.h -- writes JSON as it goes: results for other programs, run records
 *
 * Begin and end calls nest; `key` is NULL inside an array and at the top. The first misuse, failed sink or lack of memory
 * is kept and everything after it is dropped, so that one check in hg_json_end is enough.
 * Numbers are the shortest that read back; NaN and infinities, which JSON lacks, become null. Bytes that are not UTF-8
 * become U+FFFD.
 */
#ifndef HG_FILES_JSON_H
#define HG_FILES_JSON_H
#include "core/text.h"
#include "hagane/core.h"

/* Takes n bytes; anything but HG_OK stops the writing and comes back from hg_json_end. */
typedef hg_status (*hg_json_sink)(void *ctx, const char *bytes, size_t n, hg_err *err);

enum { HG_JSON_DEPTH = 64, HG_JSON_BUFFER = 4096 };

typedef struct {
    hg_json_sink sink;
    void *ctx;
    int indent; /* blanks a level; 0: everything on one line */
    size_t depth;
    bool in_array[HG_JSON_DEPTH], any[HG_JSON_DEPTH + 1]; /* any: something stands on this level already */
    hg_status st;
    hg_err err; /* of the first failure */
    size_t n;
    char buf[HG_JSON_BUFFER];
} hg_json;

void hg_json_begin(hg_json *j, hg_json_sink sink, void *ctx, int indent);
void hg_json_begin_text(hg_json *j, hg_text *to, int indent); /* appends to the text; the text is borrowed */

void hg_json_begin_object(hg_json *j, const char *key);
void hg_json_end_object(hg_json *j);
void hg_json_begin_array(hg_json *j, const char *key);
void hg_json_end_array(hg_json *j);
void hg_json_string(hg_json *j, const char *key, const char *s); /* NULL gives null */
void hg_json_number(hg_json *j, const char *key, double x);
void hg_json_count(hg_json *j, const char *key, size_t x);
void hg_json_bool(hg_json *j, const char *key, bool x);
void hg_json_null(hg_json *j, const char *key);
void hg_json_numbers(hg_json *j, const char *key, const double *x, size_t n); /* an array */

/* Writes what is left and a line end. Errors: the first failure; HG_EINVAL for an object or array left open or a key
 * where none belongs. Between two values at the top comes a line end (JSON lines, with indent 0). */
HG_MUST_CHECK hg_status hg_json_end(hg_json *j, hg_err *err);
#endif
