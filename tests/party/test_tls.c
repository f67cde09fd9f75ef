/* tests/party/test_tls.c -- who is not let in: each way to be the wrong one, on both sides, and what is said about it */
#include "ends.h"
#include "party/frame.h"
#include "party/ready.h"
#include "test.h"
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 86400 };

typedef struct {
    fake_world world, later; /* `later` is the clock of the side that judges */
    test_members m;
    end a, b; /* a connects, b accepts as server 1 */
} scene;

static void open_scene(scene *s, const char *name) {
    memset(s, 0, sizeof *s);
    s->world = fake_world_make(11);
    s->later = fake_world_make(12);
    test_members_make(&s->m, name, &s->world);
    end_make(&s->a, &s->world, s->m.server[0], &s->m.cluster);
    end_make(&s->b, &s->world, s->m.server[1], &s->m.cluster);
}

static void close_scene(scene *s) {
    end_free(&s->a);
    end_free(&s->b);
    test_members_free(&s->m);
}

static void check(const end *e, hg_status code, const char *words) {
    if (e->st != code || !strstr(e->err.msg, words))
        fail_msg("status %s, \"%s\"; expected %s, \"%s\"", hg_status_name(e->st), e->err.msg, hg_status_name(code),
                 words);
    assert_true((e->link != NULL) == (code == HG_OK));
}

/* Another identity in the place of `e`'s, of the same cluster file. */
static void replace(end *e, fake_world *w, const hg_identity *id, const char *authority) {
    hg_err err;
    hg_tls_free(e->tls);
    assert_ok_err(hg_tls_new(&e->tls, id, authority, fake_world_of(w), &err), err);
}

static hg_identity *new_member(scene *s, const char *folder, const char *name, unsigned roles, const char *authority) {
    char path[512], ca[512];
    hg_identity *id;
    hg_err err;
    test_members_path(path, sizeof path, &s->m, folder);
    test_members_path(ca, sizeof ca, &s->m, authority);
    assert_ok_err(hg_identity_create(path, name, roles, ca, NULL, fake_world_of(&s->world), &err), err);
    assert_ok_err(hg_identity_load(&id, path, NULL, fake_world_of(&s->world), &err), err);
    return id;
}

static void the_right_ones_are_let_in(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "tls-right");
    ends_open(&s.a, &s.b, 1);
    check(&s.a, HG_OK, "");
    check(&s.b, HG_OK, "");
    assert_string_equal(hg_link_peer(s.a.link), "server-1");
    assert_string_equal(hg_link_peer(s.b.link), "server-0");
    assert_int_equal(hg_link_visitor(s.b.link)->party, 0);
    assert_int_equal(hg_link_visitor(s.b.link)->purpose, HG_PURPOSE_CONTROL);
    close_scene(&s);
}

/* ---- what is missing is an error, never "no check" -------------------------------------------------------------------------- */

static void missing_authority_name_or_pin(void **state) {
    (void)state;
    scene s;
    hg_tls *t;
    hg_err err;
    open_scene(&s, "tls-missing");
    const hg_world *w = fake_world_of(&s.world);
    assert_int_equal(hg_tls_new(&t, s.m.server[0], "", w, &err), HG_EINVAL);
    assert_int_equal(hg_tls_new(&t, NULL, s.m.cluster.authority, w, &err), HG_EINVAL);
    assert_int_equal(hg_tls_new(&t, s.m.server[0], "/absent.pem", w, &err), HG_EIO);
    char leaf[512];
    test_members_path(leaf, sizeof leaf, &s.m, "server-0/certificate.pem");
    assert_int_equal(hg_tls_new(&t, s.m.server[0], leaf, w, &err), HG_EPARSE);
    assert_contains(err.msg, "not the certificate of an authority");
    test_members_path(leaf, sizeof leaf, &s.m, "second");
    assert_ok(hg_authority_create(leaf, "second", NULL, w, NULL));
    test_members_path(leaf, sizeof leaf, &s.m, "second/authority.pem");
    assert_int_equal(hg_tls_new(&t, s.m.server[0], leaf, w, &err), HG_EREFUSED);
    assert_contains(err.msg, "was not issued by the authority \"second\"");
    assert_null(t);

    hg_link *k;
    s.a.o.cluster = NULL;
    assert_int_equal(hg_link_connect(&k, s.a.tls, 1, &s.a.o, &err), HG_EINVAL);
    s.a.o.cluster = &s.a.cluster;
    assert_int_equal(hg_link_connect(&k, s.a.tls, 3, &s.a.o, &err), HG_EINVAL);
    memset(s.a.cluster.server[1].signing_key, 0, HG_PUBLIC_KEY);
    assert_int_equal(hg_link_connect(&k, s.a.tls, 1, &s.a.o, &err), HG_EINVAL);
    assert_contains(err.msg, "pins no key of server-1");
    s.a.cluster = s.m.cluster;
    s.a.cluster.server[1].name[0] = '\0';
    assert_int_equal(hg_link_connect(&k, s.a.tls, 1, &s.a.o, &err), HG_EINVAL);
    s.a.o.purpose = 0;
    s.a.cluster = s.m.cluster;
    assert_int_equal(hg_link_connect(&k, s.a.tls, 1, &s.a.o, &err), HG_EINVAL);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    s.b.o.cluster = NULL;
    assert_int_equal(hg_link_accept(&k, s.b.tls, pair[0], &s.b.o, &err), HG_EINVAL);
    assert_int_equal(close(pair[0]), -1); /* it was taken over in any case */
    close(pair[1]);
    close_scene(&s);
}

