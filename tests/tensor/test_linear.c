/* tests/tensor/test_linear.c -- linear layers and products of matrices: values by hand, beside three plain loops, in bfloat16; the same
 * bits for any number of threads; a step that asks nobody for memory; refusals. Gradients: test_ops.c. */
#include "tensor/bf16.h"
#include "tensor/ops.h"
#include "tensor/tape.h"
#include "tapes.h"
#include "test.h"
#include <float.h>

#define CHECK(x, ...) ASSERT_TENSOR(x, 1e-6, __VA_ARGS__)

static void a_layer_by_hand(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_tensor *x = OF(t, HG_SHAPE(2, 3), 1, 2, 3, -1, 0, 1);
    hg_tensor *w = OF(t, HG_SHAPE(2, 3), 1, 0, -1, 2, 1, 0), *b = OF(t, HG_SHAPE(2), 10, -5);
    CHECK(hg_linear(t, x, w, NULL, HG_IDENTITY), -2, 4, -2, -2);
    hg_tensor *y = hg_linear(t, x, w, b, HG_RELU);
    CHECK(y, 8, 0, 8, 0);
    assert_ok(hg_backward(t, hg_sum(t, y, 0), NULL)); /* only the first output is awake */
    double g[6];
    hg_tensor_get_grad(g, w);
    assert_memory_equal(g, ((double[]) { 0, 2, 4, 0, 0, 0 }), sizeof g);
    hg_tensor_get_grad(g, b);
    assert_memory_equal(g, ((double[]) { 2, 0 }), 2 * sizeof *g);
    hg_tensor_get_grad(g, x);
    assert_memory_equal(g, ((double[]) { 1, 0, -1, 1, 0, -1 }), sizeof g);
    CHECK(hg_linear(t, hg_reshape(t, x, HG_SHAPE(1, 2, 1, 3)), w, b, HG_SQUARE), 64, 1, 64, 49);
    hg_tape_free(t);
}

