/* party/encode.c -- see party/encode.h */
#include "party/encode.h"
#include "core/utf8.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

_Static_assert(HG_DIGEST == crypto_hash_sha256_BYTES && HG_PUBLIC_KEY == crypto_sign_PUBLICKEYBYTES &&
                   HG_SECRET_KEY == crypto_sign_SECRETKEYBYTES && HG_SIGNATURE == crypto_sign_BYTES,
               "sizes of libsodium");

/* ---- out ------------------------------------------------------------------------------------------------------------- */

static void put_number(hg_text *t, uint64_t x, size_t bytes) {
    char b[8];
    for (size_t i = 0; i < bytes; i++) b[i] = (char)(unsigned char)(x >> 8 * i);
    hg_text_put(t, b, bytes);
}

void hg_put_u8(hg_text *t, unsigned x) { put_number(t, x, 1); }
void hg_put_u32(hg_text *t, uint32_t x) { put_number(t, x, 4); }
void hg_put_u64(hg_text *t, uint64_t x) { put_number(t, x, 8); }
void hg_put_i64(hg_text *t, int64_t x) { put_number(t, (uint64_t)x, 8); }
void hg_put_bytes(hg_text *t, const void *bytes, size_t n) { hg_text_put(t, bytes, n); }

void hg_put_name(hg_text *t, const char *s) {
    hg_put_u32(t, (uint32_t)strlen(s));
    hg_text_put(t, s, strlen(s));
}

