/* secret/function.h -- reciprocal, logarithm, square root, exponential of secret fixed-point numbers
 *
 * Each has its domain, its stated error (over the whole domain, tested on a grid and at the ends), its cost in rounds
 * and bytes (tested exactly) and saturates outside the domain: nothing aborts on data. Numbers have `fraction` =
 * HG_FRACTION bits and at least 2 limbs (malicious mode: 3). ulp: a unit in the last place, 2^-32.
 *
 *                        rounds: semi-honest, malicious with masks in stock     error
 *   hg_reciprocal_log2           14          19                               1/x: 2^-29 of it + 3 ulp; log2: 2^-28
 *   hg_square_root               14          19                               2^-26 of it + 3 ulp
 *   hg_exp_minus                  6          12                               2^-27
 *   hg_chords_apply (bits 64)    10          11                               3 ulp, and the steepest slope times 1 ulp
 *
 * The first two compare x with the powers of two (of four) of their domain at once, 40 bits: a thermometer. Bits times
 * numbers (secret/lift.h) normalise x to m in [1, 2) (in [1, 4)) in two rounds, and give a power of two as a number. A
 * minimax polynomial of degree 12 in m, in blocks of four, gets that power of two into its blocks on the way: four
 * rounds.
 */
#ifndef HG_SECRET_FUNCTION_H
#define HG_SECRET_FUNCTION_H
#include "secret/run.h"

enum { HG_FRACTION = 32 };

/* Masks that a call takes from the stock for each number (hg_truncation_prepare). */
enum {
    HG_MASKS_RECIPROCAL = 8, /* or log2 alone */
    HG_MASKS_RECIPROCAL_LOG2 = 11,
    HG_MASKS_SQUARE_ROOT = 8,
    HG_MASKS_EXP_MINUS = 6,
    HG_MASKS_CHORDS = 1
};

/* 1/x and log2 x from one normalisation: x in [2^-14, 8]; what is below (zero and negative too) counts as 2^-14, what
 * is above as 8, |x| < 64. Either output may be NULL, not both. */
HG_MUST_CHECK hg_status hg_reciprocal_log2(hg_run *r, hg_share *reciprocal, hg_share *log2, const hg_share *x,
                                           hg_err *err);
/* sqrt x, x in [2^-28, 8]; what is below counts as 2^-28, what is above as 8, |x| < 64. */
HG_MUST_CHECK hg_status hg_square_root(hg_run *r, hg_share *z, const hg_share *x, hg_err *err);
/* exp(-x), x in [-2^-16, 32]; arithmetic gates only, no bits. Outside the domain the result is meaningless: ranges are
 * the caller's business. */
HG_MUST_CHECK hg_status hg_exp_minus(hg_run *r, hg_share *z, const hg_share *x, hg_err *err);

/* A piecewise-linear function of x: chords over n nodes, constant below the first and above the last. Public node
 * positions and values (rounded to ulps); thermometer bits select the chord. The same function in plain doubles is
 * hg_chords_value: the plain run uses it. bits: |x - node| < 2^(bits - 1) ulp. HG_EINVAL: no nodes, not ascending, not
 * finite, too steep, beyond `bits`. */
typedef struct {
    const double *x, *y; /* [n], x ascending */
    size_t n;
} hg_chords;
HG_MUST_CHECK hg_status hg_chords_apply(hg_run *r, hg_share *z, const hg_share *x, const hg_chords *c, unsigned bits,
                                        hg_err *err);
double hg_chords_value(const hg_chords *c, double x);
#endif
