/* bench/secret_trio.h -- three servers in three threads and the data of the secret studies; for benchmarks alone */
#ifndef HG_BENCH_SECRET_TRIO_H
#define HG_BENCH_SECRET_TRIO_H
#include "hagane/csv.h"
#include "secret/channel.h"
#include "secret/tier1.h"
#include "secret/verify.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POOL_MOST = 256 };

static void check(hg_status st, const char *what, const hg_err *err) {
    if (st == HG_OK) return;
    fprintf(stderr, "%s: %s %s\n", what, err->msg, err->hint);
    exit(1);
}

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the data -------------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t n;
    double pool[2 * POOL_MOST], value[POOL_MOST], y[POOL_MOST], best;
    size_t rank[POOL_MOST]; /* candidates by value, lowest first */
} data;

static const double *column(const hg_table *t, const char *name) {
    size_t j;
    hg_err err;
    check(hg_table_find(&j, t, name, &err), name, &err);
    check(hg_table_need_numbers(t, j, false, &err), name, &err);
    return hg_table_column(t, j)->number;
}

/* Features to [0, 1]. The property's range is what a policy would say: 0 to 1.5 MA/m, to [-8, 8]. */
static data read_data(void) {
    static const char *const NAME[] = { "x_pos_mm", "y_pos_mm" };
    data d = { 0 };
    hg_table *t;
    hg_err err;
    const char *path = HG_SOURCE_DIR "/data/mammos-magnets/ndcefeb132.csv";
    check(hg_csv_read(&t, path, NULL, &err), path, &err);
    d.n = hg_table_rows(t);
    if (d.n > POOL_MOST) exit(1);
    for (size_t j = 0; j < 2; j++) {
        const double *x = column(t, NAME[j]);
        double low = x[0], high = x[0];
        for (size_t i = 0; i < d.n; i++) {
            low = fmin(low, x[i]);
            high = fmax(high, x[i]);
        }
        for (size_t i = 0; i < d.n; i++) d.pool[2 * i + j] = (x[i] - low) / (high - low);
    }
    const double *h = column(t, "Hc_measured_A_m");
    for (size_t i = 0; i < d.n; i++) {
        d.value[i] = h[i];
        d.best = fmax(d.best, h[i]);
        d.y[i] = rint(((h[i] - 750e3) * 16 / 1.5e6) * 0x1p24) * 0x1p-24;
        size_t k = i;
        for (; k > 0 && h[d.rank[k - 1]] > h[i]; k--) d.rank[k] = d.rank[k - 1];
        d.rank[k] = i;
    }
    hg_table_free(t);
    return d;
}

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

static hg_status input(hg_share *out, hg_run *r, const question *q, unsigned party, hg_err *err) {
    uint64_t *slot[2] = { calloc(3 * q->n, 8), calloc(3 * q->n, 8) };
    hg_rng rng = hg_rng_make(q->seed, 1);
    for (size_t i = 0; i < q->n; i++) {
        uint64_t part[3][3], y[3];
        hg_ring_from_double(y, q->y[i], HG_Y_FRACTION, 3);
        for (unsigned k = 0; k < 9; k++) part[k / 3][k % 3] = k < 6 ? hg_rng_u64(&rng) : y[k % 3];
        hg_ring_sub(part[2], part[2], part[0], 1, 3);
        hg_ring_sub(part[2], part[2], part[1], 1, 3);
        for (unsigned s = 0; s < 2; s++) memcpy(slot[s] + 3 * i, q->mode == HG_PLAIN ? y : part[(party + s) % 3], 24);
    }
    const hg_status st = hg_share_input(out, r, (const uint64_t *const[]) { slot[0], slot[1] }, q->n, 3, err);
    free(slot[0]);
    free(slot[1]);
    return st;
}

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
    HG_TRY(input(&y, r, q, s->party, err));
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
    hg_run_opts o = { .mode = s->q->mode, .party = s->party, .imitated = HG_SEMI_HONEST };
    hg_rng rng = hg_rng_make(s->q->seed, 3);
    for (unsigned j = 0; j < 3; j++)
        for (unsigned i = 0; i < HG_PRSS_KEY; i++) o.key[j][i] = (unsigned char)hg_rng_u64(&rng);
    unsigned char tag[3][32]; /* of the pair (j, j + 1) */
    for (unsigned i = 0; i < 96; i++) tag[i / 32][i % 32] = (unsigned char)hg_rng_u64(&rng);
    memcpy(o.tag_key[HG_NEXT], tag[s->party], 32);
    memcpy(o.tag_key[HG_PREVIOUS], tag[(s->party + 2) % 3], 32);
    if (s->net) o.channel = hg_memory_net_channel(s->net, s->party);
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
