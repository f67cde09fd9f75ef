/* tests/cli/test_describe.c -- `hagane describe`: formulae in, canonical formulae and descriptors out, or nothing at all */
#include "json.h"
#include "program.h"
#include "test.h"
#include <unistd.h>

static char table[512], out[512], record[600], other[512];

static int paths(void **state) {
    (void)state;
    test_scratch(table, sizeof table, "formulae.csv");
    test_scratch(out, sizeof out, "features.csv");
    test_scratch(other, sizeof other, "other");
    snprintf(record, sizeof record, "%s.run.json", out);
    unlink(out);
    unlink(record);
    return test_setup(state);
}

static int clean(void **state) {
    unlink(table);
    unlink(out);
    unlink(record);
    unlink(other);
    program_forget();
    return test_teardown(state);
}

static void prints_canonical_formulae_beside_the_columns(void **state) {
    (void)state;
    test_write_file(table, "id,f,Tc (K)\n1,Fe14Nd2B,585\n2,CuSO4.5H2O,\n3,NaN,\n4,\"(La0.8Sr0.2)MnO3\",370.5\n");
    const program_result r = program_run("describe", table, "--formula", "f", "-q", NULL);
    assert_int_equal(r.code, 0);
    char *line = strtok(r.out, "\n");
    assert_string_equal(line, "id,f,Tc (K),canonical formula,atoms,mass (u)");
    line = strtok(NULL, "\n");
    assert_true(strncmp(line, "1,Fe14Nd2B,585,Nd2Fe14B,17,1081.1", 33) == 0);
    line = strtok(NULL, "\n");
    assert_true(strncmp(line, "2,CuSO4.5H2O,,CuH10SO9,21,249.6", 31) == 0);
    line = strtok(NULL, "\n");
    assert_true(strncmp(line, "3,NaN,,NaN,2,36.99", 18) == 0); /* sodium nitride, not a missing value */
    assert_null(strstr(strtok(NULL, "\n"), "  "));
}

static void writes_descriptors_and_a_record_of_how(void **state) {
    (void)state;
    char text[256], command[1200];
    test_write_file(table, "f,y\nFe2O3,1\nNi,2\n");
    program_result r = program_run("describe", table, "--descriptor", "fractions", "--out", out, "--seed", "7", NULL);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, "");
    char *made = test_read_file(out);
    assert_non_null(made);
    assert_true(strncmp(made, "f,y,canonical formula,atoms,mass (u),", 37) == 0);
    assert_contains(made, "\nFe2O3,1,Fe2O3,5,159.687,");
    assert_contains(made, ",0.6,"); /* 3 of 5 atoms are oxygen */
    free(made);
    char *json = test_read_file(record);
    assert_non_null(json);
    assert_true(json_valid(json));
    assert_string_equal(json_string(text, sizeof text, json, "schema"), "hagane.run/1");
    assert_string_equal(json_string(text, sizeof text, json, "verb"), "describe");
    assert_string_equal(json_string(text, sizeof text, json, "options.1.name"), "out");
    assert_string_equal(json_string(text, sizeof text, json, "options.1.value"), out);
    assert_close(json_number(json, "seed"), 7, 0);
    assert_true(json_number(json, "wall_s") >= 0);
    assert_true(json_number(json, "threads") >= 1);
    const struct { const char *path, *file; } hashes[] = { { "inputs.0.sha256", table }, { "outputs.0.sha256", out } };
    for (size_t i = 0; i < 2; i++) { /* an independent program agrees */
        snprintf(command, sizeof command, "sha256sum < '%s'", hashes[i].file);
        r = program_shell(command);
        r.out[64] = '\0';
        assert_string_equal(json_string(text, sizeof text, json, hashes[i].path), r.out);
    }
    free(json);
}

static void the_record_goes_where_it_is_wanted(void **state) {
    (void)state;
    test_write_file(table, "f\nFe\n");
    assert_int_equal(program_run("describe", table, "--out", out, "--record", other, "-q", NULL).code, 0);
    assert_false(test_file_exists(record));
    char *json = test_read_file(other);
    assert_true(json_valid(json));
    free(json);
    unlink(out);
    assert_int_equal(program_run("describe", table, "--record", other, "-q", NULL).code,
                     0); /* without a result file too */
    assert_int_equal(program_run("describe", table, "-q", NULL).code, 0);
    assert_false(test_file_exists(record));
}

