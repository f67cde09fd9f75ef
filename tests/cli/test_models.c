/* tests/cli/test_models.c -- `hagane models`: find, show, pack, copy, check and remove models that came with the program */
#include "json.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512 };
static char shipped[PATH], room[PATH], pack[PATH], library[PATH];

static int fill(void **state) {
    char command[5 * PATH], source[PATH];
    test_source(source, sizeof source, "models");
    test_scratch(room, sizeof room, "models");
    snprintf(shipped, sizeof shipped, "%.480s/shipped", room); /* the models of molecules alone */
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s' && cp -r '%s'/qdf* '%s'", room, shipped, source,
             shipped);
    assert_int_equal(program_shell(command).code, 0);
    snprintf(pack, sizeof pack, "%.480s/all.hgpack", room);
    snprintf(library, sizeof library, "%.480s/library", room);
    return test_setup(state);
}

static int empty(void **state) {
    char command[PATH + 20];
    snprintf(command, sizeof command, "rm -rf '%s'", room);
    assert_int_equal(program_shell(command).code, 0);
    return test_teardown(state);
}

static void list_search_and_show(void **state) {
    (void)state;
    char word[200];
    program_result r = program_run("models", "list", "--library", shipped, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "model         predicts");
    assert_contains(r.out, "\nqdf-classic   energy");
    r = program_run("models", "list", "--library", shipped, "--json", NULL);
    assert_true(json_valid(r.out));
    assert_string_equal(json_string(word, sizeof word, r.out, "schema"), "hagane.models-list/1");
    assert_int_equal(json_length(r.out, "models"), 3);
    assert_string_equal(json_string(word, sizeof word, r.out, "models.1.name"), "qdf2");
    assert_string_equal(json_string(word, sizeof word, r.out, "models.1.metric"), "mae.validation");
    assert_int_equal(json_length(r.out, "trouble"), 0);
    r = program_run("models", "search", "--library", shipped, "-p", "energy", "--metric", "mae", "--json", NULL);
    assert_int_equal(json_length(r.out, "models"), 2);
    assert_string_equal(json_string(word, sizeof word, r.out, "models.0.name"), "qdf2");
    assert_true(json_number(r.out, "models.0.value") < json_number(r.out, "models.1.value"));
    r = program_run("models", "search", "-L", shipped, "-p", "energy", "--metric", "mae", "--most", "0.02", "--json",
                    NULL);
    assert_int_equal(json_length(r.out, "models"), 1);
    r = program_run("models", "search", "-L", shipped, "ramakrishnan", "dipole", "-e", "H C", NULL);
    assert_contains(r.out, "qdf2 ");
    assert_null(strstr(r.out, "qdf-classic"));
    r = program_run("models", "search", "-L", shipped, "graphene", NULL);
    assert_string_equal(r.out, "no model\n");
    r = program_run("models", "show", "qdf2", "-L", shipped, NULL);
    assert_contains(r.out, "architecture  qdf2 1");
    assert_contains(r.out, "predicts      energy, atomization energy (eV)");
    r = program_run("models", "show", "qdf2", "-L", shipped, "--json", NULL);
    assert_true(json_valid(r.out));
    assert_string_equal(json_string(word, sizeof word, r.out, "schema"), "hagane.card/1");
}

static void what_is_not_there_is_said(void **state) {
    (void)state;
    program_result r = program_run("models", "show", "qdf3", "-L", shipped, NULL);
    assert_true(r.code != 0);
    assert_contains(r.err, "there is no model \"qdf3\" in ");
    assert_contains(r.err, "did you mean \"qdf2\"?");
    r = program_run("models", "search", "-L", shipped, "-p", "enrgy", NULL);
    assert_contains(r.err, "did you mean \"energy\"?");
    r = program_run("models", "list", "-L", shipped, "--server", "host=/nowhere", NULL);
    assert_true(r.code != 0);
    assert_contains(r.err, "PostgreSQL server");
    r = program_run("models", "list", "-L", "/nowhere", NULL);
    assert_contains(r.err, "/nowhere: could not be opened");
    assert_true(r.code != 0);
    r = program_shell("HAGANE_MODELS= ; unset HAGANE_MODELS; $HAGANE models rm x");
    assert_contains(r.err, "which library?");
    char command[PATH + 100];
    snprintf(command, sizeof command,
             "unset HAGANE_MODELS; M=$($HAGANE models show zzzzzz 2>&1 | sed -n 's/.* in //p'); "
             "HAGANE_MODELS=\"$M/.\" $HAGANE models show zzzzzz");
    r = program_shell(command); /* the same folder by another name is one */
    assert_contains(r.err, "there is no model \"zzzzzz\" in ");
    assert_null(strstr(r.err, " or "));
    r = program_run("models", "pack", "all.zip", NULL);
    assert_contains(r.err, "the name of a pack ends in .hgpack");
    assert_contains(r.err, "the pack comes first");
    r = program_run("models", "pull", "qdf2", "-L", library, NULL);
    assert_contains(r.err, "there is no folder and no pack \"qdf2\" to copy from");
    r = program_run("models", "push", "qdf2", "-L", shipped, NULL);
    assert_contains(r.err, "\"qdf2\" is a model: where is it to be copied to?");
    r = program_run("models", "show", "", "-L", shipped, NULL);
    assert_contains(r.err, "NAME is empty");
    r = program_run("models", "verify", "qdf2", "", "-L", shipped, NULL);
    assert_contains(r.err, "one of NAME ... is empty");
    r = program_run("models", "show", "zzzzzz", "-L", shipped, NULL);
    assert_contains(r.err, "there are: ");
    assert_contains(r.err, "`hagane models search` finds them by words");
}

