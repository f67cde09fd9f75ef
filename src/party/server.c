/* party/server.c -- see party/server.h: connections, threads, pulses. What is asked for is in serve_*.c
 *
 * Limits come before trust: a connection is dropped unread when too many strangers are being looked at, a stranger has the
 * link's handshake time and 1 KiB, and a member has the lengths of party/request.c's table.
 */
#include "party/server.h"
#include "core/number.h"
#include "core/memory.h"
#include "party/serve.h"
#include "party/states.h"
#include "party/tables.h"
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    IDLE_MS = 120000, /* a member's link without a request */
    LOOK_MS = 250,    /* how often an idle link looks whether the server stops */
    MISSED = 5,       /* pulses without an answer: it is not here */
};

hg_server_opts hg_server_opts_default(void) {
    return (hg_server_opts) { .port = -1,
                              .strangers = 32,
                              .links = 64,
                              .jobs = 4,
                              .peer_ms = 10000,
                              .round_ms = 30000,
                              .pulse_ms = 2000,
                              .grace_ms = 30000,
                              .projects = HG_STATUS_PROJECTS,
                              .member_projects = 16,
                              .policy_bytes = (size_t)32 << 20,
                              .audit_piece = (size_t)4 << 20,
                              .upload_rows = 10000000,
                              .keep_free = (uint64_t)1 << 30,
                              .table_bytes = (size_t)2 << 30 };
}

/* ---- words ------------------------------------------------------------------------------------------------------------------ */

void hg_serve_log(const hg_server *s, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    hg_print_args(text, sizeof text, fmt, args);
    va_end(args);
    hg_log(s->o.hooks, HG_LOG_INFO, "%s", text);
}

const char *hg_serve_name(const hg_server *s, unsigned party) { return s->o.cluster->server[party].name; }

const char *hg_short(char buf[HG_SHORT_SIZE], const unsigned char digest[HG_DIGEST]) {
    hg_hex_write(buf, digest, 4);
    return buf;
}

hg_status hg_serve_missing(hg_server *s, unsigned party, const hg_err *why, hg_err *err) {
    pthread_mutex_lock(&s->lock);
    const int64_t heard = s->peer[party].heard_ms, silent = hg_world_ms(s->o.world) - heard;
    pthread_mutex_unlock(&s->lock);
    const char *name = hg_serve_name(s, party);
    hg_err seen = *why; /* may be err itself */
    if (heard < 0)
        hg_fail(err, HG_EPARTY, "party \"%s\" has not been heard of since this server (%s) began: %s", name,
                hg_serve_name(s, s->party), seen.msg);
    else
        hg_fail(err, HG_EPARTY, "party \"%s\" does not answer %s since %lld s: %s", name, hg_serve_name(s, s->party),
                (long long)(silent / 1000), seen.msg);
    return hg_advise(err, HG_EPARTY, "nothing is lost: ask again once it is back, or use --wait");
}

/* ---- threads ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_server *server;
    void (*task)(hg_server *s, void *ctx);
    void *ctx;
} job;

static void *run_thread(void *arg) {
    job j = *(job *)arg;
    hg_free(arg);
    j.task(j.server, j.ctx);
    pthread_mutex_lock(&j.server->lock);
    j.server->threads--;
    pthread_cond_broadcast(&j.server->quiet);
    pthread_mutex_unlock(&j.server->lock);
    return NULL;
}

hg_status hg_serve_thread(hg_server *s, void (*task)(hg_server *s, void *ctx), void *ctx, hg_err *err) {
    job *j = hg_malloc(1, sizeof *j);
    if (!j) return hg_fail(err, HG_ENOMEM, "no memory for a thread");
    *j = (job) { s, task, ctx };
    pthread_t thread;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_mutex_lock(&s->lock);
    s->threads++;
    pthread_mutex_unlock(&s->lock);
    const bool started = pthread_create(&thread, &detached, run_thread, j) == 0;
    pthread_attr_destroy(&detached);
    if (started) return HG_OK;
    pthread_mutex_lock(&s->lock);
    s->threads--;
    pthread_mutex_unlock(&s->lock);
    hg_free(j);
    return hg_fail(err, HG_ELIMIT, "no more threads");
}

/* Takes one of `most` places; false when all are taken. */
static bool enter(hg_server *s, size_t *count, size_t most) {
    pthread_mutex_lock(&s->lock);
    const bool free_place = *count < most;
    *count += free_place;
    pthread_mutex_unlock(&s->lock);
    return free_place;
}

