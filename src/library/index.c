/* library/index.c -- the index of a library: opening it, and bringing it up to date; see library/index.h
 *
 * An entry of the library, a model's folder or a pack, is read again when size, time, or inode of its card or of the pack
 * have changed. All of an update is one transaction, so a search sees the library as it was or as it is.
 */
#include "core/memory.h"
#include "library/index_internal.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1, WHY = 480 };

static const char SCHEMA[] =
    "CREATE TABLE source (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,"
    "  time INTEGER NOT NULL, inode INTEGER NOT NULL, seen INTEGER NOT NULL);"
    "CREATE TABLE trouble (id INTEGER PRIMARY KEY, source INTEGER NOT NULL, words TEXT NOT NULL);"
    "CREATE INDEX trouble_source ON trouble (source);"
    "CREATE TABLE model (id INTEGER PRIMARY KEY, source INTEGER NOT NULL, bytes INTEGER NOT NULL, licence TEXT,"
    "  symbols TEXT NOT NULL, kind TEXT, value REAL, unit TEXT, name TEXT NOT NULL, properties TEXT NOT NULL,"
    "  architecture TEXT NOT NULL, descriptor TEXT, elements TEXT, words TEXT);"
    "CREATE INDEX model_source ON model (source);"
    "CREATE INDEX model_name ON model (name);"
    "CREATE TABLE term (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
    "CREATE TABLE called (name TEXT NOT NULL, term INTEGER NOT NULL, PRIMARY KEY (name, term)) WITHOUT ROWID;"
    "CREATE TABLE property (term INTEGER NOT NULL, model INTEGER NOT NULL, PRIMARY KEY (term, model)) WITHOUT ROWID;"
    "CREATE INDEX property_model ON property (model);"
    "CREATE TABLE metric (property INTEGER NOT NULL, kind INTEGER NOT NULL, value REAL NOT NULL, model INTEGER NOT NULL,"
    "  told TEXT NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (property, kind, value, model)) WITHOUT ROWID;"
    "CREATE INDEX metric_kind ON metric (kind, value, model);"
    "CREATE INDEX metric_model ON metric (model);"
    "CREATE VIRTUAL TABLE search USING fts5 (" INDEX_COLUMNS ","
    "  content = 'model', content_rowid = 'id');";

static hg_status no_memory(const char *library, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory for the index of %s", library);
}

/* ---- one entry of the library ----------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    struct stat stamp; /* of the pack, or of the folder's card */
} entry;

static uint64_t time_of(const struct stat *s) {
    return (uint64_t)s->st_mtim.tv_sec * 1000000000u + (uint64_t)s->st_mtim.tv_nsec;
}

static hg_status forget(hg_index *x, uint64_t source, hg_err *err) {
    static const char UNINDEX[] = "INSERT INTO search (search, rowid, " INDEX_COLUMNS
                                  ") SELECT 'delete', id, " INDEX_COLUMNS " FROM model WHERE source = ?";
    static const char *const statements[] = {
        UNINDEX, /* not for a server: its index of words follows the table by itself */
        "DELETE FROM metric WHERE model IN (SELECT id FROM model WHERE source = ?)",
        "DELETE FROM property WHERE model IN (SELECT id FROM model WHERE source = ?)",
        "DELETE FROM model WHERE source = ?",
        "DELETE FROM trouble WHERE source = ?",
        "DELETE FROM source WHERE id = ?",
    };
    for (size_t i = x->server ? 1 : 0; i < sizeof statements / sizeof *statements; i++)
        HG_TRY(index_run(x, statements[i], HG_VALUES(hg_value_int(source)), err));
    return HG_OK;
}

static hg_status note(hg_index *x, uint64_t source, const char *words, hg_err *err) {
    return index_run(x, "INSERT INTO trouble (source, words) VALUES (?, ?)",
                     HG_VALUES(hg_value_int(source), hg_value_text(words)), err);
}

static uint64_t bytes_of(const hg_racked *m, const entry *e) {
    uint64_t sum = 0;
    char path[HG_RACK_PATH];
    struct stat st;
    if (m->pack)
        for (size_t i = 0; i < m->model->n_files; i++) sum += m->model->file[i].size;
    else
        sum = (uint64_t)e->stamp.st_size +
              (hg_folder_path(path, m->path, "weights.safetensors", NULL) == HG_OK && stat(path, &st) == 0
                   ? (uint64_t)st.st_size
                   : 0);
    return sum;
}

