/* tests/describe/test_chemistry.c -- charges and what follows from them: by hand, what may not matter, every element */
#include "describe/chemistry.h"
#include "describe/tables.h"
#include "test.h"

static hg_composition read(const char *formula) {
    hg_composition c;
    hg_err err;
    assert_ok_err(hg_composition_read(&c, formula, &err), err);
    return c;
}

static void charges_are_those_that_chemists_write(void **state) {
    (void)state;
    static const struct {
        const char *formula;
        double charge[4]; /* in the order of the formula */
    } known[] = {
        { "LiFePO4", { 1, 2, 5, -2 } },
        { "PbTiO3", { 2, 4, -2 } },
        { "K2SO4", { 1, 6, -2 } },
        { "CaMnO3", { 2, 4, -2 } },
        { "NaMnO2", { 1, 3, -2 } },
        { "Fe3O4", { 8.0 / 3, -2 } },
        { "Cu2O", { 1, -2 } },
        { "CuInS2", { 1, 3, -2 } },
        { "GaAs", { 3, -3 } },
        { "NaBH4", { 1, 3, -1 } },
        { "HCl", { 1, -1 } },
        { "D2O", { 1, -2 } },
        { "HDO", { 1, 1, -2 } },
        { "FeO0.5F", { 2, -2, -1 } },
        { "Ni3Al", { 0, 0 } },
        { "Ce2O2S", { 3, -2, -2 } },
        { "FeOCl", { 3, -2, -1 } },
        { "PbCrO4", { 2, 6, -2 } },
        { "NH4Cl", { -3, 1, -1 } },
        { "Fe(OH)2", { 2, -2, 1 } },
        { "NaHCO3", { 1, 1, 4, -2 } },
        { "SnWO4", { 2, 6, -2 } },
        { "PbMnO3", { 2, 4, -2 } },
        { "FeTiO3", { 2, 4, -2 } },
        { "Fe", { 0 } },
        { "O2", { 0 } },
        { "OF2", { 0, 0 } },
        { "XeNa", { 0, 0 } },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const hg_composition c = read(known[i].formula);
        double q[HG_COMPOSITION_MAX];
        hg_chemistry_charges(q, &c);
        for (size_t k = 0; k < c.n; k++) {
            if (fabs(q[k] - known[i].charge[k]) > 1e-12) print_error("%s, species %zu\n", known[i].formula, k);
            assert_close(q[k], known[i].charge[k], 1e-12);
        }
    }
}

