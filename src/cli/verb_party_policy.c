/* cli/verb_party_policy.c -- `hagane party policy`: draft, show, sign and hand in what the owners agree on */
#include "cli/grid.h"
#include "cli/output.h"
#include "cli/party.h"
#include "hagane/csv.h"
#include "party/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *tier_name(size_t i) {
    static const char *const NAMES[] = { "properties", "indices", "compositions", NULL };
    return NAMES[i];
}
static const char *mode_name(size_t i) { return i < 2 ? hg_mode_name(i == 0 ? HG_SEMI_HONEST : HG_MALICIOUS) : NULL; }

/* ---- a draft from a pool ---------------------------------------------------------------------------------------------------------- */

static void put_text(hg_text *to, const char *s) {
    hg_text_add(to, "\"");
    for (; *s; s++) hg_text_add(to, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
    hg_text_add(to, "\"");
}

/* Every column of numbers without blanks but the target and the names. */
static bool may_be_feature(const hg_column *c, const char *target, const char *id) {
    return c->kind == HG_COLUMN_NUMBER && c->missing == 0 && strcmp(c->name, target) != 0 &&
           !(id && strcmp(c->name, id) == 0);
}

/* is[j]: column j is a feature; by --features, where a name that is no column is an error, or by the rule above. */
static hg_status find_features(bool *is, const cli_run *run, const hg_table *pool, const char *target, hg_err *err) {
    const char *list, *id = cli_value(&run->args, "id");
    char name[256];
    for (size_t j = 0; j < hg_table_columns(pool); j++)
        is[j] = !cli_has(&run->args, "features") && may_be_feature(hg_table_column(pool, j), target, id);
    for (size_t i = 0; (list = cli_value_at(&run->args, "features", i)); i++)
        for (const char *s = list; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL) {
            size_t column;
            snprintf(name, sizeof name, "%.*s", (int)strcspn(s, ","), s);
            HG_TRY(hg_table_find(&column, pool, name, err));
            is[column] = true;
        }
    return HG_OK;
}

static hg_status put_features(hg_text *to, const cli_run *run, const hg_table *pool, const char *target, hg_err *err) {
    size_t n = 0;
    bool *is = hg_alloc(run->arena, hg_table_columns(pool), sizeof *is);
    if (!is) return hg_fail(err, HG_ENOMEM, "no memory for a draft");
    HG_TRY(find_features(is, run, pool, target, err));
    hg_text_add(to, "features:                      # the inputs, with the range that becomes 0 to 1\n");
    for (size_t j = 0; j < hg_table_columns(pool); j++) {
        const hg_column *c = hg_table_column(pool, j);
        if (!is[j]) continue;
        HG_TRY(hg_table_need_numbers(pool, j, false, err));
        double low = c->number[0], high = low;
        for (size_t i = 0; i < hg_table_rows(pool); i++) {
            low = c->number[i] < low ? c->number[i] : low;
            high = c->number[i] > high ? c->number[i] : high;
        }
        hg_text_add(to, "  - {column: ");
        put_text(to, c->name);
        hg_text_add(to, ", low: ");
        cli_number_text(to, low);
        hg_text_add(to, ", high: ");
        cli_number_text(to, high > low ? high : low + 1);
        hg_text_add(to, "}\n");
        n++;
    }
    if (n) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EDATA, "%s has no column to learn from", hg_table_source(pool)),
                     "--features names columns of the pool, as its first line writes them");
}

static void put_key(hg_text *to, const char *name, const unsigned char key[HG_PUBLIC_KEY]) {
    char hex[2 * HG_PUBLIC_KEY + 1];
    hg_hex_write(hex, key, HG_PUBLIC_KEY);
    hg_text_add(to, ", %s: %s", name, hex);
}

