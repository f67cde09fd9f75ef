/* bench/library_tasks/crabnet.c -- fourteen properties from the composition alone, beside CrabNet on the same rows
 *
 * Tables and splits of Wang et al., npj Comput. Mater. 7, 77 (2021). Learned is from train and val: a blend of perceptrons and
 * attention, its shares chosen by three parts of these rows; test is predicted once. Published errors are those of metrics/all_metrics.csv
 * of the authors' repository (../shared/data/composition-properties/SOURCE.md): CrabNet, and a random forest on Magpie's numbers.
 * --task crabnet.mp_mu_b does that table alone, --keep FOLDER keeps what is done. The last six tables, of more than 20,000 rows, were scored twice: when networks
 * went through such tables 15 or 20 times, attention with 64 numbers an element, the errors were 1.05, 1.00, 1.00, 1.03, 1.07 and 1.05 times CrabNet's; that
 * they now do so 40 times with 128 numbers was decided on the rows of CritExam__Ef's val alone.
 *
 *   crabnet           mean absolute error of test, in the unit of the table
 *   crabnet_ratio     the same in CrabNet's: below 1 is better
 *   crabnet_rf_ratio  the same in the random forest's
 *   crabnet_s         seconds of a processor to learn and predict the table
 *   crabnet_won       tables of them at or below CrabNet's error
 *   crabnet_rf_won    the same of the random forest's
 */
#include "hagane/predictor.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    double crabnet, forest;
} TABLES[] = {
    { "aflow__agl_thermal_conductivity_300K", 2.318, 2.658 },
    { "aflow__agl_thermal_expansion_300K", 3.847e-6, 5.441e-6 },
    { "aflow__ael_debye_temperature", 33.46, 36.48 },
    { "aflow__ael_bulk_modulus_vrh", 8.692, 11.91 },
    { "aflow__ael_shear_modulus_vrh", 9.082, 10.09 },
    { "mp_shear_modulus", 12.79, 12.78 },
    { "mp_bulk_modulus", 11.21, 14.36 },
    { "mp_elastic_anisotropy", 8.263, 11.69 },
    { "aflow__Egap", 0.3015, 0.3844 },
    { "aflow__energy_atom", 0.09292, 0.2238 },
    { "mp_mu_b", 2.105, 2.732 },
    { "mp_e_hull", 0.08864, 0.1257 },
    { "CritExam__Ef", 0.05926, 0.09969 },
    { "CritExam__Ed", 0.06319, 0.0759 },
};

static void note_table(figures *f, const char *key, const char *table, double value) {
    char whole[FIGURE_KEY];
    snprintf(whole, sizeof whole, "%s.%s", key, table);
    note(f, whole, value);
}

/* The fold `test`; NULL where the table is not there. */
static const hg_fold *run_table(hg_folds *folds, const figures *f, const char *name, hg_pool *pool, hg_arena *mem) {
    char path[200], keep[600];
    hg_predictor_opts o = hg_predictor_opts_default();
    hg_folds_opts how = { .column = "split", .only = "test" };
    hg_err err;
    snprintf(path, sizeof path, "composition-properties/%s.csv.xz", name);
    hg_table *t = shared_table(path, "formula");
    if (!t) return NULL;
    if (f->keep) {
        snprintf(keep, sizeof keep, "%s/crabnet-%s", f->keep, name);
        how.keep = keep;
    }
    o.features.formula = "formula";
    o.features.descriptor = "xenonpy290+fractions+chemistry62"; /* Magpie has no helium */
    o.learner = "mlp attention";
    o.folds = 3;
    o.seconds = processor_seconds;
    o.pool = pool;
    must(hg_predictor_folds(folds, t, "target", &how, &o, mem, &err), &err);
    hg_table_free(t);
    for (size_t i = 0; i < folds->n_folds; i++)
        if (strcmp(folds->fold[i].name, "test") == 0) return &folds->fold[i];
    return NULL;
}

void run_crabnet(figures *f, const char *folder) {
    double won = 0, forest_won = 0;
    const size_t n = sizeof TABLES / sizeof *TABLES;
    size_t done = 0;
    (void)folder;
    if (left_out(f, "crabnet")) return;
    hg_pool *pool = all_cores();
    for (size_t i = 0; i < n; i++) {
        if (f->part && strcmp(f->part, TABLES[i].name) != 0) continue;
        hg_arena *mem = hg_arena_new();
        hg_folds folds;
        const hg_fold *test = run_table(&folds, f, TABLES[i].name, pool, mem);
        if (test) {
            const double mae = test->score.mae;
            fprintf(stderr, "bench/library: %s: %.5g, CrabNet %.5g, %.0f s: %s\n", TABLES[i].name, mae,
                    TABLES[i].crabnet, test->seconds, test->learners);
            note_table(f, "crabnet", TABLES[i].name, mae);
            note_table(f, "crabnet_ratio", TABLES[i].name, mae / TABLES[i].crabnet);
            note_table(f, "crabnet_rf_ratio", TABLES[i].name, mae / TABLES[i].forest);
            note_table(f, "crabnet_s", TABLES[i].name, test->seconds);
            won += mae <= TABLES[i].crabnet;
            forest_won += mae <= TABLES[i].forest;
            done++;
        }
        hg_arena_free(mem);
    }
    hg_pool_free(pool);
    if (done < n) return;
    note(f, "crabnet_won", won);
    note(f, "crabnet_rf_won", forest_won);
}
