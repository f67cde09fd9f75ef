/* tests/cli/test_replay.c -- `hagane replay`: its keys, its determinism, and leaving when asked to */
#include "json.h"
#include "program.h"
#include "test.h"
#include <unistd.h>

static char table[512], out[512], record[600];

static int paths(void **state) {
    test_scratch(table, sizeof table, "measured.csv");
    test_scratch(out, sizeof out, "curve.csv");
    snprintf(record, sizeof record, "%s.run.json", out);
    FILE *f = fopen(table, "w");
    if (!f) return -1;
    fputs("x,y,Hc (A/m)\n", f);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 5; k++)
            fprintf(f, "%d,%d,%d\n", i, k, 1000 - 13 * (i - 5) * (i - 5) - 29 * (k - 2) * (k - 2));
    if (fclose(f)) return -1;
    return test_setup(state);
}

static int clean(void **state) {
    unlink(table);
    unlink(out);
    unlink(record);
    program_forget();
    return test_teardown(state);
}

static void json_has_the_keys_that_other_tools_read(void **state) {
    (void)state;
    static const char *const REACH[] = {
        "to_95", "to_99", "to_top5", "random.to_95", "random.to_99", "random.to_top5"
    };
    static const char *const KEY[] = { "median", "q90", "max", "unreached" };
    char path[64];
    const program_result r =
        program_run("replay", table, "--target", "Hc (A/m)", "--features", "x,y", "--maximize", "--initial", "2",
                    "--budget", "20", "--runs", "10", "--acquisition", "ucb", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_string_equal(json_string(path, sizeof path, r.out, "schema"), "hagane.replay/1");
    assert_string_equal(json_string(path, sizeof path, r.out, "acquisition"), "ucb");
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 4; k++) {
            snprintf(path, sizeof path, "%s.%s", REACH[i], KEY[k]);
            assert_true(json_has(r.out, path));
        }
    assert_close(json_number(r.out, "rows"), 40, 0);
    assert_close(json_number(r.out, "best"), 1000, 0);
    assert_close(json_number(r.out, "random.to_95.unreached"), 0, 0); /* random order runs to the end of the pool */
    assert_true(json_number(r.out, "to_95.median") <= json_number(r.out, "random.to_99.q90"));
    assert_int_equal(json_length(r.out, "best_so_far.median"), 21);
}

static void a_quantile_that_was_never_reached_is_null(void **state) {
    (void)state;
    const program_result r = program_run("replay", table, "--target=Hc", "--maximize", "--budget=1", "--runs=20",
                                         "--acquisition=random", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_number(r.out, "to_99.unreached") > 2);
    assert_true(json_is_null(r.out, "to_99.max"));
    assert_true(json_is_null(r.out, "to_99.q90"));
}

static void threads_and_repetition_change_nothing(void **state) {
    (void)state;
    char *one = strdup(program_run("replay", table, "--target=Hc", "--maximize", "--runs=6", "--budget=8", "--json",
                                   "--threads=1", "--seed=3", NULL)
                           .out);
    assert_true(json_valid(one));
    program_result r = program_run("replay", table, "--target=Hc", "--maximize", "--runs=6", "--budget=8", "--json",
                                   "--threads=2", "--seed=3", NULL);
    assert_string_equal(r.out, one);
    r = program_run("replay", table, "--target=Hc", "--maximize", "--runs=6", "--budget=8", "--json", "--seed=4", NULL);
    assert_string_not_equal(r.out, one);
    free(one);
}

static void words_are_a_table_and_the_curve_a_file(void **state) {
    (void)state;
    const program_result r =
        program_run("replay", table, "--target=Hc", "--maximize", "--runs=5", "--budget=10", "--out", out, "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "to reach            median  9 runs in 10  slowest  never reached");
    assert_contains(r.out, "  95 % of the best");
    assert_contains(r.out, "    at random");
    const program_result down = program_run("replay", table, "--target=Hc", "--minimize", "--runs=5", "-q", NULL);
    assert_contains(down.out, "  the best, to 5 % of the range"); /* how it was counted */
    assert_null(strstr(down.out, "95 %"));
    char *made = test_read_file(out);
    assert_true(strncmp(made, "measurements,best median,", 25) == 0);
    size_t lines = 0;
    for (const char *s = made; *s; s++) lines += *s == '\n';
    assert_int_equal(lines, 12);
    free(made);
    assert_true(test_file_exists(record));
}

static void an_interrupted_run_leaves_with_130_and_writes_nothing(void **state) {
    (void)state;
    const char *const signals[] = { "INT", "TERM" };
    char command[2048];
    for (size_t i = 0; i < 2; i++) {
        snprintf(command, sizeof command,
                 "\"$HAGANE\" replay '%s' --target=Hc --maximize --runs=1000000 --out '%s' & p=$!\n"
                 /* not before it catches SIGTERM, bit 14: a loaded machine starts programs slowly */
                 "while kill -0 $p && ! grep -q '^SigCgt:.*[4-7c-f]...$' /proc/$p/status; do sleep 0.1; done\n"
                 "sleep 0.5; kill -%s $p; wait $p",
                 table, out, signals[i]);
        const program_result r = program_shell(command);
        assert_int_equal(r.code, 130);
        assert_contains(r.err, "interrupted; nothing was written");
        assert_string_equal(r.out, "");
        assert_false(test_file_exists(out));
        assert_false(test_file_exists(record));
    }
}

static void a_table_that_is_not_all_measured_is_refused(void **state) {
    (void)state;
    test_write_file(table, "x,y\n1,2\n2,\n");
    const program_result r = program_run("replay", table, "--target=y", "--maximize", NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "measured.csv");
    assert_string_equal(r.out, "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, paths, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(json_has_the_keys_that_other_tools_read),
        CASE(a_quantile_that_was_never_reached_is_null),
        CASE(threads_and_repetition_change_nothing),
        CASE(words_are_a_table_and_the_curve_a_file),
        CASE(an_interrupted_run_leaves_with_130_and_writes_nothing),
        CASE(a_table_that_is_not_all_measured_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
