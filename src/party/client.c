/* party/client.c -- see party/client.h: links to the three servers, requests to one and to all */
#include "party/client.h"
#include "core/memory.h"
#include "files/output.h"
#include "party/request.h"
#include <poll.h>
#include <string.h>

enum {
    LOOK_MS = 250,   /* at one of three servers that owe an answer */
    OTHERS_MS = 1500 /* once one of the three has failed, what do the others say of it? */
};

hg_party_opts hg_party_opts_default(void) { return (hg_party_opts) { .answer_ms = 600000, .ready_ms = 10000 }; }
const hg_world *hg_party_world(void) { return hg_world_system(); }
const char *hg_party_name(const hg_party *p) { return hg_identity_certificate(p->identity)->name; }

static hg_status open_party(hg_party *p, hg_err *err) {
    hg_identity_opts id = hg_identity_opts_default();
    id.passphrase = p->o.passphrase;
    id.passphrase_n = p->o.passphrase_n;
    HG_TRY(hg_cluster_read(&p->cluster, p->o.cluster, err));
    HG_TRY(hg_identity_load(&p->identity, p->o.identity, &id, p->o.world, err));
    return hg_tls_new(&p->tls, p->identity, p->cluster.authority, p->o.world, err);
}

hg_status hg_party_open(hg_party **out, const hg_party_opts *o, hg_err *err) {
    *out = NULL;
    if (!o || !o->cluster || !o->identity || !o->world || o->answer_ms < 1 || o->ready_ms < 1 || o->wait_ms < 0)
        return hg_fail(err, HG_EINVAL, "a member needs the cluster's file, a folder with its keys, and a world");
    hg_party *p = hg_calloc(1, sizeof *p);
    if (!p) return hg_fail(err, HG_ENOMEM, "no memory for a member");
    p->o = *o;
    const hg_status st = open_party(p, err);
    if (st == HG_OK)
        *out = p;
    else
        hg_party_free(p);
    return st;
}

void hg_party_free(hg_party *p) {
    if (!p) return;
    for (unsigned i = 0; i < HG_SERVERS; i++)
        if (p->link[i]) {
            hg_link_close(p->link[i]);
            hg_link_free(p->link[i]);
        }
    hg_tls_free(p->tls);
    hg_identity_free(p->identity);
    hg_free(p);
}

/* ---- one server -------------------------------------------------------------------------------------------------------------- */

void hg_party_hang_up(hg_party *p, unsigned server) {
    hg_link_free(p->link[server]);
    p->link[server] = NULL;
}

/* A link that was kept and on which the server has spoken unasked is one that it has closed. */
static void drop_stale(hg_party *p, unsigned server) {
    bool here = false;
    if (p->link[server] && (hg_link_wait(&here, p->link[server], 0, NULL) != HG_OK || here))
        hg_party_hang_up(p, server);
}

static hg_status dial(hg_link **out, const hg_party *p, unsigned server, hg_err *err) {
    hg_link_opts o = hg_link_opts_default();
    o.cluster = &p->cluster;
    o.purpose = HG_PURPOSE_CLIENT;
    o.handshake_ms = p->o.ready_ms;
    const hg_status st = hg_link_connect(out, p->tls, server, &o, err);
    if (st != HG_EPARTY) return st;
    const hg_err seen = *err;
    return hg_advise(err,
                     hg_fail(err, st, "party \"%s\" does not answer: %s", p->cluster.server[server].name, seen.msg),
                     "is `hagane party serve` running there? --wait tries again for a while");
}

hg_status hg_party_dial(hg_party *p, unsigned server, hg_err *err) {
    drop_stale(p, server);
    return p->link[server] ? HG_OK : dial(&p->link[server], p, server, err);
}

hg_status hg_party_ask(hg_party *p, unsigned server, unsigned kind, const void *bytes, size_t n, hg_err *err) {
    HG_TRY(hg_party_dial(p, server, err));
    const hg_status st = hg_message_send(p->link[server], kind, bytes, n, err);
    if (st != HG_OK) hg_party_hang_up(p, server);
    return st;
}

