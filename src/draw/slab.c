/* draw/slab.c -- see draw/slab.h
 *
 * Colours are spread over the 2nd to the 98th percentile of the simulated values of all particles (of the predicted ones where none were
 * simulated): propensities have a long tail that would leave the rest dark.
 */
#include "draw/slab.h"
#include "core/memory.h"
#include "core/number.h"
#include "draw/colour.h"
#include "draw/label.h"
#include "draw/ticks.h"
#include "draw/surface.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double PT_PER_MM = 72 / 25.4;
static const double MARGIN = 6, GAP = 10; /* pt */
static const double BAR = 7;              /* pt, height of a colour scale */
static const double ALONE = 1.6;          /* a panel alone is larger */
static const double RADIUS[2] = { 0.5, 0.44 };
static const double LEAST_BOND = 0.25, WIDEST_BOND = 0.2; /* share of the largest stretch; width in sigma */

typedef struct {
    const char *name;
    const float *value, *minus; /* coloured: value - minus */
    const float *stretch;
} panel;

typedef struct {
    const hg_slab *s;
    cairo_t *cr;
    panel panel[3];
    size_t n_panels;
    double width, height, side[2], scale, top; /* pt; pt per unit length */
    double low, high;                          /* of the scale of values */
    double from, to;                           /* z of the slab, not wrapped */
    double largest;                            /* stretch */
    uint32_t *order;                           /* [n_shown] particles of the slab, the lowest first */
    size_t n_shown;
    hg_rgb map[HG_MAP_LEVELS], difference[HG_MAP_LEVELS];
} picture;

hg_slab hg_slab_default(void) {
    return (hg_slab) { .bond_range = 1.35,
                       .centre = NAN,
                       .thickness = 1.5,
                       .value_label = "propensity (\u03c3)",
                       .panel_mm = 60,
                       .font_pt = 9,
                       .dpi = 200,
                       .id = "s" };
}

static hg_status check(const hg_slab *s, hg_err *err) {
    if (s->n == 0 || !s->x || (!s->known && !s->predicted))
        return hg_fail(err, HG_EINVAL, "a slab needs particles, and simulated or predicted values");
    for (size_t k = 0; k < 3; k++)
        if (!(s->box[k] > 0 && s->box[k] < 1e6)) return hg_fail(err, HG_EINVAL, "a slab of a box without width");
    if (!(s->panel_mm >= 20 && s->panel_mm <= 300) || !(s->font_pt >= 4 && s->font_pt <= 40) ||
        !(s->dpi >= 30 && s->dpi <= 1200))
        return hg_fail(err, HG_EINVAL, "a slab's panel is 20 to 300 mm wide, its font 4 to 40 pt, its dpi 30 to 1200");
    if (!(s->box[1] <= 20 * s->box[0])) return hg_fail(err, HG_EINVAL, "a box too long to be drawn");
    if (!(s->thickness > 0) || isinf(s->centre)) return hg_fail(err, HG_EINVAL, "a slab must have a thickness");
    return s->id ? HG_OK : hg_fail(err, HG_EINVAL, "id is NULL");
}

/* ---- what is shown ----------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static bool settle_scale(picture *p) {
    const float *from = p->s->known ? p->s->known : p->s->predicted;
    float *sorted = hg_malloc(p->s->n, sizeof *sorted);
    size_t n = 0;
    if (!sorted) return false;
    for (size_t i = 0; i < p->s->n; i++)
        if (isfinite(from[i])) sorted[n++] = from[i];
    if (n) qsort(sorted, n, sizeof *sorted, by_value);
    p->low = n ? (double)sorted[(size_t)(0.02 * (double)(n - 1))] : 0;
    p->high = n ? (double)sorted[(size_t)ceil(0.98 * (double)(n - 1))] : 1;
    if (!(p->high > p->low)) p->high = p->low + fmax(fabs(p->low), 1) * 1e-3;
    hg_free(sorted);
    return true;
}

/* Height above the middle of the slab, by the nearest image. */
static double height(const picture *p, size_t i) {
    const double middle = (p->from + p->to) / 2, length = p->s->box[2], d = p->s->x[3 * i + 2] - middle;
    return d - length * nearbyint(d / length);
}

static bool in_slab(const picture *p, size_t i) { return fabs(height(p, i)) <= (p->to - p->from) / 2; }

typedef struct {
    double z;
    uint32_t i;
} shown;

static int by_height(const void *a, const void *b) {
    const shown *x = a, *y = b;
    if (x->z != y->z) return x->z < y->z ? -1 : 1;
    return x->i < y->i ? -1 : 1;
}

