/* tests/party/test_ledger.c -- budgets: charged first, once, never forgotten, the same on three servers */
#include "ledger_kit.h"

static void a_job_remembers_its_data_sets(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    hg_err err;
    hg_store *s = new_store(&k, "remembers", 0);
    const hg_charge c = job_of(1);
    unsigned char(*id)[HG_DIGEST], nobody[HG_DIGEST] = { 7 };
    size_t n, failures = 0;
    bool there[2] = { false };
    hg_arena *mem = hg_arena_new();
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    assert_int_equal(hg_ledger_sets(&id, &n, s, nobody, mem, &err), HG_ENOTFOUND);
    hg_status st = HG_ENOMEM;
    for (; st == HG_ENOMEM && failures < 100; failures++) {
        fail_alloc_after((long)failures);
        st = hg_ledger_sets(&id, &n, s, c.job, mem, &err);
        fail_alloc_after(-1);
    }
    assert_ok_err(st, err);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 2; j++) there[j] = there[j] || memcmp(id[i], SET[j].d.id, HG_DIGEST) == 0;
    assert_true(there[0] && there[1]);
    hg_arena_free(mem);
    hg_store_free(s);
}

static void a_job_is_charged_once_and_tried_four_times(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    hg_err err;
    hg_store *s = new_store(&k, "once", 0);
    const hg_charge c = job_of(1);
    for (unsigned i = 1; i <= 1 + HG_RETRIES; i++) {
        assert_ok(hg_ledger_charge(&out, s, &c, NULL));
        assert_int_equal(out.attempt, i);
        assert_int_equal(out.free, i > 1);
        assert_int_equal(out.user_left, 9);
        assert_int_equal(spent_by(s, "carol"), 1);
        assert_int_equal(spent_on(s, 0, NULL), 1);
        assert_int_equal(spent_on(s, 1, NULL), 1);
        assert_ok(hg_ledger_abort(s, c.job, "the multiplication check", "server 2 sent something else", NULL));
    }
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED);
    assert_contains(err.msg, "tried 4 times");
    assert_contains(err.hint, "operators");
    assert_ok(hg_ledger_allow(s, c.job, NULL));
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    assert_int_equal(out.attempt, 5);
    assert_int_equal(spent_by(s, "carol"), 1);
    hg_job_record r;
    assert_ok(hg_ledger_job(&r, s, c.job, NULL));
    assert_true(r.state == HG_JOB_CHARGED && r.attempts == 5 && r.times == 1 && r.queries == 1);
    assert_string_equal(r.user, "carol");
    assert_logged(s, "kind job-aborted\nproject magnets\nuser carol\n");
    assert_logged(s, "phase the multiplication check\n");
    assert_logged(s, "kind job-allowed\n");
    hg_store_free(s);
    test_remove_tree(k.folder);
}

static void a_retry_that_could_tell_more_costs_again(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    hg_store *s = new_store(&k, "again", 0);
    hg_charge c = job_of(1);
    c.deterministic = false;
    c.queries = 3;
    for (unsigned i = 1; i <= 3; i++) {
        assert_ok(hg_ledger_charge(&out, s, &c, NULL));
        assert_false(out.free);
        assert_int_equal(spent_by(s, "carol"), 3 * i);
        assert_int_equal(out.user_left, 10 - 3 * i);
    }
    hg_err err;
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED); /* 9 + 3 > 10 */
    assert_string_equal(err.msg, "carol has 1 of 10 queries left in project magnets, this job costs 3");
    assert_int_equal(spent_by(s, "carol"), 9);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

static void budgets_of_users_and_of_data_sets(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    hg_err err;
    hg_store *s = new_store(&k, "budgets", 0);
    for (unsigned i = 0; i < 10; i++) {
        const hg_charge c = job_of(i);
        assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    }
    assert_int_equal(out.user_left, 0);
    hg_charge c = job_of(10);
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED);
    assert_logged(s, "kind job-refused\n");
    assert_logged(s, "reason carol has 0 of 10 queries left in project magnets, this job costs 1\n");
    /* a sock puppet has a budget of its own, but the data set's is the same */
    strcpy(c.user, "carol2");
    c.n_datasets = 1;
    for (unsigned i = 10; i < 20; i++) {
        memcpy(c.job, &i, sizeof i);
        assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    }
    strcpy(c.user, "carol3");
    memset(c.job, 0x77, HG_DIGEST);
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED);
    char id[2 * HG_DIGEST + 1], named[160]; /* by its name, as a status lists it */
    hg_hex_write(id, c.dataset[0], HG_DIGEST);
    snprintf(named, sizeof named, "data set %.16s of ann has taken part in 20 of 20 queries, this job costs 1", id);
    assert_string_equal(err.msg, named);
    assert_int_equal(spent_on(s, 0, NULL), 20);
    assert_int_equal(spent_on(s, 1, NULL), 10);
    assert_int_equal(spent_by(s, "carol3"), 0);
    /* across a restart */
    hg_store_free(s);
    s = kit_open(&k);
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

