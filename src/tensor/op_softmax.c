/* tensor/op_softmax.c -- exp(x) / sum exp(x) along the last axis, and its logarithm; see hagane/tensor.h
 *
 * The largest element is taken off first, so that nothing overflows. Another axis is made the last one before.
 */
#include "tensor/lanes.h"
#include "tensor/ops.h"
#include "tensor/real.h"

typedef enum { PLAIN, LOGARITHM } kind;

static kind kind_of(const hg_tensor *out) { return *(const kind *)out->attr; }

#define KERNEL(type, R)                                                                                                \
    HG_INLINE void forward_##type##_body(R *restrict y, const R *restrict x, size_t n, size_t rows, bool log_of) {     \
        for (size_t row = 0; row < rows; row++, x += n, y += n) {                                                      \
            R most = x[0];                                                                                             \
            double sum = 0;                                                                                            \
            HG_LANE_MAX(R, most, x, n);                                                                                \
            if (log_of) {                                                                                              \
                HG_LANE_SUM(R, sum, n, e, hg_exp_##type(x[e] - most));                                                 \
                const R off = most + (R)log(sum);                                                                      \
                for (size_t i = 0; i < n; i++) y[i] = x[i] - off;                                                      \
            } else {                                                                                                   \
                for (size_t i = 0; i < n; i++) y[i] = hg_exp_##type(x[i] - most);                                      \
                HG_LANE_SUM(R, sum, n, e, y[e]);                                                                       \
                const R scale = (R)(1 / sum);                                                                          \
                for (size_t i = 0; i < n; i++) y[i] *= scale;                                                          \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, forward_##type, (R * y, const R *x, size_t n, size_t rows, bool log_of),                   \
                    (y, x, n, rows, log_of))                                                                           \
    HG_INLINE void backward_##type##_body(R *restrict dx, const R *restrict g, const R *restrict y, size_t n,          \
                                          size_t rows, bool log_of, bool add) {                                        \
        for (size_t row = 0; row < rows; row++, dx += n, g += n, y += n) {                                             \
            double sum = 0;                                                                                            \
            if (log_of)                                                                                                \
                HG_LANE_SUM(R, sum, n, e, g[e])                                                                        \
            else                                                                                                       \
                HG_LANE_SUM(R, sum, n, e, g[e] * y[e])                                                                 \
            const R off = (R)sum;                                                                                      \
            if (log_of)                                                                                                \
                for (size_t i = 0; i < n; i++) dx[i] = (add ? dx[i] : 0) + (g[i] - off * hg_exp_##type(y[i]));         \
            else                                                                                                       \
                for (size_t i = 0; i < n; i++) dx[i] = (add ? dx[i] : 0) + y[i] * (g[i] - off);                        \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, backward_##type,                                                                           \
                    (R * dx, const R *g, const R *y, size_t n, size_t rows, bool log_of, bool add),                    \
                    (dx, g, y, n, rows, log_of, add))
KERNEL(f32, float)
KERNEL(f64, double)

static hg_status shape(hg_tensor *out, hg_err *err) {
    if (out->in[0]->rank == 0) return hg_fail(err, HG_EINVAL, "one number has no axis");
    hg_shape_like(out, out->in[0]);
    return HG_OK;
}

typedef struct {
    hg_tensor *out;
    size_t n;
    bool add;
} job;

static void forward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const bool log_of = kind_of(j->out) == LOGARITHM;
    const size_t at = begin * j->n;
    (void)worker;
    if (j->out->dtype == HG_F32)
        forward_f32((float *)j->out->data + at, (const float *)j->out->in[0]->data + at, j->n, end - begin, log_of);
    else
        forward_f64((double *)j->out->data + at, (const double *)j->out->in[0]->data + at, j->n, end - begin, log_of);
}

static void backward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    hg_tensor *out = j->out, *x = out->in[0];
    const bool log_of = kind_of(out) == LOGARITHM;
    const size_t at = begin * j->n;
    (void)worker;
    if (out->dtype == HG_F32)
        backward_f32((float *)x->grad + at, (const float *)out->grad + at, (const float *)out->data + at, j->n,
                     end - begin, log_of, j->add);
    else
        backward_f64((double *)x->grad + at, (const double *)out->grad + at, (const double *)out->data + at, j->n,
                     end - begin, log_of, j->add);
}

static void over_rows(hg_tensor *out, hg_tape *t, hg_task task, bool add) {
    job j = { out, out->shape[out->rank - 1], add };
    if (hg_elements(out)) hg_pool_for(hg_tape_pool(t), hg_elements(out) / j.n, 1 + HG_CHUNK / j.n, task, &j);
}

static void forward(hg_tensor *out, hg_tape *t) { over_rows(out, t, forward_task, false); }
static void backward(hg_tensor *out, hg_tape *t) { over_rows(out, t, backward_task, !hg_grad_fresh(out->in[0])); }

static hg_tensor *sum_last(hg_tape *t, hg_tensor *x) { /* keeps the axis */
    hg_shape s = hg_tensor_shape(x);
    if (s.rank) s.n[s.rank - 1] = 1;
    return x ? hg_reshape(t, hg_sum(t, x, 1u << (x->rank - 1)), s) : NULL;
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)i;
    if (kind_of(out) == LOGARITHM) return hg_sub(t, g, hg_mul(t, hg_map(t, HG_EXP, out), sum_last(t, g)));
    return hg_mul(t, out, hg_sub(t, g, sum_last(t, hg_mul(t, g, out))));
}

static hg_tensor *apply(hg_tape *t, hg_tensor *x, unsigned axis, kind k) {
    if (x && axis >= x->rank) return hg_tape_fail(t, HG_EINVAL, "softmax: no axis %u, there are %u", axis, x->rank);
    hg_tensor *last = hg_axis_swapped(t, x, axis);
    hg_tensor *y = hg_apply(t, &hg_op_softmax, (hg_tensor *[]) { hg_contiguous(t, last) }, 1, 0, &k, sizeof k);
    return hg_axis_swapped(t, y, axis);
}

hg_tensor *hg_softmax(hg_tape *t, hg_tensor *x, unsigned axis) { return apply(t, x, axis, PLAIN); }
hg_tensor *hg_log_softmax(hg_tape *t, hg_tensor *x, unsigned axis) { return apply(t, x, axis, LOGARITHM); }

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    const kind which = k / 7;
    if (which > LOGARITHM) return NULL;
    switch (k % 7) {
    case 0: return apply(t, hg_example(t, r, HG_SHAPE(3, 5), false), 1, which);
    case 1: return apply(t, hg_example(t, r, HG_SHAPE(3, 4, 2), true), 0, which);
    case 2: return apply(t, hg_example(t, r, HG_SHAPE(3, 4, 2), false), 1, which);
    case 3: return apply(t, hg_example(t, r, HG_SHAPE(37), true), 0, which);
    case 4: return apply(t, hg_example(t, r, HG_SHAPE(0, 3), false), 1, which);
    case 5: return apply(t, hg_example(t, r, HG_SHAPE(3, 0), false), 1, which);
    default: return apply(t, hg_example(t, r, HG_SHAPE(4, 1), false), 1, which);
    }
}

const hg_op hg_op_softmax = { "softmax", shape, forward, backward, derive, example };
