/* tensor/reduce.c -- sums over axes, of any strides; see tensor/op.h
 *
 * The result is cut into blocks of neighbours, what is summed into pieces of fixed length; block x piece is a task. A piece is summed in its
 * own type in short runs, runs and pieces in double, in their order: same bits for any number of threads, and an error that hardly grows
 * with the length.
 */
#include "num/isa.h"
#include "tensor/op.h"

enum { BLOCK = 256, LANES = 64, SHORT = 32 * LANES, SHORT_ROWS = 512, PIECES_MOST = 64 };

typedef struct {
    const void *x;
    void *y;
    hg_dtype dtype;
    hg_loop kept, summed; /* one operand: x */
    size_t piece, pieces; /* elements of `summed` */
    size_t blocks;
    double scale, *partial; /* [pieces, kept.total]; NULL: one piece, straight to y */
    bool add;
} job;

/* sum[n] += rows of neighbours, a row or four at once; sum += strided elements, in LANES sums that are added up pairwise. */
#define KERNELS(type, R)                                                                                               \
    HG_INLINE void add_row_##type##_body(R *restrict sum, const R *restrict x, size_t n) {                             \
        for (size_t i = 0; i < n; i++) sum[i] += x[i];                                                                 \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, add_row_##type, (R *restrict sum, const R *restrict x, size_t n), (sum, x, n))             \
    HG_INLINE void add_rows_##type##_body(R *restrict sum, const R *restrict x, ptrdiff_t step, size_t n) {            \
        const R *restrict x1 = x + step, *restrict x2 = x + 2 * step, *restrict x3 = x + 3 * step;                     \
        for (size_t i = 0; i < n; i++) sum[i] += (x[i] + x1[i]) + (x2[i] + x3[i]);                                     \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, add_rows_##type, (R *restrict sum, const R *restrict x, ptrdiff_t step, size_t n),         \
                    (sum, x, step, n))                                                                                 \
    HG_INLINE void add_up_##type##_body(double *sum, const R *restrict x, ptrdiff_t step, size_t n) {                  \
        R s[LANES] = { 0 };                                                                                            \
        double d[LANES / 4];                                                                                           \
        size_t i = 0;                                                                                                  \
        if (step == 1)                                                                                                 \
            for (; i + LANES <= n; i += LANES)                                                                         \
                for (size_t k = 0; k < LANES; k++) s[k] += x[i + k];                                                   \
        for (; i < n; i++) s[i % LANES] += x[(ptrdiff_t)i * step];                                                     \
        for (size_t k = 0; k < LANES / 4; k++)                                                                         \
            d[k] = (double)((s[k] + s[k + LANES / 4]) + (s[k + LANES / 2] + s[k + 3 * LANES / 4]));                    \
        for (size_t half = LANES / 8; half > 0; half /= 2)                                                             \
            for (size_t k = 0; k < half; k++) d[k] += d[k + half];                                                     \
        *sum += d[0];                                                                                                  \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, add_up_##type, (double *sum, const R *restrict x, ptrdiff_t step, size_t n),               \
                    (sum, x, step, n))
KERNELS(f32, float)
KERNELS(f64, double)

static void finish(const job *j, size_t at, double sum) {
    const double v = j->scale * sum;
    if (j->dtype == HG_F32)
        ((float *)j->y)[at] = (float)(j->add ? ((float *)j->y)[at] + v : v);
    else
        ((double *)j->y)[at] = j->add ? ((double *)j->y)[at] + v : v;
}

/* One element of the result: runs along what is summed. */
static double sum_along(const job *j, ptrdiff_t base, size_t begin, size_t end) {
    double sum = 0;
    for (size_t at = begin, n; at < end; at += n) {
        ptrdiff_t o[HG_LOOP_OPERANDS] = { (ptrdiff_t)at * hg_loop_step(&j->summed, 0) };
        n = end - at < SHORT ? end - at : SHORT;
        if (j->summed.rank > 1) n = hg_loop_run(&j->summed, at, n, o);
        if (j->dtype == HG_F32)
            add_up_f32(&sum, (const float *)j->x + base + o[0], hg_loop_step(&j->summed, 0), n);
        else
            add_up_f64(&sum, (const double *)j->x + base + o[0], hg_loop_step(&j->summed, 0), n);
    }
    return sum;
}

