/* files/snapshot_facts.c -- see files/snapshot_facts.h */
#include "files/snapshot_facts.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_PARTICLES = 1 << 26, MOST_RUNS = 1 << 20 };

static hg_status whole(uint64_t *x, hg_json_reader *j, uint64_t most, hg_err *err) {
    HG_TRY(hg_json_read_next(j, err));
    HG_TRY(hg_json_read_whole(x, j, err));
    return *x <= most ? HG_OK
                      : hg_json_read_fail(j, err, HG_ELIMIT, "more than %llu are not read", (unsigned long long)most);
}

static hg_status real(double *x, hg_json_reader *j, hg_err *err) {
    HG_TRY(hg_json_read_next(j, err));
    return hg_json_read_real(x, j, err);
}

/* A text, or a number as it is written. */
static hg_status word(char *out, size_t size, hg_json_reader *j, hg_err *err) {
    HG_TRY(hg_json_read_next(j, err));
    const bool ok = j->event == HG_JSON_NUMBER || (j->event == HG_JSON_STRING && !j->escaped);
    if (!ok || j->len >= size) return hg_json_read_fail(j, err, HG_EPARSE, "expected a short text or a number");
    memcpy(out, j->s, j->len);
    out[j->len] = '\0';
    return HG_OK;
}

static hg_status reals(double *x, size_t *n, size_t most, hg_json_reader *j, hg_err *err) {
    *n = 0;
    HG_TRY(hg_json_read_expect(j, HG_JSON_ARRAY, "a list of numbers", err));
    for (;;) {
        HG_TRY(hg_json_read_next(j, err));
        if (j->event == HG_JSON_ARRAY_END) return HG_OK;
        if (*n == most) return hg_json_read_fail(j, err, HG_ELIMIT, "more than %zu numbers", most);
        HG_TRY(hg_json_read_real(&x[(*n)++], j, err));
    }
}

static hg_status side(hg_snapshot_facts *f, hg_json_reader *j, hg_err *err) {
    double length;
    HG_TRY(real(&length, j, err));
    for (size_t k = 0; k < 3; k++) f->box[k] = length;
    return HG_OK;
}

static hg_status sides(hg_snapshot_facts *f, hg_json_reader *j, hg_err *err) {
    size_t n;
    HG_TRY(reals(f->box, &n, 3, j, err));
    return n == 3 ? HG_OK : hg_json_read_fail(j, err, HG_EPARSE, "a box of %zu lengths, expected 3", n);
}

static hg_status traj(hg_snapshot_facts *f, hg_json_reader *j, hg_err *err) {
    uint64_t x;
    HG_TRY(whole(&x, j, (uint64_t)1 << 53, err));
    f->liquid = (int64_t)x;
    return HG_OK;
}

static hg_status format(hg_snapshot_facts *f, hg_json_reader *j, hg_err *err) {
    HG_TRY(hg_json_read_expect(j, HG_JSON_STRING, "the format", err));
    f->kamd = hg_json_read_is(j, "kamd1");
    return f->kamd ? HG_OK : hg_json_read_fail(j, err, HG_EPARSE, "a format that is not read");
}

static hg_status one(hg_snapshot_facts *f, hg_json_reader *j, hg_err *err) {
    if (hg_json_read_is(j, "format")) return format(f, j, err);
    if (hg_json_read_is(j, "N")) return whole(&f->n, j, MOST_PARTICLES, err);
    if (hg_json_read_is(j, "NA")) return whole(&f->n_a, j, MOST_PARTICLES, err);
    if (hg_json_read_is(j, "R") || hg_json_read_is(j, "ntraj")) return whole(&f->runs, j, MOST_RUNS, err);
    if (hg_json_read_is(j, "nt")) return whole(&f->n_times, j, HG_FACTS_TIMES, err);
    if (hg_json_read_is(j, "npairs")) return whole(&f->n_pairs, j, UINT32_MAX, err);
    if (hg_json_read_is(j, "nodes_offset")) return whole(&f->nodes, j, (uint64_t)1 << 53, err);
    if (hg_json_read_is(j, "edges_offset")) return whole(&f->edges, j, (uint64_t)1 << 53, err);
    if (hg_json_read_is(j, "L")) return side(f, j, err);
    if (hg_json_read_is(j, "box")) return sides(f, j, err);
    if (hg_json_read_is(j, "T")) return real(&f->temperature, j, err);
    if (hg_json_read_is(j, "disp_scale")) return real(&f->scale, j, err);
    if (hg_json_read_is(j, "traj")) return traj(f, j, err);
    if (hg_json_read_is(j, "times")) return reals(f->time, &f->n_listed, HG_FACTS_TIMES, j, err);
    if (hg_json_read_is(j, "id")) return word(f->id, sizeof f->id, j, err);
    if (hg_json_read_is(j, "split")) return word(f->split, sizeof f->split, j, err);
    return hg_json_read_skip(j, err);
}

hg_status hg_snapshot_facts_read_inside(hg_snapshot_facts *out, hg_json_reader *j, hg_err *err) {
    hg_snapshot_facts *f = out;
    *f = (hg_snapshot_facts) { .temperature = (double)NAN, .liquid = -1 };
    for (;;) {
        HG_TRY(hg_json_read_next(j, err));
        if (j->event == HG_JSON_OBJECT_END) break;
        HG_TRY(one(f, j, err));
    }
    if (f->n == 0) return hg_json_read_fail(j, err, HG_EPARSE, "no number of particles (N)");
    if (f->n_a > f->n) return hg_json_read_fail(j, err, HG_EPARSE, "NA is larger than N");
    if (f->n_listed != f->n_times)
        return hg_json_read_fail(j, err, HG_EPARSE, "%zu times, but nt is %llu", f->n_listed,
                                 (unsigned long long)f->n_times);
    for (size_t k = 0; k < 3; k++)
        if (!(f->box[k] > 0)) return hg_json_read_fail(j, err, HG_EPARSE, "no box (L, or box), or one without width");
    if (f->temperature <= 0) return hg_json_read_fail(j, err, HG_EPARSE, "T must be above 0");
    return HG_OK;
}

hg_status hg_snapshot_facts_read(hg_snapshot_facts *out, hg_json_reader *j, hg_err *err) {
    HG_TRY(hg_json_read_expect(j, HG_JSON_OBJECT, "the facts of a snapshot", err));
    return hg_snapshot_facts_read_inside(out, j, err);
}
