/* bench/secret_pool.c -- tiers 2 and 3: what a step costs, and does it propose what the plain one proposes?
 *
 *   secret_pool [--quick] [--json] [--only cost|agree|accuracy] [--runs N] [--steps N]
 *
 * Three servers in three threads. Data: data/mammos-magnets/ndcefeb132.csv (132 measured points of a (Nd,Ce)2Fe14B film,
 * features x and y, coercivity is maximised). The policy: Matern-5/2, lengths 0.15 and 0.5, noises 1e-3 and 1e-2 (four pools), UCB.
 * On tier 3 the pool has 140 entries: the candidates, six points of donors, two that pad.
 *
 * cost      rounds, bytes and time of a step (one measurement goes in, one proposal comes out) with 20 rows known, and of
 *           the kernel on tier 3; medians over the steps.
 * agree     20 runs of 30 searches a tier and acquisition: the proposal of three semi-honest servers (of malicious ones in the
 *           first run), of one plain party, and of the same policy in doubles. Every gap below 1e-5 is listed. Searches
 *           until a value within 5 % of the best: measurements after the two starting points.
 * accuracy  largest error of mean, variance, q and log2|K| against doubles after 120 measurements, noise 1e-4.
 */
#include "secret/pool_internal.h"
#include "secret/verify.h"
#include "secret_common.h"
#include <pthread.h>

enum {
    FEATURES = 2,
    ROWS_MOST = 200,
    DONORS = 6,
    SMALL_MOST = 64,
    RUNS_MOST = 256,
    CANDIDATES = 132,
    SECRET_POOL = 140
};
static const double SMALL_GAP = 1e-5;

typedef struct {
    bool quick, json;
    const char *only;
    size_t runs, steps;
} options;
static options OPTIONS;
static hg_json JSON;

/* ---- output: JSON, or words -------------------------------------------------------------------------------------------------- */

static void begin(const char *key) {
    if (OPTIONS.json)
        hg_json_begin_object(&JSON, key);
    else
        printf("%s\n", key);
}
static void end(void) {
    if (OPTIONS.json) hg_json_end_object(&JSON);
}
static void put(const char *key, double x) {
    if (OPTIONS.json)
        hg_json_number(&JSON, key, x);
    else
        printf("  %-28s %.6g\n", key, x);
}

/* ---- the data ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_tier tier;
    hg_secret_model model;
    size_t p, low[CANDIDATES]; /* candidates by value, lowest first */
    double x[POOL_MOST * FEATURES], y[POOL_MOST], best;
    bool excluded[POOL_MOST];
} study;

static study read_study(hg_tier tier, hg_acquisition acquisition) {
    study a = { .tier = tier, .p = tier == HG_TIER_INDICES ? CANDIDATES : SECRET_POOL };
    hg_secret_model *m = &a.model;
    const data d = read_data();
    if (d.n != CANDIDATES) exit(1);
    memcpy(a.x, d.pool, CANDIDATES * FEATURES * sizeof *a.x);
    memcpy(a.y, d.y, CANDIDATES * sizeof *a.y);
    memcpy(a.low, d.rank, CANDIDATES * sizeof *a.low);
    a.best = a.y[a.low[CANDIDATES - 1]];
    for (size_t i = CANDIDATES; i < a.p; i++) { /* donors' points lie where candidates lie; then padding */
        const size_t of = i < CANDIDATES + DONORS ? a.low[7 * (i - CANDIDATES)] : 0;
        memcpy(a.x + FEATURES * i, a.x + FEATURES * of, FEATURES * sizeof *a.x);
        a.y[i] = a.y[of];
        a.excluded[i] = true;
    }
    for (size_t i = 0; i < a.p * FEATURES; i++) a.x[i] = hg_pool_feature(a.x[i]);
    hg_secret_model_default(m);
    m->n_length = m->n_noise = 2;
    m->length[0] = 0.15;
    m->length[1] = 0.5;
    m->noise[0] = 1e-3;
    m->noise[1] = 1e-2;
    m->acquisition = acquisition;
    return a;
}

/* ---- one step, by one party or by three ---------------------------------------------------------------------------------------------- */

