/* party/ledger_merge.c -- see party/ledger.h: the neighbours' ledgers
 *
 *   u32 jobs, each: digest, user, u8 state, u32 attempts, u64 times, u64 queries, u64 epsilon (1e-9), u8 deterministic,
 *   transcript, u32 data sets, ids, u32 length, the signed request
 * by digest. A job's price is fixed by its first charge; state, attempts and times only grow: the greater one holds.
 */
#include "core/memory.h"
#include "party/ledger_internal.h"
#include <string.h>

enum { ATTEMPTS_MOST = 1 << 16, LEDGER_MOST = 256 << 20 };

static const char JOBS[] =
    "SELECT digest, user, state, attempts, times, queries, epsilon, deterministic, transcript, request FROM job"
    " WHERE project = ? ORDER BY digest";

/* ---- telling ------------------------------------------------------------------------------------------------------------------- */

static hg_status put_sets(hg_text *to, hg_store *s, const unsigned char *job, hg_err *err) {
    unsigned char id[HG_DIGEST];
    const size_t at = to->len;
    uint32_t count = 0;
    hg_query q;
    hg_put_u32(to, 0);
    HG_TRY(hg_query_begin(&q, s->db, "SELECT dataset FROM job_dataset WHERE job = ? ORDER BY dataset",
                          HG_VALUES(hg_value_blob(job, HG_DIGEST)), err));
    hg_status st = HG_OK;
    for (bool row = true; st == HG_OK && row;) {
        st = hg_query_next(&row, &q, err);
        if (st != HG_OK || !row) break;
        st = hg_query_bytes(id, sizeof id, &q, 0, err);
        hg_put_bytes(to, id, sizeof id);
        count++;
    }
    hg_query_end(&q);
    for (unsigned i = 0; !to->failed && i < 4; i++) to->s[at + i] = (char)(unsigned char)(count >> 8 * i);
    return st;
}

static hg_status put_job(hg_text *to, hg_store *s, const hg_query *q, bool whole, hg_err *err) {
    unsigned char job[HG_DIGEST], transcript[HG_DIGEST];
    char user[HG_NAME_SIZE];
    size_t n;
    HG_TRY(hg_query_bytes(job, sizeof job, q, 0, err));
    HG_TRY(hg_query_text(user, sizeof user, q, 1, err));
    HG_TRY(hg_query_bytes(transcript, sizeof transcript, q, 8, err));
    hg_put_bytes(to, job, sizeof job);
    hg_put_name(to, user);
    hg_put_u8(to, (unsigned)hg_query_int(q, 2));
    hg_put_u32(to, (uint32_t)hg_query_int(q, 3));
    hg_put_u64(to, hg_query_int(q, 4));
    if (!whole) return HG_OK;
    hg_put_u64(to, hg_query_int(q, 5));
    hg_put_u64(to, hg_query_int(q, 6));
    hg_put_u8(to, (unsigned)hg_query_int(q, 7));
    hg_put_bytes(to, transcript, sizeof transcript);
    HG_TRY(put_sets(to, s, job, err));
    const void *request = hg_query_blob(&n, q, 9);
    hg_put_u32(to, (uint32_t)n);
    hg_put_bytes(to, request ? request : "", n);
    return HG_OK;
}

static hg_status put_jobs(hg_text *to, hg_store *s, const char *project, bool whole, hg_err *err) {
    const size_t at = to->len;
    uint32_t count = 0;
    hg_query q;
    hg_put_u32(to, 0);
    HG_TRY(hg_query_begin(&q, s->db, JOBS, HG_VALUES(hg_value_text(project)), err));
    hg_status st = HG_OK;
    for (bool row = true; st == HG_OK; count++) {
        st = hg_query_next(&row, &q, err);
        if (st != HG_OK || !row) break;
        st = put_job(to, s, &q, whole, err);
    }
    hg_query_end(&q);
    if (st == HG_OK && to->failed) st = hg_fail(err, HG_ENOMEM, "no memory for the ledger of project %s", project);
    for (unsigned i = 0; !to->failed && i < 4; i++) to->s[at + i] = (char)(unsigned char)(count >> 8 * i);
    return st;
}

hg_status hg_ledger_export(hg_text *bytes, hg_store *s, const char *project, hg_err *err) {
    hg_store_enter(s);
    return hg_store_leave(s, put_jobs(bytes, s, project, true, err));
}

hg_status hg_ledger_digest(unsigned char digest[HG_DIGEST], hg_store *s, const char *project, hg_err *err) {
    hg_text t = hg_text_new(LEDGER_MOST);
    hg_store_enter(s);
    const hg_status st = hg_store_leave(s, put_jobs(&t, s, project, false, err));
    hg_digest(digest, "ledger", t.s, t.len);
    hg_text_free(&t);
    return st;
}

