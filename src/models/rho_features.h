/* models/rho_features.h -- what a density model sees of an atom: numbers that turn with the molecule
 *
 * x[l] of an atom is [2l+1, rho_features_count(l)]: each column transforms as C_lm. Sums over neighbours b in
 * direction u at distance r, by their element: of h_k(r) C_lm(u) with five Gaussians h_k times a smooth cut-off at 8
 * bohr; of the bond order times C_lm(u). From the self-consistent density matrix P: the atom's own block (s-s, p-p
 * trace: l = 0; s-p: l = 1; p-p without its trace: l = 2) and, by the neighbours' bond orders, what these are of the
 * neighbours. Products of two of them of l1 and l2, projected on l (Gaunt's coupling). Lengths in bohr.
 */
#ifndef HG_MODELS_RHO_FEATURES_H
#define HG_MODELS_RHO_FEATURES_H
#include "hagane/tight_binding.h"
#include "models/rho_basis.h"

enum {
    RHO_RADII = 5,
    RHO_CLASSES = 3,
    RHO_PAIRS = RHO_ELEMENTS * (RHO_ELEMENTS + 1) / 2,
    RHO_UNLIKE = RHO_ELEMENTS * (RHO_ELEMENTS - 1) / 2,
    RHO_CONTRASTS = 4,
    RHO_MOVES = RHO_UNLIKE * (1 + RHO_RADII) + RHO_PAIRS * RHO_CONTRASTS,
};

typedef struct {
    size_t n;
    size_t *element;  /* [n] */
    double *charge;   /* [n] Mulliken, e */
    double *x[RHO_L]; /* [n, 2l+1, rho_features_count(l)] */
    double *share;    /* [n, RHO_CLASSES] by coordination number, sum 1 */
    double *move;     /* [n, RHO_MOVES] electrons that a unit weight brings here: zero over all atoms, each column */
} rho_features;

size_t rho_features_count(unsigned l);
/* After hg_tb_run of the same molecule, all of whose elements are of rho_elements. In the arena. HG_ENOMEM. */
HG_MUST_CHECK hg_status rho_features_make(rho_features *out, hg_tb *tb, const hg_tb_result *r, const hg_molecule *m,
                                          hg_arena *mem, hg_err *err);
#endif
