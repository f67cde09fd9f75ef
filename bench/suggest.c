/* bench/suggest.c -- one full step of the main job on real data: learn, score the whole pool, take the best
 *
 *   suggest [--json] [--quick] [--threads N]
 *
 * Data: grain-boundary-s5-210, 17,982 candidates, three shifts, grain-boundary energy to be minimised. A step is
 * hg_gp_fit from scratch, hg_gp_predict of every candidate, log-EI and argmax. Times are medians over random starts; CPU
 * times are those of all threads together, and say what a machine with nothing else to do would need.
 *
 *   step_ms_n200   one step with 200 measured rows (target 150)
 *   step_ms_n1000   with 1,000 (target 2000)
 *   warm_ms_n200   the 200th observation has just come: from the hyper-parameters of the step before (target 20)
 *   suggest_ms_n200   hg_suggest on the table: with choice of columns, leave-one-out check and reasons in words
 *   suggest_ms_n1000   the same with 1,000 measured rows
 *   sklearn_ms_n200   scikit-learn doing the work of step_ms_n200 in this run, as many starts (bench/peers/gp_sklearn.py)
 *   ratio_sklearn_n200   how many times longer (target 10)
 *   peak_mb   resident memory of this program at its largest
 *   gemm_gflops   the limit: what matrix products reach on these threads in this run
 *   share_of_gemm_n200   flops of the factorisations, inverses and triangular products of a step, over time and limit
 */
#include "bayes/model.h"
#include "hagane/csv.h"
#include "hagane/gp.h"
#include "hagane/suggest.h"
#include "num/linalg.h"
#include "num/special.h"
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { D = 3 };
extern char **environ;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(hg_status st, const hg_err *err) {
    if (st == HG_OK) return;
    fprintf(stderr, "bench/suggest: %s\n", err->msg);
    exit(1);
}

typedef struct {
    size_t m;
    double *x, *y; /* [m, D], [m] */
    size_t *order; /* [m] a random order: the first n are the measured ones */
    double *mean, *var, *score;
    double *tx, *ty; /* the measured ones */
    hg_pool *pool;
    hg_arena *scratch;
} bench;

static void load(bench *b) {
    static const char *const names[D + 1] = { "dx", "gb", "dz", "gb_energy" };
    hg_err err;
    hg_table *t;
    must(hg_csv_read(&t, HG_SOURCE_DIR "/data/grain-boundary-s5-210/s5-210.csv.xz", NULL, &err), &err);
    b->m = hg_table_rows(t);
    b->x = malloc(b->m * D * sizeof(double));
    b->y = malloc(b->m * sizeof(double));
    b->tx = malloc(b->m * D * sizeof(double));
    b->ty = malloc(b->m * sizeof(double));
    b->mean = malloc(b->m * sizeof(double));
    b->var = malloc(b->m * sizeof(double));
    b->score = malloc(b->m * sizeof(double));
    b->order = malloc(b->m * sizeof(size_t));
    if (!b->x || !b->y || !b->tx || !b->ty || !b->mean || !b->var || !b->score || !b->order) exit(1);
    for (size_t j = 0; j <= D; j++) {
        size_t column;
        must(hg_table_find(&column, t, names[j], &err), &err);
        const double *v = hg_table_column(t, column)->number;
        for (size_t i = 0; i < b->m; i++) *(j < D ? &b->x[i * D + j] : &b->y[i]) = v[i];
    }
    hg_table_free(t);
}

static void draw(bench *b, uint64_t seed) {
    hg_rng rng = hg_rng_make(seed, 0);
    for (size_t i = 0; i < b->m; i++) b->order[i] = i;
    hg_rng_shuffle(&rng, b->order, b->m);
    for (size_t i = 0; i < b->m; i++) {
        memcpy(b->tx + i * D, b->x + b->order[i] * D, D * sizeof(double));
        b->ty[i] = b->y[b->order[i]];
    }
}

