/* tensor/op_matmul.c -- products of matrices, many at once; see hagane/tensor.h */
#include "tensor/gemm.h"
#include "tensor/ops.h"

static hg_matrix matrix(const hg_tensor *x) {
    return (hg_matrix) { x->data, x->stride[x->rank - 2], x->stride[x->rank - 1] };
}
static hg_matrix turned(hg_matrix m) { return (hg_matrix) { m.data, m.col, m.row }; }

static hg_tensor without_matrix(hg_tensor x) { /* what is left counts the matrices */
    x.rank -= 2;
    return x;
}

static hg_status shape(hg_tensor *out, hg_err *err) {
    const hg_tensor *a = out->in[0], *b = out->in[1];
    char left[128], right[128];
    if (!b) return hg_fail(err, HG_EINVAL, "there is no second matrix");
    if (a->rank < 2 || b->rank < 2 || a->shape[a->rank - 1] != b->shape[b->rank - 2])
        return hg_fail(err, HG_EINVAL, "%s and %s: a[.., m, k] and b[.., k, n] are expected", hg_shape_text(left, a),
                       hg_shape_text(right, b));
    const hg_tensor many_a = without_matrix(*a), many_b = without_matrix(*b);
    HG_TRY(hg_shape_broadcast(out, &many_a, &many_b, err));
    out->shape[out->rank++] = a->shape[a->rank - 2];
    out->shape[out->rank++] = b->shape[b->rank - 1];
    return HG_OK;
}

/* The loop over matrices of the shape of `out`, of the axes along which `to` is repeated (or of the others). */
static hg_loop many(const hg_tensor *out, const hg_tensor *const x[3], unsigned operands, const hg_tensor *to,
                    bool repeated) {
    hg_tensor like = without_matrix(*out), part[3];
    const hg_tensor *parts[3];
    const unsigned missing = out->rank - to->rank;
    for (unsigned i = 0; i < like.rank; i++) {
        const bool repeats = i < missing || (to->shape[i - missing] == 1 && like.shape[i] != 1);
        if (repeats != repeated) like.shape[i] = 1;
    }
    for (unsigned k = 0; k < operands; k++) {
        part[k] = without_matrix(*x[k]);
        parts[k] = &part[k];
    }
    return hg_loop_over(&like, parts, operands);
}

static void forward(hg_tensor *out, hg_tape *t) {
    const hg_tensor *a = out->in[0], *b = out->in[1];
    hg_product p = { .dtype = out->dtype, .act = HG_IDENTITY, .a = matrix(a), .b = matrix(b), .c = out->data };
    p.m = a->shape[a->rank - 2];
    p.k = a->shape[a->rank - 1];
    p.n = p.ldc = b->shape[b->rank - 1];
    p.batch = many(out, (const hg_tensor *const[]) { a, b, out }, 3, out, false);
    hg_product_do(t, &p);
}

/* x->grad (+)= left right, one of which is the gradient of out, summed over what x is repeated along. */
static void add_gradient(hg_tape *t, hg_tensor *x, const hg_tensor *out, const hg_tensor *left, bool turn_left,
                         const hg_tensor *right, bool turn_right) {
    const hg_tensor to = hg_gradient_of(x);
    hg_product p = { .dtype = x->dtype, .act = HG_IDENTITY };
    p.a = turn_left ? turned(matrix(left)) : matrix(left);
    p.b = turn_right ? turned(matrix(right)) : matrix(right);
    p.m = x->shape[x->rank - 2];
    p.n = p.ldc = x->shape[x->rank - 1];
    p.k = turn_left ? left->shape[left->rank - 2] : left->shape[left->rank - 1];
    p.c = x->grad;
    p.add = !hg_grad_fresh(x);
    const hg_tensor *const operands[] = { left, right, &to };
    p.batch = many(out, operands, 3, x, false);
    p.inner = many(out, operands, 2, x, true);
    hg_product_do(t, &p);
}

static void backward(hg_tensor *out, hg_tape *t) {
    hg_tensor *a = out->in[0], *b = out->in[1];
    const hg_tensor g = hg_gradient_of(out);
    if (hg_wants(a)) add_gradient(t, a, out, &g, false, b, true);
    if (hg_wants(b)) add_gradient(t, b, out, a, true, &g, false);
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    hg_tensor *a = out->in[0], *b = out->in[1];
    hg_tensor *d = i == 0 ? hg_matmul(t, g, hg_transpose2(t, b)) : hg_matmul(t, hg_transpose2(t, a), g);
    return hg_sum_to(t, d, hg_tensor_shape(out->in[i]));
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const hg_shape A[] = { { 2, { 3, 4 } },       { 3, { 2, 3, 4 } }, { 3, { 2, 3, 4 } }, { 4, { 2, 1, 3, 2 } },
                                  { 2, { 1, 5 } },       { 3, { 4, 1, 3 } }, { 2, { 3, 0 } },    { 3, { 0, 2, 3 } },
                                  { 4, { 2, 3, 2, 4 } }, { 2, { 37, 20 } } };
    static const hg_shape B[] = { { 2, { 4, 5 } }, { 3, { 2, 4, 2 } }, { 2, { 4, 5 } }, { 3, { 3, 2, 4 } },
                                  { 2, { 5, 1 } }, { 3, { 4, 3, 1 } }, { 2, { 0, 2 } }, { 3, { 1, 3, 2 } },
                                  { 2, { 4, 3 } }, { 2, { 20, 35 } } };
    const unsigned shapes = sizeof A / sizeof *A;
    if (k == 3 * shapes) { /* one tensor twice, turned */
        hg_tensor *x = hg_example(t, r, HG_SHAPE(3, 2), false);
        return hg_matmul(t, x, hg_transpose2(t, x));
    }
    if (k > 3 * shapes) return NULL;
    hg_tensor *a = hg_example(t, r, A[k % shapes], k / shapes == 1);
    hg_tensor *b = hg_example(t, r, B[k % shapes], k / shapes == 2 && k % 2);
    return hg_matmul(t, a, b);
}

const hg_op hg_op_matmul = { "matmul", shape, forward, backward, derive, example };

static hg_tensor *fitting(hg_tape *t, hg_tensor *x) {
    if (!x || x->rank < 2) return x;
    const hg_matrix m = matrix(x);
    return hg_matrix_fits(x->shape[x->rank - 2], x->shape[x->rank - 1], m.row, m.col) ? x : hg_contiguous(t, x);
}

hg_tensor *hg_matmul(hg_tape *t, hg_tensor *a, hg_tensor *b) {
    return hg_apply(t, &hg_op_matmul, (hg_tensor *[]) { fitting(t, a), fitting(t, b) }, 2, 0, NULL, 0);
}
