/* draw/label.h -- UTF-8 made safe, and text on a cairo context */
#ifndef HG_DRAW_LABEL_H
#define HG_DRAW_LABEL_H
#include "draw/colour.h"
#include <cairo.h>

enum { HG_LABEL_MAX = 240 }; /* bytes of one label; longer ones end in U+2026 */

/* s as one line that cairo accepts: bad bytes become U+FFFD, control characters spaces; NULL is "". */
void hg_label_clean(char buf[HG_LABEL_MAX], const char *s);
/* The same, shortened with U+2026 until it is at most `width` wide in the current font. */
void hg_label_fit(char buf[HG_LABEL_MAX], cairo_t *cr, const char *s, double width);

void hg_label_font(cairo_t *cr, double size, bool bold); /* the generic sans family */
double hg_label_width(cairo_t *cr, const char *clean);   /* pt, of a cleaned text in the current font */
/* Draws a cleaned text: (x, y) is the point of its box at share (ax, ay), 0,0 = left and baseline, 1,1 = right and top
 * of the digits; turned by angle (radians, clockwise) around that point. */
void hg_label_draw(cairo_t *cr, const char *clean, double x, double y, double ax, double ay, double angle);
void hg_label_draw_halo(cairo_t *cr, const char *clean, double x, double y, double ax, double ay, hg_rgb ink);
#endif
