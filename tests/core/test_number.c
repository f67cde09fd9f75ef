/* tests/core/test_number.c -- doubles to text and back, against the C library on random bit patterns */
#include "core/number.h"
#include "core/text.h"
#include "test.h"
#include <float.h>

static hg_number_kind read_text(double *v, const char *s) { return hg_number_read(v, s, strlen(s), '.'); }

static double value(const char *s) {
    double v = -1;
    assert_int_equal(read_text(&v, s), HG_NUMBER_FINITE);
    return v;
}

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

static void reads_what_people_write(void **state) {
    (void)state;
    double v;
    assert_true(value("0.1") == 0.1 && value("-2") == -2 && value("+2.50") == 2.5 && value("1e3") == 1000);
    assert_true(value(".5") == 0.5 && value("5.") == 5 && value("1E-2") == 0.01 && value("007") == 7);
    assert_true(same_bits(value("-0"), -0.0));
    assert_true(value("1e-400") == 0 && value("0e999999999999") == 0);
    assert_int_equal(hg_number_read(&v, "1,5", 3, ','), HG_NUMBER_FINITE);
    assert_true(v == 1.5);
    assert_int_equal(hg_number_read(&v, "1.5xyz", 3, '.'), HG_NUMBER_FINITE); /* no NUL needed */
    assert_int_equal(read_text(&v, "-Infinity"), HG_NUMBER_INFINITE);
    assert_true(isinf(v) && v < 0);
    assert_int_equal(read_text(&v, "inf"), HG_NUMBER_INFINITE);
    assert_int_equal(read_text(&v, "1e999"), HG_NUMBER_TOO_BIG);
    assert_int_equal(read_text(&v, "1.7976931348623159e308"), HG_NUMBER_TOO_BIG);
}

static void refuses_what_is_no_number(void **state) {
    (void)state;
    static const char *const BAD[] = { "",    " 1",    "1 ",   "1,000", "0x10", "1e",  "1e+", "e5",    ".",   "-",
                                       "+-1", "1.2.3", "1..2", "nan",   "NaN",  "1d3", "1_0", "infin", "1f",  "--1",
                                       "1-2", "1e5.",  "\t1",  "in",    "ine",  "1'0", "0b1", "Inf1",  "+.e1" };
    double v;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        if (read_text(&v, BAD[i]) != HG_NUMBER_NONE) fail_msg("\"%s\" was read as %g", BAD[i], v);
    assert_int_equal(hg_number_read(&v, "1.5", 3, ','), HG_NUMBER_NONE);
    assert_int_equal(hg_number_read(&v, "1.234,5", 7, ','), HG_NUMBER_NONE);
}

/* Halfway cases by hand: 2^53 + 1 lies between two doubles and goes to the even one. */
static void rounds_half_to_even(void **state) {
    (void)state;
    assert_true(value("9007199254740993") == 9007199254740992.0);
    assert_true(value("9007199254740995") == 9007199254740996.0);
    assert_true(value("9007199254740993.0000000000000000000000000001") == 9007199254740994.0);
    assert_true(value("2.2250738585072011e-308") == 2.2250738585072011e-308); /* once hung a famous parser */
    assert_true(value("4.9406564584124654e-324") == DBL_TRUE_MIN);
    assert_true(value("2.4703282292062327e-324") == 0 && value("2.4703282292062328e-324") == DBL_TRUE_MIN);
}

static double any_double(hg_rng *r) {
    for (;;) {
        const uint64_t bits = hg_rng_u64(r);
        double x;
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x)) return x;
    }
}

/* Numbers as tables hold them: 1 to 20 digits, a point somewhere, small exponents now and then. */
static void random_text(char *s, size_t size, hg_rng *r) {
    size_t at = 0, digits = 1 + hg_rng_below(r, 20), point = hg_rng_below(r, digits + 1);
    if (hg_rng_below(r, 2)) s[at++] = '-';
    for (size_t i = 0; i < digits; i++) {
        if (i == point) s[at++] = '.';
        s[at++] = (char)('0' + hg_rng_below(r, 10));
    }
    s[at] = '\0';
    if (hg_rng_below(r, 3) == 0) snprintf(s + at, size - at, "e%d", (int)hg_rng_below(r, 80) - 40);
}

static void agrees_with_the_c_library(void **state) {
    (void)state;
    hg_rng r = hg_rng_make(1, 0);
    for (int i = 0; i < 200000; i++) {
        char s[64];
        if (i % 2)
            random_text(s, sizeof s, &r);
        else if (i % 4) /* large divisors: near a tie only what the quotient leaves decides */
            snprintf(s, sizeof s, "%llue-%d", (unsigned long long)(hg_rng_u64(&r) / 2 + 1000000000000000000u),
                     27 - (int)hg_rng_below(&r, 2));
        else
            snprintf(s, sizeof s, "%.*e", (int)hg_rng_below(&r, 25), any_double(&r));
        double v = -1;
        const hg_number_kind kind = read_text(&v, s);
        const double expected = strtod(s, NULL);
        if (kind != (isinf(expected) ? HG_NUMBER_TOO_BIG : HG_NUMBER_FINITE) || !same_bits(v, expected))
            fail_msg("\"%s\" was read as %a, the C library says %a", s, v, expected);
    }
}