/* Neighbours of the result that are neighbours in memory: row after row, n <= BLOCK. */
static void sum_rows(const job *j, double *sum, ptrdiff_t base, size_t n, size_t begin, size_t end) {
    for (size_t i = 0; i < n; i++) sum[i] = 0;
    for (size_t at = begin; at < end;) {
        const size_t stop = end - at < SHORT_ROWS ? end : at + SHORT_ROWS;
        float s32[BLOCK] = { 0 };
        double s64[BLOCK] = { 0 };
        for (size_t left; at < stop; at += left) {
            ptrdiff_t o[HG_LOOP_OPERANDS];
            left = hg_loop_run(&j->summed, at, stop - at, o);
            const ptrdiff_t step = hg_loop_step(&j->summed, 0);
            size_t k = 0;
            for (; k + 4 <= left; k += 4) {
                const ptrdiff_t where = base + o[0] + (ptrdiff_t)k * step;
                if (j->dtype == HG_F32)
                    add_rows_f32(s32, (const float *)j->x + where, step, n);
                else
                    add_rows_f64(s64, (const double *)j->x + where, step, n);
            }
            for (; k < left; k++) {
                const ptrdiff_t where = base + o[0] + (ptrdiff_t)k * step;
                if (j->dtype == HG_F32)
                    add_row_f32(s32, (const float *)j->x + where, n);
                else
                    add_row_f64(s64, (const double *)j->x + where, n);
            }
        }
        for (size_t i = 0; i < n; i++) sum[i] += j->dtype == HG_F32 ? (double)s32[i] : s64[i];
    }
}

static void task(void *ctx, size_t first, size_t last, size_t worker) {
    const job *j = ctx;
    (void)worker;
    for (size_t unit = first; unit < last; unit++) {
        const size_t piece = unit / j->blocks, from = unit % j->blocks * BLOCK;
        const size_t to = j->kept.total - from < BLOCK ? j->kept.total : from + BLOCK;
        const size_t begin = piece * j->piece,
                     end = j->summed.total - begin < j->piece ? j->summed.total : begin + j->piece;
        double sum[BLOCK];
        for (size_t at = from, n; at < to; at += n) {
            ptrdiff_t o[HG_LOOP_OPERANDS];
            n = hg_loop_run(&j->kept, at, to - at, o);
            const ptrdiff_t step = hg_loop_step(&j->kept, 0), along = hg_loop_step(&j->summed, 0);
            if (step == 1 && n >= 4 && along != 1)
                sum_rows(j, sum, o[0], n, begin, end);
            else
                for (size_t i = 0; i < n; i++) sum[i] = sum_along(j, o[0] + (ptrdiff_t)i * step, begin, end);
            for (size_t i = 0; i < n; i++) {
                if (j->partial)
                    j->partial[piece * j->kept.total + at + i] = sum[i];
                else
                    finish(j, at + i, sum[i]);
            }
        }
    }
}

static void combine(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        double sum = 0;
        for (size_t p = 0; p < j->pieces; p++) sum += j->partial[p * j->kept.total + i];
        finish(j, i, sum);
    }
}

void hg_reduce(hg_tape *t, void *y, const hg_tensor *x, const void *data, unsigned axes, double scale, bool add) {
    hg_tensor kept = *x, summed = *x;
    for (unsigned i = 0; i < x->rank; i++) *(axes >> i & 1 ? &kept.shape[i] : &summed.shape[i]) = 1;
    job j = { .x = data ? data : x->data, .y = y, .dtype = x->dtype, .scale = scale, .add = add };
    j.kept = hg_loop_over(&kept, (const hg_tensor *[]) { &kept }, 1);
    j.summed = hg_loop_over(&summed, (const hg_tensor *[]) { &summed }, 1);
    if (j.kept.total == 0) return;
    j.blocks = (j.kept.total + BLOCK - 1) / BLOCK;
    j.piece = (j.summed.total + PIECES_MOST - 1) / PIECES_MOST;
    const size_t least = j.blocks < PIECES_MOST ? 2 * SHORT : SIZE_MAX; /* many blocks are tasks enough */
    if (j.piece < least) j.piece = least < j.summed.total ? least : j.summed.total;
    j.pieces = j.piece ? (j.summed.total + j.piece - 1) / j.piece : 1;
    const size_t mark = hg_tape_mark(t);
    if (j.pieces > 1) {
        j.partial = hg_tape_alloc(t, j.pieces * j.kept.total, sizeof *j.partial);
        if (!j.partial) return;
    }
    const size_t work = j.kept.total * (j.summed.total / j.pieces + 1) / j.blocks + 1; /* elements a unit */
    hg_pool_for(hg_tape_pool(t), j.blocks * j.pieces, 1 + HG_CHUNK / work, task, &j);
    if (j.partial) hg_pool_for(hg_tape_pool(t), j.kept.total, HG_CHUNK / PIECES_MOST, combine, &j);
    hg_tape_release(t, mark);
}

void hg_reduce_to(hg_tape *t, void *y, const hg_tensor *to, const void *g, const hg_tensor *out, double scale,
                  bool add) {
    hg_tensor x = *out; /* g as a tensor */
    unsigned axes = 0;
    ptrdiff_t step = 1;
    const unsigned missing = out->rank - to->rank;
    for (unsigned i = out->rank; i-- > 0; step *= (ptrdiff_t)out->shape[i]) {
        x.stride[i] = step;
        if (i < missing || to->shape[i - missing] != out->shape[i]) axes |= 1u << i;
    }
    hg_reduce(t, y, &x, g, axes, scale, add);
}
