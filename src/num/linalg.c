/* num/linalg.c -- see num/linalg.h. LAPACK is column-major: a lower row-major matrix is its upper, so 'U' below. */
#include "num/linalg.h"
#include "core/memory.h"
#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

/* The LAPACK symbols of libopenblas, with the hidden lengths of Fortran strings. */
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_len);
extern void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_len);
extern void dtrtri_(const char *uplo, const char *diag, const int *n, double *a, const int *lda, int *info,
                    size_t uplo_len, size_t diag_len);
extern void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
                   const int *lwork, int *info, size_t jobz_len, size_t uplo_len);
extern void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
                    double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t jobz_len,
                    size_t uplo_len);
extern void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivot, int *info);
extern void dgetrs_(const char *trans, const int *n, const int *nrhs, const double *a, const int *lda, const int *pivot,
                    double *b, const int *ldb, int *info, size_t trans_len);

int hg_chol(double *a, size_t n) {
    const int order = (int)n;
    int info = 0;
    if (n) dpotrf_("U", &order, a, &order, &info, 1);
    return info;
}

void hg_chol_lsolve(const double *l, size_t n, double *b) {
    if (n) cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, l, (int)n, b, 1);
}

void hg_chol_ltsolve(const double *l, size_t n, double *b) {
    if (n) cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, (int)n, l, (int)n, b, 1);
}

void hg_chol_lsolve_many(const double *l, size_t n, size_t ldl, double *b, size_t m, size_t ldb) {
    if (n && m)
        cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, (int)m, 1, l, (int)ldl, b,
                    (int)ldb);
}

void hg_chol_inverse_lower(double *inv, const double *l, size_t n) {
    const int order = (int)n;
    int info = 0;
    if (inv != l) memcpy(inv, l, n * n * sizeof *inv);
    if (n) dpotri_("U", &order, inv, &order, &info, 1);
}

void hg_chol_inverse(double *inv, const double *l, size_t n) {
    hg_chol_inverse_lower(inv, l, n);
    hg_mirror_lower(inv, n);
}

void hg_lower_invert(double *l, size_t n) {
    const int order = (int)n;
    int info = 0;
    if (n) dtrtri_("U", "N", &order, l, &order, &info, 1, 1);
    for (size_t i = 0; i < n; i++) memset(l + i * n + i + 1, 0, (n - i - 1) * sizeof *l);
}

void hg_lower_multiply(double *c, size_t ldc, const double *l, size_t ldl, const double *b, size_t ldb, size_t n,
                       size_t m) {
    enum { BAND = 32 }; /* rows at once: the zeros multiplied are at most BAND / n of the work */
    for (size_t i = 0; i < n; i += BAND) {
        const size_t rows = n - i < BAND ? n - i : BAND;
        hg_gemm(c + i * ldc, ldc, l + i * ldl, ldl, false, b, ldb, false, rows, m, i + rows, 1, 0);
    }
}

enum { SQUARE = 16 }; /* side of the tiles in which matrices are turned: two of them fit the first cache */

void hg_mirror_lower(double *a, size_t n) {
    for (size_t bi = 0; bi < n; bi += SQUARE)
        for (size_t bj = 0; bj <= bi; bj += SQUARE)
            for (size_t i = bi; i < bi + SQUARE && i < n; i++)
                for (size_t j = bj; j < bj + SQUARE && j < i; j++) a[j * n + i] = a[i * n + j];
}

void hg_transpose(double *out, size_t ldo, const double *in, size_t ldi, size_t rows, size_t cols) {
    for (size_t bi = 0; bi < rows; bi += SQUARE)
        for (size_t bj = 0; bj < cols; bj += SQUARE)
            for (size_t i = bi; i < bi + SQUARE && i < rows; i++)
                for (size_t j = bj; j < bj + SQUARE && j < cols; j++) out[j * ldo + i] = in[i * ldi + j];
}

double hg_chol_logdet(const double *l, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += log(l[i * n + i]);
    return 2 * sum;
}

bool hg_chol_append(double *l, size_t n, size_t ld, const double *k, double kk) {
    double *row = l + n * ld;
    memcpy(row, k, n * sizeof *row);
    if (n) cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, l, (int)ld, row, 1);
    const double pivot = kk - hg_dot(row, row, n);
    if (!(pivot > 0)) return false;
    row[n] = sqrt(pivot);
    return true;
}

