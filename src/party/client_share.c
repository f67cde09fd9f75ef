/* party/client_share.c -- see hagane/party.h: an owner's table to three servers; withdrawals
 *
 * The three files of a hand-in lie in the owner's folder as <project>-<sequence>-<server>.share until all three servers have
 * checked them together. They are sealed, each for one server; the three together are the data only for who has all three
 * servers' keys. Handing the same files in again is never an error and never counts twice.
 */
#include "core/memory.h"
#include "files/input.h"
#include "party/client.h"
#include "party/record.h"
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
    const char *folder, *project;
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
    h->folder = folder;
    h->project = project;
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

/* A server that speaks before the end refuses: what it says is taken as the reply. */
static hg_status send_file(hg_party *p, unsigned server, FILE *f, hg_err *err) {
    HG_TRY(hg_party_dial(p, server, err));
    char *buf = hg_malloc(HG_PIECE, 1);
    if (!buf) return hg_fail(err, HG_ENOMEM, "no memory for a share file");
    hg_status st = HG_OK;
    for (bool more = true, spoken = false; st == HG_OK && more && !spoken;) {
        const size_t n = fread(buf, 1, HG_PIECE, f);
        if (ferror(f)) st = hg_fail(err, HG_EIO, "a share file cannot be read: %s", strerror(errno));
        const int next = fgetc(f);
        if (next != EOF) ungetc(next, f);
        more = next != EOF;
        if (st == HG_OK) st = hg_link_send(p->link[server], HG_PUT_SHARES, 0, more ? HG_FRAME_MORE : 0, buf, n, err);
        if (st == HG_OK && more) st = hg_link_wait(&spoken, p->link[server], 0, err);
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
        if (st == HG_EREFUSED)
            st = hg_fail(err, HG_ECHEAT, "party \"%s\" gives a receipt that it has not signed",
                         p->cluster.server[i].name);
        if (st == HG_OK && (r.party != i || r.outcome != HG_OK || memcmp(r.subject, id, HG_DIGEST) != 0))
            st = hg_fail(err, HG_ECHEAT, "party \"%s\" gives a receipt for something else", p->cluster.server[i].name);
    }
    hg_text_free(&body);
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&reply[i]);
    return st;
}

/* Its own fault is told with its name; a server that is away, or has no room, is not. */
static hg_status hand_file(unsigned char id[HG_DIGEST], hg_party *p, unsigned server, const char *path, hg_err *err) {
    hg_err why = { .code = HG_OK };
    const hg_status st = put_file(id, p, server, path, &why);
    const bool damaged = st == HG_EPARSE || st == HG_ECHEAT || st == HG_EDATA;
    if (st == HG_OK) return st;
    if (err) *err = why;
    return damaged || st == HG_EREFUSED ? hg_fail(err, damaged ? HG_EDATA : st, "%s: %s", path, why.msg) : st;
}

static hg_status deliver_once(hg_party *p, const hg_policy *policy, const hand_in *h, hg_err *err) {
    unsigned char id[HG_SERVERS][HG_DIGEST];
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        HG_TRY(hand_file(id[i], p, i, h->file[i], err));
        if (memcmp(id[i], id[0], HG_DIGEST) != 0)
            return hg_fail(err, HG_EDATA, "%s and %s are of different hand-ins", h->file[0], h->file[i]);
    }
    return validate(p, policy, id[0], err);
}

static bool is_own(const hg_dataset_status *d, const char *owner) { return strcmp(d->owner, owner) == 0; }

/* Does any server say that this hand-in counts? One that refuses what the others have taken must not have the owner share it anew. */
static bool counts_somewhere(hg_party *p, const hg_policy *policy, const hand_in *h) {
    const hg_member *self;
    hg_arena *arena = hg_arena_new();
    bool counts = false;
    for (unsigned i = 0; i < HG_SERVERS && !counts && hg_party_member(&self, p, policy, NULL) == HG_OK; i++) {
        hg_dataset_status *set;
        size_t n;
        if (hg_party_datasets_of(&set, &n, p, i, policy->project, arena, NULL) != HG_OK) continue;
        for (size_t k = 0; k < n; k++)
            counts |= set[k].sequence == h->sequence && is_own(&set[k], self->name) &&
                      (set[k].state == HG_DATASET_VALIDATED || set[k].state == HG_DATASET_ACTIVE);
    }
    hg_arena_free(arena);
    return counts;
}

static hg_status keep_disputed(hg_err *err) {
    char words[sizeof err->msg];
    if (!err) return HG_ECHEAT;
    snprintf(words, sizeof words, "%s", err->msg);
    hg_fail(err, HG_ECHEAT, "one server refuses what another has taken: %s", words);
    return hg_advise(
        err, HG_ECHEAT,
        "do not share it anew: it may count. `hagane party share --again` asks again; then the operators have to talk");
}

