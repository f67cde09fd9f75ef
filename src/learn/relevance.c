/* learn/relevance.c -- a Gaussian process that finds out which columns matter: for tables of few rows
 *
 * Each column has a length scale of its own, believed to be long unless the values say otherwise (learn/relevance_evidence.h). The mode is sought from
 * one start and for EVALUATIONS steps: of few rows what comes later fits chance. Beyond TUNED rows it is sought on as many, evenly drawn.
 * What is kept are scaled rows, values, and hyper-parameters; reading a model factorises again, to the same bits.
 */
#include "core/memory.h"
#include "learn/records.h"
#include "learn/relevance_evidence.h"
#include "learn/scaling.h"
#include "num/linalg.h"
#include "num/optimize.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64, TUNED = 500, ROWS_MOST = 2000, COLUMNS_MOST = 1000, EVALUATIONS = 90 };
enum { RARE = 3 /* rows: a column that fewer have says nothing of its worth */ };

typedef struct {
    hg_scaling scaling;
    size_t n;
    double *rho;                        /* [d]; 0: not looked at */
    double *a, *square;                 /* [n,d] rows, scaled and weighed, and |a|^2 */
    double *y;                          /* [n] */
    double unit[2];                     /* mean and standard deviation of y */
    double common[HG_RELEVANCE_COMMON]; /* of scaled values */
    double *l, *alpha;                  /* [n,n] Cholesky factor, [n] */
} relevance;

static void rel_free(void *model) {
    relevance *m = model;
    if (!m) return;
    hg_scaling_free(&m->scaling);
    double *all[] = { m->rho, m->a, m->square, m->y, m->l, m->alpha };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) hg_free(all[i]);
    hg_free(m);
}

static hg_status no_memory(hg_err *err, size_t n) {
    return hg_fail(err, HG_ENOMEM, "no memory for the relevances of columns in %zu rows", n);
}

static hg_status new_model(relevance **out, size_t n, size_t d, hg_err *err) {
    relevance *m = *out = hg_calloc(1, sizeof *m);
    if (m) {
        m->n = n;
        m->rho = hg_calloc(d, sizeof *m->rho);
        m->a = hg_calloc(n * d, sizeof *m->a);
        m->square = hg_calloc(n, sizeof *m->square);
        m->y = hg_calloc(n, sizeof *m->y);
        m->l = hg_calloc(n * n, sizeof *m->l);
        m->alpha = hg_calloc(n, sizeof *m->alpha);
    }
    if (m && m->rho && m->a && m->square && m->y && m->l && m->alpha) return HG_OK;
    rel_free(m);
    *out = NULL;
    return no_memory(err, n);
}

/* From rows, values and hyper-parameters: the factor, and what predictions need. */
static hg_status condition(relevance *m, hg_err *err) {
    const size_t n = m->n, d = m->scaling.d;
    for (size_t i = 0; i < n; i++) m->square[i] = hg_dot(m->a + i * d, m->a + i * d, d);
    hg_syrk_lower(m->l, n, m->a, d, n, d, 1, 0);
    hg_mirror_lower(m->l, n);
    hg_relevance_kernel(m->l, m->square, m->square, n, n, m->common);
    for (size_t i = 0; i < n; i++) m->l[i * n + i] += hg_relevance_noise(m->common);
    if (hg_chol(m->l, n) != 0)
        return hg_fail(err, HG_ENOTPD, "the covariances of %zu rows are not positive definite", n);
    for (size_t i = 0; i < n; i++) m->alpha[i] = (m->y[i] - m->unit[0]) / m->unit[1];
    hg_chol_lsolve(m->l, n, m->alpha);
    hg_chol_ltsolve(m->l, n, m->alpha);
    return HG_OK;
}

/* ---- learning ---------------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Do at least RARE rows differ from the middle one? one[n]: scratch. */
static bool tells_rows_apart(const double *z, size_t j, size_t n, size_t d, double *one) {
    size_t others = 0;
    for (size_t i = 0; i < n; i++) one[i] = z[i * d + j];
    qsort(one, n, sizeof *one, by_value);
    for (size_t i = 0; i < n; i++) others += one[i] != one[n / 2];
    return others >= RARE;
}

/* index[..] of the columns that are looked at. */
static size_t choose_columns(size_t *index, const double *z, size_t n, size_t d, double *one) {
    size_t k = 0;
    for (size_t j = 0; j < d; j++)
        if (tells_rows_apart(z, j, n, d, one)) index[k++] = j;
    return k;
}

