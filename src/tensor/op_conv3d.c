/* tensor/op_conv3d.c -- convolutions in three dimensions, with bias and activation; see hagane/tensor.h
 *
 * One record for three operations, each the gradient of the others (tensor/conv.h): y of x and w, dx of dy and w, dw of x and dy. So a
 * convolution can be differentiated as often as one likes, and the transposed convolution comes with it.
 */
#include "tensor/conv.h"
#include "tensor/gemm.h"
#include "tensor/onednn.h"
#include "tensor/ops.h"
#include <string.h>

typedef enum { Y, DX, DW } role; /* what is computed; inputs x, w, bias; dy, w; x, dy */

typedef struct {
    role role;
    hg_conv c; /* stride, padding, dilation, groups come from outside; of DX also x[], of DW kernel[] */
    hg_function act;
    void *z; /* before the activation, kept for the slope; NULL without activation or gradient */
    /* of derive: what it was last called for, z as a tensor, and the gradient with respect to z */
    hg_tensor *g, *before, *gz;
} conv;

hg_conv3d_opts hg_conv3d_opts_default(void) {
    return (hg_conv3d_opts) { .stride = { 1, 1, 1 }, .dilation = { 1, 1, 1 }, .groups = 1 };
}

/* ---- shapes --------------------------------------------------------------------------------------------------- */

static const char AXES[3][8] = { "depth", "height", "width" };
static const size_t STEP_MOST = 1 << 20; /* of stride, padding, dilation: nothing overflows */

static hg_status check_steps(const hg_conv *c, hg_err *err) {
    for (int a = 0; a < 3; a++) {
        if (c->stride[a] < 1 || c->stride[a] > STEP_MOST || c->dilation[a] < 1 || c->dilation[a] > STEP_MOST)
            return hg_fail(err, HG_EINVAL, "stride %zu and dilation %zu of the %s: from 1 to %zu", c->stride[a],
                           c->dilation[a], AXES[a], STEP_MOST);
        if (c->padding[a] > STEP_MOST)
            return hg_fail(err, HG_EINVAL, "padding %zu of the %s: at most %zu", c->padding[a], AXES[a], STEP_MOST);
    }
    return HG_OK;
}

static hg_status find_lengths(hg_conv *c, hg_err *err) {
    for (int a = 0; a < 3; a++) {
        if (c->kernel[a] == 0 || c->kernel[a] > STEP_MOST || c->x[a] > SIZE_MAX / 4)
            return hg_fail(err, HG_EINVAL, "a kernel of %s %zu, from 1 to %zu is possible", AXES[a], c->kernel[a],
                           STEP_MOST);
        const size_t reach = (c->kernel[a] - 1) * c->dilation[a] + 1, padded = c->x[a] + 2 * c->padding[a];
        if (padded < reach)
            return hg_fail(err, HG_EINVAL, "the kernel reaches over %s %zu, the input with its padding has %zu",
                           AXES[a], reach, padded);
        c->y[a] = (padded - reach) / c->stride[a] + 1;
    }
    return HG_OK;
}

static void set_shape(hg_tensor *out, size_t first, size_t second, const size_t n[3]) {
    out->rank = 5;
    out->shape[0] = first;
    out->shape[1] = second;
    memcpy(out->shape + 2, n, 3 * sizeof *n);
}

static hg_status check_channels(const hg_conv *c, const hg_tensor *a, const hg_tensor *b, bool fit, hg_err *err) {
    char left[128], right[128];
    if (fit && c->groups > 0 && c->in % c->groups == 0 && c->out % c->groups == 0) return HG_OK;
    return hg_fail(err, HG_EINVAL,
                   "%s and %s in %zu groups: x[batch, in, d, h, w] and w[out, in / groups, kd, kh, kw] are expected",
                   hg_shape_text(left, a), hg_shape_text(right, b), c->groups);
}

