/* models/glass_features.c -- see models/glass_features.h: first the numbers of each particle, then averages of averages */
#include "models/glass_features.h"
#include "core/memory.h"
#include "matter/neighbours.h"
#include "matter/snapshot.h"
#include "models/glass_kernel.h"
#include <string.h>

const double HG_GLASS_RANGE = 3.9;
static const double AVERAGE_RANGE = 3.0, AVERAGE_DECAY = 0.7;

size_t hg_glass_base(hg_glass_state state) {
    return HG_GLASS_BASE + (state == HG_GLASS_INHERENT ? 2 : state == HG_GLASS_CAGE ? 8 : 0);
}

size_t hg_glass_width(hg_glass_state state) { return hg_glass_base(state) * (1 + HG_GLASS_AVERAGES); }

static const char *const STATE[HG_GLASS_STATES] = { "thermal structure", "inherent structure", "cage state" };

hg_status hg_glass_positions(double *out, const hg_snapshot *s, hg_glass_state state, hg_err *err) {
    const double *const step[HG_GLASS_STATES] = { NULL, s->inherent, s->cage };
    if (state != HG_GLASS_THERMAL && !step[state])
        return hg_advise(err, hg_fail(err, HG_EDATA, "%s: its %s is not known", s->id, STATE[state]),
                         "compute it first");
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < 3; k++)
            out[3 * i + k] = hg_wrapped(s->x[3 * i + k] + (step[state] ? step[state][3 * i + k] : 0), s->box[k]);
    return HG_OK;
}

/* Mean |x| of a Gaussian of mean m and covariance c has no short form; its root mean square has. */
static void of_state(float *out, const hg_snapshot *s, size_t i, hg_glass_state state) {
    if (state == HG_GLASS_THERMAL) return;
    const double *m = (state == HG_GLASS_INHERENT ? s->inherent : s->cage) + 3 * i;
    const double m2 = m[0] * m[0] + m[1] * m[1] + m[2] * m[2];
    out[0] = (float)sqrt(m2);
    out[1] = (float)log(m2 + 1e-3);
    if (state == HG_GLASS_INHERENT) return;
    const double *c = s->cage_covariance + 6 * i;
    double w[3];
    hg_glass_eigenvalues(w, c);
    const double trace = c[0] + c[1] + c[2];
    for (size_t k = 0; k < 3; k++) out[2 + k] = (float)log(fmax(w[k], 1e-5));
    out[5] = (float)log(trace + 1e-5);
    out[6] = (float)sqrt(trace + m2);
    out[7] = (float)sqrt(trace);
}

typedef struct {
    const hg_snapshot *s;
    const hg_neighbours *near;
    const uint8_t *species; /* [links] of neighbours */
    const float *weight;    /* [links] of neighbours in averages */
    hg_glass_state state;
    float *x;
    size_t base, width, generation;
} job;

static void describe(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *g = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const size_t l = g->near->first[i];
        const hg_glass_around a = { .n = g->near->first[i + 1] - l,
                                    .d = g->near->d + 3 * l,
                                    .r = g->near->r + l,
                                    .species = g->species + l,
                                    .own = g->s->species[i] };
        float *out = g->x + i * g->width;
        hg_glass_base_of(out, &a);
        of_state(out + HG_GLASS_BASE, g->s, i, g->state);
    }
}

/* Generation k from k - 1: the particle itself has weight 1. */
static void average(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *g = ctx;
    (void)worker;
    const size_t from = (g->generation - 1) * g->base;
    for (size_t i = begin; i < end; i++) {
        float *out = g->x + i * g->width + from + g->base;
        memcpy(out, out - g->base, g->base * sizeof *out);
        float sum = 1;
        for (size_t l = g->near->first[i]; l < g->near->first[i + 1]; l++) {
            const float w = g->weight[l], *y = g->x + g->near->other[l] * g->width + from;
            if (w == 0) continue;
            sum += w;
            for (size_t k = 0; k < g->base; k++) out[k] += w * y[k];
        }
        for (size_t k = 0; k < g->base; k++) out[k] /= sum;
    }
}

hg_status hg_glass_describe(float *x, const hg_snapshot *s, hg_glass_state state, hg_pool *pool, hg_err *err) {
    for (size_t i = 0; i < s->n; i++)
        if (s->species[i] >= HG_GLASS_SPECIES)
            return hg_fail(err, HG_EDATA, "%s: particle %zu is of species %c; the model knows two, A and B", s->id,
                           i + 1, hg_species_letter(s->species[i]));
    if (state == HG_GLASS_CAGE && !s->cage_covariance)
        return hg_fail(err, HG_EDATA, "%s: the cage state has no covariance", s->id);
    hg_arena *mem = hg_arena_new();
    double *at = hg_alloc(mem, s->n, 3 * sizeof *at);
    hg_neighbours near;
    hg_status st =
        at ? hg_glass_positions(at, s, state, err) : hg_fail(err, HG_ENOMEM, "no memory for %zu particles", s->n);
    if (st == HG_OK) st = hg_neighbours_find(&near, at, s->n, s->box, HG_GLASS_RANGE, mem, err);
    if (st == HG_OK) {
        const size_t links = near.first[s->n];
        uint8_t *species = hg_alloc(mem, links, sizeof *species);
        float *weight = hg_alloc(mem, links, sizeof *weight);
        if (species && weight) {
            for (size_t l = 0; l < links; l++) {
                species[l] = s->species[near.other[l]];
                weight[l] = near.r[l] < AVERAGE_RANGE ? (float)exp(-near.r[l] / AVERAGE_DECAY) : 0;
            }
            job g = { .s = s,
                      .near = &near,
                      .species = species,
                      .weight = weight,
                      .state = state,
                      .x = x,
                      .base = hg_glass_base(state),
                      .width = hg_glass_width(state) };
            hg_pool_for(pool, s->n, 64, describe, &g);
            for (g.generation = 1; g.generation <= HG_GLASS_AVERAGES; g.generation++)
                hg_pool_for(pool, s->n, 64, average, &g);
        } else
            st = hg_fail(err, HG_ENOMEM, "no memory for %zu neighbours", links);
    }
    hg_arena_free(mem);
    return st;
}