/* "acme.pem=20": a certificate, and how many queries its member may ask. */
static hg_status put_member(hg_text *to, cli_run *run, const char *word, hg_err *err) {
    enum { PEM_MOST = 1 << 16, BUDGET = 20 };
    const char *equals = strrchr(word, '=');
    const char *path = equals ? hg_arena_strndup(run->arena, word, (size_t)(equals - word)) : word;
    unsigned long budget = BUDGET;
    char *end;
    hg_text pem;
    hg_certificate c;
    if (!path) return hg_fail(err, HG_ENOMEM, "no memory for the options");
    if (equals && ((budget = strtoul(equals + 1, &end, 10)) == 0 || *end))
        return hg_fail(err, HG_EINVAL, "--member %s: \"%s\" is no number of queries", word, equals + 1);
    hg_status st = cli_read_whole(&pem, run, path, PEM_MOST, err);
    if (st == HG_OK) st = hg_certificate_read(&c, pem.s, pem.len, err);
    hg_text_free(&pem);
    if (st != HG_OK)
        return hg_advise(err, hg_fail(err, st, "%s holds no certificate that can be read", path),
                         "--member takes a member's certificate.pem, not a key or another file");
    const bool owner = c.roles & HG_ROLE_OWNER, user = c.roles & HG_ROLE_USER;
    if (equals && !user)
        return hg_advise(
            err, hg_fail(err, HG_EINVAL, "--member %s: %s may not ask: its certificate has no role user", word, c.name),
            "--member %s, or a certificate with that role", path);
    hg_text_add(to, "  - {name: %s, roles: [%s%s%s]", c.name, owner ? "owner" : "", owner && user ? ", " : "",
                user ? "user" : "");
    put_key(to, "key", c.signing_key);
    if (user) hg_text_add(to, ", budget: %lu", budget);
    hg_text_add(to, "}\n");
    return HG_OK;
}

static hg_status put_members(hg_text *to, cli_run *run, hg_err *err) {
    hg_cluster cluster;
    const char *path = cli_value(&run->args, "cluster"), *word;
    if (!path) return hg_fail(err, HG_EINVAL, "--cluster is missing: the draft names the servers");
    HG_TRY(hg_cluster_read(&cluster, path, err));
    hg_text_add(to, "members:\n");
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_text_add(to, "  - {name: %s, roles: [server]", cluster.server[i].name);
        put_key(to, "key", cluster.server[i].signing_key);
        put_key(to, "seal", cluster.server[i].sealing_key);
        hg_text_add(to, "}\n");
    }
    if (!cli_has(&run->args, "member"))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--member is missing: who owns data, who may ask"),
                         "--member CERTIFICATE or --member CERTIFICATE=QUERIES, once for each");
    for (size_t i = 0; (word = cli_value_at(&run->args, "member", i)); i++) HG_TRY(put_member(to, run, word, err));
    return HG_OK;
}

static void put_head(hg_text *to, const cli_run *run, const char *project) {
    char from[HG_TIME_SIZE], until[HG_TIME_SIZE];
    const int64_t now = hg_world_now(hg_world_system());
    const char *tier = cli_value(&run->args, "tier"), *mode = cli_value(&run->args, "mode");
    hg_time_write(from, now - now % 86400);
    hg_time_write(until, now - now % 86400 + 86400 * (int64_t)cli_count(&run->args, "days", 365));
    hg_text_add(to, "# A draft: read it, change it, then `hagane party policy THIS --out policy.yaml`\n");
    hg_text_add(to, "hagane policy: 1\nproject: %s\nvalid: {from: %s, until: %s}\n", project, from, until);
    hg_text_add(to, "tier: %s                # what servers may not see\n", tier ? tier : tier_name(0));
    hg_text_add(to, "mode: %s               # semi-honest, or malicious: a cheating server is caught\n",
                mode ? mode : mode_name(0));
}

static hg_status put_target(hg_text *to, const cli_run *run, const char **target, hg_err *err) {
    *target = cli_value(&run->args, "target");
    if (!*target || !cli_has(&run->args, "low") || !cli_has(&run->args, "high"))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--target, --low and --high are needed for a draft"),
                         "the property's column and its range, as wide as it may ever be: values outside are refused");
    if (!(cli_number(&run->args, "low", 0) < cli_number(&run->args, "high", 0)))
        return hg_fail(err, HG_EINVAL, "--low must lie below --high");
    hg_text_add(to, "target: {column: ");
    put_text(to, *target);
    hg_text_add(to, ", goal: %s, low: ", cli_has(&run->args, "minimize") ? "minimize" : "maximize");
    cli_number_text(to, cli_number(&run->args, "low", 0));
    hg_text_add(to, ", high: ");
    cli_number_text(to, cli_number(&run->args, "high", 0));
    hg_text_add(to, "}\n");
    return HG_OK;
}

