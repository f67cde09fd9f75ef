/* tests/party/test_party.c -- owners share, a user asks, an owner leaves: the story of hagane/party.h on three real servers */
#include "hagane/party.h"
#include "party/ledger.h"
#include "secret/pool_state.h"
#include "secret/tier1.h"
#include "test.h"
#include "trio.h"

static const char SEMI[] = "tier: properties\nmode: semi-honest\n", MALICIOUS[] = "tier: properties\nmode: malicious\n";

/* What one party that sees everything computes with the same integers: rows in the order in which they were shared. */
static size_t plain_answer(const trio *t, const size_t *row, size_t n) {
    char path[TRIO_PATH];
    hg_err err;
    hg_policy *p;
    hg_t1_tables *tables;
    hg_run *run;
    hg_share y;
    hg_bits index;
    bool excluded[TRIO_POOL] = { false };
    double pool[TRIO_POOL * 2];
    uint64_t words[32 * 3];
    assert_ok_err(hg_policy_load(&p, trio_path(path, t, "policy.yaml"), &err), err);
    hg_policy_scaled_pool(pool, p);
    for (size_t i = 0; i < n; i++) {
        assert_ok_err(hg_policy_scale(words + 3 * i, p, trio_hc(row[i]), &err), err);
        excluded[row[i]] = true;
    }
    assert_ok_err(hg_t1_tables_new(&tables, NULL, &p->model, pool, TRIO_POOL, 2, row, n, NULL, NULL, &err), err);
    const hg_run_opts o = { .mode = HG_PLAIN, .imitated = p->mode };
    assert_ok_err(hg_run_new(&run, &o, &err), err);
    assert_ok_err(hg_share_input(&y, run, (const uint64_t *const[]) { words, NULL }, n, 3, &err), err);
    const hg_t1_opts job = { .excluded = excluded, .batch = 1 };
    assert_ok_err(hg_t1_propose(&index, run, tables, &y, &job, &err), err);
    const size_t answer = (size_t)index.slot[0][0];
    hg_run_free(run);
    hg_t1_tables_free(tables);
    hg_policy_free(p);
    return answer;
}

static void three_servers_answer_what_one_would(void **state) {
    (void)state;
    static const char *const MODES[] = { SEMI, MALICIOUS };
    for (size_t k = 0; k < 2; k++) {
        trio *t = trio_new("story", MODES[k], "");
        hg_err err;
        trio_share_all(t);
        const size_t rows[] = { 0, 5, 30, 35, 29, 1, 6, 24 };
        hg_party *carol = trio_party(t, "carol");
        hg_party_answer *a;
        assert_ok_err(hg_party_suggest(&a, carol, "magnets", NULL, &err), err);
        assert_int_equal(a->n, 1);
        assert_int_equal(a->proposal[0].row, plain_answer(t, rows, 8));
        assert_true(isnan(a->proposal[0].mean)); /* nothing but the index */
        assert_int_equal(a->rows, 8);
        assert_int_equal(a->datasets, 3);
        assert_int_equal(a->candidates, TRIO_POOL);
        assert_int_equal(a->budget_left, 5); /* of 6 */
        assert_true(a->rounds > 10 && a->rounds <= 100 && a->bytes > 1000);
        assert_string_equal(a->mode, k ? "malicious" : "semi-honest");
        assert_close(a->bits, log2(TRIO_POOL), 1e-12);
        assert_close(a->proposal[0].inputs[0], (double)(a->proposal[0].row % 6 * 2), 0);
        char name[8];
        snprintf(name, sizeof name, "M%zu", a->proposal[0].row);
        assert_string_equal(a->proposal[0].id, name);
        hg_party_answer_free(a);
        hg_party_free(carol);
        assert_false(trio_logged(t, "0.1")); /* no value reaches a server, nor its log */
        trio_free(t);
    }
}

