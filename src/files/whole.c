/* files/whole.c -- see files/whole.h */
#include "files/whole.h"
#include "core/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static hg_status system_error(const char *path, const char *what, hg_err *err) {
    char text[128];
    return hg_fail(err, HG_EIO, "%s: could not be %s: %s", path, what, strerror_r(errno, text, sizeof text));
}

/* Asked of the open file, so that it cannot be exchanged in between. */
static hg_status check(int fd, const char *path, unsigned flags, hg_err *err) {
    struct stat st;
    if (fstat(fd, &st) != 0) return system_error(path, "read", err);
    if (!S_ISREG(st.st_mode)) return hg_fail(err, HG_EIO, "%s: is no ordinary file", path);
    if (!(flags & HG_WHOLE_SECRET)) return HG_OK;
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: a secret file that belongs to another user", path),
                         "run as its owner, or give it to the user that needs it");
    if (st.st_mode & 077)
        return hg_advise(err,
                         hg_fail(err, HG_EREFUSED, "%s: a secret file that others may use (mode %04o)", path,
                                 (unsigned)st.st_mode & 07777),
                         "chmod 600 %s, and think about who may have read it", path);
    return HG_OK;
}

static hg_status read_all(unsigned char *buf, size_t *n, int fd, const char *path, size_t most, hg_err *err) {
    *n = 0;
    while (*n <= most) {
        const ssize_t got = read(fd, buf + *n, most + 1 - *n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error(path, "read", err);
        if (got == 0) return HG_OK;
        *n += (size_t)got;
    }
    return hg_fail(err, HG_ELIMIT, "%s: has more than %zu bytes", path, most);
}

hg_status hg_whole_read(void **bytes, size_t *n, const char *path, size_t most, unsigned flags, hg_err *err) {
    *bytes = NULL;
    *n = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe must not hold us up */
    if (fd < 0) return system_error(path, "opened", err);
    hg_status st = check(fd, path, flags, err);
    unsigned char *buf = st == HG_OK ? hg_calloc(most + 2, 1) : NULL;
    if (st == HG_OK && !buf) st = hg_fail(err, HG_ENOMEM, "no memory to read %s", path);
    if (st == HG_OK) st = read_all(buf, n, fd, path, most, err);
    close(fd);
    if (st != HG_OK) {
        hg_whole_free(buf, *n);
        *n = 0;
        return st;
    }
    buf[*n] = '\0';
    *bytes = buf;
    return HG_OK;
}

void hg_whole_free(void *bytes, size_t n) {
    if (bytes) OPENSSL_cleanse(bytes, n);
    hg_free(bytes);
}
