/* models/fold_ridge.c -- see models/fold_ridge.h */
#include "models/fold_ridge.h"
#include "core/memory.h"
#include "num/linalg.h"
#include <math.h>
#include <string.h>

/* In units of squared standard deviations of a column, times rows: a strength of a few thousand for tens of thousands of rows. */
static const double STRENGTH[] = { 1e-2, 1, 30, 300, 1000, 2000, 4000, 8000, 16000, 32000, 1e5, 1e6 };
enum { STRENGTHS = sizeof STRENGTH / sizeof *STRENGTH, MIDDLE = 6, SETS_MOST = 16 };

typedef struct {
    double *gram;  /* [width,width] lower triangle */
    double *cross; /* [width,targets] */
    double *own;   /* [targets] sums of squares of y */
} products;

struct hg_fold_ridge {
    size_t width, targets, folds, rows;
    products *fold; /* [folds] */
    size_t *count;  /* [folds] rows */
};

static bool products_new(products *p, size_t width, size_t targets) {
    p->gram = hg_calloc(width * width, sizeof *p->gram);
    p->cross = hg_calloc(width * targets, sizeof *p->cross);
    p->own = hg_calloc(targets, sizeof *p->own);
    return p->gram && p->cross && p->own;
}

static void products_free(products *p) {
    hg_free(p->gram);
    hg_free(p->cross);
    hg_free(p->own);
}

hg_status hg_fold_ridge_new(hg_fold_ridge **out, size_t width, size_t targets, size_t folds, hg_err *err) {
    *out = NULL;
    if (width == 0 || width > 100000 || targets == 0 || folds == 0)
        return hg_fail(err, HG_EINVAL, "a ridge of %zu columns, %zu targets and %zu folds", width, targets, folds);
    hg_fold_ridge *r = hg_calloc(1, sizeof *r);
    if (r) {
        *r = (hg_fold_ridge) { .width = width, .targets = targets, .folds = folds };
        r->fold = hg_calloc(folds, sizeof *r->fold);
        r->count = hg_calloc(folds, sizeof *r->count);
        if (r->fold && r->count) {
            *out = r;
            return HG_OK;
        }
    }
    hg_fold_ridge_free(r);
    return hg_fail(err, HG_ENOMEM, "no memory for a ridge of %zu columns and %zu folds", width, folds);
}

void hg_fold_ridge_free(hg_fold_ridge *r) {
    if (!r) return;
    for (size_t f = 0; r->fold && f < r->folds; f++) products_free(&r->fold[f]);
    hg_free(r->fold);
    hg_free(r->count);
    hg_free(r);
}

size_t hg_fold_ridge_rows(const hg_fold_ridge *r) { return r->rows; }

/* ---- products ---------------------------------------------------------------------------------------------------- */

enum { PANEL = 64 }; /* columns of the Gram matrix that one task makes */

typedef struct {
    const double *x; /* [width,n] */
    double *gram;
    size_t width, n;
} panels;

static void panel_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const panels *p = ctx;
    (void)worker;
    for (size_t k = begin; k < end; k++) {
        const size_t from = k * PANEL, rows = p->width - from < PANEL ? p->width - from : PANEL;
        hg_gemm(p->gram + from * p->width, p->width, p->x + from * p->n, p->n, false, p->x, p->n, true, rows,
                from + rows, p->n, 1, 1);
    }
}

static void centre(double *x, size_t n) {
    double mean = 0;
    for (size_t i = 0; i < n; i++) mean += x[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) x[i] -= mean;
}

static hg_status transposed(double *x, double *y, const hg_fold_ridge *r, const float *xs, const double *ys, size_t n,
                            bool centred, hg_err *err) {
    for (size_t k = 0; k < r->width; k++) {
        double *to = x + k * n;
        for (size_t i = 0; i < n; i++) {
            to[i] = (double)xs[i * r->width + k];
            if (!isfinite(to[i]))
                return hg_fail(err, HG_ENAN, "column %zu of row %zu is not a finite number", k + 1, i + 1);
        }
        if (centred) centre(to, n);
    }
    for (size_t t = 0; t < r->targets; t++) {
        double *to = y + t * n;
        for (size_t i = 0; i < n; i++) {
            to[i] = ys[i * r->targets + t];
            if (!isfinite(to[i]))
                return hg_fail(err, HG_ENAN, "target %zu of row %zu is not a finite number", t + 1, i + 1);
        }
        if (centred) centre(to, n);
    }
    return HG_OK;
}

