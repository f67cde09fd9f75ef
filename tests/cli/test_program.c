/* tests/cli/test_program.c -- the program as a whole: exit codes, refusals, help, man pages, completion, JSON */
#include "files/hash.h"
#include "json.h"
#include "program.h"
#include "test.h"
#include <unistd.h>

static void usage_errors_say_what_to_do(void **state) {
    (void)state;
    const struct {
        const char *words[6], *message, *hint;
    } cases[] = {
        { { NULL }, "which verb?", "hagane help" },
        { { "descibe" }, "there is no verb \"descibe\"", "did you mean `hagane describe`?" },
        { { "zzzzzz" }, "there is no verb \"zzzzzz\"", "lists the verbs" },
        { { "--json", "doctor" }, "the verb comes first, not --json", "hagane VERB" },
        { { "describe", "t.csv", "--fromula", "x" }, "has no option --fromula", "did you mean --formula?" },
        { { "describe", "t.csv", "--desc", "x" },
          "has no option --desc",
          "did you mean --descriptor?" }, /* no short cuts */
        { { "describe", "t.csv", "-z" }, "has no option -z", "lists the options" },
        { { "describe" }, "`hagane describe` needs TABLE", "CSV file" },
        { { "describe", "a.csv", "b.csv" },
          "does not know what to do with \"b.csv\"",
          "names with spaces need quotes" },
        { { "describe", "t.csv", "--out" }, "--out needs a value: FILE.csv", "Write the table" },
        { { "describe", "t.csv", "--out", "--json" }, "--out needs a value", "--name=value" },
        { { "describe", "t.csv", "--out=" }, "--out is empty", "" },
        { { "describe", "t.csv", "--json=yes" }, "--json takes no value", "" },
        { { "describe", "t.csv", "--seed", "1.5" }, "--seed needs a whole number, not \"1.5\"", "0 to" },
        { { "describe", "t.csv", "--seed", "few" }, "--seed needs a number, not \"few\"", "" },
        { { "describe", "t.csv", "--threads", "0" }, "--threads 0 is out of range", "1 to 1024" },
        { { "describe", "t.csv", "--threads", "1025" }, "--threads 1025 is out of range", "1 to 1024" },
        { { "describe", "t.csv", "--threads", "-1" }, "--threads -1 is out of range", "1 to 1024" },
        { { "describe", "t.csv", "--out", "a", "--out=b" }, "--out is given twice: \"a\" and \"b\"", "" },
        { { "describe", "t.csv", "--descriptor", "magpie" },
          "--descriptor cannot be \"magpie\"",
          "did you mean magpie132?" },
        { { "describe", "t.csv", "--descriptor", "fractions+magpie" },
          "--descriptor cannot be \"magpie\"",
          "did you mean magpie132?" },
        { { "describe", "t.csv", "--descriptor", "fractions+" }, "--descriptor cannot be \"\"", "" },
        { { "help", "dctor" }, "there is no verb \"dctor\"", "did you mean `hagane doctor`?" },
        { { "help", "doctor", "nurse" }, "\"nurse\" is too much", "`hagane help doctor`" },
        { { "party" }, "`hagane party` does nothing alone", "`hagane help party` lists its parts" },
        { { "party", "sevre" }, "`hagane party` has no part \"sevre\"", "did you mean `hagane party serve`?" },
        { { "party", "zzzzzzzz" }, "`hagane party` has no part \"zzzzzzzz\"", "`hagane help party` lists them" },
        { { "party", "serve", "x", "--nwe" }, "`hagane party serve` has no option --nwe", "did you mean --new?" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const program_result r = program_run_words(cases[i].words, NULL, NULL);
        assert_contains(r.err, cases[i].message);
        assert_contains(r.err, cases[i].hint);
        assert_int_equal(r.code, 2);
        assert_string_equal(r.out, ""); /* words go to standard error */
        assert_true(strncmp(r.err, "hagane: ", 8) == 0);
    }
    program_forget();
}

static void options_stand_anywhere_and_letters_together(void **state) {
    (void)state;
    char path[512];
    test_write_file(test_scratch(path, sizeof path, "-f.csv"), "f\nFe2O3\n");
    const char *const orders[][8] = {
        { "describe", path, "--formula", "f", "--quiet" },
        { "describe", "--formula=f", "-q", path },
        { "describe", "-qv", "--formula", "f", "--", path },
        { "describe", "--quiet", "--quiet", path },
    };
    for (size_t i = 0; i < 4; i++) {
        const program_result r = program_run_words(orders[i], NULL, NULL);
        assert_int_equal(r.code, 0);
        assert_string_equal(r.err, "");
        assert_string_equal(r.out, "f,canonical formula,atoms,mass (u)\nFe2O3,Fe2O3,5,159.687\n");
    }
    program_forget();
    unlink(path);
}

/* Words of a text that is split at line ends; the text is cut in place. */
static size_t lines_of(char **line, size_t most, char *text) {
    size_t n = 0;
    for (char *s = strtok(text, "\n"); s && n < most; s = strtok(NULL, "\n")) line[n++] = s;
    return n;
}

static size_t verbs(char **verb, size_t most, char **text) {
    *text = program_run("help", "--list", NULL).out;
    *text = strdup(*text);
    return lines_of(verb, most, *text);
}

static void help_fits_80_columns_and_names_every_option(void **state) {
    (void)state;
    char *verb[32], *list, *line[512], option[80], path[80];
    const size_t n = verbs(verb, 32, &list);
    assert_true(n >= 5);
    for (size_t i = 0; i <= n; i++) {
        const program_result r = i == n ? program_run("help", NULL) : program_run("help", verb[i], NULL);
        assert_int_equal(r.code, 0);
        char *help = strdup(r.out), *copy = strdup(r.out);
        const size_t lines = lines_of(line, 512, help);
        for (size_t k = 0; k < lines; k++) {
            if (strlen(line[k]) > 80) print_error("hagane help %s: %s\n", i == n ? "" : verb[i], line[k]);
            assert_true(strlen(line[k]) <= 80);
            assert_int_not_equal(line[k][strlen(line[k]) - 1], ' ');
        }
        if (i < n) {
            assert_string_equal(program_run(verb[i], "--help", NULL).out, copy); /* the same by both ways */
            const char *json = program_run("help", verb[i], "--json", NULL).out;
            const size_t options = json_length(json, "verbs.0.options");
            assert_true(options >= 4 && options < 100);
            for (size_t k = 0; k < options; k++) {
                snprintf(path, sizeof path, "verbs.0.options.%zu.name", k);
                char name[64];
                snprintf(option, sizeof option, "--%s", json_string(name, sizeof name, json, path));
                assert_contains(copy, option);
            }
        }
        free(help);
        free(copy);
    }
    free(list);
    program_forget();
}

static void help_is_given_whatever_else_is_wrong(void **state) {
    (void)state;
    program_result r = program_run("describe", "--nonsense", "--help", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "Usage: hagane describe TABLE");
    assert_int_equal(program_run("--help", NULL).code, 0);
    r = program_run("--version", NULL);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, "hagane " HG_VERSION "\n");
    program_forget();
}

