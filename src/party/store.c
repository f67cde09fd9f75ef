/* party/store.c -- see party/store.h: opening, locks, tidying up, projects */
#include "core/memory.h"
#include "files/folders.h"
#include "files/lock.h"
#include "party/store_internal.h"
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1, CHUNKS_AT_ONCE = 32 };

/* Epochs of a set: `epoch` is in force; `old` and `next` are kept beside it while a refresh is under way. */
static const char SCHEMA[] =
    "CREATE TABLE store(id BLOB NOT NULL, party INTEGER NOT NULL) STRICT;"
    "CREATE TABLE policy(digest BLOB PRIMARY KEY, project TEXT NOT NULL, text BLOB NOT NULL, since INTEGER NOT NULL) STRICT;"
    "CREATE TABLE project(name TEXT PRIMARY KEY, policy BLOB NOT NULL REFERENCES policy(digest), epoch INTEGER NOT NULL,"
    " since INTEGER NOT NULL, done BLOB, refused BLOB) STRICT;"
    "CREATE TABLE dataset(uid BLOB PRIMARY KEY, id BLOB UNIQUE, project TEXT NOT NULL REFERENCES project(name),"
    " owner TEXT NOT NULL, sequence INTEGER NOT NULL, policy BLOB NOT NULL, kind INTEGER NOT NULL, limbs INTEGER NOT NULL,"
    " elements INTEGER NOT NULL, bits INTEGER NOT NULL, public_size INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " state INTEGER NOT NULL, since INTEGER NOT NULL, statement BLOB, epoch INTEGER NOT NULL, old INTEGER, next INTEGER)"
    " STRICT;"
    "CREATE UNIQUE INDEX dataset_sequence ON dataset(project, owner, sequence) WHERE id IS NOT NULL;"
    "CREATE TABLE chunk(uid BLOB NOT NULL REFERENCES dataset(uid), epoch INTEGER NOT NULL, number INTEGER NOT NULL,"
    " rows INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX chunk_number ON chunk(uid, epoch, number);"
    "CREATE TABLE seal(uid BLOB NOT NULL REFERENCES dataset(uid), epoch INTEGER NOT NULL, sealed BLOB NOT NULL,"
    " PRIMARY KEY(uid, epoch)) STRICT;"
    "CREATE TABLE receipt(id BLOB NOT NULL, party INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(id, party)) STRICT;"
    "CREATE TABLE withdrawal(id BLOB PRIMARY KEY, project TEXT NOT NULL, request BLOB NOT NULL, since INTEGER NOT NULL) STRICT;"
    "CREATE TABLE job(digest BLOB PRIMARY KEY, project TEXT NOT NULL, user TEXT NOT NULL, state INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, most INTEGER NOT NULL, times INTEGER NOT NULL, queries INTEGER NOT NULL,"
    " epsilon INTEGER NOT NULL, deterministic INTEGER NOT NULL, since INTEGER NOT NULL, request BLOB NOT NULL,"
    " transcript BLOB) STRICT;"
    "CREATE INDEX job_user ON job(project, user);"
    "CREATE TABLE job_dataset(job BLOB NOT NULL REFERENCES job(digest), dataset BLOB NOT NULL, PRIMARY KEY(job, dataset))"
    " STRICT;"
    "CREATE INDEX job_of_dataset ON job_dataset(dataset);"
    "CREATE TABLE audit(sequence INTEGER PRIMARY KEY, project TEXT NOT NULL, head TEXT NOT NULL, body TEXT NOT NULL,"
    " hash BLOB NOT NULL, signature BLOB NOT NULL) STRICT;"
    "CREATE TABLE refresh(project TEXT PRIMARY KEY REFERENCES project(name), state INTEGER NOT NULL, plan BLOB NOT NULL,"
    " digest BLOB NOT NULL, prepared INTEGER NOT NULL, committed INTEGER NOT NULL) STRICT;";

void hg_store_enter(hg_store *s) { pthread_mutex_lock(&s->lock); }

