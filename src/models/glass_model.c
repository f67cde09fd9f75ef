/* models/glass_model.c -- see models/glass_model.h */
#include "models/glass_model.h"
#include "core/memory.h"
#include "models/botan_train.h"
#include <math.h>
#include <string.h>

/* ---- floor ------------------------------------------------------------------------------------------------------------ */

static hg_status floor_load(void **model, const char *weights, hg_err *err) {
    return hg_floor_load((hg_floor **)model, weights, err);
}

static void floor_free(void *model) { hg_floor_free(model); }

static hg_floor_facts floor_about(const void *model) { return hg_floor_about(model); }

static hg_status floor_predict(float *propensity, float *stretch, const void *model, const hg_snapshot *s,
                               const uint32_t *pair, size_t n_pairs, hg_pool *pool, hg_err *err) {
    return hg_floor_predict(propensity, stretch, model, s, pair, n_pairs, pool, err);
}

/* ---- BOTAN ------------------------------------------------------------------------------------------------------------- */

static hg_status botan_load(void **model, const char *weights, hg_err *err) {
    hg_botan *b;
    *model = NULL;
    HG_TRY(hg_botan_load(&b, weights, &(hg_params_opts) { .fixed = true }, err));
    if (b->about.time > 0) {
        *model = b;
        return HG_OK;
    }
    hg_botan_free(b);
    return hg_fail(err, HG_EDATA, "%s: it does not say for which time it was trained", weights);
}

static void botan_free(void *model) { hg_botan_free(model); }

static hg_floor_facts botan_about(const void *model) {
    const hg_botan *b = model;
    return (hg_floor_facts) { .n_times = 1,
                              .time = &b->about.time,
                              .state = HG_GLASS_THERMAL,
                              .coldest = b->about.coldest,
                              .hottest = b->about.hottest,
                              .bonds = !(b->about.p >= 1) };
}

/* Both directions of a pair are edges: their mean. Pairs of the length that the authors score. */
static float stretch_of(const hg_botan_graph *g, const float *edge, size_t i, size_t j) {
    const size_t e = hg_botan_edge(g, i, j), back = hg_botan_edge(g, j, i);
    if (e == SIZE_MAX || back == SIZE_MAX) return NAN;
    const double x = (double)g->d[3 * e], y = (double)g->d[3 * e + 1], z = (double)g->d[3 * e + 2];
    return x * x + y * y + z * z < HG_BOTAN_SCORED * HG_BOTAN_SCORED ? 0.5f * (edge[e] + edge[back]) : NAN;
}

static hg_status botan_say(float *propensity, float *stretch, const hg_botan *b, const hg_snapshot *s,
                           const uint32_t *pair, size_t n_pairs, hg_arena *mem, hg_pool *pool, hg_err *err) {
    hg_botan_graph g;
    hg_botan_room room = { 0 };
    HG_TRY(hg_botan_graph_make(&g, s, mem, err));
    float *edge = stretch ? hg_alloc(mem, g.edges, sizeof *edge) : NULL;
    if (stretch && !edge) return hg_fail(err, HG_ENOMEM, "no memory for %zu edges", g.edges);
    const hg_status st = hg_botan_forward(propensity, edge, b, &g, &room, pool, err);
    hg_botan_room_free(&room);
    for (size_t k = 0; st == HG_OK && stretch && k < n_pairs; k++)
        stretch[k] = stretch_of(&g, edge, pair[2 * k], pair[2 * k + 1]);
    return st;
}

static hg_status botan_predict(float *propensity, float *stretch, const void *model, const hg_snapshot *s,
                               const uint32_t *pair, size_t n_pairs, hg_pool *pool, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? botan_say(propensity, stretch, model, s, pair, n_pairs, mem, pool, err)
                             : hg_fail(err, HG_ENOMEM, "no memory to predict a liquid");
    hg_arena_free(mem);
    return st;
}

/* ---- the table ----------------------------------------------------------------------------------------------------------- */

static const hg_glass_kind ALL[] = {
    { "floor", "glass-floor 1", floor_load, floor_free, floor_about, floor_predict },
    { "botan", "botan 1", botan_load, botan_free, botan_about, botan_predict },
};

const hg_glass_kind *hg_glass_kind_at(size_t i) { return i < sizeof ALL / sizeof *ALL ? &ALL[i] : NULL; }

const hg_glass_kind *hg_glass_kind_find(const char *word) {
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
        if (strcmp(word, ALL[i].name) == 0 || strcmp(word, ALL[i].version) == 0) return &ALL[i];
    return NULL;
}

hg_status hg_glass_model_load(hg_glass_model **out, const hg_glass_kind *kind, const char *weights, hg_err *err) {
    *out = NULL;
    hg_glass_model *m = hg_malloc(1, sizeof *m);
    if (!m) return hg_fail(err, HG_ENOMEM, "no memory for a model");
    *m = (hg_glass_model) { .kind = kind };
    const hg_status st = kind->load(&m->model, weights, err);
    if (st == HG_OK)
        *out = m;
    else
        hg_free(m);
    return st;
}

void hg_glass_model_free(hg_glass_model *m) {
    if (!m) return;
    m->kind->free(m->model);
    hg_free(m);
}

hg_floor_facts hg_glass_model_about(const hg_glass_model *m) { return m->kind->about(m->model); }

hg_status hg_glass_model_predict(float *propensity, float *stretch, const hg_glass_model *m, const hg_snapshot *s,
                                 const uint32_t *pair, size_t n_pairs, hg_pool *pool, hg_err *err) {
    HG_TRY(m->kind->predict(propensity, stretch, m->model, s, pair, n_pairs, pool, err));
    const size_t times = m->kind->about(m->model).n_times;
    for (size_t k = 0; k < times * s->n; k++)
        if (!isfinite(propensity[k]))
            return hg_advise(err,
                             hg_fail(err, HG_ENAN, "%s: what is predicted of particle %zu is not a finite number",
                                     s->id, k % s->n + 1),
                             "its surroundings are not those of a liquid: look at the positions near it");
    return HG_OK;
}