static void leave(hg_server *s, size_t *count) {
    pthread_mutex_lock(&s->lock);
    --*count;
    pthread_mutex_unlock(&s->lock);
}

static hg_status make_places(hg_places *p, size_t most, hg_err *err) {
    *p = (hg_places) { .key = hg_calloc(most, sizeof *p->key), .most = most };
    return p->key ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a server");
}

/* One member could else shut all others out, by asking again and again what takes a while. */
static bool take_place(hg_server *s, hg_places *p, const hg_link *k) {
    const unsigned char *key = hg_link_visitor(k)->peer.signing_key;
    size_t own = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < p->n; i++) own += memcmp(p->key[i], key, HG_PUBLIC_KEY) == 0;
    const size_t kept = p->most > 1 ? (p->most + 3) / 4 : 0;
    const bool free_place = p->n < p->most && own < p->most - kept;
    if (free_place) memcpy(p->key[p->n++], key, HG_PUBLIC_KEY);
    pthread_mutex_unlock(&s->lock);
    return free_place;
}

static void give_place(hg_server *s, hg_places *p, const hg_link *k) {
    const unsigned char *key = hg_link_visitor(k)->peer.signing_key;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < p->n; i++)
        if (memcmp(p->key[i], key, HG_PUBLIC_KEY) == 0) {
            memmove(p->key[i], p->key[--p->n], HG_PUBLIC_KEY);
            break;
        }
    pthread_mutex_unlock(&s->lock);
}

hg_status hg_serve_job_begin(hg_server *s, const hg_link *k, hg_err *err) {
    if (take_place(s, &s->jobs, k)) return HG_OK;
    return hg_advise(err,
                     hg_fail(err, HG_ELIMIT,
                             "party \"%s\" works on as many jobs as it can, or as one member may ask at once",
                             hg_serve_name(s, s->party)),
                     "ask again in a moment, or use --wait");
}

void hg_serve_job_end(hg_server *s, const hg_link *k) { give_place(s, &s->jobs, k); }

/* ---- requests --------------------------------------------------------------------------------------------------------------- */

static hg_status dispatch(hg_ask *a, const hg_request *r, hg_err *err) {
    switch (r->kind) {
    case HG_ASK_STATUS: return hg_serve_status(a, err);
    case HG_ASK_POLICY: return hg_serve_policy_get(a, err);
    case HG_PUT_POLICY: return hg_serve_policy_put(a, err);
    case HG_PUT_SHARES: return hg_serve_shares(a, err);
    case HG_ASK_VALIDATE: return hg_serve_validate(a, err);
    case HG_PUT_WITHDRAWAL: return hg_serve_withdraw(a, err);
    case HG_ASK_DATASETS: return hg_serve_datasets(a, err);
    case HG_ASK_JOB: return hg_serve_job(a, err);
    case HG_PUT_TAKEN: return hg_serve_taken(a, err);
    case HG_ASK_AUDIT: return hg_serve_audit(a, err);
    case HG_ASK_REFRESH: return hg_serve_refresh(a, err);
    case HG_ASK_PULSE: return hg_serve_pulse(a, err);
    default: return hg_fail(err, HG_EREFUSED, "this server does not know what is asked");
    }
}

