/* learn/sources.h -- which of many models help to learn from few rows
 *
 * What other models predict for the rows are columns. Each alone is worth the nats that it adds to the evidence of affine transfer
 * (learn/affine.h): no row has to be held back. Those worth HG_SOURCE_LEAST are taken, the best ones where there are too many; affine
 * transfer then weighs them, so that a source too many costs little. A choice of one after another, by what it adds to those taken before,
 * erred more often in draws of 40 rows.
 */
#ifndef HG_LEARN_SOURCES_H
#define HG_LEARN_SOURCES_H
#include "learn/learner.h"

#define HG_SOURCE_LEAST 1.0 /* nats: less is chance among many sources */

typedef struct {
    double alone; /* nats that it adds to no source at all */
    double share; /* of the weights of those taken; 0: it was not taken */
    size_t order; /* 1: the best one; 0: not taken */
} hg_source_worth;

/* Of column[k][rows->n], k < n, standard units or not, for rows with y, without sources of their own; `most` are taken at most.
 * Columns that are constant or not finite are worth nothing. HG_ENOMEM; HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_sources_choose(hg_source_worth *worth, const hg_rows *rows, const double *const *column,
                                          size_t n, size_t most, const hg_learning *how, hg_err *err);
#endif
