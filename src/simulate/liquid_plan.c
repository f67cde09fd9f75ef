/* simulate/liquid_plan.c -- labelled snapshots from nothing, in a folder that a killed program goes on with
 *
 * work/lNNN.piece has the state of a liquid after its last finished piece, work/lNNNsNNN.piece that at which a snapshot is taken. Every piece begins from such a
 * state and draws from a stream of its own, so it does not matter where the program was killed. First all liquids go along side by side, then
 * snapshots are labelled one after the other.
 */
#include "core/memory.h"
#include "files/folders.h"
#include "files/lock.h"
#include "hagane/dynamics.h"
#include "hagane/snapshot_file.h"
#include "matter/snapshot.h"
#include "simulate/liquid.h"
#include "simulate/piece.h"
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LIQUIDS_MOST = 999, PATH_MOST = 4096, PLACE_MOST = 3800 };
static const double PIECE = 20, STEPS_MOST = 1e12;
static const uint64_t STREAMS_A_LIQUID = (uint64_t)1 << 32;

hg_liquid_plan hg_liquid_plan_default(void) {
    return (hg_liquid_plan) { .n = 1200,
                              .density = 1.2,
                              .temperature = 0.5,
                              .liquids = 4,
                              .snapshots = 2,
                              .validation = 1,
                              .hot = 1,
                              .melt = 100,
                              .cool = 400,
                              .equilibrate = 2000,
                              .between = 450,
                              .hold = true,
                              .cage = hg_cage_opts_default(),
                              .labels = hg_label_opts_default(),
                              .dynamics = hg_dynamics_opts_default() };
}

typedef struct {
    const char *folder;
    const hg_liquid_plan *p;
    hg_liquid_opts liquid; /* of the liquids' own way: without a pool when they go side by side */
    double box;
    uint8_t *species;
    char identity[HG_HASH_SIZE];
    int lock;      /* of the folder of work; -1: none */
    hg_status *st; /* [liquids] */
    hg_err *err;
    double *steps;
    hg_liquid_tally tally;
} plant;

static double clock_of(const plant *q) { return q->p->seconds ? q->p->seconds(q->p->clock) : 0; }

/* What went by since *began belongs to a stage; the next begins. */
static void stage_done(plant *q, hg_liquid_stage stage, double *began) {
    const double at = clock_of(q);
    q->tally.seconds[stage] += at - *began;
    *began = at;
}

/* ---- the plan -------------------------------------------------------------------------------------------------------------- */

static hg_status positive(double x, const char *what, hg_err *err) {
    if (isfinite(x) && x > 0) return HG_OK;
    return hg_fail(err, HG_EINVAL, "%s is %g, expected more than 0", what, x);
}

static hg_status check_plan(const char *folder, const hg_liquid_plan *p, hg_err *err) {
    if (strlen(folder) > PLACE_MOST) return hg_fail(err, HG_EINVAL, "the name of the folder is too long");
    HG_TRY(positive(p->density, "the density", err));
    HG_TRY(positive(p->temperature, "the temperature", err));
    HG_TRY(positive(p->hot, "the temperature at the beginning", err));
    HG_TRY(positive(p->melt, "the time at that temperature", err));
    HG_TRY(positive(p->cool, "the time of cooling", err));
    HG_TRY(positive(p->between, "the time between snapshots", err));
    HG_TRY(positive(p->dynamics.dt, "the time step", err));
    if (!isfinite(p->equilibrate) || p->equilibrate < 0)
        return hg_fail(err, HG_EINVAL, "equilibration over a time of %g", p->equilibrate);
    if ((p->equilibrate + p->between * (double)p->snapshots) / p->dynamics.dt > STEPS_MOST)
        return hg_fail(err, HG_ELIMIT, "more than %g time steps", STEPS_MOST);
    if (p->n < 5) return hg_fail(err, HG_EINVAL, "%zu particles, expected 5 or more", p->n);
    const double side = cbrt((double)p->n / p->density), cutoff = liquid_longest_cutoff(&p->dynamics.liquid.potential);
    if (side < 2 * cutoff)
        return hg_advise(err,
                         hg_fail(err, HG_EDATA, "%zu particles have a box %.6g wide, less than twice the cut-off %g",
                                 p->n, side, cutoff),
                         "a particle would meet two images of another: make the system larger");
    if (p->liquids < 1 || p->liquids > LIQUIDS_MOST || p->snapshots < 1 || p->snapshots > LIQUIDS_MOST)
        return hg_fail(err, HG_EINVAL, "%zu liquids and %zu snapshots of each, expected 1 to %d", p->liquids,
                       p->snapshots, LIQUIDS_MOST);
    for (size_t t = 0; t < p->labels.n_times; t++) {
        const double before = t ? p->labels.time[t - 1] : 0, at = p->labels.time[t];
        if (!isfinite(at) || nearbyint(at / p->dynamics.dt) <= nearbyint(before / p->dynamics.dt))
            return hg_fail(err, HG_EINVAL, "labels at time %g after %g: each has to be a time step of %g later", at,
                           before, p->dynamics.dt);
    }
    return HG_OK;
}

