/* learn/ridge.c -- linear regression with a penalty on the size of its weights; classes by their 0/1 columns
 *
 *   w = argmin |y - mean - Z w|^2 + lambda |w|^2,   Z[n,d] scaled columns
 *
 * With Z = T V (rows of V[r,d] orthonormal: eigenvectors of Z'Z, or Z'u / s of those of ZZ' when that is smaller) each
 * lambda costs O(n r), and so does the error of leaving each row out in turn, exactly (Hastie, Tibshirani & Friedman, The
 * Elements of Statistical Learning, 2009, eq. 7.64): r_i / (1 - h_i), h_i = 1/n + sum_k t_ik^2 / (s_k^2 + lambda). The
 * lambda with the least such error is taken. Classes: a column of 0 and 1 for each, and probabilities softmax(sharpness
 * value), sharpness by the same left-out values.
 */
#include "core/memory.h"
#include "learn/records.h"
#include "learn/scaling.h"
#include "learn/softmax.h"
#include "models/linear.h"
#include "num/linalg.h"
#include <math.h>
#include <string.h>

enum { CHUNK = 256 /* rows */, LAMBDAS = 19, DIRECTIONS_MOST = 4000 };

typedef struct {
    hg_scaling scaling;
    size_t outputs;           /* 1, or one a class */
    double *weights, *offset; /* [outputs,d], [outputs] */
    double sharpness;
} ridge;

static void ridge_free(void *model) {
    ridge *m = model;
    if (!m) return;
    hg_scaling_free(&m->scaling);
    hg_free(m->weights);
    hg_free(m->offset);
    hg_free(m);
}

/* ---- directions ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_rows *rows;
    const hg_scaling *scaling;
    hg_pool *pool;
    hg_arena *mem;
    size_t k;           /* outputs */
    const double *mean; /* [k] of the targets */
    size_t r;           /* directions */
    double *v, *square; /* [r,d], [r] */
    double *c;          /* [r,k] V Z'y */
    double lambda;
    double *left_out; /* [n,k]: values of each row when it is left out, at lambda */
} work;

/* The eigenvectors as rows of a[n,n]. */
static hg_status eigen(double *a, double *square, size_t n, hg_err *err) {
    const int info = hg_eigen_symmetric(a, square, n);
    if (info == -1000) return hg_fail(err, HG_ENOMEM, "no memory for the eigenvalues of a matrix of %zu rows", n);
    return info ? hg_fail(err, HG_ENOTCONV, "the eigenvalues of a matrix of %zu rows were not found", n) : HG_OK;
}

/* Z'Z a chunk of rows at a time; a[d,d]. */
static hg_status primal(work *w, hg_err *err) {
    const size_t n = w->rows->n, d = w->rows->d;
    w->v = hg_alloc(w->mem, d * d, sizeof *w->v);
    w->square = hg_alloc(w->mem, d, sizeof *w->square);
    double *z = hg_alloc(w->mem, CHUNK * d, sizeof *z);
    if (!w->v || !w->square || !z) return hg_fail(err, HG_ENOMEM, "no memory for ridge regression on %zu columns", d);
    for (size_t i = 0; i < n; i += CHUNK) {
        const size_t m = n - i < CHUNK ? n - i : CHUNK;
        hg_scaling_apply(z, w->scaling, w->rows->x + i * d, m);
        hg_normal_add(w->v, d, z, m, w->pool);
    }
    hg_mirror_lower(w->v, d);
    HG_TRY(eigen(w->v, w->square, d, err));
    w->r = d;
    return HG_OK;
}

