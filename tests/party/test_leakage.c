/* tests/party/test_leakage.c -- what an answer tells: counted, priced, said in words, and measured where it can be worked out by hand */
#include "party/leakage.h"
#include "party.h"
#include "secret/tier1.h"
#include "test.h"

static hg_policy *read(const hg_text *t) {
    hg_policy *p;
    hg_err err;
    assert_ok_err(hg_policy_read(&p, "policy.yaml", t->s, t->len, &err), err);
    return p;
}

/* A pool of one feature x at the given places; one length and one noise, so that nothing but the values is uncertain. */
static hg_policy *line(const double *x, size_t n, const char *more) {
    hg_text t = hg_text_new(0), out = hg_text_new(0);
    test_policy_text(&t, "properties", "semi-honest", more);
    char *features = strstr(t.s, "features:"), *members = strstr(t.s, "members:");
    hg_text_put(&out, t.s, (size_t)(features - t.s));
    hg_text_add(&out, "features: [{column: x, low: 0, high: 10}]\npool:\n  rows: |\n    x\n");
    for (size_t i = 0; i < n; i++) hg_text_add(&out, "    %.17g\n", x[i]);
    hg_text_add(&out, "%s", members);
    hg_policy *p = read(&out);
    hg_text_free(&t);
    hg_text_free(&out);
    return p;
}

static const char ONE_THETA[] =
    "model: {kernel: rbf, lengths: [0.5], noises: [0.01], acquisition: ucb, kappa: 1}\nlimits: {least candidates: 2}\n";

/* 36 candidates: log2 36 = 5.17 bits; 3 released bits are one more answer's worth. */
static void bits_and_prices_add_up(void **state) {
    (void)state;
    hg_leakage l;
    hg_policy *p = test_policy("properties", "semi-honest", "limits: {release bits: 3, proposals per query: 4}\n");
    hg_leakage_of(&l, p, 4);
    assert_int_equal(l.candidates, 36);
    assert_close(l.bits_index, 5.169925001442312, 1e-12);
    assert_int_equal(l.inequalities, 35);
    assert_int_equal(l.price, 8);
    assert_close(l.bits_job, 4 * 8.169925001442312, 1e-12);
    assert_close(l.bits_budget, 10 * 8.169925001442312, 1e-12); /* a budget of 20 is 10 such answers */
    hg_policy_free(p);
    p = test_policy("indices", "malicious", "limits: {release bits: 6}\n");
    hg_leakage_of(&l, p, 1);
    assert_int_equal(l.price, 3); /* 6 bits are more than one answer, less than two */
    assert_int_equal(l.inequalities, 0);
    assert_int_equal(hg_leakage_price(p, 2), 6);
    hg_policy_free(p);
}

static void words_say_who_learns_what(void **state) {
    (void)state;
    static const struct {
        const char *tier, *more, *says[3];
    } CASES[] = {
        { "properties",
          "",
          { "goes to the user who asked, to nobody else", "Nothing else is told", "which candidates were measured" } },
        { "indices",
          "",
          { "padded row counts", "No server sees a value or which candidate was proposed", "Price: 1" } },
        { "compositions", "limits: {entries: 64}\n", { "one of 64 candidates", "number of features", "6.00 bits" } },
        { "properties",
          "model: {fixed: true, lengths: [0.5], noises: [0.01]}\nlimits: {privacy epsilon: 2, privacy budget: 8}\n",
          { "differentially private with epsilon 2", "35 linear inequalities", "Price: 1" } },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        hg_policy *p = test_policy(CASES[i].tier, "malicious", CASES[i].more);
        hg_text t = hg_text_new(0);
        hg_leakage l;
        hg_leakage_of(&l, p, 1);
        assert_ok(hg_leakage_words(&t, p, &l, NULL, NULL));
        for (size_t k = 0; k < 3; k++) assert_contains(t.s, CASES[i].says[k]);
        assert_null(strstr(t.s, "made-up"));
        hg_text_free(&t);
        const hg_leakage_estimate e = { .samples = 4000, .hidden = 6, .bits_first = 4.77, .spread = { 0.81, 0.65 } };
        assert_ok(hg_leakage_words(&t, p, &l, &e, NULL));
        assert_contains(t.s, "6 of their values hidden: the first answer tells 4.8 bits");
        assert_contains(t.s, "After 2 answers a hidden value is known to 0.65 of what it was before.");
        hg_text_free(&t);
        hg_policy_free(p);
    }
}

/* Candidates at 0 and 10, hidden rows at 4 and 6: by symmetry the answer is on the side of the greater value. One bit; and
 * of two uniform numbers whose order is known each has the variance 1/18 instead of 1/12. */
