/* learn/sources.c -- see learn/sources.h. Evidence as a measure of what a source is worth: MacKay, Neural Computation 4, 415
 * (1992). Each look is a search of hyper-parameters, some 30 Cholesky factors: with fixed ones any column would seem to help,
 * because it adds variance. */
#include "learn/sources.h"
#include "core/memory.h"
#include "learn/affine.h"
#include <math.h>
#include <string.h>

static bool finite_column(const double *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

/* All columns in front of the rows' own; one that is not finite says nothing, as a constant. */
static hg_status put_in_front(hg_rows *out, const hg_rows *rows, const double *const *column, size_t n, hg_arena *mem,
                              hg_err *err) {
    const size_t d = n + rows->d;
    float *x = hg_alloc(mem, rows->n, d * sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory to choose sources");
    for (size_t k = 0; k < n; k++) {
        const bool good = finite_column(column[k], rows->n);
        for (size_t i = 0; i < rows->n; i++) x[i * d + k] = good ? (float)column[k][i] : 0;
    }
    for (size_t i = 0; i < rows->n && rows->d; i++) memcpy(x + i * d + n, rows->x + i * rows->d, rows->d * sizeof *x);
    *out = *rows;
    out->x = x, out->d = d, out->sources = n;
    return HG_OK;
}

/* The best `most` of those worth enough, in their order, and their shares. */
static void take(hg_source_worth *worth, size_t n, size_t most) {
    double sum = 0;
    for (size_t taken = 1; taken <= most; taken++) {
        size_t best = SIZE_MAX;
        for (size_t k = 0; k < n; k++)
            if (!worth[k].order && worth[k].alone >= HG_SOURCE_LEAST &&
                (best == SIZE_MAX || worth[k].alone > worth[best].alone))
                best = k;
        if (best == SIZE_MAX) break;
        worth[best].order = taken;
        sum += worth[best].share = hg_affine_weight(worth[best].alone);
    }
    for (size_t k = 0; k < n; k++)
        if (worth[k].order) worth[k].share /= sum;
}

hg_status hg_sources_choose(hg_source_worth *worth, const hg_rows *rows, const double *const *column, size_t n,
                            size_t most, const hg_learning *how, hg_err *err) {
    hg_rows wide;
    hg_arena *mem = hg_arena_new();
    double *nats = hg_alloc(mem, n, sizeof *nats);
    hg_status st = nats ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to choose sources");
    for (size_t k = 0; k < n; k++) worth[k] = (hg_source_worth) { 0 };
    if (st == HG_OK) st = put_in_front(&wide, rows, column, n, mem, err);
    if (st == HG_OK) st = hg_affine_worth(nats, &wide, how, err);
    for (size_t k = 0; st == HG_OK && k < n; k++) worth[k].alone = nats[k];
    if (st == HG_OK) take(worth, n, most);
    hg_arena_free(mem);
    return st;
}
