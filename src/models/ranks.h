/* models/ranks.h -- what a program runs as: alone, or as one of several ranks
 *
 * No part of the library. A program is linked with one of two implementations: src/cli/ranks.c, alone, or src/mpi/ranks.c, as many ranks
 * as mpirun starts. So nothing but that one file knows MPI.
 */
#ifndef HG_MODELS_RANKS_H
#define HG_MODELS_RANKS_H
#include "hagane/train.h"

/* Once in a process, before training; then hg_ranks_end, also when training failed. Errors: HG_EPARTY the ranks cannot meet. */
HG_MUST_CHECK hg_status hg_ranks_begin(hg_ranks *out, hg_err *err);
void hg_ranks_end(void);
const char *hg_ranks_config(
    void); /* "alone", or the MPI library's name and version: for `hagane doctor` and run records */
#endif
