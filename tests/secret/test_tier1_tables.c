/* tests/secret/test_tier1_tables.c -- public integer tables: right, the same on every server, cheap to extend, refused when too wide */
#include "tier1_problem.h"

static void digest_of(unsigned char digest[32], const hg_t1_tables *t) { hg_t1_tables_digest(t, digest); }

/* Two rows at 0 and 1, a candidate between them. By symmetry its weights are 1/2 and 1/2. With e = 1 + eta, k = k(1), h = k(1/2):
 * simple kriging weights are h / (e + k), u = 1 / (e + k), vv = 2 / (e + k). And c q = (y1 - y2)^2 / p^2 whatever
 * theta is: restricted likelihood knows nothing at two rows, the prior decides. */
static void two_rows_by_hand(void **state) {
    (void)state;
    const double pool[] = { 0, 0.5, 1 };
    const size_t measured[] = { 0, 2 };
    hg_secret_model m;
    hg_secret_model_default(&m);
    hg_t1_tables *t;
    assert_ok(hg_t1_tables_new(&t, NULL, &m, pool, 3, 1, measured, 2, NULL, NULL, NULL));
    assert_int_equal(t->thetas, 64);
    assert_int_equal(t->drop, 1); /* 1 / p reaches 200 in the corners of the grid: more than 32 bits hold at 2^24 */
    for (size_t i = 0; i < t->thetas; i++) {
        const double length = m.length[i / 4], eta = m.noise[i % 4], e = 1 + eta;
        const double a = sqrt(5) / length, k = (1 + a + a * a / 3) * exp(-a);
        const double b = a / 2, h = (1 + b + b * b / 3) * exp(-b);
        const int32_t *w = t->weight + (i * 3 + 1) * 2;
        assert_int_equal(w[0], 1 << 23);
        assert_int_equal(w[1], 1 << 23);
        const double one = 2 * h / (e + k), s2 = 1 - 2 * h * h / (e + k) + (1 - one) * (1 - one) * (e + k) / 2;
        assert_close((double)t->spread[1 * t->thetas + i], 2 * sqrt(s2) * 0x1p24, 1e-7);
        const double p = log(length / 0.5), q = log(eta / 0.01) / 2, prior = exp(-0.5 * (p * p + q * q));
        double form = 0;
        for (size_t r = 0; r < 2; r++) {
            const int32_t *root = t->root + (i * 2 + r) * 2;
            assert_true(abs(root[0] + root[1]) <= 1); /* R 1 = 0 */
            form += pow((root[0] * 3.0 + root[1] * -4.0) * 0x1p-23, 2);
        }
        assert_close(form, 49 / (prior * prior), 1e-5);
    }
    assert_true(m.length[t->reference / 4] == 0.5 && m.noise[t->reference % 4] == 0.01);
    hg_t1_tables_free(t);
}

/* T_k = ceil(2^96 c dof 2^((2 i_k - 1) / 16)); c = |K| 1'K^-1 1 / p^2 at two rows. */
static void thresholds_and_levels_by_hand(void **state) {
    (void)state;
    const double pool[] = { 0, 1 };
    const size_t measured[] = { 0, 1 };
    hg_secret_model m;
    hg_secret_model_default(&m);
    m.n_length = m.n_noise = 1;
    m.length[0] = 0.5;
    m.noise[0] = 0.01;
    m.sigma_low = -3;
    m.sigma_levels = 5;
    hg_t1_tables *t;
    assert_ok(hg_t1_tables_new(&t, NULL, &m, pool, 2, 1, measured, 2, NULL, NULL, NULL));
    const double a = sqrt(5) / 0.5, k = (1 + a + a * a / 3) * exp(-a), c = 2 * (1.01 - k);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(t->sigma[i], llrint(0x1p24 * exp2((i - 3) / 16.0)));
        const uint64_t *word = t->threshold + 2 * (i - 1);
        if (i)
            assert_close(ldexp((double)word[1], 64) + (double)word[0], 0x1p96 * c * exp2((2 * (i - 3) - 1) / 16.0),
                         1e-13);
    }
    hg_t1_tables_free(t);
}

