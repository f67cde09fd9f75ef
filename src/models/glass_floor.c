/* models/glass_floor.c -- see models/glass_floor.h: prediction, and the numbers of a bond */
#include "models/glass_floor.h"
#include "matter/snapshot.h"
#include "models/glass_floor_network.h"
#include "core/memory.h"
#include <string.h>

const double HG_FLOOR_BOND = 1.35, HG_FLOOR_LEVEL_MOST = 2;
static const double LEAST = 0.05,
                    MOST = 20; /* of a propensity by its mean: a straight line knows no zero, and no end */

size_t hg_floor_bond_width(hg_glass_state state) { return hg_glass_width(state) + BOND_OWN; }

size_t hg_floor_width(const hg_floor *m) { return m->width + (m->thermal ? hg_glass_width(HG_GLASS_THERMAL) : 0); }

hg_status hg_floor_see(hg_floor_seen *out, const hg_floor *m, const hg_snapshot *s, hg_arena *mem, hg_pool *pool,
                       hg_err *err) {
    *out = (hg_floor_seen) { .x = hg_alloc(mem, s->n, m->width * sizeof *out->x) };
    if (m->thermal) out->thermal = hg_alloc(mem, s->n, hg_glass_width(HG_GLASS_THERMAL) * sizeof *out->thermal);
    if (!out->x || (m->thermal && !out->thermal)) return hg_fail(err, HG_ENOMEM, "no memory for %zu particles", s->n);
    HG_TRY(hg_glass_describe(out->x, s, m->state, pool, err));
    return m->thermal ? hg_glass_describe(out->thermal, s, HG_GLASS_THERMAL, pool, err) : HG_OK;
}

size_t hg_floor_levels(hg_glass_state state) { return hg_glass_base(state) - HG_GLASS_BASE + HG_GLASS_PHYSICS; }

void hg_floor_levels_of(double *out, const float *x, size_t n, hg_glass_state state) {
    const size_t levels = hg_floor_levels(state), width = hg_glass_width(state);
    for (size_t k = 0; k < levels; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += (double)x[i * width + HG_GLASS_BASE - HG_GLASS_PHYSICS + k];
        out[k] = sum / (double)n;
    }
}

bool hg_floor_room(hg_floor *m) {
    m->width = hg_glass_width(m->state);
    m->levels = hg_floor_levels(m->state);
    m->time = hg_alloc(m->mem, m->n_times, sizeof *m->time);
    m->level_mean = hg_alloc(m->mem, m->levels, sizeof *m->level_mean);
    bool ok = m->time && m->level_mean;
    for (size_t s = 0; s < HG_GLASS_SPECIES; s++) {
        m->node[s] = hg_alloc(m->mem, m->n_times * hg_floor_width(m), sizeof *m->node[s]);
        m->level[s] = hg_alloc(m->mem, m->n_times * m->levels, sizeof *m->level[s]);
        m->level_zero[s] = hg_alloc(m->mem, m->n_times, sizeof *m->level_zero[s]);
        m->range[s] = hg_alloc(m->mem, m->n_times, 2 * sizeof *m->range[s]);
        ok = ok && m->node[s] && m->level[s] && m->level_zero[s] && m->range[s];
    }
    for (size_t k = 0; m->bonds && k < HG_FLOOR_PAIRS; k++) {
        m->bond[k] = hg_alloc(m->mem, m->n_times * hg_floor_bond_width(m->state), sizeof *m->bond[k]);
        m->bond_zero[k] = hg_alloc(m->mem, m->n_times, sizeof *m->bond_zero[k]);
        ok = ok && m->bond[k] && m->bond_zero[k];
    }
    return ok;
}

void hg_floor_free(hg_floor *m) {
    if (!m) return;
    hg_floor_nets_free(m->nets);
    hg_arena_free(m->mem);
    hg_free(m);
}

hg_floor_facts hg_floor_about(const hg_floor *m) {
    return (hg_floor_facts) { .n_times = m->n_times,
                              .time = m->time,
                              .state = m->state,
                              .coldest = m->temperature[0],
                              .hottest = m->temperature[1],
                              .bonds = m->bonds,
                              .thermal = m->thermal,
                              .range = { m->range[0], m->range[1] },
                              .networks = m->nets ? m->nets->members : 0 };
}

/* ---- bonds ------------------------------------------------------------------------------------------------------- */

static void shells(float *out, double r) {
    for (size_t k = 0; k < BOND_STEPS; k++) {
        const double u = (r - (0.85 + 0.065 * (double)k)) / 0.05;
        out[k] = (float)exp(-0.5 * u * u);
    }
}

/* c is xx yy zz xy xz yz; u a unit vector: u'c u. */
static double along(const double *c, const double u[3]) {
    return c[0] * u[0] * u[0] + c[1] * u[1] * u[1] + c[2] * u[2] * u[2] +
           2 * (c[3] * u[0] * u[1] + c[4] * u[0] * u[2] + c[5] * u[1] * u[2]);
}

