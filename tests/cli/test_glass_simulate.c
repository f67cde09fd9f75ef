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
    static const char *const STAGES[] = { "stages.equilibrate", "stages.quench", "stages.cage", "stages.runs" };
    for (size_t k = 0; k < 4; k++) assert_true(json_number(r.out, STAGES[k]) > 0);
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

/* Killed at once when a file of its work appears, again and again: the last command goes on, and the snapshots have the bits of an undisturbed run. */
static void killed_and_continued(void **state) {
    (void)state;
    char folder[256], script[3000];
    test_scratch(folder, sizeof folder, "killed");
    snprintf(
        script, sizeof script,
        "rm -rf '%s' && mkdir -p '%s' && cd '%s' || exit 1\n"
        "simulate() { exec \"$HAGANE\" glass simulate --particles 225 --liquids 2 --snapshots 1 --melt 8 --cool 8 --equilibrate 6 --cage 2 "
        "--runs 4 --times 0.12,2 --temperature 0.8 --seed 5 --out \"$1\" -q; }\n"
        "(simulate whole) || exit 1\n"
        "for try in 1 2 3 4 5 6 7 8 9; do\n" /* on a busy machine a simulation may be done before the shell looks */
        "  kills=0; rm -rf parts\n"
        "  for mark in work/plan.piece work/l001.piece work/l002s001.piece work/l001s001.piece.runs/run0.piece "
        "l001s001.safetensors work/l002s001.piece.runs/run2.piece; do\n"
        "    (simulate parts) & at=$!\n"
        "    while kill -0 $at 2>/dev/null && ! [ -e parts/$mark ]; do sleep 0.01; done\n"
        "    kill -9 $at 2>/dev/null; wait $at 2>/dev/null; [ $? = 137 ] && kills=$((kills + 1))\n"
        "  done\n"
        "  [ $kills -ge 3 ] && echo killed and killed again && break\n"
        "done\n"
        "mkdir -p parts/work/l001s001.piece.runs parts/work/l002s001.piece.runs && cd parts || exit 1\n"
        "touch .l001s001.safetensors.hagane-1-0 work/.l002.piece.hagane-1-0 work/l001s001.piece.runs/.run3.piece.hagane-1-0 .kept\n"
        "cd .. && (simulate parts) || exit 1\n"
        "[ -e parts/.kept ] || exit 1\n"
        "for s in l001s001 l002s001; do cmp whole/$s.safetensors parts/$s.safetensors || exit 1; done\n"
        "ls -A parts parts/work | grep -v 'piece$\\|safetensors$\\|^$\\|:$\\|^work$\\|^.lock$\\|^.kept$' && exit 1\n"
        "cd / && rm -rf '%s' && echo the same\n",
        folder, folder, folder, folder);
    const program_result r = program_shell(script);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "killed and killed again");
    assert_contains(r.out, "the same");
}

static void one_process_at_a_time(void **state) {
    (void)state;
    char folder[256], script[2000];
    test_scratch(folder, sizeof folder, "together");
    snprintf(
        script, sizeof script,
        "rm -rf '%s'\n"
        "simulate() { exec \"$HAGANE\" glass simulate --particles 225 --liquids 1 --equilibrate 1e6 --out '%s' -q; }\n"
        "(simulate) & at=$!\n"
        "while kill -0 $at 2>/dev/null && ! [ -e '%s/work/l001.piece' ]; do sleep 0.01; done\n"
        "(simulate) 2>&1; echo \"ended with $?\"\n"
        "kill -9 $at; wait $at 2>/dev/null; rm -rf '%s'\n",
        folder, folder, folder, folder);
    const program_result r = program_shell(script);
    assert_contains(r.out, "another process uses this folder");
    assert_contains(r.out, "name another folder with --out");
    assert_null(strstr(r.out, "ended with 0"));
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
    const struct CMUnitTest tests[] = { TEST(made_and_kept), TEST(killed_and_continued), TEST(one_process_at_a_time),
                                        TEST(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
