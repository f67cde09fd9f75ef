/* bench/secret_study.c -- does the secret search propose what the plain one proposes, and what do shared failures save?
 *
 *   secret_study [--quick] [--json | --markdown] [--only STUDY] [--figure FILE] [--runs N] [--steps N]
 *
 * Tier 1, three servers in three threads. Data: data/mammos-magnets/ndcefeb132.csv (132 measured points of a (Nd,Ce)2Fe14B film,
 * features x and y, coercivity is maximised): the nearest public data, for AIST's own table of 132 calculated magnetisations is not
 * public, and its figures (fewer than 10 searches in 90 % of cases; with shared failures within 7 in all of 400 patterns) are of that
 * table. Searches = measurements after the starting points; 0 when one of the searcher's own
 * starting points is that good already; always median / 90 % / most.
 *
 * STUDY agree: 60 runs of 40 searches an acquisition from two random points: the proposal of one plain party, of three semi-honest
 * servers (of malicious ones too in the first run), and of the same policy in doubles. Every gap of 1e-5 or less is listed.
 *
 * STUDY negative: AIST's study of 2024. A and B give three low points each (of the lowest third), C searches from two random points
 * of its own, with and without them; 400 patterns, one a seed. Plain and secret proposals are compared at every step.
 * --figure draws the value that 90 % of the searches have reached at least, as .svg, .pdf or .png.
 *
 * STUDY privacy: what report-noisy-max costs with the six low points shared; theta and sigma fixed, plain runs.
 *
 * STUDY time: processor and wall time of a proposal, and of the tables on one thread.
 */
#include "files/output.h"
#include "hagane/figure.h"
#include "secret_trio.h"
#include <stdarg.h>

enum { CURVE = 25, PATTERNS = 400, BUDGET = 60, SMALL_MOST = 64, NEVER = 1000 };
static const double SMALL_GAP = 1e-5;
static const hg_acquisition ACQUISITIONS[] = { HG_ACQ_UCB, HG_ACQ_EI, HG_ACQ_PI, HG_ACQ_THOMPSON };

typedef struct {
    bool quick, json, markdown;
    const char *only, *figure;
    size_t runs, steps;
} options;
static options OPTIONS;
static hg_json JSON;

/* ---- output: JSON, tables, or words ------------------------------------------------------------------------------------------ */

/* A table grows by rows; its head is known when the first row is complete, and printed again when the columns change. */
static struct {
    size_t depth;
    char head[2048], row[4096], last[2048], under[64];
} TABLE;

static void cell(const char *key, const char *fmt, ...) {
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!OPTIONS.markdown) {
        printf("  %-32s %s\n", key, text);
        return;
    }
    const size_t h = strlen(TABLE.head), r = strlen(TABLE.row);
    snprintf(TABLE.head + h, sizeof TABLE.head - h, " %s%s |", TABLE.under, key);
    snprintf(TABLE.row + r, sizeof TABLE.row - r, " %s |", text);
}

static void begin(const char *key) {
    if (OPTIONS.json) {
        hg_json_begin_object(&JSON, key);
        return;
    }
    if (!OPTIONS.markdown || TABLE.depth == 0) printf(OPTIONS.markdown ? "\n### %s\n" : "%s\n", key);
    if (OPTIONS.markdown && TABLE.depth == 1) {
        snprintf(TABLE.head, sizeof TABLE.head, "| |");
        snprintf(TABLE.row, sizeof TABLE.row, "| %s |", key);
    }
    if (TABLE.depth == 2) snprintf(TABLE.under, sizeof TABLE.under, "%s: ", key);
    TABLE.depth++;
}

static void end(void) {
    if (OPTIONS.json) {
        hg_json_end_object(&JSON);
        return;
    }
    TABLE.depth--;
    TABLE.under[0] = 0;
    if (!OPTIONS.markdown || TABLE.depth != 1) return;
    if (strcmp(TABLE.head, TABLE.last)) {
        printf("\n%s\n|", TABLE.head);
        for (const char *c = TABLE.head + 1; *c; c++)
            if (*c == '|') printf("---|");
        printf("\n");
        snprintf(TABLE.last, sizeof TABLE.last, "%s", TABLE.head);
    }
    printf("%s\n", TABLE.row);
}

