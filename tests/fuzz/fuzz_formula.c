/* tests/fuzz/fuzz_formula.c -- any bytes as a formula: read, described and printed back without surprises */
#include "hagane/descriptor.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(claim)                                                                                                    \
    do {                                                                                                               \
        if (!(claim)) abort();                                                                                         \
    } while (0)

/* What is printed back reads as the same elements in the same ratios. Amounts down to 1e-6 of the atoms are printed in full,
 * so a formula with smaller ones is only printed. */
static void print_back(const hg_composition *c) {
    char text[2048], cut[7];
    const double atoms = hg_composition_atoms(c);
    const size_t len = hg_composition_write(text, sizeof text, c);
    MUST(len > 0 && len < sizeof text && strlen(text) == len);
    MUST(hg_composition_write(cut, sizeof cut, c) == len && strncmp(cut, text, strlen(cut)) == 0);
    for (size_t i = 0; i < c->n; i++)
        if (c->species[i].amount < 1e-6 * atoms) return;
    hg_composition again;
    MUST(hg_composition_read(&again, text, NULL) == HG_OK && again.n == c->n);
    for (size_t i = 0; i < again.n; i++)
        for (size_t k = 0; k < c->n; k++)
            if (again.species[i].z == c->species[k].z && again.species[i].a == c->species[k].a) {
                const double a = again.species[i].amount / hg_composition_atoms(&again),
                             b = c->species[k].amount / atoms;
                MUST(fabs(a - b) <= 1e-5 * b);
            }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *formula = malloc(size + 1);
    if (!formula) return 0;
    memcpy(formula, data, size);
    formula[size] = '\0';
    hg_composition c;
    hg_err err;
    const hg_status st = hg_composition_read(&c, formula, &err);
    MUST(hg_composition_read(&c, formula, NULL) == st);
    if (st == HG_OK) {
        MUST(c.n >= 1 && c.n <= HG_COMPOSITION_MAX && hg_composition_mass(&c) > 0);
        for (size_t i = 0; i < c.n; i++) MUST(c.species[i].amount > 0 && isfinite(c.species[i].amount));
        print_back(&c);
        for (size_t i = 0; i < hg_descriptor_count(); i++) {
            double x[290];
            const hg_descriptor *d = hg_descriptor_at(i);
            const hg_status described = hg_descriptor_compute(x, d, &c, &err);
            MUST(described == HG_OK || described == HG_EDATA);
            for (size_t j = 0; described == HG_OK && j < hg_descriptor_dim(d); j++) MUST(isfinite(x[j]));
        }
    } else {
        MUST(st == HG_EPARSE && err.column >= 1 && err.column <= strlen(formula) + 1 && err.msg[0]);
    }
    free(formula);
    return 0;
}
