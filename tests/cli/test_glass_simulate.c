/* tests/cli/test_glass_simulate.c -- `hagane glass simulate`: labelled snapshots from nothing, kept when asked again */
#include "hagane/snapshot_file.h"
#include "json.h"
#include "program.h"
#include "test.h"

static program_result simulate(const char *out, const char *snapshots) {
    return program_run("glass", "simulate", "--particles", "225", "--liquids", "1", "--snapshots", snapshots, "--melt",
                       "3", "--cool", "3", "--equilibrate", "1", "--between", "2", "--cage", "1", "--runs", "2",
                       "--times", "0.12,0.6", "--temperature", "0.8", "--seed", "3", "--out", out, "--json", NULL);
}

static void made_and_kept(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    char folder[256], line[600];
    test_scratch(folder, sizeof folder, "made");
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    assert_int_equal(system(line), 0);
    program_result r = simulate(folder, "1");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "\"made\":1");
    r = simulate(folder, "2");
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "\"kept\":1");
    hg_snapshot_set *set;
    hg_snapshot *s;
    hg_err err = { 0 };
    assert_ok_err(hg_snapshot_set_open(&set, folder, NULL, &err), err);
    assert_int_equal(hg_snapshot_set_count(set), 2);
    assert_ok_err(hg_snapshot_set_read(&s, set, 1, *state, &err), err);
    assert_string_equal(s->id, "l001s002");
    assert_close(s->temperature, 0.8, 1e-12);
    assert_close(s->time[1], 0.6, 1e-12);
    assert_int_equal(s->runs, 2);
    assert_non_null(s->inherent);
    assert_non_null(s->cage_covariance);
    assert_non_null(s->stretch);
    hg_snapshot_set_free(set);
    r = program_run("glass", "simulate", "--particles", "225", "--liquids", "1", "--out", folder, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "begun with other options");
    assert_int_equal(system(line), 0);
    hg_arena_reset(*state, start);
}

static void refusals(void **state) {
    (void)state;
    char folder[256];
    test_scratch(folder, sizeof folder, "none");
    program_result r = program_run("glass", "simulate", "--particles", "100", "--out", folder, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "twice");
    r = program_run("glass", "simulate", "--times", "1,soon", "--out", folder, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--times 1,soon");
    r = program_run("glass", "simulate", "--times", "2,1", "--out", folder, NULL);
    assert_int_not_equal(r.code, 0);
    r = program_run("glass", "simulate", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--out FOLDER");
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(made_and_kept), TEST(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
