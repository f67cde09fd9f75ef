/* files/snapshot_ensemble.c -- a folder with index.json, nodes.bin and edges.bin (both may be .xz): many labelled snapshots in two files
 *
 * Offsets of the index are into the unpacked files, so that one is read by going forward from where the stream stands; a snapshot that lies
 * behind is reached by opening it anew. One snapshot is in memory at a time. Little-endian:
 *   nodes   f32 x[n,3], x_inherent - x[n,3], propensity[times,n], of the even runs, of the odd runs, standard deviation, mean move[times,n,3]
 *   edges   u16 i[pairs], j[pairs]; f16 stretch of the even runs[times,pairs], of the odd runs
 */
#include "core/memory.h"
#include "files/safetensors.h"
#include "files/snapshot_facts.h"
#include "files/snapshot_file.h"
#include "files/whole.h"
#include "matter/snapshot.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { INDEX_MOST = 64 << 20, PIECE = 1 << 16 };

typedef struct {
    const char *path;
    hg_input *in; /* NULL: not open */
    uint64_t at;
} stream;

struct hg_snapshot_ensemble {
    hg_arena *mem;
    hg_snapshot_opts o;
    const char *index;
    stream nodes, edges;
    hg_snapshot_facts *item; /* [n] */
    size_t n, cap;
};

static hg_status no_memory(const char *folder, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory to read %s", folder);
}

/* "folder/name", with .xz when only that is there; empty: neither, or too long. */
static void find(char *out, size_t size, const char *folder, const char *name) {
    struct stat st;
    static const char *const ENDING[] = { "", ".xz", ".gz", ".zst" };
    for (size_t i = 0; i < sizeof ENDING / sizeof *ENDING; i++) {
        const int n = snprintf(out, size, "%s/%s%s", folder, name, ENDING[i]);
        if (n > 0 && (size_t)n < size && stat(out, &st) == 0 && S_ISREG(st.st_mode)) return;
    }
    *out = '\0';
}

