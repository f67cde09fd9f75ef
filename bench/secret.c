/* bench/secret.c -- time, rounds, bytes and agreement of secret proposals: three server processes and TLS on one machine
 *
 *   secret [--json] [--quick]
 *
 * Three servers in processes of their own, TLS 1.3 on the loopback interface, a client that asks. A proposal is timed at the client,
 * from the question to the checked answer: signatures, the charge on three disks and the log included. Candidates are the 132
 * places of the (Nd,Ce)2Fe14B film (coercivity); owners a and b share three poor ones each, c shares two and then what is
 * proposed, one by one. Medians. Rounds and bytes are those of one server in one proposal, without TLS and frame headers.
 *
 *   t1_132_semi_ms   tier 1, 132 candidates, 64-point grid of hyper-parameters, semi-honest
 *   t1_132_mal_ms    the same, malicious with abort
 *   t1_10k_ms        tier 1, 10,000 candidates, 500 rows, 16-point grid, public tables already built
 *   t1_10k_tables_s  building those tables for one more row
 *   t2_semi_ms       tier 2, 132 candidates, 4 pools
 *   t3_140_semi_ms   tier 3, pool of 140, 4 pools: condition on one new measurement and propose
 *   t3_140_mal_ms    the same, malicious with abort
 *   t1_delay_ms      tier 1 as first, with 20 ms added to each message of every link, each way
 *   t1_rounds        rounds of a tier-1 proposal, 132 candidates, semi-honest
 *   t3_rounds        rounds of a tier-3 step, semi-honest
 *   t3_mal_rounds    rounds of a tier-3 step, malicious
 *   t1_bytes         bytes sent by one server, as t1_rounds
 *   t3_bytes         bytes sent by one server, as t3_rounds
 *   t3_mal_bytes     bytes sent by one server, as t3_mal_rounds
 *   agree_t1         share of steps whose index is that of the double-precision run of the same policy
 *   agree_t2         the same on tier 2
 *   agree_t3         the same on tier 3
 */
#include "../tests/support/relay.h"
#include "../tests/support/servers.h"
#include "options.h"
#include "hagane/csv.h"
#include "party/policy.h"
#include "secret/pool_state.h"
#include "secret/tier1.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STEPS_MOST = 64, ROWS_MOST = 1024, PATH_MOST = 400 };

#define GO(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != HG_OK) {                                                                                         \
            fprintf(stderr, "secret: %s\n  %s\n", err.msg, err.hint);                                                  \
            return false;                                                                                              \
        }                                                                                                              \
    } while (0)

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n) {
    qsort(x, n, sizeof *x, ascending);
    return n == 0 ? NAN : n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* ---- a problem: candidates with known answers ------------------------------------------------------------------------------ */

typedef struct {
    size_t n;
    double *x, *y; /* [n, 2], [n] */
    double low, high;
} candidates;

static bool read_film(candidates *c) {
    static const char *const NAMES[] = { "x_pos_mm", "y_pos_mm", "Hc_measured_A_m" };
    hg_table *t;
    hg_err err;
    size_t j[3];
    GO(hg_csv_read(&t, HG_SOURCE_DIR "/data/mammos-magnets/ndcefeb132.csv", NULL, &err));
    for (unsigned k = 0; k < 3; k++) GO(hg_table_find(&j[k], t, NAMES[k], &err));
    c->n = hg_table_rows(t);
    c->x = malloc(2 * c->n * sizeof *c->x);
    c->y = malloc(c->n * sizeof *c->y);
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; k < 2; k++) c->x[2 * i + k] = hg_table_column(t, j[k])->number[i];
        c->y[i] = hg_table_column(t, j[2])->number[i];
    }
    c->low = 0;
    c->high = 2e6;
    hg_table_free(t);
    return true;
}

