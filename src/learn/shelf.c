/* learn/shelf.c -- see learn/shelf.h */
#include "learn/shelf.h"
#include "core/memory.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

hg_shelf hg_shelf_new(hg_arena *mem) { return (hg_shelf) { .mem = mem, .prefix = "" }; }

void hg_shelf_free(hg_shelf *s) {
    hg_free(s->tensor);
    *s = (hg_shelf) { 0 };
}

static hg_status full_name(char out[HG_SHELF_NAME], const char *prefix, const char *name, hg_err *err) {
    const int n = snprintf(out, HG_SHELF_NAME, "%s%s", prefix, name);
    return n > 0 && n < HG_SHELF_NAME ? HG_OK
                                      : hg_fail(err, HG_EINVAL, "the tensor's name \"%s%s\" is too long", prefix, name);
}

hg_status hg_shelf_put(hg_shelf *s, const char *name, hg_stored_type type, const size_t *shape, size_t rank,
                       const void *data, hg_err *err) {
    char full[HG_SHELF_NAME];
    HG_TRY(full_name(full, s->prefix, name, err));
    size_t count = 1;
    for (size_t k = 0; k < rank; k++) count *= shape[k];
    hg_stored t = { .name = hg_arena_strdup(s->mem, full), .type = type, .rank = rank, .count = count };
    size_t *own = hg_alloc(s->mem, rank, sizeof *own);
    void *copy = hg_alloc(s->mem, count, hg_stored_type_size(type));
    if (!t.name || !own || !copy || !hg_grow(&s->tensor, &s->cap, s->n + 1, sizeof *s->tensor))
        return hg_fail(err, HG_ENOMEM, "no memory for %zu numbers of a model", count);
    if (rank) memcpy(own, shape, rank * sizeof *own);
    if (count) memcpy(copy, data, count * hg_stored_type_size(type));
    t.shape = own;
    t.data = copy;
    s->tensor[s->n++] = t;
    return HG_OK;
}

hg_status hg_shelf_doubles(hg_shelf *s, const char *name, const double *x, size_t n, hg_err *err) {
    return hg_shelf_put(s, name, HG_STORED_F64, &n, 1, x, err);
}

hg_status hg_shelf_floats(hg_shelf *s, const char *name, const float *x, size_t n, hg_err *err) {
    return hg_shelf_put(s, name, HG_STORED_F32, &n, 1, x, err);
}

/* ---- back -------------------------------------------------------------------------------------------------------- */

static hg_status check_finite(const hg_stored *t, const char *source, hg_err *err) {
    for (size_t i = 0; i < t->count; i++) {
        const double v = t->type == HG_STORED_F64   ? ((const double *)t->data)[i]
                         : t->type == HG_STORED_F32 ? (double)((const float *)t->data)[i]
                                                    : 0;
        if (!isfinite(v))
            return hg_fail(err, HG_ENAN, "%s: element %zu of tensor \"%s\" is not finite", source, i, t->name);
    }
    return HG_OK;
}

bool hg_shelf_has(const hg_shelf_view *v, const char *name) {
    char full[HG_SHELF_NAME];
    return full_name(full, v->prefix, name, NULL) == HG_OK && hg_safetensors_find(v->file, full);
}

hg_status hg_shelf_get(const hg_stored **out, const hg_shelf_view *v, const char *name, hg_stored_type type,
                       const size_t *shape, size_t rank, hg_err *err) {
    char full[HG_SHELF_NAME];
    *out = NULL;
    HG_TRY(full_name(full, v->prefix, name, err));
    const hg_stored *t = hg_safetensors_find(v->file, full);
    if (!t) return hg_fail(err, HG_ENOTFOUND, "%s has no tensor \"%s\"", v->source, full);
    bool fits = t->type == type && t->rank == rank;
    for (size_t k = 0; fits && k < rank; k++) fits = shape[k] == HG_SHELF_ANY || t->shape[k] == shape[k];
    if (!fits)
        return hg_fail(err, HG_EDATA, "%s: tensor \"%s\" has another type or shape than this model needs", v->source,
                       full);
    HG_TRY(check_finite(t, v->source, err));
    *out = t;
    return HG_OK;
}

hg_status hg_shelf_get_doubles(double *out, const hg_shelf_view *v, const char *name, size_t n, hg_err *err) {
    const hg_stored *t;
    HG_TRY(hg_shelf_get(&t, v, name, HG_STORED_F64, &n, 1, err));
    if (t->count != n) return hg_fail(err, HG_EDATA, "%s: tensor \"%s\" is not of length %zu", v->source, name, n);
    if (n) memcpy(out, t->data, n * sizeof *out);
    return HG_OK;
}

hg_status hg_shelf_get_floats(float *out, const hg_shelf_view *v, const char *name, size_t n, hg_err *err) {
    const hg_stored *t;
    HG_TRY(hg_shelf_get(&t, v, name, HG_STORED_F32, &n, 1, err));
    if (t->count != n) return hg_fail(err, HG_EDATA, "%s: tensor \"%s\" is not of length %zu", v->source, name, n);
    if (n) memcpy(out, t->data, n * sizeof *out);
    return HG_OK;
}
