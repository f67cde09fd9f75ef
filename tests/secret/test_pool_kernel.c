/* tests/secret/test_pool_kernel.c -- the kernel of secret features against the same mixture in doubles */
#include "parties.h"
#include "secret/pool_fixed.h"
#include "secret/pool_kernel.h"
#include "secret/function.h"
#include "secret/truncate.h"

enum { L = HG_POOL_LIMBS, PAIRS = 40, MOST = 6 };

typedef struct {
    hg_mixture mixture;
    size_t n, d;
    double left[PAIRS * MOST], right[PAIRS * MOST];
} pairs_of;

static hg_status kernel(parties *p, hg_run *r, hg_err *err) {
    const pairs_of *a = p->user;
    hg_share left, right, k;
    HG_TRY(parties_share_doubles(&left, p, r, a->left, a->n * a->d, HG_FRACTION, L, err));
    HG_TRY(parties_share_doubles(&right, p, r, a->right, a->n * a->d, HG_FRACTION, L, err));
    HG_TRY(hg_pool_kernel(&k, r, &a->mixture, &left, &right, a->n, a->d, err));
    return parties_out(p, r, "kernel", &k, err);
}

/* Pairs at all distances: the same point, corners of the box, points close to each other. */
static pairs_of make_pairs(bool matern, const double *length, size_t lengths, size_t d) {
    static pairs_of a;
    memset(&a, 0, sizeof a);
    a.n = PAIRS;
    a.d = d;
    hg_secret_model m;
    hg_secret_model_default(&m);
    m.matern = matern;
    m.n_length = lengths;
    m.n_noise = 1;
    for (size_t i = 0; i < lengths; i++) m.length[i] = length[i];
    assert_ok(hg_mixture_make(&a.mixture, &m, d, NULL));
    hg_rng rng = hg_rng_make(d, 1);
    for (size_t i = 0; i < PAIRS * d; i++) {
        a.left[i] = ldexp(floor(ldexp(hg_rng_uniform(&rng), 32)), -32);
        const double far = pow(10, -(double)(i / d) / 5);
        a.right[i] = ldexp(floor(ldexp(fmin(1, a.left[i] + far * hg_rng_uniform(&rng)), 32)), -32);
    }
    for (size_t j = 0; j < d; j++) {
        a.left[j] = a.right[j];                /* the same */
        a.left[d + j] = 0, a.right[d + j] = 1; /* as far as can be */
    }
    return a;
}

static double distance(const pairs_of *a, size_t i) {
    double u = 0;
    for (size_t j = 0; j < a->d; j++) u += pow(a->left[i * a->d + j] - a->right[i * a->d + j], 2);
    return u;
}

static void compare(pairs_of *a, size_t rounds, size_t rounds_malicious) {
    hg_cost cost[2];
    parties *p = parties_check(kernel, a, 5, cost);
    const double bound = hg_pool_kernel_error(&a->mixture);
    double worst = 0;
    for (size_t l = 0; l < a->mixture.lengths; l++)
        for (size_t i = 0; i < a->n; i++)
            worst = fmax(worst, fabs(parties_double(p, "kernel", l * a->n + i, HG_POOL_FRACTION) -
                                     hg_mixture_value(&a->mixture, l, distance(a, i))));
    parties_free(p);
    assert_true(worst < bound);
    assert_true(bound < 1e-8);
    assert_int_equal(cost[0].rounds, rounds);
    assert_int_equal(cost[1].rounds, rounds_malicious);
    assert_int_equal(cost[0].ands, 0);
    assert_int_equal(cost[1].ands, 0);
}

/* Rounds: 1 for distances, 4 for powers, 1 to start the chains, squarings, 1 for the lengths. Malicious: two for the inputs' MACs;
 * a product 1, its check 3, the opening 1. */
static void matern_of_several_lengths(void **state) {
    (void)state;
    static const double LENGTH[] = { 0.15, 0.5, 2 };
    for (size_t d = 1; d <= MOST; d += d == 1 ? 1 : 4) {
        pairs_of a = make_pairs(true, LENGTH, 3, d);
        const size_t squarings = a.mixture.chain[0].squarings > a.mixture.chain[1].squarings
                                     ? a.mixture.chain[0].squarings
                                     : a.mixture.chain[1].squarings;
        compare(&a, 7 + squarings, 2 + 5 * (5 + squarings) + 4 + 4);
    }
}

static void squared_exponential_of_several_lengths(void **state) {
    (void)state;
    static const double LENGTH[] = { 0.1, 0.4, 3 };
    pairs_of a = make_pairs(false, LENGTH, 3, 3);
    assert_int_equal(a.mixture.chain[0].squarings, 8);
    compare(&a, 7 + 8, 2 + 5 * (5 + 8) + 4 + 4);
    pairs_of b = make_pairs(false, LENGTH + 2, 1, 3); /* no chain at all */
    assert_int_equal(b.mixture.chains, 0);
    compare(&b, 6, 2 + 5 * 5 + 4);
}

/* A row of the kernel must not depend on which pair stands beside it. */
static void pairs_are_independent(void **state) {
    (void)state;
    static const double LENGTH[] = { 0.3 };
    pairs_of a = make_pairs(true, LENGTH, 1, 2), b = a;
    b.n = 1;
    memcpy(b.left, a.left + 2 * 9, 2 * sizeof *b.left);
    memcpy(b.right, a.right + 2 * 9, 2 * sizeof *b.right);
    parties *p = parties_check(kernel, &a, 5, NULL), *q = parties_check(kernel, &b, 5, NULL);
    assert_close(parties_double(p, "kernel", 9, 40), parties_double(q, "kernel", 0, 40), 1e-10);
    parties_free(p);
    parties_free(q);
}

static hg_status kernel_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    parties_arm(p, r);
    return kernel(p, r, err);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    static const double LENGTH[] = { 0.7 };
    pairs_of a = make_pairs(true, LENGTH, 1, 1);
    a.n = 1;
    parties_fail(kernel_with_a_fault, &a, HG_PLAIN, HG_PLAIN, 8, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(matern_of_several_lengths),
        TEST(squared_exponential_of_several_lengths),
        TEST(pairs_are_independent),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
