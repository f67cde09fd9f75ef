/* tests/learn/test_forest.c -- forests: by hand, against scikit-learn, what may not matter, what is refused */
#include "learn/forest.h"
#include "learn/trees_kernel.h"
#include "tree_data.h"

static hg_forest grown(const tree_data *t, const hg_forest_opts *o, size_t classes, hg_pool *pool) {
    hg_forest f;
    hg_err err;
    assert_ok_err(hg_forest_fit(&f, t->x, classes ? t->of_class : t->y, TRAIN, FEATURES, classes, o, pool, NULL, &err),
                  err);
    return f;
}

/* y = 0 0 1 5 at x = 1 2 3 4, mean 1.5. The sum of y - mean on the left is -1.5, -3, -3.5; its square times 1/l + 1/r is 3, 9,
 * 16.3: the first split is at 3.5, then at 2.5. With two rows a leaf 9 remains. */
static void a_small_tree_is_the_one_made_by_hand(void **state) {
    (void)state;
    const float x[] = { 1, 2, 3, 4 }, at[] = { 0, 2.4F, 2.6F, 3.6F };
    const double y[] = { 0, 0, 1, 5 }, classes[] = { 1, 1, 0, 1 };
    double out[8], sd[4];
    hg_forest_opts o = hg_forest_opts_default();
    hg_forest f;
    o.best = true, o.trees = 1;
    assert_ok(hg_forest_fit(&f, x, y, 4, 1, 0, &o, NULL, NULL, NULL));
    assert_int_equal(f.t.nodes, 5);
    assert_int_equal(f.t.leaves, 3);
    assert_true(f.t.threshold[0] == 3.5F && f.t.threshold[f.t.next[0]] == 2.5F);
    hg_forest_predict(out, sd, &f, at, 4, NULL);
    const double want[] = { 0, 0, 1, 5 };
    for (size_t i = 0; i < 4; i++) assert_close(out[i], want[i], 1e-6);
    assert_true(isnan(sd[0])); /* one tree agrees with itself */
    hg_forest_free(&f);

    o.leaf = 2;
    assert_ok(hg_forest_fit(&f, x, y, 4, 1, 0, &o, NULL, NULL, NULL));
    assert_int_equal(f.t.nodes, 3);
    assert_true(f.t.threshold[0] == 2.5F);
    hg_forest_predict(out, NULL, &f, at, 4, NULL);
    assert_close(out[1], 0, 1e-6);
    assert_close(out[2], 3, 1e-6);
    hg_forest_free(&f);

    /* leaves of two rows: classes 1 1 and 0 1; a row of class 0 weighs 3 times as much as one of class 1 when classes are equal */
    o.balance = 1;
    assert_ok(hg_forest_fit(&f, x, classes, 4, 1, 2, &o, NULL, NULL, NULL));
    hg_forest_predict(out, sd, &f, at, 4, NULL);
    assert_close(out[0], 0, 1e-7);
    assert_close(out[1], 1, 1e-7);
    assert_close(out[4], 0.75, 1e-7);
    assert_close(out[5], 0.25, 1e-7);
    hg_forest_free(&f);
}

static void one_tree_says_what_that_of_scikit_learn_says(void **state) {
    (void)state;
    tree_data t;
    tree_data_make(&t);
    double out[SHOWN * CLASSES];
    hg_forest_opts o = hg_forest_opts_default();
    o.best = true, o.trees = 1, o.leaf = 5;
    hg_forest f = grown(&t, &o, 0, NULL);
    hg_forest_predict(out, NULL, &f, t.x + TRAIN * FEATURES, SHOWN, NULL);
    for (size_t i = 0; i < SHOWN; i++) assert_close(out[i], t.tree[i], 1e-6);
    hg_forest_free(&f);
    f = grown(&t, &o, CLASSES, NULL);
    hg_forest_predict(out, NULL, &f, t.x + TRAIN * FEATURES, SHOWN, NULL);
    for (size_t i = 0; i < SHOWN * CLASSES; i++) assert_close(out[i], t.probability[i], 1e-6);
    hg_forest_free(&f);
}

