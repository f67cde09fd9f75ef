/* hagane/weights.h -- parameters in a file, as safetensors: one tensor a parameter, under its name
 *
 * PyTorch's users open such files with safetensors.torch.load_file, and theirs are read here. A file of another network is refused with the
 * first name or shape that differs.
 */
#ifndef HG_WEIGHTS_H
#define HG_WEIGHTS_H
#include "hagane/params.h"
HG_BEGIN_DECLS

typedef struct {
    const char *key, *text; /* UTF-8 */
} hg_note;                  /* an entry of the file's metadata */

/* Replaces the file whole or not at all. notes[n_notes] may be NULL when n_notes is 0. Errors: HG_EINVAL notes with a key twice or not
 * UTF-8, parameters not sealed; HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_params_save(const char *path, const hg_params *p, const hg_note *notes, size_t n_notes,
                                       hg_err *err);
/* Parameters whose name begins with `prefix` from tensors of the same name and shape, of floats of 16, 32 or 64 bits; "" is all, and then
 * a tensor that no parameter asks for is an error too. On failure no value has changed.
 * Errors: HG_ENOTFOUND a missing tensor, or no parameter with that prefix; HG_EDATA another shape, type or one too many; HG_ENAN a value
 * that is not finite; those of reading: HG_EIO, HG_EPARSE, HG_ELIMIT, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_params_load(hg_params *p, const char *path, const char *prefix, hg_err *err);

HG_END_DECLS
#endif