typedef struct { /* what a server owes */
    unsigned server;
    int64_t until, probe; /* when patience ends; when it is asked whether it lives */
} debt;

static debt debt_of(const hg_party *p, unsigned server) {
    const int64_t now = hg_world_ms(p->o.world);
    return (debt) { server, now + p->o.answer_ms, now + p->o.ready_ms / 2 };
}

/* A server that works says nothing meanwhile, nor does one that hangs: a second connection tells them apart. */
static hg_status check_alive(const hg_party *p, unsigned server, hg_err *err) {
    hg_link *second;
    const hg_status st = dial(&second, p, server, err);
    if (st == HG_OK) hg_link_close(second);
    hg_link_free(second);
    return st == HG_EPARTY ? st : HG_OK; /* who refuses lives, too */
}

/* Is the answer here? Looks for a moment. */
static hg_status look(bool *here, hg_party *p, debt *d, hg_err *err) {
    HG_TRY(hg_link_wait(here, p->link[d->server], LOOK_MS, err));
    const int64_t now = hg_world_ms(p->o.world);
    if (*here || (now < d->probe && now < d->until)) return HG_OK;
    if (now >= d->until)
        return hg_fail(err, HG_EPARTY, "party \"%s\" lives and has not answered for %d s",
                       p->cluster.server[d->server].name, p->o.answer_ms / 1000);
    d->probe = now + p->o.ready_ms / 2;
    return check_alive(p, d->server, err);
}

static hg_status take(hg_text *to, hg_party *p, unsigned server, size_t most, hg_err *err) {
    return hg_message_take(to, p->link[server], HG_REPLY, most, p->o.answer_ms, err);
}

hg_status hg_party_reply(hg_text *to, hg_party *p, unsigned server, size_t most, hg_err *err) {
    debt d = debt_of(p, server);
    hg_status st = HG_OK;
    for (bool here = false; st == HG_OK && !here;) st = look(&here, p, &d, err);
    if (st == HG_OK) st = take(to, p, server, most, err);
    if (st != HG_OK) hg_party_hang_up(p, server);
    return st;
}

/* ---- all three ----------------------------------------------------------------------------------------------------------------- */

/* Of several errors the one that says most. A server that waits for another one blames it: that is told before its own silence. */
static int weight(hg_status st) {
    switch (st) {
    case HG_OK: return 0;
    case HG_ECHEAT: return 5;
    case HG_EREFUSED: return 4;
    case HG_EPARTY: return 2;
    default: return 3;
    }
}

static void keep_worst(hg_status *worst, hg_err *kept, hg_status st, const hg_err *e) {
    if (weight(st) <= weight(*worst)) return;
    *worst = st;
    *kept = *e;
}

/* Replies in the order in which they come. Once one has failed the others are not waited for much longer. */
static hg_status take_all(hg_text reply[HG_SERVERS], hg_party *p, bool owed[HG_SERVERS], size_t most, hg_err *kept) {
    hg_status worst = HG_OK;
    hg_err e;
    debt d[HG_SERVERS] = { debt_of(p, 0), debt_of(p, 1), debt_of(p, 2) };
    while (owed[0] || owed[1] || owed[2])
        for (unsigned i = 0; i < HG_SERVERS; i++) {
            bool here = false;
            if (!owed[i]) continue;
            hg_status st = look(&here, p, &d[i], &e);
            if (st == HG_OK && !here) continue;
            if (st == HG_OK) st = take(&reply[i], p, i, most, &e);
            owed[i] = false;
            if (st == HG_OK) continue;
            hg_party_hang_up(p, i);
            keep_worst(&worst, kept, st, &e);
            for (unsigned k = 0; k < HG_SERVERS; k++)
                if (d[k].until > hg_world_ms(p->o.world) + OTHERS_MS) d[k].until = hg_world_ms(p->o.world) + OTHERS_MS;
        }
    return worst;
}