/* 100 x 100 places, a smooth property with two tops. */
static bool make_grid(candidates *c) {
    c->n = 10000;
    c->x = malloc(2 * c->n * sizeof *c->x);
    c->y = malloc(c->n * sizeof *c->y);
    for (size_t i = 0; i < c->n; i++) {
        const double u = (double)(i % 100) / 99, v = (double)(i / 100) / 99;
        c->x[2 * i] = 80 * u - 40;
        c->x[2 * i + 1] = 80 * v - 40;
        c->y[i] = 1e6 * (exp(-8 * ((u - .3) * (u - .3) + (v - .6) * (v - .6))) +
                         .8 * exp(-20 * ((u - .8) * (u - .8) + (v - .2) * (v - .2))));
    }
    c->low = 0;
    c->high = 2e6;
    return true;
}

static void free_candidates(candidates *c) {
    free(c->x);
    free(c->y);
}

typedef struct {
    const char *project, *tier, *mode, *model;
    const candidates *c;
} problem;

static void write_head(hg_text *to, const problem *p) {
    hg_text_add(to,
                "hagane policy: 1\nproject: %s\ntier: %s\nmode: %s\nvalid: {from: 2020-01-01, until: 2100-01-01}\n"
                "target: {column: Hc, unit: A/m, goal: maximize, low: %.17g, high: %.17g}\n"
                "features: [{column: x, low: -40, high: 40}, {column: y, low: -40, high: 40}]\n"
                "limits: {queries per data set: 100000, least foreign rows: 2, padding: 1%s}\nmodel: {%s}\n",
                p->project, p->tier, p->mode, p->c->low, p->c->high,
                strcmp(p->tier, "compositions") == 0 ? ", entries: 140" : "", p->model);
    if (strcmp(p->tier, "compositions") == 0) return;
    hg_text_add(to, "pool:\n  rows: |\n    x,y\n");
    for (size_t i = 0; i < p->c->n; i++) hg_text_add(to, "    %.17g,%.17g\n", p->c->x[2 * i], p->c->x[2 * i + 1]);
}

/* ---- owners ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    const test_servers *s;
    const problem *p;
    hg_party *user;
    hg_policy *policy;
    size_t measured[ROWS_MOST], n;    /* in the order in which they were shared; on tier 3 entries, else candidates */
    size_t entry[ROWS_MOST], entries; /* tier 3: the candidate that is entry i */
    size_t owners;                    /* tier 3: the first entries are owners' rows, never proposed */
    char job[HG_PARTY_DIGEST];        /* the last answered one */
    double ms[STEPS_MOST];
    double rounds[STEPS_MOST], bytes[STEPS_MOST];
    size_t steps, agree, mistaken; /* mistaken: disagreements where the gap was above 1e-5 */
} campaign;

static const char *outbox(char folder[PATH_MOST], const campaign *c) {
    snprintf(folder, PATH_MOST, "%s/outbox", c->s->c.folder);
    mkdir(folder, 0700);
    return folder;
}

static bool hides_compositions(const campaign *c) { return c->policy->tier == HG_TIER_COMPOSITIONS; }

/* Rows with their property; or candidates alone, which only tier 3 knows. */
static bool share_table(campaign *c, hg_party *owner, const size_t *row, size_t n, bool only_candidates) {
    char path[PATH_MOST], folder[PATH_MOST];
    hg_err err;
    hg_party_shared shared;
    snprintf(path, sizeof path, "%s/rows.csv", c->s->c.folder);
    FILE *f = fopen(path, "w");
    if (!f) return false;
    fprintf(f, only_candidates ? "x,y\n" : "x,y,Hc\n");
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%.17g,%.17g", c->p->c->x[2 * row[i]], c->p->c->x[2 * row[i] + 1]);
        if (only_candidates)
            fprintf(f, "\n");
        else
            fprintf(f, ",%.17g\n", c->p->c->y[row[i]]);
        if (!only_candidates) c->measured[c->n++] = hides_compositions(c) ? c->entries : row[i];
        if (hides_compositions(c)) c->entry[c->entries++] = row[i];
    }
    if (fclose(f) != 0) return false;
    if (hides_compositions(c)) sleep(1); /* entries stand in the order of their statements' seconds */
    const hg_party_share_opts o = { .folder = outbox(folder, c), .candidates = only_candidates };
    GO(hg_party_share(&shared, owner, c->p->project, path, &o, &err));
    return true;
}

