/* tests/party/test_job.c -- what a user asks, and how three answers become one: signed, compared copy by copy, else refused */
#include "party/job.h"
#include "party.h"
#include "test.h"

static hg_job example(const hg_policy *p) {
    hg_job j = { .kind = HG_JOB_PROPOSE,
                 .tier = p->tier,
                 .mode = p->mode,
                 .batch = 2,
                 .created = TEST_NOW,
                 .expires = TEST_NOW + 3600 };
    strcpy(j.project, "magnets");
    strcpy(j.user, "c");
    memcpy(j.policy, p->digest, HG_DIGEST);
    memset(j.nonce, 9, sizeof j.nonce);
    return j;
}

static const char MORE[] = "limits: {proposals per query: 4, release bits: 3}\n";

static void a_job_is_its_users_word(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "malicious", MORE);
    const hg_job j = example(p);
    hg_job back;
    hg_err err;
    test_keys c, a;
    hg_text t = hg_text_new(0);
    unsigned char digest[HG_DIGEST], again[HG_DIGEST];
    test_member_keys(&c, TEST_C);
    test_member_keys(&a, TEST_A);
    assert_ok(hg_job_write(&t, &j, c.secret, NULL));
    assert_true(t.len < HG_JOB_BYTES);
    assert_ok_err(hg_job_read(&back, p, TEST_NOW, t.s, t.len, &err), err);
    assert_memory_equal(&j, &back, sizeof j);
    assert_ok(hg_job_digest(digest, &j, NULL));
    hg_digest(again, "job", t.s, t.len - HG_SIGNATURE);
    assert_memory_equal(digest, again, HG_DIGEST);
    for (size_t i = 0; i < t.len; i++) { /* no byte can be changed */
        t.s[i] ^= 1;
        assert_int_not_equal(hg_job_read(&back, p, TEST_NOW, t.s, t.len, NULL), HG_OK);
        t.s[i] ^= 1;
    }
    for (size_t n = 0; n < t.len; n++) assert_int_not_equal(hg_job_read(&back, p, TEST_NOW, t.s, n, NULL), HG_OK);
    hg_text_free(&t);
    assert_ok(hg_job_write(&t, &j, a.secret, NULL));
    assert_int_equal(hg_job_read(&back, p, TEST_NOW, t.s, t.len, &err), HG_EREFUSED);
    assert_contains(err.msg, "not signed by c");
    hg_text_free(&t);
    hg_policy_free(p);
}

static void a_job_asks_what_the_policy_allows(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "malicious", MORE);
    const hg_job good = example(p);
    hg_err err;
    test_keys a, c, s;
    test_member_keys(&a, TEST_A);
    test_member_keys(&c, TEST_C);
    test_member_keys(&s, 1);
#define ASK(keys, change, expected, says)                                                                              \
    do {                                                                                                               \
        hg_job j = good, back;                                                                                         \
        hg_text t = hg_text_new(0);                                                                                    \
        change;                                                                                                        \
        assert_ok(hg_job_write(&t, &j, (keys).secret, NULL));                                                          \
        assert_int_equal(hg_job_read(&back, p, TEST_NOW, t.s, t.len, &err), expected);                                 \
        if (expected != HG_OK) assert_contains(err.msg, says);                                                         \
        hg_text_free(&t);                                                                                              \
    } while (0)
    ASK(c, j.batch = 4, HG_OK, "");
    ASK(c, j.batch = 5, HG_EREFUSED, "a job for 5 proposals, the policy allows 1 to 4");
    ASK(c, j.batch = 0, HG_EREFUSED, "a job for 0 proposals");
    ASK(c, j.tier = HG_TIER_INDICES, HG_EREFUSED, "a job of tier 2, mode malicious; the policy says tier 1");
    ASK(c, j.mode = HG_SEMI_HONEST, HG_EREFUSED, "mode semi-honest; the policy says tier 1, mode malicious");
    ASK(c, j.mode = HG_PLAIN, HG_EPARSE, "not a job");
    ASK(c, strcpy(j.project, "steel"), HG_EREFUSED, "a job in project \"steel\"");
    ASK(c, j.policy[31] ^= 1, HG_EREFUSED, "under another policy");
    ASK(c, strcpy(j.user, "d"), HG_EREFUSED, "\"d\" is not among the members");
    ASK(a, strcpy(j.user, "a"), HG_EREFUSED, "does not let a ask for \"propose\"");
    ASK(c, j.subject[0] = 1, HG_EREFUSED, "a data set makes no sense");
    ASK(c, j.expires = j.created + HG_JOB_LIFE + 1, HG_EREFUSED, "at most 7 days");
    ASK(c, j.expires = j.created, HG_EREFUSED, "at most 7 days");
    ASK(c, (j.created += 1000, j.expires += 1000), HG_EREFUSED, "made in the future");
    ASK(c, (j.created -= 10000, j.expires -= 10000), HG_EREFUSED, "the job expired at");
    ASK(c, (j.created = INT64_MIN, j.expires = INT64_MAX), HG_EREFUSED, "at most 7 days");
    ASK(a, (strcpy(j.user, "a"), j.kind = HG_JOB_STATUS, j.batch = 0), HG_OK, "");
    ASK(s, (strcpy(j.user, "s1"), j.kind = HG_JOB_AUDIT, j.batch = 0), HG_OK, "");
    ASK(a, (strcpy(j.user, "a"), j.kind = HG_JOB_AUDIT), HG_EREFUSED, "a batch makes no sense");
    ASK(a, (strcpy(j.user, "a"), j.kind = HG_JOB_CHECK, j.batch = 0), HG_EREFUSED, "a check names no data set");
    ASK(a, (strcpy(j.user, "a"), j.kind = HG_JOB_CHECK, j.batch = 0, j.subject[5] = 1), HG_OK, "");
    ASK(s, (strcpy(j.user, "s1"), j.kind = HG_JOB_CHECK, j.batch = 0, j.subject[5] = 1), HG_EREFUSED,
        "does not let s1");
