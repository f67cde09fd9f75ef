/* tests/describe/test_descriptor.c -- hand-derived descriptors, XenonPy's own values, invariances, refusals */
#include "hagane/csv.h"
#include "hagane/descriptor.h"
#include "test.h"

enum { MAX_DIM = 290 + 132 + 118 + 62 + 24 };

static const hg_descriptor *find(const char *name) {
    const hg_descriptor *d;
    assert_ok(hg_descriptor_find(&d, name, NULL));
    assert_true(hg_descriptor_dim(d) <= MAX_DIM);
    return d;
}

static size_t column(const hg_descriptor *d, const char *name) {
    for (size_t j = 0; j < hg_descriptor_dim(d); j++)
        if (strcmp(hg_descriptor_column(d, j), name) == 0) return j;
    fail_msg("no column %s", name);
    return 0;
}

static void compute(double *x, const hg_descriptor *d, const char *formula) {
    hg_composition c;
    hg_err err;
    assert_ok_err(hg_composition_read(&c, formula, &err), err);
    assert_ok_err(hg_descriptor_compute(x, d, &c, &err), err);
}

static double value(const char *set, const char *formula, const char *name) {
    double x[MAX_DIM];
    const hg_descriptor *d = find(set);
    compute(x, d, formula);
    return x[column(d, name)];
}

static void sets_are_listed_with_unique_column_names(void **state) {
    (void)state;
    static const size_t dims[] = { 290, 132, 118, 62, 24 };
    assert_int_equal(hg_descriptor_count(), 5);
    for (size_t i = 0; i < hg_descriptor_count(); i++) {
        const hg_descriptor *d = hg_descriptor_at(i);
        assert_int_equal(hg_descriptor_dim(d), dims[i]);
        assert_ptr_equal(find(hg_descriptor_name(d)), d);
        assert_true(strlen(hg_descriptor_source(d)) > 10);
        for (size_t j = 0; j < dims[i]; j++) assert_int_equal(column(d, hg_descriptor_column(d, j)), j);
        assert_null(hg_descriptor_column(d, dims[i]));
    }
    assert_null(hg_descriptor_at(5));
    assert_string_equal(hg_descriptor_column(find("xenonpy290"), 0), "ave:atomic_number");
    assert_string_equal(hg_descriptor_column(find("xenonpy290"), 289), "min:Polarizability");
}

/* Fe2O3: fractions 0.4 and 0.6; atomic numbers 26 and 8. */
static void fe2o3_matches_the_hand_derivation(void **state) {
    (void)state;
    const char *f = "Fe2O3";
    assert_close(value("xenonpy290", f, "ave:atomic_number"), 15.2, 1e-15);
    assert_close(value("xenonpy290", f, "sum:atomic_number"), 76, 1e-15);
    assert_close(value("xenonpy290", f, "var:atomic_number"), 0.4 * 10.8 * 10.8 + 0.6 * 7.2 * 7.2, 1e-15);
    assert_close(value("xenonpy290", f, "max:atomic_number"), 26, 0);
    assert_close(value("xenonpy290", f, "min:atomic_number"), 8, 0);
    assert_close(value("xenonpy290", f, "ave:en_pauling"), 0.4 * 1.83 + 0.6 * 3.44, 1e-15);

    /* Magpie: columns of the periodic table 8 and 16, Pauling 1.83 and 3.44, unfilled states 4 and 2. */
    assert_close(value("magpie132", f, "min:Column"), 8, 0);
    assert_close(value("magpie132", f, "max:Column"), 16, 0);
    assert_close(value("magpie132", f, "range:Column"), 8, 0);
    assert_close(value("magpie132", f, "mean:Column"), 12.8, 1e-15);
    assert_close(value("magpie132", f, "mean_deviation:Column"), 0.4 * 4.8 + 0.6 * 3.2, 1e-15);
    assert_close(value("magpie132", f, "mode:Column"), 16, 0);
    assert_close(value("magpie132", f, "mode:NUnfilled"), 2, 0);
    assert_close(value("magpie132", f, "mean:NdValence"), 0.4 * 6, 1e-15);
    assert_close(value("magpie132", "NaCl", "mode:Number"), 11, 0); /* equally abundant: the least */
    assert_close(value("magpie132", "(FeCo)0.5Ni", "mode:Number"), 28, 0);
    assert_close(value("magpie132", "Fe0.999Co", "mode:Number"), 27, 0); /* nearly as abundant is less abundant */

    assert_close(value("fractions", f, "fraction:O"), 0.6, 1e-15);
    assert_close(value("fractions", f, "fraction:Fe"), 0.4, 1e-15);
    assert_close(value("fractions", f, "fraction:H"), 0, 0);
    assert_close(value("fractions", "Og", "fraction:Og"), 1, 0);
}

