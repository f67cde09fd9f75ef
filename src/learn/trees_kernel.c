/* learn/trees_kernel.c -- see learn/trees_kernel.h */
#include "learn/trees_kernel.h"
#include "num/isa.h"
#include <string.h>

/* Columns are taken WIDE at a time, so that what is gathered of them stays in registers while all rows pass; rows are looked for
 * in memory AHEAD of time. Columns that are left over go one after another. */
enum { LANES = 16, VECTORS = 4, WIDE = LANES * VECTORS, AHEAD = 8, LINE = 16 /* floats */ };
typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t bits __attribute__((vector_size(4 * LANES)));

HG_INLINE void look_ahead(const float *x, const uint32_t *row, size_t i, size_t m, size_t d, size_t j) {
    const float *r = x + (size_t)row[i + AHEAD < m ? i + AHEAD : m - 1] * d + j;
    for (size_t k = 0; k < WIDE; k += LINE) __builtin_prefetch(r + k);
}

HG_INLINE void ranges_wide(float *restrict lo, float *restrict hi, const float *x, const uint32_t *row, size_t m,
                           size_t d, size_t j) {
    lanes least[VECTORS], most[VECTORS], r;
    memcpy(least, x + (size_t)row[0] * d + j, sizeof least);
    memcpy(most, least, sizeof most);
    for (size_t i = 1; i < m; i++) {
        look_ahead(x, row, i, m, d, j);
        for (size_t k = 0; k < VECTORS; k++) {
            memcpy(&r, x + (size_t)row[i] * d + j + k * LANES, sizeof r);
            least[k] = (lanes)(((bits)r & (r < least[k])) | ((bits)least[k] & ~(r < least[k])));
            most[k] = (lanes)(((bits)r & (r > most[k])) | ((bits)most[k] & ~(r > most[k])));
        }
    }
    memcpy(lo + j, least, sizeof least);
    memcpy(hi + j, most, sizeof most);
}

HG_INLINE void hg_tree_ranges_body(float *restrict lo, float *restrict hi, const float *x, const uint32_t *row,
                                   size_t m, size_t d) {
    size_t begin = 0;
    for (; begin + WIDE <= d; begin += WIDE) ranges_wide(lo, hi, x, row, m, d, begin);
    for (size_t j = begin; j < d; j++) lo[j] = hi[j] = x[(size_t)row[0] * d + j];
    for (size_t i = 1; i < m; i++) {
        const float *restrict r = x + (size_t)row[i] * d;
        for (size_t j = begin; j < d; j++) {
            lo[j] = r[j] < lo[j] ? r[j] : lo[j];
            hi[j] = r[j] > hi[j] ? r[j] : hi[j];
        }
    }
}
HG_ISA_FUNCTION(extern, hg_tree_ranges, (float *lo, float *hi, const float *x, const uint32_t *row, size_t m, size_t d),
                (lo, hi, x, row, m, d))

/* A comparison gives all bits or none: of 1 and of y it leaves what is to be added. */
HG_INLINE void left_wide(float *restrict count, float *restrict sum, const float *restrict threshold, const float *x,
                         const uint32_t *row, const float *y, size_t m, size_t d, size_t j) {
    lanes t[VECTORS], c[VECTORS], s[VECTORS], r;
    const lanes zero = { 0 }, one = zero + 1.0f;
    memcpy(t, threshold + j, sizeof t);
    memcpy(c, count + j, sizeof c);
    memcpy(s, sum + j, sizeof s);
    for (size_t i = 0; i < m; i++) {
        const lanes v = zero + y[i];
        look_ahead(x, row, i, m, d, j);
        for (size_t k = 0; k < VECTORS; k++) {
            memcpy(&r, x + (size_t)row[i] * d + j + k * LANES, sizeof r);
            const bits left = r <= t[k];
            c[k] += (lanes)(left & (bits)one);
            s[k] += (lanes)(left & (bits)v);
        }
    }
    memcpy(count + j, c, sizeof c);
    memcpy(sum + j, s, sizeof s);
}

/* A product with 0 or 1 is exact, so that it does not matter whether it is fused with the sum. */
HG_INLINE void hg_tree_left_body(float *restrict count, float *restrict sum, const float *restrict threshold,
                                 const float *x, const uint32_t *row, const float *y, size_t m, size_t d) {
    size_t begin = 0;
    for (; begin + WIDE <= d; begin += WIDE) left_wide(count, sum, threshold, x, row, y, m, d, begin);
    for (size_t i = 0; i < m; i++) {
        const float *restrict r = x + (size_t)row[i] * d;
        const float v = y[i];
        for (size_t j = begin; j < d; j++) {
            const float left = r[j] <= threshold[j] ? 1.0f : 0.0f;
            count[j] += left;
            sum[j] += left * v;
        }
    }
}
HG_ISA_FUNCTION(extern, hg_tree_left,
                (float *count, float *sum, const float *threshold, const float *x, const uint32_t *row, const float *y,
                 size_t m, size_t d),
                (count, sum, threshold, x, row, y, m, d))

HG_INLINE void hg_tree_left_classes_body(float *count, const float *restrict threshold, const float *x,
                                         const uint32_t *row, const uint32_t *of_class, size_t m, size_t d) {
    for (size_t i = 0; i < m; i++) {
        const float *restrict r = x + (size_t)row[i] * d;
        float *restrict c = count + (size_t)of_class[i] * d;
        for (size_t j = 0; j < d; j++) c[j] += r[j] <= threshold[j] ? 1.0f : 0.0f;
    }
}
HG_ISA_FUNCTION(extern, hg_tree_left_classes,
                (float *count, const float *threshold, const float *x, const uint32_t *row, const uint32_t *of_class,
                 size_t m, size_t d),
                (count, threshold, x, row, of_class, m, d))
