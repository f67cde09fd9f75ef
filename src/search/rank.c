/* search/rank.c -- see search/rank.h */
#include "search/rank.h"
#include "search/policy.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 }; /* candidates that one thread works on together */

double hg_rank_kappa(double given, size_t groups) {
    if (given > 0) return given;
    return groups <= HG_ENSEMBLE_POLICY.few_groups ? HG_POLICY.kappa_few : HG_POLICY.kappa_many;
}

hg_status hg_rank_state(hg_acq_state *out, const double *front, size_t n_front, size_t m, double kappa, hg_arena *arena,
                        hg_err *err) {
    hg_boxes *boxes = hg_alloc(arena, 2, sizeof *boxes);
    double *scale = hg_alloc(arena, m, sizeof *scale);
    size_t *work = hg_alloc(arena, n_front, sizeof *work);
    if (!boxes || !scale || !work) return hg_fail(err, HG_ENOMEM, "front of %zu points", n_front);
    double ref[HG_OBJECTIVES_MAX];
    const double none[HG_OBJECTIVES_MAX] = { -HUGE_VAL, -HUGE_VAL, -HUGE_VAL };
    if (m > 1)
        hg_reference_point(ref, front, n_front, m, work);
    else
        ref[0] = -HUGE_VAL; /* one objective has no reference: the box above the best */
    for (size_t j = 0; j < m; j++) {
        double low = HUGE_VAL, high = -HUGE_VAL;
        for (size_t i = 0; i < n_front; i++) {
            low = fmin(low, front[i * m + j]);
            high = fmax(high, front[i * m + j]);
        }
        scale[j] = high > low ? high - low : 1;
    }
    HG_TRY(hg_boxes_make(&boxes[0], front, n_front, m, ref, arena, err));
    HG_TRY(hg_boxes_make(&boxes[1], front, n_front, m, none, arena, err));
    *out = (hg_acq_state) { .boxes = &boxes[0], .unbound = &boxes[1], .scale = scale, .kappa = kappa };
    return HG_OK;
}

typedef struct {
    double *score, *mean, *sd; /* mean, sd: [n,m] or NULL */
    const double *x;
    const hg_rank_opts *o;
    const hg_acq_state *state;
    size_t objective; /* that predict_some works on */
    bool averages;    /* predict_some also averages the acquisition into score */
    double *plain;    /* [n] sum of the gains that did not need logs; NULL: none */
    double best;      /* one objective: of the front */
    double shift;     /* near the values, so that sums of squares keep their digits */
    double *work;     /* [threads, work_each] */
    size_t work_each;
} ranking;

/* ---- predictions, and the average of the acquisition over members --------------------------------------------------- */

/* log(exp a + exp b) */
static double add_logs(double a, double b) {
    if (b > a) return b + (a > b - 40 ? log1p(exp(a - b)) : 0);
    return a + (b > a - 40 ? log1p(exp(b - a)) : 0);
}

/* Adds member predictions mean[n], sd[n] (both spoilt) of weight w to the sums for candidates begin .. begin + n - 1. Afterwards
 * r->mean holds sum w (mean - shift), r->sd sum w (sd^2 + (mean - shift)^2), r->score the averaged acquisition. */
