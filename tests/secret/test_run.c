/* tests/secret/test_run.c -- shares, gates, rounds and their costs, by one party and by three servers */
#include "parties.h"
#include "secret/run.h"

enum { MOST = 60 };

typedef struct {
    unsigned limbs;
    size_t n;
    uint64_t x[MOST * 3], y[MOST * 3], one[3];
} numbers;

static numbers make_numbers(unsigned limbs, size_t n, uint64_t seed) {
    numbers a = { .limbs = limbs, .n = n };
    hg_rng rng = hg_rng_make(seed, 7);
    for (size_t i = 0; i < n * limbs; i++) {
        a.x[i] = hg_rng_u64(&rng);
        a.y[i] = hg_rng_u64(&rng);
    }
    for (unsigned l = 0; l < limbs; l++) a.one[l] = hg_rng_u64(&rng);
    return a;
}

#define assert_words(p, name, want, n) assert_memory_equal(parties_value(p, name), want, (n) * sizeof(uint64_t))

/* ---- products -------------------------------------------------------------------------------------------------------------- */

static hg_status all_products(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x, y, one, z[7];
    HG_TRY(parties_share(&x, p, r, a->x, a->n, a->limbs, err));
    HG_TRY(parties_share(&y, p, r, a->y, a->n, a->limbs, err));
    HG_TRY(parties_share(&one, p, r, a->one, 1, a->limbs, err));
    HG_TRY(hg_gate_mul(r, &z[0], &x, &y, err));
    HG_TRY(hg_gate_mul(r, &z[1], &one, &x, err)); /* one element on either side */
    HG_TRY(hg_inner(r, &z[2], &x, &y, 1, a->n, err));
    HG_TRY(hg_inner(r, &z[3], &x, &y, a->n / 10, 10, err));
    const hg_share row = hg_share_view(&y, 3, 10), b = hg_share_view(&y, 0, a->n / 10);
    HG_TRY(hg_inner(r, &z[4], &x, &row, a->n / 10, 10, err));
    hg_share bare = x; /* one of the two needs a MAC */
    bare.mac[0] = bare.mac[1] = NULL;
    HG_TRY(hg_mix(r, &z[5], &b, &bare, a->n / 10, 10, err));
    HG_TRY(hg_gate_mul(r, &x, &x, &x, err)); /* the result may take a factor's place */
    z[6] = x;
    HG_TRY(hg_run_round(r, err));
    static const char *const name[] = { "mul", "one", "inner", "rows", "row", "mix", "square" };
    for (int i = 0; i < 7; i++) HG_TRY(parties_out(p, r, name[i], &z[i], err));
    return HG_OK;
}

static void products_are_products_in_every_width_and_mode(void **state) {
    (void)state;
    for (unsigned limbs = 1; limbs <= 3; limbs++) {
        numbers a = make_numbers(limbs, 60, limbs);
        hg_cost cost[2];
        parties *p = parties_check(all_products, &a, 5, cost);
        uint64_t z[MOST * 3] = { 0 };
        hg_ring_mul(z, a.x, a.y, a.n, limbs);
        assert_words(p, "mul", z, a.n * limbs);
        hg_ring_scale(z, a.x, a.one, a.n, limbs);
        assert_words(p, "one", z, a.n * limbs);
        hg_ring_mul(z, a.x, a.x, a.n, limbs);
        assert_words(p, "square", z, a.n * limbs);
        memset(z, 0, sizeof z);
        hg_ring_dot_add(z, a.x, a.y, a.n, limbs);
        assert_words(p, "inner", z, limbs);
        memset(z, 0, sizeof z);
        for (size_t i = 0; i < 6; i++)
            hg_ring_dot_add(z + i * limbs, a.x + i * 10 * limbs, a.y + i * 10 * limbs, 10, limbs);
        assert_words(p, "rows", z, 6 * limbs);
        memset(z, 0, sizeof z);
        for (size_t i = 0; i < 6; i++) hg_ring_dot_add(z + i * limbs, a.x + i * 10 * limbs, a.y + 3 * limbs, 10, limbs);
        assert_words(p, "row", z, 6 * limbs);
        memset(z, 0, sizeof z);
        for (size_t i = 0; i < 6; i++) hg_ring_scale_add(z, a.x + i * 10 * limbs, a.y + i * limbs, 10, limbs);
        assert_words(p, "mix", z, 10 * limbs);
        /* one round and one message; one element an output: 3 x 60 + 1 + 6 + 6 + 10 */
        assert_int_equal(cost[0].rounds, 1);
        assert_int_equal(cost[0].messages, 1);
        assert_int_equal(cost[0].products, 203);
        assert_int_equal(cost[0].bytes, 203 * limbs * 8);
        /* malicious: two for each product, one for each of 121 inputs, which come in three rounds */
        assert_int_equal(cost[1].rounds, 4);
        assert_int_equal(cost[1].bytes, (2 * 203 + 121) * limbs * 8);
        parties_free(p);
    }
}