static bool share_rows(campaign *c, hg_party *owner, const size_t *row, size_t n) {
    return share_table(c, owner, row, n, false);
}

/* What was measured at the proposed index. */
static bool share_answer(campaign *c, size_t index) {
    char folder[PATH_MOST];
    hg_err err;
    hg_party_shared shared;
    if (!hides_compositions(c)) return share_rows(c, c->user, &index, 1);
    const hg_party_share_opts o = { .folder = outbox(folder, c) };
    const double value = c->p->c->y[c->entry[index]];
    GO(hg_party_share_measured(&shared, c->user, c->p->project, c->job, &index, &value, 1, &o, &err));
    c->measured[c->n++] = index;
    return true;
}

static bool share_as(campaign *c, const char *member, const size_t *row, size_t n) {
    hg_party *owner;
    hg_err err;
    GO(consortium_open(&owner, &c->s->c, member, NULL, &err));
    const bool ok = share_rows(c, owner, row, n);
    hg_party_free(owner);
    return ok;
}

/* ---- the same step in doubles ------------------------------------------------------------------------------------------------ */

static size_t candidate_of(const campaign *c, size_t index) { return hides_compositions(c) ? c->entry[index] : index; }

/* Scaled features of what can be proposed; a pool's or the entries'. */
static double *scaled_features(size_t *n, const campaign *c) {
    const hg_policy *p = c->policy;
    *n = hides_compositions(c) ? c->entries : p->n_pool;
    double *x = malloc(*n * p->n_features * sizeof *x);
    if (!hides_compositions(c)) {
        hg_policy_scaled_pool(x, p);
        return x;
    }
    for (size_t i = 0; i < *n; i++)
        for (size_t k = 0; k < 2; k++) x[2 * i + k] = (c->p->c->x[2 * c->entry[i] + k] + 40) / 80;
    return x;
}

static bool float_choice(size_t *index, double *gap, const campaign *c) {
    const hg_policy *p = c->policy;
    size_t n_pool;
    double *pool = scaled_features(&n_pool, c), y[ROWS_MOST];
    bool *closed = calloc(n_pool, sizeof *closed);
    hg_t1_tables *t = NULL;
    hg_err err;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t e[HG_RING_LIMBS];
        GO(hg_policy_scale(e, p, c->p->c->y[candidate_of(c, c->measured[i])], &err));
        y[i] = hg_ring_to_double(e, HG_Y_FRACTION, HG_RING_LIMBS);
        if (p->tier == HG_TIER_PROPERTIES) closed[c->measured[i]] = true;
    }
    for (size_t i = 0; i < c->owners; i++) closed[i] = true;
    if (p->tier == HG_TIER_PROPERTIES) {
        double margin;
        const hg_t1_opts o = { .excluded = closed, .batch = 1 };
        GO(hg_t1_tables_new(&t, NULL, &p->model, pool, n_pool, p->n_features, c->measured, c->n, NULL, NULL, &err));
        GO(hg_t1_float(index, gap, &margin, t, y, &o, &err));
        if (margin < *gap) *gap = margin; /* theta or sigma on the edge decide as well */
    } else {
        GO(hg_pool_float(index, gap, &p->model, pool, n_pool, p->n_features, c->measured, y, c->n, closed, 0, &err));
    }
    hg_t1_tables_free(t);
    free(closed);
    free(pool);
    return true;
}

/* ---- proposals ------------------------------------------------------------------------------------------------------------------ */

