/* tests/secret/test_cheat.c -- one server cheats, or the wire errs: found before anything opens, or without effect */
#include "parties.h"
#include "secret/run_internal.h"
#include "secret/verify.h"

/* ---- a run with something of everything ------------------------------------------------------------------------------------ */

enum { ELEMENTS = 5, GATES = 100, LAST = 9, WORDS = 24 }; /* LAST: the round in which results are opened */

static const uint64_t X[ELEMENTS * 3] = { 3, 0, 0, 5, 0, 0, 7, 0, 0, 11, 1, 0, 13, 0, 1 };
static const uint64_t BITS_X[2] = { 0xdeadbeefcafebabe, 0x123456789 }, BITS_Y[2] = { 0x0f1e2d3c4b5a6978, 0xabcdef012 };

typedef enum { HONEST, FLIP, ADD, FLIP_ALL, TRUNCATE, HOLD, REPLAY, ALIKE } deed;

typedef struct {
    /* what the cheater does: to one message, by its number among those it sends, or to all of a round and side */
    deed what;
    unsigned cheater;
    size_t number; /* of the message */
    size_t at;     /* byte; ADD: word */
    size_t n;      /* FLIP_ALL: bytes */
    unsigned char mask;
    uint64_t add[3];
    bool cancel;         /* ADD: and take it from the next element */
    bool gates, triples; /* ALIKE */
    size_t only;         /* ALIKE: this triple alone, 0: all */
    /* what is seen */
    size_t sent, length; /* messages so far; length of the one that was hit */
    hg_phase phase;
    uint32_t round;
    unsigned char before[2][8192]; /* the last message to either side, for a replay */
    size_t before_n[2];
    uint32_t furthest[3]; /* round of the last message of each server */
    size_t sizes[2][LAST + 1];
    /* inputs and results */
    const uint64_t *x;
    uint64_t got[3][WORDS];
    hg_err err; /* of an honest server that noticed */
} job;

static void do_it(job *j, parties_message *m) {
    switch (j->what) {
    case FLIP: m->bytes[j->at] ^= j->mask; break;
    case FLIP_ALL:
        for (size_t i = 0; i < j->n; i++) m->bytes[j->at + i] ^= j->mask;
        break;
    case ADD: {
        uint64_t e[3];
        memcpy(e, m->bytes + 8 * j->at, sizeof e);
        hg_ring_add(e, e, j->add, 1, 3);
        memcpy(m->bytes + 8 * j->at, e, sizeof e);
        if (!j->cancel) break;
        memcpy(e, m->bytes + 8 * j->at + sizeof e, sizeof e);
        hg_ring_sub(e, e, j->add, 1, 3);
        memcpy(m->bytes + 8 * j->at + sizeof e, e, sizeof e);
        break;
    }
    case TRUNCATE: m->n--; break;
    case HOLD: m->send = false; break;
    case REPLAY:
        for (size_t i = 0; i < m->n; i++) m->bytes[i] = j->before[m->side][i % j->before_n[m->side]];
        break;
    case ALIKE: break; /* below: more than one message */
    case HONEST: break;
    }
}

/* Where gates and triples begin in the messages of rounds 1 and 2; a gate vector of 100 bits has words at bytes 0 and 8 of 13. */
enum { GATES_1 = (15 + 15 + 2 + 2) * 8, TRIPLES_1 = GATES_1 + 13, GATES_2 = 30 * 8, TRIPLES_2 = GATES_2 + 26 };

/* The same error, the low byte, in every word of a gate, or of a triple, or of both. */
static void spoil_message(const job *j, parties_message *m) {
    static const size_t one[] = { GATES_1, GATES_1 + 8 }, two[] = { GATES_2, GATES_2 + 8, GATES_2 + 13, GATES_2 + 21 };
    if (m->side != HG_PREVIOUS || m->round < 1 || m->round > 2) return;
    for (size_t k = 0; j->gates && k < (m->round == 1 ? 2 : 4); k++) m->bytes[m->round == 1 ? one[k] : two[k]] ^= 0xff;
    const size_t first = m->round == 1 ? TRIPLES_1 : TRIPLES_2;
    if (j->only && m->round == 1) m->bytes[first + 8 * j->only] ^= 0xff;
    for (size_t k = first; j->triples && !j->only && k < m->n; k += 8) m->bytes[k] ^= 0xff;
}