/* `hagane party serve`, `hagane party-serve`: one verb; the family lists its parts. */
static void verbs_of_two_words_are_verbs(void **state) {
    (void)state;
    char *both = strdup(program_run("help", "party", "serve", NULL).out);
    assert_contains(both, "Usage: hagane party serve FOLDER [options]");
    assert_string_equal(program_run("help", "party-serve", NULL).out, both);
    assert_string_equal(program_run("party", "serve", "--help", NULL).out, both);
    assert_string_equal(program_run("party-serve", "-h", NULL).out, both);
    free(both);
    program_result r = program_run("party", "--help", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "\n  party serve ");
    assert_contains(r.out, "\n  party audit ");
    r = program_run("help", "party", "serve", "--json", NULL);
    char name[32];
    assert_string_equal(json_string(name, sizeof name, r.out, "verbs.0.name"), "party serve");
    assert_null(strstr(program_run("help", NULL).out, "party serve")); /* the first page stays short */
    program_forget();
}

static void parts_of_a_family_are_completed(void **state) {
    (void)state;
    program_result r = program_run("__complete", "--", "party", "s", NULL);
    assert_contains(r.out, "serve\t");
    assert_contains(r.out, "share\t");
    assert_contains(r.out, "status\t");
    assert_null(strstr(r.out, "audit"));
    r = program_run("__complete", "--", "party", "serve", "--key", NULL);
    assert_contains(r.out, "--key-file\t");
    r = program_run("__complete", "--", "par", NULL);
    assert_contains(r.out, "party\t");
    assert_null(strstr(r.out, "party "));
    program_forget();
}

static void exit_codes_are_documented_as_they_are(void **state) {
    (void)state;
    const char *json = program_run("help", "--json", NULL).out;
    const int codes[] = { 0, 1, 2, 3, 4, 5, 130 };
    char path[64];
    assert_int_equal(json_length(json, "exit_codes"), 7);
    for (size_t i = 0; i < 7; i++) {
        snprintf(path, sizeof path, "exit_codes.%zu.code", i);
        assert_close(json_number(json, path), codes[i], 0);
    }
    program_forget();
}