static void a_pool_of_threads_changes_nothing(void **state) {
    (void)state;
    numbers a = make_numbers(2, 60, 9);
    parties *p = parties_new(HG_SEMI_HONEST, 5), *q = parties_new(HG_SEMI_HONEST, 5);
    q->threads = 2;
    assert_ok(parties_run(p, all_products, &a));
    assert_ok(parties_run(q, all_products, &a));
    for (unsigned i = 0; i < 3; i++) /* every share of it is the same, and every message */
        assert_memory_equal(p->transcript[i], q->transcript[i], 32);
    assert_memory_not_equal(p->transcript[0], p->transcript[1], 32);
    parties_free(p);
    parties_free(q);
}

/* ---- linear maps ------------------------------------------------------------------------------------------------------------- */

static const int32_t SMALL[3 * 20] = { [0] = 1, [21] = -7, [45] = INT32_MIN, [59] = INT32_MAX };
static const int64_t LARGE[3 * 20] = { [0] = -1, [21] = 7, [45] = INT64_MIN, [59] = INT64_MAX };

static hg_status all_maps(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    const size_t n = a->n;
    const unsigned limbs = a->limbs;
    hg_share x, y, z;
    HG_TRY(parties_share(&x, p, r, a->x, n, limbs, err));
    HG_TRY(parties_share(&y, p, r, a->y, n, limbs, err));
    const hg_share first = hg_share_view(&y, 0, 1);
    HG_TRY(hg_share_new(&z, r, n, limbs, true, err));
    hg_share_add(r, &z, &x, &y);
    HG_TRY(parties_out(p, r, "sum", &z, err));
    hg_share_sub(r, &z, &z, &y);
    HG_TRY(parties_out(p, r, "back", &z, err));
    hg_share_sub(r, &z, &x, &first);
    HG_TRY(parties_out(p, r, "less one", &z, err));
    hg_share_add_public(r, &z, &x, a->y, n);
    HG_TRY(parties_out(p, r, "plus", &z, err));
    hg_share_add_public(r, &z, &z, a->one, 1);
    HG_TRY(parties_out(p, r, "plus one", &z, err));
    hg_share_scale(r, &z, &x, a->y, n);
    HG_TRY(parties_out(p, r, "scaled", &z, err));
    hg_share_scale(r, &z, &z, a->one, 1);
    HG_TRY(parties_out(p, r, "scaled by one", &z, err));
    hg_share_shift_left(r, &z, &x, 13);
    HG_TRY(parties_out(p, r, "shifted", &z, err));
    hg_share_copy(r, &z, &x);
    HG_TRY(parties_out(p, r, "copy", &z, err));
    hg_share three = hg_share_view(&z, 0, 3);
    hg_share_matvec_i32(r, &three, SMALL, &x, 3);
    HG_TRY(parties_out(p, r, "matrix", &three, err));
    hg_share_matvec_i64(r, &three, LARGE, &x, 3);
    HG_TRY(parties_out(p, r, "large matrix", &three, err));
    for (unsigned narrow = 1; narrow <= limbs; narrow++) {
        char name[16];
        snprintf(name, sizeof name, "%u limbs", narrow);
        HG_TRY(hg_share_reduce(&z, r, &x, narrow, err));
        HG_TRY(parties_out(p, r, name, &z, err));
    }
    HG_TRY(hg_share_public(&z, r, a->x, n, limbs, err));
    return parties_out(p, r, "public", &z, err);
}

