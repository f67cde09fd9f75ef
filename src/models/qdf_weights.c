/* models/qdf_weights.c -- the parameters of Quantum Deep Field: names, places, files; see models/qdf.h */
#include "core/memory.h"
#include "files/safetensors.h"
#include "hagane/weights.h"
#include "models/qdf.h"
#include "tensor/params.h"
#include <string.h>

/* Stand for widths in the table: of the orbitals and the energy, and of the map from density to potential. */
enum { DIM = 0, HK = 1 << 30 };

typedef struct {
    const char *name;
    size_t at; /* of its offset in hg_qdf_layout */
    size_t rows, cols;
    bool flat;                                                      /* a list, as biases are: cols is 1 and no axis */
    enum { NORMAL, ONES, INPUTS_DIM, INPUTS_HK, INPUTS_ONE } first; /* the inputs of its layer */
} part;

#define AT(member) offsetof(hg_qdf_layout, member)
static const part PARTS[] = {
    /* in the order of the authors' weights */
    { "coefficient.weight", AT(coefficient), HG_QDF_TYPES, DIM, false, NORMAL },
    { "zeta.weight", AT(zeta), HG_QDF_TYPES, 1, false, ONES },
    { "W_functional.0.weight", AT(w[0]), DIM, DIM, false, INPUTS_DIM },
    { "W_functional.0.bias", AT(b[0]), DIM, 1, true, INPUTS_DIM },
    { "W_functional.1.weight", AT(w[1]), DIM, DIM, false, INPUTS_DIM },
    { "W_functional.1.bias", AT(b[1]), DIM, 1, true, INPUTS_DIM },
    { "W_functional.2.weight", AT(w[2]), DIM, DIM, false, INPUTS_DIM },
    { "W_functional.2.bias", AT(b[2]), DIM, 1, true, INPUTS_DIM },
    { "W_property.weight", AT(energy_w), 1, DIM, false, INPUTS_DIM },
    { "W_property.bias", AT(energy_b), 1, 1, true, INPUTS_DIM },
    { "W_density.weight", AT(density_w), HK, 1, false, INPUTS_ONE },
    { "W_density.bias", AT(density_b), HK, 1, true, INPUTS_ONE },
    { "W_HK.0.weight", AT(v[0]), HK, HK, false, INPUTS_HK },
    { "W_HK.0.bias", AT(c[0]), HK, 1, true, INPUTS_HK },
    { "W_HK.1.weight", AT(v[1]), HK, HK, false, INPUTS_HK },
    { "W_HK.1.bias", AT(c[1]), HK, 1, true, INPUTS_HK },
    { "W_HK.2.weight", AT(v[2]), HK, HK, false, INPUTS_HK },
    { "W_HK.2.bias", AT(c[2]), HK, 1, true, INPUTS_HK },
    { "W_potential.weight", AT(potential_w), 1, HK, false, INPUTS_HK },
    { "W_potential.bias", AT(potential_b), 1, 1, true, INPUTS_HK },
};
enum { N_PARTS = sizeof PARTS / sizeof *PARTS, DIM_MOST = 4096 };

static size_t width(size_t n, const hg_qdf_layout *l) { return n == DIM ? l->dim : n == HK ? l->hk : n; }

static hg_shape shape_of(const part *p, const hg_qdf_layout *l) {
    const size_t rows = width(p->rows, l), cols = width(p->cols, l);
    return p->flat ? HG_SHAPE(rows) : HG_SHAPE(rows, cols);
}

static hg_init init_of(const part *p, const hg_qdf_layout *l) {
    if (p->first == NORMAL) return hg_init_normal(1);
    if (p->first == ONES) return hg_init_constant(1);
    return hg_init_linear(p->first == INPUTS_ONE ? 1 : p->first == INPUTS_HK ? l->hk : l->dim);
}

void hg_qdf_free(hg_qdf *q) {
    if (!q) return;
    hg_params_free(q->params);
    hg_free(q);
}

static hg_status add_params(hg_qdf *q, const hg_params_opts *opts, hg_err *err) {
    HG_TRY(hg_params_new(&q->params, opts, err));
    for (size_t i = 0; i < N_PARTS; i++)
        hg_params_add(q->params, shape_of(&PARTS[i], &q->l), init_of(&PARTS[i], &q->l), "%s", PARTS[i].name);
    HG_TRY(hg_params_seal(q->params, err));
    for (size_t i = 0; i < N_PARTS; i++) memcpy((char *)&q->l + PARTS[i].at, &q->params->e[i].at, sizeof(size_t));
    q->l.count = q->params->size;
    q->w = q->params->values;
    q->grad = q->params->gradient;
    return HG_OK;
}

hg_status hg_qdf_new(hg_qdf **out, size_t dim, size_t hk, const hg_params_opts *opts, hg_err *err) {
    *out = NULL;
    if (dim == 0 || dim > DIM_MOST || hk > DIM_MOST)
        return hg_fail(err, HG_EINVAL, "a dimension of %zu; 1 to %d is possible", dim == 0 || dim > DIM_MOST ? dim : hk,
                       DIM_MOST);
    hg_qdf *q = hg_calloc(1, sizeof *q);
    if (!q) return hg_fail(err, HG_ENOMEM, "no memory for a model");
    q->l.dim = dim;
    q->l.hk = hk ? hk : dim;
    const hg_status st = add_params(q, opts, err);
    if (st == HG_OK)
        *out = q;
    else
        hg_qdf_free(q);
    return st;
}

/* The columns of the first table and the last row of weights tell the dimensions; all else is as for every network. */
static hg_status dimensions_of(size_t *dim, size_t *hk, const char *path, hg_err *err) {
    const char *const name[2] = { PARTS[0].name, PARTS[N_PARTS - 2].name };
    size_t *const columns[2] = { dim, hk };
    hg_safetensors *s;
    HG_TRY(hg_safetensors_open(&s, path, 0, err));
    hg_status st = HG_OK;
    for (int i = 0; i < 2 && st == HG_OK; i++) {
        const hg_stored *x = hg_safetensors_find(s, name[i]);
        *columns[i] = x && x->rank == 2 ? x->shape[1] : 0;
        if (!*columns[i])
            st = hg_fail(err, HG_ENOTFOUND, "%s: no weights of Quantum Deep Field: \"%s\" is missing", path, name[i]);
    }
    hg_safetensors_free(s);
    return st;
}

hg_status hg_qdf_load(hg_qdf **out, const char *path, const hg_params_opts *opts, hg_err *err) {
    size_t dim, hk;
    *out = NULL;
    HG_TRY(dimensions_of(&dim, &hk, path, err));
    HG_TRY(hg_qdf_new(out, dim, hk, opts, err));
    const hg_status st = hg_params_load((*out)->params, path, "", err);
    if (st == HG_OK) return HG_OK;
    hg_qdf_free(*out);
    *out = NULL;
    return st;
}

hg_status hg_qdf_save(const hg_qdf *q, const char *path, hg_err *err) {
    return hg_params_save(path, q->params, NULL, 0, err);
}
