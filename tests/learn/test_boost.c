/* tests/learn/test_boost.c -- boosted trees: by hand, against XGBoost's own predictions, when they stop, what is refused */
#include "learn/learner.h"
#include "learn/xgb.h"
#include "tree_data.h"

static const hg_learner *boost(void) { return hg_learner_find("boost"); }

static hg_status fit(void **m, const hg_rows *rows, const char *settings, const hg_hooks *hooks, hg_err *err) {
    double option[HG_LEARNER_OPTIONS_MOST];
    hg_learner_defaults(option, boost());
    assert_ok_err(hg_learner_set(option, boost(), settings, err), *err);
    return boost()->fit(m, rows, &(hg_learning) { .option = option, .seed = 1, .hooks = hooks }, err);
}

/* y = 5 -+ 5, four rows: one question, sums of -2 and 2 in units of y's deviation; a leaf is its sum / (rows + lambda). */
static void one_tree_is_the_one_made_by_hand(void **state) {
    (void)state;
    const float x[] = { 1, 2, 3, 4 };
    const double y[] = { 0, 0, 10, 10 };
    const hg_rows rows = { .n = 4, .d = 1, .x = x, .y = y }, at = { .n = 2, .d = 1, .x = (const float[]) { 2, 3 } };
    double out[2], sd[2];
    hg_err err;
    void *m;
    if (hg_xgb_missing()) skip();
    assert_ok_err(
        fit(&m, &rows, "series=2 loss=0 rounds=1 rate=1 lambda=1 leaf=0 rows=1 columns=1 patience=1", NULL, &err), err);
    assert_ok(boost()->predict(out, sd, m, &at, NULL, NULL));
    assert_close(out[0], 5 - 5 * 2 / 3.0, 1e-6);
    assert_close(out[1], 5 + 5 * 2 / 3.0, 1e-6);
    assert_close(sd[0], 0, 1e-9); /* too few rows to hold any out: both series are the same */
    boost()->free(m);
    assert_ok_err(fit(&m, &rows, "series=1 loss=0 rounds=2 rate=0.5 lambda=0 leaf=0 rows=1 columns=1", NULL, &err),
                  err);
    assert_ok(boost()->predict(out, sd, m, &at, NULL, NULL));
    assert_close(out[0], 5 - 5 * 0.75, 1e-6); /* half of it, and half of the rest */
    assert_true(isnan(sd[0]));
    boost()->free(m);
}

/* Our way down the trees gives what XGBoost's does. */
static void trees_say_what_xgboost_says(void **state) {
    (void)state;
    static tree_data t;
    tree_data_make(&t);
    if (hg_xgb_missing()) skip();
    double want[3][SHOWN * CLASSES], mean = 0, square = 0;
    char path[512];
    FILE *f = fopen(test_source(path, sizeof path, "tests/fixtures/boost_xgboost.txt"), "r");
    assert_non_null(f);
    const size_t numbers[] = { SHOWN, SHOWN * CLASSES, SHOWN };
    for (size_t k = 0; k < 3; k++) tree_data_read(want[k], numbers[k], f);
    fclose(f);
    for (size_t i = 0; i < TRAIN; i++) mean += t.y[i] / TRAIN;
    for (size_t i = 0; i < TRAIN; i++) square += pow(t.y[i] - mean, 2) / TRAIN;
    float y[TRAIN], weight[TRAIN];
    hg_xgb_opts o = { .rate = 0.1, .depth = 4, .rows = 1, .columns = 1, .lambda = 1, .leaf = 2, .patience = 1 };
    const hg_xgb_rows none = { 0 }, train = { TRAIN, t.x, y, weight };
    for (size_t k = 0; k < 3; k++) {
        hg_trees trees;
        hg_err err;
        const size_t classes = k == 0 ? 0 : k == 1 ? 3 : 2;
        for (size_t i = 0; i < TRAIN; i++) {
            y[i] = (float)(k == 0 ? (t.y[i] - mean) / sqrt(square) : k == 1 ? t.of_class[i] : t.of_class[i] > 0);
            weight[i] = 1;
        }
        o.rounds = k == 0 ? 60 : 20;
        assert_ok_err(hg_xgb_fit(&trees, &train, &none, FEATURES, classes, &o, NULL, &err), err);
        assert_int_equal(trees.trees, k == 1 ? 60 : o.rounds);
        for (size_t i = 0; i < SHOWN; i++) {
            double sum[CLASSES] = { 0 }, all = 0;
            for (size_t q = 0; q < trees.trees; q++)
                sum[k == 1 ? q % 3 : 0] += (double)*hg_trees_leaf(&trees, q, t.x + (TRAIN + i) * FEATURES);
            for (size_t c = 0; c < CLASSES; c++) all += exp(sum[c]);
            if (k == 0) assert_close(sum[0], want[0][i], 2e-5);
            if (k == 2) assert_close(1 / (1 + exp(-sum[0])), want[2][i], 2e-5);
            for (size_t c = 0; c < CLASSES && k == 1; c++)
                assert_close(exp(sum[c]) / all, want[1][i * CLASSES + c], 2e-5);
        }
        hg_trees_free(&trees);
    }
}

static size_t trees_of(const void *m, hg_arena *mem) {
    const hg_mark mark = hg_arena_mark(mem);
    hg_shelf shelf = hg_shelf_new(mem);
    size_t trees = 0;
    assert_ok(boost()->save(m, &shelf, NULL));
    for (size_t k = 0; k < shelf.n; k++)
        if (strcmp(shelf.tensor[k].name, "tree_root") == 0) trees = shelf.tensor[k].count - 1;
    hg_shelf_free(&shelf);
    hg_arena_reset(mem, mark);
    return trees;
}