static size_t ask(hg_party *p) {
    hg_party_answer *a;
    hg_err err;
    assert_ok_err(hg_party_suggest(&a, p, "magnets", NULL, &err), err);
    const size_t row = a->proposal[0].row;
    hg_party_answer_free(a);
    return row;
}

/* New shares of the same values, and a server with an empty disk: the answer stays. */
static void shares_are_refreshed_and_a_lost_server_is_rebuilt(void **state) {
    (void)state;
    trio *t = trio_new("rebuild", SEMI, "");
    hg_err err;
    uint64_t epoch;
    trio_share_all(t);
    hg_party *carol = trio_party(t, "carol"), *univ = trio_party(t, "univ");
    const size_t before = ask(carol);
    assert_ok_err(hg_party_refresh(&epoch, univ, "magnets", HG_NOBODY, &err), err);
    assert_int_equal(epoch, 1);
    assert_int_equal(ask(carol), before);
    trio_lose(t, 2); /* an empty store under the same identity */
    hg_party_answer *a;
    assert_int_not_equal(hg_party_suggest(&a, carol, "magnets", NULL, &err), HG_OK);
    assert_ok_err(hg_party_refresh(&epoch, univ, "magnets", 2, &err), err);
    assert_int_equal(epoch, 2);
    assert_int_equal(ask(carol), before);
    assert_int_equal(hg_party_refresh(&epoch, carol, "magnets", HG_NOBODY, &err), HG_EREFUSED);
    assert_contains(err.msg, "for servers alone");
    hg_party_free(carol);
    hg_party_free(univ);
    trio_free(t);
}

/* Tier 2: the servers do not know which entries were measured; the answer is that of doubles on the same rows. */
static void hidden_rows_give_the_same_answer(void **state) {
    (void)state;
    static const char *const MODES[] = { "tier: indices\nmode: semi-honest\n", "tier: indices\nmode: malicious\n" };
    for (size_t k = 0; k < 2; k++) {
        trio *t = trio_new("hidden", MODES[k], "limits: {padding: 4, least foreign rows: 2}\n");
        char path[TRIO_PATH];
        hg_err err;
        hg_policy *p;
        hg_party_answer *a;
        trio_share_all(t);
        assert_ok_err(hg_policy_load(&p, trio_path(path, t, "policy.yaml"), &err), err);
        hg_party *carol = trio_party(t, "carol");
        size_t row[16] = { 0, 5, 30, 35, 29, 1, 6, 24 }, n = 8;
        double pool[TRIO_POOL * 2], y[16], gap;
        hg_policy_scaled_pool(pool, p);
        for (unsigned step = 0; step < 2; step++) { /* each answer is measured and handed in: the state grows */
            for (size_t i = 0; i < n; i++) {
                uint64_t element[3];
                assert_ok_err(hg_policy_scale(element, p, trio_hc(row[i]), &err), err);
                y[i] = ldexp((double)(int64_t)element[0], -HG_Y_FRACTION);
            }
            assert_ok_err(hg_party_suggest(&a, carol, "magnets", NULL, &err), err);
            size_t expected;
            assert_ok_err(hg_pool_float(&expected, &gap, &p->model, pool, TRIO_POOL, 2, row, y, n, NULL, 0, &err), err);
            assert_true(gap > 1e-5);
            assert_int_equal(a->proposal[0].row, expected);
            assert_int_equal(a->tier, 2);
            row[n] = a->proposal[0].row;
            const double measured = trio_hc(row[n]);
            hg_party_answer_free(a);
            assert_ok_err(trio_share(t, "carol", &row[n], &measured, 1, NULL, &err), err);
            n++;
        }
        hg_party_free(carol);
        hg_policy_free(p);
        trio_free(t);
    }
}

/* Tier 3: compositions are hidden, too. carol's candidates are entries behind the donor's rows. */
typedef struct {
    trio *t;
    hg_policy *p;
    size_t row[34]; /* of the pool that everything was taken from; entry 3 is padding */
    double x[34 * 2];
    bool excluded[34];
    hg_party_shared candidates;
} hidden;

