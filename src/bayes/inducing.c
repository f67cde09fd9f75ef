/* bayes/inducing.c -- the model for more points than exact_max: FITC with p inducing points
 *
 * Why FITC: the hyper-parameters come from the exact evidence of a subset, so the known weakness of FITC (a noise
 * estimate that shrinks when its own evidence is maximised; Bauer, van der Wilk & Rasmussen, NIPS 2016) cannot arise, and
 * its per-point residual variance keeps the error bars honest where p points do not carry the function, which VFE/DTC
 * prediction does not. With p = n it is the exact model. Inducing points are data points picked greedily by the largest
 * conditional variance, a pivoted Cholesky factorisation (Burt, Rasmussen & van der Wilk, JMLR 21, 131, 2020).
 * Source: Snelson & Ghahramani, NIPS 2005; Quinonero-Candela & Rasmussen, JMLR 6, 1939 (2005) sec. 6.
 * Cost: O(n p^2) time; 8 p^2 (LANES + 3) bytes beside the data, n p is never stored.
 */
#include "bayes/model.h"
#include "core/memory.h"
#include "num/linalg.h"
#include "num/vector.h"
#include <math.h>
#include <string.h>

enum { LANES = 8 };                    /* partial sums, fixed: the result must not depend on the thread count */
enum { CANDIDATES = 8 };               /* points looked at for each inducing point */
static const double EXPLAINED = 1e-10; /* stop picking when no candidate has more variance left, fraction of k(x,x) */

/* Writes the picked points to basis[<= want, d] and returns how many. */
static hg_status pick(size_t *picked, hg_gp *gp, size_t want, uint64_t seed, hg_arena *mem, hg_err *err) {
    const size_t d = gp->d, n = gp->n, m = n / CANDIDATES < want ? n : want * CANDIDATES;
    size_t *order = hg_alloc(mem, n, sizeof *order);
    double *bt = hg_alloc(mem, d, m * sizeof *bt), *left = hg_alloc(mem, m, sizeof *left);
    double *rows = hg_alloc(mem, want, m * sizeof *rows), *at = hg_alloc(mem, want, sizeof *at);
    double *work = hg_alloc(mem, hg_kernel_work(&gp->kernel, d, m), sizeof *work);
    if (!order || !bt || !left || !rows || !at || !work) return hg_fail(err, HG_ENOMEM, "%zu inducing points", want);
    for (size_t i = 0; i < n; i++) order[i] = i;
    hg_rng rng = hg_rng_make(seed, 2);
    if (m < n) hg_rng_shuffle(&rng, order, n);
    for (size_t q = 0; q < m; q++)
        for (size_t j = 0; j < d; j++) bt[j * m + q] = gp->x[order[q] * d + j];
    hg_kernel_diagonal(left, &gp->values, bt, m, m, work);
    double largest = 0;
    for (size_t q = 0; q < m; q++) largest = fmax(largest, left[q]);
    size_t p = 0;
    for (; p < want; p++) {
        size_t best = 0;
        for (size_t q = 1; q < m; q++)
            if (left[q] > left[best]) best = q;
        if (p > 0 && !(left[best] > EXPLAINED * largest)) break;
        double *row = rows + p * m, *x = gp->basis + p * d;
        memcpy(x, gp->x + order[best] * d, d * sizeof *x);
        hg_kernel_block(row, m, &gp->values, x, 1, bt, m, m, work);
        for (size_t i = 0; i < p; i++) at[i] = rows[i * m + best];
        hg_gemv(row, rows, m, true, at, p, m, -1, 1);
        const double root = 1 / sqrt(left[best]);
        for (size_t q = 0; q < m; q++) {
            row[q] *= root;
            left[q] -= row[q] * row[q];
        }
        left[best] = 0; /* exactly: round-off must not pick it again */
    }
    *picked = p;
    return HG_OK;
}

