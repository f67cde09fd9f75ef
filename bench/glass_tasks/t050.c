/* bench/glass_tasks/t050.c -- T = 0.50, all seven times, judged on a liquid that nothing was learned from
 *
 * Task t050: ../shared/data/glass-ka-t050, 26 training snapshots of six liquids (N = 1200, 16 runs) and three of another one (32 runs). Every choice
 * (strengths, and for S2 whether descriptors are those of the cage state, of the thermal snapshot or both, for each time) is made by leaving out whole
 * training liquids; the other liquid is scored with the result. Pearson's rho of A particles, mean over its snapshots; corrected: each divided
 * by what the noise of its labels allows. Published rows are of 100 snapshots of N = 4096 with 32 runs, not corrected.
 *
 *   t050_rho.<time>, t050_corrected.<time>            tier S2
 *   t050_s1_rho.<time>, t050_s1_corrected.<time>      tier S1
 *   t050_attainable.<time>, t050_botan.<time>         what noise allows; BOTAN, published
 *   t050_s1_learn_s, t050_s2_learn_s                  processor seconds; cage states are not counted
 *   t050_same_botan.<time>, t050_same_botan_corrected.<time>  the network of BOTAN, from the authors' weights for pairs, for as many processor seconds as the
 *                         floor model of tier S1 took for all times; a network for each time, on the same snapshots
 *   t050_same_botan_steps.<time>  steps in that time; the authors made up to 400,000
 *   t050_thermal_rho.<time>, t050_thermal_corrected.<time>  t < 0.5: tier S0, learned from some hundred thermal configurations simulated for it
 *   t050_direct_rho.<time>.<k>  the same times: the propensity of k runs of simulation instead; also _corrected, and _s, processor seconds a snapshot
 *
 * Parts: t050.s1, t050.s2, t050.direct, t050.thermal, t050.botan, and t050.botan.0 to .6, one of its times. With --keep what was simulated and learned is kept and used again. --quick: S1 alone.
 * --figure draws rho over time. Where the data are not there nothing is measured.
 */
#include "core/memory.h"
#include "draw/mobility.h"
#include "hagane/dynamics.h"
#include "library/glass.h"
#include "models/botan_train.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA  HG_SOURCE_DIR "/../shared/data/glass-ka-t050"
#define START HG_SOURCE_DIR "/../shared/data/botan-ka-small/botan_edge_model1.f32"

enum {
    PATH = 1000,
    WHERE = 600,
    TIMES = 8,
    MOST = 64,
    FURTHER = 8,
    FURTHER_RUNS = 8,
    SHORT_TIMES = 2,
    DIRECT_RUNS = 16
};

typedef struct {
    figures *f;
    char where[WHERE];
    hg_pool *pool;
    hg_curve curve[HG_CURVES_MOST];
    size_t n_curves;
    char name[HG_CURVES_MOST][64];
    double time[HG_CURVES_MOST][TIMES], rho[HG_CURVES_MOST][TIMES], error[HG_CURVES_MOST][TIMES];
    double attainable_time[TIMES], attainable[TIMES];
    size_t n_attainable;
} scene;

static bool there(const char *path) { return access(path, R_OK) == 0; }

static void note_at(figures *f, const char *key, double time, double value) {
    char text[2 * FIGURE_KEY];
    snprintf(text, sizeof text, "%s.%.3g", key, time);
    note(f, text, value);
}

static hg_curve *new_curve(scene *s, const char *name, bool own) {
    const size_t k = s->n_curves++;
    snprintf(s->name[k], sizeof s->name[k], "%s", name);
    s->curve[k] = (hg_curve) { s->name[k], 0, s->time[k], s->rho[k], own ? s->error[k] : NULL, own };
    return &s->curve[k];
}

static void add_to_curve(scene *s, hg_curve *c, double time, double rho, double error) {
    const size_t k = (size_t)(c - s->curve), i = c->n++;
    s->time[k][i] = time;
    s->rho[k][i] = rho;
    s->error[k][i] = error;
}

