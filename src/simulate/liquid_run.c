/* simulate/liquid_run.c -- time: velocity Verlet, the thermostat, and the way down to the nearest minimum */
#include "simulate/liquid.h"
#include <math.h>
#include <string.h>

enum { STEPS_A_WORD = 100 };

hg_liquid_run_opts hg_liquid_run_opts_default(void) {
    return (hg_liquid_run_opts) {
        .dt = 0.006, .temperature = (double)NAN, .temperature_end = (double)NAN, .coupling = 0.5
    };
}

/* ---- the thermostat ----------------------------------------------------------------------------------------------------- */

/* A number of the gamma distribution of shape a >= 1: Marsaglia & Tsang, ACM Trans. Math. Softw. 26, 363 (2000). */
static double draw_gamma(hg_rng *rng, double a) {
    const double d = a - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = hg_rng_normal(rng), t = 1 + c * x;
        if (t <= 0) continue;
        const double v = t * t * t;
        if (log(hg_rng_uniform(rng)) < x * x / 2 + d - d * v + d * log(v)) return d * v;
    }
}

/* Bussi et al. 2007, eq. A7: the sum of squares of freedom - 1 normal numbers is twice one of the gamma distribution. */
static void rescale(hg_liquid *l, double temperature, double decay, hg_rng *rng) {
    const size_t all = LIQUID_LANES * l->clusters;
    const double kinetic = liquid_dot(l->v, l->v, all) / 2, freedom = 3 * (double)l->n - 3;
    if (!(kinetic > 0)) return;
    const double part = temperature / 2 / kinetic, r = hg_rng_normal(rng);
    const double others = 2 * draw_gamma(rng, (freedom - 1) / 2);
    const double square = decay + part * (1 - decay) * (r * r + others) + 2 * r * sqrt(part * decay * (1 - decay));
    liquid_scale(l->v, all, sqrt(square > 0 ? square : 0));
}

/* ---- steps -------------------------------------------------------------------------------------------------------------- */

static hg_status check_opts(const hg_liquid *l, const hg_liquid_run_opts *o, hg_err *err) {
    if (!isfinite(o->dt) || o->dt <= 0)
        return hg_fail(err, HG_EINVAL, "a time step of %g, expected more than 0", o->dt);
    if (isnan(o->temperature)) return HG_OK;
    const double end = isnan(o->temperature_end) ? o->temperature : o->temperature_end;
    if (!isfinite(o->temperature) || o->temperature <= 0 || !isfinite(end) || end <= 0)
        return hg_fail(err, HG_EINVAL, "a temperature from %g to %g, expected more than 0", o->temperature, end);
    if (!isfinite(o->coupling) || o->coupling <= 0)
        return hg_fail(err, HG_EINVAL, "a thermostat with a relaxation time of %g, expected more than 0", o->coupling);
    if (!o->rng) return hg_fail(err, HG_EINVAL, "a thermostat needs random numbers");
    if (l->n < 3) return hg_fail(err, HG_EINVAL, "a thermostat needs three particles, there are %zu", l->n);
    return HG_OK;
}

static hg_status step(hg_liquid *l, double dt, hg_err *err) {
    liquid_kick(l->v, l->f, LIQUID_LANES * l->clusters, dt / 2);
    liquid_drift(l->x, l->near, l->v, l->origin, LIQUID_LANES * l->clusters, dt);
    HG_TRY(liquid_follow(l, err));
    liquid_force(l);
    liquid_kick(l->v, l->f, LIQUID_LANES * l->clusters, dt / 2);
    return HG_OK;
}

