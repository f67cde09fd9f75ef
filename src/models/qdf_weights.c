/* models/qdf_weights.c -- the parameters of Quantum Deep Field: names, places, files; see models/qdf.h */
#include "core/memory.h"
#include "files/safetensors.h"
#include "models/qdf.h"
#include <math.h>
#include <string.h>

enum { DIM = 0 }; /* stands for the model's dimension in the table */

typedef struct {
    const char *name;
    size_t at;         /* of its offset in hg_qdf_layout */
    size_t rows, cols; /* cols 1 and flat: a list, as biases are */
    bool flat;
    enum { NORMAL, ONES, UNIFORM_DIM, UNIFORM_ONE } first; /* uniform: by the inputs of its layer */
} part;

#define AT(member) offsetof(hg_qdf_layout, member)
static const part PARTS[] = {
    /* in the order of the authors' weights */
    { "coefficient.weight", AT(coefficient), HG_QDF_TYPES, DIM, false, NORMAL },
    { "zeta.weight", AT(zeta), HG_QDF_TYPES, 1, false, ONES },
    { "W_functional.0.weight", AT(w[0]), DIM, DIM, false, UNIFORM_DIM },
    { "W_functional.0.bias", AT(b[0]), DIM, 1, true, UNIFORM_DIM },
    { "W_functional.1.weight", AT(w[1]), DIM, DIM, false, UNIFORM_DIM },
    { "W_functional.1.bias", AT(b[1]), DIM, 1, true, UNIFORM_DIM },
    { "W_functional.2.weight", AT(w[2]), DIM, DIM, false, UNIFORM_DIM },
    { "W_functional.2.bias", AT(b[2]), DIM, 1, true, UNIFORM_DIM },
    { "W_property.weight", AT(energy_w), 1, DIM, false, UNIFORM_DIM },
    { "W_property.bias", AT(energy_b), 1, 1, true, UNIFORM_DIM },
    { "W_density.weight", AT(density_w), DIM, 1, false, UNIFORM_ONE },
    { "W_density.bias", AT(density_b), DIM, 1, true, UNIFORM_ONE },
    { "W_HK.0.weight", AT(v[0]), DIM, DIM, false, UNIFORM_DIM },
    { "W_HK.0.bias", AT(c[0]), DIM, 1, true, UNIFORM_DIM },
    { "W_HK.1.weight", AT(v[1]), DIM, DIM, false, UNIFORM_DIM },
    { "W_HK.1.bias", AT(c[1]), DIM, 1, true, UNIFORM_DIM },
    { "W_HK.2.weight", AT(v[2]), DIM, DIM, false, UNIFORM_DIM },
    { "W_HK.2.bias", AT(c[2]), DIM, 1, true, UNIFORM_DIM },
    { "W_potential.weight", AT(potential_w), 1, DIM, false, UNIFORM_DIM },
    { "W_potential.bias", AT(potential_b), 1, 1, true, UNIFORM_DIM },
};
enum { N_PARTS = sizeof PARTS / sizeof *PARTS, DIM_MOST = 4096 };

static size_t *offset_of(hg_qdf_layout *l, const part *p) { return (size_t *)((char *)l + p->at); }
static size_t extent(size_t n, size_t dim) { return n == DIM ? dim : n; }
static size_t size_of(const part *p, size_t dim) { return extent(p->rows, dim) * extent(p->cols, dim); }

hg_qdf_layout hg_qdf_layout_of(size_t dim) {
    hg_qdf_layout l = { .dim = dim };
    for (size_t i = 0; i < N_PARTS; i++) {
        *offset_of(&l, &PARTS[i]) = l.count;
        l.count += size_of(&PARTS[i], dim);
    }
    return l;
}

