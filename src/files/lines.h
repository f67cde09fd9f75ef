/* files/lines.h -- a text, a line at a time, out of a buffer of fixed size, and the words of a line
 *
 * A line ends with LF or CR LF; the last one may lack it. A byte-order mark in front is passed over. Bytes are checked to be
 * UTF-8 without NUL before a line is handed out. The buffer grows only when one line does not fit.
 */
#ifndef HG_FILES_LINES_H
#define HG_FILES_LINES_H
#include "files/input.h"

enum { HG_LINES_LONGEST = 4 << 20 }; /* bytes; a longer line is refused */

typedef struct {
    hg_input *in;     /* borrowed */
    const char *name; /* of the file, for messages */
    char *buf;
    size_t cap, pos, end, checked; /* buf[pos, checked) is valid text, [checked, end) is not known yet */
    bool ended, more, again;
    const char *s; /* the current line without its end; valid until the next call */
    size_t len;
    size_t number; /* of the current line, from 1; 0 before the first */
} hg_lines;

/* chunk: first size of the buffer, > 0; it changes nothing but speed. */
HG_MUST_CHECK hg_status hg_lines_begin(hg_lines *l, hg_input *in, size_t chunk, hg_err *err);
void hg_lines_end(hg_lines *l);
/* *more = false after the last line; the line is then empty, and its number that of the last one.
 * Errors: those of hg_input_read; HG_EPARSE not text; HG_ELIMIT a line longer than HG_LINES_LONGEST; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_lines_next(bool *more, hg_lines *l, hg_err *err);
/* The next call gives the same answer once more. */
void hg_lines_back(hg_lines *l);
/* The first bytes of the text, at most the chunk, before the first line is asked for. */
const char *hg_lines_head(size_t *n, const hg_lines *l);

/* An error in the current line at byte `at` of it; of the line as a whole when `at` is NULL or lies elsewhere. */
hg_status hg_lines_fail(const hg_lines *l, const char *at, hg_err *err, hg_status code, const char *fmt, ...)
    HG_PRINTF(5, 6);

/* ---- words ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *s;
    size_t len;
} hg_word;

static inline bool hg_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next word of [*at, end), with *at moved behind it; len 0: no more. Words are parted by blanks and tabs. */
static inline hg_word hg_word_next(const char **at, const char *end) {
    const char *s = *at;
    while (s < end && hg_blank(*s)) s++;
    const char *const from = s;
    while (s < end && !hg_blank(*s)) s++;
    *at = s;
    return (hg_word) { from, (size_t)(s - from) };
}

/* Without the blanks at both ends. */
hg_word hg_word_trim(const char *s, size_t len);
bool hg_word_is(hg_word w, const char *text);
/* Cut to what a sentence can hold: for "%.*s". */
int hg_word_shown(hg_word w);
#endif
