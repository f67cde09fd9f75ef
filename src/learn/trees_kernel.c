/* learn/trees_kernel.c -- see learn/trees_kernel.h */
#include "learn/trees_kernel.h"
#include "num/isa.h"

HG_INLINE void hg_tree_ranges_body(float *restrict lo, float *restrict hi, const float *x, const uint32_t *row,
                                   size_t m, size_t d) {
    const float *first = x + (size_t)row[0] * d;
    for (size_t j = 0; j < d; j++) lo[j] = hi[j] = first[j];
    for (size_t i = 1; i < m; i++) {
        const float *restrict r = x + (size_t)row[i] * d;
        for (size_t j = 0; j < d; j++) {
            lo[j] = r[j] < lo[j] ? r[j] : lo[j];
            hi[j] = r[j] > hi[j] ? r[j] : hi[j];
        }
    }
}
HG_ISA_FUNCTION(extern, hg_tree_ranges, (float *lo, float *hi, const float *x, const uint32_t *row, size_t m, size_t d),
                (lo, hi, x, row, m, d))

/* A product with 0 or 1 is exact, so that it does not matter whether it is fused with the sum. */
HG_INLINE void hg_tree_left_body(float *restrict count, float *restrict sum, const float *restrict threshold,
                                 const float *x, const uint32_t *row, const float *y, size_t m, size_t d) {
    for (size_t i = 0; i < m; i++) {
        const float *restrict r = x + (size_t)row[i] * d;
        const float v = y[i];
        for (size_t j = 0; j < d; j++) {
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
