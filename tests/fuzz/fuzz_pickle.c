/* tests/fuzz/fuzz_pickle.c -- any bytes as a snapshot of format pickle: refused with a sentence, or sound */
#include "snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_snapshot("pickle", bytes, n);
    return 0;
}