/* ZZ' [n,n] when there are more columns than rows, then V = U'Z / s. */
static hg_status dual(work *w, hg_err *err) {
    const size_t n = w->rows->n, d = w->rows->d;
    double *z = hg_alloc(w->mem, n * d, sizeof *z), *u = hg_alloc(w->mem, n * n, sizeof *u);
    w->v = hg_alloc(w->mem, n * d, sizeof *w->v);
    w->square = hg_alloc(w->mem, n, sizeof *w->square);
    if (!z || !u || !w->v || !w->square)
        return hg_fail(err, HG_ENOMEM, "no memory for ridge regression on %zu rows of %zu columns", n, d);
    hg_scaling_apply(z, w->scaling, w->rows->x, n);
    hg_gemm(u, n, z, d, false, z, d, true, n, n, d, 1, 0);
    HG_TRY(eigen(u, w->square, n, err));
    hg_gemm(w->v, d, u, n, false, z, d, false, n, d, n, 1, 0);
    for (size_t k = 0; k < n; k++)
        for (size_t j = 0; j < d; j++) w->v[k * d + j] /= w->square[k] > 0 ? sqrt(w->square[k]) : 1;
    w->r = n;
    return HG_OK;
}

/* Directions in which nothing varies would be rounding divided by rounding. Eigenvalues come in ascending order. */
static void drop_empty(work *w) {
    size_t first = 0;
    const double most = w->r ? w->square[w->r - 1] : 0;
    while (first < w->r && w->square[first] <= 1e-10 * most) first++;
    w->r -= first;
    w->v += first * w->rows->d;
    w->square += first;
}

/* ---- passes over the rows in the directions' coordinates ------------------------------------------------------------- */

typedef struct {
    work *w;
    double *sum;     /* [chunks, r*k] of t y, or [chunks, LAMBDAS] of squared left-out errors; NULL: */
    bool products;   /* the former */
    double *scratch; /* [workers, CHUNK (d + r)] */
} pass;

static void leave_out(double *value, const work *w, const double *t, size_t i, double lambda) {
    double h = 1 / (double)w->rows->n;
    for (size_t q = 0; q < w->k; q++) value[q] = 0;
    for (size_t s = 0; s < w->r; s++) {
        const double a = t[s] / (w->square[s] + lambda);
        h += t[s] * a;
        for (size_t q = 0; q < w->k; q++) value[q] += a * w->c[s * w->k + q];
    }
    const double rest = fmax(1 - h, 1e-9);
    for (size_t q = 0; q < w->k; q++) {
        const double y = hg_target_at(w->rows, i, q);
        value[q] = y - (y - w->mean[q] - value[q]) / rest;
    }
}

static double lambda_at(const work *w, size_t l) { return (double)w->rows->n * pow(10, -6 + 0.5 * (double)l); }

static void pass_row(const pass *p, const double *t, size_t i, size_t chunk) {
    const work *w = p->w;
    double value[HG_CLASSES_MOST];
    if (p->products) {
        double *c = p->sum + chunk * w->r * w->k;
        for (size_t q = 0; q < w->k; q++) {
            const double y = hg_target_at(w->rows, i, q) - w->mean[q];
            for (size_t s = 0; s < w->r; s++) c[s * w->k + q] += t[s] * y;
        }
    } else if (p->sum) {
        for (size_t l = 0; l < LAMBDAS; l++) {
            leave_out(value, w, t, i, lambda_at(w, l));
            for (size_t q = 0; q < w->k; q++) {
                const double e = value[q] - hg_target_at(w->rows, i, q);
                p->sum[chunk * LAMBDAS + l] += e * e;
            }
        }
    } else {
        leave_out(w->left_out + i * w->k, w, t, i, w->lambda);
    }
}

static void pass_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const pass *p = ctx;
    const work *w = p->w;
    const size_t d = w->rows->d, m = end - begin;
    double *z = p->scratch + worker * CHUNK * (d + w->r), *t = z + CHUNK * d;
    hg_scaling_apply(z, w->scaling, w->rows->x + begin * d, m);
    hg_gemm(t, w->r, z, d, false, w->v, d, true, m, w->r, d, 1, 0);
    for (size_t i = 0; i < m; i++) pass_row(p, t + i * w->r, begin + i, begin / CHUNK);
}