static void put(const char *key, double x) {
    if (OPTIONS.json)
        hg_json_number(&JSON, key, x);
    else
        cell(key, x == floor(x) ? "%.0f" : "%.4g", x);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value that `share` of the sorted n do not exceed. */
static double quantile(double *x, size_t n, double share) {
    qsort(x, n, sizeof *x, ascending);
    const size_t k = (size_t)ceil(share * (double)n);
    return x[k ? k - 1 : 0];
}

/* NEVER counts as not reached. */
static void put_reach(const char *key, double *searches, size_t n) {
    static const char *const NAME[] = { "median", "q90", "max" };
    const double share[] = { 0.5, 0.9, 1 };
    char text[3][16];
    if (OPTIONS.json) hg_json_begin_object(&JSON, key);
    for (int i = 0; i < 3; i++) {
        const double q = quantile(searches, n, share[i]);
        snprintf(text[i], sizeof text[i], q >= NEVER ? "-" : "%.0f", q);
        if (OPTIONS.json) hg_json_number(&JSON, NAME[i], q >= NEVER ? NAN : q);
    }
    if (OPTIONS.json)
        hg_json_end_object(&JSON);
    else
        cell(key, "%s / %s / %s", text[0], text[1], text[2]);
}

/* ---- agreement ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t run, step;
    double gap;
    bool same;
} small_gap;

typedef struct {
    size_t steps, servers_same, malicious, malicious_same, doubles_same, doubles_clear, doubles_clear_same, n_small;
    double least_margin;
    small_gap small[SMALL_MOST];
} agreement;

static size_t compare(agreement *a, campaign *c, uint64_t seed, size_t run, size_t step) {
    double gap, margin;
    const question plain = ask_next(c, seed, HG_PLAIN), semi = ask_next(c, seed, HG_SEMI_HONEST);
    const question malicious = ask_next(c, seed, HG_MALICIOUS);
    const size_t index = propose(&plain).index, in_doubles = propose_in_doubles(&gap, &margin, &plain);
    a->steps++;
    a->servers_same += propose(&semi).index == index;
    if (run == 0) {
        a->malicious++;
        a->malicious_same += propose(&malicious).index == index;
    }
    a->doubles_same += in_doubles == index;
    a->doubles_clear += gap > SMALL_GAP;
    a->doubles_clear_same += gap > SMALL_GAP && in_doubles == index;
    a->least_margin = fmin(a->least_margin, margin);
    if (gap <= SMALL_GAP && a->n_small < SMALL_MOST)
        a->small[a->n_small++] = (small_gap) { run, step, gap, in_doubles == index };
    return index;
}

static void note_reach(double *to_95, double *to_99, const campaign *c, size_t candidate, size_t searches) {
    const double share = c->d->value[candidate] / c->d->best;
    if (share >= 0.95 && *to_95 == NEVER) *to_95 = (double)searches;
    if (share >= 0.99 && *to_99 == NEVER) *to_99 = (double)searches;
}

static void put_small_gaps(const agreement *a) {
    char text[2048] = "none";
    size_t at = 0;
    if (OPTIONS.json) hg_json_begin_array(&JSON, "smaller_gaps");
    for (size_t i = 0; i < a->n_small; i++) {
        const small_gap *g = &a->small[i];
        if (OPTIONS.json) {
            hg_json_begin_object(&JSON, NULL);
            hg_json_count(&JSON, "run", g->run);
            hg_json_count(&JSON, "search", g->step + 1);
            hg_json_number(&JSON, "gap", g->gap);
            hg_json_bool(&JSON, "same", g->same);
            hg_json_end_object(&JSON);
        } else if (at < sizeof text)
            at += (size_t)snprintf(text + at, sizeof text - at, "%srun %zu, search %zu: %.2g %s", i ? "; " : "", g->run,
                                   g->step + 1, g->gap, g->same ? "(same)" : "(DIFFERENT)");
    }
    if (OPTIONS.json)
        hg_json_end_array(&JSON);
    else
        cell("smaller_gaps", "%s", text);
}

static void put_agreement(const agreement *a, double *to_95, double *to_99, size_t runs) {
    put("runs", (double)runs);
    put("steps", (double)a->steps);
    put("servers_same", (double)a->servers_same);
    put("malicious_steps", (double)a->malicious);
    put("malicious_same", (double)a->malicious_same);
    put("doubles_same", (double)a->doubles_same);
    put("doubles_gap_above_1e-5", (double)a->doubles_clear);
    put("doubles_gap_above_1e-5_same", (double)a->doubles_clear_same);
    put("least_margin_of_theta_or_sigma", a->least_margin);
    put_reach("to_95", to_95, runs);
    put_reach("to_99", to_99, runs);
    put_small_gaps(a);
}

static void agree_on(const data *d, hg_acquisition acquisition) {
    const size_t runs = OPTIONS.runs ? OPTIONS.runs : OPTIONS.quick ? 6 : 60;
    const size_t steps = OPTIONS.steps ? OPTIONS.steps : OPTIONS.quick ? 20 : 40;
    double *to_95 = calloc(2 * runs, sizeof *to_95), *to_99 = to_95 + runs;
    agreement a = { .least_margin = INFINITY };
    for (size_t run = 0; run < runs; run++) {
        hg_rng rng = hg_rng_make(2026, run);
        campaign c = campaign_new(d);
        c.model.acquisition = acquisition;
        for (size_t i = 0; i < 2; i++) measure(&c, draw_new(&c, &rng, d->n));
        to_95[run] = to_99[run] = NEVER;
        for (size_t i = 0; i < 2; i++) note_reach(&to_95[run], &to_99[run], &c, c.measured[i], 0); /* luck */
        for (size_t step = 0; step < steps && c.n < d->n; step++) {
            build(&c);
            const size_t index = compare(&a, &c, hg_rng_u64(&rng), run, step);
            measure(&c, index);
            note_reach(&to_95[run], &to_99[run], &c, index, step + 1);
        }
        hg_t1_tables_free(c.tables);
    }
    begin(hg_acquisition_name(acquisition));
    put_agreement(&a, to_95, to_99, runs);
    end();
    free(to_95);
}

