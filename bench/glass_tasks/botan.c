/* bench/glass_tasks/botan.c -- how fast BOTAN predicts and learns, beside PyTorch
 *
 * Task botan: BOTAN (docs/glass.md) on a snapshot of 4096 particles and some 166,000 directed edges out of ../shared/data/botan-ka-small. A step is this
 * snapshot forward and backward with p = 0.4, the gradient cut, and Adam. PyTorch does the same steps in bench/peers/torch_botan.py: the
 * same graph, labels and first weights, the formulae as published, float32; at the last step its loss is that of ours to 1e-4, or the program ends.
 * Both take turns, 3 of 4 steps (--quick: 1 of 3); a time is the least of the turns. By the clock on all processors, and of the processor, which
 * other work on the machine disturbs less. Without PyTorch (apt: python3-torch) its figures are null.
 *
 *   forward_s_4096          seconds of a prediction for all particles, without the graph
 *   forward_cpu_s_4096      of the processor
 *   graph_s_4096            making the graph
 *   botan_step_s            a step of training
 *   botan_step_cpu_s        of the processor
 *   torch_botan_step_s      the same by PyTorch
 *   torch_botan_step_cpu_s  of the processor
 */
#include "core/memory.h"
#include "hagane/snapshot_file.h"
#include "models/botan_train.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA HG_SOURCE_DIR "/../shared/data/botan-ka-small/"
enum { STEPS = 4, TURNS = 3, STEPS_QUICK = 3, TURNS_QUICK = 1, FORWARD = 5 };

typedef struct {
    double wall, cpu, loss; /* of a step; the loss of the last one, before it */
} timing;

typedef struct {
    hg_botan_graph graph;
    hg_botan_labels label;
    hg_botan *model;
    hg_pool *pool;
    float *first; /* weights */
    int steps;
} scene;

static double least(double a, double b) { return b < a ? b : a; }

/* ---- ours --------------------------------------------------------------------------------------------------------------- */

typedef struct {
    timing *t;
    double wall, cpu; /* at the end of the last step */
} watch;

static bool look(void *user, const char *what, size_t done, size_t total) {
    watch *w = user;
    const double wall = now(), cpu = processor_seconds(NULL);
    (void)what, (void)done, (void)total;
    if (w->wall > 0) { /* the first step makes room */
        w->t->wall = least(w->t->wall, wall - w->wall);
        w->t->cpu = least(w->t->cpu, cpu - w->cpu);
    }
    w->wall = wall;
    w->cpu = cpu;
    return true;
}

static void our_steps(timing *t, scene *s) {
    hg_err err;
    hg_botan_opts o = hg_botan_opts_default();
    const hg_botan_graph *graph = &s->graph;
    const hg_botan_labels *label = &s->label;
    const hg_botan_data data = { 1, &graph, &label };
    hg_train_result result;
    memcpy(s->model->w, s->first, s->model->l.count * sizeof *s->first);
    watch w = { .t = t };
    const hg_hooks hooks = { .progress = look, .user = &w };
    o.turn = false;
    o.train.pool = s->pool;
    o.train.epochs = (size_t)s->steps;
    o.train.hooks = &hooks;
    must(hg_botan_fit(s->model, &result, &data, NULL, &o, &err), &err);
    t->loss = result.loss;
}

/* ---- PyTorch's --------------------------------------------------------------------------------------------------------------- */

static void put(FILE *f, const void *x, size_t n, size_t size) {
    if (fwrite(x, size, n, f) != n) exit(1);
}

static void write_scene(const char *path, const scene *s) {
    FILE *f = fopen(path, "wb");
    const uint64_t size[2] = { s->graph.n, s->graph.edges };
    if (!f) exit(1);
    put(f, size, 2, sizeof *size);
    for (size_t i = 0; i < s->graph.n; i++) put(f, &(float) { s->graph.species[i] }, 1, sizeof(float));
    put(f, s->graph.from, s->graph.edges, sizeof(uint32_t));
    put(f, s->graph.to, s->graph.edges, sizeof(uint32_t));
    put(f, s->graph.d, 3 * s->graph.edges, sizeof(float));
    put(f, s->label.node, s->graph.n, sizeof(float));
    put(f, s->label.edge, s->graph.edges, sizeof(float));
    if (fclose(f) != 0) exit(1);
}

