/* tests/secret/test_tier1_noise.c -- differential privacy: noise that nobody knows, of the right size, the same in every mode */
#include "secret/tier1_noise.h"
#include "tier1_problem.h"

static problem private_problem(double epsilon, uint64_t seed) {
    problem p = problem_make(HG_ACQ_UCB, 40, 9, seed);
    p.model.fixed = true;
    p.model.epsilon = epsilon;
    p.model.length[0] = 0.3;
    p.model.noise[0] = 0.01;
    p.model.n_length = p.model.n_noise = p.model.sigma_levels = 1;
    p.model.sigma_low = 16;
    return p;
}

static void every_mode_and_doubles_choose_alike(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed < 7; seed++) {
        problem p = private_problem(seed % 2 ? 3 : 60, seed);
        size_t index[PROBLEM_BATCH];
        hg_cost cost[2];
        if (seed > 4) p.model.acquisition = HG_ACQ_THOMPSON;
        if (seed == 6) p.batch = 3;
        problem_tables(&p, NULL);
        parties *s = parties_check(problem_propose, &p, 20 + seed, cost);
        const double gap = problem_float(index, &p, parties_value(s, "noise"));
        assert_true(gap > 1e-6);
        for (size_t k = 0; k < p.batch; k++) assert_int_equal(problem_index(s, k), index[k]);
        if (p.batch == 1 && p.model.acquisition == HG_ACQ_UCB) /* noise 6 + 2; greatest of 31 left, 128 bits: 9 + 5 */
            assert_int_equal(cost[0].rounds, 8 + 14);
        parties_free(s);
        hg_t1_tables_free(p.tables);
    }
}

/* D is 16 max |W| of what can be proposed. */
static void the_digits_follow_the_sensitivity(void **state) {
    (void)state;
    problem p = private_problem(2, 3);
    problem_tables(&p, NULL);
    double most = 0;
    for (size_t j = 9; j < 40; j++)
        for (size_t r = 0; r < 9; r++) most = fmax(most, fabs(p.tables->weight[j * 9 + r] * 0x1p-24));
    hg_t1_digits d;
    hg_t1_noise_digits(&d, p.tables, p.excluded);
    const double grain = ldexp(1, (int)d.grain - 48), reach = 16 * most;
    assert_true(reach / grain >= 256 && reach / grain < 512);
    const double scale = 2 * (ceil(reach / grain) + 1) * grain / p.model.epsilon;
    for (size_t i = 0; i < d.n; i++)
        assert_close(ldexp((double)d.chance[i], -64), 1 / (1 + exp(ldexp(grain, (int)i) / scale)), 1e-12);
    assert_true(ldexp(grain, (int)d.n) >= 45 * scale);
    hg_t1_noise_digits(&d, p.tables, NULL); /* measured candidates have weights near one: more noise would be needed */
    assert_true(ldexp(1, (int)d.grain - 48) >= grain);
    hg_t1_tables_free(p.tables);
}

/* Exponential: mean and sd are the scale; P(noise > x) = exp(-x / scale). From random words. */
static void noise_is_exponential(void **state) {
    (void)state;
    problem p = private_problem(4, 5);
    problem_tables(&p, NULL);
    hg_t1_digits d;
    hg_t1_noise_digits(&d, p.tables, p.excluded);
    double sum = 0, squares = 0, scale = 0, noise[40];
    for (double x = 1; x < 1e9 && scale == 0; x *= 1.0001) /* the scale, in grains, from the lowest digit */
        if (1 / (1 + exp(1 / x)) >= ldexp((double)d.chance[0], -64)) scale = x;
    const size_t words = hg_t1_noise_bits(p.tables, 1) / 64, times = 500;
    uint64_t *bits = malloc(words * sizeof *bits);
    size_t above[4] = { 0 };
    hg_rng rng = hg_rng_make(5, 5);
    for (size_t i = 0; i < times; i++) {
        for (size_t k = 0; k < words; k++) bits[k] = hg_rng_u64(&rng);
        hg_t1_noise_plain(noise, p.tables, bits, 0, p.excluded);
        for (size_t j = 0; j < 40; j++) {
            const double x = noise[j] / ldexp(1, (int)d.grain - 48) / scale;
            sum += x;
            squares += x * x;
            for (size_t k = 0; k < 4; k++) above[k] += x > (double)k + 1;
        }
    }
    const double n = 40.0 * (double)times;
    assert_true(fabs(sum / n - 1) < 0.03 && fabs(squares / n - 2) < 0.15);
    for (size_t k = 0; k < 4; k++)
        assert_true(fabs((double)above[k] / n - exp(-1.0 - (double)k)) < 4 * sqrt(exp(-1.0 - (double)k) / n));
    free(bits);
    hg_t1_tables_free(p.tables);
}