static bool choose(picture *p) {
    shown *list = hg_malloc(p->s->n, sizeof *list);
    p->order = hg_malloc(p->s->n, sizeof *p->order);
    if (!list || !p->order) {
        hg_free(list);
        return false;
    }
    for (size_t i = 0; i < p->s->n; i++)
        if (in_slab(p, i)) list[p->n_shown++] = (shown) { height(p, i), (uint32_t)i };
    if (p->n_shown) qsort(list, p->n_shown, sizeof *list, by_height);
    for (size_t k = 0; k < p->n_shown; k++) p->order[k] = list[k].i;
    hg_free(list);
    return true;
}

static void choose_panels(picture *p) {
    const hg_slab *s = p->s;
    if (s->known) p->panel[p->n_panels++] = (panel) { "simulation", s->known, NULL, s->known_stretch };
    if (s->predicted) p->panel[p->n_panels++] = (panel) { "prediction", s->predicted, NULL, s->predicted_stretch };
    if (s->known && s->predicted)
        p->panel[p->n_panels++] = (panel) { "prediction \u2212 simulation", s->predicted, s->known, NULL };
}

static void find_largest(picture *p) {
    const hg_slab *s = p->s;
    for (size_t k = 0; k < p->n_panels; k++)
        for (size_t b = 0; p->panel[k].stretch && b < s->n_pairs; b++) {
            const double v = fabs((double)p->panel[k].stretch[b]);
            if (isfinite(v) && v > p->largest && in_slab(p, s->pair[2 * b]) && in_slab(p, s->pair[2 * b + 1]))
                p->largest = v;
        }
}

/* ---- a panel ----------------------------------------------------------------------------------------------------- */

static double snap(double pt) { return round(100 * pt) / 100; }

static void colour(const picture *p, hg_rgb c) { cairo_set_source_rgb(p->cr, c.r, c.g, c.b); }

static hg_rgb colour_of(const picture *p, const panel *q, size_t i) {
    const double v = (double)q->value[i] - (q->minus ? (double)q->minus[i] : 0), span = p->high - p->low;
    const double share = q->minus ? 0.5 + v / span : (v - p->low) / span;
    if (!isfinite(v)) return hg_colour_rgb(HG_COLOUR_GREY);
    return (q->minus ? p->difference : p->map)[(size_t)(fmin(fmax(share, 0), 1) * (HG_MAP_LEVELS - 1) + 0.5)];
}

static void dot(const picture *p, double x, double y, double size, hg_rgb c) {
    cairo_set_line_width(p->cr, size);
    colour(p, c);
    cairo_move_to(p->cr, x, y);
    cairo_line_to(p->cr, x, y);
    cairo_stroke(p->cr);
}

/* A disc and those of its images that are seen. */
static void disc(const picture *p, const panel *q, double left, size_t i) {
    const double *box = p->s->box, r = RADIUS[p->s->species && p->s->species[i] ? 1 : 0];
    for (int a = -1; a <= 1; a++)
        for (int b = -1; b <= 1; b++) {
            const double x = p->s->x[3 * i] + a * box[0], y = p->s->x[3 * i + 1] + b * box[1];
            if (x + r < 0 || y + r < 0 || x - r > box[0] || y - r > box[1]) continue;
            const double px = snap(left + x * p->scale), py = snap(p->top + p->side[1] - y * p->scale);
            const double size = snap(2 * r * p->scale);
            dot(p, px, py, size, HG_PAPER);
            dot(p, px, py, fmax(size - 0.7, 0.3), colour_of(p, q, i));
        }
}

/* A bond from i by d, once more at the other end when it leaves the frame. */
static void bond(const picture *p, double left, size_t i, size_t j, double stretch) {
    const double *x = p->s->x, *box = p->s->box;
    double d[3], r2 = 0;
    for (size_t k = 0; k < 3; k++) {
        d[k] = x[3 * j + k] - x[3 * i + k];
        d[k] -= box[k] * nearbyint(d[k] / box[k]);
        r2 += d[k] * d[k];
    }
    if (r2 > p->s->bond_range * p->s->bond_range) return;
    const size_t ends[2] = { i, j };
    for (size_t e = 0; e < 2; e++) {
        const double sign = e ? -1 : 1, *from = x + 3 * ends[e];
        const double ax = snap(left + from[0] * p->scale), ay = snap(p->top + p->side[1] - from[1] * p->scale);
        const double bx = snap(left + (from[0] + sign * d[0]) * p->scale);
        const double by = snap(p->top + p->side[1] - (from[1] + sign * d[1]) * p->scale);
        const bool leaves = bx < left || bx > left + p->side[0] || by < p->top || by > p->top + p->side[1];
        if (e && !leaves) return;
        const double width = fmax(WIDEST_BOND * p->scale * fabs(stretch) / p->largest, 0.4);
        for (int pass = 0; pass < 2; pass++) { /* on a thin white line, seen on every colour */
            colour(p, pass ? (stretch < 0 ? (hg_rgb) { 0.80, 0.05, 0.05 } : (hg_rgb) { 0.05, 0.25, 0.95 }) : HG_PAPER);
            cairo_set_line_width(p->cr, snap(width + (pass ? 0 : 0.9)));
            cairo_move_to(p->cr, ax, ay);
            cairo_line_to(p->cr, bx, by);
            cairo_stroke(p->cr);
        }
        if (!leaves) return;
    }
}

