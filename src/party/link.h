/* party/link.h -- an authenticated connection between two members: TCP, TLS 1.3, a ready message each way, frames
 *
 *   server:  hg_listener_new(&l, "127.0.0.1", 0, err);              client:
 *            hg_listener_wait(&fd, l, 1000, cancel, world, err);    hg_link_connect(&k, tls, party, &o, err);
 *            hg_link_accept(&k, tls, fd, &o, err);                  hg_link_send(k, kind, 0, 0, bytes, n, err);
 *            hg_link_head(&f, k, wait_ms, err);                     hg_link_head(&f, k, wait_ms, err);
 *            hg_link_body(k, buffer, f.length, err);                hg_link_body(k, buffer, f.length, err);
 *
 * A TLS 1.3 client believes the handshake to be done before the server has judged its certificate. So nothing counts before
 * both have sent and checked a signed ready message (party/ready.h): role, version, purpose, digest, fresh nonces of both, bound to
 * this TLS session by its exporter. Until then frames have at most HG_FRAME_UNKNOWN bytes and the whole takes at most `handshake_ms`.
 *
 * All calls block with a deadline, never longer; a cancel ends them at once (HG_ECANCEL). No call raises SIGPIPE. A link is for one
 * thread at a time. After an error it is good for nothing but hg_link_free.
 */
#ifndef HG_PARTY_LINK_H
#define HG_PARTY_LINK_H
#include "hagane/core.h"
#include "party/cluster.h"
#include "party/frame.h"
#include "party/identity.h"
#include "party/tls.h"

/* ---- stopping what waits ------------------------------------------------------------------------------------------------- */

typedef struct hg_cancel hg_cancel; /* any thread or signal handler may raise it; it stays raised */
HG_MUST_CHECK hg_status hg_cancel_new(hg_cancel **out, hg_err *err);
void hg_cancel_raise(hg_cancel *c); /* async-signal-safe */
bool hg_cancel_raised(const hg_cancel *c);
int hg_cancel_fd(const hg_cancel *c); /* readable once raised; for poll */
void hg_cancel_free(hg_cancel *c);

/* ---- what a link is for ---------------------------------------------------------------------------------------------------- */

typedef enum {
    HG_PURPOSE_CLIENT = 1, /* an owner or user talks to a server */
    HG_PURPOSE_CONTROL,    /* server to server, stays open */
    HG_PURPOSE_JOB,        /* server to server, one attempt of one job: the rounds of a protocol */
    HG_PURPOSE_END
} hg_purpose;
const char *hg_purpose_name(hg_purpose p); /* "a job" */

typedef struct { /* what the peer's hello said, and its certificate */
    hg_certificate peer;
    int party; /* its place in the cluster, -1: no server */
    hg_purpose purpose;
    uint32_t attempt;
    unsigned char digest[HG_DIGEST]; /* project, job or cluster: whatever the two agree to mean by it */
} hg_visitor;

typedef struct {
    const hg_cluster *cluster; /* pins of the servers; who has the role of a server must be in it. Required */
    hg_purpose purpose;        /* connecting: said in the hello; the acceptor answers with the same */
    uint32_t attempt;
    unsigned char digest[HG_DIGEST];
    /* Accepting: may this visitor come in? HG_EREFUSED with a sentence is sent to it. NULL: servers of the cluster only. */
    hg_status (*admit)(void *self, const hg_visitor *v, hg_err *err);
    void *self;
    int connect_ms;    /* TCP; default 5000 */
    int handshake_ms;  /* TLS and ready together; default 10000 */
    int stall_ms;      /* one frame under way makes no progress; default 30000 */
    int heartbeat_ms;  /* idle links say that they live, while in hg_link_head; default 5000, 0: never */
    size_t most;       /* bytes of a frame; default 64 MiB, at most HG_FRAME_MOST */
    hg_cancel *cancel; /* borrowed; NULL: none */
} hg_link_opts;
hg_link_opts hg_link_opts_default(void);

/* ---- opening -------------------------------------------------------------------------------------------------------------- */

typedef struct hg_link hg_link;