/* One number in a file: how long it took that which is kept beside. */
static void keep_number(const char *path, double x) {
    FILE *file = fopen(path, "w");
    if (!file || fprintf(file, "%.9g\n", x) < 0 || fclose(file) != 0) {
        fprintf(stderr, "bench/glass: %s cannot be written\n", path);
        exit(1);
    }
}

static double kept_number(const char *path) {
    double x = NAN;
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%lf", &x) != 1) x = NAN;
    if (file) fclose(file);
    return x;
}

/* ---- snapshots ----------------------------------------------------------------------------------------------------------- */

/* A folder of all snapshots with their cage states. */
static void prepare(const scene *s, char folder[WHERE + 40]) {
    hg_err err;
    hg_snapshot_set *set;
    hg_arena *mem = hg_arena_new();
    snprintf(folder, WHERE + 40, "%s/t050-liquids", s->where);
    mkdir(folder, 0777);
    must(hg_snapshot_set_open(&set, DATA, NULL, &err), &err);
    for (size_t k = 0; k < hg_snapshot_set_count(set); k++) {
        const hg_mark mark = hg_arena_mark(mem);
        char path[PATH];
        hg_snapshot *x;
        snprintf(path, sizeof path, "%s/s%03zu.safetensors", folder, k);
        if (there(path)) continue;
        must(hg_snapshot_set_read(&x, set, k, mem, &err), &err);
        must(hg_glass_prepare(x, HG_GLASS_CAGE, s->pool, NULL, mem, &err), &err);
        must(hg_snapshot_write(path, x, &err), &err);
        hg_arena_reset(mem, mark);
    }
    hg_snapshot_set_free(set);
    hg_arena_free(mem);
}

/* ---- the floor model ------------------------------------------------------------------------------------------------------- */

/* Learned, or as it was kept: processor seconds that it took. */
static double learn(const scene *s, const char *model, const char *data, hg_glass_state state, bool thermal,
                    bool bonds) {
    hg_err err;
    hg_snapshot_set *set;
    char seconds[PATH];
    static hg_floor_scores scores;
    const hg_glass_lessons l = { .state = state, .thermal = thermal, .bonds = bonds, .data = data, .pool = s->pool };
    snprintf(seconds, sizeof seconds, "%s.seconds", model);
    if (there(seconds)) return kept_number(seconds);
    must(hg_snapshot_set_open(&set, data, NULL, &err), &err);
    const double begin = processor_seconds(NULL);
    must(hg_glass_train(&scores, model, set, &l, &err), &err);
    const double took = processor_seconds(NULL) - begin;
    hg_snapshot_set_free(set);
    keep_number(seconds, took);
    return took;
}

static void score(scene *s, const char *model, const char *data, const char *key, const char *name) {
    hg_err err;
    hg_glass_model *m;
    hg_snapshot_set *set;
    static hg_glass_scores scores;
    char text[FIGURE_KEY];
    must(hg_glass_open(&m, model, &err), &err);
    must(hg_snapshot_set_open(&set, data, NULL, &err), &err);
    must(hg_glass_evaluate(&scores, NULL, m, set, HG_GLASS_TO_SCORE, s->pool, NULL, &err), &err);
    hg_curve *c = new_curve(s, name, true);
    const bool first = s->n_attainable == 0;
    for (size_t i = 0; i < scores.n; i++) {
        const hg_glass_score *q = &scores.score[i];
        if (q->what != HG_GLASS_A || c->n == TIMES) continue;
        snprintf(text, sizeof text, "%s_rho", key);
        note_at(s->f, text, q->time, q->rho);
        snprintf(text, sizeof text, "%s_corrected", key);
        note_at(s->f, text, q->time, q->corrected);
        add_to_curve(s, c, q->time, q->rho, q->error);
        if (!first) continue;
        s->attainable_time[s->n_attainable] = q->time;
        s->attainable[s->n_attainable++] = q->attainable;
    }
    hg_snapshot_set_free(set);
    hg_glass_model_free(m);
}

