/* party/link_open.c -- see party/link.h: sockets, the TLS handshake, and the ready messages */
#include "core/memory.h"
#include "party/link.h"
#include "party/link_internal.h"
#include "party/ready.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTS, ACCEPTS };
enum { BACKLOG = 64, LINGER = 500, PAUSE_LEAST = 50, PAUSE_MOST = 2000, NO_ROOM_PAUSE = 100 /* ms */ };
/* A machine that vanishes without a word: the kernel asks, and gives up after about half a minute. */
enum { ALIVE_IDLE = 10, ALIVE_EVERY = 5, ALIVE_TRIES = 4, ALIVE_UNACKNOWLEDGED = 30000 /* ms */ };
static const char EXPORTER[] = "EXPORTER-hagane-ready-v1";

/* ---- sockets ------------------------------------------------------------------------------------------------------------ */

static void set(int fd, int level, int option, int value) { (void)setsockopt(fd, level, option, &value, sizeof value); }

/* Options that make a link quick and its death seen; where a system lacks one, it works all the same. */
static bool tune(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return false;
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_IDLE);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_EVERY);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, ALIVE_TRIES);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ALIVE_UNACKNOWLEDGED);
    return true;
}

static hg_status look_up(struct addrinfo **out, const char *host, uint16_t port, bool bind_it, hg_err *err) {
    char service[8];
    const struct addrinfo want = { .ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | (bind_it ? AI_PASSIVE : 0) };
    snprintf(service, sizeof service, "%u", (unsigned)port);
    const int code = getaddrinfo(host, service, &want, out);
    if (code == 0) return HG_OK;
    *out = NULL;
    return hg_fail(err, bind_it ? HG_EIO : HG_EPARTY, "the address of \"%s\" is not known: %s", host,
                   gai_strerror(code));
}

