/* models/train_checkpoint.c -- all state of a training run in one file; see models/train.h
 *
 * safetensors: `values`, `moment1`, `moment2`, `average` and `best` are the flat buffers of the parameters (tensor/params.h) in their dtype, those
 * of them that the optimiser has; `state.<field>` is a number each, U64 or F64. Metadata: `format`, `name`, and one SHA-256 each of what a
 * continuation must share: `network` (name, and the parameters' names, shapes and rates), `options` (those that change a bit of the result),
 * `data` (numbers of items, and the network's own identity). FIELDS is the only list of fields.
 */
#include "core/memory.h"
#include "core/text.h"
#include "files/hash.h"
#include "files/safetensors.h"
#include "models/train.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

static const char FORMAT[] = "hagane checkpoint 1";

/* ---- the fields ----------------------------------------------------------------------------------------------- */

#define FIELD(name, type)                                                                                              \
    { "state." #name, HG_STORED_##type, offsetof(hg_train_state, name), 1 }
static const struct {
    const char *name;
    hg_stored_type type;
    size_t offset, n;
} FIELDS[] = {
    FIELD(epoch, U64),        FIELD(batches, U64),
    FIELD(steps, U64),        FIELD(best_epoch, U64),
    FIELD(waited, U64),       FIELD(log_bytes, U64),
    FIELD(rate_waited, U64),  FIELD(rate_best, F64),
    FIELD(rate_reduced, F64), FIELD(best, F64),
    FIELD(seconds, F64),      { "state.loss", HG_STORED_F64, offsetof(hg_train_state, loss), HG_PHASES_MOST },
};
enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };

typedef struct {
    const char *name;
    void *data;
} buffer;
enum { BUFFER_COUNT = 3 + HG_MOMENTS };

static size_t buffers(buffer out[BUFFER_COUNT], hg_trainer *t) { /* those that are there */
    static const char *const MOMENT[HG_MOMENTS] = { "moment1", "moment2" };
    size_t n = 0;
    out[n++] = (buffer) { "values", t->m->params->values };
    for (unsigned i = 0; i < HG_MOMENTS; i++)
        if (t->optimizer->moment[i]) out[n++] = (buffer) { MOMENT[i], t->optimizer->moment[i] };
    if (t->optimizer->average) out[n++] = (buffer) { "average", t->optimizer->average };
    if (t->best) out[n++] = (buffer) { "best", t->best };
    return n;
}

/* ---- what must be the same ------------------------------------------------------------------------------------ */

static void say_network(hg_text *s, const hg_trainer *t) {
    const hg_params *p = t->m->params;
    hg_text_add(s, "%s\n%u\n%u\n", t->m->name, (unsigned)p->o.dtype, t->phases);
    for (size_t i = 0; i < p->n; i++) {
        hg_text_add(s, "%s %a %d", p->e[i].name, p->e[i].rate, p->e[i].decays);
        for (unsigned k = 0; k < p->e[i].shape.rank; k++) hg_text_add(s, " %zu", p->e[i].shape.n[k]);
        hg_text_add(s, "\n");
    }
}

/* Epochs and patience may differ: they say when to stop. */
static void say_options(hg_text *s, const hg_trainer *t) {
    const hg_train_opts *o = &t->o;
    const hg_optimizer_opts *z = &o->optimizer;
    const hg_schedule_opts *r = &o->schedule;
    hg_text_add(s, "%zu %zu %a %zu %a %" PRIu64 " %d\n", o->batch, o->part, o->rate, o->evaluate_epochs, o->gain,
                o->seed, o->bf16);
    hg_text_add(s, "%s %a %a %a %a %d %a %a %a %a\n", hg_optimizer_name(z->kind), z->beta1, z->beta2, z->eps,
                z->momentum, z->nesterov, z->decay, z->clip_norm, z->clip_value, z->average);
    hg_text_add(s, "%s %a %a %a %a %a %a %a %u %a\n", hg_rate_name(r->kind), r->warm_up, r->total, r->every, r->factor,
                r->lowest, r->rise, r->divide, r->patience, r->gain);
}

static void say_data(hg_text *s, const hg_trainer *t) {
    hg_text_add(s, "%zu %zu\n%s", t->m->items, t->m->validation, t->m->identity ? t->m->identity : "");
}

static const struct {
    const char *key, *words; /* what is wrong when it differs */
    void (*say)(hg_text *s, const hg_trainer *t);
} SHARED[] = {
    { "network", "of another network, or of parameters that are frozen otherwise", say_network },
    { "options", "of a run with other options", say_options },
    { "data", "of a run on other data", say_data },
};
enum { SHARED_COUNT = sizeof SHARED / sizeof *SHARED };

