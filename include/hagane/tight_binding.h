/* hagane/tight_binding.h -- molecules of H, C, N, O, F by self-consistent tight binding, with increments that can be learned
 *
 *   hg_tb_model *model;
 *   hg_tb *tb;
 *   hg_tb_result r;
 *   HG_TRY(hg_tb_model_new(&model, NULL, err));
 *   HG_TRY(hg_tb_new(&tb, model, err));
 *   HG_TRY(hg_tb_run(&r, tb, molecule, err));          r.energy in eV; r points into tb until the next run
 *
 * The method is GFN1-xTB (Grimme, Bannwarth, Shushkov, J. Chem. Theory Comput. 13, 1989, 2017) without its
 * dispersion, its halogen bond and hydrogen's second s shell: what a correction learned on top replaces. Its energy
 * is
 *   E = Tr P H0 + 1/2 sum_st q_s gamma_st q_t + 1/3 sum_A Gamma_A q_A^3 + E_rep - T S
 * with shells s, t, atoms A and charges q = (electrons of the free atom) - (Mulliken population). A vector theta of
 * learned increments (hg_tb_theta_family) enters H0, gamma and Gamma; all zero is the published method. The energy is
 * stationary in P, so that its derivatives by theta are those at fixed P: exact, and almost free
 * (hg_tb_theta_gradient). Units: eV, angstrom, e. Cost: one thread, dense algebra, O(orbitals^3) time; nothing is
 * allocated once the workspace has seen the largest molecule. A model is constant and may be shared by threads; a
 * workspace belongs to one.
 */
#ifndef HG_TIGHT_BINDING_H
#define HG_TIGHT_BINDING_H
#include "hagane/molecule.h"

typedef struct hg_tb_model hg_tb_model; /* parameters and tables */
typedef struct hg_tb hg_tb;             /* workspace, and the results of its last molecule */

typedef struct {
    double temperature;   /* of the electrons, K, >= 0                                     default 300      */
    double tolerance;     /* e, in (0, 0.1]: largest last change of a shell's charge       default 1e-6     */
    unsigned max_cycles;  /* > 0                                                           default 250      */
    size_t max_orbitals;  /* of a molecule, > 0                                            default 4000     */
    double coulomb_range; /* angstrom, > 0: charges farther apart do not meet, see below   default INFINITY */
} hg_tb_opts; /* Levels are smeared only when the gap is below 40 kT. A finite range ends smoothly, from 0.8 of it on. */

/* One kind of increment: theta[first .. first + count - 1]. */
typedef struct {
    const char *name;
    const char *unit;
    size_t first, count;
    double scale; /* a typical size, for a prior's standard deviation, in `unit` */
} hg_tb_family;

typedef struct {
    double energy; /* eV, the sum of the next five; its zero: free valence electrons and cores */
    double band, coulomb, third_order, repulsion, entropy; /* eV; entropy is -T S <= 0 */
    double homo, lumo;                                     /* eV; NaN when there is no such level */
    double dipole[3]; /* e angstrom, the expectation value with all two-centre terms; of an ion: about the origin */
    unsigned cycles;  /* diagonalisations and density steps that self-consistency took */
    size_t n_atoms, n_shells, n_orbitals, n_electrons;
    const size_t *first_shell, *first_orbital; /* [n_atoms + 1]; an atom's shells are s, p; its orbitals s, x, y, z */
    const double *charge;                      /* [n_atoms] Mulliken, e */
    const double *population;                  /* [n_shells] Mulliken, electrons */
    const double *level, *occupation;          /* [n_orbitals] eV, ascending; 0..2 electrons */
    const double *coefficient;                 /* [n_orbitals,n_orbitals], orbital k is row k */
    const double *density, *overlap;           /* [n_orbitals,n_orbitals] P and S: Tr P S is the number of electrons */
} hg_tb_result;

HG_BEGIN_DECLS
hg_tb_opts hg_tb_opts_default(void);

/* opts NULL: defaults. theta is zero. 3 MiB. Errors: HG_EINVAL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_tb_model_new(hg_tb_model **out, const hg_tb_opts *opts, hg_err *err);
void hg_tb_model_free(hg_tb_model *model);
bool hg_tb_has_element(unsigned z); /* is there a row for atomic number z in the table of parameters? */

/* Kinds of increments, from 0; NULL past the last. The order and the counts are part of what stored weights mean. */
const hg_tb_family *hg_tb_theta_family(size_t i);
size_t hg_tb_theta_count(void); /* numbers in theta, all families */
/* Copies theta[hg_tb_theta_count()]; no workspace may be running on the model meanwhile. HG_ENAN; then nothing has
 * changed. */
HG_MUST_CHECK hg_status hg_tb_model_set_theta(hg_tb_model *model, const double *theta, hg_err *err);

/* The workspace borrows the model. Errors: HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_tb_new(hg_tb **out, const hg_tb_model *model, hg_err *err);
void hg_tb_free(hg_tb *tb);

/* Closed shells; m->charge is taken from the electrons. The result points into tb: it lasts until the next run.
 * Errors, with the molecule's id: those of hg_molecule_check; HG_ENOTFOUND an element without parameters; HG_EDATA
 * a periodic cell, an odd number of electrons, or more than the orbitals hold; HG_ELIMIT; HG_ENOTPD orbitals that
 * depend on each other; HG_ENOTCONV no self-consistency; HG_ENOMEM. After an error there is no result. */
HG_MUST_CHECK hg_status hg_tb_run(hg_tb_result *out, hg_tb *tb, const hg_molecule *m, hg_err *err);

/* Of the last run, which must have succeeded (an assertion): gradient[hg_tb_theta_count()] = dE/dtheta, eV a unit
 * of theta. Exact at self-consistency. */
void hg_tb_theta_gradient(double *gradient, const hg_tb *tb);
/* gradient[hg_tb_theta_count()] = d(sum_k weight_k level_k)/dtheta at fixed charges, eV a unit of theta;
 * weight[n_orbitals]. population[n_shells] = sum_k weight_k of Mulliken's populations of orbital k. Equal weights
 * of equal levels: neither depends on the frame. What a change of charges would add is left out, so that this is a
 * description of levels rather than their derivative. */
void hg_tb_level_gradient(double *gradient, double *population, hg_tb *tb, const double *weight);
/* force[n,3] = -dE/dr, eV/angstrom; with smeared levels of the free energy E - T S. */
void hg_tb_forces(double *force, hg_tb *tb);
/* order[n,n]: Mayer's bond orders sum_(i on A, j on B) (PS)_ij (PS)_ji (Chem. Phys. Lett. 97, 270, 1983), which
 * are Wiberg's in an orthogonal basis; on the diagonal the sum over an atom's own orbitals. */
void hg_tb_bond_orders(double *order, hg_tb *tb);
HG_END_DECLS
#endif
