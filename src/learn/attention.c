/* learn/attention.c -- a few networks that look at a compound's elements and columns (learn/attention_net.h) as a learner
 *
 * Regression: each network gives a value, by Huber's loss with a small corner, and a standard deviation, by a Laplace distribution's about that value
 * as it is. CrabNet's "robust L1" lets the deviation weigh the value's errors, too: where half of the targets are the same, as the gaps of metals, these
 * are all that is learned (gaps of a tenth of the training rows of expt_gap: 0.364 eV so, 0.352 as here). The spread told is that of the networks and
 * their own deviations together. Each network leaves out a tenth of the rows, by which its best epoch is chosen; weights are averaged over steps,
 * the rate rises and falls.
 */
#include "core/memory.h"
#include "hagane/train.h"
#include "learn/attention_net.h"
#include "learn/records.h"
#include "learn/scaling.h"
#include "tensor/params.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { MEMBERS, LAYERS, WIDTH, EPOCHS, BATCH, RATE, DECAY, CORNER, DROPOUT, OPTIONS_COUNT };
enum { PARTS = 10, MEMBERS_MOST = 64, EPOCHS_LEAST = 15, EPOCHS_MOST = 100, VALUE = 0, LOG_SD, LOGITS = 3 };
static const float SPREAD_LEAST = 0.01F; /* no deviation is told to be smaller, in those of the targets */
static const double SPREAD_SHARE = 0.1;  /* of the loss is about deviations */
static const double STEPS = 10000;       /* worth taking, when epochs are not given */
/* Beyond so many rows a network of the width for fewer has not seen its fill of them (docs/models-of-tables.md). */
static const size_t MANY = 20000, WIDTH_FEW = 64, WIDTH_MANY = 128, EPOCHS_MANY = 40;

typedef struct {
    hg_attention_shape shape;
    size_t members, classes;
    hg_params **p; /* [members] */
    hg_arena *mem; /* of features and of what lives as long */
    const float *features;
    hg_scaling scaling; /* of the columns */
    double unit[2];     /* mean and standard deviation of the targets */
} model;

static void model_free(void *of) {
    model *m = of;
    if (!m) return;
    for (size_t k = 0; m->p && k < m->members; k++) hg_params_free(m->p[k]);
    hg_scaling_free(&m->scaling);
    hg_arena_free(m->mem);
    hg_free(m);
}

static hg_status new_model(model **out, const hg_attention_shape *s, size_t members, size_t classes, hg_err *err) {
    model *m = *out = hg_calloc(1, sizeof *m);
    hg_status st = m ? HG_OK : HG_ENOMEM;
    if (st == HG_OK) {
        *m = (model) { .shape = *s, .members = members, .classes = classes, .mem = hg_arena_new(), .unit = { 0, 1 } };
        m->p = hg_alloc(m->mem, members, sizeof *m->p);
        st = m->p ? hg_attention_features(&m->features, m->mem, err) : HG_ENOMEM;
    }
    if (st == HG_OK) return HG_OK;
    model_free(m);
    *out = NULL;
    return st == HG_ENOMEM ? hg_fail(err, HG_ENOMEM, "no memory for %zu networks", members) : st;
}

/* ---- fit ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    model *m;
    const hg_params *p;
    hg_compounds compounds;
    const double *y; /* [n] scaled, or classes */
    double corner;
    size_t *train, *judge, *part, n_train, n_judge;
    size_t *rows;    /* [n] of a batch */
    uint32_t *class; /* [n] theirs */
} desk;

static hg_tensor *column(hg_tape *t, hg_tensor *x, size_t j) { return hg_slice(t, x, 1, j, j + 1, 1); }

static hg_tensor *forward(const desk *w, hg_tape *t, const size_t *of, const hg_batch *b) {
    for (size_t i = 0; i < b->n; i++) w->rows[i] = of[b->items[i]];
    return hg_attention_forward(t, w->p, &w->m->shape, w->m->features, &w->compounds, w->rows, b->n, 0);
}

static hg_tensor *class_loss(const desk *w, hg_tape *t, hg_tensor *o, size_t n) {
    for (size_t i = 0; i < n; i++) w->class[i] = (uint32_t)w->y[w->rows[i]];
    hg_tensor *logits = hg_slice(t, o, 1, LOGITS, LOGITS + w->m->classes, 1);
    return hg_affine(t, hg_cross_entropy(t, logits, w->class, NULL), (double)n, 0);
}

