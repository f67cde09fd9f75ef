/* library/predictor_folds.c -- a predictor of all folds but one, judged on that one; and so for each fold */
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "files/folders.h"
#include "library/folder.h"
#include "library/folds_keep.h"
#include "library/predictor_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDS_MOST = 1000 };

typedef struct {
    const hg_table *t;
    const char *target;
    const hg_predictor_opts *o;
    const hg_folds_opts *how;
    size_t *row;            /* [rows] of the measured rows, in the whole table */
    size_t *part;           /* [rows] */
    size_t rows, all;       /* measured, and of the whole table */
    char key[HG_HASH_SIZE]; /* of what is kept */
    hg_arena *mem;
} work;

static hg_status no_memory(hg_err *err) { return hg_fail(err, HG_ENOMEM, "no memory for folds"); }

/* ---- which fold a row is in ---------------------------------------------------------------------------------------- */

static hg_status add_fold(size_t *at, hg_folds *out, const char *name, hg_err *err) {
    for (*at = 0; *at < out->n_folds; ++*at)
        if (strcmp(out->fold[*at].name, name) == 0) return HG_OK;
    if (out->n_folds == FOLDS_MOST) return hg_fail(err, HG_EDATA, "more than %d folds", FOLDS_MOST);
    snprintf(out->fold[out->n_folds++].name, sizeof out->fold->name, "%s", name);
    return HG_OK;
}

static int by_name(const void *a, const void *b) {
    const hg_fold *x = a, *y = b;
    const double p = hg_number_of(x->name), q = hg_number_of(y->name);
    return p < q ? -1 : p > q ? 1 : strcmp(x->name, y->name);
}

static hg_status blank_fold(const hg_table *t, size_t j, size_t row, hg_err *err) {
    return hg_fail_at(err, HG_EDATA, hg_table_source(t), hg_table_line(t, row), 0, "column \"%s\" names no fold",
                      hg_table_column(t, j)->name);
}

static hg_status fold_name(char name[64], const hg_table *t, size_t j, size_t row, hg_err *err) {
    const hg_column *c = hg_table_column(t, j);
    if (c->kind == HG_COLUMN_NUMBER ? isnan(c->number[row]) : *hg_table_text(t, j, row) == '\0')
        return blank_fold(t, j, row, err);
    if (c->kind == HG_COLUMN_NUMBER)
        hg_print(name, 64, "%.15g", c->number[row]);
    else
        snprintf(name, 64, "%s", hg_table_text(t, j, row));
    return HG_OK;
}

/* Folds in the order of their names, whatever order the rows have. */
static hg_status folds_of_column(hg_folds *out, work *w, const char *column, hg_err *err) {
    char name[64];
    size_t j, at;
    HG_TRY(hg_table_find(&j, w->t, column, err));
    for (size_t i = 0; i < w->rows; i++) {
        HG_TRY(fold_name(name, w->t, j, i, err));
        HG_TRY(add_fold(&at, out, name, err));
    }
    qsort(out->fold, out->n_folds, sizeof *out->fold, by_name);
    for (size_t i = 0; i < w->rows; i++) {
        HG_TRY(fold_name(name, w->t, j, i, err));
        HG_TRY(add_fold(&w->part[i], out, name, err));
    }
    if (out->n_folds > 1) return HG_OK;
    return hg_fail(err, HG_EDATA, "%s: column \"%s\" has one fold only: there is nothing to predict it from",
                   hg_table_source(w->t), column);
}

static hg_status drawn_folds(hg_folds *out, work *w, const size_t *group, size_t parts, hg_err *err) {
    const hg_rows rows = { .n = w->rows, .group = group };
    const size_t n = hg_rows_split(w->part, &rows, parts, w->o->seed);
    if (n == 0) return no_memory(err);
    if (n < 2) return hg_fail(err, HG_EDATA, "all rows have the same inputs: they cannot be parted");
    for (out->n_folds = 0; out->n_folds < n; out->n_folds++)
        snprintf(out->fold[out->n_folds].name, sizeof out->fold->name, "%zu", out->n_folds);
    return HG_OK;
}

