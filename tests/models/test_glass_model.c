/* tests/models/test_glass_model.c -- kinds of models of liquids behind one interface */
#include "models/botan.h"
#include "models/glass_model.h"
#include "test.h"
#include <unistd.h>

enum { SIDE = 5, N = SIDE * SIDE * SIDE };

/* A lattice with every particle off its place. */
static hg_snapshot *liquid(hg_arena *mem) {
    hg_snapshot *s = hg_snapshot_new(mem, N);
    hg_rng r = hg_rng_make(1, 0);
    for (size_t k = 0; k < 3; k++) s->box[k] = SIDE;
    for (size_t i = 0; i < N; i++) {
        const size_t at[3] = { i % SIDE, i / SIDE % SIDE, i / SIDE / SIDE };
        for (size_t k = 0; k < 3; k++) s->x[3 * i + k] = (double)at[k] + 0.5 + 0.2 * (hg_rng_uniform(&r) - 0.5);
        s->species[i] = i % 4 == 0;
    }
    return s;
}

static const char *botan_file(char *path, size_t size, double time) {
    hg_botan *b;
    assert_ok(hg_botan_new(&b, &(hg_params_opts) { .seed = 2 }, NULL));
    b->about.time = time;
    b->about.coldest = b->about.hottest = 0.44;
    test_scratch(path, size, "botan-model.safetensors");
    assert_ok(hg_botan_save(b, path, NULL));
    hg_botan_free(b);
    return path;
}

static void kinds_are_found_by_name_and_version(void **state) {
    (void)state;
    for (size_t i = 0; hg_glass_kind_at(i); i++) {
        assert_ptr_equal(hg_glass_kind_find(hg_glass_kind_at(i)->name), hg_glass_kind_at(i));
        assert_ptr_equal(hg_glass_kind_find(hg_glass_kind_at(i)->version), hg_glass_kind_at(i));
    }
    assert_null(hg_glass_kind_find("botan 2"));
}

static void botan_speaks_of_particles_and_of_pairs_in_either_order(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    hg_err err;
    hg_glass_model *m = NULL;
    const hg_snapshot *s = liquid(mem);
    assert_ok_err(hg_glass_model_load(&m, hg_glass_kind_find("botan"), botan_file(path, sizeof path, 4120), &err), err);
    const hg_floor_facts f = hg_glass_model_about(m);
    assert_int_equal(f.n_times, 1);
    assert_close(f.time[0], 4120, 0);
    assert_close(f.hottest, 0.44, 0);
    assert_int_equal(f.state, HG_GLASS_THERMAL);
    const uint32_t pair[] = { 0, 1, 1, 0, 0, 2 }; /* neighbours, twice; next but one */
    float p[N], stretch[3], alone[N];
    assert_ok_err(hg_glass_model_predict(p, stretch, m, s, pair, 3, NULL, &err), err);
    assert_true(isfinite(stretch[0]) && stretch[0] == stretch[1]);
    assert_true(isnan(stretch[2]));
    assert_ok(hg_glass_model_predict(alone, NULL, m, s, NULL, 0, NULL, &err));
    assert_memory_equal(p, alone, sizeof p);
    hg_glass_model_free(m);
    unlink(path);
    hg_arena_reset(mem, mark);
}

static void weights_of_no_time_or_another_kind_are_refused(void **state) {
    char path[512];
    hg_err err;
    hg_glass_model *m = NULL;
    (void)state;
    assert_int_equal(hg_glass_model_load(&m, hg_glass_kind_find("botan"), botan_file(path, sizeof path, NAN), &err),
                     HG_EDATA);
    assert_contains(err.msg, "for which time");
    assert_null(m);
    assert_int_not_equal(hg_glass_model_load(&m, hg_glass_kind_find("floor"), path, &err), HG_OK);
    unlink(path);
}

static void no_memory_is_told(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    const hg_snapshot *s = liquid(mem);
    const uint32_t pair[] = { 0, 1 };
    float p[N], stretch[1];
    hg_status st = HG_ENOMEM;
    botan_file(path, sizeof path, 1);
    for (long k = 0; st != HG_OK; k++) {
        hg_glass_model *m = NULL;
        assert_true(k < 1000);
        fail_alloc_after(k);
        st = hg_glass_model_load(&m, hg_glass_kind_find("botan"), path, NULL);
        if (st == HG_OK) st = hg_glass_model_predict(p, stretch, m, s, pair, 1, NULL, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        hg_glass_model_free(m);
    }
    unlink(path);
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(kinds_are_found_by_name_and_version),
        TEST(botan_speaks_of_particles_and_of_pairs_in_either_order),
        TEST(weights_of_no_time_or_another_kind_are_refused),
        TEST(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