/* A clever cheater spoils its own copies too, so that all openings are consistent. */
static void spoil_own(const job *j, hg_run *r, hg_bits *z[], size_t n, size_t *gate, size_t *triple) {
    if (j->what == ALIKE && hg_run_party(r) == j->cheater) {
        for (size_t k = 0; j->gates && k < n; k++)
            for (size_t w = 0; w < 2; w++) z[k]->slot[0][w] ^= 0xff;
        for (size_t k = *gate; j->gates && k < r->n_gates; k++) r->gates[k].c[0] ^= 0xff;
        for (size_t k = *triple; j->triples && k < r->n_triples; k++)
            if (!j->only || j->only == k) r->triples[k].c[0] ^= 0xff;
    }
    *gate = r->n_gates;
    *triple = r->n_triples;
}

static void cheat(void *user, parties_message *m) {
    job *j = user;
    if (m->received) return;
    j->furthest[m->party] = m->round;
    if (m->party != j->cheater) return;
    if (m->round <= LAST) j->sizes[m->side][m->round] = m->n;
    if (j->sent++ == j->number) {
        j->phase = m->phase;
        j->round = m->round;
        j->length = m->n;
        do_it(j, m);
    }
    if (j->what == ALIKE) spoil_message(j, m);
    if (m->n > sizeof j->before[0]) return;
    memcpy(j->before[m->side], m->bytes, m->n);
    j->before_n[m->side] = m->n;
}

/* A clever cheater adds the error to its own share too, so that two copies of an opening agree. */
static void add_to_own(const job *j, const hg_run *r, hg_share *z) {
    if (j->what != ADD || hg_run_party(r) != j->cheater) return;
    uint64_t *own = j->at < 3 * ELEMENTS ? z->slot[0] + j->at : z->mac[0] + j->at - 3 * ELEMENTS;
    hg_ring_add(own, own, j->add, 1, 3);
    if (j->cancel) hg_ring_sub(own + 3, own + 3, j->add, 1, 3);
}

/* Two widths, a chain of two products, three AND gates of 100 bits in two rounds, an opening of a masked value in the middle;
 * check; open. Rounds: 0 MACs, 1 and 2 gates, 3 masked opening, 4 fence, 5 coin, 6 triples, 7 zero test, 8 agreement, 9 opening. */
