/* core/utf8.h -- is this UTF-8 text? (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF, and no NUL) */
#ifndef HG_CORE_UTF8_H
#define HG_CORE_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Length of the longest valid beginning of s[n]; less than n when a bad byte follows or a character is cut by the end. */
size_t hg_utf8_valid(const char *s, size_t n);
/* Bytes of the character that begins at s: 1 to 4; 0 when it is not valid or is cut by the end. NUL gives 0. */
size_t hg_utf8_length(const char *s, size_t n);
/* Could the n < 4 bytes at s be the beginning of a character? */
int hg_utf8_may_go_on(const char *s, size_t n);
/* The code point at s, NUL-terminated, and the bytes it takes; a byte that begins no valid character is U+FFFD and takes
 * one; 0 at the end. */
size_t hg_utf8_next(const char *s, uint32_t *code);
/* Bytes that are not valid, and control characters (a terminal would obey them), become '?'. */
void hg_utf8_clean(char *s);
#endif
