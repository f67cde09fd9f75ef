/* learn/forest.c -- see learn/forest.h */
#include "learn/forest.h"
#include "core/memory.h"
#include "learn/forest_grow.h"
#include <math.h>
#include <string.h>

enum { ROUND = 8 /* trees a thread between words about progress */, ROWS = 32 /* a task of prediction */ };
static const size_t TREES_MOST = 100000, ROWS_MOST = (size_t)1 << 24 /* floats count exactly up to there */;

hg_forest_opts hg_forest_opts_default(void) {
    return (hg_forest_opts) { .trees = 300, .features = 1, .leaf = 1, .share = 1 };
}

void hg_forest_free(hg_forest *f) {
    hg_trees_free(&f->t);
    *f = (hg_forest) { 0 };
}

/* ---- what trees learn from --------------------------------------------------------------------------------------- */

static hg_status check(const float *x, const double *y, size_t n, size_t d, size_t classes, const hg_forest_opts *o,
                       hg_err *err) {
    if (n == 0 || d == 0) return hg_fail(err, HG_EINVAL, "a forest cannot learn from %zu rows of %zu features", n, d);
    if (n >= ROWS_MOST || d >= INT32_MAX || classes >= ROWS_MOST)
        return hg_fail(err, HG_ELIMIT, "a forest learns from fewer than %zu rows, not %zu", ROWS_MOST, n);
    if (o->trees == 0 || o->trees > TREES_MOST)
        return hg_fail(err, HG_EINVAL, "a forest of %zu trees: 1 to %zu are possible", o->trees, TREES_MOST);
    if (!(o->features > 0 && o->features <= 1) || !(o->share > 0 && o->share <= 1) || o->leaf == 0 ||
        !isfinite(o->balance))
        return hg_fail(err, HG_EINVAL,
                       "a forest with a share %g of the features and %g of the rows, leaves of %zu rows, balance %g",
                       o->features, o->share, o->leaf, o->balance);
    HG_TRY(hg_check_finite("y", y, n, 1, err));
    for (size_t i = 0; i < n; i++)
        if (classes && !(y[i] >= 0 && y[i] < (double)classes && y[i] == floor(y[i])))
            return hg_fail(err, HG_EINVAL, "row %zu has class %g, of %zu classes from 0", i, y[i], classes);
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(x[i]))
            return hg_fail(err, HG_ENAN, "feature %zu of row %zu is not a finite number", i % d, i / d);
    return HG_OK;
}

static void count_classes(double *weight, uint32_t *of_class, const double *y, size_t n, size_t classes,
                          double balance) {
    for (size_t i = 0; i < n; i++) of_class[i] = (uint32_t)y[i];
    for (size_t i = 0; i < n; i++) weight[of_class[i]]++;
    for (size_t k = 0; k < classes; k++) weight[k] = weight[k] > 0 ? pow(weight[k] / (double)n, -balance) : 1;
}

/* y about its mean, by its standard deviation: floats hold the differences then, wherever y stands. */
static void standardise(hg_forest *f, float *out, const double *y, size_t n) {
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++) mean += y[i] / (double)n;
    for (size_t i = 0; i < n; i++) square += (y[i] - mean) * ((y[i] - mean) / (double)n);
    f->centre = mean;
    f->scale = square > 0 && isfinite(square) ? sqrt(square) : 1;
    for (size_t i = 0; i < n; i++) out[i] = (float)((y[i] - mean) / f->scale);
}

/* ---- all trees --------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_growth *of;
    hg_growing *room;    /* [threads] */
    hg_sapling *sapling; /* [trees] */
    bool *failed;        /* [trees] */
    size_t first;        /* tree of this round */
} planting;

static void plant(void *ctx, size_t begin, size_t end, size_t worker) {
    const planting *p = ctx;
    for (size_t k = p->first + begin; k < p->first + end; k++)
        p->failed[k] = !hg_sapling_grow(&p->sapling[k], &p->room[worker], p->of, k);
}

static hg_status plant_all(planting *p, hg_pool *pool, const hg_hooks *hooks, hg_err *err) {
    const size_t threads = hg_pool_threads(pool), trees = p->of->opts.trees;
    for (size_t k = 0; k < threads; k++) HG_TRY(hg_growing_make(&p->room[k], p->of, err));
    for (p->first = 0; p->first < trees; p->first += ROUND * threads) {
        const size_t left = trees - p->first, now = left < ROUND * threads ? left : ROUND * threads;
        if (!hg_progress(hooks, "trees", p->first, trees))
            return hg_fail(err, HG_ECANCEL, "stopped after %zu of %zu trees", p->first, trees);
        hg_pool_for(pool, now, 1, plant, p);
        for (size_t k = p->first; k < p->first + now; k++)
            if (p->failed[k]) return hg_fail(err, HG_ENOMEM, "no memory for tree %zu of %zu rows", k, p->of->n);
    }
    return HG_OK;
}

