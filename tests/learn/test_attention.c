/* tests/learn/test_attention.c -- elements that attend to each other: by hand, what may not matter, what is refused */
#include "core/memory.h"
#include "learn/attention_net.h"
#include "learn/learner.h"
#include "learn/scaling.h"
#include "test.h"

/* One head of two numbers; the third item stands alone and takes its own value. */
static void attention_by_hand(void **state) {
    (void)state;
    static const uint32_t offset[] = { 0, 2, 3 };
    const double x[3][6] = { { 1, 2, 3, -1, 10, 20 }, { 0, 1, 1, 1, -4, 8 }, { 5, 5, 5, 5, 7, 9 } };
    hg_tape_opts o = hg_tape_opts_default();
    hg_tape *t;
    double got[6];
    o.dtype = HG_F64;
    assert_ok(hg_tape_new(&t, &o, NULL));
    hg_tape_begin(t, 0);
    hg_tensor *in = hg_tensor_of(t, HG_SHAPE(3, 6), &x[0][0], true);
    hg_tensor *y = hg_attention(t, in, 1, hg_segments_of(t, offset, 2));
    assert_non_null(y);
    hg_tensor_get(got, y);
    for (size_t i = 0; i < 2; i++) {
        const double a = exp((x[i][0] * 3 - x[i][1]) / sqrt(2)), b = exp((x[i][0] + x[i][1]) / sqrt(2));
        assert_close(got[2 * i], (10 * a - 4 * b) / (a + b), 1e-12);
        assert_close(got[2 * i + 1], (20 * a + 8 * b) / (a + b), 1e-12);
    }
    assert_close(got[4], 7, 1e-12);
    assert_close(got[5], 9, 1e-12);
    assert_null(hg_attention(t, in, 3, hg_segments_of(t, offset, 2))); /* two numbers for three heads */
    hg_tape_free(t);
}

enum { N = 40 };

static void compounds(hg_composition *c, double *y) {
    hg_rng r = hg_rng_make(2, 0);
    for (size_t i = 0; i < N; i++) {
        c[i] = (hg_composition) { .n = 3 };
        for (size_t k = 0; k < 3; k++)
            c[i].species[k] =
                (hg_species) { .z = 3 + (unsigned)(7 * i + 31 * k) % 80, .amount = 1 + hg_rng_uniform(&r) };
        y[i] = hg_rng_normal(&r);
    }
}

static void fit(void **m, const hg_composition *c, const double *y) {
    const hg_learner *l = hg_learner_find("attention");
    double option[HG_LEARNER_OPTIONS_MOST];
    hg_err err;
    hg_learner_defaults(option, l);
    assert_ok_err(hg_learner_set(option, l, "members=2 epochs=3 width=32 layers=2", &err), err);
    const hg_rows rows = { .n = N, .composition = c, .y = y };
    assert_ok_err(l->fit(m, &rows, &(hg_learning) { .option = option, .seed = 9 }, &err), err);
}

/* Neither the order in which a formula names its elements nor its multiple. */
static void a_compound_is_a_set_of_fractions(void **state) {
    (void)state;
    const hg_learner *l = hg_learner_find("attention");
    hg_composition c[N], same[N];
    double y[N], one[N], other[N], sd[N];
    void *m;
    compounds(c, y);
    fit(&m, c, y);
    for (size_t i = 0; i < N; i++) {
        same[i] = c[i];
        for (size_t k = 0; k < 3; k++) {
            same[i].species[k] = c[i].species[2 - k];
            same[i].species[k].amount *= 7;
        }
    }
    assert_ok(l->predict(one, sd, m, &(hg_rows) { .n = N, .composition = c }, NULL, NULL));
    assert_ok(l->predict(other, NULL, m, &(hg_rows) { .n = N, .composition = same }, NULL, NULL));
    for (size_t i = 0; i < N; i++) {
        assert_close(one[i], other[i], 1e-4);
        assert_true(sd[i] > 0 && sd[i] < 100);
    }
    assert_true(fabs(one[0] - one[1]) > 1e-5);
    l->free(m);
}

