/* simulate/dynamics.c -- see hagane/dynamics.h; this file: one snapshot. liquid_plan.c makes them from nothing */
#include "hagane/dynamics.h"
#include "core/memory.h"
#include "matter/labels.h"
#include "simulate/piece.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEPS_A_LOOK = 5, RUNS_MOST = 100000, PATH_MOST = 4096 };
/* Streams of random numbers of a seed: run r has number r. */
static const uint64_t STREAM_HOLD = (uint64_t)1 << 40;
static const double STEPS_MOST = 1e12;

hg_dynamics_opts hg_dynamics_opts_default(void) {
    return (hg_dynamics_opts) { .liquid = hg_liquid_opts_default(), .dt = 0.006 };
}

hg_cage_opts hg_cage_opts_default(void) {
    return (hg_cage_opts) { .wall = 0.45, .stiffness = 200, .settle = 2, .average = 30 };
}

hg_label_opts hg_label_opts_default(void) { return (hg_label_opts) { .runs = 32, .range = 2 }; }

static hg_status need_temperature(const hg_snapshot *s, hg_err *err) {
    if (isfinite(s->temperature) && s->temperature > 0) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EDATA, "the temperature of the snapshot is not known: nothing moves"),
                     "say it with --temperature");
}

static hg_status steps_in(size_t *steps, double time, double dt, const char *what, hg_err *err) {
    if (!isfinite(dt) || dt <= 0) return hg_fail(err, HG_EINVAL, "a time step of %g, expected more than 0", dt);
    if (!isfinite(time) || time < 0 || time / dt > STEPS_MOST)
        return hg_fail(err, HG_EINVAL, "%s is %g, expected a time", what, time);
    *steps = (size_t)nearbyint(time / dt);
    return HG_OK;
}

/* ---- inherent structure --------------------------------------------------------------------------------------------------- */

hg_status hg_snapshot_quench(hg_snapshot *s, const hg_dynamics_opts *opts, hg_arena *mem, hg_err *err) {
    const hg_dynamics_opts o = opts ? *opts : hg_dynamics_opts_default();
    double *moved = hg_alloc(mem, s->n, 3 * sizeof *moved);
    if (!moved) return hg_fail(err, HG_ENOMEM, "no memory for an inherent structure of %zu particles", s->n);
    hg_liquid *l;
    HG_TRY(hg_liquid_new(&l, s->species, s->x, s->n, s->box, &o.liquid, err));
    const hg_status st = hg_liquid_quench(NULL, l, NULL, err);
    if (st == HG_OK) {
        hg_liquid_state(moved, NULL, l);
        for (size_t i = 0; i < 3 * s->n; i++) moved[i] -= s->x[i];
        s->inherent = moved;
    }
    hg_liquid_free(l);
    return st;
}

/* ---- cage state ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    size_t looks;
    double *x, *mean, *square; /* [n,3], [n,3], [n,6]: sums */
} cage;

static void cage_add(cage *c, const hg_snapshot *s, const hg_liquid *l) {
    hg_liquid_state(c->x, NULL, l);
    for (size_t i = 0; i < s->n; i++) {
        double d[3], *q = c->square + 6 * i;
        for (size_t k = 0; k < 3; k++) {
            d[k] = c->x[3 * i + k] - s->x[3 * i + k];
            c->mean[3 * i + k] += d[k];
            q[k] += d[k] * d[k];
        }
        q[3] += d[0] * d[1];
        q[4] += d[0] * d[2];
        q[5] += d[1] * d[2];
    }
    c->looks++;
}

static void cage_end(cage *c, hg_snapshot *s) {
    static const size_t PAIR[6][2] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { 0, 1 }, { 0, 2 }, { 1, 2 } };
    const double looks = (double)c->looks;
    for (size_t i = 0; i < s->n; i++) {
        double *m = c->mean + 3 * i;
        for (size_t k = 0; k < 3; k++) m[k] /= looks;
        for (size_t k = 0; k < 6; k++)
            c->square[6 * i + k] = c->square[6 * i + k] / looks - m[PAIR[k][0]] * m[PAIR[k][1]];
    }
    s->cage = c->mean;
    s->cage_covariance = c->square;
}

