/* tests/matter/test_snapshot.c -- a configuration of a liquid: what is refused and how it is named, through the walls too */
#include "hagane/snapshot.h"
#include "core/memory.h"
#include "matter/snapshot.h"
#include "test.h"

/* A simple cubic lattice of side^3 particles one unit apart, every fifth of species B. */
static hg_snapshot *lattice(hg_arena *mem, size_t side) {
    hg_snapshot *s = hg_snapshot_new(mem, side * side * side);
    assert_non_null(s);
    for (size_t i = 0; i < s->n; i++) {
        s->species[i] = i % 5 == 4;
        s->x[3 * i] = (double)(i % side);
        s->x[3 * i + 1] = (double)(i / side % side);
        s->x[3 * i + 2] = (double)(i / side / side);
    }
    for (size_t k = 0; k < 3; k++) s->box[k] = (double)side;
    return s;
}

/* Two times, one pair, all of it sound. */
static void label(hg_arena *mem, hg_snapshot *s) {
    s->runs = 4;
    s->n_times = 2;
    s->n_pairs = 1;
    s->time = hg_alloc(mem, 2, sizeof *s->time);
    s->propensity = hg_alloc(mem, 2 * s->n, sizeof *s->propensity);
    s->pair = hg_alloc(mem, 2, sizeof *s->pair);
    s->stretch = hg_alloc(mem, 2, sizeof *s->stretch);
    s->time[0] = 0.5;
    s->time[1] = 2;
    s->pair[1] = 1;
    s->stretch[0] = -0.25f;
}

static void refused(const hg_snapshot *s, double nearest, double cutoff, hg_status st, const char *msg) {
    hg_err err = { 0 };
    assert_int_equal(hg_snapshot_check(s, nearest, cutoff, &err), st);
    assert_string_equal(err.msg, msg);
}

static void a_new_snapshot_knows_nothing(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_snapshot *s = hg_snapshot_new(mem, 7);
    assert_int_equal(s->n, 7);
    assert_true(isnan(s->temperature));
    assert_true(s->liquid == -1 && s->runs == 0 && s->n_times == 0 && s->n_pairs == 0);
    assert_true(!s->inherent && !s->cage && !s->propensity && !s->stretch);
    assert_string_equal(s->id, "");
    assert_string_equal(s->split, "");
    assert_null(hg_snapshot_new(mem, 0));
    hg_arena_reset(mem, mark);
}

static void distances_go_through_the_walls(void **state) {
    (void)state;
    assert_close(hg_nearest_image(9, 10), -1, 1e-15);
    assert_close(hg_nearest_image(-9.5, 10), 0.5, 1e-15);
    assert_close(hg_nearest_image(23, 10), 3, 1e-15);
    assert_close(hg_wrapped(-0.5, 10), 9.5, 1e-15);
    assert_close(hg_wrapped(31, 10), 1, 1e-15);
    assert_true(hg_wrapped(-1e-300, 10) == 0); /* 10 is outside */
    assert_true(hg_wrapped(10, 10) == 0);
}

static void what_cannot_be_computed_with_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_snapshot *s = lattice(mem, 6);
    hg_err err;
    assert_ok_err(hg_snapshot_check(s, 1, 3, &err), err); /* "closer than" means it */
    refused(s, 1, 3.01, HG_EDATA, "the box is 6 wide along x, less than twice the cut-off 3.01");
    refused(s, 1.01, 0, HG_EDATA, "particle 2 (A) lies 1 from particle 1 (A), closer than 1.01");
    s->id = "s7";
    s->x[3 * 215] = 0.25; /* the corner: 5, 5, 5; now it sits beside 0, 5, 5, which is number 210 + 1 */
    refused(s, 0.5, 2, HG_EDATA, "s7: particle 216 (A) lies 0.25 from particle 211 (A), closer than 0.5");
    s->x[3 * 215] = 5.875; /* and through the wall */
    refused(s, 0.5, 2, HG_EDATA, "s7: particle 216 (A) lies 0.125 from particle 211 (A), closer than 0.5");
    assert_ok(hg_snapshot_check(s, 0, 2, NULL)); /* not looked at */
    s->x[3 * 215] = 6;
    refused(s, 0, 0, HG_EDATA, "s7: the x coordinate of particle 216 (A) is 6, outside of the box 0..6");
    s->x[3 * 215] = -0.5;
    refused(s, 0, 0, HG_EDATA, "s7: the x coordinate of particle 216 (A) is -0.5, outside of the box 0..6");
    s->x[3 * 215] = (double)NAN;
    refused(s, 0, 0, HG_ENAN, "s7: the x coordinate of particle 216 (A) is not a finite number");
    s->x[3 * 215] = 5;
    s->species[9] = HG_SPECIES_MOST;
    refused(s, 0, 0, HG_EDATA, "s7: particle 10 is of species 4, expected 0..3");
    s->species[9] = 0;
    s->box[2] = 0;
    refused(s, 0, 0, HG_EINVAL, "s7: a side of the box is not positive");
    s->box[2] = (double)INFINITY;
    refused(s, 0, 0, HG_ENAN, "s7: a side of the box is not a finite number");
    s->box[2] = 2e6;
    refused(s, 0, 0, HG_EDATA, "s7: a side of the box is longer than 10^6");
    s->box[2] = 6;
    s->temperature = -1;
    refused(s, 0, 0, HG_EINVAL, "s7: the temperature must be above 0, or unknown");
    s->temperature = 0.44;
    refused(s, -1, 0, HG_EINVAL, "nearest and cut-off must be in 0..10^6");
    refused(s, 0, (double)NAN, HG_EINVAL, "nearest and cut-off must be in 0..10^6");
    s->inherent = hg_alloc(mem, s->n, 3 * sizeof(double));
    s->inherent[7] = (double)NAN;
    refused(s, 0, 0, HG_ENAN, "s7: the displacement to the inherent structure of particle 3 is not a finite number");
    s->inherent[7] = 0;
    assert_ok(hg_snapshot_check(s, 0.5, 2.5, NULL));
    size_t which;
    s->inherent[3] = -0.75; /* particle 2 from 1, 0, 0 */
    refused(s, 0.5, 0, HG_EDATA,
            "s7: in the inherent structure particle 2 (A) lies 0.25 from particle 1 (A), closer than 0.5");
    assert_int_equal(hg_snapshot_check_which(&which, s, 0.5, 0, NULL), HG_EDATA);
    assert_int_equal(which, 1);
    s->inherent[3] = 0;
    s->cage = hg_alloc(mem, s->n, 3 * sizeof(double));
    s->cage[0] = -0.75; /* through the wall: on 5.25, 0, 0 */
    refused(s, 0.5, 0, HG_EDATA, "s7: in the cage state particle 6 (A) lies 0.25 from particle 1 (A), closer than 0.5");
    s->cage[0] = 0;
    assert_ok(hg_snapshot_check_which(&which, s, 0.5, 2.5, NULL));
    assert_true(which == SIZE_MAX);
    s->n = 0;
    refused(s, 0, 0, HG_EINVAL, "s7: a snapshot without particles");
    hg_arena_reset(mem, mark);
}

