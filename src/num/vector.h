/* num/vector.h -- elementwise loops over arrays of doubles, compiled for several instruction sets (num/isa.h) */
#ifndef HG_NUM_VECTOR_H
#define HG_NUM_VECTOR_H
#include <stddef.h>

void hg_exp_many(double *y, const double *x,
                 size_t n); /* y[i] = exp(x[i]), 2 ulp for x <= 709; not below exp(-708); y may be x */
/* z[i] += w (x[i] - a)^2: squared distances, one dimension at a time. */
void hg_add_square_difference(double *z, const double *x, double a, double w, size_t n);
void hg_axpy(double *y, double a, const double *x, size_t n);            /* y += a x */
void hg_add_squares(double *z, const double *x, size_t n);               /* z[i] += x[i]^2 */
void hg_multiply(double *y, const double *a, const double *b, size_t n); /* y = a b, elementwise; y may be a or b */
#endif
