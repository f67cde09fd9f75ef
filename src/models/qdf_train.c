/* models/qdf_train.c -- see models/qdf_train.h */
#include "models/qdf_train.h"
#include "core/memory.h"
#include "files/hash.h"
#include "models/qdf_kernel.h"
#include "tensor/params.h"
#include "matter/molecule.h"
#include <math.h>
#include <string.h>

enum { ENERGY, POTENTIAL, CHUNK = 16384 /* floats added up at a time */ };

typedef struct {
    hg_qdf_room kernel;
    hg_arena *mem;
} room;

struct hg_qdf_lesson {
    hg_trainable trainable;
    hg_qdf *q;
    hg_qdf_data train, validation;
    hg_pool *pool;
    room *rooms; /* [threads] */
    size_t threads;
    float *gradient[HG_QDF_SLOTS]; /* of each piece; that of the first is the model's own */
    char identity[HG_HASH_SIZE];
};

hg_qdf_opts hg_qdf_opts_default(void) {
    hg_qdf_opts o = { .dim = 250, .train = hg_train_opts_default() };
    o.train.epochs = 2000;
    o.train.batch = 4;
    o.train.rate = 1e-4;
    o.train.schedule.kind = HG_RATE_STEP;
    o.train.schedule.every = 200;
    o.train.schedule.factor = 0.5;
    return o;
}

/* ---- a batch ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_qdf_lesson *l;
    const hg_batch *b;
    double points; /* of the whole batch */
    size_t slots;
    double sum[HG_QDF_SLOTS];
    hg_status st[HG_QDF_SLOTS];
    hg_err err[HG_QDF_SLOTS];
} batch_job;

/* The buffer in two runs: what the loss of the energy reaches besides orbitals, and what that of the potential does. */
static void touched(const hg_qdf_layout *l, unsigned phase, size_t begin[2], size_t end[2]) {
    begin[0] = 0, end[0] = l->w[0]; /* coefficients, zeta */
    begin[1] = phase == ENERGY ? l->w[0] : l->density_w;
    end[1] = phase == ENERGY ? l->density_w : l->count;
}

static hg_status learn_one(batch_job *j, size_t slot, size_t item, room *r, hg_err *err) {
    const hg_qdf_lesson *l = j->l;
    const hg_mark mark = hg_arena_mark(r->mem);
    const float *w = l->q->params->values;
    hg_qdf_input in;
    double x = 0, loss = 0;
    hg_status st = hg_qdf_input_make(&in, l->train.m[item], j->b->phase == POTENTIAL, r->mem, err);
    if (st == HG_OK && j->b->phase == ENERGY) {
        const double target = l->train.e[item];
        st = hg_qdf_learn_energy(&x, l->gradient[slot], w, &l->q->l, &in, target, 1 / (double)j->b->n_whole, &r->kernel,
                                 err);
        loss = (x - target) * (x - target);
    } else if (st == HG_OK) {
        st = hg_qdf_learn_potential(&x, NULL, l->gradient[slot], w, &l->q->l, &in, 1 / j->points, &r->kernel, err);
        loss = x * (double)j->b->n_whole / j->points; /* so that their sum by n_whole is the mean over points */
    }
    j->sum[slot] += loss;
    hg_arena_reset(r->mem, mark);
    return st;
}

static void learn_task(void *ctx, size_t begin, size_t end, size_t worker) {
    batch_job *j = ctx;
    const hg_batch *b = j->b;
    for (size_t s = begin; s < end; s++) {
        size_t from[2], to[2];
        touched(&j->l->q->l, b->phase, from, to);
        for (int k = 0; k < 2 && s > 0; k++) memset(j->l->gradient[s] + from[k], 0, (to[k] - from[k]) * sizeof(float));
        for (size_t i = s * b->n / j->slots; i < (s + 1) * b->n / j->slots && j->st[s] == HG_OK; i++)
            j->st[s] = learn_one(j, s, b->items[i], &j->l->rooms[worker], &j->err[s]);
    }
}

static void add_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const batch_job *j = ctx;
    size_t from[2], to[2];
    (void)worker;
    touched(&j->l->q->l, j->b->phase, from, to);
    for (int k = 0; k < 2; k++) {
        const size_t a = begin > from[k] ? begin : from[k], z = end < to[k] ? end : to[k];
        for (size_t s = 1; s < j->slots && a < z; s++) hg_qdf_add(j->l->gradient[0] + a, j->l->gradient[s] + a, z - a);
    }
}