/* ---- hearing ------------------------------------------------------------------------------------------------------------------- */

typedef struct { /* a job as the neighbour tells it */
    hg_charge charge;
    hg_ledger_row row;
    unsigned char transcript[HG_DIGEST];
    unsigned char (*dataset)[HG_DIGEST]; /* [HG_CHARGE_DATASETS_MOST] */
} told;

static bool take_job(told *t, hg_taker *from, const char *project) {
    hg_charge *c = &t->charge;
    hg_ledger_row *r = &t->row;
    *c = (hg_charge) { .dataset = (const unsigned char(*)[HG_DIGEST])t->dataset };
    *r = (hg_ledger_row) { .most = 1 + HG_RETRIES };
    memcpy(c->project, project, strlen(project) + 1);
    hg_take_bytes(from, c->job, HG_DIGEST);
    hg_take_name(from, c->user, HG_NAME_SIZE);
    const unsigned state = hg_take_u8(from);
    r->job.attempts = hg_take_u32(from);
    r->job.times = hg_take_u64(from);
    c->queries = hg_take_u64(from);
    r->epsilon = hg_take_u64(from);
    const unsigned deterministic = hg_take_u8(from);
    hg_take_bytes(from, t->transcript, HG_DIGEST);
    c->n_datasets = hg_take_u32(from);
    if (from->bad || c->n_datasets > HG_CHARGE_DATASETS_MOST) return false;
    hg_take_bytes(from, t->dataset, c->n_datasets * HG_DIGEST);
    c->signed_n = hg_take_u32(from);
    if (from->bad || c->signed_n > from->left || state >= HG_JOB_STATES || deterministic > 1) return false;
    c->signed_job = from->at;
    from->at += c->signed_n;
    from->left -= c->signed_n;
    memcpy(r->job.job, c->job, HG_DIGEST);
    r->job.state = (hg_job_state)state;
    c->deterministic = r->deterministic = deterministic != 0;
    if (r->epsilon > hg_epsilon_units(HG_EPSILON_MOST)) return false;
    c->epsilon = hg_epsilon_of_units(r->epsilon);
    return r->job.attempts >= 1 && r->job.attempts <= ATTEMPTS_MOST && r->job.times >= 1 &&
           r->job.times <= r->job.attempts;
}

static hg_status learn(hg_store *s, const told *t, const hg_merge_opts *o, hg_err *err) {
    hg_audit_note note = { 0 };
    hg_charge_note(&note, &t->charge);
    hg_note_count(&note, "times", t->row.job.times);
    hg_note_count(&note, "party", o->from);
    return hg_audit_add(s, HG_AUDIT_JOB_LEARNT, &note, err);
}

