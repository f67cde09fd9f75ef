/* models/qdf_density.c -- see models/qdf_density.h. Plain and in double: a line of some hundred points is all that is
 * asked of it. */
#include "models/qdf_density.h"
#include "num/linalg.h"
#include <math.h>

static void orbitals_at(double *phi, const hg_qdf *q, const hg_qdf_input *in, const double *points, size_t n) {
    for (size_t p = 0; p < n; p++)
        for (size_t o = 0; o < in->orbitals; o++) {
            double rr = 0;
            for (size_t k = 0; k < 3; k++) {
                const double d = points[3 * p + k] - in->centre[3 * in->atom[o] + k];
                rr += d * d;
            }
            phi[p * in->orbitals + o] =
                (in->power[o] ? sqrt(rr) : 1) * exp(-(double)q->w[q->l.zeta + in->type[o]] * rr);
        }
}

static void column_norms(double *norm, const double *a, size_t rows, size_t n) {
    for (size_t j = 0; j < n; j++) norm[j] = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++) norm[j] += a[i * n + j] * a[i * n + j];
    for (size_t j = 0; j < n; j++) norm[j] = sqrt(norm[j]);
}

typedef struct {
    double *phi, *psi, *c, *norm; /* [points,O], [points,dim], [O,dim], [dim] */
} arrays;

static hg_status density(double *rho, const hg_qdf *q, const hg_qdf_input *in, const double *points, size_t n,
                         arrays *a, hg_err *err) {
    const size_t dim = q->l.dim, orbitals = in->orbitals;
    for (size_t o = 0; o < orbitals; o++)
        for (size_t j = 0; j < dim; j++) a->c[o * dim + j] = (double)q->w[q->l.coefficient + in->type[o] * dim + j];
    column_norms(a->norm, a->c, orbitals, dim);
    orbitals_at(a->phi, q, in, in->point, in->points);
    double *scale = a->psi; /* for a moment: the orbitals' norms */
    column_norms(scale, a->phi, in->points, orbitals);
    for (size_t o = 0; o < orbitals; o++)
        for (size_t j = 0; j < dim; j++) a->c[o * dim + j] /= a->norm[j] * scale[o];
    hg_gemm(a->psi, dim, a->phi, orbitals, false, a->c, dim, false, in->points, dim, orbitals, 1, 0);
    column_norms(a->norm, a->psi, in->points, dim);
    orbitals_at(a->phi, q, in, points, n);
    hg_gemm(a->psi, dim, a->phi, orbitals, false, a->c, dim, false, n, dim, orbitals, 1, 0);
    for (size_t p = 0; p < n; p++) {
        rho[p] = 0;
        for (size_t j = 0; j < dim; j++) {
            const double psi = a->psi[p * dim + j] / a->norm[j];
            rho[p] += psi * psi * in->electrons / (double)dim;
        }
    }
    return hg_check_finite("density", rho, n, 1, err);
}

hg_status hg_qdf_density(double *rho, const hg_qdf *q, const hg_molecule *m, const double *points, size_t n,
                         hg_err *err) {
    HG_ONE_BLAS_THREAD;
    hg_arena *mem = hg_arena_new();
    hg_qdf_input in;
    hg_status st = hg_qdf_input_make(&in, m, false, mem, err);
    if (st == HG_OK) {
        const size_t most = in.points > n ? in.points : n, wide = in.orbitals > q->l.dim ? in.orbitals : q->l.dim;
        arrays a = { hg_alloc(mem, most, in.orbitals * sizeof(double)), hg_alloc(mem, most, wide * sizeof(double)),
                     hg_alloc(mem, in.orbitals, q->l.dim * sizeof(double)), hg_alloc(mem, wide, sizeof(double)) };
        st = a.phi && a.psi && a.c && a.norm ? density(rho, q, &in, points, n, &a, err)
                                             : hg_fail(err, HG_ENOMEM, "no memory for the orbitals of %zu atoms", m->n);
    }
    hg_arena_free(mem);
    return st;
}