/* The pool itself; where compositions are hidden, only how many entries servers see. */
static void put_candidates(hg_text *to, const cli_run *run, const char *pool, size_t rows) {
    const char *id = cli_value(&run->args, "id"), *tier = cli_value(&run->args, "tier");
    if (tier && strcmp(tier, tier_name(2)) == 0) {
        hg_text_add(
            to, "limits:\n  entries: %zu                # candidates and measured rows together, padding included\n",
            2 * rows);
        return;
    }
    hg_text_add(to, "pool: {file: ");
    put_text(to, pool);
    if (id) {
        hg_text_add(to, ", id: ");
        put_text(to, id);
    }
    hg_text_add(to, "}\n");
}

static hg_status write_draft(hg_text *to, cli_run *run, const char *pool, hg_err *err) {
    const char *project, *target;
    hg_table *t;
    HG_TRY(cli_project(&project, run, err));
    put_head(to, run, project);
    HG_TRY(put_target(to, run, &target, err));
    HG_TRY(hg_csv_read(&t, pool, NULL, err));
    hg_status st = cli_input(run, pool, NULL, 0, err);
    if (st == HG_OK) st = put_features(to, run, t, target, err);
    const size_t rows = hg_table_rows(t);
    hg_table_free(t);
    HG_TRY(st);
    put_candidates(to, run, pool, rows);
    return put_members(to, run, err);
}

