/* learn/study.c -- see learn/study.h */
#include "learn/study_internal.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "learn/records.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Raised with each change of what the same rows, options and seed give that shows neither in the numbers below nor in a learner's version:
 * which trials there are, who goes on, how they are mixed, how intervals are made. */
enum { RULES = 5 };

enum {
    ROUNDS = 20 /* of the greedy choice: weights are multiples of 1 / 20 or so */,
    HEAD = 3 /* rounds that the best one has won at the start: halves are too coarse */
};
enum {
    RACED = 200 /* rows: with fewer one part says little */,
    MANY = 20000 /* rows: of more one part is left out, once */,
    SETTLED = 5000 /* rows: with more, defaults are tried alone, and what is averaged need not see them all */,
    PARTS = 10 /* of which that one is */,
    FEWER = 3 /* of so many that are averaged one is enough to judge by */,
    FEW = 100 /* rows */,
    SCANT = 1000 /* rows: with fewer, numbers that were made from compositions may be more than they tell */
};
enum { VIEWS = HG_SETS_MOST + 2 }; /* each of the sets that are alike is hidden, all of them, all that were made */
static const double CLEARLY = 0.8; /* times another's error: better than by chance */
static const double BEHIND = 1.3;  /* times the best one's error on the first part */
static const double REACH =
    1.15; /* times the best defaults' error: whose defaults err more has no variant that gets there */
static const double GAIN = 1e-4; /* a round that wins less than this part of the loss ends the choice */

void hg_study_rules(hg_text *t) {
    hg_text_add(t, "rules %d, blend %d %d %g, rows %d %d %d %d %d, parts %d %d, errors %g %g %g", RULES, ROUNDS, HEAD,
                GAIN, RACED, MANY, SETTLED, FEW, SCANT, PARTS, FEWER, CLEARLY, BEHIND, REACH);
}

hg_study_opts hg_study_opts_default(void) { return (hg_study_opts) { .folds = 5 }; }

static double loss_by(const hg_study *s, const hg_score *score) {
    return s->squared && isfinite(score->rmse) ? score->rmse : hg_score_loss(score);
}

static double loss_of(double *out_score, const hg_study *study, const hg_rows *rows, const double *out, hg_score *s,
                      hg_err *err, hg_status *st) {
    *st = HG_OK;
    if (rows->classes)
        *st = hg_score_classes(s, out, rows->y, rows->n, rows->classes, err);
    else
        *s = hg_score_values(out, rows->y, rows->n);
    *out_score = loss_by(study, s);
    return *out_score;
}

/* ---- what will be tried ------------------------------------------------------------------------------------------------ */

static const char *name_at(size_t i) {
    const hg_learner *l = hg_learner_at(i);
    return l ? l->name : NULL;
}

/* What a trial is allowed to see, and the scale in which it learns. */
typedef struct {
    bool plain, logs, bare;
    const char *hidden; /* sets, blanks between; NULL: none */
} way;

static hg_status add_trial(hg_study *s, const hg_learner *l, const char *settings, way w, hg_err *err) {
    hg_trial *t = &s->trial[s->n_trials];
    *t = (hg_trial) {
        .learner = l, .plain = w.plain, .logs = w.logs, .bare = w.bare, .hidden = w.hidden, .seconds = (double)NAN
    };
    if (!t->hidden) t->hidden = "";
    t->score.mae = t->score.brier = (double)NAN;
    hg_learner_defaults(t->option, l);
    HG_TRY(hg_learner_set(t->option, l, settings, err));
    snprintf(t->settings, sizeof t->settings, "%s", settings);
    s->n_trials++;
    return HG_OK;
}

static const char *unsuited(const hg_learner *l, const hg_rows *rows) {
    if (l->needs_composition && !rows->composition) return "needs a formula column";
    return l->suits ? l->suits(rows) : NULL;
}

