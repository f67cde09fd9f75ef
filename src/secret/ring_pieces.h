/* secret/ring_pieces.h -- rows of a 32-bit matrix times elements of two and three limbs, cut into pieces of 24 bits
 *
 * A wide product a word costs three instructions that do not become vectors. A product of 32 by 24 bits fits 55 bits, 256 of
 * them can be summed in a signed 64-bit word, and that becomes vectors: 6 (8) cheap products an element of 128 (192) bits.
 */
#ifndef HG_SECRET_RING_PIECES_H
#define HG_SECRET_RING_PIECES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HG_PIECE_BITS = 24, HG_PIECES = 8, HG_PIECE_BLOCK = 256 };

/* s[p] = the sum over j < n of a[j] x[p * HG_PIECE_BLOCK + j], p < pieces (even); n <= HG_PIECE_BLOCK; 0 <= x < 2^24; x is readable,
 * not used, up to the next multiple of 16. */
typedef void (*hg_pieces_fn)(int64_t *s, const int32_t *a, const int32_t *x, unsigned pieces, size_t n);
typedef struct {
    const char *name;
    hg_pieces_fn dot;
} hg_pieces;
bool hg_pieces_here(const hg_pieces *p); /* this machine has the instructions */
/* i = 0: the fastest known, the last: plain C. NULL past the end. */
const hg_pieces *hg_pieces_at(size_t i);
const hg_pieces *hg_pieces_fastest(void);
#endif
