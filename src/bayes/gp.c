/* bayes/gp.c -- see hagane/gp.h and bayes/model.h: fitting, and what a model says about itself */
#include "bayes/evidence.h"
#include "bayes/model.h"
#include "core/memory.h"
#include "core/text.h"
#include "num/linalg.h"
#include "num/vector.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double LOG_2PI = 1.8378770664093453;
static const double LOG_LARGEST = 100; /* of a given hyper-parameter */
static const double FARTHEST = 1e60;   /* standardised coordinates are cut here: their squares stay finite */
static const double Y_LARGEST = 1e150, Y_SMALLEST = 1e-150; /* beyond, a variance is no longer a double */

hg_gp_opts hg_gp_opts_default(void) {
    return (hg_gp_opts) { .kernel = "matern52",
                          .learn = true,
                          .noise_sd = -1,
                          .standardise = true,
                          .restarts = 4,
                          .exact_max = 2000,
                          .inducing = 512,
                          .prior_strength = 1 };
}

/* ---- options -------------------------------------------------------------------------------------------------------- */

static hg_status check_groups(size_t *groups, const size_t *group, size_t d, hg_err *err) {
    *groups = d;
    if (!group) return HG_OK;
    size_t top = 0;
    for (size_t j = 0; j < d; j++) {
        if (group[j] >= d) return hg_fail(err, HG_EINVAL, "group[%zu] = %zu with %zu dimensions", j, group[j], d);
        if (group[j] > top) top = group[j];
    }
    *groups = top + 1;
    return HG_OK;
}

static hg_status check_opts(const hg_gp_opts *o, size_t d, size_t n_theta, hg_err *err) {
    if (!o->x_scale != !o->x_shift) return hg_fail(err, HG_EINVAL, "x_shift and x_scale go together");
    for (size_t j = 0; o->x_scale && j < d; j++)
        if (!(isfinite(o->x_shift[j]) && isfinite(o->x_scale[j]) && o->x_scale[j] > 0))
            return hg_fail(err, HG_EINVAL, "x_shift[%zu] = %g, x_scale[%zu] = %g: need a finite shift and a scale > 0",
                           j, o->x_shift[j], j, o->x_scale[j]);
    if (isnan(o->noise_sd) || isinf(o->noise_sd)) return hg_fail(err, HG_EINVAL, "noise_sd = %g", o->noise_sd);
    if (!(o->prior_strength >= 0 && isfinite(o->prior_strength)))
        return hg_fail(err, HG_EINVAL, "prior_strength = %g, need 0 or more", o->prior_strength);
    if (o->exact_max == 0 || o->inducing == 0) return hg_fail(err, HG_EINVAL, "exact_max and inducing must be > 0");
    if (!o->params) return HG_OK;
    if (o->n_params != n_theta)
        return hg_fail(err, HG_EINVAL, "%zu hyper-parameters given, kernel \"%s\" has %zu", o->n_params, o->kernel,
                       n_theta);
    for (size_t i = 0; i < n_theta; i++)
        if (!(fabs(o->params[i]) <= LOG_LARGEST))
            return hg_fail(err, HG_EINVAL, "params[%zu] = %g: logarithms lie between -100 and 100", i, o->params[i]);
    return HG_OK;
}

static hg_status check_y(const double *y, size_t n, hg_err *err) {
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, fabs(y[i]));
    if (top <= Y_LARGEST && (top >= Y_SMALLEST || top == 0)) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "y reaches %g, its square is not a number a computer can hold", top),
                     "use a unit in which the values lie between 1e-150 and 1e150");
}

/* ---- scaling -------------------------------------------------------------------------------------------------------- */

static void scale_x(hg_gp *gp, const hg_gp_opts *o, const double *x, size_t n) {
    for (size_t j = 0; j < gp->d; j++) {
        gp->shift[j] = o->x_scale ? o->x_shift[j] : 0;
        gp->half[j] = o->x_scale ? 0.5 * o->x_scale[j] : 0.5;
        if (o->x_scale || !o->standardise) continue;
        double lo = x[j], hi = x[j];
        for (size_t i = 1; i < n; i++) {
            lo = fmin(lo, x[i * gp->d + j]);
            hi = fmax(hi, x[i * gp->d + j]);
        }
        gp->shift[j] = 0.5 * lo + 0.5 * hi;
        gp->half[j] = 0.5 * hi - 0.5 * lo; /* half the range */
        if (!(gp->half[j] > 0))
            gp->half[j] = lo != 0 ? 0.5 * fabs(lo) : 0.5; /* constant: nothing known about its range */
    }
}

