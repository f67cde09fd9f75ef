/* tests/secret/test_function.c -- errors over whole domains and at their ends, saturation, exact costs, refusals */
#include "parties.h"
#include "secret/function.h"
#include "secret/truncate.h"
#include "secret/verify.h"

enum { MOST = 1000 };
static const double ULP = 0x1p-32;

typedef enum { RECIPROCAL, LOG2, BOTH, ROOT, EXP, CHORDS, FUNCTIONS } function;

typedef struct {
    function f;
    size_t n;
    unsigned limbs;
    bool stock, verify;
    double x[MOST];
    hg_chords chords;
    hg_cost cost[2]; /* of the call alone, by server 0 */
    size_t left;     /* masks left in the stock */
} call;

static const size_t MASKS[FUNCTIONS] = { HG_MASKS_RECIPROCAL,  HG_MASKS_RECIPROCAL, HG_MASKS_RECIPROCAL_LOG2,
                                         HG_MASKS_SQUARE_ROOT, HG_MASKS_EXP_MINUS,  HG_MASKS_CHORDS };

static hg_cost minus(hg_cost a, hg_cost b) {
    return (hg_cost) { a.rounds - b.rounds,     a.messages - b.messages, a.bytes - b.bytes,
                       a.products - b.products, a.ands - b.ands,         a.openings - b.openings };
}

static hg_status apply(const call *c, hg_run *r, hg_share *z, hg_share *w, const hg_share *x, hg_err *err) {
    switch (c->f) {
    case RECIPROCAL: return hg_reciprocal_log2(r, z, NULL, x, err);
    case LOG2: return hg_reciprocal_log2(r, NULL, w, x, err);
    case BOTH: return hg_reciprocal_log2(r, z, w, x, err);
    case ROOT: return hg_square_root(r, z, x, err);
    case EXP: return hg_exp_minus(r, z, x, err);
    default: return hg_chords_apply(r, z, x, &c->chords, 64, err);
    }
}

static hg_status compute(parties *p, hg_run *r, hg_err *err) {
    call *c = p->user;
    hg_share x, z = { .n = 0 }, w = { .n = 0 };
    HG_TRY(parties_share_doubles(&x, p, r, c->x, c->n, HG_FRACTION, c->limbs, err));
    if (c->stock) HG_TRY(hg_truncation_prepare(r, c->n * MASKS[c->f], 0, c->limbs, err));
    const hg_cost before = hg_run_cost(r);
    HG_TRY(apply(c, r, &z, &w, &x, err));
    if (p->mode != HG_PLAIN && hg_run_party(r) == 0) {
        c->cost[p->mode == HG_MALICIOUS] = minus(hg_run_cost(r), before);
        c->left = hg_truncation_left(r);
    }
    if (c->f != LOG2) HG_TRY(parties_out(p, r, "z", &z, err));
    if (c->f == LOG2 || c->f == BOTH) HG_TRY(parties_out(p, r, "log2", &w, err));
    return c->verify ? hg_run_verify(r, err) : HG_OK;
}

/* n points of [low, high], evenly or evenly in their logarithm, rounded to what a ring element can be; the ends are in
 * it. */
static void grid(call *c, size_t n, double low, double high, bool logarithmic) {
    c->n = n;
    for (size_t i = 0; i < n; i++) {
        const double t = n > 1 ? (double)i / (double)(n - 1) : 0;
        const double x = logarithmic ? low * pow(high / low, t) : low + (high - low) * t;
        c->x[i] = ldexp(nearbyint(ldexp(x, HG_FRACTION)), -HG_FRACTION);
    }
}

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static void reciprocal_and_logarithm_hold_over_their_domain_and_saturate(void **state) {
    (void)state;
    static call c = { .f = BOTH, .limbs = 3, .stock = true };
    static const double outside[] = { 0, -1, -63, ULP, 0x1p-15, 8.001, 9, 20, 63.9, 0x1p-14, 8, 4, 1, 2, 0x1p-13 };
    for (int part = 0; part < 4; part++) {
        grid(&c, MOST, part % 2 ? 0x1p-14 : 1 / 1024.0, 8, part % 2);
        if (part == 2)
            for (size_t i = 0; i < MOST; i++)
                c.x[i] = ldexp(1 + (double)i / MOST, (int)(i % 17) - 14); /* all octaves */
        if (part == 3) {
            c.n = sizeof outside / sizeof *outside;
            memcpy(c.x, outside, sizeof outside);
        }
        c.limbs = part == 3 ? 3 : 2;
        parties *p;
        if (part == 3) {
            p = parties_check(compute, &c, 3, NULL);
        } else { /* the plain run is the servers' run: bit for bit below */
            p = parties_new(HG_PLAIN, (uint64_t)part);
            assert_ok_err(parties_run(p, compute, &c), p->err[0]);
        }
        for (size_t i = 0; i < c.n; i++) {
            const double x = clamp(ldexp(nearbyint(ldexp(c.x[i], 32)), -32), 0x1p-14, 8);
            const double r = parties_double(p, "z", i, HG_FRACTION), l = parties_double(p, "log2", i, HG_FRACTION);
            assert_true(fabs(r - 1 / x) < 0x1p-29 / x + 3 * ULP);
            assert_true(fabs(l - log2(x)) < 0x1p-28);
        }
        parties_free(p);
    }
}