hg_status hg_liquid_run(hg_liquid *l, size_t steps, const hg_liquid_run_opts *opts, hg_err *err) {
    const hg_liquid_run_opts o = opts ? *opts : hg_liquid_run_opts_default();
    HG_TRY(check_opts(l, &o, err));
    HG_TRY(liquid_follow(l, err));
    if (!l->has_force) {
        liquid_near(l->near, l->x, l->origin, LIQUID_LANES * l->clusters);
        liquid_force(l);
    }
    const double end = isnan(o.temperature_end) ? o.temperature : o.temperature_end, decay = exp(-o.dt / o.coupling);
    for (size_t s = 0; s < steps; s++) {
        HG_TRY(step(l, o.dt, err));
        if (!isnan(o.temperature))
            rescale(l, o.temperature + (end - o.temperature) * (double)(s + 1) / (double)steps, decay, o.rng);
        if (s % STEPS_A_WORD == 0 && !hg_progress(o.hooks, "steps", s, steps))
            return hg_fail(err, HG_ECANCEL, "the simulation was stopped");
    }
    return HG_OK;
}

/* ---- FIRE --------------------------------------------------------------------------------------------------------------- */

hg_quench_opts hg_quench_opts_default(void) { return (hg_quench_opts) { .force = 1e-5, .steps = 100000 }; }

/* The paper's numbers, but for the time steps, which are those of a Lennard-Jones liquid. */
static const double FIRE_DT = 0.01, FIRE_DT_MOST = 0.03, FIRE_FASTER = 1.1, FIRE_SLOWER = 0.5, FIRE_MIX = 0.1,
                    FIRE_MIX_LESS = 0.99;
enum { FIRE_WAIT = 5 };
static const double FIRE_FARTHEST = 0.1; /* of a particle in one step */

typedef struct {
    double dt, mix;
    size_t downhill; /* steps since it last went uphill */
} fire;

static void fire_step(fire *q, hg_liquid *l) {
    const size_t all = LIQUID_LANES * l->clusters;
    const double power = liquid_dot(l->exact, l->v, all);
    if (power < 0) {
        memset(l->v, 0, all * sizeof *l->v);
        *q = (fire) { .dt = q->dt * FIRE_SLOWER, .mix = FIRE_MIX };
    } else {
        const double force2 = liquid_dot(l->exact, l->exact, all), speed2 = liquid_dot(l->v, l->v, all);
        const double along = force2 > 0 ? q->mix * sqrt(speed2 / force2) : 0;
        for (size_t i = 0; i < all; i++) l->v[i] += along * l->exact[i] - q->mix * l->v[i];
        if (++q->downhill > FIRE_WAIT) {
            q->dt = fmin(q->dt * FIRE_FASTER, FIRE_DT_MOST);
            q->mix *= FIRE_MIX_LESS;
        }
    }
    for (size_t i = 0; i < all; i++) l->v[i] += q->dt * l->exact[i];
    const double fastest = sqrt(liquid_longest2(l->v, l->clusters)) * q->dt;
    if (fastest > FIRE_FARTHEST) liquid_scale(l->v, all, FIRE_FARTHEST / fastest);
    for (size_t i = 0; i < all; i++) l->x[i] += q->dt * l->v[i];
}

hg_status hg_liquid_quench(size_t *steps, hg_liquid *l, const hg_quench_opts *opts, hg_err *err) {
    const hg_quench_opts o = opts ? *opts : hg_quench_opts_default();
    if (!isfinite(o.force) || o.force <= 0)
        return hg_fail(err, HG_EINVAL, "a quench to a force of %g, expected more than 0", o.force);
    fire q = { .dt = FIRE_DT, .mix = FIRE_MIX };
    memset(l->v, 0, LIQUID_LANES * l->clusters * sizeof *l->v);
    l->has_force = false;
    for (size_t s = 0;; s++) {
        HG_TRY(liquid_follow(l, err));
        liquid_exact(l, NULL);
        const double force = sqrt(liquid_longest2(l->exact, l->clusters));
        if (force < o.force || s == o.steps) {
            if (steps) *steps = s;
            memset(l->v, 0, LIQUID_LANES * l->clusters * sizeof *l->v);
            if (force < o.force) return HG_OK;
            return hg_advise(err, hg_fail(err, HG_ENOTCONV, "after %zu steps there is still a force of %.2g", s, force),
                             "allow more steps");
        }
        fire_step(&q, l);
    }
}
