/* party/job.c -- see party/job.h */
#include "party/job.h"
#include <sodium.h>
#include <string.h>

enum { VERSION = 1 };

/* Who may ask what. */
static const struct {
    const char *name;
    bool by_user, by_owner, by_server;
    bool on_data; /* needs a policy in force; else the log and the counters alone are asked */
} KINDS[HG_JOB_KINDS] = {
    [HG_JOB_PROPOSE] = { "propose", true, false, false, true },
    [HG_JOB_CHECK] = { "check", true, true, false, true },
    [HG_JOB_STATUS] = { "status", true, true, true, false },
    [HG_JOB_AUDIT] = { "audit", true, true, true, false },
};

const char *hg_job_kind_name(hg_job_kind k) { return (size_t)k < HG_JOB_KINDS ? KINDS[k].name : "unknown"; }

static hg_status malformed(const char *what, hg_err *err) {
    return hg_advise(err, hg_fail(err, HG_EPARSE, "this is not %s of this version", what),
                     "it may be cut short, or come from another version of the program");
}

static hg_status done(const hg_text *t, const char *what, hg_err *err) {
    return t->failed ? hg_fail(err, HG_ENOMEM, "no memory for %s", what) : HG_OK;
}

/* ---- the request -------------------------------------------------------------------------------------------------------- */

static void encode(hg_text *to, const hg_job *j) {
    hg_put_u8(to, VERSION);
    hg_put_u8(to, j->kind);
    hg_put_name(to, j->project);
    hg_put_name(to, j->user);
    hg_put_bytes(to, j->policy, HG_DIGEST);
    hg_put_u8(to, j->tier);
    hg_put_u8(to, j->mode);
    hg_put_u32(to, j->batch);
    hg_put_bytes(to, j->nonce, sizeof j->nonce);
    hg_put_bytes(to, j->subject, HG_DIGEST);
    hg_put_i64(to, j->created);
    hg_put_i64(to, j->expires);
}

hg_status hg_job_write(hg_text *to, const hg_job *j, const unsigned char secret[HG_SECRET_KEY], hg_err *err) {
    unsigned char signature[HG_SIGNATURE];
    const size_t from = to->len;
    encode(to, j);
    HG_TRY(done(to, "a job", err));
    hg_sign(signature, "job", to->s + from, to->len - from, secret);
    hg_put_bytes(to, signature, HG_SIGNATURE);
    return done(to, "a job", err);
}

hg_status hg_job_digest(unsigned char digest[HG_DIGEST], const hg_job *j, hg_err *err) {
    hg_text t = hg_text_new(0);
    encode(&t, j);
    const hg_status st = done(&t, "a job", err);
    if (st == HG_OK) hg_digest(digest, "job", t.s, t.len);
    hg_text_free(&t);
    return st;
}

hg_status hg_job_entry(unsigned char entry[HG_DIGEST], const hg_job *j, hg_err *err) {
    if (j->kind != HG_JOB_CHECK) return hg_job_digest(entry, j, err);
    hg_digest(entry, "check of a data set", j->subject, HG_DIGEST);
    return HG_OK;
}

hg_status hg_job_peek(hg_job *j, const void *bytes, size_t n, hg_err *err) {
    *j = (hg_job) { .batch = 0 };
    if (n < HG_SIGNATURE || n > HG_JOB_BYTES) return malformed("a job", err);
    hg_taker t = hg_taker_of(bytes, n - HG_SIGNATURE);
    const unsigned version = hg_take_u8(&t);
    j->kind = (hg_job_kind)hg_take_u8(&t);
    hg_take_name(&t, j->project, sizeof j->project);
    hg_take_name(&t, j->user, sizeof j->user);
    hg_take_bytes(&t, j->policy, HG_DIGEST);
    j->tier = (hg_tier)hg_take_u8(&t);
    j->mode = (hg_mode)hg_take_u8(&t);
    j->batch = hg_take_u32(&t);
    hg_take_bytes(&t, j->nonce, sizeof j->nonce);
    hg_take_bytes(&t, j->subject, HG_DIGEST);
    j->created = hg_take_i64(&t);
    j->expires = hg_take_i64(&t);
    if (!hg_take_end(&t) || version != VERSION || (size_t)j->kind >= HG_JOB_KINDS || j->tier < HG_TIER_PROPERTIES ||
        j->tier > HG_TIER_COMPOSITIONS || (j->mode != HG_SEMI_HONEST && j->mode != HG_MALICIOUS))
        return malformed("a job", err);
    return HG_OK;
}

