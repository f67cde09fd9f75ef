/* tests/tensor/test_ops.c -- every operation of tensor/ops.h on its own examples: gradients by finite differences in double, second
 * derivatives where there are some, float against double, one thread against several, and no memory.
 *
 * An operation needs no test of its own for any of that, only examples. Its hand-derived values stand in test_<family>.c. */
#include "tensor/ops.h"
#include "tapes.h"
#include "test.h"

enum { SEED = 20 };

typedef struct {
    const hg_op *op;
    unsigned k;
    uint64_t seed;
} which;

static hg_tensor *build(hg_tape *t, const which *w) {
    hg_rng r = hg_rng_make(w->seed, w->k);
    return w->op->example(t, &r, w->k);
}

/* The leaves of an example, in a fixed order. */
enum { LEAVES_MOST = 8 };
typedef struct {
    hg_tensor *x[LEAVES_MOST];
    unsigned n;
} leaves;

static void find_leaves(leaves *l, hg_tensor *x) {
    if (!x) return;
    for (unsigned i = 0; i < x->n_in; i++) find_leaves(l, x->in[i]);
    if (x->op || !x->wants_grad) return;
    for (unsigned i = 0; i < l->n; i++)
        if (l->x[i] == x) return;
    assert_true(l->n < LEAVES_MOST);
    l->x[l->n++] = x;
}

/* y = sum of out times fixed random weights: one number whose gradient sees every element. */
static hg_tensor *one_number(hg_tape *t, hg_tensor *out, uint64_t seed) {
    hg_rng r = hg_rng_make(seed, 1000);
    hg_tensor *w = hg_example(t, &r, hg_tensor_shape(out), false);
    if (w) w->wants_grad = false;
    return hg_sum(t, hg_mul(t, out, w), 0);
}

static double *element(hg_tensor *x, size_t i) { /* the i-th in row-major order, of doubles */
    ptrdiff_t o[HG_LOOP_OPERANDS];
    const hg_loop l = hg_loop_over(x, (const hg_tensor *[]) { x }, 1);
    hg_loop_run(&l, i, 1, o);
    return (double *)x->data + o[0];
}

/* Recomputes everything between the leaves and y, in place, in the order it was recorded. */
static void compute_again(hg_tape *t, hg_tensor *x) {
    if (x->before) compute_again(t, x->before);
    if (x->op->forward) x->op->forward(x, t);
}

static void differences(double *slope, hg_tape *t, hg_tensor *y, hg_tensor *x) {
    const size_t n = hg_elements(x);
    const double h = 1e-5;
    for (size_t i = 0; i < n; i++) {
        double *p = element(x, i), f[4];
        const double at = *p;
        for (int k = 0; k < 4; k++) { /* fourth order: (-f(2h) + 8 f(h) - 8 f(-h) + f(-2h)) / 12h */
            *p = at + (double[]) { -2, -1, 1, 2 }[k] * h;
            compute_again(t, y);
            f[k] = hg_tensor_value(y);
        }
        *p = at;
        slope[i] = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
    }
    compute_again(t, y);
}

static double *doubles(size_t n) { return calloc(n ? n : 1, sizeof(double)); }

static void compare(const which *w, const char *what, const double *a, const double *b, size_t n, double tol) {
    for (size_t i = 0; i < n; i++) {
        const double scale = fmax(1, fmax(fabs(a[i]), fabs(b[i])));
        if (fabs(a[i] - b[i]) <= tol * scale) continue;
        fail_msg("%s, example %u, %s, element %zu: %.10g and %.10g", w->op->name, w->k, what, i, a[i], b[i]);
    }
}

/* Forms the examples one after another; false past the last. */
static hg_tensor *next_example(hg_tape *t, which *w) {
    hg_tape_begin(t, 1);
    hg_tensor *out = build(t, w);
    hg_err err;
    if (!out && hg_tape_status(t, &err) != HG_OK) fail_msg("%s, example %u: %s", w->op->name, w->k, err.msg);
    return out;
}

static void gradients_are_those_of_finite_differences(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64, .training = true);
    hg_err err;
    for (size_t i = 0; hg_op_at(i); i++) {
        which w = { hg_op_at(i), 0, SEED };
        unsigned with_gradient = 0;
        for (hg_tensor *out; (out = next_example(t, &w)) != NULL; w.k++) {
            hg_tensor *y = one_number(t, out, SEED);
            leaves l = { .n = 0 };
            find_leaves(&l, out);
            assert_ok_err(hg_backward(t, y, &err), err);
            for (unsigned k = 0; k < l.n; k++) {
                const size_t n = hg_elements(l.x[k]);
                double *got = doubles(n), *want = doubles(n);
                hg_tensor_get_grad(got, l.x[k]);
                differences(want, t, y, l.x[k]);
                compare(&w, "gradient", got, want, n, 1e-7);
                for (size_t e = 0; e < n; e++) with_gradient += got[e] != 0;
                free(got);
                free(want);
            }
        }
        if (w.k < 2 || with_gradient < 3) fail_msg("%s has too few examples to be tested by", w.op->name);
    }
    hg_tape_free(t);
}

