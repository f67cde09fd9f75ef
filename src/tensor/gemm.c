/* tensor/gemm.c -- products of matrices over the pool; see tensor/gemm.h
 *
 * The result is cut into blocks whose borders depend on the sizes alone, a task each, and every task is one call of OpenBLAS on one
 * thread: same bits for any number of threads. Bias and activation are applied to a block while it is in the cache. A small result of long
 * sums, as a layer's gradient with respect to its weights, is cut along the sums instead: narrow blocks would spend their time on packing.
 * Where b is small, tensor/narrow.h does the work of OpenBLAS without its copies. Of a tape that asks for bfloat16, tensor/bf16.h does the work of OpenBLAS, but where an edge is so short that there is nothing to win.
 */
#include "tensor/gemm.h"
#include "num/isa.h"
#include "num/linalg.h"
#include "tensor/bf16.h"
#include "tensor/narrow.h"
#include "tensor/tile.h"
#include <cblas.h>
#include <limits.h>
#include <string.h>

enum { ROWS = 1024, COLS = 512, TASKS = 8, LEAST = 64, BF16_EDGE = 8, DEPTH_LEAST = 256 };
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
    size_t depth;                  /* of k; less than k: pieces of the sums, each into a part of its own */
    char *parts;                   /* [pieces, m, n]; NULL: one piece */
    bool bf16, narrow;
    float *panels;    /* b of tensor/narrow.h, for all; NULL: BLAS */
    uint16_t *packed; /* b, for all; NULL: every task packs its own */
    uint16_t *room;   /* [threads, room_size] */
    size_t room_size;
} job;

static const void *element(const hg_product *p, const void *data, ptrdiff_t i) {
    return (const char *)data + i * (ptrdiff_t)hg_dtype_size(p->dtype);
}

static size_t blocks(size_t n, size_t size) { return (n + size - 1) / size; }

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

/* Columns from..from + n of b, rounded: packed before for all blocks, or here. */
static void multiply_bf16(const job *j, float *c, size_t ldc, const void *a, const void *b, size_t from, size_t m,
                          size_t n, size_t k, bool add, size_t worker) {
    const hg_product *p = j->p;
    const hg_matrix ma = { a, p->a.row, p->a.col }, mb = { b, p->b.row, p->b.col };
    uint16_t *room = j->room + worker * j->room_size, *own = room + hg_bf16_room(j->rows, k);
    const size_t first = from / HG_BF16_PANEL;
    if (!j->packed) hg_bf16_pack(own, &mb, k, n, 0, blocks(n, HG_BF16_PANEL));
    if (j->packed)
        hg_bf16_product(c, ldc, &ma, j->packed, k, p->n, first, m, n, add, false, room);
    else
        hg_bf16_product(c, ldc, &ma, own, k, n, 0, m, n, add, false, room);
}

static void multiply(const hg_product *p, void *c, size_t ldc, const void *a, const void *b, size_t m, size_t n,
                     size_t k, bool add) {
    const blas_matrix ma = as_blas(&p->a, p->m, p->k), mb = as_blas(&p->b, p->k, p->n);
    if (p->dtype == HG_F32)
        cblas_sgemm(CblasRowMajor, ma.turned, mb.turned, (int)m, (int)n, (int)k, 1, a, ma.ld, b, mb.ld, add, c,
                    (int)ldc);
    else
        cblas_dgemm(CblasRowMajor, ma.turned, mb.turned, (int)m, (int)n, (int)k, 1, a, ma.ld, b, mb.ld, add, c,
                    (int)ldc);
}

/* Columns from..from + n of b, which begins at one of its panels. */
static void narrow(const job *j, float *c, const void *a, size_t from, size_t m, size_t n, bool add) {
    const hg_product *p = j->p;
    const hg_matrix ma = { a, p->a.row, p->a.col };
    hg_panels b = hg_narrow_layout(j->panels, p->k);
    b.data += from / HG_TILE_FLOATS * b.apart;
    hg_narrow_product(c, p->ldc, &ma, b, m, n, p->k, add);
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

static void block(const job *j, size_t which, size_t i, size_t k, size_t worker) {
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
        const void *a = element(p, p->a.data, ai + in[0]), *b = element(p, p->b.data, bi + in[1]);
        if (j->bf16)
            multiply_bf16(j, (float *)c, p->ldc, a, b, k, m, n, p->k, p->add || filled || r > 0, worker);
        else if (j->panels)
            narrow(j, (float *)c, a, k, m, n, p->add || filled);
        else
            multiply(p, c, p->ldc, a, b, m, n, p->k, p->add || filled || r > 0);
    }
    char *y = p->y ? (char *)p->y + at * (ptrdiff_t)hg_dtype_size(p->dtype) : c;
    if (p->act != HG_IDENTITY || y != c) activate(p, y, c, m, n);
}

