/* tests/library/test_baseline.c -- a value for each element: found again, unknown elements refused */
#include "library/baseline.h"
#include "test.h"

static hg_molecule *made_of(hg_arena *mem, size_t h, size_t o, size_t c) {
    hg_molecule *m = hg_molecule_new(mem, h + o + c);
    memset(m->z, 1, h);
    memset(m->z + h, 8, o);
    memset(m->z + h + o, 6, c);
    return m;
}

static void values_of_elements_are_found(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const size_t COUNT[][3] = { { 2, 1, 0 }, { 4, 0, 1 }, { 2, 1, 1 }, { 6, 0, 2 }, { 2, 2, 1 } };
    static hg_baseline b;
    memset(&b, 0, sizeof b);
    for (size_t i = 0; i < 5; i++) {
        const size_t *k = COUNT[i];
        hg_baseline_add(&b, made_of(mem, k[0], k[1], k[2]), -2.5 * (double)k[0] - 4 * (double)k[1] - 7 * (double)k[2]);
    }
    assert_ok(hg_baseline_fit(&b, NULL));
    assert_true(b.n == 5 && b.least == 3 && b.most == 8);
    hg_estimate e;
    assert_ok(hg_baseline_predict(&e, &b, made_of(mem, 10, 3, 5), NULL));
    assert_close(e.value, -25 - 12 - 35, 1e-6);
    assert_true(e.sd < 1e-3); /* nothing is left over but rounding */
    hg_err err;
    hg_molecule *silane = made_of(mem, 5, 0, 0);
    silane->z[0] = 14;
    assert_int_equal(hg_baseline_predict(&e, &b, silane, &err), HG_ENOTFOUND);
    assert_contains(err.msg, "no molecule with Si");
    assert_true(isnan(e.value));
    hg_arena_reset(mem, mark);
}

/* Two molecules of the same composition: the mean, and its distance as the sd. */
static void what_is_left_is_the_error_bar(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static hg_baseline b;
    memset(&b, 0, sizeof b);
    hg_baseline_add(&b, made_of(mem, 4, 0, 0), 3);
    hg_baseline_add(&b, made_of(mem, 4, 0, 0), 5);
    assert_ok(hg_baseline_fit(&b, NULL));
    hg_estimate e;
    assert_ok(hg_baseline_predict(&e, &b, made_of(mem, 2, 0, 0), NULL));
    assert_close(e.value, 2, 1e-6);
    assert_close(e.sd, 1, 1e-6);
    hg_arena_reset(mem, mark);
}

static void nothing_is_refused(void **state) {
    (void)state;
    static hg_baseline b;
    hg_err err;
    memset(&b, 0, sizeof b);
    assert_int_equal(hg_baseline_fit(&b, &err), HG_EDATA);
    assert_contains(err.msg, "no molecules to fit the baseline to");
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(values_of_elements_are_found), TEST(what_is_left_is_the_error_bar),
                                        TEST(nothing_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
