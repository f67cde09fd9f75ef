/* tests/party/test_channel_tls.c -- rounds of three servers over TLS: what arrives, what is refused, and who is named */
#include "ends.h"
#include "party/channel_tls.h"
#include "party/run_keys.h"
#include "secret/run.h"
#include "test.h"
#include <signal.h>
#include <unistd.h>

typedef struct server server;
struct server {
    unsigned party;
    ring *r;
    hg_channel_tls *tls;
    hg_channel *channel;
    hg_link *link[HG_NEIGHBOURS];
    hg_status (*play)(server *s, hg_err *err);
    hg_status st;
    hg_err err;
    void *user;
    pthread_t thread;
    fake_world *world;
};

typedef struct {
    fake_world world;
    test_members m;
    ring r;
    server s[3];
    hg_channel_tls_opts o;
} scene;

static void open_scene(scene *s, const char *name) {
    memset(s, 0, sizeof *s);
    s->world = fake_world_make(31);
    test_members_make(&s->m, name, &s->world);
    ring_make(&s->r, &s->m, &s->world, 1);
    s->o = hg_channel_tls_opts_default();
}

static void close_scene(scene *s) {
    ring_free(&s->r);
    test_members_free(&s->m);
}

static void reopen(scene *s) {
    ring_free(&s->r);
    ring_make(&s->r, &s->m, &s->world, 1);
}

static void *run_server(void *self) {
    server *s = self;
    s->st = s->play(s, &s->err);
    return NULL;
}

/* All three at the same time, each its part; a part may be the same function. */
static void play(scene *s, hg_status (*const part[3])(server *, hg_err *), void *user) {
    for (unsigned i = 0; i < 3; i++) {
        server *x = &s->s[i];
        *x = (server) { .party = i, .r = &s->r, .play = part[i], .user = user, .world = &s->world };
        x->link[HG_NEXT] = s->r.next[i].link;
        x->link[HG_PREVIOUS] = s->r.previous[i].link;
        assert_ok(hg_channel_tls_new(&x->tls, i, x->link[HG_NEXT], x->link[HG_PREVIOUS], &s->o, NULL));
        x->channel = hg_channel_tls_channel(x->tls);
    }
    for (unsigned i = 0; i < 3; i++) assert_int_equal(pthread_create(&s->s[i].thread, NULL, run_server, &s->s[i]), 0);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(pthread_join(s->s[i].thread, NULL), 0);
    for (unsigned i = 0; i < 3; i++) hg_channel_tls_free(s->s[i].tls);
}

static void play_all(scene *s, hg_status (*part)(server *, hg_err *), void *user) {
    hg_status (*const parts[3])(server *, hg_err *) = { part, part, part };
    play(s, parts, user);
}

static void check(const server *s, hg_status code, const char *words) {
    if (s->st != code || !strstr(s->err.msg, words))
        fail_msg("server-%u: %s, \"%s\"; expected %s, \"%s\"", s->party, hg_status_name(s->st), s->err.msg,
                 hg_status_name(code), words);
}

static void check_all(const scene *s) {
    for (int i = 0; i < 3; i++) check(&s->s[i], HG_OK, "");
}

static hg_status one_round(server *s, hg_phase phase, uint32_t round, size_t out_n, size_t in_n, hg_err *err) {
    unsigned char out[64] = { 0 }, in[2][64];
    const hg_exchange x = {
        .out = { out, out }, .out_n = { out_n, out_n }, .in = { in[0], in[1] }, .in_n = { in_n, in_n }
    };
    return s->channel->exchange(s->channel->self, phase, round, &x, err);
}

/* ---- what arrives ------------------------------------------------------------------------------------------------------------ */

static unsigned char pattern(unsigned from, unsigned to, uint32_t round, size_t i) {
    return (unsigned char)(from * 50 + to * 20 + round * 3 + i * 7 + (i >> 8));
}

/* Sizes to next and to previous of each round; different ways have different ones. */
static const size_t SIZES[][2] = { { 8, 8 },       { 0, 0 },       { 0, 100 },      { 16368, 16369 },
                                   { 1, 2000000 }, { 2000000, 0 }, { 70000, 70000 } };
