/* cli/suggest_parties.c -- see cli/suggest_parties.h
 *
 * The policy that the owners signed fixes the pool, the model, the goal and who may ask; the command line says only whose policy,
 * who asks, and how many candidates. JSON has the keys of the plain verb: what would tell other owners' data is null, and
 * "hidden" says why.
 */
#include "cli/suggest_parties.h"
#include "cli/grid.h"
#include "cli/output.h"
#include "cli/party.h"
#include "party/client.h"
#include <math.h>
#include <string.h>

static const cli_option OPTIONS[] = {
    { .name = "parties",
      .type = CLI_INPUT,
      .argument = "FILE",
      .help =
          "Ask three servers that hold the data of several owners as shares, instead of reading TABLE. FILE is the cluster's "
          "file. What is improved, from which candidates and with which model stands in the project's policy." },
    CLI_PARTY_PROJECT("With --parties: the project, as in its policy."),
    CLI_PARTY_IDENTITY("With --parties: folder with your keys and certificate, made by `hagane party init`."),
    CLI_PARTY_PASSPHRASE("With --parties: file whose first line is the passphrase of your keys."),
    CLI_PARTY_WAIT(
        "With --parties: how long to try again while a server cannot be reached. The same question is charged once."),
    { .name = "dry-run",
      .help =
          "With --parties: say in bits and in words what the answer would reveal and what it would cost, and ask nothing." },
    { .name = NULL },
};
const cli_group cli_parties_group = { "Secret data on three servers", OPTIONS };

/* ---- options that the policy has taken over --------------------------------------------------------------------------------------- */

static bool is_allowed(const char *name) {
    static const char *const OTHERS[] = { "batch", "out", "threads", "record", "json", "quiet", "verbose" };
    for (const cli_option *o = OPTIONS; o->name; o++)
        if (strcmp(o->name, name) == 0) return true;
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (strcmp(OTHERS[i], name) == 0) return true;
    return false;
}

static hg_status check_options(const cli_run *run, hg_err *err) {
    if (run->args.n_positional)
        return hg_advise(
            err,
            hg_fail(err, HG_EINVAL, "a table and --parties cannot be given together: \"%s\"", run->args.positional[0]),
            "what was measured is handed in with `hagane party share`");
    for (size_t i = 0; i < run->args.n_given; i++) {
        const char *name = run->args.given[i].option->name;
        if (!is_allowed(name))
            return hg_advise(err, hg_fail(err, HG_EINVAL, "--%s means nothing with --parties", name),
                             "the project's policy says it, signed by all owners: `hagane party policy` shows it");
    }
    return HG_OK;
}

static hg_status open_party(hg_party **out, cli_run *run, hg_err *err) {
    hg_party_opts o = hg_party_opts_default();
    o.cluster = cli_value(&run->args, "parties");
    o.identity = cli_value(&run->args, "identity");
    if (!o.identity) return hg_fail(err, HG_EINVAL, "--identity is missing: the folder with your keys");
    HG_TRY(cli_passphrase(&o.passphrase, &o.passphrase_n, run, err));
    o.world = hg_party_world();
    o.hooks = &run->hooks;
    o.wait_ms = (int)(1000 * cli_number(&run->args, "wait", 0));
    return hg_party_open(out, &o, err);
}

/* ---- an answer --------------------------------------------------------------------------------------------------------------------- */

/* The keys of the plain verb that are null here, and why. */
static const struct {
    const char *key, *why;
} HIDDEN[] = {
    { "mean", "it would tell other owners' measurements; this policy releases the index alone" },
    { "sd", "it would tell how other owners' measurements scatter" },
    { "p_improve", "it would tell other owners' measurements" },
    { "p_feasible", "a policy has one target and no requirements" },
    { "score", "it would tell other owners' measurements" },
    { "neighbours", "their measured values belong to other owners" },
    { "best", "it may be another owner's measurement" },
    { "loo", "leave-one-out figures would tell other owners' measurements" },
    { "why", "reasons quote measurements" },
    { "seed", "the three servers throw it together: a user's own would be a question of its own" },
    { "line", "the pool stands in the policy, not in a file" },
};

static void json_inputs(hg_json *j, const hg_party_answer *a, size_t k) {
    hg_json_begin_object(j, "inputs");
    for (size_t i = 0; i < a->n_inputs; i++) hg_json_number(j, a->input[i], a->proposal[k].inputs[i]);
    hg_json_end_object(j);
}