/* ---- certificates that are in order, of the wrong one ------------------------------------------------------------------------ */

static void wrong_name(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "tls-name");
    replace(&s.b, &s.world, s.m.server[2], s.m.cluster.authority); /* server 2 where server 1 should be */
    ends_open(&s.a, &s.b, 1);
    check(&s.a, HG_EREFUSED, "server-1: shows the certificate of somebody else");
    check(&s.b, HG_EREFUSED, "refuses our certificate");
    /* and a server that the cluster does not have */
    hg_identity *stranger = new_member(&s, "server-9", "server-9", HG_ROLE_SERVER, "authority");
    replace(&s.a, &s.world, stranger, s.m.cluster.authority);
    replace(&s.b, &s.world, s.m.server[1], s.m.cluster.authority);
    end_close(&s.b);
    ends_open(&s.a, &s.b, 1);
    check(&s.b, HG_EREFUSED, "server-9: is no server of the cluster tests");
    check(&s.a, HG_EREFUSED, "server-1: server-9: is no server of the cluster tests");
    hg_identity_free(stranger);
    close_scene(&s);
}

static void wrong_pin(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "tls-pin");
    hg_identity *twin = new_member(&s, "twin", "server-1", HG_ROLE_SERVER, "authority");
    replace(&s.b, &s.world, twin, s.m.cluster.authority); /* the authority issued a second certificate of that name */
    ends_open(&s.a, &s.b, 1);
    check(&s.a, HG_EREFUSED, "server-1: has another key than cluster.yaml says");
    check(&s.b, HG_EREFUSED, "server-0: server-1: has another key");
    hg_identity *twin0 = new_member(&s, "twin0", "server-0", HG_ROLE_SERVER, "authority");
    replace(&s.a, &s.world, twin0, s.m.cluster.authority);
    replace(&s.b, &s.world, s.m.server[1], s.m.cluster.authority);
    end_close(&s.b);
    ends_open(&s.a, &s.b, 1);
    check(&s.b, HG_EREFUSED, "server-0: has another key than cluster.yaml says");
    check(&s.a, HG_EREFUSED, "another key");
    hg_identity_free(twin);
    hg_identity_free(twin0);
    close_scene(&s);
}

static void foreign_authority(void **state) {
    (void)state;
    scene s;
    char ca[512];
    open_scene(&s, "tls-foreign");
    test_members_path(ca, sizeof ca, &s.m, "second");
    assert_ok(hg_authority_create(ca, "tests", NULL, fake_world_of(&s.world), NULL)); /* even of the same name */
    hg_identity *foreign = new_member(&s, "foreign", "server-1", HG_ROLE_SERVER, "second");
    test_members_path(ca, sizeof ca, &s.m, "second/authority.pem");
    replace(&s.b, &s.world, foreign, ca);
    ends_open(&s.a, &s.b, 1);
    check(&s.a, HG_EREFUSED, "server-1: shows a certificate");
    check(&s.b, HG_EREFUSED, "refuses our certificate");
    /* the other way round: the foreign one connects; it believes in a's authority, so that only the acceptor can refuse */
    hg_identity *foreign0 = new_member(&s, "foreign0", "server-0", HG_ROLE_SERVER, "second");
    replace(&s.a, &s.world, foreign0, ca);
    replace(&s.b, &s.world, s.m.server[1], s.m.cluster.authority);
    end_close(&s.b);
    ends_open(&s.a, &s.b, 1);
    assert_int_equal(s.a.st, HG_EREFUSED);
    assert_int_equal(s.b.st, HG_EREFUSED);
    assert_null(s.a.link);
    assert_null(s.b.link);
    hg_identity_free(foreign);
    hg_identity_free(foreign0);
    close_scene(&s);
}