static size_t count_trials(void) {
    size_t n = 0;
    for (size_t i = 0; hg_learner_at(i); i++) {
        n++;
        for (size_t v = 0; hg_learner_at(i)->variant && hg_learner_at(i)->variant[v]; v++) n++;
    }
    return 4 * (VIEWS + 1) * n + 1; /* with sources and without, values and logarithms; with sets and without */
}

/* ---- sets that say much the same ----------------------------------------------------------------------------------------- */

static bool is_among(const char *names, const char *name) {
    const size_t len = strlen(name);
    for (const char *s = names; len && (s = strstr(s, name)); s += len)
        if ((s == names || s[-1] == ' ') && (!s[len] || s[len] == ' ')) return true;
    return false;
}

/* The sets that the columns are of, those that are alike or all; their number. */
static size_t find_sets(const char *set[HG_SETS_MOST], const hg_rows *rows, bool alike) {
    size_t n = 0;
    for (size_t j = 0; rows->set && j < rows->d; j++) {
        size_t k = 0;
        while (k < n && strcmp(set[k], rows->set[j]) != 0) k++;
        if (k < n || n == HG_SETS_MOST || !rows->set[j][0]) continue;
        if (!alike || (rows->alike && is_among(rows->alike, rows->set[j]))) set[n++] = rows->set[j];
    }
    return n;
}

/* "a b c" in mem; NULL: no memory. */
static const char *list_names(const char *const *name, size_t n, hg_arena *mem) {
    hg_text all = hg_text_new(0);
    for (size_t k = 0; k < n; k++) hg_text_add(&all, "%s%s", k ? " " : "", name[k]);
    const char *s = all.failed ? NULL : hg_arena_strdup(mem, all.s);
    hg_text_free(&all);
    return s;
}

/* Is there a column that was not made from others? */
static bool any_given(const hg_rows *rows) {
    for (size_t j = 0; j < rows->d; j++)
        if (!rows->set || !rows->set[j][0]) return true;
    return false;
}

/* hidden[n]: where several sets are alike, each in turn, and all of them; of few rows all that was made, where something is left. `bare` is the
 * number of the last of these. */
static hg_status list_hidden(const char *hidden[VIEWS], size_t *n, size_t *bare, const hg_rows *rows, hg_arena *mem,
                             hg_err *err) {
    const char *alike[HG_SETS_MOST], *made[HG_SETS_MOST];
    size_t sets = find_sets(alike, rows, true);
    if (sets < 2) sets = 0;
    for (size_t k = 0; k < sets; k++) hidden[k] = alike[k];
    if (sets) hidden[sets] = list_names(alike, sets, mem);
    bool failed = sets && !hidden[sets];
    *n = sets ? sets + 1 : 0;
    *bare = SIZE_MAX;
    const size_t all = rows->n <= SCANT && any_given(rows) ? find_sets(made, rows, false) : 0;
    if (all) {
        *bare = all > sets ? *n : *n - 1;
        if (all > sets) failed |= !(hidden[(*n)++] = list_names(made, all, mem));
    }
    return failed ? hg_fail(err, HG_ENOMEM, "no memory for a study") : HG_OK;
}

/* t->column where some are hidden; nothing is left of the columns: there is nothing to try. */
static hg_status choose_columns(hg_trial *t, const hg_rows *rows, hg_arena *mem, hg_err *err) {
    if (!t->hidden[0]) return HG_OK;
    uint32_t *column = hg_alloc(mem, rows->d, sizeof *column);
    if (!column) return hg_fail(err, HG_ENOMEM, "no memory for a study");
    for (size_t j = 0; j < rows->d; j++)
        if (!is_among(t->hidden, rows->set[j])) column[t->columns++] = (uint32_t)j;
    t->column = column;
    if (t->columns == 0) snprintf(t->why, sizeof t->why, "nothing is left to learn from");
    return HG_OK;
}

/* Where left-out rows tell small differences by chance. */
static bool few_with_sources(const hg_rows *rows) { return rows->sources && !rows->classes && rows->n < FEW; }

