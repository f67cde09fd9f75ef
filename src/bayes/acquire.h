/* bayes/acquire.h -- acquisition functions: what is a candidate worth, from what the model says about it
 *
 * One table (hg_acquisition_record): name, words, function. Everything maximises (a minimised objective has its sign
 * turned before it comes here), everything works with one to three independent objectives: one objective is the case of a
 * front of one point, and expected hypervolume improvement is then expected improvement itself.
 * Source: EI, PI, UCB: Shahriari et al., Proc. IEEE 104, 148 (2016), sec. IV; log EI: Ament et al., NeurIPS 2023;
 *         Thompson sampling: Thompson, Biometrika 25, 285 (1933); EHVI: bayes/pareto.h; constraints by probability of
 *         feasibility: Gardner et al., ICML 2014; q-EI greedy by joint samples: Wilson, Hutter, Deisenroth, NeurIPS 2018.
 */
#ifndef HG_BAYES_ACQUIRE_H
#define HG_BAYES_ACQUIRE_H
#include "bayes/pareto.h"
#include "hagane/acquire.h"

/* What a score means, so that cost and feasibility can be weighed in without knowing which function it was. */
typedef enum {
    HG_SCORE_LOG,  /* log of an expected gain: + log p - log cost                                                */
    HG_SCORE_GAIN, /* a gain over the best, units of y, may be negative: * p / cost, a loss * cost / p           */
    HG_SCORE_DRAW, /* a draw that is not a gain: taken as it is                                                  */
} hg_score_kind;

typedef struct {
    const hg_boxes *boxes;   /* above the measured front (one objective: above the incumbent), with a reference point */
    const hg_boxes *unbound; /* the same without one: the reference at -HUGE_VAL */
    const double *scale;     /* [m] spread of each objective, to compare them */
    double kappa;            /* of UCB */
} hg_acq_state;

typedef struct {
    const double *mean, *sd; /* [m] */
    const double *sample;    /* [m] one joint posterior draw at this candidate; NULL unless the record wants it */
    double uniform;          /* in (0, 1), the candidate's own */
} hg_acq_point;

enum { HG_GAIN_LEAST = -36 }; /* below, gains underflow soon and only logs keep them apart */

typedef struct {
    const char *name, *words;                                      /* "ei", "expected improvement" */
    double (*score)(const hg_acq_state *s, const hg_acq_point *p); /* larger is better */
    double (*gain)(
        double z);   /* one objective: exp(score) / sd or exp(score) at z = (mean - best) / sd > HG_GAIN_LEAST, fast;
                               * NULL: only score */
    bool gain_by_sd; /* times sd */
    hg_score_kind kind;
    bool wants_sample;
    bool believes; /* a batch needs kriging believers; false: picks are independent draws already */
} hg_acquisition_record;

const hg_acquisition_record *hg_acquisition_at(hg_acquisition a); /* NULL for HG_ACQ_AUTO and beyond the table */

/* The score with a probability of being feasible (0..1) and a cost (> 0, relative to the usual one). */
double hg_acquisition_weigh(hg_score_kind kind, double score, double p_feasible, double cost);

/* Greedy Monte-Carlo q-EI. f[s,m]: s joint posterior samples at m candidates (the same samples serve every pick: common
 * random numbers). gain weights w[m] >= 0 (feasibility / cost), NULL: 1. Writes pick[q] and value[q], the growth of
 * the expected best by each pick. floor[s] is the best so far in each sample, raised in place. q <= m.
 * Cost: O(q s m). */
void hg_qei_greedy(size_t *pick, double *value, size_t q, const double *f, size_t s, size_t m, const double *w,
                   double *floor);
#endif