/* The judging side's clock is moved: its peer's certificate is past its time, or before it. */
static void expired_and_not_yet_valid(void **state) {
    (void)state;
    scene s;
    static const struct {
        int64_t days;
        const char *ours, *theirs;
    } cases[] = { { 366, "shows a certificate that has expired", "refuses our certificate: it has expired" },
                  { -1, "shows a certificate that is not valid yet", "refuses our certificate" } };
    open_scene(&s, "tls-dates");
    for (size_t i = 0; i < 2; i++) {
        s.later.now = FAKE_NOW + cases[i].days * DAY;
        replace(&s.a, &s.later, s.m.server[0], s.m.cluster.authority);
        replace(&s.b, &s.world, s.m.server[1], s.m.cluster.authority);
        ends_open(&s.a, &s.b, 1);
        check(&s.a, HG_EREFUSED, cases[i].ours);
        check(&s.b, HG_EREFUSED, cases[i].theirs);
        end_close(&s.b);
        replace(&s.a, &s.world, s.m.server[0], s.m.cluster.authority);
        replace(&s.b, &s.later, s.m.server[1], s.m.cluster.authority);
        ends_open(&s.a, &s.b, 1);
        check(&s.b, HG_EREFUSED, cases[i].ours);
        check(&s.a, HG_EREFUSED, cases[i].theirs);
        end_close(&s.b);
    }
    close_scene(&s);
}

static void an_owner_is_no_server(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "tls-owner");
    /* as a client: not admitted unless somebody says so, and never to what servers do among themselves */
    replace(&s.a, &s.world, s.m.owner, s.m.cluster.authority);
    ends_open(&s.a, &s.b, 1);
    check(&s.b, HG_EREFUSED, "owner-a: is no server, but wants to speak about the servers' own business");
    check(&s.a, HG_EREFUSED, "is no server");
    end_close(&s.b);
    s.a.o.purpose = HG_PURPOSE_CLIENT;
    ends_open(&s.a, &s.b, 1);
    check(&s.b, HG_EREFUSED, "owner-a: only servers may connect here");
    end_close(&s.b);
    /* as a server, even with a server's name: TLS refuses a certificate that is for clients */
    hg_identity *actor = new_member(&s, "actor", "server-1", HG_ROLE_OWNER, "authority");
    replace(&s.a, &s.world, s.m.server[0], s.m.cluster.authority);
    replace(&s.b, &s.world, actor, s.m.cluster.authority);
    ends_open(&s.a, &s.b, 1);
    check(&s.a, HG_EREFUSED, "server-1: shows a certificate that is not for this side");
    assert_int_equal(s.b.st, HG_EREFUSED);
    end_close(&s.b);
    replace(&s.b, &s.world, s.m.server[0], s.m.cluster.authority); /* a server that calls itself */
    s.a.cluster.server[1] = s.m.cluster.server[0];
    snprintf(s.a.cluster.server[0].name, HG_NAME_SIZE, "other");
    s.a.o.purpose = HG_PURPOSE_CONTROL; /* as a client its operator may */
    ends_open(&s.a, &s.b, 1);
    check(&s.a, HG_EREFUSED, "is this member itself");
    hg_identity_free(actor);
    close_scene(&s);
}

static hg_status nobody_today(void *self, const hg_visitor *v, hg_err *err) {
    *(hg_visitor *)self = *v;
    return hg_advise(err, hg_fail(err, HG_ELIMIT, "%s: too many guests", v->peer.name), "come back tomorrow");
}

