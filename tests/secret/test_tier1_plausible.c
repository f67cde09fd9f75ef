/* tests/secret/test_tier1_plausible.c -- a row is doubted when the other rows say something else, and only then */
#include "num/linalg.h"
#include "tier1_problem.h"

static hg_status ask(parties *s, hg_run *r, hg_err *err) {
    const problem *p = s->user;
    hg_share y;
    hg_bits flags;
    HG_TRY(parties_share_doubles(&y, s, r, p->y, p->n, HG_Y_FRACTION, 3, err));
    HG_TRY(hg_t1_plausible(&flags, r, p->tables, &y, p->row, p->n_row, p->threshold, err));
    HG_TRY(hg_run_verify(r, err));
    return parties_out_bits(s, r, "flags", &flags, err);
}

/* The oracle leaves the row out in earnest: universal kriging of n-1 rows, its residual over its standard error. */
static double studentised(const problem *p, size_t left_out) {
    enum { N = PROBLEM_ROWS };
    double l[N * N], a[N], v[N], z[N];
    size_t row[N], n = 0;
    const double length = p->tables->length[p->tables->reference], eta = p->tables->noise_ratio[p->tables->reference];
    for (size_t i = 0; i < p->n; i++)
        if (i != left_out) row[n++] = i;
    row[n] = left_out;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j < n; j++) {
            const double *s = p->pool + 2 * row[i], *t = p->pool + 2 * row[j];
            const double r = sqrt(5 * (pow(s[0] - t[0], 2) + pow(s[1] - t[1], 2))) / length;
            const double k = (1 + r + r * r / 3) * exp(-r);
            if (i < n)
                l[i * n + j] = k + (i == j ? eta : 0);
            else
                a[j] = k;
        }
    assert_int_equal(hg_chol(l, n), 0);
    for (size_t i = 0; i < n; i++) {
        v[i] = 1;
        z[i] = p->y[row[i]];
    }
    hg_chol_lsolve(l, n, a);
    hg_chol_lsolve(l, n, v);
    hg_chol_lsolve(l, n, z);
    const double vv = hg_dot(v, v, n), mu = hg_dot(v, z, n) / vv, left = 1 - hg_dot(a, v, n);
    double q = 0, mean = mu;
    for (size_t i = 0; i < n; i++) {
        const double e = z[i] - mu * v[i];
        q += e * e;
        mean += a[i] * e;
    }
    const double variance = (1 + eta - hg_dot(a, a, n) + left * left / vv) * q / (double)(n - 1);
    return pow(p->y[left_out] - mean, 2) / variance;
}

static void flags_are_those_of_leaving_out(void **state) {
    (void)state;
    size_t flagged = 0, near = 0;
    for (uint64_t seed = 1; seed < 9; seed++) {
        problem p = problem_make(HG_ACQ_UCB, 40, seed < 3 ? 4 + seed : 20, seed);
        hg_cost cost[2];
        p.y[3] += seed % 2 ? 4 : 0.02 * (double)seed;
        p.threshold = seed % 3 ? 16 : 4;
        for (size_t i = 0; i < p.n; i++) p.row[p.n_row++] = p.n - 1 - i;
        problem_tables(&p, NULL);
        parties *s = parties_check(ask, &p, seed, cost);
        assert_int_equal(parties_size(s, "flags"), p.n_row);
        for (size_t i = 0; i < p.n_row; i++) {
            const double x = studentised(&p, p.row[i]) / p.threshold;
            if (fabs(x - 1) < 1e-4) continue;
            assert_int_equal(parties_bit(s, "flags", i), x > 1);
            flagged += x > 1;
            near += x > 0.3 && x < 3;
        }
        if (seed % 2 && p.n == 20) assert_true(parties_bit(s, "flags", p.n - 1 - 3));
        assert_int_equal(cost[0].rounds, 10);
        parties_free(s);
        hg_t1_tables_free(p.tables);
    }
    assert_true(flagged >= 4 && near >= 4);
}

/* Scale and origin of y change nothing; nor does the order of the rows asked for. */
static void flags_ignore_scale_and_origin(void **state) {
    (void)state;
    problem p = problem_make(HG_ACQ_UCB, 40, 20, 3), q;
    p.y[3] += 4;
    p.n_row = 3;
    p.row[0] = 3;
    p.row[1] = 2;
    p.row[2] = 14;
    q = p;
    for (size_t i = 0; i < q.n; i++) q.y[i] = 0.25 * p.y[i] - 3;
    q.row[0] = 14;
    q.row[2] = 3;
    problem_tables(&p, NULL);
    q.tables = p.tables;
    parties *a = parties_check(ask, &p, 1, NULL), *b = parties_check(ask, &q, 2, NULL);
    for (size_t i = 0; i < 3; i++) assert_int_equal(parties_bit(a, "flags", i), parties_bit(b, "flags", 2 - i));
    assert_true(parties_bit(a, "flags", 0) && !parties_bit(a, "flags", 1));
    parties_free(a);
    parties_free(b);
    hg_t1_tables_free(p.tables);
}

static void bad_questions_are_refused(void **state) {
    (void)state;
    problem p = problem_make(HG_ACQ_UCB, 20, 5, 12);
    problem_shrink(&p);
    problem_tables(&p, NULL);
    const hg_run_opts plain = { .mode = HG_PLAIN };
    hg_run *r;
    hg_err err;
    hg_share y;
    hg_bits flags;
    uint64_t words[15] = { 0 };
    const uint64_t *const known[2] = { words, NULL };
    const size_t rows[] = { 1, 5 };
    assert_ok(hg_run_new(&r, &plain, NULL));
    assert_ok(hg_share_input(&y, r, known, 5, 3, NULL));
    assert_int_equal(hg_t1_plausible(&flags, r, p.tables, &y, rows, 2, 16, &err), HG_EINVAL);
    assert_contains(err.msg, "row 5 to check of 5");
    assert_int_equal(hg_t1_plausible(&flags, r, p.tables, &y, rows, 0, 16, &err), HG_EINVAL);
    assert_int_equal(hg_t1_plausible(&flags, r, p.tables, &y, rows, 1, NAN, &err), HG_EINVAL);
    assert_contains(err.msg, "threshold");
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_t1_plausible(&flags, r, p.tables, &y, rows, 1, 16, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        hg_run_free(r); /* a run that lacked memory is over */
        assert_ok(hg_run_new(&r, &plain, NULL));
        assert_ok(hg_share_input(&y, r, known, 5, 3, NULL));
    }
    hg_share short_y = hg_share_view(&y, 0, 3);
    assert_int_equal(hg_t1_plausible(&flags, r, p.tables, &short_y, rows, 1, 16, &err), HG_EINVAL);
    hg_t1_tables_free(p.tables);
    p.n = 3;
    problem_tables(&p, NULL);
    assert_int_equal(hg_t1_plausible(&flags, r, p.tables, &short_y, rows, 1, 16, &err), HG_EINVAL);
    assert_contains(err.msg, "needs 4");
    hg_run_free(r);
    hg_t1_tables_free(p.tables);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(flags_are_those_of_leaving_out),
        TEST(flags_ignore_scale_and_origin),
        TEST(bad_questions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
