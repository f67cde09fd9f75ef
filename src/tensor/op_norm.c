/* tensor/op_norm.c -- layer and group normalisation: one kernel; see hagane/tensor.h
 *
 * Ba, Kiros & Hinton, arXiv:1607.06450 (2016), eq. (4); Wu & He, ECCV (2018), eqs. (1)-(2). Memory is rows, each of which gets mean 0 and variance 1:
 * a row is one sample's group of `channels` channels of `spatial` elements each. A layer norm is one group of channels of one element.
 * With xh the normalised row and h = g gain, its gradient is dx = (h - mean h - xh mean(h xh)) / sd.
 */
#include "tensor/lanes.h"
#include "tensor/ops.h"
#include <string.h>

typedef struct {
    size_t groups; /* 0: a layer norm, over the last axis */
    double eps;
    double *mean, *per_sd; /* [rows] */
} norm;

typedef struct {
    size_t rows, groups, channels, spatial; /* channels of a group */
} layout;

static layout layout_of(const hg_tensor *out) {
    const norm *w = out->attr;
    const hg_tensor *x = out->in[0];
    layout l = { 0, 1, x->shape[x->rank - 1], 1 };
    if (w->groups) {
        l.groups = w->groups;
        l.channels = x->shape[1] / w->groups;
        for (unsigned i = 2; i < x->rank; i++) l.spatial *= x->shape[i];
    }
    const size_t length = l.channels * l.spatial;
    l.rows = length ? hg_elements(x) / length : 0;
    return l;
}

static hg_status shape(hg_tensor *out, hg_err *err) {
    const norm *w = out->attr;
    const hg_tensor *x = out->in[0];
    char text[128];
    if (x->rank < (w->groups ? 2 : 1)) return hg_fail(err, HG_EINVAL, "%s has no channels", hg_shape_text(text, x));
    if (!(w->eps > 0)) return hg_fail(err, HG_EINVAL, "eps is %g, it has to be above 0", w->eps);
    const size_t c = w->groups ? x->shape[1] : x->shape[x->rank - 1];
    if (w->groups && c % w->groups) return hg_fail(err, HG_EINVAL, "%zu channels in %zu groups", c, w->groups);
    for (unsigned k = 1; k < 3; k++)
        if (out->in[k] && (out->in[k]->rank != 1 || out->in[k]->shape[0] != c))
            return hg_fail(err, HG_EINVAL, "%s for %zu channels", hg_shape_text(text, out->in[k]), c);
    hg_shape_like(out, x);
    return HG_OK;
}

