/* tensor/op_gather.c -- rows picked by an index: y[j] = x[row[j]]; see hagane/tensor.h */
#include "tensor/index.h"
#include "tensor/ops.h"

static const hg_index *index_of(const hg_tensor *out) { return *(const hg_index *const *)out->attr; }

static hg_status shape(hg_tensor *out, hg_err *err) {
    const hg_tensor *x = out->in[0];
    const hg_index *ix = index_of(out);
    char text[128];
    if (x->rank == 0 || x->shape[0] != ix->n)
        return hg_fail(err, HG_EINVAL, "an index into %zu rows, the tensor is %s", ix->n, hg_shape_text(text, x));
    hg_shape_like(out, x);
    out->shape[0] = ix->m;
    return HG_OK;
}

static void forward(hg_tensor *out, hg_tape *t) {
    hg_rows_gather(t, out->data, hg_rows_of(out->in[0]), index_of(out), false, false);
}

static void backward(hg_tensor *out, hg_tape *t) {
    hg_tensor *x = out->in[0];
    hg_rows_sum(t, x->grad, hg_rows_packed(out->grad, out), index_of(out), false, !hg_grad_fresh(x));
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)i;
    return hg_segment_sum(t, g, index_of(out));
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const uint32_t MIXED[] = { 3, 0, 3, 1, 3 }, SORTED[] = { 0, 0, 2, 3 };
    switch (k) {
    case 0: return hg_gather(t, hg_example(t, r, HG_SHAPE(4, 3), false), hg_index_of(t, MIXED, 5, 4));
    case 1: return hg_gather(t, hg_example(t, r, HG_SHAPE(4, 2, 3), true), hg_index_of(t, MIXED, 5, 4));
    case 2: return hg_gather(t, hg_example(t, r, HG_SHAPE(4), true), hg_index_of(t, SORTED, 4, 4));
    case 3: return hg_gather(t, hg_example(t, r, HG_SHAPE(4, 20), false), hg_index_of(t, SORTED, 4, 4));
    case 4: return hg_gather(t, hg_example(t, r, HG_SHAPE(2, 3), false), hg_index_of(t, NULL, 0, 2));
    case 5: return hg_gather(t, hg_example(t, r, HG_SHAPE(0, 3), false), hg_index_of(t, NULL, 0, 0));
    case 6: return hg_gather(t, hg_example(t, r, HG_SHAPE(4, 0), false), hg_index_of(t, MIXED, 5, 4));
    case 7: /* rows a step apart, one of them used many times: its gradient is the work of several tasks */
        return hg_gather(t, hg_slice(t, hg_example(t, r, HG_SHAPE(3, 12), false), 1, 2, 11, 1),
                         hg_example_index(t, r, 4000, 3));
    default: return NULL;
    }
}

const hg_op hg_op_gather = { "gather", shape, forward, backward, derive, example };

hg_tensor *hg_gather(hg_tape *t, hg_tensor *x, const hg_index *ix) {
    if (!ix) return hg_tape_fail(t, HG_EINVAL, "gather: the index is not there");
    return hg_apply(t, &hg_op_gather, (hg_tensor *[]) { hg_with_rows(t, x) }, 1, 0, &ix, sizeof ix);
}
