/* secret/exact.h -- doubles that come out the same, digit for digit, on every server
 *
 * Servers build integer tables from public doubles, each by itself; one unit of difference in one weight makes their shares
 * inconsistent. So: additions, multiplications, divisions and square roots of IEEE 754 alone, in an order that the source
 * fixes; nothing contracted (-ffp-contract=off), no C library function but sqrt, no BLAS. Where a loop should become
 * vector instructions its order is written for vectors: 8 partial sums, or one sum a lane. The digits are the same for every compiler,
 * level of optimisation, vector width and number of threads; tests/secret/test_exact.c holds some of them.
 */
#ifndef HG_SECRET_EXACT_H
#define HG_SECRET_EXACT_H
#include "hagane/core.h"

double hg_exact_exp(double x);        /* x <= 709; 2 ulp */
double hg_exact_log(double x);        /* x > 0, finite; 2 ulp */
double hg_exact_cosine(double turns); /* cos(2 pi turns), |turns| < 2^50; 1e-15 */
double hg_exact_normal_pdf(double z);
double hg_exact_normal_cdf(double z); /* |z| <= 8; absolute error 1e-15, nine digits at z = -5 */

/* Rounds to nearest, ties to even, |x| < 2^51. */
double hg_exact_round(double x);

/* n standard normal deviates of a public seed (Philox; Box-Muller): hg_rng_normal with the functions above. */
void hg_exact_normals(double *z, size_t n, uint64_t seed, uint64_t stream);

/* r2[n] = squared distances of x[n, d] (by columns: x[j * stride + i]) from a[d]. Differences first: mirror images of a point
 * have the same r2. */
void hg_exact_distances(double *r2, const double *x, size_t stride, size_t n, const double *a, size_t d);
/* k[n] = correlation at squared distance r2: Matern-5/2 or exp(-r2 / (2 length^2)). k may be r2. */
void hg_exact_kernel(double *k, const double *r2, size_t n, double length, bool matern);

double hg_exact_dot(const double *x, const double *y, size_t n); /* 8 partial sums, then a fixed tree */
double hg_exact_dot_i32(const int32_t *x, const double *y, size_t n);
void hg_exact_axpy(double *y, double a, const double *x, size_t n); /* y += a x */

void hg_exact_cosines(double *y, const double *x, double scale, const double *shift,
                      size_t n); /* cos(2 pi (x scale + shift)) */

/* Candidates go in blocks of lanes: w[r * HG_LANES + lane]. */
enum { HG_LANES = 32 };
/* sum[lane] = sum_r k[r] w[r, lane], in the order of r. */
void hg_exact_block_dot(double *sum, const double *k, const double *w, size_t n);
/* w[r, lane] += g[r] a[lane], and, unless next is NULL, sum[lane] = sum_r next[r] w[r, lane] of the new w: one pass over
 * memory, the same digits as two. */
void hg_exact_block_step(double *w, const double *g, const double *a, double *sum, const double *next, size_t n);

/* x[r, lane] = round(scale (w[r, lane] + g[r] a[lane])), whole numbers; sum[lane] += |x|, most[lane] = greatest |x|. */
void hg_exact_block_round(double *x, double *sum, double *most, const double *w, const double *g, const double *a,
                          double scale, size_t n);

/* Lower Cholesky factor in place, a[n, n] row-major, zeros above. false: not positive definite. n^3 / 3 flops. */
bool hg_exact_cholesky(double *a, size_t n);
#endif
