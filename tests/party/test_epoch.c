/* tests/party/test_epoch.c -- new shares of the same values on three servers */
#include "epoch_kit.h"

/* ---- in good weather --------------------------------------------------------------------------------------------------------- */

static void a_refresh_changes_every_share_and_no_value(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    unsigned char digest[HG_SLOTS][2][HG_DIGEST];
    new_world(&w, "refresh");
    for (uint64_t epoch = 1; epoch <= 2; epoch++) {
        make_plan(&w, (unsigned)epoch);
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            assert_ok_err(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, &err), err);
            assert_ok_err(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, &err), err); /* again */
            assert_int_equal(hg_epoch_agree(w.s[p], KIT_PROJECT, &err), HG_EREFUSED);       /* nothing prepared */
            assert_contains(err.msg, "are not all here yet");
            assert_ok_err(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, &err), err);
            assert_ok_err(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, &err), err);
            assert_ok(hg_epoch_digest(digest[p], w.s[p], KIT_PROJECT, NULL));
        }
        for (unsigned p = 0; p < HG_SLOTS; p++) assert_memory_equal(digest[p][1], digest[(p + 1) % 3][0], HG_DIGEST);
        check_values(&w, epoch > 1); /* still the old ones */
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            assert_ok(hg_epoch_agree(w.s[p], KIT_PROJECT, NULL));
            assert_int_equal(status_of(w.s[p]).state, HG_REFRESH_PREPARED);
            assert_int_equal(hg_epoch_refuse(w.s[p], KIT_PROJECT, "too late", &err), HG_EREFUSED);
        }
        assert_ok_err(hear_all(&w, &err), err);
        assert_ok_err(hear_all(&w, &err), err);
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            const hg_refresh r = status_of(w.s[p]);
            assert_int_equal(r.state, HG_REFRESH_IDLE);
            assert_int_equal(r.epoch, epoch);
            assert_memory_equal(r.done, w.digest, HG_DIGEST);
            assert_int_equal(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED); /* over */
        }
        check_values(&w, true);
        check_erased(&w, 3);
    }
    check_logs(&w);
    hg_stored d;
    assert_ok(hg_store_dataset(&d, w.s[0], w.set[2].d.id, NULL)); /* staged: took no part */
    assert_int_equal(d.epoch, 0);
    assert_ok(hg_store_dataset(&d, w.s[0], w.set[0].d.id, NULL));
    assert_int_equal(d.epoch, 2);
    uint64_t word[3];
    assert_int_equal(hg_store_read((uint64_t *[2]) { word, NULL }, NULL, w.s[0], w.set[0].d.id, 1, 0, 1, NULL),
                     HG_EREFUSED);
    free_world(&w);
}

/* What a thief has of server 0 in epoch 0 and of server 1 in epoch 1 tells nothing: the slots do not belong together. */
static void shares_of_two_epochs_do_not_fit(void **state) {
    (void)state;
    world w;
    hg_err err;
    new_world(&w, "mobile");
    const kit_set *a = &w.set[1];
    const size_t n = 30 * a->words;
    uint64_t *old[2] = { malloc(n * 8), malloc(n * 8) }, *new[2] = { malloc(n * 8), malloc(n * 8) },
             *value = malloc(n * 8);
    assert_ok(hg_store_read(old, NULL, w.s[0], a->d.id, 0, 0, 30, NULL));
    make_plan(&w, 0);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
        assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
        assert_ok(hg_epoch_agree(w.s[p], KIT_PROJECT, NULL));
    }
    assert_ok_err(hear_all(&w, &err), err);
    assert_ok_err(hear_all(&w, &err), err);
    assert_ok(hg_store_read(new, NULL, w.s[1], a->d.id, 1, 0, 30, NULL));
    const uint64_t *const slot[HG_SLOTS] = { old[0], old[1], new[1] };
    kit_join(value, &a->d, slot, 30);
    for (size_t i = 0; i < n; i += a->words) assert_memory_not_equal(value + i, a->value + i, 24);
    for (int k = 0; k < 2; k++) {
        free(old[k]);
        free(new[k]);
    }
    free(value);
    free_world(&w);
}

