/* library/rack.c -- see library/rack.h */
#include "library/rack.h"
#include "core/memory.h"
#include "core/text.h"
#include "library/folder.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CARD_MOST = 1 << 20 };

struct hg_rack {
    hg_arena *mem; /* owns this struct and all texts */
    const char *path;
    hg_racked *model;
    size_t n, cap;
    hg_pack **pack;
    size_t packs, packs_cap;
    const char **trouble;
    size_t troubles, troubles_cap;
};

static hg_status no_memory(const char *path, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory for the models of %s", path);
}

static bool ends_in(const char *s, const char *end) {
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static hg_status add_model(hg_rack *s, hg_racked m, hg_err *err) {
    if (!hg_grow(&s->model, &s->cap, s->n + 1, sizeof *s->model)) return no_memory(s->path, err);
    s->model[s->n++] = m;
    return HG_OK;
}

static hg_status add_trouble(hg_rack *s, const char *words, hg_err *err) {
    const char *kept = hg_arena_strdup(s->mem, words);
    if (!kept || !hg_grow(&s->trouble, &s->troubles_cap, s->troubles + 1, sizeof *s->trouble))
        return no_memory(s->path, err);
    s->trouble[s->troubles++] = kept;
    return HG_OK;
}

static hg_status add_pack(hg_rack *s, const char *path, hg_err *err) {
    hg_pack *p;
    if (!hg_grow(&s->pack, &s->packs_cap, s->packs + 1, sizeof *s->pack)) return no_memory(s->path, err);
    HG_TRY(hg_pack_open(&p, path, err));
    s->pack[s->packs++] = p;
    if (hg_pack_trouble(p)) {
        hg_err words;
        hg_fail(&words, HG_EDATA, "%s: %s", path, hg_pack_trouble(p));
        HG_TRY(add_trouble(s, words.msg, err));
    }
    for (size_t i = 0; i < hg_pack_models(p); i++) {
        const hg_pack_model *m = hg_pack_model_at(p, i);
        HG_TRY(add_model(s, (hg_racked) { m->name, hg_pack_path(p), p, m }, err));
    }
    return HG_OK;
}

static hg_status add_folder(hg_rack *s, const char *path, hg_err *err) {
    const char *kept = hg_arena_strdup(s->mem, path);
    if (!kept) return no_memory(path, err);
    return add_model(s, (hg_racked) { hg_path_name(kept), kept, NULL, NULL }, err);
}

/* What is in a library: a pack that does not open is told of and passed over. */
static hg_status add_entry(hg_rack *s, const char *name, hg_err *err) {
    char path[HG_RACK_PATH];
    hg_err why;
    HG_TRY(hg_folder_path(path, s->path, name, err));
    if (ends_in(name, HG_PACK_SUFFIX)) {
        const hg_status st = add_pack(s, path, &why);
        if (st == HG_OK) return HG_OK;
        return st == HG_ENOMEM ? no_memory(s->path, err) : add_trouble(s, why.msg, err);
    }
    if (!hg_folder_has_card(path)) return HG_OK;
    if (hg_pack_check_name(name, &why) != HG_OK) return add_trouble(s, why.msg, err);
    return add_folder(s, path, err);
}

static hg_status add_all(hg_rack *s, hg_err *err) {
    char text[128];
    DIR *d = opendir(s->path);
    if (!d) return hg_fail(err, HG_EIO, "%s: could not be opened: %s", s->path, strerror_r(errno, text, sizeof text));
    hg_status st = HG_OK;
    for (const struct dirent *e; st == HG_OK && (e = readdir(d));)
        if (e->d_name[0] != '.') st = add_entry(s, e->d_name, err);
    closedir(d);
    return st;
}

static int by_name(const void *a, const void *b) {
    const hg_racked *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    if (order) return order;
    if (!x->pack != !y->pack) return x->pack ? 1 : -1;
    return strcmp(x->path, y->path);
}

static hg_status fill(hg_rack *s, hg_err *err) {
    char text[128];
    struct stat st;
    if (stat(s->path, &st) != 0)
        return hg_fail(err, errno == ENOENT ? HG_ENOTFOUND : HG_EIO, "%s: could not be opened: %s", s->path,
                       strerror_r(errno, text, sizeof text));
    if (!S_ISDIR(st.st_mode)) return add_pack(s, s->path, err);
    HG_TRY(hg_folder_has_card(s->path) ? add_folder(s, s->path, err) : add_all(s, err));
    if (s->n) qsort(s->model, s->n, sizeof *s->model, by_name);
    return HG_OK;
}

/* "a/b" of "a/b//": the last part of the path is a name. */
static const char *without_slash(hg_arena *mem, const char *path) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    return hg_arena_strndup(mem, path, n);
}

