/* tensor/op_view.c -- reshape, permute, slice, expand: the same memory read otherwise; see hagane/tensor.h
 *
 * A view is described by steps: element (i, j, ..) of the result is element offset + i step[0] + j step[1] + .. of the input. The same
 * description holds for memory (with the input's strides) and for the row-major gradient (with row-major strides).
 */
#include "tensor/ops.h"
#include <string.h>

typedef enum { RESHAPE, PERMUTE, SLICE, EXPAND } kind;

typedef struct {
    kind kind;
    hg_shape shape;              /* RESHAPE, EXPAND */
    unsigned axes[HG_RANK_MOST]; /* PERMUTE */
    unsigned axis;               /* SLICE */
    size_t begin, end, step;
} view;

static const view *view_of(const hg_tensor *out) { return out->attr; }

static void row_major(ptrdiff_t *stride, const hg_tensor *x) {
    ptrdiff_t step = 1;
    for (unsigned i = x->rank; i-- > 0; step *= (ptrdiff_t)(x->shape[i] ? x->shape[i] : 1)) stride[i] = step;
}

/* step[] and offset of out's elements when the input's are at `from`. */
static ptrdiff_t steps(ptrdiff_t *step, const hg_tensor *out, const ptrdiff_t *from) {
    const view *v = view_of(out);
    const hg_tensor *x = out->in[0];
    if (v->kind == RESHAPE) row_major(step, out);
    for (unsigned i = 0; i < out->rank && v->kind != RESHAPE; i++) {
        const unsigned missing = out->rank - x->rank; /* 0 but for EXPAND */
        if (v->kind == PERMUTE)
            step[i] = from[v->axes[i]];
        else if (v->kind == EXPAND)
            step[i] = i < missing || x->shape[i - missing] == 1 ? 0 : from[i - missing];
        else
            step[i] = from[i] * (i == v->axis ? (ptrdiff_t)v->step : 1);
    }
    return v->kind == SLICE ? (ptrdiff_t)v->begin * from[v->axis] : 0;
}

static hg_status check_permutation(const view *v, unsigned rank, hg_err *err) {
    unsigned seen = 0;
    for (unsigned i = 0; i < rank; i++)
        if (v->axes[i] < rank) seen |= 1u << v->axes[i];
    if (seen == (1u << rank) - 1) return HG_OK;
    return hg_fail(err, HG_EINVAL, "each of the %u axes has to be named once", rank);
}

static hg_status check_slice(const hg_tensor *x, const view *v, hg_err *err) {
    char text[128];
    if (v->axis >= x->rank) return hg_fail(err, HG_EINVAL, "no axis %u in %s", v->axis, hg_shape_text(text, x));
    if (v->step == 0) return hg_fail(err, HG_EINVAL, "a step of 0");
    if (v->begin <= v->end && v->end <= x->shape[v->axis]) return HG_OK;
    return hg_fail(err, HG_EINVAL, "%zu .. %zu is not a part of axis %u of %s", v->begin, v->end, v->axis,
                   hg_shape_text(text, x));
}

static hg_status check_shape(const hg_tensor *x, hg_tensor *out, kind k, hg_err *err) {
    char from[128], to[128];
    if (out->rank > HG_RANK_MOST) return hg_fail(err, HG_EINVAL, "%u axes, at most %d", out->rank, HG_RANK_MOST);
    bool fits = k == RESHAPE ? hg_elements(out) == hg_elements(x) : out->rank >= x->rank;
    for (unsigned i = 0; fits && k == EXPAND && i < x->rank; i++) {
        const size_t have = x->shape[x->rank - 1 - i], want = out->shape[out->rank - 1 - i];
        fits = have == want || have == 1;
    }
    if (fits) return HG_OK;
    return hg_fail(err, HG_EINVAL, "%s does not become %s", hg_shape_text(from, x), hg_shape_text(to, out));
}

static hg_status shape(hg_tensor *out, hg_err *err) {
    const view *v = view_of(out);
    const hg_tensor *x = out->in[0];
    hg_shape_like(out, x);
    if (v->kind == PERMUTE) {
        HG_TRY(check_permutation(v, x->rank, err));
        for (unsigned i = 0; i < x->rank; i++) out->shape[i] = x->shape[v->axes[i]];
    } else if (v->kind == SLICE) {
        HG_TRY(check_slice(x, v, err));
        out->shape[v->axis] = (v->end - v->begin + v->step - 1) / v->step;
    } else {
        out->rank = v->shape.rank;
        for (unsigned i = 0; i < out->rank && i < HG_RANK_MOST; i++) out->shape[i] = v->shape.n[i];
        HG_TRY(check_shape(x, out, v->kind, err));
    }
    const ptrdiff_t offset = hg_elements(out) ? steps(out->stride, out, x->stride) : 0;
    out->data = (char *)x->data + offset * (ptrdiff_t)hg_dtype_size(x->dtype);
    return HG_OK;
}

typedef struct {
    hg_tensor *out;
    char *to;
    bool add;
} scatter;

