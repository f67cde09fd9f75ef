/* draw/triangle.c -- the composition triangle (Gibbs): three shares that sum to 1
 *
 * Corners: 0 left, 1 right, 2 top. Shares grow counter-clockwise: along the base share 1 from left to right, along the
 * right side share 2 upwards, along the left side share 0 downwards. When the points fill only a part, the triangle shows
 * that part (corner_min, corner_span), with the same orientation.
 */
#include "draw/plot.h"
#include <math.h>
#include <stdio.h>

static const double HEIGHT = 0.86602540378443865; /* of an equilateral triangle of side 1 */

static bool shares(double s[3], const hg_layer *l, size_t i) {
    const double a = l->x[i], b = l->y[i], c = l->z[i], sum = a + b + c;
    if (!(a >= 0 && b >= 0 && c >= 0 && sum > 0 && sum < 1e300)) return false;
    s[0] = a / sum;
    s[1] = b / sum;
    s[2] = c / sum;
    return true;
}

void hg_triangle_settle(hg_plot *p) {
    double least[3] = { 1, 1, 1 }, s[3];
    bool any = false;
    for (size_t k = 0; k < p->f->n_layers; k++)
        for (size_t i = 0; i < p->f->layer[k].n; i++) {
            if (!shares(s, &p->f->layer[k], i)) continue;
            any = true;
            for (size_t j = 0; j < 3; j++) least[j] = fmin(least[j], s[j]);
        }
    for (size_t j = 0; j < 3; j++) p->corner_min[j] = 0;
    p->corner_span = 1;
    const double span = any ? 1 - least[0] - least[1] - least[2] : 1;
    if (span > 0.6) return; /* the whole triangle is easier to read than a slightly larger part */
    static const double steps[] = { 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001 };
    size_t k = 0;
    while (k + 1 < sizeof steps / sizeof *steps && steps[k] * 4 > span) k++;
    double sum = 0;
    for (size_t j = 0; j < 3; j++) {
        p->corner_min[j] = fmax(0, floor(least[j] / steps[k] - 0.2) * steps[k]);
        sum += p->corner_min[j];
    }
    p->corner_span = 1 - sum;
}

void hg_triangle_fit(hg_plot *p) {
    const double above = 1.7 * p->font, below = 3 * p->font, beside = 4.5 * p->small;
    const double w = p->right - p->left - 2 * beside, h = p->bottom - p->top - above - below;
    const double side = fmax(10, fmin(w, h / HEIGHT));
    const double middle = (p->left + p->right) / 2;
    p->top += above;
    p->bottom = p->top + side * HEIGHT;
    p->left = middle - side / 2;
    p->right = middle + side / 2;
}

static void place(const hg_plot *p, const double s[3], double *px, double *py) {
    const double b = (s[1] - p->corner_min[1]) / p->corner_span, c = (s[2] - p->corner_min[2]) / p->corner_span;
    *px = hg_snap(p->left + (b + c / 2) * (p->right - p->left));
    *py = hg_snap(p->bottom - c * (p->bottom - p->top));
}

bool hg_triangle_point(const hg_plot *p, const hg_layer *l, size_t i, double *px, double *py) {
    double s[3];
    if (!shares(s, l, i)) return false;
    place(p, s, px, py);
    return true;
}

/* The point where share j is v, on the side where share k is at its least. */
static void on_side(const hg_plot *p, size_t j, size_t k, double v, double *px, double *py) {
    double s[3];
    s[j] = v;
    s[k] = p->corner_min[k];
    s[3 - j - k] = 1 - s[j] - s[k];
    place(p, s, px, py);
}

static void ticks_of(const hg_plot *p, size_t j) {
    /* share 1 is read on the base (share 2 least), share 2 on the right side (share 0 least), 0 on the left (1 least) */
    const size_t labelled = (j + 1) % 3, other = (j + 2) % 3;
    const hg_range r = { p->corner_min[j] * p->f->whole, (p->corner_min[j] + p->corner_span) * p->f->whole, false };
    hg_ticks t;
    hg_ticks_make(&t, &r, 5, false);
    static const double out_x[3] = { -0.9, 0, 0.9 }, out_y[3] = { 0, 0.8, 0 };
    static const double anchor_x[3] = { 1, 0.5, 0 }, anchor_y[3] = { 0.5, 1, 0.5 };
    for (size_t i = 0; i < t.n; i++) {
        const double v = t.at[i] / p->f->whole;
        if (hg_range_share(&r, t.at[i]) < 0.01 || hg_range_share(&r, t.at[i]) > 0.99) continue; /* the corners */
        double x0, y0, x1, y1;
        on_side(p, j, labelled, v, &x0, &y0);
        on_side(p, j, other, v, &x1, &y1);
        cairo_set_line_width(p->cr, 0.5);
        hg_plot_ink(p, 0.14);
        hg_plot_segment(p, x0, y0, x1, y1);
        hg_plot_ink(p, 1);
        hg_label_draw(p->cr, t.text[i], x0 + 0.6 * p->small * out_x[j], y0 + 0.5 * p->small * out_y[j], anchor_x[j],
                      anchor_y[j], 0);
    }
}

static void corner(const hg_plot *p, size_t j, double x, double y, double ax) {
    char name[HG_LABEL_MAX], most[HG_TICK_TEXT], text[HG_LABEL_MAX + HG_TICK_TEXT + 4];
    hg_label_fit(name, p->cr, p->f->corner[j], 0.42 * (p->right - p->left) + 20);
    if (p->corner_span >= 1 - 1e-12) {
        hg_label_draw(p->cr, name, x, y, ax, 0, 0);
        return;
    }
    /* a part: say where this corner lies */
    hg_number_text(most, sizeof most, (p->corner_min[j] + p->corner_span) * p->f->whole, 3);
    snprintf(text, sizeof text, "%s = %s", name, most);
    hg_label_draw(p->cr, text, x, y, ax, 0, 0);
}

void hg_triangle_frame(hg_plot *p) {
    const double middle = (p->left + p->right) / 2;
    hg_label_font(p->cr, p->small, false);
    for (size_t j = 0; j < 3; j++) ticks_of(p, j);
    cairo_set_line_width(p->cr, 0.8);
    cairo_set_line_join(p->cr, CAIRO_LINE_JOIN_ROUND);
    hg_plot_ink(p, 1);
    cairo_move_to(p->cr, hg_snap(p->left), hg_snap(p->bottom));
    cairo_line_to(p->cr, hg_snap(p->right), hg_snap(p->bottom));
    cairo_line_to(p->cr, hg_snap(middle), hg_snap(p->top));
    cairo_close_path(p->cr);
    cairo_stroke(p->cr);
    hg_label_font(p->cr, p->font, false);
    const double below = p->bottom + 2.6 * p->font;
    corner(p, 0, p->left, below, 0.35);
    corner(p, 1, p->right, below, 0.65);
    corner(p, 2, middle, p->top - 0.6 * p->font, 0.5);
}
