/* tests/party/test_cheat.c -- one of three real servers sends wrong bytes, in each phase of a joint run and to the one who asked
 *
 *   test_party_cheat            some places of each phase
 *   test_party_cheat --all      every round, every way, each of the three servers
 *
 * Malicious mode. What is wrong is seen, or changes nothing: either the answer is the right one, or there is none, the member is told in
 * which phase, and the shares are as they were. A cheat is a hook in the server (hg_server_cheat): TLS lets nobody else do it.
 */
#include "magnets.h"
#include "party/request.h"
#include "test.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { BYTES_MOST = 1 << 22, HANG_MS = 120000, ROUNDS_MOST = 4096 };
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

static void spoil(hg_exchange *x, unsigned k, way w) {
    const size_t n = x->out_n[k];
    const size_t place[] = { [FLIP_FIRST] = 0, [FLIP_MIDDLE] = n / 2, [FLIP_LAST] = n - 1 };
    if (n == 0 || n > BYTES_MOST) return;
    memcpy(bytes[k], x->out[k], n);
    x->out[k] = bytes[k];
    if (w <= FLIP_LAST) bytes[k][place[w]] ^= 1;
    if (w == REPLAY) memcpy(bytes[k], before[k], before_n[k] < n ? before_n[k] : n);
    if (w == TRUNCATE) x->out_n[k]--;
}

static hg_status exchange(void *self, hg_channel *honest, hg_phase phase, uint32_t round, const hg_exchange *x,
                          hg_err *err) {
    plan *p = self;
    hg_exchange bent = *x;
    const unsigned nth = atomic_fetch_add(&p->count[phase], 1);
    if (atomic_load(&p->phase) == (int)phase && atomic_load(&p->nth) == nth) {
        const way w = (way)atomic_load(&p->way);
        for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
            if (atomic_load(&p->to) >> k & 1) spoil(&bent, k, w);
        if (w == RUN_AHEAD) round++;
        if (w == WRONG_PHASE) phase = phase == HG_PHASE_OPEN ? HG_PHASE_COMPUTE : phase + 1;
        atomic_fetch_add(&p->done, 1);
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

static magnets_result share(const magnets *m, const char *owner, const size_t *row, size_t n, bool again) {
    magnets_result r;
    magnets_op op = { .kind = MAGNETS_SHARE, .member = owner, .n = n, .again = again };
    memcpy(op.row, row, n * sizeof *row);
    magnets_child child = magnets_begin(m, &op);
    assert_true(magnets_end(&r, &child, HANG_MS));
    return r;
}

static void assert_honest_answer(const magnets *m, size_t expected) {
    reset(-1, 0, FLIP_FIRST, 0);
    const magnets_result r = ask(m);
    assert_ok_err(r.st, r.err);
    assert_int_equal(r.index, expected);
}

/* The member is told what it was about: a phase by its name, or what differs and with whom. */
static bool tells_where(const hg_err *err) {
    for (unsigned k = 0; k < HG_PHASE_COUNT; k++)
        if (strstr(err->msg, hg_phase_name((hg_phase)k))) return true;
    return strstr(err->msg, "differs from that of") || strstr(err->msg, "do not start the same run") ||
           strstr(err->msg, "did not charge") || strstr(err->msg, "the answers are not taken");
}

typedef struct {
    size_t cases, seen, harmless;
} tally;

static void judge(tally *t, const magnets_result *r, bool right, const char *what, unsigned nth, way w) {
    if (!atomic_load(&shared->done)) return; /* this run had no such round, or another of the three ended it before */
    t->cases++;
    if (r->st == HG_OK && !right) fail_msg("%s, exchange %u, %s: a wrong answer was believed", what, nth, WORDS[w]);
    if (r->st == HG_OK) {
        t->harmless++;
        print_message("harmless: %s, exchange %u, %s\n", what, nth, WORDS[w]);
        return;
    }
    t->seen++;
    if (r->st != HG_ECHEAT && r->st != HG_EREFUSED && r->st != HG_EPARTY)
        fail_msg("%s, exchange %u, %s: %s: %s", what, nth, WORDS[w], hg_status_name(r->st), r->err.msg);
    if (!tells_where(&r->err)) print_message("%s, exchange %u, %s: told: %s\n", what, nth, WORDS[w], r->err.msg);
}

/* ---- a question ------------------------------------------------------------------------------------------------------------------ */

/* Some of n exchanges, or all: the first, the last, and what lies between by turns. */
static bool chosen(unsigned k, unsigned n, unsigned turn) {
    return all_of_them || k == 0 || k + 1 == n || (n > 2 && k == 1 + turn % (n - 2));
}

static void cheat_in_questions(magnets *m, size_t expected, tally *t) {
    unsigned count[HG_PHASE_COUNT], turn = 0;
    assert_honest_answer(m, expected);
    for (unsigned k = 0; k < HG_PHASE_COUNT; k++) count[k] = atomic_load(&shared->count[k]);
    for (unsigned phase = 0; phase < HG_PHASE_COUNT; phase++) {
        for (unsigned nth = 0; nth < count[phase]; nth++)
            for (unsigned w = 0; w < WAYS; w++) {
                if (!chosen(nth, count[phase], phase) || (!all_of_them && w != turn % WAYS)) continue;
                turn++;
                reset((int)phase, nth, (way)w, 1 + turn % 3);
                const magnets_result r = ask(m);
                judge(t, &r, r.index == expected, hg_phase_name((hg_phase)phase), nth, (way)w);
                if (!all_of_them) break;
            }
        assert_honest_answer(m, expected); /* the shares are as they were */
    }
    for (unsigned w = 0; w < WAYS; w++) {
        reset(HG_PHASE_COUNT, 0, (way)w, 0);
        const magnets_result r = ask(m);
        assert_int_not_equal(r.st, HG_OK);
        judge(t, &r, false, "the answer", 0, (way)w);
    }
    assert_honest_answer(m, expected);
}

static void use_cheat(magnets *m, unsigned party) {
    static hg_server_cheat hook = { .exchange = exchange, .answer = answer };
    hook.self = shared;
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        if (!m->s.cheat[i] && i != party) continue;
        m->s.cheat[i] = i == party ? &hook : NULL;
        test_servers_stop(&m->s, i, SIGTERM);
        magnets_start(m, i);
    }
}

static magnets *open_project(const char *name, size_t *expected) {
    magnets *m = magnets_new(name, "malicious", 6);
    reset(-1, 0, FLIP_FIRST, 0);
    for (size_t k = 0; k < 2; k++) {
        const magnets_result r = share(m, k ? "b" : "a", ROWS + 4 * k, 4, false);
        assert_ok_err(r.st, r.err);
    }
    *expected = ask(m).index;
    return m;
}

static void a_cheat_gets_no_wrong_answer_believed(void **state) {
    (void)state;
    size_t expected;
    tally t = { 0 };
    magnets *m = open_project("cheat", &expected);
    for (unsigned party = 0; party < HG_SERVERS; party++) {
        if (!all_of_them && party != 1) continue;
        use_cheat(m, party);
        cheat_in_questions(m, expected, &t);
    }
    print_message("questions: %zu cheats, %zu seen, %zu harmless\n", t.cases, t.seen, t.harmless);
    assert_true(t.cases >= 20);
    magnets_free(m);
}

int main(int argc, char **argv) {
    all_of_them = argc > 1 && strcmp(argv[1], "--all") == 0;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 1;
    const struct CMUnitTest tests[] = { TEST(a_cheat_gets_no_wrong_answer_believed) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
