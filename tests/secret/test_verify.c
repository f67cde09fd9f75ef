/* tests/secret/test_verify.c -- the check of a malicious run: triples, the coin, products alone, zero; test_cheat.c has the attacks */
#include "parties.h"
#include "secret/run_internal.h"
#include "secret/verify.h"

/* ---- how many triples, and which ----------------------------------------------------------------------------------------------------------- */

static double log2_binomial(double n, double k) { return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / log(2); }

static void triples_are_as_few_as_the_promise_allows(void **state) {
    (void)state;
    size_t last = 100;
    for (size_t n = 1; n < 3000000; n += 1 + n / 7) {
        const size_t b = hg_verify_triples_each(n);
        assert_true(log2_binomial((double)(b * n + HG_VERIFY_OPENED), (double)b) >= HG_VERIFY_SECURITY + 1 - 1e-6);
        if (b > 2)
            assert_true(log2_binomial((double)((b - 1) * n + HG_VERIFY_OPENED), (double)(b - 1)) <
                        HG_VERIFY_SECURITY + 1 + 1e-6);
        assert_true(b <= last); /* so that triples made for fewer gates are enough for more */
        last = b;
    }
    assert_int_equal(hg_verify_triples_each(1), 11);
    assert_int_equal(hg_verify_triples_each(7855), 4);
    assert_int_equal(hg_verify_triples_each(7856), 3);
    assert_int_equal(hg_verify_triples_each(1048544), 3);
    assert_int_equal(hg_verify_triples_each(1048545), 2);
}

static void the_coin_deals_every_order_alike(void **state) {
    (void)state;
    enum { THROWS = 6000, N = 3 };
    size_t seen[N * N * N] = { 0 };
    for (uint64_t k = 0; k < THROWS; k++) {
        uint32_t order[N];
        assert_ok(hg_verify_permutation(order, N, (uint64_t[2]) { k, 17 }, NULL));
        seen[order[0] * N * N + order[1] * N + order[2]]++;
    }
    double chi = 0;
    size_t orders = 0;
    for (size_t i = 0; i < N * N * N; i++)
        if (seen[i]) {
            chi += ((double)seen[i] - THROWS / 6.0) * ((double)seen[i] - THROWS / 6.0) / (THROWS / 6.0);
            orders++;
        }
    assert_int_equal(orders, 6);
    assert_true(chi < 20.5); /* 5 degrees: one in a thousand */
    uint32_t *big = malloc(5000 * sizeof *big), *again = malloc(5000 * sizeof *again);
    bool *there = calloc(5000, sizeof *there);
    assert_ok(hg_verify_permutation(big, 5000, (uint64_t[2]) { 1, 2 }, NULL));
    assert_ok(hg_verify_permutation(again, 5000, (uint64_t[2]) { 1, 2 }, NULL));
    assert_memory_equal(big, again, 5000 * sizeof *big);
    size_t moved = 0;
    for (size_t i = 0; i < 5000; i++) {
        assert_false(there[big[i]]);
        there[big[i]] = true;
        moved += big[i] != i;
    }
    assert_true(moved > 4900);
    free(big);
    free(again);
    free(there);
}

/* ---- products alone, and zero ------------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    unsigned cheater;
    bool flip, opened[3];
} middle;

static void flip_product(void *user, parties_message *m) {
    middle *c = user;
    if (m->received) return;
    if (m->phase == HG_PHASE_OPEN) c->opened[m->party] = true;
    if (c->flip && m->party == c->cheater && m->round == 1) m->bytes[0] ^= 1;
}

static hg_status open_in_the_middle(parties *p, hg_run *r, hg_err *err) {
    static const uint64_t x[2] = { 6, 0 };
    hg_share s, z;
    uint64_t v[2];
    HG_TRY(parties_share(&s, p, r, x, 1, 2, err));
    HG_TRY(hg_gate_mul(r, &z, &s, &s, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_run_verify_products(r, err));
    HG_TRY(hg_open(r, v, &z, 64, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_gate_mul(r, &z, &z, &s, err)); /* what comes later is checked later */
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_run_verify(r, err));
    return parties_out_plain(p, r, "v", v, 2, err);
}

