/* tests/party/test_cheat.c -- one of three real servers sends wrong bytes, in each phase of a joint run and to the one who asked
 *
 *   test_party_cheat            some places of each phase
 *   test_party_cheat --all      every round, every way, each of the three servers (a name behind it: this test alone)
 *
 * Malicious mode. What is wrong is seen, or changes nothing: either the answer is the right one, or there is none, the member is told in
 * which phase, and the shares are as they were. A cheat is a hook in the server (hg_server_insecure_cheat): TLS lets nobody else do it.
 */
#include "magnets.h"
#include "party/request.h"
#include "test.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

enum { BYTES_MOST = 1 << 22, HANG_MS = 120000, SHARED_MOST = 1024 };
static bool all_of_them;

typedef enum {
    FLIP_FIRST,
    FLIP_MIDDLE,
    FLIP_LAST,
    REPLAY,   /* what was sent in the round before */
    TRUNCATE, /* a byte less */
    RUN_AHEAD,
    WRONG_PHASE,
    WAYS
} way;
static const char *const WORDS[WAYS] = { "first byte", "middle byte", "last byte",    "replay",
                                         "truncated",  "next round",  "another phase" };

/* Shared with the server that cheats. */
typedef struct {
    atomic_int phase; /* to cheat in; -1: honest; HG_PHASE_COUNT: the answer */
    atomic_uint nth;  /* exchange of that phase */
    atomic_int way, to;
    atomic_uint done;                  /* cheats */
    atomic_uint count[HG_PHASE_COUNT]; /* exchanges seen since the last reset */
} plan;

static plan *shared;
static unsigned char bytes[HG_NEIGHBOURS][BYTES_MOST], before[HG_NEIGHBOURS][BYTES_MOST]; /* the cheat's own */
static size_t before_n[HG_NEIGHBOURS];

static void remember(const hg_exchange *x) {
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        before_n[k] = x->out_n[k] <= BYTES_MOST ? x->out_n[k] : 0;
        if (before_n[k]) memcpy(before[k], x->out[k], before_n[k]);
    }
}

/* Is anything another than it was? */
static bool spoil(hg_exchange *x, unsigned k, way w) {
    const size_t n = x->out_n[k];
    const size_t place[] = { [FLIP_FIRST] = 0, [FLIP_MIDDLE] = n / 2, [FLIP_LAST] = n - 1 };
    const void *honest = x->out[k];
    if (n == 0 || n > BYTES_MOST) return false;
    memcpy(bytes[k], x->out[k], n);
    x->out[k] = bytes[k];
    if (w <= FLIP_LAST) bytes[k][place[w]] ^= 1;
    if (w == REPLAY) memcpy(bytes[k], before[k], before_n[k] < n ? before_n[k] : n);
    if (w == TRUNCATE) x->out_n[k]--;
    return w == TRUNCATE || memcmp(bytes[k], honest, n) != 0;
}

static hg_status exchange(void *self, hg_channel *honest, hg_phase phase, uint32_t round, const hg_exchange *x,
                          hg_err *err) {
    plan *p = self;
    hg_exchange bent = *x;
    const unsigned nth = atomic_fetch_add(&p->count[phase], 1);
    if (atomic_load(&p->phase) == (int)phase && atomic_load(&p->nth) == nth) {
        const way w = (way)atomic_load(&p->way);
        bool spoilt = w == RUN_AHEAD || w == WRONG_PHASE;
        for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
            if (atomic_load(&p->to) >> k & 1 && spoil(&bent, k, w)) spoilt = true;
        if (w == RUN_AHEAD) round++;
        if (w == WRONG_PHASE) phase = phase == HG_PHASE_OPEN ? HG_PHASE_COMPUTE : phase + 1;
        if (spoilt) atomic_fetch_add(&p->done, 1);
    }
    remember(x);
    return honest->exchange(honest->self, phase, round, &bent, err);
}

