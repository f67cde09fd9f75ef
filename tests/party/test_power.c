/* tests/party/test_power.c -- power is lost: servers and members are killed at random times, and nothing is lost or forgotten
 *
 *   test_party_power                       a few runs, for every test run
 *   test_party_power --runs 100 --seed 7 --mode malicious
 *
 * A run: a member shares, asks or withdraws in a process of its own; meanwhile servers (and now and then the member) get SIGKILL at times
 * that are uniform over what the work takes undisturbed, several times in a row or at once, and start again. After each run: every
 * acknowledged data set is active on all three servers, the answer is the one that a single party computes, each proposal
 * is charged exactly once on all three, and the logs continue, hold, and agree.
 */
#include "magnets.h"
#include "party/request.h"
#include "test.h"
#include <dirent.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { SETS_MOST = 2048, ROWS_MOST = 1024, ACTIVE_ROWS = 60, RUNS = 10, PATIENCE_MS = 60000, HANG_MS = 150000 };
static const double SHORT_RUN_S = 12; /* fewer runs where all is slow */

static struct {
    size_t runs; /* 0: the short form */
    uint64_t seed;
    const char *mode;
} wanted = { 0, 1, "semi-honest" };

typedef struct { /* what the test knows of a data set */
    char id[HG_PARTY_DIGEST];
    char owner;
    size_t row[MAGNETS_ROWS], n, asked; /* asked: proposals that it took part in */
    uint64_t epoch;                     /* at least */
    bool active;
} set;

typedef struct {
    magnets *m;
    hg_rng rng;
    int64_t clock; /* of members: each piece of work has a second of its own, so that the order of sets is known */
    set set[SETS_MOST];
    size_t n_sets, answered;
    size_t lost,
        unseen; /* answers, data sets that were complete when their member's end came, before it could say so */
    hg_audit_head head[HG_SERVERS];
    double typical_ms[MAGNETS_KINDS];
    magnets_result second; /* of a question beside other work */
    size_t twos, run, kills, broken, members_killed, by_kind[MAGNETS_KINDS];
} story;

static void sleep_ms(double ms) {
    const struct timespec t = { (time_t)(ms / 1e3), (long)(fmod(ms, 1e3) * 1e6) };
    nanosleep(&t, NULL);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t active_rows(const story *s, size_t *row) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_sets; i++)
        for (size_t k = 0; s->set[i].active && k < s->set[i].n; k++) {
            assert_true(n < ROWS_MOST);
            if (row) row[n] = s->set[i].row[k];
            n++;
        }
    return n;
}

/* ---- what each server says ------------------------------------------------------------------------------------------------- */

static void list_sets(hg_dataset_status **out, size_t *n, hg_party *p, unsigned server, hg_arena *arena) {
    hg_text body = hg_text_new(0), reply = hg_text_new(0);
    hg_err err;
    hg_put_name(&body, "magnets");
    assert_ok_err(hg_party_ask(p, server, HG_ASK_DATASETS, body.s, body.len, &err), err);
    assert_ok_err(hg_party_reply(&reply, p, server, 16 << 20, &err), err);
    assert_ok_err(hg_dataset_status_read(out, n, arena, reply.s, reply.len, &err), err);
    hg_text_free(&body);
    hg_text_free(&reply);
}

static const hg_dataset_status *find(const hg_dataset_status *list, size_t n, const char *id) {
    unsigned char digest[HG_DIGEST];
    assert_true(hg_hex_read(digest, HG_DIGEST, id, strlen(id)));
    for (size_t i = 0; i < n; i++)
        if (memcmp(list[i].id, digest, HG_DIGEST) == 0) return &list[i];
    return NULL;
}

static const set *known(const story *s, const char *id) {
    for (size_t i = 0; i < s->n_sets; i++)
        if (strcmp(s->set[i].id, id) == 0) return &s->set[i];
    return NULL;
}

/* Every set that the test knows, in its state, on this server; charged as often as it was asked; of the epoch that was reached. And no others
 * in force. */
