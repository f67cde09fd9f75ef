/* tests/learn/test_extraboost.c -- boosted randomised trees: by hand, against a plain version of the same rules, what may not matter, what is refused */
#include "learn/learner.h"
#include "tree_data.h"

static const hg_learner *extraboost(void) { return hg_learner_find("extraboost"); }

static hg_status fit(void **m, const hg_rows *rows, const char *settings, hg_pool *pool, const hg_hooks *hooks,
                     hg_err *err) {
    double option[HG_LEARNER_OPTIONS_MOST];
    hg_learner_defaults(option, extraboost());
    assert_ok_err(hg_learner_set(option, extraboost(), settings, err), *err);
    const hg_learning how = { .option = option, .seed = 1, .pool = pool, .hooks = hooks };
    return extraboost()->fit(m, rows, &how, err);
}

/* Fits and predicts the same rows. */
static void say(double *out, double *sd, const hg_rows *rows, const char *settings) {
    hg_err err;
    void *m;
    assert_ok_err(fit(&m, rows, settings, NULL, NULL, &err), err);
    assert_ok_err(extraboost()->predict(out, sd, m, rows, NULL, &err), err);
    extraboost()->free(m);
}

/* Of two values of x each threshold tells the same rows apart: nothing is left to chance. */
static void small_series_are_those_made_by_hand(void **state) {
    (void)state;
    const float x[] = { 0, 0, 1, 1 };
    const double y[] = { 0, 0, 10, 10 }, far[] = { 0, 0, 0, 10 };
    hg_rows rows = { .n = 4, .d = 1, .x = x, .y = y };
    double out[4], sd[4];
    say(out, sd, &rows, "series=2 rounds=1 rate=0.5 rows=1 corner=1");
    assert_close(out[0], 2.5, 1e-6);
    assert_close(out[3], 7.5, 1e-6);
    assert_close(sd[0], 0, 1e-9);
    say(out, sd, &rows, "series=1 rounds=2 rate=0.5 rows=1 corner=1");
    assert_close(out[0], 1.25, 1e-6); /* half of it, and half of the rest */
    assert_true(isnan(sd[0]));
    say(out, sd, &rows, "rounds=1 rate=1 rows=1 corner=1 leaf=3");
    assert_close(out[3], 5, 1e-6); /* no leaf may be that small: the mean */
    /* Left over of the mean 2.5: -2.5 three times, and 7.5, which is cut to the second smallest of them. */
    rows.y = far;
    say(out, sd, &rows, "rounds=1 rate=1 rows=1 corner=0.5");
    assert_close(out[0], 0, 1e-6);
    assert_close(out[3], 2.5, 1e-6);
}

/* Two classes, four rows each, three and one of the second: half a chance at first. Left over of rows at 0 are -1/2 and 1/2: -1 in all; their variance is 1 in
 * all; one tree says -1 / (1 + 1), and half of it counts. The second round goes on from there. */
static void classes_add_newton_steps(void **state) {
    (void)state;
    const float x[] = { 0, 0, 0, 0, 1, 1, 1, 1 };
    const double y[] = { 0, 0, 0, 1, 1, 1, 1, 0 };
    hg_rows rows = { .n = 8, .d = 1, .x = x, .y = y, .classes = 2 };
    double out[8 * 3], sum = 0;
    say(out, NULL, &rows, "series=2 rounds=2 rate=0.5 rows=1");
    for (int round = 0; round < 2; round++) {
        const double p = 1 / (1 + exp(-sum));
        sum += 0.5 * (1 - 4 * p) / (4 * p * (1 - p) + 1);
    }
    assert_close(out[1], 1 / (1 + exp(-sum)), 1e-6);
    assert_close(out[0] + out[1], 1, 1e-12);
    assert_close(out[2 * 4], out[1], 1e-6);
    /* Of three classes one tree each: a third at first, the variances 2 p (1 - p). The third has no rows: nothing to part, one leaf of all eight. */
    rows.classes = 3;
    say(out, NULL, &rows, "series=1 rounds=1 rate=1 rows=1");
    const double v = 4 * 2 * (1 / 3.0) * (2 / 3.0) + 1;
    const double odds[3] = { exp((3 - 4 / 3.0) / v), exp((1 - 4 / 3.0) / v), exp(-8 / 3.0 / (2 * v - 1)) };
    for (size_t c = 0; c < 3; c++) assert_close(out[c], odds[c] / (odds[0] + odds[1] + odds[2]), 1e-6);
}

