/* files/output.h -- a file that is there whole or not at all
 *
 * The bytes go to a new file in the same folder, which takes the place of the old one only in hg_output_commit, after it
 * has reached the disk. An existing file keeps its permissions; a symbolic link stays and its target is replaced. What is
 * no ordinary file (a pipe, /dev/null) is written directly. "-" is the stream that the caller hands in.
 */
#ifndef HG_FILES_OUTPUT_H
#define HG_FILES_OUTPUT_H
#include "files/hash.h"
#include <stdio.h>

typedef struct hg_output hg_output;

/* `standard` is used for the path "-" and may be NULL when that is not wanted; it is flushed, never closed. */
HG_MUST_CHECK hg_status hg_output_new(hg_output **out, const char *path, FILE *standard, hg_err *err);
/* For keys: nobody but the user can read it at any moment (mode 0600 from the first byte on, whatever was there before). It must
 * become an ordinary file. */
HG_MUST_CHECK hg_status hg_output_new_private(hg_output **out, const char *path, hg_err *err);
HG_MUST_CHECK hg_status hg_output_write(hg_output *o, const void *bytes, size_t n, hg_err *err);
/* Before the first byte: all that is written is hashed, too. The hash then ends with hg_output_hash_hex, once. */
HG_MUST_CHECK hg_status hg_output_hash(hg_output *o, hg_err *err);
HG_MUST_CHECK hg_status hg_output_hash_hex(char hex[HG_HASH_SIZE], hg_output *o, hg_err *err);
/* All bytes on the disk, still under the temporary name: a commit then only renames. For several files that belong
 * together; commit does it when it was not done. */
HG_MUST_CHECK hg_status hg_output_settle(hg_output *o, hg_err *err);
/* After HG_OK the file has its name and content. Call hg_output_free in any case. */
HG_MUST_CHECK hg_status hg_output_commit(hg_output *o, hg_err *err);
/* All of it: a file of these n bytes. */
HG_MUST_CHECK hg_status hg_output_whole(const char *path, const void *bytes, size_t n, hg_err *err);
void hg_output_free(hg_output *o); /* not committed: the new file is removed, the old one stays */
#endif