static hg_status shape(hg_tensor *out, hg_err *err) {
    conv *v = out->attr;
    hg_conv *c = &v->c;
    const hg_tensor *p = out->in[0], *q = out->n_in > 1 ? out->in[1] : NULL, *b = out->n_in > 2 ? out->in[2] : NULL;
    if (!q) return hg_fail(err, HG_EINVAL, "there are no weights");
    char text[128];
    HG_TRY(check_steps(c, err));
    HG_TRY(check_channels(c, p, q, p->rank == 5 && q->rank == 5, err));
    const bool has_w = v->role != DW;
    c->batch = p->shape[0];
    if (has_w) memcpy(c->kernel, q->shape + 2, sizeof c->kernel);
    if (v->role != DX) memcpy(c->x, p->shape + 2, sizeof c->x);
    c->in = v->role == DX ? q->shape[1] * c->groups : p->shape[1];
    c->out = v->role == DX ? p->shape[1] : has_w ? q->shape[0] : q->shape[1];
    bool fit = v->role == Y    ? q->shape[1] * c->groups == c->in
               : v->role == DX ? q->shape[0] == c->out
                               : q->shape[0] == c->batch;
    HG_TRY(check_channels(c, p, q, fit, err));
    HG_TRY(find_lengths(c, err));
    const hg_tensor *dy = v->role == DX ? p : q;
    if (v->role != Y && memcmp(c->y, dy->shape + 2, sizeof c->y) != 0)
        return hg_fail(err, HG_EINVAL, "%s is not what a convolution of %zu x %zu x %zu gives: %zu x %zu x %zu",
                       hg_shape_text(text, dy), c->x[0], c->x[1], c->x[2], c->y[0], c->y[1], c->y[2]);
    if (b && (b->rank != 1 || b->shape[0] != c->out))
        return hg_fail(err, HG_EINVAL, "bias%s: bias[%zu] is expected", hg_shape_text(text, b), c->out);
    switch (v->role) {
    case Y: set_shape(out, c->batch, c->out, c->y); break;
    case DX: set_shape(out, c->batch, c->in, c->x); break;
    case DW: set_shape(out, c->out, c->groups ? c->in / c->groups : 0, c->kernel); break;
    }
    return HG_OK;
}

/* ---- kernels of size 1: products of matrices ------------------------------------------------------------------ */

static size_t volume(const size_t n[3]) { return n[0] * n[1] * n[2]; }

static bool is_product(const hg_conv *c, const hg_tensor *x) {
    for (int a = 0; a < 3; a++)
        if (c->kernel[a] != 1 || c->stride[a] != 1 || c->padding[a] != 0) return false;
    const ptrdiff_t line = (ptrdiff_t)c->y[2];
    return x->stride[4] == 1 && x->stride[3] == line && x->stride[2] == line * (ptrdiff_t)c->y[1] &&
           hg_matrix_fits(x->shape[1], volume(c->y), x->stride[1], 1);
}

/* For every item and group: to[m, positions] (+)= w_of_group[m, k] from[k, positions]. */
static void product(hg_tape *t, const hg_conv *c, void *to, const hg_tensor *from, const hg_tensor *w, bool turned,
                    bool add) {
    const size_t in = c->in / c->groups, out = c->out / c->groups, n = volume(c->y);
    hg_product p = {
        .dtype = from->dtype, .m = turned ? in : out, .k = turned ? out : in, .n = n, .ldc = n, .add = add
    };
    p.a = turned ? (hg_matrix) { w->data, 1, (ptrdiff_t)in } : (hg_matrix) { w->data, (ptrdiff_t)in, 1 };
    p.b = (hg_matrix) { from->data, from->stride[1], 1 };
    p.c = to;
    p.act = HG_IDENTITY;
    p.batch = (hg_loop) { .rank = 2, .operands = 3, .total = c->batch * c->groups, .shape = { c->batch, c->groups } };
    const ptrdiff_t step[3][2] = { { 0, (ptrdiff_t)(in * out) },
                                   { from->stride[0], (ptrdiff_t)p.k * from->stride[1] },
                                   { (ptrdiff_t)(p.m * c->groups * n), (ptrdiff_t)(p.m * n) } };
    for (int k = 0; k < 3; k++) memcpy(p.batch.stride[k], step[k], sizeof step[k]);
    hg_product_do(t, &p);
}

typedef struct {
    const conv *v;
    hg_dtype dtype;
    size_t n;
    const void *bias;
    char *z, *y;
} rows_of_channels;

