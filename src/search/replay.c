/* search/replay.c -- see hagane/suggest.h: pretend that a measured table is unknown, and count
 *
 * A run draws `initial` random rows, then fits, ranks and "measures" as hg_suggest would, with hyper-parameters learned at
 * every step (warm-started from the step before). Runs are independent: run r draws from stream r of the seed, so the
 * result does not depend on the threads.
 * Quantiles are order statistics: the q quantile of n counts is the ceil(q n)-th smallest; a run that never got there
 * counts as infinite, and an infinite quantile is given as NaN.
 */
#include "core/memory.h"
#include "num/linalg.h"
#include "search/campaign.h"
#include "search/density.h"
#include "search/policy.h"
#include "search/rank.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double y95, y99, y_top5; /* reached when y >= these (maximise form) */
} target;

typedef struct { /* measurements after the initial ones until each was reached; HUGE_VAL: never */
    double to_95, to_99, to_top5;
} counts;

typedef struct {
    hg_campaign *c;
    const hg_suggest_opts *o;
    const hg_acquisition_record *acquisition;
    hg_model_opts model;                      /* without a pool: the runs themselves are parallel */
    const double *x, *y;                      /* [n,d], [n] maximise form, duplicates averaged */
    size_t n, d, rows, initial, budget, runs; /* rows: of the table, before averaging */
    target target;
    counts *reached; /* [runs] */
    double *best;    /* [runs, budget + 1] */
    atomic_size_t done;
    atomic_bool stop;
    hg_status *status; /* [runs] */
    hg_err *error;     /* [workers] of the lowest failed run that the worker met */
    size_t *error_run; /* [workers] */
} replay;

hg_replay_opts hg_replay_opts_default(void) {
    return (hg_replay_opts) { .initial = 2, .budget = 40, .runs = 100, .average_duplicates = true };
}

/* ---- one run --------------------------------------------------------------------------------------------------- */

typedef struct {
    const replay *r;
    size_t *order, n; /* rows in the order of measuring */
    bool *taken;
    double *x, *y; /* of the measured rows */
    double best;
    hg_ensemble *e; /* made when first wanted */
} run_state;

static void measure(run_state *s, size_t row, counts *reached, double *best) {
    const replay *r = s->r;
    s->taken[row] = true;
    s->order[s->n] = row;
    memcpy(s->x + s->n * r->d, r->x + row * r->d, r->d * sizeof *s->x);
    s->y[s->n++] = r->y[row];
    s->best = fmax(s->best, r->y[row]);
    if (s->n < r->initial) return;
    const size_t after = s->n - r->initial;
    best[after] = s->best;
    if (s->best >= r->target.y95) reached->to_95 = fmin(reached->to_95, (double)after);
    if (s->best >= r->target.y99) reached->to_99 = fmin(reached->to_99, (double)after);
    if (s->best >= r->target.y_top5) reached->to_top5 = fmin(reached->to_top5, (double)after);
}

/* Two equal first values are no target yet: nothing is known, so the row farthest from the measured ones is next. */
static bool all_equal(const double *y, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (y[i] != y[0]) return false;
    return true;
}

static size_t ensemble_points(const replay *r) {
    const size_t most = r->initial + r->budget, few = HG_ENSEMBLE_POLICY.most_points;
    return most < few ? most : few;
}

/* An attached pool costs draws x points x rows doubles in every thread: too much for large tables, whose candidates are
 * predicted in chunks instead, as hg_suggest does. */
static bool pool_attached(const replay *r) {
    const double cells = (double)HG_ENSEMBLE_POLICY.draws * (double)ensemble_points(r) * (double)r->n;
    return cells * sizeof(double) <= HG_POLICY.attached_bytes;
}

/* The model of a run while it is an ensemble: it grows with each measurement. */
static hg_status attach(hg_surrogate *model, const replay *r, const hg_model_opts *o, hg_err *err) {
    const hg_ensemble_opts e = { .density = o->density,
                                 .d = r->d - (o->density ? HG_DENSITY_COLUMNS : 0),
                                 .most = ensemble_points(r),
                                 .group = o->group,
                                 .shift = o->shift,
                                 .scale = o->scale,
                                 .pool = pool_attached(r) ? r->x : NULL,
                                 .n_pool = r->n };
    return hg_ensemble_new(&model->e, &e, err);
}

