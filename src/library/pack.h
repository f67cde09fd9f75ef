/* library/pack.h -- many models in one file that can be handed on, checked, and read in pieces
 *
 *   head     192 bytes, see pack.c: version, sizes, SHA-256 of the index and of the head itself
 *   index    the models by name, the files of each by name with size and SHA-256
 *   data     the files one behind the other, each from a multiple of 64 bytes on
 *   index    the same again
 *   head     the same again
 *
 * Either copy of head and index is enough, so that neither a file cut short nor a damaged beginning hides the models
 * that are whole. Offsets are not stored: they follow from the sizes, so there are no holes and no overlaps to refuse.
 * The same models give the same bytes. A pack is written whole under another name and then put in its place; nothing in
 * it is ever changed.
 *
 * It is read in pieces and not mapped: a file that shrinks while it is mapped kills the process.
 */
#ifndef HG_LIBRARY_PACK_H
#define HG_LIBRARY_PACK_H
#include "files/hash.h"

#define HG_PACK_SUFFIX ".hgpack"

enum {
    HG_PACK_VERSION = 1,
    HG_PACK_NAME_MOST = 200, /* bytes of a model's name */
    HG_PACK_FILE_MOST = 100, /* bytes of a file's name */
    HG_PACK_FILES_MOST = 64, /* of one model */
    HG_PACK_MODELS_MOST = 1 << 24
};

typedef struct {
    const char *name; /* "card.json" */
    uint64_t size, offset;
    char sha256[HG_HASH_SIZE];
} hg_pack_file;

typedef struct {
    const char *name;
    const hg_pack_file *file; /* [n_files], by name; n_files > 0 */
    size_t n_files;
} hg_pack_model;

typedef struct hg_pack hg_pack;

/* Reads head and index alone. A pack of which only a part is there, or one copy of the index, opens: see hg_pack_trouble.
 * Errors: HG_EIO; HG_EPARSE no pack; HG_EREFUSED of another version; HG_EDATA both copies of the index are damaged;
 * HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_pack_open(hg_pack **out, const char *path, hg_err *err);
/* The same from bytes[n], which are borrowed; `name` stands for the file in messages. */
HG_MUST_CHECK hg_status hg_pack_open_memory(hg_pack **out, const char *name, const void *bytes, size_t n, hg_err *err);
void hg_pack_free(hg_pack *p);

const char *hg_pack_path(const hg_pack *p);
size_t hg_pack_models(const hg_pack *p);
const hg_pack_model *hg_pack_model_at(const hg_pack *p, size_t i); /* by name; NULL past the last */
const hg_pack_model *hg_pack_find(const hg_pack *p, const char *name);
const hg_pack_file *hg_pack_file_of(const hg_pack_model *m, const char *name); /* NULL: it has none of that name */
/* What is wrong with the pack as a whole, a sentence: cut short, or one copy of its index is damaged; NULL: nothing. */
const char *hg_pack_trouble(const hg_pack *p);

/* Takes the next n bytes of a file. */
typedef hg_status (*hg_pack_sink)(void *ctx, const void *bytes, size_t n, hg_err *err);
/* All of a file into the sink (NULL: only checked), and then compared with its SHA-256: what the sink got is worth nothing
 * before HG_OK. Errors: HG_EIO, HG_ENOMEM; HG_EDATA damaged, or behind the end of a pack cut short; those of the sink. */
HG_MUST_CHECK hg_status hg_pack_each(const hg_pack *p, const hg_pack_model *m, const hg_pack_file *f, hg_pack_sink sink,
                                     void *ctx, hg_err *err);
/* The same as bytes[f->size] in the arena, with a NUL behind them. HG_ELIMIT: more than `most`. */
HG_MUST_CHECK hg_status hg_pack_read(const char **bytes, const hg_pack *p, const hg_pack_model *m,
                                     const hg_pack_file *f, uint64_t most, hg_arena *mem, hg_err *err);

/* May this be a model's name, and a folder's: not empty, no '/', no control character, no '.' in front, valid UTF-8, not
 * too long, and no pack's name? HG_EINVAL with the reason. */
HG_MUST_CHECK hg_status hg_pack_check_name(const char *name, hg_err *err);
/* The same of a file of a model. */
HG_MUST_CHECK hg_status hg_pack_check_file(const char *name, hg_err *err);

/* ---- writing (pack_write.c) ------------------------------------------------------------------------------------------ */

/* A model to be written, and where its files come from. */
typedef struct {
    const char *name;
    const hg_pack_file *file; /* [n_files]; their offsets do not matter */
    size_t n_files;
    /* hands all bytes of file i to the sink; they must have its size and its SHA-256 */
    hg_status (*each)(void *ctx, size_t i, hg_pack_sink sink, void *sink_ctx, hg_err *err);
    void *ctx;
} hg_packing;

/* Replaces the file whole or not at all. The models come in any order; their names and those of files must differ.
 * Errors: HG_EINVAL a bad name, two of one name; HG_EDATA a file that is not what was announced; HG_ELIMIT; HG_EIO,
 * HG_ENOMEM; those of `each`. */
HG_MUST_CHECK hg_status hg_pack_write(const char *path, const hg_packing *models, size_t n, hg_err *err);
#endif
