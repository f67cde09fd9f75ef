/* learn/sources.h -- which of many models help to learn from few rows, and how much each of them adds
 *
 * What other models predict for the rows are columns; the one that raises the evidence of affine transfer (learn/affine.h)
 * the most is taken, then the next, until nothing raises it by more than HG_SOURCE_GAIN nats. So no
 * row has to be held back, and a source that says nothing of these rows stays out.
 */
#ifndef HG_LEARN_SOURCES_H
#define HG_LEARN_SOURCES_H
#include "learn/learner.h"

#define HG_SOURCE_GAIN 1.0 /* nats: less is chance among many sources */

typedef struct {
    double alone; /* nats that it adds to no source at all: rank sources by this */
    double gain;  /* nats that it added when it was taken; NaN: it was not */
    size_t order; /* 1: taken first; 0: not taken */
} hg_source_worth;

/* Of column[k][rows->n], k < n, standard units or not, for rows with y, without sources of their own; `most` are taken at most.
 * Beyond 200 rows the same 200 of them, drawn from the seed, speak for all. Columns that are constant are worth nothing.
 * HG_ENOMEM; HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_sources_choose(hg_source_worth *worth, const hg_rows *rows, const double *const *column,
                                          size_t n, size_t most, const hg_learning *how, hg_err *err);
#endif
