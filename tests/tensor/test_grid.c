/* tests/tensor/test_grid.c -- pooling, pixel shuffle and repeating of grids: values by hand, what undoes what, refusals. Gradients of pooling:
 * test_ops.c. */
#include "tensor/ops.h"
#include "tapes.h"
#include "test.h"

#define CHECK(x, ...) ASSERT_TENSOR(x, 1e-6, __VA_ARGS__)

static void check_grad(const hg_tensor *x, const double *want, size_t n) {
    double got[64];
    hg_tensor_get_grad(got, x);
    for (size_t i = 0; i < n; i++) assert_close(got[i], want[i], 1e-6);
}
#define CHECK_GRAD(x, ...)                                                                                             \
    check_grad(x, (const double[]) { __VA_ARGS__ }, sizeof((double[]) { __VA_ARGS__ }) / sizeof(double))

static void windows_by_hand(void **state) {
    (void)state;
    for (int d = 0; d < 2; d++) {
        hg_tape *t = TAPE(.dtype = d ? HG_F64 : HG_F32);
        hg_tensor *x = OF(t, HG_SHAPE(1, 1, 2, 2, 3), 1, 2, 9, 3, 4, 9, 5, 6, 9, 8, 7, 9);
        hg_tensor *most = hg_pool3d(t, x, HG_POOL_MAX, NULL); /* the last column is no whole window */
        CHECK(most, 8);
        assert_ok(hg_backward(t, hg_sum(t, most, 0), NULL));
        CHECK_GRAD(x, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0);

        hg_tape_begin(t, 2);
        x = OF(t, HG_SHAPE(1, 1, 1, 1, 4), 2, 4, 6, 10);
        hg_pool3d_opts o = hg_pool3d_opts_default();
        o.kernel[0] = o.kernel[1] = 1;
        o.kernel[2] = 3;
        o.stride[2] = 2;
        o.padding[2] = 1;
        hg_tensor *mean = hg_pool3d(t, x, HG_POOL_MEAN, &o); /* padding is not counted: (2 + 4) / 2, (4 + 6 + 10) / 3 */
        CHECK(mean, 3, 20.0 / 3);
        assert_ok(hg_backward(t, hg_sum(t, mean, 0), NULL));
        CHECK_GRAD(x, 0.5, 0.5 + 1.0 / 3, 1.0 / 3, 1.0 / 3);

        hg_tape_begin(t, 3); /* the first of equals, and what is not a number */
        x = OF(t, HG_SHAPE(1, 2, 1, 1, 3), 5, 5, 1, -2, -1, (double)NAN);
        o.stride[2] = 3;
        o.padding[2] = 0;
        most = hg_pool3d(t, x, HG_POOL_MAX, &o);
        CHECK(most, 5, (double)NAN);
        assert_ok(hg_backward(t, hg_sum(t, most, 0), NULL));
        CHECK_GRAD(x, 1, 0, 0, 0, 0, 1);
        hg_tape_begin(t, 4);
        o.padding[2] = 2; /* zeros outside would be larger */
        CHECK(hg_pool3d(t, OF(t, HG_SHAPE(1, 1, 1, 1, 1), -7), HG_POOL_MAX, &o), -7);
        hg_tape_free(t);
    }
}

static void windows_of_one_are_the_grid_itself(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_rng r = hg_rng_make(5, 5);
    hg_tensor *x = hg_example(t, &r, HG_SHAPE(2, 3, 4, 3, 2), true);
    const hg_pool3d_opts one = { .kernel = { 1, 1, 1 } };
    double a[144], b[144];
    hg_tensor_get(a, x);
    for (int kind = HG_POOL_MAX; kind <= HG_POOL_MEAN; kind++) {
        hg_tensor_get(b, hg_pool3d(t, x, (hg_pool_kind)kind, &one));
        assert_memory_equal(a, b, sizeof a);
    }
    hg_tensor_get(b, hg_pool3d(t, hg_upsample3d(t, x, 2), HG_POOL_MAX, NULL)); /* of equals */
    assert_memory_equal(a, b, sizeof a);
    hg_tape_free(t);
}

