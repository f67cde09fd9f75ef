/* tests/library/test_quality.c -- errors of predictions by hand, and in rows by a key */
#include "library/quality.h"
#include "test.h"

static void four_errors_by_hand(void **state) {
    (void)state;
    hg_quality q = { 0 };
    assert_true(isnan(hg_quality_mae(&q)) && isnan(hg_quality_rmse(&q)) && isnan(hg_quality_coverage(&q)));
    assert_true(isnan(hg_quality_mae_sd(&q)) && isnan(hg_quality_largest(&q)) && isnan(hg_quality_bias(&q)));
    hg_quality_add(&q, &(hg_estimate) { 1, 0.7 }, false, 0);         /* +1: within 1.645 * 0.7 = 1.15 */
    hg_quality_add(&q, &(hg_estimate) { 2, 0.5 }, true, 3);          /* -1: outside of 0.82 */
    hg_quality_add(&q, &(hg_estimate) { 5, (double)NAN }, false, 2); /* +3, no bar */
    hg_quality_add(&q, &(hg_estimate) { 4, 0 }, false, 4);           /* 0, within nothing */
    hg_quality_add(&q, &(hg_estimate) { (double)NAN, 1 }, true, 4);  /* failed */
    hg_quality_add(&q, &(hg_estimate) { 4, 1 }, true, (double)NAN);  /* nothing is known */
    assert_int_equal(q.n, 4);
    assert_int_equal(q.failed, 1);
    assert_int_equal(q.outside, 1);
    assert_close(hg_quality_mae(&q), 1.25, 1e-15);
    assert_close(hg_quality_rmse(&q), sqrt(11.0 / 4), 1e-15);
    assert_close(hg_quality_bias(&q), 0.75, 1e-15);
    assert_close(hg_quality_largest(&q), 3, 1e-15);
    assert_close(hg_quality_coverage(&q), 2.0 / 3, 1e-15);
    /* absolute errors 1, 1, 3, 0: variance (11 - 4 * 1.25^2) / 3 = 1.58333, over 4 */
    assert_close(hg_quality_mae_sd(&q), sqrt(1.5833333333333333 / 4), 1e-14);
}

static void rows_are_made_in_order(void **state) {
    (void)state;
    hg_quality_table t = { .columns = 2 };
    hg_quality *row;
    for (size_t i = 0; i < 200; i++) { /* 97 keys, in no order */
        assert_ok(hg_quality_row(&row, &t, i * 37 % 97, NULL));
        hg_quality_add(&row[i % 2], &(hg_estimate) { (double)i, 1 }, false, 0);
    }
    size_t n = 0;
    assert_int_equal(t.rows, 97);
    for (size_t i = 0; i < t.rows; i++) {
        assert_int_equal(t.key[i], i);
        n += t.q[2 * i].n + t.q[2 * i + 1].n;
    }
    assert_int_equal(n, 200);
    assert_ok(hg_quality_row(&row, &t, 37, NULL)); /* of i = 1, 98 and 195 */
    assert_int_equal(row[0].n, 1);
    assert_close(row[1].error, 196, 1e-12);
    hg_quality_table_free(&t);
    assert_int_equal(t.rows, 0);
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_quality_row(&row, &t, 5, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_int_equal(t.rows, 0);
    }
    hg_quality_table_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(four_errors_by_hand), TEST(rows_are_made_in_order) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
