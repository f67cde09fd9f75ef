/* bayes/ensemble.c -- see bayes/ensemble.h. Draws never change; a point adds one row to each draw's factor. */
#include "bayes/ensemble.h"
#include "bayes/base.h"
#include "core/memory.h"
#include "num/isa.h"
#include "num/linalg.h"
#include "num/sobol.h"
#include "num/special.h"
#include <math.h>
#include <string.h>

const hg_ensemble_policy HG_ENSEMBLE_POLICY = {
    .draws = 256,
    .most_points = 64,
    .length_centre = 0.5,
    .length_common_sd = 0.7,
    .length_own_sd = 0.7,
    .few_groups = 2,
    .noise_few = 0.005,
    .noise_many = 0.02,
    .noise_sd = 1.5,
    .noise_floor = 1e-5,
    .dof_few = 1,
    .dof_many = 0,
    .least_weight = 1e-3,
    .least_effective = 3,
    .kernel = { "rbf", "matern52", "matern32" },
    .density_gain = 0.6,
};

enum { DRAWS = 256, DRAW_SEED = 1 }; /* the draws are part of the model: the same for everyone */

typedef struct {
    const hg_base_kernel *kernel;
    double lambda, degree; /* degree: s, of belief in the density */
    double *w;             /* [G] 1 / l_g^2 */
    double *l, *a, *v;     /* [most, most] lower, [most], [most] */
    double logdet;
    double u, beta, s2; /* since the last weigh */
    double *t;          /* [most, n_pool] L^-1 c(pool), rows 0 .. rows-1 are up to date */
    double *b, *tt;     /* [n_pool] t'a and t't */
    size_t rows;
} draw;

struct hg_ensemble {
    hg_arena *mem;
    double *big; /* the factors and pool rows: malloc, so that pages nobody needs are never touched */
    size_t d, stride, groups, n, most, n_pool; /* stride: columns of a row, d or d + 2 */
    bool density;
    size_t *group;
    double *shift, *scale;
    double *x, *y, *f; /* [most, d] scaled, [most], [most] density feature, 0 without */
    double *pool_f;    /* [n_pool] */
    double y_mean, y_sd;
    double *pool;     /* [n_pool, d] scaled */
    double *distance; /* [most, G, n_pool] squared, of each point to the pool */
    double *row;      /* [n_pool or most] scratch of add and predict_pool */
    double *pair;     /* [G, most] scratch of add */
    draw draws[DRAWS];
    size_t kept[DRAWS], n_kept;
    double weight[DRAWS]; /* of kept[k] */
};

/* ---- set up ------------------------------------------------------------------------------------------------- */

static const hg_base_kernel *find_kernel(const char *name) {
    for (size_t i = 0; i < HG_BASE_KERNEL_COUNT; i++)
        if (!strcmp(HG_BASE_KERNELS[i].name, name)) return &HG_BASE_KERNELS[i];
    return &HG_BASE_KERNELS[0];
}

static void make_draws(hg_ensemble *e, const hg_sobol *sobol) {
    const hg_ensemble_policy *p = &HG_ENSEMBLE_POLICY;
    const bool few = e->groups <= p->few_groups;
    const double centre = p->length_centre * sqrt((double)e->groups);
    for (size_t m = 0; m < p->draws; m++) {
        draw *q = &e->draws[m];
        double u[HG_SOBOL_DIMS];
        hg_rng rng = hg_rng_make(DRAW_SEED, m); /* for groups beyond the Sobol table */
        hg_sobol_point(sobol, (uint32_t)m, u);
        const double common = hg_normal_quantile(fmax(u[0], 0x1p-33)), noise = hg_normal_quantile(fmax(u[1], 0x1p-33));
        const bool isotropic = few || m % 2 == 0;
        for (size_t g = 0; g < e->groups; g++) {
            const double own = g + 2 < sobol->d ? hg_normal_quantile(fmax(u[g + 2], 0x1p-33)) : hg_rng_normal(&rng);
            const double log_l = p->length_common_sd * common + (isotropic ? 0 : p->length_own_sd * own);
            q->w[g] = exp(-2 * (log(centre) + log_l));
        }
        q->lambda = fmax((few ? p->noise_few : p->noise_many) * exp(p->noise_sd * noise), p->noise_floor);
        q->kernel = find_kernel(p->kernel[m % 3]);
        q->degree = e->density ? 0.5 * (double)(m / 5 % 3) : 0;
    }
}

