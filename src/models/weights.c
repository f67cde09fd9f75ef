/* models/weights.c -- see hagane/weights.h */
#include "hagane/weights.h"
#include "core/memory.h"
#include "files/safetensors.h"
#include "tensor/params.h"
#include <math.h>
#include <string.h>

static const size_t WIDTH[] = { [HG_F32] = sizeof(float), [HG_F64] = sizeof(double) };

hg_status hg_params_save(const char *path, const hg_params *p, const hg_note *notes, size_t n_notes, hg_err *err) {
    if (!p->sealed) return hg_fail(err, HG_EINVAL, "parameters that are not sealed cannot be saved");
    hg_stored *t = hg_calloc(p->n, sizeof *t);
    hg_stored_note *own = hg_calloc(n_notes, sizeof *own);
    hg_status st = t && own ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to write %zu parameters", p->n);
    if (st == HG_OK) {
        for (size_t i = 0; i < p->n; i++) {
            const hg_param_entry *e = &p->e[i];
            t[i] = (hg_stored) { .name = e->name,
                                 .type = p->o.dtype == HG_F32 ? HG_STORED_F32 : HG_STORED_F64,
                                 .rank = e->shape.rank,
                                 .shape = e->shape.n,
                                 .count = e->n,
                                 .data = (const char *)p->values + e->at * WIDTH[p->o.dtype] };
        }
        for (size_t i = 0; i < n_notes; i++) own[i] = (hg_stored_note) { notes[i].key, notes[i].text };
        st = hg_safetensors_write(path, t, p->n, own, n_notes, err);
    }
    hg_free(own);
    hg_free(t);
    return st;
}

/* ---- loading -------------------------------------------------------------------------------------------------- */

static hg_status not_finite(const char *path, const hg_stored *t, size_t i, hg_err *err) {
    return hg_fail(err, HG_ENAN, "%s: element %zu of tensor \"%s\" is not finite", path, i, t->name);
}

/* The elements as doubles or, for the usual floats, as floats; through `scratch`, which holds count floats. */
static hg_status convert(void *to, hg_dtype dtype, const hg_stored *t, float *scratch, const char *path, hg_err *err) {
    const double *exact = t->type == HG_STORED_F64 ? t->data : NULL;
    if (!exact) HG_TRY(hg_stored_floats(scratch, t, err));
    for (size_t i = 0; i < t->count; i++) {
        const double v = exact ? exact[i] : (double)scratch[i];
        if (dtype == HG_F32)
            ((float *)to)[i] = (float)v;
        else
            ((double *)to)[i] = v;
        if (!isfinite(dtype == HG_F32 ? (double)((float *)to)[i] : v)) return not_finite(path, t, i, err);
    }
    return HG_OK;
}

static bool wanted(const hg_param_entry *e, const char *prefix) {
    return strncmp(e->name, prefix, strlen(prefix)) == 0;
}

/* Into values[p->size], which become the parameters' own only when all is well. */
static hg_status read_all(void *values, float *scratch, const hg_params *p, const hg_safetensors *s, const char *path,
                          const char *prefix, hg_err *err) {
    size_t found = 0;
    for (size_t i = 0; i < p->n; i++) {
        const hg_param_entry *e = &p->e[i];
        const hg_stored *t;
        if (!wanted(e, prefix)) continue;
        found++;
        HG_TRY(hg_safetensors_need(&t, s, e->name, e->shape.n, e->shape.rank, err));
        HG_TRY(convert((char *)values + e->at * WIDTH[p->o.dtype], p->o.dtype, t, scratch, path, err));
    }
    if (!found) return hg_fail(err, HG_ENOTFOUND, "no parameter's name begins with \"%s\"", prefix);
    for (size_t i = 0; i < hg_safetensors_count(s) && !*prefix; i++) {
        const char *name = hg_safetensors_at(s, i)->name;
        if (hg_params_find(p, name) == SIZE_MAX)
            return hg_advise(err, hg_fail(err, HG_EDATA, "%s: tensor \"%s\" has no place in this network", path, name),
                             "are these the weights of another model?");
    }
    return HG_OK;
}

static size_t largest(const hg_params *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) n = p->e[i].n > n ? p->e[i].n : n;
    return n;
}

hg_status hg_params_load(hg_params *p, const char *path, const char *prefix, hg_err *err) {
    if (!p->sealed) return hg_fail(err, HG_EINVAL, "parameters that are not sealed cannot be loaded");
    hg_safetensors *s;
    HG_TRY(hg_safetensors_open(&s, path, 0, err));
    const size_t bytes = hg_params_bytes(p);
    void *values = hg_aligned(bytes);
    float *scratch = hg_malloc(largest(p), sizeof *scratch);
    hg_status st = values && scratch ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to read %zu parameters", p->n);
    if (st == HG_OK) {
        memcpy(values, p->values, bytes);
        st = read_all(values, scratch, p, s, path, prefix, err);
    }
    if (st == HG_OK) memcpy(p->values, values, bytes);
    hg_free(scratch);
    hg_free(values);
    hg_safetensors_free(s);
    return st;
}