/* The float run has its own means and spreads; here the integers are compared with textbook kriging, solved densely. */
static void weights_are_universal_kriging(void **state) {
    (void)state;
    problem p = problem_make(HG_ACQ_EI, 30, 12, 3);
    problem_tables(&p, NULL);
    const hg_t1_tables *t = p.tables;
    enum { N = 13 }; /* 12 rows and the constant: [K 1; 1' 0] [w; mu] = [k; 1] */
    for (size_t i = 0; i < t->thetas; i += 5)
        for (size_t j = 12; j < 30; j += 7) {
            double a[N][N + 1] = { { 0 } };
            for (size_t r = 0; r < N; r++)
                for (size_t c = 0; c <= N; c++) {
                    const size_t at = c < 12 ? c : j;
                    double r2 = 0, k;
                    for (size_t x = 0; x < 2 && r < 12; x++) r2 += pow(p.pool[2 * r + x] - p.pool[2 * at + x], 2);
                    hg_exact_kernel(&k, &r2, 1, t->length[i], true);
                    a[r][c] = r == 12 ? c != 12 : c == 12 ? 1 : k + (r == c ? t->noise_ratio[i] : 0);
                }
            for (size_t c = 0; c < N; c++) { /* Gauss and Jordan with the greatest pivot */
                size_t best = c;
                for (size_t r = c; r < N; r++) best = fabs(a[r][c]) > fabs(a[best][c]) ? r : best;
                for (size_t x = 0; x <= N; x++) {
                    const double swap = a[c][x];
                    a[c][x] = a[best][x];
                    a[best][x] = swap;
                }
                for (size_t r = 0; r < N; r++)
                    for (size_t x = N + 1; r != c && x-- > c;) a[r][x] -= a[r][c] / a[c][c] * a[c][x];
            }
            int64_t sum = 0;
            for (size_t r = 0; r < 12; r++) {
                const int32_t w = t->weight[(i * 30 + j) * 12 + r];
                assert_true(fabs(w - 0x1p24 * a[r][N] / a[r][r]) < 1.5);
                sum += w;
            }
            assert_true(llabs(sum - (1 << 24)) <= 6);
        }
    hg_t1_tables_free(p.tables);
}

/* Rows one at a time, in pieces, at once; one thread and three: one digest. */
static void growing_tables_have_the_digits_of_new_ones(void **state) {
    (void)state;
    static const hg_acquisition all[] = { HG_ACQ_UCB, HG_ACQ_EI, HG_ACQ_PI, HG_ACQ_THOMPSON };
    hg_pool *threads;
    assert_ok(hg_pool_new(&threads, 3, NULL));
    for (size_t a = 0; a < 4; a++) {
        problem p = problem_make(all[a], 50, 17, 4);
        problem_shrink(&p);
        p.measured[9] = p.measured[2]; /* a repeat */
        unsigned char expected[32], got[32];
        problem_tables(&p, NULL);
        digest_of(expected, p.tables);
        hg_t1_tables_free(p.tables);
        for (size_t step = 1; step < 6; step += 2) {
            hg_t1_tables *t = NULL, *next;
            for (size_t n = 2; n < 17 + step; n += step) {
                const size_t rows = n < 17 ? n : 17;
                assert_ok(hg_t1_tables_new(&next, t, &p.model, p.pool, 50, 2, p.measured, rows,
                                           step == 3 ? threads : NULL, NULL, NULL));
                if (t && rows > t->n) assert_null(t->work);
                hg_t1_tables_free(t);
                t = next;
            }
            digest_of(got, t);
            assert_memory_equal(got, expected, 32);
            hg_t1_tables_free(t);
        }
    }
    hg_pool_free(threads);
}

/* Former tables that are no beginning of the new ones are left alone. */
static void what_does_not_continue_is_built_from_scratch(void **state) {
    (void)state;
    problem p = problem_make(HG_ACQ_UCB, 20, 8, 5);
    problem_shrink(&p);
    unsigned char expected[32], got[32];
    problem_tables(&p, NULL);
    digest_of(expected, p.tables);
    hg_t1_tables *whole = p.tables;
    for (int change = 0; change < 6; change++) {
        problem other = p;
        if (change == 0) other.measured[1] = 19;
        if (change == 1) other.pool[39] += 1e-9;
        if (change == 2) other.model.length[0] = 0.15;
        if (change == 3) other.model.matern = false;
        if (change == 4) other.n = 9;
        if (change == 5) other.model.fixed = true;
        problem_tables(&other, NULL);
        problem_tables(&p, other.tables);
        assert_non_null(other.tables->work);
        digest_of(got, p.tables);
        assert_memory_equal(got, expected, 32);
        digest_of(got, other.tables);
        assert_memory_not_equal(got, expected, 32); /* and the digest sees each of these changes */
        hg_t1_tables_free(other.tables);
        hg_t1_tables_free(p.tables);
    }
    hg_t1_tables_free(whole);
}

