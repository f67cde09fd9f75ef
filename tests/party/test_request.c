/* tests/party/test_request.c -- messages longer than a frame, bounded whoever sends them; and links that wait for their thread */
#include "party/request.h"
#include "ends.h"
#include "party/meet.h"
#include "test.h"
#include <unistd.h>

static void again(end_pair *s) {
    end_close(&s->a);
    end_close(&s->b);
    ends_open(&s->a, &s->b, 1);
    assert_ok_err(s->a.st, s->a.err);
}

/* A message on its way while the test reads: what is sent may be more than the sockets hold. */
typedef struct {
    hg_link *link;
    const unsigned char *bytes;
    size_t n;
    hg_status st;
    hg_err err;
} sender;

static void *send_message(void *arg) {
    sender *s = arg;
    s->st = hg_message_send(s->link, HG_ASK_STATUS, s->bytes, s->n, &s->err);
    return NULL;
}

static void messages_of_all_sizes(void **state) {
    (void)state;
    const size_t sizes[] = { 0, 1, HG_PIECE - 1, HG_PIECE, HG_PIECE + 1, 3 * HG_PIECE + 7 };
    end_pair s;
    end_pair_make(&s, "request-sizes");
    end_pair_open(&s);
    unsigned char *bytes = malloc(4 * HG_PIECE);
    for (size_t i = 0; i < 4 * HG_PIECE; i++) bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sender job = { .link = s.a.link, .bytes = bytes, .n = sizes[i] };
        pthread_t thread;
        hg_text got = hg_text_new(0);
        hg_err err;
        assert_int_equal(pthread_create(&thread, NULL, send_message, &job), 0);
        assert_ok_err(hg_message_take(&got, s.b.link, HG_ASK_STATUS, sizes[i], 5000, &err),
                      err); /* the limit is exact */
        pthread_join(thread, NULL);
        assert_ok_err(job.st, job.err);
        assert_int_equal(got.len, sizes[i]);
        assert_memory_equal(got.s, bytes, sizes[i]);
        hg_text_free(&got);
    }
    free(bytes);
    end_pair_free(&s);
}

/* One byte more than allowed, in the first piece or in a later one; another kind; another kind in the middle. */
static void longer_or_other_messages_are_refused(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "request-bounds");
    end_pair_open(&s);
    unsigned char *bytes = calloc(1, HG_PIECE);
    hg_text got = hg_text_new(0);
    hg_err err;
    assert_ok(hg_message_send(s.a.link, HG_ASK_STATUS, bytes, 11, NULL));
    assert_int_equal(hg_message_take(&got, s.b.link, HG_ASK_STATUS, 10, 5000, &err), HG_ECHEAT);
    assert_contains(err.msg, "longer than allowed");
    again(&s);
    assert_ok(hg_link_send(s.a.link, HG_ASK_STATUS, 0, HG_FRAME_MORE, bytes, 8, NULL));
    assert_ok(hg_link_send(s.a.link, HG_ASK_STATUS, 0, 0, bytes, 3, NULL));
    assert_int_equal(hg_message_take(&got, s.b.link, HG_ASK_STATUS, 10, 5000, &err), HG_ECHEAT);
    again(&s);
    assert_ok(hg_message_send(s.a.link, HG_ASK_POLICY, bytes, 3, NULL));
    assert_int_equal(hg_message_take(&got, s.b.link, HG_ASK_STATUS, 10, 5000, &err), HG_ECHEAT);
    assert_contains(err.msg, "another message");
    again(&s);
    assert_ok(hg_link_send(s.a.link, HG_ASK_STATUS, 0, HG_FRAME_MORE, bytes, 3, NULL));
    assert_ok(hg_link_send(s.a.link, HG_ASK_POLICY, 0, 0, bytes, 3, NULL));
    assert_int_equal(hg_message_take(&got, s.b.link, HG_ASK_STATUS, 10, 5000, &err), HG_ECHEAT);
    assert_contains(err.msg, "in its middle");
    hg_text_free(&got);
    free(bytes);
    end_pair_free(&s);
}