bool hg_snapshot_ensemble_looks(const char *folder) {
    char path[4096];
    find(path, sizeof path, folder, "nodes.bin");
    return *path != '\0';
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static hg_status read_index(hg_snapshot_ensemble *e, hg_json_reader *j, hg_err *err) {
    HG_TRY(hg_json_read_expect(j, HG_JSON_ARRAY, "the list of snapshots", err));
    for (;;) {
        HG_TRY(hg_json_read_next(j, err));
        if (j->event == HG_JSON_ARRAY_END) break;
        if (j->event != HG_JSON_OBJECT) return hg_json_read_fail(j, err, HG_EPARSE, "expected the facts of a snapshot");
        if (!hg_grow(&e->item, &e->cap, e->n + 1, sizeof *e->item)) return no_memory(e->index, err);
        hg_snapshot_facts *f = &e->item[e->n];
        HG_TRY(hg_snapshot_facts_read_inside(f, j, err));
        if (!f->kamd || f->n_times == 0 || f->n > UINT16_MAX)
            return hg_json_read_fail(j, err, HG_EPARSE, "expected format kamd1 with times, and at most %d particles",
                                     UINT16_MAX);
        e->n++;
    }
    HG_TRY(hg_json_read_next(j, err));
    return e->n ? HG_OK : hg_fail(err, HG_EDATA, "%s: an empty list", e->index);
}

static hg_status open_index(hg_snapshot_ensemble *e, hg_err *err) {
    void *text;
    size_t n;
    hg_json_reader j;
    HG_TRY(hg_whole_read(&text, &n, e->index, INDEX_MOST, 0, err));
    hg_json_read_begin(&j, e->index, text, n);
    const hg_status st = read_index(e, &j, err);
    hg_whole_free(text, n);
    return st;
}

static hg_status find_files(hg_snapshot_ensemble *e, const char *folder, hg_err *err) {
    static const char *const NAME[] = { "index.json", "nodes.bin", "edges.bin" };
    const char **const to[] = { &e->index, &e->nodes.path, &e->edges.path };
    char path[4096];
    for (size_t i = 0; i < 3; i++) {
        find(path, sizeof path, folder, NAME[i]);
        if (!*path) return hg_fail(err, HG_EIO, "%s: there is no %s in this folder", folder, NAME[i]);
        if (!(*to[i] = hg_arena_strdup(e->mem, path))) return no_memory(folder, err);
    }
    return HG_OK;
}

hg_status hg_snapshot_ensemble_open(hg_snapshot_ensemble **out, const char *folder, const hg_snapshot_opts *o,
                                    hg_err *err) {
    hg_arena *mem = hg_arena_new();
    hg_snapshot_ensemble *e = hg_alloc(mem, 1, sizeof *e);
    *out = NULL;
    if (!e) {
        hg_arena_free(mem);
        return no_memory(folder, err);
    }
    *e = (hg_snapshot_ensemble) { .mem = mem, .o = *o };
    hg_status st = find_files(e, folder, err);
    if (st == HG_OK) st = open_index(e, err);
    if (st != HG_OK) {
        hg_snapshot_ensemble_free(e);
        return st;
    }
    *out = e;
    return HG_OK;
}

size_t hg_snapshot_ensemble_count(const hg_snapshot_ensemble *e) { return e->n; }

const char *hg_snapshot_ensemble_file(const hg_snapshot_ensemble *e, size_t i) {
    const char *const file[] = { e->index, e->nodes.path, e->edges.path };
    return i < sizeof file / sizeof *file ? file[i] : NULL;
}

void hg_snapshot_ensemble_free(hg_snapshot_ensemble *e) {
    if (!e) return;
    hg_input_free(e->nodes.in);
    hg_input_free(e->edges.in);
    hg_free(e->item);
    hg_arena_free(e->mem);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void shut(stream *s) {
    hg_input_free(s->in);
    s->in = NULL;
    s->at = 0;
}

static hg_status skip(stream *s, uint64_t to, hg_err *err) {
    unsigned char piece[PIECE];
    while (s->at < to) {
        const uint64_t left = to - s->at;
        size_t got;
        const size_t want = left < PIECE ? (size_t)left : PIECE;
        HG_TRY(hg_input_read(&got, s->in, piece, want, err));
        s->at += got;
        if (got < want)
            return hg_fail(err, HG_EPARSE, "%s: ends after %llu bytes, before an offset of its index", s->path,
                           (unsigned long long)s->at);
    }
    return HG_OK;
}

/* n bytes at that offset; a failed stream is opened anew next time. */
static hg_status take(unsigned char **out, stream *s, const hg_snapshot_opts *o, uint64_t offset, uint64_t n,
                      hg_err *err) {
    *out = NULL;
    if (n > o->max_bytes || offset > o->max_bytes)
        return hg_fail(err, HG_ELIMIT, "%s: a snapshot at %llu of %llu bytes", s->path, (unsigned long long)offset,
                       (unsigned long long)n);
    if (s->in && s->at > offset) shut(s);
    if (!s->in) {
        hg_input_opts io = hg_input_opts_default();
        io.max_bytes = o->max_bytes;
        HG_TRY(hg_input_open(&s->in, s->path, &io, err));
    }
    hg_status st = skip(s, offset, err);
    if (st == HG_OK) st = hg_input_take(out, s->in, (size_t)n, "arrays", err);
    s->at += n;
    if (st != HG_OK) shut(s);
    return st;
}

static const float *floats(const unsigned char **at, size_t n) {
    const float *x = (const void *)*at; /* every array before it has a multiple of four bytes */
    *at += n * sizeof *x;
    return x;
}

static bool copy_floats(float **to, const unsigned char **at, size_t n, hg_arena *mem) {
    const float *from = floats(at, n);
    if (!(*to = hg_alloc(mem, n, sizeof **to))) return false;
    memcpy(*to, from, n * sizeof **to);
    return true;
}

static bool take_nodes(hg_snapshot *s, const unsigned char *at, hg_arena *mem) {
    const float *x = floats(&at, 3 * s->n), *u = floats(&at, 3 * s->n);
    const size_t labels = s->n_times * s->n;
    s->inherent = hg_alloc(mem, s->n, 3 * sizeof *s->inherent);
    if (!s->inherent) return false;
    for (size_t i = 0; i < 3 * s->n; i++) {
        s->x[i] = isfinite(x[i]) ? hg_wrapped((double)x[i], s->box[i % 3]) : (double)x[i];
        s->inherent[i] = (double)u[i];
    }
    return copy_floats(&s->propensity, &at, labels, mem) && copy_floats(&s->propensity_half[0], &at, labels, mem) &&
           copy_floats(&s->propensity_half[1], &at, labels, mem);
}

static bool take_edges(hg_snapshot *s, const unsigned char *at, hg_arena *mem) {
    const size_t n = s->n_pairs, labels = s->n_times * n;
    const uint16_t *i = (const void *)at, *j = i + n;
    s->pair = hg_alloc(mem, n, 2 * sizeof *s->pair);
    s->stretch = hg_alloc(mem, labels, sizeof *s->stretch);
    if (!s->pair || !s->stretch) return false;
    for (size_t p = 0; p < n; p++) {
        s->pair[2 * p] = i[p];
        s->pair[2 * p + 1] = j[p];
    }
    for (size_t h = 0; h < 2; h++) {
        const hg_stored half = { .type = HG_STORED_F16, .count = labels, .data = j + n + h * labels };
        s->stretch_half[h] = hg_alloc(mem, labels, sizeof(float));
        if (!s->stretch_half[h] || hg_stored_floats(s->stretch_half[h], &half, NULL) != HG_OK) return false;
    }
    for (size_t k = 0; k < labels; k++) s->stretch[k] = (s->stretch_half[0][k] + s->stretch_half[1][k]) / 2;
    return true;
}

static hg_status make(hg_snapshot **out, const hg_snapshot_ensemble *e, const hg_snapshot_facts *f, hg_arena *mem,
                      hg_err *err) {
    hg_snapshot *s = hg_snapshot_new(mem, f->n);
    *out = s;
    if (!s) return no_memory(e->index, err);
    memcpy(s->box, f->box, sizeof s->box);
    s->temperature = isnan(f->temperature) ? e->o.temperature : f->temperature;
    s->id = hg_arena_strdup(mem, f->id);
    s->split = hg_arena_strdup(mem, f->split);
    s->liquid = f->liquid;
    s->runs = f->runs;
    s->n_times = f->n_times;
    s->n_pairs = f->n_pairs;
    s->time = hg_alloc(mem, f->n_times, sizeof *s->time);
    if (!s->id || !s->split || !s->time) return no_memory(e->index, err);
    memcpy(s->time, f->time, f->n_times * sizeof *s->time);
    for (size_t i = 0; i < s->n; i++) s->species[i] = i >= f->n_a;
    return HG_OK;
}

static hg_status read_item(hg_snapshot **out, hg_snapshot_ensemble *e, const hg_snapshot_facts *f, hg_arena *mem,
                           hg_err *err) {
    hg_snapshot *s;
    unsigned char *nodes, *edges;
    HG_TRY(take(&nodes, &e->nodes, &e->o, f->nodes, 4 * f->n * (6 + 7 * f->n_times), err));
    hg_status st = take(&edges, &e->edges, &e->o, f->edges, f->n_pairs * (4 + 4 * f->n_times), err);
    if (st == HG_OK) st = make(&s, e, f, mem, err);
    if (st == HG_OK && (!take_nodes(s, nodes, mem) || !take_edges(s, edges, mem))) st = no_memory(e->index, err);
    hg_free(nodes);
    hg_free(edges);
    HG_TRY(st);
    *out = s;
    return hg_snapshot_check(s, e->o.nearest, 0, err);
}

hg_status hg_snapshot_ensemble_read(hg_snapshot **out, hg_snapshot_ensemble *e, size_t k, hg_arena *mem, hg_err *err) {
    const hg_mark mark = hg_arena_mark(mem);
    const hg_status st = read_item(out, e, &e->item[k], mem, err);
    if (st == HG_OK) return HG_OK;
    hg_arena_reset(mem, mark);
    *out = NULL;
    return st;
}