static void check_sets(const story *s, const hg_dataset_status *list, size_t n, unsigned server) {
    for (size_t i = 0; i < s->n_sets; i++) {
        const set *known_set = &s->set[i];
        const hg_dataset_status *d = find(list, n, known_set->id);
        if (!d || d->state != (known_set->active ? HG_DATASET_ACTIVE : HG_DATASET_WITHDRAWN) ||
            d->spent != known_set->asked || (known_set->active && d->n_index != known_set->n))
            fail_msg("run %zu: data set %.8s of %c (%s, asked %zu times): server %u says %s, %llu queries", s->run,
                     known_set->id, known_set->owner, known_set->active ? "receipted" : "withdrawn", known_set->asked,
                     server, d ? hg_dataset_state_name(d->state) : "nothing", d ? (unsigned long long)d->spent : 0);
        if (known_set->active && d->epoch < known_set->epoch)
            fail_msg("run %zu: data set %.8s fell back to epoch %llu", s->run, known_set->id,
                     (unsigned long long)d->epoch);
        for (size_t k = 0; known_set->active && k < known_set->n; k++) assert_int_equal(d->index[k], known_set->row[k]);
    }
    for (size_t i = 0; i < n; i++) {
        char id[HG_PARTY_DIGEST];
        hg_hex_write(id, list[i].id, HG_DIGEST);
        if (list[i].state == HG_DATASET_ACTIVE && !known(s, id))
            fail_msg("run %zu: server %u has a data set of %s that nobody handed in", s->run, server, list[i].owner);
    }
}

/* Chains hold and continue what was seen before; `compare`: from their first entries on, they tell the same. */
static void check_logs(story *s, hg_party *p, bool compare) {
    hg_text text[HG_SERVERS] = { hg_text_new(0), hg_text_new(0), hg_text_new(0) }, words = hg_text_new(0);
    hg_audit_log *log[HG_SERVERS];
    size_t differences;
    hg_err err;
    uint64_t first = 1;
    for (unsigned i = 0; !compare && i < HG_SERVERS; i++)
        if (i == 0 || s->head[i].sequence < first) first = s->head[i].sequence;
    assert_ok_err(hg_party_audit(text, p, "magnets", first ? first : 1, &err), err);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        const hg_audit_head before = s->head[i];
        assert_ok_err(hg_audit_read(&log[i], s->m->s.c.cluster.server[i].name, text[i].s, text[i].len, &err), err);
        assert_ok_err(hg_audit_verify(&s->head[i], log[i], p->cluster.server[i].signing_key, "magnets",
                                      before.sequence ? &before : NULL, &err),
                      err);
        assert_true(s->head[i].sequence >= before.sequence);
    }
    if (compare) {
        assert_ok_err(hg_audit_compare(&words, &differences, (const hg_audit_log *const *)log, &err), err);
        if (differences) fail_msg("run %zu: the logs differ:\n%s", s->run, words.s);
    }
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_audit_log_free(log[i]);
        hg_text_free(&text[i]);
    }
    hg_text_free(&words);
}

/* ---- work ------------------------------------------------------------------------------------------------------------------- */

static int64_t next_second(story *s) {
    const int64_t now = (int64_t)time(NULL);
    s->clock = now > s->clock ? now : s->clock + 1;
    return s->clock;
}