/* One address. *fd stays -1 when it cannot be reached; `why` is errno then. */
static hg_status dial(int *fd, int *why, const struct addrinfo *a, int64_t end, const hg_link_opts *o,
                      const hg_world *w, hg_err *err) {
    bool late = false;
    *fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (*fd < 0) return *why = errno, HG_OK;
    hg_status st = HG_OK;
    *why = connect(*fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (*why == EINPROGRESS || *why == EINTR) {
        socklen_t size = sizeof *why;
        st = hg_wait_for(&late, *fd, POLLOUT, end, o->cancel, w, err);
        if (late)
            *why = ETIMEDOUT;
        else if (st == HG_OK && getsockopt(*fd, SOL_SOCKET, SO_ERROR, why, &size) != 0)
            *why = errno;
    }
    if (st == HG_OK && *why == 0 && tune(*fd)) return HG_OK;
    close(*fd);
    *fd = -1;
    return st;
}

static hg_status dial_all(int *fd, const hg_cluster_server *to, const hg_link_opts *o, const hg_world *w, hg_err *err) {
    struct addrinfo *all;
    char text[128], address[HG_ADDRESS_SIZE];
    int why = EHOSTUNREACH;
    hg_err inner = { 0 };
    *fd = -1;
    if (look_up(&all, to->host, to->port, false, &inner) != HG_OK)
        return hg_fail(err, HG_EPARTY, "%s: %s", to->name, inner.msg);
    const int64_t end = hg_world_ms(w) + o->connect_ms;
    hg_status st = HG_OK;
    for (const struct addrinfo *a = all; a && *fd < 0 && st == HG_OK; a = a->ai_next)
        st = dial(fd, &why, a, end, o, w, err);
    freeaddrinfo(all);
    if (st != HG_OK || *fd >= 0) return st;
    hg_fail(err, HG_EPARTY, "%s: cannot be reached at %s: %s", to->name, hg_address_text(address, to->host, to->port),
            strerror_r(why, text, sizeof text));
    return hg_advise(err, HG_EPARTY, "is its server running?");
}

struct hg_listener {
    int fd;
    uint16_t port;
};

static int listen_at(const struct addrinfo *a) {
    const int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd < 0) return -1;
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    const int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static uint16_t port_of(int fd) {
    struct sockaddr_storage at;
    socklen_t size = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0) return 0;
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

hg_status hg_listener_new(hg_listener **out, const char *host, uint16_t port, hg_err *err) {
    struct addrinfo *all;
    char text[128], address[HG_ADDRESS_SIZE];
    *out = NULL;
    HG_TRY(look_up(&all, host, port, true, err));
    hg_listener *l = hg_calloc(1, sizeof *l);
    if (!l) {
        freeaddrinfo(all);
        return hg_fail(err, HG_ENOMEM, "no memory to listen");
    }
    l->fd = -1;
    for (const struct addrinfo *a = all; a && l->fd < 0; a = a->ai_next) l->fd = listen_at(a);
    const int why = errno;
    freeaddrinfo(all);
    if (l->fd < 0) {
        hg_free(l);
        return hg_fail(err, HG_EIO, "cannot listen at %s: %s", hg_address_text(address, host, port),
                       strerror_r(why, text, sizeof text));
    }
    l->port = port_of(l->fd);
    *out = l;
    return HG_OK;
}

uint16_t hg_listener_port(const hg_listener *l) { return l->port; }

static bool no_room(int why) { return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM; }

hg_status hg_listener_wait(int *fd, hg_listener *l, int wait_ms, const hg_cancel *cancel, const hg_world *w,
                           hg_err *err) {
    bool late;
    *fd = -1;
    HG_TRY(hg_wait_for(&late, l->fd, POLLIN, hg_world_ms(w) + wait_ms, cancel, w, err));
    if (late) return HG_OK;
    *fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (*fd >= 0 || !no_room(errno)) return HG_OK;                                    /* or it went away again */
    return hg_wait_for(&late, -1, 0, hg_world_ms(w) + NO_ROOM_PAUSE, cancel, w, err); /* others may leave meanwhile */
}

void hg_listener_free(hg_listener *l) {
    if (!l) return;
    close(l->fd);
    hg_free(l);
}

/* ---- hello and ready ------------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_link *k;
    const hg_identity *id;
    unsigned side;
    hg_hello hello[2];
    const hg_certificate *certificate[2];
    unsigned char exporter[32];
} opening;

static hg_status make_hello(opening *p, hg_err *err) {
    hg_hello *h = &p->hello[p->side];
    *h = (hg_hello) { .purpose = (uint16_t)p->k->visitor.purpose,
                      .roles = (uint16_t)hg_identity_certificate(p->id)->roles,
                      .attempt = p->k->visitor.attempt };
    memcpy(h->digest, p->k->visitor.digest, HG_DIGEST);
    snprintf(h->version, sizeof h->version, "%s", hg_version());
    return hg_world_random(p->k->world, h->nonce, HG_READY_NONCE, err);
}

static size_t put_frame(unsigned char *at, uint16_t kind, size_t n) {
    hg_frame_write(at, &(hg_frame) { .length = (uint32_t)n, .kind = kind });
    return HG_FRAME_HEADER + n;
}

static size_t put_hello(unsigned char *at, const opening *p) {
    hg_hello_write(at + HG_FRAME_HEADER, &p->hello[p->side]);
    return put_frame(at, HG_KIND_HELLO, HG_HELLO_SIZE);
}

static hg_ready ready_of(const opening *p) {
    return (hg_ready) { .hello = { &p->hello[0], &p->hello[1] },
                        .certificate = { p->certificate[0], p->certificate[1] },
                        .exporter = p->exporter };
}

static size_t put_ready(unsigned char *at, const opening *p) {
    const hg_ready r = ready_of(p);
    hg_ready_sign(at + HG_FRAME_HEADER, p->id, &r, p->side);
    return put_frame(at, HG_KIND_READY, HG_SIGNATURE);
}

static hg_status take_hello(opening *p, hg_err *err) {
    unsigned char payload[HG_HELLO_SIZE];
    hg_err inner = { 0 };
    const hg_certificate *own = p->certificate[p->side], *theirs = p->certificate[!p->side];
    hg_hello *h = &p->hello[!p->side];
    HG_TRY(hg_link_expect(p->k, HG_KIND_HELLO, payload, sizeof payload, err));
    if (hg_hello_read(h, payload, sizeof payload, &inner) != HG_OK) return hg_link_says(p->k, &inner, err);
    if (h->roles != theirs->roles)
        return hg_fail(err, HG_ECHEAT, "%s: claims another role than its certificate", p->k->who);
    const bool servers = own->roles == HG_ROLE_SERVER && theirs->roles == HG_ROLE_SERVER;
    if (servers && strcmp(h->version, hg_version()) != 0)
        return hg_advise(
            err, hg_fail(err, HG_EREFUSED, "%s: runs version %s, this server %s", p->k->who, h->version, hg_version()),
            "servers of different versions do not compute together");
    return HG_OK;
}

static hg_status take_ready(opening *p, hg_err *err) {
    unsigned char signature[HG_SIGNATURE];
    hg_err inner = { 0 };
    const hg_ready r = ready_of(p);
    HG_TRY(hg_link_expect(p->k, HG_KIND_READY, signature, sizeof signature, err));
    return hg_ready_check(signature, &r, !p->side, &inner) == HG_OK ? HG_OK : hg_link_says(p->k, &inner, err);
}

/* Who has a server's certificate must be one of the three, with the key that the cluster file pins. */
static hg_status place(hg_visitor *v, const opening *p, hg_err *err) {
    const hg_cluster *c = p->k->o.cluster;
    v->party = -1;
    if (v->peer.roles != HG_ROLE_SERVER) return HG_OK;
    const int party = hg_cluster_party(c, v->peer.name);
    if (party < 0) return hg_fail(err, HG_EREFUSED, "%s: is no server of the cluster %s", p->k->who, c->name);
    if (memcmp(c->server[party].signing_key, v->peer.signing_key, HG_PUBLIC_KEY) != 0)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: has another key than cluster.yaml says", p->k->who),
                         "ask its operator by another way whether the key was changed, before cluster.yaml is");
    v->party = party;
    return HG_OK;
}

