/* tests/library/test_asked.c -- the options of a recipe: all come back, and what is no recipe is refused with its place */
#include "library/asked.h"
#include "core/memory.h"
#include "core/text.h"
#include "test.h"
#include <string.h>

static char *written(hg_text *t, const hg_predictor_opts *o, const char *schema) {
    hg_json j;
    *t = hg_text_new(0);
    hg_json_begin_text(&j, t, 0);
    hg_json_begin_object(&j, NULL);
    hg_json_string(&j, "schema", schema);
    hg_json_string(&j, "target", "y");
    hg_json_string(&j, "file", "rows.csv");
    hg_json_begin_array(&j, "inputs");
    hg_json_string(&j, NULL, "formula");
    hg_json_string(&j, NULL, "T (K)");
    hg_json_end_array(&j);
    hg_json_string(&j, "formula", "formula");
    hg_json_begin_array(&j, "sources");
    hg_json_string(&j, NULL, "shear");
    hg_json_end_array(&j);
    hg_asked_write(&j, o);
    hg_json_begin_object(&j, "a later version's");
    hg_json_count(&j, "n", 3);
    hg_json_end_object(&j);
    hg_json_end_object(&j);
    assert_ok(hg_json_end(&j, NULL));
    return t->s;
}

static hg_predictor_opts unusual(void) {
    hg_predictor_opts o = hg_predictor_opts_default();
    o.task = HG_TASK_CLASSES;
    o.learner = "boost";
    o.settings = "depth=3 \"x\"";
    o.folds = 9;
    o.scale = HG_SCALE_LOGS;
    o.squared = o.single = o.unlisted = o.repeats = true;
    o.alarms = 0.001;
    o.budget = 12.5;
    o.seed = 1234567890123456789u;
    return o;
}

static void options_come_back(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_predictor_opts cases[] = { unusual(), hg_predictor_opts_default() };
    for (size_t i = 0; i < 2; i++) {
        const hg_predictor_opts *o = &cases[i];
        hg_text t;
        hg_asked a;
        hg_err err;
        const char *text = written(&t, o, HG_ASKED_SCHEMA);
        assert_ok_err(hg_asked_read(&a, "recipe.json", text, strlen(text), mem, &err), err);
        assert_string_equal(a.target, "y");
        assert_string_equal(a.file, "rows.csv");
        assert_null(a.sha256);
        assert_int_equal(a.n_sources, 1);
        assert_int_equal(a.opts.features.n_columns, 2);
        assert_string_equal(a.opts.features.columns[1], "T (K)");
        assert_string_equal(a.opts.features.formula, "formula");
        assert_string_equal(a.opts.features.descriptor, hg_features_opts_default().descriptor);
        assert_int_equal(a.opts.task, o->task);
        assert_true((a.opts.learner == NULL) == (o->learner == NULL));
        if (o->learner) {
            assert_string_equal(a.opts.learner, o->learner);
            assert_string_equal(a.opts.settings, o->settings);
        }
        assert_int_equal(a.opts.folds, o->folds);
        assert_int_equal(a.opts.scale, o->scale);
        assert_true(a.opts.squared == o->squared && a.opts.single == o->single);
        assert_true(a.opts.unlisted == o->unlisted && a.opts.repeats == o->repeats);
        assert_true(a.opts.alarms == o->alarms && a.opts.budget == o->budget && a.opts.seed == o->seed);
        hg_text_free(&t);
    }
    hg_arena_reset(mem, mark);
}

static void what_is_no_recipe_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const struct {
        const char *text, *words;
        hg_status code;
    } BAD[] = {
        { "[]", "expected an object for a recipe", HG_EPARSE },
        { "{\"schema\":\"hagane.card/1\",\"target\":\"y\",\"inputs\":[\"x\"]}", "hagane.recipe/1", HG_EPARSE },
        { "{\"schema\":\"hagane.recipe/1\",\"inputs\":[\"x\"]}", "lacks its target", HG_EPARSE },
        { "{\"schema\":\"hagane.recipe/1\",\"target\":\"y\"}", "lacks its inputs", HG_EPARSE },
        { "{\"schema\":\"hagane.recipe/1\",\"target\":\"y\",\"inputs\":[null]}", "expected a text", HG_EPARSE },
        { "{\"schema\":\"hagane.recipe/1\",\"folds\":-1}", "", HG_EPARSE },
        { "{\"schema\":\"hagane.recipe/1\",\"scale\":\"roots\"}", "\"roots\" is no choice", HG_EINVAL },
        { "{\"schema\":\"hagane.recipe/1\",\"single\":1}", "true or false", HG_EPARSE },
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        hg_asked a;
        hg_err err = { 0 };
        assert_int_equal(hg_asked_read(&a, "bad.json", BAD[i].text, strlen(BAD[i].text), mem, &err), BAD[i].code);
        assert_contains(err.msg, "bad.json");
        assert_contains(err.msg, BAD[i].words);
    }
    hg_asked a;
    hg_err err;
    assert_int_equal(hg_asked_load(&a, "/nowhere/at/all", mem, &err), HG_EIO);
    assert_contains(err.msg, "/nowhere/at/all/recipe.json");
    hg_arena_reset(mem, mark);
}

static void lack_of_memory_is_said(void **state) {
    (void)state;
    hg_text t;
    const hg_predictor_opts o = unusual();
    const char *text = written(&t, &o, HG_ASKED_SCHEMA);
    bool done = false;
    for (long k = 0; !done && k < 100; k++) {
        hg_arena *mem = hg_arena_new();
        hg_asked a;
        hg_fault_alloc_after(k);
        const hg_status st = hg_asked_read(&a, "recipe.json", text, strlen(text), mem, NULL);
        hg_fault_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        done = st == HG_OK;
        hg_arena_free(mem);
    }
    assert_true(done);
    hg_text_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(options_come_back),
        TEST(what_is_no_recipe_is_refused),
        TEST(lack_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