/* Columns say what a compound's elements do not: here the value, and how uncertain it is. A row stands for itself. */
static void columns_are_looked_at(void **state) {
    (void)state;
    enum { ROWS = 300 };
    static hg_composition c[ROWS];
    static float x[2 * ROWS];
    static double y[ROWS], out[ROWS], sd[ROWS], alone, mean[2];
    const hg_learner *l = hg_learner_find("attention");
    double option[HG_LEARNER_OPTIONS_MOST], error = 0;
    hg_rng r = hg_rng_make(3, 0);
    void *m;
    for (size_t i = 0; i < ROWS; i++) {
        c[i] = (hg_composition) { .n = 1, .species = { { .z = 26, .amount = 1 } } };
        x[2 * i] = (float)hg_rng_normal(&r);
        x[2 * i + 1] = i % 2 ? 1 : -1;
        y[i] = 3 * (double)x[2 * i] + (i % 2 ? 2 : 0.02) * hg_rng_normal(&r);
    }
    hg_learner_defaults(option, l);
    assert_ok(hg_learner_set(option, l, "members=2 epochs=120 width=16 layers=1 rate=0.01", NULL));
    const hg_rows rows = { .n = ROWS, .d = 2, .x = x, .composition = c, .y = y };
    assert_ok(l->fit(&m, &rows, &(hg_learning) { .option = option, .seed = 9 }, NULL));
    assert_ok(l->predict(out, sd, m, &rows, NULL, NULL));
    for (size_t i = 0; i < ROWS; i++) {
        error += fabs(out[i] - 3 * (double)x[2 * i]) / ROWS;
        mean[i % 2] += sd[i] / (ROWS / 2);
    }
    assert_true(error < 0.7); /* of 2.4 for who does not look */
    assert_true(mean[1] > 2 * mean[0]);
    assert_ok(l->predict(&alone, NULL, m, &(hg_rows) { .n = 1, .d = 2, .x = x + 2 * 7, .composition = c }, NULL, NULL));
    assert_close(alone, out[7], 1e-6); /* some kernels of BLAS form sums by where a row stands */
    l->free(m);
}

static bool stop_after_some(void *user, const char *what, size_t done, size_t total) {
    (void)what, (void)done, (void)total;
    return ++*(size_t *)user < 5; /* on the caller's thread alone: no lock */
}

/* Who asks to stop is heard by networks on other threads, too. */
static void all_networks_stop_when_asked(void **state) {
    (void)state;
    const hg_learner *l = hg_learner_find("attention");
    double option[HG_LEARNER_OPTIONS_MOST], y[N];
    hg_composition c[N];
    size_t asked = 0;
    hg_pool *pool;
    hg_err err;
    void *m;
    compounds(c, y);
    hg_learner_defaults(option, l);
    assert_ok(hg_learner_set(option, l, "members=6 epochs=100000 width=16 layers=1", NULL));
    assert_ok(hg_pool_new(&pool, 3, NULL));
    const hg_hooks hooks = { .progress = stop_after_some, .user = &asked };
    const hg_learning how = { .option = option, .seed = 9, .pool = pool, .hooks = &hooks };
    const hg_rows rows = { .n = N, .composition = c, .y = y };
    assert_int_equal(l->fit(&m, &rows, &how, &err), HG_ECANCEL);
    assert_null(m);
    hg_pool_free(pool);
}

/* z / sqrt(1 + z^2 / 4) of columns with mean 0 and deviation 1; a constant one is 0. */
static void what_is_far_out_is_drawn_in(void **state) {
    (void)state;
    const float x[] = { -1, 5, 1, 5 }, far[] = { 2, 5, -1e6F, 9 };
    float out[4];
    hg_scaling s;
    assert_ok(hg_scaling_fit(&s, &(hg_rows) { .n = 2, .d = 2, .x = x }, NULL));
    hg_scaling_squash(out, &s, far, 2);
    assert_close((double)out[0], sqrt(2), 1e-6);
    assert_close((double)out[2], -HG_SCALED_MOST / sqrt(1 + HG_SCALED_MOST * HG_SCALED_MOST / 4), 1e-6);
    assert_true(out[1] == 0 && out[3] == 0);
    hg_scaling_free(&s);
}