static magnets_op draw_work(story *s) {
    static const magnets_kind DICE[] = { MAGNETS_SHARE,   MAGNETS_SHARE,  MAGNETS_SHARE,    MAGNETS_ASK,
                                         MAGNETS_ASK,     MAGNETS_ASK,    MAGNETS_WITHDRAW, MAGNETS_WITHDRAW,
                                         MAGNETS_REFRESH, MAGNETS_REFRESH };
    static const char *const SERVERS[] = { "s0", "s1", "s2" };
    size_t row[ROWS_MOST], active[SETS_MOST], n = 0;
    const size_t rows = active_rows(s, row), dice = hg_rng_below(&s->rng, sizeof DICE / sizeof *DICE);
    for (size_t i = 0; i < s->n_sets; i++)
        if (s->set[i].active && i >= 2) active[n++] = i; /* two stay: there is always something to ask about */
    magnets_op op = { .kind = DICE[dice], .member = "c", .keep = true };
    if (rows > ACTIVE_ROWS && op.kind == MAGNETS_SHARE) op.kind = MAGNETS_WITHDRAW;
    if (n == 0 && op.kind == MAGNETS_WITHDRAW) op.kind = MAGNETS_SHARE;
    if (op.kind == MAGNETS_SHARE) {
        op.member = hg_rng_below(&s->rng, 2) ? "a" : "b";
        op.n = 1 + hg_rng_below(&s->rng, MAGNETS_ROWS);
        for (size_t i = 0; i < op.n; i++) op.row[i] = hg_rng_below(&s->rng, s->m->pool);
    }
    if (op.kind == MAGNETS_WITHDRAW) {
        const set *w = &s->set[active[hg_rng_below(&s->rng, n)]];
        op.dataset = w->id;
        op.member = w->owner == 'a' ? "a" : "b";
    }
    if (op.kind == MAGNETS_REFRESH) op.member = SERVERS[hg_rng_below(&s->rng, HG_SERVERS)];
    op.now = next_second(s);
    return op;
}

static int by_sequence(const void *a, const void *b) {
    const hg_dataset_status *x = a, *y = b;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static void add_set(story *s, const magnets_op *op, const char *id) {
    set new = { .owner = *op->member, .n = op->n, .active = true };
    assert_true(s->n_sets < SETS_MOST);
    memcpy(new.row, op->row, sizeof new.row);
    memcpy(new.id, id, sizeof new.id);
    s->set[s->n_sets++] = new;
}

/* Sets of a member that could not say which: those that the test does not know yet. Two, if its end came after all was done, before it
 * could say so, and it shared its rows once more. They are of one second, and then by number, as servers order them. */
static void add_new_sets(story *s, const magnets_op *op) {
    hg_arena *arena = hg_arena_new();
    hg_party *p = magnets_party(s->m, "c");
    hg_dataset_status *list;
    size_t n, found = 0;
    list_sets(&list, &n, p, 0, arena);
    qsort(list, n, sizeof *list, by_sequence);
    for (size_t i = 0; i < n; i++) {
        char id[HG_PARTY_DIGEST];
        hg_hex_write(id, list[i].id, HG_DIGEST);
        if (known(s, id) || list[i].state != HG_DATASET_ACTIVE) continue;
        add_set(s, op, id);
        found++;
    }
    assert_true(found == 1 || found == 2);
    s->unseen += found - 1;
    hg_party_free(p);
    hg_arena_free(arena);
}

static void note_charge(story *s) {
    for (size_t i = 0; i < s->n_sets; i++) s->set[i].asked += s->set[i].active;
}

/* A member was told that its work is done: from now on it must stay so. */
static void note_done(story *s, const magnets_op *op, const magnets_result *r) {
    if (op->kind == MAGNETS_SHARE && op->again)
        add_new_sets(s, op);
    else if (op->kind == MAGNETS_SHARE)
        add_set(s, op, r->dataset);
    if (op->kind == MAGNETS_WITHDRAW)
        for (size_t i = 0; i < s->n_sets; i++)
            if (strcmp(s->set[i].id, op->dataset) == 0) s->set[i].active = false;
    for (size_t i = 0; op->kind == MAGNETS_REFRESH && i < s->n_sets; i++) s->set[i].epoch = r->epoch;
    if (op->kind == MAGNETS_ASK) {
        size_t row[ROWS_MOST];
        const size_t n = active_rows(s, row);
        s->answered++;
        assert_int_equal(r->rows, n);
        assert_int_equal(r->index, magnets_answer(s->m, row, n));
        assert_int_equal(r->left, MAGNETS_BUDGET - s->answered - s->lost);
        note_charge(s);
    }
}

/* What could not be done before. */
static void do_at_last(story *s, const magnets_op *op) {
    const magnets_result r = magnets_do(s->m, op);
    assert_ok_err(r.st, r.err);
    note_done(s, op, &r);
}

static void note_time(story *s, const magnets_op *op, const magnets_result *r) {
    double *t = &s->typical_ms[op->kind];
    *t = *t > 0 ? 0.8 * *t + 0.2 * r->ms : r->ms;
}

/* An undisturbed question: its merge brings the three ledgers together. Then everything is looked at. */
static void check_story(story *s, bool compare) {
    const magnets_op op = { .kind = MAGNETS_ASK, .member = "c", .now = next_second(s) };
    const magnets_result r = magnets_do(s->m, &op);
    assert_ok_err(r.st, r.err);
    note_done(s, &op, &r);
    note_time(s, &op, &r);
    hg_party *p = magnets_party(s->m, "c");
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_arena *arena = hg_arena_new();
        hg_dataset_status *list;
        size_t n;
        list_sets(&list, &n, p, i, arena);
        check_sets(s, list, n, i);
        hg_arena_free(arena);
    }
    check_logs(s, p, compare);
    hg_party_free(p);
}

