/* models/glass_features.h -- what stands around each particle of a liquid, in numbers that do not turn with it
 *
 * Descriptors of Alkemade et al. (J. Chem. Phys. 158, 134512, 2023, "CAGE") and Boattini, Smallenburg & Filion (Phys. Rev. Lett. 127, 088007,
 * 2021): densities in radial shells, bond order, each averaged again and again over neighbours; with them the energy and the local Hessian of
 * Kob and Andersen's potential, and what is known of the cage. They are taken of one of three structures: the snapshot as it is, its inherent
 * structure, or its cage state.
 */
#ifndef HG_MODELS_GLASS_FEATURES_H
#define HG_MODELS_GLASS_FEATURES_H
#include "hagane/snapshot.h"

typedef enum { HG_GLASS_THERMAL, HG_GLASS_INHERENT, HG_GLASS_CAGE, HG_GLASS_STATES } hg_glass_state;

enum {
    HG_GLASS_SPECIES = 2,
    HG_GLASS_FINE = 19,    /* radial shells to r = 2 */
    HG_GLASS_COARSE = 15,  /* and from there to 3.9 */
    HG_GLASS_SHELLS = 4,   /* of bond order */
    HG_GLASS_ORDERS = 6,   /* l = 1 .. 6 */
    HG_GLASS_AVERAGES = 5, /* generations after the first */
    HG_GLASS_PHYSICS = 8,  /* energy with A, with B; force; Hessian: trace, eigenvalues; pressure */
    HG_GLASS_BASE =
        HG_GLASS_SPECIES * (HG_GLASS_FINE + HG_GLASS_COARSE + HG_GLASS_SHELLS * HG_GLASS_ORDERS) + HG_GLASS_PHYSICS
};

/* Farthest neighbour that counts; a box must be twice as long. */
extern const double HG_GLASS_RANGE;

size_t hg_glass_base(hg_glass_state state);  /* numbers a particle before averaging */
size_t hg_glass_width(hg_glass_state state); /* with all generations */

/* x[n,width]: generation by generation. Errors: HG_EDATA a snapshot whose structure is not known, or of more than two species, or a box that is too
 * small; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_glass_describe(float *x, const hg_snapshot *s, hg_glass_state state, hg_pool *pool,
                                          hg_err *err);
/* Positions of that structure, out[n,3]. */
HG_MUST_CHECK hg_status hg_glass_positions(double *out, const hg_snapshot *s, hg_glass_state state, hg_err *err);
#endif
