/* cli/verb_train.c -- `hagane train`: from molecules with known properties to a folder with weights and a card */
#include "cli/grid.h"
#include "cli/input.h"
#include "cli/campaign.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "core/number.h"
#include "files/molecule_set.h"
#include "hagane/model.h"
#include "library/teach.h"
#include "models/ranks.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char CHECKPOINT[] = ".checkpoint";

/* ---- options of the kind of model -------------------------------------------------------------------------------- */

/* "prior" of "prior=0.3". */
static const hg_train_option *option_named(const hg_arch_trainer *t, const char *word, size_t len, size_t *at) {
    for (size_t i = 0; i < t->n_options; i++)
        if (strlen(t->option[i].name) == len && memcmp(t->option[i].name, word, len) == 0) {
            *at = i;
            return &t->option[i];
        }
    return NULL;
}

static hg_status unknown_option(const hg_architecture *a, const char *word, size_t len, hg_err *err) {
    hg_text names = hg_text_new(180);
    for (size_t i = 0; i < a->train->n_options; i++)
        hg_text_add(&names, "%s%s", i ? ", " : "", a->train->option[i].name);
    hg_fail(err, HG_EINVAL, "--set: %s has no option \"%.*s\"", a->name, (int)(len < 80 ? len : 80), word);
    hg_advise(err, HG_EINVAL, "there are: %s; `hagane train --arch %s --options` explains them", names.s, a->name);
    hg_text_free(&names);
    return HG_EINVAL;
}

static hg_status set_option(double *value, const hg_architecture *a, const char *word, hg_err *err) {
    const char *equals = strchr(word, '=');
    const size_t len = equals ? (size_t)(equals - word) : strlen(word);
    size_t at;
    const hg_train_option *o = option_named(a->train, word, len, &at);
    if (!o) return unknown_option(a, word, len, err);
    if (!equals) return hg_advise(err, hg_fail(err, HG_EINVAL, "--set %s has no value", word), "--set %s=VALUE", word);
    double x;
    const size_t n = strlen(equals + 1);
    if (hg_number_read(&x, equals + 1, n, '.') != HG_NUMBER_FINITE || (o->whole && x != floor(x)))
        return hg_fail(err, HG_EINVAL, "--set %s: \"%s\" is no %snumber", o->name, equals + 1,
                       o->whole ? "whole " : "");
    if (x < o->min || x > o->max)
        return hg_fail(err, HG_EINVAL, "--set %s: %s is outside of %g to %g", o->name, equals + 1, o->min, o->max);
    value[at] = x;
    return HG_OK;
}

static hg_status options_of(const double **out, cli_run *run, const hg_architecture *a, hg_err *err) {
    double *value = hg_alloc(run->arena, a->train->n_options, sizeof *value);
    if (!value) return hg_fail(err, HG_ENOMEM, "no memory for options");
    for (size_t i = 0; i < a->train->n_options; i++) value[i] = a->train->option[i].fallback;
    for (size_t i = 0; i < cli_given_times(&run->args, "set"); i++)
        HG_TRY(set_option(value, a, cli_value_at(&run->args, "set", i), err));
    *out = value;
    return HG_OK;
}

static hg_status print_options(cli_run *run, const hg_architecture *a, hg_err *err) {
    cli_grid g = cli_grid_new(run->arena, a->train->n_options + 1, 5);
    static const char *const HEAD[] = { "option", "default", "unit", "range", "" };
    for (size_t k = 0; k < 5; k++) cli_grid_set(&g, 0, k, "%s", HEAD[k]);
    for (size_t i = 0; i < a->train->n_options; i++) {
        const hg_train_option *o = &a->train->option[i];
        cli_grid_set(&g, i + 1, 0, "%s", o->name);
        cli_grid_set(&g, i + 1, 1, "%g", o->fallback);
        cli_grid_set(&g, i + 1, 2, "%s", o->unit);
        cli_grid_set(&g, i + 1, 3, "%g to %g", o->min, o->max);
        cli_grid_set(&g, i + 1, 4, "%s", o->help);
    }
    HG_TRY(cli_grid_done(&g, err));
    g.left[0] = g.left[2] = g.left[3] = g.left[4] = true;
    for (size_t i = 0; i < g.rows; i++) cli_grid_print(&run->out, &g, i, 0);
    return HG_OK;
}

/* ---- molecules with their properties ----------------------------------------------------------------------------- */

