/* party/channel_tls.c -- see party/channel_tls.h
 *
 * A round over loopback is a few microseconds of work and two or three system calls a neighbour: header and payload leave in one
 * TLS record, both neighbours are written to before anything is waited for, and what has come already is taken without a poll.
 */
#include "party/channel_tls.h"
#include "core/memory.h"
#include "party/link_internal.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

typedef struct { /* one direction of one neighbour, in one round */
    const unsigned char *bytes;
    size_t n, done, first; /* frame included; bytes of it that went into the link's buffer */
} sending;

typedef struct {
    unsigned char *bytes;
    size_t n, done; /* of the payload */
    bool open;      /* its header is read */
} taking;

struct hg_channel_tls {
    hg_channel channel;
    hg_link *link[HG_NEIGHBOURS];
    hg_channel_tls_opts o;
    bool aborted;
    /* of the round under way */
    hg_phase phase;
    uint32_t round;
    sending out[HG_NEIGHBOURS];
    taking in[HG_NEIGHBOURS];
    int64_t moved[HG_NEIGHBOURS]; /* when something went either way */
};

hg_channel_tls_opts hg_channel_tls_opts_default(void) { return (hg_channel_tls_opts) { .round_ms = 30000 }; }

/* ---- sending ----------------------------------------------------------------------------------------------------------- */

static void begin_sending(hg_channel_tls *c, unsigned k, const hg_exchange *x) {
    sending *s = &c->out[k];
    hg_link *l = c->link[k];
    *s = (sending) { 0 };
    if (x->out_n[k] == 0) return;
    const size_t room = HG_LINK_BUFFER - HG_FRAME_HEADER, head = x->out_n[k] < room ? x->out_n[k] : room;
    hg_frame_write(l->buf, &(hg_frame) { .length = (uint32_t)x->out_n[k],
                                         .round = c->round,
                                         .kind = (uint16_t)(HG_KIND_ROUND + c->phase) });
    memcpy(l->buf + HG_FRAME_HEADER, x->out[k], head);
    *s = (sending) { x->out[k], HG_FRAME_HEADER + x->out_n[k], 0, HG_FRAME_HEADER + head };
}

static bool sent(const sending *s) { return s->done == s->n; }

/* Until all is sent or the socket is full. TLS wants the same bytes again after that: what is left is always offered whole. */
static hg_io send_some(hg_channel_tls *c, unsigned k) {
    sending *s = &c->out[k];
    while (!sent(s)) {
        size_t put;
        const bool front = s->done < s->first;
        const unsigned char *at = front ? c->link[k]->buf + s->done : s->bytes + (s->done - HG_FRAME_HEADER);
        const hg_io io = hg_session_write(&put, c->link[k]->session, at, (front ? s->first : s->n) - s->done);
        if (io != HG_IO_DONE) return io;
        s->done += put;
    }
    return HG_IO_DONE;
}

/* ---- receiving --------------------------------------------------------------------------------------------------------- */

static bool taken(const taking *t) { return t->done == t->n && (t->open || t->n == 0); }

static hg_status wrong(const hg_channel_tls *c, const hg_link *l, const char *what, size_t got, size_t expected,
                       hg_err *err) {
    return hg_fail(err, HG_ECHEAT, "%s: sent a message with %s %zu in round %u of %s, expected %zu", l->who, what, got,
                   c->round, hg_phase_name(c->phase), expected);
}

/* The header is complete. Heartbeats pass; anything else than this round's message ends the run. */
static hg_status check_header(hg_channel_tls *c, unsigned k, hg_err *err) {
    hg_link *l = c->link[k];
    taking *t = &c->in[k];
    hg_frame f;
    hg_err inner = { 0 };
    l->head_n = 0;
    if (hg_frame_read(&f, l->head, HG_FRAME_MOST, &inner) != HG_OK) return hg_link_says(l, &inner, err);
    if (f.kind == HG_KIND_HEARTBEAT && f.length == 0) return HG_OK;
    if (f.kind == HG_KIND_GOODBYE)
        return hg_fail(err, HG_EPARTY, "%s: left in round %u of %s", l->who, c->round, hg_phase_name(c->phase));
    if (f.kind == HG_KIND_ERROR) return hg_link_read_error(l, f.length, err);
    if (f.kind != HG_KIND_ROUND + c->phase) {
        const unsigned phase = f.kind - (unsigned)HG_KIND_ROUND;
        return hg_fail(err, HG_ECHEAT, "%s: sent a message of %s in round %u of %s", l->who,
                       f.kind >= HG_KIND_ROUND && phase < HG_PHASE_COUNT ? hg_phase_name((hg_phase)phase)
                                                                         : "another kind",
                       c->round, hg_phase_name(c->phase));
    }
    if (f.round != c->round) return wrong(c, l, "round number", f.round, c->round, err);
    if (f.length != t->n || f.flags) return wrong(c, l, "length", f.length, t->n, err);
    t->open = true;
    return HG_OK;
}

