/* tests/party/test_silence_link.c -- a bad link between two servers that are both there: named, and survived in the midst of a job */
#include "relay.h"
#include "silence_kit.h"

typedef enum { PASS, SWALLOW, CUT } mood;

/* A relay in a process of its own, so that servers are forked from a process with one thread. */
typedef struct {
    pid_t pid;
    int orders;
    uint16_t port;
} line;

static void run_relay(uint16_t to, int orders, int port) {
    relay *r = relay_new("127.0.0.1", to, NULL);
    const uint16_t at = r ? relay_port(r) : 0;
    char order;
    if (write(port, &at, sizeof at) != sizeof at || !r) _exit(1);
    while (read(orders, &order, 1) == 1) {
        if (order == SWALLOW) relay_delay(r, (int64_t)3600 * 1000000);
        if (order != SWALLOW) relay_delay(r, 0);
        relay_opts o = relay_opts_default();
        if (order == SWALLOW) o.delay_us = (int64_t)3600 * 1000000;
        if (order == CUT) o.cut_after[0] = o.cut_after[1] = 0;
        relay_set(r, &o);
        if (order != SWALLOW) relay_break(r);
    }
    relay_free(r);
    _exit(0);
}

static line open_line(uint16_t to) {
    int orders[2], port[2];
    line l = { 0 };
    assert_int_equal(pipe(orders), 0);
    assert_int_equal(pipe(port), 0);
    fflush(NULL);
    l.pid = fork();
    if (l.pid == 0) {
        close(orders[1]);
        run_relay(to, orders[0], port[1]);
    }
    close(orders[0]);
    close(port[1]);
    l.orders = orders[1];
    assert_int_equal(read(port[0], &l.port, sizeof l.port), sizeof l.port);
    close(port[0]);
    return l;
}

static void tell(const line *l, mood order) {
    const char byte = (char)order;
    assert_int_equal(write(l->orders, &byte, 1), 1);
    sleep_ms(100);
}

static void close_line(line *l) {
    close(l->orders);
    waitpid(l->pid, NULL, 0);
}

/* Only the way from server 1 to server 0 is bad: both are there, and each says that the other is missing. Server 2 sees both. */
static void a_bad_link_is_named(void **state) {
    (void)state;
    magnets *m = magnets_new("link", "semi-honest", 6);
    share_two(m);
    test_servers_stop(&m->s, 1, SIGTERM);
    line l = open_line(m->s.port[0]);
    m->s.seen[1][0] = l.port;
    magnets_start(m, 1);
    assert_usable(m, 8);
    static const mood BAD[] = { SWALLOW, CUT };
    for (size_t k = 0; k < 2; k++) {
        tell(&l, BAD[k]);
        const magnets_result r = work(m, ASK);
        assert_int_equal(r.st, HG_EPARTY);
        if (!strstr(r.err.msg, "s0: party \"s1\"") && !strstr(r.err.msg, "s1: party \"s0\""))
            fail_msg("told of a bad link between s0 and s1: %s", r.err.msg);
        assert_noticed(m, 1, "s0");
        tell(&l, PASS);
        assert_usable(m, 8);
    }
    /* in the midst of a job */
    magnets_op op = ASK;
    op.wait_ms = PATIENCE_MS;
    for (size_t k = 0; k < 4; k++) {
        magnets_result r;
        magnets_child child = magnets_begin(m, &op);
        sleep_ms(20 + 20 * (long)k);
        tell(&l, k % 2 ? SWALLOW : CUT);
        sleep_ms(500);
        tell(&l, PASS);
        assert_true(magnets_end(&r, &child, HANG_MS));
        assert_ok_err(r.st, r.err);
        assert_int_equal(r.index, magnets_answer(m, ROWS, 8));
    }
    close_line(&l);
    magnets_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_bad_link_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