/* The mean error over some seeds is that of scikit-learn within its scatter. */
static void forests_are_as_good_as_those_of_scikit_learn(void **state) {
    (void)state;
    enum { SEEDS = 6 };
    tree_data t;
    tree_data_make(&t);
    double out[JUDGE * CLASSES], extra = 0, forest = 0, wrong = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        hg_forest_opts o = hg_forest_opts_default();
        o.trees = 100, o.seed = seed;
        hg_forest f = grown(&t, &o, 0, NULL);
        hg_forest_predict(out, NULL, &f, t.x + TRAIN * FEATURES, JUDGE, NULL);
        extra += tree_data_rmse(&t, out) / SEEDS;
        hg_forest_free(&f);
        f = grown(&t, &o, CLASSES, NULL);
        hg_forest_predict(out, NULL, &f, t.x + TRAIN * FEATURES, JUDGE, NULL);
        for (size_t i = 0; i < JUDGE; i++) {
            const double *p = out + CLASSES * i;
            const double guess = p[0] >= p[1] && p[0] >= p[2] ? 0 : p[1] >= p[2] ? 1 : 2;
            wrong += guess != t.of_class[TRAIN + i] ? 1.0 / JUDGE / SEEDS : 0;
        }
        hg_forest_free(&f);
        o.best = o.bootstrap = true, o.features = 0.28; /* 2 of 7, as there */
        f = grown(&t, &o, 0, NULL);
        hg_forest_predict(out, NULL, &f, t.x + TRAIN * FEATURES, JUDGE, NULL);
        forest += tree_data_rmse(&t, out) / SEEDS;
        hg_forest_free(&f);
    }
    print_message("rmse %.4f (%.4f), %.4f (%.4f); wrong %.4f (%.4f)\n", extra, t.extra[0], forest, t.forest[0], wrong,
                  t.extra_classes[0]);
    assert_true(fabs(extra - t.extra[0]) < 3 * t.extra[1]);
    assert_true(fabs(forest - t.forest[0]) < 3 * t.forest[1]);
    assert_true(fabs(wrong - t.extra_classes[0]) < 3 * t.extra_classes[1]);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    tree_data t;
    tree_data_make(&t);
    double one[JUDGE], three[JUDGE], sd_one[JUDGE], sd_three[JUDGE];
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    for (int best = 0; best < 2; best++) {
        hg_forest_opts o = hg_forest_opts_default();
        o.trees = 30, o.best = o.bootstrap = best != 0, o.features = 0.5;
        hg_forest f = grown(&t, &o, 0, NULL);
        hg_forest_predict(one, sd_one, &f, t.x + TRAIN * FEATURES, JUDGE, NULL);
        hg_forest_free(&f);
        f = grown(&t, &o, 0, pool);
        hg_forest_predict(three, sd_three, &f, t.x + TRAIN * FEATURES, JUDGE, pool);
        hg_forest_free(&f);
        assert_memory_equal(one, three, sizeof one);
        assert_memory_equal(sd_one, sd_three, sizeof sd_one);
        for (size_t i = 0; i < JUDGE; i++) assert_true(sd_one[i] > 0);
    }
    hg_pool_free(pool);
}

/* One question parts the rows in two, two in four at most; of half of the rows no tree knows more. */
static void depth_and_share_bound_a_tree(void **state) {
    (void)state;
    tree_data t;
    tree_data_make(&t);
    hg_forest_opts o = hg_forest_opts_default();
    o.trees = 1;
    hg_forest f = grown(&t, &o, 0, NULL);
    assert_int_equal(f.t.leaves, TRAIN);
    hg_forest_free(&f);
    for (size_t depth = 1; depth < 4; depth++) {
        o.depth = depth;
        f = grown(&t, &o, 0, NULL);
        assert_true(f.t.leaves > depth && f.t.leaves <= (size_t)1 << depth);
        assert_int_equal(f.t.nodes, 2 * f.t.leaves - 1);
        hg_forest_free(&f);
    }
    o.depth = 0, o.share = 0.5;
    f = grown(&t, &o, 0, NULL);
    assert_int_equal(f.t.leaves, TRAIN / 2);
    for (size_t i = 0; i < TRAIN / 2; i++) /* each leaf is one row's */
        for (size_t k = 0; k < i; k++) assert_true(f.t.value[i] != f.t.value[k]);
    hg_forest_free(&f);
}

