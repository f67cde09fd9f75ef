/* cli/verb_party_share.c -- `hagane party share` and `hagane party withdraw`: an owner's data in, and out again */
#include "cli/output.h"
#include "cli/party.h"
#include "core/number.h"
#include <stdlib.h>
#include <string.h>

/* ---- share ------------------------------------------------------------------------------------------------------------------------ */

static void say_shared(cli_run *run, const hg_party_shared *s, const char *project, const bool *implausible) {
    hg_text_add(
        &run->out,
        "data set %s of project %s is active on all three servers: %zu row%s%s\nIt can be withdrawn with `hagane party "
        "withdraw %.16s`.\n",
        s->dataset, project, s->rows, s->rows == 1 ? "" : "s", s->shared > s->rows ? ", padded" : "", s->dataset);
    if (s->blank)
        hg_text_add(&run->out, "%zu row%s without a value left out\n", s->blank, s->blank == 1 ? " was" : "s were");
    size_t doubted = 0;
    for (size_t i = 0; implausible && i < s->rows; i++) {
        if (!implausible[i]) continue;
        hg_text_add(&run->out, "row %zu of those that were shared does not fit the others: is it right?\n", i + 1);
        doubted++;
    }
    if (implausible && !doubted) hg_text_add(&run->out, "Checked: every row fits what the others say.\n");
}

static hg_status json_shared(cli_run *run, const hg_party_shared *s, const char *project, const bool *implausible,
                             hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "party-share");
    hg_json_string(&j, "project", project);
    hg_json_string(&j, "dataset", s->dataset);
    hg_json_count(&j, "rows", s->rows);
    hg_json_count(&j, "shared", s->shared);
    hg_json_count(&j, "blank", s->blank);
    if (implausible) {
        hg_json_begin_array(&j, "implausible");
        for (size_t i = 0; i < s->shared; i++)
            if (implausible[i]) hg_json_count(&j, NULL, i);
        hg_json_end_array(&j);
    }
    return cli_json_end(run, &j, err);
}

static hg_status again(cli_run *run, hg_party *p, const char *project, const hg_party_share_opts *o, hg_err *err) {
    size_t n;
    hg_json j;
    HG_TRY(hg_party_share_again(&n, p, project, o, err));
    if (!run->json) {
        if (n)
            hg_text_add(&run->out, "%zu data set%s handed in\n", n, n == 1 ? " was" : "s were");
        else
            hg_text_add(&run->out, "nothing of project %s waits in %s\n", project, o->folder);
        return HG_OK;
    }
    cli_json_begin(&j, run, "party-share");
    hg_json_string(&j, "project", project);
    hg_json_count(&j, "again", n);
    return cli_json_end(run, &j, err);
}

/* --measured ROW=VALUE, as many as there are. */
static hg_status measured(hg_party_shared *s, cli_run *run, hg_party *p, const char *project,
                          const hg_party_share_opts *o, hg_err *err) {
    const size_t n = cli_given_times(&run->args, "measured");
    const char *job = cli_value(&run->args, "job");
    size_t *row = hg_alloc(run->arena, n, sizeof *row);
    double *value = hg_alloc(run->arena, n, sizeof *value);
    if (!row || !value) return hg_fail(err, HG_ENOMEM, "no memory for the options");
    if (!job) return hg_fail(err, HG_EINVAL, "--measured needs --job: the answered job, as suggest said it");
    for (size_t i = 0; i < n; i++) {
        const char *word = cli_value_at(&run->args, "measured", i), *equals = strchr(word, '=');
        char *end = NULL;
        const unsigned long long at = strtoull(word, &end, 10);
        const bool whole = equals && end == equals && word[0] >= '0' && word[0] <= '9';
        if (!whole || hg_number_read(&value[i], equals + 1, strlen(equals + 1), '.') != HG_NUMBER_FINITE)
            return hg_advise(err, hg_fail(err, HG_EINVAL, "--measured \"%s\" cannot be read", word),
                             "--measured ROW=VALUE, with the row that was suggested");
        row[i] = (size_t)at;
    }
    return hg_party_share_measured(s, p, project, job, row, value, n, o, err);
}

