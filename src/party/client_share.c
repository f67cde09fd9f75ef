/* party/client_share.c -- see hagane/party.h: an owner's table to three servers; withdrawals
 *
 * The three files of a hand-in lie in the owner's folder as <project>-<sequence>-<server>.share until all three servers have
 * checked them together. They are sealed, each for one server; the three together are the data only for who has all three
 * servers' keys. Handing the same files in again is never an error and never counts twice.
 */
#include "core/memory.h"
#include "files/input.h"
#include "party/client.h"
#include "party/request.h"
#include "party/split.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MOST = 1200, STEP = 1 << 16 };

typedef struct {
    char file[HG_SERVERS][PATH_MOST];
    uint64_t sequence;
} hand_in;

hg_status hg_party_read_file(hg_text *to, const char *path, hg_err *err) {
    hg_input *in;
    char *buf = hg_malloc(STEP, 1);
    if (!buf) return hg_fail(err, HG_ENOMEM, "no memory for %s", path);
    hg_status st = hg_input_open(&in, path, NULL, err);
    for (size_t got = STEP; st == HG_OK && got == STEP && !to->failed;) {
        st = hg_input_read(&got, in, buf, STEP, err);
        if (st == HG_OK) hg_text_put(to, buf, got);
    }
    if (st == HG_OK && to->failed) st = hg_fail(err, HG_ELIMIT, "%s is too long", path);
    hg_input_free(in);
    hg_free(buf);
    return st;
}

static hg_status name_files(hand_in *h, const char *folder, const char *project, uint64_t sequence, hg_err *err) {
    h->sequence = sequence;
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        const int n =
            snprintf(h->file[i], PATH_MOST, "%s/%s-%llu-%u.share", folder, project, (unsigned long long)sequence, i);
        if (n < 0 || n >= PATH_MOST) return hg_fail(err, HG_EIO, "the folder's name is too long: %s", folder);
    }
    return HG_OK;
}

static void remove_files(const hand_in *h) {
    for (unsigned i = 0; i < HG_SERVERS; i++) unlink(h->file[i]);
}

/* ---- handing in ------------------------------------------------------------------------------------------------------------------- */

static hg_status send_file(hg_party *p, unsigned server, FILE *f, hg_err *err) {
    HG_TRY(hg_party_dial(p, server, err));
    char *buf = hg_malloc(HG_PIECE, 1);
    if (!buf) return hg_fail(err, HG_ENOMEM, "no memory for a share file");
    hg_status st = HG_OK;
    for (bool more = true; st == HG_OK && more;) {
        const size_t n = fread(buf, 1, HG_PIECE, f);
        if (ferror(f)) st = hg_fail(err, HG_EIO, "a share file cannot be read: %s", strerror(errno));
        const int next = fgetc(f);
        if (next != EOF) ungetc(next, f);
        more = next != EOF;
        if (st == HG_OK) st = hg_link_send(p->link[server], HG_PUT_SHARES, 0, more ? HG_FRAME_MORE : 0, buf, n, err);
    }
    hg_free(buf);
    if (st != HG_OK) hg_party_hang_up(p, server);
    return st;
}

/* One file to its server, which says what data set it is. */
static hg_status put_file(unsigned char id[HG_DIGEST], hg_party *p, unsigned server, const char *path, hg_err *err) {
    FILE *f = fopen(path, "rb");
    if (!f) return hg_fail(err, HG_EIO, "%s cannot be read: %s", path, strerror(errno));
    hg_text reply = hg_text_new(0);
    hg_status st = send_file(p, server, f, err);
    fclose(f);
    if (st == HG_OK) st = hg_party_reply(&reply, p, server, HG_DIGEST, err);
    hg_taker t = hg_taker_of(reply.s, reply.len);
    hg_take_bytes(&t, id, HG_DIGEST);
    if (st == HG_OK && !hg_take_end(&t))
        st = hg_fail(err, HG_EPARSE, "%s answers what cannot be read", hg_party_name(p));
    hg_text_free(&reply);
    return st;
}

