/* tests/support/lammps.c -- see support/lammps.h */
#include "lammps.h"
#include "hagane/snapshot_file.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 50, RADIAL_PAIRS = 3, FRAMES = 2 }; /* frames of a run: half way and at its end */
static const double FARTHEST = 2.5, DT = 0.006;

/* Of one program: what its runs gave. */
typedef struct {
    double *moved;                        /* [2,n] sums over runs of even and of odd number: distances gone */
    double radial[2][RADIAL_PAIRS][BINS]; /* the same of pairs */
    double drift2;                        /* sum of squares */
} gathered;

typedef struct {
    const hg_snapshot *s;
    const lammps_opts *o;
    const char *folder;
    double *x; /* [n,3] a frame */
    double *f; /* [n,3] LAMMPS's forces at the start */
    double energy, pressure;
    gathered ours, theirs;
} comparison;

bool lammps_there(void) { return system("command -v lmp >/dev/null 2>&1") == 0; }

/* ---- a frame ------------------------------------------------------------------------------------------------------------- */

static void add_pairs(gathered *g, const comparison *c, size_t half) {
    const hg_snapshot *s = c->s;
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < i; j++) {
            double r2 = 0;
            for (size_t k = 0; k < 3; k++) {
                double d = c->x[3 * i + k] - c->x[3 * j + k];
                d -= s->box[k] * nearbyint(d / s->box[k]);
                r2 += d * d;
            }
            if (r2 < FARTHEST * FARTHEST)
                g->radial[half][s->species[i] + s->species[j]][(size_t)(sqrt(r2) / FARTHEST * BINS)]++;
        }
}

static void add_frame(gathered *g, const comparison *c, size_t run, size_t frame) {
    const hg_snapshot *s = c->s;
    add_pairs(g, c, run % 2);
    for (size_t i = 0; frame == FRAMES - 1 && i < s->n; i++) {
        double r2 = 0;
        for (size_t k = 0; k < 3; k++) r2 += pow(c->x[3 * i + k] - s->x[3 * i + k], 2);
        g->moved[run % 2 * s->n + i] += sqrt(r2);
    }
}

/* ---- ours ---------------------------------------------------------------------------------------------------------------- */

static bool our_run(comparison *c, size_t run) {
    const hg_snapshot *s = c->s;
    hg_liquid *l;
    if (hg_liquid_new(&l, s->species, s->x, s->n, s->box, NULL, NULL) != HG_OK) return false;
    hg_liquid_maxwell(l, s->temperature, true, hg_rng_make(c->o->seed, run)); /* as theirs: just that temperature */
    hg_liquid_view before, after;
    bool ok = hg_liquid_observe(&before, l, NULL) == HG_OK;
    for (size_t frame = 0; frame < FRAMES && ok; frame++) {
        ok = hg_liquid_run(l, c->o->steps / FRAMES, NULL, NULL) == HG_OK;
        hg_liquid_state(c->x, NULL, l);
        if (ok) add_frame(&c->ours, c, run, frame);
    }
    ok = ok && hg_liquid_observe(&after, l, NULL) == HG_OK;
    if (ok) {
        c->ours.drift2 += pow((after.potential + after.kinetic - before.potential - before.kinetic) / (double)s->n, 2);
    }
    hg_liquid_free(l);
    return ok;
}

/* ---- theirs -------------------------------------------------------------------------------------------------------------- */

static bool write_script(const comparison *c) {
    char path[1000];
    snprintf(path, sizeof path, "%s/in.lmp", c->folder);
    FILE *f = fopen(path, "w");
    if (!f) return false;
    for (size_t run = 0; run < c->o->runs; run++) {
        fprintf(
            f,
            "clear\nunits lj\natom_style atomic\nread_data %s/s.data\nmass * 1\npair_style lj/smooth/linear 2.5\n"
            "pair_coeff 1 1 1.0 1.0 2.5\npair_coeff 1 2 1.5 0.8 2.0\npair_coeff 2 2 0.5 0.88 2.2\nneighbor 0.3 bin\n"
            "neigh_modify every 1 delay 0 check yes\nvelocity all create %.17g %zu mom yes dist gaussian\nfix 1 all nve\n"
            "timestep %g\nthermo_style custom step pe press etotal\nthermo 1000000\nrun 0\n"
            "print \"FIRST $(pe:%%.15g) $(press:%%.15g) $(etotal:%%.15g)\"\n",
            c->folder, c->s->temperature, 1000 + 7 * run + 1000 * c->o->seed, DT);
        if (run == 0)
            fprintf(f, "write_dump all custom %s/force id fx fy fz modify sort id format float %%.15g\n", c->folder);
        for (size_t frame = 0; frame < FRAMES; frame++)
            fprintf(f, "run %zu\nwrite_dump all custom %s/x%zu.%zu id xu yu zu modify sort id format float %%.15g\n",
                    c->o->steps / FRAMES, c->folder, run, frame);
        fprintf(f, "print \"LAST $(etotal:%%.15g)\"\n");
    }
    return fclose(f) == 0;
}

