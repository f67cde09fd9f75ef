/* draw/plot.h -- one figure while it is being drawn: what figure.c lays out and layer.c and triangle.c fill
 *
 * Coordinates: pt from the top left. "Share" is 0..1 along an axis of the frame, 0 at the left and at the bottom.
 */
#ifndef HG_DRAW_PLOT_H
#define HG_DRAW_PLOT_H
#include "draw/colour.h"
#include "draw/label.h"
#include "draw/ticks.h"
#include <cairo.h>

enum { HG_PLOT_VECTOR_POINTS = 4000 }; /* more are drawn as an image */

typedef struct {
    const hg_figure *f;
    cairo_t *cr;
    double width, height, font, small; /* pt: page, label size, tick size */
    double left, top, right, bottom;   /* the frame */
    double legend_left, legend_right, legend_top;
    hg_range x, y, value;
    hg_ticks x_ticks, y_ticks, value_ticks;
    bool has_values;
    double corner_min[3], corner_span; /* triangle: the corner of what is shown, and its side, in shares */
    hg_rgb map[HG_MAP_LEVELS];
    bool failed; /* no memory on the way; end of drawing reports it */
} hg_plot;

/* pt of a point; false when it cannot be drawn or lies outside the frame */
bool hg_plot_point(const hg_plot *p, const hg_layer *l, size_t i, double *px, double *py);
double hg_plot_px(const hg_plot *p, double x); /* kept within ten frames of the frame, so that nothing overflows */
double hg_plot_py(const hg_plot *p, double y);
size_t hg_plot_level(const hg_plot *p, double value); /* 0 .. HG_MAP_LEVELS-1 */
double hg_snap(double pt);                            /* to 0.01 pt: short and stable numbers in files */
void hg_plot_ink(const hg_plot *p, double opacity);
void hg_plot_colour(const hg_plot *p, hg_rgb c, double opacity);
void hg_plot_segment(const hg_plot *p, double x0, double y0, double x1, double y1);

/* The kinds of layer, one record each (layer.c): what they need, how they widen the ranges, how they are drawn. */
typedef struct {
    const char *name;
    bool needs_x, needs_y;
    bool (*complete)(const hg_layer *l); /* the other arrays it needs; NULL: none */
    void (*widen)(const hg_plot *p, const hg_layer *l, hg_range *x, hg_range *y);
    void (*draw)(hg_plot *p, const hg_layer *l);
    void (*sample)(hg_plot *p, const hg_layer *l, double x, double y, double width); /* in the legend, middle left */
} hg_layer_rule;

extern const hg_layer_rule HG_LAYER_RULES[HG_LAYER_COUNT];

void hg_plot_clip(const hg_plot *p); /* to the frame */
/* order[n] (hg_free it): the points by level of the map; level k begins at first[k]. NULL: no memory, p->failed is set. */
size_t *hg_points_by_level(hg_plot *p, const hg_layer *l, size_t first[HG_MAP_LEVELS + 1]);
void hg_raster_points(hg_plot *p, const hg_layer *l, double size); /* raster.c */
void hg_raster_heat(hg_plot *p, const hg_layer *l);
void hg_heat_edges(const double *ends, size_t cells, double *from, double *to); /* outer edges of the cells */
void hg_marker_draw(hg_plot *p, hg_marker marker, double x, double y, double size, hg_rgb colour, bool outline);
void hg_plot_labels(hg_plot *p); /* the texts of all point layers, placed so that they overlap little */

void hg_triangle_settle(hg_plot *p); /* the part of the triangle that the points need */
void hg_triangle_fit(hg_plot *p);    /* an equilateral triangle inside the frame */
void hg_triangle_frame(hg_plot *p);
bool hg_triangle_point(const hg_plot *p, const hg_layer *l, size_t i, double *px, double *py);
#endif