static bool propose(campaign *c, size_t *index) {
    hg_err err;
    hg_party_answer *a;
    const double begin = now();
    GO(hg_party_suggest(&a, c->user, c->p->project, NULL, &err));
    c->ms[c->steps] = 1e3 * (now() - begin);
    *index = a->proposal[0].row;
    c->rounds[c->steps] = (double)a->rounds;
    c->bytes[c->steps] = (double)a->bytes;
    memcpy(c->job, a->job, sizeof c->job);
    hg_party_answer_free(a);
    return true;
}

/* Ask, compare, measure, share. */
static bool one_step(campaign *c, bool compare, bool measure) {
    size_t index, expected;
    double gap;
    if (!propose(c, &index)) return false;
    if (compare) {
        if (!float_choice(&expected, &gap, c)) return false;
        if (index == expected)
            c->agree++;
        else if (gap > 1e-5)
            c->mistaken++;
        if (index != expected)
            fprintf(stderr, "secret: step %zu of %s: %zu, in doubles %zu, gap %.2g\n", c->steps, c->p->project, index,
                    expected, gap);
    }
    c->steps++;
    return !measure || share_answer(c, index);
}

static bool begin_campaign(campaign *c, const test_servers *s, const problem *p) {
    hg_text head = hg_text_new(0);
    hg_err err;
    *c = (campaign) { .s = s, .p = p };
    write_head(&head, p);
    GO(consortium_policy(&s->c, head.s, "", 100000, "c", &err));
    hg_text_free(&head);
    GO(consortium_open(&c->user, &s->c, "c", NULL, &err));
    GO(hg_party_policy(&c->policy, c->user, p->project, &err));
    return true;
}

static void end_campaign(campaign *c) {
    hg_policy_free(c->policy);
    hg_party_free(c->user);
}

/* a's and b's poor rows: below the median; c's two starting rows: anywhere. */
static bool share_start(campaign *c) {
    const candidates *k = c->p->c;
    double *sorted = malloc(k->n * sizeof *sorted);
    hg_rng r = hg_rng_make(7, 0);
    size_t row[3];
    memcpy(sorted, k->y, k->n * sizeof *sorted);
    const double poor = median(sorted, k->n);
    free(sorted);
    for (unsigned owner = 0; owner < 3; owner++) {
        const size_t want = owner < 2 ? 3 : 2;
        for (size_t n = 0; n < want;) {
            const size_t i = hg_rng_below(&r, k->n);
            bool known = owner < 2 && k->y[i] >= poor;
            for (size_t j = 0; j < c->n; j++) known = known || c->measured[j] == i;
            for (size_t j = 0; j < n; j++) known = known || row[j] == i;
            if (!known) row[n++] = i;
        }
        if (!(owner == 2 ? share_rows(c, c->user, row, want) : share_as(c, owner ? "b" : "a", row, want))) return false;
    }
    if (!hides_compositions(c)) return true;
    size_t all[ROWS_MOST];
    for (size_t i = 0; i < k->n; i++) all[i] = i;
    c->owners = c->entries;
    return share_table(c, c->user, all, k->n, true);
}

typedef struct {
    double ms, rounds, bytes, agree;
} figures;

static bool measure_steps(figures *f, const test_servers *s, const problem *p, size_t steps) {
    campaign c;
    bool ok = begin_campaign(&c, s, p) && share_start(&c);
    for (size_t i = 0; ok && i < steps; i++) ok = one_step(&c, true, i + 1 < steps);
    if (ok)
        *f = (figures) { median(c.ms, c.steps), median(c.rounds, c.steps), median(c.bytes, c.steps),
                         (double)c.agree / (double)c.steps };
    if (ok && c.mistaken) fprintf(stderr, "secret: %s: %zu steps differ with a clear gap\n", p->project, c.mistaken);
    end_campaign(&c);
    return ok;
}

