/* tests/party/test_link.c -- links that work: messages, counts, heartbeats, deadlines, cancelling, reconnecting, and what breaks them */
#include "ends.h"
#include "party/link_internal.h"
#include "relay.h"
#include "test.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KIND = HG_KIND_SERVER + 1 };

/* Through a relay. */
static relay *relayed(end_pair *s, const relay_opts *o) {
    end_begin_accept(&s->b);
    relay *r = relay_new("127.0.0.1", end_port(&s->b), o);
    assert_non_null(r);
    end_connect(&s->a, 1, relay_port(r));
    end_finish_accept(&s->b);
    return r;
}

/* Runs at the same time as the test's own thread. */
typedef struct {
    hg_link *link;
    size_t n;
    hg_status st;
    hg_err err;
    unsigned char *bytes;
} job;

static void *echo(void *self) { /* takes one message, sends it back */
    job *j = self;
    j->st = hg_link_expect(j->link, KIND, j->bytes, j->n, &j->err);
    if (j->st == HG_OK) j->st = hg_link_send(j->link, KIND + 1, 8, 0, j->bytes, j->n, &j->err);
    return NULL;
}

static void *just_read(void *self) {
    job *j = self;
    hg_frame f;
    j->st = hg_link_head(&f, j->link, 5000, &j->err);
    if (j->st == HG_OK) j->st = hg_link_body(j->link, j->bytes, f.length, &j->err);
    return NULL;
}

static void messages_of_all_sizes_and_their_counts(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "link-sizes");
    end_pair_open(&s);
    static const size_t sizes[] = { 0, 1, 15, 16367, 16368, 16369, 65536, 3000000 };
    uint64_t payload = 0, frames = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t n = sizes[i];
        unsigned char *out = malloc(n + 1), *in = malloc(n + 1), *middle = malloc(n + 1);
        for (size_t k = 0; k < n; k++) out[k] = (unsigned char)(k * 7 + i);
        job j = { .link = s.b.link, .n = n, .bytes = middle };
        pthread_t t;
        pthread_create(&t, NULL, echo, &j);
        hg_err err;
        hg_frame f;
        assert_ok_err(hg_link_send(s.a.link, KIND, 7, 0, out, n, &err), err);
        assert_ok_err(hg_link_head(&f, s.a.link, 5000, &err), err);
        assert_true(f.kind == KIND + 1 && f.round == 8 && f.length == n);
        if (n) assert_ok_err(hg_link_body(s.a.link, in, n / 2, &err), err); /* in pieces */
        assert_ok_err(hg_link_body(s.a.link, in + n / 2, n - n / 2, &err), err);
        pthread_join(t, NULL);
        assert_ok_err(j.st, j.err);
        assert_memory_equal(in, out, n);
        free(out), free(in), free(middle);
        payload += n;
        frames++;
        const hg_link_count a = hg_link_counted(s.a.link), b = hg_link_counted(s.b.link);
        assert_true(a.frames_out == frames && a.frames_in == frames && b.frames_out == frames);
        assert_true(a.payload_out == payload && a.payload_in == payload && b.payload_in == payload);
        assert_true(a.header_out == 16 * frames && b.header_in == 16 * frames);
        assert_true(a.wire_out == b.wire_in && a.wire_in == b.wire_out && a.wire_out > payload + 16 * frames);
    }
    end_pair_free(&s);
}

static void both_ends_export_the_same_key(void **state) {
    (void)state;
    end_pair s;
    unsigned char a[32], b[32], c[32];
    end_pair_make(&s, "link-export");
    end_pair_open(&s);
    assert_ok(hg_link_export(a, s.a.link, "EXPORTER-x", NULL));
    assert_ok(hg_link_export(b, s.b.link, "EXPORTER-x", NULL));
    assert_ok(hg_link_export(c, s.b.link, "EXPORTER-y", NULL));
    assert_memory_equal(a, b, 32);
    assert_memory_not_equal(a, c, 32);
    end_close(&s.a);
    end_close(&s.b);
    end_pair_open(&s); /* a new session: a new key */
    assert_ok(hg_link_export(c, s.a.link, "EXPORTER-x", NULL));
    assert_memory_not_equal(a, c, 32);
    end_pair_free(&s);
}

