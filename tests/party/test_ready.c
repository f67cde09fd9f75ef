/* tests/party/test_ready.c -- after TLS: hellos and ready messages that are replayed, reflected, too long, too slow, or of another */
#include "tls_kit.h"

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
    end_pair s;
    end_pair_make(&s, "tls-replay");
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
    end_pair_free(&s);
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
    end_pair s;
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
    end_pair_make(&s, "tls-hello");
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
    end_pair_free(&s);
}

int main(void) {
    signal(SIGPIPE, SIG_DFL); /* a link that let one through would end this test */
    const struct CMUnitTest tests[] = {
        TEST(a_replayed_ready_message),
        TEST(bad_hellos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