static void bias_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const rows_of_channels *r = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        for (size_t k = 0; k < r->n; k++) {
            if (r->dtype == HG_F32)
                ((float *)r->z)[i * r->n + k] = ((const float *)r->bias)[i % r->v->c.out];
            else
                ((double *)r->z)[i * r->n + k] = ((const double *)r->bias)[i % r->v->c.out];
        }
}

static void activate_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const rows_of_channels *r = ctx;
    const size_t from = begin * r->n * hg_dtype_size(r->dtype);
    (void)worker;
    hg_function_values(r->v->act, r->dtype, r->y + from, r->z + from, (end - begin) * r->n);
}

static void product_y(hg_tape *t, const conv *v, void *z, const hg_tensor *x, const hg_tensor *w, const void *bias,
                      void *y) {
    const size_t n = volume(v->c.y), channels = v->c.batch * v->c.out;
    rows_of_channels r = { v, x->dtype, n, bias, z, y };
    if (bias) hg_pool_for(hg_tape_pool(t), channels, 1 + HG_CHUNK / n, bias_task, &r);
    product(t, &v->c, z, x, w, false, bias != NULL);
    if (v->act != HG_IDENTITY) hg_pool_for(hg_tape_pool(t), channels, 1 + HG_CHUNK / n, activate_task, &r);
}

/* ---- the three ------------------------------------------------------------------------------------------------ */

static void compute_dx(hg_tape *t, const hg_conv *c, void *dx, const hg_tensor *dy, const hg_tensor *w, bool add) {
    if (is_product(c, dy))
        product(t, c, dx, dy, w, true, add);
    else if (!hg_onednn_dx(t, c, dx, dy, w, add))
        hg_conv_dx(t, c, dx, dy, w, add);
}

static void compute_dw(hg_tape *t, const hg_conv *c, void *dw, const hg_tensor *x, const hg_tensor *dy, bool add) {
    if (!hg_onednn_dw(t, c, dw, x, dy, add)) hg_conv_dw(t, c, dw, x, dy, add);
}

static void compute_y(hg_tape *t, const conv *v, void *z, const hg_tensor *x, const hg_tensor *w, const void *bias,
                      void *y) {
    if (is_product(&v->c, x))
        product_y(t, v, z, x, w, bias, y);
    else if (!hg_onednn_y(t, &v->c, z, x, w, bias, v->act, y))
        hg_conv_y(t, &v->c, z, x, w, bias, v->act, y);
}

static void forward(hg_tensor *out, hg_tape *t) {
    conv *v = out->attr;
    const hg_tensor *b = out->n_in > 2 ? out->in[2] : NULL;
    if (hg_elements(out) == 0) return;
    if (v->role == DX) {
        compute_dx(t, &v->c, out->data, out->in[0], out->in[1], false);
        return;
    }
    if (v->role == DW) {
        compute_dw(t, &v->c, out->data, out->in[0], out->in[1], false);
        return;
    }
    const size_t mark = hg_tape_mark(t);
    void *z = out->data;
    if (v->act != HG_IDENTITY) {
        z = v->z ? v->z : hg_tape_alloc(t, hg_elements(out), hg_dtype_size(out->dtype));
        if (!z) return;
    }
    if (out->wants_grad && v->act != HG_IDENTITY) v->z = z;
    compute_y(t, v, z, out->in[0], out->in[1], b ? b->data : NULL, out->data);
    if (!out->wants_grad) hg_tape_release(t, mark);
}

static void backward_y(hg_tensor *out, hg_tape *t) {
    const conv *v = out->attr;
    hg_tensor *x = out->in[0], *w = out->in[1], *b = out->n_in > 2 ? out->in[2] : NULL, gz = hg_gradient_of(out);
    if (v->act != HG_IDENTITY) {
        gz.data = hg_tape_alloc(t, hg_elements(out), hg_dtype_size(out->dtype));
        if (!gz.data) return;
        hg_activation_backward(t, gz.data, v->act, out, v->z);
    }
    if (hg_wants(x) && hg_elements(x)) compute_dx(t, &v->c, x->grad, &gz, w, !hg_grad_fresh(x));
    if (hg_wants(w) && hg_elements(w)) compute_dw(t, &v->c, w->grad, x, &gz, !hg_grad_fresh(w));
    if (hg_wants(b)) hg_reduce(t, b->grad, &gz, NULL, 1 | 4 | 8 | 16, 1, !hg_grad_fresh(b));
}

