/* models/botan_train.c -- see models/botan_train.h */
#include "models/botan_train.h"
#include "core/number.h"
#include "core/memory.h"
#include "files/hash.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ORIENTATIONS = 48 };

typedef struct {
    hg_botan *b;
    const hg_botan_data *train, *validation;
    double p;
    bool turn;
    hg_pool *pool;
    hg_botan_room room;
    float *d;           /* [edges of the largest,3] */
    float *node, *edge; /* what a validation snapshot is said to be */
    char hash[HG_HASH_SIZE], identity[HG_HASH_SIZE + 64];
} lesson;

hg_botan_opts hg_botan_opts_default(void) {
    hg_botan_opts o = { .p = 0.4, .turn = true, .train = hg_train_opts_default() };
    o.train.epochs = 100;
    o.train.batch = 1;
    o.train.rate = 1e-4;
    o.train.optimizer.clip_norm = 1;
    return o;
}

/* ---- scores ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    double n, x, y, xx, yy, xy;
} moments;

static void count(moments *m, double x, double y) {
    m->n++, m->x += x, m->y += y, m->xx += x * x, m->yy += y * y, m->xy += x * y;
}

static double rho_of(const moments *m) {
    const double xx = m->xx - m->x * m->x / m->n, yy = m->yy - m->y * m->y / m->n;
    return xx > 0 && yy > 0 ? (m->xy - m->x * m->y / m->n) / sqrt(xx * yy) : NAN;
}

double hg_botan_rho_nodes(const hg_botan_graph *g, const float *node, const float *label, unsigned species) {
    moments m = { 0 };
    for (size_t i = 0; i < g->n; i++)
        if (g->species[i] == species && !isnan(label[i]) && !isnan(node[i]))
            count(&m, (double)node[i], (double)label[i]);
    return rho_of(&m);
}

double hg_botan_rho_edges(const hg_botan_graph *g, const float *edge, const float *label, unsigned species,
                          double longest) {
    moments m = { 0 };
    for (size_t e = 0; e < g->edges; e++) {
        const float *d = g->d + 3 * e;
        const double d2 = (double)d[0] * (double)d[0] + (double)d[1] * (double)d[1] + (double)d[2] * (double)d[2];
        if (g->species[g->from[e]] == species && g->species[g->to[e]] == species && d2 < longest * longest &&
            !isnan(label[e]) && !isnan(edge[e]))
            count(&m, (double)edge[e], (double)label[e]);
    }
    return rho_of(&m);
}

/* ---- what the trainer asks for ----------------------------------------------------------------------------------------- */

static hg_status learn(void *ctx, double *sum, const hg_batch *b, hg_err *err) {
    lesson *l = ctx;
    for (size_t i = 0; i < b->n; i++) {
        const hg_botan_graph *g = l->train->graph[b->items[i]];
        hg_rng r = hg_rng_make(b->seed, b->items[i]);
        double loss = 0;
        if (l->turn) hg_botan_turn(l->d, g, (unsigned)hg_rng_below(&r, ORIENTATIONS));
        HG_TRY(hg_botan_learn(&loss, l->b->grad, l->b, g, l->turn ? l->d : NULL, l->train->label[b->items[i]], l->p,
                              1 / (double)b->n_whole, &l->room, l->pool, err));
        *sum += loss;
    }
    return HG_OK;
}

static hg_status evaluate(void *ctx, double *sum, hg_tape *t, const hg_batch *b, hg_err *err) {
    lesson *l = ctx;
    (void)t;
    for (size_t i = 0; i < b->n; i++) {
        const hg_botan_graph *g = l->validation->graph[b->items[i]];
        const hg_botan_labels *y = l->validation->label[b->items[i]];
        const bool nodes = l->p > 0;
        HG_TRY(hg_botan_forward(nodes ? l->node : NULL, nodes ? NULL : l->edge, l->b, g, &l->room, l->pool, err));
        const double rho = nodes ? hg_botan_rho_nodes(g, l->node, y->node, 0)
                                 : hg_botan_rho_edges(g, l->edge, y->edge, 0, HG_BOTAN_SCORED);
        *sum += isnan(rho) ? 1 : 1 - rho; /* all the same: it has learned nothing */
    }
    return HG_OK;
}

