/* learn/metric.h -- how far predictions are from what is known: what choices are made by, and what is reported */
#ifndef HG_LEARN_METRIC_H
#define HG_LEARN_METRIC_H
#include "hagane/core.h"

typedef struct {
    size_t n;
    double mae, rmse;                      /* regression; NaN for classes */
    double auc, brier, log_loss, accuracy; /* classes; NaN for regression, and auc where a class is missing */
    double coverage90, width90; /* share inside the 90 % intervals, and their mean width; NaN where there are none */
} hg_score;

/* value[n] */
hg_score hg_score_values(const double *value, const double *y, size_t n);
/* probability[n,classes], y 0 .. classes - 1. The area under the ROC curve is, for two classes, the chance that a row of class
 * 1 has the higher probability of it, ties counting half (Hanley & McNeil, Radiology 143, 29, 1982); for more, the mean over
 * classes of each against all others. Brier's score is the mean over rows of the squared differences, summed over classes, between probabilities and what
 * was seen (Mon. Weather Rev. 78, 1, 1950): 0 is best, 2 worst. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_score_classes(hg_score *out, const double *probability, const double *y, size_t n,
                                         size_t classes, hg_err *err);
double hg_brier(const double *p, size_t y, size_t classes); /* of one row */
/* One number, lower is better: mean absolute error, or Brier's score. It is proper, as log loss is; but there a single row that trees call impossible,
 * for they say 0 and 1, can outweigh all others. */
double hg_score_loss(const hg_score *s);
#endif
