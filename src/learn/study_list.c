/* learn/study_list.c -- which trials a study makes: learners, variants, scales, and what each may look at */
#include "core/text.h"
#include "learn/records.h"
#include "learn/study_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SCANT = 1000 /* rows: with fewer, numbers that were made from compositions may be more than they tell */ };
enum { VIEWS = HG_SETS_MOST + 2 }; /* each of the sets that are alike is hidden, all of them, all that were made */

void hg_study_list_rules(hg_text *t) { hg_text_add(t, "rows %d %d %d", HG_STUDY_SETTLED, HG_STUDY_FEW, SCANT); }

bool hg_trial_is_default(const hg_trial *t) { return !t->settings[0] && !t->hidden[0]; }

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

bool hg_study_few(const hg_rows *rows) { return rows->sources && !rows->classes && rows->n < HG_STUDY_FEW; }

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
    return l->variant && rows->n <= HG_STUDY_SETTLED && !passed_over(o, l, rows, few) && !unsuited(l, rows);
}

/* The defaults of all learners, with sets hidden, and their variants where only what was given is left; not of many rows, which tell a
 * learner by themselves which columns say nothing. */
static hg_status list_views(hg_study *s, const hg_rows *rows, const hg_study_opts *o, const way *ways, size_t n,
                            hg_arena *mem, hg_err *err) {
    const char *hidden[VIEWS];
    const hg_learner *l;
    size_t views, bare;
    HG_TRY(list_hidden(hidden, &views, &bare, rows, mem, err));
    for (size_t i = 0; (l = hg_learner_at(i)) && rows->n <= HG_STUDY_SETTLED; i++)
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
        if (!why && !o->learner && rows->n > HG_STUDY_SETTLED && l->few)
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
    if (!hg_study_few(rows)) *n = 2;
    ways[*n - 1] = (way) { .logs = true };
    return HG_OK;
}

hg_status hg_study_list(hg_study *s, const hg_rows *rows, const hg_study_opts *o, hg_arena *mem, hg_err *err) {
    way ways[2];
    size_t n, names;
    const bool few = hg_study_few(rows);
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
