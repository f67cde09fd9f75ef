/* search/report_map.c -- where the candidates lie, coloured by what the model expects there
 *
 * Three number columns that sum to a constant in every row are a composition: a triangle. Otherwise the two most relevant
 * number columns make a plane, and a single input makes a curve with its uncertainty.
 */
#include "search/sheet.h"
#include <math.h>
#include <stdlib.h>

enum { AXES_TRIED = 10, CURVE_POINTS = 600 };
static const double Z90 = 1.6448536269514722;
static const double SUM_TOLERANCE = 2e-3; /* relative: shares are often rounded to three digits */

typedef struct { /* the number columns, most relevant first */
    size_t group[AXES_TRIED], n;
} axes;

static double relevance(const hg_suggestions *q, size_t g) {
    return q->relevance && g < q->n_groups ? q->relevance[g] : 0;
}

static axes number_axes(const hg_suggestions *q) {
    axes a = { .n = 0 };
    for (size_t g = 0; q->features && g < hg_features_groups(q->features); g++) {
        if (hg_features_group(q->features, g)->kind != HG_GROUP_NUMBER) continue;
        size_t at = a.n < AXES_TRIED ? a.n++ : AXES_TRIED; /* insert, dropping the least relevant when full */
        while (at > 0 && relevance(q, a.group[at - 1]) < relevance(q, g)) {
            if (at < AXES_TRIED) a.group[at] = a.group[at - 1];
            at--;
        }
        if (at < AXES_TRIED) a.group[at] = g;
    }
    return a;
}

static const char *column_name(const hg_suggestions *q, size_t group) {
    return hg_features_group(q->features, group)->column;
}

static bool sums_to(hg_sheet *s, const hg_table *t, const char *const name[3], double *sum) {
    const double *a = hg_sheet_column(s, t, name[0]), *b = hg_sheet_column(s, t, name[1]),
                 *c = hg_sheet_column(s, t, name[2]);
    if (!a || !b || !c) return false;
    for (size_t i = 0; i < hg_table_rows(t); i++) {
        if (!(a[i] >= 0 && b[i] >= 0 && c[i] >= 0)) return false;
        const double total = a[i] + b[i] + c[i];
        if (!(total > 0) || (*sum > 0 && fabs(total - *sum) > SUM_TOLERANCE * *sum)) return false;
        if (*sum <= 0) *sum = total;
    }
    return *sum > 0;
}

static bool find_triangle(hg_sheet *s, const axes *a, const char *name[3], double *whole) {
    const hg_suggestions *q = s->r->suggestions;
    const hg_table *pool = hg_sheet_pool(q);
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = i + 1; j < a->n; j++)
            for (size_t k = j + 1; k < a->n; k++) {
                const char *const tried[3] = { column_name(q, a->group[i]), column_name(q, a->group[j]),
                                               column_name(q, a->group[k]) };
                double sum = 0;
                if (!sums_to(s, q->measured, tried, &sum) ||
                    (pool && pool != q->measured && !sums_to(s, pool, tried, &sum)))
                    continue;
                for (size_t c = 0; c < 3; c++) name[c] = tried[c];
                *whole = sum;
                return true;
            }
    return false;
}

bool hg_sheet_fits_map(const hg_report *r, size_t index) {
    (void)index;
    const hg_suggestions *q = r->suggestions;
    if (!q || !q->features || !q->measured) return false;
    const axes a = number_axes(q);
    return a.n >= 2 || (a.n == 1 && hg_features_groups(q->features) == 1 && q->pool_row && q->pool_mean);
}

/* ---- layers ----------------------------------------------------------------------------------------------------- */

static double *gather(hg_sheet *s, const double *column, const size_t *row, size_t n) {
    double *v = hg_sheet_numbers(s, n);
    for (size_t i = 0; v && i < n; i++) v[i] = column ? column[row[i]] : NAN;
    return v;
}

static double *suggested_at(hg_sheet *s, const char *name, size_t group) {
    const hg_suggestions *q = s->r->suggestions;
    const size_t first = hg_features_group(q->features, group)->first;
    double *v = hg_sheet_numbers(s, q->n);
    for (size_t i = 0; v && i < q->n; i++) {
        const hg_table *t;
        const size_t row = hg_sheet_place(&t, q, i);
        const double *column = hg_sheet_column(s, t, name);
        v[i] = column ? column[row] : q->suggestion[i].x ? q->suggestion[i].x[first] : NAN;
    }
    return v;
}

static size_t group_of(const hg_suggestions *q, const char *name) {
    size_t g = 0;
    while (column_name(q, g) != name) g++; /* names come from the groups themselves */
    return g;
}

