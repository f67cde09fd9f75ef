/* bayes/ensemble.h -- a Gaussian process whose hyper-parameters are integrated out, for few points
 *
 * With two to sixty points the likelihood hardly fixes the length scales and the noise; one best guess is then too sure of
 * itself and a search stalls. Here M fixed draws of the hyper-parameters from their prior each carry a Gaussian process,
 * weighted by how likely it makes the data (importance sampling with the prior as proposal; mean and signal variance are
 * integrated out in closed form). z is y to zero mean and unit sample variance, G the number of groups:
 *   C + lambda I = L L',  a = L^-1 1,  v = L^-1 z,  u = a'a,  beta = a'v / u,  q = v'v - u beta^2,
 *   log w = -1/2 log|LL'| - 1/2 log u - 1/2 (n - 1 + nu) log(q + nu),   s^2 = (q + nu) / (n - 1 + nu),
 *   at x, with t = L^-1 c(x), b = t'a:   mean = t'v + beta (1 - b),   var = s^2 (1 - t't + (1 - b)^2 / u)  (noise-free).
 * Source: Rasmussen & Williams (2006), eqs. (2.41)-(2.45) for the mean; O'Hagan, J. R. Stat. Soc. B 40, 1 (1978); for
 *         integrating acquisition functions over hyper-parameters Snoek, Larochelle, Adams, NeurIPS 2012, sec. 3.2. Draws
 *         are scrambled Sobol points (num/sobol.h) through the normal quantile.
 * Cost:   one more point O(M n^2); a prediction O(n^2) per query and kept draw, or O(n) per step for an attached pool,
 *         whose triangular solves grow by one row a point (memory M n n_pool doubles, touched only for kept draws).
 */
#ifndef HG_BAYES_ENSEMBLE_H
#define HG_BAYES_ENSEMBLE_H
#include "hagane/gp.h"

typedef struct {
    size_t draws, most_points; /* M; more points than this: learn one set of hyper-parameters instead (hg_gp) */
    double length_centre;      /* l_g = centre sqrt(G) exp(common z_0 + own z_g), units of the range of an input */
    double length_common_sd, length_own_sd;
    size_t few_groups; /* up to this many groups: every draw has one common length scale; above: half */
    double noise_few,
        noise_many; /* lambda = noise variance / signal variance = this exp(noise_sd z); few or many groups */
    double noise_sd, noise_floor;
    double dof_few, dof_many; /* nu: prior observations' worth of signal variance 1 */
    double least_effective;   /* fewer effective draws than this: learn instead */
    double least_weight;      /* draws below this share of the largest weight are dropped */
    const char *kernel[3];    /* taken in turn */
    double
        density_gain; /* with density: draw m believes in it to the degree s = (floor(m / 5) mod 3) / 2; its prior mean
                          * gains density_gain s f(x), and its uncertainty counts D(x)^s times in a search */
} hg_ensemble_policy;
extern const hg_ensemble_policy HG_ENSEMBLE_POLICY;

typedef struct hg_ensemble hg_ensemble;

typedef struct {
    bool density;                /* rows have two more columns, f and ln D (search/density.h) */
    size_t d, most;              /* inputs; points that will be added at most */
    const size_t *group;         /* [d] */
    const double *shift, *scale; /* [d] inputs become (x - shift) / scale */
    const double *pool;          /* [n_pool, d] raw candidates predicted again and again; NULL: none. Borrowed. */
    size_t n_pool;
} hg_ensemble_opts;

HG_MUST_CHECK hg_status hg_ensemble_new(hg_ensemble **out, const hg_ensemble_opts *o, hg_err *err);
void hg_ensemble_free(hg_ensemble *e);

void hg_ensemble_add(hg_ensemble *e, const double *x, double y); /* finite x[d], y; at most `most` times */
void hg_ensemble_weigh(hg_ensemble *e);                          /* after adding, before what follows; n >= 2 */
/* Pretends that the noise-free value at x[d] is y, for a batch: weights and signal variances stay as weighed, and every
 * member takes the value, so that neither uncertainty nor disagreement is left there. No add or weigh afterwards. */
void hg_ensemble_believe(hg_ensemble *e, const double *x, double y);
/* Keeps only the `most` heaviest draws (and says how many there are): bounds the work on huge pools. */
size_t hg_ensemble_limit(hg_ensemble *e, size_t most);
size_t hg_ensemble_members(const hg_ensemble *e);          /* draws kept */
double hg_ensemble_weight(const hg_ensemble *e, size_t k); /* of member k; they sum to 1 */
/* 1 / sum of squared weights: how many draws share the weight. Near 1 the draws are too coarse for what the data say, and
 * one learned set of hyper-parameters is the better model. */
double hg_ensemble_effective(const hg_ensemble *e);
size_t hg_ensemble_points(const hg_ensemble *e);
double hg_ensemble_noise_sd(const hg_ensemble *e); /* weighted averages, units of y */
double hg_ensemble_signal_sd(const hg_ensemble *e);
void hg_ensemble_metric(double *w, const hg_ensemble *e); /* w[G]: weighted average of 1 / l_g^2, scaled units */
size_t hg_ensemble_pick(const hg_ensemble *e, double u);  /* the member at u of the cumulated weights, 0 < u < 1 */

/* Queries: prepare a block of m raw rows once (work: hg_ensemble_work doubles), then ask each member. Units of y. */
size_t hg_ensemble_work(const hg_ensemble *e, size_t m);
void hg_ensemble_prepare(double *work, const hg_ensemble *e, const double *x, size_t m);
void hg_ensemble_predict(double *mean, double *sd, const hg_ensemble *e, size_t k, size_t m, double *work);
/* The same for the attached pool, incrementally. Not for several threads at once. */
void hg_ensemble_predict_pool(double *mean, double *sd, hg_ensemble *e, size_t k);

/* With density: by which power of D member k's sd is to be multiplied when an acquisition function sees it (0 without; half at
 * the first two points), and what its mean gains per unit of f, units of y. */
double hg_ensemble_boost(const hg_ensemble *e, size_t k);
double hg_ensemble_gain(const hg_ensemble *e, size_t k);
/* Member k as a model of its own, without its density term, in units of z: y = shift + scale z. For what needs joint samples, leave-one-out ... */
HG_MUST_CHECK hg_status hg_ensemble_member(hg_gp **out, double *shift, double *scale, const hg_ensemble *e, size_t k,
                                           hg_pool *pool, hg_err *err);
#endif
