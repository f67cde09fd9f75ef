/* hagane/liquid.h -- molecular dynamics of simple liquids: one or two species of Lennard-Jones particles in a periodic box
 *
 *   hg_liquid *l;
 *   HG_TRY(hg_liquid_new(&l, s->species, s->x, s->n, s->box, NULL, err));     the Kob-Andersen mixture
 *   hg_liquid_maxwell(l, 0.44, hg_rng_make(seed, 0));
 *   HG_TRY(hg_liquid_run(l, 1000, NULL, err));                                1000 steps at constant energy
 *
 * Units as in hagane/snapshot.h; masses are 1. Pairs of clusters of four particles (Pall & Hess, Comput. Phys. Commun. 184, 2641, 2013) in a list
 * that holds for long; from it those are picked that can act within the next steps (Pall et al., J. Chem. Phys. 153, 134110, 2020). Forces of a run are float, summed in float; positions, velocities and all that is
 * told (energies, pressure, hg_liquid_forces) are double, and so is a quench. Velocity Verlet. Costs 120 ns a particle and step and thread with AVX-512.
 * A run has the same bits for any number of threads of the pool, and on machines with the same vector instructions.
 */
#ifndef HG_LIQUID_H
#define HG_LIQUID_H
#include "hagane/snapshot.h"

enum { HG_LIQUID_SPECIES = 2 };

/* ---- what acts between particles ------------------------------------------------------------------------------------ */

/* 4 epsilon ((sigma/r)^12 - (sigma/r)^6) up to `cutoff`, for each pair of species. */
typedef struct {
    double epsilon[HG_LIQUID_SPECIES][HG_LIQUID_SPECIES],
        sigma[HG_LIQUID_SPECIES][HG_LIQUID_SPECIES];     /* symmetric, >= 0, > 0 */
    double cutoff[HG_LIQUID_SPECIES][HG_LIQUID_SPECIES]; /* symmetric, > 0 */
    bool
        force_shifted; /* energy AND force vanish at the cut-off (LAMMPS: lj/smooth/linear); false: the energy alone (lj/cut, shift yes) */
} hg_liquid_potential;

typedef struct {
    hg_liquid_potential potential; /* default hg_kob_andersen() */
    double skin;                   /* of the list of pairs, > margin; less where the box is small; default 1.4 */
    double margin;                 /* of the pairs that are picked from it, > 0; default 0.14 */
    bool
        plain; /* loops that any compiler understands instead of vector instructions: what tests compare with; default false */
    hg_pool *pool; /* borrowed; default NULL: this thread */
} hg_liquid_opts;

typedef struct hg_liquid hg_liquid;

HG_BEGIN_DECLS
/* Kob & Andersen, Phys. Rev. E 51, 4626 (1995): epsilon 1, 1.5, 0.5 and sigma 1, 0.8, 0.88 of AA, AB, BB; cut off at 2.5 sigma of each pair; force-shifted. */
hg_liquid_potential hg_kob_andersen(void);
hg_liquid_opts hg_liquid_opts_default(void);

/* n particles at rest at x[n,3], which need not lie in the box. All is copied. Errors: HG_EINVAL no particles, a box or an option out of its range, a box
 * shorter than twice the cut-off; HG_ENAN; HG_EDATA a third species, or two particles closer than a third of their diameter; HG_ELIMIT; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_liquid_new(hg_liquid **out, const uint8_t *species, const double *x, size_t n,
                                      const double box[3], const hg_liquid_opts *opts, hg_err *err);
void hg_liquid_free(hg_liquid *l);

size_t hg_liquid_n(const hg_liquid *l);
/* x[n,3] and v[n,3], either may be NULL. Positions are not wrapped: their differences are displacements since they were set. */
void hg_liquid_state(double *x, double *v, const hg_liquid *l);
/* Starts anew from a state, with the same bits whatever happened before. v NULL: at rest. Errors: as of hg_liquid_new. */
HG_MUST_CHECK hg_status hg_liquid_set(hg_liquid *l, const double *x, const double *v, hg_err *err);
/* Velocities of a temperature: normal, without total momentum, and with just that kinetic energy when `exact`. */
void hg_liquid_maxwell(hg_liquid *l, double temperature, bool exact, hg_rng rng);

/* ---- what is seen ----------------------------------------------------------------------------------------------------- */

typedef struct {
    double potential, kinetic; /* of all particles */
    double temperature;        /* 2 kinetic / (3 n - 3) */
    double pressure;           /* (2 kinetic + virial) / 3 volume */
    double virial;             /* sum over pairs of r . F */
    double force;              /* the largest component of any particle's force */
    double momentum[3];
    size_t lists; /* how often pairs were listed since the state was set */
    size_t pairs; /* of particles that the loops look at in a step, within the cut-off or not */
} hg_liquid_view;
HG_MUST_CHECK hg_status hg_liquid_observe(hg_liquid_view *out, hg_liquid *l, hg_err *err);
/* f[n,3] and energy[n] (half of each pair's), in double; either may be NULL. */
HG_MUST_CHECK hg_status hg_liquid_forces(double *f, double *energy, hg_liquid *l, hg_err *err);
/* f[n,3] as a run has them: float. */
HG_MUST_CHECK hg_status hg_liquid_forces_of_run(double *f, hg_liquid *l, hg_err *err);

/* ---- what is done ----------------------------------------------------------------------------------------------------- */

typedef struct {
    double dt;              /* > 0; default 0.006 */
    double temperature;     /* of the thermostat, > 0; default NaN: none, energy is constant */
    double temperature_end; /* reached linearly at the last step; default NaN: as at the start */
    double coupling;        /* relaxation time of the thermostat, > 0; default 0.5 */
    hg_rng *rng;            /* of the thermostat, which draws from it; default NULL */
    const hg_hooks *hooks;  /* progress in steps; default NULL */
} hg_liquid_run_opts;
hg_liquid_run_opts hg_liquid_run_opts_default(void);

/* `steps` steps. The thermostat rescales all velocities by a random factor such that the kinetic energy is canonical (Bussi, Donadio & Parrinello,
 * J. Chem. Phys. 126, 014101, 2007). Errors: HG_EINVAL; HG_EDATA particles flew apart, with advice to take a smaller step; HG_ECANCEL; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_liquid_run(hg_liquid *l, size_t steps, const hg_liquid_run_opts *opts, hg_err *err);

/* Holds each particle near anchor[n,3] (positions as hg_liquid_state gives them): beyond `wall` a force -stiffness (d - wall) along d, its displacement. NULL: lets go. */
HG_MUST_CHECK hg_status hg_liquid_hold(hg_liquid *l, const double *anchor, double wall, double stiffness, hg_err *err);

typedef struct {
    double force; /* no component of a force is larger then, > 0; default 1e-5 */
    size_t steps; /* at most; default 100000 */
} hg_quench_opts;
hg_quench_opts hg_quench_opts_default(void);
/* To the nearest minimum of the energy, the inherent structure, by FIRE (Bitzek et al., Phys. Rev. Lett. 97, 170201, 2006). *steps: that it took, may be NULL.
 * Velocities are zero afterwards. Errors: HG_ENOTCONV; as of hg_liquid_run. */
HG_MUST_CHECK hg_status hg_liquid_quench(size_t *steps, hg_liquid *l, const hg_quench_opts *opts, hg_err *err);
HG_END_DECLS
#endif
