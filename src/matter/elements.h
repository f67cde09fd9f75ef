/* matter/elements.h -- what the other rooms need to know of one species of a composition */
#ifndef HG_MATTER_ELEMENTS_H
#define HG_MATTER_ELEMENTS_H
#include "hagane/composition.h"

double hg_species_mass(const hg_species *s);        /* u, of its isotope when it is one */
const char *hg_species_symbol(const hg_species *s); /* "D" for deuterium */
#endif
