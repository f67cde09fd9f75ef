/* tests/fuzz/fuzz_npz.c -- any bytes as a snapshot of format npz: refused with a sentence, or sound */
#include "snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_snapshot("npz", bytes, n);
    return 0;
}
