/* learn/rows_kernel.c -- see learn/rows_kernel.h */
#include "learn/rows_kernel.h"
#include "num/isa.h"
#include <math.h>

enum { LANES = 8, BLOCK = 64 /* points */ };

/* In this form the bounds are one instruction each. */
HG_INLINE double scaled_one(double mean, double inverse, double most, float x) {
    const double z = ((double)x - mean) * inverse, low = -most > z ? -most : z;
    return most < low ? most : low;
}

HG_INLINE void hg_rows_scale_doubles_body(double *restrict out, const double *restrict mean,
                                          const double *restrict inverse, double most, const float *restrict x,
                                          size_t d) {
    for (size_t j = 0; j < d; j++) out[j] = scaled_one(mean[j], inverse[j], most, x[j]);
}
HG_ISA_FUNCTION(extern, hg_rows_scale_doubles,
                (double *out, const double *mean, const double *inverse, double most, const float *x, size_t d),
                (out, mean, inverse, most, x, d))

HG_INLINE void hg_rows_scale_floats_body(float *restrict out, const double *restrict mean,
                                         const double *restrict inverse, double most, const float *restrict x,
                                         size_t d) {
    for (size_t j = 0; j < d; j++) out[j] = (float)scaled_one(mean[j], inverse[j], most, x[j]);
}
HG_ISA_FUNCTION(extern, hg_rows_scale_floats,
                (float *out, const double *mean, const double *inverse, double most, const float *x, size_t d),
                (out, mean, inverse, most, x, d))

HG_INLINE void hg_rows_squash_body(float *x, double most, size_t n) {
    const float share = (float)(1 / (most * most));
    for (size_t i = 0; i < n; i++) x[i] = x[i] / sqrtf(1 + x[i] * x[i] * share);
}
HG_ISA_FUNCTION(extern, hg_rows_squash, (float *x, double most, size_t n), (x, most, n))

typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

/* Sums have names: as an array they would be stored at each step. The order of a row's sums is that of its columns. */
HG_INLINE void hg_rows_project_body(double *restrict at, const double *restrict axis, const double *restrict z,
                                    size_t d) {
    const double *z0 = z, *z1 = z + d, *z2 = z + 2 * d, *z3 = z + 3 * d;
    lanes l0 = { 0 }, l1 = { 0 }, l2 = { 0 }, l3 = { 0 }, h0 = { 0 }, h1 = { 0 }, h2 = { 0 }, h3 = { 0 };
    for (size_t j = 0; j < d; j++) {
        lanes low, high;
        memcpy(&low, axis + j * HG_ROWS_AXES, sizeof low);
        memcpy(&high, axis + j * HG_ROWS_AXES + LANES, sizeof high);
        l0 += low * z0[j], h0 += high * z0[j];
        l1 += low * z1[j], h1 += high * z1[j];
        l2 += low * z2[j], h2 += high * z2[j];
        l3 += low * z3[j], h3 += high * z3[j];
    }
    const lanes sum[2 * HG_ROWS_TOGETHER] = { l0, h0, l1, h1, l2, h2, l3, h3 };
    memcpy(at, sum, sizeof sum);
}
HG_ISA_FUNCTION(extern, hg_rows_project, (double *at, const double *axis, const double *z, size_t d), (at, axis, z, d))

HG_INLINE void hg_rows_squares_body(float *restrict square, const float *restrict point, const float *restrict at,
                                    size_t axes, size_t points) {
    size_t p = 0;
    for (; p + BLOCK <= points; p += BLOCK) {
        float sum[BLOCK] = { 0 };
        for (size_t a = 0; a < axes; a++)
            for (size_t k = 0; k < BLOCK; k++) {
                const float e = point[a * points + p + k] - at[a];
                sum[k] += e * e;
            }
        memcpy(square + p, sum, sizeof sum);
    }
    for (; p < points; p++) {
        square[p] = 0;
        for (size_t a = 0; a < axes; a++)
            square[p] += (point[a * points + p] - at[a]) * (point[a * points + p] - at[a]);
    }
}
HG_ISA_FUNCTION(extern, hg_rows_squares,
                (float *square, const float *point, const float *at, size_t axes, size_t points),
                (square, point, at, axes, points))