/* A card that cannot be read is told of; the others are there all the same. */
static hg_status put_rack(hg_index *x, uint64_t source, const hg_rack *s, const entry *e, hg_arena *mem, hg_err *err) {
    const hg_racked *m;
    const char *words;
    for (size_t i = 0; (words = hg_rack_trouble(s, i)); i++) HG_TRY(note(x, source, words, err));
    for (size_t i = 0; (m = hg_rack_at(s, i)); i++) {
        const hg_mark mark = hg_arena_mark(mem);
        hg_err why;
        hg_card card;
        const char *text;
        const hg_status st = hg_racked_card(&card, &text, m, mem, &why);
        if (st == HG_ENOMEM) return no_memory(x->library, err);
        HG_TRY(st == HG_OK ? index_put(x, source, m->name, bytes_of(m, e), &card, err) : note(x, source, why.msg, err));
        hg_arena_reset(mem, mark);
    }
    return HG_OK;
}

static hg_status read_entry(hg_index *x, const entry *e, uint64_t round, hg_err *err) {
    char path[HG_RACK_PATH];
    uint64_t source;
    bool found;
    hg_rack *s;
    hg_err why;
    HG_TRY(index_int(&source, &found, x,
                     "INSERT INTO source (path, size, time, inode, seen) VALUES (?, ?, ?, ?, ?) RETURNING id",
                     HG_VALUES(hg_value_text(e->name), hg_value_int((uint64_t)e->stamp.st_size),
                               hg_value_int(time_of(&e->stamp)), hg_value_int(e->stamp.st_ino), hg_value_int(round)),
                     err));
    HG_TRY(hg_folder_path(path, x->library, e->name, err));
    const hg_status opened = hg_rack_open(&s, path, &why);
    if (opened == HG_ENOMEM) return no_memory(x->library, err);
    if (opened != HG_OK) return note(x, source, why.msg, err);
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? put_rack(x, source, s, e, mem, err) : no_memory(x->library, err);
    hg_arena_free(mem);
    hg_rack_free(s);
    return st;
}

static hg_status update_entry(hg_index *x, const entry *e, uint64_t round, hg_err *err) {
    const hg_value key[] = { hg_value_text(e->name) };
    index_rows q;
    bool row, same = false;
    uint64_t id = 0;
    HG_TRY(index_rows_begin(&q, x, "SELECT id, size, time, inode FROM source WHERE path = ?", key, 1, false, err));
    const hg_status st = index_rows_next(&row, &q, err);
    if (st == HG_OK && row) {
        id = index_rows_int(&q, 0);
        same = index_rows_int(&q, 1) == (uint64_t)e->stamp.st_size && index_rows_int(&q, 2) == time_of(&e->stamp) &&
               index_rows_int(&q, 3) == (uint64_t)e->stamp.st_ino;
    }
    index_rows_end(&q);
    HG_TRY(st);
    if (same)
        return index_run(x, "UPDATE source SET seen = ? WHERE id = ?", HG_VALUES(hg_value_int(round), hg_value_int(id)),
                         err);
    if (id) HG_TRY(forget(x, id, err));
    return read_entry(x, e, round, err);
}

/* ---- the whole library ------------------------------------------------------------------------------------------------ */

typedef struct {
    entry *at;
    size_t n, cap;
} entries;

static int by_name(const void *a, const void *b) { return strcmp(((const entry *)a)->name, ((const entry *)b)->name); }