hg_status hg_rack_open(hg_rack **out, const char *path, hg_err *err) {
    *out = NULL;
    hg_arena *mem = hg_arena_new();
    hg_rack *s = hg_alloc(mem, 1, sizeof *s);
    if (s) *s = (hg_rack) { .mem = mem, .path = without_slash(mem, path) };
    if (!s || !s->path) {
        hg_arena_free(mem);
        return no_memory(path, err);
    }
    const hg_status st = fill(s, err);
    if (st == HG_OK)
        *out = s;
    else
        hg_rack_free(s);
    return st;
}

void hg_rack_free(hg_rack *s) {
    if (!s) return;
    for (size_t i = 0; i < s->packs; i++) hg_pack_free(s->pack[i]);
    hg_free(s->pack);
    hg_free(s->model);
    hg_free(s->trouble);
    hg_arena_free(s->mem);
}

const char *hg_rack_path(const hg_rack *s) { return s->path; }
size_t hg_rack_count(const hg_rack *s) { return s->n; }
const hg_racked *hg_rack_at(const hg_rack *s, size_t i) { return i < s->n ? &s->model[i] : NULL; }
const hg_pack *hg_rack_pack(const hg_rack *s, size_t i) { return i < s->packs ? s->pack[i] : NULL; }
const char *hg_rack_trouble(const hg_rack *s, size_t i) { return i < s->troubles ? s->trouble[i] : NULL; }

