/* tensor/tensor.c -- shapes, strides, and loops over elements; see hagane/tensor.h and tensor/op.h */
#include "tensor/op.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

size_t hg_shape_size(hg_shape s) {
    size_t n = 1;
    for (unsigned i = 0; i < s.rank; i++) {
        if (s.n[i] && n > SIZE_MAX / s.n[i]) return SIZE_MAX;
        n *= s.n[i];
    }
    return n;
}

size_t hg_elements(const hg_tensor *x) {
    size_t n = 1;
    for (unsigned i = 0; i < x->rank; i++) n *= x->shape[i];
    return n;
}

hg_shape hg_tensor_shape(const hg_tensor *x) {
    hg_shape s = { x ? x->rank : 0, { 0 } };
    for (unsigned i = 0; i < s.rank; i++) s.n[i] = x->shape[i];
    return s;
}

size_t hg_tensor_size(const hg_tensor *x) { return x ? hg_elements(x) : 0; }
hg_dtype hg_tensor_dtype(const hg_tensor *x) { return x->dtype; }

bool hg_is_contiguous(const hg_tensor *x) {
    ptrdiff_t step = 1;
    for (unsigned i = x->rank; i-- > 0;) {
        if (x->shape[i] == 0) return true;
        if (x->shape[i] != 1 && x->stride[i] != step) return false;
        step *= (ptrdiff_t)x->shape[i];
    }
    return true;
}

float *hg_tensor_floats(const hg_tensor *x) { return x && x->dtype == HG_F32 && hg_is_contiguous(x) ? x->data : NULL; }
double *hg_tensor_doubles(const hg_tensor *x) {
    return x && x->dtype == HG_F64 && hg_is_contiguous(x) ? x->data : NULL;
}