typedef struct {
    const study *a;
    hg_mode mode, imitated;
    uint64_t seed; /* of keys, of sharings and of coins: another one each step */
    hg_pool_state *state[3];
    size_t row[ROWS_MOST], rows; /* to observe in this step */
    bool fresh, propose;         /* make the state; ask */
    double wall;
    size_t index;
    hg_cost cost;
} trio;

typedef struct {
    trio *t;
    unsigned party;
    hg_memory_net *net;
    uint64_t index, stream;
    hg_cost cost;
    hg_status st;
    hg_err err;
} server;

static hg_status share_of(hg_share *out, server *s, hg_run *r, const double *value, size_t n, unsigned fraction,
                          hg_err *err) {
    return share_numbers(out, r, s->t->mode, s->party, hg_rng_make(s->t->seed, 100 + s->stream++), value, n, fraction,
                         err);
}

static hg_status make(server *s, hg_run *r, hg_err *err) {
    const study *a = s->t->a;
    hg_pool_state **state = &s->t->state[s->party];
    hg_share x;
    if (a->tier == HG_TIER_INDICES) return hg_pool_state_new(state, &a->model, s->t->mode, a->x, a->p, FEATURES, err);
    HG_TRY(share_of(&x, s, r, a->x, a->p * FEATURES, HG_FRACTION, err));
    HG_TRY(hg_run_round(r, err));
    return hg_pool_state_new_secret(state, r, &a->model, &x, a->p, FEATURES, err);
}

static hg_status step(server *s, hg_run *r, hg_err *err) {
    const study *a = s->t->a;
    hg_share e[ROWS_MOST], y[ROWS_MOST], seed;
    hg_bits index;
    if (s->t->fresh) HG_TRY(make(s, r, err));
    hg_pool_state *state = s->t->state[s->party];
    for (size_t i = 0; i < s->t->rows; i++) {
        double onehot[POOL_MOST] = { 0 };
        onehot[s->t->row[i]] = 1;
        HG_TRY(share_of(&e[i], s, r, onehot, a->p, 0, err));
        HG_TRY(share_of(&y[i], s, r, &a->y[s->t->row[i]], 1, HG_Y_FRACTION, err));
    }
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_pool_state_prepare(r, state, s->t->rows, s->t->propose, err));
    for (size_t i = 0; i < s->t->rows; i++) HG_TRY(hg_pool_state_observe(r, state, &e[i], &y[i], err));
    if (s->t->propose) {
        const double coin = (double)(s->t->seed >> 12);
        HG_TRY(share_of(&seed, s, r, &coin, 1, 0, err));
        HG_TRY(hg_pool_state_propose(&index, NULL, r, state, a->excluded, &seed, 0, err));
    }
    HG_TRY(hg_run_verify(r, err));
    hg_pool_state_keep(state);
    if (s->t->propose) HG_TRY(hg_open_bits(r, &s->index, &index, err));
    return hg_run_round(r, err);
}

static void *serve(void *arg) {
    server *s = arg;
    const hg_run_opts o = server_opts(s->t->mode, s->t->imitated, s->party, s->t->seed, s->net);
    hg_run *r = NULL;
    s->st = hg_run_new(&r, &o, &s->err);
    if (s->st == HG_OK) s->st = step(s, r, &s->err);
    if (s->st == HG_OK) s->cost = hg_run_cost(r);
    if (s->net) hg_memory_net_close(s->net, s->party);
    hg_run_free(r);
    return NULL;
}

/* Wall time from the shares to the opened index, keys and network included. */
static size_t go(trio *t) {
    server s[3];
    pthread_t id[3];
    hg_memory_net *net = NULL;
    hg_err err;
    const unsigned parties = t->mode == HG_PLAIN ? 1 : 3;
    const double start = seconds(CLOCK_MONOTONIC);
    if (parties == 3) check(hg_memory_net_new(&net, &err), "network", &err);
    for (unsigned i = 0; i < parties; i++) {
        s[i] = (server) { .t = t, .party = i, .net = net };
        if (parties == 3 && pthread_create(&id[i], NULL, serve, &s[i])) exit(1);
        if (parties == 1) serve(&s[i]);
    }
    for (unsigned i = 0; i < parties; i++) {
        if (parties == 3) pthread_join(id[i], NULL);
        check(s[i].st, "step", &s[i].err);
        if (s[i].index != s[0].index) exit(1);
    }
    t->wall = seconds(CLOCK_MONOTONIC) - start;
    hg_memory_net_free(net);
    t->cost = s[0].cost;
    t->index = (size_t)s[0].index;
    t->fresh = false;
    t->rows = 0;
    return t->index;
}

