/* bench/glass_tasks/engine.c -- how fast our liquids move, beside LAMMPS
 *
 * Task engine: 4096 particles of ../shared/data/botan-ka-small (s401, T = 0.44), force-shifted Kob-Andersen, constant energy, time step 0.006, one thread of
 * each; lists with a skin of 0.3 in LAMMPS (its authors' advice for these units), of ours the default. Both take turns; a figure is the best
 * of the turns, of the time of the processor. LAMMPS is Debian's `lmp` (apt: lammps) with lj/smooth/linear; without it its figures are null.
 *
 *   sim_steps_per_s_core     steps of a particle in a second
 *   lammps_steps_per_s_core  the same of LAMMPS
 *   sim_over_lammps          their ratio
 *   sim_energy_over_lammps   energy of a particle at the start, ours less LAMMPS's
 *   sim_pressure_over_lammps pressure at the start, ours less LAMMPS's
 *   sim_drift                change of the energy of a particle over the run
 *   ..._1200, ..._32768      the same speeds with 1200 particles of ../shared/data/glass-ka-t050, and with the first liquid eight times side by side
 *   sim_pairs_of_particle    pairs that the loops look at, within the cut-off or not
 *   sim_gflops               what the loops compute of them, lists and steps not counted
 *   sim_share_of_peak        that by what one core does at most with sums of products of floats
 */
#include "hagane/liquid.h"
#include "hagane/snapshot_file.h"
#include "num/isa.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SNAPSHOT HG_SOURCE_DIR "/../shared/data/botan-ka-small/s401.bin"
#define LIQUIDS  HG_SOURCE_DIR "/../shared/data/glass-ka-t050"
enum { TURNS = 3, STEPS = 1000, STEPS_QUICK = 300, PRODUCTS = 256 };
/* Of a pair that the loops look at: 3 differences, 5 for their square; 1/r^2 5, powers 4, force 6, its parts 3, and two sums of 3. */
static const double FLOPS_OF_A_PAIR = 32;

typedef struct {
    double speed, energy, pressure, drift, pairs; /* of a particle */
} outcome;