/* Is it among those that are to be tried? */
static bool wanted(const hg_study_opts *o, const hg_learner *l) {
    const size_t len = strlen(l->name);
    if (!o->learner) return true;
    for (const char *s = o->learner; *s; s += strspn(s, " ")) {
        const size_t n = strcspn(s, " ");
        if (n == len && memcmp(s, l->name, n) == 0) return true;
        s += n;
    }
    return false;
}

static hg_status check_names(size_t *n, const hg_study_opts *o, hg_err *err) {
    char name[40];
    *n = 0;
    for (const char *s = o->learner ? o->learner : ""; *s; s += strspn(s, " ")) {
        const size_t len = strcspn(s, " ");
        snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), s);
        if (len && !hg_learner_find(name))
            return hg_names_advise(err, hg_fail(err, HG_ENOTFOUND, "there is no learner \"%s\"", name), name, name_at);
        *n += len > 0;
        s += len;
    }
    return HG_OK;
}

/* Is it not worth a word? Learners of sources where there are none; of few rows with sources all but those whose halves will be the
 * model, and of those without the sources, by which a transfer that hurts is seen, who needs more rows. */
static bool passed_over(const hg_study_opts *o, const hg_learner *l, const hg_rows *rows, bool few) {
    if (o->learner) return !wanted(o, l);
    if (l->of_sources) return !rows->sources;
    return few && (rows->sources ? l != &hg_extratrees_learner : l->bags || l == &hg_extraboost_learner);
}

/* Variants answer to few rows, where what a learner takes for granted matters more than what it is told. */
static bool tries_variants(const hg_study_opts *o, const hg_learner *l, const hg_rows *rows, bool few) {
    return l->variant && rows->n <= SETTLED && !passed_over(o, l, rows, few) && !unsuited(l, rows);
}

/* The defaults of all learners, with sets hidden, and their variants where only what was given is left; not of many rows, which tell a
 * learner by themselves which columns say nothing. */
static hg_status list_views(hg_study *s, const hg_rows *rows, const hg_study_opts *o, const way *ways, size_t n,
                            hg_arena *mem, hg_err *err) {
    const char *hidden[VIEWS];
    const hg_learner *l;
    size_t views, bare;
    HG_TRY(list_hidden(hidden, &views, &bare, rows, mem, err));
    for (size_t i = 0; (l = hg_learner_at(i)) && rows->n <= SETTLED; i++)
        for (size_t v = 0; v < views; v++) {
            if (passed_over(o, l, rows, false) || l->of_sources || unsuited(l, rows)) continue;
            const char *settings = "";
            for (size_t next = 0; settings; settings = v == bare && l->variant ? l->variant[next++] : NULL)
                for (size_t k = 0; k < n; k++) {
                    way w = ways[k];
                    w.hidden = hidden[v], w.bare = v == bare;
                    HG_TRY(add_trial(s, l, settings, w, err));
                    HG_TRY(choose_columns(&s->trial[s->n_trials - 1], rows, mem, err));
                }
        }
    return HG_OK;
}

/* The defaults of all learners, then their variants: where time is short, breadth first. */
static hg_status list_some(hg_study *s, const hg_rows *rows, const hg_study_opts *o, const hg_learner *only,
                           const way *ways, size_t n, bool few, hg_arena *mem, hg_err *err) {
    const hg_learner *l;
    for (size_t i = 0; (l = hg_learner_at(i)); i++) {
        const char *why = unsuited(l, rows);
        if (!why && !o->learner && rows->n > SETTLED && l->few)
            why = "takes long for so many rows: only when it is named";
        if (passed_over(o, l, rows, few) || (why && ways->plain)) continue;
        for (size_t k = 0; k < (why ? 1 : n); k++)
            HG_TRY(add_trial(s, l, only && o->settings ? o->settings : "", ways[k], err));
        if (why) snprintf(s->trial[s->n_trials - 1].why, sizeof s->trial->why, "%s", why);
        if (why && only) return hg_fail(err, HG_EDATA, "%s %s", l->name, why);
    }
    for (size_t i = 0; (l = hg_learner_at(i)) && !o->settings; i++)
        for (size_t v = 0; tries_variants(o, l, rows, few) && l->variant[v]; v++)
            for (size_t k = 0; k < n; k++) HG_TRY(add_trial(s, l, l->variant[v], ways[k], err));
    return o->settings || few ? HG_OK : list_views(s, rows, o, ways, n, mem, err);
}

