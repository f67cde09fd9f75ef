/* draw/layer.c -- the kinds of layer: one record each in HG_LAYER_RULES
 *
 * Points of one colour are one path of dots (lines of length zero with round ends): 20 bytes a point in an SVG where a
 * circle takes 300. Beyond HG_PLOT_VECTOR_POINTS they become an image (raster.c).
 */
#include "core/memory.h"
#include "draw/plot.h"
#include <math.h>
#include <string.h>

static const double DOT = 3.4, LINE = 1.3, THIN = 0.7; /* pt */
static const double BAND_OPACITY = 0.22;
enum { OUTLINED = 300 }; /* up to so many points each marker has its own outline and shape */

static double or_default(double size, double usual) { return size > 0 ? size : usual; }

void hg_plot_clip(const hg_plot *p) {
    cairo_rectangle(p->cr, p->left, p->top, p->right - p->left, p->bottom - p->top);
    cairo_clip(p->cr);
}

/* ---- markers ---------------------------------------------------------------------------------------------------- */

static void polygon(cairo_t *cr, double x, double y, size_t n, double r, double inner, double turn) {
    for (size_t k = 0; k < n; k++) {
        const double angle = turn + 2 * acos(-1.0) * (double)k / (double)n, radius = k % 2 ? inner : r;
        cairo_line_to(cr, hg_snap(x + radius * sin(angle)), hg_snap(y - radius * cos(angle)));
    }
    cairo_close_path(cr);
}

static void disc(hg_plot *p, double x, double y, double size, hg_rgb colour) { /* a third of a circle's bytes */
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(p->cr, size);
    hg_plot_colour(p, colour, 1);
    hg_plot_segment(p, x, y, x, y);
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_BUTT);
}

void hg_marker_draw(hg_plot *p, hg_marker marker, double x, double y, double size, hg_rgb colour, bool outline) {
    const double r = size / 2;
    cairo_new_path(p->cr);
    switch (marker) {
    case HG_MARKER_CIRCLE:
        if (outline) disc(p, x, y, size + 1.2, HG_PAPER);
        disc(p, x, y, size, colour);
        return;
    case HG_MARKER_SQUARE: polygon(p->cr, x, y, 4, 1.25 * r, 1.25 * r, acos(-1.0) / 4); break;
    case HG_MARKER_DIAMOND: polygon(p->cr, x, y, 4, 1.3 * r, 1.3 * r, 0); break;
    case HG_MARKER_TRIANGLE: polygon(p->cr, x, y + 0.2 * r, 3, 1.35 * r, 1.35 * r, 0); break;
    case HG_MARKER_STAR: polygon(p->cr, x, y, 10, 1.5 * r, 0.65 * r, 0); break;
    default: cairo_arc(p->cr, x, y, r, 0, 2 * acos(-1.0)); break;
    }
    if (marker == HG_MARKER_RING) {
        cairo_set_line_width(p->cr, 0.3 * r + 0.5);
        hg_plot_colour(p, colour, 1);
        cairo_stroke(p->cr);
        return;
    }
    if (outline) {
        cairo_set_line_width(p->cr, 1.2);
        hg_plot_colour(p, HG_PAPER, 1);
        cairo_stroke_preserve(p->cr);
    }
    hg_plot_colour(p, colour, 1);
    cairo_fill(p->cr);
}

/* ---- points ----------------------------------------------------------------------------------------------------- */

static hg_rgb point_colour(const hg_plot *p, const hg_layer *l, size_t i) {
    return l->value ? p->map[hg_plot_level(p, l->value[i])] : hg_colour_rgb(l->colour);
}

static void few_points(hg_plot *p, const hg_layer *l) {
    double x, y;
    for (size_t i = 0; i < l->n; i++)
        if (hg_plot_point(p, l, i, &x, &y))
            hg_marker_draw(p, l->marker, x, y, or_default(l->size, 1.5 * DOT), point_colour(p, l, i), true);
}

/* Where in the order of drawing a point comes: the last is on top. */
static size_t turn(const hg_plot *p, const hg_layer *l, size_t i) {
    const size_t level = l->value ? hg_plot_level(p, l->value[i]) : 0;
    return l->low_on_top ? HG_MAP_LEVELS - 1 - level : level;
}