hg_status hg_store_leave(hg_store *s, hg_status st) {
    pthread_mutex_unlock(&s->lock);
    return st;
}

hg_status hg_store_begin(hg_store *s, hg_err *err) {
    hg_store_enter(s);
    return hg_database_begin(s->db, err);
}

hg_status hg_store_end(hg_store *s, hg_status st, hg_err *err) {
    st = hg_database_end(s->db, st, err);
    return hg_store_leave(s, st);
}

int64_t hg_store_now(const hg_store *s) { return hg_world_now(&s->world); }
unsigned hg_store_party(const hg_store *s) { return s->party; }

/* ---- what nobody wants any more ------------------------------------------------------------------------------------------ */

/* "set/UID/EPOCH", "seed/PROJECT", "job/DIGEST/NAME": is the thing it belongs to still there and in need of it? */
static hg_status wants_set(bool *keep, hg_store *s, const char *rest, hg_err *err) {
    unsigned char uid[HG_UID];
    uint64_t epoch = 0, one;
    if (strlen(rest) < 2 * HG_UID + 2 || !hg_hex_read(uid, HG_UID, rest, 2 * HG_UID)) return HG_OK;
    for (const char *c = rest + 2 * HG_UID + 1; *c; c++) epoch = epoch * 10 + (uint64_t)(*c - '0');
    return hg_database_int(&one, keep, s->db,
                           "SELECT 1 FROM dataset WHERE uid = ? AND state <> ? AND (epoch = ? OR old = ? OR next = ?)",
                           HG_VALUES(hg_value_blob(uid, HG_UID), hg_value_int(HG_DATASET_WITHDRAWN),
                                     hg_value_int(epoch), hg_value_int(epoch), hg_value_int(epoch)),
                           err);
}

static hg_status wants_job(bool *keep, hg_store *s, const char *rest, hg_err *err) {
    unsigned char job[HG_DIGEST];
    uint64_t one;
    if (strlen(rest) < 2 * HG_DIGEST + 2 || !hg_hex_read(job, HG_DIGEST, rest, 2 * HG_DIGEST)) return HG_OK;
    return hg_database_int(&one, keep, s->db, "SELECT 1 FROM job WHERE digest = ? AND state <> ?",
                           HG_VALUES(hg_value_blob(job, HG_DIGEST), hg_value_int(HG_JOB_ANSWERED)), err);
}

static hg_status wants(bool *keep, void *user, const char *name, hg_err *err) {
    hg_store *s = user;
    uint64_t one;
    *keep = false;
    if (strncmp(name, "set/", 4) == 0) return wants_set(keep, s, name + 4, err);
    if (strncmp(name, "job/", 4) == 0) return wants_job(keep, s, name + 4, err);
    if (strncmp(name, "seed/", 5) == 0)
        return hg_database_int(&one, keep, s->db, "SELECT 1 FROM refresh WHERE project = ?",
                               HG_VALUES(hg_value_text(name + 5)), err);
    return HG_OK;
}

hg_status hg_store_sweep(hg_store *s, const char *prefix, hg_err *err) {
    return hg_vault_sweep(s->vault, prefix, wants, s, err);
}

static hg_status tidy_rows(hg_store *s, const char *sql, size_t at_once, hg_err *err) {
    for (size_t changed = at_once; changed == at_once;) {
        HG_TRY(hg_database_begin(s->db, err));
        const hg_status st =
            hg_database_run(s->db, sql, HG_VALUES(hg_value_int(HG_DATASET_WITHDRAWN), hg_value_int(at_once)), err);
        changed = st == HG_OK ? hg_database_changes(s->db) : 0;
        HG_TRY(hg_database_end(s->db, st, err));
    }
    return HG_OK;
}

