/* tests/describe/test_features.c -- which columns become inputs, how, and what is said about the others */
#include "hagane/csv.h"
#include "hagane/features.h"
#include "test.h"

static hg_table *table(const char *name, const char *text) {
    hg_table *t;
    hg_err err;
    assert_ok_err(hg_csv_read_memory(&t, name, text, strlen(text), NULL, &err), err);
    return t;
}

static hg_features *fit_one(const hg_table *t, const hg_features_opts *opts) {
    hg_features *f;
    hg_err err;
    assert_ok_err(hg_features_fit(&f, &t, 1, opts, &err), err);
    return f;
}

/* The message (and hint) of a fit that must fail. */
static const char *refusal(const hg_table *t, const hg_features_opts *opts, hg_status expected) {
    static char text[800];
    hg_features *f = (hg_features *)text; /* poison: a failing fit must overwrite it */
    hg_err err;
    const hg_status st = hg_features_fit(&f, &t, 1, opts, &err);
    if (st != expected) print_error("%s instead of %s: %s\n", hg_status_name(st), hg_status_name(expected), err.msg);
    assert_int_equal(st, expected);
    assert_null(f);
    snprintf(text, sizeof text, "%s | %s", err.msg, err.hint);
    return text;
}

static const char *const ALLOYS = "id,composition,T (K),phase,batch,pressure,Ms (T)\n"
                                  "7,Fe3Co,300,fcc,0,1,2.1\n"
                                  "3,Fe2Co2,350,bcc,1,1,\n"
                                  "9,FeCo3,300,fcc,2,1,1.9\n"
                                  "1,Fe2Ni2,400,hcp,3,1,1.2\n"
                                  "5,NaN,400,bcc,4,1,\n";

static void columns_are_chosen_and_the_choice_is_told(void **state) {
    (void)state;
    hg_table *t = table("alloys.csv", ALLOYS);
    const char *target = "Ms (T)";
    hg_features_opts o = hg_features_opts_default();
    o.exclude = &target;
    o.n_exclude = 1;
    o.descriptor = "fractions";
    hg_features *f = fit_one(t, &o);
    assert_int_equal(hg_features_groups(f), 3);
    const hg_feature_group *formula = hg_features_group(f, 0), *kelvin = hg_features_group(f, 1),
                           *phase = hg_features_group(f, 2);
    assert_string_equal(formula->column, "composition");
    assert_int_equal(formula->kind, HG_GROUP_FORMULA);
    assert_int_equal(formula->dim, 5); /* Fe Co Ni Na N; NaN is sodium nitride */
    assert_int_equal(kelvin->kind, HG_GROUP_NUMBER);
    assert_int_equal(kelvin->first, 5);
    assert_int_equal(phase->kind, HG_GROUP_CATEGORY);
    assert_int_equal(phase->dim, 3);
    assert_int_equal(hg_features_dim(f), 9);
    assert_string_equal(hg_features_name(f, 5), "T (K)");
    assert_string_equal(hg_features_name(f, phase->first), "phase=bcc");
    assert_null(hg_features_name(f, 9));
    assert_null(hg_features_group(f, 3));
    assert_string_equal(
        hg_features_words(f),
        "Inputs: composition (formula: 5 of the 118 numbers of fractions, the others are constant), T (K), phase "
        "(3 levels). Left out: id (names the row), pressure (constant), batch (counts the rows).");

    double x[5][9];
    assert_ok(hg_features_apply(x[0], f, t, NULL));
    const double row1[9] = { 0, 0, 0.5, 0.5, 0, 350, 1, 0, 0 }; /* N Na Fe Co Ni, T, bcc fcc hcp */
    for (size_t j = 0; j < 9; j++) assert_close(x[1][j], row1[j], 1e-15);
    assert_string_equal(hg_features_name(f, 2), "fraction:Fe");
    hg_features_free(f);
    hg_table_free(t);
}