static void agree(const data *d) {
    begin("agree");
    for (size_t i = 0; i < sizeof ACQUISITIONS / sizeof *ACQUISITIONS; i++) agree_on(d, ACQUISITIONS[i]);
    end();
}

/* ---- negative data --------------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t patterns, steps, same;
    double best[CURVE + 1][PATTERNS], to_95[PATTERNS], to_99[PATTERNS], to_best[PATTERNS];
} negative_study;

/* A's and B's points stand before C's; C's two are the same with and without them. */
static void start(campaign *c, size_t pattern, bool shared) {
    hg_rng own = hg_rng_make(132, pattern), theirs = hg_rng_make(133, pattern);
    size_t first = draw_new(c, &own, c->d->n), second = first;
    while (second == first) second = draw_new(c, &own, c->d->n);
    c->excluded[first] = c->excluded[second] = true;
    for (size_t i = 0; shared && i < 6; i++) measure(c, draw_new(c, &theirs, c->d->n / 3));
    measure(c, first);
    measure(c, second);
}

static void search(negative_study *s, const data *d, size_t pattern, bool shared) {
    campaign c = campaign_new(d);
    start(&c, pattern, shared);
    double best = 0;
    s->to_95[pattern] = s->to_99[pattern] = s->to_best[pattern] = NEVER;
    for (size_t i = c.n - 2; i < c.n; i++) {
        note_reach(&s->to_95[pattern], &s->to_99[pattern], &c, c.measured[i], 0);
        best = fmax(best, d->value[c.measured[i]]);
    }
    if (best == d->best) s->to_best[pattern] = 0;
    s->best[0][pattern] = best;
    for (size_t k = 1; k <= CURVE; k++) {
        build(&c);
        const uint64_t seed = 1000 * pattern + k;
        const question plain = ask_next(&c, seed, HG_PLAIN), secret = ask_next(&c, seed, HG_SEMI_HONEST);
        const size_t index = propose(&plain).index;
        if (!OPTIONS.quick || k <= 5) {
            s->steps++;
            s->same += propose(&secret).index == index;
        }
        measure(&c, index);
        note_reach(&s->to_95[pattern], &s->to_99[pattern], &c, index, k);
        best = fmax(best, d->value[index]);
        s->best[k][pattern] = best;
        if (best == d->best && s->to_best[pattern] == NEVER) s->to_best[pattern] = (double)k;
    }
    hg_t1_tables_free(c.tables);
}

