/* bench/secret_trio.h -- three servers in three threads and the data of the secret studies; for benchmarks alone */
#ifndef HG_BENCH_SECRET_TRIO_H
#define HG_BENCH_SECRET_TRIO_H
#include "secret/tier1.h"
#include "secret/verify.h"
#include "secret_common.h"
#include <pthread.h>

/* ---- one proposal, by one party or by three -------------------------------------------------------------------------------- */

typedef struct {
    const hg_t1_tables *tables;
    size_t n;
    const double *y;
    const bool *excluded;
    uint64_t seed; /* of keys, of the sharing and of the coin */
    hg_mode mode;
} question;

typedef struct {
    size_t index;
    double wall, cpu; /* of the slowest server, from its shares to the opened index */
    hg_cost cost;
} answer;

typedef struct {
    const question *q;
    answer a;
    unsigned party;
    hg_memory_net *net;
    hg_status st;
    hg_err err;
} server;

static hg_status ask(server *s, hg_run *r, hg_err *err) {
    const question *q = s->q;
    hg_share y;
    hg_bits index;
    uint64_t opened = 0;
    hg_t1_opts o = { .excluded = q->excluded };
    uint64_t coin[3];
    hg_rng rng = hg_rng_make(q->seed, 2);
    for (unsigned k = 0; k < 3; k++) coin[k] = k < 2 ? hg_rng_u64(&rng) : q->seed - coin[0] - coin[1];
    o.seed = (hg_share) { .slot = { &coin[s->party], &coin[(s->party + 1) % 3] }, .n = 1, .limbs = 1 };
    uint64_t plain = q->seed;
    if (q->mode == HG_PLAIN) o.seed.slot[0] = &plain;
    HG_TRY(share_numbers(&y, r, q->mode, s->party, hg_rng_make(q->seed, 1), q->y, q->n, HG_Y_FRACTION, err));
    const double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    const size_t bits = hg_t1_noise_bits(q->tables, 1);
    if (bits) HG_TRY(hg_t1_noise_draw(&o.noise, r, q->tables, 1, err));
    HG_TRY(hg_t1_propose(&index, r, q->tables, &y, &o, err));
    HG_TRY(hg_run_verify(r, err));
    HG_TRY(hg_open_bits(r, &opened, &index, err));
    HG_TRY(hg_run_round(r, err));
    s->a.wall = seconds(CLOCK_MONOTONIC) - wall;
    s->a.cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    s->a.index = (size_t)opened;
    s->a.cost = hg_run_cost(r);
    return HG_OK;
}

static void *serve(void *arg) {
    server *s = arg;
    const hg_run_opts o = server_opts(s->q->mode, HG_SEMI_HONEST, s->party, s->q->seed, s->net);
    hg_run *r = NULL;
    s->st = hg_run_new(&r, &o, &s->err);
    if (s->st == HG_OK) s->st = ask(s, r, &s->err);
    if (s->net) hg_memory_net_close(s->net, s->party);
    hg_run_free(r);
    return NULL;
}

static answer propose(const question *q) {
    server s[3];
    pthread_t id[3];
    hg_memory_net *net = NULL;
    hg_err err;
    const unsigned parties = q->mode == HG_PLAIN ? 1 : 3;
    if (parties == 3) check(hg_memory_net_new(&net, &err), "network", &err);
    for (unsigned i = 0; i < parties; i++) {
        s[i] = (server) { .q = q, .party = i, .net = net };
        if (parties == 3 && pthread_create(&id[i], NULL, serve, &s[i])) exit(1);
        if (parties == 1) serve(&s[i]);
    }
    answer a = { 0 };
    for (unsigned i = 0; i < parties; i++) {
        if (parties == 3) pthread_join(id[i], NULL);
        check(s[i].st, "proposal", &s[i].err);
        if (i > 0 && s[i].a.index != a.index) exit(1);
        const double wall = fmax(a.wall, s[i].a.wall), cpu = fmax(a.cpu, s[i].a.cpu);
        a = s[i].a;
        a.wall = wall;
        a.cpu = cpu;
    }
    hg_memory_net_free(net);
    return a;
}

static size_t propose_in_doubles(double *gap, double *margin, const question *q) {
    uint64_t seed = q->seed;
    const hg_t1_opts o = { .excluded = q->excluded, .seed = { .slot = { &seed, NULL }, .n = 1, .limbs = 1 } };
    size_t index;
    hg_err err;
    check(hg_t1_float(&index, gap, margin, q->tables, q->y, &o, &err), "doubles", &err);
    return index;
}

/* ---- a campaign ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    const data *d;
    hg_secret_model model;
    size_t measured[POOL_MOST], n;
    double y[POOL_MOST];
    bool excluded[POOL_MOST];
    hg_t1_tables *tables;
    double table_seconds;
} campaign;

static campaign campaign_new(const data *d) {
    campaign c = { .d = d };
    hg_secret_model_default(&c.model);
    return c;
}

static void measure(campaign *c, size_t candidate) {
    c->measured[c->n] = candidate;
    c->y[c->n++] = c->d->y[candidate];
    c->excluded[candidate] = true;
}

static void build(campaign *c) {
    hg_t1_tables *t;
    hg_err err;
    const double start = seconds(CLOCK_MONOTONIC);
    check(hg_t1_tables_new(&t, c->tables, &c->model, c->d->pool, c->d->n, 2, c->measured, c->n, NULL, NULL, &err),
          "tables", &err);
    c->table_seconds += seconds(CLOCK_MONOTONIC) - start;
    hg_t1_tables_free(c->tables);
    c->tables = t;
}

static question ask_next(campaign *c, uint64_t seed, hg_mode mode) {
    return (question) { c->tables, c->n, c->y, c->excluded, seed, mode };
}

static size_t draw_new(campaign *c, hg_rng *rng, size_t lowest) {
    for (;;) {
        const size_t k = hg_rng_below(rng, lowest);
        const size_t candidate = lowest < c->d->n ? c->d->rank[k] : k;
        if (!c->excluded[candidate]) return candidate;
    }
}
#endif
