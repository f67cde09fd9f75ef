/* tests/party/test_frame.c -- headers of messages, hellos and ready signatures, byte by byte */
#include "members.h"
#include "party/frame.h"
#include "party/link.h"
#include "party/ready.h"
#include "test.h"

/* ---- frames -------------------------------------------------------------------------------------------------------------- */

static void a_header_is_these_bytes(void **state) {
    (void)state;
    unsigned char h[HG_FRAME_HEADER];
    static const unsigned char by_hand[HG_FRAME_HEADER] = { 0x04, 0x03, 0x02, 0x01, 0x0d, 0x0c, 0x0b, 0x0a,
                                                            0x43, 0x01, 1,    1,    0,    0,    0,    0 };
    hg_frame f = { .length = 0x01020304, .round = 0x0a0b0c0d, .kind = 0x143, .flags = HG_FRAME_MORE }, g;
    hg_frame_write(h, &f);
    assert_memory_equal(h, by_hand, sizeof h);
    f.length = 77;
    hg_frame_write(h, &f);
    assert_ok(hg_frame_read(&g, h, 77, NULL));
    assert_true(g.length == 77 && g.round == f.round && g.kind == f.kind && g.flags == HG_FRAME_MORE);
}

static void hostile_headers(void **state) {
    (void)state;
    static const struct {
        size_t at;
        unsigned char byte;
        const char *words;
    } bad[] = {
        { 10, 0, "no frame of version 1" },
        { 10, 2, "no frame of version 1" },
        { 12, 1, "no frame" },
        { 15, 128, "no frame" },
        { 11, 2, "unknown flags 2" },
        { 11, 128, "unknown flags 128" },
        { 3, 1, "at most 1000 may" },
        { 1, 4, "a frame of 1024 bytes" },
    };
    hg_frame f;
    hg_err err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned char h[HG_FRAME_HEADER];
        hg_frame_write(h, &(hg_frame) { .kind = 70 });
        h[bad[i].at] = bad[i].byte;
        assert_int_equal(hg_frame_read(&f, h, 1000, &err), HG_ECHEAT);
        assert_contains(err.msg, bad[i].words);
    }
    unsigned char h[HG_FRAME_HEADER];
    hg_frame_write(h, &(hg_frame) { .length = HG_FRAME_MOST + 1 });
    assert_int_equal(hg_frame_read(&f, h, SIZE_MAX, &err), HG_ECHEAT);
}

static void an_error_travels(void **state) {
    (void)state;
    unsigned char payload[HG_FRAME_ERROR_MOST];
    hg_err e, back, err;
    hg_advise(&e, hg_fail(&e, HG_EREFUSED, "the budget of %s is spent", "lab-a"), "ask the owners for more");
    const size_t n = hg_frame_error_write(payload, &e);
    assert_ok(hg_frame_error_read(&back, payload, n, NULL));
    assert_int_equal(back.code, HG_EREFUSED);
    assert_string_equal(back.msg, e.msg);
    assert_string_equal(back.hint, e.hint);
    for (size_t cut = 0; cut < n; cut++) assert_int_equal(hg_frame_error_read(&back, payload, cut, &err), HG_ECHEAT);
    payload[0] = HG_OK;
    assert_int_equal(hg_frame_error_read(&back, payload, n, &err), HG_ECHEAT); /* no error is no error */
    payload[0] = HG_STATUS_COUNT;
    assert_int_equal(hg_frame_error_read(&back, payload, n, &err), HG_ECHEAT);
    payload[0] = HG_EREFUSED;
    payload[6] = '\x1b'; /* what a terminal would obey */
    assert_ok(hg_frame_error_read(&back, payload, n, NULL));
    assert_string_equal(back.msg, "th? budget of lab-a is spent");
    payload[7] = '\0';
    assert_int_equal(hg_frame_error_read(&back, payload, n, &err), HG_ECHEAT);
    memset(e.msg, 'x', sizeof e.msg - 1);
    memset(e.hint, 'y', sizeof e.hint - 1);
    e.msg[sizeof e.msg - 1] = e.hint[sizeof e.hint - 1] = '\0';
    assert_ok(hg_frame_error_read(&back, payload, hg_frame_error_write(payload, &e), NULL)); /* the longest */
    assert_string_equal(back.hint, e.hint);
}

/* ---- hello and ready ------------------------------------------------------------------------------------------------------ */

static hg_hello some_hello(unsigned seed) {
    hg_hello h = { .purpose = HG_PURPOSE_JOB, .roles = HG_ROLE_SERVER, .attempt = 3, .version = "0.1.0" };
    memset(h.digest, 7, sizeof h.digest);
    memset(h.nonce, (int)seed, sizeof h.nonce);
    return h;
}

