/* tests/party/test_server_memory.c -- three servers and a user of whom one is short of memory */
#include "test.h"
#include "trio.h"

static const char SEMI[] = "tier: properties\nmode: semi-honest\n";

/* One allocation fails, of the user's or of any server's: the call succeeds or says why, nobody hangs, and all goes on afterwards. */
static void lack_of_memory_breaks_off_and_nothing_else(void **state) {
    (void)state;
    trio_budget = 1000;
    trio *t = trio_new("memory", SEMI, "limits: {queries per data set: 1000}\n");
    trio_budget = 6;
    hg_err err;
    size_t right, row, failed = 0;
    trio_share_all(t);
    hg_party *carol = trio_party(t, "carol");
    assert_ok_err(trio_suggest(carol, &right, NULL, &err), err);
    for (long k = 0; k < 1800; k += 60 + k / 10) {
        fail_alloc_after(k);
        const hg_status st = trio_suggest(carol, &row, NULL, &err);
        fail_alloc_after(-1);
        if (st == HG_OK)
            assert_int_equal(row, right);
        else
            assert_true(err.msg[0] != '\0');
        failed += st != HG_OK;
        hg_party *other = trio_patient(t, "carol", 90000); /* broken ones may keep her places for a while */
        assert_ok_err(trio_suggest(other, &row, NULL, &err), err);
        assert_int_equal(row, right);
        hg_party_free(other);
    }
    assert_true(failed > 3);
    hg_party_free(carol);
    trio_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lack_of_memory_breaks_off_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