hg_status hg_party_ask_all(hg_text reply[HG_SERVERS], hg_party *p, unsigned kind, const void *bytes, size_t n,
                           size_t most, hg_err *err) {
    hg_status worst = HG_OK;
    hg_err e, kept = { .code = HG_OK };
    bool asked[HG_SERVERS];
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        const hg_status st = hg_party_ask(p, i, kind, bytes, n, &e);
        asked[i] = st == HG_OK;
        keep_worst(&worst, &kept, st, &e);
    }
    e = (hg_err) { .code = HG_OK };
    keep_worst(&worst, &kept, take_all(reply, p, asked, most, &e), &e);
    if (worst != HG_OK && err) *err = kept;
    return worst;
}

/* "magnets" as the whole of a request. */
static hg_status ask_project(hg_text reply[HG_SERVERS], hg_party *p, unsigned kind, const char *project, size_t most,
                             hg_err *err) {
    hg_text body = hg_text_new(0);
    hg_put_name(&body, project);
    const hg_status st = body.failed ? hg_fail(err, HG_ENOMEM, "no memory for a request")
                                     : hg_party_ask_all(reply, p, kind, body.s, body.len, most, err);
    hg_text_free(&body);
    return st;
}

static void free_texts(hg_text t[HG_SERVERS]) {
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&t[i]);
}

static hg_status is_same(const hg_party *p, const hg_text reply[HG_SERVERS], const char *what, hg_err *err) {
    for (unsigned i = 1; i < HG_SERVERS; i++)
        if (reply[i].len != reply[0].len || memcmp(reply[i].s, reply[0].s, reply[0].len) != 0)
            return hg_fail(err, HG_EREFUSED, "party \"%s\" and party \"%s\" have different %s",
                           p->cluster.server[0].name, p->cluster.server[i].name, what);
    return HG_OK;
}

/* The servers in it must be those of the cluster's file, or the answer would be checked with other keys. */
static hg_status check_servers(const hg_party *p, const hg_policy *policy, hg_err *err) {
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        const hg_member *m = hg_policy_server(policy, i);
        const hg_cluster_server *c = &p->cluster.server[i];
        if (!m || strcmp(m->name, c->name) != 0 || memcmp(m->key, c->signing_key, HG_PUBLIC_KEY) != 0)
            return hg_fail(err, HG_EREFUSED, "the policy of %s has other servers than the cluster's file",
                           policy->project);
    }
    return HG_OK;
}

static hg_status ask_one(hg_text *reply, hg_party *p, unsigned server, unsigned kind, const char *project, size_t most,
                         hg_err *err) {
    hg_text body = hg_text_new(0);
    hg_put_name(&body, project);
    hg_status st = body.failed ? hg_fail(err, HG_ENOMEM, "no memory for a request") : HG_OK;
    if (st == HG_OK) st = hg_party_ask(p, server, kind, body.s, body.len, err);
    if (st == HG_OK) st = hg_party_reply(reply, p, server, most, err);
    hg_text_free(&body);
    return st;
}

/* The first that answers; for what is signed by others, or is looked at again when all three are there. */
static hg_status ask_any(hg_text *reply, hg_party *p, unsigned kind, const char *project, size_t most, hg_err *err) {
    hg_status st = HG_EPARTY;
    for (unsigned i = 0; st == HG_EPARTY && i < HG_SERVERS; i++) {
        hg_text_free(reply);
        *reply = hg_text_new(0);
        st = ask_one(reply, p, i, kind, project, most, err);
    }
    return st;
}

/* What is in force, as all owners have signed it; past: or was, until it expired. */
static hg_status take_policy(hg_policy **out, const hg_party *p, const char *project, const hg_text *bytes, bool past,
                             hg_err *err) {
    HG_TRY(hg_policy_stored(out, project, bytes->s, bytes->len, err));
    const int64_t now = hg_world_now(p->o.world), last = (*out)->expires;
    HG_TRY(hg_policy_verify(*out, bytes->s, bytes->len, past && now > last ? last : now, err));
    HG_TRY(check_servers(p, *out, err));
    if (strcmp((*out)->project, project) == 0) return HG_OK;
    return hg_fail(err, HG_ECHEAT, "the servers' policy is of project %s, not %s", (*out)->project, project);
}

