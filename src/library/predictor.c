/* library/predictor.c -- see hagane/predictor.h. One arena owns a predictor's texts; models have their own memory. */
#include "library/predictor_internal.h"
#include "core/number.h"
#include "core/memory.h"
#include "core/text.h"
#include "learn/repeated.h"
#include "matter/table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_LEAST = 5 };

const char *hg_task_name(size_t i) {
    static const char *const NAME[] = {
        [HG_TASK_AUTO] = "auto", [HG_TASK_VALUES] = "values", [HG_TASK_CLASSES] = "classes"
    };
    return i < sizeof NAME / sizeof *NAME ? NAME[i] : NULL;
}

hg_predictor_opts hg_predictor_opts_default(void) {
    hg_predictor_opts o = { .features = hg_features_opts_default(), .folds = hg_study_opts_default().folds };
    o.features.descriptor = NULL;
    return o;
}

const char *hg_learner_name(size_t i) {
    const hg_learner *l = hg_learner_at(i);
    return l ? l->name : NULL;
}

const char *hg_learner_help(size_t i) {
    const hg_learner *l = hg_learner_at(i);
    return l ? l->help : NULL;
}

const char *hg_predictor_method(const hg_predictor *p, hg_arena *mem) {
    hg_text t = hg_text_new(0);
    for (size_t i = 0; i < p->n_tried; i++) {
        const hg_tried *k = &p->tried[i];
        if (!(k->weight > 0)) continue;
        const bool both = *k->settings && *k->hidden, any = *k->settings || *k->hidden;
        hg_text_add(&t, "%s%s%s%s%s%s%s%s", t.len ? ", " : "", k->learner, any ? " (" : "", k->settings,
                    both ? ", " : "", *k->hidden ? "without " : "", k->hidden, any ? ")" : "");
        if (k->weight < 1) hg_text_add(&t, " %.2g", k->weight);
    }
    const char *words = t.failed ? NULL : hg_arena_strdup(mem, t.s);
    hg_text_free(&t);
    return words;
}

hg_predictor_score hg_predictor_score_from(const hg_score *s) {
    return (hg_predictor_score) { s->n,        s->mae,      s->rmse,       s->auc,    s->brier,
                                  s->log_loss, s->accuracy, s->coverage90, s->width90 };
}

/* ---- the target ---------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_predictor *p;
    const hg_table *t;
    size_t column;
    size_t *row; /* [n] rows with a target */
    size_t n;
    double *y; /* [n] */
    hg_arena *scratch;
    const hg_predictor_opts *o;
    hg_err *err;
} fitting;

static hg_status no_memory(hg_err *err) { return hg_fail(err, HG_ENOMEM, "no memory for a predictor"); }

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Distinct texts[n], sorted, at most `most`: how many there are, or most + 1. */
static size_t distinct(const char **level, const char **texts, size_t n, size_t most) {
    qsort(texts, n, sizeof *texts, by_text);
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (i && strcmp(texts[i], texts[i - 1]) == 0) continue;
        if (k == most) return most + 1;
        level[k++] = texts[i];
    }
    return k;
}

static hg_status too_many_classes(const fitting *f, const hg_column *c, hg_err *err) {
    if (c->kind == HG_COLUMN_TEXT && f->o->task != HG_TASK_CLASSES)
        return hg_advise(err, hg_table_need_numbers(f->t, f->column, true, err),
                         "a target is numbers, or the names of at most %d classes", HG_CLASSES_MOST);
    return hg_fail(err, HG_EDATA, "%s: column \"%s\" has more than %d different values: no classes",
                   hg_table_source(f->t), c->name, HG_CLASSES_MOST);
}

