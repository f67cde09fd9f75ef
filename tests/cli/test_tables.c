/* tests/cli/test_tables.c -- train, predict and evaluate on tables: a small one, and Matbench's steels */
#include "json.h"
#include "program.h"
#include "test.h"
#include <unistd.h>

enum { PATH = 512, TEXT = 1 << 14 };
static char table[PATH], fresh[PATH], folder[PATH], out[PATH];

static int paths(void **state) {
    static char text[TEXT];
    static const char *const FORMULA[5] = { "Fe2O3", "NiO", "CoFe", "Al2O3", "TiC" };
    size_t at = (size_t)snprintf(text, sizeof text, "formula,x,y (MPa),good,fold\n");
    for (size_t i = 0; i < 60; i++) {
        const double x = (double)((i * 7) % 60) / 10;
        at += (size_t)snprintf(text + at, sizeof text - at, "%s,%.1f,%.2f,%d,%zu\n", FORMULA[i % 5], x,
                               3 * x + (double)(i % 5), x > 3, (i / 5) % 3);
    }
    test_scratch(table, sizeof table, "rows.csv");
    test_scratch(fresh, sizeof fresh, "new.csv");
    test_scratch(folder, sizeof folder, "rows_model");
    test_scratch(out, sizeof out, "predicted.csv");
    test_write_file(table, text);
    test_write_file(fresh, "x,formula\n2,NiO\n3,TiC\n1,HfO2\n");
    return test_setup(state);
}

static int clean(void **state) {
    char command[4 * PATH + 40];
    snprintf(command, sizeof command, "rm -rf '%s' '%s' '%s' '%s'*", folder, table, fresh, out);
    assert_int_equal(program_shell(command).code, 0);
    return test_teardown(state);
}

#define RIDGE "--learner", "ridge"

/* By the recipe the same bits come out; from another table they do not, and it is said. */
static void a_model_is_trained_again(void **state) {
    (void)state;
    char again[PATH + 10];
    snprintf(again, sizeof again, "%s-again", folder);
    program_result r = program_run("train", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--parts", "4",
                                   "--seed", "7", "--out", folder, NULL);
    assert_int_equal(r.code, 0);
    r = program_run("train", table, "--again", folder, "--out", again, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "bit for bit");
    r = program_run("train", table, "--again", folder, "--out", again, "--seed", "8", NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "the model's recipe says it");
    r = program_run("train", table, "--again", "qdf2", "--out", again, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "no model of tables");
    char other[PATH], text[TEXT];
    test_scratch(other, sizeof other, "other.csv");
    size_t at = (size_t)snprintf(text, sizeof text, "formula,x,y (MPa)\n");
    for (size_t i = 0; i < 12; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "Fe%zuO,%zu,%zu\n", i + 1, i, (i * i) % 7);
    test_write_file(other, text);
    r = program_run("train", other, "--again", folder, "--out", again, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "is not the table");
    assert_contains(r.out, "differ");
}