static hg_status check_policy(const hg_job *j, const hg_policy *p, hg_err *err) {
    if (strcmp(j->project, p->project) != 0)
        return hg_fail(err, HG_EREFUSED, "a job in project \"%s\", expected \"%s\"", j->project, p->project);
    if (memcmp(j->policy, p->digest, HG_DIGEST) != 0)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "a job under another policy of %s", p->project),
                         "get the policy in force, read it, and ask again");
    if (j->tier != p->tier || j->mode != p->mode)
        return hg_fail(err, HG_EREFUSED, "a job of tier %d, mode %s; the policy says tier %d, mode %s", (int)j->tier,
                       hg_mode_name(j->mode), (int)p->tier, hg_mode_name(p->mode));
    return HG_OK;
}

static hg_status check_role(const hg_job *j, const hg_member *m, hg_err *err) {
    if ((KINDS[j->kind].by_user && m->user) || (KINDS[j->kind].by_owner && m->owner) ||
        (KINDS[j->kind].by_server && m->server))
        return HG_OK;
    return hg_fail(err, HG_EREFUSED, "the policy does not let %s ask for \"%s\"", m->name, KINDS[j->kind].name);
}

/* What does not belong to a kind is zero: one request has one encoding. */
static hg_status check_shape(const hg_job *j, const hg_policy *p, hg_err *err) {
    const bool propose = j->kind == HG_JOB_PROPOSE;
    if (propose && (j->batch < 1 || j->batch > p->most_batch))
        return hg_fail(err, HG_EREFUSED, "a job for %u proposals, the policy allows 1 to %zu", j->batch, p->most_batch);
    if (!propose && j->batch != 0)
        return hg_fail(err, HG_EREFUSED, "a batch makes no sense for \"%s\"", KINDS[j->kind].name);
    if ((j->kind == HG_JOB_CHECK) == sodium_is_zero(j->subject, HG_DIGEST))
        return hg_fail(err, HG_EREFUSED,
                       j->kind == HG_JOB_CHECK ? "a check names no data set" : "a data set makes no sense in this job");
    return HG_OK;
}

static hg_status check_dates(const hg_job *j, const hg_policy *p, int64_t now, hg_err *err) {
    char when[HG_TIME_SIZE];
    if (j->created < 0 || j->expires <= j->created || j->expires - j->created > HG_JOB_LIFE)
        return hg_fail(err, HG_EREFUSED, "a job is valid for at most %d days", HG_JOB_LIFE / 86400);
    if (j->created > now + HG_CLOCK_TOLERANCE) {
        hg_time_write(when, j->created);
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "the job was made in the future, at %s", when),
                         "set the clock of the machine that made it");
    }
    if (now >= j->expires + HG_CLOCK_TOLERANCE) {
        hg_time_write(when, j->expires);
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "the job expired at %s", when), "ask again");
    }
    return KINDS[j->kind].on_data ? hg_policy_in_force(p, now, err) : HG_OK;
}

hg_status hg_job_read(hg_job *j, const hg_policy *p, int64_t now, const void *bytes, size_t n, hg_err *err) {
    const unsigned char *b = bytes;
    HG_TRY(hg_job_peek(j, bytes, n, err));
    HG_TRY(check_policy(j, p, err));
    const hg_member *m = hg_policy_member(p, j->user);
    if (!m) return hg_fail(err, HG_EREFUSED, "\"%s\" is not among the members of %s", j->user, p->project);
    if (!hg_member_signed(m, b + n - HG_SIGNATURE, "job", b, n - HG_SIGNATURE))
        return hg_fail(err, HG_EREFUSED, "the job is not signed by %s", m->name);
    HG_TRY(check_role(j, m, err));
    HG_TRY(check_shape(j, p, err));
    return check_dates(j, p, now, err);
}

size_t hg_job_output_bits(const hg_job *j, const hg_policy *p, size_t rows) {
    if (j->kind == HG_JOB_PROPOSE) return j->batch * (size_t)(hg_policy_index_bits(p) + p->release_bits);
    return j->kind == HG_JOB_CHECK ? rows : 0;
}

void hg_job_put_set(hg_text *list, const unsigned char id[HG_DIGEST], uint64_t epoch) {
    hg_put_bytes(list, id, HG_DIGEST);
    hg_put_u64(list, epoch);
}

