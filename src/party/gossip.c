/* party/gossip.c -- see party/serve.h: the three bring receipts, withdrawals and ledgers to the same state before a job
 *
 * A server that was away when a data set became active, was withdrawn, or a job was charged, hears of it here. Nothing is taken
 * on trust: receipts are signed by servers, withdrawals by owners, charges carry the user's signed job, at the price that the policy gives
 * it and within the user's budget. So a server cannot add a data set, take one away or invent a question. What it can do is refuse,
 * and count a real question up to four times or as answered; both are seen.
 */
#include "core/memory.h"
#include "party/ledger.h"
#include "party/serve_work.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GOSSIP_MOST = 64 << 20 };

typedef struct {
    hg_server *server;
    const hg_policy *policy;
} hearer;

/* ---- what a neighbour says must be signed by whom it is about ------------------------------------------------------------------ */

static hg_status check_receipt(void *self, const unsigned char id[HG_DIGEST], unsigned party, const void *bytes,
                               size_t n, hg_err *err) {
    const hearer *h = self;
    hg_receipt r;
    HG_TRY(hg_receipt_read(&r, h->policy, bytes, n, err));
    if (r.party == party && r.outcome == HG_OK && memcmp(r.subject, id, HG_DIGEST) == 0) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "a receipt is for another data set or of another server");
}

/* The owner may have another key by now, or have left: then the policy that the withdrawal names says who it was. */
static hg_status read_withdrawal(hg_withdrawal *w, const hearer *h, const void *request, size_t n, hg_err *err) {
    hg_policy *p;
    const hg_status st = hg_withdrawal_read(w, h->policy, request, n, err);
    if (st != HG_EREFUSED) return st;
    if (hg_serve_policy(&p, h->server, h->policy->project, w->policy, NULL) != HG_OK) return st;
    hg_err_clear(err);
    const hg_status then = hg_withdrawal_read(w, p, request, n, err);
    hg_policy_free(p);
    return then;
}

/* A set that is not here needs none, and only its owner's counts: HG_ENOTFOUND is passed over. */
static hg_status check_withdrawal(void *self, const unsigned char id[HG_DIGEST], const void *request, size_t n,
                                  hg_err *err) {
    const hearer *h = self;
    hg_withdrawal w;
    hg_stored set;
    HG_TRY(hg_store_dataset(&set, h->server->o.store, id, err));
    HG_TRY(read_withdrawal(&w, h, request, n, err));
    if (memcmp(w.dataset, id, HG_DIGEST) != 0) return hg_fail(err, HG_EREFUSED, "a withdrawal is for another data set");
    if (strcmp(w.owner, set.owner) != 0 || strcmp(w.project, set.project) != 0)
        return hg_fail(err, HG_ENOTFOUND, "a withdrawal of a data set that is another's");
    return HG_OK;
}

/* The policy is not here (a server that was rebuilt has the one in force alone): the user's present key is what there is. */
static hg_status check_signer(const hg_policy *p, const hg_job *j, const hg_charge *c, hg_err *err) {
    const size_t n = c->signed_n - HG_SIGNATURE;
    const unsigned char *const bytes = c->signed_job;
    const hg_member *m = hg_policy_member(p, j->user);
    if (m && hg_member_signed(m, bytes + n, "job", bytes, n)) return HG_OK;
    return hg_fail(err, HG_ENOTFOUND, "nobody here knows who signed an old job of %s", j->user);
}

/* Judged by the policy that it names, and at its time: an old job stays charged. */
static hg_status check_signed(const hearer *h, const hg_job *j, const hg_charge *c, hg_err *err) {
    hg_policy *p;
    hg_job again;
    hg_charge price = { 0 };
    hg_status st = hg_serve_policy(&p, h->server, h->policy->project, j->policy, err);
    if (st == HG_ENOTFOUND) return check_signer(h->policy, j, c, err);
    HG_TRY(st);
    st = hg_job_read(&again, p, j->created, c->signed_job, c->signed_n, err);
    hg_serve_price(&price, p, j);
    if (st == HG_OK && (c->queries != price.queries || c->deterministic != price.deterministic ||
                        fabs(c->epsilon - price.epsilon) > 1e-8))
        st = hg_fail(err, HG_EREFUSED, "a charge is not the price of the job it names");
    hg_policy_free(p);
    return st;
}

static hg_status check_job(void *self, const hg_charge *c, hg_err *err) {
    const hearer *h = self;
    hg_job j;
    unsigned char digest[HG_DIGEST];
    HG_TRY(hg_job_peek(&j, c->signed_job, c->signed_n, err));
    hg_status st = check_signed(h, &j, c, err);
    if (st == HG_OK) st = hg_job_entry(digest, &j, err);
    if (st == HG_OK && (memcmp(digest, c->job, HG_DIGEST) != 0 || strcmp(j.user, c->user) != 0 ||
                        strcmp(j.project, h->policy->project) != 0))
        st = hg_fail(err, HG_EREFUSED, "a charge does not belong to the job it names");
    return st;
}

/* Who has left asks nothing any more: what he asked counts against the data without limit. */
static uint64_t budget_of(void *self, const char *user) {
    const hearer *h = self;
    const hg_member *m = hg_policy_member(h->policy, user);
    return m ? hg_serve_budget(h->policy, m) : UINT64_MAX;
}

