/* library/quality.h -- how far predictions are from what is known: sums that grow prediction by prediction */
#ifndef HG_LIBRARY_QUALITY_H
#define HG_LIBRARY_QUALITY_H
#include "hagane/property.h"

typedef struct {
    size_t n;      /* predictions */
    size_t failed; /* molecules that could not be predicted */
    size_t outside;
    size_t barred, inside;                    /* predictions with an error bar; known values inside its 90 % interval */
    double error, absolute, squared, largest; /* sums of predicted - known, ...; the largest of the absolute ones */
} hg_quality;

/* known NaN: not counted. An estimate without a value is a failed one. */
void hg_quality_add(hg_quality *q, const hg_estimate *e, bool outside, double known);
void hg_quality_merge(hg_quality *q, const hg_quality *other);

/* NaN where there is nothing. */
double hg_quality_mae(const hg_quality *q);  /* mean absolute error */
double hg_quality_rmse(const hg_quality *q); /* root of the mean squared error */
double hg_quality_bias(const hg_quality *q); /* mean of predicted - known */
double hg_quality_largest(const hg_quality *q);
double hg_quality_coverage(const hg_quality *q); /* share inside the 90 % intervals, of those with an error bar */
#endif
