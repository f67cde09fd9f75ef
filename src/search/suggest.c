/* search/suggest.c -- see hagane/suggest.h: read the campaign, fit, check, choose, explain */
#include "hagane/suggest.h"
#include "core/memory.h"
#include "hagane/space.h"
#include "num/linalg.h"
#include "search/explain.h"
#include "search/policy.h"
#include "search/select.h"
#include <math.h>
#include <string.h>

typedef struct {
    hg_suggestions pub; /* first, so that the public pointer is ours */
    hg_campaign *c;
    hg_table *sample, *points; /* of a space: what was scored, what is suggested */
    hg_surrogate *model[HG_OBJECTIVES_MAX];
    hg_feasibility feasible;
} result;

typedef struct {
    result *r;
    hg_campaign *c;
    const hg_suggest_opts *o;
    const hg_space *space;
    hg_acquisition chosen;
    hg_model_opts model;
    hg_pick *pick;
    size_t n_picked;
    double *mean, *sd, *score, *p_feasible; /* of the pool, maximise form, [n, m] and [n] */
    double *relevance, *ignored;            /* [groups] of objective 0; of the others */
    hg_err *err;
} work;

hg_suggest_opts hg_suggest_opts_default(void) {
    return (hg_suggest_opts) { .features = hg_features_opts_default(), .batch = 1 };
}

static hg_status no_memory(work *w) {
    return hg_fail(w->err, HG_ENOMEM, "suggestions for %s", hg_table_source(w->c->measured));
}

static hg_status check_opts(hg_acquisition *chosen, const hg_suggest_opts *o, bool pool, const hg_space *space,
                            hg_err *err) {
    *chosen = o->acquisition;
    if (*chosen == HG_ACQ_AUTO) *chosen = o->n_objectives > 1 ? HG_ACQ_EHVI : HG_ACQ_EI;
    if (!hg_acquisition_at(*chosen)) return hg_fail(err, HG_EINVAL, "no acquisition function %d", (int)*chosen);
    if (o->batch == 0 || o->batch > 10000)
        return hg_fail(err, HG_EINVAL, "batch of %zu, 1 to 10000 are possible", o->batch);
    if (pool && space) return hg_fail(err, HG_EINVAL, "a pool of candidates and a space were both given");
    if (space && o->n_prior)
        return hg_fail(err, HG_EINVAL, "what models say of rows needs a pool of candidates, not a space");
    if (space && o->cost) return hg_fail(err, HG_EINVAL, "a cost column needs a pool of candidates, not a space");
    if (o->monte_carlo && (o->n_objectives != 1 || *chosen != HG_ACQ_EI))
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL, "Monte-Carlo batches are for expected improvement of one objective"),
                         "leave Monte-Carlo out: batches then come by kriging believers");
    return HG_OK;
}

static hg_status fit_models(work *w) {
    const size_t groups = hg_features_groups(w->c->features);
    w->relevance = hg_alloc(w->c->mem, groups, sizeof *w->relevance);
    w->ignored = hg_alloc(w->c->mem, groups, sizeof *w->ignored);
    if (!w->relevance || !w->ignored) return no_memory(w);
    for (size_t g = 0; g < w->c->n_goals; g++) {
        if (!hg_progress(w->o->hooks, "fitting", g, w->c->n_goals))
            return hg_fail(w->err, HG_ECANCEL, "stopped while fitting");
        HG_TRY(hg_surrogate_fit(&w->r->model[g], w->c->x, w->c->goal[g].y, w->c->n_measured, w->o->batch - 1, &w->model,
                                w->err));
        hg_loo *loo = &w->r->pub.loo[g];
        HG_TRY(hg_check_model(loo, g ? w->ignored : w->relevance, w->c, g, w->r->model[g], w->err));
        if (!loo->better_than_mean && loo->n >= HG_POLICY.check_points)
            hg_text_add(&w->c->warnings,
                        "The model of \"%s\" predicts no better than the mean of the %zu measured values.\n",
                        w->c->goal[g].name, loo->n);
    }
    return HG_OK;
}

