/* models/glass_floor_network.c -- see models/glass_floor_network.h: the ensemble, and what it adds to a prediction */
#include "models/glass_floor_network.h"
#include "core/memory.h"
#include <math.h>

hg_status hg_floor_nets_new(hg_floor_nets **out, const hg_floor *m, size_t members, const hg_params_opts *o,
                            hg_err *err) {
    *out = NULL;
    hg_floor_nets *e = hg_calloc(1, sizeof *e);
    if (!e) return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", members);
    hg_status st = HG_OK;
    for (; st == HG_OK && e->members < members; e->members += st == HG_OK) {
        hg_params_opts own = *o;
        own.seed += e->members;
        st = hg_net_params_new(&e->params[e->members], hg_net_width(m->state, m->thermal), m->n_times, m->bonds, &own,
                               err);
    }
    if (st == HG_OK)
        *out = e;
    else
        hg_floor_nets_free(e);
    return st;
}

void hg_floor_nets_free(hg_floor_nets *e) {
    if (!e) return;
    for (size_t k = 0; k < e->members; k++) hg_params_free(e->params[k]);
    hg_free(e);
}

/* Those pairs that ridge speaks of. index[n], pair[n,2] in mem. */
static hg_status bonds_of(uint32_t **bond, size_t **index, size_t *n, const float *stretch, const uint32_t *pair,
                          size_t n_pairs, hg_arena *mem, hg_err *err) {
    *n = 0;
    *bond = hg_alloc(mem, n_pairs, 2 * sizeof **bond);
    *index = hg_alloc(mem, n_pairs, sizeof **index);
    if (!*bond || !*index) return hg_fail(err, HG_ENOMEM, "no memory for %zu bonds", n_pairs);
    for (size_t p = 0; p < n_pairs; p++) {
        if (isnan(stretch[p])) continue;
        (*bond)[2 * *n] = pair[2 * p];
        (*bond)[2 * *n + 1] = pair[2 * p + 1];
        (*index)[(*n)++] = p;
    }
    return HG_OK;
}

typedef struct {
    const hg_floor_nets *e;
    const hg_snapshot *s;
    const hg_net_scene *scene;
    double *z;
    float *stretch;
    const size_t *index; /* [bonds] of stretch */
    size_t n_pairs;
} target;

static void add_share(const target *g, const hg_tensor *node, const hg_tensor *bond) {
    const size_t n = g->scene->n, T = g->scene->n_times;
    const float *of_nodes = hg_tensor_floats(node), *of_bonds = bond ? hg_tensor_floats(bond) : NULL;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < T; t++) {
            const size_t c = g->s->species[i] * T + t;
            g->z[t * n + i] += g->e->share[c] * g->e->scale[c] / (double)g->e->members * (double)of_nodes[i * T + t];
        }
    for (size_t b = 0; of_bonds && b < g->scene->bonds; b++)
        for (size_t t = 0; t < T; t++) {
            const size_t c = (HG_GLASS_SPECIES + g->scene->kind[b]) * T + t;
            g->stretch[t * g->n_pairs + g->index[b]] +=
                (float)(g->e->share[c] * g->e->scale[c] / (double)g->e->members * (double)of_bonds[b * T + t]);
        }
}

static hg_status add(const target *g, bool bonds, hg_pool *pool, hg_err *err) {
    hg_tape_opts o = hg_tape_opts_default();
    hg_tape *t;
    o.pool = pool;
    o.record = false;
    HG_TRY(hg_tape_new(&t, &o, err));
    hg_status st = HG_OK;
    for (size_t k = 0; st == HG_OK && k < g->e->members; k++) {
        hg_tensor *node, *bond = NULL;
        hg_tape_begin(t, k);
        hg_net_tape(&node, bonds ? &bond : NULL, t, g->e->params[k], g->scene);
        st = hg_tape_status(t, err);
        if (st == HG_OK) add_share(g, node, bond);
    }
    hg_tape_free(t);
    return st;
}

hg_status hg_floor_nets_add(double *z, float *stretch, const hg_floor *m, const hg_snapshot *s,
                            const hg_floor_seen *seen, const uint32_t *pair, size_t n_pairs, hg_arena *mem,
                            hg_pool *pool, hg_err *err) {
    const size_t T = m->n_times;
    const hg_floor_nets *e = m->nets;
    uint32_t *bond = NULL;
    size_t *index = NULL, bonds = 0;
    hg_net_scene scene;
    if (stretch) HG_TRY(bonds_of(&bond, &index, &bonds, stretch, pair, n_pairs, mem, err));
    const hg_net_view v = {
        .state = m->state, .x = seen->x, .thermal = seen->thermal, .bond = bond, .bonds = bonds, .n_times = T
    };
    HG_TRY(hg_net_scene_make(&scene, s, &v, mem, err));
    for (size_t t = 0; t < T; t++) {
        for (size_t i = 0; i < s->n; i++)
            scene.ridge[i * T + t] = (float)(z[t * s->n + i] / e->scale[s->species[i] * T + t]);
        for (size_t b = 0; b < bonds; b++) {
            const size_t k = scene.kind[b];
            scene.bond_ridge[b * T + t] = (float)(((double)stretch[t * n_pairs + index[b]] - m->bond_zero[k][t]) /
                                                  e->scale[(HG_GLASS_SPECIES + k) * T + t]);
        }
    }
    const target g = {
        .e = e, .s = s, .scene = &scene, .z = z, .stretch = stretch, .index = index, .n_pairs = n_pairs
    };
    return add(&g, stretch != NULL && bonds > 0, pool, err);
}
