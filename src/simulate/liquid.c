/* simulate/liquid.c -- see hagane/liquid.h; this file: what a liquid is, what is seen of it */
#include "hagane/liquid.h"
#include "core/memory.h"
#include "matter/snapshot.h"
#include "simulate/liquid.h"
#include <math.h>
#include <string.h>

static const size_t PARTICLES_MOST = (size_t)1 << 24;
static const double PARTICLES_A_PART = 1024;
static const double OVERLAP = 1.0 / 3; /* of the smallest diameter: no liquid comes there */

hg_liquid_potential hg_kob_andersen(void) {
    const hg_liquid_potential p = { .epsilon = { { 1, 1.5 }, { 1.5, 0.5 } },
                                    .sigma = { { 1, 0.8 }, { 0.8, 0.88 } },
                                    .cutoff = { { 2.5, 2 }, { 2, 2.2 } },
                                    .force_shifted = true };
    return p;
}

hg_liquid_opts hg_liquid_opts_default(void) {
    return (hg_liquid_opts) { .potential = hg_kob_andersen(), .skin = 1.4, .margin = 0.14 };
}

/* ---- options -------------------------------------------------------------------------------------------------------- */

static hg_status check_potential(const hg_liquid_potential *p, hg_err *err) {
    for (size_t a = 0; a < HG_LIQUID_SPECIES; a++)
        for (size_t b = 0; b < HG_LIQUID_SPECIES; b++) {
            const double e = p->epsilon[a][b], s = p->sigma[a][b], c = p->cutoff[a][b];
            const char one = hg_species_letter((uint8_t)a), two = hg_species_letter((uint8_t)b);
            if (!isfinite(e) || e < 0)
                return hg_fail(err, HG_EINVAL, "epsilon of %c and %c is %g, expected 0 or more", one, two, e);
            if (!isfinite(s) || s <= 0)
                return hg_fail(err, HG_EINVAL, "sigma of %c and %c is %g, expected more than 0", one, two, s);
            if (!isfinite(c) || c < s)
                return hg_fail(err, HG_EINVAL, "the cut-off of %c and %c is %g, expected their sigma %g or more", one,
                               two, c, s);
            if (e != p->epsilon[b][a] || s != p->sigma[b][a] || c != p->cutoff[b][a])
                return hg_fail(err, HG_EINVAL, "%c acts on %c in another way than %c on %c", one, two, two, one);
        }
    return HG_OK;
}

/* F(r) = 24 epsilon (2 (sigma/r)^12 - (sigma/r)^6) / r. */
static liquid_pair pair_constants(double epsilon, double sigma, double cutoff, bool force_shifted) {
    const double s6 = pow(sigma, 6), r6 = pow(cutoff, -6);
    liquid_pair p = { .c12 = 48 * epsilon * s6 * s6, .c6 = 24 * epsilon * s6, .rc2 = cutoff * cutoff };
    if (force_shifted) p.fc = (p.c12 * r6 - p.c6) * r6 / cutoff;
    p.constant = -(p.c12 / 12 * r6 - p.c6 / 6) * r6 - p.fc * cutoff;
    return p;
}

static void set_constants(hg_liquid *l) {
    const hg_liquid_potential *p = &l->opts.potential;
    for (size_t a = 0; a < 2; a++)
        for (size_t b = 0; b < 2; b++)
            l->pair[2 * a + b] = pair_constants(p->epsilon[a][b], p->sigma[a][b], p->cutoff[a][b], p->force_shifted);
    for (size_t s = 0; s < 2; s++)
        for (size_t type = 0; type < 16; type++)
            for (size_t k = 0; k < 4; k++) {
                const liquid_pair *c = &l->pair[2 * s + (type >> k & 1U)];
                (*l->rows)[s][type].c12[k] = c->c12;
                (*l->rows)[s][type].c6[k] = c->c6;
                (*l->rows)[s][type].fc[k] = c->fc;
                (*l->rows)[s][type].rc2[k] = c->rc2;
                (*l->rows)[s][type].constant[k] = c->constant;
            }
}

double liquid_longest_cutoff(const hg_liquid_potential *p) {
    double c = 0;
    for (size_t a = 0; a < 4; a++) c = fmax(c, p->cutoff[a / 2][a % 2]);
    return c;
}

static double smallest_sigma(const hg_liquid_potential *p) {
    double s = INFINITY;
    for (size_t a = 0; a < 4; a++) s = fmin(s, p->sigma[a / 2][a % 2]);
    return s;
}

