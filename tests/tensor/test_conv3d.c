/* tests/tensor/test_conv3d.c -- convolutions in three dimensions: values by hand, beside plain loops, shifted input, the same bits for any
 * number of threads, a step that asks nobody for memory, refusals. Gradients: test_ops.c. */
#include "tensor/ops.h"
#include "tensor/tape.h"
#include "tapes.h"
#include "test.h"
#include <float.h>

#define CHECK(x, ...) ASSERT_TENSOR(x, 1e-6, __VA_ARGS__)

static hg_conv3d_opts opts(size_t stride, size_t padding, size_t dilation) {
    hg_conv3d_opts o = hg_conv3d_opts_default();
    for (int a = 0; a < 3; a++) o.stride[a] = stride, o.padding[a] = padding, o.dilation[a] = dilation;
    return o;
}

static void a_row_by_hand(void **state) {
    (void)state;
    for (int d = 0; d < 2; d++) {
        hg_tape *t = TAPE(.dtype = d ? HG_F64 : HG_F32);
        hg_tensor *x = OF(t, HG_SHAPE(1, 1, 1, 1, 5), 1, 2, 3, 4, 5), *w = OF(t, HG_SHAPE(1, 1, 1, 1, 3), 1, 0, -2);
        hg_tensor *b = OF(t, HG_SHAPE(1), 10);
        CHECK(hg_conv3d(t, x, w, NULL, NULL, HG_IDENTITY), 1 - 6, 2 - 8, 3 - 10);
        hg_conv3d_opts o = opts(1, 0, 1);
        o.padding[2] = 1;
        CHECK(hg_conv3d(t, x, w, b, &o, HG_RELU), 10 - 4, 10 + 1 - 6, 10 + 2 - 8, 10 + 3 - 10, 10 + 4);
        o.stride[2] = 2;
        CHECK(hg_conv3d(t, x, w, NULL, &o, HG_IDENTITY), -4, 2 - 8, 4);
        o = opts(1, 0, 1);
        o.dilation[2] = 2;
        hg_tensor *y = hg_conv3d(t, x, w, b, &o, HG_SQUARE); /* 10 + 1 - 10 */
        CHECK(y, 1);
        assert_ok(hg_backward(t, y, NULL));
        double g[5];
        hg_tensor_get_grad(g, x);
        assert_memory_equal(g, ((double[]) { 2, 0, 0, 0, -4 }), sizeof g);
        hg_tensor_get_grad(g, w);
        assert_memory_equal(g, ((double[]) { 2, 6, 10 }), 3 * sizeof *g);
        hg_tensor_get_grad(g, b);
        assert_true(g[0] == 2);
        hg_tape_free(t);
    }
}

static void channels_groups_and_the_transposed_by_hand(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = OF(t, HG_SHAPE(1, 2, 1, 1, 2), 1, 2, 3, 4);
    /* size 1: a matrix on every element */
    CHECK(hg_conv3d(t, x, OF(t, HG_SHAPE(2, 2, 1, 1, 1), 1, 1, 0, -1), OF(t, HG_SHAPE(2), 0, 5), NULL, HG_IDENTITY), 4,
          6, 2, 1);
    hg_conv3d_opts o = opts(1, 0, 1);
    o.groups = 2;
    CHECK(hg_conv3d(t, x, OF(t, HG_SHAPE(2, 1, 1, 1, 2), 1, 1, 1, -1), NULL, &o, HG_IDENTITY), 3, -1);
    CHECK(hg_conv3d(t, x, OF(t, HG_SHAPE(2, 1, 1, 1, 1), 2, 3), NULL, &o, HG_IDENTITY), 2, 4, 9, 12);
    /* every element spreads the kernel, 2 apart: 1 * (1, 2, 3) at 0, 2 * (1, 2, 3) at 2 */
    o = opts(2, 0, 1);
    hg_tensor *row = OF(t, HG_SHAPE(1, 1, 1, 1, 2), 1, 2), *w = OF(t, HG_SHAPE(1, 1, 1, 1, 3), 1, 2, 3);
    CHECK(hg_conv3d_transposed(t, row, w, (size_t[]) { 1, 1, 5 }, &o), 1, 2, 3 + 2, 4, 6);
    CHECK(hg_conv3d_transposed(t, row, w, (size_t[]) { 1, 1, 6 }, &o), 1, 2, 3 + 2, 4, 6, 0);
    hg_tape_free(t);
}

/* ---- beside plain loops --------------------------------------------------------------------------------------- */

