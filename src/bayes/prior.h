/* bayes/prior.h -- what is believed about hyper-parameters before any data: every number of the policy is here
 *
 * Length scales are in units of the range of each input (1 = the whole range). With G groups a prior centre grows like
 * sqrt(G), so that the expected distance between points stays the same: Hvarfner et al., "Vanilla Bayesian optimization
 * performs great in high dimensions", ICML 2024. The G scales of a leaf share a common factor and have own factors:
 *   ln l_g = ln(centre sqrt(G)) + c + e_g,   c ~ N(0, common_sd^2),   e_g ~ N(0, own_sd^2).
 * nu is the noise variance as a fraction of the signal variance.
 */
#ifndef HG_BAYES_PRIOR_H
#define HG_BAYES_PRIOR_H
#include "bayes/kernel.h"

typedef struct {
    double length_centre;    /* of one input, fraction of its range */
    double length_common_sd; /* of ln l, shared by all groups of a leaf */
    double length_own_sd;    /* of ln l, each group on its own */
    double weight_sd;        /* of ln w of a sum; the centre is 1: terms of equal size */
    double noise_centre;     /* of nu */
    double noise_sd;         /* of ln nu */
    double signal_dof;       /* s^2 is scaled-inverse-chi-square: so many observations' worth of ... */
    double signal_var;       /* ... this variance, in units of the variance of y */
    double length_reach;     /* the search goes this far from the centre, in ln l, either side */
    double nu_min, nu_max;   /* bounds of nu */
    double signal_reach;     /* and of ln s, when it has to be searched (known noise) */
} hg_gp_prior;

extern const hg_gp_prior HG_GP_PRIOR;

/* log density of theta = [leaves * G log lengths, log weights], up to a constant; grad[..] += its gradient (NULL: none).
 * shift[G]: added to the centres, for groups of several dimensions. */
double hg_prior_kernel(const hg_gp_prior *p, const hg_kernel *k, const double *theta, const double *shift,
                       size_t groups, double strength, double *grad);
double hg_prior_noise(const hg_gp_prior *p, double log_nu, double strength, double *grad); /* *grad += d/d log nu */
double hg_prior_length_centre(const hg_gp_prior *p, size_t groups);                        /* ln l */
#endif