/* Dials server `party` of o->cluster; its name and pinned key must match. A host that is a name is looked up by the system, which
 * takes its own time. Errors: HG_EPARTY (not reachable, too late, broke off),
 * HG_EREFUSED (a certificate, name or pin is wrong, ours or theirs, or the peer refused us: its sentence), HG_ECHEAT, HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_link_connect(hg_link **out, const hg_tls *t, unsigned party, const hg_link_opts *o,
                                        hg_err *err);
/* The same again and again with growing pauses (50 ms to 2 s) as long as the server cannot be reached, at most `patience_ms`. */
HG_MUST_CHECK hg_status hg_link_connect_patiently(hg_link **out, const hg_tls *t, unsigned party, const hg_link_opts *o,
                                                  int patience_ms, hg_err *err);

typedef struct hg_listener hg_listener;
/* host: an address or name to bind; port 0: any free one. HG_EIO. */
HG_MUST_CHECK hg_status hg_listener_new(hg_listener **out, const char *host, uint16_t port, hg_err *err);
uint16_t hg_listener_port(const hg_listener *l);
/* The next connection, or *fd = -1 when none came within wait_ms, or the system has no room for one just now. HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_listener_wait(int *fd, hg_listener *l, int wait_ms, const hg_cancel *cancel,
                                         const hg_world *w, hg_err *err);
void hg_listener_free(hg_listener *l);

/* Takes fd over in any case. Everything until the ready message happens here: a thread per connection, with a limit on how many
 * are in here at once, keeps slow or hostile strangers from holding up others. */
HG_MUST_CHECK hg_status hg_link_accept(hg_link **out, const hg_tls *t, int fd, const hg_link_opts *o, hg_err *err);

void hg_link_close(hg_link *k);                   /* says goodbye, briefly; hg_link_free alone says nothing */
void hg_link_refuse(hg_link *k, const hg_err *e); /* sends the error, briefly: the peer's next call returns it */
void hg_link_free(hg_link *k);                    /* closes the socket */

const hg_visitor *hg_link_visitor(
    const hg_link *k);                      /* who is at the other end; the own purpose on the connecting side */
const char *hg_link_peer(const hg_link *k); /* its name */
/* 32 bytes that only the two ends of this session know, for this label (RFC 8446, 7.5). */
HG_MUST_CHECK hg_status hg_link_export(unsigned char key[32], hg_link *k, const char *label, hg_err *err);

/* ---- frames --------------------------------------------------------------------------------------------------------------- */

/* Errors of all of these: HG_EPARTY (gone, too late), HG_ECHEAT (no frame at all, too long), HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_link_send(hg_link *k, uint16_t kind, uint32_t round, uint8_t flags, const void *bytes,
                                     size_t n, hg_err *err);
/* The next frame's head. Heartbeats are taken and sent meanwhile. A goodbye is HG_EPARTY; an error frame comes back as the error
 * that the peer sent, `server-b: ...`. wait_ms < 0: stall_ms. HG_EPARTY when nothing came. */
HG_MUST_CHECK hg_status hg_link_head(hg_frame *out, hg_link *k, int wait_ms, hg_err *err);
/* Is a frame there within wait_ms? *here = false is no error: the link stays good. Heartbeats are sent and taken meanwhile. */
HG_MUST_CHECK hg_status hg_link_wait(bool *here, hg_link *k, int wait_ms, hg_err *err);
/* The next n bytes of its payload, straight into `bytes`; in pieces or at once, all before the next head. */
HG_MUST_CHECK hg_status hg_link_body(hg_link *k, void *bytes, size_t n, hg_err *err);
/* For who waits on many idle links itself. */
HG_MUST_CHECK hg_status hg_link_heartbeat(hg_link *k, hg_err *err);

typedef struct { /* exact, since the connection was made; frames and payload without hello, ready and heartbeats */
    uint64_t frames_out, frames_in, payload_out, payload_in, header_out, header_in;
    uint64_t wire_out, wire_in; /* all bytes of the TCP stream, handshake included */
} hg_link_count;
hg_link_count hg_link_counted(const hg_link *k);
#endif