/* Many rows at once, then the same question again and again. */
static bool measure_large(figures *f, double *tables_s, const test_servers *s, const problem *p, size_t rows,
                          size_t steps) {
    campaign c;
    hg_rng r = hg_rng_make(11, 0);
    size_t *order = malloc(p->c->n * sizeof *order);
    size_t index;
    for (size_t i = 0; i < p->c->n; i++) order[i] = i;
    hg_rng_shuffle(&r, order, p->c->n);
    bool ok = begin_campaign(&c, s, p) && share_as(&c, "a", order, rows - 1) && propose(&c, &index) &&
              share_rows(&c, c.user, order + rows - 1, 1);
    const double begin = now();
    ok = ok && propose(&c, &index); /* waits for the tables of the new row */
    *tables_s = now() - begin;
    for (size_t i = 0; ok && i < steps; i++) ok = one_step(&c, false, false);
    if (ok) *f = (figures) { median(c.ms, c.steps), median(c.rounds, c.steps), median(c.bytes, c.steps), NAN };
    free(order);
    end_campaign(&c);
    return ok;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------------- */

static const char GRID_16[] = "lengths: [0.1, 0.2, 0.4, 0.8], noises: [0.001, 0.01, 0.1, 1]";
static const char POOLS_4[] = "lengths: [0.25, 0.5], noises: [0.01, 0.1]";

typedef struct {
    figures t1_semi, t1_mal, t1_10k, t1_delay, t2_semi, t3_semi, t3_mal;
    double tables_s;
} all;

static bool measure(all *a, test_servers *s, bool quick) {
    candidates film = { 0 }, grid = { 0 };
    if (!read_film(&film) || !make_grid(&grid)) return false;
    const size_t steps = 20;
    const problem semi = { "t1-semi", "properties", "semi-honest", "acquisition: ucb", &film },
                  mal = { "t1-mal", "properties", "malicious", "acquisition: ucb", &film },
                  large = { "t1-10k", "properties", "semi-honest", GRID_16, &grid },
                  t2 = { "t2-semi", "indices", "semi-honest", POOLS_4, &film },
                  t3 = { "t3-semi", "compositions", "semi-honest", POOLS_4, &film },
                  t3_mal = { "t3-mal", "compositions", "malicious", POOLS_4, &film };
    bool ok = measure_steps(&a->t1_semi, s, &semi, steps) && measure_steps(&a->t1_mal, s, &mal, steps) &&
              measure_steps(&a->t2_semi, s, &t2, steps) && measure_steps(&a->t3_semi, s, &t3, steps) &&
              measure_steps(&a->t3_mal, s, &t3_mal, steps);
    ok = ok && measure_large(&a->t1_10k, &a->tables_s, s, &large, quick ? 100 : 500, steps);
    free_candidates(&film);
    free_candidates(&grid);
    return ok;
}

/* Every link through a relay of its own, which holds each byte back for 20 ms. The servers are started anew: they dial each
 * other by the ports of the cluster's file. */
static bool measure_delay(figures *f, test_servers *s, size_t steps) {
    relay *r[HG_SERVERS];
    uint16_t port[HG_SERVERS];
    candidates film = { 0 };
    const problem slow = { "t1-delay", "properties", "semi-honest", "acquisition: ucb", &film };
    hg_err err;
    relay_opts o = relay_opts_default();
    o.delay_us = 20000;
    test_servers_stop_all(s);
    if (!read_film(&film)) return false;
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        if (!(r[i] = relay_new("127.0.0.1", s->port[i], &o))) return false;
        port[i] = relay_port(r[i]);
    }
    GO(test_servers_through(s, port, &err));
    for (unsigned i = 0; i < HG_SERVERS; i++) GO(test_servers_start(s, i, &err));
    const bool ok = measure_steps(f, s, &slow, steps);
    test_servers_stop_all(s);
    for (unsigned i = 0; i < HG_SERVERS; i++) relay_free(r[i]);
    free_candidates(&film);
    return ok;
}

