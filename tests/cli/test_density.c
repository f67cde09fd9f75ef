/* tests/cli/test_density.c -- `hagane density`: cubes, lines, tables and pictures of valence densities, or a reason
 * and nothing at all */
#include "hagane/cube.h"
#include "json.h"
#include "program.h"
#include "test.h"
#include <unistd.h>

static char ethane[512], orbitals[512], cube[512], table[512], picture[512], other[512];

static int paths(void **state) {
    test_source(ethane, sizeof ethane, "data/hydrocarbons/ethane.xyz");
    test_source(orbitals, sizeof orbitals, "data/hydrocarbons/orbitals.bin");
    test_scratch(cube, sizeof cube, "ethane.cube");
    test_scratch(table, sizeof table, "ethane.csv");
    test_scratch(picture, sizeof picture, "ethane.png");
    test_scratch(other, sizeof other, "other.xyz");
    return test_setup(state);
}

static int clean(void **state) {
    const char *made[] = { cube, table, picture };
    char record[600];
    for (size_t i = 0; i < 3; i++) {
        snprintf(record, sizeof record, "%s.run.json", made[i]);
        unlink(made[i]);
        unlink(record);
    }
    unlink(other);
    program_forget();
    return test_teardown(state);
}

static void a_cube_holds_the_electrons(void **state) {
    (void)state;
    hg_cube *c;
    hg_cube_opts o = hg_cube_opts_default();
    hg_err err;
    const program_result r =
        program_run("density", ethane, "--cube", cube, "--spacing", "0.2", "--threads", "2", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "C2H6, ethane, QM9 000007: 14 valence electrons, without 1s pairs\n");
    assert_contains(r.out, "integral: 14.000");
    o.density = true;
    assert_ok_err(hg_cube_read(&c, cube, &o, &err), err);
    assert_int_equal(c->molecule->n, 8);
    double sum = 0;
    const size_t n = c->grid.n[0] * c->grid.n[1] * c->grid.n[2];
    for (size_t i = 0; i < n; i++) {
        assert_true(c->value[i] > -1e-3);
        sum += c->value[i] * 0.2 * 0.2 * 0.2;
    }
    assert_close(c->grid.step[0], 0.2, 1e-6);
    assert_close(sum, 14, 0.02); /* the grid is coarse beside the peaks at the carbons */
    hg_cube_free(c);
}

static void a_line_is_a_table_and_a_picture(void **state) {
    (void)state;
    const program_result r = program_run("density", ethane, "--line", "C1,C2", "--reference", orbitals, "--out", table,
                                         "--png", picture, "--spacing", "0.3", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "line C1-C2, 1.530 A; densities in e/A^3\n");
    assert_contains(r.out, "  promolecule ");
    assert_contains(r.out, "  qdf2 ");
    assert_contains(r.out, "  DFT ");
    char *text = test_read_file(table);
    assert_non_null(text);
    assert_true(strncmp(text, "position (A),promolecule (e/A^3),qdf2 (e/A^3),", 46) == 0);
    free(text);
    text = test_read_file(picture);
    assert_non_null(text);
    assert_memory_equal(text, "\x89PNG", 4);
    free(text);
}

/* A cube of this program's own is a reference too; between its points it is a cubic. */
static void a_cube_may_be_the_reference(void **state) {
    (void)state;
    assert_int_equal(
        program_run("density", ethane, "--cube", cube, "--spacing", "0.1", "--margin", "2", "-q", NULL).code, 0);
    const program_result r = program_run("density", ethane, "--line", "1,2", "--reference", cube, "--beyond", "0",
                                         "--spacing", "0.5", "--out", "-", NULL);
    assert_int_equal(r.code, 0);
    size_t seen = 0;
    char *line = strtok(r.out, "\n");
    const size_t last = strlen(line) - strlen("reference (e/A^3)");
    assert_string_equal(line + last, "reference (e/A^3)");
    while ((line = strtok(NULL, "\n"))) {
        double x, atoms, model, reference;
        assert_true(sscanf(line, "%lf,%lf,%lf", &x, &atoms, &model) == 3);
        assert_int_equal(sscanf(strrchr(line, ',') + 1, "%lf", &reference), 1);
        if (x > 0.4 && x < 1.1) {
            assert_true(fabs(reference - model) < 0.02 * model);
            seen++;
        }
    }
    assert_true(seen > 50);
}

