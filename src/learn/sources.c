/* learn/sources.c -- see learn/sources.h. Evidence as a measure of what a source is worth: MacKay, Neural Computation 4, 415
 * (1992). Each look is a search of hyper-parameters, some 30 Cholesky factors: with fixed ones any column would seem to help,
 * because it adds variance. */
#include "learn/sources.h"
#include "core/memory.h"
#include "learn/affine.h"
#include <math.h>
#include <string.h>

enum { SPEAKERS = 200 };

typedef struct {
    const double *const *column;
    hg_rows rows;        /* those that speak, without sources */
    const size_t *index; /* [rows.n] in all rows */
    float *x;            /* [rows.n, most + rows.d] */
    size_t *taken, taken_n;
    const hg_learning *how;
} choice;

/* Log evidence with the taken sources and one more (k == SIZE_MAX: none). -INFINITY where there is none. */
static hg_status evidence(double *out, const choice *c, size_t k, hg_err *err) {
    const size_t s = c->taken_n + (k != SIZE_MAX), d = s + c->rows.d;
    hg_rows rows = c->rows;
    for (size_t i = 0; i < rows.n; i++) {
        float *x = c->x + i * d;
        for (size_t j = 0; j < s; j++) x[j] = (float)c->column[j < c->taken_n ? c->taken[j] : k][c->index[i]];
        memcpy(x + s, c->rows.x + i * rows.d, rows.d * sizeof *x);
    }
    rows.x = c->x, rows.d = d, rows.sources = s;
    return hg_affine_evidence(out, &rows, c->how, err);
}

static bool varies(const choice *c, size_t k) {
    const double *x = c->column[k];
    for (size_t i = 0; i < c->rows.n; i++)
        if (!isfinite(x[c->index[i]])) return false;
    for (size_t i = 1; i < c->rows.n; i++)
        if (x[c->index[i]] != x[c->index[0]]) return true;
    return false;
}

/* The best of those not taken yet; *best SIZE_MAX: none. `alone` is filled in the first round. */
static hg_status one_round(size_t *best, double *gain, hg_source_worth *worth, const choice *c, size_t n, double now,
                           hg_err *err) {
    *best = SIZE_MAX;
    *gain = -INFINITY;
    for (size_t k = 0; k < n; k++) {
        double with;
        if (worth[k].order || !varies(c, k)) continue;
        HG_TRY(evidence(&with, c, k, err));
        if (c->taken_n == 0) worth[k].alone = with - now;
        if (with - now > *gain) *gain = with - now, *best = k;
        const hg_hooks *h = c->how->hooks;
        if (h && h->progress && !h->progress(h->user, "choosing sources", k + 1, n))
            return hg_fail(err, HG_ECANCEL, "interrupted");
    }
    return HG_OK;
}

static hg_status choose(hg_source_worth *worth, choice *c, size_t n, size_t most, hg_err *err) {
    double now;
    HG_TRY(evidence(&now, c, SIZE_MAX, err));
    while (c->taken_n < most && c->taken_n < n) {
        size_t best;
        double gain;
        HG_TRY(one_round(&best, &gain, worth, c, n, now, err));
        if (best == SIZE_MAX || gain < HG_SOURCE_GAIN) break;
        c->taken[c->taken_n++] = best;
        worth[best].gain = gain;
        worth[best].order = c->taken_n;
        now += gain;
    }
    return HG_OK;
}

hg_status hg_sources_choose(hg_source_worth *worth, const hg_rows *rows, const double *const *column, size_t n,
                            size_t most, const hg_learning *how, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    if (!mem) return hg_fail(err, HG_ENOMEM, "no memory to choose sources");
    const size_t speakers = rows->n < SPEAKERS ? rows->n : SPEAKERS, width = (most < n ? most : n) + rows->d;
    size_t *index = hg_alloc(mem, rows->n, sizeof *index);
    choice c = { .column = column, .index = index, .how = how };
    c.x = hg_alloc(mem, speakers, width * sizeof *c.x);
    c.taken = hg_alloc(mem, n, sizeof *c.taken);
    hg_status st = index && c.x && c.taken ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to choose sources");
    for (size_t k = 0; k < n; k++) worth[k] = (hg_source_worth) { .alone = 0, .gain = NAN };
    if (st == HG_OK) {
        hg_rng rng = hg_rng_make(how->seed, 0x50ce);
        for (size_t i = 0; i < rows->n; i++) index[i] = i;
        if (speakers < rows->n) hg_rng_shuffle(&rng, index, rows->n);
        st = hg_rows_take(&c.rows, rows, index, speakers, mem, err);
    }
    if (st == HG_OK) st = choose(worth, &c, n, most, err);
    hg_arena_free(mem);
    return st;
}
