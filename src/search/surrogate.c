/* search/surrogate.c -- see search/surrogate.h */
#include "search/surrogate.h"
#include "num/special.h"
#include "search/density.h"
#include "search/policy.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static hg_status no_memory(size_t n, hg_err *err) { return hg_fail(err, HG_ENOMEM, "model of %zu rows", n); }

static hg_status fit_gp(hg_surrogate *s, hg_err *err) {
    hg_gp_opts g = hg_gp_opts_default();
    g.kernel = s->o.kernel ? s->o.kernel : HG_POLICY.kernel;
    g.group = s->o.group;
    g.x_shift = s->o.shift;
    g.x_scale = s->o.scale;
    g.seed = s->o.seed;
    g.pool = s->o.pool;
    return hg_gp_fit(&s->gp, s->x, s->y, s->n, s->o.d, &g, err);
}

/* Columns of a row that are inputs. A learned model takes the others too: their scale makes them vanish (campaign.c). */
static size_t inputs(const hg_surrogate *s) { return s->o.d - (s->o.density ? HG_DENSITY_COLUMNS : 0); }

static hg_status fit_ensemble(hg_surrogate *s, hg_err *err) {
    const hg_ensemble_opts e = { .density = s->o.density,
                                 .d = inputs(s),
                                 .most = s->n + s->room,
                                 .group = s->o.group,
                                 .shift = s->o.shift,
                                 .scale = s->o.scale };
    HG_TRY(hg_ensemble_new(&s->e, &e, err));
    for (size_t i = 0; i < s->n; i++) hg_ensemble_add(s->e, s->x + i * s->o.d, s->y[i]);
    hg_ensemble_weigh(s->e);
    return HG_OK;
}

/* ---- the prior mean --------------------------------------------------------------------------------------------------- */

double hg_surrogate_prior(const hg_surrogate *s, const double *x) {
    double sum = 0;
    for (size_t k = 0; s->slope && k < s->o.n_prior; k++) sum += s->slope[k] * x[s->o.prior + k];
    return sum;
}

/* Mean 0 and standard deviation 1 over n values that lie `step` apart; a constant becomes 0. Returns the deviation. */
static double standardise(double *out, const double *v, size_t n, size_t step) {
    double mean = 0, var = 0;
    for (size_t i = 0; i < n; i++) mean += v[i * step] / (double)n;
    for (size_t i = 0; i < n; i++) var += (v[i * step] - mean) * (v[i * step] - mean) / (double)n;
    const double sd = sqrt(var);
    for (size_t i = 0; i < n; i++) out[i] = sd > 1e-12 * fabs(mean) ? (v[i * step] - mean) / sd : 0;
    return sd > 1e-12 * fabs(mean) ? sd : 0;
}

enum { PASSES = 200 };
static const double PENALTY = 1; /* as if one more row said that the models are worth nothing */

/* Slopes by ridge regression of standardised values; solved by relaxation, as models of the library are few. */
static hg_status fit_prior(hg_surrogate *s, hg_err *err) {
    const size_t m = s->o.n_prior, n = s->n;
    s->slope = hg_alloc(s->mem, m, sizeof *s->slope);
    double *p = hg_alloc(s->mem, m, n * sizeof *p), *left = hg_alloc(s->mem, n, sizeof *left);
    double *sd = hg_alloc(s->mem, m, sizeof *sd), *each = hg_alloc(s->mem, m, sizeof *each);
    if (!s->slope || !p || !left || !sd || !each) return no_memory(n, err);
    const double spread = standardise(left, s->y, n, 1);
    for (size_t k = 0; k < m; k++) sd[k] = standardise(p + k * n, s->x + s->o.prior + k, n, s->o.d), each[k] = 0;
    for (size_t pass = 0; pass < PASSES; pass++)
        for (size_t k = 0; k < m; k++) {
            double dot = 0;
            for (size_t i = 0; i < n; i++) dot += p[k * n + i] * left[i];
            const double now = sd[k] > 0 ? (dot + each[k] * (double)n) / ((double)n + PENALTY) : 0, by = now - each[k];
            for (size_t i = 0; i < n; i++) left[i] -= by * p[k * n + i];
            each[k] = now;
        }
    for (size_t k = 0; k < m; k++) s->slope[k] = sd[k] > 0 ? each[k] * spread / sd[k] : 0;
    return HG_OK;
}

