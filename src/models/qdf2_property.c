/* models/qdf2_property.c -- dipole, HOMO and LUMO from the orbitals of the refined tight binding: their columns
 *
 * Dipole. Vectors that turn with the molecule, each with one coefficient: the tight binding's dipole; that of
 * Mulliken's charges; the s-p moments P_s,p of the atoms of each element, alone and times their neighbours of each
 * element; and charges moved along a vector r_ab for each pair of elements: by Gaussians of the distance, times 1
 * (unlike elements), times the difference of the two charges, times an atom's neighbours of each element, and by
 * Mayer's bond order and its square (the idea of the charge model CM3: Winget, Thompson, Xidos, Cramer, Truhlar, J.
 * Phys. Chem. A 106, 10707, 2002). What moves charge between atoms keeps its sum.
 *
 * Levels. The level itself, its mean over the levels within some tenths of an eV (weights exp(-|e - e_k| / POOL), so
 * that levels which cross or are degenerate do not matter), and the derivative of that mean by each increment of the
 * tight binding (hg_tb_level_gradient): the increments that this one level needs, to first order. All are properties
 * of orbitals: two molecules far from each other do not change them.
 */
#include "core/memory.h"
#include "models/qdf2_internal.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static const double POOL = 0.25; /* eV */
static const double CENTRE[] = { 1.1, 1.5, 2.2, 3.0 },
                    WIDTH[] = { 0.35, 0.35, 0.5, 0.6 }; /* angstrom: bonds, then 1-3 */
enum {
    RADIAL = 4,
    BONDS = 2, /* of the radial functions: those that see neighbours */
    LEVEL_COLUMNS = 3,
};

static const struct {
    const char *name, *unit;
    size_t size;
} PROPERTY[HG_QDF2_PROPERTIES] = {
    [HG_QDF2_DIPOLE] = { "dipole", "e*angstrom", 3 },
    [HG_QDF2_HOMO] = { "homo", "eV", 1 },
    [HG_QDF2_LUMO] = { "lumo", "eV", 1 },
};

const char *hg_qdf2_property_name(hg_qdf2_property p) { return PROPERTY[p].name; }
const char *hg_qdf2_property_unit(hg_qdf2_property p) { return PROPERTY[p].unit; }
size_t hg_qdf2_property_size(hg_qdf2_property p) { return PROPERTY[p].size; }
bool hg_qdf2_knows(const hg_qdf2 *q, hg_qdf2_property p) { return q->property[p].columns > 0; }

/* ---- dipole ------------------------------------------------------------------------------------------------------ */

/* Where the kinds of columns begin, for E elements. */
typedef struct {
    size_t sp, sp_near; /* [E], [E, E] */
    size_t pair;        /* [pairs of elements, PAIR_COLUMNS] */
    size_t near;        /* [E, E, E, BONDS]: atom, partner, its neighbours */
    size_t end;
} layout;
enum { BARE = 0, CHARGED = RADIAL, ORDER = 2 * RADIAL, ORDER2, ORDER_CHARGED, PAIR_COLUMNS };

static layout dipole_layout(size_t E) {
    layout l = { .sp = 2 };
    l.sp_near = l.sp + E;
    l.pair = l.sp_near + E * E;
    l.near = l.pair + E * (E + 1) / 2 * PAIR_COLUMNS;
    l.end = l.near + E * E * E * BONDS;
    return l;
}

typedef struct { /* either x, or the charges that w moves */
    const hg_qdf2 *q;
    const hg_molecule *m;
    const hg_tb_result *r;
    layout at;
    const double *order, *near; /* [n,n] bond orders; [n,E] neighbours of each element */
    double *x;                  /* [3, end] */
    double *charge;             /* [n] */
} walk;

static void add(const walk *v, size_t column, const double vector[3], double amount) {
    for (size_t k = 0; k < 3; k++) v->x[k * v->at.end + column] += amount * vector[k];
}

/* `amount` of charge from a to b, r_ab apart. */
static void move(const walk *v, size_t column, size_t a, size_t b, const double vector[3], double amount) {
    if (v->x) {
        add(v, column, vector, amount);
        return;
    }
    const double charge = v->q->property[HG_QDF2_DIPOLE].w[column] * amount;
    v->charge[b] += charge;
    v->charge[a] -= charge;
}

static void move_near(const walk *v, size_t a, size_t b, size_t ea, size_t eb, const double vector[3],
                      const double *g) {
    const size_t E = v->q->around.elements;
    for (size_t z = 0; z < E; z++)
        for (size_t k = 0; k < BONDS; k++)
            move(v, v->at.near + ((ea * E + eb) * E + z) * BONDS + k, a, b, vector, 0.3 * g[k] * v->near[a * E + z]);
}

