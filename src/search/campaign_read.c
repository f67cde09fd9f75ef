/* search/campaign_read.c -- tables to a campaign. Reading goes: columns, kinds of rows, values, features, what other models say */
#include "search/campaign.h"
#include "core/number.h"
#include "core/memory.h"
#include "search/policy.h"
#include "search/result.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum { IGNORED, MEASURED, FAILED, CANDIDATE } row_kind;

typedef struct {
    hg_campaign *c;
    const hg_suggest_opts *o;
    bool complete;
    row_kind *of_measured, *of_pool; /* per row; of_pool == of_measured without a separate pool */
    hg_err *err;
} reader;

static hg_status no_memory(reader *r) {
    return hg_fail(r->err, HG_ENOMEM, "campaign of %s", hg_table_source(r->c->measured));
}

/* A column of numbers that a model can learn from: text, infinity and 1e300 are refused with their place. */
static hg_status learnable(reader *r, const hg_table *t, size_t column) {
    HG_TRY(hg_table_need_numbers(t, column, true, r->err));
    const hg_column *c = hg_table_column(t, column);
    for (size_t i = 0; i < hg_table_rows(t); i++) {
        if (!(fabs(c->number[i]) > HG_POLICY.largest_value)) continue;
        hg_fail_at(r->err, HG_EDATA, hg_table_source(t), hg_table_line(t, i), 0,
                   "column \"%s\" holds %g, larger than any measured value can be", c->name, c->number[i]);
        return hg_advise(r->err, HG_EDATA, "if it stands for \"not measured\", leave the cell blank");
    }
    return HG_OK;
}

/* hg_table_find for a column that need not be there. */
static hg_status find_if_there(bool *there, size_t *column, reader *r, const hg_table *t, const char *name) {
    hg_err err;
    const hg_status st = hg_table_find(column, t, name, &err);
    *there = st == HG_OK;
    if (st == HG_OK || st == HG_ENOTFOUND) return HG_OK;
    if (r->err) *r->err = err;
    return st;
}

/* ---- kinds of rows -------------------------------------------------------------------------------------------- */

static const char *const YES[] = { "1", "yes", "true", "y", "x", "failed", "fail" };
static const char *const NO[] = { "0", "no", "false", "n", "", "ok", "-" };

static bool among(const char *s, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(s, list[i])) return true;
    return false;
}

static hg_status read_failed(bool *failed, reader *r, const hg_table *t, size_t column, size_t row) {
    const hg_column *c = hg_table_column(t, column);
    char number[32];
    const char *s = number;
    if (c->kind == HG_COLUMN_TEXT)
        s = hg_table_text(t, column, row);
    else if (isnan(c->number[row]))
        s = "";
    else
        hg_print(number, sizeof number, "%.17g", c->number[row]);
    *failed = among(s, YES, sizeof YES / sizeof *YES);
    if (*failed || among(s, NO, sizeof NO / sizeof *NO)) return HG_OK;
    hg_fail_at(r->err, HG_EDATA, hg_table_source(t), hg_table_line(t, row), 0,
               "column \"%s\" holds \"%.40s\", expected a mark for failed or not", c->name, s);
    return hg_advise(r->err, HG_EDATA, "use 1, yes, true or failed; and 0, no, false, ok or a blank cell");
}

/* Kinds of the rows of table t; blank: what a row without any value is. */
static hg_status classify(row_kind *kind, reader *r, const hg_table *t, bool is_pool, row_kind blank) {
    size_t goal[HG_OBJECTIVES_MAX], n_goals = 0, failed = SIZE_MAX;
    for (size_t g = 0; g < r->c->n_goals; g++) {
        bool there = true;
        goal[n_goals] = r->c->goal[g].column;
        if (is_pool) HG_TRY(find_if_there(&there, &goal[n_goals], r, t, r->c->goal[g].name));
        if (is_pool && there) HG_TRY(learnable(r, t, goal[n_goals]));
        n_goals += there ? 1 : 0;
    }
    if (r->o->failed && is_pool) {
        bool there;
        HG_TRY(find_if_there(&there, &failed, r, t, r->o->failed));
        if (!there) failed = SIZE_MAX;
    } else if (r->o->failed) {
        HG_TRY(hg_table_find(&failed, t, r->o->failed, r->err));
    }
    for (size_t i = 0; i < hg_table_rows(t); i++) {
        bool any = false, bad = false;
        for (size_t g = 0; g < n_goals; g++) any = any || !isnan(hg_table_column(t, goal[g])->number[i]);
        if (failed != SIZE_MAX) HG_TRY(read_failed(&bad, r, t, failed, i));
        kind[i] = bad ? (is_pool ? IGNORED : FAILED) : any ? (is_pool ? IGNORED : MEASURED) : blank;
    }
    return HG_OK;
}

