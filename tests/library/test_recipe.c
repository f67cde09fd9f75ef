/* tests/library/test_recipe.c -- recipes of the factory: what they say, mistakes with their places, writing and reading again, faults */
#include "library/recipe.h"
#include "core/memory.h"
#include "test.h"

static const char GOOD[] = "schema: hagane.factory/1\n"
                           "seed: 7\n"
                           "networks: {count: 6, keep: 3, width: 50, layers: [1, 2]}\n"
                           "sets:\n"
                           "  - table: a/debye.csv.xz\n"
                           "    licence: MIT\n"
                           "    formula: formula\n"
                           "    descriptor: magpie132+fractions\n"
                           "    split: {column: split, validation: val, test: test}\n"
                           "    properties:\n"
                           "      - {name: debye, target: target, what: Debye temperature, unit: K, scale: logs}\n"
                           "      - {name: metal, target: is_metal, task: classes}\n"
                           "  - table: b.csv\n"
                           "    inputs: [T, p]\n"
                           "    leave-out: true\n"
                           "    rows: 500\n"
                           "    learner: gp\n"
                           "    networks: {count: 2, keep: 0}\n"
                           "    properties: [{name: rate, target: k}]\n";

static hg_recipe *read_good(const char *text) {
    hg_recipe *r;
    hg_err err = { 0 };
    assert_ok_err(hg_recipe_read_text(&r, "r.yaml", text, strlen(text), &err), err);
    return r;
}

static void check_good(const hg_recipe *r) {
    assert_true(r->seed == 7 && r->n_sets == 2);
    const hg_recipe_set *a = &r->set[0], *b = &r->set[1];
    assert_string_equal(a->table, "a/debye.csv.xz");
    assert_string_equal(a->descriptor, "magpie132+fractions");
    assert_string_equal(a->validation, "val");
    assert_true(a->networks.count == 6 && a->networks.keep == 3 && a->networks.width[0] == 50);
    assert_true(a->networks.width[1] == 50 && a->networks.layers[1] == 2 && a->networks.batch == 64);
    assert_int_equal(a->n_properties, 2);
    assert_string_equal(a->property[0].what, "Debye temperature");
    assert_true(a->property[0].scale == HG_SCALE_LOGS && a->property[1].task == HG_TASK_CLASSES);
    assert_string_equal(a->property[1].what, "is_metal"); /* the column's name, where nothing else is said */
    assert_true(b->networks.count == 2 && b->networks.keep == 0 && b->networks.width[0] == 50);
    assert_true(b->leave_out && b->rows == 500 && b->n_inputs == 2 && !*b->formula);
    assert_string_equal(b->input[1], "p");
    assert_string_equal(b->learner, "gp");
}

static void a_recipe_says_what_is_made(void **state) {
    (void)state;
    hg_recipe *r = read_good(GOOD);
    check_good(r);
    hg_recipe_free(r);
}

/* What a model keeps is a recipe of that model alone. */
static void the_part_of_a_model_is_a_recipe(void **state) {
    (void)state;
    hg_recipe *r = read_good(GOOD), *part;
    for (size_t s = 0; s < 2; s++) {
        hg_text t = hg_text_new(0), again = hg_text_new(0);
        hg_json j;
        hg_recipe_networks w = r->set[s].networks;
        w.first = 5;
        char hash[65];
        memset(hash, 'a', 64), hash[64] = '\0';
        hg_json_begin_text(&j, &t, 2);
        hg_recipe_write(&j, r, &r->set[s], &r->set[s].property[0], hash, &w);
        assert_ok(hg_json_end(&j, NULL));
        part = read_good(t.s);
        assert_true(part->seed == 7 && part->n_sets == 1 && part->set->n_properties == 1);
        assert_string_equal(part->set->property->name, r->set[s].property->name);
        assert_string_equal(part->set->sha256, hash);
        assert_string_equal(part->set->column, r->set[s].column);
        assert_true(part->set->property->scale == r->set[s].property->scale);
        if (s == 0) assert_true(part->set->networks.first == 5 && part->set->networks.keep == 3);
        hg_json_begin_text(&j, &again, 2); /* and the same text comes out of it */
        hg_recipe_write(&j, part, part->set, part->set->property, hash, s == 0 ? &part->set->networks : &w);
        assert_ok(hg_json_end(&j, NULL));
        assert_string_equal(again.s, t.s);
        hg_recipe_free(part);
        hg_text_free(&t);
        hg_text_free(&again);
    }
    hg_recipe_free(r);
}