static void scale_row(double *to, const hg_ensemble *e, const double *x) {
    for (size_t j = 0; j < e->d; j++) to[j] = (x[j] - e->shift[j]) / e->scale[j];
}

static double feature(const hg_ensemble *e, const double *x) { return e->density ? x[e->d] : 0; }

static hg_status allocate(hg_ensemble *e, const hg_ensemble_opts *o, hg_err *err) {
    const size_t d = e->d, most = e->most, np = e->n_pool;
    e->group = hg_alloc(e->mem, d, sizeof *e->group);
    e->shift = hg_alloc(e->mem, d, sizeof(double));
    e->scale = hg_alloc(e->mem, d, sizeof(double));
    e->x = hg_alloc(e->mem, most, d * sizeof(double));
    e->y = hg_alloc(e->mem, most, sizeof(double));
    e->pool = hg_alloc(e->mem, np, d * sizeof(double));
    e->f = hg_alloc(e->mem, most, sizeof(double));
    e->pool_f = hg_alloc(e->mem, np, sizeof(double));
    e->distance = hg_alloc(e->mem, np * most, e->groups * sizeof(double));
    e->row = hg_alloc(e->mem, np > most ? np : most, sizeof(double));
    e->pair = hg_alloc(e->mem, e->groups, most * sizeof(double));
    double *w = hg_alloc(e->mem, DRAWS, e->groups * sizeof(double));
    const size_t each = most * most + 2 * most + most * np + 2 * np;
    e->big = hg_malloc(DRAWS, each * sizeof(double));
    if (!e->f || !e->pool_f || !e->group || !e->shift || !e->scale || !e->x || !e->y || !e->pool || !e->distance ||
        !e->row || !e->pair || !w || !e->big)
        return hg_fail(err, HG_ENOMEM, "%zu models of %zu points and %zu candidates", (size_t)DRAWS, most, np);
    memcpy(e->group, o->group, d * sizeof *e->group);
    memcpy(e->shift, o->shift, d * sizeof *e->shift);
    memcpy(e->scale, o->scale, d * sizeof *e->scale);
    for (size_t m = 0; m < DRAWS; m++) {
        draw *q = &e->draws[m];
        double *at = e->big + m * each;
        q->w = w + m * e->groups;
        q->l = at;
        q->a = q->l + most * most;
        q->v = q->a + most;
        q->b = q->v + most;
        q->tt = q->b + np;
        q->t = q->tt + np;
    }
    return HG_OK;
}

hg_status hg_ensemble_new(hg_ensemble **out, const hg_ensemble_opts *o, hg_err *err) {
    *out = NULL;
    if (o->d == 0 || o->most == 0) return hg_fail(err, HG_EINVAL, "%zu inputs, %zu points", o->d, o->most);
    hg_arena *mem = hg_arena_new();
    hg_ensemble *e = hg_alloc(mem, 1, sizeof *e);
    if (!e) {
        hg_arena_free(mem);
        return hg_fail(err, HG_ENOMEM, "ensemble of models");
    }
    e->mem = mem;
    e->d = o->d;
    e->density = o->density;
    e->stride = o->density ? o->d + 2 : o->d;
    e->most = o->most;
    e->n_pool = o->pool ? o->n_pool : 0;
    for (size_t j = 0; j < o->d; j++) e->groups = o->group[j] + 1 > e->groups ? o->group[j] + 1 : e->groups;
    hg_sobol *sobol = hg_alloc(mem, 1, sizeof *sobol);
    hg_status st = sobol ? allocate(e, o, err) : hg_fail(err, HG_ENOMEM, "ensemble of models");
    if (st != HG_OK) {
        hg_ensemble_free(e);
        return st;
    }
    hg_sobol_init(sobol, e->groups + 2, DRAW_SEED);
    make_draws(e, sobol);
    for (size_t i = 0; i < e->n_pool; i++) {
        scale_row(e->pool + i * e->d, e, o->pool + i * e->stride);
        e->pool_f[i] = feature(e, o->pool + i * e->stride);
    }
    *out = e;
    return HG_OK;
}

void hg_ensemble_free(hg_ensemble *e) {
    if (!e) return;
    hg_free(e->big);
    hg_arena_free(e->mem);
}

/* ---- one more point -------------------------------------------------------------------------------------------- */

/* r2[G, ld]: squared distances by group between the scaled point a[d] and the rows b[m,d]. */
static void distances(double *r2, size_t ld, const hg_ensemble *e, const double *a, const double *b, size_t m) {
    for (size_t g = 0; g < e->groups; g++)
        for (size_t i = 0; i < m; i++) r2[g * ld + i] = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < e->d; j++) {
            const double t = a[j] - b[i * e->d + j];
            r2[e->group[j] * ld + i] += t * t;
        }
}

