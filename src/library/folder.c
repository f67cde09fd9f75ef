/* library/folder.c -- see library/folder.h */
#include "library/folder.h"
#include "files/folders.h"
#include "files/hash.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

hg_status hg_folder_path(char path[HG_FOLDER_PATH], const char *folder, const char *name, hg_err *err) {
    const int n = snprintf(path, HG_FOLDER_PATH, "%s/%s", folder, name);
    return n > 0 && n < HG_FOLDER_PATH ? HG_OK : hg_fail(err, HG_EIO, "the folder's name is too long: %s", folder);
}

bool hg_folder_has_card(const char *folder) {
    char path[HG_FOLDER_PATH];
    struct stat st;
    return hg_folder_path(path, folder, "card.json", NULL) == HG_OK && stat(path, &st) == 0;
}

hg_status hg_folder_card(hg_card *card, const char **text, char path[HG_FOLDER_PATH], const char *folder, hg_arena *mem,
                         hg_err *err) {
    HG_TRY(hg_folder_path(path, folder, "card.json", err));
    return hg_card_read(card, text, path, mem, err);
}

hg_status hg_folder_of_card(char path[HG_FOLDER_PATH], const char *folder, const hg_card *card, hg_err *err) {
    char hash[HG_HASH_SIZE];
    HG_TRY(hg_folder_path(path, folder, "weights.safetensors", err));
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

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static hg_status write_new(char (*fresh)[HG_FOLDER_PATH], const char *folder, const hg_folder_file *file, size_t n,
                           void *ctx, hg_err *err) {
    char name[64];
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, ".%.50s.new", file[i].name);
        HG_TRY(hg_folder_path(fresh[i], folder, name, err));
    }
    for (size_t i = 0; i < n; i++) HG_TRY(file[i].write(ctx, fresh[i], err));
    return HG_OK;
}

static hg_status take_names(char (*fresh)[HG_FOLDER_PATH], const char *folder, const hg_folder_file *file, size_t n,
                            hg_err *err) {
    char path[HG_FOLDER_PATH];
    for (size_t i = 0; i < n; i++) {
        HG_TRY(hg_folder_path(path, folder, file[i].name, err));
        if (rename(fresh[i], path) != 0)
            return hg_fail(err, HG_EIO, "%s cannot be put in its place: %s", path, strerror(errno));
    }
    return HG_OK;
}

hg_status hg_folder_write(const char *folder, const hg_folder_file *file, size_t n, void *ctx, hg_err *err) {
    char fresh[HG_FOLDER_FILES][HG_FOLDER_PATH] = { "" };
    struct stat is;
    const bool made = stat(folder, &is) != 0;
    HG_TRY(hg_folder_make(folder, HG_FOLDER_SHARED, err));
    hg_status st = write_new(fresh, folder, file, n, ctx, err);
    if (st == HG_OK) st = take_names(fresh, folder, file, n, err);
    if (st == HG_OK) return HG_OK;
    for (size_t i = 0; i < n; i++)
        if (*fresh[i]) unlink(fresh[i]);
    if (made) rmdir(folder);
    return st;
}

void hg_folder_name(char *name, size_t size, const char *folder) {
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/') len--;
    size_t from = len;
    while (from > 0 && folder[from - 1] != '/') from--;
    snprintf(name, size, "%.*s", (int)(len - from < size ? len - from : size - 1), folder + from);
}