/* ---- the same rules, told plainly -------------------------------------------------------------------------------------- */

enum { N = 60, D = 5 };

/* Adds rate * mean of left over the rows of each leaf; all columns are 0 or 1. */
static void grow(double *sum, const float *x, const double *left, const bool *in, size_t depth, double rate) {
    double count[2][D] = { { 0 } }, total[2][D] = { { 0 } }, most = -1, n = 0, mean = 0;
    size_t best = D;
    for (size_t i = 0; i < N; i++) {
        if (!in[i]) continue;
        n++, mean += left[i];
        for (size_t j = 0; j < D; j++) count[x[i * D + j] > 0][j]++, total[x[i * D + j] > 0][j] += left[i];
    }
    mean /= n;
    for (size_t j = 0; j < D; j++) {
        if (count[0][j] == 0 || count[1][j] == 0) continue;
        const double gain = pow(total[0][j], 2) / count[0][j] + pow(total[1][j], 2) / count[1][j] - n * mean * mean;
        if (gain > most) most = gain, best = j;
    }
    if (depth == 0 || best == D) {
        for (size_t i = 0; i < N; i++) sum[i] += in[i] ? rate * mean : 0;
        return;
    }
    for (int side = 0; side < 2; side++) {
        bool half[N];
        for (size_t i = 0; i < N; i++) half[i] = in[i] && (x[i * D + best] > 0) == side;
        grow(sum, x, left, half, depth - 1, rate);
    }
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void it_does_what_plain_rules_do(void **state) {
    (void)state;
    float x[N * D];
    double y[N], sum[N], left[N], size[N], out[N], sd[N], mean = 0;
    bool all[N];
    hg_rng r = hg_rng_make(3, 0);
    for (size_t i = 0; i < N * D; i++) x[i] = (float)hg_rng_below(&r, 2);
    for (size_t i = 0; i < N; i++) {
        y[i] = 3 * (double)x[i * D] - 2 * (double)(x[i * D + 1] * x[i * D + 2]) + hg_rng_normal(&r);
        mean += y[i] / N;
        all[i] = true;
    }
    for (size_t i = 0; i < N; i++) sum[i] = mean;
    for (size_t round = 0; round < 7; round++) {
        for (size_t i = 0; i < N; i++) size[i] = fabs(left[i] = y[i] - sum[i]);
        qsort(size, N, sizeof *size, by_size);
        const double most = size[(size_t)(0.8 * (N - 1))];
        for (size_t i = 0; i < N; i++) left[i] = fmax(-most, fmin(most, left[i]));
        grow(sum, x, left, all, 3, 0.3);
    }
    const hg_rows rows = { .n = N, .d = D, .x = x, .y = y };
    say(out, sd, &rows, "series=2 rounds=7 rate=0.3 depth=3 columns=1 rows=1 corner=0.8");
    for (size_t i = 0; i < N; i++) {
        assert_close(out[i], sum[i], 1e-5);
        assert_true(sd[i] < 1e-5);
    }
}

/* ---- others ------------------------------------------------------------------------------------------------------------ */

static void it_errs_less_than_forests_and_tells_classes_as_well(void **state) {
    (void)state;
    static tree_data t;
    tree_data_make(&t);
    const hg_rows rows = { .n = TRAIN, .d = FEATURES, .x = t.x, .y = t.y },
                  judge = { .n = JUDGE, .d = FEATURES, .x = t.x + TRAIN * FEATURES };
    double out[JUDGE], sd[JUDGE];
    hg_err err;
    void *m;
    assert_ok_err(fit(&m, &rows, "", NULL, NULL, &err), err);
    assert_ok(extraboost()->predict(out, sd, m, &judge, NULL, NULL));
    print_message("rmse %.3f (scikit-learn's randomised trees: %.3f)\n", tree_data_rmse(&t, out), t.extra[0]);
    assert_true(tree_data_rmse(&t, out) < 0.85 * t.extra[0]);
    for (size_t i = 0; i < JUDGE; i++) assert_true(sd[i] > 0);
    extraboost()->free(m);

    const hg_rows classes = { .n = TRAIN, .d = FEATURES, .x = t.x, .y = t.of_class, .classes = CLASSES };
    static double p[JUDGE * CLASSES];
    double wrong = 0;
    assert_ok_err(fit(&m, &classes, "", NULL, NULL, &err), err);
    assert_ok(extraboost()->predict(p, NULL, m, &judge, NULL, NULL));
    for (size_t i = 0; i < JUDGE; i++) {
        const double *q = p + i * CLASSES;
        const double guess = q[0] >= q[1] && q[0] >= q[2] ? 0 : q[1] >= q[2] ? 1 : 2;
        wrong += guess != t.of_class[TRAIN + i] ? 1.0 / JUDGE : 0;
    }
    print_message("classes: %.3f wrong (scikit-learn's randomised trees: %.3f)\n", wrong, t.extra_classes[0]);
    assert_true(wrong < t.extra_classes[0] + 3 * t.extra_classes[1]);
    extraboost()->free(m);
}

static void threads_and_units_do_not_matter(void **state) {
    (void)state;
    static tree_data t;
    tree_data_make(&t);
    const hg_rows rows = { .n = TRAIN, .d = FEATURES, .x = t.x, .y = t.y },
                  judge = { .n = JUDGE, .d = FEATURES, .x = t.x + TRAIN * FEATURES };
    const char *settings = "series=5 rounds=30";
    double one[JUDGE], sd_one[JUDGE], out[JUDGE], sd[JUDGE];
    hg_pool *pool;
    hg_err err;
    void *m;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    assert_ok_err(fit(&m, &rows, settings, NULL, NULL, &err), err);
    assert_ok(extraboost()->predict(one, sd_one, m, &judge, NULL, NULL));
    extraboost()->free(m);
    assert_ok_err(fit(&m, &rows, settings, pool, NULL, &err), err);
    assert_ok(extraboost()->predict(out, sd, m, &judge, pool, NULL));
    extraboost()->free(m);
    assert_memory_equal(out, one, sizeof one);
    assert_memory_equal(sd, sd_one, sizeof sd_one);
    for (size_t i = 0; i < ROWS * FEATURES; i++) t.x[i] *= 8;
    for (size_t i = 0; i < TRAIN; i++) t.y[i] = 1e6 + 1024 * t.y[i];
    assert_ok_err(fit(&m, &rows, settings, NULL, NULL, &err), err);
    assert_ok(extraboost()->predict(out, sd, m, &judge, NULL, NULL));
    extraboost()->free(m);
    for (size_t i = 0; i < JUDGE; i++) {
        assert_close(out[i], 1e6 + 1024 * one[i], 1e-6);
        assert_close(sd[i], 1024 * sd_one[i], 1e-3);
    }
    hg_pool_free(pool);
}

/* Each tree sees its share of the rows, and another one each time: series differ by that alone. */
static void trees_see_shares_of_the_rows(void **state) {
    (void)state;
    const float x[] = { 0, 0, 0, 1, 1, 1 };
    const double y[] = { 0, 1, 2, 10, 11, 12 };
    const hg_rows rows = { .n = 6, .d = 1, .x = x, .y = y };
    double out[6], sd[6];
    say(out, sd, &rows, "series=20 rounds=1 rate=1 rows=1 corner=1");
    assert_close(out[0], 1, 1e-6);
    assert_close(sd[0], 0, 1e-6);
    say(out, sd, &rows, "series=20 rounds=1 rate=1 rows=0.5 corner=1");
    assert_true(sd[0] > 0.1);
    assert_true(out[0] >= 0 && out[0] < out[3] && out[3] <= 12);
}

static void files_bring_the_model_back(void **state) {
    static tree_data t;
    tree_data_make(&t);
    const hg_rows rows = { .n = TRAIN, .d = FEATURES, .x = t.x, .y = t.y };
    const hg_mark mark = hg_arena_mark(*state);
    char path[512];
    double out[TRAIN], again[TRAIN], sd[TRAIN];
    hg_shelf shelf = hg_shelf_new(*state);
    hg_safetensors *file;
    hg_err err;
    void *m, *back;
    assert_ok_err(fit(&m, &rows, "series=3 rounds=20", NULL, NULL, &err), err);
    assert_ok_err(extraboost()->save(m, &shelf, &err), err);
    test_scratch(path, sizeof path, "extraboost.safetensors");
    assert_ok_err(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, &err), err);
    assert_ok_err(hg_safetensors_open(&file, path, 0, &err), err);
    const hg_shelf_view view = { file, path, "" };
    assert_ok_err(extraboost()->load(&back, &view, FEATURES, 0, &err), err);
    assert_ok(extraboost()->predict(out, sd, m, &rows, NULL, NULL));
    assert_ok(extraboost()->predict(again, sd, back, &rows, NULL, NULL));
    assert_memory_equal(out, again, sizeof out);
    extraboost()->free(back);
    assert_int_equal(extraboost()->load(&back, &view, 3, 0, &err), HG_EDATA);
    assert_null(back);
    hg_safetensors_free(file);
    extraboost()->free(m);
    hg_shelf_free(&shelf);
    hg_arena_reset(*state, mark);
}