typedef struct {
    const char *from, *to, *place, *words;
} mistake;

static void mistakes_have_a_place(void **state) {
    static const mistake M[] = {
        { "hagane.factory/1", "hagane.factory/9", "r.yaml:1:9", "expected \"hagane.factory/1\"" },
        { "count: 6", "cuont: 6", "r.yaml:3:12", "unknown key \"cuont\"" },
        { "keep: 3", "keep: 9", "r.yaml:3", "only 6 networks" },
        { "layers: [1, 2]", "layers: [2, 1]", "r.yaml:3", "expected a number from 2" },
        { "layers: [1, 2]", "layers: [1, 1.5]", "r.yaml:3", "whole numbers" },
        { "width: 50", "width: 50000", "r.yaml:3", "width" },
        { "a/debye.csv.xz", "../debye.csv.xz", "r.yaml:5:12", "below the folder" },
        { "a/debye.csv.xz", "/etc/passwd", "r.yaml:5:12", "below the folder" },
        { "a/debye.csv.xz", "a/../../x.csv", "r.yaml:5:12", "below the folder" },
        { "magpie132+fractions", "magpie133", "r.yaml:8:17", "magpie133" },
        { "validation: val, test: test", "", "r.yaml:9:12", "neither test nor validation" },
        { "name: metal", "name: debye", "r.yaml:12:16", "two models" },
        { "name: metal", "name: a/b", "r.yaml:12:16", "" },
        { "scale: logs", "scale: cubes", "r.yaml:11", "auto, values or logs" },
        { "    inputs: [T, p]\n", "", "r.yaml:13:5", "neither a formula nor inputs" },
        { "learner: gp", "learner: gpp", "r.yaml:17:14", "no learner" },
        { "rows: 500", "rows: 1", "r.yaml:16:11", "rows" },
        { "[{name: rate, target: k}]", "[]", "r.yaml:19:17", "without properties" },
        { "seed: 7", "seed: -1", "r.yaml:2:7", "seed" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof M / sizeof *M; i++) {
        char text[2048];
        const char *at = strstr(GOOD, M[i].from);
        hg_recipe *r;
        hg_err err = { 0 };
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - GOOD), GOOD, M[i].to, at + strlen(M[i].from));
        assert_int_equal(hg_recipe_read_text(&r, "r.yaml", text, strlen(text), &err), HG_EPARSE);
        assert_null(r);
        assert_contains(err.msg, M[i].place);
        assert_contains(err.msg, M[i].words);
    }
}

static void failing_allocations_are_told(void **state) {
    hg_status st = HG_ENOMEM;
    (void)state;
    for (long k = 0; st == HG_ENOMEM; k++) {
        hg_recipe *r;
        hg_err err = { 0 };
        fail_alloc_after(k);
        st = hg_recipe_read_text(&r, "r.yaml", GOOD, sizeof GOOD - 1, &err);
        fail_alloc_after(-1);
        assert_true(k < 1000);
        if (st == HG_OK)
            check_good(r);
        else
            assert_null(r);
        hg_recipe_free(r);
    }
    assert_int_equal(st, HG_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_recipe_says_what_is_made),
        TEST(the_part_of_a_model_is_a_recipe),
        TEST(mistakes_have_a_place),
        TEST(failing_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