/* A mantissa of thousands of digits: the digits that do not fit still decide a tie. */
static void reads_very_long_mantissas(void **state) {
    (void)state;
    char s[5000] = "9007199254740993.";
    const size_t at = strlen(s);
    memset(s + at, '0', 4000);
    s[at + 4000] = '\0';
    assert_true(value(s) == 9007199254740992.0);
    s[at + 3999] = '1';
    assert_true(value(s) == 9007199254740994.0);
    memset(s, '0', 4000); /* zeros in front: 000...0.000...1 */
    s[10] = '.';
    s[4000] = '1';
    s[4001] = '\0';
    assert_true(value(s) == 0);
    strcpy(s + 4001, "e3990");
    assert_true(value(s) == 1);
}

static void check_write(double x, const char *expected) {
    char s[HG_NUMBER_SIZE];
    assert_int_equal(hg_number_write(s, x), strlen(expected));
    assert_string_equal(s, expected);
}

static void writes_the_shortest(void **state) {
    (void)state;
    check_write(0.1, "0.1");
    check_write(0.1 + 0.2, "0.30000000000000004");
    check_write(-2, "-2");
    check_write(0, "0");
    check_write(-0.0, "-0");
    check_write(100, "100");
    check_write(123456.789, "123456.789");
    check_write(1e15, "1000000000000000");
    check_write(1e16, "1e+16");
    check_write(1.5e300, "1.5e+300");
    check_write(0.0001, "0.0001");
    check_write(0.00001, "1e-5");
    check_write(9007199254740993.0, "9007199254740992");
    check_write(DBL_MAX, "1.7976931348623157e+308");
    check_write(DBL_MIN, "2.2250738585072014e-308");
    check_write(DBL_TRUE_MIN, "5e-324");
    check_write(-1.0 / 3, "-0.3333333333333333");
    check_write(NAN, "nan");
    check_write(-(double)INFINITY, "-inf");
}

/* Reads back to the same bits, and no shorter rounding does. */
static void check_shortest(double x) {
    char s[HG_NUMBER_SIZE], shorter[64];
    const size_t len = hg_number_write(s, x);
    double v = -1;
    assert_true(len < HG_NUMBER_SIZE && strlen(s) == len);
    if (read_text(&v, s) != HG_NUMBER_FINITE || !same_bits(v, x) || !same_bits(strtod(s, NULL), x))
        fail_msg("%a was written as \"%s\"", x, s);
    int digits = 0, last = 0;
    for (const char *p = s; *p && *p != 'e'; p++) {
        if (*p < '0' || *p > '9' || (digits == 0 && *p == '0')) continue;
        digits++;
        if (*p != '0') last = digits; /* zeros at the end of 1200 are place holders */
    }
    if (last < 2) return;
    snprintf(shorter, sizeof shorter, "%.*e", last - 2, x);
    if (strtod(shorter, NULL) == x) fail_msg("%a was written as \"%s\", \"%s\" is shorter", x, s, shorter);
}

static void round_trips_random_doubles(void **state) {
    (void)state;
    hg_rng r = hg_rng_make(2, 0);
    for (int i = 0; i < 60000; i++) {
        check_shortest(any_double(&r));
        check_shortest((double)(hg_rng_u64(&r) >> hg_rng_below(&r, 60)) / 1000);
        check_shortest(hg_rng_normal(&r));
        check_shortest(ldexp(1, (int)hg_rng_below(&r, 2090) - 1070)); /* powers of two: uneven neighbours */
    }
}

/* A program may have set a locale with decimal commas; our numbers do not change. */
static void ignores_the_locale(void **state) {
    (void)state;
    char text[32];
    test_comma();
    check_write(1.5e300, "1.5e+300");
    check_write(5e-324, "5e-324");
    const double slow = value("1.2345678901234567890123e-200");
    assert_true(slow > 1.234567890123e-200 && slow < 1.234567890124e-200);
    assert_int_equal(hg_print(text, sizeof text, "%.2f %g %s", 0.25, 1e-7, "a,b"), 14);
    assert_string_equal(text, "0.25 1e-07 a,b");
    assert_true(hg_number_of("2.5 and more") == 2.5);
    hg_text t = hg_text_new(0);
    hg_text_add(&t, "%.1f", 0.5);
    assert_string_equal(t.s, "0.5");
    hg_text_free(&t);
    hg_err err;
    hg_advise(&err, hg_fail(&err, HG_EDATA, "%g", 1.5), "%g", 2.5);
    assert_string_equal(err.msg, "1.5");
    assert_string_equal(err.hint, "2.5");
    test_point();
}

static void a_whole_number_is_scaled_with_one_rounding(void **state) {
    (void)state;
    static const int powers[] = { -400, -330, -308, -28, -27, -22, -3, 0, 5, 22, 27, 28, 300, 400 };
    static const uint64_t numbers[] = { 0, 1, 5, 123456789, ((uint64_t)1 << 53) + 1, UINT64_MAX };
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            char text[48];
            snprintf(text, sizeof text, "%llue%d", (unsigned long long)numbers[k], powers[i]);
            assert_true(hg_number_scale(numbers[k], powers[i]) == strtod(text, NULL)); /* exactly, infinity too */
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_what_people_write),
        TEST(refuses_what_is_no_number),
        TEST(rounds_half_to_even),
        TEST(agrees_with_the_c_library),
        TEST(reads_very_long_mantissas),
        TEST(writes_the_shortest),
        TEST(round_trips_random_doubles),
        TEST(ignores_the_locale),
        TEST(a_whole_number_is_scaled_with_one_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
