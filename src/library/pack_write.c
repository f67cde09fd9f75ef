/* library/pack_write.c -- writing a pack; see library/pack.h and library/pack_format.h
 *
 * Sizes and hashes are known before the first byte is written, so the index can stand in front; the bytes are compared
 * with them on their way.
 */
#include "core/memory.h"
#include "files/output.h"
#include "library/pack.h"
#include "library/pack_format.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    const hg_packing *model;
    size_t n_files;
    size_t file[HG_PACK_FILES_MOST]; /* in the order of their names */
} ordered;

typedef struct {
    hg_output *out;
    unsigned char head[PACK_HEAD];
    unsigned char *index;
    size_t index_size;
} packing;

/* ---- order ------------------------------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b) {
    return strcmp(((const ordered *)a)->model->name, ((const ordered *)b)->model->name);
}

static hg_status order_files(ordered *o, hg_err *err) {
    const hg_packing *m = o->model;
    HG_TRY(hg_pack_check_name(m->name, err));
    if (m->n_files == 0 || m->n_files > HG_PACK_FILES_MOST)
        return hg_fail(err, HG_ELIMIT, "\"%s\" has %zu files, expected 1 to %d", m->name, m->n_files,
                       HG_PACK_FILES_MOST);
    for (size_t i = 0; i < m->n_files; i++) {
        size_t at = i;
        HG_TRY(hg_pack_check_file(m->file[i].name, err));
        for (; at > 0 && strcmp(m->file[o->file[at - 1]].name, m->file[i].name) > 0; at--)
            o->file[at] = o->file[at - 1];
        o->file[at] = i;
        if (at > 0 && strcmp(m->file[o->file[at - 1]].name, m->file[i].name) == 0)
            return hg_fail(err, HG_EINVAL, "\"%s\" has two files \"%s\"", m->name, m->file[i].name);
    }
    o->n_files = m->n_files;
    return HG_OK;
}

static hg_status order_models(ordered *o, const hg_packing *models, size_t n, hg_err *err) {
    for (size_t i = 0; i < n; i++) {
        o[i].model = &models[i];
        HG_TRY(order_files(&o[i], err));
    }
    if (n) qsort(o, n, sizeof *o, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(o[i - 1].model->name, o[i].model->name) == 0)
            return hg_fail(err, HG_EINVAL, "there are two models \"%s\"", o[i].model->name);
    return HG_OK;
}

/* ---- head and index --------------------------------------------------------------------------------------------------- */

static size_t index_size(const ordered *o, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        size += 2 + strlen(o[i].model->name);
        for (size_t k = 0; k < o[i].n_files; k++) size += 1 + strlen(o[i].model->file[k].name) + 8 + PACK_HEX;
    }
    return size;
}

static unsigned char *put_name(unsigned char *at, const char *name) {
    const size_t n = strlen(name);
    memcpy(at, name, n);
    return at + n;
}

static void fill_index(unsigned char *at, const ordered *o, size_t n) {
    for (size_t i = 0; i < n; i++) {
        *at++ = (unsigned char)strlen(o[i].model->name);
        *at++ = (unsigned char)o[i].n_files;
        at = put_name(at, o[i].model->name);
        for (size_t k = 0; k < o[i].n_files; k++) {
            const hg_pack_file *f = &o[i].model->file[o[i].file[k]];
            *at++ = (unsigned char)strlen(f->name);
            at = put_name(at, f->name);
            pack_put(at, 8, f->size);
            memcpy(at + 8, f->sha256, PACK_HEX);
            at += 8 + PACK_HEX;
        }
    }
}

