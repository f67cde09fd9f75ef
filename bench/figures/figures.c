/* bench/figures/figures.c -- see bench/figures/figures.h */
#include "figures.h"
#include "options.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *program = "";

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
    fprintf(stderr, "bench/%s: %s\n", program, err->msg);
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

hg_pool *all_cores(void) {
    hg_pool *pool;
    hg_err err;
    must(hg_pool_new(&pool, 0, &err), &err);
    return pool;
}

/* ---- figures ---------------------------------------------------------------------------------------------------------- */

void note(figures *f, const char *key, double value) {
    if (f->n == FIGURES) return;
    snprintf(f->at[f->n].key, FIGURE_KEY, "%s", key);
    f->at[f->n++].value = value;
}

void note_word(figures *f, const char *key, const char *word) {
    note(f, key, NAN);
    snprintf(f->at[f->n - 1].word, FIGURE_WORD, "%s", word);
}

static hg_status print_json(const figures *f) {
    hg_json j;
    bench_json_begin(&j, program);
    hg_json_bool(&j, "quick", f->quick);
    for (size_t i = 0; i < f->n; i++)
        if (f->at[i].word[0])
            hg_json_string(&j, f->at[i].key, f->at[i].word);
        else
            hg_json_number(&j, f->at[i].key, f->at[i].value);
    hg_json_end_object(&j);
    return hg_json_end(&j, NULL);
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------ */

static void run_task(const figures_task *task, figures *f) {
    char folder[] = "/tmp/hagane-bench-XXXXXX", command[64];
    if (!mkdtemp(folder)) exit(1);
    task->run(f, folder);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) exit(1);
}

bool left_out(const figures *f, const char *task) {
    const bool out = f->quick && !f->named;
    if (out)
        fprintf(stderr, "bench/%s: --quick leaves out %s, which takes long; --task %s runs it\n", program, task, task);
    return out;
}

/* Some tasks take hours: what is not understood starts none. */
static int usage(const figures_task *task, size_t n) {
    fprintf(stderr,
            "usage: bench/%s [--json] [--quick] [--task NAME[.PART]] [--keep FOLDER] [--figure FILE]; tasks:", program);
    for (size_t i = 0; i < n; i++) fprintf(stderr, " %s", task[i].name);
    fprintf(stderr, "\n");
    return 2;
}

int figures_main(const char *bench, const figures_task *task, size_t n, int argc, char **argv) {
    bool json = false, any = false;
    const char *only = NULL;
    figures f = { .n = 0 };
    program = bench;
    for (int i = 1; i < argc; i++) {
        const bool more = i + 1 < argc;
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--quick") == 0)
            f.quick = true;
        else if (more && strcmp(argv[i], "--keep") == 0)
            f.keep = argv[++i];
        else if (more && strcmp(argv[i], "--figure") == 0)
            f.figure = argv[++i];
        else if (more && strcmp(argv[i], "--task") == 0)
            only = argv[++i];
        else
            return usage(task, n);
    }
    for (size_t i = 0; i < n; i++) {
        const size_t len = strlen(task[i].name);
        if (only && (strncmp(only, task[i].name, len) != 0 || (only[len] && only[len] != '.'))) continue;
        any = true;
        f.named = only != NULL;
        f.part = only && only[len] ? only + len + 1 : NULL;
        run_task(&task[i], &f);
    }
    if (!any) {
        fprintf(stderr, "bench/%s: there is no task %s\n", bench, only);
        return 2;
    }
    if (json) return print_json(&f) == HG_OK ? 0 : 1;
    for (size_t i = 0; i < f.n; i++)
        if (f.at[i].word[0])
            printf("%-22s %s\n", f.at[i].key, f.at[i].word);
        else
            printf("%-22s %.4g\n", f.at[i].key, f.at[i].value);
    return 0;
}
