/* models/rho_features.c -- see models/rho_features.h */
#include "models/rho_features.h"
#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
static const double CUTOFF = 8; /* bohr */
static const double CENTRE[RHO_RADII] = { 1.9, 2.5, 3.1, 4.2, 5.4 }, WIDTH[RHO_RADII] = { 0.4, 0.4, 0.5, 0.8, 0.9 };

/* Columns: by element and radius, by element and bond order, then those that follow in the order in which they are
 * made. */
enum { BY_RADIUS = 0, BY_ORDER = RHO_ELEMENTS * RHO_RADII, REST = BY_ORDER + RHO_ELEMENTS };
enum { OWN_0 = 15, OWN_1 = 11, OWN_2 = 11, OWN_3 = 6 };
static const size_t COUNT[RHO_L] = { REST + OWN_0, REST + OWN_1, REST + OWN_2, REST + OWN_3 };
size_t rho_features_count(unsigned l) { return COUNT[l]; }

/* ---- products on the sphere -------------------------------------------------------------------------------------- */

/* Lebedev's 26 points: exact up to degree 7 (Zh. Vychisl. Mat. Mat. Fiz. 15, 48, 1975), what l1 + l2 + l of our
 * products needs. */
enum { SPHERE = 26 };
typedef struct {
    double weight[SPHERE], harmonic[SPHERE][RHO_HARMONICS];
} sphere;

static void sphere_make(sphere *s) {
    size_t n = 0;
    for (int x = -1; x <= 1; x++)
        for (int y = -1; y <= 1; y++)
            for (int z = -1; z <= 1; z++) {
                const int nonzero = (x != 0) + (y != 0) + (z != 0);
                if (!nonzero) continue;
                const double r = sqrt((double)nonzero), u[3] = { x / r, y / r, z / r };
                s->weight[n] = nonzero == 1 ? 1.0 / 21 : nonzero == 2 ? 4.0 / 105 : 27.0 / 840;
                rho_harmonics(s->harmonic[n++], u);
            }
}

/* out[2l+1] += the part of l in the product of a (of l1) and b (of l2). */
static void product(double *out, unsigned l, const sphere *s, const double *a, unsigned l1, const double *b,
                    unsigned l2) {
    for (size_t i = 0; i < SPHERE; i++) {
        const double *h = s->harmonic[i];
        double fa = 0, fb = 0;
        for (size_t m = 0; m < 2 * l1 + 1; m++) fa += a[m] * h[l1 * l1 + m];
        for (size_t m = 0; m < 2 * l2 + 1; m++) fb += b[m] * h[l2 * l2 + m];
        const double f = (2 * l + 1) * s->weight[i] * fa * fb;
        for (size_t m = 0; m < 2 * l + 1; m++) out[m] += f * h[l * l + m];
    }
}

/* ---- atoms ------------------------------------------------------------------------------------------------------- */

typedef struct {
    double s, p, v[3], t[5]; /* the own block of P: s-s, trace of p-p, s-p as l = 1, p-p as l = 2 */
    double count;            /* coordination number */
    double b1[3], b2[5];     /* directions of bonds by their orders */
} atom;

/* A symmetric matrix over x, y, z as the function r' M r: its part of l = 2. */
static void second(double t[5], const double *m, size_t ld) {
    const double s3 = 1.7320508075688772, third = (m[0] + m[ld + 1] + m[2 * ld + 2]) / 3;
    t[0] = m[2 * ld + 2] - third;
    t[1] = (m[2] + m[2 * ld]) / s3;
    t[2] = (m[ld + 2] + m[2 * ld + 1]) / s3;
    t[3] = (m[0] - m[ld + 1]) / s3;
    t[4] = (m[1] + m[ld]) / s3;
}

static void own_block(atom *a, const hg_tb_result *r, size_t i) {
    const size_t o = r->first_orbital[i], n = r->first_orbital[i + 1] - o, ld = r->n_orbitals;
    const double *p = r->density + o * ld + o;
    *a = (atom) { .s = p[0] };
    if (n < 4) return;
    a->v[0] = p[3], a->v[1] = p[1], a->v[2] = p[2]; /* z, x, y */
    a->p = p[ld + 1] + p[2 * ld + 2] + p[3 * ld + 3];
    second(a->t, p + ld + 1, ld);
}

typedef struct {
    rho_features *f;
    const hg_tb_result *r;
    const double *order; /* [n, n] */
    atom *atom;          /* [n] */
    sphere sphere;
} work;

static double *column(const work *w, unsigned l, size_t a, size_t j) {
    return w->f->x[l] + a * (2 * l + 1) * COUNT[l] + j;
}

static void add(const work *w, unsigned l, size_t a, size_t j, double factor, const double *c) {
    double *x = column(w, l, a, j);
    for (size_t m = 0; m < 2 * l + 1; m++) x[m * COUNT[l]] += factor * c[m];
}

