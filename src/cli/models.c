/* cli/models.c -- see cli/models.h */
#include "cli/models.h"
#include "core/text.h"
#include "library/folder.h"
#include "library/rack.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLACES = CLI_LIBRARIES, PATH_SIZE = 4096, UNPACKED_MOST = 16 };

/* Folders of models, the first that has the name wins; "" where there is none. */
static void places(char place[PLACES][PATH_SIZE]) {
    char self[PATH_SIZE];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *given = getenv("HAGANE_MODELS");
    for (int i = 0; i < PLACES; i++) place[i][0] = '\0';
    if (given) snprintf(place[0], PATH_SIZE, "%s", given);
    if (n <= 0) return;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash) return;
    *slash = '\0';
    if (snprintf(place[1], PATH_SIZE, "%s/../share/hagane/models", self) >= PATH_SIZE) place[1][0] = '\0';
    if (snprintf(place[2], PATH_SIZE, "%s/../../models", self) >= PATH_SIZE)
        place[2][0] = '\0'; /* build/<preset>/hagane */
}

/* The names of all places, folders' and packs', in mem; those that do not open are passed over: here is no place to tell of them. */
static size_t all_names(const char ***names, char place[PLACES][PATH_SIZE], hg_arena *mem) {
    hg_rack *rack[PLACES] = { NULL };
    size_t n = 0, at = 0;
    for (int i = 0; i < PLACES; i++)
        if (*place[i] && hg_rack_open(&rack[i], place[i], NULL) == HG_OK) n += hg_rack_count(rack[i]);
    *names = hg_alloc(mem, n, sizeof **names);
    for (int i = 0; i < PLACES; i++) {
        const hg_racked *m;
        for (size_t k = 0; *names && rack[i] && (m = hg_rack_at(rack[i], k)); k++) {
            (*names)[at] = hg_arena_strdup(mem, m->name);
            at += (*names)[at] != NULL;
        }
        hg_rack_free(rack[i]);
    }
    return at;
}

static hg_status advise_names(const char *word, char place[PLACES][PATH_SIZE], hg_err *err) {
    const char **names;
    hg_arena *mem = hg_arena_new();
    const size_t n = mem ? all_names(&names, place, mem) : 0;
    if (n)
        hg_nearest_advise(err, HG_ENOTFOUND, hg_path_name(word), names, n,
                          ": `hagane models list` shows all; or name a folder with a card.json");
    else
        hg_advise(err, HG_ENOTFOUND, "name a folder with a card.json, or set HAGANE_MODELS to the folder of models");
    hg_arena_free(mem);
    return HG_ENOTFOUND;
}

static hg_status not_found(const char *word, char place[PLACES][PATH_SIZE], hg_err *err) {
    struct stat there;
    if (stat(word, &there) == 0)
        return hg_advise(err,
                         S_ISDIR(there.st_mode) ? hg_fail(err, HG_ENOTFOUND, "the folder %s has no card.json", word)
                                                : hg_fail(err, HG_ENOTFOUND, "%s is a file, no model", word),
                         "a model is a folder that `hagane train` has made, or a name: `hagane models list`");
    hg_fail(err, HG_ENOTFOUND, "there is no model \"%s\"", word);
    return advise_names(word, place, err);
}

/* ---- models in packs -------------------------------------------------------------------------------------------------- */

/* Folders that hold unpacked models until the verb is done. */
static struct {
    char path[UNPACKED_MOST][PATH_SIZE];
    size_t n;
} unpacked;

void cli_models_forget(void) {
    while (unpacked.n > 0) {
        const char *folder = unpacked.path[--unpacked.n];
        const hg_racked *m;
        hg_rack *s;
        if (hg_rack_open(&s, folder, NULL) == HG_OK) {
            for (size_t i = 0; (m = hg_rack_at(s, i)); i++)
                if (hg_rack_remove(s, &m, 1, NULL, NULL) != HG_OK) break;
            hg_rack_free(s);
        }
        rmdir(folder);
    }
}

