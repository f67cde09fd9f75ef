/* bayes/model.h -- the inside of an hg_gp: what fit, predict, update and the others share
 *
 * Everything is in standardised units; nu is the noise variance over the signal variance s2. Both models predict by
 *   v = U k,   mean = m + k'alpha,   var / s2 = k** - v'v + w'w + (1 - c'w)^2 / h
 * with k the covariances between a query and the p basis points.
 *   exact:    basis = all points, U = L^-1 of K = LL', c = U 1, z = U y; the last term uses c'v, and w'w is absent.
 *   inducing: basis = p chosen points, U = L^-1 of K_uu, w = B^-1 v, BB' = I + V D^-1 V', V = U K_uf,
 *             D = diag(K_ff - V'V) + nu (FITC), c = B^-1 V D^-1 1, z = B^-1 V D^-1 y.
 * m is the generalised-least-squares mean and h = 1'(K + nu)^-1 1; the (1 - ..)^2 / h term is the price of not knowing
 * m: Rasmussen & Williams (2006) eqs. (2.41)-(2.42). U is kept explicitly, so that a block of queries is one GEMM.
 */
#ifndef HG_BAYES_MODEL_H
#define HG_BAYES_MODEL_H
#include "bayes/kernel.h"
#include "bayes/prior.h"
#include "hagane/gp.h"

enum { HG_GP_CHUNK = 256 };      /* queries worked on together by one thread */
enum { HG_GP_JOINT = 2000 };     /* more queries than this are sampled by random features */
#define HG_GP_JITTER_FIRST 1e-12 /* fractions of the signal variance; then x10 up to ... */
#define HG_GP_JITTER_LAST  1e-4

struct hg_gp {
    hg_arena *mem;   /* owns this struct, the scaling and the hyper-parameters */
    hg_arena *state; /* owns what update() can outgrow: the arrays below `cap` */
    hg_pool *pool;   /* borrowed */
    hg_gp_prior prior;
    size_t n, d, groups;
    hg_kernel kernel;
    hg_kernel_values values;
    size_t *group;        /* [d] */
    double *shift, *half; /* [d] u = (x/2 - shift/2) / half: halves, so that a range of 1e308 does not overflow */
    double *spread;       /* [G] typical extent of the training points along each group, standardised units */
    double *prior_shift;  /* [G] of the length-scale prior, for groups of several dimensions */
    double y_shift, y_scale;
    bool y_constant;
    double *theta; /* [n_theta] log lengths, log weights, log s, log noise sd */
    size_t n_theta;
    double s2, nu, jitter;
    char (*names)[96]; /* [n_theta] */
    char words[640];
    size_t learned_on;  /* points whose evidence was maximised; 0: nothing was learned */
    size_t evaluations; /* of the evidence, in the last stage of learning */
    double flops;       /* of all its factorisations and inverses, for the benchmark */

    size_t cap;    /* points there is room for */
    double *x, *y; /* [cap, d], [cap] */
    bool inducing;
    size_t p, ld;  /* basis points; row stride of u */
    double *basis; /* [p, d]; exact: x */
    double *u;     /* [p, p] in rows of ld: L^-1, zeros above the diagonal */
    double *alpha; /* [p] */
    double *temp;  /* [p] of hg_gp_solve */
    double *c, *z; /* [p] */
    double logdet; /* of K + nu I */
    double h, mean, q;
    double *b;            /* inducing: [p, p] lower Cholesky factor */
    double *r1, *ry;      /* inducing: [p] V D^-1 1, V D^-1 y */
    double s11, s1y, syy; /* inducing: 1'D^-1 1, 1'D^-1 y, y'D^-1 y */
};

/* ---- fit ---- */
HG_MUST_CHECK hg_status hg_gp_learn(hg_gp *gp, const hg_gp_opts *o, const double *x, const double *y, size_t n,
                                    hg_err *err);                              /* writes theta; x, y standardised */
HG_MUST_CHECK hg_status hg_gp_state_exact(hg_gp *gp, size_t cap, hg_err *err); /* from x, y, theta: all of the state */
HG_MUST_CHECK hg_status hg_gp_state_inducing(hg_gp *gp, const hg_gp_opts *o, hg_err *err);
void hg_gp_solve(hg_gp *gp); /* h, mean, q, alpha from u, c, z (and the inducing sums) */

void hg_gp_say(hg_gp *gp);                                                              /* writes words */
HG_MUST_CHECK hg_status hg_gp_copy_settings(hg_gp *to, const hg_gp *from, hg_err *err); /* own copies, from to->mem */

/* ---- queries ---- */
void hg_gp_scale_block(double *bt, const hg_gp *gp, const double *xs, size_t m); /* bt[d,m] <- standardised columns */
void hg_gp_scale_rows(double *out, const hg_gp *gp, const double *xs, size_t m); /* out[m,d] */
/* For bt[d,m]: k[p,m], v[p,m] = U k; inducing: w[p,m]. work: hg_kernel_work(...). */
void hg_gp_project(double *k, double *v, double *w, const hg_gp *gp, const double *bt, size_t m, double *work);
#endif