/* The scales that are tried: values, logarithms, or both. Of few rows left-out ones tell little, and what has sources is a property
 * of compounds, where decades are of factors. */
static hg_status list_scales(way ways[2], size_t *n, const hg_rows *rows, const hg_study_opts *o, hg_err *err) {
    const bool forced = o->scale == HG_SCALE_LOGS;
    *n = 1;
    ways[0] = (way) { .logs = forced };
    if (forced && (rows->classes || !hg_logs_possible(rows->y, rows->n)))
        return hg_advise(err,
                         hg_fail(err, HG_EDATA, "logarithms of %s cannot be learned",
                                 rows->classes ? "classes" : "a target that is not positive everywhere"),
                         "learn the values as they are");
    if (o->scale != HG_SCALE_AUTO || rows->classes || !hg_logs_worth(rows->y, rows->n)) return HG_OK;
    if (!few_with_sources(rows)) *n = 2;
    ways[*n - 1] = (way) { .logs = true };
    return HG_OK;
}

static hg_status list_trials(hg_study *s, const hg_rows *rows, const hg_study_opts *o, hg_arena *mem, hg_err *err) {
    way ways[2];
    size_t n, names;
    const bool few = few_with_sources(rows);
    s->trial = hg_alloc(mem, count_trials(), sizeof *s->trial);
    if (!s->trial) return hg_fail(err, HG_ENOMEM, "no memory for a study");
    HG_TRY(check_names(&names, o, err));
    const hg_learner *only = names == 1 ? hg_learner_find(o->learner + strspn(o->learner, " ")) : NULL;
    if (o->settings && !only)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "options without a learner whose they are"), "name the learner");
    HG_TRY(list_scales(ways, &n, rows, o, err));
    HG_TRY(list_some(s, rows, o, only, ways, n, few, mem, err));
    if (rows->sources == 0 || rows->sources == rows->d) return HG_OK;
    const hg_rows plain = hg_rows_plain(rows);
    for (size_t k = 0; k < n; k++) ways[k].plain = true;
    return only && unsuited(only, &plain) ? HG_OK : list_some(s, &plain, o, only, ways, n, few, mem, err);
}

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
    return (l->bags || (l->members && w->rows->n > SETTLED)) && !w->o->settings;
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
        if (!isnan(loss_by(s, &s->trial[i].score))) return true;
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

static bool is_default(const hg_trial *t) { return !t->settings[0] && !t->hidden[0]; }

static const hg_trial *defaults_of(const hg_study *s, const hg_trial *t) {
    for (const hg_trial *k = s->trial; k < t; k++)
        if (k->learner == t->learner && k->plain == t->plain && k->logs == t->logs && is_default(k)) return k;
    return NULL;
}

/* Are the defaults of a variant's learner too far behind the best ones for it to be begun? */
static bool defaults_behind(const hg_study *s, const hg_trial *t) {
    const hg_trial *own = is_default(t) || t->bare ? NULL : defaults_of(s, t);
    double best = INFINITY;
    if (!own) return false;
    if (!own->out) return strncmp(own->why, "left behind", 11) == 0;
    for (const hg_trial *k = s->trial; k < t; k++)
        if (is_default(k) && k->out) best = fmin(best, loss_by(s, &k->score));
    return loss_by(s, &own->score) > REACH * best;
}

