/* cli/verb_party_share.c -- `hagane party share` and `hagane party withdraw`: an owner's data in, and out again */
#include "cli/output.h"
#include "cli/party.h"
#include <string.h>

/* ---- share ------------------------------------------------------------------------------------------------------------------------ */

static void say_shared(cli_run *run, const hg_party_shared *s, const char *project) {
    hg_text_add(
        &run->out,
        "data set %s of project %s is active on all three servers: %zu rows%s\nIt can be withdrawn with `hagane party "
        "withdraw %.16s`.\n",
        s->dataset, project, s->rows, s->shared > s->rows ? ", padded" : "", s->dataset);
    if (s->blank) hg_text_add(&run->out, "%zu rows without a value were left out\n", s->blank);
}

static hg_status json_shared(cli_run *run, const hg_party_shared *s, const char *project, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "party-share");
    hg_json_string(&j, "project", project);
    hg_json_string(&j, "dataset", s->dataset);
    hg_json_count(&j, "rows", s->rows);
    hg_json_count(&j, "shared", s->shared);
    hg_json_count(&j, "blank", s->blank);
    return cli_json_end(run, &j, err);
}

static hg_status again(cli_run *run, hg_party *p, const char *project, const hg_party_share_opts *o, hg_err *err) {
    size_t n;
    hg_json j;
    HG_TRY(hg_party_share_again(&n, p, project, o, err));
    if (!run->json) {
        hg_text_add(&run->out, "%zu data sets were handed in\n", n);
        return HG_OK;
    }
    cli_json_begin(&j, run, "party-share");
    hg_json_string(&j, "project", project);
    hg_json_count(&j, "again", n);
    return cli_json_end(run, &j, err);
}

static hg_status share(cli_run *run, hg_party *p, hg_err *err) {
    hg_party_share_opts o = { .target = cli_value(&run->args, "target"),
                              .keep_blank = cli_has(&run->args, "no-blank") };
    const char *project, *table = run->args.n_positional ? run->args.positional[0] : NULL;
    hg_party_shared s;
    HG_TRY(cli_project(&project, run, err));
    HG_TRY(cli_outbox(&o.folder, run, err));
    if (cli_has(&run->args, "again")) return again(run, p, project, &o, err);
    if (!table) return hg_fail(err, HG_EINVAL, "`hagane party share` needs TABLE, or --again");
    HG_TRY(hg_party_share(&s, p, project, table, &o, err));
    if (run->json) return json_shared(run, &s, project, err);
    say_shared(run, &s, project);
    return HG_OK;
}

static hg_status run_share(cli_run *run, hg_err *err) {
    hg_party *p;
    HG_TRY(cli_party_open(&p, run, err));
    const hg_status st = share(run, p, err);
    hg_party_free(p);
    return st;
}

static const cli_option PROJECT[] = {
    { .name = "project", .type = CLI_TEXT, .argument = "NAME", .help = "The project, as in its policy." },
    { .name = NULL },
};
static const cli_group PROJECT_GROUP = { "Project", PROJECT };

static const cli_positional SHARE_POSITIONAL[] = {
    { .name = "TABLE",
      .type = CLI_INPUT,
      .optional = true,
      .help = "CSV file with the pool's input columns (or its name column) and the measured property." },
    { .name = NULL },
};
static const cli_option SHARE_OPTIONS[] = {
    { .name = "project", .type = CLI_TEXT, .argument = "NAME", .help = "The project, as in its policy." },
    { .name = "target",
      .letter = 't',
      .type = CLI_COLUMN,
      .argument = "COL",
      .fallback = "the policy's name for it",
      .help = "Column with the property." },
    { .name = "no-blank", .help = "Refuse the table when a row has no value, instead of leaving that row out." },
    { .name = "again", .help = "Hand in what an earlier call could not, because a server was away." },
    { .name = NULL },
};
static const cli_group SHARE_GROUP = { "Data", SHARE_OPTIONS };
static const cli_group *const SHARE_GROUPS[] = { &SHARE_GROUP, &cli_member_group, NULL };
static const cli_example SHARE_EXAMPLES[] = {
    { "hagane party share mine.csv --project magnets --cluster cluster.yaml --identity acme",
      "an owner's measured rows" },
    { .command = NULL },
};
const cli_verb cli_party_share_record = {
    .name = "party share",
    .summary = "cut a table into shares and hand one to each server",
    .description =
        "Reads a table, checks it against the project's policy, cuts every value into three random shares on this machine, and hands "
        "each server its own, sealed and signed. The servers check together that the shares fit each other and lie in "
        "the policy's range; when all three have signed that, the rows count. A server alone learns nothing of a value. "
        "Nothing is handed in when any row of the table is wrong.",
    .positional = SHARE_POSITIONAL,
    .groups = SHARE_GROUPS,
    .examples = SHARE_EXAMPLES,
    .json =
        "schema \"hagane.party-share/1\": project, dataset, rows, shared (with padding), blank; or again, how many.",
    .run = run_share,
};

/* ---- withdraw ------------------------------------------------------------------------------------------------------------------------ */

static hg_status run_withdraw(cli_run *run, hg_err *err) {
    hg_party *p;
    const char *project, *dataset = run->args.positional[0];
    hg_json j;
    HG_TRY(cli_project(&project, run, err));
    HG_TRY(cli_party_open(&p, run, err));
    const hg_status st = hg_party_withdraw(p, project, dataset, err);
    hg_party_free(p);
    HG_TRY(st);
    if (!run->json) {
        hg_text_add(
            &run->out,
            "data set %s: all three servers have erased their shares and signed it\nAnswers that were already given "
            "remain known to who asked.\n",
            dataset);
        return HG_OK;
    }
    cli_json_begin(&j, run, "party-withdraw");
    hg_json_string(&j, "project", project);
    hg_json_string(&j, "dataset", dataset);
    return cli_json_end(run, &j, err);
}

static const cli_positional WITHDRAW_POSITIONAL[] = {
    { .name = "DATASET", .type = CLI_TEXT, .help = "The data set: its first 8 hexadecimal digits or more." },
    { .name = NULL },
};
static const cli_group *const WITHDRAW_GROUPS[] = { &PROJECT_GROUP, &cli_member_group, NULL };
static const cli_example WITHDRAW_EXAMPLES[] = {
    { "hagane party withdraw 5d41402a --project magnets --cluster cluster.yaml --identity acme",
      "take a data set back" },
    { .command = NULL },
};
const cli_verb cli_party_withdraw_record = {
    .name = "party withdraw",
    .summary = "have the servers erase a data set of yours",
    .description =
        "Takes a data set back. Each server destroys the key of its shares, then the shares, notes it in its log, and signs "
        "that it did. Backups hold no keys. What answers have already told cannot be taken back.",
    .positional = WITHDRAW_POSITIONAL,
    .groups = WITHDRAW_GROUPS,
    .examples = WITHDRAW_EXAMPLES,
    .json = "schema \"hagane.party-withdraw/1\": project, dataset.",
    .run = run_withdraw,
};
