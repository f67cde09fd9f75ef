/* tests/num/test_linalg.c -- the algebra on matrices one can check by hand, and on random ones against plain loops */
#include "core/memory.h"
#include "num/linalg.h"
#include "test.h"
#include <cblas.h>

enum { N = 37, M = 21 };

/* a[n,n] = g g' / n + I, well conditioned. */
static void random_spd(double *a, size_t n, uint64_t seed) {
    hg_rng rng = hg_rng_make(seed, 0);
    double g[N * N];
    for (size_t i = 0; i < n * n; i++) g[i] = hg_rng_normal(&rng);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = i == j;
            for (size_t k = 0; k < n; k++) sum += g[i * n + k] * g[j * n + k] / (double)n;
            a[i * n + j] = sum;
        }
}

/* 4 12 -16; 12 37 -43; -16 -43 98 = L L' with L = 2; 6 1; -8 5 3. det = 36. */
static void cholesky_by_hand(void **state) {
    (void)state;
    double a[] = { 4, 99, 99, 12, 37, 99, -16, -43, 98 }; /* above the diagonal: not read, not written */
    const double l[] = { 2, 99, 99, 6, 1, 99, -8, 5, 3 };
    assert_int_equal(hg_chol(a, 3), 0);
    for (size_t i = 0; i < 9; i++) assert_close(a[i], l[i], 1e-14);
    assert_close(hg_chol_logdet(a, 3), log(36), 1e-14);
    double b[] = { 2, 7, 0 }; /* L x = b: x = 1, 1, 1 */
    hg_chol_lsolve(a, 3, b);
    assert_close(b[0], 1, 1e-14);
    assert_close(b[1], 1, 1e-14);
    assert_close(b[2], 1, 1e-14);
    double c[] = { 0, 6, 3 }; /* L'x = c: x = 0, 1, 1 ... from below: 3 x2 = 3, x1 + 5 x2 = 6, 2 x0 + 6 x1 - 8 x2 = 0 */
    hg_chol_ltsolve(a, 3, c);
    assert_close(c[0], 1, 1e-14);
    assert_close(c[1], 1, 1e-14);
    assert_close(c[2], 1, 1e-14);
    double bad[] = { 1, 0, 2, 1 }; /* determinant -3: the second minor fails */
    assert_int_equal(hg_chol(bad, 2), 2);
}

static void inverses_and_solves_agree_with_products(void **state) {
    (void)state;
    static double a[N * N], l[N * N], inv[N * N], b[N * M], c[N * M];
    random_spd(a, N, 1);
    memcpy(l, a, sizeof l);
    assert_int_equal(hg_chol(l, N), 0);
    hg_chol_inverse(inv, l, N);
    hg_gemm(c, M, inv, N, false, a, N, false, N, M, N, 1, 0); /* the first M columns of the identity */
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < M; j++) assert_close(c[i * M + j], i == j, 1e-12);

    for (size_t i = 0; i < N * M; i++) b[i] = sin((double)i);
    memcpy(c, b, sizeof c);
    hg_chol_lsolve_many(l, N, N, c, M, M);
    hg_lower_invert(l, N);
    for (size_t i = 0; i < N; i++)
        for (size_t j = i + 1; j < N; j++) assert_true(l[i * N + j] == 0);
    static double d[N * M];
    hg_lower_multiply(d, M, l, N, b, M, N, M);
    for (size_t i = 0; i < N * M; i++) assert_close(d[i], c[i], 1e-13);
}

/* Larger than a block, and not a multiple of one; over pools of one and three threads, bit for bit. */
static void blocked_factor_and_inverse_match_lapack(void **state) {
    enum { LARGE = 331 };
    static double a[LARGE * LARGE], l[LARGE * LARGE], inv[LARGE * LARGE], b[2][LARGE * LARGE], work[LARGE * LARGE];
    (void)state;
    for (size_t i = 0; i < LARGE; i++)
        for (size_t j = 0; j < LARGE; j++) a[i * LARGE + j] = (i == j) + exp(-fabs((double)i - (double)j) / 10);
    memcpy(l, a, sizeof l);
    assert_int_equal(hg_chol(l, LARGE), 0);
    hg_chol_inverse(inv, l, LARGE);
    for (size_t t = 0; t < 2; t++) {
        hg_pool *pool;
        assert_ok(hg_pool_new(&pool, 1 + 2 * t, NULL));
        memcpy(b[t], a, sizeof a);
        assert_int_equal(hg_chol_blocked(b[t], LARGE, pool), 0);
        for (size_t i = 0; i < LARGE; i++)
            for (size_t j = 0; j <= i; j++) assert_close(b[t][i * LARGE + j], l[i * LARGE + j], 1e-13);
        hg_chol_inverse_blocked(b[t], work, LARGE, pool);
        hg_pool_free(pool);
        for (size_t i = 0; i < LARGE; i++)
            for (size_t j = 0; j <= i; j++) assert_close(b[t][i * LARGE + j], inv[i * LARGE + j], 1e-13);
    }
    assert_memory_equal(b[0], b[1], sizeof a);
    a[200 * LARGE + 200] = 0.1;
    assert_int_equal(hg_chol_blocked(a, LARGE, NULL), 201);
}

static void appended_rows_are_the_factor_of_the_larger_matrix(void **state) {
    (void)state;
    static double a[N * N], l[N * N], grown[N * N];
    random_spd(a, N, 2);
    memcpy(l, a, sizeof l);
    assert_int_equal(hg_chol(l, N), 0);
    for (size_t n = 0; n < N; n++) assert_true(hg_chol_append(grown, n, N, a + n * N, a[n * N + n]));
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++) assert_close(grown[i * N + j], l[i * N + j], 1e-13);
    double same[N]; /* the last row once more: singular */
    memcpy(same, a + (N - 2) * N, (N - 1) * sizeof *same);
    assert_false(hg_chol_append(grown, N - 1, N, same, a[(N - 2) * N + N - 2] - 1e-9));
}