static void pair(const walk *v, size_t a, size_t b) {
    const hg_around *around = &v->q->around;
    const size_t n = v->m->n, E = around->elements;
    size_t ea = hg_around_element(around, v->m->z[a]), eb = hg_around_element(around, v->m->z[b]);
    if (ea > eb) { /* columns are for the lighter one first */
        const size_t t = ea, u = a;
        ea = eb, a = b;
        eb = t, b = u;
    }
    double vector[3], r2 = 0, g[RADIAL];
    for (size_t k = 0; k < 3; k++) vector[k] = v->m->r[3 * b + k] - v->m->r[3 * a + k], r2 += vector[k] * vector[k];
    const double r = sqrt(r2), order = v->order[a * n + b], charged = v->r->charge[b] - v->r->charge[a];
    for (size_t k = 0; k < RADIAL; k++) g[k] = exp(-(r - CENTRE[k]) * (r - CENTRE[k]) / (WIDTH[k] * WIDTH[k]));
    const size_t at = v->at.pair + (ea * E - ea * (ea + 1) / 2 + eb) * PAIR_COLUMNS;
    for (size_t k = 0; k < RADIAL; k++) {
        if (ea != eb) move(v, at + BARE + k, a, b, vector, g[k]);
        move(v, at + CHARGED + k, a, b, vector, g[k] * charged);
    }
    if (ea != eb) {
        move(v, at + ORDER, a, b, vector, order);
        move(v, at + ORDER2, a, b, vector, order * order);
    }
    move(v, at + ORDER_CHARGED, a, b, vector, order * charged);
    move_near(v, a, b, ea, eb, vector, g);
    for (size_t k = 0; k < 3; k++) vector[k] = -vector[k];
    move_near(v, b, a, eb, ea, vector, g);
}

/* near[n,E]: smooth numbers of neighbours, of which the bonds' orders are a measure. */
static void count_neighbours(double *near, const walk *v) {
    const size_t n = v->m->n, E = v->q->around.elements;
    memset(near, 0, n * E * sizeof *near);
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++) {
            const double o = a == b ? 0 : v->order[a * n + b];
            near[a * E + hg_around_element(&v->q->around, v->m->z[b])] += o * o / (o * o + 0.04);
        }
}

static void atoms(const walk *v) {
    const size_t E = v->q->around.elements, ld = v->r->n_orbitals;
    add(v, 0, v->r->dipole, 1);
    for (size_t a = 0; a < v->m->n; a++) {
        const size_t e = hg_around_element(&v->q->around, v->m->z[a]), o = v->r->first_orbital[a];
        add(v, 1, v->m->r + 3 * a, v->r->charge[a]);
        if (v->r->first_orbital[a + 1] - o < 4) continue;
        const double *sp = v->r->density + o * ld + o + 1;
        add(v, v->at.sp + e, sp, 1);
        for (size_t z = 0; z < E; z++) add(v, v->at.sp_near + e * E + z, sp, 0.3 * v->near[a * E + z]);
    }
}

static hg_status need(hg_qdf2_room *room, size_t n, hg_err *err) {
    if (hg_grow(&room->scratch, &room->scratch_cap, n, sizeof *room->scratch)) return HG_OK;
    return hg_fail(err, HG_ENOMEM, "no memory to read properties of a molecule");
}

static hg_status dipole_walk(double *x, double *charge, const hg_qdf2 *q, hg_qdf2_room *room, const hg_tb_result *r,
                             const hg_molecule *m, hg_err *err) {
    const size_t n = m->n, E = q->around.elements;
    HG_TRY(need(room, n * n + n * E, err));
    double *order = room->scratch, *near = order + n * n;
    const walk v = { q, m, r, dipole_layout(E), order, near, x, charge };
    hg_tb_bond_orders(order, room->tb);
    count_neighbours(near, &v);
    if (x) {
        memset(x, 0, 3 * v.at.end * sizeof *x);
        atoms(&v);
    }
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++) pair(&v, a, b);
    return HG_OK;
}

hg_status hg_qdf2_charges(double *charge, const hg_qdf2 *q, hg_qdf2_room *room, const hg_qdf2_result *r,
                          const hg_molecule *m, hg_err *err) {
    assert(hg_qdf2_knows(q, HG_QDF2_DIPOLE));
    const double *w = q->property[HG_QDF2_DIPOLE].w;
    double total = 0, sum = 0;
    for (size_t a = 0; a < m->n; a++) charge[a] = (w[0] + w[1]) * r->orbitals.charge[a], total += r->orbitals.charge[a];
    HG_TRY(dipole_walk(NULL, charge, q, room, &r->orbitals, m, err));
    for (size_t a = 0; a < m->n; a++) sum += charge[a];
    for (size_t a = 0; a < m->n; a++) charge[a] += (total - sum) / (double)m->n; /* of ions */
    return HG_OK;
}