typedef struct {
    size_t batch, groups, in, out, x[3], kernel[3], stride[3], padding[3], dilation[3];
} example;
/* Sizes on both sides of the borders of vectors, tiles and tasks. */
static const example EXAMPLES[] = {
    { 1, 1, 5, 19, { 4, 9, 37 }, { 3, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 } },
    { 3, 1, 9, 8, { 6, 5, 4 }, { 3, 3, 3 }, { 2, 2, 2 }, { 1, 1, 1 }, { 1, 1, 1 } },
    { 1, 1, 3, 50, { 10, 40, 33 }, { 3, 1, 5 }, { 1, 2, 3 }, { 2, 0, 4 }, { 2, 1, 2 } },
    { 2, 3, 6, 9, { 5, 7, 20 }, { 2, 2, 2 }, { 1, 1, 1 }, { 0, 1, 0 }, { 1, 2, 3 } },
    { 2, 1, 33, 17, { 3, 4, 50 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 1, 1, 1 } },
    { 20, 1, 4, 4, { 1, 1, 3 }, { 3, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 } },
    { 1, 1, 16, 16, { 5, 13, 20 }, { 3, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 } },
    { 2, 1, 9, 40, { 9, 14, 21 }, { 3, 3, 3 }, { 2, 1, 2 }, { 1, 1, 0 }, { 1, 2, 1 } },
    { 1, 1, 20, 17, { 12, 5, 20 }, { 4, 2, 3 }, { 1, 1, 1 }, { 3, 0, 1 }, { 1, 1, 2 } },
};
enum { N_EXAMPLES = sizeof EXAMPLES / sizeof *EXAMPLES };

static hg_tensor *normal(hg_tape *t, uint64_t seed, hg_shape s, bool strided) {
    hg_rng r = hg_rng_make(seed, 7);
    return hg_example(t, &r, s, strided);
}

static double *values(const hg_tensor *x, bool grad) {
    double *v = malloc((hg_tensor_size(x) + 1) * sizeof *v);
    if (grad)
        hg_tensor_get_grad(v, x);
    else
        hg_tensor_get(v, x);
    return v;
}

typedef struct {
    hg_tensor *x, *w, *b, *y, *g;
} network;

/* y = conv(x), and the gradient of y . g. */
static network build(hg_tape *t, const example *e, bool strided) {
    network n;
    hg_conv3d_opts o = hg_conv3d_opts_default();
    memcpy(o.stride, e->stride, sizeof o.stride);
    memcpy(o.padding, e->padding, sizeof o.padding);
    memcpy(o.dilation, e->dilation, sizeof o.dilation);
    o.groups = e->groups;
    hg_tape_begin(t, 1);
    n.x = normal(t, 1, HG_SHAPE(e->batch, e->in, e->x[0], e->x[1], e->x[2]), strided);
    n.w = normal(t, 2, HG_SHAPE(e->out, e->in / e->groups, e->kernel[0], e->kernel[1], e->kernel[2]), false);
    n.b = normal(t, 3, HG_SHAPE(e->out), false);
    n.y = hg_conv3d(t, n.x, n.w, n.b, &o, HG_IDENTITY);
    n.g = normal(t, 4, hg_tensor_shape(n.y), false);
    assert_ok(hg_backward(t, hg_sum(t, hg_mul(t, n.y, n.g), 0), NULL));
    return n;
}

/* |error| <= k eps sum of |products| for k products in any order (Higham, Accuracy and Stability of Numerical Algorithms, 2002, 3.1). */
typedef struct {
    double *sum, *size, *count;
} sums;
static sums new_sums(size_t n) {
    return (sums) { calloc(n, sizeof(double)), calloc(n, sizeof(double)), calloc(n, sizeof(double)) };
}
static void add(sums *s, size_t i, double product) {
    s->sum[i] += product;
    s->size[i] += fabs(product);
    s->count[i]++;
}
static void compare(const char *what, size_t which, sums *s, double *got, size_t n, bool single, double rounding) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - s->sum[i]) <=
              ((s->count[i] + 2) * (double)(single ? FLT_EPSILON : DBL_EPSILON) + rounding) * s->size[i]))
            fail_msg("example %zu, %s, element %zu: %.9g, not %.9g", which, what, i, got[i], s->sum[i]);
    free(s->sum);
    free(s->size);
    free(s->count);
    free(got);
}

