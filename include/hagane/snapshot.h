/* hagane/snapshot.h -- one configuration of a liquid of spherical particles, and what is known of its future
 *
 * Units are those of Lennard-Jones: lengths in sigma_AA, energies in epsilon_AA, masses 1, time in sigma_AA (m / epsilon_AA)^(1/2),
 * temperature in epsilon_AA / k. Particles lie in a box that is periodic in all three directions; displacements are not wrapped.
 * The isoconfigurational ensemble (Widmer-Cooper, Harrowell & Fynewever, Phys. Rev. Lett. 93, 135701, 2004): many runs from the same positions with
 * fresh Maxwell velocities. A particle's propensity after time t is the mean over runs of |x(t) - x(0)|; a pair's stretch that of |r_ij(t)| - |r_ij(0)|.
 * The means of the even and of the odd runs are kept apart: their correlation c bounds what a prediction can reach, (2c / (1 + c))^(1/2).
 * A snapshot lives in an arena and is freed with it.
 */
#ifndef HG_SNAPSHOT_H
#define HG_SNAPSHOT_H
#include "hagane/core.h"

enum { HG_SPECIES_MOST = 4 };

typedef struct {
    size_t n;           /* particles, > 0 and < 2^31 */
    uint8_t *species;   /* [n] 0: A, 1: B, ... < HG_SPECIES_MOST */
    double *x;          /* [n,3] positions as they are at time 0 (thermal), in [0, box) */
    double box[3];      /* its lengths, > 0 */
    double temperature; /* NaN: not known */
    const char *id;     /* name or number in its file, "" when it has none; never NULL */
    const char *split;  /* "train", "validation", "test", or ""; never NULL */
    int64_t liquid;     /* snapshots of one liquid are related: never split them; -1: not known */

    double *inherent;        /* [n,3] displacement to the nearest minimum of the energy; NULL: not known */
    double *cage;            /* [n,3] displacement to the mean position of the cage state; NULL: not known */
    double *cage_covariance; /* [n,6] xx yy zz xy xz yz of positions in the cage state; NULL: not known */

    size_t runs;               /* of the ensemble; 0: no labels */
    size_t n_times;            /* 0: no labels */
    double *time;              /* [n_times] ascending */
    float *propensity;         /* [n_times,n] mean of all runs; NULL: not known */
    float *propensity_half[2]; /* [n_times,n] of the even, of the odd runs; NULL: not known */
    size_t n_pairs;            /* those whose stretch is known */
    uint32_t *pair;            /* [n_pairs,2] particles, i < j, from 0 */
    float *stretch;            /* [n_times,n_pairs] */
    float *stretch_half[2];    /* [n_times,n_pairs] or NULL */
} hg_snapshot;

HG_BEGIN_DECLS
/* n particles of species A at the origin, to be filled in, everything else unknown; NULL: no memory, or n = 0. */
hg_snapshot *hg_snapshot_new(hg_arena *mem, size_t n);

/* Can this be computed with? nearest: particles closer than this, in the snapshot or in one of its states, are refused, 0: not looked at.
 * cutoff: the largest distance at which particles act on each other, 0: none. O(n) time and 32 bytes a particle, and
 * O(n_times (n + n_pairs)) for labels.
 * Errors: HG_EINVAL no particles, a box that is not positive; HG_ENAN a number that is not finite; HG_EDATA a particle outside of
 * the box, a species out of range, two particles closer than `nearest` (both named, from 1), a box shorter than twice the cut-off,
 * times that do not ascend, a negative propensity, a pair that is none; HG_ELIMIT 2^31 particles; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_snapshot_check(const hg_snapshot *s, double nearest, double cutoff, hg_err *err);
HG_END_DECLS
#endif