static hg_status fill_head(packing *p, const ordered *o, size_t n, hg_err *err) {
    char hash[HG_HASH_SIZE];
    uint64_t end = pack_align(PACK_HEAD + p->index_size);
    size_t files = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < o[i].n_files; k++) {
            const uint64_t size = o[i].model->file[o[i].file[k]].size;
            if (size > INT64_MAX / 4 - end) return hg_fail(err, HG_ELIMIT, "the models are too large for one pack");
            end = pack_align(end + size);
        }
        files += o[i].n_files;
    }
    memcpy(p->head, PACK_MAGIC, 8);
    pack_put(p->head + PACK_AT_VERSION, 4, HG_PACK_VERSION);
    pack_put(p->head + PACK_AT_SIZE, 8, end + p->index_size + PACK_HEAD);
    pack_put(p->head + PACK_AT_INDEX, 8, p->index_size);
    pack_put(p->head + PACK_AT_MODELS, 4, n);
    pack_put(p->head + PACK_AT_FILES, 4, files);
    HG_TRY(hg_hash_memory(hash, p->index, p->index_size, err));
    memcpy(p->head + PACK_AT_INDEX_HASH, hash, PACK_HEX);
    HG_TRY(hg_hash_memory(hash, p->head, PACK_AT_HASH, err));
    memcpy(p->head + PACK_AT_HASH, hash, PACK_HEX);
    return HG_OK;
}

/* ---- data ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_output *out;
    hg_hash *hash;
    uint64_t left;
} passage;

static hg_status pass(void *ctx, const void *bytes, size_t n, hg_err *err) {
    passage *p = ctx;
    if (n > p->left) return hg_fail(err, HG_EDATA, "it became longer while it was read");
    p->left -= n;
    HG_TRY(hg_hash_add(p->hash, bytes, n, err));
    return hg_output_write(p->out, bytes, n, err);
}

static hg_status pad(hg_output *out, uint64_t size, hg_err *err) {
    static const unsigned char zero[PACK_ALIGN];
    return hg_output_write(out, zero, (size_t)(pack_align(size) - size), err);
}

static hg_status write_file(packing *p, const hg_packing *m, size_t i, hg_err *err) {
    const hg_pack_file *f = &m->file[i];
    passage way = { .out = p->out, .left = f->size };
    char hex[HG_HASH_SIZE];
    HG_TRY(hg_hash_new(&way.hash, err));
    hg_status st = m->each(m->ctx, i, pass, &way, err);
    if (st == HG_OK) st = hg_hash_hex(hex, way.hash, err);
    hg_hash_free(way.hash);
    HG_TRY(st);
    if (way.left > 0 || strcmp(hex, f->sha256) != 0)
        return hg_fail(err, HG_EDATA, "%s of \"%s\" changed while it was packed", f->name, m->name);
    return pad(p->out, f->size, err);
}

static hg_status write_all(packing *p, const ordered *o, size_t n, hg_err *err) {
    HG_TRY(hg_output_write(p->out, p->head, PACK_HEAD, err));
    HG_TRY(hg_output_write(p->out, p->index, p->index_size, err));
    HG_TRY(pad(p->out, PACK_HEAD + p->index_size, err));
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < o[i].n_files; k++) HG_TRY(write_file(p, o[i].model, o[i].file[k], err));
    HG_TRY(hg_output_write(p->out, p->index, p->index_size, err));
    HG_TRY(hg_output_write(p->out, p->head, PACK_HEAD, err));
    return hg_output_commit(p->out, err);
}

static hg_status write_ordered(packing *p, const char *path, const ordered *o, size_t n, hg_err *err) {
    p->index_size = index_size(o, n);
    p->index = hg_malloc(p->index_size, 1);
    if (!p->index) return hg_fail(err, HG_ENOMEM, "no memory for the index of %s", path);
    fill_index(p->index, o, n);
    HG_TRY(fill_head(p, o, n, err));
    HG_TRY(hg_output_new(&p->out, path, NULL, err));
    return write_all(p, o, n, err);
}

hg_status hg_pack_write(const char *path, const hg_packing *models, size_t n, hg_err *err) {
    packing p = { .out = NULL };
    if (n > HG_PACK_MODELS_MOST) return hg_fail(err, HG_ELIMIT, "%zu models, at most %d", n, HG_PACK_MODELS_MOST);
    ordered *o = hg_calloc(n, sizeof *o);
    if (!o) return hg_fail(err, HG_ENOMEM, "no memory for %zu models", n);
    hg_status st = order_models(o, models, n, err);
    if (st == HG_OK) st = write_ordered(&p, path, o, n, err);
    hg_output_free(p.out);
    hg_free(p.index);
    hg_free(o);
    return st;
}