hg_status hg_job_sets_digest(unsigned char digest[HG_DIGEST], const hg_text *list, hg_err *err) {
    HG_TRY(done(list, "the list of data sets", err));
    hg_digest(digest, "the data sets of a job", list->s, list->len);
    return HG_OK;
}

/* ---- the answer --------------------------------------------------------------------------------------------------------- */

static size_t words_of(size_t bits) { return (bits + 63) / 64; }

hg_status hg_answer_write(hg_text *to, const hg_answer *a, const unsigned char secret[HG_SECRET_KEY], hg_err *err) {
    const size_t from = to->len;
    unsigned char signature[HG_SIGNATURE];
    hg_put_u8(to, VERSION);
    hg_put_bytes(to, a->job, HG_DIGEST);
    hg_put_bytes(to, a->policy, HG_DIGEST);
    hg_put_u8(to, a->party);
    hg_put_u8(to, a->tier);
    hg_put_u8(to, a->mode);
    hg_put_u64(to, a->rows);
    hg_put_u64(to, a->datasets);
    hg_put_u64(to, a->budget_left);
    hg_put_bytes(to, a->transcript, HG_DIGEST);
    hg_put_bytes(to, a->tables, HG_DIGEST);
    const size_t cost[] = { a->cost.rounds,   a->cost.messages, a->cost.bytes,
                            a->cost.products, a->cost.ands,     a->cost.openings };
    for (size_t i = 0; i < sizeof cost / sizeof *cost; i++) hg_put_u64(to, cost[i]);
    hg_put_u64(to, a->microseconds);
    hg_put_u64(to, a->output.n);
    for (size_t k = 0; k < 2; k++) hg_put_words(to, a->output.slot[k], words_of(a->output.n));
    HG_TRY(done(to, "an answer", err));
    hg_sign(signature, "answer", to->s + from, to->len - from, secret);
    hg_put_bytes(to, signature, HG_SIGNATURE);
    return done(to, "an answer", err);
}

static void take_cost(hg_taker *t, hg_cost *c) {
    size_t *const field[] = { &c->rounds, &c->messages, &c->bytes, &c->products, &c->ands, &c->openings };
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) *field[i] = (size_t)hg_take_u64(t);
}

/* The two slots, exactly as many bytes as are left; bits past the last are zero. */
static hg_status take_output(hg_taker *t, hg_bits *out, hg_arena *arena, hg_err *err) {
    const uint64_t n = hg_take_u64(t);
    if (n > HG_ANSWER_BITS || t->bad || t->left != 2 * 8 * words_of((size_t)n)) return malformed("an answer", err);
    const size_t words = words_of((size_t)n);
    out->n = (size_t)n;
    for (size_t k = 0; k < 2; k++) {
        out->slot[k] = hg_alloc(arena, words, sizeof(uint64_t));
        if (!out->slot[k]) return hg_fail(err, HG_ENOMEM, "no memory for an answer of %zu bits", out->n);
        hg_take_words(t, out->slot[k], words);
        if (n % 64 && out->slot[k][words - 1] >> n % 64) return malformed("an answer", err);
    }
    return HG_OK;
}

hg_status hg_answer_read(hg_answer *a, hg_arena *arena, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    const unsigned char *b = bytes;
    *a = (hg_answer) { .party = 0 };
    if (n < HG_SIGNATURE) return malformed("an answer", err);
    hg_taker t = hg_taker_of(b, n - HG_SIGNATURE);
    const unsigned version = hg_take_u8(&t);
    hg_take_bytes(&t, a->job, HG_DIGEST);
    hg_take_bytes(&t, a->policy, HG_DIGEST);
    a->party = hg_take_u8(&t);
    a->tier = (hg_tier)hg_take_u8(&t);
    a->mode = (hg_mode)hg_take_u8(&t);
    a->rows = hg_take_u64(&t);
    a->datasets = hg_take_u64(&t);
    a->budget_left = hg_take_u64(&t);
    hg_take_bytes(&t, a->transcript, HG_DIGEST);
    hg_take_bytes(&t, a->tables, HG_DIGEST);
    take_cost(&t, &a->cost);
    a->microseconds = hg_take_u64(&t);
    if (t.bad || version != VERSION || a->party >= HG_SLOTS) return malformed("an answer", err);
    const hg_member *server = hg_policy_server(p, a->party);
    if (!hg_member_signed(server, b + n - HG_SIGNATURE, "answer", b, n - HG_SIGNATURE))
        return hg_fail(err, HG_EREFUSED, "the answer is not signed by %s", server->name);
    return take_output(&t, &a->output, arena, err);
}