static void task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    for (size_t unit = begin; unit < end; unit++) {
        const size_t inside = unit % (j->row_blocks * j->col_blocks);
        block(j, unit / (j->row_blocks * j->col_blocks), inside / j->col_blocks * j->rows,
              inside % j->col_blocks * j->cols, worker);
    }
}

/* ---- cut along the sums ---------------------------------------------------------------------------------------- */

static void piece_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const hg_product *p = j->p;
    for (size_t piece = begin; piece < end; piece++) {
        const size_t from = piece * j->depth, k = p->k - from < j->depth ? p->k - from : j->depth;
        const void *a = element(p, p->a.data, (ptrdiff_t)from * p->a.col),
                   *b = element(p, p->b.data, (ptrdiff_t)from * p->b.row);
        char *c = j->parts + piece * p->m * p->n * hg_dtype_size(p->dtype);
        if (j->bf16)
            multiply_bf16(j, (float *)c, p->n, a, b, 0, p->m, p->n, k, false, worker);
        else if (p->dtype == HG_F32 && hg_narrow_fits_as_is(&p->a, &p->b, p->m, p->n, k))
            hg_narrow_product((float *)c, p->n, &(hg_matrix) { a, p->a.row, p->a.col },
                              hg_narrow_as_is(&(hg_matrix) { b, p->b.row, 1 }), p->m, p->n, k, false);
        else
            multiply(p, c, p->n, a, b, p->m, p->n, k, false);
    }
}

#define JOIN(type, R)                                                                                                  \
    HG_INLINE void join_##type##_body(R *restrict c, const R *restrict parts, size_t apart, size_t pieces, size_t n) { \
        for (size_t piece = 0; piece < pieces; piece++, parts += apart)                                                \
            for (size_t i = 0; i < n; i++) c[i] += parts[i];                                                           \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, join_##type, (R * c, const R *parts, size_t apart, size_t pieces, size_t n),               \
                    (c, parts, apart, pieces, n))
JOIN(f32, float)
JOIN(f64, double)

static void join_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const hg_product *p = j->p;
    const size_t size = hg_dtype_size(p->dtype), apart = p->m * p->n, pieces = blocks(p->k, j->depth);
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        char *c = (char *)p->c + i * p->ldc * size, *y = p->y ? (char *)p->y + i * p->ldc * size : c;
        if (!p->add) begin_block(p, c, p->bias, 1, p->n);
        if (p->dtype == HG_F32)
            join_f32((float *)c, (const float *)j->parts + i * p->n, apart, pieces, p->n);
        else
            join_f64((double *)c, (const double *)j->parts + i * p->n, apart, pieces, p->n);
        if (p->act != HG_IDENTITY || y != c) activate(p, y, c, 1, p->n);
    }
}

/* One small result, so long sums that the parts, written and read once more, are cheap. */
static bool along_sums(const hg_product *p, size_t matrices, size_t inner) {
    return matrices == 1 && inner == 1 && p->m <= COLS && p->n <= COLS && p->k >= 2 * DEPTH_LEAST && p->k > 2 * p->m &&
           p->k > 2 * p->n && (double)p->m * (double)p->n * (double)p->k >= 2 * WORK_LEAST;
}

static void pieces_do(job *j, hg_tape *t) {
    const hg_product *p = j->p;
    j->depth = blocks(blocks(p->k, TASKS), 16) * 16;
    if (j->depth < DEPTH_LEAST) j->depth = DEPTH_LEAST;
    const size_t pieces = blocks(p->k, j->depth);
    j->rows = p->m;
    j->parts = hg_tape_alloc(t, pieces * p->m * p->n, hg_dtype_size(p->dtype));
    if (j->bf16) {
        j->room_size = hg_bf16_room(p->m, j->depth) + hg_bf16_packed(j->depth, p->n);
        j->room = hg_tape_alloc(t, hg_pool_threads(hg_tape_pool(t)) * j->room_size, sizeof *j->room);
    }
    if (!j->parts || (j->bf16 && !j->room)) return;
    hg_pool_for(hg_tape_pool(t), pieces, 1, piece_task, j);
    hg_pool_for(hg_tape_pool(t), p->m, HG_CHUNK / (pieces * p->n) + 1, join_task, j);
}

