/* tests/party/test_client.c -- a member's side: what is seen of projects, what is made while a server is away, what comes twice */
#include "party/client.h"
#include "members.h"
#include "program.h"
#include "test.h"
#include "trio.h"
#include <unistd.h>

static const char SEMI[] = "tier: properties\nmode: semi-honest\n";
static const size_t A[] = { 0, 5, 30 }, B[] = { 35, 29, 1 };

static hg_party_share_opts remembering(char folder[TRIO_PATH], const trio *t, const char *outbox) {
    return (hg_party_share_opts) { .folder = trio_path(folder, t, outbox), .remember = true };
}

static void table_of(char path[TRIO_PATH], const trio *t, const char *name, const size_t *row, size_t n) {
    double y[8];
    for (size_t i = 0; i < n; i++) y[i] = trio_hc(row[i]);
    trio_table(path, t, name, row, y, n);
}

static size_t rows_here(hg_party *p) {
    hg_dataset_status *set;
    size_t n, rows = 0;
    hg_err err;
    hg_arena *arena = hg_arena_new();
    assert_ok_err(hg_party_datasets(&set, &n, p, "magnets", arena, &err), err);
    for (size_t i = 0; i < n; i++) rows += set[i].state == HG_DATASET_ACTIVE ? (size_t)set[i].rows : 0;
    hg_arena_free(arena);
    return rows;
}

/* ---- what is seen ------------------------------------------------------------------------------------------------------------ */

static const hg_project_status *find(const hg_server_status *s, const char *name) {
    for (size_t i = 0; i < s->n_projects; i++)
        if (strcmp(s->project[i].name, name) == 0) return &s->project[i];
    return NULL;
}

/* A policy that an older program took and this one does not: its project says so, all others go on. */
static void one_bad_policy_leaves_the_rest_alone(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    trio *t = trio_new("bad-policy", SEMI, "");
    hg_err err;
    hg_server_status s;
    hg_party_answer *a;
    const unsigned char digest[HG_DIGEST] = { 1 };
    static const char TEXT[] = "hagane policy: 1\nproject: glass\nnew key: 7\n";
    for (unsigned i = 0; i < HG_SERVERS; i++)
        assert_ok(hg_store_policy_put(t->server[i].store, "glass", digest, TEXT, sizeof TEXT - 1, NULL));
    hg_party *carol = trio_party(t, "carol"), *acme = trio_party(t, "acme");
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        assert_ok_err(hg_party_status(&s, carol, i, *state, &err), err);
        assert_int_equal(s.n_projects, 2);
        assert_contains(find(&s, "glass")->why, "does not take the policy in force of project glass: glass:");
        assert_string_equal(find(&s, "magnets")->why, "");
        assert_true(find(&s, "magnets")->user);
        assert_int_equal(find(&s, "magnets")->left, trio_budget);
    }
    assert_int_equal(hg_party_suggest(&a, carol, "glass", NULL, &err), HG_EDATA);
    assert_contains(err.msg, "does not take the policy in force of project glass");
    assert_contains(err.hint, "another version took it");
    double y[] = { 1, 2, 1 };
    assert_ok_err(trio_share(t, "acme", A, y, 3, NULL, &err), err);
    assert_ok_err(hg_party_suggest(&a, carol, "magnets", NULL, &err), err);
    hg_party_answer_free(a);
    assert_ok_err(hg_party_status(&s, carol, 1, *state, &err), err); /* what was asked is seen by who asked */
    assert_int_equal(find(&s, "magnets")->left, trio_budget - 1);
    assert_int_equal(find(&s, "magnets")->budget, trio_budget);
    assert_ok_err(hg_party_status(&s, acme, 1, *state, &err), err);
    assert_false(find(&s, "magnets")->user);
    hg_party_free(carol);
    hg_party_free(acme);
    trio_free(t);
    hg_arena_reset(*state, mark);
}