/* Numbers that are names: 2 does not lie between 1 and 3, and 4 is none of them. The model knows which columns these are. */
static void numbers_can_be_names(void **state) {
    (void)state;
    static const double OF[3] = { 5, -7, 6 };
    char text[TEXT], again[PATH + 10], first[200], second[200];
    size_t at = (size_t)snprintf(text, sizeof text, "furnace,x,y,fold\n");
    for (size_t i = 0; i < 45; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%zu,%zu,%.2f,%zu\n", i % 3 + 1, i * 7 % 45,
                               OF[i % 3] + 0.01 * (double)(i * 7 % 45), i / 3 % 3);
    test_write_file(table, text);
    test_write_file(fresh, "x,furnace\n20,1\n20,2\n20,3\n");
    program_result r = program_run("evaluate", table, "--target", "y", "--folds", "fold", RIDGE, "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_number(r.out, "mae") > 3); /* a straight line through 5, -7, 6 */
    r = program_run("evaluate", table, "--target", "y", "--folds", "fold", RIDGE, "--category", "furnace", "--json",
                    NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_number(r.out, "mae") < 0.1);
    r = program_run("train", table, "--target", "y", "--exclude", "fold", "--category", "furnace", RIDGE, "--out",
                    folder, NULL);
    assert_int_equal(r.code, 0);
    r = program_run("predict", "--model", folder, fresh, "--json", NULL);
    assert_int_equal(r.code, 0);
    snprintf(first, sizeof first, "%.2f %.2f", json_number(r.out, "rows.0.value"), json_number(r.out, "rows.1.value"));
    snprintf(second, sizeof second, "%.2f %.2f", 5.2, -6.8);
    assert_string_equal(first, second);
    snprintf(again, sizeof again, "%s-again", folder);
    r = program_run("train", table, "--again", folder, "--out", again, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "bit for bit");
    test_write_file(fresh, "x,furnace\n20,4\n");
    r = program_run("predict", "--model", folder, fresh, NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "\"4\" is nothing that the model has learned from");
    r = program_run("train", table, "--target", "y", "--category", "furnance", "--out", folder, NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "furnance");
}

static void a_table_is_learned_and_predicted(void **state) {
    (void)state;
    program_result r = program_run("train", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--out", folder,
                                   "--licence", "CC0-1.0", NULL);
    char word[200], path[PATH + 40];
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "learned from 60 rows");
    assert_contains(r.out, "ridge");
    assert_contains(r.out, "mean absolute error");
    snprintf(path, sizeof path, "%s/card.json", folder);
    char *text = test_read_file(path);
    assert_non_null(text);
    assert_string_equal(json_string(word, sizeof word, text, "architecture"), "table 1");
    assert_contains(json_string(word, sizeof word, text, "method"),
                    "ridge"); /* or a blend of it with and without sets */
    assert_string_equal(json_string(word, sizeof word, text, "properties.0.symbol"), "y");
    assert_string_equal(json_string(word, sizeof word, text, "properties.0.unit"), "MPa");
    assert_contains(json_string(word, sizeof word, text, "data.0.file"), "rows.csv");
    free(text);
    snprintf(path, sizeof path, "%s/recipe.json", folder);
    text = test_read_file(path);
    assert_true(text && json_valid(text));
    assert_string_equal(json_string(word, sizeof word, text, "schema"), "hagane.recipe/1");
    free(text);

    r = program_run("predict", "--model", folder, fresh, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "x,formula,y (MPa),y low 90 % (MPa),y high 90 % (MPa),outside\n2,NiO,");
    assert_contains(r.out, ",element Hf\n");
    assert_contains(r.err, "1 of 3 rows are unlike");
    r = program_run("predict", "--model", folder, fresh, "--out", out, NULL);
    assert_int_equal(r.code, 0);
    assert_true(test_file_exists(out));
    r = program_run("predict", "--model", folder, fresh, "--json", "--level", "50", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_true(fabs(json_number(r.out, "rows.0.value") - 7) < 1);
    assert_true(json_number(r.out, "rows.0.high") > json_number(r.out, "rows.0.low"));
    assert_true(json_number(r.out, "n_outside") == 1);
}

static void folds_are_evaluated(void **state) {
    (void)state;
    program_result r =
        program_run("evaluate", table, "--target", "y", "--exclude", "good", RIDGE, "--folds", "fold", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    const double mae = json_number(r.out, "mae");
    assert_true(mae < 1);
    assert_close(mae,
                 (json_number(r.out, "folds.0") + json_number(r.out, "folds.1") + json_number(r.out, "folds.2")) / 3,
                 1e-12);
    assert_true(json_number(r.out, "repeated_compositions") == 5);
    assert_contains(r.err, "stand in several folds");
    r = program_run("evaluate", table, "--target", "good", "--exclude", "y", RIDGE, "--folds", "fold", "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_number(r.out, "auc") > 0.9);
    assert_true(json_number(r.out, "classes") == 2);
    r = program_run("evaluate", table, "--target", "y", "--exclude", "good", RIDGE, "--folds", "4", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "mean");
}

/* How far predictions can be trusted: said by evaluate, kept by train, said again by predict of rows that are outside. */
static void far_predictions_are_judged(void **state) {
    (void)state;
    char picture[PATH + 8];
    snprintf(picture, sizeof picture, "%s.svg", out);
    program_result r = program_run("evaluate", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--extrapolate",
                                   "--figure", picture, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "the highest fifth");
    assert_contains(r.out, "Rows that a prediction calls outside");
    assert_int_equal(access(picture, R_OK), 0);
    r = program_run("evaluate", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--extrapolate", "--json",
                    NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_true(json_number(r.out, "tests.0.all.times") == 1 && json_number(r.out, "tests.1.all.n") == 60);
    const double times = json_number(r.out, "outside.times");
    r = program_run("train", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--extrapolate", "--out", folder,
                    NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "The highest fifth of the values");
    r = program_run("predict", "--model", folder, fresh, "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_close(json_number(r.out, "outside_times"), times, 1e-9);
    assert_contains(r.err, "times the usual ones");
    r = program_run("evaluate", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--curve", picture, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "the error is");
    r = program_run("evaluate", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--curve", picture, "--json",
                    NULL);
    assert_true(json_valid(r.out) && json_number(r.out, "points.0.n_train") >= 10);
    r = program_run("evaluate", table, "--target", "y", "--folds", "fold", "--extrapolate", NULL);
    assert_int_equal(r.code, 2);
    r = program_run("evaluate", table, "--target", "y", "--exclude", "good", RIDGE, "--folds", "fold", "--figure",
                    picture, NULL);
    assert_int_equal(r.code, 0);
    r = program_run("evaluate", table, "--target", "good", "--exclude", "y", RIDGE, "--folds", "fold", "--figure",
                    picture, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "classes");
}

static void mistakes_are_told(void **state) {
    (void)state;
    program_result r = program_run("train", table, "--out", folder, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "--target COL");
    r = program_run("train", table, "--target", "y", NULL);
    assert_contains(r.err, "--name is missing");
    r = program_run("train", NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "hagane train TABLE.csv --target COL --name NAME");
    r = program_run("evaluate", table, "--target", "y", NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "--folds 5");
    r = program_run("predict", "--model", table, table, NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "is a file, no model");
    r = program_run("train", table, "--target", "y", "--alarms", "100", "--name", folder, NULL);
    assert_contains(r.err, "0 to 99\n");
    r = program_run("evaluate", table, "--target", "y", "--folds", "flod", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "flod");
    r = program_run("train", table, "--target", "y", "--target", "x", "--out", folder, NULL);
    assert_contains(r.err, "one target");
    r = program_run("train", table, "--target", "y", RIDGE, "--learner-options", "penalty=-3", "--out", folder, NULL);
    assert_contains(r.err, "outside of");
    r = program_run("train", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--out", folder, NULL);
    assert_int_equal(r.code, 0);
    r = program_run("evaluate", table, "--model", folder, NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "is a model of tables");
    r = program_run("models", "show", folder, "--library", "/tmp/../tmp", NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "it is a folder of its own: --library");
    test_write_file(fresh, "x,formula\n2,NiO\n3,Qq2\n");
    r = program_run("predict", "--model", folder, fresh, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "Qq");
    r = program_run("predict", "--model", folder, fresh, "--keep-going", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "3,Qq2,,,,,");
    r = program_run("predict", "--model", folder, fresh, "--xyz", "x.xyz", NULL);
    assert_contains(r.err, "--xyz is for molecules");
}

/* The same bytes for any number of threads. */
static void threads_do_not_matter(void **state) {
    (void)state;
    static const char *const WORDS[] = { "1", "3" };
    char *weights[2];
    char path[PATH + 40];
    snprintf(path, sizeof path, "%s/weights.safetensors", folder);
    for (int k = 0; k < 2; k++) {
        const program_result r = program_run("train", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--out",
                                             folder, "--threads", WORDS[k], NULL);
        assert_int_equal(r.code, 0);
        const program_result h = program_run("predict", "--model", folder, fresh, "--threads", WORDS[k], NULL);
        weights[k] = strdup(h.out);
    }
    assert_string_equal(weights[0], weights[1]);
    free(weights[0]);
    free(weights[1]);
}

/* The first part is of 10,000 rows, which decide the kinds of columns; then come parts of 1,024. */
enum { LONG = 12950, PIECE = 4000, BAD = 1850 /* each such row cannot be read */, WIDE = 1 << 19 };

/* Rows begin .. end - 1, no two alike, with cells that need quotes and a target that is known already. */
static void write_long(const char *path, size_t begin, size_t end) {
    static const char *const FORMULA[] = { "NiO", "Fe2O3", "HfO2", "TiC" };
    static char text[WIDE];
    size_t at = (size_t)snprintf(text, WIDE, "note,x,formula,y (MPa)\n");
    for (size_t i = begin; i < end; i++)
        at += (size_t)snprintf(text + at, WIDE - at, "\"a, \"\"%zu\"\"\",%.3f,%s,7\n", i, 0.01 * (double)(i % 613),
                               i % BAD == BAD - 1 ? "Qq2" : FORMULA[i % 4]);
    assert_true(at < WIDE - 1);
    test_write_file(path, text);
}

static char *predicted(const char *path) {
    const program_result r = program_run("predict", "--model", folder, path, "--keep-going", "--out", out, NULL);
    if (r.code != 0) fail_msg("%s", r.err);
    char *text = test_read_file(out);
    assert_non_null(text);
    return text;
}

/* Without what went wrong, whose line depends on the file. */
static void cut_reason(char *line) {
    char *reason = strstr(line, ",\"") ? strstr(line, ",,,,") : NULL;
    if (reason) reason[4] = '\0';
}

/* A file of several parts: each row's line is the one that it has in a file of one part; what is counted and what is wrong is of the whole file. */
static void long_files_go_part_by_part(void **state) {
    (void)state;
    char path[PATH], piece[PATH], *rest, *rest_piece;
    test_scratch(path, sizeof path, "long.csv");
    test_scratch(piece, sizeof piece, "piece.csv");
    write_long(path, 0, LONG);
    assert_int_equal(
        program_run("train", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--out", folder, NULL).code, 0);
    char *whole = predicted(path), *line = strtok_r(whole, "\n", &rest);
    assert_string_equal(line, "note,x,formula,y (MPa),y low 90 % (MPa),y high 90 % (MPa),outside,error");
    size_t rows = 0;
    for (size_t begin = 0; begin < LONG; begin += PIECE) {
        const size_t end = begin + PIECE < LONG ? begin + PIECE : LONG;
        write_long(piece, begin, end);
        char *text = predicted(piece);
        assert_non_null(strtok_r(text, "\n", &rest_piece)); /* the header */
        for (char *own; (own = strtok_r(NULL, "\n", &rest_piece)); rows++) {
            line = strtok_r(NULL, "\n", &rest);
            assert_non_null(line);
            char place[40];
            snprintf(place, sizeof place, "long.csv:%zu:", rows + 2);
            if (rows % BAD == BAD - 1) assert_contains(line, place);
            cut_reason(line);
            cut_reason(own);
            assert_string_equal(line, own);
        }
        free(text);
    }
    assert_int_equal(rows, LONG);
    assert_null(strtok_r(NULL, "\n", &rest));
    free(whole);
    const program_result r = program_run("predict", "--model", folder, path, "--keep-going", "--json", NULL);
    assert_true(json_valid(r.out));
    assert_true(json_number(r.out, "n") == LONG && json_number(r.out, "n_failed") == 7);
    assert_true(json_number(r.out, "n_outside") >= 3237); /* hafnium */
    assert_true(json_number(r.out, "rows.12948.distance") >= 0 && isnan(json_number(r.out, "rows.12949.distance")));
    assert_contains(r.err, "7 of 12950 rows could not be predicted");
    remove(path);
    remove(piece);
}

/* Rows of classes that overlap: of the most frequent class as many are called something else as were allowed, and in no other way. */
static void false_alarms_are_bounded(void **state) {
    (void)state;
    static char text[TEXT];
    char path[PATH], name[100];
    hg_rng g = hg_rng_make(8, 0);
    size_t at = (size_t)snprintf(text, sizeof text, "x,kind\n");
    for (size_t i = 0; i < 120; i++) {
        const double x = hg_rng_normal(&g);
        at += (size_t)snprintf(text + at, sizeof text - at, "%.6f,%s\n", x,
                               x + 0.8 * hg_rng_normal(&g) > 0.9 ? "rare" : "usual");
    }
    test_scratch(path, sizeof path, "overlap.csv");
    test_write_file(path, text);
    static const char *const ALARMS[] = { "2", "20" };
    double found[2];
    for (size_t k = 0; k < 2; k++) {
        const program_result r = program_run("train", path, "--target", "kind", RIDGE, "--alarms", ALARMS[k], "--out",
                                             folder, "--json", NULL);
        assert_int_equal(r.code, 0);
        const double n = json_number(r.out, "by_class.1.n");
        assert_string_equal(json_string(name, sizeof name, r.out, "by_class.1.class"), "usual");
        assert_true(n > 60 && n + json_number(r.out, "by_class.0.n") == 120);
        assert_close(n - json_number(r.out, "by_class.1.n_right"), floor(0.01 * atof(ALARMS[k]) * n + 1e-9), 0);
        found[k] = json_number(r.out, "by_class.0.n_right");
    }
    assert_true(found[1] > found[0]);                                         /* that is what alarms buy */
    program_result r = program_run("predict", "--model", folder, path, NULL); /* the folder keeps the bound */
    size_t said = 0;
    for (const char *s = r.out; (s = strstr(s, ",rare,")); s++) said++;
    r = program_run("train", path, "--target", "kind", RIDGE, "--out", folder, NULL);
    assert_contains(r.out, "called so wrongly");
    r = program_run("predict", "--model", folder, path, NULL);
    for (const char *s = r.out; (s = strstr(s, ",rare,")); s++) said--;
    assert_true(said > 0 && said < 120);
    r = program_run("train", table, "--target", "y", "--exclude", "good,fold", RIDGE, "--alarms", "5", "--out", folder,
                    NULL);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "false alarms are of classes");
    remove(path);
}

/* Folds that are done are read, not done again; kept ones of another table, target or option are refused. */
static void folds_are_kept(void **state) {
    (void)state;
    char kept[PATH + 8], command[3 * PATH];
    snprintf(kept, sizeof kept, "%s-kept", out);
#define KEPT_FOLDS(target, exclude, ...)                                                                               \
    program_run("evaluate", table, "--target", target, "--exclude", exclude, "--folds", "fold", "--keep", kept,        \
                "--json", __VA_ARGS__, NULL)
    program_result r = KEPT_FOLDS("y", "good", RIDGE, "--fold", "1"); /* one of three */
    assert_int_equal(r.code, 0);
    snprintf(command, sizeof command, "ls '%s' | grep -c . && sed -i 's/\"seconds\":[^,]*/\"seconds\":1234.5/' '%s'/*",
             kept, kept);
    r = program_shell(command);
    assert_string_equal(r.out, "1\n");
    r = KEPT_FOLDS("y", "good", RIDGE);
    assert_int_equal(r.code, 0);
    const double seconds[] = { json_number(r.out, "by_fold.0.seconds"), json_number(r.out, "by_fold.1.seconds") };
    assert_true(seconds[1] == 1234.5 && seconds[0] != 1234.5);
    const double mae = json_number(r.out, "mae");
    r = KEPT_FOLDS("y", "good", RIDGE); /* now all are read */
    assert_true(json_number(r.out, "by_fold.0.seconds") == seconds[0] && json_number(r.out, "mae") == mae);
    const program_result refused[] = {
        KEPT_FOLDS("good", "y", RIDGE),
        KEPT_FOLDS("y", "good,formula", RIDGE),
        KEPT_FOLDS("y", "good", "--learner", "gp"),
        KEPT_FOLDS("y", "good", RIDGE, "--learner-options", "penalty=2"),
        KEPT_FOLDS("y", "good", RIDGE, "--parts", "3"),
        KEPT_FOLDS("y", "good", RIDGE, "--scale", "logs"),
        KEPT_FOLDS("y", "good", RIDGE, "--squared"),
        KEPT_FOLDS("y", "good", RIDGE, "--seed", "9"),
    };
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) assert_int_equal(refused[k].code, 2);
    snprintf(command, sizeof command, "sed -i '2s/,[0-9.]*,1,/,17,1,/; 3s/,[0-9.]*,0,/,17,0,/' '%s'", table);
    assert_int_equal(program_shell(command).code, 0);
    r = KEPT_FOLDS("y", "good", RIDGE);
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "another table, target, options");
#undef KEPT_FOLDS
    snprintf(command, sizeof command, "rm -rf '%s'", kept);
    assert_int_equal(program_shell(command).code, 0);
}

/* Ridge alone on yield strengths of steels: its mean absolute error over the official folds is 140 MPa or so. */
static void steels_of_matbench(void **state) {
    (void)state;
    char path[PATH];
    if (!test_shared(path, sizeof path, "data/matbench-tables/steels.csv.xz")) skip();
    const program_result r =
        program_run("evaluate", path, "--target", "target", "--folds", "fold", RIDGE, "--json", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_number(r.out, "mae") > 80 && json_number(r.out, "mae") < 160);
    assert_true(json_number(r.out, "coverage90") > 0.8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_model_is_trained_again, paths, clean),
        cmocka_unit_test_setup_teardown(numbers_can_be_names, paths, clean),
        cmocka_unit_test_setup_teardown(a_table_is_learned_and_predicted, paths, clean),
        cmocka_unit_test_setup_teardown(folds_are_evaluated, paths, clean),
        cmocka_unit_test_setup_teardown(far_predictions_are_judged, paths, clean),
        cmocka_unit_test_setup_teardown(mistakes_are_told, paths, clean),
        cmocka_unit_test_setup_teardown(threads_do_not_matter, paths, clean),
        cmocka_unit_test_setup_teardown(long_files_go_part_by_part, paths, clean),
        cmocka_unit_test_setup_teardown(false_alarms_are_bounded, paths, clean),
        cmocka_unit_test_setup_teardown(folds_are_kept, paths, clean),
        cmocka_unit_test_setup_teardown(steels_of_matbench, paths, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
