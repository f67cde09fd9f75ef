/* tests/fuzz/fuzz_orbitals.c -- any bytes as a file of orbitals: refused with a sentence, or molecules whose densities
 * are numbers */
#include "models/rho_reference.h"
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool ok) {
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_orbitals_file f;
    hg_err err = { 0 };
    const hg_status st = hg_orbitals_read_memory(&f, "fuzz", bytes, n, &err);
    check((st == HG_OK) == (f.n > 0) && (st == HG_OK || err.msg[0]));
    for (size_t i = 0; i < f.n; i++) {
        const hg_orbitals *o = &f.molecule[i];
        double rho;
        check(hg_molecule_check(o->molecule, NULL, NULL) == HG_OK && o->heavy <= o->occupied &&
              o->occupied <= o->functions);
        check(hg_orbitals_at(&rho, o, i % 2, o->molecule->r, 1, NULL) == HG_OK && rho >= 0);
    }
    hg_orbitals_free(&f);
    return 0;
}
