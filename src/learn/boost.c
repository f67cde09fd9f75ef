/* learn/boost.c -- the learner "boost": series of trees by XGBoost (learn/xgb.h), several of them, averaged
 *
 * The rows are cut into parts, groups whole, eight of them or one for each series. Each series learns from all parts but one of its own, and
 * stops when that one is predicted no better: so the number of rounds is chosen, each row is learned from, and the spread of the series says how far they agree. Series run side by side,
 * one a thread.
 */
#include "core/memory.h"
#include "learn/boosted.h"
#include "learn/records.h"
#include "learn/xgb.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* ---- options ----------------------------------------------------------------------------------------------------- */

enum { SERIES, ROUNDS, RATE, DEPTH, SHARE_ROWS, SHARE_COLUMNS, LAMBDA, LEAF, LOSS, PATIENCE, BALANCE, OPTIONS };

enum { PARTS = 8 /* at least */, HELD_LEAST = 5 /* rows */ };

static const hg_train_option THE_OPTIONS[OPTIONS] = {
    [SERIES] = { "series", "", 4, 1, HG_BOOSTED_SERIES_MOST, true, "series of trees that are averaged" },
    [ROUNDS] = { "rounds", "", 3000, 1, 100000, true, "trees in a series at most" },
    [RATE] = { "rate", "", 0.05, 1e-4, 1, false, "by which each tree counts" },
    [DEPTH] = { "depth", "", 6, 1, HG_XGB_DEPTH_MOST, true, "questions behind each other at most" },
    [SHARE_ROWS] = { "rows", "", 0.8, 0.01, 1, false, "share of the rows that a tree sees" },
    [SHARE_COLUMNS] = { "columns", "", 0.25, 0.001, 1, false, "share of the columns that a level of a tree sees" },
    [LAMBDA] = { "lambda", "", 1, 0, 1e6, false, "penalty on the squares of what leaves say" },
    [LEAF] = { "leaf", "", 2, 0, 1e6, false, "weight of the rows in a leaf at least" },
    [LOSS] = { "loss", "", HG_XGB_HUBER, 0, HG_XGB_LOSSES - 1, true,
               "of numbers; 0: squares, 1: pseudo-Huber, forgiving" },
    [PATIENCE] = { "patience", "", 50, 1, 10000, true, "rounds without gain on held-out rows before it stops" },
    [BALANCE] = { "balance", "", 0, 0, 1, false, "classes: 1 gives each class the same weight, 0 each row" },
};

/* ---- fit --------------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_rows *rows;
    const hg_learning *how;
    hg_xgb_opts opts;
    const float *y, *weight; /* [n] */
    const size_t *part;      /* [n]; all 0 when nothing is held out */
    bool hold;
    hg_trees *series; /* [n_series] */
    size_t n_series;
    hg_status *st;
    hg_err *err; /* [n_series] */
    atomic_bool stop;
} fitting;

typedef struct {
    fitting *f;
    size_t worker;
} watching;

/* Words go out from the caller's own thread alone. */
static bool go_on(void *ctx, size_t round) {
    const watching *w = ctx;
    fitting *f = w->f;
    if (w->worker == 0 && round % 10 == 0 && !hg_progress(f->how->hooks, "rounds", round, f->opts.rounds))
        atomic_store(&f->stop, true);
    return !atomic_load(&f->stop);
}

typedef struct {
    float *x, *y, *weight;
    size_t n;
} copy;

static bool copy_rows(copy *c, const fitting *f, size_t series, bool held) {
    const size_t d = f->rows->d;
    for (size_t i = 0; i < f->rows->n; i++) c->n += (f->hold && f->part[i] == series) == held;
    c->x = hg_malloc(c->n, d * sizeof *c->x);
    c->y = hg_malloc(c->n, sizeof *c->y);
    c->weight = hg_malloc(c->n, sizeof *c->weight);
    if (!c->x || !c->y || !c->weight) return false;
    for (size_t i = 0, k = 0; i < f->rows->n; i++) {
        if ((f->hold && f->part[i] == series) != held) continue;
        memcpy(c->x + k * d, f->rows->x + i * d, d * sizeof *c->x);
        c->y[k] = f->y[i];
        c->weight[k++] = f->weight[i];
    }
    return true;
}