static hg_status merge_new(bool *taken, hg_store *s, const told *t, const hg_merge_opts *o, hg_err *err) {
    hg_ledger_row r = t->row;
    uint64_t spent;
    HG_TRY(hg_ledger_spent(&spent, s, t->charge.project, t->charge.user, err));
    const uint64_t budget = o->budget ? o->budget(o->self, t->charge.user) : UINT64_MAX,
                   price = t->charge.queries * r.job.times;
    *taken = spent <= budget && price <= budget - spent;
    if (!*taken) return HG_OK;
    r.job.state = HG_JOB_CHARGED; /* and answered below, with its own entry in the log */
    HG_TRY(hg_ledger_insert(s, &t->charge, &r, err));
    return learn(s, t, o, err);
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static hg_status merge_known(bool *changed, hg_store *s, const told *t, hg_ledger_row *r, const hg_merge_opts *o,
                             hg_err *err) {
    bool same;
    HG_TRY(hg_ledger_same_sets(&same, s, &t->charge, err));
    if (!same || strcmp(r->job.project, t->charge.project) != 0 || strcmp(r->job.user, t->charge.user) != 0 ||
        r->job.queries != t->charge.queries || r->epsilon != t->row.epsilon || r->deterministic != t->row.deterministic)
        return hg_fail(err, HG_EREFUSED, "server %u tells another price of a job of %s than this server charged",
                       o->from, r->job.user);
    const uint64_t attempts = least(t->row.job.attempts, r->most), times = least(t->row.job.times, r->most);
    const bool dearer = times > r->job.times;
    *changed = dearer || attempts > r->job.attempts;
    if (!*changed) return HG_OK;
    if (dearer) r->job.times = times;
    if (attempts > r->job.attempts) r->job.attempts = (unsigned)attempts;
    HG_TRY(hg_ledger_update(s, r, err));
    return dearer ? learn(s, t, o, err) : HG_OK;
}

static hg_status merge_job(bool *changed, hg_store *s, const told *t, const hg_merge_opts *o, hg_err *err) {
    hg_ledger_row r;
    bool found;
    HG_TRY(hg_charge_check(&t->charge, err));
    HG_TRY(hg_ledger_find(&r, &found, s, t->charge.job, err));
    HG_TRY(found ? merge_known(changed, s, t, &r, o, err) : merge_new(changed, s, t, o, err));
    if (!found && !*changed) return HG_OK;
    if (t->row.job.state != HG_JOB_ANSWERED || (found && r.job.state == HG_JOB_ANSWERED)) return HG_OK;
    *changed = true;
    return hg_ledger_mark_answered(s, t->charge.job, t->transcript, o->from, err);
}

static hg_status next_told(told *t, hg_taker *from, const char *project, const hg_merge_opts *o, hg_err *err) {
    if (take_job(t, from, project)) return HG_OK;
    return hg_fail(err, HG_EPARSE, "the ledger of server %u is cut short or wrong", o->from);
}

static hg_status is_known(bool *known, hg_store *s, const unsigned char *job, hg_err *err) {
    hg_ledger_row r;
    hg_store_enter(s);
    return hg_store_leave(s, hg_ledger_find(&r, known, s, job, err));
}

/* Of the jobs that are new here, before the store is entered: the callback looks into the store, too. A job that is known stays so.
 * verdict: a byte for each job, 1: may be taken. */
static hg_status verify(hg_text *verdict, hg_store *s, const char *project, told *t, const void *bytes, size_t n,
                        const hg_merge_opts *o, hg_err *err) {
    hg_taker from = hg_taker_of(bytes, n);
    for (uint32_t left = hg_take_u32(&from); left; left--) {
        bool known;
        HG_TRY(next_told(t, &from, project, o, err));
        HG_TRY(hg_charge_check(&t->charge, err));
        HG_TRY(is_known(&known, s, t->charge.job, err));
        if (!known && !o->job) return hg_fail(err, HG_EINVAL, "jobs of another server's ledger have to be verified");
        const hg_status st = known ? HG_OK : o->job(o->self, &t->charge, err);
        if (st == HG_ENOTFOUND)
            hg_err_clear(err);
        else
            HG_TRY(st);
        hg_put_u8(verdict, st == HG_OK);
    }
    return verdict->failed ? hg_fail(err, HG_ENOMEM, "no memory to merge a ledger") : HG_OK;
}

static hg_status merge(size_t *added, hg_store *s, const char *project, told *t, const hg_text *verdict,
                       const void *bytes, size_t n, const hg_merge_opts *o, hg_err *err) {
    hg_project p;
    hg_taker from = hg_taker_of(bytes, n);
    HG_TRY(hg_store_find_project(&p, s, project, err));
    for (size_t k = 0, jobs = hg_take_u32(&from); k < jobs; k++) {
        bool changed = false;
        HG_TRY(next_told(t, &from, project, o, err));
        if (!verdict->s[k]) continue;
        HG_TRY(merge_job(&changed, s, t, o, err));
        *added += changed;
    }
    return hg_take_end(&from) ? HG_OK
                              : hg_fail(err, HG_EPARSE, "the ledger of server %u goes on after its end", o->from);
}

static hg_status merge_all(size_t *added, hg_store *s, const char *project, told *t, const hg_text *verdict,
                           const void *bytes, size_t n, const hg_merge_opts *o, hg_err *err) {
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = merge(added, s, project, t, verdict, bytes, n, o, err);
    st = hg_database_end(s->db, st, err);
    if (st != HG_OK) *added = 0;
    if (*added) st = hg_store_sweep(s, "job/", err); /* what was kept for a job that turns out to be answered */
    return hg_store_leave(s, st);
}

hg_status hg_ledger_merge(size_t *added, hg_store *s, const char *project, const void *bytes, size_t n,
                          const hg_merge_opts *o, hg_err *err) {
    *added = 0;
    if (n > LEDGER_MOST) return hg_fail(err, HG_ELIMIT, "a ledger of %zu bytes", n);
    if (strlen(project) >= HG_NAME_SIZE)
        return hg_fail(err, HG_EINVAL, "a project's name has 1 to %d bytes", HG_NAME_SIZE - 1);
    told t = { .dataset = hg_malloc(HG_CHARGE_DATASETS_MOST, HG_DIGEST) };
    if (!t.dataset) return hg_fail(err, HG_ENOMEM, "no memory to merge a ledger");
    hg_text verdict = hg_text_new(0);
    hg_status st = verify(&verdict, s, project, &t, bytes, n, o, err);
    if (st == HG_OK) st = merge_all(added, s, project, &t, &verdict, bytes, n, o, err);
    hg_text_free(&verdict);
    hg_free(t.dataset);
    return st;
}