/* ---- the power goes ------------------------------------------------------------------------------------------------------------- */

static unsigned draw_victims(story *s) {
    const unsigned one = 1u << hg_rng_below(&s->rng, HG_SERVERS);
    return hg_rng_below(&s->rng, 5) ? one : one | 1u << hg_rng_below(&s->rng, HG_SERVERS);
}

static void kill_servers(story *s, unsigned victims) {
    for (unsigned i = 0; i < HG_SERVERS; i++)
        if (victims >> i & 1) {
            test_servers_stop(&s->m->s, i, SIGKILL);
            s->kills++;
        }
}

/* Now and then a server is killed once more while it opens its store. */
static void restart(story *s, unsigned victims) {
    hg_err err;
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        if (!(victims >> i & 1)) continue;
        if (hg_rng_below(&s->rng, 4) == 0) {
            assert_ok_err(test_servers_launch(&s->m->s, i, &err), err);
            sleep_ms(30 * hg_rng_uniform(&s->rng));
            kill_servers(s, 1u << i);
        }
        magnets_start(s->m, i);
    }
}

/* Kills at times that are uniform over the work, one to three times in a row. */
static void disturb(story *s, const magnets_op *op) {
    const size_t times = 1 + hg_rng_below(&s->rng, 3);
    for (size_t k = 0; k < times; k++) {
        const unsigned victims = draw_victims(s);
        sleep_ms(1.1 * s->typical_ms[op->kind] * hg_rng_uniform(&s->rng));
        kill_servers(s, victims);
        sleep_ms(300 * hg_rng_uniform(&s->rng));
        restart(s, victims);
    }
}

/* Those that are here say which one is not, by name. */
static void check_missed(const story *s, unsigned victims) {
    hg_party *p = magnets_party(s->m, "c");
    for (unsigned i = 0; i < HG_SERVERS; i++)
        for (unsigned k = 0; k < HG_SERVERS; k++) {
            if (victims >> i & 1 || !(victims >> k & 1)) continue;
            bool missed = false;
            for (unsigned tries = 0; tries < 100 && !missed; tries++) {
                hg_arena *arena = hg_arena_new();
                hg_server_status status;
                hg_err err;
                assert_ok_err(hg_party_status(&status, p, i, arena, &err), err);
                missed = !status.peer[k].here && strcmp(status.peer[k].name, s->m->s.c.cluster.server[k].name) == 0;
                hg_arena_free(arena);
                if (!missed) sleep_ms(100);
            }
            assert_true(missed);
        }
    hg_party_free(p);
}

static bool names_one_of(const hg_err *err, unsigned victims) {
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        const char name[] = { 's', (char)('0' + i), 0 };
        if (victims >> i & 1 && strstr(err->msg, name)) return true;
    }
    return false;
}

