/* tensor/op_attention.c -- items of a row attend to each other, in several heads; see hagane/tensor.h
 *
 * Rows of few items, as elements of a compound: a product of matrices for each would be calls and no work. So the numbers of a head lie in
 * the lanes, and no pair is ever written but its probability.
 */
#include "num/isa.h"
#include "tensor/index.h"
#include "tensor/ops.h"
#include "tensor/real.h"
#include <math.h>

typedef struct {
    const hg_index *ix;
    size_t heads;
    size_t *begin;     /* [rows] where a row's probabilities are: [items, heads, items] */
    void *probability; /* of all rows */
} attention;

/* One row: x[items][3 d], of which q, k, v are the first, second, third d; y[items][d]. `at` gives items, NULL: they follow each other. */
typedef struct {
    size_t d, heads, items, first;
    const uint32_t *at;
    ptrdiff_t step; /* of x */
    bool add;
} span;
HG_INLINE size_t item(const span *s, size_t i) { return s->at ? s->at[i] : s->first + i; }

enum { LANES = 16 };

#define KERNEL(type, R)                                                                                                \
    HG_INLINE R dot_##type(const R *restrict a, const R *restrict b, size_t n) {                                       \
        R lane[LANES] = { 0 };                                                                                         \
        size_t i = 0;                                                                                                  \
        for (; i + LANES <= n; i += LANES)                                                                             \
            for (size_t k = 0; k < LANES; k++) lane[k] += a[i + k] * b[i + k];                                         \
        for (size_t k = 0; i + k < n; k++) lane[k] += a[i + k] * b[i + k];                                             \
        for (size_t w = LANES / 2; w; w /= 2)                                                                          \
            for (size_t k = 0; k < w; k++) lane[k] += lane[k + w];                                                     \
        return lane[0];                                                                                                \
    }                                                                                                                  \
    HG_INLINE void add_##type(R *restrict y, R a, const R *restrict x, size_t n) {                                     \
        for (size_t i = 0; i < n; i++) y[i] += a * x[i];                                                               \
    }                                                                                                                  \
    HG_INLINE void softmax_##type(R *p, size_t n) {                                                                    \
        R most = p[0], sum = 0;                                                                                        \
        for (size_t j = 1; j < n; j++) most = p[j] > most ? p[j] : most;                                               \
        for (size_t j = 0; j < n; j++) sum += p[j] = hg_exp_##type(p[j] - most);                                       \
        for (size_t j = 0; j < n; j++) p[j] /= sum;                                                                    \
    }                                                                                                                  \
    HG_INLINE void forward_##type##_body(R *y, R *p, const R *x, const span *s) {                                      \
        const size_t d = s->d, w = d / s->heads, n = s->items;                                                         \
        const R scale = 1 / hg_sqrt_##type((R)w);                                                                      \
        for (size_t i = 0; i < n; i++)                                                                                 \
            for (size_t h = 0; h < s->heads; h++, p += n) {                                                            \
                const R *q = x + (ptrdiff_t)item(s, i) * s->step + h * w;                                              \
                R *to = y + item(s, i) * d + h * w;                                                                    \
                for (size_t j = 0; j < n; j++)                                                                         \
                    p[j] = scale * dot_##type(q, x + (ptrdiff_t)item(s, j) * s->step + d + h * w, w);                  \
                softmax_##type(p, n);                                                                                  \
                for (size_t c = 0; c < w; c++) to[c] = 0;                                                              \
                for (size_t j = 0; j < n; j++)                                                                         \
                    add_##type(to, p[j], x + (ptrdiff_t)item(s, j) * s->step + 2 * d + h * w, w);                      \
            }                                                                                                          \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, forward_##type, (R * y, R * p, const R *x, const span *s), (y, p, x, s))                   \
    /* dx[items][3 d] += ; with e = g . v of a pair, the slope of its score is p (e - sum p e). */                     \
    HG_INLINE void backward_##type##_body(R *dx, const R *g, const R *p, const R *x, const span *s) {                  \
        const size_t d = s->d, w = d / s->heads, n = s->items;                                                         \
        const R scale = 1 / hg_sqrt_##type((R)w);                                                                      \
        if (!s->add)                                                                                                   \
            for (size_t i = 0; i < n; i++)                                                                             \
                for (size_t c = 0; c < 3 * d; c++) dx[item(s, i) * 3 * d + c] = 0;                                     \
        for (size_t i = 0; i < n; i++)                                                                                 \
            for (size_t h = 0; h < s->heads; h++, p += n) {                                                            \
                const R *from = g + item(s, i) * d + h * w, *q = x + (ptrdiff_t)item(s, i) * s->step + h * w;          \
                R mean = 0;                                                                                            \
                for (size_t j = 0; j < n; j++)                                                                         \
                    mean += p[j] * dot_##type(from, x + (ptrdiff_t)item(s, j) * s->step + 2 * d + h * w, w);           \
                for (size_t j = 0; j < n; j++) {                                                                       \
                    const R *k = x + (ptrdiff_t)item(s, j) * s->step + d + h * w;                                      \
                    const R slope = scale * p[j] * (dot_##type(from, k + d, w) - mean);                                \
                    R *to = dx + item(s, j) * 3 * d + d + h * w;                                                       \
                    add_##type(dx + item(s, i) * 3 * d + h * w, slope, k, w);                                          \
                    add_##type(to, slope, q, w);                                                                       \
                    add_##type(to + d, p[j], from, w);                                                                 \
                }                                                                                                      \
            }                                                                                                          \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, backward_##type, (R * dx, const R *g, const R *p, const R *x, const span *s),              \
                    (dx, g, p, x, s))
