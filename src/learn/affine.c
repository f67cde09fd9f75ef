/* learn/affine.c -- affine model transfer: what other models say of a row enters by addition and by modulation
 *
 *   y = g1(s) + s . g2(x) + g3(x) + noise,  s: the first columns, predictions of other models; x: the other columns
 *
 * is the affine form of Minami et al., Transfer learning with affine model transformation, NeurIPS 2023, with a linear
 * modulator, which goes on outside of the measured range; g3 lets x speak where the sources say nothing. With each g in a
 * reproducing kernel Hilbert space the products lie in those of product kernels, so that all of it is one ridge regression,
 *
 *   k = a s.s' / p + b m(s) + c (s.s' / p) m(x) + e m(x),   m(u) = Matern 5/2 of |u - u'| / sqrt(columns) / length
 *
 * solved in closed form, without their alternating steps. Lengths, weights and noise have the highest
 * evidence times a broad log-normal prior (Rasmussen & Williams 2006, eqs. 5.8, 5.9), from two starts.
 *
 * Several sources share s: each counts in products and distances by a weight, the nats by which it alone raises the evidence, and
 * one. Few rows cannot tell which of several sources is the best, and the best alone errs more (bench/library --task transfer). Other
 * forms tried on such draws of 40 rows, no modulator, one that saturates, tanh(s), and a product of two Matern kernels, were no better.
 */
#include "learn/affine.h"
#include "core/memory.h"
#include "learn/records.h"
#include "learn/scaling.h"
#include "num/linalg.h"
#include "num/optimize.h"
#include <math.h>
#include <string.h>

enum { CHUNK = 64 /* rows */, ROWS_MOST = 1500, STARTS = 2, COLUMNS_MOST = 20000 };

/* Their logarithms are searched; priors: log-normal about the middle, sd 1.5. Signal weights in units of y's variance. */
enum { LENGTH_S, LENGTH_X, LINEAR_S, MATERN_S, PRODUCT, MATERN_X, NOISE, HYPERS = HG_AFFINE_HYPERS };
static const double MIDDLE[HYPERS] = { 1, 1, 0.3, 0.3, 0.3, 0.3, 0.1 };
static const double PRIOR_SD = 1.5, FLOOR = 1e-4; /* of the noise */

typedef struct {
    hg_scaling scaling;
    size_t n, d, p;        /* rows, columns, those of sources */
    double hyper[HYPERS];  /* themselves, not their logarithms */
    double mean, sd;       /* of y */
    double *z, *alpha, *l; /* scaled rows [n,d]; C^-1 (y - mean) / sd [n]; Cholesky factor of C [n,n] */
} affine;

static void affine_free(void *model) {
    affine *m = model;
    if (!m) return;
    hg_scaling_free(&m->scaling);
    hg_free(m->z);
    hg_free(m->alpha);
    hg_free(m->l);
    hg_free(m);
}

static hg_status new_model(affine **out, size_t n, size_t d, size_t p, hg_err *err) {
    affine *m = *out = hg_calloc(1, sizeof *m);
    if (m) {
        m->n = n, m->d = d, m->p = p;
        m->z = hg_calloc(n * d, sizeof *m->z);
        m->alpha = hg_calloc(n, sizeof *m->alpha);
        m->l = hg_calloc(n * n, sizeof *m->l);
    }
    if (m && m->z && m->alpha && m->l) return HG_OK;
    affine_free(m);
    *out = NULL;
    return hg_fail(err, HG_ENOMEM, "no memory for affine transfer from %zu rows", n);
}

/* ---- the kernel ------------------------------------------------------------------------------------------------------ */

/* What the kernel depends on: products and squared distances a column. */
typedef struct {
    double product, s, x;
} pair;

static pair compare(const double *a, const double *b, size_t p, size_t d) {
    pair r = { 0, 0, 0 };
    for (size_t j = 0; j < p; j++) r.product += a[j] * b[j], r.s += (a[j] - b[j]) * (a[j] - b[j]);
    for (size_t j = p; j < d; j++) r.x += (a[j] - b[j]) * (a[j] - b[j]);
    if (p) r.product /= (double)p, r.s /= (double)p;
    if (d > p) r.x /= (double)(d - p);
    return r;
}