/* Whether a repeat of a measured point would tell something: the noise is a good part of the spread of the values. */
static bool repeats_tell(const work *w) {
    for (size_t g = 0; g < w->c->n_goals; g++) {
        const hg_goal *goal = &w->c->goal[g];
        double mean = 0, var = 0;
        for (size_t i = 0; i < w->c->n_measured; i++)
            if (!isnan(goal->y[i])) mean += goal->y[i] / (double)goal->n;
        for (size_t i = 0; i < w->c->n_measured; i++)
            if (!isnan(goal->y[i])) var += (goal->y[i] - mean) * (goal->y[i] - mean) / (double)goal->n;
        if (hg_surrogate_noise_sd(w->r->model[g]) > HG_POLICY.repeat_noise * sqrt(var)) return true;
    }
    return false;
}

static hg_status drop_repeats(work *w) {
    hg_campaign *c = w->c;
    bool *same = hg_malloc(c->n_candidates, sizeof *same);
    if (!same) return no_memory(w);
    const hg_status st = hg_campaign_repeats(same, c, w->err);
    size_t n = 0;
    for (size_t i = 0; st == HG_OK && i < c->n_candidates; i++) n += same[i] ? 1 : 0;
    if (st == HG_OK && n == c->n_candidates)
        hg_text_add(&c->warnings, "Every candidate has the features of a measured row: the suggestions are repeats.\n");
    else if (st == HG_OK && n) {
        hg_campaign_drop(c, same);
        if (!w->space)
            hg_text_add(&c->warnings, "%zu candidate%s the features of a measured row and %s not proposed again.\n", n,
                        n == 1 ? " has" : "s have", n == 1 ? "is" : "are");
    }
    hg_free(same);
    return st;
}

static hg_status choose(work *w) {
    hg_campaign *c = w->c;
    const bool repeats = repeats_tell(w);
    if (!repeats) HG_TRY(drop_repeats(w));
    const size_t n = c->n_candidates, m = c->n_goals;
    w->mean = hg_alloc(c->mem, n, m * sizeof *w->mean);
    w->sd = hg_alloc(c->mem, n, m * sizeof *w->sd);
    w->score = hg_alloc(c->mem, n, sizeof *w->score);
    w->p_feasible = hg_alloc(c->mem, n, sizeof *w->p_feasible);
    w->pick = hg_alloc(c->mem, w->o->batch, sizeof *w->pick);
    if (!w->mean || !w->sd || !w->score || !w->p_feasible || !w->pick) return no_memory(w);
    for (size_t i = 0; i < n; i++) w->p_feasible[i] = 1;
    const hg_select_opts s = { .c = c,
                               .space = w->space,
                               .models = w->r->model,
                               .feasible = &w->r->feasible,
                               .acquisition = hg_acquisition_at(w->chosen),
                               .kappa = hg_rank_kappa(w->o->ucb_kappa, hg_features_groups(c->features)),
                               .batch = w->o->batch,
                               .monte_carlo = w->o->monte_carlo,
                               .repeats = repeats,
                               .seed = w->o->seed,
                               .model = &w->model,
                               .hooks = w->o->hooks,
                               .mean = w->mean,
                               .sd = w->sd,
                               .score = w->score,
                               .p_feasible = w->p_feasible };
    HG_TRY(hg_select(w->pick, &w->n_picked, &s, w->err));
    if (w->n_picked < w->o->batch)
        hg_text_add(&c->warnings, "Only %zu of the %zu suggestions asked for: no different candidate is left.\n",
                    w->n_picked, w->o->batch);
    return HG_OK;
}

/* ---- what the caller sees -------------------------------------------------------------------------------------- */

