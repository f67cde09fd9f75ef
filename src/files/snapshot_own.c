/* files/snapshot_own.c -- snapshots as safetensors: all of an hg_snapshot, in a format that others can read; docs/glass.md
 *
 * Arrays are tensors; single facts are notes (__metadata__), texts. The note "hagane_snapshot" is the version and marks the kind of file.
 */
#include "core/number.h"
#include "core/memory.h"
#include "files/json_read.h"
#include "files/safetensors.h"
#include "files/snapshot_file.h"
#include "matter/snapshot.h"
#include <stdio.h>
#include <string.h>

static const char MARK[] = "hagane_snapshot", VERSION[] = "1";

/* Length, '{', and our mark somewhere in the first bytes: notes stand at the front of what we write. */
static bool looks(const unsigned char *head, size_t n) {
    return n > 9 && head[8] == '{' && memmem(head, n, MARK, sizeof MARK - 1) != NULL;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_snapshot_source *f;
    hg_safetensors *t;
    hg_snapshot *s;
} reader;

static hg_status copy(void *to, const reader *r, const char *name, hg_stored_type type, const size_t *shape,
                      size_t rank) {
    const hg_stored *t;
    void *own;
    HG_TRY(hg_safetensors_need(&t, r->t, name, shape, rank, r->f->err));
    if (t->type != type)
        return hg_source_fail(r->f, HG_EDATA, "tensor \"%s\" is of type %s, expected %s", name,
                              hg_stored_type_name(t->type), hg_stored_type_name(type));
    if (!(own = hg_alloc(r->f->mem, t->count, hg_stored_type_size(type)))) return hg_source_no_memory(r->f);
    if (t->count) memcpy(own, t->data, t->count * hg_stored_type_size(type));
    memcpy(to, &own, sizeof own); /* the address of a pointer of any type */
    return HG_OK;
}

static hg_status copy_if_there(void *to, const reader *r, const char *name, hg_stored_type type, const size_t *shape,
                               size_t rank) {
    return hg_safetensors_find(r->t, name) ? copy(to, r, name, type, shape, rank) : HG_OK;
}

/* A note that is a number; *x is left alone where there is none. */
static hg_status number_note(double *x, const reader *r, const char *key) {
    const char *text = hg_safetensors_note(r->t, key);
    if (!text || hg_number_read(x, text, strlen(text), '.') == HG_NUMBER_FINITE) return HG_OK;
    return hg_source_fail(r->f, HG_EDATA, "note \"%s\" is \"%.40s\", expected a number", key, text);
}

static hg_status whole_note(int64_t *x, const reader *r, const char *key) {
    double v = (double)*x;
    HG_TRY(number_note(&v, r, key));
    if (v != nearbyint(v) || fabs(v) > 0x1p53)
        return hg_source_fail(r->f, HG_EDATA, "note \"%s\" is %g, expected a whole number", key, v);
    *x = (int64_t)v;
    return HG_OK;
}

static hg_status text_note(const char **x, const reader *r, const char *key) {
    const char *text = hg_safetensors_note(r->t, key);
    if (text && !(*x = hg_arena_strdup(r->f->mem, text))) return hg_source_no_memory(r->f);
    return HG_OK;
}

static hg_status read_facts(const reader *r) {
    hg_snapshot *s = r->s;
    int64_t runs = 0;
    HG_TRY(text_note(&s->id, r, "id"));
    HG_TRY(text_note(&s->split, r, "split"));
    HG_TRY(number_note(&s->temperature, r, "temperature"));
    HG_TRY(whole_note(&s->liquid, r, "liquid"));
    HG_TRY(whole_note(&runs, r, "runs"));
    if (runs < 0) return hg_source_fail(r->f, HG_EDATA, "%lld runs", (long long)runs);
    s->runs = (size_t)runs;
    return HG_OK;
}

static hg_status read_labels(const reader *r) {
    hg_snapshot *s = r->s;
    const hg_stored *time = hg_safetensors_find(r->t, "time"), *pair = hg_safetensors_find(r->t, "pair");
    if (!time) return HG_OK;
    s->n_times = time->count;
    HG_TRY(copy(&s->time, r, "time", HG_STORED_F64, &time->count, 1));
    const size_t node[2] = { s->n_times, s->n };
    HG_TRY(copy_if_there(&s->propensity, r, "propensity", HG_STORED_F32, node, 2));
    HG_TRY(copy_if_there(&s->propensity_half[0], r, "propensity_even", HG_STORED_F32, node, 2));
    HG_TRY(copy_if_there(&s->propensity_half[1], r, "propensity_odd", HG_STORED_F32, node, 2));
    if (!pair) return HG_OK;
    const size_t n = pair->rank == 2 ? pair->shape[0] : 0, shape[2] = { n, 2 }, edge[2] = { s->n_times, n };
    HG_TRY(copy(&s->pair, r, "pair", HG_STORED_U32, shape, 2));
    s->n_pairs = n;
    HG_TRY(copy(&s->stretch, r, "stretch", HG_STORED_F32, edge, 2));
    HG_TRY(copy_if_there(&s->stretch_half[0], r, "stretch_even", HG_STORED_F32, edge, 2));
    return copy_if_there(&s->stretch_half[1], r, "stretch_odd", HG_STORED_F32, edge, 2);
}

/* Halves come together, and only beside the whole. */
static hg_status check_halves(const reader *r) {
    const hg_snapshot *s = r->s;
    if (!s->propensity_half[0] == !s->propensity_half[1] && !s->stretch_half[0] == !s->stretch_half[1] &&
        (s->propensity || !s->propensity_half[0]))
        return HG_OK;
    return hg_source_fail(r->f, HG_EDATA, "labels of one half of the runs without the other, or without the whole");
}