static hg_status hash_of(char hex[HG_HASH_SIZE], size_t k, const hg_trainer *t, hg_err *err) {
    hg_text s = hg_text_new(0);
    SHARED[k].say(&s, t);
    const hg_status st = s.failed ? hg_fail(err, HG_ENOMEM, "no memory for the words of a checkpoint")
                                  : hg_hash_memory(hex, s.s, s.len, err);
    hg_text_free(&s);
    return st;
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

static hg_stored_type type_of(const hg_trainer *t) {
    return t->m->params->o.dtype == HG_F32 ? HG_STORED_F32 : HG_STORED_F64;
}

hg_status hg_checkpoint_write(hg_trainer *t, hg_err *err) {
    char hex[SHARED_COUNT][HG_HASH_SIZE];
    hg_stored_note notes[SHARED_COUNT + 2] = { { "format", FORMAT }, { "name", t->m->name } };
    hg_stored x[BUFFER_COUNT + FIELD_COUNT];
    buffer b[BUFFER_COUNT];
    const size_t several = HG_PHASES_MOST, n = buffers(b, t);
    if (!t->o.checkpoint || t->ranks.rank != 0) return HG_OK;
    for (size_t k = 0; k < SHARED_COUNT; k++) {
        HG_TRY(hash_of(hex[k], k, t, err));
        notes[2 + k] = (hg_stored_note) { SHARED[k].key, hex[k] };
    }
    if (t->o.seconds) t->s.seconds = hg_train_seconds(t);
    t->s.rate_best = t->schedule.best;
    t->s.rate_reduced = t->schedule.reduced;
    t->s.rate_waited = t->schedule.waited;
    for (size_t i = 0; i < n; i++)
        x[i] = (hg_stored) { b[i].name, type_of(t), 1, &t->m->params->size, t->m->params->size, b[i].data };
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const bool row = FIELDS[i].n > 1;
        x[n + i] = (hg_stored) { FIELDS[i].name,        FIELDS[i].type, row,
                                 row ? &several : NULL, FIELDS[i].n,    (const char *)&t->s + FIELDS[i].offset };
    }
    return hg_safetensors_write(t->o.checkpoint, x, n + FIELD_COUNT, notes, SHARED_COUNT + 2, err);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static hg_status foreign(const hg_trainer *t, const char *words, hg_err *err) {
    return hg_advise(err, hg_fail(err, HG_EDATA, "%s: is a checkpoint %s", t->o.checkpoint, words),
                     "resume with what it was begun with, or begin a new one under another name");
}

static hg_status check_origin(hg_trainer *t, const hg_safetensors *s, hg_err *err) {
    const char *format = hg_safetensors_note(s, "format"), *name = hg_safetensors_note(s, "name");
    if (!format || strcmp(format, FORMAT) != 0)
        return hg_fail(err, HG_EDATA, "%s: is no checkpoint of this version of the program", t->o.checkpoint);
    if (!name || strcmp(name, t->m->name) != 0) {
        hg_fail(err, HG_EDATA, "%s: is a checkpoint of \"%s\", not of \"%s\"", t->o.checkpoint, name ? name : "",
                t->m->name);
        return hg_advise(err, HG_EDATA, "begin a new one under another name");
    }
    for (size_t k = 0; k < SHARED_COUNT; k++) {
        char hex[HG_HASH_SIZE];
        HG_TRY(hash_of(hex, k, t, err));
        const char *theirs = hg_safetensors_note(s, SHARED[k].key);
        if (!theirs || strcmp(theirs, hex) != 0) return foreign(t, SHARED[k].words, err);
    }
    return HG_OK;
}

static hg_status damaged(const hg_trainer *t, const char *what, hg_err *err) {
    return hg_fail(err, HG_EDATA, "%s: \"%s\" of this checkpoint cannot be", t->o.checkpoint, what);
}

/* A tensor of that type, shape and, of floats, of finite numbers. */
static hg_status need(const hg_stored **out, hg_trainer *t, const hg_safetensors *s, const char *name,
                      hg_stored_type type, const size_t *shape, size_t rank, hg_err *err) {
    HG_TRY(hg_safetensors_need(out, s, name, shape, rank, err));
    return (*out)->type == type ? HG_OK : damaged(t, name, err);
}

static hg_status check_finite(hg_trainer *t, const hg_stored *x, hg_err *err) {
    for (size_t i = 0; i < x->count; i++)
        if (!isfinite(x->type == HG_STORED_F32 ? (double)((const float *)x->data)[i] : ((const double *)x->data)[i]))
            return damaged(t, x->name, err);
    return HG_OK;
}

static hg_status check_state(const hg_trainer *t, const hg_train_state *s, hg_err *err) {
    if (s->epoch > UINT32_MAX) return damaged(t, "state.epoch", err);
    if (s->batches > t->batches) return damaged(t, "state.batches", err);
    if (s->steps != (s->epoch * t->batches + s->batches) * t->phases) return damaged(t, "state.steps", err);
    if (s->best_epoch > s->epoch + 1) return damaged(t, "state.best_epoch", err);
    if (!(s->rate_reduced > 0 && s->rate_reduced <= 1)) return damaged(t, "state.rate_reduced", err);
    if (!isfinite(s->seconds)) return damaged(t, "state.seconds", err);
    if (isnan(s->best) || isnan(s->rate_best)) return damaged(t, "state.best", err);
    for (unsigned k = 0; k < HG_PHASES_MOST; k++)
        if (!isfinite(s->loss[k])) return damaged(t, "state.loss", err);
    return HG_OK;
}

static hg_status read_state(hg_train_state *to, hg_trainer *t, const hg_safetensors *s, hg_err *err) {
    const size_t several = HG_PHASES_MOST;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const hg_stored *x;
        HG_TRY(need(&x, t, s, FIELDS[i].name, FIELDS[i].type, &several, FIELDS[i].n > 1, err));
        memcpy((char *)to + FIELDS[i].offset, x->data, FIELDS[i].n * sizeof(uint64_t));
    }
    return check_state(t, to, err);
}