/* One request, from its head to the reply. */
static hg_status answer(hg_server *s, hg_link *k, hg_frame head, hg_err *err) {
    const hg_request *r = hg_request_of(head.kind);
    const bool server = hg_link_visitor(k)->party >= 0;
    if (!r) return hg_fail(err, HG_EREFUSED, "this server does not know what is asked");
    if (r->servers && !server)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s is for servers alone", r->name),
                         "an operator does it with the --identity of a server");
    hg_text body = hg_text_new(r->most > SIZE_MAX ? SIZE_MAX : (size_t)r->most), reply = hg_text_new(0);
    hg_ask a = { .server = s, .link = k, .reply = &reply, .head = head };
    hg_status st = HG_OK;
    if (r->kind != HG_PUT_SHARES)
        st = hg_message_rest(&body, k, head, r->most, err); /* a share file is read as a stream */
    a.body = hg_taker_of(body.s, body.len);
    if (st == HG_OK) st = dispatch(&a, r, err);
    if (st == HG_OK && reply.failed) st = hg_fail(err, HG_ENOMEM, "no memory for an answer");
    if (st == HG_OK) st = hg_message_send(k, HG_REPLY, reply.s, reply.len, err);
    /* a status without a word must not send what lies on the stack */
    if (st != HG_OK && err->code == HG_OK) hg_fail(err, st, "%s could not be served", r->name);
    if (st != HG_OK && r->kind != HG_ASK_PULSE) hg_serve_log(s, "%s from %s: %s", r->name, hg_link_peer(k), err->msg);
    hg_text_free(&body);
    hg_text_free(&reply);
    return st;
}

/* Is there something to read, before the server stops? HG_ECANCEL, HG_EPARTY idle for too long. */
static hg_status wait_for(const hg_server *s, hg_link *k, hg_err *err) {
    bool here = false;
    for (int waited = 0; waited < IDLE_MS; waited += LOOK_MS) {
        HG_TRY(hg_link_wait(&here, k, LOOK_MS, err));
        if (hg_cancel_raised(s->o.stop)) return hg_fail(err, HG_ECANCEL, "this server stops");
        if (here) return HG_OK;
    }
    return hg_fail(err, HG_EPARTY, "nothing was asked for %d s", IDLE_MS / 1000);
}

static void serve(hg_server *s, hg_link *k) {
    hg_err err = { .code = HG_OK };
    hg_frame head;
    hg_status st = HG_OK;
    while (st == HG_OK) {
        if ((st = wait_for(s, k, &err)) != HG_OK) break;
        if (hg_link_head(&head, k, -1, &err) != HG_OK) return; /* it has left: no news */
        hg_err_clear(&err);
        st = answer(s, k, head, &err);
    }
    hg_link_refuse(k, &err);
}

/* ---- connections ------------------------------------------------------------------------------------------------------------ */

static hg_status admit(void *self, const hg_visitor *v, hg_err *err) {
    const hg_server *s = self;
    if (v->purpose == HG_PURPOSE_CLIENT)
        return HG_OK; /* what it may ask is judged when it asks; its own operator, too */
    if (v->party >= 0 && (unsigned)v->party == s->party)
        return hg_fail(err, HG_EREFUSED, "%s calls itself", v->peer.name);
    if (v->party >= 0) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "%s is none of the three servers", v->peer.name);
}

static void visit(hg_server *s, void *ctx) {
    const int fd = (int)(intptr_t)ctx;
    hg_link_opts o = hg_link_opts_default();
    o.cluster = s->o.cluster;
    o.admit = admit;
    o.self = s;
    o.cancel = s->hard;
    hg_err err = { .code = HG_OK };
    hg_link *k;
    const hg_status st = hg_link_accept(&k, s->tls, fd, &o, &err);
    leave(s, &s->strangers);
    if (st != HG_OK) {
        hg_serve_log(s, "a connection was refused: %s", err.msg);
        return;
    }
    if (hg_link_visitor(k)->purpose == HG_PURPOSE_JOB) {
        hg_meet_bring(s->meet, k); /* its thread is the job's */
        return;
    }
    if (take_place(s, &s->links, k)) {
        serve(s, k);
        give_place(s, &s->links, k);
    } else {
        hg_fail(&err, HG_ELIMIT, "%s has too many visitors just now", hg_serve_name(s, s->party));
        hg_link_refuse(k, &err);
    }
    hg_link_free(k);
}

