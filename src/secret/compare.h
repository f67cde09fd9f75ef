/* secret/compare.h -- signs, order, arg-extremum, from bits to ring elements
 *
 * The sign of x modulo 2^bits: the three slots' words are replicated sharings of their bits already; a carry-save adder
 * makes two words of three, a prefix tree that keeps only the top carry does the rest. Nothing is re-shared by one
 * server alone, so that a cheating one has no unverifiable input. 8 rounds and 30 bytes a server at 64 bits, 9 and 62
 * at 128 (semi-honest). Ties go to the lower index everywhere.
 */
#ifndef HG_SECRET_COMPARE_H
#define HG_SECRET_COMPARE_H
#include "secret/run.h"

/* negative[i] = 1 when x[i] modulo 2^bits, as a signed number, is below zero. */
HG_MUST_CHECK hg_status hg_negative(hg_run *r, hg_bits *negative, const hg_share *x, unsigned bits, hg_err *err);
/* Exact when |x - y| < 2^(bits-1). */
HG_MUST_CHECK hg_status hg_less(hg_run *r, hg_bits *less, const hg_share *x, const hg_share *y, unsigned bits,
                                hg_err *err);
/* Thermometer: bit i * levels + k = [x[i] >= level[k]], public levels (elements as wide as x's). Exact when differences
 * fit. */
HG_MUST_CHECK hg_status hg_at_least(hg_run *r, hg_bits *z, const hg_share *x, const uint64_t *level, size_t levels,
                                    unsigned bits, hg_err *err);
/* Bits to ring elements 0 and 1, authenticated in the malicious mode. 2 rounds. */
HG_MUST_CHECK hg_status hg_bits_to_share(hg_run *r, hg_share *z, const hg_bits *x, unsigned limbs, hg_err *err);
/* z[i] = sum_j x[i, j] y[i, j], bits times numbers: 2 rounds, one less than by way of hg_bits_to_share. rows * length
 * of each; y has a MAC in the malicious mode. */
HG_MUST_CHECK hg_status hg_bits_inner(hg_run *r, hg_share *z, const hg_bits *x, const hg_share *y, size_t rows,
                                      size_t length, hg_err *err);

/* Which of n values is the least (the greatest): one-hot bits, exactly one set. Values may differ by less than
 * 2^(bits-1). group: sizes of all-pairs tournaments; 0 = chosen by rounds and bytes (all pairs up to 200 items). */
typedef struct {
    bool greatest;
    unsigned bits;
    size_t group;         /* default 0 */
    const bool *excluded; /* [n] public: these cannot win; NULL: none. Not all may be excluded (HG_EINVAL) */
} hg_extremum_opts;
HG_MUST_CHECK hg_status hg_extremum(hg_run *r, hg_bits *onehot, const hg_share *x, const hg_extremum_opts *o,
                                    hg_err *err);
/* The index of the one set bit as ceil(log2 n) bits, local XORs. */
HG_MUST_CHECK hg_status hg_onehot_index(hg_bits *index, hg_run *r, const hg_bits *onehot, hg_err *err);
#endif
