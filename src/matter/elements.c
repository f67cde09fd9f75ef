/* matter/elements.c -- the elements of hagane/composition.h, looked up in the tables that the build makes from data/ */
#include "matter/elements.h"
#include "matter/tables.h"
#include <math.h>

const char *hg_element_symbol(unsigned z) { return z >= 1 && z <= HG_ELEMENTS ? hg_element_table[z].symbol : NULL; }

const char *hg_element_name(unsigned z) { return z >= 1 && z <= HG_ELEMENTS ? hg_element_table[z].name : NULL; }

double hg_element_mass(unsigned z) { return z >= 1 && z <= HG_ELEMENTS ? hg_element_table[z].mass : (double)NAN; }

unsigned hg_element_find(const char *symbol, size_t len) {
    if (len < 1 || len > 2 || symbol[0] < 'A' || symbol[0] > 'Z') return 0;
    if (len == 1) return hg_symbol_table[symbol[0] - 'A'][0];
    return symbol[1] >= 'a' && symbol[1] <= 'z' ? hg_symbol_table[symbol[0] - 'A'][symbol[1] - 'a' + 1] : 0;
}

static const hg_isotope *isotope(const hg_species *s) {
    for (size_t i = 0; s->a && i < HG_ISOTOPES; i++)
        if (hg_isotope_table[i].z == s->z && hg_isotope_table[i].a == s->a) return &hg_isotope_table[i];
    return NULL;
}

double hg_species_mass(const hg_species *s) {
    const hg_isotope *i = isotope(s);
    return i ? i->mass : hg_element_mass(s->z);
}

const char *hg_species_symbol(const hg_species *s) {
    const hg_isotope *i = isotope(s);
    return i ? i->symbol : hg_element_symbol(s->z);
}
