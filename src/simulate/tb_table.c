/* simulate/tb_table.c -- the numbers of the tight binding: one row an element. Another element is another row (and its place in
 * TB_ELEMENTS); one of a later period also needs Stewart's expansions of its shells below.
 *
 * Electrons, Slater exponents, levels, k_poly, eta, kappa, Gamma, alpha, Z_eff: the method GFN1-xTB of Grimme,
 * Bannwarth, Shushkov, J. Chem. Theory Comput. 13, 1989 (2017). The numbers were read from param_gfn1-xtb.txt, the
 * parameter file of the authors' program xtb 6.5.1, which is under LGPL-3.0-or-later. They are facts of a published
 * method: 9 to 14 numbers an element, written down here in another form; no text and no code of that program is in
 * this one. They were not compared with the tables of the paper one by one; energies and charges with them agree with
 * those of the program to 5e-8 hartree and 2e-6 e for nine molecules of all five elements
 * (tests/simulate/test_tight_binding.c). Electronegativities: Pauling's. Radii: covalent, Pyykko & Atsumi, Chem. Eur.
 * J. 15, 186 (2009), those of k_poly for C..F as used there; in coordination numbers as in D3 (Grimme et al., J.
 * Chem. Phys. 132, 154104, 2010). The last numbers are where self-consistency begins, and change nothing but its
 * speed: charge = c_0 + sum_z c_z n_z of each shell with n_z its neighbours of an element; least squares, for every
 * eighth of 11,831 molecules of QM9 with at most 14 atoms, residual 0.01 to 0.07 e.
 */
#include "simulate/tb.h"

const tb_element tb_elements[TB_ELEMENTS] = {
    { .z = 1,
      .shells = 1,
      .principal = 1,
      .electrons = { 1, 0 },
      .zeta = { 1.207940, 0 },
      .gaussians = 4,
      .level = { -10.923452, 0 },
      .poly = { 0, 0 },
      .hardness = 0.470099,
      .hardness_p = 0,
      .gamma3 = 0,
      .rep_alpha = 2.209700,
      .rep_charge = 1.116244,
      .electronegativity = 2.20,
      .radius = 0.32,
      .radius_count = 0.32,
      .guess = { { 0.202, -0.001, -0.149, 0.037, 0.176, 0.001 } } },
    { .z = 6,
      .shells = 2,
      .principal = 2,
      .electrons = { 2, 2 },
      .zeta = { 1.960324, 1.832096 },
      .gaussians = 6,
      .level = { -13.587210, -10.052785 },
      .poly = { -7.082170, 0.812216 },
      .hardness = 0.479988,
      .hardness_p = -0.471181,
      .gamma3 = 1.053856,
      .rep_alpha = 1.281954,
      .rep_charge = 4.428763,
      .electronegativity = 2.55,
      .radius = 0.75,
      .radius_count = 0.75,
      .guess = { { 0.888, 0.028, 0.005, 0.045, 0.061, 0.042 }, { -0.814, -0.073, -0.044, 0.065, 0.202, 0.162 } } },
    { .z = 7,
      .shells = 2,
      .principal = 2,
      .electrons = { 2, 3 },
      .zeta = { 2.050067, 2.113682 },
      .gaussians = 6,
      .level = { -20.058000, -12.889326 },
      .poly = { -12.745585, -1.428367 },
      .hardness = 0.476106,
      .hardness_p = 0.315090,
      .gamma3 = 0.042507,
      .rep_alpha = 1.727773,
      .rep_charge = 5.498808,
      .electronegativity = 3.04,
      .radius = 0.71,
      .radius_count = 0.71,
      .guess = { { 0.241, 0.121, 0.090, 0.093, 0.089, 0.119 }, { -0.625, -0.157, -0.071, 0.072, 0.218, -0.163 } } },
    { .z = 8,
      .shells = 2,
      .principal = 2,
      .electrons = { 2, 4 },
      .zeta = { 2.345365, 2.153060 },
      .gaussians = 6,
      .level = { -23.398376, -17.886554 },
      .poly = { -13.729047, -4.453341 },
      .hardness = 0.583349,
      .hardness_p = 0.374608,
      .gamma3 = -0.005102,
      .rep_alpha = 2.004253,
      .rep_charge = 5.171786,
      .electronegativity = 3.44,
      .radius = 0.64,
      .radius_count = 0.63,
      .guess = { { 0.261, 0.031, 0.017, 0.009, 0.110, 0.013 }, { -0.823, -0.084, 0.056, 0.170, -0.078, 0.008 } } },
    { .z = 9,
      .shells = 2,
      .principal = 2,
      .electrons = { 2, 5 },
      .zeta = { 2.968015, 2.256959 },
      .gaussians = 6,
      .level = { -24.776175, -17.274415 },
      .poly = { -3.921613, -11.422491 },
      .hardness = 0.788194,
      .hardness_p = -0.827352,
      .gamma3 = 1.615037,
      .rep_alpha = 2.507078,
      .rep_charge = 6.931741,
      .electronegativity = 3.98,
      .radius = 0.60,
      .radius_count = 0.64,
      .guess = { { 0.191, -0.000, -0.009, 0.002, 0.003, 0.008 }, { -0.412, -0.001, -0.005, 0.019, 0.008, -0.035 } } },
};

/* Stewart, J. Chem. Phys. 52, 431 (1970), tables of least-squares fits to Slater functions with zeta = 1. 2s and
 * 2p have exponents of their own here. */
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