/* -log of a Laplace distribution of deviation e^s about the values o[n,..], which are taken as they are. */
static hg_tensor *spread_loss(hg_tape *t, hg_tensor *o, const hg_tensor *y, size_t n) {
    hg_tensor *s = column(t, o, LOG_SD), *miss = hg_tensor_zeros(t, HG_SHAPE(n, 1));
    if (!s || !miss) return NULL;
    const float *value = hg_tensor_floats(o), *known = hg_tensor_floats(y);
    for (size_t i = 0; i < n; i++)
        hg_tensor_floats(miss)[i] = SPREAD_LEAST + fabsf(value[i * HG_ATTENTION_OUT + VALUE] - known[i]);
    hg_tensor *scaled = hg_mul(t, miss, hg_map(t, HG_EXP, hg_affine(t, s, -1, 0.5 * log(2))));
    return hg_sum(t, hg_add(t, scaled, s), 0);
}

static hg_tensor *value_loss(const desk *w, hg_tape *t, hg_tensor *o, size_t n) {
    hg_tensor *y = hg_tensor_zeros(t, HG_SHAPE(n, 1));
    if (!y) return NULL;
    for (size_t i = 0; i < n; i++) hg_tensor_floats(y)[i] = (float)w->y[w->rows[i]];
    hg_tensor *fit = hg_loss(t, HG_LOSS_HUBER, column(t, o, VALUE), y, &(hg_loss_opts) { .corner = w->corner });
    hg_tensor *spread = spread_loss(t, o, y, n);
    return spread ? hg_add(t, hg_affine(t, fit, (double)n / w->corner, 0), hg_affine(t, spread, SPREAD_SHARE, 0))
                  : NULL;
}

static hg_tensor *loss(void *ctx, hg_tape *t, const hg_batch *b) {
    const desk *w = ctx;
    hg_tensor *o = forward(w, t, w->train, b);
    if (!o) return NULL;
    return w->m->classes ? class_loss(w, t, o, b->n) : value_loss(w, t, o, b->n);
}

static hg_status evaluate(void *ctx, double *sum, hg_tape *t, const hg_batch *b, hg_err *err) {
    const desk *w = ctx;
    hg_tensor *o = forward(w, t, w->judge, b);
    *sum = 0;
    if (o && w->m->classes) {
        hg_tensor *l = class_loss(w, t, o, b->n);
        if (l) *sum = hg_tensor_value(l);
    } else if (o) {
        const float *v = hg_tensor_floats(o);
        for (size_t i = 0; i < b->n; i++) *sum += fabs((double)v[i * HG_ATTENTION_OUT] - w->y[w->rows[i]]);
    }
    return hg_tape_status(t, err);
}

static hg_status set_columns(desk *w, const hg_rows *rows, hg_arena *mem, hg_err *err) {
    float *x = hg_alloc(mem, rows->n * rows->d, sizeof *x);
    w->compounds.x = x;
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows of %zu numbers", rows->n, rows->d);
    HG_TRY(hg_scaling_fit(&w->m->scaling, rows, err));
    hg_scaling_squash(x, &w->m->scaling, rows->x, rows->n);
    return HG_OK;
}

static hg_status set_desk(desk *w, const hg_rows *rows, hg_arena *mem, hg_err *err) {
    const size_t n = rows->n;
    model *m = w->m;
    double *y = hg_alloc(mem, n, sizeof *y), sum = 0;
    if (!y) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows", n);
    for (size_t i = 0; i < n && !m->classes; i++) m->unit[0] += rows->y[i] / (double)n;
    for (size_t i = 0; i < n; i++) sum += (rows->y[i] - m->unit[0]) * (rows->y[i] - m->unit[0]);
    if (!m->classes && sum > 0) m->unit[1] = sqrt(sum / (double)n);
    for (size_t i = 0; i < n; i++) y[i] = (rows->y[i] - m->unit[0]) / m->unit[1];
    w->y = y;
    HG_TRY(hg_compounds_make(&w->compounds, rows->composition, n, mem, err));
    return set_columns(w, rows, mem, err);
}