static hg_status find_mode(double *theta, hg_relevance *e, hg_arena *mem, hg_err *err) {
    static const double START[HG_RELEVANCE_COMMON] = { 0, 0, -1.5, -0.5 };
    static const double LOW[HG_RELEVANCE_COMMON] = { -12, -3, -5, -5 }, HIGH[HG_RELEVANCE_COMMON] = { 3, 3, 1, 2 };
    const size_t d = e->d, n = d + HG_RELEVANCE_COMMON;
    double *low = hg_alloc(mem, n, sizeof *low), *high = hg_alloc(mem, n, sizeof *high);
    if (!low || !high) return no_memory(err, e->n);
    const double even = -0.5 * log((double)d) - 0.5; /* distances of about 1 */
    for (size_t j = 0; j < d; j++) theta[j] = even, low[j] = -7, high[j] = 2.5;
    for (size_t k = 0; k < HG_RELEVANCE_COMMON; k++)
        theta[d + k] = START[k], low[d + k] = LOW[k], high[d + k] = HIGH[k];
    theta[d + HG_RELEVANCE_TAU] = 2 * even;
    hg_minimize_opts o = hg_minimize_opts_default();
    hg_minimum found;
    o.max_evals = EVALUATIONS;
    HG_TRY(hg_minimize(&found, theta, low, high, n, hg_relevance_loss, e, &o, err));
    return isfinite(found.f) ? HG_OK : hg_fail(err, HG_ENOTPD, "no relevances of the columns gave a finite evidence");
}

/* z[n,d] of all rows: the relevances, from every so many-th row. */
static hg_status tune(relevance *m, const double *z, hg_arena *mem, hg_err *err) {
    const size_t d = m->scaling.d, n = m->n < TUNED ? m->n : TUNED;
    size_t *index = hg_alloc(mem, d, sizeof *index);
    double *one = hg_alloc(mem, m->n, sizeof *one), *y = hg_alloc(mem, n, sizeof *y);
    if (!index || !one || !y) return no_memory(err, n);
    const size_t k = choose_columns(index, z, m->n, d, one);
    if (k == 0) return hg_fail(err, HG_EDATA, "no column tells three rows from the others");
    double *some = hg_alloc(mem, n * k, sizeof *some);
    double *theta = hg_alloc(mem, k + HG_RELEVANCE_COMMON, sizeof *theta);
    hg_relevance e;
    if (!some || !theta) return no_memory(err, n);
    for (size_t i = 0; i < n; i++) {
        const size_t row = i * m->n / n;
        for (size_t q = 0; q < k; q++) some[i * k + q] = z[row * d + index[q]];
        y[i] = (m->y[row] - m->unit[0]) / m->unit[1];
    }
    HG_TRY(hg_relevance_make(&e, some, y, n, k, mem, err));
    HG_TRY(find_mode(theta, &e, mem, err));
    for (size_t q = 0; q < k; q++) m->rho[index[q]] = exp(theta[q]);
    memcpy(m->common, theta + k, sizeof m->common);
    return HG_OK;
}

static void weigh(double *z, const relevance *m, size_t n) {
    const size_t d = m->scaling.d;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) z[i * d + j] *= m->rho[j];
}

static hg_status learn(relevance *m, const hg_rows *rows, hg_arena *mem, hg_err *err) {
    const size_t n = rows->n;
    double variance = 0;
    HG_TRY(hg_scaling_fit(&m->scaling, rows, err));
    hg_scaling_apply(m->a, &m->scaling, rows->x, n);
    memcpy(m->y, rows->y, n * sizeof *m->y);
    for (size_t i = 0; i < n; i++) m->unit[0] += m->y[i] / (double)n;
    for (size_t i = 0; i < n; i++) variance += (m->y[i] - m->unit[0]) * (m->y[i] - m->unit[0]) / (double)n;
    m->unit[1] = variance > 0 ? sqrt(variance) : 1;
    HG_TRY(tune(m, m->a, mem, err));
    weigh(m->a, m, n);
    return condition(m, err);
}

static hg_status rel_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    relevance *m;
    (void)how;
    *model = NULL;
    HG_TRY(new_model(&m, rows->n, rows->d, err));
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? learn(m, rows, mem, err) : no_memory(err, rows->n);
    hg_arena_free(mem);
    if (st == HG_OK)
        *model = m;
    else
        rel_free(m);
    return st;
}

static const char *rel_suits(const hg_rows *rows) {
    if (rows->classes) return "learns values, not classes";
    if (rows->d < 1) return "needs columns of numbers";
    if (rows->d > COLUMNS_MOST) return "takes 1000 columns at most";
    return rows->n > ROWS_MOST ? "takes 2000 rows at most" : NULL;
}

/* ---- predict ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    double *out, *sd, *scratch; /* scratch[workers, BLOCK (d + n + 1)] */
    const relevance *m;
    const hg_rows *rows;
} prediction;