static hg_status everything(parties *p, hg_run *r, hg_err *err) {
    job *j = p->user;
    hg_share x, wide, narrow, y, z, mask;
    hg_bits a, b, c, d, e;
    HG_TRY(parties_share(&x, p, r, j->x, ELEMENTS, 3, err));
    HG_TRY(parties_share_bits(&a, p, r, BITS_X, GATES, err));
    HG_TRY(parties_share_bits(&b, p, r, BITS_Y, GATES, err));
    HG_TRY(hg_share_reduce(&narrow, r, &x, 2, err));
    HG_TRY(hg_gate_mul(r, &wide, &x, &x, err));
    HG_TRY(hg_inner(r, &y, &narrow, &narrow, 1, ELEMENTS, err));
    HG_TRY(hg_and(r, &c, &a, &b, err));
    HG_TRY(hg_run_round(r, err));
    size_t gate = 0, triple = 0;
    spoil_own(j, r, (hg_bits *[]) { &c }, 1, &gate, &triple);
    HG_TRY(hg_gate_mul(r, &z, &wide, &x, err));
    HG_TRY(hg_and(r, &d, &c, &a, err));
    HG_TRY(hg_and(r, &e, &c, &c, err));
    HG_TRY(hg_run_round(r, err));
    spoil_own(j, r, (hg_bits *[]) { &d, &e }, 2, &gate, &triple);
    add_to_own(j, r, &z);
    uint64_t opened[WORDS], masked[3 * ELEMENTS];
    HG_TRY(hg_share_random(&mask, r, ELEMENTS, 3, err));
    hg_share_add(r, &mask, &mask, &z);
    HG_TRY(hg_open(r, masked, &mask, 192, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_run_verify(r, err));
    memset(opened, 0, sizeof opened);
    HG_TRY(hg_open(r, opened, &z, 128, err));
    HG_TRY(hg_open(r, opened + 15, &y, 64, err));
    hg_bits_xor(r, &d, &d, &e);
    HG_TRY(hg_open_bits(r, opened + 17, &d, err));
    HG_TRY(hg_run_round(r, err));
    memcpy(j->got[hg_run_party(r)], opened, sizeof opened);
    HG_TRY(parties_out_plain(p, r, "masked", masked, 3 * ELEMENTS, err));
    return parties_out_plain(p, r, "opened", opened, WORDS, err);
}

static void an_honest_run_passes_and_gives_the_plain_integers(void **state) {
    (void)state;
    job j = { .x = X };
    hg_cost cost[2];
    parties *p = parties_check(everything, &j, 3, cost);
    const uint64_t *v = parties_value(p, "opened");
    assert_int_equal(v[0], 27);
    assert_int_equal(v[3], 125);
    assert_int_equal(v[10], 3 * 121); /* (11 + 2^64)^3 = 1331 + 363 2^64 modulo 2^128 */
    assert_int_equal(v[15], 9 + 25 + 49 + 121 + 169);
    const uint64_t c = BITS_X[0] & BITS_Y[0];
    assert_int_equal(v[17], (c & BITS_X[0]) ^ c);
    assert_int_equal(cost[0].rounds, 4);
    assert_int_equal(cost[0].bytes, (5 * 3 + 2 + 5 * 3) * 8 + 3 * 13 + 15 * 8 + 5 * 16 + 8 + 13);
    assert_int_equal(cost[1].rounds, LAST + 1); /* one for the MACs of inputs, five of the check */
    /* six gate words: nine triples each and 64 more */
    const size_t triples = 9 * 6 + 64, inputs = 5 * 3 * 8, products = 2 * (5 * 3 + 2 + 5 * 3) * 8,
                 ands = 3 * 13 + 8 * triples;
    const size_t masked = 15 * 8 + 32, opening = 5 * 16 + 8 + 13 + 32, sums = 2 * (3 + 2) * 8;
    const size_t a = 2 * 32 + sums, b = (3 + 2) * 8 + 2 * 16, check = 3 * 64 * 8 + 2 * (triples - 64) * 8 + 32;
    assert_int_equal(cost[1].bytes, inputs + products + ands + masked + a + b + check + 64 + 64 + opening);
    parties_free(p);
}

/* ---- any message, any byte --------------------------------------------------------------------------------------------------------- */

/* Runs the deed. An honest server either stops with an error, or has the right result; before the agreement is complete no
 * honest server has opened anything. Returns true when somebody noticed. */
static bool noticed(job *j, uint64_t seed, bool cheating, const uint64_t want[WORDS]) {
    parties *p = parties_new(HG_MALICIOUS, seed);
    p->spy = cheat;
    p->spy_user = j;
    p->cheating = cheating;
    j->sent = 0;
    memset(j->furthest, 0, sizeof j->furthest);
    const hg_status st = parties_run(p, everything, j);
    assert_true(st == HG_OK || st == HG_ECHEAT || st == HG_EPARTY);
    bool both = true, late = false; /* late: only the digests of the agreement differ, and D has passed */
    for (unsigned i = 0; i < 3; i++) late = late || strstr(p->err[i].msg, "on the messages of this run, in") != NULL;
    for (unsigned i = 0; i < 3; i++) {
        if (i == j->cheater) continue;
        if (p->status[i] == HG_OK) assert_memory_equal(j->got[i], want, WORDS * sizeof *want);
        both = both && p->status[i] == HG_OK;
        if (p->status[i] != HG_OK && j->round < LAST - 1 && !late) assert_true(j->furthest[i] < LAST);
        if (p->status[i] == HG_ECHEAT) j->err = p->err[i];
    }
    parties_free(p);
    return !both;
}

/* The right results, and the number of messages that a server sends. */
static size_t dry_run(uint64_t want[WORDS], const uint64_t *x) {
    job j = { .what = HONEST, .x = x };
    parties *p = parties_new(HG_MALICIOUS, 4);
    p->spy = cheat;
    p->spy_user = &j;
    assert_ok(parties_run(p, everything, &j));
    memcpy(want, j.got[0], sizeof j.got[0]);
    parties_free(p);
    return j.sent;
}

static size_t position(size_t k, size_t n) {
    static const size_t edge[] = { 0, 1, 7, 8, 15, 16, 23, 24, 31, 32, 33 };
    const size_t edges = sizeof edge / sizeof *edge;
    if (n <= 16) return k < n ? k : SIZE_MAX;
    if (k < edges) return edge[k] < n ? edge[k] : 0;
    if (k < 2 * edges) return n - 1 - (edge[k - edges] < n ? edge[k - edges] : 0);
    return k < 2 * edges + 8 ? (k - 2 * edges + 1) * n / 10 : SIZE_MAX;
}

static void flip_everything(bool cheating, size_t *tried, size_t *silent) {
    uint64_t want[WORDS];
    const size_t messages = dry_run(want, X);
    assert_int_equal(messages, 3 + 2 * 7);
    for (size_t number = 0; number < messages; number++) {
        size_t n = 1 << 20;
        for (size_t k = 0; position(k, n) != SIZE_MAX; k++) {
            job j = { .what = FLIP, .cheater = (unsigned)(k + number) % 3, .number = number, .x = X };
            j.at = n == 1 << 20 ? 0 : position(k, n);
            j.mask = k % 2 ? 0x80 : 0x01;
            const bool seen = noticed(&j, 4, cheating, want);
            n = j.length;
            *tried += 1;
            *silent += !seen;
        }
    }
}

static void a_wire_that_flips_any_byte_of_any_message_is_noticed(void **state) {
    (void)state;
    size_t tried = 0, silent = 0;
    flip_everything(false, &tried, &silent);
    assert_true(tried > 400);
    assert_int_equal(silent, 0); /* sender and receiver do not agree on what was sent */
}

static void a_server_that_flips_any_byte_is_caught_or_changes_nothing(void **state) {
    (void)state;
    size_t tried = 0, silent = 0;
    flip_everything(true, &tried, &silent);
    assert_true(tried > 400);
    /* Silent: bits of an AND that belong to no gate; errors of 2^128 and more, which are 0 modulo 2^k, now and then; tags to a
     * server that has them right are not silent. */
    assert_true(silent < tried / 20);
}

static void what_is_cut_off_or_sent_again_is_noticed(void **state) {
    (void)state;
    uint64_t want[WORDS];
    const size_t messages = dry_run(want, X);
    for (size_t number = 0; number < messages; number++) {
        job j = { .what = TRUNCATE, .cheater = (unsigned)number % 3, .number = number, .x = X };
        assert_true(noticed(&j, 4, false, want));
        job again = { .what = REPLAY, .cheater = (unsigned)number % 3, .number = number, .x = X };
        again.before_n[0] = again.before_n[1] = 1; /* nothing to send again yet: zeros */
        assert_true(noticed(&again, 4, true, want));
    }
}

/* It keeps one message back and runs ahead: it waits for the coin, the opened triples, the tags, the opening. */
static void a_server_that_keeps_a_message_back_sees_no_more_than_one_round(void **state) {
    (void)state;
    uint64_t want[WORDS];
    const size_t messages = dry_run(want, X);
    for (size_t number = 0; number < messages; number++)
        for (unsigned cheater = 0; cheater < 3; cheater++) {
            job j = { .what = HOLD, .cheater = cheater, .number = number, .x = X };
            assert_true(noticed(&j, 4, true, want));
            for (unsigned i = 0; i < 3; i++)
                if (i != cheater) {
                    assert_true(j.furthest[i] <= j.round + 1);
                    if (j.round < 4) assert_true(j.furthest[i] < 5); /* no coin without the fence of all */
                    if (j.round < LAST - 1) assert_true(j.furthest[i] < LAST);
                }
        }
}

/* ---- chosen errors -------------------------------------------------------------------------------------------------------------------- */

/* Message 2 is round 2: z [5 x 3 words], a z [5 x 3 words], two ANDs of 13 bytes, triples. Adds to z or a z of one element. */
static size_t times_noticed(size_t word, unsigned bit, size_t seeds) {
    uint64_t want[WORDS];
    size_t count = 0;
    dry_run(want, X);
    for (uint64_t seed = 0; seed < seeds; seed++) {
        job j = { .what = ADD, .cheater = (unsigned)seed % 3, .number = 2, .at = word, .x = X };
        j.add[bit / 64] = (uint64_t)1 << bit % 64;
        count += noticed(&j, 100 + seed, true, want);
        assert_int_equal(j.round, 2);
    }
    return count;
}

/* T = beta (f - a e). An error of z below 2^k is always caught; 2^(k+s-1) changes nothing that is used and is caught when a and beta
 * are odd: a quarter. An error of the MAC alone, 2^(k+s-1): when beta is odd, a half. */
static void errors_of_any_height_are_caught_or_harmless(void **state) {
    (void)state;
    assert_int_equal(times_noticed(3, 0, 6), 6);
    assert_int_equal(times_noticed(3, 127, 6), 6); /* 2^(k-1) */
    assert_int_equal(times_noticed(15, 0, 6), 6);  /* in the MAC */
    assert_int_equal(times_noticed(15, 127, 6), 6);
    const size_t top = times_noticed(3, 191, 80), mac = times_noticed(18, 191, 80);
    assert_true(top > 8 && top < 34);  /* 20 expected, standard deviation 3.9 */
    assert_true(mac > 26 && mac < 54); /* 40, 4.5 */
}

/* Two errors of MACs that add up to zero: the secret coefficients are there for that. */
static void errors_do_not_cancel(void **state) {
    (void)state;
    uint64_t want[WORDS];
    dry_run(want, X);
    for (size_t at = 0; at < 30; at += 15) {
        job j = { .what = ADD, .cheater = 1, .number = 2, .at = at, .add = { 1, 0, 0 }, .cancel = true, .x = X };
        assert_true(noticed(&j, 9, true, want));
        assert_contains(j.err.msg, "in the zero test");
    }
}

/* The same attack meets other data: it is noticed for the same seeds, in the same phase, or else stopping would tell about the data. */
static void whether_it_stops_does_not_depend_on_the_data(void **state) {
    (void)state;
    static const uint64_t other[ELEMENTS * 3] = {
        0, 0, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, 2, 3, 4, 5, 6, 7, 8, 9
    };
    uint64_t want[2][WORDS];
    dry_run(want[0], X);
    dry_run(want[1], other);
    size_t caught = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        bool seen[2];
        for (unsigned k = 0; k < 2; k++) {
            job j = {
                .what = ADD, .cheater = 1, .number = 2, .at = 3, .add = { 0, 0, (uint64_t)1 << 63 }, .x = k ? other : X
            };
            seen[k] = noticed(&j, seed, true, want[k]);
        }
        assert_int_equal(seen[0], seen[1]);
        caught += seen[0];
    }
    assert_true(caught > 0 && caught < 40);
}

