/* cli/tables.c -- see cli/tables.h: options, `train` and `evaluate` */
#include "cli/tables.h"
#include "cli/campaign.h"
#include "cli/grid.h"
#include "cli/input.h"
#include "cli/models.h"
#include "cli/output.h"
#include "core/number.h"
#include "files/hash.h"
#include "library/extrapolate.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- options ----------------------------------------------------------------------------------------------------- */

static const cli_option LEARN[] = {
    { .name = "task",
      .type = CLI_CHOICE,
      .argument = "KIND",
      .choice = hg_task_name,
      .fallback = "auto: classes for texts and for 0 and 1, else values",
      .help = "Whether the target is a number to predict or the name of a class." },
    { .name = "learner",
      .type = CLI_CHOICE,
      .argument = "NAME",
      .choice = hg_learner_name,
      .repeatable = true,
      .fallback = "all that can, tried by cross-validation, and a blend of the best",
      .help = "Try this one alone, or these where it is given several times." },
    { .name = "learner-options",
      .type = CLI_TEXT,
      .argument = "\"A=1 B=2\"",
      .fallback = "its defaults, and variants worth a try",
      .help = "Options of that learner." },
    { .name = "parts",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 2,
      .max = 20,
      .fallback = "5",
      .help = "Parts of the rows in the cross-validation that chooses; rows of one composition share one." },
    { .name = "from",
      .type = CLI_TEXT,
      .argument = "MODEL",
      .repeatable = true,
      .help = "Transfer: what this model of another property says of the rows may be an input." },
    { .name = "scale",
      .type = CLI_CHOICE,
      .argument = "KIND",
      .choice = hg_scale_name,
      .fallback = "auto: values, and logarithms where they span decades; rows left out decide",
      .help =
          "Whether values are learned as they are or as logarithms. Errors and intervals are in the column's unit." },
    { .name = "squared",
      .help = "Choose learners by the root mean square error of values instead of the mean absolute error." },
    { .name = "single", .help = "The best learner alone instead of a blend of several." },
    { .name = "repeats",
      .help =
          "The rows to be predicted have compositions that are in the table, too: choose learners, and judge them, on rows "
          "left out instead of on compositions left out." },
    { .name = "alarms",
      .type = CLI_NUMBER,
      .argument = "R",
      .min = 0,
      .max = 99,
      .unit = "%",
      .fallback = "the likeliest class is said",
      .help =
          "Classes: find as many rows of rare classes as false alarms among R per cent of the most frequent one allow." },
    { .name = "budget",
      .type = CLI_NUMBER,
      .argument = "T",
      .min = 0,
      .max = 1e9,
      .unit = "s",
      .fallback = "none",
      .help = "Begin no other learner that would not be done in this time. The choice then depends on the machine." },
    { .name = "unlisted",
      .help =
          "Do not keep in the model which compositions it has learned from. Models keep short hashes of them, so that `predict` and `transfer` can tell "
          "new compounds from known ones; who has a formula can so find out whether it was among them." },
    { .name = "extrapolate",
      .help =
          "Leave out groups of like rows, all rows with an element, the highest values and the lowest, and compare with "
          "rows left out at random: `evaluate` prints what that tells, `train` and `transfer` keep it in the card, and "
          "`predict` says it of rows unlike the table. Some 20 models are learned; with --learner extratrees it is "
          "quick." },
    { .name = NULL },
};
const cli_group cli_learn_group = { "Learning from a table", LEARN };