hg_status hg_store_tidy(hg_store *s, bool uploads, hg_err *err) {
    if (uploads) { /* from now on nothing keeps their keys and chunks */
        HG_TRY(hg_database_begin(s->db, err));
        HG_TRY(hg_database_end(
            s->db,
            hg_database_run(s->db, "UPDATE dataset SET state = ? WHERE state = ? AND next IS NULL",
                            HG_VALUES(hg_value_int(HG_DATASET_WITHDRAWN), hg_value_int(HG_DATASET_UPLOADING)), err),
            err));
    }
    HG_TRY(hg_store_sweep(s, "", err));
    HG_TRY(tidy_rows(
        s,
        "DELETE FROM chunk WHERE rowid IN (SELECT c.rowid FROM chunk c JOIN dataset d ON d.uid = c.uid"
        " WHERE d.state = ? OR (c.epoch <> d.epoch AND c.epoch IS NOT d.old AND c.epoch IS NOT d.next) LIMIT ?)",
        CHUNKS_AT_ONCE, err));
    HG_TRY(tidy_rows(
        s,
        "DELETE FROM seal WHERE rowid IN (SELECT c.rowid FROM seal c JOIN dataset d ON d.uid = c.uid"
        " WHERE d.state = ? OR (c.epoch <> d.epoch AND c.epoch IS NOT d.old AND c.epoch IS NOT d.next) LIMIT ?)",
        CHUNKS_AT_ONCE, err));
    /* an upload without an id leaves no trace; a withdrawn set keeps its line */
    return tidy_rows(
        s, "DELETE FROM dataset WHERE rowid IN (SELECT rowid FROM dataset WHERE state = ? AND id IS NULL LIMIT ?)",
        CHUNKS_AT_ONCE, err);
}

/* ---- opening --------------------------------------------------------------------------------------------------------------- */

static hg_status path_of(char path[PATH_MAX], const char *folder, const char *name, hg_err *err) {
    const int n = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < PATH_MAX ? HG_OK : hg_fail(err, HG_EINVAL, "%s: the path is too long", folder);
}

static hg_status lock_folder(hg_store *s, const char *folder, hg_err *err) {
    char path[PATH_MAX];
    HG_TRY(path_of(path, folder, "lock", err));
    const hg_status st = hg_lock_take(&s->folder, path, 0, 0, folder, err);
    return st == HG_EREFUSED ? hg_advise(err, st, "one server at a time: stop the other one") : st;
}

static hg_status check_store(hg_store *s, const unsigned char id[16], bool create, const char *folder, hg_err *err) {
    unsigned char have[16];
    uint64_t party = 0;
    hg_query q;
    bool row;
    if (create)
        return hg_database_run(s->db, "INSERT INTO store(id, party) VALUES (?, ?)",
                               HG_VALUES(hg_value_blob(id, 16), hg_value_int(s->party)), err);
    HG_TRY(hg_query_begin(&q, s->db, "SELECT id, party FROM store", NULL, 0, err));
    hg_status st = hg_query_next(&row, &q, err);
    if (st == HG_OK && !row) st = hg_fail(err, HG_EDATA, "%s: party.db does not say whose it is", folder);
    if (st == HG_OK) st = hg_query_bytes(have, 16, &q, 0, err);
    if (st == HG_OK) party = hg_query_int(&q, 1);
    hg_query_end(&q);
    HG_TRY(st);
    if (party != s->party || memcmp(have, id, 16) != 0)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: keys.db and party.db do not belong together", folder),
                         "a lost keys.db cannot be replaced: rebuild this server from the other two");
    return HG_OK;
}

static hg_status note_open(hg_store *s, bool create, hg_err *err) {
    hg_audit_note note = { 0 };
    hg_note_count(&note, "party", s->party);
    hg_note_text(&note, "version", HG_VERSION);
    return hg_audit_add(s, create ? HG_AUDIT_CREATED : HG_AUDIT_OPENED, &note, err);
}

/* Who brought a project first: stores of before there was a limit have no such table, and know it of none. */
static const char BRINGER[] = "CREATE TABLE IF NOT EXISTS bringer(project TEXT PRIMARY KEY REFERENCES project(name),"
                              " key BLOB NOT NULL) STRICT";

