/* files/whole.h -- a small file, whole, in memory: certificates, keys, YAML */
#ifndef HG_FILES_WHOLE_H
#define HG_FILES_WHOLE_H
#include "hagane/core.h"

enum {
    HG_WHOLE_SECRET = 1 /* refused when it is another user's, or group or others may do anything with it (mode & 077) */
};

/* bytes[*n] with a NUL behind it. Errors: HG_EIO (absent, a folder, a pipe, unreadable), HG_EREFUSED (not secret), HG_ELIMIT
 * (more than `most` bytes), HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_whole_read(void **bytes, size_t *n, const char *path, size_t most, unsigned flags,
                                      hg_err *err);
void hg_whole_free(void *bytes, size_t n); /* wipes */
#endif