/* Servers have nothing to say to themselves; an operator may ask his own server, with its keys. */
static hg_status not_itself(const opening *p, hg_err *err) {
    const hg_visitor *v = &p->k->visitor;
    const hg_certificate *own = hg_identity_certificate(p->id);
    if (v->purpose == HG_PURPOSE_CLIENT || memcmp(v->peer.signing_key, own->signing_key, HG_PUBLIC_KEY) != 0)
        return HG_OK;
    return hg_fail(err, HG_EREFUSED, "%s: is this member itself", p->k->who);
}

static hg_status open_link(opening *p, hg_link *k, const hg_tls *t, unsigned side, hg_err *err) {
    *p = (opening) { .k = k, .id = hg_tls_identity(t), .side = side };
    HG_TRY(hg_link_handshake(k, err));
    HG_TRY(hg_session_peer(&k->visitor.peer, k->session, err));
    snprintf(k->who, sizeof k->who, "%s", k->visitor.peer.name);
    p->certificate[side] = hg_identity_certificate(p->id);
    p->certificate[!side] = &k->visitor.peer;
    HG_TRY(hg_session_export(p->exporter, k->session, EXPORTER, err));
    return place(&k->visitor, p, err);
}

static hg_status connected(hg_link *k, const hg_tls *t, unsigned party, hg_err *err) {
    opening p;
    unsigned char frame[HG_FRAME_HEADER + HG_HELLO_SIZE];
    HG_TRY(open_link(&p, k, t, CONNECTS, err));
    HG_TRY(not_itself(&p, err));
    if (k->visitor.party != (int)party)
        return hg_fail(err, HG_EREFUSED, "%s: is not the server %s that was called", k->who,
                       k->o.cluster->server[party].name);
    HG_TRY(make_hello(&p, err));
    HG_TRY(hg_link_write(k, frame, put_hello(frame, &p), err));
    HG_TRY(take_hello(&p, err));
    const hg_hello *ours = &p.hello[CONNECTS], *theirs = &p.hello[ACCEPTS];
    if (theirs->purpose != ours->purpose || theirs->attempt != ours->attempt ||
        memcmp(theirs->digest, ours->digest, HG_DIGEST) != 0)
        return hg_fail(err, HG_ECHEAT, "%s: answers for something else than it was asked", k->who);
    HG_TRY(take_ready(&p, err));
    return hg_link_write(k, frame, put_ready(frame, &p), err);
}

