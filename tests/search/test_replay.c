/* tests/search/test_replay.c -- counts on tables small enough to count by hand, definitions, better than random */
#include "replay_kit.h"

static const hg_objective UP = { "y", true }, DOWN = { "y", false };

static hg_table *table(const char *csv) {
    hg_table *t;
    hg_err err;
    assert_ok_err(hg_csv_read_memory(&t, "table.csv", csv, strlen(csv), NULL, &err), err);
    return t;
}

static hg_replay_result *replay(const hg_table *t, const hg_objective *o, hg_acquisition a, hg_replay_opts r,
                                hg_pool *pool) {
    hg_suggest_opts s = hg_suggest_opts_default();
    s.objective = o;
    s.n_objectives = 1;
    s.acquisition = a;
    s.pool = pool;
    s.seed = 3;
    hg_replay_result *out;
    hg_err err;
    assert_ok_err(hg_replay(&out, t, &s, &r, &err), err);
    return out;
}

static hg_replay_opts runs(size_t n, size_t budget) {
    return (hg_replay_opts) { .initial = 1, .budget = budget, .runs = n, .average_duplicates = true };
}

/* Two rows: half of the runs begin with the best one (0 measurements after), half need 1. */
static void two_rows_need_nought_or_one(void **state) {
    (void)state;
    hg_table *t = table("x,y\n0,1\n1,2\n");
    hg_replay_result *r = replay(t, &UP, HG_ACQ_EI, runs(100, 0), NULL);
    assert_int_equal(r->n_pool, 2);
    assert_int_equal(r->budget, 1); /* 0: to the end of the pool */
    assert_true(r->to_95.median == 0 || r->to_95.median == 1);
    assert_close(r->to_95.q90, 1, 0);
    assert_close(r->to_95.max, 1, 0);
    assert_int_equal(r->to_95.unreached, 0);
    assert_close(r->random_95.q90, 1, 0);
    assert_close(r->y_best, 2, 0);
    assert_close(r->best_so_far[3], 2, 0); /* after 1 measurement: median ... */
    assert_close(r->best_so_far[4], 2, 0); /* ... and 10 % quantile */
    assert_close(r->best_so_far[1], 1, 0); /* before: the worst tenth has the poor row */
    hg_replay_free(r);
    hg_table_free(t);
}

/* Random order over 10 rows of which one is good: after the first measurement k more are needed with probability 1/10
 * each, so the 90 % quantile (order statistic) is 8 and the maximum 9. 2000 orders: the median is 4 or 5. */
static void random_order_is_uniform(void **state) {
    (void)state;
    hg_table *t = table("x,y\n0,1\n1,1.1\n2,1.2\n3,1.3\n4,9\n5,1.1\n6,1\n7,1.2\n8,1\n9,1.1\n");
    hg_replay_result *r = replay(t, &UP, HG_ACQ_RANDOM, runs(400, 3), NULL);
    assert_true(r->random_95.median == 4 || r->random_95.median == 5);
    assert_true(r->random_95.q90 == 8 || r->random_95.q90 == 9);
    assert_close(r->random_95.max, 9, 0);
    assert_int_equal(r->random_95.unreached, 0);
    assert_true(r->to_95.unreached > 200 && r->to_95.unreached < 280); /* 6 of 10 not within 3 more: 240 +- 10 */
    assert_true(isnan(r->to_95.median) && isnan(r->to_95.q90) && isnan(r->to_95.max));
    assert_close(r->random_best[0], 1.1, 0.11);
    hg_replay_free(r);
    hg_table_free(t);
}

