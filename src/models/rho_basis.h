/* models/rho_basis.h -- functions around atoms that densities are made of; inside of models/rho*.c. Lengths in bohr */
#ifndef HG_MODELS_RHO_BASIS_H
#define HG_MODELS_RHO_BASIS_H
#include <stddef.h>
#include <stdint.h>

enum {
    RHO_L = 4,
    RHO_HARMONICS = RHO_L * RHO_L,
    RHO_ATOMS = 5,
    RHO_ATOM_TERMS = 24,
    RHO_ELEMENTS = 4,
    RHO_EXPONENTS = 11
};

/* Racah's real solid harmonics, sum over m of C_lm^2 = r^2l, at d[3]: l = 0; z, x, y; 3z2-r2, xz, yz, x2-y2, xy; then
 * l = 3. */
void rho_harmonics(double c[RHO_HARMONICS], const double d[3]);

/* Of free atoms: sum_k c[k] exp(-rho_atom_exponent(k) r^2), e/bohr^3. */
typedef struct {
    uint8_t z, electrons;
    double c[RHO_ATOM_TERMS];
} rho_atom;
extern const rho_atom rho_atoms[RHO_ATOMS]; /* H, C, N, O, F */
const rho_atom *rho_atom_of(unsigned z);    /* NULL: none */
double rho_atom_exponent(size_t k);         /* 0.08 * 1.5^k */

/* Learned: exponent 0.1 * 2^k of each l, k = first .. first + count - 1; for l = 0 a function is a normalised Gaussian
 * less the wider one. */
typedef struct {
    uint8_t z, first[RHO_L], count[RHO_L];
    uint8_t classes;   /* of surroundings */
    double middle[3];  /* their coordination numbers */
    double radius;     /* covalent, bohr: for coordination numbers */
    unsigned transfer; /* exponent of the charge that moves */
} rho_element;
extern const rho_element rho_elements[RHO_ELEMENTS];
size_t rho_element_of(unsigned z); /* RHO_ELEMENTS: none */
/* What makes exp(-0.1 2^k r^2) r^l of unit size: the integral of its absolute value, without angles, is 1. */
double rho_norm(unsigned l, unsigned k);

#endif
