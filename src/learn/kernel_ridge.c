/* learn/kernel_ridge.c -- kernel ridge regression: smooth functions of distance, without a gradient
 *
 *   value(x) = mean + sum_i k(|z - z_i| / length) alpha_i,   alpha = (K + lambda)^-1 (y - mean),   z scaled columns
 *
 * Kernel (exponential, or Matern 5/2), length (multiples of the median distance) and lambda are chosen on at most
 * TUNED rows by the exact error of leaving each row out: with K = U S U', residual_i = alpha_i / [(K + lambda)^-1]_ii
 * (Rasmussen & Williams, 2006, eq. 5.12), each lambda costs O(n^2). Then one Cholesky of all rows. Classes: a column of 0 and
 * 1 for each, probabilities as in learn/softmax.h.
 */
#include "core/memory.h"
#include "learn/records.h"
#include "learn/scaling.h"
#include "learn/softmax.h"
#include "num/linalg.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 /* rows at once: always as many, so that a row's bits are its own */, TUNED = 600, ROWS_MOST = 8000 };
enum { LAMBDAS = 11, LENGTHS = 5, SHAPES = 2, COLUMNS_MOST = 4000 };

typedef struct {
    hg_scaling scaling;
    size_t n, outputs;
    double *z;      /* [n,d] scaled rows */
    double *square; /* [n] |z|^2 */
    double *alpha;  /* [n,outputs] */
    double *offset; /* [outputs] */
    double shape, length, sharpness;
} kernel_ridge;

static void kr_free(void *model) {
    kernel_ridge *m = model;
    if (!m) return;
    hg_scaling_free(&m->scaling);
    hg_free(m->z);
    hg_free(m->square);
    hg_free(m->alpha);
    hg_free(m->offset);
    hg_free(m);
}

static hg_status no_memory(hg_err *err, size_t n) {
    return hg_fail(err, HG_ENOMEM, "no memory for kernel ridge regression on %zu rows", n);
}

static hg_status new_model(kernel_ridge **out, size_t n, size_t d, size_t outputs, hg_err *err) {
    kernel_ridge *m = *out = hg_calloc(1, sizeof *m);
    if (m) {
        m->n = n;
        m->outputs = outputs;
        m->z = hg_calloc(n * d, sizeof *m->z);
        m->square = hg_calloc(n, sizeof *m->square);
        m->alpha = hg_calloc(n * outputs, sizeof *m->alpha);
        m->offset = hg_calloc(outputs, sizeof *m->offset);
    }
    if (m && m->z && m->square && m->alpha && m->offset) return HG_OK;
    kr_free(m);
    *out = NULL;
    return no_memory(err, n);
}

static void squares(double *square, const double *z, size_t n, size_t d) {
    for (size_t i = 0; i < n; i++) square[i] = hg_dot(z + i * d, z + i * d, d);
}

/* ---- kernels ---------------------------------------------------------------------------------------------------------- */

/* k[n] of squared distances in place. */
static void kernel(double *k, size_t n, double shape, double length) {
    for (size_t i = 0; i < n; i++) {
        const double r = sqrt(fmax(k[i], 0)) / length;
        k[i] = shape == 0 ? exp(-r) : (1 + sqrt(5) * r + 5.0 / 3 * r * r) * exp(-sqrt(5) * r);
    }
}

/* r2[BLOCK,n] between z[BLOCK,d] and all rows of the model. */
static void distances(double *r2, const double *z, const kernel_ridge *m) {
    const size_t d = m->scaling.d;
    hg_gemm(r2, m->n, z, d, false, m->z, d, true, BLOCK, m->n, d, -2, 0);
    for (size_t i = 0; i < BLOCK; i++) {
        const double own = hg_dot(z + i * d, z + i * d, d);
        for (size_t j = 0; j < m->n; j++) r2[i * m->n + j] += own + m->square[j];
    }
}

/* r2[n,n] between rows of z[n,d]. */
static void all_distances(double *r2, const double *z, const double *square, size_t n, size_t d) {
    hg_syrk_lower(r2, n, z, d, n, d, -2, 0);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) r2[i * n + j] += square[i] + square[j];
        r2[i * n + i] = 0;
    }
    hg_mirror_lower(r2, n);
}

/* ---- choice of kernel and lambda --------------------------------------------------------------------------------------- */

