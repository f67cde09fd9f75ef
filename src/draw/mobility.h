/* draw/mobility.h -- how well moving particles are predicted: correlation over the time ahead, and predicted beside simulated values
 *
 * Both fill an hg_figure's picture from plain arrays; the caller names series and times.
 */
#ifndef HG_DRAW_MOBILITY_H
#define HG_DRAW_MOBILITY_H
#include "hagane/figure.h"

enum { HG_CURVES_MOST = 16, HG_CURVE_TIMES = 64 };

typedef struct {
    const char *name;
    size_t n;            /* <= HG_CURVE_TIMES */
    const double *time;  /* [n] > 0, ascending */
    const double *rho;   /* [n]; NaN: a gap */
    const double *error; /* [n] standard errors; NULL: not known. Those of others have none: thin lines */
    bool own;            /* drawn thick, with points */
} hg_curve;

typedef struct {
    const hg_curve *curve;
    size_t n_curves;                            /* <= HG_CURVES_MOST; own ones first take the darker colours */
    size_t n_attainable;                        /* what noise of the labels allows: grey above it */
    const double *attainable_time, *attainable; /* [n_attainable] */
    double tau;                                 /* upright lines at 0.03 tau and tau; 0 or NaN: none */
    const char *title;                          /* NULL: none */
} hg_curves;

/* Errors: HG_EINVAL too many curves or times; those of hg_figure_render. */
HG_MUST_CHECK hg_status hg_curves_draw(hg_bytes *out, const hg_curves *c, hg_figure_format format, hg_err *err);

/* Density of points (simulated, predicted) on one scale, its logarithm as colour, with the line on which they are equal. Under the title
 * stand rho and the ratio of the variances (predicted / simulated): a correlation does not see that predictions are too much alike. Points that are
 * not finite are left out. Errors: HG_EINVAL fewer than two points; those of hg_figure_render. */
HG_MUST_CHECK hg_status hg_scatter_draw(hg_bytes *out, const float *simulated, const float *predicted, size_t n,
                                        const char *what, hg_figure_format format, hg_err *err);
#endif