static void free_copy(copy *c) {
    hg_free(c->x);
    hg_free(c->y);
    hg_free(c->weight);
}

static hg_status fit_series(fitting *f, size_t k, size_t worker, hg_err *err) {
    copy train = { 0 }, held = { 0 };
    hg_xgb_opts o = f->opts;
    hg_rng r = hg_rng_make(f->how->seed, k);
    o.seed = (uint32_t)hg_rng_below(&r, (size_t)1 << 31);
    watching w = { f, worker };
    hg_status st = HG_ENOMEM;
    if (copy_rows(&train, f, k, false) && copy_rows(&held, f, k, true)) {
        const hg_xgb_rows a = { train.n, train.x, train.y, train.weight }, b = { held.n, held.x, held.y, held.weight };
        st = hg_xgb_fit(&f->series[k], &a, &b, f->rows->d, f->rows->classes, &o, &(hg_xgb_watch) { go_on, &w }, err);
    } else {
        hg_fail(err, st, "no memory for a copy of %zu rows", f->rows->n);
    }
    free_copy(&train);
    free_copy(&held);
    return st;
}

static void fit_task(void *ctx, size_t begin, size_t end, size_t worker) {
    fitting *f = ctx;
    for (size_t k = begin; k < end; k++) {
        f->st[k] = fit_series(f, k, worker, &f->err[k]);
        if (f->st[k] != HG_OK) atomic_store(&f->stop, true);
    }
}

/* The first series that failed by itself, not because another one did. */
static hg_status outcome(const fitting *f, hg_err *err) {
    const hg_err *of = NULL;
    for (size_t k = 0; k < f->n_series; k++)
        if (f->st[k] != HG_OK && (!of || (of->code == HG_ECANCEL && f->st[k] != HG_ECANCEL))) of = &f->err[k];
    if (!of) return HG_OK;
    if (err) *err = *of;
    return of->code;
}

/* Numbers to mean 0 and standard deviation 1; classes as they are, with their weights. */
static void prepare(float *y, float *weight, hg_boosted *b, const hg_rows *rows, double balance) {
    const size_t n = rows->n;
    double mean = 0, square = 0, times[HG_CLASSES_MOST] = { 0 };
    for (size_t i = 0; i < n; i++) mean += rows->y[i] / (double)n;
    for (size_t i = 0; i < n; i++) square += (rows->y[i] - mean) * ((rows->y[i] - mean) / (double)n);
    if (!rows->classes) {
        b->centre = mean;
        if (square > 0 && isfinite(square)) b->scale = sqrt(square);
    }
    for (size_t i = 0; i < n && rows->classes; i++) times[(size_t)rows->y[i]]++;
    for (size_t i = 0; i < n; i++) {
        y[i] = (float)((rows->y[i] - b->centre) / b->scale);
        weight[i] = 1;
        if (rows->classes)
            weight[i] = (float)pow(times[(size_t)rows->y[i]] * (double)rows->classes / (double)n, -balance);
    }
}

static hg_status take_all(hg_boosted *b, const fitting *f, hg_err *err) {
    HG_TRY(outcome(f, err));
    return hg_boosted_join(b, f->series, err);
}

static hg_status check_rows(const hg_rows *rows, hg_err *err) {
    if (hg_xgb_missing()) return hg_fail(err, HG_ENOTFOUND, "boost %s", hg_xgb_missing());
    if (rows->n == 0 || rows->d == 0)
        return hg_fail(err, HG_EINVAL, "boost cannot learn from %zu rows of %zu columns", rows->n, rows->d);
    for (size_t i = 0; i < rows->n && rows->classes; i++)
        if (!(rows->y[i] >= 0 && rows->y[i] < (double)rows->classes))
            return hg_fail(err, HG_EINVAL, "row %zu has class %g, of %zu classes from 0", i, rows->y[i], rows->classes);
    return HG_OK;
}