/* All that a liquid's way and its labels depend on: not how many there are. */
static hg_status identify(plant *q, hg_err *err) {
    const hg_liquid_plan *p = q->p;
    const hg_liquid_potential *u = &p->dynamics.liquid.potential;
    const double facts[] = { (double)p->n,
                             p->density,
                             p->temperature,
                             p->hot,
                             p->melt,
                             p->cool,
                             p->equilibrate,
                             p->between,
                             (double)p->hold,
                             (double)p->validation,
                             p->cage.wall,
                             p->cage.stiffness,
                             p->cage.settle,
                             p->cage.average,
                             (double)p->labels.runs,
                             p->labels.range,
                             p->dynamics.dt,
                             p->dynamics.liquid.skin,
                             p->dynamics.liquid.margin,
                             (double)p->dynamics.liquid.plain,
                             (double)u->force_shifted };
    hg_hash *h;
    HG_TRY(hg_hash_new(&h, err));
    hg_status st = hg_hash_add(h, facts, sizeof facts, err);
    if (st == HG_OK) st = hg_hash_add(h, &p->dynamics.seed, sizeof p->dynamics.seed, err);
    if (st == HG_OK) st = hg_hash_add(h, u->epsilon, sizeof u->epsilon, err);
    if (st == HG_OK) st = hg_hash_add(h, u->sigma, sizeof u->sigma, err);
    if (st == HG_OK) st = hg_hash_add(h, u->cutoff, sizeof u->cutoff, err);
    if (st == HG_OK && p->labels.n_times)
        st = hg_hash_add(h, p->labels.time, p->labels.n_times * sizeof *p->labels.time, err);
    if (st == HG_OK) st = hg_hash_hex(q->identity, h, err);
    hg_hash_free(h);
    return st;
}

/* ---- the folder of work --------------------------------------------------------------------------------------------------------- */

/* What a killed program was writing: files/output.c's hidden ones. Who has no lock leaves them, they may be somebody's. */
static bool unfinished(const char *name) {
    return name[0] == '.' && (strstr(name, ".piece.hagane-") || strstr(name, ".safetensors.hagane-"));
}

/* The unfinished files of a folder; all of them and the folder itself when it was that of a snapshot's runs. */
static void clear_folder(const char *path, bool runs) {
    DIR *d = opendir(path);
    if (!d) return;
    for (const struct dirent *e; (e = readdir(d));) {
        char name[PATH_MOST + 300];
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (unfinished(e->d_name) || (runs && strncmp(e->d_name, "run", 3) == 0)) unlink(name);
    }
    closedir(d);
    if (runs) rmdir(path);
}

/* On file systems without locks there are none. */
static hg_status lock(plant *q, hg_err *err) {
    char path[PATH_MOST];
    hg_err why = { 0 };
    snprintf(path, sizeof path, "%s/work/.lock", q->folder);
    const hg_status st = hg_lock_take(&q->lock, path, 0, 0, q->folder, &why);
    if (st == HG_EIO) hg_log(q->p->dynamics.hooks, HG_LOG_WARN, "%s; let no other process use %s", why.msg, q->folder);
    if (st == HG_OK || st == HG_EIO) return HG_OK;
    if (err) *err = why;
    return hg_advise(err, st, "wait until it is done, or stop it, or name another folder with --out");
}

/* Of another plan: refused before anything is written. */
static hg_status open_folder(plant *q, hg_err *err) {
    char path[PATH_MOST + 16], work[PATH_MOST];
    snprintf(work, sizeof work, "%s/work", q->folder);
    HG_TRY(hg_folder_make(work, HG_FOLDER_SHARED, err));
    snprintf(path, sizeof path, "%s/plan.piece", work);
    bool there;
    double mark = 1;
    HG_TRY(liquid_piece_read(&there, &mark, 1, path, q->identity, err));
    if (!there && access(path, F_OK) == 0)
        return hg_advise(err, hg_fail(err, HG_EDATA, "%s was begun with other options", q->folder),
                         "take those again, or another folder");
    HG_TRY(lock(q, err));
    if (q->lock >= 0) clear_folder(work, false);
    if (q->lock >= 0) clear_folder(q->folder, false);
    return there ? HG_OK : liquid_piece_write(path, q->identity, &mark, 1, err);
}

