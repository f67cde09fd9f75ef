/* search/report_figures.c -- the figures of a report, one record each in the table at the end */
#include "search/sheet.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double Z90 = 1.6448536269514722; /* a normal value lies within this many sd with 90 % probability */

static const hg_suggestions *result(const hg_sheet *s) { return s->r->suggestions; }

/* ---- leave-one-out rows in the order of measurement ------------------------------------------------------------- */

typedef struct {
    size_t row, at;
} measured_row;

static int by_row(const void *a, const void *b) {
    const measured_row *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

static measured_row *in_order(hg_sheet *s, const hg_loo *loo) {
    measured_row *m = hg_alloc(s->mem, loo->n, sizeof *m);
    if (!m) {
        s->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < loo->n; i++) m[i] = (measured_row) { loo->row[i], i };
    qsort(m, loo->n, sizeof *m, by_row);
    return m;
}

static bool has_loo(const hg_report *r, size_t k) {
    return r->suggestions && k < r->suggestions->n_objectives && r->suggestions->loo[k].n > 0;
}

/* ---- progress --------------------------------------------------------------------------------------------------- */

static void suggested_after(hg_sheet *s, size_t n) {
    const hg_suggestions *q = result(s);
    double *x = hg_sheet_numbers(s, q->n), *y = hg_sheet_numbers(s, q->n), *low = hg_sheet_numbers(s, q->n),
           *high = hg_sheet_numbers(s, q->n);
    if (s->failed) return;
    for (size_t i = 0; i < q->n; i++) {
        x[i] = (double)(n + 1 + i);
        y[i] = q->suggestion[i].mean[s->index];
        low[i] = y[i] - Z90 * q->suggestion[i].sd[s->index];
        high[i] = y[i] + Z90 * q->suggestion[i].sd[s->index];
    }
    hg_layer *l =
        hg_sheet_layer(s, HG_LAYER_POINTS, "suggested: predicted, 90 % interval", x, y, q->n, HG_COLOUR_VERMILION);
    l->low = low;
    l->high = high;
    l->marker = HG_MARKER_STAR;
    l->text = hg_sheet_ranks(s, q->n);
}

static void build_progress(hg_sheet *s) {
    const hg_loo *loo = &result(s)->loo[s->index];
    const bool maximize = s->index < s->r->n_objectives && s->r->objective[s->index].maximize;
    const measured_row *m = in_order(s, loo);
    double *x = hg_sheet_numbers(s, loo->n), *y = hg_sheet_numbers(s, loo->n), *best = hg_sheet_numbers(s, loo->n);
    if (s->failed) return;
    for (size_t i = 0; i < loo->n; i++) {
        x[i] = (double)(i + 1);
        y[i] = loo->y[m[i].at];
        best[i] = i == 0 ? y[i] : maximize ? fmax(best[i - 1], y[i]) : fmin(best[i - 1], y[i]);
    }
    hg_sheet_layer(s, HG_LAYER_POINTS, "measured", x, y, loo->n, HG_COLOUR_GREY);
    hg_sheet_layer(s, HG_LAYER_LINE, "best so far", x, best, loo->n, HG_COLOUR_BLUE)->steps = true;
    suggested_after(s, loo->n);
    s->figure.x.label = "measurement, in the order of the table";
    s->figure.x.whole = true;
    s->figure.y.label = hg_sheet_objective(s->r, s->index);
    s->caption = "Progress so far. Each point is one measured row, the line is the best up to there. Stars: what is "
                 "suggested next, with the 90 % interval of the prediction.";
}

/* ---- leave-one-out ---------------------------------------------------------------------------------------------- */

static void build_parity(hg_sheet *s) {
    const hg_loo *loo = &result(s)->loo[s->index];
    double *low = hg_sheet_numbers(s, loo->n), *high = hg_sheet_numbers(s, loo->n);
    const char **text = hg_alloc(s->mem, loo->n, sizeof *text);
    if (!text) s->failed = true;
    if (s->failed) return;
    hg_text worst = hg_text_new(0);
    hg_sheet_row(&worst, s->r, result(s)->measured, loo->max_abs_z_row);
    for (size_t i = 0; i < loo->n; i++) {
        low[i] = loo->mean[i] - Z90 * loo->sd[i];
        high[i] = loo->mean[i] + Z90 * loo->sd[i];
        if (loo->row[i] == loo->max_abs_z_row && loo->max_abs_z > Z90) text[i] = hg_sheet_text(s, "%s", worst.s);
    }
    if (worst.failed) s->failed = true;
    hg_text_free(&worst);
    hg_layer *line = hg_sheet_layer(s, HG_LAYER_DIAGONAL, "predicted = measured", NULL, NULL, 0, HG_COLOUR_GREY);
    line->dashed = true;
    hg_layer *l = hg_sheet_layer(s, HG_LAYER_POINTS, "rows, 90 % interval", loo->y, loo->mean, loo->n, HG_COLOUR_BLUE);
    l->low = low;
    l->high = high;
    l->text = text;
    s->figure.square = true;
    s->figure.width_mm = 96;
    s->figure.height_mm = 96;
    s->figure.x.label = hg_sheet_text(s, "measured %s", hg_sheet_objective(s->r, s->index));
    s->figure.y.label = "predicted without that row";
    s->caption =
        "Leave-one-out check. Every measured row is predicted by a model that has not seen it. Points near the "
        "line: the model can be trusted; nine bars in ten should touch the line.";
}

static void build_residuals(hg_sheet *s) {
    const hg_loo *loo = &result(s)->loo[s->index];
    const measured_row *m = in_order(s, loo);
    double *x = hg_sheet_numbers(s, loo->n), *z = hg_sheet_numbers(s, loo->n), *far = hg_sheet_numbers(s, loo->n),
           *limits = hg_sheet_numbers(s, 2), *zero = hg_sheet_numbers(s, 1);
    if (s->failed) return;
    for (size_t i = 0; i < loo->n; i++) {
        const size_t at = m[i].at;
        x[i] = (double)(i + 1);
        z[i] = (loo->y[at] - loo->mean[at]) / loo->sd[at];
        far[i] = fabs(z[i]) > Z90 ? z[i] : NAN;
    }
    limits[0] = -Z90;
    limits[1] = Z90;
    hg_sheet_layer(s, HG_LAYER_LEVELS, NULL, NULL, zero, 1, HG_COLOUR_GREY)->size = 0.8;
    hg_layer *l = hg_sheet_layer(s, HG_LAYER_LEVELS, "90 % of rows lie between", NULL, limits, 2, HG_COLOUR_GREY);
    l->dashed = true;
    hg_sheet_layer(s, HG_LAYER_POINTS, "inside", x, z, loo->n, HG_COLOUR_BLUE);
    hg_sheet_layer(s, HG_LAYER_POINTS, "outside", x, far, loo->n, HG_COLOUR_VERMILION);
    s->figure.height_mm = 64;
    s->figure.x.label = "measurement, in the order of the table";
    s->figure.x.whole = true;
    s->figure.y.label = "residual / sd";
    s->caption =
        "Standardised leave-one-out residuals. A trend with the order of measurement points to drift; a single "
        "far point is worth measuring again.";
}

/* ---- relevance -------------------------------------------------------------------------------------------------- */

enum { MOST_BARS = 15 };

typedef struct {
    double relevance;
    size_t group;
} ranked_group;

static int by_relevance(const void *a, const void *b) {
    const ranked_group *x = a, *y = b;
    if (x->relevance != y->relevance) return x->relevance < y->relevance ? 1 : -1;
    return (x->group > y->group) - (x->group < y->group);
}

static bool fits_relevance(const hg_report *r, size_t index) {
    (void)index;
    return r->suggestions && r->suggestions->relevance && r->suggestions->n_groups > 0;
}

static const char *group_words(hg_sheet *s, size_t g) {
    const hg_feature_group *group = hg_features_group(result(s)->features, g);
    if (group->kind == HG_GROUP_FORMULA) return hg_sheet_text(s, "%s (%zu descriptors)", group->column, group->dim);
    if (group->kind == HG_GROUP_CATEGORY) return hg_sheet_text(s, "%s (%zu levels)", group->column, group->dim);
    return group->column;
}

static void build_relevance(hg_sheet *s) {
    const hg_suggestions *q = result(s);
    const size_t shown = q->n_groups < MOST_BARS ? q->n_groups : MOST_BARS;
    ranked_group *order = hg_alloc(s->mem, q->n_groups, sizeof *order);
    const char **name = hg_alloc(s->mem, shown, sizeof *name);
    double *x = hg_sheet_numbers(s, shown), *y = hg_sheet_numbers(s, shown);
    if (!order || !name) s->failed = true;
    if (s->failed) return;
    for (size_t g = 0; g < q->n_groups; g++) order[g] = (ranked_group) { q->relevance[g], g };
    qsort(order, q->n_groups, sizeof *order, by_relevance);
    for (size_t i = 0; i < shown; i++) {
        x[i] = order[i].relevance;
        y[i] = (double)i;
        name[i] = group_words(s, order[i].group);
    }
    hg_sheet_layer(s, HG_LAYER_BARS, NULL, x, y, shown, HG_COLOUR_BLUE);
    s->figure.height_mm = 22 + 6.5 * (double)shown;
    s->figure.x.label = "relevance";
    s->figure.x.min = 0;
    s->figure.x.max = 1;
    s->figure.y.category = name;
    s->figure.y.n_category = shown;
    s->caption = hg_sheet_text(s,
                               "Relevance of each input: how far the learned %s can change when this input alone "
                               "moves over its range (0: not at all, 1: as much as the model allows).%s",
                               hg_sheet_objective(s->r, 0), shown < q->n_groups ? " The 15 largest are shown." : "");
}

/* ---- the pool --------------------------------------------------------------------------------------------------- */

static bool fits_pool(const hg_report *r, size_t index) {
    (void)index;
    const hg_suggestions *q = r->suggestions;
    return q && q->n_pool > 0 && q->pool_mean && q->pool_sd;
}

static void build_pool(hg_sheet *s) {
    const hg_suggestions *q = result(s);
    double *x = hg_sheet_numbers(s, q->n), *y = hg_sheet_numbers(s, q->n), *best = hg_sheet_numbers(s, 1);
    if (s->failed) return;
    for (size_t i = 0; i < q->n; i++) {
        x[i] = q->suggestion[i].mean[0];
        y[i] = q->suggestion[i].sd[0];
    }
    best[0] = q->best[0];
    hg_sheet_layer(s, HG_LAYER_POINTS, "candidates", q->pool_mean, q->pool_sd, q->n_pool, HG_COLOUR_SKY);
    if (q->n_objectives == 1 && q->best_row != SIZE_MAX)
        hg_sheet_layer(s, HG_LAYER_UPRIGHTS, "best measured", best, NULL, 1, HG_COLOUR_INK)->dashed = true;
    hg_layer *l = hg_sheet_layer(s, HG_LAYER_POINTS, "suggested", x, y, q->n, HG_COLOUR_VERMILION);
    l->marker = HG_MARKER_STAR;
    l->size = 6.5;
    l->text = hg_sheet_ranks(s, q->n);
    s->figure.x.label = hg_sheet_text(s, "predicted %s", hg_sheet_objective(s->r, 0));
    s->figure.y.label = "standard deviation";
    s->caption =
        "All candidates: what the model expects against how sure it is. Low points are well known; a suggestion "
        "is good by expectation, or uncertain enough to be worth a look.";
}

/* ---- two objectives --------------------------------------------------------------------------------------------- */

static const size_t PAIR[3][2] = { { 0, 1 }, { 0, 2 }, { 1, 2 } };

static bool fits_pareto(const hg_report *r, size_t index) {
    const hg_suggestions *q = r->suggestions;
    return q && PAIR[index][1] < q->n_objectives && PAIR[index][1] < r->n_objectives && q->measured;
}

typedef struct {
    double x, y;
} pair;

static int by_x(const void *a, const void *b) {
    const pair *p = a, *q = b;
    return (p->x > q->x) - (p->x < q->x);
}

/* The border of what the front dominates, in two objectives: a staircase through its points. */
static void staircase(hg_sheet *s, const double *x, const double *y, bool maximize_x) {
    const hg_suggestions *q = result(s);
    pair *p = hg_alloc(s->mem, q->n_front, sizeof *p);
    double *sx = hg_sheet_numbers(s, 2 * q->n_front), *sy = hg_sheet_numbers(s, 2 * q->n_front);
    if (!p) s->failed = true;
    if (s->failed || q->n_front == 0) return;
    for (size_t i = 0; i < q->n_front; i++) p[i] = (pair) { x[q->front[i]], y[q->front[i]] };
    qsort(p, q->n_front, sizeof *p, by_x);
    size_t n = 0;
    for (size_t i = 0; i < q->n_front; i++) {
        if (i > 0) { /* larger x wanted: what lies left of a point is dominated, so the border falls at the earlier x */
            sx[n] = maximize_x ? p[i - 1].x : p[i].x;
            sy[n++] = maximize_x ? p[i].y : p[i - 1].y;
        }
        sx[n] = p[i].x;
        sy[n++] = p[i].y;
    }
    hg_sheet_layer(s, HG_LAYER_LINE, NULL, sx, sy, n, HG_COLOUR_BLUE);
}

static void front_points(hg_sheet *s, const double *x, const double *y) {
    const hg_suggestions *q = result(s);
    double *fx = hg_sheet_numbers(s, q->n_front), *fy = hg_sheet_numbers(s, q->n_front);
    if (s->failed) return;
    for (size_t i = 0; i < q->n_front; i++) {
        fx[i] = x[q->front[i]];
        fy[i] = y[q->front[i]];
    }
    hg_sheet_layer(s, HG_LAYER_POINTS, "front", fx, fy, q->n_front, HG_COLOUR_BLUE);
}

static void suggested_pairs(hg_sheet *s, size_t a, size_t b) {
    const hg_suggestions *q = result(s);
    double *v[6];
    for (size_t k = 0; k < 6; k++) v[k] = hg_sheet_numbers(s, q->n);
    if (s->failed) return;
    for (size_t i = 0; i < q->n; i++) {
        const hg_suggestion *g = &q->suggestion[i];
        v[0][i] = g->mean[a];
        v[1][i] = g->mean[b];
        v[2][i] = g->mean[a] - Z90 * g->sd[a];
        v[3][i] = g->mean[a] + Z90 * g->sd[a];
        v[4][i] = g->mean[b] - Z90 * g->sd[b];
        v[5][i] = g->mean[b] + Z90 * g->sd[b];
    }
    hg_layer *l = hg_sheet_layer(s, HG_LAYER_POINTS, "suggested: predicted, 90 % intervals", v[0], v[1], q->n,
                                 HG_COLOUR_VERMILION);
    l->x_low = v[2];
    l->x_high = v[3];
    l->low = v[4];
    l->high = v[5];
    l->marker = HG_MARKER_STAR;
    l->text = hg_sheet_ranks(s, q->n);
}

static void build_pareto(hg_sheet *s) {
    const hg_suggestions *q = result(s);
    const size_t a = PAIR[s->index][0], b = PAIR[s->index][1];
    const double *x = hg_sheet_column(s, q->measured, hg_sheet_objective(s->r, a)),
                 *y = hg_sheet_column(s, q->measured, hg_sheet_objective(s->r, b));
    s->figure.x.label = hg_sheet_objective(s->r, a);
    s->figure.y.label = hg_sheet_objective(s->r, b);
    if (x && y) {
        hg_sheet_layer(s, HG_LAYER_POINTS, "measured", x, y, hg_table_rows(q->measured), HG_COLOUR_GREY);
        if (q->n_objectives == 2) staircase(s, x, y, s->r->objective[a].maximize);
        front_points(s, x, y);
    }
    suggested_pairs(s, a, b);
    s->caption = hg_sheet_text(s,
                               "Trade-off between two objectives (%s %s, %s %s). No measured row is better than a row "
                               "of the front in both. Stars: suggestions, expected to move the front outwards.",
                               s->r->objective[a].maximize ? "maximise" : "minimise", s->r->objective[a].column,
                               s->r->objective[b].maximize ? "maximise" : "minimise", s->r->objective[b].column);
}

/* ---- replay ----------------------------------------------------------------------------------------------------- */

static bool fits_replay(const hg_report *r, size_t index) {
    (void)index;
    return r->replay && r->replay->best_so_far;
}

static void median_and_band(hg_sheet *s, const double *best, const double *x, size_t n, const char *name,
                            const char *band, hg_colour colour) {
    double *median = hg_sheet_numbers(s, n), *low = hg_sheet_numbers(s, n), *high = hg_sheet_numbers(s, n);
    if (s->failed) return;
    for (size_t k = 0; k < n; k++) {
        median[k] = best[3 * k];
        low[k] = fmin(best[3 * k + 1], best[3 * k + 2]);
        high[k] = fmax(best[3 * k + 1], best[3 * k + 2]);
    }
    hg_layer *l = hg_sheet_layer(s, HG_LAYER_BAND, band, x, NULL, n, colour);
    l->low = low;
    l->high = high;
    hg_sheet_layer(s, HG_LAYER_LINE, name, x, median, n, colour);
}

static void build_replay(hg_sheet *s) {
    const hg_replay_result *p = s->r->replay;
    const size_t n = p->budget + 1;
    double *x = hg_sheet_numbers(s, n), *best = hg_sheet_numbers(s, 1);
    if (s->failed) return;
    for (size_t k = 0; k < n; k++) x[k] = (double)k;
    best[0] = p->y_best;
    hg_layer *l = hg_sheet_layer(s, HG_LAYER_LEVELS, "best of the table", NULL, best, 1, HG_COLOUR_INK);
    l->dashed = true;
    l->size = 0.9;
    if (p->random_best) median_and_band(s, p->random_best, x, n, "random order", NULL, HG_COLOUR_GREY);
    median_and_band(s, p->best_so_far, x, n, "hagane", NULL, HG_COLOUR_BLUE);
    s->figure.x.label = hg_sheet_text(s, "measurements after the first %zu", p->initial);
    s->figure.x.whole = true;
    s->figure.y.label = hg_sheet_text(s, "best %s so far", hg_sheet_objective(s->r, 0));
    s->caption = hg_sheet_text(s,
                               "Best value found against the number of measurements: median of %zu runs (line), 10 %% "
                               "to 90 %% of them (band), beside measuring in random order.",
                               p->runs);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static const hg_sheet_record RECORDS[] = {
    { "progress", "measured values in order, the best so far, the suggestions", 0, has_loo, build_progress },
    { "progress2", "measured values in order, the best so far, the suggestions, of the second objective", 1, has_loo,
      build_progress },
    { "progress3", "measured values in order, the best so far, the suggestions, of the third objective", 2, has_loo,
      build_progress },
    { "pareto", "trade-off of the first two objectives, front and suggestions", 0, fits_pareto, build_pareto },
    { "pareto13", "trade-off of objectives one and three", 1, fits_pareto, build_pareto },
    { "pareto23", "trade-off of objectives two and three", 2, fits_pareto, build_pareto },
    { "map", "candidates and measured rows over the most relevant inputs or in a composition triangle", 0,
      hg_sheet_fits_map, hg_sheet_build_map },
    { "pool", "predicted mean and standard deviation of every candidate", 0, fits_pool, build_pool },
    { "relevance", "how much each input matters to the model", 0, fits_relevance, build_relevance },
    { "parity", "leave-one-out predictions against measured values", 0, has_loo, build_parity },
    { "parity2", "leave-one-out predictions against measured values, of the second objective", 1, has_loo,
      build_parity },
    { "parity3", "leave-one-out predictions against measured values, of the third objective", 2, has_loo,
      build_parity },
    { "residuals", "standardised leave-one-out residuals in order of measurement", 0, has_loo, build_residuals },
    { "residuals2", "standardised leave-one-out residuals in order of measurement, of the second objective", 1, has_loo,
      build_residuals },
    { "residuals3", "standardised leave-one-out residuals in order of measurement, of the third objective", 2, has_loo,
      build_residuals },
    { "replay", "best value against number of measurements, beside random order", 0, fits_replay, build_replay },
};
enum { RECORD_COUNT = sizeof RECORDS / sizeof *RECORDS };

const hg_sheet_record *hg_sheet_find(size_t i) { return i < RECORD_COUNT ? &RECORDS[i] : NULL; }
size_t hg_report_figures(void) { return RECORD_COUNT; }
const char *hg_report_figure_name(size_t i) { return i < RECORD_COUNT ? RECORDS[i].name : NULL; }
const char *hg_report_figure_words(size_t i) { return i < RECORD_COUNT ? RECORDS[i].words : NULL; }
bool hg_report_figure_fits(size_t i, const hg_report *r) {
    return i < RECORD_COUNT && RECORDS[i].fits(r, RECORDS[i].index);
}
