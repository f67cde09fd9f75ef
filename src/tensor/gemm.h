/* tensor/gemm.h -- products of matrices over the pool; see tensor/gemm.c */
#ifndef HG_TENSOR_GEMM_H
#define HG_TENSOR_GEMM_H
#include "tensor/op.h"

/* A matrix inside a tensor's memory; strides in elements. */
typedef struct {
    const void *data;
    ptrdiff_t row, col;
} hg_matrix;

/* For every matrix of `batch`: c[m, n] (+)= sum over `inner` of a[m, k] b[k, n], c row-major in rows of length ldc.
 * The loops step over matrices: batch has the operands a, b, c, inner has a, b. {0} for either: one matrix.
 * Then, when there are some: + bias[n] a row, and y = act(c), rows like c's, y = c when it is NULL (c then holds act's value). */
typedef struct {
    hg_dtype dtype;
    size_t m, n, k;
    hg_matrix a, b;
    void *c;
    size_t ldc;
    bool add;
    hg_loop batch, inner;
    const void *bias;
    hg_function act; /* HG_IDENTITY: none */
    void *y;
} hg_product;

/* BLAS takes it as it is: one stride is 1, the other at least as long as a row, both below 2^31. */
bool hg_matrix_fits(size_t rows, size_t cols, ptrdiff_t row, ptrdiff_t col);
void hg_product_do(hg_tape *t, const hg_product *p);

#endif