static size_t count(const row_kind *kind, size_t n, row_kind k) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += kind[i] == k ? 1 : 0;
    return sum;
}

static hg_status find_goals(reader *r) {
    hg_campaign *c = r->c;
    if (r->o->n_objectives < 1 || r->o->n_objectives > HG_OBJECTIVES_MAX)
        return hg_fail(r->err, HG_EINVAL, "%zu objectives, 1 to 3 are possible", r->o->n_objectives);
    for (size_t g = 0; g < r->o->n_objectives; g++) {
        hg_goal *goal = &c->goal[g];
        HG_TRY(hg_table_find(&goal->column, c->measured, r->o->objective[g].column, r->err));
        const hg_column *column = hg_table_column(c->measured, goal->column);
        goal->name = column->name;
        goal->unit = column->unit;
        goal->sign = r->o->objective[g].maximize ? 1 : -1;
        for (size_t k = 0; k < g; k++)
            if (c->goal[k].column == goal->column)
                return hg_fail(r->err, HG_EINVAL, "objective \"%s\" is given twice", goal->name);
        HG_TRY(learnable(r, c->measured, goal->column));
        c->n_goals = g + 1;
    }
    return HG_OK;
}

static hg_status classify_rows(reader *r) {
    hg_campaign *c = r->c;
    const size_t n = hg_table_rows(c->measured), np = hg_table_rows(c->pool);
    const bool one = c->pool == c->measured;
    r->of_measured = hg_alloc(c->mem, n, sizeof *r->of_measured);
    r->of_pool = one ? r->of_measured : hg_alloc(c->mem, np, sizeof *r->of_pool);
    if (!r->of_measured || !r->of_pool) return no_memory(r);
    HG_TRY(classify(r->of_measured, r, c->measured, false, one && !r->complete ? CANDIDATE : IGNORED));
    if (!one) HG_TRY(classify(r->of_pool, r, c->pool, true, CANDIDATE));
    c->n_measured = count(r->of_measured, n, MEASURED);
    c->n_failed = count(r->of_measured, n, FAILED);
    c->n_candidates = count(r->of_pool, np, CANDIDATE);
    const size_t blank = count(r->of_measured, n, IGNORED), left_out = one ? 0 : np - c->n_candidates;
    if (blank && r->complete)
        hg_text_add(&c->warnings, "%zu row%s without a value of \"%s\" %s left out.\n", blank, blank == 1 ? "" : "s",
                    c->goal[0].name, blank == 1 ? "is" : "are");
    else if (blank)
        hg_text_add(&c->warnings, "%zu row%s of %s %s no measured value and %s not used: the candidates are in %s.\n",
                    blank, blank == 1 ? "" : "s", hg_table_source(c->measured), blank == 1 ? "has" : "have",
                    blank == 1 ? "is" : "are", hg_table_source(c->pool));
    if (left_out)
        hg_text_add(&c->warnings, "%zu row%s of %s already %s a value or failed: no candidate%s.\n", left_out,
                    left_out == 1 ? "" : "s", hg_table_source(c->pool), left_out == 1 ? "has" : "have",
                    left_out == 1 ? "" : "s");
    if (c->n_candidates || r->complete) return HG_OK;
    hg_fail(r->err, HG_EDATA, "%s: nothing left to suggest, %s", hg_table_source(c->pool),
            c->n_measured ? "every candidate is measured" : "there are no candidates");
    return hg_advise(r->err, HG_EDATA,
                     "candidates are rows whose \"%s\" cell is blank, or a table of their own (--candidates)",
                     c->goal[0].name);
}

