/* tensor/op_copy.c -- the same elements, row-major without gaps; see hagane/tensor.h */
#include "tensor/ops.h"

static hg_status shape(hg_tensor *out, hg_err *err) {
    (void)err;
    hg_shape_like(out, out->in[0]);
    return HG_OK;
}

static void forward(hg_tensor *out, hg_tape *t) { hg_copy_elements(t, out->data, out->in[0], false); }

static void backward(hg_tensor *out, hg_tape *t) {
    if (hg_grad_hand_over(out, out->in[0])) return;
    hg_accumulate(t, out->in[0]->grad, out->grad, out, 1, !hg_grad_fresh(out->in[0]));
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)t, (void)out, (void)i;
    return g;
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const hg_shape SHAPES[] = { { 3, { 2, 3, 4 } }, { 2, { 0, 3 } }, { 2, { 1, 5 } } };
    return k < 3 ? hg_contiguous(t, hg_example(t, r, SHAPES[k], true)) : NULL;
}

const hg_op hg_op_copy = { "copy", shape, forward, backward, derive, example };

hg_tensor *hg_contiguous(hg_tape *t, hg_tensor *x) {
    return x && hg_is_contiguous(x) ? x : hg_apply(t, &hg_op_copy, &x, 1, 0, NULL, 0);
}
