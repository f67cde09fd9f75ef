/* tensor/gradient.c -- the way back: by kernels, and as tensors; see hagane/tensor.h */
#include "tensor/tape.h"
#include <string.h>

static hg_status check_target(hg_tape *t, const hg_tensor *y, hg_err *err) {
    HG_TRY(hg_tape_status(t, err));
    if (!y) return hg_fail(err, HG_EINVAL, "nothing to differentiate");
    if (hg_elements(y) != 1) {
        char text[128];
        return hg_fail(err, HG_EINVAL, "a gradient is of one number, this has the shape %s", hg_shape_text(text, y));
    }
    if (!y->wants_grad)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "nothing that this depends on wants a gradient"),
                         "record, and let a parameter or an input want one");
    return HG_OK;
}

static void set_one(hg_tensor *y) {
    if (y->dtype == HG_F32)
        *(float *)y->grad = 1;
    else
        *(double *)y->grad = 1;
}

/* Gradients of results are used up on the way back: their memory, still in the cache, serves the next ones of that size. */
typedef struct spare {
    struct spare *next;
    size_t bytes;
} spare;

static bool give_memory(hg_tape *t, hg_tensor *x, spare **spares) {
    if (x->grad) return true;
    const size_t bytes = hg_elements(x) * hg_dtype_size(x->dtype);
    for (spare **s = spares; *s && !x->grad; s = &(*s)->next)
        if ((*s)->bytes == bytes) {
            x->grad = *s;
            *s = (*s)->next;
            break;
        }
    if (!x->grad) x->grad = hg_tape_alloc(t, bytes, 1);
    x->fresh = x->grad != NULL;
    x->spent = false;
    return x->grad != NULL;
}

static void take_memory(hg_tensor *x, spare **spares) {
    const size_t bytes = hg_elements(x) * hg_dtype_size(x->dtype);
    if (bytes >= sizeof(spare)) {
        spare *s = x->grad;
        *s = (spare) { *spares, bytes };
        *spares = s;
    }
    x->grad = NULL;
    x->spent = true;
}

bool hg_grad_hand_over(hg_tensor *out, hg_tensor *x) {
    if (!x->fresh) return false;
    void *other = x->grad;
    x->grad = out->grad;
    out->grad = other;
    x->fresh = false;
    return true;
}

void hg_grad_zero_fresh(hg_tensor *x) {
    if (hg_grad_fresh(x)) memset(x->grad, 0, hg_elements(x) * hg_dtype_size(x->dtype));
}

hg_status hg_backward(hg_tape *t, hg_tensor *y, hg_err *err) {
    HG_TRY(check_target(t, y, err));
    spare *spares = NULL;
    if (!give_memory(t, y, &spares)) return hg_tape_status(t, err);
    y->fresh = false;
    set_one(y);
    for (hg_tensor *x = y; x; x = x->before) {
        if (!x->grad || !x->op || x->fresh) continue; /* y does not depend on it */
        bool any = false;
        for (unsigned i = 0; i < x->n_in; i++) {
            if (!hg_wants(x->in[i])) continue;
            if (!give_memory(t, x->in[i], &spares)) return hg_tape_status(t, err);
            any = true;
        }
        if (any && hg_elements(x)) x->op->backward(x, t);
        for (unsigned i = 0; i < x->n_in; i++) /* nothing of x, or of the input, had elements */
            if (hg_wants(x->in[i])) hg_grad_zero_fresh(x->in[i]);
        take_memory(x, &spares);
        HG_TRY(hg_tape_status(t, err));
    }
    return HG_OK;
}

static void forget_adjoints(hg_tape *t, hg_tensor *const *x, size_t n) {
    for (hg_node *node = t->last; node; node = (hg_node *)node->x.before) {
        node->x.adjoint = NULL;
        node->x.reached = false;
        for (unsigned i = 0; i < node->x.n_in; i++)
            if (node->x.in[i]) node->x.in[i]->adjoint = NULL, node->x.in[i]->reached = false;
    }
    for (size_t i = 0; i < n; i++) x[i]->adjoint = NULL, x[i]->reached = true;
}

/* Which tensors lead from x to y: only those are gone through. Inputs are recorded before what uses them. */
static bool leads_back(hg_tensor *x) {
    if (!x->reached)
        for (unsigned i = 0; i < x->n_in; i++)
            if (x->in[i] && x->in[i]->reached) x->reached = true;
    return x->reached;
}

static hg_status mark_forward(hg_tape *t, hg_tensor *y, hg_err *err) {
    size_t n = 0;
    for (hg_tensor *x = y; x; x = x->before) n++;
    const size_t mark = hg_tape_mark(t);
    hg_tensor **order = hg_tape_alloc(t, n, sizeof(hg_tensor *));
    if (!order) return hg_tape_status(t, err);
    size_t at = n;
    for (hg_tensor *x = y; x; x = x->before) order[--at] = x;
    for (size_t i = 0; i < n; i++) leads_back(order[i]);
    hg_tape_release(t, mark);
    return HG_OK;
}

hg_status hg_gradient(hg_tensor **out, hg_tape *t, hg_tensor *y, hg_tensor *const *x, size_t n, hg_err *err) {
    for (size_t i = 0; i < n; i++) out[i] = NULL;
    HG_TRY(check_target(t, y, err));
    for (size_t i = 0; i < n; i++)
        if (!x[i]) return hg_fail(err, HG_EINVAL, "tensor %zu to differentiate by is not there", i + 1);
    forget_adjoints(t, x, n);
    HG_TRY(mark_forward(t, y, err));
    const double one = 1;
    y->adjoint = hg_tensor_of(t, hg_tensor_shape(y), &one, false);
    hg_tensor *before;
    for (hg_tensor *v = y; v; v = before) {
        before = v->before; /* what derive records comes after y */
        if (!v->adjoint || !v->op || !v->reached) continue;
        for (unsigned i = 0; i < v->n_in; i++) {
            hg_tensor *in = v->in[i];
            if (!hg_wants(in) || !in->reached) continue;
            if (!v->op->derive) return hg_fail(err, HG_EINVAL, "\"%s\" can be differentiated only once", v->op->name);
            hg_tensor *g = v->op->derive(t, v, v->adjoint, i);
            in->adjoint = in->adjoint ? hg_add(t, in->adjoint, g) : g;
            HG_TRY(hg_tape_status(t, err));
        }
    }
    for (size_t i = 0; i < n; i++) out[i] = x[i]->adjoint ? x[i]->adjoint : hg_tensor_zeros(t, hg_tensor_shape(x[i]));
    return hg_tape_status(t, err);
}
