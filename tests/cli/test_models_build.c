/* tests/cli/test_models_build.c -- `hagane models build`: a pack, kills at any moment, shards, models that are used, bad options */
#include "files/lock.h"
#include "program.h"
#include "test.h"

static char folder[400], command[4000];

static void setup_folder(const char *name) {
    static char text[20000];
    char path[600];
    test_scratch(folder, sizeof folder, name);
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s/data'", folder, folder);
    assert_int_equal(program_shell(command).code, 0);
    hg_rng r = hg_rng_make(1, 0);
    size_t at = (size_t)snprintf(text, sizeof text, "compound,p,y\n");
    static const char *const COMPOUND[] = { "Fe2O3", "NiO", "CoO", "TiC", "Al2O3", "MgO", "SiC", "ZnO", "CaO", "TiO2" };
    for (size_t i = 0; i < 200; i++) {
        const double p = hg_rng_normal(&r);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s,%.4f,%.4f\n", COMPOUND[i % 10], p,
                               2 * p + (double)(i % 10) + 0.1 * hg_rng_normal(&r));
    }
    snprintf(path, sizeof path, "%s/data/t.csv", folder);
    test_write_file(path, text);
    snprintf(path, sizeof path, "%s/r.yaml", folder);
    test_write_file(path,
                    "schema: hagane.factory/1\n"
                    "networks: {count: 8, keep: 3, layers: [1, 2], width: [10, 20], epochs: 25, least: 25, batch: 8}\n"
                    "sets:\n"
                    "  - table: t.csv\n"
                    "    licence: CC0\n"
                    "    formula: compound\n"
                    "    inputs: [p]\n"
                    "    properties:\n"
                    "      - {name: first, target: y, what: strength, unit: MPa}\n");
}

static program_result in_folder(const char *words) {
    snprintf(command, sizeof command, "cd '%s' && %s", folder, words);
    return program_shell(command);
}

static void clean(void) {
    in_folder("cd .. && rm -rf \"$OLDPWD\"");
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(program_shell(command).code, 0);
}

static void a_pack_is_made_and_used(void **state) {
    (void)state;
    setup_folder("build");
    program_result r = in_folder("$HAGANE models build r.yaml --data data --out all.hgpack");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "first");
    assert_contains(r.out, "mean absolute error of test");
    assert_contains(r.out, "1 models in all.hgpack, 1 of them new");
    r = in_folder("$HAGANE models build r.yaml --data data --out all.hgpack --json");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "\"found\":8");
    assert_contains(r.out, "\"copied\":0");
    r = in_folder("$HAGANE models verify --library all.hgpack && $HAGANE models show first --library all.hgpack");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "the mean of 3 of 8 networks");
    assert_contains(r.out, "strength (MPa)\n"); /* once */
    assert_contains(r.out, "CC0");
    assert_contains(r.out, "share of test inside 90 % intervals");
    r = in_folder("$HAGANE predict --model all.hgpack/first data/t.csv");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "p,y,strength (MPa),strength low 90 % (MPa)");
    r = in_folder("$HAGANE models build all.hgpack.work/models/first/recipe.json --data data --out again && "
                  "cmp again/first/weights.safetensors all.hgpack.work/models/first/weights.safetensors");
    assert_int_equal(r.code, 0);
    clean();
}

/* Killed again and again, at other moments each time, until one run ends by itself. */
static void kills_change_nothing(void **state) {
    (void)state;
    setup_folder("build-killed");
    assert_int_equal(in_folder("$HAGANE models build r.yaml --data data --out whole.hgpack --threads 1 -q").code, 0);
    program_result r = in_folder(
        "n=0; for t in 0.02 0.03 0.05 0.08 0.12 0.2 0.3 0.5 0.8 1.2 2 4 8 16 32; do "
        "timeout -s KILL $t $HAGANE models build r.yaml --data data --out killed.hgpack --threads 2 -q && break; n=$((n+1)); "
        "done 2>/dev/null; echo killed $n times; cmp whole.hgpack killed.hgpack && ls -A");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "killed.hgpack.work");
    assert_null(strstr(r.out, "killed 0 times"));
    clean();
}