/* Always BLOCK rows at once, so that a row's bits are its own. */
static void predict_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const prediction *p = ctx;
    const relevance *m = p->m;
    const size_t d = m->scaling.d, n = m->n;
    double *z = p->scratch + worker * BLOCK * (d + n + 1), *k = z + BLOCK * d, *square = k + BLOCK * n;
    memset(z, 0, BLOCK * d * sizeof *z);
    hg_scaling_apply(z, &m->scaling, p->rows->x + begin * d, end - begin);
    weigh(z, m, end - begin);
    for (size_t i = 0; i < BLOCK; i++) square[i] = hg_dot(z + i * d, z + i * d, d);
    hg_gemm(k, n, z, d, false, m->a, d, true, BLOCK, n, d, 1, 0);
    hg_relevance_kernel(k, square, m->square, BLOCK, n, m->common);
    for (size_t i = 0; i < end - begin; i++) {
        p->out[begin + i] = m->unit[0] + m->unit[1] * hg_dot(k + i * n, m->alpha, n);
        if (!p->sd) continue;
        hg_chol_lsolve(m->l, n, k + i * n);
        const double known = hg_dot(k + i * n, k + i * n, n), noise = hg_relevance_noise(m->common);
        const double left = hg_relevance_variance(square[i], m->common) - known;
        p->sd[begin + i] = m->unit[1] * sqrt(fmax(left, 0) + noise);
    }
}

static hg_status rel_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                             hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const relevance *m = model;
    prediction p = { .out = out, .sd = sd, .m = m, .rows = rows };
    p.scratch = hg_malloc(hg_pool_threads(pool) * BLOCK * (m->scaling.d + m->n + 1), sizeof *p.scratch);
    if (!p.scratch) return no_memory(err, rows->n);
    hg_pool_for(pool, rows->n, BLOCK, predict_task, &p);
    hg_free(p.scratch);
    return HG_OK;
}

/* ---- files --------------------------------------------------------------------------------------------------------------- */

static hg_status rel_save(const void *model, hg_shelf *to, hg_err *err) {
    const relevance *m = model;
    const size_t rows[2] = { m->n, m->scaling.d };
    HG_TRY(hg_scaling_save(&m->scaling, to, err));
    HG_TRY(hg_shelf_put(to, "rows", HG_STORED_F64, rows, 2, m->a, err));
    HG_TRY(hg_shelf_doubles(to, "values", m->y, m->n, err));
    HG_TRY(hg_shelf_doubles(to, "relevance", m->rho, m->scaling.d, err));
    HG_TRY(hg_shelf_doubles(to, "unit", m->unit, 2, err));
    return hg_shelf_doubles(to, "common", m->common, HG_RELEVANCE_COMMON, err);
}

static hg_status read_model(relevance *m, const hg_stored *rows, const hg_shelf_view *from, size_t d, hg_err *err) {
    HG_TRY(hg_scaling_load(&m->scaling, from, d, err));
    memcpy(m->a, rows->data, rows->count * sizeof *m->a);
    HG_TRY(hg_shelf_get_doubles(m->y, from, "values", m->n, err));
    HG_TRY(hg_shelf_get_doubles(m->rho, from, "relevance", d, err));
    HG_TRY(hg_shelf_get_doubles(m->unit, from, "unit", 2, err));
    HG_TRY(hg_shelf_get_doubles(m->common, from, "common", HG_RELEVANCE_COMMON, err));
    bool good = m->unit[1] > 0;
    for (size_t k = 0; k < HG_RELEVANCE_COMMON; k++) good = good && fabs(m->common[k]) < 20;
    if (!good) return hg_fail(err, HG_EDATA, "%s: relevances that no training has made", from->source);
    return condition(m, err);
}

static hg_status rel_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const size_t shape[2] = { HG_SHELF_ANY, d };
    const hg_stored *rows;
    relevance *m;
    *model = NULL;
    if (classes) return hg_fail(err, HG_EDATA, "%s: a Gaussian process of classes", from->source);
    HG_TRY(hg_shelf_get(&rows, from, "rows", HG_STORED_F64, shape, 2, err));
    if (rows->shape[0] == 0 || rows->shape[0] > ROWS_MOST)
        return hg_fail(err, HG_EDATA, "%s: relevances from %zu rows", from->source, rows->shape[0]);
    HG_TRY(new_model(&m, rows->shape[0], d, err));
    const hg_status st = read_model(m, rows, from, d, err);
    if (st == HG_OK)
        *model = m;
    else
        rel_free(m);
    return st;
}

const hg_learner hg_relevance_learner = {
    .name = "relevance",
    .version = "relevance 1",
    .help = "a Gaussian process that finds which columns matter; for tables of few rows",
    .suits = rel_suits,
    .fit = rel_fit,
    .predict = rel_predict,
    .save = rel_save,
    .load = rel_load,
    .free = rel_free,
};
