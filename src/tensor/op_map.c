/* tensor/op_map.c -- one number to one number; see hagane/tensor.h
 *
 * FUNCTIONS has a line a function: its value y(x) and slope(x, y), in expressions that hold for float and double alike (R is the type, M(f)
 * the f of that type in tensor/real.h), and its slope as tensors, for second derivatives. Adding one: a line here, a name in hg_function.
 */
#include "tensor/ops.h"
#include "tensor/real.h"

#define PHI(x) ((R)0.5 * (1 + M(erf)((x) * (R)0.70710678118654752440))) /* normal distribution */

/*    enum        text          y(x)                      slope(x, y)                                  slope as tensors */
#define FUNCTIONS(X)                                                                                                   \
    X(IDENTITY, "identity", x, (R)1, hg_affine(t, v, 0, 1))                                                            \
    X(RELU, "relu", x < 0 ? 0 : x, (R)(x > 0), hg_map(t, HG_STEP, v))                                                  \
    X(SILU, "silu", x *M(sigmoid)(x), M(silu_slope)(x), slope_of_silu(t, v))                                           \
    X(GELU, "gelu", x *PHI(x), M(gelu_slope)(x), slope_of_gelu(t, v))                                                  \
    X(SIGMOID, "sigmoid", M(sigmoid)(x), y *(1 - y), slope_of_sigmoid(t, out))                                         \
    X(SOFTPLUS, "softplus", M(softplus)(x), M(sigmoid)(x), hg_map(t, HG_SIGMOID, v))                                   \
    X(SSP, "ssp", M(softplus)(x) - (R)0.69314718055994530942, M(sigmoid)(x), hg_map(t, HG_SIGMOID, v))                 \
    X(TANH, "tanh", M(tanh)(x), 1 - y * y, hg_affine(t, hg_map(t, HG_SQUARE, out), -1, 1))                             \
    X(EXP, "exp", M(exp)(x), y, out)                                                                                   \
    X(LOG, "log", M(log)(x), 1 / x, hg_map(t, HG_RECIPROCAL, v))                                                       \
    X(SQRT, "sqrt", M(sqrt)(x), (R)0.5 / y, hg_affine(t, hg_map(t, HG_RECIPROCAL, out), 0.5, 0))                       \
    X(SQUARE, "square", x *x, 2 * x, hg_affine(t, v, 2, 0))                                                            \
    X(ABS, "abs", x < 0 ? -x : x, (R)((x > 0) - (x < 0)), hg_map(t, HG_SIGN, v))                                       \
    X(RECIPROCAL, "reciprocal", 1 / x, -(y * y), hg_affine(t, hg_map(t, HG_SQUARE, out), -1, 0))                       \
    X(SIN, "sin", M(sin)(x), M(cos)(x), hg_map(t, HG_COS, v))                                                          \
    X(COS, "cos", M(cos)(x), -M(sin)(x), hg_affine(t, hg_map(t, HG_SIN, v), -1, 0))                                    \
    X(ERF, "erf", M(erf)(x), (R)1.12837916709551257390 * M(exp)(-x * x), slope_of_erf(t, v))                           \
    X(STEP, "step", (R)(x > 0), (R)0, NULL)                                                                            \
    X(SIGN, "sign", (R)((x > 0) - (x < 0)), (R)0, NULL)

/* y[n] and, on the way back, dx[n] (+)= g[n] slope; x steps by sx, all others by 1. */
#define KERNELS(type, name, value, slope)                                                                              \
    HG_INLINE void name##_##type##_value_body(R *restrict to, const R *restrict from, size_t n, ptrdiff_t sx) {        \
        if (sx == 1) {                                                                                                 \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const R x = from[i];                                                                                   \
                to[i] = value;                                                                                         \
            }                                                                                                          \
        } else {                                                                                                       \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const R x = from[(ptrdiff_t)i * sx];                                                                   \
                to[i] = value;                                                                                         \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, name##_##type##_value, (R * to, const R *from, size_t n, ptrdiff_t sx), (to, from, n, sx)) \
    HG_INLINE void name##_##type##_slope_body(R *restrict dx, const R *restrict g, const R *restrict from,             \
                                              const R *restrict result, size_t n, ptrdiff_t sx, bool add) {            \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const R x = from[(ptrdiff_t)i * sx], y = result[i];                                                        \
            const R d = g[i] * (slope);                                                                                \
            (void)x, (void)y;                                                                                          \
            dx[i] = add ? dx[i] + d : d;                                                                               \
        }                                                                                                              \
    }                                                                                                                  \
    HG_INLINE void name##_##type##_slopes_body(R *restrict dx, const R *restrict g, const R *restrict from,            \
                                               const R *restrict result, size_t n, ptrdiff_t sx, bool add) {           \
        if (sx == 1 && add)                                                                                            \
            name##_##type##_slope_body(dx, g, from, result, n, 1, true);                                               \
        else if (sx == 1)                                                                                              \
            name##_##type##_slope_body(dx, g, from, result, n, 1, false);                                              \
        else                                                                                                           \
            name##_##type##_slope_body(dx, g, from, result, n, sx, add);                                               \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, name##_##type##_slopes,                                                                    \
                    (R * dx, const R *g, const R *from, const R *result, size_t n, ptrdiff_t sx, bool add),            \
                    (dx, g, from, result, n, sx, add))

