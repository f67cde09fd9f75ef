/* tests/support/test.h -- what every test file includes: cmocka, a scratch arena, double comparisons, faults
 *
 * TEST(name) gives *state = a scratch arena and fails when it is not handed back as empty as it came.
 * A test executable is one file tests/<room>/test_<header>.c; it may include internal headers of any room.
 */
#ifndef HG_TEST_H
#define HG_TEST_H
#include "hagane/core.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int test_setup(void **state);
int test_teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

#define assert_ok(call) test_assert_ok((call), #call, NULL, __FILE__, __LINE__)
#define assert_ok_err(call, err)                                                                                       \
    test_assert_ok((call), #call, &(err), __FILE__, __LINE__) /* prints err.msg on failure */
#define assert_close(a, b, tol)     test_assert_close((a), (b), (tol), __FILE__, __LINE__) /* |a-b| <= tol max(1,|a|,|b|) */
#define assert_contains(text, part) test_assert_contains((text), (part), __FILE__, __LINE__)

void test_assert_ok(hg_status st, const char *call, const hg_err *err, const char *file, int line);
void test_assert_close(double a, double b, double tol, const char *file, int line);
void test_assert_contains(const char *text, const char *part, const char *file, int line);

/* k allocations of the library succeed, one fails, the rest succeed; k < 0: none fails. For the usual loop see
 * tests/core/test_core.c. */
void fail_alloc_after(long k);

/* Paths: of the source tree, of ../shared (NULL and a loud line when it is absent: then skip()), of a scratch folder. */
const char *test_source(char *buf, size_t size, const char *relative);
const char *test_shared(char *buf, size_t size, const char *relative);
const char *test_scratch(char *buf, size_t size, const char *name);

/* A locale whose decimal sign is a comma, as a host program may have set: installed, or made from C.utf8's. False and a loud line when there is
 * none. test_point ends it. */
bool test_comma(void);
void test_point(void);

/* For hg_hooks.progress: go on at 0 done, and no further. */
bool test_stop(void *user, const char *what, size_t done, size_t total);

/* Pearson's. */
double test_correlation(const float *a, const float *b, size_t n);

/* Central differences of f at x[n] compared with grad[n]: largest |difference| / max(1, |grad|). */
double test_gradient_error(double (*f)(void *ctx, const double *x), void *ctx, double *x, const double *grad, size_t n,
                           double step);
#endif