static void linear_maps_are_local_and_carry_their_macs(void **state) {
    (void)state;
    for (unsigned limbs = 1; limbs <= 3; limbs++) {
        numbers a = make_numbers(limbs, 20, 30 + limbs);
        const size_t n = a.n;
        hg_cost cost[2];
        parties *p = parties_check(all_maps, &a, 6, cost); /* MACs are checked where values are put together */
        uint64_t z[MOST * 3];
        hg_ring_add(z, a.x, a.y, n, limbs);
        assert_words(p, "sum", z, n * limbs);
        assert_words(p, "plus", z, n * limbs);
        for (size_t i = 0; i < n; i++) hg_ring_add(z + i * limbs, z + i * limbs, a.one, 1, limbs);
        assert_words(p, "plus one", z, n * limbs);
        assert_words(p, "back", a.x, n * limbs);
        assert_words(p, "copy", a.x, n * limbs);
        assert_words(p, "public", a.x, n * limbs);
        for (size_t i = 0; i < n; i++) hg_ring_sub(z + i * limbs, a.x + i * limbs, a.y, 1, limbs);
        assert_words(p, "less one", z, n * limbs);
        hg_ring_mul(z, a.x, a.y, n, limbs);
        assert_words(p, "scaled", z, n * limbs);
        hg_ring_scale(z, z, a.one, n, limbs);
        assert_words(p, "scaled by one", z, n * limbs);
        hg_ring_shift_left(z, a.x, 13, n, limbs);
        assert_words(p, "shifted", z, n * limbs);
        uint64_t *const to = z;
        const uint64_t *const from = a.x;
        hg_ring_matvecs_i32(&to, SMALL, &from, 1, 3, n, limbs, NULL);
        assert_words(p, "matrix", z, 3 * limbs);
        hg_ring_matvecs_i64(&to, LARGE, &from, 1, 3, n, limbs, NULL);
        assert_words(p, "large matrix", z, 3 * limbs);
        for (unsigned narrow = 1; narrow <= limbs; narrow++) {
            char name[16];
            snprintf(name, sizeof name, "%u limbs", narrow);
            hg_ring_resize(z, narrow, a.x, limbs, n);
            assert_words(p, name, z, n * narrow);
        }
        assert_int_equal(cost[0].rounds + cost[0].bytes, 0);
        assert_int_equal(cost[1].rounds, 2); /* of the inputs' MACs */
        parties_free(p);
    }
}

/* ---- bits ------------------------------------------------------------------------------------------------------------------------ */

static const uint64_t A[2] = { 0xdeadbeefcafebabe, 0x123456789 }, B[2] = { 0x0f1e2d3c4b5a6978, 0xabcdef012 };
enum { BITS = 100 };

