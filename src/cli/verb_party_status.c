/* cli/verb_party_status.c -- `hagane party status`: which servers are there, which data sets count */
#include "cli/output.h"
#include "cli/party.h"
#include "party/client.h"
#include <math.h>
#include <string.h>

typedef struct {
    hg_status st[HG_SERVERS];
    hg_err err[HG_SERVERS];
    hg_server_status server[HG_SERVERS];
    hg_dataset_status *set;
    size_t n_sets;
    size_t here;
} picture;

static void time_words(char out[HG_TIME_SIZE], int64_t t) { hg_time_write(out, t); }

static void say_server(cli_run *run, const hg_party *p, const picture *v, unsigned i) {
    const hg_server_status *s = &v->server[i];
    if (v->st[i] != HG_OK) {
        hg_text_add(&run->out, "%u  %-20s not here: %s\n", i, p->cluster.server[i].name, v->err[i].msg);
        return;
    }
    char ends[HG_TIME_SIZE];
    time_words(ends, s->certificate_ends);
    hg_text_add(&run->out, "%u  %-20s here, version %s, %llu at work, certificate until %s\n", i, s->name, s->version,
                (unsigned long long)s->jobs, ends);
    for (unsigned k = 0; k < HG_SERVERS; k++)
        if (k != i && !s->peer[k].here) {
            if (s->peer[k].silent_ms < 0)
                hg_text_add(&run->out, "   has not heard of %s yet\n", s->peer[k].name);
            else
                hg_text_add(&run->out, "   has not heard of %s since %lld s\n", s->peer[k].name,
                            (long long)(s->peer[k].silent_ms / 1000));
        }
}

/* What one server says of a project; of the asker's own budget, too. */
static void project_words(hg_text *to, const hg_project_status *q) {
    if (q->why[0]) {
        hg_text_add(to, "cannot be used: %s", q->why);
        return;
    }
    hg_text_add(to, "%llu row%s in %llu data set%s, %llu waiting, epoch %llu%s", (unsigned long long)q->rows,
                q->rows == 1 ? "" : "s", (unsigned long long)q->sets, q->sets == 1 ? "" : "s",
                (unsigned long long)q->waiting, (unsigned long long)q->epoch,
                q->building ? ", public tables are being made" : "");
    if (q->user)
        hg_text_add(to, "; you have %llu of %llu quer%s left", (unsigned long long)q->left,
                    (unsigned long long)q->budget, q->budget == 1 ? "y" : "ies");
}

static const hg_project_status *find_project(const picture *v, unsigned server, const char *name) {
    const hg_server_status *s = &v->server[server];
    for (size_t k = 0; v->st[server] == HG_OK && k < s->n_projects; k++)
        if (strcmp(s->project[k].name, name) == 0) return &s->project[k];
    return NULL;
}

/* Once, as `first` has it; then whoever says something else. */
static void say_project(cli_run *run, const hg_party *p, const picture *v, unsigned first, const char *name) {
    hg_text words = hg_text_new(0);
    project_words(&words, find_project(v, first, name));
    hg_text_add(&run->out, "project %s: %s\n", name, words.s);
    for (unsigned i = first + 1; i < HG_SERVERS; i++) {
        hg_text other = hg_text_new(0);
        const hg_project_status *q = find_project(v, i, name);
        if (v->st[i] == HG_OK && !q) hg_text_add(&other, "does not have it");
        if (q) project_words(&other, q);
        if (other.len && strcmp(other.s, words.s) != 0)
            hg_text_add(&run->out, "   %s: %s\n", p->cluster.server[i].name, other.s);
        hg_text_free(&other);
    }
    for (unsigned i = 0; i < first; i++)
        if (v->st[i] == HG_OK) hg_text_add(&run->out, "   %s: does not have it\n", p->cluster.server[i].name);
    hg_text_free(&words);
}

static void say_projects(cli_run *run, const hg_party *p, const picture *v) {
    for (unsigned i = 0; i < HG_SERVERS; i++)
        for (size_t k = 0; v->st[i] == HG_OK && k < v->server[i].n_projects; k++) {
            const char *name = v->server[i].project[k].name;
            bool said = false;
            for (unsigned before = 0; before < i; before++) said = said || find_project(v, before, name);
            if (!said) say_project(run, p, v, i, name);
        }
}

static void say_sets(cli_run *run, const picture *v) {
    for (size_t i = 0; i < v->n_sets; i++) {
        char id[17], since[HG_TIME_SIZE];
        hg_hex_write(id, v->set[i].id, 8);
        time_words(since, v->set[i].since);
        hg_text_add(&run->out, "%s  %-16s %-10s %6llu row%-1s  %3llu quer%-3s  since %s\n", id, v->set[i].owner,
                    hg_dataset_state_name(v->set[i].state), (unsigned long long)v->set[i].rows,
                    v->set[i].rows == 1 ? "" : "s", (unsigned long long)v->set[i].spent,
                    v->set[i].spent == 1 ? "y" : "ies", since);
    }
}