static void answer(void *self, hg_answer *a) {
    plan *p = self;
    if (atomic_load(&p->phase) != HG_PHASE_COUNT) return;
    atomic_fetch_add(&p->done, 1);
    switch (atomic_load(&p->way)) {
    case FLIP_FIRST: a->output.slot[0][0] ^= 1; break;
    case FLIP_MIDDLE: a->output.slot[1][0] ^= 4; break;
    case FLIP_LAST: a->transcript[HG_DIGEST - 1] ^= 1; break;
    case REPLAY: a->job[0] ^= 1; break;
    case TRUNCATE: a->output.n--; break;
    case RUN_AHEAD: a->rows++; break;
    default: a->party = (a->party + 1) % HG_SERVERS; break;
    }
}

/* ---- cases --------------------------------------------------------------------------------------------------------------------- */

static const size_t ROWS[] = { 0, 5, 30, 35, 29, 1, 17, 22 };

typedef struct {
    magnets *m;
    int64_t begin;
    size_t row[SHARED_MOST], n; /* in the order in which they were shared */
} project;

static void reset(int phase, unsigned nth, way w, unsigned to) {
    atomic_store(&shared->phase, phase);
    atomic_store(&shared->nth, nth);
    atomic_store(&shared->way, (int)w);
    atomic_store(&shared->to, (int)to);
    atomic_store(&shared->done, 0);
    for (unsigned k = 0; k < HG_PHASE_COUNT; k++) atomic_store(&shared->count[k], 0);
}

static magnets_result ask(const magnets *m) {
    magnets_result r;
    const magnets_op op = { .kind = MAGNETS_ASK, .member = "c" };
    magnets_child child = magnets_begin(m, &op);
    assert_true(magnets_end(&r, &child, HANG_MS));
    return r;
}

/* The owner's clock is the number of rows that were shared before: the order of sets is known. */
static magnets_result share(project *p, const char *owner, const size_t *row, size_t n, bool again) {
    magnets_result r;
    const magnets *m = p->m;
    magnets_op op = { .kind = MAGNETS_SHARE, .member = owner, .n = n, .again = again, .now = p->begin + (int64_t)p->n };
    memcpy(op.row, row, n * sizeof *row);
    magnets_child child = magnets_begin(m, &op);
    assert_true(magnets_end(&r, &child, HANG_MS));
    for (size_t i = 0; r.st == HG_OK && i < n; i++) p->row[p->n++] = row[i];
    return r;
}

static size_t assert_honest_answer(const project *p) {
    reset(-1, 0, FLIP_FIRST, 0);
    const magnets_result r = ask(p->m);
    assert_ok_err(r.st, r.err);
    assert_int_equal(r.rows, p->n);
    assert_int_equal(r.index, magnets_answer(p->m, p->row, p->n));
    return r.index;
}

/* The member is told what it was about: a phase by its name, or what differs and with whom. */
static bool tells_where(const hg_err *err) {
    for (unsigned k = 0; k < HG_PHASE_COUNT; k++)
        if (strstr(err->msg, hg_phase_name((hg_phase)k))) return true;
    return strstr(err->msg, "differs from that of") || strstr(err->msg, "do not start the same run") ||
           strstr(err->msg, "did not charge") || strstr(err->msg, "refresh") ||
           strstr(err->msg, "announces a message") || strstr(err->msg, "the answers are not taken");
}

typedef struct {
    size_t cases, seen, harmless;
} tally;

static void judge(tally *t, const magnets_result *r, bool right, const char *what, unsigned nth) {
    const way w = (way)atomic_load(&shared->way);
    if (!atomic_load(&shared->done)) return; /* this run had no such round, or another of the three ended it before */
    t->cases++;
    if (r->st == HG_OK && !right) fail_msg("%s, exchange %u, %s: a wrong answer was believed", what, nth, WORDS[w]);
    if (r->st == HG_OK) {
        t->harmless++;
        print_message("harmless: %s, exchange %u, %s\n", what, nth, WORDS[w]);
        return;
    }
    t->seen++;
    if (r->st == HG_EIO || r->st == HG_ENOMEM || r->st == HG_ENAN)
        fail_msg("%s, exchange %u, %s: %s: %s", what, nth, WORDS[w], hg_status_name(r->st), r->err.msg);
    if (!tells_where(&r->err)) print_message("%s, exchange %u, %s: told: %s\n", what, nth, WORDS[w], r->err.msg);
}