static void the_magnet_film_needs_no_options_but_its_target(void **state) {
    (void)state;
    char path[512];
    hg_table *t;
    hg_err err;
    assert_ok_err(hg_csv_read(&t, test_source(path, sizeof path, "data/mammos-magnets/ndcefeb132.csv"), NULL, &err),
                  err);
    const char *target = "Hc_measured_A_m";
    hg_features_opts o = hg_features_opts_default();
    o.exclude = &target;
    o.n_exclude = 1;
    hg_features *f = fit_one(t, &o);
    assert_contains(hg_features_words(f),
                    "Inputs: x_pos_mm, y_pos_mm, nd_fraction_of_main_phase, a_A, c_A. Left out: id (");
    hg_features_free(f);
    const char *xy[] = { "x_pos_mm", "y_pos_mm" };
    o.columns = xy;
    o.n_columns = 2;
    f = fit_one(t, &o);
    assert_string_equal(hg_features_words(f), "Inputs: x_pos_mm, y_pos_mm.");
    double *x = test_calloc(132 * 2, sizeof *x);
    assert_ok(hg_features_apply(x, f, t, NULL));
    assert_true(x[0] == -40 && x[1] == -10 && x[2] == -40 && x[3] == 0);
    test_free(x);
    hg_features_free(f);
    hg_table_free(t);

    /* the literature table: the compound is the formula, reference and DOI are not inputs, blanks are */
    assert_ok_err(hg_csv_read(&t, test_source(path, sizeof path, "data/mammos-magnets/r2fe14b_literature_values.csv"),
                              NULL, &err),
                  err);
    target = "mu0Ms (T)";
    o = hg_features_opts_default();
    o.exclude = &target;
    o.n_exclude = 1;
    f = fit_one(t, &o);
    assert_contains(hg_features_words(f), "Compound (formula: ");
    assert_contains(
        hg_features_words(f),
        "Filename, Reference, DOI (about the origin of the row), La, Ce, Pr, Nd, Sm, Gd, Tb, Dy (4 empty cells, the first in line 102)");
    hg_features_free(f);
    hg_table_free(t);
}

/* Numbers that differ only by round-off are not dimensions. */
static void constant_numbers_of_a_formula_are_dropped(void **state) {
    (void)state;
    hg_table *t = table("a.csv", "compound,y\nNd2Fe14B,1\nPr2Fe14B,2\nNd1Pr1Fe14B1,3\nNd0.3Pr1.7Fe14B,5\n");
    const char *y = "y";
    hg_features_opts o = hg_features_opts_default();
    o.exclude = &y;
    o.n_exclude = 1;
    hg_features *f = fit_one(t, &o);
    bool weight = false;
    for (size_t j = 0; j < hg_features_dim(f); j++) {
        const char *name = hg_features_name(f, j);
        assert_null(strstr(name, ":num_p_valence")); /* rows of Nd and Pr agree in it */
        assert_null(strstr(name, ":period"));
        weight |= strcmp(name, "ave:atomic_weight") == 0;
    }
    assert_true(weight);
    assert_true(hg_features_dim(f) > 40 && hg_features_dim(f) < 290);
    hg_features_free(f);
    hg_table_free(t);
}

static void phases_answers_and_dopants_are_categories_not_formulae(void **state) {
    (void)state;
    static const char *const columns[] = { "phase\nFCC\nBCC\nHCP\nFCC\n", "dopant\nFe\nCo\nNi\nFe\n",
                                           "annealed\nY\nN\nN\nY\n", "route\nCAST\nCAST\nHIP\nHIP\n",
                                           "laves\nC14\nC15\nC14\nC36\n" };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        hg_table *t = table("a.csv", columns[i]);
        hg_features *f = fit_one(t, NULL);
        assert_int_equal(hg_features_group(f, 0)->kind, HG_GROUP_CATEGORY);
        hg_features_free(f);
        hg_table_free(t);
    }
    hg_table *t = table("a.csv", "what,x\nGaN,1\nBN,2\nAl2O3,3\nZnO,5\n"); /* no name says it, the cells do */
    hg_features *f = fit_one(t, NULL);
    assert_int_equal(hg_features_group(f, 0)->kind, HG_GROUP_FORMULA);
    hg_features_free(f);
    hg_table_free(t);
}