static hg_status empty(hg_qdf **out, size_t dim, hg_err *err) {
    *out = NULL;
    if (dim == 0 || dim > DIM_MOST)
        return hg_fail(err, HG_EINVAL, "a dimension of %zu; 1 to %d is possible", dim, DIM_MOST);
    hg_qdf *q = hg_calloc(1, sizeof *q);
    if (q) q->l = hg_qdf_layout_of(dim);
    if (q) q->w = hg_aligned(q->l.count * sizeof *q->w);
    if (!q || !q->w) {
        hg_qdf_free(q);
        return hg_fail(err, HG_ENOMEM, "no memory for a model of dimension %zu", dim);
    }
    *out = q;
    return HG_OK;
}

void hg_qdf_free(hg_qdf *q) {
    if (!q) return;
    hg_free(q->w);
    hg_free(q);
}

hg_status hg_qdf_new(hg_qdf **out, size_t dim, uint64_t seed, hg_err *err) {
    HG_TRY(empty(out, dim, err));
    for (size_t i = 0; i < N_PARTS; i++) {
        const part *p = &PARTS[i];
        float *w = (*out)->w + *offset_of(&(*out)->l, p);
        const double bound = 1 / sqrt(p->first == UNIFORM_ONE ? 1 : (double)dim);
        hg_rng r = hg_rng_make(seed, i);
        for (size_t k = 0; k < size_of(p, dim); k++)
            w[k] = (float)(p->first == NORMAL ? hg_rng_normal(&r)
                           : p->first == ONES ? 1
                                              : bound * (2 * hg_rng_uniform(&r) - 1));
    }
    return HG_OK;
}

static size_t shape_of(size_t shape[2], const part *p, size_t dim) { /* returns the rank */
    shape[0] = extent(p->rows, dim);
    shape[1] = extent(p->cols, dim);
    return p->flat ? 1 : 2;
}

static hg_status fill(hg_qdf *q, const hg_safetensors *s, const char *path, hg_err *err) {
    for (size_t i = 0; i < N_PARTS; i++) {
        size_t shape[2];
        const hg_stored *t;
        float *w = q->w + *offset_of(&q->l, &PARTS[i]);
        const size_t rank = shape_of(shape, &PARTS[i], q->l.dim);
        HG_TRY(hg_safetensors_need(&t, s, PARTS[i].name, shape, rank, err));
        HG_TRY(hg_stored_floats(w, t, err));
        for (size_t k = 0; k < t->count; k++)
            if (!isfinite(w[k]))
                return hg_fail(err, HG_EDATA, "%s: \"%s\" holds a weight that is not a number", path, t->name);
    }
    return HG_OK;
}

hg_status hg_qdf_load(hg_qdf **out, const char *path, hg_err *err) {
    hg_safetensors *s;
    *out = NULL;
    HG_TRY(hg_safetensors_open(&s, path, 0, err));
    const hg_stored *first = hg_safetensors_find(s, PARTS[0].name);
    hg_status st = first && first->rank == 2
                       ? empty(out, first->shape[1], err)
                       : hg_fail(err, HG_ENOTFOUND, "%s: no weights of Quantum Deep Field: \"%s\" is missing", path,
                                 PARTS[0].name);
    if (st == HG_OK) st = fill(*out, s, path, err);
    hg_safetensors_free(s);
    if (st != HG_OK) {
        hg_qdf_free(*out);
        *out = NULL;
    }
    return st;
}

hg_status hg_qdf_save(const hg_qdf *q, const char *path, hg_err *err) {
    hg_stored t[N_PARTS];
    size_t shape[N_PARTS][2];
    hg_qdf_layout l = q->l;
    for (size_t i = 0; i < N_PARTS; i++) {
        const size_t rank = shape_of(shape[i], &PARTS[i], l.dim);
        t[i] = (hg_stored) {
            PARTS[i].name, HG_STORED_F32, rank, shape[i], size_of(&PARTS[i], l.dim), q->w + *offset_of(&l, &PARTS[i])
        };
    }
    return hg_safetensors_write(path, t, N_PARTS, NULL, 0, err);
}