/* y_max = 100, y = 95 reaches 95 % but not 99 %; minimising: within 5 % of the range of the best; top 5 % of 20 is one. */
static void reached_means_what_the_header_says(void **state) {
    (void)state;
    static const char *const csv =
        "x,y\n0,10\n1,95\n2,94.9\n3,98.9\n4,99\n5,100\n6,5.5\n7,5.6\n8,1\n9,50\n10,51\n11,52\n12,53\n"
        "13,54\n14,55\n15,56\n16,57\n17,58\n18,59\n19,60\n";
    hg_table *t = table(csv);
    /* to the end in random order, counted exactly: P(nothing good in the first k + 1) */
    hg_replay_result *r = replay(t, &UP, HG_ACQ_RANDOM, runs(1000, 0), NULL);
    /* 95 %: 4 of 20 rows (95, 98.9, 99, 100); 99 %: 2 (99, 100); top 5 %: 1 */
    assert_true(r->to_95.median == 2 || r->to_95.median == 3); /* P(nothing good in 3) = 0.49 */
    assert_true(r->to_99.median == 5 || r->to_99.median == 6); /* 0.48 in 6; three such rows would make it 3 */
    assert_true(r->to_top5.median >= 8 && r->to_top5.median <= 11);
    assert_close(r->to_top5.max, 19, 0);
    hg_replay_free(r);
    /* minimise: 1 + 0.05 (100 - 1) = 5.95 lets in 1, 5.5 and 5.6; 1 % lets in 1 alone */
    r = replay(t, &DOWN, HG_ACQ_RANDOM, runs(1000, 0), NULL);
    assert_true(r->to_95.median == 3 || r->to_95.median == 4);  /* 3 of 20 */
    assert_true(r->to_99.median >= 8 && r->to_99.median <= 11); /* 1 of 20 */
    assert_close(r->y_best, 1, 0);
    hg_replay_free(r);
    hg_table_free(t);
}

static void duplicates_are_averaged_or_not(void **state) {
    (void)state;
    hg_table *t = table("x,y\n0,1\n1,2\n0,3\n2,5\n");
    hg_replay_opts o = runs(10, 0);
    hg_replay_result *r = replay(t, &UP, HG_ACQ_EI, o, NULL);
    assert_int_equal(r->n_pool, 3);
    hg_replay_free(r);
    o.average_duplicates = false;
    r = replay(t, &UP, HG_ACQ_EI, o, NULL);
    assert_int_equal(r->n_pool, 4);
    hg_replay_free(r);
    hg_table_free(t);
}

/* Real data, 30 runs: nine of ten must be within 5 % of the best after 10 measurements; random order needs about 41. */
static void it_beats_random_on_real_data(void **state) {
    (void)state;
    hg_table *t = magnets();
    const hg_acquisition all[] = { HG_ACQ_EI, HG_ACQ_UCB };
    for (size_t i = 0; i < 2; i++) {
        hg_replay_result *r = magnet_replay(t, all[i], 30, 12, NULL);
        assert_true(r->to_95.q90 <= 10);
        assert_true(r->random_95.q90 > 30);
        assert_contains(r->words, "Nine of ten runs came within 5 % of the best after");
        hg_replay_free(r);
    }
    hg_table_free(t);
}

/* More measurements than an ensemble takes: the run goes on with learned hyper-parameters. */
static void a_long_run_changes_the_model(void **state) {
    (void)state;
    hg_table *t = magnets();
    hg_replay_result *r = magnet_replay(t, HG_ACQ_UCB, 1, 66, NULL);
    assert_int_equal(r->budget, 66);
    assert_int_equal(r->to_99.unreached, 0);
    hg_replay_free(r);
    hg_table_free(t);
}

static void equal_first_values_do_no_harm(void **state) {
    (void)state;
    hg_table *t = table("x,y\n0,0\n1,0\n2,0\n3,0\n4,0\n5,0\n6,1\n7,0\n8,0\n");
    hg_replay_result *r = replay(t, &UP, HG_ACQ_EI, runs(20, 0), NULL);
    assert_int_equal(r->to_95.unreached, 0);
    hg_replay_free(r);
    hg_table_free(t);
}

