/* party/serve_job.c -- a user's question, from the signed job to this server's two slots of the answer
 *
 * Order matters. Judged by this server alone: signature, policy, dates, budget. Then with the others: terms, data sets, ledgers,
 * digests of public tables and of the shares that a neighbour holds too. Then the debit goes to three disks, and each says so,
 * before any message depends on a secret. Then the protocol, its check, three signed OKs; only now a share of the answer leaves,
 * to the user alone. A retry of the same job on the same rows is free and gives the same answer.
 */
#include "core/memory.h"
#include "party/leakage.h"
#include "party/ledger.h"
#include "party/serve.h"
#include "party/tables.h"
#include "secret/verify.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

typedef struct { /* one job on this server */
    hg_server *server;
    const void *bytes; /* the signed job */
    size_t n_bytes;
    hg_job job;
    unsigned char digest[HG_DIGEST];
    char name[HG_SHORT_SIZE];
    hg_policy *policy;
    hg_rows rows;
    hg_table *tables;
    hg_attempt attempt;
    hg_charged charged;
    bool rows_kept, coins_kept, coins_drawn; /* stand in the ledger; were drawn just now */
    hg_share seed;                           /* of draws; n = 0: none is needed */
    hg_bits noise;                           /* of differential privacy, likewise */
    const char *phase;                       /* for the log, when it ends badly */
    int64_t began;
} work;

/* ---- by itself -------------------------------------------------------------------------------------------------------------------- */

static hg_status judge(work *w, const hg_link *k, hg_err *err) {
    hg_server *s = w->server;
    const hg_member *m;
    HG_TRY(hg_job_peek(&w->job, w->bytes, w->n_bytes, err));
    HG_TRY(hg_job_digest(w->digest, &w->job, err));
    hg_short(w->name, w->digest);
    HG_TRY(hg_serve_policy(&w->policy, s, w->job.project, NULL, err));
    HG_TRY(hg_serve_member(&m, w->policy, k, err));
    HG_TRY(hg_job_read(&w->job, w->policy, hg_world_now(s->o.world), w->bytes, w->n_bytes, err));
    if (strcmp(m->name, w->job.user) != 0)
        return hg_fail(err, HG_EREFUSED, "%s brings a job of %s", m->name, w->job.user);
    if (w->job.kind != HG_JOB_PROPOSE)
        return hg_fail(err, HG_EREFUSED, "a job of kind %s is not computed", hg_job_kind_name(w->job.kind));
    if (w->policy->release_bits)
        return hg_fail(err, HG_EREFUSED, "this server releases no predicted mean, whatever the policy says");
    if (w->policy->tier != HG_TIER_PROPERTIES)
        return hg_fail(err, HG_EREFUSED, "this server computes with %s alone", hg_tier_words(HG_TIER_PROPERTIES));
    return HG_OK;
}

/* What the policy asks of the data before anything may be answered. */
static hg_status check_rows(const work *w, hg_err *err) {
    const hg_policy *p = w->policy;
    size_t foreign = 0;
    for (size_t i = 0; i < w->rows.n_sets; i++)
        if (strcmp(w->rows.set[i].owner, w->job.user) != 0) foreign += (size_t)w->rows.set[i].rows;
    if (foreign < p->least_foreign)
        return hg_advise(err,
                         hg_fail(err, HG_EREFUSED, "project %s has %zu rows of other owners; the policy asks for %zu",
                                 p->project, foreign, p->least_foreign),
                         "ask again when more owners have shared their data");
    if (w->rows.n < 2)
        return hg_fail(err, HG_EREFUSED, "project %s has %zu rows; a model needs two at least", p->project, w->rows.n);
    return HG_OK;
}

/* ---- coins: what a draw needs, the same in a retry ------------------------------------------------------------------------------- */

static const char KEPT_ROWS[] = "rows", KEPT_COINS[] = "coins";

static bool needs_seed(const work *w) { return w->policy->model.acquisition == HG_ACQ_THOMPSON || w->job.batch > 1; }

enum { COINS = 4 };
typedef struct {
    uint64_t *word;
    size_t n;
} coin;

/* The words of the coins that this server holds, seed first; slot 0, slot 1, slot 0 ... */
static size_t list_coins(coin out[COINS], const work *w) {
    size_t n = 0;
    for (unsigned k = 0; k < 2 && w->seed.n; k++) out[n++] = (coin) { w->seed.slot[k], 1 };
    for (unsigned k = 0; k < 2 && w->noise.n; k++) out[n++] = (coin) { w->noise.slot[k], (w->noise.n + 63) / 64 };
    return n;
}

static hg_status draw_coins(work *w, hg_run *run, hg_err *err) {
    w->coins_drawn = true;
    if (w->seed.n) HG_TRY(hg_share_random(&w->seed, run, 1, 1, err));
    if (w->noise.n) HG_TRY(hg_t1_noise_draw(&w->noise, run, hg_table_t1(w->tables), w->job.batch, err));
    return HG_OK;
}