static void json_proposal(hg_json *j, const hg_party_answer *a, size_t k) {
    const hg_party_proposal *p = &a->proposal[k];
    hg_json_begin_object(j, NULL);
    hg_json_number(j, "rank", (double)k + 1);
    hg_json_count(j, "row", p->row);
    hg_json_string(j, "id", p->id);
    hg_json_null(j, "line");
    hg_json_number(j, "mean", p->mean);
    hg_json_number(j, "mean_step", p->mean_step);
    hg_json_null(j, "sd");
    hg_json_null(j, "p_improve");
    hg_json_null(j, "p_feasible");
    hg_json_null(j, "score");
    json_inputs(j, a, k);
    if (p->dataset) {
        hg_json_string(j, "dataset", p->dataset);
        hg_json_string(j, "owner", p->owner);
        hg_json_count(j, "dataset_row", p->dataset_row);
    }
    hg_json_null(j, "neighbours");
    hg_json_null(j, "why");
    hg_json_end_object(j);
}

static void json_hidden(hg_json *j, const hg_party_answer *a) {
    const bool released = a->n && !isnan(a->proposal[0].mean);
    hg_json_begin_object(j, "hidden");
    for (size_t i = released; i < sizeof HIDDEN / sizeof *HIDDEN; i++) /* the mean stands first */
        hg_json_string(j, HIDDEN[i].key, HIDDEN[i].why);
    hg_json_end_object(j);
}

static hg_status print_json(cli_run *run, const hg_party_answer *a, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "suggest");
    hg_json_null(&j, "seed");
    hg_json_begin_array(&j, "objectives");
    hg_json_begin_object(&j, NULL);
    hg_json_string(&j, "column", a->target);
    hg_json_string(&j, "unit", a->unit);
    hg_json_string(&j, "direction", a->maximize ? "maximize" : "minimize");
    hg_json_end_object(&j);
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "suggestions");
    for (size_t k = 0; k < a->n; k++) json_proposal(&j, a, k);
    hg_json_end_array(&j);
    hg_json_null(&j, "best");
    hg_json_null(&j, "loo");
    hg_json_begin_object(&j, "model");
    hg_json_string(&j, "policy", a->policy);
    hg_json_count(&j, "measured", a->rows);
    hg_json_count(&j, "datasets", a->datasets);
    hg_json_count(&j, "candidates", a->candidates);
    hg_json_end_object(&j);
    hg_json_begin_array(&j, "warnings");
    hg_json_end_array(&j);
    hg_json_count(&j, "rounds", a->rounds);
    hg_json_count(&j, "bytes", a->bytes);
    hg_json_number(&j, "seconds", a->seconds);
    hg_json_string(&j, "mode", a->mode);
    hg_json_string(&j, "mode_words", a->mode_words);
    hg_json_number(&j, "tier", a->tier);
    hg_json_string(&j, "tier_words", a->tier_words);
    hg_json_number(&j, "bits", a->bits);
    hg_json_count(&j, "budget_left", a->budget_left);
    hg_json_string(&j, "job", a->job);
    hg_json_string(&j, "transcript", a->transcript);
    json_hidden(&j, a);
    return cli_json_end(run, &j, err);
}

static void print_words(cli_run *run, const hg_party_answer *a) {
    hg_text *t = &run->out;
    const char *unit = a->unit ? a->unit : "";
    hg_text_add(t, "%sMeasure next%s, to %s %s:\n", cli_bold(true), cli_bold(false),
                a->maximize ? "maximize" : "minimize", a->target);
    for (size_t k = 0; k < a->n; k++) {
        const hg_party_proposal *p = &a->proposal[k];
        if (p->dataset)
            hg_text_add(t, "  %zu  row %zu (counted from 0) of data set %.16s of %s, entry %zu", k + 1, p->dataset_row,
                        p->dataset, p->owner, p->row);
        else
            hg_text_add(t, "  %zu  row %zu (counted from 0) of the pool", k + 1, p->row);
        if (p->id) hg_text_add(t, ", named %s", p->id);
        for (size_t i = 0; i < a->n_inputs; i++)
            hg_text_add(t, "%s%s = %.9g", i ? ", " : ": ", a->input[i], p->inputs[i]);
        if (!isnan(p->mean))
            hg_text_add(t, "; predicted between %.6g and %.6g%s%s", p->mean - p->mean_step / 2,
                        p->mean + p->mean_step / 2, *unit ? " " : "", unit);
        hg_text_add(t, "\n");
    }
    hg_text_add(
        t,
        "\nOnce measured: `hagane party share --measured %zu=VALUE --job %s`, with the same project, cluster and "
        "identity.\n",
        a->n ? a->proposal[0].row : 0, a->job);
    hg_text_add(t, "Computed from %zu row%s in %zu data set%s that nobody saw: %s.\n", a->rows, a->rows == 1 ? "" : "s",
                a->datasets, a->datasets == 1 ? "" : "s", a->tier_words);
    hg_text_add(t, "Mode %s: %s.\n", a->mode, a->mode_words);
    hg_text_add(
        t,
        "%zu rounds, %.3g kB sent by a server, %.3g s. The answer tells %.3g bits on average at most; %zu quer%s left.\n",
        a->rounds, (double)a->bytes / 1000, a->seconds, a->bits, a->budget_left, a->budget_left == 1 ? "y" : "ies");
}

