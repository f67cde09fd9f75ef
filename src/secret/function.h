/* secret/function.h -- reciprocal, logarithm, square root, exponential of secret fixed-point numbers
 *
 * Each has its domain, its stated error bound (over the whole domain, tested on a grid and at the ends), its cost in rounds and
 * bytes (tested exactly) and saturates outside the domain: nothing aborts on data. Numbers have `fraction` = HG_FRACTION bits.
 */
#ifndef HG_SECRET_FUNCTION_H
#define HG_SECRET_FUNCTION_H
#include "secret/run.h"

enum { HG_FRACTION = 32 };

/* 1/x and log2 x from one normalisation: x in [2^-14, 8]; relative error of 1/x below 2^-28, absolute error of log2 below
 * 2^-24. Either output may be NULL. x <= 0 counts as the smallest. */
HG_MUST_CHECK hg_status hg_reciprocal_log2(hg_run *r, hg_share *reciprocal, hg_share *log2, const hg_share *x,
                                           hg_err *err);
/* sqrt x by Newton, x in [2^-28, 8]. */
HG_MUST_CHECK hg_status hg_square_root(hg_run *r, hg_share *z, const hg_share *x, hg_err *err);
/* exp(-x), x in [0, 32): error below 2^-26; arithmetic gates only, no bits. */
HG_MUST_CHECK hg_status hg_exp_minus(hg_run *r, hg_share *z, const hg_share *x, hg_err *err);

/* A piecewise-linear function of x: chords over n nodes, constant below the first and above the last. Public node positions and
 * values; thermometer bits select the chord. The same function in plain doubles is hg_chords_value: the plain run uses it. */
typedef struct {
    const double *x, *y; /* [n], x ascending */
    size_t n;
} hg_chords;
HG_MUST_CHECK hg_status hg_chords_apply(hg_run *r, hg_share *z, const hg_share *x, const hg_chords *c, unsigned bits,
                                        hg_err *err);
double hg_chords_value(const hg_chords *c, double x);
#endif
