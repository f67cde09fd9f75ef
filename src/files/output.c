/* files/output.c -- see files/output.h */
#include "files/output.h"
#include "core/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 64 << 10, NAME_TRIES = 1000 };

struct hg_output {
    hg_arena *mem;                         /* owns this struct, the paths and the buffer */
    const char *path, *target, *temporary; /* as given; links followed; NULL when written directly */
    FILE *standard;
    int fd; /* -1: the standard stream, or settled */
    bool committed, secret;
    hg_hash *hash; /* NULL: not wanted */
    char *buf;     /* [BUFFER] */
    size_t n;
};

static hg_status system_error(const hg_output *o, const char *what, hg_err *err) {
    char text[128];
    return hg_fail(err, HG_EIO, "%s: could not be %s: %s", o->path, what, strerror_r(errno, text, sizeof text));
}

static hg_status no_memory(const char *path, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory to write %s", path);
}

/* "folder/.name.hagane-PID-k": hidden, in the same folder so that rename works, new so that nobody else's is touched. */
static hg_status open_temporary(hg_output *o, hg_err *err) {
    const char *slash = strrchr(o->target, '/');
    const size_t folder = slash ? (size_t)(slash - o->target) + 1 : 0, size = strlen(o->target) + 64;
    char *name = hg_alloc(o->mem, size, 1);
    if (!name) return no_memory(o->path, err);
    for (int k = 0; k < NAME_TRIES; k++) {
        snprintf(name, size, "%.*s.%s.hagane-%ld-%d", (int)folder, o->target, o->target + folder, (long)getpid(), k);
        o->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, o->secret ? 0600 : 0666);
        if (o->fd >= 0) {
            o->temporary = name;
            return HG_OK;
        }
        if (errno != EEXIST) break;
    }
    return system_error(o, "created", err);
}

static hg_status open_target(hg_output *o, hg_err *err) {
    struct stat st;
    char resolved[PATH_MAX];
    const bool follow = realpath(o->path, resolved) != NULL;
    if (!follow && errno != ENOENT) return system_error(o, "opened", err);
    o->target = hg_arena_strdup(o->mem, follow ? resolved : o->path);
    if (!o->target) return no_memory(o->path, err);
    const bool there = stat(o->target, &st) == 0;
    if (there && S_ISDIR(st.st_mode)) return hg_fail(err, HG_EIO, "%s: is a folder, expected a file", o->path);
    if (there && !S_ISREG(st.st_mode) && o->secret)
        return hg_fail(err, HG_EIO, "%s: is no ordinary file, as a key needs", o->path);
    if (there && !S_ISREG(st.st_mode)) {
        o->fd = open(o->target, O_WRONLY | O_CLOEXEC);
        return o->fd >= 0 ? HG_OK : system_error(o, "opened", err);
    }
    if (there && access(o->target, W_OK) != 0) return system_error(o, "written", err); /* rename would not ask */
    HG_TRY(open_temporary(o, err));
    if (there && !o->secret && fchmod(o->fd, st.st_mode & 07777) != 0)
        return system_error(o, "given its permissions", err);
    return HG_OK;
}

static hg_status new_output(hg_output **out, const char *path, FILE *standard, bool secret, hg_err *err) {
    *out = NULL;
    const bool stream = strcmp(path, "-") == 0;
    if (stream && !standard) return hg_fail(err, HG_EINVAL, "\"-\" cannot be written to here");
    if (!*path) return hg_fail(err, HG_EINVAL, "the name of the file to write is empty");
    hg_arena *mem = hg_arena_new();
    hg_output *o = hg_alloc(mem, 1, sizeof *o);
    if (!o) {
        hg_arena_free(mem);
        return no_memory(path, err);
    }
    *o = (hg_output) { .mem = mem, .fd = -1, .standard = stream ? standard : NULL, .secret = secret };
    o->path = hg_arena_strdup(mem, stream ? "standard output" : path);
    o->buf = hg_alloc(mem, BUFFER, 1);
    hg_status st = o->path && o->buf ? HG_OK : no_memory(path, err);
    if (st == HG_OK && !stream) st = open_target(o, err);
    if (st != HG_OK) {
        hg_output_free(o);
        return st;
    }
    *out = o;
    return HG_OK;
}

hg_status hg_output_new(hg_output **out, const char *path, FILE *standard, hg_err *err) {
    return new_output(out, path, standard, false, err);
}

hg_status hg_output_new_private(hg_output **out, const char *path, hg_err *err) {
    return new_output(out, path, NULL, true, err);
}

static hg_status write_through(hg_output *o, const char *bytes, size_t n, hg_err *err) {
    if (o->standard) {
        if (fwrite(bytes, 1, n, o->standard) != n) return system_error(o, "written", err);
        return HG_OK;
    }
    while (n) {
        const ssize_t written = write(o->fd, bytes, n);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error(o, "written", err);
        bytes += written;
        n -= (size_t)written;
    }
    return HG_OK;
}

static hg_status flush(hg_output *o, hg_err *err) {
    const size_t n = o->n;
    o->n = 0;
    return write_through(o, o->buf, n, err);
}

hg_status hg_output_hash(hg_output *o, hg_err *err) { return hg_hash_new(&o->hash, err); }
hg_status hg_output_hash_hex(char hex[HG_HASH_SIZE], hg_output *o, hg_err *err) {
    return hg_hash_hex(hex, o->hash, err);
}

hg_status hg_output_write(hg_output *o, const void *bytes, size_t n, hg_err *err) {
    if (o->hash) HG_TRY(hg_hash_add(o->hash, bytes, n, err));
    if (n > BUFFER - o->n) HG_TRY(flush(o, err));
    if (n > BUFFER) return write_through(o, bytes, n, err);
    if (n) memcpy(o->buf + o->n, bytes, n);
    o->n += n;
    return HG_OK;
}

/* The new name is on the disk when its folder is. Some file systems cannot do that for a folder: no reason to fail. */
static void sync_folder(const hg_output *o) {
    const char *slash = strrchr(o->target, '/');
    const char *folder = slash ? hg_arena_strndup(o->mem, o->target, (size_t)(slash - o->target) + 1) : ".";
    const int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

hg_status hg_output_settle(hg_output *o, hg_err *err) {
    HG_TRY(flush(o, err));
    if (o->standard) return fflush(o->standard) == 0 ? HG_OK : system_error(o, "written", err);
    if (o->fd < 0) return HG_OK; /* done before */
    if (o->temporary && fsync(o->fd) != 0) return system_error(o, "written to the disk", err);
    const int fd = o->fd;
    o->fd = -1;
    return close(fd) == 0 ? HG_OK : system_error(o, "written", err);
}

hg_status hg_output_commit(hg_output *o, hg_err *err) {
    HG_TRY(hg_output_settle(o, err));
    if (o->temporary) {
        if (rename(o->temporary, o->target) != 0) return system_error(o, "put in its place", err);
        sync_folder(o);
    }
    o->committed = true;
    return HG_OK;
}

void hg_output_free(hg_output *o) {
    if (!o) return;
    if (o->fd >= 0) close(o->fd);
    if (o->temporary && !o->committed) unlink(o->temporary);
    hg_hash_free(o->hash);
    hg_arena_free(o->mem);
}

hg_status hg_output_whole(const char *path, const void *bytes, size_t n, hg_err *err) {
    hg_output *o;
    HG_TRY(hg_output_new(&o, path, NULL, err));
    hg_status st = hg_output_write(o, bytes, n, err);
    if (st == HG_OK) st = hg_output_commit(o, err);
    hg_output_free(o);
    return st;
}