/* The gradient as tensors is the gradient, and its own gradient that of finite differences. */
static void second_derivatives(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F64, .training = true);
    hg_err err;
    for (size_t i = 0; hg_op_at(i); i++) {
        which w = { hg_op_at(i), 0, SEED };
        if (!w.op->derive) continue;
        for (hg_tensor *out; (out = next_example(t, &w)) != NULL; w.k++) {
            leaves l = { .n = 0 };
            hg_tensor *g[LEAVES_MOST];
            hg_tensor *y = one_number(t, hg_mul(t, out, out), SEED); /* the square: nothing linear is trivial */
            find_leaves(&l, out);
            assert_ok_err(hg_gradient(g, t, y, l.x, l.n, &err), err);
            for (unsigned k = 0; k < l.n; k++) {
                const size_t n = hg_elements(l.x[k]);
                double *got = doubles(n), *want = doubles(n);
                assert_int_equal(hg_elements(g[k]), n);
                hg_tensor_get(got, g[k]);
                differences(want, t, y, l.x[k]);
                compare(&w, "gradient as a tensor", got, want, n, 1e-6);
                free(got);
                free(want);
            }
            hg_tensor *z = NULL; /* a number made of all gradients */
            for (unsigned k = 0; k < l.n; k++) {
                hg_tensor *part = one_number(t, g[k], SEED + k);
                z = z ? hg_add(t, z, part) : part;
            }
            if (!hg_wants(z)) continue; /* constant */
            assert_ok_err(hg_backward(t, z, &err), err);
            for (unsigned k = 0; k < l.n; k++) {
                const size_t n = hg_elements(l.x[k]);
                double *got = doubles(n), *want = doubles(n);
                hg_tensor_get_grad(got, l.x[k]);
                differences(want, t, z, l.x[k]);
                compare(&w, "second derivative", got, want, n, 1e-6);
                free(got);
                free(want);
            }
        }
    }
    hg_tape_free(t);
}

/* Values and gradients of all leaves of an example, one after another. */
static size_t results(double *to, hg_tape *t, const which *w) {
    hg_tape_begin(t, 1);
    hg_tensor *out = build(t, w);
    if (!out) return SIZE_MAX;
    hg_tensor *y = one_number(t, out, SEED);
    leaves l = { .n = 0 };
    find_leaves(&l, out);
    assert_ok(hg_backward(t, y, NULL));
    size_t n = hg_elements(out);
    if (to) hg_tensor_get(to, out);
    for (unsigned k = 0; k < l.n; k++) {
        if (to) hg_tensor_get_grad(to + n, l.x[k]);
        n += hg_elements(l.x[k]);
    }
    return n;
}

static void floats_follow_doubles_and_threads_change_nothing(void **state) {
    (void)state;
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    hg_tape *t64 = TAPE(.dtype = HG_F64, .training = true), *t32 = TAPE(.dtype = HG_F32, .training = true),
            *many = TAPE(.dtype = HG_F32, .pool = pool, .training = true);
    for (size_t i = 0; hg_op_at(i); i++) {
        which w = { hg_op_at(i), 0, SEED };
        for (size_t n; (n = results(NULL, t64, &w)) != SIZE_MAX; w.k++) {
            double *a = doubles(n), *b = doubles(n), *c = doubles(n);
            results(a, t64, &w);
            results(b, t32, &w);
            results(c, many, &w);
            compare(&w, "float", b, a, n, 2e-5);
            compare(&w, "threads", c, b, n, 0);
            free(a);
            free(b);
            free(c);
        }
    }
    hg_tape_free(t64);
    hg_tape_free(t32);
    hg_tape_free(many);
    hg_pool_free(pool);
}

static void no_memory_is_a_failure_that_sticks(void **state) {
    (void)state;
    for (size_t i = 0; hg_op_at(i); i++) {
        const which w = { hg_op_at(i), 0, SEED };
        for (long k = 0;; k++) {
            hg_tape *t = TAPE(.dtype = HG_F64, .training = true);
            hg_err err;
            fail_alloc_after(k);
            hg_tensor *out = build(t, &w), *y = out ? one_number(t, out, SEED) : NULL;
            const hg_status st = hg_backward(t, y, &err);
            fail_alloc_after(-1);
            if (st != HG_OK) assert_int_equal(st, HG_ENOMEM);
            hg_tape_free(t);
            if (st == HG_OK) break;
            assert_true(k < 1000);
        }
    }
}

static void an_operation_that_misses_an_input_says_so(void **state) {
    (void)state;
    hg_tape *t = TAPE(.dtype = HG_F32, .training = true);
    hg_err err;
    for (size_t i = 0; hg_op_at(i); i++) {
        hg_tape_begin(t, 1);
        assert_null(hg_apply(t, hg_op_at(i), (hg_tensor *[]) { NULL }, 1, 0, NULL, 0));
        assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
        assert_contains(err.msg, hg_op_at(i)->name);
    }
    hg_tape_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(gradients_are_those_of_finite_differences),        TEST(second_derivatives),
        TEST(floats_follow_doubles_and_threads_change_nothing), TEST(no_memory_is_a_failure_that_sticks),
        TEST(an_operation_that_misses_an_input_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
