/* party/serve_share.c -- a data set comes in: spooled, read, staged, checked together, receipted
 *
 * A share file is sealed for this server, so it may lie on the disk as it came until it is complete; then it is read once more,
 * into the store, and nothing of it stays unless every digest and the owner's signature are right. The check that needs all
 * three servers (HG_ASK_VALIDATE) is a joint run: the slots are the same on both holders, and every value lies in the policy's
 * range. Its result, one bit a row, is zero for every honest owner; a set that fails is erased on all three.
 */
#include "core/memory.h"
#include "party/ledger.h"
#include "party/serve.h"
#include "party/sharefile.h"
#include "party/tables.h"
#include "secret/compare.h"
#include "secret/verify.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MOST = 1200, STEP = 1 << 16, BLOCK = 2048 /* rows that are checked together */ };

/* ---- spool --------------------------------------------------------------------------------------------------------------------- */

static hg_status spool_name(char path[PATH_MOST], const hg_server *s, hg_err *err) {
    unsigned char random[16];
    char name[2 * sizeof random + 1];
    HG_TRY(hg_world_random(s->o.world, random, sizeof random, err));
    hg_hex_write(name, random, sizeof random);
    const int n = snprintf(path, PATH_MOST, "%s/incoming-%s", s->o.spool, name);
    return n > 0 && n < PATH_MOST ? HG_OK : hg_fail(err, HG_EIO, "the spool folder's name is too long");
}

static hg_status spool(const char *path, hg_ask *a, hg_err *err) {
    const hg_request *r = hg_request_of(HG_PUT_SHARES);
    hg_message_stream in;
    HG_TRY(hg_message_begin(&in, a->link, a->head, r->most, err));
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return hg_fail(err, HG_EIO, "%s cannot be made: %s", path, strerror(errno));
    char *buf = hg_malloc(STEP, 1);
    hg_status st = buf ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a share file");
    for (size_t got = STEP; st == HG_OK && got == STEP;) {
        st = hg_message_read(&in, &got, buf, STEP, err);
        for (size_t at = 0; st == HG_OK && at < got;) {
            const ssize_t n = write(fd, buf + at, got - at);
            if (n > 0)
                at += (size_t)n;
            else if (n == 0 || errno != EINTR)
                st = hg_fail(err, HG_EIO, "%s cannot be written: %s", path, strerror(errno));
        }
    }
    hg_free(buf);
    close(fd);
    return st;
}

static hg_status read_file(void *self, size_t *got, void *buf, size_t size, hg_err *err) {
    *got = fread(buf, 1, size, self);
    return ferror((FILE *)self) ? hg_fail(err, HG_EIO, "a spooled share file cannot be read") : HG_OK;
}

/* ---- into the store -------------------------------------------------------------------------------------------------------------- */

static hg_status stage_rows(hg_stage *g, hg_share_reader *r, const hg_share_layout *l, hg_err *err) {
    hg_share_row row;
    const size_t elements = 3 * l->n_elements, words = l->words;
    uint64_t *slot[2] = { hg_calloc(words, sizeof **slot), hg_calloc(words, sizeof **slot) };
    hg_status st = slot[0] && slot[1] ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a row of shares");
    for (bool more = true; st == HG_OK;) {
        st = hg_share_reader_next(&more, &row, r, HG_ROWS_MOST, err);
        if (st != HG_OK || !more) break;
        for (unsigned k = 0; k < 2; k++) {
            memcpy(slot[k], row.element[k], elements * sizeof **slot);
            if (words > elements) memcpy(slot[k] + elements, row.bits[k], (words - elements) * sizeof **slot);
        }
        st = hg_stage_add(g, (const uint64_t *const[]) { slot[0], slot[1] }, l->has_index ? &row.index : NULL, 1, err);
    }
    for (unsigned k = 0; k < 2; k++) {
        if (slot[k]) OPENSSL_cleanse(slot[k], words * sizeof **slot);
        hg_free(slot[k]);
    }
    return st;
}

