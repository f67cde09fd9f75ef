/* tests/cli/test_train_resume.c -- `hagane train`, killed and asked to stop at random moments, goes on and ends with the same bytes */
#include "files/hash.h"
#include "program.h"
#include "test.h"
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STOPS = 6 }; /* each starts the program once more */
#else
enum { STOPS = 20 };
#endif
enum { PATH = 512, EPOCHS = 20, MOST_ROUNDS = 200 };
static const char OPTIONS[] = "--set epochs=20 --set width=16 --set hk=8 --set rate=0.003 --seed 3";

/* Where a run works: FOLDER/model/, model.checkpoint, log.jsonl. It learns 34 molecules of QM9. */
typedef struct {
    char folder[PATH], command[4 * PATH], checkpoint[PATH + 40], weights[PATH + 40], log[PATH + 40];
} place;

static void go_to(place *p, const char *name) {
    char command[2 * PATH], train[PATH], validation[PATH];
    test_source(train, sizeof train, "data/qm9-under7/energy_train.txt.xz");
    test_source(validation, sizeof validation, "data/qm9-under7/energy_val.txt.xz");
    test_scratch(p->folder, sizeof p->folder, name);
    snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
    assert_int_equal(program_shell(command).code, 0);
    assert_int_equal(mkdir(p->folder, 0777), 0);
    snprintf(
        p->command, sizeof p->command,
        "cd '%s' && exec \"$HAGANE\" train --arch qdf-classic '%s' --validation '%s' %s --log log.jsonl --out model "
        "--resume --threads 2",
        p->folder, train, validation, OPTIONS);
    snprintf(p->checkpoint, sizeof p->checkpoint, "%s/model.checkpoint", p->folder);
    snprintf(p->weights, sizeof p->weights, "%s/model/weights.safetensors", p->folder);
    snprintf(p->log, sizeof p->log, "%s/log.jsonl", p->folder);
}

/* Starts it and sends the signal after so many microseconds. */
static program_result interrupted(const place *p, int number, unsigned after) {
    char command[PATH];
    setenv("RUN", p->command, 1);
    snprintf(command, sizeof command, "sh -c \"$RUN\" & p=$!; sleep %u.%06u; kill -%d $p 2>/dev/null; wait $p",
             after / 1000000, after % 1000000, number);
    return program_shell(command);
}

/* Starts it and sends the signal once there is a checkpoint: no clock says whether it is too early. A shell's background process ignores
 * SIGINT until the program has its handler. */
static void interrupted_when_begun(const place *p, int number) {
    char command[4 * PATH];
    setenv("RUN", p->command, 1);
    snprintf(
        command, sizeof command,
        "sh -c \"$RUN\" & p=$!; i=0; while [ ! -e '%s' ] && [ ! -e '%s' ] && [ $i -lt 6000 ]; do i=$((i+1)); sleep 0.01; "
        "done; kill -%d $p 2>/dev/null; wait $p",
        p->checkpoint, p->weights, number);
    (void)program_shell(command);
}

static void check_log(const place *a, const place *b) { /* the same but for the clock */
    char line[2][1024];
    FILE *f[2];
    const place *const of[2] = { a, b };
    for (int k = 0; k < 2; k++) {
        f[k] = fopen(of[k]->log, "r");
        assert_non_null(f[k]);
    }
    int epochs = 0;
    for (; fgets(line[0], sizeof line[0], f[0]); epochs++) {
        assert_non_null(fgets(line[1], sizeof line[1], f[1]));
        for (int k = 0; k < 2; k++) {
            char *clock = strstr(line[k], ",\"seconds\"");
            assert_non_null(clock);
            *clock = '\0';
        }
        assert_string_equal(line[0], line[1]);
    }
    assert_null(fgets(line[1], sizeof line[1], f[1]));
    assert_int_equal(epochs, EPOCHS);
    fclose(f[0]);
    fclose(f[1]);
}