/* k[m] = kernel of sum_g w_g r2[g] */
static void kernel_row(double *k, const draw *q, const double *r2, size_t ld, size_t groups, size_t m) {
    for (size_t i = 0; i < m; i++) k[i] = q->w[0] * r2[i];
    for (size_t g = 1; g < groups; g++)
        for (size_t i = 0; i < m; i++) k[i] += q->w[g] * r2[g * ld + i];
    q->kernel->value(k, k, m);
}

/* What q's prior mean holds against z at density feature f. */
static double density_mean(const draw *q, double f) { return HG_ENSEMBLE_POLICY.density_gain * q->degree * f; }

/* Row n of q's factor for the new point, whose distances to the others are in e->pair. */
static void add_row(hg_ensemble *e, draw *q, double noise) {
    const size_t n = e->n, most = e->most;
    double *l = q->l + n * most;
    kernel_row(l, q, e->pair, most, e->groups, n);
    double left = 1 + noise, a = 1;
    for (size_t i = 0; i < n; i++) {
        l[i] = (l[i] - hg_dot(l, q->l + i * most, i)) / q->l[i * most + i];
        left -= l[i] * l[i];
        a -= l[i] * q->a[i];
    }
    l[n] = sqrt(fmax(left, 0.5 * noise)); /* exact arithmetic gives at least the noise */
    q->a[n] = a / l[n];
}

static void new_point(hg_ensemble *e, const double *x, double y) {
    double *scaled = e->x + e->n * e->d;
    scale_row(scaled, e, x);
    e->y[e->n] = y;
    e->f[e->n] = feature(e, x);
    distances(e->pair, e->most, e, scaled, e->x, e->n);
    if (e->n_pool) distances(e->distance + e->n * e->groups * e->n_pool, e->n_pool, e, scaled, e->pool, e->n_pool);
}

void hg_ensemble_add(hg_ensemble *e, const double *x, double y) {
    new_point(e, x, y);
    for (size_t m = 0; m < DRAWS; m++) {
        draw *q = &e->draws[m];
        add_row(e, q, q->lambda);
        q->logdet = (e->n ? q->logdet : 0) + 2 * log(q->l[e->n * e->most + e->n]);
    }
    e->n++;
}

void hg_ensemble_believe(hg_ensemble *e, const double *x, double y) {
    static const double ROUND_OFF = 1e-8; /* of the signal variance, so that the factor exists */
    const size_t n = e->n;
    new_point(e, x, y);
    const double z = (y - e->y_mean) / e->y_sd;
    for (size_t k = 0; k < e->n_kept; k++) {
        draw *q = &e->draws[e->kept[k]];
        add_row(e, q, ROUND_OFF);
        const double *l = q->l + n * e->most;
        q->v[n] = (z - density_mean(q, e->f[n]) - hg_dot(l, q->v, n)) / l[n];
        q->u += q->a[n] * q->a[n];
        q->beta = hg_dot(q->a, q->v, n + 1) / q->u;
    }
    e->n++;
}

static double log_weight(draw *q, const double *z, const double *f, size_t n, size_t most, double nu) {
    double vv = 0, va = 0, u = 0;
    for (size_t i = 0; i < n; i++) {
        q->v[i] = (z[i] - density_mean(q, f[i]) - hg_dot(q->v, q->l + i * most, i)) / q->l[i * most + i];
        vv += q->v[i] * q->v[i];
        va += q->v[i] * q->a[i];
        u += q->a[i] * q->a[i];
    }
    const double rest = fmax(vv - va * va / u, 1e-9), dof = (double)(n - 1) + nu;
    q->u = u;
    q->beta = va / u;
    q->s2 = (rest + nu) / dof;
    return -0.5 * (q->logdet + log(u) + dof * log(rest + nu));
}