/* Names of classes, and y as their numbers. */
static hg_status learn_classes(fitting *f, const hg_column *c) {
    hg_predictor *p = f->p;
    const char **text = hg_alloc(f->scratch, f->n, sizeof *text), **own = hg_alloc(f->scratch, f->n, sizeof *own);
    const char **level = hg_alloc(f->scratch, HG_CLASSES_MOST, sizeof *level);
    if (!text || !own || !level) return no_memory(f->err);
    for (size_t i = 0; i < f->n; i++) {
        char number[40];
        if (c->kind == HG_COLUMN_NUMBER) hg_print(number, sizeof number, "%.15g", c->number[f->row[i]]);
        own[i] = c->kind == HG_COLUMN_NUMBER ? hg_arena_strdup(f->scratch, number)
                                             : hg_table_text(f->t, f->column, f->row[i]);
        if (!own[i]) return no_memory(f->err);
        text[i] = own[i];
    }
    const size_t k = distinct(level, text, f->n, HG_CLASSES_MOST);
    if (k > HG_CLASSES_MOST) return too_many_classes(f, c, f->err);
    if (k < 2)
        return hg_advise(f->err,
                         hg_fail(f->err, HG_EDATA, "%s: every row of column \"%s\" is \"%s\": there is one class only",
                                 hg_table_source(f->t), c->name, k ? level[0] : ""),
                         "rows of another class are needed to tell them apart");
    p->class_name = hg_alloc(p->mem, k, sizeof *p->class_name);
    if (!p->class_name) return no_memory(f->err);
    for (size_t i = 0; i < k; i++)
        if (!(p->class_name[i] = hg_arena_strdup(p->mem, level[i]))) return no_memory(f->err);
    size_t count[HG_CLASSES_MOST] = { 0 };
    for (size_t i = 0; i < f->n; i++) {
        size_t at = 0;
        while (strcmp(own[i], level[at]) != 0) at++;
        f->y[i] = (double)at;
        count[at]++;
    }
    for (size_t i = 0; i < k; i++)
        if (count[i] < 2)
            return hg_advise(
                f->err,
                hg_fail(f->err, HG_EDATA, "%s: column \"%s\" is \"%s\" in one row alone: no class",
                        hg_table_source(f->t), c->name, level[i]),
                "a class needs a row to learn it and a row to try it; --task values where they are numbers");
    p->classes = k;
    return HG_OK;
}

/* Texts most of which are numbers: a slip of the pen in a column of values, not names of classes. */
static bool mostly_numbers(const fitting *f) {
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        const char *s = hg_table_text(f->t, f->column, f->row[i]);
        double x;
        n += hg_number_read(&x, s, strlen(s), '.') == HG_NUMBER_FINITE;
    }
    return 2 * n > f->n && n < f->n;
}

static hg_status refuse_slip(const fitting *f) {
    hg_err slip = { .hint = "" };
    const hg_status st = hg_table_need_numbers(f->t, f->column, true, &slip);
    hg_fail(f->err, st, "%s", slip.msg);
    if (f->err) f->err->line = slip.line, f->err->column = slip.column;
    return hg_advise(f->err, st, "%s; task classes, if they are names", slip.hint);
}

static bool zeros_and_ones(const fitting *f, const hg_column *c) {
    bool seen[2] = { false, false };
    for (size_t i = 0; i < f->n; i++) {
        const double v = c->number[f->row[i]];
        if (v != 0 && v != 1) return false;
        seen[v == 1] = true;
    }
    return seen[0] && seen[1];
}

static hg_status learn_values(fitting *f, const hg_column *c) {
    hg_predictor *p = f->p;
    HG_TRY(hg_table_need_numbers(f->t, f->column, true, f->err));
    p->least = INFINITY;
    p->most = -INFINITY;
    for (size_t i = 0; i < f->n; i++) {
        f->y[i] = c->number[f->row[i]];
        p->least = fmin(p->least, f->y[i]);
        p->most = fmax(p->most, f->y[i]);
    }
    if (p->most > p->least && isfinite(p->most - p->least)) return HG_OK;
    return hg_fail(f->err, HG_EDATA, "%s: every row of column \"%s\" is %g: there is nothing to learn",
                   hg_table_source(f->t), c->name, p->least);
}