/* ---- levels ------------------------------------------------------------------------------------------------------ */

/* weight[n_orbitals] of the levels near the HOMO or the LUMO; false: there is none. */
static bool pool_levels(double *weight, double *mean, const hg_tb_result *r, hg_qdf2_property p) {
    const size_t pairs = r->n_electrons / 2;
    const double level = p == HG_QDF2_HOMO ? r->homo : r->lumo;
    double sum = 0;
    *mean = 0;
    if (!isfinite(level)) return false;
    for (size_t k = 0; k < r->n_orbitals; k++) {
        const bool counts = p == HG_QDF2_HOMO ? k < pairs : k >= pairs;
        weight[k] = counts ? exp(-fabs(r->level[k] - level) / POOL) : 0;
        if (weight[k] < 1e-12) weight[k] = 0;
        sum += weight[k];
    }
    for (size_t k = 0; k < r->n_orbitals; k++) {
        weight[k] /= sum;
        *mean += weight[k] * r->level[k];
    }
    return true;
}

static hg_status level_describe(double *x, const hg_qdf2 *q, hg_qdf2_room *room, const hg_tb_result *r,
                                hg_qdf2_property p, hg_err *err) {
    memset(x, 0, hg_qdf2_property_columns(q, p) * sizeof *x);
    HG_TRY(need(room, r->n_orbitals + r->n_shells, err));
    double *weight = room->scratch, mean;
    if (!pool_levels(weight, &mean, r, p))
        return hg_fail(err, HG_EDATA, "there is no empty orbital: a molecule of full shells has no LUMO here");
    x[0] = 1;
    x[1] = p == HG_QDF2_HOMO ? r->homo : r->lumo;
    x[2] = mean;
    hg_tb_level_gradient(x + LEVEL_COLUMNS, weight + r->n_orbitals, room->tb, weight);
    return HG_OK;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

size_t hg_qdf2_property_columns(const hg_qdf2 *q, hg_qdf2_property p) {
    return p == HG_QDF2_DIPOLE ? dipole_layout(q->around.elements).end : LEVEL_COLUMNS + q->n_theta;
}

hg_status hg_qdf2_property_describe(double *x, const hg_qdf2 *q, hg_qdf2_room *room, const hg_tb_result *r,
                                    const hg_molecule *m, hg_qdf2_property p, hg_err *err) {
    if (p == HG_QDF2_DIPOLE) return dipole_walk(x, NULL, q, room, r, m, err);
    return level_describe(x, q, room, r, p, err);
}

/* Chosen by validation molecules of at most 14 atoms, and by learning from at most 12 atoms for 14. */
double hg_qdf2_property_prior(double *scale, const hg_qdf2 *q, hg_qdf2_property p) {
    const size_t n = hg_qdf2_property_columns(q, p);
    if (p == HG_QDF2_DIPOLE) {
        for (size_t j = 0; j < n; j++) scale[j] = 0.1;
        return 3e-4; /* (e A)^2 */
    }
    scale[0] = 10;
    scale[1] = scale[2] = 1;
    for (size_t k = 0; hg_tb_theta_family(k); k++) {
        const hg_tb_family *f = hg_tb_theta_family(k);
        for (size_t j = 0; j < f->count; j++) scale[LEVEL_COLUMNS + f->first + j] = f->scale;
    }
    return 3e-4; /* eV^2 */
}

hg_status hg_qdf2_read(hg_qdf2_value *out, const hg_qdf2 *q, hg_qdf2_room *room, const hg_qdf2_result *r,
                       const hg_molecule *m, hg_qdf2_property p, hg_err *err) {
    const hg_linear *l = &q->property[p];
    *out = (hg_qdf2_value) { hg_qdf2_knows(q, p), { (double)NAN, (double)NAN, (double)NAN }, (double)NAN };
    if (!out->known || (p == HG_QDF2_LUMO && !isfinite(r->orbitals.lumo))) return HG_OK; /* all shells are full */
    HG_TRY(hg_qdf2_property_describe(room->y, q, room, &r->orbitals, m, p, err));
    for (size_t k = 0; k < PROPERTY[p].size; k++) out->value[k] = hg_linear_value(l, room->y + k * l->columns);
    out->sd = hg_linear_sd(l, hg_linear_spread(l, room->y, PROPERTY[p].size));
    return HG_OK;
}
