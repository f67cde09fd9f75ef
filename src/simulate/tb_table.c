/* simulate/tb_table.c -- the numbers of the tight binding: one row an element. Another element is another row (and its place in
 * TB_ELEMENTS); one of a later period also needs Stewart's expansions of its shells below.
 *
 * Electrons, Slater exponents, levels, k_poly, eta, kappa, Gamma, alpha, Z_eff: Grimme, Bannwarth, Shushkov, J. Chem. Theory
 * Comput. 13, 1989 (2017), supporting information (tables of element-specific parameters).
 * Electronegativities: Pauling's as used there (eq. 9). Radii: covalent, Pyykko & Atsumi, Chem. Eur. J. 15, 186 (2009), those of
 * k_poly for C..F as used there; in coordination numbers as in D3 (Grimme et al., J. Chem. Phys. 132, 154104, 2010, eq. 15).
 */
#include "simulate/tb.h"

const tb_element tb_elements[TB_ELEMENTS] = {
    { 1,
      1,
      1,
      { 1, 0 },
      { 1.207940, 0 },
      4,
      { -10.923452, 0 },
      { 0, 0 },
      0.470099,
      0,
      0,
      2.209700,
      1.116244,
      2.20,
      0.32,
      0.32 },
    { 6,
      2,
      2,
      { 2, 2 },
      { 1.960324, 1.832096 },
      6,
      { -13.587210, -10.052785 },
      { -7.082170, 0.812216 },
      0.479988,
      -0.471181,
      1.053856,
      1.281954,
      4.428763,
      2.55,
      0.75,
      0.75 },
    { 7,
      2,
      2,
      { 2, 3 },
      { 2.050067, 2.113682 },
      6,
      { -20.058000, -12.889326 },
      { -12.745585, -1.428367 },
      0.476106,
      0.315090,
      0.042507,
      1.727773,
      5.498808,
      3.04,
      0.71,
      0.71 },
    { 8,
      2,
      2,
      { 2, 4 },
      { 2.345365, 2.153060 },
      6,
      { -23.398376, -17.886554 },
      { -13.729047, -4.453341 },
      0.583349,
      0.374608,
      -0.005102,
      2.004253,
      5.171786,
      3.44,
      0.64,
      0.63 },
    { 9,
      2,
      2,
      { 2, 5 },
      { 2.968015, 2.256959 },
      6,
      { -24.776175, -17.274415 },
      { -3.921613, -11.422491 },
      0.788194,
      -0.827352,
      1.615037,
      2.507078,
      6.931741,
      3.98,
      0.60,
      0.64 },
};

/* Stewart, J. Chem. Phys. 52, 431 (1970), tables of least-squares fits to Slater functions with zeta = 1. 2s and 2p have
 * exponents of their own here. */
static const struct {
    unsigned principal, l;
    tb_sto fit;
} STO[] = {
    { 1,
      0,
      { 4,
        { 5.216844534, 9.546182760e-1, 2.652034102e-1, 8.801862774e-2 },
        { 5.675242080e-2, 2.601413550e-1, 5.328461143e-1, 2.916254405e-1 } } },
    { 2,
      0,
      { 6,
        { 2.768496241e1, 5.077140627, 1.426786050, 2.040335729e-1, 9.260298399e-2, 4.416183978e-2 },
        { -4.151277819e-3, -2.067024148e-2, -5.150303337e-2, 3.346271174e-1, 5.621061301e-1, 1.712994697e-1 } } },
    { 2,
      1,
      { 6,
        { 5.868285913, 1.530329631, 5.475665231e-1, 2.288932733e-1, 1.046655969e-1, 4.948220127e-2 },
        { 7.924233646e-3, 5.144104825e-2, 1.898400060e-1, 4.049863191e-1, 4.012362861e-1, 1.051855189e-1 } } },
};

const tb_sto *tb_sto_find(unsigned principal, unsigned l, size_t gaussians) {
    for (size_t i = 0; i < sizeof STO / sizeof *STO; i++)
        if (STO[i].principal == principal && STO[i].l == l && STO[i].fit.n == gaussians) return &STO[i].fit;
    return NULL;
}

/* Chosen here: from the shortest bond (H-H, 1.4 bohr) to third neighbours, closer where distances of bonds crowd. */
const double tb_radial_centre[TB_RADIAL] = { 1.6, 2.4, 3.2, 4.2, 5.4, 6.8 };
const double tb_radial_width[TB_RADIAL] = { 0.7, 0.7, 0.8, 1.0, 1.2, 1.4 };
const double tb_site_centre[TB_SITES] = { 2.4, 4.5 }; /* bonded; through one atom */
const double tb_site_width[TB_SITES] = { 1.0, 1.2 };
