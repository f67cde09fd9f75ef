/* library/pack.c -- reading a pack; see library/pack.h and library/pack_format.h */
#include "library/pack.h"
#include "core/memory.h"
#include "core/utf8.h"
#include "library/pack_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 << 10, TROUBLE = 200 };

struct hg_pack {
    hg_arena *mem; /* owns this struct and all names */
    const char *path;
    int fd; /* -1: in memory */
    const unsigned char *bytes;
    uint64_t there;  /* bytes of the file as it lies there */
    uint64_t should; /* as its head says */
    size_t n;
    hg_pack_model *model;
    char trouble[TROUBLE];
};

/* ---- bytes ------------------------------------------------------------------------------------------------------------ */

/* buf[n] from `offset` on; the caller has seen that they lie inside of the file. */
static hg_status read_at(const hg_pack *p, void *buf, size_t n, uint64_t offset, hg_err *err) {
    if (p->fd < 0) {
        memcpy(buf, p->bytes + offset, n);
        return HG_OK;
    }
    for (unsigned char *at = buf; n > 0;) {
        const ssize_t got = pread(p->fd, at, n, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            char text[128];
            return hg_fail(err, HG_EIO, "%s: could not be read: %s", p->path, strerror_r(errno, text, sizeof text));
        }
        if (got == 0) return hg_fail(err, HG_EIO, "%s: became shorter while it was read", p->path);
        at += got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
    return HG_OK;
}

static hg_status damaged(const hg_pack *p, const char *what, hg_err *err) {
    hg_fail(err, HG_EDATA, "%s: damaged: %s", p->path, what);
    return hg_advise(err, HG_EDATA, "fetch it again where it came from");
}

/* ---- names ------------------------------------------------------------------------------------------------------------ */

static bool ends_in(const char *s, const char *end) {
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static hg_status check_name(const char *name, size_t most, const char *what, hg_err *err) {
    const size_t n = strlen(name);
    const char *why = NULL;
    if (n == 0)
        why = "is empty";
    else if (n > most)
        why = "is too long";
    else if (name[0] == '.')
        why = "begins with a dot";
    else if (strchr(name, '/'))
        why = "holds a \"/\"";
    else if (hg_utf8_valid(name, n) != n)
        why = "is not UTF-8";
    for (size_t i = 0; !why && i < n; i++)
        if ((unsigned char)name[i] < 32 || name[i] == 127) why = "holds a control character";
    return why ? hg_fail(err, HG_EINVAL, "\"%s\" cannot be the name of a %s: it %s", name, what, why) : HG_OK;
}

hg_status hg_pack_check_name(const char *name, hg_err *err) {
    HG_TRY(check_name(name, HG_PACK_NAME_MOST, "model", err));
    if (ends_in(name, HG_PACK_SUFFIX))
        return hg_fail(err, HG_EINVAL, "\"%s\" cannot be the name of a model: it is that of a pack", name);
    return HG_OK;
}

hg_status hg_pack_check_file(const char *name, hg_err *err) {
    return check_name(name, HG_PACK_FILE_MOST, "file of a model", err);
}

/* ---- the index -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_pack *p;
    const unsigned char *at, *end;
    char *text; /* where the next name goes; there is room for all */
    uint64_t offset;
} cursor;

/* The next name of n bytes, NUL-terminated; NULL when it is not there, or no name. */
static const char *take_name(cursor *c, size_t n, hg_status (*check)(const char *, hg_err *)) {
    char *name = c->text;
    if ((size_t)(c->end - c->at) < n || memchr(c->at, '\0', n)) return NULL;
    memcpy(name, c->at, n);
    name[n] = '\0';
    c->at += n;
    c->text += n + 1;
    return check(name, NULL) == HG_OK ? name : NULL;
}

static const char *take_file(hg_pack_file *f, cursor *c, uint64_t data_end) {
    if (c->end - c->at < 1) return "its index is cut short";
    const size_t len = *c->at++;
    f->name = take_name(c, len, hg_pack_check_file);
    if (!f->name) return "its index holds a bad name of a file";
    if (c->end - c->at < 8 + PACK_HEX) return "its index is cut short";
    f->size = pack_get(c->at, 8);
    memcpy(f->sha256, c->at + 8, PACK_HEX);
    f->sha256[PACK_HEX] = '\0';
    c->at += 8 + PACK_HEX;
    if (strspn(f->sha256, "0123456789abcdef") != PACK_HEX) return "its index holds no SHA-256 where one must be";
    f->offset = c->offset;
    if (f->size > data_end - f->offset) return "a file is larger than the whole pack";
    const uint64_t next = pack_align(f->offset + f->size); /* no overflow: data_end is far below 2^63 */
    if (next > data_end) return "its files do not fit into it";
    c->offset = next;
    return NULL;
}

static const char *take_model(hg_pack_model *m, hg_pack_file *file, size_t files_left, cursor *c, uint64_t data_end) {
    if (c->end - c->at < 2) return "its index is cut short";
    const size_t len = c->at[0];
    m->n_files = c->at[1];
    m->file = file;
    c->at += 2;
    if (m->n_files == 0 || m->n_files > HG_PACK_FILES_MOST) return "a model has no file, or too many";
    if (m->n_files > files_left) return "its index holds more files than its head says";
    m->name = take_name(c, len, hg_pack_check_name);
    if (!m->name) return "its index holds a bad name of a model";
    for (size_t i = 0; i < m->n_files; i++) {
        const char *why = take_file(&file[i], c, data_end);
        if (why) return why;
        if (i > 0 && strcmp(file[i - 1].name, file[i].name) >= 0) return "the files of a model are not in order";
    }
    return NULL;
}

static hg_status parse_index(hg_pack *p, const unsigned char *index, size_t size, size_t files, hg_err *err) {
    const uint64_t data = pack_align(PACK_HEAD + size), tail = PACK_HEAD + size;
    if (p->n > HG_PACK_MODELS_MOST || files > size / PACK_FILE_LEAST || p->n > size / PACK_MODEL_LEAST ||
        p->should < tail || p->should - tail < data)
        return damaged(p, "its head disagrees with itself", err);
    const uint64_t data_end = p->should - tail;
    hg_pack_file *file = hg_alloc(p->mem, files, sizeof *file);
    p->model = hg_alloc(p->mem, p->n, sizeof *p->model);
    cursor c = { .p = p, .at = index, .end = index + size, .offset = data };
    c.text = hg_alloc(p->mem, size + files + p->n, 1);
    if (!file || !p->model || !c.text) return hg_fail(err, HG_ENOMEM, "no memory for the index of %s", p->path);
    size_t used = 0;
    for (size_t i = 0; i < p->n; i++) {
        const char *why = take_model(&p->model[i], file + used, files - used, &c, data_end);
        if (why) return damaged(p, why, err);
        if (i > 0 && strcmp(p->model[i - 1].name, p->model[i].name) >= 0)
            return damaged(p, "its models are not in order", err);
        used += p->model[i].n_files;
    }
    if (c.at != c.end || used != files || c.offset != data_end)
        return damaged(p, "its index disagrees with its head", err);
    return HG_OK;
}

static hg_status check_head(const hg_pack *p, const unsigned char head[PACK_HEAD], hg_err *err) {
    char hash[HG_HASH_SIZE];
    if (memcmp(head, PACK_MAGIC, 8) != 0) {
        hg_fail(err, HG_EPARSE, "%s: is no pack of models", p->path);
        return hg_advise(err, HG_EPARSE, "a pack is what `hagane models pack` writes");
    }
    const uint64_t version = pack_get(head + PACK_AT_VERSION, 4);
    if (version != HG_PACK_VERSION) {
        hg_fail(err, HG_EREFUSED, "%s: a pack of format %llu, this program reads format %d", p->path,
                (unsigned long long)version, HG_PACK_VERSION);
        return hg_advise(err, HG_EREFUSED, "a newer version of this program may read it");
    }
    HG_TRY(hg_hash_memory(hash, head, PACK_AT_HASH, err));
    if (memcmp(hash, head + PACK_AT_HASH, PACK_HEX) != 0) return damaged(p, "its head", err);
    for (int i = PACK_AT_ZERO; i < PACK_AT_INDEX_HASH; i++)
        if (head[i]) return damaged(p, "its head", err);
    return pack_get(head + 12, 4) ? damaged(p, "its head", err) : HG_OK;
}

/* One copy of head and index; the index stands behind its head at the beginning, in front of it at the end. */
static hg_status read_copy(hg_pack *p, bool at_end, hg_err *err) {
    unsigned char head[PACK_HEAD];
    char hash[HG_HASH_SIZE];
    if (p->there < PACK_HEAD) {
        hg_fail(err, HG_EPARSE, "%s: is no pack of models: it has %llu bytes", p->path, (unsigned long long)p->there);
        return hg_advise(err, HG_EPARSE, "if it should be one, it was cut short: fetch it again");
    }
    HG_TRY(read_at(p, head, PACK_HEAD, at_end ? p->there - PACK_HEAD : 0, err));
    HG_TRY(check_head(p, head, err));
    const uint64_t size = pack_get(head + PACK_AT_INDEX, 8);
    if (size > p->there - PACK_HEAD) return damaged(p, "it is cut short within its index", err);
    unsigned char *index = hg_malloc(size, 1);
    if (!index) return hg_fail(err, HG_ENOMEM, "no memory for the index of %s", p->path);
    hg_status st = read_at(p, index, size, at_end ? p->there - PACK_HEAD - size : PACK_HEAD, err);
    if (st == HG_OK) st = hg_hash_memory(hash, index, size, err);
    if (st == HG_OK && memcmp(hash, head + PACK_AT_INDEX_HASH, PACK_HEX) != 0) st = damaged(p, "its index", err);
    p->should = pack_get(head + PACK_AT_SIZE, 8);
    p->n = pack_get(head + PACK_AT_MODELS, 4);
    if (st == HG_OK && p->should > INT64_MAX / 2) st = damaged(p, "its head disagrees with itself", err);
    if (st == HG_OK) st = parse_index(p, index, size, pack_get(head + PACK_AT_FILES, 4), err);
    hg_free(index);
    return st;
}

/* The copy at the end need not be looked at when the file has the length that the one in front tells. */
static hg_status read_index(hg_pack *p, hg_err *err) {
    const hg_mark mark = hg_arena_mark(p->mem);
    const hg_status st = read_copy(p, false, err);
    if (st == HG_OK && p->there < p->should)
        snprintf(p->trouble, TROUBLE, "cut short: it has %llu of %llu bytes", (unsigned long long)p->there,
                 (unsigned long long)p->should);
    if (st == HG_OK && p->there > p->should)
        snprintf(p->trouble, TROUBLE, "%llu bytes too long", (unsigned long long)(p->there - p->should));
    if (st == HG_OK || st == HG_EIO || st == HG_ENOMEM) return st;
    hg_arena_reset(p->mem, mark);
    if (p->there < PACK_HEAD || read_copy(p, true, NULL) != HG_OK || p->should != p->there) return st;
    hg_err_clear(err);
    snprintf(p->trouble, TROUBLE, "its beginning is damaged; the copy of its index at the end was used");
    return HG_OK;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static hg_status new_pack(hg_pack **out, const char *name, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    hg_pack *p = hg_alloc(mem, 1, sizeof *p);
    if (p) *p = (hg_pack) { .mem = mem, .fd = -1, .path = hg_arena_strdup(mem, name) };
    *out = p && p->path ? p : NULL;
    if (*out) return HG_OK;
    hg_arena_free(mem);
    return hg_fail(err, HG_ENOMEM, "no memory to open %s", name);
}

static hg_status open_file(hg_pack *p, hg_err *err) {
    char text[128];
    struct stat st;
    p->fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe must not hold us up */
    if (p->fd < 0 || fstat(p->fd, &st) != 0)
        return hg_fail(err, HG_EIO, "%s: could not be opened: %s", p->path, strerror_r(errno, text, sizeof text));
    if (!S_ISREG(st.st_mode)) return hg_fail(err, HG_EIO, "%s: is no ordinary file", p->path);
    p->there = (uint64_t)st.st_size;
    return HG_OK;
}

hg_status hg_pack_open(hg_pack **out, const char *path, hg_err *err) {
    hg_pack *p;
    *out = NULL;
    HG_TRY(new_pack(&p, path, err));
    hg_status st = open_file(p, err);
    if (st == HG_OK) st = read_index(p, err);
    if (st == HG_OK)
        *out = p;
    else
        hg_pack_free(p);
    return st;
}

hg_status hg_pack_open_memory(hg_pack **out, const char *name, const void *bytes, size_t n, hg_err *err) {
    hg_pack *p;
    *out = NULL;
    HG_TRY(new_pack(&p, name, err));
    p->bytes = bytes;
    p->there = n;
    const hg_status st = read_index(p, err);
    if (st == HG_OK)
        *out = p;
    else
        hg_pack_free(p);
    return st;
}

void hg_pack_free(hg_pack *p) {
    if (!p) return;
    if (p->fd >= 0) close(p->fd);
    hg_arena_free(p->mem);
}

const char *hg_pack_path(const hg_pack *p) { return p->path; }
size_t hg_pack_models(const hg_pack *p) { return p->n; }
const hg_pack_model *hg_pack_model_at(const hg_pack *p, size_t i) { return i < p->n ? &p->model[i] : NULL; }
const char *hg_pack_trouble(const hg_pack *p) { return p->trouble[0] ? p->trouble : NULL; }

const hg_pack_model *hg_pack_find(const hg_pack *p, const char *name) {
    size_t from = 0, to = p->n;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        const int order = strcmp(name, p->model[middle].name);
        if (order == 0) return &p->model[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

const hg_pack_file *hg_pack_file_of(const hg_pack_model *m, const char *name) {
    for (size_t i = 0; i < m->n_files; i++)
        if (strcmp(m->file[i].name, name) == 0) return &m->file[i];
    return NULL;
}

/* ---- files ------------------------------------------------------------------------------------------------------------ */

static hg_status pass_on(const hg_pack *p, const hg_pack_file *f, unsigned char *piece, hg_hash *hash,
                         hg_pack_sink sink, void *ctx, hg_err *err) {
    for (uint64_t done = 0; done < f->size;) {
        const size_t n = f->size - done < PIECE ? (size_t)(f->size - done) : PIECE;
        HG_TRY(read_at(p, piece, n, f->offset + done, err));
        HG_TRY(hg_hash_add(hash, piece, n, err));
        if (sink) HG_TRY(sink(ctx, piece, n, err));
        done += n;
    }
    return HG_OK;
}

hg_status hg_pack_each(const hg_pack *p, const hg_pack_model *m, const hg_pack_file *f, hg_pack_sink sink, void *ctx,
                       hg_err *err) {
    char hex[HG_HASH_SIZE];
    hg_hash *hash;
    if (f->offset > p->there || f->size > p->there - f->offset) {
        hg_fail(err, HG_EDATA, "%s: cut short: %s of \"%s\" is not in it", p->path, f->name, m->name);
        return hg_advise(err, HG_EDATA, "fetch it again; models that stand before the cut can be used");
    }
    HG_TRY(hg_hash_new(&hash, err));
    unsigned char *piece = hg_malloc(PIECE, 1);
    hg_status st =
        piece ? pass_on(p, f, piece, hash, sink, ctx, err) : hg_fail(err, HG_ENOMEM, "no memory to read %s", p->path);
    if (st == HG_OK) st = hg_hash_hex(hex, hash, err);
    if (st == HG_OK && strcmp(hex, f->sha256) != 0) {
        hg_fail(err, HG_EDATA, "%s: damaged: %s of \"%s\" is not what it was", p->path, f->name, m->name);
        st = hg_advise(err, HG_EDATA, "fetch it again; its other models can be used");
    }
    hg_free(piece);
    hg_hash_free(hash);
    return st;
}

static hg_status keep(void *ctx, const void *bytes, size_t n, hg_err *err) {
    char **to = ctx;
    (void)err;
    memcpy(*to, bytes, n);
    *to += n;
    return HG_OK;
}

hg_status hg_pack_read(const char **bytes, const hg_pack *p, const hg_pack_model *m, const hg_pack_file *f,
                       uint64_t most, hg_arena *mem, hg_err *err) {
    *bytes = NULL;
    if (f->size > most)
        return hg_fail(err, HG_ELIMIT, "%s: %s of \"%s\" has more than %llu bytes", p->path, f->name, m->name,
                       (unsigned long long)most);
    if (f->size > p->there) return hg_pack_each(p, m, f, NULL, NULL, err); /* says why, before memory is asked for */
    char *to = hg_alloc(mem, (size_t)f->size + 1, 1);
    if (!to) return hg_fail(err, HG_ENOMEM, "no memory to read %s", p->path);
    char *at = to;
    HG_TRY(hg_pack_each(p, m, f, keep, &at, err));
    *at = '\0';
    *bytes = to;
    return HG_OK;
}
