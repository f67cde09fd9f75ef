/* simulate/tb.h -- inside the tight binding of hagane/tight_binding.h. Hartree, bohr and e; matrices row-major and symmetric
 *
 * Every pair of atoms (a, b) has the lighter element of the table first, u points from a to b. Its block of a matrix is made of five
 * numbers, the channels: s|s, s|sigma, sigma|s, sigma|sigma, pi|pi, the orbital of a named first.
 */
#ifndef HG_SIMULATE_TB_H
#define HG_SIMULATE_TB_H
#include "hagane/tight_binding.h"

enum {
    TB_ELEMENTS = 5,
    TB_PAIRS = TB_ELEMENTS * (TB_ELEMENTS + 1) / 2,
    TB_SHELLS = 2, /* s, p: a shell's number is its l */
    TB_ELEMENT_SHELLS = 9,
    TB_CHANNELS = 5,
    TB_PAIR_CHANNELS = 55, /* of all pairs of elements, without the mirror images of like atoms */
    TB_RADIAL = 6,         /* Gaussians of R that increments are made of */
    TB_SITES = 2,          /* the same for increments that know the neighbours */
    TB_FIELD = 4,          /* one-centre terms that a neighbour makes: s, p, p along the bond, s-p */
    TB_STO_MAX = 6,
};

enum { TB_SS, TB_SP, TB_PS, TB_SIGMA, TB_PI };
typedef enum { TB_OVERLAP, TB_ALONG, TB_ACROSS, TB_KINDS } tb_kind;
/* l of the orbital of a and of b, by channel */
static const unsigned tb_channel_a[TB_CHANNELS] = { 0, 0, 1, 1, 1 }, tb_channel_b[TB_CHANNELS] = { 0, 1, 0, 1, 1 };

/* ---- parameters: tb_table.c ------------------------------------------------------------------------------------ */

typedef struct {
    unsigned z, shells, principal;            /* shells: 1 (s) or 2 (s, p) */
    double electrons[TB_SHELLS];              /* of the free atom's valence shells */
    double zeta[TB_SHELLS];                   /* Slater exponents, 1/bohr */
    unsigned gaussians;                       /* that a Slater function is expanded in */
    double level[TB_SHELLS];                  /* eV */
    double poly[TB_SHELLS];                   /* k_poly of Pi, percent */
    double hardness;                          /* eta, hartree/e^2 */
    double hardness_p;                        /* kappa of the p shell, in tenths */
    double gamma3;                            /* Gamma, 0.1 hartree/e^3 */
    double rep_alpha, rep_charge;             /* alpha, Z_eff of the repulsion */
    double electronegativity;                 /* EN of K_AB */
    double radius;                            /* of k_poly, angstrom */
    double radius_count;                      /* of coordination numbers, angstrom */
    double guess[TB_SHELLS][1 + TB_ELEMENTS]; /* of a shell's charge: alone, for each neighbour */
} tb_element;

extern const tb_element tb_elements[TB_ELEMENTS];

typedef struct {
    size_t n;
    double exponent[TB_STO_MAX], coefficient[TB_STO_MAX];
} tb_sto;
/* Stewart's expansion of a Slater function with zeta = 1; NULL: not in the table. */
const tb_sto *tb_sto_find(unsigned principal, unsigned l, size_t gaussians);

extern const double tb_radial_centre[TB_RADIAL], tb_radial_width[TB_RADIAL]; /* bohr */
extern const double tb_site_centre[TB_SITES], tb_site_width[TB_SITES];       /* bohr */

/* ---- the model ------------------------------------------------------------------------------------------------- */

enum { TB_NODES = 513 }; /* of the tables of integrals */

typedef struct {
    double value[TB_CHANNELS], slope[TB_CHANNELS], curvature[TB_CHANNELS]; /* by R in distances of nodes */
} tb_node;

