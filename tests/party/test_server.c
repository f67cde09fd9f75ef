/* tests/party/test_server.c -- what servers refuse, survive and agree on: bad requests, absent servers, budgets, withdrawals */
#include "party/server.h"
#include "members.h"
#include "party/request.h"
#include "party/sharefile.h"
#include "secret/ring.h"
#include "test.h"
#include "trio.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const size_t A[] = { 0, 5, 30 }, B[] = { 35, 29, 1 }, C[] = { 6, 24 };
static const char SEMI[] = "tier: properties\nmode: semi-honest\n";

static void share_all(trio *t) {
    const size_t *row[] = { A, B, C };
    const size_t n[] = { 3, 3, 2 };
    const char *const name[] = { "acme", "bolt", "carol" };
    hg_err err;
    for (unsigned k = 0; k < 3; k++) {
        double y[3];
        for (size_t i = 0; i < n[k]; i++) y[i] = trio_hc(row[k][i]);
        assert_ok_err(trio_share(t, name[k], row[k], y, n[k], NULL, &err), err);
    }
}

static hg_status suggest(hg_party *p, size_t *row, size_t *left, hg_err *err) {
    hg_party_answer *a;
    HG_TRY(hg_party_suggest(&a, p, "magnets", NULL, err));
    if (row) *row = a->proposal[0].row;
    if (left) *left = a->budget_left;
    hg_party_answer_free(a);
    return HG_OK;
}

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
    assert_int_equal(suggest(dora, NULL, NULL, &err), HG_EREFUSED);
    assert_contains(err.msg, "dora is no member of project magnets");
    assert_int_equal(hg_party_datasets(&set, &n, dora, "magnets", arena, &err), HG_EREFUSED);
    assert_int_equal(hg_party_audit(log, dora, "magnets", 1, &err), HG_EREFUSED);
    assert_int_equal(suggest(acme, NULL, NULL, &err), HG_EREFUSED); /* an owner that may not ask */
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
    assert_int_equal(suggest(acme, NULL, NULL, &err), HG_EREFUSED);
    assert_int_equal(suggest(carol, NULL, NULL, &err), HG_EREFUSED); /* no rows yet */
    assert_contains(err.msg, "0 rows of other owners; the policy asks for 3");
    assert_ok_err(hg_party_audit(log, acme, "magnets", 1, &err), err);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_audit_log *l;
        hg_text words = hg_text_new(0);
        assert_ok_err(hg_audit_read(&l, "log", log[i].s, log[i].len, &err), err);
        assert_ok_err(hg_audit_verify(NULL, l, t->cluster.server[i].signing_key, "magnets", NULL, &err), err);
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
    share_all(t);
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
        assert_ok_err(suggest(carol, NULL, &now, &err), err);
        assert_int_equal(now, left);
    }
    assert_int_equal(suggest(carol, NULL, NULL, &err), HG_EREFUSED);
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
    share_all(t);
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