static hg_status read_target(fitting *f, const char *target) {
    hg_predictor *p = f->p;
    HG_TRY(hg_table_find(&f->column, f->t, target, f->err));
    const hg_column *c = hg_table_column(f->t, f->column);
    const size_t rows = hg_table_rows(f->t);
    f->row = hg_alloc(f->scratch, rows, sizeof *f->row);
    f->y = hg_alloc(f->scratch, rows, sizeof *f->y);
    p->target = hg_arena_strdup(p->mem, c->name);
    p->unit = hg_arena_strdup(p->mem, c->unit);
    if (!f->row || !f->y || !p->target || !p->unit) return no_memory(f->err);
    const bool number = c->kind == HG_COLUMN_NUMBER;
    for (size_t i = 0; i < rows; i++)
        if (number ? !isnan(c->number[i]) : *hg_table_text(f->t, f->column, i) != '\0') f->row[f->n++] = i;
    p->rows = f->n;
    p->blank = rows - f->n;
    if (f->n < ROWS_LEAST)
        return hg_advise(f->err,
                         hg_fail(f->err, HG_EDATA, "%s: %zu row%s a value of \"%s\", at least %d are needed",
                                 hg_table_source(f->t), f->n, f->n == 1 ? " has" : "s have", c->name, ROWS_LEAST),
                         "a model is tried on rows that it has not learned from; so few leave none");
    if (f->o->task == HG_TASK_AUTO && !number && mostly_numbers(f)) return refuse_slip(f);
    const bool classes =
        f->o->task == HG_TASK_CLASSES || (f->o->task == HG_TASK_AUTO && (!number || zeros_and_ones(f, c)));
    if (!classes && f->o->alarms != 0)
        return hg_advise(
            f->err, hg_fail(f->err, HG_EINVAL, "false alarms are of classes; \"%s\" is learned as values", c->name),
            "task classes, if its values are names of classes");
    return classes ? learn_classes(f, c) : learn_values(f, c);
}

/* ---- rows of a table --------------------------------------------------------------------------------------------------- */

static hg_status pick_column(hg_table *to, const hg_table *t, size_t j, const size_t *index, size_t n, hg_arena *mem,
                             hg_err *err) {
    const hg_column *c = hg_table_column(t, j);
    const hg_mark mark = hg_arena_mark(mem);
    double *number = c->kind == HG_COLUMN_NUMBER ? hg_alloc(mem, n, sizeof *number) : NULL;
    const char **text = c->kind == HG_COLUMN_TEXT ? hg_alloc(mem, n, sizeof *text) : NULL;
    if (!number && !text) return no_memory(err);
    for (size_t i = 0; i < n; i++)
        if (number)
            number[i] = c->number[index[i]];
        else
            text[i] = hg_table_text(t, j, index[i]);
    const hg_status st =
        number ? hg_table_add_numbers(to, c->name, number, err) : hg_table_add_texts(to, c->name, text, err);
    hg_arena_reset(mem, mark);
    return st;
}

hg_status hg_table_pick(hg_table **out, const hg_table *t, const size_t *index, size_t n, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    *out = NULL;
    if (!mem) return no_memory(err);
    hg_status st = hg_table_new(out, hg_table_source(t), n, err);
    for (size_t j = 0; j < hg_table_columns(t) && st == HG_OK; j++) st = pick_column(*out, t, j, index, n, mem, err);
    for (size_t i = 0; i < n && st == HG_OK && hg_table_line(t, index[i]);
         i++) /* the lines of the file, for messages */
        if (!hg_table_mark_line(*out, i, hg_table_line(t, index[i]))) st = no_memory(err);
    hg_arena_free(mem);
    if (st != HG_OK) {
        hg_table_free(*out);
        *out = NULL;
    }
    return st;
}

/* ---- fit ----------------------------------------------------------------------------------------------------------------- */