static void a_refusal_takes_everyone_back(void **state) {
    (void)state;
    world w;
    hg_err err;
    new_world(&w, "refusal");
    make_plan(&w, 0);
    for (unsigned p = 0; p < 2; p++) {
        assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
        assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
    }
    assert_ok(hg_epoch_agree(w.s[0], KIT_PROJECT, NULL));
    /* one has agreed, one has not, one never begun: it begins, and refuses */
    assert_ok(hg_epoch_begin(w.s[2], w.plan.s, w.plan.len, w.seed, NULL));
    assert_ok(hg_epoch_refuse(w.s[2], KIT_PROJECT, "the disk is nearly full", NULL));
    assert_ok_err(hear_all(&w, &err), err);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        const hg_refresh r = status_of(w.s[p]);
        assert_int_equal(r.state, HG_REFRESH_IDLE);
        assert_int_equal(r.epoch, 0);
        assert_memory_equal(r.refused, w.digest, HG_DIGEST);
        assert_int_equal(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED); /* for good */
    }
    check_values(&w, false);
    check_erased(&w, 3);
    free_world(&w);
}

static void a_set_may_be_withdrawn_in_the_middle(void **state) {
    (void)state;
    world w;
    hg_err err;
    unsigned char digest[HG_SLOTS][2][HG_DIGEST];
    new_world(&w, "middle");
    make_plan(&w, 0);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
        if (p != 1) assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
        assert_ok(hg_store_withdraw(w.s[p], KIT_PROJECT, w.set[0].d.id, "request", 7, NULL));
        if (p == 1) assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
        assert_ok(hg_epoch_digest(digest[p], w.s[p], KIT_PROJECT, NULL));
        assert_ok(hg_epoch_agree(w.s[p], KIT_PROJECT, NULL));
    }
    /* the second set's shares fit although one server did not make the first one's */
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_memory_equal(digest[p][1], digest[(p + 1) % 3][0], HG_DIGEST);
    assert_ok_err(hear_all(&w, &err), err);
    assert_ok_err(hear_all(&w, &err), err);
    check_erased(&w, 2);
    hg_stored d;
    assert_ok(hg_store_dataset(&d, w.s[2], w.set[0].d.id, NULL));
    assert_int_equal(d.state, HG_DATASET_WITHDRAWN);
    assert_ok(hg_store_dataset(&d, w.s[2], w.set[1].d.id, NULL));
    assert_int_equal(d.epoch, 1);
    free_world(&w);
}

