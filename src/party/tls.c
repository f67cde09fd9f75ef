/* party/tls.c -- see party/tls.h */
#include "party/tls.h"
#include "core/memory.h"
#include "files/whole.h"
#include "party/certificate.h"
#include "party/tls_internal.h"
#include <openssl/err.h>

enum { PEM_MOST = 64 << 10, CERTIFICATES_MOST = 16 << 10, READ_BUFFER = 64 << 10 };

static int no_passphrase(char *buf, int size, int writing, void *self) {
    (void)buf, (void)size, (void)writing, (void)self;
    return 0; /* OpenSSL must never ask at the terminal */
}

/* What may be negotiated: one version, one group, one kind of certificate. */
static bool set_protocol(SSL_CTX *c) {
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(c, 1); /* one recv a message instead of two */
    SSL_CTX_set_default_read_buffer_len(c, READ_BUFFER);
    SSL_CTX_set_max_cert_list(c, CERTIFICATES_MOST);
    SSL_CTX_set_security_level(c, 2);
    SSL_CTX_set_default_passwd_cb(c, no_passphrase);
    return SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
           SSL_CTX_set1_groups_list(c, "X25519") == 1 && SSL_CTX_set1_sigalgs_list(c, "ed25519") == 1 &&
           SSL_CTX_set_num_tickets(c, 0) == 1 && SSL_CTX_set_max_early_data(c, 0) == 1 &&
           SSL_CTX_set_recv_max_early_data(c, 0) == 1;
}

/* The one authority, nothing of the system's; a certificate is asked from both sides. */
static bool set_trust(SSL_CTX *c, X509 *authority) {
    X509_STORE *store = X509_STORE_new();
    const bool ok = store && X509_STORE_add_cert(store, authority) == 1 && SSL_CTX_add_client_CA(c, authority) == 1;
    if (!ok) {
        X509_STORE_free(store);
        return false;
    }
    SSL_CTX_set_cert_store(c, store); /* takes it over */
    X509_VERIFY_PARAM *p = SSL_CTX_get0_param(c);
    X509_VERIFY_PARAM_set_depth(p, 1);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT) == 1;
}

static hg_status set_up(hg_tls *t, X509 *authority, hg_err *err) {
    HG_TRY(hg_x509_check_issued(hg_identity_x509(t->id), authority, err));
    t->ctx = SSL_CTX_new(TLS_method());
    t->socket = hg_socket_method();
    if (t->ctx && t->socket && set_protocol(t->ctx) && set_trust(t->ctx, authority) &&
        SSL_CTX_use_certificate(t->ctx, hg_identity_x509(t->id)) == 1 &&
        SSL_CTX_use_PrivateKey(t->ctx, hg_identity_key(t->id)) == 1 && SSL_CTX_check_private_key(t->ctx) == 1)
        return HG_OK;
    return hg_crypto_fail(err, HG_EIO, "TLS could not be set up");
}

static hg_status read_authority(X509 **out, const char *path, hg_err *err) {
    void *pem;
    size_t n;
    *out = NULL;
    HG_TRY(hg_whole_read(&pem, &n, path, PEM_MOST, 0, err));
    const hg_status st = hg_x509_read(out, path, pem, n, err);
    hg_whole_free(pem, n);
    return st;
}

hg_status hg_tls_new(hg_tls **out, const hg_identity *id, const char *authority, const hg_world *w, hg_err *err) {
    X509 *read = NULL;
    *out = NULL;
    if (!id || !w) return hg_fail(err, HG_EINVAL, "TLS needs an identity and a clock");
    if (authority && !*authority) return hg_fail(err, HG_EINVAL, "TLS needs the certificate of an authority");
    if (authority) HG_TRY(read_authority(&read, authority, err));
    hg_tls *t = hg_calloc(1, sizeof *t);
    hg_status st = t ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for TLS");
    if (st == HG_OK) {
        t->id = id;
        t->world = w;
        st = set_up(t, read ? read : hg_identity_authority(id), err);
    }
    X509_free(read);
    if (st != HG_OK) {
        hg_tls_free(t);
        return st;
    }
    *out = t;
    return HG_OK;
}

void hg_tls_free(hg_tls *t) {
    if (!t) return;
    SSL_CTX_free(t->ctx);
    BIO_meth_free(t->socket);
    hg_free(t);
}

const hg_identity *hg_tls_identity(const hg_tls *t) { return t->id; }
const hg_world *hg_tls_world(const hg_tls *t) { return t->world; }
