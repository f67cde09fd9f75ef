/* secret/pool_input.h -- what owners share is checked before it is used: numbers in their range, rows that select one entry
 *
 * Only these bits come out of a check. In the malicious mode each batch is verified (secret/verify.h) before the next one, so that memory
 * stays bounded however many rows there are; gates that were queued or recorded before are verified with the first.
 */
#ifndef HG_SECRET_POOL_INPUT_H
#define HG_SECRET_POOL_INPUT_H
#include "secret/run.h"

enum { HG_INPUT_BATCH = 1 << 13 }; /* numbers that are compared at a time */

/* in[i] = 1 when low <= x[i] <= high. x: all its 64 limbs bits count, as a signed number, so that nothing can hide in high bits.
 * low, high: one element of x's width each, low <= high < low + 2^(64 limbs - 1). The bits stay shared: the caller verifies the
 * run and opens them to whom they belong. Two comparisons over the whole width and one AND a number; 11 rounds a batch of
 * HG_INPUT_BATCH, 190 bytes a number (semi-honest, 3 limbs). */
HG_MUST_CHECK hg_status hg_input_in_range(hg_bits *in, hg_run *r, const hg_share *x, const uint64_t *low,
                                          const uint64_t *high, hg_err *err);

/* Rows of p elements each: every element 0 or 1, the sum of a row 0 (padding) or 1. Otherwise HG_ECHEAT and the sentence begins with
 * `what`: the run is broken off. Exact: e^2 - e = 0 entry by entry; a random combination of entries would let 2^(k-1) pass half
 * the time. One product an element and one a row, one round, and a zero test, for each batch of rows. */
HG_MUST_CHECK hg_status hg_pool_onehot_check(hg_run *r, const hg_share *onehots, size_t rows, size_t p,
                                             const char *what, hg_err *err);
#endif
