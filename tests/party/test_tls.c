/* tests/party/test_tls.c -- who is not let in: each way to be the wrong one, on both sides, and what is said about it */
#include "tls_kit.h"

/* Another identity in the place of `e`'s, of the same cluster file. */
static void replace(end *e, fake_world *w, const hg_identity *id, const char *authority) {
    hg_err err;
    hg_tls_free(e->tls);
    assert_ok_err(hg_tls_new(&e->tls, id, authority, fake_world_of(w), &err), err);
}

static hg_identity *new_member(end_pair *s, const char *folder, const char *name, unsigned roles,
                               const char *authority) {
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
    end_pair s;
    end_pair_make(&s, "tls-right");
    ends_open(&s.a, &s.b, 1);
    check(&s.a, HG_OK, "");
    check(&s.b, HG_OK, "");
    assert_string_equal(hg_link_peer(s.a.link), "server-1");
    assert_string_equal(hg_link_peer(s.b.link), "server-0");
    assert_int_equal(hg_link_visitor(s.b.link)->party, 0);
    assert_int_equal(hg_link_visitor(s.b.link)->purpose, HG_PURPOSE_CONTROL);
    end_pair_free(&s);
}

/* ---- what is missing is an error, never "no check" -------------------------------------------------------------------------- */

static void missing_authority_name_or_pin(void **state) {
    (void)state;
    end_pair s;
    hg_tls *t;
    hg_err err;
    end_pair_make(&s, "tls-missing");
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
    end_pair_free(&s);
}

/* ---- certificates that are in order, of the wrong one ------------------------------------------------------------------------ */

static void wrong_name(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "tls-name");
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
    end_pair_free(&s);
}

static void wrong_pin(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "tls-pin");
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
    end_pair_free(&s);
}

static void foreign_authority(void **state) {
    (void)state;
    end_pair s;
    char ca[512];
    end_pair_make(&s, "tls-foreign");
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
    end_pair_free(&s);
}

/* The judging side's clock is moved: its peer's certificate is past its time, or before it. */
static void expired_and_not_yet_valid(void **state) {
    (void)state;
    end_pair s;
    fake_world later = fake_world_make(12); /* the clock of the side that judges */
    static const struct {
        int64_t days;
        const char *ours, *theirs;
    } cases[] = { { 366, "shows a certificate that has expired", "refuses our certificate: it has expired" },
                  { -1, "shows a certificate that is not valid yet", "refuses our certificate" } };
    end_pair_make(&s, "tls-dates");
    for (size_t i = 0; i < 2; i++) {
        later.now = FAKE_NOW + cases[i].days * DAY;
        replace(&s.a, &later, s.m.server[0], s.m.cluster.authority);
        replace(&s.b, &s.world, s.m.server[1], s.m.cluster.authority);
        ends_open(&s.a, &s.b, 1);
        check(&s.a, HG_EREFUSED, cases[i].ours);
        check(&s.b, HG_EREFUSED, cases[i].theirs);
        end_close(&s.b);
        replace(&s.a, &s.world, s.m.server[0], s.m.cluster.authority);
        replace(&s.b, &later, s.m.server[1], s.m.cluster.authority);
        ends_open(&s.a, &s.b, 1);
        check(&s.b, HG_EREFUSED, cases[i].ours);
        check(&s.a, HG_EREFUSED, cases[i].theirs);
        end_close(&s.b);
    }
    end_pair_free(&s);
}

static void an_owner_is_no_server(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "tls-owner");
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
    end_pair_free(&s);
}

static hg_status nobody_today(void *self, const hg_visitor *v, hg_err *err) {
    *(hg_visitor *)self = *v;
    return hg_advise(err, hg_fail(err, HG_ELIMIT, "%s: too many guests", v->peer.name), "come back tomorrow");
}

static void the_host_may_refuse(void **state) {
    (void)state;
    end_pair s;
    hg_visitor seen;
    end_pair_make(&s, "tls-host");
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
    end_pair_free(&s);
}

/* ---- peers that are none ------------------------------------------------------------------------------------------------------- */

static void self_signed(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "tls-self");
    raw r = { .self_signed = true, .version = TLS1_3_VERSION };
    against_raw_server(&s, &r);
    check(&s.a, HG_EREFUSED, "server-1: shows a certificate that it signed itself");
    against_raw_client(&s, &r);
    check(&s.b, HG_EREFUSED, "shows a certificate that it signed itself");
    end_pair_free(&s);
}

static void tls_1_2(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "tls-12");
    raw r = { .folder = "server-1", .version = TLS1_2_VERSION };
    against_raw_server(&s, &r);
    check(&s.a, HG_EREFUSED, "server-1: does not speak TLS 1.3");
    r.folder = "server-0";
    against_raw_client(&s, &r);
    check(&s.b, HG_EREFUSED, "does not speak TLS 1.3");
    end_pair_free(&s);
}

static void no_client_certificate(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "tls-none");
    raw r = { .version = TLS1_3_VERSION };
    against_raw_client(&s, &r);
    check(&s.b, HG_EREFUSED, "shows no certificate");
    assert_contains(s.b.err.msg, "127.0.0.1:"); /* a stranger is named by where it comes from */
    end_pair_free(&s);
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
    end_pair s;
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
    end_pair_make(&s, "tls-bytes");
    s.a.o.handshake_ms = s.b.o.handshake_ms = 300;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        raw r = { .play = cases[i].play, .plain = true };
        against_raw_server(&s, &r);
        check(&s.a, cases[i].code, cases[i].words);
        against_raw_client(&s, &r);
        check(&s.b, cases[i].code, cases[i].words);
        end_close(&s.b);
    }
    end_pair_free(&s);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