static void every_small_verb_prints_one_valid_object(void **state) {
    (void)state;
    const struct {
        const char *words[4], *schema;
    } cases[] = {
        { { "version", "--json" }, "hagane.version/1" },
        { { "doctor", "--json" }, "hagane.doctor/1" },
        { { "help", "--json" }, "hagane.help/1" },
        { { "completion", "zsh", "--json" }, "hagane.completion/1" },
    };
    char schema[64], version[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const program_result r = program_run_words(cases[i].words, NULL, NULL);
        assert_int_equal(r.code, 0);
        assert_true(json_valid(r.out));
        assert_string_equal(json_string(schema, sizeof schema, r.out, "schema"), cases[i].schema);
        assert_string_equal(json_string(version, sizeof version, r.out, "version"), HG_VERSION);
        assert_int_equal(r.out[strlen(r.out) - 1], '\n');
        assert_string_equal(r.err, "");
    }
    program_forget();
}

static void the_json_reader_of_these_tests_is_strict(void **state) {
    (void)state;
    const char *const bad[] = { "",     "{",        "{\"a\":1,}", "[1 2]",   "{\"a\":1,\"a\":2}",
                                "nan",  "01",       "[1.]",       "\"\\x\"", "{a:1}",
                                "[1]]", "\"a\nb\"", "+1",         "[,1]",    "{\"a\"1}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(json_valid(bad[i]));
    const char *good = " {\"a\" : [1, -2.5e-3, {\"b\": null}], \"c\\n\": \"x\\u00e9\", \"d\": {}, \"e\": []} ";
    assert_true(json_valid(good));
    assert_close(json_number(good, "a.1"), -2.5e-3, 0);
    assert_true(json_is_null(good, "a.2.b"));
    assert_false(json_has(good, "a.3"));
    assert_int_equal(json_length(good, "a"), 3);
    assert_int_equal(json_length(good, ""), 4);
    assert_int_equal(json_length(good, "e"), 0);
}

static void doctor_finds_the_arithmetic_right(void **state) {
    (void)state;
    const program_result r = program_run("doctor", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "OpenBLAS");
    assert_contains(r.out, "instruction_sets");
    assert_contains(r.out, "OpenSSL 3");
    assert_contains(r.out, "sodium");
    assert_contains(r.out, "sqlite");
    assert_null(strstr(r.out, "WRONG"));
    program_forget();
}

static void standard_output_that_fails_is_an_error_and_a_reader_that_leaves_is_not(void **state) {
    (void)state;
    if (test_file_exists("/dev/full")) {
        const program_result r = program_shell("exec \"$HAGANE\" help > /dev/full");
        assert_int_equal(r.code, 1);
        assert_contains(r.err, "standard output cannot be written");
    }
    const program_result r = program_shell("{ sleep 0.1; \"$HAGANE\" help describe; echo $? >&2; } | true");
    assert_string_equal(r.err, "0\n"); /* no message, no signal */
    program_forget();
}

static bool have(const char *tool) {
    char command[64];
    snprintf(command, sizeof command, "command -v %s >/dev/null || exit 1", tool);
    return program_shell(command).code == 0;
}

static void man_pages_are_what_scdoc_takes(void **state) {
    (void)state;
    if (!have("scdoc")) skip();
    const program_result r =
        program_shell("set -e; for v in '' $(\"$HAGANE\" help --list); do \"$HAGANE\" help --man $v | scdoc; done");
    assert_string_equal(r.err, "");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, ".TH \"hagane\" \"1\"");
    assert_contains(r.out, ".TH \"hagane-describe\" \"1\"");
    assert_contains(r.out, "EXIT STATUS");
    program_forget();
}

/* Asks the real completion function of a real bash. */
static void bash_completes_verbs_options_values_files_and_columns(void **state) {
    (void)state;
    if (!have("bash")) skip();
    char folder[512], command[4096];
    test_scratch(folder, sizeof folder, "complete");
    snprintf(command, sizeof command,
             "rm -rf '%s'; mkdir '%s'; cd '%s'; printf 'Ms (T),x:1,f\\n1,2,Fe\\n' > pool.csv; mkdir bin\n"
             "ln -s \"$HAGANE\" bin/hagane; PATH=$PWD/bin:$PATH; export PATH\n"
             "hagane completion bash > c.sh; bash -n c.sh || exit 9\n"
             "exec bash -c '. ./c.sh; try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _hagane; "
             "printf \"[%%s]\" \"${COMPREPLY[@]}\"; echo; }\n"
             "try hagane desc; try hagane describe po; try hagane describe pool.csv --feat; "
             "try hagane describe pool.csv --descriptor mag; try hagane describe pool.csv --descriptor = mag; "
             "try hagane describe pool.csv --formula M; try hagane describe pool.csv --formula \"\\\"M\"; "
             "try hagane describe pool.csv --formula x : ; try hagane completion f; try hagane nothing x'",
             folder, folder, folder);
    const program_result r = program_shell(command);
    assert_string_equal(r.err, "");
    assert_string_equal(r.out,
                        "[describe]\n[pool.csv]\n[--features-only]\n[magpie132]\n[magpie132]\n[Ms (T)]\n[Ms (T)]\n"
                        "[1]\n[fish]\n[]\n");
    assert_int_equal(r.code, 0);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    program_shell(command);
    program_forget();
}

