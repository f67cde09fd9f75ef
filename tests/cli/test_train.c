/* tests/cli/test_train.c -- `hagane train`: a small model and its card, options, and what stops it */
#include "files/hash.h"
#include "json.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512 };
#define EXTENDED "Properties=species:S:1:pos:R:3 "
static char train[PATH], validation[PATH], test[PATH], folder[PATH], card[PATH + 40], weights[PATH + 40], file[PATH];

static void remove_folder(void) {
    char command[2 * PATH];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(program_shell(command).code, 0);
}

static int paths(void **state) {
    test_source(train, sizeof train, "data/qm9-under7/energy_train.txt.xz");
    test_source(validation, sizeof validation, "data/qm9-under7/energy_val.txt.xz");
    test_source(test, sizeof test, "data/qm9-under7/energy_test.txt.xz");
    test_scratch(folder, sizeof folder, "trained");
    test_scratch(file, sizeof file, "train.xyz");
    snprintf(card, sizeof card, "%s/card.json", folder);
    snprintf(weights, sizeof weights, "%s/weights.safetensors", folder);
    remove_folder();
    return test_setup(state);
}

static int clean(void **state) {
    remove_folder();
    unlink(file);
    return test_teardown(state);
}

#define QDF2 "train", "--arch", "qdf2", "--set", "rounds=0"

static void a_model_is_trained_and_used(void **state) {
    (void)state;
    program_result r = program_run(QDF2, train, "--validation", validation, "--out", folder, "--property",
                                   "atomization energy", "--licence", "CC0-1.0", "--seed", "3", NULL);
    char word[200], hash[HG_HASH_SIZE];
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "qdf2");
    assert_contains(r.out, "learned from 34 molecules");
    assert_contains(r.out, "energy: mean absolute error 0.");
    assert_contains(r.out, "on 4 molecules of validation");
    char *text = test_read_file(card);
    assert_non_null(text);
    assert_true(json_valid(text));
    assert_string_equal(json_string(word, sizeof word, text, "name"), strrchr(folder, '/') + 1);
    assert_string_equal(json_string(word, sizeof word, text, "data_licence"), "CC0-1.0");
    assert_string_equal(json_string(word, sizeof word, text, "data.0.file"), "energy_train.txt.xz");
    assert_ok(hg_hash_file(hash, weights, NULL));
    assert_string_equal(json_string(word, sizeof word, text, "weights_sha256"), hash);
    assert_true(json_number(text, "seed") == 3);
    assert_true(json_number(text, "options.0.value") == 0);
    free(text);
    r = program_run("predict", "--model", folder, test, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "\ndsgdb9nsd_000004,C2H2,4,-1");
    /* the same again, over it, with other threads: the same bytes */
    char again[HG_HASH_SIZE];
    r = program_run(QDF2, train, "--validation", validation, "--out", folder, "--seed", "3", "--threads", "2", "--json",
                    NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_true(json_number(r.out, "n_train") == 34 && json_number(r.out, "n_validation") == 4);
    assert_true(json_number(r.out, "properties.0.mae") < 0.5);
    assert_ok(hg_hash_file(again, weights, NULL));
    assert_string_equal(again, hash);
}

static void what_is_not_known_of_its_errors_is_said(void **state) {
    (void)state;
    program_result r = program_run(QDF2, train, "--name", folder, NULL); /* the folder too, without --out */
    assert_int_equal(r.code, 0);
    char word[200], *text = test_read_file(card);
    assert_non_null(text);
    assert_string_equal(json_string(word, sizeof word, text, "name"), strrchr(folder, '/') + 1);
    free(text);
    assert_contains(r.err, "no molecules of validation: nothing is known of the model's errors");
    r = program_run(QDF2, train, "--validation", train, "--out", folder, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "the molecules of validation are those that were learned from");
}

static void other_units_and_values(void **state) {
    (void)state;
    char *words = NULL;
    for (int hartree = 0; hartree < 2; hartree++) { /* water bent and stretched, with two values */
        FILE *f = fopen(file, "w");
        assert_non_null(f);
        for (int i = 0; i < 14; i++) {
            const double x = 0.9 + 0.01 * i, e = -9 + (x - 0.96) * (x - 0.96) * 20;
            fprintf(f, "3\n" EXTENDED "E=%.10f other=1\nO 0 0 0\nH %.3f 0 0\nH -0.24 0.93 0\n",
                    hartree ? e / 27.211386245988 : e, x);
        }
        fclose(f);
        const program_result r = program_run(QDF2, file, "--target", "E", "--unit", hartree ? "hartree" : "eV", "--out",
                                             folder, "--set", "draws=0", NULL);
        assert_int_equal(r.code, 0);
        const program_result p = program_run("predict", "-m", folder, file, NULL);
        assert_int_equal(p.code, 0);
        if (!hartree)
            words = strdup(strstr(p.out, "H2O,3,-"));
        else /* six digits are enough: 10 decimals stand in the file */
            assert_memory_equal(strstr(p.out, "H2O,3,-"), words, strlen("H2O,3,-8.9288"));
    }
    free(words);
}

static void refused(program_result r, int code, const char *msg, const char *hint) {
    assert_int_equal(r.code, code);
    assert_contains(r.err, msg);
    assert_contains(r.err, hint);
    assert_string_equal(r.out, "");
    assert_int_not_equal(access(folder, F_OK), 0);
}

#define WATER "3\n" EXTENDED "E=-9\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"