/* best[], best_row and the front, over complete measured rows that meet the requirements. */
static hg_status publish_best(work *w) {
    hg_campaign *c = w->c;
    hg_suggestions *p = &w->r->pub;
    const size_t m = c->n_goals;
    double *y = hg_alloc(c->mem, c->n_measured, m * sizeof *y);
    size_t *index = hg_alloc(c->mem, c->n_measured, sizeof *index),
           *front = hg_alloc(c->mem, c->n_measured, sizeof *front);
    if (!y || !index || !front) return no_memory(w);
    size_t n = 0;
    for (size_t i = 0; i < c->n_measured; i++) {
        bool counts = hg_campaign_meets(c, i);
        for (size_t j = 0; j < m; j++) counts = counts && !isnan(c->goal[j].y[i]);
        if (!counts) continue;
        for (size_t j = 0; j < m; j++) y[n * m + j] = c->goal[j].y[i];
        index[n++] = i;
    }
    p->best_row = SIZE_MAX;
    for (size_t j = 0; j < m; j++) p->best[j] = NAN;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) {
            if (i && !(y[i * m + j] > c->goal[j].sign * p->best[j])) continue;
            p->best[j] = c->goal[j].sign * y[i * m + j];
            if (j == 0) p->best_row = c->row[index[i]];
        }
    if (m == 1 || n == 0) return HG_OK;
    p->n_front = hg_pareto_front(front, y, n, m);
    for (size_t i = 0; i < p->n_front; i++) front[i] = c->row[index[front[i]]];
    p->front = front;
    return HG_OK;
}

/* mean, sd and feasibility of pick k by the models as fitted, without the believers. */
static hg_status describe(hg_suggestion *s, double *p_improve, work *w, const hg_pick *pick, const hg_boxes *unbound,
                          hg_arena *scratch) {
    hg_campaign *c = w->c;
    double mean[HG_OBJECTIVES_MAX], sd[HG_OBJECTIVES_MAX];
    for (size_t j = 0; j < c->n_goals; j++) {
        HG_TRY(hg_surrogate_point(&mean[j], &sd[j], w->r->model[j], pick->x, scratch, w->err));
        s->mean[j] = c->goal[j].sign * mean[j];
        s->sd[j] = sd[j];
    }
    *p_improve = unbound ? hg_boxes_probability(unbound, mean, sd) : 1;
    s->p_feasible = 1;
    if (pick->candidate != SIZE_MAX)
        s->p_feasible = w->p_feasible[pick->candidate];
    else if (hg_feasibility_matters(&w->r->feasible))
        HG_TRY(hg_feasibility_apply(&s->p_feasible, &w->r->feasible, pick->x, 1, false, scratch, w->err));
    return HG_OK;
}

static hg_status explain(hg_suggestion *s, work *w, const hg_pick *pick, const double *inv, const double *signal_sd) {
    hg_campaign *c = w->c;
    size_t near[3];
    s->n_neighbours = hg_metric_nearest(near, s->distance, inv, pick->x, c);
    for (size_t i = 0; i < s->n_neighbours; i++) s->neighbour[i] = c->row[near[i]];
    const hg_explain e = { .c = c,
                           .s = s,
                           .best = w->r->pub.best,
                           .best_row = w->r->pub.best_row,
                           .signal_sd = signal_sd,
                           .neighbour = near,
                           .cost = c->cost && pick->candidate != SIZE_MAX ? c->cost[pick->candidate] : 1,
                           .acquisition = w->chosen };
    hg_text why = hg_text_new(0);
    hg_explain_suggestion(&why, &e);
    s->why = why.failed ? NULL : hg_arena_strdup(c->mem, why.s);
    hg_text_free(&why);
    return s->why ? HG_OK : no_memory(w);
}

static hg_status publish_picks(work *w, hg_arena *scratch) {
    hg_campaign *c = w->c;
    hg_suggestions *p = &w->r->pub;
    const size_t m = c->n_goals;
    hg_suggestion *list = hg_alloc(c->mem, w->n_picked, sizeof *list);
    double *inv = hg_alloc(scratch, c->d, sizeof *inv), *front = hg_alloc(scratch, c->n_measured, m * sizeof *front);
    if (!list || !inv || !front) return no_memory(w);
    hg_surrogate_metric(inv, w->r->model[0]);
    double signal[HG_OBJECTIVES_MAX];
    for (size_t j = 0; j < m; j++) signal[j] = hg_surrogate_signal_sd(w->r->model[j]);
    size_t n_front = 0;
    for (size_t i = 0; i < c->n_measured; i++) {
        bool counts = hg_campaign_meets(c, i);
        for (size_t j = 0; j < m; j++) counts = counts && !isnan(c->goal[j].y[i]);
        for (size_t j = 0; counts && j < m; j++) front[n_front * m + j] = c->goal[j].y[i];
        n_front += counts ? 1 : 0;
    }
    hg_acq_state state;
    if (n_front) HG_TRY(hg_rank_state(&state, front, n_front, m, 0, scratch, w->err));
    double likeliest = 0;
    for (size_t k = 0; k < w->n_picked; k++) {
        const hg_pick *pick = &w->pick[k];
        hg_suggestion *s = &list[k];
        HG_TRY(describe(s, &s->p_improve, w, pick, n_front ? state.unbound : NULL, scratch));
        s->row = w->space ? SIZE_MAX : c->candidate[pick->candidate];
        s->score = pick->score;
        s->x = c->raw ? c->raw + pick->candidate * hg_features_dim(c->features) : pick->x;
        HG_TRY(explain(s, w, pick, inv, signal));
        likeliest = fmax(likeliest, s->p_improve);
    }
    if (n_front && likeliest < HG_POLICY.hopeless)
        hg_text_add(
            &c->warnings,
            "No suggestion is likely to beat the best so far (the likeliest with %.1g): think of stopping, or of "
            "other candidates.\n",
            likeliest);
    p->suggestion = list;
    p->n = w->n_picked;
    return HG_OK;
}