#define R                                              float
#define M(f)                                           hg_##f##_f32
#define KERNELS_F32(name, text, value, slope, tensors) KERNELS(f32, name, value, slope)
FUNCTIONS(KERNELS_F32)
#undef R
#undef M
#define R                                              double
#define M(f)                                           hg_##f##_f64
#define KERNELS_F64(name, text, value, slope, tensors) KERNELS(f64, name, value, slope)
FUNCTIONS(KERNELS_F64)
#undef R
#undef M

typedef struct {
    const char *name;
    void (*value_f32)(float *, const float *, size_t, ptrdiff_t);
    void (*value_f64)(double *, const double *, size_t, ptrdiff_t);
    void (*slope_f32)(float *, const float *, const float *, const float *, size_t, ptrdiff_t, bool);
    void (*slope_f64)(double *, const double *, const double *, const double *, size_t, ptrdiff_t, bool);
    hg_tensor *(*slope_tensor)(hg_tape *t, hg_tensor *v, hg_tensor *out);
} function;

static hg_tensor *slope_of_sigmoid(hg_tape *t, hg_tensor *out) { return hg_mul(t, out, hg_affine(t, out, -1, 1)); }

static hg_tensor *slope_of_silu(hg_tape *t, hg_tensor *v) { /* s (1 + x (1 - s)) */
    hg_tensor *s = hg_map(t, HG_SIGMOID, v);
    return hg_mul(t, s, hg_affine(t, hg_mul(t, v, hg_affine(t, s, -1, 1)), 1, 1));
}

static hg_tensor *slope_of_erf(hg_tape *t, hg_tensor *v) {
    return hg_affine(t, hg_map(t, HG_EXP, hg_affine(t, hg_map(t, HG_SQUARE, v), -1, 0)), 1.12837916709551257390, 0);
}

static hg_tensor *slope_of_gelu(hg_tape *t, hg_tensor *v) {
    hg_tensor *phi = hg_affine(t, hg_map(t, HG_ERF, hg_affine(t, v, 0.70710678118654752440, 0)), 0.5, 0.5);
    hg_tensor *density = hg_map(t, HG_EXP, hg_affine(t, hg_map(t, HG_SQUARE, v), -0.5, 0));
    return hg_add(t, phi, hg_mul(t, v, hg_affine(t, density, 0.39894228040143267794, 0)));
}

#define TENSORS(name, text, value, slope, tensors)                                                                     \
    static hg_tensor *name##_tensors(hg_tape *t, hg_tensor *v, hg_tensor *out) {                                       \
        (void)t, (void)v, (void)out;                                                                                   \
        return tensors;                                                                                                \
    }
FUNCTIONS(TENSORS)

