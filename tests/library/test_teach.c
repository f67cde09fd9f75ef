/* tests/library/test_teach.c -- from molecules to a folder: complete or as it was */
#include "library/teach.h"
#include "files/molecule_set.h"
#include "hagane/model.h"
#include "json.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512, OPTIONS = 16 };

typedef struct {
    hg_lesson train, validation;
    hg_lessons all;
    double option[OPTIONS];
} school;

static void read_lesson(hg_lesson *l, const hg_architecture *a, const char *name, hg_arena *mem) {
    char path[PATH];
    hg_molecule_set s;
    hg_err err;
    const hg_target t = { NULL, 1, false };
    *l = (hg_lesson) { .file = hg_arena_strdup(mem, test_source(path, sizeof path, name)) };
    assert_ok_err(hg_molecule_set_read(&s, path, &(hg_molecule_set_opts) { .target = &t, .n_targets = 1 }, mem, &err),
                  err);
    assert_ok(hg_hash_file(l->hash, path, NULL));
    double *value = hg_alloc(mem, s.n, a->n_properties * sizeof *value);
    for (size_t i = 0; i < s.n * a->n_properties; i++)
        value[i] = i % a->n_properties ? (double)NAN : s.value[i / a->n_properties];
    l->of = (hg_labelled) { s.n, s.molecule, value };
}

/* qdf2 without its tight binding's steps: a second. */
static void open_school(school *s, hg_arena *mem) {
    const hg_architecture *a = hg_architecture_find("qdf2");
    read_lesson(&s->train, a, "data/qm9-under7/energy_train.txt.xz", mem);
    read_lesson(&s->validation, a, "data/qm9-under7/energy_val.txt.xz", mem);
    assert_true(a->train->n_options <= OPTIONS);
    for (size_t i = 0; i < a->train->n_options; i++) {
        s->option[i] = a->train->option[i].fallback;
        if (strcmp(a->train->option[i].name, "rounds") == 0) s->option[i] = 0;
    }
    s->all = (hg_lessons) { .architecture = a, .train = &s->train, .validation = &s->validation };
    s->all.property = "atomization energy";
    s->all.licence = "CC0-1.0";
    s->all.how.option = s->option;
    s->all.how.seed = 5;
}

static const char *folder_named(char folder[PATH], const char *name) {
    char command[2 * PATH];
    test_scratch(folder, PATH, name);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(program_shell(command).code, 0);
    return folder;
}

static void a_model_is_learned_and_judged(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char folder[PATH], slash[PATH + 2], word[100], path[PATH + 40];
    school s = { 0 };
    hg_taught t;
    hg_model *m;
    hg_err err;
    open_school(&s, mem);
    folder_named(folder, "taught");
    snprintf(slash, sizeof slash, "%s//", folder);
    assert_ok_err(hg_teach(&t, slash, &s.all, &err), err);
    assert_true(t.n_properties >= 1);
    assert_string_equal(t.property[0]->symbol, "energy");
    assert_int_equal(t.quality[0].n, 4);
    assert_true(hg_quality_mae(&t.quality[0]) < 0.5); /* eV; the energies are 8 to 30 */
    assert_ok_err(hg_model_load(&m, folder, &err), err);
    const char *card = hg_model_card(m);
    assert_string_equal(hg_model_name(m), strrchr(folder, '/') + 1); /* without the slashes */
    assert_string_equal(hg_model_property(m, 0)->name, "atomization energy");
    assert_true(json_valid(card));
    assert_true(json_number(card, "properties.0.metrics.0.value") == hg_quality_mae(&t.quality[0]));
    assert_true(json_number(card, "domain.least_atoms") == 3 && json_number(card, "domain.most_atoms") == 7);
    assert_string_equal(json_string(word, sizeof word, card, "domain.elements"), "H C N O F");
    assert_string_equal(json_string(word, sizeof word, card, "data.1.role"), "validation");
    assert_string_equal(json_string(word, sizeof word, card, "data.0.sha256"), s.train.hash);
    assert_true(json_number(card, "seed") == 5 && json_number(card, "data.0.molecules") == 34);
    /* the judge and the loaded model say the same */
    hg_prediction p[4];
    hg_err why[4];
    double sum = 0;
    assert_ok(hg_model_predict(p, why, m, s.validation.of.molecule, 4, 0, NULL, mem, NULL));
    const size_t K = s.all.architecture->n_properties;
    for (size_t i = 0; i < 4; i++) sum += fabs(p[i].property[0].value - s.validation.of.value[i * K]) / 4;
    assert_close(sum, hg_quality_mae(&t.quality[0]), 1e-12);
    hg_model_free(m);
    snprintf(path, sizeof path, "%s/.weights.new", folder);
    assert_false(test_file_exists(path));
    hg_arena_reset(mem, mark);
}

/* A trainer that saves and then says that it failed. */
static hg_status broken_save(const void *model, const char *path, hg_err *err) {
    HG_TRY(hg_architecture_find("qdf2")->train->save(model, path, err));
    return hg_fail(err, HG_EIO, "the disk is full");
}

static void a_failure_leaves_the_folder_as_it_was(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char folder[PATH], path[PATH + 40], before[HG_HASH_SIZE], after[HG_HASH_SIZE];
    school s = { 0 };
    hg_taught t;
    hg_err err;
    open_school(&s, mem);
    folder_named(folder, "taught-broken");
    hg_arch_trainer broken = *s.all.architecture->train;
    hg_architecture a = *s.all.architecture;
    const hg_architecture *sound = s.all.architecture;
    broken.save = broken_save;
    a.train = &broken;
    s.all.architecture = &a;
    assert_int_equal(hg_teach(&t, folder, &s.all, &err), HG_EIO);
    assert_contains(err.msg, "the disk is full");
    assert_int_not_equal(access(folder, F_OK), 0); /* it was made, and is gone */
    s.all.architecture = sound;
    assert_ok(hg_teach(&t, folder, &s.all, &err));
    snprintf(path, sizeof path, "%s/weights.safetensors", folder);
    assert_ok(hg_hash_file(before, path, NULL));
    s.all.architecture = &a;
    s.option[1] *= 2;
    assert_int_equal(hg_teach(&t, folder, &s.all, &err), HG_EIO);
    assert_ok(hg_hash_file(after, path, NULL));
    assert_string_equal(before, after);
    snprintf(path, sizeof path, "%s/.weights.new", folder);
    assert_false(test_file_exists(path));
    s.all.architecture = sound;
    snprintf(path, sizeof path, "%s/card.json", folder);
    assert_int_equal(hg_teach(&t, path, &s.all, &err), HG_EIO); /* a file is no folder */
    hg_arena_reset(mem, mark);
}

static void memory_may_lack(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char folder[PATH];
    school s = { 0 };
    hg_taught t;
    hg_err err;
    open_school(&s, mem);
    folder_named(folder, "taught-fault");
    s.train.of.n = 12;
    long k = 0, failed = 0;
    for (;; k += 1 + k / 16) { /* all of the first, then ever fewer */
        fail_alloc_after(k);
        const hg_status st = hg_teach(&t, folder, &s.all, &err);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_int_not_equal(access(folder, F_OK), 0);
        failed++;
    }
    assert_true(failed > 20);
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_model_is_learned_and_judged),
                                        TEST(a_failure_leaves_the_folder_as_it_was), TEST(memory_may_lack) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    program_forget();
    return failed;
}
