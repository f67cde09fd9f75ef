/* bayes/predict.c -- means, variances and covariances at new points (formulae in bayes/model.h)
 *
 * Queries are cut into chunks of HG_GP_CHUNK whatever the number of threads; a chunk is a block of covariances, one
 * triangular product and sums over its columns, so a result never depends on who computed it.
 */
#include "bayes/model.h"
#include "num/linalg.h"
#include "num/vector.h"
#include <math.h>
#include <string.h>

enum { SMALL_BASIS = 400 }; /* up to here half a chunk, so that k and v stay in the second-level cache together */

void hg_gp_project(double *k, double *v, double *w, const hg_gp *gp, const double *bt, size_t m, double *work) {
    hg_kernel_block(k, m, &gp->values, gp->basis, gp->p, bt, m, m, work);
    if (!v) return;
    hg_lower_multiply(v, m, gp->u, gp->ld, k, m, gp->p, m);
    if (!w) return;
    memcpy(w, v, gp->p * m * sizeof *w);
    hg_chol_lsolve_many(gp->b, gp->p, gp->p, w, m, m);
}

typedef struct {
    const hg_gp *gp;
    const double *xs;
    double *mean, *var;
    double *scratch; /* of all workers */
    size_t per_worker, width;
} prediction;

/* var / s2 of a block: k** - sum v^2 + sum w^2 + (1 - c'w)^2 / h, with w = v in the exact model. */
static void block_variance(double *var, const hg_gp *gp, const double *diagonal, const double *v, const double *w,
                           size_t m, double *sum) {
    double *squares = sum + m;
    memset(sum, 0, 2 * m * sizeof *sum);
    hg_gemv(sum, w ? w : v, m, true, gp->c, gp->p, m, 1, 0);
    for (size_t i = 0; i < gp->p; i++) hg_add_squares(squares, v + i * m, m);
    for (size_t q = 0; q < m; q++) var[q] = diagonal[q] - squares[q];
    if (w) {
        memset(squares, 0, m * sizeof *squares);
        for (size_t i = 0; i < gp->p; i++) hg_add_squares(squares, w + i * m, m);
        for (size_t q = 0; q < m; q++) var[q] = fmax(var[q], 0) + squares[q];
    }
    for (size_t q = 0; q < m; q++) {
        const double t = 1 - sum[q];
        var[q] = gp->s2 * (fmax(var[q], 0) + t * t / gp->h); /* round-off can leave -1e-17 */
    }
}

static void predict_chunk(void *ctx, size_t begin, size_t end, size_t worker) {
    const prediction *t = ctx;
    const hg_gp *gp = t->gp;
    const size_t m = end - begin, p = gp->p;
    double *bt = t->scratch + worker * t->per_worker, *k = bt + gp->d * t->width, *v = k + p * t->width;
    double *w = gp->inducing ? v + p * t->width : NULL, *work = v + (gp->inducing ? 2 : 1) * p * t->width;
    hg_gp_scale_block(bt, gp, t->xs + begin * gp->d, m);
    hg_gp_project(k, t->var ? v : NULL, t->var ? w : NULL, gp, bt, m, work);
    double *mean = t->mean + begin;
    hg_gemv(mean, k, m, true, gp->alpha, p, m, 1, 0);
    for (size_t q = 0; q < m; q++) mean[q] = gp->y_shift + gp->y_scale * (gp->mean + mean[q]);
    if (!t->var) return;
    double *var = t->var + begin, *diagonal = k; /* k has done its work */
    hg_kernel_diagonal(diagonal, &gp->values, bt, m, m, work);
    block_variance(var, gp, diagonal, v, w, m, work);
    for (size_t q = 0; q < m; q++) var[q] *= gp->y_scale * gp->y_scale;
}

hg_status hg_gp_predict(double *mean, double *var, const hg_gp *gp, const double *xs, size_t m, hg_arena *scratch,
                        hg_err *err) {
    HG_ONE_BLAS_THREAD;
    HG_TRY(hg_check_finite("xs", xs, m, gp->d, err));
    const hg_mark mark = hg_arena_mark(scratch);
    prediction t = {
        .gp = gp,
        .xs = xs,
        .mean = mean,
        .var = var,
    };
    const size_t chunk = gp->p <= SMALL_BASIS ? HG_GP_CHUNK / 2 : HG_GP_CHUNK;
    t.width = m < chunk ? m : chunk;
    const size_t work = hg_kernel_work(&gp->kernel, gp->d, t.width) + (2 + HG_KERNEL_LEAVES) * t.width;
    t.per_worker = (gp->d + 3 * gp->p) * t.width + work;
    t.scratch = hg_alloc(scratch, hg_pool_threads(gp->pool), t.per_worker * sizeof *t.scratch);
    if (!t.scratch) return hg_fail(err, HG_ENOMEM, "scratch for predictions from %zu points", gp->p);
    hg_pool_for(gp->pool, m, chunk, predict_chunk, &t);
    hg_arena_reset(scratch, mark);
    return HG_OK;
}

/* cov / s2 = K** - V'V + W'W + (1 - W'c)(1 - W'c)' / h */
hg_status hg_gp_covariance(double *cov, const hg_gp *gp, const double *xs, size_t m, hg_arena *scratch, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    HG_TRY(hg_check_finite("xs", xs, m, gp->d, err));
    const hg_mark mark = hg_arena_mark(scratch);
    const size_t p = gp->p, d = gp->d;
    double *rows = hg_alloc(scratch, m, d * sizeof *rows), *bt = hg_alloc(scratch, d, m * sizeof *bt);
    double *k = hg_alloc(scratch, p, m * sizeof *k), *v = hg_alloc(scratch, p, m * sizeof *v);
    double *w = hg_alloc(scratch, gp->inducing ? p : 1, m * sizeof *w), *t = hg_alloc(scratch, m, sizeof *t);
    double *work = hg_alloc(scratch, hg_kernel_work(&gp->kernel, d, m), sizeof *work);
    if (!rows || !bt || !k || !v || !w || !t || !work) {
        hg_arena_reset(scratch, mark);
        return hg_fail(err, HG_ENOMEM, "covariance of %zu queries", m);
    }
    hg_gp_scale_rows(rows, gp, xs, m);
    hg_gp_scale_block(bt, gp, xs, m);
    hg_gp_project(k, v, gp->inducing ? w : NULL, gp, bt, m, work);
    hg_kernel_block(cov, m, &gp->values, rows, m, bt, m, m, work);
    hg_gemm(cov, m, v, m, true, v, m, false, m, m, p, -1, 1);
    if (gp->inducing) hg_gemm(cov, m, w, m, true, w, m, false, m, m, p, 1, 1);
    for (size_t q = 0; q < m; q++) t[q] = 1;
    hg_gemv(t, gp->inducing ? w : v, m, true, gp->c, p, m, -1, 1);
    const double scale = gp->s2 * gp->y_scale * gp->y_scale;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++) {
            const double both = 0.5 * (cov[i * m + j] + cov[j * m + i]) + t[i] * t[j] / gp->h;
            cov[i * m + j] = cov[j * m + i] = scale * (i == j ? fmax(both, 0) : both);
        }
    hg_arena_reset(scratch, mark);
    return HG_OK;
}
