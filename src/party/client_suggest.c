/* party/client_suggest.c -- see hagane/party.h: the signed question, three answers, one index */
#include "core/memory.h"
#include "party/client.h"
#include "party/record.h"
#include "party/request.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MOST = 1200, ANSWER_MOST = 4 << 20 };

typedef struct {
    hg_party *party;
    const char *project;
    hg_party_suggest_opts o;
    hg_policy *policy;
    hg_job job;
    hg_text signed_job;
    unsigned char digest[HG_DIGEST], entry[HG_DIGEST]; /* the job's, and its place in the ledger */
    size_t rows;                                       /* of the data set that is checked */
    hg_answer answer[HG_SERVERS];
    uint64_t *bits; /* of the answer, put together */
    hg_arena *arena;
} question;

/* ---- the question ------------------------------------------------------------------------------------------------------------- */

static hg_status make_job(question *q, hg_job_kind kind, const unsigned char *subject, hg_err *err) {
    const hg_party *p = q->party;
    const hg_member *self;
    HG_TRY(hg_party_member(&self, p, q->policy, err));
    q->job = (hg_job) { .kind = kind,
                        .tier = q->policy->tier,
                        .mode = q->policy->mode,
                        .batch = kind == HG_JOB_PROPOSE ? (uint32_t)q->o.batch : 0,
                        .created = hg_world_now(p->o.world) };
    if (subject) memcpy(q->job.subject, subject, HG_DIGEST);
    q->job.expires = q->job.created + HG_JOB_LIFE;
    memcpy(q->job.project, q->policy->project, sizeof q->job.project);
    memcpy(q->job.user, self->name, sizeof q->job.user);
    memcpy(q->job.policy, q->policy->digest, HG_DIGEST);
    HG_TRY(hg_world_random(p->o.world, q->job.nonce, sizeof q->job.nonce, err));
    return hg_job_write(&q->signed_job, &q->job, hg_identity_signing_secret(p->identity), err);
}

static bool kept_path(char path[PATH_MOST], const question *q) {
    if (!q->o.save) return false;
    const int n = snprintf(path, PATH_MOST, "%s/%s.job", q->o.save, q->project);
    return n > 0 && n < PATH_MOST;
}

/* A question that was signed before and never answered: the same batch, the same policy, still in time. */
static bool take_kept(question *q) {
    char path[PATH_MOST];
    if (!kept_path(path, q) || access(path, F_OK) != 0) return false;
    hg_text bytes = hg_text_new(HG_JOB_BYTES);
    const hg_certificate *self = hg_identity_certificate(q->party->identity);
    const bool right =
        hg_party_read_file(&bytes, path, NULL) == HG_OK &&
        hg_job_read(&q->job, q->policy, hg_world_now(q->party->o.world), bytes.s, bytes.len, NULL) == HG_OK &&
        q->job.kind == HG_JOB_PROPOSE && q->job.batch == q->o.batch && strcmp(q->job.user, self->name) == 0;
    if (right) {
        hg_text_put(&q->signed_job, bytes.s, bytes.len);
        hg_log(q->party->o.hooks, HG_LOG_INFO, "asking again what was asked before and not answered");
    }
    hg_text_free(&bytes);
    return right && !q->signed_job.failed;
}

static hg_status keep(const question *q, hg_err *err) {
    char path[PATH_MOST];
    if (!q->o.save) return HG_OK;
    if (!kept_path(path, q)) return hg_fail(err, HG_EIO, "the folder's name is too long: %s", q->o.save);
    return hg_party_write_file(path, q->signed_job.s, q->signed_job.len, err);
}

static void forget(const question *q) {
    char path[PATH_MOST];
    if (kept_path(path, q)) unlink(path);
}

/* What was proposed, for hg_party_share_measured. The answer stands without it. */
static void remember(const question *q, const hg_party_answer *a) {
    size_t *row = q->o.save ? hg_alloc(q->arena, a->n, sizeof *row) : NULL;
    hg_err err;
    for (size_t k = 0; row && k < a->n; k++) row[k] = a->proposal[k].row;
    if (row && hg_record_answer(q->o.save, q->project, q->digest, row, a->n, &err) != HG_OK)
        hg_log(q->party->o.hooks, HG_LOG_WARN, "the answer is not remembered: %s", err.msg);
}