/* A member without patience: it is told who is gone, or its work was done before. Then it tries again. */
static void run_impatient(story *s, magnets_op *op) {
    magnets_result r;
    const unsigned victims = draw_victims(s);
    magnets_child child = magnets_begin(s->m, op);
    sleep_ms(1.1 * s->typical_ms[op->kind] * hg_rng_uniform(&s->rng));
    kill_servers(s, victims);
    if (!magnets_end(&r, &child, HANG_MS)) fail_msg("run %zu: a member without patience hangs", s->run);
    check_missed(s, victims);
    if (r.st != HG_OK) {
        s->broken++;
        if (r.st != HG_EPARTY || !names_one_of(&r.err, victims))
            fail_msg("run %zu: killed %x, told: %s: %s", s->run, victims, hg_status_name(r.st), r.err.msg);
    }
    restart(s, victims);
    if (r.st == HG_OK) {
        note_done(s, op, &r);
        return;
    }
    op->again = true;
    op->wait_ms = PATIENCE_MS;
    do_at_last(s, op);
}

static void run_patient(story *s, magnets_op *op) {
    magnets_result r;
    op->wait_ms = PATIENCE_MS;
    magnets_child child = magnets_begin(s->m, op);
    disturb(s, op);
    if (!magnets_end(&r, &child, HANG_MS)) fail_msg("run %zu: a member with patience hangs", s->run);
    if (r.st != HG_OK)
        fail_msg("run %zu: a member with patience was told: %s: %s", s->run, hg_status_name(r.st), r.err.msg);
    note_done(s, op, &r);
}

/* A question goes on beside other work: it is answered with the rows of before or with those of after, or, begun with those of before and
 * broken off, refused with those of after; then it was paid for. */
static void end_question(story *s, magnets_child *child, bool *after) {
    magnets_result r;
    const magnets_op ask = { .kind = MAGNETS_ASK, .member = "c" };
    if (!magnets_end(&r, child, HANG_MS)) fail_msg("run %zu: a question beside other work hangs", s->run);
    if (r.st == HG_EREFUSED && strstr(r.err.msg, "other data sets")) {
        s->lost++;
        note_charge(s);
        *after = false;
        return;
    }
    if (r.st != HG_OK) fail_msg("run %zu: a question was told: %s: %s", s->run, hg_status_name(r.st), r.err.msg);
    *after = r.rows != active_rows(s, NULL);
    if (!*after) note_done(s, &ask, &r);
    s->second = r;
}

static void run_two(story *s, magnets_op *op) {
    magnets_result r;
    bool after;
    magnets_op ask = { .kind = MAGNETS_ASK, .member = "c", .keep = true, .wait_ms = PATIENCE_MS };
    ask.now = op->now; /* of no matter: nothing is shared by it */
    op->wait_ms = PATIENCE_MS;
    magnets_child child = magnets_begin(s->m, op);
    sleep_ms(0.5 * s->typical_ms[op->kind] * hg_rng_uniform(&s->rng));
    magnets_child second = magnets_begin(s->m, &ask);
    disturb(s, op);
    if (!magnets_end(&r, &child, HANG_MS)) fail_msg("run %zu: a member with patience hangs", s->run);
    if (r.st != HG_OK)
        fail_msg("run %zu: a member with patience was told: %s: %s", s->run, hg_status_name(r.st), r.err.msg);
    end_question(s, &second, &after);
    note_done(s, op, &r);
    if (after) note_done(s, &ask, &s->second);
    s->twos++;
}

/* The member's machine goes, too, and it begins again where it was. An answer may have been complete and not yet seen: it
 * stays paid for, and the member asks anew. */
static void run_member_killed(story *s, magnets_op *op) {
    magnets_result r;
    op->wait_ms = PATIENCE_MS;
    magnets_child child = magnets_begin(s->m, op);
    const unsigned victims = draw_victims(s);
    sleep_ms(1.1 * s->typical_ms[op->kind] * hg_rng_uniform(&s->rng));
    const bool done = magnets_end(&r, &child, 0);
    kill_servers(s, victims);
    restart(s, victims);
    s->members_killed += !done;
    op->again = true;
    if (!done) r = magnets_do(s->m, op);
    assert_ok_err(r.st, r.err);
    if (!done && op->kind == MAGNETS_ASK && r.left == MAGNETS_BUDGET - s->answered - s->lost - 2) {
        s->lost++;
        note_charge(s);
    }
    note_done(s, op, &r);
}

