/* cli/tables_again.c -- `train TABLE --again MODEL`: a model of a table once more, by the recipe in its folder */
#include "cli/input.h"
#include "cli/models.h"
#include "cli/tables.h"
#include "files/hash.h"
#include "library/asked.h"
#include "library/folder.h"
#include <string.h>

/* What a recipe says alone. */
static hg_status refuse_options(const cli_run *run, hg_err *err) {
    static const char *const OPTION[] = { "target", "task", "learner",  "learner-options", "parts",
                                          "scale",  "from", "category", "budget",          "seed" };
    for (size_t i = 0; i < sizeof OPTION / sizeof *OPTION; i++)
        if (cli_has(&run->args, OPTION[i]))
            return hg_advise(err, hg_fail(err, HG_EINVAL, "--%s cannot be given with --again", OPTION[i]),
                             "leave it out: the model's recipe says it");
    return HG_OK;
}

static void warn_of_change(const cli_run *run, const hg_asked *a, const char *word) {
    char hash[HG_HASH_SIZE];
    const char *path = run->args.positional[0];
    if (!a->sha256 || cli_is_stream(path) || hg_hash_file(hash, path, NULL) != HG_OK) return;
    if (strcmp(hash, a->sha256) != 0)
        hg_log(&run->hooks, HG_LOG_WARN,
               "%s is not the table that %s was learned from (%s): other weights will come out", path, word,
               a->file ? a->file : "another file");
    if (a->opts.budget > 0)
        hg_log(&run->hooks, HG_LOG_WARN, "%s was learned in a budget of %g s: what was tried depends on the machine",
               word, a->opts.budget);
}

static hg_status print_same(cli_run *run, const char *old, const char *folder, const char *word, hg_err *err) {
    char path[HG_FOLDER_PATH];
    const char *text;
    hg_card was, is;
    HG_TRY(hg_folder_card(&was, &text, path, old, run->arena, err));
    HG_TRY(hg_folder_card(&is, &text, path, folder, run->arena, err));
    const bool same = strcmp(was.weights_sha256, is.weights_sha256) == 0;
    if (!run->json)
        hg_text_add(&run->out,
                    same ? "The weights are those of %s, bit for bit.\n" : "The weights differ from those of %s.\n",
                    word);
    else if (!same)
        hg_log(&run->hooks, HG_LOG_WARN, "the weights differ from those of %s", word);
    return HG_OK;
}

/* What was read as words, --category's numbers among them, is once more. */
static hg_status read_table(hg_table **t, cli_run *run, const hg_predictor *was, hg_err *err) {
    size_t n = 0;
    while (hg_predictor_text_column(was, n)) n++;
    const char **word = hg_alloc(run->arena, n, sizeof *word);
    if (!word) return hg_fail(err, HG_ENOMEM, "no memory for the columns of words");
    for (size_t i = 0; i < n; i++) word[i] = hg_predictor_text_column(was, i);
    return cli_table_read_words(t, run, run->args.positional[0], word, n, err);
}

hg_status cli_tables_again(cli_run *run, hg_err *err) {
    const char *word = cli_value(&run->args, "again"),
               *folder = cli_value(&run->args, cli_has(&run->args, "out") ? "out" : "name");
    char old[CLI_MODEL_PATH];
    hg_asked a;
    hg_predictor *was;
    hg_table *t = NULL;
    HG_TRY(refuse_options(run, err));
    if (run->args.n_positional != 1)
        return hg_fail(err, HG_EINVAL, "one table at a time; %zu files are given", run->args.n_positional);
    if (!folder)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--name is missing"),
                         "--name NAME, the new model's name and its folder");
    HG_TRY(cli_model_folder(old, word, err));
    if (!hg_predictor_is(old))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "%s is no model of tables", word),
                         "other models are trained again by their own command; their cards have options and seed");
    HG_TRY(hg_asked_load(&a, old, run->arena, err));
    HG_TRY(hg_predictor_load(&was, old, err)); /* for what its sources say */
    a.opts.source = hg_predictor_lent(was, &a.opts.n_sources);
    a.opts.seconds = cli_seconds, a.opts.pool = run->pool, a.opts.hooks = &run->hooks;
    if (hg_predictor_classes(was)) a.opts.task = HG_TASK_CLASSES; /* texts they were, perhaps by --category */
    hg_status st = read_table(&t, run, was, err);
    if (st == HG_OK) warn_of_change(run, &a, word);
    if (st == HG_OK) st = cli_tables_learn(run, t, a.target, folder, &a.opts, NULL, err);
    if (st == HG_OK) st = print_same(run, old, folder, word, err);
    hg_table_free(t);
    hg_predictor_free(was);
    return st;
}
