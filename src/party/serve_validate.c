/* party/serve_validate.c -- a staged data set is checked by the three together, and receipted
 *
 * First each slot: its two holders have the same. Then, computed on shares, block by block: every property and feature lies in its
 * range (all 192 bits count), and a one-hot selects one entry or none. For an honest owner every bit that is opened is one. A set
 * that fails is erased on all three. Then each signs a receipt; with three receipts the set is active.
 */
#include "core/memory.h"
#include "party/serve.h"
#include "party/tables.h"
#include "secret/function.h"
#include "secret/pool_input.h"
#include "secret/compare.h"
#include "secret/verify.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const char ROW_OF_SET[] = "a row of the data set";
enum { BLOCK_WORDS = 1 << 16, BLOCK_ROWS = 2048 };

/* ---- the joint check -------------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_attempt *attempt;
    const hg_policy *policy;
    const hg_stored *set;
    hg_run *run;
    hg_arena *scratch;
    uint64_t *slot[2]; /* of the block, as stored */
    size_t n;          /* its rows */
    size_t bad;        /* numbers outside their range so far */
} checker;

/* Elements first .. first+each-1 of every row, packed. */
static hg_status gather(hg_share *out, const checker *c, size_t first, size_t each, hg_err *err) {
    const size_t words = hg_stored_words(c->set), limbs = HG_RING_LIMBS;
    uint64_t *to[2];
    for (unsigned k = 0; k < 2; k++) {
        if (!(to[k] = hg_alloc(c->scratch, c->n * each, limbs * sizeof **to)))
            return hg_fail(err, HG_ENOMEM, "no memory for the check of a data set");
        for (size_t i = 0; i < c->n; i++)
            memcpy(to[k] + i * each * limbs, c->slot[k] + i * words + first * limbs, each * limbs * sizeof **to);
    }
    HG_TRY(hg_share_input(out, c->run, (const uint64_t *const[]) { to[0], to[1] }, c->n * each, HG_RING_LIMBS, err));
    return hg_run_round(c->run, err); /* authentication, in the malicious mode */
}

/* Opens which of x are outside [low, high]: none, for an honest owner. */
static hg_status check_range(checker *c, const hg_share *x, double low, double high, unsigned fraction, hg_err *err) {
    uint64_t least[HG_RING_LIMBS], most[HG_RING_LIMBS];
    uint64_t *open = hg_alloc(c->scratch, (x->n + 63) / 64, sizeof *open);
    hg_bits in;
    if (!open) return hg_fail(err, HG_ENOMEM, "no memory for the check of a data set");
    hg_ring_from_double(least, low, fraction, HG_RING_LIMBS);
    hg_ring_from_double(most, high, fraction, HG_RING_LIMBS);
    HG_TRY(hg_input_in_range(&in, c->run, x, least, most, err));
    HG_TRY(hg_run_verify(c->run, err));
    HG_TRY(hg_open_bits(c->run, open, &in, err));
    HG_TRY(hg_run_round(c->run, err));
    for (size_t i = 0; i < x->n; i++) c->bad += !(open[i / 64] >> (i % 64) & 1);
    return HG_OK;
}

static hg_status check_onehots(const checker *c, hg_err *err) {
    const size_t words = hg_stored_words(c->set), p = c->set->bits, from = HG_RING_LIMBS * c->set->elements;
    hg_bits bits;
    hg_share onehot;
    HG_TRY(hg_bits_new(&bits, c->run, c->n * p, err));
    for (unsigned k = 0; k < 2; k++)
        for (size_t i = 0; i < c->n; i++)
            for (size_t b = 0; b < p; b++) {
                const uint64_t word = c->slot[k][i * words + from + b / 64];
                bits.slot[k][(i * p + b) / 64] |= (word >> (b % 64) & 1) << ((i * p + b) % 64);
            }
    HG_TRY(hg_bits_to_share(c->run, &onehot, &bits, HG_RING_LIMBS, err));
    return hg_pool_onehot_check(c->run, &onehot, c->n, p, ROW_OF_SET, err);
}

/* What a row holds follows from tier and kind: party/sharefile.h. */
static hg_status check_block(checker *c, hg_err *err) {
    const size_t d = c->policy->n_features;
    const bool has_y = c->set->kind != HG_SHARES_CANDIDATES;
    const bool has_features =
        c->set->elements >= d + has_y && c->policy->tier == HG_TIER_COMPOSITIONS && c->set->kind != HG_SHARES_MEASURED;
    hg_share x;
    if (has_y) {
        HG_TRY(gather(&x, c, 0, 1, err));
        HG_TRY(check_range(c, &x, -HG_Y_LIMIT, HG_Y_LIMIT, HG_Y_FRACTION, err));
    }
    if (has_features) {
        HG_TRY(gather(&x, c, has_y, d, err));
        HG_TRY(check_range(c, &x, 0, 1, HG_FRACTION, err));
    }
    return c->set->bits > 1 ? check_onehots(c, err) : HG_OK; /* one bit is a choice of one or none as it stands */
}