static void draw_figure(const double curve[2][CURVE + 1], double best) {
    double x[CURVE + 1], level = best / 1e6, y[2][CURVE + 1];
    for (size_t k = 0; k <= CURVE; k++) {
        x[k] = (double)k;
        for (int i = 0; i < 2; i++) y[i][k] = curve[i][k] / 1e6;
    }
    hg_layer layer[] = {
        hg_layer_make(HG_LAYER_LEVELS, "best of the 132", NULL, &level, 1, HG_COLOUR_GREY),
        hg_layer_make(HG_LAYER_LINE, "C alone", x, y[0], CURVE + 1, HG_COLOUR_BLUE),
        hg_layer_make(HG_LAYER_LINE, "with three failures each of A and B", x, y[1], CURVE + 1, HG_COLOUR_VERMILION),
    };
    layer[0].dashed = layer[1].steps = layer[2].steps = true;
    hg_figure f = hg_figure_default();
    f.title = "Best coercivity found, in 90 % of the searches at least";
    f.x = (hg_axis) { .label = "searches of C", .min = 0, .max = CURVE, .whole = true };
    f.y.label = "coercivity (MA/m)";
    f.layer = layer;
    f.n_layers = 3;
    hg_figure_format format;
    hg_bytes bytes;
    hg_output *out;
    hg_err err;
    check(hg_figure_format_find(&format, OPTIONS.figure, &err), OPTIONS.figure, &err);
    check(hg_figure_render(&bytes, &f, format, &err), OPTIONS.figure, &err);
    check(hg_output_new(&out, OPTIONS.figure, NULL, &err), OPTIONS.figure, &err);
    check(hg_output_write(out, bytes.data, bytes.len, &err), OPTIONS.figure, &err);
    check(hg_output_commit(out, &err), OPTIONS.figure, &err);
    hg_output_free(out);
    hg_bytes_free(&bytes);
}

