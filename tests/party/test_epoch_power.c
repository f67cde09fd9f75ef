/* tests/party/test_epoch_power.c -- servers die in the middle of a refresh or a rebuilding: no share is lost */
#include "epoch_kit.h"

/* All three die at once, before or after every few commits of a refresh (the random deaths below hit the others); what the dead left goes
 * on to the end. */
static void no_death_at_any_step_loses_a_share(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    uint64_t epoch = 0;
    bool died = true;
    new_world(&w, "!epoch-steps");
    for (long at = 0; died; at += KIT_STRIDE) {
        make_plan(&w, (unsigned)(at % 3));
        close_all(&w);
        let_die(&w);
        died = kit_dies(converse, &w, at);
        let_live(&w);
        for (unsigned p = 0; p < HG_SLOTS; p++) { /* at any time: both old and new are whole */
            const hg_refresh r = status_of(w.s[p]);
            assert_true(r.epoch == epoch || r.epoch == epoch + 1);
        }
        assert_ok_err(converse(&w, &err), err);
        epoch++;
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            assert_int_equal(status_of(w.s[p]).state, HG_REFRESH_IDLE);
            assert_int_equal(status_of(w.s[p]).epoch, epoch);
        }
        if (at % 2 || !died) check_values(&w, true);
        assert_true(at < 500);
    }
    check_erased(&w, 3);
    check_logs(&w);
    print_message("%llu refreshes\n", (unsigned long long)epoch);
    free_world(&w);
}

static void a_rebuilding_goes_on_after_any_death(void **state) {
    (void)state;
    bool died = true;
    hg_err err = { 0 };
    for (long at = 0; died; at += KIT_STRIDE + 4) {
        world w;
        new_world(&w, "!rebuild-steps");
        lose(&w, (unsigned)(at % 3));
        close_all(&w);
        let_die(&w);
        died = kit_dies(converse, &w, at);
        let_live(&w);
        assert_ok_err(converse(&w, &err), err);
        check_values(&w, true);
        free_world(&w);
    }
}

/* One server alone dies, at a random moment, while the two others go on. Each server is a process that does what it
 * can, once; the parent carries the words between them by letting each process read the others' status from the parent. */
typedef struct {
    world *w;
    unsigned party;
    hg_refresh said[HG_SLOTS];
} turn;

static hg_status take_turn(void *ctx, hg_err *err) {
    turn *t = ctx;
    world *w = t->w;
    hg_store *s;
    hg_refresh r;
    HG_TRY(kit_try(&s, &w->k[t->party], false, err));
    HG_TRY(hg_epoch_status(&r, s, KIT_PROJECT, err));
    if (r.state == HG_REFRESH_IDLE && memcmp(r.done, w->digest, HG_DIGEST) != 0)
        HG_TRY(hg_epoch_begin(s, w->plan.s, w->plan.len, w->seed, err));
    HG_TRY(hg_epoch_status(&r, s, KIT_PROJECT, err));
    if (r.state == HG_REFRESH_BEGUN) HG_TRY(hg_epoch_prepare(s, KIT_PROJECT, NULL, err));
    if (r.state == HG_REFRESH_BEGUN) HG_TRY(hg_epoch_agree(s, KIT_PROJECT, err));
    for (unsigned q = 0; q < HG_SLOTS; q++)
        if (q != t->party) HG_TRY(hg_epoch_hear(&r, s, q, &t->said[q], err));
    hg_store_free(s);
    return HG_OK;
}

static void no_power_failure_of_one_server_loses_a_share(void **state) {
    (void)state;
    world w;
    uint64_t epoch = 0;
    hg_rng g = hg_rng_make(5, 5);
    int deaths = 0;
    new_world(&w, "!epoch-power");
    make_plan(&w, 0);
    turn t = { .w = &w };
    for (unsigned p = 0; p < HG_SLOTS; p++) t.said[p] = status_of(w.s[p]);
    close_all(&w);
    let_die(&w);
    for (int round = 0; deaths < KIT_DEATHS; round++) {
        t.party = (unsigned)hg_rng_below(&g, 3);
        deaths += kit_dies(take_turn, &t, (long)hg_rng_below(&g, 14));
        hg_store *s; /* what it says when it is back */
        w.k[t.party].opts.step = NULL;
        s = kit_open(&w.k[t.party]);
        t.said[t.party] = status_of(s);
        w.k[t.party].opts.step = kit_step;
        hg_store_free(s);
        bool over = true;
        for (unsigned p = 0; p < HG_SLOTS; p++)
            over = over && t.said[p].state == HG_REFRESH_IDLE && t.said[p].epoch == epoch + 1;
        if (!over) continue;
        epoch++;
        let_live(&w);
        check_values(&w, true);
        make_plan(&w, (unsigned)hg_rng_below(&g, 3));
        close_all(&w);
        let_die(&w);
    }
    print_message("%llu refreshes in %d deaths\n", (unsigned long long)epoch, deaths);
    assert_true(epoch > 0);
    free_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(no_death_at_any_step_loses_a_share),
        TEST(a_rebuilding_goes_on_after_any_death),
        TEST(no_power_failure_of_one_server_loses_a_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