/* Matern 5/2 at the squared distance r2, and *slope: its derivative by log length. */
static double matern(double *slope, double r2, double length) {
    const double u = sqrt(5 * r2) / length, e = exp(-u);
    *slope = u * u * (1 + u) / 3 * e;
    return (1 + u + u * u / 3) * e;
}

/* The covariance, and grad[HYPERS] (may be NULL) by the logarithms; the noise is the diagonal's. */
static double covariance(double *grad, const double *h, pair r) {
    double ds, dx;
    const double ks = matern(&ds, r.s, h[LENGTH_S]), kx = matern(&dx, r.x, h[LENGTH_X]);
    const double linear = h[LINEAR_S] * r.product, s = h[MATERN_S] * ks, both = h[PRODUCT] * r.product * kx,
                 x = h[MATERN_X] * kx;
    if (grad) {
        grad[LENGTH_S] = h[MATERN_S] * ds;
        grad[LENGTH_X] = (h[MATERN_X] + h[PRODUCT] * r.product) * dx;
        grad[LINEAR_S] = linear;
        grad[MATERN_S] = s;
        grad[PRODUCT] = both;
        grad[MATERN_X] = x;
    }
    return linear + s + both + x;
}

/* ---- fit ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    affine *m;
    const double *y;  /* [n] standardised */
    const pair *pair; /* [n,n], j <= i */
    double *inverse;  /* [n,n] */
} search;

/* C = L L' into m->l, and alpha. false: not positive definite. */
static bool factor(search *s, const double *h) {
    affine *m = s->m;
    const size_t n = m->n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            m->l[i * n + j] = covariance(NULL, h, s->pair[i * n + j]) + (i == j ? h[NOISE] + FLOOR : 0);
    if (hg_chol(m->l, n) != 0) return false;
    memcpy(m->alpha, s->y, n * sizeof *m->alpha);
    hg_chol_lsolve(m->l, n, m->alpha);
    hg_chol_ltsolve(m->l, n, m->alpha);
    return true;
}

/* Minus log evidence and log prior, by the logarithms x[HYPERS]. */
static double objective(void *ctx, const double *x, double *grad, size_t count) {
    search *s = ctx;
    const affine *m = s->m;
    const size_t n = m->n;
    double h[HYPERS] = { 0 }, g[HYPERS] = { 0 }, dk[HYPERS];
    for (size_t k = 0; k < count; k++) h[k] = exp(x[k]);
    if (!factor(s, h)) return NAN;
    double f = 0.5 * hg_dot(s->y, m->alpha, n) + 0.5 * hg_chol_logdet(m->l, n);
    for (size_t k = 0; k < count; k++) {
        const double t = (x[k] - log(MIDDLE[k])) / PRIOR_SD;
        f += 0.5 * t * t;
        g[k] = t / PRIOR_SD;
    }
    if (!grad) return f;
    hg_chol_inverse_lower(s->inverse, m->l, n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) { /* the trace of (C^-1 - alpha alpha') dC / 2, each pair once */
            const double w = (i == j ? 0.5 : 1) * (s->inverse[i * n + j] - m->alpha[i] * m->alpha[j]);
            covariance(dk, h, s->pair[i * n + j]);
            dk[NOISE] = i == j ? h[NOISE] : 0;
            for (size_t k = 0; k < count; k++) g[k] += w * dk[k];
        }
    memcpy(grad, g, count * sizeof *grad);
    return f;
}

/* *best: the least objective, with the hyper-parameters that have it. */
static hg_status learn(double *best, search *s, size_t starts, const hg_learning *how, hg_err *err) {
    double lower[HYPERS], upper[HYPERS], x[HYPERS];
    hg_rng rng = hg_rng_make(how->seed, 0xaff1);
    for (size_t k = 0; k < HYPERS; k++) {
        lower[k] = log(MIDDLE[k]) - 6;
        upper[k] = log(MIDDLE[k]) + 6;
    }
    hg_minimize_opts o = hg_minimize_opts_default();
    o.max_evals = 100;
    *best = INFINITY;
    for (size_t start = 0; start < starts; start++) {
        hg_minimum found;
        for (size_t k = 0; k < HYPERS; k++) x[k] = log(MIDDLE[k]) + (start ? hg_rng_normal(&rng) : 0);
        HG_TRY(hg_minimize(&found, x, lower, upper, HYPERS, objective, s, &o, err));
        if (isfinite(found.f) && found.f < *best) {
            *best = found.f;
            for (size_t k = 0; k < HYPERS; k++) s->m->hyper[k] = exp(x[k]);
        }
    }
    if (isinf(*best) || !factor(s, s->m->hyper))
        return hg_fail(err, HG_ENOTPD, "affine transfer: the covariance is not positive definite");
    return HG_OK;
}