static void a_stream_comes_in_any_pieces_and_ends(void **state) {
    (void)state;
    end_pair s;
    end_pair_make(&s, "request-stream");
    end_pair_open(&s);
    unsigned char bytes[100], got[100];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)i;
    assert_ok(hg_link_send(s.a.link, HG_PUT_SHARES, 0, HG_FRAME_MORE, bytes, 10, NULL));
    assert_ok(hg_link_send(s.a.link, HG_PUT_SHARES, 0, HG_FRAME_MORE, bytes, 0, NULL)); /* an empty piece is a piece */
    assert_ok(hg_link_send(s.a.link, HG_PUT_SHARES, 0, 0, bytes + 10, 25, NULL));
    hg_frame head;
    hg_message_stream in;
    hg_err err;
    size_t n, at = 0;
    assert_ok(hg_link_head(&head, s.b.link, 5000, NULL));
    assert_ok_err(hg_message_begin(&in, s.b.link, head, 35, &err), err);
    for (n = 8; n == 8; at += n) assert_ok_err(hg_message_read(&in, &n, got + at, 8, &err), err);
    assert_int_equal(at, 35);
    assert_memory_equal(got, bytes, 35);
    assert_ok(hg_message_read(&in, &n, got, 8, NULL)); /* over is over */
    assert_int_equal(n, 0);
    end_pair_free(&s);
}

/* Every kind has its line, and its limit lets no stranger fill the memory. */
static void the_table_is_whole(void **state) {
    (void)state;
    for (unsigned kind = HG_REPLY + 1; kind < HG_REQUEST_END; kind++) {
        const hg_request *r = hg_request_of(kind);
        assert_non_null(r);
        assert_true(r->name && *r->name && r->most > 0);
        if (kind != HG_PUT_SHARES && kind != HG_PUT_POLICY) assert_true(r->most <= 1 << 16);
    }
    assert_null(hg_request_of(HG_REPLY));
    assert_null(hg_request_of(HG_REQUEST_END));
    assert_null(hg_request_of(0));
}

/* ---- links that wait for their thread ------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_meet *meet;
    hg_link *got;
    hg_status st;
    hg_err err;
    unsigned char digest[HG_DIGEST];
    uint32_t attempt;
} waiter;

static void *fetch(void *arg) {
    waiter *w = arg;
    w->st = hg_meet_fetch(&w->got, w->meet, 0, w->digest, w->attempt, 5000, &w->err);
    return NULL;
}

/* Whoever comes first waits: the link or the thread. What does not belong stays. */
static void links_and_threads_find_each_other(void **state) {
    (void)state;
    end_pair s;
    hg_meet *m;
    hg_err err;
    hg_link *k;
    end_pair_make(&s, "request-meet");
    s.a.o.purpose = HG_PURPOSE_JOB;
    s.a.o.attempt = 7;
    s.a.o.digest[0] = 9;
    assert_ok(hg_meet_new(&m, fake_world_of(&s.world), NULL));
    unsigned char digest[HG_DIGEST] = { 9 }, other[HG_DIGEST] = { 8 };
    ends_open(&s.a, &s.b, 1);
    assert_ok_err(s.b.st, s.b.err);
    hg_meet_bring(m, s.b.link); /* the link first */
    assert_int_equal(hg_meet_fetch(&k, m, 0, other, 7, 20, &err), HG_EPARTY);
    assert_contains(err.msg, "did not come within");
    assert_int_equal(hg_meet_fetch(&k, m, 0, digest, 8, 20, &err), HG_EPARTY);
    assert_int_equal(hg_meet_fetch(&k, m, 2, digest, 7, 20, &err), HG_EPARTY);
    assert_ok_err(hg_meet_fetch(&k, m, 0, digest, 7, 20, &err), err);
    assert_ptr_equal(k, s.b.link);
    assert_int_equal(hg_meet_fetch(&k, m, 0, digest, 7, 20, &err), HG_EPARTY); /* once */
    end_close(&s.a);
    end_close(&s.b);
    waiter w = { .meet = m, .digest = { 9 }, .attempt = 7 }; /* the thread first */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fetch, &w), 0);
    usleep(50000);
    ends_open(&s.a, &s.b, 1);
    hg_meet_bring(m, s.b.link);
    pthread_join(thread, NULL);
    assert_ok_err(w.st, w.err);
    assert_ptr_equal(w.got, s.b.link);
    assert_int_equal(pthread_create(&thread, NULL, fetch, &w), 0); /* a server that stops lets nobody wait */
    usleep(50000);
    hg_meet_stop(m);
    pthread_join(thread, NULL);
    assert_int_equal(w.st, HG_ECANCEL);
    hg_meet_free(m);
    end_pair_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(messages_of_all_sizes),
        TEST(longer_or_other_messages_are_refused),
        TEST(a_stream_comes_in_any_pieces_and_ends),
        TEST(the_table_is_whole),
        TEST(links_and_threads_find_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
