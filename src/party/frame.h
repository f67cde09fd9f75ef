/* party/frame.h -- what goes over a link: 16 bytes of header, then `length` bytes
 *
 *   0  u32 length   4  u32 round   8  u16 kind   10  u8 version   11  u8 flags   12  u32 zero      (little-endian)
 *
 * TLS keeps order and content; the header says what a message is for, so that a message of another round or phase is
 * refused instead of understood wrongly. Lengths are bounded before anything is allocated: by HG_FRAME_UNKNOWN until the
 * peer has shown who it is, by the link's own limit afterwards.
 */
#ifndef HG_PARTY_FRAME_H
#define HG_PARTY_FRAME_H
#include "hagane/core.h"
#include "secret/channel.h" /* HG_FRAME_HEADER, hg_phase */

enum {
    HG_FRAME_VERSION = 1,
    HG_FRAME_UNKNOWN = 1024,   /* bytes at most before the ready message */
    HG_FRAME_MOST = 256 << 20, /* bytes at most ever */
    HG_FRAME_MORE = 1,         /* flag: the message goes on in the next frame of the same kind */
};

/* Kinds of frames. Below 256 they are this room's own, the rest is for what the server and its clients say. */
enum {
    HG_KIND_HELLO = 1, /* party/ready.h */
    HG_KIND_READY,
    HG_KIND_HEARTBEAT,    /* no payload; links take and send these by themselves */
    HG_KIND_GOODBYE,      /* no payload: an orderly end */
    HG_KIND_ERROR,        /* an hg_err: why the sender breaks off, or refuses */
    HG_KIND_ROUND = 64,   /* + hg_phase: a round of a protocol */
    HG_KIND_SERVER = 256, /* first of the kinds of party/server.h */
};

typedef struct {
    uint32_t length, round;
    uint16_t kind;
    uint8_t flags;
} hg_frame;

void hg_frame_write(unsigned char header[HG_FRAME_HEADER], const hg_frame *f);
/* HG_ECHEAT: another version, unknown flags, more than `most` bytes. The sentence has no peer in it: links add it. */
HG_MUST_CHECK hg_status hg_frame_read(hg_frame *out, const unsigned char header[HG_FRAME_HEADER], size_t most,
                                      hg_err *err);

/* An hg_err as payload of HG_KIND_ERROR and back; what comes from outside is cut, cleaned and never HG_OK. */
enum { HG_FRAME_ERROR_MOST = 2 + 2 * 2 + 480 + 240 };
size_t hg_frame_error_write(unsigned char payload[HG_FRAME_ERROR_MOST], const hg_err *e);
HG_MUST_CHECK hg_status hg_frame_error_read(hg_err *out, const unsigned char *payload, size_t n, hg_err *err);

/* n <= 4 bytes, little-endian. */
static inline void hg_le_put(unsigned char *at, uint32_t x, size_t n) {
    for (size_t i = 0; i < n; i++) at[i] = (unsigned char)(x >> 8 * i);
}
static inline uint32_t hg_le_get(const unsigned char *at, size_t n) {
    uint32_t x = 0;
    for (size_t i = 0; i < n; i++) x |= (uint32_t)at[i] << 8 * i;
    return x;
}
#endif