/* ---- set-up ------------------------------------------------------------------------------------------------------------ */

static hg_status check(hg_hash *h, const hg_botan_data *data, double p, hg_err *err) {
    for (size_t i = 0; i < data->n; i++) {
        const hg_botan_graph *g = data->graph[i];
        const hg_botan_labels *y = data->label[i];
        if ((p > 0 && y->nodes == 0) || (p < 1 && y->edges == 0))
            return hg_fail(err, HG_EDATA, "snapshot %zu has no labels of its %s", i + 1,
                           p > 0 && y->nodes == 0 ? "particles" : "pairs");
        HG_TRY(hg_hash_add(h, &g->n, sizeof g->n, err));
        HG_TRY(hg_hash_add(h, g->species, g->n, err));
        HG_TRY(hg_hash_add(h, g->from, g->edges * sizeof *g->from, err));
        HG_TRY(hg_hash_add(h, g->d, 3 * g->edges * sizeof *g->d, err));
        HG_TRY(hg_hash_add(h, y->node, g->n * sizeof *y->node, err));
        HG_TRY(hg_hash_add(h, y->edge, g->edges * sizeof *y->edge, err));
    }
    return HG_OK;
}

static hg_status identify(lesson *l, hg_err *err) {
    hg_hash *h;
    HG_TRY(hg_hash_new(&h, err));
    hg_status st = check(h, l->train, l->p, err);
    if (st == HG_OK) st = check(h, l->validation, l->p, err);
    if (st == HG_OK) st = hg_hash_hex(l->hash, h, err);
    hg_hash_free(h);
    hg_print(l->identity, sizeof l->identity, "%s p %.17g turn %d", l->hash, l->p, l->turn);
    return st;
}

static hg_status get_memory(lesson *l, hg_err *err) {
    size_t n = 1, edges = 1;
    const hg_botan_data *const all[2] = { l->train, l->validation };
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < all[k]->n; i++) {
            const hg_botan_graph *g = all[k]->graph[i];
            if (g->n > n) n = g->n;
            if (g->edges > edges) edges = g->edges;
        }
    l->d = hg_malloc(edges, 3 * sizeof *l->d);
    l->node = hg_malloc(n, sizeof *l->node);
    l->edge = hg_malloc(edges, sizeof *l->edge);
    return l->d && l->node && l->edge ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to train on %zu edges", edges);
}

hg_status hg_botan_fit(hg_botan *b, hg_train_result *result, const hg_botan_data *train,
                       const hg_botan_data *validation, const hg_botan_opts *opts, hg_err *err) {
    const hg_botan_opts o = opts ? *opts : hg_botan_opts_default();
    const hg_botan_data none = { 0 };
    if (!(o.p >= 0 && o.p <= 1)) return hg_fail(err, HG_EINVAL, "p is %g; a share is from 0 to 1", o.p);
    if (!b->grad) return hg_fail(err, HG_EINVAL, "the parameters are fixed");
    if (train->n == 0) return hg_fail(err, HG_EDATA, "there is no snapshot to learn from");
    lesson l = { .b = b,
                 .train = train,
                 .validation = validation ? validation : &none,
                 .p = o.p,
                 .turn = o.turn,
                 .pool = o.train.pool };
    const hg_trainable m = { .name = "botan 1",
                             .identity = l.identity,
                             .params = b->params,
                             .items = train->n,
                             .validation = l.validation->n,
                             .ctx = &l,
                             .learn = learn,
                             .evaluate = l.validation->n ? evaluate : NULL };
    hg_status st = get_memory(&l, err);
    if (st == HG_OK) st = identify(&l, err);
    if (st == HG_OK) st = hg_train(result, &m, &o.train, err);
    hg_botan_room_free(&l.room);
    hg_free(l.d);
    hg_free(l.node);
    hg_free(l.edge);
    return st;
}