static hg_status hold(cage *c, hg_liquid *l, const hg_snapshot *s, const hg_cage_opts *k, const hg_dynamics_opts *o,
                      hg_err *err) {
    size_t settle = 0, average = 0;
    HG_TRY(steps_in(&settle, k->settle, o->dt, "the time before averages", err));
    HG_TRY(steps_in(&average, k->average, o->dt, "the time of averages", err));
    if (average < STEPS_A_LOOK)
        return hg_fail(err, HG_EINVAL, "averages over a time of %g, expected %d steps or more", k->average,
                       STEPS_A_LOOK);
    hg_rng rng = hg_rng_make(o->seed, STREAM_HOLD + 1);
    hg_liquid_run_opts r = hg_liquid_run_opts_default();
    r.dt = o->dt;
    r.temperature = s->temperature;
    r.rng = &rng;
    HG_TRY(hg_liquid_hold(l, s->x, k->wall, k->stiffness, err));
    hg_liquid_maxwell(l, s->temperature, true, hg_rng_make(o->seed, STREAM_HOLD));
    HG_TRY(hg_liquid_run(l, settle, &r, err));
    for (size_t done = 0; done + STEPS_A_LOOK <= average; done += STEPS_A_LOOK) {
        HG_TRY(hg_liquid_run(l, STEPS_A_LOOK, &r, err));
        cage_add(c, s, l);
        if (!hg_progress(o->hooks, "cage", done, average))
            return hg_fail(err, HG_ECANCEL, "the simulation was stopped");
    }
    return HG_OK;
}

hg_status hg_snapshot_hold(hg_snapshot *s, const hg_cage_opts *cage_opts, const hg_dynamics_opts *opts, hg_arena *mem,
                           hg_err *err) {
    const hg_dynamics_opts o = opts ? *opts : hg_dynamics_opts_default();
    const hg_cage_opts k = cage_opts ? *cage_opts : hg_cage_opts_default();
    HG_TRY(need_temperature(s, err));
    cage c = { .x = hg_malloc(s->n, 3 * sizeof *c.x),
               .mean = hg_alloc(mem, s->n, 3 * sizeof *c.mean),
               .square = hg_alloc(mem, s->n, 6 * sizeof *c.square) };
    hg_liquid *l = NULL;
    hg_status st = c.x && c.mean && c.square
                       ? hg_liquid_new(&l, s->species, s->x, s->n, s->box, &o.liquid, err)
                       : hg_fail(err, HG_ENOMEM, "no memory for the cages of %zu particles", s->n);
    if (st == HG_OK) st = hold(&c, l, s, &k, &o, err);
    if (st == HG_OK) cage_end(&c, s);
    hg_liquid_free(l);
    hg_free(c.x);
    return st;
}

/* ---- labels ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    const hg_snapshot *s;
    const hg_label_opts *labels;
    const hg_dynamics_opts *o;
    size_t *step, first, count; /* [n_times]; runs first .. first + count - 1 are made now */
    double *moved;              /* [count, n_times, n, 3] */
    hg_status *st;              /* [count] */
    hg_err *err;                /* [count] */
    char identity[HG_HASH_SIZE];
} batch;

static void piece_path(char path[PATH_MOST], const batch *b, size_t run) {
    snprintf(path, PATH_MOST, "%s/run%zu.piece", b->labels->work, run);
}