/* Can the same question be answered another time? Else it is forgotten: what is kept must never be one that can only be refused. */
static bool may_be_answered(hg_status st) {
    return st == HG_EPARTY || st == HG_ELIMIT || st == HG_ECHEAT || st == HG_ENOMEM || st == HG_EIO || st == HG_ECANCEL;
}

static hg_status digests(question *q, hg_err *err) {
    HG_TRY(hg_job_digest(q->digest, &q->job, err));
    return hg_job_entry(q->entry, &q->job, err);
}

static hg_status prepare(question *q, hg_err *err) {
    HG_TRY(hg_party_policy(&q->policy, q->party, q->project, err));
    if (q->o.batch < 1 || q->o.batch > q->policy->most_batch)
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL, "the policy of %s allows at most %zu proposal%s at once, not %zu",
                                 q->project, q->policy->most_batch, q->policy->most_batch == 1 ? "" : "s", q->o.batch),
                         "its owners have signed that, as `proposals per query`");
    if (!take_kept(q)) {
        HG_TRY(make_job(q, HG_JOB_PROPOSE, NULL, err));
        HG_TRY(keep(q, err));
    }
    return digests(q, err);
}

/* ---- the answers ---------------------------------------------------------------------------------------------------------------- */

static hg_status read_answer(question *q, unsigned i, const hg_text *reply, hg_err *err) {
    const char *name = q->party->cluster.server[i].name;
    const hg_status st = hg_answer_read(&q->answer[i], q->arena, q->policy, reply->s, reply->len, err);
    if (st == HG_EPARSE) return hg_fail(err, HG_ECHEAT, "party \"%s\" sends what is no answer", name);
    if (st == HG_OK && q->answer[i].party != i)
        return hg_fail(err, HG_ECHEAT, "party \"%s\" hands over the answer of another server", name);
    return st;
}

/* Three that fit together, or none. */
static hg_status read_answers(question *q, const hg_text reply[HG_SERVERS], hg_err *err) {
    const size_t n = hg_job_output_bits(&q->job, q->policy, q->rows);
    hg_err own, seen;
    hg_status st = HG_OK;
    if (!err) err = &own;
    if (!(q->bits = hg_alloc(q->arena, (n + 63) / 64, sizeof *q->bits)))
        return hg_fail(err, HG_ENOMEM, "no memory for an answer");
    for (unsigned i = 0; st == HG_OK && i < HG_SERVERS; i++) st = read_answer(q, i, &reply[i], err);
    if (st == HG_OK) st = hg_answer_join(q->bits, q->answer, &q->job, q->policy, n, err);
    if (st == HG_OK || st == HG_ENOMEM) return st;
    seen = *err;
    return hg_fail(err, st, "the answers are not taken: %s", seen.msg);
}

static hg_status attempt(question *q, hg_err *err) {
    hg_text body = hg_text_new(0), reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    uint32_t number;
    hg_status st = hg_party_number(&number, q->party, err);
    if (st == HG_OK) {
        hg_put_u32(&body, number);
        hg_put_bytes(&body, q->signed_job.s, q->signed_job.len);
        if (body.failed) st = hg_fail(err, HG_ENOMEM, "no memory for a question");
    }
    if (st == HG_OK) st = hg_party_ask_all(reply, q->party, HG_ASK_JOB, body.s, body.len, ANSWER_MOST, err);
    if (st == HG_OK) st = read_answers(q, reply, err);
    hg_text_free(&body);
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&reply[i]);
    return st;
}

/* Tells the servers that the answer is here, so that the job is closed. A server that misses it closes it with the next merge. */
static void acknowledge(question *q) {
    hg_text body = hg_text_new(0), reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    hg_err err;
    hg_put_name(&body, q->project);
    hg_put_bytes(&body, q->entry, HG_DIGEST);
    hg_put_bytes(&body, q->answer[0].transcript, HG_DIGEST);
    if (body.failed || hg_party_ask_all(reply, q->party, HG_PUT_TAKEN, body.s, body.len, 16, &err) != HG_OK)
        hg_log(q->party->o.hooks, HG_LOG_DEBUG, "a server did not note that its answer arrived");
    hg_text_free(&body);
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&reply[i]);
}

