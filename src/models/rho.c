/* models/rho.c -- a density model: clouds of molecules, their values at points, files; see models/rho.h. The fit is in
 * models/rho_fit.c. */
#include "core/memory.h"
#include "files/safetensors.h"
#include "models/rho_internal.h"
#include "num/vector.h"
#include <math.h>
#include <string.h>

/* ---- the model --------------------------------------------------------------------------------------------------- */

rho_layout rho_layout_make(void) {
    rho_layout y = { 0 };
    for (size_t e = 0; e < RHO_ELEMENTS; e++)
        for (unsigned l = 0; l < RHO_L; l++) {
            y.weight[e][l] = y.weights;
            y.scale[e][l] = y.scales;
            y.weights += rho_elements[e].count[l] * rho_elements[e].classes * rho_features_count(l);
            y.scales += rho_features_count(l);
        }
    y.moves = y.weights;
    y.weights += RHO_MOVES;
    return y;
}

hg_status hg_rho_make(hg_rho **out, const double *theta, hg_err *err) {
    *out = NULL;
    hg_rho *q = hg_calloc(1, sizeof *q);
    if (!q) return hg_fail(err, HG_ENOMEM, "no memory for a model of densities");
    q->l = rho_layout_make();
    q->n_theta = hg_tb_theta_count();
    q->theta = hg_calloc(q->n_theta, sizeof *q->theta);
    q->w = hg_calloc(q->l.weights, sizeof *q->w);
    q->scale = hg_calloc(q->l.scales, sizeof *q->scale);
    hg_status st = q->theta && q->w && q->scale ? hg_tb_model_new(&q->tb, NULL, err)
                                                : hg_fail(err, HG_ENOMEM, "no memory for a model of densities");
    if (st == HG_OK) {
        for (size_t i = 0; i < q->l.scales; i++) q->scale[i] = 1;
        if (theta) memcpy(q->theta, theta, q->n_theta * sizeof *q->theta);
        st = hg_tb_model_set_theta(q->tb, q->theta, err);
    }
    if (st == HG_OK)
        *out = q;
    else
        hg_rho_free(q);
    return st;
}

void hg_rho_free(hg_rho *q) {
    if (!q) return;
    hg_tb_model_free(q->tb);
    hg_free(q->theta);
    hg_free(q->w);
    hg_free(q->scale);
    hg_free(q);
}

hg_status hg_rho_room_new(hg_rho_room **out, const hg_rho *q, hg_err *err) {
    *out = NULL;
    hg_rho_room *r = hg_calloc(1, sizeof *r);
    if (r) r->mem = hg_arena_new();
    const hg_status st =
        r && r->mem ? hg_tb_new(&r->tb, q->tb, err) : hg_fail(err, HG_ENOMEM, "no memory for densities");
    if (st == HG_OK)
        *out = r;
    else
        hg_rho_room_free(r);
    return st;
}

void hg_rho_room_free(hg_rho_room *r) {
    if (!r) return;
    hg_tb_free(r->tb);
    hg_arena_free(r->mem);
    hg_free(r);
}

/* ---- a molecule -------------------------------------------------------------------------------------------------- */

double rho_strangeness(const hg_rho *q, const rho_features *f, size_t atom) {
    double sum = 0;
    size_t count = 0;
    for (unsigned l = 0; l < RHO_L; l++) {
        const size_t n = rho_features_count(l);
        const double *x = f->x[l] + atom * (2 * l + 1) * n, *scale = q->scale + q->l.scale[f->element[atom]][l];
        for (size_t m = 0; m < 2 * l + 1; m++)
            for (size_t j = 0; j < n; j++) sum += (x[m * n + j] / scale[j]) * (x[m * n + j] / scale[j]);
        count += n;
    }
    return sum / (double)count;
}

hg_status rho_look(rho_features *f, hg_rho_room *room, const hg_molecule *m, hg_err *err) {
    hg_tb_result r;
    HG_TRY(hg_tb_run(&r, room->tb, m, err));
    return rho_features_make(f, room->tb, &r, m, room->mem, err);
}