const hg_racked *hg_rack_find(const hg_rack *s, const char *name) {
    size_t from = 0, to = s->n; /* all before `from` are smaller; `to` and behind are not */
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (strcmp(s->model[middle].name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from < s->n && strcmp(s->model[from].name, name) == 0 ? &s->model[from] : NULL;
}

/* What there is instead; without memory less is said. */
static hg_status advise_names(const hg_rack *const *s, size_t n, const char *name, hg_err *err) {
    size_t all = 0, at = 0;
    for (size_t i = 0; i < n; i++) all += s[i]->n;
    const char **names = hg_calloc(all, sizeof *names);
    for (size_t i = 0; names && i < n; i++)
        for (size_t k = 0; k < s[i]->n; k++) names[at++] = s[i]->model[k].name;
    const char *near = hg_nearest_name(name, names, at);
    if (near)
        hg_advise(err, HG_ENOTFOUND, "did you mean \"%s\"?", near);
    else if (at)
        hg_nearest_advise(err, HG_ENOTFOUND, name, names, at, "; `hagane models search` finds them by words");
    else
        hg_advise(err, HG_ENOTFOUND, "`hagane models list --library %s` shows what there is", s[0]->path);
    hg_free(names);
    return HG_ENOTFOUND;
}

hg_status hg_racks_need(const hg_racked **out, const hg_rack *const *s, size_t n, const char *name, hg_err *err) {
    *out = NULL;
    for (size_t i = 0; i < n && !*out; i++) *out = hg_rack_find(s[i], name);
    if (*out) return HG_OK;
    hg_text places = hg_text_new(0);
    for (size_t i = 0; i < n; i++) hg_text_add(&places, "%s%s", i ? " or " : "", s[i]->path);
    hg_fail(err, HG_ENOTFOUND, "there is no model \"%s\" in %s", name, places.s);
    hg_text_free(&places);
    if (hg_folder_has_card(name))
        return hg_advise(err, HG_ENOTFOUND, "it is a folder of its own: --library %s, and the model's name", name);
    return advise_names(s, n, name, err);
}

hg_status hg_rack_need(const hg_racked **out, const hg_rack *s, const char *name, hg_err *err) {
    return hg_racks_need(out, &s, 1, name, err);
}

/* ---- one model -------------------------------------------------------------------------------------------------------- */

hg_status hg_racked_card(hg_card *card, const char **text, const hg_racked *m, hg_arena *mem, hg_err *err) {
    char path[HG_FOLDER_PATH];
    if (!m->pack) return hg_folder_card(card, text, path, m->path, mem, err);
    const hg_pack_file *f = hg_pack_file_of(m->model, "card.json");
    if (!f) return hg_fail(err, HG_EDATA, "%s: \"%s\" has no card.json", m->path, m->name);
    HG_TRY(hg_pack_read(text, m->pack, m->model, f, CARD_MOST, mem, err));
    hg_text name = hg_text_new(HG_RACK_PATH);
    hg_text_add(&name, "%s/%s/card.json", m->path, m->name);
    const hg_status st =
        name.failed ? no_memory(m->path, err) : hg_card_read_text(card, name.s, *text, (size_t)f->size, mem, err);
    hg_text_free(&name);
    return st;
}

static hg_status measure(hg_pack_file *f, const char *folder, const char *name, hg_arena *mem, hg_err *err) {
    char path[HG_RACK_PATH];
    struct stat st;
    HG_TRY(hg_pack_check_file(name, err));
    HG_TRY(hg_folder_path(path, folder, name, err));
    if (stat(path, &st) != 0) return hg_fail(err, HG_EIO, "%s: is not there any more", path);
    if (!S_ISREG(st.st_mode)) {
        hg_fail(err, HG_EDATA, "%s: is no ordinary file, as those of a model are", path);
        return hg_advise(err, HG_EDATA, "put it elsewhere");
    }
    *f = (hg_pack_file) { .name = hg_arena_strdup(mem, name), .size = (uint64_t)st.st_size };
    if (!f->name) return no_memory(folder, err);
    return hg_hash_file(f->sha256, path, err);
}

static int by_file_name(const void *a, const void *b) {
    return strcmp(((const hg_pack_file *)a)->name, ((const hg_pack_file *)b)->name);
}

static hg_status list_folder(hg_pack_file *file, size_t *n, DIR *d, const char *folder, hg_arena *mem, hg_err *err) {
    for (const struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        if (*n == HG_PACK_FILES_MOST)
            return hg_fail(err, HG_ELIMIT, "%s: more than %d files, so it is no model alone", folder,
                           HG_PACK_FILES_MOST);
        HG_TRY(measure(&file[*n], folder, e->d_name, mem, err));
        ++*n;
    }
    if (*n) qsort(file, *n, sizeof *file, by_file_name);
    return HG_OK;
}

hg_status hg_racked_files(const hg_pack_file **file, size_t *n, const hg_racked *m, hg_arena *mem, hg_err *err) {
    hg_pack_file found[HG_PACK_FILES_MOST];
    char text[128];
    if (m->pack) {
        *n = m->model->n_files;
        *file = m->model->file;
        return HG_OK;
    }
    *n = 0;
    DIR *d = opendir(m->path);
    if (!d) return hg_fail(err, HG_EIO, "%s: could not be opened: %s", m->path, strerror_r(errno, text, sizeof text));
    const hg_status st = list_folder(found, n, d, m->path, mem, err);
    closedir(d);
    HG_TRY(st);
    hg_pack_file *kept = hg_alloc(mem, *n, sizeof *kept);
    if (!kept) return no_memory(m->path, err);
    if (*n) memcpy(kept, found, *n * sizeof *kept);
    *file = kept;
    return HG_OK;
}

static hg_status check_files(const hg_racked *m, hg_arena *mem, hg_err *err) {
    hg_card card;
    const hg_pack_file *file;
    const char *text;
    size_t n, weights = 0;
    HG_TRY(hg_racked_card(&card, &text, m, mem, err));
    HG_TRY(hg_racked_files(&file, &n, m, mem, err));
    for (size_t i = 0; i < n; i++) {
        if (m->pack) HG_TRY(hg_pack_each(m->pack, m->model, &m->model->file[i], NULL, NULL, err));
        weights += strcmp(file[i].sha256, card.weights_sha256) == 0;
    }
    if (weights) return HG_OK;
    hg_fail(err, HG_EDATA, "%s: \"%s\" has no weights with the SHA-256 of its card", m->path, m->name);
    return hg_advise(err, HG_EDATA, "copy card.json and weights.safetensors together, or train again");
}

hg_status hg_racked_check(const hg_racked *m, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? check_files(m, mem, err) : no_memory(m->path, err);
    hg_arena_free(mem);
    return st;
}