static hg_status copy_slope(hg_surrogate *s, const double *slope, hg_err *err) {
    s->slope = hg_alloc(s->mem, s->o.n_prior, sizeof *s->slope);
    if (!s->slope) return no_memory(s->n, err);
    memcpy(s->slope, slope, s->o.n_prior * sizeof *slope);
    return HG_OK;
}

/* ---- fit ------------------------------------------------------------------------------------------------------------------ */

/* slope NULL: learned from the rows. */
static hg_status fit(hg_surrogate **out, const double *x, const double *y, size_t n, size_t room, const double *slope,
                     const hg_model_opts *o, hg_err *err) {
    *out = NULL;
    hg_arena *mem = hg_arena_new();
    hg_surrogate *s = hg_alloc(mem, 1, sizeof *s);
    if (!s) {
        hg_arena_free(mem);
        return no_memory(n, err);
    }
    *s = (hg_surrogate) { .o = *o, .mem = mem, .room = room };
    s->x = hg_alloc(mem, n + room, o->d * sizeof *s->x);
    s->y = hg_alloc(mem, n + room, sizeof *s->y);
    hg_status st = s->x && s->y ? HG_OK : no_memory(n, err);
    for (size_t i = 0; st == HG_OK && i < n; i++) {
        if (isnan(y[i])) continue;
        memcpy(s->x + s->n * o->d, x + i * o->d, o->d * sizeof *x);
        s->y[s->n++] = y[i];
    }
    if (s->n) s->centre = s->y[0];
    if (st == HG_OK && o->n_prior) st = slope ? copy_slope(s, slope, err) : fit_prior(s, err);
    for (size_t i = 0; st == HG_OK && i < s->n; i++) s->y[i] -= hg_surrogate_prior(s, s->x + i * o->d);
    const bool few = !o->kernel && s->n >= 2 && s->n + room <= 2 * HG_ENSEMBLE_POLICY.most_points &&
                     s->n <= HG_ENSEMBLE_POLICY.most_points;
    if (st == HG_OK && few) st = fit_ensemble(s, err);
    if (s->e && hg_ensemble_effective(s->e) < HG_ENSEMBLE_POLICY.least_effective) {
        hg_ensemble_free(s->e);
        s->e = NULL;
    }
    if (st == HG_OK && !s->e) st = fit_gp(s, err);
    if (st == HG_OK)
        *out = s;
    else
        hg_surrogate_free(s);
    return st;
}

hg_status hg_surrogate_fit(hg_surrogate **out, const double *x, const double *y, size_t n, size_t room,
                           const hg_model_opts *o, hg_err *err) {
    return fit(out, x, y, n, room, NULL, o, err);
}

/* With the slopes that it has, from the values as they were: fit takes the prior mean off again. */
static hg_status clone_ensemble(hg_surrogate **out, const hg_surrogate *s, hg_err *err) {
    if (!s->slope) return fit(out, s->x, s->y, s->n, s->room, NULL, &s->o, err);
    hg_arena *scratch = hg_arena_new();
    double *y = hg_alloc(scratch, s->n, sizeof *y);
    for (size_t i = 0; y && i < s->n; i++) y[i] = s->y[i] + hg_surrogate_prior(s, s->x + i * s->o.d);
    const hg_status st = y ? fit(out, s->x, y, s->n, s->room, s->slope, &s->o, err) : no_memory(s->n, err);
    hg_arena_free(scratch);
    return st;
}

hg_status hg_surrogate_clone(hg_surrogate **out, const hg_surrogate *s, hg_err *err) {
    *out = NULL;
    if (s->e) return clone_ensemble(out, s, err);
    hg_arena *mem = hg_arena_new();
    hg_surrogate *c = hg_alloc(mem, 1, sizeof *c);
    hg_status st = c ? HG_OK : no_memory(s->n, err);
    if (st == HG_OK) {
        *c = (hg_surrogate) { .o = s->o, .mem = mem, .centre = s->centre };
        if (s->slope) st = copy_slope(c, s->slope, err);
    }
    if (st == HG_OK) st = hg_gp_clone(&c->gp, s->gp, err);
    if (st == HG_OK)
        *out = c;
    else
        hg_arena_free(mem);
    return st;
}

