/* secret/pool_float.c -- tiers 2 and 3 in doubles: the oracle
 *
 * The same policy by another route: a dense Cholesky factor of the measured rows for each theta, where the servers condition a
 * pool row by row. Only the policy's public numbers (secret/pool_policy.h) are shared with them.
 */
#include "secret/exact.h"
#include "secret/pool_policy.h"
#include "secret/pool_state.h"
#include <math.h>
#include <string.h>

typedef struct {
    const hg_secret_model *m;
    hg_mixture kernel;
    size_t p, d, n;
    double *x;                 /* [p, d] as shared */
    size_t *measured, *number; /* [n] entry; place among all rows, padding included */
    double *y;
    double *factor, *z; /* [n, n] Cholesky factor of the chosen theta, [n] its inverse times y */
    size_t theta;
    double q;
} problem;

static double covariance(const problem *f, size_t theta, size_t i, size_t j) {
    double u = 0;
    for (size_t k = 0; k < f->d; k++)
        u += (f->x[i * f->d + k] - f->x[j * f->d + k]) * (f->x[i * f->d + k] - f->x[j * f->d + k]);
    return hg_mixture_value(&f->kernel, theta / f->m->n_noise, u) + HG_POOL_MEAN;
}

/* b <- L^-1 b */
static void solve(const double *l, double *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) b[i] -= l[i * n + k] * b[k];
        b[i] /= l[i * n + i];
    }
}

/* Factor, z and q of theta; the objective, or HG_ENOTPD. */
static hg_status factorise(double *objective, problem *f, size_t theta, hg_err *err) {
    const size_t n = f->n;
    double *const l = f->factor, logdet = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double s = covariance(f, theta, f->measured[i], f->measured[j]) +
                       (i == j ? f->m->noise[theta % f->m->n_noise] : 0);
            for (size_t k = 0; k < j; k++) s -= l[i * n + k] * l[j * n + k];
            if (i == j && !(s > 0)) return hg_fail(err, HG_ENOTPD, "the covariance of %zu rows is not definite", n);
            l[i * n + j] = i == j ? sqrt(s) : s / l[j * n + j];
            if (i == j) logdet += log2(s);
        }
    for (size_t i = 0; i < n; i++) f->z[i] = f->y[i];
    solve(l, f->z, n);
    f->q = 0;
    for (size_t i = 0; i < n; i++) f->q += f->z[i] * f->z[i];
    *objective = (double)n * log2(f->q + HG_POOL_FLOOR) + logdet + hg_pool_prior(f->m, theta);
    return HG_OK;
}

static hg_status choose_theta(problem *f, hg_err *err) {
    double least = 0, objective;
    for (size_t t = 0; t < f->m->n_length * f->m->n_noise && !f->m->fixed; t++) {
        HG_TRY(factorise(&objective, f, t, err));
        if (t == 0 || objective < least) {
            least = objective;
            f->theta = t;
        }
    }
    return factorise(&objective, f, f->theta, err);
}

static double signal(const problem *f) {
    size_t level = 0;
    if (!f->m->fixed)
        while (level + 1 < f->m->sigma_levels && f->q >= (double)f->n * hg_pool_threshold(f->m, level + 1)) level++;
    return hg_pool_sigma(f->m, level);
}

/* score[p] = mean + kappa sigma chord(variance), or mean + sigma path. */
static hg_status score_all(double *score, problem *f, uint64_t seed, hg_arena *arena, hg_err *err) {
    const size_t n = f->n;
    const bool ucb = f->m->acquisition == HG_ACQ_UCB;
    double node[HG_POOL_CHORDS + 1], value[HG_POOL_CHORDS + 1];
    double *k = hg_alloc(arena, n + 1, sizeof *k), *rest = hg_alloc(arena, n + 1, sizeof *rest);
    if (!k || !rest) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows", n);
    hg_pool_chords(node, value);
    const hg_chords root = { node, value, HG_POOL_CHORDS + 1 };
    const double sigma = signal(f), noise = sqrt(f->m->noise[f->theta % f->m->n_noise]);
    hg_pool_path path;
    if (!ucb) { /* rest = L^-1 (noise - path at the rows) */
        HG_TRY(hg_pool_path_draw(&path, &f->kernel, f->d, seed, arena, err));
        hg_pool_path_noise(rest, n, seed);
        for (size_t i = 0; i < n; i++)
            rest[i] =
                noise * rest[i] - hg_pool_path_value(&path, f->theta / f->m->n_noise, f->x + f->measured[i] * f->d);
        solve(f->factor, rest, n);
    }
    for (size_t j = 0; j < f->p; j++) {
        double mean = 0, variance = 1 + HG_POOL_MEAN, shift = 0;
        for (size_t i = 0; i < n; i++) k[i] = covariance(f, f->theta, f->measured[i], j);
        solve(f->factor, k, n);
        for (size_t i = 0; i < n; i++) {
            mean += k[i] * f->z[i];
            variance -= k[i] * k[i];
            shift += k[i] * rest[i];
        }
        score[j] = mean + sigma * (ucb ? f->m->kappa * hg_chords_value(&root, variance)
                                       : shift + hg_pool_path_value(&path, f->theta / f->m->n_noise, f->x + j * f->d));
    }
    return HG_OK;
}

