/* tests/party/test_server.c -- what servers refuse, survive and agree on: bad requests, absent servers, budgets, withdrawals */
#include "party/server.h"
#include "members.h"
#include "party/request.h"
#include "test.h"
#include "trio.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const char SEMI[] = "tier: properties\nmode: semi-honest\n";

/* ---- who may ask what ------------------------------------------------------------------------------------------------------------ */

static void who_is_not_in_the_policy_gets_nothing(void **state) {
    (void)state;
    trio *t = trio_new("strangers", SEMI, "");
    hg_err err;
    hg_party *dora = trio_party(t, "dora"), *acme = trio_party(t, "acme");
    hg_dataset_status *set;
    hg_text log[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    size_t n;
    hg_arena *arena = hg_arena_new();
    assert_int_equal(trio_suggest(dora, NULL, NULL, &err), HG_EREFUSED);
    assert_contains(err.msg, "dora is no member of project magnets");
    assert_int_equal(hg_party_datasets(&set, &n, dora, "magnets", arena, &err), HG_EREFUSED);
    assert_int_equal(hg_party_audit(log, dora, "magnets", 1, &err), HG_EREFUSED);
    assert_int_equal(trio_suggest(acme, NULL, NULL, &err), HG_EREFUSED); /* an owner that may not ask */
    assert_contains(err.msg, "does not let acme ask for \"propose\"");
    assert_int_equal(hg_party_datasets(&set, &n, acme, "iron", arena, &err), HG_ENOTFOUND);
    hg_server_status s;
    assert_ok_err(hg_party_status(&s, dora, 1, arena, &err), err); /* that a server is there is no secret */
    assert_string_equal(s.name, "univ");
    assert_int_equal(s.n_projects, 0);
    for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&log[i]);
    hg_arena_free(arena);
    hg_party_free(dora);
    hg_party_free(acme);
    trio_free(t);
}

/* A refused question stands in the signed log, with its reason. */
static void refusals_are_in_the_log(void **state) {
    (void)state;
    trio *t = trio_new("refusals", SEMI, "");
    hg_err err;
    hg_text log[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    hg_party *acme = trio_party(t, "acme"), *carol = trio_party(t, "carol");
    assert_int_equal(trio_suggest(acme, NULL, NULL, &err), HG_EREFUSED);
    assert_int_equal(trio_suggest(carol, NULL, NULL, &err), HG_EREFUSED); /* no rows yet */
    assert_contains(err.msg, "0 rows of other owners; the policy asks for 3");
    assert_ok_err(hg_party_audit(log, acme, "magnets", 1, &err), err);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_audit_log *l;
        hg_text words = hg_text_new(0);
        assert_ok_err(hg_audit_read(&l, "log", log[i].s, log[i].len, &err), err);
        assert_ok_err(hg_audit_verify(NULL, l, t->c.cluster.server[i].signing_key, "magnets", NULL, &err), err);
        hg_audit_words(&words, l);
        assert_contains(words.s, "job of acme was refused: the policy does not let acme ask");
        hg_text_free(&words);
        hg_audit_log_free(l);
        hg_text_free(&log[i]);
    }
    hg_party_free(acme);
    hg_party_free(carol);
    trio_free(t);
}

/* A log comes in pieces, whatever its length; they are what it is in one. */
static void a_log_is_fetched_in_pieces(void **state) {
    (void)state;
    trio *t = trio_new("pieces", SEMI, "");
    hg_err err;
    hg_text log[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    trio_share_all(t);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        trio_stop(t, i);
        t->limits.audit_piece = i ? 1500 : 1; /* two entries, or one */
        trio_start(t, i);
    }
    hg_party *acme = trio_party(t, "acme");
    assert_ok_err(hg_party_audit(log, acme, "magnets", 3, &err), err);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_text whole = hg_text_new(0), piece = hg_text_new(0);
        assert_ok(hg_audit_export(&whole, t->server[i].store, 3, "magnets", NULL));
        assert_ok(hg_audit_export_piece(&piece, t->server[i].store, 3, "magnets", 1500, NULL));
        assert_string_equal(log[i].s, whole.s);
        assert_true(piece.len < whole.len / 2);
        hg_text_free(&whole);
        hg_text_free(&piece);
        hg_text_free(&log[i]);
    }
    hg_party_free(acme);
    trio_free(t);
}