/* ---- values --------------------------------------------------------------------------------------------------- */

/* Values of `column` of t at the rows of kind k, in the arena; NULL when there is no memory. */
static double *gather(reader *r, const hg_table *t, size_t column, const row_kind *kind, row_kind k, size_t n) {
    double *v = hg_alloc(r->c->mem, n, sizeof *v);
    size_t at = 0;
    for (size_t i = 0; v && i < hg_table_rows(t); i++)
        if (kind[i] == k) v[at++] = hg_table_column(t, column)->number[i];
    return v;
}

static size_t count_numbers(const double *v, size_t n) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += isnan(v[i]) ? 0 : 1;
    return sum;
}

/* Two values at least, and not all the same. */
static hg_status check_varied(reader *r, const char *name, const double *v, size_t n, size_t used) {
    const char *source = hg_table_source(r->c->measured);
    if (used < 2) {
        hg_fail(r->err, HG_EDATA, "%s: column \"%s\" has %zu measured value%s, at least 2 are needed", source, name,
                used, used == 1 ? "" : "s");
        return hg_advise(r->err, HG_EDATA, "measure %s first, for example two candidates that differ much",
                         used ? "one more" : "two");
    }
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, v[i]); /* fmin and fmax pass over NaN */
        high = fmax(high, v[i]);
    }
    if (high > low && high - low < HG_POLICY.least_spread) {
        hg_fail(r->err, HG_EDATA, "%s: the measured values of \"%s\" lie within %.2g of each other", source, name,
                high - low);
        return hg_advise(r->err, HG_EDATA,
                         "give them in a smaller unit: squares of such numbers are too small for a "
                         "computer");
    }
    if (high - low > 1e-12 * fmax(fabs(low), fabs(high))) return HG_OK;
    if (high > low) {
        hg_fail(r->err, HG_EDATA, "%s: the measured values of \"%s\" differ by %.2g only, of %g", source, name,
                high - low, high);
        return hg_advise(r->err, HG_EDATA,
                         "subtract what they have in common, so that the difference keeps its digits");
    }
    hg_fail(r->err, HG_EDATA, "%s: all %zu measured values of \"%s\" are %g", source, used, name, low + 0.0);
    return hg_advise(r->err, HG_EDATA, "a constant target says nothing about where to look: is it the right column?");
}

static hg_status read_goals(reader *r) {
    hg_campaign *c = r->c;
    for (size_t g = 0; g < c->n_goals; g++) {
        double *y = gather(r, c->measured, c->goal[g].column, r->of_measured, MEASURED, c->n_measured);
        if (!y) return no_memory(r);
        c->goal[g].n = count_numbers(y, c->n_measured);
        HG_TRY(check_varied(r, c->goal[g].name, y, c->n_measured, c->goal[g].n));
        for (size_t i = 0; i < c->n_measured; i++) y[i] *= c->goal[g].sign;
        c->goal[g].y = y;
    }
    for (size_t i = 0; i < c->n_measured; i++) {
        size_t have = 0;
        for (size_t g = 0; g < c->n_goals; g++) have += isnan(c->goal[g].y[i]) ? 0 : 1;
        if (have == c->n_goals) return HG_OK;
    }
    hg_fail(r->err, HG_EDATA, "%s: no row has a value of every objective", hg_table_source(c->measured));
    return hg_advise(r->err, HG_EDATA, "measure the missing objectives of one row first, or give one objective alone");
}

