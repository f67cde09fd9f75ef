/* tensor/op_batch_norm.c -- normalisation channel by channel over a batch; see hagane/tensor.h
 *
 * Ioffe & Szegedy, ICML (2015), algorithm 1. Memory is [outer, channels, inner]. Sums over a channel are cut into pieces of outer rows and
 * blocks of channels, and pieces are added in their order. With xh the normalised element and N elements a channel,
 * dx = gain / sd (g - mean g - xh mean(g xh)).
 */
#include "tensor/index.h"
#include "tensor/lanes.h"
#include "tensor/ops.h"
#include <math.h>
#include <string.h>

typedef struct {
    hg_batch_norm_opts o;
    void *mean, *variance; /* borrowed, of the tape's dtype; NULL: none are kept */
    bool batch;            /* statistics are those of the batch */
    double *m, *per_sd;    /* [c], as used */
} batch_norm;

typedef struct {
    size_t outer, channels, inner;
} layout;

static layout layout_of(const hg_tensor *x) {
    layout l = { x->shape[0], x->shape[1], 1 };
    for (unsigned i = 2; i < x->rank; i++) l.inner *= x->shape[i];
    return l;
}

static hg_status shape(hg_tensor *out, hg_err *err) {
    const batch_norm *w = out->attr;
    const hg_tensor *x = out->in[0];
    char text[128];
    if (x->rank < 2) return hg_fail(err, HG_EINVAL, "%s has no channels", hg_shape_text(text, x));
    const layout l = layout_of(x);
    if (!(w->o.eps > 0)) return hg_fail(err, HG_EINVAL, "eps is %g, it has to be above 0", w->o.eps);
    if (!(w->o.momentum >= 0 && w->o.momentum <= 1))
        return hg_fail(err, HG_EINVAL, "a momentum of %g, from 0 to 1", w->o.momentum);
    if (!w->batch && (!w->mean || !w->variance))
        return hg_fail(err, HG_EINVAL, "without the statistics of the batch stored ones are needed");
    if (w->batch && l.outer * l.inner == 1)
        return hg_fail(err, HG_EINVAL, "a batch of one element a channel has no variance");
    for (unsigned k = 1; k < 3; k++)
        if (out->in[k] && (out->in[k]->rank != 1 || out->in[k]->shape[0] != l.channels))
            return hg_fail(err, HG_EINVAL, "%s for %zu channels", hg_shape_text(text, out->in[k]), l.channels);
    hg_shape_like(out, x);
    return HG_OK;
}

/* ---- sums over channels ------------------------------------------------------------------------------------------- */

/* first[c] += u, second[c] += u (v - m) over outer rows and `count` channels; u - m in place of u when `centred`. */
#define SUMS(type, R)                                                                                                  \
    HG_INLINE void sums_##type##_body(double *restrict first, double *restrict second, const R *restrict u,            \
                                      const R *restrict v, const double *restrict m, size_t outer, size_t count,       \
                                      size_t inner, size_t row, bool centred) {                                        \
        for (size_t o = 0; o < outer; o++, u += row, v += row) {                                                       \
            if (inner == 1) {                                                                                          \
                for (size_t c = 0; c < count; c++) {                                                                   \
                    const double off = (double)v[c] - m[c], a = centred ? off : (double)u[c];                          \
                    first[c] += a;                                                                                     \
                    second[c] += a * off;                                                                              \
                }                                                                                                      \
                continue;                                                                                              \
            }                                                                                                          \
            for (size_t c = 0; c < count; c++) {                                                                       \
                const R *uc = u + c * inner, *vc = v + c * inner;                                                      \
                const R mc = (R)m[c], less = centred ? mc : 0;                                                         \
                HG_LANE_SUM(R, first[c], inner, e, uc[e] - less)                                                       \
                HG_LANE_SUM(R, second[c], inner, e, (uc[e] - less) * (vc[e] - mc))                                     \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, sums_##type,                                                                               \
                    (double *first, double *second, const R *u, const R *v, const double *m, size_t outer,             \
                     size_t count, size_t inner, size_t row, bool centred),                                            \
                    (first, second, u, v, m, outer, count, inner, row, centred))
SUMS(f32, float)
SUMS(f64, double)

enum { PIECES_MOST = 32, CHANNELS = 16 };

typedef struct {
    layout l;
    hg_dtype dtype;
    const void *u, *v;
    const double *m;
    bool centred;
    size_t piece, blocks, block; /* outer rows, blocks of channels, channels a block */
    double *partial;             /* [pieces, 2, c] */
} adding;

static void sums_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const adding *a = ctx;
    const layout *l = &a->l;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        const size_t piece = unit / a->blocks, c = unit % a->blocks * a->block, row = piece * a->piece;
        const size_t rows = l->outer - row < a->piece ? l->outer - row : a->piece;
        const size_t count = l->channels - c < a->block ? l->channels - c : a->block;
        const size_t at = (row * l->channels + c) * l->inner;
        double *first = a->partial + 2 * piece * l->channels + c, *second = first + l->channels;
        memset(first, 0, count * sizeof *first);
        memset(second, 0, count * sizeof *second);
        if (a->dtype == HG_F32)
            sums_f32(first, second, (const float *)a->u + at, (const float *)a->v + at, a->m + c, rows, count, l->inner,
                     l->channels * l->inner, a->centred);
        else
            sums_f64(first, second, (const double *)a->u + at, (const double *)a->v + at, a->m + c, rows, count,
                     l->inner, l->channels * l->inner, a->centred);
    }
}