/* ---- particles -------------------------------------------------------------------------------------------------------- */

/* Of positions, wherever their images are. */
static hg_status check_positions(const hg_liquid *l, const double *x, hg_err *err) {
    HG_TRY(hg_check_finite("particle", x, l->n, 3, err));
    double *in = hg_malloc(l->n, 3 * sizeof *in);
    if (!in) return hg_fail(err, HG_ENOMEM, "no memory for %zu particles", l->n);
    for (size_t i = 0; i < 3 * l->n; i++) in[i] = hg_wrapped(x[i], l->box[i % 3]);
    const hg_snapshot s = { .n = l->n,
                            .species = l->species,
                            .x = in,
                            .box = { l->box[0], l->box[1], l->box[2] },
                            .temperature = (double)NAN,
                            .id = "",
                            .split = "",
                            .liquid = -1 };
    const hg_liquid_potential *p = &l->opts.potential;
    const hg_status st = hg_snapshot_check(&s, OVERLAP * smallest_sigma(p), liquid_longest_cutoff(p), err);
    hg_free(in);
    return st;
}

static void put_state(hg_liquid *l, const double *x, const double *v) {
    l->clusters = (l->n + 3) / 4;
    memset(l->v, 0, LIQUID_LANES * l->clusters * sizeof *l->v);
    for (size_t i = 0; i < l->n; i++) {
        l->id[i] = (uint32_t)i;
        for (size_t k = 0; k < 3; k++) {
            l->x[liquid_lane(i, k)] = x[3 * i + k];
            l->v[liquid_lane(i, k)] = v ? v[3 * i + k] : 0;
        }
    }
    for (size_t s = l->n; s < 4 * l->clusters; s++) l->id[s] = LIQUID_EMPTY;
    l->held = l->has_list = l->has_force = false;
    l->lists = 0;
}

static hg_status reserve(hg_liquid *l, hg_err *err) {
    const double width = cbrt(4 * l->box[0] * l->box[1] * l->box[2] / (double)l->n);
    for (size_t k = 0; k < 2; k++) {
        const double columns = nearbyint(l->box[k] / width);
        l->columns[k] = columns < 1 ? 1 : columns > (double)l->n ? l->n : (size_t)columns;
    }
    if (l->columns[0] > 4 * l->n / l->columns[1])
        l->columns[0] = l->columns[1] = 1; /* a needle of a box: one column does */
    const size_t columns = l->columns[0] * l->columns[1], cap = columns + l->n / 4 + 1;
    l->clusters_cap = cap;
    double part = (double)l->n / PARTICLES_A_PART;
    part = part < 1 ? 1 : part > LIQUID_PARTS_MOST ? LIQUID_PARTS_MOST : part;
    l->list.parts = (size_t)part;
    hg_arena *m = l->mem;
    double **const wide[] = { &l->x, &l->v, &l->anchor, &l->origin, &l->listed, &l->picked, &l->place, &l->exact };
    bool ok = true;
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        ok = ok && (*wide[i] = hg_alloc(m, cap, LIQUID_LANES * sizeof **wide[i]));
    ok = ok && (l->id = hg_alloc(m, cap, 4 * sizeof *l->id)) &&
         (l->near = hg_alloc(m, cap, LIQUID_LANES * sizeof *l->near)) &&
         (l->f = hg_alloc(m, cap, LIQUID_LANES * sizeof *l->f)) && (l->type = hg_alloc(m, cap, sizeof *l->type)) &&
         (l->part_force = hg_alloc(m, cap * (l->list.parts - 1), LIQUID_LANES * sizeof *l->part_force)) &&
         (l->part_exact = hg_alloc(m, cap * (l->list.parts - 1), LIQUID_LANES * sizeof *l->part_exact)) &&
         (l->bound = hg_alloc(m, cap, 6 * sizeof *l->bound)) &&
         (l->ordered = hg_alloc(m, l->n, 9 * sizeof *l->ordered)) &&
         (l->column_of = hg_alloc(m, l->n, sizeof *l->column_of)) && (l->order = hg_alloc(m, l->n, sizeof *l->order)) &&
         (l->column_start = hg_alloc(m, columns + 1, sizeof *l->column_start)) &&
         (l->rows = hg_alloc(m, 1, sizeof *l->rows));
    return ok ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for %zu particles", l->n);
}