static hg_status read_limits(reader *r) {
    hg_campaign *c = r->c;
    c->limit = hg_alloc(c->mem, r->o->n_require, sizeof *c->limit);
    if (!c->limit) return no_memory(r);
    for (size_t k = 0; k < r->o->n_require; k++) {
        const hg_requirement *q = &r->o->require[k];
        hg_limit *l = &c->limit[k];
        size_t column, there;
        if (!isfinite(q->limit))
            return hg_fail(r->err, HG_EINVAL, "the limit of \"%s\" is not a finite number", q->column);
        HG_TRY(hg_table_find(&column, c->measured, q->column, r->err));
        HG_TRY(learnable(r, c->measured, column));
        *l = (hg_limit) { .name = hg_table_column(c->measured, column)->name, .above = q->above, .limit = q->limit };
        l->value = gather(r, c->measured, column, r->of_measured, MEASURED, c->n_measured);
        if (!l->value) return no_memory(r);
        l->n = count_numbers(l->value, c->n_measured);
        bool in_pool;
        HG_TRY(find_if_there(&in_pool, &there, r, c->pool, l->name));
        if (in_pool) {
            HG_TRY(learnable(r, c->pool, there));
            double *known = gather(r, c->pool, there, r->of_pool, CANDIDATE, c->n_candidates);
            if (!known) return no_memory(r);
            if (count_numbers(known, c->n_candidates)) l->known = known;
        }
        const bool all_known = l->known && count_numbers(l->known, c->n_candidates) == c->n_candidates;
        if (l->n < 2 && !all_known) {
            hg_fail(r->err, HG_EDATA, "%s: requirement on \"%s\" with %zu measured value%s, at least 2 are needed",
                    hg_table_source(c->measured), l->name, l->n, l->n == 1 ? "" : "s");
            return hg_advise(r->err, HG_EDATA, "measure it on two rows, or leave the requirement out for now");
        }
        c->n_limits = k + 1;
    }
    return HG_OK;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static hg_status read_cost(reader *r) {
    hg_campaign *c = r->c;
    if (!r->o->cost) return HG_OK;
    size_t column;
    HG_TRY(hg_table_find(&column, c->pool, r->o->cost, r->err));
    HG_TRY(hg_table_need_numbers(c->pool, column, true, r->err));
    const hg_column *cost = hg_table_column(c->pool, column);
    for (size_t i = 0; i < hg_table_rows(c->pool); i++) {
        if (r->of_pool[i] != CANDIDATE) continue;
        if (cost->number[i] > 0 && cost->number[i] <= HG_POLICY.largest_value) continue;
        hg_fail_at(r->err, HG_EDATA, hg_table_source(c->pool), hg_table_line(c->pool, i), 0,
                   isnan(cost->number[i]) ? "column \"%s\": this candidate has no cost" : "column \"%s\": cost %g",
                   cost->name, cost->number[i]);
        return hg_advise(r->err, HG_EDATA, "every candidate needs a cost larger than 0");
    }
    c->cost = gather(r, c->pool, column, r->of_pool, CANDIDATE, c->n_candidates);
    double *sorted = gather(r, c->pool, column, r->of_pool, CANDIDATE, c->n_candidates);
    if (!c->cost || !sorted) return no_memory(r);
    qsort(sorted, c->n_candidates, sizeof *sorted, by_value);
    const double median = sorted[c->n_candidates / 2];
    for (size_t i = 0; i < c->n_candidates; i++) c->cost[i] /= median;
    return HG_OK;
}

/* ---- features ------------------------------------------------------------------------------------------------- */

/* A required column that is known for every candidate is an honest feature; one that must be measured is not. */
static hg_status choose_features(reader *r) {
    hg_campaign *c = r->c;
    hg_features_opts f = r->o->features;
    const size_t columns = hg_table_columns(c->measured);
    const char **exclude =
        hg_alloc(c->mem, f.n_exclude + c->n_goals + r->o->n_require + r->o->n_prior + 2 + columns, sizeof *exclude);
    if (!exclude) return no_memory(r);
    size_t n = 0;
    for (size_t i = 0; i < f.n_exclude; i++) exclude[n++] = f.exclude[i];
    for (size_t g = 0; g < c->n_goals; g++) exclude[n++] = c->goal[g].name;
    for (size_t k = 0; k < c->n_limits; k++) {
        const hg_limit *l = &c->limit[k];
        if (l->n == c->n_measured && l->known && count_numbers(l->known, c->n_candidates) == c->n_candidates) continue;
        exclude[n++] = l->name;
    }
    for (size_t j = 0; j < columns; j++) { /* an earlier answer, filled in: what was predicted is no input */
        const char *name = hg_table_column(c->measured, j)->name;
        if (hg_result_column(c->measured, name)) exclude[n++] = name;
    }
    for (size_t i = 0; i < r->o->n_prior; i++) exclude[n++] = r->o->prior[i];
    if (r->o->failed) exclude[n++] = r->o->failed;
    if (r->o->cost) exclude[n++] = r->o->cost;
    for (size_t i = 0; i < f.n_columns; i++)
        for (size_t g = 0; g < c->n_goals; g++)
            if (!strcmp(f.columns[i], c->goal[g].name))
                return hg_advise(r->err, hg_fail(r->err, HG_EINVAL, "\"%s\" is the target and a feature", f.columns[i]),
                                 "a model that sees the target learns nothing: leave it out of the features");
    f.exclude = exclude;
    f.n_exclude = n;
    const hg_table *tables[] = { c->measured, c->pool };
    HG_TRY(hg_features_fit(&c->features, tables, c->pool == c->measured ? 1 : 2, &f, r->err));
    c->d = hg_features_dim(c->features);
    if (*hg_features_warning(c->features)) hg_text_add(&c->warnings, "%s\n", hg_features_warning(c->features));
    return HG_OK;
}

/* Features that no distance can be taken of are refused by row and name. */
static hg_status check_features(reader *r, const double *x, const hg_table *t) {
    const size_t d = r->c->d;
    for (size_t i = 0; i < hg_table_rows(t); i++)
        for (size_t j = 0; j < d; j++) {
            if (fabs(x[i * d + j]) <= HG_POLICY.largest_value) continue;
            hg_fail_at(r->err, HG_EDATA, hg_table_source(t), hg_table_line(t, i), 0,
                       "feature \"%s\" is %g, too large for a model", hg_features_name(r->c->features, j),
                       x[i * d + j]);
            return hg_advise(r->err, HG_EDATA, "correct the value, or leave the column out of the features");
        }
    return HG_OK;
}

/* Rows of kind k out of x[rows,d], with their numbers. */
static void take(double *to, size_t *row, const double *x, const row_kind *kind, row_kind k, size_t n, size_t d) {
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (kind[i] != k) continue;
        if (row) row[at] = i;
        memcpy(to + at++ * d, x + i * d, d * sizeof *x);
    }
}

