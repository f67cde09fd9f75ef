/* models/qdf.h -- Quantum Deep Field, the published function: orbitals on a grid -> density -> energy
 *
 * Tsubaki & Mizoguchi, Phys. Rev. Lett. 125, 206401 (2020), in the form of the authors' program of 2021 (repository
 * masashitsubaki/QuantumDeepField_molecule, commit ff0bb52), whose weights this loads. With P points, O orbitals, D = dim:
 *
 *   grid    56 points an atom: the corners of a cubic lattice of 0.3 angstrom inside 0.75 angstrom, axes fixed in space
 *   phi     phi_o(r) = d^(q-1) exp(-zeta_o d^2), d = |r - R_o|, divided by its 2-norm over the P points
 *   psi     phi C[O,D], where C is made of one row an orbital type, its columns divided by their 2-norm over the O orbitals;
 *           each psi_j scaled so that the sum of psi_j^2 over the points is N_e / D
 *   energy  per point three times v <- relu(W v + b), from v = psi; summed over points; E = w . v + b
 *   density rho = sum_j psi_j^2, and a network from the number rho to the potential V = -sum_A Z_A exp(-|r - R_A|^2)
 *
 * This is the function as it is, the peer of qdf2: it is not rotation invariant, and rho has no unit. Energies in eV.
 */
#ifndef HG_MODELS_QDF_H
#define HG_MODELS_QDF_H
#include "hagane/molecule.h"
#include "hagane/params.h"

enum { HG_QDF_POINTS = 56 /* an atom */, HG_QDF_TYPES = 60, HG_QDF_LAYERS = 3 };

/* The orbital types: those of "6-31G" for H, C, N, O, F, in the order of the weights' rows. */
typedef struct {
    uint8_t z;      /* element */
    uint8_t first;  /* its first row */
    uint8_t s1, s2; /* so many with q = 1, then so many with q = 2 */
} hg_qdf_element;
const hg_qdf_element *hg_qdf_element_of(unsigned z); /* NULL: the basis has no such element */

/* Where everything stands in the flat buffer of the parameters. */
typedef struct {
    size_t dim;         /* D */
    size_t hk;          /* H, the width of the map from density to potential; D in the published function */
    size_t coefficient; /* [60, dim] */
    size_t zeta;        /* [60] */
    size_t w[HG_QDF_LAYERS], b[HG_QDF_LAYERS]; /* [dim, dim], [dim] */
    size_t energy_w, energy_b;                 /* [dim], 1 */
    size_t density_w, density_b;               /* [hk], [hk]: from the number rho */
    size_t v[HG_QDF_LAYERS], c[HG_QDF_LAYERS]; /* [hk, hk], [hk] */
    size_t potential_w, potential_b;           /* [hk], 1 */
    size_t count;                              /* of the buffer */
} hg_qdf_layout;

/* The model: its parameters have the names of the authors' weights (coefficient.weight, zeta.weight, W_functional.0.weight ...). */
typedef struct {
    hg_params *params;
    hg_qdf_layout l;
    float *w, *grad; /* of params; grad NULL for a fixed set */
} hg_qdf;
/* First values as PyTorch gives them: coefficients normal, zeta 1, layers uniform in +- 1 / sqrt(inputs). hk 0: as dim. */
HG_MUST_CHECK hg_status hg_qdf_new(hg_qdf **out, size_t dim, size_t hk, const hg_params_opts *opts, hg_err *err);
/* From a safetensors file; dim and hk are what the file has. Errors: HG_EIO, HG_EPARSE, HG_ENOTFOUND a tensor that is missing, HG_EDATA a shape
 * that does not fit, HG_ENAN a weight that is no number, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_qdf_load(hg_qdf **out, const char *path, const hg_params_opts *opts, hg_err *err);
HG_MUST_CHECK hg_status hg_qdf_save(const hg_qdf *q, const char *path, hg_err *err);
void hg_qdf_free(hg_qdf *q);

/* What a molecule is to the model. */
typedef struct {
    size_t atoms, points, orbitals;
    double electrons;
    double *point;    /* [points, 3] angstrom */
    double *centre;   /* [atoms, 3] */
    uint8_t *z;       /* [atoms] */
    uint16_t *type;   /* [orbitals] row of the coefficients */
    uint32_t *atom;   /* [orbitals] */
    uint8_t *power;   /* [orbitals] q - 1 */
    float *potential; /* [points] */
} hg_qdf_input;
/* In mem. Errors: HG_ENOTFOUND an element without orbitals (names the atom), HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_qdf_input_make(hg_qdf_input *out, const hg_molecule *m, bool with_potential, hg_arena *mem,
                                          hg_err *err);

#endif