/* The store is there once its line in the table `store` is, which comes with the first entry of the log. */
static hg_status open_files(hg_store *s, const char *folder, const hg_store_opts *o, hg_err *err) {
    char path[PATH_MAX];
    unsigned char id[16];
    const hg_database_opts opts = { .version = VERSION,
                                    .schema = SCHEMA,
                                    .create = o->create,
                                    .step = o->step,
                                    .step_user = o->step_user,
                                    .damaged = "keep the file; this server can be rebuilt from the other two" };
    HG_TRY(hg_world_random(&s->world, id, sizeof id, err));
    HG_TRY(path_of(path, folder, "keys.db", err));
    HG_TRY(hg_vault_open(&s->vault, path, o->master_key, s->party, id, &s->world, &opts, err));
    HG_TRY(path_of(path, folder, "party.db", err));
    HG_TRY(hg_database_open(&s->db, path, &opts, err));
    HG_TRY(hg_database_begin(s->db, err));
    hg_status st = check_store(s, id, o->create, folder, err);
    if (st == HG_OK) st = hg_database_run(s->db, BRINGER, NULL, 0, err);
    if (st == HG_OK) st = note_open(s, o->create, err);
    HG_TRY(hg_database_end(s->db, st, err));
    return hg_store_tidy(s, true, err);
}

static hg_status prepare_folder(const char *folder, bool create, hg_err *err) {
    struct stat st;
    if (create) HG_TRY(hg_folder_make(folder, HG_FOLDER_PRIVATE, err));
    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
        return hg_fail(err, HG_ENOTFOUND, "%s: there is no such folder", folder);
    if (st.st_mode & 022)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: others may write into this folder", folder),
                         "chmod 700 %s", folder);
    return HG_OK;
}

hg_status hg_store_open(hg_store **out, const char *folder, const hg_store_opts *o, hg_err *err) {
    *out = NULL;
    if (o->party >= HG_SLOTS || !o->master_key || !o->secret_key || !o->world.now)
        return hg_fail(err, HG_EINVAL, "a store needs a party 0, 1 or 2, a master key, a signing key and a clock");
    HG_TRY(prepare_folder(folder, o->create, err));
    hg_store *s = hg_calloc(1, sizeof *s);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory to open %s", folder);
    pthread_mutexattr_t again; /* callbacks of a merge may read from the store */
    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&s->lock, &again);
    pthread_mutexattr_destroy(&again);
    s->party = o->party;
    s->world = o->world;
    memcpy(s->secret, o->secret_key, sizeof s->secret);
    s->folder = -1;
    hg_status st = lock_folder(s, folder, err);
    if (st == HG_OK) st = open_files(s, folder, o, err);
    if (st != HG_OK) {
        hg_store_free(s);
        return st;
    }
    *out = s;
    return HG_OK;
}

void hg_store_free(hg_store *s) {
    if (!s) return;
    if (s->db) (void)!hg_audit_rest(s, true, NULL); /* their beginnings are in the log in any case */
    hg_chunk_writer_free(s->taking);
    hg_database_free(s->db);
    hg_vault_free(s->vault);
    if (s->folder >= 0) close(s->folder); /* last: the lock goes when all is closed */
    pthread_mutex_destroy(&s->lock);
    OPENSSL_cleanse(s, sizeof *s);
    hg_free(s);
}

hg_status hg_store_rekey(hg_store *s, const unsigned char master_key[HG_MASTER_KEY], hg_err *err) {
    hg_store_enter(s);
    hg_status st = hg_vault_rekey(s->vault, master_key, err);
    const hg_audit_note note = { 0 };
    if (st == HG_OK) st = hg_database_begin(s->db, err);
    if (st == HG_OK) st = hg_database_end(s->db, hg_audit_add(s, HG_AUDIT_REKEYED, &note, err), err);
    return hg_store_leave(s, st);
}

/* ---- projects ----------------------------------------------------------------------------------------------------------------- */

static hg_status read_project(hg_project *out, const hg_query *q, hg_err *err) {
    HG_TRY(hg_query_text(out->name, sizeof out->name, q, 0, err));
    HG_TRY(hg_query_bytes(out->policy, HG_DIGEST, q, 1, err));
    out->epoch = hg_query_int(q, 2);
    out->since = (int64_t)hg_query_int(q, 3);
    return HG_OK;
}