static void the_host_may_refuse(void **state) {
    (void)state;
    scene s;
    hg_visitor seen;
    open_scene(&s, "tls-host");
    replace(&s.a, &s.world, s.m.user, s.m.cluster.authority);
    s.a.o.purpose = HG_PURPOSE_CLIENT;
    memset(s.a.o.digest, 0x42, HG_DIGEST);
    s.a.o.attempt = 5;
    s.b.o.admit = nobody_today;
    s.b.o.self = &seen;
    ends_open(&s.a, &s.b, 1);
    check(&s.b, HG_ELIMIT, "user-c: too many guests");
    check(&s.a, HG_ELIMIT, "server-1: user-c: too many guests"); /* the guest hears it, advice and all */
    assert_string_equal(s.a.err.hint, "come back tomorrow");
    assert_true(seen.party == -1 && seen.attempt == 5 && seen.digest[31] == 0x42 && seen.purpose == HG_PURPOSE_CLIENT);
    assert_int_equal(seen.peer.roles, HG_ROLE_OWNER | HG_ROLE_USER);
    close_scene(&s);
}

/* ---- peers that are none: OpenSSL by hand, or bytes ---------------------------------------------------------------------------- */

typedef struct raw raw;
struct raw {
    void (*play)(raw *r, SSL *ssl, int fd);
    const char *folder; /* whose key and certificate it shows; NULL: none */
    bool self_signed, plain, server;
    int version; /* the highest */
    scene *s;
    int listener, fd;
    uint16_t port;
    pthread_t thread;
    unsigned char kept[HG_FRAME_HEADER * 2 + HG_HELLO_SIZE + HG_SIGNATURE]; /* hello and ready of the first time */
    size_t n_kept;
    int times;
};