typedef struct {
    const hg_rows *rows;
    hg_arena *mem;
    size_t k;           /* outputs */
    size_t n;           /* rows to tune on */
    size_t *index;      /* [n] of the rows */
    double *y;          /* [n,k] less the offset */
    double *r2, *u, *s; /* [n,n], [n,n], [n] */
    double *left_out;   /* [n,k] of the best so far */
    double *trial;      /* [n,k] */
    double median;      /* of distances */
    double shape, length, lambda, loss;
} tuning;

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the distances of the first rows to the others; rows that are equal say nothing of it. */
static hg_status median_distance(tuning *t, hg_err *err) {
    const size_t rows = t->n < 100 ? t->n : 100;
    double *r = hg_alloc(t->mem, rows * t->n, sizeof *r);
    size_t m = 0;
    if (!r) return no_memory(err, t->n);
    for (size_t i = 0; i < rows * t->n; i++)
        if (t->r2[i] > 1e-12) r[m++] = t->r2[i];
    qsort(r, m, sizeof *r, by_value);
    t->median = m ? sqrt(r[m / 2]) : 1;
    return HG_OK;
}

/* Values of rows left out, at one lambda: trial[n,k]. Rows of u are eigenvectors; v = u y. */
static double leave_out(tuning *t, const double *v, double lambda) {
    double loss = 0;
    for (size_t i = 0; i < t->n; i++) {
        double inverse = 0, alpha[HG_CLASSES_MOST] = { 0 };
        for (size_t q = 0; q < t->n; q++) {
            const double a = t->u[q * t->n + i] / (t->s[q] + lambda);
            inverse += a * t->u[q * t->n + i];
            for (size_t k = 0; k < t->k; k++) alpha[k] += a * v[q * t->k + k];
        }
        for (size_t k = 0; k < t->k; k++) {
            const double e = alpha[k] / inverse;
            t->trial[i * t->k + k] = t->y[i * t->k + k] - e;
            loss += t->rows->classes ? e * e : fabs(e);
        }
    }
    return loss;
}

static hg_status try_kernel(tuning *t, double shape, double length, double *v, hg_err *err) {
    memcpy(t->u, t->r2, t->n * t->n * sizeof *t->u);
    kernel(t->u, t->n * t->n, shape, length);
    const int info = hg_eigen_symmetric(t->u, t->s, t->n);
    if (info == -1000) return no_memory(err, t->n);
    if (info) return hg_fail(err, HG_ENOTCONV, "the eigenvalues of %zu rows were not found", t->n);
    for (size_t q = 0; q < t->n; q++) t->s[q] = fmax(t->s[q], 0);
    hg_gemm(v, t->k, t->u, t->n, false, t->y, t->k, false, t->n, t->k, t->n, 1, 0);
    for (size_t l = 0; l < LAMBDAS; l++) {
        const double lambda = pow(10, -5 + 0.5 * (double)l), loss = leave_out(t, v, lambda);
        if (!(loss < t->loss)) continue;
        t->loss = loss, t->shape = shape, t->length = length, t->lambda = lambda;
        memcpy(t->left_out, t->trial, t->n * t->k * sizeof *t->trial);
    }
    return HG_OK;
}

/* What of the rows is tuned on: all, or as many as can be, drawn. */
static hg_status begin_tuning(tuning *t, const kernel_ridge *m, uint64_t seed, hg_err *err) {
    const size_t n = t->rows->n, d = m->scaling.d;
    size_t *order = hg_alloc(t->mem, n, sizeof *order);
    t->n = n < TUNED ? n : TUNED;
    double *z = hg_alloc(t->mem, t->n * d, sizeof *z), *square = hg_alloc(t->mem, t->n, sizeof *square);
    t->y = hg_alloc(t->mem, t->n * t->k, sizeof *t->y);
    t->r2 = hg_alloc(t->mem, t->n * t->n, sizeof *t->r2);
    t->u = hg_alloc(t->mem, t->n * t->n, sizeof *t->u);
    t->s = hg_alloc(t->mem, t->n, sizeof *t->s);
    t->left_out = hg_alloc(t->mem, t->n * t->k, sizeof *t->left_out);
    t->trial = hg_alloc(t->mem, t->n * t->k, sizeof *t->trial);
    if (!order || !z || !square || !t->y || !t->r2 || !t->u || !t->s || !t->left_out || !t->trial)
        return no_memory(err, n);
    for (size_t i = 0; i < n; i++) order[i] = i;
    hg_rng r = hg_rng_make(seed, 0x4e71);
    if (t->n < n) hg_rng_shuffle(&r, order, n);
    t->index = order;
    for (size_t i = 0; i < t->n; i++) {
        memcpy(z + i * d, m->z + order[i] * d, d * sizeof *z);
        for (size_t k = 0; k < t->k; k++) t->y[i * t->k + k] = hg_target_at(t->rows, order[i], k) - m->offset[k];
    }
    squares(square, z, t->n, d);
    all_distances(t->r2, z, square, t->n, d);
    return median_distance(t, err);
}