/* gcc and clang, -O0 and -O3, SSE2 and AVX-512 give these digits or must not work together. Change them only with the definition. */
static void digests_are_the_same_everywhere(void **state) {
    (void)state;
    static const struct {
        hg_acquisition acquisition;
        const char *digest;
    } known[] = { { HG_ACQ_UCB, "7dca4d782fc2b61b366c207fecda58ca4364eb3b073b3216a4bae82d2f2fff37" },
                  { HG_ACQ_EI, "7c729f4d4afda78b8fa15c5dbfa7eea7fb883648b105f4f912a390a3aa279f67" },
                  { HG_ACQ_PI, "b31daf0e7c33c0214a8bf633226a99dc95bb66ff54d68484c374d40cb799dc9e" },
                  { HG_ACQ_THOMPSON, "217ad663b5d4b688a57f99997b3ca895c2cf012efc38c97a31d50f18bee0d31e" } };
    for (size_t a = 0; a < 4; a++) {
        problem p = problem_make(known[a].acquisition, 40, 15, 6);
        hg_rng rng = hg_rng_make(6, 6); /* no libm in what this depends on */
        for (size_t i = 0; i < 80; i++) p.pool[i] = hg_rng_uniform(&rng);
        problem_tables(&p, NULL);
        unsigned char digest[32];
        char hex[65];
        digest_of(digest, p.tables);
        for (size_t i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        hg_t1_tables_free(p.tables);
        assert_string_equal(hex, known[a].digest);
    }
}

/* Rows on the line x = 1/2: candidates at 1/2 - a and 1/2 + a are the same to the last digit, and the lower index wins. */
static void mirror_images_tie_and_the_lower_index_wins(void **state) {
    (void)state;
    problem p = problem_make(HG_ACQ_UCB, 40, 6, 7);
    problem_shrink(&p);
    for (size_t i = 0; i < 40; i++) {
        const double away = (double)(1 + i / 2) / 64, y = (double)((i / 2) * 7 % 11) / 16;
        p.pool[2 * i] = i < 6 ? 0.5 : i % 2 ? 0.5 + away : 0.5 - away;
        p.pool[2 * i + 1] = i < 6 ? (double)i / 8 : y;
    }
    problem_tables(&p, NULL);
    for (size_t i = 0; i < p.tables->thetas; i++)
        for (size_t j = 6; j < 40; j += 2) {
            const int32_t *w = p.tables->weight + (i * 40 + j) * 6;
            assert_memory_equal(w, w + 6, 6 * sizeof *w);
            assert_int_equal(p.tables->spread[j * p.tables->thetas + i],
                             p.tables->spread[(j + 1) * p.tables->thetas + i]);
        }
    parties *s = parties_check(problem_propose, &p, 9, NULL);
    assert_int_equal(problem_index(s, 0) % 2, 0);
    parties_free(s);
    hg_t1_tables_free(p.tables);
}

/* q of the worst y stays below 2^126 for every theta, at 500 rows in 60 places; the certificate is not far above it. */
static void the_certificate_holds_at_500_rows(void **state) {
    (void)state;
    enum { M = 60, N = 500 };
    hg_secret_model m;
    hg_secret_model_default(&m);
    m.n_length = 3;
    m.length[1] = 0.5;
    m.length[2] = 2.3;
    m.n_noise = 2;
    double pool[2 * M];
    size_t measured[N];
    hg_rng rng = hg_rng_make(8, 0);
    for (size_t i = 0; i < 2 * M; i++) pool[i] = hg_rng_uniform(&rng);
    for (size_t i = 0; i < N; i++) measured[i] = hg_rng_below(&rng, M);
    hg_t1_tables *t;
    hg_err err;
    assert_ok_err(hg_t1_tables_new(&t, NULL, &m, pool, M, 2, measured, N, NULL, NULL, &err), err);
    assert_int_equal(t->drop, 0);
    double most = 0;
    for (size_t i = 0; i < t->thetas; i++) { /* y = +-8 by the signs of one row of R: that row's z is at its greatest */
        const int32_t *root = t->root + i * N * N;
        double q = 0;
        for (size_t r = 0; r < N; r++) {
            double z = 0;
            for (size_t k = 0; k < N; k++) z += (root[(N - 1) * N + k] < 0 ? -0x1p27 : 0x1p27) * root[r * N + k];
            q += z * z;
        }
        most = fmax(most, q);
    }
    assert_true(most < 0x1p126 && most > 0x1p96);
    hg_t1_tables_free(t);
}

/* A narrow prior makes sqrt(c) large at few rows: root loses bits, and still the same candidate is proposed; narrower yet, and
 * the tables are refused. */
static void bits_are_dropped_before_anything_wraps(void **state) {
    (void)state;
    problem p = problem_make(HG_ACQ_UCB, 30, 3, 9);
    problem_shrink(&p);
    p.model.length_sd = 0.3;
    problem_tables(&p, NULL);
    assert_in_range(p.tables->drop, 1, HG_T1_DROP_MOST);
    size_t index;
    const double gap = problem_float(&index, &p, NULL);
    parties *s = parties_check(problem_propose, &p, 10, NULL);
    assert_true(gap > 1e-5);
    assert_int_equal(problem_index(s, 0), index);
    parties_free(s);
    hg_t1_tables_free(p.tables);
    p.model.length_sd = 0.1;
    hg_err err;
    assert_int_equal(hg_t1_tables_new(&p.tables, NULL, &p.model, p.pool, 30, 2, p.measured, 2, NULL, NULL, &err),
                     HG_ELIMIT);
    assert_contains(err.msg, "does not fit in 128 bits");
    assert_null(p.tables);
}

static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)user;
    (void)what;
    (void)total;
    return done == 0;
}

