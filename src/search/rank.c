/* search/rank.c -- see search/rank.h */
#include "search/rank.h"
#include "search/policy.h"
#include <math.h>
#include <string.h>

hg_status hg_model_fit(hg_gp **out, const double *x, const double *y, size_t n, const hg_model_opts *o,
                       const hg_gp *start, hg_err *err) {
    *out = NULL;
    hg_arena *scratch = hg_arena_new();
    double *xs = hg_alloc(scratch, n, o->d * sizeof *xs), *ys = hg_alloc(scratch, n, sizeof *ys);
    const size_t n_params = start ? hg_gp_params(start, NULL, 0) : 0;
    double *params = hg_alloc(scratch, n_params, sizeof *params);
    if (!xs || !ys || !params) {
        hg_arena_free(scratch);
        return hg_fail(err, HG_ENOMEM, "model of %zu rows", n);
    }
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(y[i])) continue;
        memcpy(xs + used * o->d, x + i * o->d, o->d * sizeof *xs);
        ys[used++] = y[i];
    }
    if (start) hg_gp_params(start, params, n_params);
    hg_gp_opts g = hg_gp_opts_default();
    g.kernel = o->kernel ? o->kernel : HG_POLICY.kernel;
    g.group = o->group;
    g.x_shift = o->shift;
    g.x_scale = o->scale;
    g.params = start ? params : NULL;
    g.n_params = n_params;
    g.seed = o->seed;
    g.pool = o->pool;
    const hg_status st = hg_gp_fit(out, xs, ys, used, o->d, &g, err);
    hg_arena_free(scratch);
    return st;
}

hg_status hg_rank_state(hg_acq_state *out, const double *front, size_t n_front, size_t m, double kappa, hg_arena *arena,
                        hg_err *err) {
    hg_boxes *boxes = hg_alloc(arena, 2, sizeof *boxes);
    double *scale = hg_alloc(arena, m, sizeof *scale);
    if (!boxes || !scale) return hg_fail(err, HG_ENOMEM, "front of %zu points", n_front);
    double ref[HG_OBJECTIVES_MAX];
    const double none[HG_OBJECTIVES_MAX] = { -HUGE_VAL, -HUGE_VAL, -HUGE_VAL };
    hg_reference_point(ref, front, n_front, m);
    for (size_t j = 0; j < m; j++) {
        double low = HUGE_VAL, high = -HUGE_VAL;
        for (size_t i = 0; i < n_front; i++) {
            low = fmin(low, front[i * m + j]);
            high = fmax(high, front[i * m + j]);
        }
        scale[j] = high > low ? high - low : 1;
        if (m == 1) ref[j] = -HUGE_VAL; /* one objective has no reference: the box above the best */
    }
    HG_TRY(hg_boxes_make(&boxes[0], front, n_front, m, ref, arena, err));
    HG_TRY(hg_boxes_make(&boxes[1], front, n_front, m, none, arena, err));
    *out = (hg_acq_state) { .boxes = &boxes[0], .unbound = &boxes[1], .scale = scale, .kappa = kappa };
    return HG_OK;
}

typedef struct {
    double *score;
    const double *mean, *sd, *sample; /* [n,m] */
    const hg_rank_opts *o;
    const hg_acq_state *state;
} scoring;

static void score_some(void *ctx, size_t begin, size_t end, size_t worker) {
    const scoring *s = ctx;
    const hg_rank_opts *o = s->o;
    const size_t m = o->m;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const double p = o->p_feasible ? fmax(o->p_feasible[i], HG_POLICY.least_feasible) : 1;
        const double cost = o->cost ? o->cost[i] : 1;
        double uniform = 0;
        if (o->acquisition->kind == HG_SCORE_DRAW) { /* a stream a candidate: the same whatever the threads do */
            hg_rng rng = hg_rng_make(o->seed, (o->stream << 32) + i);
            uniform = hg_rng_uniform(&rng);
        }
        const hg_acq_point point = { .mean = s->mean + i * m,
                                     .sd = s->sd + i * m,
                                     .sample = s->sample ? s->sample + i * m : NULL,
                                     .uniform = uniform };
        if (o->taken && o->taken[i])
            s->score[i] = -HUGE_VAL;
        else if (o->n_front == 0)
            s->score[i] = log(p / cost); /* Gardner et al.: first find anything feasible */
        else
            s->score[i] = hg_acquisition_weigh(o->acquisition->kind, o->acquisition->score(s->state, &point), p, cost);
        if (isnan(s->score[i])) s->score[i] = -HUGE_VAL;
    }
}