static hg_status tune(tuning *t, hg_err *err) {
    double *v = hg_alloc(t->mem, t->n * t->k, sizeof *v);
    if (!v) return no_memory(err, t->n);
    t->loss = INFINITY;
    for (int shape = 0; shape < SHAPES; shape++)
        for (int l = 0; l < LENGTHS; l++) HG_TRY(try_kernel(t, shape, t->median * pow(2, 1.5 * l - 1.5), v, err));
    return isfinite(t->loss) ? HG_OK : hg_fail(err, HG_ENAN, "no kernel gave a finite error");
}

static hg_status sharpen(kernel_ridge *m, tuning *t, hg_err *err) {
    hg_rows rows;
    for (size_t i = 0; i < t->n * t->k; i++) t->left_out[i] += m->offset[i % t->k];
    HG_TRY(hg_rows_take(&rows, t->rows, t->index, t->n, t->mem, err));
    m->sharpness = hg_softmax_sharpness(t->left_out, &rows);
    return HG_OK;
}

/* ---- fit ----------------------------------------------------------------------------------------------------------------- */

static hg_status solve(kernel_ridge *m, const hg_rows *rows, double lambda, hg_pool *pool, hg_arena *mem, hg_err *err) {
    const size_t n = m->n, k = m->outputs;
    double *a = hg_alloc(mem, n * n, sizeof *a), *b = hg_alloc(mem, n, sizeof *b);
    if (!a || !b) return no_memory(err, n);
    all_distances(a, m->z, m->square, n, m->scaling.d);
    kernel(a, n * n, m->shape, m->length);
    for (size_t i = 0; i < n; i++) a[i * n + i] += lambda;
    if (hg_chol_blocked(a, n, pool) != 0)
        return hg_fail(err, HG_ENOTPD, "the kernel matrix of %zu rows is not positive definite", n);
    for (size_t q = 0; q < k; q++) {
        for (size_t i = 0; i < n; i++) b[i] = hg_target_at(rows, i, q) - m->offset[q];
        hg_chol_lsolve(a, n, b);
        hg_chol_ltsolve(a, n, b);
        for (size_t i = 0; i < n; i++) m->alpha[i * k + q] = b[i];
    }
    return HG_OK;
}

static hg_status learn(kernel_ridge *m, const hg_rows *rows, const hg_learning *how, hg_arena *mem, hg_err *err) {
    HG_TRY(hg_scaling_fit(&m->scaling, rows, err));
    hg_scaling_apply(m->z, &m->scaling, rows->x, rows->n);
    squares(m->square, m->z, m->n, m->scaling.d);
    for (size_t i = 0; i < rows->n; i++)
        for (size_t q = 0; q < m->outputs; q++) m->offset[q] += hg_target_at(rows, i, q) / (double)rows->n;
    tuning t = { .rows = rows, .mem = mem, .k = m->outputs };
    const hg_mark mark = hg_arena_mark(mem);
    HG_TRY(begin_tuning(&t, m, how->seed, err));
    HG_TRY(tune(&t, err));
    if (rows->classes) HG_TRY(sharpen(m, &t, err));
    m->shape = t.shape, m->length = t.length;
    hg_arena_reset(mem, mark);
    return solve(m, rows, t.lambda, how->pool, mem, err);
}

static hg_status kr_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    kernel_ridge *m;
    *model = NULL;
    HG_TRY(new_model(&m, rows->n, rows->d, rows->classes ? rows->classes : 1, err));
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? learn(m, rows, how, mem, err) : no_memory(err, rows->n);
    hg_arena_free(mem);
    if (st == HG_OK)
        *model = m;
    else
        kr_free(m);
    return st;
}

static const char *kr_suits(const hg_rows *rows) {
    if (rows->d > COLUMNS_MOST) return "takes 4000 columns at most";
    return rows->n > ROWS_MOST ? "takes 8000 rows at most" : NULL;
}

/* ---- predict --------------------------------------------------------------------------------------------------------------- */

typedef struct {
    double *out, *scratch; /* scratch[workers, BLOCK (d + n)] */
    const kernel_ridge *m;
    const hg_rows *rows;
} prediction;

