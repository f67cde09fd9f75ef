/* party/statement.c -- see party/statement.h */
#include "party/statement.h"
#include <sodium.h>
#include <string.h>

enum { VERSION = 1 };
static const uint64_t ROWS_MOST = (uint64_t)1 << 40; /* no real limit: the reader of a file has one */

/* What may be shared by whom, and on which tiers. */
static const struct {
    const char *words;
    bool by_owner, by_user;
    hg_tier from;
} KINDS[HG_SHARES_KINDS] = {
    [HG_SHARES_ROWS] = { "measured rows of an owner", true, false, HG_TIER_PROPERTIES },
    [HG_SHARES_MEASURED] = { "what a user measured after an answer", false, true, HG_TIER_PROPERTIES },
    [HG_SHARES_CANDIDATES] = { "candidates that only their owner knows", true, true, HG_TIER_COMPOSITIONS },
};

const char *hg_shares_words(hg_shares_kind k) {
    return (size_t)k < HG_SHARES_KINDS ? KINDS[k].words : "shares of no known kind";
}

hg_status hg_shares_allowed(const hg_policy *p, const hg_member *m, hg_shares_kind k, hg_err *err) {
    if ((size_t)k >= HG_SHARES_KINDS) return hg_fail(err, HG_EREFUSED, "shares of no known kind");
    if (p->tier < KINDS[k].from)
        return hg_fail(err, HG_EREFUSED, "the policy's candidates are public: there are none to share in secret");
    if ((KINDS[k].by_owner && m->owner) || (KINDS[k].by_user && m->user)) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "%s may not share %s in %s", m->name, KINDS[k].words, p->project);
}

static hg_status done(const hg_text *t, hg_err *err) {
    return t->failed ? hg_fail(err, HG_ENOMEM, "no memory for a statement") : HG_OK;
}

static hg_status malformed(const char *what, hg_err *err) {
    return hg_advise(err, hg_fail(err, HG_EPARSE, "this is not %s of this version", what),
                     "it may be cut short, or come from another version of the program");
}

static hg_status check_project(const hg_policy *p, const char *project, const char *what, hg_err *err) {
    if (!strcmp(project, p->project)) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "%s of project \"%s\", expected \"%s\"", what, project, p->project);
}

static hg_status no_member(const char *name, const hg_policy *p, hg_err *err) {
    return hg_fail(err, HG_EREFUSED, "\"%s\" is not among the members of %s", name, p->project);
}

/* ---- signed bytes ------------------------------------------------------------------------------------------------------- */

/* Appends a signature over to->s from `from` on. */
static hg_status put_signature(hg_text *to, size_t from, const char *what, const unsigned char secret[HG_SECRET_KEY],
                               hg_err *err) {
    unsigned char signature[HG_SIGNATURE];
    HG_TRY(done(to, err));
    hg_sign(signature, what, to->s + from, to->len - from, secret);
    hg_put_bytes(to, signature, HG_SIGNATURE);
    return done(to, err);
}

/* The n - HG_SIGNATURE bytes are signed by m; called when they were decoded. */
static hg_status check_signature(const hg_member *m, const char *words, const char *what, const unsigned char *bytes,
                                 size_t n, hg_err *err) {
    if (hg_member_signed(m, bytes + n - HG_SIGNATURE, what, bytes, n - HG_SIGNATURE)) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "the %s is not signed by %s", words, m->name);
}

/* ---- data sets ---------------------------------------------------------------------------------------------------------- */

hg_status hg_dataset_encode(hg_text *to, const hg_dataset *d, hg_err *err) {
    hg_put_u8(to, VERSION);
    hg_put_name(to, d->project);
    hg_put_name(to, d->owner);
    hg_put_bytes(to, d->policy, HG_DIGEST);
    hg_put_u8(to, d->tier);
    hg_put_u8(to, d->kind);
    hg_put_u32(to, d->epoch);
    hg_put_i64(to, d->created);
    hg_put_u64(to, d->sequence);
    hg_put_bytes(to, d->nonce, sizeof d->nonce);
    hg_put_bytes(to, d->for_job, HG_DIGEST);
    hg_put_u64(to, d->rows);
    for (size_t j = 0; j < HG_SLOTS; j++) hg_put_bytes(to, d->body[j], HG_DIGEST);
    for (size_t j = 0; j < HG_SLOTS; j++) hg_put_bytes(to, d->slot[j], HG_DIGEST);
    hg_put_bytes(to, d->open, HG_DIGEST);
    return done(to, err);
}

