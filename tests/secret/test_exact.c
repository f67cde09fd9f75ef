/* tests/secret/test_exact.c -- arithmetic whose digits every server shares */
#include "secret/exact.h"
#include "test.h"
#include "files/hash.h"

/* Against the C library over the whole domain: an oracle of other origin. */
static void functions_are_right(void **state) {
    (void)state;
    for (int i = -4000; i <= 4000; i++) {
        const double x = i * 0.173, turns = i * 0.00137;
        if (x < 700) assert_close(hg_exact_exp(x) / exp(x), 1, 1e-15);
        assert_close(hg_exact_cosine(turns), cos(turns * 6.283185307179586), 1e-14);
        const double y = exp(x < 700 ? x : 700);
        assert_true(fabs(hg_exact_log(y) - log(y)) <= 4e-16 * fmax(fabs(log(y)), 1e-3));
    }
    for (double z = -6; z <= 6; z += 0.01) {
        const double cdf = 0.5 * erfc(-z / sqrt(2));
        assert_true(fabs(hg_exact_normal_cdf(z) - cdf) < 1e-15);
    }
    assert_true(hg_exact_log(1) == 0 && hg_exact_exp(0) == 1);
    assert_true(hg_exact_cosine(0.25) == 0 && hg_exact_cosine(-0.25) == 0);
    assert_close(hg_exact_log(0x1p-1074), -1074 * log(2), 1e-15);
    assert_true(hg_exact_round(2.5) == 2 && hg_exact_round(3.5) == 4 && hg_exact_round(-0.5) == 0);
}

static void normals_are_normal_and_repeat(void **state) {
    (void)state;
    enum { N = 20000 };
    double *z = malloc(N * sizeof *z), again[7], sum[4] = { 0 };
    hg_exact_normals(z, N, 42, 7);
    for (int i = 0; i < N; i++)
        for (int p = 0; p < 4; p++) sum[p] += pow(z[i], p + 1) / N;
    assert_true(fabs(sum[0]) < 0.03 && fabs(sum[1] - 1) < 0.05 && fabs(sum[2]) < 0.1 && fabs(sum[3] - 3) < 0.25);
    hg_exact_normals(again, 7, 42, 7); /* a prefix: each number depends on its place alone */
    assert_memory_equal(again, z, sizeof again);
    hg_rng rng = hg_rng_make(42, 7);
    for (int i = 0; i < 100; i++) assert_close(z[i], hg_rng_normal(&rng), 1e-13);
    hg_exact_normals(again, 7, 42, 8);
    assert_true(again[0] != z[0]);
    free(z);
}

/* Matern-5/2 and squared exponential at r = length: (1 + s + s^2/3) exp(-s), s = sqrt 5; exp(-1/2). */
static void kernels_by_hand(void **state) {
    (void)state;
    const double x[] = { 0, 3, 1, 0, 4, 1 }, a[] = { 0, 0 }; /* columns: points (0,0), (3,4), (1,1) */
    double r2[3], k[3];
    hg_exact_distances(r2, x, 3, 3, a, 2);
    assert_true(r2[0] == 0 && r2[1] == 25 && r2[2] == 2);
    hg_exact_kernel(k, r2, 3, 5, true);
    assert_close(k[1], (1 + sqrt(5) + 5.0 / 3) * exp(-sqrt(5)), 1e-15);
    assert_true(k[0] == 1);
    hg_exact_kernel(k, r2, 3, 5, false);
    assert_close(k[1], exp(-0.5), 1e-15);
    assert_true(k[0] == 1);
}

