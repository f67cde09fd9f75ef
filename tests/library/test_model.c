/* tests/library/test_model.c -- models in folders: predictions, and folders that are refused */
#include "hagane/model.h"
#include "hagane/molecule_file.h"
#include "library/card.h"
#include "files/hash.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512, N = 5 };

static hg_model *shipped(const char *name) {
    char path[PATH], relative[100];
    hg_model *m;
    hg_err err;
    snprintf(relative, sizeof relative, "models/%s", name);
    assert_ok_err(hg_model_load(&m, test_source(path, sizeof path, relative), &err), err);
    return m;
}

static void molecules(hg_molecule *m[N], hg_arena *mem) {
    char path[PATH];
    hg_molecule_file *f;
    hg_err err;
    assert_ok_err(
        hg_molecule_file_open(&f, test_source(path, sizeof path, "data/qm9-under7/energy_test.txt.xz"), NULL, &err),
        err);
    for (size_t i = 0; i < N; i++) {
        assert_ok_err(hg_molecule_file_next(&m[i], f, mem, &err), err);
        assert_non_null(m[i]);
    }
    hg_molecule_file_free(f);
}

static void both_shipped_models_predict(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const struct {
        const char *name;
        double far; /* eV: their largest error on these five is smaller */
    } MODEL[] = { { "qdf-classic", 0.5 }, { "qdf2", 0.1 } };
    hg_molecule *m[N];
    molecules(m, mem);
    for (size_t k = 0; k < 2; k++) {
        hg_prediction p[N];
        hg_err why[N], err;
        size_t least, most;
        hg_model *model = shipped(MODEL[k].name);
        assert_string_equal(hg_model_name(model), MODEL[k].name);
        assert_string_equal(hg_model_property(model, 0)->name, "atomization energy");
        assert_string_equal(hg_model_property(model, 0)->unit, "eV");
        assert_null(hg_model_property(model, hg_model_properties(model)));
        hg_model_sizes(&least, &most, model);
        assert_true(least == 3 && most == 14);
        assert_ok_err(hg_model_predict(p, why, model, m, N, HG_ATOM_CHARGES, NULL, mem, &err), err);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(why[i].code, HG_OK);
            assert_true(fabs(p[i].property[0].value - m[i]->values[0].real[0]) < MODEL[k].far);
            assert_true((p[i].charge != NULL) == ((hg_model_gives(model) & HG_ATOM_CHARGES) != 0));
            double sum = 0;
            for (size_t a = 0; p[i].charge && a < m[i]->n; a++) sum += p[i].charge[a];
            assert_close(sum, 0, 1e-9); /* neutral */
        }
        hg_model_free(model);
    }
    hg_arena_reset(mem, mark);
}

/* Molecules at rest, and the same a little larger and smaller: sums of r . force tell where they want to go. */
static void forces_bring_molecules_back(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const double SCALE[] = { 1, 1.03, 0.97 };
    hg_model *model = shipped("qdf2");
    hg_molecule *m[N];
    hg_prediction p;
    hg_err why, err;
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < 3; k++) {
            double square = 0, outwards = 0;
            molecules(m, mem);
            for (size_t x = 0; x < 3 * m[i]->n; x++) m[i]->r[x] *= SCALE[k];
            assert_ok_err(hg_model_predict(&p, &why, model, &m[i], 1, HG_ATOM_FORCES, NULL, mem, &err), err);
            assert_non_null(p.force);
            for (size_t x = 0; x < 3 * m[i]->n; x++) {
                square += p.force[x] * p.force[x] / (3 * (double)m[i]->n);
                outwards += p.force[x] * m[i]->r[x];
            }
            assert_true(k > 0 || sqrt(square) < 0.35);
            assert_true(k != 1 || outwards < -1);
            assert_true(k != 2 || outwards > 1);
        }
    hg_model_free(model);
    hg_arena_reset(mem, mark);
}

static void threads_order_and_orientation_change_nothing(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_model *model = shipped("qdf2");
    hg_molecule *m[N], *turned[N];
    hg_prediction one[N], two[N], other[N];
    hg_err why[N], err;
    hg_pool *pool;
    molecules(m, mem);
    const double c = cos(0.7), s = sin(0.7);
    for (size_t i = 0; i < N; i++) { /* turned about z and x, and the atoms in the opposite order */
        turned[i] = hg_molecule_new(mem, m[i]->n);
        for (size_t a = 0; a < m[i]->n; a++) {
            const double *r = m[i]->r + 3 * a, y = s * r[0] + c * r[1];
            double *to = turned[i]->r + 3 * (m[i]->n - 1 - a);
            turned[i]->z[m[i]->n - 1 - a] = m[i]->z[a];
            to[0] = c * r[0] - s * r[1] + 4, to[1] = c * y - s * r[2], to[2] = s * y + c * r[2] - 3;
        }
    }
    assert_ok(hg_pool_new(&pool, 2, NULL));
    assert_ok_err(hg_model_predict(one, why, model, m, N, 0, NULL, mem, &err), err);
    assert_ok_err(hg_model_predict(two, why, model, m, N, 0, pool, mem, &err), err);
    assert_ok_err(hg_model_predict(other, why, model, turned, N, 0, pool, mem, &err), err);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < hg_model_properties(model); k++) {
            assert_memory_equal(&one[i].property[k], &two[i].property[k], sizeof one[i].property[k]);
            if (strncmp(hg_model_property(model, k)->symbol, "dipole_", 7) != 0) /* they turn along */
                assert_close(one[i].property[k].value, other[i].property[k].value, 2e-6);
        }
    hg_pool_free(pool);
    hg_model_free(model);
    hg_arena_reset(mem, mark);
}