static void add_member(const ranking *r, size_t begin, size_t n, double w, double boost, double *mean, double *sd) {
    const hg_rank_opts *o = r->o;
    const hg_surrogate *s = o->model[r->objective];
    for (size_t i = 0; s->slope && i < n; i++) mean[i] += hg_surrogate_prior(s, r->x + (begin + i) * o->d);
    const bool logs = o->acquisition->kind == HG_SCORE_LOG;
    const double log_w = log(w);
    for (size_t i = 0; i < n; i++) {
        const size_t c = begin + i, at = c * o->m + r->objective;
        if (r->mean) {
            const double t = mean[i] - r->shift;
            r->mean[at] += w * t;
            r->sd[at] += w * (sd[i] * sd[i] + t * t);
        }
        if (!r->averages || (o->taken && o->taken[c])) continue;
        if (boost > 0) sd[i] *= exp(boost * r->x[(c + 1) * o->d - 1]); /* after its honest use above */
        const double z = (mean[i] - r->best) / sd[i];
        if (o->acquisition->gain && z > HG_GAIN_LEAST) { /* most of the time; the logs below cost three times as much */
            r->plain[c] += w * (o->acquisition->gain_by_sd ? sd[i] : 1) * o->acquisition->gain(z);
            continue;
        }
        const hg_acq_point point = { .mean = mean + i, .sd = sd + i };
        const double a = o->acquisition->score(r->state, &point);
        if (!logs)
            r->score[c] += w * a;
        else if (log_w + a > r->score[c])
            r->score[c] = log_w + a + log1p(exp(r->score[c] - log_w - a));
        else if (log_w + a > r->score[c] - 40)
            r->score[c] += log1p(exp(log_w + a - r->score[c]));
    }
}

static void predict_some(void *ctx, size_t begin, size_t end, size_t worker) {
    const ranking *r = ctx;
    const hg_ensemble *e = r->o->model[r->objective]->e;
    double *work = r->work + worker * r->work_each, *mean = work, *sd = mean + BLOCK, *inside = sd + BLOCK;
    hg_ensemble_prepare(inside, e, r->x + begin * r->o->d, end - begin);
    for (size_t k = 0; k < hg_ensemble_members(e); k++) {
        hg_ensemble_predict(mean, sd, e, k, end - begin, inside);
        add_member(r, begin, end - begin, hg_ensemble_weight(e, k), hg_ensemble_boost(e, k), mean, sd);
    }
}

/* The learned model, chunk by chunk so that the scratch memory does not grow with n. */
static hg_status predict_gp(ranking *r, size_t n, hg_arena *scratch, hg_err *err) {
    const size_t chunk = n < HG_POLICY.chunk ? n : HG_POLICY.chunk;
    double *mean = hg_alloc(scratch, chunk, sizeof *mean), *var = hg_alloc(scratch, chunk, sizeof *var);
    if (!mean || !var) return hg_fail(err, HG_ENOMEM, "prediction of %zu candidates", chunk);
    const hg_gp *gp = r->o->model[r->objective]->gp;
    for (size_t begin = 0; begin < n; begin += chunk) {
        const size_t now = n - begin < chunk ? n - begin : chunk;
        HG_TRY(hg_gp_predict(mean, var, gp, r->x + begin * r->o->d, now, scratch, err));
        for (size_t i = 0; i < now; i++) var[i] = sqrt(var[i]);
        add_member(r, begin, now, 1, 0, mean, var);
    }
    return HG_OK;
}

static hg_status predict_attached(ranking *r, size_t n, hg_arena *scratch, hg_err *err) {
    hg_ensemble *e = r->o->model[0]->e;
    double *mean = hg_alloc(scratch, n, sizeof *mean), *sd = hg_alloc(scratch, n, sizeof *sd);
    if (!mean || !sd) return hg_fail(err, HG_ENOMEM, "prediction of %zu candidates", n);
    for (size_t k = 0; k < hg_ensemble_members(e); k++) {
        hg_ensemble_predict_pool(mean, sd, e, k);
        add_member(r, 0, n, hg_ensemble_weight(e, k), hg_ensemble_boost(e, k), mean, sd);
    }
    return HG_OK;
}

