/* models/train.c -- epochs, batches, steps; see hagane/train.h
 *
 * A batch is a step, or one for each phase: its losses are recorded part by part, gradients add up, ranks add theirs, the optimiser steps. Nothing
 * is remembered between batches but what hg_train_state holds, so a checkpoint can be made after any of them. A callback that wants to stop
 * is heard after the batch at work.
 */
#include "models/train.h"
#include "core/memory.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Streams of random numbers: what they are for in the upper byte, which one below. */
enum { SHUFFLE = 1, STEP, RANK };
static hg_rng stream(const hg_trainer *t, unsigned what, uint64_t which) {
    return hg_rng_make(t->o.seed, (uint64_t)what << 56 | which);
}

hg_train_opts hg_train_opts_default(void) {
    return (hg_train_opts) { .epochs = 100,
                             .batch = 32,
                             .rate = 1e-3,
                             .optimizer = hg_optimizer_opts_default(),
                             .schedule = hg_schedule_opts_default(),
                             .evaluate_epochs = 1,
                             .checkpoint_epochs = 1 };
}

/* ---- set-up --------------------------------------------------------------------------------------------------- */

static bool good_ranks(const hg_ranks *r) {
    return !r || (r->ranks > 0 && r->ranks < 65536 && r->rank < r->ranks && (r->ranks == 1 || r->allreduce));
}

