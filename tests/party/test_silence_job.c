/* tests/party/test_silence_job.c -- a server that hangs in the midst of a question; see test_silence.c for the times */
#include "silence_kit.h"

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

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_server_that_hangs_in_a_job_is_named) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