static void bad_lines_are_refused(void **state) {
    (void)state;
    refused(program_run("train", train, "--out", folder, NULL), 2, "--arch is missing", "qdf2");
    refused(program_run("train", "--arch", "qdf7", train, "--out", folder, NULL), 2, "qdf7", "qdf2");
    refused(program_run(QDF2, train, NULL), 2, "--name is missing", "--out puts it");
    refused(program_run(QDF2, "--out", folder, NULL), 2, "no file with molecules", "hagane help train");
    refused(program_run(QDF2, train, "--out", folder, "--set", "round=3", NULL), 2, "no option \"round\"",
            "there are: rounds, prior");
    refused(program_run(QDF2, train, "--out", folder, "--set", "prior", NULL), 2, "--set prior has no value",
            "--set prior=VALUE");
    refused(program_run(QDF2, train, "--out", folder, "--set", "prior=x", NULL), 2, "\"x\" is no number", "");
    refused(program_run(QDF2, train, "--out", folder, "--set", "draws=1.5", NULL), 2, "\"1.5\" is no whole number", "");
    refused(program_run(QDF2, train, "--out", folder, "--set", "rounds=21", NULL), 2, "21 is outside of 0 to 20", "");
    refused(program_run(QDF2, train, "--out", folder, "--unit", "D", NULL), 2, "energy is in eV", "");
    refused(program_run(QDF2, train, "--out", folder, "--checkpoint", file, NULL), 2, "is not trained step by step",
            "");
    refused(program_run(QDF2, train, "--out", folder, "--target", "U0", NULL), 3,
            "molecule \"dsgdb9nsd_000001\" has no number \"U0\"", "it has: target");
    refused(program_run(QDF2, "/nowhere.txt", "--out", folder, NULL), 1, "/nowhere.txt", "");
    refused(program_run(QDF2, "-", "--out", folder, NULL), 2, "standard input can be read only once",
            "write the molecules");
    const program_result r = program_run("train", "--arch", "qdf2", "--options", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "kcal/mol");
}

static void bad_molecules_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *msg;
        int code;
    } BAD[] = {
        { "", "train.xyz", 3 },
        { WATER, "1 molecules to learn from, at least 10", 3 },
        { WATER "2\n" EXTENDED "E=1\nH 0 0 0\nH 0.1 0 0\n", "train.xyz:9", 3 },
        { WATER "2\n" EXTENDED "E=nan\nH 0 0 0\nH 0.7 0 0\n",
          "train.xyz:6: the molecule of line 6: \"E\" is not a finite number", 3 },
        { WATER "2\n\nH 0 0 0\nH 0.7 0 0\n", "train.xyz:6: the molecule of line 6 has no known value", 3 },
        { WATER "2\n" EXTENDED "E=1\nH 0 0 0\nH 0.7 0\n", "train.xyz:9", 3 },
        { "1000000\nE=1\n", "train.xyz:1", 4 },
        { WATER WATER WATER WATER WATER WATER WATER WATER WATER WATER "2\n" EXTENDED "E=1\nSi 0 0 0\nO 1.5 0 0\n", "Si",
          3 },
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        test_write_file(file, BAD[i].text);
        refused(program_run(QDF2, file, "--out", folder, NULL), BAD[i].code, BAD[i].msg, "");
    }
}

static void a_folder_that_cannot_be_written(void **state) {
    (void)state;
    test_write_file(file, "a file");
    program_result r = program_run(QDF2, train, "--out", file, NULL);
    assert_int_equal(r.code, 1);
    assert_contains(r.err, "is no folder");
    r = program_run(QDF2, train, "--out", "/nowhere/here", NULL);
    assert_int_equal(r.code, 1);
    assert_contains(r.err, "there is no folder /nowhere");
    r = program_run(QDF2, train, "--out", "/proc/here", NULL); /* there is, but nothing can be put in it */
    assert_int_equal(r.code, 1);
    assert_contains(r.err, "/proc/here cannot be made");
}

/* Interrupted while it learns: an older model in the folder stays whole. */
static void an_interrupted_training_leaves_what_was_there(void **state) {
    (void)state;
    char command[4 * PATH], before[HG_HASH_SIZE], after[HG_HASH_SIZE];
    assert_int_equal(program_run(QDF2, train, "--out", folder, NULL).code, 0);
    assert_ok(hg_hash_file(before, weights, NULL));
    snprintf(command, sizeof command,
             "\"$HAGANE\" train --arch qdf2 '%s' --set rounds=20 --set prior=0.2 --out '%s' & p=$!\n"
             "while kill -0 $p && ! grep -q '^SigCgt:.*[4-7c-f]...$' /proc/$p/status; do sleep 0.05; done\n"
             "sleep 0.2; kill -INT $p; wait $p",
             train, folder);
    const program_result r = program_shell(command);
    assert_int_equal(r.code, 130);
    assert_contains(r.err, "interrupted; nothing was written");
    assert_string_equal(r.out, "");
    assert_ok(hg_hash_file(after, weights, NULL));
    assert_string_equal(before, after);
    snprintf(command, sizeof command, "ls -A '%s'", folder);
    assert_string_equal(program_shell(command).out, "card.json\nweights.safetensors\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, paths, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_model_is_trained_and_used),
        CASE(what_is_not_known_of_its_errors_is_said),
        CASE(other_units_and_values),
        CASE(bad_lines_are_refused),
        CASE(bad_molecules_are_refused),
        CASE(a_folder_that_cannot_be_written),
        CASE(an_interrupted_training_leaves_what_was_there),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    program_forget();
    return failed;
}
