/* matter/elements.c -- the elements of hagane/composition.h, looked up in the tables that the build makes from data/ */
#include "hagane/composition.h"
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