static hg_status check_rows(checker *c, unsigned char transcript[HG_DIGEST], hg_err *err) {
    const hg_stored *d = c->set;
    const size_t words = hg_stored_words(d), per_row = words + d->bits;
    const size_t most = BLOCK_WORDS / per_row < 1            ? 1
                        : BLOCK_WORDS / per_row < BLOCK_ROWS ? BLOCK_WORDS / per_row
                                                             : BLOCK_ROWS;
    const hg_mark runs = hg_arena_mark(hg_run_arena(c->run)), mine = hg_arena_mark(c->scratch);
    for (uint64_t first = 0; first < d->rows; first += c->n) {
        c->n = d->rows - first < most ? (size_t)(d->rows - first) : most;
        for (unsigned k = 0; k < 2; k++)
            if (!(c->slot[k] = hg_alloc(c->scratch, c->n * words, sizeof **c->slot)))
                return hg_fail(err, HG_ENOMEM, "no memory for the check of a data set");
        HG_TRY(hg_store_read(c->slot, NULL, c->attempt->server->o.store, d->id, d->epoch, first, c->n, err));
        HG_TRY(check_block(c, err));
        for (unsigned k = 0; k < 2; k++) OPENSSL_cleanse(c->slot[k], c->n * words * sizeof **c->slot);
        hg_arena_reset(hg_run_arena(c->run), runs);
        hg_arena_reset(c->scratch, mine);
    }
    hg_run_transcript(c->run, transcript);
    return HG_OK;
}

static hg_status check_together(size_t *bad, hg_attempt *a, const hg_policy *p, const hg_stored *d, hg_err *err) {
    unsigned char digest[2][HG_DIGEST], transcript[HG_DIGEST], joint[HG_DIGEST];
    HG_TRY(hg_store_digest(digest, a->server->o.store, d->id, d->epoch, err));
    HG_TRY(hg_attempt_slots(a, "the shares of the data set", (const unsigned char(*)[HG_DIGEST])digest, err));
    HG_TRY(hg_attempt_keys(a, p->mode, err));
    checker c = { .attempt = a, .policy = p, .set = d, .scratch = hg_arena_new() };
    hg_status st = c.scratch ? hg_run_new(&c.run, &a->run, err) : hg_fail(err, HG_ENOMEM, "no memory for a check");
    if (st == HG_OK) st = check_rows(&c, transcript, err);
    hg_run_free(c.run);
    hg_arena_free(c.scratch);
    if (st == HG_OK) st = hg_attempt_ok(joint, a, transcript, err);
    *bad = c.bad;
    return st;
}

/* The three together; then this server's word. */
static hg_status validate(hg_attempt *a, const hg_policy *p, const hg_stored *d, hg_err *err) {
    hg_server *s = a->server;
    char id[HG_SHORT_SIZE], why[160];
    size_t bad;
    const hg_status st = check_together(&bad, a, p, d, err);
    if (st == HG_OK && bad == 0) return hg_store_validate(s->o.store, d->id, err);
    /* only this server's own finding: another's words may hold the same ones, to have the set erased */
    if (st != HG_OK && !(st == HG_ECHEAT && err && strncmp(err->msg, ROW_OF_SET, sizeof ROW_OF_SET - 1) == 0))
        return st;
    if (st == HG_OK)
        snprintf(why, sizeof why, "%zu numbers lie outside the policy's range", bad);
    else
        snprintf(why, sizeof why, "a row selects more than one entry");
    HG_TRY(hg_store_drop(s->o.store, d->id, why, err));
    return hg_advise(
        err,
        hg_fail(err, HG_EREFUSED, "data set %s of %s was refused and erased: %s", hg_short(id, d->id), d->owner, why),
        "share again with the program and the policy of the project");
}

/* Receipts of all three, put in the store: the third makes the set active. */
static hg_status swap_receipts(hg_attempt *a, const hg_policy *p, const hg_stored *d, const hg_text *mine,
                               hg_err *err) {
    hg_server *s = a->server;
    hg_text in[HG_NEIGHBOURS] = { hg_text_new(0), hg_text_new(0) };
    hg_receipt r;
    hg_status st = hg_attempt_swap_text(a, HG_PHASE_OK, mine, in, HG_RECEIPT_MOST, err);
    for (unsigned k = 0; st == HG_OK && k < HG_NEIGHBOURS; k++) {
        const unsigned party = hg_attempt_party(a, (hg_neighbour)k);
        st = hg_receipt_read(&r, p, in[k].s, in[k].len, err);
        if (st == HG_EREFUSED) /* no refusal of the data: their owner must not share them anew */
            st =
                hg_fail(err, HG_ECHEAT, "party \"%s\" sends a receipt that it has not signed", hg_serve_name(s, party));
        if (st == HG_OK && (r.party != party || r.outcome != HG_OK || memcmp(r.subject, d->id, HG_DIGEST) != 0))
            st = hg_fail(err, HG_ECHEAT, "party \"%s\" sends a receipt for something else", hg_serve_name(s, party));
        if (st == HG_OK) st = hg_store_receipt_put(s->o.store, d->id, party, in[k].s, in[k].len, err);
    }
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) hg_text_free(&in[k]);
    return st;
}