/* What the definition promises, measured: two data sets that differ in one value by its whole range. No outcome's chance may
 * grow by more than e^epsilon. The plain run with noise of its own keys. */
static void one_value_moves_no_outcome_by_more_than_epsilon(void **state) {
    (void)state;
    enum { TIMES = 3000 };
    problem p = private_problem(1, 8);
    double count[2][40] = { { 0 } };
    problem_tables(&p, NULL);
    uint64_t *bits = malloc(hg_t1_noise_bits(p.tables, 1) / 8);
    hg_rng rng = hg_rng_make(8, 8);
    for (int side = 0; side < 2; side++) {
        p.y[4] = side ? 8 : -8;
        for (int i = 0; i < TIMES; i++) {
            size_t index;
            for (size_t k = 0; k < hg_t1_noise_bits(p.tables, 1) / 64; k++) bits[k] = hg_rng_u64(&rng);
            problem_float(&index, &p, bits);
            count[side][index] += 1;
        }
    }
    double moved = 0;
    for (size_t j = 0; j < 40; j++) {
        const double a = count[0][j], b = count[1][j];
        assert_true(a <= exp(1) * b + 5 * sqrt(exp(1) * b + 25) && b <= exp(1) * a + 5 * sqrt(exp(1) * a + 25));
        moved += fabs(a - b) / TIMES;
    }
    assert_true(moved > 0.1); /* and the value does matter: the test has something to see */
    free(bits);
    hg_t1_tables_free(p.tables);
}

static void what_is_missing_is_refused(void **state) {
    (void)state;
    problem p = private_problem(1, 9);
    problem_tables(&p, NULL);
    assert_int_equal(hg_t1_noise_bits(p.tables, 2), 2 * hg_t1_noise_bits(p.tables, 1));
    const hg_run_opts plain = { .mode = HG_PLAIN };
    hg_run *r;
    hg_err err;
    hg_share y;
    hg_bits index;
    uint64_t words[27] = { 0 };
    const uint64_t *const known[2] = { words, NULL };
    assert_ok(hg_run_new(&r, &plain, NULL));
    assert_ok(hg_share_input(&y, r, known, 9, 3, NULL));
    hg_t1_opts o = { .excluded = p.excluded };
    assert_ok(hg_bits_random(&o.noise, r, 64, NULL));
    assert_int_equal(hg_t1_propose(&index, r, p.tables, &y, &o, &err), HG_EINVAL);
    assert_contains(err.msg, "64 random bits for the noise");
    size_t by_float;
    double gap;
    assert_int_equal(hg_t1_float(&by_float, &gap, NULL, p.tables, p.y, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "the noise that the secret run had");
    hg_run_free(r);
    hg_t1_tables_free(p.tables);
    problem without = problem_make(HG_ACQ_UCB, 20, 5, 1);
    problem_tables(&without, NULL);
    assert_int_equal(hg_t1_noise_bits(without.tables, 1), 0);
    hg_t1_tables_free(without.tables);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_mode_and_doubles_choose_alike),
        TEST(the_digits_follow_the_sensitivity),
        TEST(noise_is_exponential),
        TEST(one_value_moves_no_outcome_by_more_than_epsilon),
        TEST(what_is_missing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
