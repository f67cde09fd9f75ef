/* tensor/op_place.c -- the reverse of a slice: zeros with x at begin, begin + step, ... of an axis; see hagane/tensor.h */
#include "tensor/ops.h"
#include <string.h>

typedef struct {
    hg_shape shape;
    unsigned axis;
    size_t begin, step;
} place;

static hg_status shape(hg_tensor *out, hg_err *err) {
    const place *p = out->attr;
    const hg_tensor *x = out->in[0];
    hg_shape_like(out, x);
    bool fits = p->shape.rank == x->rank && p->axis < x->rank && p->step > 0;
    for (unsigned i = 0; fits && i < x->rank; i++) {
        out->shape[i] = p->shape.n[i];
        if (i != p->axis)
            fits = x->shape[i] == out->shape[i];
        else
            fits = x->shape[i] == 0 ||
                   (out->shape[i] > p->begin && (out->shape[i] - p->begin - 1) / p->step >= x->shape[i] - 1);
    }
    char text[128];
    return fits ? HG_OK : hg_fail(err, HG_EINVAL, "%s has no place there", hg_shape_text(text, x));
}

/* The part of a row-major array shaped like out where x stands. */
static hg_tensor part(const hg_tensor *out, void *data) {
    const place *p = out->attr;
    hg_tensor v = *out->in[0];
    for (unsigned i = 0; i < v.rank; i++) v.stride[i] = out->stride[i] * (i == p->axis ? (ptrdiff_t)p->step : 1);
    const ptrdiff_t offset = hg_elements(&v) ? (ptrdiff_t)p->begin * out->stride[p->axis] : 0;
    v.data = (char *)data + offset * (ptrdiff_t)hg_dtype_size(v.dtype);
    return v;
}

static void put_run(void *ctx, const hg_loop *l, size_t at, size_t n, const ptrdiff_t o[HG_LOOP_OPERANDS]) {
    hg_tensor *const *v = ctx; /* to, from */
    const ptrdiff_t to_step = hg_loop_step(l, 0), step = hg_loop_step(l, 1);
    (void)at;
    if (v[0]->dtype == HG_F32)
        for (size_t i = 0; i < n; i++)
            ((float *)v[0]->data)[o[0] + (ptrdiff_t)i * to_step] =
                ((const float *)v[1]->data)[o[1] + (ptrdiff_t)i * step];
    else
        for (size_t i = 0; i < n; i++)
            ((double *)v[0]->data)[o[0] + (ptrdiff_t)i * to_step] =
                ((const double *)v[1]->data)[o[1] + (ptrdiff_t)i * step];
}

static void forward(hg_tensor *out, hg_tape *t) {
    memset(out->data, 0, hg_elements(out) * hg_dtype_size(out->dtype));
    hg_tensor to = part(out, out->data), *pair[] = { &to, out->in[0] };
    const hg_loop l = hg_loop_over(out->in[0], (const hg_tensor *[]) { &to, out->in[0] }, 2);
    hg_loop_do(hg_tape_pool(t), &l, put_run, pair);
}

static void backward(hg_tensor *out, hg_tape *t) {
    const hg_tensor from = part(out, out->grad);
    hg_copy_elements(t, out->in[0]->grad, &from, !hg_grad_fresh(out->in[0]));
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)i;
    const place *p = out->attr;
    const size_t n = out->in[0]->shape[p->axis];
    return hg_slice(t, g, p->axis, p->begin, n ? p->begin + (n - 1) * p->step + 1 : p->begin, p->step);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    switch (k) {
    case 0: return hg_place(t, hg_example(t, r, HG_SHAPE(2, 3), false), HG_SHAPE(2, 7), 1, 1, 2);
    case 1: return hg_place(t, hg_example(t, r, HG_SHAPE(2, 3, 1), true), HG_SHAPE(4, 3, 1), 0, 2, 1);
    case 2: return hg_place(t, hg_example(t, r, HG_SHAPE(0, 3), false), HG_SHAPE(2, 3), 0, 2, 1);
    default: return NULL;
    }
}

const hg_op hg_op_place = { "place", shape, forward, backward, derive, example };

hg_tensor *hg_place(hg_tape *t, hg_tensor *x, hg_shape whole, unsigned axis, size_t begin, size_t step) {
    const place p = { whole, axis, begin, step };
    return hg_apply(t, &hg_op_place, &x, 1, 0, &p, sizeof p);
}
