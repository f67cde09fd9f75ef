/* tensor/lbfgs.c -- parameters as one vector of doubles for num/optimize.h; see hagane/optimizer.h */
#include "core/memory.h"
#include "hagane/optimizer.h"
#include "num/optimize.h"
#include "tensor/params.h"
#include <math.h>

typedef struct {
    hg_params *p;
    hg_full_loss loss;
    void *ctx;
    hg_status st; /* the first failure of `loss`; nothing is evaluated after it */
    hg_err *err;
} problem;

static bool learns(const hg_param_entry *e) { return e->rate > 0; }

static size_t variables(const hg_params *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) n += learns(&p->e[i]) ? p->e[i].n : 0;
    return n;
}

static void gather(double *x, const hg_params *p, void (*read)(double *, const hg_params *, size_t)) {
    for (size_t i = 0; i < p->n; i++) {
        if (!learns(&p->e[i])) continue;
        read(x, p, i);
        x += p->e[i].n;
    }
}

static void scatter(hg_params *p, const double *x) {
    for (size_t i = 0; i < p->n; i++) {
        if (!learns(&p->e[i])) continue;
        hg_params_set(p, i, x);
        x += p->e[i].n;
    }
}

static double objective(void *ctx, const double *x, double *grad, size_t n) {
    problem *w = ctx;
    double loss = NAN;
    (void)n;
    if (w->st != HG_OK) return NAN;
    scatter(w->p, x);
    hg_params_zero_gradients(w->p);
    w->st = w->loss(w->ctx, &loss, w->err);
    if (w->st != HG_OK) return NAN;
    if (grad) gather(grad, w->p, hg_params_get_gradient);
    return loss;
}

hg_lbfgs_opts hg_lbfgs_opts_default(void) {
    return (hg_lbfgs_opts) { .evaluations = 500, .xtol = 1e-7, .ftol = 1e-10 };
}

hg_status hg_params_lbfgs(hg_lbfgs_result *out, hg_params *p, hg_full_loss loss, void *ctx, const hg_lbfgs_opts *opts,
                          hg_err *err) {
    const hg_lbfgs_opts o = opts ? *opts : hg_lbfgs_opts_default();
    hg_minimize_opts m = hg_minimize_opts_default();
    m.max_evals = o.evaluations;
    m.xtol = o.xtol;
    m.ftol = o.ftol;
    if (!p->gradient) return hg_fail(err, HG_EINVAL, "parameters that are not sealed, or fixed, cannot be optimised");
    const size_t n = variables(p);
    double *x = hg_malloc(n, 3 * sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory for %zu variables", n);
    double *low = x + n, *high = low + n;
    gather(x, p, hg_params_get);
    for (size_t i = 0; i < n; i++) low[i] = -HUGE_VAL, high[i] = HUGE_VAL;
    problem w = { .p = p, .loss = loss, .ctx = ctx, .err = err };
    hg_minimum best;
    hg_status st = hg_minimize(&best, x, low, high, n, objective, &w, &m, err);
    if (w.st != HG_OK) st = w.st;
    if (st == HG_OK && best.why == HG_STOP_FAILED) st = hg_fail(err, HG_ENAN, "the loss is not finite");
    scatter(p, x);
    hg_params_zero_gradients(p);
    if (st == HG_OK) *out = (hg_lbfgs_result) { best.f, best.evals, best.why != HG_STOP_MAX_EVALS };
    hg_free(x);
    return st;
}
