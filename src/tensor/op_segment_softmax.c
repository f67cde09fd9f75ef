/* tensor/op_segment_softmax.c -- softmax over the items of each row, column by column: attention; see hagane/tensor.h */
#include "num/isa.h"
#include "tensor/index.h"
#include "tensor/ops.h"
#include "tensor/real.h"

static const hg_index *index_of(const hg_tensor *out) { return *(const hg_index *const *)out->attr; }

/* COLUMNS at a time, whose largest elements and sums fit on the stack. */
enum { COLUMNS = 64 };

#define KERNEL(type, R)                                                                                                \
    HG_INLINE void forward_##type##_body(R *restrict y, const R *restrict x, ptrdiff_t step, size_t width,             \
                                         size_t columns, const uint32_t *item, size_t items, size_t first) {           \
        R most[COLUMNS], sum[COLUMNS] = { 0 };                                                                         \
        for (size_t p = 0; p < items; p++) {                                                                           \
            const R *from = x + (ptrdiff_t)(item ? item[p] : first + p) * step;                                        \
            for (size_t c = 0; c < columns; c++) most[c] = p == 0 || from[c] > most[c] ? from[c] : most[c];            \
        }                                                                                                              \
        for (size_t p = 0; p < items; p++) {                                                                           \
            const size_t j = item ? item[p] : first + p;                                                               \
            const R *from = x + (ptrdiff_t)j * step;                                                                   \
            for (size_t c = 0; c < columns; c++) {                                                                     \
                y[j * width + c] = hg_exp_##type(from[c] - most[c]);                                                   \
                sum[c] += y[j * width + c];                                                                            \
            }                                                                                                          \
        }                                                                                                              \
        for (size_t c = 0; c < columns; c++) sum[c] = 1 / sum[c];                                                      \
        for (size_t p = 0; p < items; p++) {                                                                           \
            const size_t j = item ? item[p] : first + p;                                                               \
            for (size_t c = 0; c < columns; c++) y[j * width + c] *= sum[c];                                           \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, forward_##type,                                                                            \
                    (R * y, const R *x, ptrdiff_t step, size_t width, size_t columns, const uint32_t *item,            \
                     size_t items, size_t first),                                                                      \
                    (y, x, step, width, columns, item, items, first))                                                  \
    HG_INLINE void backward_##type##_body(R *restrict dx, const R *restrict g, const R *restrict y, size_t width,      \
                                          size_t columns, const uint32_t *item, size_t items, size_t first,            \
                                          bool add) {                                                                  \
        R sum[COLUMNS] = { 0 };                                                                                        \
        for (size_t p = 0; p < items; p++) {                                                                           \
            const size_t at = (item ? item[p] : first + p) * width;                                                    \
            for (size_t c = 0; c < columns; c++) sum[c] += g[at + c] * y[at + c];                                      \
        }                                                                                                              \
        for (size_t p = 0; p < items; p++) {                                                                           \
            const size_t at = (item ? item[p] : first + p) * width;                                                    \
            for (size_t c = 0; c < columns; c++)                                                                       \
                dx[at + c] = (add ? dx[at + c] : 0) + y[at + c] * (g[at + c] - sum[c]);                                \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, backward_##type,                                                                           \
                    (R * dx, const R *g, const R *y, size_t width, size_t columns, const uint32_t *item, size_t items, \
                     size_t first, bool add),                                                                          \
                    (dx, g, y, width, columns, item, items, first, add))
KERNEL(f32, float)
KERNEL(f64, double)

static hg_status shape(hg_tensor *out, hg_err *err) {
    const hg_tensor *x = out->in[0];
    char text[128];
    if (x->rank == 0 || x->shape[0] != index_of(out)->m)
        return hg_fail(err, HG_EINVAL, "an index of %zu items, the tensor is %s", index_of(out)->m,
                       hg_shape_text(text, x));
    hg_shape_like(out, x);
    return HG_OK;
}

typedef struct {
    hg_tensor *out;
    hg_rows x;
    bool add;
} job;

static void forward_part(const job *j, const uint32_t *item, size_t items, size_t first, size_t at, size_t columns) {
    const hg_rows *x = &j->x;
    if (j->out->dtype == HG_F32)
        forward_f32((float *)j->out->data + at, (const float *)x->data + at, x->step, x->width, columns, item, items,
                    first);
    else
        forward_f64((double *)j->out->data + at, (const double *)x->data + at, x->step, x->width, columns, item, items,
                    first);
}

static void backward_part(const job *j, const uint32_t *item, size_t items, size_t first, size_t at, size_t columns) {
    hg_tensor *out = j->out, *in = out->in[0];
    if (out->dtype == HG_F32)
        backward_f32((float *)in->grad + at, (const float *)out->grad + at, (const float *)out->data + at, j->x.width,
                     columns, item, items, first, j->add);
    else
        backward_f64((double *)in->grad + at, (const double *)out->grad + at, (const double *)out->data + at,
                     j->x.width, columns, item, items, first, j->add);
}

typedef void (*part_fn)(const job *, const uint32_t *, size_t, size_t, size_t, size_t);

static void rows_of_index(const job *j, size_t begin, size_t end, part_fn part) {
    const hg_index *ix = index_of(j->out);
    for (size_t i = begin; i < end; i++) {
        const size_t first = ix->offset[i], items = ix->offset[i + 1] - first;
        for (size_t at = 0; items && at < j->x.width; at += COLUMNS)
            part(j, ix->order ? ix->order + first : NULL, items, first, at,
                 j->x.width - at < COLUMNS ? j->x.width - at : COLUMNS);
    }
}

static void forward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    rows_of_index(ctx, begin, end, forward_part);
}