/* Sources stretched by their weights: products and squared distances of them are then weighted means. */
static void stretch(affine *m, const double *weight) {
    double sum = 0;
    for (size_t k = 0; k < m->p; k++) sum += weight[k];
    for (size_t k = 0; k < m->p; k++) m->scaling.inverse[k] *= sqrt(weight[k] * (double)m->p / sum);
}

/* Standardises and compares the rows; what it needs lies in mem. weight[rows->sources]; NULL: all the same. */
static hg_status prepare(search *s, affine *m, const hg_rows *rows, const double *weight, hg_arena *mem, hg_err *err) {
    const size_t n = m->n;
    double *y = hg_alloc(mem, n, sizeof *y), square = 0;
    pair *pairs = hg_alloc(mem, n * n, sizeof *pairs);
    *s = (search) { .m = m, .y = y, .pair = pairs, .inverse = hg_alloc(mem, n * n, sizeof *s->inverse) };
    if (!y || !pairs || !s->inverse) return hg_fail(err, HG_ENOMEM, "no memory for affine transfer from %zu rows", n);
    HG_TRY(hg_scaling_fit(&m->scaling, rows, err));
    if (weight) stretch(m, weight);
    hg_scaling_apply(m->z, &m->scaling, rows->x, n);
    for (size_t i = 0; i < n; i++) m->mean += rows->y[i] / (double)n;
    for (size_t i = 0; i < n; i++) square += (rows->y[i] - m->mean) * (rows->y[i] - m->mean) / (double)n;
    m->sd = square > 0 ? sqrt(square) : 1;
    for (size_t i = 0; i < n; i++) {
        y[i] = (rows->y[i] - m->mean) / m->sd;
        for (size_t j = 0; j <= i; j++) pairs[i * n + j] = compare(m->z + i * m->d, m->z + j * m->d, m->p, m->d);
    }
    return HG_OK;
}

