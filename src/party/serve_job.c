/* party/serve_job.c -- a member's question, from the signed job to this server's two slots of the answer
 *
 * Order matters. Judged by this server alone: signature, policy, dates, role. Then with the others: terms, data sets, ledgers,
 * digests of all that is public and of the shares that a neighbour holds too. Then the debit goes to three disks, and each says so,
 * before any message depends on a secret. Then the protocol, its check, three signed OKs; only now a share of the answer leaves,
 * to the asker alone. A retry of the same job on the same rows is free and gives the same answer.
 */
#include "party/epoch.h"
#include "party/leakage.h"
#include "party/serve_work.h"
#include "secret/verify.h"
#include <string.h>

static const hg_tier_record *const TIER[] = { [HG_TIER_PROPERTIES] = &hg_tier1_record,
                                              [HG_TIER_INDICES] = &hg_tier2_record,
                                              [HG_TIER_COMPOSITIONS] = &hg_tier3_record };

const hg_tier_record *hg_tier_record_of(hg_tier t) { return TIER[t]; }

/* ---- by itself -------------------------------------------------------------------------------------------------------------------- */

static hg_status check_kind(const hg_work *w, hg_err *err) {
    const hg_tier_record *tier = hg_tier_record_of(w->policy->tier);
    if (w->job.kind == HG_JOB_PROPOSE) return HG_OK;
    if (w->job.kind != HG_JOB_CHECK)
        return hg_fail(err, HG_EREFUSED, "a job of kind \"%s\" is not computed", hg_job_kind_name(w->job.kind));
    if (!tier->check || w->policy->plausibility == 0)
        return hg_fail(err, HG_EREFUSED, "the policy of %s has no leave-one-out check", w->policy->project);
    return HG_OK;
}

static hg_status judge(hg_work *w, const hg_link *k, hg_err *err) {
    hg_server *s = w->server;
    const hg_member *m;
    HG_TRY(hg_job_peek(&w->job, w->bytes, w->n_bytes, err));
    HG_TRY(hg_job_digest(w->digest, &w->job, err));
    HG_TRY(hg_job_entry(w->entry, &w->job, err));
    hg_short(w->name, w->digest);
    HG_TRY(hg_serve_policy(&w->policy, s, w->job.project, NULL, err));
    HG_TRY(hg_serve_member(&m, w->policy, k, err));
    hg_status st = hg_job_read(&w->job, w->policy, hg_world_now(s->o.world), w->bytes, w->n_bytes, err);
    if (st == HG_OK && strcmp(m->name, w->job.user) != 0)
        st = hg_fail(err, HG_EREFUSED, "%s brings a job of %s", m->name, w->job.user);
    if (st == HG_OK) st = check_kind(w, err);
    if (st != HG_OK) hg_serve_refused(s, HG_AUDIT_JOB_REFUSED, w->policy, m->name, err);
    return st;
}

/* ---- what the policy asks of the data --------------------------------------------------------------------------------------------- */

/* How many rows are measured for certain: of padded ones an owner may have filled up all but one of the last multiple. */
static size_t sure_rows(const hg_policy *p, const hg_stored *set) {
    const bool padded = p->tier != HG_TIER_PROPERTIES && set->kind == HG_SHARES_ROWS;
    return (size_t)set->rows - (padded && set->rows >= p->padding ? p->padding - 1 : 0);
}

/* Measured rows count; candidates hide nobody's measurement, they count only where no other owner has any. */
static hg_status check_foreign(const hg_work *w, hg_err *err) {
    const hg_policy *p = w->policy;
    size_t measured = 0, candidates = 0;
    for (size_t i = 0; i < w->rows.n_sets; i++) {
        const hg_stored *set = &w->rows.set[i];
        if (strcmp(set->owner, w->job.user) == 0) continue;
        *(set->kind == HG_SHARES_CANDIDATES ? &candidates : &measured) += sure_rows(p, set);
    }
    const size_t foreign = measured ? measured : candidates;
    if (foreign >= p->least_foreign) return HG_OK;
    return hg_advise(err,
                     hg_fail(err, HG_EREFUSED, "project %s has %zu rows of other owners; the policy asks for %zu",
                             p->project, foreign, p->least_foreign),
                     p->tier == HG_TIER_PROPERTIES
                         ? "ask again when more owners have shared their data"
                         : "padding does not count: of a padded data set, one row of the last multiple is certain");
}

