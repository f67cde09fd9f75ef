/* num/vector.c -- see num/vector.h */
#include "num/vector.h"
#include "num/isa.h"

HG_INLINE void hg_exp_many_body(double *y, const double *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = hg_exp_inline(x[i]);
}
HG_ISA_FUNCTION(extern, hg_exp_many, (double *y, const double *x, size_t n), (y, x, n))

HG_INLINE void hg_add_square_difference_body(double *restrict z, const double *restrict x, double a, double w,
                                             size_t n) {
    for (size_t i = 0; i < n; i++) z[i] += w * ((x[i] - a) * (x[i] - a));
}
HG_ISA_FUNCTION(extern, hg_add_square_difference, (double *z, const double *x, double a, double w, size_t n),
                (z, x, a, w, n))

HG_INLINE void hg_axpy_body(double *restrict y, double a, const double *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}
HG_ISA_FUNCTION(extern, hg_axpy, (double *y, double a, const double *x, size_t n), (y, a, x, n))

HG_INLINE void hg_add_squares_body(double *restrict z, const double *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++) z[i] += x[i] * x[i];
}
HG_ISA_FUNCTION(extern, hg_add_squares, (double *z, const double *x, size_t n), (z, x, n))

HG_INLINE void hg_multiply_body(double *y, const double *a, const double *b, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}
HG_ISA_FUNCTION(extern, hg_multiply, (double *y, const double *a, const double *b, size_t n), (y, a, b, n))