/* A model of the rows, the best of `starts`; 0: only looked at, at log_hyper. */
static hg_status begin(affine **out, double *f, double *grad, const hg_rows *rows, const double *weight, size_t starts,
                       const double *log_hyper, const hg_learning *how, hg_err *err) {
    search s;
    HG_TRY(new_model(out, rows->n, rows->d, rows->sources, err));
    hg_arena *mem = hg_arena_new();
    hg_status st =
        mem ? prepare(&s, *out, rows, weight, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for affine transfer");
    if (st == HG_OK && starts) st = learn(f, &s, starts, how, err);
    if (st == HG_OK && !starts) *f = objective(&s, log_hyper, grad, HYPERS);
    hg_arena_free(mem);
    return st;
}

hg_status hg_affine_objective(double *f, double *grad, const double *log_hyper, const hg_rows *rows, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    affine *m;
    const hg_status st = begin(&m, f, grad, rows, NULL, 0, log_hyper, NULL, err);
    affine_free(m);
    return st;
}

hg_status hg_affine_evidence(double *evidence, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    affine *m;
    double f;
    const hg_status st = begin(&m, &f, NULL, rows, NULL, 1, NULL, how, err);
    affine_free(m);
    *evidence = st == HG_OK ? -f : -INFINITY;
    return st == HG_ENOTPD ? HG_OK : st;
}

/* ---- what each source is worth ----------------------------------------------------------------------------------------- */

/* Not below one for any: that a source is worth nothing is not known from few rows either. */
double hg_affine_weight(double nats) { return 1 + fmax(nats, 0); }

static bool varies(const hg_rows *rows, size_t k) {
    for (size_t i = 1; i < rows->n; i++)
        if (rows->x[i * rows->d + k] != rows->x[k]) return true;
    return false;
}

/* The rows with source k alone, or without any (k == SIZE_MAX), in x[n, d]. */
static hg_rows with_one(const hg_rows *rows, size_t k, float *x) {
    const size_t one = k == SIZE_MAX ? 0 : 1, own = rows->d - rows->sources, d = one + own;
    for (size_t i = 0; i < rows->n; i++) {
        if (one) x[i * d] = rows->x[i * rows->d + k];
        if (own) memcpy(x + i * d + one, rows->x + i * rows->d + rows->sources, own * sizeof *x);
    }
    hg_rows r = *rows;
    r.x = x, r.d = d, r.sources = one;
    return r;
}

static hg_status worth(double *nats, const hg_rows *rows, const hg_learning *how, hg_arena *mem, hg_err *err) {
    hg_rows some;
    const size_t n = rows->n < HG_AFFINE_SPEAKERS ? rows->n : HG_AFFINE_SPEAKERS;
    size_t *index = hg_alloc(mem, rows->n, sizeof *index);
    float *x = hg_alloc(mem, n, (rows->d + 1) * sizeof *x);
    double none;
    if (!index || !x) return hg_fail(err, HG_ENOMEM, "no memory to weigh sources");
    hg_rng rng = hg_rng_make(how->seed, 0x50ce);
    for (size_t i = 0; i < rows->n; i++) index[i] = i;
    if (n < rows->n) hg_rng_shuffle(&rng, index, rows->n);
    HG_TRY(hg_rows_take(&some, rows, index, n, mem, err));
    const hg_rows plain = with_one(&some, SIZE_MAX, x);
    HG_TRY(hg_affine_evidence(&none, &plain, how, err));
    for (size_t k = 0; k < rows->sources; k++) {
        nats[k] = 0;
        if (varies(&some, k)) {
            const hg_rows one = with_one(&some, k, x);
            HG_TRY(hg_affine_evidence(&nats[k], &one, how, err));
            nats[k] -= none;
        }
        if (!hg_progress(how->hooks, "weighing sources", k + 1, rows->sources))
            return hg_fail(err, HG_ECANCEL, "interrupted");
    }
    return HG_OK;
}

hg_status hg_affine_worth(double *nats, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? worth(nats, rows, how, mem, err) : hg_fail(err, HG_ENOMEM, "no memory to weigh sources");
    hg_arena_free(mem);
    return st;
}

static hg_status affine_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    affine *m = NULL;
    double f, *weight = hg_calloc(rows->sources, sizeof *weight);
    hg_status st = weight ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to weigh sources");
    *model = NULL;
    if (st == HG_OK && rows->sources > 1) st = hg_affine_worth(weight, rows, how, err);
    for (size_t k = 0; st == HG_OK && k < rows->sources; k++) weight[k] = hg_affine_weight(weight[k]);
    if (st == HG_OK) st = begin(&m, &f, NULL, rows, weight, STARTS, NULL, how, err);
    hg_free(weight);
    if (st == HG_OK)
        *model = m;
    else
        affine_free(m);
    return st;
}

static const char *affine_suits(const hg_rows *rows) {
    if (rows->classes) return "learns numbers, not classes";
    if (rows->sources == 0) return "needs columns that other models predict";
    return rows->n > ROWS_MOST ? "takes 1500 rows at most" : NULL;
}

/* ---- predict --------------------------------------------------------------------------------------------------------- */

typedef struct {
    double *out, *sd, *room; /* [workers, d + n] */
    const affine *m;
    const hg_rows *rows;
} prediction;

static void predict_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const prediction *p = ctx;
    const affine *m = p->m;
    double *z = p->room + worker * (m->d + m->n), *k = z + m->d;
    for (size_t i = begin; i < end; i++) {
        hg_scaling_apply(z, &m->scaling, p->rows->x + i * m->d, 1);
        for (size_t j = 0; j < m->n; j++) k[j] = covariance(NULL, m->hyper, compare(z, m->z + j * m->d, m->p, m->d));
        p->out[i] = m->mean + m->sd * hg_dot(k, m->alpha, m->n);
        if (!p->sd) continue;
        const double own = covariance(NULL, m->hyper, compare(z, z, m->p, m->d));
        hg_chol_lsolve(m->l, m->n, k);
        p->sd[i] = m->sd * sqrt(fmax(own - hg_dot(k, k, m->n), 0) + m->hyper[NOISE] + FLOOR);
    }
}

