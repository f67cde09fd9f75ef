/* tests/matter/test_composition.c -- formulae as they are written, refusals with advice, canonical formulae */
#include "hagane/composition.h"
#include "hagane/csv.h"
#include "test.h"

/* Canonical formula of what was read; the message when it was refused. */
static const char *canonical(const char *formula) {
    static char buf[512];
    hg_composition c;
    hg_err err;
    if (hg_composition_read(&c, formula, &err) != HG_OK) return snprintf(buf, sizeof buf, "%s", err.msg), buf;
    hg_composition_write(buf, sizeof buf, &c);
    return buf;
}

static double amount_of(const char *formula, const char *symbol) {
    hg_composition c;
    hg_err err;
    assert_ok_err(hg_composition_read(&c, formula, &err), err);
    for (size_t i = 0; i < c.n; i++)
        if (strcmp(hg_element_symbol(c.species[i].z), symbol) == 0 && c.species[i].a == 0) return c.species[i].amount;
    return 0;
}

static double atoms_of(const char *formula) {
    hg_composition c;
    hg_err err;
    assert_ok_err(hg_composition_read(&c, formula, &err), err);
    return hg_composition_atoms(&c);
}

static void elements_are_found_by_symbol_and_have_masses(void **state) {
    (void)state;
    assert_int_equal(hg_element_find("Fe", 2), 26);
    assert_int_equal(hg_element_find("Og", 2), 118);
    assert_int_equal(hg_element_find("U", 1), 92);
    assert_int_equal(hg_element_find("FE", 2), 0);
    assert_int_equal(hg_element_find("fe", 2), 0);
    assert_int_equal(hg_element_find("D", 1), 0);
    assert_int_equal(hg_element_find("", 0), 0);
    assert_int_equal(hg_element_find("Iron", 4), 0);
    assert_string_equal(hg_element_symbol(26), "Fe");
    assert_string_equal(hg_element_name(26), "iron");
    assert_close(hg_element_mass(26), 55.845, 1e-12);
    assert_null(hg_element_symbol(0));
    assert_null(hg_element_name(119));
    assert_true(isnan(hg_element_mass(119)));
    for (unsigned z = 1; z <= HG_ELEMENTS; z++) {
        assert_int_equal(hg_element_find(hg_element_symbol(z), strlen(hg_element_symbol(z))), z);
        assert_true(hg_element_mass(z) > 1);
    }
}

/* Amounts, in order of first appearance, derived by hand. */
static void formulae_are_read_as_written(void **state) {
    (void)state;
    hg_composition c;
    assert_ok(hg_composition_read(&c, "Nd2(Fe0.85Co0.15)14B", NULL));
    assert_int_equal(c.n, 4);
    const unsigned z[] = { 60, 26, 27, 5 };
    const double amount[] = { 2, 0.85 * 14, 0.15 * 14, 1 };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(c.species[i].z, z[i]);
        assert_int_equal(c.species[i].a, 0);
        assert_true(c.species[i].amount == amount[i]);
    }
    assert_close(atoms_of("(La0.8Sr0.2)MnO3"), 5, 1e-15);
    assert_close(amount_of("K4[Fe(CN)6]", "N"), 6, 0);
    assert_close(amount_of("{[(Fe2)3Co]2}2", "Fe"), 24, 0);
    assert_close(amount_of("Pb(Mg1/3Nb2/3)O3", "Nb"), 2.0 / 3, 0);
    assert_close(amount_of("Fe.5Co.5", "Fe"), 0.5, 0);
    assert_close(amount_of("Al1e-05Fe1", "Al"), 1e-5, 0);
    assert_close(amount_of("Al 88.6 Cu 19.4 Li 50.3", "Cu"), 19.4, 0);
    assert_close(amount_of(" Al0.25 Co1\tFe1\xC2\xA0Ni1 ", "Fe"), 1, 0);
    assert_close(amount_of("La2Sr0CuO4", "Sr"), 0, 0); /* x = 0 of a series */
    assert_string_equal(canonical("NaN"), "NaN");      /* sodium nitride, not a missing value */
    assert_close(amount_of("NO", "N") + amount_of("NO", "O"), 2, 0);
    assert_close(amount_of("No", "No"), 1, 0);
    assert_close(amount_of("Fe0.1234567890123456789012345", "Fe"), 0.1234567890123456789012345, 1e-16);
    assert_close(amount_of("Fe\xE2\x82\x82O\xE2\x82\x83", "O"), 3, 0); /* subscripts */
    assert_close(amount_of("Fe\xE2\x82\x80.\xE2\x82\x85"
                           "Co\xE2\x82\x81",
                           "Fe"),
                 0.5, 0);
}