/* ---- blocks ----------------------------------------------------------------------------------------------------- */

static void pack_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    hg_bf16_pack(j->packed, &j->p->b, j->p->k, j->p->n, begin, end);
}

static void panels_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    hg_narrow_pack(j->panels, &j->p->b, j->p->k, j->p->n, begin, end);
}

/* Blocks of whole rows then: b is small. */
static bool prepare_narrow(job *j, hg_tape *t) {
    const hg_product *p = j->p;
    j->panels = hg_tape_alloc(t, hg_narrow_packed(p->k, p->n), sizeof *j->panels);
    if (!j->panels) return false;
    hg_pool_for(hg_tape_pool(t), hg_narrow_panels(p->n), 1, panels_task, j);
    return true;
}

/* One matrix b that several blocks of rows need is packed once. */
static bool prepare_bf16(job *j, hg_tape *t, size_t products) {
    const hg_product *p = j->p;
    const bool once = products == 1 && j->row_blocks > 1;
    const size_t cols = p->n < j->cols ? p->n : j->cols;
    j->room_size = hg_bf16_room(j->rows, p->k) + (once ? 0 : hg_bf16_packed(p->k, cols));
    j->room = hg_tape_alloc(t, hg_pool_threads(hg_tape_pool(t)) * j->room_size, sizeof *j->room);
    if (once) {
        j->packed = hg_tape_alloc(t, hg_bf16_packed(p->k, p->n), sizeof *j->packed);
        if (!j->packed) return false;
        hg_pool_for(hg_tape_pool(t), blocks(p->n, HG_BF16_PANEL), 1, pack_task, j);
    }
    return j->room != NULL;
}

/* Smaller blocks until there are tasks enough. */
static void cut(job *j, size_t matrices, double depth) {
    const hg_product *p = j->p;
    const size_t step = j->bf16 ? HG_BF16_PANEL : j->narrow ? HG_TILE_FLOATS : 16;
    for (;;) {
        const size_t m = p->m < j->rows ? p->m : j->rows, n = p->n < j->cols ? p->n : j->cols;
        if (blocks(p->m, j->rows) * blocks(p->n, j->cols) * matrices >= TASKS) break;
        if ((double)m * (double)n * depth < 2 * WORK_LEAST || (m <= LEAST && n <= LEAST)) break;
        if (m > n)
            j->rows = blocks(m, 2 * 16) * 16;
        else
            j->cols = blocks(n, 2 * step) * step;
    }
    j->row_blocks = blocks(p->m, j->rows);
    j->col_blocks = blocks(p->n, j->cols);
}

void hg_product_do(hg_tape *t, const hg_product *p) {
    job j = { .p = p, .rows = ROWS, .cols = COLS };
    const size_t matrices = p->batch.rank ? p->batch.total : 1, inner = p->inner.rank ? p->inner.total : 1;
    if (p->m == 0 || p->n == 0 || matrices == 0) return;
    j.bf16 = hg_tape_bf16(t) && p->dtype == HG_F32 && p->m >= BF16_EDGE && p->n >= BF16_EDGE && p->k >= BF16_EDGE;
    const size_t mark = hg_tape_mark(t);
    HG_ONE_BLAS_THREAD;
    if (along_sums(p, matrices, inner)) {
        pieces_do(&j, t);
        hg_tape_release(t, mark);
        return;
    }
    const double depth = (double)p->k * (double)inner;
    j.narrow = !j.bf16 && p->dtype == HG_F32 && matrices == 1 && inner == 1 && hg_narrow_fits(&p->a, p->m, p->n, p->k);
    if (j.narrow) j.cols = (COLS / HG_TILE_FLOATS) * HG_TILE_FLOATS;
    cut(&j, matrices, depth);
    const double work = (double)j.rows * (double)j.cols * depth + 1;
    const size_t chunk = work < WORK_LEAST ? (size_t)(WORK_LEAST / work) : 1;
    if (j.bf16 ? prepare_bf16(&j, t, matrices * inner) : !j.narrow || prepare_narrow(&j, t))
        hg_pool_for(hg_tape_pool(t), j.row_blocks * j.col_blocks * matrices, chunk, task, &j);
    hg_tape_release(t, mark);
}
