/* library/evaluate.c -- see library/evaluate.h */
#include "library/evaluate.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

hg_status hg_evaluation_add(hg_evaluation *e, const hg_judged *judged, hg_err *err) {
    if (e->n_judged == HG_JUDGED_MOST)
        return hg_fail(err, HG_EINVAL, "at most %d models can be compared at once", HG_JUDGED_MOST);
    e->judged[e->n_judged++] = *judged;
    e->by_size.columns = e->n_judged;
    return HG_OK;
}

/* ---- a block ----------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_estimate estimate;
    bool outside;
} guess;

static hg_status by_model(guess *g, hg_err *why, const hg_judged *j, const hg_molecule_set *s, hg_pool *pool,
                          hg_arena *mem, hg_err *err) {
    hg_prediction *p = hg_alloc(mem, s->n, sizeof *p);
    if (!p) return hg_fail(err, HG_ENOMEM, "no memory for %zu predictions", s->n);
    HG_TRY(hg_model_predict(p, why, j->model, s->molecule, s->n, 0, pool, mem, err));
    for (size_t i = 0; i < s->n; i++) g[i] = (guess) { p[i].property[j->property], p[i].outside };
    return HG_OK;
}

static void by_baseline(guess *g, hg_err *why, const hg_baseline *b, const hg_molecule_set *s) {
    for (size_t i = 0; i < s->n; i++) {
        hg_err_clear(&why[i]);
        g[i].outside = hg_baseline_predict(&g[i].estimate, b, s->molecule[i], &why[i]) != HG_OK;
    }
}

static hg_status one_model(hg_evaluation *e, size_t k, const hg_molecule_set *s, hg_pool *pool, hg_arena *mem,
                           hg_err *err) {
    const hg_judged *j = &e->judged[k];
    guess *g = hg_alloc(mem, s->n, sizeof *g);
    hg_err *why = hg_alloc(mem, s->n, sizeof *why);
    if (!g || !why) return hg_fail(err, HG_ENOMEM, "no memory for %zu predictions", s->n);
    if (j->model)
        HG_TRY(by_model(g, why, j, s, pool, mem, err));
    else
        by_baseline(g, why, j->baseline, s);
    for (size_t i = 0; i < s->n; i++) {
        hg_quality *row;
        HG_TRY(hg_quality_row(&row, &e->by_size, s->molecule[i]->n, err));
        hg_quality_add(&row[k], &g[i].estimate, g[i].outside, s->value[i]);
        hg_quality_add(&e->total[k], &g[i].estimate, g[i].outside, s->value[i]);
        if (why[i].code != HG_OK && e->first[k].code == HG_OK) e->first[k] = why[i];
    }
    return HG_OK;
}

hg_status hg_evaluation_block(hg_evaluation *e, const hg_molecule_set *block, hg_pool *pool, hg_arena *mem,
                              hg_err *err) {
    for (size_t k = 0; k < e->n_judged; k++) {
        const hg_mark mark = hg_arena_mark(mem);
        const hg_status st = one_model(e, k, block, pool, mem, err);
        hg_arena_reset(mem, mark);
        HG_TRY(st);
    }
    return HG_OK;
}

void hg_evaluation_free(hg_evaluation *e) { hg_quality_table_free(&e->by_size); }

/* ---- the figure -------------------------------------------------------------------------------------------------- */

enum { LAYERS_EACH = 2 };

typedef struct {
    hg_layer layer[LAYERS_EACH * HG_JUDGED_MOST + 1];
    size_t n;
    double top, least; /* of all error bars; the least error above 0 */
    double shade_x[2], shade_low[2], shade_high[2];
    char shade_name[120];
} picture;

