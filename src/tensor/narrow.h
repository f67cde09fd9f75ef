/* tensor/narrow.h -- products of float matrices of which one is small, as the layers of networks are: tiles, without a copy of a
 *
 * BLAS copies blocks of a and b before it multiplies, which is a seventh of the time when b has some hundred columns. Here a is read where it
 * lies, along rows or along columns, and b is copied once for all rows, or read where it lies too.
 */
#ifndef HG_TENSOR_NARROW_H
#define HG_TENSOR_NARROW_H
#include "tensor/gemm.h"

/* b[k, n] in panels of a tile's width: panel p begins at data + p apart, its row l at l pitch. */
typedef struct {
    const float *data;
    size_t pitch, apart;
} hg_panels;

/* The machine has wide registers, and the sizes are such that this is faster than BLAS. */
bool hg_narrow_fits(const hg_matrix *a, size_t m, size_t n, size_t k);
size_t hg_narrow_packed(size_t k, size_t n); /* floats of a packed b */
size_t hg_narrow_panels(size_t n);           /* how many there are */
hg_panels hg_narrow_layout(const float *packed, size_t k);
/* Panels first .. last - 1 of b. */
void hg_narrow_pack(float *to, const hg_matrix *b, size_t k, size_t n, size_t first, size_t last);
/* b as it lies: its rows without gaps (b.col 1). */
bool hg_narrow_fits_as_is(const hg_matrix *a, const hg_matrix *b, size_t m, size_t n, size_t k);
hg_panels hg_narrow_as_is(const hg_matrix *b);
/* c[m, n] (+)= a[m, k] b; n is a multiple of 16. */
void hg_narrow_product(float *c, size_t ldc, const hg_matrix *a, hg_panels b, size_t m, size_t n, size_t k, bool add);

#endif
