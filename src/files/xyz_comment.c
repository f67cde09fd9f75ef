/* files/xyz_comment.c -- key=value pairs of an extended XYZ frame; see files/xyz.h */
#include "core/memory.h"
#include "files/xyz.h"
#include <string.h>

typedef struct {
    hg_draft *d;
    const char *at, *end;
    hg_word *word; /* [n] elements of the value; decoded, in d->mem when they had escapes */
    bool *quoted;  /* [n] */
    size_t n, cap_words, cap_quoted;
    hg_err *err;
} scan;

bool hg_xyz_bool(bool *out, hg_word w) {
    static const char *const YES[] = { "T", "true", "True", "TRUE" }, *const NO[] = { "F", "false", "False", "FALSE" };
    for (size_t i = 0; i < 4; i++) {
        *out = hg_word_is(w, YES[i]);
        if (*out || hg_word_is(w, NO[i])) return true;
    }
    return false;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static hg_status refuse(const scan *s, const char *at, const char *what) {
    return hg_lines_fail(s->d->in, at, s->err, HG_EPARSE, "%s", what);
}

static void skip_blanks(scan *s) {
    while (s->at < s->end && hg_blank(*s->at)) s->at++;
}

static bool is_one_of(char c, const char *set) { return c && strchr(set, c); }

static hg_status add_word(scan *s, hg_word w, bool quoted) {
    if (!hg_grow(&s->word, &s->cap_words, s->n + 1, sizeof *s->word) ||
        !hg_grow(&s->quoted, &s->cap_quoted, s->n + 1, sizeof *s->quoted))
        return hg_draft_no_memory(s->d, s->err);
    s->word[s->n] = w;
    s->quoted[s->n++] = quoted;
    return HG_OK;
}

/* What stands between two quotes, s->at on the first: without escapes as it lies there, else decoded. */
static hg_status quoted_text(hg_word *out, bool *escaped, scan *s) {
    const char quote = *s->at, *const open = s->at, *from = open + 1;
    *escaped = false;
    for (s->at++; s->at < s->end && *s->at != quote; s->at++)
        if (*s->at == '\\') {
            *escaped = true;
            s->at += s->at + 1 < s->end;
        }
    if (s->at >= s->end) return refuse(s, open, "the quote that begins here is never closed");
    *out = (hg_word) { from, (size_t)(s->at - from) };
    s->at++;
    if (!*escaped) return HG_OK;
    char *text = hg_alloc(s->d->mem, out->len + 1, 1);
    size_t n = 0;
    if (!text) return hg_draft_no_memory(s->d, s->err);
    for (size_t i = 0; i < out->len; i++) {
        const bool escape = out->s[i] == '\\';
        i += escape;
        text[n++] = escape && out->s[i] == 'n' ? '\n' : out->s[i];
    }
    *out = (hg_word) { text, n };
    return HG_OK;
}

/* ---- from words to a field --------------------------------------------------------------------------------------- */

static hg_field_kind kind_of(const scan *s) {
    bool whole = true, real = true, flag = true, b;
    for (size_t i = 0; i < s->n; i++) {
        int64_t w;
        double x;
        whole &= !s->quoted[i] && hg_whole_word(&w, s->word[i]);
        real &= !s->quoted[i] && hg_decimal_word(&x, s->word[i]);
        flag &= !s->quoted[i] && hg_xyz_bool(&b, s->word[i]);
    }
    return whole ? HG_FIELD_WHOLE : real ? HG_FIELD_REAL : flag ? HG_FIELD_BOOL : HG_FIELD_TEXT;
}

/* The field's data, f->rows * f->cols of them. */
static hg_status fill(hg_field *f, scan *s) {
    static const size_t SIZE[] = { [HG_FIELD_REAL] = sizeof(double),
                                   [HG_FIELD_WHOLE] = sizeof(int64_t),
                                   [HG_FIELD_BOOL] = sizeof(bool),
                                   [HG_FIELD_TEXT] = sizeof(char *) };
    void *data = hg_alloc(s->d->mem, s->n, SIZE[f->kind]);
    bool ok = data != NULL;
    f->real = data;
    for (size_t i = 0; i < s->n && ok; i++) {
        const hg_word w = s->word[i];
        if (f->kind == HG_FIELD_WHOLE) hg_whole_word(&f->whole[i], w);
        if (f->kind == HG_FIELD_REAL) hg_decimal_word(&f->real[i], w);
        if (f->kind == HG_FIELD_BOOL) hg_xyz_bool(&f->flag[i], w);
        if (f->kind == HG_FIELD_TEXT) ok = (f->text[i] = hg_arena_strndup(s->d->mem, w.s, w.len)) != NULL;
    }
    return ok ? HG_OK : hg_draft_no_memory(s->d, s->err);
}

static hg_status finish(hg_field *f, scan *s, unsigned rank, size_t rows) {
    f->kind = kind_of(s);
    f->rank = rank;
    f->rows = rows;
    f->cols = s->n / rows;
    return fill(f, s);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* "1 2 3": a list when all of it are numbers, or all T and F; else a text. */
static hg_status quoted_value(hg_field *f, scan *s) {
    hg_word text;
    bool escaped;
    HG_TRY(quoted_text(&text, &escaped, s));
    const char *at = text.s, *const end = text.s + text.len;
    for (hg_word w; (w = hg_word_next(&at, end)).len > 0;) HG_TRY(add_word(s, w, escaped));
    if (s->n && kind_of(s) != HG_FIELD_TEXT) return finish(f, s, s->n > 1, 1);
    s->n = 0;
    HG_TRY(add_word(s, text, true));
    return finish(f, s, 0, 1);
}

/* One element of a list up to a blank or any of `stop`. */
static hg_status element(scan *s, const char *stop) {
    const char *const from = s->at;
    if (*from == '"' || *from == '\'') {
        hg_word w;
        bool escaped;
        HG_TRY(quoted_text(&w, &escaped, s));
        return add_word(s, w, true);
    }
    while (s->at < s->end && !hg_blank(*s->at) && !is_one_of(*s->at, stop)) s->at++;
    if (s->at == from) return refuse(s, from, "expected an element of a list");
    return add_word(s, (hg_word) { from, (size_t)(s->at - from) }, false);
}

/* Elements parted by blanks or commas; s->at stands on the opening bracket. */
static hg_status list(scan *s, char close) {
    const char *const open = s->at++, stop[] = { ',', '[', ']', '{', '}', '"', '\0' };
    const size_t before = s->n;
    for (;;) {
        skip_blanks(s);
        if (s->at >= s->end) return refuse(s, open, "the list that begins here is never closed");
        if (*s->at == close) break;
        if (*s->at == ',' && s->n > before) {
            s->at++;
            skip_blanks(s);
        }
        if (s->at < s->end) HG_TRY(element(s, stop));
    }
    s->at++;
    return s->n > before ? HG_OK : refuse(s, open, "an empty list");
}

static hg_status matrix(size_t *rows, scan *s) {
    const char *const open = s->at++;
    size_t cols = 0;
    *rows = 0;
    for (;;) {
        skip_blanks(s);
        if (s->at < s->end && *s->at == ',' && *rows) {
            s->at++;
            skip_blanks(s);
        }
        if (s->at >= s->end) return refuse(s, open, "the matrix that begins here is never closed");
        if (*s->at == ']') break;
        if (*s->at != '[') return refuse(s, s->at, "expected '[' for a row of the matrix");
        const char *const row = s->at;
        const size_t before = s->n;
        HG_TRY(list(s, ']'));
        if (*rows && s->n - before != cols) return refuse(s, row, "a row of another length than those before it");
        cols = s->n - before;
        ++*rows;
    }
    s->at++;
    return HG_OK;
}

static hg_status bracket_value(hg_field *f, scan *s) {
    const char *p = s->at + 1;
    size_t rows = 1;
    while (p < s->end && hg_blank(*p)) p++;
    const bool nested = p < s->end && *p == '[';
    HG_TRY(nested ? matrix(&rows, s) : list(s, ']'));
    return finish(f, s, nested ? 2 : 1, rows);
}

static hg_status bare_value(hg_field *f, scan *s) {
    const char *const from = s->at;
    while (s->at < s->end && !hg_blank(*s->at)) s->at++;
    HG_TRY(add_word(s, (hg_word) { from, (size_t)(s->at - from) }, false));
    return finish(f, s, 0, 1);
}

static hg_status value(hg_field *f, scan *s) {
    const char c = s->at < s->end ? *s->at : '\0';
    if (c == '"' || c == '\'') return quoted_value(f, s);
    if (c == '[') return bracket_value(f, s);
    if (c != '{') return c ? bare_value(f, s) : refuse(s, s->at, "expected a value behind '='");
    HG_TRY(list(s, '}'));
    return finish(f, s, s->n > 1, 1);
}

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

static hg_status key(hg_field *f, scan *s) {
    const char *const from = s->at;
    hg_word w;
    bool escaped;
    if (*from == '"' || *from == '\'') {
        HG_TRY(quoted_text(&w, &escaped, s));
    } else {
        while (s->at < s->end && !hg_blank(*s->at) && !is_one_of(*s->at, "=\"{}[],\\")) s->at++;
        w = (hg_word) { from, (size_t)(s->at - from) };
    }
    if (w.len == 0) return refuse(s, from, "expected a key=value pair");
    f->name = hg_arena_strndup(s->d->mem, w.s, w.len);
    return f->name ? HG_OK : hg_draft_no_memory(s->d, s->err);
}

static hg_status flag(hg_field *f, scan *s) {
    HG_TRY(add_word(s, (hg_word) { "T", 1 }, false));
    return finish(f, s, 0, 1);
}

static hg_status pair(hg_field *f, scan *s) {
    HG_TRY(key(f, s));
    const char *const behind = s->at;
    skip_blanks(s);
    if (s->at < s->end && *s->at == '=') {
        s->at++;
        skip_blanks(s);
        HG_TRY(value(f, s));
    } else {
        s->at = behind;
        HG_TRY(flag(f, s));
    }
    if (s->at < s->end && !hg_blank(*s->at)) return refuse(s, s->at, "expected a blank before the next key=value pair");
    return HG_OK;
}

hg_status hg_xyz_pair(bool *more, hg_field *out, const char **at, const char *end, hg_draft *d, hg_err *err) {
    scan s = { .d = d, .at = *at, .end = end, .err = err };
    skip_blanks(&s);
    *more = s.at < end;
    *out = (hg_field) { .name = "" };
    const hg_status st = *more ? pair(out, &s) : HG_OK;
    *at = s.at;
    hg_free(s.word);
    hg_free(s.quoted);
    return st;
}
