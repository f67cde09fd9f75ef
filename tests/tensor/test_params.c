/* tests/tensor/test_params.c -- named parameters in two flat buffers */
#include "tensor/params.h"
#include "test.h"

static hg_params *small(const hg_params_opts *o) {
    hg_params *p;
    assert_ok(hg_params_new(&p, o, NULL));
    assert_int_equal(hg_params_add(p, HG_SHAPE(3, 5), hg_init_linear(5), "layer%d.weight", 1), 0);
    assert_int_equal(hg_params_add(p, HG_SHAPE(3), hg_init_linear(5), "layer%d.bias", 1), 1);
    assert_int_equal(hg_params_add(p, HG_SCALAR, hg_init_constant(2.5), "scale"), 2);
    assert_ok(hg_params_seal(p, NULL));
    return p;
}

static void names_shapes_and_places(void **state) {
    (void)state;
    hg_params *p = small(NULL);
    double v;
    assert_int_equal(hg_params_count(p), 3);
    assert_int_equal(hg_params_elements(p), 15 + 3 + 1);
    assert_int_equal(p->size, 48); /* 15, 3 and 1 elements, each in lines of 16 */
    assert_int_equal((uintptr_t)p->values % 64, 0);
    assert_int_equal((uintptr_t)p->gradient % 64, 0);
    assert_int_equal(p->e[2].at, 32);
    assert_string_equal(hg_params_name(p, 1), "layer1.bias");
    assert_null(hg_params_name(p, 3));
    assert_int_equal(hg_params_shape(p, 0).n[1], 5);
    assert_int_equal(hg_params_find(p, "scale"), 2);
    assert_int_equal(hg_params_find(p, "scal"), SIZE_MAX);
    hg_params_get(&v, p, 2);
    assert_true(v == 2.5);
    hg_params_set(p, 2, (double[]) { -1 });
    hg_params_get(&v, p, 2);
    assert_true(v == -1);
    hg_params_free(p);
    hg_params_free(NULL);
}

/* y = scale * sum(w w): dy/dw = 2 scale w, dy/dscale = sum(w w). Backward adds. */
static void a_leaf_borrows_value_and_gradient(void **state) {
    (void)state;
    hg_params_opts o = hg_params_opts_default();
    o.dtype = HG_F64;
    hg_params *p = small(&o);
    hg_tape_opts to = hg_tape_opts_default();
    to.dtype = HG_F64;
    hg_tape *t;
    double w[15], g[15], scale, sum = 0;
    hg_params_get(w, p, 0);
    for (int i = 0; i < 15; i++) sum += w[i] * w[i];
    assert_ok(hg_tape_new(&t, &to, NULL));
    for (int round = 1; round <= 2; round++) {
        hg_tape_begin(t, 1);
        hg_tensor *x = hg_param(t, p, 0);
        hg_tensor *y = hg_mul(t, hg_param_named(t, p, "scale"), hg_sum(t, hg_mul(t, x, x), 0));
        assert_ok(hg_backward(t, y, NULL));
        hg_params_get_gradient(g, p, 0);
        for (int i = 0; i < 15; i++) assert_close(g[i], round * 2 * 2.5 * w[i], 1e-14);
        hg_params_get_gradient(&scale, p, 2);
        assert_close(scale, round * sum, 1e-14);
    }
    hg_params_zero_gradients(p);
    hg_params_get_gradient(g, p, 0);
    for (int i = 0; i < 15; i++) assert_true(g[i] == 0);
    hg_tape_free(t);
    hg_params_free(p);
}

