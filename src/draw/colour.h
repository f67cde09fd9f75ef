/* draw/colour.h -- the palette and the colour map, see hagane/figure.h for where they come from */
#ifndef HG_DRAW_COLOUR_H
#define HG_DRAW_COLOUR_H
#include "hagane/figure.h"

typedef struct {
    double r, g, b; /* sRGB, 0..1 */
} hg_rgb;

/* Ink and paper are values that no other colour takes, so that a themed SVG can find them again (draw/surface.c). */
#define HG_INK                                                                                                         \
    (hg_rgb) { 0.1, 0.1, 0.1 }
#define HG_PAPER                                                                                                       \
    (hg_rgb) { 1, 1, 1 }

enum { HG_MAP_LEVELS = 128 }; /* colours in the map; more cannot be told apart */

hg_rgb hg_colour_rgb(hg_colour c);
/* rgb[HG_MAP_LEVELS] from dark (low) to light (high), equally far apart in Oklab */
void hg_colour_map(hg_rgb *rgb);
/* The same many colours from blue (below) over near white (none) to vermilion (above), each half equally far apart in Oklab */
void hg_colour_difference(hg_rgb *rgb);
void hg_oklab(double lab[3], hg_rgb c); /* lightness 0..1, green-red, blue-yellow */
#endif