static hg_study_opts study_opts(const hg_predictor_opts *o) {
    return (hg_study_opts) { .learner = o->learner,
                             .settings = o->settings,
                             .folds = o->folds,
                             .single = o->single,
                             .squared = o->squared,
                             .scale = o->scale,
                             .budget = o->budget,
                             .seconds = o->seconds,
                             .clock = o->clock,
                             .seed = o->seed,
                             .pool = o->pool,
                             .hooks = o->hooks };
}

/* The target is no input, whatever the options say. */
static hg_status fit_intake(fitting *f, const hg_table *t) {
    const hg_predictor_opts *o = f->o;
    hg_features_opts features = o->features;
    const char **exclude = hg_alloc(f->scratch, features.n_exclude + 1, sizeof *exclude);
    if (!exclude) return no_memory(f->err);
    for (size_t i = 0; i < features.n_columns; i++) {
        size_t j;
        HG_TRY(hg_table_find(&j, t, features.columns[i], f->err));
        if (j == f->column)
            return hg_fail(f->err, HG_EINVAL, "column \"%s\" is the target; it cannot be an input", f->p->target);
    }
    if (features.n_exclude) memcpy(exclude, features.exclude, features.n_exclude * sizeof *exclude);
    exclude[features.n_exclude++] = f->p->target;
    features.exclude = exclude;
    return hg_intake_fit(&f->p->intake, t, &features, f->err);
}

/* Which numbers of a row are a column's own: those that bear its name. */
bool *hg_predictor_plain(const hg_intake *in, hg_arena *mem) {
    bool *plain = hg_alloc(mem, hg_intake_dim(in), sizeof *plain);
    for (size_t j = 0; plain && j < hg_intake_dim(in); j++)
        for (size_t i = 0; hg_intake_column(in, i) && !plain[j]; i++)
            plain[j] = strcmp(hg_intake_name(in, j), hg_intake_column(in, i)) == 0;
    return plain;
}

/* Signs of the errors of a value's logarithm. */
static void signs_of_ratio(hg_signs *s, double value) {
    s->sign[0] /= value;
    s->sign[1] /= value;
}

/* Half the width of the interval at a level; of p->ratio its logarithm. `signs` are those of the value. */
static double half_of(const hg_predictor *p, const hg_bars *bars, hg_signs signs, double value, double level) {
    if (p->ratio) signs_of_ratio(&signs, value);
    return hg_bars_half(bars, &signs, level);
}

static void bounds(double *low, double *high, const hg_predictor *p, const hg_bars *bars, const hg_signs *signs,
                   double value, double level) {
    const double half = half_of(p, bars, *signs, value, level);
    *low = p->ratio ? value * exp(-half) : value - half;
    *high = p->ratio ? value * exp(half) : value + half;
}

/* Bars of factors are tried where logarithms were learned. They stay when their likelihood of the left-out rows, as a density of
 * the value, is the higher one. */
static hg_status try_ratio(hg_predictor *p, const hg_study *s, const hg_rows *rows, double *residual, hg_arena *scratch,
                           hg_err *err) {
    hg_signs *signs = hg_alloc(scratch, rows->n, sizeof *signs);
    hg_bars ratio;
    if (!signs) return no_memory(err);
    double gain = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (!(s->out[i] > 0)) return HG_OK;
        residual[i] = log(s->out[i] / rows->y[i]);
        signs[i] = s->signs[i];
        signs_of_ratio(&signs[i], s->out[i]);
    }
    HG_TRY(hg_bars_fit(&ratio, residual, signs, rows->n, err));
    for (size_t i = 0; i < rows->n; i++)
        gain += hg_bars_likelihood(&ratio, residual[i], &signs[i]) - log(rows->y[i]) -
                hg_bars_likelihood(&p->bars, s->out[i] - rows->y[i], &s->signs[i]);
    if (!(gain > 0)) return HG_OK;
    p->bars = ratio;
    p->ratio = true;
    return HG_OK;
}

/* Intervals from left-out rows, and how these rows then fare. The score of the level's own rows is not a test; it says what
 * width buys the level. */