/* ---- absent servers ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    trio *t;
    unsigned party;
} later;

static void *start_later(void *arg) {
    later *l = arg;
    usleep(700000);
    trio_start(l->t, l->party);
    return NULL;
}

static void who_is_away_is_named_and_waited_for(void **state) {
    (void)state;
    trio *t = trio_new("away", SEMI, "");
    hg_err err;
    size_t before, after;
    share_all(t);
    hg_party *carol = trio_patient(t, "carol", 20000);
    assert_ok_err(suggest(carol, &before, NULL, &err), err);
    for (unsigned party = 0; party < HG_SERVERS; party++) {
        later l = { t, party };
        pthread_t thread;
        trio_stop(t, party);
        hg_party *hasty = trio_party(t, "carol");
        assert_int_equal(suggest(hasty, NULL, NULL, &err), HG_EPARTY);
        assert_contains(err.msg, t->cluster.server[party].name);
        hg_party_free(hasty);
        assert_int_equal(pthread_create(&thread, NULL, start_later, &l), 0);
        assert_ok_err(suggest(carol, &after, NULL, &err), err);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(after, before);
    }
    hg_party_free(carol);
    trio_free(t);
}

/* A server that was away when a set was withdrawn hears of it before the next job. */
static void a_withdrawal_reaches_who_was_away(void **state) {
    (void)state;
    trio *t = trio_new("withdraw", SEMI, "");
    hg_err err;
    hg_party_shared mine;
    share_all(t);
    const size_t more[] = { 12, 13, 14 };
    const double y[] = { 0.1, 0.2, 0.3 };
    assert_ok_err(trio_share(t, "acme", more, y, 3, &mine, &err), err);
    hg_party *acme = trio_party(t, "acme"), *carol = trio_party(t, "carol"), *bolt = trio_party(t, "bolt");
    assert_int_equal(hg_party_withdraw(bolt, "magnets", mine.dataset, &err), HG_ENOTFOUND); /* not his */
    assert_int_equal(hg_party_withdraw(acme, "magnets", "5f", &err), HG_EINVAL);
    trio_stop(t, 0);
    assert_int_equal(hg_party_withdraw(acme, "magnets", mine.dataset, &err), HG_EPARTY);
    trio_start(t, 0);
    assert_ok_err(hg_party_withdraw(acme, "magnets", mine.dataset, &err), err);
    hg_party_answer *a;
    assert_ok_err(hg_party_suggest(&a, carol, "magnets", NULL, &err), err);
    assert_int_equal(a->rows, 8);
    hg_party_answer_free(a);
    assert_true(trio_logged(t, "was withdrawn: its shares are erased"));
    hg_party_free(acme);
    hg_party_free(bolt);
    hg_party_free(carol);
    trio_free(t);
}

/* ---- data sets ------------------------------------------------------------------------------------------------------------------------ */

/* Share files of acme in its outbox, one row with these words. */
static void write_files(const trio *t, const hg_party *acme, const hg_policy *p, uint64_t sequence, const uint64_t y[3],
                        char path[HG_SERVERS][TRIO_PATH]) {
    char name[64];
    const uint64_t nothing = 0;
    hg_err err;
    hg_share_writer *w;
    for (unsigned s = 0; s < HG_SERVERS; s++) {
        snprintf(name, sizeof name, "acme/outbox/magnets-%llu-%u.share", (unsigned long long)sequence, s);
        trio_path(path[s], t, name);
    }
    const hg_share_opts o = { .kind = HG_SHARES_ROWS,
                              .owner = "acme",
                              .secret = hg_identity_signing_secret(acme->identity),
                              .sequence = sequence,
                              .world = hg_world_system() };
    assert_ok_err(hg_share_writer_new(&w, p, &o, (const char *const[]) { path[0], path[1], path[2] }, &err), err);
    assert_ok_err(hg_share_writer_row(w, 3, y, &nothing, &err), err);
    assert_ok_err(hg_share_writer_commit(w, NULL, NULL, &err), err);
    hg_share_writer_free(w);
}

static size_t active_sets(hg_party *p) {
    hg_dataset_status *set;
    size_t n, active = 0;
    hg_err err;
    hg_arena *arena = hg_arena_new();
    assert_ok_err(hg_party_datasets(&set, &n, p, "magnets", arena, &err), err);
    for (size_t i = 0; i < n; i++) active += set[i].state == HG_DATASET_ACTIVE;
    hg_arena_free(arena);
    return active;
}

