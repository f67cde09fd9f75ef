/* library/folder.h -- a model's folder: its card, and weights that are those of the card */
#ifndef HG_LIBRARY_FOLDER_H
#define HG_LIBRARY_FOLDER_H
#include "library/card.h"

enum { HG_FOLDER_PATH = 4096 };

/* "folder/name". HG_EIO: too long. */
HG_MUST_CHECK hg_status hg_folder_path(char path[HG_FOLDER_PATH], const char *folder, const char *name, hg_err *err);
bool hg_folder_has_card(const char *folder);
/* The card in `mem`, *text the whole of it; path: of the card, for messages. Errors: those of hg_card_read. */
HG_MUST_CHECK hg_status hg_folder_card(hg_card *card, const char **text, char path[HG_FOLDER_PATH], const char *folder,
                                       hg_arena *mem, hg_err *err);
/* path: of the weights, whose SHA-256 is the card's. Errors: HG_EIO; HG_EDATA weights that are not the card's. */
HG_MUST_CHECK hg_status hg_folder_of_card(char path[HG_FOLDER_PATH], const char *folder, const hg_card *card,
                                          hg_err *err);
/* Both, for those who need nothing but weights of `architecture` ("qdf2-density 1").
 * Errors: those of both; HG_ENOTFOUND another architecture; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_folder_weights(char path[HG_FOLDER_PATH], const char *folder, const char *architecture,
                                          hg_err *err);

/* ---- writing ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *name; /* "card.json" */
    hg_status (*write)(void *ctx, const char *path, hg_err *err);
} hg_folder_file;

enum { HG_FOLDER_FILES = 4 };

/* All files under other names first, in their order; then each takes its own. After a failure an older model is whole, and
 * no folder is left that was made here.
 * Errors: HG_EIO, those of the writers. */
HG_MUST_CHECK hg_status hg_folder_write(const char *folder, const hg_folder_file *file, size_t n, void *ctx,
                                        hg_err *err);
/* "b" of "a/b//", in name[size]. */
void hg_folder_name(char *name, size_t size, const char *folder);
#endif
