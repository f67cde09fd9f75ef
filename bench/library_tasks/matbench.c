/* bench/library_tasks/matbench.c -- task matbench: tables of compositions with their official five folds, learned by the automatic choice
 *
 * Each fold is predicted by a model of the other four; all that is chosen is chosen from their rows. With --keep folds that are done are
 * not done again; --task matbench.steels is one table, matbench.steels.0 one fold of it. Of tables beyond 20,000 rows the first fold alone is predicted, unless the
 * table is named.
 *
 *   matbench  mean absolute error, or area under the ROC curve of classes, in the mean over the official folds; .one_fold of one alone;
 *             .coverage90 of 90 % intervals; .processor_s_per_fold, choice included; .repeated_rows whose composition stands in
 *             several folds; .outside share of rows told to be unlike the training
 */
#include "core/memory.h"
#include "hagane/predictor.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* From few rows to many. */
static const struct {
    const char *name;
    bool quick; /* with --quick, too */
    bool long_; /* more than 20,000 rows: the first fold alone, where the table is not named */
} TABLES[] = {
    { "steels", true, false },         { "phonons", true, false },      { "expt_gap", false, false },
    { "expt_is_metal", false, false }, { "glass", false, false },       { "log_kvrh", false, false },
    { "log_gvrh", false, false },      { "perovskites", false, false }, { "mp_gap", false, true },
    { "mp_is_metal", false, true },    { "mp_e_form", false, true },
};
enum { TABLES_N = sizeof TABLES / sizeof *TABLES };

static void note_of(figures *f, const char *table, const char *what, double value) {
    char key[FIGURE_KEY];
    if (!isfinite(value)) return;
    snprintf(key, sizeof key, "matbench.%s%s", table, what);
    note(f, key, value);
}

static void note_folds(figures *f, const char *table, const hg_folds *done, bool all) {
    double seconds = 0, outside = 0, n = 0;
    for (size_t i = 0; i < done->n_folds; i++) {
        seconds += done->fold[i].seconds / (double)done->n_folds;
        outside += (double)done->fold[i].outside;
        n += (double)done->fold[i].n_test;
    }
    note_of(f, table, all ? "" : ".one_fold", done->classes ? done->mean.auc : done->mean.mae);
    note_of(f, table, ".coverage90", done->mean.coverage90);
    note_of(f, table, ".processor_s_per_fold", seconds);
    note_of(f, table, ".repeated_rows", (double)done->repeated_rows);
    note_of(f, table, ".outside", outside / n);
}

/* only: a fold's name; NULL: all, or the first of a long table among others. */
static void run_table(figures *f, size_t i, const char *only, hg_pool *pool) {
    char path[100], keep[600];
    hg_folds done;
    hg_err err;
    const bool all = !only && (!TABLES[i].long_ || f->part);
    snprintf(path, sizeof path, "matbench-tables/%s.csv.xz", TABLES[i].name);
    hg_table *t = shared_table(path, "formula");
    if (!t) return;
    hg_arena *mem = hg_arena_new();
    if (!mem) exit(1);
    if (f->keep) snprintf(keep, sizeof keep, "%s/matbench-%s", f->keep, TABLES[i].name);
    hg_predictor_opts o = hg_predictor_opts_default();
    o.pool = pool;
    o.seconds = processor_seconds;
    const hg_folds_opts how = { .column = "fold",
                                .only = all    ? NULL
                                        : only ? only
                                               : "0",
                                .keep = f->keep ? keep : NULL };
    must(hg_predictor_folds(&done, t, "target", &how, &o, mem, &err), &err);
    note_folds(f, TABLES[i].name, &done, all);
    hg_arena_free(mem);
    hg_table_free(t);
}

void run_matbench(figures *f, const char *folder) {
    (void)folder;
    hg_pool *pool = all_cores();
    for (size_t i = 0; i < TABLES_N; i++) {
        const size_t len = strlen(TABLES[i].name);
        const bool named =
            f->part && strncmp(f->part, TABLES[i].name, len) == 0 && (!f->part[len] || f->part[len] == '.');
        if (f->part ? named : !f->quick || TABLES[i].quick)
            run_table(f, i, f->part && f->part[len] ? f->part + len + 1 : NULL, pool);
    }
    hg_pool_free(pool);
}
