/* hagane/figure.h -- figures for papers and reports: one drawing as SVG, PDF or PNG
 *
 * A figure is a plain struct: two axes (or a composition triangle), and a list of layers drawn in order. One call renders
 * it to memory; the caller writes the bytes where they belong. The same figure gives the same bytes every time: no dates,
 * no random names, coordinates rounded to 0.01 pt.
 *
 * Values that cannot be drawn (NaN, infinite, <= 0 on a log axis) are left out. A figure without anything to draw shows
 * its axes and the words "no data". Texts are UTF-8; bytes that are not become U+FFFD.
 * More than 4,000 points in one layer are drawn as an image (300 dpi) inside SVG and PDF, points within half a
 * point of each other as one dot, the highest value on top, so that a million points make a small file.
 *
 * Colours: layers take theirs from the eight of Okabe & Ito, "Color Universal Design" (2008), safe for colour-blind
 * readers. Values take theirs from viridis (S. van der Walt and N. Smith, 2015, CC0): ten anchor colours joined in the Oklab
 * space (B. Ottosson, 2020) so that equal steps of the value are equal steps to the eye; lightness always rises.
 */
#ifndef HG_FIGURE_H
#define HG_FIGURE_H
#include "hagane/core.h"

typedef struct {
    char *data; /* NUL-terminated after len, for texts */
    size_t len; /* bytes without that NUL */
} hg_bytes;

typedef enum { HG_FIGURE_SVG, HG_FIGURE_PDF, HG_FIGURE_PNG } hg_figure_format;

typedef enum {
    HG_COLOUR_INK, /* of text and axes */
    HG_COLOUR_GREY,
    HG_COLOUR_BLUE,
    HG_COLOUR_VERMILION,
    HG_COLOUR_GREEN,
    HG_COLOUR_ORANGE,
    HG_COLOUR_SKY,
    HG_COLOUR_PURPLE,
    HG_COLOUR_COUNT
} hg_colour;

typedef enum {
    HG_MARKER_CIRCLE,
    HG_MARKER_RING, /* a circle without a filling */
    HG_MARKER_SQUARE,
    HG_MARKER_DIAMOND,
    HG_MARKER_TRIANGLE,
    HG_MARKER_STAR,
    HG_MARKER_COUNT
} hg_marker;

typedef enum { HG_SCALE_LINEAR, HG_SCALE_LOG } hg_scale;

typedef struct {
    const char *label; /* with its unit: "Hc (A/m)"; NULL: none                                   default NULL */
    hg_scale scale;
    double min, max;             /* NaN: from the data with a margin                               default NaN */
    bool whole;                  /* ticks at whole numbers only: counts, ranks                   default false */
    const char *const *category; /* [n_category] names at 0, 1, 2 ... in place of numbers         default NULL */
    size_t n_category;           /* a vertical axis puts the first on top                            default 0 */
} hg_axis;

typedef enum {
    HG_LAYER_POINTS,   /* x, y; error bars from low/high (of y) and x_low/x_high; value: coloured by the map */
    HG_LAYER_LINE,     /* x, y in order; a gap where a value cannot be drawn */
    HG_LAYER_BAND,     /* between low and high over x */
    HG_LAYER_BARS,     /* from 0 to y at x; from 0 to x at y when the y axis has categories */
    HG_LAYER_HEAT,     /* value[rows, columns] over x[2] = first, last column centre, y[2] = first, last row centre */
    HG_LAYER_LEVELS,   /* horizontal lines at y across the whole width */
    HG_LAYER_UPRIGHTS, /* vertical lines at x over the whole height */
    HG_LAYER_DIAGONAL, /* the line y = x; takes no data */
    HG_LAYER_COUNT
} hg_layer_kind;

typedef struct {
    hg_layer_kind kind;
    const char *name;         /* in the legend; NULL: not there                                          default NULL */
    size_t n;                 /* length of the arrays below */
    const double *x;          /* [n] in the axis's units; share of corner 0 in a triangle */
    const double *y;          /* [n]                      share of corner 1 */
    const double *z;          /* [n] triangle only:       share of corner 2 (the three are scaled to sum to 1) */
    const double *low, *high; /* [n] ends of vertical error bars, of a band                   default NULL */
    const double *x_low, *x_high; /* [n] ends of horizontal error bars                            default NULL */
    const double *value;          /* [n] or [rows, columns]: coloured by the map                  default NULL */
    size_t rows, columns;         /* of a heat map */
    const char *const *text;      /* [n] labels beside the points, NULL entries allowed           default NULL */
    hg_colour colour;             /*                                                              default ink */
    hg_marker marker;             /*                                                              default circle */
    double size;                  /* marker diameter or line width, pt; 0: by kind                default 0 */
    bool low_on_top; /* where points lie on one another: the lowest value on top, not the highest    default false */
    bool dashed;     /* lines                                                        default false */
    bool steps;      /* line and band stay level until the next x                    default false */
} hg_layer;

typedef struct {
    const char *title;          /* NULL: none                                                     default NULL */
    double width_mm, height_mm; /* 20 to 1000                                                     default 120, 84 */
    double font_pt;             /* of labels; ticks are a little smaller; 4 to 40                 default 9 */
    double dpi;                 /* of a PNG, 30 to 1200                                           default 200 */
    hg_axis x, y;
    hg_axis value;         /* of the colour map; its bar is drawn when a layer has values */
    bool square;           /* both axes share one range and the frame is square: parity plots     default false */
    bool triangle;         /* a composition triangle in place of x and y                          default false */
    const char *corner[3]; /* names: left, right, top */
    double whole;          /* what the three shares sum to in the tick labels: 1, 100             default 1 */
    bool themed;           /* SVG: ink is CSS currentColor and white is var(--paper), for pages with a dark mode;
                            * no background                                                       default false */
    const char *id;        /* SVG: put before every id, so that one page can hold several         default "f" */
    const hg_layer *layer;
    size_t n_layers;
} hg_figure;

HG_BEGIN_DECLS

hg_figure hg_figure_default(void); /* no layers, automatic ranges */
hg_layer hg_layer_make(hg_layer_kind kind, const char *name, const double *x, const double *y, size_t n,
                       hg_colour colour); /* the rest default */
/* Draws f in `format`. On HG_OK the bytes are the caller's (hg_bytes_free), else out->data is NULL.
 * Errors: HG_EINVAL a size or enum out of its range, a layer without the arrays its kind needs; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_figure_render(hg_bytes *out, const hg_figure *f, hg_figure_format format, hg_err *err);
/* "svg", "pdf", "png", or a file name that ends in one of them. HG_ENOTFOUND with the list. */
HG_MUST_CHECK hg_status hg_figure_format_find(hg_figure_format *out, const char *name, hg_err *err);
const char *hg_figure_format_name(hg_figure_format format);
void hg_bytes_free(hg_bytes *b); /* NULL and an empty one are fine; leaves {NULL, 0} */

HG_END_DECLS
#endif