static trio new_trio(const study *a, hg_mode mode, hg_mode imitated, uint64_t seed) {
    return (trio) { .a = a, .mode = mode, .imitated = imitated, .seed = seed, .fresh = true };
}
static void free_trio(trio *t) {
    for (unsigned i = 0; i < 3; i++) hg_pool_state_free(t->state[i]);
}

/* ---- cost -------------------------------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void cost_of(hg_tier tier, hg_acquisition acquisition, hg_mode mode) {
    const study a = read_study(tier, acquisition);
    trio t = new_trio(&a, mode, mode, 7);
    char name[64];
    double wall[64];
    const size_t steps = OPTIONS.quick ? 5 : 21;
    snprintf(name, sizeof name, "t%d_%s_%s", (int)tier, hg_acquisition_name(acquisition), hg_mode_name(mode));
    begin(name);
    go(&t);
    if (tier == HG_TIER_COMPOSITIONS) {
        put("kernel_ms", 1e3 * t.wall);
        put("kernel_rounds", (double)t.cost.rounds);
        put("kernel_bytes", (double)t.cost.bytes);
    }
    for (size_t i = 0; i < 20; i++) t.row[t.rows++] = 6 * i;
    go(&t);
    for (size_t i = 0; i < steps; i++) {
        t.seed++;
        t.row[t.rows++] = 6 * i + 1;
        t.propose = true;
        go(&t);
        wall[i] = 1e3 * t.wall;
    }
    qsort(wall, steps, sizeof *wall, ascending);
    put("step_ms", wall[steps / 2]);
    put("step_ms_max", wall[steps - 1]);
    put("rounds", (double)t.cost.rounds);
    put("bytes", (double)t.cost.bytes);
    put("products", (double)t.cost.products);
    put("ands", (double)t.cost.ands);
    put("openings", (double)t.cost.openings);
    put("state_bytes", (double)hg_pool_state_bytes(t.state[0]));
    free_trio(&t);
    end();
}

/* ---- agreement -------------------------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t steps, plain, doubles, malicious, malicious_steps, small, runs;
    double small_gap[SMALL_MOST], least_gap, searches[RUNS_MOST]; /* until a value within 5 % of the best; NAN: never */
} agreement;

static void compare(agreement *g, const study *a, uint64_t run, size_t searches) {
    trio t[4] = { new_trio(a, HG_SEMI_HONEST, HG_SEMI_HONEST, run), new_trio(a, HG_PLAIN, HG_SEMI_HONEST, run),
                  new_trio(a, HG_MALICIOUS, HG_MALICIOUS, run), new_trio(a, HG_PLAIN, HG_MALICIOUS, run) };
    const unsigned trios = run == 0 ? 4 : 2;
    size_t measured[ROWS_MOST], n = 0;
    double y[ROWS_MOST];
    hg_rng rng = hg_rng_make(run, 11);
    for (size_t i = CANDIDATES; i < a->p && i < CANDIDATES + DONORS; i++) measured[n++] = i;
    measured[n++] = hg_rng_below(&rng, CANDIDATES);
    do measured[n] = hg_rng_below(&rng, CANDIDATES);
    while (measured[n] == measured[n - 1]);
    n++;
    for (size_t i = 0; i < n; i++) y[i] = a->y[measured[i]];
    for (unsigned k = 0; k < trios; k++) {
        memcpy(t[k].row, measured, n * sizeof *measured);
        t[k].rows = n;
        t[k].propose = true;
    }
    g->searches[g->runs] = NAN;
    for (size_t i = 0; i < searches; i++) {
        size_t index[4] = { 0 }, exact;
        double gap;
        hg_err err;
        for (unsigned k = 0; k < trios; k++) {
            t[k].seed = (run << 20) + i;
            index[k] = go(&t[k]);
        }
        check(hg_pool_float(&exact, &gap, &a->model, a->x, a->p, FEATURES, measured, y, n, a->excluded, t[0].seed >> 12,
                            &err),
              "doubles", &err);
        g->steps++;
        g->plain += index[0] == index[1];
        g->doubles += index[0] == exact || gap < SMALL_GAP;
        g->least_gap = fmin(g->least_gap, gap);
        if (trios == 4) {
            g->malicious_steps++;
            g->malicious += index[2] == index[3];
        }
        if (gap < SMALL_GAP && g->small < SMALL_MOST) g->small_gap[g->small++] = gap;
        if (isnan(g->searches[g->runs]) && a->y[index[0]] + 8 >= 0.95 * (a->best + 8))
            g->searches[g->runs] = (double)i + 1;
        measured[n] = index[0];
        y[n++] = a->y[index[0]];
        for (unsigned k = 0; k < trios; k++) t[k].row[t[k].rows++] = index[0];
    }
    g->runs++;
    for (unsigned k = 0; k < trios; k++) free_trio(&t[k]);
}

