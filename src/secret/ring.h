/* secret/ring.h -- plain vectors over Z_2^64, Z_2^128 and Z_2^192
 *
 * An element is `limbs` (1, 2 or 3) 64-bit words, least significant first; a vector of n elements is n * limbs words, one
 * element after the other. All is modulo 2^(64 limbs); negative numbers are two's complement. One source for the three
 * widths: secret/ring_width.inc is compiled once for each. No branch and no address depends on a value.
 */
#ifndef HG_SECRET_RING_H
#define HG_SECRET_RING_H
#include "hagane/core.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ring elements go to the wire as they lie in memory: a big-endian machine would need its bytes swapped"
#endif

enum { HG_RING_LIMBS = 3 }; /* the most */

/* z may be x or y. n elements. */
void hg_ring_add(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n, unsigned limbs);
void hg_ring_sub(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n, unsigned limbs);
void hg_ring_negate(uint64_t *z, const uint64_t *x, size_t n, unsigned limbs);
void hg_ring_mul_add(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n,
                     unsigned limbs); /* z += x y, elementwise */
void hg_ring_mul(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n,
                 unsigned limbs); /* z = x y, elementwise */
void hg_ring_scale_add(uint64_t *z, const uint64_t *x, const uint64_t *c, size_t n, unsigned limbs); /* z += c x */
void hg_ring_scale(uint64_t *z, const uint64_t *x, const uint64_t *c, size_t n,
                   unsigned limbs); /* z = c x, c one element */
void hg_ring_dot_add(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n,
                     unsigned limbs); /* one element z += x'y */
/* A server's own part of a product of two replicated sharings, before the zero share: x0 y0 + x0 y1 + x1 y0.
 * mul: elementwise, y stays at its first element when `broadcast`. dot: one element z += the sum over n. */
void hg_ring_cross_mul_add(uint64_t *z, const uint64_t *const x[2], const uint64_t *const y[2], bool broadcast,
                           size_t n, unsigned limbs);
void hg_ring_cross_dot_add(uint64_t *z, const uint64_t *const x[2], const uint64_t *const y[2], size_t n,
                           unsigned limbs);
void hg_ring_shift_left(uint64_t *z, const uint64_t *x, unsigned bits, size_t n, unsigned limbs);
void hg_ring_shift_right(uint64_t *z, const uint64_t *x, unsigned bits, size_t n,
                         unsigned limbs); /* logical: zeros come in */
/* Modulo 2^bits, bits <= 64 limbs: clears what is above. */
void hg_ring_mask(uint64_t *x, unsigned bits, size_t n, unsigned limbs);
/* y = A x for a public integer matrix A [rows, n], row-major: the hot loop of the public-composition tier. For up to
 * HG_RING_VECTORS vectors in one pass over A (which is what costs), on a pool (NULL: this thread). */
enum { HG_RING_VECTORS = 4 };
void hg_ring_matvecs_i32(uint64_t *const *y, const int32_t *a, const uint64_t *const *x, size_t vectors, size_t rows,
                         size_t n, unsigned limbs, hg_pool *pool);
void hg_ring_matvecs_i64(uint64_t *const *y, const int64_t *a, const uint64_t *const *x, size_t vectors, size_t rows,
                         size_t n, unsigned limbs, hg_pool *pool);
/* From one width to another: fewer limbs reduce modulo 2^(64 to); more limbs extend the sign (only for plain values). */
void hg_ring_resize(uint64_t *z, unsigned to, const uint64_t *x, unsigned from, size_t n);
/* Plain values in and out. From a double: round to nearest, ties to even, of x 2^fraction; |x 2^fraction| < 2^62 is the
 * caller's business (checked by an assert). To a double: the nearest of the signed value times 2^-fraction. */
void hg_ring_from_double(uint64_t *z, double x, unsigned fraction, unsigned limbs);
double hg_ring_to_double(const uint64_t *x, unsigned fraction, unsigned limbs);
void hg_ring_from_int(uint64_t *z, int64_t x, unsigned limbs);

/* ---- bit planes: n elements of `bits` bits <-> `bits` planes of n bits --------------------------------------------- */
/* plane[b] of words = (n + 63) / 64 words holds bit b of every element; bits past n are zero. */
void hg_ring_to_planes(uint64_t *planes, const uint64_t *x, unsigned bits, size_t n, unsigned limbs);
#endif
