/* files/json.c -- see files/json.h */
#include "files/json.h"
#include "core/number.h"
#include "core/utf8.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- bytes --------------------------------------------------------------------------------------------------- */

static void flush(hg_json *j) {
    if (j->st == HG_OK && j->n) j->st = j->sink(j->ctx, j->buf, j->n, &j->err);
    j->n = 0;
}

static void put(hg_json *j, const char *s, size_t len) {
    while (len && j->st == HG_OK) {
        if (j->n == HG_JSON_BUFFER) flush(j);
        const size_t room = HG_JSON_BUFFER - j->n, n = len < room ? len : room;
        memcpy(j->buf + j->n, s, n);
        j->n += n;
        s += n;
        len -= n;
    }
}

static void put_word(hg_json *j, const char *word) { put(j, word, strlen(word)); }

static void misuse(hg_json *j, const char *what) {
    if (j->st == HG_OK) j->st = hg_fail(&j->err, HG_EINVAL, "JSON: %s", what);
}

static void new_line(hg_json *j) {
    if (j->indent == 0) return;
    put(j, "\n", 1);
    for (size_t i = 0; i < j->depth * (size_t)j->indent; i++) put(j, " ", 1);
}

/* ---- strings ------------------------------------------------------------------------------------------------- */

static void put_escape(hg_json *j, char c) {
    static const char SHORT[] = "\"\\\b\f\n\r\t", LETTER[] = "\"\\bfnrt";
    const char *at = strchr(SHORT, c);
    char text[8];
    if (at)
        snprintf(text, sizeof text, "\\%c", LETTER[at - SHORT]);
    else
        snprintf(text, sizeof text, "\\u%04x", (unsigned)(unsigned char)c);
    put_word(j, text);
}

static void put_string(hg_json *j, const char *s) {
    size_t left = strlen(s), good = hg_utf8_valid(s, left);
    put(j, "\"", 1);
    while (left) {
        size_t plain = 0;
        while (plain < good && (unsigned char)s[plain] >= 0x20 && s[plain] != '"' && s[plain] != '\\') plain++;
        put(j, s, plain);
        s += plain;
        left -= plain;
        good -= plain;
        if (left == 0) break;
        s++;
        left--;
        if (good) {
            put_escape(j, s[-1]);
            good--;
        } else {
            put_word(j, "\xef\xbf\xbd"); /* U+FFFD for each bad byte */
            good = hg_utf8_valid(s, left);
        }
    }
    put(j, "\"", 1);
}

/* ---- structure ----------------------------------------------------------------------------------------------- */

/* What comes before a value: comma, line, key. */
static void lead(hg_json *j, const char *key) {
    if (j->st != HG_OK) return;
    const bool object = j->depth && !j->in_array[j->depth - 1];
    if (object && !key) misuse(j, "a value in an object needs a key");
    if (!object && key) misuse(j, "a key belongs into an object");
    if (j->depth && j->any[j->depth]) put(j, ",", 1);
    if (!j->depth && j->any[0]) put(j, "\n", 1);
    if (j->depth) new_line(j);
    j->any[j->depth] = true;
    if (!key) return;
    put_string(j, key);
    put(j, ": ", j->indent ? 2 : 1);
}

static void begin(hg_json *j, const char *key, bool array) {
    lead(j, key);
    if (j->st == HG_OK && j->depth == HG_JSON_DEPTH) misuse(j, "nested more than 64 levels deep");
    if (j->st != HG_OK) return;
    j->in_array[j->depth++] = array;
    j->any[j->depth] = false;
    put(j, array ? "[" : "{", 1);
}

static void end(hg_json *j, bool array) {
    if (j->st != HG_OK) return;
    if (j->depth == 0 || j->in_array[j->depth - 1] != array) {
        misuse(j, "an end without its begin");
        return;
    }
    const bool any = j->any[j->depth--];
    if (any) new_line(j);
    put(j, array ? "]" : "}", 1);
}

void hg_json_begin(hg_json *j, hg_json_sink sink, void *ctx, int indent) {
    *j = (hg_json) { .sink = sink, .ctx = ctx, .indent = indent < 0 ? 0 : indent > 16 ? 16 : indent };
}

static hg_status text_sink(void *ctx, const char *bytes, size_t n, hg_err *err) {
    hg_text *t = ctx;
    hg_text_put(t, bytes, n);
    return t->failed ? hg_fail(err, HG_ENOMEM, "no memory for %zu bytes of JSON", t->len + n) : HG_OK;
}

void hg_json_begin_text(hg_json *j, hg_text *to, int indent) { hg_json_begin(j, text_sink, to, indent); }

void hg_json_begin_object(hg_json *j, const char *key) { begin(j, key, false); }
void hg_json_end_object(hg_json *j) { end(j, false); }
void hg_json_begin_array(hg_json *j, const char *key) { begin(j, key, true); }
void hg_json_end_array(hg_json *j) { end(j, true); }

/* ---- values -------------------------------------------------------------------------------------------------- */

void hg_json_null(hg_json *j, const char *key) {
    lead(j, key);
    put_word(j, "null");
}

void hg_json_string(hg_json *j, const char *key, const char *s) {
    if (!s) {
        hg_json_null(j, key);
        return;
    }
    lead(j, key);
    put_string(j, s);
}

void hg_json_number(hg_json *j, const char *key, double x) {
    if (!isfinite(x)) {
        hg_json_null(j, key);
        return;
    }
    char text[HG_NUMBER_SIZE];
    lead(j, key);
    put(j, text, hg_number_write(text, x));
}

void hg_json_count(hg_json *j, const char *key, size_t x) {
    char text[24];
    snprintf(text, sizeof text, "%zu", x);
    lead(j, key);
    put_word(j, text);
}

void hg_json_bool(hg_json *j, const char *key, bool x) {
    lead(j, key);
    put_word(j, x ? "true" : "false");
}

void hg_json_numbers(hg_json *j, const char *key, const double *x, size_t n) {
    hg_json_begin_array(j, key);
    for (size_t i = 0; i < n; i++) hg_json_number(j, NULL, x[i]);
    hg_json_end_array(j);
}

hg_status hg_json_end(hg_json *j, hg_err *err) {
    if (j->depth) misuse(j, "an object or array is still open");
    if (j->any[0]) put(j, "\n", 1);
    flush(j);
    if (j->st != HG_OK && err) *err = j->err;
    return j->st;
}
