/* bayes/learn.h -- the function that learning minimises */
#ifndef HG_BAYES_LEARN_H
#define HG_BAYES_LEARN_H
#include "bayes/evidence.h"
#include "bayes/model.h"

typedef struct {
    const hg_gp *gp; /* for the kernel, the groups and the prior */
    hg_evidence evidence;
    double strength, known_noise; /* of the prior; standardised sd, < 0: estimated */
    hg_signal signal;
} hg_posterior;

/* ctx: an hg_posterior. phi[n]: log lengths, log weights, then log nu, or log s when the noise is known. An
 * hg_objective_fn (num/optimize.h). */
double hg_minus_log_posterior(void *ctx, const double *phi, double *grad, size_t n);
#endif
