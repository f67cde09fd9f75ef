/* party/status.c -- see party/status.h */
#include "party/status.h"
#include "party/encode.h"
#include <stdlib.h>
#include <string.h>

void hg_server_status_write(hg_text *to, const hg_server_status *s) {
    hg_put_name(to, s->version);
    hg_put_name(to, s->name);
    hg_put_u32(to, s->party);
    hg_put_i64(to, s->now);
    hg_put_i64(to, s->certificate_ends);
    hg_put_u64(to, s->jobs);
    hg_put_u64(to, s->links);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        const hg_peer_status *p = &s->peer[i];
        hg_put_name(to, p->name);
        hg_put_u8(to, p->here);
        hg_put_i64(to, p->silent_ms);
        hg_put_name(to, p->why);
    }
    hg_put_u64(to, s->n_projects);
    for (size_t i = 0; i < s->n_projects; i++) {
        const hg_project_status *p = &s->project[i];
        hg_put_name(to, p->name);
        hg_put_name(to, p->why);
        hg_put_bytes(to, p->policy, HG_DIGEST);
        hg_put_u64(to, p->epoch);
        hg_put_u64(to, p->sets);
        hg_put_u64(to, p->rows);
        hg_put_u64(to, p->waiting);
        hg_put_u8(to, p->building);
        hg_put_u8(to, p->user);
        hg_put_u64(to, p->budget);
        hg_put_u64(to, p->left);
    }
}

/* 0 or 1: one value has one encoding. */
static bool take_bool(hg_taker *t) {
    const unsigned x = hg_take_u8(t);
    t->bad = t->bad || x > 1;
    return x == 1;
}

hg_status hg_server_status_read(hg_server_status *s, hg_arena *arena, const void *bytes, size_t n, hg_err *err) {
    hg_taker t = hg_taker_of(bytes, n);
    *s = (hg_server_status) { .project = NULL };
    hg_take_name(&t, s->version, sizeof s->version);
    hg_take_name(&t, s->name, sizeof s->name);
    s->party = hg_take_u32(&t);
    s->now = hg_take_i64(&t);
    s->certificate_ends = hg_take_i64(&t);
    s->jobs = hg_take_u64(&t);
    s->links = hg_take_u64(&t);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_peer_status *p = &s->peer[i];
        hg_take_name(&t, p->name, sizeof p->name);
        p->here = take_bool(&t);
        p->silent_ms = hg_take_i64(&t);
        hg_take_name(&t, p->why, sizeof p->why);
    }
    const uint64_t projects = hg_take_u64(&t);
    if (t.bad || projects > HG_STATUS_PROJECTS || s->party >= HG_SERVERS)
        return hg_fail(err, HG_EPARSE, "a server's status cannot be read");
    s->n_projects = (size_t)projects;
    s->project = hg_alloc(arena, s->n_projects, sizeof *s->project);
    if (!s->project) return hg_fail(err, HG_ENOMEM, "no memory for a status");
    for (size_t i = 0; i < s->n_projects; i++) {
        hg_project_status *p = &s->project[i];
        hg_take_name(&t, p->name, sizeof p->name);
        hg_take_name(&t, p->why, sizeof p->why);
        hg_take_bytes(&t, p->policy, HG_DIGEST);
        p->epoch = hg_take_u64(&t);
        p->sets = hg_take_u64(&t);
        p->rows = hg_take_u64(&t);
        p->waiting = hg_take_u64(&t);
        p->building = take_bool(&t);
        p->user = take_bool(&t);
        p->budget = hg_take_u64(&t);
        p->left = hg_take_u64(&t);
    }
    return hg_take_end(&t) ? HG_OK : hg_fail(err, HG_EPARSE, "a server's status cannot be read");
}

void hg_dataset_status_write(hg_text *to, const hg_dataset_status *d, size_t n) {
    hg_put_u64(to, n);
    for (size_t i = 0; i < n; i++) {
        hg_put_bytes(to, d[i].id, HG_DIGEST);
        hg_put_name(to, d[i].owner);
        hg_put_u32(to, (uint32_t)d[i].state);
        hg_put_u32(to, d[i].kind);
        hg_put_u64(to, d[i].sequence);
        hg_put_u64(to, d[i].rows);
        hg_put_u64(to, d[i].epoch);
        hg_put_u64(to, d[i].spent);
        hg_put_i64(to, d[i].since);
        hg_put_i64(to, d[i].created);
        hg_put_u64(to, d[i].n_index);
        for (size_t k = 0; k < d[i].n_index; k++) hg_put_u32(to, d[i].index[k]);
    }
}

