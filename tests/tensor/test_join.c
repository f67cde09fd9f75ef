/* tests/tensor/test_join.c -- tensors one behind another, and elements left out at random. Gradients: test_ops.c. */
#include "tapes.h"
#include "test.h"

static void columns_and_rows_one_behind_another(void **state) {
    static const double A[] = { 1, 2, 3, 4 }, B[] = { 5, 6 };
    double got[6];
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *a = hg_tensor_of(t, HG_SHAPE(2, 2), A, false);
    hg_tensor *column = hg_tensor_of(t, HG_SHAPE(2, 1), B, false), *row = hg_tensor_of(t, HG_SHAPE(1, 2), B, false);
    hg_tensor_get(got, hg_concat(t, (hg_tensor *[]) { a, column }, 2, 1));
    for (int i = 0; i < 6; i++) assert_close(got[i], ((const double[]) { 1, 2, 5, 3, 4, 6 })[i], 0);
    hg_tensor_get(got, hg_concat(t, (hg_tensor *[]) { row, a }, 2, 0));
    for (int i = 0; i < 6; i++) assert_close(got[i], ((const double[]) { 5, 6, 1, 2, 3, 4 })[i], 0);
    hg_tape_free(t);
}

/* Slices put together again are what was sliced, however many there are. */
static void a_concatenation_undoes_slices(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    double x[3 * 40], got[3 * 40];
    for (int i = 0; i < 120; i++) x[i] = i;
    hg_tensor *v = hg_tensor_of(t, HG_SHAPE(3, 40), x, false), *part[40];
    for (size_t i = 0; i < 40; i++) part[i] = hg_slice(t, v, 1, i, i + 1, 1);
    hg_tensor_get(got, hg_concat(t, part, 40, 1));
    for (int i = 0; i < 120; i++) assert_close(got[i], i, 0);
    hg_tape_free(t);
}

static void what_does_not_fit_is_refused(void **state) {
    hg_err err;
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32, .training = true);
    hg_tensor *a = hg_tensor_zeros(t, HG_SHAPE(2, 3)), *b = hg_tensor_zeros(t, HG_SHAPE(3, 2));
    assert_null(hg_concat(t, (hg_tensor *[]) { a, b }, 2, 1));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    assert_contains(err.msg, "concat: [3, 2] does not go behind [2, 3] along axis 1");
    hg_tape_begin(t, 1);
    a = hg_tensor_zeros(t, HG_SHAPE(2, 3));
    assert_null(hg_concat(t, &a, 1, 2));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    hg_tape_begin(t, 2);
    assert_null(hg_concat(t, NULL, 0, 0));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    static const double BAD[] = { 1, -0.1, 2, NAN };
    for (int i = 0; i < 4; i++) {
        hg_tape_begin(t, 3);
        assert_null(hg_dropout(t, hg_tensor_zeros(t, HG_SHAPE(2)), BAD[i]));
        assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
        assert_contains(err.msg, "dropout");
    }
    hg_tape_free(t);
}

enum { MANY = 100000 };

/* Reads hg_dropout of ones; the second of a step. */
static void drop(float *to, hg_tape *t, uint64_t step, double p) {
    hg_tape_begin(t, step);
    hg_tensor *one = hg_affine(t, hg_tensor_zeros(t, HG_SHAPE(MANY)), 1, 1);
    hg_dropout(t, one, 0.3);
    const float *x = hg_tensor_floats(hg_dropout(t, one, p));
    assert_non_null(x);
    memcpy(to, x, MANY * sizeof *to);
}

static size_t differences(const float *a, const float *b) {
    size_t n = 0;
    for (size_t i = 0; i < MANY; i++) n += a[i] != b[i];
    return n;
}

static void dropout_leaves_out_its_share_and_keeps_the_mean(void **state) {
    (void)state;
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    hg_tape *t = TAPE(.dtype = HG_F32, .training = true, .seed = 5),
            *many = TAPE(.dtype = HG_F32, .training = true, .seed = 5, .pool = pool),
            *other = TAPE(.dtype = HG_F32, .training = true, .seed = 6);
    float *a = calloc(MANY, sizeof *a), *b = calloc(MANY, sizeof *b);
    drop(a, t, 1, 0.25);
    size_t zeros = 0;
    for (size_t i = 0; i < MANY; i++) {
        zeros += a[i] == 0;
        if (a[i] != 0) assert_close((double)a[i], 4.0 / 3, 1e-7);
    }
    assert_close((double)zeros / MANY, 0.25, 5 * sqrt(0.25 * 0.75 / MANY)); /* five standard deviations */
    size_t repeated = 0; /* no part of the mask is another one's copy */
    for (size_t i = 16384; i < MANY; i++) repeated += (a[i] == 0) == (a[i - 16384] == 0);
    assert_close((double)repeated / (MANY - 16384), 1 - 2 * 0.25 * 0.75, 0.02);
    drop(b, t, 1, 0.25);
    assert_int_equal(differences(a, b), 0); /* the step again */
    drop(b, many, 1, 0.25);
    assert_int_equal(differences(a, b), 0); /* with threads */
    const double expected = 2 * 0.25 * 0.75 * MANY;
    drop(b, t, 2, 0.25);
    assert_close((double)differences(a, b) / expected, 1, 0.05); /* another step, another seed: independent */
    drop(b, other, 1, 0.25);
    assert_close((double)differences(a, b) / expected, 1, 0.05);
    hg_tape_begin(t, 1);
    hg_tensor *one = hg_affine(t, hg_tensor_zeros(t, HG_SHAPE(MANY)), 1, 1);
    memcpy(b, hg_tensor_floats(hg_dropout(t, one, 0.25)), MANY * sizeof *b);
    assert_close((double)differences(a, b) / expected, 1, 0.05); /* the first of the step, not the second */
    free(a);
    free(b);
    hg_tape_free(t);
    hg_tape_free(many);
    hg_tape_free(other);
    hg_pool_free(pool);
}

static void dropout_is_nothing_when_not_training(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32, .seed = 5);
    hg_tensor *x = hg_tensor_zeros(t, HG_SHAPE(3));
    assert_ptr_equal(hg_dropout(t, x, 0.5), x);
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(columns_and_rows_one_behind_another),  TEST(a_concatenation_undoes_slices),
        TEST(what_does_not_fit_is_refused),         TEST(dropout_leaves_out_its_share_and_keeps_the_mean),
        TEST(dropout_is_nothing_when_not_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