/* Which rows do not fit what the others say? */
static hg_status check(bool **implausible, cli_run *run, hg_party *p, const char *project, const hg_party_shared *s,
                       hg_err *err) {
    *implausible = NULL;
    if (!cli_has(&run->args, "check")) return HG_OK;
    if (!(*implausible = hg_alloc(run->arena, s->shared, sizeof **implausible)))
        return hg_fail(err, HG_ENOMEM, "no memory for a check");
    const hg_status st = hg_party_check(*implausible, s->shared, p, project, s->dataset, err);
    if (st == HG_OK) return HG_OK;
    return hg_advise(err, st, "data set %.16s is shared all the same: only the check failed", s->dataset);
}

static hg_status share(cli_run *run, hg_party *p, hg_err *err) {
    hg_party_share_opts o = { .target = cli_value(&run->args, "target"),
                              .keep_blank = cli_has(&run->args, "no-blank"),
                              .candidates = cli_has(&run->args, "candidates"),
                              .remember = true,
                              .repeat = cli_has(&run->args, "repeat") };
    bool *implausible;
    const char *project, *table = run->args.n_positional ? run->args.positional[0] : NULL;
    hg_party_shared s;
    HG_TRY(cli_project(&project, run, err));
    HG_TRY(cli_outbox(&o.folder, run, err));
    if (cli_has(&run->args, "again")) return again(run, p, project, &o, err);
    if (!table == !cli_has(&run->args, "measured"))
        return hg_fail(err, HG_EINVAL, "`hagane party share` needs TABLE, or --measured, or --again");
    HG_TRY(table ? hg_party_share(&s, p, project, table, &o, err) : measured(&s, run, p, project, &o, err));
    HG_TRY(check(&implausible, run, p, project, &s, err));
    if (run->json) return json_shared(run, &s, project, implausible, err);
    say_shared(run, &s, project, implausible);
    return HG_OK;
}

static hg_status run_share(cli_run *run, hg_err *err) {
    hg_party *p;
    HG_TRY(cli_party_open(&p, run, err));
    const hg_status st = share(run, p, err);
    hg_party_free(p);
    return st;
}

static const cli_positional SHARE_POSITIONAL[] = {
    { .name = "TABLE",
      .type = CLI_INPUT,
      .optional = true,
      .help = "CSV file with the pool's input columns (or its name column) and the measured property." },
    { .name = NULL },
};
static const cli_option SHARE_OPTIONS[] = {
    CLI_PARTY_PROJECT("The project, as in its policy."),
    { .name = "target",
      .letter = 't',
      .type = CLI_COLUMN,
      .argument = "COL",
      .fallback = "the policy's name for it",
      .help = "Column with the property." },
    { .name = "no-blank", .help = "Refuse the table when a row has no value, instead of leaving that row out." },
    { .name = "check",
      .help =
          "Ask then which of the rows do not fit what all others say. Told to you alone; costs a query, once for a data set." },
    { .name = "candidates",
      .help =
          "The table has candidates that you alone know, without a property (where the policy hides compositions)." },
    { .name = "measured",
      .type = CLI_TEXT,
      .argument = "ROW=VALUE",
      .repeatable = true,
      .help = "Instead of a table: the property of a row that was suggested, once it is measured." },
    { .name = "job", .type = CLI_TEXT, .argument = "JOB", .help = "With --measured: the job whose answer it was." },
    { .name = "repeat",
      .help = "Share rows that were shared before with the same value: they were measured twice, and count twice." },
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
        "Nothing is handed in when any row of the table is wrong, or was shared before from this machine with the same value. With a "
        "server away the share files are made and wait beside the keys; --again hands them in.",
    .positional = SHARE_POSITIONAL,
    .groups = SHARE_GROUPS,
    .examples = SHARE_EXAMPLES,
    .json =
        "schema \"hagane.party-share/1\": project, dataset, rows, shared (with padding), blank, and with --check implausible, a "
        "list of rows; or again, how many.",
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
static const cli_group *const WITHDRAW_GROUPS[] = { &cli_project_group, &cli_member_group, NULL };
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