#undef ASK
    hg_text t = hg_text_new(0);
    hg_job late = good, back;
    late.created = TEST_UNTIL + 10000, late.expires = late.created + 100;
    assert_ok(hg_job_write(&t, &late, c.secret, NULL));
    assert_int_equal(hg_job_read(&back, p, late.created, t.s, t.len, &err), HG_EREFUSED);
    assert_contains(err.msg, "the policy of magnets expired");
    hg_text_free(&t);
    late.kind = HG_JOB_AUDIT, late.batch = 0; /* owners may read the log when all is over */
    assert_ok(hg_job_write(&t, &late, c.secret, NULL));
    assert_ok(hg_job_read(&back, p, late.created, t.s, t.len, NULL));
    hg_text_free(&t);
    hg_policy_free(p);
}

/* ---- answers -------------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_policy *p;
    hg_job job;
    hg_arena *arena;
    size_t n;
    uint64_t slot[HG_SLOTS][1];
    hg_answer answer[HG_SLOTS];
} fixture;

/* batch 2, 6 index bits and 3 release bits each: entries 17 and 35, levels 0 and 5. */
static const uint64_t OUTPUT = 17 | (uint64_t)0 << 6 | (uint64_t)35 << 9 | (uint64_t)5 << 15;

static void begin(fixture *f, const char *more) {
    hg_rng rng = hg_rng_make(3, 0);
    f->p = test_policy("properties", "malicious", more);
    f->job = example(f->p);
    f->arena = hg_arena_new();
    f->n = hg_job_output_bits(&f->job, f->p, 0);
    const uint64_t mask = ((uint64_t)1 << f->n) - 1;
    f->slot[0][0] = hg_rng_u64(&rng) & mask;
    f->slot[1][0] = hg_rng_u64(&rng) & mask;
    f->slot[2][0] = (OUTPUT ^ f->slot[0][0] ^ f->slot[1][0]) & mask;
    for (unsigned i = 0; i < HG_SLOTS; i++) {
        hg_answer *a = &f->answer[i];
        *a = (hg_answer) {
            .party = i,
            .tier = f->p->tier,
            .mode = f->p->mode,
            .rows = 6,
            .datasets = 2,
            .budget_left = 18,
            .cost = { .rounds = 48, .messages = 96, .bytes = 60000, .products = 1, .ands = 2, .openings = 3 },
            .microseconds = 1234 + i
        };
        assert_ok(hg_job_digest(a->job, &f->job, NULL));
        memcpy(a->policy, f->p->digest, HG_DIGEST);
        memset(a->transcript, 7, HG_DIGEST);
        a->output = (hg_bits) { .slot = { f->slot[i], f->slot[(i + 1) % 3] }, .n = f->n };
    }
}

static void end(fixture *f) {
    hg_arena_free(f->arena);
    hg_policy_free(f->p);
}

static void three_answers_make_one(void **state) {
    (void)state;
    fixture f;
    hg_answer back[HG_SLOTS];
    uint64_t bits[1];
    hg_proposal x[2];
    hg_err err;
    begin(&f, MORE);
    assert_int_equal(f.n, 18);
    for (unsigned i = 0; i < HG_SLOTS; i++) {
        test_keys s;
        hg_text t = hg_text_new(0);
        test_member_keys(&s, i);
        assert_ok(hg_answer_write(&t, &f.answer[i], s.secret, NULL));
        assert_ok_err(hg_answer_read(&back[i], f.arena, f.p, t.s, t.len, &err), err);
        assert_int_equal(back[i].cost.bytes, 60000);
        assert_int_equal(back[i].microseconds, 1234 + i);
        assert_int_equal(back[i].output.n, 18);
        hg_answer bad;
        for (size_t k = 0; k < t.len; k++) { /* no byte can be changed, none can be missing */
            t.s[k] ^= 1;
            assert_int_not_equal(hg_answer_read(&bad, f.arena, f.p, t.s, t.len, NULL), HG_OK);
            t.s[k] ^= 1;
            assert_int_not_equal(hg_answer_read(&bad, f.arena, f.p, t.s, k, NULL), HG_OK);
        }
        hg_text_free(&t);
    }
    assert_ok_err(hg_answer_join(bits, back, &f.job, f.p, f.n, &err), err);
    assert_true(bits[0] == OUTPUT);
    assert_ok(hg_answer_proposals(x, &f.job, f.p, bits, NULL));
    assert_true(x[0].index == 17 && x[1].index == 35 && x[0].has_mean);
    assert_close(x[0].mean, 3 * 0.5 / 8, 1e-12); /* level 0 of 8 on 0..3 T: its middle */
    assert_close(x[1].mean, 3 * 5.5 / 8, 1e-12);
    assert_close(x[1].mean_step, 3. / 8, 1e-12);
    end(&f);
}