static void a_bad_formula_has_its_place_and_leaves_everything_as_it_was(void **state) {
    (void)state;
    test_write_file(table, "y,f\n1,Fe2O3\n2,FeXx\n3,Ni\n");
    test_write_file(out, "precious\n");
    program_result r = program_run("describe", table, "--out", out, NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "formulae.csv:3: column \"f\": formula \"FeXx\", byte 3");
    assert_contains(r.err, "no element is called \"Xx\"");
    assert_contains(r.err, "hint: did you mean Xe");
    assert_string_equal(r.out, "");
    char *kept = test_read_file(out);
    assert_string_equal(kept, "precious\n");
    free(kept);
    assert_false(test_file_exists(record));
    r = program_run("describe", table, NULL); /* rows before the bad one are not printed either */
    assert_int_equal(r.code, 3);
    assert_string_equal(r.out, "");
}

static void files_that_cannot_be_read_or_written_are_failures(void **state) {
    (void)state;
    test_write_file(table, "f\nFe\n");
    program_result r = program_run("describe", "/nowhere/t.csv", NULL);
    assert_int_equal(r.code, 1);
    assert_contains(r.err, "/nowhere/t.csv");
    r = program_run("describe", table, "--out", "/nowhere/f.csv", NULL);
    assert_int_equal(r.code, 1);
    assert_contains(r.err, "/nowhere");
    r = program_run("describe", table, "--formula", "g", NULL);
    assert_int_equal(r.code, 3);
    test_write_file(table, "f,g\nFe,Ni\n");
    r = program_run("describe", table, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "has 2 text columns; which one holds the formulae?");
}

static void json_says_the_same_and_threads_change_nothing(void **state) {
    (void)state;
    char text[64];
    FILE *f = fopen(table, "w");
    assert_non_null(f);
    fputs("f\n", f);
    for (int i = 1; i <= 5000; i++) fprintf(f, "Fe%dCo%dB0.%d\n", i % 7 + 1, i % 11 + 1, i % 9 + 1);
    fclose(f);
    char *one =
        strdup(program_run("describe", table, "--json", "--threads", "1", "--descriptor", "magpie132", NULL).out);
    const program_result r =
        program_run("describe", table, "--json", "--threads", "2", "--descriptor", "magpie132", NULL);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, one);
    assert_string_equal(r.err, "");
    free(one);
    test_write_file(table, "f\nFeCo\n");
    const char *json = program_run("describe", table, "--json", "--descriptor", "fractions", NULL).out;
    assert_true(json_valid(json));
    assert_string_equal(json_string(text, sizeof text, json, "schema"), "hagane.describe/1");
    assert_string_equal(json_string(text, sizeof text, json, "compounds.0.canonical"), "FeCo");
    assert_int_equal(json_length(json, "compounds.0.x"), json_length(json, "columns"));
    assert_close(json_number(json, "compounds.0.line"), 2, 0);
    assert_close(json_number(json, "compounds.0.row"), 0, 0);
    const char *both = program_run("describe", table, "--json", "--descriptor", "fractions+magpie132", NULL).out;
    assert_string_equal(json_string(text, sizeof text, both, "descriptor"), "magpie132+fractions");
    assert_int_equal(json_length(both, "compounds.0.x"), 132 + 118);
}

static void reads_standard_input_and_writes_standard_output(void **state) {
    (void)state;
    const char *const words[] = { "describe", "-", "--out", "-", "--features-only", "-d", "fractions", "-q", NULL };
    const program_result r = program_run_words(words, "f;y\nH2O;1,5\n", NULL);
    assert_int_equal(r.code, 0);
    assert_true(strncmp(r.out, "canonical formula,atoms,mass (u),", 33) == 0);
    assert_contains(r.out, "\nH2O,3,18.01");
    const char *const both[] = { "describe", "-", "--out", "-", "--json", NULL };
    assert_int_equal(program_run_words(both, "f\nFe\n", NULL).code, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, paths, clean)

static void cells_come_out_so_that_they_read_back_the_same(void **state) {
    (void)state;
    char path[512];
    test_write_file(test_scratch(path, sizeof path, "cells.csv"), "f,note\nFe2O3,\" in, air\"\nFeO,\" kept \"\n");
    const program_result r = program_run("describe", path, "--formula", "f", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "Fe2O3,\" in, air\",");
    assert_contains(r.out, "FeO,\" kept \",");
    program_forget();
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(prints_canonical_formulae_beside_the_columns),
        CASE(writes_descriptors_and_a_record_of_how),
        CASE(the_record_goes_where_it_is_wanted),
        CASE(a_bad_formula_has_its_place_and_leaves_everything_as_it_was),
        CASE(files_that_cannot_be_read_or_written_are_failures),
        CASE(json_says_the_same_and_threads_change_nothing),
        CASE(reads_standard_input_and_writes_standard_output),
        TEST(cells_come_out_so_that_they_read_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
