/* search/select.c -- see search/select.h */
#include "search/select.h"
#include "hagane/space.h"
#include "search/policy.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const hg_select_opts *o;
    hg_campaign *c;
    hg_arena *mem;                          /* of this selection */
    hg_surrogate *model[HG_OBJECTIVES_MAX]; /* the models in use: the caller's, or our believing clones */
    bool clones;
    double *front; /* [n_front, m], room for the batch too */
    size_t n_front;
    bool *taken;
    hg_err *err;
} selection;

static hg_status no_memory(selection *s) { return hg_fail(s->err, HG_ENOMEM, "batch of %zu", s->o->batch); }

static hg_rank_opts rank_opts(const selection *s, size_t k) {
    return (hg_rank_opts) { .m = s->c->n_goals,
                            .d = s->c->d,
                            .model = s->model,
                            .acquisition = s->o->acquisition,
                            .kappa = s->o->kappa,
                            .front = s->front,
                            .n_front = s->n_front,
                            .seed = s->o->seed,
                            .stream = k,
                            .pool = s->o->model->pool };
}

/* Complete measured rows that meet the requirements. */
static hg_status gather_front(selection *s) {
    const hg_campaign *c = s->c;
    const size_t m = c->n_goals;
    s->front = hg_alloc(s->mem, c->n_measured + s->o->batch, m * sizeof *s->front);
    if (!s->front) return no_memory(s);
    for (size_t i = 0; i < c->n_measured; i++) {
        bool complete = hg_campaign_meets(c, i);
        for (size_t j = 0; j < m; j++) complete = complete && !isnan(c->goal[j].y[i]);
        if (!complete) continue;
        for (size_t j = 0; j < m; j++) s->front[s->n_front * m + j] = c->goal[j].y[i];
        s->n_front++;
    }
    if (s->n_front == 0)
        hg_text_add(&s->c->warnings,
                    "No measured row is known to meet every requirement yet: candidates are ranked by the "
                    "probability of meeting them alone.\n");
    return HG_OK;
}

/* The pick enters the models with its predictions. */
static hg_status believe(selection *s, const double *x) {
    const size_t m = s->c->n_goals;
    for (size_t j = 0; j < m && !s->clones; j++) {
        hg_surrogate *clone;
        const hg_status st = hg_surrogate_clone(&clone, s->o->models[j], s->err);
        if (st != HG_OK) {
            while (j-- > 0) hg_surrogate_free(s->model[j]);
            return st;
        }
        s->model[j] = clone;
    }
    s->clones = true;
    double *mean = s->front + s->n_front * m;
    for (size_t j = 0; j < m; j++) {
        double sd;
        HG_TRY(hg_surrogate_point(&mean[j], &sd, s->model[j], x, s->mem, s->err));
        HG_TRY(hg_surrogate_believe(s->model[j], x, mean[j], s->err));
    }
    if (s->n_front) s->n_front++;
    return HG_OK;
}

/* The pick itself, and unless repeats make sense everything with the same features, is out. */
static void take(selection *s, size_t best) {
    const size_t d = s->c->d;
    const double *x = s->c->xc + best * d;
    s->taken[best] = true;
    for (size_t i = 0; !s->o->repeats && i < s->c->n_candidates; i++)
        s->taken[i] = s->taken[i] || memcmp(s->c->xc + i * d, x, d * sizeof *x) == 0;
}

/* ---- points of a space --------------------------------------------------------------------------------------- */

typedef struct {
    hg_table *table; /* NULL: still a candidate */
    size_t row;
    double score, *x;
} spot;