size_t *hg_points_by_level(hg_plot *p, const hg_layer *l, size_t first[HG_MAP_LEVELS + 1]) {
    size_t *order = hg_malloc(l->n, sizeof *order), at[HG_MAP_LEVELS];
    memset(first, 0, (HG_MAP_LEVELS + 1) * sizeof *first);
    if (!order) {
        p->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < l->n; i++) first[turn(p, l, i) + 1]++;
    for (size_t k = 0; k < HG_MAP_LEVELS; k++) {
        first[k + 1] += first[k];
        at[k] = first[k];
    }
    for (size_t i = 0; i < l->n; i++) order[at[turn(p, l, i)]++] = i;
    return order;
}

/* One path of dots a level, the best last and so on top. */
static void dots(hg_plot *p, const hg_layer *l) {
    size_t first[HG_MAP_LEVELS + 1];
    size_t *order = hg_points_by_level(p, l, first);
    if (!order) return;
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(p->cr, or_default(l->size, DOT));
    for (size_t k = 0; k < HG_MAP_LEVELS; k++) {
        bool any = false;
        double x, y;
        for (size_t i = first[k]; i < first[k + 1]; i++) {
            if (!hg_plot_point(p, l, order[i], &x, &y)) continue;
            cairo_move_to(p->cr, x, y);
            cairo_line_to(p->cr, x, y);
            any = true;
        }
        if (!any) continue;
        hg_plot_colour(p, point_colour(p, l, order[first[k]]), 1); /* the same for all of this turn */
        cairo_stroke(p->cr);
    }
    hg_free(order);
}

static void bar(const hg_plot *p, double x0, double y0, double x1, double y1) {
    const bool upright = x0 == x1;
    const double cap = 1.6;
    hg_plot_segment(p, x0, y0, x1, y1);
    hg_plot_segment(p, upright ? x0 - cap : x0, upright ? y0 : y0 - cap, upright ? x0 + cap : x0,
                    upright ? y0 : y0 + cap);
    hg_plot_segment(p, upright ? x1 - cap : x1, upright ? y1 : y1 - cap, upright ? x1 + cap : x1,
                    upright ? y1 : y1 + cap);
}

static void error_bars(const hg_plot *p, const hg_layer *l) {
    double x, y;
    cairo_save(p->cr);
    hg_plot_clip(p);
    cairo_set_line_width(p->cr, THIN);
    hg_plot_colour(p, hg_colour_rgb(l->colour), 0.7);
    for (size_t i = 0; i < l->n; i++) {
        if (!hg_plot_point(p, l, i, &x, &y)) continue;
        if (l->low && l->high && hg_drawable(l->low[i], p->y.log) && hg_drawable(l->high[i], p->y.log))
            bar(p, x, hg_plot_py(p, l->low[i]), x, hg_plot_py(p, l->high[i]));
        if (l->x_low && l->x_high && hg_drawable(l->x_low[i], p->x.log) && hg_drawable(l->x_high[i], p->x.log))
            bar(p, hg_plot_px(p, l->x_low[i]), y, hg_plot_px(p, l->x_high[i]), y);
    }
    cairo_restore(p->cr);
}

static void draw_points(hg_plot *p, const hg_layer *l) {
    if (!p->f->triangle && l->n <= HG_PLOT_VECTOR_POINTS) error_bars(p, l);
    if (l->n <= OUTLINED)
        few_points(p, l);
    else if (l->n <= HG_PLOT_VECTOR_POINTS)
        dots(p, l);
    else
        hg_raster_points(p, l, or_default(l->size, DOT));
}

static void sample_points(hg_plot *p, const hg_layer *l, double x, double y, double width) {
    const double middle = x + width / 2;
    if (l->low || l->x_low) {
        cairo_set_line_width(p->cr, THIN);
        hg_plot_colour(p, hg_colour_rgb(l->colour), 0.7);
        bar(p, middle, y - 0.42 * p->font, middle, y + 0.42 * p->font);
    }
    const hg_rgb c = l->value ? p->map[HG_MAP_LEVELS * 6 / 10] : hg_colour_rgb(l->colour);
    const double usual = l->n <= OUTLINED ? 1.5 * DOT : DOT;
    hg_marker_draw(p, l->marker, middle, y, fmin(or_default(l->size, usual), p->font), c, false);
}

/* ---- lines and bands -------------------------------------------------------------------------------------------- */

static void dash(const hg_plot *p, const hg_layer *l) {
    const double pattern[2] = { 3.2, 2.4 };
    if (l->dashed) cairo_set_dash(p->cr, pattern, 2, 0);
    cairo_set_line_width(p->cr, or_default(l->size, LINE));
    cairo_set_line_join(p->cr, CAIRO_LINE_JOIN_ROUND);
    hg_plot_colour(p, hg_colour_rgb(l->colour), 1);
}