hg_status hg_fold_ridge_add(hg_fold_ridge *r, size_t fold, const float *x, const double *y, size_t n, bool centred,
                            hg_pool *pool, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    if (n == 0) return HG_OK;
    double *xt = hg_malloc(r->width * n, sizeof *xt), *yt = hg_malloc(r->targets * n, sizeof *yt);
    hg_status st =
        xt && yt ? transposed(xt, yt, r, x, y, n, centred, err) : hg_fail(err, HG_ENOMEM, "no memory for %zu rows", n);
    if (st == HG_OK && r->count[fold] == 0 && !products_new(&r->fold[fold], r->width, r->targets)) {
        products_free(&r->fold[fold]); /* a fold without rows costs nothing */
        r->fold[fold] = (products) { 0 };
        st = hg_fail(err, HG_ENOMEM, "no memory for a fold of a ridge");
    }
    if (st == HG_OK) {
        products *p = &r->fold[fold];
        panels job = { .x = xt, .gram = p->gram, .width = r->width, .n = n };
        hg_pool_for(pool, (r->width + PANEL - 1) / PANEL, 1, panel_task, &job);
        hg_gemm(p->cross, r->targets, xt, n, false, yt, n, true, r->width, r->targets, n, 1, 1);
        for (size_t t = 0; t < r->targets; t++) p->own[t] += hg_dot(yt + t * n, yt + t * n, n);
        r->rows += n;
        r->count[fold] += n;
    }
    hg_free(xt);
    hg_free(yt);
    return st;
}

/* ---- solving ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_fold_ridge *r;
    const hg_fold_columns *set;
    size_t n_sets, rows;
    products all;
    double *scale; /* [width] 1 / standard deviation; 0: the column does not vary */
    double *a;     /* [workers,width,width] scratch */
    double *w;     /* [workers,targets,width] */
    double *covariance,
        *variance; /* [n_sets,STRENGTHS,folds,targets] of what is predicted of a fold that was left out */
} solver;

/* From all folds but one (folds: from all), by a set of columns. w[targets,width] for columns as they were given; those of others are not touched. */
static void solve_without(const solver *s, double *a, double *w, const hg_fold_columns *set, size_t without,
                          double strength) {
    const hg_fold_ridge *r = s->r;
    const size_t width = r->width, q = r->targets, from = set->begin, n = set->end - from;
    const products *out = without < r->folds ? &r->fold[without] : NULL;
    const double *scale = s->scale + from;
    if (out) strength *= (double)(s->rows - r->count[without]) / (double)s->rows; /* fewer rows, shrunk no more */
    for (size_t i = 0; i < n; i++) {
        const size_t row = (from + i) * width + from;
        for (size_t j = 0; j <= i; j++)
            a[i * n + j] = (s->all.gram[row + j] - (out ? out->gram[row + j] : 0)) * scale[i] * scale[j];
        a[i * n + i] += strength + (scale[i] == 0);
        for (size_t t = 0; t < q; t++) {
            const size_t at = (from + i) * q + t;
            w[t * width + from + i] = (s->all.cross[at] - (out ? out->cross[at] : 0)) * scale[i];
        }
    }
    const bool solved = hg_chol(a, n) == 0;
    for (size_t t = 0; t < q; t++) {
        double *of = w + t * width + from;
        if (!solved) { /* rounding, at a strength too small for these columns: it predicts nothing, and is not chosen */
            memset(of, 0, n * sizeof *of);
            continue;
        }
        hg_chol_lsolve(a, n, of);
        hg_chol_ltsolve(a, n, of);
        for (size_t i = 0; i < n; i++) of[i] *= scale[i];
    }
}