static hg_status simulate(double *moved, const batch *b, size_t run, hg_err *err) {
    const hg_snapshot *s = b->s;
    hg_liquid_opts alone = b->o->liquid;
    alone.pool = NULL; /* runs go side by side */
    hg_liquid_run_opts r = hg_liquid_run_opts_default();
    r.dt = b->o->dt;
    hg_liquid *l;
    HG_TRY(hg_liquid_new(&l, s->species, s->x, s->n, s->box, &alone, err));
    hg_liquid_maxwell(l, s->temperature, false, hg_rng_make(b->o->seed, run));
    hg_status st = HG_OK;
    for (size_t t = 0, done = 0; t < b->labels->n_times && st == HG_OK; t++) {
        st = hg_liquid_run(l, b->step[t] - done, &r, err);
        done = b->step[t];
        double *to = moved + 3 * s->n * t;
        hg_liquid_state(to, NULL, l);
        for (size_t i = 0; i < 3 * s->n; i++) to[i] -= s->x[i];
    }
    hg_liquid_free(l);
    return st;
}

static hg_status one_run(double *moved, const batch *b, size_t run, hg_err *err) {
    if (!b->labels->work) return simulate(moved, b, run, err);
    char path[PATH_MOST];
    bool there;
    const size_t n = 3 * b->s->n * b->labels->n_times;
    piece_path(path, b, run);
    HG_TRY(liquid_piece_read(&there, moved, n, path, b->identity, err));
    if (there) return HG_OK;
    HG_TRY(simulate(moved, b, run, err));
    return liquid_piece_write(path, b->identity, moved, n, err);
}

static void run_some(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const batch *b = ctx;
    for (size_t a = begin; a < end; a++)
        b->st[a] = one_run(b->moved + a * 3 * b->s->n * b->labels->n_times, b, b->first + a, b->err + a);
}

/* Of all that the displacements of a run depend on, but its number. */
static hg_status identify(batch *b, hg_err *err) {
    const hg_snapshot *s = b->s;
    const hg_liquid_potential *p = &b->o->liquid.potential;
    const double facts[] = { s->box[0],
                             s->box[1],
                             s->box[2],
                             s->temperature,
                             b->o->dt,
                             b->o->liquid.skin,
                             b->o->liquid.margin,
                             (double)b->o->liquid.plain,
                             (double)p->force_shifted };
    hg_hash *h;
    HG_TRY(hg_hash_new(&h, err));
    hg_status st = hg_hash_add(h, s->x, 3 * s->n * sizeof *s->x, err);
    if (st == HG_OK) st = hg_hash_add(h, s->species, s->n, err);
    if (st == HG_OK) st = hg_hash_add(h, facts, sizeof facts, err);
    if (st == HG_OK) st = hg_hash_add(h, p->epsilon, sizeof p->epsilon, err);
    if (st == HG_OK) st = hg_hash_add(h, p->sigma, sizeof p->sigma, err);
    if (st == HG_OK) st = hg_hash_add(h, p->cutoff, sizeof p->cutoff, err);
    if (st == HG_OK) st = hg_hash_add(h, &b->o->seed, sizeof b->o->seed, err);
    if (st == HG_OK) st = hg_hash_add(h, b->step, b->labels->n_times * sizeof *b->step, err);
    if (st == HG_OK) st = hg_hash_hex(b->identity, h, err);
    hg_hash_free(h);
    return st;
}

static hg_status make_runs(hg_labels *sums, batch *b, hg_err *err) {
    const size_t at_once = 2 * hg_pool_threads(b->o->liquid.pool), stride = 3 * b->s->n * b->labels->n_times;
    for (b->first = 0; b->first < b->labels->runs; b->first += b->count) {
        b->count = b->labels->runs - b->first < at_once ? b->labels->runs - b->first : at_once;
        hg_pool_for(b->o->liquid.pool, b->count, 1, run_some, b);
        for (size_t a = 0; a < b->count; a++) {
            if (b->st[a] != HG_OK) {
                if (err) *err = b->err[a];
                return b->st[a];
            }
            for (size_t t = 0; t < b->labels->n_times; t++)
                hg_labels_add(sums, t, b->first + a, b->moved + a * stride + t * 3 * b->s->n);
        }
        if (!hg_progress(b->o->hooks, "runs", b->first + b->count, b->labels->runs))
            return hg_fail(err, HG_ECANCEL, "the simulation was stopped");
    }
    return HG_OK;
}