static hg_status give_policy(hg_policy **out, hg_status st) {
    if (st == HG_OK) return st;
    hg_policy_free(*out);
    *out = NULL;
    return st;
}

hg_status hg_party_policy_any(hg_policy **out, hg_party *p, const char *project, hg_err *err) {
    hg_text reply = hg_text_new(0);
    *out = NULL;
    hg_status st = ask_any(&reply, p, HG_ASK_POLICY, project, HG_POLICY_BYTES, err);
    if (st == HG_OK) st = take_policy(out, p, project, &reply, false, err);
    hg_text_free(&reply);
    return give_policy(out, st);
}

static hg_status fetch_policy(hg_policy **out, hg_text *bytes, hg_party *p, const char *project, bool past,
                              hg_err *err) {
    hg_text reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    *out = NULL;
    hg_status st = ask_project(reply, p, HG_ASK_POLICY, project, HG_POLICY_BYTES, err);
    if (st == HG_OK) st = is_same(p, reply, "policies", err);
    if (st == HG_OK) st = take_policy(out, p, project, &reply[0], past, err);
    if (st == HG_OK && bytes) hg_text_put(bytes, reply[0].s, reply[0].len);
    free_texts(reply);
    return give_policy(out, st);
}

hg_status hg_party_policy(hg_policy **out, hg_party *p, const char *project, hg_err *err) {
    return fetch_policy(out, NULL, p, project, false, err);
}

hg_status hg_party_policy_text(hg_policy **out, hg_text *bytes, hg_party *p, const char *project, hg_err *err) {
    return fetch_policy(out, bytes, p, project, true, err);
}

hg_status hg_party_member(const hg_member **out, const hg_party *p, const hg_policy *policy, hg_err *err) {
    const hg_certificate *self = hg_identity_certificate(p->identity);
    *out = hg_policy_member_of_key(policy, self->signing_key);
    if (*out) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "%s is no member of project %s", self->name, policy->project);
}

enum { DATASETS_MOST = 64 << 20 };

hg_status hg_party_datasets_of(hg_dataset_status **out, size_t *n, hg_party *p, unsigned server, const char *project,
                               hg_arena *arena, hg_err *err) {
    hg_text reply = hg_text_new(0);
    hg_status st = ask_one(&reply, p, server, HG_ASK_DATASETS, project, DATASETS_MOST, err);
    if (st == HG_OK) st = hg_dataset_status_read(out, n, arena, reply.s, reply.len, err);
    hg_text_free(&reply);
    return st;
}

hg_status hg_party_datasets_any(hg_dataset_status **out, size_t *n, hg_party *p, const char *project, hg_arena *arena,
                                hg_err *err) {
    hg_text reply = hg_text_new(0);
    hg_status st = ask_any(&reply, p, HG_ASK_DATASETS, project, DATASETS_MOST, err);
    if (st == HG_OK) st = hg_dataset_status_read(out, n, arena, reply.s, reply.len, err);
    hg_text_free(&reply);
    return st;
}

hg_status hg_party_datasets(hg_dataset_status **out, size_t *n, hg_party *p, const char *project, hg_arena *arena,
                            hg_err *err) {
    hg_text reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    hg_status st = ask_project(reply, p, HG_ASK_DATASETS, project, DATASETS_MOST, err);
    if (st == HG_OK) st = hg_dataset_status_read(out, n, arena, reply[0].s, reply[0].len, err);
    for (unsigned i = 1; st == HG_OK && i < HG_SERVERS; i++) {
        hg_dataset_status *other;
        size_t n_other;
        st = hg_dataset_status_read(&other, &n_other, arena, reply[i].s, reply[i].len, err);
        if (st == HG_OK) st = hg_dataset_status_join(*out, *n, other, n_other, arena, err);
    }
    free_texts(reply);
    return st;
}

