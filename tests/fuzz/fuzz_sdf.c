/* tests/fuzz/fuzz_sdf.c -- any bytes as MDL's SDF */
#include "molecules.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_molecules("sdf", bytes, n, NULL);
    return 0;
}
