/* models/rho_reference.h -- densities to learn from and to compare with: occupied Kohn-Sham orbitals in def2-SVP
 *
 *   rho(r) = 2 sum_i |sum_a C_ai phi_a(r)|^2
 *
 * Files: "DENSMO01", then little endian and without padding: int32 molecules; of each int32 id, atoms, basis
 * functions, occupied orbitals; float64 energy (hartree), lowest empty level (hartree), dipole x, y, z (debye); int32
 * Z[atoms]; float64 xyz[atoms,3] (bohr); float64 level[occupied] (hartree); float32 C[functions,occupied]. Functions:
 * atoms in their order, shells s, p, d of the basis; within a shell p: z, x, y; d: 3z2-r2, xz, yz, x2-y2, xy.
 * Compressed files are read as they are. bench/peers/psi4_orbitals.py writes such files.
 */
#ifndef HG_MODELS_RHO_REFERENCE_H
#define HG_MODELS_RHO_REFERENCE_H
#include "hagane/molecule.h"

typedef struct {
    int id;
    size_t heavy, functions,
        occupied;          /* heavy: atoms other than hydrogen, each with a 1s pair among the lowest orbitals */
    hg_molecule *molecule; /* angstrom; id is the number in words */
    float *c;              /* [functions, occupied] */
} hg_orbitals;

typedef struct {
    hg_arena *mem;
    size_t n;
    hg_orbitals *molecule; /* [n] in the file's order */
} hg_orbitals_file;

/* Errors: HG_EIO; HG_EPARSE cut short, damaged, or of another form; HG_ENOTFOUND an element without basis; HG_ELIMIT
 * more than 200 atoms a molecule; HG_ENAN; those of hg_molecule_check; HG_ENOMEM. On HG_OK call hg_orbitals_free. */
HG_MUST_CHECK hg_status hg_orbitals_read(hg_orbitals_file *out, const char *path, hg_err *err);
/* The same from memory; `name` stands for the file in messages. */
HG_MUST_CHECK hg_status hg_orbitals_read_memory(hg_orbitals_file *out, const char *name, const void *bytes, size_t n,
                                                hg_err *err);
void hg_orbitals_free(hg_orbitals_file *f);
bool hg_orbitals_begin(const void *bytes, size_t n); /* is this the beginning of such a file? */

/* rho[n] in e/A^3 at points[n,3] in angstrom; without the 1s pairs (the `heavy` lowest orbitals) unless all.
 * Errors: HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_orbitals_at(double *rho, const hg_orbitals *o, bool all, const double *points, size_t n,
                                       hg_err *err);
#endif
