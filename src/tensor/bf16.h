/* tensor/bf16.h -- products of float matrices with operands rounded to bfloat16 (8 bits of exponent, 8 of fraction), sums in float
 *
 * With AVX512_BF16 twice as fast as float. Three such products of a two-term split would give float's accuracy, but are slower than one
 * product of floats: 3/218 against 1/96 of a second a GFlop (Zen 4), so there is no such mode.
 *
 * An operand is packed as pairs along k: pairs[k/2][width], the odd last one with a zero. Without the instruction (and when `plain`) the
 * same sums are formed by plain code in the same order; they differ in numbers below 2^-126 only, which the instruction takes for zero.
 */
#ifndef HG_TENSOR_BF16_H
#define HG_TENSOR_BF16_H
#include "tensor/gemm.h"

enum { HG_BF16_PANEL = 64 }; /* columns of b that lie together */

/* bfloat16 nearest to x, ties to even; NaN stays NaN. */
uint16_t hg_bf16_of(float x);

/* Elements of uint16_t that a packed b[k, n] takes; and those of the room that a product with m rows needs. */
size_t hg_bf16_packed(size_t k, size_t n);
size_t hg_bf16_room(size_t m, size_t k);
/* Operands that stay: x[n] rounded to to[hg_bf16_row(n)], an even number, the odd last one zero. */
size_t hg_bf16_row(size_t n);
void hg_bf16_round(uint16_t *to, const float *x, size_t n);
/* Panels first .. last - 1 of b[k, n]; there are (n + 63) / 64. */
void hg_bf16_pack(uint16_t *to, const hg_matrix *b, size_t k, size_t n, size_t first, size_t last);
/* The same of rounded rows: row[i] is column i of b[k, n]; or row i of b. */
void hg_bf16_pack_columns(uint16_t *to, const uint16_t *const *row, size_t k, size_t n, size_t first, size_t last);
void hg_bf16_pack_rows(uint16_t *to, const uint16_t *const *row, size_t k, size_t n, size_t first, size_t last);
/* c[m, n] (+)= a[m, k] b, with the columns of b from panel `first` on. */
void hg_bf16_product(float *c, size_t ldc, const hg_matrix *a, const uint16_t *b, size_t k, size_t n_of_b, size_t first,
                     size_t m, size_t n, bool add, bool plain, uint16_t *room);
/* The same for a of rounded rows, one after the other; turned: a is their transpose, [m, k] of rows [k][hg_bf16_row(m)]. b begins with panel 0. */
void hg_bf16_product_rounded(float *c, size_t ldc, const uint16_t *a, bool turned, const uint16_t *b, size_t m,
                             size_t n, size_t k, bool add, uint16_t *room);

#endif