static void one_run(story *s) {
    magnets_op op = draw_work(s);
    const size_t way = hg_rng_below(&s->rng, 10);
    s->by_kind[op.kind]++;
    if (way < 2 && (op.kind == MAGNETS_SHARE || op.kind == MAGNETS_REFRESH))
        run_two(s, &op);
    else if (way < 5)
        run_patient(s, &op);
    else if (way < 8)
        run_impatient(s, &op);
    else
        run_member_killed(s, &op);
}

static void do_undisturbed(story *s, magnets_op op) {
    op.now = next_second(s);
    const magnets_result r = magnets_do(s->m, &op);
    assert_ok_err(r.st, r.err);
    note_done(s, &op, &r);
    note_time(s, &op, &r);
}

/* What there is in the beginning, and how long things take. */
static void begin_story(story *s) {
    for (size_t k = 0; k < 4; k++) {
        magnets_op op = { .kind = MAGNETS_SHARE, .member = k % 2 ? "b" : "a", .n = 3 };
        for (size_t i = 0; i < op.n; i++) op.row[i] = hg_rng_below(&s->rng, s->m->pool);
        do_undisturbed(s, op);
        do_undisturbed(s, (magnets_op) { .kind = MAGNETS_ASK, .member = "c" });
    }
    do_undisturbed(s, (magnets_op) { .kind = MAGNETS_WITHDRAW, .member = "b", .dataset = s->set[3].id });
    do_undisturbed(s, (magnets_op) { .kind = MAGNETS_REFRESH, .member = "s1" });
}

/* Nothing that came in half lies about. */
static void check_spools(const story *s) {
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/s%u/spool", s->m->s.c.folder, i);
        DIR *d = opendir(path);
        assert_non_null(d);
        for (const struct dirent *e; (e = readdir(d));)
            if (e->d_name[0] != '.') fail_msg("%s is left in %s", e->d_name, path);
        closedir(d);
    }
}

static void print_summary(const story *s) {
    print_message(
        "%zu runs: %zu shared, %zu asked, %zu withdrawn, %zu refreshed (%zu with a question beside it); %zu kills of servers, %zu of members; %zu members told "
        "who was gone; %zu proposals charged once on each server, %zu more to members that did not live to see the answer; %zu data sets, %zu shared twice for the same reason\n",
        s->run, s->by_kind[MAGNETS_SHARE], s->by_kind[MAGNETS_ASK], s->by_kind[MAGNETS_WITHDRAW],
        s->by_kind[MAGNETS_REFRESH], s->twos, s->kills, s->members_killed, s->broken, s->answered, s->lost, s->n_sets,
        s->unseen);
    print_message("undisturbed, a share takes %.0f ms, a question %.0f ms, a withdrawal %.0f ms, a refresh %.0f ms\n",
                  s->typical_ms[MAGNETS_SHARE], s->typical_ms[MAGNETS_ASK], s->typical_ms[MAGNETS_WITHDRAW],
                  s->typical_ms[MAGNETS_REFRESH]);
}

static void nothing_is_lost_when_power_is(void **state) {
    (void)state;
    static story s;
    const double begin = seconds();
    const size_t runs = wanted.runs ? wanted.runs : RUNS;
    s = (story) { .rng = hg_rng_make(wanted.seed, 0), .m = magnets_new("power", wanted.mode, 12) };
    begin_story(&s);
    while (s.run < runs && (wanted.runs || s.run < 3 || seconds() - begin < SHORT_RUN_S)) {
        s.run++;
        one_run(&s);
        check_story(&s, s.run % 10 == 0);
    }
    check_story(&s, true);
    kill_servers(&s, 7);
    restart(&s, 7);
    check_spools(&s);
    print_summary(&s);
    magnets_free(s.m);
}

int main(int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--mode") == 0) wanted.mode = argv[i + 1];
        if (strcmp(argv[i], "--runs") == 0) wanted.runs = strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0) wanted.seed = strtoull(argv[i + 1], NULL, 10);
    }
    const struct CMUnitTest tests[] = { TEST(nothing_is_lost_when_power_is) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