/* ---- the way of a liquid --------------------------------------------------------------------------------------------------------- */

/* As many columns of B as belong there, spread by lot. */
static void first_state(double *x, const plant *q, size_t liquid) {
    const size_t n = q->p->n, side = (size_t)ceil(cbrt((double)n) - 1e-9), sites = side * side * side;
    hg_rng rng = hg_rng_make(q->p->dynamics.seed, liquid * STREAMS_A_LIQUID);
    size_t left = n, taken = 0;
    double *place = x;
    for (size_t s = 0; s < sites && left; s++) { /* every site equally likely */
        if (hg_rng_below(&rng, sites - s) >= left) continue;
        const size_t at[3] = { s / side / side, s / side % side, s % side };
        for (size_t k = 0; k < 3; k++) place[3 * taken + k] = ((double)at[k] + 0.5) * q->box / (double)side;
        taken++;
        left--;
    }
    for (size_t i = n; i > 1; i--) { /* and every particle on any of them */
        const size_t j = hg_rng_below(&rng, i);
        for (size_t k = 0; k < 3; k++) {
            const double was = place[3 * (i - 1) + k];
            place[3 * (i - 1) + k] = place[3 * j + k];
            place[3 * j + k] = was;
        }
    }
}

/* Temperature of the thermostat at a time since the beginning. */
static double temperature_at(const hg_liquid_plan *p, double t) {
    if (t <= p->melt) return p->hot;
    return t >= p->melt + p->cool ? p->temperature : p->hot + (p->temperature - p->hot) * (t - p->melt) / p->cool;
}

/* state[6n+1]: positions, velocities, time. Goes on to time `end`, a piece at a time, from what is on the disk. */
static hg_status go_on(double *state, hg_liquid *l, plant *q, size_t liquid, double end, const char *path,
                       const hg_hooks *hooks, hg_err *err) {
    const size_t n = q->p->n;
    double *x = state, *v = state + 3 * n, *time = state + 6 * n;
    while (*time < end - 1e-9) {
        const double length = fmin(PIECE, end - *time);
        const size_t steps = (size_t)ceil(length / q->p->dynamics.dt - 1e-9);
        hg_rng rng = hg_rng_make(q->p->dynamics.seed,
                                 liquid * STREAMS_A_LIQUID + 2 + (uint64_t)nearbyint(*time / q->p->dynamics.dt));
        hg_liquid_run_opts r = hg_liquid_run_opts_default();
        r.dt = q->p->dynamics.dt;
        r.temperature = temperature_at(q->p, *time);
        r.temperature_end = temperature_at(q->p, *time + length);
        r.rng = &rng;
        HG_TRY(hg_liquid_set(l, x, v, err));
        HG_TRY(hg_liquid_run(l, steps, &r, err));
        hg_liquid_state(x, v, l);
        *time += length;
        q->steps[liquid] += (double)(steps * n);
        HG_TRY(liquid_piece_write(path, q->identity, state, 6 * n + 1, err));
        if (!hg_progress(hooks, "time", (size_t)*time, (size_t)end))
            return hg_fail(err, HG_ECANCEL, "the simulation was stopped");
    }
    return HG_OK;
}

static void state_path(char path[PATH_MOST], const plant *q, size_t liquid, size_t snapshot) {
    if (snapshot)
        snprintf(path, PATH_MOST, "%s/work/l%03zus%03zu.piece", q->folder, liquid, snapshot);
    else
        snprintf(path, PATH_MOST, "%s/work/l%03zu.piece", q->folder, liquid);
}

static void snapshot_path(char path[PATH_MOST], const plant *q, size_t liquid, size_t snapshot) {
    snprintf(path, PATH_MOST, "%s/l%03zus%03zu.safetensors", q->folder, liquid, snapshot);
}

