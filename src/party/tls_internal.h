/* party/tls_internal.h -- what tls.c shares with session.c */
#ifndef HG_PARTY_TLS_INTERNAL_H
#define HG_PARTY_TLS_INTERNAL_H
#include "party/tls.h"
#include <openssl/ssl.h>

struct hg_tls {
    SSL_CTX *ctx;
    BIO_METHOD *socket; /* session.c's */
    const hg_identity *id;
    const hg_world *world;
};

BIO_METHOD *hg_socket_method(void); /* NULL: no memory */
#endif
