/* tensor/op_loss.c -- how wrong predictions are, as one number: one pass there and one back; see hagane/tensor.h
 *
 * KINDS has a line a loss: the term of one element, its slopes by the prediction and by the logarithm of the variance, and both as tensors.
 * r is prediction - target, s that logarithm, v the variance of the noise, c the corner of the Huber loss. The loss is sum w term / sum w.
 */
#include "tensor/index.h"
#include "tensor/lanes.h"
#include "tensor/ops.h"
#include "tensor/real.h"
#include <string.h>

enum { PREDICTION, TARGET, WEIGHT, SPREAD, NOISE, INPUTS };

#define ABS(x)  ((x) < 0 ? -(x) : (x))
#define SIGN(x) ((R)((x) > 0) - (R)((x) < 0))
#define TOTAL   (M(exp)(s) + v)

/*    enum   text   spread noise   term    slope by prediction   slope by s    as tensors */
#define KINDS(X)                                                                                                       \
    X(MSE, "mse", false, false, r *r, 2 * r, (R)0, square_slope, NULL)                                                 \
    X(MAE, "mae", false, false, ABS(r), SIGN(r), (R)0, sign_slope, NULL)                                               \
    X(HUBER, "huber", false, false, ABS(r) <= c ? (R)0.5 * r * r : c * (ABS(r) - (R)0.5 * c),                          \
      ABS(r) <= c ? r : c * SIGN(r), (R)0, huber_slope, NULL)                                                          \
    X(NLL, "nll", true, false, (R)0.5 * (s + r * r * M(exp)(-s)), r * M(exp)(-s), (R)0.5 * (1 - r * r * M(exp)(-s)),   \
      nll_slope, nll_spread_slope)                                                                                     \
    X(NOISY_NLL, "noisy nll", true, true, (R)0.5 * (M(log)(TOTAL) + r * r / TOTAL), r / TOTAL,                         \
      (R)0.5 * M(exp)(s) / TOTAL * (1 - r * r / TOTAL), nll_slope, nll_spread_slope)

/* Missing weights, spreads and noises are read as the numbers they stand for: NULL. An element of weight 0 is missing, whatever its target
 * is, NaN too. */
#define READ(R, e)                                                                                                     \
    const R r = y[e] - target[e], s = spread ? spread[e] : 0, v = noise ? noise[e] : 0;                                \
    (void)s, (void)v, (void)c;