typedef struct {
    double scale[TB_CHANNELS]; /* K_AB k_ll' of H0: all that does not depend on R or the surroundings */
    double inverse_radius;     /* 1 / (R_A + R_B) of k_poly */
    double count_radius;       /* 4/3 (R_A + R_B) of coordination numbers */
    double rep_alpha, rep_charge;
    double softness[TB_SHELLS][TB_SHELLS]; /* 1 / eta^2 of the pair's shells */
} tb_pair_constants;

/* Increments as they are used. Pairs (a <= b) by tb_pair_index. */
typedef struct {
    double radial[TB_PAIRS][TB_CHANNELS][TB_RADIAL];
    double level[TB_ELEMENTS][TB_SHELLS];
    double level_count[TB_ELEMENTS][TB_SHELLS][TB_ELEMENTS];
    double onsite[TB_ELEMENTS], gamma3[TB_ELEMENTS];
    double pair_gamma[TB_PAIRS][TB_RADIAL];
    double site[TB_PAIRS][TB_CHANNELS][TB_SITES][2][TB_ELEMENTS]; /* neighbours of a, of b */
    double field[TB_ELEMENTS][TB_ELEMENTS][TB_FIELD][TB_RADIAL];
} tb_increments;

struct hg_tb_model {
    hg_tb_opts opts;
    int8_t row_of[128]; /* atomic number -> row of tb_elements, -1: none */
    tb_pair_constants pair[TB_PAIRS];
    double dipole_sp[TB_ELEMENTS]; /* <s|x|p_x> on one atom, bohr */
    tb_increments inc;
    bool has_site, has_field;              /* is any of these not zero? */
    tb_node *integral[TB_KINDS][TB_PAIRS]; /* [TB_NODES] each, one block */
};

static inline size_t tb_pair_index(size_t a, size_t b) { return a * TB_ELEMENTS - a * (a + 1) / 2 + b; } /* a <= b */

/* What is integrated between an orbital of a and one of b, the bond along z, by channel: their overlap; z - R/2 between them; and x
 * between s|p_x, p_x|s, p_x|p_z and p_z|p_x, in the places of s|sigma, sigma|s, sigma|sigma and pi|pi. */
void tb_integral_tables(hg_tb_model *model);
/* s[5] at R; slope[5] = ds/dR unless NULL. Zero beyond the tables (25.6 bohr), where the largest overlap is below 1e-17. */
void tb_integral_at(double *s, double *slope, const tb_node *table, double r);
typedef struct {
    size_t n;
    double exponent[TB_STO_MAX], coefficient[TB_STO_MAX]; /* of normalised Gaussians, the whole normalised */
} tb_shell;
tb_shell tb_shell_of(const tb_element *e, unsigned l);
/* The closed form, and its derivatives by R (NULL: not wanted): what the tables hold. */
double tb_integral(double *slope, double *curvature, const tb_shell *a, const tb_shell *b, double r, tb_kind kind,
                   size_t channel);

/* ---- one molecule ------------------------------------------------------------------------------------------------ */

typedef struct {
    size_t a, b, type; /* type: tb_pair_index of their elements */
    double r, u[3];
    double count, d_count; /* what each is to the other's coordination number, and by R */
    double overlap[TB_CHANNELS];
    double bare[TB_CHANNELS];   /* H0 without increments: scale * poly * mean level * overlap */
    double factor[TB_CHANNELS]; /* 1 + increments: H0 = factor * bare */
    double radial[TB_RADIAL], site[TB_SITES];
} tb_pair;

enum { TB_HISTORY = 6 };

