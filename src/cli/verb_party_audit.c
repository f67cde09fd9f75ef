/* cli/verb_party_audit.c -- `hagane party audit`: three servers' logs, verified, compared, and remembered */
#include "cli/output.h"
#include "cli/party.h"
#include "party/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADS_MOST = 4096 };

typedef struct {
    hg_text text[HG_SERVERS];
    hg_audit_log *log[HG_SERVERS];
    hg_audit_head head[HG_SERVERS], earlier[HG_SERVERS]; /* earlier: of the last audit; sequence 0: none */
    hg_text words;
    size_t differences;
    int rebuilt; /* the server whose log may begin anew; -1: none */
} audit;

/* ---- heads of the last audit: a line a server, "sequence hash" ---------------------------------------------------------------- */

static hg_status heads_path(const char **path, cli_run *run, const char *project, hg_err *err) {
    const char *folder;
    HG_TRY(cli_outbox(&folder, run, err));
    hg_text t = hg_text_new(0);
    hg_text_add(&t, "%s/%s.heads", folder, project);
    *path = t.failed ? NULL : hg_arena_strdup(run->arena, t.s);
    hg_text_free(&t);
    return *path ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a path");
}

static hg_status read_heads(hg_audit_head head[HG_SERVERS], const char *path, hg_err *err) {
    hg_text t = hg_text_new(HEADS_MOST);
    if (access(path, F_OK) != 0) return HG_OK;
    hg_status st = hg_party_read_file(&t, path, err);
    const char *s = t.s;
    for (unsigned i = 0; st == HG_OK && i < HG_SERVERS; i++) {
        unsigned long long sequence;
        int at = 0;
        if (sscanf(s, "%20llu %n", &sequence, &at) != 1 ||
            !hg_hex_read(head[i].hash, HG_DIGEST, s + at, strcspn(s + at, "\n")))
            st = hg_fail(err, HG_EPARSE, "%s:%u: no head of a log", path, i + 1);
        else
            head[i].sequence = sequence;
        s += strcspn(s, "\n");
        s += *s == '\n';
    }
    hg_text_free(&t);
    return st;
}

static hg_status write_heads(cli_run *run, const char *path, const hg_audit_head head[HG_SERVERS], hg_err *err) {
    hg_text t = hg_text_new(0);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        char hash[2 * HG_DIGEST + 1];
        hg_hex_write(hash, head[i].hash, HG_DIGEST);
        hg_text_add(&t, "%llu %s\n", (unsigned long long)head[i].sequence, hash);
    }
    const hg_status st =
        t.failed ? hg_fail(err, HG_ENOMEM, "no memory for %s", path) : hg_party_write_file(path, t.s, t.len, err);
    hg_text_free(&t);
    (void)run;
    return st;
}

/* ---- logs ------------------------------------------------------------------------------------------------------------------------ */

/* A log that began anew: the head that was seen of it is no promise any more. */
static hg_status forget_rebuilt(audit *a, const cli_run *run, const hg_party *p, hg_err *err) {
    const char *server = cli_value(&run->args, "rebuilt");
    if (!server) return HG_OK;
    const int party = hg_cluster_party(&p->cluster, server);
    if (party < 0) return hg_fail(err, HG_EINVAL, "--rebuilt: \"%s\" is none of the three servers", server);
    a->earlier[party] = (hg_audit_head) { .sequence = 0 };
    a->rebuilt = party;
    return HG_OK;
}

/* In what came since the last audit: one rebuilding excuses one new log. */
static bool tells_rebuilding(const hg_audit_log *l, uint64_t since, int party) {
    for (size_t k = 0; k < l->n; k++) {
        const hg_audit_entry *e = &l->entry[k];
        for (size_t f = 0;
             e->sequence > since && !e->hidden && e->kind == HG_AUDIT_REFRESH_COMMITTED && f < e->n_fields; f++)
            if (strcmp(e->key[f], "lost") == 0 && atoi(e->value[f]) == party) return true;
    }
    return false;
}

/* A server that only says so could hide what it did before: the two others must have rebuilt it. */
static hg_status check_rebuilt(const audit *a, const hg_party *p, hg_err *err) {
    for (int i = 0; a->rebuilt >= 0 && i < HG_SERVERS; i++)
        if (i != a->rebuilt && !tells_rebuilding(a->log[i], a->earlier[i].sequence, a->rebuilt))
            return hg_advise(err,
                             hg_fail(err, HG_ECHEAT, "the log of %s does not say that %s was rebuilt",
                                     p->cluster.server[i].name, p->cluster.server[a->rebuilt].name),
                             "keep the logs with --save, and ask the operators");
    return HG_OK;
}

/* What a log that is shorter than it was, or another one, may have to do with a rebuilding. */
static hg_status verify_one(audit *a, unsigned i, const hg_party *p, const char *project, hg_err *err) {
    const hg_cluster_server *s = &p->cluster.server[i];
    const hg_audit_head *seen = a->earlier[i].sequence ? &a->earlier[i] : NULL;
    const hg_status st = hg_audit_verify(&a->head[i], a->log[i], s->signing_key, project, seen, err);
    hg_audit_head now;
    if (st == HG_OK || !seen || hg_audit_verify(&now, a->log[i], s->signing_key, project, NULL, NULL) != HG_OK)
        return st;
    return hg_advise(
        err, st,
        "it does not continue what you saw, and is in order by itself. Was %s lost and rebuilt? Then --rebuilt "
        "%s takes the new log, if the two others tell of it; else keep both: they are evidence",
        s->name, s->name);
}

