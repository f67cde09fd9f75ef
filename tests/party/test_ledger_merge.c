/* tests/party/test_ledger_merge.c -- three ledgers that hear of each other: nothing is charged less, nothing is invented */
#include "ledger_kit.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_merge_is_a_union_with_the_greater_counts), TEST(a_neighbour_cannot_invent_jobs_or_prices),
        TEST(a_neighbours_word_is_not_worth_money),       TEST(counts_are_believed_up_to_what_is_allowed_here),
        TEST(random_histories_agree_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