hg_status hg_predictor_fit_bars(hg_predictor *p, hg_study *s, const hg_rows *rows, bool apart, hg_pool *pool,
                                hg_arena *scratch, hg_err *err) {
    hg_domain_view *view = hg_alloc(scratch, rows->n, sizeof *view);
    double *residual = hg_alloc(scratch, rows->n, sizeof *residual), inside = 0, width = 0;
    if (!view || !residual) return no_memory(err);
    HG_TRY(hg_domain_look(view, &p->domain, rows, apart, pool, err));
    for (size_t i = 0; i < rows->n; i++) {
        s->signs[i].sign[2] = isfinite(view[i].distance) ? view[i].distance : 0;
        residual[i] = s->out[i] - rows->y[i];
    }
    HG_TRY(hg_bars_fit(&p->bars, residual, s->signs, rows->n, err));
    if (hg_blend_in_logs(&p->blend)) HG_TRY(try_ratio(p, s, rows, residual, scratch, err));
    for (size_t i = 0; i < rows->n; i++) {
        double low, high;
        bounds(&low, &high, p, &p->bars, &s->signs[i], s->out[i], 0.9);
        inside += rows->y[i] >= low && rows->y[i] <= high;
        width += high - low;
    }
    p->score.coverage90 = inside / (double)rows->n;
    p->score.width90 = width / (double)rows->n;
    return HG_OK;
}

/* A factor of what is not positive says nothing. */
static double value_of(const hg_predictor *p, double out) {
    return p->ratio ? fmax(out, exp(p->blend.logs.least)) : out;
}

/* Bars of their own for compositions that were learned from. Of few rows the width is one number. */
static hg_status fit_learned_bars(fitting *f, const hg_repeated *r, const hg_rows *rows) {
    enum { TOLD_APART = 100 };
    hg_predictor *p = f->p;
    hg_rows asked;
    double *residual = hg_alloc(f->scratch, r->n, sizeof *residual);
    hg_domain_view *view = hg_alloc(f->scratch, r->n, sizeof *view);
    if (r->n == 0) return HG_OK;
    if (!residual || !view) return no_memory(f->err);
    HG_TRY(hg_rows_take(&asked, rows, r->row, r->n, f->scratch, f->err));
    HG_TRY(hg_domain_look(view, &p->domain, &asked, false, f->o->pool, f->err));
    for (size_t i = 0; i < r->n; i++) {
        const double value = value_of(p, r->out[i]);
        r->signs[i].sign[2] = isfinite(view[i].distance) ? view[i].distance : 0;
        if (p->ratio) signs_of_ratio(&r->signs[i], value);
        if (r->n < TOLD_APART) r->signs[i] = (hg_signs) { { 0 } };
        residual[i] = p->ratio ? log(value / asked.y[i]) : value - asked.y[i];
    }
    return hg_bars_fit(&p->learned, residual, r->signs, r->n, f->err);
}

static hg_status keep_tried(fitting *f, const hg_study *s) {
    hg_predictor *p = f->p;
    p->tried = hg_alloc(p->mem, s->n_trials, sizeof *p->tried);
    if (!p->tried) return no_memory(f->err);
    for (size_t i = 0; i < s->n_trials; i++) {
        const hg_trial *t = &s->trial[i];
        hg_tried *k = &p->tried[p->n_tried++];
        *k = (hg_tried) { .learner = t->learner->name,
                          .settings = hg_arena_strdup(p->mem, t->settings),
                          .why = hg_arena_strdup(p->mem, t->why),
                          .plain = t->plain,
                          .hidden = hg_arena_strdup(p->mem, t->hidden),
                          .logs = t->logs,
                          .score = hg_predictor_score_from(&t->score),
                          .seconds = t->seconds,
                          .weight = t->weight };
        if (!k->settings || !k->why || !k->hidden) return no_memory(f->err);
    }
    p->score = hg_predictor_score_from(&s->score);
    return HG_OK;
}