/* false: it is not there. */
static bool their_steps(timing *t, const scene *s, const char *path) {
    char command[1200];
    double wall, cpu;
    snprintf(command, sizeof command,
             "/usr/bin/python3 " HG_SOURCE_DIR "/bench/peers/torch_botan.py '%s' " DATA
             "botan_edge_model1.f32 %d %ld 2>/dev/null",
             path, s->steps, sysconf(_SC_NPROCESSORS_ONLN));
    FILE *f = popen(command, "r");
    if (!f) return false;
    const bool there = fscanf(f, "%lf %lf %lf", &wall, &cpu, &t->loss) == 3;
    if (pclose(f) != 0 || !there) return false;
    t->wall = least(t->wall, wall);
    t->cpu = least(t->cpu, cpu);
    return true;
}

/* ---- the task --------------------------------------------------------------------------------------------------------------------- */

static void time_forward(figures *f, scene *s, const hg_snapshot *snapshot, hg_arena *mem) {
    hg_err err;
    hg_botan_room room = { 0 };
    float *node = hg_alloc(mem, s->graph.n, sizeof *node);
    double wall = INFINITY, cpu = INFINITY, graph = INFINITY;
    for (int k = 0; k < FORWARD; k++) {
        const hg_mark mark = hg_arena_mark(mem);
        const double begin = now();
        must(hg_botan_graph_make(&s->graph, snapshot, mem, &err), &err);
        graph = least(graph, now() - begin);
        if (k + 1 < FORWARD) hg_arena_reset(mem, mark);
    }
    for (int k = 0; k < FORWARD; k++) {
        const double begin = now(), busy = processor_seconds(NULL);
        must(hg_botan_forward(node, NULL, s->model, &s->graph, &room, s->pool, &err), &err);
        wall = least(wall, now() - begin);
        cpu = least(cpu, processor_seconds(NULL) - busy);
    }
    hg_botan_room_free(&room);
    note(f, "forward_s_4096", wall);
    note(f, "forward_cpu_s_4096", cpu);
    note(f, "graph_s_4096", graph);
}

void run_botan(figures *f, const char *folder) {
    char path[600];
    hg_err err;
    hg_snapshot *snapshot;
    scene s = { .pool = all_cores(), .steps = f->quick ? STEPS_QUICK : STEPS };
    timing ours = { .wall = INFINITY, .cpu = INFINITY }, theirs = ours;
    if (access(DATA "s001.bin", R_OK) != 0) {
        fprintf(stderr, "bench/glass: " DATA " is not there: nothing of BOTAN is measured\n");
        return;
    }
    hg_arena *mem = hg_arena_new();
    must(hg_snapshot_read(&snapshot, NULL, DATA "s001.bin", NULL, mem, &err), &err);
    must(hg_botan_new(&s.model, NULL, &err), &err);
    must(hg_botan_read_flat(s.model, DATA "botan_edge_model1.f32", &err), &err);
    must(hg_botan_graph_make(&s.graph, snapshot, mem, &err), &err);
    time_forward(f, &s, snapshot, mem);
    must(hg_botan_labels_make(&s.label, &s.graph, snapshot, 0, mem, &err), &err);
    s.first = hg_alloc(mem, s.model->l.count, sizeof *s.first);
    if (!s.first) exit(1);
    memcpy(s.first, s.model->w, s.model->l.count * sizeof *s.first);
    snprintf(path, sizeof path, "%s/scene", folder);
    write_scene(path, &s);
    bool there = true;
    for (int k = 0; k < (f->quick ? TURNS_QUICK : TURNS); k++) {
        our_steps(&ours, &s);
        there = there && their_steps(&theirs, &s, path);
    }
    if (there && !(fabs(ours.loss / theirs.loss - 1) < 1e-4)) {
        fprintf(stderr, "bench/glass: after %d steps our loss is %.7g and PyTorch's %.7g\n", s.steps, ours.loss,
                theirs.loss);
        exit(1);
    }
    note(f, "botan_step_s", ours.wall);
    note(f, "botan_step_cpu_s", ours.cpu);
    note(f, "torch_botan_step_s", there ? theirs.wall : NAN);
    note(f, "torch_botan_step_cpu_s", there ? theirs.cpu : NAN);
    hg_pool_free(s.pool);
    hg_botan_free(s.model);
    hg_arena_free(mem);
}