void hg_ensemble_weigh(hg_ensemble *e) {
    const hg_ensemble_policy *p = &HG_ENSEMBLE_POLICY;
    const size_t n = e->n;
    double sum = 0, squares = 0, top = -HUGE_VAL, total = 0, log_w[DRAWS];
    for (size_t i = 0; i < n; i++) sum += e->y[i] / (double)n;
    for (size_t i = 0; i < n; i++) squares += (e->y[i] - sum) * (e->y[i] - sum) / (double)(n - 1);
    e->y_mean = sum;
    e->y_sd = squares > 0 ? sqrt(squares) : 1;
    double *z = e->pair; /* [n]; free between two adds */
    for (size_t i = 0; i < n; i++) z[i] = (e->y[i] - e->y_mean) / e->y_sd;
    const double nu = e->groups <= p->few_groups ? p->dof_few : p->dof_many;
    for (size_t m = 0; m < DRAWS; m++) {
        log_w[m] = log_weight(&e->draws[m], z, e->f, n, e->most, nu);
        top = fmax(top, log_w[m]);
    }
    e->n_kept = 0;
    for (size_t m = 0; m < DRAWS; m++) {
        const double w = exp(log_w[m] - top);
        if (w < p->least_weight) continue;
        e->kept[e->n_kept] = m;
        e->weight[e->n_kept++] = w;
        total += w;
    }
    for (size_t k = 0; k < e->n_kept; k++) e->weight[k] /= total;
}

size_t hg_ensemble_limit(hg_ensemble *e, size_t most) {
    while (e->n_kept > most && e->n_kept > 1) {
        size_t least = 0;
        for (size_t k = 1; k < e->n_kept; k++)
            if (e->weight[k] < e->weight[least]) least = k;
        const double rest = 1 - e->weight[least];
        for (size_t k = least; k + 1 < e->n_kept; k++) {
            e->kept[k] = e->kept[k + 1];
            e->weight[k] = e->weight[k + 1];
        }
        e->n_kept--;
        for (size_t k = 0; k < e->n_kept; k++) e->weight[k] /= rest;
    }
    return e->n_kept;
}

size_t hg_ensemble_members(const hg_ensemble *e) { return e->n_kept; }
double hg_ensemble_weight(const hg_ensemble *e, size_t k) { return e->weight[k]; }
double hg_ensemble_effective(const hg_ensemble *e) {
    double squares = 0;
    for (size_t k = 0; k < e->n_kept; k++) squares += e->weight[k] * e->weight[k];
    return 1 / squares;
}

size_t hg_ensemble_points(const hg_ensemble *e) { return e->n; }

double hg_ensemble_signal_sd(const hg_ensemble *e) {
    double sum = 0;
    for (size_t k = 0; k < e->n_kept; k++) sum += e->weight[k] * e->draws[e->kept[k]].s2;
    return e->y_sd * sqrt(sum);
}

double hg_ensemble_noise_sd(const hg_ensemble *e) {
    double sum = 0;
    for (size_t k = 0; k < e->n_kept; k++) sum += e->weight[k] * e->draws[e->kept[k]].s2 * e->draws[e->kept[k]].lambda;
    return e->y_sd * sqrt(sum);
}

void hg_ensemble_metric(double *w, const hg_ensemble *e) {
    for (size_t g = 0; g < e->groups; g++) w[g] = 0;
    for (size_t k = 0; k < e->n_kept; k++)
        for (size_t g = 0; g < e->groups; g++) w[g] += e->weight[k] * e->draws[e->kept[k]].w[g];
}

size_t hg_ensemble_pick(const hg_ensemble *e, double u) {
    size_t k = 0;
    while (k + 1 < e->n_kept && u > e->weight[k]) u -= e->weight[k++];
    return k;
}

/* ---- predictions ---------------------------------------------------------------------------------------------- */

/* From a't (b), t't (tt) and t'v (mean, in place) to mean and sd in units of y. */
static void finish(double *mean, double *sd, const double *b, const double *tt, const double *f, const hg_ensemble *e,
                   const draw *q, size_t m) {
    for (size_t i = 0; i < m; i++) {
        const double left = 1 - b[i], var = q->s2 * (1 - tt[i] + left * left / q->u);
        mean[i] = e->y_mean + e->y_sd * (mean[i] + q->beta * left + density_mean(q, f[i]));
        sd[i] = e->y_sd * sqrt(fmax(var, 1e-12 * q->s2)); /* round-off must not make a point certain */
    }
}

size_t hg_ensemble_work(const hg_ensemble *e, size_t m) { return m * (e->d + 1 + e->n * e->groups + e->n + 2); }

void hg_ensemble_prepare(double *work, const hg_ensemble *e, const double *x, size_t m) {
    double *scaled = work + m * e->n * e->groups, *f = scaled + m * e->d;
    for (size_t i = 0; i < m; i++) {
        scale_row(scaled + i * e->d, e, x + i * e->stride);
        f[i] = feature(e, x + i * e->stride);
    }
    for (size_t i = 0; i < e->n; i++) distances(work + i * e->groups * m, m, e, e->x + i * e->d, scaled, m);
}

