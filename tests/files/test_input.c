/* tests/files/test_input.c -- plain, gzip, xz and zstd sources: whole, in pieces, cut short, damaged, too large */
#include "files/input.h"
#include "test.h"
#include <fcntl.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

/* ---- helpers ------------------------------------------------------------------------------------------------- */

enum { ROOM = 1 << 20 };
typedef size_t (*packer)(unsigned char *out, size_t room, const void *bytes, size_t n);

static size_t pack_gzip(unsigned char *out, size_t room, const void *bytes, size_t n) {
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t len = room - z.avail_out;
    deflateEnd(&z);
    return len;
}

static size_t pack_xz(unsigned char *out, size_t room, const void *bytes, size_t n) {
    size_t len = 0;
    assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, bytes, n, out, &len, room), LZMA_OK);
    return len;
}

static size_t pack_zstd(unsigned char *out, size_t room, const void *bytes, size_t n) {
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    const size_t len = ZSTD_compress2(c, out, room, bytes, n);
    ZSTD_freeCCtx(c);
    assert_false(ZSTD_isError(len));
    return len;
}

static const struct {
    const char *name;
    packer pack;
} FORMAT[] = { { "gzip", pack_gzip }, { "xz", pack_xz }, { "zstd", pack_zstd } };
enum { FORMATS = sizeof FORMAT / sizeof *FORMAT };

/* A text that compresses somewhat. */
static void fill(char *text, size_t n) {
    hg_rng r = hg_rng_make(5, 0);
    for (size_t i = 0; i < n; i++) text[i] = "0123456789,.\n"[hg_rng_below(&r, 13)];
}

static hg_status drain(char *out, size_t *n, const void *bytes, size_t len, const hg_input_opts *o, size_t piece,
                       hg_err *err) {
    hg_input *in;
    size_t got;
    *n = 0;
    HG_TRY(hg_input_open_memory(&in, "f", bytes, len, o, err));
    hg_status st;
    do {
        st = hg_input_read(&got, in, out + *n, piece, err);
        if (st != HG_OK) break;
        *n += got;
    } while (got == piece);
    hg_input_free(in);
    return st;
}

typedef struct {
    char text[20000], back[50000];
    unsigned char packed[ROOM];
} desk;

static desk *new_desk(void) {
    desk *d = calloc(1, sizeof *d);
    assert_non_null(d);
    fill(d->text, sizeof d->text);
    return d;
}

/* ---- tests --------------------------------------------------------------------------------------------------- */

static void reads_memory_as_it_is(void **state) {
    (void)state;
    desk *d = new_desk();
    size_t n;
    for (size_t piece = 1; piece < 40000; piece = piece * 5 + 1) {
        assert_ok(drain(d->back, &n, d->text, sizeof d->text, NULL, piece, NULL));
        assert_int_equal(n, sizeof d->text);
        assert_memory_equal(d->back, d->text, n);
    }
    assert_ok(drain(d->back, &n, "", 0, NULL, 10, NULL));
    assert_int_equal(n, 0);
    assert_ok(drain(d->back, &n, "\x1f", 1, NULL, 10, NULL)); /* half of a magic number is a text */
    assert_int_equal(n, 1);
    free(d);
}

static void decompresses_by_content(void **state) {
    (void)state;
    desk *d = new_desk();
    for (size_t f = 0; f < FORMATS; f++) {
        const size_t len = FORMAT[f].pack(d->packed, ROOM, d->text, sizeof d->text);
        assert_true(len < sizeof d->text);
        for (size_t chunk = 1; chunk < 40000; chunk = chunk * 7 + 1) {
            hg_input_opts o = hg_input_opts_default();
            size_t n;
            o.chunk = chunk;
            assert_ok(drain(d->back, &n, d->packed, len, &o, 1 + chunk / 3, NULL));
            assert_int_equal(n, sizeof d->text);
            assert_memory_equal(d->back, d->text, n);
        }
        hg_input *in;
        assert_ok(hg_input_open_memory(&in, "f", d->packed, len, NULL, NULL));
        assert_string_equal(hg_input_format(in), FORMAT[f].name);
        assert_int_equal(hg_input_total(in), len);
        hg_input_free(in);
    }
    free(d);
}

