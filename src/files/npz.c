/* files/npz.c -- arrays of a .npz file; see files/ndarray.h
 *
 * A ZIP archive (PKWARE APPNOTE 6.3) is read by its central directory, which alone has lengths that can be relied on; NumPy leaves them open in
 * the local headers. Lengths above 4 GiB, encryption and methods other than store (0) and deflate (8) are refused. The checksum is compared.
 */
#define ZLIB_CONST
#include "core/memory.h"
#include "files/ndarray.h"
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30, COMMENT_MOST = 65535, DEFLATE_MOST = 1040 };

typedef struct {
    const char *name;
    const unsigned char *bytes;
    size_t n;
    hg_err *err;
} archive;

typedef struct {
    unsigned method, flags;
    uint32_t crc;
    size_t packed, size, local;
} entry;

static uint32_t u16(const unsigned char *at) { return (uint32_t)(at[0] | at[1] << 8); }
static uint32_t u32(const unsigned char *at) { return u16(at) | u16(at + 2) << 16; }

static hg_status damaged(const archive *z, const char *what) {
    return hg_advise(z->err, hg_fail(z->err, HG_EPARSE, "%s: %s", z->name, what),
                     "fetch the file again, or look at it with unzip -t");
}

/* The last record of the archive; behind it stands only a comment. */
static const unsigned char *find_end(const archive *z) {
    for (size_t back = END_SIZE; back <= z->n && back <= END_SIZE + COMMENT_MOST; back++) {
        const unsigned char *at = z->bytes + z->n - back;
        if (u32(at) == 0x06054b50 && u16(at + 20) == back - END_SIZE) return at;
    }
    return NULL;
}

static bool is_named(const unsigned char *name, size_t len, const char *key) {
    const size_t n = strlen(key);
    return len == n + 4 && memcmp(name, key, n) == 0 && memcmp(name + n, ".npy", 4) == 0;
}

static hg_status find(entry *e, const archive *z, const char *key) {
    const unsigned char *end = z->n >= END_SIZE ? find_end(z) : NULL;
    if (!end) return damaged(z, "its end is not that of a ZIP archive");
    const size_t count = u16(end + 10), at_end = (size_t)(end - z->bytes);
    size_t at = u32(end + 16);
    for (size_t i = 0; i < count; i++) {
        const unsigned char *c = z->bytes + at;
        if (at > at_end || at_end - at < ENTRY_SIZE || u32(c) != 0x02014b50)
            return damaged(z, "its list of files is damaged");
        const size_t name = u16(c + 28), whole = ENTRY_SIZE + name + u16(c + 30) + u16(c + 32);
        if (at_end - at < whole) return damaged(z, "its list of files is damaged");
        if (is_named(c + ENTRY_SIZE, name, key)) {
            *e = (entry) { u16(c + 10), u16(c + 8), u32(c + 16), u32(c + 20), u32(c + 24), u32(c + 42) };
            return HG_OK;
        }
        at += whole;
    }
    return hg_fail(z->err, HG_ENOTFOUND, "%s: there is no array \"%s\"", z->name, key);
}

/* ---- unpacking --------------------------------------------------------------------------------------------------- */

static void *zip_alloc(void *opaque, unsigned n, unsigned size) {
    (void)opaque;
    return hg_malloc(n, size);
}

static void zip_release(void *opaque, void *p) {
    (void)opaque;
    hg_free(p);
}

static hg_status inflate_all(unsigned char *out, const entry *e, const archive *z, const unsigned char *data) {
    z_stream s = { .zalloc = zip_alloc, .zfree = zip_release };
    if (inflateInit2(&s, -15) != Z_OK) return hg_fail(z->err, HG_ENOMEM, "no memory to decompress %s", z->name);
    s.next_in = data;
    s.avail_in = (unsigned)e->packed; /* both below 4 GiB */
    s.next_out = out;
    s.avail_out = (unsigned)e->size;
    const int rc = inflate(&s, Z_FINISH);
    const bool ok = rc == Z_STREAM_END && s.avail_out == 0 && s.avail_in == 0;
    inflateEnd(&s);
    return ok ? HG_OK : damaged(z, "its compressed data are damaged");
}

static hg_status unpack(const unsigned char **out, const entry *e, const archive *z, size_t most, hg_arena *mem) {
    const unsigned char *local = z->bytes + e->local;
    if (e->packed == UINT32_MAX || e->size == UINT32_MAX)
        return hg_fail(z->err, HG_ELIMIT, "%s: an array of more than 4 GiB", z->name);
    if (e->flags & 1) return damaged(z, "it is encrypted");
    if (e->local > z->n || z->n - e->local < LOCAL_SIZE || u32(local) != 0x04034b50)
        return damaged(z, "its list of files leads nowhere");
    const size_t head = LOCAL_SIZE + u16(local + 26) + u16(local + 28);
    if (z->n - e->local < head || z->n - e->local - head < e->packed) return damaged(z, "it ends within an array");
    if (e->size > most)
        return hg_fail(z->err, HG_ELIMIT, "%s: an array of %zu bytes, more than %zu", z->name, e->size, most);
    *out = local + head;
    if (e->method == 0 && e->packed != e->size) return damaged(z, "a stored array of two lengths");
    if (e->method == 8) {
        if (e->size / DEFLATE_MOST > e->packed) return damaged(z, "an array that claims to grow more than deflate can");
        unsigned char *own = hg_alloc(mem, e->size + 1, 1);
        if (!own) return hg_fail(z->err, HG_ENOMEM, "no memory to decompress %s", z->name);
        HG_TRY(inflate_all(own, e, z, *out));
        *out = own;
    } else if (e->method != 0) {
        return damaged(z, "it is compressed by a method that is not read");
    }
    return crc32(crc32(0, NULL, 0), *out, (unsigned)e->size) == e->crc ? HG_OK : damaged(z, "a checksum does not fit");
}

hg_status hg_npz_read(hg_ndarray *out, const char *name, const unsigned char *bytes, size_t n, const char *key,
                      size_t most, hg_arena *mem, hg_err *err) {
    const archive z = { .name = name, .bytes = bytes, .n = n, .err = err };
    const unsigned char *data = NULL;
    char called[320];
    entry e = { 0 };
    HG_TRY(find(&e, &z, key));
    HG_TRY(unpack(&data, &e, &z, most, mem));
    snprintf(called, sizeof called, "%.200s: array \"%s\"", name, key);
    return hg_npy_read(out, called, data, e.size, err);
}