static void compare_with_loops(hg_dtype dtype, size_t which, bool strided, bool bf16) {
    const example *e = &EXAMPLES[which];
    const bool single = dtype == HG_F32;
    const double rounding = single && bf16 ? 0x1.02p-8 : 0; /* of a product of two factors rounded by 2^-9 each */
    hg_tape *t = TAPE(.dtype = dtype, .bf16 = bf16);
    const network n = build(t, e, strided);
    double *x = values(n.x, false), *w = values(n.w, false), *b = values(n.b, false), *g = values(n.g, false);
    sums y = new_sums(hg_tensor_size(n.y)), dx = new_sums(hg_tensor_size(n.x)), dw = new_sums(hg_tensor_size(n.w)),
         db = new_sums(e->out);
    const size_t *ny = n.y->shape + 2, in = e->in / e->groups, each = e->out / e->groups;
    size_t i = 0;
    for (size_t item = 0; item < e->batch; item++)
        for (size_t o = 0; o < e->out; o++)
            for (size_t p = 0; p < ny[0] * ny[1] * ny[2]; p++, i++) {
                const size_t at[3] = { p / (ny[1] * ny[2]), p / ny[2] % ny[1], p % ny[2] };
                add(&y, i, b[o]);
                add(&db, o, g[i]);
                for (size_t c = 0, j = o * in * e->kernel[0] * e->kernel[1] * e->kernel[2]; c < in; c++)
                    for (size_t k = 0; k < e->kernel[0] * e->kernel[1] * e->kernel[2]; k++, j++) {
                        const size_t tap[3] = { k / (e->kernel[1] * e->kernel[2]), k / e->kernel[2] % e->kernel[1],
                                                k % e->kernel[2] };
                        size_t from = item * e->in + o / each * in + c;
                        bool inside = true;
                        for (int a = 0; a < 3; a++) {
                            const size_t z = at[a] * e->stride[a] + tap[a] * e->dilation[a];
                            inside = inside && z >= e->padding[a] && z - e->padding[a] < e->x[a];
                            from = from * e->x[a] + z - e->padding[a];
                        }
                        if (!inside) continue;
                        add(&y, i, x[from] * w[j]);
                        add(&dx, from, g[i] * w[j]);
                        add(&dw, j, g[i] * x[from]);
                    }
            }
    compare("y", which, &y, values(n.y, false), hg_tensor_size(n.y), single, rounding);
    compare("dx", which, &dx, values(n.x, true), hg_tensor_size(n.x), single, rounding);
    compare("dw", which, &dw, values(n.w, true), hg_tensor_size(n.w), single, rounding);
    compare("db", which, &db, values(n.b, true), e->out, single, 0);
    free(x);
    free(w);
    free(b);
    free(g);
    hg_tape_free(t);
}

static void convolutions_are_those_of_plain_loops(void **state) {
    (void)state;
    for (size_t i = 0; i < N_EXAMPLES; i++) {
        compare_with_loops(HG_F32, i, i % 2, false);
        compare_with_loops(HG_F64, i, i % 2 == 0, false);
    }
}

static void in_bfloat16_only_factors_are_rounded(void **state) {
    (void)state;
    for (size_t i = 0; i < N_EXAMPLES; i++) {
        compare_with_loops(HG_F32, i, i % 2, true);
        compare_with_loops(HG_F64, i, false, true);
    }
}

/* Where nothing of the border is seen, a shifted input gives the shifted output, to the last bit but for where vectors begin. */
static void a_shifted_input_gives_the_shifted_output(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = normal(t, 1, HG_SHAPE(1, 3, 7, 8, 9), false), *w = normal(t, 2, HG_SHAPE(4, 3, 3, 2, 3), false);
    hg_tensor *all = hg_conv3d(t, x, w, NULL, NULL, HG_TANH);
    for (unsigned axis = 2; axis < 5; axis++) {
        const size_t n = hg_tensor_shape(x).n[axis], left = hg_tensor_shape(all).n[axis];
        hg_tensor *part = hg_conv3d(t, hg_slice(t, x, axis, 2, n, 1), w, NULL, NULL, HG_TANH);
        double *a = values(part, false), *b = values(hg_contiguous(t, hg_slice(t, all, axis, 2, left, 1)), false);
        for (size_t i = 0; i < hg_tensor_size(part); i++) assert_close(a[i], b[i], 1e-13);
        free(a);
        free(b);
    }
    hg_tape_free(t);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    for (size_t i = 0; i < 2 * N_EXAMPLES; i++) {
        const bool bf16 = i % 2 == 1;
        hg_tape *one = TAPE(.dtype = HG_F32, .bf16 = bf16), *many = TAPE(.dtype = HG_F32, .pool = pool, .bf16 = bf16);
        const network a = build(one, &EXAMPLES[i / 2], false), b = build(many, &EXAMPLES[i / 2], false);
        assert_memory_equal(a.y->data, b.y->data, hg_tensor_size(a.y) * sizeof(float));
        assert_memory_equal(a.x->grad, b.x->grad, hg_tensor_size(a.x) * sizeof(float));
        assert_memory_equal(a.w->grad, b.w->grad, hg_tensor_size(a.w) * sizeof(float));
        assert_memory_equal(a.b->grad, b.b->grad, hg_tensor_size(a.b) * sizeof(float));
        hg_tape_free(one);
        hg_tape_free(many);
    }
    hg_pool_free(pool);
}