/* Variants are tried in the scale that suits the defaults better. */
static bool other_scale_is_better(const hg_study *s, const hg_trial *t) {
    double loss[2] = { INFINITY, INFINITY };
    if (is_default(t)) return false;
    for (const hg_trial *k = s->trial; k < t; k++)
        if (k->learner == t->learner && k->plain == t->plain && is_default(k) && k->out)
            loss[k->logs] = loss_by(s, &k->score);
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
    hg_status st;
    double loss;
    loss_of(&loss, w->s, w->judged, t->out, &t->score, err, &st);
    return st;
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

/* ---- the blend ------------------------------------------------------------------------------------------------------------ */

static size_t best_trial(const hg_study *s) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < s->n_trials; i++)
        if (s->trial[i].out && (best == SIZE_MAX || loss_by(s, &s->trial[i].score) < loss_by(s, &s->trial[best].score)))
            best = i;
    return best;
}

/* mix[n,outputs] = (sum[..] + out[..]) / count */
static void mix_in(double *mix, const double *sum, const double *out, size_t n, double count) {
    for (size_t i = 0; i < n; i++) mix[i] = (sum[i] + out[i]) / count;
}

static size_t members(const size_t *count, size_t n) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++) k += count[i] > 0;
    return k;
}

/* In the scale in which it has learned: of few values the squares of errors hang on the largest. */
static double loss_in_scale(const double *out, bool logs, const hg_rows *rows) {
    double sum = 0;
    for (size_t i = 0; i < rows->n; i++) sum += fabs(logs ? log(out[i] / rows->y[i]) : out[i] - rows->y[i]);
    return sum / (double)rows->n;
}

/* Of few rows with sources: affine transfer and trees, halves, unless who knows no source is clearly better. count[n_trials] and its sum;
 * 0: that is not the case. `mix` has room for the rows. */
static double choose_of_few(size_t *count, double *mix, const hg_study *s, const hg_rows *rows) {
    size_t affine = SIZE_MAX, trees = SIZE_MAX, plain = SIZE_MAX;
    double least = INFINITY;
    if (!few_with_sources(rows)) return 0;
    for (size_t i = 0; i < s->n_trials; i++) {
        const hg_trial *t = &s->trial[i];
        if (!t->out) continue;
        if (t->learner == &hg_affine_learner) affine = i;
        if (t->learner == &hg_extratrees_learner && !t->plain && is_default(t)) trees = i;
        const double loss = loss_in_scale(t->out, t->logs, rows);
        if (t->plain && loss < least) least = loss, plain = i;
    }
    if (affine == SIZE_MAX || trees == SIZE_MAX) return 0;
    mix_in(mix, s->trial[affine].out, s->trial[trees].out, s->n, 2);
    if (plain != SIZE_MAX && least < CLEARLY * loss_in_scale(mix, s->trial[affine].logs, rows)) {
        count[plain] = 1;
        return 1;
    }
    count[affine] = count[trees] = 1;
    return 2;
}

/* The best one has won the first rounds; each other is given to who brings the error of the mixture down the most. */
static hg_status choose_greedily(size_t *count, double *total, double *sum, double *mix, const hg_study *s,
                                 const hg_rows *rows, bool single, hg_err *err) {
    const size_t size = s->n * s->outputs;
    size_t best = best_trial(s);
    double loss = loss_by(s, &s->trial[best].score);
    for (size_t k = 0; k < size; k++) sum[k] = HEAD * s->trial[best].out[k];
    count[best] = HEAD;
    for (*total = HEAD; *total < ROUNDS && !single; ++*total) {
        double least = INFINITY;
        for (size_t i = 0; i < s->n_trials; i++) {
            hg_score score;
            hg_status st;
            double l;
            if (!s->trial[i].out || (!count[i] && members(count, s->n_trials) == HG_STUDY_MEMBERS)) continue;
            mix_in(mix, sum, s->trial[i].out, size, *total + 1);
            loss_of(&l, s, rows, mix, &score, err, &st);
            HG_TRY(st);
            if (l < least) least = l, best = i;
        }
        if (!(least < loss * (1 - GAIN))) break;
        loss = least;
        count[best]++;
        for (size_t k = 0; k < size; k++) sum[k] += s->trial[best].out[k];
    }
    return HG_OK;
}

