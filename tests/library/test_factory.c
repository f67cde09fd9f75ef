/* tests/library/test_factory.c -- from a recipe to models: what cards tell, stops and shards, other recipes, bad tables, faults */
#include "library/factory.h"
#include "core/memory.h"
#include "files/hash.h"
#include "files/lock.h"
#include "files/safetensors.h"
#include "hagane/csv.h"
#include "hagane/predictor.h"
#include "library/folder.h"
#include "program.h"
#include "test.h"

enum { ROWS = 150 };

static const char RECIPE[] =
    "schema: hagane.factory/1\n"
    "seed: 3\n"
    "networks: {count: 5, keep: 2, layers: [1, 2], width: [6, 12], epochs: 80, batch: 8, rate: 0.01}\n"
    "sets:\n"
    "  - table: sub/steel.csv\n"
    "    source: made up\n"
    "    licence: none\n"
    "    inputs: [a, b]\n"
    "    split: {column: part, test: t}\n"
    "    properties:\n"
    "      - {name: line, target: y, what: strength, unit: MPa, scale: values}\n"
    "      - {name: kind, target: kind}\n"
    "  - table: sub/steel.csv\n"
    "    inputs: [a, b]\n"
    "    learner: ridge\n"
    "    properties: [{name: line-ridge, target: y, unit: MPa}]\n"
    "  - table: sub/steel.csv\n"
    "    inputs: [a, b]\n"
    "    networks: {count: 3, keep: 0}\n"
    "    properties: [{name: decade, target: big}]\n";

/* y = 3 a - 2 b + noise; big = exp(y / 2); some targets are blank. */
static void write_table(const char *folder) {
    static char text[ROWS * 100];
    char path[600];
    hg_rng r = hg_rng_make(1, 0);
    size_t at = (size_t)snprintf(text, sizeof text, "a,b,y,kind,big,part,useless\n");
    for (size_t i = 0; i < ROWS; i++) {
        const double a = hg_rng_normal(&r), b = hg_rng_normal(&r), y = 3 * a - 2 * b + 0.1 * hg_rng_normal(&r);
        at += (size_t)snprintf(text + at, sizeof text - at, "%.5f,%.5f,", a, b);
        at += i % 10 ? (size_t)snprintf(text + at, sizeof text - at, "%.5f", y) : 0;
        at += (size_t)snprintf(text + at, sizeof text - at, ",%s,%.5f,%s,%s\n", y > 0 ? "up" : "down", exp(y / 2),
                               i % 5 ? "l" : "t", i % 7 ? "n/a" : "1");
    }
    snprintf(path, sizeof path, "mkdir -p '%s/sub'", folder);
    assert_int_equal(program_shell(path).code, 0);
    snprintf(path, sizeof path, "%s/sub/steel.csv", folder);
    test_write_file(path, text);
}

typedef struct {
    char folder[400], work[500];
    hg_recipe *recipe;
    hg_factory_opts o;
} kit;

static void open_kit(kit *k, const char *name, const char *recipe) {
    char command[600];
    test_scratch(k->folder, sizeof k->folder, name);
    snprintf(command, sizeof command, "rm -rf '%s'", k->folder);
    assert_int_equal(program_shell(command).code, 0);
    write_table(k->folder);
    snprintf(k->work, sizeof k->work, "%s/work", k->folder);
    assert_ok(hg_recipe_read_text(&k->recipe, "r.yaml", recipe, strlen(recipe), NULL));
    k->o = hg_factory_opts_default();
    k->o.data = k->folder;
    k->o.work = k->work;
}

static void close_kit(kit *k) {
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", k->folder);
    assert_int_equal(program_shell(command).code, 0);
    hg_recipe_free(k->recipe);
}

static hg_factory_tally run(kit *k) {
    hg_factory_tally t;
    hg_err err = { 0 };
    assert_ok_err(hg_factory_run(&t, k->recipe, &k->o, &err), err);
    return t;
}

static const char *const MODELS[] = { "line", "kind", "line-ridge", "decade-000000", "decade-000001", "decade-000002" };
enum { N_MODELS = sizeof MODELS / sizeof *MODELS };

