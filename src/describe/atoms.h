/* describe/atoms.h -- what surrounds each atom, in sums over pairs and triples, as numbers that do not turn with the molecule
 *
 * For atom a with neighbours b, c of elements e, f (Behler & Parrinello, Phys. Rev. Lett. 98, 146401, 2007; angles as in Smith, Isayev &
 * Roitberg, Chem. Sci. 8, 3192, 2017, eq. (4), made even about 0 and 180 degrees so that they are smooth there):
 *
 *   pairs    G_ek  = sum_b h(r_ab / R2) exp(-(r_ab - c_k)^2 / (2 s_k^2))
 *   triples  G_efkl = sum_{b<c} h(r_ab / R3) h(r_ac / R3) exp(-((r_ab + r_ac)/2 - d_k)^2 / (2 s^2)) (p(t - t_l) + p(t + t_l))
 *
 * with h(x) = (1 + cos pi x)/2 below 1, p(t) = ((1 + cos t)/2)^16, t the angle at a. A molecule is described by their sums over its atoms of
 * each element: [elements, pairs + triples]. They are extensive: two molecules far from each other add up.
 * Lengths in angstrom. Cost: atoms times neighbours squared; some 0.1 ms for 18 atoms.
 */
#ifndef HG_DESCRIBE_ATOMS_H
#define HG_DESCRIBE_ATOMS_H
#include "hagane/molecule.h"

enum { HG_AROUND_ELEMENTS_MOST = 12, HG_AROUND_PAIRS = 16, HG_AROUND_RADII = 4, HG_AROUND_ANGLES = 8 };

typedef struct {
    unsigned elements; /* at most HG_AROUND_ELEMENTS_MOST */
    uint8_t z[HG_AROUND_ELEMENTS_MOST];
    double pair_cutoff, triple_cutoff; /* R2, R3; angstrom */
} hg_around;
hg_around hg_around_default(void); /* H, C, N, O, F; 6 and 4 angstrom */

size_t hg_around_size(const hg_around *b);    /* numbers an atom */
size_t hg_around_columns(const hg_around *b); /* numbers a molecule: elements times as many */
/* Position of an element in b->z; b->elements when it is not there. */
unsigned hg_around_element(const hg_around *b, unsigned z);

/* x[hg_around_columns]. An atom of another element: HG_ENOTFOUND, named. */
HG_MUST_CHECK hg_status hg_around_describe(double *x, const hg_around *b, const hg_molecule *m, hg_err *err);
/* gradient[n, 3] += d (w . x) / dr, per angstrom, with w[hg_around_columns]. */
HG_MUST_CHECK hg_status hg_around_gradient(double *gradient, const double *w, const hg_around *b, const hg_molecule *m,
                                           hg_err *err);

#endif
