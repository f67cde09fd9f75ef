/* tests/party/test_silence.c -- a server that hangs: who is missing is said, nothing waits for ever
 *
 * Times here (magnets.c): a pulse each 0.2 s, 2 s to meet for a job, 3 s for a round; a server has 3 s to become ready for a member. No
 * test looks at a clock but for a bound that is far above all these: what is tested is that everything ends, with the right name, and that
 * all works afterwards.
 */
#include "silence_kit.h"

/* ---- a server that hangs ---------------------------------------------------------------------------------------------------------- */

/* Stopped when it is asked: members and servers say which. */
static void a_server_that_hangs_is_named(void **state) {
    (void)state;
    magnets *m = magnets_new("hangs", "semi-honest", 6);
    share_two(m);
    const pid_t pid = m->s.pid[1];
    assert_int_equal(kill(pid, SIGSTOP), 0);
    magnets_result asked, shared;
    magnets_op ask = ASK, share = sharing("a", ROWS + 2, 1); /* both wait at the same time */
    magnets_child asking = magnets_begin(m, &ask), giving = magnets_begin(m, &share);
    assert_true(magnets_end(&asked, &asking, HANG_MS));
    assert_true(magnets_end(&shared, &giving, HANG_MS));
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
    sleep_ms(1000);
    assert_int_equal(kill(m->s.pid[2], SIGCONT), 0);
    assert_true(magnets_end(&r, &child, HANG_MS));
    assert_ok_err(r.st, r.err);
    magnets_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_hangs_is_named),
        TEST(a_patient_member_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
