/* files/folders.c -- see files/folders.h */
#include "files/folders.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static hg_status refuse(const char *path, const char *what, hg_err *err) {
    char text[128];
    return hg_fail(err, HG_EIO, "%s %s: %s", path, what, strerror_r(errno, text, sizeof text));
}

/* One whose parent is there. A file cannot be made a folder, nor can a link to nothing. */
static hg_status make_one(const char *path, hg_folder_mode mode, hg_err *err) {
    struct stat is;
    if (mkdir(path, mode) == 0) return HG_OK;
    if (errno != EEXIST) return refuse(path, "cannot be made", err);
    if (stat(path, &is) != 0) return refuse(path, "cannot be a folder", err);
    if (S_ISDIR(is.st_mode)) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EIO, "%s is a file, and no folder", path), "name another folder");
}

hg_status hg_folder_make(const char *path, hg_folder_mode mode, hg_err *err) {
    char part[PATH_SIZE];
    const int n = snprintf(part, sizeof part, "%s", path);
    if (n <= 0) return hg_fail(err, HG_EINVAL, "the name of the folder is empty");
    if ((size_t)n >= sizeof part) return hg_fail(err, HG_EINVAL, "the folder's name is too long: %.60s ...", path);
    for (char *s = part + 1;; s++) {
        const char end = *s;
        if (end && (end != '/' || s[-1] == '/')) continue;
        *s = 0;
        HG_TRY(make_one(part, mode, err));
        if (!end) break;
        *s = end;
    }
    return access(path, W_OK | X_OK) == 0 ? HG_OK : refuse(path, "cannot be written to", err);
}