/* The joint check, and three receipts. */
static hg_status validate(hg_party *p, const hg_policy *policy, const unsigned char id[HG_DIGEST], hg_err *err) {
    hg_text body = hg_text_new(0), reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    uint32_t number;
    hg_receipt r;
    hg_status st = hg_party_number(&number, p, err);
    hg_put_name(&body, policy->project);
    hg_put_u32(&body, number);
    hg_put_bytes(&body, id, HG_DIGEST);
    if (st == HG_OK && body.failed) st = hg_fail(err, HG_ENOMEM, "no memory for a request");
    if (st == HG_OK) st = hg_party_ask_all(reply, p, HG_ASK_VALIDATE, body.s, body.len, HG_RECEIPT_MOST, err);
    for (unsigned i = 0; st == HG_OK && i < HG_SERVERS; i++) {
        st = hg_receipt_read(&r, policy, reply[i].s, reply[i].len, err);
        if (st == HG_OK && (r.party != i || r.outcome != HG_OK || memcmp(r.subject, id, HG_DIGEST) != 0))
            st = hg_fail(err, HG_ECHEAT, "party \"%s\" gives a receipt for something else", p->cluster.server[i].name);
    }
    hg_text_free(&body);
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&reply[i]);
    return st;
}

static hg_status deliver_once(hg_party *p, const hg_policy *policy, const hand_in *h, hg_err *err) {
    unsigned char id[HG_SERVERS][HG_DIGEST];
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        HG_TRY(put_file(id[i], p, i, h->file[i], err));
        if (memcmp(id[i], id[0], HG_DIGEST) != 0)
            return hg_fail(err, HG_EDATA, "%s and %s are of different hand-ins", h->file[0], h->file[i]);
    }
    return validate(p, policy, id[0], err);
}

static hg_status deliver(hg_party *p, const hg_policy *policy, const hand_in *h, int64_t deadline, hg_err *err) {
    hg_status st;
    do st = deliver_once(p, policy, h, err);
    while (st != HG_OK && hg_party_try_again(p, st, deadline));
    if (st == HG_OK || st == HG_EREFUSED) remove_files(h); /* taken, or never to be taken */
    if (st == HG_OK || st == HG_EREFUSED || !err) return st;
    return hg_advise(err, st, "the share files stay beside the keys; `hagane party share --again` finishes the work");
}

/* As long as there is patience. */
static hg_status list_sets(hg_dataset_status **set, size_t *n, hg_party *p, const char *project, hg_arena *arena,
                           hg_err *err) {
    const int64_t deadline = hg_world_ms(p->o.world) + p->o.wait_ms;
    hg_status st;
    do st = hg_party_datasets(set, n, p, project, arena, err);
    while (st != HG_OK && hg_party_try_again(p, st, deadline));
    return st;
}

/* One more than the owner's last. */
static hg_status next_sequence(uint64_t *sequence, hg_party *p, const char *project, const char *owner, hg_err *err) {
    hg_arena *arena = hg_arena_new();
    hg_dataset_status *set;
    size_t n = 0;
    *sequence = 1;
    const hg_status st = list_sets(&set, &n, p, project, arena, err);
    for (size_t i = 0; st == HG_OK && i < n; i++)
        if (strcmp(set[i].owner, owner) == 0 && set[i].sequence >= *sequence) *sequence = set[i].sequence + 1;
    hg_arena_free(arena);
    return st;
}

/* What is to be cut: a table, or values. */
typedef struct {
    const char *table;
    const size_t *row;
    const double *value;
    size_t n;
    hg_shares_kind kind;
    unsigned char job[HG_DIGEST];
} content;