static hg_status learn(void *ctx, double *sum, const hg_batch *b, hg_err *err) {
    hg_qdf_lesson *l = ctx;
    batch_job j = { .l = l, .b = b, .slots = b->n < HG_QDF_SLOTS ? b->n : HG_QDF_SLOTS };
    for (size_t i = 0; i < b->n_whole; i++) j.points += (double)(HG_QDF_POINTS * l->train.m[b->whole[i]]->n);
    l->gradient[0] = l->q->params->gradient;
    hg_pool_for(l->pool, j.slots, 1, learn_task, &j);
    for (size_t s = 0; s < j.slots; s++) {
        if (j.st[s] != HG_OK) {
            if (err) *err = j.err[s];
            return j.st[s];
        }
        *sum += j.sum[s];
    }
    hg_pool_for(l->pool, l->q->l.count, CHUNK, add_task, &j);
    return HG_OK;
}

/* ---- errors of validation ------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_qdf_lesson *l;
    const size_t *items;
    double *error; /* [n] */
    hg_status *st;
    hg_err *err; /* [n] */
} error_job;

static void error_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const error_job *j = ctx;
    const hg_qdf *q = j->l->q;
    room *r = &j->l->rooms[worker];
    for (size_t i = begin; i < end; i++) {
        const hg_mark mark = hg_arena_mark(r->mem);
        hg_qdf_input in;
        double e = 0;
        j->st[i] = hg_qdf_input_make(&in, j->l->validation.m[j->items[i]], false, r->mem, &j->err[i]);
        if (j->st[i] == HG_OK) j->st[i] = hg_qdf_energy(&e, q->params->values, &q->l, &in, &r->kernel, &j->err[i]);
        j->error[i] = fabs(e - j->l->validation.e[j->items[i]]);
        hg_arena_reset(r->mem, mark);
    }
}

static hg_status evaluate(void *ctx, double *sum, hg_tape *t, const hg_batch *b, hg_err *err) {
    enum { AT_ONCE = 64 };
    double error[AT_ONCE];
    hg_status st[AT_ONCE];
    hg_err why[AT_ONCE];
    (void)t;
    for (size_t at = 0; at < b->n; at += AT_ONCE) {
        const size_t n = b->n - at < AT_ONCE ? b->n - at : AT_ONCE;
        error_job j = { .l = ctx, .items = b->items + at, .error = error, .st = st, .err = why };
        hg_pool_for(j.l->pool, n, 1, error_task, &j);
        for (size_t i = 0; i < n; i++) {
            if (st[i] != HG_OK) {
                if (err) *err = why[i];
                return st[i];
            }
            *sum += error[i];
        }
    }
    return HG_OK;
}

/* ---- set-up --------------------------------------------------------------------------------------------------------------- */

static double closest(const hg_molecule *m) { /* squared distance of the closest pair of atoms */
    double least = INFINITY;
    for (size_t a = 0; a < m->n; a++)
        for (size_t b = 0; b < a; b++) {
            double d2 = 0;
            for (size_t k = 0; k < 3; k++)
                d2 += (m->r[3 * a + k] - m->r[3 * b + k]) * (m->r[3 * a + k] - m->r[3 * b + k]);
            least = fmin(least, d2);
        }
    return least;
}

static hg_status check_molecule(const hg_molecule *m, double e, hg_arena *mem, hg_err *err) {
    static const double LEAST = 0.1; /* angstrom */
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf_input in;
    if (!isfinite(e)) return hg_fail(err, HG_ENAN, "%s: its energy is no finite number", hg_molecule_called(m).s);
    if (closest(m) < LEAST * LEAST)
        return hg_fail(err, HG_EDATA, "%s: two atoms are closer than %g angstrom", hg_molecule_called(m).s, LEAST);
    const hg_status st = hg_qdf_input_make(&in, m, false, mem, err);
    hg_arena_reset(mem, mark);
    return st;
}