hg_status hg_store_find_project(hg_project *out, hg_store *s, const char *name, hg_err *err) {
    hg_query q;
    bool row;
    HG_TRY(hg_query_begin(&q, s->db, "SELECT name, policy, epoch, since FROM project WHERE name = ?",
                          HG_VALUES(hg_value_text(name)), err));
    hg_status st = hg_query_next(&row, &q, err);
    if (st == HG_OK && !row)
        st = hg_advise(err, hg_fail(err, HG_ENOTFOUND, "there is no project \"%s\" on this server", name),
                       "its signed policy has to come first");
    if (st == HG_OK) st = read_project(out, &q, err);
    hg_query_end(&q);
    return st;
}

static hg_status count(uint64_t *x, hg_store *s, const char *sql, const hg_value *v, size_t n, hg_err *err) {
    bool found;
    return hg_database_int(x, &found, s->db, sql, v, n, err);
}

static hg_status check_new_project(hg_store *s, const hg_policy_limits *l, hg_err *err) {
    uint64_t all, own = 0;
    HG_TRY(count(&all, s, "SELECT count(*) FROM project", NULL, 0, err));
    if (l->key)
        HG_TRY(count(&own, s, "SELECT count(*) FROM bringer WHERE key = ?",
                     HG_VALUES(hg_value_blob(l->key, HG_PUBLIC_KEY)), err));
    if (all < l->projects && own < l->own) return HG_OK;
    if (all >= l->projects)
        return hg_fail(err, HG_ELIMIT, "this server has %llu projects and takes no more (its operator's --projects)",
                       (unsigned long long)all);
    return hg_fail(
        err, HG_ELIMIT,
        "%s has brought %llu projects to this server, and may bring no more (its operator's --member-projects)",
        l->member, (unsigned long long)own);
}

/* A project that is there already has at least one policy. */
static hg_status check_limits(hg_store *s, const char *project, bool known, size_t n, const hg_policy_limits *l,
                              hg_err *err) {
    uint64_t bytes;
    if (!known) HG_TRY(check_new_project(s, l, err));
    HG_TRY(count(&bytes, s, "SELECT coalesce(sum(length(text)), 0) FROM policy WHERE project = ?",
                 HG_VALUES(hg_value_text(project)), err));
    if (bytes + n <= l->bytes) return HG_OK;
    return hg_fail(err, HG_ELIMIT,
                   "all policies that project \"%s\" has had are kept, and would be longer than %zu KiB: begin another",
                   project, l->bytes >> 10);
}

static hg_status put_policy(hg_store *s, const char *project, const unsigned char *digest, const void *bytes, size_t n,
                            const hg_policy_limits *l, hg_err *err) {
    hg_project have;
    const hg_status st = hg_store_find_project(&have, s, project, NULL);
    if (st != HG_OK && st != HG_ENOTFOUND) return hg_fail(err, st, "project \"%s\" could not be read", project);
    if (st == HG_OK && memcmp(have.policy, digest, HG_DIGEST) == 0) return HG_OK;
    if (l) HG_TRY(check_limits(s, project, st == HG_OK, n, l, err));
    const hg_value now = hg_value_time(hg_store_now(s)), name = hg_value_text(project),
                   by = hg_value_blob(digest, HG_DIGEST);
    HG_TRY(hg_database_run(s->db, "INSERT OR IGNORE INTO policy(digest, project, text, since) VALUES (?, ?, ?, ?)",
                           HG_VALUES(by, name, hg_value_blob(bytes, n), now), err));
    HG_TRY(hg_database_run(s->db,
                           "INSERT INTO project(name, policy, epoch, since) VALUES (?, ?, 0, ?)"
                           " ON CONFLICT(name) DO UPDATE SET policy = excluded.policy, since = excluded.since",
                           HG_VALUES(name, by, now), err));
    if (l && l->key)
        HG_TRY(hg_database_run(s->db, "INSERT OR IGNORE INTO bringer(project, key) VALUES (?, ?)",
                               HG_VALUES(name, hg_value_blob(l->key, HG_PUBLIC_KEY)), err));
    hg_audit_note note = { 0 };
    hg_note_text(&note, "project", project);
    hg_note_digest(&note, "policy", digest);
    return hg_audit_add(s, HG_AUDIT_POLICY, &note, err);
}