hg_status hg_party_status(hg_server_status *out, hg_party *p, unsigned server, hg_arena *arena, hg_err *err) {
    enum { MOST = 1 << 20 };
    hg_text reply = hg_text_new(0);
    hg_status st = hg_party_ask(p, server, HG_ASK_STATUS, "", 0, err);
    if (st == HG_OK) st = hg_party_reply(&reply, p, server, MOST, err);
    if (st == HG_OK) st = hg_server_status_read(out, arena, reply.s, reply.len, err);
    hg_text_free(&reply);
    return st;
}

/* ---- logs, piece by piece ------------------------------------------------------------------------------------------------------- */

static void write_audit(hg_text *body, const char *project, uint64_t first) {
    hg_put_name(body, project);
    hg_put_u64(body, first);
}

/* The number of the entry after the last of a piece; *next stays when there is none in it. Hostile text. */
static hg_status after_piece(uint64_t *next, const char *server, const hg_text *piece, hg_err *err) {
    hg_audit_log *l;
    HG_TRY(hg_audit_read(&l, server, piece->s, piece->len, err));
    const uint64_t last = l->n ? l->entry[l->n - 1].sequence : *next - 1;
    hg_audit_log_free(l);
    if (last + 1 < *next) return hg_fail(err, HG_ECHEAT, "%s: entries of its log that were not asked for", server);
    *next = last + 1;
    return HG_OK;
}

/* Asks server i for what comes behind `piece`, appended to it without the head lines, until nothing does. */
static hg_status fetch_rest(hg_text *log, hg_party *p, unsigned i, const char *project, uint64_t first, hg_err *err) {
    const char *server = p->cluster.server[i].name;
    uint64_t next = first;
    HG_TRY(after_piece(&next, server, log, err));
    for (uint64_t before = first; next > before;) {
        hg_text body = hg_text_new(0), piece = hg_text_new(0);
        before = next;
        write_audit(&body, project, next);
        hg_status st = body.failed ? hg_fail(err, HG_ENOMEM, "no memory for a request")
                                   : hg_party_ask(p, i, HG_ASK_AUDIT, body.s, body.len, err);
        if (st == HG_OK) st = hg_party_reply(&piece, p, i, HG_AUDIT_LOG_MOST, err);
        if (st == HG_OK) st = after_piece(&next, server, &piece, err);
        const char *head = st == HG_OK ? strstr(piece.s, "\n\n") : NULL;
        if (head) hg_text_put(log, head + 2, piece.len - (size_t)(head + 2 - piece.s));
        if (st == HG_OK && (log->failed || log->len > HG_AUDIT_LOG_MOST))
            st = hg_fail(err, HG_ELIMIT, "%s: a log of more than %d MiB", server, HG_AUDIT_LOG_MOST >> 20);
        hg_text_free(&body);
        hg_text_free(&piece);
        HG_TRY(st);
    }
    return HG_OK;
}

hg_status hg_party_audit(hg_text log[HG_SERVERS], hg_party *p, const char *project, uint64_t first, hg_err *err) {
    hg_text body = hg_text_new(0);
    write_audit(&body, project, first);
    hg_status st = body.failed ? hg_fail(err, HG_ENOMEM, "no memory for a request")
                               : hg_party_ask_all(log, p, HG_ASK_AUDIT, body.s, body.len, HG_AUDIT_LOG_MOST, err);
    hg_text_free(&body);
    for (unsigned i = 0; st == HG_OK && i < HG_SERVERS; i++) st = fetch_rest(&log[i], p, i, project, first, err);
    return st;
}

hg_status hg_party_write_file(const char *path, const void *bytes, size_t n, hg_err *err) {
    hg_output *f;
    HG_TRY(hg_output_new(&f, path, NULL, err));
    hg_status st = hg_output_write(f, bytes, n, err);
    if (st == HG_OK) st = hg_output_commit(f, err);
    hg_output_free(f);
    return st;
}