static void reads_concatenated_members(void **state) {
    (void)state;
    desk *d = new_desk();
    for (size_t f = 0; f < FORMATS; f++) {
        size_t len = FORMAT[f].pack(d->packed, ROOM, d->text, 1000), n;
        len += FORMAT[f].pack(d->packed + len, ROOM - len, d->text, 0); /* an empty one in between */
        len += FORMAT[f].pack(d->packed + len, ROOM - len, d->text + 1000, 2000);
        hg_input_opts o = hg_input_opts_default();
        for (o.chunk = 1; o.chunk < 10000; o.chunk *= 3) {
            assert_ok(drain(d->back, &n, d->packed, len, &o, 64, NULL));
            assert_int_equal(n, 3000);
            assert_memory_equal(d->back, d->text, n);
        }
    }
    const size_t len = pack_gzip(d->packed, ROOM, d->text, 1000); /* gzip pads with zeros, xz by fours */
    size_t n;
    memset(d->packed + len, 0, 512);
    assert_ok(drain(d->back, &n, d->packed, len + 512, NULL, 64, NULL));
    assert_int_equal(n, 1000);
    free(d);
}

static void notices_every_cut(void **state) {
    (void)state;
    desk *d = new_desk();
    for (size_t f = 0; f < FORMATS; f++) {
        const size_t len = FORMAT[f].pack(d->packed, ROOM, d->text, 300);
        for (size_t cut = 6; cut < len; cut++) {
            size_t n;
            hg_err err = { 0 };
            const hg_status st = drain(d->back, &n, d->packed, cut, NULL, 64, &err);
            if (st != HG_EPARSE) fail_msg("%s cut at %zu of %zu: %s", FORMAT[f].name, cut, len, hg_status_name(st));
            assert_contains(err.msg, "data end too early");
            assert_contains(err.hint, "fetch it again");
        }
    }
    free(d);
}

/* A flipped bit is found by a check sum, or sits in a field that does not matter (a time stamp, a reserved byte). */
static void notices_damage(void **state) {
    (void)state;
    desk *d = new_desk();
    for (size_t f = 0; f < FORMATS; f++) {
        const size_t len = FORMAT[f].pack(d->packed, ROOM, d->text, 300);
        size_t noticed = 0;
        for (size_t at = 6; at < len; at++) {
            size_t n;
            d->packed[at] ^= 0x10;
            const hg_status st = drain(d->back, &n, d->packed, len, NULL, 64, NULL);
            d->packed[at] ^= 0x10;
            if (st == HG_OK) {
                assert_int_equal(n, 300); /* then nothing is lost */
                assert_memory_equal(d->back, d->text, n);
            } else {
                noticed++;
            }
        }
        assert_true(noticed > len - 20);
        memcpy(d->packed + len, "garbage", 7);
        size_t n;
        assert_int_equal(drain(d->back, &n, d->packed, len + 7, NULL, 64, NULL), HG_EPARSE);
    }
    free(d);
}

/* 80 MiB of zeros: above the size from which the ratio counts. */
static size_t pack_bomb(packer pack, unsigned char *packed) {
    const size_t n = (size_t)80 << 20;
    char *zeros = calloc(n, 1);
    assert_non_null(zeros);
    const size_t len = pack(packed, ROOM, zeros, n);
    free(zeros);
    return len;
}

static hg_status swallow(const void *bytes, size_t len, const hg_input_opts *o, hg_err *err) {
    static char sink[1 << 16];
    hg_input *in;
    size_t got;
    HG_TRY(hg_input_open_memory(&in, "bomb", bytes, len, o, err));
    hg_status st;
    do st = hg_input_read(&got, in, sink, sizeof sink, err);
    while (st == HG_OK && got == sizeof sink);
    hg_input_free(in);
    return st;
}

