/* draw/figure.c -- see hagane/figure.h. Measures texts, lays out the frame, draws axes, layers, legend and colour bar. */
#include "core/memory.h"
#include "draw/plot.h"
#include "draw/surface.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double PT_PER_MM = 72 / 25.4;
static const double MARGIN = 4;         /* pt around everything */
static const double GAP = 3.5;          /* pt between axis, tick labels and axis label */
static const double BAR_WIDTH = 9;      /* pt, of the colour bar */
static const double DATA_MARGIN = 0.05; /* share of the range left free at each end */

hg_figure hg_figure_default(void) {
    const hg_axis axis = { .min = NAN, .max = NAN };
    return (hg_figure) { .width_mm = 120,
                         .height_mm = 84,
                         .font_pt = 9,
                         .dpi = 200,
                         .x = axis,
                         .y = axis,
                         .value = axis,
                         .whole = 1,
                         .id = "f" };
}

hg_layer hg_layer_make(hg_layer_kind kind, const char *name, const double *x, const double *y, size_t n,
                       hg_colour colour) {
    return (hg_layer) { .kind = kind, .name = name, .x = x, .y = y, .n = n, .colour = colour };
}

/* ---- checks ----------------------------------------------------------------------------------------------------- */

static hg_status check_size(const hg_figure *f, hg_err *err) {
    if (!(f->width_mm >= 20 && f->width_mm <= 1000 && f->height_mm >= 20 && f->height_mm <= 1000))
        return hg_fail(err, HG_EINVAL, "a figure is 20 to 1000 mm wide and high, not %g x %g", f->width_mm,
                       f->height_mm);
    if (!(f->font_pt >= 4 && f->font_pt <= 40))
        return hg_fail(err, HG_EINVAL, "font_pt = %g, expected 4 to 40", f->font_pt);
    if (!(f->dpi >= 30 && f->dpi <= 1200)) return hg_fail(err, HG_EINVAL, "dpi = %g, expected 30 to 1200", f->dpi);
    if (!(f->whole > 0 && f->whole <= 1e6)) return hg_fail(err, HG_EINVAL, "whole = %g, expected 1 or 100", f->whole);
    if (f->square && f->x.scale != f->y.scale)
        return hg_fail(err, HG_EINVAL, "a square figure needs two axes of the same scale");
    if (!f->id) return hg_fail(err, HG_EINVAL, "id is NULL");
    for (const char *c = f->id; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9' && c > f->id)))
            return hg_fail(err, HG_EINVAL, "id \"%s\" has other characters than letters and digits", f->id);
    return HG_OK;
}

static hg_status check_layer(const hg_figure *f, size_t i, hg_err *err) {
    const hg_layer *l = &f->layer[i];
    if ((unsigned)l->kind >= HG_LAYER_COUNT || (unsigned)l->colour >= HG_COLOUR_COUNT ||
        (unsigned)l->marker >= HG_MARKER_COUNT)
        return hg_fail(err, HG_EINVAL, "layer %zu has an unknown kind, colour or marker", i);
    if (!(l->size >= 0 && l->size <= 100)) return hg_fail(err, HG_EINVAL, "layer %zu: size = %g pt", i, l->size);
    const hg_layer_rule *rule = &HG_LAYER_RULES[l->kind];
    if (f->triangle && l->kind != HG_LAYER_POINTS)
        return hg_fail(err, HG_EINVAL, "layer %zu: a triangle takes points only, not %s", i, rule->name);
    if (l->n == 0 && l->kind != HG_LAYER_HEAT) return HG_OK;
    if ((rule->needs_x && !l->x) || (rule->needs_y && !l->y) || (f->triangle && !l->z) ||
        (rule->complete && !rule->complete(l)))
        return hg_fail(err, HG_EINVAL, "layer %zu (%s) lacks one of the arrays it needs", i, rule->name);
    return HG_OK;
}

static hg_status check(const hg_figure *f, hg_err *err) {
    HG_TRY(check_size(f, err));
    for (size_t i = 0; i < f->n_layers; i++) HG_TRY(check_layer(f, i, err));
    return HG_OK;
}

/* ---- coordinates ------------------------------------------------------------------------------------------------ */

double hg_snap(double pt) { return round(100 * pt) / 100; }

static double bounded(double share) { return fmin(fmax(share, -10), 11); }
double hg_plot_px(const hg_plot *p, double x) {
    return hg_snap(p->left + bounded(hg_range_share(&p->x, x)) * (p->right - p->left));
}
double hg_plot_py(const hg_plot *p, double y) {
    return hg_snap(p->bottom - bounded(hg_range_share(&p->y, y)) * (p->bottom - p->top));
}

static bool inside(const hg_range *r, double v) {
    const double share = hg_range_share(r, v);
    return share >= -1e-9 && share <= 1 + 1e-9;
}

bool hg_plot_point(const hg_plot *p, const hg_layer *l, size_t i, double *px, double *py) {
    if (l->value && !hg_drawable(l->value[i], p->value.log)) return false;
    if (p->f->triangle) return hg_triangle_point(p, l, i, px, py);
    if (!hg_drawable(l->x[i], p->x.log) || !hg_drawable(l->y[i], p->y.log)) return false;
    if (!inside(&p->x, l->x[i]) || !inside(&p->y, l->y[i])) return false;
    *px = hg_plot_px(p, l->x[i]);
    *py = hg_plot_py(p, l->y[i]);
    return true;
}

size_t hg_plot_level(const hg_plot *p, double value) {
    const double share = hg_range_share(&p->value, value);
    const double level = floor(fmin(fmax(share, 0), 1) * HG_MAP_LEVELS);
    return level >= HG_MAP_LEVELS ? HG_MAP_LEVELS - 1 : (size_t)level;
}

void hg_plot_colour(const hg_plot *p, hg_rgb c, double opacity) {
    cairo_set_source_rgba(p->cr, c.r, c.g, c.b, opacity);
}
void hg_plot_ink(const hg_plot *p, double opacity) { hg_plot_colour(p, HG_INK, opacity); }

void hg_plot_segment(const hg_plot *p, double x0, double y0, double x1, double y1) {
    cairo_move_to(p->cr, hg_snap(x0), hg_snap(y0));
    cairo_line_to(p->cr, hg_snap(x1), hg_snap(y1));
    cairo_stroke(p->cr);
}

/* ---- ranges ----------------------------------------------------------------------------------------------------- */

static hg_range nothing(hg_scale scale) { return (hg_range) { INFINITY, -INFINITY, scale == HG_SCALE_LOG }; }

static hg_range axis_range(hg_range seen, const hg_axis *a) {
    if (a->n_category) return (hg_range) { -0.6, (double)a->n_category - 0.4, false };
    /* bars stand on zero and lines of rank 0: an end that is exactly zero needs no margin */
    hg_range r = hg_range_settle(seen, a->min, a->max, DATA_MARGIN);
    if (!seen.log && seen.min == 0 && r.min < 0 && seen.max > 0) r.min = 0;
    return r;
}

static void share_range(hg_range *x, hg_range *y) {
    x->min = y->min = fmin(x->min, y->min);
    x->max = y->max = fmax(x->max, y->max);
}

static void settle_ranges(hg_plot *p) {
    const hg_figure *f = p->f;
    hg_range x = nothing(f->x.scale), y = nothing(f->y.scale), value = nothing(f->value.scale);
    for (size_t i = 0; i < f->n_layers; i++) {
        const hg_layer *l = &f->layer[i];
        p->x.log = x.log; /* widen() asks which values can be drawn */
        p->y.log = y.log;
        if (!f->triangle) HG_LAYER_RULES[l->kind].widen(p, l, &x, &y);
        const size_t n = l->kind == HG_LAYER_HEAT ? l->rows * l->columns : l->n;
        for (size_t k = 0; l->value && k < n; k++) hg_range_add(&value, l->value[k]);
        p->has_values = p->has_values || (l->value && n);
    }
    if (f->square) share_range(&x, &y);
    p->x = axis_range(x, &f->x);
    p->y = axis_range(y, &f->y);
    if (f->square) share_range(&p->x, &p->y);
    if (f->y.n_category) { /* the first name on top */
        const double top = p->y.min;
        p->y.min = p->y.max;
        p->y.max = top;
    }
    p->value = hg_range_settle(value, f->value.min, f->value.max, 0);
    if (f->triangle) hg_triangle_settle(p);
}

/* ---- layout ----------------------------------------------------------------------------------------------------- */

static void small_font(const hg_plot *p) { hg_label_font(p->cr, p->small, false); }
static void normal_font(const hg_plot *p) { hg_label_font(p->cr, p->font, false); }

static double widest(const hg_plot *p, const hg_ticks *t) {
    double w = 0;
    for (size_t i = 0; i < t->n; i++) w = fmax(w, hg_label_width(p->cr, t->text[i]));
    return w;
}

static double widest_category(const hg_plot *p, const hg_axis *a, double most) {
    double w = 0;
    char buf[HG_LABEL_MAX];
    for (size_t i = 0; i < a->n_category; i++) {
        hg_label_fit(buf, p->cr, a->category[i], most);
        w = fmax(w, hg_label_width(p->cr, buf));
    }
    return w;
}

static double most_category(const hg_plot *p) { return 0.4 * p->width; }

/* Fewer ticks until their labels stand apart. */
static void x_ticks_that_fit(hg_plot *p) {
    const double w = p->right - p->left;
    size_t want = (size_t)fmax(2, w / (3.6 * p->small));
    if (want > 8) want = 8;
    for (;; want--) {
        hg_ticks_make(&p->x_ticks, &p->x, want, p->f->x.whole);
        if (want <= 2 || (double)p->x_ticks.n * (widest(p, &p->x_ticks) + p->small) <= w * 1.05) return;
    }
}

static size_t y_want(const hg_plot *p, double height) { return (size_t)fmax(2, fmin(8, height / (2.6 * p->small))); }

/* The legend's entries from left to right, broken into lines; with draw false only counts the lines. */
static size_t legend(hg_plot *p, bool draw) {
    const double swatch = 1.8 * p->font, gap = 1.2 * p->font, line = 1.45 * p->font;
    double x = p->legend_left, y = p->legend_top + p->font;
    size_t lines = 0;
    char buf[HG_LABEL_MAX];
    normal_font(p);
    for (size_t i = 0; i < p->f->n_layers; i++) {
        const hg_layer *l = &p->f->layer[i];
        if (!l->name) continue;
        normal_font(p);
        hg_label_fit(buf, p->cr, l->name, p->legend_right - p->legend_left - swatch - 4);
        const double w = swatch + 4 + hg_label_width(p->cr, buf);
        if (lines == 0) lines = 1;
        if (x > p->legend_left && x + w > p->legend_right) {
            x = p->legend_left;
            y += line;
            lines++;
        }
        if (draw) {
            HG_LAYER_RULES[l->kind].sample(p, l, x, y - 0.32 * p->font, swatch);
            hg_plot_ink(p, 1);
            hg_label_draw(p->cr, buf, x + swatch + 4, y, 0, 0, 0);
        }
        x += w + gap;
    }
    return lines;
}

static double value_bar_room(hg_plot *p) {
    if (!p->has_values) return 0;
    hg_ticks_make(&p->value_ticks, &p->value, y_want(p, 0.7 * p->height), p->f->value.whole);
    small_font(p);
    double room = 10 + BAR_WIDTH + GAP + widest(p, &p->value_ticks);
    if (p->f->value.label) room += GAP + 1.25 * p->font;
    return room;
}

static void layout(hg_plot *p) {
    const hg_figure *f = p->f;
    const double bar = value_bar_room(p);
    p->top = MARGIN + (f->title ? 1.7 * p->font : 0.4 * p->small);
    hg_ticks_make(&p->x_ticks, &p->x, 5, f->x.whole); /* only for the power of ten: it needs room beside the label */
    const bool below = f->x.label || (p->x_ticks.exponent && !f->x.n_category);
    p->bottom = p->height - MARGIN - (f->triangle ? 0 : GAP + p->small + (below ? 1.6 : 0.2) * p->font);
    p->right = p->width - MARGIN - fmax(bar, 0.6 * p->small);
    small_font(p);
    hg_ticks_make(&p->y_ticks, &p->y, y_want(p, p->bottom - p->top), f->y.whole);
    p->left = MARGIN;
    if (!f->triangle) {
        const double names = f->y.n_category ? widest_category(p, &f->y, most_category(p)) : widest(p, &p->y_ticks);
        p->left += names + GAP + 2 + (f->y.label ? 1.5 * p->font : 0);
    }
    p->legend_left = p->left;
    p->legend_right = f->triangle ? p->width - MARGIN : p->right;
    p->legend_top = p->top;
    const size_t lines = legend(p, false);
    p->top += (double)lines * 1.45 * p->font + (lines ? 0.25 * p->font : 0);
    if (!f->triangle && !f->y.n_category && p->y_ticks.exponent) p->top += 1.2 * p->small;
    if (p->has_values && p->value_ticks.exponent && !p->y_ticks.exponent) p->top += 1.2 * p->small;
    if (f->triangle) {
        hg_triangle_fit(p);
        return;
    }
    p->right = fmax(p->right, p->left + 10); /* a page too small for its texts still has a frame */
    p->bottom = fmax(p->bottom, p->top + 10);
    if (f->square) {
        const double side = fmin(p->right - p->left, p->bottom - p->top);
        p->right = p->left + side;
        p->bottom = p->top + side;
    }
    small_font(p);
    if (!f->y.n_category) hg_ticks_make(&p->y_ticks, &p->y, y_want(p, p->bottom - p->top), f->y.whole);
    p->x_ticks.n = 0;
    if (!f->x.n_category) x_ticks_that_fit(p);
    if (f->square) p->x_ticks = p->y_ticks = p->x_ticks.n < p->y_ticks.n ? p->x_ticks : p->y_ticks;
}

/* ---- the frame -------------------------------------------------------------------------------------------------- */

static void grid(const hg_plot *p) {
    cairo_set_line_width(p->cr, 0.5);
    hg_plot_ink(p, 0.12);
    for (size_t i = 0; i < p->x_ticks.n; i++) {
        const double x = hg_plot_px(p, p->x_ticks.at[i]);
        hg_plot_segment(p, x, p->top, x, p->bottom);
    }
    for (size_t i = 0; i < p->y_ticks.n && !p->f->y.n_category; i++) {
        const double y = hg_plot_py(p, p->y_ticks.at[i]);
        hg_plot_segment(p, p->left, y, p->right, y);
    }
}

static void x_axis(const hg_plot *p) {
    const double base = p->bottom + GAP + 0.75 * p->small;
    char buf[HG_LABEL_MAX];
    small_font(p);
    for (size_t i = 0; i < p->x_ticks.n; i++) {
        const double x = hg_plot_px(p, p->x_ticks.at[i]);
        hg_plot_segment(p, x, p->bottom, x, p->bottom + 2.5);
        hg_label_draw(p->cr, p->x_ticks.text[i], x, base + 0.5, 0.5, 0, 0);
    }
    for (size_t i = 0; i < p->f->x.n_category; i++) {
        hg_label_fit(buf, p->cr, p->f->x.category[i], 0.95 * (p->right - p->left) / (double)p->f->x.n_category);
        hg_label_draw(p->cr, buf, hg_plot_px(p, (double)i), base + 0.5, 0.5, 0, 0);
    }
    double label_right = p->right;
    if (p->x_ticks.exponent && !p->f->x.n_category) {
        hg_power_text(buf, sizeof buf, p->x_ticks.exponent);
        hg_label_draw(p->cr, buf, p->right, base + 1.5 * p->font, 1, 0, 0);
        label_right -= hg_label_width(p->cr, buf) + p->small;
    }
    if (!p->f->x.label) return;
    normal_font(p);
    hg_label_fit(buf, p->cr, p->f->x.label, label_right - MARGIN);
    const double half = hg_label_width(p->cr, buf) / 2; /* centred, and clear of the power of ten and of the edge */
    const double x = fmax(fmin((p->left + p->right) / 2, label_right - half), MARGIN + half);
    hg_label_draw(p->cr, buf, x, base + 1.5 * p->font, 0.5, 0, 0);
}

static void y_axis(const hg_plot *p) {
    char buf[HG_LABEL_MAX];
    small_font(p);
    for (size_t i = 0; i < p->y_ticks.n && !p->f->y.n_category; i++) {
        const double y = hg_plot_py(p, p->y_ticks.at[i]);
        hg_plot_segment(p, p->left - 2.5, y, p->left, y);
        hg_label_draw(p->cr, p->y_ticks.text[i], p->left - 2 - GAP, y, 1, 0.5, 0);
    }
    for (size_t i = 0; i < p->f->y.n_category; i++) {
        hg_label_fit(buf, p->cr, p->f->y.category[i], most_category(p));
        hg_label_draw(p->cr, buf, p->left - 2 - GAP, hg_plot_py(p, (double)i), 1, 0.5, 0);
    }
    if (p->y_ticks.exponent && !p->f->y.n_category) {
        hg_power_text(buf, sizeof buf, p->y_ticks.exponent);
        hg_label_draw(p->cr, buf, p->left, p->top - 0.5 * p->small, 0, 0, 0);
    }
    if (!p->f->y.label) return;
    normal_font(p);
    hg_label_fit(buf, p->cr, p->f->y.label, p->height - 2 * MARGIN);
    const double half = hg_label_width(p->cr, buf) / 2;
    const double y = fmax(fmin((p->top + p->bottom) / 2, p->height - MARGIN - half), MARGIN + half);
    hg_label_draw(p->cr, buf, MARGIN, y, 0.5, 1, -acos(-1.0) / 2);
}

static void spines(const hg_plot *p) {
    cairo_set_line_width(p->cr, 0.8);
    hg_plot_ink(p, 1);
    cairo_move_to(p->cr, hg_snap(p->left), hg_snap(p->top));
    cairo_line_to(p->cr, hg_snap(p->left), hg_snap(p->bottom));
    cairo_line_to(p->cr, hg_snap(p->right), hg_snap(p->bottom));
    cairo_stroke(p->cr);
    cairo_set_line_width(p->cr, 0.6);
    x_axis(p);
    y_axis(p);
}

static void value_bar(const hg_plot *p) {
    if (!p->has_values) return;
    const double x = p->right + 10, top = p->top, bottom = p->bottom;
    cairo_pattern_t *g = cairo_pattern_create_linear(0, bottom, 0, top);
    for (size_t k = 0; k < HG_MAP_LEVELS; k += 3) /* 43 stops: straight lines between them hide in the eye's steps */
        cairo_pattern_add_color_stop_rgb(g, (double)k / (HG_MAP_LEVELS - 2), p->map[k].r, p->map[k].g, p->map[k].b);
    cairo_set_source(p->cr, g);
    cairo_rectangle(p->cr, hg_snap(x), hg_snap(top), BAR_WIDTH, hg_snap(bottom - top));
    cairo_fill(p->cr);
    cairo_pattern_destroy(g);

    char buf[HG_LABEL_MAX];
    hg_plot_ink(p, 1);
    cairo_set_line_width(p->cr, 0.6);
    small_font(p);
    for (size_t i = 0; i < p->value_ticks.n; i++) {
        const double y = bottom - hg_range_share(&p->value, p->value_ticks.at[i]) * (bottom - top);
        hg_plot_segment(p, x + BAR_WIDTH, y, x + BAR_WIDTH + 2, y);
        hg_label_draw(p->cr, p->value_ticks.text[i], x + BAR_WIDTH + GAP, y, 0, 0.5, 0);
    }
    if (p->value_ticks.exponent) {
        hg_power_text(buf, sizeof buf, p->value_ticks.exponent);
        hg_label_draw(p->cr, buf, x, top - 0.5 * p->small, 0, 0, 0);
    }
    if (!p->f->value.label) return;
    const double edge = x + BAR_WIDTH + 2 * GAP + widest(p, &p->value_ticks);
    normal_font(p);
    hg_label_fit(buf, p->cr, p->f->value.label, p->height - 2 * MARGIN);
    const double half = hg_label_width(p->cr, buf) / 2;
    const double y = fmax(fmin((top + bottom) / 2, p->height - MARGIN - half), MARGIN + half);
    hg_label_draw(p->cr, buf, edge, y, 0.5, 1, -acos(-1.0) / 2);
}

static void title(const hg_plot *p) {
    if (!p->f->title) return;
    char buf[HG_LABEL_MAX];
    hg_label_font(p->cr, 1.1 * p->font, true);
    hg_label_fit(buf, p->cr, p->f->title, p->width - 2 * MARGIN);
    hg_plot_ink(p, 1);
    hg_label_draw(p->cr, buf, MARGIN, MARGIN + p->font, 0, 0, 0);
}

static bool nothing_drawn(const hg_plot *p) {
    double x, y;
    for (size_t k = 0; k < p->f->n_layers; k++) {
        const hg_layer *l = &p->f->layer[k];
        if (l->kind == HG_LAYER_HEAT && l->rows && l->columns) return false;
        if (l->kind == HG_LAYER_HEAT || l->kind >= HG_LAYER_LEVELS) continue; /* guides are not data */
        for (size_t i = 0; i < l->n; i++) {
            if (l->kind == HG_LAYER_BARS) return false;
            if (l->kind == HG_LAYER_BAND ? hg_drawable(l->low[i], p->y.log) : hg_plot_point(p, l, i, &x, &y))
                return false;
        }
    }
    return true;
}

static void draw(hg_plot *p) {
    settle_ranges(p);
    layout(p);
    title(p);
    if (p->f->triangle)
        hg_triangle_frame(p);
    else
        grid(p);
    for (size_t i = 0; i < p->f->n_layers; i++) {
        cairo_save(p->cr);
        HG_LAYER_RULES[p->f->layer[i].kind].draw(p, &p->f->layer[i]);
        cairo_restore(p->cr);
    }
    if (!p->f->triangle) spines(p);
    value_bar(p);
    legend(p, true);
    small_font(p);
    hg_plot_labels(p);
    if (!nothing_drawn(p)) return;
    normal_font(p);
    hg_plot_ink(p, 0.6);
    hg_label_draw(p->cr, "no data", (p->left + p->right) / 2, (p->top + p->bottom) / 2, 0.5, 0.5, 0);
}

hg_status hg_figure_render(hg_bytes *out, const hg_figure *f, hg_figure_format format, hg_err *err) {
    *out = (hg_bytes) { NULL, 0 };
    if ((unsigned)format > HG_FIGURE_PNG) return hg_fail(err, HG_EINVAL, "format %d is none", (int)format);
    HG_TRY(check(f, err));
    hg_plot *p = hg_calloc(1, sizeof *p);
    if (!p) return hg_fail(err, HG_ENOMEM, "no memory for a figure");
    p->f = f;
    p->width = f->width_mm * PT_PER_MM;
    p->height = f->height_mm * PT_PER_MM;
    p->font = f->font_pt;
    p->small = 0.88 * f->font_pt;
    hg_colour_map(p->map);
    hg_surface s;
    hg_surface_begin(&s, format, p->width, p->height, f->dpi);
    p->cr = s.cr;
    const bool themed = f->themed && format == HG_FIGURE_SVG;
    if (!themed) {
        cairo_set_source_rgb(p->cr, HG_PAPER.r, HG_PAPER.g, HG_PAPER.b);
        cairo_paint(p->cr);
    }
    draw(p);
    const bool failed = p->failed;
    hg_free(p);
    HG_TRY(hg_surface_end(out, &s, themed, f->id, err));
    if (!failed) return HG_OK;
    hg_bytes_free(out);
    return hg_fail(err, HG_ENOMEM, "no memory to draw the figure's points");
}

/* ---- formats ---------------------------------------------------------------------------------------------------- */

static const char *const FORMATS[] = { [HG_FIGURE_SVG] = "svg", [HG_FIGURE_PDF] = "pdf", [HG_FIGURE_PNG] = "png" };
enum { FORMAT_COUNT = sizeof FORMATS / sizeof *FORMATS };

const char *hg_figure_format_name(hg_figure_format format) {
    return (unsigned)format < FORMAT_COUNT ? FORMATS[format] : NULL;
}

hg_status hg_figure_format_find(hg_figure_format *out, const char *name, hg_err *err) {
    const char *dot = strrchr(name, '.');
    const char *ending = dot ? dot + 1 : name;
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (hg_edit_distance(ending, FORMATS[i]) == 0) { /* case ignored */
            *out = (hg_figure_format)i;
            return HG_OK;
        }
    return hg_advise(err, hg_fail(err, HG_ENOTFOUND, "\"%s\" is no figure format", ending), "use svg, pdf or png");
}