/* ---- attempts -------------------------------------------------------------------------------------------------------------------- */

hg_status hg_party_number(uint32_t *number, const hg_party *p, hg_err *err) {
    return hg_world_random(p->o.world, number, sizeof *number, err);
}

bool hg_party_try_again(const hg_party *p, hg_status st, int64_t deadline_ms) {
    enum { PAUSE_MS = 500 };
    if (st != HG_EPARTY && st != HG_ELIMIT) return false;
    if (hg_world_ms(p->o.world) >= deadline_ms) return false;
    poll(NULL, 0, PAUSE_MS);
    return hg_progress(p->o.hooks, "waiting for the servers", 0, 0);
}

hg_status hg_party_policy_put(hg_party *p, const char *path, hg_err *err) {
    hg_text bytes = hg_text_new(HG_POLICY_BYTES),
            reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    hg_policy *policy = NULL;
    hg_status st = hg_party_read_file(&bytes, path, err);
    if (st == HG_OK) st = hg_policy_read(&policy, path, bytes.s, bytes.len, err);
    if (st == HG_OK) st = hg_policy_verify(policy, bytes.s, bytes.len, hg_world_now(p->o.world), err);
    if (st == HG_OK) st = check_servers(p, policy, err);
    if (st == HG_OK) st = hg_party_ask_all(reply, p, HG_PUT_POLICY, bytes.s, bytes.len, HG_DIGEST, err);
    hg_policy_free(policy);
    free_texts(reply);
    hg_text_free(&bytes);
    return st;
}

/* ---- an operator's ------------------------------------------------------------------------------------------------------------------- */

/* A server that begins with nothing needs the policy first; it judges it like any other. */
static hg_status hand_policy(hg_party *p, const char *project, unsigned lost, hg_err *err) {
    const unsigned other = lost == 0 ? 1 : 0;
    hg_text name = hg_text_new(0), policy = hg_text_new(0), reply = hg_text_new(0);
    hg_put_name(&name, project);
    hg_status st = hg_party_ask(p, other, HG_ASK_POLICY, name.s, name.len, err);
    if (st == HG_OK) st = hg_party_reply(&policy, p, other, HG_POLICY_BYTES, err);
    if (st == HG_OK) st = hg_party_ask(p, lost, HG_PUT_POLICY, policy.s, policy.len, err);
    if (st == HG_OK) st = hg_party_reply(&reply, p, lost, HG_DIGEST, err);
    hg_text_free(&name);
    hg_text_free(&policy);
    hg_text_free(&reply);
    return st;
}

static hg_status refresh_once(uint64_t *epoch, hg_party *p, const char *project, unsigned lost, hg_err *err) {
    hg_text body = hg_text_new(0), reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    uint32_t number;
    hg_status st = hg_party_number(&number, p, err);
    hg_put_name(&body, project);
    hg_put_u32(&body, number);
    hg_put_u32(&body, lost);
    if (st == HG_OK && body.failed) st = hg_fail(err, HG_ENOMEM, "no memory for a request");
    if (st == HG_OK) st = hg_party_ask_all(reply, p, HG_ASK_REFRESH, body.s, body.len, 64, err);
    hg_taker t = hg_taker_of(reply[0].s, reply[0].len);
    *epoch = hg_take_u64(&t);
    if (st == HG_OK && !hg_take_end(&t)) st = hg_fail(err, HG_EPARSE, "a server answers what cannot be read");
    hg_text_free(&body);
    free_texts(reply);
    return st;
}

hg_status hg_party_refresh(uint64_t *epoch, hg_party *p, const char *project, unsigned lost, hg_err *err) {
    const int64_t deadline = hg_world_ms(p->o.world) + p->o.wait_ms;
    hg_status st;
    do {
        st = lost == HG_NOBODY ? HG_OK : hand_policy(p, project, lost, err);
        if (st == HG_OK) st = refresh_once(epoch, p, project, lost, err);
    } while (st != HG_OK && hg_party_try_again(p, st, deadline));
    return st;
}