/* mean[n,m] and sd[n,m], chunk by chunk so that the scratch memory does not grow with n. */
static hg_status predict(double *mean, double *sd, const double *x, size_t n, const hg_rank_opts *o, hg_arena *scratch,
                         hg_err *err) {
    const size_t chunk = n < HG_POLICY.chunk ? n : HG_POLICY.chunk;
    double *a = hg_alloc(scratch, chunk, sizeof *a), *v = hg_alloc(scratch, chunk, sizeof *v);
    if (!a || !v) return hg_fail(err, HG_ENOMEM, "prediction of %zu candidates", chunk);
    for (size_t begin = 0; begin < n; begin += chunk) {
        const size_t now = n - begin < chunk ? n - begin : chunk;
        for (size_t j = 0; j < o->m; j++) {
            HG_TRY(hg_gp_predict(a, v, o->gp[j], x + begin * o->d, now, scratch, err));
            for (size_t i = 0; i < now; i++) {
                mean[(begin + i) * o->m + j] = a[i];
                sd[(begin + i) * o->m + j] = sqrt(v[i]);
            }
        }
    }
    return HG_OK;
}

/* One joint draw of every objective, [n,m]. */
static hg_status draw(double **out, const double *x, size_t n, const hg_rank_opts *o, hg_arena *scratch, hg_err *err) {
    double *sample = hg_alloc(scratch, n, o->m * sizeof *sample), *one = hg_alloc(scratch, n, sizeof *one);
    if (!sample || !one) return hg_fail(err, HG_ENOMEM, "draw of %zu candidates", n);
    for (size_t j = 0; j < o->m; j++) {
        hg_rng rng = hg_rng_make(o->seed, (o->stream << 32) + j);
        HG_TRY(hg_gp_sample(one, 1, o->gp[j], x, n, &rng, scratch, err));
        for (size_t i = 0; i < n; i++) sample[i * o->m + j] = one[i];
    }
    *out = sample;
    return HG_OK;
}

static hg_status rank(double *score, double *mean, double *sd, const double *x, size_t n, const hg_rank_opts *o,
                      hg_arena *scratch, hg_err *err) {
    if (!mean) mean = hg_alloc(scratch, n, o->m * sizeof *mean);
    if (!sd) sd = hg_alloc(scratch, n, o->m * sizeof *sd);
    if (!mean || !sd) return hg_fail(err, HG_ENOMEM, "prediction of %zu candidates", n);
    HG_TRY(predict(mean, sd, x, n, o, scratch, err));
    double *sample = NULL;
    if (o->acquisition->wants_sample) HG_TRY(draw(&sample, x, n, o, scratch, err));
    hg_acq_state state = { 0 };
    if (o->n_front) HG_TRY(hg_rank_state(&state, o->front, o->n_front, o->m, o->kappa, scratch, err));
    scoring s = { .score = score, .mean = mean, .sd = sd, .sample = sample, .o = o, .state = &state };
    hg_pool_for(o->pool, n, 1024, score_some, &s);
    return HG_OK;
}

hg_status hg_rank(double *score, double *mean, double *sd, const double *x, size_t n, const hg_rank_opts *o,
                  hg_arena *scratch, hg_err *err) {
    const hg_mark mark = hg_arena_mark(scratch);
    const hg_status st = rank(score, mean, sd, x, n, o, scratch, err);
    hg_arena_reset(scratch, mark);
    return st;
}

static double nearest2(const double *a, const double *xm, size_t n_m, const hg_model_opts *o) {
    double least = HUGE_VAL;
    for (size_t i = 0; i < n_m; i++) {
        double sum = 0;
        for (size_t j = 0; j < o->d && sum < least; j++) {
            const double t = (a[j] - xm[i * o->d + j]) / o->scale[j];
            sum += t * t;
        }
        least = fmin(least, sum);
    }
    return least;
}

/* Symmetric data make exact ties but for round-off; the farthest of them teaches most. Only few may tie: with more the
 * first is taken, which keeps the cost linear. */
size_t hg_rank_best(const double *score, const double *x, size_t n, const double *xm, size_t n_m,
                    const hg_model_opts *o) {
    enum { TIES = 256 };
    size_t best = SIZE_MAX, ties = 0;
    for (size_t i = 0; i < n; i++)
        if (score[i] > -HUGE_VAL && (best == SIZE_MAX || score[i] > score[best])) best = i;
    if (best == SIZE_MAX || score[best] == HUGE_VAL) return best;
    const double least = score[best] - 1e-9 * fmax(1e-3, fabs(score[best]));
    for (size_t i = 0; i < n; i++) ties += score[i] >= least ? 1 : 0;
    if (ties < 2 || ties > TIES) return best;
    double far = -1;
    for (size_t i = 0; i < n; i++) {
        if (!(score[i] >= least)) continue;
        const double r2 = nearest2(x + i * o->d, xm, n_m, o);
        if (!(r2 > far * (1 + 1e-9))) continue;
        far = r2;
        best = i;
    }
    return best;
}