static hg_status find_subject(hg_work *w, hg_err *err) {
    char name[HG_SHORT_SIZE];
    for (size_t i = 0; i < w->rows.n_sets; i++) {
        w->subject = i;
        if (memcmp(w->rows.set[i].id, w->job.subject, HG_DIGEST) != 0) continue;
        if (strcmp(w->rows.set[i].owner, w->job.user) == 0) return HG_OK;
        return hg_fail(err, HG_EREFUSED, "data set %s is not one of %s", hg_short(name, w->job.subject), w->job.user);
    }
    return hg_fail(err, HG_EREFUSED, "there is no data set %s", hg_short(name, w->job.subject));
}

/* ---- the charge --------------------------------------------------------------------------------------------------------------------- */

uint64_t hg_serve_budget(const hg_policy *p, const hg_member *m) { return m->user ? m->budget : p->dataset_budget; }

void hg_serve_price(hg_charge *c, const hg_policy *p, const hg_job *j) {
    const bool check = j->kind == HG_JOB_CHECK;
    c->queries = check ? 1 : hg_leakage_price(p, j->batch);
    c->epsilon = check ? 0 : p->model.epsilon * (double)j->batch;
    c->deterministic = true; /* coins are kept */
}

/* A check asks about one set, by what all of them say: all pay, and so does the owner, who may be no user and then has no budget of that
 * kind to spare. What takes part is part of the job: else a retry would ask a second question, of other rows. */
static hg_status make_charge(hg_charge *c, const hg_work *w, hg_err *err) {
    const hg_policy *p = w->policy;
    const hg_member *user = hg_policy_member(p, w->job.user);
    unsigned char(*dataset)[HG_DIGEST] = hg_alloc(w->rows.arena, w->rows.n_sets, sizeof *dataset);
    if (!dataset || !user) return hg_fail(err, HG_ENOMEM, "no memory for a job");
    for (size_t i = 0; i < w->rows.n_sets; i++) memcpy(dataset[i], w->rows.set[i].id, HG_DIGEST);
    *c = (hg_charge) { .dataset = (const unsigned char(*)[HG_DIGEST])dataset,
                       .n_datasets = w->rows.n_sets,
                       .again = w->coins.again,
                       .signed_job = w->bytes,
                       .signed_n = w->n_bytes,
                       .user_budget = hg_serve_budget(p, user),
                       .dataset_budget = p->dataset_budget,
                       .epsilon_budget = p->epsilon_budget };
    hg_serve_price(c, p, &w->job);
    memcpy(c->job, w->entry, HG_DIGEST);
    memcpy(c->project, w->job.project, sizeof c->project);
    memcpy(c->user, w->job.user, sizeof c->user);
    return HG_OK;
}

/* On this server's disk, then on all three. */
static hg_status charge(hg_work *w, hg_err *err) {
    hg_charge c;
    static const char PAID[8] = "charged";
    char in[HG_NEIGHBOURS][8];
    HG_TRY(make_charge(&c, w, err));
    HG_TRY(hg_ledger_charge(&w->charged, w->server->o.store, &c, err));
    HG_TRY(hg_coins_keep(w, err));
    HG_TRY(hg_attempt_swap(&w->attempt, HG_PHASE_CHARGE, PAID, (void *[]) { in[0], in[1] }, sizeof PAID, err));
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
        if (memcmp(in[k], PAID, sizeof PAID) != 0)
            return hg_fail(err, HG_ECHEAT, "party \"%s\" did not charge the job",
                           hg_serve_name(w->server, hg_attempt_party(&w->attempt, (hg_neighbour)k)));
    return HG_OK;
}

/* ---- together ----------------------------------------------------------------------------------------------------------------------- */

