/* draw/mobility.c -- see draw/mobility.h */
#include "draw/mobility.h"
#include "core/number.h"
#include "core/memory.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- rho over time ----------------------------------------------------------------------------------------------- */

typedef struct {
    double low[HG_CURVE_TIMES], high[HG_CURVE_TIMES];
} bars;

static hg_status check_curves(const hg_curves *c, hg_err *err) {
    bool ok = c->n_curves <= HG_CURVES_MOST && c->n_attainable <= HG_CURVE_TIMES;
    for (size_t i = 0; ok && i < c->n_curves; i++) ok = c->curve[i].n <= HG_CURVE_TIMES;
    return ok ? HG_OK
              : hg_fail(err, HG_EINVAL, "more than %d curves, or %d times of one", HG_CURVES_MOST, HG_CURVE_TIMES);
}

/* Own ones and those of others go through the same colours from both ends. */
static hg_colour colour_of(const hg_curves *c, size_t i) {
    static const hg_colour OWN[] = { HG_COLOUR_BLUE,  HG_COLOUR_INK,    HG_COLOUR_VERMILION,
                                     HG_COLOUR_GREEN, HG_COLOUR_PURPLE, HG_COLOUR_SKY };
    static const hg_colour OTHERS[] = { HG_COLOUR_ORANGE, HG_COLOUR_GREEN, HG_COLOUR_GREY, HG_COLOUR_PURPLE,
                                        HG_COLOUR_SKY };
    size_t before = 0;
    for (size_t k = 0; k < i; k++) before += c->curve[k].own == c->curve[i].own;
    return c->curve[i].own ? OWN[before % 6] : OTHERS[before % 5];
}

static void make_bars(bars *b, const hg_curve *c) {
    for (size_t i = 0; i < c->n; i++) {
        const double e = c->error && isfinite(c->error[i]) ? c->error[i] : 0;
        b->low[i] = c->rho[i] - e;
        b->high[i] = c->rho[i] + e;
    }
}

hg_status hg_curves_draw(hg_bytes *out, const hg_curves *c, hg_figure_format format, hg_err *err) {
    *out = (hg_bytes) { NULL, 0 };
    HG_TRY(check_curves(c, err));
    hg_layer layer[2 * HG_CURVES_MOST + 2];
    double one[HG_CURVE_TIMES], upright[2] = { 0.03 * c->tau, c->tau };
    size_t n = 0;
    bars *b = hg_malloc(c->n_curves + 1, sizeof *b);
    if (!b) return hg_fail(err, HG_ENOMEM, "no memory for a figure");
    for (size_t i = 0; i < HG_CURVE_TIMES; i++) one[i] = 1;
    if (c->n_attainable) {
        layer[n] = hg_layer_make(HG_LAYER_BAND, "beyond the labels' noise", c->attainable_time, NULL, c->n_attainable,
                                 HG_COLOUR_GREY);
        layer[n].low = c->attainable;
        layer[n++].high = one;
    }
    if (c->tau > 0 && isfinite(c->tau)) {
        layer[n] = hg_layer_make(HG_LAYER_UPRIGHTS, "0.03 \u03c4, \u03c4", upright, NULL, 2, HG_COLOUR_GREY);
        layer[n++].dashed = true;
    }
    for (size_t pass = 0; pass < 2; pass++) /* own ones on top */
        for (size_t i = 0; i < c->n_curves; i++) {
            const hg_curve *q = &c->curve[i];
            if (q->own != (pass == 1)) continue;
            layer[n] = hg_layer_make(HG_LAYER_LINE, q->own ? NULL : q->name, q->time, q->rho, q->n, colour_of(c, i));
            layer[n++].size = q->own ? 2 : 0.9;
            if (!q->own) continue;
            make_bars(&b[i], q);
            layer[n] = hg_layer_make(HG_LAYER_POINTS, q->name, q->time, q->rho, q->n, colour_of(c, i));
            layer[n].low = b[i].low;
            layer[n++].high = b[i].high;
        }
    hg_figure f = hg_figure_default();
    f.title = c->title;
    f.width_mm = 140;
    f.height_mm = 95;
    f.x.label = "time ahead (Lennard-Jones units)";
    f.x.scale = HG_SCALE_LOG;
    f.y.label = "Pearson's \u03c1, particles A";
    f.y.max = 1;
    f.layer = layer;
    f.n_layers = n;
    const hg_status st = hg_figure_render(out, &f, format, err);
    hg_free(b);
    return st;
}

