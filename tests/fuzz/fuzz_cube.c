/* tests/fuzz/fuzz_cube.c -- any bytes as a cube file: refused with a sentence, or a grid all of whose values are there */
#include "hagane/cube.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool ok) {
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_cube *c;
    hg_err err = { 0 };
    hg_cube_opts o = hg_cube_opts_default();
    o.max_values = 1 << 16;
    const hg_status st = hg_cube_read_memory(&c, "fuzz", bytes, n, &o, &err);
    check((st == HG_OK) == (c != NULL) && (st == HG_OK || err.msg[0]));
    if (!c) return 0;
    for (size_t i = 0; i < c->sets * c->grid.n[0] * c->grid.n[1] * c->grid.n[2]; i++) check(isfinite(c->value[i]) != 0);
    for (size_t i = 0; c->orbitals && i < c->sets; i++) check(c->orbitals[i] != INT64_MIN);
    check(strlen(c->title) + strlen(c->comment) <= n);
    if (c->molecule) check(hg_molecule_check(c->molecule, NULL, NULL) == HG_OK);
    hg_cube_free(c);
    return 0;
}
