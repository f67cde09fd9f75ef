/* hagane/molecule.h -- atoms in space: what a molecule is, and what is refused before anything is computed from it
 *
 * Units of the whole library: angstrom, eV, elementary charges. Positions are r[n,3], row-major. What a file holds beside the
 * atoms is kept as named fields: `values` of the whole molecule (an energy, a target), `columns` of each atom (forces).
 * A molecule lives in an arena and is freed with it. hagane/molecule_file.h reads and writes files of them.
 */
#ifndef HG_MOLECULE_H
#define HG_MOLECULE_H
#include "hagane/composition.h"

/* CODATA 2018 (Tiesinga et al., Rev. Mod. Phys. 93, 025010, 2021) */
#define HG_EV_PER_HARTREE      27.211386245988
#define HG_ANGSTROM_PER_BOHR   0.529177210903
#define HG_KCAL_PER_MOL_PER_EV 23.060547830619029 /* e N_A / 4184 J, exact constants of the SI */
/* e angstrom in debye: 1.602176634e-19 C * 1e-10 m / (1e-21 C m^2/s / 299792458 m/s), exact constants of the SI */
#define HG_DEBYE_PER_E_ANGSTROM 4.80320471257026
/* Quantum Deep Field's own data use 27.2114 eV: 5e-7 of an energy more, which is 0.0005 eV at 1,000 eV. */
#define HG_EV_PER_HARTREE_QDF 27.2114

typedef enum { HG_FIELD_REAL, HG_FIELD_WHOLE, HG_FIELD_BOOL, HG_FIELD_TEXT } hg_field_kind;

typedef struct {
    const char *name;
    hg_field_kind kind;
    unsigned rank;     /* 0: one value; 1: a list; 2: a matrix [rows,cols], row-major */
    size_t rows, cols; /* rows is 1 for rank 0 and 1, cols is 1 for rank 0; rows * cols elements */
    union {
        double *real;
        int64_t *whole;
        bool *flag;
        const char **text;
    };
} hg_field;

typedef struct {
    uint32_t a, b; /* atoms, counted from 0 */
    uint32_t kind; /* 1, 2, 3: bond order; 4: aromatic; 0: not known */
} hg_bond;

typedef struct {
    size_t n;       /* atoms, > 0 */
    uint8_t *z;     /* [n] atomic numbers, 1..118; deuterium and tritium are 1 and have a column "mass_number" */
    double *r;      /* [n,3] positions, angstrom */
    const char *id; /* name or number of the molecule in its file, "" when it has none; never NULL */
    int charge;     /* of the whole, e */
    size_t n_values, n_columns, n_bonds;
    hg_field *values;  /* [n_values] of the whole molecule */
    hg_field *columns; /* [n_columns] of each atom: rank 1 has cols = n, rank 2 has rows = n */
    hg_bond *bonds;    /* [n_bonds] */
    bool has_cell;     /* a periodic cell, or a box */
    bool periodic[3];  /* along which of its vectors */
    double cell[9];    /* its vectors as rows, angstrom */
    bool flat;         /* a drawing: the coordinates are of the paper, without physical meaning */
    size_t line;       /* of the file, where it begins, from 1; 0: made by a program */
} hg_molecule;

typedef struct {
    size_t max_atoms;    /* more are refused, > 0                                                    default 100000 */
    bool allow_flat;     /* are drawings taken?                                                       default false  */
    double min_distance; /* angstrom; atoms closer than this are refused, 0 = not looked at, at most 5  default 0.4 */
} hg_molecule_limits;

HG_BEGIN_DECLS
hg_molecule_limits hg_molecule_limits_default(void);

/* n atoms without elements at the origin, to be filled in; NULL: no memory, or n = 0. */
hg_molecule *hg_molecule_new(hg_arena *mem, size_t n);

/* Is this a molecule that can be computed with? limits NULL: defaults. Distances are those in the open, not through a cell's
 * walls. O(n) time; 8 bytes of memory an atom when there are more than 64.
 * Errors: HG_EINVAL no atoms, an atomic number outside 1..118, limits out of range; HG_ELIMIT too many atoms; HG_ENAN a
 * coordinate that is not finite; HG_EDATA one beyond 10^7 angstrom, or two atoms closer than min_distance, which are
 * both named, counted from 1, or a drawing; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_molecule_check(const hg_molecule *m, const hg_molecule_limits *limits, hg_err *err);

/* Electrons: the sum of the atomic numbers less the charge. */
int64_t hg_molecule_electrons(const hg_molecule *m);
/* How many atoms of each element, in order of first appearance. HG_ELIMIT: more than HG_COMPOSITION_MAX elements. */
HG_MUST_CHECK hg_status hg_molecule_composition(hg_composition *out, const hg_molecule *m, hg_err *err);
/* Molecular formula in Hill's order (J. Am. Chem. Soc. 22, 478, 1900): "C2H6O"; carbon and hydrogen first when there is
 * carbon, the rest by the alphabet. Writes at most size bytes, always terminated; returns the length it needs. */
size_t hg_molecule_formula(char *buf, size_t size, const hg_molecule *m);

/* A field by its name; NULL when there is none. */
const hg_field *hg_molecule_value(const hg_molecule *m, const char *name);
const hg_field *hg_molecule_column(const hg_molecule *m, const char *name);
/* One number of the whole molecule: false when no value of that name is a single number (whole ones count). */
bool hg_molecule_number(double *x, const hg_molecule *m, const char *name);
HG_END_DECLS
#endif
