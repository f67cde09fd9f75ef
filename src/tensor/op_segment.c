/* tensor/op_segment.c -- sums, means and largest elements of the items of each row; see hagane/tensor.h */
#include "num/isa.h"
#include "tensor/index.h"
#include "tensor/ops.h"
#include <string.h>

typedef enum { SUM, MEAN, MAX, KINDS } kind;

typedef struct {
    const hg_index *ix;
    kind kind;
    uint32_t *best; /* MAX: [n, width], the item that gave the element; UINT32_MAX: the row has none */
} segment;

static segment *segment_of(const hg_tensor *out) { return out->attr; }

static hg_status shape(hg_tensor *out, hg_err *err) {
    const hg_tensor *x = out->in[0];
    const hg_index *ix = segment_of(out)->ix;
    char text[128];
    if (x->rank == 0 || x->shape[0] != ix->m)
        return hg_fail(err, HG_EINVAL, "an index of %zu items, the tensor is %s", ix->m, hg_shape_text(text, x));
    hg_shape_like(out, x);
    out->shape[0] = ix->n;
    return HG_OK;
}

/* ---- the largest -------------------------------------------------------------------------------------------------- */

#define LARGEST(type, R)                                                                                               \
    HG_INLINE void largest_##type##_body(R *restrict y, uint32_t *restrict best, const R *restrict x, ptrdiff_t step,  \
                                         size_t width, const hg_index *ix, size_t first, size_t last) {                \
        for (size_t i = first; i < last; i++) {                                                                        \
            R *to = y + i * width;                                                                                     \
            uint32_t *who = best + i * width;                                                                          \
            for (size_t c = 0; c < width; c++) to[c] = 0, who[c] = UINT32_MAX;                                         \
            for (uint32_t p = ix->offset[i]; p < ix->offset[i + 1]; p++) {                                             \
                const uint32_t j = ix->order ? ix->order[p] : p;                                                       \
                const R *from = x + (ptrdiff_t)j * step;                                                               \
                if (ix->order)                                                                                         \
                    hg_prefetch_row(x + (ptrdiff_t)ix->order[p + HG_AHEAD < ix->m ? p + HG_AHEAD : p] * step,          \
                                    width * sizeof(R));                                                                \
                for (size_t c = 0; c < width; c++) {                                                                   \
                    const bool more = who[c] == UINT32_MAX || from[c] > to[c] || from[c] != from[c];                   \
                    to[c] = more ? from[c] : to[c];                                                                    \
                    who[c] = more ? j : who[c];                                                                        \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, largest_##type,                                                                            \
                    (R * y, uint32_t * best, const R *x, ptrdiff_t step, size_t width, const hg_index *ix,             \
                     size_t first, size_t last),                                                                       \
                    (y, best, x, step, width, ix, first, last))                                                        \
    HG_INLINE void spread_##type##_body(R *restrict dx, const R *restrict g, const uint32_t *restrict best,            \
                                        size_t width, const uint32_t *row, size_t first, size_t last, bool add) {      \
        for (size_t j = first; j < last; j++)                                                                          \
            for (size_t c = 0; c < width; c++) {                                                                       \
                const size_t from = row[j] * width + c;                                                                \
                dx[j * width + c] = (add ? dx[j * width + c] : 0) + (best[from] == j ? g[from] : 0);                   \
            }                                                                                                          \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, spread_##type,                                                                             \
                    (R * dx, const R *g, const uint32_t *best, size_t width, const uint32_t *row, size_t first,        \
                     size_t last, bool add),                                                                           \
                    (dx, g, best, width, row, first, last, add))
LARGEST(f32, float)
LARGEST(f64, double)

typedef struct {
    hg_tensor *out;
    hg_rows x;
    bool add;
} job;

static void largest_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const segment *s = segment_of(j->out);
    (void)worker;
    if (j->out->dtype == HG_F32)
        largest_f32(j->out->data, s->best, j->x.data, j->x.step, j->x.width, s->ix, begin, end);
    else
        largest_f64(j->out->data, s->best, j->x.data, j->x.step, j->x.width, s->ix, begin, end);
}

static void spread_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const segment *s = segment_of(j->out);
    (void)worker;
    if (j->out->dtype == HG_F32)
        spread_f32(j->out->in[0]->grad, j->out->grad, s->best, j->x.width, s->ix->row, begin, end, j->add);
    else
        spread_f64(j->out->in[0]->grad, j->out->grad, s->best, j->x.width, s->ix->row, begin, end, j->add);
}

static size_t rows_a_task(size_t width) { return width < HG_CHUNK ? HG_CHUNK / (width ? width : 1) : 1; }

/* ---- the operation ------------------------------------------------------------------------------------------------ */

static void forward(hg_tensor *out, hg_tape *t) {
    segment *s = segment_of(out);
    job j = { out, hg_rows_of(out->in[0]), false };
    if (s->kind != MAX) {
        hg_rows_sum(t, out->data, j.x, s->ix, s->kind == MEAN, false);
        return;
    }
    if (!s->best) s->best = hg_tape_alloc(t, hg_elements(out), sizeof *s->best);
    if (!s->best) return;
    hg_index_invert(s->ix);
    const size_t items = s->ix->n ? s->ix->m / s->ix->n + 1 : 1; /* a row */
    hg_pool_for(hg_tape_pool(t), s->ix->n, rows_a_task(j.x.width * items), largest_task, &j);
}