/* A line through the mean absolute errors, and points with their standard errors. */
static hg_status draw_model(picture *p, const hg_evaluation *e, size_t k, double factor, hg_arena *mem, hg_err *err) {
    static const hg_colour COLOUR[HG_JUDGED_MOST] = { HG_COLOUR_BLUE,   HG_COLOUR_VERMILION, HG_COLOUR_GREEN,
                                                      HG_COLOUR_ORANGE, HG_COLOUR_SKY,       HG_COLOUR_PURPLE,
                                                      HG_COLOUR_INK,    HG_COLOUR_GREY };
    const hg_quality_table *t = &e->by_size;
    double *x = hg_alloc(mem, t->rows, 4 * sizeof *x), *y = x + t->rows, *low = y + t->rows, *high = low + t->rows;
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory for a figure");
    for (size_t i = 0; i < t->rows; i++) {
        const hg_quality *q = &t->q[i * t->columns + k];
        const double sd = hg_quality_mae_sd(q);
        x[i] = (double)t->key[i];
        y[i] = hg_quality_mae(q) / factor;
        low[i] = y[i] - (isfinite(sd) ? sd / factor : 0);
        high[i] = y[i] + (isfinite(sd) ? sd / factor : 0);
        if (isfinite(high[i])) p->top = fmax(p->top, high[i]);
        if (y[i] > 0) p->least = fmin(p->least, y[i]);
    }
    p->layer[p->n++] = hg_layer_make(HG_LAYER_LINE, NULL, x, y, t->rows, COLOUR[k]);
    hg_layer *points = &p->layer[p->n++];
    *points = hg_layer_make(HG_LAYER_POINTS, e->judged[k].name, x, y, t->rows, COLOUR[k]);
    points->low = low;
    points->high = high;
    points->marker = (hg_marker)(k % HG_MARKER_COUNT);
    return HG_OK;
}

/* Sizes that the first model whose sizes are known was trained on; half a step more on each side, as a bar would be. */
static void shade(picture *p, const hg_evaluation *e, double *least, double *most) {
    size_t k = 0;
    while (k < e->n_judged && !e->judged[k].most) k++;
    if (k == e->n_judged) return;
    const hg_judged *j = &e->judged[k];
    p->shade_x[0] = (double)j->least - 0.5, p->shade_x[1] = (double)j->most + 0.5;
    *least = fmin(*least, p->shade_x[0]), *most = fmax(*most, p->shade_x[1]);
    for (size_t i = 0; i < 2; i++) p->shade_low[i] = p->least, p->shade_high[i] = p->top;
    snprintf(p->shade_name, sizeof p->shade_name, "trained on %zu to %zu atoms", j->least, j->most);
    hg_layer *l = &p->layer[p->n++];
    *l = hg_layer_make(HG_LAYER_BAND, p->shade_name, p->shade_x, NULL, 2, HG_COLOUR_GREY);
    l->low = p->shade_low;
    l->high = p->shade_high;
}

/* Do the models' errors differ by more than a factor of 10? */
static bool are_wide_apart(const hg_evaluation *e) {
    double least = INFINITY, most = 0;
    for (size_t k = 0; k < e->n_judged; k++) {
        const double mae = hg_quality_mae(&e->total[k]);
        if (mae > 0) least = fmin(least, mae), most = fmax(most, mae); /* false for NaN */
    }
    return most > 10 * least;
}

static hg_status draw(hg_bytes *out, picture *p, const hg_evaluation *e, const char *unit, double factor,
                      hg_figure_format format, hg_arena *mem, hg_err *err) {
    const hg_quality_table *t = &e->by_size;
    char label[120];
    double least = t->rows ? (double)t->key[0] - 0.5 : 0, most = t->rows ? (double)t->key[t->rows - 1] + 0.5 : 1;
    p->n = 1; /* the shade lies below the rest */
    p->least = INFINITY;
    for (size_t k = 0; k < e->n_judged; k++) HG_TRY(draw_model(p, e, k, factor, mem, err));
    const bool wide = are_wide_apart(e); /* on a linear axis the better ones would lie on the floor */
    p->top = p->top > 0 ? (wide ? 1.5 : 1.05) * p->top : 1;
    p->least = wide ? p->least / 1.5 : 0;
    const size_t n = p->n;
    p->n = 0;
    shade(p, e, &least, &most);
    const size_t first = p->n ? 0 : 1;
    snprintf(label, sizeof label, "mean absolute error%s%s%s", *unit ? " (" : "", unit, *unit ? ")" : "");
    hg_figure f = hg_figure_default();
    f.x = (hg_axis) { .label = "atoms of the molecule", .min = least, .max = most, .whole = true };
    f.y = (hg_axis) { .label = label, .min = p->least, .max = p->top, .scale = wide ? HG_SCALE_LOG : HG_SCALE_LINEAR };
    f.layer = p->layer + first;
    f.n_layers = n - first;
    return hg_figure_render(out, &f, format, err);
}

hg_status hg_evaluation_figure(hg_bytes *out, const hg_evaluation *e, const char *unit, double factor,
                               hg_figure_format format, hg_err *err) {
    *out = (hg_bytes) { NULL, 0 };
    hg_arena *mem = hg_arena_new();
    picture *p = hg_alloc(mem, 1, sizeof *p);
    const hg_status st =
        p ? draw(out, p, e, unit, factor, format, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for a figure");
    hg_arena_free(mem);
    return st;
}
