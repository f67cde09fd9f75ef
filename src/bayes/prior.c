/* bayes/prior.c -- see bayes/prior.h */
#include "bayes/prior.h"
#include <math.h>

const hg_gp_prior HG_GP_PRIOR = {
    .length_centre = 0.5,
    .length_common_sd = 0.7,
    .length_own_sd = 0.7,
    .weight_sd = 1,
    .noise_centre = 0.02,
    .noise_sd = 1.5,
    .signal_dof = 1,
    .signal_var = 1,
    .length_reach = 8,
    .nu_min = 1e-8,
    .nu_max = 1e3,
    .signal_reach = 8,
};

double hg_prior_length_centre(const hg_gp_prior *p, size_t groups) {
    return log(p->length_centre) + 0.5 * log((double)groups);
}

/* One leaf: covariance a I + b 11', inverted by Sherman and Morrison. */
static double lengths(const hg_gp_prior *p, const double *theta, const double *shift, size_t groups, double strength,
                      double *grad) {
    const double a = p->length_own_sd * p->length_own_sd, b = p->length_common_sd * p->length_common_sd;
    const double centre = hg_prior_length_centre(p, groups), shrink = b / (a * (a + (double)groups * b));
    double sum = 0, squares = 0;
    for (size_t g = 0; g < groups; g++) {
        const double t = theta[g] - centre - shift[g];
        sum += t;
        squares += t * t;
    }
    for (size_t g = 0; grad && g < groups; g++)
        grad[g] -= strength * ((theta[g] - centre - shift[g]) / a - shrink * sum);
    return -0.5 * strength * (squares / a - shrink * sum * sum);
}

double hg_prior_kernel(const hg_gp_prior *p, const hg_kernel *k, const double *theta, const double *shift,
                       size_t groups, double strength, double *grad) {
    double sum = 0;
    for (size_t leaf = 0; leaf < k->leaves; leaf++)
        sum += lengths(p, theta + leaf * groups, shift, groups, strength, grad ? grad + leaf * groups : NULL);
    for (size_t i = 0; i < k->weights; i++) {
        const double t = theta[k->leaves * groups + i] / p->weight_sd;
        sum -= 0.5 * strength * t * t;
        if (grad) grad[k->leaves * groups + i] -= strength * t / p->weight_sd;
    }
    return sum;
}

double hg_prior_noise(const hg_gp_prior *p, double log_nu, double strength, double *grad) {
    const double t = (log_nu - log(p->noise_centre)) / p->noise_sd;
    if (grad) *grad -= strength * t / p->noise_sd;
    return -0.5 * strength * t * t;
}