static void products_are_checked_in_three_rounds_before_an_opening_in_the_middle(void **state) {
    (void)state;
    hg_cost cost[2];
    middle c = { .flip = false };
    parties *p = parties_check(open_in_the_middle, NULL, 2, cost);
    assert_int_equal(parties_value(p, "v")[0], 36);
    assert_int_equal(cost[0].rounds, 3);
    assert_int_equal(cost[1].rounds, 1 + 1 + 3 + 1 + 1 + 4); /* without ANDs there is no round for triples */
    parties_free(p);
    for (c.cheater = 0; c.cheater < 3; c.cheater++) { /* both honest servers know before either opens */
        c.flip = true;
        memset(c.opened, 0, sizeof c.opened);
        p = parties_new(HG_MALICIOUS, 2);
        p->spy = flip_product;
        p->spy_user = &c;
        p->cheating = true;
        assert_int_equal(parties_run(p, open_in_the_middle, NULL), HG_ECHEAT);
        for (unsigned i = 0; i < 3; i++) {
            assert_false(c.opened[i]);
            if (i != c.cheater) assert_int_equal(p->status[i], HG_ECHEAT);
            if (i != c.cheater) assert_contains(p->err[i].msg, "failed, in the zero test");
        }
        parties_free(p);
    }
}

typedef struct {
    uint64_t value;
    bool gates;
} zero_job;

