/* tensor/op_affine.c -- a x + b with numbers a and b; see hagane/tensor.h */
#include "num/isa.h"
#include "tensor/ops.h"

typedef struct {
    double a, b;
} numbers;

#define KERNEL(type, R)                                                                                                \
    HG_INLINE void affine_##type##_body(R *restrict y, const R *restrict x, ptrdiff_t sx, size_t n, R a, R b,          \
                                        bool add) {                                                                    \
        if (sx == 1)                                                                                                   \
            for (size_t i = 0; i < n; i++) y[i] = a * x[i] + (add ? y[i] : b);                                         \
        else                                                                                                           \
            for (size_t i = 0; i < n; i++) y[i] = a * x[(ptrdiff_t)i * sx] + (add ? y[i] : b);                         \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, affine_##type, (R * y, const R *x, ptrdiff_t sx, size_t n, R a, R b, bool add),            \
                    (y, x, sx, n, a, b, add))
KERNEL(f32, float)
KERNEL(f64, double)

static hg_status shape(hg_tensor *out, hg_err *err) {
    (void)err;
    hg_shape_like(out, out->in[0]);
    return HG_OK;
}

typedef struct {
    void *y;
    const void *x;
    hg_dtype dtype;
    numbers k;
    bool add;
} job;

static void run(void *ctx, const hg_loop *l, size_t at, size_t n, const ptrdiff_t offset[HG_LOOP_OPERANDS]) {
    const job *j = ctx;
    const ptrdiff_t step = hg_loop_step(l, 0);
    if (j->dtype == HG_F32)
        affine_f32((float *)j->y + at, (const float *)j->x + offset[0], step, n, (float)j->k.a, (float)j->k.b, j->add);
    else
        affine_f64((double *)j->y + at, (const double *)j->x + offset[0], step, n, j->k.a, j->k.b, j->add);
}

static void forward(hg_tensor *out, hg_tape *t) {
    const hg_loop l = hg_loop_over(out, (const hg_tensor *[]) { out->in[0] }, 1);
    job j = { out->data, out->in[0]->data, out->dtype, *(const numbers *)out->attr, false };
    hg_loop_do(hg_tape_pool(t), &l, run, &j);
}

void hg_accumulate(hg_tape *t, void *y, const void *g, const hg_tensor *like, double scale, bool add) {
    const hg_loop l = hg_loop_over(like, (const hg_tensor *[]) { NULL }, 1);
    job j = { y, g, like->dtype, { scale, 0 }, add };
    hg_loop_do(hg_tape_pool(t), &l, run, &j);
}

void hg_add_scaled(hg_tape *t, void *y, const hg_tensor *x, double scale, bool add) {
    const hg_loop l = hg_loop_over(x, &x, 1);
    job j = { y, x->data, x->dtype, { scale, 0 }, add };
    hg_loop_do(hg_tape_pool(t), &l, run, &j);
}

static void backward(hg_tensor *out, hg_tape *t) {
    hg_tensor *x = out->in[0];
    hg_accumulate(t, x->grad, out->grad, out, ((const numbers *)out->attr)->a, !hg_grad_fresh(x));
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)i;
    return hg_affine(t, g, ((const numbers *)out->attr)->a, 0);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const hg_shape SHAPES[] = { { 2, { 4, 3 } }, { 0, { 0 } }, { 2, { 3, 0 } }, { 2, { 3, 5 } } };
    return k < 4 ? hg_affine(t, hg_example(t, r, SHAPES[k], k == 3), -1.5, 0.25) : NULL;
}

const hg_op hg_op_affine = { "affine", shape, forward, backward, derive, example };

hg_tensor *hg_affine(hg_tape *t, hg_tensor *x, double a, double b) {
    const numbers k = { a, b };
    return hg_apply(t, &hg_op_affine, &x, 1, 0, &k, sizeof k);
}