static void two_hidden_rows_by_hand(void **state) {
    (void)state;
    static const double X[] = { 0, 4, 6, 10 };
    static const size_t MEASURED[] = { 1, 2 };
    hg_policy *p = line(X, 4, ONE_THETA);
    hg_leakage_opts o = hg_leakage_opts_default();
    hg_leakage_estimate e;
    hg_err err;
    o.samples = 2000;
    assert_ok_err(hg_leakage_measure(&e, p, MEASURED, NULL, 2, &o, &err), err);
    assert_close(e.bits_first, 1, 0.01);
    assert_close(e.spread[0], sqrt(12. / 18), 0.02);
    assert_close(e.spread[1], e.spread[0], 0.02); /* one candidate is left: the second answer tells nothing */
    hg_policy_free(p);
}

/* With few samples in a group its own mean takes a part of the variance away: what is pooled must be right on average, or dry runs
 * would show more leaking than leaks. */
static void few_samples_are_right_on_average(void **state) {
    (void)state;
    static const double X[] = { 0, 4, 6, 10 };
    static const size_t MEASURED[] = { 1, 2 };
    hg_policy *p = line(X, 4, ONE_THETA);
    double mean = 0;
    size_t n = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        hg_leakage_estimate e;
        const hg_leakage_opts o = { .samples = 5, .truths = 1, .seed = seed };
        assert_ok(hg_leakage_measure(&e, p, MEASURED, NULL, 2, &o, NULL));
        mean += e.spread[0] * e.spread[0];
        n++;
    }
    assert_close(mean / (double)n, 12. / 18, 0.06);
    hg_policy_free(p);
}

/* The user's own value is no secret; with it, only the other row is pinned down: y > own or y < own. own in the middle: one
 * bit, half the spread. own at three quarters: H(1/4) bits, variance 3/4 (3/4)^2 + 1/4 (1/4)^2. */
static void ones_own_values_are_no_secret(void **state) {
    (void)state;
    static const double X[] = { 0, 4, 6, 10 };
    static const size_t MEASURED[] = { 1, 2 };
    hg_policy *p = line(X, 4, ONE_THETA);
    hg_leakage_opts o = hg_leakage_opts_default();
    hg_leakage_estimate e;
    hg_err err;
    o.samples = 2000;
    const double middle[] = { 1.5, NAN }, high[] = { 2.25, NAN }, both[] = { 1.5, 1 }, outside[] = { 4, NAN };
    assert_ok_err(hg_leakage_measure(&e, p, MEASURED, middle, 2, &o, &err), err);
    assert_int_equal(e.hidden, 1);
    assert_close(e.bits_first, 1, 0.01);
    assert_close(e.spread[0], 0.5, 0.02);
    assert_ok_err(hg_leakage_measure(&e, p, MEASURED, high, 2, &o, &err), err);
    assert_close(e.bits_first, 0.8113, 0.04);
    assert_close(e.spread[0], sqrt(0.75 * 0.75 * 0.75 + 0.25 * 0.25 * 0.25), 0.02);
    assert_int_equal(hg_leakage_measure(&e, p, MEASURED, both, 2, &o, &err), HG_EINVAL);
    assert_contains(err.msg, "the user's own");
    assert_int_equal(hg_leakage_measure(&e, p, MEASURED, outside, 2, &o, &err), HG_EINVAL);
    hg_policy_free(p);
}

/* An oracle apart: the entropy and the spread from a histogram of answers to a regular grid of values, not a random one. */
static void a_grid_of_values_agrees(void **state) {
    (void)state;
    enum { SIDE = 40, N = 9 };
    static const double X[N] = { 0, 1, 2.5, 3.5, 5, 6, 7, 8.5, 10 };
    static const size_t MEASURED[] = { 2, 5 };
    hg_policy *p = line(X, N, ONE_THETA);
    double scaled[N], sum[N] = { 0 }, square[N] = { 0 }, entropy = 0, variance = 0;
    bool excluded[N] = { false };
    size_t count[N] = { 0 };
    hg_t1_tables *t;
    excluded[2] = excluded[5] = true;
    hg_policy_scaled_pool(scaled, p);
    assert_ok(hg_t1_tables_new(&t, NULL, &p->model, scaled, N, 1, MEASURED, 2, NULL, NULL, NULL));
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        const double y[] = { -8 + 16 * ((double)(i / SIDE) + 0.5) / SIDE, -8 + 16 * ((double)(i % SIDE) + 0.5) / SIDE };
        const hg_t1_opts o = { .excluded = excluded };
        size_t index;
        double gap;
        assert_ok(hg_t1_float(&index, &gap, NULL, t, y, &o, NULL));
        count[index]++;
        sum[index] += y[0];
        square[index] += y[0] * y[0];
    }
    for (size_t j = 0; j < N; j++) {
        if (!count[j]) continue;
        const double n = (double)count[j], all = SIDE * SIDE;
        entropy -= n / all * log2(n / all);
        variance += (square[j] - sum[j] * sum[j] / n) / all;
    }
    hg_leakage_opts o = hg_leakage_opts_default();
    hg_leakage_estimate e;
    hg_err err;
    assert_ok_err(hg_leakage_measure(&e, p, MEASURED, NULL, 2, &o, &err), err);
    assert_close(e.bits_first, entropy, 0.05);
    assert_close(e.spread[0], sqrt(variance / (256. / 12)),
                 0.05); /* by symmetry of the prior both values alike, nearly */
    assert_true(e.bits_error > 0 && e.bits_error < 0.05);
    assert_true(e.spread[1] < e.spread[0]);
    hg_t1_tables_free(t);
    hg_policy_free(p);
}

