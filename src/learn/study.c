/* learn/study.c -- see learn/study.h */
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "learn/study_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Raised with each change of what the same rows, options and seed give that shows neither in the numbers of the rules nor in a learner's version:
 * which trials there are, who goes on, how they are mixed, how intervals are made. */
enum { RULES = 5 };

enum {
    RACED = 200 /* rows: with fewer one part says little */,
    MANY = 20000 /* rows: of more one part is left out, once */,
    PARTS = 10 /* of which that one is */,
    FEWER = 3 /* of so many that are averaged one is enough to judge by */,
    TURNED = 1000 /* rows: of more one cut into parts tells enough */,
    SHORT = 500 /* rows: of no more there are all turns, */,
    SOME = 3 /* of others so many */,
    TURN = 1009 /* from a turn's seed to the next: parts and networks take the numbers in between */
};
static const double BEHIND = 1.3; /* times the best one's error on the first part */
static const double REACH =
    1.15; /* times the best defaults' error: whose defaults err more has no variant that gets there */

static const double AGAIN = 1.2; /* times the best one's error: who errs more in the first turn has no others */

void hg_study_rules(hg_text *t) {
    hg_text_add(t, "rules %d, raced %d %d, parts %d %d, turns %d %d %d %d, errors %g %g %g, ", RULES, RACED, MANY,
                PARTS, FEWER, HG_STUDY_TURNS, SHORT, SOME, TURNED, BEHIND, REACH, AGAIN);
    hg_study_list_rules(t);
    hg_text_add(t, ", ");
    hg_study_choice_rules(t);
}

hg_study_opts hg_study_opts_default(void) { return (hg_study_opts) { .folds = 5 }; }

/* ---- one trial ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_study *s;
    const hg_rows *rows, *plain; /* with sources and without */
    const hg_rows *judged;       /* those that are left out, in the order of s->out */
    const size_t *place;         /* [rows->n] in s->out */
    const hg_study_opts *o;
    const size_t *part; /* [n] */
    double begun;
    hg_arena *mem;    /* of a fold */
    size_t done, all; /* folds, for progress */
} work;

static double now(const hg_study_opts *o) { return o->seconds ? o->seconds(o->clock) : (double)NAN; }

static void scatter(const work *w, hg_trial *t, const size_t *index, size_t n, const double *out, const double *sd) {
    const size_t k = w->s->outputs;
    for (size_t i = 0; i < n; i++) {
        memcpy(t->out + w->place[index[i]] * k, out + i * k, k * sizeof *out);
        t->sd[w->place[index[i]]] = sd[i];
    }
}

/* Do the models of the parts stay? Of trees, too, where there are rows enough in them and to learn once more takes long. */
static bool bags(const work *w, const hg_trial *t) {
    const hg_learner *l = t->learner;
    return (l->bags || (l->members && w->rows->n > HG_STUDY_SETTLED)) && !w->o->settings;
}

/* With fewer of what is averaged; where the models stay, all of them together are at least as many as were asked for. */
static void fewer_members(double *option, const work *w, const hg_trial *t) {
    const hg_learner *l = t->learner;
    const size_t share = bags(w, t) ? w->s->folds : FEWER;
    memcpy(option, t->option, l->n_options * sizeof *option);
    if (!l->members || w->o->settings) return;
    for (size_t k = 0; k < l->n_options; k++)
        if (strcmp(l->option[k].name, l->members) == 0) option[k] = ceil(option[k] / (double)share);
}

