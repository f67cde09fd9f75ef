/* models/glass_floor_lessons.c -- see models/glass_floor_lessons.h: snapshots are kept, and what ridges say that have not seen them */
#include "models/glass_floor_lessons.h"
#include "core/memory.h"
#include <math.h>
#include <string.h>

hg_floor_nets_opts hg_floor_nets_opts_default(void) {
    return (hg_floor_nets_opts) { .networks = 3, .epochs = 30, .rate = 2e-3 };
}

hg_status hg_floor_lessons_new(hg_floor_lessons **out, const hg_floor_nets_opts *o, hg_err *err) {
    *out = NULL;
    if (o->networks < 2 || o->networks > HG_FLOOR_NETS_MOST || o->epochs == 0 || !(o->rate > 0))
        return hg_fail(err, HG_EINVAL, "%zu networks, %zu epochs at rate %g: expected 2..%d, at least 1, above 0",
                       o->networks, o->epochs, o->rate, HG_FLOOR_NETS_MOST);
    hg_floor_lessons *l = hg_calloc(1, sizeof *l);
    if (l) *l = (hg_floor_lessons) { .o = *o, .mem = hg_arena_new() };
    if (l && l->mem) {
        *out = l;
        return HG_OK;
    }
    hg_floor_lessons_free(l);
    return hg_fail(err, HG_ENOMEM, "no memory for snapshots");
}

void hg_floor_lessons_free(hg_floor_lessons *l) {
    if (!l) return;
    hg_arena_free(l->mem);
    hg_free(l->lesson);
    hg_free(l);
}

/* ---- keeping snapshots ------------------------------------------------------------------------------------------- */

/* Bonds of all kinds, their own numbers, and their labels less the mean over the kind. */
static hg_status keep_bonds(hg_floor_lesson *a, size_t *bonds, const hg_floor *m, const hg_snapshot *s, const float *x,
                            hg_arena *keep, hg_arena *mem, hg_err *err) {
    const size_t T = m->n_times, width = hg_floor_bond_width(m->state);
    hg_floor_bonds b[HG_FLOOR_PAIRS];
    *bonds = 0;
    for (size_t k = 0; k < HG_FLOOR_PAIRS; k++) {
        HG_TRY(hg_floor_bonds_of(&b[k], s, x, m->state, k, s->pair, s->n_pairs, mem, err));
        *bonds += b[k].n;
    }
    a->bond = hg_alloc(keep, *bonds, 2 * sizeof *a->bond);
    a->bond_own = hg_alloc(keep, *bonds, BOND_OWN * sizeof *a->bond_own);
    a->bond_y = hg_alloc(keep, *bonds, T * sizeof *a->bond_y);
    a->bond_left = hg_alloc(keep, *bonds, T * sizeof *a->bond_left);
    if (!a->bond || !a->bond_own || !a->bond_y || !a->bond_left)
        return hg_fail(err, HG_ENOMEM, "no memory for %zu bonds", *bonds);
    for (size_t k = 0, at = 0; k < HG_FLOOR_PAIRS; at += b[k++].n) {
        for (size_t i = 0; i < b[k].n; i++) {
            memcpy(a->bond + 2 * (at + i), s->pair + 2 * b[k].index[i], 2 * sizeof *a->bond);
            memcpy(a->bond_own + (at + i) * BOND_OWN, b[k].x + (i + 1) * width - BOND_OWN,
                   BOND_OWN * sizeof *a->bond_own);
        }
        for (size_t t = 0; t < T; t++) {
            const float *label = s->stretch + t * s->n_pairs;
            double mean = 0;
            for (size_t i = 0; i < b[k].n; i++) mean += (double)label[b[k].index[i]] / (double)b[k].n;
            for (size_t i = 0; i < b[k].n; i++)
                a->bond_y[(at + i) * T + t] = (float)((double)label[b[k].index[i]] - mean);
        }
    }
    return HG_OK;
}

