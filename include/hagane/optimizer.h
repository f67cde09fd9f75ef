/* hagane/optimizer.h -- from gradients to better parameters: Adam, AdamW, SGD; clipping, averaged weights, learning rates over time
 *
 *   hg_optimizer *o;
 *   HG_TRY(hg_optimizer_new(&o, params, NULL, err));
 *   for (;;) {
 *       ... record a loss, hg_backward ...
 *       HG_TRY(hg_optimizer_step(NULL, o, 1e-3 * hg_schedule_factor(&s, at), pool, err));    gradients are zero again
 *   }
 *
 * A step goes once through the flat buffers of the parameters, over a pool, with the same bits for any number of threads.
 */
#ifndef HG_OPTIMIZER_H
#define HG_OPTIMIZER_H
#include "hagane/params.h"
HG_BEGIN_DECLS

/* ---- one step ------------------------------------------------------------------------------------------------- */

/* g: gradient, p: parameter, r: learning rate, d: weight decay, n: number of the step, from 1. Table: src/tensor/optimizer.c. */
typedef enum {
    HG_ADAM,  /* Kingma & Ba (ICLR 2015), Algorithm 1; d p is added to g */
    HG_ADAMW, /* Loshchilov & Hutter (ICLR 2019), Algorithm 2: p shrinks by r d p besides */
    HG_SGD, /* m = momentum m + g + d p; p -= r m; Nesterov: p -= r (g + d p + momentum m), Sutskever et al. (ICML 2013) */
    HG_OPTIMIZER_KINDS
} hg_optimizer_kind;
const char *hg_optimizer_name(hg_optimizer_kind k); /* "adam"; NULL past the last */

typedef struct {
    hg_optimizer_kind kind;   /* default HG_ADAM */
    double beta1, beta2, eps; /* of Adam and AdamW; default 0.9, 0.999, 1e-8 */
    double momentum;          /* of SGD, in [0, 1); default 0 */
    bool nesterov;            /* default false */
    double decay;             /* weight decay, for parameters that decay (hg_params_set_decay); default 0 */
    double clip_norm;  /* g is scaled down to at most this 2-norm: Pascanu et al. (ICML 2013); 0: off; default 0 */
    double clip_value; /* then each of its elements is cut to +- this; 0: off; default 0 */
    double average; /* averaged weights: average = a average + (1 - a) p with a = min(this, (1 + n) / (10 + n)), so that
                                   the first values are soon forgotten; 0: off, else < 1; default 0 */
} hg_optimizer_opts;
hg_optimizer_opts hg_optimizer_opts_default(void);

typedef struct hg_optimizer hg_optimizer;

/* Borrows the sealed parameters. Errors: HG_EINVAL an option out of its range, parameters without gradients; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_optimizer_new(hg_optimizer **out, hg_params *p, const hg_optimizer_opts *opts, hg_err *err);
/* One step with learning rate `rate` >= 0; gradients are zero afterwards. *norm (may be NULL): 2-norm of the gradient before clipping.
 * HG_ENAN names a parameter whose gradient is not finite, HG_EINVAL: the rate, or averaged weights are in use. Nothing has changed then. */
HG_MUST_CHECK hg_status hg_optimizer_step(double *norm, hg_optimizer *o, double rate, hg_pool *pool, hg_err *err);
uint64_t hg_optimizer_steps(const hg_optimizer *o); /* done */
/* Averaged weights and weights change places; the second call puts them back. In between there are no steps. Without averages: nothing. */
void hg_optimizer_swap(hg_optimizer *o);
void hg_optimizer_free(hg_optimizer *o);

/* ---- learning rates over time --------------------------------------------------------------------------------- */

/* A factor f(x) of the learning rate; x >= 0 is how far training is. x and all lengths have one unit, epochs in the trainer.
 * Table: src/tensor/schedule.c. */
typedef enum {
    HG_RATE_CONSTANT, /* 1 */
    HG_RATE_STEP,     /* factor^floor(x / every) */
    HG_RATE_COSINE,   /* from 1 to `lowest` at x = total: Loshchilov & Hutter (ICLR 2017) eq. (5), without restarts */
    HG_RATE_ONE_CYCLE, /* from 1 / divide up to 1 at rise * total, down to `lowest` at total, by half cosines: Smith & Topin (2019) */
    HG_RATE_PLATEAU, /* times `factor` each time that `patience` + 1 observations in a row were no better than the best */
    HG_RATE_KINDS
} hg_rate_kind;
const char *hg_rate_name(hg_rate_kind k); /* "cosine"; NULL past the last */

typedef struct {
    hg_rate_kind kind;   /* default HG_RATE_CONSTANT */
    double warm_up;      /* over this length f rises from 0, as a further factor x / warm_up; default 0 */
    double total;        /* of cosine and one-cycle; beyond it f stays; default 0: the trainer's number of epochs */
    double every;        /* of step; default 1 */
    double factor;       /* of step and plateau; default 0.5 */
    double lowest;       /* f never falls below it; default 0 */
    double rise, divide; /* of one-cycle; default 0.3 and 25 */
    unsigned patience;   /* of plateau; default 10 */
    double gain;         /* of plateau: better is below best - gain |best|; default 1e-4 */
} hg_schedule_opts;
hg_schedule_opts hg_schedule_opts_default(void);

typedef struct { /* plain: copy it, save it */
    hg_schedule_opts o;
    double best, reduced; /* of plateau: the best observation, and the factor by now */
    uint64_t waited;      /* observations since the best, or since the last reduction */
} hg_schedule;

/* HG_EINVAL: an option out of its range. */
HG_MUST_CHECK hg_status hg_schedule_begin(hg_schedule *out, const hg_schedule_opts *opts, hg_err *err);
double hg_schedule_factor(const hg_schedule *s, double x);
void hg_schedule_observe(hg_schedule *s, double metric); /* lower is better; NaN is no better */

/* ---- all at once ---------------------------------------------------------------------------------------------- */

/* *loss at the parameters as they are; its gradient is added to theirs, which is zero before. */
typedef hg_status (*hg_full_loss)(void *ctx, double *loss, hg_err *err);

typedef struct {
    size_t evaluations; /* at most; default 500 */
    double xtol;        /* done when no parameter changes by more than this part of itself; default 1e-7 */
    double ftol;        /* or the loss by more than this part of itself; default 1e-10 */
} hg_lbfgs_opts;
hg_lbfgs_opts hg_lbfgs_opts_default(void);

typedef struct {
    double loss; /* of the parameters left behind, the best seen */
    size_t evaluations;
    bool converged;
} hg_lbfgs_result;

/* L-BFGS over all parameters that are not frozen, in double, for losses of all data at once and few parameters: it keeps some
 * ten vectors. Errors: those of `loss`, HG_ENAN the loss was nowhere finite, HG_EINVAL parameters without gradients, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_params_lbfgs(hg_lbfgs_result *out, hg_params *p, hg_full_loss loss, void *ctx,
                                        const hg_lbfgs_opts *opts, hg_err *err);

HG_END_DECLS
#endif