static void bombs_do_not_go_off(void **state) {
    (void)state;
    desk *d = new_desk();
    hg_input_opts o = hg_input_opts_default();
    hg_err err;
    const size_t len = pack_bomb(pack_zstd, d->packed);
    assert_int_equal(swallow(d->packed, len, &o, &err), HG_ELIMIT);
    assert_string_equal(err.msg, "bomb: grows more than 2000-fold when decompressed");
    o.max_ratio = 1000000;
    assert_ok(swallow(d->packed, len, &o, NULL));
    o.max_bytes = (uint64_t)10 << 20;
    assert_int_equal(swallow(d->packed, len, &o, &err), HG_ELIMIT);
    assert_string_equal(err.msg, "bomb: holds more than 10485760 bytes");
    free(d);
}

static void windows_beyond_the_limit_are_refused(void **state) {
    (void)state;
    desk *d = new_desk();
    hg_input_opts o = hg_input_opts_default();
    hg_err err;
    o.max_memory = (uint64_t)1 << 20;
    size_t len = pack_xz(d->packed, ROOM, d->text, sizeof d->text);
    assert_int_equal(swallow(d->packed, len, &o, &err), HG_ELIMIT);
    assert_contains(err.msg, "needs more than 1 MiB to decompress");
    ZSTD_CCtx *c = ZSTD_createCCtx(); /* a frame of unknown size with a window of 8 MiB */
    ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 23);
    ZSTD_inBuffer in = { d->text, sizeof d->text, 0 };
    ZSTD_outBuffer out = { d->packed, ROOM, 0 };
    ZSTD_compressStream2(c, &out, &in, ZSTD_e_flush);
    assert_int_equal(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end), 0);
    ZSTD_freeCCtx(c);
    len = out.pos;
    assert_int_equal(swallow(d->packed, len, &o, &err), HG_ELIMIT);
    assert_contains(err.msg, "needs more than 1 MiB to decompress");
    assert_ok(swallow(d->packed, len, NULL, NULL));
    free(d);
}

static void reads_files_and_pipes(void **state) {
    (void)state;
    desk *d = new_desk();
    char path[512];
    test_scratch(path, sizeof path, "input.gz");
    const size_t len = pack_gzip(d->packed, ROOM, d->text, sizeof d->text);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(d->packed, 1, len, f), len);
    fclose(f);
    hg_input *in;
    size_t n;
    assert_ok(hg_input_open(&in, path, NULL, NULL));
    assert_int_equal(hg_input_total(in), len);
    assert_ok(hg_input_read(&n, in, d->back, sizeof d->back, NULL));
    assert_int_equal(n, sizeof d->text);
    assert_memory_equal(d->back, d->text, n);
    assert_int_equal(hg_input_fetched(in), len);
    hg_input_free(in);

    const int keep = dup(STDIN_FILENO), file = open(path, O_RDONLY); /* the same by standard input */
    assert_true(keep >= 0 && file >= 0 && dup2(file, STDIN_FILENO) == STDIN_FILENO);
    assert_ok(hg_input_open(&in, "-", NULL, NULL));
    assert_string_equal(hg_input_name(in), "standard input");
    assert_ok(hg_input_read(&n, in, d->back, sizeof d->back, NULL));
    assert_int_equal(n, sizeof d->text);
    hg_input_free(in);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) != -1); /* it was not ours to close */
    dup2(keep, STDIN_FILENO);
    close(keep);
    close(file);
    unlink(path);

    int ends[2];
    char name[64];
    assert_int_equal(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    assert_true(write(ends[1], "a,b\n", 4) == 4 && write(ends[1], "1,2\n", 4) == 4);
    close(ends[1]);
    assert_ok(hg_input_open(&in, name, NULL, NULL));
    assert_int_equal(hg_input_total(in), 0);
    assert_ok(hg_input_read(&n, in, d->back, sizeof d->back, NULL));
    assert_int_equal(n, 8);
    hg_input_free(in);
    close(ends[0]);
    free(d);
}

