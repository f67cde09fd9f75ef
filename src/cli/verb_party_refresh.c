/* cli/verb_party_refresh.c -- `hagane party refresh` and `hagane party rebuild`: an operator's care for the shares */
#include "cli/output.h"
#include "cli/party.h"
#include "party/client.h"

static hg_status refresh(cli_run *run, const char *schema, unsigned lost, const char *server, hg_err *err) {
    const char *project;
    uint64_t epoch;
    hg_party *p;
    hg_json j;
    HG_TRY(cli_project(&project, run, err));
    HG_TRY(cli_party_open(&p, run, err));
    hg_status st = HG_OK;
    if (server) {
        const int party = hg_cluster_party(&p->cluster, server);
        if (party < 0)
            st = hg_fail(err, HG_EINVAL, "\"%s\" is none of the three servers", server);
        else
            lost = (unsigned)party;
    }
    if (st == HG_OK) st = hg_party_refresh(&epoch, p, project, lost, err);
    hg_party_free(p);
    HG_TRY(st);
    if (!run->json) {
        hg_text_add(&run->out, "project %s: the shares of epoch %llu are in force on all three servers%s%s\n", project,
                    (unsigned long long)epoch, server ? "; rebuilt: " : "", server ? server : "");
        return HG_OK;
    }
    cli_json_begin(&j, run, schema);
    hg_json_string(&j, "project", project);
    hg_json_number(&j, "epoch", (double)epoch);
    hg_json_string(&j, "rebuilt", server);
    return cli_json_end(run, &j, err);
}

static hg_status run_refresh(cli_run *run, hg_err *err) { return refresh(run, "party-refresh", HG_NOBODY, NULL, err); }

static hg_status run_rebuild(cli_run *run, hg_err *err) {
    return refresh(run, "party-rebuild", HG_NOBODY, run->args.positional[0], err);
}

static const cli_group *const GROUPS[] = { &cli_project_group, &cli_member_group, NULL };

static const cli_example REFRESH_EXAMPLES[] = {
    { "hagane party refresh --project magnets --cluster cluster.yaml --identity univ",
      "by the operator of any of the three" },
    { .command = NULL },
};
const cli_verb cli_party_refresh_record = {
    .name = "party refresh",
    .summary = "have the three servers make new shares of the same values",
    .description =
        "Makes new shares of everything in a project and destroys the old ones, so that what was stolen from one server before "
        "fits nothing that is stolen from another one later. No value is put together. Run it on a schedule, with the "
        "identity of one of the servers. What broke off is finished by running it again; until then the project answers no "
        "questions.",
    .groups = GROUPS,
    .examples = REFRESH_EXAMPLES,
    .json = "schema \"hagane.party-refresh/1\": project, epoch, rebuilt (null).",
    .run = run_refresh,
};

static const cli_positional REBUILD_POSITIONAL[] = {
    { .name = "SERVER",
      .type = CLI_TEXT,
      .help = "The server that lost its store, by its name in the cluster's file." },
    { .name = NULL },
};
static const cli_example REBUILD_EXAMPLES[] = {
    { "hagane party serve univ --cluster cluster.yaml --key-file univ.key --new",
      "the lost server, with an empty store" },
    { "hagane party rebuild univ --project magnets --cluster cluster.yaml --identity univ",
      "its part, from the two others" },
    { .command = NULL },
};
const cli_verb cli_party_rebuild_record = {
    .name = "party rebuild",
    .summary = "give a server that lost its store its part back",
    .description =
        "The two other servers make new shares and hand the lost server its two parts of them, one each; neither tells more than "
        "what that server held before. The shares that were lost are worth nothing from then on. Budgets and withdrawals come "
        "back, too; the signed log of the lost server begins anew, and every owner sees that at the next audit.",
    .positional = REBUILD_POSITIONAL,
    .groups = GROUPS,
    .examples = REBUILD_EXAMPLES,
    .json = "schema \"hagane.party-rebuild/1\": project, epoch, rebuilt.",
    .run = run_rebuild,
};