/* The same hill with few and with many rows: what is kept of the pool in memory between steps differs, the answer hardly. */
static void large_tables_are_replayed_in_bounded_memory(void **state) {
    (void)state;
    enum { FEW = 2000, MANY = 20000 };
    const size_t sizes[] = { FEW, MANY };
    double found[2];
    for (size_t k = 0; k < 2; k++) {
        double *x = malloc(MANY * sizeof *x), *y = malloc(MANY * sizeof *y);
        for (size_t i = 0; i < sizes[k]; i++) {
            x[i] = (double)i / (double)sizes[k];
            y[i] = 1 - (x[i] - 0.62) * (x[i] - 0.62);
        }
        hg_table *t;
        assert_ok(hg_table_new(&t, "memory", sizes[k], NULL));
        assert_ok(hg_table_add_numbers(t, "x", x, NULL));
        assert_ok(hg_table_add_numbers(t, "y", y, NULL));
        hg_replay_opts r = runs(3, 8);
        r.initial = 2;
        hg_replay_result *out = replay(t, &UP, HG_ACQ_EI, r, NULL);
        assert_int_equal(out->to_top5.unreached, 0);
        assert_true(out->to_top5.max <= 6);
        found[k] = out->best_so_far[3 * 8];
        hg_replay_free(out);
        hg_table_free(t);
        free(x);
        free(y);
    }
    assert_close(found[0], 1, 1e-4);
    assert_close(found[1], 1, 1e-4);
}

static bool never(void *user, const char *what, size_t done, size_t total) {
    (void)user;
    (void)what;
    (void)done;
    (void)total;
    return false;
}

static void refuses_what_a_replay_cannot_do(void **state) {
    hg_table *t = table("x,y,c\n0,1,1\n1,2,1\n2,3,1\n");
    hg_suggest_opts s = hg_suggest_opts_default();
    hg_replay_opts r = hg_replay_opts_default();
    hg_replay_result *out = (hg_replay_result *)state;
    hg_err err;
    assert_int_equal(hg_replay(&out, t, &s, &r, &err), HG_EINVAL); /* no objective */
    s.objective = &UP;
    s.n_objectives = 1;
    r.initial = 3;
    assert_int_equal(hg_replay(&out, t, &s, &r, &err), HG_EDATA);
    assert_contains(err.msg, "3 candidates, more than the 3 initial");
    r.initial = 0;
    assert_int_equal(hg_replay(&out, t, &s, &r, &err), HG_EINVAL);
    r = hg_replay_opts_default();
    s.cost = "c";
    assert_int_equal(hg_replay(&out, t, &s, &r, &err), HG_EINVAL);
    s.cost = NULL;
    s.batch = 2;
    assert_int_equal(hg_replay(&out, t, &s, &r, &err), HG_EINVAL);
    s.batch = 1;
    const hg_hooks hooks = { .progress = never };
    s.hooks = &hooks;
    assert_int_equal(hg_replay(&out, t, &s, &r, &err), HG_ECANCEL);
    s.hooks = NULL;
    s.kernel = "no such kernel";
    assert_int_equal(hg_replay(&out, t, &s, &r, &err), HG_ENOTFOUND);
    assert_null(out);
    hg_table_free(t);
}

static void survives_any_allocation_failure(void **state) {
    hg_table *t = table("x,y\n0,1\n1,2\n2,3\n3,5\n");
    hg_suggest_opts s = hg_suggest_opts_default();
    s.objective = &UP;
    s.n_objectives = 1;
    const hg_replay_opts r = runs(2, 0);
    for (long k = 0;; k += 1 + k / 50) {
        hg_replay_result *out = (hg_replay_result *)state;
        fail_alloc_after(k);
        const hg_status st = hg_replay(&out, t, &s, &r, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k > 10);
            hg_replay_free(out);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(out);
    }
    hg_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(two_rows_need_nought_or_one),        TEST(random_order_is_uniform),
        TEST(reached_means_what_the_header_says), TEST(duplicates_are_averaged_or_not),
        TEST(it_beats_random_on_real_data),       TEST(a_long_run_changes_the_model),
        TEST(equal_first_values_do_no_harm),      TEST(large_tables_are_replayed_in_bounded_memory),
        TEST(refuses_what_a_replay_cannot_do),    TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
