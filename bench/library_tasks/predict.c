/* bench/library_tasks/predict.c -- how many rows a second `hagane predict` reads, predicts and writes
 *
 * The program itself, from the file's first byte to the last one of the result: formulae, the 290 numbers of xenonpy290, a network
 * 290-100-50-1, intervals, what is outside. The rows are the 85,014 formulae of CritExam__Ef, many times. Trained and timed are
 * the network's products, so its training is short.
 *
 *   predict_rows_per_s     with two threads (target 500,000)
 *   predict_rows_per_s_1   with one
 *   predict_mb_1e6         memory that it needs at most for a million rows, MiB
 *   predict_mb_4e6         for four times as many
 */
#include "hagane/csv.h"
#include "hagane/predictor.h"
#include "tasks.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH = 400, REPEATS = 3 };

static void train(const char *folder) {
    static const char *const EXCLUDE[] = { "split" };
    hg_predictor_opts o = hg_predictor_opts_default();
    hg_table *t = shared_table("composition-properties/aflow__ael_bulk_modulus_vrh.csv.xz", "formula");
    hg_predictor *p;
    hg_err err;
    if (!t) return;
    o.features.descriptor = "xenonpy290";
    o.features.exclude = EXCLUDE, o.features.n_exclude = 1;
    o.learner = "mlp";
    o.settings = "members=1 layers=2 width=100 epochs=5";
    o.folds = 2;
    must(hg_predictor_fit(&p, t, "target", &o, &err), &err);
    must(hg_predictor_save(p, folder, NULL, &err), &err);
    hg_predictor_free(p);
    hg_table_free(t);
}

static bool write_formulae(const char *path, size_t rows) {
    hg_table *t = shared_table("composition-properties/CritExam__Ef.csv.xz", "formula");
    FILE *f = t ? fopen(path, "w") : NULL;
    hg_err err;
    size_t j;
    if (!f) return false;
    must(hg_table_find(&j, t, "formula", &err), &err);
    fputs("formula\n", f);
    for (size_t i = 0; i < rows; i++) fprintf(f, "%s\n", hg_table_text(t, j, i % hg_table_rows(t)));
    hg_table_free(t);
    return fclose(f) == 0;
}

/* Seconds of the run; *memory: MiB that it held at most. */
static double predict(const char *model, const char *in, const char *out, const char *threads, double *memory) {
    struct rusage usage;
    int status = 1;
    const double begin = now();
    const pid_t pid = fork();
    if (pid == 0) {
        execl(HG_PROGRAM, HG_PROGRAM, "predict", "--model", model, in, "--out", out, "--threads", threads, "--quiet",
              NULL);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status != 0) {
        fprintf(stderr, "bench/library: %s predict has failed\n", HG_PROGRAM);
        exit(1);
    }
    *memory = (double)usage.ru_maxrss / 1024;
    return now() - begin;
}

static void measure(figures *f, const char *folder, const char *key, const char *threads, size_t rows) {
    char model[PATH], in[PATH], out[PATH];
    double took[REPEATS], memory;
    snprintf(model, sizeof model, "%s/model", folder);
    snprintf(in, sizeof in, "%s/in.csv", folder);
    snprintf(out, sizeof out, "%s/out.csv", folder);
    for (size_t i = 0; i < REPEATS; i++) took[i] = predict(model, in, out, threads, &memory);
    note(f, key, (double)rows / median(took, REPEATS));
}

void run_predict(figures *f, const char *folder) {
    const size_t rows = 1000000;
    char model[PATH], in[PATH], out[PATH];
    double memory;
    snprintf(model, sizeof model, "%s/model", folder);
    snprintf(in, sizeof in, "%s/in.csv", folder);
    snprintf(out, sizeof out, "%s/out.csv", folder);
    if (!write_formulae(in, rows)) return;
    train(model);
    measure(f, folder, "predict_rows_per_s", "2", rows);
    measure(f, folder, "predict_rows_per_s_1", "1", rows);
    predict(model, in, out, "2", &memory);
    note(f, "predict_mb_1e6", memory);
    if (f->quick || !write_formulae(in, 4 * rows)) return;
    predict(model, in, out, "2", &memory);
    note(f, "predict_mb_4e6", memory);
}