static void the_other_shells_can_read_their_scripts(void **state) {
    (void)state;
    const char *const shells[] = { "zsh", "fish" };
    char command[256];
    for (size_t i = 0; i < 2; i++) {
        if (!have(shells[i])) continue;
        snprintf(command, sizeof command,
                 "\"$HAGANE\" completion %s > \"$TMPDIR/c.$$\" || exit; %s -n \"$TMPDIR/c.$$\"", shells[i], shells[i]);
        setenv("TMPDIR", "/tmp", 0);
        const program_result r = program_shell(command);
        assert_string_equal(r.err, "");
        assert_int_equal(r.code, 0);
    }
    program_forget();
}

/* ---- inputs and results ---------------------------------------------------------------------------------------- */

static void results_take_their_names_together_or_not_at_all(void **state) {
    (void)state;
    char table[512], out[512];
    test_write_file(test_scratch(table, sizeof table, "together.csv"), "f\nFe2O3\n");
    test_scratch(out, sizeof out, "together-out.csv");
    const program_result r = program_run("describe", table, "--out", out, "--record", "/dev/full", NULL);
    assert_int_equal(r.code, 1);
    assert_contains(r.err, "/dev/full: could not be written");
    assert_false(test_file_exists(out));
    program_forget();
    unlink(table);
}

static void no_result_replaces_an_input(void **state) {
    (void)state;
    char table[512], link[512];
    test_write_file(test_scratch(table, sizeof table, "months.csv"), "f\nFe2O3\n");
    test_scratch(link, sizeof link, "months-link.csv");
    assert_int_equal(symlink(table, link), 0);
    const char *const names[] = { table, link };
    for (size_t i = 0; i < 2; i++) {
        const program_result r = program_run("describe", table, "--out", names[i], NULL);
        assert_int_equal(r.code, 2);
        assert_contains(r.err, "is an input of this run");
        assert_contains(r.err, "another name");
        char *text = test_read_file(table);
        assert_string_equal(text, "f\nFe2O3\n");
        free(text);
    }
    program_forget();
    unlink(link);
    unlink(table);
}

static void a_pipe_is_read_once_and_its_hash_is_that_of_what_was_read(void **state) {
    (void)state;
    char table[512], fifo[512], record[512], command[4096], hex[HG_HASH_SIZE];
    test_write_file(test_scratch(table, sizeof table, "piped.csv"), "f\nFe2O3\n");
    test_scratch(fifo, sizeof fifo, "piped.fifo");
    test_scratch(record, sizeof record, "piped.json");
    snprintf(command, sizeof command,
             "mkfifo '%s' && { cat '%s' >'%s' & timeout 10 \"$HAGANE\" describe '%s' --record '%s'; }", fifo, table,
             fifo, fifo, record);
    const program_result r = program_shell(command);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "Fe2O3,Fe2O3,5,159.687");
    char *text = test_read_file(record);
    assert_non_null(text);
    assert_ok(hg_hash_file(hex, table, NULL));
    assert_contains(text, hex);
    free(text);
    program_forget();
    unlink(fifo);
    unlink(table);
    unlink(record);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_json_reader_of_these_tests_is_strict),
        TEST(usage_errors_say_what_to_do),
        TEST(options_stand_anywhere_and_letters_together),
        TEST(help_fits_80_columns_and_names_every_option),
        TEST(help_is_given_whatever_else_is_wrong),
        TEST(exit_codes_are_documented_as_they_are),
        TEST(verbs_of_two_words_are_verbs),
        TEST(parts_of_a_family_are_completed),
        TEST(every_small_verb_prints_one_valid_object),
        TEST(doctor_finds_the_arithmetic_right),
        TEST(standard_output_that_fails_is_an_error_and_a_reader_that_leaves_is_not),
        TEST(results_take_their_names_together_or_not_at_all),
        TEST(no_result_replaces_an_input),
        TEST(a_pipe_is_read_once_and_its_hash_is_that_of_what_was_read),
        TEST(man_pages_are_what_scdoc_takes),
        TEST(bash_completes_verbs_options_values_files_and_columns),
        TEST(the_other_shells_can_read_their_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
