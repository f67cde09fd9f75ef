/* tests/library/test_predictor.c -- a column learned from a table: predictions, folds, folders, bad input */
#include "hagane/predictor.h"
#include "library/folds_keep.h"
#include "core/memory.h"
#include "hagane/csv.h"
#include "program.h"
#include "test.h"
#include <unistd.h>

enum { ROWS = 60, TEXT = 1 << 14 };

/* y = 10 x + the mass of the formula's first part; class by the sign; two ways of writing one composition. */
static const char *const FORMULA[6] = { "Fe2O3", "Fe4O6", "NiO", "CoFe", "Al2O3", "TiC" };
static const double BASE[6] = { 5, 5, 20, 35, 50, 80 };

static char *table_text(char *s, size_t size, const char *ending) {
    size_t at = (size_t)snprintf(s, size, "formula,x,gas,y (MPa),kind,fold,half\n");
    hg_rng r = hg_rng_make(3, 0);
    for (size_t i = 0; i < ROWS; i++) {
        const size_t f = (i * 5) % 6;
        const double x = 2 * hg_rng_uniform(&r), y = 10 * x + BASE[f] + 0.1 * hg_rng_normal(&r);
        at += (size_t)snprintf(s + at, size - at, "%s,%.6f,%s,%.6f,%s,%zu,%s\n", FORMULA[f], x, i % 3 ? "Ar" : "N2", y,
                               y > 40 ? "hard" : "soft", i % 4, i % 2 ? "" : "1");
    }
    snprintf(s + at, size - at, "%s", ending);
    return s;
}

static hg_table *table_of(const char *text) {
    hg_table *t;
    hg_err err;
    assert_ok_err(hg_csv_read_memory(&t, "steel.csv", text, strlen(text), NULL, &err), err);
    return t;
}

static hg_predictor_opts opts(void) {
    static const char *const EXCLUDE[] = { "kind", "fold", "half" };
    hg_predictor_opts o = hg_predictor_opts_default();
    o.learner = "ridge";
    o.features.exclude = EXCLUDE;
    o.features.n_exclude = 3;
    return o;
}

static double share_of(const hg_predictor *p, const char *learner) {
    double sum = 0;
    for (size_t i = 0; hg_predictor_tried(p, i); i++)
        if (strcmp(hg_predictor_tried(p, i)->learner, learner) == 0) sum += hg_predictor_tried(p, i)->weight;
    return sum;
}