static void bad_input_is_refused(void **state) {
    (void)state;
    problem p = problem_make(HG_ACQ_UCB, 20, 5, 10);
    problem_shrink(&p);
    hg_err err;
    hg_t1_tables *t;
#define REFUSED(status, words, ...)                                                                                    \
    do {                                                                                                               \
        t = (hg_t1_tables *)&err;                                                                                      \
        assert_int_equal(hg_t1_tables_new(&t, NULL, __VA_ARGS__, &err), status);                                       \
        assert_contains(err.msg, words);                                                                               \
        assert_null(t);                                                                                                \
    } while (0)
    REFUSED(HG_EINVAL, "1 measured rows", &p.model, p.pool, 20, 2, p.measured, 1, NULL, NULL);
    REFUSED(HG_EINVAL, "1 candidates", &p.model, p.pool, 1, 2, p.measured, 5, NULL, NULL);
    REFUSED(HG_EINVAL, "row 2 was measured at candidate 2 of 2", &p.model, p.pool, 2, 2, p.measured, 5, NULL, NULL);
    const hg_hooks hooks = { .progress = stop };
    REFUSED(HG_ECANCEL, "stopped", &p.model, p.pool, 20, 2, p.measured, 5, NULL, &hooks);
    p.pool[7] = NAN;
    REFUSED(HG_ENAN, "candidate row 3", &p.model, p.pool, 20, 2, p.measured, 5, NULL, NULL);
    p.pool[7] = 0;
    p.model.kappa = -1;
    REFUSED(HG_EINVAL, "kappa", &p.model, p.pool, 20, 2, p.measured, 5, NULL, NULL);
    hg_secret_model_default(&p.model);
    double *large = calloc(2 * 2001, sizeof *large);
    REFUSED(HG_EINVAL, "a grid of 64 points for 2001 candidates", &p.model, large, 2001, 2, p.measured, 5, NULL, NULL);
    free(large);
    p.model.kappa = 16;
    p.model.sigma_low = -127; /* up to 2^8: 64 sigma pass the ring */
    REFUSED(HG_ELIMIT, "too large for scores", &p.model, p.pool, 20, 2, p.measured, 5, NULL, NULL);
    assert_contains(err.hint, "lower the highest sigma");
}

static void no_memory_is_an_error_and_former_tables_live(void **state) {
    (void)state;
    problem p = problem_make(HG_ACQ_THOMPSON, 40, 6, 11);
    problem_shrink(&p);
    for (long k = 0;; k++) {
        hg_t1_tables *before, *t = (hg_t1_tables *)&p;
        assert_ok(hg_t1_tables_new(&before, NULL, &p.model, p.pool, 40, 2, p.measured, 4, NULL, NULL, NULL));
        fail_alloc_after(k);
        const hg_status st =
            hg_t1_tables_new(&t, k % 2 ? before : NULL, &p.model, p.pool, 40, 2, p.measured, 6, NULL, NULL, NULL);
        fail_alloc_after(-1);
        hg_t1_tables *again; /* whatever happened to the working state */
        if (st != HG_OK) {
            assert_int_equal(st, HG_ENOMEM);
            assert_null(t);
            assert_ok(hg_t1_tables_new(&again, before, &p.model, p.pool, 40, 2, p.measured, 6, NULL, NULL, NULL));
            hg_t1_tables_free(again);
        }
        hg_t1_tables_free(before);
        hg_t1_tables_free(t);
        if (st == HG_OK && k % 2 == 0) break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(two_rows_by_hand),
        TEST(thresholds_and_levels_by_hand),
        TEST(weights_are_universal_kriging),
        TEST(growing_tables_have_the_digits_of_new_ones),
        TEST(what_does_not_continue_is_built_from_scratch),
        TEST(digests_are_the_same_everywhere),
        TEST(mirror_images_tie_and_the_lower_index_wins),
        TEST(the_certificate_holds_at_500_rows),
        TEST(bits_are_dropped_before_anything_wraps),
        TEST(bad_input_is_refused),
        TEST(no_memory_is_an_error_and_former_tables_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
