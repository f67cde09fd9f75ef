/* tests/cli/test_suggest.c -- `hagane suggest` as people and programs use it, and the inputs it must refuse */
#include "json.h"
#include "program.h"
#include "test.h"
#include <unistd.h>

static char table[512], pool[512], out[512], record[600];

/* A smooth peak at x = 6: 5 measured rows, 7 candidates. */
static const char PEAK[] =
    "x,kind,Ms (T)\n0,a,0.5\n2,a,1.0\n4,b,1.6\n9,b,1.2\n12,a,0.4\n1,a,\n3,b,\n5,a,\n6,b,\n7,a,\n8,b,\n"
    "10,a,\n";

static int paths(void **state) {
    test_scratch(table, sizeof table, "table.csv");
    test_scratch(pool, sizeof pool, "pool.csv");
    test_scratch(out, sizeof out, "out.csv");
    snprintf(record, sizeof record, "%s.run.json", out);
    test_write_file(table, PEAK);
    return test_setup(state);
}

static int clean(void **state) {
    const char *const files[] = { table, pool, out, record };
    for (size_t i = 0; i < 4; i++) unlink(files[i]);
    program_forget();
    return test_teardown(state);
}

/* A model of the same peak, learned elsewhere: the tables get its column, and what it is used for is said. */
static void a_model_of_the_library_is_asked(void **state) {
    (void)state;
    char folder[512], text[4096], command[600];
    size_t at = (size_t)snprintf(text, sizeof text, "x,kind,m\n");
    for (size_t i = 0; i < 40; i++) {
        const double x = 0.3 * (double)i;
        at += (size_t)snprintf(text + at, sizeof text - at, "%g,%s,%g\n", x, i % 2 ? "a" : "b",
                               5 - 0.1 * (x - 6) * (x - 6));
    }
    test_scratch(folder, sizeof folder, "peak_model");
    test_write_file(pool, text);
    program_result r = program_run("train", pool, "--target", "m", "--learner", "gp", "--out", folder, NULL);
    assert_int_equal(r.code, 0);
    r = program_run("suggest", table, "--target", "Ms (T)", "--maximize", "--model", folder, "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_contains(r.out, "leave-one-out evidence");
    r = program_run("suggest", table, "--target", "Ms (T)", "--maximize", "--model", folder, "--model-as", "mean",
                    NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "prior mean");
    r = program_run("suggest", table, "--target", "Ms (T)", "--maximize", "--model", folder, "--model-as", "input",
                    "--out", out, NULL);
    assert_int_equal(r.code, 0);
    r = program_run("suggest", table, "--target", "Ms (T)", "--maximize", "--features", "x", "--model", folder,
                    "--model-as", "input", NULL);
    assert_int_equal(r.code, 0);
    r = program_run("replay", pool, "--target", "m", "--maximize", "--model", folder, "--runs", "3", "--budget", "5",
                    NULL);
    assert_int_equal(r.code, 0);
    r = program_run("suggest", table, "--target", "Ms (T)", "--maximize", "--model-as", "mean", NULL);
    assert_int_equal(r.code, 2);
    r = program_run("suggest", table, "--target", "Ms (T)", "--maximize", "--model", "no-such-model", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "no-such-model");
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(program_shell(command).code, 0);
}

/* ---- what it prints ---------------------------------------------------------------------------------------------------- */

static void json_has_the_keys_that_other_tools_read(void **state) {
    (void)state;
    char text[64];
    const program_result r = program_run("suggest", table, "--target", "Ms (T)", "--maximize", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.err, "");
    assert_true(json_valid(r.out));
    assert_string_equal(json_string(text, sizeof text, r.out, "schema"), "hagane.suggest/1");
    assert_string_equal(json_string(text, sizeof text, r.out, "objectives.0.unit"), "T");
    assert_int_equal(json_length(r.out, "suggestions"), 1);
    const double row = json_number(r.out, "suggestions.0.row");
    assert_true(row >= 5 && row <= 11); /* a candidate */
    assert_close(json_number(r.out, "suggestions.0.line"), row + 2, 0);
    assert_true(json_number(r.out, "suggestions.0.sd") > 0);
    assert_true(json_number(r.out, "suggestions.0.mean") > 0.3);
    const double p = json_number(r.out, "suggestions.0.p_improve");
    assert_true(p > 0 && p < 1);
    assert_true(strlen(json_string(text, sizeof text, r.out, "suggestions.0.why")) > 20);
    assert_int_equal(json_length(r.out, "suggestions.0.neighbours"), 3);
    assert_true(json_number(r.out, "suggestions.0.neighbours.0.row") <= 4); /* a measured row */
    assert_true(json_has(r.out, "suggestions.0.inputs.x"));
    assert_close(json_number(r.out, "best.value"), 1.6, 0);
    assert_close(json_number(r.out, "best.row"), 2, 0);
    assert_int_equal(json_length(r.out, "loo.points"), 5);
    assert_true(json_number(r.out, "loo.rmse") > 0);
    assert_close(json_number(r.out, "model.measured"), 5, 0);
    assert_close(json_number(r.out, "model.candidates"), 7, 0);
    assert_int_equal(json_length(r.out, "model.inputs"), 2);
    assert_true(json_has(r.out, "warnings"));
}

static void the_same_seed_gives_the_same_bytes_with_any_number_of_threads(void **state) {
    (void)state;
    const char *const more[][2] = { { "--batch=3", "--seed=5" },
                                    { "--acquisition=ts", "--seed=5" },
                                    { "--monte-carlo", "--batch=3" } };
    for (size_t i = 0; i < 3; i++) {
        char *one = strdup(program_run("suggest", table, "--target=Ms", "--maximize", "--json", more[i][0], more[i][1],
                                       "--threads=1", NULL)
                               .out);
        assert_true(json_valid(one));
        assert_string_equal(program_run("suggest", table, "--target=Ms", "--maximize", "--json", more[i][0], more[i][1],
                                        "--threads=2", NULL)
                                .out,
                            one);
        free(one);
    }
}

static void both_ways_of_naming_a_goal_mean_the_same(void **state) {
    (void)state;
    const char *const forms[][6] = {
        { "--target", "Ms (T)", "--minimize" }, { "--minimize", "Ms (T)" },   { "--minimize=Ms" },
        { "--minimize", "--target", "Ms" },     { "-t", "Ms", "--minimize" },
    };
    char *first = NULL;
    for (size_t i = 0; i < 5; i++) {
        const char *words[12] = { "suggest", table, "--json" };
        for (size_t k = 0; forms[i][k]; k++) words[3 + k] = forms[i][k];
        const program_result r = program_run_words(words, NULL, NULL);
        assert_int_equal(r.code, 0);
        if (!first) first = strdup(r.out);
        assert_string_equal(r.out, first);
    }
    assert_contains(first, "\"direction\":\"minimize\"");
    free(first);
    const program_result r = program_run("suggest", table, "--target", "Ms", NULL); /* no direction: more is better */
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "maximizing \"Ms\"; say --minimize if less is better");
}