/* The hashes of all weights. */
static void hashes(char out[N_MODELS][HG_HASH_SIZE], const kit *k) {
    for (size_t i = 0; i < N_MODELS; i++) {
        char path[700];
        snprintf(path, sizeof path, "%s/models/%s/weights.safetensors", k->work, MODELS[i]);
        assert_ok(hg_hash_file(out[i], path, NULL));
    }
}

static double metric(const kit *k, const char *model, const char *name, hg_card *card, hg_arena *mem) {
    char folder[700], path[HG_FOLDER_PATH];
    const char *text;
    snprintf(folder, sizeof folder, "%s/models/%s", k->work, model);
    assert_ok(hg_folder_card(card, &text, path, folder, mem, NULL));
    for (size_t i = 0; i < card->property[0].n_metrics; i++)
        if (strcmp(card->property[0].metrics[i].name, name) == 0) return card->property[0].metrics[i].value;
    return (double)NAN;
}

static void models_have_cards(void **state) {
    kit k;
    hg_card c;
    char name[HG_PACK_NAME_MOST + 1];
    const hg_mark mark = hg_arena_mark(*state);
    open_kit(&k, "factory", RECIPE);
    for (size_t i = 0; i < N_MODELS; i++) {
        assert_true(hg_factory_model(name, k.recipe, NULL, i));
        assert_string_equal(name, MODELS[i]);
    }
    assert_false(hg_factory_model(name, k.recipe, NULL, N_MODELS));
    assert_true(hg_factory_model(name, k.recipe, "decade", 2) && !hg_factory_model(name, k.recipe, "decade", 3));
    const hg_factory_tally t = run(&k);
    assert_true(t.pieces == 5 + 5 + 1 + 3 && t.mine == t.pieces && t.found == 0 && t.models == N_MODELS);
    const double mae = metric(&k, "line", "mean absolute error of test", &c, *state);
    assert_true(mae > 0.05 && mae < 0.8); /* of values with a standard deviation of 3.6 */
    assert_string_equal(c.property[0].what.name, "strength (MPa)");
    assert_string_equal(c.property[0].what.unit, "MPa");
    assert_string_equal(c.licence, "none");
    assert_contains(c.split, "\"t\" in column \"part\"");
    assert_contains(c.method, "2 of 5 networks: 2-");
    assert_true(metric(&k, "line", "share of test inside 90 % intervals", &c, *state) > 0.6);
    assert_true(metric(&k, "kind", "area under the ROC curve of test", &c, *state) > 0.95);
    assert_true(metric(&k, "line-ridge", "mean absolute error of test", &c, *state) < 0.2);
    assert_contains(c.method, "ridge");
    assert_contains(c.split, "test: a tenth of the rows, drawn; cross-validation of the others in 5 parts");
    metric(&k, "decade-000001", "", &c, *state);
    assert_contains(c.method, "of logarithms");
    const hg_factory_tally again = run(&k); /* all is there */
    assert_true(again.found == again.mine && again.models == N_MODELS);
    close_kit(&k);
    hg_arena_reset(*state, mark);
}

/* The error of the card is that of the predictions of the model in its folder. */
static void the_card_tells_the_truth(void **state) {
    kit k;
    hg_card c;
    hg_err err = { 0 };
    hg_predictor *p;
    char path[700];
    const hg_mark mark = hg_arena_mark(*state);
    open_kit(&k, "factory-truth", RECIPE);
    k.o.only = "line";
    assert_int_equal(run(&k).models, 1);
    const double told = metric(&k, "line", "mean absolute error of test", &c, *state);
    const double cover = metric(&k, "line", "share of test inside 90 % intervals", &c, *state);
    snprintf(path, sizeof path, "%s/models/line", k.work);
    assert_ok_err(hg_predictor_load(&p, path, &err), err);
    hg_csv_opts o = hg_csv_opts_default();
    hg_table *t;
    snprintf(path, sizeof path, "%s/sub/steel.csv", k.folder);
    assert_ok(hg_csv_read(&t, path, &o, NULL));
    hg_forecast f[ROWS];
    assert_ok(hg_predictor_predict(f, NULL, p, t, 0.9, NULL, *state, NULL));
    double sum = 0, inside = 0, n = 0;
    for (size_t i = 0; i < ROWS; i += 5) { /* the rows of the test */
        const double y = hg_table_column(t, 2)->number[i];
        if (isnan(y)) continue;
        sum += fabs(f[i].value - y);
        inside += y >= f[i].low && y <= f[i].high;
        n++;
    }
    assert_close(told, sum / n, 1e-12);
    assert_close(cover, inside / n, 1e-12);
    hg_table_free(t);
    hg_predictor_free(p);
    close_kit(&k);
    hg_arena_reset(*state, mark);
}