static hg_status pick(size_t *index, double *gap, const double *score, size_t p, const bool *excluded, hg_err *err) {
    size_t best = p;
    double second = -INFINITY, least = INFINITY;
    for (size_t j = 0; j < p; j++) {
        if (excluded[j]) continue;
        if (score[j] < least) least = score[j];
        if (best == p || score[j] > score[best]) {
            if (best < p) second = score[best];
            best = j;
        } else if (score[j] > second) {
            second = score[j];
        }
    }
    if (best == p) return hg_fail(err, HG_EDATA, "no candidate is left");
    *index = best;
    *gap = score[best] > least ? (score[best] - second) / (score[best] - least) : 0;
    return HG_OK;
}

/* The rows that measure something. */
static hg_status take_rows(problem *f, bool *out, const size_t *measured, const double *y, size_t n, hg_err *err) {
    for (size_t i = 0; i < n; i++) {
        if (measured[i] > f->p)
            return hg_fail(err, HG_EINVAL, "row %zu measures entry %zu of %zu", i, measured[i], f->p);
        if (measured[i] == f->p) continue;
        out[measured[i]] = true;
        f->measured[f->n] = measured[i];
        f->y[f->n] = y[i];
        f->number[f->n++] = i;
    }
    return HG_OK;
}

static hg_status in_arena(size_t *index, double *gap, problem *f, const double *features, const size_t *measured,
                          const double *y, size_t n, const bool *excluded, uint64_t seed, hg_arena *arena,
                          hg_err *err) {
    f->x = hg_alloc(arena, f->p * f->d, sizeof *f->x);
    f->factor = hg_alloc(arena, n * n + 1, sizeof *f->factor);
    f->z = hg_alloc(arena, n + 1, sizeof *f->z);
    f->y = hg_alloc(arena, n + 1, sizeof *f->y);
    f->measured = hg_alloc(arena, n + 1, sizeof *f->measured);
    f->number = hg_alloc(arena, n + 1, sizeof *f->number);
    double *score = hg_alloc(arena, f->p, sizeof *score);
    bool *out = hg_alloc(arena, f->p, sizeof *out);
    if (!f->x || !f->factor || !f->z || !f->y || !f->measured || !f->number || !score || !out)
        return hg_fail(err, HG_ENOMEM, "no memory for a pool of %zu", f->p);
    for (size_t i = 0; i < f->p * f->d; i++) f->x[i] = hg_pool_feature(features[i]);
    for (size_t j = 0; j < f->p; j++) out[j] = excluded && excluded[j];
    HG_TRY(take_rows(f, out, measured, y, n, err));
    HG_TRY(choose_theta(f, err));
    HG_TRY(score_all(score, f, seed, arena, err));
    return pick(index, gap, score, f->p, out, err);
}

hg_status hg_pool_float(size_t *index, double *gap, const hg_secret_model *m, const double *features, size_t p,
                        size_t d, const size_t *measured, const double *y, size_t n, const bool *excluded,
                        uint64_t seed, hg_err *err) {
    problem f = { .m = m, .p = p, .d = d };
    HG_TRY(hg_pool_model_check(m, err));
    HG_TRY(hg_mixture_make(&f.kernel, m, d, err));
    if (p == 0) return hg_fail(err, HG_EINVAL, "an empty pool");
    HG_TRY(hg_check_finite("features", features, p, d, err));
    HG_TRY(hg_check_finite("y", y, n, 1, err));
    hg_arena *arena = hg_arena_new();
    const hg_status st = arena ? in_arena(index, gap, &f, features, measured, y, n, excluded, seed, arena, err)
                               : hg_fail(err, HG_ENOMEM, "no memory for a pool of %zu", p);
    hg_arena_free(arena);
    return st;
}