/* Those of the first attempt. The neighbours must have kept the same. */
static hg_status take_coins(work *w, const hg_text *kept, hg_err *err) {
    coin part[COINS];
    unsigned char digest[2][HG_DIGEST];
    hg_taker t = hg_taker_of(kept->s, kept->len);
    const size_t parts = list_coins(part, w);
    for (size_t i = 0; i < parts; i++) hg_take_words(&t, part[i].word, part[i].n);
    if (!hg_take_end(&t)) return hg_fail(err, HG_EDATA, "the coins of job %s cannot be read", w->name);
    for (unsigned k = 0; k < 2; k++) {
        hg_text slot = hg_text_new(0);
        for (size_t i = k; i < parts; i += 2) hg_put_words(&slot, part[i].word, part[i].n);
        const bool failed = slot.failed;
        hg_digest(digest[k], "the coins of a job", slot.s, slot.len);
        if (slot.len) OPENSSL_cleanse(slot.s, slot.len);
        hg_text_free(&slot);
        if (failed) return hg_fail(err, HG_ENOMEM, "no memory for a job");
    }
    return hg_attempt_slots(&w->attempt, "the coins of the job", (const unsigned char(*)[HG_DIGEST])digest, err);
}

static hg_status prepare_coins(work *w, hg_run *run, hg_err *err) {
    const size_t bits = hg_t1_noise_bits(hg_table_t1(w->tables), w->job.batch);
    unsigned char here, there[HG_NEIGHBOURS];
    if (!needs_seed(w) && bits == 0) return HG_OK;
    if (needs_seed(w)) HG_TRY(hg_share_new(&w->seed, run, 1, 1, false, err));
    if (bits) HG_TRY(hg_bits_new(&w->noise, run, bits, err));
    hg_text kept = hg_text_new(0);
    hg_status st = hg_ledger_kept(&kept, w->server->o.store, w->digest, KEPT_COINS, err);
    w->coins_kept = st == HG_OK;
    here = w->coins_kept;
    if (st == HG_OK || st == HG_ENOTFOUND)
        st = hg_attempt_swap(&w->attempt, HG_PHASE_HELLO, &here, (void *[]) { &there[0], &there[1] }, 1, err);
    if (st == HG_OK) st = here && there[0] && there[1] ? take_coins(w, &kept, err) : draw_coins(w, run, err);
    if (kept.len) OPENSSL_cleanse(kept.s, kept.len);
    hg_text_free(&kept);
    return st;
}

static hg_status keep_coins(const work *w, hg_err *err) {
    coin part[COINS];
    const size_t parts = list_coins(part, w);
    if (parts == 0 || w->coins_kept) return HG_OK;
    hg_text t = hg_text_new(0);
    for (size_t i = 0; i < parts; i++) hg_put_words(&t, part[i].word, part[i].n);
    const hg_status st = t.failed ? hg_fail(err, HG_ENOMEM, "no memory for a job")
                                  : hg_ledger_keep(w->server->o.store, w->digest, KEPT_COINS, t.s, t.len, err);
    if (t.len) OPENSSL_cleanse(t.s, t.len);
    hg_text_free(&t);
    return st;
}

/* ---- the charge --------------------------------------------------------------------------------------------------------------------- */

/* The list of data sets is kept with the first charge. A retry on others, or one that died before it was kept, is another question. */
static hg_status is_same_question(bool *same, work *w, hg_err *err) {
    unsigned char digest[HG_DIGEST];
    hg_text kept = hg_text_new(0);
    HG_TRY(hg_rows_digest(digest, &w->rows, err));
    const hg_status st = hg_ledger_kept(&kept, w->server->o.store, w->digest, KEPT_ROWS, err);
    w->rows_kept = st == HG_OK;
    *same = w->rows_kept && kept.len == HG_DIGEST && memcmp(kept.s, digest, HG_DIGEST) == 0 && !w->coins_drawn;
    hg_text_free(&kept);
    return st == HG_ENOTFOUND ? HG_OK : st;
}

static hg_status keep_question(const work *w, hg_err *err) {
    unsigned char digest[HG_DIGEST];
    if (w->rows_kept) return HG_OK;
    HG_TRY(hg_rows_digest(digest, &w->rows, err));
    return hg_ledger_keep(w->server->o.store, w->digest, KEPT_ROWS, digest, HG_DIGEST, err);
}