/* The picks of a space as a table of their own: one row a suggestion, the variables as columns. */
static hg_status publish_points(work *w, hg_arena *scratch) {
    const hg_table *sample = w->c->pool;
    const size_t n = w->n_picked;
    HG_TRY(hg_table_new(&w->r->points, hg_table_source(sample), n, w->err));
    double *number = hg_alloc(scratch, n, sizeof *number);
    const char **text = hg_alloc(scratch, n, sizeof *text);
    if (!number || !text) return no_memory(w);
    for (size_t j = 0; j < hg_table_columns(sample); j++) {
        const hg_column *column = hg_table_column(sample, j);
        for (size_t k = 0; k < n; k++) {
            const hg_pick *p = &w->pick[k];
            const hg_table *t = p->table ? p->table : sample;
            const size_t row = p->table ? p->row : w->c->candidate[p->candidate];
            if (column->kind == HG_COLUMN_TEXT)
                text[k] = hg_table_text(t, j, row);
            else
                number[k] = hg_table_column(t, j)->number[row];
        }
        HG_TRY(column->kind == HG_COLUMN_TEXT ? hg_table_add_texts(w->r->points, column->name, text, w->err)
                                              : hg_table_add_numbers(w->r->points, column->name, number, w->err));
    }
    w->r->pub.points = w->r->points;
    return HG_OK;
}

static hg_status publish_pool(work *w) {
    hg_campaign *c = w->c;
    hg_suggestions *p = &w->r->pub;
    if (w->space) return HG_OK;
    const size_t n = c->n_candidates, m = c->n_goals;
    double *mean = hg_alloc(c->mem, n, sizeof *mean), *sd = hg_alloc(c->mem, n, sizeof *sd);
    if (!mean || !sd) return no_memory(w);
    for (size_t i = 0; i < n; i++) {
        mean[i] = c->goal[0].sign * w->mean[i * m];
        sd[i] = w->sd[i * m];
    }
    p->pool_mean = mean;
    p->pool_sd = sd;
    p->pool_score = w->score;
    p->pool_row = c->candidate;
    p->n_pool = n;
    return HG_OK;
}

static hg_status publish_model(work *w) {
    hg_campaign *c = w->c;
    hg_suggestions *p = &w->r->pub;
    hg_text words = hg_text_new(0);
    hg_text_add(&words, "%s", hg_features_words(c->features));
    for (size_t g = 0; g < c->n_goals; g++) {
        if (c->n_goals > 1) hg_text_add(&words, " %s:", c->goal[g].name);
        hg_text_add(&words, " ");
        hg_surrogate_words(&words, w->r->model[g]);
        if (c->n_goals > 1) hg_text_add(&words, ".");
        for (size_t k = 0; k < w->o->n_prior; k++)
            hg_text_add(&words, "%s%.3g times \"%s\"", k ? " and " : "; prior mean: a constant and ",
                        c->goal[g].sign * w->r->model[g]->slope[k], w->o->prior[k]);
    }
    if (c->density > 0)
        hg_text_add(
            &words,
            " The pool looks like the record of an earlier campaign: its rows crowd in places, which are explored "
            "first as far as the data agree (strength %.2g of 1).",
            c->density);
    p->model_words = words.failed ? NULL : hg_arena_strdup(c->mem, words.s);
    hg_text_free(&words);
    p->warnings = c->warnings.failed ? NULL : c->warnings.s;
    p->n_groups = hg_features_groups(c->features);
    if (!p->model_words || !p->warnings) return no_memory(w);
    p->relevance = w->relevance;
    p->features = c->features;
    p->acquisition = hg_acquisition_name(w->chosen);
    p->measured = c->measured;
    p->candidates = w->space ? NULL : c->pool;
    p->n_objectives = c->n_goals;
    return HG_OK;
}

