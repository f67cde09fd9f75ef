/* models/botan_kernel.c -- see models/botan_kernel.h
 *
 * Nearly all of the work is one block of sums, 6 rows of 64 numbers: with AVX-512 24 vectors that stay in registers, so that a load of the
 * weights serves 6 multiply-adds, and a number of a row 4. With fewer registers the 64 columns are done in parts.
 */
#include "models/botan_kernel.h"
#include "num/isa.h"

enum { W = HG_BOTAN_WIDTH, ROWS = 6 };

/* y[i][j] = end(init[i][j] + sum over l < k of a(i, l) b[l][j]) */
typedef struct {
    float *y;
    const float *init, *a, *b, *mask;
    size_t y_step, init_step, b_step, k, rows;
    hg_botan_end end;
} product;

/* a(i, l) = a[64 i + l], or turned: a[i + 64 l]. */
#define BODY(name, bytes, vectors)                                                                                     \
    typedef float name##_vector __attribute__((vector_size(bytes)));                                                   \
    typedef int name##_bits __attribute__((vector_size(bytes)));                                                       \
    HG_INLINE void name##_block(const product *p, size_t row, size_t lane, const size_t rows, const int turned) {      \
        const size_t lanes = (bytes) / sizeof(float), row_step = turned ? 1 : W, step = turned ? W : 1;                \
        name##_vector sum[ROWS][vectors];                                                                              \
        for (size_t i = 0; i < rows; i++)                                                                              \
            for (size_t v = 0; v < (vectors); v++)                                                                     \
                memcpy(&sum[i][v], p->init + (row + i) * p->init_step + lane + v * lanes, bytes);                      \
        const float *a = p->a + row * row_step, *b = p->b + lane;                                                      \
        for (size_t l = 0; l < p->k; l++, a += step, b += p->b_step) {                                                 \
            name##_vector x[vectors];                                                                                  \
            for (size_t v = 0; v < (vectors); v++) memcpy(&x[v], b + v * lanes, bytes);                                \
            for (size_t i = 0; i < rows; i++)                                                                          \
                for (size_t v = 0; v < (vectors); v++) sum[i][v] += a[i * row_step] * x[v];                            \
        }                                                                                                              \
        for (size_t i = 0; i < rows; i++)                                                                              \
            for (size_t v = 0; v < (vectors); v++) {                                                                   \
                name##_vector sign = sum[i][v];                                                                        \
                if (p->end == HG_BOTAN_MASK) memcpy(&sign, p->mask + (row + i) * W + lane + v * lanes, bytes);         \
                if (p->end != HG_BOTAN_PLAIN)                                                                          \
                    sum[i][v] = (name##_vector)((name##_bits)sum[i][v] & (name##_bits)(sign > 0));                     \
                memcpy(p->y + (row + i) * p->y_step + lane + v * lanes, &sum[i][v], bytes);                            \
            }                                                                                                          \
    }                                                                                                                  \
    HG_INLINE void name##_all(const product *p, const int turned) {                                                    \
        const size_t wide = (vectors) * (bytes) / sizeof(float);                                                       \
        size_t row = 0;                                                                                                \
        for (; row + ROWS <= p->rows; row += ROWS)                                                                     \
            for (size_t lane = 0; lane < W; lane += wide) name##_block(p, row, lane, ROWS, turned);                    \
        for (; row + 2 <= p->rows; row += 2)                                                                           \
            for (size_t lane = 0; lane < W; lane += wide) name##_block(p, row, lane, 2, turned);                       \
        for (; row < p->rows; row++)                                                                                   \
            for (size_t lane = 0; lane < W; lane += wide) name##_block(p, row, lane, 1, turned);                       \
    }

BODY(wide, 64, 4)
BODY(middle, 32, 2)
BODY(narrow, 16, 2)

#if defined(__x86_64__)
#define KERNEL(name, turned)                                                                                           \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))) static void name##_avx512(                  \
        const product *p) {                                                                                            \
        wide_all(p, turned);                                                                                           \
    }                                                                                                                  \
    __attribute__((target("avx2,fma"))) static void name##_avx2(const product *p) { middle_all(p, turned); }           \
    static void name##_baseline(const product *p) { narrow_all(p, turned); }                                           \
    static void name(const product *p) {                                                                               \
        if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))                                  \
            name##_avx512(p);                                                                                          \
        else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))                                      \
            name##_avx2(p);                                                                                            \
        else                                                                                                           \
            name##_baseline(p);                                                                                        \
    }
#else
#define KERNEL(name, turned)                                                                                           \
    static void name(const product *p) { narrow_all(p, turned); }
#endif
KERNEL(straight, 0)
KERNEL(turned, 1)

void hg_botan_apply(const hg_botan_layer *l) {
    const product p = { .y = l->y,
                        .init = l->init,
                        .a = l->x,
                        .b = l->w,
                        .mask = l->mask,
                        .y_step = W,
                        .init_step = l->init_step,
                        .b_step = l->w_step,
                        .k = W,
                        .rows = l->rows,
                        .end = l->end };
    straight(&p);
}

void hg_botan_outer(float *grad, size_t step, const float *dz, const float *x, size_t rows) {
    const product p = { .y = grad,
                        .init = grad,
                        .a = dz,
                        .b = x,
                        .y_step = step,
                        .init_step = step,
                        .b_step = W,
                        .k = rows,
                        .rows = W,
                        .end = HG_BOTAN_PLAIN };
    turned(&p);
}

/* ---- rows, one by one -------------------------------------------------------------------------------------------- */