/* Any single bit of any copy of any slot: found, and the pair is named. */
static void two_copies_must_agree(void **state) {
    (void)state;
    static const char *const PAIR[HG_SLOTS] = { "s2 and s0", "s0 and s1", "s1 and s2" };
    fixture f;
    uint64_t bits[1] = { 0 };
    hg_err err;
    begin(&f, MORE);
    for (unsigned i = 0; i < HG_SLOTS; i++)
        for (unsigned k = 0; k < 2; k++)
            for (unsigned b = 0; b < f.n; b++) {
                uint64_t wrong[1] = { f.answer[i].output.slot[k][0] ^ (uint64_t)1 << b };
                uint64_t *right = f.answer[i].output.slot[k];
                f.answer[i].output.slot[k] = wrong;
                assert_int_equal(hg_answer_join(bits, f.answer, &f.job, f.p, f.n, &err), HG_ECHEAT);
                assert_contains(err.msg, PAIR[(i + k) % 3]);
                assert_true(bits[0] == 0); /* nothing was put together */
                f.answer[i].output.slot[k] = right;
            }
    assert_ok(hg_answer_join(bits, f.answer, &f.job, f.p, f.n, NULL));
    end(&f);
}

static void answers_must_be_of_one_run(void **state) {
    (void)state;
    fixture f;
    uint64_t bits[1];
    hg_err err;
    begin(&f, MORE);
#define BAD(change, says)                                                                                              \
    do {                                                                                                               \
        hg_answer a[HG_SLOTS] = { f.answer[0], f.answer[1], f.answer[2] };                                             \
        change;                                                                                                        \
        assert_int_equal(hg_answer_join(bits, a, &f.job, f.p, f.n, &err), HG_EREFUSED);                                \
        assert_contains(err.msg, says);                                                                                \
    } while (0)
    BAD(a[2].output.slot[0] = NULL, "there is no answer of s2");
    BAD(a[1] = a[0], "there is no answer of s1");
    BAD(a[1].job[0] ^= 1, "s1 answered another job");
    BAD(a[0].mode = HG_SEMI_HONEST, "s0 answered under another policy, tier or mode");
    BAD(a[2].tier = HG_TIER_INDICES, "s2 answered under another policy, tier or mode");
    BAD(a[2].policy[0] ^= 1, "s2 answered under another policy");
    BAD(a[2].output.n = 17, "17 bits, expected 18");
    BAD(a[2].transcript[0] ^= 1, "s0 and s2 do not speak of the same run");
    BAD(a[1].tables[0] ^= 1, "s0 and s1 do not speak of the same run");
    BAD(a[1].rows++, "s0 and s1 do not speak of the same run");
#undef BAD
    end(&f);
}

static void an_index_beyond_the_pool_is_no_answer(void **state) {
    (void)state;
    fixture f;
    hg_proposal x[2];
    hg_err err;
    begin(&f, MORE);
    const uint64_t beyond = 36, twice = 17 | (uint64_t)17 << 9;
    assert_int_equal(hg_answer_proposals(x, &f.job, f.p, &beyond, &err), HG_ECHEAT);
    assert_contains(err.msg, "entry 36, which is no candidate");
    assert_int_equal(hg_answer_proposals(x, &f.job, f.p, &twice, &err), HG_ECHEAT);
    assert_contains(err.msg, "entry 17 twice");
    end(&f);
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    fixture f;
    test_keys s;
    begin(&f, MORE);
    test_member_keys(&s, 0);
    for (long k = 0;; k++) {
        hg_text t = hg_text_new(0);
        hg_answer back;
        uint64_t bits[1];
        fail_alloc_after(k);
        hg_status st = hg_answer_write(&t, &f.answer[0], s.secret, NULL);
        if (st == HG_OK) st = hg_answer_read(&back, f.arena, f.p, t.s, t.len, NULL);
        if (st == HG_OK) st = hg_answer_join(bits, f.answer, &f.job, f.p, f.n, NULL);
        fail_alloc_after(-1);
        hg_text_free(&t);
        if (st == HG_OK) {
            assert_true(k > 2);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_its_users_word),         TEST(a_job_asks_what_the_policy_allows),
        TEST(three_answers_make_one),          TEST(two_copies_must_agree),
        TEST(answers_must_be_of_one_run),      TEST(an_index_beyond_the_pool_is_no_answer),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
