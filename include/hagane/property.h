/* hagane/property.h -- what a model says of a molecule: properties with error bars, and values of each atom
 *
 * A property has one number a molecule. Its symbol is what stands above a column and in front of a value of extended
 * XYZ.
 */
#ifndef HG_PROPERTY_H
#define HG_PROPERTY_H
#include "hagane/molecule.h"
HG_BEGIN_DECLS

enum { HG_PROPERTIES_MOST = 16 }; /* of one model */

typedef struct {
    const char *symbol; /* "energy", "dipole", "homo": one word, the same in every model */
    const char *name;   /* "atomization energy": for people */
    const char *unit;   /* "eV"; "": none */
} hg_property;

typedef struct {
    double value, sd; /* in the property's unit; sd NaN: no error bar */
} hg_estimate;

typedef struct {
    hg_estimate *property; /* of each of the model's properties, in their order */
    bool outside;          /* the model says that it has not learned from such a molecule */
    double *charge;        /* [n] of each atom, e; NULL: not wanted, or the model has none */
    double *force;         /* [n,3] eV/angstrom, minus the slope of an energy (docs/qdf.md); NULL as above */
} hg_prediction;

/* Values of each atom that can be asked for. */
enum { HG_ATOM_CHARGES = 1, HG_ATOM_FORCES = 2 };

/* Units that values in files may have: "eV", "hartree", ...; NULL past the last. */
const char *hg_unit_name(size_t i);
/* What a value in `unit` is multiplied by to be in p's unit. HG_EINVAL: the two measure different things; HG_ENOTFOUND
 * an unknown unit. */
HG_MUST_CHECK hg_status hg_unit_factor(double *factor, const char *unit, const hg_property *p, hg_err *err);

HG_END_DECLS
#endif