static void welcome(hg_server *s, int fd) {
    hg_err err = { .code = HG_OK };
    if (!enter(s, &s->strangers, s->o.strangers)) {
        close(fd);
        return;
    }
    if (hg_serve_thread(s, visit, (void *)(intptr_t)fd, &err) == HG_OK) return;
    leave(s, &s->strangers);
    close(fd);
}

/* ---- pulses: who is there? ----------------------------------------------------------------------------------------------------- */

static void note(hg_server *s, unsigned party, bool here, const char *why) {
    pthread_mutex_lock(&s->lock);
    hg_peer *p = &s->peer[party];
    const bool was = p->here, first = p->heard_ms < 0 && !here && !p->why[0];
    p->here = here;
    if (here) p->heard_ms = hg_world_ms(s->o.world);
    snprintf(p->why, sizeof p->why, "%s", why);
    pthread_mutex_unlock(&s->lock);
    if (here && !was) hg_serve_log(s, "party \"%s\" is here", hg_serve_name(s, party));
    if (!here && (was || first)) hg_serve_log(s, "party \"%s\" does not answer: %s", hg_serve_name(s, party), why);
}

/* Sleeps until the server stops: true. */
static bool pause_for(const hg_server *s, int ms) {
    struct pollfd p = { .fd = hg_cancel_fd(s->o.stop), .events = POLLIN };
    poll(&p, 1, ms);
    return hg_cancel_raised(s->o.stop);
}

static hg_status pulse(const hg_server *s, hg_link *k, hg_err *err) {
    hg_text reply = hg_text_new(1 << 16);
    hg_status st = hg_message_send(k, HG_ASK_PULSE, "", 0, err);
    if (st == HG_OK) st = hg_message_take(&reply, k, HG_REPLY, 1 << 16, MISSED * s->o.pulse_ms, err);
    hg_text_free(&reply);
    return st;
}

static void watch(hg_server *s, void *ctx) {
    const unsigned party = (unsigned)(uintptr_t)ctx;
    hg_link_opts o = hg_link_opts_default();
    o.cluster = s->o.cluster;
    o.purpose = HG_PURPOSE_CONTROL;
    o.handshake_ms = MISSED * s->o.pulse_ms;
    o.cancel = s->o.stop;
    hg_err err = { .code = HG_OK };
    do {
        hg_link *k;
        hg_status st = hg_link_connect(&k, s->tls, party, &o, &err);
        while (st == HG_OK && (st = pulse(s, k, &err)) == HG_OK) {
            note(s, party, true, "");
            if (pause_for(s, s->o.pulse_ms)) break;
        }
        hg_link_free(k);
        if (st != HG_OK && st != HG_ECANCEL) note(s, party, false, err.msg);
    } while (!pause_for(s, s->o.pulse_ms));
}

/* ---- life ----------------------------------------------------------------------------------------------------------------------- */

static hg_status check(const hg_server_opts *o, hg_err *err) {
    if (!o->cluster || !o->identity || !o->store || !o->world || !o->stop || !o->spool)
        return hg_fail(err, HG_EINVAL, "a server needs cluster, identity, store, world, stop and spool");
    if (o->strangers < 1 || o->links < 4 || o->jobs < 1 || o->port < -1 || o->port > 65535 || o->peer_ms < 1 ||
        o->round_ms < 1 || o->pulse_ms < 1 || o->grace_ms < 0 || o->projects < 1 || o->member_projects < 1 ||
        o->upload_rows < 1 || o->upload_rows > HG_ROWS_MOST)
        return hg_fail(err, HG_EINVAL, "a limit of the server is out of its range");
    return HG_OK;
}