static double element(const void *data, hg_dtype d, ptrdiff_t i) {
    return d == HG_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

void hg_tensor_get(double *out, const hg_tensor *x) {
    const hg_tensor *const operand[] = { x };
    const hg_loop l = hg_loop_over(x, operand, 1);
    for (size_t at = 0, n; at < l.total; at += n) {
        ptrdiff_t from[HG_LOOP_OPERANDS];
        n = hg_loop_run(&l, at, l.total - at, from);
        for (size_t i = 0; i < n; i++)
            out[at + i] = element(x->data, x->dtype, from[0] + (ptrdiff_t)i * l.stride[0][l.rank - 1]);
    }
}

void hg_tensor_get_grad(double *out, const hg_tensor *x) {
    const size_t n = hg_elements(x);
    const double without = x->spent ? (double)NAN : 0;
    for (size_t i = 0; i < n; i++) out[i] = x->grad && !x->fresh ? element(x->grad, x->dtype, (ptrdiff_t)i) : without;
}

double hg_tensor_value(const hg_tensor *x) { return x && hg_elements(x) == 1 ? element(x->data, x->dtype, 0) : NAN; }

void hg_shape_like(hg_tensor *out, const hg_tensor *x) {
    out->dtype = x->dtype;
    out->rank = x->rank;
    memcpy(out->shape, x->shape, sizeof out->shape);
}

const char *hg_shape_text(char buf[128], const hg_tensor *x) {
    size_t at = 0;
    buf[at++] = '[';
    for (unsigned i = 0; i < x->rank; i++) at += (size_t)snprintf(buf + at, 128 - at, i ? ", %zu" : "%zu", x->shape[i]);
    snprintf(buf + at, 128 - at, "]"); /* six axes of 20 digits at most do not fill it */
    return buf;
}

hg_tensor hg_gradient_of(const hg_tensor *x) {
    hg_tensor g = *x;
    ptrdiff_t step = 1;
    g.data = x->grad;
    for (unsigned i = x->rank; i-- > 0; step *= (ptrdiff_t)x->shape[i]) g.stride[i] = step;
    return g;
}

hg_status hg_shape_broadcast(hg_tensor *out, const hg_tensor *a, const hg_tensor *b, hg_err *err) {
    char left[128], right[128];
    out->dtype = a->dtype;
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    for (unsigned i = 0; i < out->rank; i++) { /* i counts from the last axis */
        const size_t na = i < a->rank ? a->shape[a->rank - 1 - i] : 1, nb = i < b->rank ? b->shape[b->rank - 1 - i] : 1;
        if (na != nb && na != 1 && nb != 1)
            return hg_fail(err, HG_EINVAL, "shapes %s and %s do not broadcast", hg_shape_text(left, a),
                           hg_shape_text(right, b));
        out->shape[out->rank - 1 - i] = na == 1 ? nb : na;
    }
    return HG_OK;
}

/* ---- loops ------------------------------------------------------------------------------------------------------ */

static ptrdiff_t stride_in(const hg_tensor *x, unsigned rank, unsigned axis) { /* of x broadcast to `rank` axes */
    const unsigned missing = rank - x->rank;
    if (axis < missing || x->shape[axis - missing] == 1) return 0;
    return x->stride[axis - missing];
}

static void drop_or_merge(hg_loop *l, size_t n, const ptrdiff_t step[HG_LOOP_OPERANDS]) {
    if (n == 1) return;
    bool joins = l->rank > 0; /* the axis so far is n steps of the next one */
    for (unsigned k = 0; joins && k < l->operands; k++) joins = l->stride[k][l->rank - 1] == step[k] * (ptrdiff_t)n;
    const unsigned at = joins ? l->rank - 1 : l->rank;
    l->shape[at] = joins ? l->shape[at] * n : n;
    for (unsigned k = 0; k < l->operands; k++) l->stride[k][at] = step[k];
    l->rank = at + 1;
}

hg_loop hg_loop_over(const hg_tensor *like, const hg_tensor *const *x, unsigned operands) {
    hg_loop l = { .operands = operands, .total = hg_elements(like) };
    size_t below = l.total;
    for (unsigned axis = 0; axis < like->rank; axis++) {
        const size_t n = like->shape[axis];
        below = n ? below / n : 0;
        ptrdiff_t step[HG_LOOP_OPERANDS] = { 0 };
        for (unsigned k = 0; k < operands; k++) step[k] = x[k] ? stride_in(x[k], like->rank, axis) : (ptrdiff_t)below;
        drop_or_merge(&l, n, step);
    }
    if (l.rank == 0) l = (hg_loop) { .operands = operands, .total = l.total, .rank = 1, .shape = { 1 } };
    return l;
}

size_t hg_loop_run(const hg_loop *l, size_t at, size_t most, ptrdiff_t offset[HG_LOOP_OPERANDS]) {
    const size_t row = l->shape[l->rank - 1], inside = at % row;
    size_t rest = at / row;
    for (unsigned k = 0; k < l->operands; k++) offset[k] = (ptrdiff_t)inside * l->stride[k][l->rank - 1];
    for (unsigned axis = l->rank - 1; axis-- > 0; rest /= l->shape[axis])
        for (unsigned k = 0; k < l->operands; k++) offset[k] += (ptrdiff_t)(rest % l->shape[axis]) * l->stride[k][axis];
    return row - inside < most ? row - inside : most;
}

typedef struct {
    const hg_loop *l;
    hg_loop_fn run;
    void *ctx;
} looping;

/* Row after row: the first may be cut at its begin, the last at its end. Positions are counted on, not divided out. */
static void loop_task(void *arg, size_t begin, size_t end, size_t worker) {
    const looping *w = arg;
    const hg_loop *l = w->l;
    const unsigned last = l->rank - 1;
    size_t index[HG_RANK_MOST], rest = begin;
    ptrdiff_t offset[HG_LOOP_OPERANDS] = { 0 };
    (void)worker;
    for (unsigned axis = l->rank; axis-- > 0; rest /= l->shape[axis]) {
        index[axis] = rest % l->shape[axis];
        for (unsigned k = 0; k < l->operands; k++) offset[k] += (ptrdiff_t)index[axis] * l->stride[k][axis];
    }
    for (size_t at = begin, n; at < end; at += n) {
        n = l->shape[last] - index[last] < end - at ? l->shape[last] - index[last] : end - at;
        w->run(w->ctx, l, at, n, offset);
        for (unsigned k = 0; k < l->operands; k++) offset[k] -= (ptrdiff_t)index[last] * l->stride[k][last];
        index[last] = 0;
        for (unsigned axis = last; axis-- > 0;) {
            const bool goes_on = ++index[axis] < l->shape[axis];
            for (unsigned k = 0; k < l->operands; k++)
                offset[k] += goes_on ? l->stride[k][axis] : -(ptrdiff_t)(l->shape[axis] - 1) * l->stride[k][axis];
            if (goes_on) break;
            index[axis] = 0;
        }
    }
}

void hg_loop_do(hg_pool *pool, const hg_loop *l, hg_loop_fn run, void *ctx) {
    looping w = { l, run, ctx };
    if (l->total) hg_pool_for(pool, l->total, HG_CHUNK, loop_task, &w);
}

hg_tensor *hg_example(hg_tape *t, hg_rng *r, hg_shape shape, bool strided) {
    hg_shape stored = shape;
    unsigned back[HG_RANK_MOST];
    for (unsigned i = 0; strided && i < shape.rank; i++) { /* the last axis lies first in memory */
        stored.n[i] = shape.n[(i + 1) % shape.rank] + (i == 0);
        back[i] = (i + shape.rank - 1) % shape.rank;
    }
    hg_tensor *x = hg_tensor_zeros(t, stored);
    if (!x) return NULL;
    const size_t n = hg_elements(x);
    for (size_t i = 0; i < n; i++) {
        const double v = hg_rng_normal(r);
        if (x->dtype == HG_F32)
            ((float *)x->data)[i] = (float)v;
        else
            ((double *)x->data)[i] = v;
    }
    if (strided && shape.rank) { /* a leaf with strides of its own: what a view of another would be */
        hg_tensor whole = *x;
        for (unsigned i = 0; i < shape.rank; i++) {
            x->shape[i] = shape.n[i];
            x->stride[i] = whole.stride[back[i]];
        }
    }
    x->wants_grad = true;
    return x;
}
