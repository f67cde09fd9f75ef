/* tests/party/test_server_away.c -- servers that are away: named, waited for, and told what they missed */
#include "test.h"
#include "trio.h"
#include <unistd.h>

static const char SEMI[] = "tier: properties\nmode: semi-honest\n";

typedef struct {
    trio *t;
    unsigned party;
} later;

static void *start_later(void *arg) {
    later *l = arg;
    usleep(700000);
    trio_start(l->t, l->party);
    return NULL;
}

static void who_is_away_is_named_and_waited_for(void **state) {
    (void)state;
    trio *t = trio_new("away", SEMI, "");
    hg_err err;
    size_t before, after;
    trio_share_all(t);
    hg_party *carol = trio_patient(t, "carol", 20000);
    assert_ok_err(trio_suggest(carol, &before, NULL, &err), err);
    for (unsigned party = 0; party < HG_SERVERS; party++) {
        later l = { t, party };
        pthread_t thread;
        trio_stop(t, party);
        hg_party *hasty = trio_party(t, "carol");
        assert_int_equal(trio_suggest(hasty, NULL, NULL, &err), HG_EPARTY);
        assert_contains(err.msg, t->c.cluster.server[party].name);
        hg_party_free(hasty);
        assert_int_equal(pthread_create(&thread, NULL, start_later, &l), 0);
        assert_ok_err(trio_suggest(carol, &after, NULL, &err), err);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(after, before);
    }
    hg_party_free(carol);
    trio_free(t);
}

/* A server that was away when a set was withdrawn hears of it before the next job. */
static void a_withdrawal_reaches_who_was_away(void **state) {
    (void)state;
    trio *t = trio_new("withdraw", SEMI, "");
    hg_err err;
    hg_party_shared mine;
    trio_share_all(t);
    const size_t more[] = { 12, 13, 14 };
    const double y[] = { 0.1, 0.2, 0.3 };
    assert_ok_err(trio_share(t, "acme", more, y, 3, &mine, &err), err);
    hg_party *acme = trio_party(t, "acme"), *carol = trio_party(t, "carol"), *bolt = trio_party(t, "bolt");
    assert_int_equal(hg_party_withdraw(bolt, "magnets", mine.dataset, &err), HG_ENOTFOUND); /* not his */
    assert_int_equal(hg_party_withdraw(acme, "magnets", "5f", &err), HG_EINVAL);
    trio_stop(t, 0);
    assert_int_equal(hg_party_withdraw(acme, "magnets", mine.dataset, &err), HG_EPARTY);
    trio_start(t, 0);
    assert_ok_err(hg_party_withdraw(acme, "magnets", mine.dataset, &err), err);
    hg_party_answer *a;
    assert_ok_err(hg_party_suggest(&a, carol, "magnets", NULL, &err), err);
    assert_int_equal(a->rows, 8);
    hg_party_answer_free(a);
    assert_true(trio_logged(t, "was withdrawn: its shares are erased"));
    hg_party_free(acme);
    hg_party_free(bolt);
    hg_party_free(carol);
    trio_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(who_is_away_is_named_and_waited_for),
        TEST(a_withdrawal_reaches_who_was_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