static hg_status split(hg_party_shared *out, hand_in *h, hg_party *p, const hg_policy *policy, const content *c,
                       const hg_party_share_opts *o, hg_err *err) {
    const hg_member *self;
    hg_split_result r;
    uint64_t sequence;
    hg_split_opts s = hg_split_opts_default();
    HG_TRY(hg_party_member(&self, p, policy, err));
    HG_TRY(next_sequence(&sequence, p, policy->project, self->name, err));
    do
        HG_TRY(name_files(h, o->folder, policy->project, sequence++,
                          err)); /* files that were never handed in keep their number */
    while (access(h->file[0], F_OK) == 0);
    s.target = o->target;
    s.skip_blank = !o->keep_blank;
    s.hooks = p->o.hooks;
    s.share = (hg_share_opts) { .kind = c->kind,
                                .owner = self->name,
                                .secret = hg_identity_signing_secret(p->identity),
                                .sequence = h->sequence,
                                .for_job = c->kind == HG_SHARES_MEASURED ? c->job : NULL,
                                .world = p->o.world };
    const char *const path[] = { h->file[0], h->file[1], h->file[2] };
    HG_TRY(c->table ? hg_split_table(&r, policy, c->table, &s, path, err)
                    : hg_split_value(&r, policy, c->row, c->value, c->n, &s, path, err));
    *out = (hg_party_shared) { .rows = (size_t)r.rows,
                               .shared = (size_t)r.shared,
                               .blank = (size_t)r.blank,
                               .least = r.least,
                               .greatest = r.greatest };
    hg_hex_write(out->dataset, r.id, HG_DIGEST);
    return HG_OK;
}

static hg_status share(hg_party_shared *out, hg_party *p, const char *project, const content *c,
                       const hg_party_share_opts *o, hg_err *err) {
    const int64_t deadline = hg_world_ms(p->o.world) + p->o.wait_ms;
    hg_policy *policy = NULL;
    hand_in h;
    if (!o || !o->folder) return hg_fail(err, HG_EINVAL, "a folder for the share files is missing");
    hg_status st;
    do st = hg_party_policy(&policy, p, project, err);
    while (st != HG_OK && hg_party_try_again(p, st, deadline));
    if (st == HG_OK) st = split(out, &h, p, policy, c, o, err);
    if (st == HG_OK) st = deliver(p, policy, &h, deadline, err);
    hg_policy_free(policy);
    return st;
}

hg_status hg_party_share(hg_party_shared *out, hg_party *p, const char *project, const char *table,
                         const hg_party_share_opts *o, hg_err *err) {
    const content c = { .table = table, .kind = o && o->candidates ? HG_SHARES_CANDIDATES : HG_SHARES_ROWS };
    return share(out, p, project, &c, o, err);
}

hg_status hg_party_share_measured(hg_party_shared *out, hg_party *p, const char *project, const char *job,
                                  const size_t *row, const double *value, size_t n, const hg_party_share_opts *o,
                                  hg_err *err) {
    content c = { .row = row, .value = value, .n = n, .kind = HG_SHARES_MEASURED };
    if (!hg_hex_read(c.job, HG_DIGEST, job, strlen(job)))
        return hg_fail(err, HG_EINVAL, "\"%s\" is no job: 64 hexadecimal digits, as the answer has them", job);
    return share(out, p, project, &c, o, err);
}

/* ---- handing in what was left --------------------------------------------------------------------------------------------------------- */

/* Least sequence number of the files that wait, after `last`; 0: none. */
static uint64_t waiting(const char *folder, const char *project, uint64_t last) {
    uint64_t least = 0;
    const size_t n = strlen(project);
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d));) {
        char *end;
        if (strncmp(e->d_name, project, n) != 0 || e->d_name[n] != '-') continue;
        const unsigned long long k = strtoull(e->d_name + n + 1, &end, 10);
        if (strcmp(end, "-0.share") == 0 && k > last && (!least || k < least)) least = k;
    }
    if (d) closedir(d);
    return least;
}

hg_status hg_party_share_again(size_t *n, hg_party *p, const char *project, const hg_party_share_opts *o, hg_err *err) {
    const int64_t deadline = hg_world_ms(p->o.world) + p->o.wait_ms;
    hg_policy *policy;
    hand_in h;
    *n = 0;
    if (!o || !o->folder) return hg_fail(err, HG_EINVAL, "a folder for the share files is missing");
    hg_status st;
    do st = hg_party_policy(&policy, p, project, err);
    while (st != HG_OK && hg_party_try_again(p, st, deadline));
    for (uint64_t k = 0; st == HG_OK && (k = waiting(o->folder, project, k)) != 0; *n += st == HG_OK) {
        st = name_files(&h, o->folder, project, k, err);
        if (st == HG_OK) st = deliver(p, policy, &h, deadline, err);
    }
    hg_policy_free(policy);
    return st;
}