static hg_status next_row(size_t *row, run_state *s, size_t run, double *score, hg_arena *scratch, hg_err *err) {
    const replay *r = s->r;
    hg_model_opts model = r->model;
    model.seed = r->o->seed + run;
    if (all_equal(s->y, s->n)) {
        for (size_t i = 0; i < r->n; i++) score[i] = s->taken[i] ? -HUGE_VAL : 0;
        *row = hg_rank_best(score, r->x, r->n, s->x, s->n, &model);
        return HG_OK;
    }
    hg_surrogate view = { .o = model, .x = s->x, .y = s->y, .n = s->n, .centre = s->y[0] }, *use = &view,
                 *fitted = NULL;
    /* A prior mean changes with each value, and with it all that an ensemble has learned: it is made anew. */
    bool few = !r->o->kernel && !model.n_prior && s->n <= HG_ENSEMBLE_POLICY.most_points;
    if (few) {
        if (!s->e) {
            HG_TRY(attach(&view, r, &model, err));
            s->e = view.e;
        }
        for (size_t i = hg_ensemble_points(s->e); i < s->n; i++) hg_ensemble_add(s->e, s->x + i * r->d, s->y[i]);
        hg_ensemble_weigh(s->e);
        view.e = s->e;
    }
    if (few && hg_ensemble_effective(s->e) < HG_ENSEMBLE_POLICY.least_effective) few = false;
    if (!few) {
        HG_TRY(hg_surrogate_fit(&fitted, s->x, s->y, s->n, 0, &model, err));
        use = fitted;
    }
    const hg_rank_opts o = { .m = 1,
                             .d = r->d,
                             .model = &use,
                             .attached = few && pool_attached(r),
                             .acquisition = r->acquisition,
                             .kappa = hg_rank_kappa(r->o->ucb_kappa, hg_features_groups(r->c->features)),
                             .front = &s->best,
                             .n_front = 1,
                             .taken = s->taken,
                             .seed = r->o->seed + run,
                             .stream = s->n };
    const hg_status st = hg_rank(score, NULL, NULL, r->x, r->n, &o, scratch, err);
    hg_surrogate_free(fitted);
    HG_TRY(st);
    *row = hg_rank_best(score, r->x, r->n, s->x, s->n, &model);
    if (*row == SIZE_MAX) return hg_fail(err, HG_EDATA, "run %zu: no candidate has a score", run);
    return HG_OK;
}

static hg_status run_one(replay *r, size_t run, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    const size_t most = r->initial + r->budget;
    run_state s = { .r = r,
                    .order = hg_alloc(mem, r->n, sizeof *s.order),
                    .taken = hg_alloc(mem, r->n, sizeof *s.taken),
                    .x = hg_alloc(mem, most, r->d * sizeof *s.x),
                    .y = hg_alloc(mem, most, sizeof *s.y),
                    .best = -HUGE_VAL };
    size_t *start = hg_alloc(mem, r->n, sizeof *start);
    double *score = hg_alloc(mem, r->n, sizeof *score), *best = r->best + run * (r->budget + 1);
    counts *reached = &r->reached[run];
    *reached = (counts) { HUGE_VAL, HUGE_VAL, HUGE_VAL };
    hg_status st =
        s.order && s.taken && s.x && s.y && start && score ? HG_OK : hg_fail(err, HG_ENOMEM, "run of a replay");
    if (st == HG_OK) {
        hg_rng rng = hg_rng_make(r->o->seed, run);
        for (size_t i = 0; i < r->n; i++) start[i] = i;
        hg_rng_shuffle(&rng, start, r->n);
        for (size_t i = 0; i < r->initial; i++) measure(&s, start[i], reached, best);
        for (size_t i = r->initial; r->o->acquisition == HG_ACQ_RANDOM && i < most; i++)
            measure(&s, start[i], reached, best);
    }
    while (st == HG_OK && s.n < most) {
        size_t row = 0;
        st = next_row(&row, &s, run, score, mem, err);
        if (st == HG_OK) measure(&s, row, reached, best);
        if (atomic_load(&r->stop)) break;
    }
    hg_ensemble_free(s.e);
    hg_arena_free(mem);
    return st;
}