/* The two networks with the least errors of validation, the best one first, as the method names them. */
static void the_best_networks_are_kept(void **state) {
    double best[2] = { INFINITY, INFINITY };
    char shape[2][100] = { "", "" }, want[300];
    hg_card c;
    kit k;
    const hg_mark mark = hg_arena_mark(*state);
    open_kit(&k, "factory-best", RECIPE);
    k.o.only = "line";
    run(&k);
    for (int i = 0; i < 5; i++) {
        char path[700], text[100];
        size_t at = 0;
        hg_safetensors *f;
        snprintf(path, sizeof path, "%s/networks/line/%06d.safetensors", k.work, i);
        assert_ok(hg_safetensors_open(&f, path, 0, NULL));
        const hg_stored *w = hg_safetensors_find(f, "width");
        const double error = strtod(hg_safetensors_note(f, "error"), NULL);
        for (size_t l = 0; l < w->count; l++)
            at +=
                (size_t)snprintf(text + at, sizeof text - at, "%s%d", l ? "-" : "", (int)((const int64_t *)w->data)[l]);
        hg_safetensors_free(f);
        if (error < best[0]) {
            best[1] = best[0], best[0] = error;
            strcpy(shape[1], shape[0]);
            strcpy(shape[0], text);
        } else if (error < best[1]) {
            best[1] = error;
            strcpy(shape[1], text);
        }
    }
    snprintf(want, sizeof want, "the mean of 2 of 5 networks: %s, %s", shape[0], shape[1]);
    metric(&k, "line", "", &c, *state);
    assert_string_equal(c.method, want);
    close_kit(&k);
    hg_arena_reset(*state, mark);
}

/* ---- the same bits ------------------------------------------------------------------------------------------------------ */

static bool stop_soon(void *user, const char *what, size_t done, size_t total) {
    size_t *left = user;
    (void)done, (void)total;
    return strcmp(what, "networks") != 0 || (*left)-- > 0;
}

static void stops_shards_and_threads_change_nothing(void **state) {
    char want[N_MODELS][HG_HASH_SIZE], got[N_MODELS][HG_HASH_SIZE];
    hg_pool *pool;
    kit k;
    (void)state;
    open_kit(&k, "factory-once", RECIPE);
    run(&k);
    hashes(want, &k);
    close_kit(&k);
    assert_ok(hg_pool_new(&pool, 3, NULL)); /* three threads, and stopped again and again */
    open_kit(&k, "factory-stopped", RECIPE);
    k.o.pool = pool;
    size_t stops = 0;
    for (hg_status st = HG_ECANCEL; st == HG_ECANCEL; stops++) {
        size_t left = 1;
        const hg_hooks hooks = { .progress = stop_soon, .user = &left };
        hg_factory_tally t;
        hg_err err = { 0 };
        k.o.hooks = &hooks;
        st = hg_factory_run(&t, k.recipe, &k.o, &err);
        k.o.hooks = NULL;
        if (st == HG_ECANCEL) assert_contains(err.hint, "goes on");
        assert_true(st == HG_OK || (st == HG_ECANCEL && stops < 50));
    }
    assert_true(stops > 1);
    hashes(got, &k);
    assert_memory_equal(got, want, sizeof want);
    close_kit(&k);
    open_kit(&k, "factory-shards", RECIPE);
    for (size_t i = 3; i-- > 0;) { /* three shards, the last one first */
        hg_factory_tally t;
        hg_err err = { 0 };
        k.o.shards = 1, k.o.shard = 0, k.o.train = false, k.o.finish = true;
        assert_int_equal(hg_factory_run(&t, k.recipe, &k.o, &err), HG_ENOTFOUND);
        assert_contains(err.msg, "not there yet");
        k.o.train = true, k.o.finish = false, k.o.shard = i, k.o.shards = 3;
        assert_true(run(&k).mine >= 4);
    }
    k.o.shards = 1, k.o.shard = 0, k.o.train = false, k.o.finish = true;
    run(&k);
    hashes(got, &k);
    assert_memory_equal(got, want, sizeof want);
    close_kit(&k);
    hg_pool_free(pool);
}

