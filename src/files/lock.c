/* files/lock.c -- see files/lock.h */
#include "files/lock.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

hg_status hg_lock_take(int *fd, const char *path, size_t first, size_t n, const char *whose, hg_err *err) {
    char text[128];
    struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)first, .l_len = (off_t)n };
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    *fd = -1;
    if (file < 0)
        return hg_fail(err, errno == ENOENT ? HG_ENOTFOUND : HG_EIO, "%s: could not be opened: %s", path,
                       strerror_r(errno, text, sizeof text));
    if (fcntl(file, F_OFD_SETLK, &range) == 0) {
        *fd = file;
        return HG_OK;
    }
    const int why = errno;
    close(file);
    if (why == EAGAIN || why == EACCES) return hg_fail(err, HG_EREFUSED, "%s: another process uses this folder", whose);
    return hg_fail(err, HG_EIO, "%s: could not be locked: %s", path, strerror_r(why, text, sizeof text));
}

void hg_lock_release(int fd) {
    if (fd >= 0) close(fd);
}
