/* tests/simulate/test_lammps.c -- the engine beside LAMMPS, where `lmp` is installed: forces, energy, pressure, structure, who moves */
#include "lammps.h"
#include "test.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { N = 270, RUNS = 32, STEPS = 100 }; /* to t = 0.6: there 32 runs tell much, 216 particles differ little */

/* A liquid at T = 0.6, cooled in a hurry from a lattice. */
static hg_snapshot *liquid(hg_arena *mem) {
    hg_snapshot *s = hg_snapshot_new(mem, N);
    assert_non_null(s);
    s->temperature = 0.6;
    for (size_t k = 0; k < 3; k++) s->box[k] = cbrt(N / 1.2);
    const size_t side = 7;
    hg_rng rng = hg_rng_make(2, 0);
    for (size_t i = 0; i < N; i++) {
        const size_t at[3] = { i / side / side, i / side % side, i % side };
        s->species[i] = i % 5 == 3;
        for (size_t k = 0; k < 3; k++)
            s->x[3 * i + k] = ((double)at[k] + 0.5 + 0.1 * hg_rng_uniform(&rng)) * s->box[k] / (double)side;
    }
    hg_liquid *l;
    hg_err err = { 0 };
    hg_liquid_run_opts o = hg_liquid_run_opts_default();
    o.temperature = 1;
    o.temperature_end = s->temperature;
    o.rng = &rng;
    hg_quench_opts apart = hg_quench_opts_default();
    apart.force = 1;
    assert_ok_err(hg_liquid_new(&l, s->species, s->x, N, s->box, NULL, &err), err);
    assert_ok_err(hg_liquid_quench(NULL, l, &apart, &err), err);
    hg_liquid_maxwell(l, 1, true, hg_rng_make(2, 1));
    assert_ok_err(hg_liquid_run(l, 4000, &o, &err), err);
    hg_liquid_state(s->x, NULL, l);
    for (size_t i = 0; i < 3 * N; i++) s->x[i] -= s->box[i % 3] * floor(s->x[i] / s->box[i % 3]);
    hg_liquid_free(l);
    return s;
}

static void the_same_as_lammps(void **state) {
    if (!lammps_there()) {
        print_message("SKIPPED: there is no lmp (apt: lammps)\n");
        skip();
    }
    const hg_mark start = hg_arena_mark(*state);
    char folder[300], line[700];
    test_scratch(folder, sizeof folder, "lammps");
    snprintf(line, sizeof line, "rm -rf '%s' && mkdir -p '%s'", folder, folder);
    assert_int_equal(system(line), 0);
    const hg_snapshot *s = liquid(*state);
    lammps_witness w;
    assert_true(lammps_compare(&w, s, &(lammps_opts) { .runs = RUNS, .steps = STEPS, .seed = 1 }, folder));
    print_message("forces %.2g, of a run %.2g; energy %.2g, pressure %.2g; drift %.2g, LAMMPS's %.2g\n", w.force,
                  w.force_of_run, w.energy, w.pressure, w.drift, w.lammps_drift);
    print_message("propensity %.4f, expected %.4f, ratio of means %.4f\n", w.propensity, w.propensity_expected,
                  w.mean_ratio);
    for (size_t p = 0; p < 3; p++) print_message("g(r) %zu: %.4f, noise %.4f\n", p, w.radial[p], w.radial_noise[p]);
    assert_true(w.force < 1e-10);
    assert_true(w.force_of_run < 1e-4);
    assert_close(w.energy, 0, 1e-11);
    assert_close(w.pressure, 0, 1e-10);
    assert_true(w.drift < 2e-3 && w.drift < 2.5 * w.lammps_drift);
    /* as far as two sets of runs of one program would be */
    assert_true(fabs(w.propensity - w.propensity_expected) < 0.08 && w.propensity > 0.85);
    assert_close(w.mean_ratio, 1, 0.03);
    for (size_t p = 0; p < 3; p++) assert_in_range((int)(100 * w.radial[p] / w.radial_noise[p]), 40, 200);
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    assert_int_equal(system(line), 0);
    hg_arena_reset(*state, start);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(the_same_as_lammps) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