static hg_status plan_steps(batch *b, double *time, hg_err *err) {
    for (size_t t = 0; t < b->labels->n_times; t++) {
        HG_TRY(steps_in(&b->step[t], b->labels->time[t], b->o->dt, "a time of labels", err));
        if (b->step[t] <= (t ? b->step[t - 1] : 0))
            return hg_fail(err, HG_EINVAL, "a label at time %g after one at %g: each has to be a time step of %g later",
                           b->labels->time[t], t ? time[t - 1] : 0.0, b->o->dt);
        time[t] = (double)b->step[t] * b->o->dt;
    }
    return HG_OK;
}

hg_status hg_snapshot_label(hg_snapshot *s, const hg_label_opts *labels, const hg_dynamics_opts *opts, hg_arena *mem,
                            hg_err *err) {
    const hg_dynamics_opts o = opts ? *opts : hg_dynamics_opts_default();
    HG_TRY(need_temperature(s, err));
    if (labels->runs < 1 || labels->runs > RUNS_MOST)
        return hg_fail(err, HG_EINVAL, "%zu runs, expected 1 to %d", labels->runs, RUNS_MOST);
    if (!labels->n_times) return hg_fail(err, HG_EINVAL, "labels at no time");
    if (labels->work && strlen(labels->work) + 64 > PATH_MOST)
        return hg_fail(err, HG_EINVAL, "the name of the folder for runs is too long");
    const size_t at_once = 2 * hg_pool_threads(o.liquid.pool);
    batch b = { .s = s,
                .labels = labels,
                .o = &o,
                .step = hg_calloc(labels->n_times, sizeof *b.step),
                .st = hg_calloc(at_once, sizeof *b.st),
                .err = hg_calloc(at_once, sizeof *b.err),
                .moved = hg_calloc(at_once * labels->n_times, 3 * s->n * sizeof *b.moved) };
    double *time = hg_calloc(labels->n_times, sizeof *time);
    hg_status st = b.step && b.st && b.err && b.moved && time
                       ? plan_steps(&b, time, err)
                       : hg_fail(err, HG_ENOMEM, "no memory for runs of %zu particles", s->n);
    if (st == HG_OK) st = identify(&b, err);
    hg_labels *sums = NULL;
    if (st == HG_OK) st = hg_labels_begin(&sums, s, labels->runs, time, labels->n_times, labels->range, mem, err);
    if (st == HG_OK) st = make_runs(sums, &b, err);
    if (st == HG_OK) hg_labels_end(sums);
    hg_free(time);
    hg_free(b.moved);
    hg_free(b.err);
    hg_free(b.st);
    hg_free(b.step);
    return st;
}

double hg_snapshot_ceiling(const hg_snapshot *s, size_t t, uint8_t species) {
    if (t >= s->n_times || !s->propensity_half[0] || !s->propensity_half[1]) return (double)NAN;
    const float *a = s->propensity_half[0] + t * s->n, *b = s->propensity_half[1] + t * s->n;
    double n = 0, ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->species[i] != species) continue;
        n++;
        ma += (double)a[i];
        mb += (double)b[i];
    }
    for (size_t i = 0; i < s->n; i++) {
        if (s->species[i] != species) continue;
        const double da = (double)a[i] - ma / n, db = (double)b[i] - mb / n;
        aa += da * da;
        bb += db * db;
        ab += da * db;
    }
    const double c = ab / sqrt(aa * bb);
    return c > -1 ? sqrt(2 * c / (1 + c)) : (double)NAN;
}