static void products_by_hand(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *a = OF(t, HG_SHAPE(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8), *b = OF(t, HG_SHAPE(2, 2), 0, 1, 1, 0);
    CHECK(hg_matmul(t, a, b), 2, 1, 4, 3, 6, 5, 8, 7);
    CHECK(hg_matmul(t, b, hg_transpose2(t, a)), 2, 4, 1, 3, 6, 8, 5, 7);
    CHECK(hg_matmul(t, hg_slice(t, a, 1, 1, 2, 1), b), 4, 3, 8, 7);
    CHECK(hg_matmul(t, hg_slice(t, a, 2, 1, 2, 1), OF(t, HG_SHAPE(1, 2), 1, -1)), 2, -2, 4, -4, 6, -6, 8, -8);
    hg_tensor *nothing = hg_tensor_zeros(t, HG_SHAPE(2, 0)); /* a sum of nothing is zero */
    CHECK(hg_matmul(t, nothing, hg_transpose2(t, nothing)), 0, 0, 0, 0);
    hg_tape_free(t);
}

/* ---- beside three plain loops --------------------------------------------------------------------------------- */

static hg_tensor *normal(hg_tape *t, uint64_t seed, hg_shape s, bool strided) {
    hg_rng r = hg_rng_make(seed, 7);
    return hg_example(t, &r, s, strided);
}

static double *values(const hg_tensor *x) {
    double *v = malloc((hg_tensor_size(x) + 1) * sizeof *v);
    hg_tensor_get(v, x);
    return v;
}

/* Sizes on both sides of the borders of blocks and tiles. */
static const struct {
    size_t batch, m, k, n;
} SIZES[] = { { 1, 700, 31, 530 }, { 1, 5, 1200, 3 },    { 1, 257, 64, 65 },  { 3, 33, 20, 17 },   { 40, 9, 8, 10 },
              { 1, 1, 300, 1 },    { 1, 8, 1025, 8 },    { 2, 260, 513, 70 }, { 1, 64, 9, 600 },   { 1, 40, 2100, 72 },
              { 1, 300, 777, 17 }, { 1, 203, 300, 112 }, { 1, 131, 40, 32 },  { 1, 200, 1500, 96 } };
enum { N_SIZES = sizeof SIZES / sizeof *SIZES };

static double rounded(double x, bool bf16) {
    const uint32_t u = (uint32_t)hg_bf16_of((float)x) << 16;
    float v;
    memcpy(&v, &u, sizeof v);
    return bf16 ? (double)v : x;
}

/* |error| <= 2 k eps sum |a||b|, eps of the sums: any order of summation keeps that (Higham, Accuracy and Stability of Numerical
 * Algorithms, 2002, section 3.1). */
static void compare_with_loops(hg_dtype dtype, bool bf16, double eps) {
    hg_tape *t = TAPE(.dtype = dtype, .bf16 = bf16);
    for (size_t s = 0; s < N_SIZES; s++)
        for (unsigned turn = 0; turn < 4; turn++) {
            const size_t batch = SIZES[s].batch, m = SIZES[s].m, k = SIZES[s].k, n = SIZES[s].n;
            const bool rounds = bf16 && dtype == HG_F32 && m >= 8 && k >= 8 && n >= 8;
            hg_tape_begin(t, 1);
            hg_tensor *a = turn & 1 ? hg_transpose2(t, normal(t, 1, HG_SHAPE(batch, k, m), false))
                                    : normal(t, 1, HG_SHAPE(batch, m, k), false);
            hg_tensor *b = turn & 2 ? hg_transpose2(t, normal(t, 2, HG_SHAPE(batch, n, k), false))
                                    : normal(t, 2, HG_SHAPE(batch, k, n), false);
            double *va = values(a), *vb = values(b), *vc = values(hg_matmul(t, a, b));
            for (size_t i = 0; i < batch * m; i += 1 + i % 7)
                for (size_t j = 0; j < n; j += 1 + j % 5) {
                    double sum = 0, size = 0;
                    for (size_t l = 0; l < k; l++) {
                        const double x = rounded(va[i * k + l], rounds),
                                     y = rounded(vb[(i / m * k + l) * n + j], rounds);
                        sum += x * y;
                        size += fabs(x * y);
                    }
                    if (fabs(vc[i * n + j] - sum) > 2 * (double)k * eps * size)
                        fail_msg("size %zu, turn %u, [%zu, %zu]: %.9g, not %.9g", s, turn, i, j, vc[i * n + j], sum);
                }
            free(va);
            free(vb);
            free(vc);
        }
    hg_tape_free(t);
}

static void products_are_those_of_plain_loops(void **state) {
    (void)state;
    compare_with_loops(HG_F32, false, (double)FLT_EPSILON);
    compare_with_loops(HG_F64, false, DBL_EPSILON);
}

static void products_of_bfloat16(void **state) {
    (void)state;
    compare_with_loops(HG_F32, true, (double)FLT_EPSILON);
    compare_with_loops(HG_F64, true, DBL_EPSILON); /* doubles are never rounded */
}

static void rounding_to_bfloat16(void **state) {
    (void)state;
    static const struct {
        float x;
        uint16_t want;
    } CASES[] = {
        { 1, 0x3f80 },
        { 0x1.01p0f, 0x3f80 }, /* half way between 1 and 1 + 2^-7: to the even one */
        { 0x1.03p0f, 0x3f82 }, /* half way above 1 + 2^-7: up to the even one */
        { 0x1.010002p0f, 0x3f81 },
        { -0x1.02p0f, 0xbf81 },
        { 0x1.fffffep127f, 0x7f80 }, /* rounds to infinity */
        { HUGE_VALF, 0x7f80 },
        { 0, 0 },
        { -0.0f, 0x8000 },
        { 0x1p-149f, 0 },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) assert_int_equal(hg_bf16_of(CASES[i].x), CASES[i].want);
    const uint32_t low_nan = 0x7f800001; /* its payload is lost: it must not become infinity */
    float x;
    memcpy(&x, &low_nan, sizeof x);
    assert_true((hg_bf16_of(x) & 0x7fff) > 0x7f80);
}

/* The same sums in the same order: where the machine has the instruction, its result is the plain one's. */
static void plain_code_forms_the_same_sums(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    for (size_t s = 0; s < N_SIZES; s++) {
        hg_tape_begin(t, 1);
        const size_t m = SIZES[s].m, k = SIZES[s].k, n = SIZES[s].n;
        const hg_matrix a = { normal(t, 1, HG_SHAPE(m, k), false)->data, (ptrdiff_t)k, 1 };
        const hg_matrix b = { normal(t, 2, HG_SHAPE(k, n), false)->data, (ptrdiff_t)n, 1 };
        float *fast = hg_tensor_zeros(t, HG_SHAPE(m, n))->data, *plain = hg_tensor_zeros(t, HG_SHAPE(m, n))->data;
        uint16_t *packed = malloc(hg_bf16_packed(k, n) * sizeof *packed);
        uint16_t *room = malloc(hg_bf16_room(m, k) * sizeof *room);
        hg_bf16_pack(packed, &b, k, n, 0, (n + HG_BF16_PANEL - 1) / HG_BF16_PANEL);
        hg_bf16_product(fast, n, &a, packed, k, n, 0, m, n, false, false, room);
        hg_bf16_product(plain, n, &a, packed, k, n, 0, m, n, false, true, room);
        for (size_t i = 0; i < m * n; i++) /* the bound for other processors; here they are equal */
            assert_close((double)fast[i], (double)plain[i], (double)k * (double)FLT_EPSILON);
        free(packed);
        free(room);
    }
    hg_tape_free(t);
}

static uint16_t *rounded_rows(const float *x, size_t rows, size_t n) {
    uint16_t *to = malloc(rows * hg_bf16_row(n) * sizeof *to);
    for (size_t i = 0; i < rows; i++) hg_bf16_round(to + i * hg_bf16_row(n), x + i * n, n);
    return to;
}

/* Packed from rounded rows of b, from rounded rows of its transpose, with rounded rows of a and of its transpose: no bit differs. */
static void rows_rounded_beforehand(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    for (size_t s = 0; s < N_SIZES; s++) {
        hg_tape_begin(t, 1);
        const size_t m = SIZES[s].m, k = SIZES[s].k, n = SIZES[s].n, panels = (n + HG_BF16_PANEL - 1) / HG_BF16_PANEL;
        hg_tensor *ta = normal(t, 1, HG_SHAPE(m, k), false), *tb = normal(t, 2, HG_SHAPE(k, n), false);
        const hg_matrix a = { ta->data, (ptrdiff_t)k, 1 }, b = { tb->data, (ptrdiff_t)n, 1 };
        float *at = hg_tensor_zeros(t, HG_SHAPE(k, m))->data, *bt = hg_tensor_zeros(t, HG_SHAPE(n, k))->data;
        for (size_t i = 0; i < m * k; i++) at[i % k * m + i / k] = ((const float *)ta->data)[i];
        for (size_t i = 0; i < k * n; i++) bt[i % n * k + i / n] = ((const float *)tb->data)[i];
        float *want = hg_tensor_zeros(t, HG_SHAPE(m, n))->data, *got = hg_tensor_zeros(t, HG_SHAPE(m, n))->data;
        uint16_t *packed = malloc(hg_bf16_packed(k, n) * sizeof *packed),
                 *other = malloc(hg_bf16_packed(k, n) * sizeof *other);
        uint16_t *room = malloc(hg_bf16_room(m, k) * sizeof *room);
        uint16_t *ra = rounded_rows(ta->data, m, k), *rat = rounded_rows(at, k, m);
        uint16_t *rb = rounded_rows(tb->data, k, n), *rbt = rounded_rows(bt, n, k);
        const uint16_t *row[4096];
        assert_true(k <= 4096 && n <= 4096);
        hg_bf16_pack(packed, &b, k, n, 0, panels);
        for (size_t i = 0; i < k; i++) row[i] = rb + i * hg_bf16_row(n);
        hg_bf16_pack_rows(other, row, k, n, 0, panels);
        assert_memory_equal(other, packed, hg_bf16_packed(k, n) * sizeof *packed);
        memset(other, 0xff, hg_bf16_packed(k, n) * sizeof *packed);
        for (size_t i = 0; i < n; i++) row[i] = rbt + i * hg_bf16_row(k);
        hg_bf16_pack_columns(other, row, k, n, 0, panels);
        assert_memory_equal(other, packed, hg_bf16_packed(k, n) * sizeof *packed);
        hg_bf16_product(want, n, &a, packed, k, n, 0, m, n, false, false, room);
        hg_bf16_product_rounded(got, n, ra, false, packed, m, n, k, false, room);
        assert_memory_equal(got, want, m * n * sizeof *got);
        memset(got, 0, m * n * sizeof *got);
        hg_bf16_product_rounded(got, n, rat, true, packed, m, n, k, true, room);
        assert_memory_equal(got, want, m * n * sizeof *got);
        void *const rooms[] = { packed, other, room, ra, rat, rb, rbt };
        for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) free(rooms[i]);
    }
    hg_tape_free(t);
}

