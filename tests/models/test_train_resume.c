/* tests/models/test_train_resume.c -- a run that was stopped goes on with the same bits, wherever and however it was stopped; checkpoints of others
 * are refused */
#include "core/memory.h"
#include "files/safetensors.h"
#include "json.h"
#include "learner.h"
#include "test.h"
#include "tensor/params.h"
#include <glob.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOPS = 20, EPOCHS = 5 };

/* A run: its options, its two files, and how to make its network. */
typedef struct {
    hg_train_opts o;
    char checkpoint[512], log[512];
    hg_dtype dtype;
    unsigned phases;
    unsigned char *want; /* the values that an undisturbed run ends with */
    hg_train_result result;
} scene;

static void network(learner *l, const scene *s) {
    learner_new(l, s->dtype);
    l->trainable.phases = s->phases;
}

static void start(scene *s) {
    test_scratch(s->checkpoint, sizeof s->checkpoint, "resume.checkpoint");
    test_scratch(s->log, sizeof s->log, "resume.jsonl");
    unlink(s->checkpoint);
    unlink(s->log);
    s->o.checkpoint = s->checkpoint;
    s->o.log = s->log;
}

static void undisturbed(scene *s) {
    learner l;
    hg_train_opts o = s->o;
    hg_err err;
    network(&l, s);
    o.checkpoint = o.log = NULL;
    assert_ok_err(hg_train(&s->result, &l.trainable, &o, &err), err);
    s->want = malloc(hg_params_bytes(l.p));
    memcpy(s->want, l.p->values, hg_params_bytes(l.p));
    learner_free(&l);
    start(s);
}

static void scene_of(scene *s, const hg_train_opts *o, hg_dtype dtype, unsigned phases) {
    *s = (scene) { .o = *o, .dtype = dtype, .phases = phases };
    undisturbed(s);
}

static void clean(scene *s) {
    unlink(s->checkpoint);
    unlink(s->log);
    free(s->want);
}

/* Goes on, as a program that was started anew: nothing of the network is left but what is made again, and that is spoilt. */
static hg_status go_on(hg_train_result *r, scene *s, const hg_hooks *hooks, long allocations, hg_err *err) {
    learner l;
    hg_train_opts o = s->o;
    network(&l, s);
    if (access(s->checkpoint, R_OK) == 0) hg_params_set(l.p, 0, (double[LEARNER_HIDDEN * LEARNER_IN]) { 7 });
    o.resume = true;
    o.hooks = hooks;
    fail_alloc_after(allocations);
    const hg_status st = hg_train(r, &l.trainable, &o, err);
    fail_alloc_after(-1);
    if (st == HG_OK) assert_memory_equal(l.p->values, s->want, hg_params_bytes(l.p));
    learner_free(&l);
    return st;
}

static void ends_as_if_undisturbed(scene *s) {
    hg_train_result r;
    hg_err err;
    assert_ok_err(go_on(&r, s, NULL, -1, &err), err);
    assert_int_equal(r.epochs, s->result.epochs);
    assert_int_equal(r.steps, s->result.steps);
    assert_int_equal(r.best_epoch, s->result.best_epoch);
    assert_true(r.metric == s->result.metric);
    assert_ok_err(go_on(&r, s, NULL, -1, &err), err); /* once more: it is at its end, and says the same */
    assert_true(r.metric == s->result.metric && isnan(r.loss));
}

/* ---- stops ---------------------------------------------------------------------------------------------------- */

static void stopped_twenty_times(const hg_train_opts *o, hg_dtype dtype, unsigned phases) {
    scene s;
    scene_of(&s, o, dtype, phases);
    hg_rng r = hg_rng_make(31, phases);
    hg_err err;
    size_t stops = 0;
    for (size_t round = 0; stops < STOPS; round++) {
        learner_stop stop;
        hg_train_result out;
        learner_stop_at(&stop, 1 + hg_rng_below(&r, 12));
        const hg_status st = go_on(&out, &s, &stop.hooks, -1, &err);
        if (st == HG_OK) { /* through: once more from the beginning */
            start(&s);
            continue;
        }
        assert_int_equal(st, HG_ECANCEL);
        assert_contains(err.msg, "training was stopped in epoch");
        assert_contains(err.hint, s.checkpoint);
        stops++;
        assert_true(round < 100);
    }
    ends_as_if_undisturbed(&s);
    clean(&s);
}