static void scale_y(hg_gp *gp, const hg_gp_opts *o, const double *y, size_t n) {
    double mean = 0, squares = 0, top = 0;
    for (size_t i = 0; i < n; i++) {
        mean += y[i] / (double)n;
        top = fmax(top, fabs(y[i]));
    }
    for (size_t i = 0; i < n; i++) squares += (y[i] - mean) * (y[i] - mean);
    const double sd = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    gp->y_constant = !(sd > 1e-14 * top);
    gp->y_shift = o->standardise ? mean : 0;
    gp->y_scale = !o->standardise ? 1 : !gp->y_constant ? sd : top > 0 ? top : 1;
}

static double standard(const hg_gp *gp, size_t j, double x) {
    const double u = (0.5 * x - 0.5 * gp->shift[j]) / gp->half[j];
    return fmin(fmax(u, -FARTHEST), FARTHEST);
}

void hg_gp_scale_rows(double *out, const hg_gp *gp, const double *xs, size_t m) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < gp->d; j++) out[i * gp->d + j] = standard(gp, j, xs[i * gp->d + j]);
}

void hg_gp_scale_block(double *bt, const hg_gp *gp, const double *xs, size_t m) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < gp->d; j++) bt[j * m + i] = standard(gp, j, xs[i * gp->d + j]);
}

/* The extent of the points along each group: the range of a single dimension; for several, the side of a uniform
 * distribution with the same total variance, sqrt(12 sum var). A group of several dimensions has its length-scale
 * prior centred there, so that a formula of 290 numbers counts like one column. */
static void spread_of_groups(hg_gp *gp, const double *x, size_t n) {
    for (size_t g = 0; g < gp->groups; g++) {
        double variance = 0, range = 0;
        size_t dims = 0;
        for (size_t j = 0; j < gp->d; j++) {
            if (gp->group[j] != g) continue;
            double mean = 0, squares = 0, lo = x[j], hi = x[j];
            for (size_t i = 0; i < n; i++) mean += x[i * gp->d + j] / (double)n;
            for (size_t i = 0; i < n; i++) {
                const double t = x[i * gp->d + j];
                squares += (t - mean) * (t - mean);
                lo = fmin(lo, t);
                hi = fmax(hi, t);
            }
            if (n > 1) variance += squares / (double)(n - 1);
            range = hi - lo;
            dims++;
        }
        gp->spread[g] = dims == 1 ? range : sqrt(12 * variance);
        gp->prior_shift[g] = dims > 1 ? log(gp->spread[g] > 0 ? gp->spread[g] : sqrt((double)dims)) : 0;
    }
}

/* ---- fit ------------------------------------------------------------------------------------------------------------ */

static void name_params(hg_gp *gp) {
    size_t i = 0;
    for (size_t leaf = 0; leaf < gp->kernel.leaves; leaf++) {
        size_t same = 0, which = 0; /* "matern52 2" when a base kernel stands twice */
        for (size_t other = 0; other < gp->kernel.leaves; other++) {
            if (gp->kernel.base[other] != gp->kernel.base[leaf]) continue;
            same++;
            if (other <= leaf) which++;
        }
        for (size_t g = 0; g < gp->groups; g++, i++) {
            const int len = snprintf(gp->names[i], sizeof gp->names[i], "log length scale %zu of %s", g + 1,
                                     gp->kernel.base[leaf]->name);
            if (same > 1) snprintf(gp->names[i] + len, sizeof gp->names[i] - (size_t)len, " %zu", which);
        }
    }
    for (size_t w = 0; w < gp->kernel.weights; w++, i++)
        snprintf(gp->names[i], sizeof gp->names[i], "log weight of term %zu", w + 2);
    snprintf(gp->names[i++], sizeof gp->names[i], "log signal sd");
    snprintf(gp->names[i], sizeof gp->names[i], "log noise sd");
}

static hg_status allocate(hg_gp *gp, hg_err *err) {
    const size_t d = gp->d, leaves = gp->kernel.leaves;
    gp->group = hg_alloc(gp->mem, d, sizeof *gp->group);
    gp->shift = hg_alloc(gp->mem, d, sizeof(double));
    gp->half = hg_alloc(gp->mem, d, sizeof(double));
    gp->spread = hg_alloc(gp->mem, gp->groups, sizeof(double));
    gp->prior_shift = hg_alloc(gp->mem, gp->groups, sizeof(double));
    gp->theta = hg_alloc(gp->mem, gp->n_theta, sizeof(double));
    gp->names = hg_alloc(gp->mem, gp->n_theta, sizeof *gp->names);
    gp->values = (hg_kernel_values) { .kernel = &gp->kernel, .d = d };
    gp->values.w = hg_alloc(gp->mem, leaves * d, sizeof(double));
    gp->values.root = hg_alloc(gp->mem, leaves * d, sizeof(double));
    if (gp->group && gp->shift && gp->half && gp->spread && gp->prior_shift && gp->theta && gp->names && gp->values.w &&
        gp->values.root)
        return HG_OK;
    return hg_fail(err, HG_ENOMEM, "model of %zu dimensions", d);
}

