/* tensor/op_norm2.c -- lengths along an axis, y = sqrt(sum x^2 + eps); see hagane/tensor.h
 *
 * One operation instead of four, because distances of all edges are made by it. Memory is seen as [outer, n, inner].
 */
#include "num/isa.h"
#include "tensor/ops.h"

typedef struct {
    unsigned axis;
    double eps;
} norm2;

typedef struct {
    size_t n, inner;
} layout;

static layout layout_of(const hg_tensor *out) {
    const hg_tensor *x = out->in[0];
    const unsigned axis = ((const norm2 *)out->attr)->axis;
    layout l = { x->shape[axis], 1 };
    for (unsigned i = axis + 1; i < x->rank; i++) l.inner *= x->shape[i];
    return l;
}

/* Elements of the result from `at` on, `count` of them, that belong to one outer row when inner > 1. */
#define KERNEL(type, R, root)                                                                                          \
    HG_INLINE void vectors_##type(R *restrict y, const R *restrict x, size_t n, size_t count, R eps) {                 \
        for (size_t j = 0; j < count; j++) {                                                                           \
            R sum = eps;                                                                                               \
            for (size_t k = 0; k < n; k++) sum += x[j * n + k] * x[j * n + k];                                         \
            y[j] = root(sum);                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_INLINE void forward_##type##_body(R *restrict y, const R *restrict x, size_t n, size_t inner, size_t count,     \
                                         R eps) {                                                                      \
        if (inner == 1 && n == 3) {                                                                                    \
            vectors_##type(y, x, 3, count, eps);                                                                       \
        } else if (inner == 1) {                                                                                       \
            vectors_##type(y, x, n, count, eps);                                                                       \
        } else {                                                                                                       \
            for (size_t j = 0; j < count; j++) y[j] = eps;                                                             \
            for (size_t k = 0; k < n; k++)                                                                             \
                for (size_t j = 0; j < count; j++) y[j] += x[k * inner + j] * x[k * inner + j];                        \
            for (size_t j = 0; j < count; j++) y[j] = root(y[j]);                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, forward_##type, (R * y, const R *x, size_t n, size_t inner, size_t count, R eps),          \
                    (y, x, n, inner, count, eps))                                                                      \
    HG_INLINE void slopes_##type(R *restrict dx, const R *restrict g, const R *restrict x, const R *restrict y,        \
                                 size_t n, size_t count, bool add) {                                                   \
        for (size_t j = 0; j < count; j++) {                                                                           \
            const R slope = g[j] / y[j];                                                                               \
            for (size_t k = 0; k < n; k++) dx[j * n + k] = (add ? dx[j * n + k] : 0) + slope * x[j * n + k];           \
        }                                                                                                              \
    }                                                                                                                  \
    HG_INLINE void backward_##type##_body(R *restrict dx, const R *restrict g, const R *restrict x,                    \
                                          const R *restrict y, size_t n, size_t inner, size_t count, bool add) {       \
        if (inner == 1 && n == 3)                                                                                      \
            slopes_##type(dx, g, x, y, 3, count, add);                                                                 \
        else if (inner == 1)                                                                                           \
            slopes_##type(dx, g, x, y, n, count, add);                                                                 \
        else                                                                                                           \
            for (size_t k = 0; k < n; k++, dx += inner, x += inner)                                                    \
                for (size_t j = 0; j < count; j++) dx[j] = (add ? dx[j] : 0) + g[j] / y[j] * x[j];                     \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, backward_##type,                                                                           \
                    (R * dx, const R *g, const R *x, const R *y, size_t n, size_t inner, size_t count, bool add),      \
                    (dx, g, x, y, n, inner, count, add))
KERNEL(f32, float, __builtin_sqrtf)
KERNEL(f64, double, __builtin_sqrt)

static hg_status shape(hg_tensor *out, hg_err *err) {
    const norm2 *w = out->attr;
    const hg_tensor *x = out->in[0];
    char text[128];
    if (w->axis >= x->rank) return hg_fail(err, HG_EINVAL, "no axis %u in %s", w->axis, hg_shape_text(text, x));
    if (!(w->eps >= 0)) return hg_fail(err, HG_EINVAL, "eps is %g, it has to be at least 0", w->eps);
    hg_shape_like(out, x);
    out->rank = x->rank - 1;
    for (unsigned i = w->axis; i < out->rank; i++) out->shape[i] = x->shape[i + 1];
    return HG_OK;
}