/* Learns from all parts but one, and predicts that one. */
static hg_status run_fold(work *w, hg_trial *t, size_t fold, hg_err *err) {
    const size_t n = w->rows->n;
    size_t *index = hg_alloc(w->mem, n, sizeof *index), n_in = 0, n_out = 0;
    hg_rows in, out_rows;
    double option[HG_LEARNER_OPTIONS_MOST];
    void *model;
    if (!index) return hg_fail(err, HG_ENOMEM, "no memory for a fold");
    for (size_t i = 0; i < n; i++)
        if (w->part[i] != fold) index[n_in++] = i;
    for (size_t i = 0; i < n; i++)
        if (w->part[i] == fold) index[n_in + n_out++] = i;
    const hg_rows *seen = t->plain ? w->plain : w->rows;
    HG_TRY(hg_rows_take(&in, seen, index, n_in, w->mem, err));
    HG_TRY(hg_rows_take(&out_rows, seen, index + n_in, n_out, w->mem, err));
    if (t->column) {
        HG_TRY(hg_rows_pick(&in, &in, t->column, t->columns, w->mem, err));
        HG_TRY(hg_rows_pick(&out_rows, &out_rows, t->column, t->columns, w->mem, err));
    }
    double *out = hg_alloc(w->mem, n_out * w->s->outputs, sizeof *out), *sd = hg_alloc(w->mem, n_out, sizeof *sd);
    if (!out || !sd) return hg_fail(err, HG_ENOMEM, "no memory for a fold");
    for (size_t i = 0; i < n_out; i++) sd[i] = (double)NAN;
    hg_logs back;
    if (t->logs) HG_TRY(hg_rows_take_logs(&in, &back, w->mem, err));
    fewer_members(option, w, t);
    const hg_learning how = { .option = option,
                              .seed = w->o->seed + (bags(w, t) ? fold : 0), /* what stays beside others differs */
                              .pool = w->o->pool,
                              .hooks = w->o->hooks };
    HG_TRY(t->learner->fit(&model, &in, &how, err));
    const hg_status st = t->learner->predict(out, sd, model, &out_rows, w->o->pool, err);
    if (st == HG_OK && bags(w, t))
        t->model[t->models++] = model;
    else
        t->learner->free(model);
    if (st == HG_OK && t->logs) hg_logs_undo(out, sd, &back, n_out);
    if (st == HG_OK) scatter(w, t, index + n_in, n_out, out, sd);
    return st;
}

static bool too_long(const work *w, size_t folds_left, double a_fold) {
    if (!(w->o->budget > 0) || !w->o->seconds) return false;
    return now(w->o) - w->begun + (double)folds_left * a_fold > w->o->budget;
}

static bool any_done(const hg_study *s) {
    for (size_t i = 0; i < s->n_trials; i++)
        if (!isnan(hg_study_loss(s, &s->trial[i].score))) return true;
    return false;
}

/* What a learner cannot do with these rows is said in its line of the table; the others are tried. */
static bool goes_on(hg_status st) {
    return st == HG_EDATA || st == HG_ENOTPD || st == HG_ENOTCONV || st == HG_ENAN || st == HG_ELIMIT;
}

/* Of the first part alone: mean absolute error, or Brier's score. */
static double first_part(const work *w, const hg_trial *t) {
    const hg_rows *rows = w->rows;
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (w->part[i] != 0) continue;
        const double *out = t->out + w->place[i] * w->s->outputs;
        sum += rows->classes ? hg_brier(out, (size_t)rows->y[i], rows->classes) : fabs(out[0] - rows->y[i]);
        n++;
    }
    return sum / (double)n;
}

/* A race that no clock decides: who is far behind the best after one part will not be needed in the blend; nor who is behind what
 * the same learner can do otherwise. */
static bool left_behind(const work *w, hg_trial *t) {
    double best = INFINITY, sibling = INFINITY;
    if (w->rows->n < RACED) return false;
    for (const hg_trial *k = w->s->trial; k < t; k++) {
        if (!k->out) continue;
        const double error = first_part(w, k);
        best = fmin(best, error);
        if (k->learner == t->learner && k->plain == t->plain) sibling = fmin(sibling, error);
    }
    const double own = first_part(w, t);
    if (own > BEHIND * best)
        hg_print(t->why, sizeof t->why, "left behind: on the first part %.2g times the best one's error", own / best);
    else if (own >= sibling && !t->bare)
        hg_print(t->why, sizeof t->why, "its learner did better before: on the first part %.3g times that error",
                 own / sibling);
    return t->why[0] != 0;
}

static const hg_trial *defaults_of(const hg_study *s, const hg_trial *t) {
    for (const hg_trial *k = s->trial; k < t; k++)
        if (k->learner == t->learner && k->plain == t->plain && k->logs == t->logs && hg_trial_is_default(k)) return k;
    return NULL;
}

/* Are the defaults of a variant's learner too far behind the best ones for it to be begun? */
static bool defaults_behind(const hg_study *s, const hg_trial *t) {
    const hg_trial *own = hg_trial_is_default(t) || t->bare ? NULL : defaults_of(s, t);
    double best = INFINITY;
    if (!own) return false;
    if (!own->out) return strncmp(own->why, "left behind", 11) == 0;
    for (const hg_trial *k = s->trial; k < t; k++)
        if (hg_trial_is_default(k) && k->out) best = fmin(best, hg_study_loss(s, &k->score));
    return hg_study_loss(s, &own->score) > REACH * best;
}