static void frame(const picture *p, double left) {
    const double dashes[2] = { 4, 3 };
    cairo_save(p->cr);
    colour(p, HG_INK);
    cairo_set_line_width(p->cr, 0.7);
    cairo_set_dash(p->cr, dashes, 2, 0); /* a periodic wall */
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_BUTT);
    cairo_rectangle(p->cr, snap(left), snap(p->top), snap(p->side[0]), snap(p->side[1]));
    cairo_stroke(p->cr);
    cairo_restore(p->cr);
}

static void draw_panel(const picture *p, size_t k) {
    const panel *q = &p->panel[k];
    const double left = MARGIN + (double)k * (p->side[0] + GAP);
    char buf[HG_LABEL_MAX];
    hg_label_font(p->cr, p->s->font_pt, true);
    colour(p, HG_INK);
    hg_label_fit(buf, p->cr, q->name, p->side[0]);
    hg_label_draw(p->cr, buf, left, p->top - 4, 0, 0, 0);
    cairo_save(p->cr);
    cairo_rectangle(p->cr, left, p->top, p->side[0], p->side[1]);
    cairo_clip(p->cr);
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    for (size_t i = 0; i < p->n_shown; i++) disc(p, q, left, p->order[i]);
    for (size_t b = 0; q->stretch && b < p->s->n_pairs; b++) {
        const size_t i = p->s->pair[2 * b], j = p->s->pair[2 * b + 1];
        const double v = (double)q->stretch[b];
        if (fabs(v) >= LEAST_BOND * p->largest && p->largest > 0 && in_slab(p, i) && in_slab(p, j))
            bond(p, left, i, j, v);
    }
    cairo_restore(p->cr);
    frame(p, left);
}

/* ---- what stands around ------------------------------------------------------------------------------------------ */

static void scale_of_colours(const picture *p, double left, double width, const hg_rgb *map, hg_range range,
                             const char *label) {
    const double y = p->top + p->side[1] + 1.7 * p->s->font_pt, small = 0.88 * p->s->font_pt;
    cairo_pattern_t *g = cairo_pattern_create_linear(left, 0, left + width, 0);
    hg_ticks ticks;
    char buf[HG_LABEL_MAX];
    for (size_t k = 0; k < HG_MAP_LEVELS; k += 3)
        cairo_pattern_add_color_stop_rgb(g, (double)k / (HG_MAP_LEVELS - 2), map[k].r, map[k].g, map[k].b);
    cairo_set_source(p->cr, g);
    cairo_rectangle(p->cr, snap(left), snap(y), snap(width), BAR);
    cairo_fill(p->cr);
    cairo_pattern_destroy(g);
    hg_ticks_make(&ticks, &range, 4, false);
    hg_label_font(p->cr, small, false);
    colour(p, HG_INK);
    cairo_set_line_width(p->cr, 0.6);
    for (size_t k = 0; k < ticks.n; k++) {
        const double x = snap(left + width * hg_range_share(&range, ticks.at[k]));
        cairo_move_to(p->cr, x, snap(y + BAR));
        cairo_line_to(p->cr, x, snap(y + BAR + 2));
        cairo_stroke(p->cr);
        hg_label_draw(p->cr, ticks.text[k], x, y + BAR + 3 + 0.75 * small, 0.5, 0, 0);
    }
    char power[32] = "";
    if (ticks.exponent) hg_power_text(power, sizeof power, ticks.exponent);
    char text[HG_LABEL_MAX];
    snprintf(text, sizeof text, "%.180s%s%s", label, *power ? ", " : "", power);
    hg_label_fit(buf, p->cr, text, width);
    hg_label_draw(p->cr, buf, left + width / 2, y + BAR + 4 + 2 * small, 0.5, 0, 0);
}

/* The length of 1, 2, 5, 10 ... that is about a sixth of the panel. */
static double bar_length(double box) {
    double unit = pow(10, floor(log10(box / 6)));
    const double share = box / 6 / unit;
    return unit * (share >= 5 ? 5 : share >= 2 ? 2 : 1);
}

