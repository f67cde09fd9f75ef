/* cli/verb_evaluate.c -- `hagane evaluate`: models against known values, all together and by the size of the molecules
 *
 * Molecules are read a block at a time and only sums are kept.
 */
#include "cli/grid.h"
#include "cli/input.h"
#include "cli/models.h"
#include "cli/campaign.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "library/evaluate.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 1024 };

typedef struct {
    hg_evaluation e;
    hg_model *model[HG_JUDGED_MOST];
    size_t n_models;
    hg_baseline baseline;
    const hg_property *property; /* of the first model; all have it */
    hg_target target;
    const char *unit; /* of the errors */
    double factor;    /* errors are divided by it */
    size_t every, seen, judged;
    hg_arena *mem;
} job;

static const hg_property ENERGY = { "energy", "energy", "eV" };

/* ---- models ------------------------------------------------------------------------------------------------------ */

static hg_status find_property(size_t *at, const hg_model *m, const char *symbol, hg_err *err) {
    const hg_property *p;
    hg_text names = hg_text_new(150);
    for (*at = 0; (p = hg_model_property(m, *at)) && strcmp(p->symbol, symbol) != 0; ++*at)
        hg_text_add(&names, "%s%s", *at ? ", " : "", p->symbol);
    if (!p) {
        hg_fail(err, HG_ENOTFOUND, "model \"%s\" has no property \"%s\"", hg_model_name(m), symbol);
        hg_advise(err, HG_ENOTFOUND, "it has: %s", names.s);
    }
    hg_text_free(&names);
    return p ? HG_OK : HG_ENOTFOUND;
}

/* A model of tables is not judged by molecules. */
static hg_status load_model(hg_model **out, const char *word, hg_err *err) {
    char folder[CLI_MODEL_PATH];
    *out = NULL;
    HG_TRY(cli_model_folder(folder, word, err));
    if (!hg_predictor_is(folder)) return hg_model_load(out, folder, err);
    return hg_advise(
        err, hg_fail(err, HG_EINVAL, "%s is a model of tables", word),
        "`evaluate TABLE --target COL --folds 5` judges how such models are learned; `hagane models show` has the errors of this one");
}

static hg_status load_models(cli_run *run, job *b, hg_err *err) {
    const char *symbol = cli_value(&run->args, "property");
    const size_t n = cli_given_times(&run->args, "model");
    for (size_t i = 0; i < n; i++) {
        hg_judged j = { .name = cli_value_at(&run->args, "model", i) };
        if (i == HG_JUDGED_MOST)
            return hg_fail(err, HG_EINVAL, "at most %d models can be compared at once", HG_JUDGED_MOST);
        HG_TRY(load_model(&b->model[i], j.name, err));
        b->n_models = i + 1;
        j.model = b->model[i];
        j.name = hg_model_name(j.model);
        HG_TRY(find_property(&j.property, j.model, symbol ? symbol : "energy", err));
        if (!b->property) b->property = hg_model_property(j.model, j.property);
        hg_model_sizes(&j.least, &j.most, j.model);
        HG_TRY(hg_evaluation_add(&b->e, &j, err));
    }
    if (!b->property) b->property = &ENERGY;
    return HG_OK;
}

static hg_status choose_units(cli_run *run, job *b, hg_err *err) {
    const char *unit = cli_value(&run->args, "unit"), *in = cli_value(&run->args, "errors-in");
    b->target = (hg_target) { .name = cli_value(&run->args, "target"), .factor = 1 };
    b->unit = in ? in : b->property->unit;
    b->factor = 1;
    if (unit) HG_TRY(hg_unit_factor(&b->target.factor, unit, b->property, err));
    return in ? hg_unit_factor(&b->factor, in, b->property, err) : HG_OK;
}

/* ---- molecules, a block at a time -------------------------------------------------------------------------------- */

typedef hg_status (*use)(cli_run *run, job *b, hg_molecule_set *block, hg_err *err);

static hg_status stream(cli_run *run, job *b, const char *path, const char *what, use each, hg_err *err) {
    const hg_molecule_set_opts o = { .target = &b->target, .n_targets = 1 };
    hg_molecule_file *f;
    if (!cli_is_stream(path)) HG_TRY(cli_input(run, path, NULL, 0, err));
    HG_TRY(hg_molecule_file_open(&f, path, NULL, err));
    hg_status st = HG_OK;
    for (bool more = true; more && st == HG_OK;) {
        const hg_mark mark = hg_arena_mark(b->mem);
        hg_molecule_set s = { 0 };
        uint64_t done, total;
        st = hg_molecule_set_fill(&s, f, cli_stream_name(path), &o, BLOCK, b->mem, err);
        more = s.n == BLOCK;
        if (st == HG_OK) st = each(run, b, &s, err);
        hg_arena_reset(b->mem, mark);
        hg_molecule_file_bytes(&done, &total, f);
        if (st == HG_OK && !hg_progress(&run->hooks, what, (size_t)done, (size_t)total)) st = HG_ECANCEL;
    }
    hg_molecule_file_free(f);
    return st;
}