static hg_status check(const hg_trainable *m, const hg_train_opts *o, hg_err *err) {
    const struct {
        const char *name;
        bool good;
    } want[] = {
        { "network's name, loss or parameters", m->name && !m->loss != !m->learn && m->params && m->params->gradient },
        { "tape for bf16", m->loss || !o->bf16 },
        { "number of items", m->items > 0 && m->items < SIZE_MAX / 64 && m->validation < SIZE_MAX / 64 },
        { "number of phases", m->phases <= HG_PHASES_MOST },
        { "evaluation", !m->validation == !m->evaluate },
        { "number of epochs", o->epochs > 0 && o->epochs < UINT32_MAX },
        { "batch", o->batch > 0 },
        { "rate", o->rate > 0 && isfinite(o->rate) },
        { "evaluate_epochs", o->evaluate_epochs > 0 },
        { "gain", o->gain >= 0 && o->gain < 1 },
        { "checkpoint_epochs", o->checkpoint_epochs > 0 },
        { "checkpoint to resume from", o->checkpoint || !o->resume },
        { "validation for patience", m->validation || !o->patience },
        { "dtype of several ranks", !o->ranks || o->ranks->ranks == 1 || !m->params || m->params->o.dtype == HG_F32 },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        if (!want[i].good)
            return hg_fail(err, HG_EINVAL, "training: the %s is missing or out of its range", want[i].name);
    return HG_OK;
}

static hg_status new_tape(hg_tape **out, const hg_trainer *t, bool training, hg_err *err) {
    hg_tape_opts o = hg_tape_opts_default();
    hg_rng r = stream(t, RANK, t->ranks.rank); /* dropout differs between ranks */
    o.dtype = t->m->params->o.dtype;
    o.pool = t->o.pool;
    o.bf16 = t->o.bf16;
    o.record = o.training = training;
    o.seed = hg_rng_u64(&r);
    return hg_tape_new(out, &o, err);
}

static hg_status set_up(hg_trainer *t, hg_err *err) {
    HG_TRY(check(t->m, &t->o, err));
    const size_t bytes = hg_params_bytes(t->m->params);
    t->phases = t->m->phases ? t->m->phases : 1;
    t->batches = (t->m->items - 1) / t->o.batch + 1;
    if (t->o.schedule.total <= 0 && hg_rate_needs_total(t->o.schedule.kind)) t->o.schedule.total = (double)t->o.epochs;
    HG_TRY(hg_schedule_begin(&t->schedule, &t->o.schedule, err));
    HG_TRY(hg_optimizer_new(&t->optimizer, t->m->params, &t->o.optimizer, err));
    HG_TRY(new_tape(&t->recording, t, true, err));
    HG_TRY(new_tape(&t->plain, t, false, err));
    t->order = hg_malloc(t->m->items, sizeof *t->order);
    t->all = hg_malloc(t->m->validation, sizeof *t->all);
    t->best = t->m->validation ? hg_aligned(bytes) : NULL;
    if (!t->order || !t->all || (t->m->validation && !t->best))
        return hg_fail(err, HG_ENOMEM, "no memory to train %zu parameters on %zu items", t->m->params->size,
                       t->m->items);
    for (size_t i = 0; i < t->m->validation; i++) t->all[i] = i;
    if (t->best) memcpy(t->best, t->m->params->values, bytes);
    hg_params_zero_gradients(t->m->params);
    return HG_OK;
}

static void tear_down(hg_trainer *t) {
    hg_train_log_close(t);
    hg_tape_free(t->recording);
    hg_tape_free(t->plain);
    hg_optimizer_free(t->optimizer);
    hg_free(t->order);
    hg_free(t->all);
    hg_free(t->small);
    hg_free(t->best);
}

/* Rank 0 looks for a checkpoint; all go on from what it found, or from its parameters. */
static hg_status begin(hg_trainer *t, hg_err *err) {
    bool found = false, stop = false;
    hg_status st = set_up(t, err);
    if (st == HG_OK && t->o.resume && t->ranks.rank == 0) st = hg_checkpoint_read(&found, t, err);
    if (st == HG_OK) st = hg_train_log_open(t, err);
    HG_TRY(hg_train_agree(t, st, NULL, 0, &stop, err));
    HG_TRY(hg_checkpoint_share(t, err));
    if (found)
        hg_log(t->o.hooks, HG_LOG_INFO, "going on after %" PRIu64 " epochs and %" PRIu64 " of %zu batches", t->s.epoch,
               t->s.batches, t->batches);
    if (t->o.seconds) t->began = t->o.seconds(t->o.clock) - t->s.seconds;
    return HG_OK;
}

/* ---- a batch -------------------------------------------------------------------------------------------------- */

static void order(hg_trainer *t) { /* of this epoch: from seed and epoch alone */
    if (t->ordered == t->s.epoch) return;
    hg_rng r = stream(t, SHUFFLE, t->s.epoch);
    for (size_t i = 0; i < t->m->items; i++) t->order[i] = i;
    hg_rng_shuffle(&r, t->order, t->m->items);
    t->ordered = t->s.epoch;
}

/* This rank's share of items[n]. */
static void own_share(const hg_trainer *t, size_t *begin, size_t *n) {
    const size_t ranks = t->ranks.ranks, rank = t->ranks.rank, all = *n;
    const size_t from = all / ranks * rank + (rank < all % ranks ? rank : all % ranks);
    *n = all / ranks + (rank < all % ranks);
    *begin += from;
}

static size_t part_of(const hg_trainer *t, size_t left) { return t->o.part && t->o.part < left ? t->o.part : left; }

static hg_status not_finite(const hg_batch *b, hg_err *err) {
    return hg_advise(
        err, hg_fail(err, HG_ENAN, "the loss is not finite in epoch %zu, step %" PRIu64, b->epoch + 1, b->step + 1),
        "a smaller learning rate, clip_norm, or a look at the data may help");
}

/* Records the loss of a part, adds its gradient and the loss itself. */
static hg_status record(hg_trainer *t, const hg_batch *b, uint64_t part, double *sum, hg_err *err) {
    hg_tape_begin(t->recording, b->step << 20 | part);
    hg_tensor *loss = t->m->loss(t->m->ctx, t->recording, b);
    hg_tensor *mean = loss ? hg_affine(t->recording, loss, 1 / (double)b->n_whole, 0) : NULL;
    HG_TRY(hg_tape_status(t->recording, err));
    if (!loss) return hg_fail(err, HG_EINVAL, "the network gave no loss");
    const double value = hg_tensor_value(loss);
    if (hg_tensor_size(loss) == 1 && !isfinite(value)) return not_finite(b, err);
    *sum += value;
    return hg_backward(t->recording, mean, err);
}

/* The same by the network's own kernels. */
static hg_status learn(hg_trainer *t, const hg_batch *b, double *sum, hg_err *err) {
    double value = 0;
    HG_TRY(t->m->learn(t->m->ctx, &value, b, err));
    if (!isfinite(value)) return not_finite(b, err);
    *sum += value;
    return HG_OK;
}

static hg_status phase(hg_trainer *t, unsigned k, size_t first, size_t batch, bool *stop, hg_err *err) {
    hg_rng r = stream(t, STEP, t->s.steps);
    hg_batch b = { .whole = t->order + first, .n_whole = batch, .epoch = t->s.epoch, .step = t->s.steps, .phase = k };
    size_t at = first, n = batch;
    double sum = 0;
    hg_status st = HG_OK;
    b.seed = hg_rng_u64(&r);
    own_share(t, &at, &n);
    for (uint64_t part = 0; n > 0 && st == HG_OK; part++, at += b.n, n -= b.n) {
        b.items = t->order + at;
        b.n = part_of(t, n);
        st = t->m->learn ? learn(t, &b, &sum, err) : record(t, &b, part, &sum, err);
    }
    HG_TRY(hg_train_agree(t, st, &sum, 1, stop, err));
    HG_TRY(hg_train_sum_gradients(t, err));
    /* the middle of the step: a rate that changes with an epoch does so at its first step, and the first of a warm-up is not 0 */
    const double x = (double)t->s.epoch + ((double)t->s.batches + 0.5) / (double)t->batches;
    HG_TRY(hg_optimizer_step(NULL, t->optimizer, t->o.rate * hg_schedule_factor(&t->schedule, x), t->o.pool, err));
    t->s.steps++;
    t->s.loss[k] += sum;
    return HG_OK;
}

/* ---- an epoch ------------------------------------------------------------------------------------------------- */

/* Stopped: what there is goes into the checkpoint. */
static hg_status leave(hg_trainer *t, hg_err *err) {
    bool stop = true;
    HG_TRY(hg_train_agree(t, hg_checkpoint_write(t, err), NULL, 0, &stop, err));
    hg_fail(err, HG_ECANCEL, "training was stopped in epoch %" PRIu64 ", after %" PRIu64 " of %zu batches",
            t->s.epoch + 1, t->s.batches, t->batches);
    if (t->o.checkpoint) hg_advise(err, HG_ECANCEL, "it can go on from %s", t->o.checkpoint);
    return HG_ECANCEL;
}

static hg_status batches(hg_trainer *t, hg_err *err) {
    order(t);
    while (t->s.batches < t->batches) {
        const size_t first = (size_t)t->s.batches * t->o.batch, left = t->m->items - first;
        const size_t batch = left < t->o.batch ? left : t->o.batch;
        bool stop = !hg_progress(t->o.hooks, "training", (size_t)t->s.epoch * t->batches + (size_t)t->s.batches,
                                 t->o.epochs * t->batches);
        for (unsigned k = 0; k < t->phases; k++) HG_TRY(phase(t, k, first, batch, &stop, err));
        t->s.batches++;
        if (stop) return leave(t, err);
        if (t->o.checkpoint_steps && t->s.batches % t->o.checkpoint_steps == 0 && t->s.batches < t->batches)
            HG_TRY(hg_train_agree(t, hg_checkpoint_write(t, err), NULL, 0, &stop, err));
    }
    return HG_OK;
}

static hg_status errors(hg_trainer *t, double *sum, bool *stop, hg_err *err) {
    size_t at = 0, n = t->m->validation;
    hg_batch b = { .whole = t->all, .n_whole = n, .epoch = t->s.epoch, .step = t->s.steps };
    own_share(t, &at, &n);
    for (; n > 0 && !*stop; at += b.n, n -= b.n) {
        double more = 0;
        b.items = t->all + at;
        b.n = n < t->o.batch ? n : t->o.batch;
        b.n = part_of(t, b.n);
        hg_tape_begin(t->plain, 0);
        HG_TRY(t->m->evaluate(t->m->ctx, &more, t->plain, &b, err));
        HG_TRY(hg_tape_status(t->plain, err));
        *sum += more;
        *stop = !hg_progress(t->o.hooks, "validating", at, t->m->validation);
    }
    return HG_OK;
}

/* The metric of the weights, or of their average. A callback that wants to stop leaves the epoch unfinished. */
static hg_status evaluate(hg_trainer *t, double *metric, hg_err *err) {
    double sum = 0;
    bool stop = false;
    hg_optimizer_swap(t->optimizer);
    const hg_status st = errors(t, &sum, &stop, err);
    hg_optimizer_swap(t->optimizer);
    HG_TRY(hg_train_agree(t, st, &sum, 1, &stop, err));
    *metric = sum / (double)t->m->validation;
    return stop ? leave(t, err) : HG_OK;
}

static const void *kept_weights(const hg_trainer *t) { /* what is evaluated */
    return t->optimizer->average ? t->optimizer->average : t->m->params->values;
}

static void judge(hg_trainer *t, double metric) {
    hg_schedule_observe(&t->schedule, metric);
    if (metric < (isinf(t->s.best) ? t->s.best : t->s.best - t->o.gain * fabs(t->s.best))) {
        t->s.best = metric;
        t->s.best_epoch = t->s.epoch + 1;
        t->s.waited = 0;
        memcpy(t->best, kept_weights(t), hg_params_bytes(t->m->params));
    } else {
        t->s.waited++;
    }
}

static bool out_of_patience(const hg_trainer *t) { return t->o.patience && t->s.waited >= t->o.patience; }

static hg_status epoch(hg_trainer *t, double *loss, hg_err *err) {
    double metric = NAN;
    bool stop = false;
    HG_TRY(batches(t, err));
    const uint64_t done = t->s.epoch + 1;
    const bool last = done == t->o.epochs;
    const double rate = t->o.rate * hg_schedule_factor(&t->schedule, (double)done - 0.5 / (double)t->batches);
    if (t->m->validation && (last || done % t->o.evaluate_epochs == 0)) {
        HG_TRY(evaluate(t, &metric, err));
        judge(t, metric);
    }
    hg_status st = hg_train_log_epoch(t, rate, metric, err);
    *loss = 0;
    for (unsigned k = 0; k < t->phases; k++) *loss += t->s.loss[k] / (double)t->m->items;
    hg_log(t->o.hooks, HG_LOG_DEBUG, "epoch %" PRIu64 " of %zu: loss %.6g, metric %.6g", done, t->o.epochs, *loss,
           metric);
    memset(t->s.loss, 0, sizeof t->s.loss);
    t->s.epoch = done;
    t->s.batches = 0;
    if (st == HG_OK && (last || out_of_patience(t) || done % t->o.checkpoint_epochs == 0))
        st = hg_checkpoint_write(t, err);
    return hg_train_agree(t, st, NULL, 0, &stop, err);
}

static void finish(hg_train_result *out, const hg_trainer *t, double loss) {
    const hg_params *p = t->m->params;
    const bool judged = t->s.best_epoch > 0;
    const void *kept = judged ? t->best : kept_weights(t);
    if (kept != p->values) memcpy(p->values, kept, hg_params_bytes(p));
    *out = (hg_train_result) { .epochs = (size_t)t->s.epoch,
                               .steps = t->s.steps,
                               .loss = loss,
                               .metric = judged ? t->s.best : NAN,
                               .best_epoch = (size_t)t->s.best_epoch,
                               .why = out_of_patience(t) ? HG_TRAIN_PATIENCE : HG_TRAIN_EPOCHS };
}

hg_status hg_train(hg_train_result *out, const hg_trainable *m, const hg_train_opts *opts, hg_err *err) {
    hg_trainer t = { .m = m,
                     .o = opts ? *opts : hg_train_opts_default(),
                     .ordered = UINT64_MAX,
                     .s = { .best = INFINITY, .rate_best = INFINITY, .rate_reduced = 1 },
                     .ranks = { .ranks = 1 } };
    double loss = NAN;
    if (!good_ranks(t.o.ranks)) return hg_fail(err, HG_EINVAL, "training: ranks that cannot be");
    if (t.o.ranks) t.ranks = *t.o.ranks;
    t.small = hg_malloc(t.ranks.ranks, HG_SHARED * sizeof *t.small);
    if (!t.small) return hg_fail(err, HG_ENOMEM, "no memory to train");
    hg_status st = begin(&t, err);
    while (st == HG_OK && t.s.epoch < t.o.epochs && !out_of_patience(&t)) st = epoch(&t, &loss, err);
    if (st == HG_OK) finish(out, &t, loss);
    tear_down(&t);
    return st;
}
