/* tests/party/test_hostile_servers.c -- one server of three that lies about what it has, to honest ones */
#include "party/epoch.h"
#include "party/job.h"
#include "party/leakage.h"
#include "party/ledger.h"
#include "party/request.h"
#include "test.h"
#include "trio.h"

static const char SEMI[] = "tier: properties\nmode: semi-honest\n";
static const char THOMPSON[] = "model: {lengths: [0.2, 0.5, 1.0], noises: [0.001, 0.01], acquisition: ts}\n";

static hg_party_shared share(trio *t, const char *owner, const size_t *row, size_t n) {
    double y[8];
    hg_party_shared out;
    hg_err err;
    for (size_t i = 0; i < n; i++) y[i] = trio_hc(row[i]);
    assert_ok_err(trio_share(t, owner, row, y, n, &out, &err), err);
    return out;
}

static void share_both(hg_party_shared out[2], trio *t) {
    out[0] = share(t, "acme", (size_t[]) { 0, 5, 30 }, 3);
    out[1] = share(t, "bolt", (size_t[]) { 35, 29 }, 2);
}

/* ---- questions, piece by piece ------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_job job;
    hg_text bytes;
    unsigned char digest[HG_DIGEST], entry[HG_DIGEST];
    hg_policy *policy;
} question;

static question ask_of(const trio *t, const char *user, hg_job_kind kind, const hg_party_shared *subject,
                       unsigned nonce) {
    char path[TRIO_PATH];
    hg_identity *id;
    hg_err err;
    question q = { .bytes = hg_text_new(0) };
    assert_ok_err(hg_policy_load(&q.policy, trio_path(path, t, "policy.yaml"), &err), err);
    assert_ok_err(hg_identity_load(&id, trio_path(path, t, user), NULL, hg_world_system(), &err), err);
    q.job = (hg_job) { .kind = kind,
                       .tier = q.policy->tier,
                       .mode = q.policy->mode,
                       .batch = kind == HG_JOB_PROPOSE,
                       .nonce = { (unsigned char)nonce },
                       .created = hg_world_now(hg_world_system()) };
    q.job.expires = q.job.created + 3600;
    snprintf(q.job.project, sizeof q.job.project, "magnets");
    snprintf(q.job.user, sizeof q.job.user, "%s", user);
    memcpy(q.job.policy, q.policy->digest, HG_DIGEST);
    if (subject) assert_true(hg_hex_read(q.job.subject, HG_DIGEST, subject->dataset, 2 * HG_DIGEST));
    assert_ok_err(hg_job_write(&q.bytes, &q.job, hg_identity_signing_secret(id), &err), err);
    assert_ok_err(hg_job_digest(q.digest, &q.job, &err), err);
    assert_ok_err(hg_job_entry(q.entry, &q.job, &err), err);
    hg_identity_free(id);
    return q;
}

static void question_free(question *q) {
    hg_text_free(&q->bytes);
    hg_policy_free(q->policy);
}

/* To all three; nobody tells them that the answer arrived. */
static hg_status put(const question *q, trio *t, hg_err *err) {
    hg_party *p = trio_party(t, q->job.user);
    hg_text body = hg_text_new(0), reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    uint32_t number;
    assert_ok(hg_party_number(&number, p, NULL));
    hg_put_u32(&body, number);
    hg_put_bytes(&body, q->bytes.s, q->bytes.len);
    const hg_status st = hg_party_ask_all(reply, p, HG_ASK_JOB, body.s, body.len, 1 << 20, err);
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&reply[i]);
    hg_text_free(&body);
    hg_party_free(p);
    return st;
}

/* What a server that got as far as its charge in an attempt that broke off has on its disk. */
static void charge(const question *q, trio *t, unsigned party, const hg_party_shared *set, size_t n) {
    unsigned char id[4][HG_DIGEST];
    hg_charged charged;
    hg_err err;
    hg_charge c = { .dataset = (const unsigned char(*)[HG_DIGEST])id,
                    .n_datasets = n,
                    .queries = hg_leakage_price(q->policy, 1),
                    .deterministic = true,
                    .signed_job = q->bytes.s,
                    .signed_n = q->bytes.len,
                    .user_budget = 100,
                    .dataset_budget = 100 };
    memcpy(c.job, q->entry, HG_DIGEST);
    memcpy(c.project, q->job.project, sizeof c.project);
    memcpy(c.user, q->job.user, sizeof c.user);
    for (size_t i = 0; i < n; i++) assert_true(hg_hex_read(id[i], HG_DIGEST, set[i].dataset, 2 * HG_DIGEST));
    assert_ok_err(hg_ledger_charge(&charged, t->server[party].store, &c, &err), err);
}

