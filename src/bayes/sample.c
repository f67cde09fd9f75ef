/* bayes/sample.c -- joint samples of the posterior: by Cholesky for few queries, by Matheron's rule beyond
 *
 * Matheron: f* | y = f0(x*) + [prediction from y - f0(X) - e], with f0 a draw from the prior made of random Fourier
 * features. With the constant integrated out the prediction is the generalised-least-squares one: it maps a constant to
 * itself, so a draw with mean 0 is enough. For inducing points the draw is corrected at those points instead.
 * Source: Wilson et al., "Efficiently sampling functions from Gaussian process posteriors", ICML 2020, eqs. (12)-(14).
 */
#include "bayes/waves.h"
#include "bayes/model.h"
#include "core/memory.h"
#include "num/linalg.h"
#include "num/vector.h"
#include <math.h>
#include <string.h>

enum { SAMPLE_CHUNK = 128 };

/* ---- Matheron's rule ------------------------------------------------------------------------------------------------ */

typedef struct {
    const hg_gp *gp;
    hg_waves f;
    const double *weights; /* [HG_WAVES, k] of the prior draws */
    const double *alpha;   /* [p, k] corrections */
    const double *mean;    /* [k] */
    const double *xs;
    double *out, *scratch;
    size_t k, m, per_worker;
} matheron;

static size_t chunk_doubles(const hg_gp *gp, size_t k, bool linear) {
    return (gp->d + gp->p + (linear ? 2u : 1u) * HG_WAVES + k) * SAMPLE_CHUNK +
           hg_kernel_work(&gp->kernel, gp->d, SAMPLE_CHUNK);
}

/* f0[m, k] of the prior draws (standardised, times s) at bt[d, m]. */
static void prior_draws(double *f0, const matheron *t, const double *bt, size_t m, double *scratch) {
    hg_waves_at(scratch, scratch + HG_WAVES * m, &t->f, bt, m);
    hg_gemm(f0, t->k, scratch, m, true, t->weights, t->k, false, m, t->k, HG_WAVES, sqrt(t->gp->s2), 0);
}

static void sample_chunk(void *ctx, size_t begin, size_t end, size_t worker) {
    const matheron *t = ctx;
    const hg_gp *gp = t->gp;
    const size_t m = end - begin, k = t->k;
    double *bt = t->scratch + worker * t->per_worker, *f = bt + gp->d * m, *cov = f + k * m, *phi = cov + gp->p * m;
    double *work = phi + (t->f.linear ? 2u : 1u) * HG_WAVES * m;
    hg_gp_scale_block(bt, gp, t->xs + begin * gp->d, m);
    prior_draws(f, t, bt, m, phi);
    hg_gp_project(cov, NULL, NULL, gp, bt, m, work);
    hg_gemm(f, k, cov, m, true, t->alpha, k, false, m, k, gp->p, 1, 1);
    for (size_t q = 0; q < m; q++)
        for (size_t s = 0; s < k; s++)
            t->out[s * t->m + begin + q] = gp->y_shift + gp->y_scale * (f[q * k + s] + t->mean[s]);
}

/* The prior draws at the model's own points, [n, k]: all training points, or the inducing points. */
static void draws_at_basis(double *f0, const matheron *t, double *scratch) {
    const hg_gp *gp = t->gp;
    for (size_t begin = 0; begin < gp->p; begin += SAMPLE_CHUNK) {
        const size_t m = gp->p - begin < SAMPLE_CHUNK ? gp->p - begin : SAMPLE_CHUNK;
        hg_transpose(scratch, m, gp->basis + begin * gp->d, gp->d, m, gp->d);
        prior_draws(f0 + begin * t->k, t, scratch, m, scratch + gp->d * m);
    }
}

/* From r[p,k] = f0 at the basis to alpha[p,k] and the means. temp[p]. */
static void correct(double *alpha, double *mean, double *r, const hg_gp *gp, size_t k, hg_rng *rng, double *temp,
                    double *a) {
    const size_t p = gp->p;
    const double s = sqrt(gp->s2), noise = s * sqrt(gp->nu);
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < p; j++)
            temp[j] = gp->inducing ? -r[j * k + i] : gp->y[j] - r[j * k + i] - noise * hg_rng_normal(rng);
        hg_gemv(a, gp->u, gp->ld, false, temp, p, p, 1, 0); /* exact: L^-1 (y - f0 - e) */
        if (gp->inducing) {
            mean[i] = gp->mean + s * hg_rng_normal(rng) / sqrt(gp->h);
            for (size_t j = 0; j < p; j++) temp[j] = gp->z[j] - mean[i] * gp->c[j] + s * hg_rng_normal(rng);
            hg_chol_ltsolve(gp->b, p, temp); /* whitened values at the inducing points */
            hg_axpy(a, 1, temp, p);
        } else {
            mean[i] = hg_dot(gp->c, a, p) / gp->h;
            hg_axpy(a, -mean[i], gp->c, p);
        }
        hg_gemv(temp, gp->u, gp->ld, true, a, p, p, 1, 0);
        for (size_t j = 0; j < p; j++) alpha[j * k + i] = temp[j];
    }
}

