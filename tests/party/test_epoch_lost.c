/* tests/party/test_epoch_lost.c -- a lost server, rebuilt from the two others */
#include "epoch_kit.h"

static void a_lost_server_is_rebuilt_from_the_other_two(void **state) {
    (void)state;
    for (unsigned lost = 0; lost < HG_SLOTS; lost++) {
        world w;
        hg_err err = { 0 };
        unsigned char digest[HG_SLOTS][2][HG_DIGEST];
        new_world(&w, "rebuild");
        const unsigned next = (lost + 1) % HG_SLOTS;
        uint64_t word[24];
        lose(&w, lost);
        assert_int_equal(hg_epoch_rows(word, NULL, w.s[next], KIT_PROJECT, 1, 0, 1, &err),
                         HG_ENOTFOUND); /* not yet prepared */
        for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok_err(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, &err), err);
        assert_int_equal(hg_epoch_agree(w.s[lost], KIT_PROJECT, &err), HG_EREFUSED);
        assert_ok_err(rebuild_sets(&w, &err), err);
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            assert_ok(hg_epoch_digest(digest[p], w.s[p], KIT_PROJECT, NULL));
            assert_ok_err(hg_epoch_agree(w.s[p], KIT_PROJECT, &err), err);
        }
        for (unsigned p = 0; p < HG_SLOTS; p++) assert_memory_equal(digest[p][1], digest[(p + 1) % 3][0], HG_DIGEST);
        assert_ok_err(hear_all(&w, &err), err);
        assert_ok_err(hear_all(&w, &err), err);
        assert_int_equal(status_of(w.s[lost]).epoch, 1);
        check_values(&w, true);
        check_logs(&w);
        hg_text t = hg_text_new(0);
        assert_ok(hg_store_statement(&t, w.s[lost], w.set[0].d.id, NULL));
        assert_string_equal(t.s, "statement");
        hg_text_free(&t);
        /* a server that is there is not rebuilt */
        w.lost = lost;
        make_plan(&w, next);
        assert_int_equal(hg_epoch_begin(w.s[lost], w.plan.s, w.plan.len, NULL, &err), HG_EREFUSED);
        assert_contains(err.msg, "it is not lost");
        free_world(&w);
    }
}

/* The owner takes a set back while a server is rebuilt: the others' sets go on. */
static void a_set_may_be_withdrawn_during_a_rebuilding(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    hg_stored d;
    size_t n;
    new_world(&w, "rebuild-less");
    lose(&w, 2);
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
    assert_ok(hg_epoch_set(&d, &n, w.s[2], KIT_PROJECT, 0, NULL));
    assert_ok_err(rebuild_set(&w, 0, &d, 5000, &err), err); /* before and after its rows came */
    for (unsigned p = 0; p < HG_SLOTS; p++)
        assert_ok(hg_store_withdraw(w.s[p], KIT_PROJECT, w.set[0].d.id, "request", 7, NULL));
    assert_ok_err(rebuild_sets(&w, &err), err);
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok_err(hg_epoch_agree(w.s[p], KIT_PROJECT, &err), err);
    assert_ok_err(hear_all(&w, &err), err);
    assert_ok_err(hear_all(&w, &err), err);
    assert_int_equal(kit_state(w.s[2], &w.set[0]), HG_DATASET_WITHDRAWN);
    assert_int_equal(kit_state(w.s[2], &w.set[1]), HG_DATASET_ACTIVE);
    kit_check(w.s[2], &w.set[1]);
    free_world(&w);
}

static void a_rebuilding_that_is_refused_leaves_nothing(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    new_world(&w, "rebuild-no");
    lose(&w, 1);
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
    assert_ok_err(rebuild_sets(&w, &err), err);
    assert_ok(hg_epoch_refuse(w.s[1], KIT_PROJECT, "a digest differs", NULL));
    assert_ok(hear(&w, 0, 1, NULL));
    assert_ok(hear(&w, 2, 1, NULL));
    assert_int_equal(kit_count(w.k[1].folder, "party.db", "SELECT count(*) FROM dataset"), 0);
    assert_int_equal(kit_count(w.k[1].folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 'set/%'"), 0);
    assert_int_equal(kit_count(w.k[0].folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 'set/%'"), 3);
    free_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_lost_server_is_rebuilt_from_the_other_two),
        TEST(a_set_may_be_withdrawn_during_a_rebuilding),
        TEST(a_rebuilding_that_is_refused_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
