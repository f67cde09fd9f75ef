/* bayes/evidence.c -- see bayes/evidence.h */
#include "bayes/evidence.h"
#include "num/linalg.h"
#include "num/vector.h"
#include <math.h>
#include <string.h>

static const double LOG_2PI = 1.8378770664093453;
enum { TABLE_GROUPS = 12 };                           /* more groups: z by GEMM is cheaper */
static const size_t TABLE_ENTRIES = (size_t)64 << 20; /* of all tables together, 512 MiB */

static size_t packed(size_t i) { return i * (i + 1) / 2; } /* where row i of a lower triangle begins */

/* ---- pairs ---------------------------------------------------------------------------------------------------------- */

static double **tables_new(size_t groups, size_t n, hg_arena *mem) {
    double **t = hg_alloc(mem, groups, sizeof *t);
    for (size_t g = 0; t && g < groups; g++) {
        t[g] = hg_alloc(mem, packed(n), sizeof **t);
        if (!t[g]) return NULL;
    }
    return t;
}

hg_status hg_pairs_new(hg_pairs *out, const hg_kernel *k, const double *x, const double *y, size_t n, size_t d,
                       const size_t *group, size_t groups, hg_arena *mem, hg_err *err) {
    *out = (hg_pairs) { .n = n, .d = d, .groups = groups, .x = x, .y = y, .group = group };
    const bool keep = groups <= TABLE_GROUPS && packed(n) <= TABLE_ENTRIES / groups;
    bool distances = false, products = false;
    for (size_t i = 0; keep && i < k->leaves; i++) *(k->base[i]->stationary ? &distances : &products) = true;
    out->xt = hg_alloc(mem, d, n * sizeof *out->xt);
    if (distances) out->distance = tables_new(groups, n, mem);
    if (products) out->product = tables_new(groups, n, mem);
    if (!out->xt || (distances && !out->distance) || (products && !out->product))
        return hg_fail(err, HG_ENOMEM, "pairs of %zu points", n);
    hg_transpose(out->xt, n, x, d, n, d);
    for (size_t i = 0; keep && i < n; i++)
        for (size_t j = 0; j < d; j++) {
            const double xi = x[i * d + j];
            if (distances) hg_add_square_difference(out->distance[group[j]] + packed(i), out->xt + j * n, xi, 1, i + 1);
            if (products) hg_axpy(out->product[group[j]] + packed(i), xi, out->xt + j * n, i + 1);
        }
    return HG_OK;
}

static bool has_tables(const hg_pairs *p) { return p->distance || p->product; }

hg_status hg_evidence_new(hg_evidence *out, const hg_kernel *k, const hg_pairs *pairs, hg_arena *mem, hg_err *err) {
    const size_t n = pairs->n, d = pairs->d;
    const size_t tile = has_tables(pairs) ? 1 : HG_KERNEL_TILE;
    *out = (hg_evidence) { .pairs = pairs, .values = { .kernel = k, .d = d } };
    out->values.w = hg_alloc(mem, k->leaves * d, sizeof(double));
    out->values.root = hg_alloc(mem, k->leaves * d, sizeof(double));
    out->c = hg_alloc(mem, n, n * sizeof(double));
    out->inverse = hg_alloc(mem, n, n * sizeof(double));
    out->ones = hg_alloc(mem, n, sizeof(double));
    out->weighted = hg_alloc(mem, n, sizeof(double));
    out->rows = hg_alloc(mem, (HG_KERNEL_ROWS + 1) * n, sizeof(double));
    out->z = hg_alloc(mem, k->leaves * tile * n, sizeof(double));
    out->slope = hg_alloc(mem, k->leaves * tile * n, sizeof(double));
    out->work = hg_alloc(mem, has_tables(pairs) ? 1 : hg_kernel_work(k, d, n) + HG_KERNEL_TILE * d, sizeof(double));
    if (!out->values.w || !out->values.root || !out->c || !out->inverse || !out->ones || !out->weighted || !out->rows ||
        !out->z || !out->slope || !out->work)
        return hg_fail(err, HG_ENOMEM, "covariance of %zu points", n);
    return HG_OK;
}

/* ---- the covariance ------------------------------------------------------------------------------------------------- */