#define ROW(name, text, value, slope, tensors)                                                                         \
    [HG_##name] = { text, name##_f32_value, name##_f64_value, name##_f32_slopes, name##_f64_slopes, name##_tensors },
static const function TABLE[HG_FUNCTION_COUNT] = { FUNCTIONS(ROW) };

const char *hg_function_name(hg_function f) { return f < HG_FUNCTION_COUNT ? TABLE[f].name : NULL; }

void hg_function_values(hg_function f, hg_dtype d, void *y, const void *x, size_t n) {
    if (d == HG_F32)
        TABLE[f].value_f32(y, x, n, 1);
    else
        TABLE[f].value_f64(y, x, n, 1);
}

void hg_function_slopes(hg_function f, hg_dtype d, void *dx, const void *g, const void *x, const void *y, size_t n,
                        bool add) {
    if (d == HG_F32)
        TABLE[f].slope_f32(dx, g, x, y, n, 1, add);
    else
        TABLE[f].slope_f64(dx, g, x, y, n, 1, add);
}

hg_tensor *hg_function_slope(hg_tape *t, hg_function f, hg_tensor *v, hg_tensor *out) {
    return TABLE[f].slope_tensor(t, v, out);
}

static const function *which(const hg_tensor *out) { return &TABLE[*(const hg_function *)out->attr]; }

static hg_status shape(hg_tensor *out, hg_err *err) {
    if (*(const hg_function *)out->attr >= HG_FUNCTION_COUNT)
        return hg_fail(err, HG_EINVAL, "there is no such function");
    hg_shape_like(out, out->in[0]);
    return HG_OK;
}

static void value_run(void *ctx, const hg_loop *l, size_t at, size_t n, const ptrdiff_t offset[HG_LOOP_OPERANDS]) {
    hg_tensor *out = ctx;
    const void *x = out->in[0]->data;
    if (out->dtype == HG_F32)
        which(out)->value_f32((float *)out->data + at, (const float *)x + offset[0], n, hg_loop_step(l, 0));
    else
        which(out)->value_f64((double *)out->data + at, (const double *)x + offset[0], n, hg_loop_step(l, 0));
}

static void forward(hg_tensor *out, hg_tape *t) {
    const hg_loop l = hg_loop_over(out, (const hg_tensor *[]) { out->in[0] }, 1);
    hg_loop_do(hg_tape_pool(t), &l, value_run, out);
}

typedef struct {
    hg_tensor *out;
    bool add;
} backwards;

static void slope_run(void *ctx, const hg_loop *l, size_t at, size_t n, const ptrdiff_t offset[HG_LOOP_OPERANDS]) {
    const backwards *b = ctx;
    hg_tensor *out = b->out, *in = out->in[0];
    const ptrdiff_t step = hg_loop_step(l, 0);
    if (out->dtype == HG_F32)
        which(out)->slope_f32((float *)in->grad + at, (const float *)out->grad + at,
                              (const float *)in->data + offset[0], (const float *)out->data + at, n, step, b->add);
    else
        which(out)->slope_f64((double *)in->grad + at, (const double *)out->grad + at,
                              (const double *)in->data + offset[0], (const double *)out->data + at, n, step, b->add);
}

static void backward(hg_tensor *out, hg_tape *t) {
    const hg_loop l = hg_loop_over(out, (const hg_tensor *[]) { out->in[0] }, 1);
    backwards b = { out, !hg_grad_fresh(out->in[0]) };
    hg_loop_do(hg_tape_pool(t), &l, slope_run, &b);
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)i;
    hg_tensor *slope = hg_function_slope(t, *(const hg_function *)out->attr, out->in[0], out);
    return slope ? hg_mul(t, g, slope) : hg_affine(t, g, 0, 0);
}

/* Positive arguments for those that need them; nothing near the corners of the others. */
static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const hg_shape SHAPES[] = { { 2, { 5, 7 } }, { 0, { 0 } }, { 1, { 0 } }, { 3, { 1, 3, 2 } } };
    const hg_function f = k / 4;
    if (f >= HG_FUNCTION_COUNT) return NULL;
    hg_tensor *x = hg_example(t, r, SHAPES[k % 4], k % 4 == 3);
    if (x && (f == HG_LOG || f == HG_SQRT || f == HG_RECIPROCAL)) x = hg_affine(t, hg_map(t, HG_SQUARE, x), 1, 0.5);
    if (f == HG_RELU || f == HG_ABS || f == HG_STEP || f == HG_SIGN)
        x = hg_add(t, x, hg_affine(t, hg_map(t, HG_SIGN, x), 0.01, 0));
    return hg_map(t, f, x);
}

const hg_op hg_op_map = { "map", shape, forward, backward, derive, example };

hg_tensor *hg_map(hg_tape *t, hg_function f, hg_tensor *x) { return hg_apply(t, &hg_op_map, &x, 1, 0, &f, sizeof f); }

/* ---- for operations with an activation of their own ------------------------------------------------------------------ */

typedef struct {
    void *gz;
    hg_function act;
    const hg_tensor *out;
    const void *z;
} activation;

static void activation_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const activation *a = ctx;
    const size_t from = begin * hg_dtype_size(a->out->dtype);
    (void)worker;
    hg_function_slopes(a->act, a->out->dtype, (char *)a->gz + from, (const char *)a->out->grad + from,
                       (const char *)a->z + from, (const char *)a->out->data + from, end - begin, false);
}

void hg_activation_backward(hg_tape *t, void *gz, hg_function act, const hg_tensor *out, const void *z) {
    activation a = { gz, act, out, z };
    hg_pool_for(hg_tape_pool(t), hg_elements(out), HG_CHUNK, activation_task, &a);
}