static void draw_line(hg_plot *p, const hg_layer *l) {
    bool pen_down = false;
    double level = 0;
    hg_plot_clip(p);
    dash(p, l);
    for (size_t i = 0; i < l->n; i++) {
        if (!hg_drawable(l->x[i], p->x.log) || !hg_drawable(l->y[i], p->y.log)) {
            pen_down = false;
            continue;
        }
        const double x = hg_plot_px(p, l->x[i]), y = hg_plot_py(p, l->y[i]);
        if (pen_down && l->steps) cairo_line_to(p->cr, x, level);
        if (pen_down)
            cairo_line_to(p->cr, x, y);
        else
            cairo_move_to(p->cr, x, y);
        pen_down = true;
        level = y;
    }
    cairo_stroke(p->cr);
}

static void sample_line(hg_plot *p, const hg_layer *l, double x, double y, double width) {
    cairo_save(p->cr);
    dash(p, l);
    hg_plot_segment(p, x, y, x + width, y);
    cairo_restore(p->cr);
}

static bool band_at(const hg_plot *p, const hg_layer *l, size_t i) {
    return hg_drawable(l->x[i], p->x.log) && hg_drawable(l->low[i], p->y.log) && hg_drawable(l->high[i], p->y.log);
}

/* One run of drawable points, begin <= i < end: forth along the top and back along the bottom. */
static void band_run(const hg_plot *p, const hg_layer *l, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
        const double x = hg_plot_px(p, l->x[i]);
        if (l->steps && i > begin) cairo_line_to(p->cr, x, hg_plot_py(p, l->high[i - 1]));
        cairo_line_to(p->cr, x, hg_plot_py(p, l->high[i]));
    }
    for (size_t i = end; i-- > begin;) {
        const double x = hg_plot_px(p, l->x[i]);
        cairo_line_to(p->cr, x, hg_plot_py(p, l->low[i]));
        if (l->steps && i > begin) cairo_line_to(p->cr, x, hg_plot_py(p, l->low[i - 1]));
    }
    cairo_close_path(p->cr);
}

static void draw_band(hg_plot *p, const hg_layer *l) {
    hg_plot_clip(p);
    for (size_t begin = 0, end; begin < l->n; begin = end + 1) {
        for (end = begin; end < l->n && band_at(p, l, end);) end++;
        if (end - begin > 1) band_run(p, l, begin, end);
    }
    hg_plot_colour(p, hg_colour_rgb(l->colour), BAND_OPACITY);
    cairo_fill(p->cr);
}

static void sample_band(hg_plot *p, const hg_layer *l, double x, double y, double width) {
    cairo_rectangle(p->cr, hg_snap(x), hg_snap(y - 0.3 * p->font), hg_snap(width), hg_snap(0.6 * p->font));
    hg_plot_colour(p, hg_colour_rgb(l->colour), l->kind == HG_LAYER_BAND ? BAND_OPACITY : 1);
    cairo_fill(p->cr);
}

/* ---- bars ------------------------------------------------------------------------------------------------------- */

static double closest(const hg_layer *l, const double *at) { /* smallest distance of neighbours: the room of a bar */
    double least = INFINITY;
    for (size_t i = 1; i < l->n; i++)
        if (at[i] != at[i - 1]) least = fmin(least, fabs(at[i] - at[i - 1]));
    return isfinite(least) ? least : 1;
}

static void draw_bars(hg_plot *p, const hg_layer *l) {
    const bool lying = p->f->y.n_category > 0;
    const double half = 0.36 * closest(l, lying ? l->y : l->x);
    hg_plot_clip(p);
    for (size_t i = 0; i < l->n; i++) {
        if (!hg_drawable(l->x[i], p->x.log) || !hg_drawable(l->y[i], p->y.log)) continue;
        const double x0 = hg_plot_px(p, lying ? (p->x.log ? p->x.min : 0) : l->x[i] - half);
        const double x1 = hg_plot_px(p, lying ? l->x[i] : l->x[i] + half);
        const double y0 = hg_plot_py(p, lying ? l->y[i] - half : (p->y.log ? p->y.min : 0));
        const double y1 = hg_plot_py(p, lying ? l->y[i] + half : l->y[i]);
        cairo_rectangle(p->cr, fmin(x0, x1), fmin(y0, y1), hg_snap(fabs(x1 - x0)), hg_snap(fabs(y1 - y0)));
    }
    hg_plot_colour(p, hg_colour_rgb(l->colour), 1);
    cairo_fill(p->cr);
}

/* ---- guides ----------------------------------------------------------------------------------------------------- */

