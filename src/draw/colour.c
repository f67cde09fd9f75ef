/* draw/colour.c -- see draw/colour.h. The map walks along straight lines between its anchors in Oklab at constant speed,
 * which makes it uniform by construction instead of by a table of 256 numbers. */
#include "draw/colour.h"
#include <math.h>

#define HEX(c)                                                                                                         \
    { ((c) >> 16 & 255) / 255.0, ((c) >> 8 & 255) / 255.0, ((c)&255) / 255.0 }

static const hg_rgb PALETTE[HG_COLOUR_COUNT] = {
    [HG_COLOUR_INK] = { 0.1, 0.1, 0.1 },   [HG_COLOUR_GREY] = HEX(0x8c8c8c),   [HG_COLOUR_BLUE] = HEX(0x0072b2),
    [HG_COLOUR_VERMILION] = HEX(0xd55e00), [HG_COLOUR_GREEN] = HEX(0x009e73),  [HG_COLOUR_ORANGE] = HEX(0xe69f00),
    [HG_COLOUR_SKY] = HEX(0x56b4e9),       [HG_COLOUR_PURPLE] = HEX(0xcc79a7),
};

static const hg_rgb ANCHOR[] = { HEX(0x440154), HEX(0x482878), HEX(0x3e4989), HEX(0x31688e), HEX(0x26828e),
                                 HEX(0x1f9e89), HEX(0x35b779), HEX(0x6ece58), HEX(0xb5de2b), HEX(0xfde725) };
enum { ANCHORS = sizeof ANCHOR / sizeof *ANCHOR };

hg_rgb hg_colour_rgb(hg_colour c) { return PALETTE[(unsigned)c < HG_COLOUR_COUNT ? c : HG_COLOUR_INK]; }

/* the sRGB transfer curve, IEC 61966-2-1 */
static double to_linear(double c) { return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4); }
static double from_linear(double c) {
    const double s = c <= 0.0031308 ? 12.92 * c : 1.055 * pow(c, 1 / 2.4) - 0.055;
    return fmin(fmax(s, 0), 1);
}

/* Oklab and back, the matrices of Ottosson (2020) */
void hg_oklab(double lab[3], hg_rgb c) {
    const double r = to_linear(c.r), g = to_linear(c.g), b = to_linear(c.b);
    const double l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const double m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const double s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    lab[0] = 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s;
    lab[1] = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s;
    lab[2] = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s;
}

static hg_rgb from_oklab(const double lab[3]) {
    const double l = pow(lab[0] + 0.3963377774 * lab[1] + 0.2158037573 * lab[2], 3);
    const double m = pow(lab[0] - 0.1055613458 * lab[1] - 0.0638541728 * lab[2], 3);
    const double s = pow(lab[0] - 0.0894841775 * lab[1] - 1.2914855480 * lab[2], 3);
    return (hg_rgb) { from_linear(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                      from_linear(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                      from_linear(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s) };
}

void hg_colour_map(hg_rgb *rgb) {
    double lab[ANCHORS][3], at[ANCHORS] = { 0 }; /* anchors and the way walked to each */
    for (size_t i = 0; i < ANCHORS; i++) {
        hg_oklab(lab[i], ANCHOR[i]);
        if (i)
            at[i] = at[i - 1] +
                    hypot(lab[i][0] - lab[i - 1][0], hypot(lab[i][1] - lab[i - 1][1], lab[i][2] - lab[i - 1][2]));
    }
    for (size_t k = 0, i = 0; k < HG_MAP_LEVELS; k++) {
        const double way = at[ANCHORS - 1] * (double)k / (HG_MAP_LEVELS - 1);
        while (i + 2 < ANCHORS && way > at[i + 1]) i++;
        const double t = fmin(1, (way - at[i]) / (at[i + 1] - at[i]));
        double mix[3];
        for (size_t j = 0; j < 3; j++) mix[j] = lab[i][j] + t * (lab[i + 1][j] - lab[i][j]);
        rgb[k] = from_oklab(mix);
    }
}

void hg_colour_difference(hg_rgb *rgb) {
    static const double WHITE[3] = { 0.97, 0,
                                     0 }; /* a little darker than the paper: a disc without difference is seen */
    double end[2][3];
    hg_oklab(end[0], PALETTE[HG_COLOUR_BLUE]);
    hg_oklab(end[1], PALETTE[HG_COLOUR_VERMILION]);
    end[0][0] = end[1][0] = (end[0][0] + end[1][0]) / 2; /* both ends are equally dark */
    for (size_t k = 0; k < HG_MAP_LEVELS; k++) {
        const double way = 2 * (double)k / (HG_MAP_LEVELS - 1) - 1, t = fabs(way), *from = end[way > 0];
        double mix[3];
        for (size_t j = 0; j < 3; j++) mix[j] = WHITE[j] + t * (from[j] - WHITE[j]);
        rgb[k] = from_oklab(mix);
    }
}