static void backward(hg_tensor *out, hg_tape *t) {
    const segment *s = segment_of(out);
    hg_tensor *x = out->in[0];
    job j = { out, hg_rows_packed(out->grad, out), !hg_grad_fresh(x) };
    if (s->kind != MAX)
        hg_rows_gather(t, x->grad, j.x, s->ix, s->kind == MEAN, j.add);
    else
        hg_pool_for(hg_tape_pool(t), s->ix->m, rows_a_task(j.x.width), spread_task, &j);
}

/* 1 / (items of the row) for each row, in a shape that broadcasts against the result. */
static hg_tensor *shares(hg_tape *t, const hg_tensor *out) {
    const hg_index *ix = segment_of(out)->ix;
    hg_shape shape_of = { out->rank, { ix->n, 1, 1, 1, 1, 1 } };
    hg_tensor *x = hg_tensor_zeros(t, shape_of);
    for (size_t i = 0; x && i < ix->n; i++) {
        const size_t n = ix->offset[i + 1] - ix->offset[i];
        if (n && x->dtype == HG_F32)
            ((float *)x->data)[i] = 1 / (float)n;
        else if (n)
            ((double *)x->data)[i] = 1 / (double)n;
    }
    return x;
}

/* 1 where the element of an item is the one that was chosen. */
static hg_tensor *chosen(hg_tape *t, const hg_tensor *out) {
    const segment *s = segment_of(out);
    const size_t width = hg_rows_width(out);
    hg_tensor *x = hg_tensor_zeros(t, hg_tensor_shape(out->in[0]));
    for (size_t i = 0; x && i < s->ix->n * width; i++) {
        if (s->best[i] == UINT32_MAX) continue;
        const size_t at = s->best[i] * width + i % width;
        if (x->dtype == HG_F32)
            ((float *)x->data)[at] = 1;
        else
            ((double *)x->data)[at] = 1;
    }
    return x;
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    const segment *s = segment_of(out);
    (void)i;
    if (s->kind == MEAN) g = hg_mul(t, g, shares(t, out));
    g = hg_gather(t, g, s->ix);
    return s->kind == MAX ? hg_mul(t, g, chosen(t, out)) : g;
}

static hg_tensor *apply(hg_tape *t, hg_tensor *x, const hg_index *ix, kind k) {
    const segment s = { ix, k, NULL };
    if (!ix) return hg_tape_fail(t, HG_EINVAL, "segment: the index is not there");
    return hg_apply(t, &hg_op_segment, (hg_tensor *[]) { hg_with_rows(t, x) }, 1, 0, &s, sizeof s);
}

static hg_tensor *example_of(hg_tape *t, hg_rng *r, unsigned k, kind kind_wanted) {
    static const uint32_t MIXED[] = { 3, 0, 3, 1, 3 }, OFFSETS[] = { 0, 2, 2, 3, 7, 7 }, NONE[] = { 0, 0 };
    hg_tensor *x;
    switch (k) {
    case 0: return apply(t, hg_example(t, r, HG_SHAPE(5, 3), false), hg_index_of(t, MIXED, 5, 4), kind_wanted);
    case 1: return apply(t, hg_example(t, r, HG_SHAPE(5, 3, 4), true), hg_index_of(t, MIXED, 5, 4), kind_wanted);
    case 2: return apply(t, hg_example(t, r, HG_SHAPE(7), true), hg_segments_of(t, OFFSETS, 5), kind_wanted);
    case 3: return apply(t, hg_example(t, r, HG_SHAPE(7, 17), false), hg_segments_of(t, OFFSETS, 5), kind_wanted);
    case 4: return apply(t, hg_example(t, r, HG_SHAPE(0, 3), false), hg_segments_of(t, NONE, 1), kind_wanted);
    case 5: return apply(t, hg_example(t, r, HG_SHAPE(0, 3), false), hg_segments_of(t, NONE, 0), kind_wanted);
    case 6: return apply(t, hg_example(t, r, HG_SHAPE(7, 0), false), hg_segments_of(t, OFFSETS, 5), kind_wanted);
    case 7: /* one row of so many items that several tasks have a part of it */
        x = hg_expand(t, hg_example(t, r, HG_SHAPE(1, 6), false), HG_SHAPE(3000, 6));
        x = hg_mul(t, x, hg_map(t, HG_SIN, hg_example_constant(t, r, HG_SHAPE(3000, 1))));
        return apply(t, x, hg_example_index(t, r, 3000, 2), kind_wanted);
    default: /* and of rows so wide that they are summed in their own type */
        x = hg_expand(t, hg_example(t, r, HG_SHAPE(1, 10), false), HG_SHAPE(4000, 10));
        x = hg_mul(t, x, hg_map(t, HG_SIN, hg_example_constant(t, r, HG_SHAPE(4000, 1))));
        return apply(t, x, hg_example_index(t, r, 4000, 2), kind_wanted);
    }
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    return k < 9 * KINDS ? example_of(t, r, k % 9, k / 9) : NULL;
}

const hg_op hg_op_segment = { "segment", shape, forward, backward, derive, example };

hg_tensor *hg_segment_sum(hg_tape *t, hg_tensor *x, const hg_index *ix) { return apply(t, x, ix, SUM); }
hg_tensor *hg_segment_mean(hg_tape *t, hg_tensor *x, const hg_index *ix) { return apply(t, x, ix, MEAN); }
hg_tensor *hg_segment_max(hg_tape *t, hg_tensor *x, const hg_index *ix) { return apply(t, x, ix, MAX); }