/* sums[2, c]; false: no memory. */
static bool sum_channels(double *sums, hg_tape *t, layout l, const void *u, const void *v, const double *m,
                         bool centred) {
    adding a = { .l = l, .dtype = hg_tape_dtype(t), .u = u, .v = v, .m = m, .centred = centred };
    const size_t width = l.channels * l.inner, fair = (l.outer + PIECES_MOST - 1) / PIECES_MOST,
                 least = 1 + HG_CHUNK / (width + 1), mark = hg_tape_mark(t);
    a.piece = fair > least ? fair : least;
    a.block = l.inner == 1 ? l.channels : CHANNELS;
    a.blocks = (l.channels + a.block - 1) / a.block;
    const size_t pieces = (l.outer + a.piece - 1) / a.piece;
    a.partial = hg_tape_alloc(t, 2 * pieces * l.channels, sizeof *a.partial);
    if (!a.partial) return false;
    hg_pool_for(hg_tape_pool(t), pieces * a.blocks, 1, sums_task, &a);
    for (size_t c = 0; c < 2 * l.channels; c++) {
        sums[c] = 0;
        for (size_t p = 0; p < pieces; p++) sums[c] += a.partial[2 * p * l.channels + c];
    }
    hg_tape_release(t, mark);
    return true;
}

/* ---- element by element --------------------------------------------------------------------------------------------- */

