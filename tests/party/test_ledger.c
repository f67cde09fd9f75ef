/* tests/party/test_ledger.c -- budgets: charged first, once, never forgotten, the same on three servers */
#include "party/ledger.h"
#include "party/audit.h"
#include "store_kit.h"
#include <sqlite3.h>

static kit_set SET[2]; /* of ann and bob */

/* A store with the two sets, active. */
static hg_store *new_store(kit *k, const char *name, unsigned party) {
    hg_store *s = kit_create(kit_new(k, name, party));
    for (int i = 0; i < 2; i++) {
        if (!SET[i].value) SET[i] = kit_set_new(i ? "bob" : "ann", 1, 5, 1, 0, 4);
        assert_ok(kit_upload(s, &SET[i], 5, NULL));
        assert_ok(kit_receipts(s, &SET[i], NULL));
    }
    return s;
}

/* Job `number` of carol on both sets, one query, budgets of 10 and 20. */
static hg_charge job_of(unsigned number) {
    static unsigned char ids[2][HG_DIGEST];
    hg_charge c = { .queries = 1,
                    .user_budget = 10,
                    .dataset_budget = 20,
                    .deterministic = true,
                    .signed_job = "signed",
                    .signed_n = 6 };
    for (int i = 0; i < 2; i++) memcpy(ids[i], SET[i].d.id, HG_DIGEST);
    memset(c.job, 0x11, HG_DIGEST);
    memcpy(c.job, &number, sizeof number);
    strcpy(c.project, KIT_PROJECT);
    strcpy(c.user, "carol");
    c.dataset = (const unsigned char(*)[HG_DIGEST])ids;
    c.n_datasets = 2;
    return c;
}

static uint64_t spent_by(hg_store *s, const char *user) {
    uint64_t x;
    assert_ok(hg_ledger_user(&x, s, KIT_PROJECT, user, NULL));
    return x;
}
static uint64_t spent_on(hg_store *s, int set, double *epsilon) {
    uint64_t x;
    double e;
    assert_ok(hg_ledger_dataset(&x, epsilon ? epsilon : &e, s, SET[set].d.id, NULL));
    return x;
}

static void assert_logged(hg_store *s, const char *part) {
    hg_text t = hg_text_new(0);
    assert_ok(hg_audit_export(&t, s, 1, NULL, NULL));
    assert_contains(t.s, part);
    hg_text_free(&t);
}

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

/* ---- three ledgers ------------------------------------------------------------------------------------------------------------ */

/* As servers do, it looks into the store that hears: it must not be entered meanwhile. */
static hg_status any_job(void *self, const hg_charge *c, hg_err *err) {
    hg_project p;
    HG_TRY(hg_store_project(&p, self, c->project, err));
    if (c->signed_n == 6 && memcmp(c->signed_job, "signed", 6) == 0) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "not signed by %s", c->user);
}

static size_t merge(hg_store *to, hg_store *from) {
    size_t added;
    hg_err err = { 0 };
    hg_text t = hg_text_new(0);
    const hg_merge_opts o = { .job = any_job, .self = to, .from = hg_store_party(from) };
    assert_ok(hg_ledger_export(&t, from, KIT_PROJECT, NULL));
    assert_ok_err(hg_ledger_merge(&added, to, KIT_PROJECT, t.s, t.len, &o, &err), err);
    hg_text_free(&t);
    return added;
}