/* --target NAME is the first property; --target SYMBOL=NAME another one. target[properties]; used: has it a name? */
static hg_status targets_of(hg_target *target, bool *used, const cli_run *run, const hg_architecture *a, hg_err *err) {
    const char *unit = cli_value(&run->args, "unit");
    bool converted = false;
    for (size_t k = 0; k < a->n_properties; k++) {
        target[k] = (hg_target) { .factor = 1, .optional = k > 0 };
        used[k] = k == 0;
    }
    for (size_t i = 0; i < cli_given_times(&run->args, "target"); i++) {
        const char *word = cli_value_at(&run->args, "target", i), *name = word;
        size_t k = 0;
        for (size_t s = 0; s < a->n_properties; s++) {
            const size_t len = strlen(a->property[s].symbol);
            if (strncmp(word, a->property[s].symbol, len) == 0 && word[len] == '=') k = s, name = word + len + 1;
        }
        if (target[k].name)
            return hg_fail(err, HG_EINVAL, "--target: two values are given for \"%s\"", a->property[k].symbol);
        target[k].name = name;
        used[k] = true;
    }
    for (size_t k = 0; unit && k < a->n_properties; k++)
        converted |= used[k] && hg_unit_factor(&target[k].factor, unit, &a->property[k], NULL) == HG_OK;
    return unit && !converted ? hg_unit_factor(&target[0].factor, unit, &a->property[0], err) : HG_OK;
}

/* Values of the targets that are there, NaN elsewhere: [n, properties of the architecture]. */
static hg_status spread_values(hg_lesson *l, const hg_molecule_set *s, const bool *used, size_t K, hg_arena *mem,
                               hg_err *err) {
    double *value = hg_alloc(mem, s->n, K * sizeof *value);
    if (!value) return hg_fail(err, HG_ENOMEM, "no memory for the values of %zu molecules", s->n);
    const double *from = s->value;
    for (size_t i = 0; i < s->n * K; i++) value[i] = used[i % K] ? *from++ : (double)NAN;
    l->of = (hg_labelled) { s->n, s->molecule, value };
    return HG_OK;
}

static hg_status read_lesson(hg_lesson *l, cli_run *run, const hg_architecture *a, const char *path, hg_err *err) {
    hg_target target[HG_PROPERTIES_MOST], wanted[HG_PROPERTIES_MOST];
    bool used[HG_PROPERTIES_MOST];
    hg_molecule_set s;
    size_t n = 0;
    *l = (hg_lesson) { .file = path };
    if (!path) return HG_OK;
    if (cli_is_stream(path))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "%s can be read only once", cli_stream_name(path)),
                         "write the molecules to a file first: the card keeps its hash");
    HG_TRY(targets_of(target, used, run, a, err));
    for (size_t k = 0; k < a->n_properties; k++)
        if (used[k]) wanted[n++] = target[k];
    HG_TRY(hg_hash_file(l->hash, path, err));
    HG_TRY(cli_input(run, path, NULL, 0, err));
    HG_TRY(
        hg_molecule_set_read(&s, path, &(hg_molecule_set_opts) { .target = wanted, .n_targets = n }, run->arena, err));
    return spread_values(l, &s, used, a->n_properties, run->arena, err);
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static hg_status print_json(cli_run *run, const char *folder, const hg_lessons *l, const hg_taught *t, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "train");
    hg_json_string(&j, "folder", folder);
    hg_json_string(&j, "architecture", l->architecture->version);
    hg_json_count(&j, "n_train", l->train->of.n);
    hg_json_count(&j, "n_validation", l->validation->of.n);
    hg_json_begin_array(&j, "properties");
    for (size_t k = 0; k < t->n_properties; k++) {
        const hg_quality *q = &t->quality[k];
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "symbol", t->property[k]->symbol);
        hg_json_string(&j, "unit", t->property[k]->unit);
        hg_json_count(&j, "n", q->n);
        hg_json_count(&j, "n_failed", q->failed);
        hg_json_number(&j, "mae", hg_quality_mae(q));
        hg_json_number(&j, "rmse", hg_quality_rmse(q));
        hg_json_number(&j, "bias", hg_quality_bias(q));
        hg_json_number(&j, "largest", hg_quality_largest(q));
        hg_json_number(&j, "coverage90", hg_quality_coverage(q));
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

