/* cli/verb_suggest.c -- `hagane suggest`: the main job */
#include "cli/campaign_models.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include "cli/suggest_parties.h"
#include "hagane/report.h"
#include <string.h>

static void warn(const cli_run *run, const char *lines) {
    while (lines && *lines) {
        const size_t n = strcspn(lines, "\n");
        if (n) hg_log(&run->hooks, HG_LOG_WARN, "%.*s", (int)n, lines);
        lines += n + (lines[n] == '\n');
    }
}

static hg_status write_table(cli_run *run, const cli_campaign *c, const hg_suggestions *s, const char *path,
                             hg_err *err) {
    hg_text t = hg_text_new(0);
    cli_suggest_csv(&t, c, s);
    const hg_status st =
        t.failed ? hg_fail(err, HG_ENOMEM, "no memory for %s", path) : cli_result(run, path, t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

static hg_status write_results(cli_run *run, const cli_campaign *c, const hg_suggestions *s, hg_err *err) {
    const char *out = cli_value(&run->args, "out"), *report = cli_value(&run->args, "report");
    if (out) HG_TRY(write_table(run, c, s, out, err));
    if (report) HG_TRY(cli_report_page(run, c, s, NULL, report, err));
    if (run->json) return cli_suggest_json(run, c, s, err);
    if (out && strcmp(out, "-") == 0) return HG_OK; /* the table is the output then */
    return cli_suggest_words(&run->out, c, s, run->arena, err);
}

static hg_status check_outputs(const cli_run *run, hg_err *err) {
    const char *out = cli_value(&run->args, "out"), *report = cli_value(&run->args, "report");
    const int n = (out && strcmp(out, "-") == 0) + (report && strcmp(report, "-") == 0) + run->json;
    if (n < 2) return HG_OK;
    return hg_fail(err, HG_EINVAL, "only one of --json, --out - and --report - can have standard output");
}

/* Without --parties the table is needed, and what belongs to --parties means nothing. */
static hg_status check_plain(const cli_run *run, hg_err *err) {
    for (size_t i = 0; i < run->args.n_given; i++)
        for (const cli_option *o = cli_parties_group.options; o->name; o++)
            if (run->args.given[i].option == o)
                return hg_fail(err, HG_EINVAL, "--%s means nothing without --parties", o->name);
    if (run->args.n_positional) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "`hagane suggest` needs TABLE"),
                     "%s `hagane help suggest` says more.", run->args.verb->positional[0].help);
}

static hg_status run_suggest(cli_run *run, hg_err *err) {
    cli_campaign c = { .measured = NULL };
    hg_suggestions *s = NULL;
    HG_TRY(check_outputs(run, err));
    if (cli_has(&run->args, "parties")) return cli_suggest_parties(run, err);
    hg_status st = check_plain(run, err);
    if (st == HG_OK) st = cli_campaign_open(&c, run, err);
    if (st == HG_OK) st = cli_campaign_suggest(&s, &c, run, err);
    if (st == HG_OK) {
        warn(run, s->warnings);
        st = write_results(run, &c, s, err);
    }
    hg_suggestions_free(s);
    cli_campaign_close(&c);
    return st;
}

static const cli_positional POSITIONAL[] = {
    { .name = "TABLE",
      .type = CLI_INPUT,
      .optional = true,
      .help =
          "CSV file with measured rows; \"-\" is standard input. Rows with a blank target are the candidates, unless "
          "--candidates or --space is given." },
    { .name = NULL },
};
static const cli_option RESULT[] = {
    { .name = "out",
      .letter = 'o',
      .type = CLI_OUTPUT,
      .argument = "FILE.csv",
      .help = "Write the suggested rows with their predictions as a table, ready to be filled in." },
    { .name = "report",
      .type = CLI_OUTPUT,
      .argument = "FILE.html",
      .help = "Write a page with figures: progress, check of the model, candidates." },
    { .name = "label",
      .type = CLI_COLUMN,
      .argument = "COL",
      .fallback = "the formula column",
      .help = "Column that names a row to a person, for the report." },
    { .name = NULL },
};
static const cli_group RESULT_GROUP = { "Results", RESULT };
static const cli_group *const GROUPS[] = { &cli_goal_group, &cli_pool_group, &cli_inputs_group,  &cli_model_group,
                                           &RESULT_GROUP,   &cli_run_group,  &cli_parties_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane suggest pool.csv --target \"mu0Ms (T)\" --maximize", "rows with a blank target are the candidates" },
    { "hagane suggest measured.csv --candidates pool.csv --target gap_eV --minimize --batch 4",
      "four candidates from a second table, to be measured together" },
    { "hagane suggest measured.csv --space space.yaml --target strength",
      "a point anywhere in a space of continuous, integer, categorical and mixture variables" },
    { "hagane suggest alloys.csv --maximize \"Ms (T)\" --minimize cost --require \"Tc (K) > 500\"",
      "a compromise between two targets, with a condition on a third column" },
    { "hagane suggest moduli.csv --candidates pool.csv --maximize K --model aflow-shear",
      "with what a model of the library says of measured rows and candidates" },
    { "hagane suggest --parties cluster.yaml --project magnets --identity acme",
      "the same question to three servers with several owners' data, which nobody sees" },
    { .command = NULL },
};
const cli_verb cli_suggest_record = {
    .name = "suggest",
    .summary = "say which candidates to measure next, and why",
    .description =
        "Learns from the measured rows of a table, predicts every candidate with its uncertainty, and suggests what to "
        "measure next. Each suggestion comes with the predicted value and its standard deviation, the probability of "
        "beating the best so far (\"better\"), the nearest measured rows and a plain sentence why. The model is checked by "
        "leaving each measured row out in turn; a warning says when it is no better than the mean.\n\n"
        "What to learn from is chosen from the columns (numbers, categories, a column of chemical formulae) and said, or "
        "given with --features.\n\n"
        "With --parties three servers answer instead, from data of several owners that none of them can read; what is "
        "improved, from which candidates and how, is in the policy that the owners signed.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.suggest/1\": seed; objectives (column, unit, direction); suggestions, best first (rank, row and "
        "line in the candidate table, mean, sd, p_improve, p_feasible, score, inputs, neighbours with row, line, distance "
        "and measured value, why); best (row, line, value); loo (n, rmse, rmse_mean, coverage90, max_abs_z, "
        "max_abs_z_row, better_than_mean, words, points); model (words, acquisition, measured, candidates, inputs with "
        "relevance); models (with --model: what they are taken as, and why); warnings. Rows count from 0, lines from 1; row and line are null for a point of a space. With one "
        "target mean, sd, measured, best.value and loo are single; with several they are lists in the order of "
        "objectives, and front lists the rows that are not beaten. With --parties the keys are the same and rounds, bytes, "
        "seconds, mode, tier, bits, budget_left, job and transcript come beside them; what would tell other owners' data is "
        "null, and hidden says why.",
    .run = run_suggest,
};