static void a_merge_is_a_union_with_the_greater_counts(void **state) {
    (void)state;
    kit k[2];
    hg_charged out;
    hg_store *a = new_store(&k[0], "merge", 0), *b = new_store(&k[1], "merge", 1);
    hg_charge c = job_of(1), d = job_of(2), e = job_of(3);
    unsigned char transcript[HG_DIGEST] = { 3 }, da[HG_DIGEST], db[HG_DIGEST];
    e.deterministic = false;
    assert_ok(hg_ledger_charge(&out, a, &c, NULL)); /* both know it */
    assert_ok(hg_ledger_charge(&out, b, &c, NULL));
    assert_ok(hg_ledger_charge(&out, b, &c, NULL));
    assert_ok(hg_ledger_charge(&out, a, &d, NULL)); /* one each */
    assert_ok(hg_ledger_answer(a, d.job, transcript, NULL));
    assert_ok(hg_ledger_charge(&out, b, &e, NULL));
    assert_ok(hg_ledger_charge(&out, b, &e, NULL));
    assert_int_equal(merge(a, b), 2); /* c was tried more often, e is new */
    assert_int_equal(merge(a, b), 0);
    assert_int_equal(merge(b, a), 1);
    assert_int_equal(spent_by(a, "carol"), 4); /* c, d, twice e */
    assert_int_equal(spent_by(b, "carol"), 4);
    assert_int_equal(spent_on(a, 1, NULL), 4);
    assert_ok(hg_ledger_digest(da, a, KIT_PROJECT, NULL));
    assert_ok(hg_ledger_digest(db, b, KIT_PROJECT, NULL));
    assert_memory_equal(da, db, HG_DIGEST);
    hg_err err;
    assert_int_equal(hg_ledger_charge(&out, b, &d, &err), HG_EREFUSED); /* answered, as b now knows */
    assert_contains(err.msg, "answered before");
    assert_ok(hg_ledger_charge(&out, a, &c, NULL));
    assert_int_equal(out.attempt, 3);
    assert_logged(b, "kind job-learnt\nproject magnets\nuser carol\n");
    for (int i = 0; i < 2; i++) {
        hg_store_free(i ? b : a);
        test_remove_tree(k[i].folder);
    }
}

static void a_neighbour_cannot_invent_jobs_or_prices(void **state) {
    (void)state;
    kit k[2];
    hg_charged out;
    hg_err err;
    size_t added;
    hg_store *a = new_store(&k[0], "invent", 0), *b = new_store(&k[1], "invent", 1);
    hg_charge c = job_of(1), d = job_of(2);
    hg_text t = hg_text_new(0);
    const hg_merge_opts o = { .job = any_job, .self = a, .from = 1 }, trusting = { .from = 1 };
    assert_ok(hg_ledger_charge(&out, b, &c, NULL));
    d.signed_job = "forged";
    assert_ok(hg_ledger_charge(&out, b, &d, NULL));
    assert_ok(hg_ledger_export(&t, b, KIT_PROJECT, NULL));
    assert_int_equal(hg_ledger_merge(&added, a, KIT_PROJECT, t.s, t.len, &o, &err), HG_EREFUSED);
    assert_string_equal(err.msg, "not signed by carol");
    assert_int_equal(hg_ledger_merge(&added, a, KIT_PROJECT, t.s, t.len, &trusting, &err), HG_EINVAL);
    assert_int_equal(spent_by(a, "carol"), 0); /* not even the good one */
    /* known here, at another price there */
    hg_charge cheap = job_of(1), dear = job_of(2);
    cheap.queries = 2;
    assert_ok(hg_ledger_charge(&out, a, &cheap, NULL));
    assert_ok(hg_ledger_charge(&out, a, &dear, NULL));
    assert_int_equal(hg_ledger_merge(&added, a, KIT_PROJECT, t.s, t.len, &o, &err), HG_EREFUSED);
    assert_contains(err.msg, "server 1 tells another price");
    assert_int_equal(spent_by(a, "carol"), 3);
    /* cut or longer */
    for (size_t n = 0; n < t.len; n += 3)
        assert_int_not_equal(hg_ledger_merge(&added, a, KIT_PROJECT, t.s, n, &o, NULL), HG_OK);
    hg_text_free(&t);
    for (int i = 0; i < 2; i++) {
        hg_store_free(i ? b : a);
        test_remove_tree(k[i].folder);
    }
}