static void run_some(void *ctx, size_t begin, size_t end, size_t worker) {
    replay *r = ctx;
    for (size_t run = begin; run < end && !atomic_load(&r->stop); run++) {
        hg_err err = { .code = HG_OK };
        r->status[run] = run_one(r, run, &err);
        if (r->status[run] != HG_OK) {
            if (run < r->error_run[worker]) {
                r->error_run[worker] = run;
                r->error[worker] = err;
            }
            atomic_store(&r->stop, true);
        }
        const size_t done = atomic_fetch_add(&r->done, 1) + 1;
        if (worker == 0 &&
            !hg_progress(r->o->hooks, "replaying", done, r->runs)) { /* hooks: on the caller's thread only */
            r->status[run] = hg_fail(&r->error[0], HG_ECANCEL, "stopped after %zu of %zu runs", done, r->runs);
            r->error_run[0] = run;
            atomic_store(&r->stop, true);
        }
    }
}

/* ---- the pool --------------------------------------------------------------------------------------------------- */

typedef struct {
    const double *x;
    size_t d, i;
} row_ref;

static int by_row(const void *a, const void *b) {
    const row_ref *p = a, *q = b;
    const int order = memcmp(p->x, q->x, p->d * sizeof *p->x);
    return order ? order : p->i < q->i ? -1 : p->i > q->i;
}

/* Rows with the same features become one, in the place of the first, with the mean of their values. */
static hg_status average(replay *r, hg_arena *mem, bool merge, hg_err *err) {
    const hg_campaign *c = r->c;
    const size_t n = c->n_measured, d = c->d;
    double *x = hg_alloc(mem, n, d * sizeof *x), *y = hg_alloc(mem, n, sizeof *y), *sum = hg_alloc(mem, n, sizeof *sum);
    row_ref *ref = hg_alloc(mem, n, sizeof *ref);
    size_t *first = hg_alloc(mem, n, sizeof *first), *count = hg_alloc(mem, n, sizeof *count);
    if (!x || !y || !sum || !ref || !first || !count) return hg_fail(err, HG_ENOMEM, "replay of %zu rows", n);
    for (size_t i = 0; i < n; i++) ref[i] = (row_ref) { c->x + i * d, d, i };
    qsort(ref, n, sizeof *ref, by_row);
    for (size_t k = 0; k < n; k++) {
        const bool same = merge && k && memcmp(ref[k].x, ref[k - 1].x, d * sizeof *x) == 0;
        first[ref[k].i] = same ? first[ref[k - 1].i] : ref[k].i;
    }
    for (size_t i = 0; i < n; i++) {
        sum[first[i]] += c->goal[0].y[i];
        count[first[i]]++;
    }
    for (size_t i = 0; i < n; i++) {
        if (first[i] != i) continue;
        memcpy(x + r->n * d, c->x + i * d, d * sizeof *x);
        y[r->n++] = sum[i] / (double)count[i];
    }
    r->x = x;
    r->y = y;
    r->d = d;
    return HG_OK;
}

/* The pool is now what was averaged; the rows of the campaign it came from are done with. */
static hg_status weigh_density(replay *r, hg_err *err) {
    hg_campaign *c = r->c;
    double *x = hg_alloc(c->mem, r->n, r->d * sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "replay of %zu rows", r->n);
    memcpy(x, r->x, r->n * r->d * sizeof *x);
    c->x = x;
    c->n_measured = r->n;
    HG_TRY(hg_campaign_weigh_density(c, r->o->seed, r->o->pool, err));
    r->x = c->x;
    r->d = c->d;
    return HG_OK;
}