typedef struct {
    double r, u[3], order, h[RHO_RADII], count;
} pair;

static void pair_make(pair *p, const work *w, const hg_molecule *m, size_t a, size_t b) {
    double rr = 0;
    for (size_t k = 0; k < 3; k++) {
        p->u[k] = (m->r[3 * b + k] - m->r[3 * a + k]) / HG_ANGSTROM_PER_BOHR;
        rr += p->u[k] * p->u[k];
    }
    p->r = sqrt(rr);
    for (size_t k = 0; k < 3; k++) p->u[k] /= p->r;
    p->order = w->order[a * m->n + b];
    const double cut = p->r < CUTOFF ? 0.5 * (1 + cos(PI * p->r / CUTOFF)) : 0;
    for (size_t k = 0; k < RHO_RADII; k++) {
        const double t = (p->r - CENTRE[k]) / WIDTH[k];
        p->h[k] = cut * exp(-0.5 * t * t);
    }
    const double radii = rho_elements[w->f->element[a]].radius + rho_elements[w->f->element[b]].radius;
    p->count =
        1 /
        (1 + exp(-16 * (4.0 / 3 * radii / p->r - 1))); /* Grimme et al., J. Chem. Phys. 132, 154104 (2010), eq. (15) */
}

/* What b is to a. */
static void neighbour(const work *w, const pair *p, double sign, size_t a, size_t b) {
    const double u[3] = { sign * p->u[0], sign * p->u[1], sign * p->u[2] }, q = w->f->charge[b];
    const size_t e = w->f->element[b];
    const atom *n = &w->atom[b];
    double c[RHO_HARMONICS];
    rho_harmonics(c, u);
    for (unsigned l = 0; l < RHO_L; l++) {
        const double *y = c + l * l;
        for (size_t k = 0; k < RHO_RADII; k++) add(w, l, a, BY_RADIUS + e * RHO_RADII + k, p->h[k], y);
        add(w, l, a, BY_ORDER + e, p->order, y);
        add(w, l, a, REST, p->order * q, y);
        add(w, l, a, REST + 1, q / (4 + pow(p->r, l + 1.0)), y); /* like the charge's potential and its slopes */
    }
    const double along = n->v[0] * u[2] + n->v[1] * u[0] + n->v[2] * u[1], one = 1;
    add(w, 0, a, REST + 2, p->order * n->count, &one);
    add(w, 0, a, REST + 3, p->order * n->s, &one);
    add(w, 0, a, REST + 4, p->order * n->p, &one);
    add(w, 0, a, REST + 5, p->order * along, &one);
    add(w, 1, a, REST + 2, p->order * n->count, c + 1);
    add(w, 1, a, REST + 3, p->order, n->v);
    add(w, 2, a, REST + 2, p->order, n->t);
    add(w, 2, a, REST + 3, p->order * n->count, c + 4);
    for (size_t m = 0; m < 3; m++) w->atom[a].b1[m] += p->order * c[1 + m];
    for (size_t m = 0; m < 5; m++) w->atom[a].b2[m] += p->order * c[4 + m];
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void own(const work *w, size_t a) {
    const atom *t = &w->atom[a];
    const double q = w->f->charge[a];
    const double scalar[] = {
        1, q, t->s, t->p, q * q, dot(t->v, t->v, 3), dot(t->v, t->b1, 3), dot(t->t, t->t, 5), dot(t->t, t->b2, 5)
    };
    for (size_t i = 0; i < sizeof scalar / sizeof *scalar; i++) add(w, 0, a, REST + 6 + i, scalar[i], &(double) { 1 });
    add(w, 1, a, REST + 4, 1, t->v);
    add(w, 1, a, REST + 5, q, t->v);
    add(w, 1, a, REST + 6, 1, t->b1);
    add(w, 2, a, REST + 4, 1, t->t);
    add(w, 2, a, REST + 5, q, t->t);
    add(w, 2, a, REST + 6, 1, t->b2);
    const struct {
        unsigned l, column, l1, l2;
        const double *a, *b;
    } products[] = {
        { 1, 7, 2, 1, t->t, t->v },    { 1, 8, 2, 1, t->t, t->b1 }, { 1, 9, 2, 1, t->b2, t->v },
        { 1, 10, 2, 1, t->b2, t->b1 }, { 2, 7, 1, 1, t->v, t->v },  { 2, 8, 1, 1, t->v, t->b1 },
        { 2, 9, 1, 1, t->b1, t->b1 },  { 2, 10, 2, 2, t->t, t->t }, { 3, 2, 1, 2, t->v, t->t },
        { 3, 3, 1, 2, t->b1, t->t },   { 3, 4, 1, 2, t->v, t->b2 }, { 3, 5, 1, 2, t->b1, t->b2 },
    };
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        double out[7] = { 0 };
        product(out, products[i].l, &w->sphere, products[i].a, products[i].l1, products[i].b, products[i].l2);
        add(w, products[i].l, a, REST + products[i].column, 1, out);
    }
}

