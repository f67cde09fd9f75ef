/* library/rack_put.c -- copies and removals; see library/rack.h
 *
 * A folder is made under a hidden name beside its place and then renamed; one that is replaced is exchanged with the new
 * one in one step where the file system can do that.
 */
#include "core/memory.h"
#include "files/folders.h"
#include "files/output.h"
#include "library/rack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

static hg_status no_memory(hg_err *err) { return hg_fail(err, HG_ENOMEM, "no memory to copy models"); }

static bool is_pack_path(const char *path) {
    const size_t n = strlen(path), m = sizeof HG_PACK_SUFFIX - 1;
    return n > m && strcmp(path + n - m, HG_PACK_SUFFIX) == 0;
}

static hg_status system_error(const char *path, const char *what, hg_err *err) {
    char text[128];
    return hg_fail(err, HG_EIO, "%s: could not be %s: %s", path, what, strerror_r(errno, text, sizeof text));
}

/* ---- bytes of a model's file ------------------------------------------------------------------------------------------ */

typedef struct {
    hg_racked from;
    const hg_pack_file *file; /* [n_files] */
    size_t n_files;
} item;

static hg_status drain(int fd, const char *path, hg_pack_sink sink, void *ctx, hg_err *err) {
    unsigned char *piece = hg_malloc(PIECE, 1);
    hg_status st = piece ? HG_OK : no_memory(err);
    while (st == HG_OK) {
        const ssize_t got = read(fd, piece, PIECE);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) st = system_error(path, "read", err);
        if (got <= 0) break;
        st = sink(ctx, piece, (size_t)got, err);
    }
    hg_free(piece);
    return st;
}

/* An hg_packing's `each`. A file in a folder is compared by whoever takes the bytes. */
static hg_status each(void *ctx, size_t i, hg_pack_sink sink, void *sink_ctx, hg_err *err) {
    const item *m = ctx;
    char path[HG_RACK_PATH];
    if (m->from.pack) return hg_pack_each(m->from.pack, m->from.model, &m->from.model->file[i], sink, sink_ctx, err);
    HG_TRY(hg_folder_path(path, m->from.path, m->file[i].name, err));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return system_error(path, "opened", err);
    const hg_status st = drain(fd, path, sink, sink_ctx, err);
    close(fd);
    return st;
}

static hg_status load_item(item *m, const hg_racked *from, hg_arena *mem, hg_err *err) {
    m->from = *from;
    return hg_racked_files(&m->file, &m->n_files, from, mem, err);
}

static bool same(const item *a, const item *b) {
    if (a->n_files != b->n_files) return false;
    for (size_t i = 0; i < a->n_files; i++)
        if (strcmp(a->file[i].name, b->file[i].name) != 0 || strcmp(a->file[i].sha256, b->file[i].sha256) != 0)
            return false;
    return true;
}

static hg_status refuse_other(const char *path, const char *name, hg_err *err) {
    hg_fail(err, HG_EREFUSED, "%s holds another model \"%s\" already", path, name);
    return hg_advise(err, HG_EREFUSED, "--replace puts this one in its place");
}

/* ---- into a folder ---------------------------------------------------------------------------------------------------- */

/* Files of a hidden folder that is not wanted any more. */
static hg_status clear_folder(const char *folder, hg_err *err) {
    DIR *d = opendir(folder);
    if (!d) return system_error(folder, "opened", err);
    hg_status st = HG_OK;
    for (const struct dirent *e; st == HG_OK && (e = readdir(d));) {
        char path[HG_RACK_PATH];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        st = hg_folder_path(path, folder, e->d_name, err);
        if (st == HG_OK && unlink(path) != 0) st = system_error(path, "removed", err);
    }
    closedir(d);
    if (st == HG_OK && rmdir(folder) != 0) st = system_error(folder, "removed", err);
    return st;
}

/* "folder/.name.hagane-PID": hidden, and nobody else's. */
static hg_status hidden_name(char path[HG_RACK_PATH], const char *folder, const char *name, const char *what,
                             hg_err *err) {
    const int n = snprintf(path, HG_RACK_PATH, "%s/.%s.hagane-%s%ld", folder, name, what, (long)getpid());
    return n > 0 && n < HG_RACK_PATH ? HG_OK : hg_fail(err, HG_EIO, "the folder's name is too long: %s", folder);
}