/* ---- what the caller gets ----------------------------------------------------------------------------------------------------------- */

static hg_status fill_proposals(hg_party_answer *a, const question *q, hg_err *err) {
    const hg_policy *p = q->policy;
    hg_proposal *proposal = hg_alloc(a->arena, q->o.batch, sizeof *proposal);
    if (!proposal) return hg_fail(err, HG_ENOMEM, "no memory for an answer");
    HG_TRY(hg_answer_proposals(proposal, &q->job, p, q->bits, err));
    a->n = q->o.batch;
    a->n_inputs = p->pool ? p->n_features : 0;
    a->proposal = hg_alloc(a->arena, a->n, sizeof *a->proposal);
    a->input = hg_alloc(a->arena, a->n_inputs, sizeof *a->input);
    if (!a->proposal || !a->input) return hg_fail(err, HG_ENOMEM, "no memory for an answer");
    for (size_t i = 0; i < a->n_inputs; i++)
        if (!(a->input[i] = hg_arena_strdup(a->arena, p->feature[i])))
            return hg_fail(err, HG_ENOMEM, "no memory for an answer");
    for (size_t k = 0; k < a->n; k++) {
        const hg_proposal *from = &proposal[k];
        hg_party_proposal *to = &a->proposal[k];
        *to = (hg_party_proposal) { .row = from->index,
                                    .mean = from->has_mean ? from->mean : NAN,
                                    .mean_step = from->has_mean ? from->mean_step : NAN };
        to->inputs = hg_alloc(a->arena, a->n_inputs, sizeof *to->inputs);
        if (p->id) to->id = hg_arena_strdup(a->arena, p->id[from->index]);
        if (!to->inputs || (p->id && !to->id)) return hg_fail(err, HG_ENOMEM, "no memory for an answer");
        for (size_t i = 0; i < a->n_inputs; i++) to->inputs[i] = p->pool[from->index * p->n_features + i];
    }
    return HG_OK;
}

static int by_age(const void *a, const void *b) {
    const hg_dataset_status *x = a, *y = b;
    if (x->created != y->created) return x->created < y->created ? -1 : 1;
    if (x->sequence != y->sequence) return x->sequence < y->sequence ? -1 : 1;
    return memcmp(x->id, y->id, HG_DIGEST);
}

/* Is this the list that all three servers have signed that they computed with? */
static hg_status is_signed(bool *same, const question *q, const hg_dataset_status *set, size_t n, hg_err *err) {
    unsigned char digest[HG_DIGEST];
    hg_text list = hg_text_new(0);
    for (size_t i = 0; i < n; i++) hg_job_put_set(&list, set[i].id, set[i].epoch);
    const hg_status st = hg_job_sets_digest(digest, &list, err);
    hg_text_free(&list);
    *same = st == HG_OK && memcmp(digest, q->answer[0].tables, HG_DIGEST) == 0;
    return st;
}

/* The data sets of the answer, in the order of the servers (party/rows.c). What has come since is left out, the last first. */
static hg_status find_sets(hg_dataset_status **set, size_t *n, const question *q, hg_arena *arena, hg_err *err) {
    enum { LATE_MOST = 64 };
    hg_dataset_status *all;
    size_t n_all;
    bool same = false;
    *n = 0;
    HG_TRY(hg_party_datasets(&all, &n_all, q->party, q->project, arena, err));
    for (size_t i = 0; i < n_all; i++)
        if (all[i].state == HG_DATASET_ACTIVE) all[(*n)++] = all[i];
    *set = all;
    qsort(all, *n, sizeof *all, by_age);
    for (size_t late = 0; late < LATE_MOST; late++) {
        size_t last = 0;
        HG_TRY(is_signed(&same, q, all, *n, err));
        if (same) return HG_OK;
        if (*n == 0) break;
        for (size_t i = 0; i < *n; i++)
            if (all[i].since >= all[last].since) last = i;
        memmove(all + last, all + last + 1, (--*n - last) * sizeof *all);
    }
    return hg_advise(err,
                     hg_fail(err, HG_EREFUSED,
                             "the servers' lists of data sets are not what the answer was computed from: whose row it "
                             "is cannot be told"),
                     "a data set was withdrawn or refreshed just now, or a server lies; ask again");
}

