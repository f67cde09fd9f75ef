/* party/session.c -- see party/session.h */
#include "party/session.h"
#include "core/memory.h"
#include "party/certificate.h"
#include "party/tls_internal.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct hg_session {
    SSL *ssl;
    int fd;
    uint64_t out, in; /* bytes on the wire */
    const hg_world *world;
    bool ready;           /* the handshake is done */
    int system;           /* errno of a failed send or recv */
    unsigned long reason; /* OpenSSL's, of the last failure */
    long verdict;         /* of the peer's certificate */
    bool closed;          /* the last failure was an end of the connection */
};

/* ---- the socket ------------------------------------------------------------------------------------------------------- */

static int socket_result(BIO *b, ssize_t n, uint64_t *count) {
    hg_session *s = BIO_get_data(b);
    s->system = n < 0 && errno != EAGAIN && errno != EWOULDBLOCK ? errno : 0;
    if (n > 0) *count += (uint64_t)n;
    return (int)n;
}

static int socket_write(BIO *b, const char *bytes, int n) {
    hg_session *s = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    ssize_t put;
    do put = send(s->fd, bytes, (size_t)n, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(b);
    return socket_result(b, put, &s->out);
}

static int socket_read(BIO *b, char *bytes, int n) {
    hg_session *s = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    ssize_t got;
    do got = recv(s->fd, bytes, (size_t)n, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(b);
    return socket_result(b, got, &s->in);
}

static long socket_control(BIO *b, int what, long n, void *p) {
    (void)b, (void)n, (void)p;
    return what == BIO_CTRL_FLUSH;
}

static int socket_create(BIO *b) {
    BIO_set_init(b, 1);
    return 1;
}

BIO_METHOD *hg_socket_method(void) {
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hagane socket");
    if (m && BIO_meth_set_write(m, socket_write) && BIO_meth_set_read(m, socket_read) &&
        BIO_meth_set_ctrl(m, socket_control) && BIO_meth_set_create(m, socket_create))
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* ---- sessions ----------------------------------------------------------------------------------------------------------- */

/* Name and time are this session's; the rest of what is checked stands in tls.c. */
static bool expect(hg_session *s, const char *name) {
    X509_VERIFY_PARAM *p = SSL_get0_param(s->ssl);
    X509_VERIFY_PARAM_set_time(p, (time_t)hg_world_now(s->world));
    if (!name) return true;
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(p, name, 0) == 1 && SSL_set_tlsext_host_name(s->ssl, name) == 1;
}

hg_status hg_session_new(hg_session **out, const hg_tls *t, int fd, const char *name, hg_err *err) {
    *out = NULL;
    if (name) HG_TRY(hg_name_check("the expected name", name, err));
    hg_session *s = hg_calloc(1, sizeof *s);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory for a connection");
    *s = (hg_session) { .fd = fd, .world = t->world };
    s->ssl = SSL_new(t->ctx);
    BIO *b = s->ssl ? BIO_new(t->socket) : NULL;
    if (b) {
        BIO_set_data(b, s);
        SSL_set_bio(s->ssl, b, b); /* takes it over */
    }
    if (!b || !expect(s, name)) {
        s->fd = -1;
        hg_session_free(s);
        return hg_crypto_fail(err, HG_ENOMEM, "no memory for a connection");
    }
    if (name)
        SSL_set_connect_state(s->ssl);
    else
        SSL_set_accept_state(s->ssl);
    *out = s;
    return HG_OK;
}

void hg_session_free(hg_session *s) {
    if (!s) return;
    SSL_free(s->ssl);
    if (s->fd >= 0) close(s->fd);
    hg_free(s);
}

/* What SSL_read and friends left behind. The error queue belongs to the thread: it is emptied before each call. */
static hg_io judge(hg_session *s, int result) {
    const int error = SSL_get_error(s->ssl, result);
    if (error == SSL_ERROR_WANT_READ) return HG_IO_READ;
    if (error == SSL_ERROR_WANT_WRITE) return HG_IO_WRITE;
    s->reason = ERR_peek_last_error();
    s->verdict = SSL_get_verify_result(s->ssl);
    const bool end =
        ERR_GET_LIB(s->reason) == ERR_LIB_SSL && ERR_GET_REASON(s->reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    s->closed = error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SYSCALL || end;
    ERR_clear_error();
    return s->closed ? HG_IO_CLOSED : HG_IO_FAILED;
}

hg_io hg_session_handshake(hg_session *s) {
    ERR_clear_error();
    const int result = SSL_do_handshake(s->ssl);
    if (result != 1) return judge(s, result);
    s->ready = true;
    return HG_IO_DONE;
}

hg_io hg_session_read(size_t *got, hg_session *s, void *bytes, size_t n) {
    *got = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(s->ssl, bytes, n, got);
    return result == 1 ? HG_IO_DONE : judge(s, result);
}

hg_io hg_session_write(size_t *put, hg_session *s, const void *bytes, size_t n) {
    *put = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(s->ssl, bytes, n, put);
    return result == 1 ? HG_IO_DONE : judge(s, result);
}

/* ---- words for failures --------------------------------------------------------------------------------------------------- */

typedef struct {
    int code; /* of X.509 or of OpenSSL's SSL library */
    hg_status status;
    const char *words, *advice;
} failure;

/* Our judgement of the peer's certificate. */
static const failure VERDICTS[] = {
    { X509_V_ERR_HOSTNAME_MISMATCH, HG_EREFUSED, "shows the certificate of somebody else",
      "is the address in cluster.yaml right? has its name changed?" },
    { X509_V_ERR_CERT_HAS_EXPIRED, HG_EREFUSED, "shows a certificate that has expired",
      "its operator requests a new one" },
    { X509_V_ERR_CERT_NOT_YET_VALID, HG_EREFUSED, "shows a certificate that is not valid yet",
      "are both machines' clocks right?" },
    { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, HG_EREFUSED, "shows a certificate that it signed itself",
      "members need certificates of the cluster's authority" },
    { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, HG_EREFUSED, "shows a certificate of another authority",
      "members need certificates of the cluster's authority" },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, HG_EREFUSED, "shows a certificate of another authority",
      "members need certificates of the cluster's authority" },
    { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, HG_EREFUSED, "shows a certificate of another authority",
      "members need certificates of the cluster's authority" },
    { X509_V_ERR_CERT_SIGNATURE_FAILURE, HG_EREFUSED, "shows a certificate that the cluster's authority did not sign",
      "" },
    { X509_V_ERR_INVALID_PURPOSE, HG_EREFUSED, "shows a certificate that is not for this side of a connection",
      "only a server's certificate may answer as a server" },
};

/* What went wrong in the handshake itself; an alert is the peer's judgement of us. */
static const failure REASONS[] = {
    { SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, HG_EREFUSED, "shows no certificate", "every member needs one" },
    { SSL_R_UNSUPPORTED_PROTOCOL, HG_EREFUSED, "does not speak TLS 1.3", "" },
    { SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, HG_EREFUSED, "does not speak TLS 1.3", "" },
    { SSL_R_WRONG_VERSION_NUMBER, HG_EREFUSED, "does not speak TLS", "is this the right port?" },
    { SSL_R_HTTP_REQUEST, HG_EREFUSED, "speaks HTTP, not TLS", "is this the right port?" },
    { SSL_R_HTTPS_PROXY_REQUEST, HG_EREFUSED, "speaks HTTP, not TLS", "is this the right port?" },
    { SSL_R_NO_SHARED_CIPHER, HG_EREFUSED, "has no cipher in common with us", "" },
    { SSL_R_NO_SHARED_GROUPS, HG_EREFUSED, "has no key exchange in common with us", "" },
    { SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, HG_EREFUSED, "takes no Ed25519 certificates", "" },
    { SSL_R_WRONG_SIGNATURE_TYPE, HG_EREFUSED, "shows a certificate that is not Ed25519", "" },
    { SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, HG_EREFUSED, "misses our certificate", "" },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, HG_EREFUSED, "refuses our certificate: it has expired by its clock",
      "request a new one from the authority" },
    { SSL_R_TLSV1_ALERT_UNKNOWN_CA, HG_EREFUSED, "refuses our certificate: it knows another authority",
      "are both sides members of the same cluster?" },
    { SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, HG_EREFUSED, "refuses our certificate",
      "its log says why: perhaps our clock, or our name" },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, HG_EREFUSED, "refuses our certificate", "its log says why" },
    { SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, HG_EREFUSED,
      "refuses our certificate: it is not for this side of a connection", "" },
    { SSL_R_TLSV1_ALERT_DECRYPT_ERROR, HG_EREFUSED, "refuses our certificate: its signature is wrong",
      "are both sides members of the same cluster?" },
    { SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, HG_EREFUSED, "has no kind of connection in common with us", "" },
    { SSL_R_TLSV1_ALERT_ACCESS_DENIED, HG_EREFUSED, "refuses us", "" },
};

static const failure *find(const failure *table, size_t n, long code) {
    for (size_t i = 0; i < n; i++)
        if (table[i].code == code) return &table[i];
    return NULL;
}

hg_status hg_session_fail(hg_session *s, const char *who, const char *when, hg_err *err) {
    char text[128];
    if (s->closed && s->system)
        return hg_fail(err, HG_EPARTY, "%s: the connection broke %s: %s", who, when,
                       strerror_r(s->system, text, sizeof text));
    if (s->closed) return hg_fail(err, HG_EPARTY, "%s: closed the connection %s", who, when);
    const failure *f = NULL;
    if (s->verdict != X509_V_OK) {
        f = find(VERDICTS, sizeof VERDICTS / sizeof *VERDICTS, s->verdict);
        if (!f)
            return hg_fail(err, HG_EREFUSED, "%s: shows a certificate that cannot be taken: %s", who,
                           X509_verify_cert_error_string(s->verdict));
    } else if (ERR_GET_LIB(s->reason) == ERR_LIB_SSL) {
        f = find(REASONS, sizeof REASONS / sizeof *REASONS, ERR_GET_REASON(s->reason));
    }
    if (f && *f->advice) return hg_advise(err, hg_fail(err, f->status, "%s: %s", who, f->words), "%s", f->advice);
    if (f) return hg_fail(err, f->status, "%s: %s", who, f->words);
    const char *reason = ERR_reason_error_string(s->reason);
    return hg_fail(err, s->ready ? HG_ECHEAT : HG_EREFUSED, "%s: TLS failed %s: %s", who, when,
                   reason ? reason : "unknown reason");
}

/* ---- the rest -------------------------------------------------------------------------------------------------------------- */

int hg_session_fd(const hg_session *s) { return s->fd; }

/* No certificate, or one that was not verified, cannot come this far; it is asked again all the same. */
hg_status hg_session_peer(hg_certificate *out, const hg_session *s, hg_err *err) {
    X509 *x = s->ready ? SSL_get0_peer_certificate(s->ssl) : NULL;
    if (!x || SSL_get_verify_result(s->ssl) != X509_V_OK || SSL_version(s->ssl) != TLS1_3_VERSION)
        return hg_fail(err, HG_EREFUSED, "the peer has not shown a certificate that holds");
    return hg_x509_describe(out, x, err);
}

hg_status hg_session_export(unsigned char key[32], hg_session *s, const char *label, hg_err *err) {
    ERR_clear_error();
    if (s->ready && SSL_export_keying_material(s->ssl, key, 32, label, strlen(label), NULL, 0, 0) == 1) return HG_OK;
    return hg_crypto_fail(err, HG_EIO, "no key could be derived from the connection");
}

void hg_session_say_goodbye(hg_session *s) {
    ERR_clear_error();
    if (s->ready) SSL_shutdown(s->ssl);
    ERR_clear_error();
}

/* The kernel's buffers of both ends hold some 40 MiB of a message that its sender has not yet stopped. */
enum { LINGER_MOST = 64 << 20 };

void hg_session_linger(hg_session *s, int ms) {
    char waste[4096];
    const int64_t end = hg_world_ms(s->world) + ms;
    size_t most = LINGER_MOST;
    if (shutdown(s->fd, SHUT_WR) != 0) return;
    for (int64_t left = ms; left > 0 && most > 0; left = end - hg_world_ms(s->world)) {
        struct pollfd p = { .fd = s->fd, .events = POLLIN };
        if (poll(&p, 1, (int)left) < 0 && errno != EINTR) return;
        if (!p.revents) continue;
        const ssize_t got = recv(s->fd, waste, sizeof waste, 0);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return;
        if (got > 0) most -= (size_t)got < most ? (size_t)got : most;
    }
}

void hg_session_wire(const hg_session *s, uint64_t *out, uint64_t *in) {
    *out = s->out;
    *in = s->in;
}