static void run_tier(scene *s, hg_glass_state state) {
    const bool cage = state == HG_GLASS_CAGE;
    char model[PATH], data[WHERE + 40] = DATA; /* inherent structures are in it */
    if (cage) prepare(s, data);
    snprintf(model, sizeof model, "%s/t050-%s", s->where, hg_glass_tier(state));
    note(s->f, cage ? "t050_s2_learn_s" : "t050_s1_learn_s", learn(s, model, data, state, cage, true));
    score(s, model, data, cage ? "t050" : "t050_s1", cage ? "floor model, tier S2" : "floor model, tier S1");
}

/* ---- short times ------------------------------------------------------------------------------------------------------------ */

/* The next configuration of a liquid, 3 units of time later, with fresh velocities; labelled. */
static void further(const scene *s, hg_snapshot *x, size_t k, size_t j, hg_arena *mem) {
    hg_err err;
    hg_liquid *l;
    static const double time[SHORT_TIMES] = { 0.108, 0.432 };
    hg_liquid_run_opts o = hg_liquid_run_opts_default();
    hg_rng rng = hg_rng_make(k, j);
    hg_dynamics_opts d = hg_dynamics_opts_default();
    d.seed = 1000 * (k + 1) + j;
    d.liquid.pool = s->pool;
    o.temperature = x->temperature;
    o.rng = &rng;
    must(hg_liquid_new(&l, x->species, x->x, x->n, x->box, NULL, &err), &err);
    hg_liquid_maxwell(l, x->temperature, false, hg_rng_make(k, 100 + j));
    must(hg_liquid_run(l, 500, &o, &err), &err);
    hg_liquid_state(x->x, NULL, l);
    hg_liquid_free(l);
    for (size_t i = 0; i < 3 * x->n; i++) {
        const double box = x->box[i % 3];
        x->x[i] -= box * floor(x->x[i] / box);
        if (x->x[i] >= box) x->x[i] = 0;
    }
    x->inherent = x->cage = x->cage_covariance = NULL;
    x->n_pairs = 0;
    x->pair = NULL;
    x->stretch = x->stretch_half[0] = x->stretch_half[1] = NULL;
    const hg_label_opts label = { .time = time, .n_times = SHORT_TIMES, .runs = FURTHER_RUNS };
    must(hg_snapshot_label(x, &label, &d, mem, &err), &err);
}

/* Thermal configurations that follow each training snapshot; their liquid is that snapshot's. */
static void more_of_them(const scene *s, const char *folder) {
    hg_err err;
    hg_snapshot_set *set;
    hg_arena *mem = hg_arena_new();
    mkdir(folder, 0777);
    must(hg_snapshot_set_open(&set, DATA, NULL, &err), &err);
    for (size_t k = 0; k < hg_snapshot_set_count(set); k++) {
        const hg_mark mark = hg_arena_mark(mem);
        hg_snapshot *x, *kept;
        must(hg_snapshot_set_read(&x, set, k, mem, &err), &err);
        for (size_t j = 0; j < FURTHER && hg_glass_wanted(x, HG_GLASS_TO_LEARN); j++) {
            char path[PATH + 60];
            snprintf(path, sizeof path, "%s/s%03zu-%03zu.safetensors", folder, k, j);
            if (there(path)) { /* the next one begins where this one stands */
                must(hg_snapshot_read(&kept, NULL, path, NULL, mem, &err), &err);
                memcpy(x->x, kept->x, 3 * x->n * sizeof *x->x);
                continue;
            }
            further(s, x, k, j, mem);
            must(hg_snapshot_write(path, x, &err), &err);
        }
        hg_arena_reset(mem, mark);
    }
    hg_snapshot_set_free(set);
    hg_arena_free(mem);
}

