/* party/epoch_plan.c -- see party/epoch.h: the plan of a refresh, as bytes and back; the seed; statuses as bytes
 *
 *   name "hagane refresh plan 1", name project, u64 new epoch, u32 lost party, 16 random bytes, u32 sets, each: id, name owner,
 *   policy, u64 sequence, rows, old epoch, elements, bits, public_size, u32 kind, limbs; with a lost party also u32 length, statement
 */
#include "core/memory.h"
#include "party/epoch_internal.h"
#include <openssl/crypto.h>
#include <string.h>

static const char MAGIC[] = "hagane refresh plan 1";

static const char *const STATE[HG_REFRESH_STATES] = {
    [HG_REFRESH_IDLE] = "idle",
    [HG_REFRESH_BEGUN] = "begun",
    [HG_REFRESH_PREPARED] = "prepared",
    [HG_REFRESH_COMMITTED] = "committed",
};
const char *hg_refresh_state_name(hg_refresh_state s) {
    return (unsigned)s < HG_REFRESH_STATES ? STATE[s] : "unknown state";
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------- */

static hg_status put_set(hg_text *to, hg_store *s, const hg_stored *d, bool statement, hg_err *err) {
    hg_put_bytes(to, d->id, HG_DIGEST);
    hg_put_name(to, d->owner);
    hg_put_bytes(to, d->policy, HG_DIGEST);
    const uint64_t number[] = { d->sequence, d->rows, d->epoch, d->elements, d->bits, d->public_size };
    hg_put_words(to, number, sizeof number / sizeof *number);
    hg_put_u32(to, d->kind);
    hg_put_u32(to, d->limbs);
    if (!statement) return HG_OK;
    hg_text words = hg_text_new(HG_STATEMENT_MOST);
    const hg_status st = hg_store_statement(&words, s, d->id, err);
    hg_put_u32(to, (uint32_t)words.len);
    hg_put_bytes(to, words.s, words.len);
    hg_text_free(&words);
    return st;
}

static hg_status put_plan(hg_text *to, hg_store *s, const hg_project *p, unsigned lost, const hg_stored *set, size_t n,
                          hg_err *err) {
    unsigned char nonce[16];
    uint32_t wanted = 0;
    for (size_t i = 0; i < n; i++) wanted += set[i].state == HG_DATASET_VALIDATED || set[i].state == HG_DATASET_ACTIVE;
    if (wanted > HG_PLAN_SETS_MOST)
        return hg_fail(err, HG_ELIMIT, "more than %d data sets in project %s", HG_PLAN_SETS_MOST, p->name);
    HG_TRY(hg_world_random(&s->world, nonce, sizeof nonce, err));
    hg_put_name(to, MAGIC);
    hg_put_name(to, p->name);
    hg_put_u64(to, p->epoch + 1);
    hg_put_u32(to, lost);
    hg_put_bytes(to, nonce, sizeof nonce);
    hg_put_u32(to, wanted);
    for (size_t i = 0; i < n; i++)
        if (set[i].state == HG_DATASET_VALIDATED || set[i].state == HG_DATASET_ACTIVE)
            HG_TRY(put_set(to, s, &set[i], lost != HG_NOBODY, err));
    return to->failed ? hg_fail(err, HG_ENOMEM, "no memory for a plan of %zu data sets", n) : HG_OK;
}

hg_status hg_epoch_plan(hg_text *plan, hg_store *s, const char *project, unsigned lost, hg_err *err) {
    hg_project p;
    hg_refresh now;
    hg_stored *set;
    size_t n;
    if (lost > HG_NOBODY || lost == s->party)
        return hg_fail(err, HG_EINVAL, "party %u cannot be rebuilt by this server", lost);
    HG_TRY(hg_store_project(&p, s, project, err));
    HG_TRY(hg_epoch_status(&now, s, project, err));
    if (now.state != HG_REFRESH_IDLE)
        return hg_fail(err, HG_EREFUSED, "a refresh of project %s is under way: %s", project,
                       hg_refresh_state_name(now.state));
    hg_arena *mem = hg_arena_new();
    hg_status st =
        mem ? hg_store_datasets(&set, &n, s, project, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for a plan");
    if (st == HG_OK) st = put_plan(plan, s, &p, lost, set, n, err);
    hg_arena_free(mem);
    return st;
}

hg_status hg_epoch_plan_digest(unsigned char digest[HG_DIGEST], const void *plan, size_t n, hg_err *err) {
    if (n > HG_PLAN_MOST) return hg_fail(err, HG_ELIMIT, "a plan of %zu bytes", n);
    hg_digest(digest, "refresh plan", plan, n);
    return HG_OK;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------- */

static hg_status wrong(hg_err *err) { return hg_fail(err, HG_EPARSE, "the plan of a refresh is cut short or wrong"); }

static hg_status take_set(hg_planned *out, hg_taker *t, const hg_plan *plan, hg_err *err) {
    hg_stored *d = &out->set;
    hg_take_bytes(t, d->id, HG_DIGEST);
    hg_take_name(t, d->owner, sizeof d->owner);
    hg_take_bytes(t, d->policy, HG_DIGEST);
    d->sequence = hg_take_u64(t);
    d->rows = hg_take_u64(t);
    d->epoch = hg_take_u64(t);
    d->elements = hg_take_u64(t);
    d->bits = hg_take_u64(t);
    d->public_size = hg_take_u64(t);
    d->kind = hg_take_u32(t);
    d->limbs = hg_take_u32(t);
    memcpy(d->project, plan->project, HG_NAME_SIZE);
    if (t->bad || !d->rows || d->epoch >= plan->epoch) return wrong(err);
    HG_TRY(hg_stored_check(d, err));
    if (plan->lost == HG_NOBODY) return HG_OK;
    out->n = hg_take_u32(t);
    if (t->bad || out->n > t->left || out->n > HG_STATEMENT_MOST) return wrong(err);
    out->statement = t->at;
    t->at += out->n;
    t->left -= out->n;
    return HG_OK;
}

enum { SET_LEAST = 2 * HG_DIGEST + 4 + 6 * 8 + 2 * 4 }; /* bytes of a set: bounds what a hostile count can ask for */

hg_status hg_plan_read(hg_plan *out, const void *bytes, size_t n, hg_arena *mem, hg_err *err) {
    char magic[32];
    unsigned char nonce[16];
    if (n > HG_PLAN_MOST) return hg_fail(err, HG_ELIMIT, "a plan of %zu bytes", n);
    hg_taker t = hg_taker_of(bytes, n);
    *out = (hg_plan) { 0 };
    hg_take_name(&t, magic, sizeof magic);
    hg_take_name(&t, out->project, sizeof out->project);
    out->epoch = hg_take_u64(&t);
    out->lost = hg_take_u32(&t);
    hg_take_bytes(&t, nonce, sizeof nonce);
    out->n = hg_take_u32(&t);
    if (t.bad || strcmp(magic, MAGIC) != 0 || out->lost > HG_NOBODY || out->epoch < 1 || out->epoch > INT64_MAX ||
        out->n > HG_PLAN_SETS_MOST || out->n > t.left / SET_LEAST)
        return wrong(err);
    out->set = hg_alloc(mem, out->n, sizeof *out->set);
    if (!out->set) return hg_fail(err, HG_ENOMEM, "no memory for a plan of %zu data sets", out->n);
    for (size_t i = 0; i < out->n; i++) HG_TRY(take_set(&out->set[i], &t, out, err));
    return hg_take_end(&t) ? HG_OK : wrong(err);
}

hg_status hg_epoch_plan_check(const void *plan, size_t n, const char *project, unsigned lost, hg_err *err) {
    hg_plan p;
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? hg_plan_read(&p, plan, n, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for a plan");
    if (st == HG_OK && (strcmp(p.project, project) != 0 || p.lost != lost))
        st = hg_fail(err, HG_ECHEAT,
                     "the plan of a refresh is for another project, or rebuilds another server, than was asked for");
    hg_arena_free(mem);
    return st;
}

/* ---- seed and statuses ----------------------------------------------------------------------------------------------------------- */

hg_status hg_epoch_seed(unsigned char seed[HG_SEED], const unsigned char plan[HG_DIGEST],
                        const unsigned char *const contribution[HG_SLOTS], unsigned lost, hg_err *err) {
    unsigned char all[HG_DIGEST + HG_SLOTS * HG_SEED];
    size_t n = HG_DIGEST;
    if (lost > HG_NOBODY) return hg_fail(err, HG_EINVAL, "there is no party %u", lost);
    memcpy(all, plan, HG_DIGEST);
    for (unsigned k = 0; k < HG_SLOTS; k++) {
        if (k == lost) continue;
        memcpy(all + n, contribution[k], HG_SEED);
        n += HG_SEED;
    }
    hg_digest(seed, "refresh seed", all, n);
    OPENSSL_cleanse(all, sizeof all);
    return HG_OK;
}

void hg_refresh_pack(unsigned char bytes[HG_REFRESH_SIZE], const hg_refresh *r) {
    unsigned char *to = bytes;
    memset(bytes, 0, HG_REFRESH_SIZE);
    memcpy(to, r->project, strnlen(r->project, HG_NAME_SIZE - 1));
    to += HG_NAME_SIZE;
    for (unsigned i = 0; i < 4; i++) *to++ = (unsigned char)((uint32_t)r->state >> 8 * i);
    for (unsigned i = 0; i < 8; i++) *to++ = (unsigned char)(r->epoch >> 8 * i);
    memcpy(to, r->plan, HG_DIGEST);
    memcpy(to + HG_DIGEST, r->done, HG_DIGEST);
    memcpy(to + 2 * HG_DIGEST, r->refused, HG_DIGEST);
}

hg_status hg_refresh_unpack(hg_refresh *r, const unsigned char bytes[HG_REFRESH_SIZE], hg_err *err) {
    hg_taker t = hg_taker_of(bytes, HG_REFRESH_SIZE);
    hg_take_bytes(&t, r->project, HG_NAME_SIZE);
    const uint32_t state = hg_take_u32(&t);
    r->epoch = hg_take_u64(&t);
    hg_take_bytes(&t, r->plan, HG_DIGEST);
    hg_take_bytes(&t, r->done, HG_DIGEST);
    hg_take_bytes(&t, r->refused, HG_DIGEST);
    if (state >= HG_REFRESH_STATES || r->project[HG_NAME_SIZE - 1] || !r->project[0] || r->epoch > INT64_MAX)
        return hg_fail(err, HG_EPARSE, "the status of a refresh is wrong");
    r->state = (hg_refresh_state)state;
    return HG_OK;
}