/* Of noise nothing can be learned: few rounds. Of something that can: better than a forest of ten random ones would be. */
static void held_out_rows_say_when_to_stop(void **state) {
    static tree_data t;
    tree_data_make(&t);
    if (hg_xgb_missing()) skip();
    double out[JUDGE], sd[JUDGE], noise[TRAIN];
    hg_rng r = hg_rng_make(1, 0);
    for (size_t i = 0; i < TRAIN; i++) noise[i] = hg_rng_normal(&r);
    hg_rows rows = { .n = TRAIN, .d = FEATURES, .x = t.x, .y = t.y };
    const hg_rows judge = { .n = JUDGE, .d = FEATURES, .x = t.x + TRAIN * FEATURES };
    size_t learned = 0;
    hg_err err;
    void *m;
    for (int loss = 0; loss < 2; loss++) {
        assert_ok_err(fit(&m, &rows, loss ? "depth=4 loss=1" : "depth=4 loss=0", NULL, &err), err);
        assert_ok(boost()->predict(out, sd, m, &judge, NULL, NULL));
        print_message("loss %d: rmse %.3f with %zu trees\n", loss, tree_data_rmse(&t, out), trees_of(m, *state));
        assert_true(tree_data_rmse(&t, out) < 2.3); /* scikit-learn's forests: 2.32 and 2.63 */
        learned = trees_of(m, *state);
        for (size_t i = 0; i < JUDGE; i++) assert_true(sd[i] > 0);
        boost()->free(m);
    }
    rows.y = noise;
    assert_ok_err(fit(&m, &rows, "depth=4", NULL, &err), err);
    print_message("noise: %zu trees\n", trees_of(m, *state));
    assert_true(4 * trees_of(m, *state) < learned);
    boost()->free(m);
}

static void bad_input_is_refused(void **state) {
    (void)state;
    static tree_data t;
    tree_data_make(&t);
    const hg_hooks hooks = { NULL, test_stop, NULL };
    hg_rows rows = { .n = TRAIN, .d = FEATURES, .x = t.x, .y = t.y };
    hg_err err;
    void *m;
    if (hg_xgb_missing()) {
        assert_int_equal(fit(&m, &rows, "", NULL, &err), HG_ENOTFOUND);
        assert_contains(err.msg, "XGBoost");
        assert_non_null(boost()->suits(&rows));
        return;
    }
    assert_int_equal(fit(&m, &rows, "", &hooks, &err), HG_ECANCEL);
    assert_null(m);
    assert_contains(err.msg, "stopped after 10 of");
    rows.classes = 3; /* y are no classes */
    assert_int_equal(fit(&m, &rows, "", NULL, &err), HG_EINVAL);
    rows.classes = 0, rows.n = 0;
    assert_int_equal(fit(&m, &rows, "", NULL, &err), HG_EINVAL);
    const float x = 1, y = NAN, weight = 1; /* XGBoost's own words */
    const hg_xgb_rows one = { 1, &x, &y, &weight }, none = { 0 };
    const hg_xgb_opts o = { .rounds = 1, .patience = 1, .rate = 1, .depth = 1, .rows = 1, .columns = 1 };
    hg_trees trees;
    assert_int_equal(hg_xgb_fit(&trees, &one, &none, 1, 0, &o, NULL, &err), HG_EDATA);
    assert_contains(err.msg, "XGBoost cannot");
    assert_null(trees.root);
}

/* Series that are not where they should be. */
static void weights_without_series_are_refused(void **state) {
    static tree_data t;
    tree_data_make(&t);
    if (hg_xgb_missing()) skip();
    const hg_rows rows = { .n = TRAIN, .d = FEATURES, .x = t.x, .y = t.of_class, .classes = 3 };
    const hg_mark mark = hg_arena_mark(*state);
    char path[512];
    hg_shelf shelf = hg_shelf_new(*state);
    hg_err err;
    void *m, *back;
    assert_ok_err(fit(&m, &rows, "series=2 rounds=5", NULL, &err), err);
    assert_ok(boost()->save(m, &shelf, NULL));
    boost()->free(m);
    uint32_t *first = NULL;
    double *unit = NULL;
    for (size_t k = 0; k < shelf.n; k++) {
        if (strcmp(shelf.tensor[k].name, "first") == 0) memcpy(&first, &shelf.tensor[k].data, sizeof first);
        if (strcmp(shelf.tensor[k].name, "unit") == 0) memcpy(&unit, &shelf.tensor[k].data, sizeof unit);
    }
    test_scratch(path, sizeof path, "boost.safetensors");
    for (int way = 0; way < 6; way++) {
        const uint32_t was = first[1];
        if (way == 1) first[1]++;     /* a broken round */
        if (way == 2) first[1] = 300; /* more than there are */
        if (way == 3) first[0] = 3;
        if (way == 4) first[2] -= 3; /* trees that belong to none */
        if (way == 5) unit[1] = 0;
        hg_safetensors *s;
        assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
        assert_ok(hg_safetensors_open(&s, path, 0, NULL));
        const hg_shelf_view view = { s, path, "" };
        assert_int_equal(boost()->load(&back, &view, FEATURES, 3, &err), way ? HG_EDATA : HG_OK);
        if (way == 0) boost()->free(back);
        if (way) assert_null(back);
        hg_safetensors_free(s);
        first[0] = 0, first[1] = was;
        if (way == 4) first[2] += 3;
    }
    hg_shelf_free(&shelf);
    hg_arena_reset(*state, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_tree_is_the_one_made_by_hand),   TEST(trees_say_what_xgboost_says),
        TEST(held_out_rows_say_when_to_stop),     TEST(bad_input_is_refused),
        TEST(weights_without_series_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