/* Rotations that fold x into L, one column at a time. */
void hg_chol_update(double *l, size_t n, double *x) {
    for (size_t k = 0; k < n; k++) {
        double *column = l + k * n + k;
        const double r = hypot(*column, x[k]), c = r / *column, s = x[k] / *column;
        *column = r;
        for (size_t i = k + 1; i < n; i++) {
            double *entry = l + i * n + k;
            *entry = (*entry + s * x[i]) / c;
            x[i] = c * x[i] - s * *entry;
        }
    }
}

void hg_syrk_lower(double *c, size_t ldc, const double *a, size_t lda, size_t n, size_t k, double alpha, double beta) {
    if (n) cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)n, (int)k, alpha, a, (int)lda, beta, c, (int)ldc);
}

void hg_gemm(double *c, size_t ldc, const double *a, size_t lda, bool ta, const double *b, size_t ldb, bool tb,
             size_t m, size_t n, size_t k, double alpha, double beta) {
    if (m && n)
        cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n,
                    (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

void hg_gemm_f32(float *c, size_t ldc, const float *a, size_t lda, bool ta, const float *b, size_t ldb, bool tb,
                 size_t m, size_t n, size_t k, float alpha, float beta) {
    if (m && n)
        cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n,
                    (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

void hg_gemv(double *y, const double *a, size_t lda, bool ta, const double *x, size_t m, size_t n, double alpha,
             double beta) {
    if (m && n)
        cblas_dgemv(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, (int)m, (int)n, alpha, a, (int)lda, x, 1, beta, y,
                    1);
}

double hg_dot(const double *a, const double *b, size_t n) { return n ? cblas_ddot((int)n, a, 1, b, 1) : 0; }

int hg_eigen_symmetric(double *a, double *w, size_t n) {
    const int order = (int)n;
    int info = 0, lwork = -1;
    double best = 0;
    if (n == 0) return 0;
    dsyev_("V", "U", &order, a, &order, w, &best, &lwork, &info, 1, 1);
    lwork = (int)best;
    double *work = hg_malloc((size_t)lwork, sizeof *work);
    if (!work) return -1000;
    dsyev_("V", "U", &order, a, &order, w, work, &lwork, &info, 1, 1); /* columns of their matrix are rows of ours */
    hg_free(work);
    return info;
}

size_t hg_eigen_work_size(size_t n) { return 1 + 6 * n + 2 * n * n; }
size_t hg_eigen_iwork_size(size_t n) { return 3 + 5 * n; }

int hg_eigen_symmetric_with(double *a, double *w, size_t n, double *work, int *iwork) {
    const int order = (int)n, lwork = (int)hg_eigen_work_size(n), liwork = (int)hg_eigen_iwork_size(n);
    int info = 0;
    if (n) dsyevd_("V", "U", &order, a, &order, w, work, &lwork, iwork, &liwork, &info, 1, 1);
    return info;
}

int hg_lu(double *a, int *pivot, size_t n) {
    const int order = (int)n;
    int info = 0;
    if (n) dgetrf_(&order, &order, a, &order, pivot, &info);
    return info;
}

void hg_lu_solve(const double *lu, const int *pivot, size_t n, double *b) {
    const int order = (int)n, one = 1;
    int info = 0;
    if (n) dgetrs_("T", &order, &one, lu, &order, pivot, b, &order, &info, 1); /* their columns are our rows */
}

/* The number of threads is the process's, so are these. */
static pthread_mutex_t blas_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t blas_users;
static int blas_threads; /* what the process had before the first of them */

int hg_blas_begin(void) {
    pthread_mutex_lock(&blas_lock);
    if (blas_users++ == 0) {
        blas_threads = openblas_get_num_threads();
        if (blas_threads != 1) openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&blas_lock);
    return 1;
}

void hg_blas_end(const int *unused) {
    (void)unused;
    pthread_mutex_lock(&blas_lock);
    if (--blas_users == 0 && blas_threads != 1) openblas_set_num_threads(blas_threads);
    pthread_mutex_unlock(&blas_lock);
}

void hg_linalg_single_thread(void) { openblas_set_num_threads(1); }
const char *hg_linalg_config(void) { return openblas_get_config(); }