hg_status hg_surrogate_believe(hg_surrogate *s, const double *x, double y, hg_err *err) {
    const double rest = y - hg_surrogate_prior(s, x);
    if (s->gp) return hg_gp_update(s->gp, x, rest, err);
    if (s->room == 0) return hg_fail(err, HG_ELIMIT, "no room for another point");
    memcpy(s->x + s->n * s->o.d, x, s->o.d * sizeof *x);
    s->y[s->n++] = rest;
    s->room--;
    hg_ensemble_believe(s->e, x, rest);
    return HG_OK;
}

void hg_surrogate_free(hg_surrogate *s) {
    if (!s) return;
    hg_ensemble_free(s->e);
    hg_gp_free(s->gp);
    hg_arena_free(s->mem);
}

static hg_status point(double *mean, double *sd, const hg_surrogate *s, const double *x, hg_arena *scratch,
                       hg_err *err) {
    if (s->gp) {
        HG_TRY(hg_gp_predict(mean, sd, s->gp, x, 1, scratch, err));
        *sd = sqrt(*sd);
        return HG_OK;
    }
    const size_t members = hg_ensemble_members(s->e);
    double *work = hg_alloc(scratch, hg_ensemble_work(s->e, 1), sizeof *work);
    double *m = hg_alloc(scratch, members, sizeof *m), *v = hg_alloc(scratch, members, sizeof *v);
    if (!work || !m || !v) return no_memory(s->n, err);
    hg_ensemble_prepare(work, s->e, x, 1);
    *mean = 0;
    for (size_t k = 0; k < members; k++) {
        hg_ensemble_predict(&m[k], &v[k], s->e, k, 1, work);
        *mean += hg_ensemble_weight(s->e, k) * m[k];
    }
    double var = 0;
    for (size_t k = 0; k < members; k++)
        var += hg_ensemble_weight(s->e, k) * (v[k] * v[k] + (m[k] - *mean) * (m[k] - *mean));
    *sd = sqrt(var);
    return HG_OK;
}

hg_status hg_surrogate_point(double *mean, double *sd, const hg_surrogate *s, const double *x, hg_arena *scratch,
                             hg_err *err) {
    const hg_mark mark = hg_arena_mark(scratch);
    const hg_status st = point(mean, sd, s, x, scratch, err);
    hg_arena_reset(scratch, mark);
    if (st == HG_OK) *mean += hg_surrogate_prior(s, x);
    return st;
}

/* Rows of x in the units that a member takes. */
static double *scaled(const hg_surrogate *s, const double *x, size_t m, hg_arena *scratch) {
    const size_t d = inputs(s);
    double *to = hg_alloc(scratch, m, d * sizeof *to);
    for (size_t i = 0; to && i < m; i++)
        for (size_t j = 0; j < d; j++) to[i * d + j] = (x[i * s->o.d + j] - s->o.shift[j]) / s->o.scale[j];
    return to;
}

/* Draws z[k,m] of member j move away from its mean by D^s, as its uncertainty does in the other acquisitions. */
static hg_status weigh_by_density(double *z, size_t k, const hg_surrogate *s, size_t j, const hg_gp *gp,
                                  const double *x, const double *xs, size_t m, hg_arena *scratch, hg_err *err) {
    double *mean = hg_alloc(scratch, m, sizeof *mean);
    if (!mean) return no_memory(s->n, err);
    HG_TRY(hg_gp_predict(mean, NULL, gp, xs, m, scratch, err));
    for (size_t i = 0; i < m; i++) {
        const double factor = exp(hg_ensemble_boost(s->e, j) * x[i * s->o.d + inputs(s) + 1]);
        for (size_t r = 0; r < k; r++) z[r * m + i] = mean[i] + factor * (z[r * m + i] - mean[i]);
    }
    return HG_OK;
}

