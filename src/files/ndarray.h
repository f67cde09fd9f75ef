/* files/ndarray.h -- arrays of numbers as NumPy stores them (.npy, .npz, pickles): borrowed bytes with a type and a shape */
#ifndef HG_FILES_NDARRAY_H
#define HG_FILES_NDARRAY_H
#include "hagane/core.h"

enum { HG_NDARRAY_RANK = 8 };

typedef struct {
    char kind;   /* 'f' real, 'i' whole, 'u' whole without sign, 'b' truth */
    size_t size; /* bytes an element: 1, 2, 4, 8; of 'f' 4 and 8 */
    size_t rank, shape[HG_NDARRAY_RANK];
    size_t count;              /* elements */
    const unsigned char *data; /* [count * size] little-endian, of any alignment */
} hg_ndarray;

/* "<f8", "|u1", "f4" ...: false when it is no number that is read, or big-endian. */
bool hg_ndarray_type(hg_ndarray *a, const char *descr, size_t len);
/* Multiplies the shape up and compares with n bytes: false when they differ, or it is too large. */
bool hg_ndarray_fits(hg_ndarray *a, size_t n);
double hg_ndarray_at(const hg_ndarray *a, size_t i);
/* Is its shape this? rank numbers follow. */
bool hg_ndarray_is(const hg_ndarray *a, size_t rank, const size_t *shape);

/* One .npy file of n bytes. `name` stands in messages. HG_EPARSE. */
HG_MUST_CHECK hg_status hg_npy_read(hg_ndarray *out, const char *name, const unsigned char *bytes, size_t n,
                                    hg_err *err);

/* An array of a .npz file: a ZIP archive of .npy files, stored or deflated. `key` is its name without .npy; out->data lies in mem, or in the
 * bytes. Errors: HG_ENOTFOUND no such array; HG_EPARSE damaged; HG_ELIMIT more than most bytes; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_npz_read(hg_ndarray *out, const char *name, const unsigned char *bytes, size_t n,
                                    const char *key, size_t most, hg_arena *mem, hg_err *err);
#endif
