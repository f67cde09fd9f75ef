/* tests/learn/test_logs.c -- values that span decades: learned as logarithms where that errs less, and back in their own unit */
#include "learn/logs.h"
#include "core/memory.h"
#include "learn/bars.h"
#include "learn/study.h"
#include "test.h"

static void the_way_back_is_the_median(void **state) {
    (void)state;
    const double y[3] = { 1, 10, 100 };
    const hg_logs l = hg_logs_of(y, 3);
    assert_close(l.least, log(0.01), 1e-12); /* as far again: two decades below, two above */
    assert_close(l.most, log(10000), 1e-12);
    double value[3] = { log(7), 99, -99 }, sd[3] = { 0.5, 1, NAN };
    hg_logs_undo(value, sd, &l, 3);
    assert_close(value[0], 7, 1e-12);
    assert_close(sd[0], 3.5, 1e-12); /* first order: 7 x 0.5 */
    assert_close(value[1], 10000, 1e-8);
    assert_close(value[2], 0.01, 1e-12);
    assert_true(isnan(sd[2]));
}

static void logarithms_are_for_positive_skewed_decades(void **state) {
    (void)state;
    const double decades[5] = { 1, 3, 10, 30, 100 }, even[5] = { 10, 20, 30, 40, 50 }, zero[5] = { 0, 3, 10, 30, 100 },
                 left[5] = { 1, 99, 99, 100, 100 };
    assert_true(hg_logs_worth(decades, 5));
    assert_false(hg_logs_worth(even, 5)); /* half a decade */
    assert_false(hg_logs_worth(zero, 5) || hg_logs_possible(zero, 5));
    assert_false(hg_logs_worth(left, 5)); /* logarithms would be worse */
    assert_true(hg_logs_possible(left, 5));
}

/* The log density of a Laplace distribution, by hand: exp(-|r| / w) / 2 w. */
static void the_likelihood_of_a_residual(void **state) {
    (void)state;
    const hg_bars b = { .part = { 2, 0, 1, 0 } };
    const hg_signs s = { { 5, 3, NAN } };
    assert_close(hg_bars_likelihood(&b, -10, &s), -2 - log(10), 1e-12); /* width 2 + 3 */
}

enum { N = 120, D = 2 };

/* y = exp(2 x0 + noise) */
static hg_rows exponential(float *x, double *y, double noise) {
    hg_rng r = hg_rng_make(3, 0);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < D; j++) x[i * D + j] = (float)hg_rng_normal(&r);
        y[i] = exp(2 * (double)x[i * D] + noise * hg_rng_normal(&r));
    }
    return (hg_rows) { .n = N, .d = D, .x = x, .y = y };
}

static void the_better_scale_is_found(void **state) {
    float x[N * D];
    double y[N];
    const hg_rows rows = exponential(x, y, 0.05);
    const hg_mark mark = hg_arena_mark(*state);
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    o.learner = "ridge", o.single = true;
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    assert_true(s.n_trials >= 2 && !s.trial[0].logs && s.trial[1].logs);
    assert_true(s.trial[1].score.mae < 0.2 * s.trial[0].score.mae); /* both in the unit of y */
    assert_close(s.trial[1].weight, 1, 0);
    for (size_t i = 2; i < s.n_trials; i++)
        assert_true(s.trial[i].logs || strstr(s.trial[i].why, "do better with logarithms"));
    for (size_t i = 0; i < N; i++) assert_true(s.out[i] > 0);

    hg_rows few = rows; /* with a source, and too few to tell */
    few.n = 60, few.sources = 1;
    assert_ok(hg_study_run(&s, &few, &o, *state, NULL));
    for (size_t i = 0; i < s.n_trials; i++) assert_true(s.trial[i].logs);

    o.scale = HG_SCALE_VALUES;
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    for (size_t i = 0; i < s.n_trials; i++) assert_false(s.trial[i].logs);
    o.scale = HG_SCALE_LOGS;
    assert_ok(hg_study_run(&s, &rows, &o, *state, NULL));
    for (size_t i = 0; i < s.n_trials; i++) assert_true(s.trial[i].logs);
    hg_arena_reset(*state, mark);
}