static void run_thermal(scene *s) {
    char folder[PATH], model[PATH];
    snprintf(folder, sizeof folder, "%s/t050-short", s->where);
    snprintf(model, sizeof model, "%s/t050-S0", s->where);
    more_of_them(s, folder);
    note(s->f, "t050_thermal_learn_s", learn(s, model, folder, HG_GLASS_THERMAL, false, false));
    score(s, model, DATA, "t050_thermal", "floor model, tier S0");
}

static double rho_of_a(const hg_snapshot *s, const float *x, const float *y) {
    double n = 0, mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->species[i] != 0) continue;
        const double a = (double)x[i], b = (double)y[i], dx = a - mx, dy = b - my;
        n++;
        mx += dx / n;
        my += dy / n;
        xx += dx * (a - mx);
        yy += dy * (b - my);
        xy += dx * (b - my);
    }
    return xy / sqrt(xx * yy);
}

/* k runs beside those of the labels, from other velocities. */
static void run_direct(scene *s) {
    hg_err err;
    hg_snapshot_set *set;
    hg_arena *mem = hg_arena_new();
    must(hg_snapshot_set_open(&set, DATA, NULL, &err), &err);
    hg_curve *c = new_curve(s, "simulation, 16 runs", true);
    for (size_t runs = 1; runs <= DIRECT_RUNS; runs *= 2) {
        double rho[SHORT_TIMES] = { 0 }, corrected[SHORT_TIMES] = { 0 }, time[SHORT_TIMES] = { 0 }, n = 0;
        const double begin = processor_seconds(NULL);
        for (size_t k = 0; k < hg_snapshot_set_count(set); k++) {
            const hg_mark mark = hg_arena_mark(mem);
            hg_snapshot *x;
            must(hg_snapshot_set_read(&x, set, k, mem, &err), &err);
            if (hg_glass_wanted(x, HG_GLASS_TO_SCORE)) {
                hg_snapshot y = *x;
                hg_dynamics_opts d = hg_dynamics_opts_default();
                d.seed = 77 * runs + k;
                d.liquid.pool = s->pool;
                must(hg_snapshot_label(&y, &(hg_label_opts) { .time = x->time, .n_times = SHORT_TIMES, .runs = runs },
                                       &d, mem, &err),
                     &err);
                n++;
                for (size_t t = 0; t < SHORT_TIMES; t++) {
                    const double r = rho_of_a(x, y.propensity + t * x->n, x->propensity + t * x->n);
                    time[t] = x->time[t];
                    rho[t] += r;
                    corrected[t] += r / hg_snapshot_ceiling(x, t, 0);
                }
            }
            hg_arena_reset(mem, mark);
        }
        const double took = (processor_seconds(NULL) - begin) / n;
        char key[FIGURE_KEY];
        for (size_t t = 0; t < SHORT_TIMES; t++) {
            snprintf(key, sizeof key, "t050_direct_rho.%.3g.%zu", time[t], runs);
            note(s->f, key, rho[t] / n);
            if (runs == DIRECT_RUNS) add_to_curve(s, c, time[t], rho[t] / n, (double)NAN);
            snprintf(key, sizeof key, "t050_direct_corrected.%.3g.%zu", time[t], runs);
            note(s->f, key, corrected[t] / n);
        }
        snprintf(key, sizeof key, "t050_direct_s.%zu", runs);
        note(s->f, key, took);
    }
    hg_snapshot_set_free(set);
    hg_arena_free(mem);
}

/* ---- BOTAN ------------------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t n;
    hg_snapshot *snapshot[MOST];
    hg_botan_graph graph[MOST];
    hg_botan_labels label[MOST]; /* of one time */
    const hg_botan_graph *g[MOST];
    const hg_botan_labels *y[MOST];
} part;

typedef struct {
    double begin, seconds;
    size_t steps;
} clockwork;