static uint64_t spent_by(trio *t, unsigned party, const char *user) {
    uint64_t spent;
    assert_ok(hg_ledger_user(&spent, t->server[party].store, "magnets", user, NULL));
    return spent;
}

static uint64_t spent_on(trio *t, unsigned party, const hg_party_shared *set) {
    unsigned char id[HG_DIGEST];
    uint64_t spent;
    double epsilon;
    assert_true(hg_hex_read(id, HG_DIGEST, set->dataset, 2 * HG_DIGEST));
    assert_ok(hg_ledger_dataset(&spent, &epsilon, t->server[party].store, id, NULL));
    return spent;
}

/* ---- coins ------------------------------------------------------------------------------------------------------------------------ */

/* An attempt broke off after the charge. Server 2 says that it has no coins of it: then the draw is another one, and has its price. */
static void coins_that_one_server_lost_are_paid_again(void **state) {
    (void)state;
    for (unsigned lost = 0; lost < 2; lost++) {
        trio *t = trio_new("coins", SEMI, THOMPSON);
        hg_party_shared set[2];
        hg_err err;
        share_both(set, t);
        question q = ask_of(t, "carol", HG_JOB_PROPOSE, NULL, 1);
        for (unsigned i = 0; i < HG_SERVERS; i++) charge(&q, t, i, set, 2);
        for (unsigned i = 0; lost && i < 2; i++) /* honest ones have theirs; what they are does not matter here */
            assert_ok_err(hg_ledger_keep(t->server[i].store, q.entry, "coins-0", "0123456789abcdef", 16, &err), err);
        assert_ok_err(put(&q, t, &err), err);
        for (unsigned i = 0; i < HG_SERVERS; i++) assert_int_equal(spent_by(t, i, "carol"), 1 + lost);
        assert_ok_err(put(&q, t, &err), err); /* all have the second drawing: a free retry */
        for (unsigned i = 0; i < HG_SERVERS; i++) assert_int_equal(spent_by(t, i, "carol"), 1 + lost);
        question_free(&q);
        trio_free(t);
    }
}

/* ---- checks ---------------------------------------------------------------------------------------------------------------------- */

/* bolt never says that the answer came. With another owner's data gone it would be another question about that data, free. */
static void a_check_is_of_the_rows_that_it_began_with(void **state) {
    (void)state;
    trio *t = trio_new("check", SEMI, "");
    hg_party_shared set[2];
    hg_err err;
    share_both(set, t);
    question q = ask_of(t, "bolt", HG_JOB_CHECK, &set[1], 1);
    assert_ok_err(put(&q, t, &err), err);
    for (unsigned i = 0; i < 2; i++) assert_int_equal(spent_on(t, 0, &set[i]), 1);
    assert_ok_err(put(&q, t, &err), err); /* the same again */
    for (unsigned i = 0; i < 2; i++) assert_int_equal(spent_on(t, 0, &set[i]), 1);
    (void)share(t, "carol", (size_t[]) { 7, 8 }, 2);
    assert_int_equal(put(&q, t, &err), HG_EREFUSED);
    assert_contains(err.msg, "with another price or other data sets");
    question_free(&q);
    trio_free(t);
}

/* ---- ledgers ---------------------------------------------------------------------------------------------------------------------- */

/* carol's budget is 6. She signs more questions and gives them to server 2, which says that they were charged long ago. */
static void one_server_sells_no_questions(void **state) {
    (void)state;
    enum { MORE = 9 };
    trio *t = trio_new("sells", SEMI, "");
    hg_party_shared set[2];
    question q[MORE];
    unsigned answered = 0;
    hg_err err;
    share_both(set, t);
    for (unsigned i = 0; i < MORE; i++) {
        q[i] = ask_of(t, "carol", HG_JOB_PROPOSE, NULL, i);
        charge(&q[i], t, 2, set, 2);
    }
    for (unsigned i = 0; i < MORE; i++) answered += put(&q[i], t, &err) == HG_OK;
    assert_true(answered <= 6);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(spent_by(t, i, "carol") <= 6);
        assert_true(spent_on(t, i, &set[0]) <= 6);
    }
    for (unsigned i = 0; i < MORE; i++) question_free(&q[i]);
    trio_free(t);
}