static hg_status travel(hg_liquid *l, double *state, plant *q, size_t liquid, const hg_hooks *hooks, hg_err *err) {
    const hg_liquid_plan *p = q->p;
    char path[PATH_MOST], mark[PATH_MOST];
    bool there;
    state_path(path, q, liquid + 1, 0);
    HG_TRY(liquid_piece_read(&there, state, 6 * p->n + 1, path, q->identity, err));
    if (!there) {
        first_state(state, q, liquid);
        hg_quench_opts apart = hg_quench_opts_default(); /* neighbours on a lattice are too close for dynamics */
        apart.force = 1;
        HG_TRY(hg_liquid_set(l, state, NULL, err));
        HG_TRY(hg_liquid_quench(NULL, l, &apart, err));
        hg_liquid_state(state, NULL, l);
        hg_liquid_maxwell(l, p->hot, true, hg_rng_make(p->dynamics.seed, liquid * STREAMS_A_LIQUID + 1));
        hg_liquid_state(NULL, state + 3 * p->n, l);
        state[6 * p->n] = 0;
    }
    for (size_t s = 1; s <= p->snapshots; s++) {
        const double at = p->melt + p->cool + p->equilibrate + p->between * (double)(s - 1);
        if (state[6 * p->n] > at + 1e-9) continue; /* was passed before */
        HG_TRY(go_on(state, l, q, liquid, at, path, hooks, err));
        state_path(mark, q, liquid + 1, s);
        HG_TRY(liquid_piece_write(mark, q->identity, state, 6 * p->n + 1, err));
    }
    return HG_OK;
}

static hg_status one_liquid(plant *q, size_t liquid, const hg_hooks *hooks, hg_err *err) {
    const size_t n = q->p->n;
    double *state = hg_calloc(6 * n + 1, sizeof *state);
    if (!state) return hg_fail(err, HG_ENOMEM, "no memory for a liquid of %zu particles", n);
    const double box[3] = { q->box, q->box, q->box };
    hg_liquid *l = NULL;
    first_state(state, q, liquid);
    hg_status st = hg_liquid_new(&l, q->species, state, n, box, &q->liquid, err);
    if (st == HG_OK) st = travel(l, state, q, liquid, hooks, err);
    hg_liquid_free(l);
    hg_free(state);
    return st;
}

static void some_liquids(void *ctx, size_t begin, size_t end, size_t worker) {
    plant *q = ctx;
    for (size_t i = begin; i < end; i++)
        q->st[i] = one_liquid(q, i, worker == 0 ? q->p->dynamics.hooks : NULL, q->err + i);
}