typedef struct {
    hg_output *out;
} to_output;

static hg_status into_output(void *ctx, const void *bytes, size_t n, hg_err *err) {
    return hg_output_write(((to_output *)ctx)->out, bytes, n, err);
}

static hg_status write_one(const char *folder, item *m, size_t i, hg_err *err) {
    char path[HG_RACK_PATH], hash[HG_HASH_SIZE];
    to_output to;
    HG_TRY(hg_folder_path(path, folder, m->file[i].name, err));
    HG_TRY(hg_output_new(&to.out, path, NULL, err));
    hg_status st = hg_output_hash(to.out, err);
    if (st == HG_OK) st = each(m, i, into_output, &to, err);
    if (st == HG_OK) st = hg_output_hash_hex(hash, to.out, err);
    if (st == HG_OK && strcmp(hash, m->file[i].sha256) != 0)
        st = hg_fail(err, HG_EDATA, "%s of \"%s\" changed while it was copied", m->file[i].name, m->from.name);
    if (st == HG_OK) st = hg_output_commit(to.out, err);
    hg_output_free(to.out);
    return st;
}

/* The new folder takes the place of the old one; at no moment is there none under that name where the file system can
 * exchange two. */
static hg_status take_place(const char *made, const char *place, bool there, hg_err *err) {
    if (!there) return rename(made, place) == 0 ? HG_OK : system_error(place, "put in its place", err);
    if (renameat2(AT_FDCWD, made, AT_FDCWD, place, RENAME_EXCHANGE) == 0) return clear_folder(made, err);
    char old[HG_RACK_PATH];
    const int n = snprintf(old, sizeof old, "%s-old", made);
    if (n < 0 || n >= HG_RACK_PATH) return hg_fail(err, HG_EIO, "the folder's name is too long: %s", place);
    if (rename(place, old) != 0) return system_error(place, "moved aside", err);
    if (rename(made, place) != 0) {
        const hg_status st = system_error(place, "put in its place", err);
        (void)rename(old, place);
        return st;
    }
    return clear_folder(old, err);
}

static hg_status make_folder(const char *folder, item *m, bool there, hg_err *err) {
    char made[HG_RACK_PATH], place[HG_RACK_PATH];
    HG_TRY(hidden_name(made, folder, m->from.name, "", err));
    HG_TRY(hg_folder_path(place, folder, m->from.name, err));
    if (mkdir(made, 0777) != 0) {
        if (errno != EEXIST) return system_error(made, "made", err);
        HG_TRY(clear_folder(made, err)); /* of a process that had our number and was killed */
        if (mkdir(made, 0777) != 0) return system_error(made, "made", err);
    }
    hg_status st = HG_OK;
    for (size_t i = 0; st == HG_OK && i < m->n_files; i++) st = write_one(made, m, i, err);
    if (st == HG_OK) return take_place(made, place, there, err);
    (void)clear_folder(made, NULL);
    return st;
}

/* *there: a model of that name is in the folder; *equal: it is the same one. */
static hg_status look(bool *there, bool *equal, const char *folder, const item *m, hg_arena *mem, hg_err *err) {
    char place[HG_RACK_PATH], card[HG_RACK_PATH];
    struct stat st;
    *there = *equal = false;
    HG_TRY(hg_folder_path(place, folder, m->from.name, err));
    if (stat(place, &st) != 0) return HG_OK;
    HG_TRY(hg_folder_path(card, place, "card.json", err));
    if (!S_ISDIR(st.st_mode) || stat(card, &st) != 0)
        return hg_fail(err, HG_EREFUSED, "%s: is there already, and is no model", place);
    item old;
    const hg_racked racked = { .name = m->from.name, .path = place };
    *there = true;
    HG_TRY(load_item(&old, &racked, mem, err));
    *equal = same(m, &old);
    return HG_OK;
}

static hg_status put_into_folder(size_t *done, const char *folder, const hg_racked *from, const hg_rack_opts *o,
                                 hg_arena *mem, hg_err *err) {
    item m;
    bool there, equal;
    HG_TRY(hg_pack_check_name(from->name, err));
    HG_TRY(load_item(&m, from, mem, err));
    HG_TRY(look(&there, &equal, folder, &m, mem, err));
    if (equal) return HG_OK;
    if (there && !o->replace) return refuse_other(folder, from->name, err);
    HG_TRY(make_folder(folder, &m, there, err));
    ++*done;
    return HG_OK;
}

