/* tests/models/test_fold_ridge.c -- ridge regression from sums of products; its strength by leaving folds out */
#include "models/fold_ridge.h"
#include "test.h"

enum { N = 400, WIDTH = 5, FOLDS = 4 };

/* y = 2 x: without noise the weight is 2, at the weakest strength, and what is left out is predicted. */
static void a_line(void **state) {
    const float x[] = { -1, 1, -2, 2 };
    const double y[] = { -2, 2, -4, 4 };
    double w;
    hg_fold_score score;
    hg_fold_ridge *r;
    (void)state;
    assert_ok(hg_fold_ridge_new(&r, 1, 1, 2, NULL));
    assert_ok(hg_fold_ridge_add(r, 0, x, y, 2, true, NULL, NULL));
    assert_ok(hg_fold_ridge_add(r, 1, x + 2, y + 2, 2, true, NULL, NULL));
    assert_int_equal(hg_fold_ridge_rows(r), 4);
    assert_ok(hg_fold_ridge_solve(&w, &score, r, true, NULL, NULL));
    assert_close(score.strength, 1e-2, 0);
    assert_close(w, 2, 1e-2); /* shrunk by 1 / (1 + strength / 4), and stretched again */
    assert_close(score.rho, 1, 1e-12);
    assert_true(score.explained > 0.999);
    hg_fold_ridge_free(r);
}

static void make(float *x, double *y, uint64_t seed, double noise) {
    hg_rng rng = hg_rng_make(seed, 0);
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < WIDTH; k++) x[i * WIDTH + k] = (float)hg_rng_normal(&rng);
        y[2 * i] = (double)x[i * WIDTH] - 0.5 * (double)x[i * WIDTH + 3] + noise * hg_rng_normal(&rng);
        y[2 * i + 1] = hg_rng_normal(&rng);
    }
}

/* What the sums say of a fold is what its rows say: fitted without it, predicted row by row. */
static void left_out_as_row_by_row(void **state) {
    static float x[N * WIDTH];
    static double y[2 * N];
    double w[2 * WIDTH], part[2 * WIDTH];
    hg_fold_score score[2], unused[2];
    hg_pool *pool;
    hg_fold_ridge *r, *without;
    (void)state;
    make(x, y, 3, 0.7);
    assert_ok(hg_pool_new(&pool, 3, NULL));
    assert_ok(hg_fold_ridge_new(&r, WIDTH, 2, FOLDS, NULL));
    for (size_t f = 0; f < FOLDS; f++)
        assert_ok(hg_fold_ridge_add(r, f, x + f * 100 * WIDTH, y + f * 200, 100, false, pool, NULL));
    assert_ok(hg_fold_ridge_solve(w, score, r, false, pool, NULL));
    assert_close(w[0], 1, 0.15);
    assert_close(w[3], -0.5, 0.15);
    assert_true(score[0].rho > 0.75 && score[0].rho < 0.9); /* 1.25 / (1.25 + 0.49), rooted: 0.85 */
    assert_true(fabs(score[1].rho) < 0.2);
    double again[2 * WIDTH];
    assert_ok(hg_fold_ridge_solve(again, unused, r, false, NULL, NULL)); /* another number of threads: the same bits */
    assert_memory_equal(again, w, sizeof w);

    const hg_fold_columns all = { 0, WIDTH };
    bool left_out[FOLDS] = { false };
    assert_ok(hg_fold_ridge_refit(again, r, score, &all, left_out, NULL)); /* nothing left out */
    assert_memory_equal(again, w, sizeof w);

    double rho = 0;
    for (size_t f = 0; f < FOLDS; f++) {
        assert_ok(hg_fold_ridge_new(&without, WIDTH, 2, FOLDS, NULL));
        for (size_t g = 0; g < FOLDS; g++)
            if (g != f)
                assert_ok(hg_fold_ridge_add(without, g, x + g * 100 * WIDTH, y + g * 200, 100, false, NULL, NULL));
        hg_fold_score weaker[2] = { score[0], score[1] }; /* fewer rows, shrunk no more */
        for (size_t t = 0; t < 2; t++) weaker[t].strength *= 0.75;
        left_out[f] = true;
        assert_ok(hg_fold_ridge_refit(again, r, score, &all, left_out, NULL));
        left_out[f] = false;
        assert_ok(hg_fold_ridge_refit(part, without, weaker, &all, left_out, NULL));
        for (size_t k = 0; k < 2 * WIDTH; k++) assert_close(again[k], part[k], 1e-9);
        assert_ok(hg_fold_ridge_solve(part, unused, without, false, NULL, NULL));
        double pp = 0, yy = 0, py = 0;
        for (size_t i = f * 100; i < (f + 1) * 100; i++) {
            double p = 0;
            for (size_t k = 0; k < WIDTH; k++) p += part[k] * (double)x[i * WIDTH + k];
            pp += p * p;
            yy += y[2 * i] * y[2 * i];
            py += p * y[2 * i];
        }
        rho += py / sqrt(pp * yy) / FOLDS;
        hg_fold_ridge_free(without);
    }
    assert_close(score[0].rho, rho, 0.01); /* the strength may differ by a step */
    for (size_t f = 0; f < FOLDS; f++) left_out[f] = true;
    assert_int_equal(hg_fold_ridge_refit(again, r, score, &all, left_out, NULL), HG_EDATA);
    hg_fold_ridge_free(r);
    hg_pool_free(pool);
}