static void bond_numbers(float *out, const hg_snapshot *s, hg_glass_state state, size_t i, size_t j, const double d0[3],
                         double r0) {
    const double *step = state == HG_GLASS_INHERENT ? s->inherent : state == HG_GLASS_CAGE ? s->cage : NULL;
    double d[3], r2 = 0, dot = 0, turn2 = 0;
    for (size_t k = 0; k < 3; k++) {
        d[k] = d0[k] + (step ? step[3 * j + k] - step[3 * i + k] : 0);
        r2 += d[k] * d[k];
        turn2 += (d[k] - d0[k]) * (d[k] - d0[k]);
        dot += d[k] * d0[k];
    }
    const double r = sqrt(r2);
    shells(out, r0);
    shells(out + BOND_STEPS, r);
    float *rest = out + 2 * BOND_STEPS;
    rest[0] = (float)r0;
    rest[1] = (float)r;
    rest[2] = (float)(r - r0);
    rest[3] = (float)((r - r0) * (r - r0));
    rest[4] = (float)sqrt(turn2);
    rest[5] = (float)(r > 0 ? dot / (r * r0) : 0);
    rest[6] = rest[7] = 0;
    if (state != HG_GLASS_CAGE || !(r > 0)) return;
    const double u[3] = { d[0] / r, d[1] / r, d[2] / r };
    const double *a = s->cage_covariance + 6 * i, *b = s->cage_covariance + 6 * j;
    rest[6] = (float)sqrt(fmax(along(a, u) + along(b, u), 0));
    rest[7] = (float)sqrt(fmax(a[0] + a[1] + a[2] + b[0] + b[1] + b[2], 0));
}

hg_status hg_floor_bonds_of(hg_floor_bonds *out, const hg_snapshot *s, const float *x, hg_glass_state state,
                            size_t kind, const uint32_t *pair, size_t n, hg_arena *mem, hg_err *err) {
    const size_t nodes = hg_glass_width(state), width = hg_floor_bond_width(state);
    *out = (hg_floor_bonds) { .index = hg_alloc(mem, n, sizeof *out->index) };
    if (!out->index) return hg_fail(err, HG_ENOMEM, "no memory for %zu bonds", n);
    for (size_t pass = 0; pass < 2; pass++) {
        size_t count = 0;
        for (size_t p = 0; p < n; p++) {
            const size_t i = pair[2 * p], j = pair[2 * p + 1];
            double d[3], r2 = 0;
            if ((size_t)s->species[i] + s->species[j] != kind) continue;
            for (size_t k = 0; k < 3; k++) {
                d[k] = hg_nearest_image(s->x[3 * j + k] - s->x[3 * i + k], s->box[k]);
                r2 += d[k] * d[k];
            }
            if (r2 >= HG_FLOOR_BOND * HG_FLOOR_BOND || r2 <= 0) continue;
            if (pass == 1) {
                float *to = out->x + count * width;
                for (size_t k = 0; k < nodes; k++) to[k] = x[i * nodes + k] + x[j * nodes + k];
                bond_numbers(to + nodes, s, state, i, j, d, sqrt(r2));
            }
            out->index[count++] = p;
        }
        out->n = count;
        if (pass == 0) out->x = hg_alloc(mem, count, width * sizeof *out->x);
        if (!out->x) return hg_fail(err, HG_ENOMEM, "no memory for %zu bonds", count);
    }
    return HG_OK;
}

/* ---- prediction -------------------------------------------------------------------------------------------------- */

static double product(const float *w, const float *x, const double *mean, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += (double)w[k] * ((double)x[k] - mean[k]);
    return sum;
}

typedef struct {
    const hg_floor *m;
    float *const *weight; /* [species] of [n_times,hg_floor_width] */
    const uint8_t *species;
    size_t n;
    hg_floor_seen seen;
    double *mean; /* [species,hg_floor_width] over the snapshot */
    double *z;
} nodes;

static void node_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const nodes *g = ctx;
    const hg_floor *m = g->m;
    const size_t width = hg_floor_width(m), rest = width - m->width;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const size_t k = g->species[i];
        const double *mean = g->mean + k * width;
        for (size_t t = 0; t < m->n_times; t++) {
            const float *w = g->weight[k] + t * width;
            double z = product(w, g->seen.x + i * m->width, mean, m->width);
            if (rest) z += product(w + m->width, g->seen.thermal + i * rest, mean + m->width, rest);
            g->z[t * g->n + i] = z;
        }
    }
}

/* mean[width] of those rows of x[n,width] that are of the species. */
static void mean_of(double *mean, const float *x, const uint8_t *of, size_t all, size_t species, size_t width) {
    size_t n = 0;
    for (size_t i = 0; i < all; i++) {
        if (of[i] != species) continue;
        n++;
        for (size_t k = 0; k < width; k++) mean[k] += (double)x[i * width + k];
    }
    for (size_t k = 0; n && k < width; k++) mean[k] /= (double)n;
}

