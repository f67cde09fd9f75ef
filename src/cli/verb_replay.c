/* cli/verb_replay.c -- `hagane replay`: pretend that a measured table is unknown, and count */
#include "cli/campaign.h"
#include "cli/grid.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include <math.h>
#include <stdio.h>

/* ---- words ------------------------------------------------------------------------------------------------------------ */

static void count_cell(cli_grid *g, size_t row, size_t column, double x) {
    if (isnan(x))
        cli_grid_set(g, row, column, "-");
    else
        cli_grid_set(g, row, column, "%.4g", x);
}

static void reach_row(cli_grid *g, size_t row, const char *words, const hg_reach *r, size_t runs) {
    cli_grid_set(g, row, 0, "%s", words);
    count_cell(g, row, 1, r->median);
    count_cell(g, row, 2, r->q90);
    count_cell(g, row, 3, r->max);
    cli_grid_set(g, row, 4, "%zu of %zu", r->unreached, runs);
}

static hg_status words(hg_text *t, const cli_campaign *c, const hg_replay_result *r, hg_arena *arena, hg_err *err) {
    /* a share of the best has no meaning for a minimum or a maximum below zero: hagane/suggest.h, hg_replay */
    const bool share = c->objective[0].maximize && r->y_best > 0;
    const struct {
        const char *words;
        const hg_reach *reach;
    } rows[] = {
        { share ? "95 % of the best" : "the best, to 5 % of the range", &r->to_95 },
        { "  at random", &r->random_95 },
        { share ? "99 % of the best" : "the best, to 1 % of the range", &r->to_99 },
        { "  at random", &r->random_99 },
        { "one of the top 5 %", &r->to_top5 },
        { "  at random", &r->random_top5 },
    };
    const size_t n = sizeof rows / sizeof *rows;
    cli_grid g = cli_grid_new(arena, n + 1, 5);
    static const char *const HEAD[] = { "to reach", "median", "9 runs in 10", "slowest", "never reached" };
    for (size_t j = 0; j < 5; j++) cli_grid_set(&g, 0, j, "%s", HEAD[j]);
    if (!g.failed) g.left[0] = true;
    for (size_t i = 0; i < n; i++) reach_row(&g, i + 1, rows[i].words, rows[i].reach, r->runs);
    HG_TRY(cli_grid_done(&g, err));
    hg_text head = hg_text_new(0);
    hg_text_add(
        &head,
        "%zu replay%s of %zu rows, to %s %s (best: %.6g): measurements made after %zu random one%s, at most %zu.",
        r->runs, r->runs == 1 ? "" : "s", r->n_pool, c->objective[0].maximize ? "maximize" : "minimize",
        c->objective[0].column, r->y_best, r->initial, r->initial == 1 ? "" : "s", r->budget);
    cli_wrap(t, head.s, 0, 0, cli_terminal_width());
    hg_text_free(&head);
    hg_text_add(t, "\n%s", cli_bold(true));
    cli_grid_print(t, &g, 0, 2);
    hg_text_add(t, "%s", cli_bold(false));
    for (size_t i = 1; i <= n; i++) cli_grid_print(t, &g, i, 2);
    hg_text_add(t, "\n");
    if (r->words && *r->words) cli_wrap(t, r->words, 0, 0, cli_terminal_width());
    return HG_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------- */

static void reach(hg_json *j, const char *key, const hg_reach *r) {
    hg_json_begin_object(j, key);
    hg_json_number(j, "median", r->median);
    hg_json_number(j, "q90", r->q90);
    hg_json_number(j, "max", r->max);
    hg_json_number(j, "unreached", (double)r->unreached);
    hg_json_end_object(j);
}

static void curve(hg_json *j, const char *key, const double *x, size_t steps) {
    static const char *const NAME[] = { "median", "q10", "q90" };
    if (!x) return;
    hg_json_begin_object(j, key);
    for (size_t q = 0; q < 3; q++) {
        hg_json_begin_array(j, NAME[q]);
        for (size_t i = 0; i < steps; i++) hg_json_number(j, NULL, x[3 * i + q]);
        hg_json_end_array(j);
    }
    hg_json_end_object(j);
}

static hg_status json(cli_run *run, const cli_campaign *c, const hg_replay_result *r, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "replay");
    hg_json_number(&j, "seed", (double)run->seed);
    hg_json_string(&j, "target", c->objective[0].column);
    hg_json_string(&j, "direction", c->objective[0].maximize ? "maximize" : "minimize");
    hg_json_string(&j, "acquisition", hg_acquisition_name(c->opts.acquisition));
    hg_json_number(&j, "rows", (double)r->n_pool);
    hg_json_number(&j, "runs", (double)r->runs);
    hg_json_number(&j, "initial", (double)r->initial);
    hg_json_number(&j, "budget", (double)r->budget);
    hg_json_number(&j, "best", r->y_best);
    reach(&j, "to_95", &r->to_95);
    reach(&j, "to_99", &r->to_99);
    reach(&j, "to_top5", &r->to_top5);
    hg_json_begin_object(&j, "random");
    reach(&j, "to_95", &r->random_95);
    reach(&j, "to_99", &r->random_99);
    reach(&j, "to_top5", &r->random_top5);
    curve(&j, "best_so_far", r->random_best, r->budget + 1);
    hg_json_end_object(&j);
    curve(&j, "best_so_far", r->best_so_far, r->budget + 1);
    hg_json_string(&j, "words", r->words ? r->words : "");
    return cli_json_end(run, &j, err);
}