static void epsilon_adds_up_exactly(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    hg_err err;
    double e;
    hg_store *s = new_store(&k, "epsilon", 0);
    hg_charge c = job_of(0);
    c.epsilon = 0.1;
    c.epsilon_budget = 1;
    for (unsigned i = 0; i < 10; i++) { /* ten times 0.1 is not 1 in doubles; here it is */
        memcpy(c.job, &i, sizeof i);
        assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    }
    spent_on(s, 1, &e);
    assert_true(e == 1);
    memset(c.job, 0x55, HG_DIGEST);
    strcpy(c.user, "dave");
    c.epsilon = 1e-9;
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED);
    assert_contains(err.msg, "has spent epsilon 1 of 1");
    c.epsilon = 1e-12; /* rounded up, never to nothing */
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED);
    c.epsilon = NAN;
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EINVAL);
    c.epsilon = 0;
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    hg_store_free(s);
    test_remove_tree(k.folder);
}

static void an_answered_job_is_never_run_again(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    hg_err err;
    unsigned char transcript[HG_DIGEST] = { 9 };
    hg_store *s = new_store(&k, "answered", 0);
    const hg_charge c = job_of(1);
    assert_int_equal(hg_ledger_answer(s, c.job, transcript, NULL), HG_ENOTFOUND); /* not charged */
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    assert_ok(hg_ledger_keep(s, c.job, "seed", "share of the seed", 17, NULL));
    assert_int_equal(hg_ledger_keep(s, c.job, "seed", "another", 7, NULL), HG_EREFUSED); /* the first stays */
    assert_int_equal(hg_ledger_keep(s, c.job, "a/b", "x", 1, NULL), HG_EINVAL);
    assert_false(kit_on_disk(k.folder, "share of the seed", 17));
    hg_text t = hg_text_new(0);
    assert_ok(hg_ledger_kept(&t, s, c.job, "seed", NULL));
    assert_string_equal(t.s, "share of the seed");
    assert_ok(hg_ledger_answer(s, c.job, transcript, NULL));
    assert_ok(hg_ledger_answer(s, c.job, transcript, NULL)); /* nothing happens */
    hg_text_free(&t);
    assert_int_equal(hg_ledger_kept(&t, s, c.job, "seed", NULL), HG_ENOTFOUND);
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED);
    assert_contains(err.msg, "answered before");
    assert_int_equal(spent_by(s, "carol"), 1);
    hg_store_free(s); /* across a restart */
    s = kit_open(&k);
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED);
    assert_int_equal(hg_ledger_keep(s, c.job, "seed", "late", 4, &err), HG_EREFUSED);
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