static void several_targets_give_lists(void **state) {
    (void)state;
    test_write_file(table, "x,A,B\n0,1,5\n1,2,4\n2,3,3\n3,4,2\n4,4.5,0\n5,,\n6,,\n2.5,,\n");
    char text[64];
    program_result r = program_run("suggest", table, "--maximize", "A", "--minimize", "B", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_int_equal(json_length(r.out, "suggestions.0.mean"), 2);
    assert_int_equal(json_length(r.out, "suggestions.0.sd"), 2);
    assert_int_equal(json_length(r.out, "loo"), 2);
    assert_int_equal(json_length(r.out, "best.value"), 2);
    assert_true(json_length(r.out, "front") >= 1);
    assert_string_equal(json_string(text, sizeof text, r.out, "objectives.1.direction"), "minimize");
    char model[1000];
    assert_contains(json_string(model, sizeof model, r.out, "model.words"), ". B: Gaussian process");
    char *first = strdup(r.out);
    r = program_run("suggest", table, "--target", "A", "--maximize", "--target", "B", "--minimize", "--json", NULL);
    assert_string_equal(r.out, first);
    free(first);
    r = program_run("suggest", table, "--maximize", "A", "--minimize", "B", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "to maximize A and minimize B");
    r = program_run("suggest", table, "--maximize", "A", "--minimize", "B", NULL);
    assert_contains(r.out, "Model        A: Gaussian process");
    assert_contains(r.out, "Best so far  1 measured row is not beaten in every target: line 6.");
    assert_contains(r.out, "Check        A: Leave-one-out");
    assert_contains(r.out, "             B: Leave-one-out");
    r = program_run("suggest", table, "--target", "A", "--maximize", "--target", "B", "--json", NULL);
    assert_int_equal(r.code, 0); /* one direction holds for all */
    assert_string_equal(json_string(text, sizeof text, r.out, "objectives.1.direction"), "maximize");
}

static void words_are_a_page_to_read(void **state) {
    (void)state;
    const program_result r = program_run("suggest", table, "--target", "Ms", "--maximize", "--batch", "2", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "Measure these next to maximize Ms (T), best first:");
    assert_contains(r.out, "  #  line       Ms (T)  better");
    assert_contains(r.out, "Best so far  1.6 T in line 4, of 5 measured.");
    assert_contains(r.out, "Model        ");
    assert_contains(r.out, "Check        Leave-one-out over 5 rows");
    assert_null(strchr(r.out, '\033')); /* no colours in a file */
    for (char *line = strtok(r.out, "\n"); line; line = strtok(NULL, "\n")) assert_true(strlen(line) <= 102);
}

static void the_result_file_is_the_table_with_predictions(void **state) {
    (void)state;
    program_result r =
        program_run("suggest", table, "--target", "Ms", "--maximize", "--batch=2", "--out", out, "-q", NULL);
    assert_int_equal(r.code, 0);
    char *made = test_read_file(out);
    assert_non_null(made);
    assert_true(strncmp(made, "x,kind,Ms (T),suggestion,predicted Ms (T),sd of predicted Ms (T),", 65) == 0);
    size_t lines = 0;
    for (const char *s = made; *s; s++) lines += *s == '\n';
    assert_int_equal(lines, 3);
    free(made);
    char *json = test_read_file(record);
    assert_true(json_valid(json));
    free(json);
    /* what was written can be read again, as a table of candidates among others */
    r = program_run("suggest", table, "--candidates", out, "--target", "Ms", "--features", "x,kind", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_close(json_number(r.out, "model.candidates"), 2, 0);
    r = program_run("suggest", table, "--target", "Ms", "--out", "-", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(strncmp(r.out, "x,kind,Ms (T),suggestion,", 25) == 0);
    /* candidates without the columns to be measured get them, blank */
    test_write_file(table, "x,kind,Ms (T),Tc (K)\n0,a,1,500\n2,b,2,600\n3,b,3,650\n");
    test_write_file(pool, "kind,x\nb,6\na,11\n");
    r = program_run("suggest", table, "--candidates", pool, "--target=Ms", "--require", "Tc > 400", "--out=-", NULL);
    assert_int_equal(r.code, 0);
    assert_true(strncmp(r.out, "kind,x,Ms (T),Tc (K),suggestion,predicted Ms (T),", 49) == 0);
    assert_contains(r.out, ",,,1,");
    assert_int_equal(program_run("suggest", table, "--target", "Ms", "--out", "-", "--json", NULL).code, 2);
}

/* The result with some values filled in is the next table: no prediction becomes an input, none is there twice. */
static void a_result_that_was_filled_in_can_be_read_again(void **state) {
    (void)state;
    static const char FILLED[] =
        "x,predicted Tc,Ms (T),suggestion,predicted Ms (T),sd of predicted Ms (T),probability of improvement,probability "
        "of being allowed,why\n1,5,1.5,1,1.1,0.1,0.5,1,a\n2,4,1.7,2,1.2,0.2,0.3,1,b\n4,7,1.2,3,1.3,0.15,0.4,1,c\n"
        "3,9,,4,1.4,0.3,0.2,1,d\n";
    char text[200];
    test_write_file(table, FILLED);
    program_result r = program_run("suggest", table, "--target", "Ms", "--maximize", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_int_equal(json_length(r.out, "model.inputs"), 2); /* x, and the user's own predicted Tc */
    assert_string_equal(json_string(text, sizeof text, r.out, "model.inputs.1.column"), "predicted Tc");
    r = program_run("suggest", table, "--target", "Ms", "--out", "-", NULL);
    assert_int_equal(r.code, 0);
    assert_true(strncmp(r.out, "x,predicted Tc,Ms (T),suggestion,predicted Ms (T),sd of predicted Ms (T),probability",
                        80) == 0);
    size_t times = 0;
    for (const char *s = r.out; (s = strstr(s, "suggestion")); s++) times++;
    assert_int_equal(times, 1);
}

/* A table of measurements is worth more than any result. */
static void a_result_never_replaces_an_input(void **state) {
    (void)state;
    char other[600];
    const char *slash = strrchr(table, '/');
    assert_non_null(slash);
    snprintf(other, sizeof other, "%.*s/.%s", (int)(slash - table), table, slash); /* another name of the same file */
    const char *const names[] = { table, other };
    for (size_t i = 0; i < 2; i++) {
        const char *const options[] = { "--out", "--report", "--record" };
        for (size_t k = 0; k < 3; k++) {
            const program_result r = program_run("suggest", table, "--target=Ms", options[k], names[i], NULL);
            assert_int_equal(r.code, 2);
            assert_contains(r.err, "would be replaced, and it is an input of this run");
        }
    }
    test_write_file(pool, "kind,x\nb,6\na,11\n");
    assert_int_equal(program_run("suggest", table, "--target=Ms", "--candidates", pool, "--out", pool, NULL).code, 2);
    assert_int_equal(program_run("describe", pool, "--out", pool, NULL).code, 2);
    char *kept = test_read_file(table);
    assert_string_equal(kept, PEAK);
    free(kept);
}

static void results_with_impossible_names_are_refused_before_the_work(void **state) {
    (void)state;
    program_result r = program_run("suggest", "/nowhere/t.csv", "--target=Ms", "--out", "/nowhere/o.csv", NULL);
    assert_int_equal(r.code, 1);
    assert_contains(r.err, "there is no folder /nowhere");
    r = program_run("report", table, "--target=Ms", "--out", "page.png", NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "a page is HTML");
    r = program_run("report", table, "--target=Ms", "--figure=pool", "--out", "pool.jpg", NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "svg, pdf or png");
    r = program_run("report", table, "--target=Ms", "--figure=replay", "--out", out, NULL);
    assert_int_equal(r.code, 2); /* out.csv */
    r = program_run("report", table, "--target=Ms", "--figure=replay", "--out", "-", NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "there is data for progress, ");
}

static void a_file_that_may_not_grow_is_an_error_and_leaves_nothing(void **state) {
    (void)state;
    char command[1500];
    snprintf(command, sizeof command, "ulimit -f 1; \"$HAGANE\" report '%s' --target=Ms --out '%s'", table, out);
    const program_result r = program_shell(command);
    assert_int_equal(r.code, 1);
    assert_contains(r.err, "could not be written");
    assert_false(test_file_exists(out));
}

static void names_from_a_file_cannot_steer_the_terminal(void **state) {
    (void)state;
    test_write_file(table, "x\033[2J\xC2\x9B,y\n1,2\n2,3\n3,\n");
    const program_result r = program_run("suggest", table, "--target=z", NULL);
    assert_int_equal(r.code, 3);
    assert_null(strchr(r.err, '\033'));
    assert_contains(r.err, "x?[2J??, y");
}

static void no_row_that_meets_the_requirements_is_said(void **state) {
    (void)state;
    test_write_file(table, "x,A,B\n0,1,5\n1,2,4\n2,3,3\n6,,\n");
    program_result r = program_run("suggest", table, "--maximize=A", "--require=B > 9", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "Best so far  No measured row meets the requirements yet.");
    r = program_run("suggest", table, "--maximize=A", "--require=B > 4.5", "-q", NULL);
    assert_contains(r.out, "Best so far  1 in line 2, of 3 measured (of those that meet the requirements).");
}

/* A formula of many elements is cut, not left out: without it nobody knows what is suggested. */
static void a_long_formula_is_cut_in_the_table(void **state) {
    (void)state;
    test_write_file(table,
                    "formula,y\nFe0.620C0.000953Mn0.000521Si0.00102Cr0.000110Ni0.192Mo0.0176V0.000112Nb0.00006,1\n"
                    "Fe0.5Ni0.5,2\nFe0.1Ni0.9,3\nFe0.623C0.00854Mn0.000104Si0.000203Cr0.147Ni0.0000971Mo0.0179,\n");
    const program_result r = program_run("suggest", table, "--target=y", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "  Fe0.623C0.00854Mn0.000104Si0.000203Cr...\n");
}

static void candidates_may_be_another_table_or_a_space_or_standard_input(void **state) {
    (void)state;
    test_write_file(pool, "kind,x\nb,6\na,11\n");
    program_result r = program_run("suggest", table, "--candidates", pool, "--target", "Ms", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_close(json_number(r.out, "suggestions.0.row"), 0, 0);
    test_write_file(pool, "variables:\n  x: {min: 0, max: 12}\n  kind: {levels: [a, b]}\n");
    r = program_run("suggest", table, "--space", pool, "--target", "Ms", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_is_null(r.out, "suggestions.0.row"));
    const double x = json_number(r.out, "suggestions.0.inputs.x");
    assert_true(x >= 0 && x <= 12);
    r = program_run("suggest", table, "--space", pool, "--target", "Ms", "-q", "--out", "-", NULL);
    assert_true(strncmp(r.out, "x,kind,Ms (T),suggestion,predicted Ms (T)", 41) == 0);
    char *direct = strdup(program_run("suggest", table, "--target", "Ms", "--json", NULL).out);
    const char *const words[] = { "suggest", "-", "--target", "Ms", "--json", NULL };
    r = program_run_words(words, PEAK, NULL);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, direct);
    free(direct);
    r = program_run("suggest", table, "--space", pool, "--candidates", table, "--target", "Ms", NULL);
    assert_int_equal(r.code, 2);
    const char *const twice[] = { "suggest", "-", "--candidates", "-", "--target", "Ms", NULL };
    assert_int_equal(program_run_words(twice, PEAK, NULL).code, 2);
}

static void columns_can_be_chosen_and_may_hold_commas(void **state) {
    (void)state;
    test_write_file(table, "\"x, mm\",y,z,t\n0,1,2,1\n1,2,1,2\n2,1,5,4\n3,0,2,\n4,4,4,\n");
    program_result r =
        program_run("suggest", table, "--target=t", "--features", "x, mm", "--features", "y, z", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_int_equal(json_length(r.out, "model.inputs"), 3);
    r = program_run("suggest", table, "--target=t", "--exclude", "y,z", "--json", NULL);
    assert_int_equal(json_length(r.out, "model.inputs"), 1);
    assert_int_equal(program_run("suggest", table, "--target=t", "--features", "y,,z", NULL).code, 2);
}

/* Numbers that are names: each is a level, in the candidates too; the name may be given without its unit, or hold a comma. */
static void numbers_can_be_names(void **state) {
    (void)state;
    static const char *const WAY[] = { "furnace", "furnace,line", "line,furnace" };
    test_write_file(table, "furnace,line,y\n1,1,5\n2,1,1\n3,2,4\n1,2,6\n2,2,2\n3,1,\n");
    program_result r = program_run("suggest", table, "--target=y", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_null(strstr(r.out, "\"category\""));
    for (size_t i = 0; i < 3; i++) {
        r = program_run("suggest", table, "--target=y", "--category", WAY[i], "--json", NULL);
        if (r.code != 0) fail_msg("%s", r.err);
        const char *first = strstr(r.out, "\"category\"");
        assert_non_null(first);
        assert_true((strstr(first + 1, "\"category\"") != NULL) == (i > 0));
    }
    r = program_run("suggest", table, "--target=y", "--category", "furnance", NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "furnance");
    test_write_file(pool, "furnace,line\n2,2\n3,2\n4,1\n"); /* 4 was never measured */
    r = program_run("suggest", table, "--target=y", "--category", "furnace", "--candidates", pool, "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, "\"category\""));
    test_write_file(table, "\"a, b\",y\n1,5\n2,1\n3,4\n1,6\n2,2\n3,\n");
    r = program_run("suggest", table, "--target=y", "--category", "a, b", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, "\"category\""));
}

static void other_words_for_missing_are_the_users_choice(void **state) {
    (void)state;
    test_write_file(table, "x,y\n0,1\n1,3\n2,2\n3,-999\n4,-999\n");
    assert_int_equal(program_run("suggest", table, "--target=y", NULL).code, 3);
    const program_result r = program_run("suggest", table, "--target=y", "--missing", "-999", "--json", NULL);
    assert_int_equal(r.code, 2); /* a value that begins with a dash must be attached */
    assert_int_equal(program_run("suggest", table, "--target=y", "--missing=-999", "--json", NULL).code, 0);
}

static void a_report_is_one_page_without_a_network(void **state) {
    (void)state;
    program_result r = program_run("report", table, "--target=Ms", "--batch=2", "--out", out, "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_true(json_length(r.out, "figures") >= 3);
    char *page = test_read_file(out);
    assert_contains(page, "<svg");
    assert_contains(page, "Ms (T)"); /* the whole name, though it was given without its unit */
    assert_null(strstr(page, "<script src"));
    free(page);
    assert_true(test_file_exists(record));
    r = program_run("report", table, "--target=Ms", "--figure", "parity", "--out", "-", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "<svg");
    r = program_run("report", table, "--target=Ms", "--figure", "party", "--out", "-", NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "did you mean parity?");
    assert_int_equal(program_run("report", table, "--target=Ms", NULL).code, 2);
}

/* ---- what it refuses --------------------------------------------------------------------------------------------------- */

static void bad_input_is_refused_with_place_and_advice_and_nothing_is_written(void **state) {
    (void)state;
    const struct {
        const char *text, *message, *advice;
    } cases[] = {
        { "x,y\n1,2\n2,3\n3,4\n", "nothing left to suggest", "blank" },
        { "x,y\n1,2\n2,\n3,\n", "column \"y\" has 1 measured value, at least 2 are needed", "measure one more" },
        { "x,y\n1,\n2,\n3,\n", "\"y\"", "" },
        { "x,y\n1,soft\n2,hard\n3,\n", ":2:3: column \"y\" holds \"soft\", expected a number", "correct the cell" },
        { "x,y\n1,NaN\n2,NaN\n3,NaN\n", "at least 2 are needed", "measure" },
        { "x,y\n1,inf\n2,3\n3,4\n4,\n", "column \"y\" holds \"inf\"", "not measured" },
        { "x,y\n1,2\n2,2\n3,2\n4,\n", "all 3 measured values of \"y\" are 2", "right column?" },
        { "x,y\n1,1e300\n2,2\n3,5\n4,\n", "table.csv:2: column \"y\" holds 1e+300", "blank" },
        { "x,y\n1,-2\n2,-2\n3,\n", "all 2 measured values of \"y\" are -2", "right column?" },
        { "x,y\n1,1e-300\n2,2e-300\n3,\n", "\"y\" lie within 1e-300 of each other", "smaller unit" },
        { "x,y\n1,1000000000000001\n2,1000000000000003\n3,\n", "\"y\" differ by 2 only, of 1e+15", "subtract" },
        { "x,z\n1,1\n2,2\n3,5\n4,\n", "there is no column \"y\"", "columns are: x, z" },
        { "x,y,y\n1,1,2\n", "\"y\"", "" },
        { "x,y\n1,1\n2\n", ":3:", "" },
        { "", "", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_write_file(table, cases[i].text);
        test_write_file(out, "precious\n");
        const program_result r =
            program_run("suggest", table, "--target", "y", "--maximize", "--out", out, "--report", pool, NULL);
        if (r.code != 3) print_error("case %zu: %s\n", i, r.err);
        assert_int_equal(r.code, 3);
        assert_contains(r.err, "table.csv");
        assert_contains(r.err, cases[i].message);
        assert_contains(r.err, cases[i].advice);
        assert_string_equal(r.out, "");
        char *kept = test_read_file(out);
        assert_string_equal(kept, "precious\n");
        free(kept);
        assert_false(test_file_exists(record));
        assert_false(test_file_exists(pool));
    }
}

static void wrong_goals_are_usage_errors(void **state) {
    (void)state;
    const struct {
        const char *words[8], *message;
    } cases[] = {
        { { "--json" }, "what should become better?" },
        { { "--target=Ms", "--maximize", "--minimize" }, "does not follow a target of its own" },
        { { "--target=Ms", "--minimize=x" }, "cannot name a column when --target is given" },
        { { "--maximize=Ms", "--minimize=Ms" }, "given twice" },
        { { "--maximize=a", "--maximize=b", "--maximize=c", "--maximize=d" }, "at most three" },
        { { "--target=Ms", "--require", "x 5" }, "cannot be read" },
        { { "--target=Ms", "--require", "> 5" }, "cannot be read" },
        { { "--target=Ms", "--require", "x > five" }, "cannot be read" },
        { { "--target=Ms", "--acquisition", "eu" }, "did you mean ei?" },
        { { "--target=Ms", "--kernel", "matern53" }, "matern53" },
        { { "--target=Ms", "--kappa", "2" }, "without --acquisition ucb" },
        { { "--target=Ms", "--batch", "0" }, "out of range" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[12] = { "suggest", table };
        for (size_t k = 0; k < 8 && cases[i].words[k]; k++) words[2 + k] = cases[i].words[k];
        const program_result r = program_run_words(words, NULL, NULL);
        if (r.code != 2) print_error("case %zu: %s\n", i, r.err);
        assert_int_equal(r.code, 2);
        assert_contains(r.err, cases[i].message);
        assert_string_equal(r.out, "");
    }
}

static void an_unwritable_result_leaves_no_other_result(void **state) {
    (void)state;
    const program_result r =
        program_run("suggest", table, "--target=Ms", "--out", out, "--report", "/nowhere/r.html", NULL);
    assert_int_equal(r.code, 1);
    assert_contains(r.err, "/nowhere");
    assert_false(test_file_exists(out));
    assert_false(test_file_exists(record));
    assert_string_equal(r.out, "");
    assert_int_equal(program_run("suggest", table, "--target=Ms", "--out", out, "--report", out, NULL).code, 2);
    assert_false(test_file_exists(out));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, paths, clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_model_of_the_library_is_asked),
        CASE(json_has_the_keys_that_other_tools_read),
        CASE(the_same_seed_gives_the_same_bytes_with_any_number_of_threads),
        CASE(both_ways_of_naming_a_goal_mean_the_same),
        CASE(several_targets_give_lists),
        CASE(words_are_a_page_to_read),
        CASE(the_result_file_is_the_table_with_predictions),
        CASE(a_result_that_was_filled_in_can_be_read_again),
        CASE(a_result_never_replaces_an_input),
        CASE(results_with_impossible_names_are_refused_before_the_work),
        CASE(a_file_that_may_not_grow_is_an_error_and_leaves_nothing),
        CASE(names_from_a_file_cannot_steer_the_terminal),
        CASE(no_row_that_meets_the_requirements_is_said),
        CASE(a_long_formula_is_cut_in_the_table),
        CASE(candidates_may_be_another_table_or_a_space_or_standard_input),
        CASE(columns_can_be_chosen_and_may_hold_commas),
        CASE(numbers_can_be_names),
        CASE(other_words_for_missing_are_the_users_choice),
        CASE(a_report_is_one_page_without_a_network),
        CASE(bad_input_is_refused_with_place_and_advice_and_nothing_is_written),
        CASE(wrong_goals_are_usage_errors),
        CASE(an_unwritable_result_leaves_no_other_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
