/* tests/search/test_density.c -- even pools are left alone; clustered ones are seen, whatever order, units and size */
#include "hagane/suggest.h"
#include "search/density.h"
#include "test.h"

enum { N = 121 };
static const bool RANKED[] = { true, true };
static const double SHIFT[] = { 0, 0 }, SCALE[] = { 1, 1 };

static double strength(double **rows, const double *x, size_t n, hg_arena *a) {
    double s;
    const hg_density_opts o = {
        .x = x, .n = n, .d = 2, .groups = 2, .ranked = RANKED, .shift = SHIFT, .scale = SCALE, .seed = 1
    };
    assert_ok(hg_density_rows(rows, &s, &o, a, NULL));
    return s;
}

/* 11 x 11 points in the unit square. */
static void grid(double *x) {
    for (size_t i = 0; i < N; i++) {
        x[2 * i] = (double)(i % 11) / 10;
        x[2 * i + 1] = (double)(i / 11) / 10;
    }
}

/* The corners and a few random points, then steps around (0.3, 0.6): what a campaign leaves behind. */
static void campaign(double *x, size_t n) {
    hg_rng r = hg_rng_make(2, 0);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 2; j++) {
            const double centre = j ? 0.6 : 0.3;
            double v = i < 4 ? (double)(i >> j & 1) : i < 15 ? hg_rng_uniform(&r) : centre + 0.04 * hg_rng_normal(&r);
            x[2 * i + j] = fmin(1, fmax(0, v));
        }
}

static void even_pools_are_left_alone(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    double x[2 * N], *rows;
    grid(x);
    assert_close(strength(&rows, x, N, *state), 0, 0);
    assert_null(rows);
    hg_rng r = hg_rng_make(5, 0);
    for (size_t i = 0; i < 2 * N; i++) x[i] = hg_rng_uniform(&r);
    assert_close(strength(&rows, x, N, *state), 0, 0);
    campaign(x, 30); /* too few to have a shape */
    assert_close(strength(&rows, x, 30, *state), 0, 0);
    hg_arena_reset(*state, mark);
}

static void a_campaign_is_seen_and_its_crowd_is_dense(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    double x[2 * N], *rows;
    campaign(x, N);
    assert_close(strength(&rows, x, N, *state), 1, 1e-12);
    double sum = 0, corners[2] = { 0 }, crowd[2] = { 0 };
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < 2; j++) {
            if (i < 4) corners[j] += rows[4 * i + 2 + j] / 4;
            if (i >= 15) crowd[j] += rows[4 * i + 2 + j] / (N - 15);
        }
    assert_true(corners[0] < crowd[0] - 0.5 && corners[1] < crowd[1] - 0.2);
    for (size_t i = 0; i < N; i++) {
        sum += rows[4 * i + 3];
        assert_true(fabs(rows[4 * i + 2]) <= 2);
        size_t less = 0, equal = 0; /* strength 1: inputs are mid-ranks */
        for (size_t k = 0; k < N; k++) {
            less += x[2 * k] < x[2 * i] ? 1 : 0;
            equal += x[2 * k] == x[2 * i] ? 1 : 0;
        }
        assert_close(rows[4 * i], ((double)less + 0.5 * (double)equal) / N, 1e-12);
    }
    assert_close(sum / N, 0, 1e-12); /* D has geometric mean 1 */
    hg_arena_reset(*state, mark);
}

static void order_of_rows_does_not_matter(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    double x[2 * N], y[2 * N], *a, *b;
    campaign(x, N);
    for (size_t i = 0; i < N; i++) memcpy(y + 2 * i, x + 2 * (N - 1 - i), 2 * sizeof *x);
    assert_close(strength(&a, x, N, *state), strength(&b, y, N, *state), 1e-12);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < 4; j++) assert_close(a[4 * i + j], b[4 * (N - 1 - i) + j], 1e-10);
    hg_arena_reset(*state, mark);
}