/* The best of `moves` neighbours of `at`, when it is better. */
static hg_status step(spot *at, selection *s, size_t k, double size, uint64_t seed) {
    const hg_campaign *c = s->c;
    const size_t n = HG_POLICY.space_moves;
    hg_table *near;
    HG_TRY(hg_space_neighbours(&near, s->o->space, at->table ? at->table : c->pool, at->row, n, size, seed, s->err));
    const hg_mark mark = hg_arena_mark(s->mem);
    double *x = hg_alloc(s->mem, n, c->d * sizeof *x), *score = hg_alloc(s->mem, n, sizeof *score),
           *p = hg_alloc(s->mem, n, sizeof *p);
    hg_status st = x && score && p ? hg_features_apply(x, c->features, near, s->err) : no_memory(s);
    hg_rank_opts r = rank_opts(s, k);
    if (st == HG_OK && hg_feasibility_matters(s->o->feasible)) {
        st = hg_feasibility_apply(p, s->o->feasible, x, n, false, s->mem, s->err);
        r.p_feasible = p;
    }
    if (st == HG_OK) st = hg_rank(score, NULL, NULL, x, n, &r, s->mem, s->err);
    size_t best = SIZE_MAX;
    for (size_t i = 0; st == HG_OK && i < n; i++)
        if (score[i] > at->score && (best == SIZE_MAX || score[i] > score[best])) best = i;
    if (best != SIZE_MAX) {
        hg_table_free(at->table);
        at->table = near;
        at->row = best;
        at->score = score[best];
        memcpy(at->x, x + best * c->d, c->d * sizeof *x);
    } else {
        hg_table_free(near);
    }
    hg_arena_reset(s->mem, mark);
    return st;
}

/* Refines the best few candidates by shrinking local moves; *pick becomes the best of all. */
static hg_status refine(hg_pick *pick, selection *s, size_t k, double *score) {
    static const double SIZES[] = { 0.2, 0.1, 0.05, 0.02, 0.01, 0.005 };
    const hg_campaign *c = s->c;
    spot best = { .score = pick->score, .x = pick->x };
    for (size_t start = 0; start < HG_POLICY.space_starts; start++) {
        const size_t from = hg_rank_best(score, c->xc, c->n_candidates, c->x, 0, s->o->model);
        if (from == SIZE_MAX) break;
        spot at = { .row = c->candidate[from], .score = score[from], .x = hg_alloc(c->mem, c->d, sizeof *at.x) };
        if (!at.x) return hg_table_free(best.table), no_memory(s);
        memcpy(at.x, c->xc + from * c->d, c->d * sizeof *at.x);
        score[from] = -HUGE_VAL;
        for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
            const uint64_t seed = s->o->seed + 1000003 * (k + 1) + 101 * start + i;
            const hg_status st = step(&at, s, k, SIZES[i], seed);
            if (st == HG_OK) continue;
            hg_table_free(at.table);
            hg_table_free(best.table);
            return st;
        }
        if (at.table && at.score > best.score) {
            hg_table_free(best.table);
            best = at;
        } else {
            hg_table_free(at.table);
        }
    }
    if (best.table)
        *pick =
            (hg_pick) { .candidate = SIZE_MAX, .score = best.score, .x = best.x, .table = best.table, .row = best.row };
    return HG_OK;
}

/* ---- one after the other ------------------------------------------------------------------------------------- */

static hg_status select_sequential(hg_pick *pick, size_t *n_picked, selection *s) {
    hg_campaign *c = s->c;
    const size_t n = c->n_candidates;
    const hg_acquisition_record *a = s->o->acquisition;
    double *score = hg_alloc(s->mem, n, sizeof *score);
    if (!score) return no_memory(s);
    for (size_t k = 0; k < s->o->batch; k++) {
        if (!hg_progress(s->o->hooks, "suggesting", k, s->o->batch))
            return hg_fail(s->err, HG_ECANCEL, "stopped after %zu suggestions", k);
        hg_rank_opts r = rank_opts(s, k);
        r.p_feasible = hg_feasibility_matters(s->o->feasible) ? s->o->p_feasible : NULL;
        r.cost = c->cost;
        r.taken = s->taken;
        HG_TRY(hg_rank(score, k ? NULL : s->o->mean, k ? NULL : s->o->sd, c->xc, n, &r, s->mem, s->err));
        if (k == 0) memcpy(s->o->score, score, n * sizeof *score);
        const size_t best = hg_rank_best(score, c->xc, n, c->x, c->n_measured, s->o->model);
        if (best == SIZE_MAX) break;
        pick[k] = (hg_pick) { .candidate = best, .score = score[best], .x = c->xc + best * c->d };
        take(s, best);
        *n_picked = k + 1;
        if (s->o->space && a->believes) HG_TRY(refine(&pick[k], s, k, score));
        if (a->believes && k + 1 < s->o->batch) HG_TRY(believe(s, pick[k].x));
    }
    return HG_OK;
}