static void print_words(cli_run *run, const char *folder, const hg_lessons *l, const hg_taught *t) {
    hg_text_add(&run->out, "%s: %s, learned from %zu molecules\n", folder, l->architecture->version, l->train->of.n);
    for (size_t k = 0; k < t->n_properties; k++) {
        const hg_quality *q = &t->quality[k];
        if (!q->n) continue;
        hg_text_add(&run->out, "%s: mean absolute error %.4g %s on %zu molecules of validation", t->property[k]->symbol,
                    hg_quality_mae(q), t->property[k]->unit, q->n);
        if (q->barred) hg_text_add(&run->out, ", %.0f %% inside the 90 %% intervals", 100 * hg_quality_coverage(q));
        if (q->failed) hg_text_add(&run->out, "; %zu could not be predicted", q->failed);
        hg_text_put(&run->out, "\n", 1);
    }
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static hg_status check_steps(const cli_run *run, const hg_architecture *a, hg_err *err) {
    static const char *const STEPS[] = { "checkpoint", "resume", "log" };
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS && !a->train->steps; i++)
        if (cli_has(&run->args, STEPS[i]))
            return hg_fail(err, HG_EINVAL, "--%s: %s is not trained step by step", STEPS[i], a->name);
    return HG_OK;
}

/* Beside the folder, unless --checkpoint says where. One that is there is hours of work: it is not replaced. */
static hg_status checkpoint_of(hg_training *how, const cli_run *run, const char *folder, hg_err *err) {
    const char *given = cli_value(&run->args, "checkpoint");
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/') len--;
    char *beside = hg_alloc(run->arena, len + sizeof CHECKPOINT, 1);
    if (!beside) return hg_fail(err, HG_ENOMEM, "no memory for the name of a checkpoint");
    memcpy(beside, folder, len);
    memcpy(beside + len, CHECKPOINT, sizeof CHECKPOINT);
    how->checkpoint = given ? given : beside;
    how->resume = cli_has(&run->args, "resume");
    if (how->resume || access(how->checkpoint, F_OK) != 0) return HG_OK;
    hg_fail(err, HG_EINVAL, "%s is the checkpoint of a training that was begun", how->checkpoint);
    return hg_advise(err, HG_EINVAL, "--resume goes on with it; remove it to begin anew");
}

static hg_status teach(cli_run *run, const hg_architecture *a, hg_lessons *l, const char *folder, hg_err *err) {
    hg_ranks ranks = { 0 };
    hg_taught t;
    if (a->train->steps) {
        HG_TRY(hg_ranks_begin(&ranks, err));
        l->how.ranks = &ranks;
    }
    const hg_status st = hg_teach(&t, folder, l, err);
    const bool first = ranks.rank == 0;
    if (a->train->steps) hg_ranks_end();
    run->told = st == HG_ECANCEL && !first;
    if (st == HG_ECANCEL && l->how.checkpoint)
        return hg_advise(err, st, "the same command with --resume goes on from %s", l->how.checkpoint);
    if (st == HG_OK && l->how.checkpoint && first && !cli_has(&run->args, "checkpoint"))
        (void)unlink(l->how.checkpoint); /* what it is for is complete */
    if (st == HG_ECANCEL && !l->how.checkpoint) return hg_fail(err, st, "interrupted; nothing was written");
    HG_TRY(st);
    if (!first) return HG_OK;
    if (run->json) return print_json(run, folder, l, &t, err);
    print_words(run, folder, l, &t);
    return HG_OK;
}

/* Before hours of work: can the folder be there? */
static hg_status check_folder(const char *folder, hg_err *err) {
    struct stat there;
    char parent[4096];
    if (stat(folder, &there) == 0 && !S_ISDIR(there.st_mode))
        return hg_advise(err, hg_fail(err, HG_EIO, "%s is no folder", folder),
                         "--out FOLDER, where weights and card go");
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/') len--;
    while (len > 0 && folder[len - 1] != '/') len--;
    if (len < 2) return HG_OK; /* here, or in / */
    snprintf(parent, sizeof parent, "%.*s", (int)(len < sizeof parent ? len - 1 : sizeof parent - 1), folder);
    if (stat(parent, &there) == 0) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EIO, "%s: there is no folder %s", folder, parent), "mkdir -p makes it");
}

static void warn(const cli_run *run, const hg_lessons *l) {
    if (!l->validation->of.n)
        hg_log(&run->hooks, HG_LOG_WARN, "no molecules of validation: nothing is known of the model's errors");
    else if (strcmp(l->validation->hash, l->train->hash) == 0)
        hg_log(&run->hooks, HG_LOG_WARN,
               "the molecules of validation are those that were learned from: the errors will look too small");
}