static int ascending_or_never(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return isnan(x) || isnan(y) ? !!isnan(x) - !!isnan(y) : (x > y) - (x < y);
}

static void agree(hg_tier tier, hg_acquisition acquisition) {
    const study a = read_study(tier, acquisition);
    agreement g = { .least_gap = 1 };
    char name[64];
    snprintf(name, sizeof name, "agree_t%d_%s", (int)tier, hg_acquisition_name(acquisition));
    for (size_t run = 0; run < OPTIONS.runs; run++) compare(&g, &a, run, OPTIONS.steps);
    begin(name);
    put("steps", (double)g.steps);
    put("servers_as_plain", (double)g.plain / (double)g.steps);
    put("malicious_as_plain", g.malicious_steps ? (double)g.malicious / (double)g.malicious_steps : NAN);
    put("servers_as_doubles", (double)g.doubles / (double)g.steps);
    put("least_gap", g.least_gap);
    put("gaps_below_1e-5", (double)g.small);
    for (size_t i = 0; i < g.small; i++) {
        char key[32];
        snprintf(key, sizeof key, "small_gap_%zu", i);
        put(key, g.small_gap[i]);
    }
    qsort(g.searches, g.runs, sizeof *g.searches, ascending_or_never);
    put("searches_median", g.searches[(g.runs - 1) / 2]);
    put("searches_q90", g.searches[(g.runs * 9 + 9) / 10 - 1]);
    put("searches_max", g.searches[g.runs - 1]);
    end();
}

/* ---- accuracy --------------------------------------------------------------------------------------------------------------------------- */

/* A dense factor of theta in doubles: means, variances, q and log2 |K|. */
static void dense(double *mean, double *variance, double *q, double *logdet, const study *a, size_t theta,
                  const size_t *row, size_t n) {
    static double l[ROWS_MOST * ROWS_MOST], z[ROWS_MOST], k[ROWS_MOST];
    hg_mixture mixture;
    hg_err err;
    check(hg_mixture_make(&mixture, &a->model, FEATURES, &err), "kernel", &err);
    *q = *logdet = 0;
    for (size_t i = 0; i < n + a->p; i++) {
        const size_t at = i < n ? row[i] : i - n;
        double *to = i < n ? l + i * ROWS_MOST : k, rest = 1 + HG_POOL_MEAN, sum = 0;
        for (size_t j = 0; j < (i < n ? i : n); j++) {
            const double dx = a->x[2 * at] - a->x[2 * row[j]], dy = a->x[2 * at + 1] - a->x[2 * row[j] + 1];
            to[j] = hg_mixture_value(&mixture, theta / a->model.n_noise, dx * dx + dy * dy) + HG_POOL_MEAN;
            for (size_t m = 0; m < j; m++) to[j] -= to[m] * l[j * ROWS_MOST + m];
            to[j] /= l[j * ROWS_MOST + j];
            rest -= to[j] * to[j];
            sum += to[j] * z[j];
        }
        if (i >= n) {
            mean[i - n] = sum;
            variance[i - n] = rest;
            continue;
        }
        rest += a->model.noise[theta % a->model.n_noise];
        to[i] = sqrt(rest);
        z[i] = (a->y[at] - sum) / to[i];
        *q += z[i] * z[i];
        *logdet += log2(rest);
    }
}

