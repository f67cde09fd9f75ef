/* cli/verb_transfer.c -- `hagane transfer`: learn from few rows with the help of models that know related properties */
#include "cli/campaign.h"
#include "cli/models.h"
#include "cli/tables.h"
#include <string.h>

static hg_status run_transfer(cli_run *run, hg_err *err) {
    const char *path = cli_value(&run->args, "figure");
    hg_figure_format format;
    if (path && strcmp(path, "-") == 0)
        return hg_fail(err, HG_EINVAL, "--figure needs a file: standard output has the table");
    if (path) HG_TRY(hg_figure_format_find(&format, path, err)); /* before anything is learned */
    return cli_tables_train(run, true, err);
}

static const cli_positional POSITIONAL[] = {
    { .name = "TABLE",
      .type = CLI_INPUT,
      .help = "The few rows: CSV or the like, with the target in one column; - for standard input." },
    { .name = NULL },
};
static const cli_option TRANSFER[] = {
    { .name = "target", .letter = 't', .type = CLI_TEXT, .argument = "COL", .help = "The column to learn." },
    { .name = "name", .type = CLI_TEXT, .argument = "NAME", .help = "The model's name." },
    { .name = "out",
      .letter = 'o',
      .type = CLI_TEXT,
      .argument = "FOLDER",
      .fallback = "the name",
      .help = "Where weights, card and recipe go." },
    CLI_LIBRARY("Where to look for sources when --from names none."),
    { .name = "figure",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help = "What each source is worth, as a picture (.svg, .pdf, .png)." },
    { .name = "source", .type = CLI_TEXT, .argument = "TEXT", .help = "For the card: where the data come from." },
    { .name = "licence", .type = CLI_TEXT, .argument = "TEXT", .help = "For the card: the licence of the data." },
    { .name = NULL },
};
static const cli_group TRANSFER_GROUP = { "Transfer", TRANSFER };
static const cli_group *const GROUPS[] = { &TRANSFER_GROUP, &cli_learn_group, &cli_inputs_group, &cli_run_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane transfer ltc.csv --target ltc_W_mK --from agl-ltc --from shear --squared --name ltc",
      "few conductivities, with models of related properties" },
    { "hagane transfer ltc.csv --target ltc_W_mK --name ltc --figure sources.svg",
      "with all models of tables in the library, and a picture of what each is worth" },
    { .command = NULL },
};
const cli_verb cli_transfer_record = {
    .name = "transfer",
    .summary = "learn from few rows with the help of models that know related properties",
    .description =
        "What other models predict for the rows becomes inputs. Sources are taken and weighed by what each adds to the "
        "evidence of affine transfer; then learners are tried by cross-validation with the sources and without them, so that "
        "a transfer that hurts is seen and said. The folder that is written holds the sources, too, and works alone.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json = "schema \"hagane.train-table/1\" of `hagane train`, with sources (name, target, order, evidence_alone, "
            "share, n_learned, says_answers, why_not) and, in tried, without_sources and logarithms.",
    .run = run_transfer,
};