static hg_status predict(ranking *r, size_t n, hg_arena *scratch, hg_err *err) {
    const hg_surrogate *s = r->o->model[r->objective];
    const size_t m = r->o->m, j = r->objective, threads = hg_pool_threads(r->o->pool);
    for (size_t i = 0; r->mean && i < n; i++) r->mean[i * m + j] = r->sd[i * m + j] = 0;
    r->shift = s->centre;
    if (s->gp) {
        HG_TRY(predict_gp(r, n, scratch, err));
    } else if (r->o->attached) {
        HG_TRY(predict_attached(r, n, scratch, err));
    } else {
        const size_t most = (size_t)(HG_POLICY.work / ((double)n * (double)s->n)) + 1;
        hg_ensemble_limit(s->e, most > HG_POLICY.least_members ? most : HG_POLICY.least_members);
        r->work_each = 2 * BLOCK + hg_ensemble_work(s->e, BLOCK);
        r->work = hg_alloc(scratch, threads, r->work_each * sizeof *r->work);
        if (!r->work) return hg_fail(err, HG_ENOMEM, "prediction by %zu threads", threads);
        hg_pool_for(r->o->pool, n, BLOCK, predict_some, r);
    }
    for (size_t i = 0; r->averages && i < n; i++)
        if (r->plain[i] > 0) r->score[i] = add_logs(r->score[i], log(r->plain[i]));
    for (size_t i = 0; r->mean && i < n; i++) {
        const double t = r->mean[i * m + j];
        r->mean[i * m + j] = r->shift + t;
        r->sd[i * m + j] = sqrt(fmax(r->sd[i * m + j] - t * t, 0));
    }
    return HG_OK;
}

/* ---- Thompson sampling ---------------------------------------------------------------------------------------------- */

typedef struct {
    double bound;
    size_t i;
} bounded;

static int by_bound_falling(const void *a, const void *b) {
    const bounded *p = a, *q = b;
    if (p->bound != q->bound) return p->bound < q->bound ? 1 : -1;
    return p->i < q->i ? -1 : p->i > q->i;
}

/* One joint draw of every objective at the shortlisted candidates; score[i] from it, the others -HUGE_VAL. Needs mean, sd. */
static hg_status score_draw(ranking *r, size_t n, hg_arena *scratch, hg_err *err) {
    const hg_rank_opts *o = r->o;
    const size_t joint = n < HG_POLICY.joint ? n : HG_POLICY.joint;
    bounded *list = hg_alloc(scratch, n, sizeof *list);
    double *x = hg_alloc(scratch, joint, o->d * sizeof *x), *one = hg_alloc(scratch, joint, sizeof *one),
           *sample = hg_alloc(scratch, joint, o->m * sizeof *sample);
    if (!list || !x || !one || !sample) return hg_fail(err, HG_ENOMEM, "draw of %zu candidates", n);
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        r->score[i] = -HUGE_VAL;
        if (o->taken && o->taken[i]) continue;
        double bound = -HUGE_VAL; /* the most promising objective, in spreads of the front */
        for (size_t j = 0; j < o->m; j++)
            bound = fmax(bound, (r->mean[i * o->m + j] + 3 * r->sd[i * o->m + j] - o->front[j]) / r->state->scale[j]);
        list[left++] = (bounded) { bound, i };
    }
    qsort(list, left, sizeof *list, by_bound_falling);
    const size_t used = left < joint ? left : joint;
    for (size_t i = 0; i < used; i++) memcpy(x + i * o->d, r->x + list[i].i * o->d, o->d * sizeof *x);
    for (size_t j = 0; j < o->m && used; j++) {
        hg_rng rng = hg_rng_make(o->seed, (o->stream << 32) + j);
        HG_TRY(hg_surrogate_sample(one, 1, o->model[j], x, used, &rng, scratch, err));
        for (size_t i = 0; i < used; i++) sample[i * o->m + j] = one[i];
    }
    for (size_t i = 0; i < used; i++) {
        const hg_acq_point point = { .sample = sample + i * o->m };
        r->score[list[i].i] = o->acquisition->score(r->state, &point);
    }
    return HG_OK;
}

/* ---- scores --------------------------------------------------------------------------------------------------------- */

