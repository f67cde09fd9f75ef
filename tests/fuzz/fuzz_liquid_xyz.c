/* tests/fuzz/fuzz_liquid_xyz.c -- any bytes as a snapshot of format xyz: refused with a sentence, or sound */
#include "snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_snapshot("xyz", bytes, n);
    return 0;
}
