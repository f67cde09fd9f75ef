/* draw/slab.h -- a slab of a periodic box seen from above: what was simulated, what was predicted, and the difference, side by side
 *
 * Particles whose z lies within the slab are discs of their species' radius, coloured by their value on one scale; what sticks out of the frame
 * comes in at the other side. Bonds are pairs that will change their length: opening blue, closing red, the wider the more. In the
 * difference blue is predicted too low; a unit is as long on its scale as on the other one.
 */
#ifndef HG_DRAW_SLAB_H
#define HG_DRAW_SLAB_H
#include "hagane/figure.h"

typedef struct {
    size_t n;
    const double *x;        /* [n,3] in [0, box) */
    const uint8_t *species; /* [n] 0: radius 0.5, others 0.44 (Kob-Andersen); NULL: all 0 */
    double box[3];
    const float
        *known; /* [n] simulated; NULL: not there                                                   default NULL */
    const float
        *predicted; /* [n]; NULL: not there. One of both is needed                                      default NULL */
    size_t n_pairs;
    const uint32_t *pair; /* [n_pairs,2] */
    const float
        *known_stretch; /* [n_pairs] of pairs, NULL: no bonds in that panel                           default NULL */
    const float *
        predicted_stretch; /* [n_pairs]                                                                  default NULL */
    double bond_range;     /* pairs farther apart are no bonds                                           default 1.35 */
    double centre;         /* of the slab along z; NaN: the middle of the box                            default NaN */
    double thickness;      /* > 0                                                                        default 1.5 */
    const char *title;     /* "T = 0.44, t = 4120, rho = 0.77"; NULL: none                               default NULL */
    const char *value_label; /* default "propensity (\u03c3)" */
    double panel_mm; /* width of one of three panels, 20 to 300                                            default 60 */
    double font_pt;  /* 4 to 40                                                                    default 9 */
    double dpi;      /* of a PNG, 30 to 1200                                                       default 200 */
    const char *id;  /* SVG: put before every id                                                   default "s" */
} hg_slab;

hg_slab hg_slab_default(void);
/* On HG_OK the bytes are the caller's (hg_bytes_free). Errors: HG_EINVAL neither values nor particles, a size out of its range, a box without width;
 * HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_slab_draw(hg_bytes *out, const hg_slab *s, hg_figure_format format, hg_err *err);
#endif