static void what_it_does_not_know_is_refused(void **state) {
    (void)state;
    const hg_learner *l = hg_learner_find("attention");
    hg_composition c[N];
    double y[N], out[N];
    void *m;
    hg_err err;
    compounds(c, y);
    fit(&m, c, y);
    c[4].species[1].z = 95;
    hg_rows rows = { .n = N, .composition = c, .y = y };
    assert_int_equal(l->predict(out, NULL, m, &rows, NULL, &err), HG_EDATA);
    assert_contains(err.msg, "features of Am");
    assert_contains(l->suits(&rows), "plutonium");
    c[4].n = 0;
    assert_int_equal(l->predict(out, NULL, m, &rows, NULL, &err), HG_EDATA);
    rows.d = 1000000;
    assert_contains(l->suits(&rows), "columns at most");
    rows.d = 0, rows.composition = NULL;
    assert_contains(l->suits(&rows), "compositions");
    l->free(m);

    hg_params *p;
    assert_int_equal(hg_attention_params(&p, &(hg_attention_shape) { .width = 24 }, 0, true, &err), HG_EINVAL);
    assert_null(p);
}

/* Sizes from a file that no network has. */
static void hostile_weights_are_refused(void **state) {
    const hg_learner *l = hg_learner_find("attention");
    hg_params *p;
    assert_ok(hg_attention_params(&p, &(hg_attention_shape) { .width = 16 }, 0, true, NULL));
    size_t size = 0; /* with what lies between parameters: what a file of width 16 without layers has */
    for (size_t k = 0; k < hg_params_count(p); k++) size += (hg_shape_size(hg_params_shape(p, k)) + 15) / 16 * 16;
    hg_params_free(p);
    const struct {
        int64_t shape[2];
        size_t members, size;
        bool good;
    } cases[] = {
        { { 16, 0 }, 1, size, true },   { { 16, 0 }, 1, size - 1, false },    { { 16, 1 }, 1, size, false },
        { { 32, 0 }, 1, size, false },  { { 0, 0 }, 1, size, false },         { { -16, 0 }, 1, size, false },
        { { 16, -1 }, 1, size, false }, { { INT64_MAX, 0 }, 1, size, false }, { { 16, INT64_MAX }, 1, size, false },
        { { 16, 0 }, 0, size, false },
    };
    float *weights = hg_calloc(size, sizeof *weights);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const size_t shape[2] = { cases[k].members, cases[k].size }, two = 2;
        char path[512];
        hg_shelf shelf = hg_shelf_new(*state);
        hg_safetensors *file;
        hg_err err;
        void *m;
        assert_ok(hg_shelf_doubles(&shelf, "mean", NULL, 0, NULL));
        assert_ok(hg_shelf_doubles(&shelf, "inverse", NULL, 0, NULL));
        assert_ok(hg_shelf_put(&shelf, "shape", HG_STORED_I64, &two, 1, cases[k].shape, NULL));
        assert_ok(hg_shelf_put(&shelf, "weights", HG_STORED_F32, shape, 2, weights, NULL));
        assert_ok(hg_shelf_doubles(&shelf, "unit", (const double[]) { 0, 1 }, 2, NULL));
        test_scratch(path, sizeof path, "attention.safetensors");
        assert_ok_err(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, &err), err);
        assert_ok(hg_safetensors_open(&file, path, 0, NULL));
        const hg_shelf_view view = { .file = file, .source = path, .prefix = "" };
        assert_int_equal(l->load(&m, &view, 0, 0, &err), cases[k].good ? HG_OK : HG_EDATA);
        l->free(m);
        hg_safetensors_free(file);
        hg_shelf_free(&shelf);
        hg_arena_reset(*state, (hg_mark) { 0 });
    }
    hg_free(weights);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(attention_by_hand),           TEST(a_compound_is_a_set_of_fractions),
        TEST(columns_are_looked_at),       TEST(all_networks_stop_when_asked),
        TEST(what_is_far_out_is_drawn_in), TEST(what_it_does_not_know_is_refused),
        TEST(hostile_weights_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
