/* tests/cli/test_predict.c -- `hagane predict`: tables, extended XYZ, streams, and input that it refuses */
#include "hagane/molecule_file.h"
#include "json.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512 };
#define EXTENDED "Properties=species:S:1:pos:R:3 "
static char molecules[PATH], out[PATH], record[PATH + 20], file[PATH];

static int paths(void **state) {
    test_source(molecules, sizeof molecules, "data/qm9-under7/energy_test.txt.xz");
    test_scratch(out, sizeof out, "predictions.csv");
    test_scratch(file, sizeof file, "molecules.xyz");
    snprintf(record, sizeof record, "%s.run.json", out);
    return test_setup(state);
}

static int clean(void **state) {
    unlink(out);
    unlink(record);
    unlink(file);
    return test_teardown(state);
}

static void a_row_for_each_molecule(void **state) {
    (void)state;
    program_result r = program_run("predict", "--model", "qdf2", molecules, NULL);
    assert_int_equal(r.code, 0);
    assert_true(strncmp(r.out, "id,formula,atoms,energy (eV),energy sd (eV),", 44) == 0);
    assert_contains(r.out, "\ndsgdb9nsd_000004,C2H2,4,-16.7");
    assert_contains(r.out, ",no\n");
    assert_contains(r.err, "1 of 5 molecules"); /* trifluoropropyne: its spread is above that of 99 in 100 */
    char *words = strdup(r.out);
    r = program_run("predict", "--model", "qdf2", "--out", out, molecules, NULL);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, "");
    char *table = test_read_file(out), *run = test_read_file(record);
    assert_string_equal(table, words);
    char path[PATH];
    assert_string_equal(json_string(path, sizeof path, run, "outputs.0.path"), out);
    assert_string_equal(json_string(path, sizeof path, run, "inputs.0.path"), molecules);
    free(table);
    free(run);
    free(words);
}

/* A model without error bars, which does not know what it does not know: blanks, no claims. */
static void what_a_model_does_not_say_is_blank(void **state) {
    (void)state;
    program_result r = program_run("predict", "--model", "qdf-classic", molecules, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "\ndsgdb9nsd_000004,C2H2,4,-16.");
    assert_contains(r.out, ",,\n");
    r = program_run("predict", "--model", "qdf-classic", molecules, "--json", NULL);
    assert_true(json_is_null(r.out, "molecules.0.outside") && json_is_null(r.out, "molecules.0.energy.sd"));
}

static void json_says_the_same(void **state) {
    (void)state;
    const program_result r = program_run("predict", "-m", "qdf2", "--json", molecules, "--threads", "2", NULL);
    char word[100];
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_string_equal(json_string(word, sizeof word, r.out, "schema"), "hagane.predict/1");
    assert_string_equal(json_string(word, sizeof word, r.out, "properties.0.name"), "atomization energy");
    assert_int_equal(json_length(r.out, "molecules"), 5);
    assert_close(json_number(r.out, "molecules.0.energy.value"), -16.72, 1e-2); /* U0 of QM9: -16.717 eV */
    assert_true(json_number(r.out, "molecules.0.energy.sd") > 0);
    assert_int_equal(json_length(r.out, "molecules.0.charges"), 4);
    assert_true(json_number(r.out, "n") == 5 && json_number(r.out, "n_failed") == 0);
}

static void threads_change_no_byte(void **state) {
    (void)state;
    char *one = strdup(program_run("predict", "-m", "qdf2", molecules, "--threads", "1", NULL).out);
    assert_string_equal(program_run("predict", "-m", "qdf2", molecules, "--threads", "2", NULL).out, one);
    free(one);
}

static void extended_xyz_holds_what_was_predicted(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const program_result r = program_run("predict", "-m", "qdf2", molecules, "--xyz", file, NULL);
    hg_molecule_file *f;
    hg_molecule *m;
    double energy, sd;
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "id,formula"); /* the table as well */
    assert_ok(hg_molecule_file_open(&f, file, NULL, NULL));
    for (size_t i = 0; i < 5; i++) {
        assert_ok(hg_molecule_file_next(&m, f, mem, NULL));
        assert_non_null(m);
        assert_true(hg_molecule_number(&energy, m, "energy") && hg_molecule_number(&sd, m, "energy_sd"));
        assert_close(energy, hg_molecule_value(m, "target")->real[0], 0.1);
        assert_non_null(hg_molecule_column(m, "charges"));
        assert_true(hg_molecule_value(m, "outside")->flag[0] == (strcmp(m->id, "dsgdb9nsd_000826") == 0));
    }
    hg_molecule_file_free(f);
    /* its own output is input again, and what it predicts replaces what was there */
    assert_int_equal(program_run("predict", "-m", "qdf2", file, "--xyz", out, NULL).code, 0);
    char *again = test_read_file(out), *first = test_read_file(file);
    assert_string_equal(again, first);
    free(again);
    free(first);
    char also[PATH + 20];
    snprintf(also, sizeof also, "%s.run.json", file);
    unlink(also);
    hg_arena_reset(mem, mark);
}