/* What is taken, or never will be, is removed; what is damaged is left for its owner to see. */
static hg_status deliver(hg_party *p, const hg_policy *policy, const hand_in *h, int64_t deadline, hg_err *err) {
    hg_status st;
    do st = deliver_once(p, policy, h, err);
    while (st != HG_OK && hg_party_try_again(p, st, deadline));
    if (st == HG_EREFUSED && counts_somewhere(p, policy, h)) return keep_disputed(err);
    if (st == HG_OK || st == HG_EREFUSED) remove_files(h);
    if (st == HG_EREFUSED) hg_record_forget(h->folder, h->project, h->sequence);
    if (st == HG_OK || !err) return st;
    if (st == HG_EREFUSED)
        return *err->hint ? st : hg_advise(err, st, "nothing was taken, and the share files are removed: share again");
    if (st == HG_EDATA || st == HG_EPARSE)
        return hg_advise(err, st, "a share file was changed, or is another's: remove %s/%s-%llu-*, and share again",
                         h->folder, h->project, (unsigned long long)h->sequence);
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

/* What this owner has shared before, and what waits to be handed in. */
typedef struct {
    hg_arena *arena;
    hg_dataset_status *set; /* [n] of this owner, not withdrawn */
    size_t n, n_earlier;
    uint64_t *earlier, next; /* numbers of both; the next one */
} past;

static hg_status look_back(past *b, hg_party *p, const char *project, const char *owner, const char *folder, bool any,
                           hg_err *err) {
    size_t n, wait = 0;
    uint64_t k = 0;
    HG_TRY(any ? hg_party_datasets_any(&b->set, &n, p, project, b->arena, err)
               : list_sets(&b->set, &n, p, project, b->arena, err));
    b->next = 1;
    for (size_t i = 0; i < n; i++) {
        if (!is_own(&b->set[i], owner)) continue;
        if (b->set[i].sequence >= b->next) b->next = b->set[i].sequence + 1;
        if (b->set[i].state == HG_DATASET_WITHDRAWN)
            hg_record_forget(folder, project, b->set[i].sequence);
        else
            b->set[b->n++] = b->set[i];
    }
    while ((k = waiting(folder, project, k)) != 0) wait++;
    if (!(b->earlier = hg_alloc(b->arena, b->n + wait, sizeof *b->earlier)))
        return hg_fail(err, HG_ENOMEM, "no memory for a list of data sets");
    for (size_t i = 0; i < b->n; i++) b->earlier[b->n_earlier++] = b->set[i].sequence;
    for (k = waiting(folder, project, 0); k && b->n_earlier < b->n + wait; k = waiting(folder, project, k)) {
        b->earlier[b->n_earlier++] = k; /* numbered already; a set that is here and waits, too, is compared twice */
        if (k >= b->next) b->next = k + 1;
    }
    return HG_OK;
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

/* Rows as they are cut, beside those that were shared before. */
typedef struct {
    hg_record *record;
    const past *before;
    bool repeat;
} memory;

static hg_status refuse_row(const memory *m, const hg_split_row *row, uint64_t sequence, hg_err *err) {
    char where[80] = "in a data set that waits for `hagane party share --again`", what[160];
    for (size_t i = 0; i < m->before->n; i++) {
        char hex[2 * HG_DIGEST + 1];
        if (m->before->set[i].sequence != sequence || m->before->set[i].state != HG_DATASET_ACTIVE) continue;
        hg_hex_write(hex, m->before->set[i].id, HG_DIGEST);
        snprintf(where, sizeof where, "in data set %.16s", hex);
    }
    if (row->table) {
        snprintf(what, sizeof what, "this row was shared before with the same value, %s", where);
        hg_fail_at(err, HG_EDATA, row->table, row->line, 0, "%s", what);
    } else {
        hg_fail(err, HG_EDATA, "row %u was shared before with the same value, %s", (unsigned)row->index, where);
    }
    return hg_advise(
        err, HG_EDATA,
        "it would count twice: share new rows alone; --repeat for what was measured twice with the same result");
}

static hg_status note_row(void *self, const hg_split_row *row, hg_err *err) {
    memory *m = self;
    uint64_t seen;
    HG_TRY(hg_record_row(&seen, m->record, row, err));
    return seen && !m->repeat ? refuse_row(m, row, seen, err) : HG_OK;
}

static hg_status cut(hg_split_result *r, const hand_in *h, const hg_policy *policy, const content *c, memory *m,
                     const hg_split_opts *s, hg_party *p, hg_err *err) {
    const char *const path[] = { h->file[0], h->file[1], h->file[2] };
    HG_TRY(c->table ? hg_split_table(r, policy, c->table, s, path, err)
                    : hg_split_value(r, policy, c->row, c->value, c->n, s, path, err));
    if (!m->record) return HG_OK;
    const size_t changed = hg_record_changed(m->record);
    if (changed)
        hg_log(p->o.hooks, HG_LOG_WARN,
               "%zu row%s shared before with another value: both count. `hagane party withdraw` takes a wrong one back",
               changed, changed == 1 ? " was" : "s were");
    return hg_record_keep(m->record, err);
}

static hg_status split(hg_party_shared *out, hand_in *h, hg_party *p, const hg_policy *policy, const content *c,
                       const hg_party_share_opts *o, const past *before, const char *owner, hg_err *err) {
    hg_split_result r;
    memory m = { .before = before, .repeat = o->repeat };
    const unsigned char *secret = hg_identity_signing_secret(p->identity);
    HG_TRY(name_files(h, o->folder, policy->project, before->next, err));
    hg_split_opts s = hg_split_opts_default();
    s.target = o->target;
    s.skip_blank = !o->keep_blank;
    s.hooks = p->o.hooks;
    s.share = (hg_share_opts) { .kind = c->kind,
                                .owner = owner,
                                .secret = secret,
                                .sequence = h->sequence,
                                .for_job = c->kind == HG_SHARES_MEASURED ? c->job : NULL,
                                .world = p->o.world };
    if (o->remember) {
        HG_TRY(hg_record_new(&m.record, o->folder, policy->project, h->sequence, before->earlier, before->n_earlier,
                             secret, err));
        s.row = note_row;
        s.self = &m;
    }
    const hg_status st = cut(&r, h, policy, c, &m, &s, p, err);
    hg_record_free(m.record);
    HG_TRY(st);
    *out = (hg_party_shared) { .rows = (size_t)r.rows,
                               .shared = (size_t)r.shared,
                               .blank = (size_t)r.blank,
                               .least = r.least,
                               .greatest = r.greatest };
    hg_hex_write(out->dataset, r.id, HG_DIGEST);
    return HG_OK;
}

static hg_status make_files(hg_party_shared *out, hand_in *h, hg_party *p, const hg_policy *policy, const content *c,
                            const hg_party_share_opts *o, bool any, hg_err *err) {
    const hg_member *self;
    HG_TRY(hg_party_member(&self, p, policy, err));
    past before = { .arena = hg_arena_new() };
    hg_status st = before.arena ? look_back(&before, p, policy->project, self->name, o->folder, any, err)
                                : hg_fail(err, HG_ENOMEM, "no memory for a list of data sets");
    if (st == HG_OK) st = split(out, h, p, policy, c, o, &before, self->name, err);
    hg_arena_free(before.arena);
    return st;
}

/* The policy; with a server away (*any), from one that is here: then the files are made all the same, and wait. */
static hg_status find_policy(hg_policy **out, bool *any, hg_party *p, const char *project, int64_t deadline,
                             hg_err *err) {
    hg_err away;
    hg_status st;
    do st = hg_party_policy(out, p, project, &away);
    while (st != HG_OK && hg_party_try_again(p, st, deadline));
    *any = st == HG_EPARTY;
    if (*any) st = hg_party_policy_any(out, p, project, err);
    if (st == HG_OK) return HG_OK;
    if (!*any || st == HG_EPARTY) { /* the first words name who is away */
        if (err) *err = away;
    }
    if (st != HG_EPARTY) return st;
    return hg_advise(err, st,
                     "nothing was made: without a server the policy is not known; share again later, or use --wait");
}

static hg_status share(hg_party_shared *out, hg_party *p, const char *project, const content *c,
                       const hg_party_share_opts *o, hg_err *err) {
    const int64_t deadline = hg_world_ms(p->o.world) + p->o.wait_ms;
    hg_policy *policy = NULL;
    hand_in h;
    bool any;
    if (!o || !o->folder) return hg_fail(err, HG_EINVAL, "a folder for the share files is missing");
    hg_status st = find_policy(&policy, &any, p, project, deadline, err);
    if (st == HG_OK) st = make_files(out, &h, p, policy, c, o, any, err);
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
    if (o && o->folder && o->remember) {
        bool known;
        HG_TRY(hg_record_proposed(&known, o->folder, project, c.job, row, n, err));
        if (!known)
            hg_log(
                p->o.hooks, HG_LOG_WARN,
                "this machine remembers no answer to job %.16s: whether it proposed what was measured is not checked",
                job);
    }
    return share(out, p, project, &c, o, err);
}

/* ---- handing in what was left --------------------------------------------------------------------------------------------------------- */

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
    do st = hg_party_policy_text(&policy, NULL, p, project, err);
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
