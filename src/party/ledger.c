/* party/ledger.c -- see party/ledger.h: charging, answering, what is left */
#include "core/memory.h"
#include "party/ledger_internal.h"
#include <inttypes.h>
#include <math.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const double NANO = 1e9; /* epsilon is kept in 1e-9 */

/* The least number of units that is worth at least epsilon; what came from units goes back to them. */
uint64_t hg_epsilon_units(double epsilon) {
    const uint64_t near = (uint64_t)llround(epsilon * NANO);
    return hg_epsilon_of_units(near) < epsilon ? near + 1 : near;
}
double hg_epsilon_of_units(uint64_t units) { return (double)units / NANO; }

/* ---- the table ---------------------------------------------------------------------------------------------------------------- */

hg_status hg_ledger_find(hg_ledger_row *out, bool *found, hg_store *s, const unsigned char *job, hg_err *err) {
    hg_query q;
    memset(out, 0, sizeof *out);
    HG_TRY(hg_query_begin(
        &q, s->db,
        "SELECT project, user, state, attempts, most, times, queries, epsilon, deterministic, since FROM job"
        " WHERE digest = ?",
        HG_VALUES(hg_value_blob(job, HG_DIGEST)), err));
    hg_status st = hg_query_next(found, &q, err);
    if (st == HG_OK && *found) st = hg_query_text(out->job.project, HG_NAME_SIZE, &q, 0, err);
    if (st == HG_OK && *found) st = hg_query_text(out->job.user, HG_NAME_SIZE, &q, 1, err);
    if (st == HG_OK && *found) {
        memcpy(out->job.job, job, HG_DIGEST);
        out->job.state = (hg_job_state)hg_query_int(&q, 2);
        out->job.attempts = (unsigned)hg_query_int(&q, 3);
        out->most = (unsigned)hg_query_int(&q, 4);
        out->job.times = hg_query_int(&q, 5);
        out->job.queries = hg_query_int(&q, 6);
        out->epsilon = hg_query_int(&q, 7);
        out->deterministic = hg_query_int(&q, 8) != 0;
        out->job.since = (int64_t)hg_query_int(&q, 9);
    }
    hg_query_end(&q);
    return st;
}

hg_status hg_ledger_same_sets(bool *same, hg_store *s, const hg_charge *c, hg_err *err) {
    uint64_t n, one;
    bool found;
    HG_TRY(hg_database_int(&n, &found, s->db, "SELECT count(*) FROM job_dataset WHERE job = ?",
                           HG_VALUES(hg_value_blob(c->job, HG_DIGEST)), err));
    *same = n == c->n_datasets;
    for (size_t i = 0; *same && i < c->n_datasets; i++)
        HG_TRY(hg_database_int(&one, same, s->db, "SELECT 1 FROM job_dataset WHERE job = ? AND dataset = ?",
                               HG_VALUES(hg_value_blob(c->job, HG_DIGEST), hg_value_blob(c->dataset[i], HG_DIGEST)),
                               err));
    return HG_OK;
}

hg_status hg_ledger_insert(hg_store *s, const hg_charge *c, const hg_ledger_row *r, hg_err *err) {
    HG_TRY(hg_database_run(
        s->db,
        "INSERT INTO job(digest, project, user, state, attempts, most, times, queries, epsilon, deterministic, since, request)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        HG_VALUES(hg_value_blob(c->job, HG_DIGEST), hg_value_text(c->project), hg_value_text(c->user),
                  hg_value_int(r->job.state), hg_value_int(r->job.attempts), hg_value_int(r->most),
                  hg_value_int(r->job.times), hg_value_int(c->queries), hg_value_int(r->epsilon),
                  hg_value_int(c->deterministic), hg_value_time(hg_store_now(s)),
                  hg_value_blob(c->signed_job, c->signed_n)),
        err));
    for (size_t i = 0; i < c->n_datasets; i++)
        HG_TRY(hg_database_run(s->db, "INSERT OR IGNORE INTO job_dataset(job, dataset) VALUES (?, ?)",
                               HG_VALUES(hg_value_blob(c->job, HG_DIGEST), hg_value_blob(c->dataset[i], HG_DIGEST)),
                               err));
    return HG_OK;
}

