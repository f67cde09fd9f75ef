/* num/linalg.h -- dense double-precision linear algebra over OpenBLAS, all matrices row-major
 *
 * Only these few calls know that BLAS and LAPACK exist. OpenBLAS is kept on one thread while we compute: our own pool
 * parallelises above it, which is faster and gives the same bits for any thread count. Its number of threads belongs to
 * the process, so every public call that computes begins with HG_ONE_BLAS_THREAD; a program that does nothing else calls
 * hg_linalg_single_thread once.
 */
#ifndef HG_NUM_LINALG_H
#define HG_NUM_LINALG_H
#include "hagane/core.h"

/* Lower Cholesky factor in place: a[n,n] (lower triangle read) = L L'; the upper triangle is left as it was.
 * Returns 0, or k > 0 when the leading minor of order k is not positive definite (a is then ruined). LAPACK dpotrf. */
int hg_chol(double *a, size_t n);
void hg_chol_lsolve(const double *l, size_t n, double *b);  /* b[n] <- L^-1 b  */
void hg_chol_ltsolve(const double *l, size_t n, double *b); /* b[n] <- L^-T b  */
/* b[n,m] <- L^-1 b, row stride ldb >= m. dtrsm: n^2 m flops. */
void hg_chol_lsolve_many(const double *l, size_t n, size_t ldl, double *b, size_t m, size_t ldb);
/* inv[n,n] <- (L L')^-1, both triangles filled. l and inv may be the same array. LAPACK dpotri. */
void hg_chol_inverse(double *inv, const double *l, size_t n);
/* The lower triangle only; what is above the diagonal stays. */
void hg_chol_inverse_lower(double *inv, const double *l, size_t n);
/* The same two, cut into blocks over a pool (NULL: this thread): the cuts depend on n alone, so the bits do not depend on
 * the threads. Worth it from HG_BLOCKED_N up. Factor: what is above the diagonal is ruined. Inverse: l[n,n] becomes the
 * inverse, lower triangle; work[n,n]. */
enum { HG_BLOCKED_N = 256 };
int hg_chol_blocked(double *a, size_t n, hg_pool *pool);
void hg_chol_inverse_blocked(double *l, double *work, size_t n, hg_pool *pool);
/* l[n,n] <- L^-1 in place, zeros above the diagonal. LAPACK dtrtri: n^3/3 flops. */
void hg_lower_invert(double *l, size_t n);
/* c[n,m] <- L b with a lower-triangular l[n,n], zeros above: n^2 m flops at the speed of GEMM (dtrsm and dtrmm reach
 * half of it at the sizes we meet). b and c must not overlap. */
void hg_lower_multiply(double *c, size_t ldc, const double *l, size_t ldl, const double *b, size_t ldb, size_t n,
                       size_t m);
void hg_mirror_lower(double *a, size_t n); /* a[i,j] <- a[j,i] for i < j */
void hg_transpose(double *out, size_t ldo, const double *in, size_t ldi, size_t rows, size_t cols); /* out[cols,rows] */
double hg_chol_logdet(const double *l, size_t n); /* log det(L L') = 2 sum log l_ii */
/* l[n,n] in rows of length ld grows by one row: k[n] = covariances with the old points, kk = own variance. O(n^2).
 * Row n of l is written. false when the new pivot is not positive. */
bool hg_chol_append(double *l, size_t n, size_t ld, const double *k, double kk);

/* l[n,n] lower, zeros above: L L' grows by x x'; x[n] is used up. O(n^2). */
void hg_chol_update(double *l, size_t n, double *x);

/* c[n,n] <- alpha a a' + beta c, lower triangle only; a[n,k]. */
void hg_syrk_lower(double *c, size_t ldc, const double *a, size_t lda, size_t n, size_t k, double alpha, double beta);
/* c[m,n] <- alpha op(a) op(b) + beta c with op(a)[m,k], op(b)[k,n]; ta, tb say "stored transposed". */
void hg_gemm(double *c, size_t ldc, const double *a, size_t lda, bool ta, const double *b, size_t ldb, bool tb,
             size_t m, size_t n, size_t k, double alpha, double beta);
/* The same in float. */
void hg_gemm_f32(float *c, size_t ldc, const float *a, size_t lda, bool ta, const float *b, size_t ldb, bool tb,
                 size_t m, size_t n, size_t k, float alpha, float beta);
void hg_gemv(double *y, const double *a, size_t lda, bool ta, const double *x, size_t m, size_t n, double alpha,
             double beta); /* a[m,n] as stored; y <- alpha op(a) x + beta y */
double hg_dot(const double *a, const double *b, size_t n);
/* Eigenvalues w[n] ascending and eigenvectors as the ROWS of a[n,n] (symmetric on entry). 0, or LAPACK's info
 * (-1000: no memory). dsyev. */
int hg_eigen_symmetric(double *a, double *w, size_t n);
/* The same by divide and conquer with the caller's scratch: nothing is allocated. dsyevd. */
size_t hg_eigen_work_size(size_t n);  /* doubles */
size_t hg_eigen_iwork_size(size_t n); /* ints */
int hg_eigen_symmetric_with(double *a, double *w, size_t n, double *work, int *iwork);

/* a[n,n] = P L U in place with pivot[n]; 0, or k > 0 when the pivot of column k is zero. Then b[n] <- a^-1 b. */
int hg_lu(double *a, int *pivot, size_t n);
void hg_lu_solve(const double *lu, const int *pivot, size_t n, double *b);

/* Until the end of its block BLAS runs on one thread; when the last such block of the process ends it gets back the number
 * it had. Nests, in any thread. */
#define HG_ONE_BLAS_THREAD __attribute__((cleanup(hg_blas_end), unused)) const int one_blas_thread = hg_blas_begin()
int hg_blas_begin(void);
void hg_blas_end(const int *unused);
void hg_linalg_single_thread(void);
const char *hg_linalg_config(void); /* "OpenBLAS 0.3.21 ... Zen": for `hagane doctor` and run records */
#endif
