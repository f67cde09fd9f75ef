/* simulate/piece.c -- see simulate/piece.h */
#include "simulate/piece.h"
#include "files/output.h"
#include "files/whole.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HEAD = 15 + HG_HASH_SIZE };

static void head(char text[HEAD + 1], const char *identity) {
    snprintf(text, HEAD + 1, "hagane piece 1\n%.64s\n", identity);
}

hg_status liquid_piece_read(bool *there, double *a, size_t n, const char *path, const char identity[HG_HASH_SIZE],
                            hg_err *err) {
    *there = false;
    if (access(path, F_OK) != 0) return HG_OK;
    void *bytes;
    size_t size;
    const size_t expected = HEAD + n * sizeof *a;
    const hg_status st = hg_whole_read(&bytes, &size, path, expected, 0, err);
    if (st == HG_ELIMIT) return HG_OK; /* longer: another piece */
    if (st != HG_OK) return st;
    char text[HEAD + 1];
    head(text, identity);
    *there = size == expected && memcmp(bytes, text, HEAD) == 0;
    if (*there) memcpy(a, (const char *)bytes + HEAD, n * sizeof *a);
    hg_whole_free(bytes, size);
    return HG_OK;
}

hg_status liquid_piece_write(const char *path, const char identity[HG_HASH_SIZE], const double *a, size_t n,
                             hg_err *err) {
    hg_output *o;
    HG_TRY(hg_output_new(&o, path, NULL, err));
    char text[HEAD + 1];
    head(text, identity);
    hg_status st = hg_output_write(o, text, HEAD, err);
    if (st == HG_OK) st = hg_output_write(o, a, n * sizeof *a, err);
    if (st == HG_OK) st = hg_output_commit(o, err);
    hg_output_free(o);
    return st;
}