static hg_status commit(hg_stage *g, const hg_share_reader *r, hg_err *err) {
    hg_text statement = hg_text_new(HG_STATEMENT_MOST);
    hg_status st = hg_dataset_encode(&statement, hg_share_reader_dataset(r), err);
    if (st == HG_OK) st = hg_stage_commit(g, hg_share_reader_id(r), statement.s, statement.len, err);
    hg_text_free(&statement);
    return st;
}

/* Reads the file, whose header names project and policy, into the store. */
static hg_status take_file(hg_share_reader *r, const hg_share_header *h, hg_policy **p, hg_ask *a, hg_err *err) {
    hg_server *s = a->server;
    const hg_member *m;
    hg_share_layout layout;
    hg_stage *g = NULL;
    HG_TRY(hg_serve_policy(p, s, h->project, NULL, err));
    HG_TRY(hg_serve_member(&m, *p, a->link, err));
    if (strcmp(m->name, h->owner) != 0)
        return hg_fail(err, HG_EREFUSED, "%s brings a share file of %s", m->name, h->owner);
    HG_TRY(hg_share_reader_begin(r, &layout, *p, s->party, hg_identity_sealing_secret(s->o.identity), err));
    hg_stored d = { .sequence = h->sequence,
                    .kind = (unsigned)h->kind,
                    .limbs = HG_RING_LIMBS,
                    .elements = layout.n_elements,
                    .bits = layout.n_bits,
                    .public_size = layout.has_index ? sizeof(uint32_t) : 0 };
    memcpy(d.project, h->project, sizeof d.project);
    memcpy(d.owner, h->owner, sizeof d.owner);
    memcpy(d.policy, h->policy, HG_DIGEST);
    hg_status st = hg_stage_new(&g, s->o.store, &d, err);
    if (st == HG_OK) st = stage_rows(g, r, &layout, err);
    if (st == HG_OK) st = hg_dataset_check(hg_share_reader_dataset(r), *p, err);
    if (st == HG_OK) st = commit(g, r, err);
    hg_stage_free(g);
    return st;
}

static hg_status read_spooled(const char *path, hg_ask *a, hg_err *err) {
    hg_share_reader *r = NULL;
    hg_share_header h;
    hg_policy *p = NULL;
    FILE *f = fopen(path, "rb");
    if (!f) return hg_fail(err, HG_EIO, "%s cannot be read: %s", path, strerror(errno));
    const hg_source source = { read_file, f };
    hg_status st = hg_share_reader_new(&r, &h, "share file", &source, err);
    if (st == HG_OK) st = take_file(r, &h, &p, a, err);
    if (st == HG_OK) {
        char id[HG_SHORT_SIZE];
        const hg_dataset *d = hg_share_reader_dataset(r);
        hg_put_bytes(a->reply, hg_share_reader_id(r), HG_DIGEST);
        hg_serve_log(a->server, "data set %s of %s in %s staged: %llu rows of shares",
                     hg_short(id, hg_share_reader_id(r)), d->owner, d->project, (unsigned long long)d->rows);
    }
    hg_share_reader_free(r);
    hg_policy_free(p);
    fclose(f);
    return st;
}

hg_status hg_serve_shares(hg_ask *a, hg_err *err) {
    char path[PATH_MOST];
    HG_TRY(spool_name(path, a->server, err));
    hg_status st = spool(path, a, err);
    if (st == HG_OK) st = read_spooled(path, a, err);
    unlink(path);
    return st;
}

/* ---- the joint check -------------------------------------------------------------------------------------------------------------- */

