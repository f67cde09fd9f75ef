/* files/json_read.c -- see files/json_read.h */
#include "files/json_read.h"
#include "core/number.h"
#include "core/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { VALUE, FIRST_VALUE, KEY, FIRST_KEY, COMMA, NOTHING }; /* FIRST_: or the end of the array or object */

static const char *const EVENT[] = {
    [HG_JSON_OBJECT] = "an object", [HG_JSON_OBJECT_END] = "the end of an object",
    [HG_JSON_ARRAY] = "an array",   [HG_JSON_ARRAY_END] = "the end of an array",
    [HG_JSON_KEY] = "a key",        [HG_JSON_STRING] = "a string",
    [HG_JSON_NUMBER] = "a number",  [HG_JSON_BOOL] = "true or false",
    [HG_JSON_NULL] = "null",        [HG_JSON_DONE] = "the end of the text",
};

void hg_json_read_begin(hg_json_reader *r, const char *name, const char *text, size_t n) {
    *r = (hg_json_reader) { .name = name, .begin = text, .at = text, .end = text + n, .token = text, .s = text };
    r->valid = hg_utf8_valid(text, n);
    r->expect = VALUE;
    r->event = HG_JSON_NULL;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static hg_status fail_at(const hg_json_reader *r, const char *at, hg_err *err, hg_status code, const char *fmt,
                         va_list args) {
    char text[sizeof err->msg];
    size_t line = 1;
    const char *from = r->begin;
    for (const char *p = r->begin; p < at; p++)
        if (*p == '\n') {
            line++;
            from = p + 1;
        }
    hg_print_args(text, sizeof text, fmt, args);
    return hg_fail_at(err, code, r->name, line, (size_t)(at - from) + 1, "%s", text);
}

hg_status hg_json_read_fail(const hg_json_reader *r, hg_err *err, hg_status code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fail_at(r, r->token, err, code, fmt, args);
    va_end(args);
    return code;
}

static hg_status refuse(const hg_json_reader *r, const char *at, hg_err *err, const char *fmt, ...) HG_PRINTF(4, 5);
static hg_status refuse(const hg_json_reader *r, const char *at, hg_err *err, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fail_at(r, at, err, HG_EPARSE, fmt, args);
    va_end(args);
    return HG_EPARSE;
}

static hg_status unexpected(const hg_json_reader *r, const char *wanted, hg_err *err) {
    if (r->at == r->end) return refuse(r, r->at, err, "the JSON text ends here, expected %s", wanted);
    const unsigned char c = (unsigned char)*r->at;
    if (c < 0x20 || c >= 0x7F) return refuse(r, r->at, err, "byte 0x%02x, expected %s", c, wanted);
    return refuse(r, r->at, err, "'%c', expected %s", c, wanted);
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hexadecimal digits at s; -1: they are not there. */
static int hex4(const char *s, const char *end) {
    int code = 0;
    if (end - s < 4) return -1;
    for (int i = 0; i < 4; i++) {
        const int d = hex_digit(s[i]);
        if (d < 0) return -1;
        code = 16 * code + d;
    }
    return code;
}

static bool is_high(int code) { return code >= 0xD800 && code < 0xDC00; }
static bool is_low(int code) { return code >= 0xDC00 && code < 0xE000; }

/* *at stands behind the backslash, and is moved behind the escape. */
static hg_status check_escape(const char **at, const hg_json_reader *r, hg_err *err) {
    const char *const from = *at - 1;
    if (*at < r->end && **at && strchr("\"\\/bfnrt", **at)) {
        ++*at;
        return HG_OK;
    }
    if (*at == r->end || **at != 'u') return refuse(r, from, err, "an escape that JSON does not have");
    const int code = hex4(*at + 1, r->end);
    if (code < 0) return refuse(r, from, err, "\\u needs four hexadecimal digits");
    if (code == 0) return refuse(r, from, err, "\\u0000 is no text");
    *at += 5;
    if (is_low(code)) return refuse(r, from, err, "half of a surrogate pair");
    if (!is_high(code)) return HG_OK;
    const bool pair = r->end - *at >= 2 && (*at)[0] == '\\' && (*at)[1] == 'u' && is_low(hex4(*at + 2, r->end));
    if (!pair) return refuse(r, from, err, "half of a surrogate pair");
    *at += 6;
    return HG_OK;
}

static hg_status read_string(hg_json_reader *r, hg_err *err) {
    const char *s = r->at + 1;
    r->s = s;
    r->escaped = false;
    for (;;) {
        if (s == r->end) return refuse(r, r->at, err, "the string that begins here is never closed");
        if (*s == '"') break;
        if ((unsigned char)*s < 0x20) return refuse(r, s, err, "a control character within a string");
        if ((size_t)(s - r->begin) >= r->valid) return refuse(r, s, err, "a byte that is not UTF-8 text");
        if (*s++ != '\\') continue;
        r->escaped = true;
        HG_TRY(check_escape(&s, r, err));
    }
    r->len = (size_t)(s - r->s);
    r->at = s + 1;
    return HG_OK;
}

static const char *digits(const char *s, const char *end) {
    while (s < end && *s >= '0' && *s <= '9') s++;
    return s;
}

/* -? (0 | [1-9] digits) [. digits] [eE [+-] digits] */
static hg_status read_number(hg_json_reader *r, hg_err *err) {
    const char *s = r->at, *from;
    r->s = s;
    s += *s == '-';
    from = s;
    s = s < r->end && *s == '0' ? s + 1 : digits(s, r->end);
    if (s == from) return refuse(r, r->at, err, "a minus sign without a number");
    if (s < r->end && *s >= '0' && *s <= '9') return refuse(r, r->at, err, "a number with a zero in front");
    if (s < r->end && *s == '.') {
        from = ++s;
        s = digits(s, r->end);
        if (s == from) return refuse(r, r->at, err, "no digit behind the decimal point");
    }
    if (s < r->end && (*s | 32) == 'e') {
        s++;
        s += s < r->end && (*s == '-' || *s == '+');
        from = s;
        s = digits(s, r->end);
        if (s == from) return refuse(r, r->at, err, "no digit in the exponent");
    }
    r->len = (size_t)(s - r->s);
    r->at = s;
    return HG_OK;
}

static bool take_word(hg_json_reader *r, const char *word) {
    const size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0) return false;
    r->at += len;
    return true;
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static hg_status give(hg_json_reader *r, hg_json_event event, int expect) {
    r->event = event;
    r->expect = expect;
    return HG_OK;
}

static int after_value(const hg_json_reader *r) { return r->depth ? COMMA : NOTHING; }

static hg_status open_level(hg_json_reader *r, bool array, hg_err *err) {
    if (r->depth == HG_JSON_READ_DEPTH)
        return hg_json_read_fail(r, err, HG_ELIMIT, "JSON nested more than %d levels deep", HG_JSON_READ_DEPTH);
    r->in_array[r->depth++] = array;
    r->at++;
    return array ? give(r, HG_JSON_ARRAY, FIRST_VALUE) : give(r, HG_JSON_OBJECT, FIRST_KEY);
}

static hg_status close_level(hg_json_reader *r) {
    const bool array = r->in_array[--r->depth];
    r->at++;
    return give(r, array ? HG_JSON_ARRAY_END : HG_JSON_OBJECT_END, after_value(r));
}

static hg_status read_value(hg_json_reader *r, const char *wanted, hg_err *err) {
    const char c = r->at < r->end ? *r->at : '\0';
    if (c == '{' || c == '[') return open_level(r, c == '[', err);
    if (c == '"') {
        HG_TRY(read_string(r, err));
        return give(r, HG_JSON_STRING, after_value(r));
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        HG_TRY(read_number(r, err));
        return give(r, HG_JSON_NUMBER, after_value(r));
    }
    if (take_word(r, "null")) return give(r, HG_JSON_NULL, after_value(r));
    r->truth = take_word(r, "true");
    if (r->truth || take_word(r, "false")) return give(r, HG_JSON_BOOL, after_value(r));
    return unexpected(r, wanted, err);
}

static void skip_blanks(hg_json_reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
}

static hg_status read_key(hg_json_reader *r, const char *wanted, hg_err *err) {
    if (r->at == r->end || *r->at != '"') return unexpected(r, wanted, err);
    HG_TRY(read_string(r, err));
    skip_blanks(r);
    if (r->at == r->end || *r->at != ':') return unexpected(r, "':' behind the key", err);
    r->at++;
    return give(r, HG_JSON_KEY, VALUE);
}

hg_status hg_json_read_next(hg_json_reader *r, hg_err *err) {
    skip_blanks(r);
    r->token = r->at;
    const char c = r->at < r->end ? *r->at : '\0';
    switch (r->expect) {
    case FIRST_VALUE: return c == ']' ? close_level(r) : read_value(r, "a value or ']'", err);
    case FIRST_KEY: return c == '}' ? close_level(r) : read_key(r, "a key in quotes or '}'", err);
    case COMMA: {
        const bool array = r->in_array[r->depth - 1];
        if (c == (array ? ']' : '}')) return close_level(r);
        if (c != ',') return unexpected(r, array ? "',' or ']'" : "',' or '}'", err);
        r->at++;
        skip_blanks(r);
        r->token = r->at;
        return array ? read_value(r, "a value", err) : read_key(r, "a key in quotes", err);
    }
    case NOTHING:
        if (r->at < r->end) return unexpected(r, "nothing more", err);
        return give(r, HG_JSON_DONE, NOTHING);
    default: return read_value(r, "a value", err);
    }
}

/* ---- what an event holds ----------------------------------------------------------------------------------------- */

static size_t put_utf8(char *out, unsigned code) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    const size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned LEAD[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    for (size_t i = n; i-- > 1; code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(LEAD[n] | code);
    return n;
}

/* The escape at *s, behind its backslash; the bytes it becomes are fewer than those it is written with. */
static size_t put_escape(char *out, const char **s, const char *end) {
    static const char LETTER[] = "bfnrt", BYTE[] = "\b\f\n\r\t";
    const char c = *(*s)++;
    const char *at = strchr(LETTER, c);
    if (c != 'u') {
        *out = at ? BYTE[at - LETTER] : c;
        return 1;
    }
    int code = hex4(*s, end);
    *s += 4;
    if (is_high(code)) {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(*s + 2, end) - 0xDC00);
        *s += 6;
    }
    return put_utf8(out, (unsigned)code);
}

size_t hg_json_read_text(char *out, const hg_json_reader *r) {
    const char *s = r->s, *const end = r->s + r->len;
    size_t n = 0;
    while (s < end) {
        if (*s != '\\') {
            out[n++] = *s++;
            continue;
        }
        s++;
        n += put_escape(out + n, &s, end);
    }
    out[n] = '\0';
    return n;
}

bool hg_json_read_is(const hg_json_reader *r, const char *text) {
    char small[128];
    if (!r->escaped) return strlen(text) == r->len && memcmp(r->s, text, r->len) == 0;
    if (r->len >= sizeof small) return false; /* our own names are short */
    hg_json_read_text(small, r);
    return strcmp(small, text) == 0;
}

hg_status hg_json_read_real(double *x, const hg_json_reader *r, hg_err *err) {
    if (r->event != HG_JSON_NUMBER) return hg_json_read_fail(r, err, HG_EPARSE, "expected a number");
    if (hg_number_read(x, r->s, r->len, '.') != HG_NUMBER_FINITE)
        return hg_json_read_fail(r, err, HG_EPARSE, "a number too large for a double");
    return HG_OK;
}

hg_status hg_json_read_whole(uint64_t *x, const hg_json_reader *r, hg_err *err) {
    bool ok = r->event == HG_JSON_NUMBER;
    *x = 0;
    for (size_t i = 0; i < r->len && ok; i++) {
        const unsigned d = (unsigned)(r->s[i] - '0');
        ok = d < 10 && *x <= (UINT64_MAX - d) / 10;
        if (ok) *x = 10 * *x + d;
    }
    return ok ? HG_OK : hg_json_read_fail(r, err, HG_EPARSE, "expected a whole number from 0 to 2^64 - 1");
}

hg_status hg_json_read_expect(hg_json_reader *r, hg_json_event event, const char *what, hg_err *err) {
    HG_TRY(hg_json_read_next(r, err));
    if (r->event == event) return HG_OK;
    return hg_json_read_fail(r, err, HG_EPARSE, "%s, expected %s for %s", EVENT[r->event], EVENT[event], what);
}

hg_status hg_json_read_skip(hg_json_reader *r, hg_err *err) {
    if (r->event == HG_JSON_KEY) HG_TRY(hg_json_read_next(r, err));
    if (r->event != HG_JSON_OBJECT && r->event != HG_JSON_ARRAY) return HG_OK;
    for (const size_t outside = r->depth - 1; r->depth > outside;) HG_TRY(hg_json_read_next(r, err));
    return HG_OK;
}
