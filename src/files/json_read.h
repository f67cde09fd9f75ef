/* files/json_read.h -- reads JSON (RFC 8259) event by event out of a text in memory: no tree, no allocation
 *
 *   hg_json_reader r;
 *   hg_json_read_begin(&r, "card.json", text, n);
 *   HG_TRY(hg_json_read_expect(&r, HG_JSON_OBJECT, "a card", err));
 *   for (;;) {
 *       HG_TRY(hg_json_read_next(&r, err));
 *       if (r.event == HG_JSON_OBJECT_END) break;
 *       if (hg_json_read_is(&r, "name")) ...                    HG_JSON_KEY: the events of its value come next
 *   }
 *
 * Strict: no comments, no trailing commas, no NaN, no control characters, no half surrogates; the whole text is one value.
 * Whether a key may come twice is for the caller, who alone remembers keys.
 */
#ifndef HG_FILES_JSON_READ_H
#define HG_FILES_JSON_READ_H
#include "hagane/core.h"

enum { HG_JSON_READ_DEPTH = 64 }; /* objects and arrays within each other; more is refused */

typedef enum {
    HG_JSON_OBJECT,
    HG_JSON_OBJECT_END,
    HG_JSON_ARRAY,
    HG_JSON_ARRAY_END,
    HG_JSON_KEY, /* s, len, escaped */
    HG_JSON_STRING,
    HG_JSON_NUMBER, /* s, len: as written */
    HG_JSON_BOOL,   /* truth */
    HG_JSON_NULL,
    HG_JSON_DONE, /* behind the value; further calls give it again */
} hg_json_event;

typedef struct {
    const char *name; /* borrowed: of the file, for errors */
    const char *begin, *at, *end;
    size_t valid; /* bytes known to be UTF-8 */
    size_t depth;
    bool in_array[HG_JSON_READ_DEPTH];
    int expect; /* what may come next */
    hg_json_event event;
    const char *token; /* where the event begins */
    const char *s;     /* key, string: between the quotes, escapes as written; number: its text */
    size_t len;
    bool escaped, truth;
} hg_json_reader;

/* Borrows text[n] until the last event was looked at. */
void hg_json_read_begin(hg_json_reader *r, const char *name, const char *text, size_t n);
/* HG_EPARSE with line and column; HG_ELIMIT nested too deep. */
HG_MUST_CHECK hg_status hg_json_read_next(hg_json_reader *r, hg_err *err);

/* Is the key or string this text? */
bool hg_json_read_is(const hg_json_reader *r, const char *text);
/* The key or string without escapes into out[r->len + 1], NUL-terminated; its length. It holds no NUL: \u0000 is refused. */
size_t hg_json_read_text(char *out, const hg_json_reader *r);
/* A number as a double, or as a whole number 0 .. 2^64-1 written without sign, point and exponent. HG_EPARSE. */
HG_MUST_CHECK hg_status hg_json_read_real(double *x, const hg_json_reader *r, hg_err *err);
HG_MUST_CHECK hg_status hg_json_read_whole(uint64_t *x, const hg_json_reader *r, hg_err *err);
/* The next event, which must be this one: `expected an object for a card`. */
HG_MUST_CHECK hg_status hg_json_read_expect(hg_json_reader *r, hg_json_event event, const char *what, hg_err *err);
/* The value that begins with the current event, to its end; of a key, the key's value. */
HG_MUST_CHECK hg_status hg_json_read_skip(hg_json_reader *r, hg_err *err);
/* An error at the current event. */
hg_status hg_json_read_fail(const hg_json_reader *r, hg_err *err, hg_status code, const char *fmt, ...) HG_PRINTF(4, 5);
#endif
