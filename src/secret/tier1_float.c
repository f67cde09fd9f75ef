/* secret/tier1_float.c -- hg_t1_float of secret/tier1.h: the policy once more, in doubles, by another road
 *
 * The C library's functions, LAPACK's factors, one Gaussian process at a time. From the tables come the inputs alone (features, rows,
 * model); shared with the integer run is what defines the policy (place of the chords, random bits, normal deviates of a seed).
 */
#include "num/linalg.h"
#include "num/special.h"
#include "secret/exact.h"
#include "secret/tier1_draw.h"
#include "secret/tier1_noise.h"
#include <math.h>
#include <string.h>

typedef struct {
    const hg_t1_tables *t;
    const double *y;
    size_t theta;
    double *l, *v, *z; /* [n, n], [n] L^-1 1, [n] L^-1 (y - mu) of the theta that was tried last */
    double vv, mu, q;
    double *a; /* [n, n_pool] L^-1 k_j */
    double *mean, *sd, *score, *path;
    double sigma, best;
    bool *closed;
} plain;

static double correlation(const hg_secret_model *m, const double *a, const double *b, size_t d, double length) {
    double r2 = 0;
    for (size_t k = 0; k < d; k++) r2 += (a[k] - b[k]) * (a[k] - b[k]);
    const double s = sqrt(5 * r2) / length;
    return m->matern ? (1 + s + s * s / 3) * exp(-s) : exp(-0.5 * r2 / (length * length));
}

static const double *row_point(const hg_t1_tables *t, size_t r) { return t->pool + t->measured[r] * t->d; }

/* Fills p for one theta; ln of c q. */
static hg_status try_theta(plain *p, size_t theta, double *criterion, hg_err *err) {
    const hg_t1_tables *t = p->t;
    const hg_secret_model *m = &t->model;
    const size_t n = t->n;
    const double length = t->length[theta], noise = t->noise_ratio[theta];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            p->l[i * n + j] = correlation(m, row_point(t, i), row_point(t, j), t->d, length) + (i == j ? noise : 0);
    if (hg_chol(p->l, n) != 0) return hg_fail(err, HG_ENOTPD, "the float run at length %g, noise %g", length, noise);
    for (size_t i = 0; i < n; i++) {
        p->v[i] = 1;
        p->z[i] = p->y[i];
    }
    hg_chol_lsolve(p->l, n, p->v);
    hg_chol_lsolve(p->l, n, p->z);
    p->vv = hg_dot(p->v, p->v, n);
    p->mu = hg_dot(p->v, p->z, n) / p->vv;
    for (size_t i = 0; i < n; i++) p->z[i] -= p->mu * p->v[i];
    p->q = hg_dot(p->z, p->z, n);
    const double a = (log(length) - log(m->length_centre)) / m->length_sd;
    const double b = (log(noise) - log(m->noise_centre)) / m->noise_sd;
    *criterion = log(p->q) + (hg_chol_logdet(p->l, n) + log(p->vv) + a * a + b * b) / (double)(n - 1);
    p->theta = theta;
    return HG_OK;
}

static hg_status choose(plain *p, double *margin, hg_err *err) {
    const hg_t1_tables *t = p->t;
    double best = INFINITY, second = INFINITY, criterion;
    size_t chosen = 0;
    for (size_t i = 0; i < t->thetas; i++) {
        HG_TRY(try_theta(p, i, &criterion, err));
        if (criterion < best) {
            second = best;
            best = criterion;
            chosen = i;
        } else if (criterion < second)
            second = criterion;
    }
    *margin = t->thetas > 1 ? (best > -INFINITY ? expm1(second - best) : 0) : INFINITY;
    return try_theta(p, chosen, &criterion, err);
}

/* The level nearest to sqrt(q / dof), in ratio. */
static void choose_sigma(plain *p, double *margin) {
    const hg_secret_model *m = &p->t->model;
    int level = m->sigma_low;
    for (size_t k = 1; k < m->sigma_levels && !m->fixed; k++) {
        const double border = exp2((2 * (m->sigma_low + (int)k) - 1) / 16.0), x = p->q / (double)p->t->dof / border;
        if (x >= 1) level = m->sigma_low + (int)k;
        *margin = fmin(*margin, fabs(x - 1));
    }
    p->sigma = exp2(level / 16.0);
}

static void predict(plain *p) {
    const hg_t1_tables *t = p->t;
    const size_t n = t->n, m = t->n_pool;
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < m; j++)
            p->a[r * m + j] = correlation(&t->model, row_point(t, r), t->pool + j * t->d, t->d, t->length[p->theta]);
    hg_chol_lsolve_many(p->l, n, n, p->a, m, m);
    for (size_t j = 0; j < m; j++) {
        double mean = p->mu, own = 0, one = 0;
        for (size_t r = 0; r < n; r++) {
            const double a = p->a[r * m + j];
            mean += a * p->z[r];
            own += a * a;
            one += a * p->v[r];
        }
        p->mean[j] = mean;
        p->sd[j] = sqrt(fmax(HG_T1_LEAST_VARIANCE, 1 - own + (1 - one) * (1 - one) / p->vv));
    }
    p->best = p->y[0];
    for (size_t r = 1; r < n; r++) p->best = fmax(p->best, p->y[r]);
}