/* Errors of gates and of triples, in all words alike, in copies that agree. Only opened triples show that all of them are wrong. */
static void wrong_gates_and_wrong_triples_do_not_make_up_for_each_other(void **state) {
    (void)state;
    uint64_t want[WORDS];
    dry_run(want, X);
    for (unsigned cheater = 0; cheater < 3; cheater++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            job j = { .what = ALIKE, .cheater = cheater, .number = SIZE_MAX, .gates = true, .x = X };
            assert_true(noticed(&j, seed, true, want));
            assert_contains(j.err.msg, "the check of products and gates failed, in the zero test");
            j.triples = true;
            assert_true(noticed(&j, seed, true, want));
            assert_contains(j.err.msg, "an opened triple is wrong, in the check of the triples");
            j.gates = false;
            assert_true(noticed(&j, seed, true, want));
            assert_contains(j.err.msg, "an opened triple is wrong, in the check of the triples");
        }
}

/* One wrong word of a triple among 118: 64 are opened, the others go to gates that are right. The coin decides, not the cheater:
 * another run, another fate. */
static void one_wrong_triple_is_enough_to_stop(void **state) {
    (void)state;
    enum { RUNS = 40 };
    uint64_t want[WORDS];
    size_t opened = 0;
    dry_run(want, X);
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        job j = {
            .what = ALIKE, .cheater = (unsigned)seed % 3, .number = SIZE_MAX, .triples = true, .only = 7, .x = X
        };
        assert_true(noticed(&j, seed, true, want));
        opened += strstr(j.err.msg, "an opened triple is wrong") != NULL;
    }
    assert_true(opened > 10 && opened < 33); /* 21.7 expected, standard deviation 3.1 */
}