static hg_status put_into_library(size_t *done, const char *path, const hg_racked *const *models, size_t n,
                                  const hg_rack_opts *o, hg_arena *mem, hg_err *err) {
    HG_TRY(hg_folder_make(path, HG_FOLDER_SHARED, err));
    for (size_t i = 0; i < n; i++) {
        const hg_mark mark = hg_arena_mark(mem);
        if (!hg_progress(o->hooks, "models", i, n)) return hg_fail(err, HG_ECANCEL, "stopped after %zu models", i);
        HG_TRY(put_into_folder(done, path, models[i], o, mem, err));
        hg_arena_reset(mem, mark);
    }
    return HG_OK;
}

/* ---- into a pack ------------------------------------------------------------------------------------------------------ */

typedef struct {
    item *item; /* [n] those that the pack will hold */
    hg_packing *packing;
    size_t n;
} contents;

static hg_status begin_contents(contents *c, size_t most, hg_arena *mem, hg_err *err) {
    *c = (contents) { hg_alloc(mem, most, sizeof *c->item), hg_alloc(mem, most, sizeof *c->packing), 0 };
    return c->item && c->packing ? HG_OK : no_memory(err);
}

static void add_item(contents *c, const item *m) {
    c->item[c->n] = *m;
    c->packing[c->n] = (hg_packing) { m->from.name, m->file, m->n_files, each, &c->item[c->n] };
    c->n++;
}

static hg_status add_from_pack(contents *c, const hg_pack *p, const hg_pack_model *m, hg_arena *mem, hg_err *err) {
    item old;
    HG_TRY(load_item(&old, &(hg_racked) { m->name, hg_pack_path(p), p, m }, mem, err));
    add_item(c, &old);
    return HG_OK;
}