static void backward(hg_tensor *out, hg_tape *t) {
    const conv *v = out->attr;
    hg_tensor *p = out->in[0], *q = out->in[1], g = hg_gradient_of(out);
    const size_t mark = hg_tape_mark(t);
    switch (v->role) {
    case Y: backward_y(out, t); break;
    case DX: /* p = dy, q = w, g in the place of x */
        if (hg_wants(p)) {
            const conv plain = { .c = v->c, .act = HG_IDENTITY };
            /* y is written, not added to: through a room */
            hg_tensor sum = hg_gradient_of(p);
            sum.data = hg_tape_alloc(t, hg_elements(p), hg_dtype_size(p->dtype));
            if (!sum.data) return;
            compute_y(t, &plain, sum.data, &g, q, NULL, NULL);
            hg_accumulate(t, p->grad, sum.data, p, 1, !hg_grad_fresh(p));
        }
        if (hg_wants(q)) compute_dw(t, &v->c, q->grad, &g, p, !hg_grad_fresh(q));
        break;
    case DW: /* p = x, q = dy, g in the place of w */
        if (hg_wants(p)) compute_dx(t, &v->c, p->grad, q, &g, !hg_grad_fresh(p));
        if (hg_wants(q)) {
            const conv plain = { .c = v->c, .act = HG_IDENTITY };
            hg_tensor sum = hg_gradient_of(q);
            sum.data = hg_tape_alloc(t, hg_elements(q), hg_dtype_size(q->dtype));
            if (!sum.data) return;
            compute_y(t, &plain, sum.data, p, &g, NULL, NULL);
            hg_accumulate(t, q->grad, sum.data, q, 1, !hg_grad_fresh(q));
        }
        break;
    }
    hg_tape_release(t, mark);
}

/* The operation of another role on the same shapes. */
static hg_tensor *apply(hg_tape *t, role what, const hg_conv *c, hg_function act, hg_tensor *p, hg_tensor *q,
                        hg_tensor *b) {
    const conv v = { .role = what, .c = *c, .act = act };
    if (what != DW && q) q = hg_contiguous(t, q);
    if (b) b = hg_contiguous(t, b);
    return hg_apply(t, &hg_op_conv3d, (hg_tensor *[]) { p, q, b }, 3, 1u << 2, &v, sizeof v);
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    conv *v = out->attr;
    hg_tensor *p = out->in[0], *q = out->in[1];
    if (v->role == DX)
        return i == 0 ? apply(t, Y, &v->c, HG_IDENTITY, g, q, NULL) : apply(t, DW, &v->c, HG_IDENTITY, g, p, NULL);
    if (v->role == DW)
        return i == 0 ? apply(t, DX, &v->c, HG_IDENTITY, q, g, NULL) : apply(t, Y, &v->c, HG_IDENTITY, p, g, NULL);
    if (v->g != g) { /* once for all inputs */
        v->g = v->gz = g;
        if (v->act != HG_IDENTITY) {
            if (!v->before) v->before = apply(t, Y, &v->c, HG_IDENTITY, p, q, out->in[2]);
            hg_tensor *slope = hg_function_slope(t, v->act, v->before, out);
            v->gz = slope ? hg_mul(t, g, slope) : hg_affine(t, g, 0, 0);
        }
    }
    if (i == 0) return apply(t, DX, &v->c, HG_IDENTITY, v->gz, q, NULL);
    if (i == 1) return apply(t, DW, &v->c, HG_IDENTITY, p, v->gz, NULL);
    return hg_sum(t, v->gz, 1 | 4 | 8 | 16);
}

static hg_conv steps(const hg_conv3d_opts *opts) {
    const hg_conv3d_opts o = opts ? *opts : hg_conv3d_opts_default();
    hg_conv c = { .groups = o.groups };
    memcpy(c.stride, o.stride, sizeof c.stride);
    memcpy(c.padding, o.padding, sizeof c.padding);
    memcpy(c.dilation, o.dilation, sizeof c.dilation);
    return c;
}

hg_tensor *hg_conv3d(hg_tape *t, hg_tensor *x, hg_tensor *w, hg_tensor *b, const hg_conv3d_opts *opts,
                     hg_function act) {
    const hg_conv c = steps(opts);
    return apply(t, Y, &c, act, x, w, b);
}

