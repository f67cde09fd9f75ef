/* library/folder.h -- a model's folder for those who load the weights themselves */
#ifndef HG_LIBRARY_FOLDER_H
#define HG_LIBRARY_FOLDER_H
#include "hagane/core.h"

enum { HG_FOLDER_PATH = 4096 };

/* path: of the weights in `folder`, whose card says that they are of `architecture` ("qdf2-density 1") and have this
 * SHA-256. Errors: HG_EIO, HG_EPARSE; HG_ENOTFOUND another architecture; HG_EDATA weights that are not the card's;
 * HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_folder_weights(char path[HG_FOLDER_PATH], const char *folder, const char *architecture,
                                          hg_err *err);
#endif