/* Sums long enough to be cut into pieces: bias, activation and gradients that are added to must not be lost on that path. */
static void a_layer_of_long_sums(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64);
    hg_tensor *x = normal(t, 1, HG_SHAPE(40, 2100), false), *w = normal(t, 2, HG_SHAPE(72, 2100), false);
    hg_tensor *b = normal(t, 3, HG_SHAPE(72), false), *many = normal(t, 4, HG_SHAPE(2100, 40), false);
    hg_tensor *z = hg_add(t, hg_matmul(t, x, hg_transpose2(t, w)), b);
    double *got = values(hg_linear(t, x, w, b, HG_TANH)), *want = values(hg_map(t, HG_TANH, z));
    for (size_t i = 0; i < 40 * 72; i++) assert_close(got[i], want[i], 1e-12);
    free(got);
    free(want);

    /* d/dw of sum of (many w') twice: 2 * (sum over rows of many), the same for every row of w */
    hg_tensor *v = normal(t, 5, HG_SHAPE(30, 40), false);
    hg_tensor *twice = hg_add(t, hg_linear(t, many, v, NULL, HG_IDENTITY), hg_linear(t, many, v, NULL, HG_IDENTITY));
    assert_ok(hg_backward(t, hg_sum(t, twice, 0), NULL));
    double *of_many = values(many), gradient[30 * 40];
    hg_tensor_get_grad(gradient, v);
    for (size_t c = 0; c < 40; c++) {
        double sum = 0;
        for (size_t r = 0; r < 2100; r++) sum += of_many[r * 40 + c];
        for (size_t r = 0; r < 30; r++) assert_close(gradient[r * 40 + c], 2 * sum, 1e-11);
    }
    free(of_many);
    hg_tape_free(t);
}