/* The suggested rows of the pool, ready to be filled in. */
static hg_status write_table(cli_run *run, const hg_party_answer *a, const char *path, hg_err *err) {
    hg_text t = hg_text_new(0);
    hg_text_add(&t, "row");
    for (size_t i = 0; i < a->n_inputs; i++) {
        hg_text_add(&t, ",");
        cli_csv_cell(&t, a->input[i]);
    }
    hg_text_add(&t, ",");
    cli_csv_cell(&t, a->target);
    hg_text_add(&t, "\n");
    for (size_t k = 0; k < a->n; k++) {
        hg_text_add(&t, "%zu", a->proposal[k].row);
        for (size_t i = 0; i < a->n_inputs; i++) {
            hg_text_add(&t, ",");
            cli_number_text(&t, a->proposal[k].inputs[i]);
        }
        hg_text_add(&t, ",\n");
    }
    const hg_status st =
        t.failed ? hg_fail(err, HG_ENOMEM, "no memory for %s", path) : cli_result(run, path, t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

static hg_status ask(cli_run *run, hg_party *p, const char *project, hg_err *err) {
    hg_party_answer *a;
    const char *out = cli_value(&run->args, "out");
    hg_party_suggest_opts o = { .batch = cli_count(&run->args, "batch", 1) };
    HG_TRY(cli_outbox(&o.save, run, err));
    HG_TRY(hg_party_suggest(&a, p, project, &o, err));
    hg_status st = out ? write_table(run, a, out, err) : HG_OK;
    if (st == HG_OK && run->json)
        st = print_json(run, a, err);
    else if (st == HG_OK && !(out && strcmp(out, "-") == 0))
        print_words(run, a);
    hg_party_answer_free(a);
    return st;
}

/* ---- a dry run ----------------------------------------------------------------------------------------------------------------------- */

static hg_status print_leakage(cli_run *run, const hg_policy *policy, const hg_leakage *l, const hg_leakage_estimate *e,
                               hg_err *err) {
    if (!run->json) return hg_leakage_words(&run->out, policy, l, e, err);
    hg_json j;
    hg_text words = hg_text_new(0);
    hg_status st = hg_leakage_words(&words, policy, l, e, err);
    cli_json_begin(&j, run, "suggest-dry-run");
    hg_json_count(&j, "candidates", l->candidates);
    hg_json_number(&j, "bits", l->bits_job);
    hg_json_number(&j, "bits_budget", l->bits_budget);
    hg_json_count(&j, "inequalities", l->inequalities);
    hg_json_count(&j, "price", l->price);
    hg_json_number(&j, "epsilon", l->epsilon_job);
    hg_json_number(&j, "bits_first_answer", e ? e->bits_first : NAN);
    hg_json_number(&j, "spread_after_one", e ? e->spread[0] : NAN);
    hg_json_number(&j, "spread_after_two", e ? e->spread[1] : NAN);
    hg_json_string(&j, "mode", hg_mode_name(policy->mode));
    hg_json_number(&j, "tier", (double)policy->tier);
    hg_json_string(&j, "words", words.s);
    hg_text_free(&words);
    HG_TRY(st);
    return cli_json_end(run, &j, err);
}

static hg_status dry_run(cli_run *run, hg_party *p, const char *project, hg_err *err) {
    hg_leakage l;
    hg_leakage_estimate e;
    bool measured = false;
    hg_policy *policy;
    HG_TRY(hg_party_dry_run(&l, &e, &measured, &policy, p, project, cli_count(&run->args, "batch", 1), run->pool, err));
    const hg_status st = print_leakage(run, policy, &l, measured ? &e : NULL, err);
    hg_policy_free(policy);
    return st;
}

hg_status cli_suggest_parties(cli_run *run, hg_err *err) {
    const char *project;
    hg_party *p;
    HG_TRY(check_options(run, err));
    HG_TRY(cli_project(&project, run, err));
    HG_TRY(open_party(&p, run, err));
    const hg_status st = cli_has(&run->args, "dry-run") ? dry_run(run, p, project, err) : ask(run, p, project, err);
    hg_party_free(p);
    return st;
}