static uint64_t ten(void *self, const char *user) {
    (void)self;
    assert_string_equal(user, "carol");
    return 10;
}

/* carol has signed many questions for server 1, which tells that they were charged: a retry is free, and must not be for these. */
static void a_neighbours_word_is_not_worth_money(void **state) {
    (void)state;
    kit k[2];
    hg_charged out;
    hg_err err;
    size_t added, answered = 0;
    hg_store *a = new_store(&k[0], "money", 0), *b = new_store(&k[1], "money", 1);
    hg_text t = hg_text_new(0);
    const hg_merge_opts careful = { .job = any_job, .budget = ten, .self = a, .from = 1 },
                        careless = { .job = any_job, .self = a, .from = 1 };
    for (unsigned i = 0; i < 25; i++) {
        hg_charge c = job_of(i);
        c.user_budget = c.dataset_budget = 100;
        assert_ok(hg_ledger_charge(&out, b, &c, NULL));
    }
    assert_ok(hg_ledger_export(&t, b, KIT_PROJECT, NULL));
    assert_ok_err(hg_ledger_merge(&added, a, KIT_PROJECT, t.s, t.len, &careful, &err), err);
    assert_int_equal(added, 10);
    assert_int_equal(spent_by(a, "carol"), 10);
    assert_int_equal(spent_on(a, 1, NULL), 10);
    for (unsigned i = 0; i < 25; i++) {
        const hg_charge c = job_of(i);
        answered += hg_ledger_charge(&out, a, &c, NULL) == HG_OK;
    }
    assert_int_equal(answered, 10);
    /* even if it had taken them all, none could be asked */
    assert_ok_err(hg_ledger_merge(&added, a, KIT_PROJECT, t.s, t.len, &careless, &err), err);
    assert_int_equal(added, 15);
    hg_charge c = job_of(3);
    assert_int_equal(hg_ledger_charge(&out, a, &c, &err), HG_EREFUSED);
    assert_contains(err.msg, "carol has 0 of 10 queries left");
    c.user_budget = 100;
    assert_int_equal(hg_ledger_charge(&out, a, &c, &err), HG_EREFUSED);
    assert_contains(err.msg, "has taken part in 25 of 20 queries");
    hg_text_free(&t);
    for (int i = 0; i < 2; i++) {
        hg_store_free(i ? b : a);
        test_remove_tree(k[i].folder);
    }
}

