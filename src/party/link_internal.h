/* party/link_internal.h -- what link.c shares with link_open.c and channel_tls.c */
#ifndef HG_PARTY_LINK_INTERNAL_H
#define HG_PARTY_LINK_INTERNAL_H
#include "party/link.h"
#include "party/session.h"

enum { HG_LINK_BUFFER = 16384 }; /* what one TLS record holds */

struct hg_link {
    hg_session *session;
    const hg_world *world;
    hg_link_opts o;
    hg_visitor visitor;
    char who[HG_ADDRESS_SIZE]; /* in messages: an address, then the name */
    bool ready;                /* both ready messages are checked */
    bool broken;               /* an error happened, or a frame was cut: nothing can be sent any more */
    int64_t handshake_end;     /* until ready, nothing lasts longer */
    int64_t last_out;          /* when something was sent */
    unsigned char head[HG_FRAME_HEADER];
    size_t head_n; /* bytes of it that are here */
    size_t body;   /* bytes of the current frame that nobody has read */
    hg_link_count count;
    unsigned char buf[HG_LINK_BUFFER];
};

/* Waits until the socket can be read (or written to): HG_OK and *late = false, or *late = true at the deadline (ms, world's
 * clock). HG_ECANCEL. fd < 0: sleeps. */
HG_MUST_CHECK hg_status hg_wait_for(bool *late, int fd, short events, int64_t deadline, const hg_cancel *cancel,
                                    const hg_world *w, hg_err *err);
/* `who: sentence` and its advice. */
hg_status hg_link_says(const hg_link *k, const hg_err *inner, hg_err *err);
/* What an error frame means here: the peer's own cancel is not ours. */
hg_status hg_link_relay(const hg_link *k, const hg_err *theirs, hg_err *err);

/* The payload of an error frame; returns what it says. */
HG_MUST_CHECK hg_status hg_link_read_error(hg_link *k, size_t n, hg_err *err);
/* Sends an error if that goes at once, and nothing after it. */
void hg_link_last_error(hg_link *k, const hg_err *e);

HG_MUST_CHECK hg_status hg_link_handshake(hg_link *k, hg_err *err);
HG_MUST_CHECK hg_status hg_link_write(hg_link *k, const void *bytes, size_t n, hg_err *err);
/* A frame of exactly this kind and length, before the link is ready. */
HG_MUST_CHECK hg_status hg_link_expect(hg_link *k, uint16_t kind, void *payload, size_t n, hg_err *err);
#endif