static hg_xgb_opts read_options(const double *option) {
    return (hg_xgb_opts) { .rounds = (size_t)option[ROUNDS],
                           .patience = (size_t)option[PATIENCE],
                           .rate = option[RATE],
                           .depth = (size_t)option[DEPTH],
                           .rows = option[SHARE_ROWS],
                           .columns = option[SHARE_COLUMNS],
                           .lambda = option[LAMBDA],
                           .leaf = option[LEAF],
                           .loss = (hg_xgb_loss)option[LOSS] };
}

static hg_status fit_all(hg_boosted *b, fitting *f, hg_err *err) {
    const size_t n = f->rows->n;
    float *y = hg_malloc(n, sizeof *y), *weight = hg_malloc(n, sizeof *weight);
    size_t *part = hg_calloc(n, sizeof *part);
    f->series = hg_calloc(b->series, sizeof *f->series);
    f->st = hg_calloc(b->series, sizeof *f->st);
    f->err = hg_calloc(b->series, sizeof *f->err);
    hg_status st = HG_OK;
    if (!y || !weight || !part || !f->series || !f->st || !f->err)
        st = hg_fail(err, HG_ENOMEM, "no memory for %zu series of trees", b->series);
    if (st == HG_OK) {
        const size_t wanted = b->series > PARTS ? b->series : PARTS,
                     parts = hg_rows_split(part, f->rows, wanted, f->how->seed);
        if (parts == 0) st = hg_fail(err, HG_ENOMEM, "no memory for parts of %zu rows", n);
        f->hold = parts == wanted && n >= HELD_LEAST * wanted;
    }
    if (st == HG_OK) {
        prepare(y, weight, b, f->rows, f->how->option[BALANCE]);
        if (!f->hold && f->opts.rounds > 100) f->opts.rounds = 100; /* too few rows to say when it is enough */
        f->y = y, f->weight = weight, f->part = part, f->n_series = b->series;
        hg_pool_for(f->how->pool, b->series, 1, fit_task, f);
        st = take_all(b, f, err);
    }
    for (size_t k = 0; k < b->series && f->series; k++) hg_trees_free(&f->series[k]);
    hg_free(y);
    hg_free(weight);
    hg_free(part);
    hg_free(f->series);
    hg_free(f->st);
    hg_free(f->err);
    return st;
}

static hg_status boost_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    hg_boosted *b;
    *model = NULL;
    HG_TRY(check_rows(rows, err));
    HG_TRY(hg_boosted_new(&b, rows->classes, (size_t)how->option[SERIES], err));
    fitting f = { .rows = rows, .how = how, .opts = read_options(how->option) };
    const hg_status st = fit_all(b, &f, err);
    if (st == HG_OK)
        *model = b;
    else
        hg_boosted_free(b);
    return st;
}

static const char *boost_suits(const hg_rows *rows) {
    (void)rows;
    return hg_xgb_missing();
}

static const char *const VARIANTS[] = { "depth=9 columns=0.4", "loss=0", NULL };

const hg_learner hg_boost_learner = {
    .name = "boost",
    .version = "boost 1",
    .help = "boosted trees by XGBoost, stopped early on held-out rows, several series averaged",
    .option = THE_OPTIONS,
    .n_options = OPTIONS,
    .variant = VARIANTS,
    .suits = boost_suits,
    .members = "series",
    .bags = true,
    .fit = boost_fit,
    .predict = hg_boosted_predict,
    .save = hg_boosted_save,
    .load = hg_boosted_load,
    .free = hg_boosted_free,
};
