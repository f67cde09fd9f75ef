/* simulate/liquid_force.c -- forces over the pool: every part of the list sums into numbers of its own, which are then added in order */
#include "simulate/liquid.h"
#include <string.h>

typedef struct {
    hg_liquid *l;
    liquid_scene scene;
} job;

static void force_of_part(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const job *j = ctx;
    const hg_liquid *l = j->l;
    const size_t all = LIQUID_LANES * l->clusters;
    for (size_t p = begin; p < end; p++) {
        float *f = p ? l->part_force + (p - 1) * LIQUID_LANES * l->clusters_cap : l->f;
        memset(f, 0, all * sizeof *f);
        const size_t from = l->list.part[p];
        l->kernels->force(f, &j->scene, l->list.entry + from, l->list.part[p + 1] - from, l->list.other);
    }
}

void liquid_force(hg_liquid *l) {
    job j = { .l = l, .scene = { .x = l->near, .type = l->type } };
    for (size_t p = 0; p < 4; p++) {
        j.scene.table.c12[p] = (float)l->pair[p].c12;
        j.scene.table.c6[p] = (float)l->pair[p].c6;
        j.scene.table.fc[p] = (float)l->pair[p].fc;
        j.scene.table.rc2[p] = (float)l->pair[p].rc2;
    }
    hg_pool_for(l->opts.pool, l->list.parts, 1, force_of_part, &j);
    for (size_t p = 1; p < l->list.parts; p++)
        liquid_add(l->f, l->part_force + (p - 1) * LIQUID_LANES * l->clusters_cap, LIQUID_LANES * l->clusters);
    if (l->held) liquid_hold(l->f, l->x, l->anchor, l->clusters, l->wall, l->stiffness);
    l->has_force = true;
}

/* ---- in double ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_liquid *l;
    double *energy;
    liquid_sums sums[LIQUID_PARTS_MOST];
} exact_job;

static void exact_of_part(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    exact_job *j = ctx;
    const hg_liquid *l = j->l;
    for (size_t p = begin; p < end; p++) {
        double *f = p ? l->part_exact + (p - 1) * LIQUID_LANES * l->clusters_cap : l->exact;
        memset(f, 0, LIQUID_LANES * l->clusters * sizeof *f);
        const liquid_exact_scene s = {
            .x = l->place, .type = l->type, .rows = (const liquid_rows *)l->rows, .energy = j->energy
        };
        const size_t from = l->list.part[p];
        j->sums[p] = (liquid_sums) { 0 };
        liquid_exact_entries(f, &j->sums[p], &s, l->list.entry + from, l->list.part[p + 1] - from, l->list.other);
    }
}

liquid_sums liquid_exact(hg_liquid *l, double *energy) {
    exact_job j = { .l = l, .energy = energy };
    const size_t all = LIQUID_LANES * l->clusters;
    for (size_t i = 0; i < all; i++) l->place[i] = l->x[i] - l->origin[i];
    if (energy) memset(energy, 0, all * sizeof *energy);
    /* energies of particles are one array: in this thread then */
    hg_pool_for(energy ? NULL : l->opts.pool, l->list.parts, 1, exact_of_part, &j);
    liquid_sums sums = j.sums[0];
    for (size_t p = 1; p < l->list.parts; p++) {
        const double *f = l->part_exact + (p - 1) * LIQUID_LANES * l->clusters_cap;
        for (size_t i = 0; i < all; i++) l->exact[i] += f[i];
        sums.potential += j.sums[p].potential;
        sums.virial += j.sums[p].virial;
    }
    return sums;
}
