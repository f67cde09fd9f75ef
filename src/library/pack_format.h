/* library/pack_format.h -- the bytes of a pack, for its reader and its writer
 *
 * Integers are little-endian, hashes 64 lower-case hexadecimal digits.
 *
 *   head   0 magic "hgpack\r\n"   8 version, 4 bytes   12 zero, 4   16 size of the whole file, 8   24 size of the index, 8
 *          32 models, 4   36 files, 4   40 zero, 24   64 SHA-256 of the index   128 SHA-256 of bytes 0..127
 *   index  a model: 1 byte length of its name, 1 byte number of its files, name; a file: 1 byte length of its name, name,
 *          8 bytes size, 64 SHA-256. Names strictly ascend as bytes.
 */
#ifndef HG_LIBRARY_PACK_FORMAT_H
#define HG_LIBRARY_PACK_FORMAT_H
#include <stdint.h>

#define PACK_MAGIC "hgpack\r\n"
enum {
    PACK_HEAD = 192,
    PACK_ALIGN = 64,
    PACK_HEX = 64,
    PACK_AT_VERSION = 8,
    PACK_AT_SIZE = 16,
    PACK_AT_INDEX = 24,
    PACK_AT_MODELS = 32,
    PACK_AT_FILES = 36,
    PACK_AT_ZERO = 40,
    PACK_AT_INDEX_HASH = 64,
    PACK_AT_HASH = 128,
    PACK_MODEL_LEAST = 3, /* bytes of a model in the index without its files */
    PACK_FILE_LEAST = 74  /* bytes of a file in the index */
};

static inline uint64_t pack_get(const unsigned char *p, unsigned bytes) {
    uint64_t x = 0;
    for (unsigned i = bytes; i-- > 0;) x = x << 8 | p[i];
    return x;
}

static inline void pack_put(unsigned char *p, unsigned bytes, uint64_t x) {
    for (unsigned i = 0; i < bytes; i++, x >>= 8) p[i] = (unsigned char)x;
}

static inline uint64_t pack_align(uint64_t x) { return (x + PACK_ALIGN - 1) / PACK_ALIGN * PACK_ALIGN; }
#endif