/* The project's policy with another last year, signed by its three owners, straight into the stores. */
static void expire(trio *t) {
    static const char *const OWNERS[] = { "acme", "bolt", "carol" };
    char path[TRIO_PATH];
    hg_err err;
    hg_policy *p;
    hg_text text = hg_text_new(0);
    char *whole = test_read_file(trio_path(path, t, "policy.yaml")), *year = strstr(whole, "2090");
    memcpy(year, "2021", 4);
    hg_text_put(&text, whole, (size_t)(strstr(whole, "# signature") - whole));
    free(whole);
    for (unsigned i = 0; i < 3; i++) {
        hg_identity *id;
        hg_text next = hg_text_new(0);
        assert_ok_err(hg_identity_load(&id, trio_path(path, t, OWNERS[i]), NULL, hg_world_system(), &err), err);
        assert_ok_err(hg_policy_read(&p, "policy", text.s, text.len, &err), err);
        assert_ok_err(hg_policy_sign(&next, p, text.s, text.len, hg_identity_signing_secret(id), &err), err);
        hg_text_free(&text);
        text = next;
        for (unsigned s = 0; i == 2 && s < HG_SERVERS; s++)
            assert_ok(hg_store_policy_put(t->server[s].store, "magnets", p->digest, text.s, text.len, NULL));
        hg_policy_free(p);
        hg_identity_free(id);
    }
    hg_text_free(&text);
}

/* What is over is not asked any more; but it is seen why, and data are taken back. */
static void after_its_end_a_policy_still_lets_data_out(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    trio *t = trio_new("expired", SEMI, "");
    hg_err err;
    hg_server_status s;
    hg_party_answer *a;
    hg_party_shared mine;
    double y[] = { 1, 2, 1 };
    assert_ok_err(trio_share(t, "acme", A, y, 3, &mine, &err), err);
    expire(t);
    hg_party *acme = trio_party(t, "acme"), *carol = trio_party(t, "carol");
    assert_int_equal(hg_party_suggest(&a, carol, "magnets", NULL, &err), HG_EREFUSED);
    assert_contains(err.msg, "the policy of magnets expired at 2021-01-01");
    assert_int_equal(trio_share(t, "bolt", B, y, 3, NULL, &err), HG_EREFUSED);
    assert_ok_err(hg_party_status(&s, carol, 0, *state, &err), err);
    assert_contains(find(&s, "magnets")->why, "expired at 2021-01-01");
    assert_int_equal(rows_here(acme), 3);
    assert_ok_err(hg_party_withdraw(acme, "magnets", mine.dataset, &err), err);
    assert_int_equal(rows_here(acme), 0);
    hg_party_free(acme);
    hg_party_free(carol);
    trio_free(t);
    hg_arena_reset(*state, mark);
}

/* ---- what is made ------------------------------------------------------------------------------------------------------------ */

/* Share files are made whichever server is away, and handed in later; with none there, nothing is. */
static void files_wait_for_a_server_that_is_away(void **state) {
    (void)state;
    trio *t = trio_new("waiting", SEMI, "");
    hg_err err;
    hg_party_shared s;
    char path[TRIO_PATH], folder[TRIO_PATH];
    size_t n, handed_in = 0;
    hg_party *acme = trio_party(t, "acme");
    const hg_party_share_opts o = remembering(folder, t, "acme/outbox");
    for (unsigned away = 0; away < HG_SERVERS; away++) {
        table_of(path, t, "one.csv", &A[away], 1);
        trio_stop(t, away);
        assert_int_equal(hg_party_share(&s, acme, "magnets", path, &o, &err), HG_EPARTY);
        assert_contains(err.msg, t->c.cluster.server[away].name);
        assert_contains(err.hint, "hagane party share --again");
        assert_int_equal(hg_party_share(&s, acme, "magnets", path, &o, &err), HG_EDATA); /* they wait already */
        assert_contains(err.msg, "one.csv:2: this row was shared before with the same value");
        assert_contains(err.msg, "waits for `hagane party share --again`");
        trio_start(t, away);
        assert_int_equal(rows_here(acme), handed_in);
        assert_ok_err(hg_party_share_again(&n, acme, "magnets", &o, &err), err);
        assert_int_equal(n, 1);
        assert_int_equal(rows_here(acme), ++handed_in);
    }
    for (unsigned i = 0; i < HG_SERVERS; i++) trio_stop(t, i);
    table_of(path, t, "two.csv", B, 1);
    assert_int_equal(hg_party_share(&s, acme, "magnets", path, &o, &err), HG_EPARTY);
    assert_contains(err.hint, "nothing was made");
    for (unsigned i = 0; i < HG_SERVERS; i++) trio_start(t, i);
    assert_ok_err(hg_party_share_again(&n, acme, "magnets", &o, &err), err);
    assert_int_equal(n, 0);
    hg_party_free(acme);
    trio_free(t);
}

