/* tensor/index.h -- the inside of an hg_index, and the two loops over rows that everything on graphs is made of */
#ifndef HG_TENSOR_INDEX_H
#define HG_TENSOR_INDEX_H
#include "tensor/op.h"

struct hg_index {
    size_t m, n;         /* items; rows that they belong to */
    const uint32_t *row; /* [m], each below n */
    /* The inverse: items of row i are order[offset[i] .. offset[i + 1]), ascending. Written when first asked for, but its memory is there. */
    uint32_t *offset; /* [n + 1] */
    uint32_t *order;  /* [m], NULL when items are sorted by row: then order[p] = p */
    uint32_t most;    /* items of one row */
    bool inverted;
};

/* Writes the inverse when it is not there yet. An index in an arena has it from the start, so that many threads can read it. */
void hg_index_invert(const hg_index *ix);

/* A tensor [n, ...] as rows of `width` neighbours, row i at data + i * step elements. */
typedef struct {
    const void *data;
    ptrdiff_t step;
    size_t width;
} hg_rows;
size_t hg_rows_width(const hg_tensor *x); /* elements a row: the product of the axes after the first */
/* x itself when its rows are of neighbours, else a copy; NULL for NULL. */
hg_tensor *hg_with_rows(hg_tape *t, hg_tensor *x);
hg_rows hg_rows_of(const hg_tensor *x);                          /* of what hg_with_rows gave */
hg_rows hg_rows_packed(const void *data, const hg_tensor *like); /* row-major in the shape of like */

/* y[m, width] (+)= scale x[row[j]], with 1 / (items of the row) in place of scale 1 when `mean`. */
void hg_rows_gather(hg_tape *t, void *y, hg_rows x, const hg_index *ix, bool mean, bool add);
/* y[n, width] (+)= the sum, or mean, over the items of each row of x[m, width]; nothing there: 0. In the order of the items. */
void hg_rows_sum(hg_tape *t, void *y, hg_rows x, const hg_index *ix, bool mean, bool add);

/* Rows that an index leads to are not neighbours: they are asked for this many rows before they are used. */
enum { HG_AHEAD = 8, HG_LINE = 64 };
static inline __attribute__((always_inline)) void hg_prefetch_row(const void *row, size_t bytes) {
    for (size_t b = 0; b < bytes; b += HG_LINE) __builtin_prefetch((const char *)row + b);
}

/* For examples of operations: an index of m items in n rows, and numbers that want no gradient. */
const hg_index *hg_example_index(hg_tape *t, hg_rng *r, size_t m, size_t n);
hg_tensor *hg_example_constant(hg_tape *t, hg_rng *r, hg_shape shape);

#endif