/* negative: 2 n bits, of y + limit and limit - y: all zero when every value is in its range. All three limbs count. */
static hg_status out_of_range(hg_bits *negative, hg_run *run, const uint64_t *const slot[2], size_t n, hg_err *err) {
    hg_share y, both;
    uint64_t limit[HG_RING_LIMBS];
    hg_ring_from_double(limit, HG_Y_LIMIT, HG_Y_FRACTION, HG_RING_LIMBS);
    HG_TRY(hg_share_input(&y, run, slot, n, HG_RING_LIMBS, err));
    HG_TRY(hg_run_round(run, err)); /* authentication, in the malicious mode */
    HG_TRY(hg_share_new(&both, run, 2 * n, HG_RING_LIMBS, y.mac[0] != NULL, err));
    hg_share high = hg_share_view(&both, 0, n), low = hg_share_view(&both, n, n);
    hg_share_sub(run, &low, &low, &y);
    hg_share_add(run, &high, &high, &y);
    hg_share_add_public(run, &both, &both, limit, 1);
    return hg_negative(run, negative, &both, 64 * HG_RING_LIMBS, err);
}

/* Rows first .. first+n-1 of a set; *bad: how many values are outside. */
static hg_status check_block(size_t *bad, const hg_attempt *a, const hg_stored *d, uint64_t first, size_t n,
                             unsigned char transcript[HG_DIGEST], hg_run *run, hg_arena *arena, hg_err *err) {
    const size_t words = hg_stored_words(d);
    hg_bits negative;
    uint64_t *slot[2] = { hg_alloc(arena, n, words * sizeof **slot), hg_alloc(arena, n, words * sizeof **slot) };
    uint64_t *open = hg_alloc(arena, (2 * n + 63) / 64, sizeof *open);
    if (!slot[0] || !slot[1] || !open) return hg_fail(err, HG_ENOMEM, "no memory for the check of a data set");
    HG_TRY(hg_store_read(slot, NULL, a->server->o.store, d->id, d->epoch, first, n, err));
    HG_TRY(out_of_range(&negative, run, (const uint64_t *const[]) { slot[0], slot[1] }, n, err));
    HG_TRY(hg_run_verify(run, err));
    HG_TRY(hg_open_bits(run, open, &negative, err));
    HG_TRY(hg_run_round(run, err));
    for (size_t i = 0; i < 2 * n; i++) *bad += open[i / 64] >> (i % 64) & 1;
    hg_run_transcript(run, transcript);
    for (unsigned k = 0; k < 2; k++) OPENSSL_cleanse(slot[k], n * words * sizeof **slot);
    return HG_OK;
}

static hg_status check_rows(size_t *bad, hg_attempt *a, const hg_policy *p, const hg_stored *d, hg_err *err) {
    unsigned char digest[2][HG_DIGEST], transcript[HG_DIGEST] = { 0 }, joint[HG_DIGEST];
    HG_TRY(hg_store_digest(digest, a->server->o.store, d->id, d->epoch, err));
    HG_TRY(hg_attempt_slots(a, "the shares of the data set", (const unsigned char(*)[HG_DIGEST])digest, err));
    HG_TRY(hg_attempt_keys(a, p->mode, err));
    hg_run *run;
    hg_arena *arena = hg_arena_new();
    hg_status st = hg_run_new(&run, &a->run, err);
    *bad = 0;
    for (uint64_t first = 0; st == HG_OK && first < d->rows; first += BLOCK) {
        const size_t n = d->rows - first < BLOCK ? (size_t)(d->rows - first) : BLOCK;
        const hg_mark mine = hg_arena_mark(arena), runs = hg_arena_mark(hg_run_arena(run));
        st = check_block(bad, a, d, first, n, transcript, run, arena, err);
        hg_arena_reset(hg_run_arena(run), runs);
        hg_arena_reset(arena, mine);
    }
    hg_run_free(run);
    hg_arena_free(arena);
    if (st == HG_OK) st = hg_attempt_ok(joint, a, transcript, err);
    return st;
}

/* The three together; then this server's word. */
static hg_status validate(hg_attempt *a, const hg_policy *p, const hg_stored *d, hg_err *err) {
    hg_server *s = a->server;
    char id[HG_SHORT_SIZE];
    size_t bad;
    HG_TRY(check_rows(&bad, a, p, d, err));
    if (bad == 0) return hg_store_validate(s->o.store, d->id, err);
    char why[160];
    snprintf(why, sizeof why, "%zu of %llu values lie outside the policy's range", bad, (unsigned long long)d->rows);
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
