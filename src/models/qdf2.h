/* models/qdf2.h -- the successor of Quantum Deep Field: orbitals of a tight binding refined on data, and a correction
 *
 *   E = E_TB(R; theta) + sum over atoms of c[element] + w[element] . G(surroundings)
 *
 * E_TB is the self-consistent energy of hagane/tight_binding.h, whose increments theta are learned; G are the sums
 * over pairs and triples of describe/atoms.h. All parts are sums over atoms and pairs, so that E does not turn with
 * the molecule and is extensive.
 *
 * Fit: theta, c and w together by Gauss-Newton steps with Gaussian priors (ridge); E_TB is stationary in its density,
 * so that dE/dtheta is exact without any response. A step after which the fit is worse is halved. Then c and w once
 * more at the final theta. What is left of the posterior of (c, w) is kept as draws: their spread at a molecule tells
 * how far it is from what was learned. sd^2 = noise^2 + (factor * spread)^2, both from validation molecules. Forces are not the slope of E: models/qdf2_rest.c. Energies in eV,
 * atomization energies where the data are.
 */
#ifndef HG_MODELS_QDF2_H
#define HG_MODELS_QDF2_H
#include "describe/atoms.h"
#include "hagane/tight_binding.h"

typedef struct hg_qdf2 hg_qdf2;           /* constant once made; threads may share it */
typedef struct hg_qdf2_room hg_qdf2_room; /* one a thread */

typedef struct {
    double energy, sd;     /* eV; sd NaN: the model has no error bars */
    double spread;         /* eV, of the draws: what the model does not know here */
    bool outside;          /* unlike what was learned from: by spread, gap between HOMO and LUMO, or charge */
    double tight_binding;  /* eV, the part E_TB */
    hg_tb_result orbitals; /* of the refined tight binding; lasts until the room's next molecule */
} hg_qdf2_result;

/* What is read from the same orbitals, each by a regression of its own (models/qdf2_property.c). */
typedef enum { HG_QDF2_DIPOLE, HG_QDF2_HOMO, HG_QDF2_LUMO, HG_QDF2_PROPERTIES } hg_qdf2_property;
const char *hg_qdf2_property_name(hg_qdf2_property p); /* "dipole", "homo", "lumo" */
const char *hg_qdf2_property_unit(hg_qdf2_property p); /* "e*angstrom", "eV" */
size_t hg_qdf2_property_size(hg_qdf2_property p);      /* components: 3, 1, 1 */

typedef struct {
    bool known;          /* has the model learned it? */
    double value[3], sd; /* sd of each component; NaN: no error bars */
} hg_qdf2_value;

typedef struct {
    size_t n;
    hg_molecule *const *molecule; /* [n] */
    const double *energy;         /* [n] eV */
    const double *label
        [HG_QDF2_PROPERTIES]; /* [n, components] in the property's unit, NaN where it is unknown; NULL: all unknown */
} hg_qdf2_data;

typedef struct {
    size_t rounds;         /* Gauss-Newton steps of theta, 0: the published method and w alone;      default 4 */
    double prior;          /* sd of a coefficient of a feature scaled to unit sd, kcal/mol;           default 0.045 */
    double floor;          /* least sd that a feature is scaled by;                                   default 0.05 */
    double ridge;          /* squared residual that the priors are weighed against, (kcal/mol)^2;     default 0.003 */
    double theta_prior;    /* times each family's scale;                                              default 1 */
    double rest;           /* sd of a coefficient of what forces add to the published tight binding, eV;
                              0: forces are the slope of the energy;                                  default 0.003 */
    size_t draws;          /* of the posterior of w; 0: no error bars;                                default 32 */
    double share;          /* of the training molecules is learned from, drawn by the seed;           default 1 */
    uint64_t seed;         /* of the draws;                                                           default 0 */
    hg_pool *pool;         /* borrowed;                                                               default NULL */
    const hg_hooks *hooks; /* words after each round, progress;                                      default NULL */
} hg_qdf2_opts;
hg_qdf2_opts hg_qdf2_opts_default(void);

/* validation may have n = 0: no error bars then. Molecules whose charges do not converge are left out, with a
 * warning. Errors: HG_EINVAL options; HG_EDATA fewer than 10 molecules, energies not finite; those of tight
 * binding and of describe/atoms.h but for that; HG_ENOTPD; HG_ECANCEL; HG_ENOMEM: 8 (columns)^2 bytes, some 200 MB. */
HG_MUST_CHECK hg_status hg_qdf2_fit(hg_qdf2 **out, const hg_qdf2_data *train, const hg_qdf2_data *validation,
                                    const hg_qdf2_opts *opts, hg_err *err);
HG_MUST_CHECK hg_status hg_qdf2_save(const hg_qdf2 *q, const char *path, hg_err *err);
HG_MUST_CHECK hg_status hg_qdf2_load(hg_qdf2 **out, const char *path, hg_err *err);
void hg_qdf2_free(hg_qdf2 *q);

HG_MUST_CHECK hg_status hg_qdf2_room_new(hg_qdf2_room **out, const hg_qdf2 *q, hg_err *err);
void hg_qdf2_room_free(hg_qdf2_room *r);
/* Errors: those of hg_tb_run and hg_around_describe. */
HG_MUST_CHECK hg_status hg_qdf2_predict(hg_qdf2_result *out, const hg_qdf2 *q, hg_qdf2_room *room, const hg_molecule *m,
                                        hg_err *err);
bool hg_qdf2_knows(const hg_qdf2 *q, hg_qdf2_property p);
/* One property of the room's last molecule: m and its result again. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_qdf2_read(hg_qdf2_value *out, const hg_qdf2 *q, hg_qdf2_room *room, const hg_qdf2_result *r,
                                     const hg_molecule *m, hg_qdf2_property p, hg_err *err);
/* charge[n], e: Mulliken's, and what the learned dipole moves from atom to atom; they add up to the same. The
 * model has to know dipoles. */
HG_MUST_CHECK hg_status hg_qdf2_charges(double *charge, const hg_qdf2 *q, hg_qdf2_room *room, const hg_qdf2_result *r,
                                        const hg_molecule *m, hg_err *err);
/* *v in eV: what forces are minus the slope of. That is the energy of the published tight binding and a correction
 * that brings the training molecules to rest (models/qdf2_rest.c); with opts.rest = 0 the energy itself. Of the room's
 * last molecule: m again, and its prediction must have succeeded. Errors: those of hg_tb_run and hg_around_describe. */
HG_MUST_CHECK hg_status hg_qdf2_potential(double *v, const hg_qdf2 *q, hg_qdf2_room *room, const hg_molecule *m,
                                          hg_err *err);
/* force[n,3], eV/angstrom: minus the gradient of that, analytic. The same is asked for, and the same errors. Cost: as
 * much as a prediction; with opts.rest = 0 a third of it. */
HG_MUST_CHECK hg_status hg_qdf2_forces(double *force, const hg_qdf2 *q, hg_qdf2_room *room, const hg_molecule *m,
                                       hg_err *err);

#endif