/* Everything public must be the same on all three, and each slot on its two holders. */
static hg_status compare(hg_work *w, hg_err *err) {
    unsigned char digest[HG_DIGEST], slots[2][HG_DIGEST];
    HG_TRY(hg_rows_digest(digest, &w->rows, err));
    HG_TRY(hg_attempt_same(&w->attempt, "the list of data sets", digest, err));
    HG_TRY(hg_attempt_same(&w->attempt, "the digest of the public tables", w->public_digest, err));
    hg_rows_slots(slots, &w->rows);
    return hg_attempt_slots(&w->attempt, "the stored shares", (const unsigned char(*)[HG_DIGEST])slots, err);
}

/* Shares of two epochs do not fit each other. */
static hg_status check_idle(const hg_work *w, hg_err *err) {
    hg_refresh r;
    HG_TRY(hg_epoch_status(&r, w->server->o.store, w->job.project, err));
    if (r.state == HG_REFRESH_IDLE) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_ELIMIT, "the shares of project %s are being refreshed", w->job.project),
                     "ask again in a moment, or use --wait; an operator finishes it with `hagane party refresh`");
}

static hg_status prepare(hg_work *w, uint32_t number, hg_err *err) {
    hg_server *s = w->server;
    hg_project project;
    w->phase = "the wait for the other servers";
    HG_TRY(hg_store_project(&project, s->o.store, w->job.project, err));
    HG_TRY(check_idle(w, err));
    HG_TRY(hg_attempt_open(&w->attempt, s, w->digest, number, err));
    w->phase = "the comparison with the other servers";
    const hg_terms terms = { .project = w->policy->project, .policy = w->policy, .epoch = project.epoch };
    HG_TRY(hg_attempt_agree(&w->attempt, &terms, err));
    HG_TRY(hg_rows_list(&w->rows, s, w->job.project, err));
    HG_TRY(check_foreign(w, err));
    if (w->job.kind == HG_JOB_CHECK) HG_TRY(find_subject(w, err));
    HG_TRY(hg_rows_load(&w->rows, s, w->policy, err));
    HG_TRY(hg_tier_record_of(w->policy->tier)->prepare(w, err));
    HG_TRY(compare(w, err));
    return hg_attempt_keys(&w->attempt, w->policy->mode, err);
}

hg_status hg_bits_join(hg_bits *out, hg_run *run, const hg_bits *part, size_t n, hg_err *err) {
    size_t bits = 0;
    for (size_t i = 0; i < n; i++) bits += part[i].n;
    HG_TRY(hg_bits_new(out, run, bits, err));
    bits = 0;
    for (size_t i = 0; i < n; bits += part[i++].n)
        for (size_t b = 0; b < part[i].n; b++)
            for (unsigned k = 0; k < 2; k++)
                out->slot[k][(bits + b) / 64] |= (part[i].slot[k][b / 64] >> (b % 64) & 1) << ((bits + b) % 64);
    return HG_OK;
}

static hg_status compute(hg_bits *output, hg_work *w, hg_run *run, hg_err *err) {
    const hg_tier_record *tier = hg_tier_record_of(w->policy->tier);
    w->phase = "the charge";
    HG_TRY(hg_coins_get(w, run, err));
    HG_TRY(charge(w, err));
    w->phase = "the computation";
    HG_TRY(w->job.kind == HG_JOB_CHECK ? tier->check(output, w, run, err) : tier->propose(output, w, run, err));
    w->phase = "the check of the computation";
    return hg_run_verify(run, err);
}

static hg_status write_answer(hg_text *to, const hg_work *w, const hg_run *run, const hg_bits *output,
                              const unsigned char transcript[HG_DIGEST], hg_err *err) {
    hg_server *s = w->server;
    hg_answer a = { .party = s->party,
                    .tier = w->policy->tier,
                    .mode = w->policy->mode,
                    .rows = w->rows.n,
                    .datasets = w->rows.n_sets,
                    .budget_left = w->charged.user_left,
                    .cost = hg_run_cost(run),
                    .microseconds = (uint64_t)(hg_world_ms(s->o.world) - w->began) * 1000,
                    .output = *output };
    memcpy(a.job, w->digest, HG_DIGEST);
    memcpy(a.policy, w->policy->digest, HG_DIGEST);
    memcpy(a.transcript, transcript, HG_DIGEST);
    memcpy(a.tables, w->public_digest, HG_DIGEST);
    if (s->o.insecure_cheat && s->o.insecure_cheat->answer) s->o.insecure_cheat->answer(s->o.insecure_cheat->self, &a);
    return hg_answer_write(to, &a, hg_identity_signing_secret(s->o.identity), err);
}