static void counts_are_believed_up_to_what_is_allowed_here(void **state) {
    (void)state;
    kit k[2];
    hg_charged out;
    hg_job_record job;
    hg_store *a = new_store(&k[0], "counts", 0), *b = new_store(&k[1], "counts", 1);
    hg_charge c = job_of(1);
    c.deterministic = false;
    assert_ok(hg_ledger_charge(&out, a, &c, NULL));
    for (unsigned i = 0; i < 8; i++) {
        if (i == 4) assert_ok(hg_ledger_allow(b, c.job, NULL));
        assert_ok(hg_ledger_charge(&out, b, &c, NULL));
    }
    assert_int_equal(merge(a, b), 1);
    assert_ok(hg_ledger_job(&job, a, c.job, NULL));
    assert_int_equal(job.times, 1 + HG_RETRIES);
    assert_int_equal(job.attempts, 1 + HG_RETRIES);
    for (int i = 0; i < 2; i++) {
        hg_store_free(i ? b : a);
        test_remove_tree(k[i].folder);
    }
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

/* Random charges, restarts and merges against a model: what is spent never shrinks, is at least what this server charged, and after everyone
 * has heard everyone it is the union. */
static void random_histories_agree_with_a_model(void **state) {
    (void)state;
    enum { JOBS = 30 };
    kit k[HG_SLOTS];
    hg_store *s[HG_SLOTS];
    unsigned times[HG_SLOTS][JOBS] = { 0 };
    hg_rng g = hg_rng_make(3, 3);
    for (unsigned p = 0; p < HG_SLOTS; p++) s[p] = new_store(&k[p], "!model", p);
    for (int step = 0; step < 150; step++) {
        const unsigned p = (unsigned)hg_rng_below(&g, 3), q = (p + 1 + (unsigned)hg_rng_below(&g, 2)) % 3,
                       j = (unsigned)hg_rng_below(&g, JOBS);
        if (hg_rng_below(&g, 4) == 0) {
            merge(s[p], s[q]);
            for (unsigned i = 0; i < JOBS; i++)
                if (times[q][i] > times[p][i]) times[p][i] = times[q][i];
        } else {
            hg_charged out;
            hg_charge c = job_of(j);
            c.queries = 1 + j % 3;
            c.deterministic = j % 2;
            c.user_budget = c.dataset_budget = 1000;
            if (hg_ledger_charge(&out, s[p], &c, NULL) == HG_OK && !out.free) times[p][j]++;
        }
        uint64_t expected = 0;
        for (unsigned i = 0; i < JOBS; i++) expected += times[p][i] * (1 + i % 3);
        assert_int_equal(spent_by(s[p], "carol"), expected);
        assert_int_equal(spent_on(s[p], 0, NULL), expected);
    }
    for (int round = 0; round < 2; round++)
        for (unsigned p = 0; p < HG_SLOTS; p++) merge(s[(p + 1) % 3], s[p]);
    unsigned char digest[HG_SLOTS][HG_DIGEST];
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok(hg_ledger_digest(digest[p], s[p], KIT_PROJECT, NULL));
    assert_memory_equal(digest[0], digest[1], HG_DIGEST);
    assert_memory_equal(digest[0], digest[2], HG_DIGEST);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        hg_store_free(s[p]);
        test_remove_tree(k[p].folder);
    }
}

/* ---- crashes ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    kit *k;
    int told;
    unsigned from, jobs;
} life;

static hg_status ask(void *ctx, hg_err *err) {
    life *l = ctx;
    hg_store *s;
    hg_charged out;
    unsigned char transcript[HG_DIGEST] = { 1 };
    l->k->opts.step = kit_step;
    HG_TRY(kit_try(&s, l->k, false, err));
    if (write(l->told, "o", 1) != 1) return HG_EIO;
    for (unsigned i = l->from; i < l->from + l->jobs; i++) {
        hg_charge c = job_of(i);
        c.user_budget = c.dataset_budget = 100000;
        HG_TRY(hg_ledger_charge(&out, s, &c, err));
        if (write(l->told, "c", 1) != 1) return HG_EIO;
        HG_TRY(hg_ledger_keep(s, c.job, "seed", "seed", 4, err));
        HG_TRY(hg_ledger_answer(s, c.job, transcript, err));
        if (write(l->told, "a", 1) != 1) return HG_EIO;
    }
    hg_store_free(s);
    return HG_OK;
}

/* What was acknowledged is charged; what is charged beyond that is at most the one that was on its way. */
static unsigned check_life(kit *k, const char *told, unsigned from) {
    unsigned charged = 0, answered = 0;
    hg_text t = hg_text_new(0);
    for (const char *c = told; *c; c++) {
        charged += *c == 'c';
        answered += *c == 'a';
    }
    k->opts.step = NULL;
    hg_store *s = kit_open(k);
    const uint64_t spent = spent_by(s, "carol") - from;
    assert_true(spent >= charged && spent <= charged + 1);
    for (unsigned i = 0; i < spent; i++) {
        hg_charge c = job_of(from + i);
        hg_job_record r;
        c.user_budget = c.dataset_budget = 100000;
        assert_ok(hg_ledger_job(&r, s, c.job, NULL));
        if (i < answered) assert_int_equal(r.state, HG_JOB_ANSWERED);
        if (r.state == HG_JOB_ANSWERED) {
            assert_int_equal(hg_ledger_kept(&t, s, c.job, "seed", NULL), HG_ENOTFOUND);
        } else {
            hg_charged out;
            assert_ok(hg_ledger_charge(&out, s, &c, NULL));
            assert_true(out.free); /* it goes on without another charge */
        }
    }
    hg_text_free(&t);
    hg_text log = hg_text_new(0);
    hg_audit_log *l;
    assert_ok(hg_audit_export(&log, s, 1, NULL, NULL));
    assert_ok(hg_audit_read(&l, "log", log.s, log.len, NULL));
    assert_ok(hg_audit_verify(NULL, l, k->key, NULL, NULL, NULL));
    size_t told_of = 0; /* the log tells of each charge, no more and no less */
    for (size_t i = 0; i < l->n; i++) told_of += l->entry[i].kind == HG_AUDIT_JOB_CHARGED;
    assert_int_equal(told_of, from + spent);
    hg_audit_log_free(l);
    hg_text_free(&log);
    hg_store_free(s);
    return from + (unsigned)spent; /* each job costs one */
}

