/* tensor/tile.h -- the innermost loop of convolutions and of layers: a small block of sums that stays in registers */
#ifndef HG_TENSOR_TILE_H
#define HG_TENSOR_TILE_H
#include "hagane/tensor.h"

enum { HG_TILE_ROWS = 8, HG_TILE_BYTES = 192 /* of a row: 48 floats or 24 doubles */, HG_TILE_FLOATS = 48 };
static inline size_t hg_tile_lanes(hg_dtype d) { return d == HG_F32 ? HG_TILE_BYTES / 4 : HG_TILE_BYTES / 8; }

/* c[i][j] (+)= sum over l < k of row[i][a_at[l]] b[b_at[l] + j], for i < rows <= 8 and j < lanes <= hg_tile_lanes. The sum is formed in
 * the order of l. Rows of c are ldc apart. Reads of b and writes to c go on to the next multiple of 64 bytes after `lanes`. */
typedef struct {
    const void *row[HG_TILE_ROWS];
    const void *b;
    const uint32_t *a_at, *b_at;
    size_t k, rows, lanes, ldc;
    void *c;
    bool add;
} hg_tile;
void hg_tile_do(hg_dtype d, const hg_tile *t);
bool hg_tile_is_wide(void); /* a whole tile fits the registers of this machine */

#endif