static hg_io take_header(hg_link *l) {
    size_t got;
    const hg_io io = hg_session_read(&got, l->session, l->head + l->head_n, HG_FRAME_HEADER - l->head_n);
    l->head_n += got;
    return io;
}

static hg_io take_payload(hg_link *l, taking *t) {
    size_t got;
    const hg_io io = hg_session_read(&got, l->session, t->bytes + t->done, t->n - t->done);
    t->done += got;
    return io;
}

/* All of this round's message that is here. */
static hg_status take_some(hg_io *io, hg_channel_tls *c, unsigned k, hg_err *err) {
    *io = HG_IO_DONE;
    while (!taken(&c->in[k])) {
        if (!c->in[k].open && c->link[k]->head_n == HG_FRAME_HEADER) {
            HG_TRY(check_header(c, k, err));
            continue;
        }
        *io = c->in[k].open ? take_payload(c->link[k], &c->in[k]) : take_header(c->link[k]);
        if (*io != HG_IO_DONE) return HG_OK;
    }
    return HG_OK;
}

/* This neighbour has done its part of the round, the other has not: what does it say now? The header of its next message stays
 * where it is; an error ends the run at once, and tells who is to blame. An end is no error: its run may be over. */
static hg_status look_ahead(short *events, hg_link *l, hg_err *err) {
    hg_frame f;
    hg_io io = HG_IO_DONE;
    while (io == HG_IO_DONE && l->head_n < HG_FRAME_HEADER) io = take_header(l);
    *events = io == HG_IO_READ ? POLLIN : 0;
    if (l->head_n < HG_FRAME_HEADER || hg_frame_read(&f, l->head, HG_FRAME_MOST, NULL) != HG_OK) return HG_OK;
    return f.kind == HG_KIND_ERROR ? hg_link_read_error(l, f.length, err) : HG_OK;
}

/* ---- a round ------------------------------------------------------------------------------------------------------------- */

/* The connection to k broke; what it said before that is the better reason. */
static hg_status failed(hg_channel_tls *c, unsigned k, hg_err *err) {
    char when[160];
    short events;
    if (taken(&c->in[k])) HG_TRY(look_ahead(&events, c->link[k], err));
    snprintf(when, sizeof when, "in round %u of %s", c->round, hg_phase_name(c->phase));
    return hg_session_fail(c->link[k]->session, c->link[k]->who, when, err);
}

static bool done(const hg_channel_tls *c, unsigned k) { return sent(&c->out[k]) && taken(&c->in[k]); }

static size_t progress(const hg_channel_tls *c, unsigned k) {
    return c->out[k].done + c->in[k].done + c->link[k]->head_n;
}

/* Takes what is here, after `out` came of sending; *events is what to wait for then, 0: nothing. */
static hg_status move(short *events, hg_channel_tls *c, unsigned k, hg_io out, hg_err *err) {
    hg_io in;
    const size_t before = progress(c, k);
    HG_TRY(take_some(&in, c, k, err)); /* first what the peer said: it may be why it does not listen any more */
    if (in == HG_IO_CLOSED || in == HG_IO_FAILED || out == HG_IO_CLOSED || out == HG_IO_FAILED)
        return failed(c, k, err);
    if (progress(c, k) != before) c->moved[k] = hg_world_ms(c->link[k]->world);
    *events = (short)((in == HG_IO_READ || out == HG_IO_READ ? POLLIN : 0) |
                      (in == HG_IO_WRITE || out == HG_IO_WRITE ? POLLOUT : 0));
    return HG_OK;
}

static hg_status too_late(const hg_channel_tls *c, unsigned k, hg_err *err) {
    return hg_fail(err, HG_EPARTY, "%s: %s for %d ms in round %u of %s", c->link[k]->who,
                   sent(&c->out[k]) ? "sent nothing" : "took nothing", c->o.round_ms, c->round,
                   hg_phase_name(c->phase));
}

/* Waits until one of those that are not done can go on, or one that is has something to say. */
static hg_status wait_for_any(const hg_channel_tls *c, struct pollfd p[HG_NEIGHBOURS + 1], hg_err *err) {
    const int64_t now = hg_world_ms(c->link[HG_NEXT]->world);
    int64_t left = INT32_MAX;
    unsigned slowest = HG_NEXT;
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        const int64_t here = c->moved[k] + c->o.round_ms - now;
        if (!done(c, k) && here < left) left = here, slowest = k;
    }
    if (left <= 0) return too_late(c, slowest, err);
    const int n = poll(p, HG_NEIGHBOURS + 1, (int)left);
    if (n < 0 && errno != EINTR) return hg_fail(err, HG_EIO, "the system could not wait for a connection");
    if (n > 0 && p[HG_NEIGHBOURS].revents) return hg_fail(err, HG_ECANCEL, "stopped");
    return HG_OK;
}

