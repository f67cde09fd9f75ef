/* files/codec.c -- see files/codec.h. zlib and liblzma allocate through core/memory.h; libzstd's public interface offers
 * no such door. */
#define ZLIB_CONST
#include "files/codec.h"
#include "core/memory.h"
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* ---- gzip ---------------------------------------------------------------------------------------------------- */

typedef struct {
    z_stream z;
    bool between; /* a member has ended and none has begun */
} gzip_state;

static void *gzip_alloc(void *opaque, unsigned n, unsigned size) {
    (void)opaque;
    return hg_malloc(n, size);
}

static void gzip_release(void *opaque, void *p) {
    (void)opaque;
    hg_free(p);
}

static void *gzip_begin(uint64_t max_memory) {
    (void)max_memory; /* a window of 32 KiB at most */
    gzip_state *s = hg_calloc(1, sizeof *s);
    if (!s) return NULL;
    s->z.zalloc = gzip_alloc;
    s->z.zfree = gzip_release;
    if (inflateInit2(&s->z, 15 + 16) == Z_OK) return s; /* + 16: a gzip header, nothing else */
    hg_free(s);
    return NULL;
}

static hg_codec_result gzip_step(void *state, hg_codec_step *io) {
    gzip_state *s = state;
    if (s->between) {
        while (io->left && *io->next == 0) { /* gzip pads to a block of tape with zeros */
            io->next++;
            io->left--;
        }
        if (io->left == 0) return io->last ? HG_CODEC_END : HG_CODEC_MORE;
        if (inflateReset(&s->z) != Z_OK) return HG_CODEC_BAD;
        s->between = false;
    }
    s->z.next_in = io->next;
    s->z.avail_in = (unsigned)io->left; /* both are a chunk at most, cut below 4 GiB by the caller */
    s->z.next_out = io->out;
    s->z.avail_out = (unsigned)io->room;
    const int rc = inflate(&s->z, Z_NO_FLUSH);
    io->next = s->z.next_in;
    io->left = s->z.avail_in;
    io->out = s->z.next_out;
    io->room = s->z.avail_out;
    if (rc == Z_STREAM_END) {
        s->between = true;
        return HG_CODEC_MORE;
    }
    if (rc == Z_OK || rc == Z_BUF_ERROR) return io->last && io->left == 0 && io->room ? HG_CODEC_CUT : HG_CODEC_MORE;
    return rc == Z_MEM_ERROR ? HG_CODEC_MEMORY : HG_CODEC_BAD;
}

static void gzip_end(void *state) {
    gzip_state *s = state;
    inflateEnd(&s->z);
    hg_free(s);
}

/* ---- xz ------------------------------------------------------------------------------------------------------ */

typedef struct {
    lzma_stream z;
    lzma_allocator door;
} xz_state;

static void *xz_alloc(void *opaque, size_t n, size_t size) {
    (void)opaque;
    return hg_malloc(n, size);
}

static void xz_release(void *opaque, void *p) {
    (void)opaque;
    hg_free(p);
}

static void *xz_begin(uint64_t max_memory) {
    xz_state *s = hg_calloc(1, sizeof *s);
    if (!s) return NULL;
    s->door = (lzma_allocator) { .alloc = xz_alloc, .free = xz_release };
    s->z = (lzma_stream)LZMA_STREAM_INIT;
    s->z.allocator = &s->door;
    if (lzma_stream_decoder(&s->z, max_memory, LZMA_CONCATENATED) == LZMA_OK) return s;
    hg_free(s);
    return NULL;
}