enum { N_SIZES = sizeof SIZES / sizeof *SIZES };

static hg_status all_sizes(server *s, hg_err *err) {
    hg_status st = HG_OK;
    for (uint32_t round = 0; round < N_SIZES && st == HG_OK; round++) {
        const unsigned to[2] = { (s->party + 1) % 3, (s->party + 2) % 3 };
        hg_exchange x = { .out_n = { SIZES[round][0], SIZES[round][1] }, .in_n = { SIZES[round][1], SIZES[round][0] } };
        unsigned char *out[2], *in[2];
        for (int k = 0; k < 2; k++) {
            x.out[k] = out[k] = malloc(x.out_n[k] + 1);
            x.in[k] = in[k] = calloc(x.in_n[k] + 1, 1);
            for (size_t i = 0; i < x.out_n[k]; i++) out[k][i] = pattern(s->party, to[k], round, i);
        }
        st = s->channel->exchange(s->channel->self, HG_PHASE_COMPUTE, round, &x, err);
        for (int k = 0; k < 2; k++) {
            for (size_t i = 0; i < x.in_n[k] && st == HG_OK; i++)
                if (in[k][i] != pattern(to[k], s->party, round, i)) st = hg_fail(err, HG_EDATA, "byte %zu is wrong", i);
            free(out[k]), free(in[k]);
        }
    }
    return st;
}

static void every_byte_arrives_and_is_counted(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "channel-sizes");
    play_all(&s, all_sizes, NULL);
    check_all(&s);
    uint64_t next = 0, previous = 0, frames_next = 0, frames_previous = 0;
    for (size_t i = 0; i < N_SIZES; i++) {
        next += SIZES[i][0];
        previous += SIZES[i][1];
        frames_next += SIZES[i][0] > 0;
        frames_previous += SIZES[i][1] > 0;
    }
    for (unsigned i = 0; i < 3; i++) {
        const hg_link_count n = hg_link_counted(s.r.next[i].link), p = hg_link_counted(s.r.previous[i].link);
        assert_true(n.payload_out == next && n.payload_in == previous && p.payload_out == previous &&
                    p.payload_in == next);
        assert_true(n.frames_out == frames_next && n.frames_in == frames_previous && p.header_in == 16 * frames_next);
    }
    close_scene(&s);
}

/* A neighbour that has all it needs may be rounds ahead; its messages wait. */
static hg_status one_way(server *s, hg_err *err) {
    for (uint32_t round = 0; round < 50; round++) {
        uint32_t out = round, in = 0;
        const hg_exchange x = { .out = { [HG_PREVIOUS] = &out },
                                .out_n = { [HG_PREVIOUS] = 4 },
                                .in = { [HG_NEXT] = &in },
                                .in_n = { [HG_NEXT] = 4 } };
        if (s->party == 1 && round % 10 == 0) usleep(2000);
        HG_TRY(s->channel->exchange(s->channel->self, HG_PHASE_COMPUTE, round, &x, err));
        if (in != round) return hg_fail(err, HG_EDATA, "round %u", in);
    }
    return HG_OK;
}

static hg_status with_heartbeats(server *s, hg_err *err) {
    for (uint32_t round = 0; round < 3; round++) {
        for (int k = 0; k < 2; k++) HG_TRY(hg_link_heartbeat(s->link[k], err));
        HG_TRY(one_round(s, HG_PHASE_INPUT, round, 5, 5, err));
    }
    return HG_OK;
}

static void running_ahead_and_heartbeats(void **state) {
    (void)state;
    scene s;
    open_scene(&s, "channel-ahead");
    play_all(&s, one_way, NULL);
    check_all(&s);
    play_all(&s, with_heartbeats, NULL);
    check_all(&s);
    close_scene(&s);
}

/* ---- what is refused ---------------------------------------------------------------------------------------------------------- */

static hg_status honest(server *s, hg_err *err) {
    for (uint32_t round = 0; round < 4; round++) HG_TRY(one_round(s, HG_PHASE_COIN, round, 24, 24, err));
    return HG_OK;
}