static void the_second_step_asks_nobody_for_memory(void **state) {
    (void)state;
    if (HG_TAPE_ONE_PIECE) skip(); /* the address sanitizer wants a block each */
    hg_tape *t = TAPE(.dtype = HG_F32);
    for (int step = 0; step < 3; step++) {
        if (step == 2) fail_alloc_after(0);
        build(t, &EXAMPLES[1], false);
    }
    fail_alloc_after(-1);
    hg_tape_free(t);
}

static void refusals(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_err err;
    const struct {
        hg_shape x, w, b;
        hg_conv3d_opts o;
        const char *words;
    } CASES[] = {
        { HG_SHAPE(1, 2, 3, 3), HG_SHAPE(1, 2, 1, 1, 1), HG_SHAPE(1), opts(1, 0, 1), "x[batch, in, d, h, w]" },
        { HG_SHAPE(1, 2, 3, 3, 3), HG_SHAPE(1, 3, 1, 1, 1), HG_SHAPE(1), opts(1, 0, 1), "[1, 3, 1, 1, 1]" },
        { HG_SHAPE(1, 2, 3, 3, 3), HG_SHAPE(4, 2, 1, 1, 1), HG_SHAPE(3), opts(1, 0, 1), "bias[4]" },
        { HG_SHAPE(1, 2, 3, 3, 2), HG_SHAPE(1, 2, 1, 1, 3), HG_SHAPE(1), opts(1, 0, 1), "width 3" },
        { HG_SHAPE(1, 2, 3, 4, 3), HG_SHAPE(1, 2, 1, 3, 1), HG_SHAPE(1), opts(1, 0, 2), "height 5" },
        { HG_SHAPE(1, 2, 3, 4, 3), HG_SHAPE(1, 2, 0, 3, 1), HG_SHAPE(1), opts(1, 0, 1), "kernel of depth 0" },
        { HG_SHAPE(1, 2, 3, 4, 3), HG_SHAPE(1, 2, 1, 1, 1), HG_SHAPE(1), opts(0, 0, 1), "stride 0" },
        { HG_SHAPE(1, 2, 3, 4, 3), HG_SHAPE(1, 2, 1, 1, 1), HG_SHAPE(1), opts(1, SIZE_MAX, 1), "padding" },
        { HG_SHAPE(1, 2, 3, 4, 3), HG_SHAPE(1, 2, 1, 1, 1), HG_SHAPE(1), opts(1, 1 << 20, 1), "memory" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        hg_tape_begin(t, 1);
        hg_tensor *x = hg_tensor_zeros(t, CASES[i].x), *w = hg_tensor_zeros(t, CASES[i].w),
                  *b = hg_tensor_zeros(t, CASES[i].b);
        assert_null(hg_conv3d(t, x, w, b, &CASES[i].o, HG_IDENTITY));
        assert_int_not_equal(hg_tape_status(t, &err), HG_OK);
        assert_contains(err.msg, CASES[i].words);
        assert_contains(err.msg, i + 1 < sizeof CASES / sizeof *CASES ? "conv3d" : "memory");
    }
    hg_tape_begin(t, 1);
    hg_conv3d_opts o = opts(1, 0, 1);
    o.groups = 0;
    assert_null(hg_conv3d(t, hg_tensor_zeros(t, HG_SHAPE(1, 2, 1, 1, 1)), hg_tensor_zeros(t, HG_SHAPE(1, 2, 1, 1, 1)),
                          NULL, &o, HG_IDENTITY));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    hg_tape_begin(t, 1);
    assert_null(hg_conv3d_transposed(t, hg_tensor_zeros(t, HG_SHAPE(1, 1, 1, 1, 2)),
                                     hg_tensor_zeros(t, HG_SHAPE(1, 1, 1, 1, 3)), (size_t[]) { 1, 1, 7 }, NULL));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    assert_contains(err.msg, "1 x 1 x 7");
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_row_by_hand),
        TEST(channels_groups_and_the_transposed_by_hand),
        TEST(convolutions_are_those_of_plain_loops),
        TEST(in_bfloat16_only_factors_are_rounded),
        TEST(a_shifted_input_gives_the_shifted_output),
        TEST(threads_change_no_bit),
        TEST(the_second_step_asks_nobody_for_memory),
        TEST(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
