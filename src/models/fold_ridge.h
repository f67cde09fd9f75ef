/* models/fold_ridge.h -- linear least squares with a ridge, learned a piece at a time; its strength by leaving pieces out
 *
 * What is related (one snapshot, one liquid) is a fold. Rows are added, and only their products are kept: O(width^2) a fold, however many rows.
 * Columns are scaled to unit variance over all folds, then min |y - X w|^2 + strength |w|^2 for each target by one Cholesky factor for all of them.
 * Each target's weights are then stretched so that predictions of folds left out have the slope 1.
 * For each strength each fold is left out in turn and predicted from the others, from its products alone: covariance r'w, variance w'Gw.
 */
#ifndef HG_MODELS_FOLD_RIDGE_H
#define HG_MODELS_FOLD_RIDGE_H
#include "hagane/core.h"

typedef struct hg_fold_ridge hg_fold_ridge;

HG_MUST_CHECK hg_status hg_fold_ridge_new(hg_fold_ridge **out, size_t width, size_t targets, size_t folds, hg_err *err);
void hg_fold_ridge_free(hg_fold_ridge *r);
/* x[n,width], y[n,targets] to a fold < folds. `centred`: less the mean of these rows, so that levels play no part. Errors: HG_ENAN, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_fold_ridge_add(hg_fold_ridge *r, size_t fold, const float *x, const double *y, size_t n,
                                          bool centred, hg_pool *pool, hg_err *err);
size_t hg_fold_ridge_rows(const hg_fold_ridge *r);

typedef struct {
    double strength,
        rho; /* the strength chosen; mean over folds of the correlation when the fold was left out, NaN: fewer than two folds */
    double explained; /* share of the variance so predicted, after stretching */
    double slope;     /* by which weights were stretched */
    size_t set;       /* of columns that was chosen */
} hg_fold_score;

typedef struct {
    size_t begin, end; /* columns from here to before there */
} hg_fold_columns;

/* w[targets,width] for columns as they were given. By the correlation, or by the share of variance when `by_variance`; a strength is not chosen from
 * fewer than two folds: it is the middle of those tried. Errors: HG_EDATA no rows; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_fold_ridge_solve(double *w, hg_fold_score *score, const hg_fold_ridge *r, bool by_variance,
                                            hg_pool *pool, hg_err *err);
/* Some columns only: which of the sets (at most 16), for each target, is chosen as the strength is. Weights of other columns are 0. */
HG_MUST_CHECK hg_status hg_fold_ridge_solve_sets(double *w, hg_fold_score *score, const hg_fold_ridge *r,
                                                 const hg_fold_columns *set, size_t n_sets, bool by_variance,
                                                 hg_pool *pool, hg_err *err);
/* The same weights, by strengths, sets and slopes that were chosen, but from those folds only that are not left_out[folds]: what a model says of what it
 * has not seen. Errors: HG_EDATA no rows are left; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_fold_ridge_refit(double *w, const hg_fold_ridge *r, const hg_fold_score *score,
                                            const hg_fold_columns *set, const bool *left_out, hg_err *err);
#endif
