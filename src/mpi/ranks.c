/* mpi/ranks.c -- a program that runs as ranks of MPI; see models/ranks.h. The only file that includes mpi.h.
 *
 * The standard requires that MPI_Allreduce gives all ranks identical results (MPI 3.1, section 5.9.6), so that they stay copies of each other.
 */
#include "models/ranks.h"
#include <mpi.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 1 << 28 }; /* elements a message: MPI counts in int */

static hg_status failed(int code, const char *what, hg_err *err) {
    char text[MPI_MAX_ERROR_STRING];
    int len = 0;
    if (MPI_Error_string(code, text, &len) != MPI_SUCCESS) snprintf(text, sizeof text, "error %d", code);
    return hg_advise(err, hg_fail(err, HG_EPARTY, "MPI: %s: %s", what, text), "look for what another rank said before");
}

static hg_status allreduce(void *ctx, float *x, size_t n, hg_err *err) {
    (void)ctx;
    for (size_t at = 0; at < n; at += MOST) {
        const int part = (int)(n - at < MOST ? n - at : MOST);
        const int code = MPI_Allreduce(MPI_IN_PLACE, x + at, part, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        if (code != MPI_SUCCESS) return failed(code, "numbers could not be added up", err);
    }
    return HG_OK;
}

hg_status hg_ranks_begin(hg_ranks *out, hg_err *err) {
    int rank, ranks, got;
    /* only the thread that trains calls MPI */
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &got);
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (code != MPI_SUCCESS) return failed(code, "the ranks could not meet", err);
    *out = (hg_ranks) { .rank = (unsigned)rank, .ranks = (unsigned)ranks, .allreduce = allreduce };
    return HG_OK;
}

void hg_ranks_end(void) { MPI_Finalize(); }

const char *hg_ranks_config(void) {
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int len = 0;
    if (MPI_Get_library_version(text, &len) != MPI_SUCCESS) return "MPI";
    text[strcspn(text, ",\n")] = '\0'; /* the rest says who built it, and where */
    return text;
}
