/* party/ready.h -- the first two messages on a link, each way: hello, then a signed ready
 *
 * hello: what the sender is and wants, with a fresh nonce. ready: an Ed25519 signature over both hellos, both certificates' keys, both
 * names, the sender's side and the exporter of this TLS session. A ready message that was recorded elsewhere has another exporter and
 * another nonce; one that is sent back to its maker has the other side. party/link.h sends them.
 */
#ifndef HG_PARTY_READY_H
#define HG_PARTY_READY_H
#include "hagane/core.h"
#include "party/identity.h"

enum { HG_READY_NONCE = 32, HG_HELLO_SIZE = 96 };
/* Rises with every change of what is said on a link: a request, an answer, a status, a round of a protocol. The hello itself keeps its form
 * for ever, so that two programs that do not understand each other can say so. */
enum { HG_PROTOCOL = 3 };

typedef struct {
    uint16_t purpose, roles;
    uint32_t attempt;
    unsigned char digest[HG_DIGEST], nonce[HG_READY_NONCE];
    char version[16]; /* of the program: servers of different versions do not compute together */
} hg_hello;

void hg_hello_write(unsigned char payload[HG_HELLO_SIZE], const hg_hello *h);
/* HG_ECHEAT: another length, an unknown purpose, roles that do not exist, text that is none; HG_EREFUSED: another HG_PROTOCOL. */
HG_MUST_CHECK hg_status hg_hello_read(hg_hello *out, const unsigned char *payload, size_t n, hg_err *err);

typedef struct {                          /* what both ends know once the hellos have crossed */
    const hg_hello *hello[2];             /* 0: of the end that connected, 1: of the one that accepted */
    const hg_certificate *certificate[2]; /* likewise */
    const unsigned char *exporter;        /* [32] */
} hg_ready;

void hg_ready_sign(unsigned char signature[HG_SIGNATURE], const hg_identity *id, const hg_ready *r, unsigned side);
HG_MUST_CHECK hg_status hg_ready_check(const unsigned char signature[HG_SIGNATURE], const hg_ready *r, unsigned side,
                                       hg_err *err); /* HG_EREFUSED */
#endif