/* All molecules can be learned from; what they are is added to the hash. */
static hg_status check_data(hg_hash *h, const hg_qdf_data *d, hg_arena *mem, hg_err *err) {
    for (size_t i = 0; i < d->n; i++) {
        const hg_molecule *m = d->m[i];
        const uint64_t n = m->n;
        HG_TRY(check_molecule(m, d->e[i], mem, err));
        HG_TRY(hg_hash_add(h, &n, sizeof n, err));
        HG_TRY(hg_hash_add(h, m->z, m->n, err));
        HG_TRY(hg_hash_add(h, m->r, 3 * m->n * sizeof *m->r, err));
        HG_TRY(hg_hash_add(h, &m->charge, sizeof m->charge, err));
        HG_TRY(hg_hash_add(h, &d->e[i], sizeof d->e[i], err));
    }
    return HG_OK;
}

static hg_status identify(hg_qdf_lesson *l, hg_err *err) {
    hg_hash *h;
    HG_TRY(hg_hash_new(&h, err));
    hg_status st = check_data(h, &l->train, l->rooms[0].mem, err);
    if (st == HG_OK) st = check_data(h, &l->validation, l->rooms[0].mem, err);
    if (st == HG_OK) st = hg_hash_hex(l->identity, h, err);
    hg_hash_free(h);
    return st;
}

static bool get_memory(hg_qdf_lesson *l) {
    l->rooms = hg_calloc(l->threads, sizeof *l->rooms);
    bool there = l->rooms;
    for (size_t i = 0; there && i < l->threads; i++) there = (l->rooms[i].mem = hg_arena_new());
    for (size_t s = 1; there && s < HG_QDF_SLOTS; s++)
        there = (l->gradient[s] = hg_aligned(l->q->l.count * sizeof(float)));
    return there;
}

hg_status hg_qdf_lesson_new(hg_qdf_lesson **out, hg_qdf *q, const hg_qdf_data *train, const hg_qdf_data *validation,
                            hg_pool *pool, hg_err *err) {
    *out = NULL;
    if (train->n == 0) return hg_fail(err, HG_EDATA, "there is no molecule to learn from");
    hg_qdf_lesson *l = hg_calloc(1, sizeof *l);
    if (!l) return hg_fail(err, HG_ENOMEM, "no memory to train");
    *l = (hg_qdf_lesson) { .q = q, .train = *train, .pool = pool, .threads = hg_pool_threads(pool) };
    if (validation) l->validation = *validation;
    hg_status st =
        get_memory(l) ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for the gradients of %zu weights", q->l.count);
    if (st == HG_OK) st = identify(l, err);
    if (st != HG_OK) {
        hg_qdf_lesson_free(l);
        return st;
    }
    l->trainable = (hg_trainable) { .name = "qdf-classic 1",
                                    .identity = l->identity,
                                    .params = q->params,
                                    .items = l->train.n,
                                    .validation = l->validation.n,
                                    .phases = HG_QDF_PHASES,
                                    .ctx = l,
                                    .learn = learn,
                                    .evaluate = l->validation.n ? evaluate : NULL };
    *out = l;
    return HG_OK;
}

const hg_trainable *hg_qdf_lesson_trainable(const hg_qdf_lesson *l) { return &l->trainable; }

void hg_qdf_lesson_free(hg_qdf_lesson *l) {
    if (!l) return;
    for (size_t i = 0; l->rooms && i < l->threads; i++) {
        hg_qdf_room_free(&l->rooms[i].kernel);
        hg_arena_free(l->rooms[i].mem);
    }
    for (size_t s = 1; s < HG_QDF_SLOTS; s++) hg_free(l->gradient[s]);
    hg_free(l->rooms);
    hg_free(l);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */

hg_status hg_qdf_fit(hg_qdf **out, hg_train_result *result, const hg_qdf_data *train, const hg_qdf_data *validation,
                     const hg_qdf_opts *opts, hg_err *err) {
    const hg_qdf_opts o = opts ? *opts : hg_qdf_opts_default();
    hg_qdf_lesson *l = NULL;
    HG_TRY(hg_qdf_new(out, o.dim, o.hk, &(hg_params_opts) { .seed = o.train.seed }, err));
    hg_status st = hg_qdf_lesson_new(&l, *out, train, validation, o.train.pool, err);
    if (st == HG_OK) st = hg_train(result, &l->trainable, &o.train, err);
    hg_qdf_lesson_free(l);
    if (st == HG_OK) return HG_OK;
    hg_qdf_free(*out);
    *out = NULL;
    return st;
}