static void shards_make_the_same_pack(void **state) {
    (void)state;
    setup_folder("build-shards");
    assert_int_equal(in_folder("$HAGANE models build r.yaml --data data --out whole.hgpack -q").code, 0);
    program_result r =
        in_folder("for i in 2 0 1; do $HAGANE models build r.yaml --data data --work w --shard $i/3 || exit 1; done");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "shard 2 of 3: 2 of 8 pieces are in w, 0 of them were there already");
    assert_int_equal(
        in_folder("$HAGANE models build r.yaml --data data --work w --out b.hgpack -q && cmp b.hgpack whole.hgpack")
            .code,
        0);
    r = in_folder("$HAGANE models build r.yaml --data data --work w2 --shard 0/3 -q && "
                  "$HAGANE models build r.yaml --data data --work w2 --shard 0/3 --json");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "\"found\":3");
    clean();
}

static void a_second_process_is_refused(void **state) {
    (void)state;
    char path[600];
    int held;
    setup_folder("build-two");
    assert_int_equal(in_folder("mkdir w").code, 0);
    snprintf(path, sizeof path, "%s/w/lock", folder);
    assert_ok(hg_lock_take(&held, path, 0, 0, "w", NULL)); /* the first one */
    const program_result r = in_folder("$HAGANE models build r.yaml --data data --work w --out x.hgpack");
    assert_int_equal(r.code, 5);
    assert_contains(r.err, "w: another process uses this folder");
    assert_contains(r.err, "hint: wait until it is done, or stop it, or name another folder with --work");
    assert_int_equal(in_folder("test ! -e x.hgpack && test ! -e w/networks/first").code, 0);
    hg_lock_release(held);
    assert_int_equal(in_folder("$HAGANE models build r.yaml --data data --work w --out x.hgpack -q").code, 0);
    clean();
}

/* With --unlisted no command can tell what a model has learned from; the models say the same. */
static void lists_can_be_left_out(void **state) {
    (void)state;
    setup_folder("build-unlisted");
    program_result r = in_folder("$HAGANE models build r.yaml --data data --out listed -q && "
                                 "$HAGANE models build r.yaml --data data --out unlisted --unlisted -q && "
                                 "grep -c '\"compositions\":' listed/first/card.json");
    assert_int_equal(r.code, 0);
    r = in_folder("grep -c '\"compositions\":' unlisted/first/card.json");
    assert_int_equal(r.code, 1);
    r = in_folder("$HAGANE predict --model listed/first data/t.csv -q > a.csv && "
                  "$HAGANE predict --model unlisted/first data/t.csv -q > b.csv && cmp a.csv b.csv");
    assert_int_equal(r.code, 0);
    clean();
}

static void refused(const char *words, const char *sentence) {
    char line[1000];
    snprintf(line, sizeof line, "$HAGANE models build %s", words);
    const program_result r = in_folder(line);
    assert_true(r.code > 0 && r.code < 20);
    assert_contains(r.err, sentence);
}

static void bad_options_are_told(void **state) {
    (void)state;
    setup_folder("build-bad");
    refused("r.yaml --data data", "where are the models to go?");
    refused("r.yaml --data data --work w", "where are the models to go?");
    refused("r.yaml --data nowhere --out x", "nowhere/t.csv");
    refused("r.yaml --data data --out x --shard 3/3", "I from 0 to N-1");
    refused("r.yaml --data data --out x --shard 1", "I from 0 to N-1");
    refused("r.yaml --data data --out x --shard=-1/3", "I from 0 to N-1");
    refused("r.yaml --data data --out x --only second", "no property \"second\"");
    refused("data/t.csv --data data --out x", "t.csv:1");
    refused("missing.yaml --data data --out x", "missing.yaml");
    clean();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_pack_is_made_and_used),     TEST(kills_change_nothing),  TEST(shards_make_the_same_pack),
        TEST(a_second_process_is_refused), TEST(lists_can_be_left_out), TEST(bad_options_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