/* ---- a draw ---------------------------------------------------------------------------------------------------------------- */

static hg_status exact_path(plain *p, uint64_t seed, size_t pick, hg_arena *a, hg_err *err) {
    const hg_t1_tables *t = p->t;
    const size_t m = t->n_pool;
    double *k = hg_alloc(a, m, m * sizeof *k), *z = hg_alloc(a, m, sizeof *z);
    if (!k || !z) return hg_fail(err, HG_ENOMEM, "a draw over %zu candidates", m);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++)
            k[i * m + j] = correlation(&t->model, t->pool + i * t->d, t->pool + j * t->d, t->d, t->length[p->theta]) +
                           (i == j ? HG_T1_PRIOR_JITTER : 0);
    if (hg_chol(k, m) != 0) return hg_fail(err, HG_ENOTPD, "the prior of the float run");
    hg_exact_normals(z, m, seed, 4 * pick + HG_T1_STREAM_PATH);
    for (size_t i = 0; i < m; i++) p->path[i] = hg_dot(k + i * m, z, i + 1);
    return HG_OK;
}

static hg_status feature_path(plain *p, uint64_t seed, size_t pick, hg_arena *a, hg_err *err) {
    const hg_t1_tables *t = p->t;
    double *frequency = hg_alloc(a, t->d, HG_T1_FEATURES * sizeof *frequency), *shift = hg_alloc(a, HG_T1_FEATURES, 8);
    double *z = hg_alloc(a, HG_T1_FEATURES, sizeof *z), *room = hg_alloc(a, t->d + 5, HG_T1_FEATURES * sizeof *room);
    if (!frequency || !shift || !z || !room) return hg_fail(err, HG_ENOMEM, "a draw over %zu candidates", t->n_pool);
    hg_t1_frequencies(frequency, shift, t->d, t->model.matern, seed, pick, room);
    hg_exact_normals(z, HG_T1_FEATURES, seed, 4 * pick + HG_T1_STREAM_PATH);
    for (size_t j = 0; j < t->n_pool; j++) {
        p->path[j] = 0;
        for (size_t k = 0; k < HG_T1_FEATURES; k++) {
            double turns = shift[k];
            for (size_t i = 0; i < t->d; i++)
                turns += frequency[i * HG_T1_FEATURES + k] * t->pool[j * t->d + i] / t->length[p->theta];
            p->path[j] += z[k] * cos(6.283185307179586 * turns) * sqrt(2.0 / HG_T1_FEATURES);
        }
    }
    return HG_OK;
}

/* The path minus what the rows say of it: itself conditioned on a residual of zero. */
static hg_status draw(plain *p, uint64_t seed, size_t pick, hg_arena *a, hg_err *err) {
    const hg_t1_tables *t = p->t;
    const size_t n = t->n, columns = t->n_pool;
    double *e = hg_alloc(a, n, sizeof *e);
    if (!e) return hg_fail(err, HG_ENOMEM, "a draw over %zu rows", n);
    HG_TRY(t->n_pool <= HG_T1_EXACT_PRIOR ? exact_path(p, seed, pick, a, err) : feature_path(p, seed, pick, a, err));
    hg_exact_normals(e, n, seed, 4 * pick + HG_T1_STREAM_NOISE);
    for (size_t r = 0; r < n; r++) e[r] = p->path[t->measured[r]] + sqrt(t->noise_ratio[p->theta]) * e[r];
    hg_chol_lsolve(p->l, n, e);
    const double mu = hg_dot(p->v, e, n) / p->vv;
    for (size_t j = 0; j < t->n_pool; j++) {
        double x = p->path[j] - mu;
        for (size_t r = 0; r < n; r++) x -= p->a[r * columns + j] * (e[r] - mu * p->v[r]);
        p->score[j] = p->mean[j] + p->sigma * fmax(-HG_T1_DRAW_MOST, fmin(HG_T1_DRAW_MOST, x));
    }
    return HG_OK;
}

/* ---- scores ---------------------------------------------------------------------------------------------------------------- */

static double improvement(double u) { return hg_normal_pdf(u) + u * hg_normal_cdf(u); }