hg_status hg_store_policy_take(hg_store *s, const char *project, const unsigned char digest[HG_DIGEST],
                               const void *bytes, size_t n, const hg_policy_limits *l, hg_err *err) {
    if (!*project || strlen(project) >= HG_NAME_SIZE)
        return hg_fail(err, HG_EINVAL, "a project's name has 1 to %d bytes", HG_NAME_SIZE - 1);
    if (n > HG_POLICY_BYTES)
        return hg_fail(err, HG_ELIMIT, "a policy of %zu bytes, at most %d are kept", n, (int)HG_POLICY_BYTES);
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = put_policy(s, project, digest, bytes, n, l, err);
    return hg_store_end(s, st, err);
}

hg_status hg_store_policy_put(hg_store *s, const char *project, const unsigned char digest[HG_DIGEST],
                              const void *bytes, size_t n, hg_err *err) {
    return hg_store_policy_take(s, project, digest, bytes, n, NULL, err);
}

static hg_status get_policy(hg_text *bytes, hg_store *s, const char *project, const unsigned char *digest,
                            hg_err *err) {
    hg_project have;
    hg_query q;
    bool row;
    size_t n;
    HG_TRY(hg_store_find_project(&have, s, project, err));
    HG_TRY(hg_query_begin(&q, s->db, "SELECT text FROM policy WHERE digest = ? AND project = ?",
                          HG_VALUES(hg_value_blob(digest ? digest : have.policy, HG_DIGEST), hg_value_text(project)),
                          err));
    hg_status st = hg_query_next(&row, &q, err);
    if (st == HG_OK && !row) st = hg_fail(err, HG_ENOTFOUND, "project \"%s\" never had that policy", project);
    if (st == HG_OK) {
        const void *p = hg_query_blob(&n, &q, 0);
        hg_text_put(bytes, p ? p : "", n);
        if (bytes->failed) st = hg_fail(err, HG_ENOMEM, "no memory for a policy of %zu bytes", n);
    }
    hg_query_end(&q);
    return st;
}

hg_status hg_store_policy_get(hg_text *bytes, hg_store *s, const char *project, const unsigned char *digest,
                              hg_err *err) {
    hg_store_enter(s);
    return hg_store_leave(s, get_policy(bytes, s, project, digest, err));
}

hg_status hg_store_project(hg_project *out, hg_store *s, const char *name, hg_err *err) {
    hg_store_enter(s);
    return hg_store_leave(s, hg_store_find_project(out, s, name, err));
}

static hg_status list_projects(hg_project **out, size_t *n, hg_query *q, hg_arena *mem, hg_err *err) {
    size_t cap = 0;
    for (bool row = true;;) {
        HG_TRY(hg_query_next(&row, q, err));
        if (!row) return HG_OK;
        if (*n == cap) {
            hg_project *more = hg_alloc(mem, cap = cap ? 2 * cap : 8, sizeof *more);
            if (!more) return hg_fail(err, HG_ENOMEM, "no memory to list projects");
            if (*n) memcpy(more, *out, *n * sizeof *more);
            *out = more;
        }
        HG_TRY(read_project(*out + (*n)++, q, err));
    }
}

hg_status hg_store_projects(hg_project **out, size_t *n, hg_store *s, hg_arena *mem, hg_err *err) {
    hg_query q;
    *out = NULL;
    *n = 0;
    hg_store_enter(s);
    hg_status st =
        hg_query_begin(&q, s->db, "SELECT name, policy, epoch, since FROM project ORDER BY name", NULL, 0, err);
    if (st == HG_OK) st = list_projects(out, n, &q, mem, err);
    hg_query_end(&q);
    return hg_store_leave(s, st);
}
