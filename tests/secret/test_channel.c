/* tests/secret/test_channel.c -- rounds of messages between three threads */
#include "secret/channel.h"
#include "test.h"
#include <pthread.h>

typedef struct {
    hg_channel *channel;
    hg_memory_net *net;
    unsigned party;
    size_t n; /* bytes of a message */
    int rounds;
    hg_phase phase; /* of its messages */
    bool quiet;     /* sends nothing: closes at once */
    bool holds_back;
    hg_status st;
    hg_err err;
    size_t wrong;
} talker;

static unsigned char word(unsigned from, unsigned side, int round, size_t i) {
    return (unsigned char)(from * 64 + side * 32 + (unsigned)round * 7 + i);
}

/* Everybody sends to both neighbours and looks at what comes; odd rounds go one way only. */
static void *talk(void *arg) {
    talker *t = arg;
    unsigned char *out[2] = { malloc(t->n), malloc(t->n) }, *in[2] = { malloc(t->n), malloc(t->n) };
    for (int round = 0; round < t->rounds && t->st == HG_OK && !t->quiet; round++) {
        hg_exchange x = { .out = { out[0], out[1] }, .in = { in[0], in[1] } };
        for (unsigned side = 0; side < 2; side++) {
            const bool both = round % 2 == 0;
            x.out_n[side] = both || side == HG_PREVIOUS ? t->n : 0;
            if (t->holds_back && round >= 2) x.out_n[side] = 0;
            x.in_n[side] = both || side == HG_NEXT ? t->n : 0;
            for (size_t i = 0; i < t->n; i++) out[side][i] = word(t->party, side, round, i);
        }
        t->st = t->channel->exchange(t->channel->self, t->phase, (uint32_t)round, &x, &t->err);
        for (unsigned side = 0; side < 2 && t->st == HG_OK; side++)
            for (size_t i = 0; i < x.in_n[side]; i++)
                t->wrong += in[side][i] != word((t->party + 1 + side) % 3, 1 - side, round, i);
    }
    hg_memory_net_close(t->net, t->party);
    for (int k = 0; k < 2; k++) {
        free(out[k]);
        free(in[k]);
    }
    return NULL;
}

static void run(talker t[3]) {
    hg_memory_net *net;
    pthread_t id[3];
    assert_ok(hg_memory_net_new(&net, NULL));
    for (unsigned i = 0; i < 3; i++) {
        t[i].net = net;
        t[i].party = i;
        t[i].channel = hg_memory_net_channel(net, i);
        assert_int_equal(pthread_create(&id[i], NULL, talk, &t[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) pthread_join(id[i], NULL);
    hg_memory_net_free(net);
}

static void messages_arrive_whole_and_in_order(void **state) {
    (void)state;
    static const size_t sizes[] = { 1, 16, 1000000 };
    for (int s = 0; s < 3; s++) {
        talker t[3] = { { .n = sizes[s], .rounds = 9, .phase = HG_PHASE_COMPUTE } };
        t[1] = t[2] = t[0];
        run(t);
        for (int i = 0; i < 3; i++) {
            assert_ok_err(t[i].st, t[i].err);
            assert_int_equal(t[i].wrong, 0);
        }
    }
}

static void a_server_that_breaks_off_stops_the_others(void **state) {
    (void)state;
    talker t[3] = { { .n = 8, .rounds = 5, .phase = HG_PHASE_COMPUTE } };
    t[1] = t[2] = t[0];
    t[1].quiet = true;
    run(t);
    assert_int_equal(t[0].st, HG_EPARTY);
    assert_int_equal(t[2].st, HG_EPARTY);
    assert_string_equal(t[0].err.msg, "server 1 broke off");
    t[1].quiet = false;
    t[1].rounds = 3; /* its last messages are still taken, then no more come */
    t[0].st = t[1].st = t[2].st = HG_OK;
    run(t);
    assert_int_equal(t[1].st, HG_OK);
    assert_int_equal(t[0].st, HG_EPARTY);
    assert_int_equal(t[2].st, HG_EPARTY);
    assert_int_equal(t[0].wrong + t[2].wrong, 0);
}

static void a_message_that_is_held_back_ends_the_wait_of_all(void **state) {
    (void)state;
    talker t[3] = { { .n = 8, .rounds = 5, .phase = HG_PHASE_COMPUTE } };
    t[1] = t[2] = t[0];
    t[0].holds_back = true; /* from round 2 on it sends nothing, and waits for the others */
    run(t);
    for (int i = 0; i < 3; i++) assert_int_equal(t[i].st, HG_EPARTY);
    assert_contains(t[1].err.msg, "sends nothing");
}

static void another_length_or_phase_is_refused_by_name(void **state) {
    (void)state;
    talker t[3] = { { .n = 8, .rounds = 2, .phase = HG_PHASE_COMPUTE } };
    t[1] = t[2] = t[0];
    t[2].n = 9;
    run(t);
    assert_int_equal(t[0].st, HG_ECHEAT);
    assert_contains(t[0].err.msg, "server 2 sent 9 bytes in the computation, round 0, expected 8");
    t[0].st = t[1].st = t[2].st = HG_OK;
    t[2].n = 8;
    t[2].phase = HG_PHASE_OK;
    run(t);
    assert_int_equal(t[1].st, HG_ECHEAT);
    assert_contains(t[1].err.msg, "a message of the agreement on the check, round 0, in the computation, round 0");
}

static void every_phase_has_a_name_of_its_own(void **state) {
    (void)state;
    for (hg_phase a = 0; a < HG_PHASE_COUNT; a++) {
        assert_non_null(hg_phase_name(a));
        for (hg_phase b = 0; b < a; b++) assert_string_not_equal(hg_phase_name(a), hg_phase_name(b));
    }
    assert_string_equal(hg_phase_name(HG_PHASE_COUNT), "an unknown phase");
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    hg_memory_net *net;
    hg_err err;
    fail_alloc_after(0);
    assert_int_equal(hg_memory_net_new(&net, &err), HG_ENOMEM);
    assert_null(net);
    fail_alloc_after(-1);
    hg_memory_net_free(NULL);
    assert_ok(hg_memory_net_new(&net, &err));
    for (long k = 0; k < 2; k++) { /* nothing is waited for: one thread can do this */
        hg_channel *c = hg_memory_net_channel(net, 0);
        const hg_exchange x = { .out = { "to next", "to previous" }, .out_n = { 8, 12 } };
        fail_alloc_after(k);
        assert_int_equal(c->exchange(c->self, HG_PHASE_COMPUTE, 0, &x, &err), HG_ENOMEM);
        fail_alloc_after(-1);
    }
    hg_memory_net_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(messages_arrive_whole_and_in_order),
        TEST(a_server_that_breaks_off_stops_the_others),
        TEST(a_message_that_is_held_back_ends_the_wait_of_all),
        TEST(another_length_or_phase_is_refused_by_name),
        TEST(every_phase_has_a_name_of_its_own),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