static void streams_of_any_length(void **state) {
    (void)state;
    /* 3,500 molecules: three blocks and a half */
    program_result r = program_shell(
        "for i in $(seq 3500); do printf '3\\nProperties=species:S:1:pos:R:3 id=w%d\\nO 0 0 0\\nH 0.96 0 0\\nH -0.24 "
        "0.93 0\\n' $i; done | \"$HAGANE\" predict -m qdf2 - | tail -n 1");
    assert_true(strncmp(r.out, "w3500,H2O,3,-9.", 15) == 0);
    r = program_shell("xz -dc data/nothing 2>/dev/null | \"$HAGANE\" predict -m qdf2 -");
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "standard input");
}

static program_result of_text(const char *text, const char *more) {
    test_write_file(file, text);
    return program_run("predict", "-m", "qdf2", file, "--out", out, more, NULL);
}

#define WATER "3\n" EXTENDED "id=water\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"

static void bad_molecules_are_refused_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *msg;
        int code;
    } BAD[] = {
        { WATER "2\n\nSi 0 0 0\nO 1.5 0 0\n", "molecules.xyz:6: ", 3 },
        { WATER "2\n\nXx 0 0 0\nO 1.5 0 0\n", "molecules.xyz:8:", 3 },
        { WATER "2\n\nH 0 0 0\nH 0.1 0 0\n", "molecules.xyz:9", 3 },
        { WATER "2\n\nH 0 0 0\nH nan 0 0\n", "molecules.xyz:9:", 3 },
        { WATER "2\n\nH 0 0 0\n", "molecules.xyz:", 3 },
        { "", "molecules.xyz", 3 },
        { "1000000\n\n", "molecules.xyz:1:", 4 },
        { WATER "1\n\nH 0 0 0\n", "molecules.xyz:6: ", 3 },
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        const program_result r = of_text(BAD[i].text, NULL);
        assert_int_equal(r.code, BAD[i].code);
        assert_contains(r.err, BAD[i].msg);
        assert_string_equal(r.out, "");
        assert_false(test_file_exists(out));
        assert_false(test_file_exists(record));
    }
}

static void keep_going_says_what_is_wrong(void **state) {
    (void)state;
    const program_result r = of_text(WATER "2\n" EXTENDED "id=quartz\nSi 0 0 0\nO 1.5 0 0\n" /* cannot be predicted */
                                           "2\n" EXTENDED "id=thin\nH 0 0 0\nH 0.1 0 0\n"    /* cannot be read */
                                           "2\n" EXTENDED "id=h2\nH 0 0 0\nH 0.74 0 0\n",
                                     "--keep-going");
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "2 of 4 molecules could not be predicted");
    char *table = test_read_file(out);
    assert_contains(table, ",outside,error\n");
    assert_contains(table, "\nwater,H2O,3,-");
    assert_contains(table, "\nquartz,OSi,2,,");
    assert_contains(table, "Si");
    assert_contains(table, "\n,,,,"); /* nothing is known of what was not read */
    assert_contains(table, "molecules.xyz:13");
    assert_contains(table, "\nh2,H2,2,-");
    free(table);
    /* behind a broken frame there is nothing to go on with */
    assert_int_equal(of_text(WATER "2\n\nH 0 0 0\n", "--keep-going").code, 3);
}

static void wrong_models_and_options_are_refused(void **state) {
    (void)state;
    program_result r = program_run("predict", molecules, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "--model is missing");
    r = program_run("predict", "-m", "qdf9", molecules, NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "there is no model \"qdf9\"");
    assert_contains(r.err, "qdf-classic");
    r = program_run("predict", "-m", "/tmp", molecules, NULL);
    assert_contains(r.err, "the folder /tmp has no card.json");
    r = program_run("predict", "-m", "qdf2", "/nowhere.xyz", NULL);
    assert_int_equal(r.code, 1);
    r = program_run("predict", "-m", "qdf2", molecules, "--json", "--out", out, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "--json and --out exclude each other");
    r = program_run("predict", "-m", "qdf2", molecules, "--xyz", "-", NULL);
    assert_int_equal(r.code, 2);
    r = program_run("predict", "-m", "qdf2", molecules, "--out", out, "--xyz", out, NULL);
    assert_contains(r.err, "two results cannot both be written to");
    test_write_file(file, WATER);
    r = program_run("predict", "-m", "qdf2", file, "--out", file, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "is an input of this run");
}

/* The card of one model beside the weights of the other. */
static void weights_of_another_model_are_refused(void **state) {
    (void)state;
    char folder[PATH], command[8 * PATH], from[PATH];
    test_scratch(folder, sizeof folder, "mixed");
    test_source(from, sizeof from, "models");
    snprintf(command, sizeof command,
             "rm -rf '%s' && mkdir '%s' && cp '%s/qdf2/card.json' '%s/qdf-classic/weights.safetensors' '%s' && "
             "\"$HAGANE\" predict -m '%s' '%s'",
             folder, folder, from, from, folder, folder, molecules);
    const program_result r = program_shell(command);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "weights.safetensors is not the file that its card tells of");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, paths, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_row_for_each_molecule),
        CASE(what_a_model_does_not_say_is_blank),
        CASE(json_says_the_same),
        CASE(threads_change_no_byte),
        CASE(extended_xyz_holds_what_was_predicted),
        CASE(streams_of_any_length),
        CASE(bad_molecules_are_refused_with_their_place),
        CASE(keep_going_says_what_is_wrong),
        CASE(wrong_models_and_options_are_refused),
        CASE(weights_of_another_model_are_refused),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    program_forget();
    return failed;
}
