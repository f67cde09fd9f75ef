/* cli/verb_party_store.c -- `hagane party store`: what a stopped server keeps, a new key for it, another try for a job */
#include "cli/output.h"
#include "cli/party.h"
#include "party/ledger.h"
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    hg_cluster cluster;
    hg_identity *identity;
    hg_store *store;
} keeper;

static hg_status open_keeper(keeper *k, cli_run *run, hg_err *err) {
    const char *cluster = cli_value(&run->args, "cluster"), *folder = run->args.positional[0];
    hg_identity_opts id = hg_identity_opts_default();
    if (!cluster) return hg_fail(err, HG_EINVAL, "--cluster is missing: the cluster's file");
    HG_TRY(cli_passphrase(&id.passphrase, &id.passphrase_n, run, err));
    HG_TRY(hg_cluster_read(&k->cluster, cluster, err));
    HG_TRY(hg_identity_load(&k->identity, folder, &id, hg_world_system(), err));
    return cli_store_open(&k->store, folder, k->identity, &k->cluster, false, run, err);
}

/* The new key is on the disk before anything is wrapped with it. */
static hg_status rekey(keeper *k, const char *path, hg_err *err) {
    unsigned char key[HG_MASTER_KEY];
    if (access(path, F_OK) != 0) HG_TRY(hg_master_key_write(path, hg_world_system(), err));
    HG_TRY(hg_master_key_read(key, path, err));
    const hg_status st = hg_store_rekey(k->store, key, err);
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

static hg_status allow(keeper *k, const char *digits, hg_err *err) {
    unsigned char job[HG_DIGEST];
    HG_TRY(hg_ledger_named(job, k->store, digits, err));
    return hg_ledger_allow(k->store, job, err);
}

/* ---- what it keeps --------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t count[HG_DATASET_STATES];
    uint64_t rows;
} holding;

static hg_status hold(holding *h, keeper *k, const char *project, hg_arena *mem, hg_err *err) {
    hg_stored *set;
    size_t n;
    *h = (holding) { 0 };
    HG_TRY(hg_store_datasets(&set, &n, k->store, project, mem, err));
    for (size_t i = 0; i < n; i++) {
        h->count[set[i].state]++;
        if (set[i].state == HG_DATASET_ACTIVE) h->rows += set[i].rows;
    }
    return HG_OK;
}

static hg_status read_policy(hg_policy **out, keeper *k, const char *project, hg_err *err) {
    hg_text bytes = hg_text_new(HG_POLICY_BYTES);
    hg_status st = hg_store_policy_get(&bytes, k->store, project, NULL, err);
    if (st == HG_OK) st = hg_policy_stored(out, project, bytes.s, bytes.len, err);
    hg_text_free(&bytes);
    return st;
}

static void put_holding(hg_json *j, cli_run *run, const hg_project *p, const holding *h) {
    if (run->json) {
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "project", p->name);
        hg_json_number(j, "epoch", (double)p->epoch);
        hg_json_number(j, "rows", (double)h->rows);
    } else {
        hg_text_add(&run->out, "project %s: epoch %llu, %llu rows\n", p->name, (unsigned long long)p->epoch,
                    (unsigned long long)h->rows);
    }
    for (int s = 0; s < HG_DATASET_STATES; s++) {
        if (s == HG_DATASET_UPLOADING) continue; /* none in a stopped server */
        if (run->json)
            hg_json_number(j, hg_dataset_state_name((hg_dataset_state)s), (double)h->count[s]);
        else if (h->count[s])
            hg_text_add(&run->out, "  data sets %s: %zu\n", hg_dataset_state_name((hg_dataset_state)s), h->count[s]);
    }
}

static hg_status put_users(hg_json *j, keeper *k, cli_run *run, const hg_policy *p, hg_err *err) {
    if (run->json) hg_json_begin_array(j, "users");
    for (size_t i = 0; i < p->n_members; i++) {
        const hg_member *m = &p->member[i];
        uint64_t spent;
        if (!m->user) continue;
        HG_TRY(hg_ledger_user(&spent, k->store, p->project, m->name, err));
        if (!run->json) {
            hg_text_add(&run->out, "  %s has asked %llu of %zu queries\n", m->name, (unsigned long long)spent,
                        m->budget);
            continue;
        }
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "user", m->name);
        hg_json_number(j, "asked", (double)spent);
        hg_json_number(j, "budget", (double)m->budget);
        hg_json_end_object(j);
    }
    if (run->json) hg_json_end_array(j);
    return HG_OK;
}

