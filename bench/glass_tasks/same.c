/* bench/glass_tasks/same.c -- BOTAN and the floor model on the same snapshots
 *
 * Task same: both learn from the 10 training snapshots of ../shared/data/botan-ka-small (T = 0.44, t = tau) and are scored on the 5 test
 * snapshots: Pearson's rho of A particles, and of AA pairs closer than 1.35, mean over snapshots. The floor model has the inherent structure
 * (tier S1), BOTAN the thermal positions (S0). BOTAN begins with the authors' weights, which were trained on pairs, and learns as they do (p = 0.4,
 * rate 1e-4, one snapshot a step); first for as long as the floor model took on the same processors, then for 20 epochs in all (with --quick: not). The authors
 * trained on 400 snapshots for up to 1000 epochs: 400,000 steps. No choice is made on the test snapshots. Where the data are not there nothing is measured.
 *
 *   same_floor_s           learning of the floor model, descriptors included
 *   same_floor_rho_tau     its rho, particles
 *   same_floor_edge_rho_tau  pairs
 *   same_botan_s           learning of BOTAN until it was stopped, seconds
 *   same_botan_steps       steps in that time
 *   same_botan_rho_tau     its rho then, particles
 *   same_botan_edge_rho_tau  pairs
 *   long_botan_s           20 epochs, seconds
 *   long_botan_rho_tau     its rho then, particles
 *   long_botan_edge_rho_tau  pairs
 */
#include "core/memory.h"
#include "hagane/snapshot_file.h"
#include "models/botan_train.h"
#include "models/glass_floor.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA HG_SOURCE_DIR "/../shared/data/botan-ka-small"
enum { MOST = 16, EPOCHS = 20 };

typedef struct {
    size_t n;
    hg_snapshot *snapshot[MOST];
    hg_botan_graph graph[MOST];
    hg_botan_labels label[MOST];
    const hg_botan_graph *g[MOST];
    const hg_botan_labels *y[MOST];
} part;

typedef struct {
    part train, test;
    hg_pool *pool;
    hg_arena *mem;
    double seconds; /* of the floor model */
} scene;

static void read_all(scene *s) {
    hg_err err;
    hg_snapshot_set *set;
    must(hg_snapshot_set_open(&set, DATA, NULL, &err), &err);
    for (size_t k = 0; k < hg_snapshot_set_count(set); k++) {
        hg_snapshot *x;
        must(hg_snapshot_set_read(&x, set, k, s->mem, &err), &err);
        part *p = strcmp(x->split, "train") == 0 ? &s->train : &s->test;
        if (p->n == MOST) exit(1);
        p->snapshot[p->n] = x;
        must(hg_botan_graph_make(&p->graph[p->n], x, s->mem, &err), &err);
        must(hg_botan_labels_make(&p->label[p->n], &p->graph[p->n], x, 0, s->mem, &err), &err);
        p->g[p->n] = &p->graph[p->n];
        p->y[p->n] = &p->label[p->n];
        p->n++;
    }
    hg_snapshot_set_free(set);
}

/* ---- scores -------------------------------------------------------------------------------------------------------------- */

typedef struct {
    double node, edge;
} rho;

static void note_rho(figures *f, const char *who, rho r) {
    char key[FIGURE_KEY];
    snprintf(key, sizeof key, "%s_rho_tau", who);
    note(f, key, r.node);
    snprintf(key, sizeof key, "%s_edge_rho_tau", who);
    note(f, key, r.edge);
}

/* Both directions of a pair have one prediction: their mean. */
static void both_ways(float *edge, const hg_botan_graph *g) {
    for (size_t e = 0; e < g->edges; e++) {
        const size_t back = hg_botan_edge(g, g->to[e], g->from[e]);
        if (back == SIZE_MAX || g->from[e] > g->to[e]) continue;
        edge[e] = edge[back] = 0.5f * (edge[e] + edge[back]);
    }
}

static void add_score(rho *r, const part *p, size_t k, const float *node, const float *edge) {
    const hg_botan_labels *y = &p->label[k];
    r->node += hg_botan_rho_nodes(&p->graph[k], node, y->node, 0) / (double)p->n;
    r->edge += hg_botan_rho_edges(&p->graph[k], edge, y->edge, 0, HG_BOTAN_SCORED) / (double)p->n;
}

static rho score_botan(const scene *s, const hg_botan *b) {
    hg_err err;
    rho r = { 0, 0 };
    hg_botan_room room = { 0 };
    for (size_t k = 0; k < s->test.n; k++) {
        const hg_botan_graph *g = &s->test.graph[k];
        const hg_mark mark = hg_arena_mark(s->mem);
        float *node = hg_alloc(s->mem, g->n, sizeof *node), *edge = hg_alloc(s->mem, g->edges, sizeof *edge);
        must(hg_botan_forward(node, edge, b, g, &room, s->pool, &err), &err);
        both_ways(edge, g);
        add_score(&r, &s->test, k, node, edge);
        hg_arena_reset(s->mem, mark);
    }
    hg_botan_room_free(&room);
    return r;
}