static void a_column_is_learned_and_predicted(void **state) {
    static char text[TEXT];
    hg_table *t = table_of(table_text(text, sizeof text, "")),
             *new_rows = table_of("x,gas,formula\n1,Ar,NiO\n1,N2,HfO2\n50,Ar,NiO\n1,Ar,Fe6O9\n1,Ar,Fe2O3\n");
    const hg_predictor_opts o = opts();
    hg_predictor *p;
    hg_forecast f[5];
    hg_err err = { 0 };
    size_t blank;
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok_err(hg_predictor_fit(&p, t, "y", &o, &err), err);
    assert_string_equal(hg_predictor_target(p), "y (MPa)");
    assert_string_equal(hg_predictor_unit(p), "MPa");
    assert_int_equal(hg_predictor_rows(p, &blank), ROWS);
    assert_int_equal(blank, 0);
    assert_contains(hg_predictor_words(p), "xenonpy290+magpie132+fractions+chemistry62");
    const hg_predictor_score s = hg_predictor_score_of(p);
    assert_true(s.n == ROWS && s.coverage90 >= 0.9 && s.coverage90 < 1);
    assert_string_equal(hg_predictor_tried(p, 0)->learner, "ridge");
    assert_close(share_of(p, "ridge"), 1, 1e-12); /* it makes these rows, whichever sets it sees */
    assert_ok_err(hg_predictor_predict(f, NULL, p, new_rows, 0.9, NULL, *state, &err), err);
    assert_true(fabs(f[0].value - 30) < 2 && f[0].low < f[0].value && f[0].high > f[0].value);
    assert_false(f[0].outside);
    assert_true(f[1].outside);
    assert_string_equal(f[1].element, "Hf");
    assert_true(f[2].outside);
    assert_string_equal(f[2].column, "x");
    assert_true(f[2].distance > f[0].distance && f[2].high - f[2].low >= f[0].high - f[0].low);
    assert_false(f[4].outside);
    hg_forecast wide[5]; /* a higher level is a wider interval */
    assert_ok(hg_predictor_predict(wide, NULL, p, new_rows, 0.95, NULL, *state, NULL));
    assert_true(wide[0].high > f[0].high && wide[0].value == f[0].value);
    assert_int_equal(hg_predictor_predict(f, NULL, p, new_rows, 1, NULL, *state, NULL), HG_EINVAL);
    hg_predictor_free(p);
    hg_table_free(new_rows);
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

static void classes_have_probabilities(void **state) {
    static char text[TEXT];
    hg_table *t = table_of(table_text(text, sizeof text, ""));
    static const char *const EXCLUDE[] = { "y", "fold", "half" };
    hg_predictor_opts o = opts();
    o.features.exclude = EXCLUDE;
    hg_predictor *p;
    hg_forecast f[ROWS];
    size_t right = 0;
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok(hg_predictor_fit(&p, t, "kind", &o, NULL));
    assert_int_equal(hg_predictor_classes(p), 2);
    assert_string_equal(hg_predictor_class(p, 0), "hard");
    assert_null(hg_predictor_class(p, 2));
    assert_ok(hg_predictor_predict(f, NULL, p, t, 0.9, NULL, *state, NULL));
    for (size_t i = 0; i < ROWS; i++) {
        assert_close(f[i].probability[0] + f[i].probability[1], 1, 1e-12);
        assert_true(isnan(f[i].low) && f[i].value == (double)(f[i].probability[1] > f[i].probability[0]));
        right += strcmp(hg_predictor_class(p, (size_t)f[i].value), hg_table_text(t, 4, i)) == 0;
    }
    assert_true(right > ROWS * 8 / 10);
    hg_predictor_free(p);
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

/* A bound on false alarms, which the folder keeps: fewer rows of the most frequent class are called the other one. */
static void false_alarms_are_bounded(void **state) {
    static char text[TEXT];
    char folder[512], command[600];
    hg_table *t = table_of(table_text(text, sizeof text, ""));
    static const char *const EXCLUDE[] = { "y", "fold", "half", "formula" };
    hg_predictor_opts o = opts();
    hg_predictor *p, *back;
    hg_forecast a[ROWS], b[ROWS];
    hg_err err = { 0 };
    const hg_mark mark = hg_arena_mark(*state);
    o.features.exclude = EXCLUDE, o.features.n_exclude = 4; /* what is left tells little */
    o.alarms = 0.05;
    assert_ok_err(hg_predictor_fit(&p, t, "kind", &o, &err), err);
    const size_t rule = hg_predictor_class_score_of(p, 1)->n > hg_predictor_class_score_of(p, 0)->n;
    const hg_predictor_class_score s = *hg_predictor_class_score_of(p, rule);
    assert_null(hg_predictor_class_score_of(p, 2));
    assert_int_equal(s.n - s.right, (size_t)(0.05 * (double)s.n));
    assert_int_equal(s.n + hg_predictor_class_score_of(p, !rule)->n, ROWS);
    test_scratch(folder, sizeof folder, "alarms");
    assert_ok_err(hg_predictor_save(p, folder, NULL, &err), err);
    assert_ok_err(hg_predictor_load(&back, folder, &err), err);
    assert_ok(hg_predictor_predict(a, NULL, p, t, 0.9, NULL, *state, NULL));
    assert_ok(hg_predictor_predict(b, NULL, back, t, 0.9, NULL, *state, NULL));
    for (size_t i = 0; i < ROWS; i++) assert_true(a[i].value == b[i].value);
    hg_predictor_free(back);
    hg_predictor_free(p);
    const hg_folds_opts how = { .column = "fold", .only = "1" };
    hg_folds folds;
    double right = 0;
    assert_ok_err(hg_predictor_folds(&folds, t, "kind", &how, &o, *state, &err), err);
    for (size_t i = 0; i < folds.fold[0].n; i++) right += folds.fold[0].value[i] == folds.fold[0].known[i];
    assert_close(folds.fold[0].score.accuracy, right / (double)folds.fold[0].n, 1e-12);
    o.features.n_exclude = 0;
    assert_int_equal(hg_predictor_fit(&p, t, "y", &o, &err), HG_EINVAL);
    assert_contains(err.msg, "false alarms");
    hg_table_free(t);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(program_shell(command).code, 0);
    hg_arena_reset(*state, mark);
}

/* ---- folders ---------------------------------------------------------------------------------------------------------- */

static void a_folder_gives_the_same_predictions(void **state) {
    static char text[TEXT];
    char folder[512], command[1200], path[600];
    hg_table *t = table_of(table_text(text, sizeof text, ""));
    const hg_predictor_opts o = opts();
    hg_predictor *p, *back;
    hg_err err = { 0 };
    hg_forecast a[ROWS], b[ROWS];
    const hg_mark mark = hg_arena_mark(*state);
    test_scratch(folder, sizeof folder, "predictor");
    assert_ok(hg_predictor_fit(&p, t, "y", &o, NULL));
    assert_ok_err(hg_predictor_save(p, folder, NULL, &err), err);
    assert_true(hg_predictor_is(folder));
    assert_ok_err(hg_predictor_load(&back, folder, &err), err);
    assert_string_equal(hg_predictor_unit(back), "MPa");
    assert_ok(hg_predictor_predict(a, NULL, p, t, 0.9, NULL, *state, NULL));
    assert_ok(hg_predictor_predict(b, NULL, back, t, 0.9, NULL, *state, NULL));
    for (size_t i = 0; i < ROWS; i++)
        assert_true(a[i].value == b[i].value && a[i].low == b[i].low && a[i].distance == b[i].distance);
    hg_predictor_free(back);
    hg_predictor_free(p);
    hg_table_free(t);
    snprintf(path, sizeof path, "%s/weights.safetensors", folder);
    snprintf(command, sizeof command, "printf x >>'%s'", path); /* other weights than the card's */
    assert_int_equal(program_shell(command).code, 0);
    assert_int_equal(hg_predictor_load(&back, folder, &err), HG_EDATA);
    assert_contains(err.msg, "SHA-256");
    assert_null(back);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(program_shell(command).code, 0);
    assert_false(hg_predictor_is(folder));
    hg_arena_reset(*state, mark);
}

/* ---- folds ------------------------------------------------------------------------------------------------------------- */

static void folds_are_predicted_from_the_others(void **state) {
    static char text[TEXT];
    hg_table *t = table_of(table_text(text, sizeof text, ""));
    static const char *const EXCLUDE[] = { "kind", "half" };
    hg_predictor_opts o = opts();
    o.features.exclude = EXCLUDE, o.features.n_exclude = 2;
    hg_folds f;
    hg_err err = { 0 };
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok_err(hg_predictor_folds(&f, t, "y", &(hg_folds_opts) { .column = "fold" }, &o, *state, &err), err);
    assert_int_equal(f.n_folds, 4);
    double sum = 0;
    for (size_t k = 0; k < 4; k++) {
        char name[2] = { (char)('0' + k), 0 };
        assert_string_equal(f.fold[k].name, name);
        assert_int_equal(f.fold[k].n_test, ROWS / 4);
        assert_int_equal(f.fold[k].score.n, ROWS / 4);
        assert_int_equal(f.fold[k].failed, 0);
        sum += f.fold[k].score.mae / 4;
    }
    assert_close(f.mean.mae, sum, 1e-15);
    assert_true(f.mean.mae < 1);
    assert_int_equal(f.repeated, 5); /* Fe2O3 and Fe4O6 are one */
    assert_int_equal(f.repeated_rows, ROWS);
    assert_true(f.repeats); /* the folds ask for known compositions, and so do the parts of each fold */
    o.features.exclude = (const char *const[]) { "kind", "half", "fold" }, o.features.n_exclude = 3;
    assert_ok_err(hg_predictor_folds(&f, t, "y", &(hg_folds_opts) { .parts = 3 }, &o, *state, &err), err);
    assert_int_equal(f.n_folds, 3);
    assert_int_equal(f.repeated, 0); /* drawn: a composition stays together */
    assert_false(f.repeats);
    assert_int_equal(hg_predictor_folds(&f, t, "y", &(hg_folds_opts) { .column = "half" }, &o, *state, &err), HG_EDATA);
    assert_contains(err.msg, "half");
    assert_int_equal(hg_predictor_folds(&f, t, "y", &(hg_folds_opts) { .parts = 1 }, &o, *state, &err), HG_EINVAL);
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

static void one_fold_alone_is_as_among_all(void **state) {
    static char text[TEXT];
    hg_table *t = table_of(table_text(text, sizeof text, ""));
    static const char *const EXCLUDE[] = { "kind", "half" };
    hg_predictor_opts o = opts();
    o.features.exclude = EXCLUDE, o.features.n_exclude = 2;
    hg_folds all, one;
    hg_err err = { 0 };
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok(hg_predictor_folds(&all, t, "y", &(hg_folds_opts) { .column = "fold" }, &o, *state, NULL));
    assert_ok(hg_predictor_folds(&one, t, "y", &(hg_folds_opts) { .column = "fold", .only = "2" }, &o, *state, NULL));
    assert_int_equal(one.n_folds, 1);
    assert_string_equal(one.fold[0].name, "2");
    assert_true(one.mean.mae == all.fold[2].score.mae);
    double sum = 0; /* the rows themselves give the score */
    for (size_t i = 0; i < one.fold[0].n; i++) {
        assert_true(one.fold[0].row[i] == all.fold[2].row[i] && one.fold[0].row[i] < ROWS);
        sum += fabs(one.fold[0].value[i] - one.fold[0].known[i]) / (double)one.fold[0].n;
    }
    assert_close(sum, one.mean.mae, 1e-14);
    assert_int_equal(
        hg_predictor_folds(&one, t, "y", &(hg_folds_opts) { .column = "fold", .only = "9" }, &o, *state, &err),
        HG_ENOTFOUND);
    assert_contains(err.msg, "no fold is called \"9\"");
    hg_table_free(t);
    hg_arena_reset(*state, mark);
}

/* What is kept is not done again: a file whose number was changed by hand comes back with that number. */
static void kept_folds_are_not_done_again(void **state) {
    static char text[TEXT];
    char folder[200], command[1000];
    hg_table *t = table_of(table_text(text, sizeof text, ""));
    static const char *const EXCLUDE[] = { "kind", "half" };
    hg_predictor_opts o = opts();
    o.features.exclude = EXCLUDE, o.features.n_exclude = 2;
    hg_folds first, again;
    hg_err err = { 0 };
    const hg_mark mark = hg_arena_mark(*state);
    test_scratch(folder, sizeof folder, "folds");
    hg_folds_opts how = { .column = "fold", .keep = folder };
    assert_ok_err(hg_predictor_folds(&first, t, "y", &how, &o, *state, &err), err);
    snprintf(command, sizeof command,
             "rm '%s/fold-003.json' && sed -i 's/\"n_outside\":[0-9]*/\"n_outside\":17/' '%s/fold-001.json'", folder,
             folder);
    assert_int_equal(program_shell(command).code, 0);
    assert_ok_err(hg_predictor_folds(&again, t, "y", &how, &o, *state, &err), err);
    assert_int_equal(again.fold[1].outside, 17);
    assert_true(again.mean.mae == first.mean.mae && again.mean.width90 == first.mean.width90);
    for (size_t f = 0; f < 4; f++) {
        assert_int_equal(again.fold[f].n_test, first.fold[f].n_test);
        assert_string_equal(again.fold[f].learners, first.fold[f].learners);
        for (size_t i = 0; i < first.fold[f].n; i++)
            assert_true(again.fold[f].row[i] == first.fold[f].row[i] && again.fold[f].high[i] == first.fold[f].high[i]);
    }
    o.seed = 2; /* other options */
    assert_int_equal(hg_predictor_folds(&again, t, "y", &how, &o, *state, &err), HG_EINVAL);
    assert_contains(err.msg, "another table, target, options");
    o = opts();
    o.features.exclude = EXCLUDE, o.features.n_exclude = 2;
    for (size_t k = 0; k < 3; k++) { /* damaged files */
        static const char *const DAMAGE[] = { "s/\"n\":[0-9]*/\"n\":3/", "s/\"row\":\\[0*[0-9]*/\"row\":[99999/",
                                              "s/]}$//" };
        snprintf(command, sizeof command, "cp '%s/fold-000.json' '%s/keep' && sed -i '%s' '%s/fold-000.json'", folder,
                 folder, DAMAGE[k], folder);
        assert_int_equal(program_shell(command).code, 0);
        assert_true(hg_predictor_folds(&again, t, "y", &how, &o, *state, &err) != HG_OK);
        assert_contains(err.msg, "fold-000.json");
        snprintf(command, sizeof command, "mv '%s/keep' '%s/fold-000.json'", folder, folder);
        assert_int_equal(program_shell(command).code, 0);
    }
    hg_table_free(t);
    t = table_of(table_text(text, sizeof text, "")); /* the same table */
    assert_ok_err(hg_predictor_folds(&again, t, "y", &how, &o, *state, &err), err);
    hg_table_free(t);
    char *cell = strstr(text, "\n") + 1; /* another one */
    cell = strchr(cell, '.') + 1;
    *cell = *cell == '1' ? '2' : '1';
    t = table_of(text);
    assert_int_equal(hg_predictor_folds(&again, t, "y", &how, &o, *state, &err), HG_EINVAL);
    hg_table_free(t);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(program_shell(command).code, 0);
    hg_arena_reset(*state, mark);
}

/* Whatever the numbers of a fold follow from, another of it is another key. */
static void every_option_is_in_the_key(void **state) {
    (void)state;
    static char text[TEXT];
    enum { CASES = 17 };
    char key[CASES][HG_HASH_SIZE];
    size_t n = 0;
    hg_table *t = table_of(table_text(text, sizeof text, ""));
    hg_folds_opts how = { .column = "fold" };
#define KEY(target) assert_ok(hg_folds_key(key[n++], t, target, &how, &o, NULL))
#define CASE_OF(member, value)                                                                                         \
    do {                                                                                                               \
        hg_predictor_opts o = opts();                                                                                  \
        o.member = value;                                                                                              \
        KEY("y");                                                                                                      \
    } while (0)
    CASE_OF(seed, 0); /* as it is */
    CASE_OF(seed, (uint64_t)1 << 40);
    CASE_OF(task, HG_TASK_VALUES);
    CASE_OF(folds, 4);
    CASE_OF(scale, HG_SCALE_LOGS);
    CASE_OF(squared, true);
    CASE_OF(single, true);
    CASE_OF(repeats, true);
    CASE_OF(alarms, 0.1);
    CASE_OF(budget, 9);
    CASE_OF(learner, "gp");
    CASE_OF(settings, "penalty=2");
    CASE_OF(features.n_exclude, 2);
    CASE_OF(features.formula, "formula");
    hg_predictor_opts o = opts();
    KEY("kind");
    how.column = "half";
    KEY("y");
    how.column = NULL, how.parts = 3;
    KEY("y");
    assert_int_equal(n, CASES);
    for (size_t i = 0; i < CASES; i++)
        for (size_t j = 0; j < i; j++) assert_string_not_equal(key[i], key[j]);
    char again[HG_HASH_SIZE];
    o.pool = NULL, how.keep = "elsewhere", how.only = "1"; /* of no matter for the numbers */
    assert_ok(hg_folds_key(again, t, "y", &how, &o, NULL));
    assert_string_equal(again, key[CASES - 1]);
    hg_table_free(t);
}

static hg_status keep_and_find(hg_arena *mem, hg_err *err) {
    static size_t row[] = { 4, 1 };
    static double x[] = { 0.1, 1e300 };
    const hg_fold f = { .name = "a",
                        .n_train = 5,
                        .n_test = 2,
                        .learners = "ridge",
                        .n = 2,
                        .row = row,
                        .known = x,
                        .value = x,
                        .low = x,
                        .high = x };
    hg_fold back = { .name = "a" };
    bool there;
    size_t classes;
    char folder[200];
    test_scratch(folder, sizeof folder, "fold");
    HG_TRY(hg_fold_keep(folder, 0, "k", &f, 0, err));
    HG_TRY(hg_fold_find(&there, &back, &classes, folder, 0, "k", 7, mem, err));
    assert_true(there && back.row[0] == 4 && back.high[1] == 1e300 && isnan(back.low[0]) == false);
    HG_TRY(hg_fold_find(&there, &back, &classes, folder, 1, "k", 7, mem, err));
    assert_false(there);
    return HG_OK;
}

static void keeping_survives_no_memory(void **state) {
    long k = 0;
    hg_status st = HG_ENOMEM;
    for (; st != HG_OK && k < 200; k++) {
        hg_err err = { 0 };
        const hg_mark mark = hg_arena_mark(*state);
        fail_alloc_after(k);
        st = keep_and_find(*state, &err);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        hg_arena_reset(*state, mark);
    }
    assert_int_equal(st, HG_OK);
    assert_true(k > 2);
}

/* ---- bad input --------------------------------------------------------------------------------------------------------- */

static void refuse(const char *text, const char *target, hg_status st, const char *words) {
    hg_table *t = table_of(text);
    hg_predictor *p;
    hg_err err = { 0 };
    hg_predictor_opts o = hg_predictor_opts_default();
    o.learner = "ridge";
    assert_int_equal(hg_predictor_fit(&p, t, target, &o, &err), st);
    assert_null(p);
    assert_contains(err.msg, words);
    hg_table_free(t);
}

static void bad_input_is_refused_in_words(void **state) {
    (void)state;
    refuse("formula,y\nFeO,1\nNiO,2\nCoO,3\n", "y", HG_EDATA, "3 rows have a value of \"y\", at least 5");
    refuse("x,y\n1,1\n2,\n", "y", HG_EDATA, "1 row has a value");
    refuse("x,y\n1,1\n2,2\n3,high\n4,4\n5,5\n", "y", HG_EDATA, "steel.csv:4"); /* no five classes */
    refuse("x,y\n1,a\n2,a\n3,a\n4,a\n5,a\n", "y", HG_EDATA, "one class only");
    refuse("x,y\n1,7\n2,7\n3,7\n4,7\n5,7\n", "y", HG_EDATA, "nothing to learn");
    refuse("x,y\n1,a\n2,a\n3,a\n4,a\n5,b\n", "y", HG_EDATA, "\"b\" in one row alone");
    refuse("formula,y\nFeO,1\nNiO,2\nCoO,3\nXxO,4\nMnO,5\nTiO,6\nVO,7\nCuO,8\nZnO,9\nAlO,9\n", "y", HG_EDATA,
           "steel.csv:5");
    refuse("x,y\n1,1\n2,2\n3,3\n4,4\n5,5\n", "z", HG_ENOTFOUND, "z");
    refuse("z,y\n5,1\n5,2\n5,3\n5,4\n5,5\n", "y", HG_EDATA, "no column can be used");
}

/* Values of one composition that differ by more than the learners' spread: the interval of another row of it holds what such rows do, and that of a
 * new composition what new ones do. Both are kept. */
static void learned_compositions_have_intervals_of_their_own(void **state) {
    enum { PAIRS = 60, ASKED = 2 * PAIRS };
    static char text[TEXT];
    char path[512];
    double base[PAIRS], fresh[ASKED];
    const hg_mark mark = hg_arena_mark(*state);
    size_t at = (size_t)snprintf(text, sizeof text, "formula,y\n"), inside = 0;
    hg_rng g = hg_rng_make(21, 0);
    for (size_t i = 0; i < PAIRS; i++) base[i] = 20 * hg_rng_normal(&g);
    for (size_t i = 0; i < 2 * PAIRS; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "Fe%zuO%zu,%.4f\n", 64 + i / 2, 127 - i / 2,
                               base[i / 2] + hg_rng_normal(&g));
    hg_table *t = table_of(text);
    hg_predictor_opts o = hg_predictor_opts_default();
    o.learner = "extratrees", o.features.descriptor = "fractions";
    hg_predictor *p, *back;
    hg_err err = { 0 };
    hg_forecast f[ASKED], again[ASKED];
    assert_ok_err(hg_predictor_fit(&p, t, "y", &o, &err), err);
    hg_table_free(t);
    at = (size_t)snprintf(text, sizeof text, "formula\n");
    for (size_t i = 0; i < ASKED; i++) {
        fresh[i] = base[i / 2] + hg_rng_normal(&g);
        at += (size_t)snprintf(text + at, sizeof text - at, "Fe%zuO%zu\n", 64 + i / 2, 127 - i / 2);
    }
    t = table_of(text);
    assert_ok_err(hg_predictor_predict(f, NULL, p, t, 0.9, NULL, *state, &err), err);
    for (size_t i = 0; i < ASKED; i++) {
        assert_true(f[i].learned);
        inside += fresh[i] >= f[i].low && fresh[i] <= f[i].high;
    }
    assert_true((double)inside > 0.8 * ASKED && f[0].high - f[0].low < 15);
    test_scratch(path, sizeof path, "learned");
    assert_ok_err(hg_predictor_save(p, path, NULL, &err), err);
    assert_ok_err(hg_predictor_load(&back, path, &err), err);
    assert_ok_err(hg_predictor_predict(again, NULL, back, t, 0.9, NULL, *state, &err), err);
    for (size_t i = 0; i < ASKED; i++) assert_true(again[i].low == f[i].low && again[i].high == f[i].high);
    hg_table_free(t);
    t = table_of("formula\nFe3O5\n");
    assert_ok_err(hg_predictor_predict(f, NULL, p, t, 0.9, NULL, *state, &err), err);
    assert_true(!f[0].learned && f[0].high - f[0].low > 30);
    hg_arena_reset(*state, mark);
    hg_table_free(t);
    hg_predictor_free(p);
    hg_predictor_free(back);
}

/* What is wrong with the table is said of the table; what its parts cannot do, of the part. */
static void folds_that_cannot_be_learned_are_named(void **state) {
    static const struct {
        const char *text, *words;
    } CASE[] = {
        { "x,y,f\n1,1,0\n2,2,0\n3,4,1\n", ": 3 rows have a value of \"y\"" },
        { "x,y,f\n1,1,0\n", ": 1 row has a value of \"y\"" },
        { "x,y,f\n1,a,0\n2,b,1\n4,a,0\n3,a,1\n7,a,0\n", ": column \"y\" is \"b\" in one row alone" },
        { "x,y,f\n1,1,0\n2,2,0\n3,4,1\n7,5,1\n4,3,1\n9,9,1\n",
          "fold \"0\" is predicted from the other rows: steel.csv: 4 rows have a value of \"y\"" },
    };
    const hg_folds_opts how = { .column = "f" };
    hg_predictor_opts o = hg_predictor_opts_default();
    o.learner = "ridge", o.folds = 2;
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        hg_table *t = table_of(CASE[i].text);
        const hg_mark mark = hg_arena_mark(*state);
        hg_folds folds;
        hg_err err = { 0 };
        assert_int_equal(hg_predictor_folds(&folds, t, "y", &how, &o, *state, &err), HG_EDATA);
        assert_contains(err.msg, CASE[i].words);
        hg_arena_reset(*state, mark);
        hg_table_free(t);
    }
}

static void rows_that_cannot_be_predicted_have_a_reason(void **state) {
    static char text[TEXT];
    hg_table *t = table_of(table_text(text, sizeof text, "")),
             *bad = table_of("formula,x,gas\nNiO,1,Ar\nQq2O,1,Ar\nNiO,,Ar\nNiO,1,He\n");
    const hg_predictor_opts o = opts();
    hg_predictor *p;
    hg_forecast f[4];
    hg_err why[4], err;
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok(hg_predictor_fit(&p, t, "y", &o, NULL));
    assert_ok(hg_predictor_predict(f, why, p, bad, 0.9, NULL, *state, NULL));
    assert_int_equal(why[0].code, HG_OK);
    assert_contains(why[1].msg, "Qq");
    assert_contains(why[2].msg, "\"x\": the cell is empty");
    assert_contains(why[3].msg, "He");
    assert_true(isnan(f[1].value) && isnan(f[2].value) && isnan(f[3].low) && isfinite(f[0].value));
    assert_int_equal(hg_predictor_predict(f, NULL, p, bad, 0.9, NULL, *state, &err), HG_EDATA);
    assert_contains(err.msg, "steel.csv:3");
    hg_table *other = table_of("formula,x\nNiO,1\n");
    assert_int_equal(hg_predictor_predict(f, NULL, p, other, 0.9, NULL, *state, &err), HG_ENOTFOUND);
    assert_contains(err.msg, "gas");
    hg_table_free(other);
    hg_table_free(bad);
    hg_table_free(t);
    hg_predictor_free(p);
    hg_arena_reset(*state, mark);
}

/* A number of its own for each composition: known where rows of it are learned from, else not. */
static void repeated_compositions_are_asked_for_where_that_is_said(void **state) {
    enum { N = 60 };
    char text[TEXT];
    (void)state;
    size_t at = (size_t)snprintf(text, sizeof text, "formula,y\n");
    hg_rng r = hg_rng_make(4, 0);
    double y = 0;
    for (size_t i = 0; i < N; i++) {
        if (i % 3 == 0) y = hg_rng_normal(&r);
        at += (size_t)snprintf(text + at, sizeof text - at, "Fe%zuO%zu,%.6f\n", 1 + i / 3, 30 - i / 3, y);
    }
    hg_table *t = table_of(text);
    double mae[2];
    for (size_t k = 0; k < 2; k++) {
        hg_predictor *p;
        hg_err err = { 0 };
        hg_predictor_opts o = hg_predictor_opts_default();
        o.learner = "extratrees", o.settings = "trees=20", o.repeats = k == 1;
        assert_ok_err(hg_predictor_fit(&p, t, "y", &o, &err), err);
        mae[k] = hg_predictor_score_of(p).mae;
        hg_predictor_free(p);
    }
    assert_true(mae[0] > 0.4 && mae[1] < 0.5 * mae[0]);
    hg_table_free(t);
}

static void failing_allocations_are_told(void **state) {
    static char text[TEXT];
    (void)state;
    hg_table *t = table_of(table_text(text, sizeof text, ""));
    const hg_predictor_opts o = opts();
    bool done = false;
    for (long k = 0; !done && k < 1000000; k += 1 + k / 6) {
        hg_predictor *p;
        fail_alloc_after(k);
        const hg_status st = hg_predictor_fit(&p, t, "y", &o, NULL);
        fail_alloc_after(-1);
        done = st == HG_OK;
        assert_true(done || !p);
        hg_predictor_free(p);
        if (!done) assert_int_equal(st, HG_ENOMEM);
    }
    assert_true(done);
    hg_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_column_is_learned_and_predicted),
        TEST(classes_have_probabilities),
        TEST(false_alarms_are_bounded),
        TEST(a_folder_gives_the_same_predictions),
        TEST(folds_are_predicted_from_the_others),
        TEST(one_fold_alone_is_as_among_all),
        TEST(kept_folds_are_not_done_again),
        TEST(every_option_is_in_the_key),
        TEST(keeping_survives_no_memory),
        TEST(bad_input_is_refused_in_words),
        TEST(folds_that_cannot_be_learned_are_named),
        TEST(learned_compositions_have_intervals_of_their_own),
        TEST(rows_that_cannot_be_predicted_have_a_reason),
        TEST(repeated_compositions_are_asked_for_where_that_is_said),
        TEST(failing_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