static int falling(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static hg_status set_target(replay *r, hg_arena *mem, hg_err *err) {
    double *sorted = hg_alloc(mem, r->n, sizeof *sorted);
    if (!sorted) return hg_fail(err, HG_ENOMEM, "replay of %zu rows", r->n);
    memcpy(sorted, r->y, r->n * sizeof *sorted);
    qsort(sorted, r->n, sizeof *sorted, falling);
    const double best = sorted[0], range = sorted[0] - sorted[r->n - 1];
    const bool share = r->c->goal[0].sign > 0 && best > 0;
    r->target = (target) { .y95 = share ? 0.95 * best : best - 0.05 * range,
                           .y99 = share ? 0.99 * best : best - 0.01 * range,
                           .y_top5 = sorted[(size_t)ceil(0.05 * (double)r->n) - 1] };
    return HG_OK;
}

/* ---- summaries -------------------------------------------------------------------------------------------------- */

static int rising(const void *a, const void *b) { return falling(b, a); }

/* The q quantile of sorted v[n] as an order statistic. */
static double quantile(const double *v, size_t n, double q) {
    const size_t k = (size_t)ceil(q * (double)n);
    return v[k ? k - 1 : 0];
}

static hg_reach reach(double *v, size_t n) {
    qsort(v, n, sizeof *v, rising);
    hg_reach out = { .median = quantile(v, n, 0.5), .q90 = quantile(v, n, 0.9), .max = v[n - 1] };
    double *const all[] = { &out.median, &out.q90, &out.max };
    for (size_t i = 0; i < 3; i++)
        if (isinf(*all[i])) *all[i] = NAN;
    for (size_t i = 0; i < n; i++) out.unreached += isinf(v[i]) ? 1 : 0;
    return out;
}

static void summarise(hg_reach *to_95, hg_reach *to_99, hg_reach *to_top5, double *curve, const counts *c,
                      const double *best, size_t runs, size_t steps, double sign, double *v) {
    for (size_t i = 0; i < runs; i++) v[i] = c[i].to_95;
    *to_95 = reach(v, runs);
    for (size_t i = 0; i < runs; i++) v[i] = c[i].to_99;
    *to_99 = reach(v, runs);
    for (size_t i = 0; i < runs; i++) v[i] = c[i].to_top5;
    *to_top5 = reach(v, runs);
    for (size_t k = 0; k < steps; k++) {
        for (size_t i = 0; i < runs; i++) v[i] = sign * best[i * steps + k];
        qsort(v, runs, sizeof *v, rising);
        curve[3 * k] = quantile(v, runs, 0.5);
        curve[3 * k + 1] = quantile(v, runs, 0.1);
        curve[3 * k + 2] = quantile(v, runs, 0.9);
    }
}

typedef struct {
    hg_replay_result pub;
    hg_arena *mem;
} owned;

/* Random order to the end of the pool, many times; its own streams, after those of the runs. */
static hg_status random_line(hg_replay_result *out, const replay *r, double *curve, hg_arena *scratch, hg_err *err) {
    const size_t runs = HG_POLICY.random_orders, steps = r->budget + 1;
    counts *c = hg_alloc(scratch, runs, sizeof *c);
    double *best = hg_alloc(scratch, runs, steps * sizeof *best), *v = hg_alloc(scratch, runs, sizeof *v);
    size_t *order = hg_alloc(scratch, r->n, sizeof *order);
    if (!c || !best || !v || !order) return hg_fail(err, HG_ENOMEM, "random line of a replay");
    for (size_t run = 0; run < runs; run++) {
        hg_rng rng = hg_rng_make(r->o->seed, ((uint64_t)1 << 40) + run);
        for (size_t i = 0; i < r->n; i++) order[i] = i;
        hg_rng_shuffle(&rng, order, r->n);
        c[run] = (counts) { HUGE_VAL, HUGE_VAL, HUGE_VAL };
        double so_far = -HUGE_VAL;
        for (size_t i = 0; i < r->n; i++) {
            so_far = fmax(so_far, r->y[order[i]]);
            if (i + 1 < r->initial) continue;
            const size_t after = i + 1 - r->initial;
            if (after < steps) best[run * steps + after] = so_far;
            if (so_far >= r->target.y95) c[run].to_95 = fmin(c[run].to_95, (double)after);
            if (so_far >= r->target.y99) c[run].to_99 = fmin(c[run].to_99, (double)after);
            if (so_far >= r->target.y_top5) c[run].to_top5 = fmin(c[run].to_top5, (double)after);
        }
    }
    summarise(&out->random_95, &out->random_99, &out->random_top5, curve, c, best, runs, steps, r->c->goal[0].sign, v);
    return HG_OK;
}

static hg_status put_words(hg_replay_result *out, const replay *r, hg_arena *mem, hg_err *err) {
    hg_text w = hg_text_new(0);
    hg_text_add(
        &w, "%zu run%s on %zu candidates of %s (%zu rows), %zu random measurement%s first, then %s, at most %zu more. ",
        r->runs, r->runs == 1 ? "" : "s", r->n, hg_table_source(r->c->measured), r->rows, r->initial,
        r->initial == 1 ? "" : "s",
        hg_acquisition_at(r->o->acquisition) ? hg_acquisition_at(r->o->acquisition)->words : r->acquisition->words,
        r->budget);
    if (isnan(out->to_95.q90))
        hg_text_add(&w, "More than one run in ten did not come within 5 %% of the best.");
    else
        hg_text_add(&w, "Nine of ten runs came within 5 %% of the best after %.0f measurement%s", out->to_95.q90,
                    out->to_95.q90 == 1 ? "" : "s");
    if (!isnan(out->to_95.q90)) hg_text_add(&w, " (random order: %.0f).", out->random_95.q90);
    out->words = w.failed ? NULL : hg_arena_strdup(mem, w.s);
    hg_text_free(&w);
    return out->words ? HG_OK : hg_fail(err, HG_ENOMEM, "words of a replay");
}

/* ---- all runs ---------------------------------------------------------------------------------------------------- */

static hg_status check(const hg_suggest_opts *o, const hg_replay_opts *q, hg_err *err) {
    if (o->n_objectives != 1) return hg_fail(err, HG_EINVAL, "a replay has one objective, not %zu", o->n_objectives);
    if (o->n_require || o->failed || o->cost)
        return hg_fail(err, HG_EINVAL, "a replay knows no requirements, failures or costs");
    if (o->batch != 1 || o->monte_carlo) return hg_fail(err, HG_EINVAL, "a replay measures one row at a time");
    if (q->initial < 1 || q->runs < 1 || q->runs > 1000000)
        return hg_fail(err, HG_EINVAL, "%zu initial measurements and %zu runs, at least 1 each", q->initial, q->runs);
    if (o->acquisition != HG_ACQ_AUTO && !hg_acquisition_at(o->acquisition))
        return hg_fail(err, HG_EINVAL, "no acquisition function %d", (int)o->acquisition);
    return HG_OK;
}

static hg_status run_all(replay *r, hg_arena *mem, hg_err *err) {
    const size_t workers = hg_pool_threads(r->o->pool);
    r->reached = hg_alloc(mem, r->runs, sizeof *r->reached);
    r->best = hg_alloc(mem, r->runs, (r->budget + 1) * sizeof *r->best);
    r->status = hg_alloc(mem, r->runs, sizeof *r->status);
    r->error = hg_alloc(mem, workers, sizeof *r->error);
    r->error_run = hg_alloc(mem, workers, sizeof *r->error_run);
    if (!r->reached || !r->best || !r->status || !r->error || !r->error_run)
        return hg_fail(err, HG_ENOMEM, "replay of %zu runs", r->runs);
    for (size_t i = 0; i < workers; i++) r->error_run[i] = SIZE_MAX;
    hg_pool_for(r->o->pool, r->runs, 1, run_some, r);
    size_t worst = 0;
    for (size_t i = 0; i < workers; i++)
        if (r->error_run[i] < r->error_run[worst]) worst = i;
    if (r->error_run[worst] == SIZE_MAX) return HG_OK;
    if (err) *err = r->error[worst];
    return r->status[r->error_run[worst]];
}

static hg_status replay_all(hg_replay_result *out, replay *r, const hg_replay_opts *q, hg_arena *mem, hg_arena *scratch,
                            hg_err *err) {
    HG_TRY(average(r, scratch, q->average_duplicates, err));
    if (!r->o->even_pool && !r->o->n_prior) HG_TRY(weigh_density(r, err));
    r->model = (hg_model_opts) { .d = r->c->d,
                                 .prior = r->c->d - r->o->n_prior,
                                 .n_prior = r->o->n_prior,
                                 .density = r->c->density > 0,
                                 .group = r->c->group,
                                 .shift = r->c->shift,
                                 .scale = r->c->scale,
                                 .kernel = r->o->kernel };
    if (r->n <= q->initial)
        return hg_fail(err, HG_EDATA, "%s: %zu candidates, more than the %zu initial measurements are needed",
                       hg_table_source(r->c->measured), r->n, q->initial);
    const size_t left = r->n - q->initial;
    r->budget = q->budget && q->budget < left ? q->budget : left;
    HG_TRY(set_target(r, scratch, err));
    HG_TRY(run_all(r, scratch, err));
    double *curve = hg_alloc(mem, r->budget + 1, 3 * sizeof *curve), *v = hg_alloc(scratch, r->runs, sizeof *v),
           *random = hg_alloc(mem, r->budget + 1, 3 * sizeof *random);
    if (!curve || !random || !v) return hg_fail(err, HG_ENOMEM, "curves of a replay");
    const double sign = r->c->goal[0].sign;
    summarise(&out->to_95, &out->to_99, &out->to_top5, curve, r->reached, r->best, r->runs, r->budget + 1, sign, v);
    HG_TRY(random_line(out, r, random, scratch, err));
    out->best_so_far = curve;
    out->random_best = random;
    out->n_pool = r->n;
    out->runs = r->runs;
    out->budget = r->budget;
    out->initial = r->initial;
    out->y_best = -HUGE_VAL;
    for (size_t i = 0; i < r->n; i++) out->y_best = fmax(out->y_best, r->y[i]);
    out->y_best *= sign;
    return put_words(out, r, mem, err);
}

hg_status hg_replay(hg_replay_result **out, const hg_table *t, const hg_suggest_opts *opts,
                    const hg_replay_opts *replay_opts, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    *out = NULL;
    const hg_suggest_opts o = opts ? *opts : hg_suggest_opts_default();
    const hg_replay_opts q = replay_opts ? *replay_opts : hg_replay_opts_default();
    HG_TRY(check(&o, &q, err));
    hg_campaign *c;
    HG_TRY(hg_campaign_read(&c, t, NULL, true, &o, err));
    hg_arena *mem = hg_arena_new(), *scratch = hg_arena_new();
    owned *result = hg_alloc(mem, 1, sizeof *result);
    replay r = { .c = c, .o = &o, .rows = c->n_measured, .initial = q.initial, .runs = q.runs };
    r.model =
        (hg_model_opts) { .d = c->d, .group = c->group, .shift = c->shift, .scale = c->scale, .kernel = o.kernel };
    r.acquisition = hg_acquisition_at(o.acquisition == HG_ACQ_AUTO ? HG_ACQ_EI : o.acquisition);
    const hg_status st = result && scratch ? replay_all(&result->pub, &r, &q, mem, scratch, err)
                                           : hg_fail(err, HG_ENOMEM, "replay of %s", hg_table_source(t));
    hg_arena_free(scratch);
    hg_campaign_free(c);
    if (st != HG_OK) {
        hg_arena_free(mem);
        return st;
    }
    result->mem = mem;
    *out = &result->pub;
    return HG_OK;
}

void hg_replay_free(hg_replay_result *r) {
    if (r) hg_arena_free(((owned *)r)->mem);
}
