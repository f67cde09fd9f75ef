/* core/number.h -- doubles to text and back: exact, fast, the same in every locale
 *
 * Reading is correctly rounded (half to even). Numbers of up to 19 digits times 10^-27 .. 10^27 are converted with
 * 128-bit integers, which hold the exact product or quotient; the rest goes to strtod in the "C" locale.
 * Writing gives the fewest digits that read back to the same double.
 */
#ifndef HG_CORE_NUMBER_H
#define HG_CORE_NUMBER_H
#include "hagane/core.h"
#include <stdarg.h>

typedef enum {
    HG_NUMBER_NONE,     /* not a number                                                                   */
    HG_NUMBER_FINITE,   /* [+-] digits with at most one decimal sign, [eE [+-] digits]; too small gives 0 */
    HG_NUMBER_INFINITE, /* the words inf or infinity in any case, with or without a sign                  */
    HG_NUMBER_TOO_BIG,  /* a decimal number beyond 1.8e308; *value is infinite                            */
} hg_number_kind;

/* All of s[len] as one decimal number; `decimal` is '.' or ','. No blanks, no hexadecimal, no thousands separators;
 * "nan" is not a number. *value is set unless HG_NUMBER_NONE comes back. s need not end in NUL. */
hg_number_kind hg_number_read(double *value, const char *s, size_t len, char decimal);

/* w * 10^q, correctly rounded; 0 below the smallest double, infinite above the largest. */
double hg_number_scale(uint64_t w, int q);

enum { HG_NUMBER_SIZE = 32 };
/* x into buf, NUL-terminated, returning the length: "0.1", "-2", "1e+300", "nan", "inf", "-inf". */
size_t hg_number_write(char buf[HG_NUMBER_SIZE], double x);

/* snprintf(3), vsnprintf(3) and strtod(3) of a number alone as in the "C" locale: a host program's decimal comma changes no file, name or hash. */
int hg_print(char *buf, size_t size, const char *fmt, ...) HG_PRINTF(3, 4);
int hg_print_args(char *buf, size_t size, const char *fmt, va_list args);
double hg_number_of(const char *s); /* what comes behind the number does not count; none is 0 */
#endif