static hg_status choose_blend(double *weight, const hg_study *s, const hg_rows *rows, const hg_study_opts *o,
                              hg_arena *mem, hg_err *err) {
    const size_t size = s->n * s->outputs;
    size_t *count = hg_alloc(mem, s->n_trials, sizeof *count);
    double *sum = hg_alloc(mem, size, sizeof *sum), *mix = hg_alloc(mem, size, sizeof *mix);
    if (!count || !sum || !mix) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    double total = o->single ? 0 : choose_of_few(count, mix, s, rows);
    if (total == 0) HG_TRY(choose_greedily(count, &total, sum, mix, s, rows, o->single, err));
    for (size_t i = 0; i < s->n_trials; i++) weight[i] = (double)count[i] / total;
    return HG_OK;
}

/* What the trials say of values in all parts but one, as a study of its own. Who has learned in a scale in which no member has is not among
 * them: intervals of factors need values that are positive everywhere. */
static hg_status leave_out(hg_study *some, hg_rows *in, const hg_study *s, const hg_rows *rows, const size_t *part,
                           size_t left, hg_arena *mem, hg_err *err) {
    double *y = hg_alloc(mem, s->n, sizeof *y);
    *some = *s;
    some->trial = hg_alloc(mem, s->n_trials, sizeof *some->trial);
    some->n = 0;
    if (!y || !some->trial) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    for (size_t i = 0; i < s->n; i++)
        if (part[i] != left) y[some->n++] = rows->y[i];
    *in = (hg_rows) { .n = some->n, .y = y };
    bool scale[2] = { false, false };
    for (size_t k = 0; k < s->n_trials; k++) scale[s->trial[k].logs] |= s->trial[k].weight > 0;
    for (size_t k = 0; k < s->n_trials; k++) {
        hg_trial *t = &some->trial[k];
        *t = s->trial[k];
        if (!scale[t->logs]) t->out = NULL;
        if (!t->out) continue;
        t->out = hg_alloc(mem, some->n, sizeof *t->out);
        if (!t->out) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
        for (size_t i = 0, n = 0; i < s->n; i++)
            if (part[i] != left) t->out[n++] = s->trial[k].out[i];
        t->score = hg_score_values(t->out, y, some->n);
    }
    return HG_OK;
}

/* s->out and s->signs of all rows, mixed by these weights. */
static hg_status mix(hg_study *s, const double *weights, hg_arena *mem, hg_err *err) {
    const double *out[HG_STUDY_MEMBERS], *sd[HG_STUDY_MEMBERS];
    double weight[HG_STUDY_MEMBERS];
    size_t m = 0;
    for (size_t i = 0; i < s->n_trials; i++)
        if (weights[i] > 0) {
            out[m] = s->trial[i].out;
            sd[m] = s->trial[i].sd;
            weight[m++] = weights[i];
        }
    s->out = hg_alloc(mem, s->n * s->outputs, sizeof *s->out);
    s->signs = hg_alloc(mem, s->n, sizeof *s->signs);
    if (!s->out || !s->signs) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    hg_blend_combine(s->out, s->signs, out, sd, weight, m, s->n, s->outputs);
    return HG_OK;
}

/* The rows of one part, mixed by the weights that the others choose: who was chosen by a row's own error looks better on it than on a
 * new row. */
static hg_status mix_part(hg_study *s, const hg_rows *rows, const hg_study_opts *o, const size_t *part, size_t left,
                          hg_arena *mem, hg_err *err) {
    double *weight = hg_alloc(mem, s->n_trials, sizeof *weight);
    hg_study some, own = *s;
    hg_rows in;
    if (!weight) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    HG_TRY(leave_out(&some, &in, s, rows, part, left, mem, err));
    HG_TRY(choose_blend(weight, &some, &in, o, mem, err));
    HG_TRY(mix(&own, weight, mem, err));
    for (size_t i = 0; i < s->n; i++)
        if (part[i] == left) s->out[i] = own.out[i], s->signs[i] = own.signs[i];
    return HG_OK;
}