static void draw_levels(hg_plot *p, const hg_layer *l) {
    hg_plot_clip(p);
    dash(p, l);
    for (size_t i = 0; i < l->n; i++)
        if (hg_drawable(l->y[i], p->y.log)) {
            const double y = hg_plot_py(p, l->y[i]);
            hg_plot_segment(p, p->left, y, p->right, y);
        }
}

static void draw_uprights(hg_plot *p, const hg_layer *l) {
    hg_plot_clip(p);
    dash(p, l);
    for (size_t i = 0; i < l->n; i++)
        if (hg_drawable(l->x[i], p->x.log)) {
            const double x = hg_plot_px(p, l->x[i]);
            hg_plot_segment(p, x, p->top, x, p->bottom);
        }
}

static void draw_diagonal(hg_plot *p, const hg_layer *l) {
    enum { PIECES = 64 }; /* a straight line unless one axis alone is logarithmic */
    hg_plot_clip(p);
    dash(p, l);
    for (size_t k = 0; k <= PIECES; k++) {
        const double t = (double)k / PIECES;
        const double v = p->x.log ? pow(10, log10(p->x.min) + t * (log10(p->x.max) - log10(p->x.min)))
                                  : p->x.min + t * (p->x.max - p->x.min);
        if (hg_drawable(v, p->y.log)) cairo_line_to(p->cr, hg_plot_px(p, v), hg_plot_py(p, v));
    }
    cairo_stroke(p->cr);
}

/* ---- what each kind adds to the ranges -------------------------------------------------------------------------- */

static void widen_points(const hg_plot *p, const hg_layer *l, hg_range *x, hg_range *y) {
    for (size_t i = 0; i < l->n; i++) {
        if (!hg_drawable(l->x[i], p->x.log) || !hg_drawable(l->y[i], p->y.log)) continue;
        hg_range_add(x, l->x[i]);
        hg_range_add(y, l->y[i]);
        if (l->low) hg_range_add(y, l->low[i]);
        if (l->high) hg_range_add(y, l->high[i]);
        if (l->x_low) hg_range_add(x, l->x_low[i]);
        if (l->x_high) hg_range_add(x, l->x_high[i]);
    }
}

static void widen_band(const hg_plot *p, const hg_layer *l, hg_range *x, hg_range *y) {
    for (size_t i = 0; i < l->n; i++) {
        if (!band_at(p, l, i)) continue;
        hg_range_add(x, l->x[i]);
        hg_range_add(y, l->low[i]);
        hg_range_add(y, l->high[i]);
    }
}

static void widen_bars(const hg_plot *p, const hg_layer *l, hg_range *x, hg_range *y) {
    const bool lying = p->f->y.n_category > 0;
    const double half = 0.5 * closest(l, lying ? l->y : l->x);
    hg_range *along = lying ? x : y, *across = lying ? y : x;
    const double *length = lying ? l->x : l->y, *at = lying ? l->y : l->x;
    hg_range_add(along, 0); /* bars stand on zero (a log axis refuses it) */
    for (size_t i = 0; i < l->n; i++) {
        hg_range_add(along, length[i]);
        hg_range_add(across, at[i] - half);
        hg_range_add(across, at[i] + half);
    }
}

void hg_heat_edges(const double *ends, size_t cells, double *from, double *to) { /* half a cell beyond the centres */
    const double half = cells > 1 ? (ends[1] - ends[0]) / (double)(cells - 1) / 2 : 0.5;
    *from = ends[0] - half;
    *to = ends[1] + half;
}

static void widen_heat(const hg_plot *p, const hg_layer *l, hg_range *x, hg_range *y) {
    (void)p;
    double from, to;
    if (!l->rows || !l->columns) return;
    hg_heat_edges(l->x, l->columns, &from, &to);
    hg_range_add(x, from);
    hg_range_add(x, to);
    hg_heat_edges(l->y, l->rows, &from, &to);
    hg_range_add(y, from);
    hg_range_add(y, to);
}

static void widen_levels(const hg_plot *p, const hg_layer *l, hg_range *x, hg_range *y) {
    (void)p;
    (void)x;
    for (size_t i = 0; i < l->n; i++) hg_range_add(y, l->y[i]);
}

static void widen_uprights(const hg_plot *p, const hg_layer *l, hg_range *x, hg_range *y) {
    (void)p;
    (void)y;
    for (size_t i = 0; i < l->n; i++) hg_range_add(x, l->x[i]);
}