/* sum[width] of all chunks in their order; NULL: the left-out values. */
static hg_status run_pass(double *sum, size_t width, bool products, work *w, hg_err *err) {
    const size_t n = w->rows->n, chunks = (n + CHUNK - 1) / CHUNK;
    const hg_mark mark = hg_arena_mark(w->mem);
    pass p = { .w = w, .products = products };
    p.scratch = hg_alloc(w->mem, hg_pool_threads(w->pool) * CHUNK * (w->rows->d + w->r), sizeof *p.scratch);
    if (sum) p.sum = hg_alloc(w->mem, chunks * width, sizeof *p.sum);
    const bool ok = p.scratch && (!sum || p.sum);
    if (ok) hg_pool_for(w->pool, n, CHUNK, pass_task, &p);
    for (size_t c = 0; ok && sum && c < chunks; c++)
        for (size_t k = 0; k < width; k++) sum[k] = (c ? sum[k] : 0) + p.sum[c * width + k];
    hg_arena_reset(w->mem, mark);
    return ok ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for ridge regression on %zu rows", n);
}

/* ---- fit ------------------------------------------------------------------------------------------------------------- */

static hg_status choose_lambda(work *w, const hg_learning *how, hg_err *err) {
    double loss[LAMBDAS];
    size_t best = 0;
    w->lambda = how->option[0];
    if (w->lambda > 0) return HG_OK;
    HG_TRY(run_pass(loss, LAMBDAS, false, w, err));
    for (size_t l = 1; l < LAMBDAS; l++)
        if (loss[l] <= loss[best]) best = l;
    w->lambda = lambda_at(w, best);
    return HG_OK;
}

static hg_status choose_sharpness(ridge *m, work *w, hg_err *err) {
    w->left_out = hg_alloc(w->mem, w->rows->n * w->k, sizeof *w->left_out);
    if (!w->left_out) return hg_fail(err, HG_ENOMEM, "no memory for %zu values", w->rows->n * w->k);
    HG_TRY(run_pass(NULL, 0, false, w, err));
    m->sharpness = hg_softmax_sharpness(w->left_out, w->rows);
    return HG_OK;
}

static hg_status new_model(ridge **out, size_t d, size_t outputs, hg_err *err) {
    ridge *m = *out = hg_calloc(1, sizeof *m);
    if (m) {
        m->outputs = outputs;
        m->weights = hg_calloc(outputs * d, sizeof *m->weights);
        m->offset = hg_calloc(outputs, sizeof *m->offset);
    }
    if (m && m->weights && m->offset) return HG_OK;
    ridge_free(m);
    *out = NULL;
    return hg_fail(err, HG_ENOMEM, "no memory for %zu weights", outputs * d);
}

static hg_status solve(ridge *m, work *w, const hg_learning *how, hg_err *err) {
    const size_t n = w->rows->n, d = w->rows->d;
    for (size_t i = 0; i < n; i++)
        for (size_t q = 0; q < w->k; q++) m->offset[q] += hg_target_at(w->rows, i, q) / (double)n;
    w->mean = m->offset;
    HG_TRY(d <= n ? primal(w, err) : dual(w, err));
    drop_empty(w);
    w->c = hg_alloc(w->mem, w->r * w->k, sizeof *w->c);
    if (!w->c) return hg_fail(err, HG_ENOMEM, "no memory for ridge regression");
    HG_TRY(run_pass(w->c, w->r * w->k, true, w, err));
    HG_TRY(choose_lambda(w, how, err));
    if (w->rows->classes) HG_TRY(choose_sharpness(m, w, err));
    for (size_t s = 0; s < w->r; s++)
        for (size_t q = 0; q < w->k; q++) {
            const double a = w->c[s * w->k + q] / (w->square[s] + w->lambda);
            for (size_t j = 0; j < d; j++) m->weights[q * d + j] += a * w->v[s * d + j];
        }
    return HG_OK;
}