/* Between nodes, and straight on beyond the first and the last pair. */
static double chord(const hg_t1_chords *c, double u) {
    const double place = floor(u * c->per_unit - c->first), k = fmax(0, fmin((double)c->n - 1, place));
    const double left = (c->first + k) / c->per_unit, right = (c->first + k + 1) / c->per_unit;
    return improvement(left) + (improvement(right) - improvement(left)) * (u - left) * c->per_unit;
}

static hg_status score(plain *p, uint64_t seed, size_t pick, hg_arena *scratch, hg_err *err) {
    const hg_t1_tables *t = p->t;
    const hg_secret_model *m = &t->model;
    if (pick > 0 || m->acquisition == HG_ACQ_THOMPSON) {
        const hg_mark mark = hg_arena_mark(scratch);
        const hg_status st = draw(p, seed, pick, scratch, err);
        hg_arena_reset(scratch, mark);
        return st;
    }
    hg_t1_chords c;
    hg_t1_chords_place(&c, t->n_pool);
    for (size_t j = 0; j < t->n_pool; j++) {
        const double s = p->sigma * p->sd[j], gain = p->mean[j] - p->best;
        p->score[j] = m->acquisition == HG_ACQ_PI   ? gain / p->sd[j]
                      : m->acquisition == HG_ACQ_EI ? s * chord(&c, gain / s)
                                                    : p->mean[j] + m->kappa * s;
    }
    return HG_OK;
}

static bool greatest(size_t *index, double *gap, const plain *p) {
    double best = -INFINITY, second = -INFINITY, least = INFINITY;
    for (size_t j = 0; j < p->t->n_pool; j++) {
        if (p->closed[j]) continue;
        const double s = p->score[j];
        least = fmin(least, s);
        if (s > best) {
            second = best;
            best = s;
            *index = j;
        } else if (s > second)
            second = s;
    }
    *gap = second == -INFINITY ? 1 : best > least ? (best - second) / (best - least) : 0;
    return best > -INFINITY;
}

static hg_status run(size_t *index, double *gap, plain *p, const hg_t1_opts *o, hg_arena *scratch, hg_err *err) {
    const hg_secret_model *m = &p->t->model;
    double *noise = hg_alloc(scratch, p->t->n_pool, sizeof *noise);
    if (!noise) return hg_fail(err, HG_ENOMEM, "the float run");
    for (size_t pick = 0; pick < (o->batch ? o->batch : 1); pick++) {
        HG_TRY(score(p, o->seed.n ? o->seed.slot[0][0] : 0, pick, scratch, err));
        if (m->epsilon > 0) hg_t1_noise_plain(noise, p->t, o->noise.slot[0], pick, o->excluded);
        for (size_t j = 0; j < p->t->n_pool; j++) p->score[j] += noise[j];
        if (!greatest(&index[pick], &gap[pick], p))
            return hg_fail(err, HG_EINVAL, "no candidate is left for proposal %zu", pick + 1);
        p->closed[index[pick]] = true;
        if (o->mean) o->mean[pick] = p->mean[index[pick]];
    }
    return HG_OK;
}

hg_status hg_t1_float(size_t *index, double *gap, double *margin, const hg_t1_tables *t, const double *y,
                      const hg_t1_opts *o, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const hg_t1_opts opts = o ? *o : (hg_t1_opts) { 0 };
    const bool draws = opts.batch > 1 || t->model.acquisition == HG_ACQ_THOMPSON;
    if ((draws && !opts.seed.n) || (t->model.epsilon > 0 && !opts.noise.n))
        return hg_fail(err, HG_EINVAL, "the float run needs the seed and the noise that the secret run had");
    hg_arena *mem = hg_arena_new();
    const size_t n = t->n, m = t->n_pool;
    plain p = { .t = t, .y = y };
    p.l = hg_alloc(mem, n, n * sizeof *p.l);
    p.v = hg_alloc(mem, n, sizeof *p.v);
    p.z = hg_alloc(mem, n, sizeof *p.z);
    p.a = hg_alloc(mem, n, m * sizeof *p.a);
    p.mean = hg_alloc(mem, m, 4 * sizeof *p.mean);
    p.closed = hg_alloc(mem, m, sizeof *p.closed);
    double clear = INFINITY;
    hg_status st = p.l && p.v && p.z && p.a && p.mean && p.closed
                       ? HG_OK
                       : hg_fail(err, HG_ENOMEM, "the float run of %zu rows", n);
    if (st == HG_OK) {
        p.sd = p.mean + m;
        p.score = p.mean + 2 * m;
        p.path = p.mean + 3 * m;
        if (opts.excluded) memcpy(p.closed, opts.excluded, m * sizeof *p.closed);
        st = choose(&p, &clear, err);
    }
    if (st == HG_OK) {
        choose_sigma(&p, &clear);
        predict(&p);
        if (margin) *margin = clear;
        st = run(index, gap, &p, &opts, mem, err);
    }
    hg_arena_free(mem);
    return st;
}