static hg_status read_features(reader *r) {
    hg_campaign *c = r->c;
    const size_t n = hg_table_rows(c->measured), np = hg_table_rows(c->pool), d = c->d;
    const bool one = c->pool == c->measured;
    c->x = hg_alloc(c->mem, c->n_measured, d * sizeof *c->x);
    c->xf = hg_alloc(c->mem, c->n_failed, d * sizeof *c->xf);
    c->xc = hg_alloc(c->mem, c->n_candidates, d * sizeof *c->xc);
    c->row = hg_alloc(c->mem, c->n_measured, sizeof *c->row);
    c->candidate = hg_alloc(c->mem, c->n_candidates, sizeof *c->candidate);
    c->group = hg_alloc(c->mem, d, sizeof *c->group);
    c->shift = hg_alloc(c->mem, d, sizeof *c->shift);
    c->scale = hg_alloc(c->mem, d, sizeof *c->scale);
    if (!c->x || !c->xf || !c->xc || !c->row || !c->candidate || !c->group || !c->shift || !c->scale)
        return no_memory(r);
    double *all = hg_malloc(n > np ? n : np, d * sizeof *all); /* given back before the work begins */
    if (!all) return no_memory(r);
    hg_status st = hg_features_apply(all, c->features, c->measured, r->err);
    if (st == HG_OK) st = check_features(r, all, c->measured);
    if (st == HG_OK) {
        take(c->x, c->row, all, r->of_measured, MEASURED, n, d);
        take(c->xf, NULL, all, r->of_measured, FAILED, n, d);
        if (!one) st = hg_features_apply(all, c->features, c->pool, r->err);
        if (!one && st == HG_OK) st = check_features(r, all, c->pool);
    }
    if (st == HG_OK) take(c->xc, c->candidate, all, r->of_pool, CANDIDATE, np, d);
    hg_free(all);
    HG_TRY(st);
    for (size_t g = 0; g < hg_features_groups(c->features); g++) {
        const hg_feature_group *group = hg_features_group(c->features, g);
        for (size_t j = 0; j < group->dim; j++) c->group[group->first + j] = g;
    }
    const double *all_x[] = { c->x, c->xf, c->xc };
    const size_t all_n[] = { c->n_measured, c->n_failed, c->n_candidates };
    hg_campaign_scale(c->shift, c->scale, c->features, all_x, all_n, 3);
    return HG_OK;
}