/* One row: the statistics, then y = a x + b channel by channel. gain and bias point at the group's first channel, or are NULL. */
#define KERNEL(type, R)                                                                                                \
    HG_INLINE void forward_##type##_body(R *restrict y, const R *restrict x, const R *gain, const R *bias,             \
                                         size_t channels, size_t spatial, double eps, double *mean, double *per_sd) {  \
        const size_t n = channels * spatial;                                                                           \
        double sum = 0, squares = 0;                                                                                   \
        HG_LANE_SUM(R, sum, n, e, x[e])                                                                                \
        const R m = (R)(sum / (double)n);                                                                              \
        HG_LANE_SUM(R, squares, n, e, (x[e] - m) * (x[e] - m))                                                         \
        const R s = (R)(1 / __builtin_sqrt(squares / (double)n + eps));                                                \
        *mean = (double)m;                                                                                             \
        *per_sd = (double)s;                                                                                           \
        if (spatial == 1) {                                                                                            \
            for (size_t c = 0; c < n; c++) y[c] = (x[c] - m) * s * (gain ? gain[c] : 1) + (bias ? bias[c] : 0);        \
        } else {                                                                                                       \
            for (size_t c = 0; c < channels; c++, x += spatial, y += spatial) {                                        \
                const R a = s * (gain ? gain[c] : 1), b = bias ? bias[c] : 0;                                          \
                for (size_t i = 0; i < spatial; i++) y[i] = (x[i] - m) * a + b;                                        \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, forward_##type,                                                                            \
                    (R * y, const R *x, const R *gain, const R *bias, size_t channels, size_t spatial, double eps,     \
                     double *mean, double *per_sd),                                                                    \
                    (y, x, gain, bias, channels, spatial, eps, mean, per_sd))                                          \
    HG_INLINE void to_input_##type##_body(R *restrict dx, const R *restrict g, const R *restrict x, const R *gain,     \
                                          size_t channels, size_t spatial, R m, R s, bool add) {                       \
        const size_t n = channels * spatial;                                                                           \
        double sum = 0, product = 0; /* of h, and of h xh */                                                           \
        if (spatial == 1) {                                                                                            \
            HG_LANE_SUM(R, sum, n, e, g[e] * (gain ? gain[e] : 1))                                                     \
            HG_LANE_SUM(R, product, n, e, g[e] * (gain ? gain[e] : 1) * (x[e] - m))                                    \
        } else {                                                                                                       \
            for (size_t c = 0; c < channels; c++) {                                                                    \
                const R *gc = g + c * spatial, *xc = x + c * spatial;                                                  \
                double of_g = 0, of_gx = 0;                                                                            \
                HG_LANE_SUM(R, of_g, spatial, e, gc[e])                                                                \
                HG_LANE_SUM(R, of_gx, spatial, e, gc[e] * (xc[e] - m))                                                 \
                sum += (gain ? (double)gain[c] : 1) * of_g;                                                            \
                product += (gain ? (double)gain[c] : 1) * of_gx;                                                       \
            }                                                                                                          \
        }                                                                                                              \
        const R mean_h = (R)(sum / (double)n), slope = (R)(product * (double)(s * s) / (double)n);                     \
        if (spatial == 1) {                                                                                            \
            for (size_t c = 0; c < n; c++)                                                                             \
                dx[c] = (add ? dx[c] : 0) + s * (g[c] * (gain ? gain[c] : 1) - mean_h - (x[c] - m) * slope);           \
        } else {                                                                                                       \
            for (size_t c = 0; c < channels; c++, dx += spatial, g += spatial, x += spatial) {                         \
                const R a = gain ? gain[c] : 1;                                                                        \
                for (size_t i = 0; i < spatial; i++)                                                                   \
                    dx[i] = (add ? dx[i] : 0) + s * (g[i] * a - mean_h - (x[i] - m) * slope);                          \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(                                                                                                   \
        static, to_input_##type,                                                                                       \
        (R * dx, const R *g, const R *x, const R *gain, size_t channels, size_t spatial, R m, R s, bool add),          \
        (dx, g, x, gain, channels, spatial, m, s, add))                                                                \
    /* of_gain[channels] += sum of g xh, of_bias += sum of g */                                                        \
    HG_INLINE void to_numbers_##type##_body(double *restrict of_gain, double *restrict of_bias, const R *restrict g,   \
                                            const R *restrict x, size_t channels, size_t spatial, R m, R s) {          \
        if (spatial == 1) {                                                                                            \
            for (size_t c = 0; c < channels; c++) {                                                                    \
                of_gain[c] += (double)(g[c] * (x[c] - m) * s);                                                         \
                of_bias[c] += (double)g[c];                                                                            \
            }                                                                                                          \
        } else {                                                                                                       \
            for (size_t c = 0; c < channels; c++, g += spatial, x += spatial) {                                        \
                HG_LANE_SUM(R, of_gain[c], spatial, e, g[e] * (x[e] - m) * s)                                          \
                HG_LANE_SUM(R, of_bias[c], spatial, e, g[e])                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(                                                                                                   \
        static, to_numbers_##type,                                                                                     \
        (double *of_gain, double *of_bias, const R *g, const R *x, size_t channels, size_t spatial, R m, R s),         \
        (of_gain, of_bias, g, x, channels, spatial, m, s))
KERNEL(f32, float)
KERNEL(f64, double)

typedef struct {
    hg_tensor *out;
    layout l;
    bool add;
    size_t pieces, piece; /* of rows, for the sums of gain and bias */
    double *partial;      /* [pieces, 2, all channels] */
} job;

static const void *numbers_of(const hg_tensor *x, size_t at) { /* of the group's channels, NULL for NULL */
    return x ? (const char *)x->data + at * hg_dtype_size(x->dtype) : NULL;
}

static void forward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const layout *l = &j->l;
    hg_tensor *out = j->out;
    norm *w = out->attr;
    (void)worker;
    for (size_t row = begin; row < end; row++) {
        const size_t at = row * l->channels * l->spatial, first = row % l->groups * l->channels;
        const void *gain = numbers_of(out->in[1], first), *bias = numbers_of(out->in[2], first);
        if (out->dtype == HG_F32)
            forward_f32((float *)out->data + at, (const float *)out->in[0]->data + at, gain, bias, l->channels,
                        l->spatial, w->eps, &w->mean[row], &w->per_sd[row]);
        else
            forward_f64((double *)out->data + at, (const double *)out->in[0]->data + at, gain, bias, l->channels,
                        l->spatial, w->eps, &w->mean[row], &w->per_sd[row]);
    }
}

static void forward(hg_tensor *out, hg_tape *t) {
    norm *w = out->attr;
    job j = { .out = out, .l = layout_of(out) };
    if (!w->mean) w->mean = hg_tape_alloc(t, j.l.rows, sizeof(double));
    if (!w->per_sd) w->per_sd = hg_tape_alloc(t, j.l.rows, sizeof(double));
    if (!w->mean || !w->per_sd || !j.l.rows) return;
    hg_pool_for(hg_tape_pool(t), j.l.rows, 1 + HG_CHUNK / (j.l.channels * j.l.spatial), forward_task, &j);
}

static void input_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const layout *l = &j->l;
    hg_tensor *out = j->out, *x = out->in[0];
    const norm *w = out->attr;
    (void)worker;
    for (size_t row = begin; row < end; row++) {
        const size_t at = row * l->channels * l->spatial;
        const void *gain = numbers_of(out->in[1], row % l->groups * l->channels);
        if (out->dtype == HG_F32)
            to_input_f32((float *)x->grad + at, (const float *)out->grad + at, (const float *)x->data + at, gain,
                         l->channels, l->spatial, (float)w->mean[row], (float)w->per_sd[row], j->add);
        else
            to_input_f64((double *)x->grad + at, (const double *)out->grad + at, (const double *)x->data + at, gain,
                         l->channels, l->spatial, w->mean[row], w->per_sd[row], j->add);
    }
}

static void numbers_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const layout *l = &j->l;
    const hg_tensor *out = j->out, *x = out->in[0];
    const norm *w = out->attr;
    const size_t all = l->groups * l->channels;
    (void)worker;
    for (size_t piece = begin; piece < end; piece++) {
        double *sums = j->partial + 2 * piece * all;
        memset(sums, 0, 2 * all * sizeof *sums);
        const size_t last = (piece + 1) * j->piece < l->rows ? (piece + 1) * j->piece : l->rows;
        for (size_t row = piece * j->piece; row < last; row++) {
            const size_t at = row * l->channels * l->spatial, first = row % l->groups * l->channels;
            if (out->dtype == HG_F32)
                to_numbers_f32(sums + first, sums + all + first, (const float *)out->grad + at,
                               (const float *)x->data + at, l->channels, l->spatial, (float)w->mean[row],
                               (float)w->per_sd[row]);
            else
                to_numbers_f64(sums + first, sums + all + first, (const double *)out->grad + at,
                               (const double *)x->data + at, l->channels, l->spatial, w->mean[row], w->per_sd[row]);
        }
    }
}

static void add_partial(const job *j, hg_tensor *to, size_t which) {
    const size_t all = j->l.groups * j->l.channels;
    const bool add = !hg_grad_fresh(to);
    for (size_t c = 0; c < all; c++) {
        double sum = 0;
        for (size_t p = 0; p < j->pieces; p++) sum += j->partial[(2 * p + which) * all + c];
        if (to->dtype == HG_F32)
            ((float *)to->grad)[c] = (float)(add ? (double)((float *)to->grad)[c] + sum : sum);
        else
            ((double *)to->grad)[c] = add ? ((double *)to->grad)[c] + sum : sum;
    }
}

static void backward(hg_tensor *out, hg_tape *t) {
    enum { PIECES_MOST = 32 };
    job j = { .out = out, .l = layout_of(out) };
    const size_t length = j.l.channels * j.l.spatial, mark = hg_tape_mark(t);
    if (hg_wants(out->in[0])) {
        j.add = !hg_grad_fresh(out->in[0]);
        hg_pool_for(hg_tape_pool(t), j.l.rows, 1 + HG_CHUNK / length, input_task, &j);
    }
    if (!hg_wants(out->in[1]) && !hg_wants(out->in[2])) return;
    const size_t least = 1 + HG_CHUNK / length, fair = (j.l.rows + PIECES_MOST - 1) / PIECES_MOST;
    j.piece = fair > least ? fair : least;
    j.pieces = (j.l.rows + j.piece - 1) / j.piece;
    j.partial = hg_tape_alloc(t, 2 * j.pieces * j.l.groups * j.l.channels, sizeof(double));
    if (!j.partial) return;
    hg_pool_for(hg_tape_pool(t), j.pieces, 1, numbers_task, &j);
    for (unsigned k = 1; k < 3; k++)
        if (hg_wants(out->in[k])) add_partial(&j, out->in[k], k - 1);
    hg_tape_release(t, mark);
}

/* As tensors: everything again from x, [rows, length]. */
static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    const norm *w = out->attr;
    const layout l = layout_of(out);
    const hg_shape whole = hg_tensor_shape(out), rows = HG_SHAPE(l.rows, l.channels * l.spatial);
    const unsigned c_axis = w->groups ? 1 : out->rank - 1;
    hg_shape one_each = whole; /* a number a channel, in a shape that broadcasts */
    for (unsigned k = 0; k < whole.rank; k++)
        if (k != c_axis) one_each.n[k] = 1;
    if (i == 2) return hg_reshape(t, hg_sum_to(t, g, one_each), hg_tensor_shape(out->in[2]));
    hg_tensor *per_sd, *xh = hg_normalised(t, hg_reshape(t, out->in[0], rows), 2, w->eps, &per_sd);
    if (i == 1)
        return hg_reshape(t, hg_sum_to(t, hg_mul(t, g, hg_reshape(t, xh, whole)), one_each),
                          hg_tensor_shape(out->in[1]));
    if (out->in[1]) g = hg_mul(t, g, hg_reshape(t, out->in[1], one_each));
    return hg_reshape(t, hg_normalised_slope(t, hg_reshape(t, g, rows), xh, per_sd, 2), whole);
}

static hg_tensor *mean_kept(hg_tape *t, hg_tensor *x, unsigned axes) { /* the axes stay, of length 1 */
    hg_shape s = hg_tensor_shape(x);
    for (unsigned i = 0; i < s.rank; i++)
        if (axes >> i & 1) s.n[i] = 1;
    return hg_reshape(t, hg_mean(t, x, axes), s);
}

hg_tensor *hg_normalised(hg_tape *t, hg_tensor *x, unsigned axes, double eps, hg_tensor **per_sd) {
    hg_tensor *off = hg_sub(t, x, mean_kept(t, x, axes));
    hg_tensor *variance = mean_kept(t, hg_map(t, HG_SQUARE, off), axes);
    *per_sd = hg_map(t, HG_RECIPROCAL, hg_map(t, HG_SQRT, hg_affine(t, variance, 1, eps)));
    return hg_mul(t, off, *per_sd);
}

hg_tensor *hg_normalised_slope(hg_tape *t, hg_tensor *h, hg_tensor *xh, hg_tensor *per_sd, unsigned axes) {
    hg_tensor *along = hg_mul(t, xh, mean_kept(t, hg_mul(t, h, xh), axes));
    return hg_mul(t, per_sd, hg_sub(t, hg_sub(t, h, mean_kept(t, h, axes)), along));
}

static hg_tensor *apply(hg_tape *t, hg_tensor *x, size_t groups, hg_tensor *gain, hg_tensor *bias, double eps) {
    const norm w = { groups, eps, NULL, NULL };
    hg_tensor *in[] = { hg_contiguous(t, x), gain ? hg_contiguous(t, gain) : NULL,
                        bias ? hg_contiguous(t, bias) : NULL };
    return hg_apply(t, &hg_op_norm, in, 3, 6, &w, sizeof w);
}

hg_tensor *hg_layer_norm(hg_tape *t, hg_tensor *x, hg_tensor *gain, hg_tensor *bias, double eps) {
    return apply(t, x, 0, gain, bias, eps);
}

hg_tensor *hg_group_norm(hg_tape *t, hg_tensor *x, size_t groups, hg_tensor *gain, hg_tensor *bias, double eps) {
    if (groups == 0) return hg_tape_fail(t, HG_EINVAL, "norm: channels in 0 groups");
    return apply(t, x, groups, gain, bias, eps);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    hg_tensor *gain = hg_example(t, r, HG_SHAPE(6), k == 1), *bias = hg_example(t, r, HG_SHAPE(6), false);
    switch (k) {
    case 0: return hg_layer_norm(t, hg_example(t, r, HG_SHAPE(5, 6), false), gain, bias, 1e-3);
    case 1: return hg_layer_norm(t, hg_example(t, r, HG_SHAPE(2, 3, 6), true), gain, NULL, 1e-3);
    case 2: return hg_layer_norm(t, hg_example(t, r, HG_SHAPE(2, 37), false), NULL, NULL, 1e-3);
    case 3: return hg_group_norm(t, hg_example(t, r, HG_SHAPE(2, 6, 3, 2), true), 3, gain, bias, 1e-3);
    case 4: return hg_group_norm(t, hg_example(t, r, HG_SHAPE(4, 6), false), 2, gain, bias, 1e-3);
    case 5: return hg_group_norm(t, hg_example(t, r, HG_SHAPE(2, 6, 20), false), 6, NULL, bias, 1e-3);
    case 6: return hg_layer_norm(t, hg_example(t, r, HG_SHAPE(0, 6), false), gain, bias, 1e-3);
    case 7: return hg_layer_norm(t, hg_example(t, r, HG_SHAPE(4, 0), false), NULL, NULL, 1e-3);
    default: return NULL;
    }
}

const hg_op hg_op_norm = { "norm", shape, forward, backward, derive, example };
