/* tests/bayes/test_acquire.c -- every acquisition function by hand, q-EI against brute force, weights */
#include "bayes/acquire.h"
#include "num/special.h"
#include "test.h"

/* State for one objective with incumbent `best`, in the arena. */
static hg_acq_state one(double best, hg_boxes *boxes, const double *scale, double kappa, hg_arena *a) {
    const double none = -HUGE_VAL;
    assert_ok(hg_boxes_make(boxes, &best, 1, 1, &none, a, NULL));
    return (hg_acq_state) { .boxes = boxes, .unbound = boxes, .scale = scale, .kappa = kappa };
}

static double score(hg_acquisition a, const hg_acq_state *s, double mean, double sd, double sample) {
    const hg_acq_point p = { .mean = &mean, .sd = &sd, .sample = &sample, .uniform = 0.25 };
    return hg_acquisition_at(a)->score(s, &p);
}

/* mean = best: EI = sd / sqrt(2 pi), PI = 1/2. */
static void values_on_paper(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    const double scale = 4;
    hg_boxes boxes;
    const hg_acq_state s = one(3, &boxes, &scale, 2, *state);
    assert_close(exp(score(HG_ACQ_EI, &s, 3, 2, 0)), 2 / sqrt(2 * acos(-1.0)), 1e-14);
    assert_close(exp(score(HG_ACQ_PI, &s, 3, 2, 0)), 0.5, 1e-14);
    assert_close(exp(score(HG_ACQ_PI, &s, 1, 2, 0)), 0.15865525393145707, 1e-14);
    assert_close(score(HG_ACQ_UCB, &s, 2.5, 2, 0), 2.5 + 2 * 2 - 3, 1e-14);
    assert_close(score(HG_ACQ_THOMPSON, &s, 0, 2, 3.5), 0.5, 1e-14);
    assert_close(exp(score(HG_ACQ_UNCERTAINTY, &s, 0, 2, 0)), 0.5, 1e-14);
    assert_close(score(HG_ACQ_RANDOM, &s, 0, 2, 0), 0.25, 0);
    assert_true(isfinite(score(HG_ACQ_EI, &s, -1e5, 1, 0)) && isfinite(score(HG_ACQ_PI, &s, -1e5, 1, 0)));
    hg_arena_reset(*state, mark);
}

/* Two objectives: the optimistic point decides for UCB; below the front it is negative, nearer is better. */
static void ucb_of_two_objectives_is_the_gain_of_the_optimistic_point(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    const double y[] = { 1, 2, 2, 1 }, ref[] = { 0, 0 }, none[] = { -HUGE_VAL, -HUGE_VAL }, scale[] = { 1, 1 };
    hg_boxes b, u;
    assert_ok(hg_boxes_make(&b, y, 2, 2, ref, *state, NULL));
    assert_ok(hg_boxes_make(&u, y, 2, 2, none, *state, NULL));
    const hg_acq_state s = { .boxes = &b, .unbound = &u, .scale = scale, .kappa = 2 };
    const double sd[] = { 0.5, 0.25 };
    double (*ucb)(const hg_acq_state *, const hg_acq_point *) = hg_acquisition_at(HG_ACQ_UCB)->score;
    assert_close(ucb(&s, &(hg_acq_point) { .mean = (double[]) { 2, 2.5 }, .sd = sd }), 6, 1e-14); /* at (3,3) */
    const double near = ucb(&s, &(hg_acq_point) { .mean = (double[]) { -0.1, 0.4 }, .sd = sd }),
                 far = ucb(&s, &(hg_acq_point) { .mean = (double[]) { -0.5, 0 }, .sd = sd });
    assert_close(near, -0.1, 1e-14); /* (0.9, 0.9): 0.1 short of (1, 1) */
    assert_true(far < near);
    hg_arena_reset(*state, mark);
}

/* y -> 10 y + 5 moves log EI by log 10 and UCB by a factor 10, so that the ranking stays. */
static void units_of_y_do_not_change_the_ranking(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    const double sa = 1, sb = 10;
    hg_boxes ba, bb;
    const hg_acq_state a = one(3, &ba, &sa, 2, *state), b = one(35, &bb, &sb, 2, *state);
    assert_close(score(HG_ACQ_EI, &a, 2.2, 0.4, 0) + log(10), score(HG_ACQ_EI, &b, 27, 4, 0), 1e-12);
    assert_close(score(HG_ACQ_PI, &a, 2.2, 0.4, 0), score(HG_ACQ_PI, &b, 27, 4, 0), 1e-12);
    assert_close(score(HG_ACQ_UCB, &a, 2.2, 0.4, 0) * 10, score(HG_ACQ_UCB, &b, 27, 4, 0), 1e-12);
    assert_close(score(HG_ACQ_UNCERTAINTY, &a, 2.2, 0.4, 0), score(HG_ACQ_UNCERTAINTY, &b, 27, 4, 0), 1e-12);
    hg_arena_reset(*state, mark);
}