/* The last of 13 bytes has four bits of gates. What a cheater puts into the others goes nowhere. */
static void bits_that_belong_to_no_gate_change_nothing(void **state) {
    (void)state;
    uint64_t want[WORDS];
    dry_run(want, X);
    for (unsigned bit = 4; bit < 8; bit++) {
        job j = {
            .what = FLIP, .cheater = bit % 3, .number = 1, .at = GATES_1 + 12, .mask = (unsigned char)(1 << bit), .x = X
        };
        assert_false(noticed(&j, 4, true, want));
    }
}

static void a_failure_names_its_phase(void **state) {
    (void)state;
    static const struct {
        size_t number,
            at; /* messages: 3, 4 masked opening (next, previous); 5, 6 fence; 7, 8 coin; 9, 10 triples; ... */
        const char *words;
    } place[] = {
        { 2, 0, "in the opening, round 3" },
        { 3, 0, "in the opening, round 3" },
        { 4, 0, "in the opening, round 3" },
        { 5, 0, "in the fence before the check" },
        { 6, 31, "in the fence before the check" },
        { 6, 32, "in the zero test" },
        { 7, 0, "the two copies of the coin differ, in the coin of the check" },
        { 8, 0, "in the zero test" },
        { 8, 40, "the two copies of the coin differ, in the coin of the check" },
        { 9, 0, "the two copies of what was opened differ, in the check of the triples" },
        { 10, 0, "the two copies of what was opened differ, in the check of the triples" },
        { 11, 0, "in the zero test" },
        { 13, 0, "in the agreement on the check" },
        { 15, 0, "in the opening, round 9" },
    };
    uint64_t want[WORDS];
    dry_run(want, X);
    for (size_t k = 0; k < sizeof place / sizeof *place; k++) {
        job j = {
            .what = FLIP, .cheater = (unsigned)k % 3, .number = place[k].number, .at = place[k].at, .mask = 1, .x = X
        };
        assert_true(noticed(&j, 4, true, want));
        assert_contains(j.err.msg, place[k].words);
    }
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    job j = { .x = X };
    size_t failed = 0;
    for (long k = 0;; k += 4) {
        parties *p = parties_new(HG_MALICIOUS, 3);
        fail_alloc_after(k);
        const hg_status st = parties_run(p, everything, &j);
        fail_alloc_after(-1);
        parties_free(p);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        failed++;
    }
    assert_true(failed > 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_honest_run_passes_and_gives_the_plain_integers),
        TEST(a_wire_that_flips_any_byte_of_any_message_is_noticed),
        TEST(a_server_that_flips_any_byte_is_caught_or_changes_nothing),
        TEST(what_is_cut_off_or_sent_again_is_noticed),
        TEST(a_server_that_keeps_a_message_back_sees_no_more_than_one_round),
        TEST(errors_of_any_height_are_caught_or_harmless),
        TEST(errors_do_not_cancel),
        TEST(whether_it_stops_does_not_depend_on_the_data),
        TEST(wrong_gates_and_wrong_triples_do_not_make_up_for_each_other),
        TEST(one_wrong_triple_is_enough_to_stop),
        TEST(bits_that_belong_to_no_gate_change_nothing),
        TEST(a_failure_names_its_phase),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