static hg_status affine_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                                hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const affine *m = model;
    prediction p = { .out = out, .sd = sd, .m = m, .rows = rows };
    p.room = hg_malloc(hg_pool_threads(pool) * (m->d + m->n), sizeof *p.room);
    if (!p.room) return hg_fail(err, HG_ENOMEM, "no memory for predictions");
    hg_pool_for(pool, rows->n, CHUNK, predict_task, &p);
    hg_free(p.room);
    return HG_OK;
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static hg_status affine_save(const void *model, hg_shelf *to, hg_err *err) {
    const affine *m = model;
    const size_t shape[2] = { m->n, m->d };
    const double facts[3] = { m->mean, m->sd, (double)m->p };
    HG_TRY(hg_scaling_save(&m->scaling, to, err));
    HG_TRY(hg_shelf_put(to, "rows", HG_STORED_F64, shape, 2, m->z, err));
    HG_TRY(hg_shelf_doubles(to, "alpha", m->alpha, m->n, err));
    HG_TRY(hg_shelf_doubles(to, "hyper", m->hyper, HYPERS, err));
    return hg_shelf_doubles(to, "facts", facts, 3, err);
}

/* The factor is not stored: it follows from rows and hyper-parameters. */
static hg_status refactor(affine *m, const char *source, hg_err *err) {
    const size_t n = m->n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            m->l[i * n + j] = covariance(NULL, m->hyper, compare(m->z + i * m->d, m->z + j * m->d, m->p, m->d)) +
                              (i == j ? m->hyper[NOISE] + FLOOR : 0);
    if (hg_chol(m->l, n) == 0) return HG_OK;
    return hg_fail(err, HG_EDATA, "%s: rows and hyper-parameters of affine transfer do not fit together", source);
}

static hg_status read_model(affine **out, const hg_shelf_view *from, size_t d, hg_err *err) {
    const size_t shape[2] = { HG_SHELF_ANY, d };
    const hg_stored *rows;
    double facts[3];
    affine *m;
    HG_TRY(hg_shelf_get(&rows, from, "rows", HG_STORED_F64, shape, 2, err));
    HG_TRY(hg_shelf_get_doubles(facts, from, "facts", 3, err));
    const size_t n = d ? rows->count / d : 0;
    if (n == 0 || n > ROWS_MOST || d > COLUMNS_MOST || !(facts[1] > 0) || !(facts[2] >= 1) || facts[2] > (double)d ||
        facts[2] != floor(facts[2]))
        return hg_fail(err, HG_EDATA, "%s: no model of affine transfer has these sizes", from->source);
    HG_TRY(new_model(&m, n, d, (size_t)facts[2], err));
    *out = m; /* the caller's to free */
    m->mean = facts[0], m->sd = facts[1];
    memcpy(m->z, rows->data, n * d * sizeof *m->z);
    HG_TRY(hg_scaling_load(&m->scaling, from, d, err));
    HG_TRY(hg_shelf_get_doubles(m->alpha, from, "alpha", n, err));
    HG_TRY(hg_shelf_get_doubles(m->hyper, from, "hyper", HYPERS, err));
    for (size_t k = 0; k < HYPERS; k++)
        if (!(m->hyper[k] > 0) || m->hyper[k] > 1e6)
            return hg_fail(err, HG_EDATA, "%s: a hyper-parameter of affine transfer is out of range", from->source);
    return refactor(m, from->source, err);
}

static hg_status affine_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    affine *m = NULL;
    *model = NULL;
    if (classes) return hg_fail(err, HG_EDATA, "%s: affine transfer learns numbers, not classes", from->source);
    const hg_status st = read_model(&m, from, d, err);
    if (st == HG_OK)
        *model = m;
    else
        affine_free(m);
    return st;
}

const hg_learner hg_affine_learner = {
    .name = "affine",
    .version = "affine 1",
    .help = "affine transfer: what other models say, added and modulated by the other columns, in closed form",
    .of_sources = true,
    .suits = affine_suits,
    .fit = affine_fit,
    .predict = affine_predict,
    .save = affine_save,
    .load = affine_load,
    .free = affine_free,
};
