/* tests/bayes/test_pareto.c -- fronts, boxes, and the expected hypervolume improvement against a Monte-Carlo oracle */
#include "bayes/pareto.h"
#include "num/special.h"
#include "test.h"

static void front_keeps_the_first_of_equals_and_drops_the_dominated(void **state) {
    (void)state;
    const double y[] = { 1, 5, 2, 4, 2, 3, 2, 4, 3, 1, 0, 5 };
    size_t front[6];
    assert_int_equal(hg_pareto_front(front, y, 6, 2), 3);
    assert_int_equal(front[0], 0);
    assert_int_equal(front[1], 1);
    assert_int_equal(front[2], 4);
}

/* Front (1,2), (2,1) above (0,0): the point (3,3) adds 9 - 3 = 6, (1.5,1.5) adds 0.25, (0.5,2.5) adds 0.25. */
static void gain_matches_the_areas_on_paper(void **state) {
    const double y[] = { 1, 2, 2, 1 }, ref[] = { 0, 0 };
    hg_boxes b;
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok(hg_boxes_make(&b, y, 2, 2, ref, *state, NULL));
    assert_int_equal(b.n, 3);
    assert_close(hg_boxes_gain(&b, (double[]) { 3, 3 }), 6, 1e-15);
    assert_close(hg_boxes_gain(&b, (double[]) { 1.5, 1.5 }), 0.25, 1e-15);
    assert_close(hg_boxes_gain(&b, (double[]) { 0.5, 2.5 }), 0.25, 1e-15);
    assert_close(hg_boxes_gain(&b, (double[]) { 1, 2 }), 0, 1e-15);
    assert_close(exp(hg_boxes_log_ehvi(&b, (double[]) { 3, 3 }, (double[]) { 0, 0 })), 6, 1e-14);
    hg_arena_reset(*state, mark);
}

/* One objective: EHVI is EI, (mean - best) cdf + sd pdf, and the probability is the tail. */
static void one_objective_is_expected_improvement(void **state) {
    const double y[] = { 0.3, 1.2, -4 }, ref[] = { -HUGE_VAL };
    const hg_mark mark = hg_arena_mark(*state);
    hg_boxes b;
    assert_ok(hg_boxes_make(&b, y, 3, 1, ref, *state, NULL));
    assert_int_equal(b.n, 1);
    const double mean = 0.9, sd = 0.5, z = (mean - 1.2) / sd;
    assert_close(exp(hg_boxes_log_ehvi(&b, &mean, &sd)), (mean - 1.2) * hg_normal_cdf(z) + sd * hg_normal_pdf(z),
                 1e-14);
    assert_close(hg_boxes_probability(&b, &mean, &sd), hg_normal_cdf(z), 1e-14);
    const double far = -200;
    assert_true(isfinite(hg_boxes_log_ehvi(&b, &far, &sd))); /* -8e4, where EI itself is 0 */
    hg_arena_reset(*state, mark);
}

/* Hypervolume by inclusion and exclusion over all subsets: no boxes. */
static double hypervolume(const double *y, size_t n, size_t m, const double *ref) {
    double sum = 0;
    for (size_t set = 1; set < (size_t)1 << n; set++) {
        double volume = 1, sign = -1;
        for (size_t i = 0; i < n; i++)
            if (set >> i & 1) sign = -sign;
        for (size_t j = 0; j < m; j++) {
            double low = HUGE_VAL;
            for (size_t i = 0; i < n; i++)
                if (set >> i & 1) low = fmin(low, y[i * m + j]);
            volume *= fmax(0, low - ref[j]);
        }
        sum += sign * volume;
    }
    return sum;
}

static void boxes_agree_with_inclusion_and_exclusion(void **state) {
    hg_rng r = hg_rng_make(7, 0);
    for (size_t m = 2; m <= 3; m++)
        for (size_t n = 0; n <= 8; n++)
            for (int repeat = 0; repeat < 5; repeat++) {
                double y[9 * 3];
                const double ref[] = { -0.2, 0.1, 0.05 };
                for (size_t i = 0; i < (n + 1) * m; i++) /* a coarse grid: ties happen */
                    y[i] = repeat % 2 ? hg_rng_uniform(&r) : (double)hg_rng_below(&r, 5) / 4;
                const hg_mark mark = hg_arena_mark(*state);
                hg_boxes b;
                assert_ok(hg_boxes_make(&b, y, n, m, ref, *state, NULL));
                assert_true(b.n <= 2 * n + 1);
                assert_close(hg_boxes_gain(&b, y + n * m), hypervolume(y, n + 1, m, ref) - hypervolume(y, n, m, ref),
                             1e-12);
                hg_arena_reset(*state, mark);
            }
}