static void share_hidden(hidden *h, hg_party *carol) {
    char path[TRIO_PATH], folder[TRIO_PATH];
    double nothing[30] = { 0 }, y[3];
    size_t n = 4;
    hg_err err;
    for (size_t i = 0; i < 3; i++) y[i] = trio_hc(h->row[i] = TRIO_ACME[i]);
    assert_ok_err(trio_share(h->t, "acme", TRIO_ACME, y, 3, NULL, &err), err);
    for (size_t i = 1; i < TRIO_POOL && n < 34; i++)
        if (i != 5 && i != 30) h->row[n++] = i;
    trio_table(path, h->t, "candidates.csv", h->row + 4, nothing, 30);
    const hg_party_share_opts o = { .candidates = true, .folder = trio_path(folder, h->t, "carol/outbox") };
    assert_ok_err(hg_party_share(&h->candidates, carol, "magnets", path, &o, &err), err);
    assert_int_equal(h->candidates.shared, 30);
    for (size_t i = 0; i < 34; i++) {
        h->excluded[i] = i < 4;
        h->x[2 * i] = i == 3 ? 0 : (double)(h->row[i] % 6) / 5;
        h->x[2 * i + 1] = i == 3 ? 0 : (double)(h->row[i] / 6) / 5;
    }
}

static size_t float_answer(const hidden *h, const size_t *measured, size_t n) {
    double y[8], gap;
    size_t index;
    hg_err err;
    for (size_t i = 0; i < n; i++) {
        uint64_t element[3];
        assert_ok_err(hg_policy_scale(element, h->p, trio_hc(h->row[measured[i]]), &err), err);
        y[i] = ldexp((double)(int64_t)element[0], -HG_Y_FRACTION);
    }
    assert_ok_err(hg_pool_float(&index, &gap, &h->p->model, h->x, 34, 2, measured, y, n, h->excluded, 0, &err), err);
    assert_true(gap > 1e-5);
    return index;
}

static void hidden_compositions_give_the_same_answer(void **state) {
    (void)state;
    static const char *const MODES[] = { "tier: compositions\nmode: semi-honest\n",
                                         "tier: compositions\nmode: malicious\n" };
    for (size_t k = 0; k < 2; k++) {
        char path[TRIO_PATH], folder[TRIO_PATH];
        hg_err err;
        hg_party_answer *a;
        hg_party_shared one;
        size_t measured[8] = { 0, 1, 2 };
        hidden h = { .t =
                         trio_new("compositions", MODES[k],
                                  "limits: {padding: 4, entries: 40, least candidates: 32, least foreign rows: 1}\n") };
        assert_ok_err(hg_policy_load(&h.p, trio_path(path, h.t, "policy.yaml"), &err), err);
        hg_party *carol = trio_party(h.t, "carol");
        share_hidden(&h, carol);
        const hg_party_share_opts o = { .folder = trio_path(folder, h.t, "carol/outbox") };
        for (size_t n = 3; n < 5; n++) {
            assert_ok_err(hg_party_suggest(&a, carol, "magnets", NULL, &err), err);
            const hg_party_proposal *q = a->proposal;
            const size_t entry =
                q->dataset_row + 4; /* as numbered here: the servers' order is that of the sets' times */
            assert_int_equal(entry, float_answer(&h, measured, n));
            assert_string_equal(q->owner, "carol");
            assert_string_equal(q->dataset, h.candidates.dataset);
            const double value = trio_hc(h.row[entry]);
            measured[n] = entry;
            assert_ok_err(hg_party_share_measured(&one, carol, "magnets", a->job, &q->row, &value, 1, &o, &err), err);
            hg_party_answer_free(a);
        }
        hg_party_free(carol);
        hg_policy_free(h.p);
        trio_free(h.t);
    }
}

/* carol's own rows stand before her candidates. When they are withdrawn every candidate's number is another one: what she measured
 * before must stay with the candidate that she measured. */