/* u = L^-1 of K_uu (+ jitter). */
static hg_status factor_basis(hg_gp *gp, hg_arena *mem, hg_err *err) {
    const size_t p = gp->p, d = gp->d;
    double *bt = hg_alloc(mem, d, p * sizeof *bt),
           *work = hg_alloc(mem, hg_kernel_work(&gp->kernel, d, p), sizeof *work);
    if (!bt || !work) return hg_fail(err, HG_ENOMEM, "covariance of %zu inducing points", p);
    hg_transpose(bt, p, gp->basis, d, p, d);
    for (gp->jitter = 0;; gp->jitter = gp->jitter > 0 ? 10 * gp->jitter : HG_GP_JITTER_FIRST) {
        if (gp->jitter > HG_GP_JITTER_LAST)
            return hg_fail(err, HG_ENOTPD,
                           "covariance of %zu inducing points not positive definite even with jitter %g", p,
                           HG_GP_JITTER_LAST);
        hg_kernel_block(gp->u, p, &gp->values, gp->basis, p, bt, p, p, work);
        for (size_t i = 0; i < p; i++) gp->u[i * p + i] += gp->jitter;
        if (hg_chol(gp->u, p) == 0) break;
    }
    hg_lower_invert(gp->u, p);
    return HG_OK;
}

/* ---- sums over all points ------------------------------------------------------------------------------------------- */

typedef struct {
    double *b, *r1, *ry; /* [p,p] lower triangle, [p], [p] */
    double s11, s1y, syy, logdet;
} lane;

typedef struct {
    const hg_gp *gp;
    lane *lanes;
    double *scratch;
    size_t per_worker;
} summation;

static void add_chunk(lane *l, const hg_gp *gp, size_t begin, size_t m, double *scratch) {
    const size_t p = gp->p;
    double *bt = scratch, *k = bt + gp->d * m, *v = k + p * m, *noise = v + p * m, *sum = noise + m, *y = sum + m;
    double *work = y + m;
    hg_transpose(bt, m, gp->x + begin * gp->d, gp->d, m, gp->d);
    hg_gp_project(k, v, NULL, gp, bt, m, work);
    hg_kernel_diagonal(noise, &gp->values, bt, m, m, work);
    memset(sum, 0, m * sizeof *sum);
    for (size_t i = 0; i < p; i++) hg_add_squares(sum, v + i * m, m);
    for (size_t q = 0; q < m; q++) {
        const double d = fmax(noise[q] - sum[q], 0) + gp->nu, yq = gp->y[begin + q];
        l->logdet += log(d);
        l->s11 += 1 / d;
        l->s1y += yq / d;
        l->syy += yq * yq / d;
        noise[q] = 1 / sqrt(d);
        y[q] = yq * noise[q];
    }
    for (size_t i = 0; i < p; i++) hg_multiply(v + i * m, v + i * m, noise, m);
    hg_gemv(l->r1, v, m, false, noise, p, m, 1, 1);
    hg_gemv(l->ry, v, m, false, y, p, m, 1, 1);
    hg_syrk_lower(l->b, p, v, m, p, m, 1, 1);
}

static void sum_lane(void *ctx, size_t begin, size_t end, size_t worker) {
    const summation *s = ctx;
    const size_t n = s->gp->n;
    for (size_t i = begin; i < end; i++) {
        const size_t stop = n * (i + 1) / LANES;
        for (size_t at = n * i / LANES; at < stop; at += HG_GP_CHUNK)
            add_chunk(&s->lanes[i], s->gp, at, stop - at < HG_GP_CHUNK ? stop - at : HG_GP_CHUNK,
                      s->scratch + worker * s->per_worker);
    }
}