static bool ends_in(const char *s, const char *end) {
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static hg_status add_entry(entries *all, const hg_index *x, const char *name, hg_arena *mem, hg_err *err) {
    char path[HG_RACK_PATH], card[HG_RACK_PATH];
    const bool pack = x->only || ends_in(name, HG_PACK_SUFFIX);
    entry one;
    if (hg_folder_path(path, x->library, name, NULL) != HG_OK ||
        (!pack && hg_folder_path(card, path, "card.json", NULL) != HG_OK))
        return HG_OK;
    if (stat(pack ? path : card, &one.stamp) != 0) return HG_OK;
    one.name = hg_arena_strdup(mem, name);
    if (!one.name || !hg_grow(&all->at, &all->cap, all->n + 1, sizeof *all->at)) return no_memory(x->library, err);
    all->at[all->n++] = one;
    return HG_OK;
}

static hg_status scan(entries *all, const hg_index *x, hg_arena *mem, hg_err *err) {
    char text[128];
    if (x->only) return add_entry(all, x, x->only, mem, err);
    DIR *d = opendir(x->library);
    if (!d)
        return hg_fail(err, errno == ENOENT ? HG_ENOTFOUND : HG_EIO, "%s: could not be opened: %s", x->library,
                       strerror_r(errno, text, sizeof text));
    hg_status st = HG_OK;
    for (const struct dirent *e; st == HG_OK && (e = readdir(d));)
        if (e->d_name[0] != '.') st = add_entry(all, x, e->d_name, mem, err);
    closedir(d);
    if (all->n) qsort(all->at, all->n, sizeof *all->at, by_name); /* the same library gives the same index */
    return st;
}

static hg_status forget_unseen(hg_index *x, uint64_t round, hg_err *err) {
    for (;;) {
        uint64_t id;
        bool found;
        HG_TRY(index_int(&id, &found, x, "SELECT id FROM source WHERE seen <> ? LIMIT 1",
                         HG_VALUES(hg_value_int(round)), err));
        if (!found) return HG_OK;
        HG_TRY(forget(x, id, err));
    }
}

static hg_status update(hg_index *x, const entries *all, const hg_hooks *hooks, hg_err *err) {
    uint64_t round;
    bool found;
    HG_TRY(index_int(&round, &found, x, "SELECT coalesce(max(seen), 0) + 1 FROM source", NULL, 0, err));
    for (size_t i = 0; i < all->n; i++) {
        if (!hg_progress(hooks, "index", i, all->n)) return hg_fail(err, HG_ECANCEL, "the index was not finished");
        HG_TRY(update_entry(x, &all->at[i], round, err));
    }
    return forget_unseen(x, round, err);
}

hg_status hg_index_refresh(hg_index *x, const hg_hooks *hooks, hg_err *err) {
    entries all = { .n = 0 };
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? scan(&all, x, mem, err) : no_memory(x->library, err);
    if (st == HG_OK) st = index_begin(x, err);
    if (st == HG_OK) st = index_end(x, update(x, &all, hooks, err), err);
    hg_free(all.at);
    hg_arena_free(mem);
    return st;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

/* Its name, and those that SQLite puts beside it. */
static void remove_file(const char *path) {
    static const char *const beside[] = { "", "-wal", "-shm", "-journal" };
    char name[HG_RACK_PATH + 16];
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        snprintf(name, sizeof name, "%s%s", path, beside[i]);
        unlink(name);
    }
}

/* The file of an earlier time. What is wrong with it does not matter, for all in it can be read again. */
static hg_status open_kept(hg_index *x, const char *path, const hg_hooks *hooks, hg_err *err) {
    const hg_database_opts opts = { .version = VERSION, .schema = SCHEMA };
    if (access(path, F_OK) != 0) return HG_ENOTFOUND;
    hg_status st = hg_database_open(&x->db, path, &opts, err);
    if (st == HG_OK) st = hg_index_refresh(x, hooks, err);
    x->kept = st == HG_OK;
    if (st == HG_OK || st == HG_ENOMEM || st == HG_ECANCEL) return st;
    hg_log(hooks, HG_LOG_DEBUG, "the index of %s is made again: %s", x->library, err ? err->msg : "");
    hg_database_free(x->db);
    x->db = NULL;
    if (st == HG_EDATA) remove_file(path);
    return HG_ENOTFOUND;
}

/* Into a file of another name first, so that nobody opens half of it. */
static hg_status keep(hg_index *x, const char *path) {
    const hg_database_opts opts = { .version = VERSION, .schema = SCHEMA };
    char made[HG_RACK_PATH + 32];
    snprintf(made, sizeof made, "%s-%ld", path, (long)getpid());
    unlink(made);
    HG_TRY(index_run(x, "VACUUM INTO ?", HG_VALUES(hg_value_text(made)), NULL));
    if (rename(made, path) != 0) {
        unlink(made);
        return HG_EIO;
    }
    hg_database *file;
    HG_TRY(hg_database_open(&file, path, &opts, NULL));
    hg_database_free(x->db);
    x->db = file;
    x->kept = true;
    return HG_OK;
}

static hg_status open_in_memory(hg_index *x, const char *path, const hg_hooks *hooks, hg_err *err) {
    const hg_database_opts opts = { .version = VERSION, .schema = SCHEMA, .create = true };
    size_t n;
    HG_TRY(hg_database_open(&x->db, HG_DATABASE_MEMORY, &opts, err));
    HG_TRY(hg_index_refresh(x, hooks, err));
    HG_TRY(hg_index_count(&n, x, err));
    if (n >= HG_INDEX_KEPT_FROM && !x->only && access(path, F_OK) != 0 && keep(x, path) != HG_OK)
        hg_log(hooks, HG_LOG_DEBUG, "%s cannot be written: the index is made at each search", path);
    return HG_OK;
}

/* A pack alone is the only entry of its folder. */
static hg_status set_library(hg_index *x, const char *library, hg_err *err) {
    struct stat st;
    const char *slash = strrchr(library, '/');
    const bool file = stat(library, &st) == 0 && S_ISREG(st.st_mode);
    x->library = !file   ? hg_arena_strdup(x->mem, library)
                 : slash ? hg_arena_strndup(x->mem, library, (size_t)(slash - library) + (slash == library))
                         : ".";
    if (file) x->only = hg_arena_strdup(x->mem, slash ? slash + 1 : library);
    return x->library && (x->only || !file) ? HG_OK : no_memory(library, err);
}

static hg_status open_index(hg_index *x, const char *library, const char *server, const hg_hooks *hooks, hg_err *err) {
    char path[HG_RACK_PATH];
    HG_TRY(set_library(x, library, err));
    if (server) {
        HG_TRY(index_server_open(&x->server, server, library, err));
        return hg_index_refresh(x, hooks, err);
    }
    HG_TRY(hg_folder_path(path, library, HG_INDEX_FILE, err));
    const hg_status st = open_kept(x, path, hooks, err);
    return st == HG_ENOTFOUND ? open_in_memory(x, path, hooks, err) : st;
}

hg_status hg_index_open(hg_index **out, const char *library, const char *server, const hg_hooks *hooks, hg_err *err) {
    *out = NULL;
    hg_arena *mem = hg_arena_new();
    hg_index *x = hg_alloc(mem, 1, sizeof *x);
    if (!x) {
        hg_arena_free(mem);
        return no_memory(library, err);
    }
    x->mem = mem;
    const hg_status st = open_index(x, library, server, hooks, err);
    if (st == HG_OK)
        *out = x;
    else
        hg_index_free(x);
    return st;
}

void hg_index_free(hg_index *x) {
    if (!x) return;
    hg_database_free(x->db);
    index_server_free(x->server);
    hg_arena_free(x->mem);
}

hg_status hg_index_count(size_t *models, hg_index *x, hg_err *err) {
    uint64_t n;
    bool found;
    HG_TRY(index_int(&n, &found, x, "SELECT count(*) FROM model", NULL, 0, err));
    *models = (size_t)n;
    return HG_OK;
}

hg_status hg_index_trouble(const char *const **sentence, size_t *n, hg_index *x, hg_arena *mem, hg_err *err) {
    index_rows q;
    uint64_t count;
    bool row;
    HG_TRY(index_int(&count, &row, x, "SELECT count(*) FROM trouble", NULL, 0, err));
    const char **list = hg_alloc(mem, (size_t)count, sizeof *list);
    *n = 0;
    *sentence = list;
    if (!list) return no_memory(x->library, err);
    HG_TRY(index_rows_begin(&q, x, "SELECT words FROM trouble ORDER BY id", NULL, 0, false, err));
    hg_status st;
    while ((st = index_rows_next(&row, &q, err)) == HG_OK && row && *n < count) {
        st = index_rows_string(&list[*n], &q, 0, mem, err);
        if (st != HG_OK) break;
        ++*n;
    }
    index_rows_end(&q);
    return st;
}