static hg_status sample(double *out, size_t k, const hg_surrogate *s, const double *x, size_t m, hg_rng *rng,
                        hg_arena *scratch, hg_err *err) {
    const size_t members = hg_ensemble_members(s->e);
    double *xs = scaled(s, x, m, scratch);
    size_t *count = hg_alloc(scratch, members, sizeof *count);
    if (!xs || !count) return no_memory(s->n, err);
    const double start =
        hg_rng_uniform(rng); /* systematic resampling: k evenly spaced points of the cumulated weights */
    for (size_t i = 0; i < k; i++) count[hg_ensemble_pick(s->e, ((double)i + start) / (double)k)]++;
    size_t done = 0;
    for (size_t j = 0; j < members; j++) {
        if (count[j] == 0) continue;
        hg_gp *gp;
        double shift, scale;
        HG_TRY(hg_ensemble_member(&gp, &shift, &scale, s->e, j, s->o.pool, err));
        hg_status st = hg_gp_sample(out + done * m, count[j], gp, xs, m, rng, scratch, err);
        if (st == HG_OK && s->o.density)
            st = weigh_by_density(out + done * m, count[j], s, j, gp, x, xs, m, scratch, err);
        hg_gp_free(gp);
        HG_TRY(st);
        for (size_t i = done * m; i < (done + count[j]) * m; i++) out[i] = shift + scale * out[i];
        for (size_t i = 0; s->o.density && i < count[j] * m; i++)
            out[done * m + i] += hg_ensemble_gain(s->e, j) * x[i % m * s->o.d + inputs(s)];
        done += count[j];
    }
    return HG_OK;
}

hg_status hg_surrogate_sample(double *out, size_t k, const hg_surrogate *s, const double *x, size_t m, hg_rng *rng,
                              hg_arena *scratch, hg_err *err) {
    const hg_mark mark = hg_arena_mark(scratch);
    const hg_status st =
        s->gp ? hg_gp_sample(out, k, s->gp, x, m, rng, scratch, err) : sample(out, k, s, x, m, rng, scratch, err);
    hg_arena_reset(scratch, mark);
    for (size_t i = 0; st == HG_OK && s->slope && i < k * m; i++) out[i] += hg_surrogate_prior(s, x + i % m * s->o.d);
    return st;
}

/* A member's own leave-one-out, units of y, and its relevance. */
static hg_status study_member(double *mean, double *var, double *relevance, const hg_surrogate *s, size_t k,
                              hg_arena *scratch, hg_err *err) {
    hg_gp *gp;
    double shift, scale;
    HG_TRY(hg_ensemble_member(&gp, &shift, &scale, s->e, k, s->o.pool, err));
    const hg_status st = hg_gp_loo(mean, var, gp, scratch, err);
    if (st == HG_OK) hg_gp_relevance(relevance, gp);
    hg_gp_free(gp);
    for (size_t i = 0; st == HG_OK && i < s->n; i++) {
        mean[i] = shift + scale * mean[i];
        if (s->o.density) mean[i] += hg_ensemble_gain(s->e, k) * s->x[i * s->o.d + inputs(s)];
        var[i] *= scale * scale;
    }
    return st;
}

/* Member k's weight without point i is its weight over its own prediction of that point (importance weights;
 * Gelfand, Dey, Chang, Bayesian Statistics 4, 147 (1992)). */