static hg_status open_server(hg_server *s, hg_err *err) {
    const hg_server_opts *o = &s->o;
    const hg_certificate *self = hg_identity_certificate(o->identity);
    const int party = hg_cluster_party_of_key(o->cluster, self->signing_key);
    if (party < 0 || strcmp(o->cluster->server[party].name, self->name) != 0)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s is none of the three servers of the cluster", self->name),
                         "the cluster's file must name this server with the signing key of its folder");
    s->party = (unsigned)party;
    if (hg_store_party(o->store) != s->party)
        return hg_fail(err, HG_EREFUSED, "the store belongs to server %u, and %s is server %u",
                       hg_store_party(o->store), self->name, s->party);
    const hg_cluster_server *place = &o->cluster->server[party];
    HG_TRY(make_places(&s->links, o->links, err));
    HG_TRY(make_places(&s->jobs, o->jobs, err));
    HG_TRY(hg_tls_new(&s->tls, o->identity, o->cluster->authority, o->world, err));
    HG_TRY(hg_meet_new(&s->meet, o->world, err));
    HG_TRY(hg_cancel_new(&s->hard, err));
    HG_TRY(hg_tables_new(&s->tables, s, err));
    HG_TRY(hg_states_new(&s->states, err));
    hg_serve_sweep_spool(s);
    return hg_listener_new(&s->listener, o->host ? o->host : place->host, o->port < 0 ? place->port : (uint16_t)o->port,
                           err);
}

hg_status hg_server_new(hg_server **out, const hg_server_opts *o, hg_err *err) {
    *out = NULL;
    HG_TRY(check(o, err));
    hg_server *s = hg_calloc(1, sizeof *s);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory for a server");
    s->o = *o;
    for (unsigned i = 0; i < HG_SERVERS; i++) s->peer[i].heard_ms = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->quiet, NULL);
    const hg_status st = open_server(s, err);
    if (st == HG_OK)
        *out = s;
    else
        hg_server_free(s);
    return st;
}

uint16_t hg_server_port(const hg_server *s) { return hg_listener_port(s->listener); }

/* Waits until no thread is left, at most `ms` (< 0: as long as it takes). */
static bool wait_quiet(hg_server *s, int ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000 + 1;
    int late = 0;
    pthread_mutex_lock(&s->lock);
    while (s->threads && !late)
        late = ms < 0 ? pthread_cond_wait(&s->quiet, &s->lock) : pthread_cond_timedwait(&s->quiet, &s->lock, &until);
    const bool quiet = s->threads == 0;
    pthread_mutex_unlock(&s->lock);
    return quiet;
}

hg_status hg_server_run(hg_server *s, hg_err *err) {
    hg_status st = HG_OK;
    for (unsigned i = 0; i < HG_SERVERS && st == HG_OK; i++)
        if (i != s->party) st = hg_serve_thread(s, watch, (void *)(uintptr_t)i, err);
    while (st == HG_OK && !hg_cancel_raised(s->o.stop)) {
        int fd;
        st = hg_listener_wait(&fd, s->listener, 1000, s->o.stop, s->o.world, err);
        if (st == HG_OK && fd >= 0) welcome(s, fd);
    }
    if (st == HG_ECANCEL) st = HG_OK; /* as it was asked */
    hg_cancel_raise(s->o.stop);       /* when the listener broke, too */
    hg_meet_stop(s->meet);
    if (!wait_quiet(s, s->o.grace_ms)) {
        hg_serve_log(s, "jobs still run after %d s; they are broken off", s->o.grace_ms / 1000);
        hg_cancel_raise(s->hard);
        wait_quiet(s, -1);
    }
    return st;
}

void hg_server_free(hg_server *s) {
    if (!s) return;
    hg_listener_free(s->listener);
    hg_tables_free(s->tables);
    hg_states_free(s->states);
    hg_meet_free(s->meet);
    hg_cancel_free(s->hard);
    hg_tls_free(s->tls);
    hg_free(s->links.key);
    hg_free(s->jobs.key);
    pthread_cond_destroy(&s->quiet);
    pthread_mutex_destroy(&s->lock);
    hg_free(s);
}