/* Coefficients of one atom's functions: c[RHO_EXPONENTS, RHO_HARMONICS]. */
static void atom_coefficients(double *c, const hg_rho *q, const rho_features *f, size_t a) {
    const size_t e = f->element[a];
    const rho_element *el = &rho_elements[e];
    for (unsigned l = 0; l < RHO_L; l++) {
        const size_t n = rho_features_count(l), first = el->first[l];
        const double *scale = q->scale + q->l.scale[e][l];
        for (size_t k = 0; k < el->count[l]; k++)
            for (size_t m = 0; m < 2 * l + 1; m++) {
                const double *x = f->x[l] + (a * (2 * l + 1) + m) * n;
                double sum = 0;
                for (size_t s = 0; s < el->classes; s++) {
                    const double *w = q->w + q->l.weight[e][l] + (k * el->classes + s) * n;
                    double part = 0;
                    for (size_t j = 0; j < n; j++) part += w[j] * x[j] / scale[j];
                    sum += part * f->share[a * RHO_CLASSES + s];
                }
                double *to = c + (first + k) * RHO_HARMONICS + l * l + m;
                if (l) {
                    *to += sum * rho_norm(l, (unsigned)(first + k));
                } else { /* a normalised Gaussian less the wider one before it: the widest is number 0 */
                    to[RHO_HARMONICS] += sum * rho_norm(0, (unsigned)(first + k + 1));
                    to[0] -= sum * rho_norm(0, (unsigned)(first + k));
                }
            }
    }
    double electrons = -f->charge[a];
    for (size_t j = 0; j < RHO_MOVES; j++) electrons += q->w[q->l.moves + j] * f->move[a * RHO_MOVES + j];
    c[el->transfer * RHO_HARMONICS] += electrons * rho_norm(0, el->transfer);
}

static hg_status deform(hg_rho_cloud *c, const hg_rho *q, hg_rho_room *room, const hg_molecule *m, hg_err *err) {
    const hg_mark mark = hg_arena_mark(room->mem);
    rho_features f;
    const hg_status st = rho_look(&f, room, m, err);
    for (size_t a = 0; st == HG_OK && a < m->n; a++) {
        atom_coefficients(c->c + a * RHO_EXPONENTS * RHO_HARMONICS, q, &f, a);
        if (rho_strangeness(q, &f, a) > q->most[f.element[a]]) c->outside = true;
    }
    hg_arena_reset(room->mem, mark);
    c->electrons -= m->charge;
    c->outside = c->outside || m->charge != 0;
    return st;
}

static hg_status fill(hg_rho_cloud *c, const hg_rho *q, hg_rho_room *room, const hg_molecule *m, hg_err *err) {
    c->r = hg_calloc(3 * m->n, sizeof *c->r);
    c->atom = hg_calloc(m->n, sizeof *c->atom);
    c->c = hg_calloc(m->n * RHO_EXPONENTS * RHO_HARMONICS, sizeof *c->c);
    if (!c->r || !c->atom || !c->c) return hg_fail(err, HG_ENOMEM, "no memory for the density of %zu atoms", m->n);
    c->n = m->n;
    c->deformed = q != NULL;
    for (size_t a = 0; a < m->n; a++) {
        c->atom[a] = rho_atom_of(m->z[a]);
        if (!c->atom[a]) {
            hg_fail(err, HG_ENOTFOUND, "%s: atom %zu is %s, whose density is not known here", m->id, a + 1,
                    hg_element_symbol(m->z[a]));
            return hg_advise(err, HG_ENOTFOUND, "densities are made of H, C, N, O and F");
        }
        c->electrons += c->atom[a]->electrons;
        for (size_t k = 0; k < 3; k++) c->r[3 * a + k] = m->r[3 * a + k] / HG_ANGSTROM_PER_BOHR;
        if (rho_element_of(m->z[a]) == RHO_ELEMENTS) c->deformed = false;
    }
    c->outside = !c->deformed;
    return c->deformed ? deform(c, q, room, m, err) : HG_OK;
}

hg_status hg_rho_cloud_new(hg_rho_cloud **out, const hg_rho *q, hg_rho_room *room, const hg_molecule *m, hg_err *err) {
    *out = NULL;
    hg_rho_cloud *c = hg_calloc(1, sizeof *c);
    if (!c) return hg_fail(err, HG_ENOMEM, "no memory for a density");
    const hg_status st = fill(c, q, room, m, err);
    if (st == HG_OK)
        *out = c;
    else
        hg_rho_cloud_free(c);
    return st;
}

void hg_rho_cloud_free(hg_rho_cloud *c) {
    if (!c) return;
    hg_free(c->r);
    hg_free(c->atom);
    hg_free(c->c);
    hg_free(c);
}

double hg_rho_electrons(const hg_rho_cloud *c) { return c->electrons; }
bool hg_rho_deformed(const hg_rho_cloud *c) { return c->deformed; }
bool hg_rho_outside(const hg_rho_cloud *c) { return c->outside; }

/* ---- at points --------------------------------------------------------------------------------------------------- */

enum { BLOCK = 128 };
static const double FAR = 40; /* exp(-40) is nothing */

static void add_free_atom(double *rho, const rho_atom *a, const double *rr, size_t n) {
    double e[BLOCK];
    for (size_t k = 0; k < RHO_ATOM_TERMS; k++) {
        const double exponent = rho_atom_exponent(k);
        for (size_t i = 0; i < n; i++) e[i] = -exponent * rr[i];
        hg_exp_many(e, e, n);
        hg_axpy(rho, a->c[k], e, n);
    }
}