/* Of w's prediction of target t of a fold: its covariance with what is known, and its variance. */
static void judge(double *covariance, double *variance, const products *p, const hg_fold_ridge *r,
                  const hg_fold_columns *set, size_t t, const double *w) {
    *covariance = *variance = 0;
    for (size_t i = set->begin; i < set->end; i++) {
        const double *g = p->gram + i * r->width;
        *covariance += w[i] * p->cross[i * r->targets + t];
        *variance += w[i] * (2 * hg_dot(g + set->begin, w + set->begin, i - set->begin) + g[i] * w[i]);
    }
}

static void solve_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const solver *s = ctx;
    const hg_fold_ridge *r = s->r;
    const size_t n = r->width, q = r->targets, folds = r->folds;
    double *a = s->a + worker * n * n, *w = s->w + worker * n * q;
    for (size_t k = begin; k < end; k++) {
        const size_t fold = k % folds;
        const hg_fold_columns *set = &s->set[k / folds / STRENGTHS];
        if (r->count[fold] == 0) continue;
        solve_without(s, a, w, set, fold, STRENGTH[k / folds % STRENGTHS]);
        for (size_t t = 0; t < q; t++)
            judge(&s->covariance[k * q + t], &s->variance[k * q + t], &r->fold[fold], r, set, t, w + t * n);
    }
}

/* The best set and strength, and by how much predictions from it were too narrow: correlations do not see it. The choice is set * STRENGTHS + strength. */
static size_t choose(hg_fold_score *score, const solver *s, size_t t, bool by_variance) {
    const hg_fold_ridge *r = s->r;
    size_t best = MIDDLE, used = 0;
    double most = -HUGE_VAL, own = 0;
    for (size_t f = 0; f < r->folds; f++) {
        if (r->count[f] == 0) continue;
        used++;
        own += r->fold[f].own[t];
    }
    *score = (hg_fold_score) { .strength = STRENGTH[MIDDLE], .rho = (double)NAN, .explained = (double)NAN, .slope = 1 };
    for (size_t k = 0; used > 1 && k < s->n_sets * STRENGTHS; k++) {
        double rho = 0, covariance = 0, variance = 0;
        for (size_t f = 0; f < r->folds; f++) {
            if (r->count[f] == 0) continue;
            const size_t at = (k * r->folds + f) * r->targets + t;
            const double both = s->variance[at] * r->fold[f].own[t];
            rho += both > 0 ? s->covariance[at] / sqrt(both) / (double)used : 0;
            covariance += s->covariance[at];
            variance += s->variance[at];
        }
        const double factor = covariance > 0 && variance > 0 ? covariance / variance : 0;
        const double explained = own > 0 ? factor * covariance / own : 0, merit = by_variance ? explained : rho;
        if (!(merit > most)) continue;
        most = merit;
        best = k;
        *score = (hg_fold_score) { .strength = STRENGTH[k % STRENGTHS],
                                   .rho = rho,
                                   .explained = explained,
                                   .slope = factor,
                                   .set = k / STRENGTHS };
    }
    return best;
}

/* left_out: NULL, or [folds]; no scores then. */
static bool solver_new(solver *s, const hg_fold_ridge *r, const hg_fold_columns *set, size_t n_sets,
                       const bool *left_out, size_t workers) {
    const size_t n = r->width, q = r->targets, scores = left_out ? 0 : n_sets * STRENGTHS * r->folds * q;
    *s = (solver) { .r = r, .set = set, .n_sets = n_sets };
    s->scale = hg_calloc(n, sizeof *s->scale);
    s->a = hg_malloc(workers * n, n * sizeof *s->a);
    s->w = hg_malloc(workers * n, q * sizeof *s->w);
    s->covariance = hg_calloc(scores, sizeof *s->covariance);
    s->variance = hg_calloc(scores, sizeof *s->variance);
    if (!products_new(&s->all, n, q) || !s->scale || !s->a || !s->w || !s->covariance || !s->variance) return false;
    for (size_t f = 0; f < r->folds; f++) {
        if (r->count[f] == 0 || (left_out && left_out[f])) continue;
        s->rows += r->count[f];
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++) s->all.gram[i * n + j] += r->fold[f].gram[i * n + j];
        for (size_t i = 0; i < n * q; i++) s->all.cross[i] += r->fold[f].cross[i];
    }
    for (size_t i = 0; i < n; i++) {
        const double variance = s->rows ? s->all.gram[i * n + i] / (double)s->rows : 0;
        s->scale[i] = variance > 1e-12 ? 1 / sqrt(variance) : 0;
    }
    return true;
}