/* ---- what stands in several folds -------------------------------------------------------------------------------------- */

typedef struct {
    size_t group, part;
} placed;

static int by_group(const void *a, const void *b) {
    const placed *x = a, *y = b;
    return (x->group > y->group) - (x->group < y->group);
}

static hg_status count_repeated(hg_folds *out, const work *w, const size_t *group, hg_err *err) {
    placed *p = hg_malloc(w->rows, sizeof *p);
    if (!p) return no_memory(err);
    for (size_t i = 0; i < w->rows; i++) p[i] = (placed) { group[i], w->part[i] };
    qsort(p, w->rows, sizeof *p, by_group);
    for (size_t i = 0, j; i < w->rows; i = j) {
        bool several = false;
        for (j = i; j < w->rows && p[j].group == p[i].group; j++) several |= p[j].part != p[i].part;
        out->repeated += several;
        out->repeated_rows += several ? j - i : 0;
    }
    hg_free(p);
    return HG_OK;
}

/* ---- one fold ------------------------------------------------------------------------------------------------------------ */

static size_t class_of(const hg_predictor *p, const hg_column *c, const hg_table *t, size_t j, size_t row) {
    char number[40];
    if (c->kind == HG_COLUMN_NUMBER) hg_print(number, sizeof number, "%.15g", c->number[row]);
    const char *name = c->kind == HG_COLUMN_NUMBER ? number : hg_table_text(t, j, row);
    size_t k = 0;
    while (k < p->classes && strcmp(name, p->class_name[k]) != 0) k++;
    return k;
}

/* Rows that were predicted and whose value is known, one behind the other, in f. index: of the test's rows. */
static hg_status judge_rows(hg_fold *f, double **probability, const hg_predictor *p, const hg_table *test,
                            const size_t *index, const work *w, hg_arena *mem, hg_err *err) {
    const size_t n = hg_table_rows(test);
    hg_forecast *forecast = hg_alloc(mem, n, sizeof *forecast);
    hg_err *why = hg_alloc(mem, n, sizeof *why);
    size_t j;
    f->row = hg_alloc(w->mem, n, sizeof *f->row);
    f->value = hg_alloc(w->mem, n, sizeof *f->value);
    f->known = hg_alloc(w->mem, n, sizeof *f->known);
    f->low = hg_alloc(w->mem, n, sizeof *f->low);
    f->high = hg_alloc(w->mem, n, sizeof *f->high);
    f->unlike = hg_alloc(w->mem, n, sizeof *f->unlike);
    *probability = hg_alloc(mem, n * (p->classes + 1), sizeof **probability);
    if (!forecast || !why || !f->row || !f->value || !f->known || !f->low || !f->high || !f->unlike || !*probability)
        return no_memory(err);
    HG_TRY(hg_predictor_predict(forecast, why, p, test, 0.9, w->o->pool, mem, err));
    HG_TRY(hg_table_find(&j, test, p->target, err));
    const hg_column *c = hg_table_column(test, j);
    for (size_t i = 0; i < n; i++) {
        const size_t class = p->classes ? class_of(p, c, test, j, i) : 0;
        f->outside += forecast[i].outside;
        if (why[i].code != HG_OK || (p->classes && class == p->classes)) {
            f->failed++;
            continue;
        }
        f->row[f->n] = w->row[index[i]];
        f->value[f->n] = forecast[i].value;
        f->low[f->n] = forecast[i].low;
        f->high[f->n] = forecast[i].high;
        f->unlike[f->n] = forecast[i].outside;
        f->known[f->n] = p->classes ? (double)class : c->number[i];
        for (size_t k = 0; k < p->classes; k++) (*probability)[f->n * p->classes + k] = forecast[i].probability[k];
        f->n++;
    }
    return HG_OK;
}

