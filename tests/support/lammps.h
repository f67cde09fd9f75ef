/* tests/support/lammps.h -- Debian's `lmp` (apt: lammps) as a witness of our engine; it is run as a program of its own
 *
 * Both take a snapshot's forces, and run it from there several times with velocities of their own draw.
 */
#ifndef HG_TEST_LAMMPS_H
#define HG_TEST_LAMMPS_H
#include "hagane/liquid.h"

typedef struct {
    size_t runs, steps; /* steps is even; of 0.006 */
    uint64_t seed;
} lammps_opts;

/* Ours beside theirs. */
typedef struct {
    double energy, pressure; /* ours less LAMMPS's at the start; the energy of a particle */
    double force,
        force_of_run; /* largest difference of a component by the largest of all, forces in double and of a run */
    double radial[3],
        radial_noise
            [3]; /* g(r) of AA, AB, BB to 2.5: root of the mean square of the difference, and what noise alone leads to expect */
    double propensity,
        propensity_expected; /* correlation over A after all steps, and what the noise of both sets of runs leads to expect */
    double mean_ratio;       /* of the propensities of A */
    double drift, lammps_drift; /* change of the energy of a particle: root of the mean square over runs */
} lammps_witness;

bool lammps_there(void);
/* s: Kob and Andersen's liquid with a temperature. folder: for files. false: it did not work. */
bool lammps_compare(lammps_witness *out, const hg_snapshot *s, const lammps_opts *o, const char *folder);
#endif
