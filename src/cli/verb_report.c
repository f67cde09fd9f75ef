/* cli/verb_report.c -- `hagane report`: a page with figures, or one figure for a paper */
#include "cli/campaign_models.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include "hagane/report.h"
#include <string.h>

/* A line for the end of the page: what made it. No times, so that the same run gives the same page. */
static void footer(hg_text *t, const cli_run *run) {
    hg_text_add(t, "hagane %s, seed %llu, %s", hg_version(), (unsigned long long)run->seed, run->args.positional[0]);
}

static const char *label_of(const cli_run *run, const hg_suggestions *s) {
    const bool has_option = strcmp(run->args.verb->name, "replay") != 0;
    if (has_option && cli_value(&run->args, "label")) return cli_value(&run->args, "label");
    for (size_t g = 0; s && g < hg_features_groups(s->features); g++)
        if (hg_features_group(s->features, g)->kind == HG_GROUP_FORMULA)
            return hg_features_group(s->features, g)->column;
    return NULL;
}

static hg_report make_report(const cli_run *run, const cli_campaign *c, const hg_suggestions *s,
                             const hg_replay_result *replay, const char *foot) {
    hg_report r = hg_report_default();
    r.suggestions = s;
    r.replay = replay;
    r.objective = c->objective;
    r.n_objectives = c->opts.n_objectives;
    r.label = label_of(run, s);
    r.footer = foot;
    return r;
}

hg_status cli_report_page(cli_run *run, const cli_campaign *c, const hg_suggestions *s, const hg_replay_result *replay,
                          const char *path, hg_err *err) {
    hg_text foot = hg_text_new(0);
    footer(&foot, run);
    const hg_report r = make_report(run, c, s, replay, foot.s);
    hg_bytes page = { NULL, 0 };
    hg_status st = hg_report_html(&page, &r, err);
    if (st == HG_OK) st = cli_result(run, path, page.data, page.len, err);
    hg_bytes_free(&page);
    hg_text_free(&foot);
    return st;
}

/* What the name of the result promises, before any work is done. */
static hg_status check_result(const char *path, bool figure, hg_err *err) {
    hg_figure_format format;
    if (strcmp(path, "-") == 0) return HG_OK;
    const bool picture = hg_figure_format_find(&format, path, NULL) == HG_OK;
    if (picture == figure) return HG_OK;
    if (figure) return hg_figure_format_find(&format, path, err) == HG_OK ? HG_OK : HG_EINVAL;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "--out %s: a page is HTML, no picture", path),
                     "--out report.html for the page; --figure NAME for one picture");
}

static hg_status figure(cli_run *run, const cli_campaign *c, const hg_suggestions *s, const char *name,
                        const char *path, hg_err *err) {
    hg_figure_format format = HG_FIGURE_SVG; /* for standard output */
    if (strcmp(path, "-") != 0) HG_TRY(hg_figure_format_find(&format, path, err));
    const hg_report r = make_report(run, c, s, NULL, NULL);
    hg_bytes picture = { NULL, 0 };
    hg_status st = hg_report_figure(&picture, name, format, &r, err);
    if (st == HG_OK) st = cli_result(run, path, picture.data, picture.len, err);
    hg_bytes_free(&picture);
    return st;
}

static hg_status json(cli_run *run, const cli_campaign *c, const hg_suggestions *s, const char *path, hg_err *err) {
    const hg_report r = make_report(run, c, s, NULL, NULL);
    hg_json j;
    cli_json_begin(&j, run, "report");
    hg_json_string(&j, "out", path);
    hg_json_begin_array(&j, "figures");
    for (size_t i = 0; i < hg_report_figures(); i++) {
        if (!hg_report_figure_fits(i, &r)) continue;
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "name", hg_report_figure_name(i));
        hg_json_string(&j, "words", hg_report_figure_words(i));
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

static hg_status run_report(cli_run *run, hg_err *err) {
    cli_campaign c = { .measured = NULL };
    hg_suggestions *s = NULL;
    const char *path = cli_value(&run->args, "out"), *name = cli_value(&run->args, "figure");
    if (!path)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "where should the report go?"),
                         "--out report.html, or --figure NAME --out figure.pdf");
    if (run->json && strcmp(path, "-") == 0)
        return hg_fail(err, HG_EINVAL, "only one of --json and --out - can have standard output");
    HG_TRY(check_result(path, name != NULL, err));
    hg_status st = cli_campaign_open(&c, run, err);
    if (st == HG_OK) st = cli_campaign_suggest(&s, &c, run, err);
    if (st == HG_OK && name) st = figure(run, &c, s, name, path, err);
    if (st == HG_OK && !name) st = cli_report_page(run, &c, s, NULL, path, err);
    if (st == HG_OK && run->json) st = json(run, &c, s, path, err);
    if (st == HG_OK) hg_log(&run->hooks, HG_LOG_INFO, "writing %s", path);
    hg_suggestions_free(s);
    cli_campaign_close(&c);
    return st;
}

static const cli_positional POSITIONAL[] = {
    { .name = "TABLE", .type = CLI_INPUT, .help = "CSV file, as for `hagane suggest`." },
    { .name = NULL },
};
static const cli_option RESULT[] = {
    { .name = "out",
      .letter = 'o',
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help = "The page (.html), or with --figure the picture: .svg, .pdf or .png." },
    { .name = "figure",
      .type = CLI_CHOICE,
      .argument = "NAME",
      .choice = hg_report_figure_name,
      .help = "One figure alone." },
    { .name = "label",
      .type = CLI_COLUMN,
      .argument = "COL",
      .fallback = "the formula column",
      .help = "Column that names a row to a person." },
    { .name = NULL },
};
static const cli_group RESULT_GROUP = { "Results", RESULT };
static const cli_group *const GROUPS[] = {
    &cli_goal_group, &cli_pool_group, &cli_inputs_group, &cli_model_group, &RESULT_GROUP, &cli_run_group, NULL
};
static const cli_example EXAMPLES[] = {
    { "hagane report pool.csv --target \"mu0Ms (T)\" --maximize --batch 5 --out report.html",
      "one page with everything: it needs no network and can be sent by mail" },
    { "hagane report pool.csv --target \"mu0Ms (T)\" --maximize --figure parity --out parity.pdf",
      "the check of the model as a figure for a paper" },
    { .command = NULL },
};
const cli_verb cli_report_record = {
    .name = "report",
    .summary = "write a page with figures about a campaign",
    .description =
        "Does what `hagane suggest` does and writes a self-contained page: the suggestions with their reasons, progress so "
        "far, the check of the model, the relevance of the inputs, predictions and uncertainties of the candidates. With "
        "--figure it writes one figure as SVG, PDF or PNG.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json = "schema \"hagane.report/1\": out; figures (list of name, words) that this campaign can show.",
    .run = run_report,
};