static hg_status sum_all(hg_gp *gp, hg_arena *mem, hg_err *err) {
    const size_t p = gp->p;
    lane lanes[LANES] = { 0 };
    bool ok = true;
    for (size_t i = 0; i < LANES; i++) {
        lanes[i].b = hg_alloc(mem, p, p * sizeof(double));
        lanes[i].r1 = hg_alloc(mem, p, sizeof(double));
        lanes[i].ry = hg_alloc(mem, p, sizeof(double));
        ok = ok && lanes[i].b && lanes[i].r1 && lanes[i].ry;
    }
    summation s = { .gp = gp, .lanes = lanes };
    s.per_worker = (gp->d + 2 * p + 3) * HG_GP_CHUNK + hg_kernel_work(&gp->kernel, gp->d, HG_GP_CHUNK);
    s.scratch = hg_alloc(mem, hg_pool_threads(gp->pool), s.per_worker * sizeof *s.scratch);
    if (!ok || !s.scratch) return hg_fail(err, HG_ENOMEM, "%zu inducing points", p);
    hg_pool_for(gp->pool, LANES, 1, sum_lane, &s);
    gp->s11 = gp->s1y = gp->syy = gp->logdet = 0;
    for (size_t i = 0; i < LANES; i++) { /* in order */
        hg_axpy(gp->b, 1, lanes[i].b, p * p);
        hg_axpy(gp->r1, 1, lanes[i].r1, p);
        hg_axpy(gp->ry, 1, lanes[i].ry, p);
        gp->s11 += lanes[i].s11;
        gp->s1y += lanes[i].s1y;
        gp->syy += lanes[i].syy;
        gp->logdet += lanes[i].logdet;
    }
    for (size_t i = 0; i < p; i++) gp->b[i * p + i] += 1;
    if (hg_chol(gp->b, p) != 0) return hg_fail(err, HG_ENOTPD, "the inducing-point model is not positive definite");
    for (size_t i = 0; i < p; i++) memset(gp->b + i * p + i + 1, 0, (p - i - 1) * sizeof *gp->b);
    gp->logdet += hg_chol_logdet(gp->b, p);
    memcpy(gp->c, gp->r1, p * sizeof *gp->c);
    memcpy(gp->z, gp->ry, p * sizeof *gp->z);
    hg_chol_lsolve(gp->b, p, gp->c);
    hg_chol_lsolve(gp->b, p, gp->z);
    return HG_OK;
}

/* The signal variance of the subset is profiled anew on all points; the ratio of noise to signal stays. */
static void profile_again(hg_gp *gp, const hg_gp_opts *o) {
    const double dof = o->prior_strength * gp->prior.signal_dof;
    const double before = gp->s2, s2 = (gp->q + dof * gp->prior.signal_var) / ((double)gp->n - 1 + dof);
    if (!o->learn || o->noise_sd >= 0 || !(s2 > 0)) return;
    gp->s2 = s2;
    gp->theta[gp->n_theta - 2] += 0.5 * log(s2 / before);
    gp->theta[gp->n_theta - 1] += 0.5 * log(s2 / before);
}

static hg_status build(hg_gp *gp, const hg_gp_opts *o, hg_arena *mem, hg_err *err) {
    const size_t want = o->inducing < gp->n ? o->inducing : gp->n, d = gp->d;
    gp->basis = hg_alloc(gp->state, want, d * sizeof(double));
    if (!gp->basis) return hg_fail(err, HG_ENOMEM, "%zu inducing points", want);
    HG_TRY(pick(&gp->p, gp, want, o->seed, mem, err));
    const size_t p = gp->ld = gp->p;
    gp->u = hg_alloc(gp->state, p, p * sizeof(double));
    gp->b = hg_alloc(gp->state, p, p * sizeof(double));
    gp->alpha = hg_alloc(gp->state, p, sizeof(double));
    gp->temp = hg_alloc(gp->state, p, sizeof(double));
    gp->c = hg_alloc(gp->state, p, sizeof(double));
    gp->z = hg_alloc(gp->state, p, sizeof(double));
    gp->r1 = hg_alloc(gp->state, p, sizeof(double));
    gp->ry = hg_alloc(gp->state, p, sizeof(double));
    if (!gp->u || !gp->b || !gp->alpha || !gp->temp || !gp->c || !gp->z || !gp->r1 || !gp->ry)
        return hg_fail(err, HG_ENOMEM, "%zu inducing points", p);
    HG_TRY(factor_basis(gp, mem, err));
    HG_TRY(sum_all(gp, mem, err));
    hg_gp_solve(gp);
    profile_again(gp, o);
    return HG_OK;
}

hg_status hg_gp_state_inducing(hg_gp *gp, const hg_gp_opts *o, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? build(gp, o, mem, err) : hg_fail(err, HG_ENOMEM, "inducing points");
    hg_arena_free(mem);
    return st;
}