static bool read_dump(double *x, size_t n, const char *path) {
    char line[400];
    FILE *f = fopen(path, "r");
    if (!f) return false;
    bool found = false;
    while (!found && fgets(line, sizeof line, f)) found = strncmp(line, "ITEM: ATOMS", 11) == 0;
    for (size_t i = 0; i < n && found; i++) {
        size_t id;
        found = fscanf(f, "%zu %lf %lf %lf", &id, x + 3 * i, x + 3 * i + 1, x + 3 * i + 2) == 4 && id == i + 1;
    }
    fclose(f);
    return found;
}

static bool read_energies(comparison *c) {
    char line[1000];
    snprintf(line, sizeof line, "%s/screen", c->folder);
    FILE *f = fopen(line, "r");
    if (!f) return false;
    size_t firsts = 0, lasts = 0;
    double energy, pressure, total = 0, end;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "FIRST %lf %lf %lf", &energy, &pressure, &total) == 3 && firsts++ == 0) {
            c->energy = energy;
            c->pressure = pressure;
        }
        if (sscanf(line, "LAST %lf", &end) == 1) {
            c->theirs.drift2 += pow(end - total, 2);
            lasts++;
        }
    }
    fclose(f);
    return firsts == c->o->runs && lasts == firsts;
}

static bool their_runs(comparison *c) {
    char path[1000], line[2400];
    snprintf(path, sizeof path, "%s/s.data", c->folder);
    if (hg_snapshot_write(path, c->s, NULL) != HG_OK || !write_script(c)) return false;
    snprintf(line, sizeof line, "OMP_NUM_THREADS=1 lmp -in '%s/in.lmp' -log none -screen '%s/screen' >/dev/null 2>&1",
             c->folder, c->folder);
    if (system(line) != 0 || !read_energies(c)) return false;
    snprintf(path, sizeof path, "%s/force", c->folder);
    bool ok = read_dump(c->f, c->s->n, path);
    for (size_t a = 0; a < c->o->runs * FRAMES && ok; a++) {
        snprintf(path, sizeof path, "%s/x%zu.%zu", c->folder, a / FRAMES, a % FRAMES);
        ok = read_dump(c->x, c->s->n, path);
        if (ok) add_frame(&c->theirs, c, a / FRAMES, a % FRAMES);
        remove(path);
    }
    return ok;
}

/* ---- side by side -------------------------------------------------------------------------------------------------------- */

static double correlation(const double *a, const double *b, const hg_snapshot *s) {
    double n = 0, ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->species[i]) continue;
        n++;
        ma += a[i];
        mb += b[i];
    }
    for (size_t i = 0; i < s->n; i++) {
        if (s->species[i]) continue;
        aa += (a[i] - ma / n) * (a[i] - ma / n);
        bb += (b[i] - mb / n) * (b[i] - mb / n);
        ab += (a[i] - ma / n) * (b[i] - mb / n);
    }
    return ab / sqrt(aa * bb);
}

static void compare_propensities(lammps_witness *w, comparison *c) {
    const size_t n = c->s->n;
    double *const set[2] = { c->ours.moved, c->theirs.moved };
    double reliable = 1, mean[2] = { 0 };
    for (size_t a = 0; a < 2; a++) {
        const double half = correlation(set[a], set[a] + n, c->s);
        reliable *= 2 * half / (1 + half); /* of all runs, by Spearman and Brown */
        for (size_t i = 0; i < n; i++) {
            set[a][i] += set[a][n + i];
            if (!c->s->species[i]) mean[a] += set[a][i];
        }
    }
    w->propensity = correlation(set[0], set[1], c->s);
    w->propensity_expected = sqrt(reliable);
    w->mean_ratio = mean[0] / mean[1];
}

