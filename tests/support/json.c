/* tests/support/json.c -- see json.h: one recursive descent that can skip a value or stop at a path */
#include "json.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64 };

static const char *blanks(const char *s) { return s + strspn(s, " \t\r\n"); }

/* Each of these returns the place behind what it has read, or NULL when it is not JSON. */
static const char *value(const char *s, int depth, size_t *count);

static const char *string(const char *s) {
    if (*s++ != '"') return NULL;
    for (; *s != '"'; s++) {
        if ((unsigned char)*s < 0x20) return NULL; /* also the end of the text */
        if (*s != '\\') continue;
        s++;
        if (*s == 'u') {
            for (int i = 0; i < 4; i++)
                if (!*++s || !strchr("0123456789abcdefABCDEF", *s)) return NULL;
        } else if (!*s || !strchr("\"\\/bfnrt", *s)) {
            return NULL;
        }
    }
    return s + 1;
}

static const char *digits(const char *s) {
    const size_t n = strspn(s, "0123456789");
    return n ? s + n : NULL;
}

static const char *number(const char *s) {
    if (*s == '-') s++;
    if (*s == '0')
        s++;
    else if (!(s = digits(s)))
        return NULL;
    if (*s == '.' && !(s = digits(s + 1))) return NULL;
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '+' || *s == '-') s++;
        s = digits(s);
    }
    return s;
}

/* A key that stands a second time in the same object is refused: the readers of this world disagree about it. */
static bool seen_before(const char *object, const char *key, size_t len) {
    const char *s = blanks(object + 1);
    while (s < key) {
        const char *end = string(s);
        if ((size_t)(end - s) == len && memcmp(s, key, len) == 0) return true;
        s = blanks(value(blanks(blanks(end) + 1), 0, NULL));
        s = blanks(s + 1);
    }
    return false;
}

static const char *members(const char *open, int depth, size_t *count) {
    const bool object = *open == '{';
    const char close = object ? '}' : ']';
    const char *s = blanks(open + 1);
    if (*s == close) return s + 1;
    for (;;) {
        if (object) {
            const char *key = s;
            if (!(s = string(s)) || seen_before(open, key, (size_t)(s - key))) return NULL;
            s = blanks(s);
            if (*s++ != ':') return NULL;
            s = blanks(s);
        }
        if (!(s = value(s, depth + 1, NULL))) return NULL;
        ++*count;
        s = blanks(s);
        if (*s == close) return s + 1;
        if (*s++ != ',') return NULL;
        s = blanks(s);
    }
}

static const char *value(const char *s, int depth, size_t *count) {
    size_t unused = 0;
    if (depth > DEEPEST) return NULL;
    if (*s == '{' || *s == '[') return members(s, depth, count ? count : &unused);
    if (*s == '"') return string(s);
    if (strncmp(s, "true", 4) == 0 || strncmp(s, "null", 4) == 0) return s + 4;
    if (strncmp(s, "false", 5) == 0) return s + 5;
    return number(s);
}

bool json_valid(const char *text) {
    const char *end = value(blanks(text), 0, NULL);
    return end && *blanks(end) == '\0';
}

/* Where the value at `path` begins in a valid text, or NULL. */
static const char *find(const char *text, const char *path) {
    const char *s = blanks(text);
    while (*path) {
        const size_t len = strcspn(path, ".");
        const bool object = *s == '{';
        if (!object && *s != '[') return NULL;
        size_t place = object ? SIZE_MAX : strtoul(path, NULL, 10);
        const char close = object ? '}' : ']';
        for (s = blanks(s + 1);; s = blanks(s + 1)) {
            if (*s == close) return NULL;
            bool here = !object && place-- == 0;
            if (object) {
                const char *end = string(s);
                here = (size_t)(end - s) == len + 2 && memcmp(s + 1, path, len) == 0;
                s = blanks(blanks(end) + 1);
            }
            if (here) break;
            s = blanks(value(s, 0, NULL));
            if (*s == close) return NULL;
        }
        path += len + (path[len] == '.');
    }
    return s;
}

bool json_has(const char *text, const char *path) { return json_valid(text) && find(text, path); }

bool json_is_null(const char *text, const char *path) {
    const char *s = json_valid(text) ? find(text, path) : NULL;
    return s && strncmp(s, "null", 4) == 0;
}

double json_number(const char *text, const char *path) {
    const char *s = json_valid(text) ? find(text, path) : NULL;
    return s && strchr("-0123456789", *s) ? strtod(s, NULL) : NAN;
}

size_t json_length(const char *text, const char *path) {
    const char *s = json_valid(text) ? find(text, path) : NULL;
    size_t n = 0;
    if (!s || (*s != '[' && *s != '{')) return SIZE_MAX;
    value(s, 0, &n);
    return n;
}

const char *json_string(char *buf, size_t size, const char *text, const char *path) {
    const char *s = json_valid(text) ? find(text, path) : NULL;
    const char *end = s && *s == '"' ? string(s) : NULL;
    snprintf(buf, size, "%.*s", end ? (int)(end - s - 2) : 0, end ? s + 1 : "");
    return buf;
}