/* What a network has for itself. */
static hg_status set_place(desk *w, size_t n, hg_arena *mem, hg_err *err) {
    w->train = hg_alloc(mem, n, sizeof *w->train);
    w->judge = hg_alloc(mem, n, sizeof *w->judge);
    w->part = hg_alloc(mem, n, sizeof *w->part);
    w->rows = hg_alloc(mem, n, sizeof *w->rows);
    w->class = hg_alloc(mem, n, sizeof *w->class);
    if (w->train && w->judge && w->part && w->rows && w->class) return HG_OK;
    return hg_fail(err, HG_ENOMEM, "no memory for %zu rows", n);
}

/* A tenth of the groups to choose the epoch by, another one for each member; where there is one group: none. */
static hg_status choose_rows(desk *w, const hg_rows *rows, uint64_t seed, hg_err *err) {
    const size_t parts = hg_rows_split(w->part, rows, PARTS, seed);
    if (!parts) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows", rows->n);
    w->n_train = w->n_judge = 0;
    for (size_t i = 0; i < rows->n; i++)
        if (parts > 1 && w->part[i] == 0)
            w->judge[w->n_judge++] = i;
        else
            w->train[w->n_train++] = i;
    return HG_OK;
}

static hg_train_opts opts_of(const double *option, size_t n, uint64_t seed, const hg_hooks *hooks) {
    hg_train_opts o = hg_train_opts_default();
    const double least = (double)(n > MANY ? EPOCHS_MANY : EPOCHS_LEAST);
    const double enough = ceil(STEPS * option[BATCH] / (double)n);
    o.batch = (size_t)option[BATCH];
    o.epochs = (size_t)(option[EPOCHS] > 0 ? option[EPOCHS] : fmin(fmax(enough, least), EPOCHS_MOST));
    o.rate = option[RATE];
    o.optimizer.kind = HG_ADAMW;
    o.optimizer.decay = option[DECAY];
    o.optimizer.clip_norm = 1;
    o.optimizer.average = 0.999;
    o.schedule.kind = HG_RATE_ONE_CYCLE;
    o.schedule.rise = 0.15;
    o.seed = seed;
    o.bf16 = true;
    o.hooks = hooks;
    return o;
}

/* A network is a task of the pool: it trains on one thread. */
typedef struct {
    model *m;
    const hg_rows *rows;
    const hg_learning *how;
    desk *desk; /* [members] */
    hg_status *st;
    hg_err *err;
    atomic_bool stop;
} fitting;

typedef struct {
    fitting *f;
    size_t worker;
} place;

/* Hooks are the caller's, on his thread alone. */
static bool go_on(void *user, const char *what, size_t done, size_t total) {
    const place *p = user;
    if (p->worker == 0 && !hg_progress(p->f->how->hooks, what, done, total)) atomic_store(&p->f->stop, true);
    return !atomic_load(&p->f->stop);
}

static hg_status fit_member(fitting *f, size_t k, size_t worker, hg_err *err) {
    desk *w = &f->desk[k];
    hg_rng r = hg_rng_make(f->how->seed, k);
    const uint64_t seed = hg_rng_u64(&r);
    place at = { f, worker };
    const hg_hooks hooks = { .progress = go_on, .user = &at };
    hg_params *p;
    HG_TRY(choose_rows(w, f->rows, seed, err));
    HG_TRY(hg_attention_params(&p, &f->m->shape, seed, false, err));
    w->p = f->m->p[k] = p;
    const hg_trainable trainable = { .name = "attention 2",
                                     .params = p,
                                     .items = w->n_train,
                                     .validation = w->n_judge,
                                     .ctx = w,
                                     .loss = loss,
                                     .evaluate = w->n_judge ? evaluate : NULL };
    const hg_train_opts o = opts_of(f->how->option, f->rows->n, seed, &hooks);
    hg_train_result result;
    return hg_train(&result, &trainable, &o, err);
}

static void fit_task(void *ctx, size_t begin, size_t end, size_t worker) {
    fitting *f = ctx;
    for (size_t k = begin; k < end; k++) {
        f->st[k] = fit_member(f, k, worker, &f->err[k]);
        if (f->st[k] != HG_OK) atomic_store(&f->stop, true);
    }
}

/* The failure that stopped the others, not theirs. */
static hg_status first_failure(const fitting *f, hg_err *err) {
    size_t first = f->m->members;
    for (size_t k = f->m->members; k-- > 0;)
        if (f->st[k] != HG_OK && (first == f->m->members || f->st[k] != HG_ECANCEL || f->st[first] == HG_ECANCEL))
            first = k;
    if (first == f->m->members) return HG_OK;
    if (err) *err = f->err[first];
    return f->st[first];
}

