/* tests/fuzz/fuzz_snapshot.c -- any bytes as a snapshot, the format told by content: our own, and the compact ones */
#include "snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_snapshot(NULL, bytes, n);
    fuzz_snapshot("hagane", bytes, n);
    return 0;
}