hg_status hg_floor_ridge_nodes(double *z, const hg_floor *m, float *const *weight, const uint8_t *species, size_t n,
                               const hg_floor_seen *seen, hg_arena *mem, hg_pool *pool, hg_err *err) {
    const size_t width = hg_floor_width(m);
    nodes g = { .m = m, .weight = weight, .species = species, .n = n, .seen = *seen, .z = z };
    g.mean = hg_alloc(mem, HG_GLASS_SPECIES * width, sizeof *g.mean);
    if (!g.mean) return hg_fail(err, HG_ENOMEM, "no memory to predict %zu particles", n);
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++) {
        mean_of(g.mean + k * width, seen->x, species, n, k, m->width);
        if (m->thermal) mean_of(g.mean + k * width + m->width, seen->thermal, species, n, k, width - m->width);
    }
    hg_pool_for(pool, n, 64, node_task, &g);
    return HG_OK;
}

/* Means of a species over the snapshot, times what particles have by them. */
static hg_status propensities(float *propensity, const double *z, const hg_floor *m, const hg_snapshot *s,
                              const float *x, hg_arena *mem, hg_err *err) {
    double *levels = hg_alloc(mem, m->levels, sizeof *levels);
    if (!levels) return hg_fail(err, HG_ENOMEM, "no memory to predict %zu particles", s->n);
    hg_floor_levels_of(levels, x, s->n, m->state);
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++)
        for (size_t t = 0; t < m->n_times; t++) {
            double level = m->level_zero[k][t];
            for (size_t l = 0; l < m->levels; l++)
                level += m->level[k][t * m->levels + l] * (levels[l] - m->level_mean[l]);
            const double *range = m->range[k] + 2 * t;
            level = fmin(fmax(exp(level), range[0] / HG_FLOOR_LEVEL_MOST), range[1] * HG_FLOOR_LEVEL_MOST);
            for (size_t i = 0; i < s->n; i++)
                if (s->species[i] == k)
                    propensity[t * s->n + i] = (float)(level * fmin(fmax(1 + z[t * s->n + i], LEAST), MOST));
        }
    return HG_OK;
}

static hg_status predict_bonds(float *stretch, const hg_floor *m, const hg_snapshot *s, const float *x,
                               const uint32_t *pair, size_t n, hg_arena *mem, hg_err *err) {
    const size_t width = hg_floor_bond_width(m->state);
    for (size_t i = 0; i < n * m->n_times; i++) stretch[i] = NAN;
    for (size_t kind = 0; kind < HG_FLOOR_PAIRS; kind++) {
        const hg_mark mark = hg_arena_mark(mem);
        hg_floor_bonds b;
        HG_TRY(hg_floor_bonds_of(&b, s, x, m->state, kind, pair, n, mem, err));
        double *mean = hg_alloc(mem, width, sizeof *mean);
        if (!mean) return hg_fail(err, HG_ENOMEM, "no memory for %zu bonds", b.n);
        for (size_t i = 0; i < b.n; i++)
            for (size_t k = 0; k < width; k++) mean[k] += (double)b.x[i * width + k] / (double)b.n;
        for (size_t i = 0; i < b.n; i++)
            for (size_t t = 0; t < m->n_times; t++)
                stretch[t * n + b.index[i]] =
                    (float)(m->bond_zero[kind][t] + product(m->bond[kind] + t * width, b.x + i * width, mean, width));
        hg_arena_reset(mem, mark);
    }
    return HG_OK;
}

static hg_status predict(float *propensity, float *stretch, const hg_floor *m, const hg_snapshot *s,
                         const uint32_t *pair, size_t n_pairs, hg_arena *mem, hg_pool *pool, hg_err *err) {
    hg_floor_seen seen;
    double *z = hg_alloc(mem, s->n, m->n_times * sizeof *z);
    if (!z) return hg_fail(err, HG_ENOMEM, "no memory to predict %zu particles", s->n);
    HG_TRY(hg_floor_see(&seen, m, s, mem, pool, err));
    for (size_t i = 0; i < s->n; i++)
        if (!(m->range[s->species[i]][1] > 0))
            return hg_fail(err, HG_EDATA, "%s: particle %zu is %c, and the model has learned from no such particles",
                           s->id, i + 1, hg_species_letter(s->species[i]));
    HG_TRY(hg_floor_ridge_nodes(z, m, m->node, s->species, s->n, &seen, mem, pool, err));
    if (stretch) HG_TRY(predict_bonds(stretch, m, s, seen.x, pair, n_pairs, mem, err));
    if (m->nets) HG_TRY(hg_floor_nets_add(z, stretch, m, s, &seen, pair, n_pairs, mem, pool, err));
    return propensities(propensity, z, m, s, seen.x, mem, err);
}

hg_status hg_floor_predict(float *propensity, float *stretch, const hg_floor *m, const hg_snapshot *s,
                           const uint32_t *pair, size_t n_pairs, hg_pool *pool, hg_err *err) {
    if (stretch && !m->bonds) return hg_fail(err, HG_EDATA, "the model has not learned changes of distances");
    hg_arena *mem = hg_arena_new();
    const hg_status st = predict(propensity, stretch, m, s, pair, n_pairs, mem, pool, err);
    hg_arena_free(mem);
    return st;
}