hg_status hg_ledger_update(hg_store *s, const hg_ledger_row *r, hg_err *err) {
    return hg_database_run(
        s->db, "UPDATE job SET state = ?, attempts = ?, most = ?, times = ?, since = ? WHERE digest = ?",
        HG_VALUES(hg_value_int(r->job.state), hg_value_int(r->job.attempts), hg_value_int(r->most),
                  hg_value_int(r->job.times), hg_value_time(hg_store_now(s)), hg_value_blob(r->job.job, HG_DIGEST)),
        err);
}

/* ---- what is spent ------------------------------------------------------------------------------------------------------------- */

hg_status hg_ledger_spent(uint64_t *spent, hg_store *s, const char *project, const char *user, hg_err *err) {
    bool found;
    return hg_database_int(spent, &found, s->db,
                           "SELECT ifnull(sum(queries * times), 0) FROM job WHERE project = ? AND user = ?",
                           HG_VALUES(hg_value_text(project), hg_value_text(user)), err);
}

static hg_status spent_dataset(uint64_t *queries, uint64_t *epsilon, hg_store *s, const unsigned char *id,
                               hg_err *err) {
    bool found;
    HG_TRY(hg_database_int(
        queries, &found, s->db,
        "SELECT ifnull(sum(queries * times), 0) FROM job JOIN job_dataset ON job = digest WHERE dataset = ?",
        HG_VALUES(hg_value_blob(id, HG_DIGEST)), err));
    return hg_database_int(
        epsilon, &found, s->db,
        "SELECT ifnull(sum(epsilon * times), 0) FROM job JOIN job_dataset ON job = digest WHERE dataset = ?",
        HG_VALUES(hg_value_blob(id, HG_DIGEST)), err);
}

hg_status hg_ledger_user(uint64_t *spent, hg_store *s, const char *project, const char *user, hg_err *err) {
    hg_store_enter(s);
    return hg_store_leave(s, hg_ledger_spent(spent, s, project, user, err));
}

hg_status hg_ledger_dataset(uint64_t *spent, double *epsilon, hg_store *s, const unsigned char dataset[HG_DIGEST],
                            hg_err *err) {
    uint64_t units = 0;
    hg_store_enter(s);
    const hg_status st = hg_store_leave(s, spent_dataset(spent, &units, s, dataset, err));
    *epsilon = (double)units / NANO;
    return st;
}

/* ---- charging ----------------------------------------------------------------------------------------------------------------- */

hg_status hg_charge_check(const hg_charge *c, hg_err *err) {
    if (!c->project[0] || !c->user[0] || !memchr(c->project, 0, HG_NAME_SIZE) || !memchr(c->user, 0, HG_NAME_SIZE))
        return hg_fail(err, HG_EINVAL, "a job needs a project and a user");
    if (c->n_datasets > HG_CHARGE_DATASETS_MOST || c->signed_n > HG_JOB_MOST)
        return hg_fail(err, HG_ELIMIT, "a job with %zu data sets and a request of %zu bytes", c->n_datasets,
                       c->signed_n);
    if (c->queries < 1 || c->queries > HG_QUERIES_MOST)
        return hg_fail(err, HG_EINVAL, "a job that costs %" PRIu64 " queries", c->queries);
    if (!(c->epsilon >= 0 && c->epsilon <= HG_EPSILON_MOST))
        return hg_fail(err, HG_EINVAL, "a job that costs epsilon = %g", c->epsilon);
    return HG_OK;
}

/* left: after this job. What is free is paid already, perhaps by another server's word (hg_ledger_merge): then all that is paid must lie
 * within the budget, or that word would be worth money. */