static void isotopes_are_hydrogen_but_for_their_weight(void **state) {
    (void)state;
    double h[MAX_DIM], d[MAX_DIM];
    const hg_descriptor *x = find("xenonpy290");
    compute(h, x, "H2O");
    compute(d, x, "D2O");
    for (size_t j = 0; j < 290; j++)
        if (!strstr(hg_descriptor_column(x, j), ":atomic_weight")) assert_true(h[j] == d[j]);
    assert_close(d[column(x, "min:atomic_weight")], 2.014101777844, 0);
    assert_close(d[column(x, "sum:atomic_weight")], 2 * 2.014101777844 + 15.999, 1e-14);
    assert_close(value("xenonpy290", "HDT", "sum:atomic_weight"), 1.008 + 2.014101777844 + 3.016049281320, 1e-14);
    assert_close(value("xenonpy290", "HDT", "var:atomic_number"), 0, 0);
    assert_close(value("magpie132", "D2O", "min:AtomicWeight"), 2.014101777844, 0);
    assert_close(value("fractions", "HDO", "fraction:H"), 2.0 / 3, 1e-15);
}

/* Order, brackets and (but for XenonPy's sums) the scale of a formula do not matter. */
static void descriptors_depend_on_the_composition_only(void **state) {
    (void)state;
    static const char *const same[] = { "Nd2(Fe0.85Co0.15)14B", "BCo2.1Fe11.9Nd2", "Nd4(Fe0.85Co0.15)28B2" };
    for (size_t i = 0; i < hg_descriptor_count(); i++) {
        const hg_descriptor *d = hg_descriptor_at(i);
        double a[MAX_DIM], b[MAX_DIM];
        compute(a, d, same[0]);
        for (size_t k = 1; k < 3; k++) {
            compute(b, d, same[k]);
            for (size_t j = 0; j < hg_descriptor_dim(d); j++) {
                const double scale = k == 2 && strncmp(hg_descriptor_column(d, j), "sum:", 4) == 0 ? 2 : 1;
                assert_close(b[j], a[j] * scale, 1e-13);
            }
        }
    }
}

/* The arrays that the build made against the files they were made from, read by another reader: every cell. */
static void pure_elements_give_the_rows_of_the_shipped_tables(void **state) {
    (void)state;
    static const struct {
        const char *set, *file, *block;
        size_t elements, features;
    } tables[] = { { "xenonpy290", "data/elements/xenonpy_94x58.csv", "max:", 94, 58 },
                   { "magpie132", "data/elements/magpie_103x22.tsv", "mode:", 103, 22 } };
    for (size_t k = 0; k < 2; k++) {
        const hg_descriptor *d = find(tables[k].set);
        char path[512];
        hg_table *t;
        hg_err err;
        size_t checked = 0, missing = 0;
        /* XenonPy's first column has no name: give it one, as a scientist would */
        FILE *f = fopen(test_source(path, sizeof path, tables[k].file), "rb");
        assert_non_null(f);
        static char text[1 << 17];
        const size_t head = k == 0 ? strlen("symbol") : 0;
        memcpy(text, "symbol", head);
        const size_t n = head + fread(text + head, 1, sizeof text - head, f);
        fclose(f);
        assert_ok_err(hg_csv_read_memory(&t, path, text, n, NULL, &err), err);
        assert_int_equal(hg_table_rows(t), tables[k].elements);
        for (size_t j = 0; j < hg_descriptor_dim(d); j++) {
            const char *name = hg_descriptor_column(d, j);
            size_t from;
            if (strncmp(name, tables[k].block, strlen(tables[k].block)) != 0) continue;
            assert_ok_err(hg_table_find(&from, t, strchr(name, ':') + 1, &err), err);
            for (unsigned z = 1; z <= tables[k].elements; z++) {
                const hg_composition pure = { 1, { { z, 0, 3 } } };
                const double want = hg_table_column(t, from)->number[z - 1];
                double x[MAX_DIM];
                const hg_status st = hg_descriptor_compute(x, d, &pure, NULL);
                missing += isnan(want) ? 1 : 0;
                if (isnan(want)) assert_int_equal(st, HG_EDATA);
                if (st == HG_OK) assert_true(x[j] == want);
                checked++;
            }
        }
        assert_int_equal(checked, tables[k].elements * tables[k].features);
        assert_int_equal(missing, k == 0 ? 0 : 22);
        hg_table_free(t);
    }
}