hg_status hg_gp_copy_settings(hg_gp *to, const hg_gp *from, hg_err *err) {
    HG_TRY(allocate(to, err));
    memcpy(to->group, from->group, to->d * sizeof *to->group);
    memcpy(to->shift, from->shift, to->d * sizeof(double));
    memcpy(to->half, from->half, to->d * sizeof(double));
    memcpy(to->spread, from->spread, to->groups * sizeof(double));
    memcpy(to->prior_shift, from->prior_shift, to->groups * sizeof(double));
    memcpy(to->theta, from->theta, to->n_theta * sizeof(double));
    memcpy(to->names, from->names, to->n_theta * sizeof *to->names);
    hg_kernel_set(&to->values, to->theta, to->group, to->groups);
    return HG_OK;
}

void hg_gp_say(hg_gp *gp) {
    hg_text t = hg_text_new(sizeof gp->words - 1);
    hg_text_add(&t, "Gaussian process, kernel %s", gp->kernel.text);
    if (gp->groups > 1) hg_text_add(&t, " with %zu length scales", gp->groups);
    hg_text_add(&t, ", %zu points", gp->n);
    if (gp->inducing)
        hg_text_add(&t, " summarised by %zu inducing points (FITC: approximate, for the exact model would take long)",
                    gp->p);
    if (gp->learned_on > 0 && gp->learned_on < gp->n)
        hg_text_add(&t, ", hyper-parameters learned on %zu of them", gp->learned_on);
    hg_text_add(&t, "; signal sd %.3g, noise sd %.3g", hg_gp_signal_sd(gp), hg_gp_noise_sd(gp));
    if (gp->jitter > 0)
        hg_text_add(&t, "; %.0e of the signal variance added to keep the covariance positive", gp->jitter);
    snprintf(gp->words, sizeof gp->words, "%s", t.s);
    hg_text_free(&t);
}

/* From x, y (caller's units), options already checked. */
static hg_status fit(hg_gp *gp, const hg_gp_opts *o, const double *x, const double *y, hg_err *err) {
    const size_t n = gp->n, d = gp->d;
    HG_TRY(allocate(gp, err));
    for (size_t j = 0; j < d; j++) gp->group[j] = o->group ? o->group[j] : j;
    name_params(gp);
    scale_x(gp, o, x, n);
    scale_y(gp, o, y, n);
    gp->cap = n;
    gp->x = hg_alloc(gp->state, n, d * sizeof(double));
    gp->y = hg_alloc(gp->state, n, sizeof(double));
    if (!gp->x || !gp->y) return hg_fail(err, HG_ENOMEM, "%zu points", n);
    hg_gp_scale_rows(gp->x, gp, x, n);
    for (size_t i = 0; i < n; i++) gp->y[i] = (y[i] - gp->y_shift) / gp->y_scale;
    spread_of_groups(gp, gp->x, n);
    HG_TRY(hg_gp_learn(gp, o, gp->x, gp->y, n, err));
    hg_kernel_set(&gp->values, gp->theta, gp->group, gp->groups);
    gp->s2 = exp(2 * gp->theta[gp->n_theta - 2]);
    gp->nu = exp(2 * (gp->theta[gp->n_theta - 1] - gp->theta[gp->n_theta - 2]));
    gp->inducing = n > o->exact_max;
    HG_TRY(gp->inducing ? hg_gp_state_inducing(gp, o, err) : hg_gp_state_exact(gp, n, err));
    hg_gp_say(gp);
    return HG_OK;
}