static hg_status grow_all(hg_trees *t, const hg_growth *of, hg_pool *pool, const hg_hooks *hooks, hg_err *err) {
    const size_t threads = hg_pool_threads(pool), trees = of->opts.trees;
    planting p = { .of = of,
                   .room = hg_calloc(threads, sizeof *p.room),
                   .sapling = hg_calloc(trees, sizeof *p.sapling),
                   .failed = hg_calloc(trees, sizeof *p.failed) };
    hg_status st = p.room && p.sapling && p.failed ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for %zu trees", trees);
    if (st == HG_OK) st = plant_all(&p, pool, hooks, err);
    if (st == HG_OK) st = hg_saplings_gather(t, p.sapling, trees, of->d, of->classes ? of->classes : 1, err);
    for (size_t k = 0; k < threads && p.room; k++) hg_growing_free(&p.room[k]);
    for (size_t k = 0; k < trees && p.sapling; k++) hg_sapling_free(&p.sapling[k]);
    hg_free(p.room);
    hg_free(p.sapling);
    hg_free(p.failed);
    return st;
}

hg_status hg_forest_fit(hg_forest *f, const float *x, const double *y, size_t n, size_t d, size_t classes,
                        const hg_forest_opts *opts, hg_pool *pool, const hg_hooks *hooks, hg_err *err) {
    const hg_forest_opts o = opts ? *opts : hg_forest_opts_default();
    *f = (hg_forest) { .classes = classes, .scale = 1 };
    hg_status st = check(x, y, n, d, classes, &o, err);
    if (st != HG_OK) return hg_forest_free(f), st;
    float *target = hg_malloc(classes ? 0 : n, sizeof *target),
          *columns = hg_malloc(o.best ? n * d : 0, sizeof *columns);
    uint32_t *of_class = hg_malloc(classes ? n : 0, sizeof *of_class);
    double *weight = hg_calloc(classes, sizeof *weight);
    if (target && columns && of_class && weight) {
        hg_growth g = { .x = x, .n = n, .d = d, .classes = classes, .weight = weight, .opts = o };
        g.tries = (size_t)ceil(o.features * (double)d);
        if (classes)
            count_classes(weight, of_class, y, n, classes, o.balance), g.of_class = of_class;
        else
            standardise(f, target, y, n), g.y = target;
        for (size_t i = 0; i < n && o.best; i++)
            for (size_t j = 0; j < d; j++) columns[j * n + i] = x[i * d + j];
        if (o.best) g.columns = columns;
        st = grow_all(&f->t, &g, pool, hooks, err);
    } else {
        st = hg_fail(err, HG_ENOMEM, "no memory for a forest of %zu rows and %zu features", n, d);
    }
    hg_free(target);
    hg_free(columns);
    hg_free(of_class);
    hg_free(weight);
    if (st != HG_OK) hg_forest_free(f);
    return st;
}

/* ---- prediction -------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_forest *f;
    const float *x;
    double *out, *sd;
} asking;

/* Mean and spread of the trees, the sums taken in their order (Welford, Technometrics 4, 419, 1962). */
static void ask_number(const asking *a, size_t i) {
    const hg_trees *t = &a->f->t;
    double mean = 0, square = 0;
    for (size_t k = 0; k < t->trees; k++) {
        const double v = (double)*hg_trees_leaf(t, k, a->x + i * t->d), off = v - mean;
        mean += off / (double)(k + 1);
        square += off * (v - mean);
    }
    a->out[i] = a->f->centre + a->f->scale * mean;
    if (a->sd) a->sd[i] = t->trees > 1 ? a->f->scale * sqrt(square / (double)(t->trees - 1)) : (double)NAN;
}

static void ask_class(const asking *a, size_t i) {
    const hg_trees *t = &a->f->t;
    double *p = a->out + i * t->outputs;
    for (size_t c = 0; c < t->outputs; c++) p[c] = 0;
    for (size_t k = 0; k < t->trees; k++) {
        const float *v = hg_trees_leaf(t, k, a->x + i * t->d);
        for (size_t c = 0; c < t->outputs; c++) p[c] += (double)v[c];
    }
    double sum = 0; /* leaves hold floats: the sum of a leaf is 1 to seven digits */
    for (size_t c = 0; c < t->outputs; c++) sum += p[c];
    for (size_t c = 0; c < t->outputs; c++) p[c] /= sum;
}

static void ask(void *ctx, size_t begin, size_t end, size_t worker) {
    const asking *a = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) a->f->classes ? ask_class(a, i) : ask_number(a, i);
}

void hg_forest_predict(double *out, double *sd, const hg_forest *f, const float *x, size_t n, hg_pool *pool) {
    asking a = { f, x, out, sd };
    hg_pool_for(pool, n, ROWS, ask, &a);
}