static hg_status add_to_baseline(cli_run *run, job *b, hg_molecule_set *s, hg_err *err) {
    (void)run;
    (void)err;
    for (size_t i = 0; i < s->n; i++) hg_baseline_add(&b->baseline, s->molecule[i], s->value[i]);
    return HG_OK;
}

static hg_status judge(cli_run *run, job *b, hg_molecule_set *s, hg_err *err) {
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (b->seen++ % b->every) continue;
        s->molecule[n] = s->molecule[i];
        s->value[n++] = s->value[i];
    }
    s->n = n;
    b->judged += n;
    return hg_evaluation_block(&b->e, s, run->pool, b->mem, err);
}

static hg_status fit_baseline(cli_run *run, job *b, hg_err *err) {
    const char *path = cli_value(&run->args, "train");
    if (!path) return HG_OK;
    if (cli_is_stream(path)) return hg_fail(err, HG_EINVAL, "--train: %s is no file", cli_stream_name(path));
    HG_TRY(stream(run, b, path, "baseline", add_to_baseline, err));
    HG_TRY(hg_baseline_fit(&b->baseline, err));
    const hg_judged j = {
        .name = "composition", .baseline = &b->baseline, .least = b->baseline.least, .most = b->baseline.most
    };
    return hg_evaluation_add(&b->e, &j, err);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* Three digits of the smallest mean absolute error; all errors have as many decimals. */
static int decimals_for(const job *b) {
    double least = INFINITY;
    for (size_t k = 0; k < b->e.n_judged; k++) {
        const double mae = hg_quality_mae(&b->e.total[k]) / b->factor;
        if (mae > 0) least = fmin(least, mae); /* false for NaN */
    }
    const double digits = isfinite(least) ? 2 - floor(log10(least)) : 3;
    return (int)fmax(0, fmin(digits, 9));
}

static void number(cli_grid *g, size_t row, size_t column, int decimals, double x) {
    if (isfinite(x)) cli_grid_set(g, row, column, "%.*f", decimals, x);
}

static hg_status print_totals(cli_run *run, const job *b, hg_err *err) {
    static const char *const HEAD[] = { "model",   "molecules", "MAE",     "RMSE",  "bias",
                                        "largest", "in 90 %",   "outside", "failed" };
    enum { COLUMNS = sizeof HEAD / sizeof *HEAD };
    cli_grid g = cli_grid_new(run->arena, b->e.n_judged + 1, COLUMNS);
    for (size_t c = 0; c < COLUMNS; c++) cli_grid_set(&g, 0, c, "%s", HEAD[c]);
    if (!g.failed) g.left[0] = true;
    const int d = decimals_for(b);
    for (size_t k = 0; k < b->e.n_judged; k++) {
        const hg_quality *q = &b->e.total[k];
        cli_grid_set(&g, k + 1, 0, "%s", b->e.judged[k].name);
        cli_grid_set(&g, k + 1, 1, "%zu", q->n);
        number(&g, k + 1, 2, d, hg_quality_mae(q) / b->factor);
        number(&g, k + 1, 3, d, hg_quality_rmse(q) / b->factor);
        number(&g, k + 1, 4, d, hg_quality_bias(q) / b->factor);
        number(&g, k + 1, 5, d, hg_quality_largest(q) / b->factor);
        cli_grid_share(&g, k + 1, 6, hg_quality_coverage(q));
        if (b->e.judged[k].model && hg_model_tells_outside(b->e.judged[k].model))
            cli_grid_share(&g, k + 1, 7, q->n ? (double)q->outside / (double)q->n : (double)NAN);
        cli_grid_set(&g, k + 1, 8, "%zu", q->failed);
    }
    HG_TRY(cli_grid_done(&g, err));
    hg_text_add(&run->out, "Errors of %s in %s\n\n", b->property->name, *b->unit ? b->unit : "its own unit");
    cli_grid_show(&run->out, &g, g.rows);
    return HG_OK;
}

/* A star: sizes that the model was trained on. */
static hg_status print_sizes(cli_run *run, const job *b, hg_err *err) {
    const hg_quality_table *t = &b->e.by_size;
    cli_grid g = cli_grid_new(run->arena, t->rows + 1, b->e.n_judged + 2);
    const int d = decimals_for(b);
    bool stars = false;
    cli_grid_set(&g, 0, 0, "atoms");
    cli_grid_set(&g, 0, 1, "molecules");
    for (size_t k = 0; k < b->e.n_judged; k++) cli_grid_set(&g, 0, k + 2, "%s ", b->e.judged[k].name);
    for (size_t i = 0; i < t->rows; i++) {
        size_t most = 0;
        cli_grid_set(&g, i + 1, 0, "%zu", t->key[i]);
        for (size_t k = 0; k < b->e.n_judged; k++) {
            const hg_quality *q = &t->q[i * t->columns + k];
            const hg_judged *j = &b->e.judged[k];
            const bool star = j->most && t->key[i] >= j->least && t->key[i] <= j->most;
            most = q->n + q->failed > most ? q->n + q->failed : most;
            if (q->n) cli_grid_set(&g, i + 1, k + 2, "%.*f%s", d, hg_quality_mae(q) / b->factor, star ? "*" : " ");
            stars |= star && q->n;
        }
        cli_grid_set(&g, i + 1, 1, "%zu", most);
    }
    HG_TRY(cli_grid_done(&g, err));
    hg_text_add(&run->out, "\nMean absolute error by size%s\n\n",
                stars ? " (*: a size that the model was trained on)" : "");
    cli_grid_show(&run->out, &g, g.rows);
    return HG_OK;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void json_quality(hg_json *j, const job *b, const hg_quality *q) {
    hg_json_count(j, "n", q->n);
    hg_json_count(j, "n_failed", q->failed);
    hg_json_count(j, "n_outside", q->outside);
    hg_json_number(j, "mae", hg_quality_mae(q) / b->factor);
    hg_json_number(j, "mae_sd", hg_quality_mae_sd(q) / b->factor);
    hg_json_number(j, "rmse", hg_quality_rmse(q) / b->factor);
    hg_json_number(j, "bias", hg_quality_bias(q) / b->factor);
    hg_json_number(j, "largest", hg_quality_largest(q) / b->factor);
    hg_json_number(j, "coverage90", hg_quality_coverage(q));
}

static hg_status print_json(cli_run *run, const job *b, hg_err *err) {
    const hg_quality_table *t = &b->e.by_size;
    hg_json j;
    cli_json_begin(&j, run, "evaluate");
    hg_json_string(&j, "property", b->property->symbol);
    hg_json_string(&j, "unit", b->unit);
    hg_json_count(&j, "molecules", b->judged);
    hg_json_begin_array(&j, "models");
    for (size_t k = 0; k < b->e.n_judged; k++) {
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "name", b->e.judged[k].name);
        if (b->e.judged[k].model)
            hg_json_string(&j, "architecture", hg_model_architecture(b->e.judged[k].model));
        else
            hg_json_null(&j, "architecture");
        hg_json_count(&j, "least_atoms", b->e.judged[k].least);
        hg_json_count(&j, "most_atoms", b->e.judged[k].most);
        json_quality(&j, b, &b->e.total[k]);
        hg_json_begin_array(&j, "by_size");
        for (size_t i = 0; i < t->rows && cli_has(&run->args, "by"); i++) {
            hg_json_begin_object(&j, NULL);
            hg_json_count(&j, "atoms", t->key[i]);
            json_quality(&j, b, &t->q[i * t->columns + k]);
            hg_json_end_object(&j);
        }
        hg_json_end_array(&j);
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static hg_status write_figure(cli_run *run, const job *b, hg_err *err) {
    const char *path = cli_value(&run->args, "figure");
    hg_figure_format format;
    hg_bytes picture;
    if (!path) return HG_OK;
    HG_TRY(hg_figure_format_find(&format, path, err));
    HG_TRY(hg_evaluation_figure(&picture, &b->e, b->unit, b->factor, format, err));
    const hg_status st = cli_result(run, path, picture.data, picture.len, err);
    hg_bytes_free(&picture);
    return st;
}

static void say(cli_run *run, const job *b) {
    for (size_t k = 0; k < b->e.n_judged; k++)
        if (b->e.total[k].failed)
            hg_log(&run->hooks, HG_LOG_WARN, "%s: %zu of %zu molecules could not be predicted; the first: %s",
                   b->e.judged[k].name, b->e.total[k].failed, b->judged, b->e.first[k].msg);
}

static hg_status evaluate(cli_run *run, job *b, hg_err *err) {
    b->mem = hg_arena_new();
    if (!b->mem) return hg_fail(err, HG_ENOMEM, "no memory for molecules");
    HG_TRY(load_models(run, b, err));
    HG_TRY(choose_units(run, b, err));
    HG_TRY(fit_baseline(run, b, err));
    b->every = cli_count(&run->args, "every", 1);
    for (size_t i = 0; i < run->args.n_positional; i++)
        HG_TRY(stream(run, b, run->args.positional[i], "evaluating", judge, err));
    say(run, b);
    HG_TRY(write_figure(run, b, err));
    if (run->json) return print_json(run, b, err);
    HG_TRY(print_totals(run, b, err));
    return cli_has(&run->args, "by") ? print_sizes(run, b, err) : HG_OK;
}

/* Before anything is read or learned. */
static hg_status check_figure(const cli_run *run, hg_err *err) {
    static const char *const PICTURE[] = { "figure", "curve" };
    hg_figure_format format;
    for (size_t k = 0; k < 2; k++) {
        const char *path = cli_value(&run->args, PICTURE[k]);
        if (path && strcmp(path, "-") == 0)
            return hg_fail(err, HG_EINVAL, "--%s needs a file: standard output has the table", PICTURE[k]);
        if (path) HG_TRY(hg_figure_format_find(&format, path, err));
    }
    return HG_OK;
}

static hg_status run_evaluate(cli_run *run, hg_err *err) {
    HG_TRY(check_figure(run, err));
    const int of_table =
        cli_has(&run->args, "folds") + cli_has(&run->args, "extrapolate") + cli_has(&run->args, "curve");
    if (of_table > 1)
        return hg_fail(err, HG_EINVAL, "--folds, --extrapolate and --curve are three questions: one at a time");
    if (of_table) return cli_tables_evaluate(run, err);
    const bool judged = cli_has(&run->args, "model") || cli_has(&run->args, "train");
    if (!judged && cli_has(&run->args, "target"))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "how is the table to be evaluated?"),
                         "--folds 5, --folds COL, --extrapolate or --curve FILE; for molecules --model or --train");
    if (!judged)
        return hg_advise(
            err, hg_fail(err, HG_EINVAL, "there is nothing to evaluate"),
            "--model qdf2, or --train FILE for the baseline; --folds COL, --extrapolate or --curve FILE for a table");
    job *b = hg_alloc(run->arena, 1, sizeof *b);
    if (!b) return hg_fail(err, HG_ENOMEM, "no memory for sums");
    const hg_status st = evaluate(run, b, err);
    hg_evaluation_free(&b->e);
    for (size_t i = 0; i < b->n_models; i++) hg_model_free(b->model[i]);
    hg_arena_free(b->mem);
    return st;
}

static const char *key_name(size_t i) { return i == 0 ? "size" : NULL; }

static const cli_positional POSITIONAL[] = {
    { .name = "FILE",
      .type = CLI_INPUT,
      .many = true,
      .help =
          "A table, with --folds; or molecules with known values: XYZ, extended XYZ, SDF or Quantum Deep Field's text, compressed or not; "
          "\"-\" is standard input." },
    { .name = NULL },
};
static const cli_option EVALUATE[] = {
    { .name = "model",
      .letter = 'm',
      .type = CLI_TEXT,
      .argument = "NAME",
      .repeatable = true,
      .help = "A model that came with the program, as qdf2, or a folder with card.json and weights." },
    { .name = "train",
      .type = CLI_INPUT,
      .argument = "FILE",
      .help = "Molecules to fit a baseline to: a value for each element, summed over the atoms." },
    { .name = "by",
      .type = CLI_CHOICE,
      .argument = "KEY",
      .choice = key_name,
      .help = "Also a row for each size: the number of atoms of a molecule." },
    { .name = "figure",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help =
          "Errors by size as a picture (.svg, .pdf, .png), with the sizes of the training shaded and standard errors "
          "of the means as bars. Of a table with --folds or --extrapolate: predicted against known values of rows "
          "left out, with their 90 % intervals; with --from beside the same folds without transfer." },
    { .name = "property",
      .type = CLI_TEXT,
      .argument = "SYMBOL",
      .fallback = "energy",
      .help = "Which of the models' properties is evaluated." },
    { .name = "target",
      .letter = 't',
      .type = CLI_TEXT,
      .argument = "NAME",
      .fallback = "the only number of a molecule",
      .help = "The known value in the files." },
    { .name = "unit",
      .type = CLI_CHOICE,
      .argument = "UNIT",
      .choice = hg_unit_name,
      .fallback = "the unit of the property: eV for energies",
      .help = "Unit of the known values in the files." },
    { .name = "errors-in",
      .type = CLI_CHOICE,
      .argument = "UNIT",
      .choice = hg_unit_name,
      .fallback = "the unit of the property",
      .help = "Unit of the errors in the result." },
    { .name = "every",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1e9,
      .fallback = "1",
      .help = "Judge on the first of each N molecules alone: quicker." },
    { .name = NULL },
};
static const cli_option FOLDS[] = {
    { .name = "folds",
      .type = CLI_COLUMN,
      .argument = "COL|N",
      .help = "Of a table: the column that says in which fold a row is, or a number of folds to draw. Each fold is "
              "predicted by a model that has learned from the others, its choice of learners included." },
    { .name = "fold",
      .type = CLI_TEXT,
      .argument = "NAME",
      .fallback = "each in turn",
      .help = "Predict this fold alone." },
    { .name = "keep",
      .type = CLI_TEXT,
      .argument = "FOLDER",
      .fallback = "nothing is kept",
      .help = "Folds that are done are written there, and read from there the next time: a long evaluation goes on "
              "where it was stopped. A folder of another table, target or options is refused." },
    { .name = "curve",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help =
          "Of a table: the error against the number of rows that are learned from, as a picture (.svg, .pdf, .png) and a "
          "table, and what more rows would bring." },
    { .name = NULL },
};
static const cli_group FOLDS_GROUP = { "Tables", FOLDS };
static const cli_group EVALUATE_GROUP = { "Evaluation", EVALUATE };
static const cli_group *const GROUPS[] = { &EVALUATE_GROUP,   &FOLDS_GROUP,   &cli_learn_group,
                                           &cli_inputs_group, &cli_run_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane evaluate steels.csv --target target --folds fold",
      "a table with a column of folds: how well can it be learned?" },
    { "hagane evaluate mp_gap.csv --target target --folds fold --fold 0 --keep done",
      "one of the folds, which is then done when all are asked for" },
    { "hagane evaluate ltc.csv --target ltc_W_mK --extrapolate --figure far.svg",
      "can predictions of compounds unlike these, or of higher values, be trusted?" },
    { "hagane evaluate small.txt large.txt --model qdf2 --model qdf-classic --by size --errors-in kcal/mol --figure "
      "size.svg",
      "two models side by side, in a table and a picture" },
    { "hagane evaluate test.xyz --target U0 --unit hartree --model mymodel --train train.xyz",
      "a model of one's own beside the sum of a value for each atom" },
    { .command = NULL },
};
const cli_verb cli_evaluate_record = {
    .name = "evaluate",
    .summary = "compare predictions with known values: models of molecules, or a table by folds",
    .description =
        "Predicts molecules whose values are known and prints for each model the mean absolute error (MAE), the root "
        "mean square error, the bias (mean of predicted less known), the largest error, how many known values lie "
        "inside the model's 90 % intervals, how many molecules it calls outside of what it has learned, and how many "
        "it cannot predict. Molecules are read one after the other; a long file needs no more memory than a short "
        "one.\n\n"
        "A table with --folds: each fold is predicted from the others, and the mean absolute error (or the area under "
        "the ROC curve of classes) is printed for each and in the mean. Compositions that stand in several folds are "
        "counted and warned of.\n\n"
        "A table with --extrapolate: for each way of leaving rows out the error, how many values the 90 % intervals hold, how wide "
        "they are and by which factor they would have had to be wider, and how many times the error is that of random rows; then the same for "
        "rows that the prediction calls outside, and for the others. It ends with what that means for a prediction of something new.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.evaluate/1\": property, unit (of the errors), molecules; models (name, architecture, "
        "least_atoms, most_atoms of the training, n, n_failed, n_outside, mae, mae_sd, rmse, bias, largest, "
        "coverage90; by_size: atoms and the same). Of a table schema \"hagane.evaluate-folds/1\": target, unit, classes; "
        "mae, rmse, coverage90, width90 or auc, accuracy, brier, log_loss: means over folds; folds: mae or auc of each; "
        "by_fold (fold, n_train, n_test, n_failed, n_outside, seconds, the same numbers, learners); "
        "repeated_compositions, repeated_rows; with --from sources (name, target, n_learned: rows whose composition it has learned from). With --extrapolate schema \"hagane.extrapolate/1\": target, unit, classes; tests "
        "(left_out, why_not, n_skipped; all, outside, others: n, error, times, coverage90, width90, factor, "
        "factor_is_least; rank_correlation, n_beyond; folds: the same as by_fold); outside: the same numbers for all rows called so; words. With --curve schema \"hagane.learning-curve/1\": target, "
        "unit, classes; points (n_train, error, least, largest, coverage90); exponent, amplitude; words.",
    .run = run_evaluate,
};