/* z[leaf][0..i] of row i from the tables; scale[leaf * G + g] = 1 / l^2. */
static void table_row(double *const *z, const hg_evidence *e, const double *scale, size_t i) {
    const hg_pairs *p = e->pairs;
    const hg_kernel *k = e->values.kernel;
    for (size_t leaf = 0; leaf < k->leaves; leaf++) {
        double *const *table = k->base[leaf]->stationary ? p->distance : p->product;
        memset(z[leaf], 0, (i + 1) * sizeof **z);
        for (size_t g = 0; g < p->groups; g++)
            hg_axpy(z[leaf], scale[leaf * p->groups + g], table[g] + packed(i), i + 1);
    }
}

static void covariance(hg_evidence *e, const double *scale, double nu) {
    const hg_pairs *p = e->pairs;
    const size_t n = p->n;
    if (has_tables(p)) {
        double *z[HG_KERNEL_LEAVES];
        for (size_t leaf = 0; leaf < e->values.kernel->leaves; leaf++) z[leaf] = e->z + leaf * n;
        for (size_t i = 0; i < n; i++) {
            table_row(z, e, scale, i);
            hg_kernel_row(e->c + i * n, &e->values, (const double *const *)z, i + 1, e->rows, n);
        }
    } else {
        hg_kernel_block(e->c, n, &e->values, p->x, n, p->xt, n, n, e->work);
    }
    for (size_t i = 0; i < n; i++) e->c[i * n + i] += nu;
}

/* ---- gradient ------------------------------------------------------------------------------------------------------- */

/* row[0..count) <- 2 dlog p/dC of row i; the inverse must have its lower triangle (both when count > i + 1). */
static void adjoint_row(double *row, const hg_evidence *e, size_t i, size_t count) {
    const double a = e->weighted[i] / e->s2, b = e->ones[i], *inverse = e->inverse + i * e->pairs->n;
    for (size_t j = 0; j < count; j++) row[j] = a * e->weighted[j] + b * e->ones[j] - inverse[j];
}

static void gradient_by_tables(hg_evidence *e, const double *scale, double *grad) {
    const hg_pairs *p = e->pairs;
    const hg_kernel *k = e->values.kernel;
    const size_t n = p->n, groups = p->groups;
    double *z[HG_KERNEL_LEAVES], *slope[HG_KERNEL_LEAVES], *adjoint = e->rows + HG_KERNEL_ROWS * n;
    for (size_t leaf = 0; leaf < k->leaves; leaf++) {
        z[leaf] = e->z + leaf * n;
        slope[leaf] = e->slope + leaf * n;
    }
    for (size_t i = 0; i < n; i++) {
        table_row(z, e, scale, i);
        adjoint_row(adjoint, e, i, i + 1);
        adjoint[i] *= 0.5; /* a pair counts twice, the diagonal once */
        hg_kernel_row_backward(slope, grad + k->leaves * groups, adjoint, &e->values, (const double *const *)z, i + 1,
                               e->rows, n);
        for (size_t leaf = 0; leaf < k->leaves; leaf++) {
            double *const *table = k->base[leaf]->stationary ? p->distance : p->product;
            for (size_t g = 0; g < groups; g++)
                grad[leaf * groups + g] -=
                    2 * scale[leaf * groups + g] * hg_dot(slope[leaf], table[g] + packed(i), i + 1);
        }
    }
}

/* With M = dlog p/dz of all pairs: sum_ij M_ij (x_i - x_j)^2 = 2 sum_i x_i^2 (M1)_i - 2 sum_i x_i (Mx)_i, each
 * dimension a column of one GEMM. Tiles of rows keep M out of memory. */
static void gradient_tile(const hg_evidence *e, const double *m, size_t leaf, size_t begin, size_t count,
                          double *grad) {
    const hg_pairs *p = e->pairs;
    const size_t n = p->n, d = p->d;
    const bool distance = e->values.kernel->base[leaf]->stationary;
    double *mx = e->work;
    hg_gemm(mx, d, m, n, false, p->x, d, false, count, d, n, 1, 0);
    for (size_t i = 0; i < count; i++) {
        const double *x = p->x + (begin + i) * d;
        double sum = 0;
        for (size_t j = 0; j < n; j++) sum += m[i * n + j];
        for (size_t j = 0; j < d; j++) {
            const double product = x[j] * mx[i * d + j];
            const double pairs = distance ? 2 * x[j] * x[j] * sum - 2 * product : product;
            grad[leaf * p->groups + p->group[j]] -= 2 * e->values.w[leaf * d + j] * pairs;
        }
    }
}

static void tile_of_z(hg_evidence *e, size_t begin, size_t count) {
    const hg_pairs *p = e->pairs;
    for (size_t leaf = 0; leaf < e->values.kernel->leaves; leaf++)
        hg_kernel_tile(e->z + leaf * HG_KERNEL_TILE * p->n, &e->values, leaf, p->x + begin * p->d, count, p->xt, p->n,
                       p->n, e->work);
}

