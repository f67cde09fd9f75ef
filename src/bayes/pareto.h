/* bayes/pareto.h -- non-dominated points, and the space above them cut into boxes
 *
 * Everything here maximises: a caller who minimises an objective turns its sign. Two or three objectives (one works too:
 * a single box above the best).
 *
 * The improvement of hypervolume by a point y is the volume that y dominates and the front does not. With the space above
 * the front cut into disjoint boxes [l, u], it is sum over boxes of prod_j max(0, min(y_j, u_j) - l_j), and for independent
 * normal y_j its expectation factorises (exact expected hypervolume improvement):
 *   EHVI = sum_boxes prod_j (psi_j(l_j) - psi_j(u_j)),  psi_j(a) = E max(0, y_j - a) = sd_j h((mean_j - a) / sd_j).
 * Source: Emmerich, Deutz, Klinkenberg, "Hypervolume-based expected improvement", IEEE CEC 2011; Couckuyt, Deschrijver,
 *         Dhaene, J. Global Optim. 60, 575 (2014); Yang, Emmerich, Deutz, Baeck, J. Global Optim. 75, 3 (2019): the sweep
 *         over the third objective that needs at most 2n + 1 boxes.
 * Cost:   front and boxes O(n f m) with f points on the front, f + 1 boxes for two objectives; EHVI of one candidate O(boxes).
 */
#ifndef HG_BAYES_PARETO_H
#define HG_BAYES_PARETO_H
#include "hagane/core.h"

enum { HG_OBJECTIVES_MAX = 3 };

typedef struct {
    double lower[HG_OBJECTIVES_MAX], upper[HG_OBJECTIVES_MAX]; /* upper may be HUGE_VAL, lower -HUGE_VAL */
} hg_box;

typedef struct {
    hg_box *box;
    size_t n, m; /* boxes, objectives */
} hg_boxes;

/* front[n] receives the indices (ascending) of the points of y[n,m] that no other point dominates (as good in all
 * objectives and better in one); of equal points the first counts. Returns how many. m is 1..3. */
size_t hg_pareto_front(size_t *front, const double *y, size_t n, size_t m);

/* Cuts {z >= ref, not dominated by any y[n,m]} into disjoint boxes, allocated in `arena`. n may be 0; ref[m] may hold
 * -HUGE_VAL. Points that do not exceed ref in every objective count only where they do. HG_EINVAL m, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_boxes_make(hg_boxes *out, const double *y, size_t n, size_t m, const double *ref,
                                      hg_arena *arena, hg_err *err);

double hg_boxes_gain(const hg_boxes *b, const double *y); /* hypervolume added by the point y[m] */
/* log EHVI of independent normals mean[m], sd[m] >= 0; finite far below the front, -HUGE_VAL only when it is 0. */
double hg_boxes_log_ehvi(const hg_boxes *b, const double *mean, const double *sd);
/* Probability that the point lies in the boxes; with ref at -HUGE_VAL: that it enlarges the front. */
double hg_boxes_probability(const hg_boxes *b, const double *mean, const double *sd);

/* ref[m]: the worst of the front in each objective, less a tenth of the range of all points y[n,m] (Ishibuchi et al.,
 * Evol. Comput. 26, 411 (2018) on why not the worst itself: its neighbours would count for nothing). */
void hg_reference_point(double *ref, const double *y, size_t n, size_t m, size_t *work); /* work[n] */
#endif
