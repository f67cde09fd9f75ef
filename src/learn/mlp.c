/* learn/mlp.c -- training many networks, and using one; see learn/mlp.h
 *
 * An epoch of a network is a task of the pool. Between epochs the caller is asked whether to go on. The largest networks come first, so
 * that no thread is left alone with one at the end of a round.
 */
#include "learn/mlp.h"
#include "learn/mlp_net.h"
#include "tensor/bf16.h"
#include "tensor/op.h"
#include "tensor/params.h"
#include "tensor/tile.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { JUDGED = 128 };

hg_mlp_opts hg_mlp_opts_default(void) {
    return (hg_mlp_opts) { .act = HG_RELU, .epochs = 100, .batch = 32, .rate = 1e-3, .beta2 = 0.999, .corner = 1 };
}

size_t hg_mlp_size(const hg_mlp_shape *s) {
    if (s->layers < 1 || s->layers > HG_MLP_LAYERS) return SIZE_MAX;
    size_t size = 0;
    for (size_t l = 0; l < s->layers; l++) {
        if (!s->width[l] || (l && s->width[l] > HG_MLP_WIDTH) || s->width[l] > UINT32_MAX) return SIZE_MAX;
        if (!s->width[l + 1] || s->width[l + 1] > HG_MLP_WIDTH) return SIZE_MAX;
        size += (s->width[l] + 1) * s->width[l + 1];
    }
    return size;
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static bool positive(double x) { return x > 0 && isfinite(x); }

static hg_status check_options(const hg_mlp_opts *o, const hg_mlp_rows *rows, hg_err *err) {
    const struct {
        const char *name;
        bool good;
    } want[] = {
        { "activation", o->act < HG_FUNCTION_COUNT },
        { "number of epochs", o->epochs > 0 && o->epochs < UINT32_MAX },
        { "batch", o->batch > 0 && o->batch <= HG_MLP_BATCH },
        { "rate", positive(o->rate) },
        { "decay", o->decay >= 0 && isfinite(o->decay) },
        { "second beta", o->beta2 >= 0 && o->beta2 < 1 },
        { "average", o->average >= 0 && o->average < 1 },
        { "corner", positive(o->corner) },
        { "number of classes", rows->classes != 1 && rows->classes <= HG_MLP_WIDTH },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        if (!want[i].good) return hg_fail(err, HG_EINVAL, "networks: the %s is out of its range", want[i].name);
    return HG_OK;
}

static hg_status check_rows(const size_t *row, size_t n, size_t all, hg_err *err) {
    for (size_t i = 0; i < n; i++)
        if (row[i] >= all) return hg_fail(err, HG_EINVAL, "networks: row %zu of %zu", row[i], all);
    return HG_OK;
}

static hg_status check_task(const hg_mlp_task *t, const hg_mlp_rows *rows, hg_err *err) {
    const hg_mlp_shape *s = &t->shape;
    if (hg_mlp_size(s) == SIZE_MAX || s->width[s->layers] != (rows->classes ? rows->classes : 1))
        return hg_fail(err, HG_EINVAL, "networks: the shape is not one for these rows");
    if (!t->n_train) return hg_fail(err, HG_EINVAL, "networks: there is no row to learn from");
    HG_TRY(check_rows(t->train, t->n_train, rows->n, err));
    return check_rows(t->judge, t->n_judge, rows->n, err);
}

static hg_status check_classes(const hg_mlp_rows *rows, hg_err *err) {
    for (size_t i = 0; i < rows->n && rows->classes; i++)
        if (!(rows->y[i] >= 0 && rows->y[i] < (float)rows->classes && rows->y[i] == floorf(rows->y[i])))
            return hg_fail(err, HG_EINVAL, "networks: row %zu has no class", i);
    return HG_OK;
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_mlp_task *task;
    hg_mlp_net net;
    size_t *order;     /* [n_train] */
    size_t since_best; /* epochs */
    bool done;
    hg_status st;
    hg_err err;
} runner;

typedef struct {
    runner *runner; /* [n], the largest network first */
    size_t n;
    hg_mlp_room *room; /* [threads] */
    hg_mlp_rows rows;
    const hg_mlp_opts *o;
    hg_schedule schedule;
} training;

/* Streams of random numbers of one network: epochs count from 1. */
static void shuffle(runner *r, size_t epoch) {
    hg_rng g = hg_rng_make(r->task->seed, epoch + 1);
    for (size_t i = 0; i < r->task->n_train; i++) r->order[i] = r->task->train[i];
    hg_rng_shuffle(&g, r->order, r->task->n_train);
}

static void keep(runner *r) {
    const hg_mlp_shape *s = &r->task->shape;
    const hg_params *p = r->net.p;
    float *to = r->task->weights;
    for (size_t k = 0; k < 2 * s->layers; to += p->e[k++].n)
        memcpy(to, (const float *)p->values + p->e[k].at, p->e[k].n * sizeof *to);
}

/* The other way round: from weights into the network. */
static void begin_from(runner *r, const float *from) {
    const hg_params *p = r->net.p;
    for (size_t k = 0; k < 2 * r->task->shape.layers; from += p->e[k++].n)
        memcpy((float *)p->values + p->e[k].at, from, p->e[k].n * sizeof *from);
    hg_mlp_net_changed(&r->net);
}

/* Rows that are judged at once: weights are rounded for each batch, so that larger ones are cheaper. */
static size_t at_once(const hg_mlp_opts *o) { return o->batch > JUDGED ? o->batch : JUDGED; }

static double judge(const training *t, const runner *r, hg_mlp_room *room) {
    const hg_mlp_task *task = r->task;
    const size_t batch = at_once(t->o);
    double sum = 0;
    for (size_t i = 0; i < task->n_judge; i += batch) {
        const size_t m = task->n_judge - i < batch ? task->n_judge - i : batch;
        sum += hg_mlp_net_errors(&r->net, room, &t->rows, task->judge + i, m, t->o);
    }
    return sum / (double)task->n_judge;
}

static void after_epoch(const training *t, runner *r, hg_mlp_room *room) {
    hg_mlp_task *task = r->task;
    task->epochs++;
    hg_optimizer_swap(r->net.o);
    const double error = task->n_judge ? judge(t, r, room) : 0;
    if (!task->n_judge || error < task->error) {
        keep(r);
        task->error = error;
        r->since_best = 0;
    } else {
        r->since_best++;
    }
    hg_optimizer_swap(r->net.o);
    r->done = task->epochs == t->o->epochs || (t->o->patience && r->since_best >= t->o->patience);
}

static void epoch(const training *t, runner *r, hg_mlp_room *room) {
    const size_t n = r->task->n_train, batch = t->o->batch;
    shuffle(r, r->task->epochs);
    for (size_t i = 0; i < n && r->st == HG_OK; i += batch) {
        const double at = (double)r->task->epochs + (double)i / (double)n;
        r->st = hg_mlp_net_step(&r->net, room, &t->rows, r->order + i, n - i < batch ? n - i : batch, t->o,
                                t->o->rate * hg_schedule_factor(&t->schedule, at), &r->err);
    }
    if (r->st == HG_OK)
        after_epoch(t, r, room);
    else
        r->done = true;
}

static void epoch_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const training *t = ctx;
    for (size_t i = begin; i < end; i++)
        if (!t->runner[i].done) epoch(t, &t->runner[i], &t->room[worker]);
}

static int by_size(const void *a, const void *b) {
    const runner *x = a, *y = b;
    const size_t m = hg_mlp_size(&x->task->shape), n = hg_mlp_size(&y->task->shape);
    if (m != n) return m > n ? -1 : 1;
    return (x->task > y->task) - (x->task < y->task);
}

static hg_status round_rows(hg_mlp_rows *rows, size_t d, hg_arena *mem, hg_err *err) {
    if (rows->rounded) return HG_OK;
    const size_t row = hg_bf16_row(d);
    uint16_t *to = hg_alloc(mem, rows->n * row, sizeof *to);
    if (!to) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows of %zu numbers", rows->n, d);
    for (size_t i = 0; i < rows->n; i++) hg_bf16_round(to + i * row, rows->x + i * d, d);
    rows->rounded = to;
    return HG_OK;
}

static hg_status set_up(training *t, hg_mlp_task *task, hg_pool *pool, hg_arena *mem, hg_err *err) {
    hg_mlp_shape most = { 0 };
    t->runner = hg_alloc(mem, t->n, sizeof *t->runner);
    t->room = hg_alloc(mem, hg_pool_threads(pool), sizeof *t->room);
    if (!t->runner || !t->room) return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", t->n);
    for (size_t i = 0; i < t->n; i++) {
        const hg_mlp_shape *s = &task[i].shape;
        if (s->layers > most.layers) most.layers = s->layers;
        for (size_t l = 0; l <= s->layers; l++)
            if (s->width[l] > most.width[l]) most.width[l] = s->width[l];
        t->runner[i] = (runner) { .task = &task[i] };
        task[i].epochs = 0;
        task[i].error = INFINITY;
    }
    qsort(t->runner, t->n, sizeof *t->runner, by_size);
    HG_TRY(round_rows(&t->rows, most.width[0], mem, err));
    for (size_t k = 0; k < hg_pool_threads(pool); k++)
        HG_TRY(hg_mlp_room_make(&t->room[k], &most, at_once(t->o), mem, err));
    for (size_t i = 0; i < t->n; i++) {
        runner *r = &t->runner[i];
        r->order = hg_alloc(mem, r->task->n_train, sizeof *r->order);
        if (!r->order) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows", r->task->n_train);
        HG_TRY(hg_mlp_net_make(&r->net, &r->task->shape, t->o, r->task->seed, err));
        if (!r->task->start) continue;
        begin_from(r, r->task->start);
        if (r->task->start != r->task->weights) keep(r);
        if (r->task->n_judge) r->task->error = judge(t, r, t->room);
    }
    return HG_OK;
}

static hg_status ran_away(size_t which, hg_err *err) {
    return hg_advise(err, hg_fail(err, HG_ENAN, "the weights of network %zu ran away", which),
                     "a smaller rate may help");
}

static hg_status go(training *t, const hg_mlp_task *first, hg_pool *pool, const hg_hooks *hooks, hg_err *err) {
    for (size_t e = 0; e < t->o->epochs; e++) {
        size_t left = 0;
        for (size_t i = 0; i < t->n; i++) left += !t->runner[i].done;
        if (!left) break;
        if (!hg_progress(hooks, "epochs of networks", e, t->o->epochs))
            return hg_fail(err, HG_ECANCEL, "stopped after %zu of %zu epochs of the networks", e, t->o->epochs);
        hg_pool_for(pool, t->n, 1, epoch_task, t);
    }
    for (size_t i = 0; i < t->n; i++) {
        const runner *r = &t->runner[i];
        if (r->st != HG_OK || !isfinite(r->task->error)) return ran_away((size_t)(r->task - first), err);
    }
    return HG_OK;
}

hg_status hg_mlp_train(hg_mlp_task *task, size_t n, const hg_mlp_rows *rows, const hg_mlp_opts *opts, hg_pool *pool,
                       const hg_hooks *hooks, hg_err *err) {
    const hg_mlp_opts o = opts ? *opts : hg_mlp_opts_default();
    training t = { .n = n, .rows = *rows, .o = &o };
    hg_schedule_opts so = hg_schedule_opts_default();
    so.kind = o.schedule;
    so.total = (double)o.epochs;
    HG_TRY(check_options(&o, rows, err));
    HG_TRY(hg_schedule_begin(&t.schedule, &so, err));
    HG_TRY(check_classes(rows, err));
    for (size_t i = 0; i < n; i++) HG_TRY(check_task(&task[i], rows, err));
    hg_arena *mem = hg_arena_new();
    hg_status st = set_up(&t, task, pool, mem, err);
    if (st == HG_OK) st = go(&t, task, pool, hooks, err);
    for (size_t i = 0; t.runner && i < n; i++) hg_mlp_net_free(&t.runner[i].net);
    hg_arena_free(mem);
    return st;
}

/* ---- use --------------------------------------------------------------------------------------------------------- */

/* Rows of x stand in the lanes, as many as a tile is wide: a row's sums are formed in the same order wherever it stands and whatever stands
 * beside it. */
enum { LANES = HG_TILE_FLOATS };

typedef struct {
    float *from, *to; /* [width, LANES] */
    uint32_t *step, *pitch;
} lanes;

static bool lanes_make(lanes *r, const hg_mlp_shape *s, hg_arena *mem) {
    size_t widest = 0;
    for (size_t l = 0; l <= s->layers; l++) widest = s->width[l] > widest ? s->width[l] : widest;
    *r = (lanes) { hg_alloc(mem, widest * LANES, sizeof(float)), hg_alloc(mem, widest * LANES, sizeof(float)),
                   hg_alloc(mem, widest, sizeof(uint32_t)), hg_alloc(mem, widest, sizeof(uint32_t)) };
    if (!r->from || !r->to || !r->step || !r->pitch) return false;
    for (size_t k = 0; k < widest; k++) {
        r->step[k] = (uint32_t)k;
        r->pitch[k] = (uint32_t)(k * LANES);
    }
    return true;
}

static void layer(const lanes *r, const float *w, size_t in, size_t out) {
    const float *bias = w + in * out;
    hg_tile t = { .b = r->from, .a_at = r->step, .b_at = r->pitch, .k = in, .lanes = LANES, .ldc = LANES, .add = true };
    for (size_t j = 0; j < out; j += HG_TILE_ROWS) {
        t.rows = out - j < HG_TILE_ROWS ? out - j : HG_TILE_ROWS;
        t.c = r->to + j * LANES;
        for (size_t q = 0; q < t.rows; q++) {
            t.row[q] = w + (j + q) * in;
            for (size_t i = 0; i < LANES; i++) r->to[(j + q) * LANES + i] = bias[j + q];
        }
        hg_tile_do(HG_F32, &t);
    }
}

static void apply_lanes(float *out, lanes *r, const hg_mlp_shape *s, hg_function act, const float *weights,
                        const float *x, size_t n) {
    const size_t d = s->width[0], outputs = s->width[s->layers];
    for (size_t k = 0; k < d; k++)
        for (size_t i = 0; i < LANES; i++) r->from[k * LANES + i] = i < n ? x[i * d + k] : 0;
    for (size_t l = 0; l < s->layers; l++) {
        const size_t in = s->width[l], wide = s->width[l + 1];
        layer(r, weights, in, wide);
        weights += (in + 1) * wide;
        if (l + 1 < s->layers) hg_function_values(act, HG_F32, r->from, r->to, wide * LANES);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t q = 0; q < outputs; q++) out[i * outputs + q] = r->to[q * LANES + i];
}

hg_status hg_mlp_apply(float *out, const hg_mlp_shape *s, hg_function act, const float *weights, const float *x,
                       size_t n, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    lanes r;
    if (!lanes_make(&r, s, mem)) {
        hg_arena_free(mem);
        return hg_fail(err, HG_ENOMEM, "no memory to use a network");
    }
    for (size_t i = 0; i < n; i += LANES)
        apply_lanes(out + i * s->width[s->layers], &r, s, act, weights, x + i * s->width[0],
                    n - i < LANES ? n - i : LANES);
    hg_arena_free(mem);
    return HG_OK;
}