/* The number that the next file opened would get. */
static int next_descriptor(void) {
    const int fd = dup(STDIN_FILENO);
    close(fd);
    return fd;
}

static void refuses_what_cannot_be_read(void **state) {
    (void)state;
    const int before = next_descriptor();
    hg_input *in = (hg_input *)state;
    hg_err err;
    assert_int_equal(hg_input_open(&in, "/no/such/file", NULL, &err), HG_EIO);
    assert_string_equal(err.msg, "/no/such/file: could not be opened: No such file or directory");
    assert_null(in);
    assert_int_equal(hg_input_open(&in, "/tmp", NULL, &err), HG_EIO);
    assert_string_equal(err.msg, "/tmp: is a folder, expected a file");
    hg_input_opts o = hg_input_opts_default();
    o.chunk = 0;
    assert_int_equal(hg_input_open_memory(&in, "f", "", 0, &o, NULL), HG_EINVAL);
    assert_null(in);
    assert_ok(hg_input_open(&in, "/dev/null", NULL, NULL));
    hg_input_free(in);
    assert_int_equal(next_descriptor(), before);
}

/* zstd allocates by itself; the other two go through our door. */
static void survives_any_allocation_failure(void **state) {
    (void)state;
    desk *d = new_desk();
    for (size_t f = 0; f < FORMATS; f++) {
        const size_t len = FORMAT[f].pack(d->packed, ROOM, d->text, 3000);
        for (long k = 0;; k++) {
            size_t n;
            fail_alloc_after(k);
            const hg_status st = drain(d->back, &n, d->packed, len, NULL, 4000, NULL);
            fail_alloc_after(-1);
            if (st == HG_OK) {
                assert_true(k > (f == 2 ? 2 : 4));
                break;
            }
            assert_int_equal(st, HG_ENOMEM);
        }
    }
    free(d);
}

/* The first bytes looked at are read again; a length that only the file vouches for is no reason to allocate it. */
static void the_beginning_may_be_peeked_at(void **state) {
    (void)state;
    desk *d = new_desk();
    hg_err err;
    for (size_t k = 0; k <= FORMATS; k++) {
        const size_t n = k < FORMATS ? FORMAT[k].pack(d->packed, ROOM, d->text, sizeof d->text) : sizeof d->text;
        if (k == FORMATS) memcpy(d->packed, d->text, sizeof d->text);
        hg_input *in;
        size_t got;
        unsigned char *bytes;
        assert_ok(hg_input_open_memory(&in, "f", d->packed, n, NULL, NULL));
        assert_ok(hg_input_peek(&got, in, d->back, 100, NULL));
        assert_int_equal(got, 100);
        assert_int_equal(hg_input_peek(&got, in, d->back, 100, NULL), HG_EINVAL);
        assert_ok(hg_input_read(&got, in, d->back + 100, 7, NULL));
        assert_ok(hg_input_take(&bytes, in, sizeof d->text - 7, "rest", NULL));
        assert_memory_equal(d->back, d->text, 100);
        assert_memory_equal(d->back + 100, d->text, 7);
        assert_memory_equal(bytes, d->text + 7, sizeof d->text - 7);
        assert_int_equal(bytes[sizeof d->text - 7], 0);
        free(bytes);
        assert_int_equal(hg_input_take(&bytes, in, SIZE_MAX / 2, "rest", &err), HG_EPARSE);
        assert_null(bytes);
        assert_contains(err.msg, "f: ends after 0 of the");
        hg_input_free(in);
    }
    free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_beginning_may_be_peeked_at),
        TEST(reads_memory_as_it_is),
        TEST(decompresses_by_content),
        TEST(reads_concatenated_members),
        TEST(notices_every_cut),
        TEST(notices_damage),
        TEST(bombs_do_not_go_off),
        TEST(windows_beyond_the_limit_are_refused),
        TEST(reads_files_and_pipes),
        TEST(refuses_what_cannot_be_read),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
