/* core/number.c -- see core/number.h
 *
 * x = w * 10^q with w < 2^64 and |q| <= 27: since 5^27 < 2^63, w * 5^q fits 128 bits, and w * 2^s / 5^-q keeps at least
 * 63 bits of quotient plus the knowledge whether anything is left. Both are rounded once, so the result is exact.
 * The same two facts, the other way round, give the nearest n-digit decimal of a double.
 */
#include "core/number.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

enum { MAX_POWER = 27, MAX_DIGITS = 19, LONG_DIGITS = 800 }; /* 767 digits decide any double */
static const size_t EXPONENT_CAP = 100000000;                /* beyond this an exponent is only "huge" */

static const double POWER_OF_TEN[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

static const uint64_t POWER_OF_FIVE[MAX_POWER + 1] = {
    1u,
    5u,
    25u,
    125u,
    625u,
    3125u,
    15625u,
    78125u,
    390625u,
    1953125u,
    9765625u,
    48828125u,
    244140625u,
    1220703125u,
    6103515625u,
    30517578125u,
    152587890625u,
    762939453125u,
    3814697265625u,
    19073486328125u,
    95367431640625u,
    476837158203125u,
    2384185791015625u,
    11920928955078125u,
    59604644775390625u,
    298023223876953125u,
    1490116119384765625u,
    7450580596923828125u,
};

static int bits_of(u128 v) {
    const uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
    if (high) return 128 - __builtin_clzll(high);
    return low ? 64 - __builtin_clzll(low) : 0;
}

/* v * 2^e with v != 0, and something below v's last bit when `more`. |e| < 300, so the result is a normal double, and
 * its three fields can be put together by hand. */
static double round_to_double(u128 v, int e, bool more) {
    const int extra = bits_of(v) - 53;
    uint64_t m;
    if (extra > 0) {
        const u128 half = (u128)1 << (extra - 1), rest = v & (((u128)1 << extra) - 1);
        m = (uint64_t)(v >> extra);
        if (rest > half || (rest == half && (more || (m & 1)))) m++;
    } else {
        m = (uint64_t)v << -extra;
    }
    e += extra;
    if (m >> 53) {
        m >>= 1; /* 2^53: rounding made one bit more, all below are zero */
        e++;
    }
    const uint64_t bits = (m & (((uint64_t)1 << 52) - 1)) | (uint64_t)(e + 52 + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* w * 10^q, |q| <= MAX_POWER */
static double scaled(uint64_t w, int q) {
    if (w == 0) return 0;
#if FLT_EVAL_METHOD == 0
    if (w >> 53 == 0 && q >= -22 && q <= 22) { /* both factors are exact doubles: one rounding (Clinger, 1990) */
        return q < 0 ? (double)w / POWER_OF_TEN[-q] : (double)w * POWER_OF_TEN[q];
    }
#endif
    if (q >= 0) return round_to_double((u128)w * POWER_OF_FIVE[q], q, false);
    const int shift = 63 + __builtin_clzll(w);
    const u128 top = (u128)w << shift;
    const uint64_t five = POWER_OF_FIVE[-q];
    return round_to_double(top / five, q - shift, top % five != 0);
}

/* "C" for LC_ALL is a static object in the C library: this neither allocates nor fails there. */
double hg_number_of(const char *s) {
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c) return strtod(s, NULL);
    const double v = strtod_l(s, NULL, c);
    freelocale(c);
    return v;
}

/* uselocale(3) is of this thread alone. */
int hg_print_args(char *buf, size_t size, const char *fmt, va_list args) {
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c) return vsnprintf(buf, size, fmt, args);
    const locale_t before = uselocale(c);
    const int n = vsnprintf(buf, size, fmt, args);
    uselocale(before);
    freelocale(c);
    return n;
}

int hg_print(char *buf, size_t size, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const int n = hg_print_args(buf, size, fmt, args);
    va_end(args);
    return n;
}

typedef struct {
    const char *digits, *end; /* the mantissa: digits and at most one decimal sign */
    char decimal;
    long long exponent; /* of ten, as written */
} parts;

/* Any length of mantissa: leading zeros dropped, digits past LONG_DIGITS stand for "a little more". */
static double slow(const parts *p) {
    char buf[LONG_DIGITS + 40];
    size_t n = 0;
    long long q = p->exponent;
    bool fraction = false, more = false;
    for (const char *s = p->digits; s < p->end; s++) {
        if (*s == p->decimal) {
            fraction = true;
            continue;
        }
        if (n < LONG_DIGITS && (n || *s != '0'))
            buf[n++] = *s;
        else if (n) {
            more |= *s != '0';
            q++;
        }
        if (fraction) q--;
    }
    if (n == 0) return 0;
    if (more) {
        buf[n++] = '1';
        q--;
    }
    snprintf(buf + n, sizeof buf - n, "e%lld", q);
    return hg_number_of(buf);
}

double hg_number_scale(uint64_t w, int q) {
    if (q >= -MAX_POWER && q <= MAX_POWER) return scaled(w, q);
    char text[48];
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)w, q);
    return hg_number_of(text);
}