/* Levels of folds and units of columns change nothing when rows are centred; a column that never varies has no weight. */
static void centred_and_scaled(void **state) {
    static float x[N * WIDTH], z[N * WIDTH];
    static double y[2 * N], v[2 * N];
    double w[2][2 * WIDTH];
    hg_fold_score score[2][2];
    (void)state;
    make(x, y, 5, 0.3);
    for (size_t i = 0; i < N; i++) {
        x[i * WIDTH + 4] = 3;
        for (size_t k = 0; k < WIDTH; k++) z[i * WIDTH + k] = 4 * x[i * WIDTH + k] + (float)(i / 100);
        for (size_t t = 0; t < 2; t++) v[2 * i + t] = y[2 * i + t] + 10 * (double)(i / 100);
    }
    for (size_t c = 0; c < 2; c++) {
        hg_fold_ridge *r;
        assert_ok(hg_fold_ridge_new(&r, WIDTH, 2, FOLDS, NULL));
        for (size_t f = 0; f < FOLDS; f++)
            assert_ok(
                hg_fold_ridge_add(r, f, (c ? z : x) + f * 100 * WIDTH, (c ? v : y) + f * 200, 100, true, NULL, NULL));
        assert_ok(hg_fold_ridge_solve(w[c], score[c], r, false, NULL, NULL));
        hg_fold_ridge_free(r);
    }
    for (size_t k = 0; k < 2 * WIDTH; k++) assert_close(w[1][k], w[0][k] / 4, 1e-5);
    assert_close(w[0][4], 0, 1e-12);
    assert_close(score[1][0].rho, score[0][0].rho, 1e-5);
}

/* Column 0 makes target 0, columns 3 and 4 target 1: each takes the set that has its columns and no others, with the weights of a fit of that set alone. */
static void sets_of_columns(void **state) {
    static float x[N * WIDTH], part[N * 2];
    static double y[2 * N], only[N];
    const hg_fold_columns set[] = { { 0, 3 }, { 3, WIDTH } }, wrong = { 2, WIDTH + 1 }, empty = { 2, 2 };
    double w[2 * WIDTH], alone[2];
    hg_fold_score score[2], one;
    hg_fold_ridge *r, *p;
    hg_rng rng = hg_rng_make(8, 0);
    (void)state;
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < WIDTH; k++) x[i * WIDTH + k] = (float)hg_rng_normal(&rng);
        y[2 * i] = (double)x[i * WIDTH] + 0.3 * hg_rng_normal(&rng);
        y[2 * i + 1] = only[i] = (double)x[i * WIDTH + 3] - 2 * (double)x[i * WIDTH + 4] + 0.3 * hg_rng_normal(&rng);
        for (size_t k = 0; k < 2; k++) part[2 * i + k] = x[i * WIDTH + 3 + k];
    }
    assert_ok(hg_fold_ridge_new(&r, WIDTH, 2, FOLDS, NULL));
    assert_ok(hg_fold_ridge_new(&p, 2, 1, FOLDS, NULL));
    for (size_t f = 0; f < FOLDS; f++) {
        assert_ok(hg_fold_ridge_add(r, f, x + f * 100 * WIDTH, y + f * 200, 100, false, NULL, NULL));
        assert_ok(hg_fold_ridge_add(p, f, part + f * 200, only + f * 100, 100, false, NULL, NULL));
    }
    assert_ok(hg_fold_ridge_solve_sets(w, score, r, set, 2, false, NULL, NULL));
    assert_ok(hg_fold_ridge_solve(alone, &one, p, false, NULL, NULL));
    assert_int_equal(score[0].set, 0);
    assert_int_equal(score[1].set, 1);
    assert_close(w[3], 0, 0);
    assert_close(w[WIDTH], 0, 0);
    for (size_t k = 0; k < 2; k++) assert_close(w[WIDTH + 3 + k], alone[k], 1e-9);
    assert_close(score[1].rho, one.rho, 1e-9);
    assert_close(score[1].strength, one.strength, 0);
    assert_int_equal(hg_fold_ridge_solve_sets(w, score, r, set, 0, false, NULL, NULL), HG_EINVAL);
    assert_int_equal(hg_fold_ridge_solve_sets(w, score, r, &wrong, 1, false, NULL, NULL), HG_EINVAL);
    assert_int_equal(hg_fold_ridge_solve_sets(w, score, r, &empty, 1, false, NULL, NULL), HG_EINVAL);
    hg_fold_ridge_free(r);
    hg_fold_ridge_free(p);
}

static void refusals(void **state) {
    (void)state;
    float x[] = { 1, NAN };
    double y[] = { 1, 2 }, w;
    hg_fold_score score;
    hg_fold_ridge *r = NULL;
    assert_int_equal(hg_fold_ridge_new(&r, 0, 1, 1, NULL), HG_EINVAL);
    assert_ok(hg_fold_ridge_new(&r, 1, 1, 1, NULL));
    assert_int_equal(hg_fold_ridge_solve(&w, &score, r, false, NULL, NULL), HG_EDATA);
    assert_int_equal(hg_fold_ridge_add(r, 0, x, y, 2, true, NULL, NULL), HG_ENAN);
    hg_fold_ridge_free(r);
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k++) {
        assert_true(k < 100);
        x[1] = 2;
        fail_alloc_after(k);
        st = hg_fold_ridge_new(&r, 1, 1, 2, NULL);
        if (st == HG_OK) st = hg_fold_ridge_add(r, 0, x, y, 2, true, NULL, NULL);
        if (st == HG_OK) st = hg_fold_ridge_solve(&w, &score, r, false, NULL, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        hg_fold_ridge_free(r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_line), TEST(left_out_as_row_by_row), TEST(centred_and_scaled),
                                        TEST(sets_of_columns), TEST(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
