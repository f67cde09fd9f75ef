/* tensor/gemm.c -- products of matrices over the pool; see tensor/gemm.h
 *
 * The result is cut into blocks whose borders depend on the sizes alone, a task each, and every task is one call of OpenBLAS on one
 * thread: same bits for any number of threads. Bias and activation are applied to a block while it is in the cache.
 */
#include "tensor/gemm.h"
#include "num/linalg.h"
#include <cblas.h>
#include <limits.h>
#include <string.h>

enum { ROWS = 256, COLS = 512, TASKS = 8, LEAST = 64 };
static const double WORK_LEAST = 1 << 18; /* multiply-adds worth a task of their own */

bool hg_matrix_fits(size_t rows, size_t cols, ptrdiff_t row, ptrdiff_t col) {
    if (rows > INT_MAX || cols > INT_MAX || row > INT_MAX || col > INT_MAX) return false;
    if (col == 1 || cols <= 1) return rows <= 1 || row >= (ptrdiff_t)(cols ? cols : 1);
    return (row == 1 || rows <= 1) && col >= (ptrdiff_t)(rows ? rows : 1);
}

typedef struct {
    const hg_product *p;
    size_t rows, cols;             /* of a block */
    size_t row_blocks, col_blocks; /* of a matrix */
} job;

static const void *element(const hg_product *p, const void *data, ptrdiff_t i) {
    return (const char *)data + i * (ptrdiff_t)hg_dtype_size(p->dtype);
}

/* How BLAS is told of a matrix: rows of length ld, or columns of length ld. */
typedef struct {
    CBLAS_TRANSPOSE turned;
    int ld;
} blas_matrix;

static blas_matrix as_blas(const hg_matrix *x, size_t rows, size_t cols) {
    const bool turned = !(x->col == 1 || cols <= 1);
    const size_t least = turned ? rows : cols;
    const ptrdiff_t ld = turned ? x->col : x->row;
    const bool one = turned ? cols <= 1 : rows <= 1; /* its stride says nothing */
    return (blas_matrix) { turned ? CblasTrans : CblasNoTrans,
                           one || ld < (ptrdiff_t)least ? (int)(least ? least : 1) : (int)ld };
}

static void multiply(const hg_product *p, void *c, const void *a, const void *b, size_t m, size_t n, bool add) {
    const blas_matrix ma = as_blas(&p->a, p->m, p->k), mb = as_blas(&p->b, p->k, p->n);
    if (p->dtype == HG_F32)
        cblas_sgemm(CblasRowMajor, ma.turned, mb.turned, (int)m, (int)n, (int)p->k, 1, a, ma.ld, b, mb.ld, add, c,
                    (int)p->ldc);
    else
        cblas_dgemm(CblasRowMajor, ma.turned, mb.turned, (int)m, (int)n, (int)p->k, 1, a, ma.ld, b, mb.ld, add, c,
                    (int)p->ldc);
}

/* Rows of bias, or zeros: what the product is added to. */
static void begin_block(const hg_product *p, char *c, const char *bias, size_t m, size_t n) {
    const size_t size = hg_dtype_size(p->dtype);
    for (size_t i = 0; i < m; i++) {
        if (bias)
            memcpy(c + i * p->ldc * size, bias, n * size);
        else
            memset(c + i * p->ldc * size, 0, n * size);
    }
}

static void activate(const hg_product *p, char *y, const char *z, size_t m, size_t n) {
    const size_t size = hg_dtype_size(p->dtype);
    char room[COLS * sizeof(double)];
    for (size_t i = 0; i < m; i++, y += p->ldc * size, z += p->ldc * size) {
        if (y == z) memcpy(room, z, n * size);
        hg_function_values(p->act, p->dtype, y, y == z ? room : z, n);
    }
}

static void block(const job *j, size_t which, size_t i, size_t k) {
    const hg_product *p = j->p;
    const size_t m = p->m - i < j->rows ? p->m - i : j->rows, n = p->n - k < j->cols ? p->n - k : j->cols;
    ptrdiff_t o[HG_LOOP_OPERANDS] = { 0 };
    if (p->batch.rank) hg_loop_run(&p->batch, which, 1, o);
    const ptrdiff_t at = o[2] + (ptrdiff_t)(i * p->ldc + k), ai = o[0] + (ptrdiff_t)i * p->a.row,
                    bi = o[1] + (ptrdiff_t)k * p->b.col;
    char *c = (char *)p->c + at * (ptrdiff_t)hg_dtype_size(p->dtype);
    const bool filled = p->bias || p->k == 0;
    if (filled && !p->add) begin_block(p, c, p->bias ? element(p, p->bias, (ptrdiff_t)k) : NULL, m, n);
    const size_t inner = p->inner.rank ? p->inner.total : 1;
    for (size_t r = 0; r < inner && p->k; r++) {
        ptrdiff_t in[HG_LOOP_OPERANDS] = { 0 };
        if (p->inner.rank) hg_loop_run(&p->inner, r, 1, in);
        multiply(p, c, element(p, p->a.data, ai + in[0]), element(p, p->b.data, bi + in[1]), m, n,
                 p->add || filled || r > 0);
    }
    char *y = p->y ? (char *)p->y + at * (ptrdiff_t)hg_dtype_size(p->dtype) : c;
    if (p->act != HG_IDENTITY || y != c) activate(p, y, c, m, n);
}

static void task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        const size_t inside = unit % (j->row_blocks * j->col_blocks);
        block(j, unit / (j->row_blocks * j->col_blocks), inside / j->col_blocks * j->rows,
              inside % j->col_blocks * j->cols);
    }
}

static size_t blocks(size_t n, size_t size) { return (n + size - 1) / size; }

void hg_product_do(hg_tape *t, const hg_product *p) {
    job j = { .p = p, .rows = ROWS, .cols = COLS };
    const size_t matrices = p->batch.rank ? p->batch.total : 1;
    if (p->m == 0 || p->n == 0 || matrices == 0) return;
    const double depth = (double)p->k * (double)(p->inner.rank ? p->inner.total : 1);
    for (;;) { /* smaller blocks until there are tasks enough */
        const size_t m = p->m < j.rows ? p->m : j.rows, n = p->n < j.cols ? p->n : j.cols;
        if (blocks(p->m, j.rows) * blocks(p->n, j.cols) * matrices >= TASKS) break;
        if ((double)m * (double)n * depth < 2 * WORK_LEAST || (m <= LEAST && n <= LEAST)) break;
        if (m > n)
            j.rows = blocks(m, 2 * 16) * 16;
        else
            j.cols = blocks(n, 2 * 16) * 16;
    }
    j.row_blocks = blocks(p->m, j.rows);
    j.col_blocks = blocks(p->n, j.cols);
    const size_t units = j.row_blocks * j.col_blocks * matrices;
    const double work = (double)j.rows * (double)j.cols * depth + 1;
    const size_t chunk = work < WORK_LEAST ? (size_t)(WORK_LEAST / work) : 1;
    HG_ONE_BLAS_THREAD;
    hg_pool_for(hg_tape_pool(t), units, chunk, task, &j);
}
