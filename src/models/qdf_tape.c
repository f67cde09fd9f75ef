/* models/qdf_tape.c -- see models/qdf_tape.h */
#include "models/qdf_tape.h"
#include "core/memory.h"
#include <math.h>

static hg_tensor *leaf(hg_tape *t, void *w, void *grad, size_t at, hg_dtype dtype, hg_shape shape) {
    const size_t bytes = at * (dtype == HG_F32 ? sizeof(float) : sizeof(double));
    return hg_tensor_borrow(t, shape, (char *)w + bytes, grad ? (char *)grad + bytes : NULL);
}

static double distance2(const double *a, const double *b) {
    double sum = 0;
    for (int k = 0; k < 3; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
    return sum;
}

/* What does not depend on weights: d^2[P, O], d^(q-1)[P, O], and the rows of the types, one[O, 60]. */
typedef struct {
    hg_tensor *d2, *power, *one;
} fixed;

static fixed geometry(hg_tape *t, const hg_qdf_input *q) {
    const size_t n = q->points * q->orbitals, types = q->orbitals * HG_QDF_TYPES;
    double *d2 = hg_calloc(n, sizeof *d2), *power = hg_calloc(n, sizeof *power), *one = hg_calloc(types, sizeof *one);
    fixed f = { NULL, NULL, NULL }; /* no memory: what is made of NULL fails */
    if (d2 && power && one) {
        for (size_t p = 0; p < q->points; p++)
            for (size_t o = 0; o < q->orbitals; o++) {
                const size_t at = p * q->orbitals + o;
                d2[at] = distance2(q->point + 3 * p, q->centre + 3 * q->atom[o]);
                power[at] = q->power[o] ? sqrt(d2[at]) : 1;
            }
        for (size_t o = 0; o < q->orbitals; o++) one[o * HG_QDF_TYPES + q->type[o]] = 1;
        f.d2 = hg_tensor_of(t, HG_SHAPE(q->points, q->orbitals), d2, false);
        f.power = hg_tensor_of(t, HG_SHAPE(q->points, q->orbitals), power, false);
        f.one = hg_tensor_of(t, HG_SHAPE(q->orbitals, HG_QDF_TYPES), one, false);
    }
    hg_free(d2);
    hg_free(power);
    hg_free(one);
    return f;
}

static hg_tensor *unit_columns(hg_tape *t, hg_tensor *x) { /* each column divided by its 2-norm */
    return hg_div(t, x, hg_map(t, HG_SQRT, hg_sum(t, hg_map(t, HG_SQUARE, x), 1)));
}

hg_tensor *hg_qdf_tape_psi(hg_tape *t, void *w, void *grad, const hg_qdf_layout *l, const hg_qdf_input *q) {
    const fixed f = geometry(t, q);
    const hg_dtype dtype = f.d2 ? hg_tensor_dtype(f.d2) : HG_F32;
    hg_tensor *zeta = hg_matmul(t, f.one, leaf(t, w, grad, l->zeta, dtype, HG_SHAPE(HG_QDF_TYPES, 1)));
    hg_tensor *exponent = hg_mul(t, f.d2, hg_reshape(t, zeta, HG_SHAPE(q->orbitals)));
    hg_tensor *phi = unit_columns(t, hg_mul(t, f.power, hg_map(t, HG_EXP, hg_affine(t, exponent, -1, 0))));
    hg_tensor *c =
        unit_columns(t, hg_matmul(t, f.one, leaf(t, w, grad, l->coefficient, dtype, HG_SHAPE(HG_QDF_TYPES, l->dim))));
    return hg_affine(t, unit_columns(t, hg_matmul(t, phi, c)), sqrt(q->electrons / (double)l->dim), 0);
}

static hg_tensor *layer(hg_tape *t, void *w, void *grad, size_t at, size_t bias, size_t in, size_t out, hg_tensor *x,
                        hg_function act) {
    const hg_dtype dtype = x ? hg_tensor_dtype(x) : HG_F32;
    return hg_linear(t, x, leaf(t, w, grad, at, dtype, HG_SHAPE(out, in)), leaf(t, w, grad, bias, dtype, HG_SHAPE(out)),
                     act);
}

hg_tensor *hg_qdf_tape_energy(hg_tape *t, void *w, void *grad, const hg_qdf_layout *l, hg_tensor *psi) {
    hg_tensor *v = psi;
    for (int i = 0; i < HG_QDF_LAYERS; i++) v = layer(t, w, grad, l->w[i], l->b[i], l->dim, l->dim, v, HG_RELU);
    return layer(t, w, grad, l->energy_w, l->energy_b, l->dim, 1, hg_sum(t, v, 1), HG_IDENTITY);
}

hg_tensor *hg_qdf_tape_density(hg_tape *t, hg_tensor *psi) {
    hg_tensor *rho = hg_sum(t, hg_map(t, HG_SQUARE, psi), 2);
    return hg_reshape(t, rho, HG_SHAPE(hg_tensor_size(rho), 1));
}

hg_tensor *hg_qdf_tape_potential(hg_tape *t, void *w, void *grad, const hg_qdf_layout *l, hg_tensor *rho) {
    hg_tensor *v = layer(t, w, grad, l->density_w, l->density_b, 1, l->hk, rho, HG_IDENTITY);
    for (int i = 0; i < HG_QDF_LAYERS; i++) v = layer(t, w, grad, l->v[i], l->c[i], l->hk, l->hk, v, HG_RELU);
    return layer(t, w, grad, l->potential_w, l->potential_b, l->hk, 1, v, HG_IDENTITY);
}
