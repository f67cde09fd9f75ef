/* cli/ranks.c -- a program that runs alone; see models/ranks.h */
#include "models/ranks.h"

hg_status hg_ranks_begin(hg_ranks *out, hg_err *err) {
    (void)err;
    *out = (hg_ranks) { .rank = 0, .ranks = 1 };
    return HG_OK;
}

void hg_ranks_end(void) {}
const char *hg_ranks_config(void) { return "alone"; }