hg_status hg_gp_fit(hg_gp **out, const double *x, const double *y, size_t n, size_t d, const hg_gp_opts *opts,
                    hg_err *err) {
    HG_ONE_BLAS_THREAD;
    hg_gp_opts o = opts ? *opts : hg_gp_opts_default();
    *out = NULL;
    if (!o.kernel) o.kernel = "matern52";
    if (n == 0 || d == 0) return hg_fail(err, HG_EINVAL, "no data: n = %zu, d = %zu", n, d);
    if (n > INT32_MAX || d > INT32_MAX) return hg_fail(err, HG_ELIMIT, "n = %zu, d = %zu: too many", n, d);
    hg_kernel kernel;
    size_t groups;
    HG_TRY(hg_kernel_read(&kernel, o.kernel, err));
    HG_TRY(check_groups(&groups, o.group, d, err));
    const size_t n_theta = hg_kernel_params(&kernel, groups) + 2;
    HG_TRY(check_opts(&o, d, n_theta, err));
    HG_TRY(hg_check_finite("x", x, n, d, err));
    HG_TRY(hg_check_finite("y", y, n, 1, err));
    HG_TRY(check_y(y, n, err));

    hg_arena *mem = hg_arena_new(), *state = hg_arena_new();
    hg_gp *gp = hg_alloc(mem, 1, sizeof *gp);
    hg_status st = HG_OK;
    if (!gp || !state) {
        st = hg_fail(err, HG_ENOMEM, "model of %zu points", n);
        goto fail;
    }
    *gp = (hg_gp) { .mem = mem,
                    .state = state,
                    .pool = o.pool,
                    .prior = HG_GP_PRIOR,
                    .n = n,
                    .d = d,
                    .groups = groups,
                    .kernel = kernel,
                    .n_theta = n_theta };
    st = fit(gp, &o, x, y, err);
    if (st != HG_OK) goto fail_fitted;
    *out = gp;
    return HG_OK;
fail_fitted:
    state = gp->state; /* replaced when it grew */
fail:
    hg_arena_free(state);
    hg_arena_free(mem);
    return st;
}

/* ---- the exact model ------------------------------------------------------------------------------------------------ */

void hg_gp_solve(hg_gp *gp) {
    const size_t p = gp->p;
    double cz = hg_dot(gp->c, gp->z, p), cc = hg_dot(gp->c, gp->c, p);
    gp->h = gp->inducing ? gp->s11 - cc : cc;
    gp->mean = (gp->inducing ? gp->s1y - cz : cz) / gp->h;
    memcpy(gp->temp, gp->z, p * sizeof *gp->temp);
    hg_axpy(gp->temp, -gp->mean, gp->c, p); /* z - m c */
    const double left = hg_dot(gp->temp, gp->temp, p);
    gp->q = gp->inducing ? gp->syy - 2 * gp->mean * gp->s1y + gp->mean * gp->mean * gp->s11 - left : left;
    if (gp->inducing) hg_chol_ltsolve(gp->b, p, gp->temp);
    hg_gemv(gp->alpha, gp->u, gp->ld, true, gp->temp, p, p, 1, 0);
}

/* u and c, z from x, y, theta. Jitter grows until the factorisation succeeds; each try builds the matrix anew. */
hg_status hg_gp_state_exact(hg_gp *gp, size_t cap, hg_err *err) {
    const size_t n = gp->n, d = gp->d;
    gp->ld = cap;
    gp->p = n;
    gp->basis = gp->x;
    gp->u = hg_alloc(gp->state, cap, cap * sizeof(double));
    gp->alpha = hg_alloc(gp->state, cap, sizeof(double));
    gp->temp = hg_alloc(gp->state, cap, sizeof(double));
    gp->c = hg_alloc(gp->state, cap, sizeof(double));
    gp->z = hg_alloc(gp->state, cap, sizeof(double));
    if (!gp->u || !gp->alpha || !gp->temp || !gp->c || !gp->z)
        return hg_fail(err, HG_ENOMEM, "covariance of %zu points", n);
    double *xt = hg_malloc(d, n * sizeof *xt), *work = hg_malloc(hg_kernel_work(&gp->kernel, d, n), sizeof *work);
    hg_status st = xt && work ? HG_OK : hg_fail(err, HG_ENOMEM, "covariance of %zu points", n);
    if (st != HG_OK) goto done;
    hg_transpose(xt, n, gp->x, d, n, d);
    for (gp->jitter = 0;; gp->jitter = gp->jitter > 0 ? 10 * gp->jitter : HG_GP_JITTER_FIRST) {
        if (gp->jitter > HG_GP_JITTER_LAST) {
            st = hg_fail(err, HG_ENOTPD, "covariance of %zu points not positive definite even with jitter %g", n,
                         HG_GP_JITTER_LAST);
            st = hg_advise(err, st, "give a noise_sd above 0, or let it be estimated");
            goto done;
        }
        hg_kernel_block(gp->u, n, &gp->values, gp->x, n, xt, n, n, work);
        for (size_t i = 0; i < n; i++) gp->u[i * n + i] += gp->nu + gp->jitter;
        if ((n >= HG_BLOCKED_N ? hg_chol_blocked(gp->u, n, gp->pool) : hg_chol(gp->u, n)) == 0) break;
    }
    gp->logdet = hg_chol_logdet(gp->u, n);
    hg_lower_invert(gp->u, n);
    for (size_t i = 0; i < n; i++) {
        gp->c[i] = 0;
        for (size_t j = 0; j <= i; j++) gp->c[i] += gp->u[i * n + j];
        gp->z[i] = hg_dot(gp->u + i * n, gp->y, i + 1);
    }
    if (cap > n) { /* from rows of n to rows of cap, last first */
        for (size_t i = n; i-- > 0;) {
            memmove(gp->u + i * cap, gp->u + i * n, n * sizeof *gp->u);
            memset(gp->u + i * cap + n, 0, (cap - n) * sizeof *gp->u);
        }
    }
    hg_gp_solve(gp);
done:
    hg_free(xt);
    hg_free(work);
    return st;
}