/* Tier 3: which set's row an entry is. */
static hg_status name_entries(hg_party_answer *a, const question *q, hg_err *err) {
    hg_dataset_status *set;
    size_t n_sets;
    HG_TRY(find_sets(&set, &n_sets, q, a->arena, err));
    for (size_t k = 0; k < a->n; k++) {
        size_t left = a->proposal[k].row, i = 0;
        for (; i < n_sets; i++) {
            if (set[i].kind == HG_SHARES_MEASURED) continue; /* brings no entries */
            if (left < set[i].rows) break;
            left -= (size_t)set[i].rows;
        }
        if (i == n_sets)
            return hg_fail(err, HG_ECHEAT, "the answer names entry %zu, which nobody shared", a->proposal[k].row);
        char hex[2 * HG_DIGEST + 1];
        hg_hex_write(hex, set[i].id, HG_DIGEST);
        a->proposal[k].dataset = hg_arena_strdup(a->arena, hex);
        a->proposal[k].owner = hg_arena_strdup(a->arena, set[i].owner);
        a->proposal[k].dataset_row = left;
        if (!a->proposal[k].dataset || !a->proposal[k].owner) return hg_fail(err, HG_ENOMEM, "no memory for an answer");
    }
    return HG_OK;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static hg_status fill(hg_party_answer *a, const question *q, hg_err *err) {
    const hg_policy *p = q->policy;
    hg_leakage l;
    hg_leakage_of(&l, p, q->o.batch);
    hg_hex_write(a->job, q->digest, HG_DIGEST);
    hg_hex_write(a->policy, p->digest, HG_DIGEST);
    hg_hex_write(a->transcript, q->answer[0].transcript, HG_DIGEST);
    a->mode = hg_mode_name(p->mode);
    a->mode_words = hg_mode_words(p->mode);
    a->tier = (int)p->tier;
    a->tier_words = hg_tier_words(p->tier);
    a->target = hg_arena_strdup(a->arena, p->target);
    a->unit = hg_arena_strdup(a->arena, p->unit);
    if (!a->target || !a->unit) return hg_fail(err, HG_ENOMEM, "no memory for an answer");
    a->maximize = p->maximize;
    a->candidates = p->n_candidates;
    a->bits = l.bits_job;
    a->rows = (size_t)q->answer[0].rows;
    a->datasets = (size_t)q->answer[0].datasets;
    a->budget_left = (size_t)q->answer[0].budget_left;
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        const hg_answer *one = &q->answer[i];
        a->rounds = larger(a->rounds, one->cost.rounds);
        a->bytes = larger(a->bytes, one->cost.bytes);
        a->seconds = fmax(a->seconds, (double)one->microseconds / 1e6);
        if (one->budget_left < a->budget_left) a->budget_left = (size_t)one->budget_left;
    }
    HG_TRY(fill_proposals(a, q, err));
    return p->tier == HG_TIER_COMPOSITIONS ? name_entries(a, q, err) : HG_OK;
}

static hg_status make_answer(hg_party_answer **out, const question *q, hg_err *err) {
    hg_arena *arena = hg_arena_new();
    hg_party_answer *a = hg_alloc(arena, 1, sizeof *a);
    hg_status st = a ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for an answer");
    if (a) {
        a->arena = arena;
        st = fill(a, q, err);
    }
    if (st == HG_OK)
        *out = a;
    else
        hg_arena_free(arena);
    return st;
}

void hg_party_answer_free(hg_party_answer *a) {
    if (a) hg_arena_free(a->arena);
}

/* Until it is answered or the patience is over. */
static hg_status ask(question *q, int64_t deadline, hg_err *err) {
    hg_status st;
    do st = attempt(q, err);
    while (st != HG_OK && hg_party_try_again(q->party, st, deadline));
    return st;
}

static void close_question(question *q) {
    hg_policy_free(q->policy);
    hg_text_free(&q->signed_job);
    hg_arena_free(q->arena);
}