/* ---- is there anything to say? ---------------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b) { return memcmp(a, b, HG_DIGEST); }

typedef struct {
    unsigned char sets[HG_DIGEST], gone[HG_DIGEST], ledger[HG_DIGEST];
} state;

static void digest_sets(unsigned char digest[HG_DIGEST], unsigned char (*id)[HG_DIGEST], const hg_stored *set, size_t n,
                        hg_dataset_state which) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (set[i].state == which) memcpy(id[k++], set[i].id, HG_DIGEST);
    if (k) qsort(id, k, sizeof *id, by_id);
    hg_digest(digest, hg_dataset_state_name(which), id, k * sizeof *id);
}

/* Of sets that are active, of those that are withdrawn, and of all charges. */
static hg_status state_of(state *out, const hearer *h, hg_err *err) {
    hg_store *store = h->server->o.store;
    HG_TRY(hg_ledger_digest(out->ledger, store, h->policy->project, err));
    hg_arena *arena = hg_arena_new();
    hg_stored *set;
    size_t n = 0;
    unsigned char(*id)[HG_DIGEST] = NULL;
    hg_status st = hg_store_datasets(&set, &n, store, h->policy->project, arena, err);
    if (st == HG_OK && !(id = hg_alloc(arena, n, sizeof *id)))
        st = hg_fail(err, HG_ENOMEM, "no memory for the list of data sets");
    if (st == HG_OK) {
        digest_sets(out->sets, id, set, n, HG_DATASET_ACTIVE);
        digest_sets(out->gone, id, set, n, HG_DATASET_WITHDRAWN);
    }
    hg_arena_free(arena);
    return st;
}

typedef struct { /* is it the same on all three? */
    bool sets, gone, ledgers;
} equal;

/* All three see all three states, so that they decide alike. */
static hg_status compare(equal *same, hg_attempt *a, const hearer *h, hg_err *err) {
    state mine, in[HG_NEIGHBOURS];
    HG_TRY(state_of(&mine, h, err));
    HG_TRY(hg_attempt_swap(a, HG_PHASE_HELLO, &mine, (void *[]) { &in[0], &in[1] }, sizeof mine, err));
    *same = (equal) { true, true, true };
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        same->sets = same->sets && memcmp(mine.sets, in[k].sets, HG_DIGEST) == 0;
        same->gone = same->gone && memcmp(mine.gone, in[k].gone, HG_DIGEST) == 0;
        same->ledgers = same->ledgers && memcmp(mine.ledger, in[k].ledger, HG_DIGEST) == 0;
    }
    return HG_OK;
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------------ */

static hg_status tell_sets(hg_attempt *a, hearer *h, hg_err *err) {
    hg_store *store = h->server->o.store;
    const hg_hear_opts o = { .receipt = check_receipt, .withdrawal = check_withdrawal, .self = h };
    hg_text mine = hg_text_new(0), in[HG_NEIGHBOURS] = { hg_text_new(0), hg_text_new(0) };
    bool changed;
    hg_status st = hg_store_gossip(&mine, store, h->policy->project, err);
    if (st == HG_OK) st = hg_attempt_swap_text(a, HG_PHASE_HELLO, &mine, in, GOSSIP_MOST, err);
    for (unsigned k = 0; st == HG_OK && k < HG_NEIGHBOURS; k++) {
        st = hg_store_hear(&changed, store, h->policy->project, in[k].s, in[k].len, &o, err);
        if (st == HG_OK && changed)
            hg_serve_log(h->server, "heard of data sets of %s from party \"%s\"", h->policy->project,
                         hg_serve_name(h->server, hg_attempt_party(a, (hg_neighbour)k)));
    }
    hg_text_free(&mine);
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) hg_text_free(&in[k]);
    return st;
}

static hg_status tell_charges(hg_attempt *a, hearer *h, hg_err *err) {
    hg_store *store = h->server->o.store;
    hg_text mine = hg_text_new(0), in[HG_NEIGHBOURS] = { hg_text_new(0), hg_text_new(0) };
    size_t added;
    hg_status st = hg_ledger_export(&mine, store, h->policy->project, err);
    if (st == HG_OK) st = hg_attempt_swap_text(a, HG_PHASE_HELLO, &mine, in, GOSSIP_MOST, err);
    for (unsigned k = 0; st == HG_OK && k < HG_NEIGHBOURS; k++) {
        const hg_merge_opts o = {
            .job = check_job, .budget = budget_of, .self = h, .from = hg_attempt_party(a, (hg_neighbour)k)
        };
        st = hg_ledger_merge(&added, store, h->policy->project, in[k].s, in[k].len, &o, err);
        if (st == HG_OK && added)
            hg_serve_log(h->server, "%zu charges of %s heard from party \"%s\"", added, h->policy->project,
                         hg_serve_name(h->server, o.from));
    }
    hg_text_free(&mine);
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) hg_text_free(&in[k]);
    return st;
}

/* Charges of other jobs may go on meanwhile: they are merged, not compared again. Active sets must be the same in the end; another one
 * may become active just now, hence more than one look. A withdrawal is told, but one that only some servers ever had reason to keep
 * (the set never reached the others) must not stop the project: it takes part in nothing. */
hg_status hg_attempt_gossip(hg_attempt *a, const hg_terms *t, hg_err *err) {
    enum { LOOKS = 3 };
    hearer h = { a->server, t->policy };
    for (unsigned look = 0; look < LOOKS; look++) {
        equal same;
        HG_TRY(compare(&same, a, &h, err));
        if (!same.ledgers && look == 0) HG_TRY(tell_charges(a, &h, err));
        if ((same.sets && (same.gone || look > 0)) || t->rebuild) return HG_OK;
        HG_TRY(tell_sets(a, &h, err));
    }
    return hg_advise(err,
                     hg_fail(err, HG_EREFUSED, "the three servers have different data sets in project %s", t->project),
                     "one lacks a data set that the others have: hand its share file in again, or rebuild that server");
}
