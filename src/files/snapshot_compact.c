/* files/snapshot_compact.c -- the compact files that BOTAN's and Bapst's samples were stored in; docs/glass.md
 *
 *   4096 bytes: a JSON object, then zeros. Little-endian, type A first:
 *   format "kamd1"   f64 x[n,3]; f64 inherent structure[n,3]; i16 displacement[runs,times,n,3] / disp_scale
 *   no "format"      f64 x[n,3]; f32 propensity[times,n], times in any order     (Bapst et al., Nat. Phys. 16, 448, 2020)
 *
 * The length must be exactly what the header says, so that a file cut short or of another layout is noticed.
 */
#include "core/memory.h"
#include "files/snapshot_facts.h"
#include "files/snapshot_file.h"
#include "matter/snapshot.h"
#include <string.h>

enum { HEADER = 4096 };

static bool looks(const unsigned char *head, size_t n) {
    return n == HEADER && head[0] == '{' && head[HEADER - 1] == 0 && memmem(head, n, "\"N\":", 4) != NULL;
}

typedef struct {
    hg_snapshot_source *f;
    hg_snapshot_facts facts;
    hg_snapshot *s;
    const unsigned char *at; /* what is left of the body */
} reader;

static hg_status read_header(reader *r) {
    hg_snapshot_source *f = r->f;
    char header[HEADER];
    size_t n;
    hg_json_reader j;
    HG_TRY(hg_input_read(&n, f->in, header, sizeof header, f->err));
    if (n < HEADER) return hg_source_fail(f, HG_EPARSE, "ends within its header of %d bytes", HEADER);
    hg_json_read_begin(&j, f->name, header, strnlen(header, HEADER));
    HG_TRY(hg_snapshot_facts_read(&r->facts, &j, f->err));
    HG_TRY(hg_json_read_next(&j, f->err));
    if (r->facts.n_times == 0 || r->facts.runs == 0)
        return hg_source_fail(f, HG_EPARSE, "its header says no times, or no runs");
    if (r->facts.kamd && !(r->facts.scale > 0 && r->facts.scale < 1))
        return hg_source_fail(f, HG_EPARSE, "its header has no disp_scale between 0 and 1");
    return HG_OK;
}

static uint64_t body_size(const hg_snapshot_facts *h) {
    const uint64_t n = h->n; /* <= 2^26, times <= 2^6, runs <= 2^20: no overflow */
    return h->kamd ? n * 48 + n * 6 * h->n_times * h->runs : n * 24 + n * 4 * h->n_times;
}

/* The positions behind r->at, as they are; moved to the nearest image later. */
static void take_reals(double *to, reader *r, size_t n) {
    memcpy(to, r->at, n * sizeof *to);
    r->at += n * sizeof *to;
}

static hg_status take_positions(reader *r) {
    hg_snapshot *s = r->s;
    take_reals(s->x, r, 3 * s->n);
    for (size_t i = 0; i < 3 * s->n; i++)
        if (isfinite(s->x[i])) s->x[i] = hg_wrapped(s->x[i], s->box[i % 3]); /* the check names the others */
    for (size_t i = 0; i < s->n; i++) s->species[i] = i >= r->facts.n_a;
    return HG_OK;
}

static hg_status moved(double *out, void *ctx, size_t t, size_t run) {
    const reader *r = ctx;
    const size_t n = 3 * r->s->n;
    const unsigned char *at = r->at + 2 * n * (run * r->facts.n_times + t);
    for (size_t i = 0; i < n; i++) {
        int16_t x;
        memcpy(&x, at + 2 * i, sizeof x);
        out[i] = (double)x * r->facts.scale;
    }
    return HG_OK;
}

static hg_status read_runs(reader *r) {
    hg_snapshot *s = r->s;
    s->inherent = hg_alloc(r->f->mem, s->n, 3 * sizeof *s->inherent);
    if (!s->inherent) return hg_source_no_memory(r->f);
    take_reals(s->inherent, r, 3 * s->n);
    for (size_t i = 0; i < 3 * s->n; i++) s->inherent[i] = hg_nearest_image(s->inherent[i] - s->x[i], s->box[i % 3]);
    return hg_source_label(r->f, s, r->facts.runs, r->facts.time, r->facts.n_times, moved, r);
}

/* The times of these files need not ascend. */
static hg_status read_propensities(reader *r) {
    hg_snapshot *s = r->s;
    const size_t n = s->n;
    size_t order[HG_FACTS_TIMES];
    s->n_times = r->facts.n_times;
    s->runs = r->facts.runs;
    s->time = hg_alloc(r->f->mem, s->n_times, sizeof *s->time);
    s->propensity = hg_alloc(r->f->mem, s->n_times * n, sizeof *s->propensity);
    if (!s->time || !s->propensity) return hg_source_no_memory(r->f);
    for (size_t t = 0; t < s->n_times; t++) {
        size_t k = t;
        for (; k && r->facts.time[order[k - 1]] > r->facts.time[t]; k--) order[k] = order[k - 1];
        order[k] = t;
    }
    for (size_t t = 0; t < s->n_times; t++) {
        s->time[t] = r->facts.time[order[t]];
        memcpy(s->propensity + t * n, r->at + 4 * order[t] * n, n * sizeof *s->propensity);
    }
    return HG_OK;
}

static hg_status read_body(reader *r) {
    hg_snapshot_source *f = r->f;
    unsigned char more;
    size_t got;
    HG_TRY(hg_input_read(&got, f->in, &more, 1, f->err));
    if (got) return hg_source_fail(f, HG_EPARSE, "has more bytes than its header says");
    if (!(r->s = hg_source_snapshot(f, r->facts.n))) return hg_source_no_memory(f);
    memcpy(r->s->box, r->facts.box, sizeof r->s->box);
    if (!isnan(r->facts.temperature)) r->s->temperature = r->facts.temperature;
    if (*r->facts.split && !(r->s->split = hg_arena_strdup(f->mem, r->facts.split))) return hg_source_no_memory(f);
    r->s->liquid = r->facts.liquid;
    HG_TRY(take_positions(r));
    return r->facts.kamd ? read_runs(r) : read_propensities(r);
}

static hg_status read_compact(hg_snapshot **out, hg_snapshot_source *f) {
    reader r = { .f = f };
    unsigned char *body;
    HG_TRY(read_header(&r));
    const uint64_t size = body_size(&r.facts);
    if (size > f->o->max_bytes)
        return hg_source_fail(f, HG_ELIMIT, "says that it has %llu bytes", (unsigned long long)size);
    HG_TRY(hg_input_take(&body, f->in, (size_t)size, "arrays", f->err));
    r.at = body;
    const hg_status st = read_body(&r);
    hg_free(body);
    f->words = "compact file of a Kob-Andersen snapshot, type A first, Lennard-Jones units";
    *out = r.s;
    return st;
}

const hg_snapshot_format hg_format_compact = {
    .name = "compact", .suffixes = "bin", .looks = looks, .read = read_compact
};
