/* tests/fuzz/fuzz_lammps_dump.c -- any bytes as a snapshot of format lammps-dump: refused with a sentence, or sound */
#include "snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_snapshot("lammps-dump", bytes, n);
    return 0;
}
