/* tests/fuzz/fuzz_lammps_data.c -- any bytes as a snapshot of format lammps-data: refused with a sentence, or sound */
#include "snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_snapshot("lammps-data", bytes, n);
    return 0;
}