static void backward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    rows_of_index(ctx, begin, end, backward_part);
}

static void over_rows(hg_tensor *out, hg_tape *t, hg_rows x, hg_task task, bool add) {
    const hg_index *ix = index_of(out);
    job j = { out, x, add };
    hg_index_invert(ix);
    if (hg_elements(out)) hg_pool_for(hg_tape_pool(t), ix->n, 1 + HG_CHUNK * ix->n / hg_elements(out), task, &j);
}

static void forward(hg_tensor *out, hg_tape *t) { over_rows(out, t, hg_rows_of(out->in[0]), forward_task, false); }

static void backward(hg_tensor *out, hg_tape *t) {
    over_rows(out, t, hg_rows_packed(out->grad, out), backward_task, !hg_grad_fresh(out->in[0]));
}

/* y (g - sum of y g over the items of the row) */
static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)i;
    hg_tensor *sum = hg_segment_sum(t, hg_mul(t, g, out), index_of(out));
    return hg_mul(t, out, hg_sub(t, g, hg_gather(t, sum, index_of(out))));
}

hg_tensor *hg_segment_softmax(hg_tape *t, hg_tensor *x, const hg_index *ix) {
    if (!ix) return hg_tape_fail(t, HG_EINVAL, "segment softmax: the index is not there");
    return hg_apply(t, &hg_op_segment_softmax, (hg_tensor *[]) { hg_with_rows(t, x) }, 1, 0, &ix, sizeof ix);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const uint32_t MIXED[] = { 3, 0, 3, 1, 3 }, OFFSETS[] = { 0, 2, 2, 3, 7, 7 }, NONE[] = { 0, 0 };
    switch (k) {
    case 0: return hg_segment_softmax(t, hg_example(t, r, HG_SHAPE(5, 3), false), hg_index_of(t, MIXED, 5, 4));
    case 1: return hg_segment_softmax(t, hg_example(t, r, HG_SHAPE(5, 2, 4), true), hg_index_of(t, MIXED, 5, 4));
    case 2: return hg_segment_softmax(t, hg_example(t, r, HG_SHAPE(7), true), hg_segments_of(t, OFFSETS, 5));
    case 3: return hg_segment_softmax(t, hg_example(t, r, HG_SHAPE(7, 70), false), hg_segments_of(t, OFFSETS, 5));
    case 4: return hg_segment_softmax(t, hg_example(t, r, HG_SHAPE(0, 3), false), hg_segments_of(t, NONE, 1));
    case 5: return hg_segment_softmax(t, hg_example(t, r, HG_SHAPE(7, 0), false), hg_segments_of(t, OFFSETS, 5));
    default: return NULL;
    }
}

const hg_op hg_op_segment_softmax = { "segment_softmax", shape, forward, backward, derive, example };
