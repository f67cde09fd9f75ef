/* files/hash.c -- see files/hash.h */
#include "files/hash.h"
#include "core/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 << 10 };

struct hg_hash {
    EVP_MD_CTX *ctx;
};

hg_status hg_hash_new(hg_hash **out, hg_err *err) {
    *out = NULL;
    hg_hash *h = hg_calloc(1, sizeof *h);
    if (h) h->ctx = EVP_MD_CTX_new();
    if (!h || !h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
        hg_hash_free(h);
        return hg_fail(err, HG_ENOMEM, "no memory for a SHA-256");
    }
    *out = h;
    return HG_OK;
}

hg_status hg_hash_add(hg_hash *h, const void *bytes, size_t n, hg_err *err) {
    return EVP_DigestUpdate(h->ctx, bytes, n) == 1 ? HG_OK : hg_fail(err, HG_ENOMEM, "SHA-256 failed");
}

hg_status hg_hash_hex(char hex[HG_HASH_SIZE], hg_hash *h, hg_err *err) {
    static const char DIGIT[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_DigestFinal_ex(h->ctx, sum, &n) != 1 || n != 32) return hg_fail(err, HG_ENOMEM, "SHA-256 failed");
    for (unsigned i = 0; i < n; i++) {
        hex[2 * i] = DIGIT[sum[i] >> 4];
        hex[2 * i + 1] = DIGIT[sum[i] & 15];
    }
    hex[2 * n] = '\0';
    return HG_OK;
}

void hg_hash_free(hg_hash *h) {
    if (!h) return;
    EVP_MD_CTX_free(h->ctx);
    hg_free(h);
}

hg_status hg_hash_memory(char hex[HG_HASH_SIZE], const void *bytes, size_t n, hg_err *err) {
    hg_hash *h;
    HG_TRY(hg_hash_new(&h, err));
    hg_status st = hg_hash_add(h, bytes, n, err);
    if (st == HG_OK) st = hg_hash_hex(hex, h, err);
    hg_hash_free(h);
    return st;
}

static hg_status read_error(const char *path, hg_err *err) {
    char text[128];
    return hg_fail(err, HG_EIO, "%s: could not be read: %s", path, strerror_r(errno, text, sizeof text));
}

static hg_status add_file(hg_hash *h, int fd, const char *path, unsigned char *buf, hg_err *err) {
    for (;;) {
        const ssize_t n = read(fd, buf, CHUNK);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return read_error(path, err);
        if (n == 0) return HG_OK;
        HG_TRY(hg_hash_add(h, buf, (size_t)n, err));
    }
}

hg_status hg_hash_file(char hex[HG_HASH_SIZE], const char *path, hg_err *err) {
    hg_hash *h = NULL;
    unsigned char *buf = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return read_error(path, err);
    hg_status st = hg_hash_new(&h, err);
    if (st == HG_OK && !(buf = hg_malloc(CHUNK, 1))) st = hg_fail(err, HG_ENOMEM, "no memory to read %s", path);
    if (st == HG_OK) st = add_file(h, fd, path, buf, err);
    if (st == HG_OK) st = hg_hash_hex(hex, h, err);
    hg_free(buf);
    hg_hash_free(h);
    close(fd);
    return st;
}
