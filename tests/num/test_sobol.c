/* tests/num/test_sobol.c -- the sequence by hand, the net property of every dimension, better than random */
#include "num/sobol.h"
#include "test.h"

/* The first points as printed in Joe & Kuo's notes: 0; 1/2 ...; (3/4, 1/4, 1/4); (1/4, 3/4, 3/4); (3/8, 3/8, 5/8). */
static void first_points_are_the_published_ones(void **state) {
    (void)state;
    hg_sobol s;
    hg_sobol_init(&s, 3, 0);
    /* in plain (not Gray code) order: index 2 and 3 are (1/4, 3/4, 3/4) and (3/4, 1/4, 1/4) */
    const double expected[5][3] = {
        { 0, 0, 0 }, { 0.5, 0.5, 0.5 }, { 0.25, 0.75, 0.75 }, { 0.75, 0.25, 0.25 }, { 0.125, 0.625, 0.375 }
    };
    for (uint32_t i = 0; i < 5; i++) {
        double u[3];
        hg_sobol_point(&s, i, u);
        for (int j = 0; j < 3; j++) assert_close(u[j], expected[i][j], 0);
    }
}

/* Any first 2^k points have exactly one in each interval of length 2^-k, in every dimension, scrambled or not. */
static void every_dimension_is_stratified(void **state) {
    (void)state;
    static hg_sobol s;
    for (uint64_t seed = 0; seed < 3; seed++) {
        hg_sobol_init(&s, HG_SOBOL_DIMS, seed);
        static bool seen[HG_SOBOL_DIMS][256];
        memset(seen, 0, sizeof seen);
        for (uint32_t i = 0; i < 256; i++) {
            double u[HG_SOBOL_DIMS];
            hg_sobol_point(&s, i, u);
            for (size_t j = 0; j < HG_SOBOL_DIMS; j++) {
                assert_true(u[j] >= 0 && u[j] < 1);
                seen[j][(size_t)(u[j] * 256)] = true;
            }
        }
        for (size_t j = 0; j < HG_SOBOL_DIMS; j++)
            for (size_t i = 0; i < 256; i++) assert_true(seen[j][i]);
    }
}

/* Pairs of dimensions: the integral of a product is far closer than the 1/sqrt(n) of random numbers. */
static void pairs_integrate_better_than_random(void **state) {
    (void)state;
    static hg_sobol s;
    hg_sobol_init(&s, HG_SOBOL_DIMS, 5);
    static double sum[HG_SOBOL_DIMS];
    enum { N = 4096 };
    for (uint32_t i = 0; i < N; i++) {
        double u[HG_SOBOL_DIMS];
        hg_sobol_point(&s, i, u);
        for (size_t j = 1; j < HG_SOBOL_DIMS; j++) sum[j] += (u[j - 1] - 0.5) * (u[j] - 0.5);
    }
    double worst = 0; /* random: sd 1/12/sqrt(4096) = 1.3e-3 */
    for (size_t j = 1; j < HG_SOBOL_DIMS; j++) worst = fmax(worst, fabs(sum[j] / N));
    assert_true(worst < 6e-4);
}

static void seeds_differ_and_repeat(void **state) {
    (void)state;
    hg_sobol a, b, c;
    double ua[2], ub[2], uc[2];
    hg_sobol_init(&a, 2, 1);
    hg_sobol_init(&b, 2, 1);
    hg_sobol_init(&c, 2, 2);
    hg_sobol_point(&a, 77, ua);
    hg_sobol_point(&b, 77, ub);
    hg_sobol_point(&c, 77, uc);
    assert_true(ua[0] == ub[0] && ua[1] == ub[1] && ua[0] != uc[0]);
}

/* The digital shift: whatever its index, a point of a random seed lies anywhere. */
static void each_point_is_uniform_over_the_seeds(void **state) {
    (void)state;
    enum { SEEDS = 800, BINS = 8 };
    for (uint32_t index = 0; index < 3; index++) {
        size_t count[2][BINS] = { { 0 } };
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            hg_sobol s;
            double u[2];
            hg_sobol_init(&s, 2, seed);
            hg_sobol_point(&s, index, u);
            for (size_t j = 0; j < 2; j++) count[j][(size_t)(u[j] * BINS)]++;
        }
        for (size_t j = 0; j < 2; j++)
            for (size_t k = 0; k < BINS; k++) assert_in_range(count[j][k], 53, 147); /* 100, five sds of 9.4 */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(first_points_are_the_published_ones),  TEST(every_dimension_is_stratified),
        TEST(pairs_integrate_better_than_random),   TEST(seeds_differ_and_repeat),
        TEST(each_point_is_uniform_over_the_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