static hg_status make_charge(hg_charge *c, work *w, hg_err *err) {
    const hg_policy *p = w->policy;
    const hg_member *user = hg_policy_member(p, w->job.user);
    unsigned char(*dataset)[HG_DIGEST] = hg_alloc(w->rows.arena, w->rows.n_sets, sizeof *dataset);
    if (!dataset || !user) return hg_fail(err, HG_ENOMEM, "no memory for a job");
    for (size_t i = 0; i < w->rows.n_sets; i++) memcpy(dataset[i], w->rows.set[i].id, HG_DIGEST);
    *c = (hg_charge) { .dataset = (const unsigned char(*)[HG_DIGEST])dataset,
                       .n_datasets = w->rows.n_sets,
                       .queries = hg_leakage_price(p, w->job.batch),
                       .epsilon = p->model.epsilon * (double)w->job.batch,
                       .signed_job = w->bytes,
                       .signed_n = w->n_bytes,
                       .user_budget = user->budget,
                       .dataset_budget = p->dataset_budget,
                       .epsilon_budget = p->epsilon_budget };
    memcpy(c->job, w->digest, HG_DIGEST);
    memcpy(c->project, w->job.project, sizeof c->project);
    memcpy(c->user, w->job.user, sizeof c->user);
    return is_same_question(&c->deterministic, w, err);
}

/* On this server's disk, then on all three. */
static hg_status charge(work *w, hg_err *err) {
    hg_charge c;
    static const char PAID[8] = "charged";
    char in[HG_NEIGHBOURS][8];
    HG_TRY(make_charge(&c, w, err));
    HG_TRY(hg_ledger_charge(&w->charged, w->server->o.store, &c, err));
    HG_TRY(keep_question(w, err));
    HG_TRY(keep_coins(w, err));
    HG_TRY(hg_attempt_swap(&w->attempt, HG_PHASE_CHARGE, PAID, (void *[]) { in[0], in[1] }, sizeof PAID, err));
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
        if (memcmp(in[k], PAID, sizeof PAID) != 0)
            return hg_fail(err, HG_ECHEAT, "party \"%s\" did not charge the job",
                           hg_serve_name(w->server, hg_attempt_party(&w->attempt, (hg_neighbour)k)));
    return HG_OK;
}

/* ---- together ----------------------------------------------------------------------------------------------------------------------- */

/* Everything public must be the same on all three, and each slot on its two holders. */
static hg_status compare(work *w, hg_err *err) {
    unsigned char digest[HG_DIGEST], slots[2][HG_DIGEST];
    HG_TRY(hg_rows_digest(digest, &w->rows, err));
    HG_TRY(hg_attempt_same(&w->attempt, "the list of data sets", digest, err));
    hg_t1_tables_digest(hg_table_t1(w->tables), digest);
    HG_TRY(hg_attempt_same(&w->attempt, "the digest of the public tables", digest, err));
    hg_rows_slots(slots, &w->rows);
    return hg_attempt_slots(&w->attempt, "the stored shares", (const unsigned char(*)[HG_DIGEST])slots, err);
}

static hg_status prepare(work *w, uint32_t number, hg_err *err) {
    hg_server *s = w->server;
    hg_project project;
    w->phase = "the wait for the other servers";
    HG_TRY(hg_store_project(&project, s->o.store, w->job.project, err));
    HG_TRY(hg_attempt_open(&w->attempt, s, w->digest, number, err));
    w->phase = "the comparison with the other servers";
    const hg_terms terms = { .project = w->policy->project, .policy = w->policy, .epoch = project.epoch };
    HG_TRY(hg_attempt_agree(&w->attempt, &terms, err));
    HG_TRY(hg_rows_list(&w->rows, s, w->job.project, err));
    HG_TRY(check_rows(w, err));
    HG_TRY(hg_rows_load(&w->rows, s, err));
    HG_TRY(hg_tables_hold(&w->tables, s->tables, w->policy, w->rows.measured, w->rows.n, err));
    HG_TRY(compare(w, err));
    return hg_attempt_keys(&w->attempt, w->policy->mode, err);
}

/* Measured candidates and those that the policy never proposes. */
static bool *make_excluded(const work *w) {
    const hg_policy *p = w->policy;
    bool *excluded = hg_alloc(w->rows.arena, p->n_pool, sizeof *excluded);
    for (size_t i = 0; excluded && p->candidate && i < p->n_pool; i++) excluded[i] = !p->candidate[i];
    for (size_t i = 0; excluded && i < w->rows.n; i++) excluded[w->rows.measured[i]] = true;
    return excluded;
}

