/* files/safetensors.h -- named arrays of numbers in one file, as PyTorch's users know them: weights and checkpoints
 *
 * The format (huggingface/safetensors, "Format"): 8 bytes little-endian length N of the header; the header, JSON that begins with
 * '{' and may end in spaces: {"name": {"dtype": "F32", "shape": [2,3], "data_offsets": [begin,end]}, "__metadata__":
 * {"key": "text"}}; then the data, row-major, little-endian, without holes. Refused, because a file that means two things is
 * worse than none: names that come twice, holes, overlaps, lengths that disagree with shape and type, bytes left over, a header above
 * 100 MB, a BOOL that is neither 0 nor 1. Tensors without elements and without dimensions are legal.
 *
 * A file is read whole, not mapped: a file that shrinks while it is mapped kills the process, and compressed ones are read too.
 */
#ifndef HG_FILES_SAFETENSORS_H
#define HG_FILES_SAFETENSORS_H
#include "files/input.h"
#include "files/output.h"

typedef enum {
    HG_STORED_F64,
    HG_STORED_F32,
    HG_STORED_F16,
    HG_STORED_BF16,
    HG_STORED_I64,
    HG_STORED_I32,
    HG_STORED_I16,
    HG_STORED_I8,
    HG_STORED_U64,
    HG_STORED_U32,
    HG_STORED_U16,
    HG_STORED_U8,
    HG_STORED_BOOL,
    HG_STORED_TYPES
} hg_stored_type;

enum { HG_STORED_RANK = 16 }; /* dimensions at most */

typedef struct {
    const char *name;
    hg_stored_type type;
    size_t rank;
    const size_t *shape; /* [rank] */
    size_t count;        /* elements: the product of the shape, 1 for rank 0 */
    const void *data;    /* [count], aligned for its type; of a file that we wrote, the first one to 64 bytes */
} hg_stored;

typedef struct {
    const char *key, *text;
} hg_stored_note; /* an entry of __metadata__ */

typedef struct hg_safetensors hg_safetensors;

const char *hg_stored_type_name(hg_stored_type type); /* "BF16" */
size_t hg_stored_type_size(hg_stored_type type);      /* bytes an element */

/* max_bytes: of data, 0 = 16 GiB; the header has its own limit. On HG_OK call hg_safetensors_free.
 * Errors: HG_EIO; HG_EPARSE with the place in the header; HG_ELIMIT; HG_EDATA a BOOL of another value; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_safetensors_open(hg_safetensors **out, const char *path, uint64_t max_bytes, hg_err *err);
/* The same from an input, which stays the caller's and is read to its end. */
HG_MUST_CHECK hg_status hg_safetensors_read(hg_safetensors **out, hg_input *in, uint64_t max_bytes, hg_err *err);
void hg_safetensors_free(hg_safetensors *s);

/* Tensors in the order in which their data lie. They are borrowed: valid until hg_safetensors_free. */
size_t hg_safetensors_count(const hg_safetensors *s);
const hg_stored *hg_safetensors_at(const hg_safetensors *s, size_t i);
const hg_stored *hg_safetensors_find(const hg_safetensors *s, const char *name);    /* NULL: none */
const char *hg_safetensors_note(const hg_safetensors *s, const char *key);          /* NULL: none */
size_t hg_safetensors_notes(const hg_stored_note **notes, const hg_safetensors *s); /* all, sorted by key */
/* The tensor of that name with that shape[rank]. HG_ENOTFOUND with the nearest name, HG_EDATA another shape; `source` stands in
 * front of the sentence. */
HG_MUST_CHECK hg_status hg_safetensors_need(const hg_stored **out, const hg_safetensors *s, const char *name,
                                            const size_t *shape, size_t rank, hg_err *err);
/* The elements of an F64, F32, F16 or BF16 tensor as floats, out[count]. HG_EDATA: of another type. */
HG_MUST_CHECK hg_status hg_stored_floats(float *out, const hg_stored *t, hg_err *err);
/* `name`, F64 or F32 of the shape [n], as doubles. HG_ENOTFOUND, HG_EDATA as hg_safetensors_need, or another type; HG_ENAN not finite. */
HG_MUST_CHECK hg_status hg_safetensors_doubles(double *out, const hg_safetensors *s, const char *name, size_t n,
                                               hg_err *err);
/* A file whose note "architecture" is `kind`. HG_EDATA: it is not; other errors: as hg_safetensors_open. */
HG_MUST_CHECK hg_status hg_safetensors_open_kind(hg_safetensors **out, const char *path, const char *kind, hg_err *err);

/* Replaces the file whole or not at all. Data are sorted as the reference library does, larger elements first, then by name, so
 * that the same tensors always give the same bytes; they begin at a multiple of 64 bytes.
 * Errors: HG_EINVAL a name twice, empty, "__metadata__" or not UTF-8, a count that is not the product of the shape, notes with a
 * key twice; HG_ELIMIT a header above 100 MB; HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_safetensors_write(const char *path, const hg_stored *tensors, size_t n,
                                             const hg_stored_note *notes, size_t n_notes, hg_err *err);
/* Appends the same to `o`, which the caller commits: for a checkpoint of several parts. */
HG_MUST_CHECK hg_status hg_safetensors_write_output(hg_output *o, const hg_stored *tensors, size_t n,
                                                    const hg_stored_note *notes, size_t n_notes, hg_err *err);
#endif