/* This server's receipt: the one that it gave, or a new one. */
static hg_status own_receipt(hg_text *to, hg_server *s, const hg_policy *p, const hg_stored *d, hg_err *err) {
    hg_receipt r = {
        .created = hg_world_now(s->o.world), .outcome = HG_OK, .rows = d->rows, .epoch = (uint32_t)d->epoch
    };
    const hg_status st = hg_store_receipt_get(to, s->o.store, d->id, s->party, err);
    if (st != HG_ENOTFOUND) return st;
    HG_TRY(hg_serve_receipt(to, s, p, &r, d->id, err));
    return hg_store_receipt_put(s->o.store, d->id, s->party, to->s, to->len, err);
}

/* A crash may have left the three in different states: whoever is behind is taken along. */
static hg_status settle(hg_attempt *a, hg_text *receipt, const hg_policy *p, hg_stored *d, hg_err *err) {
    hg_server *s = a->server;
    HG_TRY(hg_store_dataset(d, s->o.store, d->id, err)); /* gossip may have moved it on */
    const unsigned char mine = (unsigned char)d->state;
    unsigned char in[HG_NEIGHBOURS];
    HG_TRY(hg_attempt_swap(a, HG_PHASE_HELLO, &mine, (void *[]) { &in[0], &in[1] }, 1, err));
    bool staged = mine == HG_DATASET_STAGED, active = mine == HG_DATASET_ACTIVE;
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        if (in[k] != HG_DATASET_STAGED && in[k] != HG_DATASET_VALIDATED && in[k] != HG_DATASET_ACTIVE)
            return hg_fail(err, HG_EREFUSED, "party \"%s\" does not have the data set any more",
                           hg_serve_name(s, hg_attempt_party(a, (hg_neighbour)k)));
        staged = staged || in[k] == HG_DATASET_STAGED;
        active = active && in[k] == HG_DATASET_ACTIVE;
    }
    if (staged) HG_TRY(validate(a, p, d, err));
    HG_TRY(own_receipt(receipt, s, p, d, err));
    return active ? HG_OK : swap_receipts(a, p, d, receipt, err);
}

static hg_status validate_together(hg_text *receipt, hg_server *s, const hg_policy *p, hg_stored *d, uint32_t number,
                                   hg_err *err) {
    hg_attempt a;
    hg_status st = hg_attempt_open(&a, s, d->id, number, err);
    const hg_terms terms = { .project = p->project, .policy = p, .epoch = d->epoch };
    if (st == HG_OK) st = hg_attempt_agree(&a, &terms, err);
    if (st == HG_OK) st = settle(&a, receipt, p, d, err);
    hg_attempt_close(&a, st == HG_OK ? NULL : err);
    return st;
}

/* The set that a request names must be the asker's. */
static hg_status own_set(hg_stored *d, hg_server *s, const hg_policy *p, const hg_member *m,
                         const unsigned char id[HG_DIGEST], hg_err *err) {
    char name[HG_SHORT_SIZE];
    HG_TRY(hg_store_dataset(d, s->o.store, id, err));
    if (strcmp(d->owner, m->name) != 0 || strcmp(d->project, p->project) != 0)
        return hg_fail(err, HG_EREFUSED, "data set %s is not one of %s", hg_short(name, id), m->name);
    if (d->state == HG_DATASET_WITHDRAWN)
        return hg_fail(err, HG_EREFUSED, "data set %s was withdrawn", hg_short(name, id));
    return HG_OK;
}

hg_status hg_serve_validate(hg_ask *a, hg_err *err) {
    hg_server *s = a->server;
    hg_policy *p;
    const hg_member *m;
    hg_stored d;
    unsigned char id[HG_DIGEST];
    char name[HG_SHORT_SIZE];
    hg_status st = hg_serve_enter(&p, &m, a, err);
    const uint32_t number = hg_take_u32(&a->body);
    hg_take_bytes(&a->body, id, HG_DIGEST);
    if (st == HG_OK && !hg_take_end(&a->body)) st = hg_fail(err, HG_EPARSE, "a request cannot be read");
    if (st == HG_OK) st = own_set(&d, s, p, m, id, err);
    if (st == HG_OK) st = validate_together(a->reply, s, p, &d, number, err);
    if (st == HG_OK) {
        hg_serve_log(s, "data set %s of %s in %s is active: %llu rows", hg_short(name, id), d.owner, d.project,
                     (unsigned long long)d.rows);
        hg_tables_warm(s->tables, p->project);
    }
    hg_policy_free(p);
    return st;
}