/* An idle link says that it lives; what counts as a message does not change by it. */
static void heartbeats(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "link-heart");
    s.a.o.heartbeat_ms = s.b.o.heartbeat_ms = 20;
    end_pair_open(&s);
    unsigned char byte;
    bool here;
    hg_err err;
    job j = { .link = s.b.link, .n = 1, .bytes = &byte };
    pthread_t t;
    pthread_create(&t, NULL, just_read, &j);
    for (int i = 0; i < 5; i++) assert_ok_err(hg_link_wait(&here, s.a.link, 40, &err), err);
    const hg_link_count before = hg_link_counted(s.a.link);
    assert_true(before.wire_in > 0 && before.frames_in == 0 && before.frames_out == 0);
    assert_ok_err(hg_link_send(s.a.link, KIND, 0, 0, "x", 1, &err), err);
    pthread_join(t, NULL);
    assert_ok_err(j.st, j.err);
    assert_true(byte == 'x' && hg_link_counted(s.b.link).frames_in == 1);
    assert_int_equal(hg_link_head(&(hg_frame) { 0 }, s.b.link, 60, &err), HG_EPARTY);
    assert_contains(err.msg, "server-0: nothing came for 60 ms");
    end_pair_free(&s);
}

static void waiting_is_no_error_and_the_link_stays_good(void **state) {
    (void)state;
    end_pair s;
    bool here;
    unsigned char byte;
    hg_err err;
    end_pair_make(&s, "link-wait");
    end_pair_open(&s);
    assert_ok(hg_link_wait(&here, s.b.link, 10, &err));
    assert_false(here);
    assert_ok(hg_link_send(s.a.link, KIND, 0, 0, "y", 1, &err));
    assert_ok(hg_link_wait(&here, s.b.link, 2000, &err));
    assert_true(here);
    assert_ok(hg_link_expect(s.b.link, KIND, &byte, 1, &err));
    assert_int_equal(byte, 'y');
    end_pair_free(&s);
}

/* A peer that only lives has nothing to say: it is not taken for one that asks. */
static void a_heartbeat_is_no_message(void **state) {
    (void)state;
    end_pair s;
    bool here;
    hg_err err;
    end_pair_make(&s, "link-beat");
    end_pair_open(&s);
    for (int i = 0; i < 3; i++) assert_ok(hg_link_heartbeat(s.a.link, &err));
    assert_ok(hg_link_wait(&here, s.b.link, 50, &err));
    assert_false(here);
    assert_ok(hg_link_heartbeat(s.a.link, &err));
    assert_ok(hg_link_send(s.a.link, KIND, 9, 0, NULL, 0, &err));
    assert_ok(hg_link_wait(&here, s.b.link, 2000, &err));
    assert_true(here);
    assert_ok(hg_link_wait(&here, s.b.link, 0, &err)); /* asked again: still there */
    hg_frame f;
    assert_true(here);
    assert_ok(hg_link_head(&f, s.b.link, 100, &err));
    assert_true(f.kind == KIND && f.round == 9);
    end_pair_free(&s);
}

