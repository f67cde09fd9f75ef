/* secret/planes.h -- internal: shared words cut into bit planes, added up, and only the carry kept
 *
 * A set of planes is one hg_bits: plane b begins at bit b * stride and has one bit for each of n numbers. stride is n
 * padded to whole words, or a power of two below 64 when n is small, so that a comparison of one number does not pay
 * for 64.
 */
#ifndef HG_SECRET_PLANES_H
#define HG_SECRET_PLANES_H
#include "secret/run.h"

typedef struct {
    hg_bits b;
    size_t count, stride;
} hg_planes;

size_t hg_planes_stride(size_t n);
HG_MUST_CHECK hg_status hg_planes_new(hg_planes *out, hg_run *r, size_t count, size_t stride, hg_err *err);
/* Copies `count` planes first, first + step, ... of x to the planes of z that begin at `to`. */
void hg_planes_copy(hg_run *r, hg_planes *z, size_t to, const hg_planes *x, size_t first, size_t step, size_t count);

/* The three slots' words of n numbers modulo 2^bits as two sharings of words: their sum is sum + 2 carry. One round.
 * sum: `bits` planes; carry: the first `carries` planes of it (what lies above is not asked for). */
HG_MUST_CHECK hg_status hg_planes_add_slots(hg_planes *sum, hg_planes *carry, hg_run *r, const hg_share *x,
                                            unsigned bits, unsigned carries, hg_err *err);
/* The carry out of adding planes 1 .. top of sum and planes 0 .. top-1 of carry (nothing enters below): 1 + ceil(log2
 * top) rounds, top + 2 (top - 1) - ceil(log2 top) AND gates for each number. top = 0: zero, no round. */
HG_MUST_CHECK hg_status hg_planes_carry(hg_planes *out, hg_run *r, const hg_planes *sum, const hg_planes *carry,
                                        unsigned top, hg_err *err);
/* All `count` planes ANDed into one: ceil(log2 count) rounds, count - 1 gates for each number. */
HG_MUST_CHECK hg_status hg_planes_all(hg_planes *out, hg_run *r, const hg_planes *x, hg_err *err);
/* The first n bits of plane `at`, without its padding. z is made before (n bits). */
void hg_planes_bits(hg_run *r, hg_bits *z, const hg_planes *x, size_t at);
/* Rounds and AND gates for each number of hg_negative. */
unsigned hg_negative_rounds(unsigned bits);
unsigned hg_negative_ands(unsigned bits);
#endif