/* ---- Monte-Carlo q-EI ---------------------------------------------------------------------------------------- */

typedef struct {
    double score;
    size_t i;
} scored;

static int by_score_falling(const void *a, const void *b) {
    const scored *p = a, *q = b;
    if (p->score != q->score) return p->score < q->score ? 1 : -1;
    return p->i < q->i ? -1 : p->i > q->i;
}

static hg_status select_qei(hg_pick *pick, size_t *n_picked, selection *s) {
    hg_campaign *c = s->c;
    const size_t n = c->n_candidates, d = c->d, draws = HG_POLICY.qei_samples;
    const bool uncertain = hg_feasibility_matters(s->o->feasible);
    hg_rank_opts r = rank_opts(s, 0);
    r.p_feasible = uncertain ? s->o->p_feasible : NULL;
    r.cost = c->cost;
    HG_TRY(hg_rank(s->o->score, s->o->mean, s->o->sd, c->xc, n, &r, s->mem, s->err));
    size_t m = n < HG_POLICY.qei_shortlist ? n : HG_POLICY.qei_shortlist;
    if (m < s->o->batch) m = n < s->o->batch ? n : s->o->batch;
    const size_t q = m < s->o->batch ? m : s->o->batch;
    scored *list = hg_alloc(s->mem, n, sizeof *list);
    double *x = hg_alloc(s->mem, m, d * sizeof *x), *f = hg_alloc(s->mem, draws, m * sizeof *f),
           *w = hg_alloc(s->mem, m, sizeof *w), *floor = hg_alloc(s->mem, draws, sizeof *floor),
           *value = hg_alloc(s->mem, q, sizeof *value);
    size_t *chosen = hg_alloc(s->mem, q, sizeof *chosen);
    if (!list || !x || !f || !w || !floor || !value || !chosen) return no_memory(s);
    for (size_t i = 0; i < n; i++) list[i] = (scored) { s->o->score[i], i };
    qsort(list, n, sizeof *list, by_score_falling);
    for (size_t i = 0; i < m; i++) {
        memcpy(x + i * d, c->xc + list[i].i * d, d * sizeof *x);
        w[i] = (uncertain ? s->o->p_feasible[list[i].i] : 1) / (c->cost ? c->cost[list[i].i] : 1);
    }
    double best = -HUGE_VAL;
    for (size_t i = 0; i < s->n_front; i++) best = fmax(best, s->front[i]);
    for (size_t i = 0; i < draws; i++) floor[i] = best;
    hg_rng rng = hg_rng_make(s->o->seed, 1);
    HG_TRY(hg_surrogate_sample(f, draws, s->model[0], x, m, &rng, s->mem, s->err));
    hg_qei_greedy(chosen, value, q, f, draws, m, w, floor);
    for (size_t k = 0; k < q; k++) {
        const size_t i = list[chosen[k]].i;
        pick[k] = (hg_pick) { .candidate = i, .score = value[k], .x = c->xc + i * d };
    }
    *n_picked = q;
    return HG_OK;
}

hg_status hg_select(hg_pick *pick, size_t *n_picked, const hg_select_opts *o, hg_err *err) {
    *n_picked = 0;
    selection s = { .o = o, .c = o->c, .mem = hg_arena_new(), .err = err };
    for (size_t j = 0; j < o->c->n_goals; j++) s.model[j] = o->models[j];
    s.taken = hg_alloc(s.mem, o->c->n_candidates, sizeof *s.taken);
    hg_status st = s.taken ? gather_front(&s) : no_memory(&s);
    if (st == HG_OK && hg_feasibility_matters(o->feasible))
        st = hg_feasibility_apply(o->p_feasible, o->feasible, o->c->xc, o->c->n_candidates, true, s.mem, err);
    if (st == HG_OK)
        st = o->monte_carlo && s.n_front ? select_qei(pick, n_picked, &s) : select_sequential(pick, n_picked, &s);
    for (size_t j = 0; s.clones && j < o->c->n_goals; j++) hg_surrogate_free(s.model[j]);
    hg_arena_free(s.mem);
    if (st == HG_OK) return HG_OK;
    for (size_t k = 0; k < *n_picked; k++) hg_table_free(pick[k].table);
    *n_picked = 0;
    return st;
}
