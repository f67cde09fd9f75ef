/* bench/qdf_seeds.c -- how much of qdf2's errors is the luck of its training molecules?
 *
 *   qdf_seeds [--json | --markdown] [--quick] [--threads N] [--models N]
 *
 * Trains qdf2 anew, 3 times (--models), each time from another nine tenths of the 11,831 training molecules of at
 * most 14 atoms, drawn by seeds 1, 2, 3; nothing else is random. Options are hg_qdf2_opts_default(). Every model is
 * judged by the 1,480 test molecules of at most 14 atoms and by a tenth of the 116,041 larger ones, drawn by seed 1
 * (--quick: 500 training molecules, no refinement of the tight binding, and a hundredth: a check that it runs). A row has the
 * mean over the models of the mean absolute error, and its standard deviation. Energies in kcal/mol.
 */
#include "qdf_common.h"
#include "options.h"

enum { MODELS_MOST = 16 };

static struct {
    bool json, markdown, quick;
    size_t threads, models;
} OPTIONS = { .threads = 2, .models = 3 };

typedef struct {
    const hg_qdf2 *q;
    const molecules *s;
    hg_qdf2_room *room[64];
    double *error;
    bool *inside;
} job;

static void predict_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    for (size_t i = begin; i < end; i++) {
        hg_qdf2_result r;
        j->error[i] = (double)NAN;
        if (hg_qdf2_predict(&r, j->q, j->room[worker], j->s->m[i], NULL) != HG_OK) continue;
        j->error[i] = KCAL * fabs(r.energy - j->s->e[i]);
        j->inside[i] = fabs(r.energy - j->s->e[i]) <= NORMAL_90 * r.sd;
    }
}

typedef struct { /* of one model */
    double all, from_23, coverage, by_size[SIZE_MOST];
} figures;

typedef struct {
    size_t n, of_size[SIZE_MOST];
} counts;

static figures judge(counts *c, const hg_qdf2 *q, const molecules *s, hg_pool *pool) {
    figures f = { 0 };
    hg_err err;
    job j = { .q = q, .s = s, .error = malloc(s->n * sizeof(double)), .inside = calloc(s->n, sizeof(bool)) };
    double large = 0;
    *c = (counts) { 0 };
    for (size_t i = 0; i < hg_pool_threads(pool); i++)
        if (hg_qdf2_room_new(&j.room[i], q, &err) != HG_OK) stop_at("qdf2", &err);
    hg_pool_for(pool, s->n, 8, predict_task, &j);
    for (size_t i = 0; i < s->n; i++) {
        if (!isfinite(j.error[i])) continue;
        const size_t size = s->m[i]->n < SIZE_MOST ? s->m[i]->n : SIZE_MOST - 1;
        f.all += j.error[i];
        f.coverage += j.inside[i];
        f.by_size[size] += j.error[i];
        c->n++;
        c->of_size[size]++;
        if (size >= 23) f.from_23 += j.error[i], large++;
    }
    f.all /= (double)c->n;
    f.coverage /= (double)c->n;
    f.from_23 = large > 0 ? f.from_23 / large : (double)NAN;
    for (size_t k = 0; k < SIZE_MOST; k++) f.by_size[k] /= (double)c->of_size[k];
    for (size_t i = 0; i < hg_pool_threads(pool); i++) hg_qdf2_room_free(j.room[i]);
    free(j.error);
    free(j.inside);
    return f;
}

static void say(void *user, hg_log_level level, const char *words) {
    (void)user;
    if (level == HG_LOG_INFO) fprintf(stderr, "qdf_seeds: %s\n", words);
}

static hg_qdf2 *train(const molecules *learn, const molecules *validation, uint64_t seed, hg_pool *pool) {
    const hg_hooks hooks = { .log = say };
    hg_qdf2_opts o = hg_qdf2_opts_default();
    hg_err err;
    hg_qdf2 *q;
    o.share = 0.9;
    o.seed = seed;
    o.pool = pool;
    o.hooks = &hooks;
    if (OPTIONS.quick) o.rounds = 0;
    const hg_qdf2_data a = { .n = learn->n, .molecule = learn->m, .energy = learn->e },
                       b = { .n = validation->n, .molecule = validation->m, .energy = validation->e };
    if (hg_qdf2_fit(&q, &a, &b, &o, &err) != HG_OK) stop_at("training", &err);
    return q;
}

/* ---- what is printed --------------------------------------------------------------------------------------------- */

