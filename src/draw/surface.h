/* draw/surface.h -- a cairo surface that ends as bytes in memory, the same bytes every time */
#ifndef HG_DRAW_SURFACE_H
#define HG_DRAW_SURFACE_H
#include "core/text.h"
#include "hagane/figure.h"
#include <cairo.h>

typedef struct {
    hg_figure_format format;
    cairo_surface_t *surface;
    cairo_t *cr;   /* user space: 1 unit = 1 pt, y down */
    hg_text bytes; /* what cairo has written so far */
} hg_surface;

/* width and height in pt. Ready to draw even when memory ran out: cairo then ignores all drawing and end says so. */
void hg_surface_begin(hg_surface *s, hg_figure_format format, double width, double height, double dpi);
/* Finishes the file. `themed` and `id`: see hg_figure. Always frees what begin made. */
HG_MUST_CHECK hg_status hg_surface_end(hg_bytes *out, hg_surface *s, bool themed, const char *id, hg_err *err);
#endif
