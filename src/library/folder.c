/* library/folder.c -- see library/folder.h */
#include "library/folder.h"
#include "files/hash.h"
#include <stdio.h>
#include <string.h>

static hg_status path_in(char path[HG_FOLDER_PATH], const char *folder, const char *name, hg_err *err) {
    const int n = snprintf(path, HG_FOLDER_PATH, "%s/%s", folder, name);
    return n > 0 && n < HG_FOLDER_PATH ? HG_OK : hg_fail(err, HG_EIO, "the folder's name is too long: %s", folder);
}

hg_status hg_folder_card(hg_card *card, const char **text, char path[HG_FOLDER_PATH], const char *folder, hg_arena *mem,
                         hg_err *err) {
    HG_TRY(path_in(path, folder, "card.json", err));
    return hg_card_read(card, text, path, mem, err);
}

hg_status hg_folder_of_card(char path[HG_FOLDER_PATH], const char *folder, const hg_card *card, hg_err *err) {
    char hash[HG_HASH_SIZE];
    HG_TRY(path_in(path, folder, "weights.safetensors", err));
    HG_TRY(hg_hash_file(hash, path, err));
    if (strcmp(hash, card->weights_sha256) == 0) return HG_OK;
    hg_fail(err, HG_EDATA, "%s is not the file that its card tells of: its SHA-256 differs", path);
    return hg_advise(err, HG_EDATA, "copy card.json and weights.safetensors together, or train again");
}

static hg_status check(char path[HG_FOLDER_PATH], const char *folder, const char *architecture, hg_arena *mem,
                       hg_err *err) {
    hg_card card;
    const char *text;
    HG_TRY(hg_folder_card(&card, &text, path, folder, mem, err));
    if (strcmp(card.architecture, architecture) != 0)
        return hg_fail_at(err, HG_ENOTFOUND, path, 0, 0, "its architecture is \"%s\", expected \"%s\"",
                          card.architecture, architecture);
    return hg_folder_of_card(path, folder, &card, err);
}

hg_status hg_folder_weights(char path[HG_FOLDER_PATH], const char *folder, const char *architecture, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    const hg_status st =
        mem ? check(path, folder, architecture, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for a card");
    hg_arena_free(mem);
    return st;
}