static hg_status check_user(uint64_t *left, hg_store *s, const hg_charge *c, bool free, hg_err *err) {
    uint64_t spent;
    const uint64_t price = free ? 0 : c->queries;
    HG_TRY(hg_ledger_spent(&spent, s, c->project, c->user, err));
    *left = spent < c->user_budget ? c->user_budget - spent : 0;
    if (spent <= c->user_budget && price <= *left) {
        *left -= price;
        return HG_OK;
    }
    return hg_advise(err,
                     hg_fail(err, HG_EREFUSED,
                             "%s has %" PRIu64 " of %" PRIu64 " queries left in project %s, this job costs %" PRIu64,
                             c->user, *left, c->user_budget, c->project, c->queries),
                     "the owners can sign a policy with a larger budget");
}

/* A withdrawn set takes part in nothing any more, not even in a free retry. */
static hg_status check_set(hg_row *r, hg_store *s, const hg_charge *c, const unsigned char *id, hg_err *err) {
    HG_TRY(hg_store_find(r, s, id, err));
    const bool other = strcmp(r->set.project, c->project) != 0;
    if (r->set.state != HG_DATASET_WITHDRAWN && !other) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "a data set of %s is %s", r->set.owner,
                   other ? "of another project" : hg_dataset_state_name(r->set.state));
}

static hg_status check_dataset(hg_store *s, const hg_charge *c, const hg_row *r, bool free, hg_err *err) {
    enum { DIGITS = 16 }; /* as many as a status lists */
    uint64_t spent, units;
    char id[2 * HG_DIGEST + 1];
    hg_hex_write(id, r->set.id, HG_DIGEST);
    HG_TRY(spent_dataset(&spent, &units, s, r->set.id, err));
    if (spent + (free ? 0 : c->queries) > c->dataset_budget)
        return hg_advise(err,
                         hg_fail(err, HG_EREFUSED,
                                 "data set %.*s of %s has taken part in %" PRIu64 " of %" PRIu64
                                 " queries, this job costs %" PRIu64,
                                 DIGITS, id, r->set.owner, spent, c->dataset_budget, c->queries),
                         "the owners can sign a policy with a larger budget");
    if (c->epsilon > 0 && units + (free ? 0 : hg_epsilon_units(c->epsilon)) > hg_epsilon_units(c->epsilon_budget))
        return hg_fail(err, HG_EREFUSED, "data set %.*s of %s has spent epsilon %.9g of %g, this job costs %g", DIGITS,
                       id, r->set.owner, hg_epsilon_of_units(units), c->epsilon_budget, c->epsilon);
    return HG_OK;
}

static hg_status check_sets(hg_store *s, const hg_charge *c, bool free, hg_err *err) {
    hg_row r;
    for (size_t i = 0; i < c->n_datasets; i++) {
        HG_TRY(check_set(&r, s, c, c->dataset[i], err));
        HG_TRY(check_dataset(s, c, &r, free, err));
    }
    return HG_OK;
}

static hg_status check_again(hg_store *s, const hg_charge *c, const hg_ledger_row *r, hg_err *err) {
    bool same;
    if (r->job.state == HG_JOB_ANSWERED)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "this job was answered before"), "ask with a new request");
    HG_TRY(hg_ledger_same_sets(&same, s, c, err));
    if (!same || strcmp(r->job.project, c->project) != 0 || strcmp(r->job.user, c->user) != 0 ||
        r->job.queries != c->queries || r->epsilon != hg_epsilon_units(c->epsilon) ||
        r->deterministic != c->deterministic)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "this job was begun with another price or other data sets"),
                         "a data set came or went since: ask with a new request");
    if (r->job.attempts >= r->most)
        return hg_advise(err,
                         hg_fail(err, HG_EREFUSED, "this job was tried %u times without an answer", r->job.attempts),
                         "the operators of the three servers decide whether it may run again");
    return HG_OK;
}

/* What would be charged; *r is what the table says now (found) or will say. */
static hg_status price(hg_charged *out, hg_ledger_row *r, bool *found, hg_store *s, const hg_charge *c, hg_err *err) {
    hg_project p;
    *out = (hg_charged) { 0 };
    HG_TRY(hg_store_find_project(&p, s, c->project, err));
    HG_TRY(hg_ledger_find(r, found, s, c->job, err));
    if (*found) HG_TRY(check_again(s, c, r, err));
    out->free = *found && c->deterministic && !c->again;
    out->attempt = r->job.attempts + 1;
    HG_TRY(check_user(&out->user_left, s, c, out->free, err));
    return check_sets(s, c, out->free, err);
}