static hg_status study(double *mean, double *var, double *relevance, const hg_surrogate *s, size_t groups,
                       hg_arena *scratch, hg_err *err) {
    const size_t members = hg_ensemble_members(s->e), n = s->n;
    double *m = hg_alloc(scratch, members, n * sizeof *m), *v = hg_alloc(scratch, members, n * sizeof *v),
           *one = hg_alloc(scratch, groups, sizeof *one), *log_w = hg_alloc(scratch, members, sizeof *log_w);
    if (!m || !v || !one || !log_w) return no_memory(n, err);
    for (size_t g = 0; g < groups; g++) relevance[g] = 0;
    for (size_t k = 0; k < members; k++) {
        HG_TRY(study_member(m + k * n, v + k * n, one, s, k, scratch, err));
        for (size_t g = 0; g < groups; g++) relevance[g] += hg_ensemble_weight(s->e, k) * one[g];
    }
    for (size_t i = 0; i < n; i++) {
        double top = -HUGE_VAL, sum = 0;
        for (size_t k = 0; k < members; k++) {
            const double t = s->y[i] - m[k * n + i], vk = v[k * n + i];
            log_w[k] = log(hg_ensemble_weight(s->e, k)) + 0.5 * (log(vk) + fmin(t * t / vk, 50));
            top = fmax(top, log_w[k]);
        }
        mean[i] = var[i] = 0;
        for (size_t k = 0; k < members; k++) sum += log_w[k] = exp(log_w[k] - top);
        for (size_t k = 0; k < members; k++) mean[i] += log_w[k] / sum * m[k * n + i];
        for (size_t k = 0; k < members; k++) {
            const double t = m[k * n + i] - mean[i];
            var[i] += log_w[k] / sum * (v[k * n + i] + t * t);
        }
    }
    return HG_OK;
}

hg_status hg_surrogate_study(double *mean, double *var, double *relevance, const hg_surrogate *s, size_t groups,
                             hg_arena *scratch, hg_err *err) {
    const hg_mark mark = hg_arena_mark(scratch);
    hg_status st;
    if (s->gp) {
        hg_gp_relevance(relevance, s->gp);
        st = hg_gp_loo(mean, var, s->gp, scratch, err);
    } else {
        st = study(mean, var, relevance, s, groups, scratch, err);
    }
    hg_arena_reset(scratch, mark);
    for (size_t i = 0; st == HG_OK && s->slope && i < s->n; i++) mean[i] += hg_surrogate_prior(s, s->x + i * s->o.d);
    return st;
}

/* Of a sum or product the first stationary factor speaks; a kernel without one leaves the scaled units. */
static double learned_length(const hg_gp *gp, size_t group) {
    double params[256];
    const size_t n = hg_gp_params(gp, params, 256);
    for (size_t i = 0; i < n && i < 256; i++) {
        size_t g;
        char leaf[32];
        if (sscanf(hg_gp_param_name(gp, i), "log length scale %zu of %31s", &g, leaf) != 2) continue;
        if (g == group + 1 && strcmp(leaf, "linear") != 0) return exp(params[i]);
    }
    return 1;
}

void hg_surrogate_metric(double *inv, const hg_surrogate *s) {
    const size_t d = s->o.d;
    size_t groups = 0;
    for (size_t j = 0; j < d; j++) groups = s->o.group[j] + 1 > groups ? s->o.group[j] + 1 : groups;
    if (s->e)
        hg_ensemble_metric(inv, s->e); /* [groups <= d] of 1 / l^2, moved below to where it belongs */
    else
        for (size_t g = 0; g < groups; g++) {
            const double l = learned_length(s->gp, g);
            inv[g] = 1 / (l * l);
        }
    for (size_t j = d; j-- > 0;) inv[j] = sqrt(inv[s->o.group[j]]) / s->o.scale[j];
}

double hg_surrogate_noise_sd(const hg_surrogate *s) {
    return s->e ? hg_ensemble_noise_sd(s->e) : hg_gp_noise_sd(s->gp);
}
double hg_surrogate_signal_sd(const hg_surrogate *s) {
    return s->e ? hg_ensemble_signal_sd(s->e) : hg_gp_signal_sd(s->gp);
}

void hg_surrogate_words(hg_text *out, const hg_surrogate *s) {
    if (s->gp) {
        hg_text_add(out, "%s", hg_gp_words(s->gp));
        return;
    }
    const hg_ensemble_policy *p = &HG_ENSEMBLE_POLICY;
    hg_text_add(
        out,
        "Gaussian process, hyper-parameters integrated out (%zu of %zu draws count; kernels %s, %s, %s), %zu points; "
        "signal sd %.3g, noise sd %.3g",
        hg_ensemble_members(s->e), p->draws, p->kernel[0], p->kernel[1], p->kernel[2], s->n, hg_surrogate_signal_sd(s),
        hg_surrogate_noise_sd(s));
}