static void hydrates_and_other_parts_add_up(void **state) {
    (void)state;
    static const char *const same[] = { ("CuSO4\xC2\xB7" /* a hex escape would take the 5 */
                                         "5H2O"),
                                        "CuSO4.5H2O",
                                        "CuSO4 . 5H2O",
                                        "CuSO4 .5H2O",
                                        "CuSO4*5H2O",
                                        "CuSO4(H2O)5",
                                        "CuSO4.5(H2O)",
                                        "CuSO\xE2\x82\x84.5H\xE2\x82\x82O",
                                        "CuSO4 \xE2\x80\xA2 5 H2O" };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (amount_of(same[i], "O") != 9 || amount_of(same[i], "H") != 10) print_error("%s\n", same[i]);
        assert_close(amount_of(same[i], "O"), 9, 0);
        assert_close(amount_of(same[i], "H"), 10, 0);
        assert_close(amount_of(same[i], "S"), 1, 0);
    }
    assert_close(amount_of("CaSO4.0.5H2O", "O"), 4.5, 0);
    assert_close(amount_of("NiCl2.6H2O", "Cl"), 2, 0);
    assert_close(amount_of("Na0.33Al2.33Si3.67O10(OH)2.4H2O", "Si"), 3.67, 0);
    assert_close(amount_of("Na0.33Al2.33Si3.67O10(OH)2.4H2O", "H"), 10, 0);
    assert_close(amount_of("LiOH.H2O", "O"), 2, 0);
    assert_close(amount_of("Al2O3.2SiO2.2H2O", "O"), 9, 0); /* kaolinite */
    assert_close(amount_of("3CaO.Al2O3", "Ca"), 3, 0);
    assert_close(amount_of("CaO.6Al2O3", "Al"), 12, 0);
    assert_close(amount_of("0.7BiFeO3-0.3BaTiO3", "O"), 3, 1e-15);
    assert_close(amount_of("(0.5Fe2O3\xC2\xB7"
                           "0.5Al2O3)2",
                           "Fe"),
                 2, 0);
    /* decimals stay decimals */
    assert_close(amount_of("La1.85Sr0.15CuO4", "La"), 1.85, 0);
    assert_close(amount_of("Ba2Cu3O6.98", "O"), 6.98, 0);
    assert_close(amount_of("Gd1Ba2Cu3.96Fe0.04H2O8", "Cu"), 3.96, 0);
    assert_close(amount_of("CoCl\xE2\x82\x82.6NH\xE2\x82\x83", "N"), 6,
                 0);                                     /* a subscript, then a plain digit: two numbers */
    assert_close(amount_of("CoCl2.6NH3", "Cl"), 2.6, 0); /* nobody can tell: documented, the middle dot says which */
    assert_close(amount_of("CoCl2\xC2\xB7"
                           "6NH3",
                           "Cl"),
                 2, 0);
}

static void isotopes_are_hydrogen_with_their_own_mass(void **state) {
    (void)state;
    hg_composition c;
    assert_ok(hg_composition_read(&c, "D2OHT", NULL));
    assert_int_equal(c.n, 4);
    assert_true(c.species[0].z == 1 && c.species[0].a == 2 && c.species[0].amount == 2);
    assert_true(c.species[2].z == 1 && c.species[2].a == 0);
    assert_true(c.species[3].z == 1 && c.species[3].a == 3);
    assert_close(hg_composition_mass(&c), 2 * 2.014101777844 + 15.999 + 1.008 + 3.016049281320, 1e-14);
    assert_string_equal(canonical("D2O"), "D2O");
    assert_close(amount_of("Dy2Ti2O7", "Ti"), 2, 0);
    assert_close(amount_of("CuSO4.5D2O", "O"), 9, 0);
}

static void canonical_formulae_are_reduced_and_ordered(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        { "B1Fe14Nd2", "Nd2Fe14B" },
        { "Nd4Fe28B2", "Nd2Fe14B" },
        { "O3Fe2", "Fe2O3" },
        { "Fe0.5Co0.5", "FeCo" },
        { "H2O", "H2O" },
        { "H6Mg2Ru1", "Mg2H6Ru" },
        { "O2Al4O4", "Al2O3" },
        { "Ba0.4K0.6Fe2As2", "K3Ba2Fe10As10" },
        { "Fe0.333333Co0.666667", "FeCo2" },
        { "HeNe3", "HeNe3" },
        { "Nd2(Fe0.85Co0.15)14B", "Nd2Fe11.9Co2.1B" },
        { "C254H377N65O75S6", "H377C254S6N65O75" },
        { "Fe", "Fe" },
        { "Fe7", "Fe" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) assert_string_equal(canonical(pairs[i][0]), pairs[i][1]);
    /* only the ratios count, and what was printed reads as the same composition */
    assert_string_equal(canonical("Nd4(Fe0.85Co0.15)28B2"), canonical("Nd0.2Fe1.19Co0.21B0.1"));
    const char *steel = "Fe0.620C0.000953Mn0.000521Si0.00102Cr0.000110Ni0.192Mo0.0176V0.000112Nb0.0000616Co0.146";
    char first[512];
    snprintf(first, sizeof first, "%s", canonical(steel));
    assert_contains(first, "Fe0.63");
    assert_close(amount_of(first, "Nb") / amount_of(first, "Fe"), 0.0000616 / 0.620, 1e-6);
    assert_string_equal(canonical("H2OCu95.4"), "Cu95.4H2O1"); /* not 95 Cu and four waters */
    hg_composition c;
    char small[4];
    assert_ok(hg_composition_read(&c, "Nd2Fe14B", NULL));
    assert_int_equal(hg_composition_write(small, sizeof small, &c), 8);
    assert_string_equal(small, "Nd2");
    assert_int_equal(hg_composition_write(NULL, 0, &c), 8);
}