/* ---- the floor model --------------------------------------------------------------------------------------------------------- */

/* Predictions of pairs at their edges; NaN is no prediction, and not scored. */
static rho score_floor(const scene *s, const hg_floor *m) {
    hg_err err;
    rho r = { 0, 0 };
    for (size_t k = 0; k < s->test.n; k++) {
        const hg_botan_graph *g = &s->test.graph[k];
        const hg_snapshot *x = s->test.snapshot[k];
        const hg_mark mark = hg_arena_mark(s->mem);
        float *node = hg_alloc(s->mem, g->n, sizeof *node), *stretch = hg_alloc(s->mem, x->n_pairs, sizeof *stretch);
        float *edge = hg_alloc(s->mem, g->edges, sizeof *edge);
        must(hg_floor_predict(node, stretch, m, x, x->pair, x->n_pairs, s->pool, &err), &err);
        for (size_t p = 0; p < x->n_pairs; p++)
            for (int way = 0; way < 2; way++) {
                const size_t e = hg_botan_edge(g, x->pair[2 * p + (size_t)way], x->pair[2 * p + 1 - (size_t)way]);
                if (e != SIZE_MAX) edge[e] = stretch[p];
            }
        add_score(&r, &s->test, k, node, edge);
        hg_arena_reset(s->mem, mark);
    }
    return r;
}

static void run_floor(figures *f, scene *s) {
    hg_err err;
    hg_floor_fit *fit;
    hg_floor *m;
    hg_floor_scores *scores = hg_alloc(s->mem, 1, sizeof *scores);
    const hg_snapshot *first = s->train.snapshot[0];
    const double begin = now();
    must(hg_floor_begin(&fit, HG_GLASS_INHERENT, first->time, first->n_times, s->train.n, true, false, &err), &err);
    for (size_t k = 0; k < s->train.n; k++) must(hg_floor_learn(fit, s->train.snapshot[k], k, s->pool, &err), &err);
    must(hg_floor_end(&m, scores, fit, s->pool, &err), &err);
    s->seconds = now() - begin;
    hg_floor_fit_free(fit);
    note(f, "same_floor_s", s->seconds);
    note_rho(f, "same_floor", score_floor(s, m));
    hg_floor_free(m);
}

/* ---- BOTAN ------------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    double begin, seconds;
    size_t steps;
} clockwork;

static bool in_time(void *user, const char *what, size_t done, size_t total) {
    clockwork *c = user;
    (void)what, (void)done, (void)total;
    c->steps++;
    return now() - c->begin < c->seconds;
}

static void run_long(figures *f, const scene *s, hg_botan *b, hg_botan_opts *o, double before) {
    hg_err err;
    hg_train_result result;
    const hg_botan_data data = { s->train.n, s->train.g, s->train.y };
    const double begin = now();
    o->train.hooks = NULL;
    o->train.resume = true;
    must(hg_botan_fit(b, &result, &data, NULL, o, &err), &err);
    note(f, "long_botan_s", before + now() - begin);
    note_rho(f, "long_botan", score_botan(s, b));
}

static void run_fit(figures *f, const scene *s, const char *folder) {
    hg_err err;
    hg_botan *b;
    char checkpoint[600];
    clockwork c = { now(), s->seconds, 0 };
    const hg_hooks hooks = { .progress = in_time, .user = &c };
    const hg_botan_data data = { s->train.n, s->train.g, s->train.y };
    hg_train_result result;
    hg_botan_opts o = hg_botan_opts_default();
    must(hg_botan_new(&b, NULL, &err), &err);
    must(hg_botan_read_flat(b, DATA "/botan_edge_model1.f32", &err), &err);
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint", folder);
    o.train.epochs = EPOCHS;
    o.train.pool = s->pool;
    o.train.hooks = &hooks;
    o.train.checkpoint = checkpoint;
    const hg_status st = hg_botan_fit(b, &result, &data, NULL, &o, &err);
    if (st != HG_ECANCEL) must(st, &err);
    const double seconds = now() - c.begin;
    note(f, "same_botan_s", seconds);
    note(f, "same_botan_steps", (double)c.steps);
    note_rho(f, "same_botan", score_botan(s, b));
    if (!f->quick) run_long(f, s, b, &o, seconds);
    hg_botan_free(b);
}

void run_same(figures *f, const char *folder) {
    scene s = { .pool = NULL };
    if (left_out(f, "same")) return;
    if (access(DATA "/s001.bin", R_OK) != 0) {
        fprintf(stderr, "bench/glass: " DATA " is not there: BOTAN and the floor model are not compared\n");
        return;
    }
    s.pool = all_cores();
    s.mem = hg_arena_new();
    read_all(&s);
    run_floor(f, &s);
    run_fit(f, &s, folder);
    hg_pool_free(s.pool);
    hg_arena_free(s.mem);
}