/* Classes have no intervals, one part of many rows is too large to be chosen by, and halves of few rows with sources are hardly a choice. */
static hg_status combine_study(hg_study *s, const hg_rows *rows, const hg_study_opts *o, const size_t *part,
                               hg_arena *mem, hg_err *err) {
    double *weight = hg_alloc(mem, s->n_trials, sizeof *weight), loss;
    hg_status st = HG_OK;
    if (!weight) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    for (size_t i = 0; i < s->n_trials; i++) weight[i] = s->trial[i].weight;
    HG_TRY(mix(s, weight, mem, err));
    hg_arena *scratch = hg_arena_new();
    if (!scratch) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    const bool across = s->folds > 1 && !rows->classes && !few_with_sources(rows);
    for (size_t f = 0; across && f < s->folds && st == HG_OK; f++) {
        const hg_mark mark = hg_arena_mark(scratch);
        st = mix_part(s, rows, o, part, f, scratch, err);
        hg_arena_reset(scratch, mark);
    }
    hg_arena_free(scratch);
    HG_TRY(st);
    loss_of(&loss, s, rows, s->out, &s->score, err, &st);
    return st;
}

/* ---- the study ------------------------------------------------------------------------------------------------------------ */

static hg_status check_rows(const hg_rows *rows, const hg_study_opts *o, hg_err *err) {
    if (o->folds < 2 || o->folds > HG_STUDY_FOLDS_MOST)
        return hg_fail(err, HG_EINVAL, "%zu folds, expected 2 to %d", o->folds, HG_STUDY_FOLDS_MOST);
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
    return best_trial(s) == SIZE_MAX ? no_learner(s, err) : HG_OK;
}

hg_status hg_study_judged(hg_rows *out, const hg_study *s, const hg_rows *rows, hg_arena *mem, hg_err *err) {
    *out = *rows;
    return s->row ? hg_rows_take(out, rows, s->row, s->n, mem, err) : HG_OK;
}

void hg_study_free(hg_study *s) {
    for (size_t i = 0; i < s->n_trials; i++) free_models(&s->trial[i]);
}

static hg_status run(hg_study *s, const hg_rows *rows, const hg_study_opts *o, hg_arena *mem, hg_err *err) {
    HG_TRY(list_trials(s, rows, o, mem, err));
    hg_rows plain = *rows, judged;
    if (rows->sources) HG_TRY(hg_rows_drop_sources(&plain, rows, mem, err));
    work w = { .s = s, .rows = rows, .plain = &plain, .o = o, .mem = hg_arena_new() };
    const hg_status st = w.mem ? try_all(&w, &judged, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for a study");
    hg_arena_free(w.mem);
    HG_TRY(st);
    double *weight = hg_alloc(mem, s->n_trials, sizeof *weight);
    if (!weight) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    HG_TRY(choose_blend(weight, s, &judged, o, mem, err));
    for (size_t i = 0; i < s->n_trials; i++) s->trial[i].weight = weight[i];
    for (size_t i = 0; i < s->n_trials; i++)
        if (!(s->trial[i].weight > 0)) free_models(&s->trial[i]);
    return combine_study(s, &judged, o, w.part, mem, err);
}

hg_status hg_study_run(hg_study *s, const hg_rows *rows, const hg_study_opts *opts, hg_arena *mem, hg_err *err) {
    const hg_study_opts o = opts ? *opts : hg_study_opts_default();
    *s = (hg_study) { .n = rows->n, .outputs = rows->classes ? rows->classes : 1, .squared = o.squared };
    HG_TRY(check_rows(rows, &o, err));
    const hg_status st = run(s, rows, &o, mem, err);
    if (st != HG_OK) hg_study_free(s);
    return st;
}