static void a_frozen_part_wants_no_gradient(void **state) {
    (void)state;
    hg_params *p = small(NULL);
    hg_tape *t;
    hg_err err;
    assert_ok(hg_tape_new(&t, NULL, NULL));
    assert_ok(hg_params_set_rate(p, "layer1.", 0, NULL));
    hg_tensor *frozen = hg_map(t, HG_SQUARE, hg_param(t, p, 1)), *free_ = hg_param_named(t, p, "scale");
    assert_int_equal(hg_backward(t, hg_sum(t, frozen, 0), &err), HG_EINVAL);
    assert_ok(hg_backward(t, hg_sum(t, hg_mul(t, frozen, free_), 0), NULL));
    assert_int_equal(hg_params_set_rate(p, "Layer", 1, &err), HG_ENOTFOUND);
    assert_contains(err.msg, "\"Layer\"");
    assert_int_equal(hg_params_set_rate(p, "", -1, &err), HG_EINVAL);
    assert_int_equal(hg_params_set_decay(p, "x", true, &err), HG_ENOTFOUND);
    hg_tape_free(t);
    hg_params_free(p);
}

/* Streams belong to names: another parameter, another order, another dtype change nothing. */
static void first_values_depend_on_seed_and_name_alone(void **state) {
    (void)state;
    hg_params_opts o = { .dtype = HG_F64, .seed = 7 };
    hg_params *a, *b, *c;
    double x[40], y[40];
    assert_ok(hg_params_new(&a, &o, NULL));
    hg_params_add(a, HG_SHAPE(40), hg_init_kaiming(8), "one");
    hg_params_add(a, HG_SHAPE(40), hg_init_kaiming(8), "two");
    assert_ok(hg_params_seal(a, NULL));
    o.dtype = HG_F32;
    assert_ok(hg_params_new(&b, &o, NULL));
    hg_params_add(b, HG_SHAPE(3, 3), hg_init_zeros(), "zero");
    hg_params_add(b, HG_SHAPE(2, 20), hg_init_kaiming(8), "two");
    assert_ok(hg_params_seal(b, NULL));
    o.seed = 8;
    assert_ok(hg_params_new(&c, &o, NULL));
    hg_params_add(c, HG_SHAPE(40), hg_init_kaiming(8), "two");
    assert_ok(hg_params_seal(c, NULL));
    hg_params_get(x, a, 1);
    hg_params_get(y, b, 1);
    for (int i = 0; i < 40; i++) assert_true(y[i] == (float)x[i]);
    hg_params_get(y, a, 0);
    assert_true(x[0] != y[0]);
    hg_params_get(y, c, 0);
    assert_true(x[0] != y[0]);
    hg_params_free(a);
    hg_params_free(b);
    hg_params_free(c);
}

/* Mean, standard deviation and bounds of 40,000 values against the papers' formulas; 5 standard errors. */
static void first_values_are_distributed_as_the_papers_say(void **state) {
    (void)state;
    enum { N = 40000 };
    const double third = 1 / sqrt(3);
    const struct {
        hg_init init;
        double sd, bound;
    } want[] = {
        { hg_init_normal(0.3), 0.3, INFINITY },   { hg_init_uniform(0.2), 0.2 * third, 0.2 },
        { hg_init_linear(25), 0.2 * third, 0.2 }, { hg_init_xavier(10, 14), 0.5 * third, 0.5 },
        { hg_init_kaiming(8), 0.5, INFINITY },
    };
    double *x = malloc(N * sizeof *x);
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        hg_params *p;
        double sum = 0, squares = 0, most = 0;
        assert_ok(hg_params_new(&p, NULL, NULL));
        hg_params_add(p, HG_SHAPE(N), want[k].init, "x");
        assert_ok(hg_params_seal(p, NULL));
        hg_params_get(x, p, 0);
        for (int i = 0; i < N; i++) sum += x[i], squares += x[i] * x[i], most = fmax(most, fabs(x[i]));
        assert_true(fabs(sum / N) < 5 * want[k].sd / sqrt(N));
        assert_true(fabs(squares / N / (want[k].sd * want[k].sd) - 1) < 5 * sqrt(2.0 / N));
        assert_true(most <= want[k].bound);
        if (isfinite(want[k].bound)) assert_true(most > 0.999 * want[k].bound);
        hg_params_free(p);
    }
    free(x);
}