static void classes(const work *w, size_t a) {
    const rho_element *e = &rho_elements[w->f->element[a]];
    double *share = w->f->share + a * RHO_CLASSES, sum = 0;
    double nearest = INFINITY; /* so that far from all of them the sum is not zero */
    for (size_t k = 0; k < e->classes; k++) nearest = fmin(nearest, fabs(w->atom[a].count - e->middle[k]));
    for (size_t k = 0; k < e->classes; k++) {
        const double t = w->atom[a].count - e->middle[k];
        share[k] = exp((nearest * nearest - t * t) / (0.35 * 0.35));
        sum += share[k];
    }
    for (size_t k = 0; k < e->classes; k++) share[k] /= sum;
}

/* ---- charge that moves between two atoms ------------------------------------------------------------------------- */

static size_t of_pair(size_t a, size_t b) { return a * RHO_ELEMENTS - a * (a + 1) / 2 + b; } /* a <= b */

static void moves(const work *w, const pair *p, size_t a, size_t b) {
    if (w->f->element[a] > w->f->element[b]) {
        const size_t t = a;
        a = b, b = t;
    }
    const size_t ea = w->f->element[a], eb = w->f->element[b];
    double *to = w->f->move + a * RHO_MOVES, *from = w->f->move + b * RHO_MOVES;
    if (ea != eb) {
        const size_t at =
            (of_pair(ea, eb) - ea - 1) * (1 + RHO_RADII); /* unlike pairs are numbered without the like ones */
        to[at] += p->order, from[at] -= p->order;
        for (size_t k = 0; k < RHO_RADII; k++) to[at + 1 + k] += p->h[k], from[at + 1 + k] -= p->h[k];
    }
    const atom *x = &w->atom[a], *y = &w->atom[b];
    const double contrast[RHO_CONTRASTS] = { w->f->charge[a] - w->f->charge[b], x->s - y->s, x->p - y->p,
                                             x->count - y->count };
    for (size_t k = 0; k < RHO_CONTRASTS; k++) {
        const size_t at = RHO_UNLIKE * (1 + RHO_RADII) + of_pair(ea, eb) * RHO_CONTRASTS + k;
        to[at] += p->order * contrast[k], from[at] -= p->order * contrast[k];
    }
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bool room(work *w, double **order, size_t n, hg_arena *mem) {
    rho_features *f = w->f;
    bool there = true;
    f->n = n;
    f->element = hg_alloc(mem, n, sizeof *f->element);
    f->charge = hg_alloc(mem, n, sizeof *f->charge);
    f->share = hg_alloc(mem, n * RHO_CLASSES, sizeof *f->share);
    f->move = hg_alloc(mem, n * RHO_MOVES, sizeof *f->move);
    for (size_t l = 0; l < RHO_L; l++) {
        f->x[l] = hg_alloc(mem, n * (2 * l + 1) * COUNT[l], sizeof *f->x[l]);
        there = there && f->x[l];
    }
    w->atom = hg_alloc(mem, n, sizeof *w->atom);
    *order = hg_alloc(mem, n * n, sizeof **order);
    return there && f->element && f->charge && f->share && f->move && w->atom && *order;
}

hg_status rho_features_make(rho_features *out, hg_tb *tb, const hg_tb_result *r, const hg_molecule *m, hg_arena *mem,
                            hg_err *err) {
    double *order;
    work w = { .f = out, .r = r };
    *out = (rho_features) { 0 };
    if (!room(&w, &order, m->n, mem))
        return hg_fail(err, HG_ENOMEM, "no memory for the surroundings of %zu atoms", m->n);
    w.order = order;
    hg_tb_bond_orders(order, tb);
    sphere_make(&w.sphere);
    for (size_t a = 0; a < m->n; a++) {
        out->element[a] = rho_element_of(m->z[a]);
        out->charge[a] = r->charge[a];
        own_block(&w.atom[a], r, a);
    }
    pair p;
    for (size_t a = 0; a < m->n; a++)
        for (size_t b = 0; b < m->n; b++) {
            if (b == a) continue;
            pair_make(&p, &w, m, a, b);
            w.atom[a].count += p.count;
        }
    for (size_t a = 0; a < m->n; a++)
        for (size_t b = 0; b < a; b++) {
            pair_make(&p, &w, m, a, b);
            neighbour(&w, &p, 1, a, b);
            neighbour(&w, &p, -1, b, a);
            moves(&w, &p, a, b);
        }
    for (size_t a = 0; a < m->n; a++) {
        own(&w, a);
        classes(&w, a);
    }
    return HG_OK;
}
