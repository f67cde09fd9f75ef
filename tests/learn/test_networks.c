/* tests/learn/test_networks.c -- networks of any shapes as one model: by hand, back from a file, refusals, faults */
#include "learn/networks.h"
#include "core/memory.h"
#include "learn/records.h"
#include "test.h"
#include <unistd.h>

/* Two linear networks of two inputs, and one with a hidden layer; all weights are bfloat16 numbers. */
static const float PLUS[] = { 1, 1, 0.5f }, MINUS[] = { 1, -1, 0 };
static const float HIDDEN[] = { 1, 0, 0, 1, 0, 0, 2, 3, -1 };
static double mean[2] = { 1, 2 }, inverse[2] = { 1, 0.5 };
static const hg_scaling SCALING = { 2, mean, inverse };

static void the_mean_of_two_by_hand(void **state) {
    const hg_network net[] = { { { 1, { 2, 1 } }, PLUS }, { { 1, { 2, 1 } }, MINUS } };
    const double unit[2] = { 10, 4 };
    const float x[] = { 3, 6, 1, 2 }; /* scaled: 2, 2 and 0, 0; drawn in: 2 / sqrt(2) */
    const hg_rows rows = { .n = 2, .d = 2, .x = x };
    double out[2], sd[2];
    void *m;
    (void)state;
    assert_ok(hg_networks_new(&m, net, 2, &SCALING, unit, 0, NULL));
    assert_ok(hg_networks_learner.predict(out, sd, m, &rows, NULL, NULL));
    assert_close(out[0], 10 + 4 * (sqrt(2) + 0.25), 1e-6); /* 2 sqrt(2) + 0.5 and 0 */
    assert_close(sd[0], 4 * (2 * sqrt(2) + 0.5) / sqrt(2), 1e-6);
    assert_close(out[1], 10 + 4 * 0.25, 1e-12);
    hg_networks_learner.free(m);
}

static void a_hidden_layer_is_silu(void **state) {
    const hg_network net = { { 2, { 2, 2, 1 } }, HIDDEN };
    const double unit[2] = { 0, 1 };
    const float x[] = { 3, 6 };
    const hg_rows rows = { .n = 1, .d = 2, .x = x };
    double out, sd;
    void *m;
    (void)state;
    assert_ok(hg_networks_new(&m, &net, 1, &SCALING, unit, 0, NULL));
    assert_ok(hg_networks_learner.predict(&out, &sd, m, &rows, NULL, NULL));
    assert_close(out, 5 * sqrt(2) / (1 + exp(-sqrt(2))) - 1, 1e-6);
    assert_true(isnan(sd)); /* one network knows no spread */
    hg_networks_learner.free(m);
}

static void classes_are_means_of_probabilities(void **state) {
    const float a[] = { 0, 0, 0, 0, 1, 0 }, b[] = { 0, 0, 0, 0, 0, 2 };
    const hg_network net[] = { { { 1, { 2, 2 } }, a }, { { 1, { 2, 2 } }, b } };
    const double unit[2] = { 0, 1 };
    const float x[] = { 1, 1 };
    const hg_rows rows = { .n = 1, .d = 2, .x = x, .classes = 2 };
    double out[2];
    void *m;
    (void)state;
    assert_ok(hg_networks_new(&m, net, 2, &SCALING, unit, 2, NULL));
    assert_ok(hg_networks_learner.predict(out, NULL, m, &rows, NULL, NULL));
    assert_close(out[0], 0.5 * (exp(1) / (exp(1) + 1) + 1 / (1 + exp(2))), 1e-7);
    assert_close(out[0] + out[1], 1, 1e-12);
    hg_networks_learner.free(m);
}