/* ---- withdrawing ------------------------------------------------------------------------------------------------------------------------ */

static hg_status find_set(unsigned char id[HG_DIGEST], hg_party *p, const char *project, const char *owner,
                          const char *digits, hg_err *err) {
    const size_t n_digits = strlen(digits);
    hg_arena *arena = hg_arena_new();
    hg_dataset_status *set;
    size_t n = 0, found = 0;
    hg_status st = list_sets(&set, &n, p, project, arena, err);
    for (size_t i = 0; st == HG_OK && i < n; i++) {
        char hex[2 * HG_DIGEST + 1];
        hg_hex_write(hex, set[i].id, HG_DIGEST);
        if (strcmp(set[i].owner, owner) != 0 || strncmp(hex, digits, n_digits) != 0) continue;
        memcpy(id, set[i].id, HG_DIGEST);
        found++;
    }
    hg_arena_free(arena);
    if (st != HG_OK) return st;
    if (n_digits < 8)
        return hg_fail(err, HG_EINVAL, "at least 8 digits of the data set are needed, not \"%s\"", digits);
    if (found == 1) return HG_OK;
    return hg_advise(err,
                     found ? hg_fail(err, HG_EINVAL, "\"%s\" begins the names of %zu data sets", digits, found)
                           : hg_fail(err, HG_ENOTFOUND, "%s has no data set \"%s\" in %s", owner, digits, project),
                     "`hagane party status --project %s` lists them", project);
}

/* To all three; each signs that it has erased its shares. The same again is no error. */
static hg_status hand_withdrawal(hg_party *p, const hg_policy *policy, const hg_withdrawal *w, hg_err *err) {
    hg_receipt r;
    hg_text body = hg_text_new(0), reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    hg_put_name(&body, policy->project);
    hg_status st = hg_withdrawal_write(&body, w, hg_identity_signing_secret(p->identity), err);
    if (st == HG_OK) st = hg_party_ask_all(reply, p, HG_PUT_WITHDRAWAL, body.s, body.len, HG_RECEIPT_MOST, err);
    for (unsigned i = 0; st == HG_OK && i < HG_SERVERS; i++) {
        st = hg_receipt_read(&r, policy, reply[i].s, reply[i].len, err);
        if (st == HG_OK && (r.party != i || r.outcome != HG_OK || memcmp(r.subject, w->dataset, HG_DIGEST) != 0))
            st = hg_fail(err, HG_ECHEAT, "party \"%s\" gives a receipt for something else", p->cluster.server[i].name);
    }
    hg_text_free(&body);
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&reply[i]);
    return st;
}

hg_status hg_party_withdraw(hg_party *p, const char *project, const char *dataset, hg_err *err) {
    const int64_t deadline = hg_world_ms(p->o.world) + p->o.wait_ms;
    hg_policy *policy = NULL;
    const hg_member *self;
    hg_withdrawal w = { .created = hg_world_now(p->o.world) };
    hg_status st;
    do st = hg_party_policy(&policy, p, project, err);
    while (st != HG_OK && hg_party_try_again(p, st, deadline));
    if (st == HG_OK) st = hg_party_member(&self, p, policy, err);
    if (st == HG_OK) st = find_set(w.dataset, p, project, self->name, dataset, err);
    if (st == HG_OK) {
        memcpy(w.project, policy->project, sizeof w.project);
        memcpy(w.owner, self->name, sizeof w.owner);
        memcpy(w.policy, policy->digest, HG_DIGEST);
        do st = hand_withdrawal(p, policy, &w, err);
        while (st != HG_OK && hg_party_try_again(p, st, deadline));
    }
    hg_policy_free(policy);
    return st;
}
