/* files/snapshot_file.h -- the record of a format of snapshots, and what its readers share */
#ifndef HG_FILES_SNAPSHOT_FILE_H
#define HG_FILES_SNAPSHOT_FILE_H
#include "files/input.h"
#include "files/output.h"
#include "hagane/snapshot_file.h"

typedef struct {
    hg_input *in;
    const char *name; /* of the file, for messages and for the id */
    const hg_snapshot_opts *o;
    hg_arena *mem;      /* the caller's: the snapshot goes there */
    hg_arena *scratch;  /* what the reader needs on the way */
    const char *words;  /* what was taken for granted; set by the reader, in mem */
    const size_t *line; /* [n] of each particle, in scratch; NULL: no text */
    hg_err *err;
} hg_snapshot_source;

typedef struct {
    const char *name;                                   /* "hagane" */
    const char *suffixes;                               /* endings of file names in folders, parted by blanks */
    bool (*looks)(const unsigned char *head, size_t n); /* is this its beginning? */
    hg_status (*read)(hg_snapshot **out, hg_snapshot_source *f);
    hg_status (*write)(hg_output *o, const hg_snapshot *s, hg_err *err); /* NULL: is not written */
} hg_snapshot_format;

extern const hg_snapshot_format hg_format_snapshot, hg_format_compact, hg_format_npz, hg_format_pickle;

enum { HG_SNAPSHOT_HEAD = 4096 }; /* bytes that `looks` sees at most */

/* HG_ENOMEM of this file. */
hg_status hg_source_no_memory(const hg_snapshot_source *f);
/* An error of the whole file: "name: ...". */
hg_status hg_source_fail(const hg_snapshot_source *f, hg_status code, const char *fmt, ...) HG_PRINTF(3, 4);
/* n particles in f->mem with the file's name as id; NULL: no memory. */
hg_snapshot *hg_source_snapshot(const hg_snapshot_source *f, size_t n);
/* The whole file, up to the input's limit: hg_free. */
HG_MUST_CHECK hg_status hg_source_whole(unsigned char **out, size_t *n, hg_snapshot_source *f);
/* Runs that begin at s become its labels: moved(ctx, t, run, out[n,3]). The snapshot is checked before. */
HG_MUST_CHECK hg_status hg_source_label(const hg_snapshot_source *f, hg_snapshot *s, size_t runs, const double *time,
                                        size_t n_times,
                                        hg_status (*moved)(double *out, void *ctx, size_t t, size_t run), void *ctx);

/* The files that a set reads; NULL past the last. */
const char *hg_snapshot_set_file(const hg_snapshot_set *set, size_t i);

/* The folder of nodes.bin and edges.bin with index.json (data set glass-ka-t050): snapshot_ensemble.c */
typedef struct hg_snapshot_ensemble hg_snapshot_ensemble;
bool hg_snapshot_ensemble_looks(const char *folder);
HG_MUST_CHECK hg_status hg_snapshot_ensemble_open(hg_snapshot_ensemble **out, const char *folder,
                                                  const hg_snapshot_opts *o, hg_err *err);
size_t hg_snapshot_ensemble_count(const hg_snapshot_ensemble *e);
const char *hg_snapshot_ensemble_file(const hg_snapshot_ensemble *e,
                                      size_t i); /* its index, nodes, edges; NULL past them */
HG_MUST_CHECK hg_status hg_snapshot_ensemble_read(hg_snapshot **out, hg_snapshot_ensemble *e, size_t k, hg_arena *mem,
                                                  hg_err *err);
void hg_snapshot_ensemble_free(hg_snapshot_ensemble *e);
#endif