/* Of g(r), in units of an ideal mixture's: shells by their volume. */
static void compare_radial(lammps_witness *w, const comparison *c) {
    const hg_snapshot *s = c->s;
    double count[2] = { 0 };
    for (size_t i = 0; i < s->n; i++) count[s->species[i]]++;
    const double pairs[RADIAL_PAIRS] = { count[0] * (count[0] - 1) / 2, count[0] * count[1],
                                         count[1] * (count[1] - 1) / 2 };
    const double frames = (double)(c->o->runs * FRAMES), volume = s->box[0] * s->box[1] * s->box[2];
    for (size_t p = 0; p < RADIAL_PAIRS; p++) {
        double difference = 0, noise = 0;
        for (size_t b = 0; b < BINS; b++) {
            const double lo = (double)b * FARTHEST / BINS, hi = (double)(b + 1) * FARTHEST / BINS;
            const double ideal = 4.18879020478639 * (hi * hi * hi - lo * lo * lo) / volume * pairs[p] * frames;
            const double(*a)[RADIAL_PAIRS][BINS] = c->ours.radial, (*d)[RADIAL_PAIRS][BINS] = c->theirs.radial;
            difference += pow((a[0][p][b] + a[1][p][b] - d[0][p][b] - d[1][p][b]) / ideal, 2);
            noise += (pow(a[0][p][b] - a[1][p][b], 2) + pow(d[0][p][b] - d[1][p][b], 2)) / (ideal * ideal);
        }
        w->radial[p] = sqrt(difference / BINS);
        w->radial_noise[p] = sqrt(noise / BINS);
    }
}

static bool compare_forces(lammps_witness *w, const comparison *c) {
    const hg_snapshot *s = c->s;
    hg_liquid *l;
    if (hg_liquid_new(&l, s->species, s->x, s->n, s->box, NULL, NULL) != HG_OK) return false;
    hg_liquid_view v;
    hg_liquid_maxwell(l, s->temperature, true, hg_rng_make(1, 0));
    bool ok = hg_liquid_observe(&v, l, NULL) == HG_OK;
    double *const difference[2] = { &w->force, &w->force_of_run };
    for (size_t way = 0; way < 2 && ok; way++) {
        ok = way ? hg_liquid_forces_of_run(c->x, l, NULL) == HG_OK : hg_liquid_forces(c->x, NULL, l, NULL) == HG_OK;
        double most = 0, largest = 0;
        for (size_t i = 0; i < 3 * s->n && ok; i++) {
            most = fmax(most, fabs(c->x[i] - c->f[i]));
            largest = fmax(largest, fabs(c->f[i]));
        }
        *difference[way] = most / largest;
    }
    w->energy = v.potential / (double)s->n - c->energy;
    /* theirs has the temperature exactly, as ours at this moment */
    w->pressure = v.pressure - c->pressure;
    hg_liquid_free(l);
    return ok;
}

bool lammps_compare(lammps_witness *out, const hg_snapshot *s, const lammps_opts *o, const char *folder) {
    *out = (lammps_witness) { 0 };
    comparison *c = calloc(1, sizeof *c);
    if (!c) return false;
    c->s = s;
    c->o = o;
    c->folder = folder;
    c->x = calloc(s->n, 3 * sizeof *c->x);
    c->f = calloc(s->n, 3 * sizeof *c->f);
    c->ours.moved = calloc(s->n, 2 * sizeof *c->x);
    c->theirs.moved = calloc(s->n, 2 * sizeof *c->x);
    bool ok = c->x && c->f && c->ours.moved && c->theirs.moved && their_runs(c) && compare_forces(out, c);
    for (size_t run = 0; run < o->runs && ok; run++) ok = our_run(c, run);
    if (ok) {
        compare_propensities(out, c);
        compare_radial(out, c);
        out->drift = sqrt(c->ours.drift2 / (double)o->runs);
        out->lammps_drift = sqrt(c->theirs.drift2 / (double)o->runs);
    }
    free(c->theirs.moved);
    free(c->ours.moved);
    free(c->f);
    free(c->x);
    free(c);
    return ok;
}
