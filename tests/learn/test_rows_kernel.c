/* tests/learn/test_rows_kernel.c -- the loops of a predicted row beside plain ones, and what is unlike the training by their distances */
#include "learn/rows_kernel.h"
#include "core/memory.h"
#include "learn/domain.h"
#include "test.h"

enum { D = 37, POINTS = 141, R = HG_ROWS_TOGETHER, A = HG_ROWS_AXES };

static void they_are_the_plain_loops(void **state) {
    (void)state;
    static double mean[D], inverse[D], z[R * D], axis[D * A], at[R * A], out[D];
    static float x[D], rounded[D], point[A * POINTS], square[POINTS], from[A];
    hg_rng r = hg_rng_make(1, 0);
    for (size_t j = 0; j < D; j++) {
        mean[j] = hg_rng_normal(&r), inverse[j] = j == 3 ? 0 : exp(hg_rng_normal(&r));
        x[j] = (float)((j == 5 ? 1000 : j == 6 ? -1000 : 1) * hg_rng_normal(&r));
    }
    for (size_t k = 0; k < R * D; k++) z[k] = hg_rng_normal(&r);
    for (size_t k = 0; k < D * A; k++) axis[k] = hg_rng_normal(&r);
    for (size_t k = 0; k < A * POINTS; k++) point[k] = (float)hg_rng_normal(&r);
    hg_rows_scale_doubles(out, mean, inverse, 12, x, D);
    hg_rows_scale_floats(rounded, mean, inverse, 12, x, D);
    for (size_t j = 0; j < D; j++) {
        assert_close(out[j], fmax(-12, fmin(12, ((double)x[j] - mean[j]) * inverse[j])), 1e-15);
        assert_true(rounded[j] == (float)out[j]);
    }
    assert_true(fabs(out[5]) == 12 && fabs(out[6]) == 12 && out[3] == 0);
    hg_rows_squash(rounded, 3, D);
    for (size_t j = 0; j < D; j++) assert_close((double)rounded[j], out[j] / sqrt(1 + out[j] * out[j] / 9), 1e-6);
    hg_rows_project(at, axis, z, D);
    for (size_t i = 0; i < R; i++)
        for (size_t a = 0; a < A; a++) {
            double sum = 0;
            for (size_t j = 0; j < D; j++) sum += axis[j * A + a] * z[i * D + j];
            assert_close(at[i * A + a], sum, 1e-13);
        }
    for (size_t a = 0; a < A; a++) from[a] = (float)at[a];
    for (size_t axes = 1; axes <= A; axes++)
        for (size_t points = 1; points <= POINTS; points += 4) {
            hg_rows_squares(square, point, from, axes, points);
            for (size_t p = 0; p < points; p++) {
                double sum = 0;
                for (size_t a = 0; a < axes; a++) sum += pow((double)point[a * points + p] - (double)from[a], 2);
                assert_close((double)square[p], sum, 1e-5);
            }
        }
}

/* A row's distance is that of its nearest kept row, by hand where columns are few; and it is the same bits alone or in company. */
static void distances_are_those_of_the_nearest_row(void **state) {
    (void)state;
    enum { N = 50, FEW = 3 };
    static float x[N * FEW], asked[9 * FEW];
    const bool plain[FEW] = { true, false, false };
    hg_rng r = hg_rng_make(2, 0);
    for (size_t k = 0; k < N * FEW; k++) x[k] = (float)hg_rng_normal(&r);
    for (size_t k = 0; k < 9 * FEW; k++) asked[k] = (float)(3 * hg_rng_normal(&r));
    memcpy(asked, x + 7 * FEW, FEW * sizeof *x); /* the first is known */
    const hg_rows rows = { .n = N, .d = FEW, .x = x }, question = { .n = 9, .d = FEW, .x = asked };
    hg_domain dom;
    hg_domain_view all[9], one;
    assert_ok(hg_domain_fit(&dom, &rows, plain, 1, NULL, NULL));
    assert_ok(hg_domain_look(all, &dom, &question, false, NULL, NULL));
    for (size_t i = 0; i < 9; i++) {
        double least = INFINITY;
        for (size_t k = 0; k < N; k++) {
            double sum = 0;
            for (size_t j = 0; j < FEW; j++)
                sum += pow(((double)asked[i * FEW + j] - (double)x[k * FEW + j]) * dom.scaling.inverse[j], 2);
            least = fmin(least, sqrt(sum));
        }
        assert_close(all[i].distance * dom.reach, least, 1e-5);
        assert_true(all[i].outside ==
                    (all[i].distance > 1 || asked[i * FEW] < dom.low[0] || asked[i * FEW] > dom.high[0]));
        const hg_rows alone = { .n = 1, .d = FEW, .x = asked + i * FEW };
        assert_ok(hg_domain_look(&one, &dom, &alone, false, NULL, NULL));
        assert_true(one.distance == all[i].distance);
    }
    assert_true(all[0].distance == 0 && !all[0].outside);
    for (long k = 0; k < 2; k++) {
        fail_alloc_after(k);
        assert_int_equal(hg_domain_look(&one, &dom, &question, false, NULL, NULL), HG_ENOMEM);
        fail_alloc_after(-1);
    }
    hg_domain_free(&dom);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(they_are_the_plain_loops),
        TEST(distances_are_those_of_the_nearest_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
