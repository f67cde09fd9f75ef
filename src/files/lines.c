/* files/lines.c -- see files/lines.h */
#include "files/lines.h"
#include "core/number.h"
#include "core/memory.h"
#include "core/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

hg_status hg_lines_fail(const hg_lines *l, const char *at, hg_err *err, hg_status code, const char *fmt, ...) {
    char text[sizeof err->msg];
    va_list args;
    va_start(args, fmt);
    hg_print_args(text, sizeof text, fmt, args);
    va_end(args);
    const bool here = at && at >= l->s && at <= l->s + l->len;
    return hg_fail_at(err, code, l->name, l->number, here ? (size_t)(at - l->s) + 1 : 0, "%s", text);
}

/* ---- the buffer -------------------------------------------------------------------------------------------------- */

static hg_status too_long(const hg_lines *l, hg_err *err) {
    return hg_advise(err,
                     hg_fail_at(err, HG_ELIMIT, l->name, l->number + 1, 0, "this line is longer than %d MiB",
                                HG_LINES_LONGEST >> 20),
                     "is this a text file?");
}

/* More text behind what is there; *got = false at the end. */
static hg_status fill(bool *got, hg_lines *l, hg_err *err) {
    *got = false;
    if (l->pos) {
        memmove(l->buf, l->buf + l->pos, l->end - l->pos);
        l->end -= l->pos;
        l->checked -= l->pos;
        l->pos = 0;
    }
    if (l->ended) return HG_OK;
    if (l->end == l->cap) {
        if (l->cap >= HG_LINES_LONGEST) return too_long(l, err);
        const size_t cap = 2 * l->cap < HG_LINES_LONGEST ? 2 * l->cap : HG_LINES_LONGEST;
        char *buf = hg_realloc(l->buf, cap, 1);
        if (!buf) return hg_fail(err, HG_ENOMEM, "%s: no memory for a line of %zu bytes", l->name, cap);
        l->buf = buf;
        l->cap = cap;
    }
    size_t n;
    const size_t room = l->cap - l->end;
    HG_TRY(hg_input_read(&n, l->in, l->buf + l->end, room, err));
    l->end += n;
    l->ended = n < room;
    l->checked += hg_utf8_valid(l->buf + l->checked, l->end - l->checked);
    *got = n > 0;
    return HG_OK;
}

hg_status hg_lines_begin(hg_lines *l, hg_input *in, size_t chunk, hg_err *err) {
    if (chunk > HG_LINES_LONGEST) chunk = HG_LINES_LONGEST;
    if (chunk < 4) chunk = 4; /* a byte-order mark must fit */
    *l = (hg_lines) { .in = in, .name = hg_input_name(in), .s = "", .cap = chunk };
    l->buf = hg_malloc(chunk, 1);
    if (!l->buf) return hg_fail(err, HG_ENOMEM, "no memory to read %s", l->name);
    bool got;
    HG_TRY(fill(&got, l, err));
    if (l->end >= 3 && memcmp(l->buf, "\xef\xbb\xbf", 3) == 0) l->pos = 3;
    return HG_OK;
}

void hg_lines_end(hg_lines *l) {
    hg_free(l->buf);
    *l = (hg_lines) { .s = "" };
}

const char *hg_lines_head(size_t *n, const hg_lines *l) {
    *n = l->checked - l->pos;
    return l->buf + l->pos;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

/* The byte at buf[checked] is not text. */
static hg_status refuse_byte(hg_lines *l, hg_err *err) {
    l->number++;
    const char *at = l->buf + l->checked;
    l->s = l->buf + l->pos;
    l->len = (size_t)(at - l->s);
    const bool nul = *at == '\0';
    hg_lines_fail(l, at, err, HG_EPARSE, nul ? "a NUL byte: this is not a text file" : "a byte that is not UTF-8 text");
    return hg_advise(err, HG_EPARSE, "%s",
                     nul ? "is it a binary file, or UTF-16 text? That must be saved as UTF-8"
                         : "save the file as UTF-8: iconv -f latin1 -t utf-8");
}

hg_status hg_lines_next(bool *more, hg_lines *l, hg_err *err) {
    if (l->again) {
        l->again = false;
        *more = l->more;
        return HG_OK;
    }
    *more = true;
    for (size_t searched = 0;;) {
        const char *from = l->buf + l->pos, *limit = l->buf + l->checked;
        const char *end = memchr(from + searched, '\n', (size_t)(limit - from) - searched);
        if (!end) {
            bool got = false;
            if (l->checked < l->end && !(hg_utf8_may_go_on(limit, (size_t)(l->buf + l->end - limit)) && !l->ended))
                return refuse_byte(l, err);
            searched = (size_t)(limit - from);
            HG_TRY(fill(&got, l, err));
            if (got) continue;
            if (l->checked < l->end) return refuse_byte(l, err); /* a character is cut by the end */
            from = l->buf + l->pos;
            end = l->buf + l->end;
            *more = end > from;
        }
        l->s = from;
        l->len = (size_t)(end - from);
        l->pos = (size_t)(end - l->buf) + (end < l->buf + l->checked);
        if (l->len && from[l->len - 1] == '\r') l->len--;
        l->number += *more;
        l->more = *more;
        return HG_OK;
    }
}

void hg_lines_back(hg_lines *l) { l->again = true; }

/* ---- words ------------------------------------------------------------------------------------------------------- */

hg_word hg_word_trim(const char *s, size_t len) {
    while (len && hg_blank(*s)) {
        s++;
        len--;
    }
    while (len && hg_blank(s[len - 1])) len--;
    return (hg_word) { s, len };
}

bool hg_word_is(hg_word w, const char *text) { return strlen(text) == w.len && memcmp(w.s, text, w.len) == 0; }

int hg_word_shown(hg_word w) {
    enum { MOST = 40 };
    if (w.len <= MOST) return (int)w.len;
    size_t n = MOST;
    while (n && ((unsigned char)w.s[n] & 0xC0) == 0x80) n--; /* not inside a character */
    return (int)n;
}
