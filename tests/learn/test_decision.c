/* tests/learn/test_decision.c -- which class is said: the likeliest, or by a bound on false alarms */
#include "learn/decision.h"
#include "core/memory.h"
#include "test.h"

enum { CLASSES = 3, ROWS = 6, MANY = 500 };

/* Class 1 is the rule. */
static const double P[ROWS * CLASSES] = { 0.1, 0.9, 0.0, 0.1, 0.7,  0.2,  0.3, 0.5, 0.2,
                                          0.4, 0.3, 0.3, 0.3, 0.65, 0.05, 0.0, 0.4, 0.6 };
static const double Y[ROWS] = { 1, 1, 1, 1, 0, 2 };

static void the_likeliest_is_said_without_a_bound(void **state) {
    (void)state;
    static const size_t SAID[ROWS] = { 1, 1, 1, 0, 1, 2 };
    const hg_decision d = { .bounded = false };
    hg_class_score s[CLASSES];
    for (size_t i = 0; i < ROWS; i++) assert_int_equal(hg_decision_take(&d, P + i * CLASSES, CLASSES), SAID[i]);
    hg_decision_score(s, &d, P, Y, ROWS, CLASSES);
    assert_true(s[0].n == 1 && s[0].said == 1 && s[0].right == 0);
    assert_true(s[1].n == 4 && s[1].said == 4 && s[1].right == 3);
    assert_true(s[2].n == 1 && s[2].said == 1 && s[2].right == 1);
}

/* The rule's own rows have 0.9, 0.7, 0.5, 0.3: two of four may be called something else, so the bound is 0.7, and the row of
 * class 0 with 0.65 is found. */
static void rare_ones_are_found_as_far_as_alarms_allow(void **state) {
    (void)state;
    static const size_t SAID[ROWS] = { 1, 1, 0, 0, 0, 2 };
    hg_decision d;
    assert_ok(hg_decision_fit(&d, P, Y, ROWS, CLASSES, 0.5, NULL));
    assert_true(d.bounded);
    assert_int_equal(d.rule, 1);
    assert_close(d.bound, 0.7, 0);
    for (size_t i = 0; i < ROWS; i++) assert_int_equal(hg_decision_take(&d, P + i * CLASSES, CLASSES), SAID[i]);
    assert_ok(hg_decision_fit(&d, P, Y, ROWS, CLASSES, 0.001, NULL)); /* none may be */
    assert_close(d.bound, 0.3, 0);
    assert_int_equal(hg_decision_take(&d, P + 3 * CLASSES, CLASSES), 1);
}

/* Never more alarms than were allowed, and no fewer where probabilities differ; the order of rows and classes does not matter. */
static void alarms_are_as_many_as_were_allowed(void **state) {
    (void)state;
    double p[MANY * CLASSES], y[MANY], q[MANY * CLASSES], z[MANY];
    hg_rng r = hg_rng_make(5, 0);
    for (size_t i = 0; i < MANY; i++) {
        double sum = 0;
        y[i] = i % 10 == 0 ? 0 : i % 10 == 1 ? 2 : 1;
        for (size_t c = 0; c < CLASSES; c++)
            sum += p[i * CLASSES + c] = hg_rng_uniform(&r) + (y[i] == (double)c ? 0.4 : 0);
        for (size_t c = 0; c < CLASSES; c++) p[i * CLASSES + c] /= sum;
        for (size_t c = 0; c < CLASSES; c++) q[(MANY - 1 - i) * CLASSES + (CLASSES - 1 - c)] = p[i * CLASSES + c];
        z[MANY - 1 - i] = CLASSES - 1 - y[i];
    }
    for (size_t k = 1; k < 400; k += 7) {
        hg_decision d, e;
        hg_class_score s[CLASSES], t[CLASSES];
        const double alarms = (double)k / 400;
        assert_ok(hg_decision_fit(&d, p, y, MANY, CLASSES, alarms, NULL));
        assert_ok(hg_decision_fit(&e, q, z, MANY, CLASSES, alarms, NULL));
        hg_decision_score(s, &d, p, y, MANY, CLASSES);
        hg_decision_score(t, &e, q, z, MANY, CLASSES);
        assert_int_equal(s[1].n, 400);
        assert_int_equal(s[1].n - s[1].right, k);
        for (size_t c = 0; c < CLASSES; c++) assert_int_equal(s[c].right, t[CLASSES - 1 - c].right);
    }
}

static void read_back(hg_decision *out, const hg_decision *d, hg_arena *mem, hg_status expected) {
    char path[400];
    hg_shelf shelf = hg_shelf_new(mem);
    hg_safetensors *file;
    hg_err err = { 0 };
    const double one = 1;
    assert_ok(hg_shelf_doubles(&shelf, "other", &one, 1, NULL));
    assert_ok(hg_decision_save(d, &shelf, NULL));
    test_scratch(path, sizeof path, "decision.safetensors");
    assert_ok(hg_safetensors_write(path, shelf.tensor, shelf.n, NULL, 0, NULL));
    assert_ok(hg_safetensors_open(&file, path, 0, NULL));
    const hg_shelf_view view = { .file = file, .source = path, .prefix = "" };
    assert_int_equal(hg_decision_load(out, &view, CLASSES, &err), expected);
    if (expected != HG_OK) assert_contains(err.msg, "decision");
    hg_safetensors_free(file);
    hg_shelf_free(&shelf);
}

static void files_keep_it_and_hostile_ones_are_refused(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    static const hg_decision GOOD = { true, 2, 0.25 };
    static const hg_decision BAD[] = { { true, CLASSES, 0.25 }, { true, 0, 1.5 }, { true, 0, -0.5 } };
    hg_decision d;
    read_back(&d, &GOOD, *state, HG_OK);
    assert_true(d.bounded && d.rule == 2 && d.bound == 0.25);
    read_back(&d, &(hg_decision) { .bounded = false }, *state, HG_OK); /* as in files that are older than this */
    assert_false(d.bounded);
    for (size_t k = 0; k < sizeof BAD / sizeof *BAD; k++) read_back(&d, &BAD[k], *state, HG_EDATA);
    hg_arena_reset(*state, mark);
}

static void nonsense_is_refused_and_memory_may_fail(void **state) {
    (void)state;
    hg_decision d;
    static const double BAD[] = { 0, 1, -0.1, NAN };
    for (size_t k = 0; k < sizeof BAD / sizeof *BAD; k++)
        assert_int_equal(hg_decision_fit(&d, P, Y, ROWS, CLASSES, BAD[k], NULL), HG_EINVAL);
    fail_alloc_after(0);
    const hg_status st = hg_decision_fit(&d, P, Y, ROWS, CLASSES, 0.5, NULL);
    fail_alloc_after(-1);
    assert_int_equal(st, HG_ENOMEM);
    assert_false(d.bounded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_likeliest_is_said_without_a_bound),   TEST(rare_ones_are_found_as_far_as_alarms_allow),
        TEST(alarms_are_as_many_as_were_allowed),      TEST(files_keep_it_and_hostile_ones_are_refused),
        TEST(nonsense_is_refused_and_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