double cli_seconds(void *unused) {
    struct timespec t;
    (void)unused;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The names with blanks between. */
static hg_status learners_of(const char **out, cli_run *run, hg_err *err) {
    const size_t n = cli_given_times(&run->args, "learner");
    hg_text t = hg_text_new(0);
    *out = NULL;
    for (size_t i = 0; i < n; i++) hg_text_add(&t, "%s%s", i ? " " : "", cli_value_at(&run->args, "learner", i));
    const bool good = n == 0 || (!t.failed && (*out = hg_arena_strdup(run->arena, t.s)) != NULL);
    hg_text_free(&t);
    return good ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for the options");
}

hg_status cli_learn_read(hg_predictor_opts *o, cli_run *run, const hg_table *t, hg_err *err) {
    const cli_args *a = &run->args;
    *o = hg_predictor_opts_default();
    HG_TRY(cli_inputs_read(&o->features, run, t, err));
    for (size_t i = 0; hg_task_name(i) && cli_has(a, "task"); i++)
        if (strcmp(cli_value(a, "task"), hg_task_name(i)) == 0) o->task = (hg_task_kind)i;
    for (size_t i = 0; hg_scale_name(i) && cli_has(a, "scale"); i++)
        if (strcmp(cli_value(a, "scale"), hg_scale_name(i)) == 0) o->scale = (hg_scale_kind)i;
    HG_TRY(learners_of(&o->learner, run, err));
    o->settings = cli_value(a, "learner-options");
    o->folds = cli_count(a, "parts", o->folds);
    o->squared = cli_has(a, "squared");
    o->single = cli_has(a, "single");
    o->repeats = cli_has(a, "repeats");
    o->unlisted = cli_has(a, "unlisted");
    o->alarms = 0.01 * cli_number(a, "alarms", 0);
    o->budget = cli_number(a, "budget", 0);
    o->seconds = cli_seconds;
    o->seed = run->seed;
    o->pool = run->pool;
    o->hooks = &run->hooks;
    return HG_OK;
}

static hg_status target_of(const char **target, const cli_run *run, hg_err *err) {
    *target = cli_value(&run->args, "target");
    if (!*target)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "which column is to be learned? No target is given"),
                         "--target COL");
    if (cli_given_times(&run->args, "target") > 1)
        return hg_fail(err, HG_EINVAL, "a model of a table has one target; %zu are given",
                       cli_given_times(&run->args, "target"));
    return HG_OK;
}

static hg_status read_table(hg_table **t, cli_run *run, hg_err *err) {
    const char *path = run->args.positional[0];
    if (run->args.n_positional > 1)
        return hg_fail(err, HG_EINVAL, "one table at a time; %zu files are given", run->args.n_positional);
    return cli_inputs_table(t, run, path, err);
}

/* ---- words ---------------------------------------------------------------------------------------------------------- */

/* What was tried: best first is how a person reads it, but the order of the trials tells what a budget cut off. */
static hg_status print_tried(cli_run *run, const hg_predictor *p, hg_err *err) {
    size_t n = 0;
    while (hg_predictor_tried(p, n)) n++;
    const bool classes = hg_predictor_classes(p) > 0;
    cli_grid g = cli_grid_new(run->arena, n + 1, 6);
    const char *const head[] = {
        "learner", "options", classes ? "AUC" : "MAE", classes ? "Brier" : "RMSE", "share", ""
    };
    for (size_t k = 0; k < 6; k++) cli_grid_set(&g, 0, k, "%s", head[k]);
    for (size_t i = 0; i < n; i++) {
        const hg_tried *t = hg_predictor_tried(p, i);
        cli_grid_set(&g, i + 1, 0, "%s", t->learner);
        const char *const word[] = { t->settings, t->logs ? "logarithms" : "", t->plain ? "without sources" : "",
                                     *t->hidden ? "without " : "" };
        hg_text how = hg_text_new(0);
        for (size_t k = 0; k < sizeof word / sizeof *word; k++)
            if (*word[k]) hg_text_add(&how, "%s%s", how.len ? ", " : "", word[k]);
        cli_grid_set(&g, i + 1, 1, "%s%s", how.len ? how.s : "", t->hidden);
        hg_text_free(&how);
        cli_grid_real(&g, i + 1, 2, 4, classes ? t->score.auc : t->score.mae);
        cli_grid_real(&g, i + 1, 3, 4, classes ? t->score.brier : t->score.rmse);
        if (t->weight > 0) cli_grid_share(&g, i + 1, 4, t->weight);
        cli_grid_set(&g, i + 1, 5, "%s", t->why);
    }
    HG_TRY(cli_grid_done(&g, err));
    g.left[0] = g.left[1] = g.left[5] = true;
    cli_grid_show(&run->out, &g, g.rows);
    return HG_OK;
}