static hg_status other_length(server *s, hg_err *err) {
    HG_TRY(one_round(s, HG_PHASE_COIN, 0, 24, 24, err));
    return one_round(s, HG_PHASE_COIN, 1, 25, 24, err);
}

static hg_status other_round(server *s, hg_err *err) {
    HG_TRY(one_round(s, HG_PHASE_COIN, 0, 24, 24, err));
    return one_round(s, HG_PHASE_COIN, 0, 24, 24, err); /* sent again */
}

static hg_status other_phase(server *s, hg_err *err) {
    HG_TRY(one_round(s, HG_PHASE_COIN, 0, 24, 24, err));
    return one_round(s, HG_PHASE_OPEN, 1, 24, 24, err);
}

/* The third server gets nothing and waits; who saw the wrong message tells it. */
static hg_status wrong_to_one(server *s, hg_err *err) {
    unsigned char out[64] = { 0 };
    HG_TRY(one_round(s, HG_PHASE_COIN, 0, 24, 24, err));
    const hg_exchange x = { .out = { [HG_NEXT] = out }, .out_n = { [HG_NEXT] = 25 } };
    return s->channel->exchange(s->channel->self, HG_PHASE_COIN, 1, &x, err);
}

static hg_status other_kind(server *s, hg_err *err) {
    HG_TRY(one_round(s, HG_PHASE_COIN, 0, 24, 24, err));
    for (int k = 0; k < 2; k++) HG_TRY(hg_link_send(s->link[k], HG_KIND_SERVER, 1, 0, "x", 1, err));
    return one_round(s, HG_PHASE_COIN, 1, 24, 24, err);
}

static hg_status leaves(server *s, hg_err *err) {
    HG_TRY(one_round(s, HG_PHASE_COIN, 0, 24, 24, err));
    end_close(&s->r->next[s->party]); /* as when its process is killed */
    end_close(&s->r->previous[s->party]);
    return hg_fail(err, HG_EPARTY, "killed");
}

static hg_status says_goodbye(server *s, hg_err *err) {
    HG_TRY(one_round(s, HG_PHASE_COIN, 0, 24, 24, err));
    for (int k = 0; k < 2; k++) hg_link_close(s->link[k]);
    return hg_fail(err, HG_EPARTY, "left");
}

static hg_status gives_up(server *s, hg_err *err) {
    HG_TRY(one_round(s, HG_PHASE_COIN, 0, 24, 24, err));
    hg_advise(err, hg_fail(err, HG_ECHEAT, "the multiplication check failed"), "look at the logs");
    hg_channel_tls_abort(s->tls, err);
    hg_channel_tls_abort(s->tls, err); /* once is enough */
    if (one_round(s, HG_PHASE_COIN, 1, 24, 24, NULL) != HG_EPARTY) return HG_EDATA;
    return HG_ECHEAT;
}

static hg_status is_silent(server *s, hg_err *err) {
    HG_TRY(one_round(s, HG_PHASE_COIN, 0, 24, 24, err));
    usleep(900000);
    return hg_fail(err, HG_EPARTY, "slept");
}

static void who_breaks_the_rules_is_named_by_both_others(void **state) {
    (void)state;
    static const struct {
        hg_status (*part)(server *s, hg_err *err);
        hg_status code;
        const char *words; /* one of the two has seen it itself; the other too, or has been told */
    } cases[] = {
        { other_length, HG_ECHEAT, "server-1: sent a message with length 25 in round 1 of the coin" },
        { other_round, HG_ECHEAT, "server-1: sent a message with round number 0 in round 1 of the coin" },
        { other_phase, HG_ECHEAT, "in round 1 of the coin" },
        { wrong_to_one, HG_ECHEAT, "server-1: sent a message with length 25 in round 1 of the coin" },
        { other_kind, HG_ECHEAT, "server-1: sent a message of another kind in round 1 of the coin" },
        { leaves, HG_EPARTY, "server-1: " },
        { says_goodbye, HG_EPARTY, "server-1: left in round 1 of the coin" },
        { gives_up, HG_ECHEAT, "server-1: the multiplication check failed" },
        { is_silent, HG_EPARTY, "server-1: sent nothing for 600 ms in round 1 of the coin" },
    };
    scene s;
    open_scene(&s, "channel-cheat");
    char coin[128];
    snprintf(coin, sizeof coin, "%s", hg_phase_name(HG_PHASE_COIN));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hg_status (*const parts[3])(server *, hg_err *) = { honest, cases[i].part, honest };
        char words[256];
        const char *at = strstr(cases[i].words, "the coin");
        snprintf(words, sizeof words, "%.*s%s", (int)(at ? at - cases[i].words : (long)strlen(cases[i].words)),
                 cases[i].words, at ? coin : "");
        s.o.round_ms = cases[i].part == is_silent ? 600 : 10000;
        play(&s, parts, NULL);
        for (int k = 0; k < 3; k += 2) check(&s.s[k], cases[i].code, words);
        reopen(&s);
    }
    close_scene(&s);
}

