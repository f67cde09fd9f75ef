/* tests/cli/test_transfer.c -- few rows with the help of a model of many: the library, words, JSON, what is refused */
#include "json.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>

enum { PATH = 512, TEXT = 1 << 14 };
static char library[PATH], many[PATH], few[PATH], knows[PATH], wanted[PATH];

/* Compounds A_x B: z grows with x, by the elements; y = 2 z. */
static int paths(void **state) {
    static char text[TEXT];
    static const char *const A[6] = { "Fe", "Co", "Ni", "Mn", "Cr", "V" };
    char command[PATH + 20];
    test_scratch(library, sizeof library, "transfer-library");
    snprintf(command, sizeof command, "rm -rf '%s'", library);
    assert_int_equal(program_shell(command).code, 0);
    assert_int_equal(mkdir(library, 0777), 0);
    snprintf(many, sizeof many, "%.400s/many.csv", library);
    snprintf(few, sizeof few, "%.400s/few.csv", library);
    snprintf(knows, sizeof knows, "%.400s/knows", library);
    snprintf(wanted, sizeof wanted, "%.400s/wanted", library);
    size_t at = (size_t)snprintf(text, sizeof text, "formula,z\n");
    for (int i = 0; i < 90; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%dO%d,%.4f\n", A[i % 6], 1 + i / 6, 1 + i % 5,
                               sin(0.4 * (i / 6)) + 0.3 * (i % 6) + 0.2 * (i % 5));
    test_write_file(many, text);
    at = (size_t)snprintf(text, sizeof text, "composition,y (K)\n"); /* another name, the same thing */
    for (int i = 1; i < 90; i += 6)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%dO%d,%.4f\n", A[i % 6], 1 + i / 6, 1 + i % 5,
                               2 * (sin(0.4 * (i / 6)) + 0.3 * (i % 6) + 0.2 * (i % 5)));
    test_write_file(few, text);
    return test_setup(state);
}

/* The same source out of a pack: the same errors, to the last digit. */
static void a_pack_is_as_good(void) {
    char command[4 * PATH];
    double mae[2];
    for (int packed = 0; packed < 2; packed++) {
        snprintf(command, sizeof command,
                 "cd '%s' && %s $HAGANE transfer few.csv --target y --learner ridge --library %s --out wanted --json",
                 library, packed ? "$HAGANE models pack all.hgpack knows --library . >/dev/null &&" : "",
                 packed ? "all.hgpack" : "knows");
        const program_result r = program_shell(command);
        if (r.code != 0) fail_msg("%s", r.err);
        mae[packed] = json_number(r.out, "tried.0.mae");
    }
    assert_true(mae[0] == mae[1]);
    snprintf(command, sizeof command, "rm '%s/all.hgpack'", library);
    assert_int_equal(program_shell(command).code, 0);
}