hg_status hg_dataset_decode(hg_dataset *d, const void *bytes, size_t n, hg_err *err) {
    hg_taker t = hg_taker_of(bytes, n);
    *d = (hg_dataset) { .epoch = 0 };
    const unsigned version = hg_take_u8(&t);
    hg_take_name(&t, d->project, sizeof d->project);
    hg_take_name(&t, d->owner, sizeof d->owner);
    hg_take_bytes(&t, d->policy, HG_DIGEST);
    d->tier = (hg_tier)hg_take_u8(&t);
    d->kind = (hg_shares_kind)hg_take_u8(&t);
    d->epoch = hg_take_u32(&t);
    d->created = hg_take_i64(&t);
    d->sequence = hg_take_u64(&t);
    hg_take_bytes(&t, d->nonce, sizeof d->nonce);
    hg_take_bytes(&t, d->for_job, HG_DIGEST);
    d->rows = hg_take_u64(&t);
    for (size_t j = 0; j < HG_SLOTS; j++) hg_take_bytes(&t, d->body[j], HG_DIGEST);
    for (size_t j = 0; j < HG_SLOTS; j++) hg_take_bytes(&t, d->slot[j], HG_DIGEST);
    hg_take_bytes(&t, d->open, HG_DIGEST);
    if (!hg_take_end(&t) || version != VERSION || d->tier < HG_TIER_PROPERTIES || d->tier > HG_TIER_COMPOSITIONS ||
        (size_t)d->kind >= HG_SHARES_KINDS)
        return malformed("a data set's statement", err);
    return HG_OK;
}

hg_status hg_dataset_id(unsigned char id[HG_DIGEST], const hg_dataset *d, hg_err *err) {
    hg_text t = hg_text_new(0);
    const hg_status st = hg_dataset_encode(&t, d, err);
    if (st == HG_OK) hg_digest(id, "dataset", t.s, t.len);
    hg_text_free(&t);
    return st;
}

hg_status hg_dataset_check(const hg_dataset *d, const hg_policy *p, hg_err *err) {
    HG_TRY(check_project(p, d->project, "a data set", err));
    if (memcmp(d->policy, p->digest, HG_DIGEST) != 0)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "a data set under another policy of %s", p->project),
                         "get the policy in force, and make it again");
    if (d->tier != p->tier) return hg_fail(err, HG_EREFUSED, "a data set of another tier than the policy's");
    const hg_member *m = hg_policy_member(p, d->owner);
    if (!m) return no_member(d->owner, p, err);
    HG_TRY(hg_shares_allowed(p, m, d->kind, err));
    if (d->rows == 0 || d->rows > ROWS_MOST)
        return hg_fail(err, HG_ELIMIT, "a data set of %llu rows", (unsigned long long)d->rows);
    const bool padded = p->tier != HG_TIER_PROPERTIES && d->kind == HG_SHARES_ROWS;
    if (padded && d->rows % p->padding)
        return hg_fail(err, HG_EREFUSED, "a data set of %llu rows is not padded to a multiple of %zu",
                       (unsigned long long)d->rows, p->padding);
    if (p->tier == HG_TIER_COMPOSITIONS && d->rows > p->most_entries)
        return hg_fail(err, HG_ELIMIT, "%llu rows, the policy has room for %zu", (unsigned long long)d->rows,
                       p->most_entries);
    if ((d->kind == HG_SHARES_MEASURED) == sodium_is_zero(d->for_job, HG_DIGEST))
        return hg_fail(err, HG_EREFUSED,
                       d->kind == HG_SHARES_MEASURED ? "what was measured names no answered job"
                                                     : "an owner's data name a job");
    return HG_OK;
}