static const item *find_item(const contents *c, size_t n, const char *name) {
    size_t from = 0, to = n;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        const int order = strcmp(name, c->item[middle].from.name);
        if (order == 0) return &c->item[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

static bool is_whole(const hg_pack *p, const hg_pack_model *m) {
    for (size_t i = 0; i < m->n_files; i++)
        if (hg_pack_each(p, m, &m->file[i], NULL, NULL, NULL) != HG_OK) return false;
    return true;
}

/* The models of the old pack that stay: those that no new one replaces. */
static hg_status keep_old(contents *c, size_t *done, const hg_pack *old, const char *path, const hg_rack_opts *o,
                          hg_arena *mem, hg_err *err) {
    const size_t new_ones = c->n;
    for (size_t i = 0; i < hg_pack_models(old); i++) {
        const hg_pack_model *m = hg_pack_model_at(old, i);
        const item *by = find_item(c, new_ones, m->name);
        const item was = { .file = m->file, .n_files = m->n_files };
        if (!by)
            HG_TRY(add_from_pack(c, old, m, mem, err));
        else if (same(&was, by))
            *done -= !o->replace || is_whole(old, m); /* a damaged one can be healed */
        else if (!o->replace)
            return refuse_other(path, m->name, err);
    }
    return HG_OK;
}

static hg_status put_into_pack(size_t *done, const char *path, const hg_racked *const *models, size_t n,
                               const hg_rack_opts *o, hg_arena *mem, hg_err *err) {
    hg_pack *old = NULL;
    contents c;
    if (access(path, F_OK) == 0) HG_TRY(hg_pack_open(&old, path, err));
    hg_status st = begin_contents(&c, n + (old ? hg_pack_models(old) : 0), mem, err);
    for (size_t i = 0; st == HG_OK && i < n; i++) {
        item m;
        st = load_item(&m, models[i], mem, err);
        if (st == HG_OK) add_item(&c, &m);
        if (st == HG_OK && !hg_progress(o->hooks, "models", i, n))
            st = hg_fail(err, HG_ECANCEL, "stopped; %s is as it was", path);
    }
    *done = n;
    if (st == HG_OK && old) st = keep_old(&c, done, old, path, o, mem, err);
    if (st == HG_OK && (*done || !old)) st = hg_pack_write(path, c.packing, c.n, err);
    if (st != HG_OK) *done = 0;
    hg_pack_free(old);
    return st;
}

/* ---- both ------------------------------------------------------------------------------------------------------------- */

/* Two of one name would overwrite each other. */
static hg_status check_names(const hg_racked *const *models, size_t n, hg_err *err) {
    for (size_t i = 1; i < n; i++) {
        const int order = strcmp(models[i - 1]->name, models[i]->name);
        if (order > 0) return hg_fail(err, HG_EINVAL, "models that are copied have to come by name");
        if (order < 0) continue;
        hg_fail(err, HG_EDATA, "there are two models \"%s\": in %s and %s", models[i]->name, models[i - 1]->path,
                models[i]->path);
        return hg_advise(err, HG_EDATA, "copy from one of them");
    }
    return HG_OK;
}

hg_status hg_rack_put(size_t *done, const char *path, const hg_racked *const *models, size_t n, const hg_rack_opts *o,
                      hg_err *err) {
    static const hg_rack_opts defaults = { .replace = false };
    if (!o) o = &defaults;
    *done = 0;
    HG_TRY(check_names(models, n, err));
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? HG_OK : no_memory(err);
    if (st == HG_OK)
        st = is_pack_path(path) ? put_into_pack(done, path, models, n, o, mem, err)
                                : put_into_library(done, path, models, n, o, mem, err);
    hg_arena_free(mem);
    return st;
}

/* ---- removal ---------------------------------------------------------------------------------------------------------- */

static bool is_among(const hg_pack_model *m, const hg_racked *const *models, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (models[i]->model == m) return true;
    return false;
}

/* A model disappears at once; what is left of it, if we are killed now, is hidden. */
static hg_status remove_folder(const hg_racked *m, hg_arena *mem, hg_err *err) {
    char hidden[HG_RACK_PATH], folder[HG_RACK_PATH];
    const hg_pack_file *file;
    size_t n;
    HG_TRY(hg_racked_files(&file, &n, m, mem, err)); /* refuses what holds more than files */
    const char *slash = strrchr(m->path, '/');
    const int len = slash ? (int)(slash - m->path) : 1;
    if (snprintf(folder, sizeof folder, "%.*s", len, slash ? m->path : ".") >= HG_RACK_PATH)
        return hg_fail(err, HG_EIO, "the folder's name is too long: %s", m->path);
    HG_TRY(hidden_name(hidden, *folder ? folder : "/", m->name, "rm-", err));
    if (rename(m->path, hidden) != 0) return system_error(m->path, "removed", err);
    return clear_folder(hidden, err);
}

static hg_status remove_from_pack(const hg_pack *p, const hg_racked *const *models, size_t n, hg_arena *mem,
                                  hg_err *err) {
    contents c;
    size_t gone = 0;
    HG_TRY(begin_contents(&c, hg_pack_models(p), mem, err));
    for (size_t i = 0; i < hg_pack_models(p); i++) {
        const hg_pack_model *m = hg_pack_model_at(p, i);
        const bool goes = is_among(m, models, n);
        gone += goes;
        if (!goes) HG_TRY(add_from_pack(&c, p, m, mem, err));
    }
    return gone ? hg_pack_write(hg_pack_path(p), c.packing, c.n, err) : HG_OK;
}

static hg_status remove_all(const hg_rack *s, const hg_racked *const *models, size_t n, const hg_rack_opts *o,
                            hg_arena *mem, hg_err *err) {
    const hg_pack *p;
    for (size_t i = 0; i < n; i++) {
        if (models[i]->pack) continue;
        if (!hg_progress(o ? o->hooks : NULL, "models", i, n))
            return hg_fail(err, HG_ECANCEL, "stopped after %zu models", i);
        HG_TRY(remove_folder(models[i], mem, err));
    }
    for (size_t i = 0; (p = hg_rack_pack(s, i)); i++) HG_TRY(remove_from_pack(p, models, n, mem, err));
    return HG_OK;
}

hg_status hg_rack_remove(const hg_rack *s, const hg_racked *const *models, size_t n, const hg_rack_opts *o,
                         hg_err *err) {
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? remove_all(s, models, n, o, mem, err) : no_memory(err);
    hg_arena_free(mem);
    return st;
}