static EVP_PKEY *self_sign(SSL_CTX *c) {
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
static SSL *raw_ssl(raw *r, SSL_CTX **ctx) {
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

static void *run_raw(void *self) {
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
static void against_raw_server(scene *s, raw *r) {
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
static void against_raw_client(scene *s, raw *r) {
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

static void self_signed(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "tls-self");
    raw r = { .self_signed = true, .version = TLS1_3_VERSION };
    against_raw_server(&s, &r);
    check(&s.a, HG_EREFUSED, "server-1: shows a certificate that it signed itself");
    against_raw_client(&s, &r);
    check(&s.b, HG_EREFUSED, "shows a certificate that it signed itself");
    close_scene(&s);
}

static void tls_1_2(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "tls-12");
    raw r = { .folder = "server-1", .version = TLS1_2_VERSION };
    against_raw_server(&s, &r);
    check(&s.a, HG_EREFUSED, "server-1: does not speak TLS 1.3");
    r.folder = "server-0";
    against_raw_client(&s, &r);
    check(&s.b, HG_EREFUSED, "does not speak TLS 1.3");
    close_scene(&s);
}

static void no_client_certificate(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "tls-none");
    raw r = { .version = TLS1_3_VERSION };
    against_raw_client(&s, &r);
    check(&s.b, HG_EREFUSED, "shows no certificate");
    assert_contains(s.b.err.msg, "127.0.0.1:"); /* a stranger is named by where it comes from */
    close_scene(&s);
}

/* ---- bytes instead of TLS ------------------------------------------------------------------------------------------------------ */

static void say_garbage(raw *r, SSL *ssl, int fd) {
    (void)r, (void)ssl;
    if (send(fd, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n0123456789", 40, MSG_NOSIGNAL) < 0) return;
}

static void say_http(raw *r, SSL *ssl, int fd) {
    (void)r, (void)ssl;
    if (send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, MSG_NOSIGNAL) < 0) return;
}

static void say_half_a_hello(raw *r, SSL *ssl, int fd) {
    static const unsigned char half[] = { 22, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3, 7, 7, 7 };
    (void)r, (void)ssl;
    if (send(fd, half, sizeof half, MSG_NOSIGNAL) < 0) return;
    shutdown(fd, SHUT_WR);
}

static void say_nothing(raw *r, SSL *ssl, int fd) { (void)r, (void)ssl, (void)fd; }

/* One byte now and then: each is progress, the whole is not. */
static void drip(raw *r, SSL *ssl, int fd) {
    static const unsigned char hello[5] = { 22, 3, 1, 1, 0 };
    (void)r, (void)ssl;
    for (int i = 0; i < 100; i++) {
        usleep(20000);
        if (send(fd, i < 5 ? &hello[i] : &hello[4], 1, MSG_NOSIGNAL) < 0) return;
    }
}

static void bytes_that_are_no_tls(void **state) {
    (void)state;
    scene s;
    static const struct {
        void (*play)(raw *r, SSL *ssl, int fd);
        hg_status code;
        const char *words;
    } cases[] = {
        { say_garbage, HG_EREFUSED, "does not speak TLS" },
        { say_http, HG_EREFUSED, "speak" },
        { say_half_a_hello, HG_EPARTY, "closed the connection during the TLS handshake" },
        { say_nothing, HG_EPARTY, "was not ready within 300 ms, during the TLS handshake" },
        { drip, HG_EPARTY, "was not ready within 300 ms, during the TLS handshake" },
    };
    open_scene(&s, "tls-bytes");
    s.a.o.handshake_ms = s.b.o.handshake_ms = 300;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        raw r = { .play = cases[i].play, .plain = true };
        against_raw_server(&s, &r);
        check(&s.a, cases[i].code, cases[i].words);
        against_raw_client(&s, &r);
        check(&s.b, cases[i].code, cases[i].words);
        end_close(&s.b);
    }
    close_scene(&s);
}

/* ---- after TLS: hello and ready --------------------------------------------------------------------------------------------------- */

static bool write_all(SSL *ssl, const void *bytes, size_t n) {
    size_t put;
    return SSL_write_ex(ssl, bytes, n, &put) == 1 && put == n;
}

static bool read_all(SSL *ssl, unsigned char *bytes, size_t n) {
    size_t got = 0, piece;
    for (; got < n; got += piece)
        if (SSL_read_ex(ssl, bytes + got, n - got, &piece) != 1) return false;
    return true;
}

static size_t put_frame(unsigned char *at, uint16_t kind, const void *payload, size_t n) {
    hg_frame_write(at, &(hg_frame) { .length = (uint32_t)n, .kind = kind });
    memcpy(at + HG_FRAME_HEADER, payload, n);
    return HG_FRAME_HEADER + n;
}

static bool take_frame(SSL *ssl, uint16_t kind, unsigned char *payload, size_t n) {
    unsigned char header[HG_FRAME_HEADER];
    hg_frame f;
    return read_all(ssl, header, sizeof header) && hg_frame_read(&f, header, 4096, NULL) == HG_OK && f.kind == kind &&
           f.length == n && read_all(ssl, payload, n);
}

enum { FRAMED_HELLO = HG_FRAME_HEADER + HG_HELLO_SIZE, FRAMED_READY = HG_FRAME_HEADER + HG_SIGNATURE };

static void make_hello(raw *r, hg_hello *h) {
    *h = (hg_hello) { .purpose = HG_PURPOSE_CONTROL, .roles = HG_ROLE_SERVER, .version = HG_VERSION };
    memset(h->nonce, 0x33, sizeof h->nonce);
    hg_hello_write(r->kept + HG_FRAME_HEADER, h);
    hg_frame_write(r->kept, &(hg_frame) { .length = HG_HELLO_SIZE, .kind = HG_KIND_HELLO });
}

static void sign_ready(raw *r, SSL *ssl, const hg_hello *ours, const hg_hello *theirs, unsigned side) {
    const hg_identity *me = r->s->m.server[side], *you = r->s->m.server[!side];
    unsigned char exporter[32], signature[HG_SIGNATURE];
    static const char label[] = "EXPORTER-hagane-ready-v1";
    SSL_export_keying_material(ssl, exporter, 32, label, sizeof label - 1, NULL, 0, 0);
    hg_ready all = { .exporter = exporter };
    all.hello[side] = ours;
    all.hello[!side] = theirs;
    all.certificate[side] = hg_identity_certificate(me);
    all.certificate[!side] = hg_identity_certificate(you);
    hg_ready_sign(signature, me, &all, side);
    put_frame(r->kept + FRAMED_HELLO, HG_KIND_READY, signature, HG_SIGNATURE);
}

/* Server 0 by hand. The first time it does all as it should; the second time it says the same bytes again. */
static void connect_by_hand(raw *r, SSL *ssl, int fd) {
    unsigned char payload[HG_HELLO_SIZE], signature[HG_SIGNATURE];
    hg_hello ours, theirs;
    (void)fd;
    if (!r->times) make_hello(r, &ours);
    if (!write_all(ssl, r->kept, FRAMED_HELLO) || !take_frame(ssl, HG_KIND_HELLO, payload, sizeof payload) ||
        !take_frame(ssl, HG_KIND_READY, signature, sizeof signature) ||
        hg_hello_read(&theirs, payload, sizeof payload, NULL) != HG_OK)
        return;
    if (!r->times++) sign_ready(r, ssl, &ours, &theirs, 0);
    if (!write_all(ssl, r->kept + FRAMED_HELLO, FRAMED_READY)) return;
}

/* Server 1 by hand, likewise. */
static void accept_by_hand(raw *r, SSL *ssl, int fd) {
    unsigned char payload[HG_HELLO_SIZE];
    hg_hello ours, theirs;
    if (!take_frame(ssl, HG_KIND_HELLO, payload, sizeof payload) ||
        hg_hello_read(&theirs, payload, sizeof payload, NULL) != HG_OK)
        return;
    if (!r->times++) {
        make_hello(r, &ours);
        sign_ready(r, ssl, &ours, &theirs, 1);
    }
    if (!write_all(ssl, r->kept, FRAMED_HELLO + FRAMED_READY)) return;
    if (take_frame(ssl, HG_KIND_READY, payload, HG_SIGNATURE)) shutdown(fd, SHUT_RDWR);
}

static void a_replayed_ready_message(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "tls-replay");
    raw client = { .folder = "server-0", .version = TLS1_3_VERSION, .play = connect_by_hand };
    end_begin_accept(&s.b); /* the first time it is right: the test would see a mistake in the hand-made messages */
    end_close(&s.a);
    const struct sockaddr_in at = loopback(end_port(&s.b));
    client.s = &s;
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client.fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(pthread_create(&client.thread, NULL, run_raw, &client), 0);
    end_finish_accept(&s.b);
    check(&s.b, HG_OK, "");
    end_close(&s.b);
    pthread_join(client.thread, NULL);
    against_raw_client(&s, &client);
    check(&s.b, HG_EREFUSED, "server-0: sent a ready message that was not signed for this connection");

    raw server = { .folder = "server-1", .version = TLS1_3_VERSION, .play = accept_by_hand };
    against_raw_server(&s, &server);
    check(&s.a, HG_OK, "");
    end_close(&s.a);
    against_raw_server(&s, &server);
    check(&s.a, HG_EREFUSED, "server-1: sent a ready message that was not signed for this connection");
    close_scene(&s);
}

/* Our own ready message sent back to us. */
static void reflect(raw *r, SSL *ssl, int fd) {
    unsigned char payload[HG_HELLO_SIZE];
    (void)r, (void)fd;
    if (!take_frame(ssl, HG_KIND_HELLO, payload, sizeof payload)) return;
    put_frame(r->kept, HG_KIND_HELLO, payload, sizeof payload);
    memset(r->kept + FRAMED_HELLO, 0x11, FRAMED_READY);
    hg_frame_write(r->kept + FRAMED_HELLO, &(hg_frame) { .length = HG_SIGNATURE, .kind = HG_KIND_READY });
    if (!write_all(ssl, r->kept, sizeof r->kept)) return;
}

static void too_long(raw *r, SSL *ssl, int fd) {
    unsigned char header[HG_FRAME_HEADER];
    (void)r, (void)fd;
    hg_frame_write(header, &(hg_frame) { .length = HG_FRAME_UNKNOWN + 1, .kind = HG_KIND_HELLO });
    if (!write_all(ssl, header, sizeof header)) return;
}

static void too_short(raw *r, SSL *ssl, int fd) {
    unsigned char frame[HG_FRAME_HEADER + 8] = { 0 };
    (void)r, (void)fd;
    hg_frame_write(frame, &(hg_frame) { .length = 8, .kind = HG_KIND_HELLO });
    if (!write_all(ssl, frame, sizeof frame)) return;
}

static void too_early(raw *r, SSL *ssl, int fd) {
    unsigned char frame[HG_FRAME_HEADER + 8] = { 0 };
    (void)r, (void)fd;
    hg_frame_write(frame, &(hg_frame) { .length = 8, .kind = HG_KIND_SERVER });
    if (!write_all(ssl, frame, sizeof frame)) return;
}

static void zeros(raw *r, SSL *ssl, int fd) {
    static const unsigned char zero[200];
    (void)r, (void)fd;
    if (!write_all(ssl, zero, sizeof zero)) return;
}

/* The hello a byte at a time: each is progress, the whole is too slow. */
static void drip_hello(raw *r, SSL *ssl, int fd) {
    hg_hello h;
    (void)fd;
    make_hello(r, &h);
    for (size_t i = 0; i < FRAMED_HELLO; i++) {
        usleep(20000);
        if (!write_all(ssl, r->kept + i, 1)) return;
    }
}

static void leave(raw *r, SSL *ssl, int fd) {
    (void)r, (void)fd;
    SSL_shutdown(ssl);
    shutdown(fd, SHUT_RDWR);
}

static void other_role(raw *r, SSL *ssl, int fd) {
    hg_hello h;
    (void)fd;
    make_hello(r, &h);
    h.roles = HG_ROLE_OWNER;
    hg_hello_write(r->kept + HG_FRAME_HEADER, &h);
    if (!write_all(ssl, r->kept, FRAMED_HELLO)) return;
}

static void other_version(raw *r, SSL *ssl, int fd) {
    hg_hello h;
    (void)fd;
    make_hello(r, &h);
    memset(h.version, 0, sizeof h.version);
    memcpy(h.version, "9.9", 3);
    hg_hello_write(r->kept + HG_FRAME_HEADER, &h);
    if (!write_all(ssl, r->kept, FRAMED_HELLO)) return;
}

static void other_purpose(raw *r, SSL *ssl, int fd) {
    hg_hello h;
    (void)fd;
    make_hello(r, &h);
    h.purpose = HG_PURPOSE_JOB;
    hg_hello_write(r->kept + HG_FRAME_HEADER, &h);
    if (!write_all(ssl, r->kept, FRAMED_HELLO)) return;
}

static void bad_hellos(void **state) {
    (void)state;
    scene s;
    static const struct {
        void (*play)(raw *r, SSL *ssl, int fd);
        hg_status code;
        const char *connecting, *accepting; /* NULL: not a matter of this side */
    } cases[] = {
        { reflect, HG_EREFUSED, "server-1: sent a ready message that was not signed", NULL },
        { too_long, HG_ECHEAT, "sent a frame of 1025 bytes, at most 1024", "sent a frame of 1025 bytes, at most 1024" },
        { too_short, HG_ECHEAT, "a message of 8 bytes, expected 96",
          "server-0: sent a message of 8 bytes, expected 96" },
        { too_early, HG_ECHEAT, "sent a message of kind 256, expected 1", "sent a message of kind 256, expected 1" },
        { zeros, HG_ECHEAT, "no frame of version 1", "no frame of version 1" },
        { leave, HG_EPARTY, "server-1: closed the connection", "server-0: closed the connection" },
        { say_nothing, HG_EPARTY, "was not ready within 300 ms", "was not ready within 300 ms" },
        { drip_hello, HG_EPARTY, "within 1000 ms, while a message was received", "while a message was received" },
        { other_role, HG_ECHEAT, "claims another role than its", "claims another role than its certificate" },
        { other_version, HG_EREFUSED, "runs version 9.9, this server", "runs version 9.9, this server" },
        { other_purpose, HG_ECHEAT, "answers for something else than it was asked", NULL },
    };
    open_scene(&s, "tls-hello");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s.a.o.handshake_ms = s.b.o.handshake_ms = cases[i].play == drip_hello    ? 1000
                                                  : cases[i].play == say_nothing ? 300
                                                                                 : 10000;
        raw r = { .play = cases[i].play, .folder = "server-1", .version = TLS1_3_VERSION };
        against_raw_server(&s, &r);
        check(&s.a, cases[i].code, cases[i].connecting);
        if (!cases[i].accepting) continue;
        r.folder = "server-0";
        against_raw_client(&s, &r);
        check(&s.b, cases[i].code, cases[i].accepting);
        end_close(&s.b);
    }
    close_scene(&s);
}

int main(void) {
    signal(SIGPIPE, SIG_DFL); /* a link that let one through would end this test */
    const struct CMUnitTest tests[] = {
        TEST(the_right_ones_are_let_in),
        TEST(missing_authority_name_or_pin),
        TEST(wrong_name),
        TEST(wrong_pin),
        TEST(foreign_authority),
        TEST(expired_and_not_yet_valid),
        TEST(an_owner_is_no_server),
        TEST(the_host_may_refuse),
        TEST(self_signed),
        TEST(tls_1_2),
        TEST(no_client_certificate),
        TEST(bytes_that_are_no_tls),
        TEST(a_replayed_ready_message),
        TEST(bad_hellos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