/* Variants are tried in the scale that suits the defaults better. */
static bool other_scale_is_better(const hg_study *s, const hg_trial *t) {
    double loss[2] = { INFINITY, INFINITY };
    if (hg_trial_is_default(t)) return false;
    for (const hg_trial *k = s->trial; k < t; k++)
        if (k->learner == t->learner && k->plain == t->plain && hg_trial_is_default(k) && k->out)
            loss[k->logs] = hg_study_loss(s, &k->score);
    return loss[!t->logs] < loss[t->logs];
}

/* To hide all sets is tried where to hide one of them was not worse. */
static bool hiding_hurts(const hg_study *s, const hg_trial *t) {
    bool tried = false;
    if (t->bare || !strchr(t->hidden, ' ')) return false;
    for (const hg_trial *k = s->trial; k < t; k++) {
        if (k->learner != t->learner || k->plain != t->plain || k->logs != t->logs || !k->hidden[0]) continue;
        if (k->out) return false;
        tried = true;
    }
    return tried;
}

static hg_status run_folds(work *w, hg_trial *t, hg_err *err) {
    const double begun = now(w->o);
    const bool first = !any_done(w->s);
    for (size_t f = 0; f < w->s->folds; f++) {
        const hg_mark mark = hg_arena_mark(w->mem);
        const hg_status st = run_fold(w, t, f, err);
        hg_arena_reset(w->mem, mark);
        HG_TRY(st);
        if (!hg_progress(w->o->hooks, t->learner->name, ++w->done, w->all)) return HG_ECANCEL;
        t->seconds = now(w->o) - begun;
        if (f == 0 && w->s->folds > 1 && left_behind(w, t)) return HG_OK;
        if (!first && too_long(w, w->s->folds - f - 1, t->seconds / (double)(f + 1))) {
            snprintf(t->why, sizeof t->why, "would not be done in time");
            return HG_OK;
        }
    }
    double loss;
    return hg_study_score(&t->score, &loss, w->s, w->judged, t->out, err);
}

static void free_models(hg_trial *t) {
    for (size_t k = 0; k < t->models; k++) t->learner->free(t->model[k]);
    t->models = 0;
}

static hg_status run_trial(work *w, hg_trial *t, hg_arena *keep, hg_err *err) {
    hg_study *s = w->s;
    if (t->why[0]) return HG_OK;
    if (w->rows->n >= RACED && defaults_behind(s, t)) {
        snprintf(t->why, sizeof t->why, "its defaults are too far behind");
        return HG_OK;
    }
    if (w->rows->n >= RACED && hiding_hurts(s, t)) {
        snprintf(t->why, sizeof t->why, "it does worse where one of these is hidden");
        return HG_OK;
    }
    if (other_scale_is_better(s, t)) {
        snprintf(t->why, sizeof t->why, "its defaults do better with %s", t->logs ? "the values" : "logarithms");
        return HG_OK;
    }
    if (any_done(s) && too_long(w, 0, 0)) {
        snprintf(t->why, sizeof t->why, "no time was left");
        return HG_OK;
    }
    t->out = hg_alloc(keep, s->n * s->outputs, sizeof *t->out);
    t->sd = hg_alloc(keep, s->n, sizeof *t->sd);
    if (!t->out || !t->sd) return hg_fail(err, HG_ENOMEM, "no memory for the predictions of a study");
    hg_err inner = { 0 };
    const hg_status st = run_folds(w, t, &inner);
    if (st != HG_OK && !goes_on(st)) {
        if (err) *err = inner;
        return st;
    }
    if (st != HG_OK) snprintf(t->why, sizeof t->why, "%.150s", inner.msg);
    if (!t->why[0]) return HG_OK;
    free_models(t);
    t->out = t->sd = NULL, t->score.mae = t->score.brier = (double)NAN;
    return HG_OK;
}

/* ---- the study ------------------------------------------------------------------------------------------------------------ */

static hg_status check_rows(const hg_rows *rows, const hg_study_opts *o, hg_err *err) {
    if (o->folds < 2 || o->folds > HG_STUDY_FOLDS_MOST)
        return hg_fail(err, HG_EINVAL, "%zu folds, expected 2 to %d", o->folds, HG_STUDY_FOLDS_MOST);
    if (o->turns > HG_STUDY_TURNS)
        return hg_fail(err, HG_EINVAL, "%zu turns, expected 1 to %d", o->turns, HG_STUDY_TURNS);
    if (!rows->classes) return HG_OK;
    size_t count[HG_CLASSES_MOST] = { 0 };
    for (size_t i = 0; i < rows->n; i++) count[(size_t)rows->y[i]]++;
    for (size_t c = 0; c < rows->classes; c++)
        if (count[c] < 2)
            return hg_fail(err, HG_EDATA, "class %zu has %zu row%s; two at least are needed to learn it and to try it",
                           c, count[c], count[c] == 1 ? "" : "s");
    return HG_OK;
}

