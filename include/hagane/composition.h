/* hagane/composition.h -- elements and chemical formulae */
#ifndef HG_COMPOSITION_H
#define HG_COMPOSITION_H
#include "hagane/core.h"

/* ---- elements: species 1..118 by atomic number; deuterium and tritium are hydrogen (z = 1) with their own mass ------ */

enum { HG_ELEMENTS = 118 };

HG_BEGIN_DECLS
const char *hg_element_symbol(unsigned z);                /* "Fe"; NULL outside 1..118 */
const char *hg_element_name(unsigned z);                  /* "iron" */
double hg_element_mass(unsigned z);                       /* standard atomic weight, u */
unsigned hg_element_find(const char *symbol, size_t len); /* 0 when unknown; case matters; not D or T */
HG_END_DECLS

/* ---- compositions ------------------------------------------------------------------------------------------------- */

enum { HG_COMPOSITION_MAX = 32 }; /* distinct species in one formula; more is refused */

typedef struct {
    unsigned z;    /* atomic number */
    unsigned a;    /* mass number of an isotope: 2 for D, 3 for T; 0 = natural */
    double amount; /* atoms in the formula as written, > 0 */
} hg_species;

typedef struct { /* as read; one made by a program has z in 1..118 and amounts > 0 too */
    size_t n;    /* distinct species, in order of first appearance */
    hg_species species[HG_COMPOSITION_MAX];
} hg_composition;

HG_BEGIN_DECLS
/* Reads nested brackets () [] {}, decimals ("0.5", ".5", "1e-3"), fractions ("1/3"), subscripts, blanks, D and T, and parts
 * joined by a middle dot, '*' or '.' ("CuSO4.5H2O"). "NaN" is sodium nitride. A '.' between digits is a decimal point unless
 * waters ("NiCl2.6H2O") or, after oxygen, a whole number and more oxygen ("Al2O3.2SiO2") follow; the grammar is in
 * matter/formula.c. An amount of 0 leaves the element out. No allocation; 10 million formulae a second (bench/describe).
 * Errors: HG_EPARSE; err->column is the 1-based byte of the trouble, the message names the unknown symbol and the hint
 * the nearest one. Charges, variables (x, delta) and footnote marks are refused with advice. */
HG_MUST_CHECK hg_status hg_composition_read(hg_composition *out, const char *formula, hg_err *err);
double hg_composition_atoms(const hg_composition *c); /* sum of amounts */
double hg_composition_mass(const hg_composition *c);  /* u per formula */
/* A number for the ratios of the amounts, to 1 part in 5,000 of all atoms: the same for Fe2O3 and Fe4O6, whatever the order. Files keep it: it is
 * the same in every version and on every machine. */
uint64_t hg_composition_key(const hg_composition *c);
/* Canonical reduced formula: "Nd2Fe14B". It depends on the ratios of the amounts only: whole numbers without common divisor
 * when the largest is at most 30, else (to 10000) the shorter of those and decimals ("Nd2Fe11.9Co2.1B"), else atomic fractions.
 * Elements by Pauling electronegativity (unknown last), then by the alphabet. Writes at most size bytes, always terminated;
 * returns the length it needs (like snprintf). */
size_t hg_composition_write(char *buf, size_t size, const hg_composition *c);
HG_END_DECLS
#endif
