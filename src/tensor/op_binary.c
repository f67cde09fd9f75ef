/* tensor/op_binary.c -- sums, differences, products and quotients, broadcast; see hagane/tensor.h */
#include "num/isa.h"
#include "tensor/ops.h"

typedef enum { ADD, SUB, MUL, DIV, KINDS } kind;

/* y[n] (+)= a op b; y steps by 1. The usual steps have loops of their own, which become vector instructions. */
#define KERNEL(name, type, R, op)                                                                                      \
    HG_INLINE void name##_##type##_body(R *y, const R *a, const R *b, ptrdiff_t sa, ptrdiff_t sb, size_t n,            \
                                        bool add) {                                                                    \
        if (sa == 1 && sb == 1)                                                                                        \
            for (size_t i = 0; i < n; i++) y[i] = (add ? y[i] : 0) + (a[i] op b[i]);                                   \
        else if (sa == 1 && sb == 0)                                                                                   \
            for (size_t i = 0; i < n; i++) y[i] = (add ? y[i] : 0) + (a[i] op b[0]);                                   \
        else if (sa == 0 && sb == 1)                                                                                   \
            for (size_t i = 0; i < n; i++) y[i] = (add ? y[i] : 0) + (a[0] op b[i]);                                   \
        else                                                                                                           \
            for (size_t i = 0; i < n; i++) y[i] = (add ? y[i] : 0) + (a[(ptrdiff_t)i * sa] op b[(ptrdiff_t)i * sb]);   \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, name##_##type,                                                                             \
                    (R * y, const R *a, const R *b, ptrdiff_t sa, ptrdiff_t sb, size_t n, bool add),                   \
                    (y, a, b, sa, sb, n, add))
#define KERNELS(name, op) KERNEL(name, f32, float, op) KERNEL(name, f64, double, op)
KERNELS(add, +)
KERNELS(sub, -)
KERNELS(mul, *)
KERNELS(div, /)

static const struct {
    void (*f32)(float *, const float *, const float *, ptrdiff_t, ptrdiff_t, size_t, bool);
    void (*f64)(double *, const double *, const double *, ptrdiff_t, ptrdiff_t, size_t, bool);
} KERNEL_OF[KINDS] = { { add_f32, add_f64 }, { sub_f32, sub_f64 }, { mul_f32, mul_f64 }, { div_f32, div_f64 } };

static kind kind_of(const hg_tensor *out) { return *(const kind *)out->attr; }

static hg_status shape(hg_tensor *out, hg_err *err) { return hg_shape_broadcast(out, out->in[0], out->in[1], err); }

typedef struct {
    kind kind;
    hg_dtype dtype;
    void *y;
    const void *a, *b;
    bool add;
} job;

static void run(void *ctx, const hg_loop *l, size_t at, size_t n, const ptrdiff_t o[HG_LOOP_OPERANDS]) {
    const job *j = ctx;
    const ptrdiff_t sa = hg_loop_step(l, 0), sb = hg_loop_step(l, 1);
    if (j->dtype == HG_F32)
        KERNEL_OF[j->kind].f32((float *)j->y + at, (const float *)j->a + o[0], (const float *)j->b + o[1], sa, sb, n,
                               j->add);
    else
        KERNEL_OF[j->kind].f64((double *)j->y + at, (const double *)j->a + o[0], (const double *)j->b + o[1], sa, sb, n,
                               j->add);
}

/* y[shape of like] (+)= a op b; an operand is the data of its tensor, broadcast, or an array in the order of y when that is NULL. */
static void combine(hg_tape *t, kind k, void *y, const hg_tensor *like, const hg_tensor *a, const void *a_data,
                    const hg_tensor *b, const void *b_data, bool add) {
    const hg_loop l = hg_loop_over(like, (const hg_tensor *[]) { a, b }, 2);
    job j = { k, like->dtype, y, a ? a->data : a_data, b ? b->data : b_data, add };
    hg_loop_do(hg_tape_pool(t), &l, run, &j);
}

static void forward(hg_tensor *out, hg_tape *t) {
    combine(t, kind_of(out), out->data, out, out->in[0], NULL, out->in[1], NULL, false);
}