static void a_library_helps_with_few_rows(void **state) {
    (void)state;
    char word[100];
    program_result r = program_run("transfer", few, "--target", "y", "--library", library, "--out", wanted, NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "there is no model of tables to learn from");
    assert_contains(r.err, "hagane train TABLE");
    r = program_run("train", many, "--target", "z", "--learner", "gp", "--descriptor", "xenonpy290", "--out", knows,
                    NULL);
    if (r.code != 0) fail_msg("%s", r.err);
    r = program_run("transfer", few, "--target", "y", "--learner", "ridge", "--library", library, "--out", wanted,
                    NULL);
    if (r.code != 0) fail_msg("%s", r.err);
    assert_contains(r.out, "knows");
    assert_contains(r.out, "1.");
    assert_contains(r.out, "without sources");
    /* y follows z closely, and the source has learned from all of these compounds: nobody can say that it helps */
    assert_contains(r.err, "says nearly the values themselves");
    assert_contains(r.err, "has learned from the compositions of 15 of the 15 rows");
    assert_contains(r.out, "cannot be judged");
    assert_null(strstr(r.out, "Transfer helps"));
    a_pack_is_as_good();
    char picture[PATH + 16];
    snprintf(picture, sizeof picture, "%.500s/sources.svg", library);
    r = program_run("transfer", few, "--target", "y", "--learner", "ridge", "--from", knows, "--out", wanted,
                    "--figure", "sources.txt", NULL);
    assert_int_not_equal(r.code, 0);
    r = program_run("transfer", few, "--target", "y", "--learner", "ridge", "--from", knows, "--out", wanted,
                    "--figure", picture, NULL);
    assert_int_equal(r.code, 0);
    r = program_run("transfer", few, "--target", "y", "--learner", "ridge", "--from", knows, "--out", wanted, "--json",
                    NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_string_equal(json_string(word, sizeof word, r.out, "sources.0.name"), "knows");
    assert_close(json_number(r.out, "sources.0.order"), 1, 0);
    assert_true(json_number(r.out, "tried.0.mae") < json_number(r.out, "tried.1.mae"));
    /* the source is in the folder */
    char command[PATH + 20];
    snprintf(command, sizeof command, "rm -r '%s'", knows);
    assert_int_equal(program_shell(command).code, 0);
    r = program_run("predict", "--model", wanted, few, "--json", NULL);
    if (r.code != 0) fail_msg("%s", r.err);
    r = program_run("transfer", few, "--target", "y (K)", "--learner", "ridge", "--from", wanted, "--out", knows, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "predicts \"y (K)\", too"); /* it knows the answers */
    r = program_run("evaluate", few, "--target", "y", "--folds", "3", "--learner", "ridge", "--from", wanted, NULL);
    if (r.code != 0) fail_msg("%s", r.err);
}

/* Compounds A_x O_(1-x): `old` has every second x, `fresh` the others of two A; z is smooth, y = 2 z. */
static void write_apart(const char *old, const char *fresh) {
    static const char *const A[4] = { "Fe", "Co", "Ni", "Mn" };
    static char text[2][TEXT];
    size_t at[2] = { 0, 0 };
    at[0] += (size_t)snprintf(text[0], TEXT, "formula,z\n");
    at[1] += (size_t)snprintf(text[1], TEXT, "formula,z\n");
    for (int i = 0; i < 4; i++)
        for (int j = 1; j < 40; j++) {
            const double x = j / 40.0, z = sin(6 * x) + 0.5 * i;
            const int k = j % 2;
            if (k && (i % 2 || j % 4 == 1)) continue;
            at[k] +=
                (size_t)snprintf(text[k] + at[k], TEXT - at[k], "%s%.3fO%.3f,%.5f\n", A[i], x, 1 - x, k ? 2 * z : z);
        }
    test_write_file(old, text[0]);
    test_write_file(fresh, text[1]);
}

/* A source that says nearly the values, and is called like the target, is no suspect when it knows none of these compounds; it is when
 * it does not tell. */
static void who_knows_none_of_the_rows_may_be_judged(void **state) {
    (void)state;
    char old[PATH + 16], fresh[PATH + 16], mute[PATH + 16], word[100];
    snprintf(old, sizeof old, "%.400s/old.csv", library);
    snprintf(fresh, sizeof fresh, "%.400s/fresh.csv", library);
    snprintf(mute, sizeof mute, "%.400s/mute", library);
    write_apart(old, fresh);
    program_result r = program_run("train", old, "--target", "z", "--learner", "gp", "--out", knows, NULL);
    if (r.code != 0) fail_msg("%s", r.err);
    r = program_run("transfer", fresh, "--target", "z", "--learner", "ridge", "--from", knows, "--out", wanted, NULL);
    if (r.code != 0) fail_msg("%s", r.err);
    assert_contains(r.out, "Transfer helps");
    assert_contains(r.out, "0 rows");
    assert_null(strstr(r.err, "too small"));
    r = program_run("evaluate", fresh, "--target", "z", "--learner", "ridge", "--from", knows, "--folds", "3", NULL);
    assert_contains(r.out, "The source \"knows\" has learned from the compositions of 0 of these 20 rows");
    r = program_run("evaluate", fresh, "--target", "z", "--learner", "ridge", "--from", knows, "--folds", "3", "--json",
                    NULL);
    assert_true(json_valid(r.out));
    assert_close(json_number(r.out, "sources.0.n_learned"), 0, 0);
    r = program_run("train", old, "--target", "z", "--learner", "gp", "--unlisted", "--out", mute, NULL);
    if (r.code != 0) fail_msg("%s", r.err);
    r = program_run("transfer", fresh, "--target", "z", "--learner", "ridge", "--from", mute, "--out", wanted, NULL);
    assert_contains(r.out, "cannot be judged");
    assert_contains(r.out, "does not tell");
    assert_contains(r.err, "too small");
    assert_null(strstr(r.out, "Transfer helps"));
    r = program_run("transfer", fresh, "--target", "z", "--learner", "ridge", "--from", mute, "--out", wanted, "--json",
                    NULL);
    assert_true(json_valid(r.out) && json_is_null(r.out, "sources.0.n_learned"));
    assert_string_equal(json_string(word, sizeof word, r.out, "sources.0.name"), "mute");
    /* what a model knows is said by predict, too, of a transferred one and of one that is silent */
    r = program_run("predict", "--model", knows, old, NULL);
    assert_contains(r.err, "76 of 76 rows have compositions that the model has learned from");
    r = program_run("predict", "--model", wanted, old, "--json", NULL);
    assert_close(json_number(r.out, "n_learned"), 0, 0);
    assert_false(json_is_null(r.out, "rows.0.learned"));
    r = program_run("predict", "--model", wanted, fresh, "--json", NULL);
    assert_close(json_number(r.out, "n_learned"), 20, 0);
    r = program_run("predict", "--model", mute, old, "--json", NULL);
    assert_true(json_is_null(r.out, "n_learned"));
}

static void what_is_no_source_is_refused(void **state) {
    (void)state;
    program_result r = program_run("transfer", few, "--target", "y", "--from", "qdf2", "--out", wanted, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "qdf2 is no model of tables");
    r = program_run("transfer", few, "--target", "y", "--from", "nowhere", "--out", wanted, NULL);
    assert_int_equal(r.code, 3);
    r = program_run("transfer", few, "--from", "nowhere", "--out", wanted, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "--target");
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_library_helps_with_few_rows),
                                        TEST(who_knows_none_of_the_rows_may_be_judged),
                                        TEST(what_is_no_source_is_refused) };
    return cmocka_run_group_tests(tests, paths, test_teardown);
}