static bool is_word(const char *s, size_t len, const char *word) {
    if (strlen(word) != len) return false;
    for (size_t i = 0; i < len; i++)
        if ((s[i] | 32) != word[i]) return false;
    return true;
}

hg_number_kind hg_number_read(double *value, const char *s, size_t len, char decimal) {
    const char *const end = s + len;
    const bool negative = len && *s == '-';
    if (len && (*s == '-' || *s == '+')) s++;
    const char *const start = s;
    uint64_t w = 0;
    for (; s < end && (unsigned char)(*s - '0') < 10; s++) w = 10 * w + (uint64_t)(*s - '0');
    size_t digits = (size_t)(s - start);
    long long q = 0;
    if (s < end && *s == decimal) {
        const char *const fraction = ++s;
        for (; s < end && (unsigned char)(*s - '0') < 10; s++) w = 10 * w + (uint64_t)(*s - '0');
        q = -(long long)(s - fraction);
        digits += (size_t)(s - fraction);
    }
    if (digits == 0) {
        const size_t left = (size_t)(end - start);
        if (!is_word(start, left, "inf") && !is_word(start, left, "infinity")) return HG_NUMBER_NONE;
        *value = negative ? -(double)INFINITY : (double)INFINITY;
        return HG_NUMBER_INFINITE;
    }
    parts p = { .digits = start, .end = s, .decimal = decimal };
    if (s < end) {
        if ((*s | 32) != 'e') return HG_NUMBER_NONE;
        s++;
        const bool minus = s < end && *s == '-';
        if (s < end && (*s == '-' || *s == '+')) s++;
        if (s == end) return HG_NUMBER_NONE;
        size_t e = 0;
        for (; s < end && (unsigned char)(*s - '0') < 10; s++)
            if (e < EXPONENT_CAP) e = 10 * e + (size_t)(*s - '0');
        if (s < end) return HG_NUMBER_NONE;
        p.exponent = minus ? -(long long)e : (long long)e;
        q += p.exponent;
    }
    double v;
    if (digits > MAX_DIGITS) /* zeros in front cost no precision: 0.00012345678901234567 */
        for (const char *z = start; z < p.end && (*z == '0' || *z == decimal); z++) digits -= *z == '0';
    if (digits <= MAX_DIGITS && q >= -MAX_POWER && q <= MAX_POWER)
        v = scaled(w, (int)q);
    else
        v = slow(&p);
    *value = negative ? -v : v;
    return isinf(v) ? HG_NUMBER_TOO_BIG : HG_NUMBER_FINITE;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* Nearest integer to m * 2^e * 10^k (half to even), when 128 bits hold what is needed. */
static bool nearest_integer(uint64_t *out, uint64_t m, int e, int k) {
    if (k < -MAX_POWER || k > MAX_POWER) return false;
    const int shift = e + k;
    u128 v, rest, half;
    if (k >= 0) {
        v = (u128)m * POWER_OF_FIVE[k]; /* < 2^116 */
        if (shift >= 0) {
            if (bits_of(v) + shift > 64) return false;
            *out = (uint64_t)(v << shift);
            return true;
        }
        if (shift <= -120) return false;
        rest = v & (((u128)1 << -shift) - 1);
        half = (u128)1 << (-shift - 1);
        v >>= -shift;
    } else {
        const u128 five = POWER_OF_FIVE[-k]; /* v / (five * 2^-shift) */
        if (shift >= 0) {
            if (53 + shift > 126) return false;
            v = (u128)m << shift;
            rest = 2 * (v % five);
            half = five;
            v /= five;
        } else {
            if (bits_of(five) - shift > 126) return false;
            const u128 divisor = five << -shift;
            v = m / divisor;
            rest = 2 * (m % divisor);
            half = divisor;
        }
    }
    if (v >> 63) return false;
    if (rest > half || (rest == half && (v & 1))) v++;
    *out = (uint64_t)v;
    return true;
}

static size_t whole_number(char *buf, uint64_t v) {
    char reversed[24];
    size_t n = 0, at = 0;
    do reversed[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n) buf[at++] = reversed[--n];
    buf[at] = '\0';
    return at;
}

/* Decimal digits of a positive x and the power of ten of the first: the fewest of 15, 16, 17 that read back. */
static bool quick_digits(char digits[20], int *n, int *first, double x) {
    static const uint64_t LIMIT[] = { 1000000000000000u, 10000000000000000u, 100000000000000000u }; /* 10^15 .. */
    int e;
    const uint64_t m = (uint64_t)ldexp(frexp(x, &e), 53);
    e -= 53;
    const int tens = (int)floor(log10(x)); /* may be one off near a power of ten; the loop sees it */
    for (int want = 15; want <= 17; want++) {
        uint64_t d = 0;
        int k = want - 1 - tens;
        if (!nearest_integer(&d, m, e, k)) return false;
        if (d >= LIMIT[want - 15] && !nearest_integer(&d, m, e, --k)) return false;
        if (d < LIMIT[want - 15] / 10 || d >= LIMIT[want - 15]) return false;
        if (k < -MAX_POWER || scaled(d, -k) != x) continue;
        while (d % 10 == 0) {
            d /= 10;
            k--;
        }
        *n = (int)whole_number(digits, d);
        *first = *n - 1 - k;
        return true;
    }
    return false;
}

/* The same by the C library, for very large, very small and subnormal numbers. Its decimal sign may be any. */
static void slow_digits(char digits[20], int *n, int *first, double x) {
    for (int precision = x < DBL_MIN ? 0 : 14;; precision++) {
        char text[64], plain[48];
        snprintf(text, sizeof text, "%.*e", precision, x);
        *n = 0;
        const char *s = text;
        for (; *s && *s != 'e'; s++)
            if (*s >= '0' && *s <= '9' && *n < 17) digits[(*n)++] = *s;
        *first = *s ? atoi(s + 1) : 0;
        snprintf(plain, sizeof plain, "%.*se%d", *n, digits, *first - *n + 1);
        if (precision >= 16 || hg_number_of(plain) == x) break;
    }
    while (*n > 1 && digits[*n - 1] == '0') (*n)--;
    digits[*n] = '\0';
}

/* 0.0001 up to 1e16 in plain digits, the rest with an exponent: what Python and JavaScript readers expect */
static size_t lay_out(char *buf, const char *digits, int n, int first) {
    size_t at = 0;
    if (first < -4 || first > 15) {
        buf[at++] = digits[0];
        if (n > 1) buf[at++] = '.';
        for (int i = 1; i < n; i++) buf[at++] = digits[i];
        return at + (size_t)snprintf(buf + at, 8, "e%+d", first);
    }
    if (first < 0) {
        buf[at++] = '0';
        buf[at++] = '.';
        for (int i = -1; i > first; i--) buf[at++] = '0';
    }
    for (int i = 0; i < n || i <= first; i++) {
        buf[at++] = i < n ? digits[i] : '0';
        if (i == first && i + 1 < n) buf[at++] = '.';
    }
    buf[at] = '\0';
    return at;
}

size_t hg_number_write(char buf[HG_NUMBER_SIZE], double x) {
    if (isnan(x)) return (size_t)snprintf(buf, HG_NUMBER_SIZE, "nan");
    if (isinf(x)) return (size_t)snprintf(buf, HG_NUMBER_SIZE, x < 0 ? "-inf" : "inf");
    const size_t sign = signbit(x) ? 1 : 0;
    if (sign) *buf = '-';
    x = fabs(x);
    if (x < 1e15 && x == floor(x)) return sign + whole_number(buf + sign, (uint64_t)x);
    char digits[20];
    int n, first;
    if (!quick_digits(digits, &n, &first, x)) slow_digits(digits, &n, &first, x);
    return sign + lay_out(buf + sign, digits, n, first);
}