/* The gradient with out's shape before it is summed over what was broadcast; `scale` is what is left to multiply with. */
static const void *gradient(hg_tape *t, hg_tensor *out, unsigned i, void *room, double *scale) {
    const kind k = kind_of(out);
    *scale = i == 1 && (k == SUB || k == DIV) ? -1 : 1;
    if (k == ADD || k == SUB) return out->grad;
    if (k == MUL) {
        combine(t, MUL, room, out, NULL, out->grad, out->in[1 - i], NULL, false);
    } else if (i == 0) {
        combine(t, DIV, room, out, NULL, out->grad, out->in[1], NULL, false);
    } else { /* d(a/b)/db = -(a/b)/b */
        combine(t, MUL, room, out, NULL, out->grad, NULL, out->data, false);
        combine(t, DIV, room, out, NULL, room, out->in[1], NULL, false);
    }
    return room;
}

static bool same_shape(const hg_tensor *a, const hg_tensor *b) {
    return hg_elements(a) == hg_elements(b); /* broadcast: equal or fewer */
}

static void backward(hg_tensor *out, hg_tape *t) {
    const bool sum = kind_of(out) == ADD || kind_of(out) == SUB;
    for (unsigned i = 2; i-- > 0;) {
        hg_tensor *x = out->in[i];
        if (!hg_wants(x)) continue;
        if (sum && i == 0 && same_shape(x, out) && hg_grad_hand_over(out, x)) continue;
        if (kind_of(out) == MUL && same_shape(x, out)) { /* the usual product: nothing in between */
            combine(t, MUL, x->grad, out, NULL, out->grad, out->in[1 - i], NULL, !hg_grad_fresh(x));
            continue;
        }
        const size_t mark = hg_tape_mark(t);
        void *room = sum ? NULL : hg_tape_alloc(t, hg_elements(out), hg_dtype_size(out->dtype));
        double scale;
        if (!sum && !room) return;
        const void *g = gradient(t, out, i, room, &scale);
        const bool add = !hg_grad_fresh(x);
        if (same_shape(x, out))
            hg_accumulate(t, x->grad, g, out, scale, add);
        else
            hg_reduce_to(t, x->grad, x, g, out, scale, add);
        hg_tape_release(t, mark);
    }
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    const kind k = kind_of(out);
    hg_tensor *d = g;
    if (k == MUL) d = hg_mul(t, g, out->in[1 - i]);
    if (k == DIV) d = hg_div(t, i == 0 ? g : hg_mul(t, g, out), out->in[1]);
    if (i == 1 && (k == SUB || k == DIV)) d = hg_affine(t, d, -1, 0);
    return hg_sum_to(t, d, hg_tensor_shape(out->in[i]));
}

static hg_tensor *apply(hg_tape *t, kind k, hg_tensor *a, hg_tensor *b) {
    return hg_apply(t, &hg_op_binary, (hg_tensor *[]) { a, b }, 2, 0, &k, sizeof k);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const hg_shape LEFT[] = { { 2, { 3, 4 } },    { 2, { 3, 4 } }, { 1, { 4 } },
                                     { 3, { 2, 1, 5 } }, { 0, { 0 } },    { 2, { 0, 4 } } };
    static const hg_shape RIGHT[] = { { 2, { 3, 4 } }, { 1, { 4 } },    { 2, { 3, 1 } },
                                      { 2, { 3, 1 } }, { 2, { 2, 2 } }, { 2, { 1, 4 } } };
    const unsigned shapes = sizeof LEFT / sizeof *LEFT;
    if (k == shapes * KINDS) { /* one tensor twice */
        hg_tensor *x = hg_example(t, r, HG_SHAPE(3, 2), false);
        return hg_mul(t, x, x);
    }
    if (k > shapes * KINDS) return NULL;
    hg_tensor *a = hg_example(t, r, LEFT[k % shapes], k % 2 == 1), *b = hg_example(t, r, RIGHT[k % shapes], k % 3 == 1);
    if (k / shapes == DIV) b = hg_affine(t, hg_map(t, HG_SQUARE, b), 1, 0.5);
    return apply(t, k / shapes, a, b);
}

const hg_op hg_op_binary = { "binary", shape, forward, backward, derive, example };

hg_tensor *hg_add(hg_tape *t, hg_tensor *a, hg_tensor *b) { return apply(t, ADD, a, b); }
hg_tensor *hg_sub(hg_tape *t, hg_tensor *a, hg_tensor *b) { return apply(t, SUB, a, b); }
hg_tensor *hg_mul(hg_tape *t, hg_tensor *a, hg_tensor *b) { return apply(t, MUL, a, b); }
hg_tensor *hg_div(hg_tape *t, hg_tensor *a, hg_tensor *b) { return apply(t, DIV, a, b); }
