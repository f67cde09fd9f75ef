/* secret/channel.h -- one round of messages between a server and its two neighbours
 *
 * Server i is followed by next = i+1 and preceded by previous = i+2 (mod 3). A round sends at most one message to each and
 * takes at most one from each, all at the same time (a channel must not wait for a send before it receives: large messages
 * in a ring would block for ever). Lengths are public: both sides know them beforehand, and a message of another length,
 * round or phase is an error. Implementations: memory (three threads in one process), TLS (party/), and wrappers for tests
 * that record, delay or damage messages.
 */
#ifndef HG_SECRET_CHANNEL_H
#define HG_SECRET_CHANNEL_H
#include "hagane/core.h"

typedef enum { HG_NEXT, HG_PREVIOUS, HG_NEIGHBOURS } hg_neighbour;

/* What a round belongs to; a wrong one is refused and its name stands in the error. One table: hg_phase_name. */
typedef enum {
    HG_PHASE_HELLO,
    HG_PHASE_CHARGE,
    HG_PHASE_INPUT,
    HG_PHASE_COMPUTE,
    HG_PHASE_FENCE,
    HG_PHASE_COIN,
    HG_PHASE_TRIPLES,
    HG_PHASE_CHECK,
    HG_PHASE_ZERO,
    HG_PHASE_OK,
    HG_PHASE_OPEN,
    HG_PHASE_COUNT
} hg_phase;
const char *hg_phase_name(hg_phase phase); /* "the multiplication check" ... in words */

typedef struct {
    const void *out[HG_NEIGHBOURS];
    size_t out_n[HG_NEIGHBOURS]; /* bytes; 0: no message */
    void *in[HG_NEIGHBOURS];
    size_t in_n[HG_NEIGHBOURS];
} hg_exchange;

typedef struct {
    void *self;
    /* Errors: HG_EPARTY (gone, broke off, too late), HG_ECHEAT (wrong length, round or phase), HG_ECANCEL. */
    hg_status (*exchange)(void *self, hg_phase phase, uint32_t round, const hg_exchange *x, hg_err *err);
} hg_channel;

enum {
    HG_FRAME_HEADER = 16
}; /* bytes before each message on the wire: length, round, phase, reserved (party/frame.h) */

/* ---- three servers in one process ---------------------------------------------------------------------------------- */

typedef struct hg_memory_net hg_memory_net;
HG_MUST_CHECK hg_status hg_memory_net_new(hg_memory_net **out, hg_err *err);
hg_channel *hg_memory_net_channel(hg_memory_net *n, unsigned party); /* borrowed; each for one thread */
/* A thread that gives up: its neighbours' exchanges return HG_EPARTY instead of waiting. So do all exchanges when every
 * party waits for another: a message was held back, and there is no clock here that would end the wait. */
void hg_memory_net_close(hg_memory_net *n, unsigned party);
void hg_memory_net_free(hg_memory_net *n);
#endif