static void cancelled(void **state) {
    (void)state;
    scene s;
    hg_cancel *c;
    open_scene(&s, "channel-cancel");
    assert_ok(hg_cancel_new(&c, NULL));
    s.o.cancel = c;
    hg_cancel_raise(c);
    play_all(&s, honest, NULL);
    for (int i = 0; i < 3; i++) check(&s.s[i], HG_ECANCEL, "stopped");
    hg_cancel_free(c);
    close_scene(&s);
}

static void links_that_do_not_fit(void **state) {
    (void)state;
    scene s;
    hg_channel_tls *c;
    open_scene(&s, "channel-fit");
    hg_link *next = s.r.next[0].link, *previous = s.r.previous[0].link;
    assert_int_equal(hg_channel_tls_new(&c, 0, previous, next, NULL, NULL), HG_EINVAL);
    assert_int_equal(hg_channel_tls_new(&c, 1, next, previous, NULL, NULL), HG_EINVAL);
    assert_int_equal(hg_channel_tls_new(&c, 3, next, previous, NULL, NULL), HG_EINVAL);
    assert_int_equal(hg_channel_tls_new(&c, 0, next, previous, &(hg_channel_tls_opts) { 0 }, NULL), HG_EINVAL);
    end_close(&s.r.next[0]); /* another attempt on one side */
    end_close(&s.r.previous[1]);
    s.r.next[0].o.attempt = 2;
    ends_open(&s.r.next[0], &s.r.previous[1], 1);
    assert_ok(s.r.next[0].st);
    assert_int_equal(hg_channel_tls_new(&c, 0, s.r.next[0].link, previous, NULL, NULL), HG_EINVAL);
    fail_alloc_after(0);
    assert_int_equal(hg_channel_tls_new(&c, 2, s.r.next[2].link, s.r.previous[2].link, NULL, NULL), HG_ENOMEM);
    fail_alloc_after(-1);
    assert_null(c);
    close_scene(&s);
}

/* ---- the real thing: keys, a product, an opening ------------------------------------------------------------------------------- */

typedef struct {
    hg_run_opts o[3];
    uint64_t product[3][2];
} outcome;

static hg_status multiply(server *s, hg_err *err) {
    outcome *out = s->user;
    hg_run_opts *o = &out->o[s->party];
    const unsigned char job[HG_DIGEST] = { 1, 2, 3 };
    HG_TRY(hg_run_keys_agree(o, s->channel, s->party, s->link[HG_NEXT], s->link[HG_PREVIOUS], job, 1, 0,
                             fake_world_of(s->world), err));
    o->mode = HG_SEMI_HONEST;
    o->channel = s->channel;
    hg_run *run;
    HG_TRY(hg_run_new(&run, o, err));
    static const uint64_t x[3][2] = { { 3, 100 }, { 4, 0 }, { 5, UINT64_MAX - 92 } }; /* slots of 12 and 7 */
    const uint64_t *const known[2] = { x[s->party], x[(s->party + 1) % 3] };
    hg_share a, z;
    hg_status st = hg_share_input(&a, run, known, 2, 1, err);
    if (st == HG_OK) st = hg_gate_mul(run, &z, &a, &a, err);
    if (st == HG_OK) st = hg_run_round(run, err);
    if (st == HG_OK) st = hg_open(run, out->product[s->party], &z, 64, err);
    if (st == HG_OK) st = hg_run_round(run, err);
    hg_run_free(run);
    return st;
}

