/* num/blocked.c -- Cholesky factor and inverse of a large matrix over a pool (see num/linalg.h)
 *
 * Right-looking: factor a diagonal block, solve the panel below it, subtract its square from the rest. The inverse is
 * X'X with X = L^-1, each block of columns of X a triangular solve of its own. Every block is one BLAS call.
 */
#include "num/linalg.h"
#include <cblas.h>
#include <string.h>

enum { BLOCK = 96 };

extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_len);

typedef struct {
    double *a, *x;    /* [n,n]: the matrix; X of the inverse */
    size_t n, at, nb; /* first row of the diagonal block, its size */
} job;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Rows begin.. of the panel below the block: P <- P L^-T. Indices count rows below the block. */
static void solve_panel(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    double *panel = j->a + (j->at + j->nb + begin) * j->n + j->at;
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)(end - begin), (int)j->nb, 1,
                j->a + j->at * j->n + j->at, (int)j->n, panel, (int)j->n);
}

/* The rows' part of the rest, up to the diagonal: C <- C - P P'. */
static void subtract_square(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    const double *panel = j->a + (j->at + j->nb) * j->n + j->at;
    double *rest = j->a + (j->at + j->nb) * (j->n + 1);
    hg_gemm(rest + begin * j->n, j->n, panel + begin * j->n, j->n, false, panel, j->n, true, end - begin, end, j->nb,
            -1, 1);
}

int hg_chol_blocked(double *a, size_t n, hg_pool *pool) {
    job j = { .a = a, .n = n };
    const int order = (int)n;
    for (j.at = 0; j.at < n; j.at += BLOCK) {
        j.nb = smaller(BLOCK, n - j.at);
        const int nb = (int)j.nb;
        int info = 0;
        dpotrf_("U", &nb, a + j.at * (n + 1), &order, &info, 1);
        if (info != 0) return (int)j.at + info;
        const size_t below = n - j.at - j.nb;
        hg_pool_for(pool, below, BLOCK, solve_panel, &j);
        hg_pool_for(pool, below, BLOCK, subtract_square, &j);
    }
    return 0;
}

/* Columns begin..end of X: rows above `begin` are zero. */
static void invert_columns(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    const size_t n = j->n, cols = end - begin;
    for (size_t i = 0; i < n; i++) memset(j->x + i * n + begin, 0, cols * sizeof(double));
    for (size_t i = begin; i < end; i++) j->x[i * n + i] = 1;
    hg_chol_lsolve_many(j->a + begin * (n + 1), n - begin, n, j->x + begin * (n + 1), cols, n);
}

/* Rows begin..end of X'X, up to the diagonal; only rows of X from `begin` on are not zero there. */
static void square_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    const size_t n = j->n;
    hg_gemm(j->a + begin * n, n, j->x + begin * n + begin, n, true, j->x + begin * n, n, false, end - begin, end,
            n - begin, 1, 0);
}

void hg_chol_inverse_blocked(double *l, double *work, size_t n, hg_pool *pool) {
    job j = { .a = l, .x = work, .n = n };
    hg_pool_for(pool, n, BLOCK, invert_columns, &j);
    hg_pool_for(pool, n, BLOCK, square_rows, &j);
}
