/* bench/glass_tasks/physics.c -- whether our liquids are those of LAMMPS
 *
 * Task physics: 1200 particles of ../shared/data/glass-ka-t050 (the first snapshot, T = 0.5), force-shifted Kob-Andersen, time step 0.006. Each program makes
 * sixteen runs to t = 2.17 with velocities of its own; LAMMPS is Debian's `lmp`, without which nothing is told.
 *
 *   physics_force, physics_force_of_run      largest difference of a force, by the largest force: in double, and as a run has them, in float
 *   physics_energy, physics_pressure         of a particle at the start, and there: ours less LAMMPS's
 *   physics_radial_AA, _AB, _BB              g(r) to 2.5 in 50 bins: root of the mean square of the difference
 *   physics_radial_AA_noise and so on        the same of two sets of runs of one program, from halves of either
 *   physics_propensity                       correlation of both propensities of A
 *   physics_propensity_expected              what the noise of both leads to expect, from halves of either
 *   physics_propensity_ratio                 of their means, ours by LAMMPS's
 *   physics_drift, physics_drift_lammps      change of the energy of a particle over a run: root of the mean square
 */
#include "hagane/snapshot_file.h"
#include "lammps.h"
#include "tasks.h"
#include <stdio.h>

void run_physics(figures *f, const char *folder) {
    hg_arena *mem = hg_arena_new();
    hg_err err = { 0 };
    hg_snapshot_set *set;
    hg_snapshot *s;
    lammps_witness w;
    if (!lammps_there()) {
        hg_arena_free(mem);
        return;
    }
    must(hg_snapshot_set_open(&set, HG_SOURCE_DIR "/../shared/data/glass-ka-t050", NULL, &err), &err);
    must(hg_snapshot_set_read(&s, set, 0, mem, &err), &err);
    s->temperature = 0.5; /* of the whole set */
    const lammps_opts o = { .runs = f->quick ? 4 : 16, .steps = 362, .seed = 1 };
    if (!lammps_compare(&w, s, &o, folder))
        must(hg_fail(&err, HG_EIO, "lmp does not do what it is told: see its screen in %s", folder), &err);
    note(f, "physics_force", w.force);
    note(f, "physics_force_of_run", w.force_of_run);
    note(f, "physics_energy", w.energy);
    note(f, "physics_pressure", w.pressure);
    for (size_t p = 0; p < 3; p++) {
        static const char *const PAIR[] = { "AA", "AB", "BB" };
        char key[FIGURE_KEY];
        snprintf(key, sizeof key, "physics_radial_%s", PAIR[p]);
        note(f, key, w.radial[p]);
        snprintf(key, sizeof key, "physics_radial_%s_noise", PAIR[p]);
        note(f, key, w.radial_noise[p]);
    }
    note(f, "physics_propensity", w.propensity);
    note(f, "physics_propensity_expected", w.propensity_expected);
    note(f, "physics_propensity_ratio", w.mean_ratio);
    note(f, "physics_drift", w.drift);
    note(f, "physics_drift_lammps", w.lammps_drift);
    hg_snapshot_set_free(set);
    hg_arena_free(mem);
}