static void labels_are_looked_at_too(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_snapshot *s = lattice(mem, 3);
    label(mem, s);
    assert_ok(hg_snapshot_check(s, 0.5, 1, NULL));
    s->propensity[s->n + 3] = -1;
    refused(s, 0, 0, HG_EDATA, "the propensity of particle 4 at time 2 is -1, expected a number not below 0");
    s->propensity[s->n + 3] = NAN;
    refused(s, 0, 0, HG_ENAN, "the propensity of particle 4 at time 2 is nan, expected a number not below 0");
    s->propensity[s->n + 3] = 0;
    s->stretch[1] = INFINITY;
    refused(s, 0, 0, HG_ENAN, "the stretch of pair 1 at time 2 is inf, expected a finite number");
    s->stretch[1] = 0;
    s->time[1] = 0.5;
    refused(s, 0, 0, HG_EDATA, "time 2 of the labels is 0.5: times are above 0 and ascend");
    s->time[1] = 2;
    s->pair[1] = 27;
    refused(s, 0, 0, HG_EDATA, "pair 1 is 0-27, expected two of 27 particles in order, from 0");
    s->pair[0] = s->pair[1] = 3;
    refused(s, 0, 0, HG_EDATA, "pair 1 is 3-3, expected two of 27 particles in order, from 0");
    hg_arena_reset(mem, mark);
}

/* All pairs say the same as the grid, for boxes of any shape; so does the snapshot moved through the walls. */
static void overlaps_are_those_of_all_pairs(void **state) {
    hg_arena *mem = *state;
    enum { N = 120, ROUNDS = 200 };
    hg_rng rng = hg_rng_make(5, 0);
    size_t hits = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const hg_mark mark = hg_arena_mark(mem);
        hg_snapshot *s = hg_snapshot_new(mem, N);
        const double nearest = 0.02 + hg_rng_uniform(&rng);
        bool any = false;
        for (size_t k = 0; k < 3; k++) s->box[k] = 0.5 + 12 * hg_rng_uniform(&rng) + (round % 4 ? 10 : 0);
        for (size_t i = 0; i < 3 * N; i++) s->x[i] = hg_wrapped(30 * hg_rng_uniform(&rng), s->box[i % 3]);
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < i; j++) {
                double d2 = 0;
                for (size_t k = 0; k < 3; k++) {
                    const double d = hg_nearest_image(s->x[3 * i + k] - s->x[3 * j + k], s->box[k]);
                    d2 += d * d;
                }
                any |= d2 < nearest * nearest;
            }
        assert_int_equal(hg_snapshot_check(s, nearest, 0, NULL), any ? HG_EDATA : HG_OK);
        for (size_t i = 0; i < 3 * N; i++) s->x[i] = hg_wrapped(s->x[i] + 3.3, s->box[i % 3]);
        assert_int_equal(hg_snapshot_check(s, nearest, 0, NULL), any ? HG_EDATA : HG_OK);
        hits += any;
        hg_arena_reset(mem, mark);
    }
    assert_true(hits > ROUNDS / 10 && hits < ROUNDS * 9 / 10); /* both answers were seen */
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        hg_arena *own = hg_arena_new();
        hg_snapshot *s = hg_snapshot_new(own, 27);
        for (size_t i = 0; s && i < 27; i++)
            for (size_t d = 0; d < 3; d++) s->x[3 * i + d] = (double)(i / (d == 0 ? 1 : d == 1 ? 3 : 9) % 3);
        for (size_t d = 0; s && d < 3; d++) s->box[d] = 3;
        const hg_status st = s ? hg_snapshot_check(s, 0.5, 1, NULL) : HG_ENOMEM;
        hg_arena_free(own);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k >= 4);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_new_snapshot_knows_nothing),
        TEST(distances_go_through_the_walls),
        TEST(what_cannot_be_computed_with_is_refused),
        TEST(labels_are_looked_at_too),
        TEST(overlaps_are_those_of_all_pairs),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
