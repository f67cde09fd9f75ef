/* tests/party/test_silence.c -- a server that hangs, a link that is cut or swallows everything: who is missing is said, nothing waits for ever
 *
 * Times here (magnets.c): a pulse each 0.2 s, 2 s to meet for a job, 3 s for a round; a server has 3 s to become ready for a member. No
 * test looks at a clock but for a bound that is far above all these: what is tested is that everything ends, with the right name, and that
 * all works afterwards.
 */
#include "magnets.h"
#include "relay.h"
#include "test.h"
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HANG_MS = 120000, PATIENCE_MS = 90000 };
static const size_t ROWS[] = { 0, 5, 30, 35, 29, 1, 17, 22 };

static void sleep_ms(long ms) {
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

static magnets_result work(const magnets *m, magnets_op op) {
    magnets_result r;
    magnets_child child = magnets_begin(m, &op);
    assert_true(magnets_end(&r, &child, HANG_MS));
    return r;
}

static magnets_op sharing(const char *owner, const size_t *row, size_t n) {
    magnets_op op = { .kind = MAGNETS_SHARE, .member = owner, .n = n };
    memcpy(op.row, row, n * sizeof *row);
    return op;
}

static const magnets_op ASK = { .kind = MAGNETS_ASK, .member = "c" };

static void share_two(const magnets *m) {
    for (size_t k = 0; k < 2; k++) {
        magnets_op op = sharing(k ? "b" : "a", ROWS + 4 * k, 4);
        op.now = (int64_t)time(NULL) + (int64_t)k;
        const magnets_result r = work(m, op);
        assert_ok_err(r.st, r.err);
    }
}

static void assert_usable(const magnets *m, size_t rows) {
    magnets_op op = ASK;
    op.wait_ms = PATIENCE_MS;
    const magnets_result r = work(m, op);
    assert_ok_err(r.st, r.err);
    assert_int_equal(r.rows, rows);
    if (rows == 8) assert_int_equal(r.index, magnets_answer(m, ROWS, rows));
}

static void assert_missing(const magnets_result *r, const char *name) {
    assert_int_equal(r->st, HG_EPARTY);
    assert_contains(r->err.msg, name);
}

/* The others' words about it. */
static void assert_noticed(magnets *m, unsigned by, const char *name) {
    char sentence[80];
    hg_text log = hg_text_new(0);
    snprintf(sentence, sizeof sentence, "party \"%s\" does not answer", name);
    for (unsigned tries = 0; tries < 300; tries++) {
        hg_text_free(&log);
        if (strstr(magnets_log(&log, m, by), sentence)) break;
        sleep_ms(100);
    }
    assert_contains(log.s, sentence);
    hg_text_free(&log);
}

/* ---- a server that hangs ---------------------------------------------------------------------------------------------------------- */

/* Stopped when it is asked: members and servers say which. */
static void a_server_that_hangs_is_named(void **state) {
    (void)state;
    magnets *m = magnets_new("hangs", "semi-honest", 6);
    share_two(m);
    const pid_t pid = m->s.pid[1];
    assert_int_equal(kill(pid, SIGSTOP), 0);
    const magnets_result asked = work(m, ASK), shared = work(m, sharing("a", ROWS + 2, 1));
    assert_missing(&asked, "s1");
    assert_missing(&shared, "s1");
    assert_noticed(m, 0, "s1");
    assert_noticed(m, 2, "s1");
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_usable(m, 8);
    magnets_op again = sharing("a", ROWS + 2, 1);
    again.again = true;
    again.wait_ms = PATIENCE_MS;
    assert_int_equal(work(m, again).st, HG_OK);
    assert_usable(m, 9);
    magnets_free(m);
}

/* Stopped while the three compute, at many places: the others' round ends, and their links to the member do, too. */
static void a_server_that_hangs_in_a_job_is_named(void **state) {
    (void)state;
    magnets *m = magnets_new("midst", "malicious", 6);
    share_two(m);
    const magnets_result usual = work(m, ASK);
    assert_ok_err(usual.st, usual.err);
    size_t named = 0;
    for (unsigned k = 0; k < 2; k++) {
        magnets_result r;
        const unsigned party = 2 - k;
        const char name[] = { 's', (char)('0' + party), 0 };
        magnets_op op = ASK;
        magnets_child child = magnets_begin(m, &op);
        sleep_ms((long)(usual.ms * (0.6 + 0.2 * k)));
        assert_int_equal(kill(m->s.pid[party], SIGSTOP), 0);
        assert_true(magnets_end(&r, &child, HANG_MS));
        assert_int_equal(kill(m->s.pid[party], SIGCONT), 0);
        if (r.st == HG_OK) continue; /* it was faster */
        assert_missing(&r, name);
        named++;
    }
    print_message("%zu of 2 were stopped in time\n", named);
    assert_usable(m, 8);
    magnets_free(m);
}

/* A member with patience does not care: it has its answer once the server goes on. */
static void a_patient_member_waits(void **state) {
    (void)state;
    magnets *m = magnets_new("waits", "semi-honest", 6);
    magnets_result r;
    share_two(m);
    assert_int_equal(kill(m->s.pid[2], SIGSTOP), 0);
    magnets_op op = ASK;
    op.wait_ms = PATIENCE_MS;
    magnets_child child = magnets_begin(m, &op);
    sleep_ms(2500);
    assert_int_equal(kill(m->s.pid[2], SIGCONT), 0);
    assert_true(magnets_end(&r, &child, HANG_MS));
    assert_ok_err(r.st, r.err);
    magnets_free(m);
}

/* ---- links ------------------------------------------------------------------------------------------------------------------------- */

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
        TEST(a_server_that_hangs_is_named),
        TEST(a_server_that_hangs_in_a_job_is_named),
        TEST(a_patient_member_waits),
        TEST(a_bad_link_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