/* Which class is said, and how left-out rows then fare. As with intervals, the bound was chosen on these very rows. */
static hg_status fit_decision(fitting *f, const hg_study *s, const hg_rows *rows) {
    hg_predictor *p = f->p;
    hg_class_score *score = hg_alloc(f->scratch, p->classes, sizeof *score);
    p->by_class = hg_alloc(p->mem, p->classes, sizeof *p->by_class);
    if (!score || !p->by_class) return no_memory(f->err);
    if (f->o->alarms != 0)
        HG_TRY(hg_decision_fit(&p->decision, s->out, rows->y, rows->n, p->classes, f->o->alarms, f->err));
    hg_decision_score(score, &p->decision, s->out, rows->y, rows->n, p->classes);
    p->score.accuracy = 0;
    for (size_t c = 0; c < p->classes; c++) {
        p->by_class[c] = (hg_predictor_class_score) { score[c].n, score[c].said, score[c].right };
        p->score.accuracy += (double)score[c].right / (double)rows->n;
    }
    return HG_OK;
}

hg_status hg_predictor_keep_elements(hg_predictor *p, hg_err *err) {
    hg_text t = hg_text_new(0);
    for (unsigned z = 1; z <= HG_ELEMENTS && p->domain.has_composition; z++)
        if (p->domain.element[z]) hg_text_add(&t, "%s%s", t.len ? " " : "", hg_element_symbol(z));
    p->elements = t.failed ? NULL : hg_arena_strdup(p->mem, t.s);
    hg_text_free(&t);
    return p->elements ? HG_OK : no_memory(err);
}

static hg_status keep_opts(fitting *f) {
    hg_predictor *p = f->p;
    hg_predictor_opts *o = &p->opts;
    *o = *f->o;
    o->features.columns = o->features.exclude = NULL;
    o->source = NULL, o->n_sources = 0;
    o->pool = NULL, o->hooks = NULL, o->seconds = NULL, o->clock = NULL;
    const char **text[] = { &o->learner, &o->settings, &o->features.formula, &o->features.descriptor };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        if (*text[i] && !(*text[i] = hg_arena_strdup(p->mem, *text[i]))) return no_memory(f->err);
    return HG_OK;
}

/* What the study says of rows that it left out. */
static hg_status judge(fitting *f, hg_study *s, const hg_rows *rows) {
    hg_rows judged;
    HG_TRY(hg_study_judged(&judged, s, rows, f->scratch, f->err));
    HG_TRY(keep_tried(f, s));
    return f->p->classes ? fit_decision(f, s, &judged)
                         : hg_predictor_fit_bars(f->p, s, &judged, true, f->o->pool, f->scratch, f->err);
}

/* The hashes of the compositions of the rows, for those who ask later. */
static hg_status keep_seen(fitting *f, const hg_rows *rows) {
    if (!rows->composition || f->o->unlisted) return HG_OK;
    uint32_t *key = hg_alloc(f->p->mem, rows->n, sizeof *key);
    if (!key) return no_memory(f->err);
    for (size_t i = 0; i < rows->n; i++) key[i] = hg_seen_key(&rows->composition[i]);
    f->p->seen = hg_seen_of(key, rows->n);
    return HG_OK;
}

