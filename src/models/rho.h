/* models/rho.h -- valence electron densities of molecules: free atoms, and what bonds and charges change
 *
 *   rho(r) = sum_A rho_A(|r - R_A|) - sum_A q_A g(r - R_A) + sum_A sum_nlm c_Anlm f_nl(|r - R_A|) C_lm(r - R_A)
 *
 * rho_A is the free atom's valence density, q_A the Mulliken charge of the tight binding whose orbitals qdf2 refines,
 * g a normalised Gaussian, f Gaussians times r^l, C real solid harmonics, l = 0..3. Coefficients are linear in
 * features of the atom that turn with the molecule as C_lm does (models/rho_features.c): c_Anlm = sum_j w_nlj x_Ajlm,
 * with weights w of its element and n, l, learned on densities of Kohn-Sham orbitals. The same w for all m: the
 * density turns with the molecule. Functions of l = 0 come as differences of normalised Gaussians, and charge that
 * moves moves between two atoms; so the density integrates to the number of valence electrons for any weights. 1s
 * pairs of C, N, O and F are left out.
 *
 * Nothing is clipped: far from the atoms, where densities are 10^-3 e/A^3, rho may fall below zero by some 10^-4. A
 * clip would add electrons. In files and calls lengths are angstrom and densities e/A^3; inside, bohr. Elements: H, C, N,
 * O; F only as free atoms, because the density data have none: a molecule with F is given as the sum of its free atoms
 * and is "outside".
 */
#ifndef HG_MODELS_RHO_H
#define HG_MODELS_RHO_H
#include "hagane/molecule.h"
#include "hagane/tight_binding.h"
#include "models/rho_reference.h"

typedef struct hg_rho hg_rho;             /* weights, and a tight binding; constant once made: threads may share it */
typedef struct hg_rho_room hg_rho_room;   /* one a thread */
typedef struct hg_rho_cloud hg_rho_cloud; /* the density of one molecule; constant once made */

/* What is evaluated of a cloud. */
typedef enum { HG_RHO_VALENCE, HG_RHO_ATOMS /* the promolecule: free atoms only */ } hg_rho_kind;

const char *hg_rho_kind_name(void); /* the architecture in cards and files: "qdf2-density 1" */
HG_MUST_CHECK hg_status hg_rho_save(const hg_rho *q, const char *path, hg_err *err);
/* Errors: those of safetensors; HG_EDATA weights of another kind or shape, HG_ENAN, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rho_load(hg_rho **out, const char *path, hg_err *err);
void hg_rho_free(hg_rho *q);

HG_MUST_CHECK hg_status hg_rho_room_new(hg_rho_room **out, const hg_rho *q, hg_err *err);
void hg_rho_room_free(hg_rho_room *r);

/* q NULL: free atoms only, and room is not looked at. Errors: HG_ENOTFOUND an element other than H, C, N, O, F, named;
 * those of hg_tb_run; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rho_cloud_new(hg_rho_cloud **out, const hg_rho *q, hg_rho_room *room, const hg_molecule *m,
                                         hg_err *err);
void hg_rho_cloud_free(hg_rho_cloud *c);
double hg_rho_electrons(const hg_rho_cloud *c); /* the exact integral of the sum: valence electrons */
bool hg_rho_deformed(const hg_rho_cloud *c);    /* false: free atoms only */
/* Free atoms only, an ion, or an atom whose surroundings are farther out than any that was learned from. */
bool hg_rho_outside(const hg_rho_cloud *c);
/* rho[n] in e/A^3 at points[n,3] in angstrom. Cost: atoms within reach times some 60 multiplications a point. */
void hg_rho_at(double *rho, const hg_rho_cloud *c, hg_rho_kind kind, const double *points, size_t n);

/* ---- learning ---------------------------------------------------------------------------------------------------- */

typedef struct {
    double flatten; /* squared errors are weighed by (density of free atoms + 0.001 e/A^3)^-flatten     default 1 */
    size_t points;  /* an atom, drawn at random, > 0                                                 default 400 */
    uint64_t seed;  /* of the points                                                                   default 0 */
    const double *theta; /* [hg_tb_theta_count()] increments of the tight binding, copied; NULL: zero               */
    hg_pool *pool;       /* borrowed                                                                                 */
    const hg_hooks *hooks;
} hg_rho_opts;
hg_rho_opts hg_rho_opts_default(void);
typedef struct hg_rho_normal hg_rho_normal;

/* All that ridge regression needs of the molecules: one normal matrix for all weights. Memory: 8 (weights)^2 bytes,
 * some 400 MB, and the same again to solve. Molecules whose charges do not converge are left out, with a warning.
 * Errors: HG_EINVAL options; HG_EDATA no molecule, or one with F; those of hg_tb_run but for HG_ENOTCONV; HG_ECANCEL;
 * HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rho_normal_new(hg_rho_normal **out, const hg_orbitals *const *train, size_t n,
                                          const hg_rho_opts *opts, hg_err *err);
/* More molecules; features keep their scales. After an error f is of no use. Errors: the same. */
HG_MUST_CHECK hg_status hg_rho_normal_add(hg_rho_normal *f, const hg_orbitals *const *more, size_t n,
                                          const hg_rho_opts *opts, hg_err *err);
void hg_rho_normal_free(hg_rho_normal *f);
/* HG_ENOTPD: a larger ridge is needed. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rho_fit(hg_rho **out, const hg_rho_normal *f, double ridge, hg_err *err);

/* Random points around a molecule: point[points,3] in angstrom and weight[points] in A^3, such that sum_i weight_i
 * f(point_i) is an unbiased estimate of the integral of f within 4.7 A of its atoms. */
void hg_rho_points(double *point, double *weight, size_t points, const hg_molecule *m, hg_rng *r);
#endif
