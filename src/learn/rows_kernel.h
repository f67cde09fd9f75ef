/* learn/rows_kernel.h -- the loops that each predicted row goes through, compiled for several instruction sets (num/isa.h)
 *
 * At half a million rows a second and two threads a row has 4 microseconds for everything. The same bits come out whatever rows are
 * beside it; another instruction set may differ in the last bit.
 */
#ifndef HG_LEARN_ROWS_KERNEL_H
#define HG_LEARN_ROWS_KERNEL_H
#include <stddef.h>

enum { HG_ROWS_TOGETHER = 4 /* rows whose sums are independent chains */, HG_ROWS_AXES = 16 };

/* out[d] = (x - mean) inverse, cut to -most .. most. */
void hg_rows_scale_doubles(double *out, const double *mean, const double *inverse, double most, const float *x,
                           size_t d);
void hg_rows_scale_floats(float *out, const double *mean, const double *inverse, double most, const float *x, size_t d);
/* x[n] becomes x / sqrt(1 + x^2 / most^2): little of it where |x| is small, below most whatever it is. */
void hg_rows_squash(float *x, double most, size_t n);
/* at[HG_ROWS_TOGETHER,HG_ROWS_AXES] = z[HG_ROWS_TOGETHER,d] axis[d,HG_ROWS_AXES] */
void hg_rows_project(double *at, const double *axis, const double *z, size_t d);
/* square[points]: of the distances of at[axes] from point[axes,points]. */
void hg_rows_squares(float *square, const float *point, const float *at, size_t axes, size_t points);
#endif