/* Other units and another zero of y change predictions as they change y; another scale of x changes nothing. */
static void units_do_not_matter(void **state) {
    (void)state;
    tree_data t;
    tree_data_make(&t);
    double plain[JUDGE], sd[JUDGE], other[JUDGE], other_sd[JUDGE];
    hg_forest_opts o = hg_forest_opts_default();
    o.trees = 20;
    hg_forest f = grown(&t, &o, 0, NULL);
    hg_forest_predict(plain, sd, &f, t.x + TRAIN * FEATURES, JUDGE, NULL);
    hg_forest_free(&f);
    for (size_t i = 0; i < ROWS; i++) t.y[i] = 1e6 + 1024 * t.y[i];
    for (size_t i = 0; i < ROWS * FEATURES; i++) t.x[i] *= 8;
    f = grown(&t, &o, 0, NULL);
    hg_forest_predict(other, other_sd, &f, t.x + TRAIN * FEATURES, JUDGE, NULL);
    hg_forest_free(&f);
    for (size_t i = 0; i < JUDGE; i++) {
        assert_close(other[i], 1e6 + 1024 * plain[i], 1e-7);
        assert_close(other_sd[i], 1024 * sd[i], 1e-4);
    }
}

/* Columns that are equal, in nodes where many splits are equally good: each is taken about as often. */
static void equal_columns_are_taken_equally_often(void **state) {
    (void)state;
    enum { N = 64, D = 4 };
    float x[N * D];
    double y[N];
    hg_rng r = hg_rng_make(3, 0);
    for (size_t i = 0; i < N; i++) {
        const float v = (float)hg_rng_uniform(&r);
        for (size_t j = 0; j < D; j++) x[i * D + j] = v;
        y[i] = hg_rng_normal(&r);
    }
    for (int best = 0; best < 2; best++) {
        hg_forest_opts o = hg_forest_opts_default();
        size_t times[D] = { 0 }, nodes = 0;
        hg_forest f;
        o.best = best != 0, o.trees = 50;
        assert_ok(hg_forest_fit(&f, x, y, N, D, 0, &o, NULL, NULL, NULL));
        for (size_t i = 0; i < f.t.nodes; i++)
            if (f.t.feature[i] >= 0) times[f.t.feature[i]]++, nodes++;
        for (size_t j = 0; j < D; j++) assert_true(times[j] * D > nodes * 3 / 4);
        hg_forest_free(&f);
    }
}

static void rows_that_cannot_be_told_apart_share_a_leaf(void **state) {
    (void)state;
    const float x[] = { 1, 1, 1, 2 };
    const double y[] = { 0, 1, 5, 9 }, same[] = { 7, 7, 7, 7 };
    double out[2], sd[2];
    hg_forest f;
    assert_ok(hg_forest_fit(&f, x, y, 4, 1, 0, NULL, NULL, NULL, NULL));
    hg_forest_predict(out, sd, &f, (const float[]) { 0, 3 }, 2, NULL);
    assert_close(out[0], 2, 1e-6);
    assert_close(out[1], 9, 1e-6);
    assert_close(sd[0], 0, 1e-9);
    hg_forest_free(&f);
    assert_ok(hg_forest_fit(&f, x, same, 4, 1, 0, NULL, NULL, NULL, NULL));
    assert_int_equal(f.t.nodes, f.t.trees); /* nothing to learn */
    hg_forest_predict(out, sd, &f, x, 1, NULL);
    assert_true(out[0] == 7 && sd[0] == 0);
    hg_forest_free(&f);
}