static hg_status keep_particles(hg_floor_lesson *a, const hg_floor *m, const hg_snapshot *s, const hg_floor_seen *seen,
                                hg_arena *keep, hg_err *err) {
    const size_t T = m->n_times, n = s->n, rest = hg_floor_width(m) - m->width;
    a->species = hg_alloc(keep, n, sizeof *a->species);
    a->seen.x = hg_alloc(keep, n, m->width * sizeof *a->seen.x);
    if (rest) a->seen.thermal = hg_alloc(keep, n, rest * sizeof *a->seen.thermal);
    a->y = hg_alloc(keep, n, T * sizeof *a->y);
    a->left = hg_alloc(keep, n, T * sizeof *a->left);
    if (!a->species || !a->seen.x || (rest && !a->seen.thermal) || !a->y || !a->left)
        return hg_fail(err, HG_ENOMEM, "no memory for %zu particles", n);
    memcpy(a->species, s->species, n * sizeof *a->species);
    memcpy(a->seen.x, seen->x, n * m->width * sizeof *a->seen.x);
    if (rest) memcpy(a->seen.thermal, seen->thermal, n * rest * sizeof *a->seen.thermal);
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++)
        for (size_t t = 0; t < T; t++) {
            double mean = 0, of = 0;
            for (size_t i = 0; i < n; i++)
                if (s->species[i] == k) {
                    mean += (double)s->propensity[t * n + i];
                    of++;
                }
            if (!(mean > 0)) continue;
            mean /= of;
            for (size_t i = 0; i < n; i++)
                if (s->species[i] == k) a->y[i * T + t] = (float)((double)s->propensity[t * n + i] / mean - 1);
        }
    return HG_OK;
}

hg_status hg_floor_lessons_add(hg_floor_lessons *l, const hg_floor *m, const hg_snapshot *s, const hg_floor_seen *seen,
                               size_t fold, hg_err *err) {
    if (!hg_grow(&l->lesson, &l->room, l->n + 1, sizeof *l->lesson))
        return hg_fail(err, HG_ENOMEM, "no memory for %zu snapshots", l->n + 1);
    hg_floor_lesson *a = &l->lesson[l->n];
    *a = (hg_floor_lesson) { .fold = fold };
    hg_arena *mem = hg_arena_new();
    size_t bonds = 0;
    hg_status st = mem ? keep_particles(a, m, s, seen, l->mem, err) : hg_fail(err, HG_ENOMEM, "no memory");
    if (st == HG_OK && m->bonds) st = keep_bonds(a, &bonds, m, s, seen->x, l->mem, mem, err);
    hg_arena_free(mem);
    const hg_net_view v = { .state = m->state,
                            .x = seen->x,
                            .thermal = seen->thermal,
                            .bond = a->bond,
                            .bonds = bonds,
                            .n_times = m->n_times };
    if (st == HG_OK) st = hg_net_scene_make(&a->scene, s, &v, l->mem, err);
    l->n += st == HG_OK;
    return st;
}

/* ---- what ridge says of what it has not seen --------------------------------------------------------------------- */

static hg_status refit(hg_floor_school *g, const bool *left_out, hg_err *err) {
    const hg_floor *m = g->m;
    for (size_t c = 0; c < HG_NET_CLASSES; c++) {
        if (!g->ridge[c]) continue;
        const size_t width = hg_net_ridge_width(m, c), whole = m->thermal && !hg_net_of_bonds(c);
        const hg_fold_columns particle[HG_FLOOR_SETS] = { { 0, m->width }, { m->width, width }, { 0, width } };
        const hg_fold_columns all = { 0, width };
        HG_TRY(hg_fold_ridge_refit(g->w, g->ridge[c], g->chosen[c], whole ? particle : &all, left_out, err));
        for (size_t i = 0; i < m->n_times * width; i++) g->weight[c][i] = (float)g->w[i];
    }
    return HG_OK;
}