/* How many of each class are found, and how many false ones come with them. */
static hg_status print_classes(cli_run *run, const hg_predictor *p, hg_err *err) {
    const size_t n = hg_predictor_classes(p);
    cli_grid g = cli_grid_new(run->arena, n + 1, 4);
    static const char *const HEAD[] = { "class", "rows", "found", "called so wrongly" };
    for (size_t k = 0; k < 4; k++) cli_grid_set(&g, 0, k, "%s", HEAD[k]);
    for (size_t c = 0; c < n; c++) {
        const hg_predictor_class_score *s = hg_predictor_class_score_of(p, c);
        cli_grid_set(&g, c + 1, 0, "%s", hg_predictor_class(p, c));
        cli_grid_set(&g, c + 1, 1, "%zu", s->n);
        cli_grid_set(&g, c + 1, 2, "%zu", s->right);
        cli_grid_set(&g, c + 1, 3, "%zu", s->said - s->right);
    }
    HG_TRY(cli_grid_done(&g, err));
    g.left[0] = true;
    hg_text_add(&run->out, "\n");
    cli_grid_show(&run->out, &g, g.rows);
    return HG_OK;
}

static hg_status print_train(cli_run *run, const char *folder, const hg_predictor *p, hg_err *err) {
    const hg_predictor_score s = hg_predictor_score_of(p);
    const char *unit = hg_predictor_unit(p);
    size_t blank, rows = hg_predictor_rows(p, &blank);
    hg_text_add(&run->out, "%s: \"%s\" learned from %zu rows", folder, hg_predictor_target(p), rows);
    if (blank) hg_text_add(&run->out, "; %zu without a value were left out", blank);
    hg_text_add(&run->out, "\n%s\n\n", hg_predictor_words(p));
    HG_TRY(cli_sources_print(run, p, err));
    HG_TRY(print_tried(run, p, err));
    if (hg_predictor_classes(p)) {
        hg_text_add(&run->out,
                    "\nOf rows left out in turn: area under the ROC curve %.4f, %.1f %% in the right class\n", s.auc,
                    100 * s.accuracy);
        return print_classes(run, p, err);
    }
    hg_text_add(
        &run->out,
        "\nOf rows left out in turn: mean absolute error %.4g%s%s; 90 %% intervals are %.4g%s%s wide in the mean\n",
        s.mae, *unit ? " " : "", unit, s.width90, *unit ? " " : "", unit);
    return HG_OK;
}

void cli_json_score(hg_json *j, const hg_predictor_score *s, bool classes) {
    if (classes) {
        hg_json_number(j, "auc", s->auc);
        hg_json_number(j, "accuracy", s->accuracy);
        hg_json_number(j, "brier", s->brier);
        hg_json_number(j, "log_loss", s->log_loss);
        return;
    }
    hg_json_number(j, "mae", s->mae);
    hg_json_number(j, "rmse", s->rmse);
    hg_json_number(j, "coverage90", s->coverage90);
    hg_json_number(j, "width90", s->width90);
}

void cli_json_fold(hg_json *j, const hg_fold *f, bool classes) {
    hg_json_begin_object(j, NULL);
    hg_json_string(j, "fold", f->name);
    hg_json_count(j, "n_train", f->n_train);
    hg_json_count(j, "n_test", f->n_test);
    hg_json_count(j, "n_failed", f->failed);
    hg_json_count(j, "n_outside", f->outside);
    hg_json_number(j, "seconds", f->seconds);
    cli_json_score(j, &f->score, classes);
    hg_json_string(j, "learners", f->learners);
    hg_json_end_object(j);
}

static void json_classes(hg_json *j, const hg_predictor *p) {
    const hg_predictor_class_score *s;
    hg_json_begin_array(j, "by_class");
    for (size_t c = 0; (s = hg_predictor_class_score_of(p, c)); c++) {
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "class", hg_predictor_class(p, c));
        hg_json_count(j, "n", s->n);
        hg_json_count(j, "n_right", s->right);
        hg_json_count(j, "n_wrongly", s->said - s->right);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}