static hg_status read_tensors(reader *r) {
    const hg_stored *x = hg_safetensors_find(r->t, "x");
    const char *version = hg_safetensors_note(r->t, MARK);
    const double *box = NULL;
    const size_t three = 3;
    if (!version || strcmp(version, VERSION) != 0)
        return hg_source_fail(r->f, HG_EPARSE, "is no snapshot of version %s (note \"%s\")", VERSION, MARK);
    const size_t n = x && x->rank == 2 ? x->shape[0] : 0, vector[2] = { n, 3 }, tensor[2] = { n, 6 };
    if (n == 0) return hg_source_fail(r->f, HG_EDATA, "has no particles: no tensor \"x\" of shape [n,3]");
    if (!(r->s = hg_source_snapshot(r->f, n))) return hg_source_no_memory(r->f);
    HG_TRY(copy(&r->s->species, r, "species", HG_STORED_U8, &n, 1));
    HG_TRY(copy(&r->s->x, r, "x", HG_STORED_F64, vector, 2));
    HG_TRY(copy(&box, r, "box", HG_STORED_F64, &three, 1));
    memcpy(r->s->box, box, sizeof r->s->box);
    HG_TRY(read_facts(r));
    HG_TRY(copy_if_there(&r->s->inherent, r, "inherent", HG_STORED_F64, vector, 2));
    HG_TRY(copy_if_there(&r->s->cage, r, "cage", HG_STORED_F64, vector, 2));
    HG_TRY(copy_if_there(&r->s->cage_covariance, r, "cage_covariance", HG_STORED_F64, tensor, 2));
    HG_TRY(read_labels(r));
    return check_halves(r);
}

static hg_status read_own(hg_snapshot **out, hg_snapshot_source *f) {
    reader r = { .f = f };
    HG_TRY(hg_safetensors_read(&r.t, f->in, f->o->max_bytes, f->err));
    const hg_status st = read_tensors(&r);
    hg_safetensors_free(r.t);
    f->words = "Hagane's snapshot";
    *out = r.s;
    return st;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

enum { TENSORS = 16, NOTES = 8 };

typedef struct {
    hg_stored t[TENSORS];
    size_t shape[TENSORS][2], n;
    hg_stored_note note[NOTES];
    char text[NOTES][HG_NUMBER_SIZE];
    size_t n_notes;
} draft;

/* columns 0: a vector */
static void add(draft *d, const char *name, hg_stored_type type, const void *data, size_t rows, size_t columns) {
    if (!data) return;
    size_t *shape = d->shape[d->n];
    shape[0] = rows;
    shape[1] = columns;
    d->t[d->n++] = (hg_stored) { .name = name,
                                 .type = type,
                                 .rank = columns ? 2 : 1,
                                 .shape = shape,
                                 .count = rows * (columns ? columns : 1),
                                 .data = data };
}

static void note(draft *d, const char *key, const char *text) {
    if (*text) d->note[d->n_notes++] = (hg_stored_note) { key, text };
}

static void note_number(draft *d, const char *key, double x) {
    hg_number_write(d->text[d->n_notes], x);
    note(d, key, d->text[d->n_notes]);
}

static void gather(draft *d, const hg_snapshot *s) {
    add(d, "species", HG_STORED_U8, s->species, s->n, 0);
    add(d, "x", HG_STORED_F64, s->x, s->n, 3);
    add(d, "box", HG_STORED_F64, s->box, 3, 0);
    add(d, "inherent", HG_STORED_F64, s->inherent, s->n, 3);
    add(d, "cage", HG_STORED_F64, s->cage, s->n, 3);
    add(d, "cage_covariance", HG_STORED_F64, s->cage_covariance, s->n, 6);
    note(d, MARK, VERSION);
    note(d, "id", s->id);
    note(d, "split", s->split);
    if (isfinite(s->temperature)) note_number(d, "temperature", s->temperature);
    if (s->liquid >= 0) note_number(d, "liquid", (double)s->liquid);
    if (s->n_times == 0) return;
    note_number(d, "runs", (double)s->runs);
    add(d, "time", HG_STORED_F64, s->time, s->n_times, 0);
    add(d, "propensity", HG_STORED_F32, s->propensity, s->n_times, s->n);
    add(d, "propensity_even", HG_STORED_F32, s->propensity_half[0], s->n_times, s->n);
    add(d, "propensity_odd", HG_STORED_F32, s->propensity_half[1], s->n_times, s->n);
    if (s->n_pairs == 0) return;
    add(d, "pair", HG_STORED_U32, s->pair, s->n_pairs, 2);
    add(d, "stretch", HG_STORED_F32, s->stretch, s->n_times, s->n_pairs);
    add(d, "stretch_even", HG_STORED_F32, s->stretch_half[0], s->n_times, s->n_pairs);
    add(d, "stretch_odd", HG_STORED_F32, s->stretch_half[1], s->n_times, s->n_pairs);
}

static hg_status write_own(hg_output *o, const hg_snapshot *s, hg_err *err) {
    draft *d = hg_calloc(1, sizeof *d);
    if (!d) return hg_fail(err, HG_ENOMEM, "no memory to write a snapshot");
    gather(d, s);
    const hg_status st = hg_safetensors_write_output(o, d->t, d->n, d->note, d->n_notes, err);
    hg_free(d);
    return st;
}

const hg_snapshot_format hg_format_snapshot = {
    .name = "hagane", .suffixes = "safetensors", .looks = looks, .read = read_own, .write = write_own
};