static hg_status learn(fitting *f, hg_rows *rows, const hg_table *t) {
    hg_predictor *p = f->p;
    const hg_study_opts o = study_opts(f->o);
    hg_study s = { 0 };
    bool *plain = hg_predictor_plain(p->intake, f->scratch);
    if (!plain) return no_memory(f->err);
    rows->y = f->y;
    rows->classes = p->classes;
    HG_TRY(hg_domain_fit(&p->domain, rows, plain, o.seed, o.pool, f->err));
    hg_rows wide = *rows; /* with what other models say */
    if (f->o->n_sources) HG_TRY(hg_predictor_take_sources(&wide, p, rows, f->o, t, f->scratch, f->err));
    HG_TRY(hg_study_run(&s, &wide, &o, f->scratch, f->err));
    hg_repeated again = { .n = 0 };
    hg_status st = hg_blend_fit(&p->blend, &s, &wide, &o, f->err);
    hg_study_free(&s);
    if (!hg_predictor_needs_network(p)) p->network = 0;
    if (st == HG_OK) st = judge(f, &s, rows);
    if (st == HG_OK && !f->o->unlisted) st = hg_repeated_try(&again, &s, &wide, &o, f->scratch, f->err);
    if (st == HG_OK) st = fit_learned_bars(f, &again, rows);
    if (st == HG_OK) st = hg_predictor_keep_elements(p, f->err);
    if (st == HG_OK) st = keep_seen(f, rows);
    return st == HG_OK ? keep_opts(f) : st;
}

static hg_status fit(fitting *f, const char *target) {
    hg_table *measured = NULL;
    hg_rows rows;
    HG_TRY(read_target(f, target));
    if (f->p->blank) HG_TRY(hg_table_pick(&measured, f->t, f->row, f->n, f->err));
    const hg_table *t = measured ? measured : f->t;
    hg_status st = fit_intake(f, t);
    if (st == HG_OK) st = hg_intake_rows(&rows, NULL, f->p->intake, t, f->o->pool, f->scratch, f->err);
    if (st == HG_OK && f->o->repeats) rows.group = NULL;
    if (st == HG_OK) st = learn(f, &rows, t);
    hg_table_free(measured);
    return st;
}

hg_status hg_predictor_check_target(const hg_table *t, const char *target, const hg_predictor_opts *o, hg_err *err) {
    hg_predictor *p;
    HG_TRY(hg_predictor_new(&p, err));
    fitting f = { .p = p, .t = t, .o = o, .scratch = hg_arena_new(), .err = err };
    const hg_status st = f.scratch ? read_target(&f, target) : no_memory(err);
    hg_arena_free(f.scratch);
    hg_predictor_free(p);
    return st;
}

hg_status hg_predictor_new(hg_predictor **out, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    hg_predictor *p = *out = hg_alloc(mem, 1, sizeof *p);
    if (!p) {
        hg_arena_free(mem);
        return no_memory(err);
    }
    *p = (hg_predictor) { .mem = mem, .name = "", .elements = "" };
    return HG_OK;
}

void hg_predictor_free(hg_predictor *p) {
    if (!p) return;
    for (size_t k = 0; p->owns_sources && k < p->n_sources; k++) hg_predictor_free(p->source[k]);
    hg_intake_free(p->intake);
    hg_blend_free(&p->blend);
    hg_domain_free(&p->domain);
    hg_arena_free(p->mem);
}

hg_status hg_predictor_fit(hg_predictor **out, const hg_table *t, const char *target, const hg_predictor_opts *opts,
                           hg_err *err) {
    const hg_predictor_opts o = opts ? *opts : hg_predictor_opts_default();
    hg_predictor *p;
    *out = NULL;
    HG_TRY(hg_predictor_new(&p, err));
    fitting f = { .p = p, .t = t, .o = &o, .scratch = hg_arena_new(), .err = err };
    const hg_status st = f.scratch ? fit(&f, target) : no_memory(err);
    hg_arena_free(f.scratch);
    if (st == HG_OK)
        *out = p;
    else
        hg_predictor_free(p);
    return st;
}

/* ---- predict --------------------------------------------------------------------------------------------------------------- */

void hg_predictor_forecast(hg_forecast *f, const hg_predictor *p, const double *out, hg_signs *signs,
                           const hg_domain_view *v, bool learned, double level) {
    *f = (hg_forecast) { .value = out[0],
                         .low = (double)NAN,
                         .high = (double)NAN,
                         .outside = v->outside,
                         .distance = v->distance,
                         .learned = learned,
                         .element = v->element ? hg_element_symbol(v->element) : NULL,
                         .column = v->column == SIZE_MAX ? NULL : hg_intake_name(p->intake, v->column) };
    if (p->classes) {
        f->value = (double)hg_decision_take(&p->decision, out, p->classes);
        f->probability = out;
        return;
    }
    signs->sign[2] = v->distance;
    f->value = value_of(p, out[0]);
    bounds(&f->low, &f->high, p, learned && p->learned.n ? &p->learned : &p->bars, signs, f->value, level);
}