static void json_holds_it_all(void **state) {
    (void)state;
    const program_result r =
        program_run("density", ethane, "--line", "C1,C2", "--spacing", "0.4", "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    char text[64];
    assert_string_equal(json_string(text, sizeof text, r.out, "schema"), "hagane.density/1");
    assert_true(json_number(r.out, "electrons") == 14);
    assert_close(json_number(r.out, "integral"), 14, 1e-4);
    assert_close(json_number(r.out, "line.length"), 1.5296, 1e-4);
    assert_string_equal(json_string(text, sizeof text, r.out, "line.curves.1.name"), "qdf2");
    assert_close(json_number(r.out, "line.curves.1.middle"), 1.60, 0.03); /* Kohn-Sham orbitals have 1.598 */
    assert_true(json_length(r.out, "line.position") == json_length(r.out, "line.curves.1.density"));
}

static void fluorine_is_said(void **state) {
    (void)state;
    test_write_file(other, "2\nhydrogen fluoride\nF 0 0 0\nH 0 0 0.92\n2\nhydrogen\nH 0 0 0\nH 0 0 0.74\n");
    program_result r = program_run("density", other, "--spacing", "0.4", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "fluorine was not learned");
    assert_contains(r.out, "8 valence electrons");
    r = program_run("density", other, "--id", "hydrogen", "--spacing", "0.4", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "H2, hydrogen: 2 valence electrons");
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    char changed[512];
    test_scratch(changed, sizeof changed, "other.xyz");
    test_write_file(changed, "2\n\nC 0 0 0\nO 0 0 1.13\n");
    const struct {
        const char *words[10];
        int code;
        const char *part;
    } cases[] = {
        { { "density", ethane, "--line", "C1", NULL }, 2, "a comma between them" },
        { { "density", ethane, "--line", "C1,C3", NULL }, 2, "no atom \"C3\"" },
        { { "density", ethane, "--line", "0,1", NULL }, 2, "no atom \"0\"" },
        { { "density", ethane, "--line", "C2,2", NULL }, 2, "the same atom" },
        { { "density", ethane, "--line", "Xx1,C2", NULL }, 2, "no atom \"Xx1\"" },
        { { "density", ethane, "--png", picture, NULL }, 2, "--line is missing" },
        { { "density", ethane, "--line", "C1,C2", "--png", "line.bmp", NULL }, 3, "bmp" },
        { { "density", ethane, "--cube", cube, "--spacing", "0.01", "--margin", "50", NULL }, 4, "larger --spacing" },
        { { "density", ethane, "--id", "propane", NULL }, 3, "no molecule \"propane\"" },
        { { "density", ethane, "--model", "qdf2", "--cube", cube, NULL }, 3, "its architecture is \"qdf2 1\"" },
        { { "density", changed, "--line", "C1,O1", "--reference", orbitals, NULL }, 3, "this molecule is not in it" },
        { { "density", ethane, "--line", "C1,C2", "--out", "-", "--json", NULL }, 2, "standard output" },
        { { "density", ethane, "--cube", "-", NULL }, 2, "standard output" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const program_result r = program_run_words(cases[i].words, "", NULL);
        if (r.code != cases[i].code) print_message("%s\n", r.err);
        assert_int_equal(r.code, cases[i].code);
        assert_contains(r.err, cases[i].part);
        assert_string_equal(r.out, "");
        assert_false(test_file_exists(cube) || test_file_exists(picture));
    }
}

#define CLI_TEST(name) cmocka_unit_test_setup_teardown(name, paths, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        CLI_TEST(a_cube_holds_the_electrons),
        CLI_TEST(a_line_is_a_table_and_a_picture),
        CLI_TEST(a_cube_may_be_the_reference),
        CLI_TEST(json_holds_it_all),
        CLI_TEST(fluorine_is_said),
        CLI_TEST(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