/* ---- predicted beside simulated ---------------------------------------------------------------------------------- */

enum { CELLS = 80 };

typedef struct {
    size_t n;
    double low, high;          /* of both */
    double variance[2], cross; /* sums of squares about the means */
} moments;

static bool both_finite(const float *x, const float *y, size_t i) { return isfinite(x[i]) && isfinite(y[i]); }

static moments measure(const float *x, const float *y, size_t n) {
    moments m = { .low = INFINITY, .high = -INFINITY };
    double mean[2] = { 0 };
    for (size_t i = 0; i < n; i++) {
        if (!both_finite(x, y, i)) continue;
        const double a = (double)x[i], b = (double)y[i], old[2] = { a - mean[0], b - mean[1] };
        m.n++;
        mean[0] += old[0] / (double)m.n;
        mean[1] += old[1] / (double)m.n;
        m.variance[0] += old[0] * (a - mean[0]);
        m.variance[1] += old[1] * (b - mean[1]);
        m.cross += old[0] * (b - mean[1]);
        m.low = fmin(m.low, fmin(a, b));
        m.high = fmax(m.high, fmax(a, b));
    }
    return m;
}

static void count(double *cell, const moments *m, const float *x, const float *y, size_t n) {
    const double width = (m->high - m->low) / CELLS;
    for (size_t i = 0; i < n; i++) {
        if (!both_finite(x, y, i)) continue;
        const size_t a = (size_t)fmin(((double)x[i] - m->low) / width, CELLS - 1);
        const size_t b = (size_t)fmin(((double)y[i] - m->low) / width, CELLS - 1);
        cell[b * CELLS + a]++;
    }
    for (size_t k = 0; k < (size_t)CELLS * CELLS; k++) cell[k] = cell[k] > 0 ? log10(cell[k]) : (double)NAN;
}

hg_status hg_scatter_draw(hg_bytes *out, const float *simulated, const float *predicted, size_t n, const char *what,
                          hg_figure_format format, hg_err *err) {
    *out = (hg_bytes) { NULL, 0 };
    moments m = measure(simulated, predicted, n);
    if (m.n < 2) return hg_fail(err, HG_EINVAL, "fewer than two points to be drawn");
    if (!(m.high > m.low)) m.high = m.low + fmax(fabs(m.low), 1) * 1e-3;
    double *cell = hg_calloc((size_t)CELLS * CELLS, sizeof *cell);
    if (!cell) return hg_fail(err, HG_ENOMEM, "no memory for a figure");
    count(cell, &m, simulated, predicted, n);
    char title[160];
    hg_print(title, sizeof title, "%.80s: \u03c1 = %.3f, variance ratio %.2f", what,
             m.cross / sqrt(m.variance[0] * m.variance[1]), m.variance[1] / m.variance[0]);
    const double half = (m.high - m.low) / CELLS / 2, ends[2] = { m.low + half, m.high - half };
    hg_layer layer[2] = { hg_layer_make(HG_LAYER_HEAT, NULL, ends, ends, 2, HG_COLOUR_INK),
                          hg_layer_make(HG_LAYER_DIAGONAL, NULL, NULL, NULL, 0, HG_COLOUR_VERMILION) };
    layer[0].value = cell;
    layer[0].rows = layer[0].columns = CELLS;
    hg_figure f = hg_figure_default();
    f.title = title;
    f.width_mm = 120;
    f.height_mm = 105;
    f.square = true;
    f.x.label = "simulated (\u03c3)";
    f.y.label = "predicted (\u03c3)";
    f.x.min = f.y.min = m.low;
    f.x.max = f.y.max = m.high;
    f.value.label = "log\u2081\u2080 particles";
    f.layer = layer;
    f.n_layers = 2;
    const hg_status st = hg_figure_render(out, &f, format, err);
    hg_free(cell);
    return st;
}