/* A charge of another price than the policy's is no charge. */
static void prices_are_the_policys(void **state) {
    (void)state;
    trio *t = trio_new("prices", SEMI, "");
    hg_party_shared set[2];
    hg_err err;
    share_both(set, t);
    question q = ask_of(t, "carol", HG_JOB_PROPOSE, NULL, 1), other = ask_of(t, "carol", HG_JOB_PROPOSE, NULL, 2);
    q.policy->release_bits = 40; /* server 2 thinks that it is dearer */
    charge(&q, t, 2, set, 2);
    assert_int_equal(put(&other, t, &err), HG_EREFUSED);
    assert_contains(err.msg, "not the price of the job");
    for (unsigned i = 0; i < 2; i++) assert_int_equal(spent_by(t, i, "carol"), 0);
    question_free(&q);
    question_free(&other);
    trio_free(t);
}

/* ---- rebuilding ------------------------------------------------------------------------------------------------------------------- */

/* Server 2 lost its store, and its rebuilding was broken off. Server 0 asks as if it were the lost one: server 1 would send it the slot
 * that server 2 waits for, the third of three. */
static void rows_of_a_lost_server_go_to_no_other(void **state) {
    (void)state;
    static const unsigned char SEED[HG_SEED] = { 1, 2, 3 };
    trio *t = trio_new("wronglost", SEMI, "");
    hg_party_shared set[2];
    hg_party_answer *answer;
    hg_err err;
    hg_project project;
    uint64_t epoch;
    hg_text plan = hg_text_new(0), policy = hg_text_new(0);
    share_both(set, t);
    hg_store *const first = t->server[0].store;
    assert_ok_err(hg_store_project(&project, first, "magnets", &err), err);
    assert_ok_err(hg_store_policy_get(&policy, first, "magnets", NULL, &err), err);
    trio_lose(t, 2);
    assert_ok_err(hg_store_policy_put(t->server[2].store, "magnets", project.policy, policy.s, policy.len, &err), err);
    assert_ok_err(hg_epoch_plan(&plan, first, "magnets", 2, &err), err);
    for (unsigned i = 0; i < HG_SERVERS; i++)
        assert_ok_err(hg_epoch_begin(t->server[i].store, plan.s, plan.len, i == 2 ? NULL : SEED, &err), err);
    hg_party *inst = trio_party(t, "inst"), *carol = trio_party(t, "carol");
    assert_int_equal(hg_party_refresh(&epoch, inst, "magnets", 0, &err), HG_EREFUSED);
    assert_contains(err.msg, "is under way rebuilds server 2");
    assert_int_equal(hg_party_refresh(&epoch, inst, "magnets", HG_NOBODY, &err), HG_EREFUSED);
    assert_ok_err(hg_party_refresh(&epoch, inst, "magnets", 2, &err), err); /* the right one goes on */
    assert_ok_err(hg_party_suggest(&answer, carol, "magnets", NULL, &err), err);
    hg_party_answer_free(answer);
    hg_party_free(inst);
    hg_party_free(carol);
    hg_text_free(&plan);
    hg_text_free(&policy);
    trio_free(t);
}

/* ---- few rows ----------------------------------------------------------------------------------------------------------------------- */