static void use(hg_trainer *t) { /* the state, where others keep part of it */
    t->optimizer->steps = t->s.steps;
    t->schedule.best = t->s.rate_best;
    t->schedule.reduced = t->s.rate_reduced;
    t->schedule.waited = t->s.rate_waited;
}

static hg_status read_all(hg_trainer *t, const hg_safetensors *s, hg_err *err) {
    const hg_params *p = t->m->params;
    hg_train_state state = t->s;
    const hg_stored *x[BUFFER_COUNT];
    buffer b[BUFFER_COUNT];
    const size_t n = buffers(b, t);
    HG_TRY(check_origin(t, s, err));
    HG_TRY(read_state(&state, t, s, err));
    for (size_t i = 0; i < n; i++) {
        HG_TRY(need(&x[i], t, s, b[i].name, type_of(t), &p->size, 1, err));
        HG_TRY(check_finite(t, x[i], err));
    }
    for (size_t i = 0; i < n; i++) memcpy(b[i].data, x[i]->data, hg_params_bytes(p));
    t->s = state;
    use(t);
    return HG_OK;
}

hg_status hg_checkpoint_read(bool *found, hg_trainer *t, hg_err *err) {
    struct stat st;
    hg_safetensors *s;
    *found = !(stat(t->o.checkpoint, &st) != 0 && errno == ENOENT);
    if (!*found) return HG_OK;
    HG_TRY(hg_safetensors_open(&s, t->o.checkpoint, 0, err));
    const hg_status done = read_all(t, s, err);
    hg_safetensors_free(s);
    return done;
}

hg_status hg_checkpoint_share(hg_trainer *t, hg_err *err) {
    char own[SHARED_COUNT][HG_HASH_SIZE], theirs[SHARED_COUNT][HG_HASH_SIZE];
    bool stop = false;
    hg_status st = HG_OK;
    for (size_t k = 0; k < SHARED_COUNT && st == HG_OK; k++) st = hash_of(own[k], k, t, err);
    HG_TRY(hg_train_agree(t, st, NULL, 0, &stop, err));
    memcpy(theirs, own, sizeof own);
    HG_TRY(hg_train_share(t, theirs, sizeof theirs, err));
    for (size_t k = 0; k < SHARED_COUNT && st == HG_OK; k++)
        if (strcmp(own[k], theirs[k]) != 0)
            st = hg_fail(err, HG_EINVAL, "rank %u has another %s than rank 0", t->ranks.rank, SHARED[k].key);
    HG_TRY(hg_train_agree(t, st, NULL, 0, &stop, err));
    HG_TRY(hg_train_share(t, &t->s, sizeof t->s, err));
    use(t);
    buffer b[BUFFER_COUNT];
    const size_t n = buffers(b, t);
    for (size_t i = 0; i < n; i++) HG_TRY(hg_train_share(t, b[i].data, hg_params_bytes(t->m->params), err));
    return HG_OK;
}
