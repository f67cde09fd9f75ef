/* learn/scaling.h -- columns to mean 0 and standard deviation 1, for learners that add columns up or measure distances
 *
 * A column that is constant in the fit becomes 0 for ever: nothing is known of what it does. A value farther out than
 * HG_SCALED_MOST standard deviations stays there: a column of rare large values must not throw a linear model off.
 */
#ifndef HG_LEARN_SCALING_H
#define HG_LEARN_SCALING_H
#include "learn/learner.h"

#define HG_SCALED_MOST 12.0

typedef struct {
    size_t d;
    double *mean, *inverse; /* [d]; 1 / standard deviation, 0: a constant column */
} hg_scaling;

/* *s is empty after a failure. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_scaling_fit(hg_scaling *s, const hg_rows *rows, hg_err *err);
void hg_scaling_apply(double *out, const hg_scaling *s, const float *x, size_t n);       /* out[n,d] */
void hg_scaling_apply_floats(float *out, const hg_scaling *s, const float *x, size_t n); /* the same, rounded */
/* The same, drawn in: z / sqrt(1 + (z / 2)^2) (Holzmueller, Grinsztajn & Steinwart, NeurIPS 2024, with 3), as networks want it: a rare element's
 * fraction stands tens of deviations out, and would be all that its row is. */
void hg_scaling_squash(float *out, const hg_scaling *s, const float *x, size_t n);
HG_MUST_CHECK hg_status hg_scaling_copy(hg_scaling *to, const hg_scaling *s, hg_err *err); /* HG_ENOMEM */
void hg_scaling_free(hg_scaling *s);
/* As tensors "mean" and "inverse". */
HG_MUST_CHECK hg_status hg_scaling_save(const hg_scaling *s, hg_shelf *to, hg_err *err);
HG_MUST_CHECK hg_status hg_scaling_load(hg_scaling *s, const hg_shelf_view *from, size_t d, hg_err *err);
#endif