#define KERNELS(type, R, name, term, slope, spread_slope)                                                              \
    HG_INLINE R name##_##type##_one(const R *y, const R *target, const R *spread, const R *noise, R c, size_t i) {     \
        READ(R, i)                                                                                                     \
        return term;                                                                                                   \
    }                                                                                                                  \
    HG_INLINE void name##_##type##_term_body(double sums[2], const R *y, const R *target, const R *weight,             \
                                             const R *spread, const R *noise, R c, size_t n) {                         \
        if (!weight) {                                                                                                 \
            HG_LANE_SUM(R, sums[0], n, e, (name##_##type##_one(y, target, spread, noise, c, e)))                       \
            sums[1] += (double)n;                                                                                      \
        } else {                                                                                                       \
            HG_LANE_SUM(R, sums[0], n, e,                                                                              \
                        (weight[e] == 0 ? 0 : weight[e] * name##_##type##_one(y, target, spread, noise, c, e)))        \
            HG_LANE_SUM(R, sums[1], n, e, weight[e])                                                                   \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, name##_##type##_term,                                                                      \
                    (double sums[2], const R *y, const R *target, const R *weight, const R *spread, const R *noise,    \
                     R c, size_t n),                                                                                   \
                    (sums, y, target, weight, spread, noise, c, n))                                                    \
    HG_INLINE void name##_##type##_slope_body(                                                                         \
        R *restrict dy, R *restrict ds, const R *restrict y, const R *restrict target, const R *restrict weight,       \
        const R *restrict spread, const R *restrict noise, R c, R g, size_t n, bool add_y, bool add_s) {               \
        for (size_t i = 0; dy && i < n; i++) {                                                                         \
            READ(R, i)                                                                                                 \
            const R w = weight ? weight[i] : 1, d = w == 0 ? 0 : g * w * (slope);                                      \
            dy[i] = (add_y ? dy[i] : 0) + d;                                                                           \
        }                                                                                                              \
        for (size_t i = 0; ds && i < n; i++) {                                                                         \
            READ(R, i)                                                                                                 \
            const R w = weight ? weight[i] : 1, d = w == 0 ? 0 : g * w * (spread_slope);                               \
            (void)r;                                                                                                   \
            ds[i] = (add_s ? ds[i] : 0) + d;                                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, name##_##type##_slope,                                                                     \
                    (R * dy, R * ds, const R *y, const R *target, const R *weight, const R *spread, const R *noise,    \
                     R c, R g, size_t n, bool add_y, bool add_s),                                                      \
                    (dy, ds, y, target, weight, spread, noise, c, g, n, add_y, add_s))

#define R    float
#define M(f) hg_##f##_f32
#define KERNELS_F32(name, text, sp, no, term, slope, spread_slope, t_y, t_s)                                           \
    KERNELS(f32, float, name, term, slope, spread_slope)
KINDS(KERNELS_F32)
#undef R
#undef M
#define R    double
#define M(f) hg_##f##_f64
#define KERNELS_F64(name, text, sp, no, term, slope, spread_slope, t_y, t_s)                                           \
    KERNELS(f64, double, name, term, slope, spread_slope)
KINDS(KERNELS_F64)
#undef R
#undef M

/* ---- slopes as tensors ----------------------------------------------------------------------------------------- */

typedef struct {
    hg_tensor *r, *spread, *noise;
    double c;
} parts;

static hg_tensor *square_slope(hg_tape *t, const parts *p) { return hg_affine(t, p->r, 2, 0); }
static hg_tensor *sign_slope(hg_tape *t, const parts *p) { return hg_map(t, HG_SIGN, p->r); }

/* r between -c and c, and c outside with its sign: r - relu(r - c) + relu(-r - c) */
static hg_tensor *huber_slope(hg_tape *t, const parts *p) {
    hg_tensor *above = hg_map(t, HG_RELU, hg_affine(t, p->r, 1, -p->c));
    hg_tensor *below = hg_map(t, HG_RELU, hg_affine(t, p->r, -1, -p->c));
    return hg_add(t, hg_sub(t, p->r, above), below);
}

static hg_tensor *variance(hg_tape *t, const parts *p) {
    hg_tensor *signal = hg_map(t, HG_EXP, p->spread);
    return p->noise ? hg_add(t, signal, p->noise) : signal;
}

static hg_tensor *nll_slope(hg_tape *t, const parts *p) { return hg_div(t, p->r, variance(t, p)); }

static hg_tensor *nll_spread_slope(hg_tape *t, const parts *p) { /* e^s / T (1 - r^2 / T) / 2 */
    hg_tensor *all = variance(t, p), *share = hg_div(t, hg_map(t, HG_EXP, p->spread), all);
    hg_tensor *left = hg_affine(t, hg_div(t, hg_map(t, HG_SQUARE, p->r), all), -0.5, 0.5);
    return hg_mul(t, share, left);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    bool spread, noise;
    void (*term_f32)(double sums[2], const float *, const float *, const float *, const float *, const float *, float,
                     size_t);
    void (*term_f64)(double sums[2], const double *, const double *, const double *, const double *, const double *,
                     double, size_t);
    void (*slope_f32)(float *, float *, const float *, const float *, const float *, const float *, const float *,
                      float, float, size_t, bool, bool);
    void (*slope_f64)(double *, double *, const double *, const double *, const double *, const double *,
                      const double *, double, double, size_t, bool, bool);
    hg_tensor *(*by_prediction)(hg_tape *, const parts *);
    hg_tensor *(*by_spread)(hg_tape *, const parts *);
} kind;

#define ROW(name, text, sp, no, term, slope, spread_slope, t_y, t_s)                                                   \
    [HG_LOSS_##name] = { text, sp, no, name##_f32_term, name##_f64_term, name##_f32_slope, name##_f64_slope, t_y, t_s },
static const kind TABLE[HG_LOSS_COUNT] = { KINDS(ROW) };

const char *hg_loss_name(hg_loss_kind k) { return k < HG_LOSS_COUNT ? TABLE[k].name : NULL; }

typedef struct {
    hg_loss_kind kind;
    double corner;
    double *sums; /* of w term, and of w */
} loss;

static hg_status shape(hg_tensor *out, hg_err *err) {
    static const char *const NAMES[INPUTS] = { "predictions", "targets", "weights", "logarithms of variances",
                                               "variances of noise" };
    const loss *l = out->attr;
    char a[128], b[128];
    if (l->kind >= HG_LOSS_COUNT) return hg_fail(err, HG_EINVAL, "there is no such loss");
    const kind *k = &TABLE[l->kind];
    if (k->spread != (out->in[SPREAD] != NULL) || k->noise != (out->in[NOISE] != NULL))
        return hg_fail(err, HG_EINVAL, "%s takes %s variances and %s noise", k->name, k->spread ? "predicted" : "no",
                       k->noise ? "the variance of the" : "no");
    if (!(l->corner > 0)) return hg_fail(err, HG_EINVAL, "a corner at %g, it has to be above 0", l->corner);
    for (unsigned i = 1; i < INPUTS; i++) {
        const hg_tensor *x = out->in[i], *y = out->in[PREDICTION];
        if (!x) continue;
        if (i != SPREAD && x->wants_grad) return hg_fail(err, HG_EINVAL, "%s get no gradient, and want one", NAMES[i]);
        bool same = x->rank == y->rank;
        for (unsigned n = 0; same && n < x->rank; n++) same = x->shape[n] == y->shape[n];
        if (!same)
            return hg_fail(err, HG_EINVAL, "predictions are %s, %s %s", hg_shape_text(a, y), NAMES[i],
                           hg_shape_text(b, x));
    }
    out->dtype = out->in[PREDICTION]->dtype;
    out->rank = 0;
    return HG_OK;
}

typedef struct {
    hg_tensor *out;
    double *partial; /* [chunks, 2] */
    double g;
    bool add_y, add_s;
} job;

static const void *from(const hg_tensor *x, size_t at) {
    return x ? (const char *)x->data + at * hg_dtype_size(x->dtype) : NULL;
}

static void *grad_from(const hg_tensor *x, size_t at) {
    return hg_wants(x) ? (char *)x->grad + at * hg_dtype_size(x->dtype) : NULL;
}

static void term_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const loss *l = j->out->attr;
    hg_tensor *const *in = j->out->in;
    double *sums = j->partial + begin / HG_CHUNK * 2;
    (void)worker;
    sums[0] = sums[1] = 0;
    if (j->out->dtype == HG_F32)
        TABLE[l->kind].term_f32(sums, from(in[0], begin), from(in[1], begin), from(in[2], begin), from(in[3], begin),
                                from(in[4], begin), (float)l->corner, end - begin);
    else
        TABLE[l->kind].term_f64(sums, from(in[0], begin), from(in[1], begin), from(in[2], begin), from(in[3], begin),
                                from(in[4], begin), l->corner, end - begin);
}

static void forward(hg_tensor *out, hg_tape *t) {
    loss *l = out->attr;
    const size_t n = hg_elements(out->in[PREDICTION]), chunks = n / HG_CHUNK + 1;
    if (!l->sums) l->sums = hg_tape_alloc(t, 2, sizeof *l->sums);
    const size_t mark = hg_tape_mark(t);
    job j = { .out = out, .partial = hg_tape_alloc(t, 2 * chunks, sizeof(double)) };
    if (!l->sums || !j.partial) return;
    memset(j.partial, 0, 2 * chunks * sizeof *j.partial);
    hg_pool_for(hg_tape_pool(t), n, HG_CHUNK, term_task, &j);
    l->sums[0] = l->sums[1] = 0;
    for (size_t i = 0; i < 2 * chunks; i++) l->sums[i % 2] += j.partial[i];
    hg_tape_release(t, mark);
    const double value = l->sums[1] == 0 ? 0 : l->sums[0] / l->sums[1]; /* nothing there: nothing wrong */
    if (out->dtype == HG_F32)
        *(float *)out->data = (float)value;
    else
        *(double *)out->data = value;
}

static void slope_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const loss *l = j->out->attr;
    hg_tensor *const *in = j->out->in;
    void *dy = grad_from(in[PREDICTION], begin), *ds = grad_from(in[SPREAD], begin);
    (void)worker;
    if (j->out->dtype == HG_F32)
        TABLE[l->kind].slope_f32(dy, ds, from(in[0], begin), from(in[1], begin), from(in[2], begin), from(in[3], begin),
                                 from(in[4], begin), (float)l->corner, (float)j->g, end - begin, j->add_y, j->add_s);
    else
        TABLE[l->kind].slope_f64(dy, ds, from(in[0], begin), from(in[1], begin), from(in[2], begin), from(in[3], begin),
                                 from(in[4], begin), l->corner, j->g, end - begin, j->add_y, j->add_s);
}

static double per_weight(const loss *l) { return l->sums[1] == 0 ? 0 : 1 / l->sums[1]; }

static void backward(hg_tensor *out, hg_tape *t) {
    const double g = out->dtype == HG_F32 ? (double)*(const float *)out->grad : *(const double *)out->grad;
    job j = { .out = out, .g = g * per_weight(out->attr) };
    if (hg_wants(out->in[PREDICTION])) j.add_y = !hg_grad_fresh(out->in[PREDICTION]);
    if (hg_wants(out->in[SPREAD])) j.add_s = !hg_grad_fresh(out->in[SPREAD]);
    hg_pool_for(hg_tape_pool(t), hg_elements(out->in[PREDICTION]), HG_CHUNK, slope_task, &j);
}

/* x with 1 where the weight is 0: what is missing may be NaN, and 0 NaN would be NaN. */
static hg_tensor *present(hg_tape *t, hg_tensor *x, const hg_tensor *weight) {
    if (!x || !weight) return x;
    hg_tensor *y = hg_tensor_zeros(t, hg_tensor_shape(x));
    const size_t n = y ? hg_elements(y) : 0;
    for (size_t i = 0; i < n; i++) {
        if (y->dtype == HG_F32)
            ((float *)y->data)[i] = ((const float *)weight->data)[i] == 0 ? 1 : ((const float *)x->data)[i];
        else
            ((double *)y->data)[i] = ((const double *)weight->data)[i] == 0 ? 1 : ((const double *)x->data)[i];
    }
    return y;
}

/* g w / W times the slope. */
static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    const loss *l = out->attr;
    hg_tensor *const *in = out->in;
    hg_tensor *r = hg_sub(t, in[PREDICTION], present(t, in[TARGET], in[WEIGHT]));
    const parts p = { r, in[SPREAD], present(t, in[NOISE], in[WEIGHT]), l->corner };
    hg_tensor *slope = (i == PREDICTION ? TABLE[l->kind].by_prediction : TABLE[l->kind].by_spread)(t, &p);
    if (in[WEIGHT]) slope = hg_mul(t, slope, in[WEIGHT]);
    return hg_mul(t, slope, hg_affine(t, g, per_weight(l), 0));
}

static hg_tensor *packed(hg_tape *t, hg_tensor *x) { return x ? hg_contiguous(t, x) : NULL; }

hg_tensor *hg_loss(hg_tape *t, hg_loss_kind k, hg_tensor *prediction, hg_tensor *target, const hg_loss_opts *opts) {
    const hg_loss_opts o = opts ? *opts : (hg_loss_opts) { 0 };
    const loss l = { k, o.corner == 0 ? 1 : o.corner, NULL };
    hg_tensor *in[INPUTS] = { packed(t, prediction), packed(t, target), packed(t, o.weight), packed(t, o.log_variance),
                              packed(t, o.noise_variance) };
    return hg_apply(t, &hg_op_loss, in, INPUTS, 1u << WEIGHT | 1u << SPREAD | 1u << NOISE, &l, sizeof l);
}

hg_tensor *hg_cross_entropy(hg_tape *t, hg_tensor *logits, const uint32_t *classes, hg_tensor *weight) {
    if (!logits) return hg_tape_fail(t, HG_EINVAL, "cross entropy: of nothing");
    char text[128];
    if (logits->rank != 2)
        return hg_tape_fail(t, HG_EINVAL, "cross entropy: %s is not [n, classes]", hg_shape_text(text, logits));
    const size_t n = logits->shape[0], c = logits->shape[1];
    if (weight && (weight->rank != 1 || weight->shape[0] != n))
        return hg_tape_fail(t, HG_EINVAL, "cross entropy: %s weights for %zu rows", hg_shape_text(text, weight), n);
    uint32_t *at = hg_tape_alloc(t, n, sizeof *at), *row = hg_tape_alloc(t, n, sizeof *row);
    size_t m = 0; /* rows that have a class */
    for (size_t i = 0; at && row && i < n; i++) {
        if (classes[i] == HG_NO_CLASS) continue;
        if (classes[i] >= c)
            return hg_tape_fail(t, HG_EINVAL, "cross entropy: row %zu has class %u of %zu", i, classes[i], c);
        if (n * c >= UINT32_MAX) return hg_tape_fail(t, HG_ELIMIT, "cross entropy: %zu classes of %zu rows", c, n);
        row[m] = (uint32_t)i;
        at[m++] = (uint32_t)(i * c + classes[i]);
    }
    hg_tensor *all = hg_reshape(t, hg_log_softmax(t, logits, 1), HG_SHAPE(n * c));
    if (m == 0) return hg_affine(t, hg_sum(t, all, 0), 0, 0); /* nothing there: nothing wrong */
    hg_tensor *own = hg_gather(t, all, hg_index_of(t, at, m, n * c));
    if (!weight) return hg_affine(t, hg_mean(t, own, 0), -1, 0);
    weight = hg_gather(t, weight, hg_index_of(t, row, m, n));
    return hg_affine(t, hg_div(t, hg_sum(t, hg_mul(t, own, weight), 0), hg_sum(t, weight, 0)), -1, 0);
}

/* One element is missing where there are weights: its target is NaN. */
static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const hg_shape SHAPES[] = { { 2, { 5, 7 } }, { 0, { 0 } }, { 2, { 0, 3 } }, { 2, { 6, 3 } } };
    if (k >= 4 * HG_LOSS_COUNT) return NULL;
    const hg_shape s = SHAPES[k % 4];
    const kind *w = &TABLE[k / 4];
    hg_tensor *y = hg_example(t, r, s, k % 4 == 3), *target = hg_example_constant(t, r, s);
    hg_loss_opts o = { .corner = 0.7 };
    if (w->spread) o.log_variance = hg_example(t, r, s, false);
    if (w->noise) o.noise_variance = hg_map(t, HG_SQUARE, hg_example_constant(t, r, s));
    if (k % 4 == 3) {
        o.weight = hg_map(t, HG_SQUARE, hg_example_constant(t, r, s));
        if (o.weight && target && o.weight->dtype == HG_F64)
            ((double *)o.weight->data)[4] = 0, ((double *)target->data)[4] = (double)NAN;
        else if (o.weight && target)
            ((float *)o.weight->data)[4] = 0, ((float *)target->data)[4] = NAN;
    }
    return hg_loss(t, k / 4, y, target, &o);
}

const hg_op hg_op_loss = { "loss", shape, forward, backward, derive, example };
