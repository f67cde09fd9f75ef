/* tensor/op_max.c -- the largest element along axes; see hagane/tensor.h
 *
 * Axes that are gone through are made the last ones first, so that the kernel sees rows. It keeps which element was chosen: the gradient
 * goes there.
 */
#include "tensor/ops.h"
#include <math.h>

typedef struct {
    unsigned kept;  /* axes of the result; the others are the last ones of the input */
    uint32_t *best; /* [elements of the result]: place in the row */
} largest;

static size_t row_length(const hg_tensor *x, unsigned kept) {
    size_t n = 1;
    for (unsigned i = kept; i < x->rank; i++) n *= x->shape[i];
    return n;
}

static hg_status shape(hg_tensor *out, hg_err *err) {
    const largest *l = out->attr;
    const hg_tensor *x = out->in[0];
    if (row_length(x, l->kept) >= UINT32_MAX)
        return hg_fail(err, HG_ELIMIT, "of %zu elements, at most %u", row_length(x, l->kept), UINT32_MAX - 1);
    hg_shape_like(out, x);
    out->rank = l->kept;
    return HG_OK;
}

#define KERNEL(type, R)                                                                                                \
    static void rows_##type(R *y, uint32_t *best, const R *x, size_t n, size_t rows) {                                 \
        for (size_t row = 0; row < rows; row++, x += n) {                                                              \
            R most = n ? x[0] : -(R)INFINITY;                                                                          \
            size_t who = 0;                                                                                            \
            for (size_t i = 1; i < n && most == most; i++) /* NaN stays */                                             \
                if (!(x[i] <= most)) most = x[i], who = i;                                                             \
            y[row] = most;                                                                                             \
            best[row] = (uint32_t)who;                                                                                 \
        }                                                                                                              \
    }                                                                                                                  \
    static void back_##type(R *dx, const R *g, const uint32_t *best, size_t n, size_t rows) {                          \
        for (size_t row = 0; row < rows; row++) dx[row * n + best[row]] += g[row];                                     \
    }
KERNEL(f32, float)
KERNEL(f64, double)

typedef struct {
    hg_tensor *out;
    size_t n;
} job;

static void forward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    hg_tensor *out = j->out;
    uint32_t *best = ((largest *)out->attr)->best + begin;
    (void)worker;
    if (out->dtype == HG_F32)
        rows_f32((float *)out->data + begin, best, (const float *)out->in[0]->data + begin * j->n, j->n, end - begin);
    else
        rows_f64((double *)out->data + begin, best, (const double *)out->in[0]->data + begin * j->n, j->n, end - begin);
}

static void forward(hg_tensor *out, hg_tape *t) {
    largest *l = out->attr;
    job j = { out, row_length(out->in[0], l->kept) };
    if (!l->best) l->best = hg_tape_alloc(t, hg_elements(out), sizeof *l->best);
    if (l->best) hg_pool_for(hg_tape_pool(t), hg_elements(out), 1 + HG_CHUNK / (j.n + 1), forward_task, &j);
}

static void backward(hg_tensor *out, hg_tape *t) {
    const largest *l = out->attr;
    hg_tensor *x = out->in[0];
    const size_t n = row_length(x, l->kept);
    (void)t;
    hg_grad_zero_fresh(x);
    if (n == 0) return;
    if (out->dtype == HG_F32)
        back_f32(x->grad, out->grad, l->best, n, hg_elements(out));
    else
        back_f64(x->grad, out->grad, l->best, n, hg_elements(out));
}

/* g where an element was chosen, zeros elsewhere. */
static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    const largest *l = out->attr;
    const size_t n = row_length(out->in[0], l->kept), rows = hg_elements(out);
    (void)i;
    hg_shape with_ones = hg_tensor_shape(out->in[0]);
    for (unsigned k = l->kept; k < with_ones.rank; k++) with_ones.n[k] = 1;
    hg_tensor *chosen = hg_tensor_zeros(t, hg_tensor_shape(out->in[0]));
    for (size_t row = 0; chosen && n && row < rows; row++) {
        if (chosen->dtype == HG_F32)
            ((float *)chosen->data)[row * n + l->best[row]] = 1;
        else
            ((double *)chosen->data)[row * n + l->best[row]] = 1;
    }
    return hg_mul(t, hg_reshape(t, g, with_ones), chosen);
}

hg_tensor *hg_max(hg_tape *t, hg_tensor *x, unsigned axes) {
    if (!x) return hg_apply(t, &hg_op_max, &x, 1, 0, NULL, 0);
    const unsigned all = (1u << x->rank) - 1;
    if (axes & ~all) return hg_tape_fail(t, HG_EINVAL, "max: axes %#x, there are %u", axes, x->rank);
    if (axes == 0) axes = all;
    largest l = { 0, NULL };
    unsigned order[HG_RANK_MOST], at = 0;
    for (unsigned i = 0; i < x->rank; i++)
        if (!(axes >> i & 1)) order[at++] = i;
    l.kept = at;
    for (unsigned i = 0; i < x->rank; i++)
        if (axes >> i & 1) order[at++] = i;
    hg_tensor *rows = hg_contiguous(t, hg_permute(t, x, order));
    return hg_apply(t, &hg_op_max, &rows, 1, 0, &l, sizeof l);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    if (k < 8) return hg_max(t, hg_example(t, r, HG_SHAPE(3, 5, 4), k % 3 == 1), k);
    switch (k) {
    case 8: return hg_max(t, hg_example(t, r, HG_SCALAR, false), 0);
    case 9: return hg_max(t, hg_example(t, r, HG_SHAPE(0, 3), false), 2);
    default: return NULL;
    }
}

const hg_op hg_op_max = { "max", shape, forward, backward, derive, example };