/* Another unit of y: the same choice, the values in that unit. Powers of two leave no rounding. */
static void the_unit_does_not_matter(void **state) {
    float x[N * D];
    double y[N];
    const hg_rows rows = exponential(x, y, 0.3);
    const hg_mark mark = hg_arena_mark(*state);
    hg_study a, b;
    hg_study_opts o = hg_study_opts_default();
    o.learner = "ridge";
    assert_ok(hg_study_run(&a, &rows, &o, *state, NULL));
    for (size_t i = 0; i < N; i++) y[i] *= 1024;
    assert_ok(hg_study_run(&b, &rows, &o, *state, NULL));
    for (size_t i = 0; i < N; i++) assert_close(b.out[i] / 1024, a.out[i], 1e-6 * fabs(a.out[i]));
    hg_arena_reset(*state, mark);
}

static void a_blend_of_both_scales_survives_its_file(void **state) {
    float x[N * D];
    double y[N], out[2][N];
    char path[512];
    const hg_rows rows = exponential(x, y, 0.1);
    const hg_learner *ridge = hg_learner_find("ridge");
    hg_trial trial[2] = { { .learner = ridge, .weight = 0.25 }, { .learner = ridge, .logs = true, .weight = 0.75 } };
    for (size_t i = 0; i < 2; i++) hg_learner_defaults(trial[i].option, ridge);
    hg_study s = { .n = N, .outputs = 1, .trial = trial, .n_trials = 2 };
    const hg_study_opts o = hg_study_opts_default();
    const hg_mark mark = hg_arena_mark(*state);
    const char *versions[2] = { ridge->version, ridge->version };
    hg_blend b, back;
    hg_safetensors *file;
    hg_err err = { 0 };
    hg_shelf shelf = hg_shelf_new(*state);
    assert_ok_err(hg_blend_fit(&b, &s, &rows, &o, &err), err);
    assert_true(hg_blend_in_logs(&b));
    assert_ok_err(hg_blend_predict(out[0], NULL, &b, &rows, NULL, &err), err);
    assert_ok(hg_blend_save(&b, &shelf, NULL));
    test_scratch(path, sizeof path, "logs.safetensors");
    assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
    assert_ok(hg_safetensors_open(&file, path, 0, NULL));
    assert_ok_err(hg_blend_load(&back, &(hg_shelf_view) { file, path, "" }, versions, 2, D, 0, 0, &err), err);
    assert_ok_err(hg_blend_predict(out[1], NULL, &back, &rows, NULL, &err), err);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    hg_blend_free(&back);
    hg_safetensors_free(file);

    for (size_t i = 0; i < shelf.n; i++) /* bounds that no training has made */
        if (strcmp(shelf.tensor[i].name, "logs") == 0) ((double *)(uintptr_t)shelf.tensor[i].data)[3] = 1e9;
    assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
    assert_ok(hg_safetensors_open(&file, path, 0, NULL));
    assert_int_equal(hg_blend_load(&back, &(hg_shelf_view) { file, path, "" }, versions, 2, D, 0, 0, &err), HG_EDATA);
    assert_contains(err.msg, "logarithms");
    hg_safetensors_free(file);
    hg_blend_free(&b);
    hg_shelf_free(&shelf);
    hg_arena_reset(*state, mark);
}

static void what_is_not_positive_is_refused_and_memory_may_fail(void **state) {
    float x[N * D];
    double y[N];
    const hg_rows rows = exponential(x, y, 0.1);
    hg_err err = { 0 };
    hg_study s;
    hg_study_opts o = hg_study_opts_default();
    o.learner = "ridge", o.scale = HG_SCALE_LOGS;
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK && k < 10000; k += 1 + k / 10) {
        hg_blend b = { 0 };
        const hg_mark mark = hg_arena_mark(*state);
        fail_alloc_after(k);
        st = hg_study_run(&s, &rows, &o, *state, NULL);
        if (st == HG_OK) st = hg_blend_fit(&b, &s, &rows, &o, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        hg_blend_free(&b);
        hg_arena_reset(*state, mark);
    }
    assert_int_equal(st, HG_OK);
    y[7] = 0;
    const hg_mark mark = hg_arena_mark(*state);
    assert_int_equal(hg_study_run(&s, &rows, &o, *state, &err), HG_EDATA);
    assert_contains(err.msg, "not positive");
    hg_arena_reset(*state, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_way_back_is_the_median),
        TEST(logarithms_are_for_positive_skewed_decades),
        TEST(the_likelihood_of_a_residual),
        TEST(the_better_scale_is_found),
        TEST(the_unit_does_not_matter),
        TEST(a_blend_of_both_scales_survives_its_file),
        TEST(what_is_not_positive_is_refused_and_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