static hg_status no_learner(const hg_study *s, hg_err *err) {
    hg_text t = hg_text_new(200);
    for (size_t i = 0; i < s->n_trials; i++)
        hg_text_add(&t, "%s%s %s", i ? "; " : "", s->trial[i].learner->name, s->trial[i].why);
    hg_fail(err, HG_EDATA, "no learner could take these rows");
    hg_advise(err, HG_EDATA, "%s", t.s);
    hg_text_free(&t);
    return HG_EDATA;
}

/* Which rows are left out, one part after the other: all, or one part of many. */
static hg_status cut(work *w, hg_rows *judged, hg_arena *keep, hg_err *err) {
    hg_study *s = w->s;
    const size_t n = w->rows->n;
    const bool many = n > MANY;
    size_t *part = hg_alloc(keep, n, sizeof *part), *place = hg_alloc(keep, n, sizeof *place);
    if (!part || !place) return hg_fail(err, HG_ENOMEM, "no memory for a study of %zu rows", n);
    s->folds = hg_rows_split(part, w->rows, many ? PARTS : w->o->folds, w->o->seed);
    if (s->folds == 0) return hg_fail(err, HG_ENOMEM, "no memory for a study of %zu rows", n);
    if (s->folds < 2)
        return hg_advise(err, hg_fail(err, HG_EDATA, "all rows have the same inputs: there is nothing to learn from"),
                         "is a column missing that tells them apart?");
    w->part = part;
    w->place = place;
    for (size_t i = 0; i < n; i++) place[i] = i;
    *judged = *w->rows;
    if (!many) return HG_OK;
    s->folds = 1;
    s->row = hg_alloc(keep, n, sizeof *s->row);
    if (!s->row) return hg_fail(err, HG_ENOMEM, "no memory for a study of %zu rows", n);
    for (size_t i = s->n = 0; i < n; i++)
        if (part[i] == 0) place[i] = s->n, s->row[s->n++] = i;
    return hg_study_judged(judged, s, w->rows, keep, err);
}

static hg_status try_all(work *w, hg_rows *judged, hg_arena *keep, hg_err *err) {
    hg_study *s = w->s;
    HG_TRY(cut(w, judged, keep, err));
    w->judged = judged;
    for (size_t i = 0; i < s->n_trials; i++) w->all += s->trial[i].why[0] ? 0 : s->folds;
    w->begun = now(w->o);
    for (size_t i = 0; i < s->n_trials; i++) HG_TRY(run_trial(w, &s->trial[i], keep, err));
    return hg_study_best(s) == SIZE_MAX ? no_learner(s, err) : HG_OK;
}

hg_status hg_study_judged(hg_rows *out, const hg_study *s, const hg_rows *rows, hg_arena *mem, hg_err *err) {
    *out = *rows;
    return s->row ? hg_rows_take(out, rows, s->row, s->n, mem, err) : HG_OK;
}

void hg_study_free(hg_study *s) {
    for (size_t i = 0; i < s->n_trials; i++) free_models(&s->trial[i]);
}