static void scatter_run(void *ctx, const hg_loop *l, size_t at, size_t n, const ptrdiff_t offset[HG_LOOP_OPERANDS]) {
    const scatter *s = ctx;
    const ptrdiff_t step = hg_loop_step(l, 0);
    if (s->out->dtype == HG_F32) {
        float *to = (float *)s->to + offset[0];
        const float *from = (const float *)s->out->grad + at;
        for (size_t i = 0; i < n; i++) to[(ptrdiff_t)i * step] = from[i] + (s->add ? to[(ptrdiff_t)i * step] : 0);
    } else {
        double *to = (double *)s->to + offset[0];
        const double *from = (const double *)s->out->grad + at;
        for (size_t i = 0; i < n; i++) to[(ptrdiff_t)i * step] = from[i] + (s->add ? to[(ptrdiff_t)i * step] : 0);
    }
}

static void backward(hg_tensor *out, hg_tape *t) {
    const view *v = view_of(out);
    hg_tensor *x = out->in[0];
    if (v->kind == EXPAND) {
        hg_reduce_to(t, x->grad, x, out->grad, out, 1, !hg_grad_fresh(x));
        return;
    }
    if (v->kind == RESHAPE && hg_grad_hand_over(out, x)) return;
    if (v->kind == SLICE) hg_grad_zero_fresh(x);
    ptrdiff_t from[HG_RANK_MOST];
    row_major(from, x);
    hg_tensor where = *out; /* with the strides of its elements in the input's gradient */
    const ptrdiff_t offset = steps(where.stride, out, from);
    const hg_loop l = hg_loop_over(out, (const hg_tensor *[]) { &where }, 1);
    scatter s = { out, (char *)x->grad + offset * (ptrdiff_t)hg_dtype_size(x->dtype), !hg_grad_fresh(x) };
    hg_loop_do(hg_tape_pool(t), &l, scatter_run, &s);
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    (void)i;
    const view *v = view_of(out);
    const hg_shape from = hg_tensor_shape(out->in[0]);
    if (v->kind == RESHAPE) return hg_reshape(t, g, from);
    if (v->kind == EXPAND) return hg_sum_to(t, g, from);
    if (v->kind == SLICE) return hg_place(t, g, from, v->axis, v->begin, v->step);
    unsigned back[HG_RANK_MOST];
    for (unsigned k = 0; k < out->rank; k++) back[v->axes[k]] = k;
    return hg_permute(t, g, back);
}

static hg_tensor *apply(hg_tape *t, hg_tensor *x, const view *v) {
    return hg_apply(t, &hg_op_view, &x, 1, 0, v, sizeof *v);
}

hg_tensor *hg_reshape(hg_tape *t, hg_tensor *x, hg_shape shape_wanted) {
    return apply(t, hg_contiguous(t, x), &(view) { .kind = RESHAPE, .shape = shape_wanted });
}

hg_tensor *hg_permute(hg_tape *t, hg_tensor *x, const unsigned *axes) {
    view v = { .kind = PERMUTE };
    if (x) memcpy(v.axes, axes, x->rank * sizeof *axes);
    return apply(t, x, &v);
}

hg_tensor *hg_transpose2(hg_tape *t, hg_tensor *x) {
    unsigned axes[HG_RANK_MOST];
    if (x && x->rank < 2) return hg_tape_fail(t, HG_EINVAL, "transpose: %u axes, at least 2", x->rank);
    for (unsigned i = 0; x && i < x->rank; i++) axes[i] = i + 2 < x->rank ? i : 2 * x->rank - 3 - i;
    return hg_permute(t, x, axes);
}

hg_tensor *hg_axis_swapped(hg_tape *t, hg_tensor *x, unsigned axis) {
    unsigned axes[HG_RANK_MOST];
    if (!x || axis + 1 >= x->rank) return x;
    for (unsigned i = 0; i < x->rank; i++) axes[i] = i;
    axes[axis] = x->rank - 1;
    axes[x->rank - 1] = axis;
    return hg_permute(t, x, axes);
}

hg_tensor *hg_slice(hg_tape *t, hg_tensor *x, unsigned axis, size_t begin, size_t end, size_t step) {
    return apply(t, x, &(view) { .kind = SLICE, .axis = axis, .begin = begin, .end = end, .step = step });
}

hg_tensor *hg_expand(hg_tape *t, hg_tensor *x, hg_shape shape_wanted) {
    return apply(t, x, &(view) { .kind = EXPAND, .shape = shape_wanted });
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    hg_tensor *x = hg_example(t, r, HG_SHAPE(2, 3, 4), k % 2);
    switch (k) {
    case 0:
    case 1: return hg_reshape(t, x, HG_SHAPE(4, 6));
    case 2: return hg_permute(t, x, (const unsigned[]) { 2, 0, 1 });
    case 3: return hg_transpose2(t, x);
    case 4: return hg_slice(t, x, 1, 1, 3, 1);
    case 5: return hg_slice(t, x, 2, 1, 4, 2);
    case 6: return hg_slice(t, x, 0, 1, 1, 1);
    case 7: return hg_expand(t, hg_slice(t, x, 1, 0, 1, 1), HG_SHAPE(3, 2, 5, 4));
    case 8: return hg_reshape(t, hg_example(t, r, HG_SCALAR, false), HG_SHAPE(1, 1));
    case 9: return hg_slice(t, hg_slice(t, x, 2, 1, 4, 1), 1, 0, 3, 2);
    case 10: return hg_expand(t, hg_example(t, r, HG_SHAPE(1), false), HG_SHAPE(0, 3));
    default: return NULL;
    }
}

const hg_op hg_op_view = { "view", shape, NULL, backward, derive, example };