typedef struct {
    const bench *b;
    double best;
} scoring;

static void score_chunk(void *ctx, size_t begin, size_t end, size_t worker) {
    const scoring *s = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const double sd = sqrt(s->b->var[i]);
        s->b->score[i] = sd > 0 ? log(sd) + hg_log_ei((s->best - s->b->mean[i]) / sd) : -HUGE_VAL;
    }
}

/* Learns on the first n, scores the pool; returns the model and the best candidate. */
static hg_gp *step(bench *b, size_t n, const double *params, size_t n_params, size_t *best, double *learn_s) {
    hg_err err;
    hg_gp *gp;
    hg_gp_opts o = hg_gp_opts_default();
    o.pool = b->pool;
    o.params = params;
    o.n_params = n_params;
    const double begin = now();
    must(hg_gp_fit(&gp, b->tx, b->ty, n, D, &o, &err), &err);
    *learn_s = now() - begin;
    must(hg_gp_predict(b->mean, b->var, gp, b->x, b->m, b->scratch, &err), &err);
    scoring s = { .b = b, .best = HUGE_VAL };
    for (size_t i = 0; i < n; i++) s.best = fmin(s.best, b->ty[i]);
    hg_pool_for(b->pool, b->m, 1024, score_chunk, &s);
    *best = 0;
    for (size_t i = 1; i < b->m; i++)
        if (b->score[i] > b->score[*best]) *best = i;
    return gp;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct {
    double median_ms, min_ms, learn_ms, cpu_ms, flops;
    size_t evaluations;
} timing;

static double step_flops(const bench *b, size_t n, double learning) {
    const double p = (double)n;
    return learning + 2.0 / 3 * p * p * p + p * p * (double)b->m; /* + factor and inverse, + the triangular product */
}

static timing time_steps(bench *b, size_t n, size_t repeats, bool warm) {
    double total[64], learn[64], busy[64];
    timing t = { 0 };
    for (size_t r = 0; r < repeats; r++) {
        double params[16];
        size_t count = 0, best;
        draw(b, r);
        if (warm) {
            hg_gp *last = step(b, n - 1, NULL, 0, &best, &learn[r]);
            count = hg_gp_params(last, params, 16);
            hg_gp_free(last);
        }
        const double begin = now(), cpu_begin = cpu();
        hg_gp *gp = step(b, n, warm ? params : NULL, count, &best, &learn[r]);
        total[r] = now() - begin;
        busy[r] = cpu() - cpu_begin;
        t.evaluations += gp->evaluations;
        t.flops += step_flops(b, n, gp->flops) / (double)repeats;
        hg_gp_free(gp);
    }
    t.evaluations /= repeats;
    qsort(total, repeats, sizeof *total, compare);
    qsort(learn, repeats, sizeof *learn, compare);
    qsort(busy, repeats, sizeof *busy, compare);
    t.median_ms = 1e3 * total[repeats / 2];
    t.min_ms = 1e3 * total[0];
    t.cpu_ms = 1e3 * busy[repeats / 2];
    t.learn_ms = 1e3 * learn[repeats / 2];
    return t;
}

/* Milliseconds, median, of hg_suggest on the whole table with the targets of all but n rows blanked. */
static double suggest_ms(bench *b, size_t n, size_t repeats) {
    static const char *const names[D] = { "dx", "gb", "dz" };
    double total[64], *column = b->mean;
    hg_err err;
    for (size_t r = 0; r < repeats; r++) {
        hg_table *t;
        hg_suggestions *found;
        const hg_objective energy = { .column = "gb_energy", .maximize = false };
        hg_suggest_opts o = hg_suggest_opts_default();
        o.objective = &energy;
        o.n_objectives = 1;
        o.pool = b->pool;
        draw(b, r);
        must(hg_table_new(&t, "bench", b->m, &err), &err);
        for (size_t j = 0; j < D; j++) {
            for (size_t i = 0; i < b->m; i++) column[i] = b->x[i * D + j];
            must(hg_table_add_numbers(t, names[j], column, &err), &err);
        }
        for (size_t i = 0; i < b->m; i++) column[i] = NAN;
        for (size_t i = 0; i < n; i++) column[b->order[i]] = b->ty[i];
        must(hg_table_add_numbers(t, energy.column, column, &err), &err);
        const double begin = now();
        must(hg_suggest(&found, t, NULL, NULL, &o, &err), &err);
        total[r] = 1e3 * (now() - begin);
        hg_suggestions_free(found);
        hg_table_free(t);
    }
    qsort(total, repeats, sizeof *total, compare);
    return total[repeats / 2];
}

/* ---- the limit ------------------------------------------------------------------------------------------------------ */

enum { GEMM_N = 512, GEMM_TASKS = 16 };
static void gemm_task(void *ctx, size_t begin, size_t end, size_t worker) {
    double *a = (double *)ctx + worker * 3 * GEMM_N * GEMM_N;
    for (size_t i = begin; i < end; i++)
        hg_gemm(a, GEMM_N, a + GEMM_N * GEMM_N, GEMM_N, false, a + 2 * GEMM_N * GEMM_N, GEMM_N, false, GEMM_N, GEMM_N,
                GEMM_N, 1, 0);
}

static double gemm_flops(hg_pool *pool) {
    double *a = calloc(hg_pool_threads(pool) * 3 * GEMM_N * GEMM_N, sizeof *a), best = HUGE_VAL;
    if (!a) exit(1);
    for (int r = 0; r < 5; r++) {
        const double begin = now();
        hg_pool_for(pool, GEMM_TASKS, 1, gemm_task, a);
        best = fmin(best, now() - begin);
    }
    free(a);
    return GEMM_TASKS * 2.0 * GEMM_N * GEMM_N * GEMM_N / best;
}

/* ---- the peer ------------------------------------------------------------------------------------------------------- */

/* Milliseconds, or NaN when scikit-learn is not there. */
static double sklearn_ms(bench *b, size_t n, size_t restarts, char *said, size_t size) {
    char path[] = "/tmp/hagane-bench-XXXXXX", args[4][24];
    const int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!f) return NAN;
    draw(b, 0);
    const bool written = fwrite(b->tx, D * sizeof(double), n, f) == n && fwrite(b->ty, sizeof(double), n, f) == n &&
                         fwrite(b->x, D * sizeof(double), b->m, f) == b->m;
    if (fclose(f) != 0 || !written) return NAN;
    const size_t numbers[4] = { n, D, b->m, restarts };
    for (int i = 0; i < 4; i++) snprintf(args[i], sizeof args[i], "%zu", numbers[i]);
    static char program[] = "python3", script[] = HG_SOURCE_DIR "/bench/peers/gp_sklearn.py";
    char *argv[] = { program, script, path, args[0], args[1], args[2], args[3], NULL };
    int ends[2], status = -1;
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe(ends) != 0) return NAN;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    const int failed = posix_spawn(&child, "/usr/bin/python3", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t len = 0;
    for (ssize_t got = 1; !failed && got > 0 && len + 1 < size; len += got > 0 ? (size_t)got : 0)
        got = read(ends[0], said + len, size - 1 - len);
    said[len] = '\0';
    close(ends[0]);
    if (!failed) waitpid(child, &status, 0);
    unlink(path);
    double ms;
    const char *at = strstr(said, "\"ms\": ");
    return !failed && status == 0 && at && sscanf(at + 6, "%lf", &ms) == 1 ? ms : NAN;
}