static bool in_time(void *user, const char *what, size_t done, size_t total) {
    clockwork *c = user;
    (void)what, (void)done, (void)total;
    c->steps++;
    return processor_seconds(NULL) - c->begin < c->seconds;
}

static void read_parts(part *train, part *test, hg_arena *mem) {
    hg_err err;
    hg_snapshot_set *set;
    must(hg_snapshot_set_open(&set, DATA, NULL, &err), &err);
    for (size_t k = 0; k < hg_snapshot_set_count(set); k++) {
        hg_snapshot *x;
        must(hg_snapshot_set_read(&x, set, k, mem, &err), &err);
        part *p = hg_glass_wanted(x, HG_GLASS_TO_LEARN) ? train : test;
        if (p->n == MOST) exit(1);
        p->snapshot[p->n] = x;
        must(hg_botan_graph_make(&p->graph[p->n], x, mem, &err), &err);
        p->g[p->n] = &p->graph[p->n];
        p->y[p->n] = &p->label[p->n];
        p->n++;
    }
    hg_snapshot_set_free(set);
}

/* What it is after so many processor seconds, begun with the authors' weights for pairs; a kept one is taken as it is. */
static hg_botan *fit_botan(const scene *s, part *train, size_t t, double seconds, hg_arena *mem) {
    hg_err err;
    hg_botan *b;
    char path[PATH], steps[PATH];
    const double time = train->snapshot[0]->time[t];
    snprintf(path, sizeof path, "%s/t050-botan-%.3g.safetensors", s->where, time);
    snprintf(steps, sizeof steps, "%s/t050-botan-%.3g.steps", s->where, time);
    if (there(steps)) {
        must(hg_botan_load(&b, path, &(hg_params_opts) { .fixed = true }, &err), &err);
        note_at(s->f, "t050_same_botan_steps", time, kept_number(steps));
        return b;
    }
    must(hg_botan_new(&b, NULL, &err), &err);
    must(hg_botan_read_flat(b, START, &err), &err);
    const hg_mark mark = hg_arena_mark(mem);
    for (size_t k = 0; k < train->n; k++)
        must(hg_botan_labels_make(&train->label[k], &train->graph[k], train->snapshot[k], t, mem, &err), &err);
    clockwork c = { processor_seconds(NULL), seconds, 0 };
    const hg_hooks hooks = { .progress = in_time, .user = &c };
    const hg_botan_data lessons = { train->n, train->g, train->y };
    hg_train_result result;
    hg_botan_opts o = hg_botan_opts_default();
    o.train.epochs = 1000;
    o.train.pool = s->pool;
    o.train.hooks = &hooks;
    const hg_status st = hg_botan_fit(b, &result, &lessons, NULL, &o, &err);
    if (st != HG_ECANCEL) must(st, &err);
    hg_arena_reset(mem, mark);
    b->about = (hg_botan_about) { .time = time, .coldest = 0.5, .hottest = 0.5, .p = o.p };
    must(hg_botan_save(b, path, &err), &err);
    keep_number(steps, (double)c.steps);
    note_at(s->f, "t050_same_botan_steps", time, (double)c.steps);
    return b;
}