/* ---- promises ------------------------------------------------------------------------------------------------- */

/* Two layers on x[rows, in], a stack of small products, a loss: all numbers and gradients into one array. */
static size_t network(double *to, hg_tape *t, size_t rows) {
    hg_tensor *x = normal(t, 1, HG_SHAPE(rows, 70), false), *w1 = normal(t, 2, HG_SHAPE(300, 70), false);
    hg_tensor *b1 = normal(t, 3, HG_SHAPE(300), false), *w2 = normal(t, 4, HG_SHAPE(3, 300), false);
    hg_tensor *stack = normal(t, 5, HG_SHAPE(50, 3, 12), false);
    hg_tensor *y = hg_linear(t, hg_linear(t, x, w1, b1, HG_SILU), w2, NULL, HG_TANH);
    hg_tensor *z = hg_matmul(t, hg_reshape(t, y, HG_SHAPE(50, rows / 50, 3)), stack);
    assert_ok(hg_backward(t, hg_mean(t, hg_map(t, HG_SQUARE, z), 0), NULL));
    hg_tensor *const all[] = { x, w1, b1, w2, stack };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (to) hg_tensor_get_grad(to + n, all[i]);
        n += hg_tensor_size(all[i]);
    }
    if (to) hg_tensor_get(to + n, z);
    return n + hg_tensor_size(z);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    enum { ROWS = 1000 };
    for (int mode = 0; mode < 3; mode++) {
        double *first = NULL;
        for (size_t threads = 1; threads <= 3; threads++) {
            hg_pool *pool;
            assert_ok(hg_pool_new(&pool, threads, NULL));
            hg_tape *t = TAPE(.dtype = mode == 1 ? HG_F64 : HG_F32, .pool = pool, .bf16 = mode == 2);
            const size_t n = network(NULL, t, ROWS);
            double *now = malloc(n * sizeof *now);
            hg_tape_begin(t, 2);
            network(now, t, ROWS);
            if (first) assert_memory_equal(first, now, n * sizeof *now);
            hg_tape_free(t);
            hg_pool_free(pool);
            if (first)
                free(now);
            else
                first = now;
        }
        free(first);
    }
}