static void json_server(hg_json *j, const hg_party *p, const picture *v, unsigned i) {
    const hg_server_status *s = &v->server[i];
    hg_json_begin_object(j, NULL);
    hg_json_string(j, "name", p->cluster.server[i].name);
    hg_json_bool(j, "here", v->st[i] == HG_OK);
    hg_json_string(j, "why", v->st[i] == HG_OK ? NULL : v->err[i].msg);
    if (v->st[i] == HG_OK) {
        char ends[HG_TIME_SIZE];
        time_words(ends, s->certificate_ends);
        hg_json_string(j, "version", s->version);
        hg_json_number(j, "jobs", (double)s->jobs);
        hg_json_string(j, "certificate_until", ends);
        hg_json_begin_array(j, "projects");
        for (size_t k = 0; k < s->n_projects; k++) {
            char policy[2 * HG_DIGEST + 1];
            hg_hex_write(policy, s->project[k].policy, HG_DIGEST);
            hg_json_begin_object(j, NULL);
            hg_json_string(j, "name", s->project[k].name);
            hg_json_string(j, "policy", policy);
            hg_json_number(j, "epoch", (double)s->project[k].epoch);
            hg_json_number(j, "datasets", (double)s->project[k].sets);
            hg_json_number(j, "rows", (double)s->project[k].rows);
            hg_json_number(j, "waiting", (double)s->project[k].waiting);
            hg_json_bool(j, "building", s->project[k].building);
            hg_json_string(j, "why", s->project[k].why[0] ? s->project[k].why : NULL);
            hg_json_number(j, "queries", s->project[k].user ? (double)s->project[k].budget : NAN);
            hg_json_number(j, "queries_left", s->project[k].user ? (double)s->project[k].left : NAN);
            hg_json_end_object(j);
        }
        hg_json_end_array(j);
    }
    hg_json_end_object(j);
}

static hg_status print_json(cli_run *run, const hg_party *p, const picture *v, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "party-status");
    hg_json_begin_array(&j, "servers");
    for (unsigned i = 0; i < HG_SERVERS; i++) json_server(&j, p, v, i);
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "datasets");
    for (size_t i = 0; i < v->n_sets; i++) {
        char id[2 * HG_DIGEST + 1];
        hg_hex_write(id, v->set[i].id, HG_DIGEST);
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "dataset", id);
        hg_json_string(&j, "owner", v->set[i].owner);
        hg_json_string(&j, "state", hg_dataset_state_name(v->set[i].state));
        hg_json_number(&j, "rows", (double)v->set[i].rows);
        hg_json_number(&j, "queries", (double)v->set[i].spent);
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

/* All three, each as often as --wait allows. */
static void ask(picture *v, cli_run *run, hg_party *p) {
    const int64_t deadline = hg_world_ms(p->o.world) + p->o.wait_ms;
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        do v->st[i] = hg_party_status(&v->server[i], p, i, run->arena, &v->err[i]);
        while (v->st[i] != HG_OK && hg_party_try_again(p, v->st[i], deadline));
        v->here += v->st[i] == HG_OK;
    }
}

/* What is known is said, whatever else cannot be had: with a server away, or with a policy that is not taken, there is no list of
 * data sets. */
static hg_status look(picture *v, cli_run *run, hg_party *p, hg_err *err) {
    ask(v, run, p);
    const char *project = cli_value(&run->args, "project");
    hg_status st = HG_OK;
    hg_err why = { .code = HG_OK };
    if (project) st = hg_party_datasets(&v->set, &v->n_sets, p, project, run->arena, &why);
    if (st != HG_OK) v->n_sets = 0;
    if (run->json) {
        HG_TRY(print_json(run, p, v, err));
    } else {
        for (unsigned i = 0; i < HG_SERVERS; i++) say_server(run, p, v, i);
        say_projects(run, p, v);
        if (project) say_sets(run, v);
    }
    if (st == HG_OK || v->here < HG_SERVERS) return HG_OK; /* who is away is told below */
    HG_TRY(cli_stdout_text(&run->out, err));
    if (err) *err = why;
    return st;
}

static hg_status run_status(cli_run *run, hg_err *err) {
    hg_party *p;
    picture v = { .n_sets = 0 };
    HG_TRY(cli_party_open(&p, run, err));
    hg_status st = look(&v, run, p, err);
    hg_party_free(p);
    HG_TRY(st);
    if (v.here == HG_SERVERS) return HG_OK;
    HG_TRY(cli_stdout_text(&run->out, err)); /* what is known is said, and the exit code tells that it is not all */
    for (unsigned i = 0; i < HG_SERVERS; i++)
        if (v.st[i] != HG_OK) {
            if (err) *err = v.err[i];
            return v.st[i];
        }
    return HG_OK;
}

static const cli_option OPTIONS[] = {
    CLI_PARTY_PROJECT("List the project's data sets, too."),
    { .name = NULL },
};
static const cli_group GROUP = { "What", OPTIONS };
static const cli_group *const GROUPS[] = { &GROUP, &cli_member_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane party status --cluster cluster.yaml --identity acme --project magnets", "servers, projects, data sets" },
    { .command = NULL },
};
const cli_verb cli_party_status_record = {
    .name = "party status",
    .summary = "ask the three servers how they are and what they hold",
    .description =
        "Asks each server whether it is there, which of the others it has heard of, and which projects it holds. With --project "
        "the data sets are listed, with their owners, states and the number of queries they took part in.",
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.party-status/1\": servers (name, here, why, version, jobs, certificate_until, projects); datasets. A project: name, policy, epoch, datasets, rows, waiting, building, why (its policy cannot be used), "
        "queries and queries_left (yours; null: you may not ask).",
    .run = run_status,
};