static void the_square_root_holds_over_its_domain_and_saturates(void **state) {
    (void)state;
    static call c = { .f = ROOT, .limbs = 2 };
    static const double outside[] = { 0, -1, -63, ULP, 0x1p-29, 8.001, 9, 20, 63.9, 0x1p-28, 8, 4, 1, 2, 0x1p-27 };
    for (int part = 0; part < 4; part++) {
        grid(&c, MOST, part % 2 ? 0x1p-28 : 1e-4, 8, part % 2);
        if (part == 2)
            for (size_t i = 0; i < MOST; i++) c.x[i] = ldexp(1 + (double)i / MOST, (int)(i % 31) - 28);
        if (part == 3) {
            c.n = sizeof outside / sizeof *outside;
            memcpy(c.x, outside, sizeof outside);
            c.limbs = 3;
        }
        parties *p;
        if (part == 3) {
            p = parties_check(compute, &c, 3, NULL);
        } else {
            p = parties_new(HG_PLAIN, (uint64_t)part);
            assert_ok_err(parties_run(p, compute, &c), p->err[0]);
        }
        for (size_t i = 0; i < c.n; i++) {
            const double x = clamp(ldexp(nearbyint(ldexp(c.x[i], 32)), -32), 0x1p-28, 8);
            assert_true(fabs(parties_double(p, "z", i, HG_FRACTION) - sqrt(x)) < 0x1p-26 * sqrt(x) + 3 * ULP);
        }
        parties_free(p);
    }
}

static void the_exponential_holds_over_its_domain(void **state) {
    (void)state;
    static call c = { .f = EXP, .limbs = 2 };
    for (unsigned part = 0; part < 6; part++) {
        if (part < 4)
            grid(&c, MOST, part ? 1e-9 : -0x1p-16, part == 2 ? 0.1 : 32, part == 1);
        else
            grid(&c, MOST, 0, part == 4 ? 1 : 8, false);
        parties *p = parties_new(HG_PLAIN, part);
        assert_ok_err(parties_run(p, compute, &c), p->err[0]);
        for (size_t i = 0; i < c.n; i++)
            assert_true(fabs(parties_double(p, "z", i, HG_FRACTION) - exp(-c.x[i])) < 0x1p-27);
        parties_free(p);
    }
}

/* sqrt by 32 chords over [1e-4, 5], nodes evenly in the logarithm */
enum { NODES = 33 };
static double node_x[NODES], node_y[NODES];

static hg_chords root_chords(void) {
    for (size_t k = 0; k < NODES; k++) {
        node_x[k] = 1e-4 * pow(5e4, (double)k / (NODES - 1));
        node_y[k] = sqrt(node_x[k]);
    }
    return (hg_chords) { node_x, node_y, NODES };
}

static void chords_follow_the_plain_function_and_are_constant_outside(void **state) {
    (void)state;
    static call c = { .f = CHORDS, .limbs = 2, .stock = true };
    c.chords = root_chords();
    for (int part = 0; part < 3; part++) {
        grid(&c, 400, part ? 1e-5 : -3, part ? 50 : 7, part == 1);
        if (part == 2) { /* the nodes themselves, and one ulp before and after */
            c.n = 3 * NODES;
            for (size_t i = 0; i < c.n; i++) c.x[i] = node_x[i / 3] + ((double)(i % 3) - 1) * ULP;
            c.x[0] = -0x1p29;
            c.x[1] = 0x1p29;
            c.limbs = 3;
        }
        parties *p;
        if (part == 2) {
            p = parties_check(compute, &c, 3, NULL);
        } else {
            p = parties_new(HG_PLAIN, (uint64_t)part);
            assert_ok_err(parties_run(p, compute, &c), p->err[0]);
        }
        for (size_t i = 0; i < c.n; i++) {
            const double x = ldexp(nearbyint(ldexp(c.x[i], 32)), -32), want = hg_chords_value(&c.chords, x);
            const double steep = 0.5 / sqrt(clamp(x, 1e-4, 5)); /* the nodes are rounded to ulps */
            assert_true(fabs(parties_double(p, "z", i, HG_FRACTION) - want) < (3 + steep) * ULP);
            if (x > 1e-4 && x < 5) assert_true(fabs(want / sqrt(x) - 1) < 0.02);
        }
        parties_free(p);
    }
}