static hg_status admit(const hg_link *k, hg_err *err) {
    const hg_visitor *v = &k->visitor;
    if (v->party < 0 && v->purpose != HG_PURPOSE_CLIENT)
        return hg_fail(err, HG_EREFUSED, "%s: is no server, but wants to speak about %s", k->who,
                       hg_purpose_name(v->purpose));
    if (k->o.admit) return k->o.admit(k->o.self, v, err);
    return v->party >= 0 ? HG_OK : hg_fail(err, HG_EREFUSED, "%s: only servers may connect here", k->who);
}

static hg_status accepted(hg_link *k, const hg_tls *t, hg_err *err) {
    opening p;
    unsigned char frame[2 * HG_FRAME_HEADER + HG_HELLO_SIZE + HG_SIGNATURE];
    HG_TRY(open_link(&p, k, t, ACCEPTS, err));
    HG_TRY(take_hello(&p, err));
    k->visitor.purpose = (hg_purpose)p.hello[CONNECTS].purpose;
    k->visitor.attempt = p.hello[CONNECTS].attempt;
    memcpy(k->visitor.digest, p.hello[CONNECTS].digest, HG_DIGEST);
    HG_TRY(not_itself(&p, err));
    HG_TRY(admit(k, err));
    HG_TRY(make_hello(&p, err));
    size_t n = put_hello(frame, &p);
    n += put_ready(frame + n, &p);
    HG_TRY(hg_link_write(k, frame, n, err));
    return take_ready(&p, err);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------- */

static hg_status check_opts(const hg_tls *t, const hg_link_opts *o, hg_err *err) {
    static const unsigned char none[HG_PUBLIC_KEY];
    if (!t || !o || !o->cluster)
        return hg_fail(err, HG_EINVAL, "a link needs TLS and the cluster whose servers it knows");
    for (size_t i = 0; i < HG_SERVERS; i++) {
        HG_TRY(hg_name_check("the expected name", o->cluster->server[i].name, err));
        if (memcmp(o->cluster->server[i].signing_key, none, HG_PUBLIC_KEY) == 0)
            return hg_fail(err, HG_EINVAL, "the cluster pins no key of %s", o->cluster->server[i].name);
    }
    if (o->connect_ms <= 0 || o->handshake_ms <= 0 || o->stall_ms <= 0 || o->most == 0 || o->most > HG_FRAME_MOST)
        return hg_fail(err, HG_EINVAL, "a limit of a link is out of its range");
    return HG_OK;
}

/* Takes fd over in any case. */
static hg_status new_link(hg_link **out, int fd, const hg_tls *t, const char *name, const hg_link_opts *o,
                          hg_err *err) {
    *out = NULL;
    hg_link *k = hg_calloc(1, sizeof *k);
    hg_status st = k ? hg_session_new(&k->session, t, fd, name, err) : hg_fail(err, HG_ENOMEM, "no memory for a link");
    if (st != HG_OK) {
        close(fd);
        hg_free(k);
        return st;
    }
    k->o = *o;
    k->world = hg_tls_world(t);
    k->handshake_end = hg_world_ms(k->world) + o->handshake_ms;
    k->visitor = (hg_visitor) { .party = -1, .purpose = o->purpose, .attempt = o->attempt };
    memcpy(k->visitor.digest, o->digest, HG_DIGEST);
    *out = k;
    return HG_OK;
}

/* Ready, or the peer hears why not and gets time to read it. */
static hg_status finish(hg_link **out, hg_link *k, hg_status st, const hg_err *why) {
    if (st == HG_OK) {
        k->ready = true;
        k->last_out = hg_world_ms(k->world);
        *out = k;
        return HG_OK;
    }
    const int64_t left = k->handshake_end - hg_world_ms(k->world);
    if (k->broken)
        hg_session_linger(k->session, left < LINGER ? (int)left : LINGER); /* for the alert that TLS sent */
    else
        hg_link_refuse(k, why);
    hg_link_free(k);
    return st;
}

hg_status hg_link_connect(hg_link **out, const hg_tls *t, unsigned party, const hg_link_opts *o, hg_err *err) {
    hg_err own = { 0 };
    int fd;
    hg_link *k;
    *out = NULL;
    if (!err) err = &own; /* the peer is told what went wrong */
    HG_TRY(check_opts(t, o, err));
    if (party >= HG_SERVERS || o->purpose < 1 || o->purpose >= HG_PURPOSE_END)
        return hg_fail(err, HG_EINVAL, "a link needs one of the three servers and a purpose");
    const hg_cluster_server *to = &o->cluster->server[party];
    HG_TRY(dial_all(&fd, to, o, hg_tls_world(t), err));
    HG_TRY(new_link(&k, fd, t, to->name, o, err));
    snprintf(k->who, sizeof k->who, "%s", to->name);
    return finish(out, k, connected(k, t, party, err), err);
}

/* The pause grows, and differs from one caller to the next, so that those who lost a server do not all come back at once. */
static hg_status pause_before(int *pause, int64_t end, const hg_link_opts *o, const hg_world *w, hg_err *err) {
    unsigned char random[2];
    bool late;
    HG_TRY(hg_world_random(w, random, sizeof random, err));
    const int64_t now = hg_world_ms(w), wait = *pause / 2 + (random[0] | random[1] << 8) * (int64_t)*pause / 65536;
    HG_TRY(hg_wait_for(&late, -1, 0, now + wait < end ? now + wait : end, o->cancel, w, err));
    *pause = *pause * 2 < PAUSE_MOST ? *pause * 2 : PAUSE_MOST;
    return HG_OK;
}

hg_status hg_link_connect_patiently(hg_link **out, const hg_tls *t, unsigned party, const hg_link_opts *o,
                                    int patience_ms, hg_err *err) {
    *out = NULL;
    if (!t) return hg_fail(err, HG_EINVAL, "a link needs TLS");
    const hg_world *w = hg_tls_world(t);
    const int64_t end = hg_world_ms(w) + patience_ms;
    int pause = PAUSE_LEAST;
    for (;;) {
        const hg_status st = hg_link_connect(out, t, party, o, err);
        if (st != HG_EPARTY || hg_world_ms(w) >= end) return st;
        HG_TRY(pause_before(&pause, end, o, w, err));
    }
}

static void describe_address(char who[HG_ADDRESS_SIZE], int fd) {
    struct sockaddr_storage at;
    socklen_t size = sizeof at;
    char host[HG_HOST_SIZE], port[16];
    snprintf(who, HG_ADDRESS_SIZE, "a stranger");
    if (getpeername(fd, (struct sockaddr *)&at, &size) == 0 &&
        getnameinfo((struct sockaddr *)&at, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        hg_address_text(who, host, (uint16_t)strtoul(port, NULL, 10));
}

hg_status hg_link_accept(hg_link **out, const hg_tls *t, int fd, const hg_link_opts *o, hg_err *err) {
    hg_err own = { 0 };
    hg_link *k;
    *out = NULL;
    if (!err) err = &own;
    hg_status st = check_opts(t, o, err);
    if (st == HG_OK && !tune(fd)) st = hg_fail(err, HG_EIO, "a connection could not be set up");
    if (st != HG_OK) {
        close(fd);
        return st;
    }
    HG_TRY(new_link(&k, fd, t, NULL, o, err));
    describe_address(k->who, fd);
    return finish(out, k, accepted(k, t, err), err);
}