static void one_misspelt_formula_is_an_error_not_a_column_left_out(void **state) {
    (void)state;
    hg_table *t = table("a.csv", "formula,x,y\nFe2O3,1,4\nCoO,2,5\nXx2O,4,6\nNiO,3,7\n");
    hg_features_opts o = hg_features_opts_default();
    const char *target = "y";
    o.exclude = &target;
    o.n_exclude = 1;
    assert_contains(refusal(t, &o, HG_EDATA), "a.csv:4: column \"formula\": formula \"Xx2O\", byte 1");
    hg_table_free(t);
}

/* One "<0.5" or one blank must not silently cost a column that may well be the most important one. */
static void a_column_that_few_cells_keep_out_is_a_warning(void **state) {
    (void)state;
    const char *const columns[][2] = {
        { "T,p,y\n1,5,\n2,,3\n3,7,4\n4,9,6\n", "p (1 empty cell, the first in line 3)" },
        { "T,p,q,y\n1,5,1,\n2,,,3\n3,7,5,4\n4,9,9,6\n", "p, q (1 empty cell, the first in line 3)" },
        { "T,gas,y\n1,Ar,\n2,,3\n3,Ar,4\n4,N2,6\n", "gas (1 empty cell" },
        { "T,p,y\n1,5,\n2,,3\n3,,4\n4,9,6\n", NULL },        /* half is blank: measured like a target */
        { "T,doi,y\n1,5,\n2,,3\n3,7,4\n4,9,6\n", NULL },     /* no input anyhow */
        { "T,p,y\n1,5,\n2,5,3\n3,5,4\n4,5,6\n", NULL },      /* constant */
        { "T,name,y\n1,aa,\n2,,3\n3,bb,4\n4,cc,6\n", NULL }, /* names of rows */
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        hg_table *t = table("a.csv", columns[i][0]);
        const char *y = "y";
        hg_features_opts o = hg_features_opts_default();
        o.exclude = &y;
        o.n_exclude = 1;
        hg_features *f = fit_one(t, &o);
        if (columns[i][1])
            assert_contains(hg_features_warning(f), columns[i][1]);
        else
            assert_string_equal(hg_features_warning(f), "");
        hg_features_free(f);
        const char *p = hg_table_column(t, 1)->name; /* when the user leaves it out there is nothing to warn of */
        const char *both[] = { "y", p };
        o.exclude = both;
        o.n_exclude = 2;
        f = fit_one(t, &o);
        if (i != 1) assert_string_equal(hg_features_warning(f), "");
        hg_features_free(f);
        hg_table_free(t);
    }
}

static void many_columns_are_counted_in_the_words(void **state) {
    (void)state;
    char text[4096];
    size_t at = 0;
    for (size_t j = 0; j < 60; j++) at += (size_t)snprintf(text + at, sizeof text - at, "%sf%zu", j ? "," : "", j);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 60; j++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%zu", j ? "," : "\n", j < 30 ? 7 : (i + 2) * j);
    hg_table *t = table("a.csv", text);
    hg_features *f = fit_one(t, NULL);
    assert_int_equal(hg_features_dim(f), 30);
    assert_contains(hg_features_words(f), ", f53 and 6 more columns of numbers. Left out: f0, ");
    assert_contains(hg_features_words(f), "f23 (constant) and 6 more.");
    hg_features_free(f);
    hg_table_free(t);
}