static void later_steps_ask_for_no_memory(void **state) {
    (void)state;
    if (HG_TAPE_ONE_PIECE) {
        printf("test_linear: the address sanitizer gives every tensor its own memory, SKIPPING what checks reuse\n");
        skip();
    }
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 2, NULL));
    for (int bf16 = 0; bf16 < 2; bf16++) {
        hg_tape *t = TAPE(.dtype = HG_F32, .pool = pool, .bf16 = bf16);
        network(NULL, t, 2000);
        hg_tape_begin(t, 2);
        const size_t bytes = hg_tape_bytes(t);
        for (uint64_t step = 2; step < 5; step++) {
            fail_alloc_after(0); /* the first allocation would fail the step */
            hg_tape_begin(t, step);
            network(NULL, t, 2000);
            void *probe = malloc(1);
            free(probe);
            fail_alloc_after(-1);
            assert_int_equal(hg_tape_bytes(t), bytes);
        }
        hg_tape_free(t);
    }
    hg_pool_free(pool);
}

static void shapes_that_do_not_fit_are_named(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32);
    hg_err err;
    const struct {
        hg_shape x, w, b;
        const char *words;
    } LINEAR[] = {
        { HG_SHAPE(2, 3), HG_SHAPE(4, 2), HG_SHAPE(4), "x[2, 3] and w[4, 2]" },
        { HG_SCALAR, HG_SHAPE(4, 2), HG_SHAPE(4), "x[]" },
        { HG_SHAPE(2, 3), HG_SHAPE(3), HG_SHAPE(3), "w[3]" },
        { HG_SHAPE(2, 3), HG_SHAPE(4, 3), HG_SHAPE(3), "b[3] does not go with w[4, 3]" },
    };
    for (size_t i = 0; i < sizeof LINEAR / sizeof *LINEAR; i++) {
        hg_tape_begin(t, 1);
        assert_null(hg_linear(t, hg_tensor_zeros(t, LINEAR[i].x), hg_tensor_zeros(t, LINEAR[i].w),
                              hg_tensor_zeros(t, LINEAR[i].b), HG_SILU));
        assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
        assert_contains(err.msg, LINEAR[i].words);
    }
    const hg_shape MATMUL[][2] = { { HG_SHAPE(2, 3), HG_SHAPE(2, 3) },
                                   { HG_SHAPE(3), HG_SHAPE(3, 2) },
                                   { HG_SHAPE(2, 1, 3), HG_SHAPE(3, 3, 1) } };
    for (size_t i = 0; i < 3; i++) {
        hg_tape_begin(t, 1);
        assert_null(hg_matmul(t, hg_tensor_zeros(t, MATMUL[i][0]), hg_tensor_zeros(t, MATMUL[i][1])));
        assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
        assert_contains(err.msg, "matmul");
    }
    hg_tape_begin(t, 1);
    hg_tensor *x = hg_tensor_zeros(t, HG_SHAPE(2, 3));
    assert_null(hg_linear(t, x, NULL, NULL, HG_SILU));
    hg_tape_begin(t, 1);
    x = hg_tensor_zeros(t, HG_SHAPE(2, 3));
    assert_null(hg_linear(t, x, x, NULL, HG_FUNCTION_COUNT));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_layer_by_hand),
        TEST(products_by_hand),
        TEST(products_are_those_of_plain_loops),
        TEST(products_of_bfloat16),
        TEST(rounding_to_bfloat16),
        TEST(plain_code_forms_the_same_sums),
        TEST(rows_rounded_beforehand),
        TEST(a_layer_of_long_sums),
        TEST(threads_change_no_bit),
        TEST(later_steps_ask_for_no_memory),
        TEST(shapes_that_do_not_fit_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