hg_status hg_party_suggest(hg_party_answer **out, hg_party *p, const char *project, const hg_party_suggest_opts *opts,
                           hg_err *err) {
    *out = NULL;
    question q = {
        .party = p, .project = project, .o = { .batch = 1 }, .signed_job = hg_text_new(0), .arena = hg_arena_new()
    };
    if (opts) q.o = *opts;
    const int64_t deadline = hg_world_ms(p->o.world) + p->o.wait_ms;
    hg_status st;
    do st = prepare(&q, err);
    while (st != HG_OK && !q.policy && hg_party_try_again(p, st, deadline));
    if (st == HG_OK) st = ask(&q, deadline, err);
    if (st == HG_OK) st = make_answer(out, &q, err);
    if (!may_be_answered(st)) forget(&q); /* before the servers close the job */
    if (st == HG_OK) acknowledge(&q);
    if (st == HG_OK) remember(&q, *out);
    close_question(&q);
    return st;
}

/* ---- is my data plausible? ------------------------------------------------------------------------------------------------------- */

hg_status hg_party_check(bool *implausible, size_t n, hg_party *p, const char *project, const char *dataset,
                         hg_err *err) {
    question q = { .party = p, .project = project, .rows = n, .signed_job = hg_text_new(0), .arena = hg_arena_new() };
    unsigned char id[HG_DIGEST];
    const int64_t deadline = hg_world_ms(p->o.world) + p->o.wait_ms;
    hg_status st = HG_OK;
    if (!hg_hex_read(id, HG_DIGEST, dataset, strlen(dataset)))
        st = hg_fail(err, HG_EINVAL, "\"%s\" is no data set: 64 hexadecimal digits", dataset);
    if (st == HG_OK) st = hg_party_policy(&q.policy, p, project, err);
    if (st == HG_OK) st = make_job(&q, HG_JOB_CHECK, id, err);
    if (st == HG_OK) st = digests(&q, err);
    if (st == HG_OK) st = ask(&q, deadline, err);
    if (st == HG_OK) acknowledge(&q);
    for (size_t i = 0; st == HG_OK && i < n; i++) implausible[i] = q.bits[i / 64] >> (i % 64) & 1;
    close_question(&q);
    return st;
}

/* ---- what would be told ---------------------------------------------------------------------------------------------------------- */

/* Simulates only what is small enough to be simulated: few rows on public pool entries. */
static hg_status estimate_leakage(hg_leakage_estimate *e, bool *measured, hg_party *p, const hg_policy *policy,
                                  hg_pool *threads, hg_arena *arena, hg_err *err) {
    hg_dataset_status *set;
    size_t n_sets, n = 0, row[HG_LEAKAGE_ROWS];
    *measured = false;
    if (policy->tier != HG_TIER_PROPERTIES || policy->model.epsilon > 0) return HG_OK;
    HG_TRY(hg_party_datasets(&set, &n_sets, p, policy->project, arena, err));
    for (size_t i = 0; i < n_sets; i++) {
        if (set[i].state != HG_DATASET_ACTIVE) continue;
        if (set[i].n_index != set[i].rows) return HG_OK; /* too many to be listed */
        for (size_t k = 0; k < set[i].n_index; k++) {
            if (n == HG_LEAKAGE_ROWS) return HG_OK; /* too many to sample: the bound stands alone */
            if (set[i].index[k] >= policy->n_pool)
                return hg_fail(err, HG_EPARSE, "a data set names no row of the pool");
            row[n++] = set[i].index[k];
        }
    }
    if (n < 2) return HG_OK;
    hg_leakage_opts o = hg_leakage_opts_default();
    o.threads = threads;
    o.hooks = p->o.hooks;
    HG_TRY(hg_leakage_measure(e, policy, row, NULL, n, &o, err));
    *measured = true;
    return HG_OK;
}

hg_status hg_party_dry_run(hg_leakage *l, hg_leakage_estimate *estimate, bool *measured, hg_policy **policy,
                           hg_party *p, const char *project, size_t batch, hg_pool *threads, hg_err *err) {
    HG_TRY(hg_party_policy(policy, p, project, err));
    hg_leakage_of(l, *policy, batch);
    if (!estimate) return HG_OK;
    hg_arena *arena = hg_arena_new();
    const hg_status st = arena ? estimate_leakage(estimate, measured, p, *policy, threads, arena, err)
                               : hg_fail(err, HG_ENOMEM, "no memory for a dry run");
    hg_arena_free(arena);
    if (st != HG_OK) {
        hg_policy_free(*policy);
        *policy = NULL;
    }
    return st;
}