void hg_charge_note(hg_audit_note *n, const hg_charge *c) {
    hg_note_text(n, "project", c->project);
    hg_note_text(n, "user", c->user);
    hg_note_digest(n, "job", c->job);
    hg_note_count(n, "queries", c->queries);
    hg_note_count(n, "datasets", c->n_datasets);
    if (c->epsilon > 0) hg_note_number(n, "epsilon", c->epsilon);
}

static hg_status charge(hg_charged *out, hg_store *s, const hg_charge *c, hg_err *err) {
    hg_ledger_row r;
    hg_audit_note note = { 0 };
    bool found;
    HG_TRY(price(out, &r, &found, s, c, err));
    r.job.state = HG_JOB_CHARGED;
    r.job.attempts = out->attempt;
    if (!out->free) r.job.times++;
    if (!found) r.most = 1 + HG_RETRIES;
    r.epsilon = hg_epsilon_units(c->epsilon);
    HG_TRY(found ? hg_ledger_update(s, &r, err) : hg_ledger_insert(s, c, &r, err));
    hg_charge_note(&note, c);
    hg_note_count(&note, "attempt", out->attempt);
    return hg_audit_add(s, out->free ? HG_AUDIT_JOB_RETRIED : HG_AUDIT_JOB_CHARGED, &note, err);
}

static hg_status log_refusal(hg_store *s, const hg_charge *c, hg_err *why) {
    hg_audit_note note = { 0 };
    hg_charge_note(&note, c);
    hg_note_text(&note, "reason", why->msg[0] ? why->msg : "refused");
    return hg_audit_refuse(s, HG_AUDIT_JOB_REFUSED, c->project, c->user, &note, NULL);
}

hg_status hg_ledger_charge(hg_charged *out, hg_store *s, const hg_charge *c, hg_err *err) {
    hg_err own, *e = err ? err : &own;
    HG_TRY(hg_charge_check(c, err));
    hg_status st = hg_store_begin(s, e);
    if (st == HG_OK) st = charge(out, s, c, e);
    st = hg_store_end(s, st, e);
    if (st == HG_EREFUSED || st == HG_ENOTFOUND) (void)!log_refusal(s, c, e); /* refused it is in any case */
    return st;
}

/* ---- afterwards ---------------------------------------------------------------------------------------------------------------- */

static hg_status need(hg_ledger_row *r, hg_store *s, const unsigned char *job, hg_err *err) {
    bool found;
    HG_TRY(hg_ledger_find(r, &found, s, job, err));
    return found ? HG_OK : hg_fail(err, HG_ENOTFOUND, "this server has charged no such job");
}

static void note_job(hg_audit_note *n, const hg_job_record *j) {
    hg_note_text(n, "project", j->project);
    hg_note_text(n, "user", j->user);
    hg_note_digest(n, "job", j->job);
}

hg_status hg_ledger_job(hg_job_record *out, hg_store *s, const unsigned char job[HG_DIGEST], hg_err *err) {
    hg_ledger_row r;
    hg_store_enter(s);
    const hg_status st = hg_store_leave(s, need(&r, s, job, err));
    if (st == HG_OK) *out = r.job;
    return st;
}

static hg_status list_sets(unsigned char (*id)[HG_DIGEST], size_t most, hg_query *q, hg_err *err) {
    bool row = true;
    for (size_t i = 0; row && i <= most; i++) {
        HG_TRY(hg_query_next(&row, q, err));
        if (row && i < most) HG_TRY(hg_query_bytes(id[i], HG_DIGEST, q, 0, err));
    }
    return row ? hg_fail(err, HG_EDATA, "the data sets of a job cannot be read") : HG_OK;
}