static hg_status take_dataset(hg_dataset_status *d, hg_taker *t, hg_arena *arena, hg_err *err) {
    hg_take_bytes(t, d->id, HG_DIGEST);
    hg_take_name(t, d->owner, sizeof d->owner);
    const uint32_t state = hg_take_u32(t), kind = hg_take_u32(t);
    d->sequence = hg_take_u64(t);
    d->rows = hg_take_u64(t);
    d->epoch = hg_take_u64(t);
    d->spent = hg_take_u64(t);
    d->since = hg_take_i64(t);
    d->created = hg_take_i64(t);
    const uint64_t n = hg_take_u64(t);
    if (t->bad || state >= HG_DATASET_STATES || kind >= HG_SHARES_KINDS || n > t->left / 4)
        return hg_fail(err, HG_EPARSE, "a server's list of data sets cannot be read");
    d->state = (hg_dataset_state)state;
    d->kind = kind;
    d->n_index = (size_t)n;
    d->index = hg_alloc(arena, d->n_index, sizeof *d->index);
    if (!d->index) return hg_fail(err, HG_ENOMEM, "no memory for a list of data sets");
    for (size_t k = 0; k < d->n_index; k++) d->index[k] = hg_take_u32(t);
    return HG_OK;
}

hg_status hg_dataset_status_read(hg_dataset_status **d, size_t *n, hg_arena *arena, const void *bytes, size_t n_bytes,
                                 hg_err *err) {
    hg_taker t = hg_taker_of(bytes, n_bytes);
    const uint64_t sets = hg_take_u64(&t);
    if (t.bad || sets > HG_STATUS_DATASETS || sets > t.left / HG_DIGEST)
        return hg_fail(err, HG_EPARSE, "a server's list of data sets cannot be read");
    *n = (size_t)sets;
    if (!(*d = hg_alloc(arena, *n, sizeof **d))) return hg_fail(err, HG_ENOMEM, "no memory for a list of data sets");
    for (size_t i = 0; i < *n; i++) HG_TRY(take_dataset(&(*d)[i], &t, arena, err));
    return hg_take_end(&t) ? HG_OK : hg_fail(err, HG_EPARSE, "a server's list of data sets cannot be read");
}

/* ---- what two servers say ------------------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b) {
    const hg_dataset_status *const *x = a, *const *y = b;
    return memcmp((*x)->id, (*y)->id, HG_DIGEST);
}

static bool same_set(const hg_dataset_status *a, const hg_dataset_status *b) {
    const bool dated = a->state != HG_DATASET_WITHDRAWN && b->state != HG_DATASET_WITHDRAWN,
               active = a->state == HG_DATASET_ACTIVE && b->state == HG_DATASET_ACTIVE;
    return strcmp(a->owner, b->owner) == 0 && a->kind == b->kind && a->sequence == b->sequence && a->rows == b->rows &&
           (!dated || a->created == b->created) &&
           (!active ||
            (a->n_index == b->n_index && (!a->n_index || !memcmp(a->index, b->index, a->n_index * sizeof *a->index))));
}

hg_status hg_dataset_status_join(hg_dataset_status *list, size_t n, const hg_dataset_status *other, size_t n_other,
                                 hg_arena *arena, hg_err *err) {
    char hex[2 * HG_DIGEST + 1];
    const hg_dataset_status **sorted = hg_alloc(arena, n_other, sizeof *sorted);
    if (!sorted) return hg_fail(err, HG_ENOMEM, "no memory for a list of data sets");
    for (size_t i = 0; i < n_other; i++) sorted[i] = &other[i];
    if (n_other) qsort(sorted, n_other, sizeof *sorted, by_id);
    for (size_t i = 0; i < n; i++) {
        const hg_dataset_status *key = &list[i], **there = bsearch(&key, sorted, n_other, sizeof *sorted, by_id);
        if (!there) {
            if (list[i].state == HG_DATASET_ACTIVE) list[i].state = HG_DATASET_VALIDATED;
        } else if (!same_set(&list[i], *there)) {
            hg_hex_write(hex, list[i].id, HG_DIGEST);
            return hg_fail(err, HG_ECHEAT, "two servers describe data set %.12s differently: one of them lies", hex);
        } else if (list[i].state == HG_DATASET_ACTIVE) {
            list[i].state = (*there)->state;
        }
    }
    return HG_OK;
}
