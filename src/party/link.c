/* party/link.c -- see party/link.h: frames over a session, with deadlines. link_open.c opens links. */
#include "party/link.h"
#include "core/memory.h"
#include "party/link_internal.h"
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BRIEFLY = 3000 }; /* ms for a last word: a peer that sends a long file has to come to reading it */

/* ---- stopping what waits ------------------------------------------------------------------------------------------------- */

struct hg_cancel {
    atomic_bool raised;
    int fd;
};

hg_status hg_cancel_new(hg_cancel **out, hg_err *err) {
    *out = NULL;
    hg_cancel *c = hg_calloc(1, sizeof *c);
    if (!c) return hg_fail(err, HG_ENOMEM, "no memory for a cancel");
    atomic_init(&c->raised, false);
    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->fd < 0) {
        hg_free(c);
        return hg_fail(err, HG_EIO, "too many open files");
    }
    *out = c;
    return HG_OK;
}

void hg_cancel_raise(hg_cancel *c) {
    const int keep = errno; /* a signal handler must not change it */
    const uint64_t one = 1;
    atomic_store(&c->raised, true);
    if (write(c->fd, &one, sizeof one) < 0) { /* it was raised before: the counter stays where it is */
    }
    errno = keep;
}

bool hg_cancel_raised(const hg_cancel *c) { return c && atomic_load(&((hg_cancel *)(uintptr_t)c)->raised); }
int hg_cancel_fd(const hg_cancel *c) { return c ? c->fd : -1; }

void hg_cancel_free(hg_cancel *c) {
    if (!c) return;
    close(c->fd);
    hg_free(c);
}

hg_status hg_wait_for(bool *late, int fd, short events, int64_t deadline, const hg_cancel *cancel, const hg_world *w,
                      hg_err *err) {
    struct pollfd p[2] = { { .fd = fd, .events = events }, { .fd = hg_cancel_fd(cancel), .events = POLLIN } };
    *late = false;
    for (;;) {
        if (hg_cancel_raised(cancel)) return hg_fail(err, HG_ECANCEL, "stopped");
        const int64_t left = deadline - hg_world_ms(w);
        const int n = poll(p, 2, left <= 0 ? 0 : left > 1 << 30 ? 1 << 30 : (int)left);
        if (n < 0 && errno != EINTR) return hg_fail(err, HG_EIO, "the system could not wait for a connection");
        if (n > 0 && p[0].revents) return HG_OK;
        if (n == 0 && left <= 0) {
            *late = true;
            return HG_OK;
        }
    }
}

/* ---- errors ------------------------------------------------------------------------------------------------------------------ */

hg_status hg_link_says(const hg_link *k, const hg_err *inner, hg_err *err) {
    hg_fail(err, inner->code, "%s: %s", k->who, inner->msg);
    return *inner->hint ? hg_advise(err, inner->code, "%s", inner->hint) : inner->code;
}

hg_status hg_link_relay(const hg_link *k, const hg_err *theirs, hg_err *err) {
    hg_err copy = *theirs;
    if (copy.code == HG_ECANCEL) copy.code = HG_EPARTY;
    return hg_link_says(k, &copy, err);
}

static hg_status broken(hg_link *k, hg_status st) {
    if (st != HG_OK) k->broken = true;
    return st;
}

static hg_status too_late(const hg_link *k, const char *when, hg_err *err) {
    if (!k->ready)
        return hg_fail(err, HG_EPARTY, "%s: was not ready within %d ms, %s", k->who, k->o.handshake_ms, when);
    return hg_fail(err, HG_EPARTY, "%s: no progress for %d ms, %s", k->who, k->o.stall_ms, when);
}

/* Waits for what the session wants; `end` is when patience ends. */
static hg_status wait_io(hg_link *k, hg_io want, int64_t end, const char *when, hg_err *err) {
    bool late;
    if (want == HG_IO_CLOSED || want == HG_IO_FAILED) return hg_session_fail(k->session, k->who, when, err);
    HG_TRY(hg_wait_for(&late, hg_session_fd(k->session), want == HG_IO_WRITE ? POLLOUT : POLLIN, end, k->o.cancel,
                       k->world, err));
    return late ? too_late(k, when, err) : HG_OK;
}