static void refuses_plans_that_do_not_fit(void **state) {
    (void)state;
    world w;
    hg_err err;
    new_world(&w, "plans");
    make_plan(&w, 0);
    for (size_t n = 0; n < w.plan.len; n++)
        assert_int_equal(hg_epoch_begin(w.s[1], w.plan.s, n, w.seed, NULL), HG_EPARSE);
    for (size_t i = 0; i < w.plan.len;
         i++) { /* any changed byte: refused, or another plan that this server can follow or not */
        w.plan.s[i] ^= 0x40;
        const hg_status st = hg_epoch_begin(w.s[1], w.plan.s, w.plan.len, w.seed, NULL);
        if (st == HG_OK) assert_ok(hg_epoch_refuse(w.s[1], KIT_PROJECT, "a test", NULL));
        w.plan.s[i] ^= 0x40;
    }
    assert_int_equal(hg_epoch_begin(w.s[1], w.plan.s, w.plan.len, NULL, &err), HG_EINVAL); /* no seed, and not lost */
    assert_ok(hg_epoch_plan_check(w.plan.s, w.plan.len, KIT_PROJECT, HG_NOBODY, NULL));
    assert_int_equal(hg_epoch_plan_check(w.plan.s, w.plan.len, KIT_PROJECT, 2, &err), HG_ECHEAT);
    assert_int_equal(hg_epoch_plan_check(w.plan.s, w.plan.len, "alloys", HG_NOBODY, &err), HG_ECHEAT);
    assert_int_equal(hg_epoch_plan_check(w.plan.s, w.plan.len - 1, KIT_PROJECT, HG_NOBODY, &err), HG_EPARSE);
    /* a set more here than in the plan */
    assert_ok(kit_receipts(w.s[1], &w.set[2], NULL));
    assert_int_equal(hg_epoch_begin(w.s[1], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED);
    assert_contains(err.msg, "the plan of a refresh has 2 data sets, this server 3");
    /* one less */
    assert_ok(hg_store_withdraw(w.s[2], KIT_PROJECT, w.set[0].d.id, "request", 7, NULL));
    assert_int_equal(hg_epoch_begin(w.s[2], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED);
    assert_contains(err.msg, "is withdrawn here");
    /* another seed, another plan on top */
    assert_ok(hg_epoch_begin(w.s[0], w.plan.s, w.plan.len, w.seed, NULL));
    w.seed[0] ^= 1;
    assert_int_equal(hg_epoch_begin(w.s[0], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED);
    assert_contains(err.msg, "another seed");
    hg_text again = hg_text_new(0);
    assert_int_equal(hg_epoch_plan(&again, w.s[0], KIT_PROJECT, HG_NOBODY, &err), HG_EREFUSED);
    hg_text_free(&again);
    free_world(&w);
}

/* Server 0 claims that all is done, to have server 1 erase what server 2 has not replaced yet. */
static void one_word_does_not_stand_for_two(void **state) {
    (void)state;
    world w;
    hg_refresh now;
    hg_err err;
    new_world(&w, "oneword");
    make_plan(&w, 0);
    for (unsigned p = 1; p < HG_SLOTS; p++) assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
    assert_ok(hg_epoch_prepare(w.s[1], KIT_PROJECT, NULL, NULL));
    assert_ok(hg_epoch_agree(w.s[1], KIT_PROJECT, NULL));
    hg_refresh said = status_of(w.s[1]);
    said.state = HG_REFRESH_COMMITTED;
    assert_ok_err(hg_epoch_hear(&now, w.s[1], 0, &said, &err), err);
    assert_int_equal(now.state, HG_REFRESH_PREPARED); /* server 2 has said nothing */
    assert_ok_err(hear(&w, 1, 2, &err), err);         /* and is not ready */
    assert_int_equal(status_of(w.s[1]).state, HG_REFRESH_PREPARED);
    assert_ok(hg_epoch_prepare(w.s[2], KIT_PROJECT, NULL, NULL));
    assert_ok(hg_epoch_agree(w.s[2], KIT_PROJECT, NULL));
    assert_ok_err(hear(&w, 1, 2, &err), err); /* now it is; and commits when it hears server 1 */
    assert_int_equal(status_of(w.s[1]).state, HG_REFRESH_COMMITTED);
    said = (hg_refresh) { .epoch = 1 };
    memcpy(said.project, KIT_PROJECT, sizeof KIT_PROJECT);
    memcpy(said.done, w.digest, HG_DIGEST);
    assert_ok_err(hg_epoch_hear(&now, w.s[1], 0, &said, &err), err); /* "all have committed" */
    assert_int_equal(now.state, HG_REFRESH_COMMITTED);               /* the old shares stay for server 2 */
    free_world(&w);
}

/* What no honest server says. */
static void a_server_that_contradicts_itself_is_named(void **state) {
    (void)state;
    world w;
    hg_err err;
    hg_refresh now, r;
    new_world(&w, "cheat");
    make_plan(&w, 0);
    assert_ok(hg_epoch_begin(w.s[0], w.plan.s, w.plan.len, w.seed, NULL));
    r = status_of(w.s[0]);
    r.state = HG_REFRESH_COMMITTED;
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 1, &r, &err), HG_ECHEAT);
    assert_contains(
        err.msg,
        "server 1 says that the refresh of project magnets to epoch 1 is in force, without this server's word");
    assert_ok(hg_epoch_prepare(w.s[0], KIT_PROJECT, NULL, NULL));
    assert_ok(hg_epoch_agree(w.s[0], KIT_PROJECT, NULL));
    r.state = HG_REFRESH_PREPARED;
    assert_ok(hg_epoch_hear(&now, w.s[0], 1, &r, NULL));
    assert_int_equal(now.state, HG_REFRESH_PREPARED); /* the third is missing */
    hg_refresh back = r;
    back.state = HG_REFRESH_IDLE;
    memset(back.plan, 0, HG_DIGEST);
    memcpy(back.refused, w.digest, HG_DIGEST);
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 1, &back, &err), HG_ECHEAT); /* it had agreed */
    hg_refresh over = back;
    memset(over.refused, 0, HG_DIGEST);
    memcpy(over.done, w.digest, HG_DIGEST);
    over.epoch = 1;
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 2, &over, &err), HG_ECHEAT); /* over, before we committed */
    hg_refresh other = r;
    other.plan[0] ^= 1;
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 2, &other, &err), HG_EREFUSED);
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 0, &r, &err), HG_EINVAL); /* ourselves */
    assert_int_equal(status_of(w.s[0]).state, HG_REFRESH_PREPARED);        /* nothing of that has moved it */
    assert_ok(hg_epoch_hear(&now, w.s[0], 2, &r, NULL));
    assert_int_equal(now.state, HG_REFRESH_COMMITTED);
    /* the old epoch stays until all three have committed, over a restart too: two keys for each of two sets, one for the staged one,
     * and the seed */
    hg_store_free(w.s[0]);
    w.s[0] = kit_open(&w.k[0]);
    assert_int_equal(kit_count(w.k[0].folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 's%'"), 6);
    assert_int_equal(kit_count(w.k[0].folder, "party.db", "SELECT count(*) FROM seal"), 5);
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 1, &back, &err), HG_ECHEAT);
    /* a server from a backup */
    hg_refresh stale = status_of(w.s[1]);
    stale.epoch = 7;
    assert_int_equal(hg_epoch_hear(&now, w.s[2], 1, &stale, &err), HG_EREFUSED);
    assert_contains(err.hint, "backup");
    /* statuses from the wire */
    unsigned char bytes[HG_REFRESH_SIZE];
    hg_refresh_pack(bytes, &stale);
    assert_ok(hg_refresh_unpack(&r, bytes, NULL));
    assert_memory_equal(&r, &stale, sizeof r);
    bytes[HG_NAME_SIZE] = HG_REFRESH_STATES;
    assert_int_equal(hg_refresh_unpack(&r, bytes, NULL), HG_EPARSE);
    hg_refresh_pack(bytes, &stale);
    memset(bytes, 'x', HG_NAME_SIZE);
    assert_int_equal(hg_refresh_unpack(&r, bytes, NULL), HG_EPARSE);
    free_world(&w);
}