/* Bits of several sharings, one behind the other. Local. */
static hg_status join_bits(hg_bits *out, hg_run *run, const hg_bits *part, size_t n, hg_err *err) {
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

static hg_status compute(hg_bits *output, work *w, hg_run *run, hg_err *err) {
    hg_share y;
    hg_t1_opts o = { .excluded = make_excluded(w), .batch = w->job.batch, .seed = w->seed, .noise = w->noise };
    hg_bits *index = hg_alloc(w->rows.arena, w->job.batch, sizeof *index);
    if (!o.excluded || !index) return hg_fail(err, HG_ENOMEM, "no memory for a job");
    w->phase = "the computation";
    HG_TRY(hg_share_input(&y, run, (const uint64_t *const[]) { w->rows.slot[0], w->rows.slot[1] }, w->rows.n,
                          HG_RING_LIMBS, err));
    HG_TRY(hg_run_round(run, err)); /* authentication, in the malicious mode */
    HG_TRY(hg_t1_propose(index, run, hg_table_t1(w->tables), &y, &o, err));
    HG_TRY(join_bits(output, run, index, w->job.batch, err));
    w->phase = "the check of the computation";
    return hg_run_verify(run, err);
}

static hg_status write_answer(hg_text *to, work *w, const hg_run *run, const hg_bits *output,
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
    hg_t1_tables_digest(hg_table_t1(w->tables), a.tables);
    return hg_answer_write(to, &a, hg_identity_signing_secret(s->o.identity), err);
}

static hg_status run_protocol(hg_text *reply, work *w, hg_err *err) {
    hg_run *run;
    hg_bits output;
    unsigned char transcript[HG_DIGEST], joint[HG_DIGEST];
    HG_TRY(hg_run_new(&run, &w->attempt.run, err));
    w->phase = "the charge";
    hg_status st = prepare_coins(w, run, err);
    if (st == HG_OK) st = charge(w, err);
    if (st == HG_OK) st = compute(&output, w, run, err);
    if (st == HG_OK) {
        w->phase = "the OK of all three";
        hg_run_transcript(run, transcript);
        st = hg_attempt_ok(joint, &w->attempt, transcript, err);
    }
    if (st == HG_OK) st = write_answer(reply, w, run, &output, joint, err);
    hg_run_free(run);
    return st;
}

static void log_end(work *w, hg_status st, const hg_err *err) {
    hg_server *s = w->server;
    const long long ms = (long long)(hg_world_ms(s->o.world) - w->began);
    if (st == HG_OK) {
        hg_serve_log(s, "job %s of %s in %s: answered to the user alone; %zu rows, %s, %lld ms, budget left %llu",
                     w->name, w->job.user, w->job.project, w->rows.n, hg_mode_name(w->policy->mode), ms,
                     (unsigned long long)w->charged.user_left);
        return;
    }
    hg_serve_log(s, "job %s of %s in %s ended in %s: %s", w->name, w->job.user, w->job.project, w->phase, err->msg);
    if (w->charged.attempt && hg_ledger_abort(s->o.store, w->digest, w->phase, err->msg, NULL) != HG_OK)
        hg_serve_log(s, "job %s: the log could not be written", w->name);
}

hg_status hg_serve_job(hg_ask *a, hg_err *err) {
    hg_server *s = a->server;
    const uint32_t number = hg_take_u32(&a->body);
    work w = {
        .server = s, .bytes = a->body.at, .n_bytes = a->body.left, .phase = "", .began = hg_world_ms(s->o.world)
    };
    if (a->body.bad) return hg_fail(err, HG_EPARSE, "a request cannot be read");
    HG_TRY(hg_serve_job_begin(s, err));
    hg_status st = judge(&w, a->link, err);
    if (st == HG_OK) {
        st = prepare(&w, number, err);
        if (st == HG_OK) st = run_protocol(a->reply, &w, err);
        log_end(&w, st, err);
        hg_attempt_close(&w.attempt, st == HG_OK ? NULL : err);
    }
    hg_tables_release(s->tables, w.tables);
    hg_rows_free(&w.rows);
    hg_policy_free(w.policy);
    hg_serve_job_end(s);
    return st;
}

/* ---- the answer has arrived ------------------------------------------------------------------------------------------------------------- */

hg_status hg_serve_taken(hg_ask *a, hg_err *err) {
    hg_policy *p;
    const hg_member *m;
    hg_job_record job;
    unsigned char digest[HG_DIGEST], transcript[HG_DIGEST];
    hg_status st = hg_serve_enter(&p, &m, a, err);
    hg_take_bytes(&a->body, digest, HG_DIGEST);
    hg_take_bytes(&a->body, transcript, HG_DIGEST);
    if (st == HG_OK && !hg_take_end(&a->body)) st = hg_fail(err, HG_EPARSE, "a request cannot be read");
    if (st == HG_OK) st = hg_ledger_job(&job, a->server->o.store, digest, err);
    if (st == HG_OK && (strcmp(job.user, m->name) != 0 || strcmp(job.project, p->project) != 0))
        st = hg_fail(err, HG_EREFUSED, "that is not a job of %s", m->name);
    if (st == HG_OK) st = hg_ledger_answer(a->server->o.store, digest, transcript, "", 0, err);
    hg_policy_free(p);
    return st;
}