static void gradient_by_gemm(hg_evidence *e, double *grad) {
    const hg_kernel *k = e->values.kernel;
    const size_t n = e->pairs->n, groups = e->pairs->groups, tile = HG_KERNEL_TILE * n;
    double *adjoint = e->rows + HG_KERNEL_ROWS * n;
    hg_mirror_lower(e->inverse, n);
    for (size_t begin = 0; begin < n; begin += HG_KERNEL_TILE) {
        const size_t count = n - begin < HG_KERNEL_TILE ? n - begin : HG_KERNEL_TILE;
        tile_of_z(e, begin, count);
        for (size_t i = 0; i < count; i++) {
            const double *z[HG_KERNEL_LEAVES];
            double *slope[HG_KERNEL_LEAVES];
            for (size_t leaf = 0; leaf < k->leaves; leaf++) {
                z[leaf] = e->z + leaf * tile + i * n;
                slope[leaf] = e->slope + leaf * tile + i * n;
            }
            adjoint_row(adjoint, e, begin + i, n);
            for (size_t j = 0; j < n; j++) adjoint[j] *= 0.5;
            hg_kernel_row_backward(slope, grad + k->leaves * groups, adjoint, &e->values, z, n, e->rows, n);
        }
        for (size_t leaf = 0; leaf < k->leaves; leaf++)
            gradient_tile(e, e->slope + leaf * tile, leaf, begin, count, grad);
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

static double log_density(hg_evidence *e, hg_signal signal) {
    const size_t n = e->pairs->n;
    const double dof = (double)n - 1;
    e->logdet = hg_chol_logdet(e->c, n);
    for (size_t i = 0; i < n; i++) e->ones[i] = 1;
    memcpy(e->weighted, e->pairs->y, n * sizeof *e->weighted);
    hg_chol_lsolve(e->c, n, e->ones);
    hg_chol_lsolve(e->c, n, e->weighted);
    e->h = hg_dot(e->ones, e->ones, n);
    e->mean = hg_dot(e->ones, e->weighted, n) / e->h;
    hg_axpy(e->weighted, -e->mean, e->ones, n); /* no cancellation in q */
    e->q = hg_dot(e->weighted, e->weighted, n);
    e->s2 = signal.fixed > 0 ? signal.fixed : (e->q + signal.dof * signal.var) / (dof + signal.dof);
    return -0.5 * (dof * (LOG_2PI + log(e->s2)) + e->logdet + log(e->h) + e->q / e->s2);
}

double hg_evidence_value(hg_evidence *e, const double *theta, double nu, hg_signal signal, double *grad, double *dnu) {
    const hg_pairs *p = e->pairs;
    const hg_kernel *k = e->values.kernel;
    const size_t n = p->n, count = hg_kernel_params(k, p->groups);
    hg_kernel_set(&e->values, theta, p->group, p->groups);
    double scale[HG_KERNEL_LEAVES * TABLE_GROUPS];
    for (size_t i = 0; has_tables(p) && i < k->leaves * p->groups; i++) scale[i] = exp(-2 * theta[i]);
    covariance(e, scale, nu);
    const bool large = n >= HG_BLOCKED_N;
    if ((large ? hg_chol_blocked(e->c, n, e->pool) : hg_chol(e->c, n)) != 0) return -HUGE_VAL;
    const double value = log_density(e, signal);
    if (!grad) return value;

    hg_chol_ltsolve(e->c, n, e->ones);
    hg_chol_ltsolve(e->c, n, e->weighted);
    const double root = 1 / sqrt(e->h);
    for (size_t i = 0; i < n; i++) e->ones[i] *= root;
    if (large) {
        double *factor = e->c;
        hg_chol_inverse_blocked(factor, e->inverse, n, e->pool);
        e->c = e->inverse;
        e->inverse = factor;
    } else {
        hg_chol_inverse_lower(e->inverse, e->c, n);
    }
    memset(grad, 0, count * sizeof *grad);
    if (has_tables(p))
        gradient_by_tables(e, scale, grad);
    else
        gradient_by_gemm(e, grad);
    *dnu = 0;
    for (size_t i = 0; i < n; i++)
        *dnu += 0.5 * (e->weighted[i] * e->weighted[i] / e->s2 + e->ones[i] * e->ones[i] - e->inverse[i * n + i]);
    return value;
}
