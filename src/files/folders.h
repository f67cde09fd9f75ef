/* files/folders.h -- folders that are made where they are not there yet */
#ifndef HG_FILES_FOLDERS_H
#define HG_FILES_FOLDERS_H
#include "hagane/core.h"

typedef enum {
    HG_FOLDER_SHARED = 0777 /* less what the process masks */,
    HG_FOLDER_PRIVATE = 0700 /* of keys, shares and what is under way */
} hg_folder_mode;

/* The folder and those that it is in. One that is there keeps its mode; `path` may end in "/" and hold "//".
 * Errors: HG_EINVAL no name or one that is too long; HG_EIO a file is in the way, it cannot be made, or nothing can be put into it. */
HG_MUST_CHECK hg_status hg_folder_make(const char *path, hg_folder_mode mode, hg_err *err);
#endif