/* ---- a question ------------------------------------------------------------------------------------------------------------------ */

/* Some of n exchanges: the first, the last, and what lies between by turns. */
static bool chosen(unsigned k, unsigned n, unsigned turn) {
    return k == 0 || k + 1 == n || (n > 2 && k == 1 + turn % (n - 2));
}

/* Exchanges of each phase, as the server that may cheat has counted them since the last reset. */
static void take_counts(unsigned count[HG_PHASE_COUNT]) {
    for (unsigned k = 0; k < HG_PHASE_COUNT; k++) count[k] = atomic_load(&shared->count[k]);
}

/* The next case of this phase from *nth, *w on; false: there is none. ways: how many are tried of each exchange, by turns if not all; every:
 * each exchange and each neighbour, else some exchanges and both neighbours. */
static bool next_case(unsigned *nth, unsigned *w, unsigned n, unsigned phase, unsigned ways, bool every,
                      unsigned *turn) {
    for (; *nth < n; ++*nth, *w = 0) {
        if (!every && !chosen(*nth, n, phase)) continue;
        if (*w < ways) break;
    }
    if (*nth >= n) return false;
    reset((int)phase, *nth, (way)(ways == WAYS ? *w : *turn % WAYS), every ? 1 + *turn % 3 : 3);
    ++*w;
    ++*turn;
    return true;
}

static void cheat_in_questions(project *p, tally *t) {
    unsigned count[HG_PHASE_COUNT], turn = 0;
    const size_t expected = assert_honest_answer(p);
    take_counts(count);
    for (unsigned phase = 0; phase < HG_PHASE_COUNT; phase++) {
        for (unsigned nth = 0, w = 0;
             next_case(&nth, &w, count[phase], phase, all_of_them ? WAYS : 1, all_of_them, &turn);) {
            const magnets_result r = ask(p->m);
            judge(t, &r, r.index == expected, hg_phase_name((hg_phase)phase), nth);
        }
        assert_honest_answer(p); /* the shares are as they were */
    }
    for (unsigned w = 0; w < WAYS; w++) {
        reset(HG_PHASE_COUNT, 0, (way)w, 0);
        const magnets_result r = ask(p->m);
        assert_int_not_equal(r.st, HG_OK);
        judge(t, &r, false, "the answer", 0);
    }
    assert_honest_answer(p);
}

/* ---- a data set ------------------------------------------------------------------------------------------------------------------ */

/* The owner hands in again what was not taken, or cuts it anew when it was refused; then it counts, once. */
static void cheat_in_one(project *p, tally *t, unsigned phase, unsigned nth, size_t row) {
    magnets_result r = share(p, "a", ROWS + row, 2, false);
    judge(t, &r, true, hg_phase_name((hg_phase)phase), nth);
    if (r.st == HG_OK) return;
    reset(-1, 0, FLIP_FIRST, 0);
    r = share(p, "a", ROWS + row, 2, true);
    assert_ok_err(r.st, r.err);
}

static void cheat_in_data_sets(project *p, tally *t) {
    unsigned count[HG_PHASE_COUNT], turn = 0;
    reset(-1, 0, FLIP_FIRST, 0);
    assert_int_equal(share(p, "a", ROWS, 2, false).st, HG_OK);
    take_counts(count);
    for (unsigned phase = 0; phase < HG_PHASE_COUNT; phase++) {
        for (unsigned nth = 0, w = 0; next_case(&nth, &w, count[phase], phase, 1, all_of_them, &turn);)
            cheat_in_one(p, t, phase, nth, turn % 6);
        assert_honest_answer(p);
    }
    /* the receipts come last: a wrong signature under one is no refusal, after which the owner would cut the rows anew */
    for (unsigned to = 1; to <= 3; to++) {
        reset(HG_PHASE_OK, count[HG_PHASE_OK] - 1, FLIP_LAST, to);
        cheat_in_one(p, t, HG_PHASE_OK, count[HG_PHASE_OK] - 1, to);
    }
    assert_honest_answer(p);
}

