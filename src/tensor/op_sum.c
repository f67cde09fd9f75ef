/* tensor/op_sum.c -- sums and means over axes; see hagane/tensor.h */
#include "tensor/ops.h"
#include <math.h>

typedef struct {
    unsigned axes; /* bit i: axis i is summed over */
    bool mean;
} sums;

static unsigned axes_of(const hg_tensor *x, unsigned axes) { return axes ? axes : (1u << x->rank) - 1; }

static double scale_of(const hg_tensor *out) {
    const sums *s = out->attr;
    if (!s->mean) return 1;
    double n = 1;
    for (unsigned i = 0; i < out->in[0]->rank; i++)
        if (axes_of(out->in[0], s->axes) >> i & 1) n *= (double)out->in[0]->shape[i];
    return n > 0 ? 1 / n : (double)NAN;
}

static hg_status shape(hg_tensor *out, hg_err *err) {
    const hg_tensor *x = out->in[0];
    const unsigned axes = axes_of(x, ((const sums *)out->attr)->axes);
    char text[128];
    if (axes >> x->rank) return hg_fail(err, HG_EINVAL, "axes %#x are more than %s has", axes, hg_shape_text(text, x));
    out->dtype = x->dtype;
    out->rank = 0;
    for (unsigned i = 0; i < x->rank; i++)
        if (!(axes >> i & 1)) out->shape[out->rank++] = x->shape[i];
    return HG_OK;
}

static void forward(hg_tensor *out, hg_tape *t) {
    const hg_tensor *x = out->in[0];
    hg_reduce(t, out->data, x, NULL, axes_of(x, ((const sums *)out->attr)->axes), scale_of(out), false);
}

/* The gradient as a tensor of the input's shape that repeats along what was summed. */
static hg_tensor repeated(const hg_tensor *out, const hg_tensor *g) {
    const hg_tensor *x = out->in[0];
    hg_tensor v = *x;
    unsigned k = 0;
    for (unsigned i = 0; i < x->rank; i++)
        v.stride[i] = axes_of(x, ((const sums *)out->attr)->axes) >> i & 1 ? 0 : g->stride[k++];
    v.data = g->data;
    return v;
}

static void backward(hg_tensor *out, hg_tape *t) {
    hg_tensor g = *out;
    g.data = out->grad;
    const hg_tensor wide = repeated(out, &g);
    hg_add_scaled(t, out->in[0]->grad, &wide, scale_of(out), !hg_grad_fresh(out->in[0]));
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)i;
    const hg_tensor *x = out->in[0];
    hg_shape with_ones = hg_tensor_shape(x);
    for (unsigned k = 0; k < x->rank; k++)
        if (axes_of(x, ((const sums *)out->attr)->axes) >> k & 1) with_ones.n[k] = 1;
    g = hg_expand(t, hg_reshape(t, g, with_ones), hg_tensor_shape(x));
    return ((const sums *)out->attr)->mean ? hg_affine(t, g, scale_of(out), 0) : g;
}

static hg_tensor *apply(hg_tape *t, hg_tensor *x, unsigned axes, bool mean) {
    const sums s = { axes, mean };
    return hg_apply(t, &hg_op_sum, &x, 1, 0, &s, sizeof s);
}

hg_tensor *hg_sum(hg_tape *t, hg_tensor *x, unsigned axes) { return apply(t, x, axes, false); }
hg_tensor *hg_mean(hg_tape *t, hg_tensor *x, unsigned axes) { return apply(t, x, axes, true); }

hg_tensor *hg_sum_to(hg_tape *t, hg_tensor *x, hg_shape shape_wanted) {
    if (!x) return hg_apply(t, &hg_op_sum, &x, 1, 0, NULL, 0);
    const unsigned missing = x->rank > shape_wanted.rank ? x->rank - shape_wanted.rank : 0;
    unsigned axes = 0;
    for (unsigned i = 0; i < x->rank; i++)
        if (i < missing || (x->shape[i] != shape_wanted.n[i - missing] && shape_wanted.n[i - missing] == 1))
            axes |= 1u << i;
    return hg_reshape(t, axes ? hg_sum(t, x, axes) : x, shape_wanted);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const unsigned AXES[] = { 0, 1, 2, 4, 5, 6, 3, 7 };
    if (k < 16) return apply(t, hg_example(t, r, HG_SHAPE(3, 5, 4), k % 3 == 1), AXES[k % 8], k >= 8);
    switch (k) {
    case 16: return hg_sum(t, hg_example(t, r, HG_SHAPE(0, 3), false), 1);
    case 17: return hg_sum(t, hg_example(t, r, HG_SCALAR, false), 0);
    case 18: return hg_sum(t, hg_example(t, r, HG_SHAPE(3, 0), false), 1);
    case 19: return hg_sum_to(t, hg_example(t, r, HG_SHAPE(2, 3, 4), true), HG_SHAPE(3, 1));
    case 20: return hg_mean(t, hg_example(t, r, HG_SHAPE(700, 2), true), 1);
    default: return NULL;
    }
}

const hg_op hg_op_sum = { "sum", shape, forward, backward, derive, example };
