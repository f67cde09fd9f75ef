/* simulate/piece.h -- a finished piece of a long simulation in a file: numbers, and of what they are
 *
 * "hagane piece 1\n", the identity and a line end, then doubles as this machine has them: a file of one machine, for a day.
 */
#ifndef HG_SIMULATE_PIECE_H
#define HG_SIMULATE_PIECE_H
#include "files/hash.h"

/* a[n] of the piece with that identity. *there = false: no file, or one of something else. Errors: HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status liquid_piece_read(bool *there, double *a, size_t n, const char *path,
                                          const char identity[HG_HASH_SIZE], hg_err *err);
/* Whole or not at all. */
HG_MUST_CHECK hg_status liquid_piece_write(const char *path, const char identity[HG_HASH_SIZE], const double *a,
                                           size_t n, hg_err *err);
#endif
