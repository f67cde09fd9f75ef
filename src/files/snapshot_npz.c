/* files/snapshot_npz.c -- BOTAN's own files (.npz): h3-Open-BDEC/pyg_botan, load_data.py
 *
 *   types[n] 0 or 1; initial_positions[n,3]; positions[runs,n,3], not wrapped; or positions[times,runs,n,3] with times[times]
 *
 * The box is not in the file: as in their program it is a cube of number density 1.2, unless there is an array "box". Neither is the time: it is
 * given, or told by the name for the one file name whose time is published (tc07 at T = 0.44 is tau_alpha = 4120).
 */
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "files/ndarray.h"
#include "files/snapshot_file.h"
#include "matter/snapshot.h"
#include <string.h>

static const double DENSITY = 1.2;
enum { TIMES = 256 };

typedef struct {
    hg_snapshot_source *f;
    const unsigned char *bytes;
    size_t n;
    hg_ndarray types, start, positions, times, box;
    double time[TIMES];
    size_t n_times, runs;
} reader;

static bool looks(const unsigned char *head, size_t n) { return n > 4 && memcmp(head, "PK\3\4", 4) == 0; }

static hg_status need(hg_ndarray *a, const reader *r, const char *key) {
    hg_snapshot_source *f = r->f;
    const size_t most = f->o->max_bytes < SIZE_MAX / 2 ? (size_t)f->o->max_bytes : SIZE_MAX / 2;
    const hg_status st = hg_npz_read(a, f->name, r->bytes, r->n, key, most, f->scratch, f->err);
    if (st != HG_ENOTFOUND) return st;
    return hg_advise(f->err, HG_ENOTFOUND, "BOTAN's files have types, initial_positions and positions");
}

static hg_status maybe(hg_ndarray *a, const reader *r, const char *key) {
    const hg_status st = need(a, r, key);
    if (st != HG_ENOTFOUND) return st;
    *a = (hg_ndarray) { .data = NULL };
    hg_err_clear(r->f->err);
    return HG_OK;
}

/* The number behind "T" or "_T" in the file's name: isoconfig_N4096T0.44_401_tc07.npz. NaN: none. */
static double temperature_of(const char *name) {
    const char *slash = strrchr(name, '/');
    for (const char *at = slash ? slash + 1 : name; (at = strchr(at, 'T')) != NULL; at++) {
        double x;
        const size_t n = strspn(at + 1, "0123456789.");
        const size_t whole = n && at[n] == '.' ? n - 1 : n;
        if (memchr(at + 1, '.', whole) && hg_number_read(&x, at + 1, whole, '.') == HG_NUMBER_FINITE && x > 0) return x;
    }
    return (double)NAN;
}

static bool known_time(double *time, const char *name, double temperature) {
    *time = 4120;
    return temperature == 0.44 && strstr(name, "tc07") != NULL;
}

static hg_status wrong(const reader *r, const char *key, const char *expected) {
    return hg_source_fail(r->f, HG_EDATA, "array \"%s\" is of another shape than %s", key, expected);
}

static hg_status check_shapes(reader *r) {
    const size_t n = r->types.count;
    if (r->types.rank != 1 || n == 0 || r->types.kind == 'f') return wrong(r, "types", "[n] whole numbers");
    if (!hg_ndarray_is(&r->start, 2, (const size_t[]) { n, 3 })) return wrong(r, "initial_positions", "[n,3]");
    const hg_ndarray *p = &r->positions;
    const bool many = p->rank == 4;
    if ((p->rank != 3 && !many) || p->shape[p->rank - 2] != n || p->shape[p->rank - 1] != 3 || p->count == 0)
        return wrong(r, "positions", "[runs,n,3]");
    r->runs = p->shape[many];
    if (!many) return HG_OK;
    if (!r->times.data || !hg_ndarray_is(&r->times, 1, p->shape) || p->shape[0] > TIMES)
        return wrong(r, "times", "[times], as many as the first of positions");
    r->n_times = p->shape[0];
    for (size_t t = 0; t < r->n_times; t++) r->time[t] = hg_ndarray_at(&r->times, t);
    for (size_t t = 0; t < r->n_times; t++)
        if (!(r->time[t] > (t ? r->time[t - 1] : 0))) return wrong(r, "times", "numbers above 0 that ascend");
    return HG_OK;
}