static hg_status fit_members(model *m, const hg_rows *rows, const hg_learning *how, hg_arena *mem, hg_err *err) {
    desk common = { .m = m, .corner = how->option[CORNER] };
    fitting f = { .m = m, .rows = rows, .how = how };
    f.desk = hg_alloc(mem, m->members, sizeof *f.desk);
    f.st = hg_alloc(mem, m->members, sizeof *f.st);
    f.err = hg_alloc(mem, m->members, sizeof *f.err);
    if (!f.desk || !f.st || !f.err) return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", m->members);
    HG_TRY(set_desk(&common, rows, mem, err));
    for (size_t k = 0; k < m->members; k++) {
        f.desk[k] = common;
        HG_TRY(set_place(&f.desk[k], rows->n, mem, err));
    }
    hg_pool_for(how->pool, m->members, 1, fit_task, &f);
    return first_failure(&f, err);
}

static hg_status attention_fit(void **out, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    const size_t width = (size_t)how->option[WIDTH], usual = rows->n > MANY ? WIDTH_MANY : WIDTH_FEW;
    const hg_attention_shape s = { .width = !width       ? usual
                                            : width < 16 ? 16
                                                         : width / 16 * 16,
                                   .layers = (size_t)how->option[LAYERS],
                                   .columns = rows->d,
                                   .dropout = how->option[DROPOUT] };
    model *m;
    *out = NULL;
    HG_TRY(new_model(&m, &s, (size_t)how->option[MEMBERS], rows->classes, err));
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? fit_members(m, rows, how, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for networks");
    hg_arena_free(mem);
    if (st == HG_OK)
        *out = m;
    else
        model_free(m);
    return st;
}

static const char *attention_suits(const hg_rows *rows) {
    if (rows->d > HG_ATTENTION_COLUMNS) return "takes 10000 columns at most";
    for (size_t i = 0; rows->composition && i < rows->n; i++)
        for (size_t k = 0; k < rows->composition[i].n; k++)
            if (rows->composition[i].species[k].z > HG_ATTENTION_ELEMENTS) return "knows elements up to plutonium";
    return rows->composition ? NULL : "needs compositions";
}

/* ---- predict --------------------------------------------------------------------------------------------------------- */

/* Compounds go through in blocks of so many elements, filled up with rows of none: products then have the same sizes whatever stands beside
 * a compound, and its numbers are the same up to the rounding of a float (to the bit with BLAS's kernels for AVX-512). */
enum { ITEMS = 512, BLOCKS = 4 /* a task */ };

typedef struct {
    double *out, *sd;
    const model *m;
    const float *x; /* [n,columns] */
    hg_compounds compounds;
    size_t *block, n_blocks; /* first compounds, and n after them */
    hg_status *status;       /* [tasks] */
} prediction;

static void softmax_add(double *p, const float *logit, size_t k, double share) {
    double most = -INFINITY, all = 0;
    for (size_t q = 0; q < k; q++) most = fmax(most, (double)logit[q]);
    for (size_t q = 0; q < k; q++) all += exp((double)logit[q] - most);
    for (size_t q = 0; q < k; q++) p[q] += share * exp((double)logit[q] - most) / all;
}

/* Sums over members: of values and of squares, in out and sd, or of probabilities. */
static void add_member(const prediction *p, const float *o, size_t begin, size_t n) {
    const model *m = p->m;
    for (size_t i = 0; i < n; i++, o += HG_ATTENTION_OUT) {
        if (m->classes) {
            softmax_add(p->out + (begin + i) * m->classes, o + LOGITS, m->classes, 1 / (double)m->members);
            continue;
        }
        const double v = (double)o[VALUE], s = exp(fmin((double)o[LOG_SD], 20));
        p->out[begin + i] += v;
        if (p->sd) p->sd[begin + i] += v * v + s * s;
    }
}

static void finish(const prediction *p, size_t begin, size_t n) {
    const model *m = p->m;
    const double members = (double)m->members;
    for (size_t i = begin; i < begin + n && !m->classes; i++) {
        const double mean = p->out[i] / members;
        p->out[i] = m->unit[0] + m->unit[1] * mean;
        if (p->sd) p->sd[i] = m->unit[1] * sqrt(fmax(p->sd[i] / members - mean * mean, 0));
    }
}

static hg_status predict_block(const prediction *p, hg_tape *t, size_t which, hg_arena *mem) {
    const size_t begin = p->block[which], n = p->block[which + 1] - begin;
    const size_t *offset = p->compounds.offset;
    const size_t k = p->m->classes ? p->m->classes : 1, fill = ITEMS - (offset[begin + n] - offset[begin]);
    const hg_mark mark = hg_arena_mark(mem);
    float *x = hg_alloc(mem, n * p->m->shape.columns, sizeof *x);
    const hg_compounds some = { n, p->compounds.offset + begin, p->compounds.z, p->compounds.amount, x };
    hg_status st = x ? HG_OK : HG_ENOMEM;
    if (x) hg_scaling_squash(x, &p->m->scaling, p->x + begin * p->m->shape.columns, n);
    memset(p->out + begin * k, 0, n * k * sizeof *p->out);
    if (p->sd && !p->m->classes) memset(p->sd + begin, 0, n * sizeof *p->sd);
    for (size_t e = 0; st == HG_OK && e < p->m->members; e++) {
        hg_tape_begin(t, 0);
        hg_tensor *o = hg_attention_forward(t, p->m->p[e], &p->m->shape, p->m->features, &some, NULL, n, fill);
        st = hg_tape_status(t, NULL);
        if (st == HG_OK) add_member(p, hg_tensor_floats(o), begin, n);
    }
    if (st == HG_OK) finish(p, begin, n);
    hg_arena_reset(mem, mark);
    return st;
}

static hg_status predict_blocks(const prediction *p, size_t begin, size_t end) {
    hg_tape_opts o = hg_tape_opts_default();
    hg_tape *t;
    o.record = false;
    HG_TRY(hg_tape_new(&t, &o, NULL));
    hg_arena *mem = hg_arena_new();
    hg_status st = HG_OK;
    for (size_t b = begin; b < end && st == HG_OK; b++) st = predict_block(p, t, b, mem);
    hg_arena_free(mem);
    hg_tape_free(t);
    return st;
}

static void predict_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const prediction *p = ctx;
    (void)worker;
    p->status[begin / BLOCKS] = predict_blocks(p, begin, end);
}

