/* party/serve_coins.c -- see party/serve_work.h: a retry of a job must not be a second draw
 *
 * Coins are kept as shares, encrypted, under the job, before a server says that it has charged; nothing is computed before all three
 * have said so. So coins that one of the three does not have were never used, and are drawn anew under the next number. But that one
 * may be lying, to have an answer with other noise: whenever somebody has coins that not all have, the new draw is paid for again.
 */
#include "party/serve_work.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

enum { PARTS = 4, DRAWINGS = 8, NAME_SIZE = 16 };

typedef struct {
    uint64_t *word;
    size_t n;
} part;

/* The words that this server holds, seed first; slot 0, slot 1, slot 0 ... */
static size_t list_parts(part out[PARTS], const hg_coins *c) {
    size_t n = 0;
    for (unsigned k = 0; k < 2 && c->seed.n; k++) out[n++] = (part) { c->seed.slot[k], 1 };
    for (unsigned k = 0; k < 2 && c->noise.n; k++) out[n++] = (part) { c->noise.slot[k], (c->noise.n + 63) / 64 };
    return n;
}

static const char *name_of(char name[NAME_SIZE], unsigned ordinal) {
    snprintf(name, NAME_SIZE, "coins-%u", ordinal);
    return name;
}

static hg_status load(hg_text *to, const hg_work *w, unsigned ordinal, hg_err *err) {
    char name[NAME_SIZE];
    return hg_ledger_kept(to, w->server->o.store, w->entry, name_of(name, ordinal), err);
}

static void wipe(hg_text *t) {
    if (t->len) OPENSSL_cleanse(t->s, t->len);
    hg_text_free(t);
}

/* Bit k: the k-th drawing is here. */
static hg_status list_kept(unsigned char *mask, const hg_work *w, hg_err *err) {
    *mask = 0;
    for (unsigned k = 0; k < DRAWINGS; k++) {
        hg_text t = hg_text_new(0);
        const hg_status st = load(&t, w, k, err);
        wipe(&t);
        if (st == HG_ENOTFOUND) continue;
        HG_TRY(st);
        *mask |= (unsigned char)(1u << k);
    }
    return HG_OK;
}

static int highest(unsigned mask) {
    int k = -1;
    for (unsigned i = 0; i < DRAWINGS; i++)
        if (mask >> i & 1) k = (int)i;
    return k;
}

static hg_status draw(hg_work *w, hg_run *run, hg_err *err) {
    const hg_tier_record *tier = hg_tier_record_of(w->policy->tier);
    w->coins.fresh = true;
    if (w->coins.seed.n) HG_TRY(hg_share_random(&w->coins.seed, run, 1, 1, err));
    if (w->coins.noise.n) HG_TRY(tier->draw_noise(&w->coins.noise, w, run, err));
    return HG_OK;
}

static hg_status slot_digest(unsigned char digest[HG_DIGEST], const part *p, size_t parts, unsigned slot, hg_err *err) {
    hg_text t = hg_text_new(0);
    for (size_t i = slot; i < parts; i += 2) hg_put_words(&t, p[i].word, p[i].n);
    const hg_status st = t.failed ? hg_fail(err, HG_ENOMEM, "no memory for a job") : HG_OK;
    if (st == HG_OK) hg_digest(digest, "the coins of a job", t.s, t.len);
    wipe(&t);
    return st;
}

static hg_status take(hg_work *w, hg_err *err) {
    part p[PARTS];
    unsigned char digest[2][HG_DIGEST];
    const size_t parts = list_parts(p, &w->coins);
    hg_text kept = hg_text_new(0);
    hg_status st = load(&kept, w, w->coins.ordinal, err);
    hg_taker t = hg_taker_of(kept.s, kept.len);
    for (size_t i = 0; i < parts; i++) hg_take_words(&t, p[i].word, p[i].n);
    if (st == HG_OK && !hg_take_end(&t)) st = hg_fail(err, HG_EDATA, "the coins of job %s cannot be read", w->name);
    wipe(&kept);
    HG_TRY(st);
    for (unsigned k = 0; k < 2; k++) HG_TRY(slot_digest(digest[k], p, parts, k, err));
    return hg_attempt_slots(&w->attempt, "the coins of the job", (const unsigned char(*)[HG_DIGEST])digest, err);
}

hg_status hg_coins_get(hg_work *w, hg_run *run, hg_err *err) {
    const hg_tier_record *tier = hg_tier_record_of(w->policy->tier);
    const bool propose = w->job.kind == HG_JOB_PROPOSE, seed = propose && tier->needs_seed(w);
    const size_t bits = propose ? tier->noise_bits(w) : 0;
    unsigned char mine, in[HG_NEIGHBOURS];
    if (!seed && !bits) return HG_OK;
    if (seed) HG_TRY(hg_share_new(&w->coins.seed, run, 1, 1, false, err));
    if (bits) HG_TRY(hg_bits_new(&w->coins.noise, run, bits, err));
    HG_TRY(list_kept(&mine, w, err));
    HG_TRY(hg_attempt_swap(&w->attempt, HG_PHASE_HELLO, &mine, (void *[]) { &in[0], &in[1] }, 1, err));
    const int common = highest(mine & in[0] & in[1]), last = highest(mine | in[0] | in[1]);
    w->coins.ordinal = (unsigned)(common >= 0 ? common : last + 1);
    if (common >= 0) return take(w, err);
    w->coins.again = last >= 0;
    if (w->coins.ordinal >= DRAWINGS)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "job %s was broken off too often", w->name),
                         "ask with a new request");
    return draw(w, run, err);
}

hg_status hg_coins_keep(const hg_work *w, hg_err *err) {
    part p[PARTS];
    char name[NAME_SIZE];
    const size_t parts = list_parts(p, &w->coins);
    if (!w->coins.fresh) return HG_OK;
    hg_text t = hg_text_new(0);
    for (size_t i = 0; i < parts; i++) hg_put_words(&t, p[i].word, p[i].n);
    const hg_status st =
        t.failed ? hg_fail(err, HG_ENOMEM, "no memory for a job")
                 : hg_ledger_keep(w->server->o.store, w->entry, name_of(name, w->coins.ordinal), t.s, t.len, err);
    wipe(&t);
    return st;
}
