/* bayes/evidence.h -- log p(y | x) with the constant mean integrated out, and its gradient
 *
 *   K = s^2 C,  C = k(theta) + nu I,  A = C^-1,  h = 1'A1,  m = 1'Ay / h,  q = (y - m)'A(y - m),  a = A(y - m)
 *   log p = -(n-1)/2 ln(2 pi s^2) - ln|C| / 2 - ln(h) / 2 - q / (2 s^2)
 *   dlog p/dC = (a a' / s^2 - A + A11'A / h) / 2
 * Source: Rasmussen & Williams (2006) eqs. (2.45) with an infinitely broad constant, (5.9); the same as REML (Patterson &
 * Thompson, Biometrika 58, 545, 1971). s^2 is either given or profiled: with a scaled-inverse-chi-square prior of dof
 * observations at variance v it is (q + dof v) / (n - 1 + dof), and by stationarity the gradient needs no more terms.
 * Cost: n^3 flops and O(n^2 G); 16 n^2 bytes a workspace, 4 n^2 G for the table of pairs, shared by workspaces.
 */
#ifndef HG_BAYES_EVIDENCE_H
#define HG_BAYES_EVIDENCE_H
#include "bayes/kernel.h"

/* Per-group squared distances (and products, for linear leaves) of all pairs, kept when there are few groups. */
typedef struct {
    size_t n, d, groups;
    const double *x, *y; /* [n,d], [n]; borrowed, standardised */
    const size_t *group; /* [d] */
    double *xt;          /* [d,n] */
    double **distance;   /* [G] packed lower triangles with the diagonal; NULL: not kept */
    double **product;    /* the same; NULL when no leaf wants it */
} hg_pairs;

/* All from `mem`. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_pairs_new(hg_pairs *out, const hg_kernel *k, const double *x, const double *y, size_t n,
                                     size_t d, const size_t *group, size_t groups, hg_arena *mem, hg_err *err);

typedef struct {
    const hg_pairs *pairs;
    hg_pool *pool; /* for large n; NULL: this thread. Set by the caller. */
    hg_kernel_values values;
    double *c, *inverse;     /* [n,n] */
    double *ones, *weighted; /* [n] L^-1 1, L^-1 y, then A1 / sqrt(h) and a */
    double *rows, *z, *slope, *work;
    double q, h, mean, s2, logdet; /* of the last evaluation */
} hg_evidence;

HG_MUST_CHECK hg_status hg_evidence_new(hg_evidence *out, const hg_kernel *k, const hg_pairs *pairs, hg_arena *mem,
                                        hg_err *err);

typedef struct {  /* of s^2 */
    double fixed; /* > 0: this value; otherwise profiled */
    double dof, var;
} hg_signal;

/* log p, or -HUGE_VAL when C is not positive definite. grad[leaves G + weights]: d/d theta, *dnu: d/d nu at fixed s^2;
 * both or neither NULL. */
double hg_evidence_value(hg_evidence *e, const double *theta, double nu, hg_signal signal, double *grad, double *dnu);
#endif
