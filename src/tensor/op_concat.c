/* tensor/op_concat.c -- tensors one behind another along an axis; see hagane/tensor.h
 *
 * Seen from the axis on, each input is rows of elements that lie together: rows of all inputs in turn are the result. An operation has a
 * fixed number of inputs; more are joined in groups first.
 */
#include "tensor/ops.h"
#include <string.h>

static unsigned axis_of(const hg_tensor *out) { return *(const unsigned *)out->attr; }

static hg_status shape(hg_tensor *out, hg_err *err) {
    const hg_tensor *first = out->in[0];
    const unsigned axis = axis_of(out);
    char a[128], b[128];
    hg_shape_like(out, first);
    if (axis >= first->rank) return hg_fail(err, HG_EINVAL, "no axis %u in %s", axis, hg_shape_text(a, first));
    for (unsigned k = 1; k < out->n_in; k++) {
        const hg_tensor *x = out->in[k];
        bool fits = x->rank == first->rank;
        for (unsigned i = 0; fits && i < x->rank; i++) fits = i == axis || x->shape[i] == first->shape[i];
        if (!fits)
            return hg_fail(err, HG_EINVAL, "%s does not go behind %s along axis %u", hg_shape_text(b, x),
                           hg_shape_text(a, first), axis);
        out->shape[axis] += x->shape[axis];
    }
    return HG_OK;
}

/* The part of a row-major array shaped like out that belongs to input k, as a tensor. */
static hg_tensor part(const hg_tensor *out, void *data, unsigned k) {
    const unsigned axis = axis_of(out);
    hg_tensor v = *out;
    size_t before = 0;
    for (unsigned i = 0; i < k; i++) before += out->in[i]->shape[axis];
    v.shape[axis] = out->in[k]->shape[axis];
    v.data = (char *)data + before * (size_t)out->stride[axis] * hg_dtype_size(out->dtype);
    return v;
}

/* Elements of two operands of the same shape: to, from. Runs of neighbours are the rule. */
static void copy_run(void *ctx, const hg_loop *l, size_t at, size_t n, const ptrdiff_t o[HG_LOOP_OPERANDS]) {
    const hg_tensor *const *v = ctx;
    const ptrdiff_t to = hg_loop_step(l, 0), from = hg_loop_step(l, 1);
    const size_t size = hg_dtype_size(v[0]->dtype);
    char *y = (char *)v[0]->data + o[0] * (ptrdiff_t)size;
    const char *x = (const char *)v[1]->data + o[1] * (ptrdiff_t)size;
    (void)at;
    if (to == 1 && from == 1)
        memcpy(y, x, n * size);
    else
        for (size_t i = 0; i < n; i++) memcpy(y + (ptrdiff_t)(i * size) * to, x + (ptrdiff_t)(i * size) * from, size);
}

/* Inputs that lie together: the result is written once, row after row. */
typedef struct {
    const hg_tensor *out;
    size_t row, part[HG_INPUTS_MOST]; /* elements from the axis on: of the result, of each input */
} joining;

static void join_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    const joining *j = ctx;
    const size_t size = hg_dtype_size(j->out->dtype);
    char *to = (char *)j->out->data + begin * j->row * size;
    (void)worker;
    for (size_t row = begin; row < end; row++)
        for (unsigned k = 0; k < j->out->n_in; k++) {
            memcpy(to, (const char *)j->out->in[k]->data + row * j->part[k] * size, j->part[k] * size);
            to += j->part[k] * size;
        }
}

static bool join(hg_tensor *out, hg_tape *t) {
    joining j = { .out = out };
    const size_t behind = (size_t)out->stride[axis_of(out)];
    for (unsigned k = 0; k < out->n_in; k++) {
        if (!hg_is_contiguous(out->in[k])) return false;
        j.part[k] = out->in[k]->shape[axis_of(out)] * behind;
        j.row += j.part[k];
    }
    if (j.row) hg_pool_for(hg_tape_pool(t), hg_elements(out) / j.row, HG_CHUNK / j.row + 1, join_rows, &j);
    return true;
}

static void forward(hg_tensor *out, hg_tape *t) {
    if (join(out, t)) return;
    for (unsigned k = 0; k < out->n_in; k++) {
        const hg_tensor to = part(out, out->data, k), *pair[] = { &to, out->in[k] };
        const hg_loop l = hg_loop_over(out->in[k], pair, 2);
        hg_loop_do(hg_tape_pool(t), &l, copy_run, pair);
    }
}

static void backward(hg_tensor *out, hg_tape *t) {
    for (unsigned k = 0; k < out->n_in; k++) {
        if (!hg_wants(out->in[k])) continue;
        const hg_tensor from = part(out, out->grad, k);
        hg_copy_elements(t, out->in[k]->grad, &from, !hg_grad_fresh(out->in[k]));
    }
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned k) {
    const unsigned axis = axis_of(out);
    size_t before = 0;
    for (unsigned i = 0; i < k; i++) before += out->in[i]->shape[axis];
    return hg_slice(t, g, axis, before, before + out->in[k]->shape[axis], 1);
}

hg_tensor *hg_concat(hg_tape *t, hg_tensor *const *x, size_t n, unsigned axis) {
    if (n == 0) return hg_tape_fail(t, HG_EINVAL, "concat: of nothing");
    if (n <= HG_INPUTS_MOST) return hg_apply(t, &hg_op_concat, x, (unsigned)n, 0, &axis, sizeof axis);
    hg_tensor *group[HG_INPUTS_MOST];
    const size_t each = (n + HG_INPUTS_MOST - 1) / HG_INPUTS_MOST;
    size_t groups = 0;
    for (size_t at = 0; at < n; at += each) group[groups++] = hg_concat(t, x + at, n - at < each ? n - at : each, axis);
    return hg_concat(t, group, groups, axis);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    hg_tensor *x[8];
    switch (k) {
    case 0:
    case 1:
    case 2:
        for (unsigned i = 0; i < 3; i++) {
            hg_shape s = HG_SHAPE(2, 3, 4);
            s.n[k] += i;
            x[i] = hg_example(t, r, s, i == 1);
        }
        return hg_concat(t, x, 3, k);
    case 3: /* more than an operation has inputs, and one of them twice */
        for (unsigned i = 0; i < 7; i++) x[i] = hg_example(t, r, HG_SHAPE(2, i % 3), i % 2 == 1);
        x[7] = x[2];
        return hg_concat(t, x, 8, 1);
    case 4:
        for (unsigned i = 0; i < 2; i++) x[i] = hg_example(t, r, HG_SHAPE(0, 3), false);
        return hg_concat(t, x, 2, 1);
    case 5: x[0] = hg_example(t, r, HG_SHAPE(5), true); return hg_concat(t, x, 1, 0);
    case 6:
        x[0] = hg_example(t, r, HG_SHAPE(1, 3), true);
        x[1] = hg_expand(t, x[0], HG_SHAPE(4, 3));
        return hg_concat(t, x, 2, 0);
    default: return NULL;
    }
}

const hg_op hg_op_concat = { "concat", shape, forward, backward, derive, example };
