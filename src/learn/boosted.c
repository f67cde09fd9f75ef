/* learn/boosted.c -- see learn/boosted.h */
#include "learn/boosted.h"
#include "core/memory.h"
#include <math.h>
#include <string.h>

void hg_boosted_free(void *model) {
    hg_boosted *b = model;
    if (!b) return;
    hg_trees_free(&b->t);
    hg_free(b->first);
    hg_free(b);
}

hg_status hg_boosted_new(hg_boosted **out, size_t classes, size_t series, hg_err *err) {
    hg_boosted *b = *out = hg_calloc(1, sizeof *b);
    if (b) b->first = hg_calloc(series + 1, sizeof *b->first);
    if (b && b->first) {
        b->classes = classes;
        b->series = series;
        b->scale = 1;
        return HG_OK;
    }
    hg_boosted_free(b);
    *out = NULL;
    return hg_fail(err, HG_ENOMEM, "no memory for boosted trees");
}

size_t hg_boosted_round(size_t classes) { return classes > 2 ? classes : 1; } /* trees */

hg_status hg_boosted_join(hg_boosted *b, const hg_trees *series, hg_err *err) {
    for (size_t k = 0; k < b->series; k++) b->first[k + 1] = b->first[k] + (uint32_t)series[k].trees;
    return hg_trees_join(&b->t, series, b->series, err);
}

/* ---- predict ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_boosted *b;
    const float *x;
    double *out, *sd;
} asking;

static double sum_of(const hg_boosted *b, size_t series, size_t output, const float *x) {
    const size_t step = hg_boosted_round(b->classes);
    double sum = 0;
    for (size_t k = b->first[series] + output; k < b->first[series + 1]; k += step)
        sum += (double)*hg_trees_leaf(&b->t, k, x);
    return sum;
}

static void ask_number(const asking *a, size_t i) {
    const hg_boosted *b = a->b;
    double mean = 0, square = 0;
    for (size_t s = 0; s < b->series; s++) {
        const double v = sum_of(b, s, 0, a->x + i * b->t.d), off = v - mean;
        mean += off / (double)(s + 1);
        square += off * (v - mean);
    }
    a->out[i] = b->centre + b->scale * mean;
    if (a->sd) a->sd[i] = b->series > 1 ? b->scale * sqrt(square / (double)(b->series - 1)) : (double)NAN;
}

/* Means of the probabilities of the series. */
static void ask_class(const asking *a, size_t i) {
    const hg_boosted *b = a->b;
    double *out = a->out + i * b->classes, p[HG_CLASSES_MOST];
    for (size_t c = 0; c < b->classes; c++) out[c] = 0;
    for (size_t s = 0; s < b->series; s++) {
        double most = -INFINITY, sum = 0;
        p[0] = 0; /* of two classes the first one's logarithm */
        for (size_t c = b->classes > 2 ? 0 : 1; c < b->classes; c++)
            p[c] = sum_of(b, s, b->classes > 2 ? c : 0, a->x + i * b->t.d);
        for (size_t c = 0; c < b->classes; c++) most = fmax(most, p[c]);
        for (size_t c = 0; c < b->classes; c++) sum += p[c] = exp(p[c] - most);
        for (size_t c = 0; c < b->classes; c++) out[c] += p[c] / sum / (double)b->series;
    }
}

static void ask(void *ctx, size_t begin, size_t end, size_t worker) {
    const asking *a = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) a->b->classes ? ask_class(a, i) : ask_number(a, i);
}

hg_status hg_boosted_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                             hg_err *err) {
    enum { ROWS = 32 };
    asking a = { model, rows->x, out, sd };
    (void)err; /* nothing can fail */
    hg_pool_for(pool, rows->n, ROWS, ask, &a);
    return HG_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

hg_status hg_boosted_save(const void *model, hg_shelf *to, hg_err *err) {
    const hg_boosted *b = model;
    const double unit[2] = { b->centre, b->scale };
    const size_t firsts = b->series + 1;
    HG_TRY(hg_shelf_doubles(to, "unit", unit, 2, err));
    HG_TRY(hg_shelf_put(to, "first", HG_STORED_U32, &firsts, 1, b->first, err));
    return hg_trees_save(&b->t, to, err);
}

/* Series follow each other, of whole rounds. */
static hg_status check_series(const hg_boosted *b, hg_err *err) {
    bool ok = b->first[0] == 0 && b->first[b->series] == b->t.trees && b->scale > 0;
    for (size_t k = 0; k < b->series && ok; k++)
        ok = b->first[k + 1] >= b->first[k] && (b->first[k + 1] - b->first[k]) % hg_boosted_round(b->classes) == 0;
    return ok ? HG_OK : hg_fail(err, HG_EDATA, "the weights hold no series of trees");
}

hg_status hg_boosted_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    const hg_stored *first;
    const size_t any = HG_SHELF_ANY;
    double unit[2];
    hg_boosted *b;
    *model = NULL;
    HG_TRY(hg_shelf_get(&first, from, "first", HG_STORED_U32, &any, 1, err));
    if (first->count < 2 || first->count > HG_BOOSTED_SERIES_MOST + 1 || classes > HG_CLASSES_MOST)
        return hg_fail(err, HG_EDATA, "the weights hold no series of trees");
    HG_TRY(hg_boosted_new(&b, classes, first->count - 1, err));
    memcpy(b->first, first->data, first->count * sizeof *b->first);
    hg_status st = hg_shelf_get_doubles(unit, from, "unit", 2, err);
    if (st == HG_OK) b->centre = unit[0], b->scale = unit[1];
    if (st == HG_OK) st = hg_trees_load(&b->t, from, d, 1, err);
    if (st == HG_OK) st = check_series(b, err);
    if (st == HG_OK)
        *model = b;
    else
        hg_boosted_free(b);
    return st;
}