static void packed_copied_checked_and_removed(void **state) {
    (void)state;
    char word[200];
    program_result r = program_run("models", "pack", pack, "-L", shipped, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "3 models copied to ");
    r = program_run("models", "pack", pack, "-L", shipped, NULL);
    assert_contains(r.err, "is there already");
    r = program_run("models", "search", "-L", pack, "--metric", "mae", "--json", NULL);
    assert_string_equal(json_string(word, sizeof word, r.out, "models.0.path"), "all.hgpack");
    r = program_run("models", "pull", pack, "qdf-classic", "-L", library, NULL);
    assert_contains(r.out, "1 model copied to ");
    r = program_run("models", "pull", pack, "-L", library, "--json", NULL);
    assert_true(json_number(r.out, "copied") == 2);
    assert_int_equal(json_length(r.out, "models"), 3);
    r = program_run("models", "verify", "-L", library, NULL);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, "all 3 models are whole\n");
    r = program_run("models", "rm", "qdf2", "qdf-classic", "-L", pack, NULL);
    assert_contains(r.out, "2 models removed from ");
    r = program_run("models", "push", pack, "qdf2", "-L", library, NULL);
    assert_contains(r.out, "1 model copied to ");
    r = program_run("models", "verify", "-L", pack, "--json", NULL);
    assert_true(json_number(r.out, "whole") == 2 && json_number(r.out, "damaged") == 0);
}

/* By its name in a library, and by the pack; nothing that was unpacked is left. */
static void a_model_in_a_pack_is_used_as_it_is(void **state) {
    (void)state;
    char molecules[PATH], command[9 * PATH], *want;
    test_source(molecules, sizeof molecules, "data/qm9-under7/energy_test.txt.xz");
    assert_int_equal(program_run("models", "pack", pack, "qdf2", "-L", shipped, NULL).code, 0);
    want = strdup(program_run("predict", "--model", "qdf2", molecules, NULL).out);
    assert_contains(want, "C2H2");
    snprintf(command, sizeof command,
             "mkdir '%s/tmp' && export TMPDIR='%s/tmp' && $HAGANE predict --model '%s/qdf2' '%s' && ls -A \"$TMPDIR\"",
             room, room, pack, molecules);
    program_result r = program_shell(command);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, want);
    assert_int_equal(program_run("models", "pull", pack, "qdf2", "-L", library, NULL).code, 0);
    snprintf(
        command, sizeof command,
        "mv '%s/qdf2' '%s/renamed' && HAGANE_MODELS='%s' $HAGANE models pack '%s/r.hgpack' renamed && rm -r '%s/renamed' && HAGANE_MODELS='%s' $HAGANE predict --model renamed '%s'",
        library, library, library, library, library, library, molecules);
    r = program_shell(command);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, want);
    r = program_run("predict", "--model", "nowhere.hgpack/qdf2", molecules, NULL);
    assert_contains(r.err, "there is no model \"nowhere.hgpack/qdf2\"");
    snprintf(command, sizeof command, "HAGANE_MODELS='%s' $HAGANE predict --model renam '%s'", library, molecules);
    r = program_shell(command);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "renamed"); /* which stands in a pack */
    assert_contains(r.err, " more: `hagane models list`");
    free(want);
}

static void damage_is_listed_and_fails(void **state) {
    (void)state;
    assert_int_equal(program_run("models", "pack", pack, "-L", shipped, NULL).code, 0);
    struct stat st;
    assert_int_equal(stat(pack, &st), 0);
    assert_int_equal(truncate(pack, st.st_size - 200000), 0);
    program_result r = program_run("models", "verify", "-L", pack, NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.out, "cut short");
    assert_contains(r.err, "models are damaged");
    r = program_run("models", "verify", "-L", pack, "--json", NULL);
    assert_int_equal(r.code, 3);
    assert_true(json_valid(r.out));
    assert_true(json_number(r.out, "damaged") >= 1);
    r = program_run("models", "pull", pack, "qdf-classic", "-L", library, NULL); /* what is whole can be had */
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "cut short");
    assert_int_equal(truncate(pack, 100), 0);
    r = program_run("models", "list", "-L", pack, NULL);
    assert_contains(r.err, "is no pack of models");
}

#define IN_ROOM(name) cmocka_unit_test_setup_teardown(name, fill, empty)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_ROOM(list_search_and_show),
        IN_ROOM(what_is_not_there_is_said),
        IN_ROOM(packed_copied_checked_and_removed),
        IN_ROOM(a_model_in_a_pack_is_used_as_it_is),
        IN_ROOM(damage_is_listed_and_fails),
    };
    const int bad = cmocka_run_group_tests(tests, NULL, NULL);
    program_forget();
    return bad;
}