hg_status hg_dataset_read(hg_dataset *d, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    *d = (hg_dataset) { .epoch = 0 };
    if (n < HG_SIGNATURE) return malformed("a data set's statement", err);
    HG_TRY(hg_dataset_decode(d, bytes, n - HG_SIGNATURE, err));
    const hg_member *m = hg_policy_member(p, d->owner);
    if (!m) return no_member(d->owner, p, err);
    HG_TRY(check_signature(m, "data set's statement", "dataset", bytes, n, err));
    return hg_dataset_check(d, p, err);
}

/* ---- withdrawals -------------------------------------------------------------------------------------------------------- */

hg_status hg_withdrawal_write(hg_text *to, const hg_withdrawal *w, const unsigned char secret[HG_SECRET_KEY],
                              hg_err *err) {
    const size_t from = to->len;
    hg_put_u8(to, VERSION);
    hg_put_name(to, w->project);
    hg_put_name(to, w->owner);
    hg_put_bytes(to, w->policy, HG_DIGEST);
    hg_put_bytes(to, w->dataset, HG_DIGEST);
    hg_put_i64(to, w->created);
    return put_signature(to, from, "withdrawal", secret, err);
}

hg_status hg_withdrawal_read(hg_withdrawal *w, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    *w = (hg_withdrawal) { .created = 0 };
    if (n < HG_SIGNATURE) return malformed("a withdrawal", err);
    hg_taker t = hg_taker_of(bytes, n - HG_SIGNATURE);
    const unsigned version = hg_take_u8(&t);
    hg_take_name(&t, w->project, sizeof w->project);
    hg_take_name(&t, w->owner, sizeof w->owner);
    hg_take_bytes(&t, w->policy, HG_DIGEST);
    hg_take_bytes(&t, w->dataset, HG_DIGEST);
    w->created = hg_take_i64(&t);
    if (!hg_take_end(&t) || version != VERSION) return malformed("a withdrawal", err);
    HG_TRY(check_project(p, w->project, "a withdrawal", err));
    const hg_member *m = hg_policy_member(p, w->owner);
    if (!m) return no_member(w->owner, p, err);
    return check_signature(m, "withdrawal", "withdrawal", bytes, n, err);
}

/* ---- receipts ----------------------------------------------------------------------------------------------------------- */

hg_status hg_receipt_write(hg_text *to, const hg_receipt *r, const unsigned char secret[HG_SECRET_KEY], hg_err *err) {
    const size_t from = to->len;
    hg_put_u8(to, VERSION);
    hg_put_name(to, r->project);
    hg_put_bytes(to, r->policy, HG_DIGEST);
    hg_put_bytes(to, r->subject, HG_DIGEST);
    hg_put_u8(to, r->party);
    hg_put_i64(to, r->created);
    hg_put_u8(to, r->outcome);
    hg_put_u64(to, r->rows);
    hg_put_u32(to, r->epoch);
    hg_put_bytes(to, r->log, HG_DIGEST);
    hg_put_name(to, r->words);
    return put_signature(to, from, "receipt", secret, err);
}

hg_status hg_receipt_read(hg_receipt *r, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    *r = (hg_receipt) { .created = 0 };
    if (n < HG_SIGNATURE) return malformed("a receipt", err);
    hg_taker t = hg_taker_of(bytes, n - HG_SIGNATURE);
    const unsigned version = hg_take_u8(&t);
    hg_take_name(&t, r->project, sizeof r->project);
    hg_take_bytes(&t, r->policy, HG_DIGEST);
    hg_take_bytes(&t, r->subject, HG_DIGEST);
    r->party = hg_take_u8(&t);
    r->created = hg_take_i64(&t);
    r->outcome = (hg_status)hg_take_u8(&t);
    r->rows = hg_take_u64(&t);
    r->epoch = hg_take_u32(&t);
    hg_take_bytes(&t, r->log, HG_DIGEST);
    hg_take_name(&t, r->words, sizeof r->words);
    if (!hg_take_end(&t) || version != VERSION || r->party >= HG_SLOTS || (size_t)r->outcome >= HG_STATUS_COUNT)
        return malformed("a receipt", err);
    HG_TRY(check_project(p, r->project, "a receipt", err));
    return check_signature(hg_policy_server(p, r->party), "receipt", "receipt", bytes, n, err);
}