static void widen_not(const hg_plot *p, const hg_layer *l, hg_range *x, hg_range *y) {
    (void)p;
    (void)l;
    (void)x;
    (void)y;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static bool band_complete(const hg_layer *l) { return l->low && l->high; }
static bool heat_complete(const hg_layer *l) {
    if (l->rows == 0 || l->columns == 0) return true;
    return l->n == 2 && l->value && l->columns <= SIZE_MAX / l->rows;
}

const hg_layer_rule HG_LAYER_RULES[HG_LAYER_COUNT] = {
    [HG_LAYER_POINTS] = { "points", true, true, NULL, widen_points, draw_points, sample_points },
    [HG_LAYER_LINE] = { "line", true, true, NULL, widen_points, draw_line, sample_line },
    [HG_LAYER_BAND] = { "band", true, false, band_complete, widen_band, draw_band, sample_band },
    [HG_LAYER_BARS] = { "bars", true, true, NULL, widen_bars, draw_bars, sample_band },
    [HG_LAYER_HEAT] = { "heat map", true, true, heat_complete, widen_heat, hg_raster_heat, sample_band },
    [HG_LAYER_LEVELS] = { "levels", false, true, NULL, widen_levels, draw_levels, sample_line },
    [HG_LAYER_UPRIGHTS] = { "uprights", true, false, NULL, widen_uprights, draw_uprights, sample_line },
    [HG_LAYER_DIAGONAL] = { "diagonal", false, false, NULL, widen_not, draw_diagonal, sample_line },
};

/* ---- labels beside points --------------------------------------------------------------------------------------- */

enum { PLACES = 8, LABELS = 200 }; /* beyond so many labels nobody reads them */

typedef struct {
    double x0, y0, x1, y1;
} box;

static double overlap(const box *a, const box *b) {
    const double w = fmin(a->x1, b->x1) - fmax(a->x0, b->x0), h = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
    return w > 0 && h > 0 ? w * h : 0;
}

static double outside(const hg_plot *p, const box *b) {
    return fmax(0, p->left - b->x0) + fmax(0, b->x1 - p->right) + fmax(0, p->top - b->y0) + fmax(0, b->y1 - p->bottom);
}

static double crowding(const hg_plot *p, const box *b) { /* how much of b lies on markers */
    double sum = 0, x, y;
    for (size_t k = 0; k < p->f->n_layers; k++) {
        const hg_layer *l = &p->f->layer[k];
        if (l->kind != HG_LAYER_POINTS || l->n > OUTLINED) continue;
        const double r = or_default(l->size, 1.5 * DOT) / 2;
        for (size_t i = 0; i < l->n; i++)
            if (hg_plot_point(p, l, i, &x, &y)) {
                const box marker = { x - r, y - r, x + r, y + r };
                sum += overlap(b, &marker);
            }
    }
    return sum;
}

static void label(hg_plot *p, const char *text, double x, double y, double gap, box *placed, size_t *n) {
    static const double way[PLACES][2] = { { 1, -1 }, { 1, 1 },  { -1, -1 }, { -1, 1 },
                                           { 1, 0 },  { -1, 0 }, { 0, -1 },  { 0, 1 } };
    char buf[HG_LABEL_MAX];
    hg_label_fit(buf, p->cr, text, 0.4 * (p->right - p->left));
    const double w = hg_label_width(p->cr, buf), h = 0.75 * p->small;
    box best = { 0, 0, 0, 0 };
    double least = INFINITY;
    for (size_t k = 0; k < PLACES; k++) {
        const double cx = x + way[k][0] * (gap + w / 2),
                     cy = y + way[k][1] * (gap + h / 2) * (way[k][0] != 0 ? 0.75 : 1);
        const box b = { cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2 };
        double cost = 20 * outside(p, &b) + crowding(p, &b);
        for (size_t i = 0; i < *n; i++) cost += 4 * overlap(&b, &placed[i]);
        if (cost < least) {
            least = cost;
            best = b;
        }
    }
    placed[(*n)++] = best;
    hg_label_draw_halo(p->cr, buf, hg_snap(best.x0), hg_snap(best.y1), 0, 0, HG_INK);
}

void hg_plot_labels(hg_plot *p) {
    box placed[LABELS];
    size_t n = 0;
    double x, y;
    for (size_t k = 0; k < p->f->n_layers; k++) {
        const hg_layer *l = &p->f->layer[k];
        for (size_t i = 0; l->kind == HG_LAYER_POINTS && l->text && i < l->n && n < LABELS; i++)
            if (l->text[i] && l->text[i][0] && hg_plot_point(p, l, i, &x, &y))
                label(p, l->text[i], x, y, 0.5 * or_default(l->size, 1.5 * DOT) + 1.5, placed, &n);
    }
}
