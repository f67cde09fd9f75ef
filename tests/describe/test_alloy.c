/* tests/describe/test_alloy.c -- numbers of alloys: by hand, what may not matter, what is refused */
#include "describe/alloy.h"
#include "test.h"

static void describe(double *x, const char *formula) {
    hg_composition c;
    hg_err err;
    assert_ok_err(hg_composition_read(&c, formula, &err), err);
    assert_ok_err(hg_alloy(x, &c, "alloy24", &err), err);
}

/* Heats of mixing as in Takeuchi and Inoue's table: Zr-Cu -23, Zr-Al -44, Cu-Al -1; molar volumes 14.0, 7.12, 10.0. */
static void numbers_are_those_derived_by_hand(void **state) {
    (void)state;
    double x[HG_ALLOY_DIM];
    describe(x, "Zr50Cu40Al10");
    const double sum = 0.5 * 0.4 * -23 + 0.5 * 0.1 * -44 + 0.4 * 0.1 * -1, w = 0.2 + 0.05 + 0.04;
    const double entropy = -(0.5 * log(0.5) + 0.4 * log(0.4) + 0.1 * log(0.1));
    assert_close(x[HG_ALLOY_MIXING], 4 * sum, 1e-12);
    assert_close(x[HG_ALLOY_MIXING_MIN], -44, 0);
    assert_close(x[HG_ALLOY_MIXING_MAX], -1, 0);
    assert_close(x[HG_ALLOY_MIXING_MAIN], 0.4 * -23 + 0.1 * -44, 1e-12);
    assert_close(x[HG_ALLOY_MIXING_SD],
                 sqrt((0.2 * pow(-23 - sum / w, 2) + 0.05 * pow(-44 - sum / w, 2) + 0.04 * pow(-1 - sum / w, 2)) / w),
                 1e-12);
    assert_close(x[HG_ALLOY_ENTROPY], entropy, 1e-14);
    const double r[3] = { cbrt(14.0), cbrt(7.12), cbrt(10.0) }, mean = 0.5 * r[0] + 0.4 * r[1] + 0.1 * r[2];
    assert_close(x[HG_ALLOY_SIZE],
                 sqrt(0.5 * pow(1 - r[0] / mean, 2) + 0.4 * pow(1 - r[1] / mean, 2) + 0.1 * pow(1 - r[2] / mean, 2)),
                 1e-12);
    assert_close(x[HG_ALLOY_SIZE_RANGE], r[0] / r[1], 1e-14);
    assert_close(x[HG_ALLOY_SIZE_MAIN], 0.4 * (1 - r[1] / r[0]) + 0.1 * (1 - r[2] / r[0]), 1e-12);
    assert_close(x[HG_ALLOY_VOLUME], 0.5 * 14.0 + 0.4 * 7.12 + 0.1 * 10.0, 1e-12);
    assert_close(x[HG_ALLOY_SOLUTES], 0.5, 1e-14);
    /* melting points 2125, 1356.6, 933.5 K */
    assert_close(x[HG_ALLOY_FREE], 4 * sum - 8.31446261815324e-3 * entropy * (0.5 * 2125 + 0.4 * 1356.6 + 0.1 * 933.5),
                 1e-9);
    describe(x, "Fe"); /* an element has no pairs, and no misfit */
    assert_true(x[HG_ALLOY_MIXING] == 0 && x[HG_ALLOY_MIXING_SD] == 0 && x[HG_ALLOY_ENTROPY] == 0);
    assert_close(x[HG_ALLOY_SIZE_RANGE], 1, 0);
    assert_close(x[HG_ALLOY_SOLUTES], 0, 0);
}

static void neither_order_nor_scale_matters(void **state) {
    (void)state;
    double x[HG_ALLOY_DIM], y[HG_ALLOY_DIM];
    describe(x, "Fe0.62C0.01Ni0.18Co0.1Mo0.05Ti0.04");
    describe(y, "Ti4Mo5Co10Ni18CFe62");
    for (size_t j = 0; j < HG_ALLOY_DIM; j++) assert_close(x[j], y[j], 1e-12);
    describe(x, "TiFe"); /* as abundant as each other: the lighter one is the main element, either way */
    describe(y, "FeTi");
    for (size_t j = 0; j < HG_ALLOY_DIM; j++) assert_true(x[j] == y[j]);
    describe(x, "TiH2");
    describe(y, "TiD2");
    for (size_t j = 0; j < HG_ALLOY_DIM; j++) assert_true(x[j] == y[j]);
}

static void what_is_no_alloy_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *formula, *words;
    } wrong[] = { { "Fe2O3", "alloy24 has no parameters of oxygen (O)" },
                  { "XeFe", "no parameters of xenon (Xe)" },
                  { "FePu", "no parameters of plutonium (Pu)" },
                  { "UTh", "no heat of mixing of thorium with uranium" },
                  { "RfFe", "no parameters of rutherfordium (Rf)" } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        hg_composition c;
        hg_err err;
        double x[HG_ALLOY_DIM];
        assert_ok(hg_composition_read(&c, wrong[i].formula, NULL));
        assert_int_equal(hg_alloy(x, &c, "alloy24", &err), HG_EDATA);
        assert_contains(err.msg, wrong[i].words);
        assert_contains(err.hint, "leave that row out");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_those_derived_by_hand),
        TEST(neither_order_nor_scale_matters),
        TEST(what_is_no_alloy_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
