/* learn/relevance_evidence.c -- see learn/relevance_evidence.h */
#include "learn/relevance_evidence.h"
#include "core/memory.h"
#include "num/linalg.h"
#include <math.h>
#include <string.h>

static const double MEAN = 4;     /* u^2: the mean of the values is known to about 0, that of the process is not */
static const double SPARSE = 0.1; /* the scale of tau */
static const double FIRM = 1e-8;  /* beside the noise, so that equal rows do no harm */

hg_status hg_relevance_make(hg_relevance *e, const double *z, const double *y, size_t n, size_t d, hg_arena *mem,
                            hg_err *err) {
    *e = (hg_relevance) { .n = n, .d = d, .z = z, .y = y };
    e->a = hg_alloc(mem, n * d, sizeof *e->a);
    e->pull = hg_alloc(mem, n * d, sizeof *e->pull);
    e->square = hg_alloc(mem, n, sizeof *e->square);
    e->alpha = hg_alloc(mem, n, sizeof *e->alpha);
    double **all[] = { &e->dots, &e->k, &e->slope, &e->c };
    bool ok = e->a && e->pull && e->square && e->alpha;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ok = (*all[i] = hg_alloc(mem, n * n, sizeof **all[i])) && ok;
    return ok ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for the relevances of %zu columns", d);
}

/* ---- the kernel ------------------------------------------------------------------------------------------------------- */

/* The Matern part without s^2 from r^2; *slope: -2 times its slope by r^2. */
static double matern(double *slope, double r2) {
    const double q = sqrt(5 * fmax(r2, 0)), e = exp(-q);
    if (slope) *slope = 5.0 / 3 * (1 + q) * e;
    return (1 + q + q * q / 3) * e;
}

void hg_relevance_kernel(double *k, const double *a_square, const double *b_square, size_t m, size_t n,
                         const double common[HG_RELEVANCE_COMMON]) {
    const double s2 = exp(2 * common[HG_RELEVANCE_SIGNAL]), w2 = exp(2 * common[HG_RELEVANCE_LINEAR]);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            const double dot = k[i * n + j];
            k[i * n + j] = s2 * matern(NULL, a_square[i] + b_square[j] - 2 * dot) + w2 * dot + MEAN;
        }
}

double hg_relevance_variance(double square, const double common[HG_RELEVANCE_COMMON]) {
    return exp(2 * common[HG_RELEVANCE_SIGNAL]) + exp(2 * common[HG_RELEVANCE_LINEAR]) * square + MEAN;
}

double hg_relevance_noise(const double common[HG_RELEVANCE_COMMON]) {
    return exp(2 * common[HG_RELEVANCE_NOISE]) + FIRM;
}

/* ---- the evidence ------------------------------------------------------------------------------------------------------ */

static void scale_rows(hg_relevance *e, const double *theta) {
    for (size_t j = 0; j < e->d; j++) {
        const double rho = exp(theta[j]);
        for (size_t i = 0; i < e->n; i++) e->a[i * e->d + j] = rho * e->z[i * e->d + j];
    }
    for (size_t i = 0; i < e->n; i++) e->square[i] = hg_dot(e->a + i * e->d, e->a + i * e->d, e->d);
    hg_syrk_lower(e->dots, e->n, e->a, e->d, e->n, e->d, 1, 0);
    hg_mirror_lower(e->dots, e->n);
}

static void covariances(hg_relevance *e, const double *common) {
    const size_t n = e->n;
    const double s2 = exp(2 * common[HG_RELEVANCE_SIGNAL]), w2 = exp(2 * common[HG_RELEVANCE_LINEAR]);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            const double dot = e->dots[i * n + j], r2 = i == j ? 0 : e->square[i] + e->square[j] - 2 * dot;
            e->k[i * n + j] = s2 * matern(&e->slope[i * n + j], r2);
            e->slope[i * n + j] *= s2;
            e->c[i * n + j] = e->k[i * n + j] + w2 * dot + MEAN;
        }
    for (size_t i = 0; i < n; i++) e->c[i * n + i] += hg_relevance_noise(common);
}

/* With W = (C^-1 - alpha alpha') / 2, the slope of the loss by C: c becomes W . slope + w^2 W. */
static void gradient_of(hg_relevance *e, const double *common, double *g) {
    const size_t n = e->n, d = e->d;
    const double w2 = exp(2 * common[HG_RELEVANCE_LINEAR]), noise = exp(2 * common[HG_RELEVANCE_NOISE]);
    double *own = g + d;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            const double w = (e->c[i * n + j] - e->alpha[i] * e->alpha[j]) / 2;
            const double m = w * e->slope[i * n + j];
            sum += m;
            own[HG_RELEVANCE_SIGNAL] += 2 * w * e->k[i * n + j];
            own[HG_RELEVANCE_LINEAR] += 2 * w2 * w * e->dots[i * n + j];
            if (i == j) own[HG_RELEVANCE_NOISE] += 2 * noise * w;
            e->c[i * n + j] = m + w2 * w;
        }
        for (size_t j = 0; j < d; j++) g[j] -= 2 * sum * e->a[i * d + j] * e->a[i * d + j];
    }
    hg_gemm(e->pull, d, e->c, n, false, e->a, d, false, n, d, n, 1, 0);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) g[j] += 2 * e->a[i * d + j] * e->pull[i * d + j];
}

/* ---- what is believed before -------------------------------------------------------------------------------------------- */

/* Less the log density of ln(x) where x is half-Cauchy with the scale exp(log_scale), and its slope by ln x. */
static double half_cauchy(double *slope, double log_x, double log_scale) {
    const double u = log_x - log_scale, x2 = exp(2 * u);
    *slope = 2 * x2 / (1 + x2) - 1;
    return log1p(x2) - u;
}

static double prior(const double *theta, double *g, size_t d) {
    static const double CENTRE[HG_RELEVANCE_COMMON] = { [HG_RELEVANCE_NOISE] =
                                                            -2 }; /* of normal densities of width 1 */
    const double *common = theta + d, tau = common[HG_RELEVANCE_TAU];
    double slope, loss = half_cauchy(&slope, tau, log(SPARSE));
    if (g) g[d + HG_RELEVANCE_TAU] += slope;
    for (size_t j = 0; j < d; j++) {
        loss += half_cauchy(&slope, 2 * theta[j], tau);
        if (g) g[j] += 2 * slope, g[d + HG_RELEVANCE_TAU] -= slope;
    }
    for (size_t k = HG_RELEVANCE_SIGNAL; k < HG_RELEVANCE_COMMON; k++) {
        const double u = common[k] - CENTRE[k];
        loss += u * u / 2;
        if (g) g[d + k] += u;
    }
    return loss;
}

double hg_relevance_loss(void *ctx, const double *theta, double *gradient, size_t n_theta) {
    hg_relevance *e = ctx;
    const size_t n = e->n;
    const double *common = theta + e->d;
    scale_rows(e, theta);
    covariances(e, common);
    if (hg_chol(e->c, n) != 0) return (double)NAN;
    memcpy(e->alpha, e->y, n * sizeof *e->alpha);
    hg_chol_lsolve(e->c, n, e->alpha);
    double loss = (hg_dot(e->alpha, e->alpha, n) + hg_chol_logdet(e->c, n)) / 2;
    if (gradient) {
        hg_chol_ltsolve(e->c, n, e->alpha);
        hg_chol_inverse(e->c, e->c, n);
        memset(gradient, 0, n_theta * sizeof *gradient);
        gradient_of(e, common, gradient);
    }
    loss += prior(theta, gradient, e->d);
    return loss;
}