/* 2 * 10^5 draws: the mean gain and the share that gains, each within five standard errors of the closed forms. */
static void closed_forms_agree_with_monte_carlo(void **state) {
    enum { DRAWS = 200000 };
    for (size_t m = 2; m <= 3; m++) {
        hg_rng r = hg_rng_make(11, m);
        double y[7 * 3];
        for (size_t i = 0; i < 7 * m; i++) y[i] = hg_rng_uniform(&r);
        const double ref[] = { 0.05, 0.1, -0.1 }, none[] = { -HUGE_VAL, -HUGE_VAL, -HUGE_VAL };
        const double mean[] = { 0.7, 0.9, 0.6 }, sd[] = { 0.3, 0.2, 0.4 };
        const hg_mark mark = hg_arena_mark(*state);
        hg_boxes b, u;
        assert_ok(hg_boxes_make(&b, y, 7, m, ref, *state, NULL));
        assert_ok(hg_boxes_make(&u, y, 7, m, none, *state, NULL));
        double sum = 0, sum2 = 0, hits = 0;
        for (size_t k = 0; k < DRAWS; k++) {
            double draw[3];
            for (size_t j = 0; j < m; j++) draw[j] = mean[j] + sd[j] * hg_rng_normal(&r);
            const double gain = hg_boxes_gain(&b, draw);
            sum += gain;
            sum2 += gain * gain;
            bool beaten = false;
            for (size_t i = 0; i < 7; i++) {
                bool all = true;
                for (size_t j = 0; j < m; j++) all = all && y[i * m + j] >= draw[j];
                beaten = beaten || all;
            }
            hits += !beaten;
        }
        const double expected = exp(hg_boxes_log_ehvi(&b, mean, sd)), p = hg_boxes_probability(&u, mean, sd);
        assert_true(fabs(sum / DRAWS - expected) < 5 * sqrt(sum2 / DRAWS / DRAWS));
        assert_true(fabs(hits / DRAWS - p) < 5 * sqrt(p * (1 - p) / DRAWS));
        hg_arena_reset(*state, mark);
    }
}

static void order_of_points_objectives_and_units_do_not_matter(void **state) {
    const double y[] = { 1, 5, 2, 2, 4, 1, 3, 1, 3 }, ref[] = { 0, -1, 0.5 }, mean[] = { 2, 3, 2 },
                 sd[] = { 1, 2, 0.5 };
    const double y2[] = { 30, 3, 10, 10, 2, 40, 20, 1, 50 }; /* rows reversed, objectives (2,0,1), first in tenths */
    const double ref2[] = { 5, 0, -10 }, mean2[] = { 20, 2, 30 }, sd2[] = { 5, 1, 20 };
    const hg_mark mark = hg_arena_mark(*state);
    hg_boxes a, b;
    assert_ok(hg_boxes_make(&a, y, 3, 3, ref, *state, NULL));
    assert_ok(hg_boxes_make(&b, y2, 3, 3, ref2, *state, NULL));
    assert_close(hg_boxes_log_ehvi(&a, mean, sd) + log(100), hg_boxes_log_ehvi(&b, mean2, sd2), 1e-13);
    hg_arena_reset(*state, mark);
}

/* Far below the front the expectation underflows and its log must not; far above it must not lose its digits. */
static void tails_stay_finite(void **state) {
    const double y[] = { 1, 2, 2, 1 }, ref[] = { 0, 0 }, sd[] = { 1e-3, 1e-3 };
    const hg_mark mark = hg_arena_mark(*state);
    hg_boxes b;
    assert_ok(hg_boxes_make(&b, y, 2, 2, ref, *state, NULL));
    const double low = hg_boxes_log_ehvi(&b, (double[]) { 0.5, 0.5 }, sd),
                 lower = hg_boxes_log_ehvi(&b, (double[]) { 0.4, 0.4 }, sd);
    assert_true(isfinite(low) && isfinite(lower) && low > lower && low < -1e4);
    assert_close(exp(hg_boxes_log_ehvi(&b, (double[]) { 1e6, 1e6 }, sd)), 1e12 - 3, 1e-12);
    hg_arena_reset(*state, mark);
}

static void reference_lies_a_tenth_of_the_range_below_the_front(void **state) {
    (void)state;
    const double y[] = { 1, 5, 2, 4, 0, 0 };
    double ref[2];
    size_t work[3];
    hg_reference_point(ref, y, 3, 2, work);
    assert_close(ref[0], 1 - 0.2, 1e-15);
    assert_close(ref[1], 4 - 0.5, 1e-15);
}

static void refuses_and_survives_any_allocation_failure(void **state) {
    const double y[] = { 1, 2, 2, 1 }, ref[] = { 0, 0 };
    hg_boxes b;
    hg_err err;
    const hg_mark mark = hg_arena_mark(*state);
    assert_int_equal(hg_boxes_make(&b, y, 1, 4, ref, *state, &err), HG_EINVAL);
    assert_contains(err.msg, "4 objectives");
    for (long k = 0;; k++) {
        hg_arena *arena = hg_arena_new();
        fail_alloc_after(k);
        const hg_status st = hg_boxes_make(&b, y, 2, 2, ref, arena, NULL);
        fail_alloc_after(-1);
        hg_arena_free(arena);
        if (st == HG_OK) {
            assert_true(k > 0);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    hg_arena_reset(*state, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(front_keeps_the_first_of_equals_and_drops_the_dominated),
        TEST(gain_matches_the_areas_on_paper),
        TEST(one_objective_is_expected_improvement),
        TEST(boxes_agree_with_inclusion_and_exclusion),
        TEST(closed_forms_agree_with_monte_carlo),
        TEST(order_of_points_objectives_and_units_do_not_matter),
        TEST(tails_stay_finite),
        TEST(reference_lies_a_tenth_of_the_range_below_the_front),
        TEST(refuses_and_survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