static hg_status check_answer(const hg_answer *a, unsigned party, const hg_answer *first,
                              const unsigned char job[HG_DIGEST], const hg_policy *p, size_t n_bits, hg_err *err) {
    const char *name = hg_policy_server(p, party)->name;
    if (!a->output.slot[0] || a->party != party) return hg_fail(err, HG_EREFUSED, "there is no answer of %s", name);
    if (memcmp(a->job, job, HG_DIGEST) != 0) return hg_fail(err, HG_EREFUSED, "%s answered another job", name);
    if (memcmp(a->policy, p->digest, HG_DIGEST) != 0 || a->tier != p->tier || a->mode != p->mode)
        return hg_fail(err, HG_EREFUSED, "%s answered under another policy, tier or mode", name);
    if (a->output.n != n_bits)
        return hg_fail(err, HG_EREFUSED, "%s answered with %zu bits, expected %zu", name, a->output.n, n_bits);
    if (memcmp(a->transcript, first->transcript, HG_DIGEST) != 0 || memcmp(a->tables, first->tables, HG_DIGEST) != 0 ||
        a->rows != first->rows || a->datasets != first->datasets)
        return hg_fail(err, HG_EREFUSED, "%s and %s do not speak of the same run", hg_policy_server(p, 0)->name, name);
    return HG_OK;
}

hg_status hg_answer_join(uint64_t *bits, const hg_answer answer[HG_SLOTS], const hg_job *j, const hg_policy *p,
                         size_t n_bits, hg_err *err) {
    unsigned char job[HG_DIGEST];
    const size_t words = words_of(n_bits);
    HG_TRY(hg_job_digest(job, j, err));
    for (unsigned i = 0; i < HG_SLOTS; i++) HG_TRY(check_answer(&answer[i], i, &answer[0], job, p, n_bits, err));
    for (unsigned s = 0; s < HG_SLOTS; s++) { /* slot s: first of server s, second of the one before */
        const unsigned before = (s + HG_SLOTS - 1) % HG_SLOTS;
        if (sodium_memcmp(answer[s].output.slot[0], answer[before].output.slot[1], 8 * words) != 0)
            return hg_advise(err,
                             hg_fail(err, HG_ECHEAT, "%s and %s sent different copies of the same share",
                                     hg_policy_server(p, before)->name, hg_policy_server(p, s)->name),
                             "one of the two is broken or cheats; nothing was put together");
    }
    for (size_t w = 0; w < words; w++)
        bits[w] = answer[0].output.slot[0][w] ^ answer[1].output.slot[0][w] ^ answer[2].output.slot[0][w];
    return HG_OK;
}

static uint64_t take_bits(const uint64_t *bits, size_t *at, unsigned n) {
    uint64_t x = 0;
    for (unsigned b = 0; b < n; b++, (*at)++) x |= (bits[*at / 64] >> *at % 64 & 1) << b;
    return x;
}

hg_status hg_answer_proposals(hg_proposal *proposal, const hg_job *j, const hg_policy *p, const uint64_t *bits,
                              hg_err *err) {
    size_t at = 0;
    for (size_t i = 0; i < j->batch; i++) {
        hg_proposal *x = &proposal[i];
        *x = (hg_proposal) { .index = (size_t)take_bits(bits, &at, hg_policy_index_bits(p)),
                             .has_mean = p->release_bits > 0 };
        if (x->index >= p->most_entries || (p->candidate && !p->candidate[x->index]))
            return hg_fail(err, HG_ECHEAT, "the answer is entry %zu, which is no candidate", x->index);
        for (size_t k = 0; k < i; k++)
            if (proposal[k].index == x->index)
                return hg_fail(err, HG_ECHEAT, "the answer has entry %zu twice", x->index);
        if (!x->has_mean) continue;
        const double level = (double)take_bits(bits, &at, p->release_bits), levels = (double)(1u << p->release_bits);
        x->mean = hg_policy_unscale(p, 2 * HG_Y_LIMIT * (level + 0.5) / levels - HG_Y_LIMIT);
        x->mean_step = (p->high - p->low) / levels;
    }
    return HG_OK;
}