static void drain(char told[64], int fd) {
    const ssize_t n = read(fd, told, 63);
    told[n > 0 ? n : 0] = '\0';
}

static void no_death_at_any_step_undercounts(void **state) {
    (void)state;
    kit k;
    char told[64];
    int fd[2];
    bool died = true;
    unsigned done = 0;
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    hg_store_free(new_store(&k, "!steps", 1));
    for (long at = 0; died; at++) {
        life l = { .k = &k, .told = fd[1], .from = done, .jobs = 2 };
        died = kit_dies(ask, &l, at);
        drain(told, fd[0]);
        if (!died) assert_string_equal(told, "ocaca");
        done = check_life(&k, told, done);
    }
    close(fd[0]);
    close(fd[1]);
    test_remove_tree(k.folder);
}

static void a_hundred_power_failures(void **state) {
    (void)state;
    kit k;
    char told[64];
    int fd[2];
    long work = 0;
    unsigned done = 0;
    hg_rng g = hg_rng_make(11, 11);
    hg_store_free(new_store(&k, "!power", 1));
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    for (int run = 0; run <= 100; run++) {
        const pid_t child = fork();
        if (child == 0) {
            life l = { .k = &k, .told = fd[1], .from = done, .jobs = 4 };
            _exit(ask(&l, NULL) == HG_OK ? 0 : 1);
        }
        kit_power_fails(child, fd[0], &g, &work);
        drain(told, fd[0]);
        done = check_life(&k, told, done);
    }
    print_message("%u jobs in 100 lives\n", done);
    close(fd[0]);
    close(fd[1]);
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
        /* first: a process with a small heap is quickly copied */
        TEST(no_death_at_any_step_undercounts),
        TEST(a_hundred_power_failures),
        TEST(a_job_remembers_its_data_sets),
        TEST(a_job_is_charged_once_and_tried_four_times),
        TEST(a_retry_that_could_tell_more_costs_again),
        TEST(budgets_of_users_and_of_data_sets),
        TEST(epsilon_adds_up_exactly),
        TEST(an_answered_job_is_never_run_again),
        TEST(what_is_kept_cannot_change_places),
        TEST(a_job_is_found_by_the_beginning_of_its_digest),
        TEST(refuses_another_price_and_sets_that_may_not_take_part),
        TEST(a_merge_is_a_union_with_the_greater_counts),
        TEST(a_neighbour_cannot_invent_jobs_or_prices),
        TEST(a_neighbours_word_is_not_worth_money),
        TEST(counts_are_believed_up_to_what_is_allowed_here),
        TEST(a_second_draw_costs_again),
        TEST(random_histories_agree_with_a_model),
        TEST(survives_any_allocation_failure),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int i = 0; i < 2; i++) kit_set_free(&SET[i]);
    return failed;
}