static void what_was_measured_stays_with_its_candidate(void **state) {
    (void)state;
    static const size_t MINE[2] = { 35, 29 };
    char path[TRIO_PATH], folder[TRIO_PATH];
    double y[2], poor[3], nothing[28] = { 0 };
    hg_err err;
    hg_party_answer *a;
    hg_party_shared own, one;
    size_t measured[6] = { 0, 1, 2 }, n = 4;
    hidden h = { .t = trio_new("counted", "tier: compositions\nmode: semi-honest\n",
                               "limits: {padding: 4, entries: 40, least candidates: 28, least foreign rows: 1}\n") };
    assert_ok_err(hg_policy_load(&h.p, trio_path(path, h.t, "policy.yaml"), &err), err);
    hg_party *carol = trio_party(h.t, "carol");
    for (size_t i = 0; i < 2; i++) y[i] = trio_hc(MINE[i]);
    assert_ok_err(trio_share(h.t, "carol", MINE, y, 2, &own, &err), err);
    for (size_t i = 0; i < 3; i++) poor[i] = trio_hc(h.row[i] = TRIO_ACME[i]);
    assert_ok_err(trio_share(h.t, "acme", TRIO_ACME, poor, 3, NULL, &err), err);
    for (size_t i = 1; i < TRIO_POOL && n < 32; i++)
        if (i != 5 && i != 30 && i != 35 && i != 29) h.row[n++] = i;
    assert_int_equal(n, 32);
    trio_table(path, h.t, "candidates.csv", h.row + 4, nothing, 28);
    const hg_party_share_opts o = { .candidates = true, .folder = trio_path(folder, h.t, "carol/outbox") };
    assert_ok_err(hg_party_share(&h.candidates, carol, "magnets", path, &o, &err), err);
    for (size_t i = 0; i < 34; i++) {
        h.excluded[i] = i < 4 || i >= 32;
        h.x[2 * i] = i == 3 || i >= 32 ? 0 : (double)(h.row[i] % 6) / 5;
        h.x[2 * i + 1] = i == 3 || i >= 32 ? 0 : (double)(h.row[i] / 6) / 5;
    }
    const hg_party_share_opts m = { .folder = folder };
    for (n = 3; n < 6; n++) {
        assert_ok_err(hg_party_suggest(&a, carol, "magnets", NULL, &err), err);
        assert_string_equal(a->proposal->dataset, h.candidates.dataset);
        measured[n] = a->proposal->dataset_row + 4;
        const double value = trio_hc(h.row[measured[n]]);
        assert_ok_err(hg_party_share_measured(&one, carol, "magnets", a->job, &a->proposal->row, &value, 1, &m, &err),
                      err);
        hg_party_answer_free(a);
    }
    char nobodys[2 * HG_DIGEST + 1];
    memset(nobodys, '1', sizeof nobodys - 1);
    nobodys[sizeof nobodys - 1] = '\0';
    const size_t first = 0;
    assert_int_equal(hg_party_share_measured(&one, carol, "magnets", nobodys, &first, y, 1, &m, &err), HG_EREFUSED);
    assert_contains(err.msg, "belongs to no question of carol");
    assert_ok_err(hg_party_withdraw(carol, "magnets", own.dataset, &err), err);
    assert_ok_err(hg_party_suggest(&a, carol, "magnets", NULL, &err), err);
    assert_string_equal(a->proposal->dataset, h.candidates.dataset);
    assert_int_equal(a->proposal->dataset_row + 4, float_answer(&h, measured, n));
    hg_party_answer_free(a);
    hg_party_free(carol);
    hg_policy_free(h.p);
    trio_free(h.t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(three_servers_answer_what_one_would),        TEST(shares_are_refreshed_and_a_lost_server_is_rebuilt),
        TEST(hidden_rows_give_the_same_answer),           TEST(hidden_compositions_give_the_same_answer),
        TEST(what_was_measured_stays_with_its_candidate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
