/* secret/truncate.h -- fixed-point numbers: dropping fraction bits without a protocol that can fail
 *
 * A mask r is the sum of three slots' words; its truncated form is the sum of the words shifted. c = x + 2^magnitude +
 * r is opened and shifted in public. The error is below 2 units in the last place, its mean 0.
 *   semi-honest   r of 64 limbs - 2 bits a word: the opened c hides x to 2^-slack (slack = 64 limbs - magnitude - 2)
 *   malicious     3 limbs; r uniform modulo 2^144: c is perfectly hidden whatever a cheater added to x. The carry of the three
 *                 words out of 2^144, needed to undo it, is computed from the masks alone in advance
 *                 (hg_truncation_prepare), in one batch for the whole run; it is wrong with a probability of 2^-61 (magnitude
 *                 up to 81). secret/truncate.c has why.
 * The plain mode draws the same masks and gives the same integers.
 *
 * Cost of a number, limbs of 8 bytes:                    semi-honest                  malicious, from the stock
 *   hg_truncate                                          1 round, 1 element           1 round, 18 bytes and 1 element
 *   hg_inner_truncated, hg_mul_truncated                 1 round, 2 elements          2 rounds, 18 bytes and 3 elements
 *   hg_truncation_prepare (any count)                    nothing                      10 rounds, 245 AND gates, 14 elements
 * Malicious and no stock: 3 rounds more (5 when AND gates wait for their check), 18 bytes and 1 element: less traffic,
 * more rounds.
 */
#ifndef HG_SECRET_TRUNCATE_H
#define HG_SECRET_TRUNCATE_H
#include "secret/run.h"

/* Malicious mode: makes masks for `count` more truncations of numbers of `limbs` limbs, by any number of bits
 * (`fraction` is not used). No-op in the semi-honest mode. A truncation of n numbers takes n from the stock when it has
 * as many; else it verifies what was computed so far (secret/verify.h) and hides the numbers statistically, to 2^-(142
 * - magnitude). */
HG_MUST_CHECK hg_status hg_truncation_prepare(hg_run *r, size_t count, unsigned fraction, unsigned limbs, hg_err *err);
size_t hg_truncation_left(const hg_run *r); /* masks in the stock */
/* z = x / 2^fraction + e, |e| < 2, |x| < 2^magnitude; 1 <= fraction <= magnitude <= 64 limbs - 3 (malicious: 100,
 * HG_EINVAL above). z may be x. */
HG_MUST_CHECK hg_status hg_truncate(hg_run *r, hg_share *z, const hg_share *x, unsigned fraction, unsigned magnitude,
                                    hg_err *err);
/* A product and its truncation: z[i] = (sum_j x[i,j] y[i,j]) / 2^fraction. Semi-honest: 1 round, the masked additive
 * share goes to both others. Malicious: 2. */
HG_MUST_CHECK hg_status hg_inner_truncated(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y, size_t rows,
                                           size_t length, unsigned fraction, unsigned magnitude, hg_err *err);
/* Elementwise; y of one element is broadcast. */
HG_MUST_CHECK hg_status hg_mul_truncated(hg_run *r, hg_share *z, const hg_share *x, const hg_share *y,
                                         unsigned fraction, unsigned magnitude, hg_err *err);
#endif
