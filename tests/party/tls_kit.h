/* tests/party/tls_kit.h -- two members, one of whom may be played by OpenSSL and the test itself */
#ifndef TLS_KIT_H
#define TLS_KIT_H
#include "ends.h"
#include "party/frame.h"
#include "party/ready.h"
#include "test.h"
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 86400 };

static inline void check(const end *e, hg_status code, const char *words) {
    if (e->st != code || !strstr(e->err.msg, words))
        fail_msg("status %s, \"%s\"; expected %s, \"%s\"", hg_status_name(e->st), e->err.msg, hg_status_name(code),
                 words);
    assert_true((e->link != NULL) == (code == HG_OK));
}

/* ---- peers that are none: OpenSSL by hand, or bytes ---------------------------------------------------------------------------- */

typedef struct raw raw;
struct raw {
    void (*play)(raw *r, SSL *ssl, int fd);
    const char *folder; /* whose key and certificate it shows; NULL: none */
    bool self_signed, plain, server;
    int version; /* the highest */
    end_pair *s;
    int listener, fd;
    uint16_t port;
    pthread_t thread;
    unsigned char kept[HG_FRAME_HEADER * 2 + HG_HELLO_SIZE + HG_SIGNATURE]; /* hello and ready of the first time */
    size_t n_kept;
    int times;
};

static inline EVP_PKEY *self_sign(SSL_CTX *c) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    ASN1_TIME_set(X509_getm_notBefore(x), FAKE_NOW - DAY);
    ASN1_TIME_set(X509_getm_notAfter(x), FAKE_NOW + DAY);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"server-1", -1, -1,
                               0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    X509_sign(x, key, NULL);
    SSL_CTX_use_certificate(c, x);
    X509_free(x);
    return key;
}

/* Checks nothing: a hostile peer would not either. */
static inline SSL *raw_ssl(raw *r, SSL_CTX **ctx) {
    char path[512];
    *ctx = SSL_CTX_new(TLS_method());
    SSL_CTX_set_max_proto_version(*ctx, r->version);
    SSL_CTX_set_verify(*ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(*ctx, NULL, NULL);
    SSL_CTX_set_verify(*ctx, SSL_VERIFY_NONE, NULL);
    if (r->self_signed) {
        EVP_PKEY *key = self_sign(*ctx);
        SSL_CTX_use_PrivateKey(*ctx, key);
        EVP_PKEY_free(key);
    } else if (r->folder) {
        char file[512];
        test_members_path(path, sizeof path, &r->s->m, r->folder);
        snprintf(file, sizeof file, "%.400s/certificate.pem", path);
        SSL_CTX_use_certificate_file(*ctx, file, SSL_FILETYPE_PEM);
        snprintf(file, sizeof file, "%.400s/signing.key", path);
        SSL_CTX_use_PrivateKey_file(*ctx, file, SSL_FILETYPE_PEM);
    }
    SSL *ssl = SSL_new(*ctx);
    SSL_set_fd(ssl, r->fd);
    return ssl;
}

static inline void *run_raw(void *self) {
    raw *r = self;
    SSL_CTX *ctx = NULL;
    SSL *ssl = NULL;
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE); /* OpenSSL's own sockets raise it; it is for our side that it must not come */
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    if (r->server) r->fd = accept(r->listener, NULL, NULL);
    if (r->fd < 0) return NULL;
    const struct timeval most = { 8, 0 };
    setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    if (!r->plain) {
        ssl = raw_ssl(r, &ctx);
        const int done = r->server ? SSL_accept(ssl) : SSL_connect(ssl);
        if (done != 1) {
            SSL_free(ssl);
            ssl = NULL;
        }
    }
    if ((r->plain || ssl) && r->play) r->play(r, ssl, r->fd);
    char waste[4096];
    if (ssl)
        while (SSL_read(ssl, waste, sizeof waste) > 0) {}
    else
        while (recv(r->fd, waste, sizeof waste, 0) > 0) {}
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(r->fd);
    ERR_clear_error();
    OPENSSL_thread_stop();
    return NULL;
}

static struct sockaddr_in loopback(uint16_t port) {
    return (struct sockaddr_in) { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* The raw peer answers, ours connects. */
static inline void against_raw_server(end_pair *s, raw *r) {
    struct sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    r->s = s;
    r->server = true;
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(r->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(r->listener, 1), 0);
    assert_int_equal(getsockname(r->listener, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(pthread_create(&r->thread, NULL, run_raw, r), 0);
    end_connect(&s->a, 1, ntohs(at.sin_port));
    pthread_join(r->thread, NULL);
    close(r->listener);
}

/* Ours answers, the raw peer connects. */
static inline void against_raw_client(end_pair *s, raw *r) {
    r->s = s;
    r->server = false;
    end_begin_accept(&s->b);
    const struct sockaddr_in at = loopback(end_port(&s->b));
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(r->fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(pthread_create(&r->thread, NULL, run_raw, r), 0);
    end_finish_accept(&s->b);
    pthread_join(r->thread, NULL);
}

static inline void say_nothing(raw *r, SSL *ssl, int fd) { (void)r, (void)ssl, (void)fd; }

#endif
