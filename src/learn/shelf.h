/* learn/shelf.h -- a model's tensors on their way to a safetensors file, and back
 *
 * Several models can lie in one file: each has its prefix, "ridge." say, and sees nothing but its own.
 */
#ifndef HG_LEARN_SHELF_H
#define HG_LEARN_SHELF_H
#include "files/safetensors.h"

typedef struct {
    hg_arena *mem; /* where copies lie until they are written */
    const char *prefix;
    hg_stored *tensor; /* [n] */
    size_t n, cap;
} hg_shelf;

enum { HG_SHELF_RANK = 4, HG_SHELF_NAME = 96 };

hg_shelf hg_shelf_new(hg_arena *mem); /* empty, its prefix "" */
/* A copy of data[product of the shape]. Errors: HG_EINVAL a name too long, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_shelf_put(hg_shelf *s, const char *name, hg_stored_type type, const size_t *shape,
                                     size_t rank, const void *data, hg_err *err);
HG_MUST_CHECK hg_status hg_shelf_doubles(hg_shelf *s, const char *name, const double *x, size_t n, hg_err *err);
HG_MUST_CHECK hg_status hg_shelf_floats(hg_shelf *s, const char *name, const float *x, size_t n, hg_err *err);
void hg_shelf_free(hg_shelf *s); /* the list; what lies in mem goes with mem */

typedef struct {
    const hg_safetensors *file; /* borrowed */
    const char *source;         /* for messages */
    const char *prefix;
} hg_shelf_view;

enum { HG_SHELF_ANY = 0 }; /* a length of a shape that the caller checks */

bool hg_shelf_has(const hg_shelf_view *v, const char *name);
/* Borrowed from the file. What is F64 or F32 is finite. Errors: HG_ENOTFOUND, HG_EDATA another type or shape, HG_ENAN. */
HG_MUST_CHECK hg_status hg_shelf_get(const hg_stored **out, const hg_shelf_view *v, const char *name,
                                     hg_stored_type type, const size_t *shape, size_t rank, hg_err *err);
/* Copies of a vector: out[n]. */
HG_MUST_CHECK hg_status hg_shelf_get_doubles(double *out, const hg_shelf_view *v, const char *name, size_t n,
                                             hg_err *err);
HG_MUST_CHECK hg_status hg_shelf_get_floats(float *out, const hg_shelf_view *v, const char *name, size_t n,
                                            hg_err *err);
#endif