static hg_status draft(cli_run *run, hg_err *err) {
    const char *out = cli_value(&run->args, "out");
    hg_text t = hg_text_new(0);
    hg_status st = write_draft(&t, run, cli_value(&run->args, "draft"), err);
    if (st == HG_OK && t.failed) st = hg_fail(err, HG_ENOMEM, "no memory for a draft");
    if (st == HG_OK) st = cli_result(run, out ? out : "-", t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

/* ---- a policy ------------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_policy *policy;
    hg_text bytes; /* as it came, with its signatures */
    bool *has_signed;
} paper;

static hg_status load(paper *d, cli_run *run, hg_party **party, hg_err *err) {
    const char *project, *path = run->args.n_positional ? run->args.positional[0] : NULL;
    if (!path) { /* the one in force */
        HG_TRY(cli_project(&project, run, err));
        HG_TRY(cli_party_open(party, run, err));
        HG_TRY(hg_party_policy_text(&d->policy, &d->bytes, *party, project, err));
    } else {
        HG_TRY(hg_policy_load(&d->policy, path, err));
        HG_TRY(hg_party_read_file(&d->bytes, path, err));
        HG_TRY(cli_input(run, path, d->bytes.s, d->bytes.len, err));
    }
    d->has_signed = hg_alloc(run->arena, d->policy->n_members, sizeof *d->has_signed);
    if (!d->has_signed) return hg_fail(err, HG_ENOMEM, "no memory for a policy");
    return hg_policy_signatures(d->has_signed, d->policy, d->bytes.s, d->bytes.len, err);
}

/* What nobody could use any more is not signed by mistake; what begins later may well be. */
static hg_status check_date(const hg_policy *p, hg_err *err) {
    char when[HG_TIME_SIZE];
    if (p->expires > hg_world_now(hg_world_system())) return HG_OK;
    hg_time_write(when, p->expires);
    return hg_advise(err,
                     hg_fail(err, HG_EREFUSED, "the policy of %s expired at %s: it is not signed", p->project, when),
                     "write a later date behind `until`, and have that signed");
}

/* With one more signature, or the canonical text as it is signed. */
static hg_status write_policy(paper *d, cli_run *run, hg_err *err) {
    const char *out = cli_value(&run->args, "out"), *folder = cli_value(&run->args, "identity");
    const bool sign = cli_has(&run->args, "sign");
    hg_text t = hg_text_new(0);
    if (!out) return sign ? hg_fail(err, HG_EINVAL, "--sign needs --out: the file for the signed policy") : HG_OK;
    hg_status st = HG_OK;
    if (sign) {
        hg_identity_opts o = hg_identity_opts_default();
        hg_identity *id = NULL;
        if (!folder) st = hg_fail(err, HG_EINVAL, "--sign needs --identity: the folder with your keys");
        if (st == HG_OK) st = check_date(d->policy, err);
        if (st == HG_OK) st = cli_passphrase(&o.passphrase, &o.passphrase_n, run, err);
        if (st == HG_OK) st = hg_identity_load(&id, folder, &o, hg_world_system(), err);
        if (st == HG_OK)
            st = hg_policy_sign(&t, d->policy, d->bytes.s, d->bytes.len, hg_identity_signing_secret(id), err);
        hg_identity_free(id);
    } else if (run->args.n_positional) {
        st = hg_policy_write(&t, d->policy, err);
    } else {
        hg_text_put(&t, d->bytes.s, d->bytes.len);
    }
    if (st == HG_OK && t.failed) st = hg_fail(err, HG_ENOMEM, "no memory for a policy");
    if (st == HG_OK) st = cli_result(run, out, t.s, t.len, err);
    if (st == HG_OK && sign) st = hg_policy_signatures(d->has_signed, d->policy, t.s, t.len, err); /* yours is in it */
    hg_text_free(&t);
    return st;
}

static void say(cli_run *run, const paper *d) {
    hg_err why;
    if (hg_policy_in_force(d->policy, hg_world_now(hg_world_system()), &why) != HG_OK)
        hg_text_add(&run->out, "NOT IN FORCE: %s\n", why.msg);
    for (size_t i = 0; i < d->policy->n_members; i++)
        if (d->policy->member[i].owner)
            hg_text_add(&run->out, "%s %s signed\n", d->policy->member[i].name, d->has_signed[i] ? "has" : "has NOT");
}

static hg_status print(cli_run *run, const paper *d, bool sent, hg_err *err) {
    const hg_policy *p = d->policy;
    char digest[2 * HG_DIGEST + 1];
    hg_json j;
    hg_text words = hg_text_new(0);
    hg_hex_write(digest, p->digest, HG_DIGEST);
    hg_status st = hg_policy_show(run->json ? &words : &run->out, p, err);
    if (st == HG_OK && !run->json) {
        say(run, d);
        if (sent) hg_text_add(&run->out, "all three servers have taken it\n");
    } else if (st == HG_OK) {
        cli_json_begin(&j, run, "party-policy");
        hg_json_string(&j, "project", p->project);
        hg_json_string(&j, "digest", digest);
        hg_json_number(&j, "tier", (double)p->tier);
        hg_json_string(&j, "mode", hg_mode_name(p->mode));
        hg_json_bool(&j, "in_force", hg_policy_in_force(p, hg_world_now(hg_world_system()), NULL) == HG_OK);
        hg_json_count(&j, "candidates", p->n_candidates);
        hg_json_begin_object(&j, "signed");
        for (size_t i = 0; i < p->n_members; i++)
            if (p->member[i].owner) hg_json_bool(&j, p->member[i].name, d->has_signed[i]);
        hg_json_end_object(&j);
        hg_json_bool(&j, "sent", sent);
        hg_json_string(&j, "words", words.s);
        st = cli_json_end(run, &j, err);
    }
    hg_text_free(&words);
    return st;
}

static hg_status work(paper *d, cli_run *run, hg_party **party, hg_err *err) {
    const bool send = cli_has(&run->args, "send");
    const char *out = cli_value(&run->args, "out");
    HG_TRY(load(d, run, party, err));
    HG_TRY(write_policy(d, run, err));
    if (send) {
        if (!run->args.n_positional) return hg_fail(err, HG_EINVAL, "--send needs a policy's file");
        HG_TRY(cli_party_open(party, run, err));
        HG_TRY(hg_party_policy_put(*party, run->args.positional[0], err));
    }
    if (out && strcmp(out, "-") == 0) return HG_OK;
    return print(run, d, send, err);
}

static hg_status run_policy(cli_run *run, hg_err *err) {
    if (cli_has(&run->args, "draft")) return draft(run, err);
    paper d = { .bytes = hg_text_new(HG_POLICY_BYTES) };
    hg_party *party = NULL;
    const hg_status st = work(&d, run, &party, err);
    hg_party_free(party);
    hg_policy_free(d.policy);
    hg_text_free(&d.bytes);
    return st;
}

static const cli_positional POSITIONAL[] = {
    { .name = "FILE",
      .type = CLI_INPUT,
      .optional = true,
      .help =
          "A policy, or a draft of one. Without it, and with --project, the one in force is fetched from the servers." },
    { .name = NULL },
};
static const cli_option DO[] = {
    { .name = "out",
      .letter = 'o',
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help = "Write the policy as it is signed: every key with its value, the pool's rows inside." },
    { .name = "sign", .help = "Add your signature as an owner; with --identity and --out." },
    { .name = "send", .help = "Hand the policy with all owners' signatures to the three servers." },
    CLI_PARTY_PROJECT("The project whose policy is fetched, or drafted."),
    { .name = NULL },
};
static const cli_group DO_GROUP = { "What to do", DO };
static const cli_option DRAFT[] = {
    { .name = "draft",
      .type = CLI_INPUT,
      .argument = "POOL.csv",
      .help = "Write a draft for this table of candidates." },
    { .name = "target", .letter = 't', .type = CLI_TEXT, .argument = "COL", .help = "The property's column." },
    { .name = "minimize", .help = "Less of it is better." },
    { .name = "low",
      .type = CLI_NUMBER,
      .argument = "X",
      .min = -1e15,
      .max = 1e15,
      .help = "The least value that the property may have; values outside are refused." },
    { .name = "high", .type = CLI_NUMBER, .argument = "X", .min = -1e15, .max = 1e15, .help = "The greatest." },
    { .name = "features",
      .letter = 'f',
      .type = CLI_COLUMNS,
      .argument = "A,B,C",
      .repeatable = true,
      .fallback = "all columns of numbers but the target",
      .help = "Columns of the pool to learn from." },
    { .name = "id", .type = CLI_TEXT, .argument = "COL", .help = "Column of the pool with a name for each row." },
    { .name = "member",
      .type = CLI_TEXT,
      .argument = "CERTIFICATE[=N]",
      .repeatable = true,
      .fallback = "20 queries",
      .help = "An owner or user, by its certificate, and how many queries it may ask." },
    { .name = "tier",
      .type = CLI_CHOICE,
      .argument = "TIER",
      .choice = tier_name,
      .fallback = "properties",
      .help = "What the servers may not see." },
    { .name = "mode",
      .type = CLI_CHOICE,
      .argument = "MODE",
      .choice = mode_name,
      .fallback = "semi-honest",
      .help = "Whether a server that cheats is caught." },
    CLI_PARTY_DAYS(3650, "365", "How long the policy holds."),
    { .name = NULL },
};
static const cli_group DRAFT_GROUP = { "A draft", DRAFT };
static const cli_group *const GROUPS[] = { &DO_GROUP, &DRAFT_GROUP, &cli_member_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane party policy --draft pool.csv --project magnets --target \"Hc (T)\" --low 0 --high 3 --member acme.pem --cluster "
      "cluster.yaml --out draft.yaml",
      "a draft, to be read and changed" },
    { "hagane party policy draft.yaml --out policy.yaml", "the text that every owner signs" },
    { "hagane party policy policy.yaml --sign --identity acme --out signed.yaml", "with one more signature" },
    { "hagane party policy signed.yaml --send --cluster cluster.yaml --identity acme", "to the three servers" },
    { .command = NULL },
};
const cli_verb cli_party_policy_record = {
    .name = "party policy",
    .summary = "draft, show, sign and hand in what the owners agree on",
    .description =
        "A policy says which candidates there are, what is improved and with which model, who may ask and how often, what the servers "
        "may see, and what an answer reveals. All owners sign the same text; servers take no other, and no question can "
        "change what is in it. Without options the policy is shown in words, with who has signed it.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.party-policy/1\": project, digest, tier, mode, in_force, candidates, signed (an object of true or false), sent, words.",
    .run = run_policy,
};
