/* tests/cli/test_audit.c -- `hagane party audit` of three real servers, one of which was lost: whose word is taken that it was rebuilt */
#include "program.h"
#include "test.h"
#include "trio.h"

static program_result audit(const trio *t, const char *who, const char *more) {
    char command[2048];
    snprintf(command, sizeof command,
             "$HAGANE party audit --project magnets --cluster %s/cluster.yaml --identity %s/%s %s", t->c.folder,
             t->c.folder, who, more);
    return program_shell(command);
}

static void assert_audited(const trio *t, const char *who, const char *more, const char *part) {
    const program_result r = audit(t, who, more);
    if (r.code) print_error("%s", r.err);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, part);
}

static void assert_refused(const trio *t, const char *who, const char *more, const char *part) {
    const program_result r = audit(t, who, more);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, part);
}

static void rebuild(trio *t, unsigned party) {
    hg_err err;
    uint64_t epoch;
    hg_party *inst = trio_party(t, "inst");
    trio_lose(t, party);
    assert_ok_err(hg_party_refresh(&epoch, inst, "magnets", party, &err), err);
    hg_party_free(inst);
}

static void a_new_log_is_taken_on_the_word_of_both_others(void **state) {
    (void)state;
    trio *t = trio_new("audited", "tier: properties\nmode: semi-honest\n", "");
    trio_share_all(t);
    assert_audited(t, "acme", "", "The three logs tell the same.");
    assert_refused(t, "acme", "--rebuilt nowhere", "\"nowhere\" is none of the three servers");
    assert_refused(t, "acme", "--rebuilt univ", "the log of inst does not say that univ was rebuilt");
    assert_audited(t, "acme", "", "continues what was seen before"); /* what was refused is not remembered */

    rebuild(t, 1);
    assert_refused(t, "acme", "", "--rebuilt univ"); /* its log is in order and not the one that was seen */
    assert_refused(t, "acme", "--rebuilt inst", "univ");
    assert_audited(t, "acme", "--rebuilt univ", "univ: ");
    assert_audited(t, "acme", "", "continues what was seen before");
    /* the same rebuilding excuses no second new log */
    assert_refused(t, "acme", "--rebuilt univ", "the log of inst does not say that univ was rebuilt");

    rebuild(t, 2); /* who tells of univ is inst alone now: cloud's log began anew behind it */
    assert_refused(t, "bolt", "--rebuilt univ", "the log of cloud does not say that univ was rebuilt");
    assert_audited(t, "bolt", "--rebuilt cloud", "cloud: "); /* of it both others do tell */
    program_forget();
    trio_free(t);
}

/* Nobody has rebuilt it yet: it has no project, and nobody's word is asked. */
static void a_lost_server_has_no_log_to_take(void **state) {
    (void)state;
    trio *t = trio_new("lost", "tier: properties\nmode: semi-honest\n", "");
    trio_share_all(t);
    assert_audited(t, "acme", "", "The three logs tell the same.");
    trio_lose(t, 1);
    assert_refused(t, "acme", "--rebuilt univ", "there is no project \"magnets\" on this server");
    program_forget();
    trio_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_new_log_is_taken_on_the_word_of_both_others),
        TEST(a_lost_server_has_no_log_to_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