/* y (+)= a u + b (v - m) + k with numbers of the channel: [4, c] a, b, m, k. */
#define MAPS(type, R)                                                                                                  \
    HG_INLINE void maps_##type##_body(R *restrict y, const R *restrict u, const R *restrict v,                         \
                                      const R *restrict numbers, size_t outer, size_t channels, size_t inner,          \
                                      bool add) {                                                                      \
        const R *a = numbers, *b = a + channels, *m = b + channels, *k = m + channels;                                 \
        for (size_t o = 0; o < outer; o++) {                                                                           \
            if (inner == 1) {                                                                                          \
                for (size_t c = 0; c < channels; c++)                                                                  \
                    y[c] = (add ? y[c] : 0) + (a[c] * u[c] + (b[c] * (v[c] - m[c]) + k[c]));                           \
            } else {                                                                                                   \
                for (size_t c = 0; c < channels; c++) {                                                                \
                    const R ac = a[c], bc = b[c], mc = m[c], kc = k[c];                                                \
                    for (size_t i = c * inner; i < (c + 1) * inner; i++)                                               \
                        y[i] = (add ? y[i] : 0) + (ac * u[i] + (bc * (v[i] - mc) + kc));                               \
                }                                                                                                      \
            }                                                                                                          \
            y += channels * inner;                                                                                     \
            u += channels * inner;                                                                                     \
            v += channels * inner;                                                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(                                                                                                   \
        static, maps_##type,                                                                                           \
        (R * y, const R *u, const R *v, const R *numbers, size_t outer, size_t channels, size_t inner, bool add),      \
        (y, u, v, numbers, outer, channels, inner, add))
MAPS(f32, float)
MAPS(f64, double)

typedef struct {
    layout l;
    hg_dtype dtype;
    void *y;
    const void *u, *v;
    double *numbers; /* [4, c]; for float the same memory, converted */
    bool add;
} mapping;

static void maps_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const mapping *p = ctx;
    const layout *l = &p->l;
    const size_t at = begin * l->channels * l->inner;
    (void)worker;
    if (p->dtype == HG_F32)
        maps_f32((float *)p->y + at, (const float *)p->u + at, (const float *)p->v + at,
                 (const float *)(void *)p->numbers, end - begin, l->channels, l->inner, p->add);
    else
        maps_f64((double *)p->y + at, (const double *)p->u + at, (const double *)p->v + at, p->numbers, end - begin,
                 l->channels, l->inner, p->add);
}

static double number_of(const hg_tensor *x, const void *data, size_t c, double otherwise) {
    if (!data) return otherwise;
    return x->dtype == HG_F32 ? (double)((const float *)data)[c] : ((const double *)data)[c];
}

/* Applies numbers[4, c] (which are spent) to u and v. */
static void map_channels(hg_tape *t, layout l, void *y, const void *u, const void *v, double *numbers, bool add) {
    mapping p = { l, hg_tape_dtype(t), y, u, v, numbers, add };
    if (p.dtype == HG_F32) {
        float *f = hg_tape_alloc(t, 4 * l.channels, sizeof *f);
        if (!f) return;
        for (size_t i = 0; i < 4 * l.channels; i++) f[i] = (float)numbers[i];
        p.numbers = (double *)(void *)f;
    }
    hg_pool_for(hg_tape_pool(t), l.outer, 1 + HG_CHUNK / (l.channels * l.inner + 1), maps_task, &p);
}

/* ---- the operation ---------------------------------------------------------------------------------------------------- */

static void blend(void *kept, hg_dtype dtype, size_t c, double share, double value) {
    if (dtype == HG_F32)
        ((float *)kept)[c] = (float)((1 - share) * (double)((float *)kept)[c] + share * value);
    else
        ((double *)kept)[c] = (1 - share) * ((double *)kept)[c] + share * value;
}

/* Mean and 1 / sd of the batch, and what is kept of them: the variance with N - 1, as that of a sample. */
static bool look_at_batch(hg_tensor *out, hg_tape *t, layout l) {
    batch_norm *w = out->attr;
    const double n = (double)(l.outer * l.inner);
    const void *x = out->in[0]->data;
    double *sums = hg_tape_alloc(t, 2 * l.channels, sizeof *sums);
    if (!sums) return false;
    memset(w->m, 0, l.channels * sizeof *w->m);
    if (!sum_channels(sums, t, l, x, x, w->m, false)) return false;
    for (size_t c = 0; c < l.channels; c++) w->m[c] = sums[c] / n;
    if (!sum_channels(sums, t, l, x, x, w->m, true)) return false;
    for (size_t c = 0; c < l.channels; c++) {
        w->per_sd[c] = 1 / sqrt(sums[l.channels + c] / n + w->o.eps);
        if (w->mean) blend(w->mean, out->dtype, c, w->o.momentum, w->m[c]);
        if (w->variance) blend(w->variance, out->dtype, c, w->o.momentum, sums[l.channels + c] / (n - 1));
    }
    return true;
}

static void forward(hg_tensor *out, hg_tape *t) {
    batch_norm *w = out->attr;
    const hg_tensor *x = out->in[0], *gain = out->in[1], *bias = out->in[2];
    const layout l = layout_of(x);
    if (!w->m) w->m = hg_tape_alloc(t, l.channels, sizeof(double));
    if (!w->per_sd) w->per_sd = hg_tape_alloc(t, l.channels, sizeof(double));
    if (!w->m || !w->per_sd) return;
    if (hg_elements(x) == 0) {
        for (size_t c = 0; c < l.channels; c++) w->m[c] = w->per_sd[c] = 0;
        return;
    }
    const size_t mark = hg_tape_mark(t);
    double *numbers = hg_tape_alloc(t, 4 * l.channels, sizeof *numbers);
    if (!numbers || (w->batch && !look_at_batch(out, t, l))) return;
    for (size_t c = 0; c < l.channels; c++) {
        if (!w->batch) {
            w->m[c] = number_of(x, w->mean, c, 0);
            w->per_sd[c] = 1 / sqrt(number_of(x, w->variance, c, 1) + w->o.eps);
        }
        numbers[c] = 0;
        numbers[l.channels + c] = w->per_sd[c] * number_of(x, gain ? gain->data : NULL, c, 1);
        numbers[2 * l.channels + c] = w->m[c];
        numbers[3 * l.channels + c] = number_of(x, bias ? bias->data : NULL, c, 0);
    }
    map_channels(t, l, out->data, x->data, x->data, numbers, false);
    hg_tape_release(t, mark);
}

static void add_to(hg_tensor *to, const double *sums, const double *scale, size_t n) {
    const bool fresh = hg_grad_fresh(to);
    for (size_t c = 0; c < n; c++) {
        const double v = sums[c] * (scale ? scale[c] : 1);
        if (to->dtype == HG_F32)
            ((float *)to->grad)[c] = (float)(v + (fresh ? 0 : (double)((float *)to->grad)[c]));
        else
            ((double *)to->grad)[c] = v + (fresh ? 0 : ((double *)to->grad)[c]);
    }
}

static void backward(hg_tensor *out, hg_tape *t) {
    const batch_norm *w = out->attr;
    hg_tensor *x = out->in[0], *gain = out->in[1];
    const layout l = layout_of(x);
    const double n = (double)(l.outer * l.inner);
    const size_t mark = hg_tape_mark(t);
    double *sums = hg_tape_alloc(t, 2 * l.channels, sizeof *sums),
           *numbers = hg_tape_alloc(t, 4 * l.channels, sizeof *numbers);
    if (!sums || !numbers || !sum_channels(sums, t, l, out->grad, x->data, w->m, false)) return;
    if (hg_wants(gain)) add_to(gain, sums + l.channels, w->per_sd, l.channels);
    if (hg_wants(out->in[2])) add_to(out->in[2], sums, NULL, l.channels);
    if (hg_wants(x)) {
        for (size_t c = 0; c < l.channels; c++) {
            const double a = w->per_sd[c] * number_of(x, gain ? gain->data : NULL, c, 1), s = w->per_sd[c];
            numbers[c] = a;
            numbers[l.channels + c] = w->batch ? -a * s * s * sums[l.channels + c] / n : 0;
            numbers[2 * l.channels + c] = w->m[c];
            numbers[3 * l.channels + c] = w->batch ? -a * sums[c] / n : 0;
        }
        map_channels(t, l, x->grad, out->grad, x->data, numbers, !hg_grad_fresh(x));
    }
    hg_tape_release(t, mark);
}

/* Stored statistics as tensors: (x - m) / sd, and 1 / sd. */
static hg_tensor *with_stored(hg_tape *t, const hg_tensor *out, hg_shape one_each, hg_tensor **per_sd) {
    const batch_norm *w = out->attr;
    *per_sd = hg_tensor_of(t, one_each, w->per_sd, false);
    return hg_mul(t, hg_sub(t, out->in[0], hg_tensor_of(t, one_each, w->m, false)), *per_sd);
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    const batch_norm *w = out->attr;
    const unsigned axes = ((1u << out->rank) - 1) & ~2u;
    hg_shape one_each = hg_tensor_shape(out);
    for (unsigned k = 0; k < one_each.rank; k++)
        if (k != 1) one_each.n[k] = 1;
    hg_tensor *per_sd,
        *xh = w->batch ? hg_normalised(t, out->in[0], axes, w->o.eps, &per_sd) : with_stored(t, out, one_each, &per_sd);
    if (i == 2) return hg_reshape(t, hg_sum_to(t, g, one_each), hg_tensor_shape(out->in[2]));
    if (i == 1) return hg_reshape(t, hg_sum_to(t, hg_mul(t, g, xh), one_each), hg_tensor_shape(out->in[1]));
    if (out->in[1]) g = hg_mul(t, g, hg_reshape(t, out->in[1], one_each));
    return w->batch ? hg_normalised_slope(t, g, xh, per_sd, axes) : hg_mul(t, g, per_sd);
}

hg_batch_norm_opts hg_batch_norm_opts_default(void) { return (hg_batch_norm_opts) { .eps = 1e-5, .momentum = 0.1 }; }

hg_tensor *hg_batch_norm(hg_tape *t, hg_tensor *x, hg_tensor *gain, hg_tensor *bias, void *mean, void *variance,
                         const hg_batch_norm_opts *opts) {
    const hg_batch_norm_opts o = opts ? *opts : hg_batch_norm_opts_default();
    const batch_norm w = { o, mean, variance, hg_tape_training(t) && !o.frozen, NULL, NULL };
    hg_tensor *in[] = { hg_contiguous(t, x), gain ? hg_contiguous(t, gain) : NULL,
                        bias ? hg_contiguous(t, bias) : NULL };
    return hg_apply(t, &hg_op_batch_norm, in, 3, 6, &w, sizeof w);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    hg_tensor *gain = hg_example(t, r, HG_SHAPE(3), k == 1), *bias = hg_example(t, r, HG_SHAPE(3), false);
    hg_tensor *mean = hg_example_constant(t, r, HG_SHAPE(3)),
              *variance = hg_map(t, HG_SQUARE, hg_example_constant(t, r, HG_SHAPE(3)));
    hg_batch_norm_opts o = hg_batch_norm_opts_default();
    o.eps = 1e-2;
    o.frozen = k % 2 == 1;
    if (!variance) return NULL;
    switch (k / 2) {
    case 0:
        return hg_batch_norm(t, hg_example(t, r, HG_SHAPE(6, 3), k == 1), gain, bias, mean->data, variance->data, &o);
    case 1:
        return hg_batch_norm(t, hg_example(t, r, HG_SHAPE(2, 3, 4, 5), k == 2), gain, NULL, mean->data, variance->data,
                             &o);
    case 2:
        return hg_batch_norm(t, hg_example(t, r, HG_SHAPE(1, 3, 40), false), NULL, bias, mean->data, variance->data,
                             &o);
    case 3:
        return hg_batch_norm(t, hg_example(t, r, HG_SHAPE(0, 3), false), gain, bias, mean->data, variance->data, &o);
    default: return NULL;
    }
}

const hg_op hg_op_batch_norm = { "batch_norm", shape, forward, backward, derive, example };
