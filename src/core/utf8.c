/* core/utf8.c -- see core/utf8.h. Plain ASCII, which is nearly all of a table, is passed eight bytes at a time. */
#include "core/utf8.h"
#include <string.h>

typedef struct {
    unsigned length, low, high; /* of the character, and the range of its second byte */
} lead;

static lead lead_of(unsigned char c) {
    if (c >= 0xC2 && c <= 0xDF) return (lead) { 2, 0x80, 0xBF };
    if (c == 0xE0) return (lead) { 3, 0xA0, 0xBF };
    if (c == 0xED) return (lead) { 3, 0x80, 0x9F };
    if (c >= 0xE1 && c <= 0xEF) return (lead) { 3, 0x80, 0xBF };
    if (c == 0xF0) return (lead) { 4, 0x90, 0xBF };
    if (c >= 0xF1 && c <= 0xF3) return (lead) { 4, 0x80, 0xBF };
    if (c == 0xF4) return (lead) { 4, 0x80, 0x8F };
    return (lead) { c > 0 && c < 0x80, 0, 0 };
}

/* How many of the first n bytes fit a character that begins at s; at most its length. */
static size_t fitting(const unsigned char *s, size_t n, size_t length, lead l) {
    size_t i = 1;
    while (i < length && i < n && s[i] >= (i == 1 ? l.low : 0x80) && s[i] <= (i == 1 ? l.high : 0xBF)) i++;
    return i;
}

size_t hg_utf8_length(const char *s, size_t n) {
    if (n == 0) return 0;
    const lead l = lead_of((unsigned char)*s);
    return l.length && fitting((const unsigned char *)s, n, l.length, l) == l.length ? l.length : 0;
}

int hg_utf8_may_go_on(const char *s, size_t n) {
    if (n == 0) return 1;
    const lead l = lead_of((unsigned char)*s);
    return l.length > n && fitting((const unsigned char *)s, n, l.length, l) == n;
}

size_t hg_utf8_valid(const char *s, size_t n) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t at = 0;
    while (at < n) {
        uint64_t eight;
        while (n - at >= 8) {
            memcpy(&eight, s + at, 8);
            if ((eight | (eight - ones)) & tops) break; /* a byte above 127, or a NUL (or 1, seen again below) */
            at += 8;
        }
        if (at == n) break;
        const size_t length = hg_utf8_length(s + at, n - at);
        if (length == 0) break;
        at += length;
    }
    return at;
}

size_t hg_utf8_next(const char *s, uint32_t *code) {
    const unsigned char *b = (const unsigned char *)s;
    const size_t length = hg_utf8_length(s, strnlen(s, 4));
    *code = b[0];
    if (length == 0) *code = 0xFFFD;
    if (b[0] == 0 || length < 2) return b[0] != 0;
    *code = b[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) *code = *code << 6 | (b[i] & 0x3Fu);
    return length;
}

void hg_utf8_clean(char *s) {
    uint32_t code;
    for (size_t n; (n = hg_utf8_next(s, &code)) != 0; s += n)
        if (code < 0x20 || (code >= 0x7F && code < 0xA0) || (code == 0xFFFD && n == 1)) memset(s, '?', n);
}