typedef struct {
    hg_tensor *out;
    layout l;
    bool add;
} job;

/* Calls what follows for the runs of result elements between begin and end that belong to one outer row. */
#define RUNS(l, begin, end, at, count)                                                                                 \
    for (size_t at = begin, count; at < end && (count = run_length(&(l), at, end), true); at += count)

static size_t run_length(const layout *l, size_t at, size_t end) {
    const size_t left = l->inner == 1 ? end - at : l->inner - at % l->inner;
    return left < end - at ? left : end - at;
}
static size_t place(const layout *l, size_t at) { return at / l->inner * l->inner * l->n + at % l->inner; }

static void forward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const void *x = j->out->in[0]->data;
    const double eps = ((const norm2 *)j->out->attr)->eps;
    (void)worker;
    RUNS(j->l, begin, end, at, count) {
        const size_t from = place(&j->l, at);
        if (j->out->dtype == HG_F32)
            forward_f32((float *)j->out->data + at, (const float *)x + from, j->l.n, j->l.inner, count, (float)eps);
        else
            forward_f64((double *)j->out->data + at, (const double *)x + from, j->l.n, j->l.inner, count, eps);
    }
}

static void backward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    hg_tensor *out = j->out, *x = out->in[0];
    (void)worker;
    RUNS(j->l, begin, end, at, count) {
        const size_t from = place(&j->l, at);
        if (out->dtype == HG_F32)
            backward_f32((float *)x->grad + from, (const float *)out->grad + at, (const float *)x->data + from,
                         (const float *)out->data + at, j->l.n, j->l.inner, count, j->add);
        else
            backward_f64((double *)x->grad + from, (const double *)out->grad + at, (const double *)x->data + from,
                         (const double *)out->data + at, j->l.n, j->l.inner, count, j->add);
    }
}

static void forward(hg_tensor *out, hg_tape *t) {
    job j = { out, layout_of(out), false };
    hg_pool_for(hg_tape_pool(t), hg_elements(out), 1 + HG_CHUNK / (j.l.n + 1), forward_task, &j);
}

static void backward(hg_tensor *out, hg_tape *t) {
    job j = { out, layout_of(out), !hg_grad_fresh(out->in[0]) };
    hg_pool_for(hg_tape_pool(t), hg_elements(out), 1 + HG_CHUNK / (j.l.n + 1), backward_task, &j);
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)i;
    hg_shape with_one = hg_tensor_shape(out->in[0]);
    with_one.n[((const norm2 *)out->attr)->axis] = 1;
    return hg_mul(t, out->in[0], hg_reshape(t, hg_div(t, g, out), with_one));
}

hg_tensor *hg_norm2(hg_tape *t, hg_tensor *x, unsigned axis, double eps) {
    const norm2 w = { axis, eps };
    return hg_apply(t, &hg_op_norm2, (hg_tensor *[]) { hg_contiguous(t, x) }, 1, 0, &w, sizeof w);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    switch (k) {
    case 0: return hg_norm2(t, hg_example(t, r, HG_SHAPE(20, 3), false), 1, 1e-6);
    case 1: return hg_norm2(t, hg_example(t, r, HG_SHAPE(3, 20), true), 0, 0);
    case 2: return hg_norm2(t, hg_example(t, r, HG_SHAPE(2, 3, 5), false), 1, 0.1);
    case 3: return hg_norm2(t, hg_example(t, r, HG_SHAPE(2, 5), true), 1, 0);
    case 4: return hg_norm2(t, hg_example(t, r, HG_SHAPE(4, 0), false), 1, 1);
    case 5: return hg_norm2(t, hg_example(t, r, HG_SHAPE(0, 3), false), 1, 1);
    case 6: return hg_norm2(t, hg_example(t, r, HG_SHAPE(4, 0, 2), false), 1, 1);
    default: return NULL;
    }
}

const hg_op hg_op_norm2 = { "norm2", shape, forward, backward, derive, example };