static void accuracy(hg_tier tier) {
    study a = read_study(tier, HG_ACQ_UCB);
    a.model.noise[0] = 1e-4;
    char name[64];
    size_t row[120];
    double mean[POOL_MOST], variance[POOL_MOST], q, logdet, worst[4] = { 0 };
    trio t = new_trio(&a, HG_PLAIN, HG_SEMI_HONEST, 5);
    for (size_t i = 0; i < 120; i++) t.row[i] = row[i] = 7 * i % CANDIDATES;
    t.rows = 120;
    go(&t);
    const hg_pool_state *s = t.state[0];
#define AT(first, i, fraction) hg_ring_to_double(s->now.slot[0] + 3 * (s->at.first + (i)), fraction, 3)
    for (size_t g = 0; g < s->g; g++) {
        dense(mean, variance, &q, &logdet, &a, g, row, 120);
        for (size_t j = 0; j < a.p; j++) {
            worst[0] = fmax(worst[0], fabs(mean[j] - AT(mean, g * a.p + j, HG_POOL_MEAN_FRACTION)));
            worst[1] = fmax(worst[1], fabs(1 + HG_POOL_MEAN - variance[j] - AT(drop, j * s->g + g, HG_POOL_WIDE)));
        }
        worst[2] = fmax(worst[2], fabs(q - AT(q, g, HG_POOL_Q_FRACTION)) / q);
        worst[3] = fmax(worst[3], fabs(logdet - AT(logdet, g, HG_POOL_WIDE)));
    }
    snprintf(name, sizeof name, "accuracy_t%d", (int)tier);
    begin(name);
    put("mean", worst[0]);
    put("variance", worst[1]);
    put("q_relative", worst[2]);
    put("log2_det", worst[3]);
    end();
    free_trio(&t);
}

static bool wanted(const char *part) { return !OPTIONS.only || strcmp(OPTIONS.only, part) == 0; }

int main(int argc, char **argv) {
    OPTIONS = (options) { .runs = 20, .steps = 30 };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            OPTIONS.quick = true, OPTIONS.runs = 3, OPTIONS.steps = 10;
        else if (strcmp(argv[i], "--json") == 0)
            OPTIONS.json = true;
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            OPTIONS.only = argv[++i];
        else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            OPTIONS.runs = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--steps") == 0 && i + 1 < argc)
            OPTIONS.steps = strtoull(argv[++i], NULL, 10);
        else {
            fprintf(stderr,
                    "usage: secret_pool [--quick] [--json] [--only cost|agree|accuracy] [--runs N] [--steps N]\n");
            return 2;
        }
    }
    if (OPTIONS.steps > CANDIDATES - 2) OPTIONS.steps = CANDIDATES - 2;
    if (OPTIONS.runs > RUNS_MOST) OPTIONS.runs = RUNS_MOST;
    if (OPTIONS.json) {
        hg_json_begin(&JSON, to_stdout, NULL, 2);
        hg_json_begin_object(&JSON, NULL);
        hg_json_count(&JSON, "schema", 1);
    }
    static const hg_acquisition ACQUISITIONS[] = { HG_ACQ_UCB, HG_ACQ_THOMPSON };
    for (hg_tier tier = HG_TIER_INDICES; tier <= HG_TIER_COMPOSITIONS; tier++) {
        for (size_t i = 0; i < 2 && wanted("cost"); i++)
            for (hg_mode mode = HG_SEMI_HONEST; mode <= HG_MALICIOUS; mode++) cost_of(tier, ACQUISITIONS[i], mode);
        if (wanted("accuracy")) accuracy(tier);
        for (size_t i = 0; i < 2 && wanted("agree"); i++) agree(tier, ACQUISITIONS[i]);
    }
    hg_err err;
    if (!OPTIONS.json) return 0;
    hg_json_end_object(&JSON);
    check(hg_json_end(&JSON, &err), "output", &err);
    putchar('\n');
    return 0;
}