/* recipe.json of a model makes it again. */
static void a_model_makes_itself_again(void **state) {
    static const char *const AGAIN[] = { "line", "decade-000001", "line-ridge" };
    char path[700], first[HG_HASH_SIZE], second[HG_HASH_SIZE];
    kit k;
    (void)state;
    open_kit(&k, "factory-again", RECIPE);
    run(&k);
    for (size_t i = 0; i < 3; i++) {
        hg_recipe *whole = k.recipe;
        snprintf(path, sizeof path, "%s/models/%s/weights.safetensors", k.work, AGAIN[i]);
        assert_ok(hg_hash_file(first, path, NULL));
        snprintf(path, sizeof path, "%s/models/%s/recipe.json", k.work, AGAIN[i]);
        assert_ok(hg_recipe_read(&k.recipe, path, NULL));
        snprintf(k.work, sizeof k.work, "%s/again%zu", k.folder, i);
        assert_int_equal(run(&k).models, 1);
        snprintf(path, sizeof path, "%s/models/%s/weights.safetensors", k.work, AGAIN[i]);
        assert_ok(hg_hash_file(second, path, NULL));
        assert_string_equal(first, second);
        hg_recipe_free(k.recipe);
        k.recipe = whole;
        snprintf(k.work, sizeof k.work, "%s/work", k.folder);
    }
    close_kit(&k);
}

/* Where the host's locale has decimal commas, all files are the same, byte for byte; classes of numbers keep their names. */
static void the_locale_changes_nothing(void **state) {
    static const char NUMBERED[] =
        "schema: hagane.factory/1\n"
        "networks: {count: 2, keep: 1, layers: 1, width: 6, epochs: 5, least: 1, rate: [0.001, 0.0055]}\n"
        "sets:\n"
        "  - {table: sub/half.csv, inputs: [a], properties: [{name: half, target: h, task: classes}, {name: line, target: y}]}\n"
        "  - {table: sub/half.csv, inputs: [a], learner: ridge, properties: [{name: ridge, target: h, task: classes}]}\n";
    static const char *const NAME[] = { "half", "line", "ridge" };
    static const char *const FILES[] = { "weights.safetensors", "card.json", "recipe.json" };
    char text[6000], path[700], hash[2][9][HG_HASH_SIZE];
    size_t at = (size_t)snprintf(text, sizeof text, "a,h,y\n");
    (void)state;
    for (size_t i = 0; i < 60; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%zu.25,%s,%zu.5\n", i, i % 3 ? "0.5" : "1.5", i * i);
    for (int way = 0; way < 2; way++) {
        kit k;
        open_kit(&k, "factory-locale", NUMBERED);
        snprintf(path, sizeof path, "%s/sub/half.csv", k.folder);
        test_write_file(path, text);
        if (way) test_comma();
        assert_int_equal(run(&k).models, 3);
        test_point();
        for (size_t i = 0; i < 9; i++) {
            snprintf(path, sizeof path, "%s/models/%s/%s", k.work, NAME[i / 3], FILES[i % 3]);
            assert_ok(hg_hash_file(hash[way][i], path, NULL));
        }
        close_kit(&k);
    }
    for (size_t i = 0; i < 9; i++)
        if (strcmp(hash[0][i], hash[1][i]) != 0) fail_msg("%s of %s", FILES[i % 3], NAME[i / 3]);
}

/* ---- refusals ----------------------------------------------------------------------------------------------------------- */

static hg_status refused(const char *from, const char *to, const char *words) {
    char text[4096];
    const char *at = strstr(RECIPE, from);
    kit k;
    hg_factory_tally t;
    hg_err err = { 0 };
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - RECIPE), RECIPE, to, at + strlen(from));
    open_kit(&k, "factory-refused", text);
    const hg_status st = hg_factory_run(&t, k.recipe, &k.o, &err);
    if (words) assert_contains(err.msg, words);
    close_kit(&k);
    return st;
}