HG_INLINE void hg_botan_meet_body(float *restrict z, const float *restrict c, const float *restrict a,
                                  const uint32_t *from, const float *restrict b, const uint32_t *to, size_t rows) {
    for (size_t t = 0; t < rows; t++) {
        const float *at = a + (size_t)from[t] * W, *bt = b + (size_t)to[t] * W;
        for (size_t k = 0; k < W; k++) z[t * W + k] = c[t * W + k] + at[k] + bt[k];
    }
}
HG_ISA_FUNCTION(extern, hg_botan_meet,
                (float *z, const float *c, const float *a, const uint32_t *from, const float *b, const uint32_t *to,
                 size_t rows),
                (z, c, a, from, b, to, rows))

HG_INLINE void hg_botan_scatter_body(float *restrict sum, size_t base, const uint32_t *at, const float *restrict z,
                                     size_t rows) {
    for (size_t t = 0; t < rows; t++) {
        float *row = sum + (at[t] - base) * W;
        for (size_t k = 0; k < W; k++) row[k] += z[t * W + k];
    }
}
HG_ISA_FUNCTION(extern, hg_botan_scatter, (float *sum, size_t base, const uint32_t *at, const float *z, size_t rows),
                (sum, base, at, z, rows))

HG_INLINE void hg_botan_arrive_body(float *restrict y, const float *restrict de, const float *restrict dsum,
                                    const uint32_t *to, const float *restrict e, size_t rows) {
    for (size_t t = 0; t < rows; t++) {
        const float *row = dsum + (size_t)to[t] * W;
        for (size_t k = 0; k < W; k++) {
            const float g = de[t * W + k] + row[k];
            y[t * W + k] = e[t * W + k] > 0 ? g : 0;
        }
    }
}
HG_ISA_FUNCTION(extern, hg_botan_arrive,
                (float *y, const float *de, const float *dsum, const uint32_t *to, const float *e, size_t rows),
                (y, de, dsum, to, e, rows))

HG_INLINE void hg_botan_add_body(float *restrict y, const float *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}
HG_ISA_FUNCTION(extern, hg_botan_add, (float *y, const float *x, size_t n), (y, x, n))

HG_INLINE void hg_botan_columns_body(float *restrict sum, const float *restrict x, size_t rows) {
    float s[W] = { 0 };
    for (size_t t = 0; t < rows; t++)
        for (size_t k = 0; k < W; k++) s[k] += x[t * W + k];
    for (size_t k = 0; k < W; k++) sum[k] += s[k];
}
HG_ISA_FUNCTION(extern, hg_botan_columns, (float *sum, const float *x, size_t rows), (sum, x, rows))

HG_INLINE void hg_botan_mask_body(float *y, const float *x, const float *restrict mask, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = mask[i] > 0 ? x[i] : 0;
}
HG_ISA_FUNCTION(extern, hg_botan_mask, (float *y, const float *x, const float *mask, size_t n), (y, x, mask, n))

HG_INLINE void hg_botan_narrow_body(float *restrict y, const float *restrict x, size_t inputs, const float *restrict w,
                                    const float *restrict b, size_t rows) {
    for (size_t t = 0; t < rows; t++)
        for (size_t k = 0; k < W; k++) {
            float v = b[k];
            for (size_t i = 0; i < inputs; i++) v += x[t * inputs + i] * w[i * W + k];
            y[t * W + k] = v > 0 ? v : 0;
        }
}
HG_ISA_FUNCTION(extern, hg_botan_narrow,
                (float *y, const float *x, size_t inputs, const float *w, const float *b, size_t rows),
                (y, x, inputs, w, b, rows))

HG_INLINE void hg_botan_narrow_outer_body(float *restrict grad, const float *restrict dz, const float *restrict x,
                                          size_t inputs, size_t rows) {
    for (size_t i = 0; i < inputs; i++) {
        float s[W] = { 0 };
        for (size_t t = 0; t < rows; t++)
            for (size_t k = 0; k < W; k++) s[k] += dz[t * W + k] * x[t * inputs + i];
        for (size_t k = 0; k < W; k++) grad[k * inputs + i] += s[k];
    }
}
HG_ISA_FUNCTION(extern, hg_botan_narrow_outer,
                (float *grad, const float *dz, const float *x, size_t inputs, size_t rows), (grad, dz, x, inputs, rows))

HG_INLINE void hg_botan_to_one_body(float *restrict y, const float *restrict x, const float *restrict w, float b,
                                    size_t rows) {
    for (size_t t = 0; t < rows; t++) {
        float s[16];
        for (size_t k = 0; k < 16; k++)
            s[k] = (x[t * W + k] * w[k] + x[t * W + k + 16] * w[k + 16]) +
                   (x[t * W + k + 32] * w[k + 32] + x[t * W + k + 48] * w[k + 48]);
        for (size_t n = 8; n; n /= 2)
            for (size_t k = 0; k < n; k++) s[k] += s[k + n];
        y[t] = b + s[0];
    }
}
HG_ISA_FUNCTION(extern, hg_botan_to_one, (float *y, const float *x, const float *w, float b, size_t rows),
                (y, x, w, b, rows))

HG_INLINE void hg_botan_from_one_body(float *restrict dx, float *restrict dw, const float *restrict g,
                                      const float *restrict x, const float *restrict w, size_t rows) {
    float s[W] = { 0 };
    for (size_t t = 0; t < rows; t++)
        for (size_t k = 0; k < W; k++) {
            s[k] += g[t] * x[t * W + k];
            dx[t * W + k] = x[t * W + k] > 0 ? g[t] * w[k] : 0;
        }
    for (size_t k = 0; k < W; k++) dw[k] += s[k];
}
HG_ISA_FUNCTION(extern, hg_botan_from_one,
                (float *dx, float *dw, const float *g, const float *x, const float *w, size_t rows),
                (dx, dw, g, x, w, rows))
