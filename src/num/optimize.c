/* num/optimize.c -- see num/optimize.h */
#include "num/optimize.h"
#include "core/memory.h"
#include <math.h>
#include <nlopt.h>
#include <string.h>

typedef struct {
    hg_objective_fn f;
    void *ctx;
    size_t n;
    double best_f, *best_x; /* kept ourselves: NLopt may return a later, worse point when it stops on round-off */
    size_t evals;
} problem;

static const double INFEASIBLE = 1e100; /* finite, so that the line search can interpolate its way back */

static double evaluate(unsigned n, const double *x, double *grad, void *data) {
    problem *p = data;
    (void)n;
    p->evals++;
    const double f = p->f(p->ctx, x, grad, p->n);
    bool ok = isfinite(f);
    for (size_t i = 0; ok && grad && i < p->n; i++) ok = isfinite(grad[i]);
    if (!ok) {
        if (grad) memset(grad, 0, p->n * sizeof *grad);
        return INFEASIBLE;
    }
    if (f < p->best_f) {
        p->best_f = f;
        memcpy(p->best_x, x, p->n * sizeof *x);
    }
    return f;
}

hg_minimize_opts hg_minimize_opts_default(void) {
    return (hg_minimize_opts) { .max_evals = 200, .xtol = 1e-4, .ftol = 1e-8 };
}

hg_status hg_minimize(hg_minimum *out, double *x, const double *lower, const double *upper, size_t n, hg_objective_fn f,
                      void *ctx, const hg_minimize_opts *opts, hg_err *err) {
    const hg_minimize_opts o = opts ? *opts : hg_minimize_opts_default();
    for (size_t i = 0; i < n; i++) {
        if (!(lower[i] <= upper[i]))
            return hg_fail(err, HG_EINVAL, "bounds of variable %zu: %g .. %g", i, lower[i], upper[i]);
        x[i] = fmin(fmax(x[i], lower[i]), upper[i]);
    }
    problem p = { .f = f, .ctx = ctx, .n = n, .best_f = HUGE_VAL };
    p.best_x = hg_malloc(n, sizeof *p.best_x);
    nlopt_opt opt = nlopt_create(o.derivative_free ? NLOPT_LN_BOBYQA : NLOPT_LD_LBFGS, (unsigned)n);
    hg_status st = HG_OK;
    if (!p.best_x || !opt || nlopt_set_lower_bounds(opt, lower) < 0 || nlopt_set_upper_bounds(opt, upper) < 0 ||
        nlopt_set_min_objective(opt, evaluate, &p) < 0) {
        st = hg_fail(err, HG_ENOMEM, "optimiser of %zu variables", n);
        goto done;
    }
    memcpy(p.best_x, x, n * sizeof *x);
    nlopt_set_maxeval(opt, (int)o.max_evals);
    nlopt_set_xtol_rel(opt, o.xtol);
    nlopt_set_ftol_rel(opt, o.ftol);
    if (o.ftol_abs > 0) nlopt_set_ftol_abs(opt, o.ftol_abs);
    double last;
    const nlopt_result result = nlopt_optimize(opt, x, &last);
    memcpy(x, p.best_x, n * sizeof *x);
    out->f = p.best_f;
    out->evals = p.evals;
    out->why = !(p.best_f < HUGE_VAL)            ? HG_STOP_FAILED
               : result == NLOPT_MAXEVAL_REACHED ? HG_STOP_MAX_EVALS
               : result < 0                      ? HG_STOP_ROUNDOFF
                                                 : HG_STOP_CONVERGED;
    if (result == NLOPT_OUT_OF_MEMORY) st = hg_fail(err, HG_ENOMEM, "optimiser of %zu variables", n);
done:
    nlopt_destroy(opt);
    hg_free(p.best_x);
    return st;
}