static hg_status verify(audit *a, const hg_party *p, const char *project, hg_err *err) {
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        const hg_cluster_server *s = &p->cluster.server[i];
        HG_TRY(hg_audit_read(&a->log[i], s->name, a->text[i].s, a->text[i].len, err));
        HG_TRY(verify_one(a, i, p, project, err));
        if (a->log[i]->party != i) return hg_fail(err, HG_ECHEAT, "%s hands over the log of another server", s->name);
    }
    HG_TRY(check_rebuilt(a, p, err));
    return hg_audit_compare(&a->words, &a->differences, (const hg_audit_log *const *)a->log, err);
}

static hg_status save_logs(cli_run *run, const audit *a, const hg_party *p, hg_err *err) {
    const char *folder = cli_value(&run->args, "save");
    for (unsigned i = 0; folder && i < HG_SERVERS; i++) {
        hg_text path = hg_text_new(0);
        hg_text_add(&path, "%s/%s.log", folder, p->cluster.server[i].name);
        const hg_status st = path.failed ? hg_fail(err, HG_ENOMEM, "no memory for a path")
                                         : hg_party_write_file(path.s, a->text[i].s, a->text[i].len, err);
        hg_text_free(&path);
        HG_TRY(st);
    }
    return HG_OK;
}

static void print_words(cli_run *run, const audit *a, const hg_party *p) {
    const bool full = cli_has(&run->args, "verbose");
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        char hash[2 * HG_DIGEST + 1];
        hg_hex_write(hash, a->head[i].hash, HG_DIGEST);
        hg_text_add(&run->out, "%s%s%s: %llu entries, all signed, none missing%s; head %.16s\n", cli_bold(true),
                    p->cluster.server[i].name, cli_bold(false), (unsigned long long)a->head[i].sequence,
                    a->earlier[i].sequence ? ", continues what was seen before" : "", hash);
        if (i == 0 || full) hg_audit_words(&run->out, a->log[i]);
    }
    if (a->differences)
        hg_text_add(&run->out, "The three logs differ%s:\n%s",
                    full ? "" : "; above is the first one, --verbose shows all", a->words.s);
    else
        hg_text_add(&run->out, "The three logs tell the same.\n");
}

static hg_status print_json(cli_run *run, const audit *a, const hg_party *p, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "party-audit");
    hg_json_begin_array(&j, "logs");
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        char hash[2 * HG_DIGEST + 1];
        hg_text words = hg_text_new(0);
        hg_hex_write(hash, a->head[i].hash, HG_DIGEST);
        hg_audit_words(&words, a->log[i]);
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "server", p->cluster.server[i].name);
        hg_json_number(&j, "entries", (double)a->head[i].sequence);
        hg_json_string(&j, "head", hash);
        hg_json_bool(&j, "continues", a->earlier[i].sequence != 0);
        hg_json_string(&j, "words", words.s);
        hg_json_end_object(&j);
        hg_text_free(&words);
    }
    hg_json_end_array(&j);
    hg_json_count(&j, "differences", a->differences);
    hg_json_string(&j, "differences_words", a->words.s);
    return cli_json_end(run, &j, err);
}

static hg_status look(audit *a, cli_run *run, hg_party *p, hg_err *err) {
    const char *project, *path;
    HG_TRY(cli_project(&project, run, err));
    HG_TRY(heads_path(&path, run, project, err));
    HG_TRY(read_heads(a->earlier, path, err));
    HG_TRY(forget_rebuilt(a, run, p, err));
    HG_TRY(hg_party_audit(a->text, p, project, 1, err));
    HG_TRY(verify(a, p, project, err));
    HG_TRY(save_logs(run, a, p, err));
    HG_TRY(write_heads(run, path, a->head, err));
    if (run->json) return print_json(run, a, p, err);
    print_words(run, a, p);
    return HG_OK;
}

static hg_status run_audit(cli_run *run, hg_err *err) {
    audit a = { .text = { hg_text_new(0), hg_text_new(0), hg_text_new(0) }, .words = hg_text_new(0), .rebuilt = -1 };
    hg_party *p;
    hg_status st = cli_party_open(&p, run, err);
    if (st == HG_OK) st = look(&a, run, p, err);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_audit_log_free(a.log[i]);
        hg_text_free(&a.text[i]);
    }
    hg_text_free(&a.words);
    hg_party_free(p);
    return st;
}

static const cli_option OPTIONS[] = {
    CLI_PARTY_PROJECT("The project, as in its policy."),
    { .name = "save",
      .type = CLI_TEXT,
      .argument = "FOLDER",
      .help = "Write the three logs there, <server>.log, for your own files." },
    { .name = "rebuilt",
      .type = CLI_TEXT,
      .argument = "SERVER",
      .help =
          "This server was lost and rebuilt: take its new log, which does not continue what was seen of the old one. The "
          "two others must tell of the rebuilding." },
    { .name = NULL },
};
static const cli_group GROUP = { "What", OPTIONS };
static const cli_group *const GROUPS[] = { &GROUP, &cli_member_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane party audit --project magnets --cluster cluster.yaml --identity acme", "what was done with our data?" },
    { .command = NULL },
};
const cli_verb cli_party_audit_record = {
    .name = "party audit",
    .summary = "fetch the servers' logs, verify and compare them",
    .description =
        "Fetches the log of each server, checks every signature and that no entry was changed, left out or put in, "
        "compares it with what was seen at the last audit, and compares the three. A server that was away for a while shows "
        "up as a difference: a question to its operator, not a proof. The first server's log is printed, and where the others differ; "
        "--verbose prints all three, --save keeps them. Entries of other projects stay hidden; that they are there "
        "is seen.",
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.party-audit/1\": logs (server, entries, head, continues, words), differences, differences_words.",
    .run = run_audit,
};