void hg_put_words(hg_text *t, const uint64_t *w, size_t n) {
    for (size_t i = 0; i < n; i++) hg_put_u64(t, w[i]);
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

hg_taker hg_taker_of(const void *bytes, size_t n) { return (hg_taker) { .at = bytes, .left = n }; }

/* NULL when fewer than n bytes are left, and from then on. */
static const unsigned char *take(hg_taker *t, size_t n) {
    if (t->bad || t->left < n) {
        t->bad = true;
        return NULL;
    }
    const unsigned char *at = t->at;
    t->at += n;
    t->left -= n;
    return at;
}

static uint64_t take_number(hg_taker *t, size_t bytes) {
    const unsigned char *b = take(t, bytes);
    uint64_t x = 0;
    for (size_t i = 0; b && i < bytes; i++) x |= (uint64_t)b[i] << 8 * i;
    return x;
}

unsigned hg_take_u8(hg_taker *t) { return (unsigned)take_number(t, 1); }
uint32_t hg_take_u32(hg_taker *t) { return (uint32_t)take_number(t, 4); }
uint64_t hg_take_u64(hg_taker *t) { return take_number(t, 8); }
int64_t hg_take_i64(hg_taker *t) { return (int64_t)take_number(t, 8); }

void hg_take_bytes(hg_taker *t, void *bytes, size_t n) {
    const unsigned char *b = take(t, n);
    if (b && n)
        memcpy(bytes, b, n);
    else if (n)
        memset(bytes, 0, n);
}

void hg_take_name(hg_taker *t, char *s, size_t size) {
    const uint32_t len = hg_take_u32(t);
    const char *b = len < size ? (const char *)take(t, len) : NULL;
    *s = '\0';
    if (!b || hg_utf8_valid(b, len) != len) { /* NUL is not valid either */
        t->bad = true;
        return;
    }
    memcpy(s, b, len);
    s[len] = '\0';
}

void hg_take_words(hg_taker *t, uint64_t *w, size_t n) {
    if (t->left / 8 < n) t->bad = true;
    for (size_t i = 0; i < n; i++) w[i] = hg_take_u64(t);
}

bool hg_take_end(const hg_taker *t) { return !t->bad && t->left == 0; }

/* ---- text ------------------------------------------------------------------------------------------------------------- */

void hg_hex_write(char *out, const void *bytes, size_t n) { sodium_bin2hex(out, 2 * n + 1, bytes, n); }

bool hg_hex_read(void *bytes, size_t n, const char *s, size_t len) {
    size_t got;
    return len == 2 * n && sodium_hex2bin(bytes, n, s, len, NULL, &got, NULL) == 0 && got == n;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back: years begin in March, so that the leap day is last. */
static int64_t days_of(int64_t y, int64_t m, int64_t d) {
    y -= m <= 2;
    const int64_t era = y / 400, of_era = y - era * 400, of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *y, int64_t *m, int64_t *d) {
    days += 719468;
    const int64_t era = days / 146097, of_era = days - era * 146097;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100), part = (5 * of_year + 2) / 153;
    *d = of_year - (153 * part + 2) / 5 + 1;
    *m = part < 10 ? part + 3 : part - 9;
    *y = year + era * 400 + (*m <= 2);
}

static const int64_t LAST_SECOND = 253402300799; /* of the year 9999 */

void hg_time_write(char out[HG_TIME_SIZE], int64_t seconds) {
    const int64_t s = seconds < 0 ? 0 : seconds > LAST_SECOND ? LAST_SECOND : seconds, t = s % 86400;
    int64_t y, m, d;
    date_of(s / 86400, &y, &m, &d);
    snprintf(out, HG_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(y % 10000), (unsigned)(m % 100),
             (unsigned)(d % 100), (unsigned)(t / 3600 % 100), (unsigned)(t / 60 % 60), (unsigned)(t % 60));
}

/* "dddd-dd-dd..." against a pattern of 'd' and literal characters. */
static bool looks_like(const char *s, const char *pattern) {
    for (; *pattern; s++, pattern++)
        if (*pattern == 'd' ? *s < '0' || *s > '9' : *s != *pattern) return false;
    return *s == '\0';
}

static int64_t digits(const char *s, size_t n) {
    int64_t x = 0;
    for (size_t i = 0; i < n; i++) x = 10 * x + (s[i] - '0');
    return x;
}

bool hg_time_read(int64_t *seconds, const char *s) {
    const bool day = looks_like(s, "dddd-dd-dd");
    *seconds = 0;
    if (!day && !looks_like(s, "dddd-dd-ddTdd:dd:ddZ")) return false;
    const int64_t y = digits(s, 4), m = digits(s + 5, 2), d = digits(s + 8, 2);
    const int64_t h = day ? 0 : digits(s + 11, 2), min = day ? 0 : digits(s + 14, 2), sec = day ? 0 : digits(s + 17, 2);
    if (y < 1970 || m < 1 || m > 12 || d < 1 || h > 23 || min > 59 || sec > 59) return false;
    int64_t back_y, back_m, back_d;
    date_of(days_of(y, m, d), &back_y, &back_m, &back_d); /* the 31st of June comes back as the 1st of July */
    if (back_y != y || back_m != m || back_d != d) return false;
    *seconds = days_of(y, m, d) * 86400 + h * 3600 + min * 60 + sec;
    return true;
}

/* ---- digests and signatures ------------------------------------------------------------------------------------------- */

void hg_digest(unsigned char out[HG_DIGEST], const char *what, const void *bytes, size_t n) {
    crypto_hash_sha256_state h;
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const unsigned char *)"hagane ", 7);
    crypto_hash_sha256_update(&h, (const unsigned char *)what, strlen(what) + 1);
    if (n) crypto_hash_sha256_update(&h, bytes, n);
    crypto_hash_sha256_final(&h, out);
}

void hg_sign(unsigned char signature[HG_SIGNATURE], const char *what, const void *bytes, size_t n,
             const unsigned char secret[HG_SECRET_KEY]) {
    unsigned char digest[HG_DIGEST];
    hg_digest(digest, what, bytes, n);
    crypto_sign_detached(signature, NULL, digest, sizeof digest, secret);
}

bool hg_signed_by(const unsigned char key[HG_PUBLIC_KEY], const unsigned char signature[HG_SIGNATURE], const char *what,
                  const void *bytes, size_t n) {
    unsigned char digest[HG_DIGEST];
    hg_digest(digest, what, bytes, n);
    return crypto_sign_verify_detached(signature, digest, sizeof digest, key) == 0;
}