static void mean_sd(double *mean, double *sd, const figures *f, size_t offset) {
    *mean = *sd = 0;
    for (size_t k = 0; k < OPTIONS.models; k++)
        *mean += *(const double *)(const void *)((const char *)&f[k] + offset) / (double)OPTIONS.models;
    for (size_t k = 0; k < OPTIONS.models; k++) {
        const double d = *(const double *)(const void *)((const char *)&f[k] + offset) - *mean;
        *sd += OPTIONS.models > 1 ? d * d / (double)(OPTIONS.models - 1) : (double)NAN;
    }
    *sd = sqrt(*sd);
}

static void print_row(const char *what, size_t n, const figures *f, size_t offset) {
    double mean, sd;
    mean_sd(&mean, &sd, f, offset);
    printf("| %s | %zu | %.3f | %.3f |\n", what, n, mean, sd);
}

static void print_sizes(const figures *f, const counts *c, size_t from, size_t to) {
    char name[20];
    for (size_t k = from; k <= to; k++) {
        if (!c->of_size[k]) continue;
        snprintf(name, sizeof name, "%zu", k);
        print_row(name, c->of_size[k], f, offsetof(figures, by_size) + k * sizeof(double));
    }
}

static void print_number(const char *name, double x, const char *end) {
    isfinite(x) ? printf("\"%s\": %.6g%s", name, x, end) : printf("\"%s\": null%s", name, end);
}

static void print_pair(const char *name, const figures *f, size_t offset, const char *end) {
    char other[64];
    double mean, sd;
    mean_sd(&mean, &sd, f, offset);
    print_number(name, mean, ", ");
    snprintf(other, sizeof other, "%s_sd", name);
    print_number(other, sd, end);
}

static void read_options(int argc, char **argv) {
    const bench_option options[] = { { .word = "--json", .set = &OPTIONS.json },
                                     { .word = "--markdown", .set = &OPTIONS.markdown },
                                     { .word = "--quick", .set = &OPTIONS.quick },
                                     { .word = "--threads", .count = &OPTIONS.threads },
                                     { .word = "--models", .count = &OPTIONS.models } };
    BENCH_OPTIONS(options, argc, argv);
    if (OPTIONS.threads < 1 || OPTIONS.threads > 64) stop_at("--threads is 1 to 64", NULL);
    if (OPTIONS.models < 1 || OPTIONS.models > MODELS_MOST) stop_at("--models is 1 to 16", NULL);
}

int main(int argc, char **argv) {
    hg_err err;
    hg_pool *pool;
    figures in[MODELS_MOST], out[MODELS_MOST];
    counts n_in, n_out;
    read_options(argc, argv);
    if (hg_pool_new(&pool, OPTIONS.threads, &err) != HG_OK) stop_at("threads", &err);
    molecules learn = load("qdf-qm9/under14_train.txt.xz", TRAIN, OPTIONS.quick ? 500 : TRAIN),
              validation = load("qdf-qm9/under14_val.txt.xz", VALIDATION, OPTIONS.quick ? 100 : VALIDATION),
              test = load("qdf-qm9/under14_test.txt.xz", TEST, TEST),
              large = load("qdf-qm9/over15_test.txt.xz", LARGE, OPTIONS.quick ? LARGE / 100 : LARGE / 10);
    for (size_t k = 0; k < OPTIONS.models; k++) {
        hg_qdf2 *q = train(&learn, &validation, k + 1, pool);
        in[k] = judge(&n_in, q, &test, pool);
        out[k] = judge(&n_out, q, &large, pool);
        hg_qdf2_free(q);
        fprintf(stderr, "qdf_seeds: seed %zu: %.3f and %.3f kcal/mol\n", k + 1, in[k].all, out[k].all);
    }
    if (OPTIONS.json) {
        printf("{\"bench\": \"qdf_seeds\", \"schema\": 1, \"models\": %zu, ", OPTIONS.models);
        print_pair("interp_kcal", in, offsetof(figures, all), ", ");
        print_pair("extrap_kcal", out, offsetof(figures, all), ", ");
        print_pair("extrap_23plus_kcal", out, offsetof(figures, from_23), ", ");
        print_pair("coverage90_in", in, offsetof(figures, coverage), ", ");
        print_pair("coverage90_out", out, offsetof(figures, coverage), "}\n");
    } else {
        printf("| atoms | molecules | error | sd |\n|---|---|---|---|\n");
        print_sizes(in, &n_in, 0, 14);
        print_row("at most 14", n_in.n, in, offsetof(figures, all));
        print_sizes(out, &n_out, 15, SIZE_MOST - 1);
        print_row("15 and more", n_out.n, out, offsetof(figures, all));
        size_t n_23 = 0;
        for (size_t k = 23; k < SIZE_MOST; k++) n_23 += n_out.of_size[k];
        print_row("23 and more", n_23, out, offsetof(figures, from_23));
    }
    forget(&learn);
    forget(&validation);
    forget(&test);
    forget(&large);
    hg_pool_free(pool);
    return 0;
}