struct hg_tb {
    const hg_tb_model *model;
    void *block; /* all arrays below */
    size_t capacity;
    bool plain; /* diagonalise in each cycle: what tests compare the fast way with */
    bool done;  /* is there a result? */
    size_t n, n_shells, n_orbitals, n_pairs, n_electrons;
    size_t *row;                         /* [n] of tb_elements */
    size_t *first_shell, *first_orbital; /* [n+1] */
    size_t *shell_atom;                  /* [n_shells] */
    size_t *orbital_shell;               /* [n_orbitals] */
    double *x;                           /* [n,3] */
    tb_pair *pair;                       /* [n_pairs] */
    double *count;                       /* [n,TB_ELEMENTS] neighbours of each element */
    double *shell_level;                 /* [n_shells] */
    double *overlap, *h0;                /* [n_orbitals,n_orbitals] */
    double *inverse;                     /* L^-1 with S = L L' */
    double *fock, *vectors, *density, *scratch;
    double *level, *occupation;                     /* [n_orbitals] */
    double *gamma;                                  /* [n_shells,n_shells] */
    double *charge, *next;                          /* [n_shells] into the cycle and out of it */
    double *potential;                              /* [n_shells] dE/dq */
    double *atom_charge;                            /* [n] */
    double *population;                             /* [n_shells] */
    double *orbital_potential;                      /* [n_orbitals] */
    double *history;                                /* of tb_anderson, for n_shells or o v numbers */
    double *dual;                                   /* [n_orbitals,n_orbitals] C S: tb_newton.c, as all of these */
    double *transition;                             /* [n_shells,o v] */
    double *root, *x_rotation;                      /* [o,v] */
    double *stiffness, *newton;                     /* [n_shells,n_shells] */
    double *start_potential, *start_level, *change; /* [n_orbitals] */
    double *work;                                   /* [2 n_orbitals^2 + 2 n_shells^2 + 8 n_orbitals] */
    int *pivot;                                     /* [n_shells] */
    double *level_ev;                               /* [n_orbitals] */
    double *eigen_work;
    int *eigen_iwork;
    size_t eigen_size, eigen_isize;
    double repulsion, entropy;
    double step; /* the last change of a charge, or of a rotation of orbitals */
    unsigned cycles;
};

/* ---- stages ------------------------------------------------------------------------------------------------------ */

void tb_geometry(hg_tb *tb);    /* pairs, neighbour counts, levels of shells, repulsion */
void tb_hamiltonian(hg_tb *tb); /* S, H0 and gamma */
/* HG_ENOTPD, HG_ENOTCONV; `name` stands for the molecule. */
HG_MUST_CHECK hg_status tb_scf(hg_tb *tb, const char *name, hg_err *err);
/* From the orbitals, levels and potentials of one diagonalisation to self-consistent orbitals and levels; false when that is not
 * possible from there (a small gap, too far): then nothing but the workspace has changed. */
HG_MUST_CHECK bool tb_newton(hg_tb *tb);
void tb_potentials(hg_tb *tb); /* dE/dq at tb->charge; atom_charge too */
void tb_charges_of_populations(double *charge, const hg_tb *tb);
/* The next x of the iteration x <- x + f(x), number i from 0: the combination of the last ones whose f is least (Anderson, J. ACM 12,
 * 547, 1965), and `part` of that f. history: (2 TB_HISTORY + 2) n doubles. */
void tb_anderson(double *x, const double *f, size_t n, double part, double *history, unsigned i);
double tb_gamma3(const hg_tb *tb, size_t atom);
double tb_smearing_gap(const hg_tb *tb); /* hartree: below it levels are smeared */
void tb_energies(hg_tb_result *r, const hg_tb *tb);
void tb_dipole(double *dipole, const hg_tb *tb);

/* The five channels of a block of P between atoms a (rows) and b, seen along u. */
void tb_project(double *channel, const double *p, size_t ld, size_t orbitals_a, size_t orbitals_b, const double *u);
double tb_level_slope(const hg_tb *tb, size_t atom, size_t l); /* d(level in place)/d(level of the element) */
/* 2 P_c: what a channel's matrix element is worth in the energy. */
void tb_pair_weights(double *w, const hg_tb *tb, const tb_pair *p);
double tb_level_by_count(const hg_tb *tb, size_t atom, size_t l, size_t z); /* d(level in place)/d(neighbours of z) */
/* dE/d(level of a shell) at fixed P: out[n_shells]. */
void tb_level_derivatives(double *out, const hg_tb *tb);
/* 1 for r below 0.8 range, 0 from range up, smooth between; *slope = d/dr unless NULL. */
double tb_switch(double *slope, double r, double from, double to);

#endif
