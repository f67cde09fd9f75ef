/* models/property.c -- see hagane/property.h: the table of units */
#include "hagane/property.h"
#include <string.h>

typedef struct {
    const char *name, *of; /* the unit that the library computes in */
    double factor;
} unit;

static const unit UNITS[] = {
    { "eV", "eV", 1 },
    { "hartree", "eV", HG_EV_PER_HARTREE },
    { "kcal/mol", "eV", 1 / HG_KCAL_PER_MOL_PER_EV },
    { "kJ/mol", "eV", 1 / (4.184 * HG_KCAL_PER_MOL_PER_EV) },
    { "D", "D", 1 },
    { "e*angstrom", "D", HG_DEBYE_PER_E_ANGSTROM },
    { "e*bohr", "D", HG_DEBYE_PER_E_ANGSTROM *HG_ANGSTROM_PER_BOHR },
};

const char *hg_unit_name(size_t i) { return i < sizeof UNITS / sizeof *UNITS ? UNITS[i].name : NULL; }

hg_status hg_unit_factor(double *factor, const char *name, const hg_property *p, hg_err *err) {
    size_t i = 0;
    while (hg_unit_name(i) && strcmp(name, hg_unit_name(i)) != 0) i++;
    if (!hg_unit_name(i)) return hg_fail(err, HG_ENOTFOUND, "there is no unit \"%s\"", name);
    *factor = UNITS[i].factor;
    if (strcmp(UNITS[i].of, p->unit) == 0) return HG_OK;
    return hg_fail(err, HG_EINVAL, "%s is in %s, which is not to be had from %s", p->name, p->unit, name);
}