static hg_codec_result xz_step(void *state, hg_codec_step *io) {
    xz_state *s = state;
    s->z.next_in = io->next;
    s->z.avail_in = io->left;
    s->z.next_out = io->out;
    s->z.avail_out = io->room;
    const lzma_ret rc = lzma_code(&s->z, io->last ? LZMA_FINISH : LZMA_RUN);
    io->next = s->z.next_in;
    io->left = s->z.avail_in;
    io->out = s->z.next_out;
    io->room = s->z.avail_out;
    switch (rc) {
    case LZMA_OK: return io->last && io->left == 0 && io->room ? HG_CODEC_CUT : HG_CODEC_MORE;
    case LZMA_STREAM_END: return HG_CODEC_END;
    case LZMA_BUF_ERROR: return io->last ? HG_CODEC_CUT : HG_CODEC_MORE;
    case LZMA_MEM_ERROR: return HG_CODEC_MEMORY;
    case LZMA_MEMLIMIT_ERROR: return HG_CODEC_LIMIT;
    default: return HG_CODEC_BAD;
    }
}

static void xz_end(void *state) {
    xz_state *s = state;
    lzma_end(&s->z);
    hg_free(s);
}

/* ---- zstd ---------------------------------------------------------------------------------------------------- */

typedef struct {
    ZSTD_DStream *z;
    size_t hint; /* 0: a frame has just ended */
    size_t head; /* bytes that may still belong to the header of the frame */
} zstd_state;

enum { ZSTD_HEADER_MOST = 18 };

static void *zstd_begin(uint64_t max_memory) {
    zstd_state *s = hg_calloc(1, sizeof *s);
    if (!s) return NULL;
    int log = 20;
    while (log < 31 && (uint64_t)2 << log <= max_memory) log++;
    const ZSTD_bounds b = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
    if (!ZSTD_isError(b.error) && log > b.upperBound) log = b.upperBound;
    s->z = ZSTD_createDStream();
    if (s->z && !ZSTD_isError(ZSTD_initDStream(s->z)) &&
        !ZSTD_isError(ZSTD_DCtx_setParameter(s->z, ZSTD_d_windowLogMax, log)))
        return s;
    ZSTD_freeDStream(s->z);
    hg_free(s);
    return NULL;
}

static hg_codec_result zstd_step(void *state, hg_codec_step *io) {
    zstd_state *s = state;
    if (s->hint == 0 && io->left == 0 && io->last) return HG_CODEC_END;
    /* A header goes in byte by byte: libzstd decodes a frame that lies whole before it without asking for the window's
     * size, and what is refused must not depend on how much was fetched. */
    if (s->hint == 0) s->head = ZSTD_HEADER_MOST;
    ZSTD_inBuffer in = { io->next, s->head && io->left ? 1 : io->left, 0 };
    ZSTD_outBuffer out = { io->out, io->room, 0 };
    const size_t rc = ZSTD_decompressStream(s->z, &out, &in);
    io->next += in.pos;
    io->left -= in.pos;
    io->out += out.pos;
    io->room -= out.pos;
    if (s->head) s->head -= in.pos;
    if (ZSTD_isError(rc)) {
        const char *why = ZSTD_getErrorName(rc);
        if (strstr(why, "memory") == NULL) return HG_CODEC_BAD;
        return strstr(why, "too much memory") ? HG_CODEC_LIMIT : HG_CODEC_MEMORY; /* the codes are not public API */
    }
    s->hint = rc;
    if (rc != 0 && io->last && io->left == 0 && io->room) return HG_CODEC_CUT;
    return HG_CODEC_MORE;
}

static void zstd_end(void *state) {
    zstd_state *s = state;
    ZSTD_freeDStream(s->z);
    hg_free(s);
}

/* ---- the list ------------------------------------------------------------------------------------------------ */

static const hg_codec CODECS[] = {
    { "gzip", "\x1f\x8b", 2, gzip_begin, gzip_step, gzip_end },
    { "xz",
      "\xfd"
      "7zXZ",
      6, xz_begin, xz_step, xz_end }, /* the sixth byte is the NUL of the literal */
    { "zstd", "\x28\xb5\x2f\xfd", 4, zstd_begin, zstd_step, zstd_end },
};

const hg_codec *hg_codec_of(const unsigned char *head, size_t n) {
    for (size_t i = 0; i < sizeof CODECS / sizeof *CODECS; i++)
        if (n >= CODECS[i].magic_len && memcmp(head, CODECS[i].magic, CODECS[i].magic_len) == 0) return &CODECS[i];
    return NULL;
}
