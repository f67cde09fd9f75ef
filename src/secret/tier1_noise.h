/* secret/tier1_noise.h -- differential privacy: report-noisy-max with exponential noise
 *
 * The candidate with the greatest score + noise, noise exponential of scale 2 D / epsilon, is an epsilon-private answer (Z. Ding et
 * al., arXiv:2105.07260: it is permute-and-flip). D is how far one measured value can move a score: 16 max |W_ji|, public
 * and exact because theta and sigma are fixed by the policy. The noise is a whole number of grains g, geometric: its binary digits
 * are independent, digit i is 1 with probability 1 / (1 + exp(2^i g / scale)). Scores are no multiples of g, so D counts
 * rounded up to grains and one more. A biased bit is the comparison of 64 shared random bits with a public
 * number: nobody knows the noise. What is cut off (beyond 45 scales) and rounded (chances, to 2^-53) stays below 2^-53 a digit and
 * candidate: 2^-40 a query of 132 candidates.
 */
#ifndef HG_SECRET_TIER1_NOISE_H
#define HG_SECRET_TIER1_NOISE_H
#include "secret/tier1_tables.h"

enum { HG_T1_DIGITS_MOST = 32 };
typedef struct {
    size_t n;                           /* digits */
    unsigned grain;                     /* log2 g in score units, 2^-48 */
    uint64_t chance[HG_T1_DIGITS_MOST]; /* of a digit to be 1, times 2^64 */
} hg_t1_digits;

/* excluded: candidates that cannot be proposed do not count for D. */
void hg_t1_noise_digits(hg_t1_digits *d, const hg_t1_tables *t, const bool *excluded);
/* noise [n_pool], score units, in a ring of `limbs`: of proposal `pick`. 8 rounds. */
HG_MUST_CHECK hg_status hg_t1_noise(hg_share *noise, hg_run *r, const hg_t1_tables *t, const hg_bits *random,
                                    size_t pick, const bool *excluded, unsigned limbs, hg_err *err);
/* The same from plain bits, as doubles in units of y: the float run. */
void hg_t1_noise_plain(double *noise, const hg_t1_tables *t, const uint64_t *random, size_t pick, const bool *excluded);
#endif
