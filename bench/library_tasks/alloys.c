/* bench/library_tasks/alloys.c -- phases and hardness of multi-principal element alloys, no alloy on both sides of a split
 *
 * Borg et al., Sci. Data 7, 430 (2020). Inputs are the formula and how the alloy was made; where that is not told, it is a way of its
 * own. Five folds are drawn; rows of one composition share one, so that each alloy is new to who predicts it. Phases: BCC, FCC or
 * other, of the rows whose microstructure is told. Gaussian process, extremely randomised and boosted trees are blended as the rows
 * of the other folds say, with alloy24 among the descriptors; beside it a random forest on the same columns with Magpie's numbers.
 *
 *   hea_phase_auc              mean over the folds
 *   hea_phase_auc_forest       the forest's
 *   hea_phase_accuracy         rows in the right class
 *   hea_phase_accuracy_forest  the forest's
 *   hea_hardness_mae           of Vickers hardness, mean over the folds
 *   hea_hardness_mae_forest    the forest's
 *   hea_hardness_rmse          root mean square error
 *   hea_hardness_rmse_forest   the forest's
 *   alloys_s                   seconds of it all
 */
#include "core/memory.h"
#include "hagane/predictor.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>

enum { FOLDS = 5 };

static const char *text_at(const hg_table *t, const char *column, size_t row) {
    hg_err err;
    size_t j;
    must(hg_table_find(&j, t, column, &err), &err);
    return hg_table_text(t, j, row);
}

/* formula, way and the target of the rows that have it. */
static hg_table *table_of(const hg_table *t, bool phases, hg_arena *mem) {
    const size_t rows = hg_table_rows(t);
    const char **formula = hg_alloc(mem, rows, sizeof *formula), **way = hg_alloc(mem, rows, sizeof *way);
    const char **phase = hg_alloc(mem, rows, sizeof *phase);
    double *hardness = hg_alloc(mem, rows, sizeof *hardness);
    hg_table *out;
    hg_err err;
    size_t j, n = 0;
    must(formula && way && phase && hardness ? HG_OK : hg_fail(&err, HG_ENOMEM, "no memory for alloys"), &err);
    must(hg_table_find(&j, t, "PROPERTY: HV", &err), &err);
    for (size_t i = 0; i < rows; i++) {
        hardness[n] = hg_table_column(t, j)->number[i];
        phase[n] = text_at(t, "PROPERTY: BCC/FCC/other", i);
        const bool told = phases ? *text_at(t, "PROPERTY: Microstructure", i) != '\0' : !isnan(hardness[n]);
        if (!told) continue;
        formula[n] = text_at(t, "FORMULA", i);
        way[n] = text_at(t, "PROPERTY: Processing method", i);
        if (!*way[n]) way[n] = "not told";
        n++;
    }
    must(hg_table_new(&out, "MPEA_dataset", n, &err), &err);
    must(hg_table_add_texts(out, "formula", formula, &err), &err);
    must(hg_table_add_texts(out, "way", way, &err), &err);
    if (phases)
        must(hg_table_add_texts(out, "phase", phase, &err), &err);
    else
        must(hg_table_add_numbers(out, "hardness", hardness, &err), &err);
    return out;
}

static void judge(figures *f, const hg_table *t, bool phases, bool forest, hg_pool *pool, hg_arena *mem) {
    static const char *const COLUMNS[] = { "formula", "way" };
    const char *end = forest ? "_forest" : "";
    hg_predictor_opts o = hg_predictor_opts_default();
    char key[FIGURE_KEY];
    hg_folds folds;
    hg_err err;
    o.features.columns = COLUMNS, o.features.n_columns = 2;
    o.features.formula = "formula";
    o.features.descriptor = forest ? "magpie132" : "magpie132+fractions+chemistry62+alloy24";
    o.learner = forest ? "forest" : "gp extratrees boost";
    if (forest) o.settings = "trees=300";
    o.pool = pool;
    const hg_folds_opts how = { .parts = FOLDS };
    must(hg_predictor_folds(&folds, t, phases ? "phase" : "hardness", &how, &o, mem, &err), &err);
    snprintf(key, sizeof key, phases ? "hea_phase_auc%s" : "hea_hardness_mae%s", end);
    note(f, key, phases ? folds.mean.auc : folds.mean.mae);
    snprintf(key, sizeof key, phases ? "hea_phase_accuracy%s" : "hea_hardness_rmse%s", end);
    note(f, key, phases ? folds.mean.accuracy : folds.mean.rmse);
}

void run_alloys(figures *f, const char *folder) {
    (void)folder;
    if (left_out(f, "alloys")) return;
    hg_table *all = shared_table("hea-mpea/MPEA_dataset.csv.xz", "FORMULA");
    if (!all) return;
    const double begin = now();
    hg_pool *pool = all_cores();
    hg_arena *mem = hg_arena_new();
    for (int phases = 1; phases >= 0; phases--) {
        hg_table *t = table_of(all, phases, mem);
        for (int forest = 1; forest >= 0; forest--) judge(f, t, phases, forest, pool, mem);
        hg_table_free(t);
    }
    note(f, "alloys_s", now() - begin);
    hg_arena_free(mem);
    hg_pool_free(pool);
    hg_table_free(all);
}