static void log_says(hg_party *p, unsigned server, const char *words) {
    hg_err err;
    hg_audit_log *l;
    hg_text log[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) }, text = hg_text_new(0);
    assert_ok_err(hg_party_audit(log, p, "magnets", 1, &err), err);
    assert_ok_err(hg_audit_read(&l, "log", log[server].s, log[server].len, &err), err);
    hg_audit_words(&text, l);
    assert_contains(text.s, words);
    hg_audit_log_free(l);
    hg_text_free(&text);
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&log[i]);
}

/* The file of one server handed to another, a damaged one, a file of another owner: told with its name, noted, nothing is kept. */
static void a_wrong_file_is_named_and_noted(void **state) {
    (void)state;
    trio *t = trio_new("wrong-file", SEMI, "");
    hg_err err;
    hg_party_shared s;
    size_t n;
    char path[TRIO_PATH], folder[TRIO_PATH], other[TRIO_PATH], file[3][TRIO_PATH], theirs[TRIO_PATH];
    hg_party *acme = trio_party(t, "acme"), *bolt = trio_party(t, "bolt");
    const hg_party_share_opts o = remembering(folder, t, "acme/outbox"), b = remembering(other, t, "bolt/outbox");
    for (int round = 0; round < 3; round++) {
        const unsigned number = (unsigned)round + 1;
        for (unsigned i = 0; i < 3; i++) {
            char name[64];
            snprintf(name, sizeof name, "acme/outbox/magnets-%u-%u.share", number, i);
            trio_path(file[i], t, name);
        }
        trio_stop(t, 2);
        table_of(path, t, "one.csv", &A[round], 1);
        assert_int_equal(hg_party_share(&s, acme, "magnets", path, &o, &err), HG_EPARTY);
        trio_start(t, 2);
        if (round == 0) {
            assert_int_equal(rename(file[1], file[0]), 0);
            assert_int_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_EREFUSED);
            assert_contains(err.msg, "magnets-1-0.share: inst: share file: a file for univ, this is inst");
            assert_contains(err.hint, "share again");
            assert_int_not_equal(access(file[0], F_OK), 0);
            log_says(acme, 0, "an upload from acme was refused: share file: a file for univ, this is inst");
        } else if (round == 1) {
            assert_int_equal(truncate(file[1], 500), 0);
            assert_int_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_EDATA);
            assert_contains(err.msg, "magnets-2-1.share: univ: share file: the share file is cut short");
            assert_contains(err.hint, "magnets-2-*, and share again");
            for (unsigned i = 0; i < 3; i++) unlink(file[i]);
        } else {
            assert_int_equal(rename(file[0], trio_path(theirs, t, "bolt/outbox/magnets-1-0.share")), 0);
            assert_int_equal(hg_party_share_again(&n, bolt, "magnets", &b, &err), HG_EREFUSED);
            assert_contains(err.msg, "bolt brings a share file of acme");
            log_says(acme, 0, "an upload from bolt was refused: bolt brings a share file of acme");
        }
        assert_int_equal(rows_here(acme), 0);
    }
    hg_party_free(acme);
    hg_party_free(bolt);
    trio_free(t);
}

