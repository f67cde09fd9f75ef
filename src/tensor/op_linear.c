/* tensor/op_linear.c -- act(x w' + b), the layer of every network; see hagane/tensor.h */
#include "tensor/gemm.h"
#include "tensor/ops.h"

typedef struct {
    hg_function act;
    void *z; /* x w' + b, kept for the slope; NULL without activation or gradient */
    /* of derive: what it was last called for, z as a tensor, and the gradient with respect to z */
    hg_tensor *g, *before, *gz;
} layer;

static size_t rows_of(const hg_tensor *x) {
    size_t n = 1;
    for (unsigned i = 0; i + 1 < x->rank; i++) n *= x->shape[i];
    return n;
}

/* x[.., in] as a matrix of rows; false: rows do not lie at equal distances. */
static bool as_rows(hg_matrix *m, const hg_tensor *x) {
    *m = (hg_matrix) { x->data, 0, x->stride[x->rank - 1] };
    ptrdiff_t step = 0;
    for (unsigned i = x->rank - 1; i-- > 0;) {
        if (x->shape[i] == 1) continue;
        if (m->row && x->stride[i] != step) return false;
        if (!m->row) m->row = x->stride[i];
        step = x->stride[i] * (ptrdiff_t)x->shape[i];
    }
    return hg_matrix_fits(rows_of(x), x->shape[x->rank - 1], m->row, m->col);
}

static hg_matrix weights(const hg_tensor *w) { return (hg_matrix) { w->data, w->stride[0], w->stride[1] }; }

static hg_status shape(hg_tensor *out, hg_err *err) {
    const hg_tensor *x = out->in[0], *w = out->in[1], *b = out->in[2];
    char left[128], right[128];
    if (!w) return hg_fail(err, HG_EINVAL, "there are no weights");
    if (x->rank < 1 || w->rank != 2 || x->shape[x->rank - 1] != w->shape[1])
        return hg_fail(err, HG_EINVAL, "x%s and w%s: x[.., in] and w[out, in] are expected", hg_shape_text(left, x),
                       hg_shape_text(right, w));
    if (b && (b->rank != 1 || b->shape[0] != w->shape[0]))
        return hg_fail(err, HG_EINVAL, "b%s does not go with w%s: b[out] is expected", hg_shape_text(left, b),
                       hg_shape_text(right, w));
    if (((const layer *)out->attr)->act >= HG_FUNCTION_COUNT)
        return hg_fail(err, HG_EINVAL, "there is no such function");
    hg_shape_like(out, x);
    out->shape[x->rank - 1] = w->shape[0];
    return HG_OK;
}

static void forward(hg_tensor *out, hg_tape *t) {
    const hg_tensor *w = out->in[1], *b = out->in[2];
    layer *l = out->attr;
    if (l->act != HG_IDENTITY && out->wants_grad && !l->z) {
        l->z = hg_tape_alloc(t, hg_elements(out), hg_dtype_size(out->dtype));
        if (!l->z) return;
    }
    hg_product p = { .dtype = out->dtype, .m = rows_of(out), .n = w->shape[0], .k = w->shape[1] };
    const hg_matrix stored = weights(w);
    as_rows(&p.a, out->in[0]);
    p.b = (hg_matrix) { stored.data, stored.col, stored.row };
    p.c = l->z ? l->z : out->data;
    p.ldc = p.n;
    p.bias = b ? b->data : NULL;
    p.act = l->act;
    p.y = out->data;
    hg_product_do(t, &p);
}