/* An owner's program that cheats: a value far outside the range, hidden in the high bits of the shares. */
static void a_value_outside_the_range_never_counts(void **state) {
    (void)state;
    const unsigned high_bit[] = { 27, 64, 127, 190 }; /* +8 is 2^27 */
    trio *t = trio_new("range", SEMI, "");
    hg_err err;
    hg_policy *p;
    char path[HG_SERVERS][TRIO_PATH], folder[TRIO_PATH];
    hg_party *acme = trio_party(t, "acme");
    const hg_party_share_opts o = { .folder = trio_path(folder, t, "acme/outbox") };
    size_t n;
    assert_ok_err(hg_party_policy(&p, acme, "magnets", &err), err);
    for (size_t i = 0; i < sizeof high_bit / sizeof *high_bit; i++) {
        uint64_t y[3] = { 1, 0, 0 };
        y[high_bit[i] / 64] |= (uint64_t)1 << (high_bit[i] % 64);
        write_files(t, acme, p, i + 1, y, path);
        assert_int_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_EREFUSED);
        assert_contains(err.msg, "was refused and erased: 1 numbers lie outside the policy's range");
        assert_int_equal(access(path[0], F_OK), -1); /* nothing to hand in again */
    }
    assert_int_equal(active_sets(acme), 0);
    write_files(t, acme, p, 9, (const uint64_t[3]) { 1 << 27, 0, 0 }, path); /* the range's end belongs to it */
    assert_ok_err(hg_party_share_again(&n, acme, "magnets", &o, &err), err);
    assert_int_equal(active_sets(acme), 1);
    hg_policy_free(p);
    hg_party_free(acme);
    trio_free(t);
}

/* A damaged file, files of two hand-ins, a file for another server, one of another owner: refused, and nothing of it stays. */
static void wrong_share_files_leave_nothing(void **state) {
    (void)state;
    trio *t = trio_new("files", SEMI, "");
    hg_err err;
    hg_policy *p;
    char path[HG_SERVERS][TRIO_PATH], other[HG_SERVERS][TRIO_PATH], folder[TRIO_PATH];
    const uint64_t y[3] = { 5, 0, 0 };
    hg_party *acme = trio_party(t, "acme"), *bolt = trio_party(t, "bolt");
    const hg_party_share_opts o = { .folder = trio_path(folder, t, "acme/outbox") };
    size_t n;
    assert_ok_err(hg_party_policy(&p, acme, "magnets", &err), err);
    for (size_t i = 0; i < 6; i++) { /* a bit anywhere */
        hg_text bytes = hg_text_new(0);
        write_files(t, acme, p, i + 1, y, path);
        assert_ok_err(hg_party_read_file(&bytes, path[i % 3], &err), err);
        bytes.s[i * (bytes.len - 1) / 5] ^= 4;
        assert_ok_err(hg_party_write_file(path[i % 3], bytes.s, bytes.len, &err), err);
        assert_int_not_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_OK);
        for (unsigned s = 0; s < HG_SERVERS; s++) unlink(path[s]);
        hg_text_free(&bytes);
    }
    write_files(t, acme, p, 11, y, path); /* the files of two servers change places */
    assert_int_equal(rename(path[0], path[1]), 0);
    write_files(t, acme, p, 12, y, other);
    assert_int_equal(rename(other[2], path[0]), 0);
    assert_int_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_EREFUSED);
    for (unsigned s = 0; s < HG_SERVERS; s++) unlink(path[s]), unlink(other[s]);
    write_files(t, acme, p, 13, y, path); /* halves of two hand-ins: each is in order, together they are not */
    write_files(t, acme, p, 14, y, other);
    assert_int_equal(rename(other[2], path[2]), 0);
    assert_int_not_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_OK);
    for (unsigned s = 0; s < HG_SERVERS; s++) unlink(path[s]), unlink(other[s]);
    write_files(t, acme, p, 15, y, path); /* brought by somebody else */
    assert_int_equal(hg_party_share_again(&n, bolt, "magnets", &o, &err), HG_EREFUSED);
    assert_contains(err.msg, "bolt brings a share file of acme");
    assert_int_equal(active_sets(acme), 0);
    write_files(t, acme, p, 16, y, path);
    assert_ok_err(hg_party_share_again(&n, acme, "magnets", &o, &err), err);
    assert_int_equal(active_sets(acme), 1);
    hg_policy_free(p);
    hg_party_free(acme);
    hg_party_free(bolt);
    trio_free(t);
}

