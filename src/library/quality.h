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

/* NaN where there is nothing. */
double hg_quality_mae(const hg_quality *q);  /* mean absolute error */
double hg_quality_rmse(const hg_quality *q); /* root of the mean squared error */
double hg_quality_bias(const hg_quality *q); /* mean of predicted - known */
double hg_quality_largest(const hg_quality *q);
double hg_quality_coverage(const hg_quality *q); /* share inside the 90 % intervals, of those with an error bar */
double hg_quality_mae_sd(
    const hg_quality *q); /* standard deviation of the mean absolute error, from 2 predictions on */

/* One row of qualities a key, ascending: by size of the molecules, say. All zero is an empty one but for `columns`. */
typedef struct {
    size_t columns, rows, cap;
    size_t *key;   /* [rows] */
    hg_quality *q; /* [rows, columns] */
} hg_quality_table;

/* The row of a key, made where there is none; it lasts until the next call. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_quality_row(hg_quality **row, hg_quality_table *t, size_t key, hg_err *err);
void hg_quality_table_free(hg_quality_table *t);
#endif