static void agrees_with_xenonpy_to_nine_digits(void **state) {
    (void)state;
    char path[512], formulae[512];
    if (!test_shared(path, sizeof path, "data/ltc-sps/xenonpy290_descriptors.csv.xz")) skip();
    if (!test_shared(formulae, sizeof formulae, "data/ltc-sps/ltc_sps.tsv.xz")) skip();
    hg_table *golden, *names;
    hg_err err;
    hg_csv_opts opts = hg_csv_opts_default();
    const char *text = "formula";
    opts.text = &text;
    opts.n_text = 1;
    assert_ok_err(hg_csv_read(&golden, path, NULL, &err), err);
    assert_ok_err(hg_csv_read(&names, formulae, &opts, &err), err);
    assert_int_equal(hg_table_rows(golden), 320);
    assert_int_equal(hg_table_rows(names), 320);
    const hg_descriptor *d = find("xenonpy290");
    size_t formula, from[MAX_DIM], checked = 0;
    assert_ok(hg_table_find(&formula, names, "formula", NULL));
    for (size_t j = 0; j < 290; j++)
        assert_ok_err(hg_table_find(&from[j], golden, hg_descriptor_column(d, j), &err), err);
    const size_t weight = column(d, "sum:atomic_weight");
    double worst = 0;
    for (size_t i = 0; i < 320; i++) {
        double x[MAX_DIM];
        compute(x, d, hg_table_text(names, formula, i));
        /* its sums count the atoms of the Materials Project cell, 1, 2 or 4 formulae */
        const double cells = round(hg_table_column(golden, from[weight])->number[i] / x[weight]);
        assert_true(cells == 1 || cells == 2 || cells == 4);
        for (size_t j = 0; j < 290; j++, checked++) {
            const double want = hg_table_column(golden, from[j])->number[i];
            const double got = strncmp(hg_descriptor_column(d, j), "sum:", 4) == 0 ? x[j] * cells : x[j];
            const double off = fabs(got - want) / fmax(fabs(want), 1e-12);
            if (off > 1e-8) print_error("row %zu %s: %.12g, golden %.12g\n", i, hg_descriptor_column(d, j), got, want);
            worst = fmax(worst, off);
        }
    }
    print_message("%zu values, worst relative difference %.2g\n", checked, worst);
    assert_true(worst <= 1e-8);
    hg_table_free(golden);
    hg_table_free(names);
}

/* Every choice of sets, however it is written: the numbers of each, in the order of the table, under names that come once. */
static void sets_can_stand_side_by_side(void **state) {
    (void)state;
    hg_composition c;
    assert_ok(hg_composition_read(&c, "LiFeSiC4", NULL));
    for (unsigned mask = 1; mask < 1U << hg_descriptor_count(); mask++) {
        char name[128] = "", turned[128] = "";
        double x[MAX_DIM], want[MAX_DIM];
        size_t dim = 0, sets = 0;
        for (size_t i = 0; i < hg_descriptor_count(); i++) {
            if (!(mask >> i & 1)) continue;
            const hg_descriptor *one = hg_descriptor_at(i);
            char before[128];
            memcpy(before, turned, sizeof before);
            snprintf(name + strlen(name), sizeof name - strlen(name), "%s%s", sets ? "+" : "", hg_descriptor_name(one));
            snprintf(turned, sizeof turned, "%s%s%.90s", hg_descriptor_name(one), sets ? "+" : "", before);
            assert_ok(hg_descriptor_compute(want + dim, one, &c, NULL));
            dim += hg_descriptor_dim(one);
            sets++;
        }
        const hg_descriptor *d = find(name);
        assert_ptr_equal(find(turned), d);
        assert_string_equal(hg_descriptor_name(d), name);
        assert_int_equal(hg_descriptor_dim(d), dim);
        assert_ok(hg_descriptor_compute(x, d, &c, NULL));
        assert_memory_equal(x, want, dim * sizeof *x);
        for (size_t j = 0; j < dim; j++) assert_int_equal(column(d, hg_descriptor_column(d, j)), j);
        assert_null(hg_descriptor_column(d, dim));
    }
}

static void statistics_of_elements_are_told_from_the_rest(void **state) {
    (void)state;
    const hg_descriptor *all = find("xenonpy290+magpie132+fractions"), *one = find("magpie132");
    assert_string_equal(hg_descriptor_statistics(all, 0), "xenonpy290");
    assert_string_equal(hg_descriptor_statistics(all, 289), "xenonpy290");
    assert_string_equal(hg_descriptor_statistics(all, 290), "magpie132");
    assert_string_equal(hg_descriptor_statistics(all, 421), "magpie132");
    assert_null(hg_descriptor_statistics(all, 422));
    assert_null(hg_descriptor_statistics(all, hg_descriptor_dim(all)));
    assert_string_equal(hg_descriptor_statistics(one, 131), "magpie132");
    assert_null(hg_descriptor_statistics(one, 132));
    assert_string_equal(hg_descriptor_derived(all, 421), "magpie132");
    assert_null(hg_descriptor_derived(all, 422)); /* a fraction */
    assert_null(hg_descriptor_derived(all, hg_descriptor_dim(all)));
    assert_string_equal(hg_descriptor_derived(find("fractions+chemistry62"), 118), "chemistry62");
    assert_null(hg_descriptor_derived(find("fractions"), 0));
    assert_null(hg_descriptor_statistics(find("fractions"), 0));
    assert_null(hg_descriptor_statistics(find("chemistry62"), 0));
}