static void bad_input_is_refused_and_memory_may_fail(void **state) {
    (void)state;
    tree_data t;
    tree_data_make(&t);
    hg_forest f;
    hg_err err;
    const hg_hooks hooks = { NULL, test_stop, NULL };
    hg_forest_opts o = hg_forest_opts_default();
    assert_int_equal(hg_forest_fit(&f, t.x, t.y, 0, FEATURES, 0, NULL, NULL, NULL, &err), HG_EINVAL);
    assert_int_equal(hg_forest_fit(&f, t.x, t.y, TRAIN, FEATURES, 3, NULL, NULL, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "of 3 classes from 0");
    assert_int_equal(hg_forest_fit(&f, t.x, t.y, TRAIN, FEATURES, 0, NULL, NULL, &hooks, &err), HG_ECANCEL);
    o.features = 0;
    assert_int_equal(hg_forest_fit(&f, t.x, t.y, TRAIN, FEATURES, 0, &o, NULL, NULL, &err), HG_EINVAL);
    o = hg_forest_opts_default(), o.share = 0;
    assert_int_equal(hg_forest_fit(&f, t.x, t.y, TRAIN, FEATURES, 0, &o, NULL, NULL, &err), HG_EINVAL);
    o = hg_forest_opts_default(), o.trees = 0;
    assert_int_equal(hg_forest_fit(&f, t.x, t.y, TRAIN, FEATURES, 0, &o, NULL, NULL, &err), HG_EINVAL);
    assert_null(f.t.root);
    t.x[FEATURES + 2] = NAN;
    assert_int_equal(hg_forest_fit(&f, t.x, t.y, TRAIN, FEATURES, 0, NULL, NULL, NULL, &err), HG_ENAN);
    assert_contains(err.msg, "feature 2 of row 1");
    tree_data_make(&t);
    for (size_t classes = 0; classes <= CLASSES; classes += CLASSES) {
        o = hg_forest_opts_default(), o.trees = 2, o.best = true;
        hg_status st = HG_ENOMEM;
        long k = 0;
        for (; st != HG_OK && k < 500; k++) {
            fail_alloc_after(k);
            st = hg_forest_fit(&f, t.x, classes ? t.of_class : t.y, TRAIN, FEATURES, classes, &o, NULL, NULL, &err);
            fail_alloc_after(-1);
            if (st != HG_OK) assert_int_equal(st, HG_ENOMEM);
            if (st != HG_OK) assert_null(f.t.root);
        }
        assert_true(k > 20);
        assert_int_equal(st, HG_OK);
        hg_forest_free(&f);
    }
}

/* Columns side by side and those that are left over, against plain loops: the same order of sums, so the same bits. */
static void sums_of_many_columns_are_those_of_plain_loops(void **state) {
    enum { N = 50, M = 37, D = 2 * 64 + 5 };
    const hg_mark mark = hg_arena_mark(*state);
    float *x = hg_alloc(*state, N * D, sizeof *x);
    float y[M], lo[D], hi[D], threshold[D], count[D], sum[D];
    uint32_t row[M];
    hg_rng g = hg_rng_make(21, 0);
    for (size_t i = 0; i < N * D; i++) x[i] = (float)hg_rng_below(&g, 9) / 4; /* with equal ones */
    for (size_t i = 0; i < M; i++) row[i] = (uint32_t)hg_rng_below(&g, N), y[i] = (float)hg_rng_normal(&g);
    for (size_t j = 0; j < D; j++) {
        threshold[j] = (float)hg_rng_below(&g, 9) / 4;
        count[j] = (float)j, sum[j] = -(float)j;
    }
    hg_tree_ranges(lo, hi, x, row, M, D);
    hg_tree_left(count, sum, threshold, x, row, y, M, D);
    for (size_t j = 0; j < D; j++) {
        float least = INFINITY, most = -INFINITY, rows = (float)j, total = -(float)j;
        for (size_t i = 0; i < M; i++) {
            const float v = x[row[i] * D + j];
            least = fminf(least, v), most = fmaxf(most, v);
            if (v <= threshold[j]) rows += 1, total += y[i];
        }
        assert_true(lo[j] == least && hi[j] == most && count[j] == rows && sum[j] == total);
    }
    hg_arena_reset(*state, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sums_of_many_columns_are_those_of_plain_loops),
        TEST(a_small_tree_is_the_one_made_by_hand),
        TEST(one_tree_says_what_that_of_scikit_learn_says),
        TEST(forests_are_as_good_as_those_of_scikit_learn),
        TEST(threads_do_not_matter),
        TEST(depth_and_share_bound_a_tree),
        TEST(units_do_not_matter),
        TEST(equal_columns_are_taken_equally_often),
        TEST(rows_that_cannot_be_told_apart_share_a_leaf),
        TEST(bad_input_is_refused_and_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