static hg_status whole_life(world *w, hg_err *err) {
    hg_refresh r;
    hg_text plan = hg_text_new(0);
    unsigned char digest[2][HG_DIGEST];
    hg_status st = hg_epoch_plan(&plan, w->s[0], KIT_PROJECT, HG_NOBODY, err);
    if (st == HG_OK) st = hg_epoch_begin(w->s[0], plan.s, plan.len, w->seed, err);
    if (st == HG_OK) st = hg_epoch_prepare(w->s[0], KIT_PROJECT, NULL, err);
    if (st == HG_OK) st = hg_epoch_digest(digest, w->s[0], KIT_PROJECT, err);
    if (st == HG_OK) st = hg_epoch_agree(w->s[0], KIT_PROJECT, err);
    hg_text_free(&plan);
    fail_alloc_after(-1);
    if (hg_epoch_status(&r, w->s[0], KIT_PROJECT, NULL) == HG_OK && r.state == HG_REFRESH_BEGUN)
        assert_ok(hg_epoch_refuse(w->s[0], KIT_PROJECT, "a test", NULL));
    return st;
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    world w;
    new_world(&w, "!epoch-faults");
    for (long i = 0;; i++) {
        fail_alloc_after(i);
        const hg_status st = whole_life(&w, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(i > 20);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    free_world(&w);
}

static bool stop_at_once(void *user, const char *what, size_t done, size_t total) {
    (void)user;
    assert_string_equal(what, "new shares");
    return done < 1 || total == 0;
}

static void preparing_can_be_interrupted(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    const hg_hooks hooks = { .progress = stop_at_once };
    new_world(&w, "cancel");
    make_plan(&w, 0);
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
    assert_int_equal(hg_epoch_prepare(w.s[0], KIT_PROJECT, &hooks, &err), HG_ECANCEL);
    close_all(&w);
    assert_ok_err(converse(&w, &err), err);
    check_values(&w, true);
    check_erased(&w, 3);
    free_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_refresh_changes_every_share_and_no_value),
        TEST(shares_of_two_epochs_do_not_fit),
        TEST(a_refusal_takes_everyone_back),
        TEST(a_set_may_be_withdrawn_in_the_middle),
        TEST(refuses_plans_that_do_not_fit),
        TEST(one_word_does_not_stand_for_two),
        TEST(a_server_that_contradicts_itself_is_named),
        TEST(preparing_can_be_interrupted),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
