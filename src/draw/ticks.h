/* draw/ticks.h -- ranges, nice tick positions and their labels
 *
 * Linear steps are 1, 2 or 5 times a power of ten. Labels share one power of ten when the numbers are large or small
 * (hg_ticks.exponent), written once at the end of the axis. Log axes carry decades, and 2 and 5 where there is room.
 */
#ifndef HG_DRAW_TICKS_H
#define HG_DRAW_TICKS_H
#include "hagane/figure.h"

enum { HG_TICKS_MAX = 24, HG_TICK_TEXT = 32 };

typedef struct {
    size_t n;
    double at[HG_TICKS_MAX];               /* in the axis's units */
    char text[HG_TICKS_MAX][HG_TICK_TEXT]; /* "" : a tick without a label */
    int exponent;                          /* labels are in units of 10^exponent */
} hg_ticks;

typedef struct {
    double min, max; /* min < max, finite, > 0 on a log scale */
    bool log;
} hg_range;

bool hg_drawable(double v, bool log);     /* finite, not beyond 1e305, > 0 on a log axis */
void hg_range_add(hg_range *r, double v); /* widens r (start: min = +inf, max = -inf) */
/* A range an axis can have: nothing and single values are widened, `margin` (share of the width) added at ends that
 * the caller did not fix (fixed_min / fixed_max NaN). */
hg_range hg_range_settle(hg_range seen, double fixed_min, double fixed_max, double margin);
double hg_range_share(const hg_range *r, double v); /* 0 at min, 1 at max, outside beyond */
/* About `want` ticks (2 to 12) inside r. */
void hg_ticks_make(hg_ticks *t, const hg_range *r, size_t want, bool whole);
/* v with `digits` significant digits, as a person writes it: "0.0123", "1.2×10⁷"; "-" is U+2212. */
void hg_number_text(char *buf, size_t size, double v, int digits);
void hg_fixed_text(char *buf, size_t size, double v, int decimals); /* the same with this many decimals */
void hg_power_text(char *buf, size_t size, int exponent);           /* "×10⁵" */
#endif
