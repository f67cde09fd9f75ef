/* draw/raster.c -- what is drawn as an image inside the figure: heat maps and very many points
 *
 * cairo takes ten seconds to stroke a million overlapping dots; stamping discs into pixels takes a tenth of one.
 */
#include "core/memory.h"
#include "draw/plot.h"
#include <math.h>
#include <string.h>

static const double DPI = 300;
static const double SPOT = 0.5; /* pt: points nearer than this are one dot, the one with the highest value */

static uint32_t argb(hg_rgb c) {
    return 0xff000000u | (uint32_t)lround(255 * c.r) << 16 | (uint32_t)lround(255 * c.g) << 8 |
           (uint32_t)lround(255 * c.b);
}

/* ---- very many points ------------------------------------------------------------------------------------------- */

typedef struct {
    uint32_t *at; /* premultiplied ARGB */
    size_t width, height, stride;
} pixels;

/* share a (0..255) of colour c over what is there, all four channels */
static uint32_t over(uint32_t c, uint32_t below, uint32_t a) {
    uint32_t sum = 0;
    for (unsigned shift = 0; shift < 32; shift += 8) {
        const uint32_t v = ((c >> shift & 255) * a + (below >> shift & 255) * (255 - a) + 127) / 255;
        sum |= v << shift;
    }
    return sum;
}

static void stamp(const pixels *px, double x, double y, double radius, uint32_t colour) {
    const long reach = (long)ceil(radius + 0.5), cx = lround(x), cy = lround(y);
    for (long j = -reach; j <= reach; j++)
        for (long i = -reach; i <= reach; i++) {
            const double cover = fmin(fmax(radius + 0.5 - sqrt((double)(i * i + j * j)), 0), 1);
            if (cover == 0 || cx + i < 0 || cy + j < 0 || cx + i >= (long)px->width || cy + j >= (long)px->height)
                continue;
            uint32_t *at = &px->at[(size_t)(cy + j) * px->stride + (size_t)(cx + i)];
            *at = over(colour, *at, (uint32_t)lround(255 * cover));
        }
}

/* Goes through order[n] from the end and marks with SIZE_MAX all but the last point of each spot. */
static bool keep_one_a_spot(const hg_plot *p, const hg_layer *l, size_t *order) {
    const size_t columns = (size_t)(p->width / SPOT) + 1, rows = (size_t)(p->height / SPOT) + 1;
    bool *taken = hg_calloc(columns * rows, sizeof *taken);
    if (!taken) return false;
    for (size_t k = l->n; k-- > 0;) {
        double x, y;
        if (!hg_plot_point(p, l, order[k], &x, &y)) {
            order[k] = SIZE_MAX;
            continue;
        }
        const size_t i = (size_t)(fmax(x, 0) / SPOT), j = (size_t)(fmax(y, 0) / SPOT);
        bool *spot = &taken[(j < rows ? j : rows - 1) * columns + (i < columns ? i : columns - 1)];
        if (*spot) order[k] = SIZE_MAX;
        *spot = true;
    }
    hg_free(taken);
    return true;
}

static void stamp_all(hg_plot *p, const hg_layer *l, const pixels *px, double size) {
    size_t first[HG_MAP_LEVELS + 1];
    size_t *order = hg_points_by_level(p, l, first);
    const double scale = DPI / 72;
    if (!order || !keep_one_a_spot(p, l, order)) {
        p->failed = true;
        hg_free(order);
        return;
    }
    for (size_t k = 0; k < l->n; k++) {
        const size_t i = order[k];
        double x, y;
        if (i == SIZE_MAX || !hg_plot_point(p, l, i, &x, &y)) continue;
        const hg_rgb c = l->value ? p->map[hg_plot_level(p, l->value[i])] : hg_colour_rgb(l->colour);
        stamp(px, x * scale, y * scale, size / 2 * scale, argb(c));
    }
    hg_free(order);
}

/* An image in cairo's hands; at is NULL when there was no memory, and drawing it then puts cr into that error. */
static cairo_surface_t *new_image(pixels *px, double width, double height) {
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, (int)width, (int)height);
    cairo_surface_flush(image);
    *px = (pixels) { .at = (uint32_t *)(void *)cairo_image_surface_get_data(image),
                     .width = (size_t)width,
                     .height = (size_t)height,
                     .stride = (size_t)cairo_image_surface_get_stride(image) / 4 };
    return image;
}

void hg_raster_points(hg_plot *p, const hg_layer *l, double size) {
    pixels px;
    cairo_surface_t *image = new_image(&px, ceil(p->width * DPI / 72), ceil(p->height * DPI / 72));
    if (px.at) stamp_all(p, l, &px, size);
    cairo_surface_mark_dirty(image);
    cairo_scale(p->cr, 72 / DPI, 72 / DPI);
    cairo_set_source_surface(p->cr, image, 0, 0);
    cairo_paint(p->cr);
    cairo_surface_destroy(image);
}

/* ---- heat maps -------------------------------------------------------------------------------------------------- */

static uint32_t pixel(const hg_plot *p, double v) { /* what cannot be drawn is clear */
    return hg_drawable(v, p->value.log) ? argb(p->map[hg_plot_level(p, v)]) : 0;
}

/* The cell over which the middle of pixel k of n lies; cells are centred between first and last of the axis. */
static size_t cell_at(size_t k, size_t n, size_t cells) {
    const size_t at = (size_t)(((double)k + 0.5) / (double)n * (double)cells);
    return at < cells ? at : cells - 1;
}

void hg_raster_heat(hg_plot *p, const hg_layer *l) {
    double x0, x1, y0, y1;
    if (!l->rows || !l->columns) return;
    hg_heat_edges(l->x, l->columns, &x0, &x1);
    hg_heat_edges(l->y, l->rows, &y0, &y1);
    const double left = hg_plot_px(p, x0), right = hg_plot_px(p, x1), bottom = hg_plot_py(p, y0),
                 top = hg_plot_py(p, y1);
    if (!hg_drawable(x0, p->x.log) || !hg_drawable(x1, p->x.log) || !hg_drawable(y0, p->y.log) ||
        !hg_drawable(y1, p->y.log) || left == right || top == bottom)
        return; /* no place to put it */
    pixels px;
    cairo_surface_t *image = new_image(&px, fmin(3000, fmax(1, ceil(fabs(right - left) * DPI / 72))),
                                       fmin(3000, fmax(1, ceil(fabs(bottom - top) * DPI / 72))));
    for (size_t j = 0; px.at && j < px.height; j++) {
        const size_t row = l->rows - 1 - cell_at(j, px.height, l->rows); /* images grow downwards */
        for (size_t i = 0; i < px.width; i++)
            px.at[j * px.stride + i] = pixel(p, l->value[row * l->columns + cell_at(i, px.width, l->columns)]);
    }
    cairo_surface_mark_dirty(image);
    hg_plot_clip(p);
    cairo_translate(p->cr, left, top);
    cairo_scale(p->cr, (right - left) / (double)px.width, (bottom - top) / (double)px.height);
    cairo_set_source_surface(p->cr, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(p->cr), CAIRO_FILTER_NEAREST);
    cairo_paint(p->cr);
    cairo_surface_destroy(image);
}