static hg_status learn(cli_run *run, const hg_architecture *a, const char *folder, hg_err *err) {
    const cli_args *args = &run->args;
    hg_lesson train, validation;
    hg_lessons l = { .architecture = a,
                     .train = &train,
                     .validation = &validation,
                     .name = cli_value(args, "out") ? cli_value(args, "name") : NULL, /* else it is the folder's */
                     .property = cli_value(args, "property"),
                     .source = cli_value(args, "source"),
                     .licence = cli_value(args, "licence") };
    HG_TRY(options_of(&l.how.option, run, a, err));
    HG_TRY(check_steps(run, a, err));
    HG_TRY(check_folder(folder, err));
    HG_TRY(read_lesson(&train, run, a, args->positional[0], err));
    HG_TRY(read_lesson(&validation, run, a, cli_value(args, "validation"), err));
    warn(run, &l);
    char identity[2 * HG_HASH_SIZE];
    snprintf(identity, sizeof identity, "%s %s", train.hash, validation.hash);
    l.how.identity = identity;
    l.how.seed = run->seed;
    l.how.pool = run->pool;
    l.how.hooks = &run->hooks;
    l.how.log = cli_value(args, "log");
    if (a->train->steps) HG_TRY(checkpoint_of(&l.how, run, folder, err));
    l.how.seconds = cli_seconds;
    run->keeps = true; /* the folder is complete, or a checkpoint is left: said here, not by the program */
    return teach(run, a, &l, folder, err);
}

static const char *trainable(size_t i) {
    const hg_architecture *a;
    for (size_t k = 0; (a = hg_architecture_at(k)); k++)
        if (a->train && i-- == 0) return a->name;
    return NULL;
}

static hg_status run_train(cli_run *run, hg_err *err) {
    const char *arch = cli_value(&run->args, "arch"), *name = cli_value(&run->args, "name");
    const char *folder = cli_value(&run->args, "out") ? cli_value(&run->args, "out") : name;
    if (cli_has(&run->args, "again")) return cli_tables_again(run, err);
    const bool table = run->args.n_positional && cli_is_table(run->args.positional[0]);
    if (!arch && (table || cli_has(&run->args, "learner"))) return cli_tables_train(run, false, err);
    if (!arch && !run->args.n_positional)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "nothing to learn from was given"),
                         "a table: hagane train TABLE.csv --target COL --name NAME; molecules: --arch NAME FILE");
    if (!arch) return hg_names_advise(err, hg_fail(err, HG_EINVAL, "--arch is missing"), "", trainable);
    const hg_architecture *a = hg_architecture_find(arch);
    if (cli_has(&run->args, "options")) return print_options(run, a, err);
    if (run->args.n_positional == 0)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "no file with molecules to learn from was given"),
                         "`hagane help train` shows the form");
    if (!folder)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--name is missing"),
                         "--name NAME, the model's name and its folder; --out puts it into another folder");
    return learn(run, a, folder, err);
}