static void threads_and_order_change_nothing(void **state) {
    (void)state;
    static const double X[] = { 0, 1, 2.5, 4, 5, 6.5, 8, 10 };
    static const size_t MEASURED[] = { 1, 3, 6 };
    hg_policy *p = line(X, 8, ONE_THETA);
    hg_leakage_opts o = hg_leakage_opts_default();
    hg_leakage_estimate one, two;
    hg_pool *pool;
    o.samples = 500;
    assert_ok(hg_leakage_measure(&one, p, MEASURED, NULL, 3, &o, NULL));
    assert_ok(hg_pool_new(&pool, 2, NULL));
    o.threads = pool;
    assert_ok(hg_leakage_measure(&two, p, MEASURED, NULL, 3, &o, NULL));
    assert_memory_equal(&one, &two, sizeof one);
    hg_pool_free(pool);
    hg_policy_free(p);
}

static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)user, (void)what, (void)done, (void)total;
    return false;
}

static void refuses_what_it_cannot_measure(void **state) {
    (void)state;
    static const double X[] = { 0, 4, 6, 10 };
    static const size_t MEASURED[] = { 1, 2 }, WRONG[] = { 1, 4 };
    size_t many[HG_LEAKAGE_ROWS + 1] = { 0 };
    hg_leakage_estimate e;
    hg_leakage_opts o = hg_leakage_opts_default();
    hg_err err;
    hg_policy *p = line(X, 4, ONE_THETA), *q = test_policy("indices", "semi-honest", "");
    hg_policy *noisy = line(X, 4,
                            "model: {fixed: true, lengths: [0.5], noises: [0.01]}\n"
                            "limits: {least candidates: 2, privacy epsilon: 2, privacy budget: 8}\n");
    assert_int_equal(hg_leakage_measure(&e, q, MEASURED, NULL, 2, NULL, &err), HG_EINVAL);
    assert_int_equal(hg_leakage_measure(&e, noisy, MEASURED, NULL, 2, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "differentially private");
    assert_int_equal(hg_leakage_measure(&e, p, WRONG, NULL, 2, NULL, &err), HG_EINVAL);
    assert_int_equal(hg_leakage_measure(&e, p, MEASURED, NULL, 1, NULL, &err), HG_ELIMIT);
    assert_int_equal(hg_leakage_measure(&e, p, many, NULL, HG_LEAKAGE_ROWS + 1, NULL, &err), HG_ELIMIT);
    o.samples = 100;
    const hg_hooks hooks = { .progress = stop };
    o.hooks = &hooks;
    assert_int_equal(hg_leakage_measure(&e, p, MEASURED, NULL, 2, &o, &err), HG_ECANCEL);
    o.hooks = NULL;
    o.truths = 101;
    assert_int_equal(hg_leakage_measure(&e, p, MEASURED, NULL, 2, &o, &err), HG_EINVAL);
    o = (hg_leakage_opts) { .samples = 6, .truths = 2, .seed = 1 };
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_leakage_measure(&e, p, MEASURED, NULL, 2, &o, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k > 20);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    hg_policy_free(p);
    hg_policy_free(q);
    hg_policy_free(noisy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(bits_and_prices_add_up),           TEST(words_say_who_learns_what),      TEST(two_hidden_rows_by_hand),
        TEST(few_samples_are_right_on_average), TEST(ones_own_values_are_no_secret),  TEST(a_grid_of_values_agrees),
        TEST(threads_and_order_change_nothing), TEST(refuses_what_it_cannot_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
