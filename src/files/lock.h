/* files/lock.h -- a folder or file that one process at a time may work in
 *
 * A lock is a range of numbers of a lock file, which stays behind and is empty. Who ends, however it ends, holds nothing any more. Locks of open
 * file descriptions (fcntl(2), F_OFD_SETLK): they also hold between threads, and on shared folders of NFS.
 */
#ifndef HG_FILES_LOCK_H
#define HG_FILES_LOCK_H
#include "hagane/core.h"

/* Takes the numbers first .. first + n - 1 (n 0: all from `first` on) of the lock file at `path`, which is made where it is not. `whose`: what is locked, for
 * the sentence: "w: another process uses this folder". *fd is -1 unless HG_OK comes back.
 * Errors: HG_EREFUSED another one has one of them; HG_ENOTFOUND no such folder; HG_EIO, among others of file systems without locks. */
HG_MUST_CHECK hg_status hg_lock_take(int *fd, const char *path, size_t first, size_t n, const char *whose, hg_err *err);
void hg_lock_release(int fd); /* -1 is fine */
#endif
