/* files/hash.h -- SHA-256 (FIPS 180-4) as 64 hexadecimal digits: which input a run has seen */
#ifndef HG_FILES_HASH_H
#define HG_FILES_HASH_H
#include "hagane/core.h"

enum { HG_HASH_SIZE = 65 };
typedef struct hg_hash hg_hash;

HG_MUST_CHECK hg_status hg_hash_new(hg_hash **out, hg_err *err);
HG_MUST_CHECK hg_status hg_hash_add(hg_hash *h, const void *bytes, size_t n, hg_err *err);
HG_MUST_CHECK hg_status hg_hash_hex(char hex[HG_HASH_SIZE], hg_hash *h, hg_err *err); /* last; then only free */
void hg_hash_free(hg_hash *h);

/* Of the file as it lies on the disk: a compressed one is not decompressed. Errors: HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_hash_file(char hex[HG_HASH_SIZE], const char *path, hg_err *err);
HG_MUST_CHECK hg_status hg_hash_memory(char hex[HG_HASH_SIZE], const void *bytes, size_t n, hg_err *err);
#endif