/* ---- what other models say ---------------------------------------------------------------------------------------- */

/* x[n,d] of the rows of kind k with the prior columns of t behind each. */
static hg_status widen(double **x, reader *r, const hg_table *t, const row_kind *kind, row_kind k, size_t n) {
    const size_t d = r->c->d, wide = d + r->o->n_prior;
    double *to = hg_alloc(r->c->mem, n, wide * sizeof *to);
    if (!to) return no_memory(r);
    for (size_t i = 0; i < n; i++) memcpy(to + i * wide, *x + i * d, d * sizeof *to);
    for (size_t p = 0; p < r->o->n_prior; p++) {
        size_t column, at = 0;
        HG_TRY(hg_table_find(&column, t, r->o->prior[p], r->err));
        HG_TRY(learnable(r, t, column));
        const double *v = hg_table_column(t, column)->number;
        for (size_t i = 0; i < hg_table_rows(t); i++) {
            if (kind[i] != k) continue;
            if (isnan(v[i]))
                return hg_fail_at(r->err, HG_ENAN, hg_table_source(t), hg_table_line(t, i), 0,
                                  "column \"%s\" has no value here: it is a prior mean", r->o->prior[p]);
            to[at++ * wide + d + p] = v[i];
        }
    }
    *x = to;
    return HG_OK;
}

static hg_status read_priors(reader *r) {
    hg_campaign *c = r->c;
    if (!r->o->n_prior) return HG_OK;
    HG_TRY(widen(&c->x, r, c->measured, r->of_measured, MEASURED, c->n_measured));
    HG_TRY(widen(&c->xf, r, c->measured, r->of_measured, FAILED, c->n_failed));
    HG_TRY(widen(&c->xc, r, c->pool, r->of_pool, CANDIDATE, c->n_candidates));
    return hg_campaign_widen(c, r->o->n_prior, false, r->err);
}

static hg_status read_all(reader *r) {
    HG_TRY(find_goals(r));
    HG_TRY(classify_rows(r));
    HG_TRY(read_goals(r));
    if (r->complete) { /* every measured row is a candidate too */
        r->c->n_candidates = 0;
        HG_TRY(choose_features(r));
        HG_TRY(read_features(r));
        return read_priors(r);
    }
    HG_TRY(read_limits(r));
    HG_TRY(read_cost(r));
    HG_TRY(choose_features(r));
    HG_TRY(read_features(r));
    return read_priors(r);
}

hg_status hg_campaign_read(hg_campaign **out, const hg_table *measured, const hg_table *pool, bool complete,
                           const hg_suggest_opts *o, hg_err *err) {
    *out = NULL;
    hg_arena *mem = hg_arena_new();
    hg_campaign *c = hg_alloc(mem, 1, sizeof *c);
    if (!c) {
        hg_arena_free(mem);
        return hg_fail(err, HG_ENOMEM, "campaign of %s", hg_table_source(measured));
    }
    *c = (hg_campaign) { .mem = mem, .measured = measured, .pool = pool ? pool : measured, .warnings = hg_text_new(0) };
    reader r = { .c = c, .o = o, .complete = complete, .err = err };
    hg_status st = read_all(&r);
    if (st == HG_OK && c->warnings.failed) st = no_memory(&r);
    if (st != HG_OK) {
        hg_campaign_free(c);
        return st;
    }
    *out = c;
    return HG_OK;
}