static hg_status settle_time(reader *r, double temperature) {
    if (r->n_times) return HG_OK;
    r->n_times = 1;
    r->time[0] = r->f->o->label_time;
    if (isnan(r->time[0]) && !known_time(&r->time[0], r->f->name, temperature)) r->n_times = 0;
    return HG_OK;
}

static hg_status moved(double *out, void *ctx, size_t t, size_t run) {
    const reader *r = ctx;
    const size_t n = r->start.count, from = (t * r->runs + run) * n;
    for (size_t i = 0; i < n; i++) {
        out[i] = hg_ndarray_at(&r->positions, from + i) - hg_ndarray_at(&r->start, i);
        if (!isfinite(out[i]))
            return hg_source_fail(r->f, HG_ENAN, "position %zu of run %zu is not a finite number", i / 3 + 1, run + 1);
    }
    return HG_OK;
}

static hg_status take_box(double box[3], const reader *r) {
    const double side = cbrt((double)r->types.count / DENSITY);
    for (size_t k = 0; k < 3; k++) box[k] = side;
    if (!r->box.data) return HG_OK;
    if (r->box.count != 1 && r->box.count != 3) return wrong(r, "box", "one length or three");
    for (size_t k = 0; k < 3; k++) {
        box[k] = hg_ndarray_at(&r->box, r->box.count == 3 ? k : 0);
        if (!(box[k] > 0) || isinf(box[k])) return hg_source_fail(r->f, HG_EDATA, "a box without width");
    }
    return HG_OK;
}

static hg_status say(const reader *r) {
    char time[HG_NUMBER_SIZE];
    hg_text t = hg_text_new(0);
    hg_text_add(&t, "BOTAN's .npz: %s, ", r->box.data ? "the box is its own" : "a cube of number density 1.2");
    if (r->n_times) hg_number_write(time, r->time[0]);
    if (r->n_times == 1)
        hg_text_add(&t, "labels are at t = %s", time);
    else
        hg_text_add(&t,
                    r->n_times ? "labels at %zu times"
                               : "labels left out: the file does not say their time, --label-time says it",
                    r->n_times);
    r->f->words = t.failed ? NULL : hg_arena_strdup(r->f->mem, t.s);
    hg_text_free(&t);
    return r->f->words ? HG_OK : hg_source_no_memory(r->f);
}

static hg_status fill(hg_snapshot **out, reader *r) {
    hg_snapshot_source *f = r->f;
    HG_TRY(need(&r->types, r, "types"));
    HG_TRY(need(&r->start, r, "initial_positions"));
    HG_TRY(need(&r->positions, r, "positions"));
    HG_TRY(maybe(&r->times, r, "times"));
    HG_TRY(maybe(&r->box, r, "box"));
    HG_TRY(check_shapes(r));
    hg_snapshot *s = hg_source_snapshot(f, r->types.count);
    if (!s) return hg_source_no_memory(f);
    HG_TRY(take_box(s->box, r));
    const double temperature = temperature_of(f->name);
    if (isnan(s->temperature)) s->temperature = temperature;
    HG_TRY(settle_time(r, temperature));
    for (size_t i = 0; i < s->n; i++) {
        const double type = hg_ndarray_at(&r->types, i);
        if (!(type >= 0 && type < HG_SPECIES_MOST))
            return hg_source_fail(f, HG_EDATA, "particle %zu is of type %g, expected 0 (A) or 1 (B)", i + 1, type);
        s->species[i] = (uint8_t)type;
    }
    for (size_t i = 0; i < 3 * s->n; i++) {
        const double x = hg_ndarray_at(&r->start, i);
        s->x[i] = isfinite(x) ? hg_wrapped(x, s->box[i % 3]) : x;
    }
    *out = s;
    HG_TRY(say(r));
    return r->n_times ? hg_source_label(f, s, r->runs, r->time, r->n_times, moved, r) : HG_OK;
}

static hg_status read_npz(hg_snapshot **out, hg_snapshot_source *f) {
    reader r = { .f = f };
    unsigned char *bytes;
    HG_TRY(hg_source_whole(&bytes, &r.n, f));
    r.bytes = bytes;
    const hg_status st = fill(out, &r);
    hg_free(bytes);
    return st;
}

const hg_snapshot_format hg_format_npz = { .name = "npz", .suffixes = "npz", .looks = looks, .read = read_npz };