static hg_status add_one(const char *first, hg_shape shape, hg_init init, const char *name, hg_err *err) {
    hg_params *p;
    assert_ok(hg_params_new(&p, NULL, NULL));
    if (first) hg_params_add(p, HG_SHAPE(1), hg_init_zeros(), "%s", first);
    hg_params_add(p, shape, init, "%s", name);
    hg_params_add(p, HG_SHAPE(1), hg_init_zeros(), "after"); /* failures stick */
    const hg_status st = hg_params_seal(p, err);
    hg_params_free(p);
    return st;
}

static void refusals(void **state) {
    (void)state;
    hg_err err;
    char lengthy[300];
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    assert_int_equal(add_one(NULL, HG_SHAPE(1), hg_init_zeros(), "", &err), HG_EINVAL);
    assert_int_equal(add_one(NULL, HG_SHAPE(1), hg_init_zeros(), "a b", &err), HG_EINVAL);
    assert_contains(err.msg, "\"a b\"");
    assert_int_equal(add_one(NULL, HG_SHAPE(1), hg_init_zeros(), lengthy, &err), HG_EINVAL);
    assert_int_equal(add_one("same", HG_SHAPE(1), hg_init_zeros(), "same", &err), HG_EINVAL);
    assert_contains(err.msg, "two parameters are called \"same\"");
    assert_int_equal(add_one(NULL, HG_SHAPE(2, 0), hg_init_zeros(), "none", &err), HG_EINVAL);
    assert_int_equal(add_one(NULL, HG_SHAPE(SIZE_MAX / 2, 8), hg_init_zeros(), "huge", &err), HG_EINVAL);
    assert_int_equal(add_one(NULL, HG_SHAPE(SIZE_MAX / 4), hg_init_zeros(), "large", &err), HG_EINVAL);
    assert_int_equal(add_one(NULL, HG_SHAPE(4), hg_init_linear(0), "fan", &err), HG_EINVAL);
    assert_int_equal(add_one(NULL, HG_SHAPE(4), hg_init_normal(NAN), "nan", &err), HG_EINVAL);
    assert_contains(err.msg, "\"nan\"");

    hg_params *p;
    hg_tape *t;
    assert_ok(hg_tape_new(&t, NULL, NULL));
    assert_ok(hg_params_new(&p, NULL, NULL));
    hg_params_add(p, HG_SHAPE(2), hg_init_zeros(), "x");
    assert_null(hg_param(t, p, 0)); /* not sealed */
    hg_tape_begin(t, 1);
    assert_ok(hg_params_seal(p, NULL));
    assert_int_equal(hg_params_seal(p, &err), HG_EINVAL);
    assert_null(hg_param(t, p, 1));
    hg_tape_begin(t, 1);
    assert_null(hg_param_named(t, p, "y"));
    assert_int_equal(hg_tape_status(t, &err), HG_ENOTFOUND);
    assert_contains(err.msg, "\"y\"");
    hg_params_free(p);
    hg_params_opts o = { .dtype = HG_F64, .fixed = true };
    p = small(&o);
    hg_tape_begin(t, 1);
    assert_null(hg_param(t, p, 0));
    assert_int_equal(hg_tape_status(t, &err), HG_EINVAL);
    assert_contains(err.msg, "layer1.weight");
    double g[15];
    hg_params_get_gradient(g, p, 0); /* of a fixed set: zeros */
    assert_true(g[14] == 0 && !p->gradient);
    hg_params_free(p);
    hg_tape_free(t);
}

static void no_memory(void **state) {
    (void)state;
    hg_params *p = NULL;
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        hg_status st = hg_params_new(&p, NULL, NULL);
        if (st == HG_OK) {
            for (int i = 0; i < 12; i++) hg_params_add(p, HG_SHAPE(2), hg_init_zeros(), "p%d", i);
            st = hg_params_seal(p, NULL);
        }
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        hg_params_free(p);
        assert_true(k < 100);
    }
    hg_params_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(names_shapes_and_places),
        TEST(a_leaf_borrows_value_and_gradient),
        TEST(a_frozen_part_wants_no_gradient),
        TEST(first_values_depend_on_seed_and_name_alone),
        TEST(first_values_are_distributed_as_the_papers_say),
        TEST(refusals),
        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
