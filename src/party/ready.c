/* party/ready.c -- see party/ready.h */
#include "party/ready.h"
#include "core/utf8.h"
#include "party/link.h"
#include <string.h>

static const uint32_t MAGIC = 0x48470000; /* "HG", and HG_PROTOCOL in the low half */
static const uint32_t MAGIC_BITS = 0xFFFF0000;
static const char WHAT[] = "ready v1";

/* u32 protocol, u16 purpose, u16 roles, u32 attempt, u32 zero, digest, nonce, version */
enum { AT_PURPOSE = 4, AT_ROLES = 6, AT_ATTEMPT = 8, AT_ZERO = 12, AT_DIGEST = 16, AT_NONCE = 48, AT_VERSION = 80 };

void hg_hello_write(unsigned char payload[HG_HELLO_SIZE], const hg_hello *h) {
    hg_le_put(payload, MAGIC | HG_PROTOCOL, 4);
    hg_le_put(payload + AT_PURPOSE, h->purpose, 2);
    hg_le_put(payload + AT_ROLES, h->roles, 2);
    hg_le_put(payload + AT_ATTEMPT, h->attempt, 4);
    hg_le_put(payload + AT_ZERO, 0, 4);
    memcpy(payload + AT_DIGEST, h->digest, HG_DIGEST);
    memcpy(payload + AT_NONCE, h->nonce, HG_READY_NONCE);
    memcpy(payload + AT_VERSION, h->version, sizeof h->version);
}

static bool take_version(char version[16], const unsigned char *payload) {
    memcpy(version, payload + AT_VERSION, 16);
    const size_t text = strnlen(version, 16);
    bool ok = text > 0 && text < 16 && hg_utf8_valid(version, text) == text;
    for (size_t i = text; i < 16; i++) ok = ok && version[i] == '\0';
    return ok;
}

static hg_status check_protocol(const unsigned char *payload, const char *version, hg_err *err) {
    const uint32_t head = hg_le_get(payload, 4), theirs = head & ~MAGIC_BITS;
    if ((head & MAGIC_BITS) != MAGIC) return hg_fail(err, HG_ECHEAT, "sent what is no hello");
    if (theirs == HG_PROTOCOL) return HG_OK;
    return hg_advise(err,
                     hg_fail(err, HG_EREFUSED, "runs hagane %s with protocol %u, expected hagane %s with protocol %d",
                             version, (unsigned)theirs, hg_version(), HG_PROTOCOL),
                     "protocol %u is the older one: install the newer program there; all servers and members of a "
                     "cluster need the same protocol",
                     theirs < HG_PROTOCOL ? (unsigned)theirs : (unsigned)HG_PROTOCOL);
}

hg_status hg_hello_read(hg_hello *out, const unsigned char *payload, size_t n, hg_err *err) {
    memset(out, 0, sizeof *out);
    if (n != HG_HELLO_SIZE) return hg_fail(err, HG_ECHEAT, "sent a hello of %zu bytes, expected %d", n, HG_HELLO_SIZE);
    bool ok = take_version(out->version, payload);
    HG_TRY(check_protocol(payload, ok ? out->version : "of an unknown version", err));
    out->purpose = (uint16_t)hg_le_get(payload + AT_PURPOSE, 2);
    out->roles = (uint16_t)hg_le_get(payload + AT_ROLES, 2);
    out->attempt = hg_le_get(payload + AT_ATTEMPT, 4);
    memcpy(out->digest, payload + AT_DIGEST, HG_DIGEST);
    memcpy(out->nonce, payload + AT_NONCE, HG_READY_NONCE);
    ok = ok && out->purpose >= 1 && out->purpose < HG_PURPOSE_END && out->roles != 0 &&
         hg_le_get(payload + AT_ZERO, 4) == 0;
    return ok ? HG_OK : hg_fail(err, HG_ECHEAT, "sent a hello that cannot be read");
}

/* One text for all that both ends must agree on; `side` keeps a signature from being sent back to its maker. */
enum { SIGNED_SIZE = 1 + 2 * (HG_HELLO_SIZE + HG_NAME_SIZE + HG_PUBLIC_KEY) + 32 };

static void signed_bytes(unsigned char to[SIGNED_SIZE], const hg_ready *r, unsigned side) {
    memset(to, 0, SIGNED_SIZE);
    *to++ = (unsigned char)side;
    for (size_t i = 0; i < 2; i++) {
        hg_hello_write(to, r->hello[i]);
        to += HG_HELLO_SIZE;
        memcpy(to, r->certificate[i]->name, strnlen(r->certificate[i]->name, HG_NAME_SIZE - 1));
        to += HG_NAME_SIZE;
        memcpy(to, r->certificate[i]->signing_key, HG_PUBLIC_KEY);
        to += HG_PUBLIC_KEY;
    }
    memcpy(to, r->exporter, 32);
}

void hg_ready_sign(unsigned char signature[HG_SIGNATURE], const hg_identity *id, const hg_ready *r, unsigned side) {
    unsigned char text[SIGNED_SIZE];
    signed_bytes(text, r, side);
    hg_identity_sign(signature, id, WHAT, text, sizeof text);
}

hg_status hg_ready_check(const unsigned char signature[HG_SIGNATURE], const hg_ready *r, unsigned side, hg_err *err) {
    unsigned char text[SIGNED_SIZE];
    signed_bytes(text, r, side);
    if (hg_signed_by(r->certificate[side]->signing_key, signature, WHAT, text, sizeof text)) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "sent a ready message that was not signed for this connection");
}