static hg_status score(hg_fold *f, const double *probability, const hg_predictor *p, hg_err *err) {
    hg_score s = hg_score_values(f->value, f->known, f->n);
    if (p->classes) HG_TRY(hg_score_classes(&s, probability, f->known, f->n, p->classes, err));
    double inside = 0, width = 0, right = 0;
    for (size_t i = 0; i < f->n; i++) right += f->value[i] == f->known[i];
    if (p->classes && f->n)
        s.accuracy = right / (double)f->n; /* of the classes that are said: a bound may decide them */
    for (size_t i = 0; i < f->n && !p->classes; i++) {
        inside += f->known[i] >= f->low[i] && f->known[i] <= f->high[i];
        width += f->high[i] - f->low[i];
    }
    if (!p->classes && f->n) s.coverage90 = inside / (double)f->n, s.width90 = width / (double)f->n;
    f->score = hg_predictor_score_from(&s);
    return HG_OK;
}

static hg_status name_learners(hg_fold *f, const hg_predictor *p, hg_arena *mem, hg_err *err) {
    f->learners = hg_predictor_method(p, mem);
    return f->learners ? HG_OK : no_memory(err);
}

static hg_status judge(size_t *classes, hg_fold *f, const hg_table *train, const hg_table *test, const size_t *index,
                       const work *w, hg_err *err) {
    const double begun = w->o->seconds ? w->o->seconds(w->o->clock) : (double)NAN;
    hg_predictor *p;
    double *probability = NULL;
    HG_TRY(hg_predictor_fit(&p, train, w->target, w->o, err));
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? judge_rows(f, &probability, p, test, index, w, mem, err) : no_memory(err);
    if (st == HG_OK) st = score(f, probability, p, err);
    if (st == HG_OK) st = name_learners(f, p, w->mem, err);
    *classes = p->classes;
    f->least = p->least, f->most = p->most;
    f->seconds = w->o->seconds ? w->o->seconds(w->o->clock) - begun : (double)NAN;
    hg_arena_free(mem);
    hg_predictor_free(p);
    return st;
}

static hg_status judge_split(size_t *classes, hg_fold *f, const size_t *train, const size_t *test, const work *w,
                             hg_err *err) {
    hg_table *learned = NULL, *asked = NULL;
    f->failed = f->outside = f->n = 0;
    hg_status st = hg_table_pick(&learned, w->t, train, f->n_train, err);
    if (st == HG_OK) st = hg_table_pick(&asked, w->t, test, f->n_test, err);
    if (st == HG_OK) st = judge(classes, f, learned, asked, test, w, err);
    hg_table_free(learned);
    hg_table_free(asked);
    return st;
}

hg_status hg_predictor_judge(hg_fold *f, size_t *classes, const hg_measured *m, const char *target, const size_t *train,
                             const size_t *test, const hg_predictor_opts *o, hg_arena *mem, hg_err *err) {
    const work w = { .t = m->t, .target = target, .o = o, .row = m->row, .rows = m->rows.n, .mem = mem };
    return judge_split(classes, f, train, test, &w, err);
}

/* Part `fold` of the rows, as the fold at this place of the list. */
static hg_status run_fold(hg_folds *out, size_t fold, size_t at, const work *w, hg_err *err) {
    hg_fold *f = &out->fold[at];
    size_t *train = hg_malloc(2 * w->rows, sizeof *train), *test = train + w->rows;
    if (!train) return no_memory(err);
    f->n_train = f->n_test = 0;
    for (size_t i = 0; i < w->rows; i++)
        if (w->part[i] == fold)
            test[f->n_test++] = i;
        else
            train[f->n_train++] = i;
    const hg_status st = judge_split(&out->classes, f, train, test, w, err);
    hg_free(train);
    return st;
}