static void measured_rows_and_candidates_are_looked_at_together(void **state) {
    (void)state;
    hg_table *measured = table("measured.csv", "T,p,solvent,seen,y\n1,5,water,1,3\n2,5,ethanol,2,4\n");
    hg_table *pool = table("pool.csv", "solvent,p,T\nDMF,6,4\nwater,5,\n");
    const hg_table *both[] = { measured, pool };
    const char *y = "y";
    hg_features_opts o = hg_features_opts_default();
    o.exclude = &y;
    o.n_exclude = 1;
    hg_features *f;
    hg_err err;
    assert_ok_err(hg_features_fit(&f, both, 2, &o, &err), err);
    assert_string_equal(hg_features_words(f), "Inputs: p, solvent (3 levels). Left out: T (1 empty cell, the first in "
                                              "line 3 of pool.csv), seen (not in pool.csv).");
    double x[2][4];
    assert_ok(hg_features_apply(x[0], f, pool, NULL));
    const double want[2][4] = { { 6, 1, 0, 0 }, { 5, 0, 0, 1 } }; /* p, DMF, ethanol, water */
    assert_memory_equal(x, want, sizeof x);
    hg_table *strange = table("strange.csv", "solvent,p\nacetone,6\n");
    assert_int_equal(hg_features_apply(x[0], f, strange, &err), HG_EDATA);
    assert_contains(err.msg, "strange.csv:2: column \"solvent\": \"acetone\" was not among the levels");
    hg_features_free(f);
    hg_table_free(strange);
    hg_table_free(measured);
    hg_table_free(pool);
}

static void a_counter_is_used_when_nothing_else_is_there(void **state) {
    (void)state;
    hg_table *t = table("scan.csv", "x,y\n0,1\n1,2\n2,0\n3,5\n4,1\n");
    const char *y = "y";
    hg_features_opts o = hg_features_opts_default();
    o.exclude = &y;
    o.n_exclude = 1;
    hg_features *f = fit_one(t, &o);
    assert_string_equal(hg_features_words(f), "Inputs: x (it counts 0, 1, 2, ... but nothing else can be used).");
    hg_features_free(f);
    hg_table_free(t);
}

static void a_column_that_begins_like_a_counter_is_not_one(void **state) {
    (void)state;
    hg_table *t = table("scan.csv", "x,n,y\n0,1,1\n1,2,2\n2,3,0\n3,4,5\n5,5,1\n");
    hg_features *f = fit_one(t, NULL);
    assert_string_equal(hg_features_words(f), "Inputs: x, y. Left out: n (counts the rows).");
    hg_features_free(f);
    hg_table_free(t);
}

static void named_columns_are_used_or_refused_with_place_and_reason(void **state) {
    (void)state;
    hg_table *t = table(
        "pool.csv", "composition,T,p,name,c,dopant,mixed\nFe2Co,1,3,a,1,Fe,7\nFe2Xx,2,,b,1,,8\nAmO2,3,4,c,1,Co,9\n");
    hg_features_opts o = hg_features_opts_default();
    const char *name;
    o.columns = &name;
    o.n_columns = 1;
    name = "temperature";
    assert_contains(refusal(t, &o, HG_ENOTFOUND), "no column \"temperature\"");
    name = "p";
    assert_contains(refusal(t, &o, HG_EDATA), "pool.csv:3");
    name = "dopant";
    assert_contains(refusal(t, &o, HG_EDATA), "pool.csv:3: column \"dopant\": the cell is empty");
    o.formula = name = "composition";
    assert_contains(refusal(t, &o, HG_EDATA),
                    "pool.csv:3: column \"composition\": formula \"Fe2Xx\", byte 4: no element");
    name = "T";
    assert_contains(refusal(t, &o, HG_EDATA), "Fe2Xx"); /* the formula is used though not listed */
    o.formula = "T";
    assert_contains(refusal(t, &o, HG_EDATA), "holds numbers, not formulae");
    o.formula = NULL;
    name = "c";
    assert_contains(refusal(t, &o, HG_EDATA), "no column can be used");
    assert_contains(refusal(t, &o, HG_EDATA), "left out: c (constant)");
    name = "name";
    o.max_levels = 2;
    assert_contains(refusal(t, &o, HG_EDATA), "more than 2 different texts");
    o.max_levels = 50;
    const char *twice[] = { "T", "T" };
    o.columns = twice;
    o.n_columns = 2;
    assert_contains(refusal(t, &o, HG_EINVAL), "named twice");
    const char *some[] = { "T", "c" };
    o.columns = some;
    hg_features *f = fit_one(t, &o);
    assert_string_equal(hg_features_words(f), "Inputs: T. Left out: c (constant).");
    hg_features_free(f);
    o.descriptor = "xenonpy";
    assert_contains(refusal(t, &o, HG_ENOTFOUND), "xenonpy290");
    o = hg_features_opts_default();
    name = "Tc";
    o.exclude = &name;
    o.n_exclude = 1;
    assert_contains(refusal(t, &o, HG_ENOTFOUND), "no column \"Tc\"");
    hg_table_free(t);

    t = table("pool.csv", "composition,T\nFe2Co,1\nAmO2,3\n");
    assert_contains(refusal(t, NULL, HG_EDATA), "pool.csv:3: column \"composition\": americium (Am) is beyond");
    hg_table_free(t);
    t = table("pool.csv", "T,y\n1,2\n\"n/a?\",3\n2,4\n4,5\n");
    name = "T";
    o = hg_features_opts_default();
    o.columns = &name;
    o.n_columns = 1;
    o.max_levels = 2;
    assert_contains(refusal(t, &o, HG_EDATA), "n/a?");
    hg_table_free(t);
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    hg_table *t = table("alloys.csv", ALLOYS);
    const char *names[] = { "composition", "phase", "T" };
    hg_features_opts chosen = hg_features_opts_default(), named = chosen;
    named.columns = names;
    named.n_columns = 3;
    const hg_table *tables = t;
    for (int way = 0; way < 2; way++)
        for (long k = 0;; k++) {
            hg_features *f = (hg_features *)state;
            fail_alloc_after(k);
            const hg_status st = hg_features_fit(&f, &tables, 1, way ? &named : &chosen, NULL);
            fail_alloc_after(-1);
            if (st != HG_OK) {
                assert_int_equal(st, HG_ENOMEM);
                assert_null(f);
                continue;
            }
            assert_true(k > 5);
            double *x = test_calloc(5 * hg_features_dim(f), sizeof *x);
            for (long i = 0;; i++) {
                fail_alloc_after(i);
                const hg_status applied = hg_features_apply(x, f, t, NULL);
                fail_alloc_after(-1);
                if (applied == HG_OK) break;
                assert_int_equal(applied, HG_ENOMEM);
            }
            test_free(x);
            hg_features_free(f);
            break;
        }
    hg_table_free(t);
}