static void scale_bar(const picture *p) {
    const double length = bar_length(p->s->box[0]), y = p->top + p->side[1] + 0.6 * p->s->font_pt;
    const double right = MARGIN + p->side[0], left = right - length * p->scale;
    char text[HG_LABEL_MAX], number[32];
    colour(p, HG_INK);
    cairo_set_line_width(p->cr, 1.6);
    cairo_move_to(p->cr, snap(left), snap(y));
    cairo_line_to(p->cr, snap(right), snap(y));
    cairo_stroke(p->cr);
    hg_fixed_text(number, sizeof number, length, length < 1 ? (int)ceil(-log10(length)) : 0);
    snprintf(text, sizeof text, "%s \u03c3", number);
    hg_label_font(p->cr, 0.88 * p->s->font_pt, false);
    hg_label_draw(p->cr, text, left - 4, y, 1, 0.5, 0);
}

static void words(const picture *p) {
    const double font = p->s->font_pt;
    char buf[HG_LABEL_MAX], text[HG_LABEL_MAX];
    double y = MARGIN + font;
    colour(p, HG_INK);
    if (p->s->title) {
        hg_label_font(p->cr, 1.1 * font, true);
        hg_label_fit(buf, p->cr, p->s->title, p->width - 2 * MARGIN);
        hg_label_draw(p->cr, buf, MARGIN, y, 0, 0, 0);
        y += 1.5 * font;
    }
    hg_label_font(p->cr, 0.88 * font, false);
    hg_print(text, sizeof text, "%zu particles at z = %.2f to %.2f%s", p->n_shown, p->from, p->to,
             p->largest > 0 ? "; bonds: opening blue, closing red" : "");
    hg_label_fit(buf, p->cr, text, p->width - 2 * MARGIN);
    hg_label_draw(p->cr, buf, MARGIN, y, 0, 0, 0);
}

static void draw(const picture *p) {
    const double span = p->high - p->low, wide = p->side[0];
    const bool both = p->n_panels == 3;
    colour(p, HG_PAPER);
    cairo_paint(p->cr);
    words(p);
    for (size_t k = 0; k < p->n_panels; k++) draw_panel(p, k);
    const double left = MARGIN + (both ? (wide + GAP) / 2 : 0.1 * wide); /* under both of its panels, or its one */
    scale_of_colours(p, left, both ? wide : 0.8 * wide, p->map, (hg_range) { p->low, p->high, false },
                     p->s->value_label);
    if (both)
        scale_of_colours(p, MARGIN + 2 * (wide + GAP), wide, p->difference, (hg_range) { -span / 2, span / 2, false },
                         "difference");
    scale_bar(p);
}

static void layout(picture *p) {
    const hg_slab *s = p->s;
    const double middle = isnan(s->centre) ? s->box[2] / 2 : s->centre;
    const double thick = fmin(s->thickness, s->box[2]);
    p->from = middle - thick / 2;
    p->to = middle + thick / 2;
    p->side[0] = s->panel_mm * PT_PER_MM * (p->n_panels == 1 ? ALONE : 1);
    p->scale = p->side[0] / s->box[0];
    p->side[1] = p->scale * s->box[1];
    p->top = MARGIN + (s->title ? 1.5 : 0) * s->font_pt + 3.2 * s->font_pt;
}

hg_status hg_slab_draw(hg_bytes *out, const hg_slab *s, hg_figure_format format, hg_err *err) {
    *out = (hg_bytes) { NULL, 0 };
    if ((unsigned)format > HG_FIGURE_PNG) return hg_fail(err, HG_EINVAL, "format %d is none", (int)format);
    HG_TRY(check(s, err));
    picture *p = hg_calloc(1, sizeof *p);
    if (!p) return hg_fail(err, HG_ENOMEM, "no memory for a slab");
    p->s = s;
    hg_colour_map(p->map);
    hg_colour_difference(p->difference);
    choose_panels(p);
    layout(p);
    hg_status st = settle_scale(p) && choose(p) ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a slab");
    if (st == HG_OK) {
        hg_surface surface;
        find_largest(p);
        p->width = 2 * MARGIN + (double)p->n_panels * p->side[0] + (double)(p->n_panels - 1) * GAP;
        p->height = p->top + p->side[1] + 1.7 * s->font_pt + BAR + 2 + 2 * s->font_pt + MARGIN;
        hg_surface_begin(&surface, format, p->width, p->height, s->dpi);
        p->cr = surface.cr;
        draw(p);
        st = hg_surface_end(out, &surface, false, s->id, err);
    }
    hg_free(p->order);
    hg_free(p);
    return st;
}
