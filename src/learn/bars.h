/* learn/bars.h -- intervals that hold what they promise: normalised cross-conformal prediction
 *
 *   score_i = |y_i - value_-i| / width(x_i),   interval = value +- width(x) (the score of rank ceil((n + 1) level))
 *
 * value_-i is a prediction of row i by models that have not seen its part of the rows (Vovk, Ann. Math. Artif. Intell. 74, 9,
 * 2015; Barber, Candes, Ramdas & Tibshirani, Ann. Statist. 49, 486, 2021). width(x) says where errors are large: a constant,
 * the learners' own spread, how far they disagree and the distance to what was learned from, in the proportions with the
 * largest Laplace likelihood of these residuals, of up to 100 rows chosen by those of other parts. Whatever the width, the level holds for rows that are exchangeable with
 * those of the fit, but for the difference between models of parts and of all rows; with fewer rows than
 * level / (1 - level) it cannot be reached, and the largest score stands in. Rows whose composition was learned from are not
 * exchangeable with those of compositions left out: they have bars of their own (learn/repeated.h).
 */
#ifndef HG_LEARN_BARS_H
#define HG_LEARN_BARS_H
#include "learn/shelf.h"

enum { HG_SIGNS = 3, HG_BAR_SCORES = 1000 };

/* What tells how far off a prediction may be, each >= 0; NaN counts as 0. */
typedef struct {
    double sign[HG_SIGNS]; /* own spread of the learners, disagreement of members, distance */
} hg_signs;

typedef struct {
    double part[HG_SIGNS + 1];   /* width = part[0] + sum part[k + 1] sign[k], in the unit of y */
    size_t n;                    /* scores; 0: no bars */
    double score[HG_BAR_SCORES]; /* ascending; of more rows, quantiles */
} hg_bars;

/* From residuals[n] of rows that were left out, n >= 1. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_bars_fit(hg_bars *b, const double *residual, const hg_signs *signs, size_t n, hg_err *err);
double hg_bars_half(const hg_bars *b, const hg_signs *signs, double level); /* NaN without bars; level in (0, 1) */
/* Of a residual: the logarithm of the Laplace density whose mean absolute error is the width. */
double hg_bars_likelihood(const hg_bars *b, double residual, const hg_signs *signs);
HG_MUST_CHECK hg_status hg_bars_save(const hg_bars *b, hg_shelf *to, hg_err *err);
HG_MUST_CHECK hg_status hg_bars_load(hg_bars *b, const hg_shelf_view *from, hg_err *err);
#endif