static hg_status by_matheron(double *out, size_t k, const hg_gp *gp, const double *xs, size_t m, hg_rng *rng,
                             hg_arena *mem, hg_err *err) {
    const size_t p = gp->p;
    matheron t = { .gp = gp, .xs = xs, .out = out, .k = k, .m = m };
    double *weights = hg_alloc(mem, HG_WAVES, k * sizeof *weights), *r = hg_alloc(mem, p, k * sizeof *r);
    double *alpha = hg_alloc(mem, p, k * sizeof *alpha), *mean = hg_alloc(mem, k, sizeof *mean);
    double *temp = hg_alloc(mem, 2 * p, sizeof *temp);
    if (!weights || !r || !alpha || !mean || !temp || !hg_waves_new(&t.f, &gp->values, rng, mem))
        return hg_fail(err, HG_ENOMEM, "%zu samples at %zu points", k, m);
    t.per_worker = chunk_doubles(gp, k, t.f.linear > 0);
    t.scratch = hg_alloc(mem, hg_pool_threads(gp->pool), t.per_worker * sizeof *t.scratch);
    if (!t.scratch) return hg_fail(err, HG_ENOMEM, "%zu samples at %zu points", k, m);
    for (size_t i = 0; i < HG_WAVES * k; i++) weights[i] = hg_rng_normal(rng);
    t.weights = weights;
    draws_at_basis(r, &t, t.scratch);
    correct(alpha, mean, r, gp, k, rng, temp, temp + p);
    t.alpha = alpha;
    t.mean = mean;
    hg_pool_for(gp->pool, m, SAMPLE_CHUNK, sample_chunk, &t);
    return HG_OK;
}

/* ---- Cholesky ------------------------------------------------------------------------------------------------------- */

static hg_status by_cholesky(double *out, size_t k, const hg_gp *gp, const double *xs, size_t m, hg_rng *rng,
                             hg_arena *mem, hg_err *err) {
    double *mean = hg_alloc(mem, m, sizeof *mean), *cov = hg_alloc(mem, m, m * sizeof *cov);
    double *l = hg_alloc(mem, m, m * sizeof *l), *z = hg_alloc(mem, k, m * sizeof *z);
    if (!mean || !cov || !l || !z) return hg_fail(err, HG_ENOMEM, "%zu samples at %zu points", k, m);
    HG_TRY(hg_gp_predict(mean, NULL, gp, xs, m, mem, err));
    HG_TRY(hg_gp_covariance(cov, gp, xs, m, mem, err));
    double largest = 0;
    for (size_t i = 0; i < m; i++) largest = fmax(largest, cov[i * m + i]);
    for (double jitter = 0;; jitter = jitter > 0 ? 10 * jitter : HG_GP_JITTER_FIRST) {
        if (jitter > HG_GP_JITTER_LAST)
            return hg_fail(err, HG_ENOTPD, "posterior covariance of %zu points not positive definite", m);
        memcpy(l, cov, m * m * sizeof *l);
        for (size_t i = 0; i < m; i++) l[i * m + i] += jitter * largest;
        if (largest == 0 || hg_chol(l, m) == 0) break;
    }
    for (size_t i = 0; i < m; i++) memset(l + i * m + i + 1, 0, (m - i - 1) * sizeof *l);
    for (size_t i = 0; i < k * m; i++) z[i] = hg_rng_normal(rng);
    for (size_t s = 0; s < k; s++) memcpy(out + s * m, mean, m * sizeof *out);
    if (largest > 0) hg_gemm(out, m, z, m, false, l, m, true, k, m, m, 1, 1);
    return HG_OK;
}

hg_status hg_gp_sample(double *out, size_t k, const hg_gp *gp, const double *xs, size_t m, hg_rng *rng,
                       hg_arena *scratch, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    HG_TRY(hg_check_finite("xs", xs, m, gp->d, err));
    if (k == 0 || m == 0) return HG_OK;
    const hg_mark mark = hg_arena_mark(scratch);
    const hg_status st = m <= HG_GP_JOINT ? by_cholesky(out, k, gp, xs, m, rng, scratch, err)
                                          : by_matheron(out, k, gp, xs, m, rng, scratch, err);
    hg_arena_reset(scratch, mark);
    return st;
}