static void numbers_are_those_derived_by_hand(void **state) {
    (void)state;
    double x[HG_CHEMISTRY_DIM];
    hg_composition c = read("Fe2O3"); /* shares 0.4, 0.6; electronegativity 1.83, 3.44; Fe d6 s2, O s2 p4 */
    hg_chemistry(x, &c);
    const double ionic = 1 - exp(-1.61 * 1.61 / 4);
    assert_close(x[HG_CHEMISTRY_ELEMENTS], 2, 0);
    assert_close(x[HG_CHEMISTRY_NORM_2], sqrt(0.16 + 0.36), 1e-14);
    assert_close(x[HG_CHEMISTRY_NORM_3], cbrt(0.064 + 0.216), 1e-14);
    assert_close(x[HG_CHEMISTRY_ENTROPY], -0.4 * log(0.4) - 0.6 * log(0.6), 1e-14);
    assert_close(x[HG_CHEMISTRY_IONIC_MAX], ionic, 1e-14);
    assert_close(x[HG_CHEMISTRY_IONIC_MEAN], 0.48 * ionic, 1e-14);
    assert_close(x[HG_CHEMISTRY_EN_PAIRS], 0.48 * 1.61, 1e-14);
    assert_close(x[HG_CHEMISTRY_EN_SPREAD], sqrt(0.24) * 1.61, 1e-14);
    assert_close(x[HG_CHEMISTRY_TRANSFER], 1.2, 1e-14);
    assert_close(x[HG_CHEMISTRY_CHARGE_MAX], 3, 1e-14);
    assert_close(x[HG_CHEMISTRY_CHARGE_MIN], -2, 1e-14);
    assert_close(x[HG_CHEMISTRY_GIVERS], 0.4, 1e-14);
    assert_close(x[HG_CHEMISTRY_TAKERS], 0.6, 1e-14);
    assert_close(x[HG_CHEMISTRY_EN_GIVERS], 1.83, 1e-14);
    assert_close(x[HG_CHEMISTRY_EN_BETWEEN], 1.61, 1e-14);
    assert_close(x[HG_CHEMISTRY_LEFT_MEAN], 5, 1e-14); /* Fe 3+ is d5 */
    assert_close(x[HG_CHEMISTRY_LEFT_D], 2, 1e-14);
    assert_close(x[HG_CHEMISTRY_LEFT_F], 0, 0);
    assert_close(x[HG_CHEMISTRY_HOLES], 0, 1e-14);
    assert_close(x[HG_CHEMISTRY_VALENCE_D], 2.4 / (0.4 * 8 + 0.6 * 6), 1e-14);
    assert_close(x[HG_CHEMISTRY_TRANSITION], 0.4, 1e-14);
    assert_close(x[HG_CHEMISTRY_CHALCOGEN], 0.6, 1e-14);
    assert_close(x[HG_CHEMISTRY_MAIN_SHARE], 0.6, 1e-14);
    assert_close(x[HG_CHEMISTRY_MOST_EN_PERIOD], 2, 0);
    assert_close(x[HG_CHEMISTRY_LEAST_EN_PERIOD], 4, 0);

    c = read("PbTiO3");
    hg_chemistry(x, &c);
    assert_close(x[HG_CHEMISTRY_LEFT_PAIR], 0.2 * 2, 1e-14); /* Pb 2+ keeps its s pair */
    assert_close(x[HG_CHEMISTRY_LEFT_D], 0, 1e-14);          /* Ti 4+ is d0 */
    c = read("GdN");
    hg_chemistry(x, &c);
    assert_close(x[HG_CHEMISTRY_LEFT_F], 0.5 * 7, 1e-14); /* Gd 3+ is f7 */
    const char *const octets[] = { "GaAs", "NaCl", "ZnS", "SiC", "Mg2Si" };
    for (size_t i = 0; i < 5; i++) { /* the rule of Mooser and Pearson: eight electrons for each that takes them */
        c = read(octets[i]);
        hg_chemistry(x, &c);
        assert_close(x[HG_CHEMISTRY_PER_TAKER], 8, 1e-12);
    }
    c = read("Ni3Al"); /* nothing is transferred: both means are that of all */
    hg_chemistry(x, &c);
    assert_close(x[HG_CHEMISTRY_EN_GIVERS], 0.75 * 1.91 + 0.25 * 1.61, 1e-14);
    assert_close(x[HG_CHEMISTRY_EN_BETWEEN], 0, 1e-14);
}

static double no_less(int charge) { return charge < 0 ? charge : 0; }

/* All pairs of elements, in some proportions, either way round: neutral, within the ranges, finite, and the same numbers. */
static void every_pair_is_neutral_and_finite(void **state) {
    (void)state;
    for (unsigned a = 1; a <= HG_XENONPY_ELEMENTS; a++)
        for (unsigned b = 1; b < a; b++)
            for (int m = 1; m <= 3; m++) {
                const double amount = m;
                const hg_composition c = { 2, { { a, 0, amount }, { b, 0, 2 } } },
                                     turned = { 2, { { b, 0, 6 }, { a, 0, 3 * amount } } };
                double q[2], x[HG_CHEMISTRY_DIM], y[HG_CHEMISTRY_DIM];
                hg_chemistry_charges(q, &c);
                assert_true(fabs(amount * q[0] + 2 * q[1]) < 1e-12);
                assert_true(q[0] <= fmax(hg_oxidation_table[a].most, 0) &&
                            q[0] >= no_less(hg_oxidation_table[a].least));
                assert_true(q[1] <= fmax(hg_oxidation_table[b].most, 0) &&
                            q[1] >= no_less(hg_oxidation_table[b].least));
                hg_chemistry(x, &c);
                hg_chemistry(y, &turned);
                for (size_t j = 0; j < HG_CHEMISTRY_DIM; j++) {
                    assert_true(isfinite(x[j]));
                    assert_close(x[j], y[j], 1e-12);
                }
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(charges_are_those_that_chemists_write),
        TEST(numbers_are_those_derived_by_hand),
        TEST(every_pair_is_neutral_and_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