/* The fold with this name alone stays. */
static hg_status keep_one(hg_folds *out, size_t *number, const work *w, hg_err *err) {
    size_t at = 0;
    *number = 0;
    if (!w->how->only) return HG_OK;
    while (at < out->n_folds && strcmp(out->fold[at].name, w->how->only) != 0) at++;
    if (at == out->n_folds)
        return hg_advise(err, hg_fail(err, HG_ENOTFOUND, "no fold is called \"%s\"", w->how->only),
                         "the first is \"%s\", the last \"%s\"", out->fold[0].name, out->fold[at - 1].name);
    *number = at;
    out->fold[0] = out->fold[at];
    out->n_folds = 1;
    return HG_OK;
}

/* The rows of the other folds alone may be too few, or of one class: whose rows they are is said. */
static hg_status run_named(hg_folds *out, size_t fold, size_t at, const work *w, hg_err *err) {
    hg_err inner = { .hint = "" };
    const hg_status st = run_fold(out, fold, at, w, &inner);
    if (st != HG_EDATA) {
        if (st != HG_OK && err) *err = inner;
        return st;
    }
    hg_fail(err, st, "fold \"%s\" is predicted from the other rows: %s", out->fold[at].name, inner.msg);
    if (err) err->line = inner.line, err->column = inner.column;
    return *inner.hint ? hg_advise(err, st, "%s", inner.hint) : st;
}

/* A folder of something else, or one that nothing can be put into, is refused before hours are spent. */
static hg_status run_folds(hg_folds *out, const work *w, hg_err *err) {
    const char *keep = w->how->keep;
    size_t first;
    HG_TRY(keep_one(out, &first, w, err));
    if (keep) HG_TRY(hg_folder_make(keep, HG_FOLDER_SHARED, err));
    bool *there = hg_alloc(w->mem, out->n_folds, sizeof *there);
    if (!there) return no_memory(err);
    for (size_t f = 0; keep && f < out->n_folds; f++)
        HG_TRY(hg_fold_find(&there[f], &out->fold[f], &out->classes, keep, first + f, w->key, w->all, w->mem, err));
    for (size_t f = 0; f < out->n_folds; f++) {
        if (keep && !there[f]) /* another program may have done it meanwhile */
            HG_TRY(hg_fold_find(&there[f], &out->fold[f], &out->classes, keep, first + f, w->key, w->all, w->mem, err));
        if (there[f]) continue;
        HG_TRY(run_named(out, first + f, f, w, err));
        if (keep) HG_TRY(hg_fold_keep(keep, first + f, w->key, &out->fold[f], out->classes, err));
    }
    return HG_OK;
}

/* ---- all folds ------------------------------------------------------------------------------------------------------------ */

static void mean_over_folds(hg_folds *out) {
    enum { NUMBERS = 8 };
    double sum[NUMBERS] = { 0 };
    out->mean.n = 0;
    for (size_t f = 0; f < out->n_folds; f++) {
        const hg_predictor_score *s = &out->fold[f].score;
        const double x[NUMBERS] = { s->mae,      s->rmse,     s->auc,        s->brier,
                                    s->log_loss, s->accuracy, s->coverage90, s->width90 };
        for (size_t k = 0; k < NUMBERS; k++) sum[k] += x[k] / (double)out->n_folds;
        out->mean.n += s->n;
    }
    out->mean = (hg_predictor_score) { out->mean.n, sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7] };
}

/* The descriptor's name is the intake's, which goes. */
static hg_status keep_descriptor(hg_features_opts *o, const hg_intake *in, hg_arena *mem, hg_err *err) {
    const char *name = hg_intake_descriptor(in);
    if (name) o->descriptor = hg_arena_strdup(mem, name);
    return !name || o->descriptor ? HG_OK : no_memory(err);
}

