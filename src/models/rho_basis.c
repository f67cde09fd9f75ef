/* models/rho_basis.c -- see models/rho_basis.h */
#include "models/rho_basis.h"
#include <math.h>

static const double PI = 3.14159265358979323846;

void rho_harmonics(double c[RHO_HARMONICS], const double d[3]) {
    const double x = d[0], y = d[1], z = d[2], xx = x * x, yy = y * y, zz = z * z;
    const double s3 = 1.7320508075688772, s15 = 3.8729833462074170, s58 = 0.79056941504209488,
                 s38 = 0.61237243569579447;
    c[0] = 1;
    c[1] = z, c[2] = x, c[3] = y;
    c[4] = zz - 0.5 * (xx + yy);
    c[5] = s3 * x * z, c[6] = s3 * y * z;
    c[7] = 0.5 * s3 * (xx - yy), c[8] = s3 * x * y;
    c[9] = z * (zz - 1.5 * (xx + yy));
    c[10] = s38 * x * (4 * zz - xx - yy), c[11] = s38 * y * (4 * zz - xx - yy);
    c[12] = 0.5 * s15 * z * (xx - yy), c[13] = s15 * x * y * z;
    c[14] = s58 * x * (xx - 3 * yy), c[15] = s58 * y * (3 * xx - yy);
}

const rho_atom *rho_atom_of(unsigned z) {
    for (size_t i = 0; i < RHO_ATOMS; i++)
        if (rho_atoms[i].z == z) return &rho_atoms[i];
    return NULL;
}

double rho_atom_exponent(size_t k) { return 0.08 * pow(1.5, (double)k); }

/* Radii: Pyykko & Atsumi, Chem. Eur. J. 15, 186 (2009), single bonds. Exponents and classes were chosen on validation
 * molecules. */
const rho_element rho_elements[RHO_ELEMENTS] = {
    { 1, { 0, 1, 1, 1 }, { 6, 4, 3, 2 }, 1, { 1 }, 0.32 / 0.529177210903, 2 },
    { 6, { 0, 1, 1, 1 }, { 10, 6, 5, 4 }, 3, { 2, 3, 4 }, 0.75 / 0.529177210903, 1 },
    { 7, { 0, 1, 1, 1 }, { 10, 6, 5, 4 }, 3, { 1, 2, 3 }, 0.71 / 0.529177210903, 2 },
    { 8, { 0, 1, 1, 1 }, { 10, 6, 6, 5 }, 2, { 1, 2 }, 0.63 / 0.529177210903, 2 },
};

size_t rho_element_of(unsigned z) {
    size_t i = 0;
    while (i < RHO_ELEMENTS && rho_elements[i].z != z) i++;
    return i;
}

/* int r^l exp(-a r^2) 4 pi r^2 dr = 2 pi a^-(l+3)/2 Gamma((l+3)/2) */
double rho_norm(unsigned l, unsigned k) {
    const double h = 0.5 * (l + 3.0);
    return pow(0.1 * (double)(1u << k), h) / (2 * PI * tgamma(h));
}
