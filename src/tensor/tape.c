/* tensor/tape.c -- memory and life of tensors; see hagane/tensor.h
 *
 * Memory is a list of slabs that only grows: hg_tape_begin and hg_tape_release set a mark back and free nothing, so that a step which
 * fits into what the last one needed calls no malloc. When a step has needed several slabs they become one at the next hg_tape_begin.
 * Under the address sanitizer a tape frees at hg_tape_begin and gives each piece its own block, so that an overrun is seen.
 */
#include "core/memory.h"
#include "core/number.h"
#include "tensor/tape.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ALIGN = 64 };
static const size_t FIRST_SLAB = 256 * 1024;

hg_tape_opts hg_tape_opts_default(void) { return (hg_tape_opts) { .dtype = HG_F32, .record = true }; }

hg_status hg_tape_new(hg_tape **out, const hg_tape_opts *opts, hg_err *err) {
    *out = NULL;
    hg_tape *t = hg_calloc(1, sizeof *t);
    if (!t) return hg_fail(err, HG_ENOMEM, "no memory for a tape");
    t->o = opts ? *opts : hg_tape_opts_default();
    *out = t;
    return HG_OK;
}

static void free_slabs(hg_tape *t, size_t keep) {
    while (t->n_slabs > keep) hg_free(t->slabs[--t->n_slabs].data);
}

void hg_tape_free(hg_tape *t) {
    if (!t) return;
    free_slabs(t, 0);
    hg_free(t->slabs);
    hg_free(t);
}

static bool add_slab(hg_tape *t, size_t bytes) {
    if (!hg_grow(&t->slabs, &t->cap_slabs, t->n_slabs + 1, sizeof *t->slabs)) return false;
    size_t size = bytes;
    if (!HG_TAPE_ONE_PIECE) {
        const size_t next = t->n_slabs ? 2 * t->slabs[t->n_slabs - 1].size : FIRST_SLAB;
        if (next > size) size = next;
    }
    char *data = hg_aligned(size ? size : ALIGN);
    if (!data && size > bytes) data = hg_aligned(size = bytes); /* doubling asked for too much */
    if (!data) return false;
    t->slabs[t->n_slabs++] = (hg_slab) { data, size };
    return true;
}

/* The tape's position is one number: bytes before the slab in use, plus bytes used in it. */
void *hg_tape_alloc(hg_tape *t, size_t n, size_t size) {
    if (size && n > SIZE_MAX / 4 / size)
        return hg_tape_fail(t, HG_ENOMEM, "%zu elements do not fit into memory", n), NULL;
    const size_t bytes = (n * size + ALIGN - 1) / ALIGN * ALIGN;
    while (t->slab < t->n_slabs && t->slabs[t->slab].size - t->used < bytes) {
        t->base += t->slabs[t->slab++].size;
        t->used = 0;
    }
    if (t->slab == t->n_slabs && !add_slab(t, bytes))
        return hg_tape_fail(t, HG_ENOMEM, "no memory for %zu bytes of tensors, %zu in use", bytes, hg_tape_bytes(t)),
               NULL;
    char *p = t->slabs[t->slab].data + t->used;
    t->used += bytes;
    if (t->base + t->used > t->most) t->most = t->base + t->used;
    if (HG_TAPE_ONE_PIECE) t->used = t->slabs[t->slab].size;
    return p;
}

size_t hg_tape_mark(const hg_tape *t) { return t->base + t->used; }

void hg_tape_release(hg_tape *t, size_t mark) {
    while (t->slab > 0 && t->base > mark) {
        t->slab--;
        t->base -= t->slabs[t->slab].size;
    }
    if (t->slab < t->n_slabs && mark - t->base > t->slabs[t->slab].size) return; /* not a mark of this tape */
    t->used = mark - t->base;
    if (HG_TAPE_ONE_PIECE) free_slabs(t, t->slab + (t->used > 0));
    while (t->last && t->last->position >= mark) t->last = (hg_node *)t->last->x.before;
}

void hg_tape_begin(hg_tape *t, uint64_t step) {
    t->slab = t->base = t->used = 0;
    t->last = NULL;
    t->step = step;
    t->draws = 0;
    t->failed = HG_OK;
    t->backward_done = false;
    if (HG_TAPE_ONE_PIECE) {
        free_slabs(t, 0);
    } else if (t->n_slabs > 1) { /* one slab for the next step */
        const size_t need = t->most + t->most / 8;
        free_slabs(t, 0);
        add_slab(t, need); /* without it the slabs come back one by one */
    }
}

hg_status hg_tape_status(const hg_tape *t, hg_err *err) {
    if (t->failed == HG_OK) return HG_OK;
    hg_fail(err, t->failed, "%s", t->err.msg);
    return t->failed;
}

size_t hg_tape_bytes(const hg_tape *t) {
    size_t sum = 0;
    for (size_t i = 0; i < t->n_slabs; i++) sum += t->slabs[i].size;
    return sum;
}

hg_tensor *hg_tape_fail(hg_tape *t, hg_status code, const char *fmt, ...) {
    if (t->failed != HG_OK) return NULL;
    char words[sizeof t->err.msg];
    va_list args;
    va_start(args, fmt);
    hg_print_args(words, sizeof words, fmt, args);
    va_end(args);
    t->failed = hg_fail(&t->err, code, "%s", words);
    return NULL;
}