/* The order of a sum stands in the header; here it is done by hand, one number after the other. */
static void sums_have_one_order(void **state) {
    (void)state;
    double x[77], y[77], w[9 * HG_LANES], copy[9 * HG_LANES], g[9], k[9], a[HG_LANES], sum[HG_LANES], two[HG_LANES];
    hg_exact_normals(x, 77, 1, 0);
    hg_exact_normals(y, 77, 1, 1);
    for (size_t n = 0; n <= 77; n++) {
        double s[8] = { 0 };
        for (size_t i = 0; i < n; i++) s[i % 8] += x[i] * y[i];
        const double all = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
        assert_true(hg_exact_dot(x, y, n) == all);
    }
    hg_exact_normals(w, 9 * HG_LANES, 2, 0);
    hg_exact_normals(g, 9, 2, 1);
    hg_exact_normals(k, 9, 2, 2);
    hg_exact_normals(a, HG_LANES, 2, 3);
    memcpy(copy, w, sizeof w);
    hg_exact_block_step(w, g, a, sum, k, 9);
    hg_exact_block_step(copy, g, a, NULL, NULL, 9);
    hg_exact_block_dot(two, k, copy, 9);
    assert_memory_equal(w, copy, sizeof w);
    assert_memory_equal(sum, two, sizeof sum);
    for (int j = 0; j < HG_LANES; j++) {
        double by_hand = 0;
        for (int r = 0; r < 9; r++) by_hand += k[r] * copy[r * HG_LANES + j];
        assert_true(by_hand == sum[j]);
    }
}

static void cholesky_rebuilds_its_matrix(void **state) {
    (void)state;
    enum { N = 23 };
    double a[N * N], l[N * N], x[2 * N];
    hg_exact_normals(x, 2 * N, 3, 0);
    for (int i = 0; i < N; i++) {
        const double at[] = { x[i], x[N + i] };
        hg_exact_distances(a + i * N, x, N, N, at, 2);
        hg_exact_kernel(a + i * N, a + i * N, N, 0.8, true);
        a[i * N + i] += 1e-6;
    }
    memcpy(l, a, sizeof a);
    assert_true(hg_exact_cholesky(l, N));
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int k = 0; k <= j; k++) sum += l[i * N + k] * l[j * N + k];
            assert_close(sum, a[i * N + j], 1e-14);
            if (j < i) assert_true(l[j * N + i] == 0);
        }
    a[0] = -1;
    assert_false(hg_exact_cholesky(a, N));
}

/* One digest over a few thousand results: it is the same for gcc and clang, -O0 and -O3, SSE2 and AVX-512, or this fails on one
 * of them. Change it only together with the definition of a function. */
static void digits_are_the_same_everywhere(void **state) {
    (void)state;
    enum { N = 1003 };
    static double z[4 * N], r2[N], w[40 * HG_LANES];
    hg_exact_normals(z, 4 * N, 5, 0);
    hg_hash *h;
    char hex[HG_HASH_SIZE];
    assert_ok(hg_hash_new(&h, NULL));
    assert_ok(hg_hash_add(h, z, sizeof z, NULL));
    for (int matern = 0; matern < 2; matern++) {
        const double at[] = { 0.1, -0.2, 0.3, 0 };
        hg_exact_distances(r2, z, N, N, at, 4);
        hg_exact_kernel(r2, r2, N, 0.7, matern);
        assert_ok(hg_hash_add(h, r2, sizeof r2, NULL));
    }
    for (int i = 0; i < N; i++) r2[i] = hg_exact_log(fabs(z[i])) + hg_exact_normal_cdf(z[i]) + hg_exact_exp(50 * z[i]);
    assert_ok(hg_hash_add(h, r2, sizeof r2, NULL));
    for (size_t n = 900; n < N; n++) r2[n] = hg_exact_dot(z, z + N, n);
    hg_exact_block_step(w, z, z + 100, r2, z + 200, 40);
    hg_exact_block_step(w, z + 300, z + 400, r2 + 100, z + 500, 40);
    assert_ok(hg_hash_add(h, r2, sizeof r2, NULL));
    assert_ok(hg_hash_add(h, w, sizeof w, NULL));
    assert_ok(hg_hash_hex(hex, h, NULL));
    hg_hash_free(h);
    assert_string_equal(hex, "8747f123f2a959e8e59f254304597017a1c8c699886ca21fb2369c2c105ef2cf");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(functions_are_right), TEST(normals_are_normal_and_repeat), TEST(kernels_by_hand),
        TEST(sums_have_one_order), TEST(cholesky_rebuilds_its_matrix),  TEST(digits_are_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