/* [n, m] -> b = t'a, tt = t't, mean = t'v */
HG_INLINE void reduce_body(double *restrict mean, double *restrict b, double *restrict tt, const double *restrict t,
                           const double *restrict a, const double *restrict v, size_t n, size_t m) {
    for (size_t j = 0; j < m; j++) mean[j] = b[j] = tt[j] = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) {
            const double x = t[i * m + j];
            mean[j] += v[i] * x;
            b[j] += a[i] * x;
            tt[j] += x * x;
        }
}
HG_ISA_FUNCTION(static, reduce,
                (double *mean, double *b, double *tt, const double *t, const double *a, const double *v, size_t n,
                 size_t m),
                (mean, b, tt, t, a, v, n, m))

void hg_ensemble_predict(double *mean, double *sd, const hg_ensemble *e, size_t k, size_t m, double *work) {
    const draw *q = &e->draws[e->kept[k]];
    double *f = work + m * (e->n * e->groups + e->d), *t = f + m, *b = t + m * e->n, *tt = b + m;
    for (size_t i = 0; i < e->n; i++) kernel_row(t + i * m, q, work + i * e->groups * m, m, e->groups, m);
    hg_chol_lsolve_many(q->l, e->n, e->most, t, m, m);
    reduce(mean, b, tt, t, q->a, q->v, e->n, m);
    finish(mean, sd, b, tt, f, e, q, m);
}

void hg_ensemble_predict_pool(double *mean, double *sd, hg_ensemble *e, size_t k) {
    draw *q = &e->draws[e->kept[k]];
    const size_t np = e->n_pool;
    for (size_t i = 0; q->rows == 0 && i < np; i++) q->b[i] = q->tt[i] = 0;
    for (; q->rows < e->n; q->rows++) {
        const size_t r = q->rows;
        const double *l = q->l + r * e->most, inverse = 1 / l[r], a = q->a[r];
        double *t = q->t + r * np;
        kernel_row(t, q, e->distance + r * e->groups * np, np, e->groups, np);
        if (r) hg_gemv(t, q->t, np, true, l, r, np, -1, 1);
        for (size_t i = 0; i < np; i++) {
            t[i] *= inverse;
            q->b[i] += a * t[i];
            q->tt[i] += t[i] * t[i];
        }
    }
    hg_gemv(mean, q->t, np, true, q->v, e->n, np, 1, 0);
    finish(mean, sd, q->b, q->tt, e->pool_f, e, q, np);
}

double hg_ensemble_boost(const hg_ensemble *e, size_t k) {
    const double s = e->draws[e->kept[k]].degree;
    return e->n == 2 ? 0.5 * s : s; /* two points know little of whether the density is right */
}

double hg_ensemble_gain(const hg_ensemble *e, size_t k) { return e->y_sd * density_mean(&e->draws[e->kept[k]], 1); }

hg_status hg_ensemble_member(hg_gp **out, double *shift, double *scale, const hg_ensemble *e, size_t k, hg_pool *pool,
                             hg_err *err) {
    const draw *q = &e->draws[e->kept[k]];
    *out = NULL;
    *shift = e->y_mean;
    *scale = e->y_sd;
    hg_arena *mem = hg_arena_new();
    double *params = hg_alloc(mem, e->groups + 2, sizeof *params), *z = hg_alloc(mem, e->n, sizeof *z);
    hg_status st = params && z ? HG_OK : hg_fail(err, HG_ENOMEM, "model of %zu points", e->n);
    if (st == HG_OK) {
        for (size_t g = 0; g < e->groups; g++) params[g] = -0.5 * log(q->w[g]);
        params[e->groups] = 0.5 * log(q->s2);
        params[e->groups + 1] = 0.5 * log(q->s2 * q->lambda);
        for (size_t i = 0; i < e->n; i++) z[i] = (e->y[i] - e->y_mean) / e->y_sd - density_mean(q, e->f[i]);
        hg_gp_opts o = hg_gp_opts_default();
        o.kernel = q->kernel->name;
        o.group = e->group;
        o.learn = false;
        o.params = params;
        o.n_params = e->groups + 2;
        o.standardise = false; /* e->x is scaled already: queries of the member come scaled too */
        o.pool = pool;
        st = hg_gp_fit(out, e->x, z, e->n, e->d, &o, err);
    }
    hg_arena_free(mem);
    return st;
}