static double seconds_of_children(void) {
    struct rusage u;
    if (getrusage(RUSAGE_CHILDREN, &u) != 0) return 0;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static outcome ours(const hg_snapshot *s, size_t steps) {
    hg_err err = { 0 };
    hg_liquid *l;
    hg_liquid_view before, after;
    must(hg_liquid_new(&l, s->species, s->x, s->n, s->box, NULL, &err), &err);
    hg_liquid_maxwell(l, 0.44, true, hg_rng_make(1, 0));
    must(hg_liquid_observe(&before, l, &err), &err);
    const double began = processor_seconds(NULL);
    must(hg_liquid_run(l, steps, NULL, &err), &err);
    const double took = processor_seconds(NULL) - began, n = (double)s->n;
    must(hg_liquid_observe(&after, l, &err), &err);
    hg_liquid_free(l);
    return (outcome) { (double)steps * n / took, before.potential / n, before.pressure,
                       (after.potential + after.kinetic - before.potential - before.kinetic) / n,
                       (double)after.pairs / n };
}

/* lmp is run twice, without steps and with them: the difference is what the steps took. */
static bool theirs(outcome *o, const char *folder, size_t n, size_t steps) {
    char script[600], line[1400];
    snprintf(script, sizeof script, "%s/in.lmp", folder);
    FILE *f = fopen(script, "w");
    if (!f) return false;
    fprintf(
        f,
        "units lj\natom_style atomic\nread_data %s/s.data\nmass * 1\npair_style lj/smooth/linear 2.5\npair_coeff 1 1 1.0 1.0 2.5\n"
        "pair_coeff 1 2 1.5 0.8 2.0\npair_coeff 2 2 0.5 0.88 2.2\nneighbor 0.3 bin\nneigh_modify every 1 delay 0 check yes\n"
        "velocity all create 0.44 12345 mom yes\nfix 1 all nve\ntimestep 0.006\nthermo_style custom step temp pe press\nthermo_modify norm yes format float %%.12g\n"
        "thermo 1000000\nrun ${steps}\n",
        folder);
    if (fclose(f) != 0) return false;
    double took[2];
    for (size_t way = 0; way < 2; way++) {
        snprintf(line, sizeof line,
                 "OMP_NUM_THREADS=1 lmp -in %s -var steps %zu -log none -screen %s/lmp.out >/dev/null 2>&1", script,
                 way ? steps : 0, folder);
        const double began = seconds_of_children();
        if (system(line) != 0) return false;
        took[way] = seconds_of_children() - began;
    }
    snprintf(line, sizeof line, "%s/lmp.out", folder);
    f = fopen(line, "r");
    if (!f) return false;
    bool found = false;
    while (!found && fgets(line, sizeof line, f)) {
        size_t step;
        double temperature;
        found = sscanf(line, "%zu %lf %lf %lf", &step, &temperature, &o->energy, &o->pressure) == 4 && step == 0;
    }
    fclose(f);
    o->speed = (double)(steps * n) / (took[1] - took[0]);
    return found && took[1] > took[0];
}

/* ---- sizes --------------------------------------------------------------------------------------------------------------- */

/* Eight times as many: the box twice along each side. */
static hg_snapshot *eightfold(const hg_snapshot *s, hg_arena *mem) {
    hg_snapshot *big = hg_snapshot_new(mem, 8 * s->n);
    hg_err err = { 0 };
    if (!big) must(hg_fail(&err, HG_ENOMEM, "no memory for %zu particles", 8 * s->n), &err);
    for (size_t k = 0; k < 3; k++) big->box[k] = 2 * s->box[k];
    for (size_t a = 0; a < 8 * s->n; a++) {
        const size_t i = a % s->n, image = a / s->n;
        big->species[a] = s->species[i];
        for (size_t k = 0; k < 3; k++) big->x[3 * a + k] = s->x[3 * i + k] + (double)(image >> k & 1U) * s->box[k];
    }
    return big;
}

static const hg_snapshot *of_size(size_t n, hg_arena *mem) {
    hg_snapshot *s;
    hg_err err = { 0 };
    if (n == 1200) {
        hg_snapshot_set *set;
        must(hg_snapshot_set_open(&set, LIQUIDS, NULL, &err), &err);
        must(hg_snapshot_set_read(&s, set, 0, mem, &err), &err);
        hg_snapshot_set_free(set);
        return s;
    }
    must(hg_snapshot_read(&s, NULL, SNAPSHOT, NULL, mem, &err), &err);
    return n == s->n ? s : eightfold(s, mem);
}

/* Floating-point operations that a core does in a second at most: sums of products, float, in registers. */
HG_INLINE void products_body(float *out, size_t turns) {
    float a[PRODUCTS];
    for (size_t k = 0; k < PRODUCTS; k++) a[k] = 1e-3F * (float)k;
    for (size_t t = 0; t < turns; t++)
        for (size_t k = 0; k < PRODUCTS; k++) a[k] = a[k] * 0.999F + 1e-3F;
    for (size_t k = 0; k < PRODUCTS; k++) *out += a[k];
}
HG_ISA_FUNCTION(static, products, (float *out, size_t turns), (out, turns))

static double peak_of_core(void) {
    double best = 0;
    float sum = 0;
    for (size_t t = 0; t < 5; t++) {
        enum { TURNS_OF_PRODUCTS = 1000000 };
        const double began = processor_seconds(NULL);
        products(&sum, TURNS_OF_PRODUCTS);
        const double rate = 2.0 * PRODUCTS * TURNS_OF_PRODUCTS / (processor_seconds(NULL) - began);
        best = rate > best ? rate : best;
    }
    return isfinite(sum) ? best : (double)NAN; /* so that nothing is left out */
}

static void measure(figures *f, const char *folder, const char *ending, const hg_snapshot *s, size_t steps,
                    size_t turns, bool there) {
    hg_err err = { 0 };
    char path[600], key[FIGURE_KEY];
    snprintf(path, sizeof path, "%s/s.data", folder);
    must(hg_snapshot_write(path, s, &err), &err);
    outcome a = { 0 }, b = { 0 };
    for (size_t t = 0; t < turns; t++) {
        const outcome o = ours(s, steps);
        if (o.speed > a.speed) a = o;
        outcome p;
        there = there && theirs(&p, folder, s->n, steps);
        if (there && p.speed > b.speed) b = p;
    }
    snprintf(key, sizeof key, "sim_steps_per_s_core%s", ending);
    note(f, key, a.speed);
    snprintf(key, sizeof key, "lammps_steps_per_s_core%s", ending);
    note(f, key, there ? b.speed : (double)NAN);
    snprintf(key, sizeof key, "sim_over_lammps%s", ending);
    note(f, key, there ? a.speed / b.speed : (double)NAN);
    if (*ending) return;
    note(f, "sim_energy_over_lammps", there ? a.energy - b.energy : (double)NAN);
    note(f, "sim_pressure_over_lammps", there ? a.pressure - b.pressure : (double)NAN);
    note(f, "sim_drift", a.drift);
    const double peak = peak_of_core(), flops = a.speed * a.pairs * FLOPS_OF_A_PAIR;
    note(f, "sim_pairs_of_particle", a.pairs);
    note(f, "sim_gflops", flops * 1e-9);
    note(f, "sim_share_of_peak", flops / peak);
}

void run_engine(figures *f, const char *folder) {
    hg_arena *mem = hg_arena_new();
    const bool there = system("command -v lmp >/dev/null 2>&1") == 0;
    const size_t steps = f->quick ? STEPS_QUICK : STEPS, turns = f->quick ? 1 : TURNS;
    measure(f, folder, "", of_size(4096, mem), steps, turns, there);
    if (!f->quick) {
        measure(f, folder, "_1200", of_size(1200, mem), 3 * steps, turns, there);
        measure(f, folder, "_32768", of_size(32768, mem), steps / 5, turns, there);
    }
    hg_arena_free(mem);
}
