/* bayes/learn.c -- hyper-parameters by maximum posterior density: L-BFGS on the log evidence plus the log prior
 *
 * What is searched: log lengths, log weights and log nu, with the signal variance profiled out; or, when the noise is
 * known, log s instead of log nu. Starts: the prior's centre and draws from the prior, in parallel, on a subset of the
 * points when there are many; the best is then polished on all (at most LEARN_POINTS, a random subset beyond).
 * A warm start is polished only. The subsets and draws depend on the seed, never on the thread count.
 */
#include "bayes/learn.h"
#include "core/memory.h"
#include "num/optimize.h"
#include <math.h>
#include <string.h>

enum { SEARCH_POINTS = 128, LEARN_POINTS = 1000 };
static const double LOG_KNOWN_ZERO = -100; /* of a noise sd given as 0: its square is far below round-off */
static const double NU_FLOOR = 1e-9;       /* while searching: a known noise of 0 must not end every search at once */

double hg_minus_log_posterior(void *ctx, const double *phi, double *grad, size_t n) {
    hg_posterior *p = ctx;
    const hg_gp *gp = p->gp;
    const size_t last = n - 1;
    hg_signal signal = p->signal;
    double nu, dnu = 0, slope = 0;
    if (p->known_noise >= 0) {
        signal.fixed = exp(2 * phi[last]);
        nu = p->known_noise * p->known_noise / signal.fixed;
    } else {
        nu = exp(phi[last]);
    }
    double value = hg_evidence_value(&p->evidence, phi, fmax(nu, NU_FLOOR), signal, grad, grad ? &dnu : NULL);
    if (!(value > -HUGE_VAL)) return HUGE_VAL;
    const double s2 = p->evidence.s2;
    value -= 0.5 * signal.dof * (log(s2) + signal.var / s2);
    value += hg_prior_kernel(&gp->prior, &gp->kernel, phi, gp->prior_shift, gp->groups, p->strength, grad);
    if (p->known_noise >= 0) {
        const double dof = (double)p->evidence.pairs->n - 1;
        slope = p->evidence.q / s2 - dof - 2 * nu * dnu + signal.dof * (signal.var / s2 - 1);
    } else {
        slope = nu * dnu;
        value += hg_prior_noise(&gp->prior, phi[last], p->strength, &slope);
    }
    for (size_t i = 0; grad && i < last; i++) grad[i] = -grad[i];
    if (grad) grad[last] = -slope;
    return -value;
}

/* ---- where to look -------------------------------------------------------------------------------------------------- */

static void bounds(double *lower, double *upper, const hg_gp *gp, bool known_noise) {
    const hg_gp_prior *p = &gp->prior;
    const double centre = hg_prior_length_centre(p, gp->groups);
    const size_t lengths = gp->kernel.leaves * gp->groups, last = lengths + gp->kernel.weights;
    for (size_t i = 0; i < last; i++) {
        const double at = i < lengths ? centre + gp->prior_shift[i % gp->groups] : 0;
        lower[i] = at - p->length_reach;
        upper[i] = at + p->length_reach;
    }
    lower[last] = known_noise ? log(p->signal_var) / 2 - p->signal_reach : log(p->nu_min);
    upper[last] = known_noise ? log(p->signal_var) / 2 + p->signal_reach : log(p->nu_max);
}

/* Start 0 is the centre of the prior, the others are draws from it. */
static void starting_point(double *phi, const hg_gp *gp, bool known_noise, uint64_t seed, size_t start) {
    const hg_gp_prior *p = &gp->prior;
    hg_rng rng = hg_rng_make(seed, 100 + start);
    const double spread = start > 0 ? 1 : 0, centre = hg_prior_length_centre(p, gp->groups);
    size_t i = 0;
    for (size_t leaf = 0; leaf < gp->kernel.leaves; leaf++) {
        const double common = spread * p->length_common_sd * hg_rng_normal(&rng);
        for (size_t g = 0; g < gp->groups; g++, i++)
            phi[i] = centre + gp->prior_shift[g] + common + spread * p->length_own_sd * hg_rng_normal(&rng);
    }
    for (size_t w = 0; w < gp->kernel.weights; w++, i++) phi[i] = spread * p->weight_sd * hg_rng_normal(&rng);
    const double z = spread * hg_rng_normal(&rng);
    phi[i] = known_noise ? 0.5 * log(p->signal_var) + 0.3 * z : log(p->noise_centre) + p->noise_sd * z;
}