static hg_status run_round(hg_channel_tls *c, hg_err *err) {
    struct pollfd p[HG_NEIGHBOURS + 1];
    if (hg_cancel_raised(c->o.cancel)) return hg_fail(err, HG_ECANCEL, "stopped");
    const int64_t now = hg_world_ms(c->link[HG_NEXT]->world);
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        c->moved[k] = now;
        p[k] = (struct pollfd) { .fd = hg_session_fd(c->link[k]->session), .revents = POLLIN };
    }
    p[HG_NEIGHBOURS] = (struct pollfd) { .fd = hg_cancel_fd(c->o.cancel), .events = POLLIN };
    for (;;) {
        hg_io out[HG_NEIGHBOURS] = { HG_IO_DONE, HG_IO_DONE };
        for (unsigned k = 0; k < HG_NEIGHBOURS; k++) /* to both, before what one of them said can end the run */
            if (p[k].revents) out[k] = send_some(c, k);
        for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
            if (p[k].revents && !done(c, k)) HG_TRY(move(&p[k].events, c, k, out[k], err));
        if (done(c, HG_NEXT) && done(c, HG_PREVIOUS)) return HG_OK;
        for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
            if (p[k].revents && done(c, k)) HG_TRY(look_ahead(&p[k].events, c->link[k], err));
            if (!p[k].events) p[k].fd = -1; /* poll shall not look at it */
        }
        HG_TRY(wait_for_any(c, p, err));
    }
}

static void count(hg_channel_tls *c, const hg_exchange *x) {
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        hg_link_count *n = &c->link[k]->count;
        n->frames_out += x->out_n[k] > 0;
        n->frames_in += x->in_n[k] > 0;
        n->header_out += x->out_n[k] ? HG_FRAME_HEADER : 0;
        n->header_in += x->in_n[k] ? HG_FRAME_HEADER : 0;
        n->payload_out += x->out_n[k];
        n->payload_in += x->in_n[k];
        c->link[k]->last_out = c->moved[k];
    }
}

static hg_status exchange(void *self, hg_phase phase, uint32_t round, const hg_exchange *x, hg_err *err) {
    hg_channel_tls *c = self;
    hg_err own = { 0 };
    if (!err) err = &own;
    if (c->aborted) return hg_fail(err, HG_EPARTY, "the run was broken off");
    if (phase >= HG_PHASE_COUNT) return hg_fail(err, HG_EINVAL, "there is no phase %u", (unsigned)phase);
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
        if (x->out_n[k] > HG_FRAME_MOST || x->in_n[k] > HG_FRAME_MOST)
            return hg_fail(err, HG_ELIMIT, "a message of a round has at most %d bytes", HG_FRAME_MOST);
    c->phase = phase;
    c->round = round;
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        begin_sending(c, k, x);
        c->in[k] = (taking) { .bytes = x->in[k], .n = x->in_n[k] };
    }
    const hg_status st = run_round(c, err);
    if (st == HG_OK) {
        count(c, x);
        return HG_OK;
    }
    hg_channel_tls_abort(c, err); /* the other neighbour shall name the right one */
    return st;
}

/* ---- making and ending -------------------------------------------------------------------------------------------------- */

static hg_status check_links(unsigned party, const hg_link *next, const hg_link *previous, hg_err *err) {
    const hg_visitor *n = &next->visitor, *p = &previous->visitor;
    if (party >= HG_SERVERS || n->party != (int)(party + 1) % 3 || p->party != (int)(party + 2) % 3)
        return hg_fail(err, HG_EINVAL, "the links of a run lead to the next and the previous server");
    if (n->purpose != HG_PURPOSE_JOB || p->purpose != HG_PURPOSE_JOB || n->attempt != p->attempt ||
        memcmp(n->digest, p->digest, HG_DIGEST) != 0)
        return hg_fail(err, HG_EINVAL, "the links of a run are for one attempt of one job");
    return HG_OK;
}

hg_status hg_channel_tls_new(hg_channel_tls **out, unsigned party, hg_link *next, hg_link *previous,
                             const hg_channel_tls_opts *o, hg_err *err) {
    *out = NULL;
    HG_TRY(check_links(party, next, previous, err));
    hg_channel_tls *c = hg_calloc(1, sizeof *c);
    if (!c) return hg_fail(err, HG_ENOMEM, "no memory for a channel");
    c->o = o ? *o : hg_channel_tls_opts_default();
    c->link[HG_NEXT] = next;
    c->link[HG_PREVIOUS] = previous;
    c->channel = (hg_channel) { .self = c, .exchange = exchange };
    if (c->o.round_ms <= 0) {
        hg_free(c);
        return hg_fail(err, HG_EINVAL, "a round has no time");
    }
    *out = c;
    return HG_OK;
}

hg_channel *hg_channel_tls_channel(hg_channel_tls *c) { return &c->channel; }

void hg_channel_tls_abort(hg_channel_tls *c, const hg_err *why) {
    if (c->aborted) return;
    c->aborted = true;
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        hg_link *l = c->link[k];
        if (!sent(&c->out[k])) l->broken = true; /* a frame was cut: nothing after it would be understood */
        hg_link_last_error(l, why);
    }
}

void hg_channel_tls_free(hg_channel_tls *c) { hg_free(c); }
