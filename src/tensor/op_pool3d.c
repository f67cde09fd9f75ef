/* tensor/op_pool3d.c -- the largest or the mean element of each window of a grid; see hagane/tensor.h
 *
 * Once it is known which elements were largest, both kinds are linear maps: taking elements, and spreading a gradient back. One record does
 * the three, so that pooling can be differentiated as often as one likes.
 */
#include "num/isa.h"
#include "tensor/ops.h"
#include <math.h>
#include <string.h>

typedef enum { POOL, AGAIN, SPREAD } role; /* x -> y; the same with the choice as it is; dy -> dx */

typedef struct {
    role role;
    hg_pool_kind kind;
    size_t kernel[3], stride[3], padding[3], x[3], y[3], planes;
    uint32_t *best; /* of HG_POOL_MAX: [planes, y], place in the plane of x */
} pooling;

hg_pool3d_opts hg_pool3d_opts_default(void) { return (hg_pool3d_opts) { .kernel = { 2, 2, 2 } }; }

static size_t volume(const size_t n[3]) { return n[0] * n[1] * n[2]; }

static hg_status shape(hg_tensor *out, hg_err *err) {
    pooling *p = out->attr;
    const hg_tensor *in = out->in[0];
    char text[128];
    if (in->rank != 5)
        return hg_fail(err, HG_EINVAL, "%s: x[batch, channels, d, h, w] is expected", hg_shape_text(text, in));
    if (p->role == POOL) {
        memcpy(p->x, in->shape + 2, sizeof p->x);
        p->planes = in->shape[0] * in->shape[1];
        if (volume(p->x) > UINT32_MAX)
            return hg_fail(err, HG_ELIMIT, "%s: grids of at most %u elements", hg_shape_text(text, in), UINT32_MAX);
        for (int a = 0; a < 3; a++) {
            if (p->stride[a] == 0) p->stride[a] = p->kernel[a];
            if (p->kernel[a] == 0 || p->padding[a] >= p->kernel[a])
                return hg_fail(err, HG_EINVAL,
                               "windows of %zu with a padding of %zu: less padding than window is expected",
                               p->kernel[a], p->padding[a]);
            if (p->kernel[a] > UINT32_MAX || p->x[a] == 0 || p->x[a] + 2 * p->padding[a] < p->kernel[a])
                return hg_fail(err, HG_EINVAL, "windows of %zu x %zu x %zu do not fit into %s", p->kernel[0],
                               p->kernel[1], p->kernel[2], hg_shape_text(text, in));
            p->y[a] = (p->x[a] + 2 * p->padding[a] - p->kernel[a]) / p->stride[a] + 1;
        }
    }
    hg_shape_like(out, in);
    memcpy(out->shape + 2, p->role == SPREAD ? p->x : p->y, sizeof p->x);
    return HG_OK;
}

/* What of window i lies inside. */
static void window(const pooling *p, int a, size_t i, size_t *begin, size_t *end) {
    const size_t from = i * p->stride[a], to = from + p->kernel[a], pad = p->padding[a];
    *begin = from > pad ? from - pad : 0;
    *end = to - pad < p->x[a] ? to - pad : p->x[a];
}

/* most[i], who[i] = x[i step] and its place, where that is larger. NaN stays. */
#define LARGER(type, R)                                                                                                \
    HG_INLINE void larger_##type(R *restrict most, uint32_t *restrict who, const R *restrict x, size_t step, size_t n, \
                                 size_t at) {                                                                          \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const R v = x[i * step];                                                                                   \
            const bool more = (most[i] == most[i]) & !(v <= most[i]);                                                  \
            most[i] = more ? v : most[i];                                                                              \
            who[i] = more ? (uint32_t)(at + i * step) : who[i];                                                        \
        }                                                                                                              \
    }                                                                                                                  \
    /* A row of windows: element k of each in turn, so that the first of equals is chosen. */                          \
    HG_INLINE void largest_##type(R *most, uint32_t *who, const R *x, const pooling *p, const size_t b[3],             \
                                  const size_t e[3]) {                                                                 \
        const size_t s = p->stride[2], pad = p->padding[2], first = (b[0] * p->x[1] + b[1]) * p->x[2];                 \
        for (size_t w = 0; w < p->y[2]; w++) {                                                                         \
            most[w] = -(R)INFINITY;                                                                                    \
            who[w] = (uint32_t)(first + (w * s > pad ? w * s - pad : 0));                                              \
        }                                                                                                              \
        for (size_t d = b[0]; d < e[0]; d++)                                                                           \
            for (size_t h = b[1]; h < e[1]; h++)                                                                       \
                for (size_t k = 0; k < p->kernel[2] && k < p->x[2] + pad; k++) {                                       \
                    const size_t from = k < pad ? (pad - k + s - 1) / s : 0, last = (p->x[2] + pad - k - 1) / s + 1;   \
                    const size_t to = last < p->y[2] ? last : p->y[2];                                                 \
                    const size_t at = (d * p->x[1] + h) * p->x[2] + from * s + k - pad;                                \
                    if (from >= to) continue;                                                                          \
                    if (s == 2)                                                                                        \
                        larger_##type(most + from, who + from, x + at, 2, to - from, at);                              \
                    else                                                                                               \
                        larger_##type(most + from, who + from, x + at, s, to - from, at);                              \
                }                                                                                                      \
    }
