/* secret/lift.h -- internal: bits as ring elements 0 and 1, in two rounds that other gates may share
 *
 * A bit b = b0 + b1 + b2 modulo 2, each known to two servers, hence a sharing of the number b_j with zeros in the other
 * slots. t = b0 b1 and T = b0 + b1 - 2 t in the first round, b = T + b2 - 2 T b2 in the second. Authenticated: a b0, a
 * b1, a b2 ride in the first round, the MAC of t (from that of b0) and that of T b2 (from that of b2) in the second: 7
 * elements.
 *
 *   begin; the caller's gates of the first round (with third: b2); hg_run_round;
 *   middle; the caller's gates of the second round (with half: T, no MAC yet); hg_run_round;
 *   end: z. Not called when only third and half are wanted.
 */
#ifndef HG_SECRET_LIFT_H
#define HG_SECRET_LIFT_H
#include "secret/run.h"

typedef struct {
    hg_share first, second, third; /* b0, b1, b2 */
    hg_share both, half, last;     /* t, T, T b2 */
    bool whole;                    /* z is wanted, not just half and third */
} hg_lift;

HG_MUST_CHECK hg_status hg_lift_begin(hg_lift *l, hg_run *r, const hg_bits *x, unsigned limbs, bool whole, hg_err *err);
HG_MUST_CHECK hg_status hg_lift_middle(hg_lift *l, hg_run *r, hg_err *err);
HG_MUST_CHECK hg_status hg_lift_end(hg_share *z, hg_lift *l, hg_run *r, hg_err *err);

/* The terms of sum_j x[i,j] y[i,j] as one inner product of length + 1, without making numbers of the bits first:
 * x y = T y + b2 y - 2 T (b2 y), b2 y made in the first round. D = b2 y; left [rows, length + 1] = (y - 2 D, sum D) has
 * a MAC, right = (T, 1). l is begun by this; its first round and its middle are done by it. */
HG_MUST_CHECK hg_status hg_lift_inner(hg_share *left, hg_share *right, hg_lift *l, hg_run *r, const hg_bits *x,
                                      const hg_share *y, size_t rows, size_t length, bool whole, hg_err *err);
#endif