static void cut(prediction *p, size_t n) {
    const size_t *offset = p->compounds.offset;
    for (size_t i = 0; i < n; i++)
        if (!p->n_blocks || offset[i + 1] - offset[p->block[p->n_blocks - 1]] > ITEMS) p->block[p->n_blocks++] = i;
    p->block[p->n_blocks] = n;
}

static hg_status attention_predict(double *out, double *sd, const void *of, const hg_rows *rows, hg_pool *pool,
                                   hg_err *err) {
    prediction p = { .out = out, .sd = sd, .m = of, .x = rows->x };
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? hg_compounds_make(&p.compounds, rows->composition, rows->n, mem, err)
                       : hg_fail(err, HG_ENOMEM, "no memory for predictions");
    if (st == HG_OK) {
        p.block = hg_alloc(mem, rows->n + 1, sizeof *p.block);
        p.status = hg_alloc(mem, rows->n + 1, sizeof *p.status);
        if (!p.block || !p.status) st = hg_fail(err, HG_ENOMEM, "no memory for predictions");
    }
    if (st == HG_OK) {
        cut(&p, rows->n);
        hg_pool_for(pool, p.n_blocks, BLOCKS, predict_task, &p);
        for (size_t i = 0; i * BLOCKS < p.n_blocks && st == HG_OK; i++)
            if (p.status[i] != HG_OK) st = hg_fail(err, p.status[i], "no memory for predictions");
    }
    hg_arena_free(mem);
    return st;
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static hg_status attention_save(const void *of, hg_shelf *to, hg_err *err) {
    const model *m = of;
    const size_t size = m->p[0]->size, shape[2] = { m->members, size }, two = 2;
    const int64_t sizes[2] = { (int64_t)m->shape.width, (int64_t)m->shape.layers };
    float *all = hg_malloc(m->members * size, sizeof *all);
    if (!all) return hg_fail(err, HG_ENOMEM, "no memory for %zu numbers of a model", m->members * size);
    for (size_t k = 0; k < m->members; k++) memcpy(all + k * size, m->p[k]->values, size * sizeof *all);
    hg_status st = hg_scaling_save(&m->scaling, to, err);
    if (st == HG_OK) st = hg_shelf_put(to, "shape", HG_STORED_I64, &two, 1, sizes, err);
    if (st == HG_OK) st = hg_shelf_put(to, "weights", HG_STORED_F32, shape, 2, all, err);
    if (st == HG_OK) st = hg_shelf_doubles(to, "unit", m->unit, 2, err);
    hg_free(all);
    return st;
}

static hg_status read_shape(hg_attention_shape *s, const hg_stored **weights, const hg_shelf_view *from, size_t d,
                            hg_err *err) {
    const size_t any[2] = { HG_SHELF_ANY, HG_SHELF_ANY }, two = 2;
    const hg_stored *sizes;
    HG_TRY(hg_shelf_get(&sizes, from, "shape", HG_STORED_I64, &two, 1, err));
    HG_TRY(hg_shelf_get(weights, from, "weights", HG_STORED_F32, any, 2, err));
    const int64_t *v = sizes->data;
    if (v[0] < 16 || v[0] > HG_ATTENTION_WIDTH || v[0] % 16 || v[1] < 0 || v[1] > HG_ATTENTION_LAYERS ||
        (*weights)->shape[0] < 1 || (*weights)->shape[0] > MEMBERS_MOST)
        return hg_fail(err, HG_EDATA, "%s: networks of no size that there may be", from->source);
    *s = (hg_attention_shape) { .width = (size_t)v[0], .layers = (size_t)v[1], .columns = d };
    return HG_OK;
}

static hg_status read_members(model *m, const hg_stored *weights, const hg_shelf_view *from, hg_err *err) {
    for (size_t k = 0; k < m->members; k++) {
        HG_TRY(hg_attention_params(&m->p[k], &m->shape, 0, true, err));
        const size_t size = m->p[k]->size;
        if (weights->shape[1] != size)
            return hg_fail(err, HG_EDATA, "%s: %zu weights a network, its size asks for %zu", from->source,
                           weights->shape[1], size);
        memcpy(m->p[k]->values, (const float *)weights->data + k * size, size * sizeof(float));
    }
    HG_TRY(hg_scaling_load(&m->scaling, from, m->shape.columns, err));
    return hg_shelf_get_doubles(m->unit, from, "unit", 2, err);
}

static hg_status attention_load(void **out, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    hg_attention_shape s;
    const hg_stored *weights;
    model *m;
    *out = NULL;
    HG_TRY(read_shape(&s, &weights, from, d, err));
    HG_TRY(new_model(&m, &s, weights->shape[0], classes, err));
    const hg_status st = read_members(m, weights, from, err);
    if (st == HG_OK)
        *out = m;
    else
        model_free(m);
    return st;
}

static const hg_train_option OPTIONS[OPTIONS_COUNT] = {
    [MEMBERS] = { "members", "", 4, 1, MEMBERS_MOST, true, "networks whose mean is the value" },
    [LAYERS] = { "layers", "", 2, 0, HG_ATTENTION_LAYERS, true, "layers of attention" },
    [WIDTH] = { "width", "", 0, 0, HG_ATTENTION_WIDTH, true,
                "numbers an element, a multiple of 16; 0: 64, or 128 beyond 20,000 rows" },
    [EPOCHS] = { "epochs", "", 0, 0, 100000, true,
                 "times through the rows; 0: 15 to 100, for 10,000 steps, and 40 beyond 20,000 rows" },
    [BATCH] = { "batch", "", 32, 1, 4096, true, "compounds a step" },
    [RATE] = { "rate", "", 2e-3, 1e-6, 1, false, "the highest learning rate" },
    [DECAY] = { "decay", "", 1e-2, 0, 10, false, "weight decay" },
    [CORNER] = { "corner", "", 0.05, 1e-3, 1e3, false,
                 "errors beyond count linearly, in standard deviations of the target" },
    [DROPOUT] = { "dropout", "", 0.1, 0, 0.9, false, "share of numbers left out while training" },
};

const hg_learner hg_attention_learner = {
    .name = "attention",
    .version = "attention 2",
    .help = "networks in which a compound's elements attend to each other",
    .needs_composition = true,
    .option = OPTIONS,
    .n_options = OPTIONS_COUNT,
    .suits = attention_suits,
    .members = "members",
    .bags = true,
    .fit = attention_fit,
    .predict = attention_predict,
    .save = attention_save,
    .load = attention_load,
    .free = model_free,
};