static hg_status read_sets(unsigned char (**id)[HG_DIGEST], size_t *n, hg_store *s, const unsigned char *job,
                           hg_arena *mem, hg_err *err) {
    hg_ledger_row r;
    hg_query q;
    uint64_t count;
    bool found;
    const hg_value by = hg_value_blob(job, HG_DIGEST);
    HG_TRY(need(&r, s, job, err));
    HG_TRY(
        hg_database_int(&count, &found, s->db, "SELECT count(*) FROM job_dataset WHERE job = ?", HG_VALUES(by), err));
    if (!(*id = hg_alloc(mem, (size_t)count, sizeof **id)))
        return hg_fail(err, HG_ENOMEM, "no memory for the data sets of a job");
    *n = (size_t)count;
    HG_TRY(hg_query_begin(&q, s->db, "SELECT dataset FROM job_dataset WHERE job = ? ORDER BY dataset", HG_VALUES(by),
                          err));
    const hg_status st = list_sets(*id, *n, &q, err);
    hg_query_end(&q);
    return st;
}

hg_status hg_ledger_sets(unsigned char (**id)[HG_DIGEST], size_t *n, hg_store *s, const unsigned char job[HG_DIGEST],
                         hg_arena *mem, hg_err *err) {
    *id = NULL;
    *n = 0;
    hg_store_enter(s);
    return hg_store_leave(s, read_sets(id, n, s, job, mem, err));
}

static hg_status find_named(unsigned char *job, hg_query *q, const char *digits, hg_err *err) {
    bool row;
    HG_TRY(hg_query_next(&row, q, err));
    if (!row) return hg_fail(err, HG_ENOTFOUND, "this server has charged no job %s", digits);
    HG_TRY(hg_query_bytes(job, HG_DIGEST, q, 0, err));
    HG_TRY(hg_query_next(&row, q, err));
    if (!row) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EDATA, "several jobs begin with %s", digits), "give more digits");
}

hg_status hg_ledger_named(unsigned char job[HG_DIGEST], hg_store *s, const char *digits, hg_err *err) {
    enum { LEAST = 8 };
    hg_query q;
    const size_t n = strlen(digits);
    if (n < LEAST || n > 2 * HG_DIGEST || strspn(digits, "0123456789abcdef") != n)
        return hg_fail(err, HG_EINVAL, "\"%s\" is not %d to %d hexadecimal digits", digits, LEAST, 2 * HG_DIGEST);
    hg_store_enter(s);
    hg_status st =
        hg_query_begin(&q, s->db, "SELECT digest FROM job WHERE substr(lower(hex(digest)), 1, ?) = ? LIMIT 2",
                       HG_VALUES(hg_value_int(n), hg_value_text(digits)), err);
    if (st == HG_OK) st = find_named(job, &q, digits, err);
    hg_query_end(&q);
    return hg_store_leave(s, st);
}

static void kept_name(char name[HG_SECRET_NAME], const unsigned char *job, const char *what) {
    char hex[2 * HG_DIGEST + 1];
    hg_hex_write(hex, job, HG_DIGEST);
    snprintf(name, HG_SECRET_NAME, "job/%s/%s", hex, what);
}

hg_status hg_ledger_mark_answered(hg_store *s, const unsigned char *job, const unsigned char *transcript, unsigned from,
                                  hg_err *err) {
    hg_ledger_row r;
    hg_audit_note note = { 0 };
    HG_TRY(need(&r, s, job, err));
    HG_TRY(hg_database_run(s->db, "UPDATE job SET state = ?, transcript = ?, since = ? WHERE digest = ?",
                           HG_VALUES(hg_value_int(HG_JOB_ANSWERED), hg_value_blob(transcript, HG_DIGEST),
                                     hg_value_time(hg_store_now(s)), hg_value_blob(job, HG_DIGEST)),
                           err));
    note_job(&note, &r.job);
    hg_note_digest(&note, "transcript", transcript);
    hg_note_count(&note, "party", from);
    return hg_audit_add(s, HG_AUDIT_JOB_ANSWERED, &note, err);
}