static void rank_one_update_matches_a_new_factor(void **state) {
    (void)state;
    static double a[N * N], l[N * N], x[N];
    random_spd(a, N, 3);
    memcpy(l, a, sizeof l);
    assert_int_equal(hg_chol(l, N), 0);
    for (size_t i = 0; i < N; i++) x[i] = cos((double)i);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) a[i * N + j] += x[i] * x[j];
    hg_chol_update(l, N, x);
    assert_int_equal(hg_chol(a, N), 0);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++) assert_close(l[i * N + j], a[i * N + j], 1e-12);
}

static void products_match_plain_loops(void **state) {
    (void)state;
    enum { P = 5, Q = 7, R = 3 };
    double a[P * Q], at[Q * P], b[Q * R], bt[R * Q], c[P * R], want[P * R], y[P], yt[Q], s[P * P];
    for (size_t i = 0; i < P * Q; i++) a[i] = sin(1 + (double)i);
    for (size_t i = 0; i < Q * R; i++) b[i] = cos((double)i);
    hg_transpose(at, P, a, Q, P, Q);
    hg_transpose(bt, Q, b, R, Q, R);
    for (size_t i = 0; i < P * R; i++) want[i] = 0.5;
    for (size_t i = 0; i < P; i++)
        for (size_t j = 0; j < R; j++)
            for (size_t k = 0; k < Q; k++) want[i * R + j] += 2 * a[i * Q + k] * b[k * R + j];
    for (int form = 0; form < 4; form++) {
        const bool ta = form & 1, tb = form & 2;
        for (size_t i = 0; i < P * R; i++) c[i] = 1;
        hg_gemm(c, R, ta ? at : a, ta ? P : Q, ta, tb ? bt : b, tb ? Q : R, tb, P, R, Q, 2, 0.5);
        for (size_t i = 0; i < P * R; i++) assert_close(c[i], want[i], 1e-14);
    }
    hg_gemv(y, a, Q, false, b, P, Q, 1, 0);
    hg_gemv(yt, a, Q, true, c, P, Q, 1, 0);
    for (size_t i = 0; i < P; i++) assert_close(y[i], hg_dot(a + i * Q, b, Q), 1e-14);
    for (size_t j = 0; j < Q; j++) assert_close(yt[j], hg_dot(at + j * P, c, P), 1e-14);
    memset(s, 0, sizeof s);
    hg_syrk_lower(s, P, a, Q, P, Q, 1, 0);
    hg_mirror_lower(s, P);
    for (size_t i = 0; i < P; i++)
        for (size_t j = 0; j < P; j++) assert_close(s[i * P + j], hg_dot(a + i * Q, a + j * Q, Q), 1e-14);
}

/* 2 1; 1 2: eigenvalues 1 and 3, vectors (1,-1) and (1,1) over sqrt 2, as rows. */
static void eigenvectors_by_hand(void **state) {
    (void)state;
    double a[] = { 2, 1, 1, 2 }, w[2];
    assert_int_equal(hg_eigen_symmetric(a, w, 2), 0);
    assert_close(w[0], 1, 1e-14);
    assert_close(w[1], 3, 1e-14);
    assert_close(fabs(a[0]), sqrt(0.5), 1e-14);
    assert_close(a[0], -a[1], 1e-14);
    assert_close(a[2], a[3], 1e-14);
    double b[] = { 2, 1, 1, 2 };
    hg_fault_alloc_after(0);
    assert_int_equal(hg_eigen_symmetric(b, w, 2), -1000);
    hg_fault_alloc_after(-1);
}

static void nothing_happens_to_empty_matrices(void **state) {
    (void)state;
    double x = 5;
    assert_int_equal(hg_chol(&x, 0), 0);
    hg_chol_lsolve(&x, 0, &x);
    hg_chol_inverse(&x, &x, 0);
    hg_lower_invert(&x, 0);
    hg_gemm(&x, 1, &x, 1, false, &x, 1, false, 0, 0, 0, 1, 0);
    hg_syrk_lower(&x, 1, &x, 1, 0, 0, 1, 0);
    assert_true(hg_dot(&x, &x, 0) == 0 && x == 5 && hg_chol_logdet(&x, 0) == 0);
    assert_true(strlen(hg_linalg_config()) > 0);
}

static void compute(int depth) {
    HG_ONE_BLAS_THREAD;
    assert_int_equal(openblas_get_num_threads(), 1);
    if (depth) compute(depth - 1);
    assert_int_equal(openblas_get_num_threads(), 1);
}

static void blas_has_one_thread_while_somebody_computes(void **state) {
    (void)state;
    openblas_set_num_threads(2);
    compute(2);
    assert_int_equal(openblas_get_num_threads(), 2); /* the process has its own again */
    hg_linalg_single_thread();
}

int main(void) {
    hg_linalg_single_thread();
    const struct CMUnitTest tests[] = {
        TEST(cholesky_by_hand),
        TEST(inverses_and_solves_agree_with_products),
        TEST(blocked_factor_and_inverse_match_lapack),
        TEST(appended_rows_are_the_factor_of_the_larger_matrix),
        TEST(rank_one_update_matches_a_new_factor),
        TEST(products_match_plain_loops),
        TEST(eigenvectors_by_hand),
        TEST(nothing_happens_to_empty_matrices),
        TEST(blas_has_one_thread_while_somebody_computes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
