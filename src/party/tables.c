/* party/tables.c -- see party/tables.h: a list of entries under one lock, each made by one thread and held by many */
#include "party/tables.h"
#include "core/memory.h"
#include <string.h>

struct hg_table {
    hg_table *next;
    char project[HG_NAME_SIZE];
    unsigned char policy[HG_DIGEST];
    size_t *measured; /* [n] */
    size_t n, holders;
    uint64_t used; /* the list's clock: when it was last held */
    bool ready, forgotten;
    hg_t1_tables *t1;
};

struct hg_tables {
    hg_server *server;
    pthread_mutex_t lock;
    pthread_cond_t news;
    hg_table *first;
    uint64_t clock;
};

hg_status hg_tables_new(hg_tables **out, hg_server *s, hg_err *err) {
    hg_tables *t = *out = hg_calloc(1, sizeof *t);
    if (!t) return hg_fail(err, HG_ENOMEM, "no memory for a server");
    t->server = s;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->news, NULL);
    return HG_OK;
}

static void free_table(hg_table *e) {
    hg_t1_tables_free(e->t1);
    hg_free(e->measured);
    hg_free(e);
}

void hg_tables_free(hg_tables *t) {
    if (!t) return;
    while (t->first) {
        hg_table *e = t->first;
        t->first = e->next;
        free_table(e);
    }
    pthread_cond_destroy(&t->news);
    pthread_mutex_destroy(&t->lock);
    hg_free(t);
}

const hg_t1_tables *hg_table_t1(const hg_table *e) { return e->t1; }

static bool is_of(const hg_table *e, const hg_policy *p) {
    return !e->forgotten && memcmp(e->policy, p->digest, HG_DIGEST) == 0;
}

static hg_table *find(const hg_tables *t, const hg_policy *p, const size_t *measured, size_t n) {
    for (hg_table *e = t->first; e; e = e->next)
        if (is_of(e, p) && e->n == n && memcmp(e->measured, measured, n * sizeof *measured) == 0) return e;
    return NULL;
}

/* The longest finished entry whose rows these begin with. */
static hg_table *find_previous(const hg_tables *t, const hg_policy *p, const size_t *measured, size_t n) {
    hg_table *best = NULL;
    for (hg_table *e = t->first; e; e = e->next)
        if (e->ready && is_of(e, p) && e->n < n && (!best || e->n > best->n) &&
            memcmp(e->measured, measured, e->n * sizeof *measured) == 0)
            best = e;
    return best;
}

static void unlink_table(hg_tables *t, hg_table *e) {
    hg_table **at = &t->first;
    while (*at != e) at = &(*at)->next;
    *at = e->next;
    free_table(e);
}

/* Drops what is forgotten, then the longest unused, until what nobody holds fits. */
static void shrink(hg_tables *t) {
    for (;;) {
        hg_table *oldest = NULL;
        size_t bytes = 0, kept = 0;
        for (hg_table *e = t->first; e; e = e->next) {
            if (!e->ready) continue;
            bytes += hg_t1_tables_bytes(e->t1);
            kept++;
            if (e->holders == 0 && (!oldest || e->forgotten || (e->used < oldest->used && !oldest->forgotten)))
                oldest = e;
        }
        if (!oldest || (!oldest->forgotten && (kept < 2 || bytes <= t->server->o.table_bytes))) return;
        unlink_table(t, oldest);
    }
}

static hg_table *new_table(const hg_policy *p, const size_t *measured, size_t n) {
    hg_table *e = hg_calloc(1, sizeof *e);
    if (e) e->measured = hg_malloc(n, sizeof *e->measured);
    if (!e || !e->measured) {
        hg_free(e);
        return NULL;
    }
    memcpy(e->project, p->project, sizeof e->project);
    memcpy(e->policy, p->digest, HG_DIGEST);
    memcpy(e->measured, measured, n * sizeof *measured);
    e->n = n;
    return e;
}