static void score_some(void *ctx, size_t begin, size_t end, size_t worker) {
    const ranking *r = ctx;
    const hg_rank_opts *o = r->o;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const double p = o->p_feasible ? fmax(o->p_feasible[i], HG_POLICY.least_feasible) : 1;
        const double cost = o->cost ? o->cost[i] : 1;
        double *score = &r->score[i];
        if (o->taken && o->taken[i]) {
            *score = -HUGE_VAL;
        } else if (o->n_front == 0) {
            *score = log(p / cost);                         /* Gardner et al.: first find anything feasible */
        } else if (o->acquisition->kind == HG_SCORE_DRAW) { /* a stream a candidate: the same whatever the threads do */
            hg_rng rng = hg_rng_make(o->seed, (o->stream << 32) + i);
            *score = hg_rng_uniform(&rng);
        } else {
            const hg_acq_point point = { .mean = r->mean + i * o->m, .sd = r->sd + i * o->m };
            if (!r->averages && !o->acquisition->wants_sample) *score = o->acquisition->score(r->state, &point);
            if (*score > -HUGE_VAL) *score = hg_acquisition_weigh(o->acquisition->kind, *score, p, cost);
        }
        if (isnan(*score)) *score = -HUGE_VAL;
    }
}

static hg_status rank(ranking *r, size_t n, hg_arena *scratch, hg_err *err) {
    const hg_rank_opts *o = r->o;
    const hg_acquisition_record *a = o->acquisition;
    hg_acq_state state = { 0 };
    if (o->n_front) HG_TRY(hg_rank_state(&state, o->front, o->n_front, o->m, o->kappa, scratch, err));
    r->state = &state;
    r->averages = o->m == 1 && o->n_front && !a->wants_sample && a->kind != HG_SCORE_DRAW;
    if (!r->averages && !r->mean) {
        r->mean = hg_alloc(scratch, n, o->m * sizeof *r->mean);
        r->sd = hg_alloc(scratch, n, o->m * sizeof *r->sd);
        if (!r->mean || !r->sd) return hg_fail(err, HG_ENOMEM, "prediction of %zu candidates", n);
    }
    if (r->averages) {
        r->plain = hg_alloc(scratch, n, sizeof *r->plain);
        if (!r->plain) return hg_fail(err, HG_ENOMEM, "scores of %zu candidates", n);
        r->best = state.unbound->box[0].lower[0];
    }
    for (size_t i = 0; i < n; i++) r->score[i] = a->kind == HG_SCORE_LOG ? -HUGE_VAL : 0;
    for (r->objective = 0; r->objective < o->m; r->objective++) HG_TRY(predict(r, n, scratch, err));
    if (a->wants_sample && o->n_front) HG_TRY(score_draw(r, n, scratch, err));
    hg_pool_for(o->pool, n, 1024, score_some, r);
    return HG_OK;
}

hg_status hg_rank(double *score, double *mean, double *sd, const double *x, size_t n, const hg_rank_opts *o,
                  hg_arena *scratch, hg_err *err) {
    const hg_mark mark = hg_arena_mark(scratch);
    ranking r = { .score = score, .mean = mean, .sd = sd, .x = x, .o = o };
    const hg_status st = rank(&r, n, scratch, err);
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

/* Symmetric data make ties but for round-off; the farthest of them teaches most. Only few may tie: with more the first is
 * taken, which keeps the cost linear. */
size_t hg_rank_best(const double *score, const double *x, size_t n, const double *xm, size_t n_m,
                    const hg_model_opts *o) {
    size_t best = SIZE_MAX, ties = 0;
    for (size_t i = 0; i < n; i++)
        if (score[i] > -HUGE_VAL && (best == SIZE_MAX || score[i] > score[best])) best = i;
    if (best == SIZE_MAX || score[best] == HUGE_VAL) return best;
    const double least = score[best] - HG_POLICY.tie * fabs(score[best]);
    for (size_t i = 0; i < n; i++) ties += score[i] >= least ? 1 : 0;
    if (ties < 2 || ties > HG_POLICY.most_ties) return best;
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
