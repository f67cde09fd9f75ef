/* tests/search/test_replay_threads.c -- the same answer whatever the number of threads; apart, for the thread sanitizer runs it alone */
#include "replay_kit.h"

static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    hg_table *t = magnets();
    hg_pool *two;
    assert_ok(hg_pool_new(&two, 2, NULL));
    const hg_acquisition all[] = { HG_ACQ_UCB, HG_ACQ_THOMPSON };
    for (size_t i = 0; i < 2; i++) {
        hg_replay_result *a = magnet_replay(t, all[i], 6, 6, NULL), *b = magnet_replay(t, all[i], 6, 6, two);
        for (size_t k = 0; k < 3 * 7; k++) assert_true(a->best_so_far[k] == b->best_so_far[k]);
        assert_true(a->to_top5.unreached == b->to_top5.unreached);
        assert_string_equal(a->words, b->words);
        hg_replay_free(b);
        hg_replay_free(a);
    }
    hg_pool_free(two);
    hg_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(threads_do_not_change_a_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
