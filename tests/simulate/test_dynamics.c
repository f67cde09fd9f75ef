/* tests/simulate/test_dynamics.c -- inherent structures, cages and labels of a snapshot; a set of them from nothing, stopped and gone on with */
#include "hagane/dynamics.h"
#include "hagane/snapshot_file.h"
#include "simulate/liquid.h"
#include "test.h"
#include <dirent.h>
#include <unistd.h>

enum { N = 240 };

/* A cube of particles on a lattice, run for a moment at T = 0.8. */
static hg_snapshot *liquid(hg_arena *mem) {
    hg_snapshot *s = hg_snapshot_new(mem, N);
    assert_non_null(s);
    s->temperature = 0.8;
    for (size_t k = 0; k < 3; k++) s->box[k] = 5.9;
    for (size_t i = 0; i < N; i++) {
        const size_t at[3] = { i / 49, i / 7 % 7, i % 7 };
        s->species[i] = i % 5 == 0;
        for (size_t k = 0; k < 3; k++) s->x[3 * i + k] = ((double)at[k] + 0.5) * 5.9 / (k ? 7 : 5);
    }
    hg_liquid *l;
    hg_err err = { 0 };
    assert_ok_err(hg_liquid_new(&l, s->species, s->x, N, s->box, NULL, &err), err);
    hg_rng rng = hg_rng_make(1, 0);
    hg_liquid_run_opts r = hg_liquid_run_opts_default();
    r.temperature = 0.8;
    r.coupling = 0.1;
    r.dt = 0.003;
    r.rng = &rng;
    hg_liquid_maxwell(l, 0.8, true, hg_rng_make(1, 1));
    assert_ok_err(hg_liquid_run(l, 500, &r, &err), err);
    hg_liquid_state(s->x, NULL, l);
    hg_liquid_free(l);
    for (size_t i = 0; i < 3 * N; i++) s->x[i] -= 5.9 * floor(s->x[i] / 5.9);
    return s;
}

static void an_inherent_structure_has_no_forces(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    hg_snapshot *s = liquid(*state);
    hg_err err = { 0 };
    assert_ok_err(hg_snapshot_quench(s, NULL, *state, &err), err);
    for (size_t i = 0; i < 3 * N; i++) s->x[i] += s->inherent[i];
    hg_liquid *l;
    hg_liquid_view v;
    assert_ok(hg_liquid_new(&l, s->species, s->x, N, s->box, NULL, NULL));
    assert_ok(hg_liquid_observe(&v, l, NULL));
    assert_true(v.force < 1.1e-5);
    hg_liquid_free(l);
    hg_arena_reset(*state, start);
}

/* Displacements are small, and covariances those of something: no negative variance, no correlation above one. */
static void cages_are_small(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    hg_snapshot *s = liquid(*state);
    hg_cage_opts c = hg_cage_opts_default();
    c.settle = 0.5;
    c.average = 3;
    assert_ok(hg_snapshot_hold(s, &c, NULL, *state, NULL));
    double mean = 0;
    for (size_t i = 0; i < N; i++) {
        const double *d = s->cage + 3 * i, *q = s->cage_covariance + 6 * i;
        assert_true(hypot(hypot(d[0], d[1]), d[2]) < 0.6);
        for (size_t k = 0; k < 3; k++) {
            assert_true(q[k] > 0 && q[k] < 0.2);
            mean += q[k] / (3 * N);
        }
        assert_true(fabs(q[3]) <= sqrt(q[0] * q[1]) && fabs(q[4]) <= sqrt(q[0] * q[2]) &&
                    fabs(q[5]) <= sqrt(q[1] * q[2]));
    }
    assert_true(mean > 0.003 && mean < 0.03);
    s->temperature = (double)NAN;
    hg_err err;
    assert_int_equal(hg_snapshot_hold(s, &c, NULL, *state, &err), HG_EDATA);
    assert_contains(err.msg, "temperature");
    hg_arena_reset(*state, start);
}