static void a_hello_comes_back_as_it_was(void **state) {
    (void)state;
    unsigned char payload[HG_HELLO_SIZE];
    hg_err err;
    const hg_hello h = some_hello(9);
    hg_hello g;
    hg_hello_write(payload, &h);
    assert_ok(hg_hello_read(&g, payload, sizeof payload, NULL));
    assert_memory_equal(&g, &h, sizeof h);
    assert_int_equal(hg_hello_read(&g, payload, sizeof payload - 1, &err), HG_ECHEAT);
    static const struct {
        size_t at;
        unsigned char byte;
        hg_status code;
    } bad[] = { { 0, 1, HG_EREFUSED },   { 3, 0, HG_ECHEAT },   { 4, 0, HG_ECHEAT },  { 4, HG_PURPOSE_END, HG_ECHEAT },
                { 5, 1, HG_ECHEAT },     { 6, 0, HG_ECHEAT },   { 12, 1, HG_ECHEAT }, { 80, 0, HG_ECHEAT },
                { 80, 0xff, HG_ECHEAT }, { 95, 'x', HG_ECHEAT } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_hello_write(payload, &h);
        payload[bad[i].at] = bad[i].byte;
        assert_int_equal(hg_hello_read(&g, payload, sizeof payload, &err), bad[i].code);
    }
}

/* Programs that do not understand each other say who is who: the hello's form never changes. */
static void another_protocol_is_told_with_both_versions(void **state) {
    (void)state;
    unsigned char payload[HG_HELLO_SIZE];
    char expected[200];
    hg_err err;
    hg_hello h = some_hello(9), g;
    snprintf(h.version, sizeof h.version, "0.0.9");
    hg_hello_write(payload, &h);
    assert_int_equal(payload[0], HG_PROTOCOL);
    payload[0] = HG_PROTOCOL - 1;
    assert_int_equal(hg_hello_read(&g, payload, sizeof payload, &err), HG_EREFUSED);
    snprintf(expected, sizeof expected, "runs hagane 0.0.9 with protocol %d, expected hagane %s with protocol %d",
             HG_PROTOCOL - 1, hg_version(), HG_PROTOCOL);
    assert_string_equal(err.msg, expected);
    snprintf(expected, sizeof expected, "protocol %d is the older one", HG_PROTOCOL - 1);
    assert_contains(err.hint, expected);
    payload[0] = HG_PROTOCOL + 1; /* now the reader is the older one; whatever else a later hello says */
    payload[4] = 77;
    assert_int_equal(hg_hello_read(&g, payload, sizeof payload, &err), HG_EREFUSED);
    snprintf(expected, sizeof expected, "protocol %d is the older one", HG_PROTOCOL);
    assert_contains(err.hint, expected);
    memset(payload + 80, 0xff, 16);
    assert_int_equal(hg_hello_read(&g, payload, sizeof payload, &err), HG_EREFUSED);
    assert_contains(err.msg, "runs hagane of an unknown version with protocol");
}

/* A ready message is worth nothing with any of its ingredients changed: other nonce, session, side, role, digest, name or key. */
static void a_ready_message_is_bound_to_everything(void **state) {
    (void)state;
    fake_world w = fake_world_make(3);
    test_members m;
    test_members_make(&m, "frame-ready", &w);
    const hg_hello hello[2] = { some_hello(1), some_hello(2) };
    hg_certificate c[2] = { *hg_identity_certificate(m.server[0]), *hg_identity_certificate(m.server[1]) };
    unsigned char exporter[32] = { 5 }, signature[HG_SIGNATURE];
    const hg_ready r = { { &hello[0], &hello[1] }, { &c[0], &c[1] }, exporter };
    hg_ready_sign(signature, m.server[0], &r, 0);
    assert_ok(hg_ready_check(signature, &r, 0, NULL));
    const hg_ready mirror = { { &hello[0], &hello[0] }, { &c[0], &c[0] }, exporter }; /* sent back to its maker */
    hg_ready_sign(signature, m.server[0], &mirror, 0);
    assert_ok(hg_ready_check(signature, &mirror, 0, NULL));
    assert_int_equal(hg_ready_check(signature, &mirror, 1, NULL), HG_EREFUSED);
    hg_ready_sign(signature, m.server[0], &r, 0);

    hg_hello other = hello[1];
    const hg_ready changed = { { &hello[0], &other }, { &c[0], &c[1] }, exporter };
    unsigned char *const part[] = { other.nonce,
                                    other.digest,
                                    (unsigned char *)&other.attempt,
                                    (unsigned char *)&other.purpose,
                                    exporter,
                                    (unsigned char *)c[1].name,
                                    c[1].signing_key };
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        *part[i] ^= 1;
        assert_int_equal(hg_ready_check(signature, &changed, 0, NULL), HG_EREFUSED);
        *part[i] ^= 1;
        assert_ok(hg_ready_check(signature, &changed, 0, NULL));
    }
    test_members_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_header_is_these_bytes),
        TEST(hostile_headers),
        TEST(an_error_travels),
        TEST(a_hello_comes_back_as_it_was),
        TEST(another_protocol_is_told_with_both_versions),
        TEST(a_ready_message_is_bound_to_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