/* A large pool goes by a random subset; it must come to the same judgement. */
static void large_pools_go_by_a_subset(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    enum { LARGE = 4000 };
    static double x[2 * LARGE];
    double *rows;
    campaign(x, LARGE);
    hg_rng r = hg_rng_make(5, 0);
    for (size_t i = 0; i < 2 * LARGE / 10; i++) x[i] = hg_rng_uniform(&r); /* a tenth of it somewhere */
    assert_true(strength(&rows, x, LARGE, *state) > 0);
    for (size_t i = 0; i < 2 * LARGE; i++) x[i] = hg_rng_uniform(&r);
    assert_close(strength(&rows, x, LARGE, *state), 0, 0);
    hg_arena_reset(*state, mark);
}

/* The whole way: features come back as they were, every acquisition works, the words say so, and it can be refused. */
static void suggestions_on_a_clustered_pool(void **state) {
    (void)state;
    double x[2 * N], a[N], b[N], y[N];
    campaign(x, N);
    for (size_t i = 0; i < N; i++) {
        a[i] = 100 + 50 * x[2 * i];
        b[i] = x[2 * i + 1];
        y[i] = i % 9 == 5 ? exp(-20 * (pow(x[2 * i] - 0.3, 2) + pow(b[i] - 0.6, 2))) : NAN;
    }
    hg_table *t;
    assert_ok(hg_table_new(&t, "made", N, NULL));
    assert_ok(hg_table_add_numbers(t, "a", a, NULL));
    assert_ok(hg_table_add_numbers(t, "b", b, NULL));
    assert_ok(hg_table_add_numbers(t, "y", y, NULL));
    const hg_objective up = { "y", true };
    hg_suggest_opts o = hg_suggest_opts_default();
    o.objective = &up;
    o.n_objectives = 1;
    o.batch = 3;
    for (hg_acquisition q = HG_ACQ_EI; q <= HG_ACQ_UNCERTAINTY; q++) {
        o.acquisition = q;
        hg_suggestions *s;
        hg_err err;
        assert_ok_err(hg_suggest(&s, t, NULL, NULL, &o, &err), err);
        assert_contains(s->model_words, "record of an earlier campaign");
        for (size_t k = 0; k < 3; k++) {
            assert_close(s->suggestion[k].x[0], a[s->suggestion[k].row], 0);
            assert_close(s->suggestion[k].x[1], b[s->suggestion[k].row], 0);
            assert_true(isfinite(s->suggestion[k].mean[0]) && s->suggestion[k].sd[0] > 0);
        }
        if (q == HG_ACQ_UCB) assert_true(s->suggestion[0].row >= 15); /* in the crowd, not at a corner */
        hg_suggestions_free(s);
    }
    o.even_pool = true;
    hg_suggestions *s;
    assert_ok(hg_suggest(&s, t, NULL, NULL, &o, NULL));
    assert_null(strstr(s->model_words, "campaign"));
    hg_suggestions_free(s);
    hg_table_free(t);
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    double x[2 * N];
    campaign(x, N);
    for (long k = 0;; k++) {
        hg_arena *a = hg_arena_new();
        double *rows, s;
        const hg_density_opts o = {
            .x = x, .n = N, .d = 2, .groups = 2, .ranked = RANKED, .shift = SHIFT, .scale = SCALE
        };
        fail_alloc_after(k);
        const hg_status st = hg_density_rows(&rows, &s, &o, a, NULL);
        fail_alloc_after(-1);
        hg_arena_free(a);
        if (st == HG_OK) {
            assert_true(k > 3);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(rows);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(even_pools_are_left_alone),       TEST(a_campaign_is_seen_and_its_crowd_is_dense),
        TEST(order_of_rows_does_not_matter),   TEST(large_pools_go_by_a_subset),
        TEST(suggestions_on_a_clustered_pool), TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