static void killed_and_stopped_at_random_moments(void **state) {
    (void)state;
    static place want, got;
    char hash[2][HG_HASH_SIZE];
    hg_rng rng = hg_rng_make(77, 0);
    int stops = 0, asked = 0, kills = 0;
    go_to(&want, "resume-undisturbed");
    program_result whole = program_shell(want.command);
    if (whole.code != 0) fail_msg("%s", whole.err);
    assert_false(test_file_exists(want.checkpoint)); /* complete: no longer needed */
    go_to(&got, "resume-disturbed");
    unsigned most = 40000; /* microseconds: becomes such that stops land in the training */
    for (int round = 0; stops < STOPS; round++) {
        assert_true(round < MOST_ROUNDS);
        const int number = stops % 2 ? SIGKILL : SIGTERM;
        const bool begun = test_file_exists(got.checkpoint);
        const program_result r = interrupted(&got, number, 1000 + (unsigned)hg_rng_below(&rng, most));
        const bool kept = test_file_exists(got.checkpoint);
        if (r.code == 0) { /* through: once more from the beginning */
            assert_int_equal(unlink(got.weights), 0);
            most = most / 4 * 3;
            continue;
        }
        if (test_file_exists(
                got.weights)) { /* killed between its last write and its end, which takes long on a busy disk */
            assert_int_equal(unlink(got.weights), 0);
            continue;
        }
        assert_true(kept || !begun); /* what was there stays */
        if (!kept) {                 /* before the first epoch was done */
            most += most / 4;
            continue;
        }
        const bool heard = strstr(r.err, "training was stopped in epoch") != NULL;
        if (number == SIGTERM && !heard) { /* before the program could hear it */
            most += most / 4;
            continue;
        }
        stops++;
        kills += number == SIGKILL;
        asked += heard;
        if (!heard) continue;
        if (r.code != 130) fail_msg("it left with %d: %s", r.code, r.err);
        assert_contains(r.err, "the same command with --resume goes on from model.checkpoint");
    }
    assert_true(asked == STOPS / 2 && kills == STOPS / 2);
    const program_result last = program_shell(got.command);
    if (last.code != 0) fail_msg("%s", last.err);
    assert_ok(hg_hash_file(hash[0], want.weights, NULL));
    assert_ok(hg_hash_file(hash[1], got.weights, NULL));
    assert_string_equal(hash[0], hash[1]);
    check_log(&want, &got);
}

static program_result without(const place *p, const char *word, const char *instead) {
    char command[5 * PATH];
    const char *at = strstr(p->command, word);
    assert_non_null(at);
    snprintf(command, sizeof command, "%.*s%s%s", (int)(at - p->command), p->command, instead, at + strlen(word));
    return program_shell(command);
}

static void a_checkpoint_is_not_lost_by_mistake(void **state) {
    (void)state;
    place p;
    go_to(&p, "resume-words");
    for (int round = 0; !test_file_exists(p.checkpoint); round++) {
        assert_true(round < MOST_ROUNDS);
        interrupted_when_begun(&p, SIGINT);
    }
    program_result r = without(&p, "--resume", "");
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "model.checkpoint is the checkpoint of a training that was begun");
    assert_contains(r.err, "--resume goes on with it; remove it to begin anew");
    r = without(&p, "--seed 3", "--seed 4");
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "model.checkpoint: is a checkpoint of a run with other options");
    r = without(&p, "--set hk=8", "--set hk=9");
    assert_contains(r.err, "model.checkpoint: is a checkpoint of another network");
    r = without(&p, "energy_val", "energy_test");
    assert_contains(r.err, "model.checkpoint: is a checkpoint of a run on other data");
    r = program_shell(p.command);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "model: qdf-classic 1, learned from 34 molecules");
    assert_false(test_file_exists(p.checkpoint));
}

static void bad_options_are_refused(void **state) {
    (void)state;
    place p;
    go_to(&p, "resume-refused");
    program_result r = without(&p, "epochs=20", "epochs=0");
    assert_int_equal(r.code, 2);
    assert_contains(r.err, "--set epochs: 0 is outside of 1 to 1e+06");
    r = without(&p, "epochs=20", "steps=20");
    assert_contains(r.err, "qdf-classic has no option \"steps\"");
    r = without(&p, "energy_train", "nothing");
    assert_int_equal(r.code, 1);
    assert_false(test_file_exists(p.checkpoint));
    r = without(&p, "--arch qdf-classic", "--arch qdf2");
    assert_true(r.code != 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(killed_and_stopped_at_random_moments),
                                        TEST(a_checkpoint_is_not_lost_by_mistake), TEST(bad_options_are_refused) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    program_forget();
    return failed;
}