static hg_status all_bits(parties *p, hg_run *r, hg_err *err) {
    hg_bits a, b, z, none;
    HG_TRY(parties_share_bits(&a, p, r, A, BITS, err));
    HG_TRY(parties_share_bits(&b, p, r, B, BITS, err));
    HG_TRY(hg_and(r, &z, &a, &b, err));
    HG_TRY(hg_bits_new(&none, r, 0, err));
    HG_TRY(hg_and(r, &none, &none, &none, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(parties_out_bits(p, r, "and", &z, err));
    hg_bits_xor(r, &z, &a, &b);
    HG_TRY(parties_out_bits(p, r, "xor", &z, err));
    hg_bits_not(r, &z, &a);
    HG_TRY(parties_out_bits(p, r, "not", &z, err));
    hg_bits_not(r, &b, &b);
    HG_TRY(hg_and(r, &z, &z, &b, err)); /* neither */
    HG_TRY(hg_run_round(r, err));
    uint64_t opened[2] = { UINT64_MAX, UINT64_MAX };
    HG_TRY(hg_open_bits(r, opened, &z, err));
    HG_TRY(hg_run_round(r, err));
    return parties_out_plain(p, r, "neither", opened, 2, err);
}

static void gates_of_bits_are_gates_of_bits(void **state) {
    (void)state;
    hg_cost cost[2];
    parties *p = parties_check(all_bits, NULL, 8, cost);
    const uint64_t rest = ((uint64_t)1 << (BITS - 64)) - 1;
    assert_words(p, "and", ((uint64_t[]) { A[0] & B[0], A[1] & B[1] & rest }), 2);
    assert_words(p, "xor", ((uint64_t[]) { A[0] ^ B[0], (A[1] ^ B[1]) & rest }), 2);
    assert_words(p, "not", ((uint64_t[]) { ~A[0], ~A[1] & rest }), 2); /* bits past n stay zero */
    assert_words(p, "neither", ((uint64_t[]) { ~(A[0] | B[0]), ~(A[1] | B[1]) & rest }), 2);
    assert_int_equal(cost[0].rounds, 3);
    assert_int_equal(cost[0].ands, 2 * BITS);
    assert_int_equal(cost[0].openings, BITS);
    assert_int_equal(cost[0].bytes, 3 * 13);
    assert_int_equal(cost[0].messages, 3);
    /* malicious: a second copy of the opening; ten triples for each of four gate words and 64 more, a word each */
    assert_int_equal(cost[1].bytes, 3 * 13 + 13 + 8 * (10 * 4 + 64));
    parties_free(p);
}

/* ---- shared randomness -------------------------------------------------------------------------------------------------------------- */

static hg_status random_things(parties *p, hg_run *r, hg_err *err) {
    hg_share x, y;
    hg_bits b;
    HG_TRY(hg_share_random(&x, r, 5, 2, err));
    HG_TRY(hg_share_random(&y, r, 5, 2, err));
    HG_TRY(hg_share_authenticate(r, &y, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_bits_random(&b, r, BITS, err));
    HG_TRY(parties_out(p, r, "x", &x, err));
    HG_TRY(parties_out(p, r, "y", &y, err));
    return parties_out_bits(p, r, "bits", &b, err);
}

static void random_numbers_come_without_messages_and_the_plain_run_has_them_too(void **state) {
    (void)state;
    hg_cost cost[2];
    parties *p = parties_check(random_things, NULL, 12, cost);
    assert_memory_not_equal(parties_value(p, "x"), parties_value(p, "y"), 80);
    const uint64_t *b = parties_value(p, "bits");
    assert_true(b[0] != 0 && b[1] != 0 && b[1] >> (BITS - 64) == 0);
    assert_int_equal(cost[0].rounds + cost[0].bytes, 0);
    assert_int_equal(cost[1].bytes, 5 * 16); /* the late MAC */
    parties_free(p);
}

/* ---- openings ------------------------------------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned bits;
    size_t n;
    numbers *a;
} opening;

static hg_status open_some(parties *p, hg_run *r, hg_err *err) {
    const opening *o = p->user;
    const numbers *a = o->a;
    uint64_t value[MOST * 3];
    hg_share x;
    HG_TRY(parties_share(&x, p, r, a->x, o->n, a->limbs, err));
    HG_TRY(hg_open(r, value, &x, o->bits, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_run_round(r, err)); /* nothing is queued: no round */
    return parties_out_plain(p, r, "value", value, o->n * a->limbs, err);
}

static void an_opening_shows_the_low_bits_and_costs_their_bytes(void **state) {
    (void)state;
    for (unsigned limbs = 1; limbs <= 3; limbs++)
        for (unsigned bits = 1; bits <= 64 * limbs; bits += 9)
            for (size_t n = 1; n < 12; n += 5) {
                numbers a = make_numbers(limbs, 20, bits);
                opening o = { bits, n, &a };
                hg_cost cost[2];
                parties *p = parties_check(open_some, &o, bits, cost);
                uint64_t want[MOST * 3];
                memcpy(want, a.x, n * limbs * 8);
                hg_ring_mask(want, bits, n, limbs);
                assert_words(p, "value", want, n * limbs);
                const size_t bytes = n * ((bits + 7) / 8);
                assert_int_equal(cost[0].bytes, bytes);
                assert_int_equal(cost[0].rounds, 1);
                /* the MACs of the input; then a second copy, or its digest */
                assert_int_equal(cost[1].bytes, n * limbs * 8 + bytes + (bytes > 32 ? 32 : bytes));
                assert_int_equal(cost[1].rounds, 2);
                assert_int_equal(cost[1].messages, 3);
                parties_free(p);
            }
}

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------------- */

static hg_status no_exchange(void *self, hg_phase phase, uint32_t round, const hg_exchange *x, hg_err *err) {
    (void)phase;
    (void)round;
    (void)x;
    ++*(int *)self;
    return hg_fail(err, HG_EPARTY, "server 2 is gone");
}

static void a_run_refuses_what_it_cannot_be(void **state) {
    (void)state;
    int calls = 0;
    hg_channel broken = { &calls, no_exchange };
    hg_run *r;
    hg_err err;
    hg_run_opts o = { .mode = HG_SEMI_HONEST };
    assert_int_equal(hg_run_new(&r, &o, &err), HG_EINVAL);
    assert_null(r);
    assert_string_equal(err.msg, "a semi-honest run needs a channel");
    o.channel = &broken;
    o.party = 3;
    assert_int_equal(hg_run_new(&r, &o, &err), HG_EINVAL);
    o = (hg_run_opts) { .mode = HG_PLAIN, .channel = &broken };
    assert_int_equal(hg_run_new(&r, &o, &err), HG_EINVAL);
    assert_string_equal(err.msg, "a plain run has no use for a channel");
    o = (hg_run_opts) { .mode = (hg_mode)7 };
    assert_int_equal(hg_run_new(&r, &o, &err), HG_EINVAL);
    hg_run_free(NULL);
}

static void after_an_error_nothing_is_sent(void **state) {
    (void)state;
    int calls = 0;
    hg_channel broken = { &calls, no_exchange };
    const hg_run_opts o = { .mode = HG_MALICIOUS, .channel = &broken };
    hg_run *r;
    hg_err err;
    hg_share x, y, z;
    assert_ok(hg_run_new(&r, &o, &err));
    assert_ok(hg_share_new(&x, r, 2, 2, true, &err));
    assert_ok(hg_share_new(&y, r, 2, 2, false, &err));
    assert_ok(hg_gate_mul(r, &z, &x, &y, &err));
    assert_int_equal(hg_run_round(r, &err), HG_EPARTY);
    assert_string_equal(err.msg, "server 2 is gone");
    assert_ok(hg_gate_mul(r, &z, &x, &y, &err));
    assert_int_equal(hg_run_round(r, &err), HG_EPARTY);
    assert_string_equal(err.msg, "this run was broken off before");
    assert_int_equal(calls, 1);
    hg_run_free(r);
    assert_ok(hg_run_new(&r, &o, &err));
    assert_ok(hg_share_new(&y, r, 2, 2, false, &err));
    assert_int_equal(hg_gate_mul(r, &z, &y, &y, &err), HG_EINVAL);
    assert_string_equal(err.msg, "a product of two numbers without a MAC");
    assert_int_equal(hg_run_round(r, &err), HG_EINVAL);
    assert_int_equal(calls, 1);
    hg_run_free(r);
}

static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)what;
    (void)total;
    return done < *(size_t *)user;
}