/* A frame under way must move on; before the link is ready the whole opening has one end. */
static int64_t patience(const hg_link *k) {
    return k->ready ? hg_world_ms(k->world) + k->o.stall_ms : k->handshake_end;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------------- */

hg_status hg_link_handshake(hg_link *k, hg_err *err) {
    hg_io io;
    while ((io = hg_session_handshake(k->session)) != HG_IO_DONE) {
        const hg_status st = wait_io(k, io, k->handshake_end, "during the TLS handshake", err);
        if (st != HG_OK) return broken(k, st);
    }
    return HG_OK;
}

hg_status hg_link_write(hg_link *k, const void *bytes, size_t n, hg_err *err) {
    const unsigned char *at = bytes;
    int64_t end = patience(k);
    while (n) {
        size_t put;
        const hg_io io = hg_session_write(&put, k->session, at, n);
        if (io == HG_IO_DONE) {
            at += put;
            n -= put;
            end = patience(k);
            continue;
        }
        const hg_status st = wait_io(k, io, end, "while a message was sent", err);
        if (st != HG_OK) return broken(k, st);
    }
    k->last_out = hg_world_ms(k->world);
    return HG_OK;
}

static hg_status read_bytes(hg_link *k, void *bytes, size_t n, const char *when, hg_err *err) {
    unsigned char *at = bytes;
    int64_t end = patience(k);
    while (n) {
        size_t got;
        const hg_io io = hg_session_read(&got, k->session, at, n);
        if (io == HG_IO_DONE) {
            at += got;
            n -= got;
            end = patience(k);
            continue;
        }
        const hg_status st = wait_io(k, io, end, when, err);
        if (st != HG_OK) return broken(k, st);
    }
    return HG_OK;
}

/* ---- frames -------------------------------------------------------------------------------------------------------------------- */

static void count_frame(hg_link *k, bool out, const hg_frame *f) {
    if (f->kind < HG_KIND_ROUND) return; /* the room's own: not what a protocol costs */
    *(out ? &k->count.frames_out : &k->count.frames_in) += 1;
    *(out ? &k->count.header_out : &k->count.header_in) += HG_FRAME_HEADER;
    *(out ? &k->count.payload_out : &k->count.payload_in) += f->length;
}

/* The header and as much of the payload as one TLS record takes go out in one piece. */
static hg_status send_frame(hg_link *k, const hg_frame *f, const void *bytes, hg_err *err) {
    const size_t room = HG_LINK_BUFFER - HG_FRAME_HEADER, first = f->length < room ? f->length : room;
    if (k->broken) return hg_fail(err, HG_EPARTY, "%s: the connection is broken", k->who);
    hg_frame_write(k->buf, f);
    if (bytes && first) memcpy(k->buf + HG_FRAME_HEADER, bytes, first);
    HG_TRY(hg_link_write(k, k->buf, HG_FRAME_HEADER + first, err));
    if (f->length > first) HG_TRY(hg_link_write(k, (const char *)bytes + first, f->length - first, err));
    count_frame(k, true, f);
    return HG_OK;
}

hg_status hg_link_send(hg_link *k, uint16_t kind, uint32_t round, uint8_t flags, const void *bytes, size_t n,
                       hg_err *err) {
    if (n > k->o.most || n > HG_FRAME_MOST)
        return hg_fail(err, HG_ELIMIT, "a message of %zu bytes to %s, at most %zu fit", n, k->who, k->o.most);
    return send_frame(k, &(hg_frame) { (uint32_t)n, round, kind, flags }, bytes, err);
}

hg_status hg_link_heartbeat(hg_link *k, hg_err *err) {
    return send_frame(k, &(hg_frame) { .kind = HG_KIND_HEARTBEAT }, NULL, err);
}

/* The first bytes of the next header; while none is here, time passes with heartbeats. */
static hg_status await_header(bool *here, hg_link *k, int64_t end, hg_err *err) {
    *here = false;
    while (k->head_n == 0) {
        bool late;
        const hg_io io = hg_session_read(&k->head_n, k->session, k->head, HG_FRAME_HEADER);
        if (io == HG_IO_DONE) break;
        if (io == HG_IO_CLOSED || io == HG_IO_FAILED) return wait_io(k, io, end, "while a message was awaited", err);
        const int64_t beat = k->ready && k->o.heartbeat_ms > 0 ? k->last_out + k->o.heartbeat_ms : INT64_MAX;
        HG_TRY(hg_wait_for(&late, hg_session_fd(k->session), io == HG_IO_WRITE ? POLLOUT : POLLIN,
                           beat < end ? beat : end, k->o.cancel, k->world, err));
        if (late && hg_world_ms(k->world) >= end) return HG_OK;
        if (late) HG_TRY(hg_link_heartbeat(k, err));
    }
    *here = true;
    return HG_OK;
}

static hg_status read_header(hg_link *k, int64_t end, int wait_ms, hg_err *err) {
    bool here;
    HG_TRY(await_header(&here, k, k->ready ? end : k->handshake_end, err));
    if (!here && !k->ready) return too_late(k, "before its ready message", err);
    if (!here) return hg_fail(err, HG_EPARTY, "%s: nothing came for %d ms", k->who, wait_ms);
    HG_TRY(read_bytes(k, k->head + k->head_n, HG_FRAME_HEADER - k->head_n, "while a message was received", err));
    k->head_n = 0;
    return HG_OK;
}

/* The peer says why it stops. */
hg_status hg_link_read_error(hg_link *k, size_t n, hg_err *err) {
    unsigned char payload[HG_FRAME_ERROR_MOST];
    hg_err theirs, inner = { 0 };
    if (n > sizeof payload) return hg_fail(err, HG_ECHEAT, "%s: sent an error of %zu bytes", k->who, n);
    HG_TRY(read_bytes(k, payload, n, "while a message was received", err));
    if (hg_frame_error_read(&theirs, payload, n, &inner) != HG_OK) return hg_link_says(k, &inner, err);
    return hg_link_relay(k, &theirs, err);
}

static hg_status next_frame(hg_frame *out, hg_link *k, int wait_ms, hg_err *err) {
    const int64_t end = hg_world_ms(k->world) + wait_ms;
    for (;;) {
        hg_err inner = { 0 };
        HG_TRY(read_header(k, end, wait_ms, err));
        if (hg_frame_read(out, k->head, k->ready ? k->o.most : HG_FRAME_UNKNOWN, &inner) != HG_OK)
            return hg_link_says(k, &inner, err);
        if (out->kind == HG_KIND_ERROR) return hg_link_read_error(k, out->length, err);
        const bool own = out->kind == HG_KIND_HEARTBEAT || out->kind == HG_KIND_GOODBYE;
        if (own && out->length)
            return hg_fail(err, HG_ECHEAT, "%s: sent a heartbeat with %u bytes", k->who, out->length);
        if (out->kind == HG_KIND_GOODBYE) return hg_fail(err, HG_EPARTY, "%s: has ended the connection", k->who);
        if (!own) return HG_OK;
    }
}

hg_status hg_link_head(hg_frame *out, hg_link *k, int wait_ms, hg_err *err) {
    *out = (hg_frame) { 0 };
    if (k->broken) return hg_fail(err, HG_EPARTY, "%s: the connection is broken", k->who);
    if (k->body) return broken(k, hg_fail(err, HG_EINVAL, "%zu bytes of the last message were not read", k->body));
    HG_TRY(broken(k, next_frame(out, k, wait_ms < 0 ? k->o.stall_ms : wait_ms, err)));
    if (out->kind < HG_KIND_ROUND && k->ready)
        return broken(k, hg_fail(err, HG_ECHEAT, "%s: sent a message of kind %u, out of place", k->who, out->kind));
    k->body = out->length;
    count_frame(k, false, out);
    return HG_OK;
}

/* Heartbeats are taken on the way: what is left is a frame that the head will return. */
static hg_status await_frame(bool *here, hg_link *k, int64_t end, hg_err *err) {
    for (;;) {
        hg_frame f;
        HG_TRY(await_header(here, k, end, err));
        if (!*here) return HG_OK;
        HG_TRY(read_bytes(k, k->head + k->head_n, HG_FRAME_HEADER - k->head_n, "while a message was received", err));
        k->head_n = HG_FRAME_HEADER;
        if (hg_frame_read(&f, k->head, 0, NULL) != HG_OK || f.kind != HG_KIND_HEARTBEAT) return HG_OK;
        k->head_n = 0;
    }
}

hg_status hg_link_wait(bool *here, hg_link *k, int wait_ms, hg_err *err) {
    *here = k->body > 0;
    if (k->broken) return hg_fail(err, HG_EPARTY, "%s: the connection is broken", k->who);
    if (*here) return HG_OK;
    return broken(k, await_frame(here, k, hg_world_ms(k->world) + wait_ms, err));
}

hg_status hg_link_body(hg_link *k, void *bytes, size_t n, hg_err *err) {
    if (n > k->body) return hg_fail(err, HG_EINVAL, "%zu bytes wanted of a message that has %zu left", n, k->body);
    HG_TRY(read_bytes(k, bytes, n, "while a message was received", err));
    k->body -= n;
    return HG_OK;
}

static hg_status check_kind(hg_link *k, const hg_frame *f, uint16_t kind, size_t n, hg_err *err) {
    if (f->kind != kind)
        return broken(k, hg_fail(err, HG_ECHEAT, "%s: sent a message of kind %u, expected %u", k->who, f->kind, kind));
    if (f->length == n) return HG_OK;
    return broken(k, hg_fail(err, HG_ECHEAT, "%s: sent a message of %u bytes, expected %zu", k->who, f->length, n));
}

hg_status hg_link_expect(hg_link *k, uint16_t kind, void *payload, size_t n, hg_err *err) {
    hg_frame f;
    HG_TRY(hg_link_head(&f, k, -1, err));
    HG_TRY(check_kind(k, &f, kind, n, err));
    return hg_link_body(k, payload, n, err);
}

/* ---- the end ----------------------------------------------------------------------------------------------------------------- */

/* One last small frame. If it cannot go out at once the peer is not listening anyway. */
static void last_word(hg_link *k, uint16_t kind, const void *payload, size_t n) {
    unsigned char frame[HG_FRAME_HEADER + HG_FRAME_ERROR_MOST];
    size_t put;
    if (k->broken) return;
    hg_frame_write(frame, &(hg_frame) { .length = (uint32_t)n, .kind = kind });
    if (n) memcpy(frame + HG_FRAME_HEADER, payload, n);
    (void)hg_session_write(&put, k->session, frame, HG_FRAME_HEADER + n);
    hg_session_say_goodbye(k->session);
    k->broken = true;
}

void hg_link_close(hg_link *k) {
    if (k) last_word(k, HG_KIND_GOODBYE, NULL, 0);
}

void hg_link_last_error(hg_link *k, const hg_err *e) {
    unsigned char payload[HG_FRAME_ERROR_MOST];
    last_word(k, HG_KIND_ERROR, payload, hg_frame_error_write(payload, e));
}

void hg_link_refuse(hg_link *k, const hg_err *e) {
    if (!k || k->broken) return;
    hg_link_last_error(k, e);
    hg_session_linger(k->session, BRIEFLY);
}

void hg_link_free(hg_link *k) {
    if (!k) return;
    hg_session_free(k->session);
    hg_free(k);
}

/* ---- what a link knows ------------------------------------------------------------------------------------------------------- */

const hg_visitor *hg_link_visitor(const hg_link *k) { return &k->visitor; }
const char *hg_link_peer(const hg_link *k) { return k->who; }

hg_status hg_link_export(unsigned char key[32], hg_link *k, const char *label, hg_err *err) {
    return hg_session_export(key, k->session, label, err);
}

hg_link_count hg_link_counted(const hg_link *k) {
    hg_link_count c = k->count;
    hg_session_wire(k->session, &c.wire_out, &c.wire_in);
    return c;
}

const char *hg_purpose_name(hg_purpose p) {
    static const char *const names[HG_PURPOSE_END] = { [HG_PURPOSE_CLIENT] = "a client's requests",
                                                       [HG_PURPOSE_CONTROL] = "the servers' own business",
                                                       [HG_PURPOSE_JOB] = "a job" };
    return p >= 1 && p < HG_PURPOSE_END ? names[p] : "nothing known";
}

hg_link_opts hg_link_opts_default(void) {
    return (hg_link_opts) { .purpose = HG_PURPOSE_CLIENT,
                            .connect_ms = 5000,
                            .handshake_ms = 10000,
                            .stall_ms = 30000,
                            .heartbeat_ms = 5000,
                            .most = 64 << 20 };
}