/* What loads a model wants a folder, and checks again what it reads. */
static hg_status unpack(char path[CLI_MODEL_PATH], const hg_racked *m, hg_err *err) {
    const char *tmp = getenv("TMPDIR");
    size_t done;
    if (unpacked.n == UNPACKED_MOST) return hg_fail(err, HG_ELIMIT, "more than %d models out of packs", UNPACKED_MOST);
    char *folder = unpacked.path[unpacked.n];
    if (snprintf(folder, PATH_SIZE, "%s/hagane-model-XXXXXX", tmp && *tmp ? tmp : "/tmp") >= PATH_SIZE ||
        !mkdtemp(folder))
        return hg_advise(err, hg_fail(err, HG_EIO, "there is no room to unpack %s", m->name),
                         "TMPDIR names a folder for it");
    unpacked.n++;
    HG_TRY(hg_rack_put(&done, folder, &m, 1, NULL, err));
    snprintf(path, CLI_MODEL_PATH, "%s/%s", folder, m->name);
    return HG_OK;
}

/* A model in the packs of a place, or in a pack. HG_ENOTFOUND: it is not there. */
static hg_status find_packed(char path[CLI_MODEL_PATH], const char *place, const char *name, hg_err *err) {
    hg_rack *s;
    if (hg_rack_open(&s, place, NULL) != HG_OK) return HG_ENOTFOUND;
    const hg_racked *m = hg_rack_find(s, name);
    const hg_status st = m && m->pack ? unpack(path, m, err) : HG_ENOTFOUND;
    hg_rack_free(s);
    return st;
}

/* "models/alloys.hgpack/steel": a model of that pack. */
static hg_status find_in_named(char path[CLI_MODEL_PATH], const char *word, hg_err *err) {
    const char *slash = strstr(word, HG_PACK_SUFFIX "/");
    char pack[PATH_SIZE];
    if (!slash) return HG_ENOTFOUND;
    slash += strlen(HG_PACK_SUFFIX);
    if (snprintf(pack, PATH_SIZE, "%.*s", (int)(slash - word), word) >= PATH_SIZE) return HG_ENOTFOUND;
    return find_packed(path, pack, slash + 1, err);
}

hg_status cli_model_folder(char path[CLI_MODEL_PATH], const char *word, hg_err *err) {
    char place[PLACES][PATH_SIZE];
    if (hg_folder_has_card(word)) {
        const int n = snprintf(path, CLI_MODEL_PATH, "%s", word);
        return n < CLI_MODEL_PATH ? HG_OK : hg_fail(err, HG_EIO, "the folder's name is too long: %s", word);
    }
    places(place);
    for (int i = 0; i < PLACES && !strchr(word, '/'); i++) {
        if (!*place[i]) continue;
        const int n = snprintf(path, CLI_MODEL_PATH, "%s/%s", place[i], word);
        if (n < CLI_MODEL_PATH && hg_folder_has_card(path)) return HG_OK;
        const hg_status st = find_packed(path, place[i], word, err);
        if (st != HG_ENOTFOUND) return st;
    }
    const hg_status st = find_in_named(path, word, err);
    return st == HG_ENOTFOUND ? not_found(word, place, err) : st;
}

hg_status cli_model_load(hg_model **out, const char *word, hg_err *err) {
    char path[CLI_MODEL_PATH];
    *out = NULL;
    HG_TRY(cli_model_folder(path, word, err));
    return hg_model_load(out, path, err);
}

/* ---- libraries -------------------------------------------------------------------------------------------------------- */

hg_status cli_libraries(const char *path[CLI_LIBRARIES], size_t *n, cli_run *run, hg_err *err) {
    char place[PLACES][PATH_SIZE];
    struct stat there;
    *n = 0;
    path[0] = cli_value(&run->args, "library");
    if (path[0]) {
        *n = 1;
        return HG_OK;
    }
    places(place);
    for (int i = 0; i < PLACES; i++) {
        if (!*place[i] || stat(place[i], &there) != 0) continue;
        char resolved[PATH_MAX];
        path[*n] = hg_arena_strdup(run->arena, realpath(place[i], resolved) ? resolved : place[i]);
        if (!path[*n]) return hg_fail(err, HG_ENOMEM, "no memory for a path");
        bool known = false; /* HAGANE_MODELS may name the models that came with the program */
        for (size_t k = 0; k < *n; k++) known |= strcmp(path[k], path[*n]) == 0;
        *n += !known;
    }
    if (*n) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_ENOTFOUND, "there is no library of models"),
                     "name one with --library, or set HAGANE_MODELS to a folder of models");
}

hg_status cli_library(const char **path, const cli_run *run, hg_err *err) {
    *path = cli_value(&run->args, "library");
    if (!*path) *path = getenv("HAGANE_MODELS");
    if (*path) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "which library?"),
                     "name it with --library, a folder or a .hgpack file, or set HAGANE_MODELS");
}