hg_status hg_predictor_measured(hg_measured *m, const hg_table *t, const char *target, hg_predictor_opts *opts,
                                hg_arena *mem, hg_err *err) {
    size_t j, n = 0;
    *m = (hg_measured) { .t = NULL };
    HG_TRY(hg_predictor_check_target(t, target, opts, err));
    HG_TRY(hg_table_find(&j, t, target, err));
    const hg_column *c = hg_table_column(t, j);
    hg_features_opts o = opts->features;
    size_t *index = m->row = hg_alloc(mem, hg_table_rows(t), sizeof *index);
    const char **exclude = hg_alloc(mem, o.n_exclude + 1, sizeof *exclude);
    if (!index || !exclude) return no_memory(err);
    for (size_t i = 0; i < hg_table_rows(t); i++)
        if (c->kind == HG_COLUMN_NUMBER ? !isnan(c->number[i]) : *hg_table_text(t, j, i) != '\0') index[n++] = i;
    HG_TRY(hg_table_pick(&m->t, t, index, n, err));
    if (o.n_exclude) memcpy(exclude, o.exclude, o.n_exclude * sizeof *exclude);
    exclude[o.n_exclude++] = c->name;
    o.exclude = exclude;
    hg_intake *in;
    hg_status st = hg_intake_fit(&in, m->t, &o, err);
    if (st == HG_OK) st = hg_intake_rows(&m->rows, NULL, in, m->t, opts->pool, mem, err);
    if (st == HG_OK) st = keep_descriptor(&opts->features, in, mem, err);
    hg_intake_free(in);
    return st;
}

static hg_status run(hg_folds *out, work *w, hg_predictor_opts *own, hg_err *err) {
    const char *column = w->how->column;
    hg_measured m;
    hg_status st = hg_predictor_measured(&m, w->t, w->target, own, w->mem, err);
    w->t = m.t;
    w->row = m.row;
    w->rows = m.t ? hg_table_rows(m.t) : 0;
    w->part = hg_alloc(w->mem, w->rows, sizeof *w->part);
    out->fold = hg_alloc(w->mem, FOLDS_MOST, sizeof *out->fold);
    if (st == HG_OK && (!w->part || !out->fold)) st = no_memory(err);
    if (st == HG_OK)
        st = column ? folds_of_column(out, w, column, err) : drawn_folds(out, w, m.rows.group, w->how->parts, err);
    if (st == HG_OK) st = count_repeated(out, w, m.rows.group, err);
    if (column && 2 * out->repeated_rows > w->rows) own->repeats = true; /* whoever cut the folds asks for such rows */
    out->repeats = own->repeats;
    if (st == HG_OK) st = run_folds(out, w, err);
    hg_table_free(m.t);
    if (st == HG_OK) mean_over_folds(out);
    return st;
}

hg_status hg_predictor_folds(hg_folds *out, const hg_table *t, const char *target, const hg_folds_opts *how,
                             const hg_predictor_opts *opts, hg_arena *mem, hg_err *err) {
    hg_predictor_opts o = opts ? *opts : hg_predictor_opts_default();
    *out = (hg_folds) { 0 };
    if (!how->column && (how->parts < 2 || how->parts > FOLDS_MOST))
        return hg_fail(err, HG_EINVAL, "%zu folds, expected 2 to %d", how->parts, FOLDS_MOST);
    const char **exclude = hg_alloc(mem, o.features.n_exclude + 1, sizeof *exclude);
    if (!exclude) return no_memory(err);
    if (o.features.n_exclude) memcpy(exclude, o.features.exclude, o.features.n_exclude * sizeof *exclude);
    if (how->column) exclude[o.features.n_exclude++] = how->column;
    o.features.exclude = exclude;
    work w = { .t = t, .target = target, .o = &o, .how = how, .all = hg_table_rows(t), .mem = mem };
    if (how->keep) HG_TRY(hg_folds_key(w.key, t, target, how, &o, err));
    return run(out, &w, &o, err);
}