static void predict_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const prediction *p = ctx;
    const kernel_ridge *m = p->m;
    const size_t d = m->scaling.d, k = m->outputs;
    double *z = p->scratch + worker * BLOCK * (d + m->n), *r2 = z + BLOCK * d;
    memset(z, 0, BLOCK * d * sizeof *z);
    hg_scaling_apply(z, &m->scaling, p->rows->x + begin * d, end - begin);
    distances(r2, z, m);
    kernel(r2, (end - begin) * m->n, m->shape, m->length);
    for (size_t i = begin; i < end; i++) {
        double *out = p->out + i * k;
        for (size_t q = 0; q < k; q++) out[q] = m->offset[q];
        for (size_t j = 0; j < m->n; j++)
            for (size_t q = 0; q < k; q++) out[q] += r2[(i - begin) * m->n + j] * m->alpha[j * k + q];
        if (k > 1) hg_softmax_values(out, k, m->sharpness);
    }
}

static hg_status kr_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                            hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const kernel_ridge *m = model;
    prediction p = { .out = out, .m = m, .rows = rows };
    p.scratch = hg_malloc(hg_pool_threads(pool) * BLOCK * (m->scaling.d + m->n), sizeof *p.scratch);
    if (!p.scratch) return no_memory(err, rows->n);
    hg_pool_for(pool, rows->n, BLOCK, predict_task, &p);
    hg_free(p.scratch);
    for (size_t i = 0; sd && m->outputs == 1 && i < rows->n; i++) sd[i] = NAN;
    return HG_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------------------- */

static hg_status kr_save(const void *model, hg_shelf *to, hg_err *err) {
    const kernel_ridge *m = model;
    const size_t rows[2] = { m->n, m->scaling.d }, alpha[2] = { m->n, m->outputs };
    const double kernel_of[3] = { m->shape, m->length, m->sharpness };
    HG_TRY(hg_scaling_save(&m->scaling, to, err));
    HG_TRY(hg_shelf_put(to, "rows", HG_STORED_F64, rows, 2, m->z, err));
    HG_TRY(hg_shelf_put(to, "alpha", HG_STORED_F64, alpha, 2, m->alpha, err));
    HG_TRY(hg_shelf_doubles(to, "offset", m->offset, m->outputs, err));
    return hg_shelf_doubles(to, "kernel", kernel_of, 3, err);
}

static hg_status read_model(kernel_ridge *m, const hg_stored *rows, const hg_shelf_view *from, size_t d, hg_err *err) {
    const size_t alpha[2] = { m->n, m->outputs };
    const hg_stored *t;
    double kernel_of[3];
    HG_TRY(hg_scaling_load(&m->scaling, from, d, err));
    HG_TRY(hg_shelf_get(&t, from, "alpha", HG_STORED_F64, alpha, 2, err));
    memcpy(m->z, rows->data, rows->count * sizeof *m->z);
    memcpy(m->alpha, t->data, t->count * sizeof *m->alpha);
    HG_TRY(hg_shelf_get_doubles(m->offset, from, "offset", m->outputs, err));
    HG_TRY(hg_shelf_get_doubles(kernel_of, from, "kernel", 3, err));
    if ((kernel_of[0] != 0 && kernel_of[0] != 1) || !(kernel_of[1] > 0))
        return hg_fail(err, HG_EDATA, "%s: a kernel that there is not", from->source);
    m->shape = kernel_of[0], m->length = kernel_of[1], m->sharpness = kernel_of[2];
    squares(m->square, m->z, m->n, d);
    return HG_OK;
}

static hg_status kr_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    const size_t shape[2] = { HG_SHELF_ANY, d };
    const hg_stored *rows;
    kernel_ridge *m;
    *model = NULL;
    HG_TRY(hg_shelf_get(&rows, from, "rows", HG_STORED_F64, shape, 2, err));
    if (rows->shape[0] == 0) return hg_fail(err, HG_EDATA, "%s: a kernel model without rows", from->source);
    HG_TRY(new_model(&m, rows->shape[0], d, classes ? classes : 1, err));
    const hg_status st = read_model(m, rows, from, d, err);
    if (st == HG_OK)
        *model = m;
    else
        kr_free(m);
    return st;
}

const hg_learner hg_kernel_ridge_learner = {
    .name = "kernel-ridge",
    .version = "kernel-ridge 1",
    .help = "smooth in the distance to known rows; kernel, length and penalty by leaving rows out",
    .suits = kr_suits,
    .fit = kr_fit,
    .predict = kr_predict,
    .save = kr_save,
    .load = kr_load,
    .free = kr_free,
};