static void bad_input_is_refused(void **state) {
    (void)state;
    static tree_data t;
    tree_data_make(&t);
    const hg_hooks hooks = { NULL, test_stop, NULL };
    hg_rows rows = { .n = TRAIN, .d = FEATURES, .x = t.x, .y = t.y };
    double option[HG_LEARNER_OPTIONS_MOST];
    hg_err err;
    void *m;
    assert_int_equal(fit(&m, &rows, "", NULL, &hooks, &err), HG_ECANCEL);
    assert_null(m);
    rows.n = 0;
    assert_int_equal(fit(&m, &rows, "", NULL, NULL, &err), HG_EINVAL);
    assert_null(m);
    assert_null(extraboost()->suits(&rows));
    rows.n = TRAIN, rows.classes = 3; /* y are no classes */
    assert_int_equal(fit(&m, &rows, "", NULL, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "of 3 classes from 0");
    hg_learner_defaults(option, extraboost());
    assert_int_equal(hg_learner_set(option, extraboost(), "depth=0", &err), HG_EINVAL);
    assert_int_equal(hg_learner_set(option, extraboost(), "corner=2", &err), HG_EINVAL);
}

static void no_memory_is_told(void **state) {
    (void)state;
    static tree_data t;
    tree_data_make(&t);
    const hg_rows rows = { .n = TRAIN, .d = FEATURES, .x = t.x, .y = t.y };
    size_t refused = 0;
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k++) {
        hg_err err;
        void *m;
        fail_alloc_after(k);
        st = fit(&m, &rows, "series=2 rounds=2 depth=2", NULL, NULL, &err);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            extraboost()->free(m);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(m);
        refused++;
    }
    assert_true(refused > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(small_series_are_those_made_by_hand),
        TEST(classes_add_newton_steps),
        TEST(it_does_what_plain_rules_do),
        TEST(it_errs_less_than_forests_and_tells_classes_as_well),
        TEST(threads_and_units_do_not_matter),
        TEST(trees_see_shares_of_the_rows),
        TEST(files_bring_the_model_back),
        TEST(bad_input_is_refused),
        TEST(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
