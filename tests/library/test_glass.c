/* tests/library/test_glass.c -- the models of liquids that come with the program, and what stands beside their scores */
#include "library/glass.h"
#include "hagane/dynamics.h"
#include "matter/snapshot.h"
#include "program.h"
#include "test.h"
#include <math.h>
#include <sys/stat.h>

enum { SIDE = 9, N = SIDE * SIDE * SIDE, PATH = 700, BYTES_MOST = 2000000 };

/* A lattice at the density of the published liquids, molten for a moment and quenched; its cages stand where the quench ends. */
static hg_snapshot *liquid(hg_arena *mem) {
    const double step = cbrt(1 / 1.2);
    hg_liquid *l;
    hg_liquid_run_opts o = hg_liquid_run_opts_default();
    hg_rng rng = hg_rng_make(4, 0);
    hg_snapshot *s = hg_snapshot_new(mem, N);
    assert_non_null(s);
    s->temperature = 0.5;
    for (size_t k = 0; k < 3; k++) s->box[k] = SIDE * step;
    for (size_t i = 0; i < N; i++) {
        const size_t at[3] = { i % SIDE, i / SIDE % SIDE, i / (SIDE * SIDE) };
        s->species[i] = i % 5 == 4;
        for (size_t k = 0; k < 3; k++) s->x[3 * i + k] = (double)at[k] * step;
    }
    o.temperature = 0.7;
    o.rng = &rng;
    assert_ok(hg_liquid_new(&l, s->species, s->x, N, s->box, NULL, NULL));
    hg_liquid_maxwell(l, 1, false, hg_rng_make(5, 0));
    assert_ok(hg_liquid_run(l, 600, &o, NULL));
    hg_liquid_state(s->x, NULL, l);
    hg_liquid_free(l);
    for (size_t i = 0; i < 3 * N; i++) s->x[i] = hg_wrapped(s->x[i], s->box[i % 3]);
    assert_ok(hg_snapshot_quench(s, NULL, mem, NULL));
    s->cage = s->inherent;
    s->cage_covariance = hg_alloc(mem, N, 6 * sizeof *s->cage_covariance);
    assert_non_null(s->cage_covariance);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < 3; k++) s->cage_covariance[6 * i + k] = 0.006 + 0.002 * hg_rng_uniform(&rng);
    return s;
}

static const struct {
    const char *name;
    double temperature, first, last;
    size_t times;
    const char *tier;
} SHIPPED[] = { { "glass-t044", 0.44, 4120, 4120, 1, "S1" }, { "glass-t050", 0.50, 0.108, 217.002, 7, "S2" } };

static void shipped_models_load_and_predict(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const hg_snapshot *s = liquid(*state);
    const uint32_t pair[] = { 0, 1, 1, 2 };
    for (size_t k = 0; k < sizeof SHIPPED / sizeof *SHIPPED; k++) {
        char folder[PATH], path[PATH], file[PATH];
        hg_glass_model *m;
        hg_err err;
        struct stat st;
        snprintf(path, sizeof path, "models/%s", SHIPPED[k].name);
        assert_ok_err(hg_glass_open(&m, test_source(folder, sizeof folder, path), &err), err);
        const hg_floor_facts f = hg_glass_model_about(m);
        assert_int_equal(f.n_times, SHIPPED[k].times);
        assert_close(f.time[0], SHIPPED[k].first, 1e-9);
        assert_close(f.time[f.n_times - 1], SHIPPED[k].last, 1e-9);
        assert_close(f.coldest, SHIPPED[k].temperature, 1e-12);
        assert_string_equal(hg_glass_tier(f.state), SHIPPED[k].tier);
        assert_true(f.bonds);
        float *p = hg_alloc(*state, f.n_times * N, sizeof *p), *q = hg_alloc(*state, f.n_times * 2, sizeof *q);
        assert_ok(hg_glass_model_predict(p, q, m, s, pair, 2, NULL, NULL));
        for (size_t t = 0; t < f.n_times; t++) {
            double mean[2] = { 0, 0 };
            for (size_t i = 0; i < N; i++) {
                assert_true(isfinite(p[t * N + i]) && p[t * N + i] > 0);
                mean[s->species[i]] += (double)p[t * N + i];
            }
            assert_true(isfinite(q[2 * t]) && isfinite(q[2 * t + 1]));
            assert_true(mean[0] > 0 && mean[1] > 0);
        }
        hg_glass_model_free(m);
        snprintf(path, sizeof path, "models/%s/weights.safetensors", SHIPPED[k].name);
        assert_int_equal(stat(test_source(file, sizeof file, path), &st), 0);
        assert_true(st.st_size <= BYTES_MOST);
        snprintf(path, sizeof path, "models/%s/card.json", SHIPPED[k].name);
        char *card = test_read_file(test_source(file, sizeof file, path));
        assert_non_null(card);
        assert_contains(card, SHIPPED[k].name);
        assert_contains(card, "\"data_licence\": \"");
        assert_contains(card, "\"data_source\": \"");
        free(card);
    }
    hg_arena_reset(*state, start);
}

static void published_and_known(void **state) {
    const hg_glass_published *p;
    size_t at_tau = 0;
    (void)state;
    for (size_t i = 0; (p = hg_glass_published_at(i)); i++) {
        assert_true(p->rho > 0.2 && p->rho < 1);
        at_tau += hg_glass_published_fits(p, 0.5, hg_glass_relaxation_time(0.5));
    }
    assert_int_equal(at_tau, 5);
    assert_close(hg_glass_relaxation_time(0.44), 4120, 0);
    assert_close(hg_glass_relaxation_time(0.7), 0, 0);
    const hg_floor_facts f = { .coldest = 0.5, .hottest = 0.56 }, unknown = { .coldest = NAN, .hottest = NAN };
    assert_false(hg_glass_foreign(&f, 0.49, 0.57));
    assert_true(hg_glass_foreign(&f, 0.44, 0.5));
    assert_true(hg_glass_foreign(&f, 0.5, 0.6));
    assert_false(hg_glass_foreign(&f, NAN, NAN));
    assert_false(hg_glass_foreign(&unknown, 0.3, 0.3));
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(shipped_models_load_and_predict), TEST(published_and_known) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