/* A step, one node, and a negative slope: by hand. */
static void chords_by_hand(void **state) {
    (void)state;
    static const double x[] = { -1, 1, 2 }, y[] = { 4, 0, -3 }, at[] = { -5, -1, -0.5, 0, 1, 1.5, 2, 100 };
    static const double want[] = { 4, 4, 3, 2, 0, -1.5, -3, -3 };
    static call c = { .f = CHORDS, .limbs = 3, .n = 8, .chords = { x, y, 3 } };
    memcpy(c.x, at, sizeof at);
    parties *p = parties_check(compute, &c, 1, NULL);
    for (size_t i = 0; i < c.n; i++) {
        assert_true(fabs(parties_double(p, "z", i, HG_FRACTION) - want[i]) < 3 * ULP);
        assert_true(hg_chords_value(&c.chords, at[i]) == want[i]);
    }
    parties_free(p);
    c.chords.n = 1;
    p = parties_check(compute, &c, 1, NULL);
    for (size_t i = 0; i < c.n; i++) assert_true(fabs(parties_double(p, "z", i, HG_FRACTION) - 4) < 3 * ULP);
    parties_free(p);
}

/* ---- servers and sizes ------------------------------------------------------------------------------------------- */

static void servers_give_the_plain_integers_at_awkward_sizes(void **state) {
    (void)state;
    static const size_t SIZES[] = { 0, 1, 63, 64, 65 };
    static call c;
    for (function f = 0; f < FUNCTIONS; f++)
        for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
            c = (call) { .f = f, .limbs = 3, .stock = k % 2, .verify = k == 1 };
            c.chords = root_chords();
            c.chords.n = 5;
            grid(&c, SIZES[k], 0.001, 7, true);
            parties *p = parties_check(compute, &c, k, NULL);
            assert_int_equal(parties_size(p, f == LOG2 ? "log2" : "z"), SIZES[k]);
            if (c.stock) assert_int_equal(c.left, 0);
            parties_free(p);
        }
}

static hg_status rough_call(parties *p, hg_run *r, hg_err *err) {
    call *c = p->user;
    hg_share x, z;
    HG_TRY(parties_share_doubles(&x, p, r, c->x, c->n, HG_FRACTION, 2, err));
    HG_TRY(hg_exp_minus(r, &x, &x, err)); /* in place */
    HG_TRY(hg_reciprocal_log2(r, &x, &z, &x, err));
    HG_TRY(parties_out(p, r, "z", &z, err));
    return parties_out(p, r, "1/x", &x, err);
}

static void a_thousand_numbers_of_two_limbs_and_in_place(void **state) {
    (void)state;
    static call c;
    grid(&c, MOST, 0, 8, false);
    parties *plain = parties_new(HG_PLAIN, 9), *p = parties_new(HG_SEMI_HONEST, 9);
    assert_ok_err(parties_run(plain, rough_call, &c), plain->err[0]);
    assert_ok_err(parties_run(p, rough_call, &c), p->err[0]);
    assert_memory_equal(parties_value(p, "z"), parties_value(plain, "z"), MOST * 16);
    assert_memory_equal(parties_value(p, "1/x"), parties_value(plain, "1/x"), MOST * 16);
    for (size_t i = 0; i < MOST; i++) assert_close(parties_double(p, "z", i, HG_FRACTION), -c.x[i] / log(2), 1e-4);
    parties_free(p);
    parties_free(plain);
}

/* ---- cost -------------------------------------------------------------------------------------------------------- */

/* 64 numbers of 3 limbs. ANDs: 18 (17) comparisons of 40 bits, 145 gates each; 5 of 64 bits, 241. Elements of 24 bytes,
 * each number:
 *   semi-honest  bits to numbers 2 a level, b2 y 1 a level; truncated products 2 each
 *   malicious    7 and 2 a level; truncated products 2 + 1 and 18 bytes each; a digest of 32 bytes a round of openings */