/* ---- one search ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_gp *gp;
    const hg_posterior *setup; /* all but the workspace */
    const hg_pairs *pairs;
    const double *lower, *upper;
    hg_minimize_opts how;
    hg_pool *inner; /* for the algebra inside one search, when there is only one */
    double *phi;    /* [starts, n_phi], in place */
    hg_minimum *found;
    hg_status *status;
    hg_err *errors;
    size_t n_phi;
} searches;

static void search(void *ctx, size_t begin, size_t end, size_t worker) {
    searches *s = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        hg_arena *mem = hg_arena_new();
        hg_posterior p = *s->setup;
        s->found[i].f = HUGE_VAL;
        s->status[i] = mem ? hg_evidence_new(&p.evidence, &s->gp->kernel, s->pairs, mem, &s->errors[i])
                           : hg_fail(&s->errors[i], HG_ENOMEM, "search for hyper-parameters");
        p.evidence.pool = s->inner;
        if (s->status[i] == HG_OK)
            s->status[i] = hg_minimize(&s->found[i], s->phi + i * s->n_phi, s->lower, s->upper, s->n_phi,
                                       hg_minus_log_posterior, &p, &s->how, &s->errors[i]);
        hg_arena_free(mem);
    }
}

/* Runs `count` searches from s->phi; the best end stands in s->phi[0..n_phi) afterwards. */
static hg_status run(searches *s, hg_gp *gp, size_t count, hg_err *err) {
    s->inner = count == 1 ? gp->pool : NULL; /* a pool's tasks may not use the pool; one task is run by the caller */
    hg_pool_for(gp->pool, count, 1, search, s);
    const double n = (double)s->pairs->n;
    size_t best = 0;
    gp->evaluations = 0;
    for (size_t i = 0; i < count; i++) {
        if (s->status[i] != HG_OK) {
            if (err) *err = s->errors[i];
            return s->status[i];
        }
        if (s->found[i].f < s->found[best].f) best = i;
        gp->evaluations += s->found[i].evals;
        gp->flops += (double)s->found[i].evals * n * n * n; /* n^3 / 3 and 2 n^3 / 3 */
    }
    memmove(s->phi, s->phi + best * s->n_phi, s->n_phi * sizeof *s->phi);
    return HG_OK;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

/* The first `count` of a random order of n points. */
static hg_status take(hg_pairs *pairs, const hg_gp *gp, const double *x, const double *y, size_t n, size_t count,
                      uint64_t seed, hg_arena *mem, hg_err *err) {
    if (count < n) {
        size_t *order = hg_alloc(mem, n, sizeof *order);
        double *xs = hg_alloc(mem, count, gp->d * sizeof *xs), *ys = hg_alloc(mem, count, sizeof *ys);
        if (!order || !xs || !ys) return hg_fail(err, HG_ENOMEM, "subset of %zu points", count);
        for (size_t i = 0; i < n; i++) order[i] = i;
        hg_rng rng = hg_rng_make(seed, 1);
        hg_rng_shuffle(&rng, order, n);
        for (size_t i = 0; i < count; i++) {
            memcpy(xs + i * gp->d, x + order[i] * gp->d, gp->d * sizeof *xs);
            ys[i] = y[order[i]];
        }
        x = xs;
        y = ys;
    }
    return hg_pairs_new(pairs, &gp->kernel, x, y, count, gp->d, gp->group, gp->groups, mem, err);
}

static void phi_from_theta(double *phi, const hg_gp *gp, const double *theta, bool known_noise) {
    const size_t last = gp->n_theta - 2;
    memcpy(phi, theta, last * sizeof *phi);
    phi[last] = known_noise ? theta[last] : 2 * (theta[last + 1] - theta[last]);
}

/* theta from phi and the evidence there (for the profiled s^2). */
static hg_status finish(hg_gp *gp, hg_posterior *p, const double *phi, const hg_pairs *pairs, hg_arena *mem,
                        hg_err *err) {
    const size_t last = gp->n_theta - 2;
    double s2 = p->known_noise >= 0 ? exp(2 * phi[last]) : gp->prior.signal_var;
    memcpy(gp->theta, phi, last * sizeof *phi);
    if (p->known_noise < 0) {
        HG_TRY(hg_evidence_new(&p->evidence, &gp->kernel, pairs, mem, err));
        if (hg_evidence_value(&p->evidence, phi, fmax(exp(phi[last]), NU_FLOOR), p->signal, NULL, NULL) > -HUGE_VAL)
            s2 = p->evidence.s2;
    }
    gp->theta[last] = 0.5 * log(fmax(s2, 1e-300));
    gp->theta[last + 1] = p->known_noise < 0    ? gp->theta[last] + 0.5 * phi[last]
                          : p->known_noise == 0 ? LOG_KNOWN_ZERO
                                                : log(p->known_noise);
    return HG_OK;
}

static hg_status learn(hg_gp *gp, const hg_gp_opts *o, const double *x, const double *y, size_t n, hg_arena *mem,
                       hg_err *err) {
    hg_posterior p = { .gp = gp, .strength = o->prior_strength, .known_noise = o->noise_sd / gp->y_scale };
    const bool known = p.known_noise >= 0, warm = o->params != NULL;
    p.signal = (hg_signal) { .dof = o->prior_strength * gp->prior.signal_dof, .var = gp->prior.signal_var };
    if (n == 1 || gp->y_constant) p.signal.dof = fmax(p.signal.dof, 1); /* the data say nothing about s */
    const size_t n_phi = gp->n_theta - 1, starts = warm || o->restarts == 0 ? 1 : o->restarts;
    const size_t most = n < LEARN_POINTS ? n : LEARN_POINTS;
    const bool coarse = o->learn && starts > 1 && most > SEARCH_POINTS * 5 / 4;

    double *limits = hg_alloc(mem, 2 * n_phi, sizeof *limits);
    searches s = { .gp = gp, .setup = &p, .lower = limits, .upper = limits + n_phi, .n_phi = n_phi };
    s.phi = hg_alloc(mem, starts * n_phi, sizeof *s.phi);
    s.found = hg_alloc(mem, starts, sizeof *s.found);
    s.status = hg_alloc(mem, starts, sizeof *s.status);
    s.errors = hg_alloc(mem, starts, sizeof *s.errors);
    if (!limits || !s.phi || !s.found || !s.status || !s.errors)
        return hg_fail(err, HG_ENOMEM, "search for hyper-parameters");
    bounds(limits, limits + n_phi, gp, known);
    if (warm)
        phi_from_theta(s.phi, gp, o->params, known);
    else
        for (size_t i = 0; i < starts; i++) starting_point(s.phi + i * n_phi, gp, known, o->seed, i);
    hg_pairs few, all;
    if (coarse) {
        HG_TRY(take(&few, gp, x, y, n, SEARCH_POINTS, o->seed, mem, err));
        s.pairs = &few;
        s.how = (hg_minimize_opts) { .max_evals = 60, .xtol = 1e-3, .ftol = 1e-10, .ftol_abs = 1e-2 };
        HG_TRY(run(&s, gp, starts, err));
    }
    HG_TRY(take(&all, gp, x, y, n, most, o->seed, mem, err));
    s.pairs = &all;
    s.how = (hg_minimize_opts) {
        .max_evals = coarse || warm ? 40 : 200, .xtol = 1e-4, .ftol = 1e-12, .ftol_abs = warm || coarse ? 1e-2 : 1e-3
    }; /* nats: a hundredth changes no decision */
    if (o->learn) HG_TRY(run(&s, gp, coarse ? 1 : starts, err));
    gp->learned_on = o->learn ? most : 0;
    return finish(gp, &p, s.phi, &all, mem, err);
}

hg_status hg_gp_learn(hg_gp *gp, const hg_gp_opts *o, const double *x, const double *y, size_t n, hg_err *err) {
    if (!o->learn && o->params) {
        memcpy(gp->theta, o->params, gp->n_theta * sizeof *gp->theta);
        if (o->noise_sd >= 0)
            gp->theta[gp->n_theta - 1] = o->noise_sd > 0 ? log(o->noise_sd / gp->y_scale) : LOG_KNOWN_ZERO;
        return HG_OK;
    }
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? learn(gp, o, x, y, n, mem, err) : hg_fail(err, HG_ENOMEM, "search for hyper-parameters");
    hg_arena_free(mem);
    return st;
}