LARGER(f32, float)
LARGER(f64, double)

/* For every window of a plane. y: values of x, or the gradient that is added to x's. */
#define KERNELS(type, R)                                                                                               \
    static void mean_##type(R *y, R *x, const pooling *p, const size_t b[3], const size_t e[3]) {                      \
        const R count = (R)((e[0] - b[0]) * (e[1] - b[1]) * (e[2] - b[2]));                                            \
        const R part = p->role == SPREAD ? *y / count : 0;                                                             \
        R sum = 0;                                                                                                     \
        for (size_t d = b[0]; d < e[0]; d++)                                                                           \
            for (size_t h = b[1]; h < e[1]; h++) {                                                                     \
                R *row = x + (d * p->x[1] + h) * p->x[2];                                                              \
                for (size_t w = b[2]; w < e[2]; w++) {                                                                 \
                    if (p->role == SPREAD)                                                                             \
                        row[w] += part;                                                                                \
                    else                                                                                               \
                        sum += row[w];                                                                                 \
                }                                                                                                      \
            }                                                                                                          \
        if (p->role != SPREAD) *y = sum / count;                                                                       \
    }                                                                                                                  \
    HG_INLINE void choose_##type##_body(const pooling *p, const R *x, R *y, uint32_t *best) {                          \
        size_t b[3], e[3];                                                                                             \
        for (size_t d = 0; d < p->y[0]; d++)                                                                           \
            for (size_t h = 0; h < p->y[1]; h++, y += p->y[2], best += p->y[2]) {                                      \
                window(p, 0, d, &b[0], &e[0]);                                                                         \
                window(p, 1, h, &b[1], &e[1]);                                                                         \
                largest_##type(y, best, x, p, b, e);                                                                   \
            }                                                                                                          \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, choose_##type, (const pooling *p, const R *x, R *y, uint32_t *best), (p, x, y, best))      \
    static void average_##type(const pooling *p, R *x, R *y, bool add) {                                               \
        size_t b[3], e[3];                                                                                             \
        for (size_t d = 0, i = 0; d < p->y[0]; d++)                                                                    \
            for (size_t h = 0; h < p->y[1]; h++)                                                                       \
                for (size_t w = 0; w < p->y[2]; w++, i++) {                                                            \
                    window(p, 0, d, &b[0], &e[0]);                                                                     \
                    window(p, 1, h, &b[1], &e[1]);                                                                     \
                    window(p, 2, w, &b[2], &e[2]);                                                                     \
                    const R was = add ? y[i] : 0;                                                                      \
                    mean_##type(&y[i], x, p, b, e);                                                                    \
                    if (p->role != SPREAD) y[i] += was;                                                                \
                }                                                                                                      \
    }                                                                                                                  \
    static void plane_##type(const pooling *p, R *x, R *y, uint32_t *best, bool add) {                                 \
        const size_t n = volume(p->y);                                                                                 \
        if (!best)                                                                                                     \
            average_##type(p, x, y, add);                                                                              \
        else if (p->role == POOL)                                                                                      \
            choose_##type(p, x, y, best);                                                                              \
        else if (p->role == SPREAD)                                                                                    \
            for (size_t i = 0; i < n; i++) x[best[i]] += y[i];                                                         \
        else                                                                                                           \
            for (size_t i = 0; i < n; i++) y[i] = (add ? y[i] : 0) + x[best[i]];                                       \
    }