static hg_status json_train(cli_run *run, const char *folder, const hg_predictor *p, hg_err *err) {
    const hg_predictor_score s = hg_predictor_score_of(p);
    size_t blank, rows = hg_predictor_rows(p, &blank);
    hg_json j;
    cli_json_begin(&j, run, "train-table");
    hg_json_string(&j, "folder", folder);
    hg_json_string(&j, "target", hg_predictor_target(p));
    hg_json_string(&j, "unit", hg_predictor_unit(p));
    hg_json_count(&j, "classes", hg_predictor_classes(p));
    hg_json_count(&j, "n_train", rows);
    hg_json_count(&j, "n_blank", blank);
    cli_json_score(&j, &s, hg_predictor_classes(p) > 0);
    if (hg_predictor_classes(p)) json_classes(&j, p);
    cli_sources_json(&j, p);
    hg_json_begin_array(&j, "tried");
    for (size_t i = 0; hg_predictor_tried(p, i); i++) {
        const hg_tried *t = hg_predictor_tried(p, i);
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "learner", t->learner);
        hg_json_string(&j, "options", t->settings);
        if (t->plain) hg_json_bool(&j, "without_sources", true);
        if (*t->hidden) hg_json_string(&j, "without", t->hidden);
        if (t->logs) hg_json_bool(&j, "logarithms", true);
        cli_json_score(&j, &t->score, hg_predictor_classes(p) > 0);
        hg_json_number(&j, "weight", t->weight);
        hg_json_number(&j, "seconds", t->seconds);
        hg_json_string(&j, "why_not", *t->why ? t->why : NULL);
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

/* ---- train ---------------------------------------------------------------------------------------------------------- */

/* --extrapolate: what is known of rows unlike the table goes into the card. *words: the same for a person. */
static hg_status keep_far(const char **words, cli_run *run, hg_predictor *p, const hg_table *t, const char *target,
                          const hg_predictor_opts *o, hg_err *err) {
    hg_extrapolation e;
    *words = NULL;
    if (!cli_has(&run->args, "extrapolate")) return HG_OK;
    HG_TRY(hg_extrapolate(&e, t, target, o, run->arena, err));
    hg_predictor_keep_far(p, &e);
    *words = e.words;
    return HG_OK;
}

hg_status cli_tables_learn(cli_run *run, const hg_table *t, const char *target, const char *folder,
                           const hg_predictor_opts *o, const char *figure, hg_err *err) {
    const char *path = run->args.positional[0], *words;
    char hash[HG_HASH_SIZE] = "";
    hg_predictor *p;
    if (!cli_is_stream(path)) HG_TRY(hg_hash_file(hash, path, err));
    HG_TRY(hg_predictor_fit(&p, t, target, o, err));
    const hg_predictor_facts facts = { .name = cli_value(&run->args, "out") ? cli_value(&run->args, "name") : NULL,
                                       .file = path,
                                       .sha256 = hash,
                                       .source = cli_value(&run->args, "source"),
                                       .licence = cli_value(&run->args, "licence") };
    hg_status st = keep_far(&words, run, p, t, target, o, err);
    if (st == HG_OK) st = hg_predictor_save(p, folder, &facts, err);
    if (st == HG_OK) st = run->json ? json_train(run, folder, p, err) : print_train(run, folder, p, err);
    if (st == HG_OK && figure) st = cli_sources_figure(run, p, figure, err);
    if (st == HG_OK && words && !run->json) hg_text_add(&run->out, "\n%s", words);
    hg_predictor_free(p);
    return st;
}

hg_status cli_tables_train(cli_run *run, bool transfer, hg_err *err) {
    const char *folder = cli_value(&run->args, cli_has(&run->args, "out") ? "out" : "name"), *target;
    const char *figure = transfer ? cli_value(&run->args, "figure") : NULL;
    hg_table *t;
    HG_TRY(target_of(&target, run, err));
    if (!folder)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--name is missing"),
                         "--name NAME, the model's name and its folder; --out puts it into another folder");
    HG_TRY(read_table(&t, run, err));
    hg_predictor_opts o;
    cli_sources sources = { 0 };
    hg_status st = cli_learn_read(&o, run, t, err);
    if (st == HG_OK) st = cli_sources_load(&sources, &o, run, t, target, transfer, err);
    if (st == HG_OK) st = cli_tables_learn(run, t, target, folder, &o, figure, err);
    cli_sources_free(&sources);
    hg_table_free(t);
    return st;
}

/* ---- evaluate ------------------------------------------------------------------------------------------------------- */