static hg_status ridge_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    ridge *m;
    *model = NULL;
    HG_TRY(new_model(&m, rows->d, rows->classes ? rows->classes : 1, err));
    hg_arena *mem = hg_arena_new();
    work w = { .rows = rows, .scaling = &m->scaling, .pool = how->pool, .mem = mem, .k = m->outputs };
    hg_status st = mem ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for ridge regression");
    if (st == HG_OK) st = hg_scaling_fit(&m->scaling, rows, err);
    if (st == HG_OK) st = solve(m, &w, how, err);
    hg_arena_free(mem);
    if (st == HG_OK)
        *model = m;
    else
        ridge_free(m);
    return st;
}

static const char *ridge_suits(const hg_rows *rows) {
    return rows->n > DIRECTIONS_MOST && rows->d > DIRECTIONS_MOST ? "takes 4000 columns at most, or 4000 rows" : NULL;
}

/* ---- predict --------------------------------------------------------------------------------------------------------- */

typedef struct {
    double *out, *z;
    const ridge *m;
    const hg_rows *rows;
} prediction;

static void predict_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const prediction *p = ctx;
    const ridge *m = p->m;
    const size_t d = m->scaling.d, k = m->outputs;
    double *z = p->z + worker * d;
    for (size_t i = begin; i < end; i++) {
        hg_scaling_apply(z, &m->scaling, p->rows->x + i * d, 1);
        for (size_t q = 0; q < k; q++) p->out[i * k + q] = m->offset[q] + hg_dot(m->weights + q * d, z, d);
        if (k > 1) hg_softmax_values(p->out + i * k, k, m->sharpness);
    }
}

static hg_status ridge_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                               hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const ridge *m = model;
    prediction p = { .out = out, .m = m, .rows = rows };
    p.z = hg_malloc(hg_pool_threads(pool) * m->scaling.d, sizeof *p.z);
    if (!p.z) return hg_fail(err, HG_ENOMEM, "no memory for predictions");
    hg_pool_for(pool, rows->n, CHUNK, predict_task, &p);
    hg_free(p.z);
    for (size_t i = 0; sd && m->outputs == 1 && i < rows->n; i++) sd[i] = NAN;
    return HG_OK;
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static hg_status ridge_save(const void *model, hg_shelf *to, hg_err *err) {
    const ridge *m = model;
    const size_t shape[2] = { m->outputs, m->scaling.d };
    HG_TRY(hg_scaling_save(&m->scaling, to, err));
    HG_TRY(hg_shelf_put(to, "weights", HG_STORED_F64, shape, 2, m->weights, err));
    HG_TRY(hg_shelf_doubles(to, "offset", m->offset, m->outputs, err));
    return hg_shelf_doubles(to, "sharpness", &m->sharpness, 1, err);
}

static hg_status read_model(ridge *m, const hg_shelf_view *from, size_t d, hg_err *err) {
    const size_t shape[2] = { m->outputs, d };
    const hg_stored *t;
    HG_TRY(hg_scaling_load(&m->scaling, from, d, err));
    HG_TRY(hg_shelf_get(&t, from, "weights", HG_STORED_F64, shape, 2, err));
    if (t->count) memcpy(m->weights, t->data, t->count * sizeof *m->weights);
    HG_TRY(hg_shelf_get_doubles(m->offset, from, "offset", m->outputs, err));
    return hg_shelf_get_doubles(&m->sharpness, from, "sharpness", 1, err);
}

static hg_status ridge_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    ridge *m;
    *model = NULL;
    HG_TRY(new_model(&m, d, classes ? classes : 1, err));
    const hg_status st = read_model(m, from, d, err);
    if (st == HG_OK)
        *model = m;
    else
        ridge_free(m);
    return st;
}

static const hg_train_option OPTIONS[] = {
    { "penalty", "", 0, 0, 1e12, false, "lambda, on columns of standard deviation 1; 0: by leaving each row out" },
};

const hg_learner hg_ridge_learner = {
    .name = "ridge",
    .version = "ridge 1",
    .help = "linear, with a penalty on large weights that leave-one-out chooses",
    .option = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .suits = ridge_suits,
    .fit = ridge_fit,
    .predict = ridge_predict,
    .save = ridge_save,
    .load = ridge_load,
    .free = ridge_free,
};
