/* hagane/snapshot_file.h -- snapshots of liquids out of files and folders of many kinds, with their labels where there are any
 *
 *   hg_snapshot_set *set;
 *   HG_TRY(hg_snapshot_set_open(&set, "liquids", NULL, err));               a folder, or one file
 *   for (size_t k = 0; k < hg_snapshot_set_count(set); k++) {
 *       const hg_mark mark = hg_arena_mark(mem);
 *       HG_TRY(hg_snapshot_set_read(&s, set, k, mem, err));                 one in memory at a time
 *       ...
 *       hg_arena_reset(mem, mark);
 *   }
 *   hg_snapshot_set_free(set);
 *
 * Formats, told by content: docs/glass.md has the list with what each says and lacks. Compressed files (gzip, xz, zstd) are read as they
 * are. Every snapshot is checked by hg_snapshot_check before it is handed out; positions are wrapped into the box where their format
 * allows them outside. Units are those of hagane/snapshot.h: a file in others is not noticed, unless particles overlap.
 */
#ifndef HG_SNAPSHOT_FILE_H
#define HG_SNAPSHOT_FILE_H
#include "hagane/snapshot.h"

typedef struct hg_snapshot_set hg_snapshot_set;

typedef struct {
    const char
        *format; /* a name of hg_snapshot_format_name; NULL: by content                             default NULL */
    const char
        *species; /* the letters that types 1, 2, 3 ... of a file have, each A to D                    default "AB" */
    size_t frame; /* of a file with several, from 1; 0: the last                                         default 0 */
    double
        temperature; /* of files that do not say it; NaN: not known                                       default NaN */
    double
        label_time; /* of labels whose file does not say it (BOTAN's .npz); NaN: not known               default NaN */
    double
        pair_range; /* stretches of pairs closer than this are made where a file has the runs, 0: none     default 2 */
    double nearest; /* particles closer than this are refused, 0: not looked at                          default 0.3 */
    uint64_t
        max_bytes; /* of a file, decompressed, > 0                                                    default 4 GiB */
} hg_snapshot_opts;

HG_BEGIN_DECLS
hg_snapshot_opts hg_snapshot_opts_default(void);
/* Format number i, from 0: "hagane", ...; NULL past the last. */
const char *hg_snapshot_format_name(size_t i);

/* A folder: its snapshot files in the order of their names, numbers by value; what has another ending is passed over. A file: the one
 * snapshot in it. opts is copied, its texts too. Errors: HG_EIO; HG_EDATA a folder without any; HG_ENOTFOUND opts->format;
 * HG_EINVAL, HG_EPARSE, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_snapshot_set_open(hg_snapshot_set **out, const char *path, const hg_snapshot_opts *opts,
                                             hg_err *err);
size_t hg_snapshot_set_count(const hg_snapshot_set *set);
/* Snapshot k, in mem. Going through them in order is fastest. Errors have the file and the place in it: HG_EPARSE, HG_ENAN, HG_EDATA,
 * HG_ELIMIT, HG_EIO, HG_ENOMEM; HG_EINVAL k too large. */
HG_MUST_CHECK hg_status hg_snapshot_set_read(hg_snapshot **out, hg_snapshot_set *set, size_t k, hg_arena *mem,
                                             hg_err *err);
void hg_snapshot_set_free(hg_snapshot_set *set);

/* One file, "-" is standard input; or bytes[n], for which `name` stands in messages. *words (may be NULL) is one sentence for people: the
 * format, and what was taken for granted: "LAMMPS data: types 1 2 are A B, lengths are in sigma_AA". */
HG_MUST_CHECK hg_status hg_snapshot_read(hg_snapshot **out, const char **words, const char *path,
                                         const hg_snapshot_opts *opts, hg_arena *mem, hg_err *err);
HG_MUST_CHECK hg_status hg_snapshot_read_memory(hg_snapshot **out, const char **words, const char *name,
                                                const void *bytes, size_t n, const hg_snapshot_opts *opts,
                                                hg_arena *mem, hg_err *err);

/* The file is replaced whole or not at all. By the ending of its name: .safetensors, all that is known; .data or .lmp, LAMMPS data;
 * .xyz or .extxyz, extended XYZ with inherent and cage displacements and propensities. Errors: HG_EINVAL another ending; those of
 * hg_snapshot_check; HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_snapshot_write(const char *path, const hg_snapshot *s, hg_err *err);
HG_END_DECLS
#endif