static hg_status test_zero(parties *p, hg_run *r, hg_err *err) {
    const zero_job *j = p->user;
    uint64_t v[6] = { 0 };
    v[4] = j->value;
    hg_share x, z;
    hg_bits b;
    HG_TRY(parties_share(&x, p, r, v, 2, 3, err));
    HG_TRY(hg_gate_mul(r, &z, &x, &x, err));
    HG_TRY(parties_share_bits(&b, p, r, v, 64, err));
    if (j->gates) HG_TRY(hg_and(r, &b, &b, &b, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_share_assert_zero(r, &x, "the owner of \"films\"", err));
    HG_TRY(hg_share_assert_zero(r, &z, "z", err));
    return parties_out(p, r, "z", &z, err);
}

static void what_must_be_zero_is_tested_in_every_mode(void **state) {
    (void)state;
    for (int gates = 0; gates < 2; gates++) {
        zero_job j = { .gates = gates };
        hg_cost cost[2];
        parties_free(parties_check(test_zero, &j, 5, cost));
        assert_int_equal(cost[0].rounds, 1 + 2);
        assert_int_equal(cost[1].rounds, 2 + (gates ? 5 : 3) + 2); /* what was recorded is verified once */
        for (hg_mode mode = HG_PLAIN; mode <= HG_MALICIOUS; mode++)
            for (unsigned bit = 0; bit < 64; bit += 63) {
                j.value = (uint64_t)1 << bit;
                parties *p = parties_new(mode, 5);
                assert_int_equal(parties_run(p, test_zero, &j), HG_ECHEAT);
                for (unsigned i = 0; i < (mode == HG_PLAIN ? 1 : 3); i++) {
                    assert_int_equal(p->status[i], HG_ECHEAT);
                    assert_string_equal(p->err[i].msg, "the owner of \"films\": what must be zero is not");
                }
                parties_free(p);
            }
    }
}

static void lie_about_zero(void *user, parties_message *m) {
    const unsigned *cheater = user;
    if (!m->received && m->party == *cheater && m->phase == HG_PHASE_ZERO) m->bytes[0] ^= 1;
}

/* One server's word does not make an honest owner a cheat. */
static void one_server_cannot_accuse_an_owner(void **state) {
    (void)state;
    for (hg_mode mode = HG_SEMI_HONEST; mode <= HG_MALICIOUS; mode++)
        for (unsigned cheater = 0; cheater < 3; cheater++) {
            zero_job j = { .value = 0 };
            parties *p = parties_new(mode, 5);
            p->spy = lie_about_zero;
            p->spy_user = &cheater;
            assert_int_equal(parties_run(p, test_zero, &j), HG_ECHEAT);
            for (unsigned i = 0; i < 3; i++) {
                if (i == cheater) continue;
                assert_int_equal(p->status[i], HG_ECHEAT);
                assert_null(strstr(p->err[i].msg, "the owner of"));
            }
            parties_free(p);
        }
}

typedef struct {
    unsigned helper;
    uint64_t value;
} helped;

/* The owner has told one server how far its value is from zero: that server says what each of the others expects to hear. */
static hg_status test_helped(parties *p, hg_run *r, hg_err *err) {
    const helped *h = p->user;
    const uint64_t v[3] = { h->value, 0, 0 };
    hg_share x;
    HG_TRY(parties_share(&x, p, r, v, 1, 3, err));
    if (hg_run_party(r) == h->helper) hg_ring_sub(x.slot[1], x.slot[1], v, 1, 3);
    return hg_share_assert_zero(r, &x, "a row", err);
}

/* Then the two honest ones hear each other alone say something else, and none may be told that the other lies. */
static void who_helps_an_owner_has_nobody_else_blamed(void **state) {
    (void)state;
    for (hg_mode mode = HG_SEMI_HONEST; mode <= HG_MALICIOUS; mode++)
        for (unsigned helper = 0; helper < 3; helper++) {
            helped h = { .helper = helper, .value = 5 };
            parties *p = parties_new(mode, 6);
            assert_int_equal(parties_run(p, test_helped, &h), HG_ECHEAT);
            for (unsigned i = 0; i < 3; i++) {
                char both[2][32];
                const unsigned a = (i + 1) % 3, b = (i + 2) % 3;
                if (i == helper) continue;
                assert_int_equal(p->status[i], HG_ECHEAT);
                snprintf(both[0], sizeof both[0], "servers %u and %u", a, b);
                snprintf(both[1], sizeof both[1], "servers %u and %u", b, a);
                assert_true(strstr(p->err[i].msg, both[0]) || strstr(p->err[i].msg, both[1]));
                assert_null(strstr(p->err[i].msg, "a row"));
            }
            parties_free(p);
        }
}

/* ---- refusals ---------------------------------------------------------------------------------------------------------------------------------------- */

static hg_status verify_too_early(parties *p, hg_run *r, hg_err *err) {
    static const uint64_t x[2] = { 1, 2 };
    const hg_mode mode = hg_run_mode(r);
    hg_bits a;
    HG_TRY(parties_share_bits(&a, p, r, x, 128, err));
    HG_TRY(hg_and(r, &a, &a, &a, err));
    hg_err why;
    if (hg_run_verify(r, &why) != HG_EINVAL || strcmp(why.msg, "1 gates wait for a round: end it before the check"))
        return hg_fail(err, HG_EDATA, "not refused");
    HG_TRY(hg_run_round(r, err));
    const hg_status st = hg_run_verify_products(r, &why);
    if (st != (mode == HG_MALICIOUS ? HG_EINVAL : HG_OK)) return hg_fail(err, HG_EDATA, "verify_products: %d", (int)st);
    HG_TRY(hg_run_verify(r, err));
    const hg_cost before = hg_run_cost(r);
    HG_TRY(hg_run_verify(r, err)); /* nothing since */
    const hg_cost after = hg_run_cost(r);
    if (memcmp(&before, &after, sizeof before)) return hg_fail(err, HG_EDATA, "an empty check costs something");
    return parties_out_bits(p, r, "a", &a, err);
}

static void a_check_wants_its_rounds_ended_and_costs_nothing_when_nothing_happened(void **state) {
    (void)state;
    hg_cost cost[2];
    parties_free(parties_check(verify_too_early, NULL, 5, cost));
    assert_int_equal(cost[0].rounds, 1);
    assert_int_equal(cost[1].rounds, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(triples_are_as_few_as_the_promise_allows),
        TEST(the_coin_deals_every_order_alike),
        TEST(products_are_checked_in_three_rounds_before_an_opening_in_the_middle),
        TEST(what_must_be_zero_is_tested_in_every_mode),
        TEST(one_server_cannot_accuse_an_owner),
        TEST(who_helps_an_owner_has_nobody_else_blamed),
        TEST(a_check_wants_its_rounds_ended_and_costs_nothing_when_nothing_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