static hg_status print_json(const all *a) {
    hg_json j;
    bench_json_begin(&j, "secret");
    hg_json_number(&j, "t1_132_semi_ms", a->t1_semi.ms);
    hg_json_number(&j, "t1_132_mal_ms", a->t1_mal.ms);
    hg_json_number(&j, "t1_10k_ms", a->t1_10k.ms);
    hg_json_number(&j, "t1_10k_tables_s", a->tables_s);
    hg_json_number(&j, "t2_semi_ms", a->t2_semi.ms);
    hg_json_number(&j, "t3_140_semi_ms", a->t3_semi.ms);
    hg_json_number(&j, "t3_140_mal_ms", a->t3_mal.ms);
    hg_json_number(&j, "t1_delay_ms", a->t1_delay.ms);
    hg_json_number(&j, "t1_rounds", a->t1_semi.rounds);
    hg_json_number(&j, "t3_rounds", a->t3_semi.rounds);
    hg_json_number(&j, "t3_mal_rounds", a->t3_mal.rounds);
    hg_json_number(&j, "t1_bytes", a->t1_semi.bytes);
    hg_json_number(&j, "t3_bytes", a->t3_semi.bytes);
    hg_json_number(&j, "t3_mal_bytes", a->t3_mal.bytes);
    hg_json_number(&j, "agree_t1", a->t1_semi.agree);
    hg_json_number(&j, "agree_t2", a->t2_semi.agree);
    hg_json_number(&j, "agree_t3", a->t3_semi.agree);
    hg_json_end_object(&j);
    return hg_json_end(&j, NULL);
}

static void print_words(const all *a) {
    const struct {
        const char *what;
        const figures *f;
    } row[] = {
        { "tier 1, 132 candidates, semi-honest", &a->t1_semi }, { "tier 1, 132 candidates, malicious", &a->t1_mal },
        { "tier 1, with 20 ms on every link", &a->t1_delay },   { "tier 1, 10,000 candidates, 500 rows", &a->t1_10k },
        { "tier 2, 132 candidates, semi-honest", &a->t2_semi }, { "tier 3, pool of 140, semi-honest", &a->t3_semi },
        { "tier 3, pool of 140, malicious", &a->t3_mal }
    };
    printf("%-40s %10s %8s %12s %8s\n", "a proposal (medians)", "ms", "rounds", "bytes", "agree");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        printf("%-40s %10.1f %8.0f %12.0f %8.3g\n", row[i].what, row[i].f->ms, row[i].f->rounds, row[i].f->bytes,
               row[i].f->agree);
    printf("tables of tier 1 for one more row, 10,000 candidates: %.2f s\n", a->tables_s);
}

static bool run(all *a, const char *folder, bool quick) {
    static test_servers s;
    hg_err err;
    GO(test_servers_make(&s, folder, &err));
    for (unsigned i = 0; i < HG_SERVERS; i++) GO(test_servers_start(&s, i, &err));
    const bool ok = measure(a, &s, quick) && measure_delay(&a->t1_delay, &s, quick ? 5 : 20);
    test_servers_stop_all(&s);
    return ok;
}

int main(int argc, char **argv) {
    bool json = false, quick = false, keep = false;
    const bench_option options[] = { { .word = "--json", .set = &json },
                                     { .word = "--quick", .set = &quick },
                                     { .word = "--keep", .set = &keep } };
    BENCH_OPTIONS(options, argc, argv);
    const char *tmp = getenv("TMPDIR");
    char folder[200], command[240];
    snprintf(folder, sizeof folder, "%s/hagane-secret-XXXXXX", tmp ? tmp : "/tmp");
    all a = { .tables_s = 0 };
    if (!mkdtemp(folder)) return 1;
    const bool ok = run(&a, folder, quick);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (keep)
        fprintf(stderr, "secret: kept %s\n", folder);
    else if (system(command) != 0)
        fprintf(stderr, "secret: %s could not be removed\n", folder);
    if (!ok) return 1;
    if (json) return print_json(&a) == HG_OK ? 0 : 1;
    print_words(&a);
    return 0;
}