/* Bonds by the weights at hand, less their mean over the kind, to scene.bond_ridge in their own unit. */
static void ridge_bonds(hg_floor_lesson *a, const hg_floor_school *g) {
    const hg_floor *m = g->m;
    const size_t T = m->n_times, width = m->width;
    double sum[HG_FLOOR_PAIRS * HG_FLOOR_TIMES_MOST] = { 0 };
    size_t n[HG_FLOOR_PAIRS] = { 0 };
    for (size_t b = 0; b < a->scene.bonds; b++) {
        const size_t k = a->scene.kind[b];
        const float *x = a->seen.x + a->bond[2 * b] * width, *y = a->seen.x + a->bond[2 * b + 1] * width;
        n[k]++;
        for (size_t t = 0; t < T; t++) {
            const float *w = g->weight[HG_GLASS_SPECIES + k] + t * (width + BOND_OWN);
            double z = 0;
            for (size_t i = 0; i < width; i++) z += (double)w[i] * ((double)x[i] + (double)y[i]);
            for (size_t i = 0; i < BOND_OWN; i++) z += (double)w[width + i] * (double)a->bond_own[b * BOND_OWN + i];
            a->scene.bond_ridge[b * T + t] = (float)z;
            sum[k * T + t] += z;
        }
    }
    for (size_t b = 0; b < a->scene.bonds; b++)
        for (size_t t = 0; t < T; t++) {
            const size_t k = a->scene.kind[b];
            a->scene.bond_ridge[b * T + t] -= (float)(sum[k * T + t] / (double)n[k]);
        }
}

/* scene.ridge, scene.bond_ridge and what is left over, all in units of scale. */
static hg_status tell(hg_floor_lesson *a, const hg_floor_school *g, hg_err *err) {
    const hg_floor *m = g->m;
    const size_t T = m->n_times, n = a->scene.n;
    hg_arena *mem = hg_arena_new();
    double *z = hg_alloc(mem, n, T * sizeof *z);
    hg_status st = z ? hg_floor_ridge_nodes(z, m, g->weight, a->species, n, &a->seen, mem, g->pool, err)
                     : hg_fail(err, HG_ENOMEM, "no memory for %zu particles", n);
    for (size_t i = 0; st == HG_OK && i < n; i++)
        for (size_t t = 0; t < T; t++) {
            const double scale = g->nets->scale[a->species[i] * T + t];
            a->scene.ridge[i * T + t] = (float)(z[t * n + i] / scale);
            a->left[i * T + t] = (float)(((double)a->y[i * T + t] - z[t * n + i]) / scale);
        }
    hg_arena_free(mem);
    if (st != HG_OK || !m->bonds) return st;
    ridge_bonds(a, g);
    for (size_t b = 0; b < a->scene.bonds; b++)
        for (size_t t = 0; t < T; t++) {
            const double scale = g->nets->scale[(HG_GLASS_SPECIES + a->scene.kind[b]) * T + t];
            float *says = &a->scene.bond_ridge[b * T + t];
            a->bond_left[b * T + t] = (float)(((double)a->bond_y[b * T + t] - (double)*says) / scale);
            *says = (float)((double)*says / scale);
        }
    return HG_OK;
}

hg_status hg_floor_tell(hg_floor_school *g, size_t group, hg_err *err) {
    bool left_out[HG_FLOOR_FOLDS_MOST];
    for (size_t f = 0; f <= g->folds; f++) { /* the last time: the group's own */
        bool any = false;
        for (size_t i = 0; i < g->l->n; i++) {
            const size_t own = g->l->lesson[i].fold;
            any = any || (f < g->folds ? own == f && g->group[f] != group : g->group[own] == group);
        }
        if (!any) continue;
        for (size_t k = 0; k < g->folds; k++) left_out[k] = k == f || g->group[k] == group;
        HG_TRY(refit(g, left_out, err));
        for (size_t i = 0; i < g->l->n; i++) {
            hg_floor_lesson *a = &g->l->lesson[i];
            if (f < g->folds ? a->fold == f && g->group[f] != group : g->group[a->fold] == group)
                HG_TRY(tell(a, g, err));
        }
    }
    return HG_OK;
}
