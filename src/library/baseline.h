/* library/baseline.h -- what a model has to beat: a value that is linear in the numbers of atoms of each element
 *
 *   value = sum over atoms of c[element]; c by least squares over molecules that come one after the other
 */
#ifndef HG_LIBRARY_BASELINE_H
#define HG_LIBRARY_BASELINE_H
#include "hagane/property.h"

enum { HG_BASELINE_ELEMENTS = 118 };

typedef struct {
    size_t n, least, most; /* molecules, and their sizes */
    double a[HG_BASELINE_ELEMENTS][HG_BASELINE_ELEMENTS], b[HG_BASELINE_ELEMENTS], square; /* X'X, X'y, y'y */
    double c[HG_BASELINE_ELEMENTS]; /* in the unit of the values; NaN: an element that was not seen */
    double sd;                      /* of what is left in the molecules that it was fitted to */
} hg_baseline;

void hg_baseline_add(hg_baseline *b, const hg_molecule *m, double value); /* *b is all zero before the first */
/* Elements that always come in the same proportions share their values evenly (a ridge of 1e-9 of the counts).
 * HG_EDATA: no molecules; HG_ENOTPD. */
HG_MUST_CHECK hg_status hg_baseline_fit(hg_baseline *b, hg_err *err);
/* HG_ENOTFOUND: an element that was not in the molecules of the fit. */
HG_MUST_CHECK hg_status hg_baseline_predict(hg_estimate *out, const hg_baseline *b, const hg_molecule *m, hg_err *err);
#endif
