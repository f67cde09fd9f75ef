/* num/optimize.h -- bounded minimisation of a smooth or a plain function, by NLopt
 *
 * Everything random in NLopt is kept out (only deterministic algorithms are used): same input, same result.
 */
#ifndef HG_NUM_OPTIMIZE_H
#define HG_NUM_OPTIMIZE_H
#include "hagane/core.h"

/* f(x[n]); writes grad[n] unless it is NULL. NaN or infinity marks a point as infeasible: the search backs off. */
typedef double (*hg_objective_fn)(void *ctx, const double *x, double *grad, size_t n);

typedef struct {
    size_t max_evals;     /* default 200 */
    double xtol;          /* stop when every |dx| < xtol |x|; default 1e-4 */
    double ftol;          /* stop when |df| < ftol |f|; default 1e-8 */
    double ftol_abs;      /* or when |df| < ftol_abs; 0: off; default 0 */
    bool derivative_free; /* BOBYQA instead of L-BFGS; default false */
} hg_minimize_opts;
hg_minimize_opts hg_minimize_opts_default(void);

typedef enum { HG_STOP_CONVERGED, HG_STOP_MAX_EVALS, HG_STOP_ROUNDOFF, HG_STOP_FAILED } hg_stop;

typedef struct {
    double f; /* at the x returned, the best point seen */
    size_t evals;
    hg_stop why; /* a result, not an error */
} hg_minimum;

/* From x[n] (in place), lower[n] <= x <= upper[n]. Errors: HG_EINVAL bounds, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_minimize(hg_minimum *out, double *x, const double *lower, const double *upper, size_t n,
                                    hg_objective_fn f, void *ctx, const hg_minimize_opts *opts, hg_err *err);
#endif