static void what_cannot_be_read_is_refused_with_its_place_and_advice(void **state) {
    (void)state;
    static const struct {
        const char *formula;
        size_t column;
        const char *msg, *hint;
    } bad[] = {
        { "", 1, "nothing to read", "" },
        { "   ", 4, "too early", "" },
        { "Fe2Xx3", 4, "no element is called \"Xx\"", "Xe" },
        { "FE2O3", 2, "no element is called \"E\"", "Fe" },
        { "F"
          "Nk",
          3, "variable", "" },
        { "fe2o3", 1, "\"fe\"", "Fe" },
        { "Iron", 1, "\"Iron\"", "Fe (iron)" },
        { "Aluminium", 1, "\"Aluminium\"", "Al (aluminum)" },
        { "RFe12", 1, "\"R\"", "stand for" },
        { "La2-xSrxCuO4", 4, "variable", "replace x" },
        { "LaxSr", 3, "variable", "replace x" },
        { "YBa2Cu3O7-\xCE\xB4", 10, "variable", "replace x" },
        { "CuSO4\xC2\xB7"
          "nH2O",
          8, "variable", "" },
        { "La2-0.1Sr0.1CuO4", 4, "without \"-\"", "work it out" },
        { "Fe-Ni", 3, "joined by \"-\"", "needs amounts" },
        { "SO4-2", 4, "charges", "neutral" },
        { "BaFe12\xE2\x88\x92"
          "2xAlx",
          7, "variable", "replace x" },
        { "Fe3+", 4, "charges", "neutral" },
        { "SO4^2-", 4, "charges", "neutral" },
        { "Fe\xC2\xB3\xE2\x81\xBA", 3, "charges", "neutral" },
        { "CuSO4 5H2O", 7, "number", "middle dot" },
        { "Fe(CoNi", 8, "too early", "" },
        { "Fe(Co]2", 6, "bracket", "" },
        { "FeCo)2", 5, "bracket", "" },
        { "Fe()2", 4, "bracket", "" },
        { "Fe2O3.", 6, "nothing follows", "full stop" },
        { "Ce2Co17\xE2\x88\x97", 8, "nothing follows", "footnote" },
        { "Fe_2O_3", 3, "\"_\"", "plain digits" },
        { "Fe2,O3", 4, "\",\"", "" },
        { "2", 2, "too early", "" },
        { "Fe0", 1, "zero", "" },
        { "Fe1/0", 3, "division", "" },
        { "Fe1e13", 3, "1e12", "" },
        { "Fe99999999999999999999999999999999999999", 3, "1e12", "" },
        { "((Fe1000000000)1000000000)1000000000", 1, "1e-12", "" },
        { "Fe1e-200", 1, "1e-12", "" },
        { "n/a", 1, "variable", "" },
        { "Fe\x01", 3, "\"?\"", "" },
        { "\xFF\xFE", 1, "cannot read", "" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_composition c;
        hg_err err;
        if (hg_composition_read(&c, bad[i].formula, &err) != HG_EPARSE || err.column != bad[i].column)
            print_error("%s: column %zu, %s (%s)\n", bad[i].formula, err.column, err.msg, err.hint);
        assert_int_equal(hg_composition_read(&c, bad[i].formula, &err), HG_EPARSE);
        assert_int_equal(err.column, bad[i].column);
        assert_contains(err.msg, bad[i].msg);
        assert_contains(err.hint, bad[i].hint);
        assert_int_equal(hg_composition_read(&c, bad[i].formula, NULL), HG_EPARSE);
    }
}

static void limits_hold(void **state) {
    (void)state;
    static char text[8192];
    hg_composition c;
    hg_err err;
    for (size_t depth = 23; depth <= 26; depth++) { /* 24 brackets are read, 25 are refused */
        memset(text, '(', depth);
        snprintf(text + depth, sizeof text - depth, "Fe");
        memset(text + depth + 2, ')', depth);
        text[2 * depth + 2] = '\0';
        assert_int_equal(hg_composition_read(&c, text, NULL), depth <= 24 ? HG_OK : HG_EPARSE);
    }
    text[0] = '\0';
    for (unsigned z = 1; z <= 33; z++) {
        strcat(text, hg_element_symbol(z));
        assert_int_equal(hg_composition_read(&c, text, &err), z <= 32 ? HG_OK : HG_EPARSE);
    }
    assert_contains(err.msg, "more than 32");
    memset(text, 'C', 5000);
    text[4096] = '\0';
    assert_ok(hg_composition_read(&c, text, NULL));
    assert_true(c.species[0].amount == 4096);
    text[4096] = 'C';
    text[5000] = '\0';
    assert_int_equal(hg_composition_read(&c, text, &err), HG_EPARSE);
    assert_contains(err.msg, "longer than 4096");
}

/* Every formula of the column is read, but for `refused` rows known to hold none; what is printed back reads as the same. */
static void read_column(const char *path, const char *column, size_t rows, size_t refused) {
    hg_csv_opts opts = hg_csv_opts_default();
    opts.text = opts.only = &column; /* text whatever it holds: NaN is sodium nitride */
    opts.n_text = opts.n_only = 1;
    hg_table *t;
    hg_err err;
    size_t bad = 0, j;
    assert_ok_err(hg_csv_read(&t, path, &opts, &err), err);
    assert_ok_err(hg_table_find(&j, t, column, &err), err);
    assert_int_equal(hg_table_rows(t), rows);
    for (size_t i = 0; i < rows; i++) {
        hg_composition c, again;
        char text[512], twice[512];
        const char *formula = hg_table_text(t, j, i);
        if (hg_composition_read(&c, formula, &err) != HG_OK) {
            if (++bad > refused) print_error("%s line %zu: %s\n", path, hg_table_line(t, i), err.msg);
            continue;
        }
        if (i % 16) continue;
        assert_true(hg_composition_write(text, sizeof text, &c) < sizeof text);
        assert_ok_err(hg_composition_read(&again, text, &err), err);
        hg_composition_write(twice, sizeof twice, &again);
        if (fabs(hg_composition_atoms(&again) - 1) > 1e-4)
            assert_string_equal(text, twice); /* fractions: last digits */
        assert_close(hg_composition_mass(&again) / hg_composition_atoms(&again),
                     hg_composition_mass(&c) / hg_composition_atoms(&c), 1e-5);
    }
    assert_int_equal(bad, refused);
    hg_table_free(t);
}

static void every_formula_of_real_tables_is_read(void **state) {
    (void)state;
    static const struct {
        const char *path, *column;
        size_t rows, refused;
    } shipped[] = {
        { "data/mammos-magnets/Simulated_Ms_all.csv.xz", "composition", 54747, 0 },
        { "data/mammos-magnets/r2fe14b_literature_values.csv", "Compound", 198, 0 },
        { "data/mammos-magnets/m-tcsum.csv", "System", 81, 0 },
        { "data/hea-mpea/MPEA_dataset.csv.xz", "FORMULA", 1545, 0 },
    }, shared[] = {
        { "data/composition-properties/aflow__Egap.csv.xz", "formula", 27577, 0 },
        { "data/composition-properties/mp_mu_b.csv.xz", "formula", 56662, 0 },
        { "data/matbench-tables/perovskites.csv.xz", "formula", 18928, 0 },
        { "data/matbench-tables/steels.csv.xz", "formula", 312, 0 },
        { "data/matbench-tables/glass.csv.xz", "formula", 5680, 0 },
        { "data/matbench-tables/expt_gap.csv.xz", "formula", 4604, 0 },
        { "data/quasicrystals/QC_AC_data.tsv.xz", "id", 158, 0 },
        { "data/superconductors/Supercon_data.csv.xz", "name", 16414, 10 }, /* "O10=z", "Br0.5!1.5", "Ba-1", ... */
        { "data/thermoelectric-estm/estm.csv.xz", "Formula", 5205, 0 },
    };
    char path[512];
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++)
        read_column(test_source(path, sizeof path, shipped[i].path), shipped[i].column, shipped[i].rows,
                    shipped[i].refused);
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        if (!test_shared(path, sizeof path, shared[i].path)) skip();
        read_column(path, shared[i].column, shared[i].rows, shared[i].refused);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(elements_are_found_by_symbol_and_have_masses),
        TEST(formulae_are_read_as_written),
        TEST(hydrates_and_other_parts_add_up),
        TEST(isotopes_are_hydrogen_with_their_own_mass),
        TEST(canonical_formulae_are_reduced_and_ordered),
        TEST(what_cannot_be_read_is_refused_with_its_place_and_advice),
        TEST(limits_hold),
        TEST(every_formula_of_real_tables_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