static void print_number(const char *key, double v, const char *end) {
    if (isfinite(v))
        printf("\"%s\": %.4g%s", key, v, end);
    else
        printf("\"%s\": null%s", key, end);
}

int main(int argc, char **argv) {
    bool json = false, quick = false;
    size_t threads = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--quick") == 0)
            quick = true;
        else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            threads = (size_t)atoi(argv[++i]);
        else
            return fprintf(stderr, "usage: suggest [--json] [--quick] [--threads N]\n"), 2;
    }
    hg_linalg_single_thread();
    bench b = { .scratch = hg_arena_new() };
    hg_err err;
    must(hg_pool_new(&b.pool, threads, &err), &err);
    load(&b);
    const double limit = gemm_flops(b.pool);
    const timing t200 = time_steps(&b, 200, quick ? 9 : 31, false);
    const timing warm = time_steps(&b, 200, quick ? 9 : 31, true);
    const timing t1000 = time_steps(&b, 1000, quick ? 3 : 7, false);
    const double user200 = suggest_ms(&b, 200, quick ? 5 : 15), user1000 = suggest_ms(&b, 1000, quick ? 3 : 7);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double peak_mb = (double)usage.ru_maxrss / 1024;
    char said[1024] = "";
    const double peer = sklearn_ms(&b, 200, hg_gp_opts_default().restarts, said, sizeof said);
    if (!isfinite(peer))
        fprintf(stderr, "bench/suggest: no scikit-learn here (apt: python3-sklearn), its figures are null\n");
    if (json) {
        printf("{\"schema\": 1, \"threads\": %zu, \"blas\": \"%s\", ", hg_pool_threads(b.pool), hg_linalg_config());
        print_number("step_ms_n200", t200.median_ms, ", ");
        print_number("step_ms_n1000", t1000.median_ms, ", ");
        print_number("warm_ms_n200", warm.median_ms, ", ");
        print_number("cpu_ms_n200", t200.cpu_ms, ", ");
        print_number("cpu_ms_n1000", t1000.cpu_ms, ", ");
        print_number("cpu_warm_ms_n200", warm.cpu_ms, ", ");
        print_number("suggest_ms_n200", user200, ", ");
        print_number("suggest_ms_n1000", user1000, ", ");
        print_number("sklearn_ms_n200", peer, ", ");
        print_number("ratio_sklearn_n200", peer / t200.median_ms, ", ");
        print_number("peak_mb", peak_mb, ", ");
        print_number("gemm_gflops", limit / 1e9, ", ");
        print_number("share_of_gemm_n200", t200.flops / (t200.median_ms / 1e3) / limit, ", ");
        print_number("share_of_gemm_n1000", t1000.flops / (t1000.median_ms / 1e3) / limit, "}\n");
    } else {
        const struct {
            const char *name;
            const timing *t;
        } rows[] = { { "full step, n = 200", &t200 },
                     { "warm step, n = 200", &warm },
                     { "full step, n = 1000", &t1000 } };
        printf("%zu candidates, %zu threads, %s\n", b.m, hg_pool_threads(b.pool), hg_linalg_config());
        for (size_t i = 0; i < 3; i++)
            printf(
                "%-20s %8.1f ms median, %8.1f ms best, %8.1f ms CPU, learning %8.1f ms, %3zu evaluations in its last stage, %4.1f %% of GEMM\n",
                rows[i].name, rows[i].t->median_ms, rows[i].t->min_ms, rows[i].t->cpu_ms, rows[i].t->learn_ms,
                rows[i].t->evaluations, 100 * rows[i].t->flops / (rows[i].t->median_ms / 1e3) / limit);
        printf("hg_suggest with everything: n = 200 %.1f ms, n = 1000 %.1f ms\n", user200, user1000);
        printf("GEMM reaches %.1f GFlop/s on these threads; peak memory %.0f MB\n", limit / 1e9, peak_mb);
        if (isfinite(peer))
            printf("scikit-learn, n = 200: %.0f ms, %.0f times ours\n  %s", peer, peer / t200.median_ms, said);
    }
    hg_pool_free(b.pool);
    hg_arena_free(b.scratch);
    free(b.x);
    free(b.y);
    free(b.tx);
    free(b.ty);
    free(b.mean);
    free(b.var);
    free(b.score);
    free(b.order);
    return 0;
}