static void put_curve(const char *key, const double curve[CURVE + 1]) {
    char text[512];
    size_t at = 0;
    if (OPTIONS.json) {
        hg_json_numbers(&JSON, key, curve, CURVE + 1);
        return;
    }
    for (size_t k = 0; k <= CURVE && at < sizeof text; k++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.0f", k ? " " : "", curve[k] / 1e3);
    cell(key, "%s (kA/m)", text);
}

static void negative(const data *d) {
    static negative_study s[2]; /* alone, shared */
    static double curve[2][CURVE + 1];
    const size_t patterns = OPTIONS.runs && OPTIONS.runs < PATTERNS ? OPTIONS.runs : OPTIONS.quick ? 40 : PATTERNS;
    begin("negative");
    for (int shared = 0; shared < 2; shared++) {
        s[shared] = (negative_study) { .patterns = patterns };
        for (size_t p = 0; p < patterns; p++) search(&s[shared], d, p, shared);
        begin(shared ? "shared" : "alone");
        put("patterns", (double)patterns);
        put("steps_compared", (double)s[shared].steps);
        put("steps_same", (double)s[shared].same);
        put_reach("to_95", s[shared].to_95, patterns);
        put_reach("to_99", s[shared].to_99, patterns);
        put_reach("to_best", s[shared].to_best, patterns);
        for (size_t k = 0; k <= CURVE; k++) curve[shared][k] = quantile(s[shared].best[k], patterns, 0.1);
        put_curve("lower_bound_90", curve[shared]);
        end();
    }
    end();
    if (OPTIONS.figure) draw_figure((const double(*)[CURVE + 1]) curve, d->best);
}

/* ---- differential privacy ---------------------------------------------------------------------------------------------------------- */

static void search_privately(const data *d, double epsilon, size_t pattern, double *to_95, double *to_99) {
    campaign c = campaign_new(d);
    c.model.fixed = true;
    c.model.epsilon = epsilon;
    c.model.length[0] = 0.3;
    c.model.noise[0] = 0.01;
    c.model.n_length = c.model.n_noise = c.model.sigma_levels = 1;
    c.model.sigma_low = 32; /* sd 4 of a range of 16 */
    start(&c, pattern, true);
    *to_95 = *to_99 = NEVER;
    for (size_t i = c.n - 2; i < c.n; i++) note_reach(to_95, to_99, &c, c.measured[i], 0);
    for (size_t k = 1; k <= BUDGET; k++) {
        build(&c);
        const question q = ask_next(&c, 7000 * pattern + k, HG_PLAIN);
        const answer a = propose(&q);
        measure(&c, a.index);
        note_reach(to_95, to_99, &c, a.index, k);
    }
    hg_t1_tables_free(c.tables);
}

static void privacy(const data *d) {
    static const double EPSILON[] = { 0, 100, 50, 20, 10, 5, 1 };
    static double to_95[PATTERNS], to_99[PATTERNS];
    const size_t patterns = OPTIONS.quick ? 40 : 200;
    begin("privacy");
    for (size_t i = 0; i < sizeof EPSILON / sizeof *EPSILON; i++) {
        char key[32];
        snprintf(key, sizeof key, EPSILON[i] > 0 ? "epsilon_%g" : "none", EPSILON[i]);
        for (size_t p = 0; p < patterns; p++) search_privately(d, EPSILON[i], p, &to_95[p], &to_99[p]);
        begin(key);
        put_reach("to_95", to_95, patterns);
        put_reach("to_99", to_99, patterns);
        end();
    }
    end();
}

/* ---- time ---------------------------------------------------------------------------------------------------------------------------- */

static void time_mode(const campaign *c, hg_mode mode, size_t times) {
    double wall[64], cpu[64];
    answer a = { 0 };
    for (size_t i = 0; i < times; i++) {
        const question q = { c->tables, c->n, c->y, c->excluded, i, mode };
        a = propose(&q);
        wall[i] = 1e3 * a.wall;
        cpu[i] = 1e3 * a.cpu;
    }
    begin(hg_mode_name(mode));
    put("wall_ms", quantile(wall, times, 0.5));
    put("cpu_ms_a_server", quantile(cpu, times, 0.5));
    put("rounds", (double)a.cost.rounds);
    put("bytes_a_server", (double)a.cost.bytes);
    put("ands", (double)a.cost.ands);
    end();
}

static void time_film(const data *d, hg_acquisition acquisition, size_t rows) {
    char key[64];
    campaign c = campaign_new(d);
    hg_rng rng = hg_rng_make(5, rows);
    c.model.acquisition = acquisition;
    while (c.n + 1 < rows) measure(&c, draw_new(&c, &rng, d->n));
    build(&c);
    const double scratch = c.table_seconds;
    measure(&c, draw_new(&c, &rng, d->n));
    build(&c);
    snprintf(key, sizeof key, "%zu candidates, %zu rows, %s", d->n, c.n, hg_acquisition_name(acquisition));
    begin(key);
    put("tables_from_scratch_ms", 1e3 * scratch);
    put("tables_one_more_row_ms", 1e3 * (c.table_seconds - scratch));
    put("tables_bytes", (double)hg_t1_tables_bytes(c.tables));
    time_mode(&c, HG_SEMI_HONEST, OPTIONS.quick ? 5 : 21);
    time_mode(&c, HG_MALICIOUS, OPTIONS.quick ? 3 : 21);
    end();
    hg_t1_tables_free(c.tables);
}

/* 10,000 random candidates in five dimensions, 500 rows, 16 grid points. */
static void time_large(void) {
    const size_t n = OPTIONS.quick ? 3000 : 10000, rows = OPTIONS.quick ? 150 : 500, d = 5;
    double *pool = calloc(n * d, sizeof *pool), *y = calloc(rows, sizeof *y);
    size_t *measured = calloc(rows, sizeof *measured);
    bool *excluded = calloc(n, sizeof *excluded);
    hg_t1_tables *before, *t;
    hg_rng rng = hg_rng_make(10, 0);
    hg_err err;
    for (size_t i = 0; i < n * d; i++) pool[i] = hg_rng_uniform(&rng);
    for (size_t i = 0; i < rows; i++) {
        measured[i] = i;
        excluded[i] = true;
        y[i] = rint(0x1p24 * (4 * sin(6 * pool[i * d]) + 2 * pool[i * d + 1])) * 0x1p-24;
    }
    hg_secret_model m;
    hg_secret_model_default(&m);
    for (size_t i = 0; i < 4; i++) m.length[i] = m.length[3 * i + 3];
    m.n_length = 4;
    const double a = seconds(CLOCK_MONOTONIC);
    check(hg_t1_tables_new(&before, NULL, &m, pool, n, d, measured, rows - 1, NULL, NULL, &err), "tables", &err);
    const double b = seconds(CLOCK_MONOTONIC);
    check(hg_t1_tables_new(&t, before, &m, pool, n, d, measured, rows, NULL, NULL, &err), "tables", &err);
    const double e = seconds(CLOCK_MONOTONIC);
    hg_t1_tables_free(before);
    char key[64];
    snprintf(key, sizeof key, "%zu candidates, %zu rows, 16 grid points, ucb", n, rows);
    begin(key);
    put("tables_from_scratch_s", b - a);
    put("tables_one_more_row_s", e - b);
    put("tables_bytes", (double)hg_t1_tables_bytes(t));
    for (hg_mode mode = HG_SEMI_HONEST; mode <= HG_MALICIOUS; mode++) {
        double wall[5], cpu[5];
        answer last = { 0 };
        const size_t times = mode == HG_SEMI_HONEST ? 5 : 1;
        for (size_t i = 0; i < times; i++) {
            const question q = { t, rows, y, excluded, i, mode };
            last = propose(&q);
            wall[i] = last.wall;
            cpu[i] = last.cpu;
        }
        begin(hg_mode_name(mode));
        put("wall_s", quantile(wall, times, 0.5));
        put("cpu_s_a_server", quantile(cpu, times, 0.5));
        put("rounds", (double)last.cost.rounds);
        put("bytes_a_server", (double)last.cost.bytes);
        end();
    }
    end();
    hg_t1_tables_free(t);
    free(pool);
    free(y);
    free(measured);
    free(excluded);
}

static void measure_time(const data *d) {
    begin("time");
    time_film(d, HG_ACQ_UCB, 8);
    time_film(d, HG_ACQ_UCB, 60);
    time_film(d, HG_ACQ_EI, 20);
    time_film(d, HG_ACQ_PI, 20);
    time_film(d, HG_ACQ_THOMPSON, 20);
    time_large();
    end();
}

/* ---- main ------------------------------------------------------------------------------------------------------------------------------ */

static bool parse(options *o, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--quick"))
            o->quick = true;
        else if (!strcmp(argv[i], "--json"))
            o->json = true;
        else if (!strcmp(argv[i], "--markdown"))
            o->markdown = true;
        else if (next && !strcmp(argv[i], "--only"))
            o->only = argv[++i];
        else if (next && !strcmp(argv[i], "--figure"))
            o->figure = argv[++i];
        else if (next && !strcmp(argv[i], "--runs"))
            o->runs = strtoul(argv[++i], NULL, 10);
        else if (next && !strcmp(argv[i], "--steps"))
            o->steps = strtoul(argv[++i], NULL, 10);
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*study)(const data *d);
    } STUDY[] = { { "agree", agree }, { "negative", negative }, { "privacy", privacy }, { "time", measure_time } };
    if (!parse(&OPTIONS, argc, argv)) {
        fprintf(
            stderr,
            "usage: secret_study [--quick] [--json | --markdown] [--only agree|negative|privacy|time] [--figure FILE] "
            "[--runs N] [--steps N]\n");
        return 2;
    }
    static data d;
    d = read_data();
    if (OPTIONS.json) {
        hg_json_begin(&JSON, to_stdout, NULL, 2);
        hg_json_begin_object(&JSON, NULL);
        hg_json_count(&JSON, "schema", 1);
        hg_json_string(&JSON, "searches", "measurements after the starting points");
    }
    for (size_t i = 0; i < sizeof STUDY / sizeof *STUDY; i++)
        if (!OPTIONS.only || !strcmp(OPTIONS.only, STUDY[i].name)) STUDY[i].study(&d);
    hg_err err;
    if (OPTIONS.json) {
        hg_json_end_object(&JSON);
        check(hg_json_end(&JSON, &err), "output", &err);
    }
    return 0;
}
