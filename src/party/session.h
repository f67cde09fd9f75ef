/* party/session.h -- one TLS connection over one socket, without blocking; party/link.h blocks, and has the rules of who may talk
 *
 * Reading and writing never wait: they say what they wait for. Bytes go through a BIO of our own: send() with MSG_NOSIGNAL, so that a
 * peer that is gone is an error and not a signal, and every byte on the wire is counted.
 */
#ifndef HG_PARTY_SESSION_H
#define HG_PARTY_SESSION_H
#include "hagane/core.h"
#include "party/tls.h"

typedef enum {
    HG_IO_DONE,
    HG_IO_READ,  /* again when the socket can be read */
    HG_IO_WRITE, /* again, with the same bytes, when it can be written to */
    HG_IO_CLOSED,
    HG_IO_FAILED
} hg_io;

typedef struct hg_session hg_session;

/* The end that connects gives the name that the peer's certificate must carry; NULL for the end that accepts. The socket is
 * non-blocking and becomes the session's only when HG_OK comes back. */
HG_MUST_CHECK hg_status hg_session_new(hg_session **out, const hg_tls *t, int fd, const char *name, hg_err *err);
void hg_session_free(hg_session *s); /* closes the socket, says nothing */

hg_io hg_session_handshake(hg_session *s);
/* At least one byte when HG_IO_DONE; n > 0. */
hg_io hg_session_read(size_t *got, hg_session *s, void *bytes, size_t n);
hg_io hg_session_write(size_t *put, hg_session *s, const void *bytes, size_t n);
/* Words for the last HG_IO_CLOSED or HG_IO_FAILED; `who` is the peer as the caller knows it, `when` says "during the TLS handshake". */
hg_status hg_session_fail(hg_session *s, const char *who, const char *when, hg_err *err);

int hg_session_fd(const hg_session *s);
/* After the handshake: what the peer's certificate says; it is verified. */
HG_MUST_CHECK hg_status hg_session_peer(hg_certificate *out, const hg_session *s, hg_err *err);
HG_MUST_CHECK hg_status hg_session_export(unsigned char key[32], hg_session *s, const char *label, hg_err *err);
void hg_session_say_goodbye(hg_session *s); /* close_notify, if it can be sent at once */
/* Lets the peer read what was said last: no more writing, and what still comes is thrown away for `ms` at most. Closing a socket with
 * unread bytes would destroy the alert or sentence that is on its way. */
void hg_session_linger(hg_session *s, int ms);

void hg_session_wire(const hg_session *s, uint64_t *out, uint64_t *in);
#endif