static void solver_free(solver *s) {
    products_free(&s->all);
    hg_free(s->scale);
    hg_free(s->a);
    hg_free(s->w);
    hg_free(s->covariance);
    hg_free(s->variance);
}

hg_status hg_fold_ridge_solve_sets(double *w, hg_fold_score *score, const hg_fold_ridge *r, const hg_fold_columns *set,
                                   size_t n_sets, bool by_variance, hg_pool *pool, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    if (r->rows == 0) return hg_fail(err, HG_EDATA, "nothing to learn from");
    bool sets = n_sets > 0 && n_sets <= SETS_MOST;
    for (size_t k = 0; sets && k < n_sets; k++) sets = set[k].begin < set[k].end && set[k].end <= r->width;
    if (!sets) return hg_fail(err, HG_EINVAL, "%zu sets of %zu columns", n_sets, r->width);
    solver s;
    const bool ok = solver_new(&s, r, set, n_sets, NULL, hg_pool_threads(pool));
    if (ok) {
        if (r->folds > 1) hg_pool_for(pool, n_sets * STRENGTHS * r->folds, 1, solve_task, &s);
        size_t done = n_sets * STRENGTHS;
        for (size_t t = 0; t < r->targets; t++) { /* targets often agree on a strength, and then share its factor */
            const size_t k = choose(&score[t], &s, t, by_variance);
            const hg_fold_columns *c = &set[k / STRENGTHS];
            if (k != done) solve_without(&s, s.a, s.w, c, r->folds, STRENGTH[k % STRENGTHS]);
            done = k;
            for (size_t i = 0; i < r->width; i++)
                w[t * r->width + i] = i >= c->begin && i < c->end ? score[t].slope * s.w[t * r->width + i] : 0;
        }
    }
    solver_free(&s);
    return ok ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to solve for %zu weights", r->width);
}

hg_status hg_fold_ridge_solve(double *w, hg_fold_score *score, const hg_fold_ridge *r, bool by_variance, hg_pool *pool,
                              hg_err *err) {
    const hg_fold_columns all = { 0, r->width };
    return hg_fold_ridge_solve_sets(w, score, r, &all, 1, by_variance, pool, err);
}

hg_status hg_fold_ridge_refit(double *w, const hg_fold_ridge *r, const hg_fold_score *score, const hg_fold_columns *set,
                              const bool *left_out, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    solver s;
    hg_status st = HG_OK;
    if (!solver_new(&s, r, set, 1, left_out, 1))
        st = hg_fail(err, HG_ENOMEM, "no memory to solve for %zu weights", r->width);
    else if (s.rows == 0)
        st = hg_fail(err, HG_EDATA, "nothing is left to learn from");
    for (size_t t = 0; st == HG_OK && t < r->targets; t++) {
        const hg_fold_columns *c = &set[score[t].set];
        const double strength = score[t].strength * (double)s.rows / (double)r->rows;
        if (t == 0 || score[t].strength != score[t - 1].strength || score[t].set != score[t - 1].set)
            solve_without(&s, s.a, s.w, c, r->folds, strength);
        for (size_t i = 0; i < r->width; i++)
            w[t * r->width + i] = i >= c->begin && i < c->end ? score[t].slope * s.w[t * r->width + i] : 0;
    }
    solver_free(&s);
    return st;
}