static void stopped_by_a_callback(void **state) {
    (void)state;
    hg_train_opts o = learner_opts(), sgd = o, plateau = o;
    stopped_twenty_times(&o, HG_F32, 1);
    sgd.optimizer = hg_optimizer_opts_default();
    sgd.optimizer.kind = HG_SGD;
    sgd.optimizer.momentum = 0.9;
    sgd.optimizer.nesterov = true;
    sgd.rate = 0.02;
    sgd.part = 7;
    stopped_twenty_times(&sgd, HG_F64, 2);
    plateau.schedule.kind = HG_RATE_PLATEAU;
    plateau.schedule.patience = 0;
    plateau.schedule.gain = 0.5;
    plateau.patience = 4;
    plateau.gain = 0.3;
    plateau.epochs = 30;
    stopped_twenty_times(&plateau, HG_F32, 1);
}

static void stopped_by_lack_of_memory(void **state) {
    (void)state;
    hg_train_opts o = learner_opts();
    o.checkpoint_steps = 2;
    scene s;
    scene_of(&s, &o, HG_F32, 1);
    hg_rng r = hg_rng_make(32, 0);
    hg_err err;
    size_t stops = 0;
    for (size_t round = 0; stops < STOPS; round++) {
        hg_train_result out;
        const hg_status st = go_on(&out, &s, NULL, (long)hg_rng_below(&r, 400), &err);
        if (st == HG_OK) {
            start(&s);
            continue;
        }
        assert_int_equal(st, HG_ENOMEM);
        stops++;
        assert_true(round < 200);
    }
    ends_as_if_undisturbed(&s);
    clean(&s);
}

/* ---- kills ---------------------------------------------------------------------------------------------------- */

static bool kill_self(void *user, const char *what, size_t done, size_t total) {
    size_t *left = user;
    (void)what, (void)done, (void)total;
    if (--*left == 0) raise(SIGKILL);
    return true;
}