static hg_status build(hg_liquid *l, const uint8_t *species, const double *x, hg_err *err) {
    const hg_liquid_opts *o = &l->opts;
    HG_TRY(check_potential(&o->potential, err));
    if (!isfinite(o->margin) || o->margin <= 0)
        return hg_fail(err, HG_EINVAL, "a margin of %g, expected more than 0", o->margin);
    if (!isfinite(o->skin) || o->skin <= o->margin)
        return hg_fail(err, HG_EINVAL, "a skin of %g, expected more than the margin %g", o->skin, o->margin);
    if (l->n == 0) return hg_fail(err, HG_EINVAL, "no particles");
    if (l->n > PARTICLES_MOST)
        return hg_fail(err, HG_ELIMIT, "%zu particles, at most %zu are simulated", l->n, PARTICLES_MOST);
    l->mem = hg_arena_new();
    l->species = hg_alloc(l->mem, l->n, sizeof *l->species);
    if (!l->species) return hg_fail(err, HG_ENOMEM, "no memory for %zu particles", l->n);
    for (size_t i = 0; i < l->n; i++) {
        if (species[i] >= HG_LIQUID_SPECIES)
            return hg_advise(
                err, hg_fail(err, HG_EDATA, "particle %zu is of species %c", i + 1, hg_species_letter(species[i])),
                "the engine knows A and B");
        l->species[i] = species[i];
    }
    HG_TRY(check_positions(l, x, err));
    const double side = fmin(fmin(l->box[0], l->box[1]), l->box[2]), room = side - liquid_longest_cutoff(&o->potential);
    l->skin = fmin(o->skin, room); /* a cluster sees each of its neighbours' nearest images, no others */
    if (l->skin <= o->margin)
        return hg_fail(err, HG_EINVAL, "a margin of %g is too wide for a box with a side of %g", o->margin, side);
    HG_TRY(reserve(l, err));
    l->kernels = o->plain ? &liquid_plain_kernels : liquid_best_kernels();
    set_constants(l);
    put_state(l, x, NULL);
    return HG_OK;
}

hg_status hg_liquid_new(hg_liquid **out, const uint8_t *species, const double *x, size_t n, const double box[3],
                        const hg_liquid_opts *opts, hg_err *err) {
    *out = NULL;
    hg_liquid *l = hg_calloc(1, sizeof *l);
    if (!l) return hg_fail(err, HG_ENOMEM, "no memory for %zu particles", n);
    l->opts = opts ? *opts : hg_liquid_opts_default();
    l->n = n;
    for (size_t k = 0; k < 3; k++) l->box[k] = box[k];
    const hg_status st = build(l, species, x, err);
    if (st == HG_OK)
        *out = l;
    else
        hg_liquid_free(l);
    return st;
}

void hg_liquid_free(hg_liquid *l) {
    if (!l) return;
    hg_arena_free(l->mem);
    hg_free(l->list.entry);
    hg_free(l->list.far);
    hg_free(l->list.other);
    hg_free(l);
}

size_t hg_liquid_n(const hg_liquid *l) { return l->n; }

static void by_particle(double *out, const double *lanes, const hg_liquid *l) {
    for (size_t s = 0; s < 4 * l->clusters; s++)
        if (l->id[s] != LIQUID_EMPTY)
            for (size_t k = 0; k < 3; k++) out[3 * (size_t)l->id[s] + k] = lanes[liquid_lane(s, k)];
}

void hg_liquid_state(double *x, double *v, const hg_liquid *l) {
    if (x) by_particle(x, l->x, l);
    if (v) by_particle(v, l->v, l);
}

hg_status hg_liquid_set(hg_liquid *l, const double *x, const double *v, hg_err *err) {
    HG_TRY(check_positions(l, x, err));
    if (v) HG_TRY(hg_check_finite("velocity of particle", v, l->n, 3, err));
    put_state(l, x, v);
    return HG_OK;
}

hg_status hg_liquid_hold(hg_liquid *l, const double *anchor, double wall, double stiffness, hg_err *err) {
    l->held = false;
    l->has_force = false;
    if (!anchor) return HG_OK;
    if (!isfinite(wall) || wall < 0 || !isfinite(stiffness) || stiffness < 0)
        return hg_fail(err, HG_EINVAL, "a wall at %g of stiffness %g, expected neither to be negative", wall,
                       stiffness);
    HG_TRY(hg_check_finite("anchor of particle", anchor, l->n, 3, err));
    for (size_t s = 0; s < 4 * l->clusters; s++)
        for (size_t k = 0; k < 3; k++)
            l->anchor[liquid_lane(s, k)] =
                l->id[s] == LIQUID_EMPTY ? l->x[liquid_lane(s, k)] : anchor[3 * (size_t)l->id[s] + k];
    l->wall = wall;
    l->stiffness = stiffness;
    l->held = true;
    return HG_OK;
}