hg_tensor *hg_conv3d_transposed(hg_tape *t, hg_tensor *x, hg_tensor *w, const size_t size[3],
                                const hg_conv3d_opts *opts) {
    hg_conv c = steps(opts);
    memcpy(c.x, size, sizeof c.x);
    return apply(t, DX, &c, HG_IDENTITY, x, w, NULL);
}

/* ---- examples ------------------------------------------------------------------------------------------------- */

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const struct {
        size_t batch, groups, in, out, x[3], kernel[3], stride[3], padding[3], dilation[3];
    } E[] = {
        { 1, 1, 2, 3, { 3, 4, 5 }, { 3, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 } },
        { 2, 1, 1, 2, { 4, 3, 3 }, { 2, 3, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 1 } },
        { 1, 1, 2, 1, { 5, 4, 6 }, { 3, 2, 3 }, { 2, 2, 2 }, { 1, 0, 1 }, { 1, 1, 1 } },
        { 1, 1, 1, 9, { 5, 1, 6 }, { 2, 1, 3 }, { 1, 1, 1 }, { 0, 0, 2 }, { 2, 1, 2 } },
        { 2, 1, 3, 2, { 2, 3, 2 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 1 } },
        { 1, 2, 4, 6, { 2, 2, 3 }, { 2, 2, 2 }, { 2, 1, 2 }, { 1, 1, 0 }, { 1, 1, 1 } },
        { 0, 1, 2, 3, { 3, 3, 3 }, { 2, 2, 2 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 1 } },
        { 1, 1, 1, 1, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 1 } },
        { 1, 1, 1, 1, { 1, 1, 1 }, { 3, 3, 3 }, { 3, 1, 2 }, { 2, 1, 4 }, { 1, 1, 1 } },
        { 1, 1, 1, 2, { 7, 2, 5 }, { 2, 2, 2 }, { 3, 3, 4 }, { 0, 1, 0 }, { 2, 1, 3 } },
        { 1, 2, 2, 2, { 2, 2, 2 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 1 } },
        { 2, 1, 0, 2, { 2, 2, 2 }, { 1, 2, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 1 } },
        { 1, 1, 1, 1, { 2, 7, 41 }, { 1, 2, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 1 } },
    };
    static const hg_function ACT[] = { HG_SILU, HG_IDENTITY, HG_TANH, HG_SOFTPLUS };
    const unsigned shapes = sizeof E / sizeof *E;
    if (k >= 3 * shapes) return NULL;
    const unsigned e = k % shapes;
    hg_conv c = { .batch = E[e].batch, .groups = E[e].groups, .in = E[e].in, .out = E[e].out };
    memcpy(c.x, E[e].x, sizeof c.x);
    memcpy(c.kernel, E[e].kernel, sizeof c.kernel);
    memcpy(c.stride, E[e].stride, sizeof c.stride);
    memcpy(c.padding, E[e].padding, sizeof c.padding);
    memcpy(c.dilation, E[e].dilation, sizeof c.dilation);
    hg_err err;
    if (find_lengths(&c, &err) != HG_OK) return NULL;
    const bool strided = k % 2 == 1;
    const hg_shape x = HG_SHAPE(c.batch, c.in, c.x[0], c.x[1], c.x[2]),
                   y = HG_SHAPE(c.batch, c.out, c.y[0], c.y[1], c.y[2]),
                   w = HG_SHAPE(c.out, c.in / c.groups, c.kernel[0], c.kernel[1], c.kernel[2]);
    switch (k / shapes) {
    case 0:
        return apply(t, Y, &c, ACT[k % 4], hg_example(t, r, x, strided), hg_example(t, r, w, k % 3 == 1),
                     k % 3 ? hg_example(t, r, HG_SHAPE(c.out), k % 5 == 1) : NULL);
    case 1: return apply(t, DX, &c, HG_IDENTITY, hg_example(t, r, y, strided), hg_example(t, r, w, false), NULL);
    default: return apply(t, DW, &c, HG_IDENTITY, hg_example(t, r, x, strided), hg_example(t, r, y, k % 3 == 1), NULL);
    }
}

const hg_op hg_op_conv3d = { "conv3d", shape, forward, backward, derive, example };
