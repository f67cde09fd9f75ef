/* secret/pool_kernel.h -- the kernel of secret features
 *
 * For each pair of entries: the squared distance (one inner product), powers of it, two chains of squarings (secret/
 * pool_mixture.h), then each length scale is a public linear combination. Every length costs one truncation more a pair, no
 * round. Fixed point with HG_KERNEL_FRACTION bits; rounding grows with rate as squarings double it, and the weights fall with
 * rate, so that an entry is off by less than hg_pool_kernel_error.
 *
 * In the malicious mode there is no stock of truncation masks for so many numbers: the truncations check all products so far
 * before each opening (hg_truncate without a stock), which needs no AND gate: 5 rounds a step instead of 1, and a tenth of
 * the bytes. A mask then hides a number to 2^-53; 430,000 are opened for 140 entries. A pool's kernel is made once.
 */
#ifndef HG_SECRET_POOL_KERNEL_H
#define HG_SECRET_POOL_KERNEL_H
#include "secret/pool_mixture.h"
#include "secret/run.h"

enum { HG_KERNEL_FRACTION = 44 };

/* pairs [lengths, n]: kernel of n pairs with squared distances between left[n, d] and right[n, d] (HG_FRACTION bits, 3 limbs, features in
 * [0, 1]); HG_POOL_FRACTION bits. */
HG_MUST_CHECK hg_status hg_pool_kernel(hg_share *pairs, hg_run *r, const hg_mixture *k, const hg_share *left,
                                       const hg_share *right, size_t n, size_t d, hg_err *err);
/* Largest error of an entry against hg_mixture_value, rounding alone. */
double hg_pool_kernel_error(const hg_mixture *k);
#endif