KERNEL(f32, float)
KERNEL(f64, double)

static hg_status shape(hg_tensor *out, hg_err *err) {
    const hg_tensor *x = out->in[0];
    const attention *a = out->attr;
    char text[128];
    if (x->rank != 2 || x->shape[0] != a->ix->m || x->shape[1] % 3 || !a->heads || x->shape[1] / 3 % a->heads)
        return hg_fail(err, HG_EINVAL,
                       "an index of %zu items and %zu heads: x[items, 3 d] is expected, d a multiple "
                       "of the heads, the tensor is %s",
                       a->ix->m, a->heads, hg_shape_text(text, x));
    hg_shape_like(out, x);
    out->shape[1] = x->shape[1] / 3;
    return HG_OK;
}

typedef struct {
    hg_tensor *out;
    hg_rows x;
    bool back, add;
} job;

static void one_row(const job *j, size_t row) {
    const attention *a = j->out->attr;
    const hg_index *ix = a->ix;
    span s = { .d = j->out->shape[1], .heads = a->heads, .step = j->x.step, .add = j->add };
    s.first = ix->offset[row];
    s.items = ix->offset[row + 1] - s.first;
    s.at = ix->order ? ix->order + s.first : NULL;
    if (!s.items) return;
    if (j->out->dtype == HG_F32) {
        float *p = (float *)a->probability + a->begin[row];
        if (j->back)
            backward_f32(j->out->in[0]->grad, j->out->grad, p, j->x.data, &s);
        else
            forward_f32(j->out->data, p, j->x.data, &s);
    } else {
        double *p = (double *)a->probability + a->begin[row];
        if (j->back)
            backward_f64(j->out->in[0]->grad, j->out->grad, p, j->x.data, &s);
        else
            forward_f64(j->out->data, p, j->x.data, &s);
    }
}

static void rows_task(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    for (size_t i = begin; i < end; i++) one_row(ctx, i);
}

static void over_rows(hg_tensor *out, hg_tape *t, bool back, bool add) {
    const hg_index *ix = ((const attention *)out->attr)->ix;
    job j = { out, hg_rows_of(out->in[0]), back, add };
    if (hg_elements(out))
        hg_pool_for(hg_tape_pool(t), ix->n, 1 + HG_CHUNK / 4 * ix->n / hg_elements(out), rows_task, &j);
}

static void forward(hg_tensor *out, hg_tape *t) {
    attention *a = out->attr;
    size_t pairs = 0;
    hg_index_invert(a->ix);
    a->begin = hg_tape_alloc(t, a->ix->n, sizeof *a->begin);
    for (size_t i = 0; a->begin && i < a->ix->n; i++) {
        const size_t n = a->ix->offset[i + 1] - a->ix->offset[i];
        a->begin[i] = pairs * a->heads;
        pairs += n * n;
    }
    a->probability = a->begin ? hg_tape_alloc(t, pairs * a->heads, hg_dtype_size(out->dtype)) : NULL;
    if (a->probability) over_rows(out, t, false, false);
}

static void backward(hg_tensor *out, hg_tape *t) { over_rows(out, t, true, !hg_grad_fresh(out->in[0])); }

hg_tensor *hg_attention(hg_tape *t, hg_tensor *x, size_t heads, const hg_index *ix) {
    if (!ix) return hg_tape_fail(t, HG_EINVAL, "attention: the index is not there");
    const attention a = { .ix = ix, .heads = heads };
    return hg_apply(t, &hg_op_attention, (hg_tensor *[]) { hg_with_rows(t, x) }, 1, 0, &a, sizeof a);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const uint32_t MIXED[] = { 3, 0, 3, 1, 3 }, OFFSETS[] = { 0, 2, 2, 3, 7, 7 }, NONE[] = { 0, 0 };
    switch (k) {
    case 0: return hg_attention(t, hg_example(t, r, HG_SHAPE(5, 12), false), 2, hg_index_of(t, MIXED, 5, 4));
    case 1: return hg_attention(t, hg_example(t, r, HG_SHAPE(7, 9), true), 1, hg_segments_of(t, OFFSETS, 5));
    case 2: return hg_attention(t, hg_example(t, r, HG_SHAPE(7, 120), false), 2, hg_segments_of(t, OFFSETS, 5));
    case 3: return hg_attention(t, hg_example(t, r, HG_SHAPE(7, 6), false), 2, hg_segments_of(t, OFFSETS, 5));
    case 4: return hg_attention(t, hg_example(t, r, HG_SHAPE(0, 6), false), 1, hg_segments_of(t, NONE, 1));
    default: return NULL;
    }
}

const hg_op hg_op_attention = { "attention", shape, forward, backward, NULL, example };