static const double TIMES[] = { 0.03, 0.3 };
static const hg_label_opts FEW = { .time = TIMES, .n_times = 2, .runs = 6, .range = 1.4 };

/* After a short time a particle has gone |v| t: the mean of a Maxwell distribution, (8 T / pi)^(1/2) t. */
static void short_runs_are_ballistic(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    hg_snapshot *s = liquid(*state);
    hg_err err = { 0 };
    assert_ok_err(hg_snapshot_label(s, &FEW, NULL, *state, &err), err);
    assert_int_equal(s->runs, 6);
    assert_close(s->time[0], 0.03, 1e-12);
    double mean = 0;
    for (size_t i = 0; i < N; i++) mean += (double)s->propensity[i] / N;
    assert_close(mean / (sqrt(8 * 0.8 / 3.14159265) * 0.03), 1, 0.05);
    assert_true(s->n_pairs > N);
    assert_true(hg_snapshot_ceiling(s, 1, 0) > 0.2 && hg_snapshot_ceiling(s, 1, 0) < 1);
    hg_arena_reset(*state, start);
}

/* Two threads, one, and one that finds half of the runs done. */
static void labels_have_the_same_bits(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    char folder[256], path[600];
    test_scratch(folder, sizeof folder, "runs");
    snprintf(path, sizeof path, "mkdir -p '%s'", folder);
    assert_int_equal(system(path), 0);
    hg_snapshot *s[3];
    for (size_t a = 0; a < 3; a++) {
        s[a] = liquid(*state);
        hg_dynamics_opts o = hg_dynamics_opts_default();
        hg_label_opts l = FEW;
        assert_ok(hg_pool_new(&o.liquid.pool, a == 0 ? 2 : 1, NULL));
        if (a) l.work = folder;
        if (a == 2)
            for (size_t r = 1; r < 6; r += 2) { /* these have to be made again */
                snprintf(path, sizeof path, "%s/run%zu.piece", folder, r);
                assert_int_equal(unlink(path), 0);
            }
        assert_ok(hg_snapshot_label(s[a], &l, &o, *state, NULL));
        hg_pool_free(o.liquid.pool);
    }
    for (size_t a = 1; a < 3; a++) {
        assert_memory_equal(s[0]->propensity, s[a]->propensity, 2 * N * sizeof(float));
        assert_memory_equal(s[0]->stretch, s[a]->stretch, 2 * s[0]->n_pairs * sizeof(float));
    }
    for (size_t r = 0; r < 6; r++) {
        snprintf(path, sizeof path, "%s/run%zu.piece", folder, r);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    hg_arena_reset(*state, start);
}

/* ---- sets from nothing ------------------------------------------------------------------------------------------------------ */

static hg_liquid_plan small_plan(void) {
    hg_liquid_plan p = hg_liquid_plan_default();
    p.n = 225; /* as small as the cut-off allows */
    p.liquids = 2;
    p.snapshots = 1;
    p.melt = p.cool = 4;
    p.equilibrate = 0;
    p.between = 5;
    p.temperature = 1;
    p.dynamics.dt = 0.01;
    p.dynamics.liquid.skin = 0.35;
    p.cage.average = 1;
    p.labels = FEW;
    p.labels.runs = 2;
    return p;
}

typedef struct {
    long left;
} patience;

static bool until(void *user, const char *what, size_t done, size_t total) {
    (void)what;
    (void)done;
    (void)total;
    patience *p = user;
    return p->left-- > 0;
}

static void clear(const char *folder) {
    char line[600];
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    assert_int_equal(system(line), 0);
}

/* Stopped again and again, with more patience each time, and asked for more in the end: as in one go. */
static void a_stopped_set_goes_on(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    char folder[2][256];
    hg_liquid_plan p = small_plan();
    hg_liquid_tally t;
    hg_err err = { 0 };
    p.snapshots = 2;
    test_scratch(folder[0], sizeof folder[0], "once");
    clear(folder[0]);
    assert_ok_err(hg_liquid_generate(&t, folder[0], &p, &err), err);
    assert_int_equal(t.made, 4);
    test_scratch(folder[1], sizeof folder[1], "often");
    clear(folder[1]);
    p.snapshots = 1;
    hg_status st = HG_ECANCEL;
    size_t starts = 0;
    for (; st == HG_ECANCEL && starts < 60; starts++) {
        patience q = { .left = 25 };
        const hg_hooks hooks = { .progress = until, .user = &q };
        p.dynamics.hooks = &hooks;
        st = hg_liquid_generate(&t, folder[1], &p, &err);
        p.dynamics.hooks = NULL;
    }
    assert_int_equal(st, HG_OK);
    assert_in_range(starts, 2, 60);
    p.snapshots = 2;
    assert_ok_err(hg_liquid_generate(&t, folder[1], &p, &err), err);
    assert_int_equal(t.made, 2);
    assert_int_equal(t.kept, 2);
    hg_snapshot_set *set[2];
    for (size_t a = 0; a < 2; a++) assert_ok_err(hg_snapshot_set_open(&set[a], folder[a], NULL, &err), err);
    assert_int_equal(hg_snapshot_set_count(set[0]), 4);
    assert_int_equal(hg_snapshot_set_count(set[1]), 4);
    for (size_t k = 0; k < 4; k++) {
        hg_snapshot *s[2];
        for (size_t a = 0; a < 2; a++) assert_ok(hg_snapshot_set_read(&s[a], set[a], k, *state, NULL));
        assert_string_equal(s[0]->id, s[1]->id);
        assert_string_equal(s[0]->split, k < 2 ? "validation" : "train");
        assert_int_equal(s[0]->liquid, k / 2 + 1);
        assert_memory_equal(s[0]->x, s[1]->x, 3 * 225 * sizeof(double));
        assert_memory_equal(s[0]->cage, s[1]->cage, 3 * 225 * sizeof(double));
        assert_memory_equal(s[0]->inherent, s[1]->inherent, 3 * 225 * sizeof(double));
        assert_memory_equal(s[0]->propensity, s[1]->propensity, 2 * 225 * sizeof(float));
    }
    for (size_t a = 0; a < 2; a++) hg_snapshot_set_free(set[a]);
    p.temperature = 1.1;
    assert_int_equal(hg_liquid_generate(&t, folder[1], &p, &err), HG_EDATA);
    assert_contains(err.msg, "other options");
    p = small_plan();
    p.n = 100;
    clear(folder[1]);
    assert_int_equal(hg_liquid_generate(&t, folder[1], &p, &err), HG_EDATA);
    assert_contains(err.msg, "100 particles have a box 4.3679 wide, less than twice the cut-off 2.5");
    assert_int_equal(access(folder[1], F_OK),
                     -1); /* nothing was begun that another number of particles would stumble over */
    for (size_t a = 0; a < 2; a++) clear(folder[a]);
    hg_arena_reset(*state, start);
}

static void no_memory_is_told(void **state) {
    hg_snapshot *s = liquid(*state);
    const hg_mark start = hg_arena_mark(*state);
    const hg_cage_opts c = { .wall = 0.4, .stiffness = 200, .settle = 0.06, .average = 0.06 };
    hg_label_opts l = FEW;
    l.runs = 1;
    l.n_times = 1;
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK && k < 600; k++) {
        fail_alloc_after(k);
        st = hg_snapshot_hold(s, &c, NULL, *state, NULL);
        if (st == HG_OK) st = hg_snapshot_label(s, &l, NULL, *state, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        hg_arena_reset(*state, start);
    }
    assert_int_equal(st, HG_OK);
    hg_arena_reset(*state, (hg_mark) { 0 });
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_inherent_structure_has_no_forces), TEST(cages_are_small),       TEST(short_runs_are_ballistic),
        TEST(labels_have_the_same_bits),           TEST(a_stopped_set_goes_on), TEST(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