static hg_status run(work *w) {
    hg_campaign *c = w->c;
    if (!w->space && !w->o->even_pool && !w->o->n_prior)
        HG_TRY(hg_campaign_weigh_density(c, w->o->seed, w->o->pool, w->err));
    w->model = (hg_model_opts) { .d = c->d,
                                 .prior = c->d - w->o->n_prior,
                                 .n_prior = w->o->n_prior,
                                 .density = c->density > 0,
                                 .group = c->group,
                                 .shift = c->shift,
                                 .scale = c->scale,
                                 .kernel = w->o->kernel,
                                 .seed = w->o->seed,
                                 .pool = w->o->pool };
    HG_TRY(fit_models(w));
    HG_TRY(hg_feasibility_fit(&w->r->feasible, c, &w->model, w->err));
    HG_TRY(choose(w));
    hg_arena *scratch = hg_arena_new();
    hg_status st = publish_best(w);
    if (st == HG_OK) st = publish_picks(w, scratch);
    if (st == HG_OK && w->space) st = publish_points(w, scratch);
    if (st == HG_OK) st = publish_pool(w);
    if (st == HG_OK) st = publish_model(w);
    hg_arena_free(scratch);
    for (size_t k = 0; k < w->n_picked; k++) hg_table_free(w->pick[k].table);
    return st;
}

/* The variables of a space are the features unless the caller chose. */
static hg_status space_columns(const char ***out, const hg_space *space, hg_err *err) {
    const size_t n = hg_space_variables(space);
    *out = hg_malloc(n, sizeof **out);
    if (!*out) return hg_fail(err, HG_ENOMEM, "space of %zu variables", n);
    for (size_t i = 0; i < n; i++) (*out)[i] = hg_space_variable(space, i);
    return HG_OK;
}

hg_status hg_suggest(hg_suggestions **out, const hg_table *measured, const hg_table *candidates, const hg_space *space,
                     const hg_suggest_opts *opts, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    *out = NULL;
    hg_suggest_opts o = opts ? *opts : hg_suggest_opts_default();
    hg_acquisition chosen;
    HG_TRY(check_opts(&chosen, &o, candidates != NULL, space, err));
    result *r = hg_calloc(1, sizeof *r);
    if (!r) return hg_fail(err, HG_ENOMEM, "suggestions");
    const char **columns = NULL;
    hg_status st = HG_OK;
    if (space) {
        st = hg_space_sample(&r->sample, space, HG_POLICY.space_points, o.seed, err);
        if (st == HG_OK && !o.features.columns) {
            st = space_columns(&columns, space, err);
            o.features.columns = columns;
            o.features.n_columns = hg_space_variables(space);
        }
    }
    if (st == HG_OK) st = hg_campaign_read(&r->c, measured, space ? r->sample : candidates, false, &o, err);
    if (st == HG_OK) {
        work w = { .r = r, .c = r->c, .o = &o, .space = space, .chosen = chosen, .err = err };
        st = run(&w);
    }
    hg_free(columns);
    if (st == HG_OK)
        *out = &r->pub;
    else
        hg_suggestions_free(&r->pub);
    return st;
}

void hg_suggestions_free(hg_suggestions *s) {
    if (!s) return;
    result *r = (result *)s;
    hg_feasibility_free(&r->feasible);
    for (size_t g = 0; g < HG_OBJECTIVES_MAX; g++) hg_surrogate_free(r->model[g]);
    hg_campaign_free(r->c);
    hg_table_free(r->sample);
    hg_table_free(r->points);
    hg_free(r);
}