static hg_status print_folds(cli_run *run, const hg_folds *f, const char *target, const char *unit, hg_err *err) {
    const bool classes = f->classes > 0;
    cli_grid g = cli_grid_new(run->arena, f->n_folds + 2, 8);
    const char *const head[] = { "fold",
                                 "learned",
                                 "predicted",
                                 classes ? "AUC" : "MAE",
                                 classes ? "accuracy" : "RMSE",
                                 classes ? "" : "in 90 %",
                                 "outside",
                                 "by" };
    for (size_t k = 0; k < 8; k++) cli_grid_set(&g, 0, k, "%s", head[k]);
    for (size_t i = 0; i <= f->n_folds; i++) {
        const hg_predictor_score *s = i < f->n_folds ? &f->fold[i].score : &f->mean;
        cli_grid_real(&g, i + 1, 3, 4, classes ? s->auc : s->mae);
        cli_grid_real(&g, i + 1, 4, 4, classes ? s->accuracy : s->rmse);
        if (!classes) cli_grid_share(&g, i + 1, 5, s->coverage90);
        if (i == f->n_folds) break;
        cli_grid_set(&g, i + 1, 0, "%s", f->fold[i].name);
        cli_grid_set(&g, i + 1, 1, "%zu", f->fold[i].n_train);
        cli_grid_set(&g, i + 1, 2, "%zu", f->fold[i].n_test);
        cli_grid_set(&g, i + 1, 6, "%zu", f->fold[i].outside);
        cli_grid_set(&g, i + 1, 7, "%s", f->fold[i].learners);
    }
    cli_grid_set(&g, f->n_folds + 1, 0, "mean");
    HG_TRY(cli_grid_done(&g, err));
    g.left[0] = g.left[7] = true;
    hg_text_add(&run->out, "\"%s\"%s%s%s, each fold predicted from the others\n\n", target, *unit ? " in " : "", unit,
                classes ? " (classes)" : "");
    cli_grid_show(&run->out, &g, g.rows);
    return HG_OK;
}

static hg_status json_folds(cli_run *run, const hg_folds *f, const char *target, const char *unit,
                            const cli_sources *sources, hg_err *err) {
    const bool classes = f->classes > 0;
    hg_json j;
    cli_json_begin(&j, run, "evaluate-folds");
    hg_json_string(&j, "target", target);
    hg_json_string(&j, "unit", unit);
    hg_json_count(&j, "classes", f->classes);
    cli_json_score(&j, &f->mean, classes);
    hg_json_begin_array(&j, "folds");
    for (size_t i = 0; i < f->n_folds; i++)
        hg_json_number(&j, NULL, classes ? f->fold[i].score.auc : f->fold[i].score.mae);
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "by_fold");
    for (size_t i = 0; i < f->n_folds; i++) cli_json_fold(&j, &f->fold[i], classes);
    hg_json_end_array(&j);
    hg_json_count(&j, "repeated_compositions", f->repeated);
    hg_json_count(&j, "repeated_rows", f->repeated_rows);
    if (sources->n) hg_json_begin_array(&j, "sources");
    for (size_t i = 0; i < sources->n; i++) {
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "name", hg_predictor_name(sources->p[i]));
        hg_json_string(&j, "target", hg_predictor_target(sources->p[i]));
        cli_json_learned(&j, sources->learned[i]);
        hg_json_end_object(&j);
    }
    if (sources->n) hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

static void warn_of_folds(const cli_run *run, const hg_folds *f) {
    if (f->repeated)
        hg_log(&run->hooks, HG_LOG_WARN,
               "%zu compositions (%zu rows) stand in several folds: what was learned from is asked for again, and the "
               "errors look smaller than those of new compositions",
               f->repeated, f->repeated_rows);
    if (f->repeated && f->repeats)
        hg_log(
            &run->hooks, HG_LOG_WARN,
            "learners are chosen in the same way: by rows left out, not by compositions left out (as with --repeats)");
    for (size_t i = 0; i < f->n_folds; i++)
        if (f->fold[i].failed)
            hg_log(&run->hooks, HG_LOG_WARN, "fold %s: %zu of %zu rows could not be predicted and do not count",
                   f->fold[i].name, f->fold[i].failed, f->fold[i].n_test);
}

