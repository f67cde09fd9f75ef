/* bench/library.c -- the library of models: how long a search among 100,000 cards takes, and opening a pack of 1,000 models
 *
 *   library [--json] [--quick] [--task NAME[.PART]] [--keep FOLDER] [--figure FILE.svg]
 *
 * Task query: 100,000 cards of 45 properties, made up from the seed, in 100 packs; each seventh holds one word. A search
 * asks for a property, a range of its mean absolute error and that word, and takes the best 20. All times are medians, over
 * the 45 properties or over 15 repeats. Task open: a pack of 1,000 models, each with the weights of `qdf2-density` and a card.
 * Both take some 20 s; --quick is the same.
 *
 *   query_ms_100k        property, range of a metric and word: the best 20 (target 10)
 *   query_worst_ms_100k  the slowest of the 45
 *   rank_ms_100k         a word in each seventh card, ranked: the best 20 (target 40)
 *   index_s_100k         making the index from the cards, once
 *   refresh_ms_100k      opening it again, nothing has changed
 *   open_ms_1000         opening a pack of 1,000 models and reading one card (target 50)
 *   list_ms_1000         the same and an index of all its cards, in memory
 *   verify_mb_per_s      SHA-256 of everything in the pack, 10^6 bytes a second
 */
#include "files/json.h"
#include "library_tasks/tasks.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double processor_seconds(void *unused) {
    struct timespec t;
    (void)unused;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void must(hg_status st, const hg_err *err) {
    if (st == HG_OK) return;
    fprintf(stderr, "bench/library: %s\n", err->msg);
    exit(1);
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *x, size_t n) {
    qsort(x, n, sizeof *x, by_size);
    return n % 2 ? x[n / 2] : 0.5 * (x[n / 2 - 1] + x[n / 2]);
}

/* ---- figures ---------------------------------------------------------------------------------------------------------- */

void note(figures *f, const char *key, double value) {
    if (f->n == FIGURES) return;
    snprintf(f->at[f->n].key, FIGURE_KEY, "%s", key);
    f->at[f->n++].value = value;
}

static hg_status print_out(void *ctx, const char *bytes, size_t n, hg_err *err) {
    return fwrite(bytes, 1, n, ctx) == n ? HG_OK : hg_fail(err, HG_EIO, "standard output");
}

static hg_status print_json(const figures *f) {
    hg_json j;
    hg_json_begin(&j, print_out, stdout, 0);
    hg_json_begin_object(&j, NULL);
    hg_json_string(&j, "bench", "library");
    hg_json_count(&j, "schema", 1);
    hg_json_bool(&j, "quick", f->quick);
    for (size_t i = 0; i < f->n; i++) hg_json_number(&j, f->at[i].key, f->at[i].value);
    hg_json_end_object(&j);
    return hg_json_end(&j, NULL);
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    void (*run)(figures *f, const char *folder);
} TASKS[] = {
    { "query", run_query },       { "open", run_open },          { "predict", run_predict },
    { "ltc", run_ltc },           { "transfer", run_transfer },  { "quasicrystals", run_quasicrystals },
    { "alloys", run_alloys },     { "crabnet", run_crabnet },    { "matbench", run_matbench },
    { "networks", run_networks }, { "campaign", run_campaigns },
};

static void run_task(size_t i, figures *f) {
    char folder[] = "/tmp/hagane-library-XXXXXX", command[64];
    if (!mkdtemp(folder)) exit(1);
    TASKS[i].run(f, folder);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) exit(1);
}

int main(int argc, char **argv) {
    bool json = false, any = false;
    const char *only = NULL;
    figures f = { .n = 0 };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) json = true;
        if (strcmp(argv[i], "--quick") == 0) f.quick = true;
        if (strcmp(argv[i], "--keep") == 0 && i + 1 < argc) f.keep = argv[++i];
        if (strcmp(argv[i], "--figure") == 0 && i + 1 < argc) f.figure = argv[++i];
        if (strcmp(argv[i], "--task") == 0 && i + 1 < argc) only = argv[++i];
    }
    for (size_t i = 0; i < sizeof TASKS / sizeof *TASKS; i++) {
        const size_t len = strlen(TASKS[i].name);
        if (only && (strncmp(only, TASKS[i].name, len) != 0 || (only[len] && only[len] != '.'))) continue;
        any = true;
        f.part = only && only[len] ? only + len + 1 : NULL;
        run_task(i, &f);
    }
    if (!any) {
        fprintf(stderr, "bench/library: there is no task %s\n", only);
        return 2;
    }
    if (json) return print_json(&f) == HG_OK ? 0 : 1;
    for (size_t i = 0; i < f.n; i++) printf("%-22s %.4g\n", f.at[i].key, f.at[i].value);
    return 0;
}
