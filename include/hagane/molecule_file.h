/* hagane/molecule_file.h -- molecules out of a file, one after the other, in constant memory
 *
 *   hg_molecule_file *f;
 *   hg_molecule *m;
 *   HG_TRY(hg_molecule_file_open(&f, "molecules.xyz.xz", NULL, err));
 *   do {
 *       const hg_mark mark = hg_arena_mark(mem);
 *       st = hg_molecule_file_next(&m, f, mem, err);
 *       ...                                            m is NULL behind the last one
 *       hg_arena_reset(mem, mark);
 *   } while (st == HG_OK && m);
 *   hg_molecule_file_free(f);
 *
 * Compressed files (gzip, xz, zstd) are read as they are; "-" is standard input. Every molecule is checked as by
 * hg_molecule_check before it is handed out.
 */
#ifndef HG_MOLECULE_FILE_H
#define HG_MOLECULE_FILE_H
#include "hagane/molecule.h"

typedef struct hg_molecule_file hg_molecule_file;
typedef struct hg_molecule_writer hg_molecule_writer;

typedef struct {
    const char *format; /* a name of hg_molecule_format_name; NULL: by the file's name, else by content default NULL */
    hg_molecule_limits limits; /* of each molecule                               default hg_molecule_limits_default */
    uint64_t max_bytes;        /* of decompressed text, > 0                                           default 1 TiB */
    size_t chunk;              /* bytes read at a time, > 0; changes nothing but speed              default 256 KiB */
} hg_molecule_file_opts;

HG_BEGIN_DECLS
hg_molecule_file_opts hg_molecule_file_opts_default(void);

/* Format number i, from 0: "qdf", ...; NULL past the last. */
const char *hg_molecule_format_name(size_t i);

/* Errors: HG_EIO; HG_EPARSE no format fits, or damaged; HG_ENOTFOUND opts->format; HG_EINVAL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_molecule_file_open(hg_molecule_file **out, const char *path,
                                              const hg_molecule_file_opts *opts, hg_err *err);
/* Borrows bytes[n] until freed; `name` stands for the file in messages, and its ending tells the format as a file's would. */
HG_MUST_CHECK hg_status hg_molecule_file_open_memory(hg_molecule_file **out, const char *name, const void *bytes,
                                                     size_t n, const hg_molecule_file_opts *opts, hg_err *err);
/* The next molecule, in mem; *out is NULL behind the last one. A file without any molecule is HG_EDATA.
 * Errors have file, line and column: HG_EPARSE, HG_ENAN, HG_ELIMIT, HG_EDATA, HG_EIO, HG_ENOMEM. What was put into mem is given
 * back then. After HG_EDATA or HG_ENAN of a molecule that was read to its end (atoms that overlap, say) the next call goes
 * on behind it; after any other error each further call gives that error again. */
HG_MUST_CHECK hg_status hg_molecule_file_next(hg_molecule **out, hg_molecule_file *f, hg_arena *mem, hg_err *err);
void hg_molecule_file_free(hg_molecule_file *f);

const char *hg_molecule_file_format(const hg_molecule_file *f); /* "qdf" */
size_t hg_molecule_file_count(const hg_molecule_file *f);       /* molecules read so far, refused ones too */
/* For a progress bar: bytes taken from the file so far, and in all (0: unknown). */
void hg_molecule_file_bytes(uint64_t *done, uint64_t *total, const hg_molecule_file *f);

/* Writing: extended XYZ, molecule by molecule. The file is replaced whole by hg_molecule_writer_commit, or not at all. Numbers have the
 * fewest digits that read back the same. Bonds have no place in this format.
 * Errors: HG_EIO, HG_ENOMEM; HG_EINVAL a name or a text that the format cannot hold. Call hg_molecule_writer_free in any case. */
HG_MUST_CHECK hg_status hg_molecule_writer_new(hg_molecule_writer **out, const char *path, hg_err *err);
HG_MUST_CHECK hg_status hg_molecule_writer_put(hg_molecule_writer *w, const hg_molecule *m, hg_err *err);
HG_MUST_CHECK hg_status hg_molecule_writer_commit(hg_molecule_writer *w, hg_err *err);
void hg_molecule_writer_free(hg_molecule_writer *w);
HG_END_DECLS
#endif