/* --folds COL, or a number of parts where no column is called so. */
static hg_status read_folds(hg_folds_opts *how, const cli_run *run, const hg_table *t, hg_err *err) {
    const char *folds = cli_value(&run->args, "folds");
    size_t j;
    double x;
    const bool is_number = hg_number_read(&x, folds, strlen(folds), '.') == HG_NUMBER_FINITE && x == floor(x);
    *how = (hg_folds_opts) { .only = cli_value(&run->args, "fold"), .keep = cli_value(&run->args, "keep") };
    if (hg_table_find(&j, t, folds, is_number ? NULL : err) == HG_OK) {
        how->column = folds;
        return HG_OK;
    }
    if (!is_number) return HG_ENOTFOUND;
    if (!(x >= 2 && x <= 1000)) return hg_fail(err, HG_EINVAL, "--folds %s, expected 2 to 1000 or a column", folds);
    how->parts = (size_t)x;
    return HG_OK;
}

/* Predictions beside known values; where there are sources, beside the same folds without them. */
static hg_status draw_folds(cli_run *run, const hg_folds *f, const hg_table *t, const char *target,
                            const hg_folds_opts *how, hg_predictor_opts o, hg_err *err) {
    hg_folds plain = { 0 };
    hg_parity p[2];
    const bool sources = o.n_sources > 0;
    size_t n = 0, j;
    if (!cli_has(&run->args, "figure")) return HG_OK;
    HG_TRY(hg_table_find(&j, t, target, err));
    if (o.n_sources) {
        hg_folds_opts again = *how;
        o.n_sources = 0;
        again.keep = NULL;
        hg_err why = { 0 };
        const hg_status st = hg_predictor_folds(&plain, t, target, &again, &o, run->arena, &why);
        if (st == HG_OK) {
            p[n++] = (hg_parity) { "without transfer", plain.fold, plain.n_folds, true, false };
        } else if (st == HG_EDATA || st == HG_EINVAL) { /* a learner that is nothing without sources */
            hg_log(&run->hooks, HG_LOG_WARN, "the picture has no points without transfer: %s", why.msg);
        } else {
            if (err) *err = why;
            return st;
        }
    }
    p[n++] = (hg_parity) { sources ? "with transfer" : "left out", f->fold, f->n_folds, false, true };
    return cli_parity(run, p, n, f->classes, hg_table_column(t, j)->name, err);
}

static hg_status evaluate_folds(cli_run *run, const hg_table *t, const char *target, const hg_predictor_opts *o,
                                const cli_sources *sources, hg_err *err) {
    hg_folds_opts how;
    hg_folds f;
    size_t j;
    HG_TRY(read_folds(&how, run, t, err));
    HG_TRY(hg_predictor_folds(&f, t, target, &how, o, run->arena, err));
    HG_TRY(hg_table_find(&j, t, target, err));
    const hg_column *c = hg_table_column(t, j);
    warn_of_folds(run, &f);
    HG_TRY(draw_folds(run, &f, t, target, &how, *o, err));
    if (run->json) return json_folds(run, &f, c->name, c->unit, sources, err);
    HG_TRY(print_folds(run, &f, c->name, c->unit, err));
    cli_sources_learned(run, sources, hg_table_rows(t));
    return HG_OK;
}

static hg_status evaluate(cli_run *run, const hg_table *t, const char *target, hg_err *err) {
    hg_predictor_opts o;
    cli_sources sources = { 0 };
    HG_TRY(cli_learn_read(&o, run, t, err));
    hg_status st = cli_sources_load(&sources, &o, run, t, target, false, err);
    if (st == HG_OK)
        st = cli_has(&run->args, "curve")         ? cli_tables_curve(run, t, target, &o, err)
             : cli_has(&run->args, "extrapolate") ? cli_tables_extrapolate(run, t, target, &o, err)
                                                  : evaluate_folds(run, t, target, &o, &sources, err);
    cli_sources_free(&sources);
    return st;
}

hg_status cli_tables_evaluate(cli_run *run, hg_err *err) {
    const char *target;
    hg_table *t;
    HG_TRY(target_of(&target, run, err));
    HG_TRY(read_table(&t, run, err));
    const hg_status st = evaluate(run, t, target, err);
    hg_table_free(t);
    return st;
}