static double deformation(const double *c, const double d[3], double e) {
    double h[RHO_HARMONICS], radial[RHO_HARMONICS] = { 0 }, sum = 0;
    for (size_t k = 0; k < RHO_EXPONENTS; k++, e *= e)
        for (size_t i = 0; i < RHO_HARMONICS; i++) radial[i] += e * c[k * RHO_HARMONICS + i];
    rho_harmonics(h, d);
    for (size_t i = 0; i < RHO_HARMONICS; i++) sum += radial[i] * h[i];
    return sum;
}

static void block_at(double *rho, const hg_rho_cloud *c, hg_rho_kind kind, const double *p, size_t n) {
    double d[BLOCK][3], rr[BLOCK], e[BLOCK];
    for (size_t i = 0; i < n; i++) rho[i] = 0;
    for (size_t a = 0; a < c->n; a++) {
        double least = INFINITY;
        for (size_t i = 0; i < n; i++) {
            rr[i] = 0;
            for (size_t k = 0; k < 3; k++) {
                d[i][k] = p[3 * i + k] / HG_ANGSTROM_PER_BOHR - c->r[3 * a + k];
                rr[i] += d[i][k] * d[i][k];
            }
            least = fmin(least, rr[i]);
        }
        if (rho_atom_exponent(0) * least > FAR) continue;
        add_free_atom(rho, c->atom[a], rr, n);
        if (kind == HG_RHO_ATOMS || !c->deformed) continue;
        for (size_t i = 0; i < n; i++) e[i] = -0.1 * rr[i];
        hg_exp_many(e, e, n);
        for (size_t i = 0; i < n; i++) rho[i] += deformation(c->c + a * RHO_EXPONENTS * RHO_HARMONICS, d[i], e[i]);
    }
}

void hg_rho_at(double *rho, const hg_rho_cloud *c, hg_rho_kind kind, const double *points, size_t n) {
    const double unit = 1 / (HG_ANGSTROM_PER_BOHR * HG_ANGSTROM_PER_BOHR * HG_ANGSTROM_PER_BOHR);
    for (size_t begin = 0; begin < n; begin += BLOCK)
        block_at(rho + begin, c, kind, points + 3 * begin, n - begin < BLOCK ? n - begin : BLOCK);
    for (size_t i = 0; i < n; i++) rho[i] *= unit;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static const char *const KIND = "qdf2-density 1"; /* raise it when features, functions or their order change */
const char *hg_rho_kind_name(void) { return KIND; }

hg_status hg_rho_save(const hg_rho *q, const char *path, hg_err *err) {
    const size_t theta[] = { q->n_theta }, w[] = { q->l.weights }, scale[] = { q->l.scales }, most[] = { RHO_ELEMENTS };
    float *half = hg_malloc(q->l.weights + q->l.scales, sizeof *half);
    if (!half) return hg_fail(err, HG_ENOMEM, "no memory to write a model of densities");
    for (size_t i = 0; i < q->l.weights; i++) half[i] = (float)q->w[i];
    for (size_t i = 0; i < q->l.scales; i++) half[q->l.weights + i] = (float)q->scale[i];
    const hg_stored t[] = {
        { "tight_binding.theta", HG_STORED_F64, 1, theta, q->n_theta, q->theta },
        { "density.weight", HG_STORED_F32, 1, w, q->l.weights, half },
        { "density.scale", HG_STORED_F32, 1, scale, q->l.scales, half + q->l.weights },
        { "density.most", HG_STORED_F64, 1, most, RHO_ELEMENTS, q->most },
    };
    const hg_stored_note note = { "architecture", KIND };
    const hg_status st = hg_safetensors_write(path, t, sizeof t / sizeof *t, &note, 1, err);
    hg_free(half);
    return st;
}

static hg_status load(hg_rho *q, const hg_safetensors *s, hg_err *err) {
    HG_TRY(hg_safetensors_doubles(q->theta, s, "tight_binding.theta", q->n_theta, err));
    HG_TRY(hg_safetensors_doubles(q->w, s, "density.weight", q->l.weights, err));
    HG_TRY(hg_safetensors_doubles(q->scale, s, "density.scale", q->l.scales, err));
    HG_TRY(hg_safetensors_doubles(q->most, s, "density.most", RHO_ELEMENTS, err));
    for (size_t i = 0; i < q->l.scales; i++)
        if (!(q->scale[i] > 0)) return hg_fail(err, HG_EDATA, "\"density.scale\" holds %g, which divides", q->scale[i]);
    return hg_tb_model_set_theta(q->tb, q->theta, err);
}

hg_status hg_rho_load(hg_rho **out, const char *path, hg_err *err) {
    hg_safetensors *s;
    *out = NULL;
    HG_TRY(hg_safetensors_open_kind(&s, path, KIND, err));
    hg_status st = hg_rho_make(out, NULL, err);
    if (st == HG_OK) st = load(*out, s, err);
    hg_safetensors_free(s);
    if (st != HG_OK) {
        hg_rho_free(*out);
        *out = NULL;
    }
    return st;
}