static void shuffles_by_hand(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_tensor *x = OF(t, HG_SHAPE(1, 8, 1, 1, 2), 0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15, 6, 16, 7, 17);
    hg_tensor *y = hg_pixel_shuffle3d(t, x, 2);
    const hg_shape s = hg_tensor_shape(y), want = HG_SHAPE(1, 1, 2, 2, 4);
    assert_memory_equal(s.n, want.n, 5 * sizeof *s.n);
    CHECK(y, 0, 1, 10, 11, 2, 3, 12, 13, 4, 5, 14, 15, 6, 7, 16, 17);
    CHECK(hg_pixel_unshuffle3d(t, y, 2), 0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15, 6, 16, 7, 17);
    assert_ok(hg_backward(t, hg_sum(t, hg_slice(t, y, 4, 0, 1, 1), 0), NULL)); /* the first column */
    CHECK_GRAD(x, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0);
    hg_tape_begin(t, 2);
    x = OF(t, HG_SHAPE(1, 1, 1, 2, 2), 1, 2, 3, 4);
    y = hg_upsample3d(t, x, 2);
    CHECK(y, 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4, 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4);
    assert_ok(hg_backward(t, hg_sum(t, y, 0), NULL));
    CHECK_GRAD(x, 8, 8, 8, 8);
    hg_tape_free(t);
}

/* Element by element against the definition, and back. */
static void shuffles_of_any_size(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    for (size_t r = 1; r <= 3; r++) {
        hg_tape_begin(t, 1);
        hg_rng rng = hg_rng_make(6, r);
        const size_t n[5] = { 2, 3 * r * r * r, 3, 1, 2 }, c = n[1] / (r * r * r);
        hg_tensor *x = hg_example(t, &rng, HG_SHAPE(n[0], n[1], n[2], n[3], n[4]), r == 2);
        hg_tensor *y = hg_pixel_shuffle3d(t, x, r), *back = hg_pixel_unshuffle3d(t, y, r);
        double *a = malloc(hg_tensor_size(x) * sizeof *a), *b = malloc(hg_tensor_size(x) * sizeof *b),
               *z = malloc(hg_tensor_size(x) * sizeof *z);
        hg_tensor_get(a, x);
        hg_tensor_get(b, y);
        hg_tensor_get(z, back);
        assert_memory_equal(a, z, hg_tensor_size(x) * sizeof *a);
        const size_t deep = n[2] * r, high = n[3] * r, wide = n[4] * r;
        for (size_t i = 0; i < hg_tensor_size(y); i++) {
            const size_t w = i % wide, h = i / wide % high, d = i / wide / high % deep, plane = i / wide / high / deep;
            const size_t channel = plane % c * r * r * r + (d % r * r + h % r) * r + w % r;
            const size_t from = (((plane / c * n[1] + channel) * n[2] + d / r) * n[3] + h / r) * n[4] + w / r;
            assert_true(b[i] == a[from]);
        }
        free(a);
        free(b);
        free(z);
    }
    hg_tape_free(t);
}

static void refusals(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_err err;
#define REFUSED(call, words)                                                                                           \
    do {                                                                                                               \
        hg_tape_begin(t, 1);                                                                                           \
        assert_null(call);                                                                                             \
        assert_int_not_equal(hg_tape_status(t, &err), HG_OK);                                                          \
        assert_contains(err.msg, words);                                                                               \
    } while (0)
    hg_pool3d_opts o = hg_pool3d_opts_default();
    REFUSED(hg_pool3d(t, hg_tensor_zeros(t, HG_SHAPE(2, 2, 2)), HG_POOL_MAX, NULL), "x[batch, channels, d, h, w]");
    REFUSED(hg_pool3d(t, hg_tensor_zeros(t, HG_SHAPE(1, 1, 2, 1, 2)), HG_POOL_MEAN, NULL), "do not fit");
    o.padding[1] = 2;
    REFUSED(hg_pool3d(t, hg_tensor_zeros(t, HG_SHAPE(1, 1, 2, 2, 2)), HG_POOL_MAX, &o), "less padding");
    o.padding[1] = 0;
    o.kernel[0] = 0;
    REFUSED(hg_pool3d(t, hg_tensor_zeros(t, HG_SHAPE(1, 1, 2, 2, 2)), HG_POOL_MAX, &o), "windows of 0");
    REFUSED(hg_pixel_shuffle3d(t, hg_tensor_zeros(t, HG_SHAPE(1, 9, 2, 2, 2)), 2), "not a multiple of 8");
    REFUSED(hg_pixel_shuffle3d(t, hg_tensor_zeros(t, HG_SHAPE(1, 8, 2, 2, 2)), 0), "factor");
    REFUSED(hg_pixel_unshuffle3d(t, hg_tensor_zeros(t, HG_SHAPE(1, 8, 2, 3, 2)), 2), "cubes of 2");
    REFUSED(hg_upsample3d(t, hg_tensor_zeros(t, HG_SHAPE(8, 2, 3, 2)), 2), "upsample3d");
    REFUSED(hg_upsample3d(t, NULL, 2), "no input");
#undef REFUSED
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(windows_by_hand),  TEST(windows_of_one_are_the_grid_itself),
        TEST(shuffles_by_hand), TEST(shuffles_of_any_size),
        TEST(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