hg_pool *hg_tape_pool(const hg_tape *t) { return t->o.pool; }
hg_dtype hg_tape_dtype(const hg_tape *t) { return t->o.dtype; }
bool hg_tape_training(const hg_tape *t) { return t->o.training; }
bool hg_tape_bf16(const hg_tape *t) { return t->o.bf16; }
uint64_t hg_tape_seed(const hg_tape *t) { return t->o.seed; }
uint64_t hg_tape_step(const hg_tape *t) { return t->step; }
uint64_t hg_tape_draw(hg_tape *t) { return t->draws++; }

/* ---- making tensors ------------------------------------------------------------------------------------------- */

hg_tensor *hg_tape_tensor(hg_tape *t) {
    if (t->failed != HG_OK) return NULL;
    const size_t position = hg_tape_mark(t);
    hg_node *node = hg_tape_alloc(t, 1, sizeof *node);
    if (!node) return NULL;
    memset(node, 0, sizeof *node);
    node->position = position;
    return &node->x;
}

static bool lay_out(hg_tensor *x) { /* strides row-major; false: too large */
    size_t step = 1;
    for (unsigned i = x->rank; i-- > 0;) {
        x->stride[i] = (ptrdiff_t)step;
        if (x->shape[i] && step > SIZE_MAX / 64 / x->shape[i]) return false;
        step *= x->shape[i] ? x->shape[i] : 1;
    }
    return true;
}

static hg_tensor *leaf(hg_tape *t, hg_shape shape) {
    hg_tensor *x = hg_tape_tensor(t);
    if (!x) return NULL;
    if (shape.rank > HG_RANK_MOST) return hg_tape_fail(t, HG_EINVAL, "%u axes, at most %d", shape.rank, HG_RANK_MOST);
    x->dtype = t->o.dtype;
    x->rank = shape.rank;
    for (unsigned i = 0; i < shape.rank; i++) x->shape[i] = shape.n[i];
    if (!lay_out(x)) return hg_tape_fail(t, HG_EINVAL, "a tensor with more elements than memory can have");
    return x;
}

static hg_tensor *leaf_with_memory(hg_tape *t, hg_shape shape) {
    hg_tensor *x = leaf(t, shape);
    if (!x) return NULL;
    x->data = hg_tape_alloc(t, hg_elements(x), hg_dtype_size(x->dtype));
    return x->data ? x : NULL;
}

hg_tensor *hg_tensor_zeros(hg_tape *t, hg_shape shape) {
    hg_tensor *x = leaf_with_memory(t, shape);
    if (x) memset(x->data, 0, hg_elements(x) * hg_dtype_size(x->dtype));
    return x;
}

hg_tensor *hg_tensor_of(hg_tape *t, hg_shape shape, const double *values, bool wants_grad) {
    hg_tensor *x = leaf_with_memory(t, shape);
    if (!x) return NULL;
    const size_t n = hg_elements(x);
    for (size_t i = 0; i < n; i++) {
        if (x->dtype == HG_F32)
            ((float *)x->data)[i] = (float)values[i];
        else
            ((double *)x->data)[i] = values[i];
    }
    x->wants_grad = wants_grad && t->o.record;
    return x;
}

hg_tensor *hg_tensor_of_floats(hg_tape *t, hg_shape shape, const float *values, bool wants_grad) {
    hg_tensor *x = leaf_with_memory(t, shape);
    if (!x) return NULL;
    const size_t n = hg_elements(x);
    if (x->dtype == HG_F32 && n) memcpy(x->data, values, n * sizeof *values);
    for (size_t i = 0; x->dtype == HG_F64 && i < n; i++) ((double *)x->data)[i] = values[i];
    x->wants_grad = wants_grad && t->o.record;
    return x;
}

hg_tensor *hg_tensor_borrow(hg_tape *t, hg_shape shape, void *data, void *grad) {
    hg_tensor *x = leaf(t, shape);
    if (!x) return NULL;
    x->data = data;
    x->grad = t->o.record ? grad : NULL;
    x->wants_grad = x->grad != NULL;
    return x;
}

/* Where operations begin: shape, memory, the work itself, and the record for the way back. */
hg_tensor *hg_apply(hg_tape *t, const hg_op *op, hg_tensor *const *in, unsigned n_in, unsigned optional,
                    const void *attr, size_t attr_size) {
    hg_tensor *out = hg_tape_tensor(t);
    if (!out) return NULL;
    out->op = op;
    out->n_in = n_in;
    out->dtype = t->o.dtype;
    for (unsigned i = 0; i < n_in; i++) {
        if (!in[i] && !(optional >> i & 1))
            return hg_tape_fail(t, HG_EINVAL, "%s: input %u is not there", op->name, i + 1);
        out->in[i] = in[i];
        if (hg_wants(in[i])) out->wants_grad = true;
    }
    if (attr_size) {
        out->attr = hg_tape_alloc(t, attr_size, 1);
        if (!out->attr) return NULL;
        memcpy(out->attr, attr, attr_size);
    }
    hg_err err;
    const hg_status st = op->shape(out, &err);
    if (st != HG_OK) return hg_tape_fail(t, st, "%s: %s", op->name, err.msg);
    if (op->forward) {
        if (!lay_out(out))
            return hg_tape_fail(t, HG_EINVAL, "%s: a result with more elements than memory can have", op->name);
        out->data = hg_tape_alloc(t, hg_elements(out), hg_dtype_size(out->dtype));
        if (!out->data) return NULL;
        op->forward(out, t);
        if (t->failed != HG_OK) return NULL;
    }
    if (out->wants_grad) {
        out->before = t->last ? &t->last->x : NULL;
        t->last = (hg_node *)out;
    }
    return out;
}