static void a_product_over_tls(void **state) {
    (void)state;
    scene s;
    outcome first = { 0 }, second = { 0 };
    static const unsigned char none[32];
    open_scene(&s, "channel-product");
    play_all(&s, multiply, &first);
    check_all(&s);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(first.product[i][0] == 144 && first.product[i][1] == 49);
        /* slot key j: servers j and j-1, not the third; tags: each pair */
        assert_memory_equal(first.o[i].key[i], first.o[(i + 2) % 3].key[i], HG_PRSS_KEY);
        assert_memory_equal(first.o[(i + 1) % 3].key[i], none, HG_PRSS_KEY);
        assert_memory_equal(first.o[i].tag_key[HG_NEXT], first.o[(i + 1) % 3].tag_key[HG_PREVIOUS], 32);
        assert_memory_not_equal(first.o[i].key[i], first.o[i].key[(i + 1) % 3], HG_PRSS_KEY);
        assert_memory_not_equal(first.o[i].key[i], first.o[i].tag_key[HG_PREVIOUS], HG_PRSS_KEY);
    }
    /* a second run over the same links: other nonces, other keys */
    play_all(&s, multiply, &second);
    check_all(&s);
    for (unsigned i = 0; i < 3; i++) assert_memory_not_equal(first.o[i].key[i], second.o[i].key[i], HG_PRSS_KEY);
    close_scene(&s);
}

/* A server that gives its neighbours different nonces, or runs another job, is found before a share moves. */
static hg_status agree_on(server *s, unsigned char first, uint32_t attempt, hg_err *err) {
    hg_run_opts *o = &((outcome *)s->user)->o[s->party];
    const unsigned char job[HG_DIGEST] = { first };
    return hg_run_keys_agree(o, s->channel, s->party, s->link[HG_NEXT], s->link[HG_PREVIOUS], job, attempt, 0,
                             fake_world_of(s->world), err);
}

static hg_status the_job(server *s, hg_err *err) { return agree_on(s, 1, 1, err); }
static hg_status another_job(server *s, hg_err *err) { return agree_on(s, 2, 1, err); }
static hg_status another_attempt(server *s, hg_err *err) { return agree_on(s, 1, 2, err); }

static hg_status two_nonces(server *s, hg_err *err) {
    unsigned char out[2][32] = { { 1 }, { 2 } }, in[2][32];
    hg_exchange x = { .out = { out[0], out[1] }, .out_n = { 32, 32 }, .in = { in[0], in[1] }, .in_n = { 32, 32 } };
    HG_TRY(s->channel->exchange(s->channel->self, HG_PHASE_HELLO, 0, &x, err));
    HG_TRY(s->channel->exchange(s->channel->self, HG_PHASE_HELLO, 1, &x, err));
    for (int k = 0; k < 2; k++) memcpy(out[k], in[!k], 32); /* and repeats to each what the other said */
    return HG_OK;
}

static void who_starts_another_run_is_found(void **state) {
    (void)state;
    static hg_status (*const odd[])(server *, hg_err *) = { another_job, another_attempt, two_nonces };
    static const unsigned char none[32];
    scene s;
    open_scene(&s, "channel-agree");
    for (size_t i = 0; i < 3; i++) {
        outcome out = { 0 };
        hg_status (*const parts[3])(server *, hg_err *) = { the_job, odd[i], the_job };
        play(&s, parts, &out);
        for (int k = 0; k < 3; k += 2) {
            check(&s.s[k], HG_ECHEAT, "do not start the same run");
            assert_memory_equal(out.o[k].key[k], none, HG_PRSS_KEY);
        }
        reopen(&s);
    }
    close_scene(&s);
}

int main(void) {
    signal(SIGPIPE, SIG_DFL);
    const struct CMUnitTest tests[] = {
        TEST(every_byte_arrives_and_is_counted),
        TEST(running_ahead_and_heartbeats),
        TEST(who_breaks_the_rules_is_named_by_both_others),
        TEST(cancelled),
        TEST(links_that_do_not_fit),
        TEST(a_product_over_tls),
        TEST(who_starts_another_run_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