static void a_run_stops_when_it_is_asked_to(void **state) {
    (void)state;
    int calls = 0;
    size_t rounds = 0;
    hg_channel broken = { &calls, no_exchange };
    const hg_hooks hooks = { .progress = stop, .user = &rounds };
    const hg_run_opts o = { .mode = HG_SEMI_HONEST, .channel = &broken, .hooks = &hooks };
    hg_run *r;
    hg_err err;
    hg_share x, z;
    assert_ok(hg_run_new(&r, &o, &err));
    assert_ok(hg_share_new(&x, r, 1, 1, false, &err));
    assert_ok(hg_gate_mul(r, &z, &x, &x, &err));
    assert_int_equal(hg_run_round(r, &err), HG_ECANCEL);
    assert_string_equal(err.msg, "stopped in the computation");
    assert_int_equal(calls, 0);
    hg_run_free(r);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    numbers a = make_numbers(2, 20, 1);
    size_t failed = 0;
    for (hg_mode mode = HG_PLAIN; mode <= HG_MALICIOUS; mode++)
        for (long k = 0;; k += mode == HG_PLAIN ? 1 : 3) {
            parties *p = parties_new(mode, 3);
            fail_alloc_after(k);
            const hg_status st = parties_run(p, all_products, &a);
            fail_alloc_after(-1);
            const bool net = st != HG_OK;
            if (net) assert_true(st == HG_ENOMEM);
            parties_free(p);
            failed += net;
            if (!net) break;
        }
    assert_true(failed > 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(products_are_products_in_every_width_and_mode),
        TEST(a_pool_of_threads_changes_nothing),
        TEST(linear_maps_are_local_and_carry_their_macs),
        TEST(gates_of_bits_are_gates_of_bits),
        TEST(random_numbers_come_without_messages_and_the_plain_run_has_them_too),
        TEST(an_opening_shows_the_low_bits_and_costs_their_bytes),
        TEST(a_run_refuses_what_it_cannot_be),
        TEST(after_an_error_nothing_is_sent),
        TEST(a_run_stops_when_it_is_asked_to),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