/* acme has one measured row and many candidates: its row would be found out, whatever else there is. */
static void candidates_do_not_hide_a_row(void **state) {
    (void)state;
    char path[TRIO_PATH], folder[TRIO_PATH];
    trio *t = trio_new("few", "tier: compositions\nmode: semi-honest\n",
                       "limits: {padding: 2, entries: 40, least candidates: 2, least foreign rows: 3}\n");
    static const size_t CANDIDATE[] = { 7, 8, 9, 10, 11, 12 };
    const double nothing[6] = { 0 };
    hg_party_shared set;
    hg_party_answer *answer;
    hg_err err;
    (void)share(t, "carol", (size_t[]) { 0, 5, 30 }, 3);
    trio_table(path, t, "candidates.csv", CANDIDATE, nothing, 6);
    const hg_party_share_opts o = { .candidates = true, .folder = trio_path(folder, t, "acme/outbox") };
    hg_party *acme = trio_party(t, "acme"), *carol = trio_party(t, "carol");
    assert_ok_err(hg_party_share(&set, acme, "magnets", path, &o, &err), err);
    assert_ok_err(hg_party_suggest(&answer, carol, "magnets", NULL, &err),
                  err); /* nobody else's measurement is in it */
    hg_party_answer_free(answer);
    (void)share(t, "acme", (size_t[]) { 20 }, 1);
    assert_int_equal(hg_party_suggest(&answer, carol, "magnets", NULL, &err), HG_EREFUSED);
    assert_contains(err.msg, "has 1 rows of other owners");
    (void)share(t, "bolt", (size_t[]) { 21 }, 1); /* two rows, one of them padding perhaps */
    assert_int_equal(hg_party_suggest(&answer, carol, "magnets", NULL, &err), HG_EREFUSED);
    assert_contains(err.msg, "has 2 rows of other owners");
    (void)share(t, "bolt", (size_t[]) { 22 }, 1);
    assert_ok_err(hg_party_suggest(&answer, carol, "magnets", NULL, &err), err);
    hg_party_answer_free(answer);
    hg_party_free(acme);
    hg_party_free(carol);
    trio_free(t);
}

/* ---- names of entries ----------------------------------------------------------------------------------------------------------------- */

typedef enum { TRUTH, RENAMED, REORDERED, HIDDEN, LIES } lie;

/* Server 0 has another user measure another candidate: it tells the lists otherwise than they are. */
static void tell_sets(void *self, hg_dataset_status *d, size_t n) {
    const lie *l = self;
    for (size_t i = 0; i < n; i++) {
        if (d[i].state != HG_DATASET_ACTIVE || d[i].kind == HG_SHARES_MEASURED) continue;
        if (*l == RENAMED) snprintf(d[i].owner, sizeof d[i].owner, "%s", strcmp(d[i].owner, "acme") ? "acme" : "carol");
        if (*l == REORDERED) d[i].created = -d[i].created;
        if (*l == HIDDEN && d[i].kind == HG_SHARES_CANDIDATES) d[i].state = HG_DATASET_STAGED;
    }
}

static void one_server_does_not_rename_an_entry(void **state) {
    (void)state;
    char path[TRIO_PATH], folder[TRIO_PATH];
    const double nothing[6] = { 0 };
    size_t row[2];
    lie l = TRUTH;
    const hg_server_insecure_cheat cheat = { .datasets = tell_sets, .self = &l };
    trio *t = trio_new("names", "tier: compositions\nmode: semi-honest\n",
                       "limits: {padding: 2, entries: 40, least candidates: 2, least foreign rows: 1}\n");
    hg_party_shared set[2];
    hg_party_answer *a;
    hg_err err;
    for (unsigned i = 0; i < HG_SERVERS; i++) trio_stop(t, i);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        t->limits.insecure_cheat = i == 0 ? &cheat : NULL;
        trio_start(t, i);
    }
    (void)share(t, "acme", (size_t[]) { 0, 5 }, 2);
    hg_party *carol = trio_party(t, "carol");
    const hg_party_share_opts o = { .candidates = true, .folder = trio_path(folder, t, "carol/outbox") };
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < 2; i++) row[i] = 7 + 2 * k + i;
        trio_table(path, t, "candidates.csv", row, nothing, 2);
        assert_ok_err(hg_party_share(&set[k], carol, "magnets", path, &o, &err), err);
    }
    assert_ok_err(hg_party_suggest(&a, carol, "magnets", NULL, &err), err);
    assert_string_equal(a->proposal->owner, "carol");
    hg_party_answer_free(a);
    for (l = RENAMED; l < LIES; l++) {
        const hg_status st = hg_party_suggest(&a, carol, "magnets", NULL, &err);
        assert_int_equal(st, l == HIDDEN ? HG_EREFUSED : HG_ECHEAT);
        assert_null(a);
        assert_contains(err.msg, l == HIDDEN ? "whose row it is cannot be told" : "one of them lies");
    }
    hg_party_free(carol);
    trio_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(coins_that_one_server_lost_are_paid_again),
        TEST(a_check_is_of_the_rows_that_it_began_with),
        TEST(candidates_do_not_hide_a_row),
        TEST(one_server_sells_no_questions),
        TEST(prices_are_the_policys),
        TEST(rows_of_a_lost_server_go_to_no_other),
        TEST(one_server_does_not_rename_an_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