static void cheap_and_feasible_ranks_higher_for_gains_and_losses(void **state) {
    (void)state;
    for (hg_score_kind kind = HG_SCORE_LOG; kind <= HG_SCORE_GAIN; kind++)
        for (double v = -2; v <= 2; v += 4) {
            const double plain = hg_acquisition_weigh(kind, v, 1, 1);
            assert_close(plain, v, 1e-15);
            assert_true(hg_acquisition_weigh(kind, v, 1, 0.5) > plain);
            assert_true(hg_acquisition_weigh(kind, v, 0.5, 1) < plain);
        }
    assert_close(hg_acquisition_weigh(HG_SCORE_LOG, log(3), 0.5, 4), log(3.0 / 8), 1e-15);
    assert_close(hg_acquisition_weigh(HG_SCORE_GAIN, 3, 0.5, 4), 3.0 / 8, 1e-15);
}

/* Two perfectly correlated candidates and one independent: the second pick must be the independent one. */
static void qei_does_not_pick_the_same_thing_twice(void **state) {
    enum { S = 20000 };
    hg_arena *a = *state;
    const hg_mark mark = hg_arena_mark(a);
    double *f = hg_alloc(a, S * 3, sizeof *f), *floor = hg_alloc(a, S, sizeof *floor);
    hg_rng r = hg_rng_make(3, 0);
    for (size_t i = 0; i < S; i++) {
        f[i * 3] = hg_rng_normal(&r);
        f[i * 3 + 1] = f[i * 3];
        f[i * 3 + 2] = 0.9 * hg_rng_normal(&r);
    }
    size_t pick[3];
    double value[3];
    hg_qei_greedy(pick, value, 3, f, S, 3, NULL, floor);
    assert_int_equal(pick[0], 0);
    assert_int_equal(pick[1], 2);
    assert_int_equal(pick[2], 1);
    assert_close(value[0], 1 / sqrt(2 * acos(-1.0)), 0.02); /* EI at mean = best, sd 1 */
    /* E max(a, b, 0) of independent N(0,1), N(0,0.81): (1 + 0.9 + sqrt(1.81)) / (2 sqrt(2 pi)) :
     * half the sum of the expected pairwise maxima of three zero-mean normals, sd of difference / sqrt(2 pi) each */
    assert_close(value[0] + value[1], (1 + 0.9 + sqrt(1.81)) / (2 * sqrt(2 * acos(-1.0))), 0.02);
    assert_close(value[2], 0, 1e-15);
    const double none[] = { 0, 1, 1 }; /* the first is not feasible */
    memset(floor, 0, S * sizeof *floor);
    hg_qei_greedy(pick, value, 2, f, S, 3, none, floor);
    assert_int_equal(pick[0], 1);
    hg_arena_reset(a, mark);
}

static void names_are_found_and_mistakes_advised(void **state) {
    (void)state;
    hg_acquisition a;
    hg_err err;
    for (hg_acquisition i = HG_ACQ_AUTO; hg_acquisition_name(i); i++) {
        assert_ok(hg_acquisition_find(&a, hg_acquisition_name(i), NULL));
        assert_int_equal(a, i);
    }
    assert_ok(hg_acquisition_find(&a, "Thompson", NULL));
    assert_int_equal(a, HG_ACQ_THOMPSON);
    assert_null(hg_acquisition_at(HG_ACQ_AUTO));
    assert_int_equal(hg_acquisition_find(&a, "ecb", &err), HG_ENOTFOUND);
    assert_contains(err.hint, "did you mean");
    assert_contains(err.hint, "ucb");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(values_on_paper),
        TEST(ucb_of_two_objectives_is_the_gain_of_the_optimistic_point),
        TEST(units_of_y_do_not_change_the_ranking),
        TEST(cheap_and_feasible_ranks_higher_for_gains_and_losses),
        TEST(qei_does_not_pick_the_same_thing_twice),
        TEST(names_are_found_and_mistakes_advised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