static void costs_are_exact(void **state) {
    (void)state;
    static const struct {
        size_t rounds[2], ands, levels, whole, openings;
    } want[FUNCTIONS] = {
        [RECIPROCAL] = { { 14, 19 }, 18 * 145, 18, 1, 5 },
        [LOG2] = { { 14, 19 }, 18 * 145, 18, 1, 5 },
        [BOTH] = { { 14, 19 }, 18 * 145, 18, 1, 5 },
        [ROOT] = { { 14, 19 }, 17 * 145, 17, 1, 5 },
        [EXP] = { { 6, 12 }, 0, 0, 0, 6 },
        [CHORDS] = { { 10, 11 }, 5 * 241, 5, 0, 1 },
    };
    static call c;
    for (function f = 0; f < FUNCTIONS; f++) {
        c = (call) { .f = f, .limbs = 3, .stock = true, .chords = root_chords() };
        c.chords.n = 5;
        grid(&c, 64, 0.001, 7, true);
        parties_free(parties_check(compute, &c, 1, NULL));
        const size_t m = MASKS[f], levels = want[f].levels;
        assert_int_equal(c.cost[0].rounds, want[f].rounds[0]);
        assert_int_equal(c.cost[1].rounds, want[f].rounds[1]);
        assert_int_equal(c.cost[0].ands, 64 * want[f].ands);
        assert_int_equal(c.cost[1].ands, 64 * want[f].ands);
        assert_int_equal(c.cost[0].bytes, 8 * want[f].ands + 64 * 24 * ((want[f].whole ? 3 : 2) * levels + 2 * m));
        const size_t triples = c.cost[1].bytes - 8 * want[f].ands -
                               64 * (24 * ((want[f].whole ? 9 : 5) * levels + 3 * m) + 18 * m) - 32 * want[f].openings;
        assert_int_equal(triples % 8, 0); /* whole words of triples: test_verify counts them */
        if (f == EXP) assert_int_equal(triples, 0);
        assert_int_equal(c.left, 0);
    }
}

/* ---- refusals and faults ----------------------------------------------------------------------------------------- */

static hg_status refusals(parties *p, hg_run *r, hg_err *err) {
    static const double up[] = { 0, 1, 1 + 0x1p-40 }, y[] = { 0, 1, NAN }, big[] = { 0, 2e9 }, steep[] = { 0, 0x1p28 };
    static const double near[] = { 0, 0x1p-32 };
    const call *c = p->user;
    hg_share x, narrow, z;
    HG_TRY(parties_share_doubles(&x, p, r, c->x, 2, HG_FRACTION, 2, err));
    HG_TRY(parties_share_doubles(&narrow, p, r, c->x, 2, HG_FRACTION, 1, err));
    const hg_chords none = { up, y, 0 }, same = { up, up, 3 }, nan = { up, y + 1, 2 }, wide = { big, up, 2 },
                    cliff = { near, steep, 2 }, good = { up, y, 2 };
    const bool refused = hg_reciprocal_log2(r, NULL, NULL, &x, err) == HG_EINVAL &&
                         hg_reciprocal_log2(r, &z, NULL, &narrow, err) == HG_EINVAL &&
                         hg_square_root(r, &z, &narrow, err) == HG_EINVAL &&
                         hg_exp_minus(r, &z, &narrow, err) == HG_EINVAL &&
                         hg_chords_apply(r, &z, &narrow, &good, 64, err) == HG_EINVAL &&
                         hg_chords_apply(r, &z, &x, &none, 64, err) == HG_EINVAL &&
                         hg_chords_apply(r, &z, &x, &same, 64, err) == HG_EINVAL &&
                         hg_chords_apply(r, &z, &x, &nan, 64, err) == HG_EINVAL &&
                         hg_chords_apply(r, &z, &x, &wide, 64, err) == HG_EINVAL &&
                         hg_chords_apply(r, &z, &x, &cliff, 64, err) == HG_EINVAL &&
                         hg_chords_apply(r, &z, &x, &good, 65, err) == HG_EINVAL &&
                         hg_chords_apply(r, &z, &x, &good, 31, err) == HG_EINVAL;
    return refused ? HG_OK : hg_fail(err, HG_EINVAL, "something was not refused");
}

static void refuses_what_it_cannot_compute(void **state) {
    (void)state;
    static call c = { .x = { 1, 2 } };
    parties *p = parties_new(HG_SEMI_HONEST, 1);
    assert_ok_err(parties_run(p, refusals, &c), p->err[0]);
    parties_free(p);
}

static hg_status apply_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    call *c = p->user;
    hg_share x, z, w;
    HG_TRY(parties_share_doubles(&x, p, r, c->x, 2, HG_FRACTION, 3, err));
    parties_arm(p, r);
    return apply(c, r, &z, &w, &x, err);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    static call c = { .x = { 1, 2 } };
    c.chords = root_chords();
    for (c.f = BOTH; c.f < FUNCTIONS; c.f++)
        parties_fail(apply_with_a_fault, &c, HG_SEMI_HONEST, HG_SEMI_HONEST, 8, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reciprocal_and_logarithm_hold_over_their_domain_and_saturate),
        TEST(the_square_root_holds_over_its_domain_and_saturates),
        TEST(the_exponential_holds_over_its_domain),
        TEST(chords_follow_the_plain_function_and_are_constant_outside),
        TEST(chords_by_hand),
        TEST(servers_give_the_plain_integers_at_awkward_sizes),
        TEST(a_thousand_numbers_of_two_limbs_and_in_place),
        TEST(costs_are_exact),
        TEST(refuses_what_it_cannot_compute),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
