/* tests/fuzz/fuzz_qdf.c -- any bytes as Quantum Deep Field's text */
#include "molecules.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_molecules("qdf", bytes, n, NULL);
    return 0;
}
