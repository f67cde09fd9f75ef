/* tests/cli/test_evaluate.c -- `hagane evaluate`: errors by hand, by size, side by side, and as a picture */
#include "json.h"
#include "program.h"
#include "test.h"
#include <unistd.h>

enum { PATH = 512 };
#define EXTENDED "Properties=species:S:1:pos:R:3 "
static char train[PATH], test[PATH], picture[PATH], record[PATH + 20], file[PATH];

static int paths(void **state) {
    test_source(train, sizeof train, "data/qm9-under7/energy_train.txt.xz");
    test_source(test, sizeof test, "data/qm9-under7/energy_test.txt.xz");
    test_scratch(picture, sizeof picture, "size.svg");
    test_scratch(file, sizeof file, "known.xyz");
    snprintf(record, sizeof record, "%s.run.json", picture);
    return test_setup(state);
}

static int clean(void **state) {
    unlink(picture);
    unlink(record);
    unlink(file);
    return test_teardown(state);
}

static void models_side_by_side(void **state) {
    (void)state;
    const program_result r = program_run("evaluate", test, "--model", "qdf2", "--model", "qdf-classic", "--train",
                                         train, "--by", "size", "--figure", picture, "--errors-in", "kcal/mol", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "Errors of atomization energy in kcal/mol\n");
    assert_contains(r.out, "\nqdf2 ");
    assert_contains(r.out, "\nqdf-classic ");
    assert_contains(r.out, "\ncomposition ");
    assert_contains(r.out, "atoms  molecules   qdf2   qdf-classic   composition");
    assert_contains(r.out, "\n    4          1 ");
    assert_contains(r.out, "\n    7          3 ");
    char *svg = test_read_file(picture);
    assert_contains(svg, "<svg");
    free(svg);
    assert_true(test_file_exists(record));
}

/* Two molecules that a baseline was fitted to: H2 at -4 and -6 has -5, errors of -1 and 1. */
static void errors_by_hand(void **state) {
    (void)state;
    test_write_file(file, "2\n" EXTENDED "E=-4 n=1\nH 0 0 0\nH 0.7 0 0\n2\n" EXTENDED "E=-6 n=1\nH 0 0 0\nH 0.8 0 0\n");
    program_result r = program_run("evaluate", file, "--train", file, "--target", "E", "--json", "--by", "size", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_close(json_number(r.out, "models.0.mae"), 1, 1e-6);
    assert_close(json_number(r.out, "models.0.rmse"), 1, 1e-6);
    assert_close(json_number(r.out, "models.0.bias"), 0, 1e-6);
    assert_close(json_number(r.out, "models.0.largest"), 1, 1e-6);
    assert_true(json_number(r.out, "models.0.coverage90") == 1); /* sd 1: the interval reaches 1.64 */
    assert_true(json_number(r.out, "models.0.by_size.0.atoms") == 2 && json_number(r.out, "models.0.by_size.0.n") == 2);
    assert_true(json_is_null(r.out, "models.0.architecture"));
    r = program_run("evaluate", file, "--train", file, "-t", "E", "--json", "--errors-in", "kcal/mol", NULL);
    assert_close(json_number(r.out, "models.0.mae"), 23.060547, 1e-5);
    assert_int_equal(json_length(r.out, "models.0.by_size"), 0); /* not asked for */
    r = program_run("evaluate", file, "--train", file, "-t", "E", "--json", "--unit", "hartree", NULL);
    assert_close(json_number(r.out, "models.0.mae"), 27.211386, 1e-5);
    r = program_run("evaluate", file, file, file, "--train", file, "-t", "E", "--json", "--every", "4", NULL);
    assert_true(json_number(r.out, "molecules") == 2); /* of six, over three files: the first and the fifth */
    assert_close(json_number(r.out, "models.0.bias"), -1, 1e-6);
}

static void streams_and_threads(void **state) {
    (void)state;
    char command[4 * PATH];
    char *one = strdup(program_run("evaluate", test, "-m", "qdf2", "--json", "--threads", "1", NULL).out);
    assert_string_equal(program_run("evaluate", test, "-m", "qdf2", "--json", "--threads", "2", NULL).out, one);
    snprintf(command, sizeof command, "xz -dc '%s' | \"$HAGANE\" evaluate - -m qdf2 --json", test);
    assert_string_equal(program_shell(command).out, one);
    free(one);
}

static void what_cannot_be_predicted_is_counted(void **state) {
    (void)state;
    test_write_file(file, "2\n" EXTENDED "E=-4\nH 0 0 0\nH 0.7 0 0\n2\n" EXTENDED "E=-5\nSi 0 0 0\nO 1.5 0 0\n");
    program_result r = program_run("evaluate", file, "-m", "qdf2", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "qdf2: 1 of 2 molecules could not be predicted; the first: ");
    assert_contains(r.err, "Si");
    test_write_file(file, "2\n" EXTENDED "E=-5\nSi 0 0 0\nO 1.5 0 0\n"); /* nothing at all: no numbers, no crash */
    r = program_run("evaluate", file, "-m", "qdf2", "--by", "size", "--figure", picture, NULL);
    assert_int_equal(r.code, 0);
    assert_true(test_file_exists(picture));
}

static void refused(program_result r, int code, const char *msg) {
    assert_int_equal(r.code, code);
    assert_contains(r.err, msg);
    assert_string_equal(r.out, "");
    assert_false(test_file_exists(picture));
}

static void bad_input_is_refused(void **state) {
    (void)state;
    refused(program_run("evaluate", test, NULL), 2, "there is nothing to evaluate");
    refused(program_run("evaluate", test, "-m", "nothing", NULL), 3, "there is no model \"nothing\"");
    refused(program_run("evaluate", test, "-m", "qdf2", "--property", "colour", NULL), 3,
            "model \"qdf2\" has no property \"colour\"");
    refused(program_run("evaluate", test, "-m", "qdf2", "--figure", "size.gif", NULL), 3, "gif");
    refused(program_run("evaluate", test, "-m", "qdf2", "--figure", "-", NULL), 2, "--figure needs a file");
    refused(program_run("evaluate", test, "-m", "qdf2", "--by", "colour", NULL), 2, "colour");
    refused(program_run("evaluate", test, "-m", "qdf2", "--errors-in", "D", NULL), 2, "is in eV");
    refused(program_run("evaluate", test, "-m", "qdf2", "-t", "E", "--figure", picture, NULL), 3,
            "has no number \"E\"");
    test_write_file(file, "2\n\nH 0 0 0\nH 0.7 0 0\n");
    refused(program_run("evaluate", file, "-m", "qdf2", NULL), 3, "known values stand in extended XYZ");
    test_write_file(file, "");
    refused(program_run("evaluate", file, "-m", "qdf2", "--figure", picture, NULL), 3, "known.xyz");
    refused(program_run("evaluate", test, "--train", file, NULL), 3, "known.xyz");
    test_write_file(file, "2\n" EXTENDED "E=1\nH 0 0 0\nH 0.1 0 0\n");
    refused(program_run("evaluate", file, "-m", "qdf2", NULL), 3, "known.xyz:4");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, paths, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(models_side_by_side),  CASE(errors_by_hand),
        CASE(streams_and_threads),  CASE(what_cannot_be_predicted_is_counted),
        CASE(bad_input_is_refused),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    program_forget();
    return failed;
}