static hg_status make(hg_table *e, const hg_tables *t, hg_table *previous, const hg_policy *p, hg_err *err) {
    double *pool = hg_malloc(p->n_pool, p->n_features * sizeof *pool);
    if (!pool) return hg_fail(err, HG_ENOMEM, "no memory for the public tables");
    hg_policy_scaled_pool(pool, p);
    const int64_t began = hg_world_ms(t->server->o.world);
    const hg_status st = hg_t1_tables_new(&e->t1, previous ? previous->t1 : NULL, &p->model, pool, p->n_pool,
                                          p->n_features, e->measured, e->n, t->server->o.pool, NULL, err);
    hg_free(pool);
    if (st == HG_OK)
        hg_serve_log(t->server, "public tables of %s for %zu rows made in %lld ms (%zu MiB)", p->project, e->n,
                     (long long)(hg_world_ms(t->server->o.world) - began), hg_t1_tables_bytes(e->t1) >> 20);
    return st;
}

hg_status hg_tables_hold(hg_table **out, hg_tables *t, const hg_policy *p, const size_t *measured, size_t n,
                         hg_err *err) {
    hg_table *e, *previous = NULL;
    *out = NULL;
    pthread_mutex_lock(&t->lock);
    while ((e = find(t, p, measured, n)) && !e->ready) pthread_cond_wait(&t->news, &t->lock);
    const bool found = e != NULL;
    if (!e && (e = new_table(p, measured, n))) {
        e->next = t->first;
        t->first = e;
        previous = find_previous(t, p, measured, n);
        if (previous) previous->holders++;
    }
    if (e) {
        e->holders++;
        e->used = ++t->clock;
    }
    pthread_mutex_unlock(&t->lock);
    if (!e) return hg_fail(err, HG_ENOMEM, "no memory for the public tables");
    *out = e;
    if (found) return HG_OK;
    const hg_status st = make(e, t, previous, p, err);
    pthread_mutex_lock(&t->lock);
    if (previous) previous->holders--;
    if (st == HG_OK) {
        e->ready = true;
    } else { /* nobody else holds it: they wait */
        unlink_table(t, e);
        *out = NULL;
    }
    shrink(t);
    pthread_cond_broadcast(&t->news);
    pthread_mutex_unlock(&t->lock);
    return st;
}

void hg_tables_release(hg_tables *t, hg_table *e) {
    if (!e) return;
    pthread_mutex_lock(&t->lock);
    e->holders--;
    shrink(t);
    pthread_mutex_unlock(&t->lock);
}

bool hg_tables_building(hg_tables *t, const char *project) {
    bool building = false;
    pthread_mutex_lock(&t->lock);
    for (const hg_table *e = t->first; e; e = e->next)
        building = building || (!e->ready && strcmp(e->project, project) == 0);
    pthread_mutex_unlock(&t->lock);
    return building;
}

void hg_tables_forget(hg_tables *t, const char *project) {
    pthread_mutex_lock(&t->lock);
    for (hg_table *e = t->first; e; e = e->next)
        if (e->ready && strcmp(e->project, project) == 0) e->forgotten = true;
    shrink(t);
    pthread_mutex_unlock(&t->lock);
}

/* ---- in the background ---------------------------------------------------------------------------------------------------------- */

static hg_status warm(hg_server *s, const char *project, hg_err *err) {
    hg_policy *p = NULL;
    hg_rows rows = { .n = 0 };
    hg_table *e = NULL;
    hg_status st = hg_serve_policy(&p, s, project, NULL, err);
    if (st == HG_OK && p->tier == HG_TIER_PROPERTIES) {
        st = hg_rows_list(&rows, s, project, err);
        if (st == HG_OK) st = hg_rows_load(&rows, s, p, err);
        if (st == HG_OK && rows.n >= 2) st = hg_tables_hold(&e, s->tables, p, rows.measured, rows.n, err);
        hg_tables_release(s->tables, e);
    }
    hg_rows_free(&rows);
    hg_policy_free(p);
    return st;
}

static void warm_thread(hg_server *s, void *ctx) {
    char *project = ctx;
    hg_err err;
    if (warm(s, project, &err) != HG_OK) hg_serve_log(s, "public tables of %s: %s", project, err.msg);
    hg_free(project);
}

void hg_tables_warm(hg_tables *t, const char *project) {
    char *copy = hg_malloc(1, HG_NAME_SIZE);
    if (!copy) return; /* the job will make them */
    memcpy(copy, project, strlen(project) + 1);
    if (hg_serve_thread(t->server, warm_thread, copy, NULL) != HG_OK) hg_free(copy);
}