static hg_status answer(hg_store *s, const unsigned char *job, const unsigned char *transcript, hg_err *err) {
    hg_ledger_row r;
    HG_TRY(need(&r, s, job, err));
    return r.job.state == HG_JOB_ANSWERED ? HG_OK : hg_ledger_mark_answered(s, job, transcript, s->party, err);
}

hg_status hg_ledger_answer(hg_store *s, const unsigned char job[HG_DIGEST], const unsigned char transcript[HG_DIGEST],
                           hg_err *err) {
    char name[HG_SECRET_NAME];
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = answer(s, job, transcript, err);
    st = hg_database_end(s->db, st, err);
    kept_name(name, job, "");
    if (st == HG_OK) st = hg_store_sweep(s, name, err);
    return hg_store_leave(s, st);
}

static hg_status add_job_note(hg_store *s, const unsigned char *job, hg_audit_kind kind, const char *phase,
                              const char *reason, hg_err *err) {
    hg_ledger_row r;
    hg_audit_note note = { 0 };
    HG_TRY(need(&r, s, job, err));
    note_job(&note, &r.job);
    hg_note_count(&note, "attempt", r.job.attempts);
    if (phase) hg_note_text(&note, "phase", phase);
    if (reason) hg_note_text(&note, "reason", reason);
    if (kind == HG_AUDIT_JOB_ALLOWED) {
        r.most = r.job.attempts + 1 + HG_RETRIES;
        HG_TRY(hg_ledger_update(s, &r, err));
    }
    return hg_audit_add(s, kind, &note, err);
}

hg_status hg_ledger_abort(hg_store *s, const unsigned char job[HG_DIGEST], const char *phase, const char *reason,
                          hg_err *err) {
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = add_job_note(s, job, HG_AUDIT_JOB_ABORTED, phase, reason, err);
    return hg_store_end(s, st, err);
}

hg_status hg_ledger_allow(hg_store *s, const unsigned char job[HG_DIGEST], hg_err *err) {
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = add_job_note(s, job, HG_AUDIT_JOB_ALLOWED, NULL, NULL, err);
    return hg_store_end(s, st, err);
}

/* ---- what is kept for a job ----------------------------------------------------------------------------------------------------- */

static hg_status keep(hg_store *s, const unsigned char *job, const char *name, const void *bytes, size_t n,
                      hg_err *err) {
    char full[HG_SECRET_NAME];
    hg_ledger_row r;
    HG_TRY(need(&r, s, job, err));
    if (r.job.state == HG_JOB_ANSWERED) return hg_fail(err, HG_EREFUSED, "nothing is kept for a job that was answered");
    kept_name(full, job, name);
    return hg_vault_put(s->vault, full, bytes, n, false, err);
}

hg_status hg_ledger_keep(hg_store *s, const unsigned char job[HG_DIGEST], const char *name, const void *bytes, size_t n,
                         hg_err *err) {
    if (!*name || strlen(name) >= HG_NAME_SIZE || strchr(name, '/'))
        return hg_fail(err, HG_EINVAL, "\"%s\" is no name for something kept", name);
    hg_store_enter(s);
    return hg_store_leave(s, keep(s, job, name, bytes, n, err));
}

hg_status hg_ledger_kept(hg_text *bytes, hg_store *s, const unsigned char job[HG_DIGEST], const char *name,
                         hg_err *err) {
    char full[HG_SECRET_NAME];
    unsigned char *have;
    size_t n;
    if (strlen(name) >= HG_NAME_SIZE) return hg_fail(err, HG_EINVAL, "\"%s\" is no name for something kept", name);
    kept_name(full, job, name);
    hg_store_enter(s);
    HG_TRY(hg_store_leave(s, hg_vault_take(&have, &n, s->vault, full, err)));
    hg_text_put(bytes, (const char *)have, n);
    OPENSSL_cleanse(have, n);
    hg_free(have);
    return bytes->failed ? hg_fail(err, HG_ENOMEM, "no memory for what was kept for a job") : HG_OK;
}