/* ---- what it says about itself -------------------------------------------------------------------------------------- */

double hg_gp_evidence(const hg_gp *gp) {
    const double dof = (double)gp->n - 1;
    return -0.5 * (dof * (LOG_2PI + log(gp->s2)) + gp->logdet + log(gp->h) + gp->q / gp->s2);
}

/* The mean of k(x, x) over the training points: 1 for a stationary kernel without sums. */
static double mean_diagonal(const hg_gp *gp) {
    double sum = 0, diag, rows[HG_KERNEL_LEAVES + HG_KERNEL_NODES];
    for (size_t i = 0; i < gp->n; i++) {
        const double *z[HG_KERNEL_LEAVES];
        for (size_t leaf = 0; leaf < gp->kernel.leaves; leaf++) {
            rows[leaf] = 0;
            z[leaf] = rows + leaf;
            if (gp->kernel.base[leaf]->stationary) continue;
            for (size_t j = 0; j < gp->d; j++)
                rows[leaf] += gp->values.w[leaf * gp->d + j] * gp->x[i * gp->d + j] * gp->x[i * gp->d + j];
        }
        hg_kernel_row(&diag, &gp->values, z, 1, rows + HG_KERNEL_LEAVES, 1);
        sum += diag / (double)gp->n;
        if (hg_kernel_stationary(&gp->kernel)) return diag;
    }
    return sum;
}

double hg_gp_noise_sd(const hg_gp *gp) { return gp->y_scale * sqrt(gp->s2 * gp->nu); }
double hg_gp_signal_sd(const hg_gp *gp) { return gp->y_scale * sqrt(gp->s2 * mean_diagonal(gp)); }
double hg_gp_jitter(const hg_gp *gp) { return gp->jitter; }
size_t hg_gp_points(const hg_gp *gp) { return gp->n; }
const char *hg_gp_words(const hg_gp *gp) { return gp->words; }
const char *hg_gp_param_name(const hg_gp *gp, size_t i) { return i < gp->n_theta ? gp->names[i] : ""; }

size_t hg_gp_params(const hg_gp *gp, double *params, size_t max) {
    for (size_t i = 0; i < gp->n_theta && i < max; i++) params[i] = gp->theta[i];
    return gp->n_theta;
}

/* Half the variance of f(+span/2) - f(-span/2) along one group, over the prior variance. */
void hg_gp_relevance(double *relevance, const hg_gp *gp) {
    const double total = mean_diagonal(gp);
    for (size_t g = 0; g < gp->groups; g++) {
        double same[HG_KERNEL_LEAVES], apart[HG_KERNEL_LEAVES], rows[HG_KERNEL_NODES], near, far;
        const double *zs[HG_KERNEL_LEAVES], *za[HG_KERNEL_LEAVES];
        for (size_t leaf = 0; leaf < gp->kernel.leaves; leaf++) {
            const double r = gp->spread[g] * exp(-gp->theta[leaf * gp->groups + g]);
            const bool distance = gp->kernel.base[leaf]->stationary;
            same[leaf] = distance ? 0 : 0.25 * r * r;
            apart[leaf] = distance ? r * r : -0.25 * r * r;
            zs[leaf] = same + leaf;
            za[leaf] = apart + leaf;
        }
        hg_kernel_row(&near, &gp->values, zs, 1, rows, 1);
        hg_kernel_row(&far, &gp->values, za, 1, rows, 1);
        relevance[g] = fmin(1, fmax(0, (near - far) / fmax(total, near - far)));
        if (!(near - far > 0)) relevance[g] = 0;
    }
}

void hg_gp_free(hg_gp *gp) {
    if (!gp) return;
    hg_arena_free(gp->state);
    hg_arena_free(gp->mem); /* holds gp itself */
}