/* Somebody with access to the disk puts one job's seed in the place of another's. */
static void what_is_kept_cannot_change_places(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    char path[600];
    sqlite3 *db;
    hg_store *s = new_store(&k, "places", 0);
    hg_text t = hg_text_new(0);
    for (unsigned i = 0; i < 2; i++) {
        const hg_charge c = job_of(i);
        assert_ok(hg_ledger_charge(&out, s, &c, NULL));
        assert_ok(hg_ledger_keep(s, c.job, "seed", i ? "one" : "two", 3, NULL));
        assert_ok(hg_ledger_kept(&t, s, c.job, "seed", NULL));
    }
    hg_store_free(s);
    snprintf(path, sizeof path, "%s/keys.db", k.folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(
            db,
            "UPDATE secret SET sealed = (SELECT sealed FROM secret o WHERE o.name LIKE 'job/%' AND o.name <> secret.name)"
            " WHERE name LIKE 'job/%'",
            NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 2);
    sqlite3_close(db);
    s = kit_open(&k);
    const hg_charge c = job_of(0);
    assert_int_equal(hg_ledger_kept(&t, s, c.job, "seed", NULL), HG_EDATA);
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

static void a_job_is_found_by_the_beginning_of_its_digest(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    hg_err err;
    unsigned char job[HG_DIGEST];
    hg_store *s = new_store(&k, "named", 0);
    hg_charge c = job_of(0);
    c.job[5] = 1;
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    assert_ok(hg_ledger_named(job, s, "000000001101", NULL));
    assert_memory_equal(job, c.job, HG_DIGEST);
    c.job[5] = 2;
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    assert_ok(hg_ledger_named(job, s, "000000001102", NULL));
    assert_int_equal(hg_ledger_named(job, s, "0000000011", &err), HG_EDATA);
    assert_int_equal(hg_ledger_named(job, s, "0000000012", &err), HG_ENOTFOUND);
    assert_int_equal(hg_ledger_named(job, s, "0000000", &err), HG_EINVAL);
    assert_int_equal(hg_ledger_named(job, s, "00000000%", &err), HG_EINVAL);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

static void refuses_another_price_and_sets_that_may_not_take_part(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    hg_err err;
    hg_store *s = new_store(&k, "price", 0);
    hg_charge c = job_of(1);
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    hg_charge d = c;
    d.queries = 2;
    assert_int_equal(hg_ledger_charge(&out, s, &d, &err), HG_EREFUSED);
    assert_contains(err.msg, "another price");
    d = c;
    d.n_datasets = 1;
    assert_int_equal(hg_ledger_charge(&out, s, &d, &err), HG_EREFUSED);
    d = c;
    strcpy(d.user, "dave");
    assert_int_equal(hg_ledger_charge(&out, s, &d, &err), HG_EREFUSED);
    d = c;
    d.deterministic = false;
    assert_int_equal(hg_ledger_charge(&out, s, &d, &err), HG_EREFUSED);
    d = job_of(2);
    strcpy(d.project, "unheard-of");
    assert_int_equal(hg_ledger_charge(&out, s, &d, &err), HG_ENOTFOUND);
    d = job_of(2);
    d.queries = 0;
    assert_int_equal(hg_ledger_charge(&out, s, &d, &err), HG_EINVAL);
    assert_ok(hg_store_withdraw(s, KIT_PROJECT, SET[1].d.id, "request", 7, NULL));
    d = job_of(2);
    assert_int_equal(hg_ledger_charge(&out, s, &d, &err), HG_EREFUSED);
    assert_string_equal(err.msg, "a data set of bob is withdrawn");
    assert_int_equal(hg_ledger_charge(&out, s, &c, &err), HG_EREFUSED); /* not even a free retry uses it again */
    hg_store_free(s);
    test_remove_tree(k.folder);
}

/* What is drawn anew costs again, although the job is one whose retries are free. */
static void a_second_draw_costs_again(void **state) {
    (void)state;
    kit k;
    hg_charged out;
    hg_store *s = new_store(&k, "again", 0);
    hg_charge c = job_of(1);
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    c.again = true;
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    assert_false(out.free);
    assert_int_equal(out.user_left, 8);
    c.again = false;
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    assert_true(out.free);
    assert_int_equal(spent_by(s, "carol"), 2);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

static hg_status whole_life(kit *k, hg_err *err) {
    static int runs;
    char folder[512];
    hg_store *s = NULL;
    hg_charged out;
    size_t added;
    unsigned char digest[HG_DIGEST] = { 1 };
    hg_text t = hg_text_new(0), kept = hg_text_new(0);
    hg_charge c = job_of(1);
    hg_merge_opts o = { .job = any_job, .from = 1 };
    c.n_datasets = 0;
    memcpy(folder, k->folder, sizeof folder);
    snprintf(k->folder, sizeof k->folder, "%.400s-%d", folder, runs++);
    hg_status st = kit_try(&s, k, true, err);
    if (st == HG_OK) st = hg_store_policy_put(s, KIT_PROJECT, digest, "text", 4, err);
    if (st == HG_OK) st = hg_ledger_charge(&out, s, &c, err);
    if (st == HG_OK) st = hg_ledger_keep(s, c.job, "seed", "seed", 4, err);
    if (st == HG_OK) st = hg_ledger_kept(&kept, s, c.job, "seed", err);
    if (st == HG_OK) st = hg_ledger_answer(s, c.job, digest, err);
    if (st == HG_OK) st = hg_ledger_digest(digest, s, KIT_PROJECT, err);
    if (st == HG_OK) st = hg_ledger_export(&t, s, KIT_PROJECT, err);
    o.self = s;
    if (st == HG_OK) st = hg_ledger_merge(&added, s, KIT_PROJECT, t.s, t.len, &o, err);
    hg_text_free(&t);
    hg_text_free(&kept);
    hg_store_free(s);
    test_remove_tree(k->folder);
    memcpy(k->folder, folder, sizeof folder);
    return st;
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    kit k;
    kit_new(&k, "!faults", 0);
    for (long i = 0;; i++) {
        fail_alloc_after(i);
        const hg_status st = whole_life(&k, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(i > 10);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_job_remembers_its_data_sets),
        TEST(a_job_is_charged_once_and_tried_four_times),
        TEST(a_retry_that_could_tell_more_costs_again),
        TEST(budgets_of_users_and_of_data_sets),
        TEST(epsilon_adds_up_exactly),
        TEST(a_second_draw_costs_again),
        TEST(an_answered_job_is_never_run_again),
        TEST(what_is_kept_cannot_change_places),
        TEST(a_job_is_found_by_the_beginning_of_its_digest),
        TEST(refuses_another_price_and_sets_that_may_not_take_part),
        TEST(survives_any_allocation_failure),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int i = 0; i < 2; i++) kit_set_free(&SET[i]);
    return failed;
}