static void what_cannot_be_made_is_told(void **state) {
    (void)state;
    assert_int_equal(refused("sub/steel.csv", "sub/iron.csv", "iron.csv"), HG_EIO);
    assert_int_equal(refused("inputs: [a, b]", "inputs: [a, c]", "\"c\""), HG_ENOTFOUND);
    assert_int_equal(refused("inputs: [a, b]", "inputs: [a, useless]", "useless"), HG_EDATA);
    assert_int_equal(refused("target: y,", "target: z,", "\"z\""), HG_ENOTFOUND);
    assert_int_equal(refused("test: t}", "test: u}", "0 rows of the test"), HG_EDATA);
    assert_int_equal(refused("scale: values", "scale: logs", "not positive"), HG_EDATA);
    assert_int_equal(refused("    source: made up\n",
                             "    sha256: 0000000000000000000000000000000000000000000000000000000000000000\n",
                             "not the table of the recipe"),
                     HG_EDATA);
    /* rows with an empty input are left out when the recipe says so: 22 of 150 stay */
    assert_int_equal(refused("inputs: [a, b]", "inputs: [a, useless]\n    leave-out: true", NULL), HG_OK);
}

static void a_folder_of_another_recipe_is_refused(void **state) {
    hg_factory_tally t;
    hg_err err = { 0 };
    kit k;
    (void)state;
    open_kit(&k, "factory-other", RECIPE);
    run(&k);
    hg_recipe *r = k.recipe;
    r->set[0].networks.epochs = 81;
    assert_int_equal(hg_factory_run(&t, r, &k.o, &err), HG_EREFUSED);
    assert_contains(err.msg, "another recipe");
    assert_contains(err.hint, "--work");
    r->set[0].networks.epochs = 80;
    r->set[0].networks.count = 7; /* more of the same series: those that are there stay */
    const hg_factory_tally more = run(&k);
    assert_true(more.found == more.mine - 4);
    k.o.only = "nothing";
    assert_int_equal(hg_factory_run(&t, r, &k.o, &err), HG_ENOTFOUND);
    k.o.only = NULL;
    k.o.shard = 3, k.o.shards = 3;
    assert_int_equal(hg_factory_run(&t, r, &k.o, &err), HG_EINVAL);
    close_kit(&k);
}

/* Held by another process: refused, and nothing is touched. Shards hold a number each, who makes models holds all. */
static void two_in_one_folder_are_refused(void **state) {
    char path[700];
    hg_factory_tally t;
    hg_err err = { 0 };
    kit k;
    int held;
    (void)state;
    open_kit(&k, "factory-locked", RECIPE);
    k.o.only = "line";
    k.o.finish = false, k.o.shards = 2;
    run(&k);
    snprintf(path, sizeof path, "%s/lock", k.work);
    assert_ok(hg_lock_take(&held, path, 0, 1, "", NULL)); /* as the first of two shards */
    assert_int_equal(hg_factory_run(&t, k.recipe, &k.o, &err), HG_EREFUSED);
    assert_contains(err.msg, "another process uses this folder");
    assert_contains(err.hint, "this shard");
    k.o.shard = 1;
    assert_int_equal(run(&k).mine, 2);
    k.o.shard = 0, k.o.shards = 1, k.o.finish = true;
    assert_int_equal(hg_factory_run(&t, k.recipe, &k.o, &err), HG_EREFUSED);
    assert_contains(err.hint, "--work");
    hg_lock_release(held);
    assert_int_equal(run(&k).found, 5);
    assert_ok(hg_lock_take(&held, path, 0, 0, "", NULL)); /* as who makes models */
    k.o.shard = 1, k.o.shards = 2, k.o.finish = false;
    assert_int_equal(hg_factory_run(&t, k.recipe, &k.o, &err), HG_EREFUSED);
    hg_lock_release(held);
    close_kit(&k);
}