/* ---- what comes twice ------------------------------------------------------------------------------------------------------- */

static void the_same_rows_are_refused_once_they_are_in(void **state) {
    (void)state;
    trio *t = trio_new("twice", SEMI, "");
    hg_err err;
    hg_party_shared s, again;
    char path[TRIO_PATH], folder[TRIO_PATH];
    const size_t longer[] = { 35, 29, 1, 0 };
    hg_party *acme = trio_party(t, "acme");
    hg_party_share_opts o = remembering(folder, t, "acme/outbox");
    table_of(path, t, "b.csv", B, 3);
    assert_ok_err(hg_party_share(&s, acme, "magnets", path, &o, &err), err);
    table_of(path, t, "longer.csv", longer, 4); /* a table that grew: only its new rows are new */
    assert_int_equal(hg_party_share(&again, acme, "magnets", path, &o, &err), HG_EDATA);
    char named[64];
    snprintf(named, sizeof named, "in data set %.16s", s.dataset);
    assert_contains(err.msg, "longer.csv:2: this row was shared before with the same value");
    assert_contains(err.msg, named);
    assert_contains(err.hint, "--repeat");
    assert_int_equal(rows_here(acme), 3);
    o.repeat = true;
    assert_ok_err(hg_party_share(&again, acme, "magnets", path, &o, &err), err);
    assert_int_equal(rows_here(acme), 7);
    o.repeat = false; /* who takes both back may share again */
    assert_ok_err(hg_party_withdraw(acme, "magnets", s.dataset, &err), err);
    assert_int_equal(hg_party_share(&s, acme, "magnets", path, &o, &err), HG_EDATA);
    assert_ok_err(hg_party_withdraw(acme, "magnets", again.dataset, &err), err);
    assert_ok_err(hg_party_share(&s, acme, "magnets", path, &o, &err), err);
    assert_int_equal(rows_here(acme), 4);
    hg_party_free(acme);
    trio_free(t);
}

static void what_was_not_proposed_is_refused(void **state) {
    (void)state;
    trio *t = trio_new("proposed", SEMI, "");
    hg_err err;
    hg_party_shared s;
    hg_party_answer *a;
    char folder[TRIO_PATH];
    const double y = 1.5, z = 1.25;
    double of_a[] = { 1, 2, 1 };
    assert_ok_err(trio_share(t, "acme", A, of_a, 3, NULL, &err), err);
    hg_party *carol = trio_party(t, "carol");
    const hg_party_share_opts o = remembering(folder, t, "carol/outbox");
    const hg_party_suggest_opts ask = { .batch = 1, .save = o.folder };
    assert_ok_err(hg_party_suggest(&a, carol, "magnets", &ask, &err), err);
    const size_t row = a->proposal[0].row, other = row ? row - 1 : row + 1;
    assert_int_equal(hg_party_share_measured(&s, carol, "magnets", a->job, &other, &y, 1, &o, &err), HG_EINVAL);
    assert_contains(err.msg, "was not proposed by job");
    assert_ok_err(hg_party_share_measured(&s, carol, "magnets", a->job, &row, &y, 1, &o, &err), err);
    assert_int_equal(hg_party_share_measured(&s, carol, "magnets", a->job, &row, &y, 1, &o, &err), HG_EDATA);
    assert_contains(err.msg, "was shared before with the same value");
    assert_ok_err(hg_party_share_measured(&s, carol, "magnets", a->job, &row, &z, 1, &o, &err),
                  err); /* a second look */
    assert_int_equal(rows_here(carol), 5);
    hg_party_answer_free(a);
    hg_party_free(carol);
    trio_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_bad_policy_leaves_the_rest_alone),       TEST(after_its_end_a_policy_still_lets_data_out),
        TEST(files_wait_for_a_server_that_is_away),       TEST(a_wrong_file_is_named_and_noted),
        TEST(the_same_rows_are_refused_once_they_are_in), TEST(what_was_not_proposed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