/* No file descriptor left: the listener waits until there is one, and the server goes on. */
static void no_room_for_one_more(void **state) {
    (void)state;
    end_pair s;
    hg_listener *l;
    hg_err err;
    struct rlimit was, small;
    int fd, held[64], n = 0;
    end_pair_make(&s, "link-room");
    assert_ok(hg_listener_new(&l, "127.0.0.1", 0, &err));
    s.a.o.cluster = &s.a.cluster;
    s.a.cluster.server[1].port = hg_listener_port(l);
    const struct sockaddr_in at = { .sin_family = AF_INET,
                                    .sin_port = htons(hg_listener_port(l)),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int caller = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(caller, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    small = was;
    small.rlim_cur = (rlim_t)dup(caller) + 4;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    while (n < 64 && (held[n] = dup(caller)) >= 0) n++;
    assert_ok_err(hg_listener_wait(&fd, l, 1000, NULL, fake_world_of(&s.world), &err), err);
    assert_int_equal(fd, -1);
    while (n > 0) close(held[--n]);
    assert_ok_err(hg_listener_wait(&fd, l, 1000, NULL, fake_world_of(&s.world), &err), err);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    close((int)small.rlim_cur - 4);
    close(caller);
    hg_listener_free(l);
    end_pair_free(&s);
}

static void goodbyes_refusals_and_ends(void **state) {
    (void)state;
    end_pair s;
    hg_frame f;
    hg_err err, why;
    end_pair_make(&s, "link-ends");
    end_pair_open(&s);
    hg_link_close(s.a.link);
    assert_int_equal(hg_link_head(&f, s.b.link, 1000, &err), HG_EPARTY);
    assert_string_equal(err.msg, "server-0: has ended the connection");
    assert_int_equal(hg_link_send(s.a.link, KIND, 0, 0, "x", 1, &err), HG_EPARTY);
    end_close(&s.a);
    end_close(&s.b);

    end_pair_open(&s);
    hg_advise(&why, hg_fail(&why, HG_EREFUSED, "the policy has expired"), "make a new one");
    job j = { .link = s.b.link };
    pthread_t t;
    pthread_create(&t, NULL, just_read, &j);
    hg_link_refuse(s.a.link, &why);
    pthread_join(t, NULL);
    assert_int_equal(j.st, HG_EREFUSED);
    assert_string_equal(j.err.msg, "server-0: the policy has expired");
    assert_string_equal(j.err.hint, "make a new one");
    assert_int_equal(hg_link_head(&f, s.b.link, 1000, &err), HG_EPARTY); /* good for nothing after an error */
    end_close(&s.a);
    end_close(&s.b);

    end_pair_open(&s);
    hg_fail(&why, HG_ECANCEL, "the operator stops it");
    j.link = s.b.link;
    pthread_create(&t, NULL, just_read, &j);
    hg_link_refuse(s.a.link, &why);
    pthread_join(t, NULL);
    assert_int_equal(j.st, HG_EPARTY); /* their cancel is not ours */
    end_close(&s.a);
    end_close(&s.b);

    end_pair_open(&s);
    end_close(&s.a); /* as when its process is killed */
    assert_int_equal(hg_link_head(&f, s.b.link, 1000, &err), HG_EPARTY);
    assert_contains(err.msg, "server-0: closed the connection while a message was awaited");
    end_pair_free(&s);
}

static void what_is_sent_wrongly(void **state) {
    (void)state;
    end_pair s;
    hg_frame f;
    hg_err err;
    unsigned char byte[4];
    end_pair_make(&s, "link-wrong");
    s.b.o.most = 100;
    end_pair_open(&s);
    char big[101] = { 0 };
    assert_ok(hg_link_send(s.a.link, KIND, 0, 0, big, 101, &err));
    assert_int_equal(hg_link_head(&f, s.b.link, 1000, &err), HG_ECHEAT);
    assert_contains(err.msg, "server-0: sent a frame of 101 bytes, at most 100");
    assert_int_equal(hg_link_send(s.b.link, KIND, 0, 0, big, 101, &err), HG_ELIMIT);
    end_close(&s.a);
    end_close(&s.b);
    end_pair_open(&s);
    assert_ok(hg_link_send(s.a.link, KIND, 0, 0, big, 4, &err));
    assert_int_equal(hg_link_expect(s.b.link, KIND + 1, byte, 4, &err), HG_ECHEAT);
    assert_contains(err.msg, "sent a message of kind 257, expected 258");
    end_close(&s.a);
    end_close(&s.b);
    end_pair_open(&s);
    assert_ok(hg_link_send(s.a.link, KIND, 0, 0, big, 5, &err));
    assert_int_equal(hg_link_expect(s.b.link, KIND, byte, 4, &err), HG_ECHEAT);
    assert_contains(err.msg, "sent a message of 5 bytes, expected 4");
    end_close(&s.a);
    end_close(&s.b);
    end_pair_open(&s);
    assert_ok(hg_link_send(s.a.link, KIND, 0, 0, big, 5, &err));
    assert_ok(hg_link_head(&f, s.b.link, 1000, &err));
    assert_int_equal(hg_link_body(s.b.link, big, 6, &err), HG_EINVAL);
    assert_ok(hg_link_body(s.b.link, big, 2, &err));
    assert_int_equal(hg_link_head(&f, s.b.link, 1000, &err), HG_EINVAL);
    assert_contains(err.msg, "3 bytes of the last message were not read");
    end_close(&s.a);
    end_close(&s.b);
    end_pair_open(&s);
    assert_ok(hg_link_send(s.a.link, HG_KIND_HELLO, 0, 0, big, 5, &err)); /* no second hello */
    assert_int_equal(hg_link_head(&f, s.b.link, 1000, &err), HG_ECHEAT);
    assert_contains(err.msg, "out of place");
    end_pair_free(&s);
}

static void cancelling(void **state) {
    (void)state;
    end_pair s;
    hg_cancel *c;
    unsigned char byte;
    end_pair_make(&s, "link-cancel");
    assert_ok(hg_cancel_new(&c, NULL));
    s.b.o.cancel = c;
    end_pair_open(&s);
    job j = { .link = s.b.link, .n = 1, .bytes = &byte };
    pthread_t t;
    pthread_create(&t, NULL, just_read, &j);
    usleep(20000);
    hg_cancel_raise(c);
    hg_cancel_raise(c);
    pthread_join(t, NULL);
    assert_int_equal(j.st, HG_ECANCEL);
    assert_true(hg_cancel_raised(c) && !hg_cancel_raised(NULL));
    end_close(&s.a);
    end_close(&s.b);
    s.a.o.cancel = c; /* nothing begins any more */
    end_connect(&s.a, 1, 9);
    assert_true(s.a.st == HG_ECANCEL || s.a.st == HG_EPARTY);
    hg_link *k;
    hg_err err;
    assert_int_equal(hg_link_connect_patiently(&k, s.a.tls, 1, &s.a.o, 60000, &err), HG_ECANCEL);
    hg_cancel_free(c);
    hg_cancel_free(NULL);
    end_pair_free(&s);
}

/* The server comes up while its client tries. */
typedef struct {
    end *e;
    relay *r;
} late;

static void *come_late(void *self) {
    late *l = self;
    end *e = l->e;
    int fd;
    usleep(150000);
    e->st = hg_listener_new(&e->listener, "127.0.0.1", 0, &e->err);
    if (e->st != HG_OK) return NULL;
    relay_aim(l->r, end_port(e));
    e->st = hg_listener_wait(&fd, e->listener, 20000, NULL, hg_tls_world(e->tls), &e->err);
    if (e->st == HG_OK) e->st = hg_link_accept(&e->link, e->tls, fd, &e->o, &e->err);
    return NULL;
}

static void reconnecting(void **state) {
    (void)state;
    enum { NOBODY = 1 }; /* a port that no program listens at */
    end_pair s;
    pthread_t t;
    hg_err err;
    end_pair_make(&s, "link-again");
    s.a.o.cluster = &s.a.cluster;
    s.b.o.cluster = &s.b.cluster;
    s.a.cluster.server[1].port = NOBODY;
    assert_int_equal(hg_link_connect(&s.a.link, s.a.tls, 1, &s.a.o, &err), HG_EPARTY);
    assert_contains(err.msg, "server-1: cannot be reached at 127.0.0.1:1: ");
    assert_contains(err.hint, "is its server running?");
    assert_int_equal(hg_link_connect_patiently(&s.a.link, s.a.tls, 1, &s.a.o, 80, &err), HG_EPARTY);
    late l = { &s.b, relay_new("127.0.0.1", NOBODY, NULL) };
    assert_non_null(l.r);
    s.a.cluster.server[1].port = relay_port(l.r);
    pthread_create(&t, NULL, come_late, &l);
    assert_ok_err(hg_link_connect_patiently(&s.a.link, s.a.tls, 1, &s.a.o, 20000, &err), err);
    pthread_join(t, NULL);
    assert_ok_err(s.b.st, s.b.err);
    end_pair_free(&s);
    relay_free(l.r);
}

static void listening(void **state) {
    (void)state;
    fake_world w = fake_world_make(1);
    hg_listener *l, *second;
    hg_err err;
    int fd;
    assert_ok_err(hg_listener_new(&l, "127.0.0.1", 0, &err), err);
    assert_int_equal(hg_listener_new(&second, "127.0.0.1", hg_listener_port(l), &err), HG_EIO);
    assert_contains(err.msg, "cannot listen at 127.0.0.1:");
    assert_null(second);
    assert_ok(hg_listener_wait(&fd, l, 10, NULL, fake_world_of(&w), &err));
    assert_int_equal(fd, -1);
    hg_listener_free(l);
    hg_listener_free(NULL);
    if (hg_listener_new(&l, "::1", 0, &err) == HG_OK) { /* where there is IPv6 */
        assert_true(hg_listener_port(l) != 0);
        hg_listener_free(l);
    }
}

/* ---- through the relay --------------------------------------------------------------------------------------------------------- */

static void a_slow_line_is_slow_and_right(void **state) {
    (void)state;
    end_pair s;
    unsigned char byte;
    hg_err err;
    end_pair_make(&s, "link-slow");
    relay_opts o = relay_opts_default();
    o.delay_us = 5000;
    relay *r = relayed(&s, &o);
    assert_ok_err(s.a.st, s.a.err);
    assert_ok_err(s.b.st, s.b.err);
    job j = { .link = s.b.link, .n = 1, .bytes = &byte };
    pthread_t t;
    pthread_create(&t, NULL, echo, &j);
    unsigned char back;
    const int64_t begin = hg_world_ms(fake_world_of(&s.world));
    assert_ok_err(hg_link_send(s.a.link, KIND, 0, 0, "z", 1, &err), err);
    assert_ok_err(hg_link_expect(s.a.link, KIND + 1, &back, 1, &err), err);
    assert_true(hg_world_ms(fake_world_of(&s.world)) - begin >= 9); /* never faster than the line: twice 5 ms */
    pthread_join(t, NULL);
    assert_int_equal(back, 'z');
    assert_int_equal(relay_bytes(r, RELAY_UP), hg_link_counted(s.a.link).wire_out);
    assert_int_equal(relay_bytes(r, RELAY_DOWN), hg_link_counted(s.a.link).wire_in);
    end_pair_free(&s);
    relay_free(r);
}

/* Cut after every so many bytes: an error with a sentence on both sides, in bounded time, or a link that works. */
static void cut_anywhere(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "link-cut");
    s.a.o.handshake_ms = s.b.o.handshake_ms = 2000;
    size_t refused = 0, opened = 0;
    for (int way = 0; way < 2; way++)
        for (uint64_t at = 0; at < 2000; at += 97) {
            relay_opts o = relay_opts_default();
            o.cut_after[way] = at;
            relay *r = relayed(&s, &o);
            assert_true(s.a.st == HG_OK || (s.a.st == HG_EPARTY && *s.a.err.msg));
            assert_true(s.b.st == HG_OK || (s.b.st == HG_EPARTY && *s.b.err.msg));
            refused += s.a.st != HG_OK;
            opened += s.a.st == HG_OK;
            end_close(&s.a);
            end_close(&s.b);
            relay_free(r);
        }
    assert_true(refused > 10 && opened > 2);
    end_pair_free(&s);
}

/* One bit anywhere in the handshake or the ready messages: never accepted by the side that received it. */
static void flipped_anywhere(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "link-flip");
    s.a.o.handshake_ms = s.b.o.handshake_ms = 400;
    for (int way = 0; way < 2; way++) {
        const end *receiver = way == RELAY_UP ? &s.b : &s.a;
        for (uint64_t at = 20; at < 1000; at += 61) {
            relay_opts o = relay_opts_default();
            o.flip_at[way] = at;
            relay *r = relayed(&s, &o);
            assert_int_not_equal(receiver->st, HG_OK);
            assert_true(*receiver->err.msg);
            end_close(&s.a);
            end_close(&s.b);
            relay_free(r);
        }
    }
    end_pair_free(&s);
}