static const cli_positional POSITIONAL[] = {
    { .name = "FILE",
      .type = CLI_INPUT,
      .optional = true,
      .help = "A table (.csv, .tsv, .tab) with the column to learn, or molecules, each with its known values: XYZ, "
              "extended XYZ, SDF or Quantum Deep Field's text. Compressed or not." },
    { .name = NULL },
};
static const cli_option TRAIN[] = {
    { .name = "arch",
      .type = CLI_CHOICE,
      .argument = "NAME",
      .choice = trainable,
      .help = "Kind of model of molecules." },
    { .name = "name",
      .type = CLI_TEXT,
      .argument = "NAME",
      .fallback = "the folder's name",
      .help = "The model's name, and its folder where --out names no other." },
    { .name = "out",
      .letter = 'o',
      .type = CLI_TEXT,
      .argument = "FOLDER",
      .fallback = "the name",
      .help = "Where weights.safetensors and card.json go." },
    { .name = "validation",
      .type = CLI_INPUT,
      .argument = "FILE",
      .fallback = "none: no error bars",
      .help = "Other molecules, on which the model is judged and from which error bars come." },
    { .name = "target",
      .letter = 't',
      .type = CLI_TEXT,
      .argument = "[SYMBOL=]NAME",
      .repeatable = true,
      .fallback = "the only number of a molecule",
      .help =
          "The value that is to be learned: of a table the column, of molecules the value in the files, as energy or "
          "as the property with that symbol." },
    { .name = "unit",
      .type = CLI_CHOICE,
      .argument = "UNIT",
      .choice = hg_unit_name,
      .fallback = "the unit of the property: eV for energies",
      .help = "Unit of the values in the files." },
    { .name = "set",
      .type = CLI_TEXT,
      .argument = "OPTION=VALUE",
      .repeatable = true,
      .help = "An option of the kind of model; --options lists them." },
    { .name = "again",
      .type = CLI_TEXT,
      .argument = "MODEL",
      .help = "Learn from the table what this model's recipe says, and tell whether the weights are the same bits." },
    { .name = "options", .help = "Print the options of the kind of model, and do nothing else." },
    { .name = NULL },
};
static const cli_option STEPS[] = {
    { .name = "checkpoint",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .fallback = "FOLDER.checkpoint, removed when the model is complete",
      .help = "Keep the state of the training in this file, after each epoch and when interrupted." },
    { .name = "resume", .help = "Go on from the checkpoint, if it is there, with the same bits as without the stop." },
    { .name = "log", .type = CLI_OUTPUT, .argument = "FILE", .help = "One JSON object an epoch." },
    { .name = NULL },
};
static const cli_option CARD[] = {
    { .name = "property",
      .type = CLI_TEXT,
      .argument = "TEXT",
      .fallback = "energy",
      .help = "What the first property is, in words: \"atomization energy\"." },
    { .name = "source", .type = CLI_TEXT, .argument = "TEXT", .help = "Where the data come from." },
    { .name = "licence", .type = CLI_TEXT, .argument = "TEXT", .help = "The licence of the data." },
    { .name = NULL },
};
static const cli_group TRAIN_GROUP = { "Training", TRAIN }, STEPS_GROUP = { "Training step by step", STEPS },
                       CARD_GROUP = { "For the card", CARD };
static const cli_group *const GROUPS[] = { &TRAIN_GROUP, &cli_learn_group, &cli_inputs_group,
                                           &STEPS_GROUP, &CARD_GROUP,      &cli_run_group,
                                           NULL };
static const cli_example EXAMPLES[] = {
    { "hagane train steels.csv --target 'yield strength' --name steels",
      "learn a column of a table from its other columns; a formula column becomes numbers" },
    { "hagane train steels.csv --again ./steels --name steels-again",
      "train a model again by the recipe in its folder, and compare the weights" },
    { "hagane train --arch qdf2 train.txt --validation val.txt --name mymodel",
      "learn energies, and how far off they are" },
    { "hagane train --arch qdf2 train.xyz --target U0 --unit hartree --set rounds=0 --name quick",
      "the value \"U0\", in hartree; the tight binding stays as published" },
    { "hagane train --arch qdf-classic train.txt --validation val.txt --set epochs=20 --log log.jsonl --name mymodel",
      "Quantum Deep Field itself; Ctrl-C keeps what was learned, and the same command with --resume goes on" },
    { .command = NULL },
};
const cli_verb cli_train_record = {
    .name = "train",
    .summary = "learn a model from a table, or from molecules whose properties are known",
    .description =
        "From a table: tries learners by cross-validation inside of the table, prints what was tried, and writes a folder "
        "with the weights of a blend of the best, a card and the recipe. Intervals come from rows that were left out. A "
        "column of texts, or of 0 and 1, is learned as classes.\n\n"
        "From molecules: learns, judges the model on molecules that it has not seen, and writes a folder with the weights and a card: "
        "data and their hashes, options, seed, errors, elements and sizes. The same input, seed and options give the "
        "same weights for any number of threads. A model that was in the folder is replaced when the new one is "
        "complete.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.train/1\": folder, architecture, n_train, n_validation; properties (symbol, unit, n, "
        "n_failed, mae, rmse, bias, largest, coverage90) on the validation molecules. Of a table schema "
        "\"hagane.train-table/1\": folder, target, unit, classes, n_train, n_blank; mae, rmse, coverage90, width90 or "
        "auc, accuracy, brier, log_loss of rows left out in turn; of classes by_class (class, n, n_right, n_wrongly: rows called so that are not); tried (learner, options, logarithms, the same, weight, seconds, "
        "why_not).",
    .run = run_train,
};