KERNELS(f32, float)
KERNELS(f64, double)

typedef struct {
    pooling p;
    hg_dtype dtype;
    char *x, *y;
    bool add; /* to y; a gradient of x is always added to */
} job;

static void task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const size_t nx = volume(j->p.x), ny = volume(j->p.y), size = hg_dtype_size(j->dtype);
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        uint32_t *best = j->p.best ? j->p.best + i * ny : NULL;
        char *x = j->x + i * nx * size, *y = j->y + i * ny * size;
        if (j->dtype == HG_F32)
            plane_f32(&j->p, (float *)x, (float *)y, best, j->add);
        else
            plane_f64(&j->p, (double *)x, (double *)y, best, j->add);
    }
}

static void work(hg_tape *t, const pooling *p, role what, hg_dtype dtype, void *x, void *y, bool add) {
    job j = { *p, dtype, x, y, add };
    j.p.role = what;
    hg_pool_for(hg_tape_pool(t), p->planes, 1 + HG_CHUNK / (volume(p->x) + 1), task, &j);
}

static void forward(hg_tensor *out, hg_tape *t) {
    pooling *p = out->attr;
    void *in = out->in[0]->data;
    if (p->kind == HG_POOL_MAX && !p->best) {
        p->best = hg_tape_alloc(t, p->planes * volume(p->y), sizeof *p->best);
        if (!p->best) return;
    }
    if (p->role == SPREAD) memset(out->data, 0, hg_elements(out) * hg_dtype_size(out->dtype));
    if (p->role == SPREAD)
        work(t, p, SPREAD, out->dtype, out->data, in, false);
    else
        work(t, p, p->role, out->dtype, in, out->data, false);
}

static void backward(hg_tensor *out, hg_tape *t) {
    const pooling *p = out->attr;
    hg_tensor *in = out->in[0];
    hg_grad_zero_fresh(in);
    if (p->role == SPREAD)
        work(t, p, AGAIN, out->dtype, out->grad, in->grad, true);
    else
        work(t, p, SPREAD, out->dtype, in->grad, out->grad, false);
}

static hg_tensor *apply(hg_tape *t, role what, const pooling *p, hg_tensor *in) {
    pooling q = *p;
    q.role = what;
    if (in) in = hg_contiguous(t, in);
    return hg_apply(t, &hg_op_pool3d, &in, 1, 0, &q, sizeof q);
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    const pooling *p = out->attr;
    (void)i;
    return apply(t, p->role == SPREAD ? AGAIN : SPREAD, p, g);
}

hg_tensor *hg_pool3d(hg_tape *t, hg_tensor *x, hg_pool_kind kind, const hg_pool3d_opts *opts) {
    const hg_pool3d_opts o = opts ? *opts : hg_pool3d_opts_default();
    pooling p = { .kind = kind };
    memcpy(p.kernel, o.kernel, sizeof p.kernel);
    memcpy(p.stride, o.stride, sizeof p.stride);
    memcpy(p.padding, o.padding, sizeof p.padding);
    return apply(t, POOL, &p, x);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const struct {
        size_t x[5];
        hg_pool3d_opts o;
    } E[] = {
        { { 2, 3, 4, 2, 6 }, { { 2, 2, 2 }, { 0 }, { 0 } } },
        { { 1, 2, 5, 4, 3 }, { { 3, 2, 3 }, { 1, 2, 2 }, { 1, 0, 2 } } },
        { { 1, 1, 1, 1, 1 }, { { 1, 1, 1 }, { 0 }, { 0 } } },
        { { 2, 1, 3, 7, 2 }, { { 1, 2, 1 }, { 2, 3, 1 }, { 0, 1, 0 } } },
        { { 0, 2, 2, 2, 2 }, { { 2, 2, 2 }, { 0 }, { 0 } } },
    };
    const unsigned shapes = sizeof E / sizeof *E;
    if (k >= 2 * shapes) return NULL;
    const size_t *n = E[k % shapes].x;
    hg_tensor *x = hg_example(t, r, HG_SHAPE(n[0], n[1], n[2], n[3], n[4]), k % 2 == 1);
    return hg_pool3d(t, x, k < shapes ? HG_POOL_MAX : HG_POOL_MEAN, &E[k % shapes].o);
}

const hg_op hg_op_pool3d = { "pool3d", shape, forward, backward, derive, example };