static void a_line_that_goes_silent(void **state) {
    (void)state;
    end_pair s;
    hg_err err;
    end_pair_make(&s, "link-silent");
    s.a.o.stall_ms = s.b.o.stall_ms = 200;
    relay_opts o = relay_opts_default();
    o.swallow_after[RELAY_UP] = 20000;
    relay *r = relayed(&s, &o);
    assert_ok_err(s.b.st, s.b.err);
    static unsigned char bytes[100000];
    assert_ok_err(hg_link_send(s.a.link, KIND, 0, 0, bytes, sizeof bytes, &err), err); /* the kernel takes that */
    hg_frame f;
    assert_ok_err(hg_link_head(&f, s.b.link, 5000, &err), err);
    assert_int_equal(hg_link_body(s.b.link, bytes, sizeof bytes, &err), HG_EPARTY);
    assert_contains(err.msg, "server-0: no progress for 200 ms");
    end_pair_free(&s);
    relay_free(r);
}

/* ---- faults ---------------------------------------------------------------------------------------------------------------------- */

static void survives_any_allocation_failure(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "link-faults");
    hg_status st = HG_ENOMEM;
    for (long k = 0; st == HG_ENOMEM; k++) {
        hg_tls *t = NULL;
        hg_listener *l = NULL;
        hg_cancel *c = NULL;
        hg_link *link = NULL;
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        s.a.o.handshake_ms = 20;
        s.a.o.cluster = &s.a.cluster;
        fail_alloc_after(k);
        st = hg_tls_new(&t, s.m.server[0], s.m.cluster.authority, fake_world_of(&s.world), NULL);
        if (st == HG_OK) st = hg_listener_new(&l, "127.0.0.1", 0, NULL);
        if (st == HG_OK) st = hg_cancel_new(&c, NULL);
        if (st == HG_OK)
            st = hg_link_accept(&link, t, pair[0], &s.a.o, NULL);
        else
            close(pair[0]);
        fail_alloc_after(-1);
        close(pair[1]);
        assert_true(k < 100 && !link);
        hg_tls_free(t);
        hg_listener_free(l);
        hg_cancel_free(c);
    }
    assert_int_equal(st, HG_EPARTY); /* nobody speaks at the other end */
    end_pair_free(&s);
}

int main(void) {
    signal(SIGPIPE, SIG_DFL); /* a link that let one through would end this test */
    const struct CMUnitTest tests[] = {
        TEST(messages_of_all_sizes_and_their_counts),
        TEST(both_ends_export_the_same_key),
        TEST(heartbeats),
        TEST(waiting_is_no_error_and_the_link_stays_good),
        TEST(a_heartbeat_is_no_message),
        TEST(no_room_for_one_more),
        TEST(goodbyes_refusals_and_ends),
        TEST(what_is_sent_wrongly),
        TEST(cancelling),
        TEST(reconnecting),
        TEST(listening),
        TEST(a_slow_line_is_slow_and_right),
        TEST(cut_anywhere),
        TEST(flipped_anywhere),
        TEST(a_line_that_goes_silent),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