/* Whoever writes a column of the input in front can still tell from the end of a name which number it is. */
static void no_name_is_the_end_of_another(void **state) {
    (void)state;
    const hg_descriptor *all = find("xenonpy290+magpie132+fractions+chemistry62+alloy24");
    for (size_t i = 0; i < hg_descriptor_dim(all); i++)
        for (size_t j = 0; j < hg_descriptor_dim(all); j++) {
            const char *a = hg_descriptor_column(all, i), *b = hg_descriptor_column(all, j);
            const size_t la = strlen(a), lb = strlen(b);
            assert_true(i == j || la > lb || strcmp(b + lb - la, a) != 0);
        }
}

static void refuses_what_a_table_does_not_have(void **state) {
    (void)state;
    double x[MAX_DIM];
    hg_composition c, none = { .n = 0 };
    hg_err err;
    const hg_descriptor *d;
    assert_ok(hg_composition_read(&c, "AmO2", NULL));
    assert_int_equal(hg_descriptor_compute(x, find("xenonpy290"), &c, &err), HG_EDATA);
    assert_contains(err.msg, "americium (Am)");
    assert_contains(err.msg, "ends at Pu");
    assert_ok(hg_descriptor_compute(x, find("magpie132"), &c, &err));
    assert_ok(hg_composition_read(&c, "RfO2", NULL));
    assert_int_equal(hg_descriptor_compute(x, find("magpie132"), &c, &err), HG_EDATA);
    assert_contains(err.msg, "rutherfordium (Rf)");
    assert_ok(hg_composition_read(&c, "Na2He", NULL));
    assert_int_equal(hg_descriptor_compute(x, find("magpie132"), &c, &err), HG_EDATA);
    assert_contains(err.msg, "no MeltingT for helium (He)");
    assert_contains(err.hint, "xenonpy290");
    assert_ok(hg_descriptor_compute(x, find("xenonpy290"), &c, NULL));
    assert_int_equal(hg_descriptor_compute(x, find("fractions"), &none, NULL), HG_EINVAL);
    const hg_composition made[] = {
        { 1, { { 0, 0, 1 } } }, { 1, { { 119, 0, 1 } } }, { 1, { { 26, 0, 0 } } }, { 33, { { 26, 0, 1 } } }
    };
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < hg_descriptor_count(); k++)
            assert_int_equal(hg_descriptor_compute(x, hg_descriptor_at(k), &made[i], NULL), HG_EINVAL);
    assert_ok(hg_composition_read(&c, "AmO2", NULL));
    assert_int_equal(hg_descriptor_compute(x, find("magpie132+chemistry62"), &c, &err), HG_EDATA);
    assert_contains(err.msg, "americium (Am) is beyond the element table of chemistry62");
    static const char *const wrong[] = {
        "", "+", "fractions+", "+fractions", "fractions++magpie132", "magpie132+xenon"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(hg_descriptor_find(&d, wrong[i], &err), HG_ENOTFOUND);
        assert_null(d);
    }
    assert_int_equal(hg_descriptor_find(&d, "fractions+magpie132+fractions", &err), HG_EINVAL);
    assert_contains(err.msg, "has fractions twice");
    assert_int_equal(hg_descriptor_find(&d, "xenonpy", &err), HG_ENOTFOUND);
    assert_null(d);
    assert_contains(err.hint, "xenonpy290, magpie132, fractions");
    assert_int_equal(hg_descriptor_find(&d, "magpie", &err), HG_ENOTFOUND);
    assert_contains(err.hint, "did you mean magpie132?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sets_are_listed_with_unique_column_names),
        TEST(fe2o3_matches_the_hand_derivation),
        TEST(isotopes_are_hydrogen_but_for_their_weight),
        TEST(descriptors_depend_on_the_composition_only),
        TEST(pure_elements_give_the_rows_of_the_shipped_tables),
        TEST(agrees_with_xenonpy_to_nine_digits),
        TEST(sets_can_stand_side_by_side),
        TEST(statistics_of_elements_are_told_from_the_rest),
        TEST(no_name_is_the_end_of_another),
        TEST(refuses_what_a_table_does_not_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