/* Side by side when there are several; else one after the other, each with all threads. */
static hg_status all_liquids(plant *q, hg_err *err) {
    const size_t n = q->p->liquids;
    const bool beside = n >= hg_pool_threads(q->p->dynamics.liquid.pool);
    q->liquid = q->p->dynamics.liquid;
    if (beside) q->liquid.pool = NULL;
    hg_pool_for(beside ? q->p->dynamics.liquid.pool : NULL, n, 1, some_liquids, q);
    for (size_t i = 0; i < n; i++) {
        if (q->st[i] != HG_OK) {
            if (err) *err = q->err[i];
            return q->st[i];
        }
        q->tally.steps += q->steps[i];
    }
    return HG_OK;
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------------------- */

static hg_status fill_in(hg_snapshot *s, plant *q, size_t liquid, size_t snapshot, const char *work, hg_arena *mem,
                         hg_err *err) {
    const hg_liquid_plan *p = q->p;
    hg_dynamics_opts o = p->dynamics;
    o.seed = p->dynamics.seed + liquid * 1000003 + snapshot * 1009;
    double began = clock_of(q);
    HG_TRY(hg_snapshot_quench(s, &o, mem, err));
    stage_done(q, HG_STAGE_QUENCH, &began);
    if (p->hold) {
        HG_TRY(hg_snapshot_hold(s, &p->cage, &o, mem, err));
        stage_done(q, HG_STAGE_CAGE, &began);
    }
    if (!p->labels.n_times) return HG_OK;
    hg_label_opts labels = p->labels;
    labels.work = work;
    HG_TRY(hg_folder_make(work, HG_FOLDER_SHARED, err));
    const hg_status st = hg_snapshot_label(s, &labels, &o, mem, err);
    stage_done(q, HG_STAGE_RUNS, &began);
    return st;
}

static double steps_of_labels(const hg_liquid_plan *p) {
    double time = p->labels.n_times ? p->labels.time[p->labels.n_times - 1] * (double)p->labels.runs : 0;
    if (p->hold) time += p->cage.settle + p->cage.average;
    return time / p->dynamics.dt * (double)p->n;
}

static hg_status one_snapshot(plant *q, size_t liquid, size_t snapshot, hg_arena *mem, hg_err *err) {
    const hg_liquid_plan *p = q->p;
    char path[PATH_MOST], mark[PATH_MOST], work[PATH_MOST + 8], id[48];
    snapshot_path(path, q, liquid, snapshot);
    state_path(mark, q, liquid, snapshot);
    snprintf(work, sizeof work, "%s.runs", mark);
    if (access(path, F_OK) == 0) {
        clear_folder(work, true);
        q->tally.kept++;
        return HG_OK;
    }
    double *state = hg_alloc(mem, 6 * p->n + 1, sizeof *state);
    hg_snapshot *s = hg_snapshot_new(mem, p->n);
    if (!state || !s) return hg_fail(err, HG_ENOMEM, "no memory for a snapshot of %zu particles", p->n);
    bool there;
    HG_TRY(liquid_piece_read(&there, state, 6 * p->n + 1, mark, q->identity, err));
    if (!there) return hg_fail(err, HG_EDATA, "%s is gone, or of another plan", mark);
    snprintf(id, sizeof id, "l%03zus%03zu", liquid, snapshot);
    s->id = id;
    s->liquid = (int64_t)liquid;
    s->split = liquid <= p->validation ? "validation" : "train";
    s->temperature = p->temperature;
    memcpy(s->species, q->species, p->n);
    for (size_t k = 0; k < 3; k++) s->box[k] = q->box;
    for (size_t i = 0; i < 3 * p->n; i++) s->x[i] = hg_wrapped(state[i], q->box);
    HG_TRY(fill_in(s, q, liquid, snapshot, work, mem, err));
    HG_TRY(hg_snapshot_write(path, s, err));
    clear_folder(work, true);
    q->tally.made++;
    q->tally.steps += steps_of_labels(p);
    if (s->n_times)
        hg_log(p->dynamics.hooks, HG_LOG_INFO,
               "%s: attainable correlation of particles A %.3f at t = %g, %.3f at t = %g", id,
               hg_snapshot_ceiling(s, 0, 0), s->time[0], hg_snapshot_ceiling(s, s->n_times - 1, 0),
               s->time[s->n_times - 1]);
    return HG_OK;
}

static hg_status all_snapshots(plant *q, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for snapshots");
    const size_t all = q->p->liquids * q->p->snapshots;
    for (size_t i = 0; i < all && st == HG_OK; i++) {
        const hg_mark start = hg_arena_mark(mem);
        st = one_snapshot(q, i / q->p->snapshots + 1, i % q->p->snapshots + 1, mem, err);
        hg_arena_reset(mem, start);
        if (st == HG_OK && !hg_progress(q->p->dynamics.hooks, "snapshots", i + 1, all))
            st = hg_fail(err, HG_ECANCEL, "the simulation was stopped");
    }
    hg_arena_free(mem);
    return st;
}

hg_status hg_liquid_generate(hg_liquid_tally *tally, const char *folder, const hg_liquid_plan *plan, hg_err *err) {
    *tally = (hg_liquid_tally) { 0 };
    const hg_liquid_plan p = plan ? *plan : hg_liquid_plan_default();
    HG_TRY(check_plan(folder, &p, err));
    plant q = { .folder = folder,
                .p = &p,
                .lock = -1,
                .box = cbrt((double)p.n / p.density),
                .species = hg_calloc(p.n, 1),
                .st = hg_calloc(p.liquids, sizeof *q.st),
                .err = hg_calloc(p.liquids, sizeof *q.err),
                .steps = hg_calloc(p.liquids, sizeof *q.steps) };
    hg_status st = q.species && q.st && q.err && q.steps
                       ? identify(&q, err)
                       : hg_fail(err, HG_ENOMEM, "no memory for liquids of %zu particles", p.n);
    for (size_t i = 0; q.species && i < p.n; i++) q.species[i] = i >= p.n - p.n / 5;
    if (st == HG_OK) st = open_folder(&q, err);
    double began = clock_of(&q);
    if (st == HG_OK) st = all_liquids(&q, err);
    stage_done(&q, HG_STAGE_EQUILIBRATE, &began);
    if (st == HG_OK) st = all_snapshots(&q, err);
    *tally = q.tally;
    hg_lock_release(q.lock);
    hg_free(q.steps);
    hg_free(q.err);
    hg_free(q.st);
    hg_free(q.species);
    return st;
}