hg_status hg_predictor_predict(hg_forecast *f, hg_err *why, const hg_predictor *p, const hg_table *t, double level,
                               hg_pool *pool, hg_arena *mem, hg_err *err) {
    const size_t n = hg_table_rows(t), outputs = p->classes ? p->classes : 1;
    hg_rows rows;
    if (!(level > 0 && level < 1)) return hg_fail(err, HG_EINVAL, "a level of %g, expected one between 0 and 1", level);
    HG_TRY(hg_intake_new_rows(&rows, why, p->intake, t, pool, mem, err));
    rows.classes = p->classes;
    double *out = hg_alloc(mem, n * outputs, sizeof *out);
    hg_signs *signs = hg_alloc(mem, n, sizeof *signs);
    hg_domain_view *view = hg_alloc(mem, n, sizeof *view);
    if (!out || !signs || !view) return hg_fail(err, HG_ENOMEM, "no memory for %zu predictions", n);
    hg_rows wide = rows;
    if (p->n_sources) HG_TRY(hg_predictor_widen(&wide, why, p, &rows, t, pool, mem, err));
    HG_TRY(hg_blend_predict(out, signs, &p->blend, &wide, pool, err));
    HG_TRY(hg_domain_look(view, &p->domain, &rows, false, pool, err));
    for (size_t i = 0; i < n; i++) {
        const bool learned = rows.composition && hg_seen_has(&p->seen, &rows.composition[i]);
        hg_predictor_forecast(&f[i], p, out + i * outputs, &signs[i], &view[i], learned, level);
        if (why && why[i].code != HG_OK)
            f[i] = (hg_forecast) { .value = (double)NAN, .low = (double)NAN, .high = (double)NAN };
    }
    return HG_OK;
}

/* ---- what there is to know ------------------------------------------------------------------------------------------------ */

const char *hg_predictor_name(const hg_predictor *p) { return p->name; }
size_t hg_predictor_learned(const hg_predictor *p) { return p->seen.n ? p->seen.n : HG_NOT_TOLD; }
size_t hg_predictor_sources(const hg_predictor *p) { return p->n_sources; }
hg_predictor *const *hg_predictor_lent(const hg_predictor *p, size_t *n) {
    *n = p->n_sources;
    return p->source;
}
const char *hg_predictor_target(const hg_predictor *p) { return p->target; }
const char *hg_predictor_unit(const hg_predictor *p) { return p->unit; }
size_t hg_predictor_classes(const hg_predictor *p) { return p->classes; }
const char *hg_predictor_class(const hg_predictor *p, size_t c) { return c < p->classes ? p->class_name[c] : NULL; }
const char *hg_predictor_column(const hg_predictor *p, size_t i) { return hg_intake_column(p->intake, i); }
const char *hg_predictor_text_column(const hg_predictor *p, size_t i) { return hg_intake_text_column(p->intake, i); }
const char *hg_predictor_words(const hg_predictor *p) { return hg_intake_words(p->intake); }
const hg_tried *hg_predictor_tried(const hg_predictor *p, size_t i) { return i < p->n_tried ? &p->tried[i] : NULL; }
hg_predictor_score hg_predictor_score_of(const hg_predictor *p) { return p->score; }
const hg_predictor_class_score *hg_predictor_class_score_of(const hg_predictor *p, size_t c) {
    return p->by_class && c < p->classes ? &p->by_class[c] : NULL;
}

size_t hg_predictor_rows(const hg_predictor *p, size_t *blank) {
    if (blank) *blank = p->blank;
    return p->rows;
}