static void backward(hg_tensor *out, hg_tape *t) {
    hg_tensor *x = out->in[0], *w = out->in[1], *b = out->in[2];
    const layer *l = out->attr;
    const size_t mark = hg_tape_mark(t), rows = rows_of(out), n_out = w->shape[0], n_in = w->shape[1];
    void *gz = out->grad;
    if (l->act != HG_IDENTITY) {
        gz = hg_tape_alloc(t, hg_elements(out), hg_dtype_size(out->dtype));
        if (!gz) return;
        hg_activation_backward(t, gz, l->act, out, l->z);
    }
    hg_product p = { .dtype = out->dtype, .act = HG_IDENTITY };
    if (hg_wants(x)) { /* gz w */
        p.m = rows, p.n = n_in, p.k = n_out;
        p.a = (hg_matrix) { gz, (ptrdiff_t)n_out, 1 };
        p.b = weights(w);
        p.c = x->grad, p.ldc = n_in, p.add = !hg_grad_fresh(x);
        hg_product_do(t, &p);
    }
    if (hg_wants(w)) { /* gz' x */
        p.m = n_out, p.n = n_in, p.k = rows;
        p.a = (hg_matrix) { gz, 1, (ptrdiff_t)n_out };
        as_rows(&p.b, x);
        p.c = w->grad, p.ldc = n_in, p.add = !hg_grad_fresh(w);
        hg_product_do(t, &p);
    }
    if (hg_wants(b)) hg_reduce_to(t, b->grad, b, gz, out, 1, !hg_grad_fresh(b));
    hg_tape_release(t, mark);
}

static hg_tensor *as_matrix(hg_tape *t, hg_tensor *x) {
    return hg_reshape(t, x, HG_SHAPE(rows_of(x), x->shape[x->rank - 1]));
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    layer *l = out->attr;
    hg_tensor *x = out->in[0], *w = out->in[1], *b = out->in[2];
    if (l->g != g) { /* once for all inputs */
        l->g = l->gz = g;
        if (l->act != HG_IDENTITY) {
            if (!l->before) l->before = hg_linear(t, x, w, b, HG_IDENTITY);
            hg_tensor *slope = hg_function_slope(t, l->act, l->before, out);
            l->gz = slope ? hg_mul(t, g, slope) : hg_affine(t, g, 0, 0);
        }
    }
    hg_tensor *gz = l->gz;
    if (!gz) return NULL;
    if (i == 0) return hg_linear(t, gz, hg_transpose2(t, w), NULL, HG_IDENTITY);
    if (i == 2) return hg_sum_to(t, gz, hg_tensor_shape(b));
    return hg_linear(t, hg_transpose2(t, as_matrix(t, gz)), hg_transpose2(t, as_matrix(t, x)), NULL, HG_IDENTITY);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const hg_shape X[] = { { 2, { 5, 3 } }, { 3, { 2, 3, 4 } }, { 1, { 6 } },    { 2, { 0, 3 } },
                                  { 2, { 4, 0 } }, { 3, { 2, 1, 3 } }, { 2, { 40, 9 } } };
    static const size_t OUT[] = { 4, 1, 3, 2, 3, 5, 33 };
    static const hg_function ACT[] = { HG_SILU, HG_IDENTITY, HG_TANH, HG_SOFTPLUS };
    const unsigned shapes = sizeof X / sizeof *X;
    if (k >= 3 * shapes) return NULL;
    const hg_shape s = X[k % shapes];
    const size_t out = OUT[k % shapes];
    hg_tensor *x = hg_example(t, r, s, k % 3 == 1), *w = hg_example(t, r, HG_SHAPE(out, s.n[s.rank - 1]), k % 2 == 1);
    hg_tensor *b = k % 3 ? hg_example(t, r, HG_SHAPE(out), k % 5 == 1) : NULL;
    return hg_linear(t, x, w, b, ACT[k % 4]);
}

const hg_op hg_op_linear = { "linear", shape, forward, backward, derive, example };

hg_tensor *hg_linear(hg_tape *t, hg_tensor *x, hg_tensor *w, hg_tensor *b, hg_function act) {
    const layer l = { .act = act };
    hg_matrix rows;
    if (x && x->rank && !as_rows(&rows, x)) x = hg_contiguous(t, x);
    if (w && w->rank == 2 && !hg_matrix_fits(w->shape[0], w->shape[1], w->stride[0], w->stride[1]))
        w = hg_contiguous(t, w);
    if (b) b = hg_contiguous(t, b);
    return hg_apply(t, &hg_op_linear, (hg_tensor *[]) { x, w, b }, 3, 1u << 2, &l, sizeof l);
}