/* The same networks and weights, with and without the list of compositions; the model's own recipe keeps to it. */
static void compositions_can_be_left_out(void **state) {
    (void)state;
    static const char COMPOUNDS[] =
        "schema: hagane.factory/1\n"
        "networks: {count: 1, keep: 1, layers: 1, width: 4, epochs: 2, least: 1}\n"
        "sets:\n"
        "  - {table: sub/oxides.csv, formula: f, descriptor: fractions, properties: [{name: net, target: y}]}\n"
        "  - {table: sub/oxides.csv, formula: f, descriptor: fractions, learner: ridge, properties: [{name: line, target: y}]}\n";
    static const char *const NAME[] = { "net", "line" };
    static const char *const METAL[] = { "Fe", "Ni", "Co", "Ti", "Al", "Mg", "Zn", "Ca" };
    char text[2000], path[700];
    size_t at = (size_t)snprintf(text, sizeof text, "f,y\n");
    kit k;
    for (size_t i = 0; i < 40; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%zuO,%zu\n", METAL[i % 8], i / 8 + 1, 3 * (i % 8) + i);
    open_kit(&k, "factory-unlisted", COMPOUNDS);
    snprintf(path, sizeof path, "%s/sub/oxides.csv", k.folder);
    test_write_file(path, text);
    for (int way = 0; way < 2; way++) { /* with the list, then without it in the same folder of work */
        for (size_t i = 0; i < 2; i++) k.recipe->set[i].unlisted = way == 1;
        const hg_factory_tally t = run(&k);
        assert_int_equal(t.models, 2);
        assert_int_equal(t.found, way); /* the network; the learner's model is made anew */
        for (size_t i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "%s/models/%s/card.json", k.work, NAME[i]);
            char *card = test_read_file(path);
            assert_non_null(card);
            assert_true((strstr(card, "\"compositions\":") != NULL) == (way == 0));
            free(card);
        }
    }
    hg_recipe *whole = k.recipe;
    snprintf(path, sizeof path, "%s/models/net/recipe.json", k.work);
    assert_ok(hg_recipe_read(&k.recipe, path, NULL));
    assert_true(k.recipe->set[0].unlisted);
    hg_recipe_free(k.recipe);
    k.recipe = whole;
    close_kit(&k);
}

/* A network's file that was cut, or is another file's: an error, no model. */
static void damaged_networks_are_told(void **state) {
    char command[1100];
    hg_factory_tally t;
    hg_err err = { 0 };
    kit k;
    (void)state;
    open_kit(&k, "factory-damaged", RECIPE);
    k.o.only = "line";
    k.o.finish = false;
    run(&k);
    snprintf(command, sizeof command, "truncate -s -3 '%s/networks/line/000002.safetensors'", k.work);
    assert_int_equal(program_shell(command).code, 0);
    assert_int_equal(hg_factory_run(&t, k.recipe, &k.o, &err), HG_EPARSE);
    assert_contains(err.msg, "000002.safetensors");
    snprintf(command, sizeof command, "cp '%s/networks/line/000001.safetensors' '%s/networks/line/000002.safetensors'",
             k.work, k.work);
    assert_int_equal(program_shell(command).code, 0);
    assert_int_equal(hg_factory_run(&t, k.recipe, &k.o, &err), HG_EREFUSED);
    close_kit(&k);
}

static void failing_allocations_are_told(void **state) {
    static const char TINY[] = "schema: hagane.factory/1\n"
                               "networks: {count: 1, keep: 1, layers: 1, width: 4, epochs: 1, least: 1}\n"
                               "sets:\n"
                               "  - table: sub/steel.csv\n"
                               "    inputs: [a, b]\n"
                               "    leave-out: true\n"
                               "    properties: [{name: tiny, target: y}]\n";
    kit k;
    (void)state;
    open_kit(&k, "factory-faults", TINY);
    hg_status st = HG_ENOMEM;
    for (long i = 0; st == HG_ENOMEM; i += 1 + i / 15) {
        hg_factory_tally t;
        hg_err err = { 0 };
        char command[600];
        snprintf(command, sizeof command, "%s/networks/tiny/000000.safetensors", k.work);
        remove(command);
        snprintf(command, sizeof command, "%s/models/tiny/recipe.json", k.work);
        remove(command);
        fail_alloc_after(i);
        st = hg_factory_run(&t, k.recipe, &k.o, &err);
        fail_alloc_after(-1);
        assert_true(i < 100000 && (st == HG_OK || (st == HG_ENOMEM && err.msg[0])));
    }
    close_kit(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(models_have_cards),
        TEST(the_card_tells_the_truth),
        TEST(the_best_networks_are_kept),
        TEST(stops_shards_and_threads_change_nothing),
        TEST(a_model_makes_itself_again),
        TEST(the_locale_changes_nothing),
        TEST(what_cannot_be_made_is_told),
        TEST(a_folder_of_another_recipe_is_refused),
        TEST(two_in_one_folder_are_refused),
        TEST(compositions_can_be_left_out),
        TEST(damaged_networks_are_told),
        TEST(failing_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