/* ---- the run ---------------------------------------------------------------------------------------------------------- */

static void curve_csv(hg_text *t, const hg_replay_result *r) {
    hg_text_add(t, "measurements,best median,best q10,best q90,random median,random q10,random q90\n");
    for (size_t i = 0; i <= r->budget; i++) {
        hg_text_add(t, "%zu", i);
        for (size_t q = 0; q < 6; q++) {
            hg_text_add(t, ",");
            cli_number_text(t, (q < 3 ? r->best_so_far : r->random_best)[3 * i + q % 3]);
        }
        hg_text_add(t, "\n");
    }
}

static hg_status write_results(cli_run *run, const cli_campaign *c, const hg_replay_result *r, hg_err *err) {
    const char *out = cli_value(&run->args, "out"), *report = cli_value(&run->args, "report");
    if (out) {
        hg_text t = hg_text_new(0);
        curve_csv(&t, r);
        const hg_status st =
            t.failed ? hg_fail(err, HG_ENOMEM, "no memory for %s", out) : cli_result(run, out, t.s, t.len, err);
        hg_text_free(&t);
        HG_TRY(st);
    }
    if (report) HG_TRY(cli_report_page(run, c, NULL, r, report, err));
    return run->json ? json(run, c, r, err) : words(&run->out, c, r, run->arena, err);
}

static hg_status run_replay(cli_run *run, hg_err *err) {
    cli_campaign c = { .measured = NULL };
    hg_replay_result *r = NULL;
    hg_replay_opts o = hg_replay_opts_default();
    o.initial = cli_count(&run->args, "initial", o.initial);
    o.budget = cli_count(&run->args, "budget", o.budget);
    o.runs = cli_count(&run->args, "runs", o.runs);
    o.average_duplicates = !cli_has(&run->args, "keep-duplicates");
    hg_status st = cli_campaign_open(&c, run, err);
    if (st == HG_OK) st = hg_replay(&r, c.measured, &c.opts, &o, err);
    if (st == HG_OK) st = write_results(run, &c, r, err);
    hg_replay_free(r);
    cli_campaign_close(&c);
    return st;
}

static const cli_positional POSITIONAL[] = {
    { .name = "TABLE", .type = CLI_INPUT, .help = "CSV file whose every row is measured; \"-\" is standard input." },
    { .name = NULL },
};
static const cli_option REPLAY[] = {
    { .name = "initial",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1000000,
      .fallback = "2",
      .help = "Random measurements that each run begins with." },
    { .name = "budget",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 0,
      .max = 1000000,
      .fallback = "40",
      .help = "Measurements after them; 0 means all." },
    { .name = "runs",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1000000,
      .fallback = "100",
      .help = "How many times, each with its own random start." },
    { .name = "keep-duplicates", .help = "Keep rows with the same inputs apart instead of averaging their targets." },
    { .name = NULL },
};
static const cli_group REPLAY_GROUP = { "Replay", REPLAY };
static const cli_option RESULT[] = {
    { .name = "out",
      .letter = 'o',
      .type = CLI_OUTPUT,
      .argument = "FILE.csv",
      .help = "Write the best value after each measurement: median and quantiles over the runs." },
    { .name = "report", .type = CLI_OUTPUT, .argument = "FILE.html", .help = "Write a page with figures." },
    { .name = NULL },
};
static const cli_group RESULT_GROUP = { "Results", RESULT };
static const cli_group *const GROUPS[] = {
    &cli_goal_group, &REPLAY_GROUP, &cli_inputs_group, &cli_model_group, &RESULT_GROUP, &cli_run_group, NULL
};
static const cli_example EXAMPLES[] = {
    { "hagane replay ndcefeb132.csv --target Hc_measured_A_m --features x_pos_mm,y_pos_mm --maximize",
      "how many measurements of this library of magnets would have been enough" },
    { "hagane replay measured.csv --target yield --maximize --acquisition ucb --runs 200 --json",
      "the same for a program, with another acquisition" },
    { .command = NULL },
};
const cli_verb cli_replay_record = {
    .name = "replay",
    .summary = "count how many measurements would have been enough",
    .description =
        "Takes a table whose every row is measured, hides the target, and lets the method measure row after row, many "
        "times from random starts. Counts the measurements until 95 % and 99 % of the best value and until one of the top "
        "5 % of the rows, beside measuring at random. For a maximized positive target 95 % means y >= 0.95 times the "
        "largest; otherwise it means within 5 % of the range of the best.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.replay/1\": seed, target, direction, acquisition, rows, runs, initial, budget, best; to_95, "
        "to_99 and to_top5, each with median, q90, max (measurements after the initial ones; null when more runs than "
        "the quantile allows never got there) and unreached (runs); random with the same three, run to the end of "
        "the pool; best_so_far (lists median, q10, q90 over the measurements); words.",
    .run = run_replay,
};