static hg_status run_protocol(hg_text *reply, hg_work *w, hg_err *err) {
    hg_run *run;
    hg_bits output;
    unsigned char transcript[HG_DIGEST], joint[HG_DIGEST];
    HG_TRY(hg_run_new(&run, &w->attempt.run, err));
    hg_status st = compute(&output, w, run, err);
    if (st == HG_OK) {
        w->phase = "the OK of all three";
        hg_run_transcript(run, transcript);
        st = hg_attempt_ok(joint, &w->attempt, transcript, err);
    }
    if (st == HG_OK) st = write_answer(reply, w, run, &output, joint, err);
    hg_run_free(run);
    return st;
}

static void log_end(hg_work *w, hg_status st, const hg_err *err) {
    hg_server *s = w->server;
    const long long ms = (long long)(hg_world_ms(s->o.world) - w->began);
    if (st == HG_OK) {
        hg_serve_log(s, "job %s of %s in %s: answered to the asker alone; %s, %zu rows, %s, %lld ms, budget left %llu",
                     w->name, w->job.user, w->job.project, hg_job_kind_name(w->job.kind), w->rows.n,
                     hg_mode_name(w->policy->mode), ms, (unsigned long long)w->charged.user_left);
        return;
    }
    hg_serve_log(s, "job %s of %s in %s ended in %s: %s", w->name, w->job.user, w->job.project, w->phase, err->msg);
    if (w->charged.attempt && hg_ledger_abort(s->o.store, w->entry, w->phase, err->msg, NULL) != HG_OK)
        hg_serve_log(s, "job %s: the log could not be written", w->name);
}

hg_status hg_serve_job(hg_ask *a, hg_err *err) {
    hg_server *s = a->server;
    const uint32_t number = hg_take_u32(&a->body);
    hg_work w = {
        .server = s, .bytes = a->body.at, .n_bytes = a->body.left, .phase = "", .began = hg_world_ms(s->o.world)
    };
    if (a->body.bad) return hg_fail(err, HG_EPARSE, "a request cannot be read");
    HG_TRY(hg_serve_job_begin(s, a->link, err));
    hg_status st = judge(&w, a->link, err);
    if (st == HG_OK) {
        st = prepare(&w, number, err);
        if (st == HG_OK) st = run_protocol(a->reply, &w, err);
        log_end(&w, st, err);
        hg_attempt_close(&w.attempt, st == HG_OK ? NULL : err);
        hg_tier_record_of(w.policy->tier)->release(&w, st == HG_OK);
    }
    hg_rows_free(&w.rows);
    hg_policy_free(w.policy);
    hg_serve_job_end(s, a->link);
    return st;
}

/* ---- the answer has arrived ------------------------------------------------------------------------------------------------------------- */

hg_status hg_serve_taken(hg_ask *a, hg_err *err) {
    hg_policy *p;
    const hg_member *m;
    hg_job_record job;
    unsigned char entry[HG_DIGEST], transcript[HG_DIGEST];
    hg_status st = hg_serve_enter(&p, &m, a, err);
    hg_take_bytes(&a->body, entry, HG_DIGEST);
    hg_take_bytes(&a->body, transcript, HG_DIGEST);
    if (st == HG_OK && !hg_take_end(&a->body)) st = hg_fail(err, HG_EPARSE, "a request cannot be read");
    if (st == HG_OK) st = hg_ledger_job(&job, a->server->o.store, entry, err);
    if (st == HG_OK && (strcmp(job.user, m->name) != 0 || strcmp(job.project, p->project) != 0))
        st = hg_fail(err, HG_EREFUSED, "that is not a job of %s", m->name);
    if (st == HG_OK) st = hg_ledger_answer(a->server->o.store, entry, transcript, err);
    hg_policy_free(p);
    return st;
}