/* Signed by another, for another policy, expired, cut short, of another member's link: each server says no by itself. */
static void a_wrong_job_is_refused_by_each_server(void **state) {
    (void)state;
    trio *t = trio_new("jobs", SEMI, "");
    hg_err err;
    hg_policy *p;
    hg_party *carol = trio_party(t, "carol"), *acme = trio_party(t, "acme");
    assert_ok_err(hg_party_policy(&p, carol, "magnets", &err), err);
    const int64_t now = hg_world_now(hg_world_system());
    hg_job good = {
        .kind = HG_JOB_PROPOSE, .tier = p->tier, .mode = p->mode, .batch = 1, .created = now, .expires = now + 60
    };
    snprintf(good.project, sizeof good.project, "magnets");
    snprintf(good.user, sizeof good.user, "carol");
    memcpy(good.policy, p->digest, HG_DIGEST);
    const struct {
        const char *words;
        hg_party *by, *signer;
        int64_t age;
        unsigned policy, mode, batch, cut;
    } cases[] = {
        { "is not signed by carol", carol, acme, 0, 0, 0, 0, 0 },
        { "acme brings a job of carol", acme, carol, 0, 0, 0, 0, 0 },
        { "under another policy", carol, carol, 0, 1, 0, 0, 0 },
        { "mode malicious; the policy says", carol, carol, 0, 0, 1, 0, 0 },
        { "the policy allows 1 to 1", carol, carol, 0, 0, 0, 1, 0 },
        { "expired", carol, carol, 1000, 0, 0, 0, 0 },
        { "in the future", carol, carol, -1000, 0, 0, 0, 0 },
        { "not a job", carol, carol, 0, 0, 0, 0, 7 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned server = 0; server < HG_SERVERS; server++) {
            hg_job j = good;
            j.created -= cases[i].age;
            j.expires -= cases[i].age;
            j.policy[0] ^= (unsigned char)cases[i].policy;
            if (cases[i].mode) j.mode = HG_MALICIOUS;
            j.batch += cases[i].batch;
            hg_text body = hg_text_new(0), reply = hg_text_new(0);
            hg_put_u32(&body, 7);
            assert_ok(hg_job_write(&body, &j, hg_identity_signing_secret(cases[i].signer->identity), NULL));
            assert_ok_err(hg_party_ask(cases[i].by, server, HG_ASK_JOB, body.s, body.len - cases[i].cut, &err), err);
            const hg_status st = hg_party_reply(&reply, cases[i].by, server, 1 << 20, &err);
            assert_true(st == HG_EREFUSED || st == HG_EPARSE);
            assert_contains(err.msg, cases[i].words);
            hg_text_free(&body);
            hg_text_free(&reply);
        }
    hg_policy_free(p);
    hg_party_free(carol);
    hg_party_free(acme);
    trio_free(t);
}

/* ---- budgets ---------------------------------------------------------------------------------------------------------------------- */

static void budgets_end_and_a_broken_question_costs_nothing_more(void **state) {
    (void)state;
    trio *t = trio_new("budget", SEMI, "");
    hg_err err;
    char save[TRIO_PATH];
    hg_party_answer *a;
    trio_share_all(t);
    hg_party *carol = trio_party(t, "carol");
    const hg_party_suggest_opts o = { .batch = 1, .save = trio_path(save, t, "carol/outbox") };
    assert_ok_err(hg_party_suggest(&a, carol, "magnets", &o, &err), err);
    const size_t row = a->proposal[0].row;
    assert_int_equal(a->budget_left, 5);
    hg_party_answer_free(a);
    trio_stop(t, 1); /* asked while one is away: not charged, or charged once */
    assert_int_equal(hg_party_suggest(&a, carol, "magnets", &o, &err), HG_EPARTY);
    assert_contains(err.msg, "party \"univ\" does not answer");
    trio_start(t, 1);
    assert_ok_err(hg_party_suggest(&a, carol, "magnets", &o, &err), err);
    assert_int_equal(a->proposal[0].row, row); /* the same rows, the same answer */
    assert_int_equal(a->budget_left, 4);
    hg_party_answer_free(a);
    for (size_t left = 4; left-- > 0;) {
        size_t now;
        assert_ok_err(trio_suggest(carol, NULL, &now, &err), err);
        assert_int_equal(now, left);
    }
    assert_int_equal(trio_suggest(carol, NULL, NULL, &err), HG_EREFUSED);
    assert_contains(err.msg, "0 of 6 queries left");
    hg_party_free(carol);
    trio_free(t);
}

/* The same signed bytes again: free and the same answer until the user has said that it arrived, then never again. */
static void a_job_is_answered_once(void **state) {
    (void)state;
    trio *t = trio_new("once", SEMI, "");
    hg_err err;
    hg_policy *p;
    trio_share_all(t);
    hg_party *carol = trio_party(t, "carol");
    assert_ok_err(hg_party_policy(&p, carol, "magnets", &err), err);
    const int64_t now = hg_world_now(hg_world_system());
    hg_job j = {
        .kind = HG_JOB_PROPOSE, .tier = p->tier, .mode = p->mode, .batch = 1, .created = now, .expires = now + 60
    };
    snprintf(j.project, sizeof j.project, "magnets");
    snprintf(j.user, sizeof j.user, "carol");
    memcpy(j.policy, p->digest, HG_DIGEST);
    uint64_t bits[2] = { 0 }, left = 0;
    for (uint32_t attempt = 1; attempt <= 3; attempt++) {
        hg_text body = hg_text_new(0), reply[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
        hg_answer a[HG_SERVERS];
        hg_arena *arena = hg_arena_new();
        hg_put_u32(&body, attempt);
        assert_ok(hg_job_write(&body, &j, hg_identity_signing_secret(carol->identity), NULL));
        const hg_status st = hg_party_ask_all(reply, carol, HG_ASK_JOB, body.s, body.len, 1 << 20, &err);
        if (attempt == 3) {
            assert_int_equal(st, HG_EREFUSED);
            assert_contains(err.msg, "answered before");
        } else {
            assert_ok_err(st, err);
            for (unsigned i = 0; i < HG_SERVERS; i++)
                assert_ok_err(hg_answer_read(&a[i], arena, p, reply[i].s, reply[i].len, &err), err);
            assert_ok_err(hg_answer_join(&bits[attempt - 1], a, &j, p, hg_job_output_bits(&j, p, 0), &err), err);
            if (attempt == 2) assert_int_equal(a[0].budget_left, left); /* free */
            left = a[0].budget_left;
        }
        if (attempt == 2) { /* it has arrived */
            hg_text taken = hg_text_new(0), none[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
            unsigned char entry[HG_DIGEST];
            assert_ok(hg_job_entry(entry, &j, NULL));
            hg_put_name(&taken, "magnets");
            hg_put_bytes(&taken, entry, HG_DIGEST);
            hg_put_bytes(&taken, a[0].transcript, HG_DIGEST);
            assert_ok_err(hg_party_ask_all(none, carol, HG_PUT_TAKEN, taken.s, taken.len, 16, &err), err);
            hg_text_free(&taken);
            for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&none[i]);
        }
        hg_text_free(&body);
        for (unsigned i = 0; i < HG_SERVERS; i++) hg_text_free(&reply[i]);
        hg_arena_free(arena);
    }
    assert_int_equal(bits[0], bits[1]);
    hg_policy_free(p);
    hg_party_free(carol);
    trio_free(t);
}

/* ---- limits before trust ------------------------------------------------------------------------------------------------------------- */

static int knock(uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Strangers that say nothing, or nonsense, take up their places and no more: members still get in when they leave. */
static void silent_strangers_do_not_stop_the_service(void **state) {
    (void)state;
    trio *t = trio_new("silent", SEMI, "");
    hg_err err;
    int fd[40];
    hg_arena *arena = hg_arena_new();
    for (size_t i = 0; i < 40; i++) {
        fd[i] = knock(t->c.cluster.server[0].port);
        if (i % 2) assert_true(send(fd[i], "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) >= 0);
    }
    for (size_t i = 0; i < 40; i++) close(fd[i]);
    hg_party *acme = trio_patient(t, "acme", 10000);
    hg_server_status s;
    hg_status st = HG_EPARTY;
    for (unsigned i = 0; st != HG_OK && i < 50; i++) {
        st = hg_party_status(&s, acme, 0, arena, &err);
        if (st != HG_OK) usleep(100000);
    }
    assert_ok_err(st, err);
    hg_arena_free(arena);
    hg_party_free(acme);
    trio_free(t);
}

/* Kinds that do not exist, lengths beyond the table's, what only servers may ask. */
static void requests_are_bounded(void **state) {
    (void)state;
    trio *t = trio_new("bounds", SEMI, "");
    hg_err err;
    hg_party *acme = trio_party(t, "acme");
    char *big = calloc(1, 1 << 16);
    hg_text reply = hg_text_new(0);
    const struct {
        unsigned kind;
        size_t n;
        const char *words;
    } cases[] = {
        { HG_REQUEST_END + 3, 0, "does not know what is asked" },
        { HG_REPLY, 0, "does not know what is asked" },
        { HG_ASK_PULSE, 0, "for servers alone" },
        { HG_ASK_REFRESH, 20, "for servers alone" },
        { HG_ASK_STATUS, 1 << 16, "longer than allowed" },
        { HG_ASK_JOB, 1 << 16, "longer than allowed" },
        { HG_ASK_POLICY, 3, "cannot be read" },
        { HG_ASK_VALIDATE, 40, "" },
        { HG_PUT_TAKEN, 100, "" },
        { HG_PUT_SHARES, 1000, "" },
        { HG_PUT_POLICY, 100, "" },
        { HG_PUT_WITHDRAWAL, 100, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok_err(hg_party_ask(acme, 0, cases[i].kind, big, cases[i].n, &err), err);
        assert_int_not_equal(hg_party_reply(&reply, acme, 0, 1 << 20, &err), HG_OK);
        assert_contains(err.msg, cases[i].words);
    }
    hg_text_free(&reply);
    free(big);
    hg_party_free(acme);
    trio_free(t);
}

/* ---- several at once ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    trio *t;
    size_t row;
    hg_status st;
    hg_err err;
} asker;

static void *ask(void *arg) {
    asker *a = arg;
    hg_party *p = trio_patient(a->t, "carol", 20000);
    a->st = trio_suggest(p, &a->row, NULL, &a->err);
    hg_party_free(p);
    return NULL;
}

static void several_questions_at_once(void **state) {
    (void)state;
    static const char *const HEADS[] = { SEMI, "tier: indices\nmode: semi-honest\n" };
    for (size_t k = 0; k < 2; k++) {
        trio *t = trio_new("several", HEADS[k], "limits: {least foreign rows: 2}\n");
        asker a[4];
        pthread_t thread[4];
        trio_share_all(t);
        for (size_t i = 0; i < 4; i++) {
            a[i] = (asker) { .t = t };
            assert_int_equal(pthread_create(&thread[i], NULL, ask, &a[i]), 0);
        }
        for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
        for (size_t i = 0; i < 4; i++) {
            assert_ok_err(a[i].st, a[i].err);
            assert_int_equal(a[i].row, a[0].row);
        }
        trio_free(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(who_is_not_in_the_policy_gets_nothing),
        TEST(refusals_are_in_the_log),
        TEST(a_log_is_fetched_in_pieces),
        TEST(a_wrong_job_is_refused_by_each_server),
        TEST(budgets_end_and_a_broken_question_costs_nothing_more),
        TEST(a_job_is_answered_once),
        TEST(silent_strangers_do_not_stop_the_service),
        TEST(requests_are_bounded),
        TEST(several_questions_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
