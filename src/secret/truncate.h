/* secret/truncate.h -- fixed-point numbers: dropping fraction bits without a protocol that can fail
 *
 * A mask r is the sum of three slots' words; its truncated form is the sum of the words shifted. c = x + 2^magnitude + r is
 * opened and shifted in public. The error is below 2 units in the last place, its mean 0; there is no failure to wrap.
 *   semi-honest   r of magnitude + slack bits: the opened c hides x to 2^-slack (slack = 64 limbs - magnitude - 2)
 *   malicious     r uniform modulo 2^(the whole ring's k): c is perfectly hidden whatever a cheater added to x. The carry of
 *                 the three words out of 2^k, needed to undo it, is computed from the masks alone in advance
 *                 (hg_truncation_prepare), in one batch for the whole run. docs/secret.md has why.
 * The plain mode draws the same masks and gives the same integers.
 */
#ifndef HG_SECRET_TRUNCATE_H
#define HG_SECRET_TRUNCATE_H
#include "secret/run.h"

/* Malicious mode: makes masks for `count` more truncations by `fraction` bits of values of `limbs` limbs. No-op otherwise. What is missing is made by
 * the truncation itself at the price of more rounds. */
HG_MUST_CHECK hg_status hg_truncation_prepare(hg_run *r, size_t count, unsigned fraction, unsigned limbs, hg_err *err);
/* z = floor-ish(x / 2^fraction), |x| < 2^magnitude. 1 round (semi-honest and malicious, prepared). */
HG_MUST_CHECK hg_status hg_truncate(hg_run *r, hg_share *z, const hg_share *x, unsigned fraction, unsigned magnitude,
                                    hg_err *err);
/* A product and its truncation: z[i] = (sum_j x[i,j] y[i,j]) / 2^fraction. Semi-honest: 1 round, the masked additive share goes
 * to both others. Malicious: 2. */
HG_MUST_CHECK hg_status hg_inner_truncated(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, size_t rows,
                                           size_t length, unsigned fraction, unsigned magnitude, hg_err *err);
/* Elementwise; y of one element is broadcast. */
HG_MUST_CHECK hg_status hg_mul_truncated(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y,
                                         unsigned fraction, unsigned magnitude, hg_err *err);
#endif
