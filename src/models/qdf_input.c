/* models/qdf_input.c -- grid, orbitals and potential of a molecule; see models/qdf.h */
#include "hagane/composition.h"
#include "models/qdf.h"
#include "matter/molecule.h"
#include <math.h>
#include <string.h>

static const hg_qdf_element ELEMENTS[] = {
    { 6, 0, 6, 8 }, { 1, 14, 4, 0 }, { 8, 18, 6, 8 }, { 7, 32, 6, 8 }, { 9, 46, 6, 8 }
};

const hg_qdf_element *hg_qdf_element_of(unsigned z) {
    for (size_t i = 0; i < sizeof ELEMENTS / sizeof *ELEMENTS; i++)
        if (ELEMENTS[i].z == z) return &ELEMENTS[i];
    return NULL;
}

/* The lattice points within the sphere: 8 with all of 0.15, 24 with one of 0.45, 24 with two. */
static size_t add_points(double *point, const double *centre) {
    static const double STEP = 0.3, RADIUS = 0.75;
    size_t n = 0;
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            for (int k = 0; k < 6; k++) {
                const double x = STEP * (i - 2.5), y = STEP * (j - 2.5), z = STEP * (k - 2.5);
                if (x * x + y * y + z * z > RADIUS * RADIUS + 1e-9) continue;
                point[3 * n] = centre[0] + x;
                point[3 * n + 1] = centre[1] + y;
                point[3 * n + 2] = centre[2] + z;
                n++;
            }
    return n;
}

static float potential_at(const hg_qdf_input *q, const double *r) { /* -sum Z exp(-d^2) */
    double v = 0;
    for (size_t a = 0; a < q->atoms; a++) {
        double d2 = 0;
        for (size_t k = 0; k < 3; k++) d2 += (r[k] - q->centre[3 * a + k]) * (r[k] - q->centre[3 * a + k]);
        if (d2 < 90) v -= q->z[a] * exp(-d2); /* beyond, not a bit of a float */
    }
    return (float)v;
}

static hg_status count(hg_qdf_input *q, const hg_molecule *m, hg_err *err) {
    *q =
        (hg_qdf_input) { .atoms = m->n, .points = HG_QDF_POINTS * m->n, .electrons = (double)hg_molecule_electrons(m) };
    for (size_t a = 0; a < m->n; a++) {
        const hg_qdf_element *e = hg_qdf_element_of(m->z[a]);
        if (!e) {
            const hg_status st = hg_fail(err, HG_ENOTFOUND, "%s: atom %zu is %s, which this model has no orbitals for",
                                         hg_molecule_called(m).s, a + 1, hg_element_symbol(m->z[a]));
            return hg_advise(err, st, "its elements are H, C, N, O and F");
        }
        q->orbitals += (size_t)e->s1 + e->s2;
    }
    if (q->electrons <= 0) return hg_fail(err, HG_EDATA, "%s has no electrons", hg_molecule_called(m).s);
    return HG_OK;
}

hg_status hg_qdf_input_make(hg_qdf_input *q, const hg_molecule *m, bool with_potential, hg_arena *mem, hg_err *err) {
    HG_TRY(count(q, m, err));
    q->point = hg_alloc(mem, q->points, 3 * sizeof(double));
    q->centre = hg_alloc(mem, q->atoms, 3 * sizeof(double));
    q->z = hg_alloc(mem, q->atoms, 1);
    q->type = hg_alloc(mem, q->orbitals, sizeof *q->type);
    q->atom = hg_alloc(mem, q->orbitals, sizeof *q->atom);
    q->power = hg_alloc(mem, q->orbitals, 1);
    if (with_potential) q->potential = hg_alloc(mem, q->points, sizeof(float));
    if (!q->point || !q->centre || !q->z || !q->type || !q->atom || !q->power || (with_potential && !q->potential))
        return hg_fail(err, HG_ENOMEM, "no memory for the grid of %zu atoms", m->n);
    memcpy(q->centre, m->r, 3 * m->n * sizeof(double));
    memcpy(q->z, m->z, m->n);
    size_t o = 0, p = 0;
    for (size_t a = 0; a < m->n; a++) {
        const hg_qdf_element *e = hg_qdf_element_of(m->z[a]);
        p += add_points(q->point + 3 * p, m->r + 3 * a);
        for (unsigned k = 0; k < (unsigned)e->s1 + e->s2; k++, o++) {
            q->type[o] = (uint16_t)(e->first + k);
            q->atom[o] = (uint32_t)a;
            q->power[o] = k >= e->s1;
        }
    }
    for (size_t i = 0; q->potential && i < q->points; i++) q->potential[i] = potential_at(q, q->point + 3 * i);
    return HG_OK;
}