/* Drawn by particle, so that slots do not matter. */
void hg_liquid_maxwell(hg_liquid *l, double temperature, bool exact, hg_rng rng) {
    double *v = l->ordered, mean[3] = { 0 }, sum = 0;
    const double speed = sqrt(temperature);
    for (size_t i = 0; i < 3 * l->n; i++) {
        v[i] = speed * hg_rng_normal(&rng);
        mean[i % 3] += v[i] / (double)l->n;
    }
    for (size_t i = 0; i < 3 * l->n; i++) {
        v[i] -= mean[i % 3];
        sum += v[i] * v[i];
    }
    const double factor = exact && sum > 0 ? sqrt(temperature * (3 * (double)l->n - 3) / sum) : 1;
    for (size_t s = 0; s < 4 * l->clusters; s++)
        if (l->id[s] != LIQUID_EMPTY)
            for (size_t k = 0; k < 3; k++) l->v[liquid_lane(s, k)] = factor * v[3 * (size_t)l->id[s] + k];
}

/* ---- what is seen ----------------------------------------------------------------------------------------------------- */

/* A particle that moved by half the margin may meet another that did so, too. What is picked then is in the list as long as none has moved by half of what
 * the skin is wider. */
hg_status liquid_follow(hg_liquid *l, hg_err *err) {
    if (!l->has_list) return liquid_relist(l, err);
    const double moved2 = liquid_moved2(l->x, l->picked, l->clusters), half = l->opts.margin / 2,
                 rest = (l->skin - l->opts.margin) / 2;
    if (!(moved2 < 1))
        return hg_advise(err, hg_fail(err, HG_EDATA, "particles fly apart"),
                         "take a smaller time step, or a start without overlaps");
    if (moved2 < half * half) return HG_OK;
    if (liquid_moved2(l->x, l->listed, l->clusters) >= rest * rest) return liquid_relist(l, err);
    liquid_pick(l);
    return HG_OK;
}

hg_status hg_liquid_observe(hg_liquid_view *out, hg_liquid *l, hg_err *err) {
    *out = (hg_liquid_view) { 0 };
    HG_TRY(liquid_follow(l, err));
    const liquid_sums sums = liquid_exact(l, NULL);
    const size_t all = LIQUID_LANES * l->clusters;
    out->potential = sums.potential;
    out->virial = sums.virial;
    out->kinetic = liquid_dot(l->v, l->v, all) / 2;
    out->temperature = l->n > 1 ? 2 * out->kinetic / (3 * (double)l->n - 3) : 0;
    out->pressure = (2 * out->kinetic + sums.virial) / (3 * l->box[0] * l->box[1] * l->box[2]);
    out->force = sqrt(liquid_longest2(l->exact, l->clusters));
    for (size_t i = 0; i < all; i++)
        if (i % LIQUID_LANES < 12) out->momentum[i % LIQUID_LANES / 4] += l->v[i];
    out->lists = l->lists;
    for (size_t e = 0; e < l->list.entries; e++)
        out->pairs += LIQUID_LANES * (size_t)(l->list.entry[e].end - l->list.entry[e].begin);
    return HG_OK;
}

hg_status hg_liquid_forces(double *f, double *energy, hg_liquid *l, hg_err *err) {
    HG_TRY(liquid_follow(l, err));
    double *lanes = energy ? hg_calloc(l->clusters, LIQUID_LANES * sizeof *lanes) : NULL;
    if (energy && !lanes) return hg_fail(err, HG_ENOMEM, "no memory for energies of %zu particles", l->n);
    liquid_exact(l, lanes);
    if (f) by_particle(f, l->exact, l);
    for (size_t s = 0; energy && s < 4 * l->clusters; s++)
        if (l->id[s] != LIQUID_EMPTY) energy[l->id[s]] = lanes[liquid_lane(s, 0)];
    hg_free(lanes);
    return HG_OK;
}

hg_status hg_liquid_forces_of_run(double *f, hg_liquid *l, hg_err *err) {
    HG_TRY(liquid_follow(l, err));
    const size_t all = LIQUID_LANES * l->clusters;
    liquid_near(l->near, l->x, l->origin, all);
    liquid_force(l);
    for (size_t i = 0; i < all; i++) l->place[i] = (double)l->f[i];
    by_particle(f, l->place, l);
    return HG_OK;
}