/* A policy that this program does not take hides its users alone. */
static hg_status put_project(hg_json *j, keeper *k, cli_run *run, const hg_project *project, hg_err *err) {
    hg_policy *p = NULL;
    hg_err why = { .code = HG_OK };
    holding h;
    HG_TRY(hold(&h, k, project->name, run->arena, err));
    hg_status st = read_policy(&p, k, project->name, &why);
    const bool bad = st == HG_EDATA;
    if (st != HG_OK && !bad) return hg_fail(err, st, "%s", why.msg);
    put_holding(j, run, project, &h);
    if (run->json) hg_json_string(j, "why", bad ? why.msg : NULL);
    if (bad && !run->json) hg_text_add(&run->out, "  %s\n", why.msg);
    st = bad ? HG_OK : put_users(j, k, run, p, err);
    if (run->json) hg_json_end_object(j);
    hg_policy_free(p);
    return st;
}

static hg_status show(keeper *k, cli_run *run, const char *new_key, const char *job, hg_err *err) {
    hg_project *project;
    size_t n;
    hg_json j;
    HG_TRY(hg_store_projects(&project, &n, k->store, run->arena, err));
    if (run->json) {
        cli_json_begin(&j, run, "party-store");
        hg_json_number(&j, "party", hg_store_party(k->store));
        hg_json_string(&j, "key", new_key);
        hg_json_string(&j, "allowed", job);
        hg_json_begin_array(&j, "projects");
    } else {
        if (new_key)
            hg_text_add(&run->out, "the store is encrypted with the key in %s now: destroy the old key\n", new_key);
        if (job) hg_text_add(&run->out, "job %s may be tried again on this server\n", job);
    }
    for (size_t i = 0; i < n; i++) HG_TRY(put_project(&j, k, run, &project[i], err));
    if (!run->json) return HG_OK;
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

static hg_status run_store(cli_run *run, hg_err *err) {
    keeper k = { .store = NULL };
    const char *new_key = cli_value(&run->args, "new-key-file"), *job = cli_value(&run->args, "allow");
    hg_status st = open_keeper(&k, run, err);
    if (st == HG_OK && new_key) st = rekey(&k, new_key, err);
    if (st == HG_OK && job) st = allow(&k, job, err);
    if (st == HG_OK) st = show(&k, run, new_key, job, err);
    hg_store_free(k.store);
    hg_identity_free(k.identity);
    return st;
}

static const cli_positional POSITIONAL[] = {
    { .name = "FOLDER", .type = CLI_INPUT, .help = "The server's folder. The server must not be running." },
    { .name = NULL },
};
static const cli_option OPTIONS[] = {
    CLI_PARTY_CLUSTER("The cluster's file: the three servers."),
    CLI_PARTY_KEY_FILE("File with the key that encrypts the store."),
    { .name = "new-key-file",
      .type = CLI_INPUT,
      .argument = "FILE",
      .help =
          "Encrypt with the key in this file from now on; a file that is not there is made. Then destroy the old key: what a disk "
          "or a backup still has of keys that were wrapped with it is worth nothing any more." },
    { .name = "allow",
      .type = CLI_TEXT,
      .argument = "JOB",
      .help =
          "Let a question be tried again that used up its attempts: the first digits of its job, as the log shows them. "
          "Each of the three operators decides for its own server." },
    CLI_PARTY_PASSPHRASE("File whose first line is the passphrase of the server's keys."),
    { .name = NULL },
};
static const cli_group GROUP = { "Store", OPTIONS };
static const cli_group *const GROUPS[] = { &GROUP, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane party store univ --cluster cluster.yaml --key-file univ.key", "what this server keeps" },
    { "hagane party store univ --cluster cluster.yaml --key-file univ.key --new-key-file univ-2.key",
      "a new key, every year or so" },
    { "hagane party store univ --cluster cluster.yaml --key-file univ.key --allow 9f86d081884c",
      "another try for a job" },
    { .command = NULL },
};
const cli_verb cli_party_store_record = {
    .name = "party store",
    .summary = "show what a stopped server keeps, give it a new key, allow a job again",
    .description =
        "Opens the store of a server that is not running: its projects, data sets by their state, and how much each user has "
        "asked. It can wrap all keys with a new one, in one step that holds whole or not at all, and let a question be "
        "tried again that was broken off too often. Both stand in the signed log.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.party-store/1\": party, key, allowed (null without), projects: project, epoch, rows, staged, validated, active, "
        "withdrawn, users (user, asked, budget).",
    .run = run_store,
};
