/* search/feasible.c -- see search/feasible.h */
#include "search/feasible.h"
#include "num/special.h"
#include "search/policy.h"
#include <math.h>

static bool constant(const double *v, size_t n, double *value) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, v[i]);
        high = fmax(high, v[i]);
    }
    *value = low;
    return !(high - low > 1e-12 * fmax(fabs(low), fabs(high)));
}

static bool meets(const hg_limit *l, double value) { return l->above ? value > l->limit : value < l->limit; }

hg_status hg_feasibility_fit(hg_feasibility *out, hg_campaign *c, const hg_model_opts *o, hg_err *err) {
    *out = (hg_feasibility) { .c = c, .n = c->n_limits, .pool = o->pool };
    out->model = hg_alloc(c->mem, c->n_limits, sizeof *out->model);
    if (!out->model) return hg_fail(err, HG_ENOMEM, "requirements");
    for (size_t k = 0; k < c->n_limits; k++) {
        const hg_limit *l = &c->limit[k];
        double value;
        if (l->n >= 2 && !constant(l->value, c->n_measured, &value)) {
            const hg_status st = hg_surrogate_fit(&out->model[k], c->x, l->value, c->n_measured, 0, o, err);
            if (st == HG_OK) continue;
            hg_feasibility_free(out);
            return st;
        }
        if (l->n >= 2)
            hg_text_add(&c->warnings, "\"%s\" is %g in every measured row: nothing can be learned about it yet.\n",
                        l->name, value);
    }
    return HG_OK;
}

double hg_failure_probability(const hg_campaign *c, const double *x) {
    if (c->n_failed == 0) return 0;
    const double length = HG_POLICY.failure_length * sqrt((double)hg_features_groups(c->features));
    const double rate = ((double)c->n_failed + 0.5) / ((double)(c->n_failed + c->n_measured) + 1);
    double bad = 0, all = 0;
    for (size_t i = 0; i < c->n_failed + c->n_measured; i++) {
        const double *other = i < c->n_failed ? c->xf + i * c->d : c->x + (i - c->n_failed) * c->d;
        const double k = exp(-0.5 * hg_campaign_distance2(c, x, other) / (length * length));
        all += k;
        if (i < c->n_failed) bad += k;
    }
    return (HG_POLICY.failure_prior * rate + bad) / (HG_POLICY.failure_prior + all);
}

typedef struct {
    double *p;
    const hg_campaign *c;
    const double *x;
} failing;

static void survive_some(void *ctx, size_t begin, size_t end, size_t worker) {
    const failing *f = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) f->p[i] *= 1 - hg_failure_probability(f->c, f->x + i * f->c->d);
}

/* p[n] *= P(requirement k met); mean, sd, score: [n] scratch */
static hg_status require(double *p, const hg_feasibility *f, size_t k, const double *x, size_t n, bool known,
                         double *mean, double *sd, double *score, hg_arena *scratch, hg_err *err) {
    const hg_limit *l = &f->c->limit[k];
    double fixed = 0.5; /* a constant column that misses the limit: nothing learned, a coin */
    if (f->model[k]) {
        const hg_rank_opts o = { .m = 1,
                                 .d = f->c->d,
                                 .model = &f->model[k],
                                 .acquisition =
                                     hg_acquisition_at(HG_ACQ_RANDOM), /* predictions are all that is wanted */
                                 .pool = f->pool };
        HG_TRY(hg_rank(score, mean, sd, x, n, &o, scratch, err));
    } else if (l->n >= 2 && constant(l->value, f->c->n_measured, &fixed)) {
        fixed = meets(l, fixed) ? 1 : 0.5;
    }
    for (size_t i = 0; i < n; i++) {
        if (known && l->known && !isnan(l->known[i])) {
            p[i] *= meets(l, l->known[i]) ? 1 : 0;
            continue;
        }
        const double z = f->model[k] ? (mean[i] - l->limit) / fmax(sd[i], 1e-300) : 0;
        p[i] *= f->model[k] ? hg_normal_cdf(l->above ? z : -z) : fixed;
    }
    return HG_OK;
}

static hg_status apply(double *p, const hg_feasibility *f, const double *x, size_t n, bool known, hg_arena *scratch,
                       hg_err *err) {
    const size_t need = f->n ? n : 0;
    double *mean = hg_alloc(scratch, need, sizeof *mean), *sd = hg_alloc(scratch, need, sizeof *sd),
           *score = hg_alloc(scratch, need, sizeof *score);
    if (!mean || !sd || !score) return hg_fail(err, HG_ENOMEM, "requirements of %zu candidates", n);
    for (size_t i = 0; i < n; i++) p[i] = 1;
    for (size_t k = 0; k < f->n; k++) HG_TRY(require(p, f, k, x, n, known, mean, sd, score, scratch, err));
    return HG_OK;
}

hg_status hg_feasibility_apply(double *p, const hg_feasibility *f, const double *x, size_t n, bool known,
                               hg_arena *scratch, hg_err *err) {
    const hg_mark mark = hg_arena_mark(scratch);
    const hg_status st = apply(p, f, x, n, known, scratch, err);
    hg_arena_reset(scratch, mark);
    HG_TRY(st);
    failing fail = { .p = p, .c = f->c, .x = x };
    if (f->c->n_failed) hg_pool_for(f->pool, n, 1024, survive_some, &fail);
    return HG_OK;
}

bool hg_feasibility_matters(const hg_feasibility *f) { return f->n || f->c->n_failed; }

void hg_feasibility_free(hg_feasibility *f) {
    for (size_t k = 0; f->model && k < f->n; k++) {
        hg_surrogate_free(f->model[k]);
        f->model[k] = NULL;
    }
}