/* Pool, measured rows and suggestions over the columns name[0], name[1] (and name[2] in a triangle). */
static void place(hg_sheet *s, const char *const name[3], size_t dims) {
    const hg_suggestions *q = s->r->suggestions;
    const hg_loo *loo = &q->loo[0];
    const double *pool[3] = { NULL, NULL, NULL }, *measured[3] = { NULL, NULL, NULL }, *next[3] = { NULL, NULL, NULL };
    for (size_t d = 0; d < dims; d++) {
        if (q->n_pool && q->pool_row)
            pool[d] = gather(s, hg_sheet_column(s, hg_sheet_pool(q), name[d]), q->pool_row, q->n_pool);
        measured[d] = gather(s, hg_sheet_column(s, q->measured, name[d]), loo->row, loo->n);
        next[d] = suggested_at(s, name[d], group_of(q, name[d]));
    }
    if (s->failed) return;
    const bool has_pool = pool[0] && q->pool_mean;
    if (has_pool) {
        hg_layer *l = hg_sheet_layer(s, HG_LAYER_POINTS, "candidates", pool[0], pool[1], q->n_pool, HG_COLOUR_SKY);
        l->z = pool[2];
        l->value = q->pool_mean;
        l->low_on_top = s->r->n_objectives && !s->r->objective[0].maximize;
    }
    hg_layer *m = hg_sheet_layer(s, HG_LAYER_POINTS, "measured", measured[0], measured[1], loo->n, HG_COLOUR_INK);
    m->z = measured[2];
    m->marker = has_pool ? HG_MARKER_RING : HG_MARKER_CIRCLE;
    m->value = has_pool ? NULL : loo->y; /* a space has no pool to colour */
    m->size = 5.5;
    hg_layer *l = hg_sheet_layer(s, HG_LAYER_POINTS, "suggested", next[0], next[1], q->n, HG_COLOUR_VERMILION);
    l->z = next[2];
    l->marker = HG_MARKER_STAR;
    l->size = 6.5;
    l->text = hg_sheet_ranks(s, q->n);
    s->figure.value.label = hg_sheet_text(s, "%s %s", has_pool ? "predicted" : "measured", hg_sheet_objective(s->r, 0));
}

/* ---- a single input: mean and 90 % band along it ---------------------------------------------------------------- */

typedef struct {
    double x, mean, sd;
} along;

static int by_x(const void *a, const void *b) {
    const along *p = a, *q = b;
    return (p->x > q->x) - (p->x < q->x);
}

static void curve(hg_sheet *s, const char *name) {
    const hg_suggestions *q = s->r->suggestions;
    const hg_loo *loo = &q->loo[0];
    const double *column = hg_sheet_column(s, hg_sheet_pool(q), name);
    const size_t stride = q->n_pool / CURVE_POINTS + 1, most = q->n_pool / stride + 2;
    along *p = hg_alloc(s->mem, q->n_pool, sizeof *p);
    double *v[4];
    for (size_t k = 0; k < 4; k++) v[k] = hg_sheet_numbers(s, most);
    if (!p) s->failed = true;
    if (s->failed || !column) return;
    for (size_t i = 0; i < q->n_pool; i++)
        p[i] = (along) { column[q->pool_row[i]], q->pool_mean[i], q->pool_sd ? q->pool_sd[i] : 0 };
    qsort(p, q->n_pool, sizeof *p, by_x);
    size_t n = 0;
    for (size_t i = 0; i < q->n_pool; i += stride, n++) {
        v[0][n] = p[i].x;
        v[1][n] = p[i].mean;
        v[2][n] = p[i].mean - Z90 * p[i].sd;
        v[3][n] = p[i].mean + Z90 * p[i].sd;
    }
    hg_layer *band = hg_sheet_layer(s, HG_LAYER_BAND, "90 % interval", v[0], NULL, n, HG_COLOUR_BLUE);
    band->low = v[2];
    band->high = v[3];
    hg_sheet_layer(s, HG_LAYER_LINE, "predicted", v[0], v[1], n, HG_COLOUR_BLUE);
    hg_sheet_layer(s, HG_LAYER_POINTS, "measured", gather(s, hg_sheet_column(s, q->measured, name), loo->row, loo->n),
                   loo->y, loo->n, HG_COLOUR_INK);
    double *y = hg_sheet_numbers(s, q->n);
    for (size_t i = 0; y && i < q->n; i++) y[i] = q->suggestion[i].mean[0];
    hg_layer *l = hg_sheet_layer(s, HG_LAYER_POINTS, "suggested", suggested_at(s, name, group_of(q, name)), y, q->n,
                                 HG_COLOUR_VERMILION);
    l->marker = HG_MARKER_STAR;
    l->size = 6.5;
    l->text = hg_sheet_ranks(s, q->n);
    s->figure.y.label = hg_sheet_objective(s->r, 0);
    s->figure.x.label = name;
    s->caption =
        "What the model has learned along the only input: expected value, 90 % interval, measured rows and the "
        "suggestions.";
}

/* ---- which of the three ----------------------------------------------------------------------------------------- */

void hg_sheet_build_map(hg_sheet *s) {
    const hg_suggestions *q = s->r->suggestions;
    const axes a = number_axes(q);
    const char *name[3] = { column_name(q, a.group[0]), NULL, NULL };
    if (a.n == 1) {
        curve(s, name[0]);
        return;
    }
    if (find_triangle(s, &a, name, &s->figure.whole)) {
        s->figure.triangle = true;
        s->figure.height_mm = 92;
        for (size_t c = 0; c < 3; c++) s->figure.corner[c] = name[c];
        place(s, name, 3);
        s->caption = "The composition triangle. Colour: what the model expects; rings: measured; stars: suggested.";
        return;
    }
    name[1] = column_name(q, a.group[1]);
    place(s, name, 2);
    s->figure.x.label = name[0];
    s->figure.y.label = name[1];
    s->caption = hg_features_groups(q->features) > 2
                     ? "The two most relevant inputs. Colour: what the model expects (candidates that differ only in "
                       "other inputs lie on one another, the best on top); rings: measured; stars: suggested."
                     : "The two inputs. Colour: what the model expects; rings: measured; stars: suggested.";
}
