/* library/curve.h -- how the error of a table falls with the number of rows, and what more rows would bring
 *
 * A fifth of the rows is left out (rows of one composition together), and predicted from growing parts of the others, each part the
 * beginning of the next; so with several fifths. Errors of learners fall as a power of the rows over wide ranges (Hestness et al.,
 * arXiv:1712.00409, 2017; for small sets Cortes et al., NIPS 6, 327, 1993): a straight line through logarithms says what to expect.
 */
#ifndef HG_LIBRARY_CURVE_H
#define HG_LIBRARY_CURVE_H
#include "hagane/figure.h"
#include "hagane/predictor.h"

enum { HG_CURVE_SIZES = 6, HG_CURVE_DRAWS = 3 };

typedef struct {
    size_t rows;  /* learned from, mean over draws */
    size_t draws; /* that could be learned from */
    double error, low,
        high; /* mean, least and largest over draws: mean absolute error, of classes the share called wrongly */
    double coverage90; /* of intervals; NaN for classes */
} hg_curve_point;

typedef struct {
    size_t classes, n;
    hg_curve_point point[HG_CURVE_SIZES]; /* [n] by rising rows */
    double amplitude, exponent; /* error = amplitude rows^exponent; NaN: fewer than three points, or an error of 0 */
    const char *words;          /* in mem */
} hg_curve;

/* Errors: as hg_predictor_fit; HG_EDATA fewer than 20 rows with a target. */
HG_MUST_CHECK hg_status hg_learning_curve(hg_curve *out, const hg_table *t, const char *target,
                                          const hg_predictor_opts *opts, hg_arena *mem, hg_err *err);
/* The line goes on, dashed, to four times the rows. Errors: HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_curve_figure(hg_bytes *out, const hg_curve *c, const char *target, hg_figure_format format,
                                        hg_err *err);
#endif