/* ---- a refresh -------------------------------------------------------------------------------------------------------------------- */

static magnets_result refresh(const project *p, int wait_ms) {
    magnets_result r;
    const magnets_op op = { .kind = MAGNETS_REFRESH, .member = "s0", .wait_ms = wait_ms };
    magnets_child child = magnets_begin(p->m, &op);
    assert_true(magnets_end(&r, &child, HANG_MS));
    return r;
}

/* Whatever one of the three says, shares of the two epochs are never mixed, and an honest refresh comes to an end afterwards. */
static void cheat_in_refreshes(project *p, tally *t) {
    unsigned count[HG_PHASE_COUNT], turn = 0;
    reset(-1, 0, FLIP_FIRST, 0);
    assert_int_equal(refresh(p, 0).st, HG_OK);
    take_counts(count);
    for (unsigned nth = 0, w = 0;
         next_case(&nth, &w, count[HG_PHASE_HELLO], HG_PHASE_HELLO, all_of_them ? WAYS : 1, true, &turn);) {
        magnets_result r = refresh(p, 0);
        judge(t, &r, true, "a refresh", nth);
        reset(-1, 0, FLIP_FIRST, 0);
        r = refresh(p, 0);
        assert_ok_err(r.st, r.err);
        assert_honest_answer(p);
    }
}

static void use_cheat(magnets *m, unsigned party) {
    static hg_server_insecure_cheat hook = { .exchange = exchange, .answer = answer };
    hook.self = shared;
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        if (!m->s.insecure_cheat[i] && i != party) continue;
        m->s.insecure_cheat[i] = i == party ? &hook : NULL;
        test_servers_stop(&m->s, i, SIGTERM);
        magnets_start(m, i);
    }
}

static void open_project(project *p, const char *name) {
    *p = (project) { .m = magnets_new(name, "malicious", 6), .begin = (int64_t)time(NULL) };
    reset(-1, 0, FLIP_FIRST, 0);
    for (size_t k = 0; k < 2; k++) {
        const magnets_result r = share(p, k ? "b" : "a", ROWS + 4 * k, 4, false);
        assert_ok_err(r.st, r.err);
    }
}

static void cheat_everywhere(void (*cheat)(project *p, tally *t), const char *name) {
    static project p;
    tally t = { 0 };
    open_project(&p, name);
    for (unsigned party = 0; party < HG_SERVERS; party++) {
        if (!all_of_them && party != 1) continue;
        use_cheat(p.m, party);
        cheat(&p, &t);
    }
    print_message("%zu cheats, %zu seen, %zu harmless\n", t.cases, t.seen, t.harmless);
    assert_true(t.cases >= 8);
    magnets_free(p.m);
}

static void no_wrong_answer_is_believed(void **state) {
    (void)state;
    cheat_everywhere(cheat_in_questions, "cheat");
}

static void no_data_set_is_lost(void **state) {
    (void)state;
    cheat_everywhere(cheat_in_data_sets, "spoil");
}

static void no_refresh_mixes_shares(void **state) {
    (void)state;
    cheat_everywhere(cheat_in_refreshes, "mixed");
}

int main(int argc, char **argv) {
    all_of_them = argc > 1 && strcmp(argv[1], "--all") == 0;
    if (argc > 2) cmocka_set_test_filter(argv[2]);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 1;
    const struct CMUnitTest tests[] = { TEST(no_wrong_answer_is_believed), TEST(no_data_set_is_lost),
                                        TEST(no_refresh_mixes_shares) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