static void run_botan_too(scene *s) {
    hg_err err;
    hg_arena *mem = hg_arena_new();
    part *train = hg_alloc(mem, 1, sizeof *train), *test = hg_alloc(mem, 1, sizeof *test);
    hg_botan_room room = { 0 };
    char model[PATH];
    snprintf(model, sizeof model, "%s/t050-S1", s->where);
    const double seconds = learn(s, model, DATA, HG_GLASS_INHERENT, false, true);
    read_parts(train, test, mem);
    hg_curve *c = new_curve(s, "BOTAN, as long as tier S1", true);
    const char *only = s->f->part ? strchr(s->f->part, '.') : NULL;
    for (size_t t = 0; t < train->snapshot[0]->n_times; t++) {
        if (only && strtoul(only + 1, NULL, 10) != t) continue;
        hg_botan *b = fit_botan(s, train, t, seconds, mem);
        double sum = 0, squares = 0, corrected = 0;
        const double time = train->snapshot[0]->time[t], n = (double)test->n;
        for (size_t k = 0; k < test->n; k++) {
            const hg_snapshot *x = test->snapshot[k];
            const hg_mark mark = hg_arena_mark(mem);
            float *node = hg_alloc(mem, x->n, sizeof *node);
            must(hg_botan_forward(node, NULL, b, test->g[k], &room, s->pool, &err), &err);
            const double r = rho_of_a(x, node, x->propensity + t * x->n);
            sum += r;
            squares += r * r;
            corrected += r / hg_snapshot_ceiling(x, t, 0);
            hg_arena_reset(mem, mark);
        }
        hg_botan_free(b);
        note_at(s->f, "t050_same_botan", time, sum / n);
        note_at(s->f, "t050_same_botan_corrected", time, corrected / n);
        add_to_curve(s, c, time, sum / n, sqrt(fmax(squares / n - sum / n * (sum / n), 0) / (n - 1)));
    }
    hg_botan_room_free(&room);
    hg_arena_free(mem);
}

/* ---- all of it --------------------------------------------------------------------------------------------------------------- */

static void published(scene *s) {
    const hg_glass_published *p;
    hg_curve *c = new_curve(s, "BOTAN, published", false);
    for (size_t i = 0; (p = hg_glass_published_at(i)); i++) {
        if (strcmp(p->who, "BOTAN") != 0 || !hg_glass_published_fits(p, 0.5, p->time) || p->time > 300) continue;
        note_at(s->f, "t050_botan", p->time, p->rho);
        add_to_curve(s, c, p->time, p->rho, NAN);
    }
}

static void draw(const scene *s) {
    hg_err err;
    hg_bytes bytes;
    hg_figure_format format;
    const hg_curves c = { .curve = s->curve,
                          .n_curves = s->n_curves,
                          .n_attainable = s->n_attainable,
                          .attainable_time = s->attainable_time,
                          .attainable = s->attainable,
                          .tau = hg_glass_relaxation_time(0.5),
                          .title = "T = 0.50: a liquid that nothing was learned from" };
    must(hg_figure_format_find(&format, s->f->figure, &err), &err);
    must(hg_curves_draw(&bytes, &c, format, &err), &err);
    FILE *file = fopen(s->f->figure, "wb");
    if (!file || fwrite(bytes.data, 1, bytes.len, file) != bytes.len || fclose(file) != 0) {
        fprintf(stderr, "bench/glass: %s cannot be written\n", s->f->figure);
        exit(1);
    }
    hg_bytes_free(&bytes);
}

static bool asked(const figures *f, const char *name) {
    return f->part ? strncmp(f->part, name, strlen(name)) == 0 : !f->quick || strcmp(name, "s1") == 0;
}

void run_t050(figures *f, const char *folder) {
    if (!there(DATA "/index.json")) {
        fprintf(stderr, "bench/glass: " DATA " is not there: T = 0.50 is not measured\n");
        return;
    }
    scene *s = hg_calloc(1, sizeof *s);
    if (!s) exit(1);
    s->f = f;
    s->pool = all_cores();
    snprintf(s->where, sizeof s->where, "%s", f->keep ? f->keep : folder);
    mkdir(s->where, 0777);
    published(s);
    if (asked(f, "s2")) run_tier(s, HG_GLASS_CAGE);
    if (asked(f, "s1")) run_tier(s, HG_GLASS_INHERENT);
    for (size_t i = 0; i < s->n_attainable; i++) note_at(f, "t050_attainable", s->attainable_time[i], s->attainable[i]);
    if (asked(f, "thermal")) run_thermal(s);
    if (asked(f, "direct")) run_direct(s);
    if (asked(f, "botan") && there(START)) run_botan_too(s);
    if (f->figure) draw(s);
    hg_pool_free(s->pool);
    hg_free(s);
}