static void equal_rows_have_equal_bytes(void **state) {
    (void)state;
    hg_table *t = table("zeros.csv", "x\n-0\n0\n1\n");
    hg_features *f = fit_one(t, NULL);
    double x[3];
    assert_ok(hg_features_apply(x, f, t, NULL));
    assert_memory_equal(&x[0], &x[1], sizeof *x);
    hg_features_free(f);
    hg_table_free(t);
}

/* Fractions of multiples of one formula differ in the last digit only: that tells nothing. */
static void round_off_is_no_difference(void **state) {
    (void)state;
    hg_table *t = table("multiples.csv", "formula,T\nNd2Fe14B,1\nNd0.3Fe2.1B0.15,2\nNd0.7Fe4.9B0.35,3\nNd6Fe42B3,4\n");
    for (size_t k = 0; k < 2; k++) {
        hg_features_opts o = hg_features_opts_default();
        o.descriptor = k ? "magpie132" : "fractions";
        hg_features *f = fit_one(t, &o);
        assert_int_equal(hg_features_dim(f), 1);
        assert_contains(hg_features_words(f), "formula (the same composition in every row)");
        hg_features_free(f);
    }
    hg_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(columns_are_chosen_and_the_choice_is_told),
        TEST(the_magnet_film_needs_no_options_but_its_target),
        TEST(constant_numbers_of_a_formula_are_dropped),
        TEST(phases_answers_and_dopants_are_categories_not_formulae),
        TEST(one_misspelt_formula_is_an_error_not_a_column_left_out),
        TEST(a_column_that_few_cells_keep_out_is_a_warning),
        TEST(many_columns_are_counted_in_the_words),
        TEST(measured_rows_and_candidates_are_looked_at_together),
        TEST(a_counter_is_used_when_nothing_else_is_there),
        TEST(a_column_that_begins_like_a_counter_is_not_one),
        TEST(named_columns_are_used_or_refused_with_place_and_reason),
        TEST(survives_any_allocation_failure),
        TEST(equal_rows_have_equal_bytes),
        TEST(round_off_is_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