/* Weights that are no bfloat16 numbers are rounded once: what is measured is what the file gives. */
static hg_status there_and_back(void **back, char *path, size_t d, size_t classes, hg_err *err) {
    const float w[] = { 0.1f, -0.7f, 3.14159f, 1e-3f, 0.3f, 1 / 3.0f, 5, 0.123f, 2.2f };
    const hg_network net[] = { { { 2, { 2, 2, 1 } }, w }, { { 1, { 2, 1 } }, w } };
    const double unit[2] = { 3, 2 };
    const float x[] = { 3, 6, -1, 0.5f, 100, 2 };
    const hg_rows rows = { .n = 3, .d = 2, .x = x };
    double a[3], b[3], sa[3], sb[3];
    hg_arena *mem = hg_arena_new();
    hg_shelf shelf = hg_shelf_new(mem);
    hg_safetensors *file = NULL;
    void *m = NULL;
    *back = NULL;
    hg_status st = mem ? hg_networks_new(&m, net, 2, &SCALING, unit, 0, err) : HG_ENOMEM;
    if (st == HG_OK) st = hg_networks_learner.save(m, &shelf, err);
    if (st == HG_OK) st = hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, err);
    if (st == HG_OK) st = hg_safetensors_open(&file, path, 0, err);
    if (st == HG_OK) st = hg_networks_learner.load(back, &(hg_shelf_view) { file, path, "" }, d, classes, err);
    if (st == HG_OK) st = hg_networks_learner.predict(a, sa, m, &rows, NULL, err);
    if (st == HG_OK) st = hg_networks_learner.predict(b, sb, *back, &rows, NULL, err);
    for (size_t i = 0; i < 3 && st == HG_OK; i++) assert_true(a[i] == b[i] && sa[i] == sb[i]);
    hg_safetensors_free(file);
    hg_networks_learner.free(m);
    hg_shelf_free(&shelf);
    hg_arena_free(mem);
    return st;
}

static void a_file_gives_the_same_model(void **state) {
    char path[512];
    hg_err err = { 0 };
    void *m;
    (void)state;
    test_scratch(path, sizeof path, "networks.safetensors");
    assert_ok_err(there_and_back(&m, path, 2, 0, &err), err);
    hg_networks_learner.free(m);
    assert_int_equal(there_and_back(&m, path, 3, 0, &err), HG_EDATA); /* rows of other numbers */
    assert_null(m);
    assert_int_equal(there_and_back(&m, path, 2, 2, &err), HG_EDATA);
    hg_status st = HG_ENOMEM;
    for (long k = 0; st == HG_ENOMEM; k++) {
        fail_alloc_after(k);
        st = there_and_back(&m, path, 2, 0, &err);
        fail_alloc_after(-1);
        assert_true(k < 1000 && (st == HG_OK || st == HG_ENOMEM));
        if (st != HG_OK) hg_networks_learner.free(m);
    }
    hg_networks_learner.free(m);
    unlink(path);
}

static void what_cannot_be_is_refused(void **state) {
    const hg_network net = { { 1, { 3, 1 } }, PLUS }; /* three inputs */
    const double unit[2] = { 0, 1 };
    void *m;
    hg_err err = { 0 };
    (void)state;
    assert_int_equal(hg_networks_new(&m, &net, 1, &SCALING, unit, 0, &err), HG_EINVAL);
    assert_null(m);
    assert_int_equal(hg_networks_new(&m, &net, 0, &SCALING, unit, 0, &err), HG_EINVAL);
    /* nothing chooses it, but files find it */
    assert_ptr_equal(hg_learner_find("networks 1"), &hg_networks_learner);
    for (size_t i = 0; hg_learner_at(i); i++) assert_ptr_not_equal(hg_learner_at(i), &hg_networks_learner);
    assert_int_equal(hg_networks_learner.fit(&m, NULL, NULL, &err), HG_EDATA);
    assert_contains(err.hint, "models build");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_mean_of_two_by_hand),     TEST(a_hidden_layer_is_silu),    TEST(classes_are_means_of_probabilities),
        TEST(a_file_gives_the_same_model), TEST(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
