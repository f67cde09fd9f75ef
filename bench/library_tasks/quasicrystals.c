/* bench/library_tasks/quasicrystals.c -- quasicrystals and approximants among other compounds, by composition
 *
 * 80 quasicrystals (QC), 78 approximants (AC) and 10,000 others of Liu et al., Adv. Mater. 33, 2102507 (2021). Learned is from the rows
 * whose column for_test says False; the 14 QC, 18 AC and 2,002 others of the rest are predicted once. The bound on false alarms, 2 among
 * 2,002 in the mean, is chosen by five parts of the rows that are learned from, and so was the learner: with the bound, boosted trees found
 * 47 of 66 QC and 43 of 60 AC there, extremely randomised trees 45 and 36, a forest 45 and 29, perceptrons 44 and 22, and
 * blends of two or three of them no more than boosted trees alone.
 * Beside it: the authors' random forest on this split finds 9 QC and 9 AC with 1 false alarm (../shared/data/quasicrystals).
 *
 *   qc_recall        share of the quasicrystals that are called so (the authors' forest 0.643)
 *   ac_recall        share of the approximants that are called so (the authors' forest 0.5)
 *   false_alarms     others that are called QC or AC (the authors' forest 1; target at most 2)
 *   quasicrystals_s  seconds of it all
 */
#include "core/memory.h"
#include "hagane/predictor.h"
#include "tasks.h"
#include <stdio.h>
#include <string.h>

typedef struct {
    double rows, right, called; /* called: rows of another class that are called this */
} tally;

static tally count(const hg_predictor *p, const hg_table *test, const hg_forecast *f, const char *class) {
    tally s = { 0 };
    size_t j;
    hg_err err;
    must(hg_table_find(&j, test, "label", &err), &err);
    for (size_t i = 0; i < hg_table_rows(test); i++) {
        const bool is = strcmp(hg_table_text(test, j, i), class) == 0;
        const bool said = strcmp(hg_predictor_class(p, (size_t)f[i].value), class) == 0;
        s.rows += is;
        s.right += is && said;
        s.called += said && !is;
    }
    return s;
}

void run_quasicrystals(figures *f, const char *folder) {
    static const char *const COLUMNS[] = { "composition" };
    (void)folder;
    if (left_out(f, "quasicrystals")) return;
    hg_table *all = shared_table("quasicrystals/training_data.tsv.xz", "composition");
    hg_predictor_opts o = hg_predictor_opts_default();
    hg_predictor *p;
    hg_err err;
    if (!all) return;
    const double begin = now();
    hg_table *train = rows_where(all, "for_test", "True", false), *test = rows_where(all, "for_test", "True", true);
    o.features.columns = COLUMNS, o.features.n_columns = 1;
    o.features.formula = "composition";
    o.features.descriptor = "magpie132+fractions+chemistry62";
    o.learner = "boost", o.settings = "series=4"; /* its default: no variants */
    o.alarms = 2.0 / 2002;
    o.pool = all_cores();
    must(hg_predictor_fit(&p, train, "label", &o, &err), &err);
    hg_arena *mem = hg_arena_new();
    hg_forecast *forecast = hg_alloc(mem, hg_table_rows(test), sizeof *forecast);
    must(forecast ? HG_OK : hg_fail(&err, HG_ENOMEM, "no memory for forecasts"), &err);
    must(hg_predictor_predict(forecast, NULL, p, test, 0.9, o.pool, mem, &err), &err);
    const tally qc = count(p, test, forecast, "QC"), ac = count(p, test, forecast, "AC");
    const tally others = count(p, test, forecast, "OTHERS");
    note(f, "qc_recall", qc.right / qc.rows);
    note(f, "ac_recall", ac.right / ac.rows);
    note(f, "false_alarms", others.rows - others.right);
    note(f, "quasicrystals_s", now() - begin);
    hg_arena_free(mem);
    hg_predictor_free(p);
    hg_pool_free(o.pool);
    hg_table_free(train);
    hg_table_free(test);
    hg_table_free(all);
}