/* In a process of its own, which a signal ends: at the n-th call of progress, or when a file grows beyond `bytes`. */
static int killed(scene *s, size_t n, size_t bytes) {
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const hg_hooks hooks = { .progress = kill_self, .user = &n };
        hg_train_result r;
        if (bytes) {
            const struct rlimit limit = { bytes, bytes };
            signal(SIGXFSZ, SIG_DFL);
            setrlimit(RLIMIT_FSIZE, &limit);
        }
        _exit(go_on(&r, s, &hooks, -1, NULL) == HG_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static char *content(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *bytes = calloc(1 << 20, 1);
    *n = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

/* What killed writers leave behind: never in the way. */
static size_t remove_leavings(const char *path) {
    char pattern[600];
    const char *slash = strrchr(path, '/');
    glob_t found;
    snprintf(pattern, sizeof pattern, "%.*s/.%s.hagane-*", (int)(slash - path), path, slash + 1);
    if (glob(pattern, 0, NULL, &found) != 0) return 0;
    const size_t n = found.gl_pathc;
    for (size_t i = 0; i < n; i++) unlink(found.gl_pathv[i]);
    globfree(&found);
    return n;
}

static void check_log(const char *path, const char *undisturbed_path) {
    char a[1024], b[1024];
    FILE *got = fopen(path, "r"), *want = fopen(undisturbed_path, "r");
    assert_true(got && want);
    for (int i = 1; i <= EPOCHS; i++) {
        assert_true(fgets(a, sizeof a, got) && fgets(b, sizeof b, want));
        assert_true(json_number(a, "epoch") == i);
        assert_string_equal(a, b); /* without a clock: the same bytes */
    }
    assert_null(fgets(a, sizeof a, got));
    fclose(got);
    fclose(want);
}

static void killed_at_any_moment(void **state) {
    (void)state;
    char other[512];
    hg_train_opts o = learner_opts();
    hg_train_result r;
    learner l;
    o.checkpoint_steps = 2;
    scene s;
    scene_of(&s, &o, HG_F32, 1);
    o.log = test_scratch(other, sizeof other, "undisturbed.jsonl");
    network(&l, &s);
    assert_ok(hg_train(&r, &l.trainable, &o, NULL));
    learner_free(&l);

    hg_rng rng = hg_rng_make(33, 0);
    int kills = 0;
    for (int round = 0; kills < 12; round++) {
        if (killed(&s, 1 + hg_rng_below(&rng, 12), 0) == SIGKILL)
            kills++;
        else
            start(&s);
        assert_true(round < 60);
    }
    ends_as_if_undisturbed(&s);
    check_log(s.log, other);
    unlink(other);
    clean(&s);
}

/* A checkpoint is some 12 kB. */
static void killed_while_writing_a_checkpoint(void **state) {
    (void)state;
    hg_train_opts o = learner_opts();
    learner_stop stop;
    hg_train_result r;
    size_t before, after;
    scene s;
    scene_of(&s, &o, HG_F32, 1);
    learner_stop_at(&stop, 9);
    assert_int_equal(go_on(&r, &s, &stop.hooks, -1, NULL), HG_ECANCEL);
    char *old = content(s.checkpoint, &before);
    for (size_t bytes = 1000; bytes < 9000; bytes += 3500) assert_int_equal(killed(&s, SIZE_MAX, bytes), SIGXFSZ);
    assert_int_equal(remove_leavings(s.checkpoint), 3);
    char *new = content(s.checkpoint, &after);
    assert_int_equal(before, after);
    assert_memory_equal(old, new, before);
    free(old);
    free(new);
    ends_as_if_undisturbed(&s);
    clean(&s);
}

/* ---- refusals ------------------------------------------------------------------------------------------------- */

static void refused(const hg_trainable *m, const hg_train_opts *o, hg_status want, const char *words) {
    hg_train_result r;
    hg_err err = { .code = HG_OK };
    const size_t bytes = hg_params_bytes(m->params);
    void *before = malloc(bytes);
    memcpy(before, m->params->values, bytes);
    const hg_status st = hg_train(&r, m, o, &err);
    if (st != want) fail_msg("%s instead of %s: %s", hg_status_name(st), hg_status_name(want), err.msg);
    assert_contains(err.msg, o->checkpoint);
    assert_contains(err.msg, words);
    assert_memory_equal(before, m->params->values, bytes); /* nothing of it was taken over */
    free(before);
}

static void checkpoints_of_others_are_refused(void **state) {
    (void)state;
    hg_train_opts o = learner_opts();
    learner_stop stop;
    hg_train_result r;
    learner l, wide;
    scene s;
    scene_of(&s, &o, HG_F32, 1);
    learner_stop_at(&stop, 10);
    assert_int_equal(go_on(&r, &s, &stop.hooks, -1, NULL), HG_ECANCEL);
    learner_new(&l, HG_F32);
    s.o.resume = true;
    hg_trainable m;
#define BAD_NETWORK(field, value, words) m = l.trainable, m.field = value, refused(&m, &s.o, HG_EDATA, words)
#define BAD_OPTION(field, value)         o = s.o, o.field = value, refused(&l.trainable, &o, HG_EDATA, "other options")
    BAD_NETWORK(name, "learner 2", "is a checkpoint of \"learner 1\", not of \"learner 2\"");
    BAD_NETWORK(phases, 2, "of another network");
    BAD_NETWORK(identity, "other data", "on other data");
    BAD_NETWORK(identity, NULL, "on other data");
    BAD_NETWORK(items, 99, "on other data");
    BAD_OPTION(rate, 1e-3);
    BAD_OPTION(batch, 8);
    BAD_OPTION(seed, 10);
    BAD_OPTION(part, 1);
    BAD_OPTION(bf16, true);
    BAD_OPTION(epochs, 6); /* the cosine's length */
    BAD_OPTION(optimizer.beta2, 0.99);
    BAD_OPTION(optimizer.average, 0);
    BAD_OPTION(optimizer.kind, HG_ADAM);
    BAD_OPTION(schedule.kind, HG_RATE_CONSTANT);
    BAD_OPTION(schedule.warm_up, 1);
    assert_ok(hg_params_set_rate(l.p, "layer1", 0, NULL));
    refused(&l.trainable, &s.o, HG_EDATA, "of another network");
    assert_ok(hg_params_set_rate(l.p, "layer1", 1, NULL));
    learner_new(&wide, HG_F64);
    refused(&wide.trainable, &s.o, HG_EDATA, "of another network");
    learner_free(&wide);
    s.o.patience = 3; /* says when to stop, not how to go on */
    assert_ok(hg_train(&r, &l.trainable, &s.o, NULL));
    learner_free(&l);
    clean(&s);
}

/* Writes the checkpoint again, with one tensor's elements replaced, or without it. */
static void tamper(const char *path, const char *name, const void *data, hg_stored_type type) {
    hg_safetensors *s;
    const hg_stored_note *notes;
    assert_ok(hg_safetensors_open(&s, path, 0, NULL));
    const size_t n = hg_safetensors_count(s), n_notes = hg_safetensors_notes(&notes, s);
    hg_stored *t = calloc(n, sizeof *t);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        t[kept] = *hg_safetensors_at(s, i);
        if (strcmp(t[kept].name, name) == 0) {
            if (!data) continue;
            t[kept].data = data;
            t[kept].type = type;
        }
        kept++;
    }
    assert_ok(hg_safetensors_write(path, t, kept, notes, n_notes, NULL));
    free(t);
    hg_safetensors_free(s);
}

static void damaged_checkpoints_are_refused(void **state) {
    (void)state;
    static double bad[4096];
    static float bad_floats[4096];
    const uint64_t huge = UINT64_MAX, six = 6;
    const double nan_ = NAN, two = 2;
    hg_train_opts o = learner_opts();
    learner_stop stop;
    hg_train_result r;
    learner l;
    size_t n;
    scene s;
    scene_of(&s, &o, HG_F32, 1);
    learner_stop_at(&stop, 10);
    assert_int_equal(go_on(&r, &s, &stop.hooks, -1, NULL), HG_ECANCEL);
    char *good = content(s.checkpoint, &n);
    learner_new(&l, HG_F32);
    s.o.resume = true;
    bad[3] = INFINITY;
    bad_floats[17] = NAN;
    const struct {
        const char *name;
        const void *data;
        hg_stored_type type;
        hg_status want;
    } harm[] = {
        { "state.batches", &huge, HG_STORED_U64, HG_EDATA }, { "state.epoch", &huge, HG_STORED_U64, HG_EDATA },
        { "state.steps", &six, HG_STORED_U64, HG_EDATA },    { "state.best_epoch", &six, HG_STORED_U64, HG_EDATA },
        { "state.epoch", &two, HG_STORED_F64, HG_EDATA },    { "state.rate_reduced", &two, HG_STORED_F64, HG_EDATA },
        { "state.best", &nan_, HG_STORED_F64, HG_EDATA },    { "state.seconds", &nan_, HG_STORED_F64, HG_EDATA },
        { "state.loss", bad, HG_STORED_F64, HG_EDATA },      { "state.waited", NULL, HG_STORED_U64, HG_ENOTFOUND },
        { "values", bad_floats, HG_STORED_F32, HG_EDATA },   { "moment2", bad_floats, HG_STORED_F32, HG_EDATA },
        { "average", NULL, HG_STORED_F32, HG_ENOTFOUND },    { "best", bad, HG_STORED_F64, HG_EDATA },
    };
    for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
        FILE *f = fopen(s.checkpoint, "wb");
        assert_int_equal(fwrite(good, 1, n, f), n);
        fclose(f);
        tamper(s.checkpoint, harm[i].name, harm[i].data, harm[i].type);
        refused(&l.trainable, &s.o, harm[i].want, harm[i].name);
    }
    FILE *f = fopen(s.checkpoint, "wb"); /* cut short */
    assert_int_equal(fwrite(good, 1, n - 5, f), n - 5);
    fclose(f);
    refused(&l.trainable, &s.o, HG_EPARSE, "");
    assert_ok(hg_safetensors_write(s.checkpoint, NULL, 0, NULL, 0, NULL)); /* another file of that format */
    refused(&l.trainable, &s.o, HG_EDATA, "is no checkpoint");
    free(good);
    learner_free(&l);
    clean(&s);
}

/* A disk that is full: the error says so, what was there stays. */
static void a_checkpoint_that_cannot_be_written_ends_the_run(void **state) {
    (void)state;
    hg_train_result r;
    hg_err err;
    learner l;
    hg_train_opts o = learner_opts();
    o.checkpoint = "/nowhere/x.checkpoint";
    learner_new(&l, HG_F32);
    assert_int_equal(hg_train(&r, &l.trainable, &o, &err), HG_EIO);
    assert_contains(err.msg, "/nowhere/x.checkpoint");
    learner_free(&l);
}

/* More epochs, where the learning rate does not depend on their number. */
static void longer_than_first_meant(void **state) {
    (void)state;
    hg_train_opts o = learner_opts();
    hg_train_result r;
    learner l;
    o.schedule = hg_schedule_opts_default();
    scene s;
    scene_of(&s, &o, HG_F32, 1);
    s.o.epochs = 2;
    learner_new(&l, HG_F32);
    assert_ok(hg_train(&r, &l.trainable, &s.o, NULL));
    learner_free(&l);
    s.o.epochs = EPOCHS;
    ends_as_if_undisturbed(&s);
    clean(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(stopped_by_a_callback),
        TEST(stopped_by_lack_of_memory),
        TEST(killed_at_any_moment),
        TEST(killed_while_writing_a_checkpoint),
        TEST(checkpoints_of_others_are_refused),
        TEST(damaged_checkpoints_are_refused),
        TEST(a_checkpoint_that_cannot_be_written_ends_the_run),
        TEST(longer_than_first_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