/* One turn; those that were too far behind in the first one, if there is one, are passed over. */
static hg_status run(hg_study *s, const hg_study *first, const hg_rows *rows, const hg_study_opts *o, hg_arena *mem,
                     hg_err *err) {
    HG_TRY(hg_study_list(s, rows, o, mem, err));
    const double best = first ? hg_study_loss(first, &first->trial[hg_study_best(first)].score) : 0;
    for (size_t i = 0; first && i < s->n_trials; i++) {
        const hg_trial *t = &first->trial[i];
        if (t->why[0]) hg_print(s->trial[i].why, sizeof t->why, "%s", t->why);
        if (!t->why[0] && hg_study_loss(first, &t->score) > AGAIN * best)
            hg_print(s->trial[i].why, sizeof t->why, "too far behind in the first turn");
    }
    hg_rows plain = *rows, judged;
    if (rows->sources) HG_TRY(hg_rows_drop_sources(&plain, rows, mem, err));
    work w = { .s = s, .rows = rows, .plain = &plain, .o = o, .mem = hg_arena_new() };
    const hg_status st = w.mem ? try_all(&w, &judged, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for a study");
    hg_arena_free(w.mem);
    HG_TRY(st);
    HG_TRY(hg_study_choose(s, &judged, o, w.part, mem, err));
    for (size_t i = 0; i < s->n_trials; i++)
        if (!(s->trial[i].weight > 0)) free_models(&s->trial[i]);
    return HG_OK;
}

/* ---- several turns ------------------------------------------------------------------------------------------------------------ */

static size_t turns(const hg_rows *rows, const hg_study_opts *o) {
    if (o->turns) return o->turns;
    return rows->n > TURNED || rows->classes || hg_study_few(rows) || o->settings || o->single ? 1
           : rows->n > SHORT                                                                   ? SOME
                                                                                               : HG_STUDY_TURNS;
}

/* A trial of k turns as one: means over those in which it was run to its end. Its models come first. */
static void merge_trial(hg_trial *t, hg_study *turn, size_t k, size_t number, size_t n) {
    size_t ran = t->out != NULL;
    double mae = ran ? t->score.mae : 0, rmse = ran ? t->score.rmse : 0;
    for (size_t q = 1; q < k; q++) {
        hg_trial *u = &turn[q].trial[number];
        t->weight += u->weight;
        for (size_t m = 0; m < u->models; m++) t->model[t->models++] = u->model[m];
        u->models = 0;
        if (!u->out) continue;
        t->seconds += u->seconds;
        mae += u->score.mae, rmse += u->score.rmse;
        for (size_t i = 0; i < n; i++) t->out[i] += u->out[i], t->sd[i] += u->sd[i];
        ran++;
    }
    t->weight /= (double)k;
    for (size_t i = 0; ran && i < n; i++) t->out[i] /= (double)ran, t->sd[i] /= (double)ran;
    if (ran) t->score.mae = mae / (double)ran, t->score.rmse = rmse / (double)ran;
}

/* The first of k turns becomes their mean. What is said of a row was in each turn said by those that have not learned it. */
static hg_status merge(hg_study *turn, size_t k, const hg_rows *rows, hg_arena *mem, hg_err *err) {
    hg_study *s = turn;
    const double *out[HG_STUDY_MEMBERS], *sd[HG_STUDY_MEMBERS];
    double weight[HG_STUDY_MEMBERS], loss, *blend = hg_alloc(mem, s->n, sizeof *blend);
    size_t m = 0;
    if (!blend) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    for (size_t i = 0; i < s->n_trials; i++) merge_trial(&s->trial[i], turn, k, i, s->n);
    for (size_t i = 0; i < s->n_trials; i++)
        if (s->trial[i].weight > 0) out[m] = s->trial[i].out, sd[m] = s->trial[i].sd, weight[m++] = s->trial[i].weight;
    hg_blend_combine(blend, s->signs, out, sd, weight, m, s->n, 1);
    for (size_t i = 0; i < s->n; i++) {
        for (size_t q = 1; q < k; q++) s->out[i] += turn[q].out[i];
        s->out[i] /= (double)k;
    }
    return hg_study_score(&s->score, &loss, s, rows, s->out, err);
}

/* The next one takes as long as those before did in the mean. */
static bool time_left(const hg_study_opts *o, double begun, size_t done) {
    if (!(o->budget > 0) || !o->seconds) return true;
    return (now(o) - begun) * (double)(done + 1) / (double)done <= o->budget;
}

hg_status hg_study_run(hg_study *s, const hg_rows *rows, const hg_study_opts *opts, hg_arena *mem, hg_err *err) {
    hg_study_opts o = opts ? *opts : hg_study_opts_default();
    const hg_study empty = { .n = rows->n, .outputs = rows->classes ? rows->classes : 1, .squared = o.squared };
    hg_study turn[HG_STUDY_TURNS];
    const double begun = now(&o);
    hg_status st = check_rows(rows, &o, err);
    size_t k = 0;
    *s = empty;
    for (size_t q = 0; q < HG_STUDY_TURNS; q++) turn[q] = empty;
    for (; st == HG_OK && k < turns(rows, &o) && (k == 0 || time_left(&o, begun, k)); k++, o.seed += TURN)
        st = run(&turn[k], k ? turn : NULL, rows, &o, mem, err);
    if (st == HG_OK && k > 1) st = merge(turn, k, rows, mem, err);
    for (size_t q = st == HG_OK; q < HG_STUDY_TURNS; q++) hg_study_free(&turn[q]);
    if (st == HG_OK) *s = turn[0];
    return st;
}
