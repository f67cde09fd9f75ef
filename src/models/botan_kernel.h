/* models/botan_kernel.h -- the inner loops of models/botan_pass.c: rows of 64 numbers */
#ifndef HG_MODELS_BOTAN_KERNEL_H
#define HG_MODELS_BOTAN_KERNEL_H
#include <stddef.h>
#include <stdint.h>

enum { HG_BOTAN_WIDTH = 64 };

typedef enum { HG_BOTAN_PLAIN, HG_BOTAN_RELU, HG_BOTAN_MASK /* 0 where `mask` is not above 0 */ } hg_botan_end;

/* y[rows,64] = end(init + x[rows,64] w[64,64]). */
typedef struct {
    float *y;
    const float *init; /* rows `init_step` apart: 0 for a bias, 64 for rows; may be y */
    size_t init_step;
    const float *x, *w; /* rows of w are w_step apart */
    size_t w_step, rows;
    hg_botan_end end;
    const float *mask; /* [rows,64] */
} hg_botan_layer;
void hg_botan_apply(const hg_botan_layer *l);
/* grad[64,64] += dz[rows,64]' x[rows,64]; rows of grad are `step` apart. */
void hg_botan_outer(float *grad, size_t step, const float *dz, const float *x, size_t rows);

/* z[t] = c[t] + a[from[t]] + b[to[t]] */
void hg_botan_meet(float *z, const float *c, const float *a, const uint32_t *from, const float *b, const uint32_t *to,
                   size_t rows);
/* sum[at[t] - base] += z[t] */
void hg_botan_scatter(float *sum, size_t base, const uint32_t *at, const float *z, size_t rows);
/* y[t] = de[t] + dsum[to[t]] where e[t] > 0, else 0 */
void hg_botan_arrive(float *y, const float *de, const float *dsum, const uint32_t *to, const float *e, size_t rows);
void hg_botan_add(float *y, const float *x, size_t n);                     /* y += x */
void hg_botan_columns(float *sum, const float *x, size_t rows);            /* sum[64] += over rows of x[rows,64] */
void hg_botan_mask(float *y, const float *x, const float *mask, size_t n); /* y = x where mask > 0, else 0 */
void hg_botan_narrow(float *y, const float *x, size_t inputs, const float *w, const float *b,
                     size_t rows); /* y[rows,64] = relu(b + x[rows,inputs] w[inputs,64]) */
void hg_botan_narrow_outer(float *grad, const float *dz, const float *x, size_t inputs,
                           size_t rows);                                              /* grad[64,inputs] += dz' x */
void hg_botan_to_one(float *y, const float *x, const float *w, float b, size_t rows); /* y[t] = b + x[t] . w */
/* On the way back through it: dx[t] = g[t] w where x[t] > 0, else 0; dw += sum of g[t] x[t]. */
void hg_botan_from_one(float *dx, float *dw, const float *g, const float *x, const float *w, size_t rows);
#endif