static void one_bad_molecule_spoils_no_other(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_model *model = shipped("qdf2");
    hg_molecule *m[N];
    hg_prediction p[N];
    hg_err why[N], err;
    molecules(m, mem);
    m[1]->z[0] = 14; /* silicon */
    assert_ok_err(hg_model_predict(p, why, model, m, N, HG_ATOM_CHARGES, NULL, mem, &err), err);
    assert_int_equal(why[1].code, HG_ENOTFOUND);
    assert_contains(why[1].msg, "Si");
    assert_true(isnan(p[1].property[0].value) && isnan(p[1].property[0].sd) && p[1].outside);
    assert_true(!p[1].charge || isnan(p[1].charge[0]));
    assert_true(isfinite(p[0].property[0].value) && isfinite(p[2].property[0].value));
    hg_model_free(model);
    hg_arena_reset(mem, mark);
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

/* A folder with the shipped weights and this card. */
static void make_folder(char folder[PATH], const char *name, const char *architecture, hg_property p,
                        const char *weights) {
    char path[PATH + 40], from[PATH], command[3 * PATH];
    test_scratch(folder, PATH, name);
    mkdir(folder, 0777);
    snprintf(command, sizeof command, "cp '%s' '%s/weights.safetensors'", test_source(from, sizeof from, weights),
             folder);
    assert_int_equal(program_shell(command).code, 0);
    hg_card c = { .name = "made by hand", .architecture = architecture, .n_properties = 1 };
    c.property[0].what = p;
    c.elements = "H";
    snprintf(path, sizeof path, "%s/weights.safetensors", folder);
    assert_ok(hg_hash_file(c.weights_sha256, path, NULL));
    snprintf(path, sizeof path, "%s/card.json", folder);
    assert_ok(hg_card_write(&c, path, NULL));
}

static void refused(const char *folder, hg_status st, const char *msg, const char *hint) {
    hg_model *m;
    hg_err err = { 0 };
    assert_int_equal(hg_model_load(&m, folder, &err), st);
    assert_null(m);
    assert_contains(err.msg, msg);
    assert_contains(err.hint, hint);
}

static void folders_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static const char QDF2[] = "models/qdf2/weights.safetensors", CLASSIC[] = "models/qdf-classic/weights.safetensors";
    const hg_property energy = { "energy", "energy", "eV" };
    char folder[PATH], path[PATH + 40], version[100];
    hg_model *m = shipped("qdf2");
    snprintf(version, sizeof version, "%s", hg_model_architecture(m));
    hg_model_free(m);

    make_folder(folder, "by-hand", version, energy, QDF2);
    assert_ok(hg_model_load(&m, folder, NULL));
    assert_string_equal(hg_model_name(m), "made by hand");
    hg_model_free(m);
    snprintf(path, sizeof path, "%s/weights.safetensors", folder);
    test_write_file(path, "others");
    refused(folder, HG_EDATA, "is not the file that its card tells of: its SHA-256 differs",
            "copy card.json and weights");
    assert_int_equal(unlink(path), 0);
    refused(folder, HG_EIO, "weights.safetensors", "");
    make_folder(folder, "by-hand", "qdf3 1", energy, QDF2);
    refused(folder, HG_ENOTFOUND, "card.json: \"qdf3 1\" is no kind of model that predicts", "another version");
    make_folder(folder, "by-hand", "qdf2", energy, QDF2); /* a name without its number is no version */
    refused(folder, HG_ENOTFOUND, "\"qdf2\" is no kind of model that predicts", "");
    make_folder(folder, "by-hand", version, energy, CLASSIC);
    refused(folder, HG_EDATA, "not weights of", "");
    make_folder(folder, "by-hand", "qdf-classic 1", energy, QDF2);
    refused(folder, HG_ENOTFOUND, "", "");
    make_folder(folder, "by-hand", version, (hg_property) { "colour", "colour", "eV" }, QDF2);
    refused(folder, HG_ENOTFOUND, "\"colour\" is no property that qdf2 predicts", "");
    make_folder(folder, "by-hand", version, (hg_property) { "energy", "energy", "kcal/mol" }, QDF2);
    refused(folder, HG_EDATA, "qdf2 computes \"energy\" in eV, not in \"kcal/mol\"", "");
    refused("/nowhere", HG_EIO, "/nowhere/card.json", "");
    char long_name[5000];
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    refused(long_name, HG_EIO, "too long", "");
}

static void memory_may_lack(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[PATH];
    hg_err err, why[N];
    hg_prediction p[N];
    hg_molecule *m[N];
    hg_model *model;
    molecules(m, mem);
    test_source(path, sizeof path, "models/qdf-classic");
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_model_load(&model, path, &err);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_null(model);
    }
    for (long k = 0;; k++) { /* a molecule without memory has that as its reason */
        fail_alloc_after(k);
        const hg_status st = hg_model_predict(p, why, model, m, N, HG_ATOM_CHARGES, NULL, mem, &err);
        fail_alloc_after(-1);
        bool all = st == HG_OK;
        for (size_t i = 0; st == HG_OK && i < N; i++) {
            all = all && why[i].code == HG_OK;
            assert_true(why[i].code == HG_OK || why[i].code == HG_ENOMEM);
        }
        assert_true(st == HG_OK || st == HG_ENOMEM);
        if (all) break;
    }
    hg_model_free(model);
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(both_shipped_models_predict),         TEST(forces_bring_molecules_back),
        TEST(one_bad_molecule_spoils_no_other),    TEST(threads_order_and_orientation_change_nothing),
        TEST(folders_that_do_not_fit_are_refused), TEST(memory_may_lack),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    program_forget();
    return failed;
}