/* dora is in no project, and begins a share file that never ends: the server does not wait for more than its header. */
static void a_strangers_share_file_is_not_kept_for_a_moment(void **state) {
    (void)state;
    trio *t = trio_new("spool", SEMI, "");
    hg_err err;
    hg_policy *p;
    char path[HG_SERVERS][TRIO_PATH];
    const uint64_t y[3] = { 5, 0, 0 };
    hg_text bytes = hg_text_new(0), reply = hg_text_new(0);
    hg_party *acme = trio_party(t, "acme");
    assert_ok_err(hg_party_policy(&p, acme, "magnets", &err), err);
    write_files(t, acme, p, 1, y, path);
    assert_ok_err(hg_party_read_file(&bytes, path[0], &err), err);
    while (bytes.len < HG_SHARE_BEGIN_MOST) hg_put_u8(&bytes, 0);
    for (unsigned i = 0; i < 2; i++) { /* one of acme, another of nobody's project */
        if (i) memcpy(memmem(bytes.s, bytes.len, "magnets", 7), "secrets", 7);
        hg_party *dora = trio_party(t, "dora");
        assert_ok_err(hg_party_dial(dora, 0, &err), err);
        assert_ok_err(hg_link_send(dora->link[0], HG_PUT_SHARES, 0, HG_FRAME_MORE, bytes.s, HG_SHARE_BEGIN_MOST, &err),
                      err);
        assert_int_equal(hg_party_reply(&reply, dora, 0, 64, &err), i ? HG_ENOTFOUND : HG_EREFUSED);
        hg_party_free(dora);
    }
    hg_text_free(&bytes);
    hg_text_free(&reply);
    hg_policy_free(p);
    hg_party_free(acme);
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
        fd[i] = knock(t->cluster.server[0].port);
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
    a->st = suggest(p, &a->row, NULL, &a->err);
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
        share_all(t);
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

/* ---- lack of memory --------------------------------------------------------------------------------------------------------------------- */

/* One allocation fails, of the user's or of any server's: the call succeeds or says why, nobody hangs, and all goes on afterwards. */
static void lack_of_memory_breaks_off_and_nothing_else(void **state) {
    (void)state;
    trio_budget = 1000;
    trio *t = trio_new("memory", SEMI, "limits: {queries per data set: 1000}\n");
    trio_budget = 6;
    hg_err err;
    size_t right, row, failed = 0;
    share_all(t);
    hg_party *carol = trio_party(t, "carol");
    assert_ok_err(suggest(carol, &right, NULL, &err), err);
    for (long k = 0; k < 1800; k += 60 + k / 10) {
        fail_alloc_after(k);
        const hg_status st = suggest(carol, &row, NULL, &err);
        fail_alloc_after(-1);
        if (st == HG_OK)
            assert_int_equal(row, right);
        else
            assert_true(err.msg[0] != '\0');
        failed += st != HG_OK;
        hg_party *other = trio_patient(t, "carol", 5000);
        assert_ok_err(suggest(other, &row, NULL, &err), err);
        assert_int_equal(row, right);
        hg_party_free(other);
    }
    assert_true(failed > 3);
    hg_party_free(carol);
    trio_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lack_of_memory_breaks_off_and_nothing_else),
        TEST(who_is_not_in_the_policy_gets_nothing),
        TEST(refusals_are_in_the_log),
        TEST(a_wrong_job_is_refused_by_each_server),
        TEST(budgets_end_and_a_broken_question_costs_nothing_more),
        TEST(a_job_is_answered_once),
        TEST(who_is_away_is_named_and_waited_for),
        TEST(a_withdrawal_reaches_who_was_away),
        TEST(a_value_outside_the_range_never_counts),
        TEST(wrong_share_files_leave_nothing),
        TEST(a_strangers_share_file_is_not_kept_for_a_moment),
        TEST(silent_strangers_do_not_stop_the_service),
        TEST(requests_are_bounded),
        TEST(several_questions_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
